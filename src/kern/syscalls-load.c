/* SPDX-License-Identifier: MIT */
/* Fields of system calls for filters: before there is a record. */
#include "kern/syscalls-code.h"
#include "kern/syscalls-read.h"

/* r0 = r0 as the number of `bytes` that it is */
static void narrow(struct bpf_asm *a, unsigned bytes, bool is_signed)
{
	int unused = 64 - (int)bytes * 8;

	if (!unused)
		return;
	asm_alu_imm(a, BPF_LSH, BPF_REG_0, unused);
	asm_alu_imm(a, is_signed ? BPF_ARSH : BPF_RSH, BPF_REG_0, unused);
}

static void load_member(struct kern_emit *e, const struct syscall_load *load,
			const struct syscall_step *step, size_t part)
{
	const struct syscall_member *m = &syscall_types[step->type].members[part];
	unsigned bytes;
	int at = syscall_read_member(load->plan, step, m, &bytes);

	syscall_read_struct(e, load->plan, step);
	asm_load(&e->a, bytes == 4 ? BPF_W : BPF_DW, BPF_REG_0, BPF_REG_10, at);
	narrow(&e->a, bytes, syscall_types[m->type].is_signed);
}

static void load_address(struct kern_emit *e, const struct syscall_load *load, unsigned arg,
			 size_t part, int text_at, uint32_t text_size)
{
	syscall_read_address(e, load->plan, arg);
	if (part == SYSCALL_ADDRESS_FAMILY) {
		asm_load(&e->a, BPF_H, BPF_REG_0, BPF_REG_10, SYSCALL_BUFFER);
	} else if (part == SYSCALL_ADDRESS_PORT) {
		syscall_read_port(e);
	} else {
		asm_mov(&e->a, BPF_REG_1, BPF_REG_10);
		asm_alu_imm(&e->a, BPF_ADD, BPF_REG_1, text_at);
		syscall_print_address(e, load->layout, arg, (int)text_size - 2);
	}
}

static void load_text(struct kern_emit *e, unsigned arg, bool is_result, int text_at,
		      uint32_t text_size)
{
	struct bpf_asm *a = &e->a;
	unsigned done = asm_label(a), is_long = asm_label(a);

	syscall_read_arg(e, BPF_REG_3, arg);
	asm_mov_imm(a, BPF_REG_2, (int32_t)text_size);
	if (is_result) {
		asm_load(a, BPF_DW, BPF_REG_4, EMIT_CONTEXT, SYSCALL_CONTEXT_RESULT);
		asm_jump_imm(a, BPF_JSLT, BPF_REG_4, 0, done);
		asm_jump_imm(a, BPF_JGE, BPF_REG_4, (int32_t)text_size, is_long);
		asm_mov(a, BPF_REG_2, BPF_REG_4);
		asm_alu_imm(a, BPF_ADD, BPF_REG_2, 1);
	}
	asm_bind(a, is_long);
	asm_mov(a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, text_at);
	asm_call(a, BPF_FUNC_probe_read_user_str);
	asm_bind(a, done);
}

bool syscall_code_load(struct kern_emit *e, const struct kern_event *event, size_t field,
		       int text_at, uint32_t text_size, void *arg)
{
	const struct syscall_load *load = arg;
	size_t part = 0;
	const struct syscall_step *step = syscall_plan_field(load->plan, field, &part);

	(void)event;
	switch ((enum syscall_op)step->op) {
	case SYSCALL_OP_RETURN:
		asm_load(&e->a, BPF_DW, BPF_REG_0, EMIT_CONTEXT, SYSCALL_CONTEXT_RESULT);
		narrow(&e->a, step->size, true);
		return true;
	case SYSCALL_OP_CALL:
		syscall_layout_number(e, load->layout, load->plan->side, BPF_REG_0);
		return true;
	case SYSCALL_OP_NUMBER:
		syscall_read_arg(e, BPF_REG_0, step->arg);
		narrow(&e->a, step->size, syscall_types[step->type].is_signed);
		return true;
	case SYSCALL_OP_TEXT:
	case SYSCALL_OP_RESULT:
		load_text(e, step->arg, step->op == SYSCALL_OP_RESULT, text_at, text_size);
		return true;
	case SYSCALL_OP_STRUCT:
		load_member(e, load, step, part);
		return true;
	case SYSCALL_OP_ADDRESS:
		load_address(e, load, step->arg, part, text_at, text_size);
		return true;
	case SYSCALL_OP_STRINGS:
	case SYSCALL_OP_LATE:
		break;
	}
	return false;
}
