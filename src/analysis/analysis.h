/* SPDX-License-Identifier: MIT */
#ifndef PISTE_ANALYSIS_ANALYSIS_H
#define PISTE_ANALYSIS_ANALYSIS_H

#include "analysis/report.h"
#include "base/diag.h"

/*
 * analysis - what `piste report` can tell of a trace. A new one is a file of its
 * own, which defines analysis_NAME, and a row here.
 */
#define ANALYSES(X) X(syscalls)

struct ctf_trace;

struct analysis_options {
	const uint32_t *pids; /* n_pids 0: all processes */
	size_t n_pids;
	bool has_begin, has_end;
	int64_t begin_ns, end_ns;
	uint64_t top; /* rows a table; 0: all */
	const char *const *by; /* the tables that are wanted; n_by 0: all that it has */
	size_t n_by;
};

struct analysis {
	const char *name, *summary;
	const char *how; /* how to read it: lines, each with its '\n' */
	const char *const *groups; /* what `by` may name; ends with NULL */
	/* 0; -EINVAL when something could not be read, and the report is of the rest; -ENOENT when
	 * the trace holds nothing of the kind, the diag says so. */
	int (*run)(const struct analysis_options *o, struct ctf_trace *const *traces, size_t n,
		   struct report *r, struct diag *diag);
};

#define X(name) extern const struct analysis analysis_##name;
ANALYSES(X)
#undef X

extern const struct analysis *const analyses[]; /* ends with NULL */
const struct analysis *analysis_find(const char *name);

#endif
