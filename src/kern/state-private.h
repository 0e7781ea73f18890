/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_STATE_PRIVATE_H
#define PISTE_KERN_STATE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "kern/state.h"

/* state-private - between state.c, state-tasks.c (processes) and state-devices.c (the machine). */
struct state_taker {
	const struct state_options *options;
	int (*visit)(void *ctx, enum state_kind kind, const void *item);
	void *ctx;
	struct arena arena;
	struct cgroup_mounts mounts; /* n 0: none */
	struct map groups; /* path lines of /proc/PID/cgroup -> struct group */
	struct map mount_namespaces; /* whose mounts were taken */
	uint64_t own_pid_namespace; /* inode; 0: not known */
	uint64_t ns_per_tick; /* of /proc/PID/stat's times */
};

int state_take_tasks(struct state_taker *t); /* with files and mounts */
int state_take_block_devices(struct state_taker *t);
int state_take_interrupts(struct state_taker *t);
int state_take_cpus(struct state_taker *t);
int state_take_interfaces(struct state_taker *t);

/* Reads a small file of /proc or /sys; its length without a final newline, or negative errno. */
int state_read(int dirfd, const char *path, char *out, size_t size);
/* The number in it; `otherwise` when there is none. */
uint64_t state_read_number(int dirfd, const char *path, uint64_t otherwise);

#endif
