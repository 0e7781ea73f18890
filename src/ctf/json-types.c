/* SPDX-License-Identifier: MIT */
/* json-types.c - see json-types.h. One function a field class (CTF2-SPEC-2.0, 5.3). */
#include "ctf/json-types.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_ALIGN (1u << 30)

void json_fail(struct json_reader *jp, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (jp->error)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct diag_place place = {.file = jp->file_name, .line = jp->line, .column = 1};
	jp->error = diag_error(jp->diag, &place, "%s", text);
}

void json_no_memory(struct json_reader *jp)
{
	if (!jp->error)
		jp->error = -ENOMEM;
}

bool json_is_whole(const json_t *v)
{
	return json_is_integer(v) || (json_is_string(v) && json_string_value(v)[0] == 1);
}

uint64_t json_whole(const json_t *v)
{
	return json_is_integer(v) ? (uint64_t)json_integer_value(v)
				  : strtoull(json_string_value(v) + 1, NULL, 10);
}

bool json_is_below_zero(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) < 0;
}

uint64_t json_u64(struct json_reader *jp, const json_t *o, const char *key, bool required,
		  uint64_t otherwise)
{
	const json_t *v = json_object_get(o, key);
	if (!v && !required)
		return otherwise;
	if (json_is_whole(v) && !json_is_below_zero(v))
		return json_whole(v);
	json_fail(jp, v ? "`%s` is not an unsigned integer" : "`%s` is missing", key);
	return otherwise;
}

