/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "site_maker.h"

#include <errno.h>

#include "session/classes.h"

#define ONE(scalar) PISTE_CODE(scalar, PISTE_S_ONE, 0)

struct fixture {
	struct arena arena;
	struct diag diag;
	struct made section;
	struct classes_types types;
	struct made site;
	struct classes_class *class;
};

static void fixture_fini(struct fixture *f)
{
	classes_types_fini(&f->types);
	diag_fini(&f->diag);
	arena_fini(&f->arena);
}

static struct classes_class *build(struct fixture *f, unsigned major)
{
	f->class = NULL;
	classes_types_fini(&f->types);
	CHECK_INT(classes_types_init(&f->types, &f->arena, made_span(&f->section)), 0);
	CHECK_INT(classes_new(&f->class, &f->arena, made_span(&f->site), &f->types, major,
			      &f->diag),
		  0);
	return f->class;
}

static const struct ctf_field *field(const struct ctf_type *record, size_t i)
{
	static const struct ctf_type none;
	static const struct ctf_field missing = {.name = "(missing)", .type = &none};

	return record->kind == CTF_STRUCT && i < record->record.n_fields ? &record->record.fields[i]
									 : &missing;
}

static ssize_t size_of(const struct classes_class *class, const void *bytes, size_t len)
{
	return classes_payload_size(class, (struct span){bytes, len});
}

TEST(scalars_have_a_fixed_size)
{
	struct fixture f = {0};
	uint8_t payload[64] = {0};

	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "shop:order",
		  "ok, (tiny, c), req->id, x.total, ratio, p", "", ONE(PISTE_T_BOOL),
		  ONE(PISTE_T_S8), ONE(PISTE_T_U64), ONE(PISTE_T_F64), ONE(PISTE_T_F32),
		  ONE(PISTE_T_POINTER));
	REQUIRE(build(&f, 1));
	CHECK_STR(f.class->name, "shop:order");
	CHECK_STR(f.class->event, "order");
	CHECK_STR(f.class->file, "src/shop.c");
	CHECK_INT(f.class->line, 42);
	CHECK_INT(f.class->level, 6);
	CHECK(f.class->has_fixed_size && !f.class->is_broken);
	CHECK_INT(f.class->size_bytes, 1 + 1 + 8 + 8 + 4 + 8);
	CHECK_INT(size_of(f.class, payload, 30), 30);
	CHECK_INT(size_of(f.class, payload, 31), 30);
	CHECK_INT(size_of(f.class, payload, 29), -EBADMSG);
	CHECK_INT(f.class->payload->record.n_fields, 6);
	CHECK_INT(f.class->payload->align, 8);
	CHECK_STR(field(f.class->payload, 0)->name, "ok");
	CHECK_INT(field(f.class->payload, 0)->type->kind, CTF_INTEGER);
	CHECK_STR(field(f.class->payload, 1)->name, "tiny");
	CHECK(field(f.class->payload, 1)->type->integer.is_signed);
	CHECK_STR(field(f.class->payload, 2)->name, "id");
	CHECK_STR(field(f.class->payload, 3)->name, "total");
	CHECK_INT(field(f.class->payload, 4)->type->real.bits, 32);
	CHECK_INT(field(f.class->payload, 5)->type->integer.base, 16);
	CHECK_INT(field(build(&f, 2)->payload, 0)->type->kind, CTF_BOOL);
	CHECK_INT(f.diag.errors, 0);
	fixture_fini(&f);
}

