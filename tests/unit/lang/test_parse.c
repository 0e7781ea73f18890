/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "lang/ast.h"

static struct arena arena;
static struct diag diag;
static struct str text;

/* The tree of a script's one clause, a node a line. */
static const char *tree(const char *script)
{
	struct ast_script *s;

	arena_fini(&arena);
	diag_fini(&diag);
	str_reset(&text);
	if (bt_parse(&s, "t.bt", script, &arena, &diag))
		return diag.len ? diag.entries[0].message : "no message";
	ast_write(&text, s);
	return str_c(&text);
}

static void end(void)
{
	arena_fini(&arena);
	diag_fini(&diag);
	str_fini(&text);
}

TEST(operators_bind_as_in_c)
{
	CHECK_STR(tree("BEGIN { @ = 1 + 2 * 3 == 7 && 4 | 5; }"), "probe BEGIN\n"
								  "  block\n"
								  "    eval\n"
								  "      assign =\n"
								  "        map @\n"
								  "        binary &&\n"
								  "          binary ==\n"
								  "            binary +\n"
								  "              int 1\n"
								  "              binary *\n"
								  "                int 2\n"
								  "                int 3\n"
								  "            int 7\n"
								  "          binary |\n"
								  "            int 4\n"
								  "            int 5\n");
	CHECK_STR(tree("BEGIN { @ = 1 - 2 - 3 }"), "probe BEGIN\n"
						   "  block\n"
						   "    eval\n"
						   "      assign =\n"
						   "        map @\n"
						   "        binary -\n"
						   "          binary -\n"
						   "            int 1\n"
						   "            int 2\n"
						   "          int 3\n");
	end();
}

TEST(a_slash_divides_or_ends_the_predicate)
{
	CHECK_STR(tree("i:s:1 /6 / 2 == 3/ { exit() }"), "probe i:s:1\n"
							 "  predicate\n"
							 "    binary ==\n"
							 "      binary /\n"
							 "        int 6\n"
							 "        int 2\n"
							 "      int 3\n"
							 "  block\n"
							 "    eval\n"
							 "      call exit\n");
	end();
}

TEST(casts_and_parentheses)
{
	CHECK_STR(tree("BEGIN { $x = (uint8)(1); $y = (pid); $z = (struct a *)1; $t = (1, 2).1 }"),
		  "probe BEGIN\n"
		  "  block\n"
		  "    eval\n"
		  "      assign =\n"
		  "        variable $x\n"
		  "        cast (uint8)\n"
		  "          int 1\n"
		  "    eval\n"
		  "      assign =\n"
		  "        variable $y\n"
		  "        name pid\n"
		  "    eval\n"
		  "      assign =\n"
		  "        variable $z\n"
		  "        cast (struct a*)\n"
		  "          int 1\n"
		  "    eval\n"
		  "      assign =\n"
		  "        variable $t\n"
		  "        item 1\n"
		  "          tuple\n"
		  "            int 1\n"
		  "            int 2\n");
	end();
}

TEST(what_stands_before_the_probes)
{
	CHECK_STR(tree("#!/usr/bin/piste run\n"
		       "#include <linux/sched.h>\n"
		       "#define LIMIT 0x10\n"
		       "config = { max_map_keys = 8; max_strlen = 32 }\n"
		       "enum e { A, B = 7, C };\n"
		       "struct s { int a, b[2]; struct s *next; };\n"
		       "BEGIN, END { }"),
		  "config max_map_keys = 8\n"
		  "config max_strlen = 32\n"
		  "struct s\n"
		  "  a (int)\n"
		  "  b (int[2])\n"
		  "  next (struct s*)\n"
		  "constant LIMIT = 16\n"
		  "constant A = 0\n"
		  "constant B = 7\n"
		  "constant C = 8\n"
		  "probe BEGIN\n"
		  "probe END\n"
		  "  block\n");
	end();
}

TEST(statements)
{
	CHECK_STR(tree("BEGIN { let $i: uint32 = 1; while ($i < 3) { $i++; continue } "
		       "unless (1) { return } else if (2) { } for $j : 0..2 { break; } "
		       "unroll (2) { ++$i; } for ($kv : @m) { } }"),
		  "probe BEGIN\n"
		  "  block\n"
		  "    let (uint32)\n"
		  "      variable $i\n"
		  "      int 1\n"
		  "    while\n"
		  "      binary <\n"
		  "        variable $i\n"
		  "        int 3\n"
		  "      block\n"
		  "        eval\n"
		  "          step ++\n"
		  "            variable $i\n"
		  "        continue\n"
		  "    if\n"
		  "      unary !\n"
		  "        int 1\n"
		  "      block\n"
		  "        return\n"
		  "      if\n"
		  "        int 2\n"
		  "        block\n"
		  "    for-range\n"
		  "      variable $j\n"
		  "      int 0\n"
		  "      int 2\n"
		  "      block\n"
		  "        break\n"
		  "    unroll\n"
		  "      int 2\n"
		  "      block\n"
		  "        eval\n"
		  "          step ++ prefix\n"
		  "            variable $i\n"
		  "    for-map\n"
		  "      variable $kv\n"
		  "      map @m\n"
		  "      block\n");
	end();
}

TEST(mistakes_are_named)
{
	CHECK_STR(tree(""), "there is no probe in the script");
	CHECK_STR(tree("BEGIN"), "'{' is missing before the end");
	CHECK_STR(tree("BEGIN { printf(\"a\" }"), "')' is missing before }");
	CHECK_STR(tree("BEGIN { @x = ; }"), "a value is needed before ;");
	CHECK_STR(tree("BEGIN { 1 = 2; }"), "only $variables and @maps can be assigned to");
	CHECK_STR(tree("BEGIN { @x[] = 1; }"), "a key belongs between [ and ]");
	CHECK_STR(tree("BEGIN { if (1) { }"), "this { is never closed");
	CHECK_STR(tree("{ }"), "a probe's name belongs before '{'");
	CHECK_STR(tree("BEGIN { for (x : 1) {} }"), "a $variable belongs here");
	end();
}

TEST(places_of_later_clauses)
{
	struct ast_script *s;

	arena_fini(&arena);
	diag_fini(&diag);
	CHECK_INT(bt_parse(&s, "t.bt", "BEGIN { }\n\nEND {\n  @x = ; }", &arena, &diag), -EINVAL);
	REQUIRE(diag.len == 1);
	CHECK_INT(diag.entries[0].place.line, 4);
	CHECK_INT(diag.entries[0].place.column, 8);
	end();
}

TEST(nesting_has_an_end)
{
	struct str script = {0};

	str_add(&script, "BEGIN { @ = ");
	for (int i = 0; i < 100000; i++)
		str_add_char(&script, '(');
	CHECK_STR(tree(str_c(&script)), "this is nested too deeply");
	str_fini(&script);
	end();
}

TEST(no_memory_is_no_crash)
{
	static const char script[] =
		"struct s { int a; }; BEGIN /1/ { @x[1, \"a\"] = (1 ? 2 : 3); }";
	struct ast_script *s;

	for (int n = 0; n < 60; n++) {
		struct arena a = {0};
		int err;

		arena_fail_after = n;
		err = bt_parse(&s, "t.bt", script, &a, NULL);
		arena_fail_after = -1;
		CHECK(err == -ENOMEM || err == -EINVAL || (err == 0 && s));
		arena_fini(&a);
	}
}
