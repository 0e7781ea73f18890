/* SPDX-License-Identifier: MIT */
/*
 * Makes the plan of a class's lines, and decides what they show: a field that
 * only serves reading (an integer mapped to a clock or with a role, such as
 * packet_size) is left out as babeltrace2 does, unless a length or a selector.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctf/filter.h"
#include "ctf/log-format.h"
#include "ctf/text-class.h"

enum { MAX_NESTING = 256, NUMBER_ROOM = 72 /* 64 binary digits, quotes, escapes excluded */ };

static const struct text_colours no_colours = {"", "", "", "", "", "", "", "", ""};
static const struct text_colours pretty_colours = {
	.name = "\033[1m",
	.field = "\033[36m",
	.string = "\033[1m",
	.number = "\033[1m",
	.label = "\033[1m",
	.unknown = "\033[1m\033[1m\033[31m", /* babeltrace2 takes bold for bright */
	.event = "\033[1m\033[1m\033[35m",
	.time = "\033[1m\033[1m\033[33m",
	.reset = "\033[0m",
};

/* --- options -------------------------------------------------------------- */

struct word {
	const char *text;
	unsigned bit;
};

static int parse_list(const char *list, const struct word *words, unsigned *bits)
{
	*bits = 0;
	while (*list) {
		size_t len = strcspn(list, ", ");
		const struct word *w = words;

		while (w->text && (strlen(w->text) != len || memcmp(w->text, list, len)))
			w++;
		if (len && !w->text)
			return -EINVAL;
		*bits |= len ? w->bit : 0;
		list += len + (list[len] != '\0');
	}
	return 0;
}

int text_opts_set_names(struct text_opts *o, const char *list)
{
	static const struct word words[] = {
		{"payload", TEXT_NAME_PAYLOAD},
		{"arg", TEXT_NAME_PAYLOAD},
		{"args", TEXT_NAME_PAYLOAD},
		{"context", TEXT_NAME_CONTEXT},
		{"ctx", TEXT_NAME_CONTEXT},
		{"header", TEXT_NAME_HEADER},
		{"scope", TEXT_NAME_SCOPE},
		{"all", TEXT_NAME_ALL},
		{"none", 0},
		{NULL, 0},
	};

	return parse_list(list, words, &o->names);
}

int text_opts_set_fields(struct text_opts *o, const char *list)
{
	static const struct word words[] = {
#define X(id, name) {name, TEXT_FIELD_##id},
		TEXT_FIELDS(X)
#undef X
			{"all", (1 << TEXT_N_FIELDS) - 1},
		{NULL, 0},
	};

	return parse_list(list, words, &o->fields);
}

/* --- what is shown ---------------------------------------------------------- */

static bool type_refers_to(const struct ctf_type *type, const char *name, const char *raw,
			   int depth);

static bool ref_is(const struct ctf_ref *ref, const char *name, const char *raw)
{
	const char *last = ref->n_path ? ref->path[ref->n_path - 1] : NULL;

	return last && (!strcmp(last, name) || (raw && !strcmp(last, raw)));
}

static bool fields_refer_to(const struct ctf_field *fields, size_t n, const char *name,
			    const char *raw, int depth)
{
	for (size_t i = 0; i < n; i++)
		if (type_refers_to(fields[i].type, name, raw, depth))
			return true;
	return false;
}

/* By the last name of references alone: good enough to show one field too many. */
static bool type_refers_to(const struct ctf_type *type, const char *name, const char *raw,
			   int depth)
{
	if (!type || depth > MAX_NESTING)
		return false;
	switch (type->kind) {
	case CTF_STRUCT:
		return fields_refer_to(type->record.fields, type->record.n_fields, name, raw,
				       depth + 1);
	case CTF_VARIANT:
		return ref_is(&type->variant.tag, name, raw) ||
		       fields_refer_to(type->variant.options, type->variant.n_options, name, raw,
				       depth + 1);
	case CTF_SEQUENCE:
		return ref_is(&type->array.length, name, raw) ||
		       type_refers_to(type->array.element, name, raw, depth + 1);
	case CTF_ARRAY:
		return type_refers_to(type->array.element, name, raw, depth + 1);
	case CTF_OPTIONAL:
		return ref_is(&type->optional.tag, name, raw) ||
		       type_refers_to(type->optional.content, name, raw, depth + 1);
	case CTF_DYNAMIC_STRING:
	case CTF_DYNAMIC_BLOB:
		return ref_is(&type->text.length, name, raw);
	default:
		return false;
	}
}

