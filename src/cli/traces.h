/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_TRACES_H
#define PISTE_CLI_TRACES_H

#include "base/diag.h"
#include "base/vec.h"
#include "ctf/anchors.h"
#include "ctf/reader.h"

/*
 * traces - the traces that a command was given, opened.
 *
 * A path is a trace's directory, its `metadata`, or a directory with traces
 * somewhere below it. All-zero is empty.
 */
struct traces {
	struct VEC(struct ctf_trace *) all;
	struct VEC(struct anchors *) anchors; /* of each trace; NULL: none */
	struct VEC(
		char *) indexes; /* of each trace: where its index is, or would be; NULL: nowhere */
	struct VEC(char *) paths; /* of each trace, below what the user named; "": that itself */
};

/* 0, or -EINVAL and the diag says which path is no trace, and why; -ENOMEM. */
int traces_open(struct traces *t, char *const *paths, int n, bool use_anchors, struct diag *diag);
void traces_fini(struct traces *t);

/* Recorded by piste: its own events are hidden, its log messages put together. */
bool trace_is_pistes(const struct ctf_trace *t);
/* An event about the recording (piste:*) or of the system as it was found (state:*). */
bool trace_is_own(const struct ctf_trace *t, const struct ctf_event_class *ec);

/* --- which events ----------------------------------------------------------- */

/*
 * Globs as `piste record -e` has them: over provider:event, without a ':' over
 * the event alone; "u:" or "k:" in front is dropped, "syscall:openat" is its entry
 * and its exit; '!' in front excludes; the last that matches decides. Without any
 * that includes, all others are wanted. The recorder's own events (providers
 * piste and state) are wanted only where a glob begins so, or `own` says so.
 */
struct globs {
	struct VEC(const char *) all;
	bool own;
};

bool globs_want(const struct globs *g, const struct ctf_trace *t, const struct ctf_event_class *ec);
/* -EINVAL for each glob that matches no event class of any trace, with the nearest name. */
int globs_check(const struct globs *g, const struct traces *t, struct diag *diag);

/* --- when --------------------------------------------------------------------- */

/* A bound as babeltrace2 takes it: [YYYY-MM-DD] hh:mm[:ss[.ns]], YYYY-MM-DD, or [-]s[.ns]. */
struct time_bound {
	bool is_set, needs_date;
	int64_t ns; /* from the epoch; or of the day */
};
int time_bound_parse(struct time_bound *b, const char *text, bool gmt);
/* Gives it the date that is in `reference_ns`. 0 or -EINVAL. */
int time_bound_set_date(struct time_bound *b, int64_t reference_ns, bool gmt);
/* The date of the first thing in the traces completes both. -EINVAL when there is no such date, or
 * the end lies before the beginning. */
int time_bounds_set_dates(struct time_bound *begin, struct time_bound *end, const struct traces *t,
			  bool gmt, struct diag *diag);

#endif
