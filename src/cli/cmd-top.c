/* SPDX-License-Identifier: MIT */
/*
 * piste top: live rates, errors and latencies of system calls. The kernel
 * counts (kern/count), top-model puts together what it counted, top-screen and
 * top-text show it; here are the options, the clock and the keys.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "cli/cmd.h"
#include "cli/terminal.h"
#include "cli/top-view.h"

enum {
	OPT_BY = OPT_LONG_ONLY,
	OPT_SORT,
	OPT_CGROUP,
	OPT_CONTAINER,
	OPT_COUNT,
	OPT_ONCE,
	OPT_NO_LATENCY,
	OPT_TOP,
	OPT_FILTER,
};

#define MIN_INTERVAL_NS 50000000ull
#define MAX_INTERVAL_NS 86400000000000ull
#define FIRST_INTERVAL_NS 400000000ull /* of the screen: soon, so that it is not empty */
enum { PLAIN_ROWS = 30 };

static const struct opt_spec spec = {
	.usage = "piste top [OPTION]...",
	.summary = "Live rates, errors and latencies of system calls",
	.rows =
		(const struct opt_row[]){
			{NULL, 0, NULL, "Whose calls (all of the system's, without these):"},
			{"pid", 'p', "PID", "of this process; may be repeated"},
			{"cgroup", OPT_CGROUP, "PATH", "of all processes in this cgroup and below"},
			{"container", OPT_CONTAINER, "NAME", "of a container, by name or id"},
			{NULL, 0, NULL, "What is shown:"},
			{"by", OPT_BY, "WHAT",
			 "rows by call (default), process, command, cgroup, container"},
			{"sort", OPT_SORT, "COLUMN",
			 "by calls (default), errors, p50, p99, max, time, now, name"},
			{"filter", OPT_FILTER, "TEXT", "only rows whose name has this in it"},
			{"top", OPT_TOP, "N", "N rows of a table; 0: all (default 30; JSON: all)"},
			{"no-latency", OPT_NO_LATENCY, NULL, "only count: half the cost"},
			{NULL, 0, NULL, "How often:"},
			{"interval", 'i', "TIME", "from one reading to the next (default 1s)"},
			{"count", OPT_COUNT, "N", "end after N intervals"},
			{"once", OPT_ONCE, NULL, "one interval, as a table"},
			CLI_ROW_JSON,
			{0},
		},
	.details =
		"On a terminal it takes the screen; h explains the columns, q leaves. Elsewhere, and\n"
		"with --once, it writes a table an interval; with --json an object an interval, a line each.\n"
		"\n"
		"CALLS are those that returned, ERRORS those of them that failed. P50 and P99 are right\n"
		"to 6 %, MAX exactly. TIME is what all threads together spent in them, asleep or at\n"
		"work; NOW are the threads that are inside one. Every call counts, none is sampled.\n"
		"\n"
		"Needs root, or CAP_BPF and CAP_PERFMON. Exit status: 0, 1 on an error, 2 for bad usage.\n",
};

struct wishes {
	struct count_options count;
	uint32_t pids[COUNT_MAX_PIDS];
	const char *cgroup, *container;
	struct top_query query;
	const char *filter;
	uint64_t interval_ns, intervals; /* 0: until it is stopped */
	uint64_t max_rows;
	bool has_max_rows, once, json;
};

/* --- without a screen -------------------------------------------------------------------- */

static volatile sig_atomic_t wants_stop;

static void on_stop(int number)
{
	(void)number;
	wants_stop = 1;
}

/* Until that time, or a signal: these are let in here and nowhere else. */
static void wait_until(uint64_t deadline_ns, const sigset_t *unblocked)
{
	while (!wants_stop) {
		uint64_t now = clock_monotonic_ns(),
			 left = deadline_ns > now ? deadline_ns - now : 0;
		struct timespec timeout = {(time_t)(left / 1000000000), (long)(left % 1000000000)};

		if (!left || ppoll(NULL, 0, &timeout, unblocked) == 0)
			return;
	}
}

