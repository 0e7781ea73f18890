/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "base/str.h"
#include "kern/format.h"

#define HEAD                                                                                       \
	"name: thing\nID: 372\nformat:\n"                                                          \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"                     \
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"             \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

static struct arena arena;

static int parse(struct format *f, const char *text)
{
	struct span span = {(const uint8_t *)text, strlen(text)};
	struct diag diag = {0};
	int rc = format_parse(f, span, NULL, &arena, &diag);

	if (rc == -EINVAL)
		CHECK(diag.errors > 0);
	diag_fini(&diag);
	return rc;
}

static void check_field(const struct format *f, size_t i, const char *name, int kind, unsigned size,
			unsigned count, bool is_signed, int base, const char *type)
{
	REQUIRE(i < f->n_fields);
	CHECK_STR(f->fields[i].name, name);
	CHECK_INT(f->fields[i].kind, kind);
	CHECK_INT(f->fields[i].size, size);
	CHECK_INT(f->fields[i].count, count);
	CHECK_INT(f->fields[i].is_signed, is_signed);
	CHECK_INT(f->fields[i].base, base);
	CHECK_STR(f->fields[i].type, type);
}

/* The label of a value; NULL: none */
static const char *label(const struct kern_field *field, uint64_t value)
{
	for (size_t i = 0; field->labels && i < field->labels->n; i++)
		if (field->labels->items[i].value == value)
			return field->labels->items[i].name;
	return NULL;
}

TEST(types_and_places)
{
	struct format f;

	REQUIRE(!parse(&f,
		       HEAD "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
			    "\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n"
			    "\tfield:const char * name;\toffset:32;\tsize:8;\tsigned:0;\n"
			    "\tfield:u8 fsid[16];\toffset:40;\tsize:16;\tsigned:0;\n"
			    "\tfield:long list[3];\toffset:56;\tsize:24;\tsigned:1;\n"
			    "\tfield:__data_loc char[] text;\toffset:80;\tsize:4;\tsigned:0;\n"
			    "\tfield:__data_loc u64[] numbers;\toffset:84;\tsize:4;\tsigned:0;\n"
			    "\tfield:__rel_loc u8[] raw;\toffset:88;\tsize:4;\tsigned:0;\n"
			    "\tfield:__data_loc cpumask_t mask;\toffset:92;\tsize:4;\tsigned:0;\n"
			    "\tfield:struct thing s;\toffset:96;\tsize:12;\tsigned:0;\n"
			    "\tfield:unsigned long caller[];\toffset:108;\tsize:0;\tsigned:0;\n"));
	CHECK_STR(f.name, "thing");
	CHECK_INT(f.id, 372);
	CHECK_INT(f.pid_offset, 4);
	CHECK_INT(f.fixed_size, 0);
	CHECK_INT(f.n_fields, 11);
	check_field(&f, 0, "comm", KERN_CHARS, 1, 16, false, KERN_DECIMAL, "char[16]");
	check_field(&f, 1, "pid", KERN_INTEGER, 4, 0, true, KERN_DECIMAL, "pid_t");
	check_field(&f, 2, "name", KERN_INTEGER, 8, 0, false, KERN_HEX, "const char *");
	check_field(&f, 3, "fsid", KERN_ARRAY, 1, 16, false, KERN_DECIMAL, "u8[16]");
	check_field(&f, 4, "list", KERN_ARRAY, 8, 3, true, KERN_DECIMAL, "long[3]");
	check_field(&f, 5, "text", KERN_TEXT, 1, 0, false, KERN_DECIMAL, "char[]");
	check_field(&f, 6, "numbers", KERN_SEQUENCE, 8, 0, false, KERN_DECIMAL, "u64[]");
	check_field(&f, 7, "raw", KERN_BYTES, 1, 0, false, KERN_DECIMAL, "u8[]");
	check_field(&f, 8, "mask", KERN_SEQUENCE, 8, 0, false, KERN_DECIMAL, "cpumask_t");
	check_field(&f, 9, "s", KERN_ARRAY, 1, 12, false, KERN_DECIMAL, "struct thing");
	check_field(&f, 10, "caller", KERN_SEQUENCE, 8, 0, false, KERN_DECIMAL, "unsigned long[]");
	CHECK_INT(f.places[7].how, FORMAT_REL_LOC);
	CHECK_INT(f.places[10].how, FORMAT_REST);
	arena_fini(&arena);
}

