/* SPDX-License-Identifier: MIT */
/*
 * piste stat: what is in a trace, as its census counts it; one function a
 * section writes it, for people or as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "cli/census.h"
#include "cli/cmd.h"
#include "cli/grid.h"
#include "cli/traces.h"

#define NS_PER_S 1000000000ull
enum { MAX_PROCESSES_SHOWN = 40, MAX_CLASSES_SHOWN = 1000 };

enum { OPT_NO_ANCHORS = OPT_LONG_ONLY, OPT_ALL };

static const struct opt_spec spec = {
	.usage = "piste stat [OPTION]... TRACE",
	.summary = "What is in a trace: events, processes, time, losses, clocks, cost",
	.rows =
		(const struct opt_row[]){
			CLI_ROW_JSON,
			{"all", OPT_ALL, NULL, "all rows, also of the recorder's own events"},
			{"no-anchors", OPT_NO_ANCHORS, NULL,
			 "times by the clock's description alone, as babeltrace2 has them"},
			{0},
		},
	.details =
		"SHARE is of all events, RATE over the whole duration. BYTES are those of events on\n"
		"disk, headers included. LOST is what the tracer counted: 0 means that every event is here.\n"
		"\n"
		"Exit status: 0, 1 when something could not be read (what could be is counted), 2.\n",
};

static uint64_t rate_of(uint64_t n, uint64_t ns)
{
	return ns ? (uint64_t)((double)n * 1e9 / (double)ns + 0.5) : 0;
}

/* --- for people ------------------------------------------------------------------------ */

struct report {
	struct str out;
	bool colour, all;
};

static void add_heading(struct report *r, const char *text)
{
	str_addf(&r->out, "\n%s%s%s\n", r->colour ? "\033[1m" : "", text,
		 r->colour ? "\033[0m" : "");
}

static void add_label(struct report *r, const char *label)
{
	str_addf(&r->out, "  %-10s", label);
}