static int gather_until(uint64_t deadline_ns, struct top_model *m, struct count *count,
			const sigset_t *unblocked)
{
	int rc = 0;

	while (!rc && !wants_stop) {
		uint64_t soon_ns = clock_monotonic_ns() + TOP_GATHER_MS * 1000000ull;

		if (soon_ns >= deadline_ns) {
			wait_until(deadline_ns, unblocked);
			return 0;
		}
		wait_until(soon_ns, unblocked);
		rc = top_model_gather(m, count);
	}
	return rc;
}

/* True when processes were chosen and none of them is there any more. */
static bool all_ended(const struct wishes *w)
{
	for (size_t i = 0; i < w->count.n_pids; i++)
		if (kill((pid_t)w->count.pids[i], 0) == 0 || errno != ESRCH)
			return false;
	return w->count.n_pids > 0;
}

static int write_interval(const struct wishes *w, struct top_view *v, struct top_model *m)
{
	struct str out = {0};
	int rc = top_model_rows(m, &v->query, &v->rows);

	if (!rc && w->json)
		top_view_json(v, m, &out);
	else if (!rc)
		top_view_table(v, m, w->max_rows, cli_has_colour(stdout), &out);
	if (!rc && !w->json && w->intervals != 1)
		str_add_char(&out, '\n');
	if (out.failed)
		rc = -ENOMEM;
	if (!rc && (fwrite(str_c(&out), 1, out.len, stdout) != out.len || fflush(stdout)))
		rc = -errno;
	str_fini(&out);
	return rc;
}

static int run_plain(const struct wishes *w, struct top_view *v, struct top_model *m,
		     struct count *count)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = on_stop};
	uint64_t deadline = m->end_ns;
	sigset_t blocked, before;
	int rc = 0;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &action, NULL);
		sigaddset(&blocked, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &before);
	for (uint64_t n = 1; !rc && !wants_stop; n++) {
		bool is_last;

		deadline += w->interval_ns;
		rc = gather_until(deadline, m, count, &before);
		is_last = all_ended(w) || n == w->intervals;
		if (!rc)
			rc = top_model_read(m, count);
		if (!rc)
			rc = write_interval(w, v, m);
		if (is_last)
			break;
	}
	return rc;
}

/* --- the screen's keys --------------------------------------------------------------------- */

struct ui {
	struct terminal terminal;
	struct top_view *view;
	struct top_model *model;
	bool wants_end;
};

static size_t chosen_row(const struct top_view *v)
{
	for (size_t i = 0; v->has_chosen && i < v->rows.items.len; i++)
		if (v->rows.items.items[i].key == v->chosen)
			return i;
	return SIZE_MAX;
}

static void choose(struct top_view *v, size_t row)
{
	if (!v->rows.items.len)
		return;
	if (row >= v->rows.items.len)
		row = v->rows.items.len - 1;
	v->chosen = v->rows.items.items[row].key;
	v->has_chosen = true;
}

static void move_by(struct ui *ui, long by)
{
	size_t row = chosen_row(ui->view);

	if (row == SIZE_MAX)
		choose(ui->view, ui->view->first);
	else
		choose(ui->view, by < 0 && (size_t)-by > row ? 0 : row + (size_t)by);
}

static long page(const struct ui *ui)
{
	return (long)top_view_capacity(&ui->terminal);
}

static void key_up(struct ui *ui)
{
	move_by(ui, -1);
}

static void key_down(struct ui *ui)
{
	move_by(ui, 1);
}

static void key_page_up(struct ui *ui)
{
	move_by(ui, -page(ui));
}

static void key_page_down(struct ui *ui)
{
	move_by(ui, page(ui));
}

static void key_home(struct ui *ui)
{
	choose(ui->view, 0);
}

static void key_end(struct ui *ui)
{
	choose(ui->view, SIZE_MAX);
}

