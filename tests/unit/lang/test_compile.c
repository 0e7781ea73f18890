/* SPDX-License-Identifier: MIT */
/*
 * Compilation against an environment that is a small table: what is said of
 * mistakes, and which types, maps and programs come out.
 */
#include "tap.h"

#include <errno.h>

#include "lang_env.h"

static struct arena arena;
static struct diag diag;
static struct str text;
static const struct lang_options plain;

static struct lang_program *compile_with(const char *script, const struct lang_options *options)
{
	struct ast_script *s;
	struct lang_program *p = NULL;

	arena_fini(&arena);
	diag_fini(&diag);
	if (!bt_parse(&s, "t.bt", script, &arena, &diag))
		lang_compile(&p, s, &lang_env_test, options, &arena, &diag);
	return p;
}

static struct lang_program *compile(const char *script)
{
	return compile_with(script, &plain);
}

/* The first complaint of a clause's body. */
static const char *mistake(const char *body)
{
	struct str script = {0};

	str_addf(&script, "BEGIN { %s }", body);
	compile(str_c(&script));
	str_fini(&script);
	return diag.len ? diag.entries[0].message : "none";
}

static const char *hint(const char *body)
{
	mistake(body);
	return diag.len && diag.entries[0].hint ? diag.entries[0].hint : "none";
}

static const char *type_name(const struct lang_type *t)
{
	str_reset(&text);
	lang_type_write(&text, t);
	return str_c(&text);
}

static void end(void)
{
	arena_fini(&arena);
	diag_fini(&diag);
	str_fini(&text);
}

TEST(mistakes)
{
	CHECK_STR(mistake("@x = foo;"), "there is no foo");
	CHECK_STR(mistake("@x = $y;"), "$y is used before it has a value");
	CHECK_STR(mistake("print(@x);"), "@x never gets a value");
	CHECK_STR(mistake("@x = 1; @x = \"a\";"), "the value of @x is int64 elsewhere");
	CHECK_STR(mistake("@x[1] = 1; @x = 2;"), "@x has keys elsewhere");
	CHECK_STR(mistake("@x = count(); @x = sum(1);"), "the value of @x is count elsewhere");
	CHECK_STR(mistake("count();"), "count() is the value of a map");
	CHECK_STR(mistake("@x = 1 / 0;"), "this divides by zero");
	CHECK_STR(mistake("printf(\"%d\");"), "the format wants more than 0 arguments");
	CHECK_STR(mistake("printf(\"%d\", \"a\");"), "%d does not print string[2]");
	CHECK_STR(mistake("printf(\"%s\", 1);"), "%s does not print int64");
	CHECK_STR(mistake("printf(\"\", 1);"), "the format says nothing of this argument");
	CHECK_STR(mistake("printf(\"%y\", 1);"), "there is no conversion %y");
	CHECK_STR(mistake("system(\"ls\");"), "system() is not allowed");
	CHECK_STR(mistake("exit(1, 2);"), "exit() takes 0 to 1 arguments, not 2");
	CHECK_STR(mistake("@x = lhist(1, 5, 5, 1);"),
		  "lhist() needs min < max, and a step above 0");
	CHECK_STR(mistake("@x = hist(comm);"), "hist() takes a number");
	CHECK_STR(mistake("if (comm < \"a\") { }"), "strings are only equal or not");
	CHECK_STR(mistake("@x = comm == 1;"), "a string cannot be compared with a number");
	CHECK_STR(mistake("break;"), "there is no loop here");
	CHECK_STR(mistake("@x = (1, 2).2;"), "this tuple has items 0 to 1");
	CHECK_STR(mistake("@x = args.n;"), "BEGIN has no fields");
	CHECK_STR(mistake("@x = arg0;"), "BEGIN has no arg0");
	CHECK_STR(mistake("@x = (struct nope)1;"), "there is no type struct nope");
	CHECK_STR(mistake("@x = cpid;"), "there is no child process");
	CHECK_STR(mistake("$x = 1; $x = \"a\";"), "$x is int64 already");
	end();
}

TEST(hints_name_what_is_near)
{
	CHECK_STR(hint("@x = conm;"), "did you mean comm?");
	CHECK_STR(hint("@x = prinf(1);"), "did you mean printf()?");
	CHECK_STR(hint("system(\"ls\");"), "--unsafe allows what changes the system");
	compile("tracepoint:a:one { @ = args.nam; }");
	REQUIRE(diag.len);
	CHECK_STR(diag.entries[0].hint, "did you mean name?");
	compile("tracepoit:a:one { }");
	REQUIRE(diag.len);
	CHECK_STR(diag.entries[0].hint, "did you mean tracepoint?");
	end();
}

