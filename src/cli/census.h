/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_CENSUS_H
#define PISTE_CLI_CENSUS_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/map.h"
#include "base/vec.h"
#include "ctf/anchors.h"
#include "ctf/reader.h"

/*
 * census - how much of what is in a trace: one pass over its packets. Events
 * are not decoded but where that tells of processes, losses or costs.
 */
struct census_class {
	const struct ctf_event_class *class;
	uint64_t events, bits;
	bool is_own; /* the recorder's */
};

struct census_process {
	uint32_t pid;
	uint64_t events;
	bool has_start, has_end;
	uint64_t lost, status; /* where has_end */
	struct map threads; /* by tid */
	const char *comm, *cmdline; /* in the arena; NULL: not known */
};

struct census_session {
	bool is_there;
	uint64_t lost, overwritten, dropped_bytes, recorder_cpu_ns;
	uint64_t kernel_events, kernel_lost, limited, ring_bytes; /* ring_bytes 0: no kernel */
};

struct census {
	const struct ctf_trace *trace;
	const struct anchors *anchors;
	const char *path;
	const char *index; /* where what is found out is kept (sidecar.h); NULL: nowhere */
	struct VEC(struct census_class) classes;
	struct VEC(struct census_process) processes;
	struct map process_index; /* by pid, to index + 1 */
	uint64_t events, own_events, event_bits;
	uint64_t packets, bytes;
	uint64_t lost_events, lost_packets; /* by the counters of packets */
	bool has_time, has_losses;
	int64_t begin_ns, end_ns;
	struct census_session session;
	struct arena arena;
};

/* All that could be read is counted. 0, -EINVAL (the diag says what could not be read), -ENOMEM.
 * trace, anchors and path are the caller's to set before; classes and processes are sorted by
 * events afterwards. */
int census_take(struct census *c, struct diag *diag);
void census_fini(struct census *c);

uint64_t census_duration_ns(const struct census *c);
/* The larger of what packets and the recorder say. */
uint64_t census_lost(const struct census *c);

#endif
