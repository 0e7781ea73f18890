/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <math.h>

#include "ctf/decode.h"

/* A payload structure, and values decoded from it. */
struct world {
	struct arena arena;
	struct ctf_type *record;
	struct ctf_values values;
	struct ctf_plan *plan;
};

static void world_init(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->record = ctf_type_struct(&w->arena, 1);
}

static void world_fini(struct world *w)
{
	ctf_values_fini(&w->values);
	arena_fini(&w->arena);
}

static void add(struct world *w, const char *name, const struct ctf_type *type)
{
	CHECK_INT(ctf_struct_add(&w->arena, w->record, name, type), 0);
}

static int decode(struct world *w, const void *bytes, size_t len)
{
	if (!w->plan)
		CHECK_INT(ctf_plan_new(&w->plan, &w->arena, w->record, CTF_SCOPE_EVENT_PAYLOAD,
				       CTF_WANT_ALL, NULL),
			  0);
	return ctf_decode_fields(w->plan, (struct span){bytes, len}, &w->values);
}

/* In memory that ends where the data do, so that a sanitizer sees every byte too much. */
static int decode_exact(struct world *w, const void *bytes, size_t len)
{
	void *copy = malloc(len ? len : 1);
	int rc;

	memcpy(copy, bytes, len);
	rc = decode(w, copy, len);
	free(copy);
	return rc;
}

static const struct ctf_value *field(const struct world *w, size_t i)
{
	return ctf_value_child(&w->values, &w->values.items[0], i);
}

static uint64_t state = 88172645463325252;

static uint64_t random_u64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

/* Every width behind every number of bits, in both byte orders, signed or not. */
TEST(integers_of_every_width_and_place)
{
	uint8_t bytes[24];

	for (unsigned before = 0; before < 16; before++)
		for (unsigned bits = 1; bits <= 64; bits++)
			for (unsigned form = 0; form < 4; form++) {
				enum ctf_byte_order order = form & 1 ? CTF_BIG_ENDIAN
								     : CTF_LITTLE_ENDIAN;
				bool is_signed = form & 2;
				struct world w;
				struct ctf_type *t;

				for (size_t i = 0; i < sizeof(bytes); i++)
					bytes[i] = (uint8_t)random_u64();
				world_init(&w);
				if (before) {
					t = ctf_type_integer_aligned(&w.arena, before, false, 1);
					ctf_type_set_byte_order(t, order);
					add(&w, "before", t);
				}
				t = ctf_type_integer_aligned(&w.arena, bits, is_signed, 1);
				ctf_type_set_byte_order(t, order);
				add(&w, "x", t);
				CHECK_INT(decode_exact(&w, bytes, (before + bits + 7) / 8), 0);
				CHECK_INT(field(&w, before > 0)->u64,
					  ctf_read_bits(bytes, before, bits, order, is_signed));
				world_fini(&w);
			}
}

TEST(integers_of_every_alignment)
{
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random_u64();
	for (unsigned align = 1; align <= 128; align *= 2)
		for (unsigned bits = 1; bits <= 64; bits++) {
			struct world w;
			uint64_t at = (5 + align - 1) & ~(align - 1);

			world_init(&w);
			add(&w, "before", ctf_type_integer_aligned(&w.arena, 5, false, 1));
			add(&w, "x", ctf_type_integer_aligned(&w.arena, bits, false, align));
			CHECK_INT(decode_exact(&w, bytes, (at + bits + 7) / 8), 0);
			CHECK_INT(field(&w, 1)->u64,
				  ctf_read_bits(bytes, at, bits, CTF_LITTLE_ENDIAN, false));
			CHECK_INT(decode_exact(&w, bytes, (at + bits + 7) / 8 - 1), -ENODATA);
			world_fini(&w);
		}
}

TEST(floats)
{
	static const uint8_t bytes[] = {0x00, 0x3c, 0xdb, 0x0f, 0x49, 0x40, 0xc0,
					0x45, 0,    0,    0,    0,    0,    0};
	struct world w;
	struct ctf_type *t;

	world_init(&w);
	add(&w, "half", ctf_type_float(&w.arena, 16, 8));
	add(&w, "single", ctf_type_float(&w.arena, 32, 8));
	t = ctf_type_float(&w.arena, 64, 8);
	ctf_type_set_byte_order(t, CTF_BIG_ENDIAN);
	add(&w, "twice", t);
	CHECK_INT(decode_exact(&w, bytes, sizeof(bytes)), 0);
	CHECK(field(&w, 0)->f64 == 1.0);
	CHECK(fabs(field(&w, 1)->f64 - 3.14159274) < 1e-7);
	CHECK(field(&w, 2)->f64 == -42.0);
	world_fini(&w);
}

/* A string, a sequence of numbers, of texts, of structures, and what follows them. */
static void add_varied(struct world *w)
{
	struct ctf_type *inner = ctf_type_struct(&w->arena, 1);

	ctf_struct_add(&w->arena, inner, "s", ctf_type_string(&w->arena));
	ctf_struct_add(&w->arena, inner, "x", ctf_type_integer_aligned(&w->arena, 16, true, 16));
	add(w, "text", ctf_type_string(&w->arena));
	add(w, "n", ctf_type_integer(&w->arena, 8, false));
	add(w, "numbers",
	    ctf_type_sequence(&w->arena, ctf_type_integer_aligned(&w->arena, 12, true, 4), "n"));
	add(w, "chars", ctf_type_array(&w->arena, ctf_type_character(&w->arena), 4));
	add(w, "records", ctf_type_sequence(&w->arena, inner, "n"));
	add(w, "last", ctf_type_integer_aligned(&w->arena, 32, false, 32));
}

