/* SPDX-License-Identifier: MIT */
#include "session/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "session/dump.h"
#include "session/find.h"
#include "session/model.h"
#include "session/process.h"
#include "session/sink.h"

enum { PAGE = 4096 };

struct recovery {
	const struct recover_options *options;
	struct recorder_summary *summary;
	struct piste_session session;
	struct model model;
	struct dump dump;
	struct sink *sink;
	struct VEC(struct process *) processes;
};

struct pool *recover_next_pool(struct span bytes, size_t *at)
{
	const uint64_t magic = PISTE_POOL_MAGIC;

	for (; bytes.len - *at >= sizeof(struct piste_pool); *at += PAGE) {
		enum pool_error why;
		struct pool *pool;

		if (memcmp(bytes.data + *at, &magic, sizeof(magic)) != 0)
			continue;
		if (pool_open_bytes(&pool, bytes.data + *at, bytes.len - *at, &why, NULL))
			continue;
		*at += PAGE;
		return pool;
	}
	return NULL;
}

/* The losses of whichever session had most of them: each counts for itself. */
static uint64_t pool_lost(const struct pool *pool)
{
	uint64_t most = 0;

	for (int slot = 0; slot < PISTE_SESSIONS_MAX; slot++) {
		uint64_t lost = pool_live(pool)->lost[slot];

		for (uint32_t i = 0; i < pool->writer_count; i++) {
			const struct piste_writer *w = pool_writer(pool, i);

			if (!w->tid && !w->sequence && !w->lost[slot])
				break; /* writers are taken in order */
			lost += w->lost[slot];
		}
		most = lost > most ? lost : most;
	}
	return most;
}

/* Takes the pool over. */
static int add_pool(struct recovery *r, struct pool *pool, uint32_t pid, struct diag *diag)
{
	struct process *p;
	struct objects o;
	int err = process_new(&p, pool, pid ? pid : pool->pid, -1, true, &r->model, diag);

	if (err)
		return err;
	p->is_dead = pool->is_file;
	if (vec_push(&r->processes, p)) {
		process_free(p);
		return -ENOMEM;
	}
	dump_process_start(&r->dump, &(struct dump_process){
					     .pid = p->pid,
					     .ppid = pool->parent_pid,
					     .created = pool->created,
					     .comm = pool->comm,
					     .exe = pool->exe,
					     .cmdline = pool->cmdline,
					     .cmdline_size = pool->cmdline_size,
				     });
	if (objects_read(&o, pool) == 0) {
		dump_mappings(&r->dump, p->pid, &o, !pool->is_file);
		objects_fini(&o);
	}
	p->lost = pool_lost(pool);
	return 0;
}

static int add_file(struct recovery *r, struct span bytes, struct diag *diag)
{
	struct pool *pool;
	size_t at = 0;
	int err = 0;

	while (!err && (pool = recover_next_pool(bytes, &at)))
		err = add_pool(r, pool, 0, diag);
	if (!err && !r->processes.len) {
		diag_error(diag, NULL, "%s holds no pool of piste", r->options->file);
		diag_hint(diag, "a copy of /proc/PID/fd/N -> /memfd:piste does, and a core file");
		err = -ENOENT;
	}
	return err;
}

static int add_pid(struct recovery *r, struct diag *diag)
{
	struct pool_list pools = {0};
	int err = find_pools(&pools, r->options->pid, diag);

	for (size_t i = 0; i < pools.len && !err; i++) {
		err = add_pool(r, pools.items[i], r->options->pid, diag);
		pools.items[i] = NULL;
	}
	pool_list_fini(&pools);
	return err;
}

