/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "lang/lex.h"

static struct arena arena;
static struct diag diag;
static struct lexer lexer;

static void begin(const char *text)
{
	arena_fini(&arena);
	diag_fini(&diag);
	lex_init(&lexer, "t.bt", text, &arena, &diag);
}

static void end(void)
{
	arena_fini(&arena);
	diag_fini(&diag);
}

static uint64_t number(const char *text)
{
	struct token t;

	begin(text);
	t = lex_next(&lexer);
	CHECK_INT(t.kind, TOKEN_INT);
	CHECK_INT(lex_next(&lexer).kind, TOKEN_END);
	return t.number;
}

TEST(numbers)
{
	CHECK_INT(number("0"), 0);
	CHECK_INT(number("1_000"), 1000);
	CHECK_INT(number("0x1F"), 31);
	CHECK_INT(number("017"), 15);
	CHECK_INT(number("0b101"), 5);
	CHECK_INT(number("1e6"), 1000000);
	CHECK_INT(number("5ms"), 5000000);
	CHECK_INT(number("2h"), 7200000000000);
	CHECK_INT(number("7ULL"), 7);
	CHECK(number("18446744073709551615") == UINT64_MAX);
	end();
}

TEST(numbers_that_are_none)
{
	static const char *const texts[] = {"18446744073709551616", "1x", "12abc", "1e20", "0x"};

	for (size_t i = 0; i < 4; i++) {
		begin(texts[i]);
		lex_next(&lexer);
		CHECK_INT(lexer.error, -EINVAL);
		CHECK_INT(diag.errors, 1);
	}
	end();
}

TEST(strings_resolve_their_escapes)
{
	struct token t;

	begin("\"a\\n\\t\\\"\\x41\\101\\\\\"");
	t = lex_next(&lexer);
	CHECK_INT(t.kind, TOKEN_STRING);
	CHECK_STR(t.text, "a\n\t\"AA\\");
	begin("\"open");
	lex_next(&lexer);
	CHECK_INT(lexer.error, -EINVAL);
	end();
}

TEST(signs_are_the_longest)
{
	static const char *const wanted[] = {"<<=", "->", "..", "++", "=="};

	begin("<<= -> .. ++ ==");
	for (size_t i = 0; i < 5; i++)
		CHECK_STR(lex_next(&lexer).text, wanted[i]);
	end();
}

TEST(marks_give_kinds)
{
	struct token t;

	begin("$x @y @ $12 $# /* c */ name // rest");
	CHECK_INT(lex_next(&lexer).kind, TOKEN_VARIABLE);
	CHECK_INT(lex_next(&lexer).kind, TOKEN_MAP);
	t = lex_next(&lexer);
	CHECK_INT(t.kind, TOKEN_MAP);
	CHECK_INT(t.len, 0);
	CHECK_INT(lex_next(&lexer).number, 12);
	t = lex_next(&lexer);
	CHECK_INT(t.kind, TOKEN_PARAMETER);
	CHECK_INT(t.number, 0);
	CHECK_STR(lex_next(&lexer).text, "name");
	CHECK_INT(lex_next(&lexer).kind, TOKEN_END);
	CHECK_INT(lex_next(&lexer).kind, TOKEN_END);
	end();
}

TEST(places_count_lines_and_columns)
{
	struct token t;

	begin("a\n  bc");
	lex_next(&lexer);
	t = lex_next(&lexer);
	CHECK_INT(t.place.line, 2);
	CHECK_INT(t.place.column, 3);
	CHECK_INT(t.place.offset, 4);
	CHECK_INT(t.place.len, 2);
	end();
}

TEST(probes_keep_their_slashes)
{
	begin("uprobe:/bin/bash:readline, t:a:*{");
	CHECK_STR(lex_probe(&lexer).text, "uprobe:/bin/bash:readline");
	CHECK_STR(lex_next(&lexer).text, ",");
	CHECK_STR(lex_probe(&lexer).text, "t:a:*");
	CHECK_INT(lex_probe(&lexer).len, 0);
	end();
}
