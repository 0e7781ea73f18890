/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_PRIVATE_H
#define PISTE_SCRIPT_PRIVATE_H

#include <signal.h>

#include "ctf/reader.h"
#include "script/attach.h"
#include "script/output.h"
#include "script/script.h"

/* private - a script while it runs, for the files that run it. */
struct run {
	const struct script_options *options;
	struct diag *diag;
	struct arena arena;
	struct lang_env *env;
	struct ast_script *script;
	struct lang_program *program;
	struct output output;

	/* in the kernel */
	struct loaded loaded;
	struct kern_records *records;
	int signals, child_fd; /* descriptors; -1 */
	pid_t child; /* -c; 0: none */
	int go[2]; /* the child waits here until all is attached */
	sigset_t old_mask;

	/* over a recording */
	struct ctf_trace *trace;
};

void run_say_attached(struct run *r, size_t n);
void run_print_maps(struct run *r);
void run_say_losses(const struct run *r, const struct lang_control *c);

int run_over_trace(struct run *r); /* replay.c */

#endif
