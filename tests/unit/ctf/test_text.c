/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <math.h>
#include <time.h>

#include "ctf/log-format.h"
#include "ctf/text.h"

/* One event class, its payload built by each test, and a message with an event of it. */
struct world {
	struct arena arena;
	struct ctf_trace trace;
	struct ctf_stream stream;
	struct ctf_packet packet;
	struct ctf_event_class *class;
	struct ctf_type *payload;
	struct ctf_values values;
	uint8_t bytes[256];
	size_t len;
	struct ctf_message message;
};

static void world_init(struct world *w)
{
	struct ctf_stream_class *sc;

	memset(w, 0, sizeof(*w));
	w->trace.class = ctf_trace_class_new(&w->arena, 1, 8, CTF_LITTLE_ENDIAN);
	ctf_env_add_text(w->trace.class, "hostname", "host");
	ctf_env_add_text(w->trace.class, "domain", "ust");
	ctf_env_add_text(w->trace.class, "tracer_name", "piste");
	ctf_env_add_int(w->trace.class, "vpid", 7);
	sc = ctf_stream_class_add(w->trace.class, 0);
	sc->default_clock = ctf_clock_add(w->trace.class, "c", 1000000000);
	w->class = ctf_event_class_add(sc, 0, "shop:order");
	w->class->loglevel = 4;
	w->payload = ctf_type_struct(&w->arena, 8);
	w->class->payload = w->payload;
	w->trace.path = (char *)"/dir";
	w->stream.trace = &w->trace;
	w->stream.class = sc;
	w->stream.name = "/dir/stream";
	w->trace.streams = &w->stream;
	w->trace.n_streams = 1;
}

static void world_fini(struct world *w)
{
	ctf_values_fini(&w->values);
	arena_fini(&w->arena);
}

static void field(struct world *w, const char *name, const struct ctf_type *type)
{
	CHECK_INT(ctf_struct_add(&w->arena, w->payload, name, type), 0);
}

static void put(struct world *w, const void *data, size_t len)
{
	memcpy(w->bytes + w->len, data, len);
	w->len += len;
}

#define PUT(w, type, value) put(w, &(type){value}, sizeof(type))

static struct ctf_type *integer(struct world *w, unsigned bits, bool is_signed, unsigned base)
{
	struct ctf_type *t = ctf_type_integer_aligned(&w->arena, bits, is_signed, bits < 8 ? 1 : 8);

	t->integer.base = (uint8_t)base;
	return t;
}

static bool decode(struct world *w)
{
	struct ctf_plan *plan;
	struct ctf_message *m = &w->message;

	if (!CHECK(!ctf_plan_new(&plan, &w->arena, w->payload, CTF_SCOPE_EVENT_PAYLOAD,
				 CTF_WANT_ALL, NULL)) ||
	    !CHECK(!ctf_decode_fields(plan, (struct span){w->bytes, w->len}, &w->values)))
		return false;
	m->kind = CTF_MESSAGE_EVENT;
	m->stream = &w->stream;
	m->packet = &w->packet;
	m->event = w->class;
	m->has_time = true;
	m->values = &w->values;
	m->payload = w->values.items;
	return true;
}

static char *line_of(struct world *w, const struct text_opts *o, bool json)
{
	static char line[4096];
	struct text_printer *p;
	struct text_class *class;
	struct str out = {0};

	if (!decode(w) || !CHECK(!text_printer_new(&p, o)))
		return line;
	class = text_class_new(p, &w->trace, w->class);
	if (CHECK(class)) {
		if (json)
			text_event_json(p, class, &out, &w->message);
		else
			text_event(p, class, &out, &w->message);
	}
	CHECK(!out.failed);
	snprintf(line, sizeof(line), "%s", str_c(&out));
	str_fini(&out);
	text_printer_free(p);
	return line;
}

static char *fields_of(struct world *w)
{
	struct text_opts o = TEXT_OPTS_DEFAULT;
	char *line = line_of(w, &o, false), *brace = strchr(line, '{');

	return brace ? brace : line;
}

TEST(integers_in_their_bases)
{
	struct world w;

	world_init(&w);
	field(&w, "u", integer(&w, 64, false, 0));
	field(&w, "i", integer(&w, 64, true, 10));
	field(&w, "h", integer(&w, 32, true, 16));
	field(&w, "o", integer(&w, 16, true, 8));
	field(&w, "p", integer(&w, 16, false, 8));
	field(&w, "b", integer(&w, 8, false, 2));
	field(&w, "z", integer(&w, 64, false, 16));
	PUT(&w, uint64_t, UINT64_MAX);
	PUT(&w, int64_t, INT64_MIN);
	PUT(&w, int32_t, -1);
	PUT(&w, int16_t, -2);
	PUT(&w, uint16_t, 8);
	PUT(&w, uint8_t, 0x25);
	PUT(&w, uint64_t, 0);
	CHECK_STR(fields_of(&w),
		  "{ u = 18446744073709551615, i = -9223372036854775808, h = 0xFFFFFFFF, "
		  "o = 0777776, p = 010, b = 0b00100101, z = 0x0 }\n");
	world_fini(&w);
}

