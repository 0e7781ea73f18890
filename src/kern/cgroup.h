/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_CGROUP_H
#define PISTE_KERN_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/str.h"

/*
 * cgroup - control groups, as directories: version 2 wherever it is mounted
 * (/sys/fs/cgroup, /sys/fs/cgroup/unified), and version 1, whose hierarchies
 * are many and agree about containers.
 *
 * A cgroup's `name` is its path below the mount, "/system.slice/nginx.service";
 * "/" is the root. All functions take a root directory in front of /proc and
 * /sys, "" for the real one: tests make their own.
 */
enum { CGROUP_MOUNTS_MAX = 24 };

struct cgroup_mount {
	char path[256]; /* the mount point, without the root in front */
	char controllers[64]; /* of version 1: "memory", "cpu,cpuacct", "name=systemd" */
	bool is_v2;
};

struct cgroup_mounts {
	const char *root; /* borrowed */
	size_t n; /* version 2 first, then those of version 1 that say most about containers */
	struct cgroup_mount items[CGROUP_MOUNTS_MAX];
};

struct cgroup {
	char path[PATH_MAX]; /* its directory */
	char name[PATH_MAX];
	/* Of version 2: what bpf_get_current_cgroup_id() gives. Version 1 has no such test in the
	 * kernel: record its tasks (cgroup_each_task) and what they start. */
	bool is_v2;
	uint64_t id;
};

/* -ENOENT when no control groups are mounted. */
int cgroup_mounts_get(struct cgroup_mounts *out, const char *root, struct diag *diag);

/* What a user wrote behind --cgroup: a directory below a mount, or a name with or without its
 * slash. -ENOENT with the nearest name, -ENOTDIR when it is no cgroup. */
int cgroup_find(struct cgroup *out, const struct cgroup_mounts *mounts, const char *text,
		struct diag *diag);

/* The cgroup of a task: the one of version 2, or where that is the root and version 1 knows
 * better, that. -ESRCH when it has ended. */
int cgroup_of_task(char name[PATH_MAX], bool *is_v2, const char *root, uint32_t tid);
/* In every hierarchy; a visit that returns other than 0 ends it with that. */
int cgroup_each_of_task(const char *root, uint32_t tid,
			int (*visit)(void *ctx, const char *controllers, const char *name),
			void *ctx);

/* All threads in it and below; a visit that returns other than 0 ends it with that. */
int cgroup_each_task(const struct cgroup *cgroup, int (*visit)(void *ctx, uint32_t tid), void *ctx);

/* All cgroups of one mount, parents before their children; `name` is borrowed during the call. */
int cgroup_each(const struct cgroup_mounts *mounts, const struct cgroup_mount *mount,
		int (*visit)(void *ctx, const char *name, uint64_t id), void *ctx);

#endif
