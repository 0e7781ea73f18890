/* SPDX-License-Identifier: MIT */
/* What steps over events must see the same ones as what decodes them. */
#include "ctf/reader.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static const char metadata[] =
	"/* CTF 1.8 */ clock { name = c; freq = 1000000000; };"
	"typealias integer { size = 8; align = 8; } := u8;"
	"typealias integer { size = 32; align = 8; signed = true; } := i32;"
	"trace { major = 1; minor = 8; byte_order = le; };"
	"stream { event.header := struct { u8 id;"
	"  integer { size = 16; align = 8; map = clock.c.value; } timestamp; };"
	" event.context := struct { i32 vpid; i32 vtid; }; };"
	"event { id = 0; name = number; fields := struct {"
	"  integer { size = 13; align = 1; signed = true; } n; u8 pad; }; };"
	"event { id = 1; name = text; fields := struct { string s; i32 n; }; };"
	"event { id = 2; name = list; fields := struct { i32 n; u8 len; i32 list[len]; }; };"
	"event { id = 3; name = late; fields := struct { u8 len; u8 list[len]; i32 n; }; };";

enum { EVENTS = 4000, N_CLASSES = 4 };

struct expected {
	int id, pid, n;
	uint64_t cycles;
};

static struct expected expected[EVENTS];
static uint8_t bytes[EVENTS * 64];

static uint32_t random_state = 7;
static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % n;
}

static size_t put(size_t at, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes[at + i] = (uint8_t)(value >> (8 * i));
	return at + n;
}

static size_t put_event(size_t at, const struct expected *e)
{
	uint32_t len = random_below(20);

	at = put(at, (uint64_t)e->id, 1);
	at = put(at, e->cycles & 0xffff, 2);
	at = put(at, (uint64_t)e->pid, 4);
	at = put(at, (uint64_t)e->pid + 1, 4);
	switch (e->id) {
	case 0:
		at = put(at, (uint64_t)e->n & 0x1fff, 2);
		return put(at, 0, 1);
	case 1:
		for (uint32_t i = 0; i < len; i++)
			at = put(at, 'a' + i, 1);
		at = put(at, 0, 1);
		return put(at, (uint64_t)e->n, 4);
	case 2:
		at = put(at, (uint64_t)e->n, 4);
		at = put(at, len, 1);
		return at + len * 4;
	default:
		at = put(at, len, 1);
		return put(at + len, (uint64_t)e->n, 4);
	}
}

static struct ctf_trace *make_trace(void)
{
	struct ctf_trace *t = NULL;
	struct span span = {bytes, 0};
	uint64_t cycles = 0;
	size_t at = 0;
	int pid = 1;

	for (int i = 0; i < EVENTS; i++) {
		cycles += random_below(30000);
		if (!random_below(10))
			pid = (int)random_below(5);
		expected[i] = (struct expected){.id = (int)random_below(N_CLASSES),
						.pid = pid,
						.n = (int)random_below(200) - 100,
						.cycles = cycles};
		at = put_event(at, &expected[i]);
	}
	span.len = at;
	CHECK_INT(ctf_trace_open_spans(&t,
				       (struct span){(const uint8_t *)metadata, strlen(metadata)},
				       &span, NULL, 1, NULL),
		  0);
	return t;
}

static int64_t n_of(const struct ctf_message *m)
{
	return ctf_value_field(m->values, m->payload, "n")->i64;
}

/* Iterates with a wish, and checks all that come and pass `wanted` against what was put. */
static void check_wish(ctf_wish_fn *wish, bool (*wanted)(const struct expected *e),
		       int64_t begin_ns, bool is_exact)
{
	struct ctf_trace *t = make_trace();
	struct ctf_iter_options options = {.want = CTF_WANT_FIELDS,
					   .wish = wish,
					   .has_begin = begin_ns > 0,
					   .begin_ns = begin_ns};
	const struct ctf_message *m;
	struct ctf_iter *it;
	size_t i = 0, came = 0, passed = 0;

	CHECK_INT(ctf_iter_new(&it, &t, 1, &options, NULL), 0);
	while (ctf_iter_next(it, &m) > 0) {
		struct expected is = {.id = (int)m->event->id, .n = (int)n_of(m)};

		is.pid = (int)ctf_value_field(m->values, m->common_context, "vpid")->i64;
		came++;
		if (!wanted(&is))
			continue;
		while (i < EVENTS &&
		       ((int64_t)expected[i].cycles < begin_ns || !wanted(&expected[i])))
			i++;
		if (i == EVENTS)
			break;
		CHECK_INT(is.id, expected[i].id);
		CHECK_INT(is.pid, expected[i].pid);
		CHECK_INT(is.n, expected[i].n);
		CHECK_INT(m->cycles, expected[i].cycles);
		i++;
		passed++;
	}
	for (; i < EVENTS; i++)
		CHECK((int64_t)expected[i].cycles < begin_ns || !wanted(&expected[i]));
	CHECK(passed > 10);
	if (is_exact)
		CHECK_INT(came, passed);
	CHECK(!ctf_iter_failed(it));
	ctf_iter_free(it);
	ctf_trace_free(t);
}