int64_t json_i64(struct json_reader *jp, const json_t *o, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(o, key);
	if (v && !json_is_integer(v))
		json_fail(jp, "`%s` is not an integer of 64 bits", key);
	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

static const char *copy_text(struct json_reader *jp, const json_t *v)
{
	const char *copy = arena_strdup(jp->arena, json_string_value(v));
	if (!copy)
		json_no_memory(jp);
	return copy;
}

const char *json_text(struct json_reader *jp, const json_t *o, const char *key, bool required)
{
	const json_t *v = json_object_get(o, key);
	if (json_is_string(v))
		return copy_text(jp, v);
	if (v || required)
		json_fail(jp, v ? "`%s` is not a string" : "`%s` is missing", key);
	return NULL;
}

const char *json_dump(struct json_reader *jp, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	if (!v)
		return NULL;
	if (!json_is_object(v))
		json_fail(jp, "`%s` is not an object", key);
	char *text = json_dumps(v, JSON_COMPACT);
	const char *copy = text ? arena_strdup(jp->arena, text) : NULL;
	free(text);
	if (!copy)
		json_no_memory(jp);
	return copy;
}

/* --- what several classes share -------------------------------------------------- */

static uint32_t read_align(struct json_reader *jp, const json_t *o, const char *key)
{
	uint64_t align = json_u64(jp, o, key, false, 1);
	if (!align || align > MAX_ALIGN || (align & (align - 1))) {
		json_fail(jp, "`%s` is a power of two up to 2^30", key);
		return 1;
	}
	return (uint32_t)align;
}

static void read_order(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	const char *order = json_text(jp, o, "byte-order", true);
	const char *bits = json_text(jp, o, "bit-order", false);
	if (jp->error)
		return;
	if (!strcmp(order, "big-endian"))
		t->byte_order = CTF_BIG_ENDIAN;
	else if (strcmp(order, "little-endian"))
		json_fail(jp, "`%s` is no byte order", order);
	const char *natural = t->byte_order == CTF_BIG_ENDIAN ? "last-to-first" : "first-to-last";
	if (bits && strcmp(bits, "first-to-last") && strcmp(bits, "last-to-first"))
		json_fail(jp, "`%s` is no bit order", bits);
	else if (bits && strcmp(bits, natural))
		json_fail(jp, "the bit order %s with %s is not supported", bits, order);
}

static struct ctf_ref read_location(struct json_reader *jp, const json_t *o, const char *key)
{
	static const char *const origins[] = {
#define X(id, tsdl, json) [CTF_SCOPE_##id] = json,
		CTF_SCOPES(X)
#undef X
	};
	struct ctf_ref ref = {.scope = CTF_SCOPE_RELATIVE, .line = jp->line, .column = 1};
	const json_t *location = json_object_get(o, key);
	const json_t *path = json_object_get(location, "path");
	const char *origin = json_text(jp, location, "origin", false);
	ref.n_path = json_array_size(path);
	if (!ref.n_path) {
		json_fail(jp, "`%s` lacks its path", key);
		return ref;
	}
	for (size_t i = 0; origin && i < CTF_N_SCOPES; i++)
		if (!strcmp(origins[i], origin))
			ref.scope = (enum ctf_scope)i;
	if (origin && ref.scope == CTF_SCOPE_RELATIVE)
		json_fail(jp, "`%s` is no origin of a field location", origin);
	ref.path = arena_array(jp->arena, ref.n_path, sizeof(*ref.path));
	if (!ref.path)
		json_no_memory(jp);
	for (size_t i = 0; !jp->error && i < ref.n_path; i++) {
		const json_t *v = json_array_get(path, i);
		if (json_is_string(v))
			ref.path[i] = copy_text(jp, v);
		else if (!json_is_null(v))
			json_fail(jp, "`%s` has a path of strings and nulls", key);
	}
	return ref;
}

/* [[lo, hi], …] */
static size_t read_ranges(struct json_reader *jp, const json_t *list, struct ctf_range **out)
{
	size_t n = json_array_size(list);
	if (!n)
		json_fail(jp, "an integer range set has at least one range");
	*out = n ? arena_array(jp->arena, n, sizeof(**out)) : NULL;
	if (n && !*out)
		json_no_memory(jp);
	for (size_t i = 0; !jp->error && i < n; i++) {
		const json_t *pair = json_array_get(list, i);
		const json_t *lo = json_array_get(pair, 0), *hi = json_array_get(pair, 1);
		if (json_array_size(pair) != 2 || !json_is_whole(lo) || !json_is_whole(hi)) {
			json_fail(jp, "an integer range is [lower, upper]");
			break;
		}
		struct ctf_range r = {json_whole(lo), json_whole(hi)};
		bool lo_negative = json_is_below_zero(lo), hi_negative = json_is_below_zero(hi);
		if (lo_negative == hi_negative ? r.lo > r.hi : hi_negative)
			json_fail(jp, "an integer range ends before it begins");
		(*out)[i] = r;
	}
	return n;
}

static void read_labels(struct json_reader *jp, const json_t *o, const char *key,
			struct ctf_integer *in)
{
	json_t *labels = json_object_get(o, key), *list;
	const char *name;
	size_t n = json_object_size(labels);
	if (labels && !json_is_object(labels))
		json_fail(jp, "`%s` is not an object", key);
	in->labels = n ? arena_array(jp->arena, n, sizeof(*in->labels)) : NULL;
	if (n && !in->labels)
		json_no_memory(jp);
	if (!in->labels)
		return;
	json_object_foreach(labels, name, list)
	{
		struct ctf_label *l = &in->labels[in->n_labels++];
		l->name = arena_strdup(jp->arena, name);
		if (!l->name)
			json_no_memory(jp);
		l->n_ranges = read_ranges(jp, list, &l->ranges);
		if (jp->error)
			return;
	}
}

static void read_base(struct json_reader *jp, const json_t *o, struct ctf_integer *in)
{
	uint64_t base = json_u64(jp, o, "preferred-display-base", false, 10);
	if (base != 2 && base != 8 && base != 10 && base != 16)
		json_fail(jp, "`preferred-display-base` is 2, 8, 10 or 16");
	in->base = (uint8_t)base;
}

static enum ctf_encoding read_encoding(struct json_reader *jp, const json_t *o)
{
	static const struct {
		const char *name;
		enum ctf_encoding encoding;
	} known[] = {
		{"utf-8", CTF_ENCODING_UTF8},       {"utf-16be", CTF_ENCODING_UTF16BE},
		{"utf-16le", CTF_ENCODING_UTF16LE}, {"utf-32be", CTF_ENCODING_UTF32BE},
		{"utf-32le", CTF_ENCODING_UTF32LE},
	};
	const char *name = json_text(jp, o, "encoding", false);
	for (size_t i = 0; name && i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i].name, name))
			return known[i].encoding;
	if (name)
		json_fail(jp, "`%s` is no encoding", name);
	return CTF_ENCODING_UTF8;
}

/* --- one function a class ------------------------------------------------------------ */

static void fixed_length(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	uint64_t bits = json_u64(jp, o, "length", true, 1);
	if (!bits || bits > 1u << 20)
		json_fail(jp, "a length of %llu bits is not possible", (unsigned long long)bits);
	t->align = read_align(jp, o, "alignment");
	read_order(jp, o, t);
	if (t->kind == CTF_FLOAT) {
		t->real.bits = (uint32_t)bits;
		if (bits != 16 && bits != 32 && bits != 64 && bits != 128)
			json_fail(jp, "a floating point number has 16, 32, 64 or 128 bits");
		return;
	}
	t->integer.bits = (uint32_t)bits;
	t->integer.base = 16;
}

