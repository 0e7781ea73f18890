/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_TOP_VIEW_H
#define PISTE_CLI_TOP_VIEW_H

#include "cli/top-model.h"

/*
 * top-view - rows of the model, as a screen, as a plain table, as JSON.
 */
enum { TOP_HISTORY = 256 };

struct top_view {
	struct top_query query;
	struct top_rows rows;
	char filter[64];
	bool is_filtering; /* what is typed goes to the filter */
	bool is_paused, shows_help;
	uint64_t chosen; /* the selected row's key */
	bool has_chosen;
	size_t first; /* row at the top of the screen */
	double history[TOP_HISTORY]; /* calls a second, the oldest first */
	size_t n_history;
	uint64_t interval_ns; /* between readings */
	const char *scope; /* "all processes", "process 123" … */
	const char *message; /* what the newest key has to say; or NULL */
};

struct terminal;

/* Takes the newest interval into the history. */
void top_view_note(struct top_view *v, const struct top_model *m);
/* The next frame. */
void top_view_screen(struct top_view *v, struct top_model *m, const struct terminal *t,
		     struct str *out);
/* How many rows fit. */
size_t top_view_capacity(const struct terminal *t);

/* A table, without what only a terminal can. max_rows 0: all. */
void top_view_table(struct top_view *v, struct top_model *m, size_t max_rows, bool colour,
		    struct str *out);
/* One object, on a line. */
void top_view_json(struct top_view *v, struct top_model *m, struct str *out);

extern const char *const top_group_names[]; /* by enum top_by */
extern const char *const top_column_names[]; /* by enum top_column */

#endif
