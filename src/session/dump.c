/* SPDX-License-Identifier: MIT */
#include "session/dump.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

enum { PACKET_BYTES = 48 << 10, TEXT_MAX = 4096 };

void dump_fini(struct dump *d)
{
	free(d->data);
	d->data = NULL;
	d->size = d->cap = 0;
}

bool dump_is_full(const struct dump *d)
{
	return d->size >= PACKET_BYTES;
}

bool dump_take(struct dump *d, struct packet *out)
{
	if (!d->events)
		return false;
	*out = (struct packet){
		.stream = MODEL_DUMP_STREAM,
		.is_own = true,
		.pid = (uint32_t)getpid(),
		.tid = (uint32_t)getpid(),
		.procname = "piste",
		.begin = d->begin,
		.end = d->end,
		.events = d->events,
		.data = d->data,
		.size = d->content,
		.slot = -1,
		.to_free = d->data,
	};
	d->data = NULL;
	d->size = d->cap = 0;
	d->content = 0;
	d->events = 0;
	return true;
}

static void add(struct dump *d, const void *p, size_t len)
{
	if (d->size + len > d->cap) {
		size_t cap = d->cap ? d->cap * 2 : PACKET_BYTES + 8192;
		uint8_t *grown;

		while (cap < d->size + len)
			cap *= 2;
		grown = realloc(d->data, cap);
		if (!grown) {
			d->failed = true;
			return;
		}
		d->data = grown;
		d->cap = cap;
	}
	memcpy(d->data + d->size, p, len);
	d->size += len;
}

/* 'u': uint32_t, 'U': uint64_t, 's': text */
static void dump_event(struct dump *d, enum model_dump_event id, const char *letters, ...)
{
	uint64_t now = model_ticks_now(d->model), u64;
	struct piste_record record = {.id = (uint16_t)id};
	size_t start;
	const char *text;
	uint32_t u32;
	va_list ap;

	while (d->size % 4)
		add(d, "", 1);
	start = d->size;
	if (now < d->end)
		now = d->end;
	record.ticks_low = (uint32_t)now;
	record.ticks_high = (uint32_t)(now >> 32);
	add(d, &record, PISTE_RECORD_HEADER);
	va_start(ap, letters);
	for (; *letters; letters++) {
		switch (*letters) {
		case 'u':
			u32 = va_arg(ap, uint32_t);
			add(d, &u32, 4);
			break;
		case 'U':
			u64 = va_arg(ap, uint64_t);
			add(d, &u64, 8);
			break;
		default:
			text = va_arg(ap, const char *);
			add(d, text, strnlen(text, TEXT_MAX));
			add(d, "", 1);
		}
	}
	va_end(ap);
	if (d->failed) {
		d->size = start;
		d->failed = false;
		return;
	}
	record.size = (uint16_t)(d->size - start);
	memcpy(d->data + start, &record, PISTE_RECORD_HEADER);
	if (!d->events)
		d->begin = now;
	d->end = now;
	d->events++;
	d->content = (uint32_t)d->size;
}

void dump_process_start(struct dump *d, const struct dump_process *p)
{
	char cmdline[TEXT_MAX];
	uint32_t n = p->cmdline_size < sizeof(cmdline) - 1 ? p->cmdline_size : sizeof(cmdline) - 1;

	while (n && !p->cmdline[n - 1])
		n--;
	for (uint32_t i = 0; i < n; i++)
		cmdline[i] = p->cmdline[i] ? p->cmdline[i] : ' ';
	cmdline[n] = '\0';
	dump_event(d, MODEL_DUMP_PROCESS_START, "uuUsss", p->pid, p->ppid, p->created, p->comm,
		   p->exe, cmdline);
}

void dump_process_end(struct dump *d, uint32_t pid, uint32_t status, uint64_t recorded,
		      uint64_t lost, uint64_t bytes, uint64_t dropped_bytes)
{
	dump_event(d, MODEL_DUMP_PROCESS_END, "uuUUUU", pid, status, recorded, lost, bytes,
		   dropped_bytes);
}

static const struct table_object *object_of(const struct objects *o, const char *path,
					    uint64_t base)
{
	const struct table_object *object;

	vec_each(object, &o->list)
		if (object->record.base == base ||
		    (object->record.path[0] && !strcmp(object->record.path, path)))
			return object;
	return NULL;
}

static void hex(char *out, const uint8_t *bytes, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
	out[2 * size] = '\0';
}

struct mapping {
	uint64_t base, end;
	char path[TEXT_MAX];
};

static void dump_mapping(struct dump *d, uint32_t pid, const struct mapping *m,
			 const struct objects *objects)
{
	const struct table_object *object = object_of(objects, m->path, m->base);
	char build_id[41] = "";

	if (object)
		hex(build_id, object->record.build_id, object->record.build_id_size);
	dump_event(d, MODEL_DUMP_MAPPING, "uUUss", pid, m->base, m->end - m->base, m->path,
		   build_id);
}

/* The files that are mapped, each from its first to its last address. */
static bool dump_maps(struct dump *d, uint32_t pid, const struct objects *objects)
{
	_cleanup_(freep) char *text = NULL;
	struct mapping m = {0};
	char path[48], *save = NULL;
	bool any;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	if (fs_read_file(AT_FDCWD, path, 16 << 20, &text, NULL))
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned long long from, to, offset;
		int at = 0;

		if (sscanf(line, "%llx-%llx %*s %llx %*s %*s %n", &from, &to, &offset, &at) < 3 ||
		    !at || line[at] != '/' || !strncmp(line + at, "/memfd:", 7))
			continue;
		if (!strncmp(line + at, m.path, sizeof(m.path) - 1)) {
			m.end = to;
			continue;
		}
		if (m.path[0])
			dump_mapping(d, pid, &m, objects);
		m.base = from - offset;
		m.end = to;
		snprintf(m.path, sizeof(m.path), "%s", line + at);
	}
	any = m.path[0];
	if (any)
		dump_mapping(d, pid, &m, objects);
	return any; /* one that has just ended has none */
}

void dump_mappings(struct dump *d, uint32_t pid, const struct objects *objects, bool is_alive)
{
	const struct table_object *object;

	if (is_alive && dump_maps(d, pid, objects))
		return;
	vec_each(object, &objects->list) {
		struct mapping m = {.base = object->record.base, .end = object->record.base};

		snprintf(m.path, sizeof(m.path), "%s", object->record.path);
		dump_mapping(d, pid, &m, objects);
	}
}

void dump_anchor(struct dump *d, const struct clock_anchor *a)
{
	dump_event(d, MODEL_DUMP_ANCHOR, "UUUu", a->ticks, a->monotonic_ns,
		   (uint64_t)a->realtime_ns, a->width_ticks);
}

void dump_session_end(struct dump *d, const struct dump_session *s)
{
	dump_event(d, MODEL_DUMP_SESSION_END, "UUUUUUUUUU", s->events, s->bytes, s->lost,
		   s->overwritten, s->dropped_bytes, s->recorder_cpu_ns, s->kernel_events,
		   s->kernel_lost, s->limited, s->ring_bytes);
}
