/* SPDX-License-Identifier: MIT */
/*
 * Which system calls, how often, how long, with which errors: by call, by
 * process, and by the file that they are about.
 */
#include <errno.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/durations.h"
#include "base/map.h"
#include "store/calls.h"

enum group { BY_CALL, BY_PROCESS, BY_FILE, N_GROUPS };

static const struct {
	const char *name, *heading, *id_heading;
} groups[N_GROUPS] = {
	[BY_CALL] = {"call", "CALL", NULL},
	[BY_PROCESS] = {"process", "PROCESS", "PID"},
	[BY_FILE] = {"file", "FILE", NULL},
};
static const char *const group_names[] = {"call", "process", "file", NULL};

static const char how[] =
	"COUNT are calls that returned, ERRORS those of them that failed. TOTAL is their time, of all\n"
	"threads together, asleep or at work: calls that wait (futex, poll, read of a socket) wait that\n"
	"long. P50, P90, P99: so many in a hundred were not slower, right to 1.6 %; the rest is exact.\n"
	"OPEN calls had not returned at the end. By file: what the trace tells of names; a\n"
	"descriptor that was open before it has none.\n";

struct state {
	bool wants[N_GROUPS];
	struct durations by[N_GROUPS];
	struct arena names;
	struct map interned;
};

/* The producer's texts go with it; ours stay until the report is written. */
static const char *keep(struct state *s, const char *text)
{
	uint64_t known;
	char *copy;

	if (map_get_str(&s->interned, text, &known))
		return (const char *)(uintptr_t)known;
	copy = arena_strdup(&s->names, text);
	return copy && !map_put_str(&s->interned, copy, (uintptr_t)copy) ? copy : NULL;
}

static int add_file(struct state *s, const struct interval *i)
{
	const struct interval_value *path = interval_value(i, "path"), *fd;
	const char *name;

	fd = interval_value(i, "fd");
	if (!path && (!fd || fd->number < 0))
		return 0;
	name = keep(s, path ? path->text : "(opened before the trace)");
	return name ? durations_add(&s->by[BY_FILE], (uintptr_t)name, name, 0, i) : -ENOMEM;
}

static int add(void *data, const struct interval *i)
{
	struct state *s = data;
	const char *name = keep(s, i->name), *process = keep(s, i->track->process);
	int rc = name && process ? 0 : -ENOMEM;

	if (!rc && s->wants[BY_CALL])
		rc = durations_add(&s->by[BY_CALL], (uintptr_t)name, name, 0, i);
	if (!rc && s->wants[BY_PROCESS])
		rc = durations_add(&s->by[BY_PROCESS], i->track->pid, process, i->track->pid, i);
	if (!rc && s->wants[BY_FILE])
		rc = add_file(s, i);
	return rc;
}

static void report_facts(struct report *r, const struct calls_summary *s)
{
	report_fact(r, "calls", "calls", REPORT_COUNT, s->calls);
	report_fact(r, "duration_ns", "long", REPORT_NS, (uint64_t)(s->end_ns - s->begin_ns));
	report_fact(r, "unfinished", "had not returned", REPORT_COUNT, s->unfinished);
	report_fact(r, "unentered", "returned that had begun before", REPORT_COUNT, s->unentered);
	report_fact(r, "lost_events", "events lost", REPORT_COUNT, s->lost_events);
	report_fact(r, "cut", "left out, since events were lost meanwhile", REPORT_COUNT, s->cut);
	report_fact(r, "without_thread", "events of threads unknown", REPORT_COUNT,
		    s->without_thread);
}

static void choose(struct state *s, const struct analysis_options *o)
{
	for (int g = 0; g < N_GROUPS; g++) {
		s->wants[g] = !o->n_by;
		for (size_t i = 0; i < o->n_by; i++)
			s->wants[g] |= !strcmp(o->by[i], groups[g].name);
	}
}

static int run(const struct analysis_options *o, struct ctf_trace *const *traces, size_t n,
	       struct report *r, struct diag *diag)
{
	const struct calls_options options = {
		.has_begin = o->has_begin,
		.begin_ns = o->begin_ns,
		.has_end = o->has_end,
		.end_ns = o->end_ns,
		.pids = o->pids,
		.n_pids = o->n_pids,
	};
	struct calls_summary summary;
	struct state s = {0};
	int rc;

	choose(&s, o);
	rc = calls_read(traces, n, &options, add, &s, &summary, diag);
	if (rc != -ENOMEM && !summary.has_calls) {
		diag_error(diag, NULL, "there are no system calls in it");
		diag_hint(diag, "piste record -e 'syscall:*' records them");
		rc = -ENOENT;
	} else if (rc != -ENOMEM) {
		report_facts(r, &summary);
		for (int g = 0; g < N_GROUPS; g++)
			if (s.wants[g])
				durations_report(&s.by[g], r, groups[g].name, groups[g].heading,
						 groups[g].id_heading, o->top);
	}
	for (int g = 0; g < N_GROUPS; g++)
		durations_fini(&s.by[g]);
	map_fini(&s.interned);
	arena_fini(&s.names);
	return rc ? rc : arena_failed(&r->arena) ? -ENOMEM : 0;
}

const struct analysis analysis_syscalls = {
	.name = "syscalls",
	.summary = "system calls: how often, how long, which errors, by whom, on what",
	.how = how,
	.groups = group_names,
	.run = run,
};