TEST(text_is_escaped)
{
	struct world w;

	world_init(&w);
	field(&w, "s", ctf_type_string(&w.arena));
	field(&w, "a", ctf_type_array(&w.arena, ctf_type_character(&w.arena), 6));
	put(&w, "q\"\\'?\n\t\001\033\177\303\251", 13);
	put(&w, "ab\0cd", 6);
	CHECK_STR(fields_of(&w),
		  "{ s = \"q\\\"\\\\\\'\\?\\n\\t\\x01\\e\\x7f\303\251\", a = \"ab\" }\n");
	world_fini(&w);
}

TEST(enums_arrays_and_structures)
{
	struct world w;
	struct ctf_type *e, *s;

	world_init(&w);
	e = ctf_type_enum(&w.arena, 8, true, 8);
	ctf_enum_add(&w.arena, e, "A", 0, 3);
	ctf_enum_add(&w.arena, e, "B\"", 3, 9);
	field(&w, "one", e);
	field(&w, "two", e);
	field(&w, "none", e);
	field(&w, "n", integer(&w, 8, false, 0));
	field(&w, "q", ctf_type_sequence(&w.arena, integer(&w, 16, true, 0), "n"));
	s = ctf_type_struct(&w.arena, 8);
	ctf_struct_add(&w.arena, s, "x", integer(&w, 8, false, 16));
	field(&w, "s", ctf_type_array(&w.arena, s, 2));
	field(&w, "e", ctf_type_struct(&w.arena, 8));
	put(&w, "\0\3\377\2", 4);
	PUT(&w, int16_t, -1);
	PUT(&w, int16_t, 300);
	put(&w, "\xab\1", 2);
	CHECK_STR(fields_of(&w),
		  "{ one = ( \"A\" : container = 0 ), two = ( \"A\", \"B\\\"\" : container = 3 ), "
		  "none = ( <unknown> : container = -1 ), n = 2, q = [ [0] = -1, [1] = 300 ], "
		  "s = [ [0] = { x = 0xAB }, [1] = { x = 0x1 } ], e = { } }\n");
	world_fini(&w);
}

TEST(heads)
{
	static const struct {
		const char *names, *fields;
		bool seconds, no_delta, date, cycles;
		const char *line;
	} rows[] = {
		{NULL, NULL, 0, 0, 0, 0,
		 "[00:16:40.000000005] (+?.???"
		 "???"
		 "???"
		 ") host:(7) shop:order: { x = 1 }\n"},
		{NULL, NULL, 1, 1, 0, 0, "[1000.000000005] host:(7) shop:order: { x = 1 }\n"},
		{NULL, NULL, 0, 1, 1, 0,
		 "[1970-01-01 00:16:40.000000005] host:(7) shop:order: { x = 1 }\n"},
		{NULL, "loglevel", 0, 1, 0, 0,
		 "[00:16:40.000000005] TRACE_WARNING (4) shop:order: { x = 1 }\n"},
		{"none", NULL, 0, 0, 0, 1,
		 "[00000000000000000077] (+????????????"
		 ") host:(7) shop:order: { 1 }\n"},
		{"all", "all", 0, 0, 0, 0,
		 "timestamp = 00:16:40.000000005, delta = +?.?????????, trace = host, , trace:hostname = host, "
		 "trace:domain = ust, trace:vpid = (7), loglevel = TRACE_WARNING (4), name = shop:order, "
		 "event.fields = { x = 1 }\n"},
	};

	setenv("TZ", "UTC", 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text_opts o = TEXT_OPTS_DEFAULT;
		struct world w;

		world_init(&w);
		field(&w, "x", integer(&w, 8, false, 0));
		put(&w, "\1", 1);
		w.message.ns = 1000000000005;
		w.message.cycles = 77;
		if (rows[i].names)
			CHECK_INT(text_opts_set_names(&o, rows[i].names), 0);
		if (rows[i].fields)
			CHECK_INT(text_opts_set_fields(&o, rows[i].fields), 0);
		o.clock_seconds = rows[i].seconds;
		o.no_delta = rows[i].no_delta;
		o.clock_date = rows[i].date;
		o.clock_cycles = rows[i].cycles;
		CHECK_STR(line_of(&w, &o, false), rows[i].line);
		world_fini(&w);
	}
}

