/* SPDX-License-Identifier: MIT */
/*
 * Binding an expression to an event class, and evaluating it.
 *
 * Binding resolves every field to a path of indices and finds out whether the
 * operations fit the types; evaluation walks the tree and trusts nothing: a
 * value of an unexpected kind is NOTHING, and comparisons with NOTHING are
 * false. What binding finds is also counted in the tree, so that filter_check
 * can tell a name that only some classes lack from one that does not exist.
 */
#include "ctf/filter.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "ctf/filter-node.h"

enum { MAX_STEPS = 128 };

/* --- values ------------------------------------------------------------------ */

enum value_kind { NOTHING, INTEGER, REAL, TEXT, LEVEL, COMPOUND };

struct value {
	enum value_kind kind;
	const struct ctf_type *labels; /* INTEGER of an enum: its type */
	union {
		filter_int i; /* INTEGER LEVEL */
		double f;
		struct {
			const char *text;
			size_t len;
		};
		uint64_t count; /* COMPOUND: its elements */
	};
};

static struct value integer(filter_int i)
{
	return (struct value){.kind = INTEGER, .i = i};
}

static struct value text_of(const char *text, size_t len)
{
	return (struct value){.kind = TEXT, .text = text, .len = len};
}

static struct value value_read(const struct ctf_value *v)
{
	const struct ctf_type *type = v->type;
	bool has_labels = type && type->kind == CTF_ENUM;

	switch ((enum ctf_value_kind)v->kind) {
	case CTF_VALUE_U64:
		return (struct value){INTEGER, has_labels ? type : NULL, {.i = v->u64}};
	case CTF_VALUE_I64:
		return (struct value){INTEGER, has_labels ? type : NULL, {.i = v->i64}};
	case CTF_VALUE_F64:
		return (struct value){.kind = REAL, .f = v->f64};
	case CTF_VALUE_TEXT:
		return text_of((const char *)v->bytes, v->count);
	case CTF_VALUE_STRUCT:
	case CTF_VALUE_ARRAY:
	case CTF_VALUE_LAZY:
	case CTF_VALUE_BLOB:
		return (struct value){.kind = COMPOUND, .count = v->count};
	case CTF_VALUE_NONE:
	case CTF_VALUE_VARIANT:
	case CTF_VALUE_WIDE:
		break;
	}
	return (struct value){0};
}

/* --- what is bound ------------------------------------------------------------- */

enum step_kind {
	STEP_FIELD, /* of a structure, by index */
	STEP_ELEMENT, /* of an array */
	STEP_OPTION, /* of a variant: only when it is the chosen one */
	STEP_DYNAMIC, /* a name inside of whatever option is chosen */
};

struct step {
	enum step_kind kind;
	uint32_t index;
	const char *name; /* DYNAMIC */
};

struct path {
	bool found;
	enum ctf_scope scope;
	const struct ctf_type *type; /* at its end; NULL: known at run time only */
	struct step *steps;
	size_t n_steps;
};

struct filter_bound {
	const struct filter *filter;
	const struct ctf_event_class *class;
	struct path *fields; /* by slot */
	struct path contexts[FILTER_N_CONTEXTS]; /* found: read from the event's fields */
	struct value constants[FILTER_N_CONTEXTS]; /* of the class: name, level … */
	unsigned given;
	bool never;
	/* For filter_matches_payload: the wanted head of the payload. */
	struct arena *arena;
	struct ctf_plan *plan;
	struct ctf_values values;
};

static const struct ctf_type *scope_root(const struct ctf_event_class *ec, enum ctf_scope scope)
{
	switch (scope) {
	case CTF_SCOPE_EVENT_PAYLOAD:
		return ec->payload;
	case CTF_SCOPE_EVENT_CONTEXT:
		return ec->context;
	case CTF_SCOPE_EVENT_COMMON_CONTEXT:
		return ec->stream_class ? ec->stream_class->event_context : NULL;
	case CTF_SCOPE_PACKET_CONTEXT:
		return ec->stream_class ? ec->stream_class->packet_context : NULL;
	default:
		return NULL;
	}
}

static const enum ctf_scope lookup_order[] = {
	CTF_SCOPE_EVENT_PAYLOAD,
	CTF_SCOPE_EVENT_CONTEXT,
	CTF_SCOPE_EVENT_COMMON_CONTEXT,
	CTF_SCOPE_PACKET_CONTEXT,
};
enum { N_LOOKUP = sizeof(lookup_order) / sizeof(lookup_order[0]) };

static const struct ctf_type *behind_optional(const struct ctf_type *type)
{
	while (type && type->kind == CTF_OPTIONAL)
		type = type->optional.content;
	return type;
}

