/* SPDX-License-Identifier: MIT */
/*
 * details.c - see details.h. What is shown of a type is what a line shows of
 * it, so the plans of lines (text-class.h) are walked here, for the types as
 * for the values.
 */
#include "ctf/details.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "ctf/text-class.h"

enum { MAX_AROUND = 64 };

struct details {
	struct details_opts opts;
	struct text_printer *printer;
	struct map traces; /* by address, to their number + 1 */
	struct map classes; /* event classes by address, to struct text_class * */
	struct arena arena;
	bool has_written; /* a blank line stands between messages */
};

/* --- numbers ---------------------------------------------------------------- */

static void add_grouped(struct str *out, const char *digits, size_t per_group, char separator)
{
	size_t len = strlen(digits);

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % per_group == 0)
			str_add_char(out, separator);
		str_add_char(out, digits[i]);
	}
}

/* A base of 2 is written as one of 16. */
static void add_unsigned(struct str *out, uint64_t v, unsigned base)
{
	char digits[32];

	if (base == 16 || base == 2) {
		snprintf(digits, sizeof(digits), "%" PRIx64, v);
		str_add(out, "0x");
		add_grouped(out, digits, 4, ':');
	} else if (base == 8) {
		snprintf(digits, sizeof(digits), "%" PRIo64, v);
		str_add_char(out, '0');
		add_grouped(out, digits, 3, ':');
	} else {
		snprintf(digits, sizeof(digits), "%" PRIu64, v);
		add_grouped(out, digits, v <= 9999 ? sizeof(digits) : 3, ',');
	}
}

static void add_signed(struct str *out, int64_t v, unsigned base)
{
	if (v < 0)
		str_add_char(out, '-');
	add_unsigned(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, base);
}

static void add_counted(struct str *out, size_t n, const char *noun)
{
	str_addf(out, "%zu %s%s", n, noun, n == 1 ? "" : "s");
}

