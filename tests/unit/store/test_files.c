/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "store/files.h"

static const char *name(struct files *f, const char *text)
{
	return files_intern(f, text, strlen(text));
}

TEST(the_same_name_is_the_same_pointer)
{
	struct files f = {0};

	CHECK(name(&f, "/a") == name(&f, "/a"));
	CHECK(name(&f, "/a") != name(&f, "/b"));
	CHECK(files_intern(&f, "/abc", 2) == name(&f, "/a"));
	files_fini(&f);
}

TEST(open_dup_close)
{
	struct files f = {0};

	CHECK(!files_name(&f, 1, 3));
	CHECK_INT(files_open(&f, 1, 3, name(&f, "/a")), 0);
	CHECK_INT(files_dup(&f, 1, 3, 7), 0);
	CHECK_STR(files_name(&f, 1, 7), "/a");
	files_close(&f, 1, 3);
	CHECK(!files_name(&f, 1, 3));
	CHECK_STR(files_name(&f, 1, 7), "/a");
	CHECK(!files_name(&f, 2, 7));
	/* of one that nobody knows: what was there is not it */
	CHECK_INT(files_dup(&f, 1, 9, 7), 0);
	CHECK(!files_name(&f, 1, 7));
	files_fini(&f);
}

TEST(a_child_has_its_parents_and_then_its_own)
{
	struct files f = {0};

	for (uint32_t fd = 0; fd < 100; fd++)
		files_open(&f, 1, fd, name(&f, "/a"));
	for (uint32_t child = 2; child < 50; child++)
		CHECK_INT(files_fork(&f, 1, child), 0);
	CHECK_STR(files_name(&f, 49, 99), "/a");
	files_close(&f, 49, 99);
	CHECK(!files_name(&f, 49, 99));
	CHECK_STR(files_name(&f, 1, 99), "/a");
	/* it was seen before its parent came back */
	files_open(&f, 60, 5, name(&f, "/b"));
	CHECK_INT(files_fork(&f, 1, 60), 0);
	CHECK_STR(files_name(&f, 60, 5), "/b");
	CHECK(!files_name(&f, 60, 6));
	files_end(&f, 49);
	CHECK(!files_name(&f, 49, 1));
	CHECK_INT(files_open(&f, 49, 1, name(&f, "/c")), 0);
	CHECK_STR(files_name(&f, 49, 1), "/c");
	files_fini(&f);
}
