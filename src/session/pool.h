/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_POOL_H
#define PISTE_SESSION_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <piste/wire/pool.h>

#include "base/diag.h"

/*
 * pool - the recorder's side of a traced process's memory (wire/pool.h).
 *
 * The process may write anything into it at any time. So every size and offset
 * is copied out once, checked against the real size of the memory, and only
 * the copy is used; what is read through pool_*() is within bounds whatever it
 * says, and is a value to be judged by whoever asked for it.
 */
struct pool {
	uint8_t *base;
	size_t size;
	bool is_file; /* a copy: nothing is written to it */
	uint64_t inode, device; /* of the memfd */

	/* Checked copies. */
	uint64_t objects_offset, objects_size;
	uint64_t gates_offset, gates_size;
	uint64_t writers_offset, states_offset, chunks_offset;
	uint32_t writer_count, chunk_count, chunk_size;
	uint32_t clock; /* enum piste_clock_kind */
	uint32_t pid, parent_pid; /* in the process's own namespace */
	uint64_t created;
	char comm[17];
	char exe[257];
	char cmdline[513]; /* NUL between arguments */
	uint32_t cmdline_size;
};

/* How a pool was refused. */
enum pool_error {
	POOL_ERROR_NONE,
	POOL_ERROR_SYSTEM, /* errno says */
	POOL_ERROR_NOT_A_POOL,
	POOL_ERROR_ABI, /* of a version that this recorder does not know */
	POOL_ERROR_UNSEALED,
	POOL_ERROR_BROKEN,
};

/* Maps a pool; the fd stays the caller's and may be closed afterwards. Returns 0 or negative
 * errno, with what is wrong with it in `diag` and *why. */
int pool_open(struct pool **out, int fd, enum pool_error *why, struct diag *diag);
/* A copy of a pool: bytes that are the caller's, live as long as the pool and are only read. */
int pool_open_bytes(struct pool **out, const void *data, size_t size, enum pool_error *why,
		    struct diag *diag);
void pool_free(struct pool *p);

static inline struct piste_pool *pool_live(const struct pool *p)
{
	return (struct piste_pool *)p->base;
}

static inline uint64_t pool_finished(const struct pool *p)
{
	return __atomic_load_n(&pool_live(p)->finished, __ATOMIC_RELAXED);
}

static inline uint32_t *pool_state(const struct pool *p, uint32_t chunk)
{
	return (uint32_t *)(p->base + p->states_offset) + chunk;
}

static inline struct piste_chunk *pool_chunk(const struct pool *p, uint32_t chunk)
{
	return (struct piste_chunk *)(p->base + p->chunks_offset + (uint64_t)chunk * p->chunk_size);
}

static inline struct piste_writer *pool_writer(const struct pool *p, uint32_t writer)
{
	return (struct piste_writer *)(p->base + p->writers_offset) + writer;
}

/* Bytes of the objects' area that are in use, at most all of it. */
uint64_t pool_objects_used(const struct pool *p);

/* --- sessions ------------------------------------------------------------- */

/* The slot whose session has this id and is active; -1: none. */
int pool_find_session(const struct pool *p, uint64_t id);
/*
 * Puts a session into a free slot, makes it active and opens the gates of all
 * sites that it wants. Returns the slot, -EBUSY when all are taken. Slots of
 * recorders that died are cleaned up first.
 */
int pool_join(struct pool *p, const struct piste_session *session, struct diag *diag);
/* Shuts the gates: no further events for this session, but its chunks stay to be read. */
void pool_quiet(struct pool *p, int slot);
/* Hands back all chunks that still wait for this session, and its slot. */
void pool_leave(struct pool *p, int slot);
/* This session has read a full chunk: the last one frees it. */
void pool_chunk_done(struct pool *p, uint32_t chunk, int slot);
/* Makes the pool's budget at least as large as wished, within its memory. */
void pool_raise_budget(struct pool *p, uint64_t bytes);

/* Whether a recorder is alive: pid and field 22 of its stat. */
bool recorder_is_alive(uint32_t pid, uint64_t start);
/* Field 22 of /proc/PID/stat (0: no such process). */
uint64_t process_start_time(uint32_t pid);

#endif
