/* SPDX-License-Identifier: MIT */
/*
 * off - what a site costs that nobody records: loops with it and without, in
 * turns. Bare, and with some work in the loop, as programs have it: then the
 * load and the branch lie in its shadow.
 *
 *	{"tracer":…,"empty_ns":…,"empty_site_ns":…,"work_ns":…,"work_site_ns":…}
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "loop.h"

enum { N = 200000, ROUNDS = 501 };

static uint64_t state = 88172645463325252u;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline uint64_t work(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* All of them aligned alike: else a loop of a cycle or two measures its place in memory. */
#define LOOP(name, body)                                                                           \
	__attribute__((noinline, noclone, aligned(64), optimize("align-loops=64"))) static void    \
	name(int64_t n)                                                                            \
	{                                                                                          \
		uint64_t x = state;                                                                \
		for (int64_t i = 0; i < n; i++) {                                                  \
			body;                                                                      \
			__asm__ volatile("" : "+r"(x) : "r"(i));                                   \
		}                                                                                  \
		state = x;                                                                         \
	}

LOOP(loop_empty, (void)0)
LOOP(loop_empty_site, SITE_NEVER(i))
LOOP(loop_work, x = work(x))
LOOP(loop_work_site, {
	x = work(x);
	SITE_NEVER((int64_t)x);
})

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*loop)(int64_t n);
	} loops[] = {
		{"empty_ns", loop_empty},
		{"empty_site_ns", loop_empty_site},
		{"work_ns", loop_work},
		{"work_site_ns", loop_work_site},
	};
	enum { LOOPS = sizeof(loops) / sizeof(loops[0]) };
	static double times[LOOPS][ROUNDS];

	for (int round = -2; round < ROUNDS; round++)
		for (int i = 0; i < LOOPS; i++) {
			double begin = now_ns();

			loops[i].loop(N);
			if (round >= 0)
				times[i][round] = (now_ns() - begin) / N;
		}
	printf("{\"tracer\":\"%s\"", TRACER);
	for (int i = 0; i < LOOPS; i++) {
		qsort(times[i], ROUNDS, sizeof(double), compare);
		printf(",\"%s\":%.4f", loops[i].name, times[i][ROUNDS / 2]);
	}
	puts("}");
	return 0;
}
