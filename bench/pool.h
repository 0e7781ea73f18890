/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BENCH_POOL_H
#define PISTE_BENCH_POOL_H

/*
 * pool - what a measured program asks of its own pool (piste/wire/pool.h): how
 * many recordings read it, how much memory it has. A program without libpiste
 * has none, and the answers are 0.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <piste/wire/pool.h>

/* The descriptor of this process's pool, or -1. */
static inline int pool_descriptor(void)
{
	for (int fd = 3; fd < 1100; fd++) {
		char path[64], target[64];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (!strncmp(target, "/memfd:" PISTE_POOL_NAME, strlen("/memfd:" PISTE_POOL_NAME)))
			return fd;
	}
	return -1;
}

/* Bytes of memory behind it. */
static inline uint64_t pool_memory(void)
{
	struct stat st;
	int fd = pool_descriptor();

	return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

/* Until `count` recordings read it; at once where there is no pool. */
static inline void pool_wait_for_sessions(int count)
{
	int fd = pool_descriptor();
	const struct piste_pool *pool;

	if (fd < 0)
		return;
	pool = mmap(NULL, sizeof(*pool), PROT_READ, MAP_SHARED, fd, 0);
	if (pool == MAP_FAILED)
		return;
	for (int i = 0; i < 3000; i++) { /* half a minute: it shows in the counts */
		if (__builtin_popcount(__atomic_load_n(&pool->active, __ATOMIC_ACQUIRE)) == count)
			break;
		usleep(10000);
	}
	munmap((void *)pool, sizeof(*pool));
	usleep(100000); /* sites are switched after that */
}

#endif
