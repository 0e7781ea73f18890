/* SPDX-License-Identifier: MIT */
#include "kern/limit.h"

#include <errno.h>
#include <stdatomic.h>

struct slot {
	uint64_t second, events, kept_away; /* written by programs on one CPU */
};

enum { KEY_SLOT = -24 };

int kern_limit_init(struct kern_limit *limit, struct kern_maps *maps, uint64_t rate,
		    size_t n_events, unsigned cpus, struct diag *diag)
{
	struct kern_map_spec spec = {
		.type = BPF_MAP_TYPE_ARRAY,
		.name = "piste_limit",
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(struct slot),
		.max_entries = (uint32_t)(n_events * cpus),
		.flags = BPF_F_MMAPABLE,
	};
	int number;

	*limit = (struct kern_limit){.n = (uint32_t)n_events, .cpus = cpus};
	if (!rate)
		return 0;
	number = kern_maps_add(maps, &spec, diag);
	if (number < 0)
		return number;
	limit->map = (uint32_t)number;
	limit->rate = (uint64_t)((double)rate * (1 << 30) / 1e9);
	limit->rate = limit->rate ? limit->rate : 1;
	limit->memory = maps->items.items[number].memory;
	limit->stride = maps->items.items[number].stride;
	return 0;
}

uint64_t kern_limit_count(const struct kern_limit *limit)
{
	uint64_t sum = 0;

	for (size_t i = 0; limit->memory && i < (size_t)limit->n * limit->cpus; i++) {
		const struct slot *slot = (const struct slot *)(limit->memory + limit->stride * i);

		sum += atomic_load_explicit((const _Atomic uint64_t *)&slot->kept_away,
					    memory_order_relaxed);
	}
	return sum;
}

void limit_emit(const struct kern_limit *limit, struct bpf_asm *a, unsigned out)
{
	unsigned same = asm_label(a), pass = asm_label(a), fits = asm_label(a);

	asm_mov(a, BPF_REG_8, BPF_REG_1);
	asm_call(a, BPF_FUNC_get_smp_processor_id);
	asm_alu_imm(a, BPF_MUL, BPF_REG_0, (int32_t)limit->n);
	asm_alu(a, BPF_ADD, BPF_REG_0, BPF_REG_8);
	asm_store(a, BPF_W, BPF_REG_10, KEY_SLOT, BPF_REG_0);
	asm_mov(a, BPF_REG_2, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_2, KEY_SLOT);
	asm_load_map(a, BPF_REG_1, limit->map);
	asm_call(a, BPF_FUNC_map_lookup_elem);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_0, 0, out);
	asm_mov(a, BPF_REG_8, BPF_REG_0);
	asm_call(a, BPF_FUNC_ktime_get_ns);
	asm_alu_imm(a, BPF_RSH, BPF_REG_0, 30);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_8, offsetof(struct slot, second));
	asm_jump_reg(a, BPF_JEQ, BPF_REG_0, BPF_REG_1, same);
	asm_store(a, BPF_DW, BPF_REG_8, offsetof(struct slot, second), BPF_REG_0);
	asm_store_imm(a, BPF_DW, BPF_REG_8, offsetof(struct slot, events), 1);
	asm_jump(a, pass);

	asm_bind(a, same);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_8, offsetof(struct slot, events));
	asm_mov_imm64(a, BPF_REG_2, limit->rate);
	asm_jump_reg(a, BPF_JLT, BPF_REG_1, BPF_REG_2, fits);
	asm_mov_imm(a, BPF_REG_1, 1); /* an interrupt may count between load and store */
	asm_atomic(a, BPF_DW, BPF_ADD, BPF_REG_8, offsetof(struct slot, kept_away), BPF_REG_1);
	asm_jump(a, out);
	asm_bind(a, fits);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, 1);
	asm_store(a, BPF_DW, BPF_REG_8, offsetof(struct slot, events), BPF_REG_1);
	asm_bind(a, pass);
}
