/* SPDX-License-Identifier: MIT */
/*
 * The loop of walk_same runs once an event and is the recorder's main cost.
 * Most records are like the one before: then id and size, one word, say all,
 * and the next record's place does not wait for a load.
 */
#include "session/walk.h"

#include <string.h>

enum { PREFETCH_BYTES = 1024 };

static uint64_t record_ticks(const uint8_t *p)
{
	const volatile uint32_t *words = (const volatile uint32_t *)(const void *)p;

	return words[1] | (uint64_t)words[2] << 32;
}

static uint32_t record_word(const uint8_t *p)
{
	return *(const volatile uint32_t *)(const void *)p;
}

/* Whether a record of that id may have that size; NULL, or what is wrong. *fixed: it always has. */
static const char *record_check(struct walk *w, uint32_t word, const uint8_t *record, uint32_t left,
				bool *fixed)
{
	uint32_t id = word & 0xffff, size = word >> 16;
	uint32_t head = PISTE_RECORD_HEADER + (w->has_cpu ? 4 : 0);
	const struct table_event *e;

	if (id >= w->table->events.len || !w->table->events.items[id].known) {
		w->unknown_id = id;
		return "an event that it never declared";
	}
	e = &w->table->events.items[id];
	if (size < head)
		return "a record smaller than its header";
	if (size > left)
		return "a record larger than its chunk";
	if (e->class->is_broken)
		return "an event whose description is broken";
	if (!e->wanted)
		w->has_unwanted = true;
	*fixed = e->fixed_size != 0;
	if (*fixed)
		return size == e->fixed_size + head - PISTE_RECORD_HEADER
			       ? NULL
			       : "a record of another size than its event's";
	if (classes_payload_size(e->class, (struct span){record + head, size - head}) !=
	    (ssize_t)(size - head))
		return "a record whose fields contradict its size";
	return NULL;
}

/* Steps over records that are all of one id and one size. Returns where it stopped: at another
 * record, at an older one, or where no whole one is left. */
static uint32_t walk_same(const uint8_t *data, uint32_t at, uint32_t to, uint32_t word,
			  uint64_t *last)
{
	uint32_t size = word >> 16, step = PISTE_RECORD_ALIGN(size);
	uint64_t previous = *last;

	if (to - at < step)
		return at;
	for (uint32_t stop = to - step; at <= stop; at += step) {
		const uint8_t *record = data + at;
		uint64_t ticks;

		/* written by another CPU just now: else the walk would wait at each line */
		__builtin_prefetch(record + PREFETCH_BYTES);
		ticks = record_ticks(record);
		if (record_word(record) != word || ticks < previous)
			break;
		previous = ticks;
	}
	*last = previous;
	return at;
}

void walk_check(struct walk *w, const uint8_t *data, uint32_t from, uint32_t to)
{
	uint32_t at = from, content_end = from;
	uint64_t events = 0, last = w->floor, first = 0;
	const char *broken = NULL;

	w->has_unwanted = false;
	w->unknown_id = ~0u;
	while (to - at >= PISTE_RECORD_HEADER) {
		uint32_t word = record_word(data + at), size = word >> 16;
		uint64_t ticks = record_ticks(data + at);
		bool fixed = false;

		broken = record_check(w, word, data + at, to - at, &fixed);
		if (broken)
			break;
		if (ticks < last) {
			broken = events ? "a record older than the one before"
					: "a record older than its chunk";
			break;
		}
		if (!events)
			first = ticks;
		last = ticks;
		events++;
		content_end = at + size;
		at += PISTE_RECORD_ALIGN(size);
		if (at > to) { /* the last one's padding */
			at = to;
			break;
		}
		if (fixed) {
			uint32_t start = at;

			at = walk_same(data, at, to, word, &last);
			if (at > start) {
				events += (at - start) / PISTE_RECORD_ALIGN(size);
				content_end = at - (PISTE_RECORD_ALIGN(size) - size);
			}
		}
	}
	if (!broken && at != to)
		broken = "bytes that are no record";
	if (!events) {
		first = last = w->floor;
		content_end = at = from;
	} else if (last > w->ceiling) {
		/* in the future: nothing of it can be placed */
		broken = "a record from the future";
		events = 0;
		content_end = at = from;
	}
	w->end = at;
	w->content_end = content_end;
	w->events = events;
	w->first = first;
	w->last = last;
	w->broken = broken;
}

static bool record_is_chosen(const struct walk *w, const uint8_t *record, uint32_t size,
			     const struct walk_select *select)
{
	const struct table_event *e = &w->table->events.items[record_word(record) & 0xffff];
	uint32_t head = PISTE_RECORD_HEADER + (w->has_cpu ? 4 : 0), cpu = 0;
	uint64_t ticks = record_ticks(record);
	struct filter_event fe = {
		.pid = select->pid,
		.tid = select->tid,
		.procname = select->procname,
	};

	if (!e->wanted || ticks < select->begin || ticks > select->end)
		return false;
	if (!select->use_filter)
		return true;
	if (!e->bound || filter_is_never(e->bound))
		return false;
	if (w->has_cpu)
		memcpy(&cpu, record + PISTE_RECORD_HEADER, 4);
	fe.cpu = cpu;
	if (select->to_ns)
		fe.timestamp_ns = select->to_ns(select->to_ns_data, ticks);
	return filter_matches_payload(e->bound, (struct span){record + head, size - head}, &fe) ==
	       1;
}

void walk_compact(struct walk *w, uint8_t *data, uint32_t from, const struct walk_select *select)
{
	uint32_t at = from, to = w->content_end, out = from;

	w->events = 0;
	w->content_end = from;
	while (at < to) {
		uint32_t size = record_word(data + at) >> 16;
		uint32_t step = PISTE_RECORD_ALIGN(size);

		if (record_is_chosen(w, data + at, size, select)) {
			uint64_t ticks = record_ticks(data + at);

			if (!w->events)
				w->first = ticks;
			w->last = ticks;
			w->events++;
			if (out != at)
				memmove(data + out, data + at, size);
			w->content_end = out + size;
			out += step;
		}
		at += step;
	}
	w->end = w->content_end;
}
