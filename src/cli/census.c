/* SPDX-License-Identifier: MIT */
#include "cli/census.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cli/traces.h"
#include "ctf/sidecar.h"

enum {
	WINDOW_BYTES = 2 << 20, /* of a file at a time */
	JOB_BYTES = 8 << 20,
	MAX_WORKERS = 16,
	INDEX_WORTH_BYTES = 16 << 20, /* less is counted as fast as an index is read */
};

/* NULL: no memory. Lives until the next call. */
static struct census_process *find_process(struct census *c, uint32_t pid)
{
	uint64_t index;

	if (map_get_u64(&c->process_index, pid, &index))
		return &c->processes.items[index];
	if (vec_push(&c->processes, ((struct census_process){.pid = pid})) ||
	    map_put_u64(&c->process_index, pid, c->processes.len - 1))
		return NULL;
	return &c->processes.items[c->processes.len - 1];
}

static bool field_u64(const struct ctf_values *values, const struct ctf_value *record,
		      const char *name, uint64_t *out)
{
	const struct ctf_value *v = record ? ctf_value_field(values, record, name) : NULL;

	if (!v || (v->kind != CTF_VALUE_U64 && v->kind != CTF_VALUE_I64))
		return false;
	*out = v->u64;
	return true;
}

static const char *field_text(struct census *c, const struct ctf_values *values,
			      const struct ctf_value *record, const char *name)
{
	const struct ctf_value *v = record ? ctf_value_field(values, record, name) : NULL;

	if (!v || v->kind != CTF_VALUE_TEXT)
		return NULL;
	return arena_strndup(&c->arena, (const char *)v->bytes,
			     strnlen((const char *)v->bytes, v->count));
}

/* One of the names that tracers give the same thing. */
static bool any_field_u64(const struct ctf_values *values, const struct ctf_value *record,
			  const char *a, const char *b, uint64_t *out)
{
	return field_u64(values, record, a, out) || field_u64(values, record, b, out);
}

/* --- the recorder's own events --------------------------------------------------- */

static int read_process_start(struct census *c, const struct ctf_values *values,
			      const struct ctf_value *fields)
{
	struct census_process *p;
	uint64_t pid;

	if (!field_u64(values, fields, "pid", &pid))
		return 0;
	p = find_process(c, (uint32_t)pid);
	if (!p)
		return -ENOMEM;
	p->has_start = true; /* an exec is a new start: the newest names it */
	p->comm = field_text(c, values, fields, "comm");
	p->cmdline = field_text(c, values, fields, "cmdline");
	return 0;
}

static int read_process_end(struct census *c, const struct ctf_values *values,
			    const struct ctf_value *fields)
{
	uint64_t pid, lost = 0;
	struct census_process *p;

	if (!field_u64(values, fields, "pid", &pid))
		return 0;
	p = find_process(c, (uint32_t)pid);
	if (!p)
		return -ENOMEM;
	field_u64(values, fields, "status", &p->status);
	field_u64(values, fields, "lost", &lost);
	p->lost += lost;
	p->has_end = true;
	return 0;
}

static int read_session_end(struct census *c, const struct ctf_values *values,
			    const struct ctf_value *fields)
{
	struct census_session *s = &c->session;

	s->is_there = true;
	field_u64(values, fields, "lost", &s->lost);
	field_u64(values, fields, "overwritten", &s->overwritten);
	field_u64(values, fields, "dropped_bytes", &s->dropped_bytes);
	field_u64(values, fields, "recorder_cpu_ns", &s->recorder_cpu_ns);
	field_u64(values, fields, "kernel_events", &s->kernel_events);
	field_u64(values, fields, "kernel_lost", &s->kernel_lost);
	field_u64(values, fields, "limited", &s->limited);
	field_u64(values, fields, "ring_bytes", &s->ring_bytes);
	return 0;
}

