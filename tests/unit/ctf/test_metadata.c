/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "ctf/metadata.h"

static int parse(struct ctf_trace_class **tc, struct arena *a, const char *text, struct diag *diag)
{
	struct span bytes = {(const uint8_t *)text, strlen(text)};

	return ctf_metadata_parse(tc, a, bytes, "metadata", diag);
}

/* All that both forms can say. */
static struct ctf_trace_class *model(struct arena *a)
{
	struct ctf_trace_class *tc = ctf_trace_class_new(a, 1, 8, CTF_LITTLE_ENDIAN);
	struct ctf_clock *clock = ctf_clock_add(tc, "tsc", 2499998123);
	struct ctf_type *record, *type, *inner;
	struct ctf_stream_class *sc;
	struct ctf_event_class *ec;

	if (!tc || !clock)
		return NULL;
	tc->has_uuid = true;
	for (int i = 0; i < 16; i++)
		tc->uuid[i] = (uint8_t)(i * 17);
	clock->offset_s = 1700000000;
	clock->offset_cycles = 77;
	clock->precision_cycles = 5;
	clock->is_absolute = true;
	clock->description = "a \"clock\"\n\\";
	ctf_env_add_text(tc, "hostname", "box \"1\"");
	ctf_env_add_int(tc, "vpid", -5);
	record = ctf_type_struct(a, 8);
	ctf_struct_add(a, record, "magic", ctf_type_hex(a, 32, 8));
	ctf_struct_add(a, record, "uuid", ctf_type_array(a, ctf_type_integer(a, 8, false), 16));
	ctf_struct_add(a, record, "stream_id", ctf_type_integer(a, 32, false));
	tc->packet_header = record;
	sc = ctf_stream_class_add(tc, 3);
	record = ctf_type_struct(a, 1);
	ctf_struct_add(a, record, "timestamp_begin", ctf_type_clock_value(a, 64, 8, clock));
	ctf_struct_add(a, record, "timestamp_end", ctf_type_clock_value(a, 64, 8, clock));
	ctf_struct_add(a, record, "content_size", ctf_type_integer(a, 64, false));
	ctf_struct_add(a, record, "procname", ctf_type_array(a, ctf_type_character(a), 16));
	type = ctf_type_struct(a, 32);
	ctf_struct_add(a, type, "id", ctf_type_integer_aligned(a, 16, false, 8));
	ctf_struct_add(a, type, "timestamp", ctf_type_clock_value(a, 64, 32, clock));
	if (!sc)
		return NULL;
	sc->packet_context = record;
	sc->event_header = type;
	ec = ctf_event_class_add(sc, 0, "app:first");
	if (!ec)
		return NULL;
	ec->loglevel = 6;
	ec->emf_uri = "http://x/y";
	record = ctf_type_struct(a, 1);
	type = ctf_type_enum(a, 8, true, 8);
	ctf_enum_add(a, type, "low", (uint64_t)-128, (uint64_t)-1);
	ctf_enum_add(a, type, "_zero", 0, 0);
	ctf_enum_add(a, type, "high \"x\"", 1, 100);
	ctf_enum_add(a, type, "high \"x\"", 110, 127);
	ctf_struct_add(a, record, "kind", type);
	type = ctf_type_enum(a, 64, false, 8);
	ctf_enum_add(a, type, "all", UINT64_MAX, UINT64_MAX);
	ctf_struct_add(a, record, "mask", type);
	type = ctf_type_enum(a, 16, false, 16);
	ctf_enum_add(a, type, "text", 0, 0);
	ctf_enum_add(a, type, "pair", 1, 9);
	ctf_struct_add(a, record, "_under", ctf_type_integer(a, 5, false));
	ctf_struct_add(a, record, "string", ctf_type_string(a));
	ctf_struct_add(a, record, "tag", type);
	inner = ctf_type_struct(a, 1);
	ctf_struct_add(a, inner, "a", ctf_type_float(a, 32, 8));
	ctf_struct_add(a, inner, "b", ctf_type_float(a, 64, 64));
	type = ctf_type_variant(a, "tag");
	ctf_variant_add(a, type, "text", ctf_type_string(a));
	ctf_variant_add(a, type, "pair", inner);
	ctf_struct_add(a, record, "either", type);
	type = ctf_type_integer_aligned(a, 16, true, 8);
	ctf_type_set_byte_order(type, CTF_BIG_ENDIAN);
	ctf_struct_add(a, record, "n", ctf_type_integer(a, 8, false));
	inner = ctf_type_struct(a, 1);
	ctf_struct_add(a, inner, "list", ctf_type_sequence(a, type, "n"));
	ctf_struct_add(a, inner, "grid",
		       ctf_type_array(a, ctf_type_array(a, ctf_type_integer(a, 3, false), 4), 2));
	ctf_struct_add(a, record, "nested", inner);
	ec->payload = record;
	ec = ctf_event_class_add(sc, 70000, "app:empty");
	ctf_trace_class_assign_roles(tc);
	return ec ? tc : NULL;
}