TEST(lists_of_words)
{
	struct text_opts o = TEXT_OPTS_DEFAULT;

	CHECK_INT(text_opts_set_names(&o, "args,ctx"), 0);
	CHECK_INT(o.names, TEXT_NAME_PAYLOAD | TEXT_NAME_CONTEXT);
	CHECK_INT(text_opts_set_names(&o, "none"), 0);
	CHECK_INT(o.names, 0);
	CHECK(text_opts_set_names(&o, "payloads") < 0);
	CHECK_INT(text_opts_set_fields(&o, "trace:domain,emf"), 0);
	CHECK_INT(o.fields, TEXT_FIELD_DOMAIN | TEXT_FIELD_EMF);
	CHECK(text_opts_set_fields(&o, "trace:nothing") < 0);
}

/* Times in every zone, over changes of summer time, forwards and backwards. */
TEST(times_are_those_of_libc)
{
	static const char *const zones[] = {"UTC", "Europe/Berlin", "Asia/Kathmandu",
					    "America/St_Johns", "XYZ-1:17:13"};
	struct text_opts o = TEXT_OPTS_DEFAULT;

	o.clock_date = true;
	for (size_t z = 0; z < sizeof(zones) / sizeof(zones[0]); z++) {
		struct text_printer *p;
		struct text_class *class;
		struct world w;

		setenv("TZ", zones[z], 1);
		tzset();
		world_init(&w);
		field(&w, "x", integer(&w, 8, false, 0));
		put(&w, "\1", 1);
		REQUIRE(decode(&w));
		REQUIRE(!text_printer_new(&p, &o));
		class = text_class_new(p, &w.trace, w.class);
		REQUIRE(class);
		for (int64_t s = 1774745000; s < 1774750000; s += s % 7 == 3 ? -2 : 397) {
			char wanted[64], line[64];
			struct str out = {0};
			time_t t = (time_t)s;
			struct tm tm;

			w.message.ns = s * 1000000000 + 123;
			text_event(p, class, &out, &w.message);
			strftime(wanted, sizeof(wanted), "[%Y-%m-%d %H:%M:%S.000000123]",
				 localtime_r(&t, &tm));
			snprintf(line, sizeof(line), "%.*s", (int)strlen(wanted), str_c(&out));
			CHECK_STR(line, wanted);
			str_fini(&out);
		}
		text_printer_free(p);
		world_fini(&w);
	}
}

TEST(negative_times_and_deltas)
{
	static const struct {
		int64_t ns;
		const char *head;
	} rows[] = {{-2, "[-0.000000002] (+?.???"
			 "???"
			 "???"
			 ")"},
		    {-1500000000, "[-1.500000000] (+18446744072.209551618)"},
		    {-1000000000, "[-1.000000000] (+0.500000000)"}};
	struct text_opts o = TEXT_OPTS_DEFAULT;
	struct text_printer *p;
	struct text_class *class;
	struct world w;

	world_init(&w);
	field(&w, "x", integer(&w, 8, false, 0));
	put(&w, "\1", 1);
	REQUIRE(decode(&w));
	REQUIRE(!text_printer_new(&p, &o));
	class = text_class_new(p, &w.trace, w.class);
	for (size_t i = 0; i < 3; i++) {
		struct str out = {0};

		w.message.ns = rows[i].ns;
		text_event(p, class, &out, &w.message);
		if (!CHECK(!strncmp(str_c(&out), rows[i].head, strlen(rows[i].head))))
			printf("# %s", str_c(&out));
		str_fini(&out);
	}
	CHECK(text_printer_saw_negative_time(p));
	text_printer_free(p);
	world_fini(&w);
}

TEST(reals_are_those_of_printf)
{
	static const double special[] = {
		0.0,        -0.0,       1,         -1,        0.1,
		1e-4,       9.99999e-5, 999999,    999999.5,  999998.5,
		1e6,        123456.5,   0.5,       2.5,       0.000123456500000,
		1e300,      5e-324,     NAN,       INFINITY,  -INFINITY,
		1234565e-3, 99999.95,   9.9999995, 0.99999949};
	char is[40], wanted[40];
	uint64_t seed = 88172645463325252ull;

	for (int i = 0; i < 2000000; i++) {
		double v;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		if (i < (int)(sizeof(special) / sizeof(special[0])))
			v = special[i];
		else if (i % 4 == 0)
			memcpy(&v, &seed, 8);
		else if (i % 4 == 1)
			v = (double)(seed % 100000000) / 1000; /* many ties */
		else if (i % 4 == 2)
			v = (double)(float)((double)(int64_t)seed / 9.3e12);
		else
			v = pow(10, (double)(seed % 1000) / 100 - 5);
		is[text_put_real(is, v)] = '\0';
		snprintf(wanted, sizeof(wanted), "%g", v);
		if (strcmp(is, wanted) != 0 && !CHECK_STR(is, wanted))
			break;
	}
}

