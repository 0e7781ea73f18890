/* SPDX-License-Identifier: MIT */
/*
 * Instructions are appended as they come; a jump is written with distance 0
 * and a fixup, which asm_finish fills in when all labels have a place.
 */
#include "bpf/asm.h"

#include <errno.h>

enum { UNBOUND = -1 };

static void fail(struct bpf_asm *a, int err)
{
	if (!a->error)
		a->error = err;
}

void asm_fini(struct bpf_asm *a)
{
	if (!a)
		return;
	vec_fini(&a->insns);
	vec_fini(&a->relocs);
	vec_fini(&a->labels);
	vec_fini(&a->fixups);
	a->error = 0;
}

/* Calls of functions, and their addresses, have room for far ones. */
static bool is_far(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) || insn->code == (BPF_LD | BPF_DW | BPF_IMM);
}

/* Distances count from the instruction behind the jump. */
static void fix(struct bpf_asm *a, const struct bpf_fixup *fixup)
{
	struct bpf_insn *insn = &a->insns.items[fixup->insn];
	uint32_t target = a->labels.items[fixup->label];
	int64_t distance = (int64_t)target - fixup->insn - 1;

	if (target == (uint32_t)UNBOUND)
		fail(a, -EINVAL);
	else if (is_far(insn))
		insn->imm = (int32_t)distance;
	else if (distance < INT16_MIN || distance > INT16_MAX)
		fail(a, -E2BIG);
	else
		insn->off = (int16_t)distance;
}

int asm_finish(struct bpf_asm *a)
{
	struct bpf_fixup *fixup;

	if (!a->error)
		vec_each(fixup, &a->fixups)
			fix(a, fixup);
	a->fixups.len = 0;
	return a->error;
}

unsigned asm_label(struct bpf_asm *a)
{
	if (!vec_push(&a->labels, (uint32_t)UNBOUND))
		return (unsigned)a->labels.len - 1;
	fail(a, -ENOMEM);
	return 0;
}

void asm_bind(struct bpf_asm *a, unsigned label)
{
	if (label < a->labels.len)
		a->labels.items[label] = (uint32_t)a->insns.len;
	else
		fail(a, -EINVAL);
}

void asm_insn(struct bpf_asm *a, struct bpf_insn insn)
{
	if (vec_push(&a->insns, insn))
		fail(a, -ENOMEM);
}

static void add(struct bpf_asm *a, int code, int dst, int src, int off, int32_t imm)
{
	if (off < INT16_MIN || off > INT16_MAX)
		fail(a, -E2BIG);
	asm_insn(a, (struct bpf_insn){
			    .code = (uint8_t)code,
			    .dst_reg = (uint8_t)dst & 0xf,
			    .src_reg = (uint8_t)src & 0xf,
			    .off = (int16_t)off,
			    .imm = imm,
		    });
}

/* Two slots; the second holds the upper half. */
static void add_wide(struct bpf_asm *a, int dst, int src, uint64_t imm)
{
	add(a, BPF_LD | BPF_DW | BPF_IMM, dst, src, 0, (int32_t)(uint32_t)imm);
	add(a, 0, 0, 0, 0, (int32_t)(uint32_t)(imm >> 32));
}

static void add_reloc(struct bpf_asm *a, enum bpf_reloc_kind kind, uint32_t id)
{
	if (vec_push(&a->relocs, ((struct bpf_reloc){(uint32_t)a->insns.len, kind, id})))
		fail(a, -ENOMEM);
}

static void add_fixup(struct bpf_asm *a, unsigned label)
{
	if (label >= a->labels.len)
		fail(a, -EINVAL);
	else if (vec_push(&a->fixups, ((struct bpf_fixup){(uint32_t)a->insns.len, label})))
		fail(a, -ENOMEM);
}

