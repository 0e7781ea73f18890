/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_DIAG_H
#define PISTE_BASE_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * diag - what went wrong, for people: severity, place, message, hint.
 *
 * Functions that read human or foreign input take a `struct diag *` and add
 * to it; nothing below cli/ prints. NULL is allowed and drops everything.
 * At most DIAG_MAX entries are kept, then only counted, so that hostile input
 * cannot fill memory.
 */
#define DIAG_MAX 256

enum diag_severity { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR };

struct diag_place {
	const char *file; /* borrowed during the call, copied; may be NULL */
	unsigned line, column; /* 1-based; 0: none */
	uint64_t offset; /* bytes into the file, when has_offset */
	int has_offset;
};

struct diag_entry {
	enum diag_severity severity;
	struct diag_place place; /* file owned by the diag */
	char *message; /* one line, no newline, no final stop */
	char *hint; /* what to do; may be NULL */
};

struct diag {
	struct diag_entry *entries;
	size_t len, cap;
	size_t errors, warnings; /* all of them, kept or not */
	size_t dropped; /* not kept: beyond DIAG_MAX, or no memory */
	bool newest_dropped; /* so that its hint goes nowhere else */
};

void diag_fini(struct diag *d);
/* All return -EINVAL, so that `return diag_error(...)` reads well. */
int diag_error(struct diag *d, const struct diag_place *place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int diag_warn(struct diag *d, const struct diag_place *place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int diag_note(struct diag *d, const struct diag_place *place, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Appends all of another's entries, which is empty then: for threads that have one each. */
void diag_move(struct diag *to, struct diag *from);
/* Adds a hint to the newest entry. */
void diag_hint(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
