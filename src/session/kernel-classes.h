/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_KERNEL_CLASSES_H
#define PISTE_SESSION_KERNEL_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "ctf/type.h"
#include "kern/event.h"

/*
 * kernel-classes - from the description of a kernel event to a CTF event
 * class, and to what a payload of it must look like.
 *
 * Fields are packed and aligned to bytes. A sequence `data` of the kernel is two
 * fields in CTF: its length `_data_length` and itself.
 */

/* How a payload is stepped over: `bytes`, then what has a size of its own. */
struct kernel_step {
	uint32_t bytes; /* of fixed size, in front */
	uint32_t element; /* bytes of a counted one's elements; 0: a string */
};

struct kernel_class {
	const struct kern_event *event;
	const char *name; /* in the trace */
	const struct ctf_type *payload; /* STRUCT */
	struct kernel_step *steps;
	uint32_t n_steps; /* 0: always of the same size */
	uint32_t tail; /* bytes behind the last step */
	uint32_t least; /* bytes of the smallest payload */
};

struct kernel_naming {
	bool lttng; /* names of events and fields as in an LTTng kernel trace */
	unsigned ctf_major;
};

/* Everything is in the arena; the event is borrowed and lives as long. 0, -ENOMEM; -EINVAL for a
 * description that is none. */
int kernel_class_init(struct kernel_class *out, const struct kern_event *event,
		      const struct kernel_naming *naming, struct arena *arena);

/* Whether these bytes are a payload of that class, neither more nor less. */
bool kernel_class_fits(const struct kernel_class *class, const uint8_t *payload, uint32_t size);

/* What stands in packets beside the usual (cpu_id), and in front of every event's payload. */
struct ctf_type *kernel_packet_context(struct arena *a, const struct ctf_clock *clock);
struct ctf_type *kernel_event_context(struct arena *a);

#endif
