/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "site_maker.h"

#include "piste/wire/rules.h"

TEST(globs)
{
	static const struct {
		const char *pattern, *text;
		int matches;
	} cases[] = {
		{"", "", 1},
		{"", "a", 0},
		{"*", "", 1},
		{"*", "shop:order", 1},
		{"**", "x", 1},
		{"shop:*", "shop:order", 1},
		{"shop:*", "shop2:order", 0},
		{"*:order*", "shop:order_done", 1},
		{"*done", "order_done_done", 1},
		{"*a*b*c", "xxaxxbxxbc", 1},
		{"*a*b*c", "xxaxxbxxbd", 0},
		{"?", "", 0},
		{"?", "a", 1},
		{"a?c", "abc", 1},
		{"a?c", "ac", 0},
		{"[ab]x", "bx", 1},
		{"[a-c]x", "cx", 1},
		{"[a-c]x", "dx", 0},
		{"[!a-c]x", "dx", 1},
		{"[^a-c]x", "ax", 0},
		{"[]]x", "]x", 1},
		{"[!]]x", "ax", 1},
		{"[a-]x", "-x", 1},
		{"[\\]a]x", "]x", 1},
		{"[\\]a]x", "ax", 1},
		{"[a-\\]]x", "]x", 0},
		{"[\xc3-\xff]", "\xe4", 1},
		{"[a", "a", 1}, /* unended: as if it ended here */
		{"[", "a", 0},
		{"[!", "a", 1},
		{"[a-", "a", 1},
		{"[\\", "\\", 1},
		{"\\*", "*", 1},
		{"\\*", "a", 0},
		{"\\\\", "\\", 1},
		{"a\\", "a\\", 1},
		{"*\\?x", "aa?x", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (!CHECK(piste_glob(cases[i].pattern, cases[i].text) == cases[i].matches))
			printf("# %s on %s\n", cases[i].pattern, cases[i].text);
}

/* Exponential in a matcher that recurses at every star. */
TEST(pathological_globs)
{
	char pattern[PISTE_RULES_SIZE], text[256];
	size_t n = 0;

	while (n < sizeof(pattern) - 4) {
		pattern[n++] = '*';
		pattern[n++] = 'a';
	}
	memcpy(pattern + n, "*b", 3);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 1000; i++)
		CHECK(!piste_glob(pattern, text));
	for (size_t i = 0; i + 1 < sizeof(pattern); i++)
		pattern[i] = "*[!"[i % 3];
	pattern[sizeof(pattern) - 1] = '\0';
	piste_glob(pattern, text);
}

/* `rules` are separated by ' '. */
static int wants(const char *rules, const char *name)
{
	static char bytes[PISTE_RULES_SIZE];

	memset(bytes, 0, sizeof(bytes));
	strcpy(bytes, rules);
	for (char *p = bytes; *p; p++)
		if (*p == ' ')
			*p = '\0';
	return piste_rules_match(bytes, name, strchr(name, ':') + 1);
}

TEST(rules)
{
	CHECK(!wants("", "shop:order"));
	CHECK(wants("*", "shop:order"));
	CHECK(wants("shop:*", "shop:order"));
	CHECK(wants("order", "shop:order"));
	CHECK(wants("ord*", "shop:order"));
	CHECK(!wants("shop", "shop:order"));
	CHECK(wants("u:shop:order", "shop:order"));
	CHECK(wants("u:order", "shop:order"));
	CHECK(!wants("k:order", "shop:order"));
	CHECK(wants("x:y shop:*", "shop:order"));
}

TEST(excludes)
{
	CHECK(!wants("* !shop:order", "shop:order"));
	CHECK(wants("* !shop:order", "shop:cart"));
	CHECK(!wants("* !order", "shop:order"));
	CHECK(!wants("* !u:order", "shop:order"));
	/* the last that matches decides */
	CHECK(wants("!shop:* shop:order", "shop:order"));
	CHECK(!wants("shop:order !shop:*", "shop:order"));
	CHECK(wants("* !shop:* shop:order", "shop:order"));
	CHECK(!wants("!shop:order", "shop:cart"));
}

TEST(rules_that_do_not_end)
{
	char bytes[PISTE_RULES_SIZE];

	memset(bytes, '*', sizeof(bytes));
	CHECK(!piste_rules_match(bytes, "a:b", "b"));
	bytes[sizeof(bytes) - 1] = '\0';
	CHECK(piste_rules_match(bytes, "a:b", "b"));
	memset(bytes, 0, sizeof(bytes));
	memset(bytes, 'x', sizeof(bytes) - 3);
	bytes[sizeof(bytes) - 2] = '*';
	CHECK(piste_rules_match(bytes, "a:b", "b"));
}

static int session_wants(const char *rule, uint32_t level, enum piste_site_kind kind,
			 enum piste_level site_level)
{
	static struct piste_session session;
	struct made m;

	memset(&session, 0, sizeof(session));
	strcpy(session.rules, rule);
	session.level = level;
	make_site(&m, kind, "shop:checkout", "", "", NULL, 0);
	made_head(&m)->level = (uint8_t)site_level;
	return piste_session_wants(&session, made_head(&m));
}

TEST(levels)
{
	CHECK(session_wants("*", PISTE_DEBUG, PISTE_SITE_EVENT, PISTE_DEBUG));
	CHECK(session_wants("*", PISTE_INFO, PISTE_SITE_EVENT, PISTE_INFO));
	CHECK(session_wants("*", PISTE_INFO, PISTE_SITE_EVENT, PISTE_EMERG));
	CHECK(!session_wants("*", PISTE_INFO, PISTE_SITE_EVENT, PISTE_DEBUG));
	CHECK(session_wants("*", PISTE_WARNING, PISTE_SITE_GATE, PISTE_DEBUG));
}

TEST(spans)
{
	CHECK(session_wants("checkout_begin", PISTE_INFO, PISTE_SITE_SPAN_BEGIN, PISTE_INFO));
	CHECK(!session_wants("checkout", PISTE_INFO, PISTE_SITE_SPAN_BEGIN, PISTE_INFO));
	CHECK(session_wants("shop:checkout_*", PISTE_INFO, PISTE_SITE_SPAN_END, PISTE_INFO));
	CHECK(session_wants("shop:checkout", PISTE_INFO, PISTE_SITE_EVENT, PISTE_INFO));
}

TEST(names_of_any_length)
{
	static struct piste_session session = {.rules = "*", .level = PISTE_INFO};
	static char name[3000] = "p:";
	struct made m;

	memset(name + 2, 'e', sizeof(name) - 3);
	make_site(&m, PISTE_SITE_SPAN_BEGIN, name, "", "", NULL, 0);
	CHECK(piste_session_wants(&session, made_head(&m)));
	memset(name, 'p', 2900);
	name[2900] = ':';
	make_site(&m, PISTE_SITE_SPAN_BEGIN, name, "", "", NULL, 0);
	CHECK(piste_session_wants(&session, made_head(&m)));
}
