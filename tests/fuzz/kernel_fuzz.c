/* SPDX-License-Identifier: MIT */
/*
 * A ring that holds anything: what comes out are whole records of known
 * events, in the order of time, and all bytes are taken.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fake_kern.h"
#include "session/kernel.h"

static const struct kern_field fields[] = {
	{.name = "fd", .kind = KERN_INTEGER, .size = 4},
	{.name = "name", .kind = KERN_TEXT},
	{.name = "data", .kind = KERN_BYTES},
	{.name = "list", .kind = KERN_SEQUENCE, .size = 8},
	{.name = "comm", .kind = KERN_CHARS, .count = 4},
};
static const struct kern_event events[] = {
	{.id = 0, .name = "a:fixed", .fields = fields, .n_fields = 1},
	{.id = 1, .name = "a:all", .fields = fields, .n_fields = 5},
	{.id = 2, .name = "a:none"},
};

static void check_packet(const struct packet *p)
{
	uint64_t last = p->begin, time, n = 0;
	uint16_t id, size;

	for (uint32_t at = 0; at < p->size; at += PISTE_RECORD_ALIGN(size)) {
		memcpy(&id, p->data + at, 2);
		memcpy(&size, p->data + at + 2, 2);
		memcpy(&time, p->data + at + 4, 8);
		assert(id < 3 && size >= KERN_RECORD_HEAD && at + size <= p->size);
		assert(time >= last && time <= p->end);
		last = time;
		n++;
	}
	assert(n == p->events);
	packet_release(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct piste_session session = {0};
	struct wants wants = {.session = &session};
	struct kernel_options options = {.ring_bytes = FAKE_RING};
	struct kern *kern;
	struct kernel *k;
	struct model m;
	struct packet p;
	int got;

	if (model_init(&m, 1, &wants, "fuzz", false))
		abort();
	kern = fake_kern(events, 3);
	if (kernel_new(&k, kern, &m, &options, NULL))
		abort();
	/* its own allocation, so that the sanitizer sees the first byte too much */
	for (unsigned i = 0; i < FAKE_CPUS; i++) {
		size_t half = size / 2 / 8 * 8;

		free(kern->cpus[i].bytes);
		kern->cpus[i].bytes = malloc(half + !half);
		if (!kern->cpus[i].bytes)
			abort();
		memcpy(kern->cpus[i].bytes, data + i * half, half);
		kern->cpus[i].head = half;
	}
	while ((got = kernel_take(k, COLLECT_PARTIAL, &p)) > 0)
		check_packet(&p);
	assert(got == 0);
	for (unsigned i = 0; i < FAKE_CPUS; i++)
		assert(kern->cpus[i].tail == 0 && kern->cpus[i].head == 0);
	kernel_free(k);
	kern_free(kern);
	model_fini(&m);
	return 0;
}
