/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_PLAN_COMPILE_H
#define PISTE_CTF_PLAN_COMPILE_H

#include "base/vec.h"
#include "ctf/plan.h"

/*
 * plan-compile - the state shared by plan.c, which compiles types, and
 * stream-plan.c, which has it compile all that a stream class needs.
 */

struct builder;

/* A field as it occurs: the same type in two places makes two nodes. */
struct node {
	const struct ctf_type *type;
	const struct ctf_field *field; /* NULL: a root, or an element */
	struct node *parent, *children, *last, *next;
	struct builder *builder;
	int32_t op; /* that reads it; -1 */
	int32_t reg;
};

struct builder { /* of one plan */
	struct VEC(struct ctf_op) ops;
	struct VEC(struct ctf_plan_range) ranges;
	uint32_t base_align; /* that the run's start is known to have */
	uint64_t run_bits;
	int32_t need; /* the run's OP_NEED; -1: no run is open */
	uint32_t n_slots;
	bool wanted; /* values are kept */
	int32_t root[CTF_N_SCOPES];
	uint64_t order_end; /* where the last number of the run ended … */
	enum ctf_byte_order order; /* … and its byte order */
};

struct compiler {
	struct arena *scratch; /* nodes */
	const char *file_name;
	struct diag *diag;
	struct node *root[CTF_N_SCOPES];
	uint32_t n_registers, n_nodes;
	bool lenient; /* what is referred to may lie outside */
	bool header_is_read; /* by an event: the header's registers must be filled */
	unsigned depth;
	int error;
};

void plan_no_memory(struct compiler *c);
/* base_align: what the position is known to be a multiple of, in bits. */
void plan_builder_init(struct compiler *c, struct builder *b, uint32_t base_align, bool wanted);
void plan_builder_fini(struct builder *b);
void plan_compile_root(struct compiler *c, struct builder *b, enum ctf_scope scope,
		       const struct ctf_type *type);
/* What the position behind all of it is known to be a multiple of. */
uint32_t plan_known_align(const struct builder *b);
void plan_finish(struct compiler *c, struct builder *b, struct ctf_plan *plan, struct arena *a);

#endif
