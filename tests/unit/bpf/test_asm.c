/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "bpf/asm.h"

/* The eight bytes of an instruction, as RFC 9669 draws them. */
static void check_bytes(const struct bpf_asm *a, size_t at, const char *wanted)
{
	REQUIRE(at < a->insns.len);
	CHECK_MEM(&a->insns.items[at], wanted, 8);
}

TEST(encodings)
{
	struct bpf_asm a = {0};

	asm_mov(&a, BPF_REG_6, BPF_REG_1);
	asm_alu32_imm(&a, BPF_AND, BPF_REG_2, 0x7fff);
	asm_load(&a, BPF_W, BPF_REG_3, BPF_REG_6, -4);
	asm_store(&a, BPF_H, BPF_REG_10, -16, BPF_REG_3);
	asm_store_imm(&a, BPF_DW, BPF_REG_10, -8, -1);
	asm_atomic(&a, BPF_DW, BPF_ADD | BPF_FETCH, BPF_REG_7, 8, BPF_REG_1);
	asm_call(&a, BPF_FUNC_ktime_get_ns);
	asm_swap(&a, BPF_REG_4, 16, true);
	asm_neg(&a, BPF_REG_5);
	asm_exit(&a);
	REQUIRE(asm_finish(&a) == 0);
	CHECK_INT(a.insns.len, 10);
	check_bytes(&a, 0, "\xbf\x16\x00\x00\x00\x00\x00\x00");
	check_bytes(&a, 1, "\x54\x02\x00\x00\xff\x7f\x00\x00");
	check_bytes(&a, 2, "\x61\x63\xfc\xff\x00\x00\x00\x00");
	check_bytes(&a, 3, "\x6b\x3a\xf0\xff\x00\x00\x00\x00");
	check_bytes(&a, 4, "\x7a\x0a\xf8\xff\xff\xff\xff\xff");
	check_bytes(&a, 5, "\xdb\x17\x08\x00\x01\x00\x00\x00");
	check_bytes(&a, 6, "\x85\x00\x00\x00\x05\x00\x00\x00");
	check_bytes(&a, 7, "\xdc\x04\x00\x00\x10\x00\x00\x00");
	check_bytes(&a, 8, "\x87\x05\x00\x00\x00\x00\x00\x00");
	check_bytes(&a, 9, "\x95\x00\x00\x00\x00\x00\x00\x00");
	asm_fini(&a);
}

TEST(constants_take_the_shortest_form)
{
	struct bpf_asm a = {0};

	asm_mov_imm64(&a, BPF_REG_1, (uint64_t)-5);
	CHECK_INT(a.insns.len, 1);
	asm_mov_imm64(&a, BPF_REG_1, 0xffffffff); /* a 64-bit move would extend the sign */
	CHECK_INT(a.insns.len, 2);
	asm_mov_imm64(&a, BPF_REG_1, 0x1122334455667788);
	CHECK_INT(a.insns.len, 4);
	check_bytes(&a, 0, "\xb7\x01\x00\x00\xfb\xff\xff\xff");
	check_bytes(&a, 1, "\xb4\x01\x00\x00\xff\xff\xff\xff");
	check_bytes(&a, 2, "\x18\x01\x00\x00\x88\x77\x66\x55");
	check_bytes(&a, 3, "\x00\x00\x00\x00\x44\x33\x22\x11");
	asm_fini(&a);
}

TEST(jumps_know_their_distance)
{
	struct bpf_asm a = {0};
	unsigned back = asm_label(&a), out = asm_label(&a), function = asm_label(&a);

	asm_bind(&a, back);
	asm_jump_imm(&a, BPF_JEQ, BPF_REG_6, 0, out);
	asm_mov_imm64(&a, BPF_REG_1, UINT64_MAX / 3);
	asm_call_label(&a, function);
	asm_jump(&a, back);
	asm_bind(&a, out);
	asm_return(&a, 0);
	asm_bind(&a, function);
	asm_return(&a, 1);
	REQUIRE(asm_finish(&a) == 0);
	CHECK_INT(a.insns.items[0].off, 4);
	CHECK_INT(a.insns.items[3].imm, 3);
	CHECK_INT(a.insns.items[3].src_reg, BPF_PSEUDO_CALL);
	CHECK_INT(a.insns.items[4].off, -5);
	asm_fini(&a);
}

TEST(relocations_are_named)
{
	struct bpf_asm a = {0};

	asm_load_map(&a, BPF_REG_1, 7);
	asm_load_map_value(&a, BPF_REG_2, 8, 4096);
	asm_call_kfunc(&a, 9);
	REQUIRE(asm_finish(&a) == 0);
	CHECK_INT(a.insns.len, 5);
	REQUIRE(a.relocs.len == 3);
	CHECK_INT(a.relocs.items[0].insn, 0);
	CHECK_INT(a.relocs.items[0].kind, BPF_RELOC_MAP);
	CHECK_INT(a.relocs.items[0].id, 7);
	CHECK_INT(a.relocs.items[1].insn, 2);
	CHECK_INT(a.relocs.items[1].kind, BPF_RELOC_MAP_VALUE);
	CHECK_INT(a.insns.items[3].imm, 4096);
	CHECK_INT(a.relocs.items[2].insn, 4);
	CHECK_INT(a.relocs.items[2].kind, BPF_RELOC_KFUNC);
	asm_fini(&a);
}

TEST(first_error_sticks)
{
	struct bpf_asm a = {0};
	unsigned never = asm_label(&a), far;

	asm_jump(&a, never);
	CHECK_INT(asm_finish(&a), -EINVAL);
	asm_fini(&a);
	CHECK_INT(a.error, 0);

	far = asm_label(&a);
	asm_jump(&a, far);
	for (int i = 0; i <= INT16_MAX; i++)
		asm_mov_imm(&a, BPF_REG_0, 0);
	asm_bind(&a, far);
	asm_exit(&a);
	CHECK_INT(asm_finish(&a), -E2BIG);
	CHECK_INT(asm_finish(&a), -E2BIG);
	asm_fini(&a);

	asm_load(&a, BPF_W, BPF_REG_1, BPF_REG_2, 40000);
	CHECK_INT(asm_finish(&a), -E2BIG);
	asm_fini(&a);
}