TEST(strings_end_within_the_payload)
{
	struct fixture f = {0};

	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "s, n, t", "", ONE(PISTE_T_STRING),
		  ONE(PISTE_T_U16), ONE(PISTE_T_STRING));
	REQUIRE(build(&f, 1));
	CHECK(!f.class->has_fixed_size);
	CHECK_INT(f.class->size_bytes, 4);
	CHECK_INT(size_of(f.class, "abc\0\1\2xy", 9), 9);
	CHECK_INT(size_of(f.class, "abc\0\1\2xy", 8), -EBADMSG);
	CHECK_INT(size_of(f.class, "abc\0\1", 5), -EBADMSG);
	CHECK_INT(size_of(f.class, "\0\1\2\0more", 8), 4);
	CHECK_INT(size_of(f.class, "abc", 3), -EBADMSG);
	CHECK_INT(size_of(f.class, NULL, 0), -EBADMSG);
	fixture_fini(&f);
}

TEST(sequences_arrays_and_bytes)
{
	struct fixture f = {0};
	const struct ctf_type *p;

	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b",
		  "PISTE_ARRAY(items, n), PISTE_FIXED(o->axes), PISTE_BYTES(buf, len)", "",
		  PISTE_CODE(PISTE_T_S16, PISTE_S_SEQUENCE, 0),
		  PISTE_CODE(PISTE_T_F32, PISTE_S_ARRAY, 3),
		  PISTE_CODE(PISTE_T_U8, PISTE_S_BYTES, 0));
	REQUIRE(build(&f, 1));
	p = f.class->payload;
	CHECK_INT(p->record.n_fields, 5);
	CHECK_STR(field(p, 0)->name, "_items_length");
	CHECK_INT(field(p, 0)->type->integer.bits, 32);
	CHECK_INT(field(p, 0)->type->align, 8);
	CHECK_STR(field(p, 1)->name, "items");
	CHECK_INT(field(p, 1)->type->kind, CTF_SEQUENCE);
	CHECK_STR(field(p, 1)->type->array.length.path[0], "_items_length");
	CHECK_STR(field(p, 2)->name, "axes");
	CHECK_INT(field(p, 2)->type->array.count, 3);
	CHECK_STR(field(p, 3)->name, "_buf_length");
	CHECK_INT(field(p, 4)->type->array.element->integer.base, 16);
	CHECK_INT(size_of(f.class,
			  "\2\0\0\0aabb"
			  "0123456789ab"
			  "\1\0\0\0z",
			  25),
		  25);
	CHECK_INT(size_of(f.class,
			  "\2\0\0\0aabb"
			  "0123456789ab"
			  "\2\0\0\0z",
			  25),
		  -EBADMSG);
	CHECK_INT(size_of(f.class,
			  "\377\377\377\377aabb"
			  "0123456789ab",
			  20),
		  -EBADMSG);
	CHECK_INT(size_of(f.class,
			  "\0\0\0\0"
			  "0123456789ab"
			  "\0\0\0\0",
			  20),
		  20);
	fixture_fini(&f);
}

TEST(sequences_of_strings)
{
	struct fixture f = {0};

	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "argv", "",
		  PISTE_CODE(PISTE_T_STRING, PISTE_S_SEQUENCE, 0));
	REQUIRE(build(&f, 1));
	CHECK_INT(size_of(f.class, "\2\0\0\0ab\0c", 9), 9);
	CHECK_INT(size_of(f.class, "\3\0\0\0ab\0c", 9), -EBADMSG);
	CHECK_INT(size_of(f.class, "\377\377\377\377ab\0c", 9), -EBADMSG);
	fixture_fini(&f);
}

