/* SPDX-License-Identifier: MIT */
/*
 * iter.c - all streams in the order of time, by a heap over runs: the stream
 * at the top goes on, without touching the heap, while its next message is
 * not later than the best of the others.
 */
#include "ctf/plan.h"
#include "ctf/reader.h"
#include "ctf/sidecar.h"
#include "ctf/step.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum lane_state {
	LANE_BEGIN,
	LANE_PACKET,
	LANE_DISCARDED_PACKETS,
	LANE_ENTER,
	LANE_EVENTS,
	LANE_END,
	LANE_DONE
};

struct lane { /* one stream being read */
	const struct ctf_stream *stream;
	struct ctf_cursor cursor;
	struct ctf_message message;
	int64_t key_ns; /* of the message */
	size_t order; /* among equal times */
	size_t packet; /* the next one's index */
	enum lane_state state;
	bool has_begin, has_end;
	bool went_back; /* its time did: said once */
	int64_t newest_ns; /* of its events */
	int64_t begin_ns, end_ns;
	const struct ctf_clock *plain_clock; /* without a map; else NULL */
	int64_t base_ns; /* its cycle 0 */
	struct ctf_sieve sieve;
	/* From an index: what packet n_summaries - 1 holds, and those behind it. */
	struct ctf_summary summary;
	struct span summaries;
	size_t n_summaries;
};

struct ctf_iter {
	struct ctf_iter_options options;
	struct diag *diag;
	struct lane *lanes;
	size_t n_lanes;
	struct lane **heap;
	size_t n_heap;
	int64_t last_ns; /* of the newest message: what messages without a time take */
	bool has_given; /* heap[0]'s message was returned and is to be replaced */
	bool failed;
	struct arena arena; /* sieves */
};

enum { MEMORY_BYTES = 32 << 20, WINDOW_BYTES_MAX = 4 << 20 };

static bool before(const struct lane *a, const struct lane *b)
{
	return a->key_ns != b->key_ns ? a->key_ns < b->key_ns : a->order < b->order;
}

static void sift_down(struct ctf_iter *it, size_t i)
{
	struct lane **h = it->heap, *moved = h[i];
	for (size_t child; (child = 2 * i + 1) < it->n_heap; i = child) {
		if (child + 1 < it->n_heap && before(h[child + 1], h[child]))
			child++;
		if (!before(h[child], moved))
			break;
		h[i] = h[child];
	}
	h[i] = moved;
}

/* --- one lane ------------------------------------------------------------------ */

static inline int64_t lane_ns(const struct lane *l, uint64_t cycles)
{
	int64_t ns;
	if (l->plain_clock)
		return ctf_clock_add_cycles(l->plain_clock, l->base_ns, cycles, &ns) ? INT64_MIN
										     : ns;
	return ctf_trace_ns(l->stream->trace, l->stream->class->default_clock, cycles);
}

static void set_time(struct lane *l, bool has_time, uint64_t cycles)
{
	struct ctf_message *m = &l->message;
	m->has_time = has_time && l->stream->class->default_clock;
	m->cycles = m->has_time ? cycles : 0;
	m->ns = m->has_time ? lane_ns(l, cycles) : 0;
}

static void start_message(struct lane *l, enum ctf_message_kind kind, const struct ctf_packet *p)
{
	memset(&l->message, 0, sizeof(l->message));
	l->message.kind = kind;
	l->message.stream = l->stream;
	l->message.packet = p;
}

static void lane_fail(struct ctf_iter *it, struct lane *l, int error)
{
	it->failed = true;
	ctf_cursor_explain(&l->cursor, error, it->diag);
	l->state = LANE_DONE;
}

static uint64_t counter_delta(uint64_t now, uint64_t then, unsigned bits)
{
	uint64_t delta = now - then;
	return bits && bits < 64 ? delta & ((UINT64_C(1) << bits) - 1) : delta;
}

