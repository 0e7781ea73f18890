/* SPDX-License-Identifier: MIT */
/*
 * Scheduling: who runs, who wakes whom and in which context, who begins and ends.
 */
#include "kern/btf.h"
#include "kern/tables.h"

/* What a task waits in, as tracefs and LTTng say it (include/trace/events/sched.h). */
enum {
	TASK_INTERRUPTIBLE_BIT = 0x1,
	TASK_REPORT_MASK = 0x7f,
	TASK_IDLE_BITS = 0x402, /* uninterruptible, and no load */
	REPORT_IDLE = 0x80,
	REPORT_PREEMPTED = 0x100,
};

static const struct kern_label states[] = {
	{0, "R"},    {1, "S"},    {2, "D"},    {4, "T"},           {8, "t"},
	{0x10, "X"}, {0x20, "Z"}, {0x40, "P"}, {REPORT_IDLE, "I"}, {REPORT_PREEMPTED, "R+"},
};
static const struct kern_labels state_labels = {
	.name = "task_state",
	.items = states,
	.n = sizeof(states) / sizeof(*states),
};

/* r0 = the state of prev; arguments since 5.18: preempt, prev, next, prev_state; before without
 * the last. */
static void prev_state(struct kern_emit *e, const struct table_event *event)
{
	const struct btf_index *btf = e->build->btf;
	struct bpf_asm *a = &e->a;
	unsigned done = asm_label(a), not_idle = asm_label(a), preempted = asm_label(a);
	bool has_state = btf_tracepoint_arguments(btf, event->tracepoint) > 3;
	struct btf_place place, exit_state;

	asm_load(a, BPF_DW, BPF_REG_2, EMIT_CONTEXT, 0);
	asm_load(a, BPF_DW, BPF_REG_3, EMIT_CONTEXT, 8);
	if (has_state)
		asm_load(a, BPF_DW, BPF_REG_1, EMIT_CONTEXT, 24);
	else if (!btf_path(btf, "task_struct.__state", &place, NULL) ||
		 !btf_path(btf, "task_struct.state", &place, NULL))
		asm_load(a, BPF_W, BPF_REG_1, BPF_REG_3, (int)place.offset);
	else
		asm_mov_imm(a, BPF_REG_1, 0);
	asm_alu32_imm(a, BPF_AND, BPF_REG_2, 0xff); /* a bool */
	asm_jump_imm(a, BPF_JNE, BPF_REG_2, 0, preempted);
	asm_mov(a, BPF_REG_0, BPF_REG_1);
	asm_alu_imm(a, BPF_AND, BPF_REG_0, TASK_IDLE_BITS);
	asm_jump_imm(a, BPF_JNE, BPF_REG_0, TASK_IDLE_BITS, not_idle);
	asm_mov_imm(a, BPF_REG_0, REPORT_IDLE);
	asm_jump(a, done);
	asm_bind(a, preempted);
	asm_mov_imm(a, BPF_REG_0, REPORT_PREEMPTED);
	asm_jump(a, done);
	asm_bind(a, not_idle);
	asm_mov(a, BPF_REG_0, BPF_REG_1);
	if (!btf_path(btf, "task_struct.exit_state", &exit_state, NULL)) {
		asm_load(a, BPF_W, BPF_REG_2, BPF_REG_3, (int)exit_state.offset);
		asm_alu(a, BPF_OR, BPF_REG_0, BPF_REG_2);
	}
	asm_alu_imm(a, BPF_AND, BPF_REG_0, TASK_REPORT_MASK);
	asm_bind(a, done);
}

/* Of a raw program: r0 = the u32 at offset `path` of the task whose address is in r0. */
static void read_task(struct kern_emit *e, const char *path)
{
	enum { SLOT = -EMIT_STACK - 8 };
	struct btf_place place = {0};
	struct bpf_asm *a = &e->a;

	btf_path(e->build->btf, path, &place, NULL);
	asm_mov(a, BPF_REG_3, BPF_REG_0);
	asm_alu_imm(a, BPF_ADD, BPF_REG_3, (int32_t)place.offset);
	asm_mov(a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, SLOT);
	asm_mov_imm(a, BPF_REG_2, 4);
	asm_call(a, BPF_FUNC_probe_read_kernel);
	asm_load(a, BPF_W, BPF_REG_0, BPF_REG_10, SLOT);
}