TEST(optionals)
{
	struct fixture f = {0};
	const struct ctf_type *p, *v;

	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_OPTIONAL(has, user), n", "",
		  PISTE_CODE(PISTE_T_STRING, PISTE_S_OPTIONAL, 0), ONE(PISTE_T_U8));
	REQUIRE(build(&f, 1));
	p = f.class->payload;
	CHECK_STR(field(p, 0)->name, "_user_present");
	CHECK_INT(field(p, 0)->type->kind, CTF_ENUM);
	CHECK_STR(field(p, 1)->name, "user");
	v = field(p, 1)->type;
	CHECK_INT(v->kind, CTF_VARIANT);
	CHECK_STR(v->variant.options[0].name, "none");
	CHECK_STR(v->variant.options[1].name, "some");
	CHECK_INT(v->variant.options[1].type->kind, CTF_STRING);
	CHECK_INT(size_of(f.class, "\0x", 2), 2);
	CHECK_INT(size_of(f.class, "\1ab\0x", 5), 5);
	CHECK_INT(size_of(f.class, "\2ab\0x", 5), -EBADMSG);

	p = build(&f, 2)->payload;
	CHECK_INT(field(p, 0)->type->kind, CTF_BOOL);
	CHECK_INT(field(p, 1)->type->kind, CTF_OPTIONAL);
	CHECK_STR(field(p, 1)->type->optional.tag.path[0], "_user_present");
	CHECK_INT(field(p, 1)->type->optional.content->kind, CTF_STRING);
	fixture_fini(&f);
}

TEST(enumerations)
{
	struct fixture f = {0};
	const struct ctf_type *type;
	size_t it = 0;

	MAKE_ENUM(&f.section, "color", "(RED, 0), (\"deep, blue\", 3, 5), (RED, 9), (ALL, -1)",
		  ONE(PISTE_T_U8), 0, 0, 3, 5, 9, 9, -1, -1);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_AS(color, item->c)", "",
		  ONE(PISTE_T_NAMED));
	REQUIRE(build(&f, 1));
	CHECK(!f.class->is_broken);
	CHECK_INT(f.class->size_bytes, 1);
	CHECK_STR(field(f.class->payload, 0)->name, "c");
	type = field(f.class->payload, 0)->type;
	CHECK_INT(type->kind, CTF_ENUM);
	CHECK_INT(type->integer.n_labels, 3);
	CHECK_STR(ctf_enum_label(type, 9, &it), "RED");
	CHECK_STR((it = 0, ctf_enum_label(type, 4, &it)), "deep, blue");
	CHECK_STR((it = 0, ctf_enum_label(type, 255, &it)), "ALL");
	fixture_fini(&f);
}

TEST(structures_in_sequences)
{
	struct fixture f = {0};
	const struct ctf_type *element;

	MAKE_TYPE(&f.section, PISTE_TYPE_STRUCT, "point", "x, (label, p.name)", ONE(PISTE_T_S32),
		  ONE(PISTE_T_STRING));
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_ARRAY_OF(point, pts, n)", "",
		  PISTE_CODE(PISTE_T_NAMED, PISTE_S_SEQUENCE, 0));
	REQUIRE(build(&f, 1));
	CHECK(!f.class->is_broken);
	CHECK_STR(field(f.class->payload, 1)->name, "pts");
	element = field(f.class->payload, 1)->type->array.element;
	CHECK_INT(element->kind, CTF_STRUCT);
	CHECK_STR(field(element, 1)->name, "label");
	CHECK_INT(size_of(f.class,
			  "\2\0\0\0"
			  "1234a\0"
			  "5678",
			  15),
		  15);
	CHECK_INT(size_of(f.class,
			  "\2\0\0\0"
			  "1234a\0"
			  "567",
			  13),
		  -EBADMSG);
	fixture_fini(&f);
}

