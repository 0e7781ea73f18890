/* SPDX-License-Identifier: MIT */
/*
 * malloc - piste_libc:malloc, calloc, realloc, reallocarray, free, memalign,
 * aligned_alloc, posix_memalign, valloc, pvalloc.
 *
 * An event that gives memory comes after the call, one that takes it back
 * before: so an address is never seen in use twice, although another thread may
 * get it the instant it is free. A realloc that moves is the exception: it is
 * one event, after the call, and another thread may be seen to get `old`
 * before it. free(NULL) is no event.
 *
 * caller is the code behind the call; for C++ that is operator new. That one is
 * not wrapped: a plugin's libstdc++ may be out of the reach of RTLD_NEXT, and
 * what it throws cannot be thrown from here.
 */
#include <errno.h>
#include <stdlib.h>

#include "wrap.h"

#define LEVEL PISTE_DEBUG_SYSTEM

WRAP_EXPORT void *malloc(size_t size);
WRAP_EXPORT void *calloc(size_t count, size_t size);
WRAP_EXPORT void *realloc(void *old, size_t size);
WRAP_EXPORT void *reallocarray(void *old, size_t count, size_t size);
WRAP_EXPORT void free(void *ptr);
WRAP_EXPORT void *memalign(size_t alignment, size_t size);
WRAP_EXPORT void *aligned_alloc(size_t alignment, size_t size);
WRAP_EXPORT int posix_memalign(void **ptr, size_t alignment, size_t size);
WRAP_EXPORT void *valloc(size_t size);
WRAP_EXPORT void *pvalloc(size_t size);

/* --- memory for dlsym, while it looks for the next malloc ----------------- */

#define BOOT_BYTES 16384

struct boot_block {
	size_t size;
	size_t pad; /* malloc's alignment */
	char bytes[];
};
static char boot_arena[BOOT_BYTES] __attribute__((aligned(16)));
static size_t boot_used; /* only grows, relaxed: what matters is that no two get the same */

static bool boot_owns(const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)boot_arena < BOOT_BYTES;
}

static void *boot_malloc(size_t size)
{
	size_t need = (sizeof(struct boot_block) + size + 15) & ~(size_t)15, at;
	struct boot_block *block;

	if (size > BOOT_BYTES)
		goto full;
	at = __atomic_fetch_add(&boot_used, need, __ATOMIC_RELAXED);
	if (at + need > BOOT_BYTES)
		goto full;
	block = (struct boot_block *)(boot_arena + at);
	block->size = size;
	return block->bytes;
full:
	errno = ENOMEM;
	return NULL;
}

static void *boot_calloc(size_t count, size_t size)
{
	/* memory is used once, so it is zero */
	return boot_malloc(size && count > BOOT_BYTES / size ? BOOT_BYTES + 1 : count * size);
}

static void *boot_realloc(void *old, size_t size)
{
	void *ptr = boot_malloc(size);

	if (ptr && old && boot_owns(old)) {
		size_t had = ((struct boot_block *)old - 1)->size;

		__builtin_memcpy(ptr, old, had < size ? had : size);
	}
	return ptr;
}

static void boot_free(void *ptr)
{
	(void)ptr;
}

/* --- the next definitions ------------------------------------------------- */

static struct {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *old, size_t size);
	void (*free)(void *ptr);
	void *(*memalign)(size_t alignment, size_t size);
	void *(*aligned_alloc)(size_t alignment, size_t size);
	int (*posix_memalign)(void **ptr, size_t alignment, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
} next = {
	.malloc = boot_malloc,
	.calloc = boot_calloc,
	.realloc = boot_realloc,
	.free = boot_free,
};

/* Behind the two that may be given a block of the arena, where one was used. */
static void *(*real_realloc)(void *old, size_t size);
static void (*real_free)(void *ptr);

static void *realloc_any(void *old, size_t size)
{
	void *ptr;
	size_t had;

	if (!boot_owns(old))
		return real_realloc(old, size);
	had = ((struct boot_block *)old - 1)->size;
	ptr = next.malloc(size);
	if (ptr)
		__builtin_memcpy(ptr, old, had < size ? had : size);
	return ptr;
}

static void free_any(void *ptr)
{
	if (!boot_owns(ptr))
		real_free(ptr);
}

void malloc_find_next(void)
{
	__typeof__(next) found = {
		.malloc = WRAP_NEXT("malloc"),
		.calloc = WRAP_NEXT("calloc"),
		.realloc = WRAP_NEXT("realloc"),
		.free = WRAP_NEXT("free"),
		.memalign = WRAP_NEXT("memalign"),
		.aligned_alloc = WRAP_NEXT("aligned_alloc"),
		.posix_memalign = WRAP_NEXT("posix_memalign"),
		.valloc = WRAP_NEXT("valloc"),
		.pvalloc = WRAP_NEXT("pvalloc"),
	};

	real_realloc = found.realloc;
	real_free = found.free;
	if (__atomic_load_n(&boot_used, __ATOMIC_RELAXED)) {
		found.realloc = realloc_any;
		found.free = free_any;
	}
	next = found;
}

