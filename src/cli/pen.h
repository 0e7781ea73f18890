/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_PEN_H
#define PISTE_CLI_PEN_H

#include <stdbool.h>

#include "base/str.h"

/*
 * pen - writes lines for a screen of a given width: what is beyond it is cut
 * off, and styles do not count. Text is UTF-8, all of it taken for narrow.
 */
enum pen_style {
	PEN_PLAIN,
	PEN_BOLD,
	PEN_DIM,
	PEN_TITLE,
	PEN_BAR,
	PEN_GOOD,
	PEN_WARN,
	PEN_BAD,
	PEN_KEY,
	PEN_CHOSEN, /* the line that is selected: all of it, whatever styles come after */
};

struct pen {
	struct str *out;
	int width, column; /* columns of the line, and used so far */
	bool colour;
	bool is_chosen;
};

void pen_text(struct pen *p, enum pen_style style, const char *text);
void pen_printf(struct pen *p, enum pen_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Text in `width` columns, to the right or to the left of them, cut when longer. */
void pen_cell(struct pen *p, enum pen_style style, const char *text, int width, bool is_right);
void pen_blanks(struct pen *p, int n);
/* The rest of the line is chosen: it is shown inverted up to the screen's edge. */
void pen_choose(struct pen *p);
void pen_end(struct pen *p); /* of the line */

int text_columns(const char *text);

#endif
