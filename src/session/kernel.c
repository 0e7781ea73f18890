/* SPDX-License-Identifier: MIT */
/*
 * copy_records runs once an event and is the recorder's main cost: what is
 * known of an event and of the clock is made ready for it.
 *
 * A round looks at all rings first, and then at the clock: so every record of
 * the round lies before the newest anchor, and its time between two of them.
 */
#include "session/kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "session/buffers.h"
#include "session/kernel-classes.h"

enum {
	BUFFER_BYTES = 256 << 10,
	/* Packets end here, unless that would part an interrupt's records from those around it. */
	PACKET_BYTES = BUFFER_BYTES - (8 << 10),
	BUFFERS_BYTES_MOST = 64 << 20,
	CONSUME_BYTES = 64 << 10, /* that the ring has back at a time */
	COPY_BYTES = 32, /* records are copied in pieces of this */
	WAIT_LONGEST_MS = 20,
};

struct event {
	/* id and size, as in records; 0 when the size varies, or a look at the event is needed */
	uint32_t word;
	bool is_declared; /* in the trace's metadata */
	struct kernel_class class;
	struct filter_bound *bound; /* NULL: no filter */
};

/* ns of CLOCK_MONOTONIC to ticks, between two anchors. */
struct conversion {
	bool is_needed;
	struct clock_anchor from, to;
	uint64_t ticks_per_ns; /* 32.32 */
	uint64_t ticks_per_ns_before; /* of all time until `from` */
};

struct stream {
	uint32_t cpu;
	struct span span; /* of this round, that is left */
	uint64_t lost_seen;
	uint64_t lost; /* that no packet has yet */
	uint64_t lost_behind; /* behind the span */

	uint8_t *buffer; /* of the packet that is being filled; NULL: none */
	uint32_t used, content; /* bytes behind the head; without the padding behind the last */
	uint32_t group; /* place of the last record in order: later ones may belong before it */
	uint64_t events, begin;
	uint64_t last; /* ticks of the newest record */
	uint64_t before; /* of the one in front of the group */
	uint64_t floor; /* of the last packet's end */
};

struct kernel {
	struct kern *kern;
	struct model *model;
	struct kernel_options options;
	struct kernel_naming naming;
	struct arena arena;
	struct event *events; /* by id */
	size_t n_events;
	struct ctf_stream_class *class; /* NULL: nothing was seen yet */
	struct ctf_stream_class *shadow; /* that the filter is bound to; not in the trace */
	struct buffers *buffers;
	struct stream *streams;
	unsigned n_streams, at;
	bool in_round;
	struct conversion clock;
	uint64_t round_ns, wait_ns, missed_seen;
	struct kernel_totals totals;
};

/* --- new ------------------------------------------------------------------ */

static int bind_filter(struct kernel *k, struct event *e)
{
	struct ctf_event_class *ec;

	if (!k->options.filter)
		return 0;
	ec = ctf_event_class_add(k->shadow, e->class.event->id, e->class.name);
	if (!ec)
		return -ENOMEM;
	ec->payload = e->class.payload;
	return filter_bind(&e->bound, k->options.filter, ec,
			   FILTER_GIVEN(FILTER_PID) | FILTER_GIVEN(FILTER_TID) |
				   FILTER_GIVEN(FILTER_CPU) | FILTER_GIVEN(FILTER_TIMESTAMP),
			   &k->arena);
}

static int add_events(struct kernel *k, struct diag *diag)
{
	const struct kern_event *list = kern_events(k->kern, &k->n_events);
	struct ctf_trace_class *tc = ctf_trace_class_new(&k->arena, 1, 8, CTF_LITTLE_ENDIAN);
	int err = 0;

	k->shadow = tc ? ctf_stream_class_add(tc, 0) : NULL;
	k->events = arena_array(&k->arena, k->n_events + 1, sizeof(*k->events));
	if (!k->events || !k->shadow)
		return -ENOMEM;
	k->shadow->event_context = kernel_event_context(&k->arena);
	for (size_t i = 0; i < k->n_events && !err; i++) {
		struct event *e = &k->events[i];

		err = list[i].id == i
			      ? kernel_class_init(&e->class, &list[i], &k->naming, &k->model->arena)
			      : -EINVAL;
		if (err == -EINVAL)
			diag_error(diag, NULL, "%s: its fields cannot be described", list[i].name);
		if (!err)
			err = bind_filter(k, e);
	}
	return err;
}