static void add_uuid(struct str *out, const uint8_t uuid[16])
{
	for (int i = 0; i < 16; i++)
		str_addf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static void indent(struct str *out, unsigned level)
{
	str_addf(out, "%*s", (int)level, "");
}

/* --- types ---------------------------------------------------------------------- */

/* A type's place: the plans around it, from its scope's root. */
struct around {
	const struct text_class *class;
	int scope; /* TEXT_SCOPE_* */
	const struct text_op *ops[MAX_AROUND]; /* structures */
	size_t n;
};

static const char *const scope_names[TEXT_N_SCOPES] = {
	[TEXT_SCOPE_PACKET_CONTEXT] = "Packet context",
	[TEXT_SCOPE_EVENT_COMMON_CONTEXT] = "Event common context",
	[TEXT_SCOPE_EVENT_CONTEXT] = "Event specific context",
	[TEXT_SCOPE_EVENT_PAYLOAD] = "Event payload",
};

static const struct ctf_field *field_of(const struct text_op *record, size_t kid)
{
	return &record->type->record.fields[record->kids[kid].index];
}

static size_t kid_named(const struct text_op *record, const char *name)
{
	size_t i = 0;

	while (i < record->n_kids) {
		const struct ctf_field *f = field_of(record, i);

		if (!strcmp(f->name, name) || (f->raw_name && !strcmp(f->raw_name, name)))
			break;
		i++;
	}
	return i;
}

/* "[Event payload: 3, 1]": where a length or a selector stands, by indices. False: not shown. */
static bool add_ref(struct str *out, const struct around *at, const struct ctf_ref *ref)
{
	static const enum ctf_scope scopes[TEXT_N_SCOPES] = {
#define X(id, member, json) [TEXT_SCOPE_##id] = CTF_SCOPE_##id,
		TEXT_SCOPES(X)
#undef X
	};
	const struct text_op *op = NULL;
	int scope = at->scope;
	size_t begin = out->len, kid = 0, depth = at->n;

	if (!ref->n_path || !ref->path[0])
		return false;
	if (ref->scope == CTF_SCOPE_RELATIVE) {
		while (depth > 0 &&
		       kid_named(at->ops[depth - 1], ref->path[0]) == at->ops[depth - 1]->n_kids)
			depth--;
		op = depth ? at->ops[depth - 1] : NULL;
		for (int s = at->scope; !op && s-- > 0;) {
			const struct text_op *root = at->class->scopes[s];

			if (root && kid_named(root, ref->path[0]) < root->n_kids) {
				op = root;
				scope = s;
			}
		}
	} else {
		for (int s = 0; s < TEXT_N_SCOPES; s++)
			if (scopes[s] == ref->scope) {
				op = at->class->scopes[s];
				scope = s;
			}
		depth = 1;
	}
	if (!op)
		return false;
	str_addf(out, "[%s: ", scope_names[scope]);
	/* The structures around the one that it was found in. */
	for (size_t i = 0; scope == at->scope && i + 1 < depth; i++)
		str_addf(out, "%zu, ", (size_t)(at->ops[i + 1] - at->ops[i]->kids));
	for (size_t i = 0; i < ref->n_path; i++) {
		if (!op || op->kind != TEXT_OP_STRUCT || !ref->path[i] ||
		    (kid = kid_named(op, ref->path[i])) == op->n_kids) {
			out->len = begin;
			out->data[begin] = '\0';
			return false;
		}
		str_addf(out, "%s%zu", i ? ", " : "", kid);
		op = &op->kids[kid];
	}
	str_add_char(out, ']');
	return true;
}

static void add_type(struct str *out, struct around *at, const struct text_op *op, unsigned level);

static void add_ranges(struct str *out, const struct ctf_range *ranges, size_t n, bool is_signed)
{
	for (size_t i = 0; i < n; i++) {
		str_add(out, " [");
		if (is_signed)
			add_signed(out, (int64_t)ranges[i].lo, 10);
		else
			add_unsigned(out, ranges[i].lo, 10);
		if (ranges[i].lo != ranges[i].hi) {
			str_add(out, ", ");
			if (is_signed)
				add_signed(out, (int64_t)ranges[i].hi, 10);
			else
				add_unsigned(out, ranges[i].hi, 10);
		}
		str_add_char(out, ']');
	}
}

static int by_label(const void *a, const void *b)
{
	return strcmp((*(const struct ctf_label *const *)a)->name,
		      (*(const struct ctf_label *const *)b)->name);
}

/* By name, those of one name on one line. */
static void add_labels(struct str *out, const struct ctf_type *type, unsigned level)
{
	size_t n = type->integer.n_labels;
	const struct ctf_label **sorted = calloc(n + 1, sizeof(const struct ctf_label *));

	if (!sorted) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = &type->integer.labels[i];
	qsort(sorted, n, sizeof(const struct ctf_label *), by_label);
	for (size_t i = 0; i < n; i++) {
		if (!i || strcmp(sorted[i]->name, sorted[i - 1]->name)) {
			str_add_char(out, '\n');
			indent(out, level + 2);
			str_addf(out, "%s:", sorted[i]->name);
		}
		add_ranges(out, sorted[i]->ranges, sorted[i]->n_ranges, type->integer.is_signed);
	}
	free(sorted);
}

static size_t count_labels(const struct ctf_type *type)
{
	size_t n = 0;

	for (size_t i = 0; i < type->integer.n_labels; i++) {
		size_t k = 0;

		while (k < i &&
		       strcmp(type->integer.labels[k].name, type->integer.labels[i].name) != 0)
			k++;
		n += k == i;
	}
	return n;
}

static void add_integer_type(struct str *out, const struct ctf_type *type, unsigned level)
{
	const struct ctf_integer *in = &type->integer;
	bool has_labels = type->kind == CTF_ENUM || type->kind == CTF_BIT_MAP || in->n_labels;

	str_addf(out, "%s %s (", in->is_signed ? "Signed" : "Unsigned",
		 has_labels ? "enumeration" : "integer");
	if (in->bits)
		str_addf(out, "%" PRIu32 "-bit, ", in->bits);
	str_addf(out, "Base %u", in->base ? in->base : 10);
	if (has_labels) {
		str_add(out, ", ");
		add_counted(out, count_labels(type), "mapping");
	}
	str_add_char(out, ')');
	if (has_labels && in->n_labels) {
		str_add_char(out, ':');
		add_labels(out, type, level);
	}
}

static void add_struct_type(struct str *out, struct around *at, const struct text_op *op,
			    unsigned level)
{
	str_add(out, "Structure (");
	add_counted(out, op->n_kids, "member");
	str_add(out, op->n_kids ? "):" : ")");
	if (at->n == MAX_AROUND)
		return;
	at->ops[at->n++] = op;
	for (size_t i = 0; i < op->n_kids; i++) {
		str_add_char(out, '\n');
		indent(out, level + 2);
		str_addf(out, "%s: ", field_of(op, i)->name);
		add_type(out, at, &op->kids[i], level + 2);
	}
	at->n--;
}

static void add_array_type(struct str *out, struct around *at, const struct text_op *op,
			   unsigned level)
{
	if (op->type->kind == CTF_ARRAY) {
		str_addf(out, "Static array (Length %" PRIu64 "):", op->type->array.count);
	} else {
		str_add(out, "Dynamic array (with length field) (Length field path ");
		if (!add_ref(out, at, &op->type->array.length))
			str_add(out, "unknown");
		str_add(out, "):");
	}
	str_add_char(out, '\n');
	indent(out, level + 2);
	str_add(out, "Element: ");
	if (op->n_kids)
		add_type(out, at, op->kids, level + 2);
}

/* The selector's type, where it is found among the structures around. */
static const struct ctf_type *selector_of(const struct around *at, const struct ctf_ref *ref)
{
	for (int s = at->scope; s >= 0 && ref->n_path; s--) {
		const struct text_op *root = at->class->scopes[s];

		for (size_t d = s == at->scope ? at->n : 1; d > 0; d--) {
			const struct text_op *op = s == at->scope ? at->ops[d - 1] : root;
			size_t i = 0;

			while (op && i < ref->n_path && op->kind == TEXT_OP_STRUCT &&
			       ref->path[i]) {
				size_t kid = kid_named(op, ref->path[i]);

				op = kid < op->n_kids ? &op->kids[kid] : NULL;
				i++;
			}
			if (op && i == ref->n_path && ctf_type_is_integer(op->type))
				return op->type;
		}
	}
	return NULL;
}

static void add_variant_type(struct str *out, struct around *at, const struct text_op *op,
			     unsigned level)
{
	const struct ctf_type *tag = selector_of(at, &op->type->variant.tag);
	bool is_signed = tag && tag->integer.is_signed;

	str_addf(out, "Variant (%ssigned integer selector) (", is_signed ? "" : "un");
	add_counted(out, op->n_kids, "option");
	str_add(out, ", Selector field path ");
	if (!add_ref(out, at, &op->type->variant.tag))
		str_add(out, "unknown");
	str_add(out, "):");
	for (size_t i = 0; i < op->n_kids; i++) {
		const struct ctf_field *option = &op->type->variant.options[i];

		str_add_char(out, '\n');
		indent(out, level + 2);
		str_addf(out, "%s:",
			 option->raw_name && option->raw_name[0] == '_' ? option->raw_name + 1
									: option->name);
		add_ranges(out, option->ranges, option->n_ranges, is_signed);
		for (size_t l = 0; tag && !option->n_ranges && l < tag->integer.n_labels; l++)
			if (ctf_label_chooses(tag->integer.labels[l].name, option))
				add_ranges(out, tag->integer.labels[l].ranges,
					   tag->integer.labels[l].n_ranges, is_signed);
		str_add(out, ": ");
		add_type(out, at, &op->kids[i], level + 2);
	}
}

static void add_type(struct str *out, struct around *at, const struct text_op *op, unsigned level)
{
	switch ((enum text_op_kind)op->kind) {
	case TEXT_OP_STRUCT:
		add_struct_type(out, at, op, level);
		return;
	case TEXT_OP_ARRAY:
		add_array_type(out, at, op, level);
		return;
	case TEXT_OP_VARIANT:
		add_variant_type(out, at, op, level);
		return;
	case TEXT_OP_OPTIONAL:
		str_add(out, "Option: ");
		if (op->n_kids)
			add_type(out, at, op->kids, level);
		return;
	case TEXT_OP_STRING:
		str_add(out, "String");
		return;
	case TEXT_OP_REAL:
		str_addf(out, "%s-precision real", op->type->real.bits == 32 ? "Single" : "Double");
		return;
	case TEXT_OP_BOOL:
		str_add(out, "Boolean");
		return;
	case TEXT_OP_BLOB:
		str_add(out, "BLOB");
		return;
	default:
		add_integer_type(out, op->type, level);
	}
}

/* --- values ----------------------------------------------------------------------- */

static void add_value(struct str *out, const struct text_op *op, const struct ctf_values *values,
		      const struct ctf_value *v, unsigned level);

/* Behind "name:"; fields stand on lines of their own. */
static void add_struct_value(struct str *out, const struct text_op *op,
			     const struct ctf_values *values, const struct ctf_value *v,
			     unsigned level)
{
	if (!op->n_kids || v->kind != CTF_VALUE_STRUCT) {
		str_add(out, " Empty");
		return;
	}
	for (size_t i = 0; i < op->n_kids; i++) {
		str_add_char(out, '\n');
		indent(out, level + 2);
		str_addf(out, "%s:", field_of(op, i)->name);
		add_value(out, &op->kids[i], values, ctf_value_child(values, v, op->kids[i].index),
			  level + 2);
	}
}

static void add_array_value(struct str *out, const struct text_op *op,
			    const struct ctf_values *values, const struct ctf_value *v,
			    unsigned level)
{
	struct ctf_value element;

	if (!v->count || !op->n_kids) {
		str_add(out, " Empty");
		return;
	}
	str_add(out, " Length ");
	add_unsigned(out, v->count, 10);
	str_add_char(out, ':');
	for (uint32_t i = 0; i < v->count && !out->failed; i++) {
		const struct ctf_value *e = &element;

		str_add_char(out, '\n');
		indent(out, level + 2);
		str_addf(out, "[%" PRIu32 "]:", i);
		if (v->kind == CTF_VALUE_LAZY)
			ctf_value_element(v, i, &element);
		else
			e = ctf_value_child(values, v, i);
		add_value(out, op->kids, values, e, level + 2);
	}
}

static void add_text(struct str *out, const struct ctf_value *v)
{
	const char *text = v->bytes ? (const char *)v->bytes : "";

	str_add_char(out, ' ');
	str_add_bytes(out, text, v->type->kind == CTF_STRING ? v->count : strnlen(text, v->count));
}

static void add_value(struct str *out, const struct text_op *op, const struct ctf_values *values,
		      const struct ctf_value *v, unsigned level)
{
	unsigned base = 10;

	switch ((enum ctf_value_kind)v->kind) {
	case CTF_VALUE_STRUCT:
		if (op->kind == TEXT_OP_STRUCT)
			add_struct_value(out, op, values, v, level);
		return;
	case CTF_VALUE_ARRAY:
	case CTF_VALUE_LAZY:
		if (op->kind == TEXT_OP_ARRAY)
			add_array_value(out, op, values, v, level);
		return;
	case CTF_VALUE_VARIANT:
		if (op->kind == TEXT_OP_VARIANT && v->option < op->n_kids)
			add_value(out, &op->kids[v->option], values, &values->items[v->first],
				  level);
		return;
	case CTF_VALUE_TEXT:
		add_text(out, v);
		return;
	case CTF_VALUE_F64:
		str_addf(out, " %f", v->f64);
		return;
	case CTF_VALUE_NONE:
		str_add(out, " None");
		return;
	case CTF_VALUE_BLOB:
	case CTF_VALUE_WIDE:
		str_add(out, " 0x");
		for (uint32_t i = 0; i < (v->kind == CTF_VALUE_BLOB ? v->count : v->count / 8); i++)
			str_addf(out, "%02x", v->bytes[i]);
		return;
	case CTF_VALUE_U64:
	case CTF_VALUE_I64:
		break;
	}
	str_add_char(out, ' ');
	if (op->kind == TEXT_OP_BOOL) {
		str_add(out, v->u64 ? "Yes" : "No");
		return;
	}
	if (v->type && v->type->kind != CTF_BOOL && v->type->integer.base)
		base = v->type->integer.base;
	if (v->kind == CTF_VALUE_I64)
		add_signed(out, v->i64, base);
	else
		add_unsigned(out, v->u64, base);
}

/* --- metadata ----------------------------------------------------------------------- */

static const struct text_class *class_of(struct details *d, const struct ctf_trace *t,
					 const struct ctf_event_class *ec)
{
	struct text_class *class;
	uint64_t found;

	if (map_get_u64(&d->classes, (uintptr_t)ec, &found))
		return (const struct text_class *)(uintptr_t)found;
	class = text_class_new(d->printer, t, ec);
	if (class && map_put_u64(&d->classes, (uintptr_t)ec, (uintptr_t) class))
		return NULL;
	return class;
}

/* Of a stream class: one that has its contexts, and no event. */
static const struct text_class *contexts_of(struct details *d, const struct ctf_trace *t,
					    const struct ctf_stream_class *sc)
{
	struct ctf_event_class *none;
	uint64_t found;

	if (map_get_u64(&d->classes, (uintptr_t)sc, &found))
		return (const struct text_class *)(uintptr_t)found;
	none = arena_new(&d->arena, struct ctf_event_class);
	if (!none)
		return NULL;
	none->stream_class = (struct ctf_stream_class *)sc;
	none->loglevel = CTF_LOGLEVEL_NONE;
	const struct text_class *class = class_of(d, t, none);
	if (class && map_put_u64(&d->classes, (uintptr_t)sc, (uintptr_t) class))
		return NULL;
	return class;
}

static void add_root_type(struct str *out, const struct text_class *class, int scope,
			  const char *what, unsigned level)
{
	struct around at = {.class = class, .scope = scope};

	if (!class->scopes[scope])
		return;
	indent(out, level);
	str_addf(out, "%s field class: ", what);
	add_type(out, &at, class->scopes[scope], level);
	str_add_char(out, '\n');
}

static const char *loglevel_text(int level)
{
	static const char *const names[CTF_LOGLEVEL_MAX + 1] = {
		"Emergency",        "Alert",           "Critical",       "Error",
		"Warning",          "Notice",          "Info",           "Debug (system)",
		"Debug (program)",  "Debug (process)", "Debug (module)", "Debug (unit)",
		"Debug (function)", "Debug (line)",    "Debug",
	};

	return level >= 0 && level <= CTF_LOGLEVEL_MAX ? names[level] : NULL;
}

static void add_event_class(struct details *d, struct str *out, const struct ctf_trace *t,
			    const struct ctf_event_class *ec)
{
	const struct text_class *class = class_of(d, t, ec);

	if (!class) {
		out->failed = true;
		return;
	}
	str_add(out, "    Event class ");
	if (ec->name)
		str_addf(out, "`%s` ", ec->name);
	str_addf(out, "(ID %" PRIu64 "):\n", ec->id);
	if (loglevel_text(ec->loglevel))
		str_addf(out, "      Log level: %s\n", loglevel_text(ec->loglevel));
	if (ec->emf_uri)
		str_addf(out, "      EMF URI: %s\n", ec->emf_uri);
	add_root_type(out, class, TEXT_SCOPE_EVENT_CONTEXT, "Specific context", 6);
	add_root_type(out, class, TEXT_SCOPE_EVENT_PAYLOAD, "Payload", 6);
}

static bool has_role(const struct ctf_type *record, enum ctf_role role)
{
	for (size_t i = 0; record && i < record->record.n_fields; i++)
		if (record->record.fields[i].roles & CTF_ROLE_BIT(role))
			return true;
	return false;
}

static void add_yes(struct str *out, const char *what, bool yes)
{
	str_addf(out, "    %s: %s\n", what, yes ? "Yes" : "No");
}

static void add_clock(struct details *d, struct str *out, const struct ctf_clock *clock)
{
	/* Less than a second of cycles, whole seconds beside. */
	int64_t hz = clock->frequency_hz && clock->frequency_hz <= INT64_MAX
			     ? (int64_t)clock->frequency_hz
			     : INT64_MAX;
	int64_t whole = clock->offset_cycles / hz - (clock->offset_cycles % hz < 0);

	str_add(out, "    Default clock class:\n");
	if (clock->name)
		str_addf(out, "      Name: %s\n", clock->name);
	if (clock->description)
		str_addf(out, "      Description: %s\n", clock->description);
	str_add(out, "      Frequency (Hz): ");
	add_unsigned(out, clock->frequency_hz, 10);
	str_add(out, "\n      Precision (cycles): ");
	add_unsigned(out, clock->precision_cycles, 10);
	str_add(out, "\n      Offset (s): ");
	add_signed(out, clock->offset_s + whole, 10);
	str_add(out, "\n      Offset (cycles): ");
	add_signed(out, clock->offset_cycles - whole * hz, 10);
	str_addf(out, "\n      Origin is Unix epoch: %s\n", clock->is_absolute ? "Yes" : "No");
	if (clock->has_uuid && !d->opts.no_uuid) {
		str_add(out, "      UUID: ");
		add_uuid(out, clock->uuid);
		str_add_char(out, '\n');
	}
}

static int by_event_id(const void *a, const void *b)
{
	uint64_t x = (*(struct ctf_event_class *const *)a)->id;
	uint64_t y = (*(struct ctf_event_class *const *)b)->id;

	return (x > y) - (x < y);
}

static void add_stream_class(struct details *d, struct str *out, const struct ctf_trace *t,
			     const struct ctf_stream_class *sc)
{
	const struct ctf_type *context = sc->packet_context;
	bool begin = sc->default_clock && has_role(context, CTF_ROLE_TIMESTAMP);
	bool end = sc->default_clock && has_role(context, CTF_ROLE_PACKET_END_TIMESTAMP);
	bool events = has_role(context, CTF_ROLE_DISCARDED_EVENTS);
	bool packets = has_role(context, CTF_ROLE_PACKET_SEQ_NUM);
	const struct text_class *contexts = contexts_of(d, t, sc);

	if (!contexts) {
		out->failed = true;
		return;
	}
	str_add(out, "  Stream class ");
	if (sc->name)
		str_addf(out, "`%s` ", sc->name);
	str_addf(out, "(ID %" PRIu64 "):\n", sc->id);
	add_yes(out, "Supports packets", true);
	add_yes(out, "Packets have beginning default clock snapshot", begin);
	add_yes(out, "Packets have end default clock snapshot", end);
	add_yes(out, "Supports discarded events", events);
	if (events)
		add_yes(out, "Discarded events have default clock snapshots", begin && end);
	add_yes(out, "Supports discarded packets", packets);
	if (packets)
		add_yes(out, "Discarded packets have default clock snapshots", begin && end);
	if (sc->default_clock)
		add_clock(d, out, sc->default_clock);
	add_root_type(out, contexts, TEXT_SCOPE_PACKET_CONTEXT, "Packet context", 4);
	add_root_type(out, contexts, TEXT_SCOPE_EVENT_COMMON_CONTEXT, "Event common context", 4);
	struct ctf_event_class **sorted = calloc(sc->n_events + 1, sizeof(*sorted));
	if (!sorted) {
		out->failed = true;
		return;
	}
	if (sc->n_events)
		memcpy(sorted, sc->events, sc->n_events * sizeof(*sorted));
	qsort(sorted, sc->n_events, sizeof(*sorted), by_event_id);
	for (size_t i = 0; i < sc->n_events; i++)
		add_event_class(d, out, t, sorted[i]);
	free(sorted);
}

static void add_stream_classes(struct details *d, struct str *out, const struct ctf_trace *t)
{
	const struct ctf_trace_class *tc = t->class;
	const struct ctf_stream_class *next;
	uint64_t from = 0;

	/* There are few: the next larger id, over and over. */
	for (size_t n = 0; n < tc->n_streams; n++, from = next->id + 1) {
		next = NULL;
		for (size_t i = 0; i < tc->n_streams; i++)
			if (tc->streams[i]->id >= from && (!next || tc->streams[i]->id < next->id))
				next = tc->streams[i];
		if (!next)
			break;
		add_stream_class(d, out, t, next);
	}
}

/* --- messages ------------------------------------------------------------------------ */

/* The trace's number, by its first message, which its metadata precede. */
static uint64_t trace_number(struct details *d, struct str *out, const struct ctf_trace *t)
{
	uint64_t number;

	if (map_get_u64(&d->traces, (uintptr_t)t, &number))
		return number;
	number = d->traces.len;
	if (map_put_u64(&d->traces, (uintptr_t)t, number))
		out->failed = true;
	if (d->opts.no_metadata)
		return number;
	if (d->has_written)
		str_add_char(out, '\n');
	str_add(out, "Trace class:\n");
	add_stream_classes(d, out, t);
	d->has_written = true;
	if (d->opts.compact && !d->opts.no_data)
		str_add_char(out, '\n');
	return number;
}

static void add_moment(const struct details *d, struct str *out, bool is_known, uint64_t cycles,
		       int64_t ns)
{
	const char *units[2] = {d->opts.compact ? "" : " cycles,",
				d->opts.compact ? "" : " ns from origin"};

	if (!is_known) {
		str_add(out, "[Unknown]");
	} else {
		str_add_char(out, '[');
		add_unsigned(out, cycles, 10);
		str_addf(out, "%s ", units[0]);
		if (ns == INT64_MIN)
			str_add(out, "Overflow");
		else
			add_signed(out, ns, 10);
		str_addf(out, "%s]", units[1]);
	}
	str_add_char(out, d->opts.compact ? ' ' : '\n');
}

static void add_time(const struct details *d, struct str *out, const struct ctf_message *m)
{
	bool is_stream = m->kind == CTF_MESSAGE_STREAM_BEGIN || m->kind == CTF_MESSAGE_STREAM_END;
	bool is_range = m->kind == CTF_MESSAGE_DISCARDED_EVENTS ||
			m->kind == CTF_MESSAGE_DISCARDED_PACKETS;

	if (d->opts.no_time || !m->stream->class->default_clock)
		return;
	if (is_stream || m->has_time)
		add_moment(d, out, !is_stream, m->cycles, m->ns);
	if (is_range && m->has_time)
		add_moment(d, out, true, m->end_cycles, m->end_ns);
}

static void add_root_value(struct str *out, const struct text_class *class, int scope,
			   const char *what, const struct ctf_values *values,
			   const struct ctf_value *v)
{
	if (!class || !class->scopes[scope] || !v)
		return;
	str_addf(out, "  %s:", what);
	add_struct_value(out, class->scopes[scope], values, v, 2);
	str_add_char(out, '\n');
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ctf_env_entry *)a)->name,
		      ((const struct ctf_env_entry *)b)->name);
}

