/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "ctf/anchors.h"

#define S 1000000000ll

static struct anchors *make(const struct clock_anchor *items, size_t n, uint64_t hz)
{
	struct anchors *a = NULL;

	CHECK_INT(anchors_new(&a, items, n, NULL, hz, NULL), 0);
	return a;
}

TEST(straight_between_and_on_outside)
{
	/* 2 ticks a ns, then 4 */
	const struct clock_anchor items[] = {{1000, 50, 1000 * S, 2},
					     {3000, 1050, 1000 * S + 1000, 2},
					     {7000, 2050, 1000 * S + 2000, 2}};
	struct anchors *a = make(items, 3, 0);

	REQUIRE(a);
	CHECK_INT(anchors_ns(a, 1000), 1000 * S);
	CHECK_INT(anchors_ns(a, 2000), 1000 * S + 500);
	CHECK_INT(anchors_ns(a, 3000), 1000 * S + 1000);
	CHECK_INT(anchors_ns(a, 5000), 1000 * S + 1500);
	CHECK_INT(anchors_ns(a, 7000), 1000 * S + 2000);
	CHECK_INT(anchors_ns(a, 7400), 1000 * S + 2100);
	CHECK_INT(anchors_ns(a, 800), 1000 * S - 100);
	anchors_free(a);
}

TEST(setting_the_time_bends_nothing)
{
	const struct clock_anchor items[] = {{0, 0, 100 * S, 1},
					     {(uint64_t)S, (uint64_t)S, 9 * S, 1},
					     {2 * (uint64_t)S, 2 * (uint64_t)S, 10 * S, 1}};
	struct anchors *a = make(items, 3, 0);
	struct anchors_quality q;

	REQUIRE(a);
	CHECK_INT(anchors_ns(a, (uint64_t)S), 101 * S);
	CHECK_INT(anchors_ns(a, 2 * (uint64_t)S), 102 * S);
	anchors_quality(a, &q);
	CHECK_INT(q.realtime_step_ns, -92 * S);
	CHECK_INT(q.bend_ns, 0);
	CHECK_INT(q.width_ns, 1);
	anchors_free(a);
}

TEST(one_anchor_takes_the_frequency)
{
	const struct clock_anchor item = {500, 7, 3 * S, 10};
	struct anchors *a = make(&item, 1, 2000000000);

	REQUIRE(a);
	CHECK_INT(anchors_ns(a, 500), 3 * S);
	CHECK_INT(anchors_ns(a, 700), 3 * S + 100);
	CHECK_INT(anchors_ns(a, 300), 3 * S - 100);
	anchors_free(a);
}

TEST(never_goes_back)
{
	/* odd ratios: rounding must not show where segments meet */
	struct clock_anchor items[50];
	uint64_t ticks = 12345678901234, ns = 999;
	struct anchors *a;
	int64_t last;

	for (int i = 0; i < 50; i++) {
		items[i] = (struct clock_anchor){ticks, ns, 7 * S + (int64_t)ns, 3};
		ticks += 2499997 + (uint64_t)i;
		ns += 1000003;
	}
	a = make(items, 50, 0);
	REQUIRE(a);
	last = anchors_ns(a, items[0].ticks - 100);
	for (uint64_t t = items[0].ticks - 99; t < ticks; t += 97) {
		int64_t now = anchors_ns(a, t);

		if (now < last)
			CHECK_INT(now, last);
		last = now;
	}
	for (int i = 0; i < 50; i++)
		CHECK_INT(anchors_ns(a, items[i].ticks), 7 * S + (int64_t)items[i].monotonic_ns);
	anchors_free(a);
}

TEST(contradictions_are_left_out)
{
	const struct clock_anchor items[] = {
		{100, 100, 100, 1}, {300, 300, 300, 1}, {200, 5000, 5000, 1}, {100, 90, 90, 1}};
	struct diag diag = {0};
	struct anchors *a;

	REQUIRE(!anchors_new(&a, items, 4, NULL, 0, &diag));
	CHECK(a->n < 4);
	CHECK_INT(diag.warnings, 1);
	for (size_t i = 1; i < a->n; i++)
		CHECK(a->items[i].ticks > a->items[i - 1].ticks);
	anchors_free(a);
	diag_fini(&diag);
	CHECK_INT(anchors_new(&a, items, 0, NULL, 0, NULL), -EINVAL);
}

TEST(extremes_do_not_overflow)
{
	const struct clock_anchor items[] = {{0, 0, INT64_MAX, UINT32_MAX},
					     {1, UINT64_MAX, INT64_MIN, UINT32_MAX},
					     {UINT64_MAX, UINT64_MAX, 0, UINT32_MAX}};
	struct anchors *a = make(items, 3, 1);
	struct anchors_quality q;

	REQUIRE(a);
	anchors_ns(a, UINT64_MAX);
	anchors_ns(a, 0);
	anchors_quality(a, &q);
	anchors_free(a);
}
