/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_FLIGHT_H
#define PISTE_SESSION_FLIGHT_H

#include <stdint.h>

#include "session/packet.h"

/*
 * flight - the last packets, in memory: the oldest are overwritten.
 *
 * piste's own packets (processes, mappings, anchors) are small and needed to
 * understand any others; they are all kept.
 */
struct flight;
struct sink;

int flight_new(struct flight **out, uint64_t size_bytes);
void flight_free(struct flight *f);
/* Copies and releases the packet. */
int flight_add(struct flight *f, const struct packet *packet);
/* Adds all of them, oldest first, to a sink that borrows them until it is flushed. */
int flight_write(struct flight *f, struct sink *sink);

struct flight_totals {
	uint64_t events, event_bytes; /* held now */
	uint64_t bytes; /* of memory that they take */
	uint64_t overwritten; /* events */
	uint64_t overwritten_lost; /* losses that overwritten packets told of */
};
const struct flight_totals *flight_totals(const struct flight *f);

#endif