static void add_environment(struct str *out, const struct ctf_trace_class *tc)
{
	struct ctf_env_entry *sorted = calloc(tc->n_env + 1, sizeof(*sorted));

	if (!sorted) {
		out->failed = true;
		return;
	}
	if (tc->n_env)
		memcpy(sorted, tc->env, tc->n_env * sizeof(*sorted));
	qsort(sorted, tc->n_env, sizeof(*sorted), by_name);
	str_addf(out, "    Environment (%zu %s):\n", tc->n_env,
		 tc->n_env == 1 ? "entry" : "entries");
	for (size_t i = 0; i < tc->n_env; i++) {
		str_addf(out, "      %s: ", sorted[i].name);
		if (sorted[i].is_string)
			str_add(out, sorted[i].text);
		else
			add_signed(out, sorted[i].value, 10);
		str_add_char(out, '\n');
	}
	free(sorted);
}

static void add_stream_begin(struct details *d, struct str *out, const struct ctf_message *m)
{
	const struct ctf_trace *t = m->stream->trace;
	struct str name = {0};

	str_add(out, ":\n");
	if (!d->opts.no_stream_name && m->stream->name)
		str_addf(out, "  Name: %s\n", m->stream->name);
	text_trace_name(d->printer, t, &name);
	if (!d->opts.no_trace_name)
		str_addf(out, "  Trace `%s`:\n", str_c(&name));
	else
		str_add(out, "  Trace:\n");
	str_fini(&name);
	if (t->class->has_uuid && !d->opts.no_uuid) {
		str_add(out, "    UUID: ");
		add_uuid(out, t->class->uuid);
		str_add_char(out, '\n');
	}
	if (t->class->n_env)
		add_environment(out, t->class);
	for (size_t i = 0; i < t->n_streams; i++)
		str_addf(out, "    Stream (ID %" PRIu64 ", Class ID %" PRIu64 ")\n",
			 ctf_stream_id(&t->streams[i]), t->streams[i].class->id);
}

