/* SPDX-License-Identifier: MIT */
#ifndef PISTE_TRACER_H
#define PISTE_TRACER_H

/*
 * tracer - for tracers that live in the traced process: list its sites, and be
 * called at those that one wants, beside recordings and beside other tracers.
 *
 * A site is described by static data (piste/wire/site.h); piste_describe_site
 * (piste/wire/describe.h) takes it apart. The payload that a callback gets is
 * the record's: packed fields in the order of the description.
 *
 * Needs libpiste. All functions may be called from any thread, none from a
 * signal handler; callbacks run in the thread, and where the site is in a
 * signal handler, in that handler.
 */

#include "piste/wire/describe.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PISTE_TRACERS_MAX 8

/*
 * Called after the site's arguments were evaluated. `ticks`: the clock of the
 * record (TSC, or CLOCK_MONOTONIC in ns where the TSC is not to be trusted).
 * `payload` is valid during the call. Sites that the callback itself passes
 * are recorded too; beware of an endless descent.
 */
typedef void (*piste_tracer_fn)(void *priv, const struct piste_site *site, uint64_t ticks,
				const void *payload, uint32_t size);

/* Returns a handle (0 to PISTE_TRACERS_MAX - 1), or -EBUSY, or -ENOSYS when libpiste is off. */
int piste_tracer_register(piste_tracer_fn fn, void *priv);

/*
 * Attaches to all sites that match the glob `pattern` (as `piste record -e`),
 * also to those of objects that are loaded later; at most 16 patterns a tracer.
 * Returns the number of sites that matched now, or negative errno.
 */
int piste_tracer_attach(int handle, const char *pattern);

/* Takes back one pattern; NULL: all of them. Returns 0 or -ENOENT. */
int piste_tracer_detach(int handle, const char *pattern);

/* Detaches from everything and waits until no thread is in the callback any more; not to be
 * called from it. */
void piste_tracer_unregister(int handle);

/* Calls fn for every event of this process, until it returns other than 0, which is returned.
 * Not while another thread may dlclose. */
int piste_sites_each(int (*fn)(void *priv, const struct piste_site *site), void *priv);

#ifdef __cplusplus
}
#endif

#endif
