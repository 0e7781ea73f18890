/* SPDX-License-Identifier: MIT */
#include "cli/grid.h"

#include <stdarg.h>
#include <string.h>

void grid_fini(struct grid *t)
{
	vec_fini(&t->columns);
	vec_fini(&t->cells);
	arena_fini(&t->arena);
}

void grid_column(struct grid *t, const char *heading, bool is_right)
{
	t->arena.failed |= vec_push(&t->columns, ((struct grid_column){heading, is_right})) != 0;
}

static void add_cell(struct grid *t, const struct str *text)
{
	const char *copy = arena_strndup(&t->arena, str_c(text), text->len);

	if (!copy || text->failed || vec_push(&t->cells, copy))
		t->arena.failed = true;
}

void grid_cell(struct grid *t, const char *fmt, ...)
{
	struct str text = {0};
	va_list ap;

	va_start(ap, fmt);
	str_addv(&text, fmt, ap);
	va_end(ap);
	add_cell(t, &text);
	str_fini(&text);
}

void grid_count(struct grid *t, uint64_t n)
{
	struct str text = {0};

	str_add_count_human(&text, n);
	add_cell(t, &text);
	str_fini(&text);
}

/* Columns that a text takes on a terminal: its characters of UTF-8, all taken for narrow. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void write_cell(struct str *out, const char *text, size_t width, bool is_right, bool is_last)
{
	size_t is = width_of(text);

	for (size_t i = is; is_right && i < width; i++)
		str_add_char(out, ' ');
	str_add(out, text);
	for (size_t i = is; !is_right && !is_last && i < width; i++)
		str_add_char(out, ' ');
}

static size_t column_width(const struct grid *t, size_t column)
{
	size_t width = width_of(t->columns.items[column].heading);

	for (size_t i = column; i < t->cells.len; i += t->columns.len) {
		size_t is = width_of(t->cells.items[i]);

		width = is > width ? is : width;
	}
	return width;
}

void grid_write(const struct grid *t, struct str *out, bool colour)
{
	size_t n = t->columns.len, widths[32];

	if (t->arena.failed || n > 32) {
		out->failed = true;
		return;
	}
	for (size_t c = 0; c < n; c++)
		widths[c] = column_width(t, c);
	for (size_t row = 0; n && row <= t->cells.len / n; row++) {
		if (colour && !row)
			str_add(out, "\033[1m");
		for (size_t c = 0; c < n; c++) {
			str_add(out, "  ");
			write_cell(out,
				   row ? t->cells.items[(row - 1) * n + c]
				       : t->columns.items[c].heading,
				   widths[c], t->columns.items[c].is_right, c + 1 == n);
		}
		str_add(out, colour && !row ? "\033[0m\n" : "\n");
	}
}
