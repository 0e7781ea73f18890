/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_TRACEFS_INSTANCE_H
#define PISTE_KERN_TRACEFS_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/diag.h"
#include "kern/tracefs.h"

/*
 * tracefs-instance - rings of our own in tracefs, which nobody else's tracing
 * disturbs and which disturbs nobody: a directory below instances/, named after
 * this process.
 *
 *	tracefs_instance_make(&i, &tracefs, &options, diag);	stands still
 *	tracefs_write(i.dir, "events/sched/sched_switch/enable", "1") …
 *	tracefs_instance_run(&i, true);
 *	… per_cpu/cpuN/trace_pipe_raw
 *	tracefs_instance_fini(&i);			nothing is left
 *
 * The kernel keeps an instance whose maker was killed. Three things see to it:
 * a child that does nothing but wait for our end and then removes it; the kernel,
 * which stops it and frees the rings when our descriptors close (disable_on_free);
 * and the next instance that is made, which removes those of dead processes.
 */
struct tracefs_instance {
	char name[64];
	int root; /* of tracefs; borrowed */
	int dir;
	int free_buffer; /* the rings live while it is open */
	pid_t guard;
	int guard_pipe; /* its other end closes with this process */
};

struct tracefs_instance_options {
	const char *clock; /* "mono", "x86-tsc" */
	uint64_t ring_bytes; /* of a CPU */
	bool follow_forks; /* children of set_event_pid are in it */
};

int tracefs_instance_make(struct tracefs_instance *out, const struct tracefs *t,
			  const struct tracefs_instance_options *options, struct diag *diag);
void tracefs_instance_fini(struct tracefs_instance *i); /* accepts a zeroed one */
int tracefs_instance_run(struct tracefs_instance *i, bool on);
/* Removes those that dead processes left; how many. */
unsigned tracefs_remove_stale(const struct tracefs *t);

#endif