static void hide_texts(void *data, const struct ctf_event_class *ec, struct ctf_wish *wish)
{
	(void)data;
	wish->is_hidden = ec->id == 1;
}
static bool is_no_text(const struct expected *e)
{
	return e->id != 1;
}

TEST(hidden_classes)
{
	check_wish(hide_texts, is_no_text, 0, true);
}

TEST(hidden_classes_and_a_beginning)
{
	check_wish(hide_texts, is_no_text, 30000000, true);
}

static bool any(const struct expected *e)
{
	(void)e;
	return true;
}
TEST(a_beginning)
{
	check_wish(NULL, any, 30000000, true);
}

/* Signed, narrow, at no whole byte; and of one class at no constant place, where it is no help. */
static void few_numbers(void *data, const struct ctf_event_class *ec, struct ctf_wish *wish)
{
	(void)data;
	wish->n_tests = 1;
	wish->tests[0] = (struct ctf_test){.scope = CTF_SCOPE_EVENT_PAYLOAD,
					   .field = (uint32_t)ctf_struct_find(ec->payload, "n"),
					   .lo = (uint64_t)INT64_C(-20),
					   .hi = 5};
}
static bool is_of_few(const struct expected *e)
{
	return e->n >= -20 && e->n <= 5;
}
TEST(a_range_of_a_field)
{
	check_wish(few_numbers, is_of_few, 0, false);
}

static void one_process(void *data, const struct ctf_event_class *ec, struct ctf_wish *wish)
{
	few_numbers(data, ec, wish);
	wish->tests[wish->n_tests++] = (struct ctf_test){
		.scope = CTF_SCOPE_EVENT_COMMON_CONTEXT, .is_negated = true, .lo = 2, .hi = 2};
	wish->is_hidden = ec->id == 1 || ec->id == 3;
}
static bool is_of_one(const struct expected *e)
{
	return is_of_few(e) && e->pid != 2 && e->id != 1 && e->id != 3;
}
TEST(two_tests)
{
	check_wish(one_process, is_of_one, 0, false);
}

TEST(tallies_of_classes_and_writers)
{
	struct ctf_trace *t = make_trace();
	uint64_t wanted[N_CLASSES] = {0}, by_pid[5] = {0}, is_by_pid[5] = {0}, bits = 0;

	for (int i = 0; i < EVENTS; i++) {
		wanted[expected[i].id]++;
		by_pid[expected[i].pid]++;
	}
	for (int watched = 0; watched < 2; watched++) {
		struct ctf_tally tally[N_CLASSES] = {0};
		struct ctf_watch watch;
		struct ctf_cursor c;
		int rc;

		ctf_cursor_init(&c, &t->streams[0], CTF_WANT_FIELDS);
		CHECK_INT(ctf_cursor_enter(&c, &t->streams[0].packets[0]), 0);
		CHECK(ctf_watch_init(&watch, &t->streams[0], 0, 1));
		watch.values[0] = 12345;
		do {
			uint64_t pid = watch.values[0];

			watch.events = 0;
			rc = ctf_cursor_tally(&c, tally, watched ? &watch : NULL);
			if (watched && watch.events && pid < 5)
				is_by_pid[pid] += watch.events;
		} while (rc > 0);
		CHECK_INT(rc, 0);
		CHECK_INT(c.cycles, expected[EVENTS - 1].cycles);
		bits = 0;
		for (int i = 0; i < N_CLASSES; i++) {
			CHECK_INT(tally[i].events, wanted[i]);
			bits += tally[i].bits;
		}
		CHECK_INT(bits, t->streams[0].packets[0].content_bits);
		ctf_cursor_fini(&c);
	}
	for (int i = 0; i < 5; i++)
		CHECK_INT(is_by_pid[i], by_pid[i]);
	ctf_trace_free(t);
}
