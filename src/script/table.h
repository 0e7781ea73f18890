/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_TABLE_H
#define PISTE_SCRIPT_TABLE_H

#include "base/arena.h"
#include "script/value.h"

/*
 * table - a map of a script at one moment: its entries, those of all CPUs put
 * together, in the order in which they are shown; and how that is written.
 */
struct table_row {
	const uint8_t *key; /* NULL: the map has none */
	const uint64_t *value; /* of aggregations: merged; else as stored */
	uint64_t weight; /* what rows are ordered by */
};

struct table {
	const struct lang_map *map;
	struct table_row *rows;
	size_t n;
};

/* Where entries come from: a map of the kernel, or of our machine. */
struct table_source {
	void *data;
	bool (*next)(void *data, const struct lang_map *map, const void *key, void *next);
	/* n_cpus values one behind the other for per-CPU maps */
	int (*get)(void *data, const struct lang_map *map, const void *key, void *value);
	int n_cpus;
};

int table_read(struct table *out, const struct lang_map *map, const struct table_source *source,
	       struct arena *a);
/* top: only the largest so many (0: all); divisor: of what is shown (0: 1). */
void table_write(struct str *out, const struct table *t, struct values *v, uint64_t top,
		 uint64_t divisor);

#endif
