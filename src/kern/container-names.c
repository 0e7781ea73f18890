/* SPDX-License-Identifier: MIT */
/*
 * Two tables: `forms`, how engines name the cgroup of a container, and `sources`,
 * where they write down what it is called. Both are no interfaces but what the
 * engines do (runc and crun, docker, podman, containerd, cri-o, systemd, lxc in
 * their cgroupfs and systemd drivers), and has been so for years.
 */
#include "kern/container-names.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/fs.h"
#include "base/str.h"

/* --- ids ------------------------------------------------------------------------------------ */

enum { ID_DIGITS = 64, STATE_FILE_MAX = 64 << 20 };

static const struct form {
	const char *engine;
	const char *parent; /* a glob; NULL: any */
	const char *prefix; /* "*x": all up to x */
	const char *suffix;
	bool is_name; /* else 64 hex digits */
} forms[] = {
	/* systemd drivers */
	{"docker", NULL, "docker-", ".scope", false},
	{"podman", NULL, "libpod-", ".scope", false},
	{"containerd", NULL, "cri-containerd-", ".scope", false},
	{"containerd", NULL, "nerdctl-", ".scope", false},
	{"cri-o", NULL, "crio-", ".scope", false},
	/* … where the runtime took the path of systemd for one of cgroupfs */
	{"containerd", NULL, "*:cri-containerd:", "", false},
	{"cri-o", NULL, "*:crio:", "", false},
	{"docker", NULL, "*:docker:", "", false},
	/* cgroupfs drivers */
	{"docker", "docker", "", "", false},
	{"podman", NULL, "libpod-", "", false},
	{"cri-o", NULL, "crio-", "", false},
	{"kubernetes", "pod*", "", "", false},
	/* by name */
	{"nspawn", NULL, "systemd-nspawn@", ".service", true},
	{"machine", "machine.slice", "machine-", ".scope", true},
	{"lxc", NULL, "lxc.payload.", "", true},
	{"lxc", "lxc.payload", "", "", true},
	{"lxc", "lxc", "", "", true},
	/* whoever else runs OCI containers */
	{"oci", NULL, "", "", false},
};
enum { N_FORMS = sizeof(forms) / sizeof(forms[0]) };

static bool is_hex_id(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)text[i]) && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	return len == ID_DIGITS;
}

/* As systemd writes names of units: \x2d is a dash. */
static void copy_name(char *to, size_t size, const char *from, size_t len)
{
	const char *end = from + len;
	size_t n = 0;

	while (from < end && n < size - 1) {
		unsigned byte;

		if (end - from >= 4 && from[0] == '\\' && from[1] == 'x' &&
		    sscanf(from + 2, "%2x", &byte) == 1) {
			to[n++] = (char)byte;
			from += 4;
		} else {
			to[n++] = *from++;
		}
	}
	to[n] = '\0';
}

static bool match_form(const struct form *f, const char *parent, const char *name,
		       struct container_place *out)
{
	size_t len = strlen(name), prefix = strlen(f->prefix), suffix = strlen(f->suffix);
	const char *id = name + prefix;

	if (f->parent && !glob_match(f->parent, parent))
		return false;
	if (*f->prefix == '*') {
		id = strstr(name, f->prefix + 1);
		if (!id)
			return false;
		id += prefix - 1;
	} else if (strncmp(name, f->prefix, prefix) != 0) {
		return false;
	}
	if (len < (size_t)(id - name) + suffix || strcmp(name + len - suffix, f->suffix) != 0)
		return false;
	len -= (size_t)(id - name) + suffix;
	if (!len || (!f->is_name && !is_hex_id(id, len)))
		return false;
	out->engine = f->engine;
	copy_name(out->id, sizeof(out->id), id, len);
	return true;
}

bool container_in_path(const char *cgroup, struct container_place *out)
{
	char copy[PATH_MAX], *slash;
	size_t len = strlen(cgroup);

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, cgroup, len + 1);
	/* from the innermost name outwards */
	while ((slash = strrchr(copy, '/'))) {
		const char *name = slash + 1, *parent;

		*slash = '\0';
		parent = strrchr(copy, '/');
		for (size_t i = 0; *name && i < N_FORMS; i++)
			if (match_form(&forms[i], parent ? parent + 1 : copy, name, out)) {
				out->end = len;
				return true;
			}
		len = (size_t)(slash - copy);
	}
	return false;
}

/* --- names ------------------------------------------------------------------------------------ */

struct lookup {
	struct arena *arena;
	const char *root, *id;
	char home[256]; /* of who runs it without root; "" otherwise */
};

static json_t *read_json(const char *path)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;

	if (fs_read_file(AT_FDCWD, path, STATE_FILE_MAX, &text, &len))
		return NULL;
	return json_loadb(text, len, 0, NULL);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* {"Name": "/web", …} */
static const char *docker_name_below(const struct lookup *l, const char *base)
{
	const char *name, *found = NULL;
	char path[PATH_MAX];
	json_t *config;

	snprintf(path, sizeof(path), "%s%s/containers/%s/config.v2.json", l->root, base, l->id);
	config = read_json(path);
	name = text_of(config, "Name");
	if (name)
		found = arena_strdup(l->arena, name[0] == '/' ? name + 1 : name);
	json_decref(config);
	return found;
}

