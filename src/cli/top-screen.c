/* SPDX-License-Identifier: MIT */
/*
 * The screen of `piste top`: a title, a summary with the rate's history, the
 * rows, and a line of keys. On narrow screens columns go, the least missed
 * first; the name takes what is left.
 */
#include "cli/top-view.h"

#include <stdio.h>
#include <string.h>

#include "cli/pen.h"
#include "cli/terminal.h"
#include "cli/top-number.h"

enum { LINES_ABOVE = 5, LINES_BELOW = 1, MIN_NAME_WIDTH = 22, MAX_NAME_WIDTH = 60 };

static const struct {
	const char *heading;
	int width;
} columns[] = {
#define X(id, name, heading, width) [TOP_COLUMN_##id] = {heading, width},
	TOP_COLUMNS(X)
#undef X
};

static const struct {
	const char *plural, *heading;
} groups[] = {
#define X(id, name, plural, heading, key) [TOP_BY_##id] = {plural, heading},
	TOP_GROUPS(X)
#undef X
};

/* The first to go. */
static const enum top_column dispensable[] = {
	TOP_COLUMN_NOW, TOP_COLUMN_SHARE, TOP_COLUMN_P50, TOP_COLUMN_ERRORS,
	TOP_COLUMN_MAX, TOP_COLUMN_TIME,  TOP_COLUMN_P99,
};

struct layout {
	bool shows[TOP_N_COLUMNS];
	int name_width;
};

static struct layout lay_out(const struct top_model *m, int width)
{
	struct layout l = {.name_width = width - 1};

	for (int i = 0; i < TOP_COLUMN_NAME; i++) {
		l.shows[i] = m->with_latency || i <= TOP_COLUMN_ERRORS;
		if (l.shows[i])
			l.name_width -= columns[i].width + 1;
	}
	for (size_t i = 0; i < sizeof(dispensable) / sizeof(dispensable[0]); i++) {
		if (l.name_width >= MIN_NAME_WIDTH)
			break;
		if (l.shows[dispensable[i]])
			l.name_width += columns[dispensable[i]].width + 1;
		l.shows[dispensable[i]] = false;
	}
	if (l.name_width > MAX_NAME_WIDTH)
		l.name_width = MAX_NAME_WIDTH;
	return l;
}

size_t top_view_capacity(const struct terminal *t)
{
	return t->rows > LINES_ABOVE + LINES_BELOW ? (size_t)(t->rows - LINES_ABOVE - LINES_BELOW)
						   : 1;
}

/* --- above the rows --------------------------------------------------------------------- */

static void draw_title(struct pen *p, const struct top_view *v, const struct top_model *m)
{
	struct str right = {0};

	pen_text(p, PEN_TITLE, " piste top");
	pen_printf(p, PEN_PLAIN, "  system calls by ");
	pen_text(p, PEN_BOLD, top_group_names[v->query.by]);
	pen_printf(p, PEN_DIM, "  %s", v->query.n_focus ? "of" : v->scope);
	for (size_t i = 0; i < v->query.n_focus; i++) {
		const struct top_focus *f = &v->query.focus[i];

		pen_printf(p, PEN_DIM, "%s %s ", i ? " \xc2\xb7" : "", top_group_names[f->by]);
		if (f->by == TOP_BY_PROCESS)
			pen_printf(p, PEN_BOLD, "%u ", (unsigned)f->key);
		pen_text(p, PEN_BOLD, top_model_name((struct top_model *)m, f->by, f->key));
	}
	if (v->is_paused)
		str_add(&right, "paused");
	else {
		str_add(&right, "every ");
		str_add_duration_human(&right, v->interval_ns);
	}
	str_add_char(&right, ' ');
	pen_blanks(p, p->width - p->column - text_columns(str_c(&right)));
	pen_text(p, v->is_paused ? PEN_WARN : PEN_DIM, str_c(&right));
	str_fini(&right);
	pen_end(p);
}

