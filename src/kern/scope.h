/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SCOPE_H
#define PISTE_KERN_SCOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "bpf/asm.h"
#include "kern/kern.h"
#include "kern/load.h"

/*
 * scope - whose events are recorded, and the code that asks.
 *
 * Tasks: a bitmap by thread id in a mappable array. A program on
 * sched_process_fork sets the child's bit when the parent's is set, before the
 * child can run; one on sched_process_free clears it. Cgroup: the ancestor of
 * the task's at the depth of the one asked for is compared. System: all but
 * this process.
 */
struct btf_index;

struct kern_scope {
	enum kern_scope_kind kind;
	uint32_t map; /* the bitmap */
	uint64_t *bits; /* borrowed of the map */
	uint64_t cgroup_id;
	uint32_t cgroup_level;
	uint32_t own_tgid;
	const struct btf_index *foreign; /* set in a PID namespace that is not the first */
};

enum { KERN_TID_MAX = 1 << 22 /* PID_MAX_LIMIT of 64-bit kernels */ };

int kern_scope_init(struct kern_scope *scope, const struct kern_options *options,
		    const struct btf_index *btf, struct kern_maps *maps, struct diag *diag);
/* A thread's id in the first PID namespace, of one as this process sees it; 0 or -ESRCH. */
int kern_scope_tid(const struct kern_scope *scope, uint32_t tid, uint32_t *first);
int kern_scope_add(struct kern_scope *scope, uint32_t first);

/* r0 = tgid << 32 | tid of the current task; goes to `out` unless it is in scope. r1 … r5 lost. */
void scope_emit_current(const struct kern_scope *scope, struct bpf_asm *a, unsigned out);
/* Goes to `in` when the task (a struct task_struct * in `reg`, r6 … r9) is in scope, else on.
 * r0 … r5 lost. */
void scope_emit_task(const struct kern_scope *scope, const struct btf_index *btf, struct bpf_asm *a,
		     int reg, unsigned in);

/* For programs on fork and on the end of a task, whose task_structs are in registers r6 … r9: the
 * child is in scope when its parent is; the task is so no more. r0 … r3 lost. */
void scope_emit_inherit(const struct kern_scope *scope, const struct btf_index *btf,
			struct bpf_asm *a, int parent, int child);
void scope_emit_forget(const struct kern_scope *scope, const struct btf_index *btf,
		       struct bpf_asm *a, int task);

#endif
