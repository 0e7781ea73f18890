/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_RECOVER_H
#define PISTE_SESSION_RECOVER_H

#include "base/fs.h"
#include "session/pool.h"
#include "session/recorder.h"

/*
 * recover - a trace of what is still in the pools of a process, when its
 * recorder was killed; or in a file that holds a pool: a copy of the memfd,
 * or a core file. Nothing is taken away: it can be done again.
 */
struct recover_options {
	uint32_t pid; /* 0: a file */
	const char *file;
	const char *dir;
	bool force;
	unsigned ctf_major;
	const char *command_line;
};

int recover(const struct recover_options *options, struct recorder_summary *summary,
	    struct diag *diag);

/* A pool at a page boundary of a file's bytes, from *at on; NULL: no more. The pool borrows. */
struct pool *recover_next_pool(struct span bytes, size_t *at);

#endif
