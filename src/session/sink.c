/* SPDX-License-Identifier: MIT */
#include "session/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/vec.h"
#include "session/model.h"
#include "session/pool.h"

enum {
	OPEN_MAX = 256, /* files at a time */
	LANES_MAX = 65536,
	PAGE = 4096,
	IOV_PER_CALL = 512,
};

struct queued {
	struct packet packet;
	uint64_t bytes; /* on disk */
	void *head;
	int iovs;
};

struct lane {
	uint32_t stream, number;
	bool is_direct; /* all of its packets are whole pages */
	int fd; /* -1: not open */
	uint64_t used; /* for the least recently used one */
	uint64_t end; /* ticks of its last packet */
	uint64_t sequence;
	uint64_t discarded, told; /* events; those that a packet's head says */
	uint64_t bytes; /* on disk */
	struct VEC(struct queued) queue;
	struct VEC(struct iovec) iov;
};

struct sink {
	int dirfd;
	uint8_t uuid[16];
	struct VEC(struct lane) lanes;
	struct VEC(uint32_t) next_number; /* by stream class */
	struct VEC(uint32_t) busy; /* lanes with something in their queue */
	struct VEC(void *) heads; /* pages to use again */
	unsigned open;
	uint64_t uses;
	uint64_t metadata_bytes;
	bool direct;
	int error;
	char error_file[48];
	struct sink_totals totals;
};

void packet_release(const struct packet *p)
{
	if (p->pool && p->slot >= 0)
		pool_chunk_done(p->pool, p->chunk, p->slot);
	free(p->to_free);
}

