/* SPDX-License-Identifier: MIT */
/*
 * Processes, their threads, open files and mounts, from /proc (proc(5)). A process
 * may end at any point of this: what is gone is left out.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/mountinfo.h"
#include "kern/state-private.h"

#define PF_KTHREAD 0x00200000u /* include/linux/sched.h */
enum {
	NAMESPACES_MAX = 33 /* MAX_PID_NS_LEVEL of the kernel, and the first */,
	MOUNTS_MAX = 64 << 20
};

/* What all threads of a process share. */
struct process {
	uint32_t pid;
	int fd; /* of /proc/PID */
	bool is_elsewhere; /* in another pid namespace */
	const struct state_group *group;
};

/* --- cgroups ---------------------------------------------------------------------------------- */

static uint64_t id_of(const struct state_taker *t, const char *name)
{
	char path[PATH_MAX + 256];
	struct stat st;

	if (!t->mounts.n || !t->mounts.items[0].is_v2)
		return 0;
	snprintf(path, sizeof(path), "%s%s", t->mounts.items[0].path, name);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static int note_v2(void *ctx, const char *controllers, const char *name)
{
	if (!*controllers)
		snprintf(ctx, PATH_MAX, "%s", name);
	return 0;
}

static const struct state_group *make_group(struct state_taker *t, uint32_t pid)
{
	struct state_group *group = arena_new(&t->arena, struct state_group);
	const struct container *container = NULL;
	char name[PATH_MAX], v2[PATH_MAX] = "", label[16];
	bool is_v2;

	if (!group)
		return NULL;
	if (cgroup_of_task(name, &is_v2, "", pid))
		return group;
	group->name = arena_strdup(&t->arena, name);
	cgroup_each_of_task("", pid, note_v2, v2);
	if (v2[0])
		group->id = id_of(t, v2);
	if (t->containers)
		container = containers_of_task(t->containers, pid);
	if (container) {
		group->container_id = arena_strdup(&t->arena, container->id);
		group->container = arena_strdup(&t->arena, container_label(container, label));
	}
	return group;
}

static const struct state_group no_group;

/* Processes with the same lines in /proc/PID/cgroup are in the same group. */
static const struct state_group *group_of(struct state_taker *t, int proc_fd, uint32_t pid)
{
	char lines[PATH_MAX * 2];
	const struct state_group *group;
	uint64_t known;
	const char *key;

	if (state_read(proc_fd, "cgroup", lines, sizeof(lines)) <= 0)
		return &no_group;
	if (map_get_str(&t->groups, lines, &known))
		return (const struct state_group *)(uintptr_t)known;
	group = make_group(t, pid);
	key = arena_strdup(&t->arena, lines);
	if (!group)
		return &no_group;
	if (key)
		map_put_str(&t->groups, key, (uintptr_t)group);
	return group;
}

static int note_group(void *ctx, const char *name, uint64_t id)
{
	struct state_taker *t = ctx;
	struct state_group *group = arena_new(&t->arena, struct state_group);
	const struct container *container = NULL;
	char label[16];

	if (!group)
		return -ENOMEM;
	group->id = id;
	group->name = arena_strdup(&t->arena, name);
	if (t->containers)
		container = containers_of_cgroup(t->containers, name);
	if (container) {
		group->container_id = arena_strdup(&t->arena, container->id);
		group->container = arena_strdup(&t->arena, container_label(container, label));
	}
	return map_put_u64(&t->groups_by_id, id, (uintptr_t)group);
}

static const struct state_group *group_from_proc(struct state_taker *t, uint32_t pid)
{
	const struct state_group *group;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	group = fd < 0 ? &no_group : group_of(t, fd, pid);
	close_fdp(&fd);
	return group;
}

const struct state_group *state_group_by_id(struct state_taker *t, uint64_t id, uint32_t pid)
{
	const struct state_group *group;
	uint64_t known;

	if (!t->has_walked && t->mounts.n && t->mounts.items[0].is_v2)
		cgroup_each(&t->mounts, &t->mounts.items[0], note_group, t);
	t->has_walked = true;
	if (!map_get_u64(&t->groups_by_id, id, &known))
		return group_from_proc(t, pid); /* without version 2, or it is new */
	group = (const struct state_group *)(uintptr_t)known;
	/* the root says nothing; with version 1 beside it, that may */
	if (t->mounts.n > 1 && group->name && !strcmp(group->name, "/"))
		return group_from_proc(t, pid);
	return group;
}

/* --- threads ---------------------------------------------------------------------------------- */

/* "\nNSpid:\t12\t3" */
static uint32_t parse_numbers(const char *text, const char *key, uint32_t out[NAMESPACES_MAX])
{
	const char *line = strstr(text, key);
	uint32_t n = 0;

	if (!line)
		return 0;
	for (const char *p = line + strlen(key); n < NAMESPACES_MAX && (*p == '\t' || *p == ' ');) {
		char *end;

		out[n++] = (uint32_t)strtoul(p, &end, 10);
		p = end;
	}
	return n;
}

enum state_status state_status_of(char state)
{
	switch (state) {
	case 'R':
		return STATE_READY;
	case 'Z':
		return STATE_ZOMBIE;
	case 'X':
	case 'x':
		return STATE_DEAD;
	default:
		return STATE_WAITS;
	}
}

/* pid (comm) state ppid … with anything in comm; false for what is torn */
static bool parse_stat(struct state_task *task, char *text, uint32_t *flags, uint64_t *start_ticks)
{
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	char state;

	if (!open || !close || close < open)
		return false;
	*close = '\0';
	task->name = open + 1;
	if (sscanf(close + 1,
		   " %c %" SCNu32 " %*d %*d %*d %*d %" SCNu32
		   " %*u %*u %*u %*u %*u %*u %*d %*d %" SCNd32 " %*d %*d %*d %" SCNu64
		   " %*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %" SCNu32,
		   &state, &task->ppid, flags, &task->priority, start_ticks, &task->cpu) != 6)
		return false;
	task->state = (uint8_t)state;
	task->status = (uint8_t)state_status_of(state);
	task->priority += 100; /* proc shows the kernel's less 100 */
	return true;
}

static int take_thread(struct state_taker *t, const struct process *p, int task_fd, uint32_t tid)
{
	uint32_t tids[NAMESPACES_MAX] = {tid}, pids[NAMESPACES_MAX] = {p->pid}, flags;
	struct state_task task = {
		.tid = tid,
		.pid = p->pid,
		.ns_tids = {tids, 1},
		.ns_pids = {pids, 1},
		.cgroup_id = p->group->id,
		.cgroup = p->group->name,
		.container_id = p->group->container_id,
		.container = p->group->container,
	};
	char path[32], text[4096], status[8192];
	uint64_t start_ticks;

	snprintf(path, sizeof(path), "%u/stat", tid);
	if (state_read(task_fd, path, text, sizeof(text)) <= 0 ||
	    !parse_stat(&task, text, &flags, &start_ticks))
		return 0;
	task.start_ns = start_ticks * t->ns_per_tick;
	task.type = (flags & PF_KTHREAD) != 0;
	if (p->is_elsewhere) {
		snprintf(path, sizeof(path), "%u/status", tid);
		if (state_read(task_fd, path, status, sizeof(status)) > 0) {
			task.ns_tids.n = parse_numbers(status, "\nNSpid:", tids);
			task.ns_pids.n = parse_numbers(status, "\nNStgid:", pids);
		}
	}
	return t->visit(t->ctx, STATE_TASK, &task);
}

/* The number that a name is, 0 when it is none. */
static uint32_t number_of(const char *name)
{
	return isdigit((unsigned char)name[0]) ? (uint32_t)strtoul(name, NULL, 10) : 0;
}

static DIR *open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static int take_threads(struct state_taker *t, const struct process *p)
{
	DIR *dir = open_dir(p->fd, "task");
	const struct dirent *e;
	int rc = 0;

	while (dir && !rc && (e = readdir(dir))) {
		uint32_t tid = number_of(e->d_name);

		if (tid)
			rc = take_thread(t, p, dirfd(dir), tid);
	}
	if (dir)
		closedir(dir);
	return rc;
}

/* --- open files ---------------------------------------------------------------------------------- */

static uint32_t flags_of(int info_fd, const char *name)
{
	char text[512];
	const char *line;

	if (state_read(info_fd, name, text, sizeof(text)) <= 0)
		return 0;
	line = strstr(text, "flags:");
	return line ? (uint32_t)strtoul(line + 6, NULL, 8) : 0;
}

static int take_files(struct state_taker *t, const struct process *p)
{
	_cleanup_(close_fdp) int info = openat(p->fd, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = open_dir(p->fd, "fd");
	const struct dirent *e;
	char target[PATH_MAX];
	int rc = 0;

	while (dir && !rc && (e = readdir(dir))) {
		struct state_file file = {.pid = p->pid, .filename = target};
		ssize_t len;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		len = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		file.fd = atoi(e->d_name);
		file.flags = flags_of(info, e->d_name);
		rc = t->visit(t->ctx, STATE_FILE, &file);
	}
	if (dir)
		closedir(dir);
	return rc;
}

/* --- mounts ------------------------------------------------------------------------------------- */

int state_take_mounts(struct state_taker *t, uint32_t pid, uint64_t namespace)
{
	_cleanup_(freep) char *text = NULL;
	char path[48], *rest, *line;
	uint64_t known;
	int rc = 0;

	snprintf(path, sizeof(path), "/proc/%u/mountinfo", pid);
	if (map_get_u64(&t->mount_namespaces, namespace, &known) ||
	    fs_read_file(AT_FDCWD, path, MOUNTS_MAX, &text, NULL))
		return 0;
	map_put_u64(&t->mount_namespaces, namespace, 1);
	for (rest = text; !rc && (line = strsep(&rest, "\n"));) {
		struct state_mount mount = {.pid = pid, .namespace = namespace};
		struct mountinfo m;

		if (!mountinfo_parse(&m, line))
			continue;
		mount.id = m.id;
		mount.parent = m.parent;
		mount.device_major = m.device_major;
		mount.device_minor = m.device_minor;
		mount.root = m.root;
		mount.point = m.point;
		mount.fstype = m.fstype;
		mount.source = m.source;
		rc = t->visit(t->ctx, STATE_MOUNT, &mount);
	}
	return rc;
}

/* --- processes ------------------------------------------------------------------------------------- */

static int take_process(struct state_taker *t, uint32_t pid)
{
	struct process p = {.pid = pid};
	char path[32];
	struct stat st;
	int rc;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	p.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.fd < 0)
		return 0;
	/* where it may not be known, its status tells */
	p.is_elsewhere = fstatat(p.fd, "ns/pid", &st, 0) < 0 || st.st_ino != t->own_pid_namespace;
	p.group = group_of(t, p.fd, pid);
	rc = take_threads(t, &p);
	if (!rc && !t->options->no_files)
		rc = take_files(t, &p);
	if (!rc && fstatat(p.fd, "ns/mnt", &st, 0) == 0)
		rc = state_take_mounts(t, pid, st.st_ino);
	close(p.fd);
	return rc;
}

int state_take_tasks(struct state_taker *t)
{
	const struct dirent *e;
	int rc = 0;
	DIR *dir;

	for (size_t i = 0; !rc && i < t->options->n_pids; i++)
		rc = take_process(t, t->options->pids[i]);
	if (t->options->n_pids)
		return rc;
	rc = state_iterate(t);
	if (rc != -EOPNOTSUPP)
		return rc;
	rc = 0;
	dir = opendir("/proc");
	if (!dir)
		return -errno;
	while (!rc && (e = readdir(dir))) {
		uint32_t pid = number_of(e->d_name);

		if (pid)
			rc = take_process(t, pid);
	}
	closedir(dir);
	return rc;
}
