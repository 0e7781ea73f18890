/* SPDX-License-Identifier: MIT */
/*
 * Of what the kernel shows of control groups (cgroups(7)) only three things are
 * needed: where the hierarchies are mounted (/proc/self/mountinfo), which cgroup a
 * task is in (/proc/TID/cgroup), and the directories themselves.
 */
#include "kern/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/mountinfo.h"

enum { FILE_MAX = 16 << 20, DEPTH_MAX = 64 };

/* --- mounts ------------------------------------------------------------------------------ */

/* Which hierarchies of version 1 are asked first: all engines make their cgroups in these. */
static const char *const v1_order[] = {
	"memory", "pids", "devices", "freezer", "cpu", "name=systemd", "cpuset", "blkio",
};
enum { N_V1_ORDER = sizeof(v1_order) / sizeof(v1_order[0]) };

static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ',') && (!p[len] || p[len] == ','))
			return true;
	return false;
}

static size_t rank_of(const struct cgroup_mount *m)
{
	size_t i;

	if (m->is_v2)
		return 0;
	for (i = 0; i < N_V1_ORDER && !list_has(m->controllers, v1_order[i]); i++)
		;
	return i + 1;
}

static int by_rank(const void *a, const void *b)
{
	size_t x = rank_of(a), y = rank_of(b);

	return (x > y) - (x < y);
}

/* What is a controller and not an option of every mount. */
static void keep_controllers(char out[64], char *options)
{
	static const char *const others[] = {"rw", "ro", "xattr", "clone_children", "noprefix"};
	char *save = NULL;
	size_t len = 0;

	out[0] = '\0';
	for (char *word = strtok_r(options, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		bool is_other = !strncmp(word, "release_agent=", 14);

		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			is_other |= !strcmp(word, others[i]);
		if (!is_other && len + strlen(word) + 2 < 64)
			len += (size_t)sprintf(out + len, "%s%s", len ? "," : "", word);
	}
}

static bool parse_mount(struct cgroup_mount *out, char *line)
{
	struct mountinfo m;

	if (!mountinfo_parse(&m, line) || strlen(m.point) >= sizeof(out->path) ||
	    (strcmp(m.fstype, "cgroup2") != 0 && strcmp(m.fstype, "cgroup") != 0))
		return false;
	*out = (struct cgroup_mount){.is_v2 = !strcmp(m.fstype, "cgroup2")};
	strcpy(out->path, m.point);
	if (!out->is_v2)
		keep_controllers(out->controllers, m.options);
	return true;
}

int cgroup_mounts_get(struct cgroup_mounts *out, const char *root, struct diag *diag)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX], *save = NULL;
	int err;

	*out = (struct cgroup_mounts){.root = root};
	snprintf(path, sizeof(path), "%s/proc/self/mountinfo", root);
	err = fs_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL);
	if (err) {
		diag_error(diag, NULL, "%s: %s", path, strerror(-err));
		return err;
	}
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (out->n < CGROUP_MOUNTS_MAX && parse_mount(&out->items[out->n], line))
			out->n++;
	if (!out->n) {
		diag_error(diag, NULL, "no control groups are mounted here");
		diag_hint(diag, "mount -t cgroup2 none /sys/fs/cgroup");
		return -ENOENT;
	}
	qsort(out->items, out->n, sizeof(out->items[0]), by_rank);
	return 0;
}

/* --- walking ------------------------------------------------------------------------------ */

struct walk {
	int (*visit)(void *ctx, const char *name, uint64_t id);
	void *ctx;
	char name[PATH_MAX];
};

/* Takes `fd`. */
static int walk_below(struct walk *w, int fd, size_t len, int depth)
{
	const struct dirent *e;
	DIR *dir = fdopendir(fd);
	int rc = 0;

	if (!dir) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (!rc && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);
		struct stat st;
		int sub;

		if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN) ||
		    len + n + 2 > sizeof(w->name))
			continue;
		sub = openat(dirfd(dir), e->d_name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			continue; /* it has gone, or is no directory */
		sprintf(w->name + len, "/%s", e->d_name);
		rc = fstat(sub, &st) == 0 ? w->visit(w->ctx, w->name, st.st_ino) : 0;
		if (!rc && depth < DEPTH_MAX)
			rc = walk_below(w, sub, len + n + 1, depth + 1);
		else
			close(sub);
		w->name[len] = '\0';
	}
	closedir(dir);
	return rc;
}

