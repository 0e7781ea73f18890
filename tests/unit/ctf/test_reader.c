/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/str.h"
#include "ctf/metadata.h"
#include "ctf/reader.h"

/* --- piste's own format, made by hand ---------------------------------------- */

#define PACKET_BYTES 512
#define HEADER_BYTES 96

static const char piste_metadata[] =
	"/* CTF 1.8 */\n"
	"typealias integer { size = 64; align = 8; } := u64;\n"
	"typealias integer { size = 32; align = 8; } := u32;\n"
	"clock { name = tsc; freq = 2499998123; offset_s = 1700000000; offset = 99; };\n"
	"typealias integer { size = 64; align = 8; map = clock.tsc.value; } := ticks;\n"
	"trace { major = 1; minor = 8; byte_order = le;\n"
	"  packet.header := struct { u32 magic; integer { size = 8; } uuid[16]; u32 stream_id; }; };\n"
	"stream { id = 0;\n"
	"  packet.context := struct { ticks timestamp_begin; ticks timestamp_end; u64 content_size;\n"
	"    u64 packet_size; u64 events_discarded; u64 packet_seq_num; u32 pid; u32 tid;\n"
	"    integer { size = 8; encoding = UTF8; } procname[16]; };\n"
	"  event.header := struct { integer { size = 16; align = 8; } id;\n"
	"    integer { size = 64; align = 32; map = clock.tsc.value; } timestamp; } align(32); };\n"
	"event { id = 0; stream_id = 0; name = tick; fields := struct { u64 n; }; };\n"
	"event { id = 1; stream_id = 0; name = text; fields := struct { string s; }; };\n";

struct stream {
	uint8_t bytes[4 * PACKET_BYTES];
	size_t at, packet, end;
	uint64_t seq_num, discarded;
};

static void put(uint8_t *to, uint64_t v, size_t bytes)
{
	memcpy(to, &v, bytes);
}

static void packet_begin(struct stream *s, uint64_t begin)
{
	uint8_t *p = s->bytes + s->packet;

	memset(p, 0xee, PACKET_BYTES);
	put(p, 0xc1fc1fc1, 4);
	memset(p + 4, 0, 16);
	put(p + 20, 0, 4);
	put(p + 24, begin, 8);
	put(p + 72, 7, 4);
	put(p + 76, 8, 4);
	memcpy(p + 80, "worker\0\0\0\0\0\0\0\0\0", 16);
	s->at = s->end = HEADER_BYTES;
}

/* A record is padded to four bytes; the content ends at the last one's payload. */
static void event(struct stream *s, unsigned id, uint64_t time, const void *payload, size_t len)
{
	uint8_t *p = s->bytes + s->packet + s->at;

	put(p, id, 2);
	put(p + 2, 12 + len, 2);
	put(p + 4, time, 8);
	memcpy(p + 12, payload, len);
	s->end = s->at + 12 + len;
	s->at = (s->end + 3) & ~(size_t)3;
}

static void packet_end(struct stream *s, uint64_t end)
{
	uint8_t *p = s->bytes + s->packet;

	put(p + 32, end, 8);
	put(p + 40, s->end * 8, 8);
	put(p + 48, PACKET_BYTES * 8, 8);
	put(p + 56, s->discarded, 8);
	put(p + 64, s->seq_num++, 8);
	s->packet += PACKET_BYTES;
}

static void tick(struct stream *s, uint64_t time)
{
	event(s, 0, time, &time, 8);
}

static int open_streams(struct ctf_trace **t, const char *metadata, const struct stream *s,
			size_t n, struct diag *diag)
{
	struct span spans[8];

	for (size_t i = 0; i < n; i++)
		spans[i] = (struct span){s[i].bytes, s[i].packet};
	return ctf_trace_open_spans(t, (struct span){(const uint8_t *)metadata, strlen(metadata)},
				    spans, NULL, n, diag);
}

