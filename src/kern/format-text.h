/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_FORMAT_TEXT_H
#define PISTE_KERN_FORMAT_TEXT_H

#include <ctype.h>
#include <string.h>

#include "kern/format.h"

/*
 * format-text - pieces of C in `print fmt`: borrowed, not terminated, and
 * of any content. Internal to format*.c.
 */
struct text {
	const char *at, *end;
};

static inline bool text_is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static inline void text_skip_space(struct text *t)
{
	while (t->at < t->end && isspace((unsigned char)*t->at))
		t->at++;
}

static inline void text_trim(struct text *t)
{
	text_skip_space(t);
	while (t->end > t->at && isspace((unsigned char)t->end[-1]))
		t->end--;
}

/* Takes `word` when it is next, spaces in front included. */
static inline bool text_take(struct text *t, const char *word)
{
	size_t len = strlen(word);

	text_skip_space(t);
	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len))
		return false;
	t->at += len;
	return true;
}

/* An identifier; empty when there is none. */
static inline struct text text_take_word(struct text *t)
{
	struct text word;

	text_skip_space(t);
	word = (struct text){t->at, t->at};
	if (t->at < t->end && isdigit((unsigned char)*t->at))
		return word;
	while (t->at < t->end && text_is_word(*t->at))
		t->at++;
	word.end = t->at;
	return word;
}

static inline bool text_is(struct text t, const char *word)
{
	return strlen(word) == (size_t)(t.end - t.at) && !memcmp(t.at, word, strlen(word));
}

/* What stands up to `stop` (or the end) outside of brackets and quotes; the stop is taken too. */
struct text text_until(struct text *t, char stop);
/* The inside of the brackets that begin here; false: there are none, or they do not end. */
bool text_take_brackets(struct text *t, struct text *inside);
/* String literals that stand side by side, as one, escapes resolved; NULL: none here (or no memory). */
char *text_take_strings(struct text *t, struct arena *arena);

/* Bytes of a C type of one or more words ("unsigned long"), 0: not known. */
unsigned text_type_size(struct text type);
/* Whether it can only be a type: words and stars. */
bool text_is_type(struct text t);

/* The value of a constant expression; false: it is not one. */
bool format_constant(struct text t, const struct format_constants *constants, uint64_t *value);

/* format-print.c: what `print fmt` says about the fields. 0 or -ENOMEM. */
int format_read_print(struct format *f, struct text print, const struct format_constants *constants,
		      struct arena *arena);

#endif