/* A process that was there before the recording; its first thread has its name. */
static int read_state_task(struct census *c, const struct ctf_values *values,
			   const struct ctf_value *fields)
{
	struct census_process *p;
	uint64_t pid, tid;

	if (!field_u64(values, fields, "pid", &pid) || !field_u64(values, fields, "tid", &tid) ||
	    pid != tid)
		return 0;
	p = find_process(c, (uint32_t)pid);
	if (!p)
		return -ENOMEM;
	if (!p->comm)
		p->comm = field_text(c, values, fields, "comm");
	if (!p->comm) /* with LTTng's names */
		p->comm = field_text(c, values, fields, "name");
	return 0;
}

static int read_own(struct census *c, const struct ctf_cursor *cursor)
{
	static const struct {
		const char *name;
		int (*read)(struct census *c, const struct ctf_values *values,
			    const struct ctf_value *fields);
	} readers[] = {
		{"piste:process_start", read_process_start},
		{"piste:process_end", read_process_end},
		{"piste:session_end", read_session_end},
		{"state:task", read_state_task},
		{"lttng_statedump_process_state", read_state_task},
	};
	int32_t root = cursor->root[CTF_SCOPE_EVENT_PAYLOAD];

	for (size_t i = 0; root >= 0 && i < sizeof(readers) / sizeof(readers[0]); i++)
		if (!strcmp(cursor->event->name, readers[i].name))
			return readers[i].read(c, &cursor->values, &cursor->values.items[root]);
	return 0;
}

/* --- one pass over the packets ------------------------------------------------------ */

/* A counter that wraps at its width, from one packet of a stream to the next. */
static uint64_t counter_difference(uint64_t from, uint64_t to, unsigned bits)
{
	return bits && bits < 64 ? (to - from) & ((1ull << bits) - 1) : to - from;
}

static void count_losses(struct census *c, const struct ctf_stream *s)
{
	uint64_t events = 0, packets = 0, discarded = 0, seq_num = 0;
	bool has_discarded = trace_is_pistes(c->trace), has_seq_num = false;

	for (size_t i = 0; i < s->n_packets; i++) {
		const struct ctf_packet *p = &s->packets[i];

		/* What a foreign tracer lost before the first packet may be of another trace. */
		if (p->has_discarded && has_discarded)
			events += counter_difference(discarded, p->discarded_events,
						     s->discarded_bits);
		discarded = p->discarded_events;
		has_discarded |= p->has_discarded;
		c->has_losses |= p->has_discarded;
		if (p->has_seq_num && has_seq_num)
			packets += counter_difference(seq_num + 1, p->seq_num, s->seq_num_bits);
		seq_num = p->seq_num;
		has_seq_num |= p->has_seq_num;
		c->bytes += (p->total_bits + 7) / 8;
		c->packets++;
	}
	c->lost_events += events;
	c->lost_packets += packets;
}

static void see_ns(struct census *c, int64_t ns)
{
	if (!c->has_time || ns < c->begin_ns)
		c->begin_ns = ns;
	if (!c->has_time || ns > c->end_ns)
		c->end_ns = ns;
	c->has_time = true;
}

static void see_time(struct census *c, const struct ctf_cursor *cursor)
{
	const struct ctf_clock *clock = cursor->stream->class->default_clock;
	int64_t ns;

	if (!clock || !cursor->has_cycles)
		return;
	ns = ctf_trace_ns(c->trace, clock, cursor->cycles);
	if (ns == INT64_MIN)
		return;
	see_ns(c, ns);
}

/* Who wrote an event: its packet says, or its own context. */
struct writer {
	bool is_known;
	uint64_t pid, tid;
};

static struct writer read_writer(const struct ctf_values *values, int32_t root)
{
	const struct ctf_value *record = root >= 0 ? &values->items[root] : NULL;
	struct writer w = {0};

	w.is_known = any_field_u64(values, record, "pid", "vpid", &w.pid);
	if (!any_field_u64(values, record, "tid", "vtid", &w.tid))
		w.tid = w.pid;
	return w;
}

