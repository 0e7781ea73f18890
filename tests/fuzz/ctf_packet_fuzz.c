/* SPDX-License-Identifier: MIT */
/*
 * A data stream against metadata, both from the input: u16 the length of the
 * metadata, or one of the built-in ones when it is below 8. Every value of
 * every event is looked at; counting and iterating must agree.
 */
#include <stdlib.h>
#include <string.h>

#include "ctf/reader.h"

static const char *const built_in[] = {
	/* piste's own */
	"/* CTF 1.8 */ typealias integer { size = 64; align = 8; } := u64; typealias integer { size = 8; } := u8;"
	"clock { name = c; freq = 2499998123; };"
	"trace { major = 1; minor = 8; byte_order = le; packet.header := struct { integer { size = 32; align = 8; } magic; u8 uuid[16]; integer { size = 32; align = 8; } stream_id; }; };"
	"stream { id = 0; packet.context := struct { u64 timestamp_begin; u64 timestamp_end; u64 content_size; u64 packet_size; u64 events_discarded; u64 packet_seq_num; };"
	" event.header := struct { integer { size = 16; align = 8; } id; integer { size = 64; align = 32; map = clock.c.value; } timestamp; } align(32); };"
	"event { id = 0; stream_id = 0; name = a; fields := struct { u64 n; }; };"
	"event { id = 1; stream_id = 0; name = b; fields := struct { string s; u8 len; u8 bytes[len]; string texts[len]; }; };",
	/* LTTng's compact header, all kinds of CTF 1.8 */
	"/* CTF 1.8 */ typealias integer { size = 8; align = 8; } := u8; clock { name = c; freq = 1000000000; };"
	"typealias integer { size = 27; align = 1; map = clock.c.value; } := u27;"
	"trace { major = 1; minor = 8; byte_order = le; };"
	"stream { packet.context := struct { integer { size = 32; align = 8; } content_size; integer { size = 32; align = 8; } packet_size; u8 n; u8 events_discarded; };"
	" event.header := struct { enum : integer { size = 5; } { compact = 0 ... 30, extended = 31 } id; variant <id> { struct { u27 timestamp; } compact; struct { integer { size = 32; align = 8; } id; integer { size = 64; align = 8; map = clock.c.value; } timestamp; } extended; } v; } align(8); };"
	"event { id = 0; name = a; fields := struct { enum : u8 { x = 0 ... 3, y = 4, z = 5 ... 255 } tag; variant <tag> { string x; struct { integer { size = 3; signed = 1; } i; integer { size = 61; } j; } y; u8 z[3]; } v; }; };"
	"event { id = 1; name = b; fields := struct { struct { string s; } a[2]; struct { } e[n]; struct { } f[stream.packet.context.n][n]; }; };"
	"event { id = 2; name = c; fields := struct { integer { size = 3; } odd; integer { size = 8; align = 1; encoding = UTF8; } text[5]; floating_point { exp_dig = 8; mant_dig = 24; align = 1; } f; integer { size = 200; align = 8; } wide; }; };",
	/* a context in every event, a clock that wraps, sizes that differ */
	"/* CTF 1.8 */ typealias integer { size = 8; align = 8; } := u8; clock { name = c; freq = 1000000000; };"
	"trace { major = 1; minor = 8; byte_order = le; };"
	"stream { event.header := struct { u8 id; integer { size = 16; align = 8; map = clock.c.value; } timestamp; };"
	" event.context := struct { integer { size = 16; align = 8; signed = true; } vpid; }; };"
	"event { id = 0; name = a; fields := struct { integer { size = 13; align = 1; signed = true; } n; }; };"
	"event { id = 1; name = b; fields := struct { string s; u8 n; }; };"
	"event { id = 2; name = c; fields := struct { u8 len; u8 list[len]; u8 n; }; };",
	/* CTF 2 */
	"{\"type\":\"preamble\",\"version\":2}"
	"{\"type\":\"field-class-alias\",\"name\":\"v\",\"field-class\":{\"type\":\"variable-length-unsigned-integer\"}}"
	"{\"type\":\"field-class-alias\",\"name\":\"s\",\"field-class\":{\"type\":\"variable-length-signed-integer\"}}"
	"{\"type\":\"trace-class\"}"
	"{\"type\":\"data-stream-class\",\"event-record-header-field-class\":{\"type\":\"structure\",\"member-classes\":[{\"name\":\"id\",\"field-class\":{\"type\":\"fixed-length-unsigned-integer\",\"length\":8,\"byte-order\":\"big-endian\",\"roles\":[\"event-record-class-id\"]}}]}}"
	"{\"type\":\"event-record-class\",\"id\":0,\"payload-field-class\":{\"type\":\"structure\",\"member-classes\":[{\"name\":\"a\",\"field-class\":\"v\"},{\"name\":\"b\",\"field-class\":\"s\"},"
	"{\"name\":\"t\",\"field-class\":{\"type\":\"dynamic-length-string\",\"length-field-location\":{\"path\":[\"a\"]}}},"
	"{\"name\":\"o\",\"field-class\":{\"type\":\"optional\",\"selector-field-location\":{\"origin\":\"event-record-payload\",\"path\":[\"b\"]},\"selector-field-ranges\":[[-5,5]],\"field-class\":{\"type\":\"dynamic-length-array\",\"length-field-location\":{\"path\":[\"a\"]},\"element-field-class\":\"v\"}}},"
	"{\"name\":\"u\",\"field-class\":{\"type\":\"null-terminated-string\",\"encoding\":\"utf-16le\"}},"
	"{\"name\":\"blob\",\"field-class\":{\"type\":\"dynamic-length-blob\",\"length-field-location\":{\"path\":[\"a\"]}}}]}}",
};