int kernel_new(struct kernel **out, struct kern *kern, struct model *model,
	       const struct kernel_options *options, struct diag *diag)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int err;

	*out = k;
	if (!k)
		return -ENOMEM;
	k->kern = kern;
	k->model = model;
	k->options = *options;
	k->naming = (struct kernel_naming){model->wants.lttng_names, model->wants.ctf_major};
	k->n_streams = kern_streams(kern);
	k->streams = calloc(k->n_streams + 1, sizeof(*k->streams));
	for (unsigned i = 0; k->streams && i < k->n_streams; i++)
		k->streams[i].cpu = kern_stream_cpu(kern, i);
	k->round_ns = clock_monotonic_ns();
	k->clock.is_needed = model->use_tsc;
	clock_anchor_take(&k->clock.to, model->use_tsc);
	err = k->streams ? buffers_new(&k->buffers, BUFFER_BYTES,
				       BUFFERS_BYTES_MOST / BUFFER_BYTES + 2 * (size_t)k->n_streams)
			 : -ENOMEM;
	if (!err)
		err = add_events(k, diag);
	if (err == -ENOMEM)
		diag_error(diag, NULL, "no memory");
	return err;
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	for (unsigned i = 0; k->streams && i < k->n_streams; i++)
		buffers_give(k->buffers, k->streams[i].buffer);
	for (size_t i = 0; k->events && i < k->n_events; i++)
		if (k->events[i].bound)
			filter_bound_fini(k->events[i].bound);
	buffers_free(k->buffers);
	free(k->streams);
	arena_fini(&k->arena);
	free(k);
}

/* --- metadata ------------------------------------------------------------- */

static int declare_stream(struct kernel *k)
{
	struct model *m = k->model;
	struct ctf_stream_class *sc;
	int err = model_start(m);

	if (err)
		return err;
	sc = model_add_stream(m, kernel_packet_context(&m->arena, m->clock),
			      kernel_event_context(&m->arena));
	if (!sc)
		return -ENOMEM;
	k->class = sc;
	return ctf_metadata_write_stream(&m->text, sc, m->format);
}

/* An event is in the metadata once there is one. */
static int declare(struct kernel *k, struct event *e)
{
	struct ctf_event_class *ec;
	int err = k->class ? 0 : declare_stream(k);

	if (err)
		return err;
	ec = ctf_event_class_add(k->class, e->class.event->id, e->class.name);
	if (!ec)
		return -ENOMEM;
	ec->payload = e->class.payload;
	e->is_declared = true;
	if (!e->class.n_steps && !e->bound)
		e->word = e->class.event->id | (KERN_RECORD_HEAD + e->class.least) << 16;
	return ctf_metadata_write_event(&k->model->text, ec, k->model->format);
}

/* --- the clock ------------------------------------------------------------ */

static uint64_t fixed_ratio(uint64_t ticks, uint64_t ns)
{
	return ns ? (uint64_t)(((unsigned __int128)ticks << 32) / ns) : 0;
}

static void clock_advance(struct kernel *k)
{
	struct conversion *c = &k->clock;
	const struct clock_anchor *first = &k->model->anchors.items[0];

	if (!c->is_needed)
		return;
	c->from = c->to;
	clock_anchor_take(&c->to, true);
	c->ticks_per_ns =
		fixed_ratio(c->to.ticks - c->from.ticks, c->to.monotonic_ns - c->from.monotonic_ns);
	c->ticks_per_ns_before =
		fixed_ratio(c->to.ticks - first->ticks, c->to.monotonic_ns - first->monotonic_ns);
}

static uint64_t scaled(uint64_t ns, uint64_t ratio)
{
	return (uint64_t)((unsigned __int128)ns * ratio >> 32);
}

static inline uint64_t ticks_of(const struct conversion *c, uint64_t ns)
{
	if (!c->is_needed)
		return ns;
	if (ns >= c->from.monotonic_ns)
		return c->from.ticks + scaled(ns - c->from.monotonic_ns, c->ticks_per_ns);
	/* it lay in its ring for more than a round */
	return c->from.ticks - scaled(c->from.monotonic_ns - ns, c->ticks_per_ns_before);
}

/* --- records -------------------------------------------------------------- */

static uint8_t *body(const struct stream *s)
{
	return s->buffer + PACKET_KERNEL_HEAD;
}

static uint32_t load_word(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, 4);
	return word;
}

static uint64_t load_time(const uint8_t *record)
{
	uint64_t time;

	memcpy(&time, record + 4, 8);
	return time;
}

/* Copies a little more than `size`, where both sides have it. */
static inline void copy(uint8_t *to, const uint8_t *from, uint32_t size, size_t readable)
{
	if (readable < size + COPY_BYTES) {
		memcpy(to, from, size);
		return;
	}
	for (uint32_t i = 0; i < size; i += COPY_BYTES)
		memcpy(to + i, from + i, COPY_BYTES);
}

