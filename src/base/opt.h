/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_OPT_H
#define PISTE_BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/str.h"

/*
 * opt - a command line by a table: each row is an option, and the same rows
 * make the help text.
 *
 *	enum { OPT_JSON = OPT_LONG_ONLY };
 *	static const struct opt_spec spec = {
 *		.usage = "piste print [OPTION]... TRACE",
 *		.summary = "Events of a trace as text",
 *		.rows = (const struct opt_row[]){
 *			{"output", 'o', "FILE", "write to FILE instead of stdout"},
 *			{"json", OPT_JSON, NULL, "one JSON object a line"},
 *			{0},
 *		},
 *	};
 *
 *	opt_init(&p, &spec, argc, argv);
 *	while ((id = opt_next(&p, &diag)) > 0)
 *		switch (id) { case 'o': path = p.value; ... }
 *
 * --name VALUE, --name=VALUE, -o VALUE, -oVALUE and -abc are understood;
 * names are never abbreviated. `--` ends the options. -h and --help are in
 * every table without being written there.
 */
enum {
	OPT_LONG_ONLY = 256, /* ids from here on have no letter */
};

struct opt_row {
	const char *name; /* without its dashes; NULL with help: a heading; NULL without: the end */
	int id; /* the letter, or a number from OPT_LONG_ONLY on */
	const char *metavar; /* of its value; NULL: it takes none */
	const char *help; /* NULL: not in the help text */
};

struct opt_spec {
	const char *usage; /* after "usage: " */
	const char *summary; /* one line, no final stop */
	const struct opt_row *rows;
	const char *details; /* printed last, as it stands; may be NULL */
	bool stop_at_operand; /* the first operand ends the options (a command to run) */
};

enum {
	OPT_END = 0,
	OPT_HELP = -1, /* the user asked for the help text */
	OPT_BAD = -2, /* the diag says what */
};

struct opt_parser {
	const struct opt_spec *spec;
	const char *value; /* of the option just returned */
	const struct opt_row *row; /* the option just returned */
	char **operands; /* complete once opt_next returned OPT_END; NULL-terminated */
	int n_operands;
	int n_before_dashes; /* of these, how many stood before `--`; all without one */
	int exit_status; /* for cli/: what to exit with after a negative opt_next */
	/* private */
	int argc, next;
	char **argv;
	const char *cluster; /* rest of -abc */
};

/* argv[0] is the command's name and not looked at; argv is reordered. */
void opt_init(struct opt_parser *p, const struct opt_spec *spec, int argc, char **argv);
/* The next option's id, or OPT_END, OPT_HELP, OPT_BAD. */
int opt_next(struct opt_parser *p, struct diag *diag);
void opt_help(struct str *out, const struct opt_spec *spec);

/* The value of the option just returned, as a number or a size or a duration; 0 or OPT_BAD. */
int opt_value_u64(struct opt_parser *p, uint64_t min, uint64_t max, uint64_t *out, struct diag *);
int opt_value_size(struct opt_parser *p, uint64_t *bytes, struct diag *);
int opt_value_duration(struct opt_parser *p, uint64_t *ns, struct diag *);

#endif