/* Text to model to text must be a fixed point, in each form and from one form to the other. */
static void round_trip(enum ctf_metadata_format first, enum ctf_metadata_format second)
{
	struct arena a = {0}, b = {0};
	struct diag diag = {0};
	struct str one = {0}, two = {0}, direct = {0};
	struct ctf_trace_class *tc = model(&a), *read = NULL;

	CHECK_INT(ctf_metadata_write(&one, tc, first), 0);
	CHECK_INT(parse(&read, &b, str_c(&one), &diag), 0);
	CHECK_INT(diag.len, 0);
	if (diag.len)
		CHECK_STR(diag.entries[0].message, "");
	if (read) {
		CHECK_INT(ctf_metadata_write(&two, read, second), 0);
		CHECK_INT(ctf_metadata_write(&direct, tc, second), 0);
		if (first == second)
			CHECK_STR(str_c(&two), str_c(&direct));
	}
	str_fini(&one);
	str_fini(&two);
	str_fini(&direct);
	diag_fini(&diag);
	arena_fini(&a);
	arena_fini(&b);
}

TEST(tsdl_is_read_as_written)
{
	round_trip(CTF_METADATA_TSDL, CTF_METADATA_TSDL);
}

TEST(json_is_read_as_written)
{
	round_trip(CTF_METADATA_JSON, CTF_METADATA_JSON);
}

TEST(tsdl_becomes_json)
{
	round_trip(CTF_METADATA_TSDL, CTF_METADATA_JSON);
}

static void check_model(const struct ctf_trace_class *tc)
{
	const struct ctf_event_class *ec;
	const struct ctf_stream_class *sc;
	const struct ctf_type *payload, *kind;
	size_t it = 0;

	CHECK_INT(tc->has_uuid, true);
	CHECK_INT(tc->uuid[15], 255);
	CHECK_STR(ctf_env_find(tc, "hostname")->text, "box \"1\"");
	CHECK_INT(ctf_env_find(tc, "vpid")->value, -5);
	REQUIRE(tc->n_clocks == 1);
	CHECK_INT(tc->clocks[0]->frequency_hz, 2499998123);
	CHECK_INT(tc->clocks[0]->offset_cycles, 77);
	CHECK_STR(tc->clocks[0]->description, "a \"clock\"\n\\");
	sc = ctf_stream_class_find(tc, 3);
	REQUIRE(sc);
	CHECK(sc->default_clock == tc->clocks[0]);
	CHECK_INT(sc->event_header->align, 32);
	CHECK(sc->event_header->record.fields[0].roles & CTF_ROLE_BIT(CTF_ROLE_EVENT_CLASS_ID));
	CHECK(sc->packet_context->record.fields[1].roles &
	      CTF_ROLE_BIT(CTF_ROLE_PACKET_END_TIMESTAMP));
	CHECK(ctf_event_class_find(sc, 70000));
	ec = ctf_event_class_find(sc, 0);
	REQUIRE(ec && ec->payload);
	CHECK_STR(ec->name, "app:first");
	CHECK_INT(ec->loglevel, 6);
	CHECK_STR(ec->emf_uri, "http://x/y");
	payload = ec->payload;
	CHECK_INT(payload->record.n_fields, 8);
	CHECK_INT(ctf_struct_find(payload, "_under"), 2);
	CHECK_INT(ctf_struct_find(payload, "string"), 3);
	kind = payload->record.fields[0].type;
	CHECK_STR(ctf_enum_label(kind, (uint64_t)-7, &it), "low");
	CHECK_STR(ctf_enum_label(kind, (uint64_t)-7, &it), NULL);
	it = 0;
	CHECK_STR(ctf_enum_label(kind, 0, &it), "_zero");
	it = 0;
	CHECK_STR(ctf_enum_label(kind, 115, &it), "high \"x\"");
	it = 0;
	CHECK_STR(ctf_enum_label(payload->record.fields[1].type, UINT64_MAX, &it), "all");
}

