/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_SCRIPT_H
#define PISTE_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/str.h"

/*
 * script - a script runs: compiled, loaded, attached; its output written; its
 * maps shown at the end.
 */
enum script_dump { SCRIPT_RUN, SCRIPT_DUMP_AST, SCRIPT_DUMP_IR, SCRIPT_DUMP_BPF, SCRIPT_CHECK };

struct script_options {
	const char *file, *text; /* the name for messages, and the script */
	const char *const *params;
	size_t n_params;
	enum script_dump dump; /* what is written instead of running it */
	bool is_json, is_quiet, unsafe;
	char *const *command; /* -c: started, and the script ends with it; or NULL */
	const char *trace; /* the directory of a recording, instead of this system; or NULL */
	int pid; /* -p: the script ends with it; 0: none */
	FILE *out;
};

/* 0, or negative errno; *status is what the script gave to exit(). */
int script_run(const struct script_options *options, int *status, struct diag *diag);

#endif
