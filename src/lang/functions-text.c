/* SPDX-License-Identifier: MIT */
/*
 * Functions on strings and bytes.
 */
#include <string.h>

#include "lang/compile.h"

/* --- str(pointer [, length]) ------------------------------------------------------------------------ */

static const struct lang_type *check_str(struct compiler *c, struct ast_node *call)
{
	struct ast_node *what = call->first;
	uint32_t size = c->options->max_string;
	int64_t length;

	if (!is_known(what->type))
		return &lang_none;
	if (what->kind == AST_PARAMETER) { /* str($1): the parameter as text */
		what->kind = AST_STRING;
		what->len = strlen(what->name);
		what->type = lang_string(c->arena, (uint32_t)what->len + 1);
	}
	if (what->type->kind == LANG_STRING)
		return what->type;
	if (what->type->kind != LANG_POINTER && what->type->kind != LANG_INT &&
	    what->type->kind != LANG_ARRAY)
		return complain(c, what, NULL, "str() takes a pointer");
	if (c->env->is_recorded)
		return complain(c, call, NULL, "a recording has no memory to read");
	if (what->next && constant_value(what->next, &length)) {
		if (length < 0)
			return complain(c, what->next, NULL, "a length is not negative");
		if (length + 1 < size)
			size = (uint32_t)length + 1;
	}
	return lang_string(c->arena, size);
}

/* Where an address without a type lies, the address says: the kernel's are negative. */
static void read_anywhere(struct compiler *c, struct ir_operand base, int32_t offset,
			  struct ir_operand size, struct ir_operand address)
{
	uint32_t kernel = ir_new_label(c->ir), end = ir_new_label(c->ir);

	ir_branch(c->ir, BPF_JSLT, address, ir_imm(0), kernel);
	ir_call(c->ir, BPF_FUNC_probe_read_user_str, 3, at(base, offset), size, address);
	ir_jump(c->ir, end);
	ir_label(c->ir, kernel);
	ir_call(c->ir, BPF_FUNC_probe_read_kernel_str, 3, at(base, offset), size, address);
	ir_label(c->ir, end);
}

static void store_str(struct compiler *c, const struct ast_node *call, struct ir_operand base,
		      int32_t offset)
{
	const struct ast_node *what = call->first;
	struct ir_operand address, size = ir_imm(call->type->size), asked;
	int64_t length;

	if (what->type->kind == LANG_STRING) {
		lower_store(c, what, call->type, base, offset);
		return;
	}
	address = what->type->kind == LANG_ARRAY ? lower_address(c, what) : lower_value(c, what);
	if (what->next && !constant_value(what->next, &length)) {
		uint32_t fits = ir_new_label(c->ir);

		asked = ir_alu(c->ir, BPF_ADD, lower_value(c, what->next), ir_imm(1));
		size = ir_new_reg(c->ir);
		ir_move(c->ir, size, asked);
		ir_branch(c->ir, BPF_JLE, size, ir_imm(call->type->size), fits);
		ir_move(c->ir, size, ir_imm(call->type->size));
		ir_label(c->ir, fits);
	}
	if (c->pads || size.kind == IR_REG)
		store_zeros(c, base, offset, lang_stored_size(call->type));
	if (what->type->kind == LANG_POINTER || what->type->kind == LANG_ARRAY)
		ir_call(c->ir,
			what->type->in_user_space ? BPF_FUNC_probe_read_user_str
						  : BPF_FUNC_probe_read_kernel_str,
			3, at(base, offset), size, address);
	else
		read_anywhere(c, base, offset, size, address);
}

/* --- buf(pointer, length) ------------------------------------------------------------------------------ */

enum { MAX_BUFFER = 512 };

static const struct lang_type *check_buf(struct compiler *c, struct ast_node *call)
{
	const struct ast_node *what = call->first;
	int64_t length = what->type->kind == LANG_ARRAY ? what->type->size : MAX_BUFFER;

	if (c->env->is_recorded)
		return complain(c, call, NULL, "a recording has no memory to read");
	if (what->next)
		constant_value(what->next, &length);
	if (length < 1 || length > MAX_BUFFER)
		length = MAX_BUFFER;
	return lang_type_new(c->arena, LANG_BYTES, 8 + (uint32_t)length);
}

