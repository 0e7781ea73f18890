/* SPDX-License-Identifier: MIT */
/*
 * What `piste top` writes where there is no screen: a table, or JSON.
 */
#include "cli/top-view.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "cli/grid.h"
#include "cli/top-number.h"

const char *const top_group_names[] = {
#define X(id, name, plural, heading, key) [TOP_BY_##id] = name,
	TOP_GROUPS(X)
#undef X
};

const char *const top_column_names[] = {
#define X(id, name, heading, width) [TOP_COLUMN_##id] = name,
	TOP_COLUMNS(X)
#undef X
};

static const char *const headings[] = {
#define X(id, name, plural, heading, key) [TOP_BY_##id] = heading,
	TOP_GROUPS(X)
#undef X
};

void top_view_note(struct top_view *v, const struct top_model *m)
{
	const struct top_cell *cell;
	double calls = 0;

	vec_each(cell, &m->cells.items)
		calls += (double)cell->stat.calls;
	if (v->n_history == TOP_HISTORY) {
		memmove(v->history, v->history + 1, (TOP_HISTORY - 1) * sizeof(*v->history));
		v->n_history--;
	}
	v->history[v->n_history++] = calls * 1e9 / (double)(m->end_ns - m->begin_ns);
}

static void add_row(struct grid *grid, const struct top_row *row, const struct top_view *v,
		    const struct top_model *m)
{
	const struct top_stat *s = &row->stat;
	uint64_t interval_ns = m->end_ns - m->begin_ns;
	char text[NUMBER_SIZE];

	if (v->query.by == TOP_BY_PROCESS)
		grid_cell(grid, "%" PRIu32, row->pid);
	grid_cell(grid, "%s", row->name);
	grid_count(grid, s->calls);
	grid_cell(grid, "%s", number_rate(text, s->calls, interval_ns));
	grid_count(grid, s->errors);
	if (!m->with_latency)
		return;
	grid_cell(grid, "%s", number_ns(text, top_quantile_ns(s, 0.5)));
	grid_cell(grid, "%s", number_ns(text, top_quantile_ns(s, 0.99)));
	grid_cell(grid, "%s", number_ns(text, s->max_ns));
	grid_cell(grid, "%s", number_ns(text, s->sum_ns));
	grid_count(grid, s->now);
}

void top_view_table(struct top_view *v, struct top_model *m, size_t max_rows, bool colour,
		    struct str *out)
{
	const struct top_rows *rows = &v->rows;
	uint64_t interval_ns = m->end_ns - m->begin_ns;
	struct grid grid = {0};
	char text[NUMBER_SIZE];
	size_t n = 0;

	if (v->query.by == TOP_BY_PROCESS)
		grid_column(&grid, "PID", true);
	grid_column(&grid, headings[v->query.by], false);
	grid_column(&grid, "CALLS", true);
	grid_column(&grid, "CALLS/s", true);
	grid_column(&grid, "ERRORS", true);
	if (m->with_latency) {
		grid_column(&grid, "P50", true);
		grid_column(&grid, "P99", true);
		grid_column(&grid, "MAX", true);
		grid_column(&grid, "TIME", true);
		grid_column(&grid, "NOW", true);
	}
	for (; n < rows->items.len && (!max_rows || n < max_rows); n++)
		add_row(&grid, &rows->items.items[n], v, m);
	str_add_duration_human(out, interval_ns);
	str_addf(out, "  %s  ", v->scope);
	str_add_count_human(out, rows->total.calls);
	str_addf(out, " calls, %s/s", number_rate(text, rows->total.calls, interval_ns));
	str_add(out, ", ");
	str_add_count_human(out, rows->total.errors);
	str_add(out, " failed");
	if (m->missed)
		str_addf(out, ", %" PRIu64 " missed", m->missed);
	str_add_char(out, '\n');
	if (n)
		grid_write(&grid, out, colour);
	if (n < rows->items.len)
		str_addf(out, "  %zu more\n", rows->items.len - n);
	grid_fini(&grid);
}

static void json_stat(struct str *out, const struct top_stat *s, const struct top_model *m)
{
	str_addf(out, "\"calls\":%" PRIu64 ",\"errors\":%" PRIu64, s->calls, s->errors);
	if (!m->with_latency)
		return;
	str_addf(out,
		 ",\"unmeasured\":%" PRIu64 ",\"total_ns\":%" PRIu64 ",\"p50_ns\":%" PRIu64
		 ",\"p99_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64 ",\"now\":%" PRIu64
		 ",\"oldest_now_ns\":%" PRIu64,
		 s->unmeasured, s->sum_ns, top_quantile_ns(s, 0.5), top_quantile_ns(s, 0.99),
		 s->max_ns, s->now, s->oldest_ns);
}

void top_view_json(struct top_view *v, struct top_model *m, struct str *out)
{
	const struct top_row *row;
	const char *separator = "";

	str_addf(out, "{\"time_ns\":%" PRId64 ",\"interval_ns\":%" PRIu64 ",\"by\":\"%s\",",
		 clock_realtime_ns(), m->end_ns - m->begin_ns, top_group_names[v->query.by]);
	json_stat(out, &v->rows.total, m);
	str_addf(out, ",\"missed\":%" PRIu64 ",\"rows\":[", m->missed);
	vec_each(row, &v->rows.items) {
		str_addf(out, "%s{\"name\":", separator);
		str_add_json(out, row->name, strlen(row->name));
		if (v->query.by == TOP_BY_PROCESS)
			str_addf(out, ",\"pid\":%" PRIu32, row->pid);
		if (v->query.by == TOP_BY_CALL)
			str_addf(out, ",\"number\":%u,\"is_32bit\":%s",
				 (unsigned)row->key & (COUNT_COMPAT - 1),
				 row->key & COUNT_COMPAT ? "true" : "false");
		str_add_char(out, ',');
		json_stat(out, &row->stat, m);
		str_add_char(out, '}');
		separator = ",";
	}
	str_add(out, "]}\n");
}
