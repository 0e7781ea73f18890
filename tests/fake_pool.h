/* SPDX-License-Identifier: MIT */
#ifndef PISTE_TESTS_FAKE_POOL_H
#define PISTE_TESTS_FAKE_POOL_H

/*
 * fake_pool - a small pool as libpiste makes it, by hand: one object with
 * three events, FAKE_CHUNKS chunks that are free.
 *
 *	id 0  shop:tick	 i: u64			20 bytes a record
 *	id 1  shop:name	 name: string
 *	id 2  shop:list	 list: sequence of u32
 */

#include <stdlib.h>
#include <string.h>

#include "piste/wire/pool.h"
#include "site_maker.h"

enum {
	FAKE_CHUNKS = 4,
	FAKE_CHUNK_SIZE = 4096,
	FAKE_WRITERS = 2,
	FAKE_OBJECTS = 32768,
	FAKE_GATES = 4096,
	FAKE_GATES_AT = 65536,
	FAKE_OBJECTS_AT = 32768,
	FAKE_WRITERS_AT = FAKE_GATES_AT + FAKE_GATES,
	FAKE_STATES_AT = FAKE_WRITERS_AT + 4096,
	FAKE_CHUNKS_AT = FAKE_STATES_AT + 4096,
	FAKE_SIZE = FAKE_CHUNKS_AT + FAKE_CHUNKS * FAKE_CHUNK_SIZE,
};

static inline struct piste_pool *fake_header(uint8_t *pool)
{
	return (struct piste_pool *)(void *)pool;
}

static inline uint32_t *fake_state(uint8_t *pool, unsigned chunk)
{
	return (uint32_t *)(void *)(pool + FAKE_STATES_AT) + chunk;
}

static inline struct piste_chunk *fake_chunk(uint8_t *pool, unsigned chunk)
{
	return (struct piste_chunk *)(void *)(pool + FAKE_CHUNKS_AT + chunk * FAKE_CHUNK_SIZE);
}

static inline struct piste_writer *fake_writer(uint8_t *pool, unsigned writer)
{
	return (struct piste_writer *)(void *)(pool + FAKE_WRITERS_AT) + writer;
}

static inline void fake_add_site(uint8_t *object, uint32_t *at, const struct made *site,
				 uint16_t id)
{
	struct piste_site_record record = {
		.size = (uint32_t)((sizeof(record) + site->len + 7) & ~(size_t)7),
	};

	memcpy(object + *at, &record, sizeof(record));
	memcpy(object + *at + sizeof(record), site->bytes, site->len);
	((struct piste_site *)(void *)(object + *at + sizeof(record)))->id = id;
	*at += record.size;
}

static inline void fake_add_object(uint8_t *pool)
{
	uint8_t *object = pool + FAKE_OBJECTS_AT;
	static struct made site;
	struct piste_object_record r = {
		.live = 1,
		.gates_offset = FAKE_GATES_AT,
		.gate_count = 3,
		.site_count = 3,
		.build_id_size = 20,
		.gate_sites_offset = sizeof(r),
		.sites_offset = sizeof(r) + 16,
		.base = 0x400000,
		.path = "/bin/shop",
	};
	uint32_t at = r.sites_offset;

	for (uint32_t i = 0; i < 3; i++)
		memcpy(object + r.gate_sites_offset + 4 * i, &i, 4);
	MAKE_SITE(&site, PISTE_SITE_EVENT, "shop:tick", "i", "", PISTE_T_U64);
	fake_add_site(object, &at, &site, 0);
	MAKE_SITE(&site, PISTE_SITE_EVENT, "shop:name", "name", "", PISTE_T_STRING);
	fake_add_site(object, &at, &site, 1);
	MAKE_SITE(&site, PISTE_SITE_EVENT, "shop:list", "PISTE_ARRAY(list, n)", "",
		  PISTE_CODE(PISTE_T_U32, PISTE_S_SEQUENCE, 0));
	fake_add_site(object, &at, &site, 2);
	r.types_offset = at;
	r.size = at;
	memcpy(object, &r, sizeof(r));
	fake_header(pool)->objects_used = at;
	fake_header(pool)->object_count = 1;
	fake_header(pool)->event_count = 3;
}

