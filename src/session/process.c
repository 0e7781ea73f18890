/* SPDX-License-Identifier: MIT */
/*
 * What a chunk holds is looked at in the pool itself. When all of it is ours it
 * is written from there; else, and while its writer may still be at it, from a
 * private copy. A process that changes a chunk after it was looked at spoils
 * its own events, and nothing else.
 */
#include "session/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session/walk.h"

enum { UNUSED_WRITERS = 64 }; /* in a row: there are no more behind them */

int process_new(struct process **out, struct pool *pool, uint32_t pid, int slot, bool from_start,
		struct model *model, struct diag *diag)
{
	struct process *p = calloc(1, sizeof(*p));
	int err;

	*out = NULL;
	if (!p) {
		pool_free(pool);
		return -ENOMEM;
	}
	p->pool = pool;
	p->pid = pid;
	p->slot = slot;
	p->pidfd = -1;
	p->begin = from_start ? 0 : model_ticks_now(model);
	p->end = UINT64_MAX;
	p->finished = pool_finished(pool) - 1; /* look once, whatever it says */
	p->foreign_clock = (pool->clock == PISTE_CLOCK_TICKS) != model->use_tsc;
	err = process_update_table(p, model, NULL, diag);
	if (!err && !from_start) { /* what another recording lost in this slot */
		process_count_lost(p);
		p->lost = 0;
	}
	if (err) {
		process_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void process_free(struct process *p)
{
	if (!p)
		return;
	if (p->pidfd >= 0)
		close(p->pidfd);
	pool_free(p->pool);
	vec_fini(&p->marks);
	vec_fini(&p->lost_seen);
	free(p);
}

int process_update_table(struct process *p, struct model *model, struct objects *objects,
			 struct diag *diag)
{
	struct objects o;
	int err;

	if (!objects && p->table && pool_objects_used(p->pool) == p->objects_used)
		return 0;
	err = objects_read(&o, p->pool);
	if (err)
		return err;
	err = model_find_table(model, &p->table, &o, diag);
	p->objects_used = o.used;
	if (!err && objects)
		*objects = o;
	else
		objects_fini(&o);
	return err;
}

/* --- losses --------------------------------------------------------------- */

/* New losses since we looked last; they are in p->lost afterwards. */
static uint64_t count_lost(struct process *p, const uint64_t *place, uint64_t *seen)
{
	uint64_t now = __atomic_load_n(place, __ATOMIC_RELAXED), fresh;

	fresh = now >= *seen ? now - *seen : now;
	*seen = now;
	p->lost += fresh;
	return fresh;
}

static uint64_t count_writer_lost(struct process *p, uint32_t writer)
{
	while (p->lost_seen.len <= writer)
		if (vec_push(&p->lost_seen, 0))
			return 0;
	return count_lost(p, &pool_writer(p->pool, writer)->lost[p->slot],
			  &p->lost_seen.items[writer]);
}

/* Writers are taken in order. To read all of their area would give memory to all of it. */
void process_count_lost(struct process *p)
{
	unsigned unused = 0;

	if (p->slot < 0)
		return;
	for (uint32_t i = 0; i < p->pool->writer_count && unused < UNUSED_WRITERS; i++) {
		const struct piste_writer *w = pool_writer(p->pool, i);

		if (!__atomic_load_n(&w->tid, __ATOMIC_RELAXED) &&
		    !__atomic_load_n(&w->sequence, __ATOMIC_RELAXED) &&
		    !__atomic_load_n(&w->lost[p->slot], __ATOMIC_RELAXED)) {
			unused++;
			continue;
		}
		unused = 0;
		count_writer_lost(p, i);
	}
	count_lost(p, &pool_live(p->pool)->lost[p->slot], &p->pool_lost_seen);
}

/* --- which chunks --------------------------------------------------------- */

static bool state_is_ours(const struct process *p, uint32_t state, enum collect what)
{
	if (state & PISTE_CHUNK_FULL)
		return p->slot < 0 || state & 1u << p->slot;
	return (state & PISTE_CHUNK_LEASED) && (what == COLLECT_PARTIAL || p->is_dead);
}

static bool mark_is_of(const struct chunk_mark *mark, const struct piste_chunk *c)
{
	return mark->begin == __atomic_load_n(&c->begin, __ATOMIC_RELAXED) &&
	       mark->sequence == __atomic_load_n(&c->sequence, __ATOMIC_RELAXED);
}

int process_collect(struct process *p, enum collect what, struct ready_list *list)
{
	struct pool *pool = p->pool;

	p->finished = pool_finished(pool);
	for (uint32_t i = 0; i < pool->chunk_count; i++) {
		/* acquire: pairs with the release of the writer that handed it over */
		uint32_t state = __atomic_load_n(pool_state(pool, i), __ATOMIC_ACQUIRE);
		struct ready r = {.process = p, .chunk = i};
		const struct piste_chunk *c;

		if (state == PISTE_CHUNK_FREE || !state_is_ours(p, state, what))
			continue;
		c = pool_chunk(pool, i);
		r.begin = __atomic_load_n(&c->begin, __ATOMIC_RELAXED);
		if (i < p->marks.len && mark_is_of(&p->marks.items[i], c) &&
		    (p->marks.items[i].in_flight ||
		     (!(state & PISTE_CHUNK_FULL) &&
		      p->marks.items[i].at == __atomic_load_n(&c->committed, __ATOMIC_RELAXED))))
			continue; /* did not grow */
		if (vec_push(list, r))
			return -ENOMEM;
	}
	return 0;
}

/* --- one chunk ------------------------------------------------------------ */

struct view {
	struct piste_chunk head; /* a copy; committed is checked */
	uint32_t state;
	uint32_t from;
	bool is_private;
	uint8_t *data; /* the chunk, or a copy of it; offsets are the chunk's */
};

static void drop(struct process *p, uint64_t bytes, const char *why)
{
	p->dropped_bytes += bytes;
	if (!p->dropped_why)
		p->dropped_why = why;
}

static bool head_is_same(const struct piste_chunk *c, const struct piste_chunk *copy)
{
	return __atomic_load_n(&c->begin, __ATOMIC_RELAXED) == copy->begin &&
	       __atomic_load_n(&c->sequence, __ATOMIC_RELAXED) == copy->sequence &&
	       __atomic_load_n(&c->tid, __ATOMIC_RELAXED) == copy->tid;
}

/* Reads the head and finds what is new; false: nothing. */
static bool view_open(struct process *p, uint32_t chunk, struct view *v)
{
	const struct piste_chunk *c = pool_chunk(p->pool, chunk);
	const struct chunk_mark *mark = chunk < p->marks.len ? &p->marks.items[chunk] : NULL;
	uint32_t committed;

	v->state = __atomic_load_n(pool_state(p->pool, chunk), __ATOMIC_ACQUIRE);
	/* acquire: pairs with the writer's release; the records before it are complete */
	committed = __atomic_load_n(&c->committed, __ATOMIC_ACQUIRE);
	memcpy(&v->head, c, sizeof(v->head));
	v->data = (uint8_t *)(uintptr_t)c;
	v->from = PISTE_CHUNK_HEADER;
	v->is_private = false;
	if (committed == 0)
		return false; /* leased, but not yet begun */
	if (v->head.magic != PISTE_CHUNK_MAGIC || v->head.abi != PISTE_POOL_ABI) {
		if (v->state & PISTE_CHUNK_FULL || (p->is_dead && committed > PISTE_CHUNK_HEADER))
			drop(p, committed <= p->pool->chunk_size ? committed : 0,
			     "a chunk without a head");
		return false;
	}
	if (committed < PISTE_CHUNK_HEADER || committed > p->pool->chunk_size || committed % 4) {
		drop(p, p->pool->chunk_size, "a chunk whose end cannot be");
		return false;
	}
	if (mark && mark->at && mark->begin == v->head.begin &&
	    mark->sequence == v->head.sequence && mark->tid == v->head.tid)
		v->from = mark->at;
	v->head.committed = committed;
	return committed > v->from;
}

static bool view_copy(struct process *p, uint32_t chunk, struct view *v)
{
	uint8_t *copy = malloc(v->head.committed);

	if (!copy)
		return false;
	memcpy(copy + v->from, v->data + v->from, v->head.committed - v->from);
	v->data = copy;
	v->is_private = true;
	/* The copy may be of two lives of the chunk. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return head_is_same(pool_chunk(p->pool, chunk), &v->head);
}

static int mark_read(struct process *p, uint32_t chunk, const struct view *v, uint32_t at)
{
	while (p->marks.len <= chunk)
		if (vec_push(&p->marks, (struct chunk_mark){0}))
			return -ENOMEM;
	p->marks.items[chunk] = (struct chunk_mark){
		.begin = v->head.begin,
		.sequence = v->head.sequence,
		.tid = v->head.tid,
		.at = at,
	};
	return 0;
}

/* Looks at the records; once more when an object was loaded meanwhile that explains an id. */
static int view_walk(struct process *p, const struct view *v, struct walk *w, struct model *model,
		     struct diag *diag)
{
	int err = 0;

	w->has_cpu = v->head.cpu != 0;
	w->floor = v->head.begin;
	w->ceiling = UINT64_MAX;
	if (!p->foreign_clock && p->slot >= 0)
		w->ceiling = model_ticks_now(model) + model_ns_to_ticks(model, 1000000);
	for (int tries = 0; tries < 2; tries++) {
		w->table = p->table;
		walk_check(w, v->data, v->from, v->head.committed);
		if (w->unknown_id == ~0u || pool_objects_used(p->pool) == p->objects_used)
			break;
		err = process_update_table(p, model, NULL, diag);
		if (err)
			break;
	}
	return err;
}

static int64_t select_time(void *data, uint64_t ticks)
{
	return model_ticks_to_ns(data, ticks);
}

static void convert_ticks(const struct model *model, struct walk *w, uint8_t *data, uint32_t from)
{
	for (uint32_t at = from; at < w->content_end;) {
		struct piste_record r;
		uint64_t ticks;

		memcpy(&r, data + at, PISTE_RECORD_HEADER);
		ticks = model_convert_ticks(model, r.ticks_low | (uint64_t)r.ticks_high << 32);
		r.ticks_low = (uint32_t)ticks;
		r.ticks_high = (uint32_t)(ticks >> 32);
		memcpy(data + at, &r, PISTE_RECORD_HEADER);
		at += PISTE_RECORD_ALIGN((uint32_t)r.size);
	}
	w->first = model_convert_ticks(model, w->first);
	w->last = model_convert_ticks(model, w->last);
}

static void release(struct process *p, uint32_t chunk, const struct view *v)
{
	if (p->slot >= 0 && v->state & PISTE_CHUNK_FULL)
		pool_chunk_done(p->pool, chunk, p->slot);
}

/* Nothing of the chunk is on its way. */
static void done(struct process *p, uint32_t chunk, const struct view *v)
{
	if (v->is_private)
		free(v->data);
	release(p, chunk, v);
}

int process_take(struct process *p, uint32_t chunk, struct model *model, struct packet *packet,
		 struct diag *diag)
{
	bool filtered = model->wants.filter != NULL;
	struct walk w = {0};
	struct view v;
	uint32_t content_start;
	int err;

	if (!view_open(p, chunk, &v)) {
		done(p, chunk, &v);
		return 0;
	}
	if (!(v.state & PISTE_CHUNK_FULL) && !p->is_dead && !view_copy(p, chunk, &v)) {
		free(v.is_private ? v.data : NULL);
		return 0; /* used anew meanwhile: its next life is for the next look */
	}
	err = view_walk(p, &v, &w, model, diag);
	if (!err && !v.is_private &&
	    (w.has_unwanted || filtered || p->foreign_clock ||
	     (w.events && (w.first < p->begin || w.last > p->end)))) {
		/* not all of it is ours */
		if (!view_copy(p, chunk, &v) && !v.is_private)
			err = -ENOMEM;
		else
			err = view_walk(p, &v, &w, model, diag);
	}
	if (!err)
		err = mark_read(p, chunk, &v, w.broken ? v.head.committed : w.end);
	if (err) {
		done(p, chunk, &v);
		return err;
	}
	if (w.broken)
		drop(p, v.head.committed - w.end, w.broken);
	content_start = v.from;
	if (v.is_private && (w.has_unwanted || filtered || w.first < p->begin || w.last > p->end)) {
		struct walk_select select = {
			.begin = p->begin,
			.end = p->end,
			.pid = p->pid,
			.tid = v.head.tid,
			.use_filter = filtered,
			.to_ns = select_time,
			.to_ns_data = model,
		};
		char procname[17] = "";

		memcpy(procname, v.head.comm, 16);
		select.procname = procname;
		walk_compact(&w, v.data, content_start, &select);
	}
	if (!w.events) {
		done(p, chunk, &v);
		return 0;
	}
	if (p->foreign_clock)
		convert_ticks(model, &w, v.data, content_start);
	*packet = (struct packet){
		.pid = p->pid,
		.tid = v.head.tid == v.head.pid ? p->pid : v.head.tid,
		.begin = w.first,
		.end = w.last,
		.events = w.events,
		.data = v.data + content_start,
		.size = w.content_end - content_start,
		.is_chunk = !v.is_private && content_start == PISTE_CHUNK_HEADER,
		.pool = p->pool,
		.chunk = chunk,
		.slot = v.state & PISTE_CHUNK_FULL && !v.is_private ? p->slot : -1,
		.to_free = v.is_private ? v.data : NULL,
	};
	memcpy(packet->procname, v.head.comm, 16);
	err = model_stream_class(model, p->table, w.has_cpu, &packet->stream);
	if (err) {
		done(p, chunk, &v);
		return err;
	}
	if (v.is_private) /* nothing borrows from the chunk */
		release(p, chunk, &v);
	p->marks.items[chunk].in_flight = packet->slot >= 0;
	if (p->slot >= 0 && v.head.writer < p->pool->writer_count) {
		packet->lost = count_writer_lost(p, v.head.writer);
		p->lost_told += packet->lost;
	}
	p->events += w.events;
	p->bytes += packet->size;
	p->packets++;
	return 1;
}
