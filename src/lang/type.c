/* SPDX-License-Identifier: MIT */
#include "lang/type.h"

#include <string.h>

const struct lang_type lang_none = {.kind = LANG_NONE};
const struct lang_type lang_i8 = {.kind = LANG_INT, .size = 1, .is_signed = true};
const struct lang_type lang_i16 = {.kind = LANG_INT, .size = 2, .is_signed = true};
const struct lang_type lang_i32 = {.kind = LANG_INT, .size = 4, .is_signed = true};
const struct lang_type lang_i64 = {.kind = LANG_INT, .size = 8, .is_signed = true};
const struct lang_type lang_u8 = {.kind = LANG_INT, .size = 1};
const struct lang_type lang_u16 = {.kind = LANG_INT, .size = 2};
const struct lang_type lang_u32 = {.kind = LANG_INT, .size = 4};
const struct lang_type lang_u64 = {.kind = LANG_INT, .size = 8};
const struct lang_type lang_comm = {.kind = LANG_STRING, .size = 16};
const struct lang_type lang_ksym = {.kind = LANG_KSYM, .size = 8};
const struct lang_type lang_usym = {.kind = LANG_USYM, .size = 16};
const struct lang_type lang_inet = {.kind = LANG_INET, .size = 24};
const struct lang_type lang_mac = {.kind = LANG_MAC, .size = 8};
const struct lang_type lang_username = {.kind = LANG_USERNAME, .size = 8};
const struct lang_type lang_probe_name = {.kind = LANG_PROBE, .size = 8};

const char *lang_kind_name(enum lang_kind kind)
{
	static const char *const names[] = {
#define X(id, text) [LANG_##id] = text,
		LANG_KINDS(X)
#undef X
	};

	return names[kind];
}

const struct lang_type *lang_int(uint32_t size, bool is_signed)
{
	switch (size) {
	case 1:
		return is_signed ? &lang_i8 : &lang_u8;
	case 2:
		return is_signed ? &lang_i16 : &lang_u16;
	case 4:
		return is_signed ? &lang_i32 : &lang_u32;
	default:
		return is_signed ? &lang_i64 : &lang_u64;
	}
}

const struct lang_type *lang_int_named(const char *name)
{
	static const struct {
		const char *name;
		const struct lang_type *type;
	} names[] = {
		{"bool", &lang_u8},
		{"char", &lang_i8},
		{"int8", &lang_i8},
		{"int8_t", &lang_i8},
		{"uint8", &lang_u8},
		{"uint8_t", &lang_u8},
		{"u8", &lang_u8},
		{"s8", &lang_i8},
		{"short", &lang_i16},
		{"int16", &lang_i16},
		{"int16_t", &lang_i16},
		{"uint16", &lang_u16},
		{"uint16_t", &lang_u16},
		{"u16", &lang_u16},
		{"s16", &lang_i16},
		{"int", &lang_i32},
		{"int32", &lang_i32},
		{"int32_t", &lang_i32},
		{"unsigned", &lang_u32},
		{"uint32", &lang_u32},
		{"uint32_t", &lang_u32},
		{"u32", &lang_u32},
		{"s32", &lang_i32},
		{"long", &lang_i64},
		{"int64", &lang_i64},
		{"int64_t", &lang_i64},
		{"uint64", &lang_u64},
		{"uint64_t", &lang_u64},
		{"u64", &lang_u64},
		{"s64", &lang_i64},
		{"size_t", &lang_u64},
		{"ssize_t", &lang_i64},
		{"pid_t", &lang_i32},
		{"uintptr_t", &lang_u64},
		{"__u8", &lang_u8},
		{"__u16", &lang_u16},
		{"__u32", &lang_u32},
		{"__u64", &lang_u64},
		{"__s32", &lang_i32},
		{"__s64", &lang_i64},
		{"unsigned int", &lang_u32},
		{"unsigned long", &lang_u64},
		{"unsigned char", &lang_u8},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, name))
			return names[i].type;
	return NULL;
}

struct lang_type *lang_type_new(struct arena *a, enum lang_kind kind, uint32_t size)
{
	struct lang_type *t = arena_new(a, struct lang_type);

	if (t) {
		t->kind = kind;
		t->size = size;
	}
	return t;
}

struct lang_type *lang_string(struct arena *a, uint32_t size)
{
	return lang_type_new(a, LANG_STRING, size);
}

