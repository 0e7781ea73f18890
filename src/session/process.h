/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_PROCESS_H
#define PISTE_SESSION_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/vec.h"
#include "session/model.h"
#include "session/packet.h"
#include "session/pool.h"
#include "session/table.h"

/*
 * process - a traced process, or rather one of its pools: an exec makes a new
 * one, with the same pid.
 */

/* How far a chunk was read, while its writer still fills it or until it is used anew. */
struct chunk_mark {
	uint64_t begin, sequence;
	uint32_t tid;
	uint32_t at; /* bytes from the chunk's start; 0: nothing of it */
	bool in_flight; /* a packet of it is on its way to the disk; its release ends this life */
};

struct process {
	struct pool *pool;
	uint32_t pid; /* as the recorder sees it */
	int slot; /* of our session; -1: recover, everything is ours */
	int pidfd; /* -1: none */
	int status; /* of its end, where that is known: 128 + signal, or the exit status */
	uint64_t since_ns; /* when it came to us */
	bool is_dead; /* nobody writes to the pool any more */
	bool is_superseded; /* its process did an exec */
	bool foreign_clock; /* ticks of another kind than the trace's */
	uint64_t begin, end; /* ticks: what lies outside is not ours */
	uint64_t finished; /* as it was when the chunks were looked at last */
	struct table *table;
	uint64_t objects_used; /* of the pool, when the table was read */
	/* As long as the chunks and writers that are in use: the pool has room for many more. */
	struct VEC(struct chunk_mark) marks;
	struct VEC(uint64_t) lost_seen; /* a writer */
	uint64_t pool_lost_seen;

	uint64_t events, bytes, packets;
	uint64_t lost, lost_told; /* events; those that packets told of */
	uint64_t dropped_bytes;
	const char *dropped_why; /* the first reason */
	bool counted; /* totals are with the recorder's */
};

/* A chunk that has something for us. */
struct ready {
	struct process *process;
	uint32_t chunk;
	uint64_t begin;
};
struct ready_list VEC(struct ready);

/* Takes the pool over in any case. `slot`: where our session is; `from_start`: it was there
 * before the program began, so that everything is ours. */
int process_new(struct process **out, struct pool *pool, uint32_t pid, int slot, bool from_start,
		struct model *model, struct diag *diag);
void process_free(struct process *p);

/* Reads its table anew when objects were added. `objects`, when not NULL, gets what was read. */
int process_update_table(struct process *p, struct model *model, struct objects *objects,
			 struct diag *diag);

/* What to look for. */
enum collect {
	COLLECT_FULL, /* finished chunks */
	COLLECT_PARTIAL, /* also those that are being filled */
};
/* True when there may be something: one load. */
static inline bool process_has_moved(const struct process *p)
{
	return p->is_dead || pool_finished(p->pool) != p->finished;
}
int process_collect(struct process *p, enum collect what, struct ready_list *list);

/*
 * Makes a packet of what is new in a chunk. Returns 1, or 0 when there is
 * nothing in it for us (it is released then), or negative errno for our own
 * troubles. `packet` borrows from the pool, or owns its memory.
 */
int process_take(struct process *p, uint32_t chunk, struct model *model, struct packet *packet,
		 struct diag *diag);

/* Brings p->lost to what the pool says. */
void process_count_lost(struct process *p);

#endif