static bool is_needed(const struct ctf_event_class *ec, const struct ctf_field *field)
{
	const struct ctf_stream_class *sc = ec->stream_class;

	return type_refers_to(sc->packet_context, field->name, field->raw_name, 0) ||
	       type_refers_to(sc->event_context, field->name, field->raw_name, 0) ||
	       type_refers_to(ec->context, field->name, field->raw_name, 0) ||
	       type_refers_to(ec->payload, field->name, field->raw_name, 0);
}

/* Nothing in it is for people: all of it is mapped to clocks. */
static bool type_is_hidden(const struct ctf_type *type, int depth)
{
	if (depth > MAX_NESTING)
		return false;
	switch (type->kind) {
	case CTF_INTEGER:
	case CTF_ENUM:
	case CTF_VARINT:
		return type->integer.clock != NULL;
	case CTF_ARRAY:
	case CTF_SEQUENCE:
		return type_is_hidden(type->array.element, depth + 1);
	case CTF_STRUCT:
		for (size_t i = 0; i < type->record.n_fields; i++)
			if (!type_is_hidden(type->record.fields[i].type, depth + 1))
				return false;
		return type->record.n_fields > 0;
	case CTF_VARIANT:
		for (size_t i = 0; i < type->variant.n_options; i++)
			if (!type_is_hidden(type->variant.options[i].type, depth + 1))
				return false;
		return type->variant.n_options > 0;
	default:
		return false;
	}
}

static bool is_shown(const struct text_class *class, const struct ctf_field *field)
{
	bool serves = field->roles || type_is_hidden(field->type, 0);

	return !serves || is_needed(class->event, field);
}

/* --- the plan ----------------------------------------------------------------- */

static uint8_t number_kind(const struct ctf_integer *integer)
{
	switch (integer->base) {
	case 2:
		return TEXT_OP_BINARY;
	case 8:
		return TEXT_OP_OCTAL;
	case 16:
		return TEXT_OP_HEX;
	default:
		return integer->is_signed ? TEXT_OP_SIGNED : TEXT_OP_UNSIGNED;
	}
}

static uint8_t op_kind(const struct ctf_type *type)
{
	if (ctf_type_is_text(type))
		return TEXT_OP_STRING;
	switch (type->kind) {
	case CTF_INTEGER:
		return number_kind(&type->integer);
	case CTF_VARINT:
		return type->integer.n_labels ? TEXT_OP_ENUM : number_kind(&type->integer);
	case CTF_ENUM:
	case CTF_BIT_MAP:
		return TEXT_OP_ENUM;
	case CTF_BIT_ARRAY:
		return TEXT_OP_HEX;
	case CTF_BOOL:
		return TEXT_OP_BOOL;
	case CTF_FLOAT:
		return TEXT_OP_REAL;
	case CTF_STRUCT:
		return TEXT_OP_STRUCT;
	case CTF_ARRAY:
	case CTF_SEQUENCE:
		return TEXT_OP_ARRAY;
	case CTF_VARIANT:
		return TEXT_OP_VARIANT;
	case CTF_OPTIONAL:
		return TEXT_OP_OPTIONAL;
	default:
		return TEXT_OP_BLOB;
	}
}

/* A text that put_plan() may read. */
static const char *padded(struct text_printer *p, const char *text, size_t len)
{
	char *copy = arena_alloc(&p->arena, len + TEXT_PAD);

	if (copy)
		memcpy(copy, text, len);
	return copy ? copy : "";
}

static void op_init(struct text_printer *p, struct text_op *op, const struct ctf_type *type,
		    const char *prefix, bool names, const struct text_class *class, int depth);

