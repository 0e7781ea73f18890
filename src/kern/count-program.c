/* SPDX-License-Identifier: MIT */
/*
 * Registers: r6 the context; r7 the thread's id; r8 the key, in the end the
 * slot; r9 the entry, then the time the call took. r0 to r5 are for the moment.
 *
 * Neither program can be interrupted by itself on its CPU: the kernel calls
 * them with preemption off, and interrupts make no system calls.
 */
#include "kern/count-program.h"

#include <sys/syscall.h>

enum {
	CTX = BPF_REG_6,
	TID = BPF_REG_7,
	KEY = BPF_REG_8,
	SLOT = BPF_REG_8,
	ENTRY = BPF_REG_9,
	TOOK = BPF_REG_9,
};

enum { TS_COMPAT = 2 }; /* x86: asm/thread_info.h */

#define ARG_REGS 0 /* sys_enter(regs, id), sys_exit(regs, ret) */
#define ARG_VALUE 8

#define HASH_FACTOR ((int32_t)0x9e3779b1) /* 2^32 / golden ratio */

#define KEYS ((int)sizeof(struct count_head))
#define SLOT_AT(field) ((int)offsetof(struct count_slot, field))
#define ENTRY_AT(field) ((int)offsetof(struct count_entry, field))

/* Goes to `out` unless the task at hand is wanted. Leaves it in r0, its tid in TID, its tgid in r1. */
static void emit_scope(struct bpf_asm *a, const struct count_plan *p, unsigned out)
{
	unsigned wanted = asm_label(a);

	if (p->cgroup) {
		asm_mov_imm(a, BPF_REG_1, p->cgroup_level);
		asm_call(a, BPF_FUNC_get_current_ancestor_cgroup_id);
		asm_mov_imm64(a, BPF_REG_1, p->cgroup);
		asm_jump_reg(a, BPF_JNE, BPF_REG_0, BPF_REG_1, out);
	}
	asm_call(a, BPF_FUNC_get_current_task_btf);
	asm_load(a, BPF_W, TID, BPF_REG_0, p->task_tid);
	asm_load(a, BPF_W, BPF_REG_1, BPF_REG_0, p->task_tgid);
	if (p->left_out_pid)
		asm_jump_imm(a, BPF_JEQ, BPF_REG_1, (int32_t)p->left_out_pid, out);
	for (size_t i = 0; i < p->n_pids; i++)
		asm_jump_imm(a, BPF_JEQ, BPF_REG_1, (int32_t)p->pids[i], wanted);
	if (p->n_pids)
		asm_jump(a, out);
	asm_bind(a, wanted);
}

/* KEY out of what emit_scope left, and the call's number in r2. Goes to `out` for a number that is
 * none: the -1 of a call that a debugger made away with. */
static void emit_key(struct bpf_asm *a, const struct count_plan *p, unsigned out)
{
	unsigned native = asm_label(a);

	asm_jump_imm(a, BPF_JGE, BPF_REG_2, COUNT_COMPAT, out);
	asm_mov(a, KEY, BPF_REG_1);
	asm_alu32_imm(a, BPF_LSH, KEY, COUNT_CALL_BITS);
	asm_alu32(a, BPF_OR, KEY, BPF_REG_2);
	if (p->task_status >= 0) {
		asm_load(a, BPF_W, BPF_REG_1, BPF_REG_0, p->task_status);
		asm_alu32_imm(a, BPF_AND, BPF_REG_1, TS_COMPAT);
		asm_jump_imm(a, BPF_JEQ, BPF_REG_1, 0, native);
		asm_alu32_imm(a, BPF_OR, KEY, COUNT_COMPAT);
	}
	asm_bind(a, native);
}

/* ENTRY = that of TID: count_entry_index */
static void emit_entry(struct bpf_asm *a, const struct count_plan *p)
{
	int32_t low = (1 << (p->entry_bits - 4)) - 1;

	asm_alu32(a, BPF_MOV, BPF_REG_1, TID);
	asm_alu32_imm(a, BPF_AND, BPF_REG_1, low);
	asm_alu32_imm(a, BPF_LSH, BPF_REG_1, 4);
	asm_alu32(a, BPF_MOV, BPF_REG_2, TID);
	asm_alu32_imm(a, BPF_RSH, BPF_REG_2, (int)p->entry_bits - 4);
	asm_alu32_imm(a, BPF_AND, BPF_REG_2, 15);
	asm_alu32(a, BPF_OR, BPF_REG_1, BPF_REG_2);
	asm_alu_imm(a, BPF_LSH, BPF_REG_1, 4); /* sizeof(struct count_entry) */
	asm_load_map_value(a, ENTRY, COUNT_MAP_ENTRIES, 0);
	asm_alu(a, BPF_ADD, ENTRY, BPF_REG_1);
}