int sink_open(struct sink **out, const char *dir, const uint8_t uuid[16])
{
	struct sink *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	memcpy(s->uuid, uuid, 16);
	s->direct = true;
	s->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd < 0) {
		err = -errno;
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void sink_free(struct sink *s)
{
	struct lane *lane;
	void **head;

	if (!s)
		return;
	vec_each(lane, &s->lanes) {
		if (lane->fd >= 0)
			close(lane->fd);
		for (size_t i = 0; i < lane->queue.len; i++) {
			packet_release(&lane->queue.items[i].packet);
			free(lane->queue.items[i].head);
		}
		vec_fini(&lane->queue);
		vec_fini(&lane->iov);
	}
	vec_each(head, &s->heads)
		free(*head);
	vec_fini(&s->heads);
	vec_fini(&s->lanes);
	vec_fini(&s->next_number);
	vec_fini(&s->busy);
	close(s->dirfd);
	free(s);
}

static void lane_name(const struct lane *lane, char name[48])
{
	snprintf(name, 48, "stream-%u-%u", lane->stream, lane->number);
}

static int sink_fail(struct sink *s, int error, const char *file)
{
	if (!s->error) {
		s->error = error;
		snprintf(s->error_file, sizeof(s->error_file), "%s", file);
	}
	return s->error;
}

/* --- lanes ---------------------------------------------------------------- */

static int lane_new(struct sink *s, uint32_t stream, bool is_direct)
{
	struct lane lane = {.stream = stream, .is_direct = is_direct, .fd = -1};

	if (s->lanes.len >= LANES_MAX)
		return -EMFILE;
	while (s->next_number.len <= stream)
		if (vec_push(&s->next_number, 0))
			return -ENOMEM;
	lane.number = s->next_number.items[stream]++;
	if (vec_push(&s->lanes, lane))
		return -ENOMEM;
	s->totals.files++;
	return (int)s->lanes.len - 1;
}

static int lane_find(struct sink *s, uint32_t stream, bool is_direct, uint64_t begin)
{
	for (size_t i = 0; i < s->lanes.len; i++) {
		const struct lane *lane = &s->lanes.items[i];

		if (lane->stream == stream && lane->is_direct == is_direct && lane->end <= begin)
			return (int)i;
	}
	return lane_new(s, stream, is_direct);
}

static void close_oldest(struct sink *s)
{
	struct lane *lane, *oldest = NULL;

	vec_each(lane, &s->lanes)
		if (lane->fd >= 0 && (!oldest || lane->used < oldest->used))
			oldest = lane;
	if (oldest) {
		close(oldest->fd);
		oldest->fd = -1;
		s->open--;
	}
}

static int lane_open(struct sink *s, struct lane *lane)
{
	int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (lane->bytes ? 0 : O_CREAT | O_TRUNC);
	char name[48];

	lane->used = ++s->uses;
	if (lane->fd >= 0)
		return 0;
	if (s->open >= OPEN_MAX)
		close_oldest(s);
	lane_name(lane, name);
	if (lane->is_direct && s->direct)
		lane->fd = openat(s->dirfd, name, flags | O_DIRECT, 0666);
	if (lane->fd < 0)
		lane->fd = openat(s->dirfd, name, flags, 0666);
	if (lane->fd < 0)
		return sink_fail(s, -errno, name);
	s->open++;
	return 0;
}

void sink_set_direct(struct sink *s, bool direct)
{
	struct lane *lane;
	int flags;

	if (s->direct == direct)
		return;
	s->direct = direct;
	vec_each(lane, &s->lanes) {
		if (lane->fd < 0 || !lane->is_direct)
			continue;
		flags = fcntl(lane->fd, F_GETFL);
		fcntl(lane->fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT);
	}
}

/* --- queues --------------------------------------------------------------- */

static void *head_new(struct sink *s)
{
	void *head;

	if (s->heads.len)
		return s->heads.items[--s->heads.len];
	return posix_memalign(&head, PAGE, PAGE) ? NULL : head;
}

static void head_fill(const struct sink *s, const struct lane *lane, const struct packet *p,
		      uint64_t bytes, struct packet_head *h)
{
	*h = (struct packet_head){
		.magic = PACKET_MAGIC,
		.stream_id = p->stream,
		.timestamp_begin = p->begin,
		.timestamp_end = p->end,
		.content_bits = ((uint64_t)p->size + sizeof(*h)) * 8,
		.packet_bits = bytes * 8,
		.events_discarded = lane->discarded,
		.packet_seq_num = lane->sequence,
		.pid = p->pid,
		.tid = p->tid,
	};
	memcpy(h->uuid, s->uuid, 16);
	memcpy(h->procname, p->procname, 16);
}

static void add_iov(struct queued *q, struct iovec *iov, const void *base, size_t len)
{
	if (len)
		iov[q->iovs++] = (struct iovec){(void *)(uintptr_t)base, len};
}

static int lane_add(struct sink *s, struct lane *lane, const struct packet *p)
{
	static const uint8_t zeros[8];
	struct queued q = {.packet = *p};
	struct iovec iov[3];
	uint64_t size = sizeof(struct packet_head) + (uint64_t)p->size;

	q.head = head_new(s);
	if (!q.head || vec_reserve(&lane->iov, lane->iov.len + 3) ||
	    vec_reserve(&lane->queue, lane->queue.len + 1) ||
	    (!lane->queue.len && vec_push(&s->busy, (uint32_t)(lane - s->lanes.items)))) {
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
	if (lane->is_direct) {
		/* The chunk's first page, with our head in place of its own; then its other pages. */
		size_t first = PAGE - sizeof(struct packet_head);

		if (first > p->size)
			first = p->size;
		if (first) /* a packet that only tells of losses has no data at all */
			memcpy((char *)q.head + sizeof(struct packet_head), p->data, first);
		memset((char *)q.head + sizeof(struct packet_head) + first, 0,
		       PAGE - sizeof(struct packet_head) - first);
		add_iov(&q, iov, q.head, PAGE);
		if (q.bytes > PAGE)
			add_iov(&q, iov, p->data + PAGE - sizeof(struct packet_head),
				q.bytes - PAGE);
	} else {
		add_iov(&q, iov, q.head, sizeof(struct packet_head));
		add_iov(&q, iov, p->data, p->size);
		add_iov(&q, iov, zeros, q.bytes - size);
	}
	for (int i = 0; i < q.iovs; i++)
		lane->iov.items[lane->iov.len++] = iov[i];
	lane->queue.items[lane->queue.len++] = q;
	return 0;
}

/* Of the program: piste's own are not counted with them. */
static void count_unwritten(struct sink *s, const struct packet *p)
{
	if (p->stream != MODEL_DUMP_STREAM)
		s->totals.unwritten_events += p->events;
}

int sink_add(struct sink *s, const struct packet *p)
{
	uint64_t size = sizeof(struct packet_head) + (uint64_t)p->size;
	uint64_t pages = (size + PAGE - 1) / PAGE * PAGE;
	/* at most a sixteenth of it is padding */
	bool is_direct = p->is_chunk && pages - size <= size / 16;
	int lane;

	if (s->error) {
		count_unwritten(s, p);
		packet_release(p);
		return s->error;
	}
	lane = lane_find(s, p->stream, is_direct, p->begin);
	if (lane >= 0)
		lane = lane_add(s, &s->lanes.items[lane], p);
	if (lane >= 0)
		return 0;
	count_unwritten(s, p);
	packet_release(p);
	return sink_fail(s, lane, "its streams");
}

int sink_add_lost(struct sink *s, uint32_t stream, uint64_t lost)
{
	int lane = lost ? lane_find(s, stream, false, UINT64_MAX) : 0;

	if (lane < 0)
		return sink_fail(s, lane, "its streams");
	if (lost)
		s->lanes.items[lane].discarded += lost;
	return 0;
}

int sink_end_lanes(struct sink *s, uint64_t ticks)
{
	int err = s->error;

	for (size_t i = 0; i < s->lanes.len && !err; i++) {
		struct lane *lane = &s->lanes.items[i];
		struct packet p = {.stream = lane->stream, .slot = -1};

		/* readers count from packet to packet: the first one's number says nothing */
		while (!err && (lane->discarded != lane->told ||
				(lane->discarded && lane->sequence == 1))) {
			uint64_t discarded = lane->discarded;

			p.begin = p.end = ticks > lane->end ? ticks : lane->end;
			if (!lane->sequence)
				lane->discarded = 0;
			err = lane_add(s, lane, &p);
			lane->discarded = discarded;
		}
	}
	return err ? sink_fail(s, err, "its streams") : 0;
}

/* --- writing -------------------------------------------------------------- */

static void queue_done(struct sink *s, struct lane *lane, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct queued *q = &lane->queue.items[i];

		packet_release(&q->packet);
		if (vec_push(&s->heads, q->head))
			free(q->head);
	}
}

/* Writes iov[0, count) at an offset; returns how many bytes came through, *error when not all. */
static uint64_t write_at(int fd, struct iovec *iov, size_t count, uint64_t offset, int *error)
{
	uint64_t done = 0;

	*error = 0;
	while (count) {
		int n = count < IOV_PER_CALL ? (int)count : IOV_PER_CALL;
		ssize_t got = pwritev(fd, iov, n, (off_t)(offset + done));
		int flags;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EINVAL && (flags = fcntl(fd, F_GETFL)) & O_DIRECT) {
			fcntl(fd, F_SETFL, flags & ~O_DIRECT); /* not with this file system */
			continue;
		}
		if (got <= 0) {
			*error = got < 0 ? -errno : -ENOSPC;
			return done;
		}
		done += (uint64_t)got;
		for (; count && (size_t)got >= iov->iov_len; iov++, count--)
			got -= (ssize_t)iov->iov_len;
		if (got) {
			iov->iov_base = (char *)iov->iov_base + got;
			iov->iov_len -= (size_t)got;
			if ((uintptr_t)iov->iov_base % PAGE &&
			    (flags = fcntl(fd, F_GETFL)) & O_DIRECT)
				fcntl(fd, F_SETFL, flags & ~O_DIRECT);
		}
	}
	return done;
}

