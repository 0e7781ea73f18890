/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_SIEVE_H
#define PISTE_CTF_SIEVE_H

#include "ctf/type.h"

/*
 * sieve - which events a reader's caller may do without, so that they are
 * stepped over and not decoded. A sieve only ever lets too many through:
 * whoever wants a filter's exact answer still asks the filter.
 */

/* The field of that index of a scope's root, an integer, lies within lo … hi: compared modulo
 * 2^64 (v - lo <= hi - lo), so the same two numbers serve signed and unsigned fields. */
struct ctf_test {
	enum ctf_scope scope;
	uint32_t field;
	bool is_negated;
	uint64_t lo, hi;
};

enum { CTF_TESTS_MAX = 4 };

/* Of one event class. All-zero wants every event. */
struct ctf_wish {
	bool is_hidden; /* none */
	uint32_t n_tests; /* those that pass all of them */
	struct ctf_test tests[CTF_TESTS_MAX];
};

typedef void ctf_wish_fn(void *data, const struct ctf_event_class *ec, struct ctf_wish *wish);

#endif
