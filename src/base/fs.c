/* SPDX-License-Identifier: MIT */
/*
 * Thin and total: short reads and writes, EINTR, files that grow while they
 * are read and names that appear twice are dealt with here.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void close_fdp(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

void freep(void *p)
{
	void *memory;

	memcpy(&memory, p, sizeof(memory));
	free(memory);
}

static int open_at(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(dirfd, path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int fs_read_file(int dirfd, const char *path, size_t max, char **data, size_t *len)
{
	_cleanup_(close_fdp) int fd = open_at(dirfd, path, O_RDONLY, 0);
	size_t used = 0, cap = 4096;
	struct stat st;
	char *buf, *grown;
	ssize_t n;
	int err;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		if ((uint64_t)st.st_size > max)
			return -EFBIG;
		cap = (size_t)st.st_size + 2; /* the NUL, and one to see the end */
	}
	buf = malloc(cap);
	if (!buf)
		return -ENOMEM;
	for (;;) {
		n = read(fd, buf + used, cap - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
		if (used > max) {
			free(buf);
			return -EFBIG;
		}
		if (used + 1 < cap)
			continue;
		cap *= 2;
		grown = realloc(buf, cap);
		if (!grown) {
			free(buf);
			return -ENOMEM;
		}
		buf = grown;
	}
	if (n < 0) {
		err = -errno;
		free(buf);
		return err;
	}
	buf[used] = '\0';
	*data = buf;
	if (len)
		*len = used;
	return 0;
}

int fs_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Readers see the old or the new content; a crash of the machine is not provided for (no fsync). */
int fs_write_file(int dirfd, const char *path, const void *data, size_t len)
{
	char temp[PATH_MAX];
	int fd = -EEXIST, err;

	for (unsigned try = 0; fd == -EEXIST && try < 100; try++) {
		int n = snprintf(temp, sizeof(temp), "%s.%d.%u.tmp", path, (int)getpid(), try);

		if (n < 0 || (size_t)n >= sizeof(temp))
			return -ENAMETOOLONG;
		fd = open_at(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL, 0666);
	}
	if (fd < 0)
		return fd;
	err = fs_write_all(fd, data, len);
	if (close(fd) < 0 && !err && errno != EINTR)
		err = -errno; /* NFS reports a full disk here */
	if (!err && renameat(dirfd, temp, dirfd, path) < 0)
		err = -errno;
	if (err)
		unlinkat(dirfd, temp, 0);
	return err;
}

int fs_map(int dirfd, const char *path, struct span *out)
{
	_cleanup_(close_fdp) int fd = open_at(dirfd, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;
	void *p;

	*out = (struct span){0};
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size == 0)
		return 0;
	if ((uint64_t)st.st_size > SIZE_MAX / 2)
		return -EFBIG;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*out = (struct span){.data = p, .len = (size_t)st.st_size};
	return 0;
}

void fs_unmap(struct span *s)
{
	if (!s)
		return;
	if (s->data)
		munmap((void *)s->data, s->len);
	*s = (struct span){0};
}

static int make_dir(const char *path)
{
	struct stat st;

	if (mkdir(path, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int fs_make_dirs(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0)
		return -ENOENT;
	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int err;

		*slash = '\0';
		err = make_dir(part);
		if (err)
			return err;
		*slash = '/';
	}
	return make_dir(part);
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

bool fs_dir_is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	bool empty;

	if (!dir)
		return false;
	errno = 0;
	do
		e = readdir(dir);
	while (e && is_dot(e->d_name));
	empty = !e && errno == 0;
	closedir(dir);
	return empty;
}

static int remove_at(int parent, const char *name, dev_t dev);

static int remove_children(DIR *dir, dev_t dev)
{
	const struct dirent *e;
	int err = 0, first = 0;

	while ((e = readdir(dir))) {
		if (is_dot(e->d_name))
			continue;
		err = remove_at(dirfd(dir), e->d_name, dev);
		if (err && !first)
			first = err; /* and go on: remove what can be removed */
	}
	return first;
}

/* `dev` is the file system to stay on. */
static int remove_at(int parent, const char *name, dev_t dev)
{
	struct stat st;
	DIR *dir;
	int fd, err;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(parent, name, 0) < 0 ? -errno : 0;
	if (st.st_dev != dev)
		return -EXDEV;
	fd = open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	/* The name may have been replaced since it was looked at: ask what was opened. */
	if (fstat(fd, &st) < 0 || st.st_dev != dev || !(dir = fdopendir(fd))) {
		close(fd);
		return -EXDEV;
	}
	err = remove_children(dir, dev);
	closedir(dir);
	if (!err && unlinkat(parent, name, AT_REMOVEDIR) < 0)
		err = -errno;
	return err;
}

int fs_remove_tree(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return remove_at(AT_FDCWD, path, st.st_dev);
}
