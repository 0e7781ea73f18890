/* SPDX-License-Identifier: MIT */
/*
 * thread - a thread's private state: claimed with its first event, given back
 * when it ends.
 *
 * Slot i of the private array goes with writer i of the pool; the writer's tid
 * says whether the slot is taken. The array lies in memory that a fork wipes
 * to zero (MADV_WIPEONFORK), which is how a child learns that nothing in it is
 * its own, without a handler and without a look at its pid.
 *
 * A thread that ends gives its chunks back through a pthread key. Where that
 * cannot be set from where we are (a signal handler may be in malloc), the
 * chunk is taken back when memory is short.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "probe/probe.h"
#include "probe/sys.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif
/* Below this glibc keeps a key's value in the thread itself, and sets it without allocating. */
#define KEYS_IN_THREAD 32

struct piste_thread piste_thread_none;
PISTE_EXPORT __thread struct piste_thread *piste_self
	__attribute__((tls_model("initial-exec"))) = &piste_thread_none;

static pthread_key_t exit_key;
static bool have_exit_key;

bool thread_is_alive(uint32_t tid)
{
	return SYS_CALL(SYS_tgkill, sys_getpid(), tid, 0) != -ESRCH;
}

static void thread_release(struct thread *thread)
{
	for (uint32_t level = 0; level < NESTING_MAX; level++) {
		struct piste_chunk *chunk = thread->chunks[level];

		thread->chunks[level] = &piste_chunk_none;
		if (chunk && chunk != &piste_chunk_none)
			chunk_finish(chunk);
	}
	thread->site.state = 0;
	thread->tid = 0;
	__atomic_store_n(&pool_writer(thread->index)->tid, 0, __ATOMIC_RELEASE);
}

static void thread_exit(void *arg)
{
	struct thread *thread = arg;

	if (piste_self != &thread->site || !thread->tid)
		return;
	/* a handler that traces from here on attaches anew, and sets the key again */
	piste_self = &piste_thread_none;
	thread_release(thread);
}

void thread_init(void)
{
	have_exit_key = pthread_key_create(&exit_key, thread_exit) == 0;
}

static struct thread *claim_slot(uint32_t tid)
{
	struct piste_pool *pool = piste_local.pool;

	for (uint32_t n = 0; n < pool->writer_count; n++) {
		uint32_t index = (piste_local.thread_hint + n) % pool->writer_count, expected = 0;
		struct thread *thread = &piste_local.threads[index];

		if (!__atomic_compare_exchange_n(&pool_writer(index)->tid, &expected, tid, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		piste_local.thread_hint = index + 1;
		__builtin_memset(thread, 0, sizeof(*thread));
		thread->index = index;
		thread->tid = tid;
		for (uint32_t level = 0; level < NESTING_MAX; level++)
			thread->chunks[level] = &piste_chunk_none;
		thread->site.chunk = &piste_chunk_none;
		return thread;
	}
	return NULL;
}

/* Slots of threads that are gone and could not give them back. */
static void reclaim_slots(void)
{
	for (uint32_t i = 0; i < piste_local.pool->writer_count; i++) {
		uint32_t tid = __atomic_load_n(&pool_writer(i)->tid, __ATOMIC_ACQUIRE);

		if (tid && piste_local.threads[i].tid == tid && !thread_is_alive(tid))
			thread_release(&piste_local.threads[i]);
	}
}

struct thread *thread_attach(void)
{
	struct thread *thread = NULL;
	uint64_t mask = lock_acquire();
	uint32_t tid = sys_gettid();

	if (!piste_local.pool)
		goto out;
	if (pool_is_inherited() && pool_renew_after_fork())
		goto out;
	/* a handler may have been here between the site's look and the lock */
	if (piste_self->state == PISTE_THREAD_IDLE) {
		thread = (struct thread *)piste_self;
		goto out;
	}
	thread = claim_slot(tid);
	if (!thread) {
		reclaim_slots();
		thread = claim_slot(tid);
	}
	if (!thread) {
		piste_self = &piste_thread_none;
		goto out;
	}
	thread->site.state = PISTE_THREAD_IDLE;
	piste_self = &thread->site;
	if (have_exit_key && (unsigned)exit_key < KEYS_IN_THREAD)
		pthread_setspecific(exit_key, thread);
out:
	lock_release(mask);
	return thread;
}