static void add_packet_begin(struct details *d, struct str *out, const struct ctf_message *m)
{
	const struct text_class *class = contexts_of(d, m->stream->trace, m->stream->class);

	if (!class || !class->scopes[TEXT_SCOPE_PACKET_CONTEXT] || !m->packet_context) {
		str_add_char(out, '\n');
		return;
	}
	str_add(out, ":\n");
	add_root_value(out, class, TEXT_SCOPE_PACKET_CONTEXT, "Context", m->packet_values,
		       m->packet_context);
}

static void add_event(struct details *d, struct str *out, const struct ctf_message *m)
{
	const struct text_class *class = class_of(d, m->stream->trace, m->event);

	str_add(out, ":\n");
	add_root_value(out, class, TEXT_SCOPE_EVENT_COMMON_CONTEXT, "Common context", m->values,
		       m->common_context);
	add_root_value(out, class, TEXT_SCOPE_EVENT_CONTEXT, "Specific context", m->values,
		       m->context);
	add_root_value(out, class, TEXT_SCOPE_EVENT_PAYLOAD, "Payload", m->values, m->payload);
}

static void add_title(const struct details *d, struct str *out, const struct ctf_message *m)
{
	static const char *const titles[] = {
		[CTF_MESSAGE_STREAM_BEGIN] = "Stream beginning",
		[CTF_MESSAGE_STREAM_END] = "Stream end",
		[CTF_MESSAGE_PACKET_BEGIN] = "Packet beginning",
		[CTF_MESSAGE_PACKET_END] = "Packet end",
		[CTF_MESSAGE_DISCARDED_EVENTS] = "Discarded events",
		[CTF_MESSAGE_DISCARDED_PACKETS] = "Discarded packets",
		[CTF_MESSAGE_EVENT] = "Event",
	};

	str_add(out, titles[m->kind]);
	if (m->kind == CTF_MESSAGE_EVENT) {
		if (m->event->name)
			str_addf(out, " `%s`", m->event->name);
		str_addf(out, d->opts.compact ? " (%" PRIu64 ")" : " (Class ID %" PRIu64 ")",
			 m->event->id);
	} else if (m->has_count) {
		str_add(out, " (");
		add_unsigned(out, m->count, 10);
		str_add(out, m->kind == CTF_MESSAGE_DISCARDED_EVENTS ? " events)" : " packets)");
	}
}

