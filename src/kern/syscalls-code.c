/* SPDX-License-Identifier: MIT */
#include "kern/syscalls-code.h"

#include <string.h>

#include "kern/syscalls-read.h"

enum {
	ADDRESS_TEXT = SYSCALL_UNIX_PATH + 2,
	TEXT_ONE = 4096, /* PATH_MAX */
	TEXT_SEVERAL = 2048,
	STRINGS = 16, /* arguments of a new program that are recorded, */
	STRING_MAX = 256, /* and bytes of each */
	STRINGS_TEXT = STRINGS * STRING_MAX,
};

/* What stands in place of a string that cannot be had; 8 bytes each. */
static const char null_text[8] = "(null)", fault_text[8] = "(fault)";

static int width(unsigned bytes)
{
	return bytes == 2 ? BPF_H : bytes == 4 ? BPF_W : BPF_DW;
}

/* How long a text may be: one alone as long as a path. */
static uint32_t text_max(const struct syscall_plan *plan)
{
	unsigned texts = 0;

	for (unsigned i = 0; i < plan->n; i++)
		texts += plan->steps[i].op >= SYSCALL_OP_TEXT &&
			 plan->steps[i].op <= SYSCALL_OP_LATE;
	return texts > 1 ? TEXT_SEVERAL : TEXT_ONE;
}

uint32_t syscall_code_max(const struct syscall_plan *plan)
{
	uint32_t bytes = 0;

	for (unsigned i = 0; i < plan->n; i++) {
		const struct syscall_step *step = &plan->steps[i];
		const struct syscall_member *m = syscall_types[step->type].members;

		switch ((enum syscall_op)step->op) {
		case SYSCALL_OP_RETURN:
		case SYSCALL_OP_CALL:
		case SYSCALL_OP_NUMBER:
			bytes += step->size;
			break;
		case SYSCALL_OP_TEXT:
		case SYSCALL_OP_RESULT:
		case SYSCALL_OP_LATE:
			bytes += text_max(plan);
			break;
		case SYSCALL_OP_STRINGS:
			bytes += STRINGS_TEXT;
			break;
		case SYSCALL_OP_STRUCT:
			for (; m->type; m++)
				bytes += syscall_type_size(&syscall_types[m->type], plan->abi);
			break;
		case SYSCALL_OP_ADDRESS:
			bytes += 2 + 2 + ADDRESS_TEXT;
			break;
		}
	}
	return bytes;
}

/* r1 = where the next field goes */
static void point(struct kern_emit *e)
{
	asm_mov(&e->a, BPF_REG_1, EMIT_RECORD);
	asm_alu_imm(&e->a, BPF_ADD, BPF_REG_1, e->at);
}

/* r0 bytes were written there */
static void advance(struct kern_emit *e)
{
	asm_alu(&e->a, BPF_ADD, EMIT_RECORD, BPF_REG_0);
	asm_alu(&e->a, e->has_text ? BPF_ADD : BPF_MOV, EMIT_LENGTH, BPF_REG_0);
	e->has_text = true;
}

static uint64_t text_word(const char text[8])
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return word;
}

/* r1 = the word of the current thread in the map of late texts, r2 = its number */
static void find_late(struct kern_emit *e, const struct syscall_layout *layout)
{
	asm_load(&e->a, BPF_W, BPF_REG_2, BPF_REG_10, EMIT_TASK_SLOT);
	asm_mov(&e->a, BPF_REG_3, BPF_REG_2);
	asm_alu_imm(&e->a, BPF_AND, BPF_REG_3, SYSCALL_LATE - 1);
	asm_alu_imm(&e->a, BPF_LSH, BPF_REG_3, 2);
	asm_load_map_value(&e->a, BPF_REG_1, layout->late, 0);
	asm_alu(&e->a, BPF_ADD, BPF_REG_1, BPF_REG_3);
}

/* r0, the bytes of a copied string: of an empty one kernels before 6.13 say 0, others 1. */
static void count_nul(struct bpf_asm *a)
{
	asm_mov(a, BPF_REG_1, BPF_REG_0);
	asm_alu_imm(a, BPF_SUB, BPF_REG_1, 1);
	asm_alu_imm(a, BPF_RSH, BPF_REG_1, 63);
	asm_alu(a, BPF_ADD, BPF_REG_0, BPF_REG_1);
}

