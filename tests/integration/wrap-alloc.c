/* SPDX-License-Identifier: MIT */
/*
 * wrap-alloc THREADS ROUNDS - calls every function of the malloc family and of
 * mmap's a known number of times, with sizes that nobody else asks for. Each
 * thread does, ROUNDS times, one of each; main prints nothing. The script
 * knows how many events that makes, and that all memory is given back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ODD 70001 /* bytes; the other sizes lie behind it */
#define HUGE_SIZE ((size_t)PTRDIFF_MAX)

static int rounds;

static void *touch(void *ptr, size_t size)
{
	if (!ptr)
		abort();
	memset(ptr, 0x5a, size);
	return ptr;
}

static void one_round(void)
{
	void *p, *map;

	free(touch(malloc(ODD), ODD));
	p = calloc(3, ODD + 1);
	if (!p || ((char *)p)[3 * ODD] != 0)
		abort();
	p = touch(realloc(p, ODD + 2), ODD + 2);
	p = touch(reallocarray(p, 2, ODD + 3), 2 * (ODD + 3));
	free(p);
	free(touch(memalign(64, ODD + 4), ODD + 4));
	free(touch(aligned_alloc(64, 64 * 1100), 64 * 1100));
	if (posix_memalign(&p, 128, ODD + 5) || (uintptr_t)p % 128)
		abort();
	free(touch(p, ODD + 5));
	free(touch(valloc(ODD + 6), ODD + 6));
	free(touch(pvalloc(ODD + 7), ODD + 7));
	free(NULL); /* no event */

	/* failures keep their errno */
	errno = 0;
	p = malloc(HUGE_SIZE);
	if (p || errno != ENOMEM)
		abort();
	errno = 0;
	p = reallocarray(NULL, SIZE_MAX / 2, 3);
	if (p || errno != ENOMEM)
		abort();
	errno = 77;
	free(touch(malloc(ODD + 8), 1));
	if (errno != 77)
		abort();

	map = mmap(NULL, ODD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	touch(map, ODD);
	map = mremap(map, ODD, 3 * ODD, MREMAP_MAYMOVE);
	touch(map, 3 * ODD);
	if (munmap(map, 3 * ODD))
		abort();
	errno = 0;
	map = mmap(NULL, ODD, PROT_READ, MAP_PRIVATE, -1, 0);
	if (map != MAP_FAILED || errno != EBADF)
		abort();
}

static void *run(void *arg)
{
	for (int i = 0; i < rounds; i++)
		one_round();
	return arg;
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t ids[64];

	rounds = argc > 2 ? atoi(argv[2]) : 1;
	if (sbrk(0) == (void *)-1)
		return 1;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, run, NULL))
			return 1;
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
