/* SPDX-License-Identifier: MIT */
/*
 * Runs a class's plan. The output is a struct str that is written through
 * plain pointers: room for everything of bounded length is made once for a
 * structure, and numbers are put down two digits at a time.
 */
#include "ctf/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctf/log-format.h"
#include "ctf/text-class.h"

#define NS_PER_S 1000000000ll
enum { WINDOW_S = 900 /* no time zone changes within a quarter of an hour */, TAIL_ROOM = 128 };

/* --- writing ---------------------------------------------------------------- */

/* Where to write at; `out` takes part again when room runs out. */
struct writer {
	char *at, *end;
	struct str *out;
};

/* All writers leave this much behind what they write, so that short text needs no check. */
static bool grow(struct writer *w, size_t need)
{
	struct str *s = w->out;
	size_t len = (size_t)(w->at - s->data), cap = s->cap < 4096 ? 4096 : s->cap;
	char *data;

	if (s->failed || need > SIZE_MAX / 4 || len > SIZE_MAX / 4)
		goto fail;
	while (cap < len + need + TAIL_ROOM)
		cap *= 2;
	data = realloc(s->data, cap);
	if (!data)
		goto fail;
	s->data = data;
	s->cap = cap;
	w->at = data + len;
	w->end = data + cap - TAIL_ROOM;
	return true;
fail:
	s->failed = true;
	return false;
}

static inline bool room(struct writer *w, size_t need)
{
	return (size_t)(w->end - w->at) >= need || grow(w, need);
}

static bool writer_begin(struct writer *w, struct str *out)
{
	w->out = out;
	w->at = out->data + out->len;
	w->end = out->cap > TAIL_ROOM + out->len ? out->data + out->cap - TAIL_ROOM : w->at;
	return !out->failed && room(w, 512);
}

static void writer_end(struct writer *w)
{
	if (w->out->failed)
		return;
	*w->at = '\0';
	w->out->len = (size_t)(w->at - w->out->data);
}

static inline void put(struct writer *w, const char *text, size_t len)
{
	memcpy(w->at, text, len);
	w->at += len;
}

/* Room for it must be there. */
static inline void put_c(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

/* Of the plan's texts, which may be read 16 bytes at a time (text-class.h): short ones are most of
 * a line. Room for 16 more must be there, as it always is. */
static inline void put_plan(struct writer *w, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i += TEXT_PAD)
		memcpy(w->at + i, text + i, TEXT_PAD);
	w->at += len;
}

/* A colour; none is the rule. */
static inline void put_colour(struct writer *w, const char *escape)
{
	if (*escape)
		put_c(w, escape);
}

static void add(struct writer *w, const char *text, size_t len)
{
	if (room(w, len))
		put(w, text, len);
}

static inline void add_colour(struct writer *w, const char *escape)
{
	if (*escape)
		add(w, escape, strlen(escape));
}

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

/* How many decimal digits a number has: log10(2) is nearly 1233 / 4096. */
static inline unsigned count_digits(uint64_t v)
{
	static const uint64_t powers[] = {
		0,
		10,
		100,
		1000,
		10000,
		100000,
		1000000,
		10000000,
		100000000,
		1000000000,
		10000000000,
		100000000000,
		1000000000000,
		10000000000000,
		100000000000000,
		1000000000000000,
		10000000000000000,
		100000000000000000,
		1000000000000000000,
		10000000000000000000u,
	};
	unsigned n = (64 - (unsigned)__builtin_clzll(v | 1)) * 1233 >> 12;

	return n + (v >= powers[n]);
}

static inline char *put_u64(char *p, uint64_t v)
{
	char *end, *q;
	uint32_t low;

	if (v < 10) {
		*p = (char)('0' + v);
		return p + 1;
	}
	q = end = p + count_digits(v);
	for (; v > UINT32_MAX; v /= 100) {
		q -= 2;
		memcpy(q, &pairs[v % 100 * 2], 2);
	}
	for (low = (uint32_t)v; low >= 100; low /= 100) {
		q -= 2;
		memcpy(q, &pairs[low % 100 * 2], 2);
	}
	if (low >= 10)
		memcpy(p, &pairs[low * 2], 2);
	else
		*p = (char)('0' + low);
	return end;
}

