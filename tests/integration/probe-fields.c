/* SPDX-License-Identifier: MIT */
/*
 * probe-fields - every type that a field can have: a tracer in the process
 * gets the record, and its bytes, codes and text are compared with what was
 * written down here by hand. Compiles as C and, from probe-fields.cc, as C++.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <piste/piste.h>
#include <piste/tracer.h>

/* names that programs do give to macros */
#define N 3
#define E 2.71828
#define K 1024
#define AS ~
#define BYTES ~
#define FIXED ~
#define SEQUENCE ~
#define OPTIONAL ~
#define ATTRIBUTES ~
#define IF ~
#define KIND ~

static unsigned char got[65536];
static uint32_t got_size;
static const struct piste_site *got_site;
static uint64_t got_ticks;
static int calls, faults;

static unsigned char wanted[65536];
static uint32_t wanted_size;

static void capture(void *priv, const struct piste_site *site, uint64_t ticks, const void *payload,
		    uint32_t size)
{
	(void)priv;
	memcpy(got, payload, size);
	got_size = size;
	got_site = site;
	got_ticks = ticks;
	calls++;
}

static void bytes(const void *p, uint32_t n)
{
	memcpy(wanted + wanted_size, p, n);
	wanted_size += n;
}

static void u8(unsigned v)
{
	wanted[wanted_size++] = (unsigned char)v;
}

static void u32(uint32_t v)
{
	bytes(&v, 4);
}

static void text(const char *s)
{
	bytes(s, (uint32_t)strlen(s) + 1);
}

#define VALUE(type, v)                                                                             \
	__extension__({                                                                            \
		type value_ = (v);                                                                 \
		bytes(&value_, sizeof(value_));                                                    \
	})

static void fault(int line, const char *what)
{
	printf("line %d: %s\n", line, what);
	faults++;
}

/* What the last event must have been; an empty line of wanted bytes is a payload of none. */
static void same(int line, const char *name, const uint32_t *codes, uint32_t n)
{
	struct piste_view view;

	if (calls != 1)
		fault(line, calls ? "more than one event" : "no event");
	else if (got_size != wanted_size || memcmp(got, wanted, got_size) != 0) {
		fault(line, "payload differs");
		printf("  is     ");
		for (uint32_t i = 0; i < got_size && i < 64; i++)
			printf("%02x", got[i]);
		printf(" (%u)\n  wanted ", got_size);
		for (uint32_t i = 0; i < wanted_size && i < 64; i++)
			printf("%02x", wanted[i]);
		printf(" (%u)\n", wanted_size);
	} else if (got_site->field_count != n ||
		   (n && memcmp(got_site->types, codes, n * 4) != 0)) {
		fault(line, "type codes differ");
		for (uint32_t i = 0; i < got_site->field_count; i++)
			printf("  code %x\n", got_site->types[i]);
	} else if (piste_describe_site(got_site, sizeof(*got_site) + got_site->text_size, &view) ||
		   strcmp(view.name, name) != 0) {
		fault(line, "its description is not that of the event");
	} else if (errno != 4711) {
		fault(line, "errno changed");
	}
	calls = 0;
	got_size = wanted_size = 0;
}

#define SAME(name, ...)                                                                            \
	do {                                                                                       \
		const uint32_t codes_[] = {__VA_ARGS__};                                           \
		same(__LINE__, name, codes_, sizeof(codes_) / sizeof(*codes_));                    \
	} while (0)
#define ONE(t) PISTE_CODE(PISTE_T_##t, PISTE_S_ONE, 0)
#define SHAPED(t, shape, n) PISTE_CODE(PISTE_T_##t, PISTE_S_##shape, n)

/* ---- types of our own */

enum color { RED = 1, GREEN = 2, BLUE = -3 };
PISTE_ENUM(color, enum color, RED, GREEN, BLUE, ("light blue", 10), ("shade", 20, 29));

struct point {
	int x;
	short y;
	const char *label;
};
PISTE_STRUCT(point, const struct point *self, (x, self->x), (y, self->y), (label, self->label));

struct line {
	struct point from, to[2];
	enum color color;
	unsigned n;
	unsigned char raw[4];
};
PISTE_STRUCT(line, const struct line *self, (from, PISTE_AS(point, &self->from)),
	     (to, PISTE_FIXED_OF(point, self->to, 2)), (color, PISTE_AS(color, self->color)),
	     (raw, PISTE_BYTES(self->raw, self->n)), (n, PISTE_OPTIONAL(self->n > 2, self->n)));

