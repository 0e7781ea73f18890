/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_CONTAINER_NAMES_H
#define PISTE_KERN_CONTAINER_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

/*
 * container-names - what only container.c needs: a container's id in the name of
 * its cgroup, and its name in the state files of the engines.
 */
struct container_place {
	const char *engine;
	char id[256];
	size_t end; /* in the cgroup's name, where the container's own one ends */
};

/* The innermost container of a cgroup; false: none. */
bool container_in_path(const char *cgroup, struct container_place *out);

/* From the arena; NULL when no engine (that this user may read) knows one. `cgroup` tells whose home
 * to look into for rootless engines. */
const char *container_name(struct arena *arena, const char *root, const char *cgroup,
			   const char *id);

#endif