int count_emit_enter(struct bpf_asm *a, const struct count_plan *p)
{
	unsigned out = asm_label(a);

	asm_mov(a, CTX, BPF_REG_1);
	emit_scope(a, p, out);
	asm_load(a, BPF_DW, BPF_REG_2, CTX, ARG_VALUE);
	emit_key(a, p, out);
	emit_entry(a, p);
	asm_store(a, BPF_W, ENTRY, ENTRY_AT(key), KEY);
	asm_call(a, BPF_FUNC_ktime_get_ns); /* as late as can be */
	asm_store(a, BPF_DW, ENTRY, ENTRY_AT(time_ns), BPF_REG_0);
	asm_store(a, BPF_W, ENTRY, ENTRY_AT(tid), TID);
	asm_bind(a, out);
	asm_return(a, 0);
	return asm_finish(a);
}

/* A child's first sight is its parent's fork returning 0: not another call. r2: the call's number */
static void emit_child(struct bpf_asm *a, unsigned out)
{
	static const int forks[] = {
		__NR_clone,
#ifdef __NR_clone3
		__NR_clone3,
#endif
#ifdef __NR_fork
		__NR_fork,
		__NR_vfork,
#endif
	};
	unsigned parent = asm_label(a);

	asm_load(a, BPF_DW, BPF_REG_3, CTX, ARG_VALUE);
	asm_jump_imm(a, BPF_JNE, BPF_REG_3, 0, parent);
	for (size_t i = 0; i < sizeof(forks) / sizeof(forks[0]); i++)
		asm_jump_imm(a, BPF_JEQ, BPF_REG_2, forks[i], out);
	asm_bind(a, parent);
}

/* KEY and TOOK of the call that ends. TOOK is -1 where its beginning is not known. */
static void emit_match(struct bpf_asm *a, const struct count_plan *p, unsigned out)
{
	unsigned unmeasured = asm_label(a), done = asm_label(a);

	if (p->latency) {
		asm_call(a, BPF_FUNC_get_current_task_btf);
		asm_load(a, BPF_W, TID, BPF_REG_0, p->task_tid);
		emit_entry(a, p);
		asm_load(a, BPF_W, BPF_REG_1, ENTRY, ENTRY_AT(tid));
		asm_jump_reg(a, BPF_JNE, BPF_REG_1, TID, unmeasured);
		asm_call(a, BPF_FUNC_ktime_get_ns);
		asm_load(a, BPF_W, KEY, ENTRY, ENTRY_AT(key));
		asm_store_imm(a, BPF_W, ENTRY, ENTRY_AT(tid), 0);
		asm_load(a, BPF_DW, BPF_REG_1, ENTRY, ENTRY_AT(time_ns));
		asm_mov(a, TOOK, BPF_REG_0);
		asm_alu(a, BPF_SUB, TOOK, BPF_REG_1);
		/* clocks of two CPUs: a call that moved may seem to end before it began */
		asm_jump_imm(a, BPF_JSGE, TOOK, 0, done);
		asm_mov_imm(a, TOOK, 0);
		asm_jump(a, done);
	}
	asm_bind(a, unmeasured);
	emit_scope(a, p, out);
	asm_load(a, BPF_DW, BPF_REG_2, CTX, ARG_REGS);
	asm_load(a, p->regs_call_bytes == 4 ? BPF_W : BPF_DW, BPF_REG_2, BPF_REG_2, p->regs_call);
	emit_child(a, out);
	emit_key(a, p, out);
	if (p->latency)
		asm_mov_imm(a, TOOK, -1);
	asm_bind(a, done);
}

/* r1 = the probe's number (in r1), within the table; r2 + KEYS = the address of its key. r3: the
 * table */