static int count_writer(struct census *c, const struct writer *w, uint64_t events)
{
	struct census_process *p;

	if (!w->is_known || !events)
		return 0;
	p = find_process(c, (uint32_t)w->pid);
	if (!p)
		return -ENOMEM;
	p->events += events;
	return map_put_u64(&p->threads, w->tid, 1);
}

static bool has_field(const struct ctf_type *record, const char *a, const char *b)
{
	return record && (ctf_struct_find(record, a) >= 0 || ctf_struct_find(record, b) >= 0);
}

struct pass {
	struct census *count;
	struct census_class *classes; /* of the stream, by event_class.index */
	struct ctf_tally *tally; /* beside them */
	struct str *summaries; /* what each packet holds, for the index */
	struct ctf_summary summary; /* of the packet */
	struct ctf_cursor cursor;
	struct ctf_watch watch; /* of events: process and thread */
	bool is_own; /* of the stream: the recorder's */
	bool in_packet; /* who wrote them stands in the packet … */
	bool in_events, is_watched; /* … or in each event, always at one place */
};

static int add_tally(struct pass *p)
{
	size_t n = p->cursor.stream->class->n_events;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		struct ctf_class_count count = {(uint32_t)i, p->tally[i].events, p->tally[i].bits};

		p->classes[i].events += count.events;
		p->classes[i].bits += count.bits;
		if (count.events && vec_push(&p->summary.classes, count))
			rc = -ENOMEM;
	}
	memset(p->tally, 0, n * sizeof(*p->tally));
	return rc;
}

/* Of the packet: the newest writers are the likeliest. */
static int note_writer(struct pass *p, const struct writer *w, uint64_t events)
{
	struct ctf_writer_count *writers = p->summary.writers.items, new = {w->pid, w->tid, events};

	if (!w->is_known || !events)
		return 0;
	for (size_t i = p->summary.writers.len; i-- > 0;)
		if (writers[i].pid == w->pid && writers[i].tid == w->tid) {
			writers[i].events += events;
			return 0;
		}
	return vec_push(&p->summary.writers, new);
}

static uint64_t tallied(const struct pass *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->cursor.stream->class->n_events; i++)
		n += p->tally[i].events;
	return n;
}

/* The recorder's own events, and those whose writers stand at no one place: one by one. */
static int count_event(struct pass *p)
{
	struct ctf_cursor *cursor = &p->cursor;
	struct ctf_tally *tally = &p->tally[cursor->event->index];
	struct writer writer;

	tally->events++;
	tally->bits += cursor->bits.at - cursor->event_bits;
	if (p->is_own)
		return read_own(p->count, cursor);
	if (!p->in_events)
		return 0;
	writer = read_writer(&cursor->values, cursor->root[CTF_SCOPE_EVENT_COMMON_CONTEXT]);
	return note_writer(p, &writer, 1);
}

/* Runs of one writer. */
static int count_runs(struct pass *p)
{
	int rc;

	do {
		struct writer w = {true, (uint32_t)p->watch.values[0],
				   (uint32_t)p->watch.values[1]};

		p->watch.events = 0;
		rc = ctf_cursor_tally(&p->cursor, p->tally, &p->watch);
		if (note_writer(p, &w, p->watch.events))
			return -ENOMEM;
	} while (rc > 0);
	return rc;
}

static int count_rest(struct pass *p)
{
	int rc;

	if (p->is_watched)
		return count_runs(p);
	if (!p->is_own && !p->in_events)
		return ctf_cursor_tally(&p->cursor, p->tally, NULL);
	while ((rc = ctf_cursor_next(&p->cursor)) > 0)
		if ((rc = count_event(p)))
			return rc;
	return rc;
}

/* What a packet was found to hold, now or by the index, is counted. */
static int add_writers(struct census *c, const struct ctf_summary *s)
{
	const struct ctf_writer_count *w;
	int rc = 0;

	vec_each(w, &s->writers) {
		struct writer writer = {true, w->pid, w->tid};

		rc = count_writer(c, &writer, w->events) ? -ENOMEM : rc;
	}
	return rc;
}

