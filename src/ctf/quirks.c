/* SPDX-License-Identifier: MIT */
#include "ctf/quirks.h"

#include <string.h>

/* What the environment says of who wrote the trace. */
struct tracer {
	const char *name;
	int64_t major, minor, patch; /* -1: not said */
};

static int64_t env_number(const struct ctf_trace_class *tc, const char *name)
{
	const struct ctf_env_entry *e = ctf_env_find(tc, name);

	return e && !e->is_string ? e->value : -1;
}

static struct tracer tracer_of(const struct ctf_trace_class *tc)
{
	const struct ctf_env_entry *name = ctf_env_find(tc, "tracer_name");
	struct tracer t = {.name = name && name->is_string ? name->text : "",
			   .major = env_number(tc, "tracer_major"),
			   .minor = env_number(tc, "tracer_minor"),
			   .patch = env_number(tc, "tracer_patch")};

	if (t.patch < 0)
		t.patch = env_number(tc, "tracer_patchlevel");
	return t;
}

/* LTTng's clock counts from the epoch, but does not say so. */
void ctf_quirks_fix_class(struct ctf_trace_class *tc)
{
	bool is_lttng = !strncmp(tracer_of(tc).name, "lttng-", 6);

	for (size_t i = 0; is_lttng && i < tc->n_clocks; i++)
		if (tc->clocks[i]->name && !strcmp(tc->clocks[i]->name, "monotonic"))
			tc->clocks[i]->is_absolute = true;
}

/* --- times of packets --------------------------------------------------------- */

/* The time of a packet's first event, or of its last. False: it has none that can be read. */
static bool event_cycles(const struct ctf_stream *s, const struct ctf_packet *p, bool last,
			 uint64_t *cycles)
{
	struct ctf_cursor c;
	bool found = false;

	ctf_cursor_init(&c, s, CTF_WANT_NONE);
	if (!ctf_cursor_enter(&c, p))
		while ((!found || last) && ctf_cursor_next(&c) > 0) {
			found = c.has_cycles;
			*cycles = c.cycles;
		}
	ctf_cursor_fini(&c);
	return found;
}

/* It does not end before its last event, whatever it says: no later than the next one begins. */
static void end_by_event(const struct ctf_stream *s, size_t i)
{
	struct ctf_packet *p = &s->packets[i];
	uint64_t cycles = 0;
	bool found;

	p->told_end_cycles = p->has_end ? p->end_cycles : p->begin_cycles;
	p->ends_with_event = true;
	if (i + 1 < s->n_packets) {
		found = s->packets[i + 1].has_begin;
		cycles = s->packets[i + 1].begin_cycles;
	} else {
		found = event_cycles(s, p, true, &cycles);
	}
	if (found && (!p->has_end || cycles > p->end_cycles))
		p->end_cycles = cycles;
	p->has_end |= found;
}

/* lttng-crash found it in memory: a tracer that died had not ended its last packets. */
static void fix_crash(const struct ctf_stream *s)
{
	for (size_t i = 0; i < s->n_packets; i++) {
		struct ctf_packet *p = &s->packets[i];

		if (!p->has_end && p->is_unended && p->begin_cycles)
			end_by_event(s, i);
	}
}

/* LTTng took a packet's end before the time of an event that it still holds. */
static void fix_event_after_packet(const struct ctf_stream *s)
{
	for (size_t i = 0; i < s->n_packets; i++)
		end_by_event(s, i);
}

/* barectf took a packet's beginning after the time of its first event. */
static void fix_event_before_packet(const struct ctf_stream *s)
{
	for (size_t i = 1; i < s->n_packets; i++)
		if (s->packets[i].has_begin)
			event_cycles(s, &s->packets[i], false, &s->packets[i].begin_cycles);
}

static bool has_crash(const struct tracer *t)
{
	return !strncmp(t->name, "lttng-", 6);
}

static bool has_event_after_packet(const struct tracer *t)
{
	if (t->major < 0 || t->minor < 0)
		return false;
	if (!strcmp(t->name, "lttng-ust"))
		return t->major < 2 || (t->major == 2 && t->minor < 11);
	if (strcmp(t->name, "lttng-modules") != 0 || t->patch < 0)
		return false;
	return t->major < 2 ||
	       (t->major == 2 && (t->minor < 9 || (t->minor == 9 && t->patch < 13) ||
				  (t->minor == 10 && t->patch < 10)));
}

static bool has_event_before_packet(const struct tracer *t)
{
	if (strcmp(t->name, "barectf") != 0 || t->major < 0 || t->minor < 0 || t->patch < 0)
		return false;
	return t->major < 2 || (t->major == 2 && (t->minor < 3 || (t->minor == 3 && t->patch < 1)));
}

void ctf_quirks_fix_packets(struct ctf_trace *t)
{
	static const struct {
		bool (*is_there)(const struct tracer *t);
		void (*fix)(const struct ctf_stream *s);
	} quirks[] = {
		{has_crash, fix_crash},
		{has_event_after_packet, fix_event_after_packet},
		{has_event_before_packet, fix_event_before_packet},
	};
	struct tracer tracer = tracer_of(t->class);

	for (size_t q = 0; q < sizeof(quirks) / sizeof(quirks[0]); q++)
		for (size_t i = 0; quirks[q].is_there(&tracer) && i < t->n_streams; i++)
			if (t->streams[i].class->default_clock)
				quirks[q].fix(&t->streams[i]);
}
