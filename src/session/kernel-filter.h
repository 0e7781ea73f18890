/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_KERNEL_FILTER_H
#define PISTE_SESSION_KERNEL_FILTER_H

#include "base/arena.h"
#include "base/vec.h"
#include "ctf/filter.h"
#include "kern/kern.h"

/*
 * kernel-filter - of a filter, what the kernel can decide before there is a
 * record: it lets pass all that the filter does, and as little else as it can. What
 * comes is looked at once more, exactly, by the recorder.
 */
struct kernel_filter VEC(struct kern_filter_step);

/* No steps: nothing of it can be decided there. Texts lie in the filter or in the arena. 0 or
 * -ENOMEM. */
int kernel_filter_make(struct kernel_filter *out, const struct filter *f, struct arena *a);

#endif
