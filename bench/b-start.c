/* SPDX-License-Identifier: MIT */
/*
 * start - how long programs take from posix_spawn to their end: each given
 * program COUNT times, in turns. Prints the medians in µs, in the order given:
 *	b-start COUNT PROGRAM…		{"start_0":…,"start_1":…}
 */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double run(char *program)
{
	char *argv[] = {program, NULL};
	double begin = now_us();
	int status;
	pid_t pid;

	if (posix_spawn(&pid, program, NULL, NULL, argv, environ) ||
	    waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "b-start: %s failed\n", program);
		exit(1);
	}
	return now_us() - begin;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[1]) : 0, programs = argc - 2;
	double *times;

	if (count <= 0)
		return 2;
	times = calloc((size_t)(programs * count), sizeof(*times));
	if (!times)
		return 1;
	for (int round = 0; round < count; round++)
		for (int i = 0; i < programs; i++)
			times[i * count + round] = run(argv[i + 2]);
	for (int i = 0; i < programs; i++) {
		double *t = times + i * count;

		qsort(t, (size_t)count, sizeof(*t), compare);
		printf("%s\"start_%d\":%.2f", i ? "," : "{", i, t[count / 2]);
	}
	puts("}");
	free(times);
	return 0;
}
