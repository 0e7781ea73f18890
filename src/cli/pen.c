/* SPDX-License-Identifier: MIT */
#include "cli/pen.h"

#include <stdio.h>

static const char *const styles[] = {
	[PEN_PLAIN] = "",           [PEN_BOLD] = "\033[1m", [PEN_DIM] = "\033[2m",
	[PEN_TITLE] = "\033[1;36m", [PEN_BAR] = "\033[36m", [PEN_GOOD] = "\033[32m",
	[PEN_WARN] = "\033[33m",    [PEN_BAD] = "\033[31m", [PEN_KEY] = "\033[1m",
	[PEN_CHOSEN] = "\033[7m",
};

static bool continues(char c)
{
	return (c & 0xc0) == 0x80;
}

int text_columns(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += !continues(*text);
	return n;
}

/* At most `max` columns of it. */
static void put(struct pen *p, const char *text, int max)
{
	const char *end = text;
	int n = 0;

	if (max > p->width - p->column)
		max = p->width - p->column;
	while (*end && (n < max || continues(*end)))
		n += !continues(*end++);
	str_add_bytes(p->out, text, (size_t)(end - text));
	p->column += n;
}

static void style_on(struct pen *p, enum pen_style style)
{
	if (p->is_chosen)
		return;
	if (p->colour || style == PEN_CHOSEN)
		str_add(p->out, styles[style]);
}

static void style_off(struct pen *p, enum pen_style style)
{
	if (!p->is_chosen && style != PEN_PLAIN && p->colour)
		str_add(p->out, "\033[0m");
}

void pen_text(struct pen *p, enum pen_style style, const char *text)
{
	style_on(p, style);
	put(p, text, p->width);
	style_off(p, style);
}

void pen_printf(struct pen *p, enum pen_style style, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pen_text(p, style, text);
}

void pen_blanks(struct pen *p, int n)
{
	for (; n > 0 && p->column < p->width; n--) {
		str_add_char(p->out, ' ');
		p->column++;
	}
}

void pen_cell(struct pen *p, enum pen_style style, const char *text, int width, bool is_right)
{
	int is = text_columns(text);

	if (is_right)
		pen_blanks(p, width - is);
	style_on(p, style);
	put(p, text, width);
	style_off(p, style);
	if (!is_right)
		pen_blanks(p, width - is);
}

void pen_choose(struct pen *p)
{
	style_on(p, PEN_CHOSEN);
	p->is_chosen = true;
}

void pen_end(struct pen *p)
{
	if (p->is_chosen) {
		pen_blanks(p, p->width);
		p->is_chosen = false;
		str_add(p->out, "\033[0m");
	}
	str_add_char(p->out, '\n');
	p->column = 0;
}
