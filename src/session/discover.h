/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_DISCOVER_H
#define PISTE_SESSION_DISCOVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/*
 * discover - which processes of this machine are instrumented: those with a
 * pool, by a descriptor or, as root, by a mapping. find.h opens the pools.
 */
struct discover_list VEC(uint32_t); /* pids, ascending */

/* *hidden: processes that we may not look into. 0 or negative errno. */
int discover_processes(struct discover_list *list, size_t *hidden);

#endif
