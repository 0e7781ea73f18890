/* SPDX-License-Identifier: MIT */
/*
 * format.c - the lines of a `format` file, each field's type out of its C
 * declaration; and the way from a record of the kernel to a payload, which
 * follows the places that were found so.
 */
#include "kern/format.h"

#include <errno.h>
#include <string.h>

#include "base/vec.h"
#include "kern/format-text.h"

struct reader {
	struct format *out;
	struct VEC(struct kern_field) fields;
	struct VEC(struct format_place) places;
	struct arena *arena;
	struct diag *diag;
	unsigned line;
	bool has_pid;
};

/* --- a line -------------------------------------------------------------------- */

/* A field's line: what stands behind its keys. */
struct line {
	struct text declaration;
	uint64_t offset, size, is_signed;
};

static bool take_number(struct text *t, const char *key, uint64_t max, uint64_t *value)
{
	struct text number;

	if (!text_take(t, key))
		return false;
	number = text_until(t, ';');
	text_trim(&number);
	/* digits alone: an expression would do, but no kernel writes one */
	return format_constant(number, NULL, value) && *value <= max;
}

static bool read_line(struct text *t, struct line *line)
{
	line->declaration = text_until(t, ';');
	text_trim(&line->declaration);
	return line->declaration.at < line->declaration.end &&
	       take_number(t, "offset:", UINT16_MAX, &line->offset) &&
	       take_number(t, "size:", UINT16_MAX, &line->size) &&
	       take_number(t, "signed:", 1, &line->is_signed);
}

/* --- a declaration --------------------------------------------------------------- */

/* "const char *name", "__data_loc u8[] addr", "int list[4]" taken apart. */
struct declaration {
	struct text type, name, dimension;
	bool is_array; /* with a dimension, which may be empty */
	enum format_how how;
};

static bool take_apart(struct text t, struct declaration *d)
{
	struct text inside;
	const char *bracket;

	*d = (struct declaration){.how = FORMAT_PLAIN};
	if (text_take(&t, "__data_loc"))
		d->how = FORMAT_DATA_LOC;
	else if (text_take(&t, "__rel_loc"))
		d->how = FORMAT_REL_LOC;
	bracket = memchr(t.at, '[', (size_t)(t.end - t.at));
	if (bracket) { /* "u8[] addr" and "u8 addr[4]" */
		struct text behind = {bracket, t.end};

		if (!text_take_brackets(&behind, &inside))
			return false;
		d->is_array = true;
		d->dimension = inside;
		text_trim(&d->dimension);
		text_trim(&behind);
		if (behind.at < behind.end) {
			d->name = behind;
			d->type = (struct text){t.at, bracket};
		} else {
			t.end = bracket;
		}
	}
	text_trim(&t);
	if (!d->name.at) { /* the last word */
		d->name = (struct text){t.end, t.end};
		while (d->name.at > t.at && text_is_word(d->name.at[-1]))
			d->name.at--;
		d->type = (struct text){t.at, d->name.at};
	}
	text_trim(&d->type);
	for (const char *p = d->name.at; p < d->name.end; p++)
		if (!text_is_word(*p))
			return false;
	return d->name.at < d->name.end && d->type.at < d->type.end;
}

static bool ends_in(struct text t, char c)
{
	return t.end > t.at && t.end[-1] == c;
}

/* The last word: text, for a kernel, is "char" and not "unsigned char". */
static bool is_char(struct text type)
{
	struct text word;

	for (;;) {
		word = text_take_word(&type);
		if (word.at == word.end || !(text_is(word, "const") || text_is(word, "char")))
			return false;
		text_skip_space(&type);
		if (type.at == type.end)
			return text_is(word, "char");
	}
}

/* Bytes of an element; 1 when nothing tells. */
static unsigned element_size(const struct declaration *d, uint64_t size)
{
	unsigned known = text_type_size(d->type);
	uint64_t count;

	if (!known && d->how == FORMAT_PLAIN && size &&
	    format_constant(d->dimension, NULL, &count) && count && size % count == 0)
		known = size / count <= sizeof(uint64_t) ? (unsigned)(size / count) : 1;
	return known == 1 || known == 2 || known == 4 || known == 8 ? known : 1;
}

static uint8_t dynamic_kind(const struct declaration *d, unsigned element)
{
	return is_char(d->type) ? KERN_TEXT : element == 1 ? KERN_BYTES : KERN_SEQUENCE;
}