static void see_times(struct pass *p, bool first)
{
	struct ctf_summary *s = &p->summary;

	see_time(p->count, &p->cursor);
	s->has_times = p->cursor.has_cycles && p->cursor.stream->class->default_clock;
	if (first)
		s->first_cycles = p->cursor.cycles;
	s->last_cycles = p->cursor.cycles;
}

static int count_packet(struct pass *p, const struct ctf_packet *packet, struct diag *diag)
{
	struct ctf_cursor *cursor = &p->cursor;
	struct writer writer = {0};
	int rc = ctf_cursor_enter(cursor, packet);

	ctf_summary_reset(&p->summary);
	if (!rc && p->in_packet)
		writer = read_writer(&cursor->packet_values,
				     cursor->plan->packet.root[CTF_SCOPE_PACKET_CONTEXT]);
	if (!rc && (rc = ctf_cursor_next(cursor)) > 0) {
		see_times(p, true);
		rc = count_event(p);
		if (!rc)
			rc = count_rest(p);
		see_times(p, false);
	}
	if (rc < 0 && rc != -ENOMEM) {
		ctf_cursor_explain(cursor, rc, diag);
		rc = -EINVAL;
	}
	if (note_writer(p, &writer, tallied(p)) || add_tally(p) ||
	    add_writers(p->count, &p->summary))
		rc = -ENOMEM;
	if (p->summaries)
		ctf_summary_put(p->summaries, &p->summary);
	return rc;
}

/* --- by the index ----------------------------------------------------------------- */

static void see_summary(struct census *c, const struct ctf_stream *s,
			const struct ctf_summary *summary)
{
	const uint64_t cycles[2] = {summary->first_cycles, summary->last_cycles};

	for (int i = 0; i < 2 && summary->has_times && s->class->default_clock; i++) {
		int64_t ns = ctf_trace_ns(c->trace, s->class->default_clock, cycles[i]);

		if (ns != INT64_MIN)
			see_ns(c, ns);
	}
}

/* Adds what the index says of a stream's packets. 0, -ENOMEM; -EBADMSG: it is no use, and nothing
 * was added. */
static int count_by_index(struct census *c, const struct ctf_stream *s,
			  struct census_class *classes)
{
	struct span left = s->summaries;
	struct ctf_summary summary = {0};
	const struct ctf_class_count *count;
	int rc = 0;

	/* Once to look, and once to add. */
	for (size_t i = 0; i < 2 * s->n_packets && !rc; i++) {
		bool adds = i >= s->n_packets;

		if (i == s->n_packets)
			left = s->summaries;
		rc = ctf_summary_take(&summary, &left);
		vec_each(count, &summary.classes) {
			if (count->class >= s->class->n_events)
				rc = -EBADMSG;
			if (rc || !adds)
				continue;
			classes[count->class].events += count->events;
			classes[count->class].bits += count->bits;
		}
		if (!rc && adds) {
			see_summary(c, s, &summary);
			rc = add_writers(c, &summary);
		}
	}
	ctf_summary_fini(&summary);
	return rc;
}

static void find_writers(struct pass *p, const struct ctf_stream *s)
{
	const struct ctf_type *context = s->class->event_context;
	int pid, tid;

	p->in_packet = !p->is_own && has_field(s->class->packet_context, "pid", "vpid");
	p->in_events = !p->is_own && !p->in_packet && has_field(context, "pid", "vpid");
	if (!p->in_events)
		return;
	pid = ctf_struct_find(context, "pid");
	if (pid < 0)
		pid = ctf_struct_find(context, "vpid");
	tid = ctf_struct_find(context, "tid");
	if (tid < 0)
		tid = ctf_struct_find(context, "vtid");
	p->is_watched =
		ctf_watch_init(&p->watch, s, (uint32_t)pid, (uint32_t)(tid < 0 ? pid : tid));
}

