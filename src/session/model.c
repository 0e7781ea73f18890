/* SPDX-License-Identifier: MIT */
#include "session/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* --- types ---------------------------------------------------------------- */

static const struct ctf_type *packet_header_type(struct arena *a)
{
	struct ctf_type *s = ctf_type_struct(a, 1);

	ctf_struct_add(a, s, "magic", ctf_type_hex(a, 32, 8));
	ctf_struct_add(a, s, "uuid",
		       ctf_type_array(a, ctf_type_integer_aligned(a, 8, false, 8), 16));
	ctf_struct_add(a, s, "stream_id", ctf_type_integer_aligned(a, 32, false, 8));
	return s;
}

/* Begins at byte 64 of a packet, ends at 136. */
static const struct ctf_type *packet_context_type(struct arena *a, const struct ctf_clock *clock)
{
	struct ctf_type *s = ctf_type_struct(a, 512);

	ctf_struct_add(a, s, "timestamp_begin", ctf_type_clock_value(a, 64, 8, clock));
	ctf_struct_add(a, s, "timestamp_end", ctf_type_clock_value(a, 64, 8, clock));
	ctf_struct_add(a, s, "content_size", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "packet_size", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "events_discarded", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "packet_seq_num", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "pid", ctf_type_integer_aligned(a, 32, false, 8));
	ctf_struct_add(a, s, "tid", ctf_type_integer_aligned(a, 32, false, 8));
	ctf_struct_add(a, s, "procname", ctf_type_array(a, ctf_type_character(a), 16));
	return s;
}

/* The u16 between id and timestamp, where our records keep their size, is padding to CTF. */
static const struct ctf_type *event_header_type(struct arena *a, const struct ctf_clock *clock)
{
	struct ctf_type *s = ctf_type_struct(a, 32);

	ctf_struct_add(a, s, "id", ctf_type_integer_aligned(a, 16, false, 8));
	ctf_struct_add(a, s, "timestamp", ctf_type_clock_value(a, 64, 32, clock));
	return s;
}

struct ctf_stream_class *model_add_stream(struct model *m, const struct ctf_type *packet_context,
					  const struct ctf_type *event_context)
{
	struct ctf_stream_class *sc = ctf_stream_class_add(m->trace, m->trace->n_streams);

	if (!sc)
		return NULL;
	sc->packet_context = packet_context;
	sc->event_header = event_header_type(&m->arena, m->clock);
	sc->default_clock = m->clock;
	sc->event_context = event_context;
	ctf_trace_class_assign_roles(m->trace);
	return arena_failed(&m->arena) ? NULL : sc;
}

static struct ctf_stream_class *stream_class_add(struct model *m, bool has_cpu)
{
	struct arena *a = &m->arena;
	struct ctf_type *context = NULL;

	if (has_cpu) {
		context = ctf_type_struct(a, 1);
		ctf_struct_add(a, context, "cpu_id", ctf_type_integer_aligned(a, 32, false, 8));
	}
	return model_add_stream(m, m->packet_context, context);
}

/* The fields of piste's own events: letters as dump_event() of dump.c takes them. */
static const struct {
	const char *name;
	const char *fields[10][2]; /* type, name */
} dump_events[] = {
	[MODEL_DUMP_PROCESS_START] = {"piste:process_start",
				      {{"u32", "pid"},
				       {"u32", "ppid"},
				       {"u64", "created"},
				       {"str", "comm"},
				       {"str", "exe"},
				       {"str", "cmdline"}}},
	[MODEL_DUMP_PROCESS_END] = {"piste:process_end",
				    {{"u32", "pid"},
				     {"u32", "status"},
				     {"u64", "recorded"},
				     {"u64", "lost"},
				     {"u64", "bytes"},
				     {"u64", "dropped_bytes"}}},
	[MODEL_DUMP_MAPPING] = {"piste:mapping",
				{{"u32", "pid"},
				 {"hex", "base"},
				 {"u64", "size"},
				 {"str", "path"},
				 {"str", "build_id"}}},
	[MODEL_DUMP_ANCHOR] = {"piste:clock_anchor",
			       {{"u64", "ticks"},
				{"u64", "monotonic_ns"},
				{"s64", "realtime_ns"},
				{"u32", "width"}}},
	[MODEL_DUMP_SESSION_END] = {"piste:session_end",
				    {{"u64", "events"},
				     {"u64", "bytes"},
				     {"u64", "lost"},
				     {"u64", "overwritten"},
				     {"u64", "dropped_bytes"},
				     {"u64", "recorder_cpu_ns"},
				     {"u64", "kernel_events"},
				     {"u64", "kernel_lost"},
				     {"u64", "limited"},
				     {"u64", "ring_bytes"}}},
};

