/* SPDX-License-Identifier: MIT */
#include "session/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "session/buffers.h"
#include "session/model.h"
#include "session/pool.h"

enum {
	OPEN_MAX = 256, /* files at a time */
	PAGE = 4096,
	IOV_PER_CALL = 512,
	MEASURED_BYTES = 1 << 20, /* smaller batches say little about the disk */
};

struct writer {
	int dirfd;

	/* The writer's alone. */
	struct VEC(struct stream_file *) open;
	uint64_t uses;
	struct batch batch;

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed; /* busy or stopping */
	bool busy, stopping;
	bool direct;
	/* Of the batches so far that were written past the page cache, the newest weigh most. */
	uint64_t direct_bytes, direct_ns;
	int error;
	char error_file[48];
	struct sink_totals totals;
	struct VEC(void *) heads; /* pages to use again */
};

void packet_release(const struct packet *p)
{
	if (p->pool && p->slot >= 0)
		pool_chunk_done(p->pool, p->chunk, p->slot);
	if (p->buffers)
		buffers_give(p->buffers, p->to_free);
	else
		free(p->to_free);
}

static void file_name(const struct stream_file *file, char name[48])
{
	snprintf(name, 48, "stream-%u-%u", file->stream, file->number);
}

int writer_fail(struct writer *w, int error, const char *file)
{
	pthread_mutex_lock(&w->lock);
	if (!w->error) {
		w->error = error;
		snprintf(w->error_file, sizeof(w->error_file), "%s", file);
	}
	error = w->error;
	pthread_mutex_unlock(&w->lock);
	return error;
}

int writer_error(struct writer *w, const char **file)
{
	int error;

	pthread_mutex_lock(&w->lock);
	error = w->error;
	pthread_mutex_unlock(&w->lock);
	if (file)
		*file = w->error_file; /* does not change after the first error */
	return error;
}

static void count_unwritten(struct sink_totals *t, const struct packet *p)
{
	if (!p->is_own)
		t->unwritten_events += p->events;
}

void writer_skip(struct writer *w, const struct packet *p)
{
	pthread_mutex_lock(&w->lock);
	count_unwritten(&w->totals, p);
	pthread_mutex_unlock(&w->lock);
	packet_release(p);
}

/* --- files ---------------------------------------------------------------- */

static void close_oldest(struct writer *w)
{
	size_t oldest = 0;

	for (size_t i = 1; i < w->open.len; i++)
		if (w->open.items[i]->used < w->open.items[oldest]->used)
			oldest = i;
	close(w->open.items[oldest]->fd);
	w->open.items[oldest]->fd = -1;
	vec_remove(&w->open, oldest);
}

static void direct_apply(const struct stream_file *file, bool direct)
{
	int flags = fcntl(file->fd, F_GETFL), wanted = flags & ~O_DIRECT;

	/* a file system that cannot do it says so at the first write */
	if (direct && file->is_direct)
		wanted |= O_DIRECT;
	if (wanted != flags)
		fcntl(file->fd, F_SETFL, wanted);
}

static int file_open(struct writer *w, struct stream_file *file, bool direct)
{
	int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | (file->bytes ? 0 : O_CREAT | O_TRUNC);
	char name[48];

	file->used = ++w->uses;
	if (file->fd < 0) {
		if (w->open.len >= OPEN_MAX)
			close_oldest(w);
		file_name(file, name);
		file->fd = openat(w->dirfd, name, flags, 0666);
		if (file->fd < 0)
			return -errno;
		if (vec_push(&w->open, file)) {
			close(file->fd);
			file->fd = -1;
			return -ENOMEM;
		}
	}
	direct_apply(file, direct);
	return 0;
}

/* Writes iov[0, count) at an offset; returns how many bytes came through, *error when not all. */
static uint64_t write_at(struct stream_file *file, struct iovec *iov, size_t count, int *error)
{
	uint64_t done = 0;

	*error = 0;
	while (count) {
		int n = count < IOV_PER_CALL ? (int)count : IOV_PER_CALL;
		ssize_t got = pwritev(file->fd, iov, n, (off_t)(file->bytes + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EINVAL && file->is_direct) {
			file->is_direct = false; /* not with this file system */
			direct_apply(file, false);
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
			if ((uintptr_t)iov->iov_base % PAGE)
				direct_apply(file, false);
		}
	}
	return done;
}

/* --- batches -------------------------------------------------------------- */

static void give_back(struct writer *w, struct work *work)
{
	for (size_t i = 0; i < work->queue.len; i++)
		packet_release(&work->queue.items[i].packet);
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < work->queue.len; i++)
		if (vec_push(&w->heads, work->queue.items[i].head))
			free(work->queue.items[i].head);
	pthread_mutex_unlock(&w->lock);
}

