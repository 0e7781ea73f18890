/* SPDX-License-Identifier: MIT */
#include "lang/lex.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"

void lex_init(struct lexer *l, const char *file, const char *text, struct arena *a,
	      struct diag *diag)
{
	*l = (struct lexer){.text = text,
			    .at = text,
			    .line_start = text,
			    .file = file,
			    .line = 1,
			    .arena = a,
			    .diag = diag};
}

void lex_error(struct lexer *l, const struct lang_place *place, const char *hint, const char *fmt,
	       ...)
{
	struct diag_place where = {l->file, place->line, place->column, 0, 0};
	struct str message = {0};
	va_list ap;

	if (l->error)
		return;
	va_start(ap, fmt);
	str_addv(&message, fmt, ap);
	va_end(ap);
	l->error = diag_error(l->diag, &where, "%s", str_c(&message));
	if (hint)
		diag_hint(l->diag, "%s", hint);
	str_fini(&message);
}

static struct lang_place place_here(const struct lexer *l)
{
	return (struct lang_place){l->line, (uint32_t)(l->at - l->line_start) + 1,
				   (uint32_t)(l->at - l->text), 1};
}

static void step(struct lexer *l)
{
	if (*l->at++ == '\n') {
		l->line++;
		l->line_start = l->at;
	}
}

/* space: { " " | "//" … end of line | "/" "*" … "*" "/" | "#!" … } */
static bool skip_space(struct lexer *l)
{
	const char *start = l->at;

	for (;;) {
		if (isspace((unsigned char)*l->at)) {
			step(l);
		} else if ((l->at[0] == '/' && l->at[1] == '/') ||
			   (l->at == l->text && l->at[0] == '#' && l->at[1] == '!')) {
			while (*l->at && *l->at != '\n')
				step(l);
		} else if (l->at[0] == '/' && l->at[1] == '*') {
			struct lang_place place = place_here(l);

			while (*l->at && !(l->at[0] == '*' && l->at[1] == '/'))
				step(l);
			if (!*l->at) {
				lex_error(l, &place, NULL, "this comment does not end");
				break;
			}
			step(l);
			step(l);
		} else {
			break;
		}
	}
	return l->at != start;
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static int digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	if (isxdigit((unsigned char)c))
		return tolower((unsigned char)c) - 'a' + 10;
	return 99;
}

/* A suffix's factor: durations to ns; U, L, UL and so on count for nothing. 0: no such suffix. */
static uint64_t suffix_factor(const char *s, size_t len)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} suffixes[] = {
		{"", 1},
		{"u", 1},
		{"l", 1},
		{"ul", 1},
		{"ll", 1},
		{"ull", 1},
		{"U", 1},
		{"L", 1},
		{"UL", 1},
		{"LL", 1},
		{"ULL", 1},
		{"ns", 1},
		{"us", 1000},
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", 60000000000},
		{"h", 3600000000000},
		{"d", 86400000000000},
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strlen(suffixes[i].name) == len && !memcmp(suffixes[i].name, s, len))
			return suffixes[i].factor;
	return 0;
}

/* int: ( "0x" hex | "0" octal | decimal [ "e" decimal ] ) [ suffix ], "_" between digits */
static void lex_int(struct lexer *l, struct token *t)
{
	int base = 10;
	bool fits = true;
	const char *suffix;
	uint64_t factor;

	if (l->at[0] == '0' && (l->at[1] == 'x' || l->at[1] == 'X')) {
		base = 16;
		l->at += 2;
	} else if (l->at[0] == '0' && (l->at[1] == 'b' || l->at[1] == 'B')) {
		base = 2;
		l->at += 2;
	} else if (l->at[0] == '0') {
		base = 8;
	}
	for (; digit_value(*l->at) < base || *l->at == '_'; l->at++)
		if (*l->at != '_')
			fits &= !__builtin_mul_overflow(t->number, (uint64_t)base, &t->number) &&
				!__builtin_add_overflow(t->number, (uint64_t)digit_value(*l->at),
							&t->number);
	if (base == 10 && *l->at == 'e' && isdigit((unsigned char)l->at[1])) {
		unsigned exponent = 0;

		for (l->at++; isdigit((unsigned char)*l->at) && exponent < 100; l->at++)
			exponent = exponent * 10 + (unsigned)(*l->at - '0');
		while (exponent-- && fits)
			fits &= !__builtin_mul_overflow(t->number, 10ull, &t->number);
	}
	suffix = l->at;
	while (is_name_char(*l->at))
		l->at++;
	factor = suffix_factor(suffix, (size_t)(l->at - suffix));
	if (!factor)
		lex_error(l, &t->place, "UL, LL, and ns us ms s m h d for durations",
			  "a number cannot end in \"%.*s\"", (int)(l->at - suffix), suffix);
	else if (!fits || __builtin_mul_overflow(t->number, factor, &t->number))
		lex_error(l, &t->place, NULL, "this number does not fit in 64 bits");
	t->kind = TOKEN_INT;
}