TEST(records_of_piste)
{
	static struct stream s;
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	struct diag diag = {0};
	uint64_t n, events = 0;

	packet_begin(&s, 100);
	tick(&s, 100);
	event(&s, 1, 103, "hello", 6);
	tick(&s, 120);
	event(&s, 1, 121, "", 1);
	packet_end(&s, 121);
	CHECK_INT(open_streams(&t, piste_metadata, &s, 1, &diag), 0);
	CHECK_INT(ctf_trace_count(t, &n, &diag), 0);
	CHECK_INT(n, 4);
	CHECK_INT(ctf_iter_new(&it, &t, 1, NULL, &diag), 0);
	while (ctf_iter_next(it, &m) > 0) {
		static const uint64_t times[] = {100, 103, 120, 121};
		int64_t ns;

		if (!CHECK_INT(m->kind, CTF_MESSAGE_EVENT))
			continue;
		CHECK_INT(m->cycles, times[events]);
		CHECK_INT(ctf_clock_to_ns(t->class->clocks[0], m->cycles, &ns), 0);
		CHECK_INT(m->ns, ns);
		CHECK_STR(m->event->name, events % 2 ? "text" : "tick");
		const struct ctf_value *v = ctf_value_child(m->values, m->payload, 0);

		if (events % 2)
			CHECK_INT(v->count, events == 1 ? 5 : 0);
		else
			CHECK_INT(v->u64, times[events]);
		CHECK_MEM(ctf_value_field(m->packet_values, m->packet_context, "procname")->bytes,
			  "worker", 7);
		CHECK_INT(ctf_value_field(m->packet_values, m->packet_context, "tid")->u64, 8);
		CHECK_INT(ctf_value_field(m->values, m->header, "id")->u64, events % 2);
		events++;
	}
	CHECK_INT(events, 4);
	CHECK(!ctf_iter_failed(it));
	CHECK_INT(diag.len, 0);
	ctf_iter_free(it);
	ctf_trace_free(t);
	diag_fini(&diag);
}

TEST(lost_events_and_packets)
{
	static const char *const wanted[] = {"5 of events", "tick 100",     "2 of events",
					     "tick 200",    "3 of packets", "tick 300"};
	static struct stream s;
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	struct diag diag = {0};
	size_t n = 0;

	for (uint64_t i = 1; i <= 3; i++) {
		packet_begin(&s, i * 100);
		tick(&s, i * 100);
		s.discarded = i == 1 ? 5 : 7;
		s.seq_num += i == 3 ? 3 : 0;
		packet_end(&s, i * 100 + 50);
	}
	CHECK_INT(open_streams(&t, piste_metadata, &s, 1, &diag), 0);
	CHECK_INT(ctf_iter_new(&it, &t, 1, NULL, &diag), 0);
	while (ctf_iter_next(it, &m) > 0 && n < 6) {
		struct str is = {0};

		if (m->kind == CTF_MESSAGE_EVENT)
			str_addf(&is, "%s %d", m->event->name, (int)m->cycles);
		else
			/* Before the first packet how many is not known. */
			str_addf(&is, "%d of %s", m->has_count ? (int)m->count : 5,
				 m->kind == CTF_MESSAGE_DISCARDED_EVENTS ? "events" : "packets");
		CHECK_STR(str_c(&is), wanted[n++]);
		if (m->kind == CTF_MESSAGE_DISCARDED_PACKETS) {
			CHECK_INT(m->cycles, 250);
			CHECK_INT(m->end_cycles, 300);
		}
		str_fini(&is);
	}
	CHECK_INT(n, 6);
	ctf_iter_free(it);
	ctf_trace_free(t);
	diag_fini(&diag);
}

