/* SPDX-License-Identifier: MIT */
/*
 * Reading anchors out of their stream, and the line through them.
 */
#include "ctf/anchors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

static const char anchor_event[] = "piste:clock_anchor";

struct anchor_list VEC(struct clock_anchor);

/* --- the line ---------------------------------------------------------------- */

static int by_ticks(const void *a, const void *b)
{
	const struct clock_anchor *x = a, *y = b;

	return x->ticks < y->ticks ? -1 : x->ticks > y->ticks;
}

/* Both clocks go forward; a recorder that lies must not make time go back. */
static size_t drop_contradictions(struct clock_anchor *items, size_t n)
{
	size_t kept = n ? 1 : 0;

	for (size_t i = 1; i < n; i++)
		if (items[i].ticks > items[kept - 1].ticks &&
		    items[i].monotonic_ns > items[kept - 1].monotonic_ns)
			items[kept++] = items[i];
	return kept;
}

/* ns a tick, scaled; saturates, so that multiplying by 2^64 ticks stays below 2^128 */
static uint64_t slope_of(uint64_t ns, uint64_t ticks)
{
	unsigned __int128 slope = ((unsigned __int128)ns << ANCHORS_SHIFT) / (ticks ? ticks : 1);

	return slope > UINT64_MAX ? UINT64_MAX : (uint64_t)slope;
}

static void make_segments(struct anchors *a, uint64_t frequency_hz)
{
	const struct clock_anchor *first = &a->items[0];

	a->n_segments = a->n > 1 ? a->n - 1 : 1;
	for (size_t i = 0; i < a->n_segments; i++) {
		const struct clock_anchor *from = &a->items[i];
		struct anchor_segment *s = &a->segments[i];

		s->ticks = from->ticks;
		s->ns = (int64_t)((uint64_t)first->realtime_ns +
				  (from->monotonic_ns - first->monotonic_ns));
		if (a->n > 1)
			s->slope = slope_of(from[1].monotonic_ns - from->monotonic_ns,
					    from[1].ticks - from->ticks);
		else
			s->slope = slope_of(1000000000, frequency_hz);
	}
}

int anchors_new(struct anchors **out, const struct clock_anchor *items, size_t n,
		const struct ctf_clock *clock, uint64_t frequency_hz, struct diag *diag)
{
	struct anchors *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (!a)
		return -ENOMEM;
	if (!n) {
		free(a);
		return -EINVAL;
	}
	a->clock = clock;
	a->items = malloc(n * sizeof(*items));
	a->segments = calloc(n, sizeof(*a->segments));
	if (!a->items || !a->segments) {
		anchors_free(a);
		return -ENOMEM;
	}
	memcpy(a->items, items, n * sizeof(*items));
	qsort(a->items, n, sizeof(*a->items), by_ticks);
	a->n = drop_contradictions(a->items, n);
	if (a->n < n)
		diag_warn(diag, NULL, "%zu of %zu clock anchors contradict the others: not used",
			  n - a->n, n);
	make_segments(a, frequency_hz ? frequency_hz : 1000000000);
	*out = a;
	return 0;
}

void anchors_free(struct anchors *a)
{
	if (!a)
		return;
	free(a->items);
	free(a->segments);
	free(a);
}