/*
 * The string at r3. Where none can be had, a word says so. Memory that has no page
 * yet, like constants that nobody used before, cannot be waited for here; the call
 * itself fetches it, so at its exit another look is taken (copy_late).
 *
 * What is likely is the straight way, here and elsewhere: the kernel's checker
 * follows that first, and of the others then sees that they hold nothing new.
 */
static void copy_text(struct kern_emit *e, const struct syscall_layout *layout, uint32_t max)
{
	struct bpf_asm *a = &e->a;
	unsigned is_null = asm_label(a), is_fault = asm_label(a), write = asm_label(a),
		 done = asm_label(a);

	asm_jump_imm(a, BPF_JEQ, BPF_REG_3, 0, is_null);
	point(e);
	asm_mov_imm(a, BPF_REG_2, (int32_t)max);
	asm_call(a, BPF_FUNC_probe_read_user_str);
	asm_jump_imm(a, BPF_JSLT, BPF_REG_0, 0, is_fault);
	count_nul(a);
	asm_jump(a, done);
	asm_bind(a, is_fault);
	find_late(e, layout);
	asm_store(a, BPF_W, BPF_REG_1, 0, BPF_REG_2);
	asm_mov_imm64(a, BPF_REG_1, text_word(fault_text));
	asm_mov_imm(a, BPF_REG_0, (int32_t)strlen(fault_text) + 1);
	asm_jump(a, write);
	asm_bind(a, is_null);
	asm_mov_imm64(a, BPF_REG_1, text_word(null_text));
	asm_mov_imm(a, BPF_REG_0, (int32_t)strlen(null_text) + 1);
	asm_bind(a, write);
	asm_store(a, BPF_DW, EMIT_RECORD, e->at, BPF_REG_1);
	asm_bind(a, done);
	advance(e);
}

/* The string at argument `arg` when one could not be read at the entry, else none. Two threads may
 * share a word: then the later one has it. */
static void copy_late(struct kern_emit *e, const struct syscall_layout *layout, unsigned arg,
		      bool is_last, uint32_t max)
{
	struct bpf_asm *a = &e->a;
	unsigned none = asm_label(a), done = asm_label(a);

	find_late(e, layout);
	asm_load(a, BPF_W, BPF_REG_3, BPF_REG_1, 0);
	asm_jump_reg(a, BPF_JNE, BPF_REG_3, BPF_REG_2, none);
	if (is_last)
		asm_store_imm(a, BPF_W, BPF_REG_1, 0, 0);
	syscall_read_arg(e, BPF_REG_3, arg);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_3, 0, none);
	point(e);
	asm_mov_imm(a, BPF_REG_2, (int32_t)max);
	asm_call(a, BPF_FUNC_probe_read_user_str);
	asm_jump_imm(a, BPF_JSLE, BPF_REG_0, 0, none);
	asm_jump(a, done);
	asm_bind(a, none);
	asm_store_imm(a, BPF_B, EMIT_RECORD, e->at, 0);
	asm_mov_imm(a, BPF_REG_0, 1);
	asm_bind(a, done);
	advance(e);
}

/* As many bytes at r3 as the call returned. */
static void copy_result(struct kern_emit *e)
{
	struct bpf_asm *a = &e->a;
	unsigned is_short = asm_label(a), failed = asm_label(a), done = asm_label(a);

	asm_load(a, BPF_DW, BPF_REG_2, EMIT_CONTEXT, SYSCALL_CONTEXT_RESULT);
	asm_jump_imm(a, BPF_JSLT, BPF_REG_2, 0, failed);
	asm_jump_imm(a, BPF_JLT, BPF_REG_2, TEXT_ONE - 1, is_short);
	asm_mov_imm(a, BPF_REG_2, TEXT_ONE - 1);
	asm_bind(a, is_short);
	asm_alu_imm(a, BPF_ADD, BPF_REG_2, 1);
	point(e);
	asm_call(a, BPF_FUNC_probe_read_user_str);
	asm_jump_imm(a, BPF_JSGT, BPF_REG_0, 0, done);
	asm_bind(a, failed);
	asm_store_imm(a, BPF_B, EMIT_RECORD, e->at, 0);
	asm_mov_imm(a, BPF_REG_0, 1);
	asm_bind(a, done);
	advance(e);
}

