/* SPDX-License-Identifier: MIT */
/*
 * probe-tracers - tracers in the process (piste/tracer.h): probe-tracers
 * PLUGIN. Prints what went wrong, and `emitted N` for a recorder beside them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <piste/piste.h>
#include <piste/tracer.h>

static int faults;
static _Atomic uint64_t emitted_in_all;

static void check(int line, bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "line %d: %s\n", line, what);
	faults++;
}
#define CHECK(condition) check(__LINE__, condition, #condition)

struct counter {
	_Atomic uint64_t calls, inside;
	_Atomic int gone; /* after unregister: nobody may call */
	_Atomic uint64_t late;
	uint64_t ticks;
};

static void count(void *priv, const struct piste_site *site, uint64_t ticks, const void *payload,
		  uint32_t size)
{
	struct counter *counter = priv;

	(void)site, (void)payload, (void)size;
	if (atomic_load(&counter->gone))
		atomic_fetch_add(&counter->late, 1);
	atomic_fetch_add(&counter->inside, 1);
	counter->ticks = ticks;
	atomic_fetch_add(&counter->calls, 1);
	atomic_fetch_sub(&counter->inside, 1);
}

static void emit(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		PISTE(tracers, tick, i);
	atomic_fetch_add(&emitted_in_all, n);
}

static void emit_other(void)
{
	PISTE(tracers, other, (x, 1));
	PISTE_LEVEL(PISTE_DEBUG, elsewhere, tick, (x, 1));
	atomic_fetch_add(&emitted_in_all, 2);
}

static void two_on_one(void)
{
	struct counter a = {0}, b = {0};
	int ta = piste_tracer_register(count, &a), tb = piste_tracer_register(count, &b);

	CHECK(ta >= 0 && tb >= 0 && ta != tb);
	emit(1);
	CHECK(a.calls == 0 && b.calls == 0);
	CHECK(piste_tracer_attach(ta, "tracers:tick") == 1);
	CHECK(piste_tracer_attach(tb, "tracers:*") == 2);
	emit(10);
	emit_other();
	CHECK(a.calls == 10 && b.calls == 11);
	CHECK(piste_tracer_detach(ta, "tracers:none") == -ENOENT);
	CHECK(piste_tracer_detach(ta, "tracers:tick") == 0);
	emit(10);
	CHECK(a.calls == 10 && b.calls == 21);
	CHECK(piste_tracer_attach(ta, "tick") == 2); /* of any provider */
	emit(1);
	emit_other();
	CHECK(a.calls == 12 && b.calls == 23);
	piste_tracer_unregister(ta);
	emit(1);
	CHECK(a.calls == 12 && b.calls == 24);
	piste_tracer_unregister(tb);
	emit(1);
	CHECK(b.calls == 24);
	CHECK(piste_tracer_attach(tb, "*") == -EINVAL);
	CHECK(piste_tracer_detach(tb, NULL) == -EINVAL);
	piste_tracer_unregister(tb);
	piste_tracer_unregister(-1);
}

static void limits(void)
{
	struct counter counter = {0};
	int all[PISTE_TRACERS_MAX];
	char pattern[200];

	for (int i = 0; i < PISTE_TRACERS_MAX; i++) {
		all[i] = piste_tracer_register(count, &counter);
		CHECK(all[i] == i);
		CHECK(piste_tracer_attach(all[i], "tracers:tick") == 1);
	}
	CHECK(piste_tracer_register(count, &counter) == -EBUSY);
	emit(1);
	CHECK(counter.calls == PISTE_TRACERS_MAX);
	for (int i = 1; i < 16; i++) {
		snprintf(pattern, sizeof(pattern), "none:%d", i);
		CHECK(piste_tracer_attach(all[0], pattern) == 1); /* what all patterns match */
	}
	CHECK(piste_tracer_attach(all[0], "one:more") == -ENOSPC);
	memset(pattern, 'x', sizeof(pattern) - 1);
	pattern[sizeof(pattern) - 1] = '\0';
	CHECK(piste_tracer_attach(all[1], pattern) == -EINVAL);
	CHECK(piste_tracer_attach(all[1], "") == -EINVAL);
	CHECK(piste_tracer_attach(all[1], NULL) == -EINVAL);
	for (int i = 0; i < PISTE_TRACERS_MAX; i++)
		piste_tracer_unregister(all[i]);
}

typedef void plugin_fn(uint64_t n);

