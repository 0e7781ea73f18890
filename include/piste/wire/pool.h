/* SPDX-License-Identifier: MIT */
#ifndef PISTE_WIRE_POOL_H
#define PISTE_WIRE_POOL_H

/*
 * pool - the memory that an instrumented process shares with its recorders.
 *
 * A sealed memfd (F_SEAL_SHRINK | F_SEAL_GROW) named "piste", sparse, made by
 * libpiste's constructor:
 *
 *	struct piste_pool           header, identity, sessions
 *	objects                     struct piste_object_record and what it describes, append-only
 *	gates                       pages mapped over the `piste_sites` sections
 *	writers                     struct piste_writer, one a thread
 *	states                      one u32 a chunk
 *	chunks                      chunk_size bytes each, page-aligned
 *
 * Life of a chunk, in its state word:
 *
 *	FREE --(writer: CAS)--> TAKEN --(store)--> LEASED --(store)--> FULL | pending sessions
 *	  ^                                                                 |
 *	  +--------------(the last session clears its bit: CAS)-------------+
 *
 * The head of a TAKEN chunk may still be that of its last life: it holds nothing to be read.
 *
 * A chunk whose process is dead is read as it stands, [events, committed).
 * Nothing in here is to be trusted by a recorder: the process may write
 * anything, at any time.
 */

#include "piste/wire/site.h"

#define PISTE_POOL_MAGIC 0x314c4f4f50545350ull /* "PSTPOOL1" */
#define PISTE_POOL_ABI 1
#define PISTE_POOL_NAME "piste" /* of the memfd */
#define PISTE_SESSIONS_MAX 16
#define PISTE_RULES_SIZE 1024
#define PISTE_SOCKET_SIZE 108

enum piste_clock_kind {
	PISTE_CLOCK_TICKS = 1, /* TSC or CNTVCT */
	PISTE_CLOCK_MONOTONIC = 2, /* CLOCK_MONOTONIC, ns */
};

enum piste_session_state {
	PISTE_SESSION_FREE = 0,
	PISTE_SESSION_CLAIMED = 1, /* being filled in by whoever did the CAS */
	PISTE_SESSION_ACTIVE = 2,
	PISTE_SESSION_LEAVING = 3, /* being cleaned up */
};

#define PISTE_SESSION_CPU 0x1u /* records carry the CPU */

/*
 * What one recording wants of a process. The same bytes are the registry file
 * that PISTE_SESSION names (a list with ':' between), which libpiste reads in
 * its constructor, so that a program is traced from its first instruction.
 */
struct piste_session {
	/* enum piste_session_state. CAS by who claims; release when it becomes ACTIVE,
	 * acquire by who reads the rest. */
	uint32_t state;
	uint32_t flags; /* PISTE_SESSION_* */
	uint64_t magic; /* PISTE_SESSION_MAGIC */
	uint64_t id; /* random, tells recordings apart */
	uint64_t budget_bytes; /* of the pool, wished for; 0: as it is */
	uint64_t recorder_start; /* start time of the recorder, field 22 of its /proc/PID/stat */
	uint32_t recorder_pid;
	uint32_t level; /* the least severe level that is wanted */
	char socket[PISTE_SOCKET_SIZE]; /* where a new pool is announced; "" for nowhere */
	/* Globs, each ended by a NUL, an empty one ends the list; '!' in front excludes. */
	char rules[PISTE_RULES_SIZE];
	uint8_t reserved[84];
};
#define PISTE_SESSION_MAGIC 0x3153534554534950ull /* "PISTESS1" */
PISTE_ASSERT_OFFSET(struct piste_session, magic, 8);
PISTE_ASSERT_OFFSET(struct piste_session, id, 16);
PISTE_ASSERT_OFFSET(struct piste_session, budget_bytes, 24);
PISTE_ASSERT_OFFSET(struct piste_session, recorder_start, 32);
PISTE_ASSERT_OFFSET(struct piste_session, recorder_pid, 40);
PISTE_ASSERT_OFFSET(struct piste_session, level, 44);
PISTE_ASSERT_OFFSET(struct piste_session, socket, 48);
PISTE_ASSERT_OFFSET(struct piste_session, rules, 156);
PISTE_STATIC_ASSERT(sizeof(struct piste_session) == 1264, "piste_session");

