/* SPDX-License-Identifier: MIT */
/*
 * decode.c - runs decode plans.
 *
 * One loop over operations. Bounds are checked by OP_NEED for a whole run of
 * fields, and by each operation of unknown size for itself; nothing is read
 * behind bits->end. The number of values, and so the number of turns of
 * loops, is bounded by CTF_VALUES_MAX.
 */
#include "ctf/decode.h"

#include "ctf/plan.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LOOPS 100 /* nested; the compiler's MAX_DEPTH bounds them too */

struct loop {
	uint32_t base; /* of the element's slots */
	uint32_t stride;
	uint64_t left; /* elements, the current one included */
	uint32_t outer_base;
};

uint64_t ctf_read_bits(const uint8_t *data, uint64_t bit_offset, unsigned bits,
		       enum ctf_byte_order order, bool is_signed)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < bits; i++) {
		uint64_t at = bit_offset + i;
		if (order == CTF_LITTLE_ENDIAN)
			v |= (uint64_t)(data[at / 8] >> (at % 8) & 1) << i;
		else
			v = v << 1 | (data[at / 8] >> (7 - at % 8) & 1);
	}
	if (is_signed && bits < 64 && v >> (bits - 1) & 1)
		v |= ~UINT64_C(0) << bits;
	return v;
}

static inline uint64_t mask_of(unsigned bits)
{
	return bits == 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1;
}

/* Up to eight bytes, zeros where the content has ended. */
static inline uint64_t load_bytes(const uint8_t *p, uint64_t readable)
{
	uint64_t v = 0;
	memcpy(&v, p, readable < 8 ? readable : 8);
	return v;
}

uint64_t ctf_bits_read(const uint8_t *data, uint64_t at, uint64_t end, unsigned bits, bool is_be)
{
	const uint8_t *p = data + at / 8;
	unsigned shift = at % 8;
	uint64_t readable = (end + 7) / 8 - at / 8;
	uint64_t v;
	if (__builtin_expect(readable >= 8, 1))
		memcpy(&v, p, 8);
	else
		v = load_bytes(p, readable);
	if (is_be) {
		v = be64toh(v) << shift;
		if (shift + bits > 64)
			v |= (uint64_t)p[8] >> (8 - shift);
		return v >> (64 - bits);
	}
	v = le64toh(v) >> shift;
	if (shift + bits > 64)
		v |= (uint64_t)p[8] << (64 - shift);
	return v & mask_of(bits);
}

static inline uint64_t sign_extend(uint64_t v, unsigned bits)
{
	return bits < 64 && v >> (bits - 1) & 1 ? v | ~UINT64_C(0) << bits : v;
}

static double half_to_double(uint64_t h)
{
	uint64_t exponent = h >> 10 & 31, fraction = h & 1023;
	double v = exponent == 31 ? (fraction ? __builtin_nan("") : __builtin_inf())
		   : exponent     ? __builtin_ldexp((double)(fraction + 1024), (int)exponent - 25)
				  : __builtin_ldexp((double)fraction, -24);
	return h >> 15 ? -v : v;
}

static double real_from_bits(uint64_t raw, unsigned bits)
{
	if (bits == 16)
		return half_to_double(raw);
	if (bits == 32) {
		uint32_t raw32 = (uint32_t)raw;
		float f;
		memcpy(&f, &raw32, sizeof(f));
		return f;
	}
	double d;
	memcpy(&d, &raw, sizeof(d));
	return d;
}

/* --- values ------------------------------------------------------------------------ */

void ctf_values_fini(struct ctf_values *v)
{
	if (!v)
		return;
	free(v->items);
	free(v->scratch);
	free(v->registers);
	memset(v, 0, sizeof(*v));
}

static int values_grow(struct ctf_values *v, size_t want)
{
	if (want > CTF_VALUES_MAX)
		return -E2BIG;
	size_t cap = v->cap ? v->cap : 32;
	while (cap < want)
		cap *= 2;
	struct ctf_value *items = realloc(v->items, cap * sizeof(*items));
	if (!items)
		return -ENOMEM;
	v->items = items;
	v->cap = cap;
	return 0;
}

