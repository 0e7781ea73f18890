/* SPDX-License-Identifier: MIT */
/*
 * A comparison that the kernel cannot make counts as true: so of `a && b` one
 * side is enough, of `a || b` neither may be missing. The kernel leaves out an event that lacks
 * any field of the filter; so both sides of || must be of the same fields.
 *
 * The kernel compares 64 bits, signed or not, and the filter numbers. A number
 * beyond 63 bits is taken for a negative one, or a negative one for such a number: whichever
 * lets more pass.
 */
#include "session/kernel-filter.h"

#include <errno.h>
#include <string.h>

#include "ctf/filter-node.h"

enum { FIELDS_MOST = 32, TEXT_BYTES_MOST = 31 };

struct maker {
	struct kernel_filter *out;
	const struct filter *filter;
	struct arena *arena;
	int error;
};

static void push(struct maker *m, struct kern_filter_step step)
{
	if (!m->error)
		m->error = vec_push(m->out, step);
}

static void push_binary(struct maker *m, const char *op, bool is_unsigned)
{
	struct kern_filter_step step = {.op = KERN_FILTER_BINARY, .is_unsigned = is_unsigned};

	memcpy(step.binary, op, strlen(op) + 1);
	push(m, step);
}

static const char *field_name(const struct filter_node *n)
{
	return n->op == FILTER_FIELD && n->n_steps == 1 ? n->steps[0].name : NULL;
}

static bool read_number(const struct filter_node *n, int64_t least, int64_t *out)
{
	bool negative = n->op == FILTER_NEGATE;
	filter_int number;

	if (negative)
		n = n->kids;
	if (n->op != FILTER_INT)
		return false;
	number = negative ? -n->number : n->number;
	if (number < least || number > INT64_MAX)
		return false;
	*out = (int64_t)number;
	return true;
}

/* --- comparisons ---------------------------------------------------------- */

static const struct {
	enum filter_op op, swapped;
	const char *text;
	bool is_unsigned, takes_negative; /* a negative number on the right */
} comparisons[] = {
	{FILTER_EQUAL, FILTER_EQUAL, "==", false, true},
	{FILTER_UNEQUAL, FILTER_UNEQUAL, "!=", false, false},
	{FILTER_LESS, FILTER_GREATER, "<", false, true},
	{FILTER_LESS_EQUAL, FILTER_GREATER_EQUAL, "<=", false, true},
	{FILTER_GREATER, FILTER_LESS, ">", true, false},
	{FILTER_GREATER_EQUAL, FILTER_LESS_EQUAL, ">=", true, false},
};
enum { N_COMPARISONS = sizeof(comparisons) / sizeof(*comparisons) };

static size_t comparison_of(enum filter_op op)
{
	size_t i = 0;

	while (i < N_COMPARISONS && comparisons[i].op != op)
		i++;
	return i;
}

/* field, or field & mask */
static bool can_push_value(const struct filter_node *n)
{
	int64_t mask;

	return field_name(n) || (n->op == FILTER_BIT_AND && field_name(n->kids) &&
				 read_number(n->kids->next, 0, &mask));
}

static void push_value(struct maker *m, const struct filter_node *n)
{
	const struct filter_node *field = n->op == FILTER_BIT_AND ? n->kids : n;

	push(m, (struct kern_filter_step){.op = KERN_FILTER_FIELD, .text = field_name(field)});
	if (field == n)
		return;
	push(m, (struct kern_filter_step){.op = KERN_FILTER_INT,
					  .number = (int64_t)field->next->number});
	push_binary(m, "&", false);
}

/* A text, or the beginning of one: as a glob of the kernel's; NULL: it is something else. */
static const char *glob_of(const struct maker *m, const struct filter_node *text)
{
	size_t len = text->len;
	bool is_prefix = text->wild && len && text->wild[len - 1] == '*';

	len -= is_prefix;
	if (len > TEXT_BYTES_MOST || memchr(text->text, 0, len) || memchr(text->text, '*', len))
		return NULL;
	for (size_t i = 0; text->wild && i < len; i++)
		if (text->wild[i])
			return NULL;
	return arena_printf(m->arena, "%.*s%s", (int)len, text->text, is_prefix ? "*" : "");
}

