/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_TOP_MODEL_H
#define PISTE_CLI_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "kern/container.h"
#include "kern/count.h"

/*
 * top-model - what `piste top` knows of one interval: which process made which
 * call how often, and how long that took; and rows of it, by whatever is asked.
 *
 *	top_model_gather(&m, count);			now and then
 *	top_model_read(&m, count);			an interval ends here
 *	top_model_rows(&m, &query, &rows);		as often as someone looks
 */

/* What rows are of: X(ID, name, plural, heading, key on the screen) */
#define TOP_GROUPS(X)                                                                              \
	X(CALL, "call", "calls", "CALL", 'c')                                                      \
	X(PROCESS, "process", "processes", "PROCESS", 'p')                                         \
	X(COMMAND, "command", "commands", "COMMAND", 'm')                                          \
	X(CGROUP, "cgroup", "cgroups", "CGROUP", 'g')                                              \
	X(CONTAINER, "container", "containers", "CONTAINER", 'n')

enum top_by {
#define X(id, name, plural, heading, key) TOP_BY_##id,
	TOP_GROUPS(X)
#undef X
		TOP_N_GROUPS
};

/* What there is to sort by: X(ID, name, heading, width) */
#define TOP_COLUMNS(X)                                                                             \
	X(CALLS, "calls", "CALLS/s", 10)                                                           \
	X(SHARE, "share", "SHARE", 13)                                                             \
	X(ERRORS, "errors", "ERR/s", 9)                                                            \
	X(P50, "p50", "P50", 8)                                                                    \
	X(P99, "p99", "P99", 8)                                                                    \
	X(MAX, "max", "MAX", 8)                                                                    \
	X(TIME, "time", "TIME/s", 8)                                                               \
	X(NOW, "now", "NOW", 5)                                                                    \
	X(NAME, "name", "", 0)

enum { TOP_GATHER_MS = 200 }; /* at least so often */

enum top_column {
#define X(id, name, heading, width) TOP_COLUMN_##id,
	TOP_COLUMNS(X)
#undef X
		TOP_N_COLUMNS
};

struct top_stat {
	uint64_t calls, errors, unmeasured, sum_ns, max_ns;
	uint64_t now; /* threads that are in it at the end of the interval */
	uint64_t oldest_ns; /* how long the one that came first of them has been */
	uint64_t buckets[COUNT_BUCKETS];
};

uint64_t top_quantile_ns(const struct top_stat *s, double q); /* 0 where nothing was measured */

struct top_process {
	uint32_t pid;
	bool is_named; /* asked for since it last changed its program */
	uint64_t seen; /* the interval */
	/* interned: the same text is the same pointer */
	const char *comm, *cgroup, *container; /* container: "-" for none */
};

struct top_cell {
	uint32_t pid, call;
	struct top_stat stat;
};

struct top_cells {
	struct VEC(struct top_cell) items;
	struct map index; /* by pid << 32 | call */
};

struct top_model {
	struct top_cells cells; /* of the newest whole interval */
	struct top_cells gathered; /* of the one that is going on */
	struct VEC(struct top_process) processes;
	struct map process_index; /* by pid */
	struct map names; /* interned */
	struct map cgroup_names; /* id of version 2, to an interned name */
	struct containers *containers; /* NULL: not looked for yet */
	struct arena arena;
	bool with_latency, sees_pids;
	bool wants_cgroups; /* ask again in each interval: processes can be moved */
	uint64_t interval; /* number of the newest */
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t missed, missed_before; /* of the interval; up to it */
	uint64_t cgroups_listed_ns;
	bool has_no_containers; /* looked for in vain */
	int error;
};

void top_model_init(struct top_model *m, bool with_latency);
void top_model_fini(struct top_model *m);
/* Takes what came, so that the kernel's table has room again: a storm of short processes fills it in
 * a second. 0 or -ENOMEM. */
int top_model_gather(struct top_model *m, struct count *c);
int top_model_read(struct top_model *m, struct count *c);

/* Only what is of this: rows by call of one process … */
struct top_focus {
	enum top_by by;
	uint64_t key; /* of the row */
};

struct top_query {
	enum top_by by;
	enum top_column sort;
	bool is_reversed;
	const char *filter; /* only rows whose name has this in it, of any case; NULL: all */
	struct top_focus focus[TOP_N_GROUPS];
	size_t n_focus;
};

struct top_row {
	uint64_t key; /* what it is, to find it again in the next interval */
	uint32_t pid; /* by process */
	const char *name; /* borrowed until the next reading */
	uint64_t weight; /* by what it is sorted */
	struct top_stat stat;
};

struct top_rows {
	struct VEC(struct top_row) items;
	struct top_stat total; /* of all rows that the focus leaves, also those the filter hides */
	size_t n_hidden; /* by the filter */
	struct map index;
};

int top_model_rows(struct top_model *m, const struct top_query *q, struct top_rows *rows);
void top_rows_fini(struct top_rows *rows);
/* The name of a row that may have gone. */
const char *top_model_name(struct top_model *m, enum top_by by, uint64_t key);

#endif
