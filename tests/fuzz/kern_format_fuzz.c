/* SPDX-License-Identifier: MIT */
/* A `format` file, a NUL, and a record of the kernel that is to fit it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kern/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t text_len = nul ? (size_t)(nul - data) : size;
	size_t len = nul ? size - text_len - 1 : 0;
	struct arena arena = {.limit_bytes = 64u << 20};
	struct diag diag = {0};
	struct format f;
	/* their own allocations, so that the sanitizer sees the first byte too much */
	uint8_t *text = malloc(text_len + !text_len), *record = malloc(len + !len), *out;
	size_t room = len % 512;

	out = malloc(room + !room);
	if (!text || !record || !out)
		abort();
	memcpy(text, data, text_len);
	if (nul)
		memcpy(record, nul + 1, len);
	if (format_parse(&f, (struct span){text, text_len}, NULL, &arena, &diag)) {
		assert(diag.errors || arena_failed(&arena));
	} else {
		int packed = format_pack(&f, (struct span){record, len}, out, room);

		assert(packed < 0 || (size_t)packed <= room);
		assert(packed < 0 || !f.fixed_size || (size_t)packed == f.fixed_size);
		for (size_t i = 0; i < f.n_fields; i++)
			assert(f.fields[i].name[0] && f.fields[i].type[0]);
	}
	arena_fini(&arena);
	diag_fini(&diag);
	free(text);
	free(record);
	free(out);
	return 0;
}
