/* SPDX-License-Identifier: MIT */
/*
 * Both sides of the ring: the code that programs write records with, and the
 * reader.
 *
 * Writers of one CPU run one inside the other (an interrupt within a program),
 * never side by side: plain loads and stores do for all words but `head`, which
 * an interrupt may move between a load and a store.
 */
#include "kern/ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kern/event.h"

enum {
	HEAD = offsetof(struct kern_ring_control, head),
	COMMITTED = offsetof(struct kern_ring_control, committed),
	NEST = offsetof(struct kern_ring_control, nest),
	LOST = offsetof(struct kern_ring_control, lost),
	CONSUMED = offsetof(struct kern_ring_control, consumed),

	POSITION_SLOT = -16, /* from r10: where the open record begins */
	KEY_SLOT = -24,

	RETRIES = 16,
};

_Static_assert(offsetof(struct kern_ring_control, consumed) == 64, "a cache line of its own");
_Static_assert(KERN_RING_SLACK >= KERN_RING_RECORD_MAX + 4096, "a record never leaves the slack");
_Static_assert(KERN_RING_MIN * 2 > KERN_RING_MARGIN * 3 - 1, "the smallest ring holds something");

#if defined(__x86_64__)
enum { STORES_ARE_ORDERED = 1 };
#else
enum { STORES_ARE_ORDERED = 0 };
#endif

static uint32_t padded(uint32_t bytes)
{
	return (bytes + 7) & ~7u;
}

int kern_ring_init(struct kern_ring *ring, struct kern_maps *maps, unsigned cpus, uint64_t bytes,
		   struct diag *diag)
{
	struct kern_map_spec spec = {
		.type = BPF_MAP_TYPE_ARRAY,
		.name = "piste_ring",
		.key_size = sizeof(uint32_t),
		.max_entries = cpus,
		.flags = BPF_F_MMAPABLE,
	};
	int number;

	*ring = (struct kern_ring){.bytes = KERN_RING_MIN, .cpus = cpus};
	while (ring->bytes < bytes && ring->bytes < KERN_RING_MOST)
		ring->bytes *= 2;
	spec.value_size = KERN_RING_CONTROL + (uint32_t)ring->bytes + KERN_RING_SLACK;
	number = kern_maps_add(maps, &spec, diag);
	if (number < 0)
		return number;
	ring->map = (uint32_t)number;
	ring->memory = maps->items.items[number].memory;
	ring->stride = maps->items.items[number].stride;
	return 0;
}

struct kern_ring_control *kern_ring_control(const struct kern_ring *ring, unsigned cpu)
{
	return (struct kern_ring_control *)(ring->memory + ring->stride * cpu);
}

/* --- reading --------------------------------------------------------------------- */

static uint64_t load(const uint64_t *word)
{
	/* pairs with the programs' stores, which x86 keeps in order and others are made to */
	return atomic_load_explicit((const _Atomic uint64_t *)word, memory_order_acquire);
}

/*
 * Up to where records are complete. When an interrupt came between the outermost
 * program's look at `head` and its end, what it wrote is published by the next
 * record only; but while nobody writes (nest is 0, and no record was published
 * meanwhile: head itself goes back too, and may be found where it was), all is
 * complete.
 */
static uint64_t complete(const struct kern_ring_control *c, bool is_over)
{
	if (is_over)
		return load(&c->nest) ? load(&c->committed) : load(&c->head);
	for (int i = 0; STORES_ARE_ORDERED && i < RETRIES; i++) {
		uint64_t committed = load(&c->committed), nest = load(&c->nest);
		uint64_t head = load(&c->head);

		if (!nest && !load(&c->nest) && committed == load(&c->committed))
			return head;
	}
	return load(&c->committed);
}

/* The bytes of records that begin before the ring's end: the last of them reaches over it. */
static size_t up_to_wrap(const uint8_t *data, size_t start, size_t ring_bytes, size_t len)
{
	size_t at = 0;

	while (start + at < ring_bytes && at < len) {
		uint16_t size;

		memcpy(&size, data + at + sizeof(uint16_t), sizeof(size));
		at += padded(size);
		if (!size) /* never written so: what follows is lost, but not we */
			return len < ring_bytes - start ? len : ring_bytes - start;
	}
	return at;
}

struct span kern_ring_read(const struct kern_ring *ring, unsigned cpu, bool is_over)
{
	const struct kern_ring_control *c = kern_ring_control(ring, cpu);
	uint64_t consumed = c->consumed, len = complete(c, is_over) - consumed;
	size_t start = (size_t)(consumed & (ring->bytes - 1));
	const uint8_t *data = (const uint8_t *)c + KERN_RING_CONTROL + start;

	if (!len || len > ring->bytes)
		return (struct span){0};
	if (start + len > ring->bytes)
		len = up_to_wrap(data, start, (size_t)ring->bytes, (size_t)len);
	return (struct span){data, (size_t)len};
}

void kern_ring_consume(const struct kern_ring *ring, unsigned cpu, size_t bytes)
{
	struct kern_ring_control *c = kern_ring_control(ring, cpu);

	/* release: what was read is read before programs may write there */
	atomic_store_explicit((_Atomic uint64_t *)&c->consumed, c->consumed + bytes,
			      memory_order_release);
}

uint64_t kern_ring_lost(const struct kern_ring *ring, unsigned cpu)
{
	return load(&kern_ring_control(ring, cpu)->lost);
}

/* --- the code -------------------------------------------------------------------- */

void ring_emit_find(const struct kern_ring *ring, struct bpf_asm *a, unsigned out)
{
	asm_call(a, BPF_FUNC_get_smp_processor_id);
	asm_store(a, BPF_W, BPF_REG_10, KEY_SLOT, BPF_REG_0);
	asm_mov(a, BPF_REG_2, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_2, KEY_SLOT);
	asm_load_map(a, BPF_REG_1, ring->map);
	asm_call(a, BPF_FUNC_map_lookup_elem);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_0, 0, out);
	asm_mov(a, BPF_REG_8, BPF_REG_0);
}

