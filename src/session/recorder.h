/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_RECORDER_H
#define PISTE_SESSION_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <piste/wire/pool.h>

#include "base/diag.h"
#include "kern/cgroup.h"

/*
 * recorder - one recording, from its first process to the trace on disk.
 *
 *	recorder_new(&r, &options, diag);
 *	recorder_start(r, diag);	the command, or the processes to attach to
 *	recorder_run(r, diag);		until they have ended, or a signal says so
 *	recorder_finish(r, &summary, diag);
 *	recorder_free(r);
 *
 * One thread, one loop: wait; take what is finished in all pools; write it.
 * A recording touches nothing but its directory, a private directory for the
 * session while it runs, and the pools.
 */
struct recorder_status {
	uint64_t elapsed_ns;
	uint64_t events, bytes, lost;
	uint64_t processes; /* alive */
};

struct recorder_options {
	const char *dir; /* made here */
	bool force;
	const char *const *rules; /* globs, n_rules of them */
	size_t n_rules;
	uint32_t level;
	const char *filter; /* NULL: none */
	uint64_t buffer_bytes; /* of each process; 0: as it is */
	uint64_t flight_bytes; /* 0: to disk */
	uint64_t duration_ns; /* 0: no end */
	unsigned ctf_major; /* 1 or 2 */
	bool cpu; /* record it with each event */
	const uint32_t *pids; /* to attach to */
	size_t n_pids;

	/* The kernel's events, of the command and the processes; or wider: */
	bool no_kernel;
	bool system; /* everybody's but our own */
	const struct cgroup *cgroup; /* everybody's in there; NULL: none */
	uint64_t max_rate; /* of each kernel event, a second and CPU; 0: no limit */
	uint64_t sample_hz; /* 0: none */
	bool lttng_names;

	char *const *argv; /* the command, or NULL */
	const char *preload, *wrap; /* for the command, or NULL */
	const char *command_line; /* of piste itself, for the trace */

	/* Called about four times a second, and for things to say; may be NULL. */
	void (*on_status)(void *data, const struct recorder_status *status);
	void (*on_note)(void *data, const char *text);
	void *data;
};

/* Of one process that lost events or from which something was dropped. */
struct recorder_trouble {
	uint32_t pid;
	char comm[17];
	uint64_t lost, dropped_bytes;
	const char *dropped_why;
};

enum recorder_nothing { /* why there are no events */
			RECORDER_NOT_NOTHING,
			RECORDER_NO_PROCESS, /* with libpiste */
			RECORDER_NO_SITES, /* libpiste, but no site */
			RECORDER_NO_MATCH, /* sites, but none of those asked for */
			RECORDER_NOT_REACHED,
			RECORDER_FILTERED, /* the filter was never true */
			RECORDER_QUIET, /* nothing of the kernel's happened, and nothing of others' */
};

struct recorder_summary {
	uint64_t elapsed_ns;
	uint64_t events, bytes; /* in the trace, without piste's own */
	uint64_t lost;
	bool has_kernel;
	uint64_t kernel_events,
		kernel_lost; /* of those; a flight recorder may have let go of some */
	uint64_t limited; /* kept away by max_rate */
	uint64_t ring_bytes; /* of each CPU */
	uint64_t overwritten; /* flight recorder */
	uint64_t unwritten; /* read, but not on disk: it was full */
	uint64_t dropped_bytes;
	uint64_t processes, snapshots, files;
	uint64_t clock_uncertainty_ns;
	uint64_t cpu_ns; /* of the recorder */
	int exit_status; /* of the command, 128 + signal when killed; 0 without one */
	enum recorder_nothing nothing;
	char near_name[128]; /* with NO_MATCH: a site like the one asked for; "" */
	struct recorder_trouble *troubles; /* free() it */
	size_t n_troubles;
};

struct recorder;

int recorder_new(struct recorder **out, const struct recorder_options *options, struct diag *diag);
/* After new: whether events of the kernel will be recorded. */
bool recorder_has_kernel(const struct recorder *r);
int recorder_start(struct recorder *r, struct diag *diag);
int recorder_run(struct recorder *r, struct diag *diag);
int recorder_finish(struct recorder *r, struct recorder_summary *summary, struct diag *diag);
/* Instead of finish, when new or start failed: removes the directory that was made. */
void recorder_abort(struct recorder *r, int *exit_status);
void recorder_free(struct recorder *r);

/* Makes a directory for a trace; an existing one must be empty, or with `force` be a trace. */
int trace_dir_make(const char *dir, bool force, struct diag *diag);

#endif