static void lane_flush(struct sink *s, struct lane *lane)
{
	uint64_t written = 0;
	size_t whole = 0;
	char name[48];
	int err = s->error ? s->error : lane_open(s, lane);

	lane_name(lane, name);
	if (!err)
		written = write_at(lane->fd, lane->iov.items, lane->iov.len, lane->bytes, &err);
	for (; whole < lane->queue.len && written >= lane->queue.items[whole].bytes; whole++) {
		const struct queued *q = &lane->queue.items[whole];

		written -= q->bytes;
		lane->bytes += q->bytes;
		s->totals.bytes += q->bytes;
		s->totals.events += q->packet.events;
		s->totals.packets++;
	}
	for (size_t i = whole; i < lane->queue.len; i++)
		count_unwritten(s, &lane->queue.items[i].packet);
	if (err) {
		sink_fail(s, err, name);
		/* a packet that was begun: readers would stumble over it */
		if (lane->fd >= 0 && ftruncate(lane->fd, (off_t)lane->bytes) == 0 && !lane->bytes)
			unlinkat(s->dirfd, name, 0);
	}
	queue_done(s, lane, lane->queue.len);
	lane->queue.len = lane->iov.len = 0;
}

static int metadata_append(struct sink *s, const struct str *metadata)
{
	int fd, err;

	if (metadata->len <= s->metadata_bytes)
		return 0;
	fd = openat(s->dirfd, "metadata",
		    O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (s->metadata_bytes ? 0 : O_CREAT | O_TRUNC),
		    0666);
	if (fd < 0)
		return sink_fail(s, -errno, "metadata");
	if (lseek(fd, (off_t)s->metadata_bytes, SEEK_SET) < 0)
		err = -errno;
	else
		err = fs_write_all(fd, metadata->data + s->metadata_bytes,
				   metadata->len - s->metadata_bytes);
	if (err) {
		if (ftruncate(fd, (off_t)s->metadata_bytes) == 0 && !s->metadata_bytes)
			unlinkat(s->dirfd, "metadata", 0);
		close(fd);
		return sink_fail(s, err, "metadata");
	}
	close(fd);
	s->metadata_bytes = metadata->len;
	return 0;
}

int sink_flush(struct sink *s, const struct str *metadata)
{
	uint32_t *lane;

	if (!s->error)
		metadata_append(s, metadata);
	vec_each(lane, &s->busy)
		lane_flush(s, &s->lanes.items[*lane]);
	s->busy.len = 0;
	return s->error;
}

int sink_replace_metadata(struct sink *s, const struct str *metadata)
{
	return fs_write_file(s->dirfd, "metadata", metadata->data, metadata->len);
}

const struct sink_totals *sink_totals(const struct sink *s)
{
	return &s->totals;
}

int sink_error(const struct sink *s, const char **file)
{
	if (file)
		*file = s->error_file;
	return s->error;
}