static void set_type(struct kern_field *field, struct format_place *place,
		     const struct declaration *d, const struct line *line)
{
	unsigned element = element_size(d, line->size);
	bool is_scalar = !d->is_array &&
			 (line->size == 1 || line->size == 2 || line->size == 4 || line->size == 8);

	*place = (struct format_place){(uint32_t)line->offset, (uint32_t)line->size, d->how};
	field->is_signed = line->is_signed;
	field->size = (uint8_t)element;
	if (d->how != FORMAT_PLAIN) {
		field->kind = dynamic_kind(d, element);
	} else if (!line->size) {
		place->how = FORMAT_REST;
		field->kind = dynamic_kind(d, element);
	} else if (is_scalar) {
		field->kind = KERN_INTEGER;
		field->size = (uint8_t)line->size;
		field->base = ends_in(d->type, '*') ? KERN_HEX : KERN_DECIMAL;
	} else if (d->is_array && is_char(d->type)) {
		field->kind = KERN_CHARS;
		field->count = (uint32_t)line->size;
	} else { /* a struct is its bytes */
		field->size = line->size % element ? 1 : (uint8_t)element;
		field->kind = KERN_ARRAY;
		field->count = (uint32_t)line->size / field->size;
		field->is_signed &= d->is_array;
	}
}

/* --- fields ---------------------------------------------------------------------- */

/* CTF wants names that differ; the kernel does not mind. */
static const char *unique_name(struct reader *r, struct text name)
{
	char *copy = arena_strndup(r->arena, name.at, (size_t)(name.end - name.at));
	const char *wanted = copy;
	unsigned n = 1;

	for (size_t i = 0; copy && i < r->fields.len; i++)
		if (!strcmp(r->fields.items[i].name, wanted)) {
			wanted = arena_printf(r->arena, "%s_%u", copy, ++n);
			if (!wanted)
				return NULL;
			i = (size_t)-1; /* from the start */
		}
	return wanted;
}

/* "unsigned int", "char[16]", "u64[]" */
static const char *type_name(struct reader *r, const struct declaration *d)
{
	if (!d->is_array)
		return arena_strndup(r->arena, d->type.at, (size_t)(d->type.end - d->type.at));
	return arena_printf(r->arena, "%.*s[%.*s]", (int)(d->type.end - d->type.at), d->type.at,
			    (int)(d->dimension.end - d->dimension.at), d->dimension.at);
}

static int add_field(struct reader *r, struct text t)
{
	const struct diag_place place = {.line = r->line};
	struct kern_field field = {0};
	struct format_place where;
	struct declaration d;
	struct line line;

	if (!read_line(&t, &line) || !take_apart(line.declaration, &d))
		return diag_error(r->diag, &place, "not a field as tracefs describes them");
	if (d.name.end - d.name.at > 7 && !memcmp(d.name.at, "common_", 7)) {
		if (text_is(d.name, "common_pid") && line.size == 4) {
			r->has_pid = true;
			r->out->pid_offset = (uint32_t)line.offset;
		}
		return 0;
	}
	if (r->fields.len == FORMAT_FIELDS_MAX)
		return diag_error(r->diag, &place, "more than %d fields", FORMAT_FIELDS_MAX);
	set_type(&field, &where, &d, &line);
	field.name = unique_name(r, d.name);
	field.type = type_name(r, &d);
	if (!field.name || !field.type || vec_push(&r->fields, field) ||
	    vec_push(&r->places, where))
		return -ENOMEM;
	return 0;
}

static uint32_t fixed_size(const struct format *f)
{
	uint32_t size = 0;

	for (size_t i = 0; i < f->n_fields; i++) {
		if (f->places[i].how != FORMAT_PLAIN)
			return 0;
		size += f->places[i].size;
	}
	return size;
}

static int read_lines(struct reader *r, struct text text, struct text *print)
{
	struct format *f = r->out;
	uint64_t id = UINT64_MAX;
	int rc = 0;

	while (!rc && text.at < text.end) {
		const char *newline = memchr(text.at, '\n', (size_t)(text.end - text.at));
		struct text line = {text.at, newline ? newline : text.end};

		r->line++;
		if (text_take(&line, "print fmt:")) { /* up to the end of the file */
			*print = (struct text){line.at, text.end};
			break;
		}
		text.at = newline ? newline + 1 : text.end;
		if (text_take(&line, "field:")) {
			rc = add_field(r, line);
		} else if (text_take(&line, "name:")) {
			text_trim(&line);
			f->name = arena_strndup(r->arena, line.at, (size_t)(line.end - line.at));
		} else if (text_take(&line, "ID:")) {
			text_trim(&line);
			if (!format_constant(line, NULL, &id))
				id = UINT64_MAX;
		}
	}
	if (rc)
		return rc;
	if (id > UINT16_MAX || !r->has_pid || (!f->name && !arena_failed(r->arena)))
		return diag_error(r->diag, NULL, "not a format of tracefs: %s is missing",
				  id > UINT16_MAX ? "ID"
				  : f->name       ? "common_pid"
						  : "name");
	f->id = (uint32_t)id;
	return arena_failed(r->arena) ? -ENOMEM : 0;
}