/* The newest intervals as columns of eighths, highest = the highest of those shown. */
static void draw_history(struct pen *p, const struct top_view *v, bool is_utf8)
{
	static const char *const eighths[] = {"\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83",
					      "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86",
					      "\xe2\x96\x87", "\xe2\x96\x88"};
	int room = p->width - p->column - 3;
	size_t n = v->n_history < (size_t)(room > 0 ? room : 0) ? v->n_history : (size_t)room;
	double highest = 0;

	if (!is_utf8 || room < 4)
		return;
	n = n > 40 ? 40 : n;
	for (size_t i = v->n_history - n; i < v->n_history; i++)
		highest = v->history[i] > highest ? v->history[i] : highest;
	pen_blanks(p, p->width - p->column - (int)n - 1);
	for (size_t i = v->n_history - n; i < v->n_history; i++) {
		int level = highest > 0 ? (int)(v->history[i] / highest * 7.999) : 0;

		pen_text(p, PEN_BAR, eighths[level]);
	}
}

static void draw_summary(struct pen *p, const struct top_view *v, const struct top_model *m,
			 bool is_utf8)
{
	const struct top_stat *total = &v->rows.total;
	char text[NUMBER_SIZE];

	pen_printf(p, PEN_BOLD, " %s", number_rate(text, total->calls, m->end_ns - m->begin_ns));
	pen_text(p, PEN_DIM, " calls/s  ");
	pen_printf(p, total->errors ? PEN_WARN : PEN_BOLD, "%.1f %%",
		   total->calls ? 100.0 * (double)total->errors / (double)total->calls : 0.0);
	pen_text(p, PEN_DIM, " failed  ");
	if (m->with_latency) {
		pen_text(p, PEN_DIM, "p50 ");
		pen_text(p, PEN_BOLD, number_ns(text, top_quantile_ns(total, 0.5)));
		pen_text(p, PEN_DIM, "  p99 ");
		pen_text(p, PEN_BOLD, number_ns(text, top_quantile_ns(total, 0.99)));
		pen_printf(p, PEN_BOLD, "  %llu", (unsigned long long)total->now);
		pen_text(p, PEN_DIM, total->now == 1 ? " thread inside  " : " threads inside  ");
	}
	if (m->missed)
		pen_printf(p, PEN_BAD, "%llu calls missed  ", (unsigned long long)m->missed);
	draw_history(p, v, is_utf8);
	pen_end(p);
}

static void draw_filter(struct pen *p, const struct top_view *v)
{
	pen_printf(p, PEN_DIM, " %zu %s", v->rows.items.len, groups[v->query.by].plural);
	if (v->is_filtering || *v->filter) {
		pen_text(p, PEN_DIM, "   filter: ");
		pen_text(p, PEN_BOLD, v->filter);
		if (v->is_filtering)
			pen_text(p, PEN_CHOSEN, p->colour ? " " : "_");
		if (v->rows.n_hidden)
			pen_printf(p, PEN_DIM, "  (%zu hidden)", v->rows.n_hidden);
	}
	if (v->message)
		pen_printf(p, PEN_WARN, "   %s", v->message);
	pen_end(p);
	pen_end(p);
}

static void draw_headings(struct pen *p, const struct top_view *v, const struct layout *l,
			  bool is_utf8)
{
	const char *arrow = v->query.is_reversed ? (is_utf8 ? "\xe2\x96\xb4" : "^")
						 : (is_utf8 ? "\xe2\x96\xbe" : "v");
	char heading[64];

	snprintf(heading, sizeof(heading), "%s%s", groups[v->query.by].heading,
		 v->query.sort == TOP_COLUMN_NAME ? arrow : "");
	pen_blanks(p, 1);
	pen_cell(p, v->query.sort == TOP_COLUMN_NAME ? PEN_TITLE : PEN_BOLD, heading, l->name_width,
		 false);
	for (int i = 0; i < TOP_COLUMN_NAME; i++) {
		bool is_sort = v->query.sort == (enum top_column)i;

		if (!l->shows[i])
			continue;
		snprintf(heading, sizeof(heading), "%s%s", columns[i].heading,
			 is_sort ? arrow : "");
		pen_blanks(p, 1);
		pen_cell(p, is_sort ? PEN_TITLE : PEN_BOLD, heading, columns[i].width,
			 i != TOP_COLUMN_SHARE);
	}
	pen_end(p);
}

/* --- the rows ------------------------------------------------------------------------------ */

