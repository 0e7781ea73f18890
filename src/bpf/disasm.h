/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BPF_DISASM_H
#define PISTE_BPF_DISASM_H

#include <linux/bpf.h>
#include <stddef.h>

#include "base/str.h"

/*
 * disasm - BPF code as text, one line an instruction, in the verifier's words:
 *
 *	   0: r6 = *(u64 *)(r1 + 8)
 *	   1: if r6 == 0 goto 4
 *	   2: r1 = map[3] ll
 *
 * Targets of jumps are the numbers of instructions. Whatever it is given, it
 * prints something: an unknown instruction is shown in hexadecimal.
 */
void disasm(struct str *out, const struct bpf_insn *insns, size_t n);
/* The instruction at `at` without number and newline; how many slots it takes (1 or 2). */
size_t disasm_one(struct str *out, const struct bpf_insn *insns, size_t n, size_t at);

#endif
