/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_TERMINAL_H
#define PISTE_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/*
 * terminal - a whole screen and its keys, while a command has them. What
 * every terminal since the VT100 understands; no library, no terminfo.
 *
 *	terminal_open(&t);		another screen, keys one by one
 *	terminal_draw(&t, &frame);	lines, each with its '\n'
 *	key = terminal_key(&t, ms);	a key, or what else has happened
 *	terminal_close(&t);		everything as it was
 *
 * On any way out that a program can see (exit, signals, crashes, Ctrl-Z) the
 * terminal is given back as it was found. One at a time in a process.
 */
enum terminal_key {
	/* printable keys are themselves (a byte of UTF-8 at a time) */
	TERMINAL_ENTER = '\r',
	TERMINAL_TAB = '\t',
	TERMINAL_ESCAPE = 27,
	TERMINAL_BACKSPACE = 127,
	TERMINAL_NONE = 0x200, /* the time is up */
	TERMINAL_UP,
	TERMINAL_DOWN,
	TERMINAL_LEFT,
	TERMINAL_RIGHT,
	TERMINAL_PAGE_UP,
	TERMINAL_PAGE_DOWN,
	TERMINAL_HOME,
	TERMINAL_END,
	TERMINAL_RESIZED, /* the size has changed, or the screen was lost: draw again */
	TERMINAL_GONE, /* end of input, or a signal that asks to stop */
};

struct terminal {
	int columns, rows;
	bool colour;
	bool is_utf8; /* what it is told by the locale */
	/* private */
	struct str shown; /* the frame that is on it */
	struct str out;
	uint8_t pending[64];
	size_t n_pending;
};

/* stdin and stdout; 0, -ENOTTY, or negative errno. */
int terminal_open(struct terminal *t);
void terminal_close(struct terminal *t);

/* Puts the frame there: only lines that differ are written. Lines must not be wider than it. */
int terminal_draw(struct terminal *t, const struct str *frame);
/* Waits for at most so many ms. */
int terminal_key(struct terminal *t, int timeout_ms);

#endif
