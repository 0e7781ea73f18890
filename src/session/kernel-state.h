/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_KERNEL_STATE_H
#define PISTE_SESSION_KERNEL_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "session/model.h"
#include "session/packet.h"

/*
 * kernel-state - the system as the recording finds it (kern/state.h), as events
 * state:* in a stream class of their own.
 */
struct kernel_state_options {
	const uint32_t *pids; /* of these processes only; n_pids 0: all */
	size_t n_pids;
};

/* Gives packets that own their memory to `emit`; its errors end it. 0 or negative errno. */
int kernel_state_take(struct model *model, const struct kernel_state_options *options,
		      int (*emit)(void *data, const struct packet *p), void *data,
		      struct diag *diag);

#endif