/* Four streams with interleaved, equal and random times. */
static size_t make_streams(struct stream *s, size_t n)
{
	uint64_t times[8] = {0}, seed = 1;
	size_t events = 0;

	for (size_t i = 0; i < n; i++)
		for (int p = 0; p < 4; p++) {
			packet_begin(&s[i], times[i]);
			for (int k = 0; k < 15; k++, events++) {
				seed = seed * 6364136223846793005 + 1442695040888963407;
				times[i] += seed >> 62;
				tick(&s[i], times[i]);
			}
			packet_end(&s[i], times[i]);
		}
	return events;
}

TEST(streams_merge_in_time_and_then_by_order)
{
	static struct stream s[4];
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	struct diag diag = {0};
	size_t events = make_streams(s, 4), n = 0, last_stream = 0;
	int64_t last = INT64_MIN;

	CHECK_INT(open_streams(&t, piste_metadata, s, 4, &diag), 0);
	CHECK_INT(ctf_iter_new(&it, &t, 1, NULL, &diag), 0);
	for (; ctf_iter_next(it, &m) > 0; n++) {
		CHECK(m->ns >= last);
		if (m->ns == last)
			CHECK(m->stream->index >= last_stream);
		last = m->ns;
		last_stream = m->stream->index;
	}
	CHECK_INT(n, events);
	ctf_iter_free(it);
	ctf_trace_free(t);
	diag_fini(&diag);
}

TEST(a_range_of_time)
{
	static struct stream s[4];
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	struct diag diag = {0};
	struct ctf_iter_options options = {
		.want = CTF_WANT_NONE, .has_begin = true, .has_end = true};
	size_t all = 0, n = 0;

	make_streams(s, 4);
	CHECK_INT(open_streams(&t, piste_metadata, s, 4, &diag), 0);
	options.begin_ns = ctf_trace_ns(t, t->class->clocks[0], 30);
	options.end_ns = ctf_trace_ns(t, t->class->clocks[0], 60);
	CHECK_INT(ctf_iter_new(&it, &t, 1, NULL, &diag), 0);
	while (ctf_iter_next(it, &m) > 0)
		all += m->ns >= options.begin_ns && m->ns <= options.end_ns;
	ctf_iter_free(it);
	CHECK_INT(ctf_iter_new(&it, &t, 1, &options, &diag), 0);
	for (; ctf_iter_next(it, &m) > 0; n++)
		CHECK(m->ns >= options.begin_ns && m->ns <= options.end_ns);
	CHECK_INT(n, all);
	CHECK(all > 10);
	ctf_iter_free(it);
	ctf_trace_free(t);
	diag_fini(&diag);
}

/* What stands before the damage is given, the place is named, other streams go on. */
TEST(damage_is_reported_and_the_rest_is_read)
{
	static struct stream s[2];
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	struct diag diag = {0};
	size_t n[2] = {0};

	make_streams(s, 2);
	/* the third event of the second packet: an id that there is not */
	put(s[0].bytes + PACKET_BYTES + HEADER_BYTES + 2 * 20, 77, 2);
	CHECK_INT(open_streams(&t, piste_metadata, s, 2, &diag), 0);
	CHECK_INT(ctf_iter_new(&it, &t, 1, NULL, &diag), 0);
	while (ctf_iter_next(it, &m) > 0)
		n[m->stream->index]++;
	CHECK(ctf_iter_failed(it));
	CHECK_INT(n[0], 17);
	CHECK_INT(n[1], 60);
	if (CHECK_INT(diag.len, 1)) {
		CHECK_INT(diag.entries[0].place.offset, PACKET_BYTES + HEADER_BYTES + 2 * 20);
		CHECK(strstr(diag.entries[0].message, "packet 1"));
		CHECK(strstr(diag.entries[0].message, "77"));
	}
	ctf_iter_free(it);
	ctf_trace_free(t);
	diag_fini(&diag);
}

