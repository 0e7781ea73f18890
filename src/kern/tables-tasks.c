/* SPDX-License-Identifier: MIT */
/*
 * What befalls a task: signals, page faults, the out-of-memory killer.
 */
#include "kern/tables.h"

static const struct kern_label signal_results[] = {
	{0, "delivered"},     {1, "ignored"},   {2, "already_pending"},
	{3, "overflow_fail"}, {4, "lose_info"},
};
static const struct kern_labels signal_result_labels = {
	.name = "signal_result",
	.items = signal_results,
	.n = sizeof(signal_results) / sizeof(*signal_results),
};

/* The information may be no pointer but one of two small numbers: then these are 0. */
static const struct table_field generate_fields[] = {
	S32("sig", "0"),
	S32("errno", "1.si_errno"),
	S32("code", "1.si_code"),
	CHARS("comm", TABLE_COMM, "2.comm"),
	S32("pid", "2.pid", .field.type = "pid_t"),
	S32("group", "3"),
	S32("result", "4", .field.labels = &signal_result_labels),
};

static const struct table_field deliver_fields[] = {
	S32("sig", "0"),
	S32("errno", "1.si_errno"),
	S32("code", "1.si_code"),
	HEX64("sa_handler", "2.sa.sa_handler"),
	HEX64("sa_flags", "2.sa.sa_flags"),
};

static const struct table_field fault_fields[] = {
	HEX64("address", "0"),
	HEX64("ip", "1.ip|1.pc"),
	HEX64("error_code", "2"),
};

static const struct table_field victim_fields[] = {
	S32("pid", "0.pid", .field.type = "pid_t"), CHARS("comm", TABLE_COMM, "0.comm"),
	U64("total_vm", "0.mm->total_vm"), /* pages */
	U32("uid", "1", .field.type = "uid_t"),     S16("oom_score_adj", "0.signal->oom_score_adj"),
};

static const struct table_event events[] = {
	{
		.name = "signal:signal_generate",
		.lttng_name = "signal_generate",
		.tracepoint = "signal_generate",
		TABLE_FIELDS(generate_fields),
		.is_default = true,
		.is_raw = true,
	},
	{
		.name = "signal:signal_deliver",
		.lttng_name = "signal_deliver",
		.tracepoint = "signal_deliver",
		TABLE_FIELDS(deliver_fields),
		.is_default = true,
		.is_raw = true,
	},
	{
		.name = "exceptions:page_fault_user",
		.lttng_name = "x86_exceptions_page_fault_user",
		.tracepoint = "page_fault_user",
		TABLE_FIELDS(fault_fields),
		.is_default = true,
	},
	{
		.name = "exceptions:page_fault_kernel",
		.lttng_name = "x86_exceptions_page_fault_kernel",
		.tracepoint = "page_fault_kernel",
		TABLE_FIELDS(fault_fields),
		.is_default = true,
	},
	{
		.name = "oom:mark_victim",
		.lttng_name = "oom_mark_victim",
		.tracepoint = "mark_victim",
		TABLE_FIELDS(victim_fields),
		.is_default = true,
		.is_raw = true,
	},
};

const struct table table_tasks = {events, sizeof(events) / sizeof(*events)};