/* The name is the column in front of the first. */
static void sort_by(struct ui *ui, int step)
{
	struct top_query *q = &ui->view->query;
	int column = (int)q->sort;

	do {
		column = (column + step + TOP_N_COLUMNS) % TOP_N_COLUMNS;
	} while (column == TOP_COLUMN_SHARE ||
		 (!ui->model->with_latency && column > TOP_COLUMN_ERRORS &&
		  column < TOP_COLUMN_NAME));
	q->sort = (enum top_column)column;
	q->is_reversed = false;
}

static void key_sort_right(struct ui *ui)
{
	sort_by(ui, 1);
}

static void key_sort_left(struct ui *ui)
{
	sort_by(ui, -1);
}

static void key_reverse(struct ui *ui)
{
	ui->view->query.is_reversed = !ui->view->query.is_reversed;
}

static void show_by(struct ui *ui, enum top_by by)
{
	struct top_view *v = ui->view;

	v->query.by = by;
	v->has_chosen = false;
	v->first = 0;
	ui->model->wants_cgroups = by == TOP_BY_CGROUP || by == TOP_BY_CONTAINER;
}

static void key_next_group(struct ui *ui)
{
	show_by(ui, (ui->view->query.by + 1) % TOP_N_GROUPS);
}

/* Into a row: a call's processes; the calls of anything else. */
static void key_open(struct ui *ui)
{
	struct top_view *v = ui->view;
	struct top_query *q = &v->query;
	size_t row = chosen_row(v);

	if (row == SIZE_MAX) {
		v->message = "first choose a row, with the arrows";
		return;
	}
	for (size_t i = 0; i < q->n_focus; i++)
		if (q->focus[i].by == q->by) {
			v->message = "it is open already; Backspace goes back";
			return;
		}
	q->focus[q->n_focus++] = (struct top_focus){q->by, v->chosen};
	v->filter[0] = '\0';
	show_by(ui, q->by == TOP_BY_CALL ? TOP_BY_PROCESS : TOP_BY_CALL);
}

static void key_back(struct ui *ui)
{
	struct top_view *v = ui->view;
	struct top_focus left;

	if (!v->query.n_focus)
		return;
	left = v->query.focus[--v->query.n_focus];
	show_by(ui, left.by);
	v->chosen = left.key;
	v->has_chosen = true;
}

static void key_filter(struct ui *ui)
{
	ui->view->is_filtering = true;
}

/* Out of what is narrowest. */
static void key_escape(struct ui *ui)
{
	struct top_view *v = ui->view;

	if (v->shows_help)
		v->shows_help = false;
	else if (*v->filter)
		v->filter[0] = '\0';
	else if (v->query.n_focus)
		key_back(ui);
	else
		v->has_chosen = false;
}

static void key_pause(struct ui *ui)
{
	ui->view->is_paused = !ui->view->is_paused;
}

static const uint64_t intervals_ns[] = {100000000,   200000000,   500000000,
					1000000000,  2000000000,  5000000000,
					10000000000, 30000000000, 60000000000};
#define N_INTERVALS (sizeof(intervals_ns) / sizeof(intervals_ns[0]))

static void key_slower(struct ui *ui)
{
	for (size_t i = 0; i < N_INTERVALS; i++)
		if (intervals_ns[i] > ui->view->interval_ns) {
			ui->view->interval_ns = intervals_ns[i];
			return;
		}
}

static void key_faster(struct ui *ui)
{
	for (size_t i = N_INTERVALS; i-- > 0;)
		if (intervals_ns[i] < ui->view->interval_ns) {
			ui->view->interval_ns = intervals_ns[i];
			return;
		}
}

static void key_help(struct ui *ui)
{
	ui->view->shows_help = !ui->view->shows_help;
}

static void key_quit(struct ui *ui)
{
	ui->wants_end = true;
}

static void key_redraw(struct ui *ui)
{
	str_reset(&ui->terminal.shown);
}

enum { CTRL_L = 12 };

