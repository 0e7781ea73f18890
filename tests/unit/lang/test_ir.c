/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "lang/liveness.h"

static struct arena arena;

static void end(struct ir *ir, struct bpf_asm *code)
{
	ir_fini(ir);
	asm_fini(code);
	arena_fini(&arena);
}

TEST(constants_are_folded)
{
	struct ir ir = {.n_regs = 1};
	struct bpf_asm none = {0};

	CHECK_INT(ir_alu(&ir, BPF_MUL, ir_imm(6), ir_imm(7)).imm, 42);
	CHECK_INT(ir_alu(&ir, BPF_DIV, ir_imm(1), ir_imm(0)).imm, 0);
	CHECK_INT(ir_neg(&ir, ir_imm(5)).imm, -5);
	CHECK_INT(ir_extend(&ir, ir_imm(0xff), 1, true).imm, -1);
	CHECK_INT(ir_alu(&ir, BPF_ADD, ir_reg(0), ir_imm(0)).id, 0);
	CHECK_INT(ir.insns.len, 0);
	end(&ir, &none);
}

TEST(unused_code_goes_and_effects_stay)
{
	struct ir ir = {.n_regs = 1};
	struct bpf_asm code = {0};
	struct ir_operand a = ir_load(&ir, ir_reg(0), 0, 8, false);

	ir_alu(&ir, BPF_ADD, a, ir_imm(1));
	ir_call(&ir, BPF_FUNC_ktime_get_ns, 0);
	ir_return(&ir, 0);
	CHECK_INT(ir_generate(&ir, &code, &arena), 0);
	/* the call, r0 = 0, exit */
	CHECK_INT(code.insns.len, 3);
	CHECK_INT(code.insns.items[0].imm, BPF_FUNC_ktime_get_ns);
	end(&ir, &code);
}

TEST(what_lives_over_a_call_is_kept)
{
	struct ir ir = {.n_regs = 1};
	struct bpf_asm code = {0};
	struct ir_places places;
	struct ir_operand a = ir_load(&ir, ir_reg(0), 0, 8, false), b;

	b = ir_call(&ir, BPF_FUNC_ktime_get_ns, 0);
	ir_store(&ir, ir_reg(0), 0, 8, ir_alu(&ir, BPF_ADD, a, b));
	ir_return(&ir, 0);
	CHECK_INT(ir_allocate(&ir, &places, &arena), 0);
	CHECK(places.of[a.id] >= BPF_REG_6 && places.of[a.id] <= BPF_REG_9);
	CHECK(places.of[0] >= BPF_REG_6 && places.of[0] <= BPF_REG_9);
	CHECK(places.of[a.id] != places.of[0]);
	CHECK_INT(places.n_spilled, 0);
	end(&ir, &code);
}

TEST(too_many_values_are_spilled)
{
	struct ir ir = {.n_regs = 1};
	struct bpf_asm code = {0};
	struct ir_places places;
	struct ir_operand values[12], sum = ir_imm(0);

	for (int i = 0; i < 12; i++)
		values[i] = ir_call(&ir, BPF_FUNC_ktime_get_ns, 0);
	for (int i = 0; i < 12; i++)
		sum = ir_alu(&ir, BPF_ADD, values[i], sum);
	ir_store(&ir, ir_new_object(&ir, 8), 0, 8, sum);
	ir_return(&ir, 0);
	CHECK_INT(ir_allocate(&ir, &places, &arena), 0);
	CHECK(places.n_spilled >= 7);
	CHECK_INT(ir_generate(&ir, &code, &arena), 0);
	end(&ir, &code);
}

TEST(a_loop_keeps_what_it_needs_again)
{
	struct ir ir = {.n_regs = 1};
	struct bpf_asm none = {0};
	struct ir_interval *v;
	struct ir_operand limit = ir_load(&ir, ir_reg(0), 0, 8, false), i = ir_new_reg(&ir);
	uint32_t again = ir_new_label(&ir), out = ir_new_label(&ir);

	ir_move(&ir, i, ir_imm(0));
	ir_label(&ir, again); /* insn 2 */
	ir_branch(&ir, BPF_JGE, i, limit, out);
	ir_move(&ir, i, ir_alu(&ir, BPF_ADD, i, ir_imm(1)));
	ir_jump(&ir, again); /* insn 6 */
	ir_label(&ir, out);
	ir_return(&ir, 0);
	CHECK_INT(ir_intervals(&ir, &v, &arena), 0);
	CHECK(v[limit.id].end >= 2 * 6);
	CHECK(v[i.id].end >= 2 * 6);
	end(&ir, &none);
}

TEST(a_large_frame_goes_to_scratch)
{
	struct ir ir = {.n_regs = 1, .scratch_map = 3, .scratch_index = 5};
	struct bpf_asm code = {0};
	struct ir_operand small, large;

	small = ir_new_object(&ir, 64);
	large = ir_new_object(&ir, 1000);
	ir_store(&ir, small, 0, 8, ir_imm(1));
	ir_store(&ir, large, 992, 8, ir_imm(2));
	ir_return(&ir, 0);
	CHECK_INT(ir_generate(&ir, &code, &arena), 0);
	CHECK_INT(ir.scratch_bytes, 1000);
	REQUIRE(code.relocs.len == 1);
	CHECK_INT(code.relocs.items[0].id, 3);
	end(&ir, &code);
}

/* Arguments may have to change places with each other. */
TEST(arguments_in_a_ring)
{
	struct ir ir = {.n_regs = 1};
	struct ir_places places = {0};
	struct bpf_asm code = {0};
	uint16_t of[] = {0, BPF_REG_2, BPF_REG_1};

	ir_new_reg(&ir);
	ir_new_reg(&ir);
	ir_call(&ir, BPF_FUNC_ktime_get_ns, 2, ir_reg(1), ir_reg(2));
	ir.insns.items[0].dst = -1;
	places.of = of;
	CHECK_INT(ir_emit(&ir, &places, &code), 0);
	REQUIRE(code.insns.len == 4);
	/* three moves through r0, and the call */
	CHECK_INT(code.insns.items[0].dst_reg, BPF_REG_0);
	end(&ir, &code);
}
