/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "ctf/filter.h"

/* shop:order_done {id: -3, count: 2^64 - 1, total: 12.5, path: "/cart/7", state: CLOSED,
 * n: 3, items: [1, -2, 3], tag: "blue", at: {x: 700, y: -1}} */
struct world {
	struct arena arena;
	struct ctf_trace_class *trace;
	struct ctf_event_class *order, *other;
	uint8_t payload[128];
	size_t len;
};

static void put(struct world *w, const void *data, size_t len)
{
	memcpy(w->payload + w->len, data, len);
	w->len += len;
}

#define PUT(w, type, value) put(w, &(type){value}, sizeof(type))

static void world_init(struct world *w)
{
	struct arena *a = &w->arena;
	struct ctf_stream_class *sc;
	struct ctf_type *s, *e, *at;

	memset(w, 0, sizeof(*w));
	w->trace = ctf_trace_class_new(a, 1, 8, CTF_LITTLE_ENDIAN);
	sc = ctf_stream_class_add(w->trace, 0);
	w->order = ctf_event_class_add(sc, 0, "shop:order_done");
	w->order->loglevel = 4;
	s = ctf_type_struct(a, 8);
	ctf_struct_add(a, s, "id", ctf_type_integer_aligned(a, 64, true, 8));
	ctf_struct_add(a, s, "count", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "total", ctf_type_float(a, 64, 8));
	ctf_struct_add(a, s, "path", ctf_type_string(a));
	e = ctf_type_enum(a, 8, false, 8);
	ctf_enum_add(a, e, "OPEN", 0, 0);
	ctf_enum_add(a, e, "CLOSED", 1, 5);
	ctf_enum_add(a, e, "DONE*", 5, 5);
	ctf_struct_add(a, s, "state", e);
	ctf_struct_add(a, s, "n", ctf_type_integer_aligned(a, 32, false, 8));
	ctf_struct_add(a, s, "items",
		       ctf_type_sequence(a, ctf_type_integer_aligned(a, 32, true, 8), "n"));
	ctf_struct_add(a, s, "tag", ctf_type_array(a, ctf_type_character(a), 8));
	at = ctf_type_struct(a, 8);
	ctf_struct_add(a, at, "x", ctf_type_integer_aligned(a, 16, false, 8));
	ctf_struct_add(a, at, "y", ctf_type_integer_aligned(a, 8, true, 8));
	ctf_struct_add(a, s, "at", at);
	w->order->payload = s;

	w->other = ctf_event_class_add(sc, 1, "shop:cart");
	w->other->loglevel = CTF_LOGLEVEL_NONE;
	s = ctf_type_struct(a, 8);
	ctf_struct_add(a, s, "path", ctf_type_integer_aligned(a, 8, false, 8));
	ctf_struct_add(a, s, "weight", ctf_type_integer_aligned(a, 8, false, 8));
	w->other->payload = s;

	PUT(w, int64_t, -3);
	PUT(w, uint64_t, UINT64_MAX);
	PUT(w, double, 12.5);
	put(w, "/cart/7", 8);
	PUT(w, uint8_t, 5);
	PUT(w, uint32_t, 3);
	PUT(w, int32_t, 1);
	PUT(w, int32_t, -2);
	PUT(w, int32_t, 3);
	put(w, "blue\0\0\0", 8);
	PUT(w, uint16_t, 700);
	PUT(w, int8_t, -1);
}

/* 1, 0, or negative errno of parsing or checking */
static int matches(const char *text)
{
	const unsigned given = FILTER_GIVEN(FILTER_PID) | FILTER_GIVEN(FILTER_PROCNAME) |
			       FILTER_GIVEN(FILTER_TIMESTAMP);
	struct filter_event e = {.pid = 42, .procname = "server", .timestamp_ns = -5};
	struct filter_bound *bound = NULL;
	struct filter *f;
	struct world w;
	int rc;

	world_init(&w);
	rc = filter_parse(&f, text, &w.arena, NULL);
	if (!rc)
		rc = filter_bind(&bound, f, w.order, given, &w.arena);
	if (!rc)
		rc = filter_check(f, NULL);
	if (!rc)
		rc = filter_matches_payload(bound, (struct span){w.payload, w.len}, &e);
	filter_bound_fini(bound);
	arena_fini(&w.arena);
	return rc;
}

