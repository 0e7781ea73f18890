/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_FEATURE_H
#define PISTE_KERN_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * feature - what this kernel lets this user do, found out by doing it: a program
 * is loaded and attached, a ring mapped, an instance of tracefs made; and undone.
 * All of it takes some 100 ms and leaves nothing.
 *
 * A job is what somebody wants (kernel events); a feature is a row of one table
 * and belongs to one job. Jobs share features: `needed_by` says who cannot do without.
 */
#define FEATURE_JOBS(X)                                                                            \
	X(PROGRAMS, "programs", "events of programs", true, false)                                 \
	X(KERNEL, "kernel", "events of the kernel", true, false)                                   \
	X(TOP, "top", "piste top", true, false)                                                    \
	X(SAMPLING, "sampling", "samples of where time goes", false, false)                        \
	X(FUNCTIONS, "functions", "functions of the kernel", false, true)                          \
	X(USER_FUNCTIONS, "user-functions", "functions of programs", false, true)                  \
	X(TRACEFS, "tracefs", "what only tracefs can do", false, true)                             \
	X(SETTINGS, "settings", "what the administrator has set", false, false)

enum feature_job_id {
#define X(ID, name, what, is_main, any) FEATURE_##ID,
	FEATURE_JOBS(X)
#undef X
		FEATURE_N_JOBS,
};

struct feature_job {
	const char *name, *what;
	bool is_main; /* what piste is for */
	bool any; /* one of the needed features will do */
};
extern const struct feature_job feature_jobs[FEATURE_N_JOBS];

struct feature_bench;
struct feature {
	const char *name; /* for `piste doctor NAME` */
	enum feature_job_id job; /* where it is shown */
	uint32_t needed_by; /* bits of enum feature_job_id */
	const char *what;
	int (*probe)(struct feature_bench *bench); /* 0 or negative errno */
	uint64_t rights; /* capabilities that help (kern/rights.h) */
	const char *config,
		*since; /* what the kernel must be built with, and its version; or NULL */
};
extern const struct feature features[];
extern const size_t n_features;

enum { FEATURE_IS_FACT = 1 /* as an error: neither works nor fails */ };

struct feature_result {
	int error; /* 0: works; negative errno: does not; FEATURE_IS_FACT */
	char note[200]; /* what was found: "2 of 2 CPUs", "9.6 ns a read"; may be empty */
	char why[256]; /* where it does not work */
	char remedy[320]; /* what to do about it */
	uint64_t took_ns;
};

/* Tries those that are wanted (NULL: all); results and wanted have n_features items, results of
 * others stay as they are. */
void features_try(struct feature_result *results, const bool *wanted);

bool feature_job_works(enum feature_job_id job, const struct feature_result *results);

#endif
