/* SPDX-License-Identifier: MIT */
/*
 * Names and types. One function a kind of node, all in one table; each looks
 * at what is below it first, and gives its node's type: lang_none while that
 * is not known, which the last pass does not accept.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lang/compile.h"

const struct lang_type *complain(struct compiler *c, const struct ast_node *n, const char *hint,
				 const char *fmt, ...)
{
	struct diag_place place = {c->script->file, n->place.line, n->place.column, 0, 0};
	struct str text = {0};
	va_list ap;

	if (c->error)
		return &lang_none;
	va_start(ap, fmt);
	str_addv(&text, fmt, ap);
	va_end(ap);
	c->error = diag_error(c->diag, &place, "%s", str_c(&text));
	if (hint)
		diag_hint(c->diag, "%s", hint);
	str_fini(&text);
	return &lang_none;
}

bool is_known(const struct lang_type *t)
{
	return t->kind != LANG_NONE;
}

const struct lang_type *promoted(const struct lang_type *t)
{
	if (t->kind == LANG_INT)
		return t->size < 8 || t->is_signed ? &lang_i64 : &lang_u64;
	if (t->kind == LANG_COUNT)
		return &lang_u64;
	return t->kind >= LANG_SUM ? (t->is_signed ? &lang_i64 : &lang_u64) : &lang_u64;
}

bool constant_value(const struct ast_node *n, int64_t *value)
{
	if (n->kind == AST_INT || (n->kind == AST_NAME && n->is_constant)) {
		*value = (int64_t)n->number;
		return true;
	}
	if (n->kind == AST_UNARY && n->op == OP_NEGATE && constant_value(n->first, value)) {
		*value = (int64_t) - (uint64_t)*value;
		return true;
	}
	if (n->kind == AST_PARAMETER && n->is_constant) {
		*value = (int64_t)n->number;
		return true;
	}
	return false;
}

/* What can be computed with, compared and tested: also the value of an aggregation. */
static bool is_number(const struct lang_type *t)
{
	return lang_is_scalar(t) || (lang_is_aggregate(t) && t->kind < LANG_HIST);
}

static bool wants_number(struct compiler *c, const struct ast_node *n)
{
	struct str text = {0};

	if (!is_known(n->type) || is_number(n->type))
		return is_known(n->type);
	lang_type_write(&text, n->type);
	complain(c, n, NULL, "a number is needed here, and this is %s", str_c(&text));
	str_fini(&text);
	return false;
}

/* --- names of types --------------------------------------------------------------------- */

static const struct lang_type *struct_of_script(struct compiler *c, const char *name)
{
	size_t i = 0;

	for (const struct ast_struct *s = c->script->structs; s; s = s->next, i++)
		if (c->structs && c->structs[i] && !strcmp(s->name, name))
			return c->structs[i];
	return NULL;
}

static const struct lang_type *base_type(struct compiler *c, const char *name)
{
	const struct lang_type *t = lang_int_named(name);

	if (t)
		return t;
	if (!strcmp(name, "void"))
		return &lang_none;
	if (!strcmp(name, "string"))
		return lang_string(c->arena, c->options->max_string);
	t = struct_of_script(c, name);
	return t || !c->env->ops->type ? t : c->env->ops->type(c->env, name);
}

const struct lang_type *resolve_type(struct compiler *c, const struct ast_node *n,
				     const struct ast_type_name *name)
{
	const struct lang_type *t = base_type(c, name->name);
	bool user = c->target && c->target->context == LANG_CONTEXT_REGS;

	if (!t && !strncmp(name->name, "enum ", 5))
		t = &lang_i32;
	if (!t) {
		if (name->pointers)
			t = &lang_none;
		else
			return complain(c, n, NULL, "there is no type %s", name->name);
	}
	for (unsigned i = 0; t && i < name->pointers; i++)
		t = lang_pointer(c->arena, t, user);
	if (t && name->count)
		t = lang_array(c->arena, t, name->count, user);
	return t ? t : &lang_none;
}

/* --- values ------------------------------------------------------------------------------- */

