/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_FORMAT_H
#define PISTE_KERN_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fs.h"
#include "kern/event.h"

/*
 * format - what an event of tracefs holds, from its `format` file:
 *
 *	name: sched_switch
 *	ID: 372
 *	format:
 *		field:unsigned short common_type;	offset:0;	size:2;	signed:0;
 *		…
 *		field:__data_loc char[] name;	offset:8;	size:4;	signed:0;
 *
 *	print fmt: "name=%s state=%s", __get_str(name), __print_symbolic(REC->state, { 0, "R" }, …)
 *
 * Types come from the fields; from `print fmt`, which is C as the macros of the
 * kernel left it, come the names of values and which fields people read in hex,
 * octal or as a symbol. What of it is not understood is left out.
 *
 * The kernel's record is then packed into the payload of event.h: fields one
 * behind the other, dynamic ones in place of their offsets.
 */
enum format_how {
	FORMAT_PLAIN, /* at `offset`, `size` bytes */
	FORMAT_DATA_LOC, /* a u32 there: offset in the record, length << 16 */
	FORMAT_REL_LOC, /* … the offset counts from behind that u32 */
	FORMAT_REST, /* from `offset` to the end of the record */
};

struct format_place { /* of a field in the kernel's record */
	uint32_t offset, size;
	uint8_t how; /* enum format_how */
};

struct format {
	const char *name; /* without its system */
	uint32_t id; /* of the kernel's */
	uint32_t pid_offset; /* of common_pid, 4 bytes */
	uint32_t fixed_size; /* of the payload when it is always the same; else 0 */
	struct kern_field *fields; /* without the common ones */
	struct format_place *places; /* one a field */
	size_t n_fields;
};

/* A constant that the text only names (of an enum); false: not known. */
typedef bool format_constant_fn(void *data, const char *name, size_t len, int64_t *value);

struct format_constants {
	format_constant_fn *find; /* may be NULL */
	void *data;
};

enum { FORMAT_TEXT_MAX = 1 << 20, FORMAT_FIELDS_MAX = 256, FORMAT_LABELS_MAX = 1024 };

/* Everything in *out is the arena's. 0, -EINVAL with the place in the diag, or -ENOMEM. */
int format_parse(struct format *out, struct span text, const struct format_constants *constants,
		 struct arena *arena, struct diag *diag);

/* The payload's bytes, at most `room`; -ENOSPC when there is too little, -EINVAL when the record
 * does not hold what the format says. */
int format_pack(const struct format *f, struct span record, uint8_t *out, size_t room);

#endif
