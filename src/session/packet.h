/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_PACKET_H
#define PISTE_SESSION_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include <piste/wire/pool.h>

struct buffers;
struct pool;

/*
 * packet - events of one thread, or of the kernel on one CPU, on their way to a file.
 *
 * A packet on disk is a head of 136 bytes (struct packet_head), then the
 * events as the program wrote them. A chunk's events begin at the same
 * distance from its start, so nothing has to be moved. The kernel's have a head
 * of 116 bytes, which ends with the CPU.
 */
struct packet {
	uint32_t stream; /* class */
	bool is_own; /* piste's own events: not counted with the others, and kept in flight */
	bool is_kernel;
	uint32_t cpu; /* is_kernel */
	uint32_t track; /* is_kernel: packets of two never share a file; else 0 */
	uint32_t pid, tid; /* else */
	char procname[16];
	uint64_t begin, end; /* ticks of the trace's clock */
	uint64_t events;
	uint64_t lost; /* events discarded since this writer's last packet */
	const uint8_t *data;
	uint32_t size; /* bytes of data, without the padding behind the last event */
	/* data lies a head behind a page boundary, and all of its last page may be read */
	bool is_chunk;

	/* Done when the packet is on disk, or copied. */
	struct pool *pool; /* NULL: none */
	uint32_t chunk;
	int slot; /* -1: the chunk stays as it is */
	struct buffers *buffers; /* NULL: none; what to_free goes back to */
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
	uint32_t pid, tid; /* of the kernel: the CPU, and nothing more */
	char procname[16];
} __attribute__((packed));
PISTE_ASSERT_OFFSET(struct packet_head, timestamp_begin, 64);
PISTE_ASSERT_OFFSET(struct packet_head, pid, 112);
PISTE_STATIC_ASSERT(sizeof(struct packet_head) == PISTE_CHUNK_HEADER,
		    "a chunk's and a packet's heads differ");

#define PACKET_MAGIC 0xc1fc1fc1u
enum { PACKET_KERNEL_HEAD = 116 };

static inline uint32_t packet_head_bytes(const struct packet *p)
{
	return p->is_kernel ? PACKET_KERNEL_HEAD : PISTE_CHUNK_HEADER;
}

/* Whoever takes packets: a trace directory, or a ring in memory. */
void packet_release(const struct packet *p);

#endif
