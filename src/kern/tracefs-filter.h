/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_TRACEFS_FILTER_H
#define PISTE_KERN_TRACEFS_FILTER_H

#include "base/str.h"
#include "kern/format.h"
#include "kern/kern.h"

/*
 * tracefs-filter - a filter as the file `filter` of an event wants it:
 * `(prio < 100) && !(comm ~ "redis*")`. Its language compares fields with constants, and no more
 * (Documentation/trace/events.rst).
 *
 * 0; -ENOENT when the event lacks a field of it, so that it never matches; -EOPNOTSUPP when that
 * language cannot say it: whoever reads the events must apply it.
 */
int tracefs_filter_text(struct str *out, const struct kern_filter_step *steps, size_t n,
			const struct format *f);

#endif