static void do_work(struct writer *w, struct work *work, bool direct)
{
	struct stream_file *file = work->file;
	struct sink_totals t = {0};
	uint64_t written = 0;
	size_t whole = 0;
	char name[48];
	int err = writer_error(w, NULL);

	file_name(file, name);
	if (!err)
		err = file_open(w, file, direct);
	if (!err)
		written = write_at(file, work->iov.items, work->iov.len, &err);
	for (; whole < work->queue.len && written >= work->queue.items[whole].bytes; whole++) {
		const struct queued *q = &work->queue.items[whole];

		written -= q->bytes;
		file->bytes += q->bytes;
		t.bytes += q->bytes;
		t.events += q->packet.events;
		t.packets++;
	}
	for (size_t i = whole; i < work->queue.len; i++)
		count_unwritten(&t, &work->queue.items[i].packet);
	if (err) {
		writer_fail(w, err, name);
		/* a packet that was begun: readers would stumble over it */
		if (file->fd >= 0 && ftruncate(file->fd, (off_t)file->bytes) == 0 && !file->bytes)
			unlinkat(w->dirfd, name, 0);
	}
	pthread_mutex_lock(&w->lock);
	w->totals.bytes += t.bytes;
	w->totals.events += t.events;
	w->totals.packets += t.packets;
	w->totals.unwritten_events += t.unwritten_events;
	pthread_mutex_unlock(&w->lock);
	give_back(w, work);
}

static void do_batch(struct writer *w, bool direct)
{
	uint64_t start_ns = clock_monotonic_ns(), bytes = 0;
	struct work *work;

	vec_each(work, &w->batch) {
		for (size_t i = 0; i < work->queue.len; i++)
			bytes += work->queue.items[i].bytes;
		do_work(w, work, direct);
		vec_fini(&work->queue);
		vec_fini(&work->iov);
	}
	w->batch.len = 0;
	if (!direct || bytes < MEASURED_BYTES)
		return;
	pthread_mutex_lock(&w->lock);
	w->direct_bytes = w->direct_bytes / 2 + bytes;
	w->direct_ns = w->direct_ns / 2 + clock_monotonic_ns() - start_ns;
	pthread_mutex_unlock(&w->lock);
}

uint64_t writer_direct_rate(struct writer *w)
{
	uint64_t rate;

	pthread_mutex_lock(&w->lock);
	rate = w->direct_ns ? w->direct_bytes * 1000 / (w->direct_ns / 1000000 + 1) : UINT64_MAX;
	pthread_mutex_unlock(&w->lock);
	return rate;
}

static void *run(void *arg)
{
	struct writer *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping) {
		bool direct = w->direct;

		if (!w->busy) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		do_batch(w, direct);
		pthread_mutex_lock(&w->lock);
		w->busy = false;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

void writer_start(struct writer *w, struct batch *batch)
{
	struct batch empty = w->batch;

	w->batch = *batch;
	*batch = empty;
	if (!w->has_thread && pthread_create(&w->thread, NULL, run, w) == 0)
		w->has_thread = true;
	if (!w->has_thread) { /* slower, but it works */
		do_batch(w, w->direct);
		return;
	}
	pthread_mutex_lock(&w->lock);
	w->busy = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

bool writer_is_busy(struct writer *w)
{
	bool busy;

	pthread_mutex_lock(&w->lock);
	busy = w->busy;
	pthread_mutex_unlock(&w->lock);
	return busy;
}

void writer_wait(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->busy)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void *writer_head(struct writer *w)
{
	void *head = NULL;

	pthread_mutex_lock(&w->lock);
	if (w->heads.len)
		head = w->heads.items[--w->heads.len];
	pthread_mutex_unlock(&w->lock);
	return head || posix_memalign(&head, PAGE, PAGE) == 0 ? head : NULL;
}

void writer_set_direct(struct writer *w, bool direct)
{
	pthread_mutex_lock(&w->lock);
	w->direct = direct;
	pthread_mutex_unlock(&w->lock);
}

void writer_totals(struct writer *w, struct sink_totals *out)
{
	pthread_mutex_lock(&w->lock);
	*out = w->totals;
	pthread_mutex_unlock(&w->lock);
}

int writer_new(struct writer **out, int dirfd)
{
	struct writer *w = calloc(1, sizeof(*w));

	*out = w;
	if (!w)
		return -ENOMEM;
	w->dirfd = dirfd;
	w->direct = true;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	return 0;
}

void writer_free(struct writer *w)
{
	if (!w)
		return;
	writer_wait(w);
	if (w->has_thread) {
		pthread_mutex_lock(&w->lock);
		w->stopping = true;
		pthread_cond_broadcast(&w->changed);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	for (size_t i = 0; i < w->open.len; i++)
		close(w->open.items[i]->fd);
	for (size_t i = 0; i < w->heads.len; i++)
		free(w->heads.items[i]);
	vec_fini(&w->open);
	vec_fini(&w->heads);
	vec_fini(&w->batch);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