TEST(print_names_values)
{
	struct format f;

	REQUIRE(!parse(
		&f, HEAD
		"\tfield:int state;\toffset:8;\tsize:4;\tsigned:1;\n"
		"\tfield:u32 flags;\toffset:12;\tsize:4;\tsigned:0;\n"
		"\tfield:u8 kind;\toffset:16;\tsize:1;\tsigned:0;\n"
		"\tfield:unsigned long ip;\toffset:24;\tsize:8;\tsigned:0;\n"
		"\tfield:u16 mode;\toffset:32;\tsize:2;\tsigned:0;\n"
		"\tfield:u64 plain;\toffset:40;\tsize:8;\tsigned:0;\n\n"
		"print fmt: \"100%% state=%s, \" \"flags=%s %*d %s at %pS mode 0%o %-5.3llu\", "
		"__print_symbolic(REC->state, { -1, \"none, or so\" }, { 1 << 2, \"A_\" \"4\" }, "
		"{ SOME_ENUM, \"lost\" }, { 3, ((void *)0) }), (REC->flags & 0xff) ? "
		"__print_flags((unsigned long)(REC->flags) & ~(1UL), \"|\", "
		"{ ( u32)(((1UL)) << (31)), \"TOP\" }, { 0x2, \"\\\"two\\\"\" }) : \"none\", "
		"REC->mode, 3, "
		"__print_symbolic(REC->kind >> 1, { 1, \"shifted\" }), (void *)REC->ip, "
		"REC->mode, (unsigned long long)REC->plain\n"));
	CHECK_STR(label(&f.fields[0], UINT64_MAX), "none, or so");
	CHECK_STR(label(&f.fields[0], 4), "A_4");
	CHECK_INT(f.fields[0].labels->n, 2);
	CHECK(!f.fields[0].labels->is_flags);
	REQUIRE(f.fields[1].labels);
	CHECK(f.fields[1].labels->is_flags);
	CHECK_STR(label(&f.fields[1], 0x80000000), "TOP");
	CHECK_STR(label(&f.fields[1], 2), "\"two\"");
	CHECK(!f.fields[2].labels); /* of a part of it */
	CHECK_INT(f.fields[3].base, KERN_SYMBOL);
	CHECK_INT(f.fields[4].base, KERN_OCTAL);
	CHECK_INT(f.fields[5].base, KERN_DECIMAL);
	CHECK_INT(f.fixed_size, 4 + 4 + 1 + 8 + 2 + 8);
	arena_fini(&arena);
}

static bool find_constant(void *data, const char *name, size_t len, int64_t *value)
{
	*value = *(int64_t *)data;
	return len == 9 && !memcmp(name, "SOME_ENUM", 9);
}

TEST(constants_are_asked_for)
{
	static const char text[] = HEAD
		"\tfield:int s;\toffset:8;\tsize:4;\tsigned:1;\n"
		"print fmt: \"%s\", __print_symbolic(REC->s, {SOME_ENUM+1, \"x\"}, "
		"{OTHER, \"y\"})";
	int64_t value = 41;
	struct format_constants constants = {find_constant, &value};
	struct format f;

	REQUIRE(!format_parse(&f, (struct span){(const uint8_t *)text, strlen(text)}, &constants,
			      &arena, NULL));
	REQUIRE(f.fields[0].labels);
	CHECK_INT(f.fields[0].labels->n, 1);
	CHECK_STR(label(&f.fields[0], 42), "x");
	arena_fini(&arena);
}

/* Expressions as the kernel's macros leave them, each the value of a label. */
TEST(constant_expressions)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {
		{"0x10|1", 17},
		{"((((1UL))) << (10))", 1024},
		{"( unsigned long)(((( gfp_t)((((1UL))) << (6))) | 1))", 65},
		{"(u8)0x1ff", 255},
		{"~0U & 0xf", 15},
		{"1 + 2 * 3 - 4 / 2", 5},
		{"1 ? 2 : 3", 2},
		{"(0 || 1) && 2 > 1 ? 7 : 8", 7},
		{"-(-3)", 3},
		{"!5 + sizeof(unsigned long)", 8},
		{"010", 8},
		{"1 << 2 << 1", 8},
		{"7 % 4 ^ 1", 2},
		{"10 - 2 - 3", 5},
	};
	static const char *const bad[] = {"",  "(",   "1 +", "1 << 64", "1 / 0",
					  "x", "1 2", "08",  "\"s\""};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct format f;
		char *text = arena_printf(
			&arena,
			HEAD "\tfield:u64 v;\toffset:8;\tsize:8;\tsigned:0;\n"
			     "print fmt: \"%%s\", __print_symbolic(REC->v, {%s, \"x\"})",
			good[i].text);

		REQUIRE(!parse(&f, text));
		if (CHECK(f.fields[0].labels))
			CHECK_INT(f.fields[0].labels->items[0].value, good[i].value);
		else
			printf("# %s\n", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct format f;
		char *text = arena_printf(
			&arena,
			HEAD "\tfield:u64 v;\toffset:8;\tsize:8;\tsigned:0;\n"
			     "print fmt: \"%%s\", __print_symbolic(REC->v, {%s, \"x\"})",
			bad[i]);

		REQUIRE(!parse(&f, text));
		if (!CHECK(!f.fields[0].labels))
			printf("# %s\n", bad[i]);
	}
	arena_fini(&arena);
}

