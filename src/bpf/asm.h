/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BPF_ASM_H
#define PISTE_BPF_ASM_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/*
 * asm - BPF code, one call an instruction; no kernel needed.
 *
 *	struct bpf_asm a = {0};
 *	unsigned out = asm_label(&a);
 *
 *	asm_load(&a, BPF_DW, BPF_REG_6, BPF_REG_1, 8);		r6 = *(u64 *)(r1 + 8)
 *	asm_jump_imm(&a, BPF_JEQ, BPF_REG_6, 0, out);		if (r6 == 0) goto out
 *	…
 *	asm_bind(&a, out);
 *	asm_return(&a, 0);
 *	err = asm_finish(&a);					jumps know their distance
 *	… a.insns, a.relocs
 *	asm_fini(&a);
 *
 * Maps, map values and kernel functions are named by numbers of the caller's;
 * whoever loads the code puts descriptors in their place (`relocs`). The first
 * error sticks: -ENOMEM, -E2BIG for a jump that is too far, -EINVAL for a label
 * that was never bound.
 *
 * Encoding: Documentation/bpf/standardization/instruction-set.rst (RFC 9669).
 */
enum bpf_reloc_kind {
	BPF_RELOC_MAP, /* a pointer to the map */
	BPF_RELOC_MAP_VALUE, /* the address of a one-entry array's value, plus an offset */
	BPF_RELOC_KFUNC, /* a kernel function, by its BTF id */
	BPF_RELOC_KSYM, /* the address of a kernel variable, by its BTF id */
};

struct bpf_reloc {
	uint32_t insn;
	enum bpf_reloc_kind kind;
	uint32_t id; /* the caller's */
};

struct bpf_fixup {
	uint32_t insn, label;
};

struct bpf_asm {
	struct VEC(struct bpf_insn) insns;
	struct VEC(struct bpf_reloc) relocs;
	struct VEC(uint32_t) labels; /* place of each; UINT32_MAX: not bound */
	struct VEC(struct bpf_fixup) fixups;
	int error;
};

void asm_fini(struct bpf_asm *a);
int asm_finish(struct bpf_asm *a); /* 0 or the first error */

unsigned asm_label(struct bpf_asm *a); /* a new one, not bound yet */
void asm_bind(struct bpf_asm *a, unsigned label); /* here */

void asm_insn(struct bpf_asm *a, struct bpf_insn insn); /* any instruction at all */

/* op: BPF_ADD … BPF_MOV, BPF_ARSH. 64 bits; the 32-bit forms clear the upper half. */
void asm_alu(struct bpf_asm *a, int op, int dst, int src);
void asm_alu_imm(struct bpf_asm *a, int op, int dst, int32_t imm);
void asm_alu32(struct bpf_asm *a, int op, int dst, int src);
void asm_alu32_imm(struct bpf_asm *a, int op, int dst, int32_t imm);
void asm_neg(struct bpf_asm *a, int dst);
void asm_swap(struct bpf_asm *a, int dst, int bits, bool to_big_endian); /* 16 32 64 */
void asm_mov(struct bpf_asm *a, int dst, int src);
void asm_mov_imm(struct bpf_asm *a, int dst, int32_t imm);
void asm_mov_imm64(struct bpf_asm *a, int dst, uint64_t imm); /* the shortest form */

/* size: BPF_B BPF_H BPF_W BPF_DW. Loads extend with zeroes. */
void asm_load(struct bpf_asm *a, int size, int dst, int src, int off);
/* … with the sign: a load and two shifts, since sign-extending loads need kernel 6.6 */
void asm_load_signed(struct bpf_asm *a, int size, int dst, int src, int off);
void asm_store(struct bpf_asm *a, int size, int dst, int off, int src);
void asm_store_imm(struct bpf_asm *a, int size, int dst, int off, int32_t imm);
/* op: BPF_ADD BPF_OR BPF_AND BPF_XOR, | BPF_FETCH; BPF_XCHG, BPF_CMPXCHG. size: BPF_W BPF_DW */
void asm_atomic(struct bpf_asm *a, int size, int op, int dst, int off, int src);

/* op: BPF_JEQ … BPF_JSLE, BPF_JSET */
void asm_jump(struct bpf_asm *a, unsigned label);
void asm_jump_reg(struct bpf_asm *a, int op, int dst, int src, unsigned label);
void asm_jump_imm(struct bpf_asm *a, int op, int dst, int32_t imm, unsigned label);
void asm_jump32_reg(struct bpf_asm *a, int op, int dst, int src, unsigned label);
void asm_jump32_imm(struct bpf_asm *a, int op, int dst, int32_t imm, unsigned label);

void asm_call(struct bpf_asm *a, int helper); /* BPF_FUNC_* */
void asm_call_kfunc(struct bpf_asm *a, uint32_t id);
void asm_call_label(struct bpf_asm *a, unsigned label); /* a function of the same program */
void asm_load_map(struct bpf_asm *a, int dst, uint32_t id);
void asm_load_map_value(struct bpf_asm *a, int dst, uint32_t id, uint32_t offset);
void asm_load_ksym(struct bpf_asm *a, int dst, uint32_t id);
void asm_load_function(struct bpf_asm *a, int dst, unsigned label); /* for bpf_loop and the like */
void asm_exit(struct bpf_asm *a);
void asm_return(struct bpf_asm *a, int32_t imm); /* r0 = imm; exit */

#endif