static const char *docker_name(const struct lookup *l)
{
	const char *name = docker_name_below(l, "/var/lib/docker"), *base;
	char path[PATH_MAX];
	json_t *config;

	if (!name && l->home[0]) {
		snprintf(path, sizeof(path), "%s/.local/share/docker", l->home);
		name = docker_name_below(l, path);
	}
	if (name)
		return name;
	snprintf(path, sizeof(path), "%s/etc/docker/daemon.json", l->root);
	config = read_json(path);
	base = text_of(config, "data-root");
	if (base)
		name = docker_name_below(l, base);
	json_decref(config);
	return name;
}

/* [{"id": "…", "names": ["web"], …}, …]: podman and cri-o (containers/storage) */
static const char *storage_name_in(const struct lookup *l, const char *path)
{
	json_t *all = read_json(path);
	const char *found = NULL;

	for (size_t i = 0; !found && i < json_array_size(all); i++) {
		const json_t *one = json_array_get(all, i);
		const char *id = text_of(one, "id"), *name = json_string_value(json_array_get(
							     json_object_get(one, "names"), 0));

		if (id && name && !strcmp(id, l->id))
			found = arena_strdup(l->arena, name);
	}
	json_decref(all);
	return found;
}

static const char *storage_name(const struct lookup *l)
{
	static const char *const files[] = {"containers.json", "volatile-containers.json"};
	const char *found = NULL;
	char path[PATH_MAX];

	for (size_t i = 0; !found && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/var/lib/containers/storage/overlay-containers/%s",
			 l->root, files[i]);
		found = storage_name_in(l, path);
		if (found || !l->home[0])
			continue;
		snprintf(path, sizeof(path),
			 "%s%s/.local/share/containers/storage/overlay-containers/%s", l->root,
			 l->home, files[i]);
		found = storage_name_in(l, path);
	}
	return found;
}

/* Calls `use` for each entry of a directory until it finds something. */
static const char *in_each(const struct lookup *l, const char *path,
			   const char *(*use)(const struct lookup *, const char *path))
{
	DIR *dir = opendir(path);
	const char *found = NULL;
	const struct dirent *e;
	char below[PATH_MAX];

	while (dir && !found && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if ((size_t)snprintf(below, sizeof(below), "%s/%s", path, e->d_name) <
		    sizeof(below))
			found = use(l, below);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* What Kubernetes calls it, pod/container, or else what nerdctl does: annotations of the bundle */
static const char *bundle_name(const struct lookup *l, const char *namespace)
{
	const char *pod, *container, *found = NULL;
	char path[PATH_MAX + 300];
	json_t *config, *notes;

	snprintf(path, sizeof(path), "%s/%s/config.json", namespace, l->id);
	config = read_json(path);
	notes = json_object_get(config, "annotations");
	pod = text_of(notes, "io.kubernetes.cri.sandbox-name");
	container = text_of(notes, "io.kubernetes.cri.container-name");
	if (pod && container)
		found = arena_printf(l->arena, "%s/%s", pod, container);
	else if (pod)
		found = arena_printf(l->arena, "%s/pause", pod);
	else if (text_of(notes, "nerdctl/name"))
		found = arena_strdup(l->arena, text_of(notes, "nerdctl/name"));
	json_decref(config);
	return found;
}

static const char *containerd_name(const struct lookup *l)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/run/containerd/io.containerd.runtime.v2.task", l->root);
	return in_each(l, path, bundle_name);
}

/* /var/lib/nerdctl/ADDRESS/names/NAMESPACE/NAME holds the id */
static const char *nerdctl_name_in(const struct lookup *l, const char *path)
{
	_cleanup_(freep) char *text = NULL;

	if (fs_read_file(AT_FDCWD, path, 4096, &text, NULL) ||
	    strncmp(text, l->id, strlen(l->id)) != 0)
		return NULL;
	return arena_strdup(l->arena, strrchr(path, '/') + 1);
}

static const char *nerdctl_namespace(const struct lookup *l, const char *path)
{
	return in_each(l, path, nerdctl_name_in);
}

static const char *nerdctl_address(const struct lookup *l, const char *path)
{
	char names[PATH_MAX];

	if ((size_t)snprintf(names, sizeof(names), "%s/names", path) >= sizeof(names))
		return NULL;
	return in_each(l, names, nerdctl_namespace);
}

static const char *nerdctl_name(const struct lookup *l)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/var/lib/nerdctl", l->root);
	return in_each(l, path, nerdctl_address);
}

/* An id is of one engine only, so all may be asked. */
static const char *(*const sources[])(const struct lookup *) = {
	docker_name,
	storage_name,
	containerd_name,
	nerdctl_name,
};

/* …/user-1000.slice/…: whose engine it is */
static void find_home(struct lookup *l, const char *cgroup)
{
	const char *slice = strstr(cgroup, "/user-");
	const struct passwd *who;
	unsigned uid;

	if (!slice || sscanf(slice, "/user-%u.slice", &uid) != 1)
		return;
	who = getpwuid(uid);
	if (who)
		snprintf(l->home, sizeof(l->home), "%s", who->pw_dir);
}

const char *container_name(struct arena *arena, const char *root, const char *cgroup,
			   const char *id)
{
	struct lookup l = {.arena = arena, .root = root, .id = id};
	const char *name = NULL;

	if (!is_hex_id(id, strlen(id)))
		return arena_strdup(arena, id); /* its engine calls it by its name */
	find_home(&l, cgroup);
	for (size_t i = 0; !name && i < sizeof(sources) / sizeof(sources[0]); i++)
		name = sources[i](&l);
	return name;
}
