/* SPDX-License-Identifier: MIT */
#ifndef PISTE_ANALYSIS_DURATIONS_H
#define PISTE_ANALYSIS_DURATIONS_H

#include "analysis/report.h"
#include "base/hist.h"
#include "base/map.h"
#include "store/interval.h"

/*
 * durations - how long intervals take, by groups: count, errors by name, total,
 * mean, quantiles, largest. For any kind of interval; the key of a group is the
 * analysis's.
 */
struct duration_group {
	const char *name;
	uint64_t id; /* a number in front of the name: a pid; 0: none */
	uint64_t errors, unfinished;
	struct map error_counts; /* by errno */
	struct hist ns; /* of those that ended */
};

struct durations {
	struct VEC(struct duration_group) groups;
	struct map index; /* by key, to the group */
};

void durations_fini(struct durations *d);
/* `key` is the group's, for instance the address of an interned name; the name is the caller's. */
int durations_add(struct durations *d, uint64_t key, const char *name, uint64_t id,
		  const struct interval *i);
/* A table of it, those that took the most time first; top 0: all. */
void durations_report(struct durations *d, struct report *r, const char *table, const char *heading,
		      const char *id_heading, uint64_t top);

/* "ENOENT"; the kernel's own numbers of restarted calls too; NULL: no such error. */
const char *error_name(int error);

#endif
