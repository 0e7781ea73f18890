/* SPDX-License-Identifier: MIT */
/*
 * tracer - tracers in the process itself: any code that wants to be called at
 * sites, without a recorder, beside recorders, several at once.
 *
 * Each has a bit in the sites' `tracers`, and PISTE_GATE_TRACER opens their gates.
 * While there is a tracer, all records take the slow path (a chunk's
 * fast_limit is 0, so that the fast path need not ask); that builds the record in the thread's
 * chunk, shows it to the tracers, and commits it only where a session wants it too.
 *
 * The table is written with the lock held, and read by sites without: a slot's
 * `fn` is stored last and cleared first, and `running` counts who is inside.
 */
#include <errno.h>

#include "piste/tracer.h"
#include "piste/wire/rules.h"
#include "probe/probe.h"
#include "probe/sys.h"

#define PATTERNS_MAX 16
#define PATTERN_SIZE 128

struct tracer {
	piste_tracer_fn fn; /* NULL: free, or leaving */
	void *priv;
	uint32_t claimed;
	uint32_t running; /* calls in progress, of all threads */
	char patterns[PATTERNS_MAX][PATTERN_SIZE];
};

static struct tracer tracers[PISTE_TRACERS_MAX];

static bool wants(const struct tracer *tracer, const struct piste_site *site)
{
	/* static: with the lock held there is one caller, and it is large */
	static struct piste_session asking;

	asking.level = PISTE_DEBUG;
	for (int i = 0; i < PATTERNS_MAX; i++) {
		if (!tracer->patterns[i][0])
			continue;
		__builtin_memcpy(asking.rules, tracer->patterns[i], PATTERN_SIZE);
		asking.rules[__builtin_strlen(tracer->patterns[i]) + 1] = '\0';
		if (piste_session_wants(&asking, site))
			return true;
	}
	return false;
}

/* With the lock held. */
void tracers_apply(struct piste_site *site, struct piste_gate *gate)
{
	uint8_t bits = 0;

	for (int i = 0; i < PISTE_TRACERS_MAX; i++)
		if (tracers[i].fn && wants(&tracers[i], site))
			bits |= (uint8_t)(1u << i);
	__atomic_store_n(&site->tracers, bits, __ATOMIC_RELEASE);
	if (bits)
		__atomic_or_fetch(&gate->enabled, PISTE_GATE_TRACER, __ATOMIC_RELEASE);
	else
		__atomic_and_fetch(&gate->enabled, ~PISTE_GATE_TRACER, __ATOMIC_RELEASE);
}

void tracers_call(const struct piste_cursor *cursor)
{
	uint8_t bits = __atomic_load_n(&cursor->site->tracers, __ATOMIC_ACQUIRE);
	uint32_t skip = PISTE_RECORD_HEADER + (cursor->chunk->cpu ? 4 : 0);
	uint64_t ticks;
	uint16_t size;

	__builtin_memcpy(&ticks, cursor->start + 4, 8);
	__builtin_memcpy(&size, cursor->start + 2, 2);
	for (int i = 0; bits >> i; i++) {
		struct tracer *tracer = &tracers[i];
		piste_tracer_fn fn;

		if (!(bits & 1u << i))
			continue;
		__atomic_add_fetch(&tracer->running, 1, __ATOMIC_SEQ_CST);
		/* after `running`: unregister either sees us inside, or we see it leave */
		fn = __atomic_load_n(&tracer->fn, __ATOMIC_SEQ_CST);
		if (fn)
			fn(tracer->priv, cursor->site, ticks, cursor->start + skip, size - skip);
		__atomic_sub_fetch(&tracer->running, 1, __ATOMIC_RELEASE);
	}
}