static void unsigned_integer(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	fixed_length(jp, o, t);
	read_base(jp, o, &t->integer);
	read_labels(jp, o, "mappings", &t->integer);
	if (t->integer.n_labels)
		t->kind = CTF_ENUM;
}

static void signed_integer(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	t->integer.is_signed = true;
	unsigned_integer(jp, o, t);
}

static void bit_map(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	fixed_length(jp, o, t);
	read_labels(jp, o, "flags", &t->integer);
}

static void varint_unsigned(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	t->align = 8;
	read_base(jp, o, &t->integer);
	read_labels(jp, o, "mappings", &t->integer);
}

static void varint_signed(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	t->integer.is_signed = true;
	varint_unsigned(jp, o, t);
}

static void any_string(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	t->align = 8;
	t->text.encoding = read_encoding(jp, o);
	if (t->kind == CTF_STATIC_STRING)
		t->text.bytes = json_u64(jp, o, "length", true, 0);
	else if (t->kind == CTF_DYNAMIC_STRING)
		t->text.length = read_location(jp, o, "length-field-location");
}

static void any_blob(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	t->align = 8;
	t->text.media_type = json_text(jp, o, "media-type", false);
	if (t->kind == CTF_STATIC_BLOB)
		t->text.bytes = json_u64(jp, o, "length", true, 0);
	else
		t->text.length = read_location(jp, o, "length-field-location");
}

static void structure(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	const json_t *members = json_object_get(o, "member-classes");
	size_t n = json_array_size(members);
	struct map names = {0};
	if (members && !json_is_array(members))
		json_fail(jp, "`member-classes` is not an array");
	t->align = t->record.min_align = read_align(jp, o, "minimum-alignment");
	t->record.fields = n ? arena_array(jp->arena, n, sizeof(*t->record.fields)) : NULL;
	if (n && !t->record.fields)
		json_no_memory(jp);
	for (size_t i = 0; !jp->error && i < n; i++) {
		const json_t *m = json_array_get(members, i);
		struct ctf_field *f = &t->record.fields[i];
		uint64_t found;
		f->name = json_text(jp, m, "name", true);
		f->attributes = json_dump(jp, m, "attributes");
		struct json_class c = json_field_class(jp, json_object_get(m, "field-class"));
		if (jp->error)
			break;
		f->type = c.type;
		f->roles = c.roles;
		if (map_get_str(&names, f->name, &found))
			json_fail(jp, "a structure has two members named `%s`", f->name);
		else if (map_put_str(&names, f->name, i))
			json_no_memory(jp);
		if (f->type->align > t->align)
			t->align = f->type->align;
	}
	t->record.n_fields = n;
	map_fini(&names);
}

static void any_array(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	struct json_class c = json_field_class(jp, json_object_get(o, "element-field-class"));
	t->array.min_align = read_align(jp, o, "minimum-alignment");
	if (t->kind == CTF_ARRAY)
		t->array.count = json_u64(jp, o, "length", true, 0);
	else
		t->array.length = read_location(jp, o, "length-field-location");
	if (jp->error)
		return;
	t->array.element = c.type;
	t->align = c.type->align > t->array.min_align ? c.type->align : t->array.min_align;
}

static void variant(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	const json_t *options = json_object_get(o, "options");
	size_t n = json_array_size(options);
	t->variant.tag = read_location(jp, o, "selector-field-location");
	if (!n)
		json_fail(jp, "a variant has at least one option");
	t->variant.options = n ? arena_array(jp->arena, n, sizeof(*t->variant.options)) : NULL;
	if (n && !t->variant.options)
		json_no_memory(jp);
	for (size_t i = 0; !jp->error && i < n; i++) {
		const json_t *v = json_array_get(options, i);
		struct ctf_field *f = &t->variant.options[i];
		f->name = json_text(jp, v, "name", false);
		if (!f->name && !jp->error)
			f->name = arena_printf(jp->arena, "%zu", i);
		f->n_ranges =
			read_ranges(jp, json_object_get(v, "selector-field-ranges"), &f->ranges);
		struct json_class c = json_field_class(jp, json_object_get(v, "field-class"));
		f->type = c.type;
		f->roles = c.roles;
		f->attributes = json_dump(jp, v, "attributes");
		if (!f->name)
			json_no_memory(jp);
	}
	t->variant.n_options = n;
}

