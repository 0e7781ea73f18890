/* SPDX-License-Identifier: MIT */
/* tsdl-lex.c - see tsdl-lex.h. One function a kind of token. */
#include "ctf/tsdl-lex.h"

#include <errno.h>
#include <string.h>

static bool is_word_start(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int digit_value(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static int peek(const struct tsdl_lexer *lx, size_t ahead)
{
	return (size_t)(lx->end - lx->at) > ahead ? lx->at[ahead] : -1;
}

static void lex_fail(struct tsdl_lexer *lx, const char *message)
{
	if (lx->error)
		return;
	struct diag_place place = {.file = lx->file_name,
				   .line = lx->line,
				   .column = (unsigned)(lx->at - lx->line_start) + 1};
	lx->error = diag_error(lx->diag, &place, "%s", message);
	lx->at = lx->end;
}

enum tsdl_keyword tsdl_keyword(const char *word)
{
	static const char *const words[] = {
#define X(word) [TSDL_##word] = #word,
		TSDL_KEYWORDS(X)
#undef X
	};
	for (size_t i = 1; i < sizeof(words) / sizeof(*words); i++)
		if (words[i][0] == word[0] && !strcmp(words[i], word))
			return (enum tsdl_keyword)i;
	return TSDL_NOT_KEYWORD;
}

static void new_line(struct tsdl_lexer *lx)
{
	lx->at++;
	lx->line++;
	lx->line_start = lx->at;
}

static void skip_block_comment(struct tsdl_lexer *lx)
{
	for (lx->at += 2; lx->at < lx->end;) {
		if (*lx->at == '*' && peek(lx, 1) == '/') {
			lx->at += 2;
			return;
		}
		if (*lx->at == '\n')
			new_line(lx);
		else
			lx->at++;
	}
	lex_fail(lx, "a comment is not closed");
}

/* A backslash at the line's end continues a line comment. */
static void skip_line_comment(struct tsdl_lexer *lx)
{
	while (lx->at < lx->end && *lx->at != '\n') {
		if (*lx->at == '\\' && peek(lx, 1) == '\n')
			lx->at++, new_line(lx);
		else if (*lx->at == '\\' && peek(lx, 1) == '\r' && peek(lx, 2) == '\n')
			lx->at += 2, new_line(lx);
		else
			lx->at++;
	}
}

static void skip_blank(struct tsdl_lexer *lx)
{
	while (lx->at < lx->end) {
		int c = *lx->at;
		if (c == '\n')
			new_line(lx);
		else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v')
			lx->at++;
		else if (c == '\\' && (peek(lx, 1) == '\n' || peek(lx, 1) == '\r'))
			lx->at++;
		else if (c == '/' && peek(lx, 1) == '*')
			skip_block_comment(lx);
		else if (c == '/' && peek(lx, 1) == '/')
			skip_line_comment(lx);
		else
			return;
	}
}

static void lex_word(struct tsdl_lexer *lx, struct tsdl_token *t)
{
	const uint8_t *start = lx->at;
	while (lx->at < lx->end && (is_word_start(*lx->at) || is_digit(*lx->at)))
		lx->at++;
	t->kind = TSDL_WORD;
	t->text = arena_strndup(lx->arena, (const char *)start, (size_t)(lx->at - start));
	if (t->text)
		t->keyword = tsdl_keyword(t->text);
}

/* integer-constant: 123 0x1F 017 0b101, with any of the suffixes u l ll */
static void lex_int(struct tsdl_lexer *lx, struct tsdl_token *t)
{
	unsigned base = 10;
	if (*lx->at == '0') {
		int c = peek(lx, 1);
		if (c == 'x' || c == 'X')
			base = 16, lx->at += 2;
		else if (c == 'b' || c == 'B')
			base = 2, lx->at += 2;
		else if (is_digit(c))
			base = 8, lx->at++;
	}
	const uint8_t *start = lx->at;
	for (int d; lx->at < lx->end && (d = digit_value(*lx->at)) < (int)base; lx->at++) {
		if (__builtin_mul_overflow(t->value, base, &t->value) ||
		    __builtin_add_overflow(t->value, (uint64_t)d, &t->value)) {
			lex_fail(lx, "this number does not fit 64 bits");
			return;
		}
	}
	if (lx->at == start) {
		lex_fail(lx, "a number lacks its digits");
		return;
	}
	for (unsigned u = 0, l = 0; lx->at < lx->end; lx->at++) {
		int c = *lx->at | 0x20;
		if (c == 'u' && !u)
			u = 1;
		else if (c == 'l' && l < 2)
			l++;
		else
			break;
	}
	t->kind = TSDL_INT;
	if (lx->at < lx->end && (is_word_start(*lx->at) || is_digit(*lx->at)))
		lex_fail(lx, "a number runs into letters");
}

/* The character after a backslash, or octal or hexadecimal digits; -1 when there is none such. */
static int lex_escape(struct tsdl_lexer *lx)
{
	static const char from[] = "ntrabfv\\'\"?";
	static const char to[] = "\n\t\r\a\b\f\v\\'\"?";
	int c = peek(lx, 0);
	const char *simple = c > 0 ? strchr(from, c) : NULL;
	if (simple) {
		lx->at++;
		return (unsigned char)to[simple - from];
	}
	int value = 0, n = 0, base = 8, max = 3;
	if (c == 'x')
		lx->at++, base = 16, max = 2;
	for (int d; n < max && (d = digit_value(peek(lx, 0))) < base; n++, lx->at++)
		value = value * base + d;
	return n && value && value < 256 ? value : -1;
}

/* Character constants and string literals: the same but for the quote. */
static void lex_quoted(struct tsdl_lexer *lx, struct tsdl_token *t, int quote)
{
	const uint8_t *start = ++lx->at;
	const uint8_t *p = start;
	while (p < lx->end && *p != quote)
		p += *p == '\\' && lx->end - p > 1 ? 2 : 1;
	char *text = arena_alloc(lx->arena, (size_t)(p - start) + 1);
	if (!text) {
		lx->error = -ENOMEM;
		return;
	}
	size_t len = 0;
	while (lx->at < lx->end && *lx->at != quote) {
		int c = *lx->at++;
		if (c == '\n') {
			lx->at--;
			new_line(lx);
		} else if (c == '\\') {
			c = lex_escape(lx);
		}
		if (c <= 0) {
			lx->at--;
			lex_fail(lx, c ? "this escape sequence is unknown"
				       : "a string holds a null byte");
			return;
		}
		text[len++] = (char)c;
	}
	if (lx->at == lx->end) {
		lex_fail(lx, "a string is not closed");
		return;
	}
	lx->at++;
	t->kind = TSDL_STRING;
	t->text = text;
	if (quote == '\'') {
		t->kind = TSDL_CHAR;
		t->value = (unsigned char)text[0];
		if (len != 1)
			lex_fail(lx, "a character constant holds not one character");
	}
}

static void lex_punct(struct tsdl_lexer *lx, struct tsdl_token *t)
{
	int c = *lx->at, next = peek(lx, 1);
	size_t len = 1;
	if (c == ':' && next == '=')
		t->kind = TSDL_ASSIGN_TYPE, len = 2;
	else if (c == '-' && next == '>')
		t->kind = TSDL_ARROW, len = 2;
	else if (c == '.' && next == '.' && peek(lx, 2) == '.')
		t->kind = TSDL_ELLIPSIS, len = 3;
	else if (c && strchr("{}[]()<>;:,=.*-+", c))
		t->kind = TSDL_PUNCT, t->punct = (char)c;
	else {
		lex_fail(lx, c ? "this character has no meaning here" : "a null byte in the text");
		return;
	}
	lx->at += len;
}

void tsdl_lex(struct tsdl_lexer *lx, struct tsdl_token *t)
{
	memset(t, 0, sizeof(*t));
	skip_blank(lx);
	t->line = lx->line;
	t->column = (unsigned)(lx->at - lx->line_start) + 1;
	if (lx->at < lx->end) {
		int c = *lx->at;
		if (c == 'L' && (peek(lx, 1) == '"' || peek(lx, 1) == '\''))
			c = *++lx->at;
		if (is_word_start(c))
			lex_word(lx, t);
		else if (is_digit(c))
			lex_int(lx, t);
		else if (c == '"' || c == '\'')
			lex_quoted(lx, t, c);
		else
			lex_punct(lx, t);
	}
	if (!lx->error && arena_failed(lx->arena))
		lx->error = -ENOMEM;
	if (lx->error)
		t->kind = TSDL_END;
}