TEST(variants)
{
	struct fixture f = {0};
	const struct ctf_type *p, *v;

	MAKE_TYPE(&f.section, PISTE_TYPE_VARIANT, "reply",
		  "(number, 1, v.n), (text, 2, v.s), (none, 3, v.z), "
		  "(list, 4, PISTE_ARRAY(v.a, v.n))",
		  ONE(PISTE_T_S32), ONE(PISTE_T_STRING), ONE(PISTE_T_U8),
		  PISTE_CODE(PISTE_T_U8, PISTE_S_SEQUENCE, 0));
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_AS(reply, r)", "", ONE(PISTE_T_NAMED));
	REQUIRE(build(&f, 2));
	CHECK(!f.class->is_broken);
	p = f.class->payload;
	CHECK_STR(field(p, 0)->name, "_r_tag");
	CHECK_STR(field(p, 1)->name, "r");
	v = field(p, 1)->type;
	CHECK_INT(v->variant.n_options, 5);
	CHECK_STR(v->variant.options[0].name, "number");
	CHECK_INT(v->variant.options[3].type->kind, CTF_STRUCT);
	CHECK_STR(v->variant.options[4].name, "_none");
	CHECK_INT(v->variant.options[4].ranges[0].lo, 255);
	CHECK_INT(size_of(f.class,
			  "\0"
			  "1234",
			  5),
		  5);
	CHECK_INT(size_of(f.class,
			  "\1"
			  "12\0",
			  4),
		  4);
	CHECK_INT(size_of(f.class, "\2x", 2), 2);
	CHECK_INT(size_of(f.class, "\3\2\0\0\0xy", 7), 7);
	CHECK_INT(size_of(f.class, "\377", 1), 1);
	CHECK_INT(size_of(f.class, "\4xx", 3), -EBADMSG);
	CHECK_INT(size_of(f.class, "", 0), -EBADMSG);
	fixture_fini(&f);
}

/* A selector cannot stand in a sequence: its element has to be a structure. */
TEST(variants_in_sequences)
{
	struct fixture f = {0};

	MAKE_TYPE(&f.section, PISTE_TYPE_VARIANT, "v", "(a, 1, x.a)", ONE(PISTE_T_U16));
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_ARRAY_OF(v, vs, n)", "",
		  PISTE_CODE(PISTE_T_NAMED, PISTE_S_SEQUENCE, 0));
	REQUIRE(build(&f, 1));
	CHECK_INT(field(f.class->payload, 1)->type->array.element->kind, CTF_STRUCT);
	CHECK_STR(field(field(f.class->payload, 1)->type->array.element, 0)->name, "_value_tag");
	CHECK_STR(field(field(f.class->payload, 1)->type->array.element, 1)->name, "value");
	CHECK_INT(size_of(f.class,
			  "\3\0\0\0"
			  "\0ab"
			  "\377"
			  "\0cd",
			  11),
		  11);
	fixture_fini(&f);
}

TEST(logs_carry_their_format)
{
	struct fixture f = {0};
	const struct ctf_type *fmt;

	MAKE_SITE(&f.site, PISTE_SITE_LOG, "shop:log", "n, host, fmt", "retry %d of %s: \"%d\"\n",
		  ONE(PISTE_T_S32), ONE(PISTE_T_STRING), ONE(PISTE_T_S32));
	REQUIRE(build(&f, 1));
	fmt = field(f.class->payload, 0)->type;
	CHECK_STR(field(f.class->payload, 0)->name, "fmt");
	CHECK_INT(fmt->kind, CTF_ENUM);
	CHECK_STR(fmt->integer.labels[0].name, "retry %d of %s: \"%d\"\n");
	CHECK_STR(field(f.class->payload, 3)->name, "fmt_2");
	CHECK_INT(size_of(f.class,
			  "\0"
			  "1234h\0"
			  "5678",
			  11),
		  11);
	fixture_fini(&f);
}

TEST(spans_have_two_names)
{
	struct fixture f = {0};

	MAKE_SITE(&f.site, PISTE_SITE_SPAN_BEGIN, "shop:checkout", "id", "", ONE(PISTE_T_S64));
	CHECK_STR(build(&f, 1)->name, "shop:checkout_begin");
	make_site(&f.site, PISTE_SITE_SPAN_END, "shop:checkout", "", "", NULL, 0);
	CHECK_STR(build(&f, 1)->event, "checkout_end");
	CHECK_INT(f.class->payload->record.n_fields, 0);
	CHECK_INT(size_of(f.class, NULL, 0), 0);
	fixture_fini(&f);
}

