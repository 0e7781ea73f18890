/* SPDX-License-Identifier: MIT */
/*
 * cursor.c - the events of one packet. The usual forms of event header are
 * read by two loads and a mask; events of fixed size are stepped over by one
 * addition; the rest runs its plan.
 */
#include "ctf/plan.h"
#include "ctf/reader.h"
#include "ctf/step.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#define PAGE_BYTES 4096u

void ctf_cursor_init(struct ctf_cursor *c, const struct ctf_stream *s, enum ctf_want want)
{
	memset(c, 0, sizeof(*c));
	c->stream = s;
	c->plan = s->plans[want];
	c->want = want;
	c->window_end = UINT64_MAX;
}

/* --- memory ------------------------------------------------------------------- */

static const uint8_t *page_of(const uint8_t *p)
{
	return (const uint8_t *)((uintptr_t)p & ~(uintptr_t)(PAGE_BYTES - 1));
}

/* Lets go of all pages before `to`. */
static void let_go(struct ctf_cursor *c, const uint8_t *to)
{
	if (to > c->window_begin && c->window_begin)
		madvise((void *)c->window_begin, (size_t)(to - c->window_begin), MADV_DONTNEED);
	c->window_begin = to;
}

void ctf_cursor_limit(struct ctf_cursor *c, size_t bytes)
{
	c->window_bytes = bytes < 16 * PAGE_BYTES ? 16 * PAGE_BYTES : bytes;
}

/* The window's end, in bits of the packet; the file's end is no reason to look up. */
static void set_window_end(struct ctf_cursor *c, const struct ctf_packet *packet)
{
	const struct span *file = &c->stream->trace->files[packet->file].bytes;

	c->window_end = c->window_stop == file->data + file->len
				? UINT64_MAX
				: (uint64_t)(c->window_stop - packet->data) * 8;
}

/* The window moves on to where the cursor is. One call maps all of it in. */
static __attribute__((noinline)) void move_window(struct ctf_cursor *c)
{
	const uint8_t *at = c->bits.data + c->bits.at / 8;
	const struct span *file = &c->stream->trace->files[c->packet->file].bytes;
	size_t left = (size_t)(file->data + file->len - at);

	let_go(c, page_of(at));
	c->window_stop = at + (left < c->window_bytes ? left : c->window_bytes);
	madvise((void *)c->window_begin, (size_t)(c->window_stop - c->window_begin),
		MADV_POPULATE_READ);
	set_window_end(c, c->packet);
}

/* A packet that follows on the one before it is of the same window. */
static void enter_window(struct ctf_cursor *c, const struct ctf_packet *packet)
{
	if (!c->window_bytes || !c->stream->trace->files[packet->file].is_mapped) {
		c->window_end = UINT64_MAX;
		return;
	}
	if (packet->data >= c->window_begin && packet->data < c->window_stop) {
		set_window_end(c, packet);
		return;
	}
	let_go(c, c->window_stop ? page_of(c->window_stop) : NULL);
	c->window_begin = c->window_stop = page_of(packet->data);
	c->window_end = 0;
}

void ctf_cursor_fini(struct ctf_cursor *c)
{
	if (!c)
		return;
	if (c->window_stop)
		let_go(c, c->window_stop);
	ctf_values_fini(&c->packet_values);
	ctf_values_fini(&c->values);
}

int ctf_cursor_enter(struct ctf_cursor *c, const struct ctf_packet *packet)
{
	const struct ctf_stream_plan *plan = c->plan;
	struct ctf_bits bits = {.data = packet->data, .end = packet->content_bits};
	uint32_t n_registers = plan->n_registers;
	if (c->stream->plans[CTF_WANT_NONE]->n_registers > n_registers) /* of stepping */
		n_registers = c->stream->plans[CTF_WANT_NONE]->n_registers;
	int rc = ctf_values_prepare(&c->packet_values, plan->packet.n_values, plan->n_registers);
	if (!rc)
		rc = ctf_values_prepare(&c->values, 32, n_registers);
	if (rc)
		return rc;
	enter_window(c, packet);
	c->packet = packet;
	c->packet_values.len = c->packet_values.scratch_len = 0;
	/* Without a time of its own, a packet goes on from the one before it. */
	c->packet_values.cycles = packet->has_begin ? packet->entry_cycles : c->cycles;
	rc = ctf_plan_run(&plan->packet, &bits, &c->packet_values);
	if (rc)
		return rc;
	for (uint32_t i = 0; i < plan->n_registers; i++)
		c->values.registers[i] = c->packet_values.registers[i];
	c->values.cycles = c->cycles = c->packet_values.cycles;
	c->values.event_id = 0;
	c->has_cycles = c->stream->class->default_clock;
	c->bits = bits;
	c->event = NULL;
	return 0;
}

