/* SPDX-License-Identifier: MIT */
/*
 * step.c - see step.h. One loop, inlined three times for what is asked of it.
 *
 * What an event costs here is a chain of two loads (its id, and its class's
 * size) from one event to the next; clock, tally and tests hang off it and
 * run beside.
 */
#include "ctf/step.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum { PREFETCH_BYTES = 1024 };

static inline uint64_t load64(const uint8_t *p, uint32_t bit_offset, unsigned bits)
{
	uint64_t v;

	memcpy(&v, p + bit_offset / 8, sizeof(v));
	v = le64toh(v) >> bit_offset % 8;
	return bits >= 64 ? v : v & ((UINT64_C(1) << bits) - 1);
}

/* A clock of few bits that went on since `then`, and wrapped once at most. */
static inline uint64_t unwrap(uint64_t value, unsigned bits, uint64_t then)
{
	if (bits >= 64)
		return value;
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	uint64_t now = (then & ~mask) | value;
	return now + (now < then ? mask + 1 : 0);
}

/* The eight bytes from there on must be readable. */
static inline uint64_t tap_read(const struct ctf_tap *tap, const uint8_t *data, uint64_t body)
{
	uint64_t at = body + tap->offset, v;

	memcpy(&v, data + at / 8, sizeof(v));
	if (tap->is_big_endian)
		v = be64toh(v) << at % 8 >> (64 - tap->bits);
	else
		v = le64toh(v) >> at % 8;
	if (tap->bits < 64) {
		unsigned shift = 64 - tap->bits;
		v <<= shift;
		v = tap->is_signed ? (uint64_t)((int64_t)v >> shift) : v >> shift;
	}
	return v;
}

static inline bool passes(const struct ctf_sieve_class *class, const uint8_t *data, uint64_t body)
{
	for (uint32_t i = 0; i < class->n_tests; i++) {
		const struct ctf_sieve_test *t = &class->tests[i];
		if ((tap_read(&t->tap, data, body) - t->lo <= t->span) == t->is_negated)
			return false;
	}
	return true;
}

/* True: stopped at an event that the sieve wants, or with other numbers than the watch's. */
static inline __attribute__((always_inline)) bool walk(struct ctf_cursor *c, uint64_t *count,
						       struct ctf_tally *tally,
						       struct ctf_watch *watch,
						       const struct ctf_sieve *sieve)
{
	const struct ctf_stream_plan *plan = c->plan;
	const struct ctf_fast_header fast = plan->fast;
	/* That plan keeps nothing: what it steps over is of fixed size, or flat. */
	const struct ctf_step *steps = c->stream->plans[CTF_WANT_NONE]->steps;
	const uint8_t *data = c->bits.data;
	uint64_t at = c->bits.at, end = c->bits.end, n_ids = plan->n_ids, n = 0;
	uint64_t stop = c->window_end < end ? c->window_end : end;
	uint64_t cycles = c->values.cycles;
	bool stopped = false;

	if (!fast.usable || !fast.form.id_bits || fast.align < 8 || end < fast.reach_bits)
		return false;
	for (uint64_t last = end - fast.reach_bits;; n++) {
		uint64_t start = (at + fast.align - 1) & ~(uint64_t)(fast.align - 1);
		if (start > last || at >= stop)
			break;
		const uint8_t *p = data + start / 8;
		__builtin_prefetch(p + PREFETCH_BYTES); /* pages end the hardware's own run */
		uint64_t id = load64(p, fast.form.id_offset, fast.form.id_bits);
		uint64_t body = start + fast.form.total_bits, next, now = cycles;
		if (fast.has_extended && id == fast.extended_id) {
			id = load64(p, fast.extended.id_offset, fast.extended.id_bits);
			body = start + fast.extended.total_bits;
			if (fast.extended.clock_bits)
				now = unwrap(load64(p, fast.extended.clock_offset,
						    fast.extended.clock_bits),
					     fast.extended.clock_bits, cycles);
		} else if (fast.form.clock_bits) {
			now = unwrap(load64(p, fast.form.clock_offset, fast.form.clock_bits),
				     fast.form.clock_bits, cycles);
		}
		if (id >= n_ids)
			break;
		const struct ctf_step *step = &steps[id];
		if (sieve && now >= sieve->begin_cycles) {
			const struct ctf_sieve_class *class = &sieve->classes[step->class];
			uint64_t from = (body + step->align - 1) & ~(uint64_t)(step->align - 1);
			if (!class->is_hidden && (from > end || class->reach_bits > end - from ||
						  passes(class, data, from))) {
				stopped = true;
				break;
			}
		}
		if (watch) {
			uint64_t from = (body + step->align - 1) & ~(uint64_t)(step->align - 1);
			if (from > end || watch->reach_bits > end - from)
				break;
			uint64_t a = tap_read(&watch->taps[0], data, from);
			uint64_t b = tap_read(&watch->taps[1], data, from);
			if (a != watch->values[0] || b != watch->values[1]) {
				watch->values[0] = a;
				watch->values[1] = b;
				stopped = true;
				break;
			}
		}
		if (step->bits != UINT32_MAX) {
			body = (body + step->align - 1) & ~(uint64_t)(step->align - 1);
			if (body > end || step->bits > end - body)
				break;
			next = body + step->bits;
		} else {
			/* On an error the event is read again, to be explained. */
			struct ctf_bits bits = {data, body, end};
			if (!step->flat || ctf_plan_skip(step->flat, &bits, c->values.registers))
				break;
			next = bits.at;
		}
		if (next == at)
			break;
		if (tally) {
			tally[step->class].events++;
			tally[step->class].bits += next - at;
		}
		cycles = now;
		at = next;
	}
	c->bits.at = at;
	c->values.cycles = c->cycles = cycles;
	if (count)
		*count = n;
	return stopped;
}

