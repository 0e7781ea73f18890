/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_TRACEFS_SOURCE_H
#define PISTE_KERN_TRACEFS_SOURCE_H

#include "base/fs.h"
#include "kern/kern.h"
#include "kern/maker.h"
#include "kern/tracefs.h"

/*
 * tracefs-source - tracepoints recorded by tracefs, as records of kern/event.h.
 *
 * The kernel writes each event as its `format` says into rings of a private
 * instance; pages of them are read here, one system call each, and every record
 * is packed anew. The process of a thread, which these rings do not tell, comes
 * from /proc and from task:task_newtask, which is always recorded along.
 */
struct tracefs_source;

struct tracefs_source_event {
	const struct tracepoint *point; /* with its format; borrowed */
	uint16_t id; /* in records */
};

struct tracefs_source_options {
	const struct tracefs_source_event *events;
	size_t n_events;
	const char *clock; /* NULL: "mono", as records have it */
	enum kern_scope_kind scope; /* of a cgroup: whoever opens adds its tasks */
	uint64_t ring_bytes; /* of a CPU */
	uint64_t max_rate; /* of each event, a second and CPU; 0: no limit */
	const struct kern_filter_step *filter;
	size_t n_filter;
};

/* Everything but the switch is done. tracefs and the events live longer. */
int tracefs_source_new(struct tracefs_source **out, const struct tracefs *t,
		       const struct tracefs_source_options *options, struct diag *diag);
void tracefs_source_free(struct tracefs_source *s);
int tracefs_source_add_task(struct tracefs_source *s, uint32_t tid); /* and its children to be */
int tracefs_source_run(struct tracefs_source *s, bool on);

unsigned tracefs_source_cpus(const struct tracefs_source *s);
/* Whole records, in the order of time, each at a multiple of 8, some of them padding (KERN_ID_PAD);
 * borrowed until consumed. */
struct span tracefs_source_read(struct tracefs_source *s, unsigned cpu);
void tracefs_source_consume(struct tracefs_source *s, unsigned cpu, size_t bytes);
/* Events for which there was no room, as the kernel counted them at the last read. */
uint64_t tracefs_source_lost(const struct tracefs_source *s, unsigned cpu);
uint64_t tracefs_source_limited(const struct tracefs_source *s);

extern const struct kern_maker kern_tracefs_maker; /* kern/maker.h */

#endif