TEST(maps_get_the_type_of_all_uses)
{
	struct lang_program *p =
		compile("BEGIN { @s = \"a\"; @k[\"ab\", 1] = 1; @c[@late] = count(); }"
			"END { @s = \"longer\"; @k[comm, pid] = 2; @late = nsecs; }");

	REQUIRE(p);
	CHECK_INT(p->n_maps, 4);
	for (const struct lang_map *m = p->maps; m; m = m->next) {
		if (!strcmp(m->name, "s"))
			CHECK_STR(type_name(m->value), "string[7]");
		if (!strcmp(m->name, "k"))
			CHECK_STR(type_name(m->key), "(string[16],int64)");
		if (!strcmp(m->name, "c"))
			CHECK_STR(type_name(m->key), "(uint64)");
		CHECK_INT(m->is_per_cpu, !strcmp(m->name, "c"));
	}
	end();
}

TEST(clauses_of_a_target_share_a_program)
{
	struct lang_program *p = compile("tracepoint:a:* { @a = count(); }"
					 "tracepoint:a:one { @b = count(); }"
					 "BEGIN { } BEGIN { }");
	size_t n = 0;

	REQUIRE(p);
	for (const struct lang_unit *u = p->units; u; u = u->next, n++)
		CHECK_INT(u->n_targets, 1);
	CHECK_INT(n, 3);
	CHECK_INT(p->n_units, 3);
	end();
}

/* args.n is at 8 in one event and at 16 in the other. */
TEST(arguments_are_each_events_own)
{
	struct lang_program *p = compile("tracepoint:a:* { @ = sum(args.n); }");
	int places = 0;

	REQUIRE(p && p->n_units == 2);
	for (const struct lang_unit *u = p->units; u; u = u->next)
		for (size_t i = 0; i < u->n_insns; i++)
			if (u->insns[i].code == (BPF_LDX | BPF_MEM | BPF_W))
				places += u->insns[i].off;
	CHECK_INT(places, 8 + 16);
	CHECK(!compile("tracepoint:a:* { @ = args.name; }"));
	REQUIRE(diag.len);
	CHECK_STR(diag.entries[0].message, "a:two has no field name");
	end();
}

TEST(settings)
{
	struct lang_program *p = compile("config = { max_map_keys = 9 } BEGIN { @x[1] = 1; }");

	REQUIRE(p);
	CHECK_INT(p->maps->max_entries, 9);
	CHECK(!compile("config = { max_map_kyes = 9 } BEGIN { }"));
	CHECK_STR(diag.entries[0].hint, "max_map_keys");
	end();
}

TEST(parameters)
{
	static const char *const params[] = {"5", "name"};
	struct lang_options options = {.params = params, .n_params = 2};
	struct lang_program *p =
		compile_with("BEGIN { @n = $1; @t = str($2); @c = $#; @none = $3; }", &options);

	REQUIRE(p);
	CHECK_STR(type_name(p->maps->value), "int64");
	CHECK_STR(type_name(p->maps->next->value), "string[5]");
	end();
}

TEST(structs_of_the_script)
{
	struct lang_program *p =
		compile("struct in { char c; int i; };"
			"struct s { char a; struct in b; uint16_t d[3]; struct s *next; };"
			"BEGIN { @o = offsetof(struct s, next); @z = sizeof(struct s);"
			"  $p = (struct s *)1; @v = $p->next->b.i; }");

	REQUIRE(p);
	CHECK_STR(type_name(p->maps->value), "uint64");
	end();
}

TEST(carets_point_at_the_place)
{
	static const char script[] = "BEGIN {\n\t@x = foo;\n}";

	compile(script);
	REQUIRE(diag.len == 1);
	str_reset(&text);
	lang_point(&text, script, &diag.entries[0]);
	CHECK_STR(str_c(&text), "   @x = foo;\n        ^\n");
	end();
}

TEST(no_memory_is_no_crash)
{
	static const char script[] = "tracepoint:a:* /args.n > 1/ { @x[comm] = count(); "
				     "printf(\"%s %d\", comm, args.n); }";

	for (int n = 0; n < 400; n++) {
		struct arena a = {0};
		struct ast_script *s;
		struct lang_program *p;
		int err;

		arena_fail_after = n;
		err = bt_parse(&s, "t.bt", script, &a, NULL);
		if (!err)
			err = lang_compile(&p, s, &lang_env_test, &plain, &a, NULL);
		arena_fail_after = -1;
		CHECK(err == -ENOMEM || err == -EINVAL || err == 0);
		arena_fini(&a);
	}
}