TEST(a_cut_file_is_read_to_its_cut)
{
	static struct stream s;

	make_streams(&s, 1);
	for (size_t cut = 0; cut < 2 * PACKET_BYTES; cut += 7) {
		const struct ctf_message *m;
		struct ctf_trace *t;
		struct ctf_iter *it;
		struct diag diag = {0};
		size_t n = 0, in_last, wanted;
		uint8_t *copy = malloc(cut + !cut);
		struct span span = {copy, cut};

		memcpy(copy, s.bytes, cut);
		REQUIRE(!ctf_trace_open_spans(
			&t, (struct span){(const uint8_t *)piste_metadata, strlen(piste_metadata)},
			&span, NULL, 1, &diag));
		CHECK_INT(ctf_iter_new(&it, &t, 1, NULL, &diag), 0);
		while (ctf_iter_next(it, &m) > 0)
			n++;
		in_last = cut % PACKET_BYTES < HEADER_BYTES
				  ? 0
				  : (cut % PACKET_BYTES - HEADER_BYTES) / 20;
		wanted = cut / PACKET_BYTES * 15 + (in_last < 15 ? in_last : 15);
		CHECK_INT(n, wanted);
		CHECK_INT(ctf_iter_failed(it), cut % PACKET_BYTES != 0);
		CHECK_INT(diag.errors > 0, cut % PACKET_BYTES != 0);
		ctf_iter_free(it);
		ctf_trace_free(t);
		diag_fini(&diag);
		free(copy);
	}
}

/* --- clocks ---------------------------------------------------------------------- */

/* As babeltrace2 prints them. */
TEST(cycles_to_ns)
{
	static const struct {
		struct ctf_clock clock;
		uint64_t cycles;
		int64_t ns;
	} cases[] = {
		{{.frequency_hz = 1000000000, .offset_s = 1, .offset_cycles = 5}, 7, 1000000012},
		{{.frequency_hz = 1000000000, .offset_cycles = -5}, 7, 2},
		{{.frequency_hz = 1000000000, .offset_s = -10}, 3, -9999999997},
		{{.frequency_hz = 1000}, 1500, 1500000000},
		{{.frequency_hz = 1000, .offset_cycles = 2500}, 0, 2500000000},
		{{.frequency_hz = 3}, 1, 333333333},
		{{.frequency_hz = 2499998123}, UINT64_C(9007199254740993), 3602882406752184188},
	};
	int64_t ns;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CHECK_INT(ctf_clock_to_ns(&cases[i].clock, cases[i].cycles, &ns), 0);
		if (i + 1 < sizeof(cases) / sizeof(*cases))
			CHECK_INT(ns, cases[i].ns);
		else
			CHECK_INT(ns, (int64_t)(1e9 * 9007199254740992.0 / 2499998123.0));
	}
	CHECK_INT(ctf_clock_to_ns(&cases[0].clock, UINT64_MAX, &ns), -EOVERFLOW);
	CHECK_INT(ctf_clock_to_ns(&(struct ctf_clock){.frequency_hz = 1, .offset_s = INT64_MAX}, 0,
				  &ns),
		  -EOVERFLOW);
}

