/* SPDX-License-Identifier: MIT */
#ifndef PISTE_PROBE_WRAP_WRAP_H
#define PISTE_PROBE_WRAP_WRAP_H

/*
 * wrap - libpiste-wrap.so: trace points in programs that nobody instrumented.
 * Preloaded by `piste record`, it stands in front of functions of libc:
 *
 *	malloc.c	the malloc family		piste_libc:malloc …	PISTE_WRAP=malloc
 *	maps.c		mmap and its like, brk		piste_libc:mmap …	PISTE_WRAP=malloc
 *	locks.c		locks that have to be waited for  piste_lock:…		PISTE_WRAP=locks
 *	functions.c	-finstrument-functions		piste_func:enter, exit	PISTE_WRAP=functions
 *	start.c		what is on, and where the functions behind us are
 *
 * PISTE_WRAP is a list with ',' between. A wrapper calls the next definition
 * of its function, which need not be libc's (jemalloc, another preloaded
 * library), and adds its event. A wrapper that is not on is one branch on a
 * byte, and a jump. What an executable defines itself never comes by here.
 *
 * It runs anywhere: in constructors before any of ours, in ld.so's own calls
 * before libc is set up, in children of vfork, in signal handlers as far as
 * the wrapped function may. libpiste never allocates and never locks through
 * libc, so that a wrapper cannot come to itself from within its event.
 */

#include <dlfcn.h>
#include <stdbool.h>

#include "piste/piste.h"

#define WRAP_EXPORT __attribute__((visibility("default")))
#define WRAP_NOINLINE __attribute__((noinline))
#define WRAP_CALLER __builtin_return_address(0)

/* Off is zero, so that it costs one branch. */
enum wrap_mode { WRAP_OFF, WRAP_UNKNOWN, WRAP_ON };

/* Written once, by wrap_start, with release: pairs with the acquire of wrap_is_on. */
struct wrap_modes {
	uint8_t malloc, locks, functions;
};
extern struct wrap_modes wrap_modes __attribute__((visibility("hidden")));

/* Makes the `next` functions known and, as soon as there is an environment, the modes. Returns
 * what wrap_is_on shall. */
bool wrap_start(const uint8_t *mode) __attribute__((cold, visibility("hidden")));

/* After it, whatever it says, the `next` functions may be called. */
PISTE_INLINE bool wrap_is_on(const uint8_t *mode)
{
	uint8_t now = __atomic_load_n(mode, __ATOMIC_ACQUIRE);

	if (PISTE_LIKELY(now == WRAP_OFF))
		return false;
	return PISTE_LIKELY(now == WRAP_ON) || wrap_start(mode);
}

/* The definition behind ours in the order of lookup. */
#define WRAP_NEXT(name) dlsym(RTLD_NEXT, name)

void malloc_find_next(void) __attribute__((visibility("hidden")));
void maps_find_next(void) __attribute__((visibility("hidden")));
void locks_find_next(void) __attribute__((visibility("hidden")));

#endif
