/* SPDX-License-Identifier: MIT */
/*
 * A hostile process: the input patches a good pool, before the recorder opens
 * it, before it attaches, and again between its looks at it.
 *
 * Input: patches of {u8 when, u8 size, u8 region, u16 offset, bytes}; `when` is
 * the step before which the patch is applied.
 */
#include <assert.h>

#include "base/clock.h"
#include "fake_pool.h"
#include "session/process.h"

enum { STEPS = 8, PACKETS_MAX = 64 };

/* Where something is read from. */
static const struct {
	uint32_t at, size;
} regions[] = {
	{0, 1104}, /* the header */
	{1104, PISTE_SESSIONS_MAX * sizeof(struct piste_session)},
	{FAKE_OBJECTS_AT, sizeof(struct piste_object_record)},
	{FAKE_OBJECTS_AT, 1024},
	{FAKE_GATES_AT, 32},
	{FAKE_WRITERS_AT, FAKE_WRITERS * sizeof(struct piste_writer)},
	{FAKE_STATES_AT, FAKE_CHUNKS * 4},
	{FAKE_CHUNKS_AT, 384},
	{FAKE_CHUNKS_AT + FAKE_CHUNK_SIZE, 256},
	{FAKE_CHUNKS_AT + 2 * FAKE_CHUNK_SIZE, 256},
	{FAKE_CHUNKS_AT, FAKE_CHUNKS *FAKE_CHUNK_SIZE},
};

struct input {
	const uint8_t *data;
	size_t size;
};

static void patch(uint8_t *pool, const struct input *in, unsigned step)
{
	for (size_t at = 0; in->size - at >= 5;) {
		const uint8_t *p = in->data + at;
		size_t size = p[1] % 32, region = p[2] % (sizeof(regions) / sizeof(*regions));
		size_t offset = regions[region].at + (p[3] | p[4] << 8) % regions[region].size;

		at += 5;
		if (size > in->size - at)
			return;
		if (p[0] % STEPS == step && size <= FAKE_SIZE - offset)
			memcpy(pool + offset, p + 5, size);
		at += size;
	}
}

/* All of a packet must be readable; nothing is said about what it holds. */
static void read_packet(const struct packet *p)
{
	volatile uint8_t sum __attribute__((unused)) = 0;

	assert(p->begin <= p->end && p->size > 0 && p->events > 0);
	for (uint32_t i = 0; i < p->size; i++)
		sum += p->data[i];
	packet_release(p);
}

static void look(struct process *p, struct model *model, enum collect what, uint8_t *pool,
		 const struct input *in, unsigned step)
{
	struct ready_list ready = {0};
	struct packet packet;

	assert(!process_collect(p, what, &ready));
	assert(ready.len <= FAKE_CHUNKS);
	for (size_t i = 0; i < ready.len; i++) {
		patch(pool, in, step);
		if (process_take(p, ready.items[i].chunk, model, &packet, NULL) > 0)
			read_packet(&packet);
	}
	vec_fini(&ready);
	process_count_lost(p);
}

static void record(struct pool *pool, uint8_t *bytes, struct model *model, const struct input *in)
{
	struct process *p;
	struct objects o;
	int slot = pool_join(pool, model->wants.session, NULL);

	patch(bytes, in, 2);
	if (slot < 0 || process_new(&p, pool, 4242, slot, false, model, NULL)) {
		if (slot < 0)
			pool_free(pool);
		return;
	}
	p->begin = 0;
	look(p, model, COLLECT_FULL, bytes, in, 3);
	patch(bytes, in, 4);
	look(p, model, COLLECT_PARTIAL, bytes, in, 5);
	patch(bytes, in, 6);
	pool_quiet(pool, slot);
	if (process_update_table(p, model, &o, NULL) == 0)
		objects_fini(&o);
	p->is_dead = true;
	look(p, model, COLLECT_PARTIAL, bytes, in, 7);
	pool_leave(pool, slot);
	process_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct piste_session session = {
		.state = PISTE_SESSION_ACTIVE,
		.magic = PISTE_SESSION_MAGIC,
		.id = 77,
		.recorder_pid = 1,
		.level = 14,
		.rules = "shop:*\0!*list\0",
	};
	struct wants wants = {.session = &session};
	struct input in = {data, size};
	uint64_t now = clock_monotonic_ns();
	uint8_t *bytes = fake_pool(now - 1000000);
	enum pool_error why;
	struct model model;
	struct piste_chunk *c;
	struct pool *pool;

	c = fake_lease(bytes, 0, 7, now - 1000);
	for (uint64_t i = 0; i < 5; i++)
		fake_tick(c, now - 900 + i, i);
	fake_record(c, 1, now - 800, "abc", 4);
	fake_full(bytes, 0, 0xffff);
	c = fake_lease(bytes, 1, 8, now - 700);
	fake_record(c, 2, now - 600, "\2\0\0\0abcdefgh", 12);
	fake_tick(c, now - 500, 1);
	patch(bytes, &in, 0);
	assert(!model_init(&model, 1, &wants, "fuzz", false));
	model.arena.limit_bytes = 256u << 20;
	if (!pool_open_bytes(&pool, bytes, FAKE_SIZE, &why, NULL)) {
		patch(bytes, &in, 1);
		record(pool, bytes, &model, &in);
	}
	model_fini(&model);
	free(bytes);
	return 0;
}
