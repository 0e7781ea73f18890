/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "base/vec.h"

TEST(push_keeps_order)
{
	struct VEC(int) v = {0};
	int *it, sum = 0;

	for (int i = 0; i < 1000; i++)
		CHECK_INT(vec_push(&v, i), 0);
	CHECK_INT(v.len, 1000);
	for (int i = 0; i < 1000; i++)
		CHECK_INT(v.items[i], i);
	vec_each(it, &v)
		sum += *it;
	CHECK_INT(sum, 499500);
	vec_fini(&v);
	CHECK(!v.items && !v.len && !v.cap);
	vec_fini(&v);
}

TEST(remove_keeps_order)
{
	struct VEC(char) v = {0};

	for (const char *c = "abcde"; *c; c++)
		vec_push(&v, *c);
	vec_remove(&v, 4);
	vec_remove(&v, 0);
	vec_remove(&v, 1);
	CHECK_INT(v.len, 2);
	CHECK_MEM(v.items, "bd", 2);
	vec_fini(&v);
}

TEST(structs_and_reserve)
{
	struct VEC(struct {
		long a;
		char b;
	}) v = {0};

	CHECK_INT(vec_reserve(&v, 100), 0);
	CHECK(v.cap >= 100);
	CHECK_INT(v.len, 0);
	vec_fini(&v);
}

TEST(impossible_size_fails_and_changes_nothing)
{
	struct VEC(long) v = {0};

	vec_push(&v, 7);
	CHECK_INT(vec_reserve(&v, SIZE_MAX / 2), -ENOMEM);
	CHECK_INT(vec_reserve(&v, SIZE_MAX), -ENOMEM);
	CHECK_INT(v.len, 1);
	CHECK_INT(v.items[0], 7);
	vec_fini(&v);
}
