/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_READ_H
#define PISTE_KERN_SYSCALLS_READ_H

#include "kern/syscalls-layout.h"

/*
 * syscalls-read - code that reads what arguments point to, onto the program's stack.
 *
 * Memory that is not there (paged out, never touched, or no memory at all) cannot
 * be waited for: it reads as zeroes. After a call (SYSCALL_EXIT) there is nothing
 * behind the pointers of one that failed. r0 … r5 are lost.
 */
enum {
	SYSCALL_NOT_A_POINTER = 4096, /* below: NULL and small numbers, which are not read */
	SYSCALL_UNIX_PATH = 108,
};

/* reg = argument i, of those on the stack */
void syscall_read_arg(struct kern_emit *e, int reg, unsigned i);
/* Goes to `out` when the call failed. */
void syscall_read_unless_failed(struct kern_emit *e, const struct syscall_plan *plan, unsigned out);

/* The struct that the step's argument points to, or zeroes. */
void syscall_read_struct(struct kern_emit *e, const struct syscall_plan *plan,
			 const struct syscall_step *step);
/* Where a member of it lies then, from r10, and its bytes. */
int syscall_read_member(const struct syscall_plan *plan, const struct syscall_step *step,
			const struct syscall_member *member, unsigned *bytes);

/* The first bytes of a socket address at SYSCALL_BUFFER, or zeroes, and its length. */
void syscall_read_address(struct kern_emit *e, const struct syscall_plan *plan, unsigned arg);
/* After that: r0 = the port, or 0 for a family that has none. */
void syscall_read_port(struct kern_emit *e);
/* After that: its text at r1, where there is room for `max` bytes and two; in r0 the length with its NUL,
 * or at most 0 when there is none. */
void syscall_print_address(struct kern_emit *e, const struct syscall_layout *layout, unsigned arg,
			   int max);

#endif
