/* SPDX-License-Identifier: MIT */
/*
 * A list of blocks, newest first; allocation bumps an offset in the newest
 * one. Blocks double up to a bound, so that small arenas stay small and large
 * ones call malloc seldom; what does not fit gets a block of its own size.
 * Blocks come from calloc, so that memory is zeroed once and by the kernel
 * where it is fresh.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BLOCK_BYTES = 4096, MAX_BLOCK_BYTES = 1 << 20 };

struct arena_block {
	struct arena_block *next;
	size_t used, size; /* of bytes[] */
	_Alignas(ALIGN) char bytes[];
};

long arena_fail_after = -1;

static void *fail(struct arena *a)
{
	a->failed = true;
	return NULL;
}

static bool test_wants_failure(void)
{
	if (arena_fail_after < 0)
		return false;
	if (arena_fail_after == 0)
		return true;
	arena_fail_after--;
	return false;
}

static bool add_block(struct arena *a, size_t need)
{
	size_t size = FIRST_BLOCK_BYTES;
	struct arena_block *block;

	if (a->head && a->head->size < MAX_BLOCK_BYTES)
		size = a->head->size * 2;
	else if (a->head)
		size = MAX_BLOCK_BYTES;
	if (size < need)
		size = need;
	block = calloc(1, sizeof(*block) + size);
	if (!block)
		return false;
	block->size = size;
	block->next = a->head;
	a->head = block;
	return true;
}

void arena_fini(struct arena *a)
{
	if (!a)
		return;
	for (struct arena_block *block = a->head, *next; block; block = next) {
		next = block->next;
		free(block);
	}
	memset(a, 0, sizeof(*a));
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *block = a->head;
	void *p;

	if (a->failed || test_wants_failure() || size > SIZE_MAX / 2)
		return fail(a);
	size = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (a->limit_bytes &&
	    (a->used_bytes > a->limit_bytes || size > a->limit_bytes - a->used_bytes))
		return fail(a);
	if (!block || block->size - block->used < size) {
		if (!add_block(a, size))
			return fail(a);
		block = a->head;
	}
	p = block->bytes + block->used;
	block->used += size;
	a->used_bytes += size;
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return fail(a);
	return arena_alloc(a, bytes);
}

void *arena_memdup(struct arena *a, const void *p, size_t len)
{
	void *copy = arena_alloc(a, len);

	if (copy && len)
		memcpy(copy, p, len);
	return copy;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy;

	len = strnlen(s, len);
	copy = arena_alloc(a, len + 1);
	if (copy)
		memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return fail(a);
	text = arena_alloc(a, (size_t)len + 1);
	if (!text)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return text;
}
