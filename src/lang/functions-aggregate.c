/* SPDX-License-Identifier: MIT */
/*
 * count() sum() … hist(): what is assigned to a map. lower-map.c has the code.
 */
#include <string.h>

#include "lang/compile.h"

static const struct lang_type *of_kind(struct compiler *c, const struct ast_node *call,
				       enum lang_kind kind)
{
	struct lang_type *t = lang_type_new(c->arena, kind, 8);

	if (t && call->first) {
		const struct lang_type *value = call->first->type;

		if (!is_known(value))
			return &lang_none;
		if (!lang_is_scalar(value))
			return complain(c, call->first, NULL, "%s() takes a number", call->name);
		t->is_signed = promoted(value)->is_signed;
	}
	return t;
}

static const struct lang_type *check_count(struct compiler *c, struct ast_node *call)
{
	return of_kind(c, call, LANG_COUNT);
}

static const struct lang_type *check_sum(struct compiler *c, struct ast_node *call)
{
	return of_kind(c, call, LANG_SUM);
}

static const struct lang_type *check_min(struct compiler *c, struct ast_node *call)
{
	return of_kind(c, call, LANG_MIN);
}

static const struct lang_type *check_max(struct compiler *c, struct ast_node *call)
{
	return of_kind(c, call, LANG_MAX);
}

static const struct lang_type *check_avg(struct compiler *c, struct ast_node *call)
{
	return of_kind(c, call, LANG_AVG);
}

static const struct lang_type *check_stats(struct compiler *c, struct ast_node *call)
{
	return of_kind(c, call, LANG_STATS);
}

static const struct lang_type *check_hist(struct compiler *c, struct ast_node *call)
{
	return of_kind(c, call, LANG_HIST);
}

static const struct lang_type *check_lhist(struct compiler *c, struct ast_node *call)
{
	struct lang_type *t = (struct lang_type *)of_kind(c, call, LANG_LHIST);
	const struct ast_node *low = call->first->next, *high = low->next, *step = high->next;

	if (!t || t->kind != LANG_LHIST)
		return t;
	if (!constant_value(low, &t->low) || !constant_value(high, &t->high) ||
	    !constant_value(step, &t->step))
		return complain(c, call, NULL, "lhist(value, min, max, step): these are constants");
	if (t->step <= 0 || t->high <= t->low)
		return complain(c, call, NULL, "lhist() needs min < max, and a step above 0");
	if ((uint64_t)(t->high - t->low) / (uint64_t)t->step > 1000)
		return complain(c, call, "a larger step makes fewer",
				"lhist() has at most 1000 buckets");
	return t;
}

const struct lang_function lang_aggregates[] = {
	{.name = "count", .check = check_count},
	{.name = "sum", .min_args = 1, .max_args = 1, .check = check_sum},
	{.name = "min", .min_args = 1, .max_args = 1, .check = check_min},
	{.name = "max", .min_args = 1, .max_args = 1, .check = check_max},
	{.name = "avg", .min_args = 1, .max_args = 1, .check = check_avg},
	{.name = "stats", .min_args = 1, .max_args = 1, .check = check_stats},
	{.name = "hist", .min_args = 1, .max_args = 1, .check = check_hist},
	{.name = "lhist", .min_args = 4, .max_args = 4, .check = check_lhist},
	{0},
};
