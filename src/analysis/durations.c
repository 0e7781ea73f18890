/* SPDX-License-Identifier: MIT */
#include "analysis/durations.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void durations_fini(struct durations *d)
{
	struct duration_group *g;

	vec_each(g, &d->groups) {
		map_fini(&g->error_counts);
		hist_fini(&g->ns);
	}
	vec_fini(&d->groups);
	map_fini(&d->index);
}

static struct duration_group *find(struct durations *d, uint64_t key, const char *name, uint64_t id)
{
	struct duration_group fresh = {.name = name, .id = id};
	uint64_t index;

	if (map_get_u64(&d->index, key, &index)) {
		d->groups.items[index].name = name; /* the newest */
		return &d->groups.items[index];
	}
	if (vec_push(&d->groups, fresh) || map_put_u64(&d->index, key, d->groups.len - 1))
		return NULL;
	return &d->groups.items[d->groups.len - 1];
}

int durations_add(struct durations *d, uint64_t key, const char *name, uint64_t id,
		  const struct interval *i)
{
	struct duration_group *g = find(d, key, name, id);
	const struct interval_value *error = interval_value(i, "error");
	uint64_t n = 0;

	if (!g)
		return -ENOMEM;
	if (i->is_unfinished) {
		g->unfinished++;
		return 0;
	}
	if (error) {
		g->errors++;
		map_get_u64(&g->error_counts, (uint64_t)error->number, &n);
		if (map_put_u64(&g->error_counts, (uint64_t)error->number, n + 1))
			return -ENOMEM;
	}
	return hist_add(&g->ns, (uint64_t)(i->end_ns - i->begin_ns));
}

/* --- reporting ---------------------------------------------------------------------------- */

const char *error_name(int error)
{
	/* include/linux/errno.h: what a tracer sees of calls that are begun anew */
	static const struct {
		int error;
		const char *name;
	} internal[] = {
		{512, "ERESTARTSYS"},
		{513, "ERESTARTNOINTR"},
		{514, "ERESTARTNOHAND"},
		{516, "ERESTART_RESTARTBLOCK"},
	};

	for (size_t i = 0; i < sizeof(internal) / sizeof(internal[0]); i++)
		if (internal[i].error == error)
			return internal[i].name;
	return strerrorname_np(error);
}

static int by_count(const void *a, const void *b)
{
	const struct report_count *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->name, y->name);
}

static void report_errors(struct report *r, const struct duration_group *g)
{
	struct report_count *counts;
	uint64_t error, n;
	size_t it = 0, len = 0;

	counts = arena_array(&r->arena, g->error_counts.len + 1, sizeof(*counts));
	while (counts && map_next_u64(&g->error_counts, &it, &error, &n)) {
		const char *name = error_name((int)error);

		counts[len].name = name ? name : arena_printf(&r->arena, "errno %d", (int)error);
		counts[len++].count = n;
	}
	if (arena_failed(&r->arena))
		return;
	qsort(counts, len, sizeof(*counts), by_count);
	report_counts(r, counts, len);
}

static int by_total(const void *a, const void *b)
{
	const struct duration_group *x = a, *y = b;

	if (x->ns.sum != y->ns.sum)
		return x->ns.sum < y->ns.sum ? 1 : -1;
	if (x->ns.count != y->ns.count)
		return x->ns.count < y->ns.count ? 1 : -1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void report_group(struct report *r, const struct duration_group *g, bool with_id)
{
	static const double quantiles[] = {0.5, 0.9, 0.99};

	if (with_id)
		report_number(r, g->id);
	report_text(r, g->name);
	report_number(r, g->ns.count);
	report_number(r, g->errors);
	report_number(r, g->ns.sum);
	if (g->ns.count)
		report_number(r, g->ns.sum / g->ns.count);
	else
		report_absent(r);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		if (g->ns.count)
			report_number(r, hist_quantile(&g->ns, quantiles[i]));
		else
			report_absent(r);
	if (g->ns.count)
		report_number(r, g->ns.max);
	else
		report_absent(r);
	report_number(r, g->unfinished);
	report_errors(r, g);
}

void durations_report(struct durations *d, struct report *r, const char *table, const char *heading,
		      const char *id_heading, uint64_t top)
{
	uint64_t n = d->groups.len;

	report_table(r, table);
	if (id_heading)
		report_column(r, "pid", id_heading, REPORT_ID);
	report_column(r, table, heading, REPORT_TEXT);
	report_column(r, "count", "COUNT", REPORT_COUNT);
	report_column(r, "errors", "ERRORS", REPORT_COUNT);
	report_column(r, "total_ns", "TOTAL", REPORT_NS);
	report_column(r, "mean_ns", "MEAN", REPORT_NS);
	report_column(r, "p50_ns", "P50", REPORT_NS);
	report_column(r, "p90_ns", "P90", REPORT_NS);
	report_column(r, "p99_ns", "P99", REPORT_NS);
	report_column(r, "max_ns", "MAX", REPORT_NS);
	report_column(r, "unfinished", "OPEN", REPORT_COUNT);
	report_column(r, "errnos", "ERRORS BY NAME", REPORT_COUNTS);
	if (n)
		qsort(d->groups.items, n, sizeof(*d->groups.items), by_total);
	if (top && n > top)
		n = top;
	for (uint64_t i = 0; i < n; i++)
		report_group(r, &d->groups.items[i], id_heading != NULL);
	report_left_out(r, d->groups.len - n);
	map_fini(&d->index); /* they were moved */
}
