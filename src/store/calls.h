/* SPDX-License-Identifier: MIT */
#ifndef PISTE_STORE_CALLS_H
#define PISTE_STORE_CALLS_H

#include "base/diag.h"
#include "store/interval.h"

/*
 * calls - the system calls of traces, as intervals: an entry and the exit that
 * belongs to it, on one thread.
 *
 * Understands piste's events (syscall:NAME_entry, syscall:NAME_exit) and those of
 * LTTng's kernel tracer (syscall_entry_NAME, syscall_exit_NAME). An interval's
 * values:
 *
 *	result	what the call returned
 *	error	the errno, where it failed
 *	fd	the descriptor that it was about
 *	path	the name of the file that it was about, as far as the trace tells: of the
 *		call's own argument, or of the call that opened the descriptor
 *
 * Where events were lost, no interval is made of an entry before and an exit
 * behind the loss: they may be of two calls.
 */
struct ctf_trace;

struct calls_options {
	bool has_begin, has_end;
	int64_t begin_ns, end_ns; /* calls that began outside are left out */
	const uint32_t *pids;
	size_t n_pids; /* 0: all */
};

struct calls_summary {
	uint64_t calls; /* intervals with an end */
	uint64_t unfinished; /* whose exit did not come; they are intervals too */
	uint64_t unentered; /* exits whose entry is not in the trace */
	uint64_t cut; /* not made intervals, since events were lost meanwhile */
	uint64_t without_thread; /* events of which nothing tells whose they are */
	uint64_t lost_events; /* as the trace counts them */
	bool has_unknown_losses; /* more were lost, nobody knows how many */
	bool has_calls; /* the trace has events of system calls at all, of whatever process */
	int64_t begin_ns, end_ns; /* from the first beginning to the last end of those given */
};

/* 0; -EINVAL when something could not be read (all else was); -ENOMEM; or what fn returned. */
int calls_read(struct ctf_trace *const *traces, size_t n, const struct calls_options *options,
	       interval_fn *fn, void *data, struct calls_summary *summary, struct diag *diag);

#endif