TEST(nesting_is_bounded)
{
	struct str text = {0};
	struct format f;

	str_add(&text, HEAD "\tfield:u64 v;\toffset:8;\tsize:8;\tsigned:0;\n"
			    "print fmt: \"%s\", __print_symbolic(REC->v, {");
	for (int i = 0; i < 200000; i++)
		str_add(&text, i % 2 ? "(" : "-");
	REQUIRE(!parse(&f, str_c(&text)));
	CHECK(!f.fields[0].labels);
	str_fini(&text);
	arena_fini(&arena);
}

TEST(what_is_no_format)
{
	static const char *const texts[] = {
		"x",
		"name: a\nformat:\n",
		"name: a\nID: 5\nformat:\n",
		"name: a\nID: 70000\n",
		HEAD "\tfield:int;\toffset:8;\tsize:4;\tsigned:1;\n",
		HEAD "\tfield:int a;\toffset:8;\tsize:4;\n",
		HEAD "\tfield:int a;\toffset:80000;\tsize:4;\tsigned:1;\n",
		HEAD "\tfield:int a[;\toffset:8;\tsize:4;\tsigned:1;\n",
	};
	struct format f;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		CHECK_INT(parse(&f, texts[i]), -EINVAL);
	arena_fini(&arena);
}

TEST(names_differ)
{
	struct format f;

	REQUIRE(!parse(&f, HEAD "\tfield:int a;\toffset:8;\tsize:4;\tsigned:1;\n"
				"\tfield:int a;\toffset:12;\tsize:4;\tsigned:1;\n"
				"\tfield:int a_2;\toffset:16;\tsize:4;\tsigned:1;\n"));
	CHECK_STR(f.fields[0].name, "a");
	CHECK_STR(f.fields[1].name, "a_2");
	CHECK_STR(f.fields[2].name, "a_2_2");
	arena_fini(&arena);
}

/* A record as the kernel writes it, and what is to come of it. */
TEST(records_are_packed)
{
	static const uint8_t wanted[] = {7, 0, 0, 0, 'h', 'i', 0, 2, 0, 0, 0, 0xaa, 0xbb, 9};
	uint8_t record[40] = {0}, out[64];
	struct span span = {record, sizeof(record)};
	struct format f;

	REQUIRE(!parse(&f, HEAD "\tfield:int n;\toffset:8;\tsize:4;\tsigned:1;\n"
				"\tfield:__data_loc char[] s;\toffset:12;\tsize:4;\tsigned:0;\n"
				"\tfield:__rel_loc u8[] b;\toffset:16;\tsize:4;\tsigned:0;\n"
				"\tfield:u8 last;\toffset:20;\tsize:1;\tsigned:0;\n"));
	record[8] = 7;
	memcpy(record + 12, (uint32_t[]){24 | 3 << 16}, 4);
	memcpy(record + 24, "hi", 3);
	memcpy(record + 16, (uint32_t[]){(28 - 20) | 2 << 16}, 4);
	record[28] = 0xaa;
	record[29] = 0xbb;
	record[20] = 9;
	CHECK_INT(format_pack(&f, span, out, sizeof(out)), sizeof(wanted));
	CHECK_MEM(out, wanted, sizeof(wanted));
	for (size_t room = 0; room < sizeof(wanted); room++)
		CHECK_INT(format_pack(&f, span, out, room), -ENOSPC);
	memcpy(record + 12, (uint32_t[]){24 | 17 << 16}, 4);
	CHECK_INT(format_pack(&f, span, out, sizeof(out)), -EINVAL);
	memcpy(record + 12, (uint32_t[]){50}, 4);
	CHECK_INT(format_pack(&f, span, out, sizeof(out)), -EINVAL);
	span.len = 20;
	memcpy(record + 12, (uint32_t[]){0}, 4);
	memcpy(record + 16, (uint32_t[]){0}, 4);
	CHECK_INT(format_pack(&f, span, out, sizeof(out)), -EINVAL);
	arena_fini(&arena);
}

TEST(no_memory_is_said)
{
	static const char text[] = HEAD "\tfield:u64 v;\toffset:8;\tsize:8;\tsigned:0;\n"
					"print fmt: \"%s\", __print_symbolic(REC->v, {1, \"x\"})";
	struct format f;
	int rc = -ENOMEM;

	for (long n = 0; rc; n++) {
		arena_fail_after = n;
		rc = parse(&f, text);
		arena_fail_after = -1;
		if (rc)
			CHECK_INT(rc, -ENOMEM);
		arena_fini(&arena);
		REQUIRE(n < 100);
	}
}
