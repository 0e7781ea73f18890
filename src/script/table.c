/* SPDX-License-Identifier: MIT */
/*
 * The forms are bpftrace's: rows by value, the largest last; histograms with a
 * bar of 52 columns.
 */
#include "script/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR_COLUMNS = 52 };

/* --- reading -------------------------------------------------------------------------------- */

static void merge_extreme(const struct lang_type *t, uint64_t *into, const uint64_t *from)
{
	bool less = t->is_signed ? (int64_t)from[0] < (int64_t)into[0] : from[0] < into[0];

	if (!from[1])
		return;
	if (!into[1] || less == (t->kind == LANG_MIN))
		into[0] = from[0];
	into[1] = 1;
}

static void merge(const struct lang_type *t, uint64_t *into, const uint64_t *from)
{
	if (t->kind == LANG_MIN || t->kind == LANG_MAX) {
		merge_extreme(t, into, from);
		return;
	}
	for (uint32_t i = 0; i < lang_stored_size(t) / 8; i++)
		into[i] += from[i];
}

static uint64_t weigh(const struct lang_type *t, const uint64_t *value)
{
	uint64_t sum = 0;

	switch (t->kind) {
	case LANG_HIST:
	case LANG_LHIST:
		for (uint32_t i = 0; i < lang_buckets(t); i++)
			sum += value[i];
		return sum;
	case LANG_AVG:
	case LANG_STATS:
		return value[1] ? (uint64_t)((int64_t)value[0] / (int64_t)value[1]) : 0;
	case LANG_STRING:
	case LANG_TUPLE:
	case LANG_KSTACK:
	case LANG_USTACK:
	case LANG_BYTES:
		return 0;
	default:
		return value[0];
	}
}

static bool is_signed(const struct lang_type *t)
{
	return t->is_signed && t->kind != LANG_HIST && t->kind != LANG_LHIST;
}

/* qsort has no argument of its own for the order */
static _Thread_local const struct lang_map *ordered;

static int compare_keys(const struct lang_type *t, const uint8_t *a, const uint8_t *b)
{
	int order = 0;

	for (size_t i = 0; i < t->n_fields && !order; i++) {
		const struct lang_field *f = &t->fields[i];
		uint64_t x, y;

		if (f->type->kind == LANG_STRING) {
			order = strncmp((const char *)a + f->offset, (const char *)b + f->offset,
					f->type->size);
			continue;
		}
		if (!lang_is_scalar(f->type)) {
			order = memcmp(a + f->offset, b + f->offset, lang_stored_size(f->type));
			continue;
		}
		x = value_load(a + f->offset);
		y = value_load(b + f->offset);
		if (f->type->is_signed)
			order = ((int64_t)x > (int64_t)y) - ((int64_t)x < (int64_t)y);
		else
			order = (x > y) - (x < y);
	}
	return order;
}

static int by_weight(const void *a, const void *b)
{
	const struct table_row *x = a, *y = b;

	if (x->weight != y->weight) {
		if (is_signed(ordered->value))
			return (int64_t)x->weight < (int64_t)y->weight ? -1 : 1;
		return x->weight < y->weight ? -1 : 1;
	}
	return ordered->key ? compare_keys(ordered->key, x->key, y->key) : 0;
}

static int read_row(struct table *t, const struct table_source *source, const void *key,
		    uint64_t *buffer, struct arena *a)
{
	const struct lang_type *type = t->map->value;
	uint32_t size = lang_stored_size(type);
	uint64_t *value = arena_alloc(a, size);
	int err;

	if (!value)
		return -ENOMEM;
	err = source->get(source->data, t->map, key, buffer);
	if (err)
		return err;
	if (t->map->is_per_cpu)
		for (int cpu = 0; cpu < source->n_cpus; cpu++)
			merge(type, value, buffer + (size_t)cpu * size / 8);
	else
		memcpy(value, buffer, size);
	t->rows[t->n++] = (struct table_row){key, value, weigh(type, value)};
	return 0;
}

int table_read(struct table *out, const struct lang_map *map, const struct table_source *source,
	       struct arena *a)
{
	static const uint32_t only_key;
	uint32_t key_size = map->key ? map->key->size : 4;
	uint64_t *buffer = arena_array(a, (size_t)source->n_cpus, lang_stored_size(map->value) + 8);
	const uint8_t *last = NULL;
	int err = 0;

