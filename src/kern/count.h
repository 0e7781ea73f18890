/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_COUNT_H
#define PISTE_KERN_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "kern/cgroup.h"
#include "kern/count-program.h"

/*
 * count - how often each process makes each system call, how often it fails,
 * and how long it takes: counted in the kernel, read from memory.
 *
 *	count_open(&c, &options, diag);		from here on calls are counted
 *	count_read(c, fn, data) …		what came since the reading before
 *	count_free(c);				nothing is left in the kernel
 *
 * A call counts when it returns, and as often as it does: exit and exit_group,
 * which do not, are not counted. Nothing is sampled or dropped; what is not known
 * is the time of calls that had begun before count_open, or (many threads: see
 * count-program.h) whose entry another thread took; and, when the table was full,
 * the process of some. All three are told.
 */
struct count;

struct count_options {
	bool latency; /* also how long; else only sys_exit is looked at */
	const uint32_t *pids; /* processes, at most COUNT_MAX_PIDS; n_pids 0: all but this one */
	size_t n_pids;
	const struct cgroup *cgroup; /* of version 2; NULL: all */
};

/* 0; -EPERM with what to do about it; -EOPNOTSUPP where this kernel cannot. */
int count_open(struct count **out, const struct count_options *options, struct diag *diag);
void count_free(struct count *c);

/* One process, one call, one CPU, one interval. */
struct count_delta {
	uint32_t pid; /* 0: not known */
	uint32_t call; /* its number; | COUNT_COMPAT: of a 32-bit program */
	uint64_t calls, errors, unmeasured, sum_ns;
	uint64_t max_ns; /* may miss a call that ended at the moment of reading */
	const uint32_t *buckets; /* COUNT_BUCKETS; NULL without latencies */
	uint64_t cgroup; /* id, in version 2, when the process first made this call here */
	const char *comm; /* then; at most 15 bytes */
};
typedef int count_fn(void *data, const struct count_delta *delta);

/* Calls fn for each that is not zero; a result other than 0 ends it. 0, or what fn returned. */
int count_read(struct count *c, count_fn *fn, void *data);

/* Threads that are in a call at this moment; with latencies only. */
struct count_pending {
	uint32_t pid, tid, call;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
};
typedef void count_pending_fn(void *data, const struct count_pending *pending);
void count_each_pending(const struct count *c, count_pending_fn *fn, void *data);

/* Calls that the kernel did not show us, since a program of ours was at work on that CPU. */
uint64_t count_missed(const struct count *c);
/* True when numbers of processes are those of this process's own /proc. */
bool count_sees_pids(const struct count *c);

/* Nanoseconds: the least of a bucket's, and the middle. */
uint64_t count_bucket_low_ns(unsigned bucket);
uint64_t count_bucket_ns(unsigned bucket);

#endif
