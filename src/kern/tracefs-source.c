/* SPDX-License-Identifier: MIT */
/*
 * tracefs-source.c - a CPU's pages on their way: read into `page`, taken apart
 * (page.h), each record packed (format.h) to the end of `out`, from where the
 * caller takes them.
 */
#include "kern/tracefs-source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "kern/task-pids.h"
#include "kern/tracefs-filter.h"
#include "kern/tracefs-instance.h"
#include "piste/wire/pool.h"

enum {
	PAGE_BYTES = 64 << 10, /* the largest there is */
	OUT_BYTES = 1 << 20,
	/* what a page may become: a record of the kernel has at least 12 bytes, ours 20 more, up to 8 */
	PAGE_GROWTH = 4,
	STATS_MAX = 1024,
	SECOND_NS = 1000000000,
	TID_AT = 12, /* in a record; the pid is behind it */
	CLONE_THREAD_FLAG = 0x00010000, /* linux/sched.h */
};

struct event {
	const struct tracepoint *point;
	uint16_t id;
	bool is_wanted;
};

/* How many of an event came in the second at hand. */
struct rate {
	uint64_t second;
	uint64_t n;
};

struct cpu {
	int pipe, stats; /* per_cpu/cpuN/trace_pipe_raw and stats; -1: it is not there */
	uint8_t *out;
	size_t begin, end; /* in out: what is not consumed */
	size_t resolved; /* … up to where records have their pid */
	uint64_t lost, dropped; /* by the kernel; by us, since they do not fit their format */
	struct rate *rates; /* one an event; NULL without a limit */
};

/* Where task:task_newtask has what is needed of it. */
struct newtask {
	uint16_t id; /* of the kernel's; 0: none */
	const struct format_place *tid, *flags;
};

struct tracefs_source {
	struct tracefs_instance instance;
	struct page_layout layout;
	struct VEC(struct event) events;
	uint16_t *by_kernel_id; /* 1 + place in events; 0: none */
	struct newtask newtask;
	struct tracepoints own; /* task:task_newtask, where the caller does not want it */
	struct task_pids pids;
	struct cpu *cpus;
	unsigned n_cpus;
	uint32_t own_pid; /* to leave out; 0: none */
	bool has_looked; /* at all CPUs, for where a thread belongs, during this read */
	uint64_t max_rate, limited;
	uint8_t *page;
};

/* --- records --------------------------------------------------------------------- */

static uint64_t read_int(struct span record, const struct format_place *place)
{
	uint64_t value = 0;

	if (place->size <= sizeof(value) && (size_t)place->offset + place->size <= record.len)
		memcpy(&value, record.data + place->offset, place->size);
	return value;
}

/* A task began: it is known to which process it belongs. */
static void learn_task(struct tracefs_source *s, struct span record, uint32_t creator)
{
	uint32_t tid = (uint32_t)read_int(record, s->newtask.tid), pid = tid;

	if (read_int(record, s->newtask.flags) & CLONE_THREAD_FLAG &&
	    !task_pids_find(&s->pids, creator, &pid))
		task_pids_forget(&s->pids, tid);
	else
		task_pids_set(&s->pids, tid, pid);
}

static bool is_over_rate(struct tracefs_source *s, struct cpu *cpu, size_t event, uint64_t time)
{
	struct rate *rate;

	if (!s->max_rate)
		return false;
	rate = &cpu->rates[event];
	if (rate->second != time / SECOND_NS)
		*rate = (struct rate){.second = time / SECOND_NS};
	return rate->n++ >= s->max_rate;
}

static void put_record(struct cpu *cpu, const struct event *event, const struct page_record *from,
		       uint32_t tid)
{
	uint8_t *out = cpu->out + cpu->end;
	size_t room = OUT_BYTES - cpu->end, size;
	int payload;

	room = room < PISTE_RECORD_MAX ? room : PISTE_RECORD_MAX;
	payload = room < KERN_RECORD_HEAD + 8
			  ? -ENOSPC
			  : format_pack(&event->point->format, from->bytes, out + KERN_RECORD_HEAD,
					room - KERN_RECORD_HEAD - 8);
	if (payload < 0) {
		cpu->dropped++;
		return;
	}
	size = KERN_RECORD_HEAD + (size_t)payload;
	memcpy(out, &event->id, 2);
	memcpy(out + 2, &(uint16_t){(uint16_t)size}, 2);
	memcpy(out + 4, &from->time, 8);
	memcpy(out + TID_AT, &tid, 4); /* the pid follows when it is known */
	memset(out + size, 0, -size & 7);
	cpu->end += (size + 7) & ~(size_t)7;
}