/* Exactly `digits` of them, with zeros in front. */
static inline char *put_padded(char *p, uint64_t v, int digits)
{
	for (int i = digits; i > 0; i--) {
		p[i - 1] = (char)('0' + v % 10);
		v /= 10;
	}
	return p + digits;
}

static inline char *put_2(char *p, unsigned v)
{
	memcpy(p, &pairs[v * 2], 2);
	return p + 2;
}

/* Nine digits. */
static inline char *put_ns(char *p, uint32_t ns)
{
	uint32_t high = ns / 100000, low = ns % 100000; /* 4 and 5 digits */

	p = put_2(p, high / 100);
	p = put_2(p, high % 100);
	*p++ = (char)('0' + low / 10000);
	low %= 10000;
	p = put_2(p, low / 100);
	return put_2(p, low % 100);
}

static inline char *put_i64(char *p, int64_t v)
{
	if (v < 0)
		*p++ = '-';
	return put_u64(p, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static inline char *put_hex(char *p, uint64_t v)
{
	int digits = v ? (67 - __builtin_clzll(v)) / 4 : 1;

	for (int i = digits; i > 0; i--, v >>= 4)
		p[i - 1] = "0123456789ABCDEF"[v & 15];
	return p + digits;
}

static char *put_octal(char *p, uint64_t v)
{
	int digits = v ? (66 - __builtin_clzll(v)) / 3 : 1;

	for (int i = digits; i > 0; i--, v >>= 3)
		p[i - 1] = (char)('0' + (v & 7));
	return p + digits;
}

/*
 * Six significant digits, as "%g" writes them. Scaling by a power of ten is
 * exact to 2^-63 in long double, so the rounding is right unless the rest is
 * very near to one half: those, and all that needs an exponent, go to snprintf.
 */
size_t text_put_real(char *buf, double value)
{
	static const long double powers[] = {1e0L, 1e1L, 1e2L, 1e3L, 1e4L,
					     1e5L, 1e6L, 1e7L, 1e8L, 1e9L};
	static const uint32_t integers[] = {1,      10,      100,      1000,      10000,
					    100000, 1000000, 10000000, 100000000, 1000000000};
	double a = fabs(value);
	uint32_t whole = a < 1000000 ? (uint32_t)a : 0;
	long double scaled;
	uint64_t digits;
	int decimals;
	char *p = buf;

	if (whole && a == whole) {
		if (value < 0)
			*p++ = '-';
		return (size_t)(put_u64(p, whole) - buf);
	}
	if (!(a >= 1e-4 && a < 999999))
		goto slow;
	decimals = 5;
	if (a >= 1)
		while (decimals > 0 && a >= (double)powers[6 - decimals])
			decimals--;
	else
		for (decimals = 6; a * (double)powers[decimals - 5] < 1; decimals++)
			;
	scaled = (long double)a * powers[decimals];
	digits = (uint64_t)scaled;
	scaled -= (long double)digits;
	if (scaled > 0.499999L && scaled < 0.500001L)
		goto slow;
	digits += scaled > 0.5L;
	if (digits >= 1000000 || digits < 100000) /* rounded up to one digit more, or log was off */
		goto slow;
	if (value < 0)
		*p++ = '-';
	p = put_u64(p, digits / integers[decimals]);
	digits %= integers[decimals];
	if (!digits)
		return (size_t)(p - buf);
	*p++ = '.';
	p = put_padded(p, digits, decimals);
	while (p[-1] == '0')
		p--;
	return (size_t)(p - buf);
slow:
	if (a == 0) {
		memcpy(buf, "-0", 2);
		if (!signbit(value))
			*buf = '0';
		return signbit(value) ? 2 : 1;
	}
	return (size_t)snprintf(buf, 32, "%g", value);
}

/* --- strings -------------------------------------------------------------------- */

/* What stands behind the backslash; 1: as \xNN; 0: as it is. */
static const char escapes[256] = {
	[0] = '0',  [1 ... 6] = 1, [7] = 'a',     [8] = 'b',       [9] = 't',     [10] = 'n',
	[11] = 'v', [12] = 'f',    [13] = 'r',    [14 ... 26] = 1, [27] = 'e',    [28 ... 31] = 1,
	[127] = 1,  ['"'] = '"',   ['\''] = '\'', ['?'] = '?',     ['\\'] = '\\',
};

static void add_quoted(struct writer *w, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	char *at;

	if (!room(w, len * 4 + 2))
		return;
	at = w->at;
	*at++ = '"';
	for (; p < end; p++) {
		char escape = escapes[*p];

		if (!escape) {
			*at++ = (char)*p;
			continue;
		}
		*at++ = '\\';
		if (escape != 1) {
			*at++ = escape;
			continue;
		}
		*at++ = 'x';
		*at++ = "0123456789abcdef"[*p >> 4];
		*at++ = "0123456789abcdef"[*p & 15];
	}
	*at++ = '"';
	w->at = at;
}

static void add_text(struct writer *w, const struct ctf_value *v)
{
	const char *text = (const char *)v->bytes;
	size_t len = v->count;

	/* A text of fixed length ends where C's would; of characters the decoder has seen to it. */
	if (v->type && (v->type->kind == CTF_STATIC_STRING || v->type->kind == CTF_DYNAMIC_STRING))
		len = strnlen(text ? text : "", len);
	add_quoted(w, text, len);
}

/* --- values ------------------------------------------------------------------------ */

static inline bool is_integer(const struct ctf_value *v)
{
	return v->kind == CTF_VALUE_U64 || v->kind == CTF_VALUE_I64;
}

/* Octal and hexadecimal digits of a negative number: as many as its width has, rounded up. */
static uint64_t digits_of(uint64_t v, uint32_t bits, uint32_t bits_a_digit)
{
	uint32_t rounded = (bits + bits_a_digit - 1) / bits_a_digit * bits_a_digit;

	return rounded < 64 ? v & ((1ull << rounded) - 1) : v;
}

/* Room for it must be there: at most 72 bytes. */
static void put_number(struct writer *w, uint8_t kind, uint32_t bits, const struct ctf_value *v)
{
	switch (kind) {
	case TEXT_OP_UNSIGNED:
		w->at = put_u64(w->at, v->u64);
		break;
	case TEXT_OP_SIGNED:
		w->at = put_i64(w->at, v->i64);
		break;
	case TEXT_OP_HEX:
		put(w, "0x", 2);
		w->at = put_hex(w->at, digits_of(v->u64, bits, 4));
		break;
	case TEXT_OP_OCTAL:
		*w->at++ = '0';
		w->at = put_octal(w->at,
				  v->kind == CTF_VALUE_I64 ? digits_of(v->u64, bits, 3) : v->u64);
		break;
	case TEXT_OP_BINARY:
		put(w, "0b", 2);
		for (uint32_t i = bits < 64 ? bits : 64; i > 0; i--)
			*w->at++ = (char)('0' + (v->u64 >> (i - 1) & 1));
		break;
	default:
		break;
	}
}

static void add_number(struct text_printer *p, struct writer *w, uint8_t kind, uint32_t bits,
		       const struct ctf_value *v)
{
	if (!room(w, 96))
		return;
	put_colour(w, p->colours.number);
	put_number(w, kind, bits, v);
	put_colour(w, p->colours.reset);
}

/* "A" | "B" | 0x40, as babeltrace has it from 2.1 on; false when no bit has a name. */
static bool add_flags(struct text_printer *p, struct writer *w, const struct text_op *op,
		      uint64_t value)
{
	const char *label;
	size_t it = 0, n = 0;

	while ((label = ctf_enum_flag(op->type, &value, &it))) {
		if (n++)
			add(w, " | ", 3);
		add_colour(w, p->colours.label);
		add_quoted(w, label, strlen(label));
		add_colour(w, p->colours.reset);
	}
	if (n && value && room(w, 32)) {
		add(w, " | 0x", 5);
		w->at = put_hex(w->at, value);
	}
	return n > 0;
}

static void add_enum(struct text_printer *p, struct writer *w, const struct text_op *op,
		     const struct ctf_value *v)
{
	const char *label;
	size_t it = 0, n = 0;

	add(w, "( ", 2);
	while ((label = ctf_enum_label(op->type, v->u64, &it))) {
		if (n++)
			add(w, ", ", 2);
		add_colour(w, p->colours.label);
		add_quoted(w, label, strlen(label));
		add_colour(w, p->colours.reset);
	}
	if (!n && !add_flags(p, w, op, v->u64)) {
		add_colour(w, p->colours.unknown);
		add(w, "<unknown>", 9);
		add_colour(w, p->colours.reset);
	}
	add(w, " : container = ", 15);
	add_number(p, w, op->number, op->bits, v);
	add(w, " )", 2);
}

static void add_bytes_hex(struct writer *w, const uint8_t *bytes, size_t len)
{
	if (!room(w, len * 2 + 2))
		return;
	put(w, "0x", 2);
	for (size_t i = 0; i < len; i++) {
		*w->at++ = "0123456789ABCDEF"[bytes[i] >> 4];
		*w->at++ = "0123456789ABCDEF"[bytes[i] & 15];
	}
}

static void add_value(struct text_printer *p, struct writer *w, const struct text_op *op,
		      const struct ctf_values *values, const struct ctf_value *v);

static void add_array(struct text_printer *p, struct writer *w, const struct text_op *op,
		      const struct ctf_values *values, const struct ctf_value *v)
{
	struct ctf_value element;
	const struct ctf_value *e = &element;

	add(w, "[", 1);
	for (uint32_t i = 0; op->n_kids && i < v->count; i++) {
		if (!room(w, 64))
			return;
		if (i)
			*w->at++ = ',';
		*w->at++ = ' ';
		if (op->names) {
			*w->at++ = '[';
			w->at = put_u64(w->at, i);
			put(w, "] = ", 4);
		}
		if (v->kind == CTF_VALUE_LAZY)
			ctf_value_element(v, i, &element);
		else
			e = ctf_value_child(values, v, i);
		add_value(p, w, op->kids, values, e);
	}
	add(w, " ]", 2);
}

static void add_real(struct text_printer *p, struct writer *w, const struct ctf_value *v)
{
	if (!room(w, 64))
		return;
	put_colour(w, p->colours.number);
	w->at += text_put_real(w->at, v->f64);
	put_colour(w, p->colours.reset);
}

static void add_struct(struct text_printer *p, struct writer *w, const struct text_op *op,
		       const struct ctf_values *values, const struct ctf_value *v)
{
	bool plain = !p->opts.colour;

	if (!room(w, op->room_bytes + 8))
		return;
	*w->at++ = '{';
	for (const struct text_op *kid = op->kids; kid < op->kids + op->n_kids; kid++) {
		const struct ctf_value *field = ctf_value_child(values, v, kid->index);

		put_plan(w, kid->prefix, kid->prefix_len);
		if (plain && is_integer(field)) {
			if (kid->kind == TEXT_OP_UNSIGNED) {
				w->at = put_u64(w->at, field->u64);
				continue;
			}
			if (kid->kind == TEXT_OP_SIGNED) {
				w->at = put_i64(w->at, field->i64);
				continue;
			}
			if (kid->kind <= TEXT_OP_BINARY) {
				put_number(w, kid->kind, kid->bits, field);
				continue;
			}
		}
		add_value(p, w, kid, values, field);
		if (!room(w, op->room_bytes + 8))
			return;
	}
	put(w, " }", 2);
}

static void add_value(struct text_printer *p, struct writer *w, const struct text_op *op,
		      const struct ctf_values *values, const struct ctf_value *v)
{
	switch ((enum ctf_value_kind)v->kind) {
	case CTF_VALUE_NONE:
		add(w, "<none>", 6);
		return;
	case CTF_VALUE_WIDE:
		add_bytes_hex(w, v->bytes, (v->type->integer.bits + 7) / 8);
		return;
	case CTF_VALUE_BLOB:
		add_bytes_hex(w, v->bytes, v->count);
		return;
	case CTF_VALUE_TEXT:
		add_colour(w, p->colours.string);
		add_text(w, v);
		add_colour(w, p->colours.reset);
		return;
	case CTF_VALUE_F64:
		add_real(p, w, v);
		return;
	case CTF_VALUE_ARRAY:
	case CTF_VALUE_LAZY:
		if (op->kind == TEXT_OP_ARRAY)
			add_array(p, w, op, values, v);
		return;
	case CTF_VALUE_STRUCT:
		if (op->kind == TEXT_OP_STRUCT)
			add_struct(p, w, op, values, v);
		return;
	case CTF_VALUE_VARIANT:
		if (op->kind != TEXT_OP_VARIANT || v->option >= op->n_kids)
			return;
		add(w, "{ ", 2);
		add_value(p, w, &op->kids[v->option], values, &values->items[v->first]);
		add(w, " }", 2);
		return;
	case CTF_VALUE_U64:
	case CTF_VALUE_I64:
		break;
	}
	if (op->kind == TEXT_OP_OPTIONAL && op->n_kids) {
		add_value(p, w, op->kids, values, v);
	} else if (op->kind == TEXT_OP_BOOL) {
		add_colour(w, p->colours.number);
		add(w, v->u64 ? "true" : "false", v->u64 ? 4 : 5);
		add_colour(w, p->colours.reset);
	} else if (op->kind == TEXT_OP_ENUM) {
		add_enum(p, w, op, v);
	} else {
		add_number(p, w, op->kind, op->bits, v);
	}
}

/* --- time ------------------------------------------------------------------------------ */

/* "2026-11-21 03:" and the minute for the window around a second; false: no such date. */
static bool window_find(struct text_printer *p, int64_t s)
{
	int64_t start = s - s % WINDOW_S;
	time_t time = (time_t)start;
	struct tm tm;
	char *at = p->date_hour;

	p->has_window = false;
	if (!(p->opts.clock_gmt ? gmtime_r(&time, &tm) : localtime_r(&time, &tm)))
		return false;
	if (p->opts.clock_date)
		at += strftime(at, sizeof(p->date_hour) - 4, "%Y-%m-%d ", &tm);
	at = put_2(at, (unsigned)tm.tm_hour);
	*at++ = ':';
	p->date_hour_len = (size_t)(at - p->date_hour);
	p->window_s = start;
	p->window_minute = (unsigned)tm.tm_min;
	p->window_second = (unsigned)tm.tm_sec % 60;
	/* An old zone with odd offsets: its windows may cross the hour; one second is one then. */
	p->has_window = tm.tm_min % 15 == 0 && tm.tm_sec == 0;
	if (!p->has_window) {
		time = (time_t)s;
		p->opts.clock_gmt ? gmtime_r(&time, &tm) : localtime_r(&time, &tm);
		put_2(p->date_hour + p->date_hour_len - 3, (unsigned)tm.tm_hour);
		p->window_s = s;
		p->window_minute = (unsigned)tm.tm_min;
		p->window_second = (unsigned)tm.tm_sec;
	}
	return true;
}

/* Room for 64 bytes must be there. */
static void put_time(struct text_printer *p, struct writer *w, int64_t ns)
{
	bool negative = ns < 0;
	uint64_t abs = negative ? 0 - (uint64_t)ns : (uint64_t)ns;
	int64_t s = (int64_t)(abs / NS_PER_S);
	uint32_t rest = (uint32_t)(abs % NS_PER_S);
	unsigned second;

	if (negative && !p->opts.clock_seconds)
		p->saw_negative_time = true;
	if (p->opts.clock_seconds || negative)
		goto seconds;
	if (!p->has_window || s < p->window_s || s >= p->window_s + WINDOW_S)
		if (!window_find(p, s))
			goto seconds;
	memcpy(w->at, p->date_hour, sizeof(p->date_hour)); /* its length is no constant */
	w->at += p->date_hour_len;
	second = p->window_second + (unsigned)(s - p->window_s);
	w->at = put_2(w->at, p->window_minute + second / 60);
	*w->at++ = ':';
	w->at = put_2(w->at, second % 60);
	goto fraction;
seconds:
	if (negative)
		*w->at++ = '-';
	w->at = put_u64(w->at, (uint64_t)s);
fraction:
	*w->at++ = '.';
	w->at = put_ns(w->at, rest);
}

static void put_delta(struct text_printer *p, struct writer *w)
{
	*w->at++ = '+';
	if (p->opts.clock_cycles) {
		if (p->delta_cycles == UINT64_MAX)
			put_c(w, "????????????");
		else if (p->delta_cycles < 1000000000000ull)
			w->at = put_padded(w->at, p->delta_cycles, 12);
		else
			w->at = put_u64(w->at, p->delta_cycles);
		return;
	}
	if (p->delta_ns == UINT64_MAX) {
		put_c(w, "?.?????????");
		return;
	}
	w->at = put_u64(w->at, p->delta_ns / NS_PER_S);
	*w->at++ = '.';
	w->at = put_ns(w->at, (uint32_t)(p->delta_ns % NS_PER_S));
}

static void remember(struct text_printer *p, const struct ctf_message *m)
{
	if (p->opts.clock_cycles) {
		if (p->last_cycles != UINT64_MAX)
			p->delta_cycles = m->cycles - p->last_cycles;
		p->last_cycles = m->cycles;
	} else if (m->ns != INT64_MIN) {
		if (p->last_ns != UINT64_MAX)
			p->delta_ns = (uint64_t)m->ns - p->last_ns;
		p->last_ns = (uint64_t)m->ns;
	}
}

static void put_event_time(struct text_printer *p, struct writer *w, const struct ctf_message *m)
{
	bool names = p->opts.names & TEXT_NAME_HEADER;

	if (names) {
		put_colour(w, p->colours.name);
		put_c(w, "timestamp");
		put_colour(w, p->colours.reset);
		put_c(w, " = ");
	} else {
		*w->at++ = '[';
	}
	put_colour(w, p->colours.time);
	remember(p, m);
	if (p->opts.clock_cycles)
		w->at = put_padded(w->at, m->cycles, 20);
	else if (m->ns == INT64_MIN)
		put_c(w, "Error");
	else
		put_time(p, w, m->ns);
	put_colour(w, p->colours.reset);
	if (!names)
		put(w, "] ", 2);
	if (p->opts.no_delta)
		return;
	if (names) {
		put_c(w, ", ");
		put_colour(w, p->colours.name);
		put_c(w, "delta");
		put_colour(w, p->colours.reset);
		put_c(w, " = ");
	} else {
		*w->at++ = '(';
	}
	put_delta(p, w);
	if (!names)
		put(w, ") ", 2);
}

/* --- lines ------------------------------------------------------------------------------- */

static void add_scope(struct text_printer *p, struct writer *w, const struct text_op *op,
		      const struct ctf_values *values, const struct ctf_value *v)
{
	if (!op || !v || v->kind != CTF_VALUE_STRUCT || !room(w, op->prefix_len))
		return;
	put_plan(w, op->prefix, op->prefix_len);
	add_struct(p, w, op, values, v);
}

static void add_packet_context(struct text_printer *p, struct writer *w,
			       const struct text_class *class, const struct ctf_message *m)
{
	const struct text_op *op = class->scopes[TEXT_SCOPE_PACKET_CONTEXT];
	struct text_packet *packet;

	if (!op || !m->packet_context)
		return;
	packet = text_packet_of(p, m);
	if (!packet) {
		w->out->failed = true;
		return;
	}
	if (!packet->line.len) {
		struct writer line;

		if (!writer_begin(&line, &packet->line))
			return;
		add_scope(p, &line, op, m->packet_values, m->packet_context);
		writer_end(&line);
	}
	add(w, str_c(&packet->line), packet->line.len);
}

static void add_log(struct text_printer *p, struct writer *w, const struct text_class *class,
		    const struct ctf_message *m)
{
	const struct text_op *op = class->scopes[TEXT_SCOPE_EVENT_PAYLOAD];

	str_reset(&p->log);
	log_format(&p->log, class->log_format, m->values, m->payload);
	add(w, op->prefix, op->prefix_len);
	add(w, "{ ", 2);
	if (op->names) {
		add_colour(w, p->colours.field);
		add(w, "msg", 3);
		add_colour(w, p->colours.reset);
		add(w, " = ", 3);
	}
	add_colour(w, p->colours.string);
	add_quoted(w, str_c(&p->log), p->log.len);
	add_colour(w, p->colours.reset);
	add(w, " }", 2);
}

void text_event(struct text_printer *p, const struct text_class *class, struct str *out,
		const struct ctf_message *m)
{
	struct text_op *const *scopes = class->scopes;
	struct writer w;

	if (!writer_begin(&w, out))
		return;
	if (class->has_clock)
		put_event_time(p, &w, m);
	if (room(&w, class->head_len))
		put_plan(&w, class->head, class->head_len);
	add_packet_context(p, &w, class, m);
	add_scope(p, &w, scopes[TEXT_SCOPE_EVENT_COMMON_CONTEXT], m->values, m->common_context);
	add_scope(p, &w, scopes[TEXT_SCOPE_EVENT_CONTEXT], m->values, m->context);
	if (class->log_format && scopes[TEXT_SCOPE_EVENT_PAYLOAD] && m->payload)
		add_log(p, &w, class, m);
	else
		add_scope(p, &w, scopes[TEXT_SCOPE_EVENT_PAYLOAD], m->values, m->payload);
	add(&w, "\n", 1);
	writer_end(&w);
}

/* "[time] and [time]": always of the day, whatever the clock options but date, zone and seconds */
static void add_discarded_range(struct text_printer *p, struct str *out,
				const struct ctf_message *m)
{
	struct writer w;

	if (!writer_begin(&w, out))
		return;
	put_c(&w, "between [");
	put_time(p, &w, m->ns);
	put_c(&w, "] and [");
	put_time(p, &w, m->end_ns);
	*w.at++ = ']';
	writer_end(&w);
}

static void add_uuid(struct str *out, const uint8_t uuid[16])
{
	for (int i = 0; i < 16; i++)
		str_addf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

void text_discarded(struct text_printer *p, struct str *out, const struct ctf_message *m)
{
	const char *yellow = p->opts.colour ? "\033[33m" : "", *reset = p->colours.reset;
	const char *what = m->kind == CTF_MESSAGE_DISCARDED_EVENTS ? "event" : "packet";
	const struct ctf_trace_class *tc = m->stream->trace->class;

	str_addf(out, "%s%sWARNING%s%s: ", yellow, p->opts.colour ? "\033[1m" : "", reset, yellow);
	if (m->has_count)
		str_addf(out, "Tracer discarded %" PRIu64 " %s%s ", m->count, what,
			 m->count == 1 ? "" : "s");
	else
		str_addf(out, "Tracer may have discarded %ss ", what);
	if (m->has_time)
		add_discarded_range(p, out, m);
	else
		str_add(out, "(unknown time range)");
	str_add(out, " in trace \"");
	text_trace_name(p, m->stream->trace, out);
	str_add(out, "\" ");
	if (tc->has_uuid) {
		str_add(out, "(UUID: ");
		add_uuid(out, tc->uuid);
		str_add(out, ") ");
	} else {
		str_add(out, "(no UUID) ");
	}
	str_addf(out,
		 "within stream \"%s\" (stream class ID: %" PRIu64 ", stream ID: %" PRIu64 ").%s\n",
		 m->stream->name, m->stream->class->id, ctf_stream_id(m->stream), reset);
}
