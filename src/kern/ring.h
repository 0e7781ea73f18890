/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_RING_H
#define PISTE_KERN_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/fs.h"
#include "bpf/asm.h"
#include "kern/load.h"

/*
 * ring - records from programs to us: a mappable array with one entry a CPU.
 *
 *	| control page | ring, a power of two | slack |
 *
 * A record begins at (position & (bytes - 1)) and never wraps: what does not fit
 * lies in the slack, and the next one begins behind the place where it would
 * have ended. Positions only grow.
 *
 * Writers are programs on that CPU; interrupts nest. Each adds one to `nest`,
 * looks whether there is room, moves `head` with an atomic add, fills its
 * record; the outermost publishes `committed`. Whoever finds no room counts
 * `lost`. Programs write when `head - consumed` leaves KERN_RING_MARGIN, so that
 * those that were interrupted between the look and the add still fit.
 */
enum {
	KERN_RING_RECORD_MAX = 8192, /* bytes of one record, with what it reserves and gives back */
	KERN_RING_DEPTH = 4, /* task, softirq, interrupt, NMI */
	KERN_RING_MARGIN = (KERN_RING_DEPTH + 1) * KERN_RING_RECORD_MAX,
	KERN_RING_MIN = 65536,
	KERN_RING_MOST = 1 << 28, /* the verifier follows offsets up to twice that */
	KERN_RING_CONTROL = 4096,
	KERN_RING_SLACK = 16384,
};

/* Written by programs on the CPU of its entry, but for `consumed`. */
struct kern_ring_control {
	uint64_t head; /* reserved so far */
	uint64_t committed; /* complete so far; may lag behind while nest is 0, see ring.c */
	uint64_t nest;
	uint64_t lost;
	uint64_t softirq; /* its vector + 1 while one is served */
	uint64_t interrupt; /* its number + 1 while its handler is at work; KERN_INTERRUPT_TIMER */
	uint64_t unused[2];
	uint64_t consumed; /* written by us: taken so far; a cache line of its own */
};

struct kern_ring {
	uint32_t map; /* its number in kern_maps */
	uint64_t bytes; /* a power of two */
	unsigned cpus;
	uint8_t *memory; /* borrowed of the map */
	size_t stride;
};

/* bytes is rounded up to a power of two from KERN_RING_MIN to KERN_RING_MOST. */
int kern_ring_init(struct kern_ring *ring, struct kern_maps *maps, unsigned cpus, uint64_t bytes,
		   struct diag *diag);
struct kern_ring_control *kern_ring_control(const struct kern_ring *ring, unsigned cpu);
/* Whole records that are ready; borrowed until consumed. is_over: no program runs any more. */
struct span kern_ring_read(const struct kern_ring *ring, unsigned cpu, bool is_over);
void kern_ring_consume(const struct kern_ring *ring, unsigned cpu, size_t bytes);
uint64_t kern_ring_lost(const struct kern_ring *ring, unsigned cpu); /* records, so far */

/*
 * The code. What is kept: r6 and r9; r8 is left holding the ring's control page,
 * r7 the record. Stack at and above r10 - KERN_RING_STACK is the ring's while a
 * record is open. r0 … r5 are lost.
 */
enum { KERN_RING_STACK = 24 };

/* r8 = this CPU's control page; goes to `out` when there is none. */
void ring_emit_find(const struct kern_ring *ring, struct bpf_asm *a, unsigned out);
/* After ring_emit_find: room for a record of at most max_bytes (≤ KERN_RING_RECORD_MAX); goes to
 * `out` when there is none, after counting. Then ring_emit_commit must follow on every path. */
void ring_emit_reserve(const struct kern_ring *ring, struct bpf_asm *a, uint32_t max_bytes,
		       unsigned out);
/* reg = where the open record begins (r7 may have moved on). Keeps all other registers. */
void ring_emit_start(const struct kern_ring *ring, struct bpf_asm *a, int reg);
/* The record is complete: bytes, or with bytes 0 as many as r0 says; max_bytes as reserved. Does
 * not write record->size. */
void ring_emit_commit(const struct kern_ring *ring, struct bpf_asm *a, uint32_t max_bytes,
		      uint32_t bytes);

#endif