static void struct_init(struct text_printer *p, struct text_op *op, const struct text_class *class,
			int depth)
{
	const struct ctf_type *type = op->type;

	op->kids = arena_array(&p->arena, type->record.n_fields, sizeof(*op->kids));
	for (size_t i = 0; op->kids && i < type->record.n_fields; i++) {
		const struct ctf_field *field = &type->record.fields[i];
		struct text_op *kid = &op->kids[op->n_kids];
		const char *separator = op->n_kids ? ", " : " ", *prefix = separator;

		if (!is_shown(class, field))
			continue;
		if (op->names)
			prefix = arena_printf(&p->arena, "%s%s%s%s = ", separator, p->colours.field,
					      field->name, p->colours.reset);
		op_init(p, kid, field->type, prefix ? prefix : "", op->names, class, depth + 1);
		kid->index = (uint32_t)i;
		if (kid->kind <= TEXT_OP_BINARY || kid->kind == TEXT_OP_REAL ||
		    kid->kind == TEXT_OP_BOOL)
			op->room_bytes += kid->prefix_len + NUMBER_ROOM;
		else
			op->room_bytes += kid->prefix_len + 8;
		op->n_kids++;
	}
}

static void op_init(struct text_printer *p, struct text_op *op, const struct ctf_type *type,
		    const char *prefix, bool names, const struct text_class *class, int depth)
{
	op->type = type;
	op->kind = op_kind(type);
	op->names = names;
	op->prefix_len = (uint32_t)strlen(prefix);
	op->prefix = padded(p, prefix, op->prefix_len);
	if (depth > MAX_NESTING) {
		op->kind = TEXT_OP_BLOB; /* no metadata that passes the checks is so deep */
		return;
	}
	switch ((enum text_op_kind)op->kind) {
	case TEXT_OP_ENUM:
		op->bits = type->integer.bits;
		op->number = type->kind == CTF_BIT_MAP ? TEXT_OP_HEX : number_kind(&type->integer);
		break;
	case TEXT_OP_STRUCT:
		struct_init(p, op, class, depth);
		break;
	case TEXT_OP_ARRAY:
	case TEXT_OP_OPTIONAL:
		op->kids = arena_new(&p->arena, struct text_op);
		op->n_kids = op->kids != NULL;
		if (op->kids)
			op_init(p, op->kids,
				op->kind == TEXT_OP_ARRAY ? type->array.element
							  : type->optional.content,
				"", names, class, depth + 1);
		break;
	case TEXT_OP_VARIANT:
		op->n_kids = type->variant.n_options;
		op->kids = arena_array(&p->arena, op->n_kids, sizeof(*op->kids));
		for (size_t i = 0; op->kids && i < op->n_kids; i++)
			op_init(p, &op->kids[i], type->variant.options[i].type, "", names, class,
				depth + 1);
		break;
	case TEXT_OP_STRING:
	case TEXT_OP_BLOB:
	case TEXT_OP_REAL:
		break;
	default:
		op->bits = type->integer.bits ? type->integer.bits : 64;
	}
}

static struct text_op *scope_new(struct text_printer *p, const struct text_class *class,
				 enum ctf_scope scope, const struct ctf_type *root, bool is_first)
{
	bool names = p->opts.names &
		     (scope == CTF_SCOPE_EVENT_PAYLOAD ? TEXT_NAME_PAYLOAD : TEXT_NAME_CONTEXT);
	const char *separator = is_first ? "" : ", ", *prefix = separator;
	struct text_op *op;

	/* One that only serves reading is not there for babeltrace2: no braces for it. */
	if (!root || root->kind != CTF_STRUCT)
		return NULL;
	op = arena_new(&p->arena, struct text_op);
	if (!op)
		return NULL;
	if (p->opts.names & TEXT_NAME_SCOPE)
		prefix = arena_printf(&p->arena, "%s%s%s%s = ", separator, p->colours.name,
				      ctf_scope_name(scope), p->colours.reset);
	op_init(p, op, root, prefix ? prefix : "", names, class, 0);
	return op->n_kids || root->record.n_fields == 0 ? op : NULL;
}

/* --- the head of a line ---------------------------------------------------------- */

struct head {
	struct text_printer *p;
	struct str text;
	bool names, start; /* start: nothing that needs a comma stands before */
	bool colon; /* what follows is joined by ':' */
};

static void head_name(struct head *h, const char *name)
{
	str_addf(&h->text, "%s%s%s = ", h->p->colours.name, name, h->p->colours.reset);
}

