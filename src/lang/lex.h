/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_LEX_H
#define PISTE_LANG_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"

/*
 * lex - tokens of bpftrace's language, one at a time, so that the parser can
 * ask for what only it knows to come: a probe's name, with its slashes.
 */
struct lang_place {
	uint32_t line, column; /* from 1 */
	uint32_t offset, len; /* in the text */
};

enum token_kind {
	TOKEN_END,
	TOKEN_NAME, /* also keywords */
	TOKEN_INT,
	TOKEN_STRING, /* escapes are resolved */
	TOKEN_VARIABLE, /* $name */
	TOKEN_MAP, /* @name or @ */
	TOKEN_PARAMETER, /* $1; $# is number 0 */
	TOKEN_SIGN,
	TOKEN_PROBE, /* only from lex_probe */
};

struct token {
	enum token_kind kind;
	struct lang_place place;
	const char *text; /* of names without their mark, of strings what they hold */
	size_t len;
	uint64_t number;
	bool after_space;
};

struct lexer {
	const char *text, *at, *line_start;
	const char *file; /* for messages */
	uint32_t line;
	struct arena *arena;
	struct diag *diag;
	int error; /* the first: -EINVAL, -ENOMEM */
};

void lex_init(struct lexer *l, const char *file, const char *text, struct arena *a,
	      struct diag *diag);
/* The next token; the end again and again. */
struct token lex_next(struct lexer *l);
/* The next piece of a probe's name: up to space, ',' or '{'; empty where there is none. */
struct token lex_probe(struct lexer *l);
/* Adds an error with the place, and its line with a caret as the hint; the first one sticks. */
void lex_error(struct lexer *l, const struct lang_place *place, const char *hint, const char *fmt,
	       ...) __attribute__((format(printf, 4, 5)));

#endif