/* Some packets of a stream: `end` is no more of them. */
static int count_packets(struct census *c, const struct ctf_stream *s, size_t begin, size_t end,
			 struct census_class *classes, struct str *summaries, struct diag *diag)
{
	const struct ctf_stream_class *sc = s->class;
	struct pass p = {.count = c, .classes = classes, .summaries = summaries};
	int rc = 0, failed = 0;

	p.is_own = sc->n_events && classes[0].is_own;
	p.tally = calloc(sc->n_events + 1, sizeof(*p.tally));
	if (!p.tally)
		return -ENOMEM;
	find_writers(&p, s);
	ctf_cursor_init(&p.cursor, s, p.is_own || p.in_events ? CTF_WANT_FIELDS : CTF_WANT_NONE);
	ctf_cursor_limit(&p.cursor, WINDOW_BYTES);
	for (size_t i = begin; i < end && rc != -ENOMEM; i++) {
		rc = count_packet(&p, &s->packets[i], diag);
		failed = rc ? rc : failed;
	}
	ctf_cursor_fini(&p.cursor);
	ctf_summary_fini(&p.summary);
	free(p.tally);
	return failed;
}

/* --- several threads ------------------------------------------------------------- */

/* What one thread takes at a time. Packets are independent of each other where they say when they
 * begin. */
struct job {
	const struct ctf_stream *stream;
	size_t begin, end; /* packets */
	struct str summaries;
	struct diag diag;
	int error;
};

struct crew {
	struct VEC(struct job) jobs;
	const size_t *first; /* of a stream class's classes */
	_Atomic size_t next; /* job; relaxed: whoever joins the threads sees what they did */
};

struct worker {
	pthread_t thread;
	struct crew *crew;
	struct census part; /* what its jobs found */
};

static int add_jobs(struct crew *crew, const struct ctf_stream *s)
{
	struct job job = {.stream = s};
	uint64_t bytes = 0;
	bool splits = true;

	for (size_t i = 0; i < s->n_packets; i++)
		splits &= s->packets[i].has_begin || !s->class->default_clock;
	for (size_t i = 0; i < s->n_packets; i++) {
		bytes += s->packets[i].total_bits / 8;
		if (i + 1 < s->n_packets && (!splits || bytes < JOB_BYTES))
			continue;
		job.end = i + 1;
		if (vec_push(&crew->jobs, job))
			return -ENOMEM;
		job.begin = i + 1;
		bytes = 0;
	}
	return 0;
}

static void *work(void *data)
{
	struct worker *w = data;
	struct crew *crew = w->crew;
	size_t i;

	while ((i = atomic_fetch_add_explicit(&crew->next, 1, memory_order_relaxed)) <
	       crew->jobs.len) {
		struct job *job = &crew->jobs.items[i];

		job->error = count_packets(&w->part, job->stream, job->begin, job->end,
					   w->part.classes.items +
						   crew->first[job->stream->class->index],
					   &job->summaries, &job->diag);
	}
	return NULL;
}

/* A part's findings are the whole's. Its own events were counted by the whole itself. */
static int add_part(struct census *c, const struct census *part)
{
	const struct census_process *from;
	uint64_t tid, one;
	int rc = 0;

	for (size_t i = 0; i < c->classes.len; i++) {
		c->classes.items[i].events += part->classes.items[i].events;
		c->classes.items[i].bits += part->classes.items[i].bits;
	}
	if (part->has_time) {
		see_ns(c, part->begin_ns);
		see_ns(c, part->end_ns);
	}
	vec_each(from, &part->processes) {
		struct census_process *to = find_process(c, from->pid);
		size_t it = 0;

		if (!to)
			return -ENOMEM;
		to->events += from->events;
		while (!rc && map_next_u64(&from->threads, &it, &tid, &one))
			rc = map_put_u64(&to->threads, tid, one);
	}
	return rc;
}

static size_t n_processors(void)
{
	cpu_set_t set;
	size_t n = sched_getaffinity(0, sizeof(set), &set) ? 1 : (size_t)CPU_COUNT(&set);

	return n < MAX_WORKERS ? n : MAX_WORKERS;
}

