/* SPDX-License-Identifier: MIT */
/*
 * format-text.c - brackets, quotes, types and constant expressions of the C
 * that stands in `print fmt`. An expression is evaluated in 64 bits; a cast
 * cuts to its type. Nesting is bounded, so that no text can exhaust the stack.
 */
#include "kern/format-text.h"

#include <stdlib.h>

#include "base/str.h"

enum { DEPTH_MAX = 100 };

/* --- pieces ------------------------------------------------------------------- */

/* Behind the literal that begins here with a quote of either kind. */
static const char *skip_quoted(const char *p, const char *end)
{
	char quote = *p++;

	while (p < end && *p != quote)
		p += *p == '\\' && end - p > 1 ? 2 : 1;
	return p < end ? p + 1 : end;
}

struct text text_until(struct text *t, char stop)
{
	struct text piece = {t->at, t->end};
	size_t depth = 0;

	while (t->at < t->end) {
		char c = *t->at;

		if (c == '"' || c == '\'') {
			t->at = skip_quoted(t->at, t->end);
			continue;
		}
		if (c == stop && !depth) {
			piece.end = t->at++;
			return piece;
		}
		if (strchr("([{", c) && c)
			depth++;
		else if (depth && strchr(")]}", c) && c)
			depth--;
		t->at++;
	}
	return piece;
}

bool text_take_brackets(struct text *t, struct text *inside)
{
	static const char open[] = "([{", close[] = ")]}";
	struct text rest;
	const char *kind;

	text_skip_space(t);
	if (t->at == t->end || !*t->at || !(kind = strchr(open, *t->at)))
		return false;
	rest = (struct text){t->at + 1, t->end};
	*inside = text_until(&rest, close[kind - open]);
	if (inside->end == rest.end)
		return false; /* no end */
	t->at = rest.at;
	return true;
}

static const char *add_escape(struct str *out, const char *p)
{
	static const char from[] = "ntr0abfv", to[] = "\n\t\r\0\a\b\f\v";
	const char *known = strchr(from, *p);

	if (*p == 'x' || (*p >= '1' && *p <= '7'))
		return p; /* none of the kernel's */
	if (!known || !*p)
		str_add_char(out, *p);
	else if (to[known - from])
		str_add_char(out, to[known - from]);
	return p + 1;
}

char *text_take_strings(struct text *t, struct arena *arena)
{
	struct str out = {0};
	bool any = false;
	char *copy = NULL;

	for (;;) {
		text_skip_space(t);
		if (t->at == t->end || *t->at != '"')
			break;
		any = true;
		t->at++;
		while (t->at < t->end && *t->at != '"') {
			if (*t->at == '\\' && t->end - t->at > 1)
				t->at = add_escape(&out, t->at + 1);
			else
				str_add_char(&out, *t->at++);
		}
		t->at += t->at < t->end;
	}
	if (any && !out.failed)
		copy = arena_strndup(arena, str_c(&out), out.len);
	str_fini(&out);
	return copy;
}

/* --- types --------------------------------------------------------------------- */

unsigned text_type_size(struct text type)
{
	static const struct {
		const char *name;
		unsigned size;
	} types[] = {
		{"char", 1},     {"bool", 1},      {"_Bool", 1},    {"u8", 1},      {"s8", 1},
		{"__u8", 1},     {"__s8", 1},      {"uint8_t", 1},  {"int8_t", 1},  {"short", 2},
		{"u16", 2},      {"s16", 2},       {"__u16", 2},    {"__s16", 2},   {"__le16", 2},
		{"__be16", 2},   {"uint16_t", 2},  {"ushort", 2},   {"int", 4},     {"unsigned", 4},
		{"uint", 4},     {"u32", 4},       {"s32", 4},      {"__u32", 4},   {"__s32", 4},
		{"__le32", 4},   {"__be32", 4},    {"uint32_t", 4}, {"int32_t", 4}, {"gfp_t", 4},
		{"pid_t", 4},    {"dev_t", 4},     {"long", 8},     {"u64", 8},     {"s64", 8},
		{"__u64", 8},    {"__s64", 8},     {"__le64", 8},   {"__be64", 8},  {"uint64_t", 8},
		{"int64_t", 8},  {"ulong", 8},     {"size_t", 8},   {"ssize_t", 8}, {"loff_t", 8},
		{"sector_t", 8}, {"cpumask_t", 8},
	};
	unsigned size = 0;
	struct text word;

	for (;;) {
		text_skip_space(&type);
		if (type.at < type.end && *type.at == '*')
			return sizeof(uint64_t);
		word = text_take_word(&type);
		if (word.at == word.end)
			return type.at == type.end ? size : 0;
		/* "unsigned char", "short int", "long int": "int" and "unsigned" say the least */
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			if (text_is(word, types[i].name) && (!size || types[i].size != sizeof(int)))
				size = types[i].size;
	}
}

bool text_is_type(struct text t)
{
	struct text word;
	bool any = false;

	for (;;) {
		text_skip_space(&t);
		if (any && t.at < t.end && *t.at == '*') {
			t.at++;
			continue;
		}
		word = text_take_word(&t);
		if (word.at == word.end)
			return any && t.at == t.end;
		any = true;
	}
}

/* --- constants ------------------------------------------------------------------ */

struct reader {
	struct text t;
	const struct format_constants *constants;
	unsigned depth;
	bool failed;
};

static uint64_t read_conditional(struct reader *r);

static uint64_t fail(struct reader *r)
{
	r->failed = true;
	return 0;
}