static const struct ctf_type *dump_field_type(struct arena *a, const char *letter)
{
	if (!strcmp(letter, "str"))
		return ctf_type_string(a);
	if (!strcmp(letter, "hex"))
		return ctf_type_hex(a, 64, 8);
	return ctf_type_integer_aligned(a, (unsigned)atoi(letter + 1), letter[0] == 's', 8);
}

static int dump_class_add(struct model *m)
{
	struct ctf_stream_class *sc = stream_class_add(m, false);

	for (size_t i = 0; sc && i < sizeof(dump_events) / sizeof(*dump_events); i++) {
		struct ctf_event_class *ec = ctf_event_class_add(sc, i, dump_events[i].name);
		struct ctf_type *s = ctf_type_struct(&m->arena, 8);

		if (!ec)
			return -ENOMEM;
		for (size_t f = 0; f < 10 && dump_events[i].fields[f][0]; f++)
			ctf_struct_add(&m->arena, s, dump_events[i].fields[f][1],
				       dump_field_type(&m->arena, dump_events[i].fields[f][0]));
		ec->payload = s;
		ec->loglevel = PISTE_INFO;
	}
	return sc && !arena_failed(&m->arena) ? 0 : -ENOMEM;
}

/* --- the clock ------------------------------------------------------------ */

uint64_t model_ticks_now(const struct model *m)
{
	return m->use_tsc ? clock_ticks_raw() : clock_monotonic_ns();
}

static uint64_t frequency_hz(const struct model *m)
{
	const struct clock_anchor *first = &m->anchors.items[0],
				  *last = &m->anchors.items[m->anchors.len - 1];
	uint64_t hz;

	if (!m->use_tsc)
		return 1000000000;
	hz = last->monotonic_ns > first->monotonic_ns ? clock_frequency_hz(first, last) : 0;
	return hz ? hz : 1000000000;
}

static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	return (uint64_t)((unsigned __int128)a * b / c);
}

/*
 * Frequency: from the monotonic clock between the first and the last anchor.
 * Offset: so that the mean distance to all anchors is zero, with the
 * wall clock as it was at the first one: a step of it is not our clock's.
 */
static void clock_fit(struct model *m)
{
	const struct clock_anchor *first = &m->anchors.items[0], *a;
	uint64_t hz = frequency_hz(m), width = 0;
	__int128 origin_ns, residue = 0;

	vec_each(a, &m->anchors) {
		__int128 ns = (__int128)mul_div(a->ticks - first->ticks, 1000000000, hz);

		residue += (__int128)(a->monotonic_ns - first->monotonic_ns) - ns;
		if (a->width_ticks > width)
			width = a->width_ticks;
	}
	residue /= (__int128)m->anchors.len;
	origin_ns = (__int128)first->realtime_ns + residue -
		    (__int128)mul_div(first->ticks, 1000000000, hz);
	if (origin_ns < 0) /* a wall clock before 1970 plus the uptime */
		origin_ns = 0;
	m->clock->frequency_hz = hz;
	m->clock->offset_s = (int64_t)(origin_ns / 1000000000);
	m->clock->offset_cycles =
		(int64_t)mul_div((uint64_t)(origin_ns % 1000000000), hz, 1000000000);
	m->clock->precision_cycles = width / 2 + 1;
}

int model_take_anchor(struct model *m, struct clock_anchor *anchor)
{
	clock_anchor_take(anchor, m->use_tsc);
	if (vec_push(&m->anchors, *anchor))
		return -ENOMEM;
	return 0;
}

