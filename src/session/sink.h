/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_SINK_H
#define PISTE_SESSION_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "session/packet.h"

/*
 * sink - a trace directory that is being written.
 *
 * A data stream must not go back in time, and packets of several threads
 * overlap: so they are laid into lanes. A packet goes to the first file of its
 * stream class whose last packet ended before it began; a new file is begun
 * when there is none. Full chunks have lanes of their own, where packets are
 * multiples of pages: those are written past the page cache (O_DIRECT), for
 * a sixth of the CPU.
 *
 * After the first error (disk full …) nothing more is written; what is in the
 * files is whole packets.
 */
struct sink;

/* The directory exists. */
int sink_open(struct sink **out, const char *dir, const uint8_t uuid[16]);
/* Does not write what is queued. */
void sink_free(struct sink *s);

/* Queues a packet; its memory is borrowed until it is released. */
int sink_add(struct sink *s, const struct packet *packet);
uint64_t sink_queued_bytes(const struct sink *s);
/*
 * Brings the metadata file to `metadata`, then hands all queued packets to the
 * writer. While that is busy with earlier ones they stay queued, unless `wait`:
 * then all is on disk and released on return. Returns the first error so far.
 */
int sink_flush(struct sink *s, const struct str *metadata, bool wait);
/* Losses that no packet told of. */
int sink_add_lost(struct sink *s, uint32_t stream, uint64_t lost);
/* The last: an empty packet to each lane that has losses to tell of. Then flush. */
int sink_end_lanes(struct sink *s, uint64_t ticks);
int sink_replace_metadata(struct sink *s, const struct str *metadata);
/* Memory runs full of packets: a disk that is too slow for them gets the page cache in front,
 * which takes bursts, for more CPU. */
void sink_press(struct sink *s);

struct sink_totals {
	uint64_t events, packets, bytes; /* on disk */
	uint64_t unwritten_events; /* after an error */
	uint64_t files;
};
bool sink_is_busy(struct sink *s);
void sink_totals(struct sink *s, struct sink_totals *out);
/* The first error (negative errno), and the file that it happened with. */
int sink_error(struct sink *s, const char **file);

#endif
