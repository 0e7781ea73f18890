/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_EMIT_H
#define PISTE_KERN_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/asm.h"
#include "kern/event.h"
#include "kern/maker.h"

/*
 * emit - the code that makes a record, for makers of events.
 *
 *	struct kern_emit e;
 *
 *	emit_begin(&e, build);				r6 = the context
 *	emit_scope_current(&e);				or leave
 *	… choose what to do; labels and jumps of e.a; e.out leaves the program
 *	emit_open(&e, event, 64, load, arg);		filter, rate, room, head
 *	asm_load(&e.a, BPF_DW, BPF_REG_1, EMIT_CONTEXT, 8);
 *	emit_store(&e, BPF_DW, BPF_REG_1);		the first field
 *	emit_text(&e, BPF_REG_3, 256, EMIT_USER);	the second, of the address in r3
 *	emit_close(&e);					r6 is kept: another may be opened
 *	err = emit_finish(&e, KERN_ATTACH_TRACEPOINT, "sys_enter", NULL, diag);
 *
 * Between open and close no path may leave or jump out: the record must be
 * closed. Registers: r6 is the context (u64 arguments of the tracepoint, in
 * order; tp_btf programs load pointers from there with their types); r7 the
 * record and r8 the ring while one is open; r9 the length of text so far while
 * one is open, else the maker's. r0 … r5 are lost by everything below but
 * emit_store*. Stack: emit's down to r10 - EMIT_STACK, the maker's below.
 *
 * The first error sticks in e.a.error; emit_finish says so.
 */
enum {
	EMIT_CONTEXT = BPF_REG_6,
	EMIT_RECORD = BPF_REG_7,
	EMIT_RING = BPF_REG_8,
	EMIT_LENGTH = BPF_REG_9,
	EMIT_STACK = 232,
	EMIT_TASK_SLOT = -8, /* from r10: u64, tgid << 32 | tid of the current task, after
				emit_scope_current or emit_current */
};

enum emit_space {
	EMIT_KERNEL,
	EMIT_USER,
	EMIT_EITHER, /* of emit_text: the kernel's, else the user's */
};

struct kern_emit {
	struct bpf_asm a;
	struct kern_build *build;
	unsigned out;
	int at; /* where the next field goes, from r7 */
	uint32_t max_bytes; /* of the open record */
	bool has_text; /* r9 counts */
};

/* Emits code that loads integer field `field` of `event` into r0, before there is a record; for
 * KERN_TEXT and KERN_CHARS: code that copies it to the stack at r10 + `text_at`, at most text_size
 * bytes with a NUL. r0 … r5 may be lost, r9 too. False when it cannot. */
typedef bool emit_load_fn(struct kern_emit *e, const struct kern_event *event, size_t field,
			  int text_at, uint32_t text_size, void *arg);

void emit_begin(struct kern_emit *e, struct kern_build *build);
void emit_scope_current(struct kern_emit *e); /* leaves unless in scope; fills EMIT_TASK_SLOT */
void emit_current(struct kern_emit *e); /* fills EMIT_TASK_SLOT and asks nothing */

/* All of: emit_filter, emit_limit, emit_reserve, emit_head. What fails goes to e->out.
 * max_payload: of all fields at their longest. load may be NULL when there is no filter. */
void emit_open(struct kern_emit *e, const struct kern_event *event, uint32_t max_payload,
	       emit_load_fn *load, void *arg);
void emit_close(struct kern_emit *e);

/* The parts, for a maker whose code serves many events. A filter is compiled for one event. */
void emit_filter(struct kern_emit *e, const struct kern_event *event, emit_load_fn *load, void *arg,
		 unsigned out);
void emit_limit(struct kern_emit *e, uint16_t id, unsigned out); /* nothing without max_rate */
void emit_limit_reg(struct kern_emit *e, int id_reg, unsigned out); /* r6 or r9; it is kept */
void emit_reserve(struct kern_emit *e, uint32_t max_payload, unsigned out);
void emit_head(struct kern_emit *e, uint16_t id);
void emit_head_slot(struct kern_emit *e, int slot); /* the id is the u16 at r10 + slot */

/* Fields, in their order. Integers: from a register, or a constant. */
void emit_store(struct kern_emit *e, int size, int reg);
void emit_store_imm(struct kern_emit *e, int size, int32_t imm);
/* KERN_TEXT: the string at the address in r3, cut to max_bytes with its NUL; what cannot be read
 * is empty. KERN_CHARS: `bytes` of them, zeroes when unreadable. */
void emit_text(struct kern_emit *e, uint32_t max_bytes, enum emit_space space);
void emit_chars(struct kern_emit *e, uint32_t bytes, enum emit_space space);
/* KERN_BYTES and KERN_SEQUENCE: r2 bytes at the address in r3, cut to max_bytes (a power of two
 * less one, or that many items), in items of `item` bytes; none when unreadable. */
void emit_bytes(struct kern_emit *e, uint32_t max_bytes, uint32_t item, enum emit_space space);

/* KERN_SEQUENCE of u64: the stack, innermost first, at most `depth` addresses; flags: 0 or
 * BPF_F_USER_STACK. */
void emit_stack(struct kern_emit *e, uint32_t depth, uint32_t flags);

/* Loads the program; *fd (may be NULL) is borrowed. Frees e in any case. */
int emit_finish(struct kern_emit *e, enum kern_attach attach, const char *target, int *fd,
		struct diag *diag);

#endif
