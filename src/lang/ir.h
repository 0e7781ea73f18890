/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_IR_H
#define PISTE_LANG_IR_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"
#include "bpf/asm.h"

/*
 * ir - code over any number of 64-bit registers and frame objects, with calls
 * of the kernel's helpers. Near to BPF in what an instruction does, free of
 * where values lie: that is decided by regs.c, after which emit.c writes BPF.
 *
 * A register may be written more than once and in different branches; what it
 * holds where nothing was written is undefined. Register 0 is the context.
 */
enum ir_op {
	IR_MOV, /* dst = a */
	IR_ALU, /* dst = a `sub` b; sub: BPF_ADD … */
	IR_NEG, /* dst = -a */
	IR_SWAP, /* dst = a's bytes turned around; sub: 16 32 64 bits */
	IR_LOAD, /* dst = *(a + offset), size bytes */
	IR_STORE, /* *(a + offset) = b, size bytes */
	IR_ATOMIC, /* *(a + offset) `sub`= b; 4 or 8 bytes; with BPF_FETCH dst is what it was */
	IR_CALL, /* dst = helper `sub` (args) */
	IR_LABEL,
	IR_JUMP,
	IR_BRANCH, /* if (a `sub` b) goto label; sub: BPF_JEQ … */
	IR_RETURN, /* the program ends, with a */
	IR_N_OPS
};

enum ir_operand_kind {
	IR_NONE,
	IR_REG, /* id; of an address, plus imm */
	IR_IMM, /* imm */
	IR_FRAME, /* the address of frame object id, plus imm */
	IR_MAP, /* map id, for helpers */
	IR_MAP_VALUE, /* the address of the only value of array map id, plus imm */
};

struct ir_operand {
	uint8_t kind; /* enum ir_operand_kind */
	uint32_t id;
	int64_t imm;
};

enum { IR_MAX_ARGS = 5 };

struct ir_insn {
	uint8_t op; /* enum ir_op */
	uint8_t size; /* of memory: 1 2 4 8 */
	bool is_signed; /* LOAD */
	bool is_dead;
	uint16_t sub;
	int32_t dst; /* a register, or -1 */
	int32_t offset;
	uint32_t label;
	struct ir_operand args[IR_MAX_ARGS]; /* a, b; or those of a call */
	uint8_t n_args;
};

struct ir_object { /* in the frame */
	uint32_t size; /* a multiple of 8 */
	int32_t place; /* from regs.c: below the frame pointer, or (in_scratch) from its base */
	bool in_scratch;
};

struct ir {
	struct VEC(struct ir_insn) insns;
	struct VEC(struct ir_object) objects;
	uint32_t n_regs, n_labels;
	int error; /* the first: -ENOMEM */
	/* from the pass that places the frame */
	uint32_t stack_bytes, scratch_bytes;
	uint32_t scratch_map, scratch_index; /* from the caller: map and its entry */
	/* The program may be preempted by itself (probes of user functions): its scratch is held by
	 * whoever came first, and the other leaves, counted at `busy`. */
	bool guards_scratch;
	struct ir_operand busy;
};

void ir_fini(struct ir *ir);

static inline struct ir_operand ir_imm(int64_t value)
{
	return (struct ir_operand){IR_IMM, 0, value};
}
static inline struct ir_operand ir_reg(uint32_t reg)
{
	return (struct ir_operand){IR_REG, reg, 0};
}
static inline struct ir_operand ir_map(uint32_t map)
{
	return (struct ir_operand){IR_MAP, map, 0};
}
static inline struct ir_operand ir_map_value(uint32_t map, int64_t offset)
{
	return (struct ir_operand){IR_MAP_VALUE, map, offset};
}
struct ir_operand ir_new_reg(struct ir *ir);
struct ir_operand ir_new_object(struct ir *ir, uint32_t size);
uint32_t ir_new_label(struct ir *ir);

/* Each adds one instruction, or folds it where all is known; gives the register or the constant. */
struct ir_operand ir_alu(struct ir *ir, int op, struct ir_operand a, struct ir_operand b);
struct ir_operand ir_neg(struct ir *ir, struct ir_operand a);
struct ir_operand ir_swap(struct ir *ir, struct ir_operand a, int bits);
struct ir_operand ir_load(struct ir *ir, struct ir_operand base, int32_t offset, uint32_t size,
			  bool is_signed);
struct ir_operand ir_call(struct ir *ir, int helper, int n, ...); /* n operands */
void ir_move(struct ir *ir, struct ir_operand dst, struct ir_operand a); /* into a register */
void ir_store(struct ir *ir, struct ir_operand base, int32_t offset, uint32_t size,
	      struct ir_operand value);
void ir_atomic(struct ir *ir, int op, struct ir_operand base, int32_t offset, uint32_t size,
	       struct ir_operand value);
struct ir_operand ir_atomic_fetch(struct ir *ir, int op, struct ir_operand base, int32_t offset,
				  uint32_t size, struct ir_operand value);
void ir_label(struct ir *ir, uint32_t label);
void ir_jump(struct ir *ir, uint32_t label);
void ir_branch(struct ir *ir, int op, struct ir_operand a, struct ir_operand b, uint32_t label);
void ir_return(struct ir *ir, int64_t value);
/* Sign- or zero-extends the low `size` bytes. */
struct ir_operand ir_extend(struct ir *ir, struct ir_operand a, uint32_t size, bool is_signed);

void ir_write(struct str *out, const struct ir *ir);

/*
 * The passes, in their order (ir_generate): what is never used or reached goes,
 * the frame is laid out, registers are given out, BPF is written.
 */
void ir_drop_unused(struct ir *ir);
void ir_drop_unreachable(struct ir *ir);
int ir_place_frame(struct ir *ir, uint32_t stack_bytes);

enum { IR_SPILLED = 0x100 }; /* a place: IR_SPILLED + its slot */
struct ir_places {
	uint16_t *of; /* each register's: BPF_REG_*, or IR_SPILLED and more */
	uint32_t n_spilled;
};
int ir_allocate(struct ir *ir, struct ir_places *out, struct arena *a);
int ir_emit(const struct ir *ir, const struct ir_places *places, struct bpf_asm *out);
/* 0, -ENOMEM, -E2BIG when it cannot be made small enough. */
int ir_generate(struct ir *ir, struct bpf_asm *out, struct arena *a);

#endif