/* escape: "\" ( "n" | "t" | "r" | "0" … | "x" hex hex | any ) */
static char lex_escape(struct lexer *l)
{
	static const char from[] = "ntrbfva", to[] = "\n\t\r\b\f\v\a";
	const char *known;
	int value = 0;

	step(l); /* the backslash */
	known = *l->at ? strchr(from, *l->at) : NULL;
	if (known) {
		step(l);
		return to[known - from];
	}
	if (*l->at >= '0' && *l->at <= '7') {
		for (int i = 0; i < 3 && *l->at >= '0' && *l->at <= '7'; i++, step(l))
			value = value * 8 + (*l->at - '0');
		return (char)value;
	}
	if (*l->at == 'x' && digit_value(l->at[1]) < 16) {
		step(l);
		for (int i = 0; i < 2 && digit_value(*l->at) < 16; i++, step(l))
			value = value * 16 + digit_value(*l->at);
		return (char)value;
	}
	value = *l->at;
	if (*l->at)
		step(l);
	return (char)value;
}

static void lex_string(struct lexer *l, struct token *t)
{
	struct str text = {0};

	t->kind = TOKEN_STRING;
	step(l);
	while (*l->at && *l->at != '"') {
		if (*l->at == '\\') {
			str_add_char(&text, lex_escape(l));
		} else {
			str_add_char(&text, *l->at);
			step(l);
		}
	}
	if (!*l->at)
		lex_error(l, &t->place, "it began here", "this string does not end");
	else
		step(l);
	t->len = text.len;
	t->text = arena_strndup(l->arena, str_c(&text), text.len);
	str_fini(&text);
}

static void take_name(struct lexer *l, struct token *t, enum token_kind kind, size_t mark)
{
	const char *start = l->at += mark;

	while (is_name_char(*l->at))
		l->at++;
	t->kind = kind;
	t->len = (size_t)(l->at - start);
	t->text = arena_strndup(l->arena, start, t->len);
}

/* The longest first. */
static const char *const signs[] = {
	"<<=", ">>=", "...", "||", "&&", "==", "!=", "<=", ">=", "<<", ">>", "++", "--",
	"+=",  "-=",  "*=",  "/=", "%=", "&=", "|=", "^=", "->", "..", "::", "=",  "<",
	">",   "+",   "-",   "*",  "/",  "%",  "&",  "|",  "^",  "!",  "~",  "?",  ":",
	";",   ",",   ".",   "(",  ")",  "[",  "]",  "{",  "}",  "#",
};

static void lex_sign(struct lexer *l, struct token *t)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t len = strlen(signs[i]);

		if (!strncmp(l->at, signs[i], len)) {
			l->at += len;
			t->kind = TOKEN_SIGN;
			t->text = signs[i];
			t->len = len;
			return;
		}
	}
	lex_error(l, &t->place, NULL,
		  isprint((unsigned char)*l->at) ? "nothing begins with '%c'"
						 : "nothing begins with the byte %#x",
		  (unsigned char)*l->at);
	l->at += strlen(l->at);
}

struct token lex_next(struct lexer *l)
{
	bool after_space = skip_space(l);
	struct token t = {.place = place_here(l), .after_space = after_space, .text = ""};

	if (l->error || !*l->at)
		return t;
	if (isdigit((unsigned char)*l->at)) {
		lex_int(l, &t);
	} else if (is_name_char(*l->at)) {
		take_name(l, &t, TOKEN_NAME, 0);
	} else if (*l->at == '"') {
		lex_string(l, &t);
	} else if (*l->at == '@') {
		take_name(l, &t, TOKEN_MAP, 1);
	} else if (*l->at == '$' && l->at[1] == '#') {
		l->at += 2;
		t.kind = TOKEN_PARAMETER;
	} else if (*l->at == '$' && isdigit((unsigned char)l->at[1])) {
		l->at++;
		lex_int(l, &t);
		t.kind = TOKEN_PARAMETER;
		if (t.number == 0 || t.number > 999)
			lex_error(l, &t.place, NULL, "parameters count from $1 to $999");
	} else if (*l->at == '$' && is_name_char(l->at[1])) {
		take_name(l, &t, TOKEN_VARIABLE, 1);
	} else {
		lex_sign(l, &t);
	}
	if (!l->error && arena_failed(l->arena))
		l->error = -ENOMEM;
	if (l->error)
		return (struct token){.place = t.place, .text = ""};
	t.place.len = (uint32_t)(l->at - l->text) - t.place.offset;
	return t;
}

struct token lex_probe(struct lexer *l)
{
	bool after_space = skip_space(l);
	struct token t = {.kind = TOKEN_PROBE, .place = place_here(l), .after_space = after_space};
	struct str text = {0};

	while (!l->error && *l->at && !isspace((unsigned char)*l->at) && *l->at != ',' &&
	       *l->at != '{') {
		if (*l->at == '"') {
			struct token quoted = {.place = place_here(l)};

			lex_string(l, &quoted);
			str_add(&text, quoted.text ? quoted.text : "");
			continue;
		}
		str_add_char(&text, *l->at);
		step(l);
	}
	t.len = text.len;
	t.place.len = (uint32_t)(l->at - l->text) - t.place.offset;
	t.text = arena_strndup(l->arena, str_c(&text), text.len);
	str_fini(&text);
	if (!t.text)
		t.text = "";
	return t;
}