/* Of all calls: a bar in eighths of a column. */
static void draw_share(struct pen *p, double share, int width, bool is_utf8)
{
	static const char *const eighths[] = {"",
					      "\xe2\x96\x8f",
					      "\xe2\x96\x8e",
					      "\xe2\x96\x8d",
					      "\xe2\x96\x8c",
					      "\xe2\x96\x8b",
					      "\xe2\x96\x8a",
					      "\xe2\x96\x89"};
	int n = (int)(share * (width - 6) * 8 + 0.5);
	struct str bar = {0};
	char text[16];

	for (int i = 0; i < n / 8; i++)
		str_add(&bar, is_utf8 ? "\xe2\x96\x88" : "#");
	if (is_utf8)
		str_add(&bar, eighths[n % 8]);
	pen_cell(p, PEN_BAR, str_c(&bar), width - 6, false);
	snprintf(text, sizeof(text), "%.1f %%", share * 100);
	pen_cell(p, PEN_DIM, text, 6, true);
	str_fini(&bar);
}

static enum pen_style latency_style(uint64_t ns)
{
	return ns >= 1000000000 ? PEN_DIM /* waits, mostly */
	       : ns >= 10000000 ? PEN_WARN
				: PEN_PLAIN;
}

static void draw_cell(struct pen *p, enum top_column column, const struct top_stat *s,
		      const struct top_view *v, const struct top_model *m, bool is_utf8)
{
	uint64_t interval_ns = m->end_ns - m->begin_ns, ns;
	int width = columns[column].width;
	char text[NUMBER_SIZE];

	pen_blanks(p, 1);
	switch (column) {
	case TOP_COLUMN_CALLS:
		pen_cell(p, s->calls ? PEN_PLAIN : PEN_DIM,
			 s->calls ? number_rate(text, s->calls, interval_ns) : ".", width, true);
		break;
	case TOP_COLUMN_SHARE:
		draw_share(p,
			   v->rows.total.calls ? (double)s->calls / (double)v->rows.total.calls : 0,
			   width, is_utf8);
		break;
	case TOP_COLUMN_ERRORS:
		pen_cell(p, s->errors ? PEN_BAD : PEN_DIM,
			 s->errors ? number_rate(text, s->errors, interval_ns) : ".", width, true);
		break;
	case TOP_COLUMN_TIME:
		ns = interval_ns ? (uint64_t)((double)s->sum_ns / (double)interval_ns * 1e9) : 0;
		pen_cell(p, PEN_PLAIN, number_ns(text, ns), width, true);
		break;
	case TOP_COLUMN_NOW:
		snprintf(text, sizeof(text), "%llu", (unsigned long long)s->now);
		pen_cell(p, s->now ? PEN_GOOD : PEN_DIM, s->now ? text : ".", width, true);
		break;
	default:
		ns = column == TOP_COLUMN_P50   ? top_quantile_ns(s, 0.5)
		     : column == TOP_COLUMN_P99 ? top_quantile_ns(s, 0.99)
						: s->max_ns;
		pen_cell(p, latency_style(ns), number_ns(text, ns), width, true);
	}
}

static void draw_row(struct pen *p, const struct top_row *row, const struct top_view *v,
		     const struct top_model *m, const struct layout *l, bool is_utf8)
{
	char name[160];

	if (v->query.by == TOP_BY_PROCESS)
		snprintf(name, sizeof(name), "%7u %s", row->pid, row->name);
	else
		snprintf(name, sizeof(name), "%s", row->name);
	if (v->has_chosen && row->key == v->chosen)
		pen_choose(p);
	pen_blanks(p, 1);
	pen_cell(p, PEN_PLAIN, name, l->name_width, false);
	for (int i = 0; i < TOP_COLUMN_NAME; i++)
		if (l->shows[i])
			draw_cell(p, (enum top_column)i, &row->stat, v, m, is_utf8);
	pen_end(p);
}

/* Keeps the chosen row on the screen. */
static void scroll(struct top_view *v, size_t capacity)
{
	size_t chosen = SIZE_MAX;

	for (size_t i = 0; v->has_chosen && i < v->rows.items.len; i++)
		if (v->rows.items.items[i].key == v->chosen)
			chosen = i;
	if (chosen != SIZE_MAX && chosen < v->first)
		v->first = chosen;
	if (chosen != SIZE_MAX && chosen >= v->first + capacity)
		v->first = chosen - capacity + 1;
	if (v->first + capacity > v->rows.items.len)
		v->first = v->rows.items.len > capacity ? v->rows.items.len - capacity : 0;
}