enum kind { CIRCLE, SQUARE, NOTHING };
struct shape {
	enum kind kind;
	double radius;
	struct point corner;
};
PISTE_VARIANT(shape, const struct shape *self, self->kind, (circle, CIRCLE, self->radius),
	      (square, SQUARE, PISTE_AS(point, &self->corner)));

static int evaluated;
static int once(int v)
{
	evaluated++;
	return v;
}

static void scalars(void)
{
	bool yes = true;
	char c = 'c';
	signed char s8 = -8;
	unsigned char n8 = 200;
	short s16 = -1600;
	unsigned short n16 = 60000;
	int s32 = -320000;
	unsigned n32 = 4000000000u;
	long s64 = -64000000000;
	unsigned long n64 = 18000000000000000000ul;
	long long sl = -1;
	unsigned long long nl = ~0ull;
	float f = 1.5f;
	double d = -2.25;
	long double ld = 3.125L;
	void *p = &d;
	enum color color = GREEN;

	PISTE(t, nothing);
	same(__LINE__, "nothing", NULL, 0);

	PISTE(t, integers, yes, c, s8, n8, s16, n16, s32, n32, s64, n64, sl, nl);
	VALUE(bool, true), VALUE(char, 'c'), VALUE(signed char, -8), u8(200), VALUE(short, -1600);
	VALUE(unsigned short, 60000), VALUE(int, -320000), u32(4000000000u);
	VALUE(long, -64000000000), VALUE(unsigned long, 18000000000000000000ul);
	VALUE(long long, -1), VALUE(unsigned long long, ~0ull);
	SAME("integers", ONE(BOOL), (char)-1 < 0 ? ONE(S8) : ONE(U8), ONE(S8), ONE(U8), ONE(S16),
	     ONE(U16), ONE(S32), ONE(U32), ONE(S64), ONE(U64), ONE(S64), ONE(U64));

	PISTE(t, floats, f, d, ld, p);
	VALUE(float, 1.5f), VALUE(double, -2.25), VALUE(double, 3.125), VALUE(void *, p);
	SAME("floats", ONE(F32), ONE(F64), ONE(F64), ONE(POINTER));

	PISTE(t, named, (answer, once(42)), (sum, s32 + 1, unit = ms), color,
	      PISTE_ATTRIBUTES(why = because));
	VALUE(int, 42), VALUE(int, -319999), VALUE(int, 2);
	same(__LINE__, "named",
	     (const uint32_t[]){ONE(S32), ONE(S32), sizeof(color) == 4 ? ONE(S32) : ONE(U32),
				PISTE_CODE(PISTE_T_ATTRIBUTES, 0, 0)},
	     4);
	if (evaluated != 1)
		fault(__LINE__, "an argument was not evaluated once");

	PISTE_LEVEL(PISTE_DEBUG, t, level, s32);
	if (got_site && got_site->level != PISTE_DEBUG)
		fault(__LINE__, "level");
	VALUE(int, -320000);
	SAME("level", ONE(S32));

	PISTE(t, sixteen, s8, s8, s8, s8, s8, s8, s8, s8, s8, s8, s8, s8, s8, s8, s8, n8);
	for (int i = 0; i < 15; i++)
		u8((unsigned char)-8);
	u8(200);
	SAME("sixteen", ONE(S8), ONE(S8), ONE(S8), ONE(S8), ONE(S8), ONE(S8), ONE(S8), ONE(S8),
	     ONE(S8), ONE(S8), ONE(S8), ONE(S8), ONE(S8), ONE(S8), ONE(S8), ONE(U8));
}

static void strings(void)
{
	static char big[10000];
	char array[8] = "array", *writable = array;
	const char *null = NULL, *empty = "", *some = "some";

	/* each length that takes another way */
	for (int n = 0; n <= 40; n++) {
		char word[64];

		memset(word, 'a' + n % 26, sizeof(word));
		word[n] = '\0';
		PISTE(t, word, (word, (const char *)word), n);
		text(word), VALUE(int, n);
		SAME("word", ONE(STRING), ONE(S32));
	}
	PISTE(t, strings, null, empty, some, writable, array, "literal");
	text("(null)"), text(""), text("some"), text("array"), text("array"), text("literal");
	SAME("strings", ONE(STRING), ONE(STRING), ONE(STRING), ONE(STRING), ONE(STRING),
	     ONE(STRING));

	for (size_t n = 4090; n < 4100; n++) {
		memset(big, 'b', n);
		big[n] = '\0';
		PISTE(t, big, big, (after, 7));
		bytes(big, n < 4095 ? (uint32_t)n : 4095), u8(0), VALUE(int, 7);
		SAME("big", ONE(STRING), ONE(S32));
	}
}

