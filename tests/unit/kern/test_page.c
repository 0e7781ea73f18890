/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "kern/page.h"

#define HEADER                                                                                     \
	"\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"                                 \
	"\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"                                \
	"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"                                 \
	"\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"

/* A page as the kernel writes it. */
static uint8_t bytes[4096];
static size_t used;
static struct page_layout layout;

static void put(const void *p, size_t len)
{
	memcpy(bytes + 16 + used, p, len);
	used += len;
}

static void put_u32(uint32_t value)
{
	put(&value, sizeof(value));
}

static void put_head(uint32_t type, uint32_t delta)
{
	put_u32(type | delta << 5);
}

static void start(uint64_t time)
{
	struct span text = {(const uint8_t *)HEADER, strlen(HEADER)};

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &time, sizeof(time));
	used = 0;
	CHECK_INT(page_layout_parse(&layout, text, NULL), 0);
}

static int finish(struct page *p, uint64_t flags)
{
	uint64_t commit = used | flags;

	memcpy(bytes + 8, &commit, sizeof(commit));
	return page_open(p, &layout, (struct span){bytes, sizeof(bytes)});
}

static void check_next(struct page *p, uint64_t time, const char *text, size_t len)
{
	struct page_record record;

	REQUIRE(page_next(p, &record) == 1);
	CHECK_INT(record.time, time);
	CHECK_INT(record.bytes.len, len);
	CHECK_MEM(record.bytes.data, text, strlen(text));
}

TEST(layouts)
{
	static const char other[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				    "\tfield: local_t commit;\toffset:8;\tsize:4;\tsigned:1;\n"
				    "\tfield: char data;\toffset:12;\tsize:4084;\tsigned:0;\n";

	CHECK_INT(page_layout_parse(&layout, (struct span){(const uint8_t *)other, strlen(other)},
				    NULL),
		  0);
	CHECK_INT(layout.commit_size, 4);
	CHECK_INT(layout.data_offset, 12);
	start(0);
	CHECK_INT(layout.commit_size, 8);
	CHECK_INT(layout.data_offset, 16);
	CHECK_INT(page_layout_parse(&layout, (struct span){(const uint8_t *)"x", 1}, NULL),
		  -EINVAL);
}

TEST(records_short_and_long)
{
	struct page_record record;
	struct page p;

	start(1000);
	put_head(2, 5);
	put("abcdefgh", 8);
	put_head(0, 7);
	put_u32(4 + 10);
	put("0123456789..", 12);
	REQUIRE(!finish(&p, 0));
	CHECK_INT(p.missed, 0);
	check_next(&p, 1005, "abcdefgh", 8);
	check_next(&p, 1012, "0123456789", 12);
	CHECK_INT(page_next(&p, &record), 0);
}

TEST(time_moves)
{
	struct page_record record;
	struct page p;

	start(UINT64_C(5) << 59 | 100);
	put_head(30, 1); /* + 2 << 27 | 1 */
	put_u32(2);
	put_head(1, 3);
	put("aaaa", 4);
	put_head(29, 9); /* taken back, with its time */
	put_u32(8);
	put("xxxx", 4);
	put_head(29, 1); /* … that had none */
	put_u32(4);
	put_head(1, 1);
	put("bbbb", 4);
	put_head(31, 50); /* absolute: 1 << 28 | 50 */
	put_u32(2);
	put_head(1, 0);
	put("cccc", 4);
	put_head(31, 49); /* one less: the upper bits moved on */
	put_u32(2);
	put_head(1, 0);
	put("dddd", 4);
	put_head(29, 0); /* the rest */
	put("rubbish.", 8);
	REQUIRE(!finish(&p, 0));
	check_next(&p, (UINT64_C(5) << 59) + 100 + (2u << 27) + 1 + 3, "aaaa", 4);
	check_next(&p, (UINT64_C(5) << 59) + 100 + (2u << 27) + 1 + 3 + 9 + 1, "bbbb", 4);
	check_next(&p, (UINT64_C(6) << 59) + (2u << 27) + 50, "cccc", 4);
	check_next(&p, (UINT64_C(7) << 59) + (2u << 27) + 49, "dddd", 4);
	CHECK_INT(page_next(&p, &record), 0);
}

TEST(losses_are_told)
{
	struct page p;
	uint64_t n = 4711;

	start(0);
	put_head(1, 0);
	put("aaaa", 4);
	REQUIRE(!finish(&p, UINT64_C(1) << 31));
	CHECK(p.missed == PAGE_MISSED_SOME);
	memcpy(bytes + 16 + used, &n, sizeof(n));
	REQUIRE(!finish(&p, UINT64_C(3) << 30));
	CHECK_INT(p.missed, 4711);
	check_next(&p, 0, "aaaa", 4);
}

TEST(broken_pages)
{
	struct page_record record;
	struct page p;

	start(0);
	used = 4081; /* more than there is */
	CHECK_INT(finish(&p, 0), -EINVAL);
	CHECK_INT(page_open(&p, &layout, (struct span){bytes, 15}), -EINVAL);
	start(0);
	put_head(3, 0); /* 12 bytes, of which 4 are there */
	put("aaaa", 4);
	REQUIRE(!finish(&p, 0));
	CHECK_INT(page_next(&p, &record), -EINVAL);
	start(0);
	put_head(0, 0);
	put_u32(0); /* shorter than its own head */
	REQUIRE(!finish(&p, 0));
	CHECK_INT(page_next(&p, &record), -EINVAL);
	start(0);
	put_head(0, 0);
	put_u32(UINT32_MAX);
	REQUIRE(!finish(&p, 0));
	CHECK_INT(page_next(&p, &record), -EINVAL);
	start(0);
	put_head(30, 0); /* half of it */
	REQUIRE(!finish(&p, 0));
	CHECK_INT(page_next(&p, &record), -EINVAL);
	start(0);
	put("ab", 2);
	REQUIRE(!finish(&p, 0));
	CHECK_INT(page_next(&p, &record), -EINVAL);
}