static void add_to_nest(struct bpf_asm *a, int n)
{
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_8, NEST);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, n);
	asm_store(a, BPF_DW, BPF_REG_8, NEST, BPF_REG_1);
}

void ring_emit_reserve(const struct kern_ring *ring, struct bpf_asm *a, uint32_t max_bytes,
		       unsigned out)
{
	unsigned room = asm_label(a);

	if (max_bytes > KERN_RING_RECORD_MAX)
		a->error = a->error ? a->error : -EMSGSIZE;
	add_to_nest(a, 1);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_8, HEAD);
	asm_load(a, BPF_DW, BPF_REG_2, BPF_REG_8, CONSUMED);
	asm_alu(a, BPF_SUB, BPF_REG_1, BPF_REG_2);
	asm_jump_imm(a, BPF_JLE, BPF_REG_1, (int32_t)(ring->bytes - KERN_RING_MARGIN), room);
	asm_mov_imm(a, BPF_REG_1, 1);
	asm_atomic(a, BPF_DW, BPF_ADD, BPF_REG_8, LOST, BPF_REG_1);
	add_to_nest(a, -1);
	asm_jump(a, out);

	asm_bind(a, room);
	asm_mov_imm(a, BPF_REG_7, (int32_t)padded(max_bytes));
	asm_atomic(a, BPF_DW, BPF_ADD | BPF_FETCH, BPF_REG_8, HEAD, BPF_REG_7);
	asm_store(a, BPF_DW, BPF_REG_10, POSITION_SLOT, BPF_REG_7);
	asm_alu_imm(a, BPF_AND, BPF_REG_7, (int32_t)(ring->bytes - 1));
	asm_alu(a, BPF_ADD, BPF_REG_7, BPF_REG_8);
	asm_alu_imm(a, BPF_ADD, BPF_REG_7, KERN_RING_CONTROL);
}

void ring_emit_start(const struct kern_ring *ring, struct bpf_asm *a, int reg)
{
	asm_load(a, BPF_DW, reg, BPF_REG_10, POSITION_SLOT);
	asm_alu_imm(a, BPF_AND, reg, (int32_t)(ring->bytes - 1));
	asm_alu(a, BPF_ADD, reg, BPF_REG_8);
	asm_alu_imm(a, BPF_ADD, reg, KERN_RING_CONTROL);
}

/*
 * Gives back what was reserved and not used: head goes back when nobody reserved
 * behind us; else the rest becomes padding that readers step over.
 * r0: bytes used.
 */
static void emit_shrink(const struct kern_ring *ring, struct bpf_asm *a, uint32_t max_bytes)
{
	unsigned done = asm_label(a);
	int32_t max = (int32_t)padded(max_bytes);

	asm_mov(a, BPF_REG_1, BPF_REG_0);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, 7);
	asm_alu_imm(a, BPF_AND, BPF_REG_1, 0xfff8);
	asm_jump_imm(a, BPF_JGE, BPF_REG_1, max, done);
	asm_load(a, BPF_DW, BPF_REG_3, BPF_REG_10, POSITION_SLOT);
	asm_mov(a, BPF_REG_0, BPF_REG_3);
	asm_alu_imm(a, BPF_ADD, BPF_REG_0, max);
	asm_mov(a, BPF_REG_4, BPF_REG_0);
	asm_alu(a, BPF_ADD, BPF_REG_3, BPF_REG_1);
	asm_atomic(a, BPF_DW, BPF_CMPXCHG, BPF_REG_8, HEAD, BPF_REG_3);
	asm_jump_reg(a, BPF_JEQ, BPF_REG_0, BPF_REG_4, done);
	/* a place of its own: behind a record that reaches over the ring's end it is at its start */
	asm_alu_imm(a, BPF_AND, BPF_REG_3, (int32_t)(ring->bytes - 1));
	asm_alu(a, BPF_ADD, BPF_REG_3, BPF_REG_8);
	asm_alu_imm(a, BPF_ADD, BPF_REG_3, KERN_RING_CONTROL);
	asm_store_imm(a, BPF_H, BPF_REG_3, 0, -1); /* KERN_ID_PAD */
	asm_mov_imm(a, BPF_REG_2, max);
	asm_alu(a, BPF_SUB, BPF_REG_2, BPF_REG_1);
	asm_store(a, BPF_H, BPF_REG_3, 2, BPF_REG_2);
	asm_bind(a, done);
}

void ring_emit_commit(const struct kern_ring *ring, struct bpf_asm *a, uint32_t max_bytes,
		      uint32_t bytes)
{
	unsigned nested = asm_label(a);

	if (!bytes || padded(bytes) != padded(max_bytes)) {
		if (bytes)
			asm_mov_imm(a, BPF_REG_0, (int32_t)bytes);
		emit_shrink(ring, a, max_bytes);
	}
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_8, NEST);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, -1);
	asm_jump_imm(a, BPF_JNE, BPF_REG_1, 0, nested);
	asm_load(a, BPF_DW, BPF_REG_2, BPF_REG_8, HEAD);
	if (STORES_ARE_ORDERED)
		asm_store(a, BPF_DW, BPF_REG_8, COMMITTED, BPF_REG_2);
	else /* a full barrier: the record is seen before its publication */
		asm_atomic(a, BPF_DW, BPF_XCHG, BPF_REG_8, COMMITTED, BPF_REG_2);
	asm_bind(a, nested);
	asm_store(a, BPF_DW, BPF_REG_8, NEST, BPF_REG_1);
}