int64_t model_ticks_to_ns(const struct model *m, uint64_t ticks)
{
	const struct clock_anchor *first = &m->anchors.items[0];
	uint64_t hz = frequency_hz(m);

	if (ticks < first->ticks)
		return first->realtime_ns - (int64_t)mul_div(first->ticks - ticks, 1000000000, hz);
	return first->realtime_ns + (int64_t)mul_div(ticks - first->ticks, 1000000000, hz);
}

uint64_t model_ns_to_ticks(const struct model *m, uint64_t ns)
{
	return mul_div(ns, frequency_hz(m), 1000000000);
}

/* From the monotonic clock's ns to the TSC, or back. */
uint64_t model_convert_ticks(const struct model *m, uint64_t ticks)
{
	const struct clock_anchor *a = &m->anchors.items[m->anchors.len - 1];
	uint64_t hz = frequency_hz(m);

	if (m->use_tsc) {
		if (ticks < a->monotonic_ns)
			return a->ticks - mul_div(a->monotonic_ns - ticks, hz, 1000000000);
		return a->ticks + mul_div(ticks - a->monotonic_ns, hz, 1000000000);
	}
	/* A program that counts TSC ticks while this recorder must not: its frequency is not
	 * known. Its events are placed in order, at the time when they were read. */
	return a->ticks;
}

/* --- life ----------------------------------------------------------------- */

