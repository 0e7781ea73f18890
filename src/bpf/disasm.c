/* SPDX-License-Identifier: MIT */
/*
 * One function a class of instructions, in a table by the lowest three bits.
 */
#include "bpf/disasm.h"

#include <stdbool.h>

struct place {
	const struct bpf_insn *insn, *next; /* next: NULL at the end */
	size_t at;
};

static const char *const alu_names[16] = {
	"+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", NULL, "%=", "^=", "=", "s>>=",
};

static const char *const jump_names[16] = {
	NULL, "==", ">", ">=", "&", "!=", "s>", "s>=", NULL, NULL, "<", "<=", "s<", "s<=",
};

static const char *size_name(uint8_t code)
{
	static const char *const names[4] = {"u32", "u16", "u8", "u64"};

	return names[BPF_SIZE(code) >> 3];
}

static void add_unknown(struct str *out, const struct bpf_insn *insn)
{
	str_addf(out, "?%02x dst %u src %u off %d imm %d", insn->code, insn->dst_reg, insn->src_reg,
		 insn->off, insn->imm);
}

static void add_address(struct str *out, uint8_t code, unsigned reg, int off)
{
	str_addf(out, "*(%s *)(r%u %c %d)", size_name(code), reg, off < 0 ? '-' : '+',
		 off < 0 ? -off : off);
}

static void add_operand(struct str *out, const struct bpf_insn *insn, char bank)
{
	if (BPF_SRC(insn->code) == BPF_X)
		str_addf(out, "%c%u", bank, insn->src_reg);
	else
		str_addf(out, "%d", insn->imm);
}

static size_t alu(struct str *out, const struct place *p)
{
	const struct bpf_insn *insn = p->insn;
	bool wide = BPF_CLASS(insn->code) == BPF_ALU64;
	char bank = wide ? 'r' : 'w';
	const char *name = alu_names[BPF_OP(insn->code) >> 4];

	if (BPF_OP(insn->code) == BPF_NEG) {
		str_addf(out, "%c%u = -%c%u", bank, insn->dst_reg, bank, insn->dst_reg);
	} else if (BPF_OP(insn->code) == BPF_END && wide) {
		str_addf(out, "r%u = bswap%d r%u", insn->dst_reg, insn->imm, insn->dst_reg);
	} else if (BPF_OP(insn->code) == BPF_END) {
		str_addf(out, "r%u = %s%d r%u", insn->dst_reg,
			 BPF_SRC(insn->code) == BPF_TO_BE ? "be" : "le", insn->imm, insn->dst_reg);
	} else if (name) {
		str_addf(out, "%c%u %s ", bank, insn->dst_reg, name);
		add_operand(out, insn, bank);
	} else {
		add_unknown(out, insn);
	}
	return 1;
}

static size_t load_wide(struct str *out, const struct place *p)
{
	const struct bpf_insn *insn = p->insn;
	uint32_t upper;

	if (insn->code != (BPF_LD | BPF_DW | BPF_IMM) || !p->next) {
		add_unknown(out, insn);
		return 1;
	}
	upper = (uint32_t)p->next->imm;
	str_addf(out, "r%u = ", insn->dst_reg);
	switch (insn->src_reg) {
	case BPF_PSEUDO_MAP_FD:
		str_addf(out, "map[%d]", insn->imm);
		break;
	case BPF_PSEUDO_MAP_VALUE:
		str_addf(out, "map[%d] value + %u", insn->imm, upper);
		break;
	case BPF_PSEUDO_BTF_ID:
		str_addf(out, "symbol %d", insn->imm);
		break;
	case BPF_PSEUDO_FUNC:
		str_addf(out, "function %lld", (long long)p->at + 1 + insn->imm);
		break;
	default:
		str_addf(out, "0x%llx", (unsigned long long)upper << 32 | (uint32_t)insn->imm);
	}
	str_add(out, " ll");
	return 2;
}

static size_t load(struct str *out, const struct place *p)
{
	const struct bpf_insn *insn = p->insn;

	if (BPF_MODE(insn->code) != BPF_MEM) {
		add_unknown(out, insn);
		return 1;
	}
	str_addf(out, "r%u = ", insn->dst_reg);
	add_address(out, insn->code, insn->src_reg, insn->off);
	return 1;
}

