/* SPDX-License-Identifier: MIT */
#include "kern/emit.h"

#include <errno.h>

#include "kern/filter.h"
#include "kern/limit.h"

enum {
	LENGTH_SLOT = -32, /* of bytes being copied */
	HEAD_ID = 0,
	HEAD_SIZE = 2,
	HEAD_TIME = 4,
	HEAD_TASK = 12, /* tid, pid */
};

void emit_begin(struct kern_emit *e, struct kern_build *build)
{
	*e = (struct kern_emit){.build = build};
	e->out = asm_label(&e->a);
	asm_mov(&e->a, EMIT_CONTEXT, BPF_REG_1);
}

void emit_scope_current(struct kern_emit *e)
{
	scope_emit_current(&e->build->scope, &e->a, e->out);
	asm_store(&e->a, BPF_DW, BPF_REG_10, EMIT_TASK_SLOT, BPF_REG_0);
}

void emit_current(struct kern_emit *e)
{
	asm_call(&e->a, BPF_FUNC_get_current_pid_tgid);
	asm_store(&e->a, BPF_DW, BPF_REG_10, EMIT_TASK_SLOT, BPF_REG_0);
}

/* --- opening --------------------------------------------------------------------- */

void emit_filter(struct kern_emit *e, const struct kern_event *event, emit_load_fn *load, void *arg,
		 unsigned out)
{
	filter_emit(e, event, load, arg, out);
}

void emit_limit(struct kern_emit *e, uint16_t id, unsigned out)
{
	if (!e->build->options->max_rate)
		return;
	asm_mov_imm(&e->a, BPF_REG_1, id);
	limit_emit(&e->build->limit, &e->a, out);
}

void emit_limit_reg(struct kern_emit *e, int id_reg, unsigned out)
{
	if (!e->build->options->max_rate)
		return;
	asm_mov(&e->a, BPF_REG_1, id_reg);
	limit_emit(&e->build->limit, &e->a, out);
}

void emit_reserve(struct kern_emit *e, uint32_t max_payload, unsigned out)
{
	e->max_bytes = KERN_RECORD_HEAD + max_payload;
	ring_emit_find(&e->build->ring, &e->a, out);
	ring_emit_reserve(&e->build->ring, &e->a, e->max_bytes, out);
}

/* The clock is read when the place is taken: times of one CPU do not go back, but for those of
 * interrupts in between. */
static void emit_time_and_task(struct kern_emit *e)
{
	asm_call(&e->a, BPF_FUNC_ktime_get_ns);
	asm_store(&e->a, BPF_DW, EMIT_RECORD, HEAD_TIME, BPF_REG_0);
	asm_load(&e->a, BPF_DW, BPF_REG_1, BPF_REG_10, EMIT_TASK_SLOT);
	asm_store(&e->a, BPF_DW, EMIT_RECORD, HEAD_TASK, BPF_REG_1);
	e->at = KERN_RECORD_HEAD;
	e->has_text = false;
}

void emit_head(struct kern_emit *e, uint16_t id)
{
	asm_store_imm(&e->a, BPF_H, EMIT_RECORD, HEAD_ID, id);
	emit_time_and_task(e);
}

void emit_head_slot(struct kern_emit *e, int slot)
{
	asm_load(&e->a, BPF_H, BPF_REG_1, BPF_REG_10, slot);
	asm_store(&e->a, BPF_H, EMIT_RECORD, HEAD_ID, BPF_REG_1);
	emit_time_and_task(e);
}

void emit_open(struct kern_emit *e, const struct kern_event *event, uint32_t max_payload,
	       emit_load_fn *load, void *arg)
{
	emit_filter(e, event, load, arg, e->out);
	emit_limit(e, event->id, e->out);
	emit_reserve(e, max_payload, e->out);
	emit_head(e, event->id);
}

void emit_close(struct kern_emit *e)
{
	struct bpf_asm *a = &e->a;

	if (!e->has_text) {
		asm_store_imm(a, BPF_H, EMIT_RECORD, HEAD_SIZE, e->at);
		ring_emit_commit(&e->build->ring, a, e->max_bytes, (uint32_t)e->at);
		return;
	}
	asm_mov(a, BPF_REG_0, EMIT_LENGTH);
	asm_alu_imm(a, BPF_ADD, BPF_REG_0, e->at);
	ring_emit_start(&e->build->ring, a, BPF_REG_1);
	asm_store(a, BPF_H, BPF_REG_1, HEAD_SIZE, BPF_REG_0);
	ring_emit_commit(&e->build->ring, a, e->max_bytes, 0);
}

/* --- fields ---------------------------------------------------------------------- */

static int bytes_of(int size)
{
	return size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8;
}

void emit_store(struct kern_emit *e, int size, int reg)
{
	asm_store(&e->a, size, EMIT_RECORD, e->at, reg);
	e->at += bytes_of(size);
}

void emit_store_imm(struct kern_emit *e, int size, int32_t imm)
{
	asm_store_imm(&e->a, size, EMIT_RECORD, e->at, imm);
	e->at += bytes_of(size);
}

/* r1 = where the next field goes, `ahead` bytes further */
static void point(struct kern_emit *e, int ahead)
{
	asm_mov(&e->a, BPF_REG_1, EMIT_RECORD);
	asm_alu_imm(&e->a, BPF_ADD, BPF_REG_1, e->at + ahead);
}

