/* SPDX-License-Identifier: MIT */
/*
 * Passes over the IR that come before registers: what is unused or out of
 * reach goes, and the objects of the frame get their places. The kernel gives 512 bytes of
 * stack; what does not fit lies in an entry of a per-CPU array that is this
 * program's own (the kernel lets no program run within itself on one CPU).
 */
#include <errno.h>

#include "lang/ir.h"

static bool has_effect(const struct ir_insn *i)
{
	return i->op >= IR_STORE;
}

void ir_drop_unused(struct ir *ir)
{
	bool changed = true;
	struct arena a = {0};

	while (changed && !ir->error) {
		uint8_t *used = arena_array(&a, ir->n_regs + 1, 1);
		struct ir_insn *i;

		changed = false;
		if (!used)
			break; /* they stay, and do no harm */
		vec_each(i, &ir->insns)
			for (int k = 0; k < i->n_args; k++)
				if (!i->is_dead && i->args[k].kind == IR_REG)
					used[i->args[k].id] = 1;
		vec_each(i, &ir->insns) {
			if (i->is_dead || i->dst < 0 || used[i->dst])
				continue;
			if (has_effect(i)) /* what a call or an atomic gives is dropped */
				i->dst = -1;
			else
				i->is_dead = changed = true;
		}
	}
	arena_fini(&a);
}

static void mark_label(const struct ir *ir, const uint32_t *places, uint32_t label, uint32_t *stack,
		       size_t *n, uint8_t *seen)
{
	uint32_t at = places[label];

	if (at < ir->insns.len && !seen[at]) {
		seen[at] = 1;
		stack[(*n)++] = at;
	}
}

/* The kernel refuses code that no path leads to. */
void ir_drop_unreachable(struct ir *ir)
{
	struct arena a = {0};
	uint8_t *seen = arena_array(&a, ir->insns.len + 1, 1);
	uint32_t *places = arena_array(&a, ir->n_labels + 1, sizeof(*places));
	uint32_t *stack = arena_array(&a, ir->insns.len + 1, sizeof(*stack));
	size_t n = 0, kept = 0;

	if (!seen || !places || !stack) {
		ir->error = -ENOMEM;
		arena_fini(&a);
		return;
	}
	for (uint32_t i = 0; i < ir->insns.len; i++)
		if (ir->insns.items[i].op == IR_LABEL)
			places[ir->insns.items[i].label] = i;
	if (ir->insns.len) {
		seen[0] = 1;
		stack[n++] = 0;
	}
	while (n) {
		for (uint32_t i = stack[--n]; i < ir->insns.len; i++) {
			const struct ir_insn *insn = &ir->insns.items[i];

			seen[i] = 1;
			if (insn->op == IR_JUMP || insn->op == IR_BRANCH)
				mark_label(ir, places, insn->label, stack, &n, seen);
			if (insn->op == IR_JUMP || insn->op == IR_RETURN)
				break;
			if (i + 1 < ir->insns.len && seen[i + 1])
				break;
		}
	}
	for (uint32_t i = 0; i < ir->insns.len; i++)
		if (seen[i] && !ir->insns.items[i].is_dead)
			ir->insns.items[kept++] = ir->insns.items[i];
	ir->insns.len = kept;
	arena_fini(&a);
}

static void hold_scratch(const struct ir *ir, struct ir *all, struct ir_operand base)
{
	uint32_t ours = ir_new_label(all);

	ir_branch(all, BPF_JEQ, ir_atomic_fetch(all, BPF_XCHG & ~BPF_FETCH, base, 0, 8, ir_imm(1)),
		  ir_imm(0), ours);
	ir_atomic(all, BPF_ADD, ir->busy, 0, 8, ir_imm(1));
	ir_return(all, 0);
	ir_label(all, ours);
}

/* In front of all: base = lookup(scratch, &index); without it nothing happens. Objects in the
 * scratch entry are then reached through base. */
static int open_scratch(struct ir *ir)
{
	struct ir all = {.n_regs = ir->n_regs, .n_labels = ir->n_labels};
	struct ir_operand key = {IR_FRAME, (uint32_t)ir->objects.len - 1, 0}, base;
	uint32_t there = ir_new_label(&all);
	struct ir_insn *i;

	ir_store(&all, key, 0, 4, ir_imm(ir->scratch_index));
	base = ir_call(&all, BPF_FUNC_map_lookup_elem, 2, ir_map(ir->scratch_map), key);
	ir_branch(&all, BPF_JNE, base, ir_imm(0), there);
	ir_return(&all, 0);
	ir_label(&all, there);
	if (ir->guards_scratch)
		hold_scratch(ir, &all, base);
	vec_each(i, &ir->insns) {
		if (i->op == IR_RETURN && ir->guards_scratch)
			ir_store(&all, base, 0, 8, ir_imm(0));
		for (int k = 0; k < i->n_args; k++) {
			struct ir_operand *o = &i->args[k];

			if (o->kind != IR_FRAME || !ir->objects.items[o->id].in_scratch)
				continue;
			o->kind = IR_REG;
			o->imm += ir->objects.items[o->id].place;
			o->id = base.id;
		}
		if (vec_push(&all.insns, *i))
			all.error = -ENOMEM;
	}
	vec_fini(&ir->insns);
	ir->insns.items = all.insns.items;
	ir->insns.len = all.insns.len;
	ir->insns.cap = all.insns.cap;
	ir->n_regs = all.n_regs;
	ir->n_labels = all.n_labels;
	return all.error;
}

int ir_place_frame(struct ir *ir, uint32_t stack_bytes)
{
	uint32_t on_stack = 0, key;
	struct ir_object *o;

	ir->scratch_bytes = ir->guards_scratch ? 8 : 0;
	vec_each(o, &ir->objects) {
		o->in_scratch = on_stack + o->size > stack_bytes;
		if (o->in_scratch) {
			o->place = (int32_t)ir->scratch_bytes;
			ir->scratch_bytes += o->size;
		} else {
			on_stack += o->size;
			o->place = -(int32_t)on_stack;
		}
	}
	ir->stack_bytes = on_stack;
	if (ir->scratch_bytes <= 8u * ir->guards_scratch) {
		ir->scratch_bytes = 0;
		return 0;
	}
	key = ir_new_object(ir, 8).id;
	if (ir->error)
		return ir->error;
	ir->stack_bytes += 8;
	ir->objects.items[key].place = -(int32_t)ir->stack_bytes;
	return open_scratch(ir);
}
