/* SPDX-License-Identifier: MIT */
#ifndef PISTE_TESTS_FAKE_ROOT_H
#define PISTE_TESTS_FAKE_ROOT_H

/*
 * fake_root - a directory that stands in for / : files and directories from a
 * table, and cgroups.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

struct fake_file {
	const char *path, *text;
};

static char fake_root[64];

static bool fake_write(const char *path, const char *text)
{
	char full[4096], *slash;

	snprintf(full, sizeof(full), "%s%s", fake_root, path);
	slash = strrchr(full, '/');
	*slash = '\0';
	if (fs_make_dirs(full))
		return false;
	*slash = '/';
	return fs_write_file(AT_FDCWD, full, text, strlen(text)) == 0;
}

/* A cgroup and those above it. */
static bool fake_cgroup(const char *mount, const char *name)
{
	char path[4096];

	for (const char *p = name; p; p = strchr(p + 1, '/')) {
		snprintf(path, sizeof(path), "%s%.*s/cgroup.procs", mount, (int)(p - name), name);
		if (!fake_write(path, ""))
			return false;
	}
	snprintf(path, sizeof(path), "%s%s/cgroup.procs", mount, name);
	return fake_write(path, "");
}

static bool fake_root_make(const struct fake_file *files)
{
	strcpy(fake_root, "/tmp/piste-test-root-XXXXXX");
	if (!mkdtemp(fake_root))
		return false;
	for (; files && files->path; files++)
		if (!fake_write(files->path, files->text))
			return false;
	return true;
}

static void fake_root_remove(void)
{
	fs_remove_tree(fake_root);
}

#endif