/* One step of a path from *type on; false: there is nothing of that name. */
static bool step_bind(struct step *out, const struct filter_step *in, const struct ctf_type **type)
{
	const struct ctf_type *at = behind_optional(*type);
	int i;

	if (!at) { /* inside of a variant's unknown option */
		*out = (struct step){in->name ? STEP_DYNAMIC : STEP_ELEMENT, (uint32_t)in->index,
				     in->name};
		return true;
	}
	switch (at->kind) {
	case CTF_STRUCT:
		i = in->name ? ctf_struct_find(at, in->name) : -1;
		if (i < 0)
			return false;
		*out = (struct step){STEP_FIELD, (uint32_t)i, NULL};
		*type = at->record.fields[i].type;
		return true;
	case CTF_ARRAY:
	case CTF_SEQUENCE:
		if (in->name || ctf_type_is_text(at))
			return false;
		*out = (struct step){STEP_ELEMENT, (uint32_t)in->index, NULL};
		*type = at->array.element;
		return true;
	case CTF_VARIANT:
		i = in->name ? ctf_variant_find(at, in->name) : -1;
		if (i >= 0) {
			*out = (struct step){STEP_OPTION, (uint32_t)i, NULL};
			*type = at->variant.options[i].type;
			return true;
		}
		*out = (struct step){in->name ? STEP_DYNAMIC : STEP_ELEMENT, (uint32_t)in->index,
				     in->name};
		*type = NULL;
		return true;
	default:
		return false;
	}
}

/* 0 or -ENOMEM; path->found says the rest. */
static int path_bind(struct path *path, const struct filter_step *steps, size_t n_steps,
		     const struct ctf_event_class *ec, enum ctf_scope scope, struct arena *a)
{
	const struct ctf_type *type = scope_root(ec, scope);

	if (!type || type->kind != CTF_STRUCT || n_steps > MAX_STEPS)
		return 0;
	path->steps = arena_array(a, n_steps, sizeof(*path->steps));
	if (!path->steps)
		return -ENOMEM;
	for (size_t i = 0; i < n_steps; i++)
		if (!step_bind(&path->steps[i], &steps[i], &type))
			return 0;
	path->found = true;
	path->scope = scope;
	path->n_steps = n_steps;
	type = behind_optional(type);
	path->type = type && type->kind != CTF_VARIANT ? type : NULL;
	return 0;
}

/* --- levels ---------------------------------------------------------------------- */

static const char *const level_names[] = {
	"EMERG",        "ALERT",      "CRIT",           "ERR",           "WARNING",
	"NOTICE",       "INFO",       "DEBUG_SYSTEM",   "DEBUG_PROGRAM", "DEBUG_PROCESS",
	"DEBUG_MODULE", "DEBUG_UNIT", "DEBUG_FUNCTION", "DEBUG_LINE",    "DEBUG",
};
enum { N_LEVELS = sizeof(level_names) / sizeof(level_names[0]) };

const char *filter_level_name(int level)
{
	return level >= 0 && level < N_LEVELS ? level_names[level] : NULL;
}

int filter_level_number(const char *name, size_t len)
{
	static const struct {
		const char *name;
		int level;
	} more[] = {{"EMERGENCY", 0}, {"CRITICAL", 2}, {"ERROR", 3}, {"WARN", 4}};

	if (len > 6 && !strncasecmp(name, "TRACE_", 6)) {
		name += 6;
		len -= 6;
	} else if (len > 6 && !strncasecmp(name, "PISTE_", 6)) {
		name += 6;
		len -= 6;
	}
	for (int i = 0; i < N_LEVELS; i++)
		if (strlen(level_names[i]) == len && !strncasecmp(level_names[i], name, len))
			return i;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (strlen(more[i].name) == len && !strncasecmp(more[i].name, name, len))
			return more[i].level;
	return -1;
}

/* --- do the types fit ---------------------------------------------------------------- */

/* What is known of an operand before there is an event. */
enum static_kind { IS_UNKNOWN, IS_NUMBER, IS_REAL, IS_TEXT, IS_ENUM, IS_LEVEL, IS_COMPOUND };

static const char *const static_names[] = {
	[IS_UNKNOWN] = "a value",
	[IS_NUMBER] = "a number",
	[IS_REAL] = "a floating point number",
	[IS_TEXT] = "a string",
	[IS_ENUM] = "an enum",
	[IS_LEVEL] = "a level",
	[IS_COMPOUND] = "a structure or an array",
};

static enum static_kind kind_of_type(const struct ctf_type *type)
{
	if (!type)
		return IS_UNKNOWN;
	if (ctf_type_is_text(type))
		return IS_TEXT;
	switch (type->kind) {
	case CTF_ENUM:
		return IS_ENUM;
	case CTF_INTEGER:
	case CTF_BOOL:
	case CTF_BIT_ARRAY:
	case CTF_BIT_MAP:
	case CTF_VARINT:
		return IS_NUMBER;
	case CTF_FLOAT:
		return IS_REAL;
	default:
		return IS_COMPOUND;
	}
}

static enum static_kind kind_of_context(const struct filter_bound *b, enum filter_context context)
{
	switch (context) {
	case FILTER_PROCNAME:
	case FILTER_NAME:
	case FILTER_PROVIDER:
	case FILTER_EVENT:
		return IS_TEXT;
	case FILTER_LEVEL:
		return IS_LEVEL;
	default:
		return b->contexts[context].found ? kind_of_type(b->contexts[context].type)
						  : IS_NUMBER;
	}
}

