/* SPDX-License-Identifier: MIT */
/*
 * loop - nanoseconds an event, timed in the program.
 *
 *	b-loop [-e one|three|call] [-n EVENTS] [-r ROUNDS] [-t THREADS] [-p PAUSE_US]
 *	       [-c CPU] [-s SESSIONS] [-q]
 *
 * A round is a burst of EVENTS between two clock reads, and just before it as
 * many empty and rdtsc rounds of the same loop: so floor and event see the same
 * frequency and the same neighbours. A burst fits the buffers and fills several
 * chunks; a pause lets the recorder catch up. With -q there is no floor, only
 * bursts and pauses, and what is lost says whether the recorder kept pace.
 * Prints the medians of all rounds, and what the whole run sustained:
 *	{"tracer":…,"events":emitted,"event_ns":…,"rdtsc_ns":…,"empty_ns":…,"ratio":…,"per_s":…}
 *
 * Without -s the burst begins at once. With it, the program waits until that
 * many recordings read it, runs, prints, and waits for a line on stdin that
 * holds the next number; end of file ends it.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "pool.h"

enum { WARM = 2 }; /* rounds that are not counted: the first touch of memory */

struct sample {
	double event, rdtsc, empty;
};

static struct {
	void (*loop)(int64_t n);
	int64_t n;
	int rounds, threads, pause_us, cpu, no_floor;
	pthread_barrier_t barrier;
} plan = {.n = 20000, .rounds = 200, .threads = 1, .pause_us = 4000, .cpu = -1};

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The compiler may neither unroll nor drop a round, nor turn two into one. */
#define LOOP(name, body)                                                                           \
	__attribute__((noinline, noclone, aligned(64))) static void name(int64_t n)                \
	{                                                                                          \
		for (int64_t i = 0; i < n; i++) {                                                  \
			body;                                                                      \
			__asm__ volatile("" : : "r"(i) : "memory");                                \
		}                                                                                  \
	}

LOOP(loop_empty, (void)0)
LOOP(loop_one, SITE_INT(i))
LOOP(loop_three, SITE_THREE(i))

/* What a uprobe is put on. */
__attribute__((noinline, noclone, used)) void bench_function(int64_t n);
void bench_function(int64_t n)
{
	__asm__ volatile("" : : "r"(n));
}
LOOP(loop_call, bench_function(i))

#if defined(__x86_64__)
LOOP(loop_rdtsc, (void)__builtin_ia32_rdtsc())
#else
LOOP(loop_rdtsc, {
	uint64_t t;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
})
#endif

/*
 * With more threads than CPUs to spare the recorder takes turns with us: then a
 * thread's own CPU time is what the events cost the program.
 */
static double time_loop(void (*loop)(int64_t), clockid_t clock)
{
	int64_t begin = now_ns(clock);

	loop(plan.n);
	return (double)(now_ns(clock) - begin) / (double)plan.n;
}

static void *run_thread(void *arg)
{
	struct sample *samples = arg;
	clockid_t clock = plan.threads > 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;

	for (int i = 0; i < plan.rounds + WARM; i++) {
		struct sample s = {0};

		if (plan.pause_us)
			usleep((useconds_t)plan.pause_us);
		if (!plan.no_floor) {
			pthread_barrier_wait(&plan.barrier);
			s.empty = time_loop(loop_empty, clock);
			s.rdtsc = time_loop(loop_rdtsc, clock);
		}
		s.event = time_loop(plan.loop, clock);
		if (i >= WARM)
			samples[i - WARM] = s;
	}
	return NULL;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const struct sample *samples, int n, double (*of)(const struct sample *))
{
	double values[n];

	for (int i = 0; i < n; i++)
		values[i] = of(&samples[i]);
	qsort(values, (size_t)n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double of_event(const struct sample *s)
{
	return s->event;
}

static double of_rdtsc(const struct sample *s)
{
	return s->rdtsc;
}

static double of_empty(const struct sample *s)
{
	return s->empty;
}

static double of_ratio(const struct sample *s)
{
	return s->rdtsc > 0 ? s->event / s->rdtsc : 0;
}

static void run(void)
{
	int n = plan.threads * plan.rounds;
	struct sample *samples = calloc((size_t)n, sizeof(*samples));
	pthread_t threads[plan.threads];
	int64_t begin = now_ns(CLOCK_MONOTONIC), elapsed, emitted;

	if (!samples)
		exit(1);
	pthread_barrier_init(&plan.barrier, NULL, (unsigned)plan.threads);
	for (int i = 1; i < plan.threads; i++)
		if (pthread_create(&threads[i], NULL, run_thread, samples + i * plan.rounds))
			exit(1);
	run_thread(samples);
	for (int i = 1; i < plan.threads; i++)
		pthread_join(threads[i], NULL);
	elapsed = now_ns(CLOCK_MONOTONIC) - begin;
	emitted = plan.n * plan.threads * (plan.rounds + WARM);
	printf("{\"tracer\":\"%s\",\"events\":%lld,\"event_ns\":%.2f,\"rdtsc_ns\":%.2f,"
	       "\"empty_ns\":%.3f,\"ratio\":%.3f,\"per_s\":%.0f}\n",
	       TRACER, (long long)emitted, median(samples, n, of_event),
	       median(samples, n, of_rdtsc), median(samples, n, of_empty),
	       median(samples, n, of_ratio), (double)emitted * 1e9 / (double)elapsed);
	fflush(stdout);
	free(samples);
}

static const struct {
	const char *name;
	void (*loop)(int64_t n);
} loops[] = {{"one", loop_one}, {"three", loop_three}, {"call", loop_call}};

int main(int argc, char **argv)
{
	const char *event = "one";
	int sessions = -1, option;
	char line[32];

	while ((option = getopt(argc, argv, "e:n:r:t:p:c:s:q")) != -1)
		switch (option) {
		case 'e':
			event = optarg;
			break;
		case 'n':
			plan.n = atoll(optarg);
			break;
		case 'r':
			plan.rounds = atoi(optarg);
			break;
		case 't':
			plan.threads = atoi(optarg);
			break;
		case 'p':
			plan.pause_us = atoi(optarg);
			break;
		case 'c':
			plan.cpu = atoi(optarg);
			break;
		case 'q':
			plan.no_floor = 1;
			break;
		case 's':
			sessions = atoi(optarg);
			break;
		default:
			return 2;
		}
	if (plan.n <= 0 || plan.rounds <= 0 || plan.threads <= 0)
		return 2;
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		if (!strcmp(event, loops[i].name))
			plan.loop = loops[i].loop;
	if (!plan.loop)
		return 2;
	if (plan.cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(plan.cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	if (sessions < 0) {
		run();
		return 0;
	}
	printf("{\"ready\":%d}\n", (int)getpid());
	fflush(stdout);
	do {
		pool_wait_for_sessions(sessions);
		run();
		if (!fgets(line, sizeof(line), stdin))
			break;
		sessions = atoi(line);
	} while (sessions >= 0);
	return 0;
}
