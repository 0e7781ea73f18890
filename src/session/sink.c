/* SPDX-License-Identifier: MIT */
#include "session/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/vec.h"
#include "session/writer.h"

enum {
	LANES_MAX = 65536,
	PAGE = 4096,
	IOVS_MAX = 3, /* of a packet */
	DISK_IS_SLOW = 128 << 20, /* bytes a second */
};

struct lane {
	struct stream_file *file; /* the writer's, but for stream and number */
	uint32_t stream;
	bool is_kernel;
	uint32_t cpu, track; /* is_kernel; else 0 */
	bool is_direct;
	uint64_t end; /* ticks of its last packet */
	uint64_t sequence;
	uint64_t discarded, told; /* events; those that a packet's head says */
	struct work work; /* for the next batch */
};

struct sink {
	int dirfd;
	uint8_t uuid[16];
	struct VEC(struct lane) lanes;
	struct VEC(uint32_t) next_number; /* by stream class */
	struct VEC(uint32_t) busy; /* lanes with something in their queue */
	uint64_t queued_bytes;
	uint64_t metadata_bytes;
	struct writer *writer;
	struct batch batch;
};

int sink_open(struct sink **out, const char *dir, const uint8_t uuid[16])
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	memcpy(s->uuid, uuid, 16);
	s->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = s->dirfd < 0 ? -errno : writer_new(&s->writer, s->dirfd);
	if (err) {
		close_fdp(&s->dirfd);
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void sink_free(struct sink *s)
{
	struct lane *lane;

	if (!s)
		return;
	writer_free(s->writer);
	vec_each(lane, &s->lanes) {
		for (size_t i = 0; i < lane->work.queue.len; i++) {
			packet_release(&lane->work.queue.items[i].packet);
			free(lane->work.queue.items[i].head);
		}
		vec_fini(&lane->work.queue);
		vec_fini(&lane->work.iov);
		free(lane->file);
	}
	vec_fini(&s->lanes);
	vec_fini(&s->next_number);
	vec_fini(&s->busy);
	vec_fini(&s->batch);
	close(s->dirfd);
	free(s);
}

/* --- lanes ---------------------------------------------------------------- */

static int lane_new(struct sink *s, const struct packet *p, bool is_direct)
{
	struct lane lane = {
		.stream = p->stream,
		.is_kernel = p->is_kernel,
		.cpu = p->cpu,
		.track = p->track,
		.is_direct = is_direct,
	};

	if (s->lanes.len >= LANES_MAX)
		return -EMFILE;
	while (s->next_number.len <= p->stream)
		if (vec_push(&s->next_number, 0))
			return -ENOMEM;
	lane.file = calloc(1, sizeof(*lane.file));
	if (!lane.file)
		return -ENOMEM;
	*lane.file = (struct stream_file){
		.stream = p->stream,
		.number = s->next_number.items[p->stream]++,
		.is_direct = is_direct,
		.fd = -1,
	};
	if (vec_push(&s->lanes, lane)) {
		free(lane.file);
		return -ENOMEM;
	}
	return (int)s->lanes.len - 1;
}

static int lane_find(struct sink *s, const struct packet *p, bool is_direct, uint64_t begin)
{
	for (size_t i = 0; i < s->lanes.len; i++) {
		const struct lane *lane = &s->lanes.items[i];

		if (lane->stream == p->stream && lane->track == p->track &&
		    lane->is_direct == is_direct && lane->end <= begin)
			return (int)i;
	}
	return lane_new(s, p, is_direct);
}

static void head_fill(const struct sink *s, const struct lane *lane, const struct packet *p,
		      uint64_t bytes, struct packet_head *h)
{
	*h = (struct packet_head){
		.magic = PACKET_MAGIC,
		.stream_id = p->stream,
		.timestamp_begin = p->begin,
		.timestamp_end = p->end,
		.content_bits = ((uint64_t)p->size + packet_head_bytes(p)) * 8,
		.packet_bits = bytes * 8,
		.events_discarded = lane->discarded,
		.packet_seq_num = lane->sequence,
		.pid = p->is_kernel ? p->cpu : p->pid,
		.tid = p->tid,
	};
	memcpy(h->uuid, s->uuid, 16);
	memcpy(h->procname, p->procname, 16);
}

static int add_iov(struct iovec *iov, int n, const void *base, size_t len)
{
	if (len)
		iov[n++] = (struct iovec){(void *)(uintptr_t)base, len};
	return n;
}

/* The chunk's first page, with our head in place of its own; then its other pages. */
static int lay_pages(const struct packet *p, struct queued *q, struct iovec *iov)
{
	const size_t room = PAGE - packet_head_bytes(p);
	uint8_t *body = (uint8_t *)q->head + packet_head_bytes(p);
	size_t first = p->size < room ? p->size : room;
	int n;

	if (first) /* a packet that only tells of losses has no data at all */
		memcpy(body, p->data, first);
	memset(body + first, 0, room - first);
	n = add_iov(iov, 0, q->head, PAGE);
	return q->bytes > PAGE ? add_iov(iov, n, p->data + room, q->bytes - PAGE) : n;
}

static int lay_bytes(const struct packet *p, struct queued *q, struct iovec *iov)
{
	static const uint8_t zeros[8];
	size_t size = packet_head_bytes(p) + p->size;
	int n = add_iov(iov, 0, q->head, packet_head_bytes(p));

	n = add_iov(iov, n, p->data, p->size);
	return add_iov(iov, n, zeros, q->bytes - size);
}

static int lane_add(struct sink *s, struct lane *lane, const struct packet *p)
{
	struct work *work = &lane->work;
	uint64_t size = packet_head_bytes(p) + (uint64_t)p->size;
	struct queued q = {.packet = *p, .head = writer_head(s->writer)};

	if (!q.head || vec_reserve(&work->iov, work->iov.len + IOVS_MAX) ||
	    vec_reserve(&work->queue, work->queue.len + 1) ||
	    (!work->queue.len && vec_push(&s->busy, (uint32_t)(lane - s->lanes.items)))) {
		free(q.head);
		return -ENOMEM;
	}
	q.bytes = (size + 7) / 8 * 8;
	if (lane->is_direct)
		q.bytes = (size + PAGE - 1) / PAGE * PAGE;
	head_fill(s, lane, p, q.bytes, q.head);
	/* A writer loses events when it found no chunk behind this one: they belong to the time
	 * until the lane's next packet, whose head counts them. */
	lane->told = lane->discarded;
	lane->discarded += p->lost;
	lane->sequence++;
	lane->end = p->end;
	work->iov.len += (size_t)(lane->is_direct ? lay_pages : lay_bytes)(
		p, &q, work->iov.items + work->iov.len);
	work->queue.items[work->queue.len++] = q;
	s->queued_bytes += q.bytes;
	return 0;
}

int sink_add(struct sink *s, const struct packet *p)
{
	uint64_t size = packet_head_bytes(p) + (uint64_t)p->size;
	uint64_t pages = (size + PAGE - 1) / PAGE * PAGE;
	/* at most a sixteenth of it is padding */
	bool is_direct = p->is_chunk && pages - size <= size / 16;
	int lane, err = writer_error(s->writer, NULL);

	if (err) {
		writer_skip(s->writer, p);
		return err;
	}
	lane = lane_find(s, p, is_direct, p->begin);
	err = lane < 0 ? lane : lane_add(s, &s->lanes.items[lane], p);
	if (!err)
		return 0;
	writer_skip(s->writer, p);
	return writer_fail(s->writer, err, "its streams");
}

uint64_t sink_queued_bytes(const struct sink *s)
{
	return s->queued_bytes;
}

int sink_add_lost(struct sink *s, uint32_t stream, uint64_t lost)
{
	struct packet p = {.stream = stream};
	int lane = lost ? lane_find(s, &p, false, UINT64_MAX) : 0;

	if (lane < 0)
		return writer_fail(s->writer, lane, "its streams");
	if (lost)
		s->lanes.items[lane].discarded += lost;
	return 0;
}

/* Readers count from packet to packet: the first one's number says nothing. */
static int lane_end(struct sink *s, struct lane *lane, uint64_t ticks)
{
	struct packet p = {
		.stream = lane->stream,
		.is_kernel = lane->is_kernel,
		.cpu = lane->cpu,
		.track = lane->track,
		.slot = -1,
	};
	int err = 0;

	while (!err &&
	       (lane->discarded != lane->told || (lane->discarded && lane->sequence == 1))) {
		uint64_t discarded = lane->discarded;

		p.begin = p.end = ticks > lane->end ? ticks : lane->end;
		if (!lane->sequence)
			lane->discarded = 0;
		err = lane_add(s, lane, &p);
		lane->discarded = discarded;
	}
	return err;
}

int sink_end_lanes(struct sink *s, uint64_t ticks)
{
	int err = writer_error(s->writer, NULL);

	for (size_t i = 0; i < s->lanes.len && !err; i++)
		err = lane_end(s, &s->lanes.items[i], ticks);
	return err ? writer_fail(s->writer, err, "its streams") : 0;
}

/* --- writing -------------------------------------------------------------- */

static int metadata_append(struct sink *s, const struct str *metadata)
{
	int fd, err;

	if (metadata->len <= s->metadata_bytes)
		return 0;
	fd = openat(s->dirfd, "metadata",
		    O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (s->metadata_bytes ? 0 : O_CREAT | O_TRUNC),
		    0666);
	if (fd < 0)
		return writer_fail(s->writer, -errno, "metadata");
	if (lseek(fd, (off_t)s->metadata_bytes, SEEK_SET) < 0)
		err = -errno;
	else
		err = fs_write_all(fd, metadata->data + s->metadata_bytes,
				   metadata->len - s->metadata_bytes);
	if (err && ftruncate(fd, (off_t)s->metadata_bytes) == 0 && !s->metadata_bytes)
		unlinkat(s->dirfd, "metadata", 0);
	close(fd);
	if (err)
		return writer_fail(s->writer, err, "metadata");
	s->metadata_bytes = metadata->len;
	return 0;
}

/* Without memory for the batch the packets stay queued: the next flush tries again. */
static void hand_over(struct sink *s)
{
	uint32_t *index;

	if (!s->busy.len || vec_reserve(&s->batch, s->busy.len))
		return;
	vec_each(index, &s->busy) {
		struct lane *lane = &s->lanes.items[*index];

		lane->work.file = lane->file;
		s->batch.items[s->batch.len++] = lane->work;
		lane->work = (struct work){0};
	}
	s->busy.len = 0;
	s->queued_bytes = 0;
	writer_start(s->writer, &s->batch);
}

int sink_flush(struct sink *s, const struct str *metadata, bool wait)
{
	if (wait)
		writer_wait(s->writer);
	if (!writer_error(s->writer, NULL))
		metadata_append(s, metadata);
	if (!writer_is_busy(s->writer)) {
		hand_over(s);
		if (wait)
			writer_wait(s->writer);
	}
	return writer_error(s->writer, NULL);
}

int sink_replace_metadata(struct sink *s, const struct str *metadata)
{
	return fs_write_file(s->dirfd, "metadata", metadata->data, metadata->len);
}

void sink_press(struct sink *s)
{
	/* For good: a file that is written both ways by turns is the slowest. */
	if (writer_is_busy(s->writer) && writer_direct_rate(s->writer) < DISK_IS_SLOW)
		writer_set_direct(s->writer, false);
}

bool sink_is_busy(struct sink *s)
{
	return writer_is_busy(s->writer);
}

void sink_totals(struct sink *s, struct sink_totals *out)
{
	writer_totals(s->writer, out);
	out->files = s->lanes.len;
}

int sink_error(struct sink *s, const char **file)
{
	return writer_error(s->writer, file);
}
