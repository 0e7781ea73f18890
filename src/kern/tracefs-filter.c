/* SPDX-License-Identifier: MIT */
/*
 * tracefs-filter.c - a stack machine whose values are texts. What stands on the
 * stack is a field, a number, a field with a mask, or a whole predicate; only
 * some pairs of them can be compared.
 */
#include "kern/tracefs-filter.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { STACK_MAX = 64, TEXT_MAX = 4000 /* the file takes a page */ };

enum value_kind { VALUE_NUMBER, VALUE_FIELD, VALUE_MASKED, VALUE_PREDICATE };

struct value {
	enum value_kind kind;
	int64_t number;
	const char *field;
	struct str text; /* of a predicate, or of the field and its mask */
};

struct machine {
	const struct format *f;
	struct value stack[STACK_MAX];
	size_t depth;
	int rc; /* the first error */
};

static struct value *push(struct machine *m, enum value_kind kind)
{
	struct value *v;

	if (m->depth == STACK_MAX) {
		m->rc = m->rc ? m->rc : -EOPNOTSUPP;
		return NULL;
	}
	v = &m->stack[m->depth++];
	*v = (struct value){.kind = kind};
	return v;
}

static const struct kern_field *find_field(const struct format *f, const char *name)
{
	for (size_t i = 0; i < f->n_fields; i++)
		if (!strcmp(f->fields[i].name, name))
			return &f->fields[i];
	return NULL;
}

/* What tracefs calls a field; NULL with *rc set (unless it is set) when it has no name for it. */
static const char *field_name(const struct format *f, const char *name, bool is_text, int *rc)
{
	const struct kern_field *field = find_field(f, name);
	int err = -ENOENT;

	if (field) {
		bool text = field->kind == KERN_TEXT || field->kind == KERN_CHARS;

		/* one of another kind is not what the filter means */
		if (text == is_text && (is_text || field->kind == KERN_INTEGER))
			return name;
	} else if (!is_text && !strcmp(name, "tid")) {
		return "common_pid";
	} else if (!is_text && !strcmp(name, "cpu")) {
		return "CPU";
	} else if (!is_text && !strcmp(name, "pid")) {
		err = -EOPNOTSUPP;
	}
	*rc = *rc ? *rc : err;
	return NULL;
}

/* A value as a condition, as in `flags & 4` or `ret`; false: there are no constants there. */
static bool make_predicate(struct value *v)
{
	if (v->kind == VALUE_NUMBER)
		return false;
	if (v->kind == VALUE_FIELD)
		str_addf(&v->text, "%s != 0", v->field);
	v->kind = VALUE_PREDICATE;
	return true;
}

static void negate(struct machine *m, struct value *v)
{
	struct str text = {0};

	if (!make_predicate(v))
		m->rc = m->rc ? m->rc : -EOPNOTSUPP;
	str_addf(&text, "!(%s)", str_c(&v->text));
	str_fini(&v->text);
	v->text = text;
}

/* The operator with its sides exchanged. */
static const char *mirrored(const char *op)
{
	static const char *const pairs[][2] = {
		{"<", ">"},   {">", "<"},   {"<=", ">="}, {">=", "<="},
		{"==", "=="}, {"!=", "!="}, {"&", "&"},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (!strcmp(op, pairs[i][0]))
			return pairs[i][1];
	return NULL;
}

/* field OP number, into a. */
static int compare(struct machine *m, struct value *a, const char *op, int64_t number)
{
	if (a->kind == VALUE_MASKED && !number && (!strcmp(op, "==") || !strcmp(op, "!="))) {
		make_predicate(a);
		if (*op == '=')
			negate(m, a);
		return 0;
	}
	if (a->kind != VALUE_FIELD || !mirrored(op))
		return -EOPNOTSUPP;
	str_addf(&a->text, "%s %s %" PRId64, a->field, op, number);
	a->kind = *op == '&' ? VALUE_MASKED : VALUE_PREDICATE;
	return 0;
}

static int combine(struct value *a, const char *op, struct value *b)
{
	struct str text = {0};

	if (!make_predicate(a) || !make_predicate(b))
		return -EOPNOTSUPP;
	str_addf(&text, "(%s) %s (%s)", str_c(&a->text), op, str_c(&b->text));
	str_fini(&a->text);
	a->text = text;
	return 0;
}

static void step_binary(struct machine *m, const char *op)
{
	struct value *b = &m->stack[--m->depth], *a = &m->stack[m->depth - 1];
	int rc;

	if (!strcmp(op, "&&") || !strcmp(op, "||")) {
		rc = combine(a, op, b);
	} else if (b->kind == VALUE_NUMBER) {
		rc = compare(m, a, op, b->number);
	} else if (a->kind == VALUE_NUMBER && mirrored(op)) {
		int64_t number = a->number;

		*a = *b;
		b->text = (struct str){0};
		rc = compare(m, a, mirrored(op), number);
	} else {
		rc = -EOPNOTSUPP;
	}
	str_fini(&b->text);
	m->rc = m->rc ? m->rc : rc;
}

static void step_glob(struct machine *m, const struct kern_filter_step *step)
{
	const char *name = field_name(m->f, step->text, true, &m->rc);
	struct value *v = push(m, VALUE_PREDICATE);

	if (!v || !name)
		return;
	if (strpbrk(step->glob, "\"\\"))
		m->rc = m->rc ? m->rc : -EOPNOTSUPP;
	str_addf(&v->text, "%s ~ \"%s\"", name, step->glob);
}

static void step(struct machine *m, const struct kern_filter_step *step)
{
	struct value *v;

	switch (step->op) {
	case KERN_FILTER_INT:
		v = push(m, VALUE_NUMBER);
		if (v)
			v->number = step->number;
		break;
	case KERN_FILTER_FIELD:
		v = push(m, VALUE_FIELD);
		if (v)
			v->field = field_name(m->f, step->text, false, &m->rc);
		break;
	case KERN_FILTER_GLOB:
		step_glob(m, step);
		break;
	case KERN_FILTER_NOT:
		if (m->depth < 1)
			m->rc = -EOPNOTSUPP;
		else
			negate(m, &m->stack[m->depth - 1]);
		break;
	case KERN_FILTER_BINARY:
		if (m->depth < 2)
			m->rc = -EOPNOTSUPP;
		else
			step_binary(m, step->binary);
		break;
	}
}

int tracefs_filter_text(struct str *out, const struct kern_filter_step *steps, size_t n,
			const struct format *f)
{
	struct machine m = {.f = f};
	bool lacks = false;

	/* a field that is not there decides, whatever else cannot be said */
	for (size_t i = 0; i < n; i++) {
		bool is_text = steps[i].op == KERN_FILTER_GLOB;
		int rc = 0;

		if (is_text || steps[i].op == KERN_FILTER_FIELD)
			field_name(f, steps[i].text, is_text, &rc);
		lacks |= rc == -ENOENT;
	}
	for (size_t i = 0; !lacks && !m.rc && i < n; i++)
		step(&m, &steps[i]);
	if (!lacks && !m.rc && m.depth == 1) {
		if (!make_predicate(&m.stack[0]) || m.stack[0].text.len > TEXT_MAX)
			m.rc = -EOPNOTSUPP;
		else
			str_add(out, str_c(&m.stack[0].text));
	} else if (!m.rc) {
		m.rc = -EOPNOTSUPP;
	}
	for (size_t i = 0; i < m.depth; i++)
		str_fini(&m.stack[i].text);
	return lacks ? -ENOENT : m.rc;
}
