/* SPDX-License-Identifier: MIT */
/*
 * Which of the kernel's events, whose, and what is said when it may not be.
 */
#include "session/recorder-private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kern/kern.h"
#include "session/kernel-filter.h"
#include "session/kernel-state.h"

enum { RING_BYTES = 8 << 20, RING_BYTES_MOST = 1 << 30 };

/* Options that mean nothing without the kernel. */
static bool wants_only_kernel(const struct recorder_options *o)
{
	return o->system || o->cgroup || o->max_rate || o->sample_hz;
}

/* Names of all kernel events; none where they cannot be had. */
static int list_names(struct kern_catalog *catalog, const char ***names, size_t *n)
{
	*n = catalog ? kern_catalog_len(catalog) : 0;
	*names = calloc(*n + 1, sizeof(**names));
	if (!*names)
		return -ENOMEM;
	for (size_t i = 0; i < *n; i++)
		(*names)[i] = kern_catalog_name(catalog, i);
	return 0;
}

static int choose_rules(struct kernel_rules *rules, const struct recorder_options *o,
			struct diag *diag)
{
	struct kern_catalog *catalog = NULL;
	struct diag unsaid = {0};
	const char **names;
	size_t n;
	int err;

	if (kern_catalog_open(&catalog, &unsaid))
		catalog = NULL;
	diag_fini(&unsaid);
	err = list_names(catalog, &names, &n);
	if (!err)
		err = kernel_rules_init(rules, o->rules, o->n_rules, names, n, diag);
	free(names);
	kern_catalog_close(catalog);
	return err;
}

/* Without the rights, or on such a kernel: user space can be recorded all the same. */
static void say_without_kernel(struct recorder *r, const struct diag *why)
{
	const struct diag_entry *e = NULL;

	for (size_t i = 0; i < why->len && !e; i++) /* notes are about less than all */
		if (why->entries[i].severity == DIAG_ERROR)
			e = &why->entries[i];
	if (!e)
		recorder_note(r, "the kernel's events cannot be had here; user space is recorded");
	else if (e->hint)
		recorder_note(r, "%s: %s (user space is recorded)", e->message, e->hint);
	else
		recorder_note(r, "%s (user space is recorded)", e->message);
}

/* A cgroup of version 1 is known by its tasks only. */
static enum kern_scope_kind scope_of(const struct recorder_options *o)
{
	if (o->system)
		return KERN_SCOPE_SYSTEM;
	return o->cgroup && o->cgroup->is_v2 ? KERN_SCOPE_CGROUP : KERN_SCOPE_TASKS;
}

/* No event has the fields: which are the ones that are nearest? */
static int explain_filter(struct recorder *r, struct kern_options *options,
			  const struct kernel_options *take, struct diag *diag)
{
	int err;

	options->n_filter = 0;
	err = kern_open(&r->kern, options, diag);
	if (!err && r->kern)
		err = kernel_new(&r->kernel, r->kern, &r->model, take, diag);
	if (!err && r->kern)
		err = filter_check(r->model.wants.filter, diag);
	if (!err)
		err = diag_error(diag, NULL, "no event has all the fields of the filter");
	return err;
}

static int open_with_rules(struct recorder *r, const struct kernel_rules *rules, struct diag *diag)
{
	const struct recorder_options *o = &r->options;
	struct kern_options options = {
		.rules = rules->chosen.items,
		.n_rules = rules->chosen.len,
		.scope = scope_of(o),
		.cgroup_path = o->cgroup ? o->cgroup->path : NULL,
		.ring_bytes = r->ring_bytes,
		.max_rate = o->max_rate,
		.sample_hz = o->sample_hz,
	};
	struct kernel_options take = {
		.filter = r->model.wants.filter,
		.ring_bytes = r->ring_bytes,
	};
	struct kernel_filter filter = {0};
	struct diag why = {0};
	int err = take.filter ? kernel_filter_make(&filter, take.filter, &r->arena) : 0;

	options.filter = filter.items;
	options.n_filter = filter.len;
	if (!err)
		err = kern_open(&r->kern, &options, &why);
	vec_fini(&filter);
	if (err == -ENOENT && options.n_filter) {
		diag_fini(&why);
		return rules->for_users ? 0 : explain_filter(r, &options, &take, diag);
	}
	if (err == -ENOMEM || (err && (rules->is_explicit || !rules->for_users)) ||
	    (err && err != -EPERM && err != -EOPNOTSUPP) || (err && wants_only_kernel(o))) {
		diag_move(diag, &why);
		return err;
	}
	if (err)
		say_without_kernel(r, &why);
	diag_fini(&why);
	if (err || !r->kern)
		return 0;
	return kernel_new(&r->kernel, r->kern, &r->model, &take, diag);
}

