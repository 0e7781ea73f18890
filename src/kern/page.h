/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_PAGE_H
#define PISTE_KERN_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/fs.h"

/*
 * page - a page of the kernel's trace ring, as per_cpu/cpuN/trace_pipe_raw gives
 * it, taken apart into its records:
 *
 *	struct page_layout layout;	from events/header_page, once
 *	struct page p;
 *
 *	rc = page_open(&p, &layout, bytes);
 *	while (rc == 0 && (rc = page_next(&p, &record)) > 0)
 *		record.time, record.bytes …
 *	if (p.missed) …			lost before this page
 *
 * The layout of a page: a 64-bit time, a word with the length of the data and two
 * flags, the data. A record in it: 5 bits of type and length, 27 bits of time
 * since the one before, its bytes at a multiple of 4. Source:
 * include/linux/ring_buffer.h, kernel/trace/ring_buffer.c.
 */
struct page_layout {
	uint32_t commit_offset, commit_size; /* of the word with the length: 4 or 8 bytes */
	uint32_t data_offset;
};

struct page_record {
	uint64_t time; /* of the ring's clock */
	struct span bytes; /* begins with common_type; borrowed */
};

struct page {
	struct span data;
	size_t at;
	uint64_t time; /* of the newest record */
	uint64_t missed; /* records lost before the page; PAGE_MISSED_SOME when not counted */
};

#define PAGE_MISSED_SOME UINT64_MAX

/* Reads events/header_page; -EINVAL when it is none. */
int page_layout_parse(struct page_layout *out, struct span text, struct diag *diag);
/* 0, or -EINVAL when the page does not hold what its header says. */
int page_open(struct page *p, const struct page_layout *layout, struct span bytes);
/* 1 with a record, 0 at the end, -EINVAL. */
int page_next(struct page *p, struct page_record *record);

#endif