/* Before packet i: events that the tracer dropped since the packet before it. */
static bool discarded_events(struct lane *l, size_t i)
{
	const struct ctf_stream *s = l->stream;
	const struct ctf_packet *p = &s->packets[i], *prev = i ? p - 1 : NULL;
	struct ctf_message *m = &l->message;
	if (!p->has_discarded)
		return false;
	bool has_count = prev && prev->has_discarded;
	uint64_t count = has_count ? counter_delta(p->discarded_events, prev->discarded_events,
						   s->discarded_bits)
				   : p->discarded_events;
	if (!count)
		return false;
	start_message(l, CTF_MESSAGE_DISCARDED_EVENTS, p);
	/* Before the first packet the counter's start is unknown, and so is how many. */
	m->has_count = has_count;
	m->count = has_count ? count : 0;
	bool has_range = has_count ? prev->has_end && p->has_end : p->has_begin && p->has_end;
	set_time(l, has_range, has_count ? prev->end_cycles : p->begin_cycles);
	if (m->has_time) {
		m->end_cycles = p->end_cycles;
		m->end_ns = lane_ns(l, p->end_cycles);
	}
	return true;
}

static bool discarded_packets(struct lane *l, size_t i)
{
	const struct ctf_stream *s = l->stream;
	const struct ctf_packet *p = &s->packets[i], *prev = i ? p - 1 : NULL;
	struct ctf_message *m = &l->message;
	if (!prev || !p->has_seq_num || !prev->has_seq_num)
		return false;
	uint64_t delta = counter_delta(p->seq_num, prev->seq_num, s->seq_num_bits);
	if (delta <= 1)
		return false;
	start_message(l, CTF_MESSAGE_DISCARDED_PACKETS, p);
	m->has_count = true;
	m->count = delta - 1;
	set_time(l, prev->has_end && p->has_begin, prev->end_cycles);
	if (m->has_time) {
		m->end_cycles = p->begin_cycles;
		m->end_ns = lane_ns(l, p->begin_cycles);
	}
	return true;
}

/* Packets wholly before the beginning are not even entered. */
static bool packet_is_before(const struct lane *l, const struct ctf_packet *p)
{
	return l->has_begin && p->has_end && lane_ns(l, p->end_cycles) < l->begin_ns;
}

static bool packet_is_after(const struct lane *l, const struct ctf_packet *p)
{
	return l->has_end && p->has_begin && lane_ns(l, p->begin_cycles) > l->end_ns;
}

static const struct ctf_value *root_value(const struct ctf_cursor *c, enum ctf_scope scope)
{
	return c->root[scope] < 0 ? NULL : &c->values.items[c->root[scope]];
}

static void event_message(struct lane *l)
{
	struct ctf_cursor *c = &l->cursor;
	struct ctf_message *m = &l->message;
	m->kind = CTF_MESSAGE_EVENT;
	m->event = c->event;
	m->has_time = c->has_cycles;
	m->cycles = c->cycles;
	m->ns = c->has_cycles ? lane_ns(l, c->cycles) : 0;
	if (c->want == CTF_WANT_NONE)
		return;
	m->values = &c->values;
	m->header = root_value(c, CTF_SCOPE_EVENT_HEADER);
	m->common_context = root_value(c, CTF_SCOPE_EVENT_COMMON_CONTEXT);
	m->context = root_value(c, CTF_SCOPE_EVENT_CONTEXT);
	m->payload = root_value(c, CTF_SCOPE_EVENT_PAYLOAD);
}

static void packet_values(struct lane *l)
{
	const struct ctf_cursor *c = &l->cursor;
	const int32_t *root = c->plan->packet.root;
	int32_t header = root[CTF_SCOPE_PACKET_HEADER], context = root[CTF_SCOPE_PACKET_CONTEXT];
	l->message.packet_values = &c->packet_values;
	l->message.packet_header = header < 0 ? NULL : &c->packet_values.items[header];
	l->message.packet_context = context < 0 ? NULL : &c->packet_values.items[context];
}

static __attribute__((noinline)) void warn_of_time(const struct ctf_iter *it, struct lane *l)
{
	const struct ctf_packet *p = l->cursor.packet;
	struct diag_place place = {.file = l->stream->trace->files[p->file].name,
				   .offset = p->offset + l->cursor.event_bits / 8,
				   .has_offset = 1};
	if (!l->went_back)
		diag_warn(it->diag, &place,
			  "packet %" PRIu32 ": time goes back by %" PRIu64
			  " ns from one event to the next",
			  p->number, (uint64_t)l->newest_ns - (uint64_t)l->message.ns);
	l->went_back = true;
}

