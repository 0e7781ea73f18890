/* SPDX-License-Identifier: MIT */
/*
 * What tests of the kernel's events record: work whose numbers are known. Each mode prints what it
 * did as lines "what number".
 *
 *	calls N THREADS		N getppid in each thread
 *	forks DEPTH		a tree: each process has three children, DEPTH levels deep
 *	execs N			the same process, N programs later
 *	shorts N		N processes, one after the other, each of about a millisecond
 *	brackets N		N times: an event, getppid, an event
 *	sleep MS		so that somebody may attach; then calls 1000 1
 */
#include <piste/piste.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *call(void *n)
{
	for (long i = *(long *)n; i; i--)
		syscall(SYS_getppid);
	return NULL;
}

static void calls(long n, int threads)
{
	pthread_t ids[64];

	for (int i = 1; i < threads; i++)
		pthread_create(&ids[i], NULL, call, &n);
	call(&n);
	for (int i = 1; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("getppid %ld\n", n * threads);
}

static void tree(int depth)
{
	for (int i = 0; depth && i < 3; i++) {
		if (fork() == 0) {
			tree(depth - 1);
			_exit(0);
		}
	}
	syscall(SYS_getppid);
	while (wait(NULL) > 0)
		;
}

static void forks(int depth)
{
	long processes = 1;

	for (int i = 0, level = 1; i < depth; i++)
		processes += level *= 3;
	printf("fork %ld\nexit %ld\ngetppid %ld\n", processes - 1, processes, processes);
	fflush(stdout);
	tree(depth);
}

static void execs(const char *self, long n)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld", n - 1);
	if (n > 0)
		execl(self, self, "execs", text, (char *)NULL);
}

static void shorts(long n)
{
	for (long i = 0; i < n; i++) {
		if (fork() == 0) {
			struct timespec end, now;

			clock_gettime(CLOCK_MONOTONIC, &end);
			do
				clock_gettime(CLOCK_MONOTONIC, &now);
			while ((now.tv_sec - end.tv_sec) * 1000000000 + now.tv_nsec - end.tv_nsec <
			       1000000);
			syscall(SYS_getppid);
			_exit(0);
		}
		wait(NULL);
	}
	printf("fork %ld\nexit %ld\ngetppid %ld\n", n, n + 1, n);
}

static void brackets(long n)
{
	for (long i = 0; i < n; i++) {
		PISTE(bracket, before, i);
		syscall(SYS_getppid);
		PISTE(bracket, after, i);
	}
	printf("brackets %ld\n", n);
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? atol(argv[2]) : 0;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "calls")) {
		calls(n, argc > 3 ? atoi(argv[3]) : 1);
	} else if (!strcmp(argv[1], "forks")) {
		forks((int)n);
	} else if (!strcmp(argv[1], "execs")) {
		execs(argv[0], n);
	} else if (!strcmp(argv[1], "shorts")) {
		shorts(n);
	} else if (!strcmp(argv[1], "brackets")) {
		brackets(n);
	} else if (!strcmp(argv[1], "sleep")) {
		usleep((useconds_t)n * 1000);
		calls(1000, 1);
	} else {
		return 2;
	}
	return 0;
}
