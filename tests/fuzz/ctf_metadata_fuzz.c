/* SPDX-License-Identifier: MIT */
/*
 * Metadata of any form. What is understood is written in both forms again,
 * and what was written must be understood.
 */
#include <errno.h>
#include <stdlib.h>

#include "ctf/metadata.h"

#define ARENA_BYTES (64u << 20)

static void again(const struct ctf_trace_class *tc, enum ctf_metadata_format format)
{
	struct arena arena = {.limit_bytes = ARENA_BYTES};
	struct diag diag = {0};
	struct str text = {0};
	struct ctf_trace_class *read = NULL;

	if (!ctf_metadata_write(&text, tc, format)) {
		struct span bytes = {(const uint8_t *)str_c(&text), text.len};
		int rc = ctf_metadata_parse(&read, &arena, bytes, "again", &diag);

		if (rc == -EINVAL)
			abort();
		if (!rc && (read->n_streams != tc->n_streams || read->n_clocks != tc->n_clocks))
			abort();
	}
	str_fini(&text);
	diag_fini(&diag);
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {.limit_bytes = ARENA_BYTES};
	struct diag diag = {0};
	struct ctf_trace_class *tc;
	struct span bytes = {data, size};

	if (!ctf_metadata_parse(&tc, &arena, bytes, "metadata", &diag)) {
		again(tc, CTF_METADATA_TSDL);
		again(tc, CTF_METADATA_JSON);
	}
	diag_fini(&diag);
	arena_fini(&arena);
	return 0;
}
