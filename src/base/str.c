/* SPDX-License-Identifier: MIT */
/*
 * Everything is appended through str_room, which makes space and keeps the
 * text terminated; numbers are written backwards into a small buffer first.
 */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `more` bytes and the NUL; false: nothing may be added. */
static bool str_room(struct str *s, size_t more)
{
	size_t need, cap = s->cap ? s->cap : 32;
	char *data;

	if (s->failed)
		return false;
	if (more < s->cap - s->len) /* cap is 0 or more than len */
		return true;
	if (__builtin_add_overflow(s->len, more, &need) || need >= SIZE_MAX / 4)
		goto fail;
	while (cap <= need)
		cap *= 2;
	data = realloc(s->data, cap);
	if (!data)
		goto fail;
	s->data = data;
	s->cap = cap;
	return true;
fail:
	s->failed = true;
	return false;
}

void str_fini(struct str *s)
{
	if (!s)
		return;
	free(s->data);
	memset(s, 0, sizeof(*s));
}

void str_reset(struct str *s)
{
	s->len = 0;
	s->failed = false;
	if (s->data)
		s->data[0] = '\0';
}

void str_add_bytes(struct str *s, const void *p, size_t len)
{
	if (!str_room(s, len))
		return;
	if (len)
		memcpy(s->data + s->len, p, len);
	s->len += len;
	s->data[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_add_bytes(s, text, strlen(text));
}

void str_add_char(struct str *s, char c)
{
	if (!str_room(s, 1))
		return;
	s->data[s->len++] = c;
	s->data[s->len] = '\0';
}

void str_add_u64(struct str *s, uint64_t v)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324"
				    "25262728293031323334353637383940414243444546474849"
				    "50515253545556575859606162636465666768697071727374"
				    "75767778798081828384858687888990919293949596979899";
	char buf[20], *p = buf + sizeof(buf);

	for (; v >= 100; v /= 100) {
		p -= 2;
		memcpy(p, &pairs[v % 100 * 2], 2);
	}
	if (v >= 10) {
		p -= 2;
		memcpy(p, &pairs[v * 2], 2);
	} else {
		*--p = (char)('0' + v);
	}
	str_add_bytes(s, p, (size_t)(buf + sizeof(buf) - p));
}