uint64_t ctf_step_count(struct ctf_cursor *c)
{
	uint64_t n = 0;
	walk(c, &n, NULL, NULL, NULL);
	return n;
}

bool ctf_step_tally(struct ctf_cursor *c, struct ctf_tally *by_class, struct ctf_watch *watch)
{
	if (watch) {
		uint64_t n = 0;
		bool stopped = walk(c, &n, by_class, watch, NULL);
		watch->events += n;
		return stopped;
	}
	return walk(c, NULL, by_class, NULL, NULL);
}

void ctf_step_unwanted(struct ctf_cursor *c, const struct ctf_sieve *sieve)
{
	walk(c, NULL, NULL, NULL, sieve);
}

/* --- what is watched ------------------------------------------------------------ */

bool ctf_watch_init(struct ctf_watch *w, const struct ctf_stream *s, uint32_t a, uint32_t b)
{
	const struct ctf_stream_plan *plan = s->plans[CTF_WANT_FIELDS];
	const uint32_t fields[2] = {a, b};

	*w = (struct ctf_watch){.fields = {a, b}};
	for (size_t i = 0; i < s->class->n_events; i++)
		for (int k = 0; k < 2; k++) {
			struct ctf_tap tap = {0};
			if (!ctf_stream_plan_tap(plan, i, CTF_SCOPE_EVENT_COMMON_CONTEXT, fields[k],
						 &tap) ||
			    (i && tap.offset != w->taps[k].offset))
				return false;
			w->taps[k] = tap;
			if (w->reach_bits < tap.offset + 128)
				w->reach_bits = tap.offset + 128;
		}
	return s->class->n_events;
}

/* --- the sieve ------------------------------------------------------------------- */

static void compile_class(struct ctf_sieve_class *out, const struct ctf_stream_plan *plan,
			  const struct ctf_event_class *ec, const struct ctf_wish *wish)
{
	out->is_hidden = wish->is_hidden;
	for (uint32_t i = 0; i < wish->n_tests; i++) {
		const struct ctf_test *t = &wish->tests[i];
		struct ctf_sieve_test *s = &out->tests[out->n_tests];
		if (!ctf_stream_plan_tap(plan, ec->index, t->scope, t->field, &s->tap))
			continue; /* only a decoder finds it */
		s->is_negated = t->is_negated;
		s->lo = t->lo;
		s->span = t->hi - t->lo;
		if (s->tap.offset + 128 > out->reach_bits)
			out->reach_bits = s->tap.offset + 128;
		out->n_tests++;
	}
}

int ctf_sieve_new(struct ctf_sieve *s, struct arena *a, const struct ctf_stream_plan *plan,
		  ctf_wish_fn *wish, void *data)
{
	size_t n = plan->class->n_events;

	memset(s, 0, sizeof(*s));
	s->classes = arena_array(a, n ? n : 1, sizeof(*s->classes));
	if (!s->classes)
		return -ENOMEM;
	for (size_t i = 0; wish && i < n; i++) {
		struct ctf_wish w = {0};
		wish(data, plan->class->events[i], &w);
		compile_class(&s->classes[i], plan, plan->class->events[i], &w);
		s->is_needed |= s->classes[i].is_hidden || s->classes[i].n_tests;
	}
	return 0;
}