static void copy_struct(struct kern_emit *e, const struct syscall_plan *plan,
			const struct syscall_step *step)
{
	syscall_read_struct(e, plan, step);
	for (const struct syscall_member *m = syscall_types[step->type].members; m->type; m++) {
		unsigned bytes;
		int at = syscall_read_member(plan, step, m, &bytes);

		asm_load(&e->a, width(bytes), BPF_REG_1, BPF_REG_10, at);
		emit_store(e, width(bytes), BPF_REG_1);
	}
}

static void copy_address(struct kern_emit *e, const struct syscall_layout *layout,
			 const struct syscall_plan *plan, unsigned arg)
{
	struct bpf_asm *a = &e->a;
	unsigned empty = asm_label(a), done = asm_label(a);

	syscall_read_address(e, plan, arg);
	asm_load(a, BPF_H, BPF_REG_1, BPF_REG_10, SYSCALL_BUFFER);
	emit_store(e, BPF_H, BPF_REG_1);
	syscall_read_port(e);
	emit_store(e, BPF_H, BPF_REG_0);
	point(e);
	syscall_print_address(e, layout, arg, SYSCALL_UNIX_PATH);
	asm_jump_imm(a, BPF_JSLE, BPF_REG_0, 0, empty);
	asm_jump_imm(a, BPF_JGT, BPF_REG_0, ADDRESS_TEXT, empty);
	asm_jump(a, done);
	asm_bind(a, empty);
	asm_store_imm(a, BPF_B, EMIT_RECORD, e->at, 0);
	asm_mov_imm(a, BPF_REG_0, 1);
	asm_bind(a, done);
	advance(e);
}

/* Each string is copied behind the one before, with a space in place of its NUL. */
static void copy_strings(struct kern_emit *e, const struct syscall_plan *plan, unsigned arg)
{
	struct bpf_asm *a = &e->a;
	unsigned next = asm_label(a), done = asm_label(a);
	int word = plan->abi == SYSCALL_I386 ? 4 : 8;

	/* bytes of text so far, and of the array */
	asm_store_imm(a, BPF_DW, BPF_REG_10, SYSCALL_LENGTH_SLOT, 0);
	asm_store_imm(a, BPF_DW, BPF_REG_10, SYSCALL_VALUES_SLOT, 0);
	asm_store_imm(a, BPF_DW, BPF_REG_10, SYSCALL_BUFFER, 0);
	syscall_read_arg(e, BPF_REG_3, arg);
	asm_jump_imm(a, BPF_JLT, BPF_REG_3, SYSCALL_NOT_A_POINTER, done);

	asm_bind(a, next);
	syscall_read_arg(e, BPF_REG_3, arg);
	asm_load(a, BPF_DW, BPF_REG_4, BPF_REG_10, SYSCALL_VALUES_SLOT);
	asm_alu(a, BPF_ADD, BPF_REG_3, BPF_REG_4);
	asm_alu_imm(a, BPF_ADD, BPF_REG_4, word);
	asm_store(a, BPF_DW, BPF_REG_10, SYSCALL_VALUES_SLOT, BPF_REG_4);
	asm_mov(a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, SYSCALL_BUFFER);
	asm_mov_imm(a, BPF_REG_2, word);
	asm_call(a, BPF_FUNC_probe_read_user);
	asm_load(a, BPF_DW, BPF_REG_3, BPF_REG_10, SYSCALL_BUFFER);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_3, 0, done);

	point(e);
	asm_load(a, BPF_DW, BPF_REG_4, BPF_REG_10, SYSCALL_LENGTH_SLOT);
	asm_alu(a, BPF_ADD, BPF_REG_1, BPF_REG_4);
	asm_mov_imm(a, BPF_REG_2, STRING_MAX);
	asm_call(a, BPF_FUNC_probe_read_user_str);
	asm_jump_imm(a, BPF_JSLT, BPF_REG_0, 0, done);
	count_nul(a);
	asm_load(a, BPF_DW, BPF_REG_4, BPF_REG_10, SYSCALL_LENGTH_SLOT);
	asm_alu(a, BPF_ADD, BPF_REG_0, BPF_REG_4);
	/* changes nothing, but for the checker each round ends as the one before */
	asm_alu_imm(a, BPF_AND, BPF_REG_0, 2 * STRINGS_TEXT - 1);
	asm_store(a, BPF_DW, BPF_REG_10, SYSCALL_LENGTH_SLOT, BPF_REG_0);
	asm_mov(a, BPF_REG_1, EMIT_RECORD);
	asm_alu(a, BPF_ADD, BPF_REG_1, BPF_REG_0);
	asm_store_imm(a, BPF_B, BPF_REG_1, e->at - 1, ' ');
	asm_load(a, BPF_DW, BPF_REG_4, BPF_REG_10, SYSCALL_VALUES_SLOT);
	asm_jump_imm(a, BPF_JNE, BPF_REG_4, STRINGS * word, next);

	asm_bind(a, done);
	asm_load(a, BPF_DW, BPF_REG_0, BPF_REG_10, SYSCALL_LENGTH_SLOT);
	count_nul(a);
	asm_mov(a, BPF_REG_1, EMIT_RECORD);
	asm_alu(a, BPF_ADD, BPF_REG_1, BPF_REG_0);
	asm_store_imm(a, BPF_B, BPF_REG_1, e->at - 1, 0);
	advance(e);
}