static bool is_numeric(enum static_kind kind)
{
	return kind == IS_NUMBER || kind == IS_REAL || kind == IS_ENUM || kind == IS_LEVEL ||
	       kind == IS_UNKNOWN;
}

static bool comparison_fits(const struct filter_node *node, enum static_kind left,
			    enum static_kind right)
{
	const struct filter_node *literal = node->kids->op == FILTER_TEXT ? node->kids
									  : node->kids->next;
	bool equality = node->op == FILTER_EQUAL || node->op == FILTER_UNEQUAL;

	if (left == IS_UNKNOWN || right == IS_UNKNOWN || (left == IS_TEXT && right == IS_TEXT))
		return true;
	if (left == IS_COMPOUND || right == IS_COMPOUND)
		return false;
	if (left != IS_TEXT && right != IS_TEXT)
		return true;
	if (left == IS_LEVEL || right == IS_LEVEL)
		return literal->op == FILTER_TEXT &&
		       filter_level_number(literal->text, literal->len) >= 0;
	return equality && (left == IS_ENUM || right == IS_ENUM);
}

static const char *operator_text(enum filter_op op)
{
	switch (op) {
	case FILTER_NOT:
		return "!";
	case FILTER_INVERT:
		return "~";
	case FILTER_NEGATE:
		return "-";
	case FILTER_ALL:
		return "&&";
	case FILTER_ANY:
		return "||";
#define X(id, text, binding)                                                                       \
	case FILTER_##id:                                                                          \
		return text;
		FILTER_BINARIES(X)
#undef X
	default:
		return "";
	}
}

static void misfit(struct filter *f, struct filter_node *node, enum static_kind left,
		   enum static_kind right, bool is_condition)
{
	if (node->misfits++)
		return;
	if (left == IS_LEVEL || right == IS_LEVEL)
		node->misfit = "there is no level of that name";
	else if (is_condition)
		node->misfit = arena_printf(f->arena, "%s is no condition: compare it",
					    static_names[left]);
	else if (node->op == FILTER_LEN)
		node->misfit = arena_printf(f->arena, "%s has no length", static_names[left]);
	else if (node->op >= FILTER_EQUAL)
		node->misfit = arena_printf(f->arena, "%s does not compare %s with %s",
					    operator_text(node->op), static_names[left],
					    static_names[right]);
	else
		node->misfit = arena_printf(f->arena, "%s does not calculate with %s",
					    operator_text(node->op),
					    is_numeric(left) && left != IS_REAL
						    ? static_names[right]
						    : static_names[left]);
}

/* Finds the static kind of a node, and counts whether its operands fit. */
static enum static_kind node_check(const struct filter_bound *b, struct filter *f,
				   struct filter_node *node);

static void condition_check(const struct filter_bound *b, struct filter *f,
			    struct filter_node *node)
{
	enum static_kind kind = node_check(b, f, node);

	if (kind == IS_TEXT || kind == IS_COMPOUND)
		misfit(f, node, kind, kind, true);
	else if (kind != IS_UNKNOWN && (node->op == FILTER_FIELD || node->op == FILTER_CONTEXT))
		node->fits++; /* others have counted their own operands */
}

static enum static_kind binary_check(const struct filter_bound *b, struct filter *f,
				     struct filter_node *node)
{
	enum static_kind left = node_check(b, f, node->kids);
	enum static_kind right = node_check(b, f, node->kids->next);
	/* as in C */
	bool fits, bits = (node->op >= FILTER_SHIFT_LEFT && node->op <= FILTER_BIT_OR) ||
			  node->op == FILTER_REMAINDER;

	if (node->op >= FILTER_EQUAL)
		fits = comparison_fits(node, left, right);
	else
		fits = is_numeric(left) && is_numeric(right) &&
		       !(bits && (left == IS_REAL || right == IS_REAL));
	if (!fits)
		misfit(f, node, left, right, false);
	else if (left != IS_UNKNOWN && right != IS_UNKNOWN)
		node->fits++;
	return node->op < FILTER_EQUAL && (left == IS_REAL || right == IS_REAL) ? IS_REAL
										: IS_NUMBER;
}

static enum static_kind node_check(const struct filter_bound *b, struct filter *f,
				   struct filter_node *node)
{
	enum static_kind kind;

	switch (node->op) {
	case FILTER_INT:
		return IS_NUMBER;
	case FILTER_REAL:
		return IS_REAL;
	case FILTER_TEXT:
		return IS_TEXT;
	case FILTER_CONTEXT:
		if (b->given & FILTER_GIVEN(node->context) || b->contexts[node->context].found ||
		    (node->context >= FILTER_NAME && node->context <= FILTER_LEVEL))
			node->found++;
		else
			node->lacking++;
		return kind_of_context(b, node->context);
	case FILTER_FIELD:
		return b->fields[node->slot].found ? kind_of_type(b->fields[node->slot].type)
						   : IS_UNKNOWN;
	case FILTER_HAS:
		node_check(b, f, node->kids);
		return IS_NUMBER;
	case FILTER_LEN:
		kind = node_check(b, f, node->kids);
		if (kind == IS_TEXT || kind == IS_COMPOUND)
			node->fits++;
		else if (kind != IS_UNKNOWN)
			misfit(f, node, kind, kind, false);
		return IS_NUMBER;
	case FILTER_NOT:
		condition_check(b, f, node->kids);
		return IS_NUMBER;
	case FILTER_ALL:
	case FILTER_ANY:
		for (struct filter_node *kid = node->kids; kid; kid = kid->next)
			condition_check(b, f, kid);
		return IS_NUMBER;
	case FILTER_INVERT:
	case FILTER_NEGATE:
		kind = node_check(b, f, node->kids);
		if (!is_numeric(kind) || (kind == IS_REAL && node->op == FILTER_INVERT))
			misfit(f, node, kind, kind, false);
		else if (kind != IS_UNKNOWN)
			node->fits++;
		return kind == IS_REAL ? IS_REAL : IS_NUMBER;
	default:
		return binary_check(b, f, node);
	}
}

