/* SPDX-License-Identifier: MIT */
/*
 * chunk - memory for records, leased from the pool by one writer at a time.
 *
 * A chunk starts with a little memory and gets more as it fills, so that a
 * thousand threads that trace a little take little. Memory is populated before
 * a site sees it: a page fault costs more than five hundred records, and one
 * that cannot be satisfied would kill the program.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "probe/probe.h"
#include "probe/sys.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct piste_chunk piste_chunk_none;

static uint32_t chunk_index(const struct piste_chunk *chunk)
{
	struct piste_pool *pool = piste_local.pool;

	return (uint32_t)(((const char *)chunk - (char *)pool - pool->chunks_offset) /
			  pool->chunk_size);
}

/* Counts `bytes` as used; false, and nothing is counted, when that is over the budget. */
static bool budget_take(uint32_t bytes)
{
	struct piste_pool *pool = piste_local.pool;
	uint64_t budget = __atomic_load_n(&pool->budget_bytes, __ATOMIC_RELAXED);

	if (__atomic_add_fetch(&pool->used_bytes, bytes, __ATOMIC_RELAXED) <= budget)
		return true;
	__atomic_sub_fetch(&pool->used_bytes, bytes, __ATOMIC_RELAXED);
	return false;
}

static void budget_give(uint32_t bytes)
{
	__atomic_sub_fetch(&piste_local.pool->used_bytes, bytes, __ATOMIC_RELAXED);
}

/* Gives [from, to) of the chunk memory, for good. */
static bool populate(uint32_t index, uint32_t from, uint32_t to)
{
	struct piste_pool *pool = piste_local.pool;
	char *base = (char *)pool_chunk(index);
	long result;

	if (piste_local.populated[index] >= to / CHUNK_FIRST_STEP)
		return true;
	if (pool->page_size > CHUNK_FIRST_STEP) { /* whole pages */
		from = 0;
		to = pool->chunk_size;
	}
	result = SYS_CALL(SYS_madvise, base + from, to - from, MADV_POPULATE_WRITE);
	if (result == -EINVAL && pool_descriptor_is_ours()) /* before Linux 5.14 */
		result = SYS_CALL(SYS_fallocate, piste_local.fd, 0,
				  pool->chunks_offset + (uint64_t)index * pool->chunk_size + from,
				  to - from);
	if (sys_failed(result))
		return false;
	__atomic_store_n(&piste_local.populated[index], (uint16_t)(to / CHUNK_FIRST_STEP),
			 __ATOMIC_RELAXED);
	return true;
}

/* A tracer may arrive at the same time: it counts itself and then sweeps the limits, we store a
 * limit and then look whether there is one. */
static void set_limit(struct piste_chunk *chunk, uint32_t limit)
{
	__atomic_store_n(&chunk->limit, limit, __ATOMIC_RELAXED);
	if (chunk->cpu || chunk->clock != PISTE_CLOCK_TICKS)
		limit = 0;
	__atomic_store_n(&chunk->fast_limit, limit, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&piste_local.tracers, __ATOMIC_SEQ_CST))
		__atomic_store_n(&chunk->fast_limit, 0, __ATOMIC_RELAXED);
}

void chunks_slow_down(void)
{
	struct piste_pool *pool = piste_local.pool;

	for (uint32_t i = 0; i < pool->chunk_count; i++)
		if (__atomic_load_n(&piste_local.populated[i], __ATOMIC_RELAXED))
			__atomic_store_n(&pool_chunk(i)->fast_limit, 0, __ATOMIC_SEQ_CST);
}

static bool extend(struct piste_chunk *chunk)
{
	uint32_t limit = chunk->limit;

	if (limit >= chunk->size || !budget_take(limit))
		return false;
	if (!populate(chunk_index(chunk), limit, 2 * limit)) {
		budget_give(limit);
		return false;
	}
	set_limit(chunk, 2 * limit);
	return true;
}

