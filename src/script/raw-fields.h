/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_RAW_FIELDS_H
#define PISTE_SCRIPT_RAW_FIELDS_H

/*
 * raw-fields - fields of tracepoints, as expressions over the arguments that
 * the kernel itself passes to them. What stands here needs no record of perf,
 * whose tracepoints take 73 ms each to be taken away.
 */

/* "sched_switch", "prev_pid" → "((struct task_struct *)arg1)->pid"; NULL: not known. */
const char *raw_field(const char *tracepoint, const char *field);

#endif