/* --- evaluation ------------------------------------------------------------------------ */

/* -1, 0, 1; 2: unordered. Exact, though a double may have a fraction and an integer 128 bits. */
static int compare_int_real(filter_int i, double f)
{
	filter_int whole;

	if (isnan(f))
		return 2;
	if (f >= 0x1p126)
		return -1;
	if (f <= -0x1p126)
		return 1;
	whole = (filter_int)f; /* towards zero */
	if (i != whole)
		return i < whole ? -1 : 1;
	f -= __builtin_trunc(f);
	return f > 0 ? -1 : f < 0 ? 1 : 0;
}

static int compare_text(const struct value *a, const struct value *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->text, b->text, n) : 0;

	if (c)
		return c < 0 ? -1 : 1;
	return a->len < b->len ? -1 : a->len > b->len;
}

static int compare_values(const struct value *a, const struct value *b)
{
	int c;

	if (a->kind == TEXT && b->kind == TEXT)
		return compare_text(a, b);
	if (a->kind == LEVEL && b->kind == TEXT)
		return compare_values(a,
				      &(struct value){.kind = INTEGER,
						      .i = filter_level_number(b->text, b->len)});
	if (a->kind == TEXT && b->kind == LEVEL) {
		c = compare_values(b, a);
		return c == 2 ? 2 : -c;
	}
	if (a->kind == REAL && b->kind == REAL)
		return a->f < b->f ? -1 : a->f > b->f ? 1 : a->f == b->f ? 0 : 2;
	if ((a->kind == INTEGER || a->kind == LEVEL) && (b->kind == INTEGER || b->kind == LEVEL))
		return a->i < b->i ? -1 : a->i > b->i;
	if ((a->kind == INTEGER || a->kind == LEVEL) && b->kind == REAL)
		return compare_int_real(a->i, b->f);
	if (a->kind == REAL && (b->kind == INTEGER || b->kind == LEVEL)) {
		c = compare_int_real(b->i, a->f);
		return c == 2 ? 2 : -c;
	}
	return 2;
}

/* A glob over bytes: on a mismatch, the newest star takes one byte more. */
static bool glob_bytes(const struct filter_node *glob, const char *s, size_t len)
{
	size_t p = 0, i = 0, star = SIZE_MAX, star_i = 0;

	while (i < len) {
		if (p < glob->len && glob->wild[p] == '*') {
			star = p++;
			star_i = i;
		} else if (p < glob->len && (glob->wild[p] == '?' || glob->text[p] == s[i])) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++star_i;
		} else {
			return false;
		}
	}
	while (p < glob->len && glob->wild[p] == '*')
		p++;
	return p == glob->len;
}

static bool text_equals(const struct filter_node *literal, const char *s, size_t len)
{
	if (literal->wild)
		return glob_bytes(literal, s, len);
	return len == literal->len && !memcmp(s, literal->text, len);
}

static bool label_equals(const struct filter_node *literal, const struct value *v)
{
	const char *label;
	size_t it = 0;

	while ((label = ctf_enum_label(v->labels, (uint64_t)v->i, &it)))
		if (text_equals(literal, label, strlen(label)))
			return true;
	return false;
}

static struct value path_read(const struct path *path, const struct filter_event *e)
{
	const struct ctf_values *values = e->values[path->scope];
	const struct ctf_value *v = e->roots[path->scope];
	struct ctf_value element;
	uint32_t index;

	if (!path->found || !v || !values)
		return (struct value){0};
	for (size_t i = 0; i < path->n_steps; i++) {
		const struct step *step = &path->steps[i];

		index = step->index;
		switch (step->kind) {
		case STEP_OPTION:
			if (v->kind != CTF_VALUE_VARIANT || v->option != index)
				return (struct value){0};
			v = &values->items[v->first];
			continue;
		case STEP_DYNAMIC:
			if (v->kind == CTF_VALUE_VARIANT)
				v = &values->items[v->first];
			if (v->kind == CTF_VALUE_STRUCT)
				v = ctf_value_field(values, v, step->name);
			else
				v = NULL;
			if (!v)
				return (struct value){0};
			continue;
		case STEP_FIELD:
		case STEP_ELEMENT:
			break;
		}
		if (step->kind == STEP_ELEMENT && v->kind == CTF_VALUE_VARIANT)
			v = &values->items[v->first];
		if (v->kind == CTF_VALUE_LAZY && index < v->count) {
			ctf_value_element(v, index, &element);
			return i + 1 == path->n_steps ? value_read(&element) : (struct value){0};
		}
		if ((v->kind != CTF_VALUE_STRUCT && v->kind != CTF_VALUE_ARRAY) ||
		    index >= v->count)
			return (struct value){0};
		v = ctf_value_child(values, v, index);
	}
	if (v->kind == CTF_VALUE_VARIANT)
		v = &values->items[v->first];
	return value_read(v);
}