static void optional(struct json_reader *jp, const json_t *o, struct ctf_type *t)
{
	const json_t *ranges = json_object_get(o, "selector-field-ranges");
	t->optional.tag = read_location(jp, o, "selector-field-location");
	if (ranges)
		t->optional.n_ranges = read_ranges(jp, ranges, &t->optional.ranges);
	t->optional.content = json_field_class(jp, json_object_get(o, "field-class")).type;
}

static const struct {
	const char *name;
	enum ctf_kind kind;
	void (*read)(struct json_reader *jp, const json_t *o, struct ctf_type *t);
} classes[] = {
	{"fixed-length-bit-array", CTF_BIT_ARRAY, fixed_length},
	{"fixed-length-bit-map", CTF_BIT_MAP, bit_map},
	{"fixed-length-boolean", CTF_BOOL, fixed_length},
	{"fixed-length-unsigned-integer", CTF_INTEGER, unsigned_integer},
	{"fixed-length-signed-integer", CTF_INTEGER, signed_integer},
	{"fixed-length-floating-point-number", CTF_FLOAT, fixed_length},
	{"variable-length-unsigned-integer", CTF_VARINT, varint_unsigned},
	{"variable-length-signed-integer", CTF_VARINT, varint_signed},
	{"null-terminated-string", CTF_STRING, any_string},
	{"static-length-string", CTF_STATIC_STRING, any_string},
	{"dynamic-length-string", CTF_DYNAMIC_STRING, any_string},
	{"static-length-blob", CTF_STATIC_BLOB, any_blob},
	{"dynamic-length-blob", CTF_DYNAMIC_BLOB, any_blob},
	{"structure", CTF_STRUCT, structure},
	{"static-length-array", CTF_ARRAY, any_array},
	{"dynamic-length-array", CTF_SEQUENCE, any_array},
	{"variant", CTF_VARIANT, variant},
	{"optional", CTF_OPTIONAL, optional},
};

static uint32_t read_roles(struct json_reader *jp, const json_t *o)
{
	const json_t *roles = json_object_get(o, "roles");
	uint32_t bits = 0;
	for (size_t i = 0; i < json_array_size(roles); i++) {
		const char *name = json_string_value(json_array_get(roles, i));
		for (int r = 0; name && r < CTF_N_ROLES; r++)
			if (!strcmp(name, ctf_role_name((enum ctf_role)r)))
				bits |= CTF_ROLE_BIT(r);
	}
	if (roles && !json_is_array(roles))
		json_fail(jp, "`roles` is not an array");
	return bits;
}

struct json_class json_field_class(struct json_reader *jp, const json_t *v)
{
	struct json_class c = {0};
	const char *name = json_is_string(v) ? json_string_value(v) : NULL;
	uint64_t found;
	if (jp->error)
		return c;
	if (name && map_get_str(&jp->aliases, name, &found))
		return *(struct json_class *)(uintptr_t)found;
	if (name || !json_is_object(v)) {
		json_fail(jp,
			  name ? "the field class alias `%s` is not defined before this"
			       : "a field class is missing%s",
			  name ? name : "");
		return c;
	}
	name = json_string_value(json_object_get(v, "type"));
	if (++jp->depth > MAX_DEPTH)
		json_fail(jp, "field classes are nested too deeply");
	c.type = arena_new(jp->arena, struct ctf_type);
	if (!c.type)
		json_no_memory(jp);
	for (size_t i = 0; !jp->error && name && i < sizeof(classes) / sizeof(*classes); i++) {
		if (strcmp(name, classes[i].name))
			continue;
		c.type->kind = classes[i].kind;
		c.type->align = 1;
		c.type->line = jp->line;
		c.type->column = 1;
		c.type->attributes = json_dump(jp, v, "attributes");
		c.roles = read_roles(jp, v);
		classes[i].read(jp, v, c.type);
		jp->depth--;
		return c;
	}
	json_fail(jp, "`%s` is no type of field class", name ? name : "");
	return c;
}

const struct ctf_type *json_scope(struct json_reader *jp, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	if (!v || jp->error)
		return NULL;
	struct json_class c = json_field_class(jp, v);
	if (!jp->error && c.type->kind != CTF_STRUCT)
		json_fail(jp, "`%s` is not a structure", key);
	return jp->error ? NULL : c.type;
}
