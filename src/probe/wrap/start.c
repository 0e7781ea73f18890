/* SPDX-License-Identifier: MIT */
/*
 * start - decides once what is on. The first call of any wrapper does it, or
 * our constructor: constructors of libraries that allocate run before ours,
 * and ld.so calls malloc before libc has an environment. Until there is one,
 * calls go through untraced.
 *
 * dlsym may allocate, which comes back to us: such a call finds `starting`
 * set, and is served by what malloc.c and maps.c have for that moment.
 */
#include "wrap.h"

extern char **environ;

struct wrap_modes wrap_modes = {WRAP_UNKNOWN, WRAP_UNKNOWN, WRAP_UNKNOWN};

static __thread bool starting __attribute__((tls_model("initial-exec")));
static bool have_next; /* release/acquire: the `next` functions are known */

static const char *wanted_list(void)
{
	static const char name[] = "PISTE_WRAP=";

	for (char **p = environ; p && *p; p++)
		if (__builtin_strncmp(*p, name, sizeof(name) - 1) == 0)
			return *p + sizeof(name) - 1;
	return "";
}

static uint8_t mode_of(const char *list, const char *word)
{
	size_t length = __builtin_strlen(word);

	while (*list) {
		if (__builtin_strncmp(list, word, length) == 0 &&
		    (list[length] == '\0' || list[length] == ','))
			return WRAP_ON;
		while (*list && *list++ != ',')
			;
	}
	return WRAP_OFF;
}

static void decide(void)
{
	const char *list = wanted_list();

	/* ids and gates first, so that the first call is recorded */
	piste_object_load();
	__atomic_store_n(&wrap_modes.malloc, mode_of(list, "malloc"), __ATOMIC_RELEASE);
	__atomic_store_n(&wrap_modes.locks, mode_of(list, "locks"), __ATOMIC_RELEASE);
	__atomic_store_n(&wrap_modes.functions, mode_of(list, "functions"), __ATOMIC_RELEASE);
}

/* Two threads may do all of it at once: they find the same. */
bool wrap_start(const uint8_t *mode)
{
	if (starting)
		return false;
	starting = true;
	if (!__atomic_load_n(&have_next, __ATOMIC_ACQUIRE)) {
		malloc_find_next();
		maps_find_next();
		locks_find_next();
		__atomic_store_n(&have_next, true, __ATOMIC_RELEASE);
	}
	if (environ)
		decide();
	starting = false;
	return *mode == WRAP_ON;
}

__attribute__((constructor(103))) static void constructor(void)
{
	wrap_start(&wrap_modes.malloc);
	decide(); /* a program may have no environment at all */
}
