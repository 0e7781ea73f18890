/* SPDX-License-Identifier: MIT */
#ifndef PISTE_PROBE_PROBE_H
#define PISTE_PROBE_PROBE_H

/*
 * probe - what the parts of libpiste know of each other.
 *
 *	init.c		constructor, the registry of sessions that want us
 *	pool.c		the shared memory: made, announced, made anew after fork
 *	object.c	instrumented objects: ids, descriptions, gates
 *	thread.c	a thread's private state, attached and given back
 *	chunk.c		chunks: leased, extended, handed over
 *	slow.c		the slow path of a site
 *	tracer.c	tracers in the process
 *
 * Everything that a site can reach (all but init.c and the public functions of
 * tracer.c) is async-signal-safe: system calls without libc, no allocation,
 * and one lock, taken with all signals blocked.
 */

#include <stdbool.h>

#define PISTE_IN_LIBRARY
#include "piste/impl/record.h"

/* The archive shares one namespace with the program that it is linked into. */
#define chunk_finish piste_chunk_finish
#define chunk_with_room piste_chunk_with_room
#define chunks_slow_down piste_chunks_slow_down
#define lock_acquire piste_lock_acquire
#define lock_release piste_lock_release
#define objects_apply_sessions piste_objects_apply_sessions
#define objects_map_gates piste_objects_map_gates
#define pool_announce piste_pool_announce
#define pool_claim_session piste_pool_claim_session
#define pool_create piste_pool_create
#define pool_descriptor_is_ours piste_pool_descriptor_is_ours
#define pool_is_inherited piste_pool_is_inherited
#define pool_renew_after_fork piste_pool_renew_after_fork
#define probe_clock piste_probe_clock
#define probe_init piste_probe_init
#define signals_block piste_signals_block
#define signals_restore piste_signals_restore
#define thread_attach piste_thread_attach
#define thread_init piste_thread_init
#define thread_is_alive piste_thread_is_alive
#define threads_create piste_threads_create
#define threads_renew_after_fork piste_threads_renew_after_fork
#define tracers_apply piste_tracers_apply
#define tracers_call piste_tracers_call

#define PISTE_EXPORT __attribute__((visibility("default")))

#define NESTING_MAX 4 /* writers of a thread: itself, and handlers within handlers */
#define OBJECTS_MAX 1024
#define THREADS_MAX 16384
#define CHUNK_SIZE 65536u
#define CHUNK_FIRST_STEP 8192u /* memory that a chunk starts with; it doubles as it fills */
#define CHUNKS_DEFAULT 4096u /* address space for them; memory follows use */
#define CHUNKS_MAX 65536u
#define BUDGET_DEFAULT (32ull << 20)
#define OBJECTS_BYTES (16ull << 20)
#define GATES_BYTES (8ull << 20)

/* A thread's private state; lies in memory that a fork wipes. */
struct thread {
	struct piste_thread site; /* what the fast path sees; first */
	uint32_t tid; /* 0: the slot is free */
	uint32_t index; /* of its struct piste_writer */
	/* Nesting: `depth` is the level in flight; frames[n] the stack pointer of the site that
	 * level n interrupted … see slow.c */
	uint32_t depth;
	uint32_t starved; /* no chunk was to be had … */
	uint32_t starved_at; /* … when pool->freed was this */
	uint32_t starved_count;
	uintptr_t frames[NESTING_MAX];
	struct piste_chunk *chunks[NESTING_MAX]; /* never NULL but after a wipe */
} __attribute__((aligned(64)));

/* Instrumented objects of this process, in the order of the pool's records. */
struct object {
	struct piste_object *handle; /* NULL after dlclose */
	struct piste_object_record *record; /* in the pool */
	char *pages; /* of the object, that lie in the pool */
	size_t pages_size;
	uint64_t gates_page; /* where, as an offset in the pool's gates */
	int protection;
};

struct local {
	struct piste_pool *pool; /* NULL: sites stay off */
	uint32_t pid; /* of the process that made the pool */
	int fd; /* -1 when there is none */
	uint64_t device, inode; /* of the memfd, to recognise the fd */
	struct thread *threads; /* THREADS_MAX, the first page's head below */
	/* Wiped by fork: that is how a child knows what it is. */
	uint32_t *alive;
	uint32_t thread_hint;
	/* No writer was to be had when threads_released was this; how often since. */
	uint32_t threads_full, threads_full_at, threads_full_count;
	uint32_t threads_released;
	uint32_t renew_failures; /* of a child that cannot have a pool */
	/* As the pool has them; a forked child's truth, since the parent goes on writing there. */
	uint64_t gates_used, objects_used;
	uint32_t object_count, event_count;
	struct object objects[OBJECTS_MAX];
	uint32_t lock; /* tid of the holder */
	/* Tracers in the process: while there are any, every record takes the slow path. Written
	 * with the lock held, before a sweep of all chunks; read by chunk.c, seq_cst both. */
	uint32_t tracers;
	uint32_t leases; /* so far */
	uint16_t populated[CHUNKS_MAX]; /* steps of CHUNK_FIRST_STEP that have memory */
};
extern struct local piste_local __attribute__((visibility("hidden")));

extern struct thread piste_thread_none; /* of a thread that has not traced yet */
extern struct piste_chunk piste_chunk_none; /* of a thread that has no chunk: always full */

static inline char *pool_at(uint64_t offset)
{
	return (char *)piste_local.pool + offset;
}

static inline struct piste_writer *pool_writer(uint32_t index)
{
	return (struct piste_writer *)pool_at(piste_local.pool->writers_offset) + index;
}

static inline uint32_t *pool_state(uint32_t index)
{
	return (uint32_t *)pool_at(piste_local.pool->states_offset) + index;
}

static inline struct piste_chunk *pool_chunk(uint32_t index)
{
	struct piste_pool *pool = piste_local.pool;

	return (struct piste_chunk *)pool_at(pool->chunks_offset +
					     (uint64_t)index * pool->chunk_size);
}

/* Nothing in between sees a handler, or ends in one that never returns. The mask goes back. */
uint64_t signals_block(void);
void signals_restore(uint64_t mask);

/* All signals blocked, the lock held. Returns the mask to give back to lock_release. */
uint64_t lock_acquire(void);
void lock_release(uint64_t mask);

/* The pool's clock, in its unit. */
uint64_t probe_clock(void);

/* pool.c */
int pool_create(uint64_t budget_bytes); /* 0 or negative errno */
bool pool_is_inherited(void); /* we are a forked child that still has its parent's */
int pool_renew_after_fork(void); /* 0 when it is ours now */
bool pool_descriptor_is_ours(void);
void pool_announce(void); /* to every session that does not know us yet; never blocks */
int pool_claim_session(const struct piste_session *session); /* the slot, or negative errno */

/* object.c */
void objects_apply_sessions(void); /* opens the gates that active sessions want */
bool objects_map_gates(struct object *object);

/* thread.c */
struct thread *thread_attach(void); /* NULL when there is no room */
bool thread_is_alive(uint32_t tid);
void thread_init(void);
bool threads_create(void);
void threads_renew_after_fork(void);

/* chunk.c */
/* Room for `need` bytes in the thread's chunk of this level; NULL when there is none. */
struct piste_chunk *chunk_with_room(struct thread *thread, uint32_t level, uint32_t need);
void chunk_finish(struct piste_chunk *chunk);
/* Every thread takes the slow path from its next record on. */
void chunks_slow_down(void);

/* tracer.c */
void tracers_call(const struct piste_cursor *cursor);
void tracers_apply(struct piste_site *site, struct piste_gate *gate);

#endif
