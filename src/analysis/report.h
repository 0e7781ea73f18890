/* SPDX-License-Identifier: MIT */
#ifndef PISTE_ANALYSIS_REPORT_H
#define PISTE_ANALYSIS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"

/*
 * report - what an analysis found: facts, and tables of typed cells. Whoever
 * shows it (text, JSON) knows nothing of the analysis.
 *
 *	report_fact(r, "lost_events", "events lost", REPORT_COUNT, n);
 *	report_table(r, "call");
 *	report_column(r, "count", "COUNT", REPORT_COUNT); …
 *	report_text(r, name); report_number(r, n); …	row after row
 */
enum report_unit {
	REPORT_TEXT,
	REPORT_COUNT,
	REPORT_NS,
	REPORT_ID, /* a number that is no quantity */
	REPORT_COUNTS, /* names and how often each */
};

struct report_count {
	const char *name;
	uint64_t count;
};

struct report_cell {
	bool is_absent;
	uint64_t number;
	const char *text;
	const struct report_count *counts; /* `number` of them */
};

struct report_column {
	const char *key, *heading; /* in JSON, for people */
	enum report_unit unit;
};

struct report_fact {
	const char *key, *text;
	enum report_unit unit;
	uint64_t number;
};

struct report_table {
	const char *name; /* what its rows are of */
	struct VEC(struct report_column) columns;
	struct VEC(struct report_cell) cells;
	uint64_t rows_left_out;
};

/* All-zero is empty. Failures stick in the arena's `failed`. */
struct report {
	struct VEC(struct report_fact) facts;
	struct VEC(struct report_table) tables;
	struct arena arena;
};

void report_fini(struct report *r);
void report_fact(struct report *r, const char *key, const char *text, enum report_unit unit,
		 uint64_t number);
void report_table(struct report *r, const char *name);
/* The following are of the newest table. */
void report_column(struct report *r, const char *key, const char *heading, enum report_unit unit);
void report_text(struct report *r, const char *text); /* copied */
void report_number(struct report *r, uint64_t number);
void report_counts(struct report *r, const struct report_count *counts, size_t n); /* copied */
void report_absent(struct report *r); /* an empty cell */
void report_left_out(struct report *r, uint64_t rows);

#endif