/* LTTng's compact header: 27 bits of time, which wrap. */
TEST(narrow_times_wrap)
{
	static const char metadata[] =
		"/* CTF 1.8 */ clock { name = c; freq = 1000000000; };"
		"typealias integer { size = 27; align = 1; map = clock.c.value; } := u27;"
		"trace { major = 1; minor = 8; byte_order = le; };"
		"stream { packet.context := struct { integer { size = 64; align = 8; } timestamp_begin; };"
		"event.header := struct { enum : integer { size = 5; } { compact = 0 ... 30, extended = 31 } id;"
		" variant <id> { struct { u27 timestamp; } compact;"
		"  struct { integer { size = 32; align = 8; } id;"
		"  integer { size = 64; align = 8; map = clock.c.value; } timestamp; } extended; } v; } align(8); };"
		"event { id = 3; name = e; fields := struct { }; };"
		"event { id = 300; name = f; fields := struct { }; };";
	static const uint64_t wanted[] = {(1 << 27) - 5, (1 << 27) + 2, (2ull << 27) + 1,
					  1ull << 40, (1ull << 40) + 9};
	uint8_t bytes[256] = {0};
	struct span span = {bytes, 0};
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	struct diag diag = {0};
	size_t at = 8, n = 0;
	uint64_t counted;

	put(bytes, (1 << 27) - 10, 8);
	for (int i = 0; i < 5; i++) {
		if (i == 3) {
			bytes[at] = 31;
			put(bytes + at + 1, 300, 4);
			put(bytes + at + 5, wanted[i], 8);
			at += 13;
		} else {
			put(bytes + at, 3 | (wanted[i] & ((1 << 27) - 1)) << 5, 4);
			at += 4;
		}
	}
	/* Events enough behind them that the fast way is taken too. */
	for (; at + 4 <= sizeof(bytes); at += 4)
		put(bytes + at, 3 | 9 << 5, 4);
	span.len = at;
	CHECK_INT(ctf_trace_open_spans(&t,
				       (struct span){(const uint8_t *)metadata, strlen(metadata)},
				       &span, NULL, 1, &diag),
		  0);
	for (int want = CTF_WANT_NONE; want <= CTF_WANT_ALL; want++) {
		struct ctf_iter_options options = {.want = (enum ctf_want)want};

		CHECK_INT(ctf_iter_new(&it, &t, 1, &options, &diag), 0);
		for (n = 0; ctf_iter_next(it, &m) > 0; n++)
			CHECK_INT(m->cycles, wanted[n < 5 ? n : 4]);
		CHECK(!ctf_iter_failed(it));
		ctf_iter_free(it);
		CHECK_INT(ctf_trace_count(t, &counted, &diag), 0);
		CHECK_INT(n, counted);
	}
	ctf_trace_free(t);
	diag_fini(&diag);
}

/* An event that refers to its header: the short way of reading headers must not be taken. */
TEST(an_event_may_refer_to_its_header)
{
	static const char metadata[] =
		"/* CTF 1.8 */ typealias integer { size = 8; } := u8;"
		"trace { major = 1; minor = 8; byte_order = le; };"
		"stream { event.header := struct { u8 id; u8 n; }; };"
		"event { id = 3; name = e; fields := struct { u8 list[stream.event.header.n]; u8 n; u8 own[n]; }; };";
	static uint8_t bytes[7 * 64];
	struct span span = {bytes, sizeof(bytes)};
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	struct diag diag = {0};
	uint64_t n = 0, counted;

	for (size_t i = 0; i < sizeof(bytes); i += 7)
		memcpy(bytes + i, (uint8_t[]){3, 2, 5, 6, 2, 7, 8}, 7);
	CHECK_INT(ctf_trace_open_spans(&t,
				       (struct span){(const uint8_t *)metadata, strlen(metadata)},
				       &span, NULL, 1, &diag),
		  0);
	for (int want = CTF_WANT_FIELDS; want <= CTF_WANT_ALL; want++) {
		struct ctf_iter_options options = {.want = (enum ctf_want)want};

		CHECK_INT(ctf_iter_new(&it, &t, 1, &options, &diag), 0);
		for (n = 0; ctf_iter_next(it, &m) > 0; n++) {
			CHECK_INT(ctf_value_child(m->values, m->payload, 0)->count, 2);
			CHECK_INT(ctf_value_child(m->values, m->payload, 2)->count, 2);
		}
		CHECK_INT(n, 64);
		ctf_iter_free(it);
	}
	CHECK_INT(ctf_trace_count(t, &counted, &diag), 0);
	CHECK_INT(counted, 64);
	CHECK_INT(diag.len, 0);
	ctf_trace_free(t);
	diag_fini(&diag);
}