static size_t find_segment(const struct anchors *a, uint64_t ticks)
{
	size_t low = 0, high = a->n_segments - 1;

	while (low < high) { /* the last that starts at or before */
		size_t middle = low + (high - low + 1) / 2;

		if (a->segments[middle].ticks <= ticks)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

int64_t anchors_ns(const struct anchors *a, uint64_t ticks)
{
	size_t i = atomic_load_explicit(&((struct anchors *)a)->hint, memory_order_relaxed);
	const struct anchor_segment *s = &a->segments[i];
	const unsigned __int128 half = 1ull << (ANCHORS_SHIFT - 1);
	unsigned __int128 distance;

	if (ticks < s->ticks || (i + 1 < a->n_segments && ticks >= s[1].ticks)) {
		i = find_segment(a, ticks);
		atomic_store_explicit(&((struct anchors *)a)->hint, i, memory_order_relaxed);
		s = &a->segments[i];
	}
	if (ticks >= s->ticks) {
		distance = (unsigned __int128)(ticks - s->ticks) * s->slope;
		return (int64_t)((uint64_t)s->ns + (uint64_t)((distance + half) >> ANCHORS_SHIFT));
	}
	distance = (unsigned __int128)(s->ticks - ticks) * s->slope;
	return (int64_t)((uint64_t)s->ns - (uint64_t)((distance + half) >> ANCHORS_SHIFT));
}

static int64_t map_clock(void *data, const struct ctf_clock *clock, uint64_t cycles)
{
	struct anchors *a = data;
	int64_t ns;

	if (clock == a->clock)
		return anchors_ns(a, cycles);
	return ctf_clock_to_ns(clock, cycles, &ns) ? INT64_MIN : ns;
}

void anchors_use(struct anchors *a, struct ctf_trace *t)
{
	t->clock_map = a ? map_clock : NULL;
	t->clock_map_data = a;
}

void anchors_quality(const struct anchors *a, struct anchors_quality *q)
{
	const struct clock_anchor *first = &a->items[0], *last = &a->items[a->n - 1];

	*q = (struct anchors_quality){0};
	for (size_t i = 0; i < a->n; i++) {
		const struct anchor_segment *s = &a->segments[i < a->n_segments ? i : i - 1];
		uint64_t width = (uint64_t)((unsigned __int128)a->items[i].width_ticks * s->slope >>
					    ANCHORS_SHIFT);

		q->width_ns = width > q->width_ns ? width : q->width_ns;
		if (i > 0 && i + 1 < a->n) {
			const struct clock_anchor *l = &a->items[i - 1], *m = l + 1, *r = l + 2;
			uint64_t slope =
				slope_of(r->monotonic_ns - l->monotonic_ns, r->ticks - l->ticks);
			uint64_t line =
				(uint64_t)((unsigned __int128)(m->ticks - l->ticks) * slope >>
					   ANCHORS_SHIFT);
			uint64_t is = m->monotonic_ns - l->monotonic_ns;
			uint64_t bend = is > line ? is - line : line - is;

			q->bend_ns = bend > q->bend_ns ? bend : q->bend_ns;
		}
	}
	q->realtime_step_ns =
		(int64_t)(((uint64_t)last->realtime_ns - (uint64_t)first->realtime_ns) -
			  (last->monotonic_ns - first->monotonic_ns));
}

/* --- reading them --------------------------------------------------------------- */

static bool has_anchors(const struct ctf_stream_class *sc)
{
	for (size_t i = 0; i < sc->n_events; i++)
		if (sc->events[i]->name && !strcmp(sc->events[i]->name, anchor_event))
			return true;
	return false;
}

static bool field_u64(const struct ctf_values *values, const struct ctf_value *record,
		      const char *name, uint64_t *out)
{
	const struct ctf_value *v = ctf_value_field(values, record, name);

	if (!v || (v->kind != CTF_VALUE_U64 && v->kind != CTF_VALUE_I64))
		return false;
	*out = v->u64;
	return true;
}

static int read_anchor(const struct ctf_cursor *c, struct anchor_list *list)
{
	int32_t root = c->root[CTF_SCOPE_EVENT_PAYLOAD];
	const struct ctf_value *payload = root >= 0 ? &c->values.items[root] : NULL;
	uint64_t ticks, monotonic, realtime, width = 0;

	if (!c->event->name || strcmp(c->event->name, anchor_event) != 0 || !payload ||
	    payload->kind != CTF_VALUE_STRUCT)
		return 0;
	if (!field_u64(&c->values, payload, "ticks", &ticks) ||
	    !field_u64(&c->values, payload, "monotonic_ns", &monotonic) ||
	    !field_u64(&c->values, payload, "realtime_ns", &realtime))
		return 0;
	if (!field_u64(&c->values, payload, "width_ticks", &width))
		field_u64(&c->values, payload, "width", &width);
	return vec_push(list, ((struct clock_anchor){ticks, monotonic, (int64_t)realtime,
						     (uint32_t)width}));
}

/* What cannot be read here is complained of by whoever reads all events. */
static int read_stream(const struct ctf_stream *s, struct anchor_list *list)
{
	struct ctf_cursor cursor;
	int rc = 0;

	ctf_cursor_init(&cursor, s, CTF_WANT_ALL);
	for (size_t i = 0; i < s->n_packets && rc != -ENOMEM; i++) {
		rc = ctf_cursor_enter(&cursor, &s->packets[i]);
		while (!rc && (rc = ctf_cursor_next(&cursor)) > 0)
			rc = read_anchor(&cursor, list);
	}
	ctf_cursor_fini(&cursor);
	return rc == -ENOMEM ? rc : 0;
}

int anchors_load(struct anchors **out, const struct ctf_trace *t, struct diag *diag)
{
	const struct ctf_clock *clock = NULL;
	struct anchor_list list = {0};
	int rc = 0;

	*out = NULL;
	for (size_t i = 0; i < t->n_streams && !rc; i++) {
		const struct ctf_stream *s = &t->streams[i];

		if (!s->class->default_clock || !has_anchors(s->class))
			continue;
		clock = s->class->default_clock;
		rc = read_stream(s, &list);
	}
	if (!rc && list.len)
		rc = anchors_new(out, list.items, list.len, clock, clock->frequency_hz, diag);
	vec_fini(&list);
	return rc ? rc : *out != NULL;
}
