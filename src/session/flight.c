/* SPDX-License-Identifier: MIT */
#include "session/flight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/model.h"
#include "session/sink.h"

struct held {
	struct held *next;
	struct packet packet;
	uint8_t data[];
};

struct list {
	struct held *first, **last;
};

struct flight {
	uint64_t size_bytes;
	struct list ring, kept;
	struct flight_totals totals;
};

int flight_new(struct flight **out, uint64_t size_bytes)
{
	struct flight *f = calloc(1, sizeof(*f));

	*out = f;
	if (!f)
		return -ENOMEM;
	f->size_bytes = size_bytes;
	f->ring.last = &f->ring.first;
	f->kept.last = &f->kept.first;
	return 0;
}

static void list_fini(struct list *l)
{
	struct held *next;

	for (struct held *h = l->first; h; h = next) {
		next = h->next;
		free(h);
	}
}

void flight_free(struct flight *f)
{
	if (!f)
		return;
	list_fini(&f->ring);
	list_fini(&f->kept);
	free(f);
}

static void drop_oldest(struct flight *f)
{
	struct held *h = f->ring.first;

	f->ring.first = h->next;
	if (!h->next)
		f->ring.last = &f->ring.first;
	f->totals.events -= h->packet.events;
	f->totals.bytes -= sizeof(*h) + h->packet.size;
	f->totals.event_bytes -= h->packet.size;
	f->totals.overwritten += h->packet.events;
	f->totals.overwritten_lost += h->packet.lost;
	free(h);
}

int flight_add(struct flight *f, const struct packet *p)
{
	struct held *h = malloc(sizeof(*h) + p->size);
	struct list *l = p->is_own ? &f->kept : &f->ring;

	if (!h) {
		packet_release(p);
		return -ENOMEM;
	}
	h->next = NULL;
	h->packet = *p;
	h->packet.data = h->data;
	h->packet.is_chunk = false;
	h->packet.pool = NULL;
	h->packet.slot = -1;
	h->packet.buffers = NULL;
	h->packet.to_free = NULL;
	if (p->size)
		memcpy(h->data, p->data, p->size);
	packet_release(p);
	*l->last = h;
	l->last = &h->next;
	if (h->packet.is_own)
		return 0;
	f->totals.events += h->packet.events;
	f->totals.bytes += sizeof(*h) + h->packet.size;
	f->totals.event_bytes += h->packet.size;
	while (f->totals.bytes > f->size_bytes && f->ring.first->next)
		drop_oldest(f);
	return 0;
}

int flight_write(struct flight *f, struct sink *sink)
{
	int err = 0;

	for (struct held *h = f->kept.first; h && !err; h = h->next)
		err = sink_add(sink, &h->packet);
	for (struct held *h = f->ring.first; h && !err; h = h->next)
		err = sink_add(sink, &h->packet);
	return err;
}

const struct flight_totals *flight_totals(const struct flight *f)
{
	return &f->totals;
}
