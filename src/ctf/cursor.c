/* SPDX-License-Identifier: MIT */
/*
 * cursor.c - the events of one packet. The usual forms of event header are
 * read by two loads and a mask; events of fixed size are stepped over by one
 * addition; the rest runs its plan.
 */
#include "ctf/plan.h"
#include "ctf/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

void ctf_cursor_init(struct ctf_cursor *c, const struct ctf_stream *s, enum ctf_want want)
{
	memset(c, 0, sizeof(*c));
	c->stream = s;
	c->plan = s->plans[want];
	c->want = want;
}

void ctf_cursor_fini(struct ctf_cursor *c)
{
	if (!c)
		return;
	ctf_values_fini(&c->packet_values);
	ctf_values_fini(&c->values);
}

int ctf_cursor_enter(struct ctf_cursor *c, const struct ctf_packet *packet)
{
	const struct ctf_stream_plan *plan = c->plan;
	struct ctf_bits bits = {.data = packet->data, .end = packet->content_bits};
	int rc = ctf_values_prepare(&c->packet_values, plan->packet.n_values, plan->n_registers);
	if (!rc)
		rc = ctf_values_prepare(&c->values, 32, plan->n_registers);
	if (rc)
		return rc;
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
	int rc = read_event(c);
	return rc ? rc : 1;
}

/* Steps over events of the usual forms, as many as there are in a row. */
static uint64_t count_simple(struct ctf_cursor *c)
{
	const struct ctf_stream_plan *plan = c->plan;
	const struct ctf_fast_header fast = plan->fast;
	const struct ctf_step *steps = plan->steps;
	const uint8_t *data = c->bits.data;
	uint64_t at = c->bits.at, end = c->bits.end, n_ids = plan->n_ids, n = 0;
	if (end < fast.reach_bits || fast.align < 8)
		return 0;
	for (uint64_t last = end - fast.reach_bits;; n++) {
		uint64_t start = (at + fast.align - 1) & ~(uint64_t)(fast.align - 1);
		if (start > last)
			break;
		const uint8_t *p = data + start / 8;
		uint32_t header_bits = fast.form.total_bits;
		uint64_t id = load64(p, fast.form.id_offset, fast.form.id_bits);
		if (fast.has_extended && id == fast.extended_id) {
			id = load64(p, fast.extended.id_offset, fast.extended.id_bits);
			header_bits = fast.extended.total_bits;
		}
		if (id >= n_ids)
			break;
		const struct ctf_step *step = &steps[id];
		if (step->bits != UINT32_MAX) {
			uint64_t body = (start + header_bits + step->align - 1) &
					~(uint64_t)(step->align - 1);
			if (body > end || step->bits > end - body || body + step->bits == at)
				break;
			at = body + step->bits;
			continue;
		}
		/* On an error the event is read again, to be explained. */
		struct ctf_bits bits = {data, start + header_bits, end};
		if (!step->flat || ctf_plan_skip(step->flat, &bits, c->values.registers) ||
		    bits.at == at)
			break;
		at = bits.at;
	}
	c->bits.at = at;
	return n;
}

int ctf_cursor_count(struct ctf_cursor *c, uint64_t *events)
{
	uint64_t n = 0;
	int rc = 0;
	bool is_simple = c->plan->fast.usable && c->plan->fast.form.id_bits;
	while (c->bits.at < c->bits.end) {
		if (is_simple)
			n += count_simple(c);
		if (c->bits.at >= c->bits.end || (rc = read_event(c)))
			break;
		n++;
	}
	*events += n;
	return rc;
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