int ctf_values_prepare(struct ctf_values *v, uint32_t n_values, uint32_t n_registers)
{
	if (n_registers > v->cap_registers) {
		uint64_t *r = realloc(v->registers, n_registers * sizeof(*r));
		if (!r)
			return -ENOMEM;
		memset(r + v->cap_registers, 0, (n_registers - v->cap_registers) * sizeof(*r));
		v->registers = r;
		v->cap_registers = n_registers;
	}
	return n_values > v->cap ? values_grow(v, n_values) : 0;
}

void ctf_value_element(const struct ctf_value *lazy, size_t i, struct ctf_value *out)
{
	const struct ctf_type *e = lazy->type->array.element;
	uint64_t bits = 1;
	ctf_type_fixed_bits(e, &bits);
	uint64_t stride = (bits + e->align - 1) & ~(uint64_t)(e->align - 1);
	uint64_t at = lazy->bit + i * stride;
	uint64_t raw = ctf_bits_read(lazy->bytes, at, at + bits, (unsigned)bits,
				     e->byte_order == CTF_BIG_ENDIAN);
	memset(out, 0, sizeof(*out));
	out->type = e;
	if (e->kind == CTF_FLOAT) {
		out->kind = CTF_VALUE_F64;
		out->f64 = real_from_bits(raw, (unsigned)bits);
	} else {
		out->kind = e->integer.is_signed ? CTF_VALUE_I64 : CTF_VALUE_U64;
		out->u64 = e->integer.is_signed ? sign_extend(raw, (unsigned)bits) : raw;
	}
}

const struct ctf_value *ctf_value_field(const struct ctf_values *v, const struct ctf_value *record,
					const char *name)
{
	int i = record && record->kind == CTF_VALUE_STRUCT ? ctf_struct_find(record->type, name)
							   : -1;
	return i < 0 ? NULL : ctf_value_child(v, record, (size_t)i);
}

/* --- the loop ------------------------------------------------------------------------ */

struct machine {
	const struct ctf_plan *plan;
	struct ctf_bits *bits;
	struct ctf_values *v;
	uint32_t base; /* what slots are counted from */
	uint32_t depth;
	uint64_t turns; /* of all loops */
	struct loop loops[MAX_LOOPS];
};

static inline struct ctf_value *slot(struct machine *m, const struct ctf_op *op)
{
	return &m->v->items[m->base + (uint32_t)op->slot];
}

static void move_clock(struct ctf_values *v, uint64_t value, unsigned bits)
{
	if (bits >= 64) {
		v->cycles = value;
		return;
	}
	uint64_t mask = mask_of(bits);
	if (value < (v->cycles & mask))
		v->cycles += mask + 1; /* it wrapped, once */
	v->cycles = (v->cycles & ~mask) | value;
}

static inline void store_integer(struct machine *m, const struct ctf_op *op, uint64_t value)
{
	if (op->slot != NO_SLOT) {
		struct ctf_value *out = slot(m, op);
		out->type = op->type;
		out->kind = op->flags & OP_SIGNED ? CTF_VALUE_I64 : CTF_VALUE_U64;
		out->count = 0;
		out->u64 = value;
	}
	if (op->reg >= 0)
		m->v->registers[op->reg] = value;
	if (op->flags & (OP_CLOCK | OP_EVENT_ID)) {
		if (op->flags & OP_CLOCK)
			move_clock(m->v, value, op->code == OP_VARINT ? 64 : op->bits);
		if (op->flags & OP_EVENT_ID)
			m->v->event_id = value;
	}
}

static void store_bytes(struct machine *m, const struct ctf_op *op, enum ctf_value_kind kind,
			const uint8_t *bytes, uint64_t count)
{
	struct ctf_value *out = slot(m, op);
	out->type = op->type;
	out->kind = kind;
	out->bit = 0;
	out->count = (uint32_t)count;
	out->bytes = bytes;
}

/*
 * The length of a string that ends before `left` bytes do; UINT64_MAX: it does
 * not. Most are short, so the first words are looked at here: a byte is zero
 * where subtracting one borrows from its top bit and it had none.
 */