static void atomic(struct str *out, const struct bpf_insn *insn)
{
	const char *name = alu_names[BPF_OP(insn->imm) >> 4];

	if (insn->imm == BPF_CMPXCHG) {
		str_add(out, "r0 = cmpxchg(");
		add_address(out, insn->code, insn->dst_reg, insn->off);
		str_addf(out, ", r0, r%u)", insn->src_reg);
	} else if (insn->imm == BPF_XCHG) {
		str_addf(out, "r%u = xchg(", insn->src_reg);
		add_address(out, insn->code, insn->dst_reg, insn->off);
		str_addf(out, ", r%u)", insn->src_reg);
	} else if (name) {
		if (insn->imm & BPF_FETCH)
			str_addf(out, "r%u = fetch ", insn->src_reg);
		str_add(out, "lock ");
		add_address(out, insn->code, insn->dst_reg, insn->off);
		str_addf(out, " %s r%u", name, insn->src_reg);
	} else {
		add_unknown(out, insn);
	}
}

static size_t store(struct str *out, const struct place *p)
{
	const struct bpf_insn *insn = p->insn;
	bool is_register = BPF_CLASS(insn->code) == BPF_STX;

	if (is_register && BPF_MODE(insn->code) == BPF_ATOMIC) {
		atomic(out, insn);
	} else if (BPF_MODE(insn->code) == BPF_MEM) {
		add_address(out, insn->code, insn->dst_reg, insn->off);
		if (is_register)
			str_addf(out, " = r%u", insn->src_reg);
		else
			str_addf(out, " = %d", insn->imm);
	} else {
		add_unknown(out, insn);
	}
	return 1;
}

static void call(struct str *out, const struct place *p)
{
	const struct bpf_insn *insn = p->insn;

	if (insn->src_reg == BPF_PSEUDO_CALL)
		str_addf(out, "call %lld", (long long)p->at + 1 + insn->imm);
	else if (insn->src_reg == BPF_PSEUDO_KFUNC_CALL)
		str_addf(out, "call kernel function %d", insn->imm);
	else
		str_addf(out, "call helper %d", insn->imm);
}

static size_t jump(struct str *out, const struct place *p)
{
	const struct bpf_insn *insn = p->insn;
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;
	char bank = wide ? 'r' : 'w';
	const char *name = jump_names[BPF_OP(insn->code) >> 4];

	if (insn->code == (BPF_JMP | BPF_CALL)) {
		call(out, p);
	} else if (insn->code == (BPF_JMP | BPF_EXIT)) {
		str_add(out, "exit");
	} else if (BPF_OP(insn->code) == BPF_JA) {
		str_addf(out, "goto %lld", (long long)p->at + 1 + (wide ? insn->off : insn->imm));
	} else if (name) {
		str_addf(out, "if %c%u %s ", bank, insn->dst_reg, name);
		add_operand(out, insn, bank);
		str_addf(out, " goto %lld", (long long)p->at + 1 + insn->off);
	} else {
		add_unknown(out, insn);
	}
	return 1;
}

static size_t (*const classes[8])(struct str *out, const struct place *p) = {
	[BPF_LD] = load_wide, [BPF_LDX] = load, [BPF_ST] = store,   [BPF_STX] = store,
	[BPF_ALU] = alu,      [BPF_JMP] = jump, [BPF_JMP32] = jump, [BPF_ALU64] = alu,
};

size_t disasm_one(struct str *out, const struct bpf_insn *insns, size_t n, size_t at)
{
	struct place p = {&insns[at], at + 1 < n ? &insns[at + 1] : NULL, at};

	return classes[BPF_CLASS(p.insn->code)](out, &p);
}

void disasm(struct str *out, const struct bpf_insn *insns, size_t n)
{
	for (size_t at = 0; at < n;) {
		str_addf(out, "%4zu: ", at);
		at += disasm_one(out, insns, n, at);
		str_add_char(out, '\n');
	}
}
