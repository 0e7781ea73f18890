/* SPDX-License-Identifier: MIT */
/*
 * From the IR with its registers to BPF. Spilled registers are slots below the
 * frame's objects; an instruction loads them into r0 (what it works on) and r1
 * (the other operand), which nothing else holds.
 */
#include <errno.h>
#include <string.h>

#include "lang/ir.h"

enum { STACK_BYTES = 512, WORK = BPF_REG_0, OTHER = BPF_REG_1 };

struct emitter {
	const struct ir *ir;
	const struct ir_places *places;
	struct bpf_asm *out;
	unsigned *labels;
};

static const uint8_t sizes[] = {[1] = BPF_B, [2] = BPF_H, [4] = BPF_W, [8] = BPF_DW};

static int slot_offset(const struct emitter *e, uint16_t place)
{
	return -(int)e->ir->stack_bytes - 8 * (place - IR_SPILLED + 1);
}

/* Puts an operand into this register. */
static void load_into(struct emitter *e, int reg, struct ir_operand o)
{
	uint16_t place;

	switch (o.kind) {
	case IR_REG:
		place = e->places->of[o.id];
		if (place >= IR_SPILLED)
			asm_load(e->out, BPF_DW, reg, BPF_REG_10, slot_offset(e, place));
		else if (place != reg)
			asm_mov(e->out, reg, place);
		if (o.imm)
			asm_alu_imm(e->out, BPF_ADD, reg, (int32_t)o.imm);
		break;
	case IR_FRAME:
		asm_mov(e->out, reg, BPF_REG_10);
		asm_alu_imm(e->out, BPF_ADD, reg,
			    (int32_t)(e->ir->objects.items[o.id].place + o.imm));
		break;
	case IR_MAP:
		asm_load_map(e->out, reg, o.id);
		break;
	case IR_MAP_VALUE:
		asm_load_map_value(e->out, reg, o.id, (uint32_t)o.imm);
		break;
	default:
		asm_mov_imm64(e->out, reg, (uint64_t)o.imm);
	}
}

/* The register that holds it: its own, or `spare` after loading it there. */
static int in_register(struct emitter *e, struct ir_operand o, int spare)
{
	if (o.kind == IR_REG && e->places->of[o.id] < IR_SPILLED && !o.imm)
		return e->places->of[o.id];
	load_into(e, spare, o);
	return spare;
}

/* As in_register, but an offset goes to *offset, and the frame pointer may be the base. */
static int address(struct emitter *e, struct ir_operand o, int32_t *offset, int spare)
{
	if (o.kind == IR_FRAME) {
		*offset += (int32_t)o.imm + e->ir->objects.items[o.id].place;
		return BPF_REG_10;
	}
	if (o.kind == IR_REG) {
		*offset += (int32_t)o.imm;
		o.imm = 0;
	}
	return in_register(e, o, spare);
}

static bool fits(struct ir_operand o)
{
	return o.kind == IR_IMM && o.imm == (int32_t)o.imm;
}

static int target(const struct emitter *e, int32_t dst)
{
	uint16_t place = e->places->of[dst];

	return place >= IR_SPILLED ? WORK : place;
}

static void keep(struct emitter *e, int32_t dst, int reg)
{
	uint16_t place = e->places->of[dst];

	if (place >= IR_SPILLED)
		asm_store(e->out, BPF_DW, BPF_REG_10, slot_offset(e, place), reg);
	else if (place != reg)
		asm_mov(e->out, place, reg);
}

static void emit_alu(struct emitter *e, const struct ir_insn *i)
{
	int dst = target(e, i->dst), other;

	if (fits(i->args[1])) {
		load_into(e, dst, i->args[0]);
		asm_alu_imm(e->out, i->sub, dst, (int32_t)i->args[1].imm);
	} else {
		other = in_register(e, i->args[1], OTHER);
		if (other == dst) /* it must not be overwritten before it is used */
			dst = WORK;
		load_into(e, dst, i->args[0]);
		asm_alu(e->out, i->sub, dst, other);
	}
	keep(e, i->dst, dst);
}

static void emit_load(struct emitter *e, const struct ir_insn *i)
{
	int32_t offset = i->offset;
	int base = address(e, i->args[0], &offset, OTHER), dst = target(e, i->dst);

	if (i->is_signed && i->size < 8)
		asm_load_signed(e->out, sizes[i->size], dst, base, offset);
	else
		asm_load(e->out, sizes[i->size], dst, base, offset);
	keep(e, i->dst, dst);
}

static void emit_store(struct emitter *e, const struct ir_insn *i)
{
	int32_t offset = i->offset;
	int base = address(e, i->args[0], &offset, OTHER), value;

	if (fits(i->args[1])) {
		asm_store_imm(e->out, sizes[i->size], base, offset, (int32_t)i->args[1].imm);
		return;
	}
	value = in_register(e, i->args[1], WORK);
	asm_store(e->out, sizes[i->size], base, offset, value);
}

static void emit_atomic(struct emitter *e, const struct ir_insn *i)
{
	int32_t offset = i->offset;
	int base = address(e, i->args[0], &offset, OTHER), value = WORK;

	/* a fetch writes to the register that it adds */
	if (i->sub & BPF_FETCH)
		load_into(e, WORK, i->args[1]);
	else
		value = in_register(e, i->args[1], WORK);
	asm_atomic(e->out, sizes[i->size], i->sub, base, offset, value);
	if (i->dst >= 0)
		keep(e, i->dst, WORK);
}

/*
 * Arguments go to r1 … r5, where others of them may still lie: first those whose place nobody
 * waits for, and a ring of them is opened through r0. What is no register comes last.
 */
