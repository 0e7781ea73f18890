/* SPDX-License-Identifier: MIT */
#ifndef PISTE_TESTS_FAKE_KERN_H
#define PISTE_TESTS_FAKE_KERN_H

/*
 * A kernel that records what a test tells it to: kern.h over memory. A test
 * program that includes this links it instead of the real one.
 */
#include <stdlib.h>
#include <string.h>

#include "kern/kern.h"

enum { FAKE_CPUS = 2, FAKE_RING = 4 << 20 };

struct kern {
	const struct kern_event *events;
	size_t n_events;
	struct {
		uint8_t *bytes;
		size_t head, tail;
		uint64_t lost;
	} cpus[FAKE_CPUS];
	uint64_t limited, missed;
};

static inline struct kern *fake_kern(const struct kern_event *events, size_t n)
{
	struct kern *k = calloc(1, sizeof(*k));

	k->events = events;
	k->n_events = n;
	for (unsigned i = 0; i < FAKE_CPUS; i++)
		k->cpus[i].bytes = calloc(1, FAKE_RING);
	return k;
}

void kern_free(struct kern *k)
{
	for (unsigned i = 0; k && i < FAKE_CPUS; i++)
		free(k->cpus[i].bytes);
	free(k);
}

/* A record behind the others of a CPU; its size may lie. */
static inline void fake_record(struct kern *k, unsigned cpu, uint16_t id, uint64_t ns, uint32_t tid,
			       const void *payload, size_t size)
{
	uint8_t *p = k->cpus[cpu].bytes + k->cpus[cpu].head;
	uint16_t total = (uint16_t)(KERN_RECORD_HEAD + size);
	uint32_t pid = 1000;

	memcpy(p, &id, 2);
	memcpy(p + 2, &total, 2);
	memcpy(p + 4, &ns, 8);
	memcpy(p + 12, &tid, 4);
	memcpy(p + 16, &pid, 4);
	if (size)
		memcpy(p + KERN_RECORD_HEAD, payload, size);
	k->cpus[cpu].head += (total + 7u) & ~7u;
}

const struct kern_event *kern_events(const struct kern *k, size_t *n)
{
	*n = k->n_events;
	return k->events;
}

unsigned kern_streams(const struct kern *k)
{
	(void)k;
	return FAKE_CPUS;
}

unsigned kern_stream_cpu(const struct kern *k, unsigned stream)
{
	(void)k;
	return stream;
}

uint64_t kern_missed(const struct kern *k)
{
	return k->missed;
}

struct span kern_read(struct kern *k, unsigned cpu)
{
	return (struct span){k->cpus[cpu].bytes + k->cpus[cpu].tail,
			     k->cpus[cpu].head - k->cpus[cpu].tail};
}

void kern_consume(struct kern *k, unsigned cpu, size_t bytes)
{
	k->cpus[cpu].tail += bytes;
	if (k->cpus[cpu].tail == k->cpus[cpu].head)
		k->cpus[cpu].tail = k->cpus[cpu].head = 0;
}

uint64_t kern_lost(const struct kern *k, unsigned cpu)
{
	return k->cpus[cpu].lost;
}

uint64_t kern_limited(const struct kern *k)
{
	return k->limited;
}

#endif