static inline uint64_t load64(const uint8_t *data, uint32_t bit_offset, unsigned bits)
{
	uint64_t v;
	memcpy(&v, data + bit_offset / 8, sizeof(v));
	v >>= bit_offset % 8;
	return bits >= 64 ? v : v & ((UINT64_C(1) << bits) - 1);
}

/* False: too near to the content's end, or of another form. */
static inline bool fast_header(struct ctf_cursor *c, const struct ctf_stream_plan *plan)
{
	const struct ctf_fast_header *fast = &plan->fast;
	const struct ctf_fast_form *form = &fast->form;
	struct ctf_values *v = &c->values;
	uint64_t at = (c->bits.at + fast->align - 1) & ~(uint64_t)(fast->align - 1);
	/* Loads take eight bytes, whatever the width. */
	if (!fast->usable || at % 8 || at > c->bits.end || c->bits.end - at < fast->reach_bits)
		return false;
	const uint8_t *p = c->bits.data + at / 8;
	__builtin_prefetch(p + 1024);
	uint64_t id = form->id_bits ? load64(p, form->id_offset, form->id_bits) : 0;
	if (fast->has_extended && id == fast->extended_id) {
		form = &fast->extended;
		id = load64(p, form->id_offset, form->id_bits);
	}
	v->event_id = id;
	if (form->clock_bits) {
		uint64_t clock = load64(p, form->clock_offset, form->clock_bits);
		if (form->clock_bits < 64) {
			uint64_t mask = (UINT64_C(1) << form->clock_bits) - 1;
			if (clock < (v->cycles & mask))
				v->cycles += mask + 1;
			clock |= v->cycles & ~mask;
		}
		v->cycles = clock;
	}
	c->bits.at = at + form->total_bits;
	return true;
}

/* Contexts and payload. */
static inline int read_body(struct ctf_cursor *c, const struct ctf_plan *body)
{
	if (body->fixed_bits != UINT64_MAX) {
		uint64_t at = (c->bits.at + body->align - 1) & ~(uint64_t)(body->align - 1);
		if (at > c->bits.end || body->fixed_bits > c->bits.end - at)
			return -ENODATA;
		c->bits.at = at + body->fixed_bits;
		return 0;
	}
	if (body->is_flat)
		return ctf_plan_skip(body->ops, &c->bits, c->values.registers);
	return ctf_plan_run(body, &c->bits, &c->values);
}

/* Where the roots of the newest event lie in its values. */
static void set_roots(struct ctf_cursor *c, const struct ctf_plan *body, uint32_t event_base)
{
	memcpy(c->root, body->root, sizeof(c->root));
	if (!event_base)
		return;
	for (int s = 0; s < CTF_N_SCOPES; s++)
		c->root[s] += c->root[s] < 0 ? 0 : (int32_t)event_base;
	c->root[CTF_SCOPE_EVENT_HEADER] = c->plan->header.root[CTF_SCOPE_EVENT_HEADER];
}

