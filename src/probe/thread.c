/* SPDX-License-Identifier: MIT */
/*
 * thread - a thread's private state: claimed with its first event, given back
 * when it ends.
 *
 * Slot i of the private array goes with writer i of the pool; the writer's tid
 * says whether the slot is taken. The array lies in memory that a fork wipes
 * to zero (MADV_WIPEONFORK), which is how a child learns that nothing in it is
 * its own, without a look at its pid. A fork handler serves one case: a signal
 * handler that interrupted a site forks, and its child goes on with the record
 * that was in flight, which lies in its parent's chunk.
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

struct thread piste_thread_none;
PISTE_EXPORT __thread struct piste_thread *piste_self
	__attribute__((tls_model("initial-exec"))) = &piste_thread_none.site;
static __thread uintptr_t state_at_fork __attribute__((tls_model("initial-exec")));

static pthread_key_t exit_key;
static bool have_exit_key;

/* Not getpid(): a child of vfork has another, and shares these threads. */
bool thread_is_alive(uint32_t tid)
{
	uint32_t pid = pool_is_inherited() ? sys_getpid() : piste_local.pid;

	return SYS_CALL(SYS_tgkill, pid, tid, 0) != -ESRCH;
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
	__atomic_add_fetch(&piste_local.threads_released, 1, __ATOMIC_RELEASE);
}

static void thread_exit(void *arg)
{
	struct thread *thread = arg;

	if (piste_self != &thread->site || !thread->tid)
		return;
	/* a handler that traces from here on attaches anew, and sets the key again */
	piste_self = &piste_thread_none.site;
	thread_release(thread);
}

static void before_fork(void)
{
	state_at_fork = piste_self->state;
}

static void after_fork_in_child(void)
{
	uint64_t mask;

	if (state_at_fork <= PISTE_THREAD_IDLE)
		return;
	mask = lock_acquire();
	if (piste_local.pool)
		pool_renew_after_fork();
	lock_release(mask);
}

void thread_init(void)
{
	have_exit_key = pthread_key_create(&exit_key, thread_exit) == 0;
	pthread_atfork(before_fork, NULL, after_fork_in_child);
}

/* Where the archive is part of a plugin that is unloaded. */
__attribute__((destructor(101))) static void destructor(void)
{
	if (have_exit_key)
		pthread_key_delete(exit_key);
	have_exit_key = false;
}

bool threads_create(void)
{
	size_t head = sizeof(struct thread), size = head + THREADS_MAX * sizeof(struct thread);
	char *memory = sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

	if (!memory)
		return false;
	if (sys_failed(SYS_CALL(SYS_madvise, memory, size, MADV_WIPEONFORK)))
		return false; /* before Linux 4.14: a fork could not be seen */
	piste_local.threads = (struct thread *)(memory + head);
	piste_local.alive = (uint32_t *)memory; /* on the page of the first threads */
	*piste_local.alive = 1;
	return true;
}

/*
 * The thread that forked still has its old slot in `piste_self`, and maybe in
 * the registers of a site in flight: nobody else may get it. (Where another
 * thread comes first, we do not know the slot, and all are new.)
 */
void threads_renew_after_fork(void)
{
	struct thread *self = (struct thread *)piste_self;

	piste_local.threads_full = 0;
	if (self >= piste_local.threads && self < piste_local.threads + THREADS_MAX)
		pool_writer((uint32_t)(self - piste_local.threads))->tid = sys_gettid();
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
		__atomic_store_n(&piste_local.threads_full, 0, __ATOMIC_RELAXED);
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

/* With the lock held. */
static struct thread *attach(uint32_t tid)
{
	struct thread *thread = (struct thread *)piste_self;

	if (!piste_local.pool)
		return NULL;
	if (pool_renew_after_fork()) {
		__atomic_store_n(&piste_local.renew_failures, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	__atomic_store_n(&piste_local.renew_failures, 0, __ATOMIC_RELAXED);
	/* a handler may have been here between the site's look and the lock */
	if (thread->tid)
		return thread;
	/* a child of vfork: what it sets up would be its parent's */
	if (sys_getpid() != piste_local.pid)
		return NULL;
	thread = claim_slot(tid);
	if (!thread) {
		reclaim_slots();
		thread = claim_slot(tid);
	}
	if (!thread) {
		__atomic_store_n(&piste_local.threads_full_at,
				 __atomic_load_n(&piste_local.threads_released, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&piste_local.threads_full, 1, __ATOMIC_RELAXED);
	}
	return thread;
}

struct thread *thread_attach(void)
{
	struct thread *thread = NULL;
	uint64_t mask;

	/* none was given back since there was none: do not look again for every record */
	if (__atomic_load_n(&piste_local.threads_full, __ATOMIC_RELAXED) && !pool_is_inherited() &&
	    __atomic_load_n(&piste_local.threads_full_at, __ATOMIC_RELAXED) ==
		    __atomic_load_n(&piste_local.threads_released, __ATOMIC_ACQUIRE) &&
	    __atomic_add_fetch(&piste_local.threads_full_count, 1, __ATOMIC_RELAXED) % 4096)
		return NULL;
	if (__atomic_load_n(&piste_local.renew_failures, __ATOMIC_RELAXED) && pool_is_inherited() &&
	    __atomic_add_fetch(&piste_local.renew_failures, 1, __ATOMIC_RELAXED) % 4096)
		return NULL;
	mask = lock_acquire();
	thread = attach(sys_gettid());
	if (!thread) {
		piste_self = &piste_thread_none.site;
	} else if (piste_self != &thread->site) {
		thread->site.state = PISTE_THREAD_IDLE;
		piste_self = &thread->site;
		if (have_exit_key && (unsigned)exit_key < KEYS_IN_THREAD)
			pthread_setspecific(exit_key, thread);
	}
	lock_release(mask);
	return thread;
}
