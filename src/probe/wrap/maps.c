/* SPDX-License-Identifier: MIT */
/*
 * maps - piste_libc:mmap, munmap, mremap, brk, sbrk: memory that is not
 * malloc's, of files and anonymous. libc's and ld.so's own calls do not come by
 * here; those of other allocators do.
 *
 * munmap is recorded before the call, as free is.
 */
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#include "probe/sys.h"
#include "wrap.h"

#define LEVEL PISTE_DEBUG_SYSTEM

WRAP_EXPORT void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
WRAP_EXPORT void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
WRAP_EXPORT int munmap(void *ptr, size_t size);
WRAP_EXPORT void *mremap(void *old, size_t old_size, size_t size, int flags, ...);
WRAP_EXPORT int brk(void *end);
WRAP_EXPORT void *sbrk(intptr_t increment);

/* While dlsym looks for the next definitions nothing else maps. */
static void *boot_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	long result = SYS_CALL(SYS_mmap, at, size, protection, flags, fd, offset);

	return sys_failed(result) ? MAP_FAILED : (void *)result;
}

static int boot_munmap(void *ptr, size_t size)
{
	return sys_failed(SYS_CALL(SYS_munmap, ptr, size)) ? -1 : 0;
}

static struct {
	void *(*mmap)(void *at, size_t size, int protection, int flags, int fd, off_t offset);
	int (*munmap)(void *ptr, size_t size);
	void *(*mremap)(void *old, size_t old_size, size_t size, int flags, ...);
	int (*brk)(void *end);
	void *(*sbrk)(intptr_t increment);
} next = {
	.mmap = boot_mmap,
	.munmap = boot_munmap,
};

void maps_find_next(void)
{
	__typeof__(next) found = {
		.mmap = WRAP_NEXT("mmap"),
		.munmap = WRAP_NEXT("munmap"),
		.mremap = WRAP_NEXT("mremap"),
		.brk = WRAP_NEXT("brk"),
		.sbrk = WRAP_NEXT("sbrk"),
	};

	next = found;
}

PISTE_INLINE void *map(void *at, size_t size, int protection, int flags, int fd, off_t offset,
		       const void *caller)
{
	void *ptr = next.mmap(at, size, protection, flags, fd, offset);

	PISTE_LEVEL(LEVEL, piste_libc, mmap, size, ptr, at, protection, flags, fd, offset, caller);
	return ptr;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (!wrap_is_on(&wrap_modes.malloc))
		return next.mmap(at, size, protection, flags, fd, offset);
	return map(at, size, protection, flags, fd, offset, WRAP_CALLER);
}

void *mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (!wrap_is_on(&wrap_modes.malloc))
		return next.mmap(at, size, protection, flags, fd, offset);
	return map(at, size, protection, flags, fd, offset, WRAP_CALLER);
}

int munmap(void *ptr, size_t size)
{
	if (wrap_is_on(&wrap_modes.malloc))
		PISTE_LEVEL(LEVEL, piste_libc, munmap, ptr, size, (caller, WRAP_CALLER));
	return next.munmap(ptr, size);
}

void *mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	bool is_on = wrap_is_on(&wrap_modes.malloc);
	va_list rest;
	void *at, *ptr;

	/* there for MREMAP_FIXED and MREMAP_DONTUNMAP only; else whatever is in its register */
	va_start(rest, flags);
	at = va_arg(rest, void *);
	va_end(rest);
	ptr = next.mremap(old, old_size, size, flags, at);
	if (is_on)
		PISTE_LEVEL(LEVEL, piste_libc, mremap, old, old_size, size, ptr, flags,
			    (caller, WRAP_CALLER));
	return ptr;
}

int brk(void *end)
{
	int result;

	if (!wrap_is_on(&wrap_modes.malloc))
		return next.brk(end);
	result = next.brk(end);
	PISTE_LEVEL(LEVEL, piste_libc, brk, end, result, (caller, WRAP_CALLER));
	return result;
}

void *sbrk(intptr_t increment)
{
	void *ptr;

	if (!wrap_is_on(&wrap_modes.malloc))
		return next.sbrk(increment);
	ptr = next.sbrk(increment);
	PISTE_LEVEL(LEVEL, piste_libc, sbrk, increment, ptr, (caller, WRAP_CALLER));
	return ptr;
}
