/* SPDX-License-Identifier: MIT */
/*
 * The builder folds constants as instructions are asked for, so that no pass
 * has to; what it gives back is a register or an immediate.
 */
#include "lang/ir.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

void ir_fini(struct ir *ir)
{
	vec_fini(&ir->insns);
	vec_fini(&ir->objects);
}

static void add(struct ir *ir, struct ir_insn insn)
{
	if (vec_push(&ir->insns, insn))
		ir->error = -ENOMEM;
}

struct ir_operand ir_new_reg(struct ir *ir)
{
	if (ir->n_regs == 0)
		ir->n_regs = 1; /* the context */
	return ir_reg(ir->n_regs++);
}

struct ir_operand ir_new_object(struct ir *ir, uint32_t size)
{
	struct ir_object object = {.size = (size + 7) & ~7u};

	if (vec_push(&ir->objects, object)) {
		ir->error = -ENOMEM;
		return ir_imm(0);
	}
	return (struct ir_operand){IR_FRAME, (uint32_t)ir->objects.len - 1, 0};
}

uint32_t ir_new_label(struct ir *ir)
{
	return ir->n_labels++;
}

static bool fold(int op, uint64_t a, uint64_t b, uint64_t *out)
{
	switch (op) {
	case BPF_ADD:
		*out = a + b;
		return true;
	case BPF_SUB:
		*out = a - b;
		return true;
	case BPF_MUL:
		*out = a * b;
		return true;
	case BPF_DIV: /* of BPF: unsigned, by zero gives zero */
		*out = b ? a / b : 0;
		return true;
	case BPF_MOD:
		*out = b ? a % b : a;
		return true;
	case BPF_OR:
		*out = a | b;
		return true;
	case BPF_AND:
		*out = a & b;
		return true;
	case BPF_XOR:
		*out = a ^ b;
		return true;
	case BPF_LSH:
		*out = a << (b & 63);
		return true;
	case BPF_RSH:
		*out = a >> (b & 63);
		return true;
	case BPF_ARSH:
		*out = (uint64_t)((int64_t)a >> (b & 63));
		return true;
	default:
		return false;
	}
}

/* Whether it gives a back. */
static bool changes_nothing(int op, struct ir_operand b)
{
	if (b.kind != IR_IMM)
		return false;
	switch (op) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_OR:
	case BPF_XOR:
	case BPF_LSH:
	case BPF_RSH:
	case BPF_ARSH:
		return b.imm == 0;
	case BPF_MUL:
	case BPF_DIV:
		return b.imm == 1;
	default:
		return false;
	}
}

struct ir_operand ir_alu(struct ir *ir, int op, struct ir_operand a, struct ir_operand b)
{
	struct ir_insn insn = {.op = IR_ALU, .sub = (uint16_t)op, .args = {a, b}, .n_args = 2};
	uint64_t folded;

	if (a.kind == IR_IMM && b.kind == IR_IMM &&
	    fold(op, (uint64_t)a.imm, (uint64_t)b.imm, &folded))
		return ir_imm((int64_t)folded);
	if (changes_nothing(op, b))
		return a;
	if (op == BPF_ADD && b.kind == IR_IMM && (a.kind == IR_FRAME || a.kind == IR_MAP_VALUE)) {
		a.imm += b.imm;
		return a;
	}
	insn.dst = (int32_t)ir_new_reg(ir).id;
	add(ir, insn);
	return ir_reg((uint32_t)insn.dst);
}

struct ir_operand ir_neg(struct ir *ir, struct ir_operand a)
{
	struct ir_insn insn = {.op = IR_NEG, .args = {a}, .n_args = 1};

	if (a.kind == IR_IMM)
		return ir_imm((int64_t) - (uint64_t)a.imm);
	insn.dst = (int32_t)ir_new_reg(ir).id;
	add(ir, insn);
	return ir_reg((uint32_t)insn.dst);
}

struct ir_operand ir_swap(struct ir *ir, struct ir_operand a, int bits)
{
	struct ir_insn insn = {.op = IR_SWAP, .sub = (uint16_t)bits, .args = {a}, .n_args = 1};

	insn.dst = (int32_t)ir_new_reg(ir).id;
	add(ir, insn);
	return ir_reg((uint32_t)insn.dst);
}

