/* SPDX-License-Identifier: MIT */
/*
 * Entries are kept in the order in which they came. Text may quote hostile
 * input, so control characters, which could drive the reader's terminal, are
 * replaced here, once, and not by each printer.
 */
#include "base/diag.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

static char *format_line(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
static char *format_line(const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		return NULL;
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = *c == '\n' || *c == '\t' ? ' ' : '?';
	return text;
}

static void free_entry(struct diag_entry *e)
{
	free((char *)e->place.file);
	free(e->message);
	free(e->hint);
}

static void add(struct diag *d, enum diag_severity severity, const struct diag_place *place,
		const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));
static void add(struct diag *d, enum diag_severity severity, const struct diag_place *place,
		const char *fmt, va_list ap)
{
	struct {
		struct diag_entry *items;
		size_t len, cap;
	} entries;
	struct diag_entry e = {.severity = severity};

	if (!d)
		return;
	d->errors += severity == DIAG_ERROR;
	d->warnings += severity == DIAG_WARNING;
	d->newest_dropped = true;
	if (d->len >= DIAG_MAX) {
		d->dropped++;
		return;
	}
	e.message = format_line(fmt, ap);
	if (place) {
		e.place = *place;
		e.place.file = place->file ? strdup(place->file) : NULL;
	}
	entries.items = d->entries;
	entries.len = d->len;
	entries.cap = d->cap;
	if (!e.message || vec_push(&entries, e)) {
		free_entry(&e);
		d->dropped++;
		return;
	}
	d->entries = entries.items;
	d->len = entries.len;
	d->cap = entries.cap;
	d->newest_dropped = false;
}

void diag_fini(struct diag *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->len; i++)
		free_entry(&d->entries[i]);
	free(d->entries);
	memset(d, 0, sizeof(*d));
}

#define DEFINE_DIAG(name, severity)                                                                \
	int name(struct diag *d, const struct diag_place *place, const char *fmt, ...)             \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, fmt);                                                                 \
		add(d, severity, place, fmt, ap);                                                  \
		va_end(ap);                                                                        \
		return -EINVAL;                                                                    \
	}

DEFINE_DIAG(diag_error, DIAG_ERROR)
DEFINE_DIAG(diag_warn, DIAG_WARNING)
DEFINE_DIAG(diag_note, DIAG_NOTE)

void diag_move(struct diag *to, struct diag *from)
{
	struct {
		struct diag_entry *items;
		size_t len, cap;
	} entries = {to->entries, to->len, to->cap};

	for (size_t i = 0; i < from->len; i++)
		if (entries.len >= DIAG_MAX || vec_push(&entries, from->entries[i])) {
			free_entry(&from->entries[i]);
			to->dropped++;
		}
	to->entries = entries.items;
	to->len = entries.len;
	to->cap = entries.cap;
	to->errors += from->errors;
	to->warnings += from->warnings;
	to->dropped += from->dropped;
	from->len = 0;
	diag_fini(from);
}

void diag_hint(struct diag *d, const char *fmt, ...)
{
	struct diag_entry *e;
	va_list ap;

	if (!d || !d->len || d->newest_dropped)
		return;
	e = &d->entries[d->len - 1];
	free(e->hint);
	va_start(ap, fmt);
	e->hint = format_line(fmt, ap);
	va_end(ap);
}
