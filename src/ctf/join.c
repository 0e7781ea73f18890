/* SPDX-License-Identifier: MIT */
#include "ctf/join.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool describes(const struct ctf_trace_class *all, const struct ctf_trace_class *some)
{
	if (!all->has_uuid || !some->has_uuid || memcmp(all->uuid, some->uuid, sizeof(all->uuid)))
		return false;
	for (size_t i = 0; i < some->n_streams; i++) {
		const struct ctf_stream_class *b = some->streams[i];
		const struct ctf_stream_class *a = ctf_stream_class_find(all, b->id);

		if (!a || a->n_events < b->n_events || !a->default_clock != !b->default_clock)
			return false;
		for (size_t e = 0; e < b->n_events; e++)
			if (!ctf_event_class_find(a, b->events[e]->id))
				return false;
	}
	return true;
}

static struct ctf_stream *same_stream(const struct ctf_trace *t, const struct ctf_stream *s)
{
	for (size_t i = 0; s->has_id && i < t->n_streams; i++)
		if (t->streams[i].has_id && t->streams[i].id == s->id &&
		    t->streams[i].class->id == s->class->id)
			return &t->streams[i];
	return NULL;
}

/* All memory that is needed, so that what follows cannot fail half-way. */
static int make_room(struct ctf_trace *into, const struct ctf_trace *other)
{
	struct ctf_stream_file *files =
		realloc(into->files, (into->n_files + other->n_files + 1) * sizeof(*into->files));
	if (files)
		into->files = files;
	struct ctf_stream *streams = realloc(
		into->streams, (into->n_streams + other->n_streams + 1) * sizeof(*into->streams));
	if (streams)
		into->streams = streams;
	if (!files || !streams)
		return -ENOMEM;
	for (size_t i = 0; i < other->n_streams; i++) {
		struct ctf_stream *s = same_stream(into, &other->streams[i]);
		size_t n = s ? s->n_packets + other->streams[i].n_packets + 1 : 0;

		if (!s || n <= s->cap_packets)
			continue;
		struct ctf_packet *packets = realloc(s->packets, n * sizeof(*packets));
		if (!packets)
			return -ENOMEM;
		s->packets = packets;
		s->cap_packets = n;
	}
	return 0;
}

static void move_stream(struct ctf_trace *into, struct ctf_stream *from, uint32_t first_file)
{
	struct ctf_stream *to = same_stream(into, from);

	for (size_t i = 0; i < from->n_packets; i++)
		from->packets[i].file += first_file;
	if (to) {
		memcpy(to->packets + to->n_packets, from->packets,
		       from->n_packets * sizeof(*from->packets));
		to->n_packets += from->n_packets;
		free(from->packets);
		from->packets = NULL;
		ctf_stream_join_files(to);
		return;
	}
	to = &into->streams[into->n_streams];
	*to = *from;
	from->packets = NULL;
	to->trace = into;
	to->class = ctf_stream_class_find(into->class, from->class->id);
	to->index = into->n_streams++;
	memcpy(to->plans, into->plans[to->class->index], sizeof(to->plans));
}

int ctf_trace_join(struct ctf_trace *into, struct ctf_trace *other)
{
	uint32_t first_file = (uint32_t)into->n_files;

	if (!describes(into->class, other->class))
		return 0;
	if (make_room(into, other))
		return -ENOMEM;
	if (other->n_files)
		memcpy(into->files + into->n_files, other->files,
		       other->n_files * sizeof(*other->files));
	into->n_files += other->n_files;
	other->n_files = 0;
	for (size_t i = 0; i < other->n_streams; i++)
		move_stream(into, &other->streams[i], first_file);
	/* What an index says is of the packets as they were. */
	for (size_t i = 0; i < into->n_streams; i++)
		into->streams[i].summaries = (struct span){0};
	into->is_damaged |= other->is_damaged;
	ctf_trace_free(other);
	return 1;
}
