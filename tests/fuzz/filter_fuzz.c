/* SPDX-License-Identifier: MIT */
/*
 * Expressions on a fixed event class whose payload is hostile: the input is
 * the expression, a NUL, and the payload's bytes.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ctf/filter.h"

/* One field of each kind, so that every path through the evaluation is open. */
static struct ctf_event_class *make_class(struct arena *a)
{
	struct ctf_trace_class *tc = ctf_trace_class_new(a, 1, 8, CTF_LITTLE_ENDIAN);
	struct ctf_stream_class *sc = ctf_stream_class_add(tc, 0);
	struct ctf_event_class *ec = ctf_event_class_add(sc, 0, "p:e");
	struct ctf_type *s = ctf_type_struct(a, 8), *e = ctf_type_enum(a, 8, true, 8);
	struct ctf_type *in = ctf_type_struct(a, 8), *v = ctf_type_variant(a, "e");

	ctf_enum_add(a, e, "A", 0, 3);
	ctf_enum_add(a, e, "B", 4, 9);
	ctf_struct_add(a, in, "x", ctf_type_integer_aligned(a, 3, true, 1));
	ctf_struct_add(a, in, "y", ctf_type_float(a, 32, 8));
	ctf_variant_add(a, v, "A", in);
	ctf_variant_add(a, v, "B", ctf_type_string(a));
	ctf_struct_add(a, s, "i", ctf_type_integer_aligned(a, 64, true, 8));
	ctf_struct_add(a, s, "u", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "d", ctf_type_float(a, 64, 8));
	ctf_struct_add(a, s, "e", e);
	ctf_struct_add(a, s, "s", ctf_type_string(a));
	ctf_struct_add(a, s, "n", ctf_type_integer_aligned(a, 8, false, 8));
	ctf_struct_add(a, s, "q", ctf_type_sequence(a, in, "n"));
	ctf_struct_add(a, s, "l", ctf_type_sequence(a, ctf_type_integer(a, 5, false), "n"));
	ctf_struct_add(a, s, "v", v);
	ec->payload = s;
	ec->loglevel = 3;
	return ec;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	struct arena arena = {.limit_bytes = 64u << 20};
	struct filter_event e = {.procname = "p", .pid = 3};
	struct filter_bound *bound = NULL;
	struct diag diag = {0};
	struct str out = {0};
	struct filter *f;
	uint8_t *payload;
	size_t len;

	if (!nul)
		return 0;
	/* Its own allocation, so that the sanitizer sees the first byte too much. */
	len = size - (size_t)(nul + 1 - data);
	payload = malloc(len + !len);
	if (!payload)
		abort();
	memcpy(payload, nul + 1, len);
	if (filter_parse(&f, (const char *)data, &arena, &diag)) {
		filter_point(&out, (const char *)data, &diag);
		assert(diag.errors || arena_failed(&arena));
	} else if (!filter_bind(&bound, f, make_class(&arena), FILTER_GIVEN(FILTER_PID), &arena)) {
		int matches = filter_matches_payload(bound, (struct span){payload, len}, &e);

		assert(matches <= 1);
		assert(matches <= 0 || !filter_is_never(bound));
		filter_check(f, &diag);
		filter_point(&out, (const char *)data, &diag);
	}
	filter_bound_fini(bound);
	arena_fini(&arena);
	diag_fini(&diag);
	str_fini(&out);
	free(payload);
	return 0;
}