struct lang_type *lang_pointer(struct arena *a, const struct lang_type *to, bool in_user_space)
{
	struct lang_type *t = lang_type_new(a, LANG_POINTER, 8);

	if (t) {
		t->of = to;
		t->in_user_space = in_user_space;
	}
	return t;
}

struct lang_type *lang_array(struct arena *a, const struct lang_type *of, uint32_t count,
			     bool in_user_space)
{
	struct lang_type *t = lang_type_new(a, LANG_ARRAY, of->size * count);

	if (t) {
		t->of = of;
		t->count = count;
		t->in_user_space = in_user_space;
	}
	return t;
}

struct lang_type *lang_tuple(struct arena *a, const struct lang_type *const *items, size_t n)
{
	struct lang_type *t = lang_type_new(a, LANG_TUPLE, 0);
	struct lang_field *fields = arena_array(a, n, sizeof(*fields));

	if (!t || !fields)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		fields[i].type = items[i];
		fields[i].offset = t->size;
		t->size += lang_stored_size(items[i]);
	}
	t->fields = fields;
	t->n_fields = n;
	return t;
}

bool lang_type_equal(const struct lang_type *a, const struct lang_type *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case LANG_INT:
		return a->size == b->size && a->is_signed == b->is_signed;
	case LANG_POINTER:
		return lang_type_equal(a->of, b->of);
	case LANG_ARRAY:
		return a->count == b->count && lang_type_equal(a->of, b->of);
	case LANG_RECORD:
		return a->name && b->name && !strcmp(a->name, b->name);
	case LANG_TUPLE:
		if (a->n_fields != b->n_fields)
			return false;
		for (size_t i = 0; i < a->n_fields; i++)
			if (!lang_type_equal(a->fields[i].type, b->fields[i].type))
				return false;
		return true;
	case LANG_LHIST:
	case LANG_HIST:
		return a->low == b->low && a->high == b->high && a->step == b->step;
	default:
		return a->size == b->size;
	}
}

bool lang_is_scalar(const struct lang_type *t)
{
	switch (t->kind) {
	case LANG_INT:
	case LANG_POINTER:
	case LANG_KSYM:
	case LANG_TIME:
	case LANG_USERNAME:
	case LANG_MAC:
	case LANG_PROBE:
		return true;
	default:
		return false;
	}
}

uint32_t lang_stored_size(const struct lang_type *t)
{
	uint32_t size = t->size;

	switch (t->kind) {
	case LANG_COUNT:
		return 8;
	case LANG_SUM:
		return 8;
	case LANG_MIN: /* value, and whether there is one */
	case LANG_MAX:
	case LANG_AVG: /* total, count */
	case LANG_STATS:
		return 16;
	case LANG_HIST:
	case LANG_LHIST:
		return 8 * lang_buckets(t);
	default:
		return (size + 7) & ~7u;
	}
}

uint32_t lang_buckets(const struct lang_type *t)
{
	if (t->kind == LANG_LHIST)
		return t->step ? (uint32_t)((t->high - t->low + t->step - 1) / t->step) + 2 : 0;
	return t->kind == LANG_HIST ? 66 : 0; /* negative, 0, and each power of two */
}

void lang_type_write(struct str *out, const struct lang_type *t)
{
	switch (t->kind) {
	case LANG_INT:
		str_addf(out, "%sint%u", t->is_signed ? "" : "u", t->size * 8);
		break;
	case LANG_STRING:
	case LANG_BYTES:
		str_addf(out, "%s[%u]", lang_kind_name(t->kind), t->size);
		break;
	case LANG_POINTER:
		lang_type_write(out, t->of);
		str_add(out, t->of->kind == LANG_POINTER ? "*" : " *");
		break;
	case LANG_ARRAY:
		lang_type_write(out, t->of);
		str_addf(out, "[%u]", t->count);
		break;
	case LANG_RECORD:
		str_add(out, t->name ? t->name : "struct");
		break;
	case LANG_NONE:
		str_add(out, t->name ? t->name : "void");
		break;
	case LANG_TUPLE:
		for (size_t i = 0; i < t->n_fields; i++) {
			str_add_char(out, i ? ',' : '(');
			lang_type_write(out, t->fields[i].type);
		}
		str_add_char(out, ')');
		break;
	case LANG_LHIST:
		str_addf(out, "lhist(%lld,%lld,%lld)", (long long)t->low, (long long)t->high,
			 (long long)t->step);
		break;
	default:
		str_add(out, lang_kind_name(t->kind));
	}
}