static const uint8_t varied[] = {
	'h',  'i',  0,    2, /* text, n */
	0xff, 0x1f, 0x80, /* -1, -2047 */
	'a',  'b',  0,    'c', /* "ab" */
	0,    'q',  0,    0xfe, 0xff, /* padding to 12, "q", -2 */
	'r',  's',  0,    0,    7,    0, /* "rs", padding, 7 */
	0,    0,    1,    2,    3,    4, /* padding to 24, last */
};

TEST(strings_sequences_and_what_follows)
{
	struct ctf_value element;
	struct world w;

	world_init(&w);
	add_varied(&w);
	CHECK_INT(decode(&w, varied, sizeof(varied)), 0);
	CHECK_INT(field(&w, 0)->kind, CTF_VALUE_TEXT);
	CHECK_INT(field(&w, 0)->count, 2);
	CHECK_INT(field(&w, 2)->kind, CTF_VALUE_LAZY);
	ctf_value_element(field(&w, 2), 0, &element);
	CHECK_INT(element.i64, -1);
	ctf_value_element(field(&w, 2), 1, &element);
	CHECK_INT(element.i64, -2047);
	CHECK_INT(field(&w, 3)->count, 2);
	REQUIRE(field(&w, 4)->kind == CTF_VALUE_ARRAY && field(&w, 4)->count == 2);
	for (size_t i = 0; i < 2; i++) {
		const struct ctf_value *record = ctf_value_child(&w.values, field(&w, 4), i);
		const struct ctf_value *x = ctf_value_field(&w.values, record, "x");

		CHECK_INT(ctf_value_child(&w.values, record, 0)->count, 1 + i);
		CHECK_INT(x->i64, i ? 7 : -2);
	}
	CHECK_INT(field(&w, 5)->u64, 0x04030201);
	world_fini(&w);
}

TEST(every_cut_is_an_error)
{
	struct world w;

	world_init(&w);
	add_varied(&w);
	CHECK_INT(decode_exact(&w, varied, sizeof(varied)), 0);
	for (size_t len = 0; len < sizeof(varied); len++)
		CHECK_INT(decode_exact(&w, varied, len), -ENODATA);
	world_fini(&w);
}

TEST(variants)
{
	static const uint8_t first[] = {1, 5}, second[] = {3, 0, 9, 0, 4}, none[] = {9, 1, 2, 3};
	struct world w;
	struct ctf_type *tag, *v;

	world_init(&w);
	tag = ctf_type_enum(&w.arena, 8, false, 8);
	ctf_enum_add(&w.arena, tag, "one", 1, 1);
	ctf_enum_add(&w.arena, tag, "two", 2, 4);
	add(&w, "tag", tag);
	v = ctf_type_variant(&w.arena, "tag");
	ctf_variant_add(&w.arena, v, "one", ctf_type_integer(&w.arena, 8, false));
	ctf_variant_add(&w.arena, v, "two", ctf_type_integer(&w.arena, 16, false));
	add(&w, "v", v);
	add(&w, "after", ctf_type_array(&w.arena, ctf_type_integer(&w.arena, 8, false), 0));
	CHECK_INT(decode_exact(&w, first, sizeof(first)), 0);
	CHECK_INT(field(&w, 1)->option, 0);
	CHECK_INT(ctf_value_child(&w.values, field(&w, 1), 0)->u64, 5);
	CHECK_INT(decode_exact(&w, second, sizeof(second)), 0);
	CHECK_INT(field(&w, 1)->option, 1);
	CHECK_INT(ctf_value_child(&w.values, field(&w, 1), 0)->u64, 9);
	CHECK_INT(decode_exact(&w, none, sizeof(none)), -EBADMSG);
	world_fini(&w);
}

TEST(a_sequence_of_nothing_does_not_run_forever)
{
	static const uint8_t huge[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f};
	struct world w;

	world_init(&w);
	add(&w, "n", ctf_type_integer(&w.arena, 64, false));
	add(&w, "s", ctf_type_sequence(&w.arena, ctf_type_struct(&w.arena, 1), "n"));
	CHECK_INT(decode_exact(&w, huge, sizeof(huge)), -E2BIG);
	world_fini(&w);
}

TEST(text_between_bytes)
{
	/* three bits, then "ok" and a zero */
	uint64_t packed = 5 | (uint64_t)'o' << 3 | (uint64_t)'k' << 11;
	struct world w;
	struct ctf_type *c;

	world_init(&w);
	add(&w, "odd", ctf_type_integer_aligned(&w.arena, 3, false, 1));
	c = ctf_type_character(&w.arena);
	c->align = 1;
	add(&w, "text", ctf_type_array(&w.arena, c, 3));
	CHECK_INT(decode(&w, &packed, sizeof(packed)), 0);
	CHECK_INT(field(&w, 1)->count, 2);
	CHECK_MEM(field(&w, 1)->bytes, "ok", 2);
	world_fini(&w);
}

TEST(a_reference_must_be_before)
{
	struct world w;
	struct diag diag = {0};

	world_init(&w);
	add(&w, "s", ctf_type_sequence(&w.arena, ctf_type_integer(&w.arena, 8, false), "n"));
	add(&w, "n", ctf_type_integer(&w.arena, 8, false));
	CHECK_INT(ctf_plan_new(&w.plan, &w.arena, w.record, CTF_SCOPE_EVENT_PAYLOAD, CTF_WANT_ALL,
			       &diag),
		  -EINVAL);
	CHECK_INT(diag.errors, 1);
	diag_fini(&diag);
	world_fini(&w);
}
