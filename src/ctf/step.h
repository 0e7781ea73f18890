/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_STEP_H
#define PISTE_CTF_STEP_H

#include "ctf/plan.h"
#include "ctf/reader.h"
#include "ctf/sieve.h"

/*
 * step - over events without decoding them (inside of ctf/): those of the
 * usual forms in one tight loop; where that does not know how, the caller
 * reads one event by its plan and comes back.
 */

/* A sieve for a stream class, compiled: what is tested lies at constant places. */
struct ctf_sieve_test {
	struct ctf_tap tap;
	bool is_negated;
	uint64_t lo, span;
};

struct ctf_sieve_class {
	bool is_hidden;
	uint32_t n_tests;
	uint32_t reach_bits; /* from the body's start: what the tests may load */
	struct ctf_sieve_test tests[CTF_TESTS_MAX];
};

struct ctf_sieve {
	struct ctf_sieve_class *classes; /* by event class index */
	uint64_t begin_cycles; /* events before it are unwanted, too */
	bool is_needed; /* something is unwanted */
};

/* 0 or -ENOMEM. `plan` keeps fields (CTF_WANT_FIELDS). */
int ctf_sieve_new(struct ctf_sieve *s, struct arena *a, const struct ctf_stream_plan *plan,
		  ctf_wish_fn *wish, void *data);

/* Moves the cursor to the first event that the sieve wants, or that must be read by its plan. */
void ctf_step_unwanted(struct ctf_cursor *c, const struct ctf_sieve *sieve);
/* Steps over and tallies events, up to one that must be read by its plan, or whose watched numbers
 * are others than so far: then true, and `watch` has those. */
bool ctf_step_tally(struct ctf_cursor *c, struct ctf_tally *by_class, struct ctf_watch *watch);
/* The same without a tally; returns how many. */
uint64_t ctf_step_count(struct ctf_cursor *c);

#endif