static int keep_fields(struct reader *r)
{
	struct format *f = r->out;

	f->n_fields = r->fields.len;
	if (!f->n_fields)
		return 0;
	f->fields = arena_memdup(r->arena, r->fields.items, f->n_fields * sizeof(*f->fields));
	f->places = arena_memdup(r->arena, r->places.items, f->n_fields * sizeof(*f->places));
	if (!f->fields || !f->places)
		return -ENOMEM;
	f->fixed_size = fixed_size(f);
	return 0;
}

int format_parse(struct format *out, struct span text, const struct format_constants *constants,
		 struct arena *arena, struct diag *diag)
{
	struct reader r = {.out = out, .arena = arena, .diag = diag};
	struct text all = {(const char *)text.data, (const char *)text.data + text.len},
		    print = {0};
	int rc;

	memset(out, 0, sizeof(*out));
	if (!text.len || text.len > FORMAT_TEXT_MAX)
		return diag_error(diag, NULL, "a format of %zu bytes", text.len);
	rc = read_lines(&r, all, &print);
	if (!rc)
		rc = keep_fields(&r);
	if (!rc && print.at)
		rc = format_read_print(out, print, constants, arena);
	vec_fini(&r.fields);
	vec_fini(&r.places);
	return rc;
}

/* --- records ------------------------------------------------------------------------ */

static uint32_t read_u32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* Where a dynamic field's bytes are; false: outside of the record. */
static bool find_bytes(const struct format_place *place, struct span record, struct span *bytes)
{
	uint32_t word;
	size_t offset;

	if (place->how == FORMAT_REST) {
		if (place->offset > record.len)
			return false;
		*bytes = (struct span){record.data + place->offset, record.len - place->offset};
		return true;
	}
	if (place->size != sizeof(word) || record.len < place->offset + sizeof(word))
		return false;
	word = read_u32(record.data + place->offset);
	offset =
		(word & 0xffff) + (place->how == FORMAT_REL_LOC ? place->offset + sizeof(word) : 0);
	if (offset > record.len || record.len - offset < word >> 16)
		return false;
	*bytes = (struct span){record.data + offset, word >> 16};
	return true;
}

/* Bytes written, or negative errno. */
static int pack_dynamic(const struct kern_field *field, const struct format_place *place,
			struct span record, uint8_t *out, size_t room)
{
	struct span bytes;
	uint32_t count;

	if (!find_bytes(place, record, &bytes))
		return -EINVAL;
	if (field->kind == KERN_TEXT) {
		size_t len = strnlen((const char *)bytes.data, bytes.len);

		if (len + 1 > room)
			return -ENOSPC;
		memcpy(out, bytes.data, len);
		out[len] = '\0';
		return (int)len + 1;
	}
	count = (uint32_t)(bytes.len / field->size);
	if (sizeof(count) + (size_t)count * field->size > room)
		return -ENOSPC;
	memcpy(out, &count, sizeof(count));
	memcpy(out + sizeof(count), bytes.data, (size_t)count * field->size);
	return (int)(sizeof(count) + (size_t)count * field->size);
}

int format_pack(const struct format *f, struct span record, uint8_t *out, size_t room)
{
	size_t at = 0;

	for (size_t i = 0; i < f->n_fields; i++) {
		const struct format_place *place = &f->places[i];
		int len = (int)place->size;

		if (place->how != FORMAT_PLAIN) {
			len = pack_dynamic(&f->fields[i], place, record, out + at, room - at);
			if (len < 0)
				return len;
		} else if (record.len < (size_t)place->offset + place->size) {
			return -EINVAL;
		} else if (room - at < place->size) {
			return -ENOSPC;
		} else {
			memcpy(out + at, record.data + place->offset, place->size);
		}
		at += (size_t)len;
	}
	return (int)at;
}