TEST(json)
{
	struct text_opts o = TEXT_OPTS_DEFAULT;
	struct ctf_type *e;
	struct world w;

	world_init(&w);
	e = ctf_type_enum(&w.arena, 8, false, 8);
	ctf_enum_add(&w.arena, e, "A", 0, 3);
	field(&w, "e", e);
	field(&w, "u", integer(&w, 64, false, 16));
	field(&w, "d", ctf_type_float(&w.arena, 64, 8));
	field(&w, "nan", ctf_type_float(&w.arena, 64, 8));
	field(&w, "s", ctf_type_string(&w.arena));
	field(&w, "a", ctf_type_array(&w.arena, integer(&w, 8, true, 0), 2));
	PUT(&w, uint8_t, 1);
	PUT(&w, uint64_t, UINT64_MAX);
	PUT(&w, double, 0.1);
	PUT(&w, double, NAN);
	put(&w, "a\"\n\377", 5);
	put(&w, "\1\377", 2);
	w.message.ns = -5;
	CHECK_STR(
		line_of(&w, &o, true),
		"{\"timestamp_ns\":-5,\"event\":\"shop:order\",\"level\":\"WARNING\",\"host\":\"host\","
		"\"fields\":{\"e\":{\"value\":1,\"labels\":[\"A\"]},\"u\":18446744073709551615,\"d\":0.1,"
		"\"nan\":null,\"s\":\"a\\\"\\n\xef\xbf\xbd\",\"a\":[1,-1]}}\n");
	world_fini(&w);
}

TEST(discarded)
{
	struct text_opts o = TEXT_OPTS_DEFAULT;
	struct text_printer *p;
	struct str out = {0};
	struct world w;

	setenv("TZ", "UTC", 1);
	world_init(&w);
	w.message = (struct ctf_message){.kind = CTF_MESSAGE_DISCARDED_EVENTS,
					 .stream = &w.stream,
					 .has_time = true,
					 .ns = 1,
					 .end_ns = 2000000000,
					 .has_count = true,
					 .count = 1};
	REQUIRE(!text_printer_new(&p, &o));
	text_discarded(p, &out, &w.message);
	w.message.kind = CTF_MESSAGE_DISCARDED_PACKETS;
	w.message.has_count = w.message.has_time = false;
	w.trace.class->has_uuid = true;
	text_discarded(p, &out, &w.message);
	CHECK_STR(
		str_c(&out),
		"WARNING: Tracer discarded 1 event between [00:00:00.000000001] and [00:00:02.000000000] in trace "
		"\"host\" (no UUID) within stream \"/dir/stream\" (stream class ID: 0, stream ID: 0).\n"
		"WARNING: Tracer may have discarded packets (unknown time range) in trace \"host\" (UUID: "
		"00000000-0000-0000-0000-000000000000) within stream \"/dir/stream\" (stream class ID: 0, "
		"stream ID: 0).\n");
	str_fini(&out);
	text_printer_free(p);
	world_fini(&w);
}

/* --- log messages ------------------------------------------------------------ */

/* Arguments: i32 -5, u64 2^64 - 1, double 2.5, "text", u8 'x', i8 -1 */
static const char *message_of(const char *format)
{
	static char message[8192];
	struct str out = {0};
	struct ctf_type *e;
	struct world w;

	world_init(&w);
	e = ctf_type_enum(&w.arena, 8, false, 8);
	ctf_enum_add(&w.arena, e, format, 0, 0);
	field(&w, "fmt", e);
	field(&w, "a", integer(&w, 32, true, 0));
	field(&w, "b", integer(&w, 64, false, 0));
	field(&w, "c", ctf_type_float(&w.arena, 64, 8));
	field(&w, "d", ctf_type_string(&w.arena));
	field(&w, "e", integer(&w, 8, false, 0));
	field(&w, "f", integer(&w, 8, true, 0));
	PUT(&w, uint8_t, 0);
	PUT(&w, int32_t, -5);
	PUT(&w, uint64_t, UINT64_MAX);
	PUT(&w, double, 2.5);
	put(&w, "text", 5);
	PUT(&w, uint8_t, 'x');
	PUT(&w, int8_t, -1);
	message[0] = '\0';
	if (decode(&w)) {
		CHECK_STR(log_format_of(w.trace.class, w.class), format);
		log_format(&out, format, &w.values, w.message.payload);
	}
	snprintf(message, sizeof(message), "%s", str_c(&out));
	str_fini(&out);
	world_fini(&w);
	return message;
}