static int worker_init(struct worker *w, struct crew *crew, const struct census *c)
{
	*w = (struct worker){.crew = crew, .part = {.trace = c->trace, .anchors = c->anchors}};
	for (size_t i = 0; i < c->classes.len; i++) {
		struct census_class class = {.class = c->classes.items[i].class,
					     .is_own = c->classes.items[i].is_own};

		if (vec_push(&w->part.classes, class))
			return -ENOMEM;
	}
	return 0;
}

/* Runs all jobs; with one thread less than wished for, or none, when there are no more. */
static int run_jobs(struct census *c, struct crew *crew)
{
	struct worker workers[MAX_WORKERS];
	size_t n = n_processors(), started = 1;
	int rc = 0;

	if (n > crew->jobs.len)
		n = crew->jobs.len ? crew->jobs.len : 1;
	for (size_t i = 0; i < n; i++)
		rc = worker_init(&workers[i], crew, c) ? -ENOMEM : rc;
	while (!rc && started < n &&
	       !pthread_create(&workers[started].thread, NULL, work, &workers[started]))
		started++;
	if (!rc)
		work(&workers[0]);
	for (size_t i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	for (size_t i = 0; i < n; i++) {
		if (!rc)
			rc = add_part(c, &workers[i].part);
		census_fini(&workers[i].part);
	}
	return rc;
}

static bool is_own_stream(const struct census *c, const struct ctf_stream *s, const size_t *first)
{
	return s->class->n_events && c->classes.items[first[s->class->index]].is_own;
}

/* Keeps it for the next time, when the trace is whole and worth it. What cannot be kept is no loss. */
static void keep_index(const struct census *c, const struct str *summaries, const struct diag *diag)
{
	const struct ctf_trace *t = c->trace;
	struct str path = {0};
	char *slash;

	bool is_whole = !t->is_damaged && (!diag || !diag->len);

	if (c->index && c->bytes >= INDEX_WORTH_BYTES && is_whole && !t->sidecar.len) {
		str_add(&path, c->index);
		slash = path.failed ? NULL : strrchr(path.data, '/');
		if (slash) {
			*slash = '\0';
			fs_make_dirs(path.data);
			ctf_sidecar_write(t, summaries, c->index);
		}
	}
	str_fini(&path);
}

/* Whether all that was asked of the streams' packets is there. */
static bool has_index(const struct census *c)
{
	const struct ctf_trace *t = c->trace;

	for (size_t i = 0; i < t->n_streams; i++)
		if (!t->streams[i].summaries.len && t->streams[i].n_packets)
			return false;
	return t->sidecar.len > 0;
}

/* The recorder's own events come first, in their order; all others are anyone's. */
static int count_all(struct census *c, const size_t *first, struct diag *diag)
{
	const struct ctf_trace *t = c->trace;
	struct crew crew = {.first = first};
	struct job *job;
	int rc = 0, failed = 0;

	struct str *summaries = calloc(t->n_streams + 1, sizeof(*summaries));
	bool by_index = has_index(c);

	if (!summaries)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_streams && rc != -ENOMEM; i++) {
		const struct ctf_stream *s = &t->streams[i];
		struct census_class *classes = c->classes.items + first[s->class->index];

		count_losses(c, s);
		rc = -EBADMSG;
		if (is_own_stream(c, s, first))
			rc = count_packets(c, s, 0, s->n_packets, classes, &summaries[i], diag);
		else if (by_index)
			rc = count_by_index(c, s, classes);
		if (rc == -EBADMSG)
			rc = add_jobs(&crew, s);
		failed = rc ? rc : failed;
	}
	if (rc != -ENOMEM && (rc = run_jobs(c, &crew)))
		failed = rc;
	vec_each(job, &crew.jobs) {
		struct str *all = &summaries[job->stream->index];

		str_add_bytes(all, str_c(&job->summaries), job->summaries.len);
		all->failed |= job->summaries.failed;
		diag_move(diag, &job->diag);
		failed = job->error && failed != -ENOMEM ? job->error : failed;
		str_fini(&job->summaries);
	}
	vec_fini(&crew.jobs);
	for (size_t i = 0; i < t->n_streams; i++)
		if (summaries[i].failed)
			failed = -ENOMEM;
	if (!failed)
		keep_index(c, summaries, diag);
	for (size_t i = 0; i < t->n_streams; i++)
		str_fini(&summaries[i]);
	free(summaries);
	return failed;
}

