/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_FIND_H
#define PISTE_SESSION_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/vec.h"
#include "session/pool.h"

/*
 * find - the pools of a running process, through /proc: its descriptors, or
 * its mappings where it has closed them (CAP_CHECKPOINT_RESTORE). Who may
 * ptrace a process may do this.
 */
struct pool_list VEC(struct pool *);

/* Adds the pools of a process; the diag says why there are none. 0 or negative errno. */
int find_pools(struct pool_list *list, uint32_t pid, struct diag *diag);
void pool_list_fini(struct pool_list *list); /* frees the pools that are still in it */

/* Whether a pool is among its descriptors, its own or one that it was forked with. */
bool process_has_pool(uint32_t pid);
/* Whether the process still has that pool mapped (it may have done an exec). */
bool process_maps_pool(uint32_t pid, const struct pool *pool);
/* Its name, "?" when it is gone. */
void process_comm(uint32_t pid, char out[17]);
uint32_t process_parent(uint32_t pid); /* 0: gone */

#endif
