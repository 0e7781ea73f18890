/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_GRID_H
#define PISTE_CLI_GRID_H

#include "base/arena.h"
#include "base/str.h"
#include "base/vec.h"

/*
 * grid - columns for people: a heading, cells aligned, numbers to the right.
 *
 *	struct grid t = {0};
 *	grid_column(&t, "EVENT", false);
 *	grid_column(&t, "COUNT", true);
 *	grid_cell(&t, "%s", name); grid_count(&t, n);	row after row
 *	grid_write(&t, &out, cli_has_colour(stdout));
 *	grid_fini(&t);
 */
struct grid_column {
	const char *heading;
	bool is_right;
};

struct grid {
	struct VEC(struct grid_column) columns;
	struct VEC(const char *) cells;
	struct arena arena;
};

void grid_fini(struct grid *t);
void grid_column(struct grid *t, const char *heading, bool is_right);
void grid_cell(struct grid *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void grid_count(struct grid *t, uint64_t n); /* 2,310,442 */
/* Cells are cut nowhere; the last column is not padded. Indented by two blanks. */
void grid_write(const struct grid *t, struct str *out, bool colour);

#endif
