/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "base/str.h"

TEST(append_everything)
{
	struct str s = {0};

	CHECK_STR(str_c(&s), "");
	str_add(&s, "a");
	str_add_char(&s, ' ');
	str_add_u64(&s, 0);
	str_add_char(&s, ' ');
	str_add_u64(&s, UINT64_MAX);
	str_add_char(&s, ' ');
	str_add_i64(&s, INT64_MIN);
	str_add_char(&s, ' ');
	str_add_hex(&s, 0xdeadbeef);
	str_add_hex(&s, 0);
	str_addf(&s, " %s%d", "x", 5);
	CHECK_STR(str_c(&s), "a 0 18446744073709551615 -9223372036854775808 DEADBEEF0 x5");
	CHECK_INT(s.len, strlen(s.data));
	str_reset(&s);
	CHECK_STR(str_c(&s), "");
	str_add_bytes(&s, "a\0b", 3);
	CHECK_INT(s.len, 3);
	CHECK_MEM(s.data, "a\0b", 4);
	str_fini(&s);
	str_fini(&s);
	str_fini(NULL);
}

TEST(decimal_numbers_of_every_length)
{
	struct str s = {0};
	char want[32];

	for (uint64_t v = 1; v < UINT64_MAX / 11; v = v * 3 + 1) {
		str_reset(&s);
		str_add_u64(&s, v);
		snprintf(want, sizeof(want), "%" PRIu64, v);
		CHECK_STR(str_c(&s), want);
	}
	str_fini(&s);
}

TEST(growth_by_format)
{
	struct str s = {0};

	for (int i = 0; i < 500; i++)
		str_addf(&s, "%05d", i);
	CHECK_INT(s.len, 2500);
	CHECK_MEM(s.data + 2490, "0049800499", 11);
	str_addf(&s, "%*s", 100000, "x");
	CHECK_INT(s.len, 102500);
	str_fini(&s);
}

TEST(failure_sticks)
{
	struct str s = {0};

	str_add(&s, "kept");
	str_add_bytes(&s, "x", SIZE_MAX - 2);
	CHECK(s.failed);
	str_add(&s, "no");
	CHECK_STR(str_c(&s), "kept");
	str_fini(&s);
	CHECK(!s.failed);
}

static void check_json(const char *bytes, size_t len, const char *want)
{
	struct str s = {0};

	str_add_json(&s, bytes, len);
	CHECK_STR(str_c(&s), want);
	str_fini(&s);
}

