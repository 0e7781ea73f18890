/* SPDX-License-Identifier: MIT */
/*
 * piste report: runs an analysis over a trace and writes what it found, as
 * tables for people or as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/cmd.h"
#include "cli/grid.h"
#include "cli/traces.h"

enum { OPT_BY = OPT_LONG_ONLY, OPT_TOP, OPT_BEGIN, OPT_END_TIME, OPT_GMT, OPT_NO_ANCHORS };
enum { DEFAULT_TOP = 20, MAX_GROUPS = 16, MAX_COUNTS_SHOWN = 4 };

static const struct opt_spec spec = {
	.usage = "piste report [OPTION]... NAME TRACE...",
	.summary = "What a trace tells: an analysis by its name; without a name, which there are",
	.rows =
		(const struct opt_row[]){
			{"by", OPT_BY, "WHAT", "only the table by WHAT (call, process, file, …)"},
			{"top", OPT_TOP, "N", "N rows a table; 0: all (default 20; JSON: all)"},
			{"pid", 'p', "PID", "only this process; may be repeated"},
			{"begin", OPT_BEGIN, "TIME",
			 "what began at TIME or later: [YYYY-MM-DD] hh:mm[:ss[.ns]] or seconds"},
			{"end", OPT_END_TIME, "TIME", "until TIME"},
			{"clock-gmt", OPT_GMT, NULL, "--begin and --end in UTC"},
			{"no-anchors", OPT_NO_ANCHORS, NULL,
			 "times by the clock's description alone, as babeltrace2 has them"},
			CLI_ROW_JSON,
			{0},
		},
	.details = "Every report ends with how to read it. --by and -p may be repeated.\n"
		   "\n"
		   "Exit status: 0, 1 when something could not be read, 2 for bad usage.\n",
};

struct wishes {
	struct analysis_options options;
	struct VEC(uint32_t) pids;
	const char *by[MAX_GROUPS];
	struct time_bound begin, end;
	const char *begin_text, *end_text;
	bool json, gmt, no_anchors, has_top;
};

/* --- for people ------------------------------------------------------------------------- */

static void add_ns(struct str *out, uint64_t ns)
{
	str_add_duration_human(out, ns);
}

static void add_counts(struct str *out, const struct report_cell *cell)
{
	for (uint64_t i = 0; i < cell->number; i++) {
		if (i == MAX_COUNTS_SHOWN) {
			str_addf(out, " and %" PRIu64 " more", cell->number - i);
			return;
		}
		str_addf(out, "%s%s ", i ? ", " : "", cell->counts[i].name);
		str_add_count_human(out, cell->counts[i].count);
	}
}

static void add_cell(struct str *out, enum report_unit unit, const struct report_cell *cell)
{
	if (cell->is_absent) {
		str_add_char(out, '-');
		return;
	}
	switch (unit) {
	case REPORT_TEXT:
		str_add(out, cell->text ? cell->text : "");
		break;
	case REPORT_COUNT:
		str_add_count_human(out, cell->number);
		break;
	case REPORT_NS:
		add_ns(out, cell->number);
		break;
	case REPORT_ID:
		str_add_u64(out, cell->number);
		break;
	case REPORT_COUNTS:
		add_counts(out, cell);
		break;
	}
}

/* What a program called itself or a file must not drive the terminal. */
static void make_harmless(struct str *s)
{
	for (size_t i = 0; i < s->len; i++)
		if ((unsigned char)s->data[i] < ' ' || s->data[i] == 127)
			s->data[i] = '?';
}

static void write_table(struct str *out, const struct report_table *t, bool colour)
{
	struct grid grid = {0};
	struct str text = {0};

	for (size_t i = 0; i < t->columns.len; i++)
		grid_column(&grid, t->columns.items[i].heading,
			    t->columns.items[i].unit != REPORT_TEXT &&
				    t->columns.items[i].unit != REPORT_COUNTS);
	for (size_t i = 0; i < t->cells.len; i++) {
		str_reset(&text);
		add_cell(&text, t->columns.items[i % t->columns.len].unit, &t->cells.items[i]);
		make_harmless(&text);
		grid_cell(&grid, "%s", str_c(&text));
	}
	str_addf(out, "\n%sby %s%s\n", colour ? "\033[1m" : "", t->name, colour ? "\033[0m" : "");
	if (t->cells.len)
		grid_write(&grid, out, colour);
	else
		str_add(out, "  none\n");
	if (t->rows_left_out)
		str_addf(out, "  %" PRIu64 " more (--top 0 lists them)\n", t->rows_left_out);
	str_fini(&text);
	grid_fini(&grid);
}

