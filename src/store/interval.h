/* SPDX-License-Identifier: MIT */
#ifndef PISTE_STORE_INTERVAL_H
#define PISTE_STORE_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * interval - something that began and ended: a system call, a wait, a request.
 * Everything that an analysis looks at has this shape (D10).
 *
 * Producers (calls.h …) call an interval_fn once an interval, in the order of
 * their ends. All is borrowed during that call, but for the track and its texts,
 * which live as long as the producer.
 */
struct track { /* on whose time line it lies */
	uint32_t pid, tid;
	const char *process; /* its name as far as known then; never NULL */
};

struct interval_value {
	const char *key; /* "path", "error" */
	const char *text; /* NULL: a number */
	int64_t number;
};

enum { INTERVAL_MAX_VALUES = 8 };

struct interval {
	const char *name; /* "openat" */
	const struct track *track;
	int64_t begin_ns, end_ns; /* of the trace's time; begin <= end */
	bool is_unfinished; /* end_ns is only where it was last seen */
	size_t n_values;
	struct interval_value values[INTERVAL_MAX_VALUES];
};

/* Other than 0 ends the reading with that. */
typedef int interval_fn(void *data, const struct interval *i);

/* NULL: it has none of that key. */
const struct interval_value *interval_value(const struct interval *i, const char *key);

#endif