static inline uint64_t string_length(const uint8_t *start, uint64_t left)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
	uint64_t len = 0;
	for (; len < 64 && left - len >= 8; len += 8) {
		uint64_t v;
		memcpy(&v, start + len, 8);
		v = le64toh(v);
		uint64_t zeros = (v - ones) & ~v & tops;
		if (zeros)
			return len + (uint64_t)__builtin_ctzll(zeros) / 8;
	}
	const uint8_t *zero = left > len ? memchr(start + len, 0, left - len) : NULL;
	return zero ? (uint64_t)(zero - start) : UINT64_MAX;
}

/* Fixed-size text ends at its first zero, when there is one. */
static uint64_t text_length(const uint8_t *bytes, uint64_t count)
{
	uint64_t len = string_length(bytes, count);
	return len == UINT64_MAX ? count : len;
}

/* Where a text begins at no byte, it is moved to the scratch memory. */
static int odd_text(struct machine *m, uint64_t at, uint64_t count, const uint8_t **bytes)
{
	struct ctf_values *v = m->v;
	/* Earlier texts of this event must not move: the scratch never grows in use. */
	if (!v->scratch) {
		uint64_t size = (m->bits->end + 7) / 8 + 1;
		size = size < (1u << 16) ? 1u << 16 : size;
		v->scratch = malloc(size);
		if (!v->scratch)
			return -ENOMEM;
		v->scratch_cap = size;
	}
	if (count > v->scratch_cap - v->scratch_len)
		return -E2BIG;
	uint8_t *to = v->scratch + v->scratch_len;
	for (uint64_t i = 0; i < count; i++)
		to[i] = (uint8_t)ctf_bits_read(m->bits->data, at + 8 * i, m->bits->end, 8, false);
	v->scratch_len += count;
	*bytes = to;
	return 0;
}

static int text(struct machine *m, const struct ctf_op *op, uint64_t at, uint64_t count)
{
	const uint8_t *bytes = m->bits->data + at / 8;
	if (op->slot == NO_SLOT)
		return 0;
	if (at % 8) {
		int rc = odd_text(m, at, count, &bytes);
		if (rc)
			return rc;
	}
	store_bytes(m, op, CTF_VALUE_TEXT, bytes, text_length(bytes, count));
	return 0;
}

static void lazy(struct machine *m, const struct ctf_op *op, uint64_t at, uint64_t count)
{
	if (op->slot == NO_SLOT)
		return;
	store_bytes(m, op, CTF_VALUE_LAZY, m->bits->data + at / 8, count);
	slot(m, op)->bit = at % 8;
}

static void blob(struct machine *m, const struct ctf_op *op, uint64_t at, uint64_t count)
{
	const uint8_t *bytes = m->bits->data + at / 8;
	bool is_blob = op->type->kind == CTF_STATIC_BLOB || op->type->kind == CTF_DYNAMIC_BLOB;
	if (op->slot == NO_SLOT)
		return;
	if (is_blob)
		store_bytes(m, op, CTF_VALUE_BLOB, bytes, count);
	else
		store_bytes(m, op, CTF_VALUE_TEXT, bytes,
			    op->type->text.encoding <= CTF_ENCODING_UTF8 ? text_length(bytes, count)
									 : count);
}

/* `count` elements of bits and stride from an operation, in what is left of the content. */
static bool elements_fit(const struct ctf_op *op, uint64_t count, uint64_t left, uint64_t *total)
{
	if (!count) {
		*total = 0;
		return true;
	}
	if (count > UINT32_MAX || (count - 1) > left / op->stride)
		return false;
	*total = (count - 1) * op->stride + op->bits;
	return *total <= left;
}

/* The width of one character; a string ends at a character of zeros. */
static unsigned character_bytes(enum ctf_encoding e)
{
	return e >= CTF_ENCODING_UTF32BE ? 4 : e >= CTF_ENCODING_UTF16BE ? 2 : 1;
}