void details_message(struct details *d, struct str *out, const struct ctf_message *m)
{
	uint64_t number = trace_number(d, out, m->stream->trace);
	static void (*const bodies[])(struct details *, struct str *,
				      const struct ctf_message *) = {
		[CTF_MESSAGE_STREAM_BEGIN] = add_stream_begin,
		[CTF_MESSAGE_PACKET_BEGIN] = add_packet_begin,
		[CTF_MESSAGE_EVENT] = add_event,
		[CTF_MESSAGE_STREAM_END] = NULL,
	};
	bool has_body = m->kind < sizeof(bodies) / sizeof(*bodies) && bodies[m->kind];

	if (d->opts.no_data)
		return;
	if (d->has_written && !d->opts.compact)
		str_add_char(out, '\n');
	d->has_written = true;
	add_time(d, out, m);
	str_addf(out,
		 d->opts.compact ? "{%" PRIu64 " %" PRIu64 " %" PRIu64 "} "
				 : "{Trace %" PRIu64 ", Stream class ID %" PRIu64
				   ", Stream ID %" PRIu64 "}\n",
		 number, m->stream->class->id, ctf_stream_id(m->stream));
	add_title(d, out, m);
	if (has_body && !d->opts.compact)
		bodies[m->kind](d, out, m);
	else
		str_add_char(out, '\n');
}

int details_new(struct details **out, const struct details_opts *opts, struct text_printer *p)
{
	struct details *d = calloc(1, sizeof(*d));

	*out = d;
	if (!d)
		return -ENOMEM;
	d->opts = *opts;
	d->printer = p;
	return 0;
}

void details_free(struct details *d)
{
	if (!d)
		return;
	map_fini(&d->traces);
	map_fini(&d->classes);
	arena_fini(&d->arena);
	free(d);
}