static void emit_probe(struct bpf_asm *a, const struct count_plan *p)
{
	asm_alu32_imm(a, BPF_AND, BPF_REG_1, (1 << p->slot_bits) - 1);
	asm_mov(a, BPF_REG_2, BPF_REG_1);
	asm_alu_imm(a, BPF_LSH, BPF_REG_2, 2);
	asm_alu(a, BPF_ADD, BPF_REG_2, BPF_REG_3);
}

/* Fills in whose slot it is. r2: the address of its key; SLOT holds KEY still, r8 = KEY.
 * fp-8: the key's address; fp-16: the slot's. */
static void emit_take(struct bpf_asm *a)
{
	asm_store(a, BPF_DW, BPF_REG_10, -8, BPF_REG_2);
	asm_store(a, BPF_DW, BPF_REG_10, -16, BPF_REG_1);
	asm_call(a, BPF_FUNC_get_current_cgroup_id);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_10, -16);
	asm_store(a, BPF_DW, BPF_REG_1, SLOT_AT(cgroup), BPF_REG_0);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, SLOT_AT(comm));
	asm_mov_imm(a, BPF_REG_2, sizeof(((struct count_slot *)0)->comm));
	asm_call(a, BPF_FUNC_get_current_comm);
	asm_load(a, BPF_DW, BPF_REG_2, BPF_REG_10, -8);
	/* an exchange, so that whoever sees the key (kern/count) sees what was written above */
	asm_mov(a, BPF_REG_0, KEY);
	asm_atomic(a, BPF_W, BPF_XCHG, BPF_REG_2, KEYS, BPF_REG_0);
	asm_load(a, BPF_DW, SLOT, BPF_REG_10, -16);
}

/* r1 = the address of slot number r1. r3: the table */
static void emit_slot_address(struct bpf_asm *a, const struct count_plan *p)
{
	asm_alu_imm(a, BPF_MUL, BPF_REG_1, (int32_t)count_slot_bytes(p));
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, (int32_t)count_slots_offset(p));
	asm_alu(a, BPF_ADD, BPF_REG_1, BPF_REG_3);
}

/* SLOT = that of KEY on this CPU: one that has it, else a free one, else the call's. */
static void emit_slot(struct bpf_asm *a, const struct count_plan *p, unsigned out)
{
	unsigned found = asm_label(a), take = asm_label(a), done = asm_label(a);

	asm_call(a, BPF_FUNC_get_smp_processor_id);
	asm_jump_imm(a, BPF_JGE, BPF_REG_0, (int32_t)p->n_cpus, out);
	asm_alu_imm(a, BPF_MUL, BPF_REG_0, (int32_t)count_table_bytes(p));
	asm_load_map_value(a, BPF_REG_3, COUNT_MAP_TABLES, 0);
	asm_alu(a, BPF_ADD, BPF_REG_3, BPF_REG_0);

	asm_alu32(a, BPF_MOV, BPF_REG_4, KEY);
	asm_alu32_imm(a, BPF_MUL, BPF_REG_4, HASH_FACTOR);
	asm_alu32_imm(a, BPF_RSH, BPF_REG_4, 32 - (int)p->slot_bits);
	for (int i = 0; i < COUNT_PROBES; i++) {
		asm_mov(a, BPF_REG_1, BPF_REG_4);
		if (i)
			asm_alu_imm(a, BPF_ADD, BPF_REG_1, i);
		emit_probe(a, p);
		asm_load(a, BPF_W, BPF_REG_5, BPF_REG_2, KEYS);
		asm_jump_reg(a, BPF_JEQ, BPF_REG_5, KEY, found);
	}
	for (int i = 0; i < COUNT_PROBES; i++) {
		asm_mov(a, BPF_REG_1, BPF_REG_4);
		asm_alu_imm(a, BPF_ADD, BPF_REG_1, i);
		emit_probe(a, p);
		asm_load(a, BPF_W, BPF_REG_5, BPF_REG_2, KEYS);
		asm_jump_imm(a, BPF_JEQ, BPF_REG_5, 0, take);
	}
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_3, offsetof(struct count_head, others));
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, 1);
	asm_store(a, BPF_DW, BPF_REG_3, offsetof(struct count_head, others), BPF_REG_1);
	asm_alu32(a, BPF_MOV, BPF_REG_1, KEY);
	asm_alu32_imm(a, BPF_AND, BPF_REG_1, COUNT_CALLS - 1);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, 1 << p->slot_bits);
	asm_bind(a, found);
	emit_slot_address(a, p);
	asm_mov(a, SLOT, BPF_REG_1);
	asm_jump(a, done);

	asm_bind(a, take);
	emit_slot_address(a, p);
	emit_take(a);
	asm_bind(a, done);
}

