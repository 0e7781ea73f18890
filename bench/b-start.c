/* SPDX-License-Identifier: MIT */
/*
 * start - how much longer a program takes from posix_spawn to its end than
 * another: pairs, COUNT times each, in turns. Prints for each pair in µs the
 * median of the first and the median of what the second took longer than the
 * first that ran just before it:
 *	b-start COUNT [BARE TRACED]…	{"bare_0":…,"added_0":…,"bare_1":…}
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
	int count = argc > 3 ? atoi(argv[1]) : 0, pairs = (argc - 2) / 2;
	double *bare, *added;

	if (count <= 0 || argc % 2)
		return 2;
	bare = calloc((size_t)(2 * pairs * count), sizeof(*bare));
	if (!bare)
		return 1;
	added = bare + pairs * count;
	for (int round = 0; round < count; round++)
		for (int i = 0; i < pairs; i++) {
			int at = i * count + round;

			bare[at] = run(argv[2 * i + 2]);
			added[at] = run(argv[2 * i + 3]) - bare[at];
		}
	for (int i = 0; i < pairs; i++) {
		qsort(bare + i * count, (size_t)count, sizeof(*bare), compare);
		qsort(added + i * count, (size_t)count, sizeof(*added), compare);
		printf("%s\"bare_%d\":%.2f,\"added_%d\":%.2f", i ? "," : "{", i,
		       bare[i * count + count / 2], i, added[i * count + count / 2]);
	}
	puts("}");
	free(bare);
	return 0;
}