static bool matches(struct kernel *k, const struct event *e, const uint8_t *record, uint32_t size,
		    uint64_t ticks)
{
	const struct ctf_type *type = k->shadow->event_context;
	struct ctf_value context[] = {
		{.type = type, .kind = CTF_VALUE_STRUCT, .count = 2, .first = 1, .stride = 1},
		{.type = type->record.fields[0].type,
		 .kind = CTF_VALUE_U64,
		 .u64 = load_word(record + 12)},
		{.type = type->record.fields[1].type,
		 .kind = CTF_VALUE_U64,
		 .u64 = load_word(record + 16)},
	};
	struct ctf_values values = {.items = context, .len = 3};
	struct filter_event fe = {
		.roots[CTF_SCOPE_EVENT_COMMON_CONTEXT] = context,
		.values[CTF_SCOPE_EVENT_COMMON_CONTEXT] = &values,
		.tid = load_word(record + 12),
		.pid = load_word(record + 16),
		.cpu = k->streams[k->at].cpu,
		.timestamp_ns = model_ticks_to_ns(k->model, ticks),
	};

	return filter_matches_payload(
		       e->bound, (struct span){record + KERN_RECORD_HEAD, size - KERN_RECORD_HEAD},
		       &fe) == 1;
}

/* What is wrong with a record (negative errno), or whether it is to be kept. */
static int look_at_record(struct kernel *k, const uint8_t *record, size_t left)
{
	uint32_t word = load_word(record), id = word & 0xffff, size = word >> 16;
	struct event *e;

	if (id == KERN_ID_PAD && size && size % 8 == 0 && size <= left)
		return 0;
	if (id >= k->n_events || size < KERN_RECORD_HEAD || size > left)
		return -EBADMSG;
	e = &k->events[id];
	if (!kernel_class_fits(&e->class, record + KERN_RECORD_HEAD, size - KERN_RECORD_HEAD))
		return -EBADMSG;
	if (e->bound && !matches(k, e, record, size, ticks_of(&k->clock, load_time(record))))
		return 0;
	return e->is_declared ? 1 : declare(k, e) ? -ENOMEM : 1;
}

/* A record that is older than the newest: to its place among those of its interrupt. */
static void insert(struct stream *s, const uint8_t *record, uint32_t size, uint64_t ticks)
{
	uint32_t step = PISTE_RECORD_ALIGN(size), at = s->group;
	uint8_t *data = body(s);

	if (ticks < s->before) /* the clock itself went back: streams must not */
		ticks = s->before;
	while (at < s->used && load_time(data + at) <= ticks)
		at += PISTE_RECORD_ALIGN(load_word(data + at) >> 16);
	memmove(data + at + step, data + at, s->used - at);
	memcpy(data + at, record, size);
	memcpy(data + at + 4, &ticks, 8);
	s->content = at == s->used ? at + size : s->content + step;
	s->used += step;
	s->events++;
	if (at == 0)
		s->begin = ticks;
}

static inline void append(struct stream *s, const uint8_t *record, uint32_t size, uint64_t ticks,
			  size_t readable)
{
	uint8_t *to = body(s) + s->used;

	copy(to, record, size, readable);
	memcpy(to + 4, &ticks, 8);
	if (!s->events)
		s->begin = ticks;
	s->before = s->events ? s->last : s->floor;
	s->last = ticks;
	s->group = s->used;
	s->content = s->used + size;
	s->used += PISTE_RECORD_ALIGN(size);
	s->events++;
}

/* A packet ends before a record in order, so that no later one belongs into it. */
static inline bool is_full(const struct stream *s, uint32_t size, bool in_order)
{
	uint32_t bytes = PACKET_KERNEL_HEAD + s->used + PISTE_RECORD_ALIGN(size);

	return bytes > PACKET_BYTES && (in_order || bytes > BUFFER_BYTES - COPY_BYTES);
}

enum copied { COPIED_ALL, COPIED_FULL };

/* From the span into the packet, until either ends. */
static enum copied copy_records(struct kernel *k, struct stream *s, int *err)
{
	const struct conversion clock = k->clock;
	const uint8_t *at = s->span.data, *end = at + s->span.len, *consumed = at;
	enum copied result = COPIED_ALL;

