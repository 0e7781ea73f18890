/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <sched.h>

#include "base/clock.h"

static void check_anchors(bool use_tsc, uint64_t hz)
{
	struct clock_anchor first, last;
	int64_t predicted;

	clock_anchor_take(&first, use_tsc);
	usleep(20000);
	clock_anchor_take(&last, use_tsc);
	CHECK(last.ticks > first.ticks);
	CHECK(last.monotonic_ns >= first.monotonic_ns + 20000000);
	CHECK(last.realtime_ns > 1700000000000000000); /* 2023 */
	/* Interpolated from the first one, the last is hit to well within a millisecond. */
	predicted = (int64_t)((double)(last.ticks - first.ticks) * 1e9 / (double)hz);
	predicted -= (int64_t)(last.monotonic_ns - first.monotonic_ns);
	CHECK(predicted < 1000000 && predicted > -1000000);
	printf("# tsc %d: %" PRIu64 " Hz, width %u ticks, off by %" PRId64 " ns\n", use_tsc, hz,
	       last.width_ticks, predicted);
}

TEST(monotonic)
{
	CHECK_INT(clock_calibrate_hz(false, 1), 1000000000);
	check_anchors(false, 1000000000);
}

TEST(tsc)
{
	uint64_t hz;

	if (!clock_tsc_usable())
		SKIP("the kernel does not make its clock of the TSC here");
	hz = clock_calibrate_hz(true, 20);
	CHECK(hz > 1000000 && hz < 20000000000);
	check_anchors(true, hz);
}

/* What the TSC of each CPU says of the same moment, by way of CLOCK_MONOTONIC. */
TEST(tsc_of_all_cpus_agrees)
{
	struct clock_anchor first, other;
	cpu_set_t all, one;
	uint64_t hz;

	if (!clock_tsc_usable())
		SKIP("the kernel does not make its clock of the TSC here");
	hz = clock_calibrate_hz(true, 50);
	REQUIRE(sched_getaffinity(0, sizeof(all), &all) == 0);
	clock_anchor_take(&first, true);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		double ticks, off;

		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
		clock_anchor_take(&other, true);
		ticks = (double)(other.monotonic_ns - first.monotonic_ns) * (double)hz / 1e9;
		off = ((double)(other.ticks - first.ticks) - ticks) / (double)hz * 1e9;
		printf("# CPU %d: off by %.0f ns\n", cpu, off);
		CHECK(off < 1000 && off > -1000);
	}
	sched_setaffinity(0, sizeof(all), &all);
}

TEST(frequency)
{
	struct clock_anchor first = {.ticks = 5, .monotonic_ns = 100};
	struct clock_anchor last = {.ticks = 5 + 3000000000000ull,
				    .monotonic_ns = 100 + 1000000000000ull};

	CHECK_INT(clock_frequency_hz(&first, &last), 3000000000);
	CHECK_INT(clock_frequency_hz(&first, &first), 0);
}

TEST(monotonic_never_goes_back)
{
	uint64_t before = clock_monotonic_ns();

	for (int i = 0; i < 100000; i++) {
		uint64_t now = clock_monotonic_ns();

		REQUIRE(now >= before);
		before = now;
	}
}