/* The announcement of a pool on a session's SOCK_SEQPACKET socket; the memfd goes with it
 * (SCM_RIGHTS). One message, then the connection is closed; nothing is answered. */
struct piste_hello {
	uint64_t magic; /* PISTE_POOL_MAGIC */
	uint32_t abi; /* PISTE_POOL_ABI */
	uint32_t pid; /* in the process's own namespace; SCM_CREDENTIALS has the recorder's view */
	uint64_t session; /* struct piste_session.id */
};
PISTE_STATIC_ASSERT(sizeof(struct piste_hello) == 24, "piste_hello");

struct piste_pool {
	uint64_t magic; /* PISTE_POOL_MAGIC, stored last with release */
	uint32_t abi; /* PISTE_POOL_ABI */
	uint32_t header_bytes; /* sizeof(struct piste_pool) */
	uint64_t size_bytes; /* of the memfd */
	uint64_t objects_offset, objects_size;
	uint64_t gates_offset, gates_size;
	uint64_t writers_offset;
	uint64_t states_offset;
	uint64_t chunks_offset;
	uint32_t writer_count;
	uint32_t chunk_count;
	uint32_t chunk_size;
	uint32_t page_size;
	uint32_t pid; /* in the process's own pid namespace */
	uint32_t parent_pid; /* of the process that this one was forked from, when traced; else 0 */
	uint64_t created; /* ticks, of this pool: tells it from others of the same pid */
	uint32_t clock; /* enum piste_clock_kind */
	uint32_t reserved0;

	/* Written by the process, read by recorders. */
	uint32_t object_count; /* release after an object is complete */
	uint32_t event_count; /* ids given out */
	uint64_t objects_used; /* bytes */
	uint64_t
		finished; /* chunks handed over so far: when it stands still, so does the process */
	uint64_t used_bytes; /* memory in leased and full chunks; both sides add and subtract */
	uint32_t announce_pending; /* sessions that could not be told of this pool yet */
	uint32_t reserved1;

	/* Written by recorders, read by the process. */
	uint64_t budget_bytes; /* at most this much in leased and full chunks */
	uint32_t freed; /* grows whenever chunks were freed */
	uint32_t active; /* one bit a session that reads this pool */
	uint32_t flags; /* PISTE_SESSION_CPU when any session wants it */
	uint32_t reserved2;

	/* Losses of threads that found no writer slot; else struct piste_writer has them. */
	uint64_t lost[PISTE_SESSIONS_MAX];

	char comm[16];
	char exe[256];
	char cmdline[512]; /* NUL between arguments, as in /proc */
	uint32_t cmdline_size;
	uint32_t reserved3;