static const struct lang_type *check_int(struct compiler *c, struct ast_node *n)
{
	(void)c;
	return (int64_t)n->number < 0 ? &lang_u64 : &lang_i64;
}

static const struct lang_type *check_string(struct compiler *c, struct ast_node *n)
{
	return lang_string(c->arena, (uint32_t)n->len + 1);
}

static const struct lang_type *check_parameter(struct compiler *c, struct ast_node *n)
{
	const char *text;

	n->is_constant = true;
	if (n->number == 0 && !n->name) { /* $# */
		n->name = "#";
		n->number = c->options->n_params;
		return &lang_i64;
	}
	if (n->name)
		return n->type && n->type->kind == LANG_STRING ? n->type : &lang_i64;
	text = n->number <= c->options->n_params ? c->options->params[n->number - 1] : "";
	n->name = text;
	n->len = strlen(text);
	n->number = 0;
	if (*text) {
		bool negative = *text == '-';

		if (parse_u64(text + negative, &n->number) == 0) {
			if (negative)
				n->number = -n->number;
			return &lang_i64;
		}
		n->is_constant = false;
		n->kind = AST_STRING;
		return check_string(c, n);
	}
	return &lang_i64;
}

static const struct lang_type *check_name(struct compiler *c, struct ast_node *n)
{
	const struct lang_builtin *b = lang_builtin_find(n->name, strlen(n->name));
	const char *near;
	char hint[128];
	int64_t value;

	for (const struct ast_constant *k = c->script->constants; k; k = k->next) {
		if (strcmp(k->name, n->name) != 0)
			continue;
		n->number = (uint64_t)k->value;
		n->is_constant = true;
		return &lang_i64;
	}
	if (b) {
		n->builtin = b;
		if (b->contexts && !(b->contexts >> c->target->context & 1))
			return complain(c, n, NULL, "%s has no %s", c->target->name, n->name);
		if (b->is_live && c->env->is_recorded)
			return complain(c, n, NULL, "a recording has no %s", n->name);
		return b->type ? b->type : b->type_of(c, n);
	}
	if (c->env->ops->constant && c->env->ops->constant(c->env, n->name, &value)) {
		n->number = (uint64_t)value;
		n->is_constant = true;
		return &lang_i64;
	}
	near = lang_builtin_nearest(n->name);
	snprintf(hint, sizeof(hint), "did you mean %s?", near);
	return complain(c, n, near ? hint : NULL, "there is no %s", n->name);
}

static const struct lang_type *check_variable(struct compiler *c, struct ast_node *n)
{
	for (struct lang_variable *v = c->variables; v; v = v->next) {
		if (strcmp(v->name, n->name) != 0)
			continue;
		n->variable = v;
		return v->type;
	}
	return complain(c, n, NULL, "$%s is used before it has a value", n->name);
}

static const struct lang_type *check_map(struct compiler *c, struct ast_node *n)
{
	check_keys(c, n);
	if (c->is_last_pass && n->map && !is_known(n->map->value))
		return complain(c, n, NULL, "@%s never gets a value", n->name);
	return n->map ? n->map->value : &lang_none;
}

static const struct lang_type *check_call(struct compiler *c, struct ast_node *n)
{
	const struct lang_function *f = lang_function_find(n->name);
	unsigned given = 0;
	const char *near;
	char hint[128];

	if (!f) {
		near = lang_function_nearest(n->name);
		snprintf(hint, sizeof(hint), "did you mean %s()?", near);
		return complain(c, n, near ? hint : NULL, "there is no function %s()", n->name);
	}
	n->function = f;
	for (struct ast_node *arg = n->first; arg; arg = arg->next, given++)
		if (!f->raw_args)
			check(c, arg);
	if (given < f->min_args || given > f->max_args) {
		if (f->min_args == f->max_args)
			return complain(c, n, NULL, "%s() takes %u argument%s, not %u", n->name,
					f->min_args, f->min_args == 1 ? "" : "s", given);
		return complain(c, n, NULL, "%s() takes %u to %u arguments, not %u", n->name,
				f->min_args, f->max_args, given);
	}
	if (f->is_unsafe && !c->options->unsafe)
		return complain(c, n, "--unsafe allows what changes the system",
				"%s() is not allowed", n->name);
	return c->error ? &lang_none : f->check(c, n);
}

