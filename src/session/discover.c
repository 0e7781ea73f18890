/* SPDX-License-Identifier: MIT */
#include "session/discover.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "piste/wire/pool.h"

enum { MAPS_MAX = 64 << 20 };

static const char pool_link[] = "/memfd:" PISTE_POOL_NAME " (deleted)";

/* 1: it has one, 0: not, negative errno. */
static int has_descriptor(const char *process)
{
	char path[64], target[64];
	const struct dirent *entry;
	int found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", process);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!found && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));

		found = len == (ssize_t)strlen(pool_link) &&
			!memcmp(target, pool_link, (size_t)len);
	}
	closedir(dir);
	return found;
}

static int has_mapping(const char *process)
{
	_cleanup_(freep) char *maps = NULL;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", process);
	rc = fs_read_file(AT_FDCWD, path, MAPS_MAX, &maps, NULL);
	return rc ? rc : strstr(maps, pool_link) != NULL;
}

static int compare_pids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int discover_processes(struct discover_list *list, size_t *hidden)
{
	const struct dirent *entry;
	DIR *proc = opendir("/proc");

	*hidden = 0;
	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		uint64_t pid;
		int found;

		if (parse_u64(entry->d_name, &pid) || !pid || pid > UINT32_MAX)
			continue;
		found = has_descriptor(entry->d_name);
		if (!found && geteuid() == 0)
			found = has_mapping(entry->d_name);
		*hidden += found == -EACCES || found == -EPERM;
		if (found > 0 && vec_push(list, (uint32_t)pid)) {
			closedir(proc);
			return -ENOMEM;
		}
	}
	closedir(proc);
	if (list->len)
		qsort(list->items, list->len, sizeof(*list->items), compare_pids);
	return 0;
}
