/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_STR_H
#define PISTE_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * str - a growing byte string, always NUL-terminated once anything was added.
 *
 * All-zero is empty (data may be NULL: read it through str_c). The first
 * allocation failure sticks in `failed`; later additions do nothing.
 */
struct str {
	char *data;
	size_t len, cap;
	bool failed;
};

void str_fini(struct str *s);
void str_reset(struct str *s); /* empties, keeps the memory */
void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *p, size_t len);
void str_add_char(struct str *s, char c);
void str_add_u64(struct str *s, uint64_t v); /* decimal, faster than printf */
void str_add_i64(struct str *s, int64_t v);
void str_add_hex(struct str *s, uint64_t v); /* upper case, no prefix */
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_addv(struct str *s, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void str_add_json(struct str *s, const char *text, size_t len);
/* "12.3 MB", "4.1 k", "1 h 02 min": for people */
void str_add_bytes_human(struct str *s, uint64_t bytes);
void str_add_count_human(struct str *s, uint64_t n); /* 2,310,442 */
void str_add_duration_human(struct str *s, uint64_t ns);
static inline const char *str_c(const struct str *s)
{
	return s->data ? s->data : "";
}

/* "64M", "512K", "1.5G", "4096" to bytes; 0 or -EINVAL, -ERANGE */
int parse_size(const char *text, uint64_t *bytes);
/* "10s", "250ms", "1.5m", "2h", "7us", "40ns" to ns; the unit is required; 0 or -EINVAL, -ERANGE */
int parse_duration(const char *text, uint64_t *ns);
/* Decimal or 0x…, the whole text; 0 or -EINVAL, -ERANGE */
int parse_u64(const char *text, uint64_t *value);
/* Glob with * ? [a-z] and \ escapes over the whole of `text`. */
bool glob_match(const char *pattern, const char *text);
/* Edit distance, for "did you mean"; SIZE_MAX when longer than 64 bytes. */
size_t edit_distance(const char *a, const char *b);
/* The candidate nearest to `text`, or NULL when none is near enough to suggest. */
const char *nearest_name(const char *text, const char *const *names, size_t n);

#endif
