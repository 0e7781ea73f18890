/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_ANCHORS_H
#define PISTE_CTF_ANCHORS_H

#include "base/clock.h"
#include "base/diag.h"
#include "ctf/reader.h"

/*
 * anchors - the time of a piste trace, from the anchors that it carries (D5).
 *
 * Events `piste:clock_anchor` {ticks, monotonic_ns, realtime_ns, width_ticks} tie
 * the trace's clock to the kernel's. Between two of them time is a straight
 * line; outside, the neighbour's line goes on. It starts at REALTIME as the
 * first anchor saw it and goes on with MONOTONIC, so that setting the time of
 * day during a recording does not bend it.
 */
struct anchor_segment {
	uint64_t ticks; /* its start */
	int64_t ns; /* there */
	uint64_t slope; /* ns a tick, scaled by 2^ANCHORS_SHIFT */
};
#define ANCHORS_SHIFT 40

struct anchors {
	struct clock_anchor *items; /* in the order of ticks, none twice */
	size_t n;
	struct anchor_segment *segments; /* n - 1, at least 1 */
	size_t n_segments;
	const struct ctf_clock *clock;
	/* The segment of the newest look-up: a hint, relaxed, by whoever reads. */
	_Atomic size_t hint;
};

/*
 * Reads the trace's anchors. 1: *out has them; 0: there are none (*out is
 * NULL); negative errno. Anchors that contradict the others are left out with
 * a warning.
 */
int anchors_load(struct anchors **out, const struct ctf_trace *t, struct diag *diag);
/* From a list, any order, for tests; frequency_hz serves when there is but one. 0 or -errno. */
int anchors_new(struct anchors **out, const struct clock_anchor *items, size_t n,
		const struct ctf_clock *clock, uint64_t frequency_hz, struct diag *diag);
void anchors_free(struct anchors *a);

/* The trace's times come from the anchors, which must live as long. */
void anchors_use(struct anchors *a, struct ctf_trace *t);
/* ns from the Unix epoch */
int64_t anchors_ns(const struct anchors *a, uint64_t ticks);

struct anchors_quality {
	uint64_t width_ns; /* the widest of the readings: what no interpolation can undo */
	uint64_t bend_ns; /* largest distance of an anchor from the line between its neighbours */
	int64_t realtime_step_ns; /* by how much REALTIME left MONOTONIC, first to last */
};
void anchors_quality(const struct anchors *a, struct anchors_quality *q);

#endif