/* --- operators ---------------------------------------------------------------------------- */

static const struct lang_type *pointed_to(struct compiler *c, const struct ast_node *n,
					  const struct lang_type *pointer)
{
	const struct lang_type *t = pointer->of;

	if (t->kind == LANG_NONE)
		return complain(c, n, "cast it first: (struct NAME *)",
				"what this points to is not known");
	return t;
}

/* As a value is used: an array of characters is a string. */
static const struct lang_type *as_value(struct compiler *c, const struct lang_type *t, bool user)
{
	struct lang_type *copy;

	if (t->kind == LANG_ARRAY && t->of->kind == LANG_INT && t->of->size == 1 && t->count &&
	    t->of->is_signed) {
		copy = lang_string(c->arena, t->count);
		if (!copy)
			return &lang_none;
		copy->in_user_space = user;
		return copy;
	}
	if ((t->kind == LANG_POINTER || t->kind == LANG_ARRAY || t->kind == LANG_RECORD) &&
	    t->in_user_space != user) {
		copy = arena_memdup(c->arena, t, sizeof(*t));
		if (!copy)
			return &lang_none;
		copy->in_user_space = user;
		return copy;
	}
	return t;
}

static const struct lang_type *check_unary(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *t = check(c, n->first);

	if (n->op == OP_DEREFERENCE) {
		if (!is_known(t))
			return &lang_none;
		if (t->kind == LANG_INT)
			return &lang_u64; /* an address of nothing in particular */
		if (t->kind != LANG_POINTER)
			return complain(c, n, NULL, "only pointers have something behind them");
		return as_value(c, pointed_to(c, n, t), t->in_user_space);
	}
	if (!wants_number(c, n->first))
		return &lang_none;
	if (n->op == OP_NOT)
		return &lang_i64;
	return n->op == OP_NEGATE ? &lang_i64 : promoted(t);
}

static const struct lang_type *check_comparison(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *a = n->first->type, *b = n->first->next->type;

	if (!is_known(a) || !is_known(b))
		return &lang_none;
	if (a->kind == LANG_STRING && b->kind == LANG_STRING) {
		if (n->op == OP_EQUAL || n->op == OP_UNEQUAL)
			return &lang_i64;
		return complain(c, n, NULL, "strings are only equal or not");
	}
	if (a->kind == LANG_STRING || b->kind == LANG_STRING)
		return complain(c, n, NULL, "a string cannot be compared with a number");
	if ((a->kind == LANG_INET || a->kind == LANG_TUPLE) && lang_type_equal(a, b))
		return &lang_i64;
	wants_number(c, n->first);
	wants_number(c, n->first->next);
	return &lang_i64;
}

static const struct lang_type *check_binary(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *a = check(c, n->first), *b = check(c, n->first->next);
	int64_t value;

	if (n->op >= OP_EQUAL && n->op <= OP_AT_LEAST)
		return check_comparison(c, n);
	if (n->op == OP_OR || n->op == OP_AND) {
		if (is_known(a) && a->kind != LANG_STRING)
			wants_number(c, n->first);
		if (is_known(b) && b->kind != LANG_STRING)
			wants_number(c, n->first->next);
		return &lang_i64;
	}
	if (!wants_number(c, n->first) || !wants_number(c, n->first->next))
		return &lang_none;
	if ((n->op == OP_DIVIDE || n->op == OP_MODULO) && constant_value(n->first->next, &value) &&
	    value == 0)
		return complain(c, n, NULL, "this divides by zero");
	if (a->kind == LANG_POINTER && b->kind == LANG_POINTER)
		return &lang_i64;
	if (a->kind == LANG_POINTER && (n->op == OP_ADD || n->op == OP_SUBTRACT))
		return a;
	if (b->kind == LANG_POINTER && n->op == OP_ADD)
		return b;
	a = promoted(a);
	b = promoted(b);
	if (n->op == OP_SHIFT_LEFT || n->op == OP_SHIFT_RIGHT)
		return a;
	/* a constant takes the other side's sign */
	if (constant_value(n->first->next, &value) && value >= 0)
		return a;
	if (constant_value(n->first, &value) && value >= 0)
		return b;
	return a->is_signed && b->is_signed ? &lang_i64 : &lang_u64;
}