static int string(struct machine *m, const struct ctf_op *op)
{
	const uint8_t *start = m->bits->data + m->bits->at / 8;
	uint64_t left = (m->bits->end - m->bits->at) / 8, len = 0;
	unsigned width = character_bytes(op->type->text.encoding);
	static const uint8_t zeros[4];
	if (width == 1) {
		len = string_length(start, left);
		if (len == UINT64_MAX)
			return -ENODATA;
	} else {
		while (len + width <= left && memcmp(start + len, zeros, width))
			len += width;
		if (len + width > left)
			return -ENODATA;
	}
	if (len > UINT32_MAX)
		return -E2BIG;
	if (op->slot != NO_SLOT)
		store_bytes(m, op, CTF_VALUE_TEXT, start, len);
	m->bits->at += (len + width) * 8;
	return 0;
}

/* LEB128: seven bits a byte, the lowest first. */
static int varint(struct machine *m, const struct ctf_op *op)
{
	uint64_t value = 0;
	for (unsigned shift = 0;; shift += 7) {
		if (m->bits->end - m->bits->at < 8)
			return -ENODATA;
		uint8_t byte = m->bits->data[m->bits->at / 8];
		uint64_t part = byte & 0x7f;
		m->bits->at += 8;
		if (shift > 63 || (shift == 63 && part > 1 && part != 0x7f))
			return -EBADMSG;
		value |= part << shift;
		if (byte & 0x80)
			continue;
		if (op->flags & OP_SIGNED && byte & 0x40 && shift + 7 < 64)
			value |= ~UINT64_C(0) << (shift + 7);
		break;
	}
	store_integer(m, op, value);
	return 0;
}

/* Begins a loop: room for all elements, or none at all. Returns 1 to enter the body. */
static int loop_begin(struct machine *m, const struct ctf_op *op, uint64_t count)
{
	struct ctf_values *v = m->v;
	uint32_t first = (uint32_t)v->len;
	if (count > CTF_VALUES_MAX - m->turns)
		return -E2BIG;
	m->turns += count;
	if (op->slot != NO_SLOT) {
		uint64_t room = count * op->stride;
		if (room > CTF_VALUES_MAX - v->len)
			return -E2BIG;
		int rc = v->len + room > v->cap ? values_grow(v, v->len + room) : 0;
		if (rc)
			return rc;
		v->len += room;
		struct ctf_value *out = slot(m, op);
		out->type = op->type;
		out->kind = CTF_VALUE_ARRAY;
		out->count = (uint32_t)count;
		out->first = first;
		out->stride = op->stride;
	}
	if (!count)
		return 0;
	if (m->depth == MAX_LOOPS)
		return -E2BIG;
	m->loops[m->depth++] = (struct loop){.base = first,
					     .stride = op->slot == NO_SLOT ? 0 : op->stride,
					     .left = count,
					     .outer_base = m->base};
	m->base = first;
	return 1;
}

static const struct ctf_plan_range *choose(const struct machine *m, const struct ctf_op *op)
{
	uint64_t tag = m->v->registers[op->from];
	const struct ctf_plan_range *r = &m->plan->ranges[op->offset];
	for (uint64_t i = 0; i < op->arg; i++, r++)
		if (op->flags & OP_SIGNED
			    ? (int64_t)tag >= (int64_t)r->lo && (int64_t)tag <= (int64_t)r->hi
			    : tag >= r->lo && tag <= r->hi)
			return r;
	return NULL;
}

static bool is_present(const struct machine *m, const struct ctf_op *op)
{
	return op->arg ? choose(m, op) != NULL : m->v->registers[op->from] != 0;
}

