/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_WALK_H
#define PISTE_SESSION_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "session/table.h"

/*
 * walk - over the records of a chunk: are they whole, and are they ours?
 *
 * The bytes may be changed by their process meanwhile. Each header is read
 * once; nothing is ever read outside of [from, to).
 */
struct walk {
	const struct table *table;
	bool has_cpu; /* a u32 stands between header and payload */
	uint64_t floor, ceiling; /* ticks that a record may have, both inclusive */

	/* What walk_check found. */
	uint32_t end; /* behind the last good record, with its padding (at most `to`) */
	uint32_t content_end; /* the same without the padding */
	uint64_t events;
	uint64_t first, last; /* ticks; nothing without events */
	bool has_unwanted; /* some records are not ours */
	const char *broken; /* why it ended before `to`; NULL: it did not */
	uint32_t unknown_id; /* when an id stopped it; else ~0 */
};

/* Looks at the records in data[from, to); from is a multiple of 4. */
void walk_check(struct walk *w, const uint8_t *data, uint32_t from, uint32_t to);

/* Which of the records that walk_check liked belong to the recording. */
struct walk_select {
	uint64_t begin, end; /* ticks, both inclusive */
	uint32_t pid, tid;
	const char *procname;
	bool use_filter; /* the bound ones in the table */
	int64_t (*to_ns)(void *data, uint64_t ticks); /* for filters on the time */
	void *to_ns_data;
};

/*
 * Moves the chosen records of data[from, w->end) together, at the place where
 * the first of them stood; data must be private. Afterwards w->end,
 * content_end, events, first and last are those of what is left.
 */
void walk_compact(struct walk *w, uint8_t *data, uint32_t from, const struct walk_select *select);

#endif