TEST(names_that_collide_get_numbers)
{
	struct fixture f = {0};

	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "a.x, b.x, (_x_length, l), PISTE_ARRAY(x, n)",
		  "", ONE(PISTE_T_U8), ONE(PISTE_T_U8), ONE(PISTE_T_U8),
		  PISTE_CODE(PISTE_T_U8, PISTE_S_SEQUENCE, 0));
	REQUIRE(build(&f, 1));
	CHECK_STR(field(f.class->payload, 1)->name, "x_2");
	CHECK_STR(field(f.class->payload, 2)->name, "_x_length");
	CHECK_STR(field(f.class->payload, 3)->name, "_x_3_length");
	CHECK_STR(field(f.class->payload, 4)->name, "x_3");
	fixture_fini(&f);
}

static void check_broken(struct fixture *f)
{
	size_t before = f->diag.errors;

	REQUIRE(build(f, 1));
	CHECK(f->class->is_broken);
	CHECK_INT(f->class->payload->record.n_fields, 0);
	CHECK_INT(size_of(f->class, "abcd", 4), -EBADMSG);
	CHECK_INT(f->diag.errors, before + 1);
}

TEST(broken_descriptions)
{
	struct fixture f = {0};

	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "x", "", 0xee);
	check_broken(&f);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "x", "", PISTE_CODE(PISTE_T_U8, 77, 0));
	check_broken(&f);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_AS(nowhere, x)", "", ONE(PISTE_T_NAMED));
	check_broken(&f);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, ":b", "x", "", ONE(PISTE_T_U8));
	check_broken(&f);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b\"; evil", "x", "", ONE(PISTE_T_U8));
	check_broken(&f);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "x", "", ONE(PISTE_T_U8));
	made_head(&f.site)->abi = 9;
	check_broken(&f);
	made_head(&f.site)->abi = PISTE_SITE_ABI;
	made_head(&f.site)->field_count = 200;
	check_broken(&f);
	made_head(&f.site)->field_count = 1;
	made_head(&f.site)->text_size += 1;
	check_broken(&f);
	made_head(&f.site)->text_size -= 2;
	check_broken(&f);
	f.site.len = 10;
	check_broken(&f);
	f.site.len = 0;
	check_broken(&f);
	MAKE_SITE(&f.site, PISTE_SITE_GATE, "a:b", "", "", 0);
	made_head(&f.site)->field_count = 0;
	check_broken(&f);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "x", "",
		  PISTE_CODE(PISTE_T_F64, PISTE_S_ARRAY, 65535));
	check_broken(&f);
	fixture_fini(&f);
}

TEST(types_that_contain_themselves)
{
	struct fixture f = {0};
	uint32_t codes[PISTE_FIELDS_MAX];

	MAKE_TYPE(&f.section, PISTE_TYPE_STRUCT, "list", "PISTE_AS(list, next)",
		  ONE(PISTE_T_NAMED));
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_AS(list, x)", "", ONE(PISTE_T_NAMED));
	check_broken(&f);

	/* as wide as it is deep */
	for (size_t i = 0; i < PISTE_FIELDS_MAX; i++)
		codes[i] = ONE(PISTE_T_NAMED);
	f.section.len = 0;
	make_type(&f.section, PISTE_TYPE_STRUCT, "list",
		  "PISTE_AS(list, a), PISTE_AS(list, b), PISTE_AS(list, c), PISTE_AS(list, d), "
		  "PISTE_AS(list, e), PISTE_AS(list, f), PISTE_AS(list, g), PISTE_AS(list, h)",
		  codes, 8, NULL, 0);
	check_broken(&f);
	/* a count of 2^32 empty things */
	f.section.len = 0;
	make_type(&f.section, PISTE_TYPE_STRUCT, "empty", "", NULL, 0, NULL, 0);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_ARRAY_OF(empty, x, n)", "",
		  PISTE_CODE(PISTE_T_NAMED, PISTE_S_SEQUENCE, 0));
	check_broken(&f);
	/* an enumeration of strings */
	f.section.len = 0;
	MAKE_ENUM(&f.section, "e", "A", ONE(PISTE_T_STRING), 0, 0);
	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "PISTE_AS(e, x)", "", ONE(PISTE_T_NAMED));
	check_broken(&f);
	fixture_fini(&f);
}