static void uuid_make(uint8_t uuid[16])
{
	if (getrandom(uuid, 16, 0) != 16) {
		uint64_t words[2] = {clock_ticks_raw(), (uint64_t)getpid() << 32};

		memcpy(uuid, words, 16);
	}
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* RFC 4122, version 4 */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

/* What readers of LTTng's kernel traces ask for, and then who it was. */
static void env_add_lttng(struct model *m, const struct utsname *host)
{
	ctf_env_add_text(m->trace, "domain", "kernel");
	ctf_env_add_text(m->trace, "sysname", host->sysname);
	ctf_env_add_text(m->trace, "kernel_version", host->version);
	ctf_env_add_text(m->trace, "tracer_name", "lttng-modules");
	ctf_env_add_int(m->trace, "tracer_major", 2);
	ctf_env_add_int(m->trace, "tracer_minor", 13);
	ctf_env_add_int(m->trace, "tracer_patchlevel", 0);
	ctf_env_add_text(m->trace, "piste_version", PISTE_VERSION);
}

static void env_add_version(struct model *m)
{
	int major = 0, minor = 0, patch = 0;

	(void)(sscanf(PISTE_VERSION, "%d.%d.%d", &major, &minor, &patch));
	ctf_env_add_text(m->trace, "domain", "ust");
	ctf_env_add_text(m->trace, "tracer_name", "piste");
	ctf_env_add_int(m->trace, "tracer_major", major);
	ctf_env_add_int(m->trace, "tracer_minor", minor);
	ctf_env_add_int(m->trace, "tracer_patch", patch);
}

static void env_add(struct model *m, const char *command_line)
{
	struct utsname host = {0};
	char start[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	uname(&host);
	if (gmtime_r(&now, &tm))
		strftime(start, sizeof(start), "%Y-%m-%dT%H:%M:%SZ", &tm);
	ctf_env_add_text(m->trace, "hostname", host.nodename);
	if (m->wants.lttng_names)
		env_add_lttng(m, &host);
	else
		env_add_version(m);
	ctf_env_add_text(m->trace, "kernel_release", host.release);
	ctf_env_add_text(m->trace, "machine", host.machine);
	ctf_env_add_text(m->trace, "start_time", start);
	ctf_env_add_text(m->trace, "command_line", command_line);
	ctf_env_add_text(m->trace, "clock_source", m->use_tsc ? "tsc" : "monotonic");
}

int model_init(struct model *m, unsigned ctf_major, const struct wants *wants,
	       const char *command_line, bool use_tsc)
{
	struct clock_anchor anchor;

	*m = (struct model){.wants = *wants, .use_tsc = use_tsc};
	m->wants.ctf_major = ctf_major;
	m->format = ctf_major == 2 ? CTF_METADATA_JSON : CTF_METADATA_TSDL;
	if (model_take_anchor(m, &anchor))
		return -ENOMEM;
	uuid_make(m->uuid);
	m->trace = ctf_trace_class_new(&m->arena, ctf_major, ctf_major == 2 ? 0 : 8,
				       CTF_LITTLE_ENDIAN);
	if (!m->trace)
		return -ENOMEM;
	m->trace->has_uuid = true;
	memcpy(m->trace->uuid, m->uuid, 16);
	env_add(m, command_line);
	m->clock = ctf_clock_add(m->trace, "piste", 1000000000);
	if (!m->clock)
		return -ENOMEM;
	m->clock->is_absolute = true;
	m->clock->description = m->use_tsc ? "time-stamp counter" : "CLOCK_MONOTONIC";
	m->trace->packet_header = packet_header_type(&m->arena);
	m->packet_context = packet_context_type(&m->arena, m->clock);
	return dump_class_add(m);
}

void model_fini(struct model *m)
{
	struct table **t;

	vec_each(t, &m->tables) {
		table_fini(*t);
		free(*t);
	}
	vec_fini(&m->tables);
	vec_fini(&m->anchors);
	str_fini(&m->text);
	arena_fini(&m->arena);
}

/* --- text ----------------------------------------------------------------- */

int model_start(struct model *m)
{
	struct ctf_stream_class *dump = m->trace->streams[MODEL_DUMP_STREAM];
	const struct clock_anchor *first = &m->anchors.items[0];
	struct clock_anchor now;
	int err = 0;

	if (m->started)
		return 0;
	/* A frequency needs a distance: two anchors are some 50 ns wrong. */
	while (m->use_tsc && clock_monotonic_ns() - first->monotonic_ns < 2000000)
		usleep(500);
	err = model_take_anchor(m, &now);
	if (err)
		return err;
	clock_fit(m);
	m->started = true;
	err = ctf_metadata_write_preamble(&m->text, m->trace, m->format);
	if (!err)
		err = ctf_metadata_write_stream(&m->text, dump, m->format);
	for (size_t i = 0; !err && i < dump->n_events; i++)
		err = ctf_metadata_write_event(&m->text, dump->events[i], m->format);
	return err;
}

int model_write_all(struct model *m, struct str *out)
{
	struct clock_anchor now;

	if (!m->started || model_take_anchor(m, &now))
		return -ENOMEM;
	clock_fit(m);
	return ctf_metadata_write(out, m->trace, m->format);
}

/* --- tables --------------------------------------------------------------- */

int model_find_table(struct model *m, struct table **out, const struct objects *o,
		     struct diag *diag)
{
	struct table **t, *fresh;
	int err;

	vec_each(t, &m->tables) {
		if (table_has(*t, o) && ((*t)->canon.len == o->canon.len || o->canon.len)) {
			*out = *t;
			return 0;
		}
	}
	vec_each(t, &m->tables) {
		if (table_may_grow(*t, o)) {
			*out = *t;
			return table_grow(*t, o, &m->wants, &m->arena, diag);
		}
	}
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	err = table_grow(fresh, o, &m->wants, &m->arena, diag);
	if (err || vec_push(&m->tables, fresh)) {
		table_fini(fresh);
		free(fresh);
		return err ? err : -ENOMEM;
	}
	*out = fresh;
	return 0;
}

int model_stream_class(struct model *m, struct table *t, bool has_cpu, uint32_t *id)
{
	struct ctf_stream_class **sc = &t->streams[has_cpu];
	size_t *done = &t->streams_done[has_cpu];
	int err = model_start(m);

	if (err)
		return err;
	if (!*sc) {
		*sc = stream_class_add(m, has_cpu);
		if (!*sc)
			return -ENOMEM;
		err = ctf_metadata_write_stream(&m->text, *sc, m->format);
	}
	for (; !err && *done < t->events.len; ++*done) {
		const struct table_event *e = &t->events.items[*done];
		struct ctf_event_class *ec;

		if (!e->known || !e->wanted)
			continue;
		ec = classes_add(*sc, *done, e->class);
		if (!ec)
			return -ENOMEM;
		err = ctf_metadata_write_event(&m->text, ec, m->format);
	}
	*id = (uint32_t)(*sc)->id;
	return err;
}