static void take_record(struct tracefs_source *s, struct cpu *cpu, const struct page_record *record)
{
	uint16_t kernel_id, place;
	const struct event *event;
	uint32_t tid;

	if (record->bytes.len < sizeof(kernel_id)) {
		cpu->dropped++;
		return;
	}
	memcpy(&kernel_id, record->bytes.data, sizeof(kernel_id));
	place = s->by_kernel_id[kernel_id];
	if (!place)
		return; /* switched on by somebody else: theirs */
	event = &s->events.items[place - 1];
	tid = (uint32_t)read_int(record->bytes,
				 &(struct format_place){event->point->format.pid_offset, 4, 0});
	if (kernel_id == s->newtask.id)
		learn_task(s, record->bytes, tid);
	if (!event->is_wanted)
		return;
	if (is_over_rate(s, cpu, place - 1u, record->time))
		s->limited++;
	else
		put_record(cpu, event, record, tid);
}

/* One page; false: there is none. */
static bool take_page(struct tracefs_source *s, struct cpu *cpu)
{
	ssize_t n = read(cpu->pipe, s->page, PAGE_BYTES);
	struct page_record record;
	struct page page;
	int rc;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	rc = page_open(&page, &s->layout, (struct span){s->page, (size_t)n});
	while (!rc && (rc = page_next(&page, &record)) > 0) {
		take_record(s, cpu, &record);
		rc = 0;
	}
	if (rc < 0)
		cpu->dropped++; /* at least */
	return true;
}