static void emit_args(struct emitter *e, const struct ir_insn *i)
{
	int from[IR_MAX_ARGS];
	bool moved = true;

	for (int k = 0; k < i->n_args; k++) {
		struct ir_operand o = i->args[k];

		from[k] = o.kind == IR_REG && e->places->of[o.id] < IR_SPILLED ? e->places->of[o.id]
									       : -1;
	}
	for (;;) {
		int waiting = -1;

		moved = false;
		for (int k = 0; k < i->n_args; k++) {
			bool is_wanted = false;

			if (from[k] < 0)
				continue;
			for (int other = 0; other < i->n_args; other++)
				is_wanted |= other != k && from[other] == k + 1;
			if (is_wanted) {
				waiting = k;
				continue;
			}
			if (from[k] != k + 1)
				asm_mov(e->out, k + 1, from[k]);
			if (i->args[k].imm)
				asm_alu_imm(e->out, BPF_ADD, k + 1, (int32_t)i->args[k].imm);
			from[k] = -1;
			moved = true;
		}
		if (waiting < 0)
			break;
		if (!moved) {
			asm_mov(e->out, WORK, from[waiting]);
			for (int k = 0, was = from[waiting]; k < i->n_args; k++)
				if (from[k] == was)
					from[k] = WORK;
		}
	}
	for (int k = 0; k < i->n_args; k++)
		if (i->args[k].kind != IR_REG || e->places->of[i->args[k].id] >= IR_SPILLED)
			load_into(e, k + 1, i->args[k]);
}

static void emit_branch(struct emitter *e, const struct ir_insn *i)
{
	int a = in_register(e, i->args[0], WORK);

	if (fits(i->args[1]))
		asm_jump_imm(e->out, i->sub, a, (int32_t)i->args[1].imm, e->labels[i->label]);
	else
		asm_jump_reg(e->out, i->sub, a, in_register(e, i->args[1], OTHER),
			     e->labels[i->label]);
}

static void emit_insn(struct emitter *e, const struct ir_insn *i)
{
	int dst;

	switch ((enum ir_op)i->op) {
	case IR_MOV:
		dst = target(e, i->dst);
		load_into(e, dst, i->args[0]);
		keep(e, i->dst, dst);
		break;
	case IR_ALU:
		emit_alu(e, i);
		break;
	case IR_NEG:
	case IR_SWAP:
		dst = target(e, i->dst);
		load_into(e, dst, i->args[0]);
		if (i->op == IR_NEG)
			asm_neg(e->out, dst);
		else
			asm_swap(e->out, dst, i->sub, true);
		keep(e, i->dst, dst);
		break;
	case IR_LOAD:
		emit_load(e, i);
		break;
	case IR_STORE:
		emit_store(e, i);
		break;
	case IR_ATOMIC:
		emit_atomic(e, i);
		break;
	case IR_CALL:
		emit_args(e, i);
		asm_call(e->out, i->sub);
		if (i->dst >= 0)
			keep(e, i->dst, BPF_REG_0);
		break;
	case IR_LABEL:
		asm_bind(e->out, e->labels[i->label]);
		break;
	case IR_JUMP:
		asm_jump(e->out, e->labels[i->label]);
		break;
	case IR_BRANCH:
		emit_branch(e, i);
		break;
	case IR_RETURN:
		load_into(e, BPF_REG_0, i->args[0]);
		asm_exit(e->out);
		break;
	case IR_N_OPS:
		break;
	}
}

int ir_emit(const struct ir *ir, const struct ir_places *places, struct bpf_asm *out)
{
	struct arena a = {0};
	struct emitter e = {.ir = ir, .places = places, .out = out};
	const struct ir_insn *i;

	e.labels = arena_array(&a, ir->n_labels + 1, sizeof(*e.labels));
	if (!e.labels)
		return -ENOMEM;
	for (uint32_t l = 0; l < ir->n_labels; l++)
		e.labels[l] = asm_label(out);
	if (ir->n_regs && places->of[0]) /* the context, where it is wanted */
		keep(&e, 0, BPF_REG_1);
	vec_each(i, &ir->insns)
		if (!i->is_dead)
			emit_insn(&e, i);
	arena_fini(&a);
	return asm_finish(out);
}

static int copy(struct ir *to, const struct ir *from)
{
	const struct ir_insn *i;
	const struct ir_object *o;

	*to = *from;
	memset(&to->insns, 0, sizeof(to->insns));
	memset(&to->objects, 0, sizeof(to->objects));
	vec_each(i, &from->insns)
		if (vec_push(&to->insns, *i))
			return -ENOMEM;
	vec_each(o, &from->objects)
		if (vec_push(&to->objects, *o))
			return -ENOMEM;
	return 0;
}

int ir_generate(struct ir *ir, struct bpf_asm *out, struct arena *a)
{
	/* the less of the stack goes to objects, the more is left for spilled registers */
	static const uint32_t budgets[] = {384, 128, 0};
	int err = ir->error;

	if (err)
		return err;
	ir_drop_unused(ir);
	ir_drop_unreachable(ir);
	err = ir->error;
	for (size_t n = 0; !err && n < sizeof(budgets) / sizeof(budgets[0]); n++) {
		struct ir_places places;
		struct ir tried;

		err = copy(&tried, ir);
		if (!err)
			err = ir_place_frame(&tried, budgets[n]);
		if (!err)
			err = ir_allocate(&tried, &places, a);
		if (!err && tried.stack_bytes + 8 * places.n_spilled > STACK_BYTES)
			err = -E2BIG;
		if (!err)
			err = ir_emit(&tried, &places, out);
		if (!err)
			ir->scratch_bytes = tried.scratch_bytes;
		ir_fini(&tried);
		if (err == -E2BIG && n + 1 < sizeof(budgets) / sizeof(budgets[0]))
			err = 0; /* tried again with the next */
		else
			break;
	}
	return err;
}