static struct value context_read(const struct filter_bound *b, const struct filter_event *e,
				 enum filter_context context)
{
	if (b->given & FILTER_GIVEN(context))
		switch (context) {
		case FILTER_PID:
			return integer(e->pid);
		case FILTER_TID:
			return integer(e->tid);
		case FILTER_CPU:
			return integer(e->cpu);
		case FILTER_TIMESTAMP:
			return integer(e->timestamp_ns);
		case FILTER_PROCNAME:
			return e->procname ? text_of(e->procname, strlen(e->procname))
					   : (struct value){0};
		default:
			break;
		}
	if (b->contexts[context].found)
		return path_read(&b->contexts[context], e);
	return b->constants[context];
}

static bool truth(const struct value *v)
{
	return v->kind == INTEGER ? v->i != 0 : v->kind == REAL && v->f != 0;
}

static struct value evaluate(const struct filter_bound *b, const struct filter_node *node,
			     const struct filter_event *e);

static bool condition(const struct filter_bound *b, const struct filter_node *node,
		      const struct filter_event *e)
{
	struct value v = evaluate(b, node, e);

	return truth(&v);
}

static bool compare(const struct filter_bound *b, const struct filter_node *node,
		    const struct filter_event *e)
{
	const struct filter_node *literal = NULL;
	struct value left = evaluate(b, node->kids, e);
	struct value right = evaluate(b, node->kids->next, e);
	bool wants_equal = node->op == FILTER_EQUAL;
	int order;

	if (left.kind == NOTHING || right.kind == NOTHING)
		return false;
	if (node->op == FILTER_EQUAL || node->op == FILTER_UNEQUAL) {
		const struct value *other = &left;

		if (node->kids->next->op == FILTER_TEXT) {
			literal = node->kids->next;
		} else if (node->kids->op == FILTER_TEXT) {
			literal = node->kids;
			other = &right;
		}
		if (literal && other->kind == TEXT)
			return text_equals(literal, other->text, other->len) == wants_equal;
		if (literal && other->kind == INTEGER && other->labels)
			return label_equals(literal, other) == wants_equal;
	}
	order = compare_values(&left, &right);
	switch (node->op) {
	case FILTER_EQUAL:
		return order == 0;
	case FILTER_UNEQUAL: /* nan is not equal to anything; what does not compare is false */
		return order == -1 || order == 1 ||
		       (order == 2 && (left.kind == REAL || right.kind == REAL) &&
			left.kind != TEXT && right.kind != TEXT);
	case FILTER_LESS:
		return order == -1;
	case FILTER_LESS_EQUAL:
		return order == -1 || order == 0;
	case FILTER_GREATER:
		return order == 1;
	case FILTER_GREATER_EQUAL:
		return order == 1 || order == 0;
	default:
		return false;
	}
}

static struct value calculate_real(enum filter_op op, double a, double b)
{
	double f;

	switch (op) {
	case FILTER_ADD:
		f = a + b;
		break;
	case FILTER_SUBTRACT:
		f = a - b;
		break;
	case FILTER_MULTIPLY:
		f = a * b;
		break;
	case FILTER_DIVIDE:
		if (b == 0)
			return (struct value){0};
		f = a / b;
		break;
	default:
		return (struct value){0};
	}
	return (struct value){.kind = REAL, .f = f};
}

static struct value calculate_integer(enum filter_op op, filter_int a, filter_int b)
{
	filter_int i = 0;
	bool fails = false;

	switch (op) {
	case FILTER_ADD:
		fails = __builtin_add_overflow(a, b, &i);
		break;
	case FILTER_SUBTRACT:
		fails = __builtin_sub_overflow(a, b, &i);
		break;
	case FILTER_MULTIPLY:
		fails = __builtin_mul_overflow(a, b, &i);
		break;
	case FILTER_DIVIDE:
	case FILTER_REMAINDER:
		fails = b == 0 || (b == -1 && __builtin_sub_overflow((filter_int)0, a, &i));
		if (!fails)
			i = op == FILTER_DIVIDE ? a / b : a % b;
		break;
	case FILTER_BIT_AND:
		i = a & b;
		break;
	case FILTER_BIT_OR:
		i = a | b;
		break;
	case FILTER_BIT_XOR:
		i = a ^ b;
		break;
	case FILTER_SHIFT_LEFT:
		fails = b < 0 || b > 126 ||
			__builtin_mul_overflow(a, (filter_int)1 << (b < 0 || b > 126 ? 0 : (int)b),
					       &i);
		break;
	case FILTER_SHIFT_RIGHT:
		fails = b < 0;
		i = fails ? 0 : a >> (b > 126 ? 126 : (int)b);
		break;
	default:
		fails = true;
	}
	return fails ? (struct value){0} : integer(i);
}