#define LOCATION(origin, name) "{\"origin\":\"" origin "\",\"path\":[\"" name "\"]}"
#define MEMBER(name, class) "{\"name\":\"" name "\",\"field-class\":" class "}"
#define BYTE                                                                                       \
	"{\"type\":\"fixed-length-unsigned-integer\",\"length\":8,\"byte-order\":\"little-endian\"}"

/* The field classes that CTF 1.8 has not. */
TEST(fields_of_ctf_2)
{
	static const char
		metadata
			[] =
				"\x1e{\"type\":\"preamble\",\"version\":2}\n"
				"\x1e{\"type\":\"trace-class\"}\n"
				"\x1e{\"type\":\"data-stream-class\"}\n"
				"\x1e{\"type\":\"event-record-class\",\"name\":\"e\",\"payload-field-class\":{\"type\":\"structure\","
				"\"member-classes\":[" MEMBER("u",
							      "{\"type\":\"variable-length-unsigned-integer\"}") "," MEMBER("s", "{\"type\":\"variable-length-signed-integer\"}") "," MEMBER("flag", "{\"type\":\"fixed-length-boolean\",\"length\":8,\"byte-order\":\"little-endian\"}") "," MEMBER("there",
																																				     "{\"type\":\"optional\",\"selector-field-location\":" LOCATION("event-record-payload", "flag") ",\"field-class\":" BYTE
																																																    "}") "," MEMBER("not", "{\"type\":\"optional\",\"selector-field-location\":" LOCATION("event-record-payload",
																																																											  "s") ",\"selector-field-ranges\":[[5,9]],\"field-class\":" BYTE "}") "," MEMBER("n", BYTE) "," MEMBER("text",
																																																																								"{\"type\":\"dynamic-length-string\",\"length-field-location\":" LOCATION("event-record-payload",
																																																																																	  "n") "}") "," MEMBER("blob",
																																																																																			       "{\"type\":\"static-length-blob\",\"length\":3}") "," MEMBER("wide",
																																																																																											    "{\"type\":\"null-terminated-string\",\"encoding\":\"utf-16le\"}") "," MEMBER("bits",
																																																																																																					  "{\"type\":\"fixed-length-bit-map\",\"length\":8,\"byte-order\":\"little-endian\",\"flags\":{\"low\":[[0,1]],\"high\":[[7,7]]}}") "," MEMBER("v",
																																																																																																																						       "{\"type\":\"variant\",\"selector-field-location\":" LOCATION("event-record-payload",
																																																																																																																														     "s") ",\"options\":[{\"selector-field-ranges\":[[-10,-1]],\"field-class\":" BYTE
																																																																																																																															  "}]}") "]}}\n";
	static uint8_t bytes[] = {0xac, 0x02, 0x7e, 1, 42,  3, 'a', 'b', 'c',  9,
				  8,    7,    'x',  0, 'y', 1, 0,   0,   0x82, 77};
	struct span span = {bytes, sizeof(bytes)};
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	struct diag diag = {0};
	size_t label = 0;

	REQUIRE(!ctf_trace_open_spans(&t,
				      (struct span){(const uint8_t *)metadata, strlen(metadata)},
				      &span, NULL, 1, &diag));
	CHECK_INT(ctf_iter_new(&it, &t, 1, NULL, &diag), 0);
	if (CHECK_INT(ctf_iter_next(it, &m), 1)) {
		const struct ctf_value *v = ctf_value_child(m->values, m->payload, 0);

		CHECK_INT(v[0].u64, 300);
		CHECK_INT(v[1].i64, -2);
		CHECK_INT(v[2].u64, 1);
		CHECK_INT(v[3].u64, 42);
		CHECK_INT(v[4].kind, CTF_VALUE_NONE);
		CHECK_MEM(v[6].bytes, "abc", 3);
		CHECK_INT(v[6].count, 3);
		CHECK_INT(v[7].kind, CTF_VALUE_BLOB);
		CHECK_INT(v[7].count, 3);
		CHECK_INT(v[8].count, 4);
		CHECK_STR(ctf_enum_label(v[9].type, v[9].u64, &label), "low");
		CHECK_STR(ctf_enum_label(v[9].type, v[9].u64, &label), "high");
		CHECK_INT(ctf_value_child(m->values, &v[10], 0)->u64, 77);
	}
	CHECK_INT(ctf_iter_next(it, &m), 0);
	CHECK(!ctf_iter_failed(it));
	CHECK_INT(diag.len, 0);
	ctf_iter_free(it);
	ctf_trace_free(t);
	diag_fini(&diag);
}