/* The field had as many bytes as the register says: what follows lies behind them. */
static void advance(struct kern_emit *e, int reg)
{
	asm_alu(&e->a, BPF_ADD, EMIT_RECORD, reg);
	asm_alu(&e->a, e->has_text ? BPF_ADD : BPF_MOV, EMIT_LENGTH, reg);
	e->has_text = true;
}

/* r0 = bytes of the string at r3, which now lies at the field's place; not above 0: none. */
static void read_text(struct kern_emit *e, uint32_t max_bytes, bool is_user)
{
	point(e, 0);
	asm_mov_imm(&e->a, BPF_REG_2, (int32_t)max_bytes);
	asm_call(&e->a, is_user ? BPF_FUNC_probe_read_user_str : BPF_FUNC_probe_read_kernel_str);
}

void emit_text(struct kern_emit *e, uint32_t max_bytes, enum emit_space space)
{
	struct bpf_asm *a = &e->a;
	unsigned is_read = asm_label(a);

	if (space == EMIT_EITHER)
		asm_store(a, BPF_DW, BPF_REG_10, LENGTH_SLOT, BPF_REG_3);
	read_text(e, max_bytes, space == EMIT_USER);
	asm_jump_imm(a, BPF_JSGT, BPF_REG_0, 0, is_read);
	if (space == EMIT_EITHER) {
		asm_load(a, BPF_DW, BPF_REG_3, BPF_REG_10, LENGTH_SLOT);
		read_text(e, max_bytes, true);
		asm_jump_imm(a, BPF_JSGT, BPF_REG_0, 0, is_read);
	}
	asm_store_imm(a, BPF_B, EMIT_RECORD, e->at, 0);
	asm_mov_imm(a, BPF_REG_0, 1);
	asm_bind(a, is_read);
	advance(e, BPF_REG_0);
}

static void copy(struct kern_emit *e, enum emit_space space)
{
	asm_call(&e->a, space == EMIT_USER ? BPF_FUNC_probe_read_user : BPF_FUNC_probe_read_kernel);
}

void emit_chars(struct kern_emit *e, uint32_t bytes, enum emit_space space)
{
	point(e, 0); /* the helpers zero what they cannot read */
	asm_mov_imm(&e->a, BPF_REG_2, (int32_t)bytes);
	copy(e, space);
	e->at += (int)bytes;
}

void emit_bytes(struct kern_emit *e, uint32_t max_bytes, uint32_t item, enum emit_space space)
{
	struct bpf_asm *a = &e->a;
	unsigned fits = asm_label(a), is_read = asm_label(a);

	max_bytes -= max_bytes % item;
	asm_jump_imm(a, BPF_JLE, BPF_REG_2, (int32_t)max_bytes, fits);
	asm_mov_imm(a, BPF_REG_2, (int32_t)max_bytes);
	asm_bind(a, fits);
	if (item > 1)
		asm_alu_imm(a, BPF_AND, BPF_REG_2, -(int32_t)item);
	asm_store(a, BPF_DW, BPF_REG_10, LENGTH_SLOT, BPF_REG_2);
	point(e, sizeof(uint32_t));
	copy(e, space);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_10, LENGTH_SLOT);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_0, 0, is_read);
	asm_mov_imm(a, BPF_REG_1, 0);
	asm_bind(a, is_read);
	asm_mov(a, BPF_REG_2, BPF_REG_1);
	if (item > 1)
		asm_alu_imm(a, BPF_RSH, BPF_REG_2, __builtin_ctz(item));
	emit_store(e, BPF_W, BPF_REG_2);
	advance(e, BPF_REG_1);
}

void emit_stack(struct kern_emit *e, uint32_t depth, uint32_t flags)
{
	struct bpf_asm *a = &e->a;
	unsigned is_read = asm_label(a);

	point(e, sizeof(uint32_t));
	asm_mov(a, BPF_REG_2, BPF_REG_1);
	asm_mov(a, BPF_REG_1, EMIT_CONTEXT);
	asm_mov_imm(a, BPF_REG_3, (int32_t)(depth * sizeof(uint64_t)));
	asm_mov_imm(a, BPF_REG_4, (int32_t)flags);
	asm_call(a, BPF_FUNC_get_stack);
	asm_jump_imm(a, BPF_JSGE, BPF_REG_0, 0, is_read);
	asm_mov_imm(a, BPF_REG_0, 0);
	asm_bind(a, is_read);
	asm_mov(a, BPF_REG_1, BPF_REG_0);
	asm_alu_imm(a, BPF_RSH, BPF_REG_1, 3);
	emit_store(e, BPF_W, BPF_REG_1);
	advance(e, BPF_REG_0);
}

int emit_finish(struct kern_emit *e, enum kern_attach attach, const char *target, int *fd,
		struct diag *diag)
{
	int err;

	asm_bind(&e->a, e->out);
	asm_return(&e->a, 0);
	err = asm_finish(&e->a);
	if (err)
		diag_error(diag, NULL, "the program for %s cannot be made: %s", target,
			   err == -ENOMEM ? "no memory" : "a mistake of piste");
	else
		err = kern_add_program(e->build, &e->a, attach, target, fd, diag);
	asm_fini(&e->a);
	return err;
}