static const struct {
	int key;
	void (*act)(struct ui *ui);
} bindings[] = {
	{TERMINAL_UP, key_up},
	{'k', key_up},
	{TERMINAL_DOWN, key_down},
	{'j', key_down},
	{TERMINAL_PAGE_UP, key_page_up},
	{TERMINAL_PAGE_DOWN, key_page_down},
	{TERMINAL_HOME, key_home},
	{TERMINAL_END, key_end},
	{TERMINAL_RIGHT, key_sort_right},
	{'>', key_sort_right},
	{TERMINAL_LEFT, key_sort_left},
	{'<', key_sort_left},
	{'r', key_reverse},
	{TERMINAL_TAB, key_next_group},
	{TERMINAL_ENTER, key_open},
	{TERMINAL_BACKSPACE, key_back},
	{'/', key_filter},
	{TERMINAL_ESCAPE, key_escape},
	{' ', key_pause},
	{'+', key_slower},
	{'-', key_faster},
	{'h', key_help},
	{'?', key_help},
	{'q', key_quit},
	{TERMINAL_GONE, key_quit},
	{CTRL_L, key_redraw},
};

static const struct {
	int key;
	enum top_by by;
} group_keys[] = {
#define X(id, name, plural, heading, key) {key, TOP_BY_##id},
	TOP_GROUPS(X)
#undef X
};

/* Into the filter's text. */
static void type(struct ui *ui, int key)
{
	struct top_view *v = ui->view;
	size_t len = strlen(v->filter);

	if (key == TERMINAL_ESCAPE)
		v->filter[0] = '\0';
	if (key == TERMINAL_ESCAPE || key == TERMINAL_ENTER)
		v->is_filtering = false;
	else if (key == TERMINAL_BACKSPACE && len)
		v->filter[len - 1] = '\0';
	else if (key >= ' ' && key < TERMINAL_BACKSPACE && len + 1 < sizeof(v->filter)) {
		v->filter[len] = (char)key;
		v->filter[len + 1] = '\0';
	}
}

static void press(struct ui *ui, int key)
{
	ui->view->message = NULL;
	if (ui->view->is_filtering && key != TERMINAL_GONE) {
		type(ui, key);
		return;
	}
	for (size_t i = 0; i < sizeof(group_keys) / sizeof(group_keys[0]); i++)
		if (group_keys[i].key == key)
			show_by(ui, group_keys[i].by);
	for (size_t i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++)
		if (bindings[i].key == key)
			bindings[i].act(ui);
}

/* --- the screen ---------------------------------------------------------------------------- */

static int draw(struct ui *ui)
{
	struct str frame = {0};
	int rc;

	ui->view->query.filter = ui->view->filter;
	rc = top_model_rows(ui->model, &ui->view->query, &ui->view->rows);
	if (!rc) {
		top_view_screen(ui->view, ui->model, &ui->terminal, &frame);
		rc = frame.failed ? -ENOMEM : terminal_draw(&ui->terminal, &frame);
	}
	str_fini(&frame);
	return rc;
}

static int read_interval(struct ui *ui, const struct wishes *w, struct count *count)
{
	int rc = top_model_read(ui->model, count);

	if (!rc)
		top_view_note(ui->view, ui->model);
	if (all_ended(w))
		ui->view->message = "all chosen processes have ended";
	return rc;
}

static int run_screen(const struct wishes *w, struct top_view *v, struct top_model *m,
		      struct count *count)
{
	struct ui ui = {.view = v, .model = m};
	uint64_t next_ns = m->end_ns + (FIRST_INTERVAL_NS < v->interval_ns ? FIRST_INTERVAL_NS
									   : v->interval_ns);
	uint64_t n = 0;
	int rc = terminal_open(&ui.terminal);

