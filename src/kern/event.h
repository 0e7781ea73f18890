/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_EVENT_H
#define PISTE_KERN_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * event - what a record of the kernel holds.
 *
 * Made by whoever makes such records: the tables of typed events, system
 * calls, the `format` files of tracefs; read by session/kernel-classes.c, which
 * turns it into CTF. A record is
 *
 *	u16 id; u16 size; u64 time (CLOCK_MONOTONIC, ns, aligned to 4)
 *	u32 tid; u32 pid; payload
 *
 * and the payload is the fields, packed, in order, little endian. `size` counts
 * all of it without the padding behind.
 */
struct kern_label {
	uint64_t value; /* of a flag: its bits; signed ones in two's complement of 64 bits */
	const char *name;
};

/* Names of values, and how to use them. Plain data; may be shared by many fields. */
struct kern_labels {
	const char *name; /* of the set: "open_flags"; or NULL */
	const struct kern_label *items;
	size_t n;
	bool is_flags; /* the value is an or of labels */
};

enum kern_field_kind {
	KERN_INTEGER, /* of `size` bytes: 1 2 4 8 */
	KERN_TEXT, /* a string and its NUL */
	KERN_CHARS, /* `count` bytes, text up to the first NUL */
	KERN_BYTES, /* u32 count, then so many bytes */
	KERN_ARRAY, /* `count` integers of `size` bytes */
	KERN_SEQUENCE, /* u32 count, then so many integers of `size` bytes */
};

enum kern_base { KERN_DECIMAL, KERN_OCTAL, KERN_HEX, KERN_SYMBOL /* an address, a function's */ };

struct kern_field {
	const char *name;
	uint8_t kind; /* enum kern_field_kind */
	uint8_t size;
	bool is_signed;
	uint8_t base; /* enum kern_base */
	uint32_t count;
	const struct kern_labels *labels; /* or NULL */
	const char *type; /* as people know it: "pid_t", "const char *"; or NULL */
};

struct kern_event {
	uint16_t id; /* in records */
	const char *name; /* "sched:sched_switch", "syscall:openat_entry" */
	const char *lttng_name; /* what LTTng calls it, or NULL */
	const struct kern_field *fields;
	size_t n_fields;
	uint32_t fixed_size; /* of the payload when it is always the same; else 0 */
};

enum {
	KERN_RECORD_HEAD = 20, /* bytes in front of the payload */
	/* The id of what is no record: step over its `size` bytes, a multiple of 8. */
	KERN_ID_PAD = 0xffff,
};

#endif