	*out = (struct table){.map = map};
	out->rows = arena_array(a, map->key ? map->max_entries : 1, sizeof(*out->rows));
	if (!out->rows || !buffer)
		return -ENOMEM;
	if (!map->key) {
		err = read_row(out, source, &only_key, buffer, a);
		if (!err)
			out->rows[0].key = NULL;
		return err;
	}
	while (out->n < map->max_entries) {
		uint8_t *key = arena_alloc(a, key_size);

		if (!key)
			return -ENOMEM;
		if (!source->next(source->data, map, last, key))
			break;
		err = read_row(out, source, key, buffer, a);
		if (err && err != -ENOENT) /* deleted meanwhile */
			return err;
		last = key;
	}
	ordered = map;
	qsort(out->rows, out->n, sizeof(*out->rows), by_weight);
	return 0;
}

/* --- histograms -------------------------------------------------------------------------------- */

/* 4096 is 4K */
static void add_bound(struct str *out, uint64_t n)
{
	static const char units[] = " KMGTPE";
	int unit = 0;

	while (n >= 1024 && n % 1024 == 0 && units[unit + 1]) {
		n /= 1024;
		unit++;
	}
	str_addf(out, "%" PRIu64, n);
	if (unit)
		str_add_char(out, units[unit]);
}

static void add_label(struct str *out, const struct lang_type *t, uint32_t bucket)
{
	if (t->kind == LANG_LHIST) {
		int64_t from = t->low + ((int64_t)bucket - 1) * t->step;
		int64_t to = from + t->step < t->high ? from + t->step : t->high;

		if (bucket == 0)
			str_addf(out, "(..., %" PRIi64 ")", t->low);
		else if (bucket == lang_buckets(t) - 1)
			str_addf(out, "[%" PRIi64 ", ...)", t->high);
		else
			str_addf(out, "[%" PRIi64 ", %" PRIi64 ")", from, to);
		return;
	}
	if (bucket == 0) {
		str_add(out, "(..., 0)");
	} else if (bucket <= 2) {
		str_addf(out, "[%u]", bucket - 1);
	} else {
		str_add_char(out, '[');
		add_bound(out, 1ull << (bucket - 2));
		str_add(out, ", ");
		add_bound(out, bucket == 65 ? UINT64_MAX : 1ull << (bucket - 1));
		str_add_char(out, ')');
	}
}

/* The first and the last bucket that are shown; false: all are empty. */
static bool find_range(const struct lang_type *t, const uint64_t *value, uint32_t *first,
		       uint32_t *last)
{
	bool any = false;

	for (uint32_t i = 0; i < lang_buckets(t); i++) {
		if (!value[i])
			continue;
		*first = any ? *first : i;
		*last = i;
		any = true;
	}
	return any;
}

static void write_bars(struct str *out, const struct lang_type *t, const uint64_t *value,
		       uint64_t divisor)
{
	uint32_t first = 0, last = 0;
	uint64_t most = 1;

	if (!find_range(t, value, &first, &last))
		return;
	for (uint32_t i = first; i <= last; i++)
		most = value[i] > most ? value[i] : most;
	for (uint32_t i = first; i <= last; i++) {
		struct str label = {0};
		int len = (int)((double)value[i] / (double)most * BAR_COLUMNS);

		add_label(&label, t, i);
		str_addf(out, "%-16s%8" PRIu64 " |", str_c(&label), value[i] / divisor);
		for (int k = 0; k < BAR_COLUMNS; k++)
			str_add_char(out, k < len ? '@' : ' ');
		str_add(out, "|\n");
		str_fini(&label);
	}
	str_add_char(out, '\n');
}

static void write_buckets_json(struct str *out, const struct lang_type *t, const uint64_t *value,
			       uint64_t divisor)
{
	uint32_t first = 0, last = 0;
	bool any = find_range(t, value, &first, &last);

	str_add_char(out, '[');
	for (uint32_t i = first; any && i <= last; i++) {
		int64_t low, high;
		bool has_low = i > 0, has_high = true;

		if (t->kind == LANG_LHIST) {
			low = t->low + ((int64_t)i - 1) * t->step;
			high = low + t->step - 1;
			has_high = i < lang_buckets(t) - 1;
			if (!has_low)
				high = t->low - 1;
			if (!has_high)
				low = t->high;
		} else {
			low = i < 3 ? (int64_t)i - 1 : (int64_t)(1ull << (i - 2));
			high = i < 3 ? (int64_t)i - 1 : (int64_t)((1ull << (i - 2)) * 2 - 1);
		}
		str_add(out, i > first ? ", {" : "{");
		if (has_low)
			str_addf(out, "\"min\": %" PRIi64 ", ", low);
		if (has_high)
			str_addf(out, "\"max\": %" PRIi64 ", ", high);
		str_addf(out, "\"count\": %" PRIu64 "}", value[i] / divisor);
	}
	str_add_char(out, ']');
}

/* --- rows --------------------------------------------------------------------------------------- */