/* FAKE_SIZE bytes, page-aligned; free() them. `created`: its clock (MONOTONIC ns) then. */
static inline uint8_t *fake_pool(uint64_t created)
{
	uint8_t *pool = aligned_alloc(4096, FAKE_SIZE);
	struct piste_pool *h = fake_header(pool);

	memset(pool, 0, FAKE_SIZE);
	*h = (struct piste_pool){
		.magic = PISTE_POOL_MAGIC,
		.abi = PISTE_POOL_ABI,
		.header_bytes = sizeof(*h),
		.size_bytes = FAKE_SIZE,
		.objects_offset = FAKE_OBJECTS_AT,
		.objects_size = FAKE_OBJECTS,
		.gates_offset = FAKE_GATES_AT,
		.gates_size = FAKE_GATES,
		.writers_offset = FAKE_WRITERS_AT,
		.states_offset = FAKE_STATES_AT,
		.chunks_offset = FAKE_CHUNKS_AT,
		.writer_count = FAKE_WRITERS,
		.chunk_count = FAKE_CHUNKS,
		.chunk_size = FAKE_CHUNK_SIZE,
		.page_size = 4096,
		.pid = 4242,
		.created = created,
		.clock = PISTE_CLOCK_MONOTONIC,
		.budget_bytes = 2 * FAKE_CHUNK_SIZE,
		.comm = "shop",
		.exe = "/bin/shop",
		.cmdline = "shop\0--open",
		.cmdline_size = 12,
	};
	fake_add_object(pool);
	return pool;
}

/* A chunk of thread `tid` begins. */
static inline struct piste_chunk *fake_lease(uint8_t *pool, unsigned chunk, uint32_t tid,
					     uint64_t begin)
{
	struct piste_chunk *c = fake_chunk(pool, chunk);
	struct piste_writer *w = fake_writer(pool, 0);

	*c = (struct piste_chunk){
		.magic = PISTE_CHUNK_MAGIC,
		.abi = PISTE_POOL_ABI,
		.clock = PISTE_CLOCK_MONOTONIC,
		.pid = fake_header(pool)->pid,
		.tid = tid,
		.created = fake_header(pool)->created,
		.begin = begin,
		.sequence = w->sequence++,
		.comm = "shop-worker",
		.committed = PISTE_CHUNK_HEADER,
		.limit = FAKE_CHUNK_SIZE,
		.size = FAKE_CHUNK_SIZE,
	};
	w->tid = tid;
	fake_header(pool)->used_bytes += FAKE_CHUNK_SIZE;
	*fake_state(pool, chunk) = PISTE_CHUNK_LEASED;
	return c;
}

static inline void fake_record(struct piste_chunk *c, uint16_t id, uint64_t ticks,
			       const void *payload, size_t size)
{
	struct piste_record r = {
		.id = id,
		.size = (uint16_t)(PISTE_RECORD_HEADER + size),
		.ticks_low = (uint32_t)ticks,
		.ticks_high = (uint32_t)(ticks >> 32),
	};
	uint8_t *at = (uint8_t *)c + c->committed;

	memcpy(at, &r, PISTE_RECORD_HEADER);
	memcpy(at + PISTE_RECORD_HEADER, payload, size);
	c->committed += PISTE_RECORD_ALIGN((uint32_t)r.size);
}

static inline void fake_tick(struct piste_chunk *c, uint64_t ticks, uint64_t i)
{
	fake_record(c, 0, ticks, &i, sizeof(i));
}

static inline void fake_full(uint8_t *pool, unsigned chunk, uint32_t sessions)
{
	__atomic_store_n(fake_state(pool, chunk), PISTE_CHUNK_FULL | sessions, __ATOMIC_SEQ_CST);
	fake_header(pool)->finished++;
}

#endif