/*
 * Hands a chunk over to the sessions that are active, or frees it when there
 * are none or nothing is in it.
 *
 * A session may leave at the same time: it clears its bit in `active` and then
 * sweeps the states. Either it sees our state, or we see its bit gone.
 */
void chunk_finish(struct piste_chunk *chunk)
{
	struct piste_pool *pool = piste_local.pool;
	uint32_t *state = pool_state(chunk_index(chunk)), pending, now, left;
	/* atomic: in a dead thread's chunk they were stored by that thread */
	uint32_t limit = __atomic_load_n(&chunk->limit, __ATOMIC_RELAXED);

	pending = __atomic_load_n(&pool->active, __ATOMIC_SEQ_CST) & PISTE_CHUNK_PENDING;
	if (__atomic_load_n(&chunk->committed, __ATOMIC_ACQUIRE) <= PISTE_CHUNK_HEADER)
		pending = 0;
	now = pending ? PISTE_CHUNK_FULL | pending : PISTE_CHUNK_FREE;
	if (!pending)
		budget_give(limit);
	/* release: pairs with the acquire of whoever leases or reads the chunk next */
	__atomic_store_n(state, now, __ATOMIC_SEQ_CST);
	left = pending & ~__atomic_load_n(&pool->active, __ATOMIC_SEQ_CST);
	while (left) {
		uint32_t next = now & ~left;

		if (!(next & PISTE_CHUNK_PENDING))
			next = PISTE_CHUNK_FREE;
		if (!(now & left))
			break;
		if (__atomic_compare_exchange_n(state, &now, next, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST)) {
			if (next == PISTE_CHUNK_FREE)
				budget_give(limit);
			break;
		}
		if (!(now & PISTE_CHUNK_FULL))
			break;
	}
	if (!pending || left)
		__atomic_add_fetch(&pool->freed, 1, __ATOMIC_RELEASE);
	__atomic_add_fetch(&pool->finished, 1, __ATOMIC_RELEASE);
}

/* Chunks of threads that are gone and could not give them back. One that is LEASED has its tid;
 * should it change hands while we look, the number of the lease is another. */
