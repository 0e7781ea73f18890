/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_PACKET_H
#define PISTE_SESSION_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <piste/wire/pool.h>

struct pool;

/*
 * packet - events of one thread on their way from a chunk to a file.
 *
 * A packet on disk is a head of 136 bytes (struct packet_head), then the
 * events as the program wrote them. A chunk's events begin at the same
 * distance from its start, so nothing has to be moved.
 */
struct packet {
	uint32_t stream; /* class */
	uint32_t pid, tid;
	char procname[16];
	uint64_t begin, end; /* ticks of the trace's clock */
	uint64_t events;
	uint64_t lost; /* events discarded since this writer's last packet */
	const uint8_t *data;
	uint32_t size; /* bytes of data, without the padding behind the last event */
	/* data lies 136 bytes behind a page boundary, and all of its last page may be read */
	bool is_chunk;

	/* Done when the packet is on disk, or copied. */
	struct pool *pool; /* NULL: none */
	uint32_t chunk;
	int slot; /* -1: the chunk stays as it is */
	void *to_free;
};

struct packet_head {
	uint32_t magic;
	uint8_t uuid[16];
	uint32_t stream_id;
	uint8_t padding[40];
	uint64_t timestamp_begin, timestamp_end; /* byte 64: the packet context */
	uint64_t content_bits, packet_bits;
	uint64_t events_discarded, packet_seq_num;
	uint32_t pid, tid;
	char procname[16];
} __attribute__((packed));
PISTE_ASSERT_OFFSET(struct packet_head, timestamp_begin, 64);
PISTE_STATIC_ASSERT(sizeof(struct packet_head) == PISTE_CHUNK_HEADER,
		    "a chunk's and a packet's heads differ");

#define PACKET_MAGIC 0xc1fc1fc1u

/* Whoever takes packets: a trace directory, or a ring in memory. */
void packet_release(const struct packet *p);

#endif