	if (rc)
		return rc;
	while (!rc && !ui.wants_end) {
		uint64_t now = clock_monotonic_ns();

		if (now >= next_ns) {
			next_ns = now + v->interval_ns;
			rc = v->is_paused ? 0 : read_interval(&ui, w, count);
			if (w->intervals && ++n == w->intervals)
				break;
		} else {
			rc = top_model_gather(m, count);
		}
		if (!rc)
			rc = draw(&ui);
		if (!rc) {
			uint64_t before = v->interval_ns;
			int ms = (int)((next_ns > now ? next_ns - now : 0) / 1000000) + 1;

			press(&ui,
			      terminal_key(&ui.terminal, ms < TOP_GATHER_MS ? ms : TOP_GATHER_MS));
			if (v->interval_ns != before)
				next_ns = now + v->interval_ns;
		}
	}
	terminal_close(&ui.terminal);
	return rc;
}

/* --- the command --------------------------------------------------------------------------- */

static int find_name(const char *const *names, int n, const char *text, const char *option,
		     int *found)
{
	const char *near;
	char list[256] = "";

	for (*found = 0; *found < n; ++*found)
		if (!strcmp(names[*found], text))
			return 0;
	for (int i = 0; i < n; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 names[i]);
	near = nearest_name(text, names, (size_t)n);
	if (near)
		return cli_bad_usage(&spec, "%s: there is no %s; did you mean %s?", option, text,
				     near);
	return cli_bad_usage(&spec, "%s: there is no %s; it is one of: %s", option, text, list);
}

static int add_pid(struct wishes *w, uint64_t pid)
{
	if (w->count.n_pids == COUNT_MAX_PIDS)
		return cli_bad_usage(&spec, "-p: at most %d processes", COUNT_MAX_PIDS);
	w->pids[w->count.n_pids++] = (uint32_t)pid;
	return 0;
}

/* What -p means must be there, and a process. */
static int check_pids(const struct wishes *w, struct diag *diag)
{
	for (size_t i = 0; i < w->count.n_pids; i++) {
		_cleanup_(freep) char *status = NULL;
		char path[64];
		const char *tgid;
		size_t len;

		snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", w->pids[i]);
		if (fs_read_file(-1, path, 65536, &status, &len)) {
			diag_error(diag, NULL, "there is no process %" PRIu32, w->pids[i]);
			return -ESRCH;
		}
		tgid = strstr(status, "\nTgid:");
		if (tgid && strtoul(tgid + 6, NULL, 10) != w->pids[i]) {
			diag_error(diag, NULL, "%" PRIu32 " is a thread", w->pids[i]);
			diag_hint(diag, "its process is %lu", strtoul(tgid + 6, NULL, 10));
			return -ESRCH;
		}
	}
	return 0;
}

static int find_cgroup(const struct wishes *w, struct cgroup *cgroup, struct diag *diag)
{
	struct containers *containers = NULL;
	struct cgroup_mounts mounts;
	int rc;

	if (w->container) {
		rc = containers_open(&containers, "", diag);
		if (!rc)
			rc = containers_find(containers, w->container, cgroup, diag);
		containers_free(containers);
		return rc;
	}
	rc = cgroup_mounts_get(&mounts, "", diag);
	return rc ? rc : cgroup_find(cgroup, &mounts, w->cgroup, diag);
}

static void name_scope(const struct wishes *w, const struct cgroup *cgroup, struct str *out)
{
	if (w->container)
		str_addf(out, "container %s", w->container);
	else if (w->cgroup)
		str_addf(out, "cgroup %s", cgroup->name);
	else if (!w->count.n_pids)
		str_add(out, "all processes");
	else
		str_add(out, w->count.n_pids > 1 ? "processes" : "process");
	for (size_t i = 0; i < w->count.n_pids; i++)
		str_addf(out, " %" PRIu32, w->pids[i]);
}

