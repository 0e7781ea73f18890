/* SPDX-License-Identifier: MIT */
/*
 * In whose context the CPU is. The programs of interrupts and softirqs note in the
 * ring's control page which one is at work. Where the kernel lets us read its
 * preemption counter (include/linux/preempt.h), that tells tasks, softirqs,
 * interrupts and NMIs apart, those without a tracepoint too; x86 has it in a
 * variable, whose address a kernel without CONFIG_KALLSYMS_ALL does not tell:
 * there the notes alone count.
 */
#include "base/fs.h"
#include "kern/btf.h"
#include "kern/tables.h"

enum {
	SERVING_SOFTIRQ = 0x100,
	HARDIRQ = 0xf0000,
	NMI = 0xf00000,

	SOFTIRQ_AT = offsetof(struct kern_ring_control, softirq),
	INTERRUPT_AT = offsetof(struct kern_ring_control, interrupt),
	/* in `interrupt`, beside numbers of device interrupts plus one */
	TIMER = 0x40000000, /* that of the CPU's own timer */
	IPI = 0x40000001,
};

static const struct kern_label contexts[] = {
	{TABLE_IN_TASK, "task"},   {TABLE_IN_INTERRUPT, "irq"}, {TABLE_IN_SOFTIRQ, "softirq"},
	{TABLE_IN_TIMER, "timer"}, {TABLE_IN_IPI, "ipi"},       {TABLE_IN_NMI, "nmi"},
};
const struct kern_labels table_context_labels = {
	.name = "context",
	.items = contexts,
	.n = sizeof(contexts) / sizeof(*contexts),
};

static const struct kern_label softirqs[] = {
	{0, "HI"},       {1, "TIMER"},   {2, "NET_TX"}, {3, "NET_RX"},  {4, "BLOCK"},
	{5, "IRQ_POLL"}, {6, "TASKLET"}, {7, "SCHED"},  {8, "HRTIMER"}, {9, "RCU"},
};
const struct kern_labels table_softirq_labels = {
	.name = "softirq",
	.items = softirqs,
	.n = sizeof(softirqs) / sizeof(*softirqs),
};

struct counter {
	uint32_t variable; /* of each CPU; 0: a member of the task */
	struct btf_place place;
};

static bool find_counter(const struct btf_index *btf, struct counter *c)
{
	*c = (struct counter){btf_find(btf, BTF_NAMED_VARIABLE, "__preempt_count"), {0}};
	if (c->variable)
		return true;
	if (!btf_path(btf, "pcpu_hot.preempt_count", &c->place, NULL))
		c->variable = btf_find(btf, BTF_NAMED_VARIABLE, "pcpu_hot");
	return c->variable ||
	       !btf_path(btf, "task_struct.thread_info.preempt.count", &c->place, NULL) ||
	       !btf_path(btf, "task_struct.thread_info.preempt_count", &c->place, NULL);
}

/* r0 = the counter */
static void load_counter(struct bpf_asm *a, const struct counter *c)
{
	if (c->variable) {
		asm_load_ksym(a, BPF_REG_1, c->variable);
		asm_call(a, BPF_FUNC_this_cpu_ptr);
	} else {
		asm_call(a, BPF_FUNC_get_current_task_btf);
	}
	asm_load(a, BPF_W, BPF_REG_0, BPF_REG_0, (int)c->place.offset);
}

bool table_can_count(const struct btf_index *btf, const struct kern_maps *maps)
{
	struct kern_load load = {.type = BPF_PROG_TYPE_TRACING,
				 .attach = BPF_TRACE_RAW_TP,
				 .name = "piste_probe",
				 .btf_id = btf_find(btf, BTF_NAMED_TYPEDEF,
						    "btf_trace_sched_waking")};
	struct bpf_asm a = {0};
	struct counter c;
	int fd = -1;

	if (find_counter(btf, &c)) {
		load_counter(&a, &c);
		asm_return(&a, 0);
		fd = kern_load(&load, &a, maps, NULL);
	}
	asm_fini(&a);
	close_fdp(&fd);
	return fd >= 0;
}

/* Goes on where the counter says softirq or interrupt; r0 says what it is else. */
static void judge_by_counter(struct bpf_asm *a, const struct counter *c, unsigned hard,
			     unsigned soft, unsigned done)
{
	load_counter(a, c);
	asm_mov(a, BPF_REG_2, BPF_REG_0);
	asm_load(a, BPF_DW, BPF_REG_1, EMIT_RING, INTERRUPT_AT);
	asm_mov_imm(a, BPF_REG_0, TABLE_IN_NMI);
	asm_jump_imm(a, BPF_JSET, BPF_REG_2, NMI, done);
	asm_jump_imm(a, BPF_JSET, BPF_REG_2, HARDIRQ, hard);
	asm_jump_imm(a, BPF_JSET, BPF_REG_2, SERVING_SOFTIRQ, soft);
	asm_mov_imm(a, BPF_REG_0, TABLE_IN_TASK);
	asm_jump(a, done);
}

