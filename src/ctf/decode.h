/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_DECODE_H
#define PISTE_CTF_DECODE_H

#include "base/diag.h"
#include "base/fs.h"
#include "ctf/type.h"

/*
 * decode - from bits to values, by plans compiled once (D9).
 *
 * A plan is a list of operations for one or several root structures that
 * follow each other. Inside a run of fields of known size every offset is
 * constant from the run's start and bounds are checked once for the run;
 * strings, sequences and variants end a run. Nothing is allocated per event,
 * but for the value array when an event needs more values than any before.
 */

/*
 * The values of an event, flat. Compounds point at their children by index:
 * child i of v is values[v->first + i * v->stride], see ctf_value_child().
 * The children of a structure are in field order and always all there, so
 * field i of a root is at a constant place, whatever precedes it.
 *
 * Arrays and sequences of plain numbers are not expanded: they are LAZY and
 * ctf_value_element() reads one element. Those of characters are TEXT.
 */
enum ctf_value_kind {
	CTF_VALUE_NONE, /* absent (an optional), or not wanted */
	CTF_VALUE_U64,
	CTF_VALUE_I64,
	CTF_VALUE_F64,
	CTF_VALUE_TEXT, /* bytes, count: without the terminating zero */
	CTF_VALUE_BLOB, /* bytes, count */
	CTF_VALUE_STRUCT, /* first, stride, count */
	CTF_VALUE_ARRAY, /* first, stride, count: expanded elements */
	CTF_VALUE_LAZY, /* bytes, bit, count: elements, not expanded */
	CTF_VALUE_VARIANT, /* first: the chosen one; count: 1; option: its index */
	CTF_VALUE_WIDE, /* bytes, bit: an integer or float wider than 64 bits, raw */
};

struct ctf_value {
	const struct ctf_type *type; /* NULL with NONE */
	uint8_t kind; /* enum ctf_value_kind */
	uint8_t bit; /* LAZY, WIDE: first bit in bytes[0] */
	uint16_t option; /* VARIANT */
	uint32_t count;
	union {
		uint64_t u64;
		int64_t i64;
		double f64;
		const uint8_t *bytes; /* into the packet, or the decoder's scratch */
		struct {
			uint32_t first, stride;
		};
	};
};

/* A place for values and for what a decoder remembers. All-zero is empty. */
struct ctf_values {
	struct ctf_value *items;
	size_t len, cap;
	uint8_t *scratch; /* text at odd bit positions */
	size_t scratch_len, scratch_cap;
	uint64_t *registers; /* lengths and selectors, by the plan's numbers */
	size_t cap_registers;
	/* The stream's clock: every field mapped to it moves it on, wraps included. */
	uint64_t cycles;
	uint64_t event_id; /* the newest that an event header held */
};
void ctf_values_fini(struct ctf_values *v);

static inline const struct ctf_value *ctf_value_child(const struct ctf_values *v,
						      const struct ctf_value *parent, size_t i)
{
	return &v->items[parent->first + i * parent->stride];
}
/* Element i (< count) of a LAZY value. */
void ctf_value_element(const struct ctf_value *lazy, size_t i, struct ctf_value *out);
/* The field of that name of a STRUCT value, or NULL. */
const struct ctf_value *ctf_value_field(const struct ctf_values *v, const struct ctf_value *record,
					const char *name);

/* Reads `bits` (1 to 64) at a bit offset, bit by bit as the specification says;
 * slow, no bounds: the reference that tests hold the fast ones against. */
uint64_t ctf_read_bits(const uint8_t *data, uint64_t bit_offset, unsigned bits,
		       enum ctf_byte_order order, bool is_signed);

/* --- plans --------------------------------------------------------------- */

struct ctf_op;

struct ctf_plan {
	struct ctf_op *ops;
	size_t n_ops;
	struct ctf_plan_range *ranges; /* of variants and optionals */
	size_t n_ranges;
	uint32_t n_values; /* roots and static fields */
	uint32_t n_registers; /* of the whole stream class */
	/* Of the root of each scope, from the run's first value; -1: not in this plan. */
	int32_t root[CTF_N_SCOPES];
	/* When everything is of fixed size: its bits from a start aligned to
	 * `align`; else UINT64_MAX. */
	uint64_t fixed_bits;
	uint32_t align; /* of the first thing decoded */
	/* Keeps no values, and has neither loops nor variants: steps over an event. */
	bool is_flat;
};

enum ctf_want {
	CTF_WANT_NONE, /* step over; lengths and selectors only */
	CTF_WANT_FIELDS, /* contexts and payload */
	CTF_WANT_ALL, /* and the event header */
};

/* What the decoding of one packet goes through. */
struct ctf_bits {
	const uint8_t *data; /* the packet's first byte */
	uint64_t at; /* in bits from data */
	uint64_t end; /* content size in bits; data holds all of it */
};

struct ctf_stream_plan; /* the plans of a stream class: packet, event header, each event class */

/* Compiles a payload-like structure alone: its references must stay inside of it. */
int ctf_plan_new(struct ctf_plan **out, struct arena *a, const struct ctf_type *root,
		 enum ctf_scope scope, enum ctf_want want, struct diag *diag);

/*
 * Decodes what the plan describes at bits->at (aligned first) and moves it
 * behind. The values are appended: their first is at what values->len was, so
 * set that to 0 for a new event. 0; -ENODATA: the content ends before it does;
 * -EBADMSG: it contradicts its description (no variant option for the selector
 * …); -E2BIG: more than CTF_VALUES_MAX values; -ENOMEM. On an error bits->at
 * is near where it happened and the values are not to be read.
 */
int ctf_plan_run(const struct ctf_plan *plan, struct ctf_bits *bits, struct ctf_values *values);

#define CTF_VALUES_MAX (1u << 24)

/* Decodes only a payload from a span (the recorder's filters). The root is values->items[0]. */
int ctf_decode_fields(const struct ctf_plan *plan, struct span payload, struct ctf_values *values);

/* What an error of ctf_plan_run means, for messages. */
const char *ctf_decode_error(int error);

#endif