TEST(log_messages)
{
	CHECK_STR(message_of("plain"), "plain");
	CHECK_STR(message_of("%d %lu %f %s %c %hhd"), "-5 18446744073709551615 2.500000 text x -1");
	CHECK_STR(message_of("[%6d|%-22llu|%08.3f|%-6s|%3c|%+d]"),
		  "[    -5|18446744073709551615  |0002.500|text  |  x|-1]");
	CHECK_STR(message_of("%x %X %e %.2s %o %hhx"),
		  "fffffffb FFFFFFFFFFFFFFFF 2.500000e+00 te 170 ff");
	CHECK_STR(message_of("100%% %i%%"), "100% -5%");
	CHECK_STR(message_of("%*d|"), "18446744073709551615|"); /* width -5: to the left */
	CHECK_STR(message_of("%d %p"), "-5 0xffffffffffffffff");
	CHECK_STR(message_of("%s %d %s"), "-5 18446744073709551615 2.5"); /* not as announced */
	CHECK_STR(message_of("%f"), "-5");
	CHECK_STR(message_of("%d%d%d%d%d%d%d"), "-5184467440737095516152.5text120-1<missing>");
	CHECK_STR(message_of("%n%d"), "%n-5"); /* writes nowhere */
	CHECK_STR(message_of("%"), "%");
	CHECK_STR(message_of("%-"), "%-");
	CHECK_STR(message_of("%y %d"), "%y -5");
	CHECK_INT(strlen(message_of("%99999999999d")), 4096);
	CHECK_STR(message_of("%#x %#o"), "0xfffffffb 01777777777777777777777");
}

TEST(only_log_events_have_a_format)
{
	struct world w;

	world_init(&w);
	CHECK(!log_format_of(w.trace.class, w.class));
	field(&w, "fmt", integer(&w, 8, false, 0));
	CHECK(!log_format_of(w.trace.class, w.class));
	world_fini(&w);
}

TEST(no_memory)
{
	struct text_opts o = TEXT_OPTS_DEFAULT;

	for (long n = 0; n < 30; n++) {
		struct text_printer *p;
		struct text_class *class;
		struct str out = {0};
		struct world w;

		world_init(&w);
		field(&w, "s", ctf_type_string(&w.arena));
		put(&w, "x", 2);
		REQUIRE(decode(&w));
		REQUIRE(!text_printer_new(&p, &o));
		arena_fail_after = n;
		class = text_class_new(p, &w.trace, w.class);
		arena_fail_after = -1;
		if (class)
			text_event(p, class, &out, &w.message);
		str_fini(&out);
		text_printer_free(p);
		world_fini(&w);
	}
}

static void check_flags(const struct ctf_type *type, uint64_t value, const char *wanted,
			uint64_t left)
{
	char text[64] = "";
	const char *label;
	size_t it = 0;

	while ((label = ctf_enum_flag(type, &value, &it)))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", label);
	CHECK_STR(text, wanted);
	CHECK_INT(value, left);
}

TEST(labels_of_bits)
{
	struct ctf_range ranges[] = {{0, 0}, {6, 6}, {1, 1}, {2, 2}, {4, 4}, {3, 3}, {5, 5}};
	struct ctf_label labels[] = {{"ZERO", &ranges[0], 1}, {"BC", &ranges[1], 1},
				     {"A", &ranges[2], 1},    {"B", &ranges[3], 1},
				     {"C", &ranges[4], 1},    {"THREE", &ranges[5], 1},
				     {"FIVE", &ranges[6], 1}};
	struct ctf_type type = {.kind = CTF_ENUM, .integer = {.labels = labels, .n_labels = 5}};

	check_flags(&type, 5, "A C ", 0);
	check_flags(&type, 7, "BC A ", 0);
	check_flags(&type, 9, "A ", 8);
	check_flags(&type, 8, "", 8);
	/* 0 … 6: numbers, of which some happen to be bits */
	type.integer.n_labels = 7;
	check_flags(&type, 9, "", 9);
	type.integer.n_labels = 5;
	type.integer.is_signed = true;
	check_flags(&type, 9, "", 9);
}
