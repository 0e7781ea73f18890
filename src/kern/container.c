/* SPDX-License-Identifier: MIT */
#include "kern/container.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"
#include "kern/container-names.h"

/* `list` is what was ever seen; the maps find it. */
struct containers {
	const char *root;
	struct cgroup_mounts mounts;
	struct arena arena;
	struct VEC(const struct container *) list;
	struct map by_cgroup; /* name of its own cgroup -> container */
	struct map by_id; /* cgroup id, of any cgroup -> container, or 0 */
};

int containers_open(struct containers **out, const char *root, struct diag *diag)
{
	struct containers *c = calloc(1, sizeof(*c));
	int err;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	err = cgroup_mounts_get(&c->mounts, root, diag);
	if (err) {
		free(c);
		return err;
	}
	c->root = root;
	*out = c;
	return 0;
}

void containers_free(struct containers *c)
{
	if (!c)
		return;
	vec_fini(&c->list);
	map_fini(&c->by_cgroup);
	map_fini(&c->by_id);
	arena_fini(&c->arena);
	free(c);
}

const char *container_label(const struct container *container, char buffer[16])
{
	if (container->name)
		return container->name;
	snprintf(buffer, 16, "%.12s", container->id);
	return buffer;
}

/* --- lookup ------------------------------------------------------------------------------------ */

static const struct container *add(struct containers *c, const char *cgroup,
				   const struct container_place *place)
{
	struct container *new = arena_new(&c->arena, struct container);

	if (!new)
		return NULL;
	*new = (struct container){
		.engine = place->engine,
		.id = arena_strdup(&c->arena, place->id),
		.name = container_name(&c->arena, c->root, cgroup, place->id),
		.cgroup = arena_strdup(&c->arena, cgroup),
	};
	if (arena_failed(&c->arena) || vec_push(&c->list, new) ||
	    map_put_str(&c->by_cgroup, new->cgroup, (uintptr_t) new))
		return NULL;
	return new;
}

const struct container *containers_of_cgroup(struct containers *c, const char *name)
{
	struct container_place place;
	char own[PATH_MAX];
	uint64_t known;

	if (!container_in_path(name, &place))
		return NULL;
	memcpy(own, name, place.end);
	own[place.end] = '\0';
	if (map_get_str(&c->by_cgroup, own, &known))
		return (const struct container *)(uintptr_t)known;
	return add(c, own, &place);
}

struct of_task {
	struct containers *c;
	const struct container *found;
};

static int find_in_line(void *ctx, const char *controllers, const char *name)
{
	struct of_task *of = ctx;

	(void)controllers;
	of->found = containers_of_cgroup(of->c, name);
	return of->found != NULL;
}

const struct container *containers_of_task(struct containers *c, uint32_t tid)
{
	struct of_task of = {.c = c};

	cgroup_each_of_task(c->root, tid, find_in_line, &of);
	return of.found;
}

static int note_id(void *ctx, const char *name, uint64_t id)
{
	struct containers *c = ctx;
	uint64_t known;

	if (map_get_u64(&c->by_id, id, &known) && known)
		return 0;
	return map_put_u64(&c->by_id, id, (uintptr_t)containers_of_cgroup(c, name));
}

const struct container *containers_of_cgroup_id(struct containers *c, uint64_t id)
{
	uint64_t known = 0;

	if (map_get_u64(&c->by_id, id, &known))
		return (const struct container *)(uintptr_t)known;
	if (!c->mounts.items[0].is_v2)
		return NULL;
	/* Ids are not given twice: one that is not there now never will be. */
	cgroup_each(&c->mounts, &c->mounts.items[0], note_id, c);
	if (!map_get_u64(&c->by_id, id, &known))
		map_put_u64(&c->by_id, id, 0);
	return (const struct container *)(uintptr_t)known;
}

/* --- --container --------------------------------------------------------------------------------- */

static const char *last_name(const struct container *one)
{
	const char *slash = one->name ? strrchr(one->name, '/') : NULL;

	return slash ? slash + 1 : NULL;
}

static bool has_id(const struct container *one, const char *wanted)
{
	return !strcmp(one->id, wanted);
}