static const struct lang_type *check_ternary(struct compiler *c, struct ast_node *n)
{
	struct ast_node *yes = n->first->next, *no = yes->next;
	const struct lang_type *a, *b, *both;

	check(c, n->first);
	a = check(c, yes);
	b = check(c, no);
	if (is_known(n->first->type) && n->first->type->kind != LANG_STRING)
		wants_number(c, n->first);
	if (!is_known(a) || !is_known(b))
		return is_known(a) ? a : b;
	if (a->kind == LANG_INT && b->kind == LANG_INT)
		return promoted(a)->is_signed && promoted(b)->is_signed ? &lang_i64 : &lang_u64;
	both = joined(c, a, b);
	return both ? both : complain(c, no, NULL, "both sides of ? : must be of one type");
}

static const struct lang_type *check_cast(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *from = check(c, n->first), *to = resolve_type(c, n, &n->type_name);

	if (!is_known(from) || !is_known(to))
		return is_known(from) ? to : &lang_none;
	if (to->kind == LANG_POINTER && from->kind == LANG_POINTER)
		return as_value(c, to, from->in_user_space);
	if (to->kind == LANG_INT || to->kind == LANG_POINTER) {
		if (from->kind != LANG_ARRAY && from->kind != LANG_STRING)
			wants_number(c, n->first);
		return to;
	}
	if (to->kind == LANG_STRING && (from->kind == LANG_STRING || from->kind == LANG_POINTER))
		return from->kind == LANG_STRING ? from : to;
	if (to->kind == LANG_RECORD && from->kind == LANG_RECORD)
		return to;
	return complain(c, n, NULL, "there is no such cast");
}

/* --- fields and items ----------------------------------------------------------------------- */

/* Also within anonymous structs and unions; `offset` is where it lies in all of it. */
static const struct lang_field *find_field(struct compiler *c, const struct lang_type *t,
					   const char *name, uint32_t *offset)
{
	if (t->lazy) {
		const struct lang_field *f =
			c->env->ops->field ? c->env->ops->field(c->env, t, name) : NULL;

		*offset = f ? f->offset : 0;
		return f;
	}
	for (size_t i = 0; i < t->n_fields; i++) {
		const struct lang_field *f = &t->fields[i], *inner;
		const struct lang_type *type = f->type;
		uint32_t more = 0;

		if (f->name) {
			if (strcmp(f->name, name) != 0)
				continue;
			*offset = f->offset;
			return f;
		}
		inner = find_field(c, type, name, &more);
		if (inner) {
			*offset = f->offset + more;
			return inner;
		}
	}
	return NULL;
}

static const char *nearest_field(struct compiler *c, const struct lang_type *t, const char *name)
{
	const char **names = arena_array(c->arena, t->n_fields + 1, sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; names && i < t->n_fields; i++)
		if (t->fields[i].name)
			names[n++] = t->fields[i].name;
	return names ? nearest_name(name, names, n) : NULL;
}

static const struct lang_type *check_arg(struct compiler *c, struct ast_node *n)
{
	const struct lang_args *args = c->target->args;
	const char *names[64], *near;
	char hint[160];
	size_t len = 0;

	for (size_t i = 0; args && i < args->n; i++) {
		const struct lang_arg *arg = &args->items[i];

		if (len < 64)
			names[len++] = arg->name;
		if (strcmp(arg->name, n->name) != 0)
			continue;
		if (arg->where == LANG_BY_EXPRESSION) {
			if ((n->arg != arg || !n->expansion) &&
			    bt_parse_expression(&n->expansion, arg->name, arg->expression, c->arena,
						c->diag))
				return complain(c, n, NULL, "%s is not well described", n->name);
			n->arg = arg;
			check(c, n->expansion);
			return n->expansion->type;
		}
		n->expansion = NULL;
		n->arg = arg;
		return as_value(c, arg->type, arg->type->in_user_space);
	}
	if (!args || !args->n)
		return complain(c, n, NULL, "%s has no fields", c->target->name);
	near = nearest_name(n->name, names, len);
	snprintf(hint, sizeof(hint), "did you mean %s?", near ? near : "");
	return complain(c, n, near ? hint : NULL, "%s has no field %s", c->target->name, n->name);
}

