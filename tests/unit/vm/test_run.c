/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <string.h>

#include "vm/vm.h"

static struct vm *vm;
static struct bpf_asm code;
static struct diag diag;
static char taken[64];

static void take(void *data, const void *bytes, size_t size)
{
	(void)data;
	memcpy(taken, bytes, size < sizeof(taken) ? size : sizeof(taken));
}

static void begin(void)
{
	struct vm_options options = {.record = take, .max_insns = 10000};

	if (!vm)
		vm_new(&vm, &options);
	asm_fini(&code);
	memset(&code, 0, sizeof(code));
	diag_fini(&diag);
}

static void end(void)
{
	vm_free(vm);
	vm = NULL;
	asm_fini(&code);
	diag_fini(&diag);
}

/* What the code gives, or a negative errno. */
static int64_t run(void *context, size_t size)
{
	static const struct vm_event event = {7000, 12, 34, 1, 0, "program"};
	struct vm_program *p;
	uint64_t result = 0;
	int err = asm_finish(&code);

	if (!err)
		err = vm_program_new(&p, vm, code.insns.items, code.insns.len, code.relocs.items,
				     code.relocs.len, &diag);
	if (err)
		return err;
	err = vm_run(vm, p, context, size, &event, &result);
	vm_program_free(p);
	return err ? err : (int64_t)result;
}

TEST(arithmetic)
{
	begin();
	asm_mov_imm(&code, 0, 7);
	asm_mov_imm(&code, 2, 0);
	asm_alu(&code, BPF_DIV, 0, 2); /* by zero: zero */
	asm_alu_imm(&code, BPF_ADD, 0, -5);
	asm_alu32_imm(&code, BPF_ADD, 0, 1); /* the upper half goes */
	asm_exit(&code);
	CHECK_INT(run(NULL, 0), (int64_t)0xfffffffc);
	begin();
	asm_mov_imm64(&code, 0, 0x1122334455667788);
	asm_swap(&code, 0, 32, true);
	asm_exit(&code);
	CHECK_INT(run(NULL, 0), 0x88776655);
	end();
}

TEST(the_context_is_read_and_not_written)
{
	uint64_t context[] = {1, 42};

	begin();
	asm_load(&code, BPF_DW, 0, 1, 8);
	asm_exit(&code);
	CHECK_INT(run(context, sizeof(context)), 42);
	begin();
	asm_store_imm(&code, BPF_DW, 1, 0, 5);
	asm_return(&code, 0);
	CHECK_INT(run(context, sizeof(context)), -EFAULT);
	CHECK_INT(context[0], 1);
	end();
}

TEST(no_access_leaves_its_region)
{
	uint64_t context[2] = {0};
	static const struct {
		int reg, offset;
	} places[] = {{1, 16}, {1, 12}, {1, -1}, {10, 0}, {10, -513}, {10, 32000}, {0, 0}};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		begin();
		asm_mov_imm64(&code, 0, 0x7fff12345678);
		asm_load(&code, BPF_DW, 2, places[i].reg, places[i].offset);
		asm_return(&code, 0);
		CHECK_INT(run(context, sizeof(context)), -EFAULT);
	}
	end();
}

TEST(an_endless_loop_ends)
{
	unsigned again;

	begin();
	again = asm_label(&code);
	asm_bind(&code, again);
	asm_jump(&code, again);
	CHECK_INT(run(NULL, 0), -ETIME);
	end();
}

TEST(what_may_not_run_is_refused)
{
	static const struct bpf_insn bad[][2] = {
		{{.code = 0xff}, {.code = BPF_JMP | BPF_EXIT}},
		{{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 10},
		 {.code = BPF_JMP | BPF_EXIT}},
		{{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 11},
		 {.code = BPF_JMP | BPF_EXIT}},
		{{.code = BPF_JMP | BPF_JA, .off = 5}, {.code = BPF_JMP | BPF_EXIT}},
		{{.code = BPF_JMP | BPF_JA, .off = -3}, {.code = BPF_JMP | BPF_EXIT}},
		{{.code = BPF_JMP | BPF_CALL, .imm = 9999}, {.code = BPF_JMP | BPF_EXIT}},
		{{.code = BPF_JMP | BPF_CALL, .src_reg = 1}, {.code = BPF_JMP | BPF_EXIT}},
		{{.code = BPF_ALU | BPF_END | BPF_X, .imm = 128}, {.code = BPF_JMP | BPF_EXIT}},
		{{.code = BPF_JMP | BPF_EXIT}, {.code = BPF_LD | BPF_DW | BPF_IMM}},
		{{.code = BPF_JMP | BPF_EXIT}, {.code = BPF_ALU64 | BPF_MOV | BPF_K}},
	};
	struct vm_program *p;

	begin();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(vm_program_new(&p, vm, bad[i], 2, NULL, 0, &diag), -EINVAL);
		CHECK_INT(diag.errors, i + 1);
	}
	CHECK_INT(vm_program_new(&p, vm, NULL, 0, NULL, 0, NULL), -EINVAL);
	end();
}

