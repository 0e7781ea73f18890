/* SPDX-License-Identifier: MIT */
/*
 * Registers of BPF for those of the IR: a linear scan over their intervals.
 * What lives over a call gets r6 to r9; the rest r2 to r5 first. r0 and r1
 * stay free: emit.c loads what is spilled into them. Where none is left, of
 * all that could give theirs up, the one that is wanted last is spilled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lang/liveness.h"

enum { KEPT_FIRST = BPF_REG_6, KEPT_LAST = BPF_REG_9, LOST_FIRST = BPF_REG_2 };

struct allocation {
	struct ir_interval *holder[BPF_REG_10]; /* of each register now, or NULL */
	struct ir_places *places;
};

static int by_start(const void *a, const void *b)
{
	const struct ir_interval *x = a, *y = b;

	return x->start != y->start ? (x->start < y->start ? -1 : 1)
				    : (x->reg > y->reg) - (x->reg < y->reg);
}

static void spill(struct allocation *s, uint32_t reg)
{
	s->places->of[reg] = (uint16_t)(IR_SPILLED + s->places->n_spilled++);
}

static void place(struct allocation *s, struct ir_interval *v)
{
	int first = v->over_call ? KEPT_FIRST : LOST_FIRST, victim = -1;

	for (int r = first; r <= KEPT_LAST; r++) {
		if (s->holder[r] && s->holder[r]->end <= v->start)
			s->holder[r] = NULL;
		if (!s->holder[r]) {
			s->holder[r] = v;
			s->places->of[v->reg] = (uint16_t)r;
			return;
		}
		if (victim < 0 || s->holder[r]->end > s->holder[victim]->end)
			victim = r;
	}
	if (s->holder[victim]->end <= v->end) {
		spill(s, v->reg);
		return;
	}
	spill(s, s->holder[victim]->reg);
	s->holder[victim] = v;
	s->places->of[v->reg] = (uint16_t)victim;
}

int ir_allocate(struct ir *ir, struct ir_places *out, struct arena *a)
{
	struct allocation s = {.places = out};
	struct ir_interval *v;

	out->of = arena_array(a, ir->n_regs + 1, sizeof(*out->of));
	out->n_spilled = 0;
	if (!out->of || ir_intervals(ir, &v, a))
		return -ENOMEM;
	qsort(v, ir->n_regs, sizeof(*v), by_start);
	for (uint32_t i = 0; i < ir->n_regs && v[i].start != UINT32_MAX; i++)
		place(&s, &v[i]);
	return 0;
}
