/* SPDX-License-Identifier: MIT */
/*
 * Interrupts, softirqs, timers, work queues: what the kernel does by itself.
 */
#include "kern/tables.h"

static const struct table_field irq_entry_fields[] = {
	S32("irq", "0"),
	TEXT("name", "1.name", .field.type = "const char *"),
};

static const struct kern_label irq_returns[] = {{0, "unhandled"}, {1, "handled"}, {2, "woken"}};
static const struct kern_labels irq_return_labels = {
	.name = "irqreturn",
	.items = irq_returns,
	.n = sizeof(irq_returns) / sizeof(*irq_returns),
};

static const struct table_field irq_exit_fields[] = {
	S32("irq", "0"),
	S32("ret", "2", .field.labels = &irq_return_labels),
};

static const struct table_field softirq_fields[] = {
	U32("vec", "0", .field.labels = &table_softirq_labels),
};

static const struct table_field hrtimer_entry_fields[] = {
	HEX64("hrtimer", "0"),
	SYMBOL("function", "0.function"),
};
static const struct table_field hrtimer_exit_fields[] = {HEX64("hrtimer", "0")};

static const struct table_field timer_entry_fields[] = {
	HEX64("timer", "0"),
	SYMBOL("function", "0.function"),
	U64("baseclk", "1"),
};
static const struct table_field timer_exit_fields[] = {HEX64("timer", "0")};

static const struct table_field queue_work_fields[] = {
	HEX64("work", "2"),  SYMBOL("function", "2.func"), TEXT("workqueue", "1.wq->name"),
	S32("req_cpu", "0"), S32("cpu", "1.pool->cpu"),
};
static const struct table_field work_start_fields[] = {
	HEX64("work", "0"),
	SYMBOL("function", "0.func"),
};
static const struct table_field work_end_fields[] = {
	HEX64("work", "0"),
	SYMBOL("function", "1"),
};

static const struct table_event events[] = {
	{
		.name = "irq:irq_handler_entry",
		.lttng_name = "irq_handler_entry",
		.tracepoint = "irq_handler_entry",
		TABLE_FIELDS(irq_entry_fields),
		.is_default = true,
		.before = table_enter_interrupt,
		.need = TABLE_FOR_CONTEXT,
	},
	{
		.name = "irq:irq_handler_exit",
		.lttng_name = "irq_handler_exit",
		.tracepoint = "irq_handler_exit",
		TABLE_FIELDS(irq_exit_fields),
		.is_default = true,
		.before = table_leave_interrupt,
		.need = TABLE_FOR_CONTEXT,
	},
	{
		.name = "irq:softirq_entry",
		.lttng_name = "irq_softirq_entry",
		.tracepoint = "softirq_entry",
		TABLE_FIELDS(softirq_fields),
		.is_default = true,
		.before = table_enter_softirq,
		.need = TABLE_FOR_CONTEXT,
	},
	{
		.name = "irq:softirq_exit",
		.lttng_name = "irq_softirq_exit",
		.tracepoint = "softirq_exit",
		TABLE_FIELDS(softirq_fields),
		.is_default = true,
		.before = table_leave_softirq,
		.need = TABLE_FOR_CONTEXT,
	},
	{
		.name = "irq:softirq_raise",
		.lttng_name = "irq_softirq_raise",
		.tracepoint = "softirq_raise",
		TABLE_FIELDS(softirq_fields),
		.is_default = true,
	},
	{
		.tracepoint = "local_timer_entry",
		.before = table_enter_timer,
		.need = TABLE_FOR_CONTEXT,
	},
	{
		.tracepoint = "local_timer_exit",
		.before = table_leave_interrupt,
		.need = TABLE_FOR_CONTEXT,
	},
	{
		.tracepoint = "call_function_single_entry",
		.before = table_enter_ipi,
		.need = TABLE_FOR_IPI,
	},
	{
		.tracepoint = "call_function_single_exit",
		.before = table_leave_interrupt,
		.need = TABLE_FOR_IPI,
	},
	{
		.tracepoint = "reschedule_entry",
		.before = table_enter_ipi,
		.need = TABLE_FOR_IPI,
	},
	{
		.tracepoint = "reschedule_exit",
		.before = table_leave_interrupt,
		.need = TABLE_FOR_IPI,
	},
	{
		.tracepoint = "irq_work_entry",
		.before = table_enter_ipi,
		.need = TABLE_FOR_IPI,
	},
	{
		.tracepoint = "irq_work_exit",
		.before = table_leave_interrupt,
		.need = TABLE_FOR_IPI,
	},
	{
		.name = "timer:hrtimer_expire_entry",
		.lttng_name = "timer_hrtimer_expire_entry",
		.tracepoint = "hrtimer_expire_entry",
		TABLE_FIELDS(hrtimer_entry_fields),
	},
	{
		.name = "timer:hrtimer_expire_exit",
		.lttng_name = "timer_hrtimer_expire_exit",
		.tracepoint = "hrtimer_expire_exit",
		TABLE_FIELDS(hrtimer_exit_fields),
	},
	{
		.name = "timer:timer_expire_entry",
		.lttng_name = "timer_expire_entry",
		.tracepoint = "timer_expire_entry",
		TABLE_FIELDS(timer_entry_fields),
	},
	{
		.name = "timer:timer_expire_exit",
		.lttng_name = "timer_expire_exit",
		.tracepoint = "timer_expire_exit",
		TABLE_FIELDS(timer_exit_fields),
	},
	{
		.name = "workqueue:workqueue_queue_work",
		.lttng_name = "workqueue_queue_work",
		.tracepoint = "workqueue_queue_work",
		TABLE_FIELDS(queue_work_fields),
	},
	{
		.name = "workqueue:workqueue_execute_start",
		.lttng_name = "workqueue_execute_start",
		.tracepoint = "workqueue_execute_start",
		TABLE_FIELDS(work_start_fields),
	},
	{
		.name = "workqueue:workqueue_execute_end",
		.lttng_name = "workqueue_execute_end",
		.tracepoint = "workqueue_execute_end",
		TABLE_FIELDS(work_end_fields),
	},
};

const struct table table_irq = {events, sizeof(events) / sizeof(*events)};
