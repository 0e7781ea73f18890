/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_FILTER_H
#define PISTE_KERN_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "kern/emit.h"

/*
 * filter - a filter compiled into the programs, one event at a time.
 *
 * Steps are in postfix order; values of the stack machine lie on the program's
 * stack, as 64-bit numbers. Texts are compared by their first
 * FILTER_TEXT - 1 bytes.
 */
enum {
	FILTER_DEPTH = 12, /* values at once */
	FILTER_STACK = -72, /* from r10: the first value; further ones below */
	FILTER_TEXT = 64,
	FILTER_TEXT_AT = -EMIT_STACK, /* up to the values */
};

/* Whether the event has all that the filter asks for; if not, none of it matches. */
bool kern_filter_applies(const struct kern_options *options, const struct kern_event *event);
/* Whether such a filter can be compiled at all. */
int kern_filter_check(const struct kern_options *options, struct diag *diag);
/* Goes to `out` when the event does not match. */
void filter_emit(struct kern_emit *e, const struct kern_event *event, emit_load_fn *load, void *arg,
		 unsigned out);

#endif
