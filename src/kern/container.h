/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_CONTAINER_H
#define PISTE_KERN_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "kern/cgroup.h"

/*
 * container - containers by name, without asking a daemon. Every engine puts a
 * container into a cgroup whose name holds its id; names stand in state files of
 * the engines, which root can read.
 *
 *	containers_open(&c, "", diag);
 *	containers_find(c, "web", &cgroup, diag);	--container web
 *	containers_of_task(c, tid)			--by container
 *	containers_of_cgroup_id(c, id)			the same, from an event of the kernel
 *	containers_free(c);
 *
 * What was looked up is kept; containers that start later are found by looking again.
 */
struct containers;

struct container {
	const char *engine; /* "docker", "podman", "containerd", "cri-o", "nspawn", "lxc", … */
	const char *id; /* 64 hex digits, or what the engine goes by */
	const char *name; /* NULL: not known (state files are for root) */
	const char *cgroup; /* its name */
};

int containers_open(struct containers **out, const char *root, struct diag *diag);
void containers_free(struct containers *c);

/* By name, by id, or by the beginning of an id. -ENOENT with the nearest name, -EEXIST when several
 * have it, and which. */
int containers_find(struct containers *c, const char *wanted, struct cgroup *out,
		    struct diag *diag);

/* NULL: in none. Borrowed until containers_free. */
const struct container *containers_of_task(struct containers *c, uint32_t tid);
const struct container *containers_of_cgroup_id(struct containers *c, uint64_t id);
/* The innermost that a cgroup is in. */
const struct container *containers_of_cgroup(struct containers *c, const char *name);

/* What people call it: its name, or the first 12 digits of its id. */
const char *container_label(const struct container *container, char buffer[16]);

#endif