static bool make_text(struct maker *m, const struct filter_node *field,
		      const struct filter_node *text)
{
	const char *glob = field_name(field) ? glob_of(m, text) : NULL;

	if (!glob)
		return false;
	push(m, (struct kern_filter_step){
			.op = KERN_FILTER_GLOB, .text = field_name(field), .glob = glob});
	return true;
}

static bool make_comparison(struct maker *m, const struct filter_node *n, size_t comparison)
{
	const struct filter_node *left = n->kids, *right = n->kids->next, *kept = left;
	int64_t number;

	if (left->op == FILTER_TEXT || read_number(left, INT64_MIN, &number)) {
		comparison = comparison_of(comparisons[comparison].swapped);
		left = right;
		right = kept;
	}
	if (right->op == FILTER_TEXT && comparisons[comparison].op == FILTER_EQUAL)
		return make_text(m, left, right);
	if (!can_push_value(left) ||
	    !read_number(right, comparisons[comparison].takes_negative ? INT64_MIN : 0, &number))
		return false;
	push_value(m, left);
	push(m, (struct kern_filter_step){.op = KERN_FILTER_INT, .number = number});
	push_binary(m, comparisons[comparison].text, comparisons[comparison].is_unsigned);
	return true;
}

/* --- && and || ------------------------------------------------------------ */

/* The number of a field's name: the slot of the first of that name. */
static size_t number_of(const struct filter *f, const struct filter_node *field)
{
	size_t i = 0;

	while (i < field->slot && strcmp(f->fields[i]->spelled, field->spelled) != 0)
		i++;
	return i;
}

/* The fields below a node, a bit each. */
static uint32_t fields_of(const struct filter *f, const struct filter_node *n)
{
	uint32_t fields = 0;

	if (n->op == FILTER_FIELD)
		return 1u << number_of(f, n);
	if (n->op == FILTER_INT || n->op == FILTER_TEXT)
		return 0;
	for (const struct filter_node *kid = n->kids; kid; kid = kid->next)
		fields |= fields_of(f, kid);
	return fields;
}

static bool make(struct maker *m, const struct filter_node *n);

static bool make_all(struct maker *m, const struct filter_node *n)
{
	bool any = false;

	for (const struct filter_node *kid = n->kids; kid; kid = kid->next) {
		if (!make(m, kid))
			continue;
		if (any)
			push_binary(m, "&&", false);
		any = true;
	}
	return any;
}

static bool make_any(struct maker *m, const struct filter_node *n)
{
	uint32_t fields = fields_of(m->filter, n->kids);
	size_t start = m->out->len;

	for (const struct filter_node *kid = n->kids; kid; kid = kid->next) {
		if (fields_of(m->filter, kid) != fields || !make(m, kid)) {
			m->out->len = start;
			return false;
		}
		if (kid != n->kids)
			push_binary(m, "||", false);
	}
	return true;
}

/* Appends steps that leave one value; false: nothing, it counts as true. */
static bool make(struct maker *m, const struct filter_node *n)
{
	size_t comparison = comparison_of(n->op);

	if (n->op == FILTER_ALL)
		return make_all(m, n);
	if (n->op == FILTER_ANY)
		return make_any(m, n);
	return comparison < N_COMPARISONS && make_comparison(m, n, comparison);
}

int kernel_filter_make(struct kernel_filter *out, const struct filter *f, struct arena *a)
{
	struct maker m = {.out = out, .filter = f, .arena = a};

	*out = (struct kernel_filter){0};
	if (f->n_fields < FIELDS_MOST)
		make(&m, f->root);
	return arena_failed(a) ? -ENOMEM : m.error;
}
