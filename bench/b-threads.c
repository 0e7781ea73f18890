/* SPDX-License-Identifier: MIT */
/*
 * threads - many threads that each trace a little, all alive at once:
 *	b-threads THREADS EVENTS
 * prints what process.h says while they are, and {"events":emitted}.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "loop.h"
#include "process.h"

static pthread_barrier_t traced, leave;
static int64_t events;

static void *trace(void *arg)
{
	(void)arg;
	for (int64_t i = 0; i < events; i++)
		SITE_INT(i);
	pthread_barrier_wait(&traced);
	pthread_barrier_wait(&leave);
	return NULL;
}

int main(int argc, char **argv)
{
	int threads = argc > 2 ? atoi(argv[1]) : 0;
	pthread_attr_t attr;

	if (threads <= 0)
		return 2;
	events = atoll(argv[2]);
	pthread_barrier_init(&traced, NULL, (unsigned)threads + 1);
	pthread_barrier_init(&leave, NULL, (unsigned)threads + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < threads; i++) {
		pthread_t t;

		if (pthread_create(&t, &attr, trace, NULL)) {
			perror("b-threads: pthread_create");
			return 1;
		}
	}
	pthread_barrier_wait(&traced);
	process_print();
	printf("{\"events\":%lld}\n", (long long)threads * (long long)events);
	pthread_barrier_wait(&leave);
	return 0;
}