/* r0 = the better of its own priority and that of the one who waits for it, who may be none. */
static void new_priority(struct kern_emit *e, const struct table_event *event)
{
	enum { OWN = -EMIT_STACK - 16 };
	struct bpf_asm *a = &e->a;
	unsigned own = asm_label(a), done = asm_label(a);

	(void)event;
	table_load_argument(e, 0);
	read_task(e, "task_struct.normal_prio");
	asm_store(a, BPF_DW, BPF_REG_10, OWN, BPF_REG_0);
	table_load_argument(e, 1);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_0, 0, own);
	read_task(e, "task_struct.prio");
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_10, OWN);
	asm_jump_reg(a, BPF_JSLT, BPF_REG_0, BPF_REG_1, done);
	asm_bind(a, own);
	asm_load(a, BPF_DW, BPF_REG_0, BPF_REG_10, OWN);
	asm_bind(a, done);
}

static void inherit(struct kern_emit *e)
{
	asm_load(&e->a, BPF_DW, BPF_REG_7, EMIT_CONTEXT, 0);
	asm_load(&e->a, BPF_DW, BPF_REG_9, EMIT_CONTEXT, 8);
	scope_emit_inherit(&e->build->scope, e->build->btf, &e->a, BPF_REG_7, BPF_REG_9);
}

static void forget(struct kern_emit *e)
{
	asm_load(&e->a, BPF_DW, BPF_REG_7, EMIT_CONTEXT, 0);
	scope_emit_forget(&e->build->scope, e->build->btf, &e->a, BPF_REG_7);
}

#define TASK_CPU "0.thread_info.cpu|0.cpu"

static const struct table_field switch_fields[] = {
	CHARS("prev_comm", TABLE_COMM, "1.comm"),
	S32("prev_pid", "1.pid", .field.type = "pid_t"),
	S32("prev_prio", "1.prio"),
	S64("prev_state", NULL, .code = prev_state, .field.labels = &state_labels),
	CHARS("next_comm", TABLE_COMM, "2.comm"),
	S32("next_pid", "2.pid", .field.type = "pid_t"),
	S32("next_prio", "2.prio"),
};

/* Whoever wakes is the event's own task. */
static const struct table_field wake_fields[] = {
	CHARS("comm", TABLE_COMM, "0.comm"),
	S32("pid", "0.pid", .field.type = "pid_t"),
	S32("prio", "0.prio"),
	S32("target_cpu", TASK_CPU),
	U8("context", NULL, .code = table_context, .needs_record = true,
	   .field.labels = &table_context_labels),
	S32("vector", NULL, .code = table_vector, .needs_record = true),
};

static const struct table_field migrate_fields[] = {
	CHARS("comm", TABLE_COMM, "0.comm"),
	S32("pid", "0.pid", .field.type = "pid_t"),
	S32("prio", "0.prio"),
	S32("orig_cpu", TASK_CPU),
	S32("dest_cpu", "1"),
};

static const struct table_field fork_fields[] = {
	CHARS("parent_comm", TABLE_COMM, "0.comm"),
	S32("parent_pid", "0.pid", .field.type = "pid_t"),
	CHARS("child_comm", TABLE_COMM, "1.comm"),
	S32("child_pid", "1.pid", .field.type = "pid_t"),
	S32("child_tgid", "1.tgid", .field.type = "pid_t"),
};

static const struct table_field exec_fields[] = {
	TEXT("filename", "2.filename", .field.type = "const char *"),
	S32("pid", "0.pid", .field.type = "pid_t"),
	S32("old_pid", "1", .field.type = "pid_t"),
};