/* One event: header, class, contexts and payload. 0, or negative errno. */
static inline int read_event(struct ctf_cursor *c)
{
	const struct ctf_stream_plan *plan = c->plan;
	struct ctf_values *v = &c->values;
	uint64_t start = c->bits.at;
	v->len = v->scratch_len = 0;
	if (!fast_header(c, plan)) {
		int rc = ctf_plan_run(&plan->header, &c->bits, v);
		if (rc)
			return rc;
	}
	uint32_t event_base = (uint32_t)v->len;
	uint64_t id = v->event_id;
	const struct ctf_event_class *ec;
	if (__builtin_expect(id < plan->n_ids && plan->by_id[id], 1))
		ec = plan->class->events[plan->by_id[id] - 1];
	else
		ec = ctf_stream_plan_event(plan, id);
	if (__builtin_expect(!ec, 0)) {
		c->bits.at = start;
		return -ENOENT;
	}
	const struct ctf_plan *body = &plan->events[ec->index];
	int rc = read_body(c, body);
	if (__builtin_expect(rc, 0))
		return rc;
	if (c->bits.at == start)
		return -ELOOP;
	c->event = ec;
	c->event_bits = start;
	c->cycles = v->cycles;
	if (c->want != CTF_WANT_NONE)
		set_roots(c, body, event_base);
	return 0;
}

int ctf_cursor_next(struct ctf_cursor *c)
{
	if (c->bits.at >= c->bits.end)
		return 0;
	if (c->bits.at >= c->window_end)
		move_window(c);
	int rc = read_event(c);
	return rc ? rc : 1;
}

int ctf_cursor_count(struct ctf_cursor *c, uint64_t *events)
{
	uint64_t n = 0;
	int rc;
	do
		n += ctf_step_count(c);
	while ((rc = ctf_cursor_next(c)) > 0 && ++n);
	*events += n;
	return rc;
}

/* The newest event has the numbers that are watched; else they are its. */
static bool is_as_watched(const struct ctf_cursor *c, struct ctf_watch *w)
{
	const struct ctf_value *context = &c->values.items[c->root[CTF_SCOPE_EVENT_COMMON_CONTEXT]];
	bool same = true;
	for (int k = 0; k < 2; k++) {
		uint64_t v = ctf_value_child(&c->values, context, w->fields[k])->u64;
		same &= v == w->values[k];
		w->values[k] = v;
	}
	return same;
}

int ctf_cursor_tally(struct ctf_cursor *c, struct ctf_tally *by_class, struct ctf_watch *watch)
{
	for (;;) {
		if (ctf_step_tally(c, by_class, watch))
			return 1;
		uint64_t start = c->bits.at, cycles = c->values.cycles;
		int rc = ctf_cursor_next(c);
		if (rc <= 0)
			return rc;
		if (watch && !is_as_watched(c, watch)) {
			c->bits.at = start;
			c->values.cycles = cycles;
			return 1;
		}
		struct ctf_tally *t = &by_class[c->event->index];
		if (watch)
			watch->events++;
		t->events++;
		t->bits += c->bits.at - c->event_bits;
	}
}

void ctf_cursor_explain(const struct ctf_cursor *c, int error, struct diag *diag)
{
	const struct ctf_packet *p = c->packet;
	struct diag_place place = {.file = c->stream->trace->files[p->file].name,
				   .offset = p->offset + c->bits.at / 8,
				   .has_offset = 1};
	if (error == -ENOENT)
		diag_error(diag, &place,
			   "packet %" PRIu32 ": the event id %" PRIu64 " is not in the metadata",
			   p->number, c->values.event_id);
	else
		diag_error(diag, &place,
			   "packet %" PRIu32 ": an event near bit %" PRIu64
			   " of the packet cannot be read: %s",
			   p->number, c->bits.at,
			   p->is_cut && error == -ENODATA ? "the file ends in the middle of it"
							  : ctf_decode_error(error));
}

int ctf_trace_count(struct ctf_trace *t, uint64_t *events, struct diag *diag)
{
	int failed = 0;
	*events = 0;
	for (size_t i = 0; i < t->n_streams; i++) {
		const struct ctf_stream *s = &t->streams[i];
		struct ctf_cursor c;
		int rc = 0;
		ctf_cursor_init(&c, s, CTF_WANT_NONE);
		for (size_t j = 0; !rc && j < s->n_packets; j++) {
			rc = ctf_cursor_enter(&c, &s->packets[j]);
			if (!rc)
				rc = ctf_cursor_count(&c, events);
		}
		if (rc && rc != -ENOMEM) {
			ctf_cursor_explain(&c, rc, diag);
			failed = -EBADMSG;
		}
		ctf_cursor_fini(&c);
		if (rc == -ENOMEM)
			return rc;
	}
	return t->is_damaged ? -EBADMSG : failed;
}