struct expectation {
	const char *text;
	int result;
};

static void check_all(const struct expectation *e)
{
	for (; e->text; e++)
		if (!CHECK_INT(matches(e->text), e->result))
			printf("# of: %s\n", e->text);
}

TEST(numbers_compare_as_numbers)
{
	check_all((struct expectation[]){
		{"id == -3", 1},
		{"id < count", 1}, /* C would say no */
		{"count > 0", 1},
		{"count == 0xffffffffffffffff", 1},
		{"count == -1", 0},
		{"id < 0.5", 1},
		{"count > 1.8446744073709550e19", 1},
		{"total == 12.5", 1},
		{"total > 12", 1},
		{"total >= 12.6", 0},
		{"total < 13 && total > -1", 1},
		{"id != -3", 0},
		{0},
	});
}

TEST(literals)
{
	check_all((struct expectation[]){
		{"4K == 4096", 1},
		{"2M == 0x200000", 1},
		{"1G == 1073741824", 1},
		{"1.5ms == 1500000", 1},
		{"3us == 3000ns", 1},
		{"010 == 8", 1},
		{"0b101 == 5", 1},
		{"1e3 == 1000", 1},
		{"0 == 0", 1},
		{"true && !false", 1},
		{"99999999999999999999 > 1", -EINVAL},
		{"08 == 8", -EINVAL},
		{"0x == 0", -EINVAL},
		{"3q == 3", -EINVAL},
		{0},
	});
}

TEST(arithmetic)
{
	check_all((struct expectation[]){
		{"count + 1 == 18446744073709551616 - 0", -EINVAL}, /* literals have 64 bits */
		{"count + 1 > count", 1},
		{"count * count > 0", 0}, /* beyond 128 bits: nothing */
		{"id * -2 + 1 == 7", 1},
		{"7 / 2 == 3 && -7 / 2 == -3 && 7 % 4 == 3", 1},
		{"1 / 0 == 0", 0},
		{"1 / 0 != 0", 0},
		{"1 % 0 == 0", 0},
		{"total / 2 == 6.25", 1},
		{"12 & 4 == 4", 1}, /* tighter than ==, unlike C */
		{"1 << 4 | 1 == 17", 1},
		{"~0 == -1", 1},
		{"6 ^ 3 == 5", 1},
		{"1 << 200 == 0", 0},
		{"256 >> 4 == 16", 1},
		{"-id == 3", 1},
		{"2 + 3 * 4 == 14", 1},
		{"(2 + 3) * 4 == 20", 1},
		{"10 - 3 - 2 == 5", 1},
		{"total % 2 == 0", -EINVAL},
		{"total & 1", -EINVAL},
		{0},
	});
}

TEST(texts)
{
	check_all((struct expectation[]){
		{"path == \"/cart/7\"", 1},
		{"path == '/cart*'", 1},
		{"path == \"/cart/?\"", 1},
		{"path == \"/cart/\\?\"", 0},
		{"path == \"*7\"", 1},
		{"path == \"*a*t*\"", 1},
		{"path == \"/cart\"", 0},
		{"path != \"/x*\"", 1},
		{"path < \"/dart\"", 1},
		{"path >= \"/cart/7\"", 1},
		{"path > \"/cart\"", 1},
		{"\"/cart*\" == path", 1},
		{"tag == \"blue\"", 1},
		{"len(path) == 7", 1},
		{"path == \"\\x2fcart/7\"", 1},
		{"path == \"/cart", -EINVAL},
		{"path == \"\\q\"", -EINVAL},
		{"path", -EINVAL},
		{"path > 3", -EINVAL},
		{"path + 1 == 2", -EINVAL},
		{0},
	});
}

TEST(enums)
{
	check_all((struct expectation[]){
		{"state == \"CLOSED\"", 1},
		{"state == \"DONE\\*\"", 1}, /* both labels of 5 */
		{"state == \"OPEN\"", 0},
		{"state != \"OPEN\"", 1},
		{"state == \"CLO*\"", 1},
		{"state == 5", 1},
		{"state > 4", 1},
		{"state", 1},
		{"state < \"OPEN\"", -EINVAL},
		{0},
	});
}

