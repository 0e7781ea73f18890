/* SPDX-License-Identifier: MIT */
/*
 * Packets go to the sink, or stay in the flight recorder until a snapshot is
 * asked for. And the end: what is left is taken, and the trace made whole.
 */
#include "session/recorder-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "ctf/filter.h"

int recorder_emit(struct recorder *r, const struct packet *p)
{
	if (r->flight)
		return flight_add(r->flight, p);
	return sink_add(r->sink, p);
}

void recorder_emit_dump(struct recorder *r)
{
	struct packet p;

	if (model_start(&r->model) == 0 && dump_take(&r->dump, &p))
		recorder_emit(r, &p);
}

/* What went wrong with the disk ends the recording, but not what it recorded. */
int recorder_flush(struct recorder *r, bool wait, struct diag *diag)
{
	const char *file;
	int err;

	if (r->flight)
		return 0;
	err = sink_flush(r->sink, &r->model.text, wait);
	if (err && !r->stop_failed) {
		r->stop_failed = true;
		r->stop = true;
		sink_error(r->sink, &file);
		diag_error(diag, NULL, "%s/%s: %s: recording ends here", r->options.dir, file,
			   strerror(-err));
		diag_hint(diag, "what was recorded before can be read; the program goes on");
	}
	return err;
}

/* --- snapshots ------------------------------------------------------------ */

static void add_lost(struct recorder *r, struct sink *sink)
{
	uint64_t rest = r->flight ? flight_totals(r->flight)->overwritten_lost : 0;

	for (size_t i = 0; i < r->untold.len; i++)
		sink_add_lost(sink, (uint32_t)i, r->untold.items[i]);
	sink_add_lost(sink, r->model.trace->n_streams > 1, rest);
	sink_end_lanes(sink, model_ticks_now(&r->model));
}

static int write_flight(struct recorder *r, const char *dir, struct sink **out, struct diag *diag)
{
	struct str text = {0};
	struct sink *sink = NULL;
	int err;

	recorder_emit_dump(r);
	err = model_start(&r->model);
	if (!err)
		err = model_write_all(&r->model, &text);
	if (!err)
		err = sink_open(&sink, dir, r->model.uuid);
	if (!err)
		err = flight_write(r->flight, sink);
	if (!err && !out)
		add_lost(r, sink);
	if (!err)
		err = sink_flush(sink, &text, true);
	if (err)
		diag_error(diag, NULL, "%s: %s", dir, strerror(-err));
	str_fini(&text);
	if (out && !err)
		*out = sink;
	else
		sink_free(sink);
	return err;
}

int recorder_snapshot(struct recorder *r, struct diag *diag)
{
	char dir[PATH_MAX];
	int err;

	r->snapshot_wanted = false;
	if (!r->flight) {
		recorder_note(r, "SIGUSR1 writes a snapshot only with --flight");
		return 0;
	}
	err = recorder_drain(r, COLLECT_PARTIAL, diag);
	if (err)
		return err;
	snprintf(dir, sizeof(dir), "%s/snapshot-%llu", r->options.dir,
		 (unsigned long long)++r->totals.snapshots);
	err = mkdir(dir, 0777) < 0 ? -errno : write_flight(r, dir, NULL, diag);
	if (!err)
		recorder_note(r, "snapshot of %llu events in %s",
			      (unsigned long long)flight_totals(r->flight)->events, dir);
	return 0;
}

/* --- the end -------------------------------------------------------------- */

/* The recording is over, the command is not: its status is ours. */
static void wait_for_command(struct recorder *r)
{
	struct signalfd_siginfo info;

	if (!r->child_running || r->interrupts)
		return;
	recorder_note(r, "the recording is over; the command goes on");
	while (r->child_running && !r->interrupts) {
		fcntl(r->signals, F_SETFL, 0);
		if (read(r->signals, &info, sizeof(info)) != sizeof(info) && errno != EINTR)
			return;
		if (info.ssi_signo == SIGCHLD)
			recorder_reap(r);
		else if (info.ssi_signo != SIGUSR1)
			r->interrupts++;
	}
}

/* Processes that live on: their sites are switched off, what they have is taken. */
static void detach_all(struct recorder *r, struct diag *diag)
{
	for (size_t i = 0; i < r->processes.len; i++) {
		pool_quiet(r->processes.items[i]->pool, r->processes.items[i]->slot);
		r->processes.items[i]->end = model_ticks_now(&r->model);
	}
	recorder_drain(r, COLLECT_PARTIAL, diag);
	/* a writer that saw its gate open just before: once more */
	usleep(r->processes.len ? 200 : 0);
	recorder_drain(r, COLLECT_PARTIAL, diag);
	for (size_t i = 0; i < r->processes.len; i++) {
		process_count_lost(r->processes.items[i]);
		pool_leave(r->processes.items[i]->pool, r->processes.items[i]->slot);
		r->processes.items[i]->is_dead = true;
	}
	recorder_close_dead(r, diag);
}

static uint64_t own_cpu_ns(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return 0;
	return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * 1000000000 +
	       ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000;
}