struct ir_operand ir_load(struct ir *ir, struct ir_operand base, int32_t offset, uint32_t size,
			  bool is_signed)
{
	struct ir_insn insn = {.op = IR_LOAD,
			       .size = (uint8_t)size,
			       .is_signed = is_signed,
			       .offset = offset,
			       .args = {base},
			       .n_args = 1};

	insn.dst = (int32_t)ir_new_reg(ir).id;
	add(ir, insn);
	return ir_reg((uint32_t)insn.dst);
}

struct ir_operand ir_call(struct ir *ir, int helper, int n, ...)
{
	struct ir_insn insn = {.op = IR_CALL, .sub = (uint16_t)helper, .n_args = (uint8_t)n};
	va_list ap;

	va_start(ap, n);
	for (int i = 0; i < n; i++)
		insn.args[i] = va_arg(ap, struct ir_operand);
	va_end(ap);
	insn.dst = (int32_t)ir_new_reg(ir).id;
	add(ir, insn);
	return ir_reg((uint32_t)insn.dst);
}

void ir_move(struct ir *ir, struct ir_operand dst, struct ir_operand a)
{
	add(ir, (struct ir_insn){.op = IR_MOV, .dst = (int32_t)dst.id, .args = {a}, .n_args = 1});
}

void ir_store(struct ir *ir, struct ir_operand base, int32_t offset, uint32_t size,
	      struct ir_operand value)
{
	add(ir, (struct ir_insn){.op = IR_STORE,
				 .size = (uint8_t)size,
				 .dst = -1,
				 .offset = offset,
				 .args = {base, value},
				 .n_args = 2});
}

void ir_atomic(struct ir *ir, int op, struct ir_operand base, int32_t offset, uint32_t size,
	       struct ir_operand value)
{
	add(ir, (struct ir_insn){.op = IR_ATOMIC,
				 .sub = (uint16_t)op,
				 .size = (uint8_t)size,
				 .dst = -1,
				 .offset = offset,
				 .args = {base, value},
				 .n_args = 2});
}

struct ir_operand ir_atomic_fetch(struct ir *ir, int op, struct ir_operand base, int32_t offset,
				  uint32_t size, struct ir_operand value)
{
	struct ir_operand dst = ir_new_reg(ir);

	ir_atomic(ir, op | BPF_FETCH, base, offset, size, value);
	if (!ir->error)
		ir->insns.items[ir->insns.len - 1].dst = (int32_t)dst.id;
	return dst;
}

void ir_label(struct ir *ir, uint32_t label)
{
	add(ir, (struct ir_insn){.op = IR_LABEL, .dst = -1, .label = label});
}

void ir_jump(struct ir *ir, uint32_t label)
{
	add(ir, (struct ir_insn){.op = IR_JUMP, .dst = -1, .label = label});
}

static bool holds(int op, int64_t a, int64_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JGT:
		return (uint64_t)a > (uint64_t)b;
	case BPF_JGE:
		return (uint64_t)a >= (uint64_t)b;
	case BPF_JLT:
		return (uint64_t)a < (uint64_t)b;
	case BPF_JLE:
		return (uint64_t)a <= (uint64_t)b;
	case BPF_JSGT:
		return a > b;
	case BPF_JSGE:
		return a >= b;
	case BPF_JSLT:
		return a < b;
	case BPF_JSLE:
		return a <= b;
	default: /* BPF_JSET */
		return (a & b) != 0;
	}
}

void ir_branch(struct ir *ir, int op, struct ir_operand a, struct ir_operand b, uint32_t label)
{
	if (a.kind == IR_IMM && b.kind == IR_IMM) {
		if (holds(op, a.imm, b.imm))
			ir_jump(ir, label);
		return;
	}
	add(ir, (struct ir_insn){.op = IR_BRANCH,
				 .sub = (uint16_t)op,
				 .dst = -1,
				 .label = label,
				 .args = {a, b},
				 .n_args = 2});
}

void ir_return(struct ir *ir, int64_t value)
{
	add(ir, (struct ir_insn){.op = IR_RETURN, .dst = -1, .args = {ir_imm(value)}, .n_args = 1});
}

struct ir_operand ir_extend(struct ir *ir, struct ir_operand a, uint32_t size, bool is_signed)
{
	int64_t shift = 64 - (int64_t)size * 8;

	if (size >= 8)
		return a;
	if (!is_signed && size < 4)
		return ir_alu(ir, BPF_AND, a, ir_imm((1ll << (size * 8)) - 1));
	a = ir_alu(ir, BPF_LSH, a, ir_imm(shift));
	return ir_alu(ir, is_signed ? BPF_ARSH : BPF_RSH, a, ir_imm(shift));
}