static struct value calculate(const struct filter_bound *b, const struct filter_node *node,
			      const struct filter_event *e)
{
	struct value left = evaluate(b, node->kids, e);
	struct value right = evaluate(b, node->kids->next, e);

	if (left.kind == LEVEL)
		left.kind = INTEGER;
	if (right.kind == LEVEL)
		right.kind = INTEGER;
	if (left.kind == INTEGER && right.kind == INTEGER)
		return calculate_integer(node->op, left.i, right.i);
	if ((left.kind != INTEGER && left.kind != REAL) ||
	    (right.kind != INTEGER && right.kind != REAL))
		return (struct value){0};
	return calculate_real(node->op, left.kind == REAL ? left.f : (double)left.i,
			      right.kind == REAL ? right.f : (double)right.i);
}

static struct value negate(struct value v)
{
	if (v.kind == REAL)
		v.f = -v.f;
	else if (v.kind == INTEGER || v.kind == LEVEL)
		v = calculate_integer(FILTER_SUBTRACT, 0, v.i);
	else
		v.kind = NOTHING;
	return v;
}

static struct value evaluate(const struct filter_bound *b, const struct filter_node *node,
			     const struct filter_event *e)
{
	struct value v;

	switch (node->op) {
	case FILTER_INT:
		return integer(node->number);
	case FILTER_REAL:
		return (struct value){.kind = REAL, .f = node->real};
	case FILTER_TEXT:
		return text_of(node->text, node->len);
	case FILTER_FIELD:
		return path_read(&b->fields[node->slot], e);
	case FILTER_CONTEXT:
		return context_read(b, e, node->context);
	case FILTER_LEN:
		v = evaluate(b, node->kids, e);
		return v.kind == TEXT       ? integer((filter_int)v.len)
		       : v.kind == COMPOUND ? integer(v.count)
					    : (struct value){0};
	case FILTER_HAS:
		v = evaluate(b, node->kids, e);
		return integer(v.kind != NOTHING);
	case FILTER_NOT:
		return integer(!condition(b, node->kids, e));
	case FILTER_ALL:
		for (const struct filter_node *kid = node->kids; kid; kid = kid->next)
			if (!condition(b, kid, e))
				return integer(0);
		return integer(1);
	case FILTER_ANY:
		for (const struct filter_node *kid = node->kids; kid; kid = kid->next)
			if (condition(b, kid, e))
				return integer(1);
		return integer(0);
	case FILTER_INVERT:
		v = evaluate(b, node->kids, e);
		return v.kind == INTEGER ? integer(~v.i) : (struct value){0};
	case FILTER_NEGATE:
		return negate(evaluate(b, node->kids, e));
	case FILTER_EQUAL:
	case FILTER_UNEQUAL:
	case FILTER_LESS:
	case FILTER_LESS_EQUAL:
	case FILTER_GREATER:
	case FILTER_GREATER_EQUAL:
		return integer(compare(b, node, e));
	default:
		return calculate(b, node, e);
	}
}

/* --- binding ---------------------------------------------------------------------------- */

/* What the contexts are called where they are recorded as fields. */
static const char *const context_fields[FILTER_N_CONTEXTS][3] = {
	[FILTER_PID] = {"pid", "vpid"},
	[FILTER_TID] = {"tid", "vtid"},
	[FILTER_PROCNAME] = {"procname", "comm"},
	[FILTER_CPU] = {"cpu_id", "cpu"},
};

static int bind_context_fields(struct filter_bound *b, struct arena *a)
{
	for (int c = 0; c < FILTER_N_CONTEXTS; c++)
		for (int i = 0; i < 3 && context_fields[c][i]; i++)
			for (int s = 1; s < N_LOOKUP && !b->contexts[c].found; s++) {
				struct filter_step step = {.name = context_fields[c][i]};

				if (path_bind(&b->contexts[c], &step, 1, b->class, lookup_order[s],
					      a))
					return -ENOMEM;
			}
	return 0;
}

static void bind_constants(struct filter_bound *b)
{
	const char *name = b->class->name, *colon = name ? strchr(name, ':') : NULL;

	if (name) {
		b->constants[FILTER_NAME] = text_of(name, strlen(name));
		b->constants[FILTER_EVENT] = b->constants[FILTER_NAME];
	}
	if (colon) {
		b->constants[FILTER_PROVIDER] = text_of(name, (size_t)(colon - name));
		b->constants[FILTER_EVENT] = text_of(colon + 1, strlen(colon + 1));
	}
	if (b->class->loglevel >= 0)
		b->constants[FILTER_LEVEL] = (struct value){.kind = LEVEL, .i = b->class->loglevel};
}

static void suggest(struct filter *f, const char *name)
{
	for (size_t i = 0; i < f->n_names; i++)
		if (!strcmp(f->names[i], name))
			return;
	if (f->n_names == FILTER_MAX_NAMES)
		return;
	f->names[f->n_names] = arena_strdup(f->arena, name);
	f->n_names += f->names[f->n_names] != NULL;
}