/* --- the conformance corpus ------------------------------------------------------- */

/* What is not yet met, and why; a folder named here that is met is a failure too. */
static const struct {
	const char *folder, *why;
} unmet[] = {
	{NULL, NULL},
};

static const char *why_unmet(const char *folder)
{
	for (size_t i = 0; i < sizeof(unmet) / sizeof(*unmet); i++)
		if (unmet[i].folder && !strcmp(unmet[i].folder, folder))
			return unmet[i].why;
	return NULL;
}

/* True when the trace is read to its end without an error; else the diag has one with a place. */
static bool read_all(const char *dir)
{
	struct diag diag = {0};
	const struct ctf_message *m;
	struct ctf_trace *t;
	struct ctf_iter *it;
	bool good = !ctf_trace_open(&t, dir, &diag);

	if (good) {
		uint64_t n = 0, counted;
		int rc = ctf_trace_count(t, &counted, NULL);

		CHECK_INT(ctf_iter_new(&it, &t, 1, NULL, &diag), 0);
		while (ctf_iter_next(it, &m) > 0)
			n += m->kind == CTF_MESSAGE_EVENT;
		good = !ctf_iter_failed(it);
		CHECK_INT(counted, n);
		CHECK_INT(!rc, good);
		ctf_iter_free(it);
		ctf_trace_free(t);
	}
	CHECK_INT(diag.errors > 0, !good);
	for (size_t i = 0; i < diag.len; i++)
		if (diag.entries[i].severity == DIAG_ERROR)
			CHECK(diag.entries[i].place.file &&
			      (diag.entries[i].place.line || diag.entries[i].place.has_offset));
	diag_fini(&diag);
	return good;
}

static const char *corpora(char *path, size_t size, const char *below)
{
	const char *from = getenv("PISTE_CORPORA");
	struct stat st;

	snprintf(path, size, "%s/%s", from ? from : "../shared/corpora", below);
	return stat(path, &st) ? NULL : path;
}

static void conformance(const char *kind, bool pass)
{
	char below[128], root[512], dir[1024], folder[384];
	struct dirent **names;
	int n, done = 0;

	snprintf(below, sizeof(below), "ctf-1.8/conformance/%s/%s", kind, pass ? "pass" : "fail");
	if (!corpora(root, sizeof(root), below))
		SKIP("no conformance corpus: set PISTE_CORPORA");
	n = scandir(root, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(dir, sizeof(dir), "%s/%s", root, names[i]->d_name);
			snprintf(folder, sizeof(folder), "%s/%s/%s", kind, pass ? "pass" : "fail",
				 names[i]->d_name);
			const char *why = why_unmet(folder);
			bool met = read_all(dir) == pass;

			if (met == !!why || (!met && !why))
				printf("# %s: %s\n", folder,
				       met    ? "is met now"
				       : why  ? why
				       : pass ? "was refused"
					      : "was not refused");
			CHECK_INT(met, !why);
			done++;
		}
		free(names[i]);
	}
	free(names);
	CHECK(done > 10);
}

TEST(conformance_metadata_pass)
{
	conformance("metadata", true);
}

TEST(conformance_metadata_fail)
{
	conformance("metadata", false);
}

TEST(conformance_stream_pass)
{
	conformance("stream", true);
}

TEST(conformance_stream_fail)
{
	conformance("stream", false);
}