static void head_begin(struct head *h, const char *name, bool joins)
{
	if (!h->start)
		str_add(&h->text, ", ");
	if (h->names)
		head_name(h, name);
	else if (joins && h->colon)
		str_add(&h->text, ":");
	h->colon = true;
}

static void head_env_text(struct head *h, const struct ctf_trace_class *tc, const char *name,
			  const char *label, bool joins)
{
	const struct ctf_env_entry *entry = ctf_env_find(tc, name);

	if (!entry)
		return;
	head_begin(h, label, joins);
	if (entry->is_string)
		str_add(&h->text, entry->text);
	else
		str_addf(&h->text, "%lld", (long long)entry->value);
}

static void head_trace(struct head *h, const struct ctf_trace *t, unsigned fields)
{
	const struct ctf_trace_class *tc = t->class;
	const struct ctf_env_entry *entry;

	if (fields & TEXT_FIELD_TRACE) {
		if (!h->start)
			str_add(&h->text, ", ");
		if (h->names)
			head_name(h, "trace");
		text_trace_name(h->p, t, &h->text);
		if (h->names)
			str_add(&h->text, ", ");
	}
	if (fields & TEXT_FIELD_HOSTNAME)
		head_env_text(h, tc, "hostname", "trace:hostname", false);
	if (fields & TEXT_FIELD_DOMAIN)
		head_env_text(h, tc, "domain", "trace:domain", true);
	if (fields & TEXT_FIELD_PROCNAME)
		head_env_text(h, tc, "procname", "trace:procname", true);
	entry = ctf_env_find(tc, "vpid");
	if (fields & TEXT_FIELD_VPID && entry && !entry->is_string) {
		head_begin(h, "trace:vpid", true);
		str_addf(&h->text, "(%lld)", (long long)entry->value);
	}
}

static void head_event(struct head *h, const struct ctf_event_class *ec, unsigned fields)
{
	const char *level = filter_level_name(ec->loglevel);

	if (fields & TEXT_FIELD_LOGLEVEL && level) {
		head_begin(h, "loglevel", true);
		str_addf(&h->text, "TRACE_%s (%d)", level, ec->loglevel);
	}
	if (fields & TEXT_FIELD_EMF && ec->emf_uri) {
		head_begin(h, "model.emf.uri", true);
		str_add(&h->text, ec->emf_uri);
	}
	if (h->colon && !h->names)
		str_add(&h->text, " ");
	if (!h->start)
		str_add(&h->text, ", ");
	if (h->names)
		head_name(h, "name");
	str_add(&h->text, ec->name ? h->p->colours.event : h->p->colours.unknown);
	str_add(&h->text, ec->name ? ec->name : "<unknown>");
	str_add(&h->text, h->p->colours.reset);
	str_add(&h->text, h->names ? ", " : ": ");
}

static void head_init(struct text_printer *p, struct text_class *class)
{
	struct head h = {.p = p, .names = p->opts.names & TEXT_NAME_HEADER};

	/* Behind a time that has its name a comma is needed, behind one in brackets none. */
	h.start = !class->has_clock || !h.names;
	head_trace(&h, class->trace, p->opts.fields);
	head_event(&h, class->event, p->opts.fields);
	class->head = padded(p, str_c(&h.text), h.text.len);
	class->head_len = h.text.len;
	p->arena.failed |= h.text.failed;
	str_fini(&h.text);
}

static void json_head_init(struct text_printer *p, struct text_class *class)
{
	const struct ctf_event_class *ec = class->event;
	const struct ctf_env_entry *host = ctf_env_find(ec->stream_class->trace_class, "hostname");
	const char *level = filter_level_name(ec->loglevel);
	struct str s = {0};

	str_add(&s, ",\"event\":");
	if (ec->name)
		str_add_json(&s, ec->name, strlen(ec->name));
	else
		str_add(&s, "null");
	if (level)
		str_addf(&s, ",\"level\":\"%s\"", level);
	if (host && host->is_string) {
		str_add(&s, ",\"host\":");
		str_add_json(&s, host->text, strlen(host->text));
	}
	class->json_head = arena_strndup(&p->arena, str_c(&s), s.len);
	class->json_head_len = s.len;
	p->arena.failed |= s.failed;
	str_fini(&s);
}

