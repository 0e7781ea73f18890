/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_LAYOUT_H
#define PISTE_KERN_SYSCALLS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/btf.h"
#include "kern/emit.h"
#include "kern/syscalls-plan.h"

/*
 * syscalls-layout - where programs on sys_enter and sys_exit find what they record.
 *
 * Arguments are in the registers that the program had when it called, which stay
 * as they are until it returns. What needs more than to store them has them on the
 * stack, all as numbers of 64 bits, so that the same code serves programs of 64
 * and of 32 bits.
 */
enum {
	/* of a raw tracepoint: sys_enter(regs, number), sys_exit(regs, result) */
	SYSCALL_CONTEXT_REGS = 0,
	SYSCALL_CONTEXT_RESULT = 8,

	/* from r10 */
	SYSCALL_WORD_SLOT = -EMIT_STACK - 8, /* the table's word; then: compat, 4 bytes */
	SYSCALL_COMPAT_SLOT = SYSCALL_WORD_SLOT + 4,
	SYSCALL_ARGS_SLOT = SYSCALL_WORD_SLOT - 8 * SYSCALL_ARGS,
	SYSCALL_LENGTH_SLOT = SYSCALL_ARGS_SLOT - 8, /* of an address, or of text so far */
	SYSCALL_VALUES_SLOT = SYSCALL_LENGTH_SLOT - 8, /* what bpf_snprintf prints */
	SYSCALL_BUFFER = SYSCALL_VALUES_SLOT - SYSCALL_STRUCT_BYTES,

	/* in the map of formats */
	SYSCALL_FORMAT_IPV4 = 0,
	SYSCALL_FORMAT_IPV6 = 8,
	SYSCALL_FORMATS = 16,

	SYSCALL_LATE = 1024, /* words of the map of late texts */
};
_Static_assert(-SYSCALL_BUFFER <= 512, "a program's stack");

/* In this kernel. */
struct syscall_layout {
	uint32_t args[SYSCALL_ABIS][SYSCALL_ARGS]; /* in struct pt_regs */
	uint32_t number; /* there too */
	uint32_t task_status; /* in struct task_struct; has_compat */
	bool has_compat; /* programs of 32 bits may run here */
	/* numbers of maps: texts for bpf_snprintf; by thread & (SYSCALL_LATE - 1), the thread whose
	 * call has a text that could not be read at its entry */
	uint32_t formats, late;
};

int syscall_layout_init(struct syscall_layout *layout, const struct btf_index *btf,
			struct diag *diag);
/* The maps, which come later. */
int syscall_layout_maps(struct syscall_layout *layout, struct kern_maps *maps, struct diag *diag);

/* r9 = 1, and so SYSCALL_COMPAT_SLOT, when the call came through i386's entry, else 0. r0 … r5
 * lost. */
void syscall_layout_compat(struct kern_emit *e, const struct syscall_layout *layout);
/* reg = the call's number */
void syscall_layout_number(struct kern_emit *e, const struct syscall_layout *layout,
			   enum syscall_side side, int reg);
/* SYSCALL_ARGS_SLOT = the arguments, by SYSCALL_COMPAT_SLOT. r1 … r2 lost. */
void syscall_layout_args(struct kern_emit *e, const struct syscall_layout *layout);

#endif
