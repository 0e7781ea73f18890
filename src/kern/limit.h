/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_LIMIT_H
#define PISTE_KERN_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "bpf/asm.h"
#include "kern/load.h"

/*
 * limit - no more than so many events of a kind in each second on each CPU.
 *
 * Seconds here are of 2^30 ns, so that telling them apart is a shift; the rate
 * is scaled to that.
 */
struct kern_limit {
	uint32_t map; /* [cpu * n + event]: second, events in it, events kept away */
	uint32_t n;
	unsigned cpus;
	uint64_t rate; /* 0: no limit */
	const uint8_t *memory;
	size_t stride;
};

int kern_limit_init(struct kern_limit *limit, struct kern_maps *maps, uint64_t rate,
		    size_t n_events, unsigned cpus, struct diag *diag);
/* Those that were kept away so far. */
uint64_t kern_limit_count(const struct kern_limit *limit);

/* r1: the event's id. Goes to `out` when it is one too many. Keeps r6, r7 and r9. */
void limit_emit(const struct kern_limit *limit, struct bpf_asm *a, unsigned out);

#endif