static uint64_t sum; /* so that nothing is optimised away */

static void look(const struct ctf_values *all, const struct ctf_value *v, unsigned depth)
{
	struct ctf_value element;

	if (!v || depth > 200)
		return;
	switch ((enum ctf_value_kind)v->kind) {
	case CTF_VALUE_TEXT:
	case CTF_VALUE_BLOB:
		for (uint32_t i = 0; i < v->count; i++)
			sum += v->bytes[i];
		break;
	case CTF_VALUE_STRUCT:
	case CTF_VALUE_ARRAY:
	case CTF_VALUE_VARIANT:
		for (uint32_t i = 0; i < v->count; i++)
			look(all, ctf_value_child(all, v, i), depth + 1);
		break;
	case CTF_VALUE_LAZY:
		for (uint32_t i = 0; i < v->count; i++) {
			ctf_value_element(v, i, &element);
			sum += element.u64;
		}
		break;
	case CTF_VALUE_WIDE:
		for (uint32_t i = 0; i < (v->bit + v->count + 7) / 8; i++)
			sum += v->bytes[i];
		break;
	default:
		sum += v->u64;
	}
}

static uint64_t iterate(struct ctf_trace *trace, enum ctf_want want, struct diag *diag)
{
	struct ctf_iter_options options = {.want = want, .packet_messages = true};
	const struct ctf_message *m;
	struct ctf_iter *it;
	uint64_t events = 0;

	if (ctf_iter_new(&it, &trace, 1, &options, diag))
		abort();
	while (ctf_iter_next(it, &m) > 0) {
		if (m->kind == CTF_MESSAGE_EVENT) {
			events++;
			look(m->values, m->header, 0);
			look(m->values, m->common_context, 0);
			look(m->values, m->context, 0);
			look(m->values, m->payload, 0);
		} else {
			look(m->packet_values, m->packet_header, 0);
			look(m->packet_values, m->packet_context, 0);
		}
	}
	ctf_iter_free(it);
	return events;
}

static void hide_odd(void *data, const struct ctf_event_class *ec, struct ctf_wish *wish)
{
	(void)data;
	wish->is_hidden = ec->index % 2;
	/* Everything passes, but it is looked at. */
	if (ec->payload && ec->payload->record.n_fields) {
		wish->n_tests = 1;
		wish->tests[0] =
			(struct ctf_test){.scope = CTF_SCOPE_EVENT_PAYLOAD, .hi = UINT64_MAX};
	}
}

/* Events of even classes, all decoded, or with the others stepped over. */
static uint64_t count_even(struct ctf_trace *trace, ctf_wish_fn *wish)
{
	struct ctf_iter_options options = {.want = CTF_WANT_FIELDS, .wish = wish};
	const struct ctf_message *m;
	struct ctf_iter *it;
	uint64_t n = 0;

	if (ctf_iter_new(&it, &trace, 1, &options, NULL))
		abort();
	while (ctf_iter_next(it, &m) > 0)
		n += m->kind == CTF_MESSAGE_EVENT && m->event->index % 2 == 0;
	ctf_iter_free(it);
	return n;
}

/* By class, as `piste stat` counts. */
static uint64_t tally(const struct ctf_stream *s)
{
	struct ctf_tally *by_class = calloc(s->class->n_events + 1, sizeof(*by_class));
	struct ctf_watch watch;
	bool is_watched = s->class->event_context && s->class->event_context->record.n_fields &&
			  ctf_watch_init(&watch, s, 0, 0);
	struct ctf_cursor c;
	uint64_t n = 0;
	int rc = 0;

	if (!by_class)
		abort();
	ctf_cursor_init(&c, s, CTF_WANT_FIELDS);
	for (size_t i = 0; rc >= 0 && i < s->n_packets; i++) {
		rc = ctf_cursor_enter(&c, &s->packets[i]);
		if (!rc)
			do
				rc = ctf_cursor_tally(&c, by_class, is_watched ? &watch : NULL);
			while (rc > 0);
	}
	for (size_t i = 0; i < s->class->n_events; i++)
		n += by_class[i].events;
	ctf_cursor_fini(&c);
	free(by_class);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag = {0};
	struct ctf_trace *trace;
	struct span metadata;
	uint16_t length;

	if (size < sizeof(length))
		return 0;
	memcpy(&length, data, sizeof(length));
	data += sizeof(length);
	size -= sizeof(length);
	if (length < 8) {
		const char *text = built_in[length % (sizeof(built_in) / sizeof(*built_in))];

		metadata = (struct span){(const uint8_t *)text, strlen(text)};
	} else {
		metadata = (struct span){data, length < size ? length : size};
		data += metadata.len;
		size -= metadata.len;
	}
	uint8_t *copy =
		malloc(size + !size); /* exact, so that the sanitizer sees every byte too much */
	struct span stream = {copy, size};

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (!ctf_trace_open_spans(&trace, metadata, &stream, NULL, 1, &diag)) {
		uint64_t all = iterate(trace, CTF_WANT_ALL, &diag), counted;

		if (iterate(trace, CTF_WANT_FIELDS, &diag) != all)
			abort();
		if (iterate(trace, CTF_WANT_NONE, &diag) != all)
			abort();
		ctf_trace_count(trace, &counted, &diag);
		if (counted != all)
			abort();
		if (count_even(trace, NULL) != count_even(trace, hide_odd))
			abort();
		counted = 0;
		for (size_t i = 0; i < trace->n_streams; i++)
			counted += tally(&trace->streams[i]);
		if (counted != all)
			abort();
		ctf_trace_free(trace);
	} else if (length < 8) {
		abort();
	}
	free(copy);
	diag_fini(&diag);
	return 0;
}
