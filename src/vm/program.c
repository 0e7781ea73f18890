/* SPDX-License-Identifier: MIT */
/*
 * What a program must look like before it may run: every instruction is one
 * that run.c knows, every register and jump is in range, and no path runs over
 * the end. What it does with memory is checked while it runs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/disasm.h"
#include "vm/private.h"

enum { MAX_INSNS = 1 << 16 };

static bool is_alu(uint8_t code)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
	case BPF_SUB:
	case BPF_MUL:
	case BPF_DIV:
	case BPF_OR:
	case BPF_AND:
	case BPF_LSH:
	case BPF_RSH:
	case BPF_MOD:
	case BPF_XOR:
	case BPF_MOV:
	case BPF_ARSH:
		return true;
	case BPF_NEG:
		return BPF_SRC(code) == BPF_K;
	case BPF_END:
		return BPF_CLASS(code) == BPF_ALU;
	default:
		return false;
	}
}

static bool is_atomic(int32_t imm)
{
	switch (imm) {
	case BPF_ADD:
	case BPF_OR:
	case BPF_AND:
	case BPF_XOR:
	case BPF_ADD | BPF_FETCH:
	case BPF_OR | BPF_FETCH:
	case BPF_AND | BPF_FETCH:
	case BPF_XOR | BPF_FETCH:
		return true;
	default:
		return false;
	}
}

/* NULL: it may run; else what is wrong. */
static const char *look_at(const struct bpf_insn *insns, size_t n, size_t i)
{
	const struct bpf_insn *insn = &insns[i];
	uint8_t op = BPF_OP(insn->code), class = BPF_CLASS(insn->code);
	bool is_store = class == BPF_ST || class == BPF_STX;

	if (insn->dst_reg > BPF_REG_10 || insn->src_reg > BPF_REG_10)
		return "no such register";
	if (insn->dst_reg == BPF_REG_10 && !is_store && class != BPF_JMP && class != BPF_JMP32)
		return "the frame pointer is written";
	switch (class) {
	case BPF_ALU:
	case BPF_ALU64:
		if (op == BPF_END && insn->imm != 16 && insn->imm != 32 && insn->imm != 64)
			return "no such number of bits";
		return is_alu(insn->code) ? NULL : "no such arithmetic";
	case BPF_LD:
		if (insn->code != (BPF_LD | BPF_DW | BPF_IMM) || i + 1 >= n || insns[i + 1].code ||
		    insns[i + 1].dst_reg || insns[i + 1].src_reg)
			return "no such load";
		return NULL;
	case BPF_LDX:
		return BPF_MODE(insn->code) == BPF_MEM ? NULL : "no such load";
	case BPF_ST:
		return BPF_MODE(insn->code) == BPF_MEM ? NULL : "no such store";
	case BPF_STX:
		if (BPF_MODE(insn->code) == BPF_MEM)
			return NULL;
		if (BPF_MODE(insn->code) != BPF_ATOMIC || !is_atomic(insn->imm) ||
		    (BPF_SIZE(insn->code) != BPF_W && BPF_SIZE(insn->code) != BPF_DW))
			return "no such atomic operation";
		return NULL;
	default:
		if (op == BPF_EXIT)
			return class == BPF_JMP ? NULL : "no such jump";
		if (op == BPF_CALL)
			return class == BPF_JMP && !insn->src_reg && vm_has_helper(insn->imm)
				       ? NULL
				       : "there is no such helper here";
		if (op > BPF_JSLE || (op == BPF_JA && class == BPF_JMP32))
			return "no such jump";
		if ((int64_t)i + 1 + insn->off < 0 || (int64_t)i + 1 + insn->off >= (int64_t)n)
			return "a jump leads out of the program";
		return NULL;
	}
}

static int check(const struct bpf_insn *insns, size_t n, struct diag *diag)
{
	_Static_assert(BPF_REG_10 == 10, "");
	uint8_t *is_second = calloc(n + 1, 1);
	const char *fault = NULL;
	size_t i;

	if (!is_second)
		return -ENOMEM;
	for (i = 0; i < n && !fault; i++) {
		if (is_second[i])
			continue;
		fault = look_at(insns, n, i);
		if (!fault && insns[i].code == (BPF_LD | BPF_DW | BPF_IMM))
			is_second[i + 1] = 1;
	}
	for (size_t k = 0; k < n && !fault; k++) {
		uint8_t class = BPF_CLASS(insns[k].code), op = BPF_OP(insns[k].code);

		i = k + 1;
		if (!is_second[k] && (class == BPF_JMP || class == BPF_JMP32) && op != BPF_CALL &&
		    op != BPF_EXIT && is_second[k + 1 + (size_t)(int64_t)insns[k].off])
			fault = "a jump leads into an instruction";
	}
	if (!fault && (n == 0 || is_second[n - 1] ||
		       (insns[n - 1].code != (BPF_JMP | BPF_EXIT) &&
			insns[n - 1].code != (BPF_JMP | BPF_JA))))
		fault = "it runs over its end";
	free(is_second);
	if (fault)
		return diag_error(diag, NULL, "instruction %zu: %s", i - 1, fault);
	return 0;
}

/* A map is its number, a value its pointer. */
static int relocate(struct vm *vm, struct bpf_insn *insns, size_t n, const struct bpf_reloc *r)
{
	uint64_t value;

	if (r->insn + 1 >= n || insns[r->insn].code != (BPF_LD | BPF_DW | BPF_IMM) ||
	    r->id >= vm->n_maps)
		return -EINVAL;
	if (r->kind == BPF_RELOC_MAP)
		value = r->id;
	else if (r->kind == BPF_RELOC_MAP_VALUE)
		value = vm_pointer(VM_REGION_MAPS + r->id, (uint32_t)insns[r->insn + 1].imm);
	else
		return -EINVAL;
	insns[r->insn].src_reg = 0;
	insns[r->insn].imm = (int32_t)value;
	insns[r->insn + 1].imm = (int32_t)(value >> 32);
	return 0;
}

int vm_program_new(struct vm_program **out, struct vm *vm, const struct bpf_insn *insns,
		   size_t n_insns, const struct bpf_reloc *relocs, size_t n_relocs,
		   struct diag *diag)
{
	struct vm_program *p;
	int err = 0;

	*out = NULL;
	if (n_insns > MAX_INSNS)
		return diag_error(diag, NULL, "the program is too long");
	p = malloc(sizeof(*p) + n_insns * sizeof(*insns));
	if (!p)
		return -ENOMEM;
	p->n_insns = n_insns;
	if (n_insns)
		memcpy(p->insns, insns, n_insns * sizeof(*insns));
	for (size_t i = 0; i < n_relocs && !err; i++)
		err = relocate(vm, p->insns, n_insns, &relocs[i]);
	if (err)
		diag_error(diag, NULL, "the program names a map that is not there");
	else
		err = check(p->insns, n_insns, diag);
	if (err) {
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

void vm_program_free(struct vm_program *p)
{
	free(p);
}