static const struct table_field exit_fields[] = {
	CHARS("comm", TABLE_COMM, "0.comm"),
	S32("pid", "0.pid", .field.type = "pid_t"),
	S32("prio", "0.prio"),
	U8("group_dead", "1", .field.type = "bool", .mask = 0xff),
	S32("exit_code", "0.exit_code"),
};

static const struct table_field task_fields[] = {
	CHARS("comm", TABLE_COMM, "0.comm"),
	S32("pid", "0.pid", .field.type = "pid_t"),
	S32("prio", "0.prio"),
};

static const struct table_field setprio_fields[] = {
	CHARS("comm", TABLE_COMM, "0.comm"),
	S32("pid", "0.pid", .field.type = "pid_t"),
	S32("oldprio", "0.prio"),
	S32("newprio", NULL, .code = new_priority),
};

static const struct table_field rename_fields[] = {
	S32("pid", "0.pid", .field.type = "pid_t"),
	CHARS("oldcomm", TABLE_COMM, "0.comm"),
	CHARS("newcomm", TABLE_COMM, "1"),
	S16("oom_score_adj", "0.signal->oom_score_adj"),
};

static const struct table_event events[] = {
	{
		.name = "sched:sched_process_fork",
		.lttng_name = "sched_process_fork",
		.tracepoint = "sched_process_fork",
		TABLE_FIELDS(fork_fields),
		.is_default = true,
		.before = inherit,
		.need = TABLE_FOR_SCOPE,
	},
	{
		.name = "sched:sched_process_free",
		.lttng_name = "sched_process_free",
		.tracepoint = "sched_process_free",
		TABLE_FIELDS(task_fields),
		.is_default = true,
		.scope = TABLE_TASK_ONLY,
		.after = forget,
		.need = TABLE_FOR_SCOPE,
	},
	{
		.name = "sched:sched_switch",
		.lttng_name = "sched_switch",
		.tracepoint = "sched_switch",
		TABLE_FIELDS(switch_fields),
		.is_default = true,
		.scope = TABLE_TASK,
		.scope_argument = 2,
	},
	{
		.name = "sched:sched_waking",
		.lttng_name = "sched_waking",
		.tracepoint = "sched_waking",
		TABLE_FIELDS(wake_fields),
		.is_default = true,
		.scope = TABLE_TASK,
	},
	{
		.name = "sched:sched_wakeup",
		.lttng_name = "sched_wakeup",
		.tracepoint = "sched_wakeup",
		TABLE_FIELDS(wake_fields),
		.is_default = true,
		.scope = TABLE_TASK,
	},
	{
		.name = "sched:sched_wakeup_new",
		.lttng_name = "sched_wakeup_new",
		.tracepoint = "sched_wakeup_new",
		TABLE_FIELDS(wake_fields),
		.is_default = true,
		.scope = TABLE_TASK,
	},
	{
		.name = "sched:sched_migrate_task",
		.lttng_name = "sched_migrate_task",
		.tracepoint = "sched_migrate_task",
		TABLE_FIELDS(migrate_fields),
		.is_default = true,
		.scope = TABLE_TASK,
	},
	{
		.name = "sched:sched_process_exec",
		.lttng_name = "sched_process_exec",
		.tracepoint = "sched_process_exec",
		TABLE_FIELDS(exec_fields),
		.is_default = true,
	},
	{
		.name = "sched:sched_process_exit",
		.lttng_name = "sched_process_exit",
		.tracepoint = "sched_process_exit",
		TABLE_FIELDS(exit_fields),
		.is_default = true,
	},
	{
		.name = "sched:sched_pi_setprio",
		.lttng_name = "sched_pi_setprio",
		.tracepoint = "sched_pi_setprio",
		TABLE_FIELDS(setprio_fields),
		.is_default = true,
		.is_raw = true,
	},
	{
		.name = "task:task_rename",
		.lttng_name = "task_rename",
		.tracepoint = "task_rename",
		TABLE_FIELDS(rename_fields),
		.is_default = true,
		.scope = TABLE_TASK,
	},
};

const struct table table_sched = {events, sizeof(events) / sizeof(*events)};
