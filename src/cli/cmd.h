/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_CMD_H
#define PISTE_CLI_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/opt.h"

/*
 * cmd - what the commands share. A command is one file, cmd-NAME.c, with one
 * function and one row in main.c:
 *
 *	int cmd_print(int argc, char **argv)
 *	{
 *		struct diag diag = {0};
 *		struct opt_parser p;
 *		int id;
 *
 *		opt_init(&p, &spec, argc, argv);
 *		while ((id = cli_next_option(&p)) > 0)
 *			switch (id) { ... }
 *		if (id < 0)
 *			return p.exit_status;
 *		if (p.n_operands != 1)
 *			return cli_bad_usage(&spec, "which trace?");
 *		...
 *		return cli_finish(&diag, err);
 *	}
 *
 * argv[0] is the command's own name. What a command finds out goes to stdout,
 * what it has to say about itself (errors, progress) to stderr.
 */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_BAD_USAGE = 2,
};

/*
 * Name, and what it does in one line for `piste --help`: X(print, "events as text").
 * A row here needs cmd-NAME.c, named in meson.build.
 */
#define CLI_COMMANDS(X)                                                                            \
	X(record, "the events of a program, and of all that it starts, into a trace")              \
	X(run, "a script of bpftrace's language, in the kernel")                                   \
	X(print, "the events of traces, as text or JSON")                                          \
	X(babeltrace2, "as babeltrace2 convert: its options, its output")                          \
	X(stat, "what is in a trace: events, processes, time, losses, clocks, cost")               \
	X(report, "what a trace tells: system calls and their latencies, by call, process, file")  \
	X(doctor, "what works on this machine and for this user, and how to get the rest")         \
	X(list, "what can be traced: the kernel, sites of files and of running programs")          \
	X(top, "live rates, errors and latencies of system calls")                                 \
	X(recover, "what a program's buffers still hold, when its recorder was killed")

#define X(name, help) int cmd_##name(int argc, char **argv);
CLI_COMMANDS(X)
#undef X

/*
 * Every command whose output is data takes these: --json, one JSON document
 * on stdout and nothing else there; a stream of things is one object a line.
 * Numbers carry their unit in the key (_ns, _bytes), 64-bit values stay
 * numbers, and a key never changes its meaning.
 */
enum { CLI_OPT_JSON = 1000 };
#define CLI_ROW_JSON                                                                               \
	{                                                                                          \
		"json", CLI_OPT_JSON, NULL, "write JSON for programs to read"                      \
	}

/* opt_next that prints what is to be said: help to stdout, a mistake to stderr. Below 0: return
 * p->exit_status. */
int cli_next_option(struct opt_parser *p);
/* Says what is wrong with the operands; returns CLI_BAD_USAGE. */
int cli_bad_usage(const struct opt_spec *spec, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints one error that has no diag: "piste: message", and the hint below it when not NULL. */
void cli_error(const char *hint, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints all entries and what was dropped; then empties it. */
void cli_print_diag(struct diag *d);
/* Prints and frees the diag, flushes stdout; CLI_FAILED where err < 0, the diag holds an error, or
 * stdout could not be written. */
int cli_finish(struct diag *d, int err);

/* Colour for stderr or stdout: a tty, no NO_COLOR, TERM not dumb. */
bool cli_has_colour(FILE *stream);

/*
 * The status line: on a tty one line of stderr that is overwritten, elsewhere
 * nothing. Updates closer than 50 ms are dropped; whatever else this file
 * prints clears it first.
 */
void cli_status(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_status_clear(void);

#endif