static void collect_names(struct filter *f, const struct ctf_event_class *ec)
{
	for (int s = 0; s < N_LOOKUP; s++) {
		const struct ctf_type *root = scope_root(ec, lookup_order[s]);

		if (root && root->kind == CTF_STRUCT)
			for (size_t i = 0; i < root->record.n_fields; i++)
				suggest(f, root->record.fields[i].name);
	}
}

static int bind_fields(struct filter_bound *b, struct filter *f, struct arena *a)
{
	bool lacks_some = false;

	b->fields = arena_array(a, f->n_fields, sizeof(*b->fields));
	if (f->n_fields && !b->fields)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_fields; i++) {
		struct filter_node *node = f->fields[i];
		struct path *path = &b->fields[i];

		for (int s = 0; s < N_LOOKUP && !path->found; s++)
			if (path_bind(path, node->steps, node->n_steps, b->class, lookup_order[s],
				      a))
				return -ENOMEM;
		if (path->found) {
			node->found++;
		} else {
			node->lacking++;
			lacks_some = true;
		}
	}
	if (lacks_some)
		collect_names(f, b->class);
	return 0;
}

/* Is it false for every event of the class, as far as one can see without an event? */
static bool is_never(const struct filter_bound *b, const struct filter_node *node)
{
	const struct filter_node *left = node->kids, *right = left ? left->next : NULL;

	switch (node->op) {
	case FILTER_INT:
		return node->number == 0;
	case FILTER_FIELD:
		return !b->fields[node->slot].found;
	case FILTER_HAS:
	case FILTER_LEN:
		return left->op == FILTER_FIELD && is_never(b, left);
	case FILTER_ALL:
		for (; left; left = left->next)
			if (is_never(b, left))
				return true;
		return false;
	case FILTER_ANY:
		for (; left; left = left->next)
			if (!is_never(b, left))
				return false;
		return true;
	case FILTER_NOT:
		return false;
	default:
		if (node->op < FILTER_EQUAL)
			return false;
		if ((left->op == FILTER_FIELD && is_never(b, left)) ||
		    (right->op == FILTER_FIELD && is_never(b, right)))
			return true;
		/* $provider == "shop" is known from the class */
		if (left->op == FILTER_CONTEXT && left->context >= FILTER_NAME &&
		    left->context <= FILTER_LEVEL && !right->kids && right->op <= FILTER_TEXT)
			return !condition(b, node, &(struct filter_event){0});
		return false;
	}
}

int filter_bind(struct filter_bound **out, struct filter *f, const struct ctf_event_class *ec,
		unsigned given, struct arena *a)
{
	struct filter_bound *b = arena_new(a, struct filter_bound);

	*out = NULL;
	if (!b)
		return -ENOMEM;
	b->filter = f;
	b->class = ec;
	b->given = given;
	b->arena = a;
	bind_constants(b);
	if (bind_context_fields(b, a) || bind_fields(b, f, a))
		return -ENOMEM;
	f->n_bound++;
	condition_check(b, f, f->root);
	b->never = is_never(b, f->root);
	*out = b;
	return arena_failed(f->arena) ? -ENOMEM : 0;
}

void filter_bound_fini(struct filter_bound *b)
{
	if (b)
		ctf_values_fini(&b->values);
}

static const char *const context_names[] = {
#define X(id, name) [FILTER_##id] = name,
	FILTER_CONTEXTS(X)
#undef X
};

/* --- what to complain of ------------------------------------------------------------------ */

static struct diag_place place_of(const struct filter_node *node)
{
	return (struct diag_place){filter_place_name, 1, node->column, 0, 0};
}

static int check_fields(const struct filter *f, struct diag *diag)
{
	int rc = 0;

	for (size_t i = 0; i < f->n_fields; i++) {
		const struct filter_node *node = f->fields[i];
		struct diag_place place = place_of(node);
		const char *near;

		if (node->found || !node->lacking)
			continue;
		rc = diag_error(diag, &place, "no event has a field %s", node->spelled);
		near = nearest_name(node->steps[0].name, f->names, f->n_names);
		if (near && strcmp(near, node->steps[0].name) != 0)
			diag_hint(diag, "did you mean %s?", near);
	}
	return rc;
}

static int check_types(const struct filter_node *node, struct diag *diag)
{
	struct diag_place place = place_of(node);
	int rc = 0;

	for (const struct filter_node *kid = node->kids; kid; kid = kid->next)
		rc |= check_types(kid, diag);
	if (node->misfits && !node->fits)
		rc |= diag_error(diag, &place, "%s", node->misfit ? node->misfit : "types differ");
	if (node->op == FILTER_CONTEXT && node->lacking && !node->found)
		rc |= diag_error(diag, &place, "no event says its $%s",
				 context_names[node->context]);
	return rc ? -EINVAL : 0;
}

int filter_check(const struct filter *f, struct diag *diag)
{
	int rc = check_fields(f, diag);

	return check_types(f->root, diag) || rc ? -EINVAL : 0;
}