/* The number behind a line's name. */
static uint64_t find_number(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

static void read_stats(struct cpu *cpu)
{
	char text[STATS_MAX];
	ssize_t n = pread(cpu->stats, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	cpu->lost = find_number(text, "\ncommit overrun: ") + find_number(text, "\noverrun: ") +
		    find_number(text, "\ndropped events: ");
}

static void fill(struct tracefs_source *s, struct cpu *cpu)
{
	size_t grown = (size_t)PAGE_GROWTH * (size_t)sysconf(_SC_PAGESIZE);

	if (cpu->pipe < 0)
		return;
	if (cpu->begin == cpu->end)
		cpu->begin = cpu->end = cpu->resolved = 0;
	while (OUT_BYTES - cpu->end >= grown && take_page(s, cpu))
		;
}

/* A thread that is gone already began, perhaps, on a CPU whose pages are still to be read. */
static uint32_t find_pid(struct tracefs_source *s, uint32_t tid)
{
	uint32_t pid;

	if (task_pids_find(&s->pids, tid, &pid))
		return pid;
	for (unsigned i = 0; !s->has_looked && i < s->n_cpus; i++)
		fill(s, &s->cpus[i]);
	s->has_looked = true;
	if (!task_pids_find(&s->pids, tid, &pid)) {
		pid = tid; /* the best guess, and for good */
		task_pids_set(&s->pids, tid, pid);
	}
	return pid;
}

/* Fills in the pid of each new record; those of this process become padding. */
static void resolve(struct tracefs_source *s, struct cpu *cpu)
{
	static const uint16_t pad = KERN_ID_PAD;
	uint32_t tid, last = 0, pid = 0;
	uint16_t size, padded;

	for (; cpu->resolved < cpu->end; cpu->resolved += padded) {
		uint8_t *record = cpu->out + cpu->resolved;

		memcpy(&size, record + 2, sizeof(size));
		memcpy(&tid, record + TID_AT, sizeof(tid));
		padded = (uint16_t)((size + 7) & ~7);
		if (tid != last)
			pid = find_pid(s, tid);
		last = tid;
		memcpy(record + TID_AT + 4, &pid, sizeof(pid));
		if (s->own_pid && pid == s->own_pid) {
			memcpy(record, &pad, sizeof(pad));
			memcpy(record + 2, &padded, sizeof(padded));
		}
	}
}

struct span tracefs_source_read(struct tracefs_source *s, unsigned n)
{
	struct cpu *cpu = &s->cpus[n];

	if (cpu->pipe < 0)
		return (struct span){0};
	fill(s, cpu);
	s->has_looked = false;
	resolve(s, cpu);
	read_stats(cpu);
	return (struct span){cpu->out + cpu->begin, cpu->end - cpu->begin};
}

void tracefs_source_consume(struct tracefs_source *s, unsigned cpu, size_t bytes)
{
	s->cpus[cpu].begin += bytes;
}

uint64_t tracefs_source_lost(const struct tracefs_source *s, unsigned cpu)
{
	return s->cpus[cpu].lost + s->cpus[cpu].dropped;
}

uint64_t tracefs_source_limited(const struct tracefs_source *s)
{
	return s->limited;
}

unsigned tracefs_source_cpus(const struct tracefs_source *s)
{
	return s->n_cpus;
}

/* --- set-up ------------------------------------------------------------------------ */

static int add_event(struct tracefs_source *s, const struct tracepoint *point, uint16_t id,
		     bool is_wanted)
{
	struct event event = {point, id, is_wanted};

	if (point->format.id > UINT16_MAX)
		return -EINVAL;
	if (vec_push(&s->events, event))
		return -ENOMEM;
	s->by_kernel_id[point->format.id] = (uint16_t)s->events.len;
	return 0;
}

static const struct format_place *place_of(const struct format *f, const char *name)
{
	for (size_t i = 0; i < f->n_fields; i++)
		if (!strcmp(f->fields[i].name, name) && f->fields[i].kind == KERN_INTEGER)
			return &f->places[i];
	return NULL;
}

/* Not there, or other than it was: /proc has to do. */
static int add_newtask(struct tracefs_source *s, const struct tracefs *t)
{
	struct tracepoint point = {.name = "task:task_newtask"};
	const struct format *f;
	struct event *event;
	int rc;

	vec_each(event, &s->events)
		if (!strcmp(event->point->name, point.name))
			break;
	if (!event || event == s->events.items + s->events.len) {
		rc = vec_push(&s->own.items, point)
			     ? -ENOMEM
			     : tracepoint_read_format(&s->own, s->own.items.items, t, NULL, NULL);
		if (!rc)
			rc = add_event(s, s->own.items.items, 0, false);
		if (rc)
			return rc == -ENOMEM ? rc : 0;
		event = &s->events.items[s->events.len - 1];
	}
	f = &event->point->format;
	s->newtask.tid = place_of(f, "pid");
	s->newtask.flags = place_of(f, "clone_flags");
	if (s->newtask.tid && s->newtask.flags)
		s->newtask.id = (uint16_t)f->id;
	return 0;
}

static int read_layout(struct tracefs_source *s, const struct tracefs *t, struct diag *diag)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int rc = tracefs_read(t->fd, "events/header_page", &text, &len);

	if (rc) {
		diag_error(diag, &(struct diag_place){.file = "events/header_page"}, "%s",
			   strerror(-rc));
		return rc;
	}
	return page_layout_parse(&s->layout, (struct span){(uint8_t *)text, len}, diag);
}

static int open_cpu(struct tracefs_source *s, unsigned n)
{
	struct cpu *cpu = &s->cpus[n];
	char path[64];

	snprintf(path, sizeof(path), "per_cpu/cpu%u/trace_pipe_raw", n);
	cpu->pipe = openat(s->instance.dir, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (cpu->pipe < 0)
		return errno == ENOENT ? 0 : -errno; /* a CPU that is not there */
	snprintf(path, sizeof(path), "per_cpu/cpu%u/stats", n);
	cpu->stats = openat(s->instance.dir, path, O_RDONLY | O_CLOEXEC);
	cpu->out = malloc(OUT_BYTES);
	if (s->max_rate)
		cpu->rates = calloc(s->events.len, sizeof(*cpu->rates));
	if (cpu->stats < 0)
		return -errno;
	return cpu->out && (cpu->rates || !s->max_rate) ? 0 : -ENOMEM;
}

static int open_cpus(struct tracefs_source *s)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	int rc = 0;

	s->cpus = calloc(n > 0 ? (size_t)n : 1, sizeof(*s->cpus));
	if (!s->cpus)
		return -ENOMEM;
	for (; !rc && s->n_cpus < (unsigned)n; s->n_cpus++) {
		s->cpus[s->n_cpus] = (struct cpu){.pipe = -1, .stats = -1};
		rc = open_cpu(s, s->n_cpus);
	}
	return rc;
}

/* Who is recorded: nobody until there is a task, or all but the calling thread, whose process is
 * also left out when its records are read. */
static int set_scope(struct tracefs_source *s, enum kern_scope_kind scope)
{
	char tid[16];

	/* a task that never runs a step holds the list, since an empty one is everybody */
	snprintf(tid, sizeof(tid), "%d",
		 scope == KERN_SCOPE_SYSTEM ? (int)gettid() : (int)s->instance.guard);
	if (scope != KERN_SCOPE_SYSTEM)
		return tracefs_write(s->instance.dir, "set_event_pid", tid);
	s->own_pid = (uint32_t)getpid();
	tracefs_write(s->instance.dir, "set_event_notrace_pid", tid); /* since 5.7; saves work */
	return 0;
}

static int event_write(struct tracefs_source *s, const struct event *event, const char *file,
		       const char *text)
{
	const char *colon = strchr(event->point->name, ':');
	char path[512];

	snprintf(path, sizeof(path), "events/%.*s/%s/%s", (int)(colon - event->point->name),
		 event->point->name, colon + 1, file);
	return tracefs_write(s->instance.dir, path, text);
}

/* Filters what can be, and switches on what may match. */
static int enable(struct tracefs_source *s, const struct event *event,
		  const struct tracefs_source_options *o)
{
	struct str text = {0};
	int rc = 0;

	if (event->is_wanted && o->n_filter) {
		rc = tracefs_filter_text(&text, o->filter, o->n_filter, &event->point->format);
		if (!rc && !text.failed)
			event_write(s, event, "filter", str_c(&text)); /* else the reader filters */
		str_fini(&text);
		if (rc == -ENOENT)
			return 0; /* never matches */
	}
	rc = event_write(s, event, "enable", "1");
	return rc;
}

static int enable_all(struct tracefs_source *s, const struct tracefs_source_options *o,
		      struct diag *diag)
{
	const struct event *event;

	vec_each(event, &s->events) {
		struct diag_place place = {.file = event->point->name};
		int rc = enable(s, event, o);

		if (rc && event->is_wanted) {
			diag_error(diag, &place, "cannot be switched on: %s", strerror(-rc));
			return rc;
		}
	}
	return 0;
}

int tracefs_source_new(struct tracefs_source **out, const struct tracefs *t,
		       const struct tracefs_source_options *o, struct diag *diag)
{
	const struct tracefs_instance_options instance = {
		.clock = o->clock ? o->clock : "mono",
		.ring_bytes = o->ring_bytes,
		.follow_forks = o->scope != KERN_SCOPE_SYSTEM,
	};
	struct tracefs_source *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (s && (s->page = malloc(PAGE_BYTES)) &&
	    (s->by_kernel_id = calloc(UINT16_MAX + 1, sizeof(*s->by_kernel_id)))) {
		s->max_rate = o->max_rate;
		rc = read_layout(s, t, diag);
	}
	for (size_t i = 0; !rc && i < o->n_events; i++)
		rc = add_event(s, o->events[i].point, o->events[i].id, true);
	if (!rc)
		rc = add_newtask(s, t);
	if (!rc)
		rc = tracefs_instance_make(&s->instance, t, &instance, diag);
	if (!rc)
		rc = open_cpus(s);
	if (!rc)
		rc = set_scope(s, o->scope);
	if (!rc)
		rc = enable_all(s, o, diag);
	if (!rc) {
		*out = s;
		return 0;
	}
	if (diag && !diag->errors)
		diag_error(diag, NULL, "tracepoints by tracefs: %s", strerror(-rc));
	tracefs_source_free(s);
	return rc;
}

void tracefs_source_free(struct tracefs_source *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n_cpus; i++) {
		if (s->cpus[i].pipe >= 0)
			close(s->cpus[i].pipe);
		if (s->cpus[i].stats >= 0)
			close(s->cpus[i].stats);
		free(s->cpus[i].out);
		free(s->cpus[i].rates);
	}
	tracefs_instance_fini(&s->instance);
	tracepoints_fini(&s->own);
	task_pids_fini(&s->pids);
	vec_fini(&s->events);
	free(s->by_kernel_id);
	free(s->cpus);
	free(s->page);
	free(s);
}

int tracefs_source_add_task(struct tracefs_source *s, uint32_t tid)
{
	char text[16];

	snprintf(text, sizeof(text), "%" PRIu32, tid);
	return tracefs_write(s->instance.dir, "set_event_pid", text);
}

int tracefs_source_run(struct tracefs_source *s, bool on)
{
	return tracefs_instance_run(&s->instance, on);
}