/* Those that are 0 say nothing, but for the first. */
static void write_facts(struct str *out, const struct report *r)
{
	for (size_t i = 0; i < r->facts.len; i++) {
		const struct report_fact *f = &r->facts.items[i];
		const struct report_cell cell = {.number = f->number};

		if (i && !f->number)
			continue;
		str_add(out, i ? ", " : "  ");
		add_cell(out, f->unit, &cell);
		str_addf(out, " %s", f->text);
	}
	str_add_char(out, '\n');
}

static void write_how(struct str *out, const char *how)
{
	str_add_char(out, '\n');
	for (const char *end; *how; how = end) {
		end = how + strcspn(how, "\n");
		str_add(out, "  ");
		str_add_bytes(out, how, (size_t)(end - how));
		str_add_char(out, '\n');
		end += *end != '\0';
	}
}

static void write_text(struct str *out, const struct analysis *a, const char *path,
		       const struct report *r, bool colour)
{
	str_addf(out, "%s%s%s  %s\n", colour ? "\033[1m" : "", a->name, colour ? "\033[0m" : "",
		 path);
	write_facts(out, r);
	for (size_t i = 0; i < r->tables.len; i++)
		write_table(out, &r->tables.items[i], colour);
	write_how(out, a->how);
}

/* --- for programs ----------------------------------------------------------------------- */

static void json_cell(struct str *out, enum report_unit unit, const struct report_cell *cell)
{
	if (cell->is_absent) {
		str_add(out, "null");
	} else if (unit == REPORT_TEXT) {
		str_add_json(out, cell->text ? cell->text : "",
			     cell->text ? strlen(cell->text) : 0);
	} else if (unit == REPORT_COUNTS) {
		str_add_char(out, '{');
		for (uint64_t i = 0; i < cell->number; i++) {
			str_add(out, i ? "," : "");
			str_add_json(out, cell->counts[i].name, strlen(cell->counts[i].name));
			str_addf(out, ":%" PRIu64, cell->counts[i].count);
		}
		str_add_char(out, '}');
	} else {
		str_add_u64(out, cell->number);
	}
}

static void json_table(struct str *out, const struct report_table *t)
{
	size_t n = t->columns.len;

	str_addf(out, "{\"by\":\"%s\",\"rows\":[", t->name);
	for (size_t i = 0; i < t->cells.len; i++) {
		str_add(out, i % n ? "," : i ? ",{" : "{");
		str_addf(out, "\"%s\":", t->columns.items[i % n].key);
		json_cell(out, t->columns.items[i % n].unit, &t->cells.items[i]);
		str_add(out, i % n == n - 1 ? "}" : "");
	}
	str_addf(out, "],\"rows_left_out\":%" PRIu64 "}", t->rows_left_out);
}

static void write_json(struct str *out, const struct analysis *a, const char *path,
		       const struct report *r)
{
	str_addf(out, "{\"report\":\"%s\",\"trace\":", a->name);
	str_add_json(out, path, strlen(path));
	for (size_t i = 0; i < r->facts.len; i++)
		str_addf(out, ",\"%s\":%" PRIu64, r->facts.items[i].key, r->facts.items[i].number);
	str_add(out, ",\"tables\":[");
	for (size_t i = 0; i < r->tables.len; i++) {
		str_add(out, i ? "," : "");
		json_table(out, &r->tables.items[i]);
	}
	str_add(out, "]}\n");
}

/* --- the command -------------------------------------------------------------------------- */

static int list_analyses(bool json)
{
	struct diag none = {0};

	for (const struct analysis *const *a = analyses; *a; a++)
		if (json)
			printf("{\"report\":\"%s\",\"summary\":\"%s\"}\n", (*a)->name,
			       (*a)->summary);
		else
			printf("  %-12s %s\n", (*a)->name, (*a)->summary);
	return cli_finish(&none, 0);
}

static int unknown_analysis(const char *name)
{
	const char *names[64] = {0}, *near;
	size_t n = 0;

	for (const struct analysis *const *a = analyses; *a && n < 64; a++)
		names[n++] = (*a)->name;
	near = nearest_name(name, names, n);
	if (near)
		return cli_bad_usage(&spec, "there is no report %s; did you mean %s?", name, near);
	return cli_bad_usage(&spec, "there is no report %s; piste report lists them", name);
}