static void judge_by_notes(struct bpf_asm *a, unsigned hard, unsigned soft, unsigned done)
{
	asm_load(a, BPF_DW, BPF_REG_1, EMIT_RING, INTERRUPT_AT);
	asm_jump_imm(a, BPF_JNE, BPF_REG_1, 0, hard);
	asm_load(a, BPF_DW, BPF_REG_2, EMIT_RING, SOFTIRQ_AT);
	asm_jump_imm(a, BPF_JNE, BPF_REG_2, 0, soft);
	asm_mov_imm(a, BPF_REG_0, TABLE_IN_TASK);
	asm_jump(a, done);
}

void table_context(struct kern_emit *e, const struct table_event *event)
{
	struct bpf_asm *a = &e->a;
	unsigned hard = asm_label(a), soft = asm_label(a), done = asm_label(a);
	struct counter counter;

	(void)event;
	if (e->build->can_count && find_counter(e->build->btf, &counter))
		judge_by_counter(a, &counter, hard, soft, done);
	else
		judge_by_notes(a, hard, soft, done);
	asm_bind(a, soft);
	asm_mov_imm(a, BPF_REG_0, TABLE_IN_SOFTIRQ);
	asm_jump(a, done);
	asm_bind(a, hard); /* r1: the note */
	asm_mov_imm(a, BPF_REG_0, TABLE_IN_IPI);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_1, 0, done);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_1, IPI, done);
	asm_mov_imm(a, BPF_REG_0, TABLE_IN_TIMER);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_1, TIMER, done);
	asm_mov_imm(a, BPF_REG_0, TABLE_IN_INTERRUPT);
	asm_bind(a, done);
}

/* Uses what table_context found: it stands right in front of this field. */
void table_vector(struct kern_emit *e, const struct table_event *event)
{
	struct bpf_asm *a = &e->a;
	unsigned soft = asm_label(a), hard = asm_label(a), done = asm_label(a);

	(void)event;
	asm_load(a, BPF_B, BPF_REG_1, EMIT_RECORD, e->at - 1);
	asm_mov_imm(a, BPF_REG_0, -1);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_1, TABLE_IN_SOFTIRQ, soft);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_1, TABLE_IN_INTERRUPT, hard);
	asm_jump(a, done);
	asm_bind(a, soft);
	asm_load(a, BPF_DW, BPF_REG_0, EMIT_RING, SOFTIRQ_AT);
	asm_alu_imm(a, BPF_ADD, BPF_REG_0, -1);
	asm_jump(a, done);
	asm_bind(a, hard);
	asm_load(a, BPF_DW, BPF_REG_0, EMIT_RING, INTERRUPT_AT);
	asm_alu_imm(a, BPF_ADD, BPF_REG_0, -1);
	asm_bind(a, done);
}

static void note_argument(struct kern_emit *e, int at)
{
	ring_emit_find(&e->build->ring, &e->a, e->out);
	asm_load(&e->a, BPF_DW, BPF_REG_1, EMIT_CONTEXT, 0);
	asm_alu32_imm(&e->a, BPF_ADD, BPF_REG_1, 1);
	asm_store(&e->a, BPF_DW, EMIT_RING, at, BPF_REG_1);
}

static void note(struct kern_emit *e, int at, int32_t value)
{
	ring_emit_find(&e->build->ring, &e->a, e->out);
	asm_store_imm(&e->a, BPF_DW, EMIT_RING, at, value);
}

void table_enter_interrupt(struct kern_emit *e)
{
	note_argument(e, INTERRUPT_AT);
}

void table_leave_interrupt(struct kern_emit *e)
{
	note(e, INTERRUPT_AT, 0);
}

void table_enter_timer(struct kern_emit *e)
{
	note(e, INTERRUPT_AT, TIMER);
}

void table_enter_ipi(struct kern_emit *e)
{
	note(e, INTERRUPT_AT, IPI);
}

void table_enter_softirq(struct kern_emit *e)
{
	note_argument(e, SOFTIRQ_AT);
}

void table_leave_softirq(struct kern_emit *e)
{
	note(e, SOFTIRQ_AT, 0);
}
