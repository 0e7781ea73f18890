/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_CODE_H
#define PISTE_KERN_SYSCALLS_CODE_H

#include "kern/syscalls-layout.h"

/*
 * syscalls-code - the code that follows a plan: writes the payload of the open record.
 */

/* Integers alone, of a native call: written from the registers as they are. */
bool syscall_code_is_simple(const struct syscall_plan *plan);
void syscall_code_simple(struct kern_emit *e, const struct syscall_layout *layout,
			 const struct syscall_plan *plan);

/* Any plan, after syscall_layout_args. Its payload has at most so many bytes: */
uint32_t syscall_code_max(const struct syscall_plan *plan);
void syscall_code_payload(struct kern_emit *e, const struct syscall_layout *layout,
			  const struct syscall_plan *plan);

/* For filters, an emit_load_fn; `arg` is this. After syscall_layout_args too. */
struct syscall_load {
	const struct syscall_layout *layout;
	const struct syscall_plan *plan;
};
bool syscall_code_load(struct kern_emit *e, const struct kern_event *event, size_t field,
		       int text_at, uint32_t text_size, void *arg);

#endif
