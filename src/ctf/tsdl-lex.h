/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_TSDL_LEX_H
#define PISTE_CTF_TSDL_LEX_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/fs.h"

#include <stdbool.h>

/* tsdl-lex - the tokens of TSDL (CTF 1.8.3, 7.3 and appendix C.1). */

/* It takes X(const) for a declaration. */
/* clang-format off */
#define TSDL_KEYWORDS(X)                                                                           \
	X(align)                                                                                   \
	X(callsite)                                                                                \
	X(clock)                                                                                   \
	X(const) X(char) X(double) X(enum) X(env) X(event) X(floating_point) X(float) X(integer)   \
		X(int) X(long) X(short) X(signed) X(stream) X(string) X(struct) X(trace)           \
			X(typealias) X(typedef) X(unsigned) X(variant) X(void) X(_Bool)            \
				X(_Complex) X(_Imaginary)
/* clang-format on */

enum tsdl_keyword {
	TSDL_NOT_KEYWORD,
#define X(word) TSDL_##word,
	TSDL_KEYWORDS(X)
#undef X
};

enum tsdl_token_kind {
	TSDL_END,
	TSDL_WORD, /* identifiers and keywords */
	TSDL_INT,
	TSDL_CHAR,
	TSDL_STRING,
	TSDL_PUNCT, /* one character, in `punct` */
	TSDL_ASSIGN_TYPE, /* := */
	TSDL_ELLIPSIS, /* ... */
	TSDL_ARROW, /* -> */
};

struct tsdl_token {
	enum tsdl_token_kind kind;
	enum tsdl_keyword keyword; /* of a WORD */
	char punct;
	uint64_t value; /* INT CHAR */
	const char *text; /* WORD STRING, in the arena */
	unsigned line, column;
};

struct tsdl_lexer {
	const uint8_t *at, *end;
	unsigned line;
	const uint8_t *line_start;
	const char *file_name;
	struct arena *arena;
	struct diag *diag;
	int error; /* sticky: 0, -EINVAL, -ENOMEM */
};

/* Reads the next token; after an error, TSDL_END for ever. */
void tsdl_lex(struct tsdl_lexer *lx, struct tsdl_token *out);
enum tsdl_keyword tsdl_keyword(const char *word);

#endif