PISTE_EXPORT int piste_tracer_register(piste_tracer_fn fn, void *priv)
{
	uint64_t mask;
	int handle = -EBUSY;

	if (!piste_local.pool)
		return -ENOSYS;
	mask = lock_acquire();
	if (pool_renew_after_fork())
		handle = -ENOMEM;
	for (int i = 0; i < PISTE_TRACERS_MAX && handle == -EBUSY; i++) {
		if (tracers[i].claimed)
			continue;
		tracers[i].claimed = 1;
		tracers[i].priv = priv;
		__builtin_memset(tracers[i].patterns, 0, sizeof(tracers[i].patterns));
		__atomic_store_n(&tracers[i].fn, fn, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&piste_local.tracers, 1, __ATOMIC_SEQ_CST);
		chunks_slow_down();
		handle = i;
	}
	lock_release(mask);
	return handle;
}

static struct tracer *tracer_of(int handle)
{
	return handle >= 0 && handle < PISTE_TRACERS_MAX && tracers[handle].claimed
		       ? &tracers[handle]
		       : NULL;
}

static int site_is_traced(void *priv, const struct piste_site *site)
{
	const int *handle_and_count = priv;

	if (site->tracers & 1u << handle_and_count[0])
		((int *)priv)[1]++;
	return 0;
}

PISTE_EXPORT int piste_tracer_attach(int handle, const char *pattern)
{
	struct tracer *tracer = tracer_of(handle);
	size_t length = pattern ? __builtin_strlen(pattern) : 0;
	int found[2] = {handle, 0}, err = -ENOSPC;
	uint64_t mask;

	if (!tracer || !length || length > PATTERN_SIZE - 2)
		return -EINVAL;
	mask = lock_acquire();
	for (int i = 0; i < PATTERNS_MAX && err; i++) {
		if (tracer->patterns[i][0])
			continue;
		__builtin_memcpy(tracer->patterns[i], pattern, length + 1);
		err = 0;
	}
	if (!err)
		err = pool_renew_after_fork();
	if (!err) {
		objects_apply_sessions();
		piste_sites_each(site_is_traced, found);
	}
	lock_release(mask);
	return err ? err : found[1];
}

PISTE_EXPORT int piste_tracer_detach(int handle, const char *pattern)
{
	struct tracer *tracer = tracer_of(handle);
	uint64_t mask;
	int err = -ENOENT;

	if (!tracer)
		return -EINVAL;
	mask = lock_acquire();
	for (int i = 0; i < PATTERNS_MAX; i++) {
		if (pattern && __builtin_strcmp(tracer->patterns[i], pattern) != 0)
			continue;
		tracer->patterns[i][0] = '\0';
		err = 0;
	}
	if (!err && !pool_renew_after_fork())
		objects_apply_sessions();
	lock_release(mask);
	return err;
}

PISTE_EXPORT void piste_tracer_unregister(int handle)
{
	struct tracer *tracer = tracer_of(handle);

	if (!tracer)
		return;
	__atomic_store_n(&tracer->fn, NULL, __ATOMIC_SEQ_CST);
	piste_tracer_detach(handle, NULL);
	while (__atomic_load_n(&tracer->running, __ATOMIC_SEQ_CST))
		SYS_CALL(SYS_sched_yield, 0);
	__atomic_sub_fetch(&piste_local.tracers, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&tracer->claimed, 0, __ATOMIC_RELEASE);
}

PISTE_EXPORT int piste_sites_each(int (*fn)(void *priv, const struct piste_site *site), void *priv)
{
	for (uint32_t i = 0; i < piste_local.object_count; i++) {
		struct object *object = &piste_local.objects[i];
		uint32_t last = PISTE_ID_NONE;

		if (!object->handle)
			continue;
		for (const struct piste_gate *gate = object->handle->gates;
		     gate < object->handle->gates_end; gate++) {
			const struct piste_site *site =
				(const struct piste_site *)((uintptr_t)&gate->site_offset +
							    (intptr_t)gate->site_offset);
			int result;

			/* ids grow in the order of the gates; a copy of a site has a smaller one */
			if (site->abi != PISTE_SITE_ABI || site->id == PISTE_ID_NONE ||
			    (last != PISTE_ID_NONE && site->id <= last))
				continue;
			last = site->id;
			result = fn(priv, site);
			if (result)
				return result;
		}
	}
	return 0;
}