static bool is_args(const struct ast_node *n)
{
	return n->kind == AST_NAME && !strcmp(n->name, "args");
}

static const struct lang_type *check_field(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *t;
	const struct lang_field *f;
	struct str text = {0};
	const char *near;
	uint32_t offset;
	bool user;

	if (is_args(n->first))
		return check_arg(c, n);
	t = check(c, n->first);
	if (!is_known(t))
		return &lang_none;
	user = t->in_user_space;
	if (t->kind == LANG_POINTER)
		t = pointed_to(c, n, t);
	if (t->kind != LANG_RECORD) {
		lang_type_write(&text, t);
		complain(c, n, NULL, "%s has no fields", str_c(&text));
		str_fini(&text);
		return &lang_none;
	}
	f = find_field(c, t, n->name, &offset);
	if (!f) {
		near = nearest_field(c, t, n->name);
		str_addf(&text, "did you mean %s?", near ? near : "");
		complain(c, n, near ? str_c(&text) : NULL, "%s has no field %s",
			 t->name ? t->name : "this", n->name);
		str_fini(&text);
		return &lang_none;
	}
	n->field = f;
	n->number = offset;
	return as_value(c, f->type, user);
}

static const struct lang_type *check_item(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *t = check(c, n->first);

	if (!is_known(t))
		return &lang_none;
	if (t->kind != LANG_TUPLE)
		return complain(c, n, NULL, "only a tuple has .%u", (unsigned)n->number);
	if (n->number >= t->n_fields)
		return complain(c, n, NULL, "this tuple has items 0 to %zu", t->n_fields - 1);
	return t->fields[n->number].type;
}

static const struct lang_type *check_index(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *t = check(c, n->first);
	int64_t value;

	check(c, n->first->next);
	if (!is_known(t) || !wants_number(c, n->first->next))
		return &lang_none;
	if (t->kind == LANG_POINTER)
		return as_value(c, pointed_to(c, n, t), t->in_user_space);
	if (t->kind == LANG_STRING && is_in_memory(n->first))
		return &lang_i8;
	if (t->kind != LANG_ARRAY)
		return complain(c, n, NULL, "only arrays and pointers have elements");
	if (t->count && constant_value(n->first->next, &value) &&
	    (value < 0 || (uint64_t)value >= t->count))
		return complain(c, n->first->next, NULL, "the array has elements 0 to %u",
				t->count - 1);
	return as_value(c, t->of, t->in_user_space);
}

static const struct lang_type *check_tuple(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *items[32];
	size_t len = 0;

	for (struct ast_node *item = n->first; item; item = item->next) {
		if (len == 32)
			return complain(c, item, NULL, "a tuple has at most 32 items");
		items[len] = check(c, item);
		if (!is_known(items[len]))
			return &lang_none;
		if (items[len]->kind == LANG_INT)
			items[len] = promoted(items[len]);
		len++;
	}
	return lang_tuple(c->arena, items, len);
}

static const struct lang_type *check_sizeof(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *t = n->first ? check(c, n->first)
					     : resolve_type(c, n, &n->type_name);

	if (n->kind == AST_OFFSETOF) {
		uint32_t offset = 0;

		if (t->kind != LANG_RECORD || !find_field(c, t, n->name, &offset))
			return complain(c, n, NULL, "there is no field %s", n->name);
		n->number = offset;
	} else {
		n->number = t->size;
	}
	return &lang_u64;
}

/* --- assignments -------------------------------------------------------------------------- */

