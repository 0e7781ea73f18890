/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "base/arena.h"

TEST(zeroed_arena_is_empty)
{
	struct arena a = {0};

	CHECK(!arena_failed(&a));
	arena_fini(&a);
	arena_fini(&a);
	arena_fini(NULL);
}

TEST(memory_is_zeroed_aligned_and_apart)
{
	struct arena a = {0};
	char *last = NULL;

	for (size_t size = 0; size < 3000; size += 7) {
		char *p = arena_alloc(&a, size);

		REQUIRE(p != NULL);
		CHECK_INT((uintptr_t)p % 16, 0);
		CHECK(p != last);
		for (size_t i = 0; i < size; i++)
			if (p[i])
				REQUIRE(!"zeroed");
		memset(p, 0xff, size);
		last = p;
	}
	arena_fini(&a);
}

TEST(large_allocation)
{
	struct arena a = {0};
	char *small = arena_alloc(&a, 8), *large = arena_alloc(&a, 10 << 20), *next;

	REQUIRE(small && large);
	large[(10 << 20) - 1] = 1;
	next = arena_alloc(&a, 100);
	REQUIRE(next != NULL);
	CHECK_INT(next[0], 0);
	CHECK_INT(a.used_bytes, 16 + (10 << 20) + 112);
	arena_fini(&a);
}

TEST(limit_is_kept)
{
	struct arena a = {.limit_bytes = 64};

	CHECK(arena_alloc(&a, 48));
	CHECK(arena_alloc(&a, 16));
	CHECK(!arena_alloc(&a, 1));
	CHECK(arena_failed(&a));
	arena_fini(&a);
	CHECK(!arena_failed(&a));
}

TEST(overflow_fails_and_sticks)
{
	struct arena a = {0};

	CHECK(!arena_array(&a, SIZE_MAX / 2, 3));
	CHECK(arena_failed(&a));
	CHECK(!arena_alloc(&a, 1));
	arena_fini(&a);
	CHECK(!arena_alloc(&a, SIZE_MAX));
	arena_fini(&a);
	CHECK(arena_array(&a, 0, 8));
	arena_fini(&a);
}

TEST(strings)
{
	struct arena a = {0};

	CHECK_STR(arena_strdup(&a, ""), "");
	CHECK_STR(arena_strdup(&a, "piste"), "piste");
	CHECK_STR(arena_strndup(&a, "piste", 2), "pi");
	CHECK_STR(arena_strndup(&a, "piste", 99), "piste");
	CHECK_STR(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	CHECK_MEM(arena_memdup(&a, "a\0b", 3), "a\0b", 3);
	arena_fini(&a);
}

static bool build_list(struct arena *a, int n)
{
	struct node {
		struct node *next;
		char *name;
	} *head = NULL;

	for (int i = 0; i < n; i++) {
		struct node *node = arena_new(a, struct node);

		if (!node)
			return false;
		node->name = arena_printf(a, "node %d", i);
		node->next = head;
		head = node;
	}
	return !arena_failed(a);
}

TEST(every_allocation_may_fail)
{
	long n;

	for (n = 0; n < 1000; n++) {
		struct arena a = {0};
		bool done;

		arena_fail_after = n;
		done = build_list(&a, 50);
		CHECK(done == !arena_failed(&a));
		arena_fini(&a);
		if (done)
			break;
	}
	CHECK_INT(n, 100); /* a node and a name each */
	arena_fail_after = -1;
}
