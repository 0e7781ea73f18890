/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_STATE_PRIVATE_H
#define PISTE_KERN_STATE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "kern/state.h"

/*
 * state-private - between state.c, state-tasks.c (processes, from /proc),
 * state-iterators.c (the same for a whole system, from the kernel's iterators)
 * and state-devices.c (the machine).
 */
struct state_taker {
	const struct state_options *options;
	int (*visit)(void *ctx, enum state_kind kind, const void *item);
	void *ctx;
	struct arena arena;
	struct cgroup_mounts mounts; /* n 0: none */
	struct containers *containers; /* NULL: there are no cgroups */
	struct map groups; /* lines of /proc/PID/cgroup -> struct state_group */
	struct map groups_by_id; /* of version 2 -> the same */
	bool has_walked; /* all cgroups of version 2 are in groups_by_id */
	struct map mount_namespaces; /* whose mounts were taken */
	uint64_t own_pid_namespace; /* inode; 0: not known */
	uint64_t ns_per_tick; /* of /proc/PID/stat's times */
};

/* Where a process belongs; many share one. */
struct state_group {
	uint64_t id;
	const char *name;
	const char *container_id, *container;
};

int state_take_tasks(struct state_taker *t); /* with files and mounts */
/* The same of the whole system; -EOPNOTSUPP, before anything was visited, when it cannot be done. */
int state_iterate(struct state_taker *t);
/* Those of a mount namespace, once; as `pid` sees them. */
int state_take_mounts(struct state_taker *t, uint32_t pid, uint64_t namespace);
/* Never NULL. */
const struct state_group *state_group_by_id(struct state_taker *t, uint64_t id, uint32_t pid);
enum state_status state_status_of(char state);

int state_take_block_devices(struct state_taker *t);
int state_take_interrupts(struct state_taker *t);
int state_take_cpus(struct state_taker *t);
int state_take_interfaces(struct state_taker *t);

/* Reads a small file of /proc or /sys; its length without a final newline, or negative errno. */
int state_read(int dirfd, const char *path, char *out, size_t size);
/* The number in it; `otherwise` when there is none. */
uint64_t state_read_number(int dirfd, const char *path, uint64_t otherwise);

#endif
