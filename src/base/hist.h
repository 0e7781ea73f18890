/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_HIST_H
#define PISTE_BASE_HIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

/*
 * hist - a log-linear histogram: every power of two is cut into 2^bits equal
 * buckets, and values below 2^bits have one each. So a value is known to
 * ± 2^-(bits+1) of itself: 6.25 % with 3 bits, 1.6 % with 5.
 *
 *	struct hist h = {0};
 *	hist_add(&h, ns);
 *	p99 = hist_quantile(&h, 0.99);
 *	hist_fini(&h);
 *
 * Counts, sum, least and largest are exact. The pure functions on bucket numbers
 * serve those who count elsewhere (kern/count, in BPF).
 */
enum { HIST_BITS = 5 };

static inline unsigned hist_bucket(uint64_t value, unsigned bits)
{
	unsigned octave;

	if (value >> bits == 0)
		return (unsigned)value;
	octave = 63 - (unsigned)__builtin_clzll(value) - bits;
	return (octave << bits) + (unsigned)(value >> octave);
}

/* The least value of a bucket, and the middle of it: what it is taken for. */
uint64_t hist_bucket_low(unsigned bucket, unsigned bits);
uint64_t hist_bucket_middle(unsigned bucket, unsigned bits);

struct hist {
	uint64_t count, sum, min, max; /* min and max: 0 while empty */
	struct VEC(uint64_t) buckets; /* of HIST_BITS; as many as the largest value needs */
};

void hist_fini(struct hist *h);
int hist_add(struct hist *h, uint64_t value); /* 0 or -ENOMEM */
int hist_merge(struct hist *h, const struct hist *other);
/* The value that `q` (0 to 1) of all are not above: the middle of its bucket, within min and max.
 * 0 when empty. */
uint64_t hist_quantile(const struct hist *h, double q);

/* Index of the bucket that holds the value of rank ceil(q * sum of counts); n when all are 0. */
size_t hist_find(const uint64_t *counts, size_t n, double q);

#endif
