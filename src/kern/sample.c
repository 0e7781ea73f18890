/* SPDX-License-Identifier: MIT */
/*
 * Samples: a clock of each CPU asks, so and so often a second, what the CPU does.
 * The stacks are the kernel's own walk: complete within the kernel, in user
 * space as far as frame pointers go.
 */
#include <errno.h>

#include "kern/emit.h"
#include "kern/sample.h"

enum { COMM_SIZE = 16, DEPTH = 127 };

static const struct kern_field fields[] = {
	{.name = "comm", .kind = KERN_CHARS, .count = COMM_SIZE},
	{.name = "kernel_stack", .kind = KERN_SEQUENCE, .size = 8, .base = KERN_SYMBOL},
	{.name = "user_stack", .kind = KERN_SEQUENCE, .size = 8, .base = KERN_HEX},
};

static int sample_open(void **state, const struct btf_index *btf, struct kern_offers *offers,
		       struct diag *diag)
{
	struct kern_offer offer = {.name = KERN_SAMPLE_EVENT};

	(void)state, (void)btf, (void)diag;
	return vec_push(offers, offer);
}

static int sample_describe(void *state, uint32_t index, struct arena *arena,
			   struct kern_event *event, struct diag *diag)
{
	(void)state, (void)index, (void)arena, (void)diag;
	*event = (struct kern_event){.name = KERN_SAMPLE_EVENT,
				     .fields = fields,
				     .n_fields = sizeof(fields) / sizeof(*fields)};
	return 0;
}

static bool load_comm(struct kern_emit *e, const struct kern_event *event, size_t field,
		      int text_at, uint32_t text_size, void *arg)
{
	(void)arg;
	if (event->fields[field].kind != KERN_CHARS || text_size < COMM_SIZE)
		return false;
	asm_mov(&e->a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(&e->a, BPF_ADD, BPF_REG_1, text_at);
	asm_mov_imm(&e->a, BPF_REG_2, COMM_SIZE);
	asm_call(&e->a, BPF_FUNC_get_current_comm);
	return true;
}

static void store_comm(struct kern_emit *e)
{
	asm_mov(&e->a, BPF_REG_1, EMIT_RECORD);
	asm_alu_imm(&e->a, BPF_ADD, BPF_REG_1, e->at);
	asm_mov_imm(&e->a, BPF_REG_2, COMM_SIZE);
	asm_call(&e->a, BPF_FUNC_get_current_comm);
	e->at += COMM_SIZE;
}

static int sample_make(void *state, struct kern_build *build, struct diag *diag)
{
	const struct kern_event *event = NULL;
	struct kern_emit e;

	(void)state;
	for (size_t i = 0; i < build->n_chosen; i++)
		if (build->chosen[i].maker == &kern_sample_maker)
			event = &build->chosen[i].event;
	if (!event)
		return 0;
	emit_begin(&e, build);
	emit_scope_current(&e);
	asm_load(&e.a, BPF_W, BPF_REG_1, BPF_REG_10, EMIT_TASK_SLOT);
	asm_jump_imm(&e.a, BPF_JEQ, BPF_REG_1, 0, e.out); /* the CPU is idle */
	emit_open(&e, event, COMM_SIZE + 2 * (4 + DEPTH * 8), load_comm, NULL);
	store_comm(&e);
	emit_stack(&e, DEPTH, 0);
	emit_stack(&e, DEPTH, BPF_F_USER_STACK);
	emit_close(&e);
	return emit_finish(&e, KERN_ATTACH_SAMPLE, "sample", NULL, diag);
}

static void sample_close(void *state)
{
	(void)state;
}

const struct kern_maker kern_sample_maker = {
	.name = "sample",
	.open = sample_open,
	.describe = sample_describe,
	.make = sample_make,
	.close = sample_close,
};