/* --- the wrappers --------------------------------------------------------- */

/* The traced halves of the four that matter stand apart, so that the other half is a branch and a
 * jump. */

static WRAP_NOINLINE void *malloc_traced(size_t size, const void *caller)
{
	void *ptr = next.malloc(size);

	PISTE_LEVEL(LEVEL, piste_libc, malloc, size, ptr, caller);
	return ptr;
}

void *malloc(size_t size)
{
	if (!wrap_is_on(&wrap_modes.malloc))
		return next.malloc(size);
	return malloc_traced(size, WRAP_CALLER);
}

static WRAP_NOINLINE void *calloc_traced(size_t count, size_t size, const void *caller)
{
	void *ptr = next.calloc(count, size);

	PISTE_LEVEL(LEVEL, piste_libc, calloc, count, size, ptr, caller);
	return ptr;
}

void *calloc(size_t count, size_t size)
{
	if (!wrap_is_on(&wrap_modes.malloc))
		return next.calloc(count, size);
	return calloc_traced(count, size, WRAP_CALLER);
}

static WRAP_NOINLINE void *realloc_traced(void *old, size_t size, const void *caller)
{
	void *ptr = next.realloc(old, size);

	PISTE_LEVEL(LEVEL, piste_libc, realloc, old, size, ptr, caller);
	return ptr;
}

void *realloc(void *old, size_t size)
{
	if (!wrap_is_on(&wrap_modes.malloc))
		return next.realloc(old, size);
	return realloc_traced(old, size, WRAP_CALLER);
}

static WRAP_NOINLINE void free_traced(void *ptr, const void *caller)
{
	PISTE_LEVEL(LEVEL, piste_libc, free, ptr, caller);
	next.free(ptr);
}

void free(void *ptr)
{
	if (!wrap_is_on(&wrap_modes.malloc) || !ptr)
		next.free(ptr);
	else
		free_traced(ptr, WRAP_CALLER);
}

/* Not libc's: that one calls realloc, which would be a second event. */
void *reallocarray(void *old, size_t count, size_t size)
{
	bool is_on = wrap_is_on(&wrap_modes.malloc);
	void *ptr = NULL;
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		errno = ENOMEM;
	else
		ptr = next.realloc(old, bytes);
	if (is_on)
		PISTE_LEVEL(LEVEL, piste_libc, reallocarray, old, count, size, ptr,
			    (caller, WRAP_CALLER));
	return ptr;
}

void *memalign(size_t alignment, size_t size)
{
	void *ptr;

	if (!wrap_is_on(&wrap_modes.malloc))
		return next.memalign(alignment, size);
	ptr = next.memalign(alignment, size);
	PISTE_LEVEL(LEVEL, piste_libc, memalign, alignment, size, ptr, (caller, WRAP_CALLER));
	return ptr;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	void *ptr;

	if (!wrap_is_on(&wrap_modes.malloc))
		return next.aligned_alloc(alignment, size);
	ptr = next.aligned_alloc(alignment, size);
	PISTE_LEVEL(LEVEL, piste_libc, aligned_alloc, alignment, size, ptr, (caller, WRAP_CALLER));
	return ptr;
}

int posix_memalign(void **result, size_t alignment, size_t size)
{
	int err;

	if (!wrap_is_on(&wrap_modes.malloc))
		return next.posix_memalign(result, alignment, size);
	err = next.posix_memalign(result, alignment, size);
	PISTE_LEVEL(LEVEL, piste_libc, posix_memalign, alignment, size, (ptr, err ? NULL : *result),
		    (caller, WRAP_CALLER));
	return err;
}

void *valloc(size_t size)
{
	void *ptr;

	if (!wrap_is_on(&wrap_modes.malloc))
		return next.valloc(size);
	ptr = next.valloc(size);
	PISTE_LEVEL(LEVEL, piste_libc, valloc, size, ptr, (caller, WRAP_CALLER));
	return ptr;
}

void *pvalloc(size_t size)
{
	void *ptr;

	if (!wrap_is_on(&wrap_modes.malloc))
		return next.pvalloc(size);
	ptr = next.pvalloc(size);
	PISTE_LEVEL(LEVEL, piste_libc, pvalloc, size, ptr, (caller, WRAP_CALLER));
	return ptr;
}