static int by_begin(const void *a, const void *b)
{
	const struct ready *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static int write_packets(struct recovery *r, struct diag *diag)
{
	struct ready_list ready = {0};
	struct packet packet;
	int got = 0;

	for (size_t i = 0; i < r->processes.len && got >= 0; i++)
		got = process_collect(r->processes.items[i], COLLECT_PARTIAL, &ready);
	if (ready.len)
		qsort(ready.items, ready.len, sizeof(*ready.items), by_begin);
	for (size_t i = 0; i < ready.len && got >= 0; i++) {
		got = process_take(ready.items[i].process, ready.items[i].chunk, &r->model, &packet,
				   diag);
		if (got > 0)
			got = sink_add(r->sink, &packet);
		if (got >= 0)
			got = sink_flush(r->sink, &r->model.text, true);
	}
	vec_fini(&ready);
	return got < 0 ? got : 0;
}

static int keep_trouble(struct recorder_summary *s, const struct process *p)
{
	struct recorder_trouble *grown = realloc(s->troubles, (s->n_troubles + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	s->troubles = grown;
	grown[s->n_troubles] = (struct recorder_trouble){
		.pid = p->pid,
		.lost = p->lost,
		.dropped_bytes = p->dropped_bytes,
		.dropped_why = p->dropped_why,
	};
	memcpy(grown[s->n_troubles++].comm, p->pool->comm, sizeof(p->pool->comm));
	return 0;
}

static int write_trace(struct recovery *r, struct diag *diag)
{
	struct recorder_summary *s = r->summary;
	struct clock_anchor anchor;
	struct packet packet;
	struct str text = {0};
	uint32_t stream = 0;
	int err = write_packets(r, diag);

	for (size_t i = 0; i < r->processes.len && !err; i++) {
		struct process *p = r->processes.items[i];

		s->processes++;
		s->events += p->events;
		s->bytes += p->bytes;
		s->lost += p->lost;
		s->dropped_bytes += p->dropped_bytes;
		if (p->lost || p->dropped_bytes)
			keep_trouble(s, p);
		err = model_stream_class(&r->model, p->table, false, &stream);
		if (!err && p->lost)
			err = sink_add_lost(r->sink, stream, p->lost);
		dump_process_end(&r->dump, p->pid, 0, p->events, p->lost, p->bytes,
				 p->dropped_bytes);
	}
	if (!err)
		err = model_take_anchor(&r->model, &anchor);
	if (err)
		return err;
	dump_anchor(&r->dump, &anchor);
	if (dump_take(&r->dump, &packet))
		err = sink_add(r->sink, &packet);
	if (!err)
		err = sink_end_lanes(r->sink, model_ticks_now(&r->model));
	if (!err)
		err = sink_flush(r->sink, &r->model.text, true);
	if (!err && model_write_all(&r->model, &text) == 0)
		sink_replace_metadata(r->sink, &text);
	str_fini(&text);
	return err;
}

int recover(const struct recover_options *options, struct recorder_summary *summary,
	    struct diag *diag)
{
	struct recovery r = {.options = options, .summary = summary};
	struct wants wants = {.session = &r.session, .all = true};
	struct span bytes = {0};
	const char *file;
	int err;

	*summary = (struct recorder_summary){0};
	err = model_init(&r.model, options->ctf_major, &wants, options->command_line,
			 clock_tsc_usable());
	r.dump.model = &r.model;
	if (!err) {
		dump_anchor(&r.dump, &r.model.anchors.items[0]);
		err = options->pid ? 0 : fs_map(AT_FDCWD, options->file, &bytes);
		if (err)
			diag_error(diag, NULL, "%s: %s", options->file, strerror(-err));
		else
			err = options->pid ? add_pid(&r, diag) : add_file(&r, bytes, diag);
	}
	if (!err)
		err = trace_dir_make(options->dir, options->force, diag);
	if (!err) {
		err = sink_open(&r.sink, options->dir, r.model.uuid);
		if (!err)
			err = write_trace(&r, diag);
		if (err) {
			bool has_file = r.sink && sink_error(r.sink, &file);

			diag_error(diag, NULL, "%s%s%s: %s", options->dir, has_file ? "/" : "",
				   has_file ? file : "", strerror(-err));
		}
	}
	sink_free(r.sink);
	for (size_t i = 0; i < r.processes.len; i++)
		process_free(r.processes.items[i]);
	vec_fini(&r.processes);
	dump_fini(&r.dump);
	if (r.model.trace)
		model_fini(&r.model);
	fs_unmap(&bytes);
	return err;
}
