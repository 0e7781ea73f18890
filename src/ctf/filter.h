/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_FILTER_H
#define PISTE_CTF_FILTER_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/fs.h"
#include "base/str.h"
#include "ctf/decode.h"
#include "ctf/sieve.h"
#include "ctf/type.h"

/*
 * filter - a condition on events, as in `--filter 'total > 10 && path == "/cart*"'`.
 *
 *	filter_parse(&f, text, arena, diag);		once
 *	filter_bind(&bound, f, class, given, arena);	for each event class
 *	filter_check(f, diag);				after all classes that are known
 *	filter_matches(bound, &event);			for each event
 *
 * The language, loosest binding first:
 *
 *	||   &&   == != < <= > >=   |   ^   &   << >>   + -   * / %   ! ~ -   a.b a[2]
 *
 * Unlike in C, & | ^ bind tighter than comparisons, so that `flags & 4 == 4`
 * means what it says. Operands: fields of the payload, else of the event's,
 * stream's and packet's context; $pid $tid $procname $cpu $name $provider
 * $event $level $timestamp; numbers (decimal, 0x, 0b, octal, with K M G T or
 * ns us ms s behind, the latter in ns), "strings" or 'strings', true, false,
 * len(field), has(field). == and != with a string that has * or ? match it as
 * a glob, \* is a star. An enum compares with its labels or its value.
 *
 * Numbers compare as numbers, whatever their size and sign. A comparison on a
 * value that is not there is false, as is one on the result of a division by
 * zero or of an overflow of 128 bits.
 */

struct filter;
struct filter_bound;

#define FILTER_CONTEXTS(X)                                                                         \
	X(PID, "pid")                                                                              \
	X(TID, "tid")                                                                              \
	X(PROCNAME, "procname")                                                                    \
	X(CPU, "cpu")                                                                              \
	X(NAME, "name") /* provider:event */                                                       \
	X(PROVIDER, "provider")                                                                    \
	X(EVENT, "event") /* what stands behind the provider */                                    \
	X(LEVEL, "level")                                                                          \
	X(TIMESTAMP, "timestamp") /* ns from the clock's origin */

enum filter_context {
#define X(id, name) FILTER_##id,
	FILTER_CONTEXTS(X)
#undef X
		FILTER_N_CONTEXTS
};
#define FILTER_GIVEN(context) (1u << (context))

/* 0; -EINVAL: the diag says what is wrong at which column; -ENOMEM. The text is copied. */
int filter_parse(struct filter **out, const char *text, struct arena *a, struct diag *diag);

/*
 * Resolves names for one event class. `given`: the contexts that every
 * filter_event will carry; others are looked up among the class's context
 * fields (vpid, cpu_id …). A name that the class lacks, or a type that does
 * not fit, is no failure here: its comparisons are false; filter_check tells.
 * 0 or -ENOMEM.
 */
int filter_bind(struct filter_bound **out, struct filter *f, const struct ctf_event_class *ec,
		unsigned given, struct arena *a);
void filter_bound_fini(struct filter_bound *b); /* the arena has the rest */

/* -EINVAL when a name was found in none of the classes bound so far, or an
 * operation fitted the types in none that had its names; 0 otherwise, also
 * when no class was bound. */
int filter_check(const struct filter *f, struct diag *diag);

/* The names that the bound class lacks, from *it = 0 on; NULL at the end. */
const char *filter_missing(const struct filter_bound *b, size_t *it);
/* True when no event of the class can match: nothing need be decoded. */
bool filter_is_never(const struct filter_bound *b);

/* Adds to the wish what every event that matches must fulfil, as far as that is cheap to test. */
void filter_tests(const struct filter_bound *b, struct ctf_wish *wish);

struct filter_event {
	/* What was decoded, by scope: a root's value and the array that its indices mean. */
	const struct ctf_value *roots[CTF_N_SCOPES];
	const struct ctf_values *values[CTF_N_SCOPES];
	uint64_t pid, tid, cpu; /* where given */
	int64_t timestamp_ns;
	const char *procname;
};

bool filter_matches(const struct filter_bound *b, const struct filter_event *e);
/* Decodes the payload first, only as far as fields are wanted; the event's other roots are used
 * as they are. 1, 0, or negative errno of the decoder. Not for several threads at once. */
int filter_matches_payload(struct filter_bound *b, struct span payload, struct filter_event *e);

/* The expression on a line, and below it a caret where each of the diag's entries about a filter
 * is. Nothing when it has none. */
void filter_point(struct str *out, const char *text, const struct diag *diag);

/* LTTng's number of a level's name ("WARNING", "WARN", "TRACE_ERR", any case), or -1; and back. */
int filter_level_number(const char *name, size_t len);
const char *filter_level_name(int level);

#endif
