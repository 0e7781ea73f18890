/* SPDX-License-Identifier: MIT */
#include "session/find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

enum { MAPS_MAX = 64 << 20 };

static const char pool_link[] = "/memfd:" PISTE_POOL_NAME " (deleted)";

void pool_list_fini(struct pool_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		pool_free(list->items[i]);
	vec_fini(list);
}

void process_comm(uint32_t pid, char out[17])
{
	_cleanup_(freep) char *text = NULL;
	char path[48];

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	strcpy(out, "?");
	if (fs_read_file(AT_FDCWD, path, 256, &text, NULL))
		return;
	text[strcspn(text, "\n")] = '\0';
	snprintf(out, 17, "%s", text);
}

/* State and parent, from its stat. */
static bool read_stat(uint32_t pid, char *state, unsigned *parent)
{
	_cleanup_(freep) char *text = NULL;
	char path[48], *p;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (fs_read_file(AT_FDCWD, path, 65536, &text, NULL))
		return false;
	p = strrchr(text, ')'); /* the name may hold anything */
	return p && sscanf(p + 1, " %c %u", state, parent) == 2;
}

uint32_t process_parent(uint32_t pid)
{
	unsigned parent = 0;
	char state;

	return read_stat(pid, &state, &parent) ? parent : 0;
}

static bool has_ended(uint32_t pid)
{
	unsigned parent;
	char state;

	return !read_stat(pid, &state, &parent) || state == 'Z' || state == 'X';
}

bool process_maps_pool(uint32_t pid, const struct pool *pool)
{
	_cleanup_(freep) char *text = NULL;
	char path[48], *save = NULL;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	if (fs_read_file(AT_FDCWD, path, MAPS_MAX, &text, NULL))
		return errno != ENOENT;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long long inode;

		if (strstr(line, pool_link) && sscanf(line, "%*s %*s %*s %*s %llu", &inode) == 1 &&
		    inode == pool->inode)
			return true;
	}
	return false;
}

/* The pid that the process itself knows: the last one of NSpid. */
static uint32_t own_pid(uint32_t pid)
{
	_cleanup_(freep) char *text = NULL;
	unsigned long own = pid;
	char path[48], *line;

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	if (fs_read_file(AT_FDCWD, path, 65536, &text, NULL))
		return pid;
	line = strstr(text, "\nNSpid:");
	if (!line)
		return pid;
	for (char *p = line + 7; *p && *p != '\n';) {
		if (isdigit((unsigned char)*p))
			own = strtoul(p, &p, 10);
		else
			p++;
	}
	return (uint32_t)own;
}

static bool list_has(const struct pool_list *list, const struct stat *st)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->items[i]->inode == st->st_ino && list->items[i]->device == st->st_dev)
			return true;
	return false;
}

/* Opens what a link in /proc leads to. Adds it when it is a pool; > 0: it is not one. */
static int add_pool(struct pool_list *list, uint32_t pid, const char *path, struct diag *diag)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDWR | O_CLOEXEC);
	enum pool_error why;
	struct pool *pool;
	struct diag mine = {0};
	struct stat st;
	char comm[17];
	int err;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && list_has(list, &st))
		return 0;
	err = pool_open(&pool, fd, &why, &mine);
	if (!err && pool->pid != own_pid(pid)) {
		/* A child that did not trace yet shares the pool that its parent has. */
		diag_error(diag, NULL,
			   "process %u uses the tracing memory of its parent until "
			   "its first event",
			   pid);
		diag_hint(diag, "record its parent: -p %u", process_parent(pid));
		pool_free(pool);
		err = -ESRCH;
	} else if (err && why != POOL_ERROR_NOT_A_POOL) {
		process_comm(pid, comm);
		diag_error(diag, NULL, "process %u (%s): %s", pid, comm,
			   mine.len ? mine.entries[0].message : strerror(-err));
		if (mine.len && mine.entries[0].hint)
			diag_hint(diag, "%s", mine.entries[0].hint);
	} else if (err) {
		err = 1;
	} else if (vec_push(list, pool)) {
		pool_free(pool);
		err = -ENOMEM;
	}
	diag_fini(&mine);
	return err;
}

/* Looks at the links of /proc/PID/fd. */
static int look_at_fds(struct pool_list *list, uint32_t pid, struct diag *diag)
{
	char dir_path[48], path[320], target[64];
	const struct dirent *e;
	int err = 0;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), "/proc/%u/fd", pid);
	dir = opendir(dir_path);
	if (!dir)
		return -errno;
	while (err >= 0 && (e = readdir(dir))) {
		ssize_t len;

		snprintf(path, sizeof(path), "%s/%s", dir_path, e->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		if (!strcmp(target, pool_link))
			err = add_pool(list, pid, path, diag);
	}
	closedir(dir);
	return err < 0 ? err : 0;
}