static bool has_name(const struct container *one, const char *wanted)
{
	return one->name && !strcmp(one->name, wanted);
}

/* "nginx" of "web-7d9f/nginx" */
static bool has_last_name(const struct container *one, const char *wanted)
{
	return last_name(one) && !strcmp(last_name(one), wanted);
}

static bool has_prefix(const struct container *one, const char *wanted)
{
	return strlen(wanted) >= 2 && !strncmp(one->id, wanted, strlen(wanted));
}

/* In this order; the first that finds any decides. */
static bool (*const ways[])(const struct container *, const char *) = {
	has_id,
	has_name,
	has_last_name,
	has_prefix,
};

struct found {
	struct containers *c;
	struct VEC(const struct container *) all; /* those that run, each id once */
};

static int note_container(void *ctx, const char *name, uint64_t id)
{
	const struct container *one, **other;
	struct found *f = ctx;

	(void)id;
	one = containers_of_cgroup(f->c, name);
	if (!one || strcmp(one->cgroup, name) != 0)
		return 0; /* none, or a cgroup within it */
	vec_each(other, &f->all)
		if (!strcmp((*other)->id, one->id))
			return 0; /* the same in another hierarchy */
	return vec_push(&f->all, one);
}

static void add_label(struct str *out, const struct container *one)
{
	char buffer[16];

	str_addf(out, "%s%s", out->len ? ", " : "", container_label(one, buffer));
	if (one->name && strcmp(one->name, one->id) != 0)
		str_addf(out, " (%s %.12s)", one->engine, one->id);
}

static int say_unknown(const struct found *f, const char *wanted, struct diag *diag)
{
	enum { SHOWN = 8 };
	struct VEC(const char *) names = {0};
	const struct container **one;
	const char *near;
	struct str list = {0};

	diag_error(diag, NULL, "there is no container %s", wanted);
	vec_each(one, &f->all) {
		if ((*one)->name && vec_push(&names, (*one)->name))
			break;
		if ((size_t)(one - f->all.items) < SHOWN)
			add_label(&list, *one);
	}
	near = nearest_name(wanted, names.items, names.len);
	if (near)
		diag_hint(diag, "did you mean %s?", near);
	else if (!f->all.len)
		diag_hint(diag, "no cgroup here is that of a container (docker, podman, "
				"containerd, cri-o, nspawn, lxc)");
	else if (!names.len && geteuid() != 0)
		diag_hint(diag, "names of containers are for root to read; an id will do: %s",
			  str_c(&list));
	else
		diag_hint(diag, "there are %s%s", str_c(&list), f->all.len > SHOWN ? ", …" : "");
	vec_fini(&names);
	str_fini(&list);
	return -ENOENT;
}

/* -ENOENT when none is it */
static int choose(const struct found *f, const char *wanted, const struct container **out,
		  struct diag *diag)
{
	const struct container **one;
	struct str list = {0};
	size_t n = 0;

	for (size_t i = 0; !n && i < sizeof(ways) / sizeof(ways[0]); i++)
		vec_each(one, &f->all) {
			if (!ways[i](*one, wanted))
				continue;
			n++;
			*out = *one;
			add_label(&list, *one);
		}
	if (n > 1) {
		diag_error(diag, NULL, "%zu containers may be meant by %s: %s", n, wanted,
			   str_c(&list));
		diag_hint(diag, "give more of the id");
	}
	str_fini(&list);
	return n > 1 ? -EEXIST : n ? 0 : say_unknown(f, wanted, diag);
}

int containers_find(struct containers *c, const char *wanted, struct cgroup *out, struct diag *diag)
{
	struct found f = {.c = c};
	const struct container *one = NULL;
	int err = 0;

	for (size_t i = 0; !err && i < c->mounts.n; i++)
		if (cgroup_each(&c->mounts, &c->mounts.items[i], note_container, &f) == -ENOMEM)
			err = -ENOMEM;
	if (!err)
		err = choose(&f, wanted, &one, diag);
	if (!err)
		err = cgroup_find(out, &c->mounts, one->cgroup, diag);
	vec_fini(&f.all);
	return err;
}
