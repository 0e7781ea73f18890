/* SPDX-License-Identifier: MIT */
#include "session/buffers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

enum { PAGE = 4096 };

struct buffers {
	size_t bytes, most, made;
	pthread_mutex_t lock; /* of all below */
	size_t n_idle;
	void *idle[]; /* `most` of them */
};

int buffers_new(struct buffers **out, size_t bytes, size_t most)
{
	struct buffers *b = calloc(1, sizeof(*b) + most * sizeof(*b->idle));

	*out = b;
	if (!b)
		return -ENOMEM;
	b->bytes = bytes;
	b->most = most;
	pthread_mutex_init(&b->lock, NULL);
	return 0;
}

void buffers_free(struct buffers *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->n_idle; i++)
		free(b->idle[i]);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

void *buffers_take(struct buffers *b)
{
	void *buffer = NULL;

	pthread_mutex_lock(&b->lock);
	if (b->n_idle)
		buffer = b->idle[--b->n_idle];
	pthread_mutex_unlock(&b->lock);
	if (buffer || b->made == b->most)
		return buffer;
	buffer = aligned_alloc(PAGE, b->bytes);
	b->made += buffer != NULL;
	return buffer;
}

void buffers_give(struct buffers *b, void *buffer)
{
	if (!buffer)
		return;
	pthread_mutex_lock(&b->lock);
	b->idle[b->n_idle++] = buffer;
	pthread_mutex_unlock(&b->lock);
}
