/* SPDX-License-Identifier: MIT */
/*
 * Code that reads and writes memory: of the kernel and of programs through
 * helpers, since any address may be bad; our own directly. A read that fails
 * gives zeros, and is counted.
 */
#include <string.h>

#include "lang/compile.h"

enum { MAX_INLINE = 128 }; /* bytes written by stores of our own; beyond, a helper copies */

struct ir_operand context_reg(void)
{
	return ir_reg(0);
}

struct ir_operand at(struct ir_operand base, int64_t offset)
{
	base.imm += offset;
	return base;
}

void count_in_control(struct compiler *c, size_t offset)
{
	ir_atomic(c->ir, BPF_ADD, ir_map_value(LANG_MAP_CONTROL, (int64_t)offset), 0, 8, ir_imm(1));
}

void read_bytes(struct compiler *c, struct ir_operand base, int32_t offset, uint32_t size,
		struct ir_operand address, bool in_user_space)
{
	uint32_t was_read = ir_new_label(c->ir);
	struct ir_operand result = ir_call(
		c->ir, in_user_space ? BPF_FUNC_probe_read_user : BPF_FUNC_probe_read_kernel, 3,
		at(base, offset), ir_imm(size), address);

	ir_branch(c->ir, BPF_JEQ, result, ir_imm(0), was_read);
	count_in_control(c, offsetof(struct lang_control, bad_reads));
	ir_label(c->ir, was_read);
}

struct ir_operand read_integer(struct compiler *c, struct ir_operand address,
			       const struct lang_type *type, bool in_user_space)
{
	uint32_t size = type->kind == LANG_INT ? type->size : 8;
	struct ir_operand slot = ir_new_object(c->ir, 8);

	read_bytes(c, slot, 0, size, address, in_user_space);
	return ir_load(c->ir, slot, 0, size, type->kind == LANG_INT && type->is_signed);
}

void store_zeros(struct compiler *c, struct ir_operand base, int32_t offset, uint32_t size)
{
	if (size > MAX_INLINE) {
		ir_call(c->ir, BPF_FUNC_probe_read_kernel, 3, at(base, offset), ir_imm(size),
			ir_map_value(LANG_MAP_DATA, 0));
		return;
	}
	for (uint32_t i = 0; i < size; i += 8)
		ir_store(c->ir, base, offset + (int32_t)i, 8, ir_imm(0));
}

void read_string(struct compiler *c, struct ir_operand base, int32_t offset, uint32_t size,
		 struct ir_operand address, bool in_user_space)
{
	if (c->pads)
		store_zeros(c, base, offset, (size + 7) & ~7u);
	ir_call(c->ir,
		in_user_space ? BPF_FUNC_probe_read_user_str : BPF_FUNC_probe_read_kernel_str, 3,
		at(base, offset), ir_imm(size), address);
}

void copy_bytes(struct compiler *c, struct ir_operand base, int32_t offset, struct ir_operand from,
		int32_t from_offset, uint32_t size)
{
	if (size > MAX_INLINE) {
		ir_call(c->ir, BPF_FUNC_probe_read_kernel, 3, at(base, offset), ir_imm(size),
			at(from, from_offset));
		return;
	}
	for (uint32_t i = 0; i < size; i += 8)
		ir_store(c->ir, base, offset + (int32_t)i, 8,
			 ir_load(c->ir, from, from_offset + (int32_t)i, 8, false));
}

/* Loads from the context: of these kinds it is an array of 64-bit words. */
static struct ir_operand load_context(struct compiler *c, uint32_t offset,
				      const struct lang_type *type)
{
	uint32_t size = type->kind == LANG_INT ? type->size : 8;
	bool is_signed = type->kind == LANG_INT && type->is_signed;

	if (c->target->context == LANG_CONTEXT_RECORD)
		return ir_load(c->ir, context_reg(), (int32_t)offset, size, is_signed);
	return ir_extend(c->ir, ir_load(c->ir, context_reg(), (int32_t)offset, 8, false), size,
			 is_signed);
}

struct ir_operand load_arg(struct compiler *c, const struct lang_arg *arg)
{
	bool is_scalar = lang_is_scalar(arg->type);
	struct ir_operand pointer;

	switch (arg->where) {
	case LANG_IN_CONTEXT:
		if (is_scalar)
			return load_context(c, arg->offset, arg->type);
		return ir_alu(c->ir, BPF_ADD, context_reg(), ir_imm(arg->offset));
	case LANG_IN_MEMORY:
		pointer = ir_load(c->ir, context_reg(), (int32_t)arg->base, 8, false);
		if (is_scalar)
			return read_integer(c, at(pointer, arg->offset), arg->type, false);
		return ir_alu(c->ir, BPF_ADD, pointer, ir_imm(arg->offset));
	case LANG_IN_DATA_LOC:
		pointer = ir_load(c->ir, context_reg(), (int32_t)arg->offset, 4, false);
		pointer = ir_alu(c->ir, BPF_AND, pointer, ir_imm(0xffff));
		return ir_alu(c->ir, BPF_ADD, context_reg(), pointer);
	case LANG_BY_EXPRESSION:
		break;
	}
	return ir_imm(0);
}
