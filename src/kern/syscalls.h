/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_H
#define PISTE_KERN_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/event.h"

/*
 * syscalls - the system calls of Linux: numbers, names, arguments and what they mean.
 *
 *	const struct syscall *call = syscall_by_number(SYSCALL_NATIVE, 257);
 *	call->name				"openat"
 *	call->args[2].name			"flags"
 *	syscall_type(call->args[2].type)	"int", 4 bytes, labels_open_flags
 *
 * The rows stand in the syscalls-table-*.c, one file a subject; arguments have the
 * names that the kernel gives them (what its own tracepoints show).
 */
enum syscall_abi {
	SYSCALL_X86_64,
	SYSCALL_GENERIC, /* aarch64, riscv64 */
	SYSCALL_I386,
	SYSCALL_ABIS,
#if defined(__x86_64__)
	SYSCALL_NATIVE = SYSCALL_X86_64,
#else
	SYSCALL_NATIVE = SYSCALL_GENERIC,
#endif
};

enum { SYSCALL_ARGS = 6, SYSCALL_NUMBERS = 512 /* all numbers are below */ };

struct syscall_arg {
	const char *name;
	uint8_t type; /* enum syscall_type_id, see syscalls-types.h */
};

struct syscall {
	const char *name;
	int16_t numbers[SYSCALL_ABIS]; /* -1: not in this ABI */
	uint8_t result; /* enum syscall_type_id */
	struct syscall_arg args[SYSCALL_ARGS]; /* as many as have a name */
	/* What the kernel's own tracepoints call it, where that differs: "newstat". */
	const char *kernel_name;
};

/* NULL when there is none, or none that piste knows. */
const struct syscall *syscall_by_number(enum syscall_abi abi, unsigned number);
const struct syscall *syscall_by_name(enum syscall_abi abi, const char *name);
unsigned syscall_args(const struct syscall *call); /* how many */

/* Of an error that a call returned, "ENOENT" for 2 or -2; NULL for others. */
const char *syscall_error_name(int64_t error);

#endif
