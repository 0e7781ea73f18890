/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_TABLES_H
#define PISTE_KERN_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kern/emit.h"
#include "kern/maker.h"

/*
 * tables - typed events, one row an event, one program each.
 *
 * A field says where it comes from:
 *
 *	"1"			the tracepoint's second argument
 *	"1.pid"			a member of what it points to
 *	"0.q->disk->major"	along pointers
 *	"0.__state|0.state"	the first that this kernel has
 *
 * or has code. A field that this kernel cannot give is left out of the event.
 * An event whose tracepoint this kernel lacks is not offered.
 */
struct table_event;

/* Leaves the value in r0. The context is in r6. */
typedef void table_code_fn(struct kern_emit *e, const struct table_event *event);

typedef void table_note_fn(struct kern_emit *e);

struct table_field {
	struct kern_field field;
	const char *from; /* or NULL: code */
	table_code_fn *code;
	bool needs_record; /* the code uses r8: it cannot be part of a filter */
	uint8_t shift; /* right, of what was loaded */
	uint32_t mask; /* after that; 0: none */
	bool is_swapped; /* big-endian in the kernel */
	const char *labels_from; /* a kernel's enum and what to drop in front: "req_op:REQ_OP_" */
};

/* Whose event it is. */
enum table_scope {
	TABLE_CURRENT, /* the current task's */
	TABLE_TASK, /* that or the task's in argument scope_argument */
	TABLE_TASK_ONLY, /* that task's alone */
	TABLE_OBJECT, /* that or the object's (a pointer): marked when the current task is in scope */
	TABLE_OBJECT_END, /* the object's, for the last time */
};

/* Why its program is needed though nobody chose the event. */
enum table_need {
	TABLE_NO_NEED,
	TABLE_FOR_SCOPE, /* it follows forks */
	TABLE_FOR_CONTEXT, /* it notes interrupts for wake-ups */
	TABLE_FOR_IPI, /* the same, where nothing else tells them from tasks */
};

struct table_event {
	const char *name, *lttng_name; /* name NULL: never an event, only `before` */
	const char *tracepoint;
	const struct table_field *fields;
	size_t n_fields;
	bool is_default;
	bool is_raw; /* arguments are plain numbers: they may be no pointers at all */
	uint8_t scope, scope_argument;
	uint8_t need;
	/* Code in front of all else: keeps r6. `after`: when the event was recorded. */
	table_note_fn *before, *after;
};

struct table {
	const struct table_event *events;
	size_t n;
};

extern const struct table table_sched, table_irq, table_tasks, table_block, table_net;

extern const struct kern_maker kern_tables_maker;

/* r0 = the argument as it is. */
void table_load_argument(struct kern_emit *e, unsigned argument);

/* --- who wakes (tables-context.c) --- */

enum table_context {
	TABLE_IN_TASK,
	TABLE_IN_INTERRUPT,
	TABLE_IN_SOFTIRQ,
	TABLE_IN_TIMER, /* the interrupt of the CPU's own timer */
	TABLE_IN_IPI, /* another one without a handler of a device */
	TABLE_IN_NMI,
};
extern const struct kern_labels table_context_labels, table_softirq_labels;
/* Whether programs of this kernel may look at its preemption counter: tried. */
bool table_can_count(const struct btf_index *btf, const struct kern_maps *maps);
void table_context(struct kern_emit *e, const struct table_event *event);
void table_vector(struct kern_emit *e,
		  const struct table_event *event); /* of softirq or irq, or -1 */
/* What the programs of interrupts note. */
void table_enter_interrupt(struct kern_emit *e);
void table_leave_interrupt(struct kern_emit *e);
void table_enter_timer(struct kern_emit *e);
void table_enter_ipi(struct kern_emit *e);
void table_enter_softirq(struct kern_emit *e);
void table_leave_softirq(struct kern_emit *e);

/* --- rows --- */

#define TABLE_INT(field_name, bytes, sign, where, ...)                                             \
	{                                                                                          \
		.field = {.name = field_name,                                                      \
			  .kind = KERN_INTEGER,                                                    \
			  .size = bytes,                                                           \
			  .is_signed = sign},                                                      \
		.from = where, __VA_ARGS__                                                         \
	}
#define S32(name, from, ...) TABLE_INT(name, 4, true, from, __VA_ARGS__)
#define U32(name, from, ...) TABLE_INT(name, 4, false, from, __VA_ARGS__)
#define S64(name, from, ...) TABLE_INT(name, 8, true, from, __VA_ARGS__)
#define U64(name, from, ...) TABLE_INT(name, 8, false, from, __VA_ARGS__)
#define U16(name, from, ...) TABLE_INT(name, 2, false, from, __VA_ARGS__)
#define S16(name, from, ...) TABLE_INT(name, 2, true, from, __VA_ARGS__)
#define U8(name, from, ...) TABLE_INT(name, 1, false, from, __VA_ARGS__)
/* An address; one of a function. */
#define HEX64(name, from, ...) U64(name, from, .field.base = KERN_HEX, __VA_ARGS__)
#define SYMBOL(name, from, ...) U64(name, from, .field.base = KERN_SYMBOL, __VA_ARGS__)
#define CHARS(field_name, n, where, ...)                                                           \
	{                                                                                          \
		.field = {.name = field_name, .kind = KERN_CHARS, .count = n}, .from = where,      \
		__VA_ARGS__                                                                        \
	}
#define BYTES(field_name, n, where, ...)                                                           \
	{                                                                                          \
		.field = {.name = field_name, .kind = KERN_ARRAY, .size = 1, .count = n},          \
		.from = where, __VA_ARGS__                                                         \
	}
/* What a pointer to a string points to. */
#define TEXT(field_name, where, ...)                                                               \
	{                                                                                          \
		.field = {.name = field_name, .kind = KERN_TEXT}, .from = where, __VA_ARGS__       \
	}
#define TABLE_FIELDS(table_fields)                                                                 \
	.fields = (table_fields), .n_fields = sizeof(table_fields) / sizeof(*(table_fields))

enum { TABLE_TEXT_MAX = 256, TABLE_COMM = 16 };

#endif
