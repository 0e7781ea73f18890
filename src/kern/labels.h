/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_LABELS_H
#define PISTE_KERN_LABELS_H

#include "base/arena.h"
#include "kern/btf.h"
#include "kern/event.h"

/* The labels of a kernel's enum, without `prefix` where they begin with it; NULL when it has none
 * or memory ends (then arena_failed). */
const struct kern_labels *kern_labels_of_enum(const struct btf_index *btf, uint32_t type,
					      const char *prefix, struct arena *arena);

#endif