/* 1: an event; 0: the packet has no more. */
static int next_event(struct ctf_iter *it, struct lane *l)
{
	for (;;) {
		if (l->sieve.is_needed)
			ctf_step_unwanted(&l->cursor, &l->sieve);
		int rc = ctf_cursor_next(&l->cursor);
		if (rc == -ENOMEM)
			return rc;
		if (rc < 0) {
			lane_fail(it, l, rc);
			return 0;
		}
		if (!rc)
			return 0;
		if (l->sieve.is_needed && l->sieve.classes[l->cursor.event->index].is_hidden)
			continue;
		event_message(l);
		if (!l->message.has_time)
			return 1;
		if (__builtin_expect(l->message.ns < l->newest_ns, 0))
			warn_of_time(it, l);
		l->newest_ns = l->message.ns;
		if (l->has_begin && l->message.ns < l->begin_ns)
			continue;
		if (l->has_end && l->message.ns > l->end_ns) {
			l->state = LANE_END;
			return 0;
		}
		return 1;
	}
}

/* The index says that no event of the next packet is wanted. What follows must not need its clock. */
static bool packet_is_unwanted(const struct ctf_iter *it, struct lane *l)
{
	const struct ctf_stream *s = l->stream;
	const struct ctf_class_count *count;

	if (!l->summaries.len || !l->sieve.is_needed || it->options.packet_messages ||
	    (l->packet + 1 < s->n_packets && !s->packets[l->packet + 1].has_begin))
		return false;
	for (; l->n_summaries <= l->packet; l->n_summaries++)
		if (ctf_summary_take(&l->summary, &l->summaries)) {
			l->summaries.len = 0;
			return false;
		}
	vec_each(count, &l->summary.classes) {
		if (count->class >= s->class->n_events || !l->sieve.classes[count->class].is_hidden)
			return false;
	}
	return true;
}

static int enter_packet(struct ctf_iter *it, struct lane *l)
{
	const struct ctf_packet *p = &l->stream->packets[l->packet++];
	int rc = ctf_cursor_enter(&l->cursor, p);
	if (rc == -ENOMEM)
		return rc;
	start_message(l, CTF_MESSAGE_PACKET_BEGIN, p);
	l->state = LANE_EVENTS;
	if (rc) {
		lane_fail(it, l, rc);
		return 0;
	}
	packet_values(l);
	set_time(l, p->has_begin, p->begin_cycles);
	return it->options.packet_messages;
}

static int end_packet(struct ctf_iter *it, struct lane *l)
{
	const struct ctf_packet *p = l->cursor.packet;
	if (l->state == LANE_EVENTS)
		l->state = LANE_PACKET;
	if (!it->options.packet_messages || l->state == LANE_DONE)
		return 0;
	start_message(l, CTF_MESSAGE_PACKET_END, p);
	packet_values(l);
	uint64_t end = p->ends_with_event ? p->told_end_cycles : p->end_cycles;
	if (p->ends_with_event && l->cursor.event && l->cursor.cycles > end)
		end = l->cursor.cycles;
	set_time(l, p->has_end, end);
	return 1;
}

/* The next message of a lane: 1; 0: it is at its end; -ENOMEM. */
static int lane_next(struct ctf_iter *it, struct lane *l)
{
	int rc = 0;
	while (!rc) {
		switch (l->state) {
		case LANE_BEGIN:
			l->state = LANE_PACKET;
			start_message(l, CTF_MESSAGE_STREAM_BEGIN, NULL);
			rc = it->options.packet_messages;
			break;
		case LANE_PACKET:
			while (l->packet < l->stream->n_packets &&
			       packet_is_before(l, &l->stream->packets[l->packet]))
				l->packet++;
			if (l->packet == l->stream->n_packets ||
			    packet_is_after(l, &l->stream->packets[l->packet])) {
				l->state = LANE_END;
				break;
			}
			l->state = LANE_DISCARDED_PACKETS;
			rc = discarded_events(l, l->packet);
			break;
		case LANE_DISCARDED_PACKETS:
			l->state = LANE_ENTER;
			rc = discarded_packets(l, l->packet);
			break;
		case LANE_ENTER:
			if (packet_is_unwanted(it, l)) {
				l->packet++;
				l->state = LANE_PACKET;
				break;
			}
			rc = enter_packet(it, l);
			break;
		case LANE_EVENTS:
			rc = next_event(it, l);
			if (!rc)
				rc = end_packet(it, l);
			break;
		case LANE_END:
			l->state = LANE_DONE;
			start_message(l, CTF_MESSAGE_STREAM_END, NULL);
			rc = it->options.packet_messages;
			break;
		case LANE_DONE:
			return 0;
		}
	}
	if (rc > 0)
		l->key_ns = l->message.has_time ? l->message.ns : it->last_ns;
	return rc;
}

