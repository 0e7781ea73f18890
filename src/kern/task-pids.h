/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_TASK_PIDS_H
#define PISTE_KERN_TASK_PIDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"

/*
 * task-pids - to which process a thread belongs, asked of /proc once for each
 * thread and kept. All-zero is empty.
 */
struct task_pids {
	struct map by_tid;
};

void task_pids_fini(struct task_pids *t);
/* The thread's process; false when the thread is gone and nobody told of it before. */
bool task_pids_find(struct task_pids *t, uint32_t tid, uint32_t *pid);
/* A thread that just began: what is known from before was another's. */
void task_pids_set(struct task_pids *t, uint32_t tid, uint32_t pid);
void task_pids_forget(struct task_pids *t, uint32_t tid);

#endif
