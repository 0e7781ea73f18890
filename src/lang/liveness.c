/* SPDX-License-Identifier: MIT */
#include "lang/liveness.h"

#include <errno.h>
#include <string.h>

struct block {
	uint32_t first, end; /* instructions */
	uint32_t next[2]; /* blocks; UINT32_MAX: none */
	uint64_t *uses, *defines, *in, *out;
};

struct graph {
	const struct ir *ir;
	struct block *blocks;
	size_t n_blocks, words;
};

static bool ends_block(const struct ir_insn *i)
{
	return i->op == IR_JUMP || i->op == IR_BRANCH || i->op == IR_RETURN;
}

static void set_bit(uint64_t *bits, uint32_t n)
{
	bits[n / 64] |= 1ull << (n % 64);
}

static bool has_bit(const uint64_t *bits, uint32_t n)
{
	return bits[n / 64] >> (n % 64) & 1;
}

static int cut_into_blocks(struct graph *g, struct arena *a)
{
	const struct ir *ir = g->ir;
	uint32_t *block_of = arena_array(a, ir->n_labels + 1, sizeof(*block_of));
	size_t n = 1;

	for (size_t i = 0; i < ir->insns.len; i++)
		n += ir->insns.items[i].op == IR_LABEL || ends_block(&ir->insns.items[i]);
	g->blocks = arena_array(a, n, sizeof(*g->blocks));
	if (!g->blocks || !block_of)
		return -ENOMEM;
	for (uint32_t i = 0, first = 0; i < ir->insns.len; i++) {
		const struct ir_insn *insn = &ir->insns.items[i];
		bool last = i + 1 == ir->insns.len || ends_block(insn) ||
			    ir->insns.items[i + 1].op == IR_LABEL;

		if (insn->op == IR_LABEL)
			block_of[insn->label] = (uint32_t)g->n_blocks;
		if (!last)
			continue;
		g->blocks[g->n_blocks++] = (struct block){
			.first = first, .end = i + 1, .next = {UINT32_MAX, UINT32_MAX}};
		first = i + 1;
	}
	for (uint32_t b = 0; b < g->n_blocks; b++) {
		struct block *block = &g->blocks[b];
		const struct ir_insn *last = &ir->insns.items[block->end - 1];

		if (last->op == IR_JUMP || last->op == IR_BRANCH)
			block->next[1] = block_of[last->label];
		if (last->op != IR_JUMP && last->op != IR_RETURN && b + 1 < g->n_blocks)
			block->next[0] = b + 1;
	}
	return 0;
}

static int find_uses(struct graph *g, struct arena *a)
{
	for (size_t b = 0; b < g->n_blocks; b++) {
		struct block *block = &g->blocks[b];
		uint64_t *bits = arena_array(a, 4 * g->words, sizeof(*bits));

		if (!bits)
			return -ENOMEM;
		block->uses = bits;
		block->defines = bits + g->words;
		block->in = bits + 2 * g->words;
		block->out = bits + 3 * g->words;
		for (uint32_t i = block->first; i < block->end; i++) {
			const struct ir_insn *insn = &g->ir->insns.items[i];

			if (insn->is_dead)
				continue;
			for (int k = 0; k < insn->n_args; k++)
				if (insn->args[k].kind == IR_REG &&
				    !has_bit(block->defines, insn->args[k].id))
					set_bit(block->uses, insn->args[k].id);
			if (insn->dst >= 0)
				set_bit(block->defines, (uint32_t)insn->dst);
		}
	}
	return 0;
}

/* in = uses | (out & ~defines), out = all that follow's in; until nothing changes */
static void flow(struct graph *g)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t b = g->n_blocks; b-- > 0;) {
			struct block *block = &g->blocks[b];

			for (int k = 0; k < 2; k++)
				for (size_t w = 0; block->next[k] != UINT32_MAX && w < g->words;
				     w++)
					block->out[w] |= g->blocks[block->next[k]].in[w];
			for (size_t w = 0; w < g->words; w++) {
				uint64_t in = block->uses[w] | (block->out[w] & ~block->defines[w]);

				changed |= in != block->in[w];
				block->in[w] = in;
			}
		}
	}
}

static void widen(struct ir_interval *v, uint32_t at)
{
	if (at < v->start)
		v->start = at;
	if (at > v->end)
		v->end = at;
}

static void measure(const struct graph *g, struct ir_interval *v)
{
	for (size_t b = 0; b < g->n_blocks; b++) {
		const struct block *block = &g->blocks[b];

		for (uint32_t r = 0; r < g->ir->n_regs; r++) {
			if (has_bit(block->in, r))
				widen(&v[r], 2 * block->first);
			if (has_bit(block->out, r))
				widen(&v[r], 2 * block->end - 1);
		}
		for (uint32_t i = block->first; i < block->end; i++) {
			const struct ir_insn *insn = &g->ir->insns.items[i];

			if (insn->is_dead)
				continue;
			for (int k = 0; k < insn->n_args; k++)
				if (insn->args[k].kind == IR_REG)
					widen(&v[insn->args[k].id], 2 * i);
			if (insn->dst >= 0)
				widen(&v[insn->dst], 2 * i + 1);
		}
	}
}

int ir_intervals(const struct ir *ir, struct ir_interval **out, struct arena *a)
{
	struct graph g = {.ir = ir, .words = (ir->n_regs + 63) / 64};
	struct ir_interval *v = arena_array(a, ir->n_regs + 1, sizeof(*v));

	if (!v || cut_into_blocks(&g, a) || find_uses(&g, a))
		return -ENOMEM;
	flow(&g);
	for (uint32_t r = 0; r < ir->n_regs; r++)
		v[r] = (struct ir_interval){.start = UINT32_MAX, .reg = r};
	measure(&g, v);
	if (ir->n_regs && v[0].end)
		v[0].start = 0; /* the context is there from the beginning */
	for (uint32_t i = 0; i < ir->insns.len; i++) {
		if (ir->insns.items[i].op != IR_CALL || ir->insns.items[i].is_dead)
			continue;
		for (uint32_t r = 0; r < ir->n_regs; r++)
			v[r].over_call |= v[r].start < 2 * i && v[r].end > 2 * i;
	}
	if (ir->n_regs)
		v[0].over_call |= v[0].end > 0 && ir->insns.len && ir->insns.items[0].op == IR_CALL;
	*out = v;
	return 0;
}