const char *filter_missing(const struct filter_bound *b, size_t *it)
{
	while (*it < b->filter->n_fields) {
		size_t i = (*it)++;

		if (!b->fields[i].found)
			return b->filter->fields[i]->spelled;
	}
	return NULL;
}

bool filter_is_never(const struct filter_bound *b)
{
	return b->never;
}

/* --- events --------------------------------------------------------------------------------- */

/* A plain integer field of a root; NULL: something else. */
static const struct path *integer_field(const struct filter_bound *b,
					const struct filter_node *node)
{
	const struct path *path = node->op == FILTER_FIELD     ? &b->fields[node->slot]
				  : node->op == FILTER_CONTEXT ? &b->contexts[node->context]
							       : NULL;
	bool given = node->op == FILTER_CONTEXT && b->given & FILTER_GIVEN(node->context);

	return path && !given && path->found && path->n_steps == 1 &&
			       path->steps[0].kind == STEP_FIELD && path->type &&
			       path->type->kind == CTF_INTEGER && path->type->integer.bits <= 64
		       ? path
		       : NULL;
}

/* field op number, as the range that the field must lie in */
static void add_test(const struct path *path, enum filter_op op, filter_int n,
		     struct ctf_wish *wish)
{
	bool is_signed = path->type->integer.is_signed;
	filter_int min = is_signed ? INT64_MIN : 0, max = is_signed ? INT64_MAX : UINT64_MAX;
	filter_int lo = min, hi = max;
	struct ctf_test *t = &wish->tests[wish->n_tests];

	if (op == FILTER_EQUAL || op == FILTER_UNEQUAL)
		lo = hi = n;
	else if (op == FILTER_LESS || op == FILTER_LESS_EQUAL)
		hi = op == FILTER_LESS ? n - 1 : n;
	else
		lo = op == FILTER_GREATER ? n + 1 : n;
	if (lo > hi || lo > max || hi < min || (op == FILTER_UNEQUAL && (n < min || n > max)))
		return; /* always or never: rare enough to be left to the filter */
	*t = (struct ctf_test){.scope = path->scope,
			       .field = path->steps[0].index,
			       .is_negated = op == FILTER_UNEQUAL,
			       .lo = (uint64_t)(lo < min ? min : lo),
			       .hi = (uint64_t)(hi > max ? max : hi)};
	wish->n_tests++;
}

static void node_tests(const struct filter_bound *b, const struct filter_node *node,
		       struct ctf_wish *wish)
{
	static const enum filter_op mirrored[] = {
		[FILTER_EQUAL] = FILTER_EQUAL,  [FILTER_UNEQUAL] = FILTER_UNEQUAL,
		[FILTER_LESS] = FILTER_GREATER, [FILTER_LESS_EQUAL] = FILTER_GREATER_EQUAL,
		[FILTER_GREATER] = FILTER_LESS, [FILTER_GREATER_EQUAL] = FILTER_LESS_EQUAL,
	};
	const struct filter_node *left = node->kids, *right = left ? left->next : NULL;
	const struct path *path;

	if (wish->n_tests == CTF_TESTS_MAX)
		return;
	if (node->op == FILTER_ALL)
		for (; left; left = left->next)
			node_tests(b, left, wish);
	else if (node->op < FILTER_EQUAL || !right)
		return;
	else if (right->op == FILTER_INT && (path = integer_field(b, left)))
		add_test(path, node->op, right->number, wish);
	else if (left->op == FILTER_INT && (path = integer_field(b, right)))
		add_test(path, mirrored[node->op], left->number, wish);
}

void filter_tests(const struct filter_bound *b, struct ctf_wish *wish)
{
	node_tests(b, b->filter->root, wish);
}

bool filter_matches(const struct filter_bound *b, const struct filter_event *e)
{
	return !b->never && condition(b, b->filter->root, e);
}

/* Fields behind the last wanted one need not be decoded; 0: no field is wanted. */
static size_t wanted_fields(const struct filter_bound *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->filter->n_fields; i++) {
		const struct path *path = &b->fields[i];

		if (path->found && path->scope == CTF_SCOPE_EVENT_PAYLOAD &&
		    path->steps[0].index + 1 > n)
			n = path->steps[0].index + 1;
	}
	return n;
}

static int make_plan(struct filter_bound *b)
{
	struct ctf_type *head = arena_memdup(b->arena, b->class->payload, sizeof(*head));

	if (!head)
		return -ENOMEM;
	head->record.n_fields = wanted_fields(b);
	return ctf_plan_new(&b->plan, b->arena, head, CTF_SCOPE_EVENT_PAYLOAD, CTF_WANT_ALL, NULL);
}

int filter_matches_payload(struct filter_bound *b, struct span payload, struct filter_event *e)
{
	int rc;

	if (b->never)
		return 0;
	if (wanted_fields(b)) {
		rc = b->plan ? 0 : make_plan(b);
		if (!rc)
			rc = ctf_decode_fields(b->plan, payload, &b->values);
		if (rc)
			return rc;
		e->values[CTF_SCOPE_EVENT_PAYLOAD] = &b->values;
		e->roots[CTF_SCOPE_EVENT_PAYLOAD] = b->values.items;
	}
	return condition(b, b->filter->root, e);
}
