/* SPDX-License-Identifier: MIT */
#ifndef PISTE_TESTS_PROBE_SESSION_H
#define PISTE_TESTS_PROBE_SESSION_H

/* session - a session of this very process, without a recorder, and what one does with chunks. */

#include <piste/piste.h>

#include "probe/probe.h"
#include "tap.h"

/* Each test is a forked child: its pool is new. Returns the slot. */
static inline int session_begin(uint64_t budget_bytes)
{
	struct piste_session session = {.state = PISTE_SESSION_ACTIVE,
					.magic = PISTE_SESSION_MAGIC,
					.level = PISTE_DEBUG,
					.rules = "*"};
	uint64_t mask = lock_acquire();
	int slot = pool_renew_after_fork();

	if (slot == 0) {
		__atomic_store_n(&piste_local.pool->budget_bytes, budget_bytes, __ATOMIC_RELAXED);
		slot = pool_claim_session(&session);
		objects_apply_sessions();
	}
	lock_release(mask);
	return slot;
}

/* As a recorder leaves: the bit, the gates, what is still to be read. */
static inline void session_end(int slot)
{
	struct piste_pool *pool = piste_local.pool;

	__atomic_and_fetch(&pool->active, ~(1u << slot), __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < pool->chunk_count; i++) {
		uint32_t now = __atomic_load_n(pool_state(i), __ATOMIC_SEQ_CST), next;

		while ((now & PISTE_CHUNK_FULL) && (now & 1u << slot)) {
			uint32_t limit = pool_chunk(i)->limit;

			next = now & ~(1u << slot);
			if (!(next & PISTE_CHUNK_PENDING))
				next = PISTE_CHUNK_FREE;
			if (!__atomic_compare_exchange_n(pool_state(i), &now, next, false,
							 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				continue;
			if (next == PISTE_CHUNK_FREE) {
				__atomic_sub_fetch(&pool->used_bytes, limit, __ATOMIC_RELAXED);
				__atomic_add_fetch(&pool->freed, 1, __ATOMIC_RELEASE);
			}
			break;
		}
	}
	__atomic_store_n(&pool->sessions[slot].state, PISTE_SESSION_FREE, __ATOMIC_RELEASE);
}

/* Hands each record of a chunk to `each`, from byte `from` on; returns where it stopped. */
static inline uint32_t chunk_read(const struct piste_chunk *chunk, uint32_t from,
				  void (*each)(void *priv, const struct piste_chunk *chunk,
					       const char *payload, uint32_t size),
				  void *priv)
{
	uint32_t committed = __atomic_load_n(&chunk->committed, __ATOMIC_ACQUIRE);

	while (from < committed) {
		const char *record = (const char *)chunk + from;
		uint16_t size;

		memcpy(&size, record + 2, 2);
		if (!CHECK(size >= PISTE_RECORD_HEADER &&
			   from + PISTE_RECORD_ALIGN(size) <= committed))
			return committed;
		each(priv, chunk, record + PISTE_RECORD_HEADER, size - PISTE_RECORD_HEADER);
		from += PISTE_RECORD_ALIGN(size);
	}
	return from;
}

static inline uint64_t session_lost(int slot)
{
	struct piste_pool *pool = piste_local.pool;
	uint64_t lost = pool->lost[slot];

	for (uint32_t i = 0; i < pool->writer_count; i++)
		lost += pool_writer(i)->lost[slot];
	return lost;
}

static inline uint32_t chunks_in(uint32_t state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < piste_local.pool->chunk_count; i++)
		n += (__atomic_load_n(pool_state(i), __ATOMIC_ACQUIRE) & state) != 0;
	return n;
}

#endif
