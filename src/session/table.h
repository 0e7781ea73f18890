/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_TABLE_H
#define PISTE_SESSION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <piste/wire/pool.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"
#include "base/vec.h"
#include "ctf/filter.h"
#include "ctf/type.h"
#include "session/classes.h"
#include "session/pool.h"

/*
 * table - the sites of a process: what its event ids mean.
 *
 * Processes that run the same objects have equal tables, and share one; a
 * table that only grew (dlopen) is the same one, longer. A table becomes a
 * stream class of the trace, or two: with and without the CPU.
 */

/* What a recording wants, the same of every process. */
struct wants {
	const struct piste_session *session; /* its rules and its level */
	struct filter *filter; /* NULL: none */
	unsigned ctf_major;
	bool all; /* recover: whatever there is */
	bool mono_pid;
	bool lttng_names; /* of the kernel's events, and an environment that says so */
};

/* Payloads of scalars and strings only: `gaps[i]` bytes, a string, …, the last gap. */
enum { FLAT_STRINGS_MAX = 4 };
struct table_flat {
	uint8_t strings; /* 0: not of that kind */
	uint32_t gaps[FLAT_STRINGS_MAX + 1];
};

struct table_event {
	/* Of a whole record with its header, without the CPU; 0: it varies, or nothing is known. */
	uint16_t fixed_size;
	bool known;
	bool wanted;
	struct table_flat flat;
	const struct classes_class *class;
	struct ctf_event_class *event; /* that the filter was bound to */
	struct filter_bound *bound; /* NULL: no filter, or it never matches */
};

struct table {
	struct str canon; /* what makes two tables equal, byte by byte */
	struct VEC(struct table_event) events; /* by id */
	uint32_t wanted_count, site_count;
	bool wants_all; /* no event of it is unwanted, and there is no filter */
	struct ctf_stream_class *streams[2]; /* without and with the CPU; NULL: not needed yet */
	size_t streams_done[2]; /* ids below are in the stream class */
	struct ctf_stream_class *shadow; /* that filters are bound to; not in the trace */
};

/* The objects of a pool, copied out of it and checked. */
struct table_object {
	struct piste_object_record record;
	struct span bytes; /* all of it, a private copy */
};

struct objects {
	char *copy;
	struct VEC(struct table_object) list;
	struct str canon;
	uint64_t used; /* bytes of the pool's area that this is a copy of */
};

/* Reads what a pool says of its objects; what is broken ends the list. 0 or -ENOMEM. */
int objects_read(struct objects *o, const struct pool *pool);
void objects_fini(struct objects *o);

/* Whether what these objects are is in the table already, or the table is the start of them. */
bool table_has(const struct table *t, const struct objects *o);
bool table_may_grow(const struct table *t, const struct objects *o);
/* Adds the events of the objects that are not yet in the table. The arena lives as long as it. */
int table_grow(struct table *t, const struct objects *o, const struct wants *wants,
	       struct arena *arena, struct diag *diag);
void table_fini(struct table *t);

/* Calls `each` for every site, also for those of which no event exists yet. */
typedef void (*site_fn)(void *data, const struct piste_site *site, const char *provider,
			const char *event);
void objects_each_site(const struct objects *o, site_fn each, void *data);

#endif