static void add_time(struct str *out, int64_t ns)
{
	int64_t s = ns / (int64_t)NS_PER_S - (ns % (int64_t)NS_PER_S < 0);
	time_t time = (time_t)s;
	char text[64];
	struct tm tm;

	if (!localtime_r(&time, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(text, sizeof(text), "%" PRId64, s);
	str_addf(out, "%s.%09" PRId64, text, ns - s * (int64_t)NS_PER_S);
}

static const char *env_text(const struct census *c, const char *name)
{
	const struct ctf_env_entry *entry = ctf_env_find(c->trace->class, name);

	return entry && entry->is_string && *entry->text ? entry->text : NULL;
}

static void write_title(struct report *r, const struct census *c)
{
	const struct ctf_trace_class *tc = c->trace->class;
	const char *tracer = env_text(c, "tracer_name"), *host = env_text(c, "hostname");

	str_addf(&r->out, "%s%s%s  CTF %u.%u", r->colour ? "\033[1m" : "", c->path,
		 r->colour ? "\033[0m" : "", tc->major, tc->minor);
	if (tracer)
		str_addf(&r->out, ", recorded by %s", tracer);
	if (host)
		str_addf(&r->out, " on %s", host);
	str_add_char(&r->out, '\n');
}

static void write_summary(struct report *r, const struct census *c)
{
	struct str *out = &r->out;
	uint64_t lost = census_lost(c);

	add_label(r, "events");
	str_add_count_human(out, c->events);
	if (c->own_events)
		str_addf(out, " (and %" PRIu64 " of the recorder)", c->own_events);
	if (c->has_time && census_duration_ns(c)) {
		str_add(out, ", ");
		str_add_count_human(out, rate_of(c->events, census_duration_ns(c)));
		str_add(out, "/s");
	}
	str_add_char(out, '\n');
	if (c->has_time) {
		add_label(r, "begin");
		add_time(out, c->begin_ns);
		str_add_char(out, '\n');
		add_label(r, "end");
		add_time(out, c->end_ns);
		str_add(out, "  after ");
		str_add_duration_human(out, census_duration_ns(c));
		str_add_char(out, '\n');
	}
	add_label(r, "size");
	str_add_bytes_human(out, c->bytes);
	str_addf(out, " in %" PRIu64 " packets, %zu streams, %zu files", c->packets,
		 c->trace->n_streams, c->trace->n_files);
	if (c->events + c->own_events)
		str_addf(out, "; %.1f bytes an event",
			 (double)c->bytes / (double)(c->events + c->own_events));
	str_add_char(out, '\n');
	add_label(r, "lost");
	if (c->has_losses || c->session.is_there) {
		if (lost && r->colour)
			str_add(out, "\033[31m");
		str_add_count_human(out, lost);
		str_add(out, lost == 1 ? " event" : " events");
		if (lost && r->colour)
			str_add(out, "\033[0m");
		if (c->events + lost)
			str_addf(out, " of ");
		if (c->events + lost)
			str_add_count_human(out, c->events + lost);
	} else {
		str_add(out, "not known: the tracer did not count");
	}
	if (c->lost_packets)
		str_addf(out, ", %" PRIu64 " packets", c->lost_packets);
	if (c->session.overwritten)
		str_addf(out, "; %" PRIu64 " overwritten by later ones, as wished",
			 c->session.overwritten);
	if (c->session.dropped_bytes)
		str_addf(out, "; %" PRIu64 " unreadable bytes left out", c->session.dropped_bytes);
	str_add_char(out, '\n');
}

static void write_cost(struct report *r, const struct census *c)
{
	uint64_t cpu = c->session.recorder_cpu_ns;

	if (!c->session.is_there)
		return;
	add_label(r, "cost");
	str_add(&r->out, "recorder ");
	str_add_duration_human(&r->out, cpu);
	str_add(&r->out, " of CPU");
	if (census_duration_ns(c))
		str_addf(&r->out, ", %.1f %% of one core",
			 100.0 * (double)cpu / (double)census_duration_ns(c));
	if (c->events > 10000) /* else it is that of starting and ending */
		str_addf(&r->out, ", %.1f ns an event", (double)cpu / (double)c->events);
	str_add_char(&r->out, '\n');
}

static void write_kernel(struct report *r, const struct census *c)
{
	const struct census_session *s = &c->session;

	if (!s->ring_bytes)
		return;
	add_label(r, "kernel");
	str_add_count_human(&r->out, s->kernel_events);
	str_add(&r->out, " events, ");
	str_add_count_human(&r->out, s->kernel_lost);
	str_add(&r->out, " lost");
	if (s->limited) {
		str_add(&r->out, ", ");
		str_add_count_human(&r->out, s->limited);
		str_add(&r->out, " left out by --max-rate");
	}
	str_add(&r->out, "; through rings of ");
	str_add_bytes_human(&r->out, s->ring_bytes);
	str_add(&r->out, " a CPU\n");
}

static void write_classes(struct report *r, const struct census *c)
{
	struct grid grid = {0};
	size_t left_out = 0;

	grid_column(&grid, "EVENT", false);
	grid_column(&grid, "COUNT", true);
	grid_column(&grid, "SHARE", true);
	grid_column(&grid, "RATE/s", true);
	grid_column(&grid, "BYTES", true);
	grid_column(&grid, "B/EVENT", true);
	for (size_t i = 0; i < c->classes.len; i++) {
		const struct census_class *class = &c->classes.items[i];

		if (!r->all && (class->is_own || !class->events || i >= MAX_CLASSES_SHOWN)) {
			left_out += !class->is_own;
			continue;
		}
		grid_cell(&grid, "%s", class->class->name ? class->class->name : "<unknown>");
		grid_count(&grid, class->events);
		grid_cell(&grid, "%.1f %%",
			  c->events + c->own_events ? 100.0 * (double)class->events /
							      (double)(c->events + c->own_events)
						    : 0.0);
		grid_count(&grid, rate_of(class->events, census_duration_ns(c)));
		grid_count(&grid, class->bits / 8);
		grid_cell(&grid, "%.1f",
			  class->events ? (double)class->bits / 8 / (double)class->events : 0.0);
	}
	if (grid.cells.len) {
		str_add_char(&r->out, '\n');
		grid_write(&grid, &r->out, r->colour);
	}
	if (left_out)
		str_addf(&r->out, "  %zu more of which there are no events (--all lists them)\n",
			 left_out);
	grid_fini(&grid);
}

static void write_processes(struct report *r, const struct census *c)
{
	bool has_ends = trace_is_pistes(c->trace);
	struct grid grid = {0};
	size_t shown = 0;

	if (!c->processes.len)
		return;
	grid_column(&grid, "PID", true);
	grid_column(&grid, "PROCESS", false);
	grid_column(&grid, "THREADS", true);
	grid_column(&grid, "EVENTS", true);
	if (has_ends)
		grid_column(&grid, "LOST", true);
	grid_column(&grid, "COMMAND LINE", false);
	for (; shown < c->processes.len && (r->all || shown < MAX_PROCESSES_SHOWN); shown++) {
		const struct census_process *p = &c->processes.items[shown];

		grid_cell(&grid, "%" PRIu32, p->pid);
		grid_cell(&grid, "%s", p->comm ? p->comm : "");
		grid_count(&grid, p->threads.len);
		grid_count(&grid, p->events);
		if (has_ends && p->has_end)
			grid_count(&grid, p->lost);
		else if (has_ends)
			grid_cell(&grid, p->has_start ? "?" : "");
		grid_cell(&grid, "%s", p->cmdline ? p->cmdline : "");
	}
	str_add_char(&r->out, '\n');
	grid_write(&grid, &r->out, r->colour);
	if (shown < c->processes.len)
		str_addf(&r->out, "  %zu more (--all lists them)\n", c->processes.len - shown);
	grid_fini(&grid);
}

static void write_clocks(struct report *r, const struct census *c)
{
	const struct ctf_trace_class *tc = c->trace->class;
	struct anchors_quality q;

	if (tc->n_clocks)
		add_heading(r, "clocks");
	for (size_t i = 0; i < tc->n_clocks; i++) {
		const struct ctf_clock *clock = tc->clocks[i];

		str_addf(&r->out, "  %s  %.6f MHz%s%s%s\n", clock->name ? clock->name : "(no name)",
			 (double)clock->frequency_hz / 1e6,
			 clock->is_absolute ? ", from the Unix epoch" : "",
			 clock->description ? ", " : "",
			 clock->description ? clock->description : "");
		if (!c->anchors || clock != c->anchors->clock)
			continue;
		anchors_quality(c->anchors, &q);
		str_addf(&r->out,
			 "    %zu anchors: read to %" PRIu64 " ns, straight to %" PRIu64
			 " ns between them",
			 c->anchors->n, q.width_ns, q.bend_ns);
		if (llabs(q.realtime_step_ns) > 1000000)
			str_addf(&r->out, "; the time of day was set by %.3f s meanwhile",
				 (double)q.realtime_step_ns / 1e9);
		str_add_char(&r->out, '\n');
	}
}

static void write_environment(struct report *r, const struct census *c)
{
	const struct ctf_trace_class *tc = c->trace->class;

	if (tc->n_env)
		add_heading(r, "environment");
	for (size_t i = 0; i < tc->n_env; i++) {
		const struct ctf_env_entry *e = &tc->env[i];

		if (e->is_string)
			str_addf(&r->out, "  %s = %s\n", e->name, e->text);
		else
			str_addf(&r->out, "  %s = %" PRId64 "\n", e->name, e->value);
	}
}

static void write_how(struct report *r, const struct census *c)
{
	str_add(&r->out, "\n  ");
	if (!c->events)
		str_add(&r->out,
			"There are no events in it: no site was reached, or none was wanted.\n");
	else if (census_lost(c))
		str_add(&r->out,
			"Events are missing: a larger --buffer, or fewer events (-e), keeps all.\n");
	else
		str_addf(&r->out, "piste print %s | less\n", c->path);
}

/* The sections, as they are read. */
static void write_text(struct report *r, const struct census *c)
{
	static void (*const sections[])(struct report *, const struct census *) = {
		write_title,     write_summary, write_kernel,      write_cost, write_classes,
		write_processes, write_clocks,  write_environment, write_how,
	};

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		sections[i](r, c);
}

/* --- for programs ---------------------------------------------------------------------- */

static void json_text(struct str *out, const char *key, const char *value)
{
	str_addf(out, "\"%s\":", key);
	if (value)
		str_add_json(out, value, strlen(value));
	else
		str_add(out, "null");
}

static void json_classes(struct str *out, const struct census *c)
{
	str_add(out, ",\"events\":[");
	for (size_t i = 0; i < c->classes.len; i++) {
		const struct census_class *class = &c->classes.items[i];

		str_add(out, i ? ",{" : "{");
		json_text(out, "name", class->class->name);
		str_addf(out, ",\"count\":%" PRIu64 ",\"size_bytes\":%" PRIu64 ",\"recorder\":%s}",
			 class->events, class->bits / 8, class->is_own ? "true" : "false");
	}
	str_add_char(out, ']');
}

static void json_processes(struct str *out, const struct census *c)
{
	str_add(out, ",\"processes\":[");
	for (size_t i = 0; i < c->processes.len; i++) {
		const struct census_process *p = &c->processes.items[i];

		str_addf(out, "%s{\"pid\":%" PRIu32 ",", i ? "," : "", p->pid);
		json_text(out, "comm", p->comm);
		str_add_char(out, ',');
		json_text(out, "cmdline", p->cmdline);
		str_addf(out, ",\"threads\":%zu,\"events\":%" PRIu64, p->threads.len, p->events);
		if (p->has_end)
			str_addf(out, ",\"lost\":%" PRIu64 ",\"wait_status\":%" PRIu64, p->lost,
				 p->status);
		str_add_char(out, '}');
	}
	str_add_char(out, ']');
}

static void json_clocks(struct str *out, const struct census *c)
{
	const struct ctf_trace_class *tc = c->trace->class;
	struct anchors_quality q;

	str_add(out, ",\"clocks\":[");
	for (size_t i = 0; i < tc->n_clocks; i++) {
		str_add(out, i ? ",{" : "{");
		json_text(out, "name", tc->clocks[i]->name);
		str_addf(out, ",\"frequency_hz\":%" PRIu64, tc->clocks[i]->frequency_hz);
		if (c->anchors && c->anchors->clock == tc->clocks[i]) {
			anchors_quality(c->anchors, &q);
			str_addf(out,
				 ",\"anchors\":%zu,\"width_ns\":%" PRIu64 ",\"bend_ns\":%" PRIu64
				 ",\"realtime_step_ns\":%" PRId64,
				 c->anchors->n, q.width_ns, q.bend_ns, q.realtime_step_ns);
		}
		str_add_char(out, '}');
	}
	str_add_char(out, ']');
}

static void json_environment(struct str *out, const struct census *c)
{
	const struct ctf_trace_class *tc = c->trace->class;

	str_add(out, ",\"environment\":{");
	for (size_t i = 0; i < tc->n_env; i++) {
		const struct ctf_env_entry *e = &tc->env[i];

		str_add(out, i ? "," : "");
		str_add_json(out, e->name, strlen(e->name));
		str_add_char(out, ':');
		if (e->is_string)
			str_add_json(out, e->text, strlen(e->text));
		else
			str_add_i64(out, e->value);
	}
	str_add_char(out, '}');
}

static void write_json(struct str *out, const struct census *c)
{
	str_add_char(out, '{');
	json_text(out, "trace", c->path);
	str_addf(out,
		 ",\"ctf\":\"%u.%u\",\"event_count\":%" PRIu64 ",\"recorder_event_count\":%" PRIu64
		 ",\"size_bytes\":%" PRIu64 ",\"packets\":%" PRIu64
		 ",\"streams\":%zu,\"files\":%zu",
		 c->trace->class->major, c->trace->class->minor, c->events, c->own_events, c->bytes,
		 c->packets, c->trace->n_streams, c->trace->n_files);
	if (c->has_time)
		str_addf(out, ",\"begin_ns\":%" PRId64 ",\"end_ns\":%" PRId64, c->begin_ns,
			 c->end_ns);
	if (c->has_losses || c->session.is_there)
		str_addf(out, ",\"lost_events\":%" PRIu64, census_lost(c));
	str_addf(out, ",\"lost_packets\":%" PRIu64, c->lost_packets);
	if (c->session.is_there)
		str_addf(out,
			 ",\"overwritten_events\":%" PRIu64 ",\"dropped_bytes\":%" PRIu64
			 ",\"recorder_cpu_ns\":%" PRIu64,
			 c->session.overwritten, c->session.dropped_bytes,
			 c->session.recorder_cpu_ns);
	if (c->session.ring_bytes)
		str_addf(out,
			 ",\"kernel_events\":%" PRIu64 ",\"kernel_lost_events\":%" PRIu64
			 ",\"limited_events\":%" PRIu64 ",\"ring_bytes\":%" PRIu64,
			 c->session.kernel_events, c->session.kernel_lost, c->session.limited,
			 c->session.ring_bytes);
	json_classes(out, c);
	json_processes(out, c);
	json_clocks(out, c);
	json_environment(out, c);
	str_add_char(out, '}');
}

/* --- the command ------------------------------------------------------------------------- */

struct wishes {
	bool json, all, no_anchors;
};

static int stat_one(struct report *r, const struct traces *t, size_t i, const char *name, bool json,
		    struct diag *diag)
{
	struct census c = {.trace = t->all.items[i],
			   .anchors = t->anchors.items[i],
			   .index = t->indexes.items[i]};
	struct str path = {0};
	int rc;

	str_addf(&path, "%s%s%s", name, *t->paths.items[i] ? "/" : "", t->paths.items[i]);
	c.path = t->all.len > 1 ? c.trace->path : str_c(&path);
	rc = census_take(&c, diag);
	if (rc != -ENOMEM) {
		if (i)
			str_add(&r->out, json ? ",\n" : "\n");
		if (json)
			write_json(&r->out, &c);
		else
			write_text(r, &c);
	}
	if (r->out.failed)
		rc = -ENOMEM;
	census_fini(&c);
	str_fini(&path);
	return rc;
}

static int stat_all(const struct wishes *w, int n, char **paths, struct diag *diag)
{
	struct report r = {.colour = cli_has_colour(stdout), .all = w->all};
	struct traces t = {0};
	int rc = traces_open(&t, paths, n, !w->no_anchors, diag), failed = rc;

	if (!rc && w->json)
		str_add(&r.out, "{\"traces\":[");
	for (size_t i = 0; i < t.all.len && rc != -ENOMEM && !(failed && !t.all.len); i++) {
		rc = stat_one(&r, &t, i, paths[0], w->json, diag);
		failed = rc ? rc : failed;
	}
	if (t.all.len && w->json)
		str_add(&r.out, "]}\n");
	fwrite(str_c(&r.out), 1, r.out.len, stdout);
	str_fini(&r.out);
	traces_fini(&t);
	return failed;
}

int cmd_stat(int argc, char **argv)
{
	struct wishes wishes = {0};
	struct diag diag = {0};
	struct opt_parser p;
	int id, rc;

	opt_init(&p, &spec, argc, argv);
	while ((id = cli_next_option(&p)) > 0)
		switch (id) {
		case CLI_OPT_JSON:
			wishes.json = true;
			break;
		case OPT_ALL:
			wishes.all = true;
			break;
		case OPT_NO_ANCHORS:
			wishes.no_anchors = true;
			break;
		}
	if (id < 0)
		return p.exit_status;
	if (!p.n_operands)
		return cli_bad_usage(&spec, "which trace?");
	rc = stat_all(&wishes, p.n_operands, p.operands, &diag);
	/* where something was unreadable, the diag says it all */
	return cli_finish(&diag, rc == -EINVAL && diag.len ? 0 : rc) || rc ? CLI_FAILED : CLI_DONE;
}
