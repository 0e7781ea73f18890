/* SPDX-License-Identifier: MIT */
/*
 * functions - piste_func:enter and exit: what gcc and clang call at both ends
 * of every function of a program built with -finstrument-functions. Nothing is
 * called behind us: libc's own do nothing.
 */
#include "wrap.h"

#define LEVEL PISTE_DEBUG_FUNCTION
#define NO_INSTRUMENT __attribute__((no_instrument_function))

WRAP_EXPORT NO_INSTRUMENT void __cyg_profile_func_enter(void *function, void *call_site);
WRAP_EXPORT NO_INSTRUMENT void __cyg_profile_func_exit(void *function, void *call_site);

void __cyg_profile_func_enter(void *function, void *call_site)
{
	if (wrap_is_on(&wrap_modes.functions))
		PISTE_LEVEL(LEVEL, piste_func, enter, function, call_site);
}

void __cyg_profile_func_exit(void *function, void *call_site)
{
	if (wrap_is_on(&wrap_modes.functions))
		PISTE_LEVEL(LEVEL, piste_func, exit, function, call_site);
}
