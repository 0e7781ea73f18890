/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_WRITER_H
#define PISTE_SESSION_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/vec.h"
#include "session/packet.h"
#include "session/sink.h"

/*
 * writer - brings packets to the stream files of a trace, one batch at a time,
 * in a thread of its own: while the disk works, the next packets are looked at.
 *
 * A batch belongs to the caller until writer_start, then to the writer; the
 * packets in it are released as soon as they are on disk. The caller's thread
 * calls all of these functions.
 */

/* A file; made by the caller, and until the writer is freed only the writer's. */
struct stream_file {
	uint32_t stream, number;
	bool is_direct; /* all of its packets are whole pages */
	int fd; /* -1: not open */
	uint64_t used; /* for the least recently used one */
	uint64_t bytes; /* on disk */
};

struct queued {
	struct packet packet;
	uint64_t bytes; /* on disk */
	void *head; /* a page */
};

struct work {
	struct stream_file *file;
	struct VEC(struct queued) queue;
	struct VEC(struct iovec) iov; /* of the whole queue */
};

struct batch VEC(struct work);

struct writer;

/* The directory's descriptor stays the caller's. */
int writer_new(struct writer **out, int dirfd);
void writer_free(struct writer *w); /* waits for the batch in progress */

bool writer_is_busy(struct writer *w);
void writer_wait(struct writer *w);
/* Takes what is in the batch, and leaves it empty. Only when not busy. */
void writer_start(struct writer *w, struct batch *batch);

void *writer_head(struct writer *w); /* a page for a packet's head; NULL: no memory */
void writer_set_direct(struct writer *w, bool direct); /* past the page cache */
/* Bytes a second that came through past the page cache lately; UINT64_MAX: not known. */
uint64_t writer_direct_rate(struct writer *w);
/* The first error sticks: later batches are released unwritten. `file`, when not NULL, gets the
 * name of the file that it happened with. */
int writer_error(struct writer *w, const char **file);
int writer_fail(struct writer *w, int error, const char *file);
void writer_totals(struct writer *w, struct sink_totals *out);
/* A packet that never came as far as a batch. */
void writer_skip(struct writer *w, const struct packet *p);

#endif