TEST(a_jump_into_a_wide_instruction_is_refused)
{
	begin();
	asm_insn(&code, (struct bpf_insn){.code = BPF_JMP | BPF_JA, .off = 1});
	asm_load_map_value(&code, 0, 0, 0);
	asm_return(&code, 0);
	vm_map_add(vm, &(struct vm_map_spec){VM_ARRAY, 4, 8, 1});
	CHECK_INT(run(NULL, 0), -EINVAL);
	end();
}

TEST(maps_through_helpers_and_by_address)
{
	uint64_t value = 0;

	begin();
	CHECK_INT(vm_map_add(vm, &(struct vm_map_spec){VM_HASH, 8, 8, 4}), 0);
	CHECK_INT(vm_map_add(vm, &(struct vm_map_spec){VM_ARRAY, 4, 16, 1}), 1);
	asm_store_imm(&code, BPF_DW, 10, -8, 5); /* the key */
	asm_store_imm(&code, BPF_DW, 10, -16, 70); /* the value */
	asm_load_map(&code, 1, 0);
	asm_mov(&code, 2, 10);
	asm_alu_imm(&code, BPF_ADD, 2, -8);
	asm_mov(&code, 3, 10);
	asm_alu_imm(&code, BPF_ADD, 3, -16);
	asm_mov_imm(&code, 4, BPF_ANY);
	asm_call(&code, BPF_FUNC_map_update_elem);
	asm_load_map(&code, 1, 0);
	asm_mov(&code, 2, 10);
	asm_alu_imm(&code, BPF_ADD, 2, -8);
	asm_call(&code, BPF_FUNC_map_lookup_elem);
	asm_mov_imm(&code, 1, 7);
	asm_atomic(&code, BPF_DW, BPF_ADD | BPF_FETCH, 0, 0, 1);
	asm_load_map_value(&code, 2, 1, 8);
	asm_store(&code, BPF_DW, 2, 0, 1); /* what it was */
	asm_return(&code, 0);
	CHECK_INT(run(NULL, 0), 0);
	CHECK_INT(vm_map_get(vm, 0, &(uint64_t){5}, &value), 0);
	CHECK_INT(value, 77);
	CHECK_INT(((uint64_t *)vm_map_value(vm, 1, 0))[1], 70);
	end();
}

TEST(exposed_text_ends_where_it_ends)
{
	uint64_t context[1];

	begin();
	vm_map_add(vm, &(struct vm_map_spec){VM_RING, 0, 0, 0});
	context[0] = vm_expose(vm, "texture", 4); /* no NUL */
	asm_mov(&code, 6, 1);
	asm_load_map(&code, 1, 0);
	asm_mov_imm(&code, 2, 16);
	asm_mov_imm(&code, 3, 0);
	asm_call(&code, BPF_FUNC_ringbuf_reserve);
	asm_mov(&code, 7, 0);
	asm_mov(&code, 1, 7);
	asm_mov_imm(&code, 2, 16);
	asm_load(&code, BPF_DW, 3, 6, 0);
	asm_call(&code, BPF_FUNC_probe_read_kernel_str);
	asm_mov(&code, 6, 0);
	asm_mov(&code, 1, 7);
	asm_mov_imm(&code, 2, 0);
	asm_call(&code, BPF_FUNC_ringbuf_submit);
	asm_mov(&code, 0, 6);
	asm_exit(&code);
	CHECK_INT(run(context, sizeof(context)), 5);
	CHECK_STR(taken, "text");
	vm_hide_all(vm);
	CHECK_INT(run(context, sizeof(context)), -EFAULT); /* no longer there */
	end();
}

TEST(helpers_tell_of_the_event)
{
	begin();
	asm_call(&code, BPF_FUNC_get_current_pid_tgid);
	asm_mov(&code, 6, 0);
	asm_call(&code, BPF_FUNC_ktime_get_ns);
	asm_alu(&code, BPF_ADD, 0, 6);
	asm_exit(&code);
	CHECK_INT(run(NULL, 0), (12ll << 32) + 34 + 7000);
	end();
}