/* --- as text ------------------------------------------------------------------------------ */

static const char *alu_text(int op)
{
	switch (op & ~BPF_FETCH) {
	case BPF_ADD:
		return "+";
	case BPF_SUB:
		return "-";
	case BPF_MUL:
		return "*";
	case BPF_DIV:
		return "/";
	case BPF_MOD:
		return "%";
	case BPF_OR:
		return "|";
	case BPF_AND:
		return "&";
	case BPF_XOR:
		return "^";
	case BPF_LSH:
		return "<<";
	case BPF_RSH:
		return ">>";
	case BPF_ARSH:
		return "s>>";
	default:
		return "?";
	}
}

static const char *jump_text(int op)
{
	switch (op) {
	case BPF_JEQ:
		return "==";
	case BPF_JNE:
		return "!=";
	case BPF_JGT:
		return ">";
	case BPF_JGE:
		return ">=";
	case BPF_JLT:
		return "<";
	case BPF_JLE:
		return "<=";
	case BPF_JSGT:
		return "s>";
	case BPF_JSGE:
		return "s>=";
	case BPF_JSLT:
		return "s<";
	case BPF_JSLE:
		return "s<=";
	default:
		return "&";
	}
}

static const char *helper_text(unsigned helper)
{
	static const char *const names[] = {
#define X(name) [BPF_FUNC_##name] = #name
		__BPF_FUNC_MAPPER(X)
#undef X
	};

	return helper < sizeof(names) / sizeof(names[0]) && names[helper] ? names[helper] : "?";
}

static void write_operand(struct str *out, struct ir_operand o)
{
	static const char *const marks[] = {
		[IR_REG] = "v", [IR_FRAME] = "&frame", [IR_MAP] = "map", [IR_MAP_VALUE] = "&value"};

	if (o.kind == IR_NONE)
		return;
	if (o.kind == IR_IMM) {
		str_addf(out, "%" PRIi64, o.imm);
		return;
	}
	str_addf(out, "%s%u", marks[o.kind], o.id);
	if (o.imm)
		str_addf(out, "%+" PRIi64, o.imm);
}

static void write_insn(struct str *out, const struct ir_insn *i)
{
	str_add(out, i->op == IR_LABEL ? "" : "  ");
	if (i->dst >= 0)
		str_addf(out, "v%d = ", i->dst);
	switch ((enum ir_op)i->op) {
	case IR_MOV:
		write_operand(out, i->args[0]);
		break;
	case IR_ALU:
		write_operand(out, i->args[0]);
		str_addf(out, " %s ", alu_text(i->sub));
		write_operand(out, i->args[1]);
		break;
	case IR_NEG:
	case IR_SWAP:
		str_addf(out, i->op == IR_NEG ? "-" : "swap%u ", i->sub);
		write_operand(out, i->args[0]);
		break;
	case IR_LOAD:
		str_addf(out, "%s%d [", i->is_signed ? "s" : "u", i->size * 8);
		write_operand(out, i->args[0]);
		str_addf(out, " %+d]", i->offset);
		break;
	case IR_STORE:
	case IR_ATOMIC:
		str_addf(out, "u%d [", i->size * 8);
		write_operand(out, i->args[0]);
		str_addf(out, " %+d] %s= ", i->offset, i->op == IR_STORE ? "" : alu_text(i->sub));
		write_operand(out, i->args[1]);
		break;
	case IR_CALL:
		str_addf(out, "%s(", helper_text(i->sub));
		for (int k = 0; k < i->n_args; k++) {
			str_add(out, k ? ", " : "");
			write_operand(out, i->args[k]);
		}
		str_add_char(out, ')');
		break;
	case IR_LABEL:
		str_addf(out, "L%u:", i->label);
		break;
	case IR_JUMP:
		str_addf(out, "goto L%u", i->label);
		break;
	case IR_BRANCH:
		str_add(out, "if ");
		write_operand(out, i->args[0]);
		str_addf(out, " %s ", jump_text(i->sub));
		write_operand(out, i->args[1]);
		str_addf(out, " goto L%u", i->label);
		break;
	case IR_RETURN:
		str_add(out, "return ");
		write_operand(out, i->args[0]);
		break;
	case IR_N_OPS:
		break;
	}
	str_add_char(out, '\n');
}

void ir_write(struct str *out, const struct ir *ir)
{
	const struct ir_insn *i;

	vec_each(i, &ir->insns)
		if (!i->is_dead)
			write_insn(out, i);
}
