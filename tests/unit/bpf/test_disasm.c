/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "bpf/asm.h"
#include "bpf/disasm.h"

TEST(every_form)
{
	struct bpf_asm a = {0};
	struct str text = {0};
	unsigned out = asm_label(&a), function = asm_label(&a);

	asm_load(&a, BPF_DW, BPF_REG_6, BPF_REG_1, 8);
	asm_load_signed(&a, BPF_B, BPF_REG_2, BPF_REG_6, -3);
	asm_jump_imm(&a, BPF_JEQ, BPF_REG_6, 0, out);
	asm_jump32_reg(&a, BPF_JSGT, BPF_REG_1, BPF_REG_2, out);
	asm_load_map(&a, BPF_REG_1, 0);
	asm_load_map_value(&a, BPF_REG_1, 0, 16);
	asm_mov_imm64(&a, BPF_REG_3, 0x123456789);
	asm_alu32(&a, BPF_XOR, BPF_REG_3, BPF_REG_4);
	asm_neg(&a, BPF_REG_3);
	asm_swap(&a, BPF_REG_3, 32, true);
	asm_store(&a, BPF_W, BPF_REG_10, -4, BPF_REG_3);
	asm_store_imm(&a, BPF_B, BPF_REG_10, -5, 1);
	asm_atomic(&a, BPF_W, BPF_OR, BPF_REG_1, 4, BPF_REG_3);
	asm_atomic(&a, BPF_DW, BPF_ADD | BPF_FETCH, BPF_REG_1, 8, BPF_REG_3);
	asm_atomic(&a, BPF_DW, BPF_XCHG, BPF_REG_1, 8, BPF_REG_3);
	asm_atomic(&a, BPF_DW, BPF_CMPXCHG, BPF_REG_1, 8, BPF_REG_3);
	asm_call(&a, 5);
	asm_call_label(&a, function);
	asm_jump(&a, out);
	asm_bind(&a, out);
	asm_exit(&a);
	asm_bind(&a, function);
	asm_return(&a, 1);
	REQUIRE(asm_finish(&a) == 0);
	disasm(&text, a.insns.items, a.insns.len);
	CHECK_STR(str_c(&text), "   0: r6 = *(u64 *)(r1 + 8)\n"
				"   1: r2 = *(u8 *)(r6 - 3)\n"
				"   2: r2 <<= 56\n"
				"   3: r2 s>>= 56\n"
				"   4: if r6 == 0 goto 24\n"
				"   5: if w1 s> w2 goto 24\n"
				"   6: r1 = map[0] ll\n"
				"   8: r1 = map[0] value + 16 ll\n"
				"  10: r3 = 0x123456789 ll\n"
				"  12: w3 ^= w4\n"
				"  13: r3 = -r3\n"
				"  14: r3 = be32 r3\n"
				"  15: *(u32 *)(r10 - 4) = r3\n"
				"  16: *(u8 *)(r10 - 5) = 1\n"
				"  17: lock *(u32 *)(r1 + 4) |= r3\n"
				"  18: r3 = fetch lock *(u64 *)(r1 + 8) += r3\n"
				"  19: r3 = xchg(*(u64 *)(r1 + 8), r3)\n"
				"  20: r0 = cmpxchg(*(u64 *)(r1 + 8), r0, r3)\n"
				"  21: call helper 5\n"
				"  22: call 25\n"
				"  23: goto 24\n"
				"  24: exit\n"
				"  25: r0 = 1\n"
				"  26: exit\n");
	str_fini(&text);
	asm_fini(&a);
}

/* Any eight bytes are printed, and the end is never passed. */
TEST(unknown_instructions)
{
	for (unsigned code = 0; code < 256; code++)
		for (unsigned imm = 0; imm < 256; imm++) {
			struct bpf_insn insn = {
				.code = (uint8_t)code, .src_reg = 15, .imm = (int32_t)imm};
			struct str text = {0};

			CHECK_INT(disasm_one(&text, &insn, 1, 0), 1);
			CHECK(text.len > 0);
			str_fini(&text);
		}
}
