/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "base/hist.h"

TEST(buckets_are_in_order_and_leave_no_gap)
{
	for (unsigned bits = 2; bits <= 6; bits++) {
		unsigned last = hist_bucket(UINT64_MAX, bits);

		for (unsigned i = 0; i <= last; i++) {
			uint64_t low = hist_bucket_low(i, bits);

			CHECK_INT(hist_bucket(low, bits), i);
			CHECK_INT(hist_bucket(hist_bucket_middle(i, bits), bits), i);
			if (i)
				CHECK_INT(hist_bucket(low - 1, bits), i - 1);
		}
	}
}

TEST(values_are_known_to_the_stated_error)
{
	for (uint64_t v = 1; v < UINT64_MAX / 3; v += v / 8 + 1) {
		double is = (double)hist_bucket_middle(hist_bucket(v, HIST_BITS), HIST_BITS);
		double error = (is - (double)v) / (double)v;

		CHECK(error <= 1.0 / 64 && error >= -1.0 / 64);
	}
}

TEST(empty)
{
	struct hist h = {0};

	CHECK_INT(hist_quantile(&h, 0.5), 0);
	CHECK_INT(h.count, 0);
	hist_fini(&h);
}

TEST(quantiles_of_a_uniform_distribution)
{
	struct hist h = {0};

	for (uint64_t v = 1; v <= 10000; v++)
		CHECK_INT(hist_add(&h, v), 0);
	CHECK_INT(h.count, 10000);
	CHECK_INT(h.sum, 50005000);
	CHECK_INT(h.min, 1);
	CHECK_INT(h.max, 10000);
	CHECK(hist_quantile(&h, 0.5) >= 4900 && hist_quantile(&h, 0.5) <= 5100);
	CHECK(hist_quantile(&h, 0.99) >= 9740 && hist_quantile(&h, 0.99) <= 10000);
	CHECK_INT(hist_quantile(&h, 0), 1);
	CHECK_INT(hist_quantile(&h, 1), 10000);
	hist_fini(&h);
}

TEST(one_value_is_exact)
{
	struct hist h = {0};

	hist_add(&h, 123456789);
	CHECK_INT(hist_quantile(&h, 0.5), 123456789);
	CHECK_INT(hist_quantile(&h, 0.99), 123456789);
	hist_fini(&h);
}

TEST(merged_is_as_added)
{
	struct hist a = {0}, b = {0}, all = {0};

	for (uint64_t v = 0; v < 100000; v += 7) {
		hist_add(v % 2 ? &a : &b, v * v);
		hist_add(&all, v * v);
	}
	CHECK_INT(hist_merge(&a, &b), 0);
	CHECK_INT(a.count, all.count);
	CHECK_INT(a.sum, all.sum);
	CHECK_INT(a.min, all.min);
	CHECK_INT(a.max, all.max);
	CHECK_INT(a.buckets.len, all.buckets.len);
	CHECK_MEM(a.buckets.items, all.buckets.items, all.buckets.len * sizeof(uint64_t));
	hist_fini(&a);
	hist_fini(&b);
	hist_fini(&all);
}