void asm_alu(struct bpf_asm *a, int op, int dst, int src)
{
	add(a, BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

void asm_alu_imm(struct bpf_asm *a, int op, int dst, int32_t imm)
{
	add(a, BPF_ALU64 | op | BPF_K, dst, 0, 0, imm);
}

void asm_alu32(struct bpf_asm *a, int op, int dst, int src)
{
	add(a, BPF_ALU | op | BPF_X, dst, src, 0, 0);
}

void asm_alu32_imm(struct bpf_asm *a, int op, int dst, int32_t imm)
{
	add(a, BPF_ALU | op | BPF_K, dst, 0, 0, imm);
}

void asm_neg(struct bpf_asm *a, int dst)
{
	add(a, BPF_ALU64 | BPF_NEG, dst, 0, 0, 0);
}

void asm_swap(struct bpf_asm *a, int dst, int bits, bool to_big_endian)
{
	add(a, BPF_ALU | BPF_END | (to_big_endian ? BPF_TO_BE : BPF_TO_LE), dst, 0, 0, bits);
}

void asm_mov(struct bpf_asm *a, int dst, int src)
{
	asm_alu(a, BPF_MOV, dst, src);
}

void asm_mov_imm(struct bpf_asm *a, int dst, int32_t imm)
{
	asm_alu_imm(a, BPF_MOV, dst, imm);
}

void asm_mov_imm64(struct bpf_asm *a, int dst, uint64_t imm)
{
	if ((int64_t)imm == (int32_t)imm)
		asm_mov_imm(a, dst, (int32_t)imm);
	else if (imm <= UINT32_MAX)
		asm_alu32_imm(a, BPF_MOV, dst, (int32_t)(uint32_t)imm);
	else
		add_wide(a, dst, 0, imm);
}

void asm_load(struct bpf_asm *a, int size, int dst, int src, int off)
{
	add(a, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

void asm_load_signed(struct bpf_asm *a, int size, int dst, int src, int off)
{
	int shift = size == BPF_B ? 56 : size == BPF_H ? 48 : size == BPF_W ? 32 : 0;

	asm_load(a, size, dst, src, off);
	if (!shift)
		return;
	asm_alu_imm(a, BPF_LSH, dst, shift);
	asm_alu_imm(a, BPF_ARSH, dst, shift);
}

void asm_store(struct bpf_asm *a, int size, int dst, int off, int src)
{
	add(a, BPF_STX | BPF_MEM | size, dst, src, off, 0);
}

void asm_store_imm(struct bpf_asm *a, int size, int dst, int off, int32_t imm)
{
	add(a, BPF_ST | BPF_MEM | size, dst, 0, off, imm);
}

void asm_atomic(struct bpf_asm *a, int size, int op, int dst, int off, int src)
{
	add(a, BPF_STX | BPF_ATOMIC | size, dst, src, off, op);
}

void asm_jump(struct bpf_asm *a, unsigned label)
{
	add_fixup(a, label);
	add(a, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

void asm_jump_reg(struct bpf_asm *a, int op, int dst, int src, unsigned label)
{
	add_fixup(a, label);
	add(a, BPF_JMP | op | BPF_X, dst, src, 0, 0);
}

void asm_jump_imm(struct bpf_asm *a, int op, int dst, int32_t imm, unsigned label)
{
	add_fixup(a, label);
	add(a, BPF_JMP | op | BPF_K, dst, 0, 0, imm);
}

void asm_jump32_reg(struct bpf_asm *a, int op, int dst, int src, unsigned label)
{
	add_fixup(a, label);
	add(a, BPF_JMP32 | op | BPF_X, dst, src, 0, 0);
}

void asm_jump32_imm(struct bpf_asm *a, int op, int dst, int32_t imm, unsigned label)
{
	add_fixup(a, label);
	add(a, BPF_JMP32 | op | BPF_K, dst, 0, 0, imm);
}

void asm_call(struct bpf_asm *a, int helper)
{
	add(a, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

void asm_call_kfunc(struct bpf_asm *a, uint32_t id)
{
	add_reloc(a, BPF_RELOC_KFUNC, id);
	add(a, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, 0);
}

void asm_call_label(struct bpf_asm *a, unsigned label)
{
	add_fixup(a, label);
	add(a, BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, 0);
}

void asm_load_map(struct bpf_asm *a, int dst, uint32_t id)
{
	add_reloc(a, BPF_RELOC_MAP, id);
	add_wide(a, dst, BPF_PSEUDO_MAP_FD, 0);
}

void asm_load_map_value(struct bpf_asm *a, int dst, uint32_t id, uint32_t offset)
{
	add_reloc(a, BPF_RELOC_MAP_VALUE, id);
	add_wide(a, dst, BPF_PSEUDO_MAP_VALUE, (uint64_t)offset << 32);
}

void asm_load_ksym(struct bpf_asm *a, int dst, uint32_t id)
{
	add_reloc(a, BPF_RELOC_KSYM, id);
	add_wide(a, dst, BPF_PSEUDO_BTF_ID, 0);
}

void asm_load_function(struct bpf_asm *a, int dst, unsigned label)
{
	add_fixup(a, label);
	add_wide(a, dst, BPF_PSEUDO_FUNC, 0);
}

void asm_exit(struct bpf_asm *a)
{
	add(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void asm_return(struct bpf_asm *a, int32_t imm)
{
	asm_mov_imm(a, BPF_REG_0, imm);
	asm_exit(a);
}