/* 0, or the status of bad usage. */
static int check_groups(const struct wishes *w, const struct analysis *a)
{
	for (size_t i = 0; i < w->options.n_by; i++) {
		const char *const *group = a->groups;

		while (*group && strcmp(*group, w->by[i]))
			group++;
		if (!*group)
			return cli_bad_usage(&spec, "--by: report %s has no table by %s", a->name,
					     w->by[i]);
	}
	return 0;
}

static int run(struct wishes *w, const struct analysis *a, int n, char **paths, struct diag *diag)
{
	struct report report = {0};
	struct traces traces = {0};
	struct str out = {0};
	int rc = traces_open(&traces, paths, n, !w->no_anchors, diag);

	if (!rc)
		rc = time_bounds_set_dates(&w->begin, &w->end, &traces, w->gmt, diag);
	w->options.has_begin = w->begin.is_set;
	w->options.begin_ns = w->begin.ns;
	w->options.has_end = w->end.is_set;
	w->options.end_ns = w->end.ns;
	if (!rc) {
		rc = a->run(&w->options, traces.all.items, traces.all.len, &report, diag);
		if ((!rc || rc == -EINVAL) && w->json)
			write_json(&out, a, paths[0], &report);
		else if (!rc || rc == -EINVAL)
			write_text(&out, a, paths[0], &report, cli_has_colour(stdout));
	}
	if (out.failed)
		rc = -ENOMEM;
	fwrite(str_c(&out), 1, out.len, stdout);
	str_fini(&out);
	report_fini(&report);
	traces_fini(&traces);
	return rc;
}

static int take_option(struct wishes *w, struct opt_parser *p, int id, struct diag *diag)
{
	uint64_t pid;

	switch (id) {
	case OPT_BY:
		if (w->options.n_by == MAX_GROUPS)
			return cli_bad_usage(&spec, "--by: that is more than there are");
		w->by[w->options.n_by++] = p->value;
		return 0;
	case OPT_TOP:
		w->has_top = true;
		return opt_value_u64(p, 0, UINT32_MAX, &w->options.top, diag) ? CLI_BAD_USAGE : 0;
	case 'p':
		if (opt_value_u64(p, 1, UINT32_MAX, &pid, diag))
			return CLI_BAD_USAGE;
		return vec_push(&w->pids, (uint32_t)pid) ? CLI_FAILED : 0;
	case OPT_BEGIN:
		w->begin_text = p->value;
		return 0;
	case OPT_END_TIME:
		w->end_text = p->value;
		return 0;
	case OPT_GMT:
		w->gmt = true;
		return 0;
	case OPT_NO_ANCHORS:
		w->no_anchors = true;
		return 0;
	case CLI_OPT_JSON:
		w->json = true;
		return 0;
	}
	return 0;
}

static int report(struct wishes *w, const struct opt_parser *p, struct diag *diag)
{
	const struct analysis *a;
	int rc;

	if (!p->n_operands)
		return list_analyses(w->json);
	a = analysis_find(p->operands[0]);
	if (!a)
		return unknown_analysis(p->operands[0]);
	if (p->n_operands < 2)
		return cli_bad_usage(&spec, "which trace?");
	if (check_groups(w, a))
		return CLI_BAD_USAGE;
	if (w->begin_text && time_bound_parse(&w->begin, w->begin_text, w->gmt))
		return cli_bad_usage(&spec, "--begin is no time: %s", w->begin_text);
	if (w->end_text && time_bound_parse(&w->end, w->end_text, w->gmt))
		return cli_bad_usage(&spec, "--end is no time: %s", w->end_text);
	if (!w->has_top && !w->json)
		w->options.top = DEFAULT_TOP;
	w->options.by = w->by;
	w->options.pids = w->pids.items;
	w->options.n_pids = w->pids.len;
	rc = run(w, a, p->n_operands - 1, p->operands + 1, diag);
	/* where something was unreadable, the diag says it all */
	return cli_finish(diag, rc == -EINVAL && diag->len ? 0 : rc) || rc ? CLI_FAILED : CLI_DONE;
}

int cmd_report(int argc, char **argv)
{
	struct wishes w = {0};
	struct diag diag = {0};
	struct opt_parser p;
	int id, rc = 0;

	opt_init(&p, &spec, argc, argv);
	while (!rc && (id = cli_next_option(&p)) > 0)
		rc = take_option(&w, &p, id, &diag);
	if (rc)
		cli_print_diag(&diag);
	else
		rc = id < 0 ? p.exit_status : report(&w, &p, &diag);
	vec_fini(&w.pids);
	return rc;
}