static void write_key(struct str *out, struct values *v, const struct lang_map *map,
		      const uint8_t *key)
{
	const struct lang_type *t = map->key;
	bool was_json = v->is_json;

	v->is_json = false;
	for (size_t i = 0; i < t->n_fields; i++) {
		str_add(out, i ? (was_json ? "," : ", ") : "");
		value_write_plain(out, v, t->fields[i].type, key + t->fields[i].offset);
	}
	v->is_json = was_json;
}

static void write_stats(struct str *out, const struct lang_type *t, const uint64_t *value,
			bool is_json)
{
	uint64_t average = weigh(t, value);

	str_add(out, is_json ? "{\"count\": " : "count ");
	str_add_u64(out, value[1]);
	str_add(out, is_json ? ", \"average\": " : ", average ");
	str_addf(out, t->is_signed ? "%" PRIi64 : "%" PRIu64, average);
	str_add(out, is_json ? ", \"total\": " : ", total ");
	str_addf(out, t->is_signed ? "%" PRIi64 : "%" PRIu64, value[0]);
	if (is_json)
		str_add_char(out, '}');
}

static void write_value(struct str *out, struct values *v, const struct lang_type *t,
			const uint64_t *value, uint64_t divisor)
{
	uint64_t divided[2] = {value[0], 0};

	switch (t->kind) {
	case LANG_STATS:
		write_stats(out, t, value, v->is_json);
		break;
	case LANG_HIST:
	case LANG_LHIST:
		write_buckets_json(out, t, value, divisor);
		break;
	case LANG_AVG:
		divided[0] = weigh(t, value) / divisor;
		divided[1] = 1;
		value_write(out, v, t, (const uint8_t *)divided);
		break;
	case LANG_INT:
	case LANG_COUNT:
	case LANG_SUM:
	case LANG_MIN:
	case LANG_MAX:
		if (divisor > 1 && t->is_signed)
			divided[0] = (uint64_t)((int64_t)value[0] / (int64_t)divisor);
		else
			divided[0] = value[0] / divisor;
		value_write(out, v, t, (const uint8_t *)divided);
		break;
	default:
		value_write(out, v, t, (const uint8_t *)value);
	}
}

static bool is_hist(const struct lang_type *t)
{
	return t->kind == LANG_HIST || t->kind == LANG_LHIST;
}

static void write_text(struct str *out, const struct table *t, struct values *v, size_t from,
		       uint64_t divisor)
{
	const struct lang_type *type = t->map->value;

	for (size_t i = from; i < t->n; i++) {
		str_addf(out, "@%s", t->map->name);
		if (t->rows[i].key) {
			str_add_char(out, '[');
			write_key(out, v, t->map, t->rows[i].key);
			str_add_char(out, ']');
		}
		str_add(out, ": ");
		if (is_hist(type)) {
			str_add_char(out, '\n');
			write_bars(out, type, t->rows[i].value, divisor);
			continue;
		}
		write_value(out, v, type, t->rows[i].value, divisor);
		str_add_char(out, '\n');
	}
	if ((type->kind == LANG_AVG || type->kind == LANG_STATS) && t->n > from)
		str_add_char(out, '\n');
}

static void write_json(struct str *out, const struct table *t, struct values *v, size_t from,
		       uint64_t divisor)
{
	const struct lang_type *type = t->map->value;
	struct str name = {0}, key = {0};

	str_addf(&name, "@%s", t->map->name);
	str_addf(out, "{\"type\": \"%s\", \"data\": {",
		 is_hist(type)                                        ? "hist"
		 : type->kind == LANG_AVG || type->kind == LANG_STATS ? "stats"
								      : "map");
	str_add_json(out, str_c(&name), name.len);
	str_add(out, ": ");
	str_fini(&name);
	if (!t->map->key && t->n) {
		write_value(out, v, type, t->rows[0].value, divisor);
	} else {
		str_add_char(out, '{');
		for (size_t i = from; i < t->n; i++) {
			str_reset(&key);
			write_key(&key, v, t->map, t->rows[i].key);
			str_add(out, i > from ? ", " : "");
			str_add_json(out, str_c(&key), key.len);
			str_add(out, ": ");
			write_value(out, v, type, t->rows[i].value, divisor);
		}
		str_add_char(out, '}');
	}
	str_add(out, "}}\n");
	str_fini(&key);
}

void table_write(struct str *out, const struct table *t, struct values *v, uint64_t top,
		 uint64_t divisor)
{
	size_t from = top && top < t->n ? t->n - (size_t)top : 0;

	if (!divisor)
		divisor = 1;
	if (v->is_json)
		write_json(out, t, v, from, divisor);
	else
		write_text(out, t, v, from, divisor);
}