/* The counters of all classes; those of stream class i begin at first[i]. */
static int make_classes(struct census *c, size_t *first)
{
	const struct ctf_trace_class *tc = c->trace->class;

	for (size_t s = 0; s < tc->n_streams; s++) {
		first[s] = c->classes.len;
		for (size_t e = 0; e < tc->streams[s]->n_events; e++) {
			const struct ctf_event_class *ec = tc->streams[s]->events[e];
			struct census_class count = {.class = ec};

			count.is_own = trace_is_own(c->trace, ec);
			if (vec_push(&c->classes, count))
				return -ENOMEM;
		}
	}
	return 0;
}

static int by_count(const void *a, const void *b)
{
	const struct census_class *x = a, *y = b;

	if (x->events != y->events)
		return x->events < y->events ? 1 : -1;
	return strcmp(x->class->name ? x->class->name : "", y->class->name ? y->class->name : "");
}

static int by_process_events(const void *a, const void *b)
{
	const struct census_process *x = a, *y = b;

	if (x->events != y->events)
		return x->events < y->events ? 1 : -1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* One event of several stream classes (processes with other programs) is one row. */
static void merge_classes(struct census *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->classes.len; i++) {
		struct census_class *class = &c->classes.items[i];
		size_t k = 0;

		for (; k < kept; k++) {
			const char *name = c->classes.items[k].class->name;

			if (name && class->class->name && !strcmp(name, class->class->name))
				break;
		}
		if (k == kept) {
			c->classes.items[kept++] = *class;
		} else {
			c->classes.items[k].events += class->events;
			c->classes.items[k].bits += class->bits;
		}
	}
	c->classes.len = kept;
}

int census_take(struct census *c, struct diag *diag)
{
	const struct ctf_trace *t = c->trace;
	size_t *first = calloc(t->class->n_streams + 1, sizeof(*first));
	int rc = first ? make_classes(c, first) : -ENOMEM, failed = rc;

	if (!rc)
		failed = count_all(c, first, diag);
	free(first);
	for (size_t i = 0; i < t->n_files; i++)
		if (t->files[i].bytes_bad && !failed)
			failed = -EINVAL; /* the reader has said where */
	merge_classes(c);
	for (size_t i = 0; i < c->classes.len; i++) {
		const struct census_class *class = &c->classes.items[i];

		*(class->is_own ? &c->own_events : &c->events) += class->events;
		c->event_bits += class->bits;
	}
	if (c->classes.len)
		qsort(c->classes.items, c->classes.len, sizeof(*c->classes.items), by_count);
	if (c->processes.len)
		qsort(c->processes.items, c->processes.len, sizeof(*c->processes.items),
		      by_process_events);
	return failed;
}

uint64_t census_duration_ns(const struct census *c)
{
	return c->has_time ? (uint64_t)c->end_ns - (uint64_t)c->begin_ns : 0;
}

/* The recorder's word, where there is one: it knows also of losses behind the last packet. */
uint64_t census_lost(const struct census *c)
{
	return c->session.is_there && c->session.lost > c->lost_events ? c->session.lost
								       : c->lost_events;
}

void census_fini(struct census *c)
{
	struct census_process *p;

	vec_each(p, &c->processes) {
		map_fini(&p->threads);
	}
	vec_fini(&c->classes);
	vec_fini(&c->processes);
	map_fini(&c->process_index);
	arena_fini(&c->arena);
}