static void store_buf(struct compiler *c, const struct ast_node *call, struct ir_operand base,
		      int32_t offset)
{
	const struct ast_node *what = call->first;
	uint32_t most = call->type->size - 8, fits = ir_new_label(c->ir);
	struct ir_operand address, size = ir_new_reg(c->ir);
	bool user = what->type->in_user_space || what->type->kind == LANG_INT;

	address = is_in_memory(what) ? lower_address(c, what) : lower_value(c, what);
	ir_move(c->ir, size, what->next ? lower_value(c, what->next) : ir_imm(most));
	ir_branch(c->ir, BPF_JLE, size, ir_imm(most), fits);
	ir_move(c->ir, size, ir_imm(most));
	ir_label(c->ir, fits);
	ir_store(c->ir, base, offset, 8, size);
	if (c->pads)
		store_zeros(c, base, offset + 8, lang_stored_size(call->type) - 8);
	ir_call(c->ir, user ? BPF_FUNC_probe_read_user : BPF_FUNC_probe_read_kernel, 3,
		at(base, offset + 8), size, address);
}

/* --- looking at strings ---------------------------------------------------------------------------------- */

static const struct lang_type *check_strings(struct compiler *c, struct ast_node *call)
{
	const struct ast_node *arg = call->first;

	for (int i = 0; arg && i < 2; i++, arg = arg->next)
		if (is_known(arg->type) && arg->type->kind != LANG_STRING &&
		    (i == 0 || strcmp(call->name, "strlen") != 0))
			return complain(c, arg, NULL, "%s() takes strings", call->name);
	return &lang_i64;
}

static struct ir_operand in_frame(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand place = ir_new_object(c->ir, lang_stored_size(n->type)), base;

	lower_store(c, n, n->type, place, 0);
	base = ir_new_reg(c->ir);
	ir_move(c->ir, base, place);
	return base;
}

/* The place of the first NUL, within the string's size. */
static struct ir_operand lower_strlen(struct compiler *c, const struct ast_node *call)
{
	struct ir_operand base = in_frame(c, call->first), i = ir_new_reg(c->ir), byte;
	uint32_t again = ir_new_label(c->ir), end = ir_new_label(c->ir);

	ir_move(c->ir, i, ir_imm(0));
	ir_label(c->ir, again);
	ir_branch(c->ir, BPF_JGE, i, ir_imm(call->first->type->size), end);
	byte = ir_load(c->ir, ir_alu(c->ir, BPF_ADD, base, i), 0, 1, false);
	ir_branch(c->ir, BPF_JEQ, byte, ir_imm(0), end);
	ir_move(c->ir, i, ir_alu(c->ir, BPF_ADD, i, ir_imm(1)));
	ir_jump(c->ir, again);
	ir_label(c->ir, end);
	return i;
}

static const struct lang_type *check_strncmp(struct compiler *c, struct ast_node *call)
{
	int64_t n;

	if (!constant_value(call->first->next->next, &n) || n < 0)
		return complain(c, call->first->next->next, NULL, "how many is a constant");
	return check_strings(c, call);
}

/* 0 where the first n bytes are the same, else 1 */
static struct ir_operand lower_strncmp(struct compiler *c, const struct ast_node *call)
{
	const struct ast_node *left = call->first, *right = left->next;
	uint32_t size = left->type->size < right->type->size ? left->type->size : right->type->size;
	struct ir_operand a = in_frame(c, left), b = in_frame(c, right), i = ir_new_reg(c->ir);
	struct ir_operand result = ir_new_reg(c->ir), x, y;
	uint32_t again = ir_new_label(c->ir), end = ir_new_label(c->ir), same = ir_new_label(c->ir);
	int64_t n = 0;

	constant_value(right->next, &n);
	if ((uint64_t)n < size)
		size = (uint32_t)n;
	ir_move(c->ir, result, ir_imm(1));
	ir_move(c->ir, i, ir_imm(0));
	ir_label(c->ir, again);
	ir_branch(c->ir, BPF_JGE, i, ir_imm(size), same);
	x = ir_load(c->ir, ir_alu(c->ir, BPF_ADD, a, i), 0, 1, false);
	y = ir_load(c->ir, ir_alu(c->ir, BPF_ADD, b, i), 0, 1, false);
	ir_branch(c->ir, BPF_JNE, x, y, end);
	ir_branch(c->ir, BPF_JEQ, x, ir_imm(0), same);
	ir_move(c->ir, i, ir_alu(c->ir, BPF_ADD, i, ir_imm(1)));
	ir_jump(c->ir, again);
	ir_label(c->ir, same);
	ir_move(c->ir, result, ir_imm(0));
	ir_label(c->ir, end);
	return result;
}

const struct lang_function lang_texts[] = {
	{"str", 1, 2, check_str, NULL, store_str, false, false},
	{"kstr", 1, 2, check_str, NULL, store_str, false, false},
	{"ustr", 1, 2, check_str, NULL, store_str, false, false},
	{"buf", 1, 2, check_buf, NULL, store_buf, false, false},
	{"strlen", 1, 1, check_strings, lower_strlen, NULL, false, false},
	{"strncmp", 3, 3, check_strncmp, lower_strncmp, NULL, false, false},
	{0},
};