static int run(struct wishes *w, struct diag *diag)
{
	static struct cgroup cgroup; /* it is large */
	static struct top_view view;
	struct top_model model;
	struct str scope = {0};
	struct count *count = NULL;
	int rc = check_pids(w, diag);

	if (!rc && (w->cgroup || w->container)) {
		rc = find_cgroup(w, &cgroup, diag);
		w->count.cgroup = &cgroup;
	}
	if (rc)
		return rc;
	rc = count_open(&count, &w->count, diag);
	if (rc)
		return rc;
	name_scope(w, &cgroup, &scope);
	top_model_init(&model, w->count.latency);
	model.wants_cgroups = w->query.by == TOP_BY_CGROUP || w->query.by == TOP_BY_CONTAINER;
	view = (struct top_view){
		.query = w->query, .interval_ns = w->interval_ns, .scope = str_c(&scope)};
	if (w->filter)
		snprintf(view.filter, sizeof(view.filter), "%s", w->filter);
	view.query.filter = view.filter;
	if (w->json || w->once || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		rc = run_plain(w, &view, &model, count);
	else
		rc = run_screen(w, &view, &model, count);
	count_free(count);
	top_rows_fini(&view.rows);
	top_model_fini(&model);
	str_fini(&scope);
	return rc == -EPIPE ? 0 : rc;
}

/* 0, or what to exit with. */
static int take_option(struct wishes *w, struct opt_parser *p, int id, struct diag *diag)
{
	uint64_t number;
	int index;

	switch (id) {
	case 'p':
		if (opt_value_u64(p, 1, 1 << 22, &number, diag))
			return CLI_BAD_USAGE;
		return add_pid(w, number);
	case OPT_CGROUP:
		w->cgroup = p->value;
		return 0;
	case OPT_CONTAINER:
		w->container = p->value;
		return 0;
	case OPT_BY:
		if (find_name(top_group_names, TOP_N_GROUPS, p->value, "--by", &index))
			return CLI_BAD_USAGE;
		w->query.by = (enum top_by)index;
		return 0;
	case OPT_SORT:
		if (find_name(top_column_names, TOP_N_COLUMNS, p->value, "--sort", &index))
			return CLI_BAD_USAGE;
		w->query.sort = (enum top_column)index;
		return 0;
	case OPT_FILTER:
		w->filter = p->value;
		return 0;
	case OPT_TOP:
		w->has_max_rows = true;
		return opt_value_u64(p, 0, UINT32_MAX, &w->max_rows, diag) ? CLI_BAD_USAGE : 0;
	case OPT_NO_LATENCY:
		w->count.latency = false;
		return 0;
	case 'i':
		if (opt_value_duration(p, &w->interval_ns, diag))
			return CLI_BAD_USAGE;
		if (w->interval_ns < MIN_INTERVAL_NS || w->interval_ns > MAX_INTERVAL_NS)
			return cli_bad_usage(&spec, "--interval is from 50ms to 24h");
		return 0;
	case OPT_COUNT:
		return opt_value_u64(p, 1, UINT32_MAX, &w->intervals, diag) ? CLI_BAD_USAGE : 0;
	case OPT_ONCE:
		w->once = true;
		w->intervals = 1;
		return 0;
	case CLI_OPT_JSON:
		w->json = true;
		return 0;
	}
	return 0;
}

int cmd_top(int argc, char **argv)
{
	struct wishes w = {.count.latency = true, .interval_ns = 1000000000};
	struct diag diag = {0};
	struct opt_parser p;
	int id, rc = 0;

	opt_init(&p, &spec, argc, argv);
	while (!rc && (id = cli_next_option(&p)) > 0)
		rc = take_option(&w, &p, id, &diag);
	if (rc) {
		cli_print_diag(&diag);
		return rc;
	}
	if (id < 0)
		return p.exit_status;
	if (p.n_operands)
		return cli_bad_usage(&spec, "%s is not an option", p.operands[0]);
	if (!!w.cgroup + !!w.container + (w.count.n_pids > 0) > 1)
		return cli_bad_usage(&spec, "one of -p, --cgroup and --container");
	if (!w.has_max_rows && !w.json)
		w.max_rows = PLAIN_ROWS;
	w.count.pids = w.pids;
	return cli_finish(&diag, run(&w, &diag));
}