TEST(json)
{
#define JSON(bytes, want) check_json(bytes, sizeof(bytes) - 1, want)
	JSON("", "\"\"");
	JSON("a\"b\\c\n\t\r\b\f/", "\"a\\\"b\\\\c\\n\\t\\r\\b\\f/\"");
	JSON("\x01\0\x7f", "\"\\u0001\\u0000\\u007f\"");
	JSON("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
#define BAD "\xef\xbf\xbd"
	JSON("\xff", "\"" BAD "\"");
	JSON("\xc0\x80", "\"" BAD BAD "\""); /* overlong */
	JSON("\xed\xa0\x80", "\"" BAD BAD BAD "\""); /* surrogate */
	JSON("\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\""); /* too large */
	JSON("\xe2\x82", "\"" BAD BAD "\""); /* cut off */
	JSON("\xe2\x82x", "\"" BAD BAD "x\"");
}

static void check_human(void (*add)(struct str *, uint64_t), uint64_t v, const char *want)
{
	struct str s = {0};

	add(&s, v);
	CHECK_STR(str_c(&s), want);
	str_fini(&s);
}

TEST(for_people)
{
	check_human(str_add_bytes_human, 0, "0 B");
	check_human(str_add_bytes_human, 999, "999 B");
	check_human(str_add_bytes_human, 1000, "1.00 kB");
	check_human(str_add_bytes_human, 999499, "999 kB");
	check_human(str_add_bytes_human, 999500, "1.00 MB");
	check_human(str_add_bytes_human, 12345678, "12.3 MB");
	check_human(str_add_bytes_human, UINT64_MAX, "18.4 EB");
	check_human(str_add_count_human, 0, "0");
	check_human(str_add_count_human, 999, "999");
	check_human(str_add_count_human, 1000, "1,000");
	check_human(str_add_count_human, 2310442, "2,310,442");
	check_human(str_add_count_human, UINT64_MAX, "18,446,744,073,709,551,615");
	check_human(str_add_duration_human, 0, "0 ns");
	check_human(str_add_duration_human, 999, "999 ns");
	check_human(str_add_duration_human, 1000, "1.00 \xc2\xb5s");
	check_human(str_add_duration_human, 999499, "999 \xc2\xb5s");
	check_human(str_add_duration_human, 999500, "1.00 ms");
	check_human(str_add_duration_human, 41234567, "41.2 ms");
	check_human(str_add_duration_human, 4100000000, "4.10 s");
	check_human(str_add_duration_human, 61000000000, "1 min 01 s");
	check_human(str_add_duration_human, 3720000000000, "1 h 02 min");
}

static void check_size(const char *text, int err, uint64_t want)
{
	uint64_t v = 0;

	if (!CHECK_INT(parse_size(text, &v), err) || !CHECK_INT(v, want))
		printf("# of \"%s\"\n", text);
}

TEST(sizes)
{
	check_size("4096", 0, 4096);
	check_size("0", 0, 0);
	check_size("64M", 0, 64 << 20);
	check_size("512k", 0, 512 << 10);
	check_size("1.5G", 0, 3ull << 29);
	check_size("2KiB", 0, 2048);
	check_size("2KB", 0, 2048);
	check_size("7B", 0, 7);
	check_size("15E", 0, 15ull << 60);
	check_size("16E", -ERANGE, 0);
	check_size("18446744073709551615", 0, UINT64_MAX);
	check_size("18446744073709551616", -ERANGE, 0);
	check_size("", -EINVAL, 0);
	check_size("M", -EINVAL, 0);
	check_size("-1", -EINVAL, 0);
	check_size("1.5", -EINVAL, 0);
	check_size("1.M", -EINVAL, 0);
	check_size("1MM", -EINVAL, 0);
	check_size(" 1", -EINVAL, 0);
}

TEST(durations)
{
	uint64_t ns = 0;

	CHECK_INT(parse_duration("10s", &ns), 0);
	CHECK_INT(ns, 10000000000);
	CHECK_INT(parse_duration("1.5m", &ns), 0);
	CHECK_INT(ns, 90000000000);
	CHECK_INT(parse_duration("250ms", &ns), 0);
	CHECK_INT(ns, 250000000);
	CHECK_INT(parse_duration("7us", &ns), 0);
	CHECK_INT(ns, 7000);
	CHECK_INT(parse_duration("10", &ns), -EINVAL);
	CHECK_INT(parse_duration("s", &ns), -EINVAL);
	CHECK_INT(parse_duration("99999999999h", &ns), -ERANGE);
}

TEST(numbers)
{
	uint64_t v = 0;

	CHECK_INT(parse_u64("0", &v), 0);
	CHECK_INT(parse_u64("0xFFffFFffFFffFFff", &v), 0);
	CHECK_INT(v, UINT64_MAX);
	CHECK_INT(parse_u64("18446744073709551615", &v), 0);
	CHECK_INT(v, UINT64_MAX);
	CHECK_INT(parse_u64("18446744073709551616", &v), -ERANGE);
	CHECK_INT(parse_u64("0x", &v), -EINVAL);
	CHECK_INT(parse_u64("12a", &v), -EINVAL);
	CHECK_INT(parse_u64("-1", &v), -EINVAL);
	CHECK_INT(parse_u64("", &v), -EINVAL);
}

TEST(globs)
{
	CHECK(glob_match("", ""));
	CHECK(!glob_match("", "a"));
	CHECK(glob_match("*", ""));
	CHECK(glob_match("*", "anything"));
	CHECK(glob_match("a*c", "abbbc"));
	CHECK(!glob_match("a*c", "abbb"));
	CHECK(glob_match("*:*_begin", "app:request_begin"));
	CHECK(glob_match("?b?", "abc"));
	CHECK(!glob_match("?", ""));
	CHECK(glob_match("[a-c]x", "bx"));
	CHECK(!glob_match("[a-c]x", "dx"));
	CHECK(glob_match("[!a-c]x", "dx"));
	CHECK(glob_match("[]]", "]"));
	CHECK(glob_match("[a-]", "-"));
	CHECK(glob_match("[", "["));
	CHECK(glob_match("[ab", "[ab"));
	CHECK(glob_match("\\*", "*"));
	CHECK(!glob_match("\\*", "a"));
	CHECK(glob_match("a\\", "a\\"));
	CHECK(glob_match("*a*b*c*", "xxaxxbxxcxx"));
	CHECK(!glob_match("sys_enter_*", "sys_exit_read"));
}

/* With retries of every star this would not end. */
TEST(globs_take_no_exponential_time)
{
	char text[4097], pattern[129];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < sizeof(pattern) - 1; i += 2)
		memcpy(&pattern[i], "a*", 2);
	pattern[sizeof(pattern) - 2] = 'b';
	pattern[sizeof(pattern) - 1] = '\0';
	CHECK(!glob_match(pattern, text));
}

TEST(distances)
{
	char longer[66];

	CHECK_INT(edit_distance("", ""), 0);
	CHECK_INT(edit_distance("", "abc"), 3);
	CHECK_INT(edit_distance("kitten", "sitting"), 3);
	CHECK_INT(edit_distance("recrod", "record"), 1);
	CHECK_INT(edit_distance("ab", "ba"), 1);
	memset(longer, 'x', 65);
	longer[65] = '\0';
	CHECK_INT(edit_distance(longer, "x"), SIZE_MAX);
	CHECK_INT(edit_distance(longer + 1, ""), 64);
}

TEST(suggestions)
{
	static const char *const names[] = {"record", "recover", "print", "stat", "list"};

	CHECK_STR(nearest_name("recrod", names, 5), "record");
	CHECK_STR(nearest_name("prnt", names, 5), "print");
	CHECK_STR(nearest_name("stats", names, 5), "stat");
	CHECK_STR(nearest_name("xyzzy", names, 5), NULL);
	CHECK_STR(nearest_name("record", names, 0), NULL);
}