bool recorder_has_kernel(const struct recorder *r)
{
	return r->kern;
}

int recorder_open_kernel(struct recorder *r, struct diag *diag)
{
	const struct recorder_options *o = &r->options;
	struct kernel_rules rules = {0};
	int err;

	if (o->no_kernel)
		return 0;
	r->ring_bytes = o->buffer_bytes ? o->buffer_bytes : RING_BYTES;
	if (r->ring_bytes > RING_BYTES_MOST)
		r->ring_bytes = RING_BYTES_MOST;
	err = choose_rules(&rules, o, diag);
	if (!err && (rules.wants_kernel || o->sample_hz))
		err = open_with_rules(r, &rules, diag);
	if (!err && r->kern && r->model.wants.filter && !rules.for_users) {
		r->filter_checked = true; /* no site can bring a field that is missing here */
		err = filter_check(r->model.wants.filter, diag);
	}
	kernel_rules_fini(&rules);
	return err;
}

static int add_task(void *data, uint32_t tid)
{
	struct recorder *r = data;

	kern_add_task(r->kern, tid);
	return 0;
}

int recorder_start_kernel(struct recorder *r, struct diag *diag)
{
	int err = r->kern ? kern_start(r->kern, diag) : 0;

	/* twice: those that came while we went through the list are children of those in it */
	for (int i = 0; i < 2 && r->kern && !err; i++)
		if (r->options.cgroup && scope_of(&r->options) == KERN_SCOPE_TASKS)
			err = cgroup_each_task(r->options.cgroup, add_task, r);
	return err;
}

/* Adds the threads that are there now; says how many. */
static int add_threads(struct recorder *r, uint32_t pid)
{
	const struct dirent *e;
	char path[48];
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((e = readdir(dir))) {
		uint32_t tid = (uint32_t)strtoul(e->d_name, NULL, 10);

		if (tid && kern_add_task(r->kern, tid) == 0)
			n++;
	}
	closedir(dir);
	return n;
}

/* One that was not yet in scope may have started another behind our back: until none is new. */
int recorder_add_to_kernel(struct recorder *r, uint32_t pid)
{
	int n = 0, before;

	if (!r->kern)
		return 0;
	do {
		before = n;
		n = add_threads(r, pid);
	} while (n > before);
	return n < 0 ? n : 0;
}

static int emit_state(void *data, const struct packet *p)
{
	return recorder_emit(data, p);
}

int recorder_dump_state(struct recorder *r, struct diag *diag)
{
	const struct recorder_options *o = &r->options;
	struct kernel_state_options options = {
		.pids = o->pids,
		.n_pids = o->system || o->cgroup ? 0 : o->n_pids,
	};
	uint32_t child = (uint32_t)r->child;

	if (!r->kern)
		return 0;
	if (!o->system && !o->cgroup && !o->n_pids && r->child) {
		options.pids = &child;
		options.n_pids = 1;
	}
	return kernel_state_take(&r->model, &options, emit_state, r, diag);
}

int recorder_drain_kernel(struct recorder *r, enum collect what, struct diag *diag)
{
	enum { FLUSH_BYTES = 8 << 20 };
	struct packet packet;
	int got;

	if (!r->kernel)
		return 0;
	while ((got = kernel_take(r->kernel, what, &packet)) > 0) {
		r->round_bytes += packet.size;
		recorder_emit(r, &packet);
		if (r->sink && sink_queued_bytes(r->sink) >= FLUSH_BYTES)
			recorder_flush(r, false, diag);
	}
	return got;
}

void recorder_stop_kernel(struct recorder *r)
{
	if (r->kern)
		kern_stop(r->kern);
}

void recorder_free_kernel(struct recorder *r)
{
	kernel_free(r->kernel);
	r->kernel = NULL;
	kern_free(r->kern);
	r->kern = NULL;
}
