/* SPDX-License-Identifier: MIT */
/* A page of the kernel's ring: records lie within it, one behind the other. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kern/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* the first byte picks the size of the word; its own allocation, so that the sanitizer sees
	 * the first byte too much */
	struct page_layout layout = {8, size && data[0] & 1 ? 8 : 4, size && data[0] & 1 ? 16 : 12};
	size_t len = size ? size - 1 : 0;
	uint8_t *bytes = malloc(len + !len);
	const uint8_t *last = bytes;
	struct page_record record;
	struct page p;
	int rc;

	if (!bytes)
		abort();
	if (size)
		memcpy(bytes, data + 1, len);
	page_layout_parse(&(struct page_layout){0}, (struct span){bytes, len}, NULL);
	if (!page_open(&p, &layout, (struct span){bytes, len})) {
		while ((rc = page_next(&p, &record)) > 0) {
			assert(record.bytes.data > last && record.bytes.len <= len);
			assert(record.bytes.data + record.bytes.len <= bytes + len);
			last = record.bytes.data;
		}
		assert(rc == 0 || rc == -22);
	}
	free(bytes);
	return 0;
}