/* --- all lanes ------------------------------------------------------------------- */

static const char *trace_name(const struct ctf_trace *t)
{
	return t->class->name ? t->class->name : t->path;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* The order of equal times; see ctf_iter_new. */
static int by_identity(const void *a, const void *b)
{
	const struct ctf_stream *p = ((const struct lane *)a)->stream;
	const struct ctf_stream *q = ((const struct lane *)b)->stream;
	const struct ctf_trace_class *tp = p->trace->class, *tq = q->trace->class;
	int c = (int)tq->has_uuid - (int)tp->has_uuid;
	if (!c && tp->has_uuid)
		c = memcmp(tp->uuid, tq->uuid, sizeof(tp->uuid));
	if (!c && p->trace != q->trace)
		c = strcmp(trace_name(p->trace), trace_name(q->trace));
	if (!c)
		c = compare_u64(p->class->id, q->class->id);
	if (!c && p->has_id && q->has_id)
		c = compare_u64(p->id, q->id);
	if (!c)
		c = compare_u64(((const struct lane *)a)->order, ((const struct lane *)b)->order);
	return c;
}

static void set_range(struct lane *l, const struct ctf_iter_options *o)
{
	l->has_begin = o->has_begin;
	l->begin_ns = o->begin_ns;
	l->has_end = o->has_end;
	l->end_ns = o->end_ns;
}

/* Only while all streams of the lane's trace are active: a narrower range. */
static void set_intersection(struct lane *l)
{
	const struct ctf_trace *t = l->stream->trace;
	for (size_t i = 0; i < t->n_streams; i++) {
		const struct ctf_stream *s = &t->streams[i];
		const struct ctf_clock *clock = s->class->default_clock;
		if (!s->n_packets || !clock)
			continue;
		const struct ctf_packet *first = &s->packets[0];
		const struct ctf_packet *last = &s->packets[s->n_packets - 1];
		int64_t from = ctf_trace_ns(t, clock, first->begin_cycles);
		int64_t to = ctf_trace_ns(t, clock, last->end_cycles);
		if (first->has_begin && (!l->has_begin || from > l->begin_ns))
			l->has_begin = true, l->begin_ns = from;
		if (last->has_end && (!l->has_end || to < l->end_ns))
			l->has_end = true, l->end_ns = to;
	}
}

/* The first cycle that is not before the beginning: times grow with cycles. */
static uint64_t begin_cycles(const struct lane *l)
{
	uint64_t lo = 0, hi = UINT64_MAX;
	while (lo < hi) {
		uint64_t middle = lo + (hi - lo) / 2;
		int64_t ns = lane_ns(l, middle);
		/* INT64_MIN: beyond what ns can say, and so late enough. */
		if (ns != INT64_MIN && ns < l->begin_ns)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

static int lane_make_sieve(struct ctf_iter *it, struct lane *l)
{
	int rc = 0;
	for (const struct lane *other = it->lanes; other < l && !l->sieve.classes; other++)
		if (other->stream->class == l->stream->class)
			l->sieve = other->sieve;
	if (!l->sieve.classes)
		rc = ctf_sieve_new(&l->sieve, &it->arena, l->stream->plans[CTF_WANT_FIELDS],
				   it->options.wish, it->options.wish_data);
	l->sieve.begin_cycles = 0;
	if (l->has_begin && l->stream->class->default_clock) {
		l->sieve.begin_cycles = begin_cycles(l);
		l->sieve.is_needed = true;
	}
	return rc;
}

/* Told once a trace: nothing of it will come. */
static void check_intersection(struct ctf_iter *it, const struct lane *l)
{
	const struct ctf_trace *t = l->stream->trace;
	struct diag_place place = {.file = t->path};

	if (l->stream != t->streams || !l->has_begin || !l->has_end || l->begin_ns <= l->end_ns)
		return;
	it->failed = true;
	diag_error(it->diag, &place, "its streams are never active all at once");
}

static void lane_init(struct lane *l, const struct ctf_stream *s, struct ctf_iter *it, size_t order)
{
	const struct ctf_clock *clock = s->class->default_clock;
	l->stream = s;
	l->order = order;
	l->summaries = s->summaries;
	l->newest_ns = INT64_MIN;
	set_range(l, &it->options);
	if (it->options.intersection)
		set_intersection(l);
	if (it->options.intersection)
		check_intersection(it, l);
	if (clock && !s->trace->clock_map && !ctf_clock_base_ns(clock, &l->base_ns))
		l->plain_clock = clock;
	ctf_cursor_init(&l->cursor, s, it->options.want);
}

int ctf_iter_new(struct ctf_iter **out, struct ctf_trace *const *traces, size_t n_traces,
		 const struct ctf_iter_options *options, struct diag *diag)
{
	struct ctf_iter *it = calloc(1, sizeof(*it));
	size_t n = 0;
	*out = NULL;
	for (size_t i = 0; i < n_traces; i++)
		n += traces[i]->n_streams;
	if (it) {
		it->lanes = calloc(n + 1, sizeof(*it->lanes));
		it->heap = calloc(n + 1, sizeof(*it->heap));
	}
	if (!it || !it->lanes || !it->heap) {
		ctf_iter_free(it);
		return -ENOMEM;
	}
	it->diag = diag;
	it->options = options ? *options : (struct ctf_iter_options){.want = CTF_WANT_ALL};
	it->last_ns = INT64_MIN;
	for (size_t i = 0; i < n_traces; i++) {
		it->failed |= traces[i]->is_damaged;
		for (size_t j = 0; j < traces[i]->n_streams; j++, it->n_lanes++)
			lane_init(&it->lanes[it->n_lanes], &traces[i]->streams[j], it, it->n_lanes);
	}
	qsort(it->lanes, it->n_lanes, sizeof(*it->lanes), by_identity);
	size_t memory = it->options.memory_bytes ? it->options.memory_bytes : MEMORY_BYTES;
	size_t window = memory / (it->n_lanes + 1);
	for (size_t i = 0; i < it->n_lanes; i++) {
		it->lanes[i].order = i;
		ctf_cursor_limit(&it->lanes[i].cursor,
				 window < WINDOW_BYTES_MAX ? window : WINDOW_BYTES_MAX);
		int rc = lane_make_sieve(it, &it->lanes[i]);
		if (!rc)
			rc = lane_next(it, &it->lanes[i]);
		if (rc < 0) {
			ctf_iter_free(it);
			return rc;
		}
		if (rc)
			it->heap[it->n_heap++] = &it->lanes[i];
	}
	for (size_t i = it->n_heap / 2; i-- > 0;)
		sift_down(it, i);
	*out = it;
	return 0;
}

void ctf_iter_free(struct ctf_iter *it)
{
	if (!it)
		return;
	for (size_t i = 0; i < it->n_lanes; i++) {
		ctf_cursor_fini(&it->lanes[i].cursor);
		ctf_summary_fini(&it->lanes[i].summary);
	}
	arena_fini(&it->arena);
	free(it->lanes);
	free(it->heap);
	free(it);
}

/* Replaces the message that was given, and restores the heap. */
static int replace_top(struct ctf_iter *it)
{
	struct lane *top = it->heap[0];
	int rc = lane_next(it, top);
	if (rc < 0)
		return rc;
	if (!rc) {
		it->heap[0] = it->heap[--it->n_heap];
		if (it->n_heap)
			sift_down(it, 0);
		return 0;
	}
	/* The run goes on: nothing else may come first. */
	if (it->n_heap > 1) {
		const struct lane *best = it->heap[1];
		if (it->n_heap > 2 && before(it->heap[2], best))
			best = it->heap[2];
		if (before(best, top))
			sift_down(it, 0);
	}
	return 0;
}

int ctf_iter_next(struct ctf_iter *it, const struct ctf_message **m)
{
	if (it->has_given) {
		int rc = replace_top(it);
		if (rc)
			return rc;
		it->has_given = false;
	}
	if (!it->n_heap)
		return 0;
	struct lane *top = it->heap[0];
	if (top->key_ns > it->last_ns)
		it->last_ns = top->key_ns;
	it->has_given = true;
	*m = &top->message;
	return 1;
}

bool ctf_iter_failed(const struct ctf_iter *it)
{
	return it->failed;
}