int cgroup_each(const struct cgroup_mounts *mounts, const struct cgroup_mount *mount,
		int (*visit)(void *ctx, const char *name, uint64_t id), void *ctx)
{
	struct walk w = {.visit = visit, .ctx = ctx};
	char path[PATH_MAX];
	struct stat st;
	int fd, rc;

	snprintf(path, sizeof(path), "%s%s", mounts->root, mount->path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = fstat(fd, &st) == 0 ? visit(ctx, "/", st.st_ino) : 0;
	if (rc) {
		close(fd);
		return rc;
	}
	return walk_below(&w, fd, 0, 0);
}

/* --- what users write ------------------------------------------------------------------------ */

/* One slash between names, none at the end, one in front. */
static void normalise(char out[PATH_MAX], const char *text)
{
	size_t len = 0;

	while (*text && len < PATH_MAX - 2) {
		if (*text == '/') {
			text++;
			continue;
		}
		out[len++] = '/';
		while (*text && *text != '/' && len < PATH_MAX - 2)
			out[len++] = *text++;
	}
	if (!len)
		out[len++] = '/';
	out[len] = '\0';
}

/* -ENOENT; -ENOTDIR when it is there, but no cgroup */
static int try_cgroup(struct cgroup *out, const struct cgroup_mounts *mounts,
		      const struct cgroup_mount *mount, const char *name)
{
	char procs[PATH_MAX + 16];
	struct stat st;
	int n;

	if (!strcmp(name, "/"))
		n = snprintf(out->path, sizeof(out->path), "%s%s", mounts->root, mount->path);
	else
		n = snprintf(out->path, sizeof(out->path), "%s%s%s", mounts->root, mount->path,
			     name);
	if (n < 0 || (size_t)n >= sizeof(out->path) || stat(out->path, &st) < 0)
		return -ENOENT;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", out->path);
	if (!S_ISDIR(st.st_mode) || access(procs, F_OK) < 0)
		return -ENOTDIR;
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->is_v2 = mount->is_v2;
	out->id = st.st_ino; /* the cgroup's id, since Linux 5.5 on 64 bits */
	return 0;
}

struct nearest {
	const char *wanted; /* its last name */
	size_t distance;
	char name[PATH_MAX];
};

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int is_nearer(void *ctx, const char *name, uint64_t id)
{
	struct nearest *n = ctx;
	size_t distance = edit_distance(last_name(name), n->wanted);

	(void)id;
	if (distance < n->distance) {
		n->distance = distance;
		snprintf(n->name, sizeof(n->name), "%s", name);
	}
	return 0;
}

static int say_unknown(const struct cgroup_mounts *mounts, const char *text, struct diag *diag)
{
	char normal[PATH_MAX];
	struct nearest nearest = {.wanted = normal};

	normalise(normal, text);
	nearest.wanted = last_name(normal);
	nearest.distance = 2 + strlen(nearest.wanted) / 4;
	for (size_t i = 0; i < mounts->n; i++)
		cgroup_each(mounts, &mounts->items[i], is_nearer, &nearest);
	diag_error(diag, NULL, "there is no control group %s", text);
	if (nearest.name[0])
		diag_hint(diag, "did you mean %s?", nearest.name);
	else
		diag_hint(diag, "/proc/PID/cgroup names the one of a process");
	return -ENOENT;
}

int cgroup_find(struct cgroup *out, const struct cgroup_mounts *mounts, const char *text,
		struct diag *diag)
{
	char name[PATH_MAX];
	bool is_there = false;

	normalise(name, text);
	for (int as_path = 1; as_path >= 0; as_path--) {
		for (size_t i = 0; i < mounts->n; i++) {
			const struct cgroup_mount *m = &mounts->items[i];
			size_t len = strlen(m->path);
			const char *rest = name;
			int err;

			if (as_path &&
			    (strncmp(name, m->path, len) != 0 || (name[len] && name[len] != '/')))
				continue;
			if (as_path)
				rest = name[len] ? name + len : "/";
			err = try_cgroup(out, mounts, m, rest);
			if (!err)
				return 0;
			is_there |= err == -ENOTDIR;
		}
	}
	if (!is_there)
		return say_unknown(mounts, text, diag);
	diag_error(diag, NULL, "%s is no control group", text);
	return -ENOTDIR;
}

/* --- tasks ------------------------------------------------------------------------------------- */

int cgroup_each_of_task(const char *root, uint32_t tid,
			int (*visit)(void *ctx, const char *controllers, const char *name),
			void *ctx)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX], *save = NULL;
	int rc;

	snprintf(path, sizeof(path), "%s/proc/%u/cgroup", root, tid);
	rc = fs_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL);
	if (rc)
		return rc == -ENOENT ? -ESRCH : rc;
	/* 0::/user.slice or 4:memory:/docker/… */
	for (char *line = strtok_r(text, "\n", &save); line && !rc;
	     line = strtok_r(NULL, "\n", &save)) {
		char *controllers = strchr(line, ':'), *name, *deleted;

		name = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!name)
			continue;
		*name++ = '\0';
		deleted = strstr(name, " (deleted)");
		if (deleted && !deleted[10])
			*deleted = '\0';
		rc = visit(ctx, controllers + 1, name);
	}
	return rc;
}