/* Bytes of a good description changed at random: no crash, and a walk that ends. */
TEST(descriptions_with_flipped_bytes)
{
	struct fixture f = {0};
	uint64_t x = 88172645463325252ull;
	size_t broken = 0;

	for (int i = 0; i < 20000; i++) {
		f.section.len = 0;
		MAKE_TYPE(&f.section, PISTE_TYPE_STRUCT, "point", "x, PISTE_AS(color, c)",
			  ONE(PISTE_T_S32), ONE(PISTE_T_NAMED));
		MAKE_ENUM(&f.section, "color", "RED, (BLUE, 2, 4)", ONE(PISTE_T_U8), 0, 0, 2, 4);
		MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b",
			  "PISTE_ARRAY_OF(point, x, n), (name, PISTE_OPTIONAL(h, v)), s", "",
			  PISTE_CODE(PISTE_T_NAMED, PISTE_S_SEQUENCE, 0),
			  PISTE_CODE(PISTE_T_U32, PISTE_S_OPTIONAL, 0), ONE(PISTE_T_STRING));
		for (int k = 0; k < 4; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			struct made *m = x & 1 ? &f.site : &f.section;

			m->bytes[(x >> 8) % m->len] = (uint8_t)(x >> 40);
		}
		REQUIRE(build(&f, 1 + (x >> 3 & 1)));
		broken += f.class->is_broken;
		size_of(f.class, &x, sizeof(x));
		fixture_fini(&f);
		memset(&f.arena, 0, sizeof(f.arena));
		memset(&f.diag, 0, sizeof(f.diag));
	}
	CHECK(broken > 1000 && broken < 19000);
}

TEST(memory_runs_out)
{
	struct fixture f = {0};
	int rc = -ENOMEM;

	MAKE_TYPE(&f.section, PISTE_TYPE_VARIANT, "v", "(a, 1, x.a)", ONE(PISTE_T_U16));
	MAKE_SITE(&f.site, PISTE_SITE_LOG, "a:b", "PISTE_ARRAY_OF(v, vs, n), PISTE_OPTIONAL(a, b)",
		  "fmt", PISTE_CODE(PISTE_T_NAMED, PISTE_S_SEQUENCE, 0),
		  PISTE_CODE(PISTE_T_U32, PISTE_S_OPTIONAL, 0));
	for (long n = 0; rc == -ENOMEM && n < 500; n++) {
		arena_fail_after = n;
		rc = classes_types_init(&f.types, &f.arena, made_span(&f.section));
		if (!rc)
			rc = classes_new(&f.class, &f.arena, made_span(&f.site), &f.types, 1,
					 &f.diag);
		arena_fail_after = -1;
		fixture_fini(&f);
		memset(&f.arena, 0, sizeof(f.arena));
		memset(&f.diag, 0, sizeof(f.diag));
	}
	CHECK_INT(rc, 0);
}

TEST(added_to_a_stream_class)
{
	struct fixture f = {0};
	struct ctf_trace_class *trace = ctf_trace_class_new(&f.arena, 1, 8, CTF_LITTLE_ENDIAN);
	struct ctf_stream_class *stream = ctf_stream_class_add(trace, 0);
	struct ctf_event_class *event;

	MAKE_SITE(&f.site, PISTE_SITE_EVENT, "a:b", "x", "", ONE(PISTE_T_U8));
	event = classes_add(stream, 7, build(&f, 1));
	REQUIRE(event);
	CHECK_STR(event->name, "a:b");
	CHECK_INT(event->id, 7);
	CHECK_INT(event->loglevel, 6);
	CHECK(event->payload == f.class->payload);
	fixture_fini(&f);
}