TEST(paths)
{
	check_all((struct expectation[]){
		{"at.x == 700 && at.y == -1", 1},
		{"items[1] == -2", 1},
		{"items[3] == 0", 0},
		{"!has(items[3]) && has(items[2])", 1},
		{"len(items) == n", 1},
		{"has(at.x)", 1},
		{"at == 3", -EINVAL},
		{"at.z == 3", -EINVAL},
		{"items.x == 3", -EINVAL},
		{"len(id) == 3", -EINVAL},
		{"items[-1] == 3", -EINVAL},
		{"at. == 3", -EINVAL},
		{0},
	});
}

TEST(contexts)
{
	check_all((struct expectation[]){
		{"$pid == 42", 1},
		{"$procname == \"ser*\"", 1},
		{"$timestamp < 0", 1},
		{"$name == \"shop:order_done\" && $provider == \"shop\" && $event == \"order_*\"",
		 1},
		{"$level == \"WARNING\" && $level <= \"warn\" && $level > \"err\" && $level == 4",
		 1},
		{"$level == \"LOUD\"", -EINVAL},
		{"$cpu == 1", -EINVAL}, /* neither given nor in the class */
		{"$nothing == 1", -EINVAL},
		{0},
	});
}

TEST(grammar)
{
	check_all((struct expectation[]){
		{"id == -3 || path", -EINVAL},
		{"id == 3 || total > 1 && path == \"x\"", 0},
		{"(id == 3 || total > 1) && !(path == \"x\")", 1},
		{"  id==-3\n&&\ttotal>1 ", 1},
		{"!!n", 1},
		{"", -EINVAL},
		{"   ", -EINVAL},
		{"id ==", -EINVAL},
		{"id = 3", -EINVAL},
		{"1 < 2 < 3", -EINVAL},
		{"(1 < 2) == true", 1},
		{"id == 3)", -EINVAL},
		{"(id == 3", -EINVAL},
		{"id id", -EINVAL},
		{"foo(id)", -EINVAL},
		{"id @ 3", -EINVAL},
		{"has(3)", -EINVAL},
		{0},
	});
}

static int parse_repeated(const char *head, const char *part, int n, const char *tail)
{
	struct str text = {0};
	int rc;

	str_add(&text, head);
	for (int i = 0; i < n; i++)
		str_add(&text, part);
	str_add(&text, tail);
	rc = matches(str_c(&text));
	str_fini(&text);
	return rc;
}

TEST(depth_is_bounded_and_chains_are_not_deep)
{
	CHECK_INT(parse_repeated("", "(", 5000, "1"), -EINVAL);
	CHECK_INT(parse_repeated("", "!", 5000, "1"), -EINVAL);
	CHECK_INT(parse_repeated("1", "+1", 5000, " > 0"), -EINVAL);
	CHECK_INT(parse_repeated("id", "[0]", 5000, " > 0"), -EINVAL);
	CHECK_INT(parse_repeated("0", "||id==1", 5000, "||1"), 1);
	CHECK_INT(parse_repeated("1", " ", 70000, ""), -EINVAL);
	CHECK_INT(parse_repeated("", "(", 40, ""), -EINVAL);
}

/* The entry's column, or 0. */
static unsigned column_of(const char *text, const char **message, const char **hint)
{
	static struct diag diag;
	static struct world w;
	struct filter_bound *bound;
	struct filter *f;

	diag_fini(&diag);
	world_init(&w);
	if (!filter_parse(&f, text, &w.arena, &diag) &&
	    !filter_bind(&bound, f, w.order, 0, &w.arena) &&
	    !filter_bind(&bound, f, w.other, 0, &w.arena))
		filter_check(f, &diag);
	arena_fini(&w.arena);
	*message = diag.len ? diag.entries[0].message : NULL;
	*hint = diag.len ? diag.entries[0].hint : NULL;
	return diag.len ? diag.entries[0].place.column : 0;
}