TEST(what_is_read_is_what_was_meant)
{
	for (int f = 0; f < 2; f++) {
		struct arena a = {0};
		struct diag diag = {0};
		struct str text = {0};
		struct ctf_trace_class *tc = NULL;

		CHECK_INT(ctf_metadata_write(&text, model(&a), (enum ctf_metadata_format)f), 0);
		CHECK_INT(parse(&tc, &a, str_c(&text), &diag), 0);
		if (tc)
			check_model(tc);
		str_fini(&text);
		diag_fini(&diag);
		arena_fini(&a);
	}
}

TEST(in_pieces_is_the_same)
{
	for (int f = 0; f < 2; f++) {
		enum ctf_metadata_format format = (enum ctf_metadata_format)f;
		struct arena a = {0};
		struct str whole = {0}, pieces = {0};
		struct ctf_trace_class *tc = model(&a);

		ctf_metadata_write(&whole, tc, format);
		ctf_metadata_write_preamble(&pieces, tc, format);
		ctf_metadata_write_stream(&pieces, tc->streams[0], format);
		for (size_t i = 0; i < tc->streams[0]->n_events; i++)
			ctf_metadata_write_event(&pieces, tc->streams[0]->events[i], format);
		CHECK_STR(str_c(&pieces), str_c(&whole));
		str_fini(&whole);
		str_fini(&pieces);
		arena_fini(&a);
	}
}

static void put_u32(uint8_t *to, uint32_t v, bool is_be)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(v >> (is_be ? 24 - 8 * i : 8 * i));
}

TEST(packets_of_both_byte_orders)
{
	static const char text[] = "/* CTF 1.8 */ trace { major = 1; minor = 8; byte_order = be; };"
				   "event { name = a; };";

	for (int be = 0; be < 2; be++) {
		uint8_t bytes[512] = {0};
		size_t len = 0, at = 0;
		struct arena a = {0};
		struct diag diag = {0};
		struct ctf_trace_class *tc;

		/* The text may be cut anywhere, and packets padded. */
		while (at < sizeof(text) - 1) {
			uint8_t *p = bytes + len;
			size_t n = sizeof(text) - 1 - at < 50 ? sizeof(text) - 1 - at : 50;

			put_u32(p, 0x75d11d57, be);
			put_u32(p + 24, (uint32_t)(37 + n) * 8, be);
			put_u32(p + 28, (uint32_t)(37 + n + 7) * 8, be);
			p[35] = 1;
			p[36] = 8;
			memcpy(p + 37, text + at, n);
			at += n;
			len += 37 + n + 7;
		}
		CHECK_INT(ctf_metadata_parse(&tc, &a, (struct span){bytes, len}, "m", &diag), 0);
		if (tc)
			CHECK_STR(tc->streams[0]->events[0]->name, "a");
		bytes[24 + (be ? 0 : 3)] = 0x7f; /* a content larger than the file */
		CHECK_INT(ctf_metadata_parse(&tc, &a, (struct span){bytes, len}, "m", &diag),
			  -EINVAL);
		diag_fini(&diag);
		arena_fini(&a);
	}
}

