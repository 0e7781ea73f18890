/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_KERNEL_H
#define PISTE_SESSION_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "ctf/filter.h"
#include "kern/kern.h"
#include "session/model.h"
#include "session/packet.h"
#include "session/process.h"

/*
 * kernel - what the kernel recorded, on its way from the rings into packets.
 *
 *	kernel_new(&k, kern, &model, &options, diag);
 *	while ((got = kernel_take(k, COLLECT_FULL, &packet)) > 0)
 *		recorder_emit(r, &packet);
 *	kernel_wait_ms(k)	how long the rings may then be left alone
 *	kernel_free(k)
 *
 * Records are checked, brought to the order of time (an interrupt's may stand
 * behind the one that it interrupted) and to the trace's clock, and copied:
 * the ring has room again long before they are on disk.
 */
struct kernel;

struct kernel_options {
	struct filter *filter; /* NULL: none */
	uint64_t ring_bytes; /* of a CPU */
};

/* The kern stays the caller's, and so does the model; both live longer. */
int kernel_new(struct kernel **out, struct kern *kern, struct model *model,
	       const struct kernel_options *options, struct diag *diag);
void kernel_free(struct kernel *k); /* after its packets were released */

/*
 * One packet of what is new: 1; 0: nothing more in this round; negative errno.
 * With COLLECT_PARTIAL also what fills no packet yet. Begin a round only when
 * the one before has returned 0.
 */
int kernel_take(struct kernel *k, enum collect what, struct packet *out);
/* At the rate of the last round; 0: go on at once. */
int kernel_wait_ms(const struct kernel *k);

struct kernel_totals {
	uint64_t events, bytes; /* in packets */
	uint64_t lost, limited; /* events */
	uint64_t dropped_bytes; /* that were no records */
};
void kernel_totals(const struct kernel *k, struct kernel_totals *out);

#endif