	while (end - at >= 8) {
		uint32_t word = load_word(at), id = word & 0xffff, size = word >> 16;
		size_t left = (size_t)(end - at), step = (size + 7) & ~7u;
		uint64_t ticks;
		int keep = 1;

		ticks = left < KERN_RECORD_HEAD ? 0 : ticks_of(&clock, load_time(at));
		if (id >= k->n_events || k->events[id].word != word || !word || step > left)
			keep = look_at_record(k, at, left);
		if (keep < 0) {
			*err = keep == -EBADMSG ? 0 : keep;
			k->totals.dropped_bytes += left;
			break;
		}
		if (ticks < s->floor)
			ticks = s->floor;
		if (keep && is_full(s, size, ticks >= s->last)) {
			result = COPIED_FULL;
			break;
		}
		if (keep && ticks >= s->last)
			append(s, at, size, ticks, left);
		else if (keep)
			insert(s, at, size, ticks);
		at += step < left ? step : left;
		if (at - consumed >= CONSUME_BYTES) {
			kern_consume(k->kern, k->at, (size_t)(at - consumed));
			consumed = at;
		}
	}
	if (result == COPIED_ALL)
		at = end;
	kern_consume(k->kern, k->at, (size_t)(at - consumed));
	s->span = (struct span){at, (size_t)(end - at)};
	return result;
}

/* --- packets -------------------------------------------------------------- */

/* 1: a packet, also one that only tells of losses; 0: nothing. */
static int finish_packet(struct kernel *k, struct stream *s, struct packet *out)
{
	if (!s->events && !s->lost)
		return 0;
	if (!k->class && declare_stream(k))
		return -ENOMEM;
	if (!s->last)
		s->last = model_ticks_now(k->model);
	*out = (struct packet){
		.stream = (uint32_t)k->class->id,
		.is_kernel = true,
		.cpu = s->cpu,
		.track = k->at,
		.begin = s->events ? s->begin : s->last,
		.end = s->last,
		.events = s->events,
		.lost = s->lost,
		.data = s->buffer ? body(s) : NULL,
		.size = s->content,
		.is_chunk = s->buffer != NULL,
		.slot = -1,
		.buffers = k->buffers,
		.to_free = s->buffer,
	};
	k->totals.events += s->events;
	k->totals.bytes += s->content;
	s->buffer = NULL;
	s->used = s->content = s->group = 0;
	s->events = s->lost = 0;
	s->floor = s->last;
	return 1;
}

/* What the kernel left out, of whatever CPU: told where it is known at last. */
static void count_missed(struct kernel *k)
{
	uint64_t missed = kern_missed(k->kern);

	if (k->n_streams)
		k->streams[0].lost_behind += missed - k->missed_seen;
	k->totals.lost += missed - k->missed_seen;
	k->missed_seen = missed;
}

static void begin_round(struct kernel *k, enum collect what)
{
	uint64_t now_ns = clock_monotonic_ns(), longest_ns = WAIT_LONGEST_MS * 1000000ull;

	k->wait_ns = longest_ns;
	for (unsigned i = 0; i < k->n_streams; i++) {
		struct stream *s = &k->streams[i];
		uint64_t lost = kern_lost(k->kern, i), fill_ns = longest_ns;

		s->span = kern_read(k->kern, i);
		s->lost_behind = lost - s->lost_seen;
		k->totals.lost += s->lost_behind;
		s->lost_seen = lost;
		/* a quarter of the ring at the rate of late */
		if (s->span.len)
			fill_ns =
				(uint64_t)((double)(now_ns - k->round_ns) *
					   (double)k->options.ring_bytes / 4 / (double)s->span.len);
		if (fill_ns < k->wait_ns)
			k->wait_ns = fill_ns;
	}
	if (what == COLLECT_PARTIAL)
		count_missed(k);
	clock_advance(k);
	k->round_ns = now_ns;
	k->in_round = true;
	k->at = 0;
}

int kernel_take(struct kernel *k, enum collect what, struct packet *out)
{
	if (!k->in_round)
		begin_round(k, what);
	for (; k->at < k->n_streams; k->at++) {
		struct stream *s = &k->streams[k->at];
		int err = 0;

		if (s->span.len && !s->buffer)
			s->buffer = buffers_take(k->buffers);
		if (s->span.len && !s->buffer)
			continue; /* the disk is behind: the ring waits, and counts when it is full */
		if (s->span.len && copy_records(k, s, &err) == COPIED_FULL)
			return finish_packet(k, s, out);
		if (err)
			return err;
		s->lost += s->lost_behind;
		s->lost_behind = 0;
		if (what == COLLECT_PARTIAL) {
			err = finish_packet(k, s, out);
			if (err)
				return err; /* the next call sees an empty span */
		}
	}
	k->in_round = false;
	return 0;
}

int kernel_wait_ms(const struct kernel *k)
{
	return (int)(k->wait_ns / 1000000);
}

void kernel_totals(const struct kernel *k, struct kernel_totals *out)
{
	*out = k->totals;
	out->limited = kern_limited(k->kern);
}