static const struct {
	const char *text;
	unsigned line, column;
	const char *message; /* a part of it */
} broken[] = {
	{"/* CTF 1.8 */\ntrace { major = 1x; };", 2, 18, "letters"},
	{"/* CTF 1.8 */\nfoo;", 2, 1, "expected trace"},
	{"/* CTF 1.8 */\nstruct a { uint x; };", 2, 12, "`uint`"},
	{"/* CTF 1.8 */\nevent { name = a; fields := struct { integer { size = 8; } s[n]; }; };", 2,
	 62, "`n`"},
	{"/* CTF 1.8 */\ntypealias integer { size = 8; map = clock.x.value; } := t;", 2, 31,
	 "clock `x`"},
	{"/* CTF 1.8 */\nstruct s { integer { size = 4; byte_order = be; } a; integer { size = 4; "
	 "byte_order = le; } b; };",
	 2, 54, "byte order"},
	{"/* CTF 1.8 */\n\"", 2, 2, "not closed"},
	{"/* CTF 1.8 */\n/*", 2, 3, "comment"},
	{"\x1e{\"type\":\"preamble\",\"version\":2}\n\x1e{\"type\":\"x\"}", 2, 1, "`x`"},
	{"\x1e{\"type\":\"preamble\",\"version\":3}", 1, 1, "version 2"},
	{"\x1e{\"type\":\"trace-class\"}", 1, 1, "preamble"},
	{"\x1e{\"type\":\"preamble\",\"version\":2}\n\x1e{\"type\":", 2, 0, "JSON"},
};

TEST(errors_name_the_place)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct arena a = {0};
		struct diag diag = {0};
		struct ctf_trace_class *tc;

		CHECK_INT(parse(&tc, &a, broken[i].text, &diag), -EINVAL);
		CHECK(!tc);
		CHECK_INT(diag.errors, 1);
		if (diag.len) {
			const struct diag_entry *e = &diag.entries[diag.len - 1];

			CHECK_INT(e->place.line, broken[i].line);
			if (broken[i].column)
				CHECK_INT(e->place.column, broken[i].column);
			if (!strstr(e->message, broken[i].message))
				CHECK_STR(e->message, broken[i].message);
			CHECK_STR(e->place.file, "metadata");
		}
		diag_fini(&diag);
		arena_fini(&a);
	}
}

TEST(unknown_attributes_only_warn)
{
	struct arena a = {0};
	struct diag diag = {0};
	struct ctf_trace_class *tc;

	CHECK_INT(parse(&tc, &a,
			"/* CTF 1.8 */ trace { major = 1; minor = 8; x = 1; };"
			"stream { y := struct { }; }; event { name = a; z.w = \"t\"; };"
			"callsite { func = \"f\"; };",
			&diag),
		  0);
	CHECK_INT(diag.warnings, 3);
	CHECK_INT(diag.errors, 0);
	diag_fini(&diag);
	arena_fini(&a);
}