static struct lang_variable *variable_new(struct compiler *c, const char *name)
{
	struct lang_variable *v = arena_new(c->arena, struct lang_variable);

	if (!v) {
		c->error = -ENOMEM;
		return NULL;
	}
	v->name = name;
	v->type = &lang_none;
	v->next = c->variables;
	c->variables = v;
	return v;
}

static struct lang_variable *variable_find(struct compiler *c, const char *name)
{
	for (struct lang_variable *v = c->variables; v; v = v->next)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

static void variable_takes(struct compiler *c, struct ast_node *n, const struct lang_type *t)
{
	struct lang_variable *v = n->variable;
	const struct lang_type *both;
	struct str text = {0};

	if (!v || !is_known(t))
		return;
	if (t->kind == LANG_INT || lang_is_aggregate(t))
		t = t->kind == LANG_INT && t->is_signed ? &lang_i64 : promoted(t);
	if (!is_known(v->type)) {
		v->type = t;
		return;
	}
	if (v->type->kind == LANG_POINTER && t->kind == LANG_POINTER)
		return;
	both = joined(c, v->type, t);
	if (both) {
		v->type = both;
		return;
	}
	lang_type_write(&text, v->type);
	complain(c, n, NULL, "$%s is %s already", n->name, str_c(&text));
	str_fini(&text);
}

static const struct lang_type *check_assign(struct compiler *c, struct ast_node *n)
{
	struct ast_node *to = n->first, *value = to->next;
	const struct lang_type *t = check(c, value);

	if (to->kind == AST_VARIABLE) {
		to->variable = variable_find(c, to->name);
		if (!to->variable && n->op != OP_NONE)
			return check_variable(c, to);
		if (!to->variable)
			to->variable = variable_new(c, to->name);
		if (n->op != OP_NONE)
			wants_number(c, value);
		variable_takes(c, to, t);
		to->type = to->variable ? to->variable->type : &lang_none;
		return to->type;
	}
	check_keys(c, to);
	if (!to->map)
		return &lang_none;
	if (n->op != OP_NONE && wants_number(c, value))
		t = promoted(t);
	if (n->op == OP_NONE || is_known(t))
		map_takes(c, n, to->map, t);
	to->type = to->map->value;
	return to->type;
}

static const struct lang_type *check_step(struct compiler *c, struct ast_node *n)
{
	struct ast_node *to = n->first;

	if (to->kind == AST_VARIABLE) {
		check(c, to);
		wants_number(c, to);
		return to->type;
	}
	if (to->kind != AST_MAP)
		return complain(c, n, NULL, "only $variables and @maps can be counted up");
	check_keys(c, to);
	if (to->map)
		map_takes(c, n, to->map, &lang_i64);
	to->type = to->map ? to->map->value : &lang_none;
	return to->type;
}

/* --- statements ----------------------------------------------------------------------------- */

static void check_statements(struct compiler *c, struct ast_node *first)
{
	for (struct ast_node *n = first; n && !c->error; n = n->next)
		check(c, n);
}

static const struct lang_type *check_block(struct compiler *c, struct ast_node *n)
{
	c->block_depth++;
	check_statements(c, n->first);
	c->block_depth--;
	return &lang_none;
}

static const struct lang_type *check_eval(struct compiler *c, struct ast_node *n)
{
	check(c, n->first);
	if (n->first->kind == AST_CALL && n->first->function && is_known(n->first->type) &&
	    lang_is_aggregate(n->first->type))
		return complain(c, n, "@x = count();", "%s() is the value of a map",
				n->first->name);
	return &lang_none;
}

static const struct lang_type *check_let(struct compiler *c, struct ast_node *n)
{
	struct ast_node *value = n->first->next;
	const struct lang_type *t = value ? check(c, value) : &lang_none;

	n->first->variable = variable_new(c, n->first->name);
	if (!n->first->variable)
		return &lang_none;
	if (n->type_name.name)
		t = resolve_type(c, n, &n->type_name);
	variable_takes(c, n->first, t);
	n->first->type = n->first->variable->type;
	return &lang_none;
}

static const struct lang_type *check_if(struct compiler *c, struct ast_node *n)
{
	check(c, n->first);
	if (is_known(n->first->type) && n->first->type->kind != LANG_STRING)
		wants_number(c, n->first);
	check_statements(c, n->first->next);
	return &lang_none;
}

static const struct lang_type *check_loop(struct compiler *c, struct ast_node *n)
{
	check(c, n->first);
	wants_number(c, n->first);
	if (n->kind == AST_UNROLL) {
		int64_t times;

		if (!constant_value(n->first, &times) || times < 1 || times > 100)
			return complain(c, n->first, NULL, "unroll needs a constant from 1 to 100");
	}
	c->loop_depth++;
	check(c, n->first->next);
	c->loop_depth--;
	return &lang_none;
}

static const struct lang_type *check_for_range(struct compiler *c, struct ast_node *n)
{
	struct ast_node *variable = n->first, *from = variable->next, *to = from->next;

	check(c, from);
	check(c, to);
	wants_number(c, from);
	wants_number(c, to);
	variable->variable = variable_new(c, variable->name);
	if (variable->variable)
		variable->variable->type = &lang_i64;
	variable->type = &lang_i64;
	c->loop_depth++;
	check(c, to->next);
	c->loop_depth--;
	return &lang_none;
}

static const struct lang_type *check_for_map(struct compiler *c, struct ast_node *n)
{
	return complain(c, n, "print(@map) shows all of it",
			"a loop over a map is not possible yet");
}

static const struct lang_type *check_jump(struct compiler *c, struct ast_node *n)
{
	if (n->kind != AST_RETURN && !c->loop_depth)
		return complain(c, n, NULL, "there is no loop here");
	if (n->first)
		check(c, n->first);
	return &lang_none;
}

const struct lang_type *check(struct compiler *c, struct ast_node *n)
{
	static const struct lang_type *(*const checks[AST_N_KINDS])(struct compiler *,
								    struct ast_node *) = {
		[AST_INT] = check_int,         [AST_STRING] = check_string,
		[AST_NAME] = check_name,       [AST_VARIABLE] = check_variable,
		[AST_MAP] = check_map,         [AST_PARAMETER] = check_parameter,
		[AST_CALL] = check_call,       [AST_UNARY] = check_unary,
		[AST_BINARY] = check_binary,   [AST_TERNARY] = check_ternary,
		[AST_CAST] = check_cast,       [AST_FIELD] = check_field,
		[AST_ITEM] = check_item,       [AST_INDEX] = check_index,
		[AST_TUPLE] = check_tuple,     [AST_SIZEOF] = check_sizeof,
		[AST_OFFSETOF] = check_sizeof, [AST_ASSIGN] = check_assign,
		[AST_STEP] = check_step,       [AST_BLOCK] = check_block,
		[AST_EVAL] = check_eval,       [AST_LET] = check_let,
		[AST_IF] = check_if,           [AST_WHILE] = check_loop,
		[AST_UNROLL] = check_loop,     [AST_FOR_RANGE] = check_for_range,
		[AST_FOR_MAP] = check_for_map, [AST_RETURN] = check_jump,
		[AST_BREAK] = check_jump,      [AST_CONTINUE] = check_jump,
	};

	n->type = c->error ? &lang_none : checks[n->kind](c, n);
	if (n->type && (n->type->kind == LANG_USYM || n->type->kind == LANG_USTACK))
		c->names_user_code = true;
	if (!n->type) { /* no memory for it */
		n->type = &lang_none;
		if (!c->error)
			c->error = -ENOMEM;
	}
	return n->type;
}

void check_instance(struct compiler *c, const struct lang_instance *instance)
{
	struct ast_node *predicate = instance->clause->predicate;

	c->instance = instance;
	c->target = instance->targets[0];
	c->variables = NULL;
	c->block_depth = c->loop_depth = 0;
	if (predicate) {
		check(c, predicate);
		if (is_known(predicate->type) && predicate->type->kind != LANG_STRING)
			wants_number(c, predicate);
	}
	if (!c->error)
		check(c, instance->clause->body);
}
