/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_LIVENESS_H
#define PISTE_LANG_LIVENESS_H

#include "lang/ir.h"

/*
 * liveness - from where to where each register of the IR holds something that
 * is still wanted. Instruction i reads at 2i and writes at 2i + 1; loops are
 * followed to their fixed point.
 */
struct ir_interval {
	uint32_t start, end; /* start > end: never live */
	uint32_t reg;
	bool over_call; /* lives on while a helper clobbers r0 to r5 */
};

/* One interval a register, in the order of numbers; 0 or -ENOMEM. */
int ir_intervals(const struct ir *ir, struct ir_interval **out, struct arena *a);

#endif
