/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_TABLE_H
#define PISTE_KERN_SYSCALLS_TABLE_H

#include "kern/syscalls-types.h"
#include "kern/syscalls.h"

/*
 * syscalls-table - how the rows of the syscalls-table-*.c are written:
 *
 *	CALL(openat, 257, 56, 295, RESULT_FD, A(AT_FD, dfd), A(TEXT, filename), …)
 *
 * name; its number for x86-64, for the architectures with the generic table, for
 * i386; the result; the arguments, as in a prototype. A call of i386 with other
 * arguments than its namesake has a row of its own in syscalls-table-compat.c.
 */
#define A(type, name)                                                                              \
	{                                                                                          \
#name, T_##type                                                                    \
	}
#define CALL(name, x86_64, generic, i386, result, ...)                                             \
	{                                                                                          \
#name, {x86_64, generic, i386 }, T_##result, {__VA_ARGS__ }, NULL                  \
	}
/* … that the kernel calls by another name */
#define CALL_AS(kernel, name, x86_64, generic, i386, result, ...)                                  \
	{                                                                                          \
#name, {x86_64, generic, i386 }, T_##result, {__VA_ARGS__ }, #kernel               \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}

enum { NO = -1 /* not in this ABI */ };

extern const struct syscall syscalls_files[], syscalls_memory[], syscalls_process[],
	syscalls_system[], syscalls_compat[];

#endif