TEST(errors_point_and_suggest)
{
	const char *message, *hint;

	CHECK_INT(column_of("id > 1 && totl > 10", &message, &hint), 11);
	CHECK_STR(message, "no event has a field totl");
	CHECK_STR(hint, "did you mean total?");
	CHECK_INT(column_of("total > 10 && (id == )", &message, &hint), 22);
	CHECK_INT(column_of("id = 3", &message, &hint), 4);
	CHECK_STR(hint, "write ==");
	CHECK_INT(column_of("total > \"x\"", &message, &hint), 7);
	CHECK_STR(message, "> does not compare a floating point number with a string");
	/* fits one of the classes */
	CHECK_INT(column_of("path > 3", &message, &hint), 0);
	CHECK_INT(column_of("path == \"x\" || weight == 3", &message, &hint), 0);
}

TEST(caret)
{
	struct str out = {0};
	struct diag diag = {0};
	struct arena a = {0};
	struct filter *f;

	CHECK_INT(filter_parse(&f, "id\n= 3", &a, &diag), -EINVAL);
	filter_point(&out, "id\n= 3", &diag);
	CHECK_STR(str_c(&out), "  id = 3\n     ^\n");
	str_fini(&out);
	diag_fini(&diag);
	arena_fini(&a);
}

TEST(class_without_the_field)
{
	struct filter_bound *order, *other;
	struct filter_event e = {0};
	struct filter *f;
	struct world w;
	size_t it = 0;

	world_init(&w);
	REQUIRE(!filter_parse(&f, "total > 10 && id == -3", &w.arena, NULL));
	REQUIRE(!filter_bind(&order, f, w.order, 0, &w.arena));
	REQUIRE(!filter_bind(&other, f, w.other, 0, &w.arena));
	CHECK_INT(filter_check(f, NULL), 0);
	CHECK(!filter_is_never(order));
	CHECK(filter_is_never(other));
	CHECK_STR(filter_missing(other, &it), "total");
	CHECK_STR(filter_missing(other, &it), "id");
	CHECK(!filter_missing(other, &it));
	CHECK_INT(filter_matches_payload(other, (struct span){w.payload, 2}, &e), 0);
	REQUIRE(!filter_parse(&f, "!has(total) || $name == \"*done\"", &w.arena, NULL));
	REQUIRE(!filter_bind(&other, f, w.other, 0, &w.arena));
	CHECK_INT(filter_matches_payload(other, (struct span){w.payload, 2}, &e), 1);
	filter_bound_fini(order);
	filter_bound_fini(other);
	arena_fini(&w.arena);
}

TEST(only_what_is_wanted_is_decoded)
{
	struct filter_bound *bound;
	struct filter_event e = {0};
	struct filter *f;
	struct world w;

	world_init(&w);
	REQUIRE(!filter_parse(&f, "id == -3", &w.arena, NULL));
	REQUIRE(!filter_bind(&bound, f, w.order, 0, &w.arena));
	CHECK_INT(filter_matches_payload(bound, (struct span){w.payload, 8}, &e), 1);
	CHECK(filter_matches_payload(bound, (struct span){w.payload, 7}, &e) < 0);
	filter_bound_fini(bound);
	arena_fini(&w.arena);
}

TEST(levels)
{
	CHECK_INT(filter_level_number("ERR", 3), 3);
	CHECK_INT(filter_level_number("trace_warning", 13), 4);
	CHECK_INT(filter_level_number("PISTE_DEBUG", 11), 14);
	CHECK_INT(filter_level_number("loud", 4), -1);
	CHECK_STR(filter_level_name(6), "INFO");
	CHECK(!filter_level_name(15));
}

TEST(no_memory)
{
	for (long n = 0; n < 60; n++) {
		struct filter_bound *bound = NULL;
		struct filter *f = NULL;
		struct world w;
		int rc;

		world_init(&w);
		arena_fail_after = n;
		rc = filter_parse(&f, "total > 10 && path == \"/c*\" || at.x == 2", &w.arena, NULL);
		if (!rc)
			rc = filter_bind(&bound, f, w.order, 0, &w.arena);
		arena_fail_after = -1;
		CHECK(rc == 0 || rc == -ENOMEM);
		filter_bound_fini(bound);
		arena_fini(&w.arena);
	}
}