static uint64_t cut(uint64_t value, unsigned size)
{
	return size && size < sizeof(value) ? value & ((UINT64_C(1) << 8 * size) - 1) : value;
}

static uint64_t read_number(struct reader *r)
{
	char digits[32], *end;
	size_t n = 0;
	uint64_t value;

	while (r->t.at < r->t.end && text_is_word(*r->t.at)) {
		if (n + 1 == sizeof(digits))
			return fail(r);
		digits[n++] = *r->t.at++;
	}
	digits[n] = '\0';
	value = strtoull(digits, &end, 0);
	while (*end && strchr("uUlL", *end))
		end++;
	return *end ? fail(r) : value;
}

static uint64_t read_name(struct reader *r)
{
	struct text name = text_take_word(&r->t);
	struct text inside;
	int64_t value;

	if (name.at == name.end)
		return fail(r);
	if (text_is(name, "sizeof") && text_take_brackets(&r->t, &inside)) {
		value = text_type_size(inside);
		return value ? (uint64_t)value : fail(r);
	}
	if (r->constants && r->constants->find &&
	    r->constants->find(r->constants->data, name.at, (size_t)(name.end - name.at), &value))
		return (uint64_t)value;
	return fail(r);
}

static uint64_t read_unary(struct reader *r)
{
	struct text inside;
	uint64_t value;
	char c;

	text_skip_space(&r->t);
	if (r->t.at == r->t.end || ++r->depth > DEPTH_MAX)
		return fail(r);
	c = *r->t.at;
	if (c == '-' || c == '~' || c == '!' || c == '+') {
		r->t.at++;
		value = read_unary(r);
		value = c == '-' ? -value : c == '~' ? ~value : c == '!' ? !value : value;
	} else if (isdigit((unsigned char)c)) {
		value = read_number(r);
	} else if (text_take_brackets(&r->t, &inside)) {
		struct text behind = r->t;

		text_skip_space(&behind);
		if (c == '(' && text_is_type(inside) && behind.at < behind.end &&
		    (text_is_word(*behind.at) || strchr("(-~!", *behind.at))) {
			value = cut(read_unary(r), text_type_size(inside));
		} else {
			r->t = inside;
			value = read_conditional(r);
			text_skip_space(&r->t);
			if (c != '(' || r->t.at != r->t.end)
				fail(r);
			r->t = behind;
		}
	} else {
		value = read_name(r);
	}
	r->depth--;
	return value;
}

/* Longer ones before their beginnings. */
static const struct binary {
	char text[3];
	uint8_t level; /* binds tighter */
} binaries[] = {
	{"<<", 8}, {">>", 8}, {"<=", 7}, {">=", 7}, {"==", 6}, {"!=", 6},
	{"&&", 2}, {"||", 1}, {"<", 7},  {">", 7},  {"*", 10}, {"/", 10},
	{"%", 10}, {"+", 9},  {"-", 9},  {"&", 5},  {"^", 4},  {"|", 3},
};

static const struct binary *peek_binary(struct reader *r)
{
	text_skip_space(&r->t);
	for (size_t i = 0; i < sizeof(binaries) / sizeof(*binaries); i++) {
		size_t len = strlen(binaries[i].text);

		if ((size_t)(r->t.end - r->t.at) >= len && !memcmp(r->t.at, binaries[i].text, len))
			return &binaries[i];
	}
	return NULL;
}

static uint64_t apply(struct reader *r, const char *op, uint64_t a, uint64_t b)
{
	if ((*op == '/' || *op == '%') && !b)
		return fail(r);
	if ((!strcmp(op, "<<") || !strcmp(op, ">>")) && b > 63)
		return fail(r);
	switch (*op) {
	case '*':
		return a * b;
	case '/':
		return a / b;
	case '%':
		return a % b;
	case '+':
		return a + b;
	case '-':
		return a - b;
	case '^':
		return a ^ b;
	case '=':
		return a == b;
	case '!':
		return a != b;
	case '&':
		return op[1] ? a && b : (a & b);
	case '|':
		return op[1] ? a || b : (a | b);
	case '<':
		return op[1] == '<' ? a << b
		       : op[1]      ? (int64_t)a <= (int64_t)b
				    : (int64_t)a < (int64_t)b;
	default:
		return op[1] == '>' ? a >> b
		       : op[1]      ? (int64_t)a >= (int64_t)b
				    : (int64_t)a > (int64_t)b;
	}
}

/* Precedence climbing: operators that bind at least as tight as `level`. */
static uint64_t read_binary(struct reader *r, unsigned level)
{
	uint64_t value = read_unary(r);
	const struct binary *op;

	while (!r->failed && (op = peek_binary(r)) && op->level >= level) {
		r->t.at += strlen(op->text);
		value = apply(r, op->text, value, read_binary(r, op->level + 1u));
	}
	return value;
}

static uint64_t read_conditional(struct reader *r)
{
	uint64_t value = read_binary(r, 1), yes, no;

	text_skip_space(&r->t);
	if (r->failed || r->t.at == r->t.end || *r->t.at != '?')
		return value;
	r->t.at++;
	if (++r->depth > DEPTH_MAX)
		return fail(r);
	yes = read_conditional(r);
	if (!text_take(&r->t, ":"))
		return fail(r);
	no = read_conditional(r);
	r->depth--;
	return value ? yes : no;
}

bool format_constant(struct text t, const struct format_constants *constants, uint64_t *value)
{
	struct reader r = {.t = t, .constants = constants};

	*value = read_conditional(&r);
	text_skip_space(&r.t);
	return !r.failed && r.t.at == r.t.end;
}
