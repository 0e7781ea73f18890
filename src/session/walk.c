/* SPDX-License-Identifier: MIT */
/*
 * The loop of walk_run runs once an event and is the recorder's main cost.
 * Most records are like the one before: then id and size, one word, say all,
 * and the next record's place does not wait for a load.
 */
#include "session/walk.h"

#include <string.h>

enum {
	PREFETCH_BYTES = 1024, /* another CPU wrote it just now: else each line is waited for */
};

static uint64_t record_ticks(const uint8_t *p)
{
	const volatile uint32_t *words = (const volatile uint32_t *)(const void *)p;

	return words[1] | (uint64_t)words[2] << 32;
}

static uint32_t record_word(const uint8_t *p)
{
	return *(const volatile uint32_t *)(const void *)p;
}

/* The first zero byte in [p, end); NULL: none. */
static const uint8_t *find_zero(const uint8_t *p, const uint8_t *end)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	uint64_t word;

	for (; end - p >= 8; p += 8) {
		memcpy(&word, p, 8);
		word = (word - ones) & ~word & tops;
		if (word)
			return p + __builtin_ctzll(word) / 8;
	}
	while (p < end && *p)
		p++;
	return p < end ? p : NULL;
}

static bool flat_fits(const struct table_flat *flat, const uint8_t *p, const uint8_t *end)
{
	for (unsigned i = 0; i < flat->strings; i++) {
		if ((size_t)(end - p) < flat->gaps[i])
			return false;
		p = find_zero(p + flat->gaps[i], end);
		if (!p)
			return false;
		p++;
	}
	return (size_t)(end - p) == flat->gaps[flat->strings];
}

static bool payload_fits(const struct table_event *e, const uint8_t *p, uint32_t size)
{
	if (e->flat.strings)
		return flat_fits(&e->flat, p, p + size);
	return classes_payload_size(e->class, (struct span){p, size}) == (ssize_t)size;
}

/* Whether a record of that id may have that size and payload; NULL, or what is wrong. */
static const char *record_check(struct walk *w, uint32_t word, const uint8_t *record, uint32_t left)
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
	if (e->fixed_size)
		return size == e->fixed_size + head - PISTE_RECORD_HEADER
			       ? NULL
			       : "a record of another size than its event's";
	if (!payload_fits(e, record + head, size - head))
		return "a record whose fields contradict its size";
	return NULL;
}

/* Zero bytes of a word, each as 0x80; exact, unlike that of find_zero. */
static uint64_t zero_bytes(uint64_t word)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;

	return ~(((word & low) + low) | word | low);
}

/* The place of a record's only string, with its zero, when that follows from the record's size. */
struct text {
	uint32_t start, end; /* in the record; none: equal */
};

/* A zero at the end of the text, and none before it. */
static inline bool text_fits(const uint8_t *record, struct text text)
{
	uint32_t length = text.end - text.start;
	uint64_t word, wanted;

	/* a record's head is longer than the 8 bytes that end with a short text */
	memcpy(&word, record + text.end - 8, 8);
	if (length <= 8) {
		wanted = 0x8000000000000000 >> (64 - 8 * length);
		return zero_bytes(word) >> (64 - 8 * length) == wanted;
	}
	return word >> 56 == 0 && !find_zero(record + text.start, record + text.end - 1);
}

/* Steps over records that are all of one id and one size. Returns where it stopped: at another
 * record, at an older or a broken one, or where no whole one is left. */
static inline uint32_t walk_run(const uint8_t *data, uint32_t at, uint32_t to, uint32_t word,
				struct text text, uint64_t *last)
{
	uint32_t size = word >> 16, step = PISTE_RECORD_ALIGN(size);
	uint64_t previous = *last;

	if (to - at < step)
		return at;
	for (uint32_t stop = to - step; at <= stop; at += step) {
		const uint8_t *record = data + at;
		uint64_t ticks;

		__builtin_prefetch(record + PREFETCH_BYTES);
		ticks = record_ticks(record);
		if (record_word(record) != word || ticks < previous)
			break;
		if (text.end > text.start && !text_fits(record, text))
			break;
		previous = ticks;
	}
	*last = previous;
	return at;
}

static uint32_t walk_same(const struct walk *w, const uint8_t *data, uint32_t at, uint32_t to,
			  uint32_t word, uint64_t *last)
{
	const struct table_event *e = &w->table->events.items[word & 0xffff];
	uint32_t head = PISTE_RECORD_HEADER + (w->has_cpu ? 4 : 0), size = word >> 16;
	struct text text = {head + e->flat.gaps[0], size - e->flat.gaps[1]};

	if (e->fixed_size)
		return walk_run(data, at, to, word, (struct text){0}, last);
	if (e->flat.strings != 1) /* the next may have its fields elsewhere */
		return at;
	return walk_run(data, at, to, word, text, last);
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
		uint32_t start;

		__builtin_prefetch(data + at + PREFETCH_BYTES);
		broken = record_check(w, word, data + at, to - at);
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
		start = at;
		at = walk_same(w, data, at, to, word, &last);
		if (at > start) {
			events += (at - start) / PISTE_RECORD_ALIGN(size);
			content_end = at - (PISTE_RECORD_ALIGN(size) - size);
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
