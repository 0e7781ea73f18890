/* SPDX-License-Identifier: MIT */
#include "base/hist.h"

#include <errno.h>

uint64_t hist_bucket_low(unsigned bucket, unsigned bits)
{
	unsigned octave = bucket >> bits;

	if (octave == 0)
		return bucket;
	return (uint64_t)((1u << bits) + (bucket & ((1u << bits) - 1))) << (octave - 1);
}

uint64_t hist_bucket_middle(unsigned bucket, unsigned bits)
{
	unsigned octave = bucket >> bits;

	return hist_bucket_low(bucket, bits) + (octave ? (1ull << (octave - 1)) / 2 : 0);
}

void hist_fini(struct hist *h)
{
	vec_fini(&h->buckets);
}

static int reach(struct hist *h, size_t len)
{
	if (len <= h->buckets.len)
		return 0;
	if (vec_reserve(&h->buckets, len))
		return -ENOMEM;
	memset(h->buckets.items + h->buckets.len, 0,
	       (len - h->buckets.len) * sizeof(*h->buckets.items));
	h->buckets.len = len;
	return 0;
}

int hist_add(struct hist *h, uint64_t value)
{
	unsigned bucket = hist_bucket(value, HIST_BITS);

	if (reach(h, bucket + 1))
		return -ENOMEM;
	h->buckets.items[bucket]++;
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count++;
	h->sum += value;
	return 0;
}

int hist_merge(struct hist *h, const struct hist *other)
{
	if (!other->count)
		return 0;
	if (reach(h, other->buckets.len))
		return -ENOMEM;
	for (size_t i = 0; i < other->buckets.len; i++)
		h->buckets.items[i] += other->buckets.items[i];
	if (!h->count || other->min < h->min)
		h->min = other->min;
	if (other->max > h->max)
		h->max = other->max;
	h->count += other->count;
	h->sum += other->sum;
	return 0;
}

size_t hist_find(const uint64_t *counts, size_t n, double q)
{
	uint64_t total = 0, rank, seen = 0;

	for (size_t i = 0; i < n; i++)
		total += counts[i];
	if (!total)
		return n;
	rank = (uint64_t)(q * (double)total);
	if ((double)rank < q * (double)total)
		rank++;
	rank = rank < 1 ? 1 : rank > total ? total : rank;
	for (size_t i = 0; i < n; i++) {
		seen += counts[i];
		if (seen >= rank)
			return i;
	}
	return n;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	size_t bucket = hist_find(h->buckets.items, h->buckets.len, q);
	uint64_t value;

	if (bucket == h->buckets.len)
		return 0;
	value = hist_bucket_middle((unsigned)bucket, HIST_BITS);
	return value < h->min ? h->min : value > h->max ? h->max : value;
}