static void reclaim(void)
{
	struct piste_pool *pool = piste_local.pool;

	for (uint32_t i = 0; i < pool->chunk_count; i++) {
		struct piste_chunk *chunk = pool_chunk(i);
		uint32_t leased = __atomic_load_n(pool_state(i), __ATOMIC_ACQUIRE);

		if (!(leased & PISTE_CHUNK_LEASED) ||
		    thread_is_alive(__atomic_load_n(&chunk->tid, __ATOMIC_RELAXED)))
			continue;
		/* FULL with no session is nobody's state: it marks the chunk as ours alone */
		if (__atomic_compare_exchange_n(pool_state(i), &leased, PISTE_CHUNK_FULL, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			chunk_finish(chunk);
	}
}

static struct piste_chunk *take_free(struct thread *thread, uint32_t level, uint32_t index)
{
	struct piste_pool *pool = piste_local.pool;
	struct piste_chunk *chunk = pool_chunk(index);
	struct piste_writer *writer = pool_writer(thread->index);
	uint32_t number;

	if (!populate(index, 0, CHUNK_FIRST_STEP)) {
		__atomic_store_n(pool_state(index), PISTE_CHUNK_FREE, __ATOMIC_RELEASE);
		return NULL;
	}
	__atomic_store_n(&chunk->committed, PISTE_CHUNK_HEADER, __ATOMIC_RELAXED);
	chunk->magic = PISTE_CHUNK_MAGIC;
	chunk->abi = PISTE_POOL_ABI;
	chunk->clock = (uint8_t)pool->clock;
	chunk->level = (uint8_t)level;
	chunk->pid = pool->pid;
	__atomic_store_n(&chunk->tid, thread->tid, __ATOMIC_RELAXED); /* see reclaim() */
	chunk->created = pool->created;
	chunk->sequence = __atomic_fetch_add(&writer->sequence, 1, __ATOMIC_RELAXED);
	chunk->writer = thread->index;
	chunk->cpu = !!(__atomic_load_n(&pool->flags, __ATOMIC_RELAXED) & PISTE_SESSION_CPU);
	chunk->size = pool->chunk_size;
	SYS_CALL(SYS_prctl, PR_GET_NAME, chunk->comm);
	set_limit(chunk, CHUNK_FIRST_STEP);
	chunk->begin = probe_clock();
	/* release: pairs with the acquire of recorders, which read no chunk before */
	number = __atomic_add_fetch(&piste_local.leases, 1, __ATOMIC_RELAXED);
	__atomic_store_n(pool_state(index), PISTE_CHUNK_LEASE(number), __ATOMIC_RELEASE);
	return chunk;
}

static struct piste_chunk *lease(struct thread *thread, uint32_t level)
{
	struct piste_pool *pool = piste_local.pool;
	uint32_t freed = __atomic_load_n(&pool->freed, __ATOMIC_ACQUIRE);

	if (pool->announce_pending)
		pool_announce();
	for (int attempt = 0; attempt < 2; attempt++) {
		if (budget_take(CHUNK_FIRST_STEP)) {
			for (uint32_t i = 0; i < pool->chunk_count; i++) {
				uint32_t *state = pool_state(i), expected = PISTE_CHUNK_FREE;
				struct piste_chunk *chunk;

				if (__atomic_load_n(state, __ATOMIC_RELAXED) != PISTE_CHUNK_FREE ||
				    !__atomic_compare_exchange_n(
					    state, &expected, PISTE_CHUNK_TAKEN, false,
					    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
					continue;
				chunk = take_free(thread, level, i);
				if (!chunk)
					break;
				thread->starved = 0;
				return chunk;
			}
			budget_give(CHUNK_FIRST_STEP);
		}
		if (attempt == 0)
			reclaim();
	}
	thread->starved = 1;
	thread->starved_at = freed;
	return NULL;
}

static bool has_room(const struct piste_chunk *chunk, uint32_t need)
{
	return chunk->committed + need + (chunk->cpu ? 4 : 0) <= chunk->limit;
}

/* With signals blocked: a handler that never returns would take a chunk along. */
static struct piste_chunk *make_room(struct thread *thread, uint32_t level, uint32_t need)
{
	struct piste_chunk *chunk = thread->chunks[level];

	if (!thread->tid) /* a handler forked, and this is the child */
		return NULL;
	for (int leased = 0;;) {
		if (chunk != &piste_chunk_none) {
			if (has_room(chunk, need))
				break;
			if (extend(chunk))
				continue;
			if (leased) /* more than a chunk, or no memory */
				return NULL;
			thread->chunks[level] = &piste_chunk_none;
			if (level == 0)
				thread->site.chunk = &piste_chunk_none;
			chunk_finish(chunk);
		}
		chunk = lease(thread, level);
		if (!chunk)
			return NULL;
		thread->chunks[level] = chunk;
		if (level == 0)
			thread->site.chunk = chunk;
		leased = 1;
	}
	return chunk;
}

struct piste_chunk *chunk_with_room(struct thread *thread, uint32_t level, uint32_t need)
{
	struct piste_chunk *chunk = thread->chunks[level];
	uint64_t mask;

	if (chunk && has_room(chunk, need))
		return chunk;
	/* nothing was freed since there was nothing: do not look again for every record */
	if (chunk == &piste_chunk_none && thread->starved &&
	    thread->starved_at == __atomic_load_n(&piste_local.pool->freed, __ATOMIC_ACQUIRE) &&
	    ++thread->starved_count % 4096)
		return NULL;
	mask = signals_block();
	chunk = make_room(thread, level, need);
	signals_restore(mask);
	return chunk;
}