static void several(void)
{
	static int many[5000];
	int ints[3] = {1, -2, 3};
	double doubles[2] = {0.5, -0.5};
	unsigned char raw[5] = {0, 1, 2, 254, 255};
	size_t n = 2;
	const int *where = ints;

	PISTE(t, arrays, PISTE_ARRAY(ints, n), PISTE_FIXED(doubles, 2),
	      PISTE_BYTES(raw, sizeof(raw)), (tail, PISTE_ARRAY(where + 1, 2)));
	u32(2), VALUE(int, 1), VALUE(int, -2), VALUE(double, 0.5), VALUE(double, -0.5);
	u32(5), bytes(raw, 5), u32(2), VALUE(int, -2), VALUE(int, 3);
	SAME("arrays", SHAPED(S32, SEQUENCE, 0), SHAPED(F64, ARRAY, 2), SHAPED(U8, BYTES, 0),
	     SHAPED(S32, SEQUENCE, 0));

	PISTE(t, none, PISTE_ARRAY(ints, 0), PISTE_BYTES(raw, 0), PISTE_ARRAY(ints, -1));
	u32(0), u32(0), u32(0);
	SAME("none", SHAPED(S32, SEQUENCE, 0), SHAPED(U8, BYTES, 0), SHAPED(S32, SEQUENCE, 0));

	PISTE(t, cut, PISTE_ARRAY(many, 5000), (after, 9));
	u32(4096), bytes(many, 16384), VALUE(int, 9);
	SAME("cut", SHAPED(S32, SEQUENCE, 0), ONE(S32));

	PISTE(t, optional, PISTE_OPTIONAL(n == 2, n), PISTE_OPTIONAL(n == 3, n),
	      PISTE_OPTIONAL(n, (const char *)"yes"));
	u8(1), VALUE(size_t, 2), u8(0), u8(1), text("yes");
	SAME("optional", SHAPED(U64, OPTIONAL, 0), SHAPED(U64, OPTIONAL, 0),
	     SHAPED(STRING, OPTIONAL, 0));
}

static void want_point(const struct point *p)
{
	VALUE(int, p->x), VALUE(short, p->y), text(p->label ? p->label : "(null)");
}

static void named(void)
{
	enum color color = BLUE, colors[3] = {RED, GREEN, BLUE};
	struct point points[3] = {{1, 2, "one"}, {-3, 4, NULL}, {5, 6, ""}};
	struct line line = {
		{7, 8, "from"}, {{9, 10, "to"}, {11, 12, "and to"}}, GREEN, 3, {1, 2, 3, 4}};
	struct shape circle = {CIRCLE, 2.5, {0, 0, NULL}}, square = {SQUARE, 0, {13, 14, "corner"}};
	struct shape nothing = {NOTHING, 0, {0, 0, NULL}};
	uint32_t n = 3;

	PISTE(t, enums, (color, PISTE_AS(color, color)), PISTE_ARRAY_OF(color, colors, n),
	      PISTE_FIXED_OF(color, colors, 2), PISTE_OPTIONAL_OF(color, n == 3, color));
	bytes(&color, sizeof(color)), u32(3), bytes(colors, sizeof(colors));
	bytes(colors, 2 * sizeof(color)), u8(1), bytes(&color, sizeof(color));
	SAME("enums", ONE(NAMED), SHAPED(NAMED, SEQUENCE, 0), SHAPED(NAMED, ARRAY, 2),
	     SHAPED(NAMED, OPTIONAL, 0));

	PISTE(t, structs, (p, PISTE_AS(point, &points[1])), PISTE_ARRAY_OF(point, points, n),
	      PISTE_FIXED_OF(point, points, 2), PISTE_OPTIONAL_OF(point, n == 4, &points[0]),
	      PISTE_OPTIONAL_OF(point, n == 3, &points[0]));
	want_point(&points[1]), u32(3);
	want_point(&points[0]), want_point(&points[1]), want_point(&points[2]);
	want_point(&points[0]), want_point(&points[1]), u8(0), u8(1), want_point(&points[0]);
	SAME("structs", ONE(NAMED), SHAPED(NAMED, SEQUENCE, 0), SHAPED(NAMED, ARRAY, 2),
	     SHAPED(NAMED, OPTIONAL, 0), SHAPED(NAMED, OPTIONAL, 0));

	PISTE(t, nested, (line, PISTE_AS(line, &line)));
	want_point(&line.from), want_point(&line.to[0]), want_point(&line.to[1]);
	bytes(&line.color, sizeof(line.color)), u32(3), bytes(line.raw, 3), u8(1), u32(3);
	SAME("nested", ONE(NAMED));

	PISTE(t, variants, (a, PISTE_AS(shape, &circle)), (b, PISTE_AS(shape, &square)),
	      (c, PISTE_AS(shape, &nothing)));
	u8(0), VALUE(double, 2.5), u8(1), want_point(&square.corner), u8(255);
	SAME("variants", ONE(NAMED), ONE(NAMED), ONE(NAMED));
}