void str_add_i64(struct str *s, int64_t v)
{
	if (v < 0)
		str_add_char(s, '-');
	str_add_u64(s, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void str_add_hex(struct str *s, uint64_t v)
{
	char buf[16], *p = buf + sizeof(buf);

	do
		*--p = "0123456789ABCDEF"[v & 15];
	while (v >>= 4);
	str_add_bytes(s, p, (size_t)(buf + sizeof(buf) - p));
}

void str_addv(struct str *s, const char *fmt, va_list ap)
{
	size_t room;
	va_list again;
	int len;

	if (!str_room(s, 0))
		return;
	room = s->cap - s->len;
	va_copy(again, ap);
	len = vsnprintf(s->data + s->len, room, fmt, again);
	va_end(again);
	if (len < 0) {
		s->data[s->len] = '\0';
		s->failed = true;
		return;
	}
	if ((size_t)len >= room) {
		s->data[s->len] = '\0';
		if (!str_room(s, (size_t)len))
			return;
		vsnprintf(s->data + s->len, (size_t)len + 1, fmt, ap);
	}
	s->len += (size_t)len;
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_addv(s, fmt, ap);
	va_end(ap);
}

/* Length of the valid UTF-8 sequence at p, 0 when there is none (RFC 3629, section 4). */
static size_t utf8_len(const unsigned char *p, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > len)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0; /* overlong */
	else if (p[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (p[0] == 0xf0)
		low = 0x90; /* overlong */
	else if (p[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static void add_json_char(struct str *s, unsigned char c)
{
	static const char escapes[] = "\"\"\\\\\nn\tt\rr\bb\ff"; /* pairs: byte, letter */

	for (const char *e = escapes; *e; e += 2)
		if ((char)c == e[0]) {
			str_add_char(s, '\\');
			str_add_char(s, e[1]);
			return;
		}
	if (c < ' ' || c == 0x7f)
		str_addf(s, "\\u%04x", c);
	else
		str_add_char(s, (char)c);
}

void str_add_json(struct str *s, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;

	str_add_char(s, '"');
	while (p < end) {
		size_t n = utf8_len(p, (size_t)(end - p));

		if (n == 1)
			add_json_char(s, *p);
		else if (n)
			str_add_bytes(s, p, n);
		else
			str_add(s, "\xef\xbf\xbd");
		p += n ? n : 1;
	}
	str_add_char(s, '"');
}

/* Three digits are enough for people: 1.23, 12.3, 123. */
static void add_three_digits(struct str *s, double v)
{
	str_addf(s, v < 9.995 ? "%.2f" : v < 99.95 ? "%.1f" : "%.0f", v);
}

void str_add_bytes_human(struct str *s, uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	size_t unit = 0;

	for (; v >= 999.5; v /= 1000)
		unit++;
	if (unit)
		add_three_digits(s, v);
	else
		str_add_u64(s, bytes);
	str_add_char(s, ' ');
	str_add(s, units[unit]);
}

void str_add_count_human(struct str *s, uint64_t n)
{
	if (n >= 1000) {
		str_add_count_human(s, n / 1000);
		str_addf(s, ",%03u", (unsigned)(n % 1000));
	} else {
		str_add_u64(s, n);
	}
}

void str_add_duration_human(struct str *s, uint64_t ns)
{
	uint64_t seconds = ns / 1000000000;

	if (ns < 1000) {
		str_add_u64(s, ns);
		str_add(s, " ns");
	} else if (ns < 999500) {
		add_three_digits(s, (double)ns / 1e3);
		str_add(s, " \xc2\xb5s");
	} else if (ns < 999500000) {
		add_three_digits(s, (double)ns / 1e6);
		str_add(s, " ms");
	} else if (seconds < 60) {
		add_three_digits(s, (double)ns / 1e9);
		str_add(s, " s");
	} else if (seconds < 3600) {
		str_addf(s, "%u min %02u s", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
	} else {
		str_add_u64(s, seconds / 3600);
		str_addf(s, " h %02u min", (unsigned)(seconds / 60 % 60));
	}
}

/* A decimal number with an optional fraction, times `scale` once the unit is known. */
struct quantity {
	uint64_t whole, fraction, fraction_scale; /* fraction / fraction_scale < 1 */
	const char *unit; /* what follows */
};

static int parse_quantity(const char *text, struct quantity *q)
{
	*q = (struct quantity){.fraction_scale = 1};
	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(q->whole, 10, &q->whole) ||
		    __builtin_add_overflow(q->whole, *text - '0', &q->whole))
			return -ERANGE;
	if (*text == '.') {
		const char *first = ++text;

		for (; *text >= '0' && *text <= '9'; text++)
			if (q->fraction_scale < 1000000000000) { /* further digits: below a unit */
				q->fraction = q->fraction * 10 + (uint64_t)(*text - '0');
				q->fraction_scale *= 10;
			}
		if (text == first)
			return -EINVAL;
	}
	q->unit = text;
	return 0;
}

static int scale_quantity(const struct quantity *q, uint64_t scale, uint64_t *out)
{
	unsigned __int128 v = (unsigned __int128)q->whole * scale +
			      (unsigned __int128)q->fraction * scale / q->fraction_scale;

	if (v > UINT64_MAX)
		return -ERANGE;
	*out = (uint64_t)v;
	return 0;
}

int parse_size(const char *text, uint64_t *bytes)
{
	static const char letters[] = "KMGTPE";
	struct quantity q;
	const char *letter, *rest;
	int err = parse_quantity(text, &q);

	if (err)
		return err;
	rest = q.unit;
	letter = *rest ? strchr(letters, *rest == 'k' ? 'K' : *rest) : NULL;
	rest += letter != NULL;
	if (letter && !strncmp(rest, "iB", 2))
		rest += 2;
	else if (*rest == 'B')
		rest++;
	if (*rest || (!letter && q.fraction_scale > 1))
		return -EINVAL;
	return scale_quantity(&q, letter ? 1ull << 10 * (letter - letters + 1) : 1, bytes);
}

int parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {
		{"ns", 1},
		{"us", 1000},
		{"\xc2\xb5s", 1000},
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", 60000000000},
		{"min", 60000000000},
		{"h", 3600000000000},
		{"d", 86400000000000},
	};
	struct quantity q;
	int err = parse_quantity(text, &q);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(q.unit, units[i].unit))
			return scale_quantity(&q, units[i].ns, ns);
	return -EINVAL;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int parse_u64(const char *text, uint64_t *value)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	const char *digits = base == 16 ? text + 2 : text;
	uint64_t v = 0;

	if (!*digits)
		return -EINVAL;
	for (; *digits; digits++) {
		int digit = digit_value(*digits);

		if (digit < 0 || digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
			return -ERANGE;
	}
	*value = v;
	return 0;
}

/* Does the class behind `p` - 1, a '[', hold `c`? *end is behind its ']', NULL without one. */
static bool class_match(const char *p, unsigned char c, const char **end)
{
	bool negated = *p == '!' || *p == '^', found = false;

	p += negated;
	for (bool first = true; *p && (first || *p != ']'); first = false) {
		unsigned char low, high;

		p += *p == '\\' && p[1];
		low = high = (unsigned char)*p++;
		if (p[0] == '-' && p[1] && p[1] != ']') {
			p++;
			p += *p == '\\' && p[1];
			high = (unsigned char)*p++;
		}
		found |= low <= c && c <= high;
	}
	*end = *p ? p + 1 : NULL;
	return found != negated;
}

/* Matches one element of the pattern other than '*'; *next is behind it. */
static bool element_match(const char *pattern, char c, const char **next)
{
	*next = pattern + 1;
	if (*pattern == '?')
		return true;
	if (*pattern == '[') {
		const char *end;
		bool match = class_match(pattern + 1, (unsigned char)c, &end);

		if (end) {
			*next = end;
			return match;
		}
		return c == '['; /* never closed: an ordinary character */
	}
	if (*pattern == '\\' && pattern[1]) {
		pattern++;
		*next = pattern + 1;
	}
	return *pattern == c;
}

/* Only the last '*' need be retried, so that no pattern takes exponential time. */
bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *star_text = NULL, *next;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			star_text = text;
		} else if (*pattern && element_match(pattern, *text, &next)) {
			pattern = next;
			text++;
		} else if (star) {
			pattern = star;
			text = ++star_text;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Optimal string alignment: a swap of two neighbours, the commonest slip, counts once. */
size_t edit_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	size_t rows[3][MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > MAX || b_len > MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *oldest = before;

		before = above;
		above = row;
		row = oldest;
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[b_len];
}

const char *nearest_name(const char *text, const char *const *names, size_t n)
{
	size_t best = 1 + strlen(text) / 3;
	const char *nearest = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t distance = edit_distance(text, names[i]);

		/* what shares no letter is no suggestion, however short */
		if (distance > best || distance >= strlen(names[i]) ||
		    (distance == best && nearest))
			continue;
		best = distance;
		nearest = names[i];
	}
	return nearest;
}
