/* SPDX-License-Identifier: MIT */
#include "analysis/report.h"

void report_fini(struct report *r)
{
	struct report_table *t;

	vec_each(t, &r->tables) {
		vec_fini(&t->columns);
		vec_fini(&t->cells);
	}
	vec_fini(&r->tables);
	vec_fini(&r->facts);
	arena_fini(&r->arena);
}

void report_fact(struct report *r, const char *key, const char *text, enum report_unit unit,
		 uint64_t number)
{
	if (vec_push(&r->facts, ((struct report_fact){key, text, unit, number})))
		r->arena.failed = true;
}

void report_table(struct report *r, const char *name)
{
	struct report_table t = {.name = name};

	if (vec_push(&r->tables, t))
		r->arena.failed = true;
}

static struct report_table *newest(struct report *r)
{
	return r->tables.len ? &r->tables.items[r->tables.len - 1] : NULL;
}

void report_column(struct report *r, const char *key, const char *heading, enum report_unit unit)
{
	struct report_table *t = newest(r);

	if (!t || vec_push(&t->columns, ((struct report_column){key, heading, unit})))
		r->arena.failed = true;
}

static void add(struct report *r, struct report_cell cell)
{
	struct report_table *t = newest(r);

	if (!t || vec_push(&t->cells, cell))
		r->arena.failed = true;
}

void report_text(struct report *r, const char *text)
{
	add(r, (struct report_cell){.text = arena_strdup(&r->arena, text)});
}

void report_number(struct report *r, uint64_t number)
{
	add(r, (struct report_cell){.number = number});
}

void report_counts(struct report *r, const struct report_count *counts, size_t n)
{
	add(r, (struct report_cell){
		       .number = n,
		       .counts = n ? arena_memdup(&r->arena, counts, n * sizeof(*counts)) : NULL});
}

void report_absent(struct report *r)
{
	add(r, (struct report_cell){.is_absent = true});
}

void report_left_out(struct report *r, uint64_t rows)
{
	if (newest(r))
		newest(r)->rows_left_out = rows;
}
