/* SPDX-License-Identifier: MIT */
/*
 * page.c - one step through the page for each record; what is no record (time,
 * padding, records that a filter took back) only moves place and time.
 */
#include "kern/page.h"

#include <errno.h>
#include <string.h>

/* Of the word with the length, RB_MISSED_* of the kernel. */
#define MISSED_EVENTS (UINT32_C(1) << 31) /* some were lost before this page */
#define MISSED_STORED (UINT32_C(1) << 30) /* … and how many stands behind the data */
#define LENGTH_MASK (MISSED_STORED - 1)

enum {
	TYPE_LONG = 0, /* the length follows */
	TYPE_PADDING = 29,
	TYPE_TIME_EXTEND = 30,
	TYPE_TIME_STAMP = 31,
	TIME_BITS = 27,
};

#define STAMP_BITS 59 /* of an absolute time; those above are as before */

static uint32_t read_u32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

static uint64_t read_u64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return value;
}

/* --- the page's head -------------------------------------------------------------- */

/* The value behind `key` in the line of `field`; UINT32_MAX: not there. */
static uint32_t find_value(struct span text, const char *field, const char *key)
{
	const char *p = (const char *)text.data, *end = p + text.len;
	const char *line = memmem(p, (size_t)(end - p), field, strlen(field));
	const char *stop, *found;
	uint32_t value = 0;

	if (!line)
		return UINT32_MAX;
	stop = memchr(line, '\n', (size_t)(end - line));
	stop = stop ? stop : end;
	found = memmem(line, (size_t)(stop - line), key, strlen(key));
	if (!found)
		return UINT32_MAX;
	for (found += strlen(key); found < stop && *found >= '0' && *found <= '9'; found++)
		value = value < UINT16_MAX ? value * 10 + (uint32_t)(*found - '0') : value;
	return value;
}

int page_layout_parse(struct page_layout *out, struct span text, struct diag *diag)
{
	out->commit_offset = find_value(text, " commit;", "offset:");
	out->commit_size = find_value(text, " commit;", "size:");
	out->data_offset = find_value(text, " data;", "offset:");
	if ((out->commit_size == 4 || out->commit_size == 8) && out->commit_offset == 8 &&
	    out->data_offset == out->commit_offset + out->commit_size)
		return 0;
	return diag_error(diag, NULL, "events/header_page: a layout of pages that is not known");
}

int page_open(struct page *p, const struct page_layout *layout, struct span bytes)
{
	uint32_t commit;
	size_t len;

	*p = (struct page){0};
	if (bytes.len < layout->data_offset)
		return -EINVAL;
	commit = read_u32(bytes.data + layout->commit_offset);
	len = commit & LENGTH_MASK;
	if (len > bytes.len - layout->data_offset)
		return -EINVAL;
	p->time = read_u64(bytes.data);
	p->data = (struct span){bytes.data + layout->data_offset, len};
	if (commit & MISSED_EVENTS) {
		p->missed = PAGE_MISSED_SOME;
		if (commit & MISSED_STORED &&
		    bytes.len - layout->data_offset - len >= layout->commit_size)
			p->missed = layout->commit_size == 8 ? read_u64(p->data.data + len)
							     : read_u32(p->data.data + len);
	}
	return 0;
}

/* --- records ------------------------------------------------------------------------ */

/* An absolute time has no upper bits: they are those of the time before, or one more. */
static uint64_t extend_stamp(uint64_t stamp, uint64_t before)
{
	uint64_t upper = before >> STAMP_BITS << STAMP_BITS;

	stamp |= upper;
	return upper && stamp < before ? stamp + (UINT64_C(1) << STAMP_BITS) : stamp;
}

int page_next(struct page *p, struct page_record *record)
{
	while (p->data.len - p->at >= sizeof(uint32_t)) {
		const uint8_t *at = p->data.data + p->at;
		size_t room = p->data.len - p->at, size = sizeof(uint32_t), head = size;
		uint32_t word = read_u32(at), type = word & 31, delta = word >> 5, more = 0;

		if (type == TYPE_PADDING && !delta)
			return 0; /* the rest of the page is empty */
		if (type == TYPE_LONG || type >= TYPE_PADDING) {
			if (room < 2 * sizeof(uint32_t))
				return -EINVAL;
			more = read_u32(at + sizeof(uint32_t));
			head = 2 * sizeof(uint32_t);
		}
		if (type == TYPE_LONG || type == TYPE_PADDING)
			size += ((size_t)more + 3) & ~(size_t)3; /* counts its own word */
		else if (type > TYPE_PADDING)
			size = head;
		else
			size += type * sizeof(uint32_t);
		if (size < head || size > room)
			return -EINVAL;
		p->at += size;
		if (type == TYPE_TIME_STAMP) {
			p->time = extend_stamp((uint64_t)more << TIME_BITS | delta, p->time);
		} else if (type == TYPE_TIME_EXTEND) {
			p->time += (uint64_t)more << TIME_BITS | delta;
		} else if (type == TYPE_PADDING) {
			p->time += delta == 1 ? 0 : delta; /* 1: the kernel had none */
		} else {
			p->time += delta;
			record->time = p->time;
			record->bytes = (struct span){at + head, size - head};
			return 1;
		}
	}
	return p->at == p->data.len ? 0 : -EINVAL;
}