struct text_class *text_class_new(struct text_printer *p, const struct ctf_trace *t,
				  const struct ctf_event_class *ec)
{
	struct text_class *class = arena_new(&p->arena, struct text_class);
	const struct ctf_stream_class *sc = ec->stream_class;
	bool first = true;
	const struct ctf_type *roots[TEXT_N_SCOPES] = {
		[TEXT_SCOPE_PACKET_CONTEXT] = sc->packet_context,
		[TEXT_SCOPE_EVENT_COMMON_CONTEXT] = sc->event_context,
		[TEXT_SCOPE_EVENT_CONTEXT] = ec->context,
		[TEXT_SCOPE_EVENT_PAYLOAD] = ec->payload,
	};
	static const enum ctf_scope scopes[TEXT_N_SCOPES] = {
#define X(id, member, json) [TEXT_SCOPE_##id] = CTF_SCOPE_##id,
		TEXT_SCOPES(X)
#undef X
	};

	if (!class)
		return NULL;
	class->trace = t;
	class->event = ec;
	class->has_clock = sc->default_clock != NULL;
	if (p->opts.formats_logs)
		class->log_format = log_format_of(sc->trace_class, ec);
	head_init(p, class);
	json_head_init(p, class);
	for (int i = 0; i < TEXT_N_SCOPES; i++) {
		class->scopes[i] = scope_new(p, class, scopes[i], roots[i], first);
		if (class->scopes[i])
			first = false;
	}
	return arena_failed(&p->arena) ? NULL : class;
}

/* --- the printer ---------------------------------------------------------------- */

int text_printer_new(struct text_printer **out, const struct text_opts *opts)
{
	struct text_printer *p = calloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return -ENOMEM;
	p->opts = *opts;
	p->colours = opts->colour ? pretty_colours : no_colours;
	p->last_cycles = p->delta_cycles = p->last_ns = p->delta_ns = UINT64_MAX;
	return 0;
}

void text_printer_free(struct text_printer *p)
{
	uint64_t key, value;
	size_t it = 0;

	if (!p)
		return;
	while (map_next_u64(&p->packets, &it, &key, &value)) {
		struct text_packet *packet = (void *)(uintptr_t)value;

		str_fini(&packet->line);
		str_fini(&packet->json);
	}
	map_fini(&p->packets);
	map_fini(&p->paths);
	str_fini(&p->log);
	arena_fini(&p->arena);
	free(p);
}

int text_printer_set_path(struct text_printer *p, const struct ctf_trace *t, const char *path)
{
	const char *copy = arena_strdup(&p->arena, path);

	return copy ? map_put_u64(&p->paths, (uintptr_t)t, (uintptr_t)copy) : -ENOMEM;
}

void text_trace_name(const struct text_printer *p, const struct ctf_trace *t, struct str *out)
{
	const struct ctf_env_entry *host = ctf_env_find(t->class, "hostname");
	const char *path = "";
	uint64_t found;

	if (map_get_u64(&p->paths, (uintptr_t)t, &found))
		path = (const char *)(uintptr_t)found;
	if (host && host->is_string)
		str_addf(out, "%s%s", host->text, *path ? "/" : "");
	str_add(out, path);
}

bool text_printer_saw_negative_time(const struct text_printer *p)
{
	return p->saw_negative_time;
}

struct text_packet *text_packet_of(struct text_printer *p, const struct ctf_message *m)
{
	struct text_packet *packet = p->packet;
	uint64_t found;

	if (p->stream != m->stream || !packet) {
		if (map_get_u64(&p->packets, (uintptr_t)m->stream, &found)) {
			packet = (void *)(uintptr_t)found;
		} else {
			packet = arena_new(&p->arena, struct text_packet);
			if (!packet ||
			    map_put_u64(&p->packets, (uintptr_t)m->stream, (uintptr_t)packet))
				return NULL;
		}
		p->stream = m->stream;
		p->packet = packet;
	}
	if (packet->packet != m->packet) {
		packet->packet = m->packet;
		str_reset(&packet->line);
		str_reset(&packet->json);
	}
	return packet;
}