struct best {
	size_t rank;
	char *name;
};

static int is_better(void *ctx, const char *controllers, const char *name)
{
	struct cgroup_mount m = {.is_v2 = !*controllers};
	struct best *best = ctx;
	size_t rank;

	snprintf(m.controllers, sizeof(m.controllers), "%s", controllers);
	rank = rank_of(&m);
	if (rank >= best->rank || !strcmp(name, "/"))
		return 0;
	snprintf(best->name, PATH_MAX, "%s", name);
	best->rank = rank;
	return 0;
}

int cgroup_of_task(char name[PATH_MAX], bool *is_v2, const char *root, uint32_t tid)
{
	struct best best = {.rank = SIZE_MAX, .name = name};
	int err;

	strcpy(name, "/");
	err = cgroup_each_of_task(root, tid, is_better, &best);
	*is_v2 = best.rank == 0 || best.rank == SIZE_MAX;
	return err;
}

struct task_walk {
	const struct cgroup *cgroup;
	int (*visit)(void *ctx, uint32_t tid);
	void *ctx;
};

static int visit_tasks(void *ctx, const char *name, uint64_t id)
{
	struct task_walk *w = ctx;
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX * 2];
	int rc = 0;

	(void)id;
	snprintf(path, sizeof(path), "%s%s/%s", w->cgroup->path, name,
		 w->cgroup->is_v2 ? "cgroup.threads" : "tasks");
	if (fs_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL))
		return 0; /* it has gone meanwhile */
	for (char *p = text, *end; !rc; p = end) {
		unsigned long tid = strtoul(p, &end, 10);

		if (end == p)
			break;
		if (tid) /* 0: of a pid namespace that we do not see */
			rc = w->visit(w->ctx, (uint32_t)tid);
	}
	return rc;
}

int cgroup_each_task(const struct cgroup *cgroup, int (*visit)(void *ctx, uint32_t tid), void *ctx)
{
	struct task_walk tasks = {.cgroup = cgroup, .visit = visit, .ctx = ctx};
	struct walk w = {.visit = visit_tasks, .ctx = &tasks};
	int fd = open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = visit_tasks(&tasks, "", 0);
	if (rc) {
		close(fd);
		return rc;
	}
	return walk_below(&w, fd, 0, 0);
}