/* ---- the payload */

bool syscall_code_is_simple(const struct syscall_plan *plan)
{
	for (unsigned i = 0; i < plan->n; i++)
		if (plan->steps[i].op > SYSCALL_OP_NUMBER)
			return false;
	return plan->abi == SYSCALL_NATIVE;
}

void syscall_code_simple(struct kern_emit *e, const struct syscall_layout *layout,
			 const struct syscall_plan *plan)
{
	struct bpf_asm *a = &e->a;

	asm_load(a, BPF_DW, BPF_REG_1, EMIT_CONTEXT, SYSCALL_CONTEXT_REGS);
	for (unsigned i = 0; i < plan->n; i++) {
		const struct syscall_step *step = &plan->steps[i];

		if (step->op == SYSCALL_OP_RETURN)
			asm_load(a, BPF_DW, BPF_REG_2, EMIT_CONTEXT, SYSCALL_CONTEXT_RESULT);
		else if (step->op == SYSCALL_OP_CALL)
			syscall_layout_number(e, layout, plan->side, BPF_REG_2);
		else
			asm_load(a, BPF_DW, BPF_REG_2, BPF_REG_1,
				 (int)layout->args[plan->abi][step->arg]);
		emit_store(e, width(step->size), BPF_REG_2);
	}
}

static void copy(struct kern_emit *e, const struct syscall_layout *layout,
		 const struct syscall_plan *plan, const struct syscall_step *step)
{
	switch ((enum syscall_op)step->op) {
	case SYSCALL_OP_RETURN:
		asm_load(&e->a, BPF_DW, BPF_REG_2, EMIT_CONTEXT, SYSCALL_CONTEXT_RESULT);
		emit_store(e, width(step->size), BPF_REG_2);
		break;
	case SYSCALL_OP_CALL:
		syscall_layout_number(e, layout, plan->side, BPF_REG_2);
		emit_store(e, width(step->size), BPF_REG_2);
		break;
	case SYSCALL_OP_NUMBER:
		syscall_read_arg(e, BPF_REG_2, step->arg);
		emit_store(e, width(step->size), BPF_REG_2);
		break;
	case SYSCALL_OP_TEXT:
		syscall_read_arg(e, BPF_REG_3, step->arg);
		copy_text(e, layout, text_max(plan));
		break;
	case SYSCALL_OP_LATE:
		copy_late(e, layout, step->arg, step == &plan->steps[plan->n - 1], text_max(plan));
		break;
	case SYSCALL_OP_RESULT:
		syscall_read_arg(e, BPF_REG_3, step->arg);
		copy_result(e);
		break;
	case SYSCALL_OP_STRINGS:
		copy_strings(e, plan, step->arg);
		break;
	case SYSCALL_OP_STRUCT:
		copy_struct(e, plan, step);
		break;
	case SYSCALL_OP_ADDRESS:
		copy_address(e, layout, plan, step->arg);
		break;
	}
}

void syscall_code_payload(struct kern_emit *e, const struct syscall_layout *layout,
			  const struct syscall_plan *plan)
{
	for (unsigned i = 0; i < plan->n; i++)
		copy(e, layout, plan, &plan->steps[i]);
}
