/* SPDX-License-Identifier: MIT */
/*
 * format-print.c - what `print fmt` says: a format string of printf, and an
 * argument for each of its conversions. An argument that is a field alone tells
 * how people read it; one with __print_symbolic or __print_flags names values.
 * All else computes, and is left out.
 */
#include <errno.h>

#include "base/vec.h"
#include "kern/format-text.h"

struct reader {
	struct format *f;
	const struct format_constants *constants;
	struct arena *arena;
};

/* Takes brackets and casts off: REC->name; NULL when there is more to it. */
static struct kern_field *plain_field(const struct reader *r, struct text t)
{
	struct text inside, rest;

	for (;;) {
		text_trim(&t);
		rest = t;
		if (!text_take_brackets(&rest, &inside))
			break;
		text_trim(&rest);
		if (rest.at == rest.end)
			t = inside;
		else if (text_is_type(inside))
			t = rest;
		else
			return NULL;
	}
	if (!text_take(&t, "REC->"))
		return NULL;
	for (size_t i = 0; i < r->f->n_fields; i++)
		if (text_is(t, r->f->fields[i].name))
			return &r->f->fields[i];
	return NULL;
}

/* Flags may be masked: REC->state & MASK. */
static struct kern_field *masked_field(const struct reader *r, struct text t)
{
	struct text left = text_until(&t, '&');

	if (t.at < t.end && *t.at == '&')
		return NULL;
	return plain_field(r, left);
}

/* As the field's value reads when it was extended to 64 bits. */
static uint64_t as_field(const struct kern_field *field, uint64_t value)
{
	unsigned drop = 64 - 8u * field->size;

	return field->is_signed ? (uint64_t)((int64_t)(value << drop) >> drop)
				: value << drop >> drop;
}

/* { value, "name" }, … up to the end; items that are not understood are left out. */
static int read_items(const struct reader *r, struct text t, const struct kern_field *field,
		      struct kern_labels *labels)
{
	struct VEC(struct kern_label) items = {0};
	struct text item;
	int rc = 0;

	while (!rc && text_take_brackets(&t, &item) && items.len < FORMAT_LABELS_MAX) {
		struct text value = text_until(&item, ',');
		struct kern_label label;

		text_take(&t, ",");
		label.name = text_take_strings(&item, r->arena);
		if (label.name && *label.name &&
		    format_constant(value, r->constants, &label.value)) {
			label.value = as_field(field, label.value);
			rc = vec_push(&items, label);
		}
	}
	if (!rc && items.len) {
		labels->items =
			arena_memdup(r->arena, items.items, items.len * sizeof(*items.items));
		labels->n = labels->items ? items.len : 0;
		rc = labels->items ? 0 : -ENOMEM;
	}
	vec_fini(&items);
	return rc;
}

/* The inside of __print_symbolic(…) or __print_flags(…). */
static int read_labels(const struct reader *r, struct text t, bool is_flags)
{
	struct text value = text_until(&t, ',');
	struct kern_field *field = is_flags ? masked_field(r, value) : plain_field(r, value);
	struct kern_labels *labels;
	int rc;

	if (!field || field->kind != KERN_INTEGER || field->labels)
		return 0;
	if (is_flags)
		text_until(&t, ','); /* what stands between them */
	labels = arena_new(r->arena, struct kern_labels);
	if (!labels)
		return -ENOMEM;
	labels->is_flags = is_flags;
	rc = read_items(r, t, field, labels);
	if (labels->n)
		field->labels = labels;
	return rc;
}

/* Wherever in an argument, as in `REC->x ? __print_flags(…) : "none"`. */
static int find_labels(const struct reader *r, struct text t)
{
	static const struct {
		const char *name;
		bool is_flags;
	} macros[] = {
		{"__print_symbolic", false},
		{"__print_symbolic_u64", false},
		{"__print_flags", true},
		{"__print_flags_u64", true},
	};
	struct text inside;
	int rc = 0;

	while (!rc && t.at < t.end) {
		struct text word = text_take_word(&t);

		if (word.at == word.end) {
			if (t.at < t.end && *t.at == '"')
				text_take_strings(&t, r->arena);
			else
				t.at += t.at < t.end;
			continue;
		}
		for (size_t i = 0; !rc && i < sizeof(macros) / sizeof(*macros); i++)
			if (text_is(word, macros[i].name) && text_take_brackets(&t, &inside))
				rc = read_labels(r, inside, macros[i].is_flags);
	}
	return rc;
}

/* --- conversions -------------------------------------------------------------------- */

struct conversion {
	char kind; /* d u x o p s c … */
	char pointer; /* behind %p: S s I M …; else 0 */
	unsigned stars; /* arguments of its own, in front */
};

/* Behind a '%'. */
static const char *read_conversion(const char *p, struct conversion *c)
{
	*c = (struct conversion){0};
	for (; *p && strchr("-+ #0123456789.*hlLqjzt", *p); p++)
		c->stars += *p == '*';
	c->kind = *p;
	if (*p)
		p++;
	if (c->kind == 'p' && isalnum((unsigned char)*p)) {
		c->pointer = *p;
		while (isalnum((unsigned char)*p))
			p++;
	}
	return p;
}

static uint8_t base_of(const struct conversion *c, uint8_t otherwise)
{
	switch (c->kind) {
	case 'x':
	case 'X':
		return KERN_HEX;
	case 'o':
		return KERN_OCTAL;
	case 'p':
		return c->pointer && strchr("sSfFB", c->pointer) ? KERN_SYMBOL : KERN_HEX;
	default:
		return otherwise;
	}
}

static int read_argument(const struct reader *r, const struct conversion *c, struct text t)
{
	struct kern_field *field = plain_field(r, t);

	if (!field)
		return find_labels(r, t);
	if (field->kind == KERN_INTEGER && field->base == KERN_DECIMAL)
		field->base = base_of(c, field->base);
	else if (field->kind == KERN_INTEGER && base_of(c, KERN_HEX) == KERN_SYMBOL)
		field->base = KERN_SYMBOL;
	if (c->kind == 's' && field->kind == KERN_ARRAY && field->size == 1)
		field->kind = KERN_CHARS;
	return 0;
}

int format_read_print(struct format *f, struct text print, const struct format_constants *constants,
		      struct arena *arena)
{
	struct reader r = {f, constants, arena};
	const char *p = text_take_strings(&print, arena);
	struct conversion c;
	int rc = 0;

	if (!p)
		return arena_failed(arena) ? -ENOMEM : 0; /* no string: a kernel's own, or old */
	text_take(&print, ",");
	while (!rc && *p) {
		if (*p++ != '%')
			continue;
		p = read_conversion(p, &c);
		if (c.kind == '%')
			continue;
		for (unsigned i = 0; i < c.stars; i++)
			text_until(&print, ',');
		rc = read_argument(&r, &c, text_until(&print, ','));
	}
	return rc;
}
