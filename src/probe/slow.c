/* SPDX-License-Identifier: MIT */
/*
 * slow - what a site does when its fast path cannot: the first event of a
 * thread, a full chunk, a signal handler inside a record, tracers in the
 * process, records with a CPU, a clock that is not the TSC.
 *
 * Nesting. A thread's `state` is the stack pointer of the innermost site in
 * flight. A site that finds the state not idle runs in a signal handler that
 * interrupted a site (then it gets the next of the thread's writers), or after
 * a siglongjmp out of one (then what was in flight is dead, and its level free
 * again). The stack tells which: a handler's frames lie below those that it
 * interrupted, so a site in flight whose stack pointer is not above ours is
 * dead. Only on an alternate signal stack does that comparison say nothing.
 *
 * thread->depth is the level of the site in flight, frames[n] the stack pointer
 * of the one at level n. Both are written only here: the fast path is level 0.
 */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "probe/probe.h"
#include "probe/sys.h"

uint64_t probe_clock(void)
{
	struct timespec now = {0};

	if (piste_local.pool->clock == PISTE_CLOCK_TICKS)
		return piste_ticks();
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Whether the site in flight at `frame` was left by siglongjmp, seen from `stack`. */
static bool frame_is_dead(uintptr_t frame, uintptr_t stack)
{
	stack_t alternate = {0};
	uintptr_t base;
	bool frame_on_alternate;

	if (stack < frame)
		return false;
	SYS_CALL(SYS_sigaltstack, 0, &alternate);
	base = (uintptr_t)alternate.ss_sp;
	frame_on_alternate = frame >= base && frame - base < alternate.ss_size;
	return !(alternate.ss_flags & SS_ONSTACK) || frame_on_alternate;
}

/* The level that a site at `stack` gets, NESTING_MAX when there is none; the state to put back. */
static uint32_t nesting_enter(struct thread *thread, uintptr_t stack, uintptr_t *restore)
{
	uint32_t level = thread->depth;

	thread->frames[level] = thread->site.state;
	for (level++; level > 0; level--)
		if (!frame_is_dead(thread->frames[level - 1], stack))
			break;
	*restore = level ? thread->frames[level - 1] : PISTE_THREAD_IDLE;
	if (level < NESTING_MAX)
		thread->depth = level;
	return level;
}

static void nesting_leave(struct thread *thread, uint32_t level, uintptr_t restore)
{
	thread->depth = level ? level - 1 : 0;
	PISTE_COMPILER_FENCE();
	thread->site.state = restore;
}

/* One event less for every session that would have had it. */
static void count_lost(const struct thread *thread, uint32_t gate)
{
	struct piste_pool *pool = piste_local.pool;
	uint32_t sessions;

	if (!pool)
		return;
	sessions = gate & PISTE_GATE_SESSIONS & __atomic_load_n(&pool->active, __ATOMIC_RELAXED);
	for (uint32_t i = 0; sessions >> i; i++) {
		uint64_t *lost = thread ? &pool_writer(thread->index)->lost[i] : &pool->lost[i];

		if (sessions & 1u << i)
			__atomic_add_fetch(lost, 1, __ATOMIC_RELAXED);
	}
}

static void write_header(struct piste_cursor *cursor, const struct piste_site *site, uint32_t size)
{
	const struct piste_chunk *chunk = cursor->chunk;
	uint32_t total = size + (chunk->cpu ? 4 : 0), head = site->id | total << 16, cpu = 0;
	uint64_t ticks = probe_clock();

	__builtin_memcpy(cursor->start, &head, 4);
	__builtin_memcpy(cursor->start + 4, &ticks, 8);
	if (chunk->cpu) {
		SYS_CALL(SYS_getcpu, &cpu, 0);
		__builtin_memcpy(cursor->start + PISTE_RECORD_HEADER, &cpu, 4);
	}
	cursor->end = (uint32_t)(cursor->start - (const char *)chunk) + PISTE_RECORD_ALIGN(total);
}

PISTE_EXPORT char *piste_slow_reserve(struct piste_cursor *cursor, struct piste_site *site,
				      uint32_t gate, uint32_t size, const void *stack, int taken)
{
	struct thread *thread = (struct thread *)piste_self;
	uintptr_t restore = PISTE_THREAD_IDLE;
	uint32_t level = 0;
	struct piste_chunk *chunk = NULL;

	if (!thread->tid) { /* none yet, or wiped by a fork, maybe since the site took level 0 */
		thread = thread_attach();
		taken = 0;
		if (!thread) {
			count_lost(NULL, gate);
			return NULL;
		}
	}
	if (!taken) {
		if (thread->site.state == PISTE_THREAD_IDLE)
			thread->depth = 0;
		else
			level = nesting_enter(thread, (uintptr_t)stack, &restore);
		if (level >= NESTING_MAX) {
			count_lost(thread, gate);
			return NULL;
		}
		thread->site.state = (uintptr_t)stack;
		PISTE_COMPILER_FENCE();
	}
	if (size <= PISTE_RECORD_MAX)
		chunk = chunk_with_room(thread, level, PISTE_RECORD_ALIGN(size));
	if (!chunk) {
		count_lost(thread, gate);
		nesting_leave(thread, level, restore);
		return NULL;
	}
	cursor->thread = &thread->site;
	cursor->chunk = chunk;
	cursor->restore = restore;
	cursor->site = site;
	cursor->gate = gate;
	cursor->level = level;
	cursor->start = (char *)chunk + chunk->committed;
	write_header(cursor, site, size);
	return cursor->start + PISTE_RECORD_HEADER + (chunk->cpu ? 4 : 0);
}

PISTE_EXPORT void piste_slow_commit(const struct piste_cursor *cursor)
{
	struct thread *thread = (struct thread *)cursor->thread;

	/* only tracers want it: the record is shown to them where it lies, and then forgotten */
	if (cursor->gate & PISTE_GATE_TRACER)
		tracers_call(cursor);
	if (cursor->gate & PISTE_GATE_SESSIONS)
		__atomic_store_n(&cursor->chunk->committed, cursor->end, __ATOMIC_RELEASE);
	PISTE_COMPILER_FENCE();
	nesting_leave(thread, cursor->level, cursor->restore);
}