/* One field of each way to declare it. */
TEST(declarations)
{
	static const char text[] =
		"/* CTF 1.8 */\r\n"
		"typealias integer { size = 8; signed = true; } := signed char;\r\n"
		"typealias integer { size = 64; base = x; } := unsigned long *;\n"
		"typedef signed char byte, bytes[3];\n"
		"trace { major = 1; minor = 8; byte_order = be; };\n"
		"struct outer { signed char a; const byte b; bytes c; unsigned long *d;\n"
		"  byte e[2][3], f; integer { size = 16; } g : 5;\n"
		"  enum : byte { X, Y = -3, Z } h; // a comment \\\n continued\n"
		"  typedef integer { size = 3; } three; three i; };\n"
		"event { name = \"ev\"; fields := struct outer; };";
	struct arena a = {0};
	struct diag diag = {0};
	struct ctf_trace_class *tc;

	CHECK_INT(parse(&tc, &a, text, &diag), 0);
	if (diag.len)
		CHECK_STR(diag.entries[0].message, "");
	REQUIRE(tc);
	const struct ctf_field *f = tc->streams[0]->events[0]->payload->record.fields;

	CHECK_INT(tc->streams[0]->events[0]->payload->record.n_fields, 9);
	CHECK_INT(f[0].type->integer.is_signed, true);
	CHECK_INT(f[0].type->byte_order, CTF_BIG_ENDIAN);
	CHECK_INT(f[2].type->array.count, 3);
	CHECK_INT(f[3].type->integer.base, 16);
	CHECK_INT(f[4].type->array.count, 2);
	CHECK_INT(f[4].type->array.element->array.count, 3);
	CHECK_INT(f[6].type->integer.bits, 5);
	CHECK_INT(f[6].type->align, 1);
	CHECK_INT(f[6].type->byte_order, CTF_BIG_ENDIAN);
	CHECK_INT(f[7].type->integer.labels[2].ranges[0].lo, -2);
	CHECK_INT(f[8].type->integer.bits, 3);
	diag_fini(&diag);
	arena_fini(&a);
}

TEST(hostile_nesting_is_refused)
{
	struct str bomb = {0}, deep = {0};
	struct arena a = {.limit_bytes = 256 << 20};
	struct diag diag = {0};
	struct ctf_trace_class *tc;

	/* Each type is twice the one before: 2^60 fields from 3 KB of text. */
	str_add(&bomb, "/* CTF 1.8 */ struct s0 { integer { size = 8; } a; string b; };\n");
	for (int i = 1; i < 60; i++)
		str_addf(&bomb, "struct s%d { struct s%d a; struct s%d b; };\n", i, i - 1, i - 1);
	str_add(&bomb, "event { name = a; fields := struct s59; };");
	CHECK_INT(parse(&tc, &a, str_c(&bomb), &diag), -EINVAL);
	str_add(&deep, "/* CTF 1.8 */ event { name = a; fields := ");
	for (int i = 0; i < 20000; i++)
		str_add(&deep, "struct { ");
	CHECK_INT(parse(&tc, &a, str_c(&deep), &diag), -EINVAL);
	str_reset(&deep);
	str_add(&deep,
		"\x1e{\"type\":\"preamble\",\"version\":2}\x1e{\"type\":\"field-class-alias\","
		"\"name\":\"a\",\"field-class\":");
	for (int i = 0; i < 1000; i++)
		str_add(&deep, "{\"type\":\"static-length-array\",\"length\":1,"
			       "\"element-field-class\":");
	CHECK_INT(parse(&tc, &a, str_c(&deep), &diag), -EINVAL);
	str_fini(&bomb);
	str_fini(&deep);
	diag_fini(&diag);
	arena_fini(&a);
}

/* Wherever memory runs out, the parser says so, leaks nothing, and does not crash. */
TEST(every_failed_allocation)
{
	for (int f = 0; f < 2; f++) {
		struct arena a = {0};
		struct str text = {0};
		long n = 0;
		int rc;

		ctf_metadata_write(&text, model(&a), (enum ctf_metadata_format)f);
		do {
			struct arena b = {0};
			struct ctf_trace_class *tc;
			struct diag diag = {0};

			arena_fail_after = n++;
			rc = parse(&tc, &b, str_c(&text), &diag);
			arena_fail_after = -1;
			if (rc)
				CHECK_INT(rc, -ENOMEM);
			CHECK_INT(!tc, !!rc);
			diag_fini(&diag);
			arena_fini(&b);
		} while (rc && n < 100000);
		CHECK_INT(rc, 0);
		CHECK(n > 50);
		str_fini(&text);
		arena_fini(&a);
	}
}