static void draw_rows(struct pen *p, struct top_view *v, const struct top_model *m,
		      const struct layout *l, const struct terminal *t)
{
	size_t capacity = top_view_capacity(t), n = 0;

	scroll(v, capacity);
	for (; n < capacity && v->first + n < v->rows.items.len; n++)
		draw_row(p, &v->rows.items.items[v->first + n], v, m, l, t->is_utf8);
	if (!n && capacity > 1) {
		pen_printf(p, PEN_DIM, "  %s",
			   m->interval < 1    ? "counting \xe2\x80\xa6"
			   : v->rows.n_hidden ? "the filter hides everything"
					      : "no calls in this interval");
		pen_end(p);
		n++;
	}
	for (; n < capacity; n++)
		pen_end(p);
}

/* --- below ------------------------------------------------------------------------------------ */

static const char *const help[] = {
	"",
	"  CALLS/s  calls that returned, a second          ERR/s  of these, with an error",
	"  P50 P99  half of them, 99 in 100 were faster (\xc2\xb1 6 %)     MAX  the slowest one",
	"  TIME/s   time spent in them a second, of all threads: 2 s means two of them at any moment",
	"  NOW      threads that are inside one at this moment, for however long",
	"",
	"  A call that sleeps (futex, poll, read of a socket) is as long as it sleeps: that is waiting, not work.",
	"  Many errors of one call are often a search (ENOENT along a path) or a non-blocking descriptor (EAGAIN).",
	"",
	"  c p m g n  by call, process, command, cgroup, container; Tab: the next of them",
	"  Enter      opens the selected row: a process's calls, a call's processes \xe2\x80\xa6      Backspace  back",
	"  < >        sorts by another column (also left and right)     r  the other way round",
	"  /          only rows with this in their name; Esc: all again",
	"  + -        the interval            Space  stops the clock to look",
	"  q          leaves",
};

static void draw_help(struct pen *p, const struct terminal *t)
{
	size_t n = 0, capacity = (size_t)(t->rows - 2);

	for (; n < sizeof(help) / sizeof(help[0]) && n < capacity; n++) {
		pen_text(p, PEN_PLAIN, help[n]);
		pen_end(p);
	}
	for (; n < capacity; n++)
		pen_end(p);
}

static void draw_keys(struct pen *p, const struct top_view *v)
{
	static const struct {
		const char *key, *what;
	} keys[] = {
		{"h", "help"},      {"q", "quit"},    {"c", "call"},      {"p", "process"},
		{"m", "command"},   {"g", "cgroup"},  {"n", "container"}, {"\xe2\x86\xb5", "open"},
		{"<>", "sort"},     {"r", "reverse"}, {"/", "filter"},    {"space", "pause"},
		{"+-", "interval"},
	};

	pen_blanks(p, 1);
	if (v->is_filtering) {
		pen_text(p, PEN_DIM, "type a part of a name; Enter keeps it, Esc drops it");
		pen_end(p);
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (p->column + text_columns(keys[i].key) + text_columns(keys[i].what) + 1 >=
		    p->width)
			break;
		pen_text(p, PEN_KEY, keys[i].key);
		pen_printf(p, PEN_DIM, " %s", keys[i].what);
		pen_blanks(p, 2);
	}
	/* no '\n': the last line of the screen */
}

void top_view_screen(struct top_view *v, struct top_model *m, const struct terminal *t,
		     struct str *out)
{
	struct pen p = {.out = out, .width = t->columns, .colour = t->colour};
	struct layout l = lay_out(m, t->columns);

	draw_title(&p, v, m);
	if (v->shows_help) {
		draw_help(&p, t);
	} else {
		draw_summary(&p, v, m, t->is_utf8);
		draw_filter(&p, v);
		draw_headings(&p, v, &l, t->is_utf8);
		draw_rows(&p, v, m, &l, t);
	}
	draw_keys(&p, v);
}