	struct piste_session sessions[PISTE_SESSIONS_MAX];
};
PISTE_ASSERT_OFFSET(struct piste_pool, size_bytes, 16);
PISTE_ASSERT_OFFSET(struct piste_pool, objects_offset, 24);
PISTE_ASSERT_OFFSET(struct piste_pool, gates_offset, 40);
PISTE_ASSERT_OFFSET(struct piste_pool, writers_offset, 56);
PISTE_ASSERT_OFFSET(struct piste_pool, states_offset, 64);
PISTE_ASSERT_OFFSET(struct piste_pool, chunks_offset, 72);
PISTE_ASSERT_OFFSET(struct piste_pool, writer_count, 80);
PISTE_ASSERT_OFFSET(struct piste_pool, chunk_count, 84);
PISTE_ASSERT_OFFSET(struct piste_pool, chunk_size, 88);
PISTE_ASSERT_OFFSET(struct piste_pool, page_size, 92);
PISTE_ASSERT_OFFSET(struct piste_pool, pid, 96);
PISTE_ASSERT_OFFSET(struct piste_pool, parent_pid, 100);
PISTE_ASSERT_OFFSET(struct piste_pool, created, 104);
PISTE_ASSERT_OFFSET(struct piste_pool, clock, 112);
PISTE_ASSERT_OFFSET(struct piste_pool, object_count, 120);
PISTE_ASSERT_OFFSET(struct piste_pool, objects_used, 128);
PISTE_ASSERT_OFFSET(struct piste_pool, finished, 136);
PISTE_ASSERT_OFFSET(struct piste_pool, used_bytes, 144);
PISTE_ASSERT_OFFSET(struct piste_pool, budget_bytes, 160);
PISTE_ASSERT_OFFSET(struct piste_pool, freed, 168);
PISTE_ASSERT_OFFSET(struct piste_pool, active, 172);
PISTE_ASSERT_OFFSET(struct piste_pool, flags, 176);
PISTE_ASSERT_OFFSET(struct piste_pool, lost, 184);
PISTE_ASSERT_OFFSET(struct piste_pool, comm, 312);
PISTE_ASSERT_OFFSET(struct piste_pool, exe, 328);
PISTE_ASSERT_OFFSET(struct piste_pool, cmdline, 584);
PISTE_ASSERT_OFFSET(struct piste_pool, cmdline_size, 1096);
PISTE_ASSERT_OFFSET(struct piste_pool, sessions, 1104);

/*
 * An instrumented object in the pool. Behind the struct, at the offsets that it
 * names, each part padded to 8 bytes:
 *	gate_count times u32: index of the gate's site among the sites
 *	site_count times {struct piste_site_record; struct piste_site; text}
 *	the `piste_types` section, types_size bytes
 * A site's id is the id of its events in this process; PISTE_ENABLED sites have
 * PISTE_ID_NONE. Ids are never reused; an object that comes back after dlclose
 * has its old ones.
 */
struct piste_object_record {
	uint32_t size; /* bytes, with all that follows, a multiple of 8 */
	uint32_t live; /* 1; 0 after dlclose */
	uint64_t gates_offset; /* in the pool, of the first struct piste_gate */
	uint32_t gate_count;
	uint32_t site_count;
	uint32_t types_size;
	uint32_t build_id_size; /* at most 20 */
	uint8_t build_id[20];
	uint32_t gate_sites_offset; /* from this struct */
	uint32_t sites_offset;
	uint32_t types_offset;
	uint64_t base; /* address of the ELF header in the process, 0 if unknown */
	char path[128]; /* where known, else "" */
};
PISTE_ASSERT_OFFSET(struct piste_object_record, gates_offset, 8);
PISTE_ASSERT_OFFSET(struct piste_object_record, build_id, 32);
PISTE_ASSERT_OFFSET(struct piste_object_record, sites_offset, 56);
PISTE_ASSERT_OFFSET(struct piste_object_record, base, 64);
PISTE_STATIC_ASSERT(sizeof(struct piste_object_record) == 200, "piste_object_record");

/* In front of each struct piste_site of an object in the pool. */
struct piste_site_record {
	uint32_t size; /* bytes, with this struct and the padding to 8 */
	uint32_t reserved;
};

/* A thread, as recorders see it. Written by the thread alone. */
struct piste_writer {
	uint32_t tid; /* 0: the slot is free */
	uint32_t reserved;
	uint64_t sequence; /* chunks taken so far */
	uint64_t lost[PISTE_SESSIONS_MAX]; /* events that session would have had */
};
PISTE_ASSERT_OFFSET(struct piste_writer, sequence, 8);
PISTE_ASSERT_OFFSET(struct piste_writer, lost, 16);
PISTE_STATIC_ASSERT(sizeof(struct piste_writer) == 144, "piste_writer");

