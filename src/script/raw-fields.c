/* SPDX-License-Identifier: MIT */
#include "script/raw-fields.h"

#include <string.h>

static const struct {
	const char *tracepoint, *field, *expression;
} fields[] = {
	{"sched_switch", "prev_comm", "((struct task_struct *)arg1)->comm"},
	{"sched_switch", "prev_pid", "((struct task_struct *)arg1)->pid"},
	{"sched_switch", "prev_prio", "((struct task_struct *)arg1)->prio"},
	{"sched_switch", "next_comm", "((struct task_struct *)arg2)->comm"},
	{"sched_switch", "next_pid", "((struct task_struct *)arg2)->pid"},
	{"sched_switch", "next_prio", "((struct task_struct *)arg2)->prio"},
	{"sched_wakeup", "comm", "((struct task_struct *)arg0)->comm"},
	{"sched_wakeup", "pid", "((struct task_struct *)arg0)->pid"},
	{"sched_wakeup", "prio", "((struct task_struct *)arg0)->prio"},
	{"sched_wakeup", "target_cpu", "((struct task_struct *)arg0)->thread_info.cpu"},
	{"sched_wakeup_new", "comm", "((struct task_struct *)arg0)->comm"},
	{"sched_wakeup_new", "pid", "((struct task_struct *)arg0)->pid"},
	{"sched_wakeup_new", "prio", "((struct task_struct *)arg0)->prio"},
	{"sched_wakeup_new", "target_cpu", "((struct task_struct *)arg0)->thread_info.cpu"},
	{"sched_waking", "comm", "((struct task_struct *)arg0)->comm"},
	{"sched_waking", "pid", "((struct task_struct *)arg0)->pid"},
	{"sched_waking", "prio", "((struct task_struct *)arg0)->prio"},
	{"sched_waking", "target_cpu", "((struct task_struct *)arg0)->thread_info.cpu"},
	{"sched_process_exit", "comm", "((struct task_struct *)arg0)->comm"},
	{"sched_process_free", "comm", "((struct task_struct *)arg0)->comm"},
	{"sched_process_exit", "pid", "((struct task_struct *)arg0)->pid"},
	{"sched_process_free", "pid", "((struct task_struct *)arg0)->pid"},
	{"sched_process_exit", "prio", "((struct task_struct *)arg0)->prio"},
	{"sched_process_free", "prio", "((struct task_struct *)arg0)->prio"},
	{"sched_process_fork", "parent_comm", "((struct task_struct *)arg0)->comm"},
	{"sched_process_fork", "parent_pid", "((struct task_struct *)arg0)->pid"},
	{"sched_process_fork", "child_comm", "((struct task_struct *)arg1)->comm"},
	{"sched_process_fork", "child_pid", "((struct task_struct *)arg1)->pid"},
	{"sched_process_exec", "pid", "((struct task_struct *)arg0)->pid"},
	{"sched_process_exec", "old_pid", "(int32)arg1"},
	{"sched_process_exec", "filename", "str(((struct linux_binprm *)arg2)->filename)"},
	{"sched_migrate_task", "comm", "((struct task_struct *)arg0)->comm"},
	{"sched_migrate_task", "pid", "((struct task_struct *)arg0)->pid"},
	{"sched_migrate_task", "prio", "((struct task_struct *)arg0)->prio"},
	{"sched_migrate_task", "orig_cpu", "((struct task_struct *)arg0)->thread_info.cpu"},
	{"sched_migrate_task", "dest_cpu", "(int32)arg1"},
	{"sched_stat_runtime", "comm", "((struct task_struct *)arg0)->comm"},
	{"sched_stat_runtime", "pid", "((struct task_struct *)arg0)->pid"},
	{"sched_stat_runtime", "runtime", "arg1"},
	{"softirq_entry", "vec", "(uint32)arg0"},
	{"softirq_exit", "vec", "(uint32)arg0"},
	{"softirq_raise", "vec", "(uint32)arg0"},
	{"irq_handler_entry", "irq", "(int32)arg0"},
	{"irq_handler_entry", "name", "str(((struct irqaction *)arg1)->name)"},
	{"irq_handler_exit", "irq", "(int32)arg0"},
	{"irq_handler_exit", "ret", "(int32)arg2"},
	{"signal_generate", "sig", "(int32)arg0"},
	{"signal_generate", "comm", "((struct task_struct *)arg2)->comm"},
	{"signal_generate", "pid", "((struct task_struct *)arg2)->pid"},
	{"signal_generate", "group", "(int32)arg3"},
	{"signal_generate", "result", "(int32)arg4"},
	{"signal_deliver", "sig", "(int32)arg0"},
	{"cpu_idle", "state", "(uint32)arg0"},
	{"cpu_idle", "cpu_id", "(uint32)arg1"},
	{"hrtimer_expire_entry", "hrtimer", "arg0"},
	{"cpu_frequency", "state", "(uint32)arg0"},
	{"cpu_frequency", "cpu_id", "(uint32)arg1"},
	{"oom_score_adj_update", "comm", "((struct task_struct *)arg0)->comm"},
	{"oom_score_adj_update", "pid", "((struct task_struct *)arg0)->pid"},
};

const char *raw_field(const char *tracepoint, const char *field)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!strcmp(fields[i].tracepoint, tracepoint) && !strcmp(fields[i].field, field))
			return fields[i].expression;
	return NULL;
}