static void emit_add(struct bpf_asm *a, int offset, int amount)
{
	asm_load(a, BPF_DW, BPF_REG_1, SLOT, offset);
	if (amount < 0)
		asm_alu_imm(a, BPF_ADD, BPF_REG_1, -amount);
	else
		asm_alu(a, BPF_ADD, BPF_REG_1, amount);
	asm_store(a, BPF_DW, SLOT, offset, BPF_REG_1);
}

enum { ONE = -1 }; /* for emit_add: the number, no register */

/* r1 = hist_bucket(TOOK >> COUNT_UNIT_BITS, COUNT_HIST_BITS): shifts by 16, 8, 4 … until between 8
 * and 15 is left; r2: 8 a shift */
static void emit_bucket(struct bpf_asm *a)
{
	unsigned fits = asm_label(a);

	asm_mov(a, BPF_REG_1, TOOK);
	asm_alu_imm(a, BPF_RSH, BPF_REG_1, COUNT_UNIT_BITS);
	asm_mov_imm(a, BPF_REG_2, 0);
	asm_mov_imm64(a, BPF_REG_3, UINT32_MAX);
	asm_jump_reg(a, BPF_JLE, BPF_REG_1, BPF_REG_3, fits);
	asm_mov(a, BPF_REG_1, BPF_REG_3);
	asm_bind(a, fits);
	for (int shift = 16; shift; shift /= 2) {
		unsigned small = asm_label(a);

		asm_jump_imm(a, BPF_JLT, BPF_REG_1, (1 << COUNT_HIST_BITS) << shift, small);
		asm_alu_imm(a, BPF_RSH, BPF_REG_1, shift);
		asm_alu_imm(a, BPF_ADD, BPF_REG_2, shift << COUNT_HIST_BITS);
		asm_bind(a, small);
	}
	asm_alu(a, BPF_ADD, BPF_REG_1, BPF_REG_2);
}

static void emit_latency(struct bpf_asm *a, unsigned out)
{
	unsigned measured = asm_label(a), not_max = asm_label(a);

	asm_jump_imm(a, BPF_JSGE, TOOK, 0, measured);
	emit_add(a, SLOT_AT(unmeasured), ONE);
	asm_jump(a, out);

	asm_bind(a, measured);
	emit_add(a, SLOT_AT(sum_ns), TOOK);
	asm_load(a, BPF_DW, BPF_REG_1, SLOT, SLOT_AT(max_ns));
	asm_jump_reg(a, BPF_JGE, BPF_REG_1, TOOK, not_max);
	asm_store(a, BPF_DW, SLOT, SLOT_AT(max_ns), TOOK);
	asm_bind(a, not_max);
	emit_bucket(a);
	asm_jump_imm(a, BPF_JGE, BPF_REG_1, COUNT_BUCKETS, out); /* never: for the verifier */
	asm_alu_imm(a, BPF_LSH, BPF_REG_1, 2);
	asm_alu(a, BPF_ADD, SLOT, BPF_REG_1);
	asm_load(a, BPF_W, BPF_REG_1, SLOT, sizeof(struct count_slot));
	asm_alu32_imm(a, BPF_ADD, BPF_REG_1, 1);
	asm_store(a, BPF_W, SLOT, sizeof(struct count_slot), BPF_REG_1);
}

int count_emit_exit(struct bpf_asm *a, const struct count_plan *p)
{
	unsigned out = asm_label(a), succeeded = asm_label(a);

	asm_mov(a, CTX, BPF_REG_1);
	emit_match(a, p, out);
	emit_slot(a, p, out);
	emit_add(a, SLOT_AT(calls), ONE);
	asm_load(a, BPF_DW, BPF_REG_1, CTX, ARG_VALUE);
	asm_jump_imm(a, BPF_JLT, BPF_REG_1, -4095, succeeded); /* MAX_ERRNO; unsigned */
	emit_add(a, SLOT_AT(errors), ONE);
	asm_bind(a, succeeded);
	if (p->latency)
		emit_latency(a, out);
	asm_bind(a, out);
	asm_return(a, 0);
	return asm_finish(a);
}