/* Chunk states. */
#define PISTE_CHUNK_FREE 0u
#define PISTE_CHUNK_LEASED 0x10000u /* with the number of the lease, modulo 4096, in bits 20..31 */
#define PISTE_CHUNK_LEASE(number) (PISTE_CHUNK_LEASED | (uint32_t)(number) << 20)
#define PISTE_CHUNK_TAKEN 0x40000u /* being given its head */
#define PISTE_CHUNK_FULL 0x20000u
#define PISTE_CHUNK_PENDING 0x0000ffffu /* sessions that still have to read it */

#define PISTE_CHUNK_MAGIC 0x4b484350u /* "PCHK" */
#define PISTE_CHUNK_HEADER                                                                         \
	136 /* events begin here; as long as the head of a CTF packet (docs/formats) */

/* The head of a chunk, complete enough to be read out of a core file. */
struct piste_chunk {
	uint32_t magic; /* PISTE_CHUNK_MAGIC */
	uint16_t abi; /* PISTE_POOL_ABI */
	uint8_t clock; /* enum piste_clock_kind */
	uint8_t level; /* of nesting: 0, or 1..3 in signal handlers */
	uint32_t pid, tid;
	uint64_t created; /* struct piste_pool.created */
	uint64_t begin; /* ticks, when it was taken; no record is older */
	uint64_t sequence; /* of this writer's chunks */
	uint32_t writer; /* index of the struct piste_writer, or ~0 */
	uint32_t reserved0;
	char comm[16]; /* of the thread, when the chunk was taken */

	/* What the site uses: one cache line. */
	/* First free byte from the start of the chunk. The writer alone stores it, with release:
	 * it pairs with the recorder's acquire. */
	uint32_t committed;
	uint32_t fast_limit; /* `limit`, or 0 where every record must take the slow path */
	uint32_t limit; /* end of the usable memory so far */
	uint32_t cpu; /* 1: records carry the CPU behind their header */
	uint32_t size; /* chunk_size */
	uint32_t reserved1;
	uint64_t reserved2[6];
};
PISTE_ASSERT_OFFSET(struct piste_chunk, pid, 8);
PISTE_ASSERT_OFFSET(struct piste_chunk, created, 16);
PISTE_ASSERT_OFFSET(struct piste_chunk, begin, 24);
PISTE_ASSERT_OFFSET(struct piste_chunk, sequence, 32);
PISTE_ASSERT_OFFSET(struct piste_chunk, writer, 40);
PISTE_ASSERT_OFFSET(struct piste_chunk, comm, 48);
PISTE_ASSERT_OFFSET(struct piste_chunk, committed, 64);
PISTE_ASSERT_OFFSET(struct piste_chunk, fast_limit, 68);
PISTE_ASSERT_OFFSET(struct piste_chunk, limit, 72);
PISTE_ASSERT_OFFSET(struct piste_chunk, cpu, 76);
PISTE_STATIC_ASSERT(sizeof(struct piste_chunk) == PISTE_CHUNK_HEADER, "piste_chunk");

/*
 * A record: header, [u32 CPU where the chunk says so,] payload; the next one
 * begins at the next multiple of 4. Ticks never decrease within a chunk.
 */
struct piste_record {
	uint16_t id;
	uint16_t size; /* bytes, header and payload, without the padding */
	uint32_t ticks_low, ticks_high; /* 64 bits at an alignment of 4 */
};
#define PISTE_RECORD_HEADER 12
PISTE_STATIC_ASSERT(sizeof(struct piste_record) == PISTE_RECORD_HEADER, "piste_record");
#define PISTE_RECORD_MAX 49152 /* bytes; a larger one is counted as lost */
#define PISTE_RECORD_ALIGN(size) (((size) + 3u) & ~3u)

#endif
