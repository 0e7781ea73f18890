/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BENCH_PROCESS_H
#define PISTE_BENCH_PROCESS_H

/* process - what /proc says of this process. */
#include <dirent.h>
#include <stdlib.h>

#include "pool.h"

static inline int process_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* A line of a file of "KEY: N kB" lines. */
static inline long process_kib(const char *path, const char *key)
{
	char line[256];
	long value = -1;
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = atol(line + strlen(key) + 1);
	if (f)
		fclose(f);
	return value;
}

/* The descriptors without the one that looks. */
static inline void process_print(void)
{
	int threads = process_entries("/proc/self/task"),
	    fds = process_entries("/proc/self/fd") - 1;

	printf("{\"threads\":%d,\"fds\":%d,\"rss_kib\":%ld,\"pss_kib\":%ld,\"anonymous_kib\":%ld,"
	       "\"shmem_kib\":%ld,\"pool_kib\":%lu}\n",
	       threads, fds, process_kib("/proc/self/smaps_rollup", "Rss"),
	       process_kib("/proc/self/smaps_rollup", "Pss"),
	       process_kib("/proc/self/smaps_rollup", "Anonymous"),
	       process_kib("/proc/self/status", "RssShmem"), (unsigned long)(pool_memory() / 1024));
}

#endif