static int run(struct machine *m)
{
	struct ctf_bits *bits = m->bits;
	const struct ctf_op *ops = m->plan->ops, *op = ops;
	uint64_t raw, total, count;
	int rc = 0;

	for (;; op++) {
		const uint8_t *p;
		switch ((enum ctf_opcode)op->code) {
		case OP_END:
			return 0;
		case OP_NEED:
			if (op->arg > bits->end - bits->at)
				return -ENODATA;
			break;
		case OP_SKIP:
			if (op->arg > bits->end - bits->at)
				return -ENODATA;
			/* fall through */
		case OP_ADVANCE:
			bits->at += op->arg;
			break;
		case OP_ALIGN:
			raw = (bits->at + op->arg - 1) & ~(op->arg - 1);
			if (raw > bits->end)
				return -ENODATA;
			bits->at = raw;
			break;
		case OP_STRUCT: {
			struct ctf_value *out = slot(m, op);
			out->type = op->type;
			out->kind = CTF_VALUE_STRUCT;
			out->count = (uint32_t)op->arg;
			out->first = m->base + op->first;
			out->stride = 1;
			break;
		}
		case OP_INT:
			raw = ctf_bits_read(bits->data, bits->at + op->offset, bits->end, op->bits,
					    op->flags & OP_BIG_ENDIAN);
			if (op->flags & OP_SIGNED)
				raw = sign_extend(raw, op->bits);
			store_integer(m, op, raw);
			break;
		case OP_U8:
			raw = bits->data[(bits->at + op->offset) / 8];
			store_integer(m, op, op->flags & OP_SIGNED ? sign_extend(raw, 8) : raw);
			break;
#define LOAD(N)                                                                                    \
	p = bits->data + (bits->at + op->offset) / 8;                                              \
	uint##N##_t v##N;                                                                          \
	memcpy(&v##N, p, sizeof(v##N));                                                            \
	raw = le##N##toh(v##N);                                                                    \
	store_integer(m, op, op->flags &OP_SIGNED ? sign_extend(raw, N) : raw);
		case OP_U16: {
			LOAD(16)
			break;
		}
		case OP_U32: {
			LOAD(32)
			break;
		}
		case OP_U64: {
			LOAD(64)
			break;
		}
#undef LOAD
		case OP_FLOAT:
			raw = ctf_bits_read(bits->data, bits->at + op->offset, bits->end, op->bits,
					    op->flags & OP_BIG_ENDIAN);
			if (op->slot != NO_SLOT) {
				struct ctf_value *out = slot(m, op);
				out->type = op->type;
				out->kind = CTF_VALUE_F64;
				out->count = 0;
				out->f64 = real_from_bits(raw, op->bits);
			}
			break;
		case OP_WIDE:
			if (op->slot != NO_SLOT) {
				store_bytes(m, op, CTF_VALUE_WIDE,
					    bits->data + (bits->at + op->offset) / 8, op->arg);
				slot(m, op)->bit = (bits->at + op->offset) % 8;
			}
			break;
		case OP_BYTES:
			blob(m, op, bits->at + op->offset, op->arg);
			break;
		case OP_LAZY:
			lazy(m, op, bits->at + op->offset, op->arg);
			break;
		case OP_TEXT:
			rc = text(m, op, bits->at + op->offset, op->arg);
			if (rc)
				return rc;
			break;
		case OP_STRING:
			rc = string(m, op);
			if (rc)
				return rc;
			break;
		case OP_VARINT:
			rc = varint(m, op);
			if (rc)
				return rc;
			break;
		case OP_BYTES_BY:
			count = m->v->registers[op->from];
			if (count > (bits->end - bits->at) / 8 || count > UINT32_MAX)
				return -ENODATA;
			blob(m, op, bits->at, count);
			bits->at += count * 8;
			break;
		case OP_LAZY_BY:
		case OP_TEXT_BY:
			count = m->v->registers[op->from];
			if (!elements_fit(op, count, bits->end - bits->at, &total))
				return -ENODATA;
			if (op->code == OP_LAZY_BY)
				lazy(m, op, bits->at, count);
			else if ((rc = text(m, op, bits->at, count)))
				return rc;
			bits->at += total;
			break;
		case OP_LOOP:
		case OP_LOOP_BY:
			count = op->code == OP_LOOP ? op->arg : m->v->registers[op->from];
			rc = loop_begin(m, op, count);
			if (rc < 0)
				return rc;
			if (!rc)
				op = ops + op->jump;
			break;
		case OP_LOOP_END: {
			struct loop *l = &m->loops[m->depth - 1];
			if (--l->left) {
				m->base += l->stride;
				op = ops + op->jump - 1;
			} else {
				m->base = l->outer_base;
				m->depth--;
			}
			break;
		}
		case OP_VARIANT: {
			const struct ctf_plan_range *r = choose(m, op);
			if (!r)
				return -EBADMSG;
			if (op->slot != NO_SLOT) {
				struct ctf_value *out = slot(m, op);
				out->type = op->type;
				out->kind = CTF_VALUE_VARIANT;
				out->option = r->option;
				out->count = 1;
				out->first = m->base + op->first;
				out->stride = 1;
			}
			op = ops + r->jump - 1;
			break;
		}
		case OP_OPTIONAL:
			if (is_present(m, op))
				break;
			if (op->slot != NO_SLOT) {
				struct ctf_value *out = slot(m, op);
				memset(out, 0, sizeof(*out));
				out->type = op->type;
			}
			op = ops + op->jump - 1;
			break;
		case OP_JUMP:
			op = ops + op->jump - 1;
			break;
		}
	}
}

int ctf_plan_skip(const struct ctf_op *op, struct ctf_bits *bits, uint64_t *registers)
{
	const uint8_t *data = bits->data;
	uint64_t at = bits->at, end = bits->end, n;
	int rc = -ENODATA;
	for (;; op++) {
		switch (op->code) {
		case OP_END:
			bits->at = at;
			return 0;
		case OP_NEED:
			if (op->arg > end - at)
				goto out;
			break;
		case OP_SKIP:
			if (op->arg > end - at)
				goto out;
			/* fall through */
		case OP_ADVANCE:
			at += op->arg;
			break;
		case OP_ALIGN:
			n = (at + op->arg - 1) & ~(op->arg - 1);
			if (n > end)
				goto out;
			at = n;
			break;
		case OP_STRING:
			n = string_length(data + at / 8, (end - at) / 8);
			if (n > UINT32_MAX) {
				rc = n == UINT64_MAX ? -ENODATA : -E2BIG;
				goto out;
			}
			at += (n + 1) * 8;
			break;
		case OP_U8:
		case OP_U16:
		case OP_U32:
		case OP_U64:
			n = 0;
			memcpy(&n, data + (at + op->offset) / 8, op->bits / 8);
			registers[op->reg] = le64toh(n);
			break;
		case OP_BYTES_BY:
			n = registers[op->from];
			if (n > (end - at) / 8 || n > UINT32_MAX)
				goto out;
			at += n * 8;
			break;
		default: /* LAZY_BY, TEXT_BY */
			if (!elements_fit(op, registers[op->from], end - at, &n))
				goto out;
			at += n;
			break;
		}
	}
out:
	bits->at = at;
	return rc;
}

int ctf_plan_run(const struct ctf_plan *plan, struct ctf_bits *bits, struct ctf_values *values)
{
	if (values->len + plan->n_values > values->cap) {
		int rc = values_grow(values, values->len + plan->n_values);
		if (rc)
			return rc;
	}
	struct machine m;
	m.plan = plan;
	m.bits = bits;
	m.v = values;
	m.base = (uint32_t)values->len;
	m.depth = 0;
	m.turns = 0;
	values->len += plan->n_values;
	return run(&m);
}

int ctf_decode_fields(const struct ctf_plan *plan, struct span payload, struct ctf_values *values)
{
	struct ctf_bits bits = {.data = payload.data, .end = (uint64_t)payload.len * 8};
	int rc = ctf_values_prepare(values, plan->n_values, plan->n_registers);
	values->len = values->scratch_len = 0;
	return rc ? rc : ctf_plan_run(plan, &bits, values);
}

const char *ctf_decode_error(int error)
{
	switch (error) {
	case -ENODATA:
		return "the packet's content ends in the middle of it";
	case -EBADMSG:
		return "its data contradict the metadata (a variant's tag chooses no option, or a variable-length integer is too long)";
	case -E2BIG:
		return "it has too many values";
	case -ENOENT:
		return "its event id is not in the metadata";
	case -ELOOP:
		return "it has no size, so the packet would never end";
	case -ENOMEM:
		return "out of memory";
	default:
		return "it cannot be decoded";
	}
}