static void plugins(const char *path)
{
	struct counter before = {0}, after = {0};
	int tb = piste_tracer_register(count, &before), ta = piste_tracer_register(count, &after);

	CHECK(piste_tracer_attach(tb, "plugin:*") == 0);
	for (int round = 0; round < 20; round++) {
		void *handle = dlopen(path, RTLD_NOW);
		plugin_fn *run;

		if (!handle) {
			fprintf(stderr, "%s\n", dlerror());
			faults++;
			return;
		}
		run = (plugin_fn *)(uintptr_t)dlsym(handle, "plugin_run");
		if (round % 2)
			CHECK(piste_tracer_attach(ta, "plugin:*") == 1);
		run(3);
		atomic_fetch_add(&emitted_in_all, 3);
		if (round % 2)
			CHECK(piste_tracer_detach(ta, "plugin:*") == 0);
		dlclose(handle);
	}
	CHECK(before.calls == 60 && after.calls == 30);
	piste_tracer_unregister(ta);
	piste_tracer_unregister(tb);
}

/* A callback that passes the site that it is called at: an end must come. */
static _Atomic int descents;
static void descend(void *priv, const struct piste_site *site, uint64_t ticks, const void *payload,
		    uint32_t size)
{
	(void)priv, (void)site, (void)ticks, (void)payload, (void)size;
	atomic_fetch_add(&descents, 1);
	emit(1);
}

static void descent(void)
{
	int tracer = piste_tracer_register(descend, NULL);

	piste_tracer_attach(tracer, "tracers:tick");
	emit(5);
	CHECK(descents > 5 && descents < 100);
	piste_tracer_unregister(tracer);
}

static int list_one(void *priv, const struct piste_site *site)
{
	const char *provider = (const char *)(site + 1);

	*(int *)priv += !strcmp(provider, "tracers");
	return *(int *)priv == 101 ? 77 : 0;
}

static void listing(void)
{
	int n = 0;

	CHECK(piste_sites_each(list_one, &n) == 0);
	CHECK(n == 2);
	n = 100;
	CHECK(piste_sites_each(list_one, &n) == 77);
	CHECK(n == 101);
}

static void in_a_child(void)
{
	struct counter counter = {0};
	int tracer = piste_tracer_register(count, &counter), status = 0;

	piste_tracer_attach(tracer, "tracers:tick");
	emit(1);
	if (fork() == 0) {
		/* the parent's tracer is ours as well; what we change is ours alone */
		emit(2);
		CHECK(counter.calls == 3);
		piste_tracer_unregister(tracer);
		emit(1);
		CHECK(counter.calls == 3);
		printf("emitted 3\n");
		fflush(stdout);
		_exit(faults > 0);
	}
	wait(&status);
	CHECK(status == 0);
	emit(1);
	CHECK(counter.calls == 2);
	if (fork() == 0) { /* one that detaches before it traces */
		piste_tracer_detach(tracer, NULL);
		_exit(0);
	}
	wait(&status);
	emit(1);
	CHECK(counter.calls == 3);
	piste_tracer_unregister(tracer);
}

/* ---- under load */

static _Atomic int stop;

static void *load(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		emit(100);
		usleep(20); /* a recorder beside us must keep up: a full pool has nothing to show */
	}
	return NULL;
}

static void under_load(void)
{
	pthread_t threads[4];
	static struct counter steady, counters[300];
	int base = piste_tracer_register(count, &steady);
	uint64_t before, sum = 0;

	CHECK(piste_tracer_attach(base, "tracers:tick") == 1);
	before = emitted_in_all;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, load, NULL);
	for (int i = 0; i < 300; i++) {
		int tracer = piste_tracer_register(count, &counters[i]);

		piste_tracer_attach(tracer, i % 2 ? "tracers:tick" : "*");
		usleep(500);
		if (i % 3 == 0)
			piste_tracer_detach(tracer, NULL);
		piste_tracer_unregister(tracer);
		CHECK(counters[i].inside == 0);
		counters[i].gone = 1;
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 300; i++) {
		CHECK(counters[i].late == 0);
		sum += counters[i].calls > 0;
	}
	CHECK(sum > 200);
	/* no event is shown twice, or missed by one who was there all the time */
	CHECK(steady.calls == emitted_in_all - before);
	piste_tracer_unregister(base);
}

int main(int argc, char **argv)
{
	two_on_one();
	limits();
	if (argc > 1)
		plugins(argv[1]);
	descent();
	listing();
	in_a_child();
	under_load();
	printf("emitted %llu\n", (unsigned long long)emitted_in_all);
	return faults > 0;
}