static void explain_nothing(struct recorder *r, struct recorder_summary *s)
{
	const char *near = NULL;

	if (s->events || s->lost || s->overwritten || s->unwritten)
		return;
	if (r->kern && !r->tables_matched) {
		s->nothing = r->model.wants.filter ? RECORDER_FILTERED : RECORDER_QUIET;
		return;
	}
	if (!s->processes)
		s->nothing = RECORDER_NO_PROCESS;
	else if (!r->tables_seen_sites)
		s->nothing = RECORDER_NO_SITES;
	else if (!r->tables_matched)
		s->nothing = RECORDER_NO_MATCH;
	else
		s->nothing = r->model.wants.filter ? RECORDER_FILTERED : RECORDER_NOT_REACHED;
	for (size_t i = 0; s->nothing == RECORDER_NO_MATCH && i < r->options.n_rules && !near; i++)
		near = nearest_name(r->options.rules[i], (const char *const *)r->names.items,
				    r->names.len);
	if (near)
		snprintf(s->near_name, sizeof(s->near_name), "%s", near);
}

static uint64_t clock_uncertainty_ns(const struct model *m)
{
	uint64_t hz = m->clock->frequency_hz;

	return hz ? m->clock->precision_cycles * 1000000000 / hz : 0;
}

static int rewrite_metadata(struct recorder *r)
{
	struct str text = {0};
	int err = model_write_all(&r->model, &text);

	if (!err)
		err = sink_replace_metadata(r->sink, &text);
	str_fini(&text);
	return err;
}

static int finish_trace(struct recorder *r, struct recorder_summary *s, struct diag *diag)
{
	struct clock_anchor anchor;
	struct dump_session d;
	struct sink *sink = r->sink;
	struct sink_totals totals;
	int err = 0;

	if (model_start(&r->model) || model_take_anchor(&r->model, &anchor))
		return -ENOMEM;
	dump_anchor(&r->dump, &anchor);
	d = (struct dump_session){
		.events = s->events,
		.bytes = s->bytes,
		.lost = s->lost,
		.overwritten = s->overwritten,
		.dropped_bytes = s->dropped_bytes,
		.recorder_cpu_ns = own_cpu_ns(),
		.kernel_events = s->kernel_events,
		.kernel_lost = s->kernel_lost,
		.limited = s->limited,
		.ring_bytes = s->ring_bytes,
	};
	dump_session_end(&r->dump, &d);
	if (r->flight)
		err = write_flight(r, r->options.dir, &sink, diag);
	else
		recorder_emit_dump(r);
	if (err || !sink)
		return err;
	add_lost(r, sink);
	r->sink = sink;
	sink_flush(sink, &r->model.text, true);
	if (!r->flight)
		rewrite_metadata(r); /* where that fails, the one that grew is there */
	sink_totals(sink, &totals);
	s->files = totals.files;
	s->unwritten = totals.unwritten_events;
	return 0;
}

static void add_kernel(const struct recorder *r, struct recorder_summary *s)
{
	struct kernel_totals t;

	if (!r->kernel)
		return;
	kernel_totals(r->kernel, &t);
	s->has_kernel = true;
	s->kernel_events = t.events;
	s->kernel_lost = t.lost;
	s->limited = t.limited;
	s->ring_bytes = r->ring_bytes;
	s->events += t.events;
	s->bytes += t.bytes;
	s->lost += t.lost;
	s->dropped_bytes += t.dropped_bytes;
}

int recorder_finish(struct recorder *r, struct recorder_summary *summary, struct diag *diag)
{
	int err;

	recorder_stop_kernel(r);
	/* nobody is to come any more; who is there is let go */
	recorder_accept_all(r);
	recorder_add_announced(r, diag);
	detach_all(r, diag);
	recorder_reap(r);
	*summary = r->totals;
	add_kernel(r, summary);
	summary->elapsed_ns = clock_monotonic_ns() - r->start_ns;
	if (r->flight) {
		const struct flight_totals *t = flight_totals(r->flight);

		summary->overwritten = t->overwritten;
		summary->events -= t->overwritten;
		summary->bytes = t->event_bytes;
	}
	if (r->kernel && r->model.wants.filter && !r->filter_checked &&
	    filter_check(r->model.wants.filter, diag) < 0)
		r->stop_failed = true;
	err = finish_trace(r, summary, diag);
	if (!r->flight && r->sink && summary->unwritten)
		summary->events -= summary->unwritten < summary->events ? summary->unwritten
									: summary->events;
	summary->cpu_ns = own_cpu_ns();
	summary->clock_uncertainty_ns = clock_uncertainty_ns(&r->model);
	launch_fini(&r->launch);
	wait_for_command(r);
	if (r->child)
		summary->exit_status = r->child_running ? 128 + SIGINT : r->child_status;
	summary->troubles = r->troubles.items;
	summary->n_troubles = r->troubles.len;
	r->troubles.items = NULL;
	r->troubles.len = r->troubles.cap = 0;
	explain_nothing(r, summary);
	return err ? err : r->stop_failed ? -EIO : 0;
}