static void logs(void)
{
	const char *host = "host";
	long n = 3;

	PISTE_LOG(t, PISTE_WARNING, "retry %ld of %s: %5.2f%%", n, host, 12.5);
	if (got_site && (got_site->kind != PISTE_SITE_LOG || got_site->level != PISTE_WARNING))
		fault(__LINE__, "not a log");
	u8(0), VALUE(long, 3), text("host"), VALUE(double, 12.5);
	SAME("log", ONE(S64), ONE(STRING), ONE(F64));
	PISTE_LOG(t, PISTE_ERR, "no arguments");
	u8(0);
	same(__LINE__, "log", NULL, 0);
}

/* ---- spans: how many began and ended */

static int begins, ends;
static void spans(void *priv, const struct piste_site *site, uint64_t ticks, const void *payload,
		  uint32_t size)
{
	(void)priv;
	(void)ticks;
	(void)payload;
	begins += site->kind == PISTE_SITE_SPAN_BEGIN && size == 4;
	ends += site->kind == PISTE_SITE_SPAN_END && size == 0;
}

static int leave_by(int way)
{
	int n = 0;

	for (int i = 0; i < 3; i++) {
		PISTE_SCOPE(span, loop, i);
		if (way == 0)
			return 1;
		if (way == 1)
			break;
		if (way == 2)
			continue;
		if (way == 3)
			goto out;
		n++;
	}
	{
		PISTE_SCOPE(span, block, way);
		n += 10;
	}
	return n;
out:
	return 2;
}

static void scopes(void)
{
	int tracer = piste_tracer_register(spans, NULL);
	int wants[5][2] = {{1, 1}, {2, 2}, {4, 4}, {1, 1}, {4, 4}};

	piste_tracer_attach(tracer, "span:*");
	for (int way = 0; way < 5; way++) {
		begins = ends = 0;
		leave_by(way);
		if (begins != wants[way][0] || ends != wants[way][1])
			fault(__LINE__, "spans do not match");
	}
	/* a scope that began before anyone traced has no end */
	piste_tracer_detach(tracer, NULL);
	begins = ends = 0;
	{
		PISTE_SCOPE(span, late, evaluated);
		piste_tracer_attach(tracer, "span:*");
	}
	if (begins || ends)
		fault(__LINE__, "an end without a beginning");
	piste_tracer_unregister(tracer);
}

static void enabled(int tracer)
{
	int n = 0;

	if (!PISTE_ENABLED(t, gate) || PISTE_ENABLED(u, gate))
		fault(__LINE__, "PISTE_ENABLED");
	piste_tracer_detach(tracer, NULL);
	for (int i = 0; i < 2; i++)
		if (PISTE_ENABLED(t, gate))
			n++;
	PISTE(t, off, (n, once(1)));
	if (!getenv("PISTE_SESSION") && (n || calls || evaluated != 1))
		fault(__LINE__, "not off after detach");
	calls = 0;
}

static int all_fields(void)
{
	int tracer = piste_tracer_register(capture, NULL);

	if (tracer < 0 || piste_tracer_attach(tracer, "t:*") <= 0) {
		printf("no tracer: %d\n", tracer);
		return 1;
	}
	errno = 4711;
	scalars();
	strings();
	several();
	named();
	logs();
	scopes();
	enabled(tracer);
	piste_tracer_unregister(tracer);
	return faults > 0;
}

#ifndef __cplusplus
int main(void)
{
	return all_fields();
}
#endif
