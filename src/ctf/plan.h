/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_PLAN_H
#define PISTE_CTF_PLAN_H

#include "ctf/decode.h"

/* plan - the operations of a decode plan, and those of a whole stream class. Inside of ctf/ only. */

enum ctf_opcode {
	OP_END,
	OP_NEED, /* the run's `arg` bits lie within the content */
	OP_ADVANCE, /* at += arg: the end of a run */
	OP_SKIP, /* NEED and ADVANCE in one */
	OP_ALIGN, /* at to a multiple of arg */
	OP_STRUCT,
	OP_INT, /* any width and place */
	OP_U8, /* whole bytes, little endian, at a byte's start */
	OP_U16,
	OP_U32,
	OP_U64,
	OP_FLOAT,
	OP_WIDE,
	OP_BYTES, /* arg bytes of text or BLOB */
	OP_LAZY, /* arg elements */
	OP_TEXT, /* arg characters */
	/* The following have no place in a run: at `at`, which they move on. */
	OP_STRING,
	OP_VARINT,
	OP_BYTES_BY, /* as above, the number being in register `from` */
	OP_LAZY_BY,
	OP_TEXT_BY,
	OP_LOOP, /* arg times up to the LOOP_END at `jump` */
	OP_LOOP_BY,
	OP_LOOP_END,
	OP_VARIANT, /* by register `from` to the op of one of `arg` ranges from `first_range` */
	OP_OPTIONAL, /* to `jump` when it is absent */
	OP_JUMP,
};

#define OP_SIGNED 1
#define OP_BIG_ENDIAN 2
#define OP_CLOCK 4 /* moves the stream's clock */
#define OP_EVENT_ID 8 /* also the event's id */

#define NO_SLOT (-1)

struct ctf_op {
	uint8_t code; /* enum ctf_opcode */
	uint8_t flags;
	uint16_t bits; /* of a number, or of a lazy element with its padding: see stride */
	int32_t slot; /* where the value goes, from the frame's base; NO_SLOT */
	int32_t reg; /* where a copy goes for later lengths and selectors; -1 */
	int32_t from; /* the register that decides; -1 */
	uint32_t offset; /* in bits, from the run's start */
	uint32_t jump; /* an op */
	uint32_t first; /* slot of the first child, or of the range */
	uint32_t stride; /* LOOP: slots an element; LAZY: bits an element */
	uint64_t arg;
	const struct ctf_type *type;
};

struct ctf_plan_range {
	uint64_t lo, hi;
	uint32_t jump;
	uint16_t option;
};

/* How event headers of the usual forms are read without a plan: little endian,
 * fixed places, at most one escape value of the id (LTTng's compact and large). */
struct ctf_fast_form {
	uint32_t id_offset, clock_offset, total_bits;
	uint8_t id_bits, clock_bits; /* 0: none */
};
struct ctf_fast_header {
	bool usable, has_extended;
	uint32_t align;
	uint32_t reach_bits; /* that loads of eight bytes may touch */
	struct ctf_fast_form form, extended;
	uint64_t extended_id; /* of form's id */
};

/* Enough to step over an event whose contexts and payload are of fixed size. */
struct ctf_step {
	uint32_t bits; /* UINT32_MAX: by its plan */
	uint32_t align;
	uint32_t class; /* its index */
	const struct ctf_op *flat; /* where that is flat; else NULL */
};

/* A number at a constant place behind an event's header, from where its contexts begin. */
struct ctf_tap {
	uint32_t offset; /* in bits */
	uint8_t bits;
	bool is_big_endian, is_signed;
};

/* Runs a flat plan; as ctf_plan_run. Registers may change although it fails. */
int ctf_plan_skip(const struct ctf_op *op, struct ctf_bits *bits, uint64_t *registers);

struct ctf_stream_plan {
	const struct ctf_stream_class *class;
	enum ctf_want want;
	struct ctf_plan packet; /* header and context, always all values */
	struct ctf_plan header; /* of an event */
	struct ctf_fast_header fast;
	bool has_event_id;
	struct ctf_plan *events; /* contexts and payload, by event class index */
	struct ctf_step *steps; /* by event id, up to n_ids */
	uint32_t n_registers;
	/* In the packet plan's values: the field of each role; -1 */
	int32_t role_value[CTF_N_ROLES];
	uint16_t role_bits[CTF_N_ROLES];
	/* id -> index of the event class, dense up to n_ids */
	uint32_t *by_id;
	uint64_t n_ids;
};

/* Compiles all of a stream class's plans. Everything is in the arena. */
int ctf_stream_plan_new(struct ctf_stream_plan **out, struct arena *a,
			const struct ctf_stream_class *sc, enum ctf_want want,
			const char *file_name, struct diag *diag);

/* The event class of an id, or NULL. */
const struct ctf_event_class *ctf_stream_plan_event(const struct ctf_stream_plan *plan,
						    uint64_t id);

/* Where a field of a scope's root lies, when that is at the same place in all events of a class,
 * and it is an integer that one load of eight bytes gets. */
bool ctf_stream_plan_tap(const struct ctf_stream_plan *plan, size_t event_index,
			 enum ctf_scope scope, uint32_t field, struct ctf_tap *tap);

/* Checks the references that stay inside of a type declared by itself. */
int ctf_type_check(const struct ctf_type *type, const char *file_name, struct diag *diag);

/* Bits of a type that is the same size every time, from an aligned start. */
bool ctf_type_fixed_bits(const struct ctf_type *type, uint64_t *bits);

/* Fast reading of 1 to 64 bits; `end` is the end of readable bits. */
uint64_t ctf_bits_read(const uint8_t *data, uint64_t at, uint64_t end, unsigned bits, bool is_be);

/* Makes room for a plan's values and registers: once, before it is run. */
int ctf_values_prepare(struct ctf_values *v, uint32_t n_values, uint32_t n_registers);

#endif
