/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_PLAN_H
#define PISTE_KERN_SYSCALLS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "kern/event.h"
#include "kern/syscalls-types.h"
#include "kern/syscalls.h"

/*
 * syscalls-plan - what a record of a system call holds, step by step.
 *
 *	openat_entry:	NUMBER dfd 4, TEXT filename, NUMBER flags 4, NUMBER mode 4
 *	openat_exit:	RETURN 4, LATE filename
 *	pipe2_exit:	RETURN 4, STRUCT fildes
 *
 * Made from the call's row; the fields of the event and the code that fills them
 * are both made from it. Calls whose plans are equal in what the code does share
 * the code.
 */
enum syscall_side { SYSCALL_ENTRY, SYSCALL_EXIT };

enum syscall_op {
	SYSCALL_OP_RETURN, /* the result */
	SYSCALL_OP_CALL, /* the number, of a call that is not in the table */
	SYSCALL_OP_NUMBER, /* the argument as it is */
	SYSCALL_OP_TEXT, /* the string it points to */
	SYSCALL_OP_RESULT, /* … which is as long as the result */
	SYSCALL_OP_STRINGS,
	SYSCALL_OP_LATE, /* … at the exit, when it could not be read at the entry; else empty */
	SYSCALL_OP_STRUCT,
	SYSCALL_OP_ADDRESS, /* a socket's */
};

struct syscall_step {
	uint8_t op; /* enum syscall_op */
	uint8_t arg; /* which one */
	uint8_t size; /* bytes, of a number */
	uint8_t type; /* enum syscall_type_id */
};

/* The fields of an ADDRESS. */
enum { SYSCALL_ADDRESS_FAMILY, SYSCALL_ADDRESS_PORT, SYSCALL_ADDRESS_TEXT };

enum { SYSCALL_STEPS = 2 * SYSCALL_ARGS + 1, SYSCALL_NUMBER_UNKNOWN = SYSCALL_NUMBERS };

struct syscall_plan {
	const struct syscall *call; /* NULL: not in the table */
	enum syscall_abi abi;
	enum syscall_side side;
	unsigned n;
	struct syscall_step steps[SYSCALL_STEPS];
};

/* call NULL: of a number that is not in the table. */
void syscall_plan(struct syscall_plan *plan, enum syscall_abi abi, const struct syscall *call,
		  enum syscall_side side);
/* Whether the same code makes both records. */
bool syscall_plan_alike(const struct syscall_plan *a, const struct syscall_plan *b);
/* Whether all of it is integers, and their bytes. */
bool syscall_plan_is_fixed(const struct syscall_plan *plan, uint32_t *bytes);

/* Bytes of a number in this ABI. */
unsigned syscall_type_size(const struct syscall_type *type, enum syscall_abi abi);

/* "syscall:openat_entry", "syscall:compat_mmap2_exit": all but event->id, from the arena; 0 or
 * -ENOMEM. */
int syscall_plan_event(const struct syscall_plan *plan, struct arena *arena,
		       struct kern_event *event);
/* Which step makes field `field` of that event, and which of the step's fields it is. */
const struct syscall_step *syscall_plan_field(const struct syscall_plan *plan, size_t field,
					      size_t *part);

#endif