bool process_has_pool(uint32_t pid)
{
	char dir_path[48], path[320], target[64];
	const struct dirent *e;
	bool found = false;
	DIR *dir;

	snprintf(dir_path, sizeof(dir_path), "/proc/%u/fd", pid);
	dir = opendir(dir_path);
	while (dir && !found && (e = readdir(dir))) {
		ssize_t len;

		snprintf(path, sizeof(path), "%s/%s", dir_path, e->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		found = !strcmp(target, pool_link);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* Looks at its mappings; *seen: it has a pool mapped. *has_library: libpiste is there. */
static int look_at_maps(struct pool_list *list, uint32_t pid, bool *seen, bool *has_library,
			struct diag *diag)
{
	_cleanup_(freep) char *text = NULL;
	char path[96], *save = NULL;
	int err;

	*seen = *has_library = false;
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	err = fs_read_file(AT_FDCWD, path, MAPS_MAX, &text, NULL);
	if (err)
		return err;
	for (char *line = strtok_r(text, "\n", &save); line && !list->len;
	     line = strtok_r(NULL, "\n", &save)) {
		*has_library |= strstr(line, "/libpiste") != NULL;
		if (!strstr(line, pool_link))
			continue;
		*seen = true;
		snprintf(path, sizeof(path), "/proc/%u/map_files/%.*s", pid,
			 (int)strcspn(line, " "), line);
		err = add_pool(list, pid, path, diag);
		if (err == -EPERM || err == -EACCES)
			return -EPERM;
		if (err < 0)
			return err;
	}
	return 0;
}

static int refuse_access(uint32_t pid, struct diag *diag)
{
	char path[48], comm[17];
	struct stat st;
	const struct passwd *user;

	process_comm(pid, comm);
	snprintf(path, sizeof(path), "/proc/%u", pid);
	if (stat(path, &st) == 0 && st.st_uid != geteuid()) {
		user = getpwuid(st.st_uid);
		if (user)
			diag_error(diag, NULL, "process %u (%s) belongs to %s", pid, comm,
				   user->pw_name);
		else
			diag_error(diag, NULL, "process %u (%s) belongs to user %u", pid, comm,
				   st.st_uid);
		diag_hint(diag, "run piste as that user, or with sudo");
	} else {
		diag_error(diag, NULL, "process %u (%s) does not let others look into it", pid,
			   comm);
		diag_hint(diag, geteuid() ? "it is set-user-id or not dumpable: run piste with sudo"
					  : "not even root may: ptrace is restricted here");
	}
	return -EACCES;
}

int find_pools(struct pool_list *list, uint32_t pid, struct diag *diag)
{
	bool seen = false, has_library = false;
	size_t before = list->len, errors = diag->errors;
	char path[48], comm[17];
	struct stat st;
	int err;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	if (!pid || stat(path, &st) < 0) {
		diag_error(diag, NULL, "there is no process %u", pid);
		return -ESRCH;
	}
	err = look_at_fds(list, pid, diag);
	if (err == -EACCES || err == -EPERM)
		return refuse_access(pid, diag);
	if (!err && list->len == before)
		err = look_at_maps(list, pid, &seen, &has_library, diag);
	if (list->len > before)
		return 0;
	if (diag->errors > errors)
		return err ? err : -EINVAL;
	process_comm(pid, comm);
	if (err == -EACCES || (err == -EPERM && !seen))
		return refuse_access(pid, diag);
	if (seen) {
		diag_error(diag, NULL,
			   "process %u (%s) has closed the descriptor of its tracing memory", pid,
			   comm);
		diag_hint(diag, "root (CAP_CHECKPOINT_RESTORE) can still find it: use sudo");
		return -EPERM;
	}
	if (err == -ENOENT || err == -ESRCH || has_ended(pid)) {
		diag_error(diag, NULL, "process %u has ended", pid);
		return -ESRCH;
	}
	if (has_library) {
		diag_error(diag, NULL, "process %u (%s) has libpiste, but no tracing memory", pid,
			   comm);
		diag_hint(diag, "it could not make its memfd: is memfd_create refused there?");
	} else {
		diag_error(diag, NULL,
			   "process %u (%s) has nothing to trace: libpiste is not in it", pid,
			   comm);
		diag_hint(diag, "programs with PISTE() sites and -lpiste have it; "
				"`piste record --malloc --locks -- CMD` puts it into any");
	}
	return -ENOENT;
}
