/* SPDX-License-Identifier: MIT */
#include "script/binaries.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* libc.so is a script for the linker. */
static bool is_elf(const char *path)
{
	char magic[4] = "";
	FILE *file = is_file(path) ? fopen(path, "re") : NULL;
	bool yes = file && fread(magic, 1, 4, file) == 4 && !memcmp(magic, "\177ELF", 4);

	if (file)
		fclose(file);
	return yes;
}

static bool find_program(struct str *path, const char *name)
{
	const char *at = getenv("PATH");

	while (at && *at) {
		size_t len = strcspn(at, ":");

		str_reset(path);
		str_addf(path, "%.*s/%s", (int)len, at, name);
		if (is_file(str_c(path)) && access(str_c(path), X_OK) == 0)
			return true;
		at += len + (at[len] == ':');
	}
	return false;
}

static bool find_library(struct str *path, const char *name)
{
	static const char *const places[] = {
		"/lib/*-linux-gnu", "/usr/lib/*-linux-gnu", "/lib64", "/usr/lib64", "/lib",
		"/usr/lib"};
	static const char *const endings[] = {".so.*", ".so"};
	struct str pattern = {0};
	bool found = false;

	for (size_t p = 0; !found && p < sizeof(places) / sizeof(places[0]); p++)
		for (size_t f = 0; !found && f < 4; f++) {
			glob_t matches = {0};

			str_reset(&pattern);
			str_addf(&pattern, f & 2 ? "%s/lib%s%s" : "%s/%s%s", places[p], name,
				 endings[f & 1]);
			if (glob(str_c(&pattern), 0, NULL, &matches) == 0)
				for (size_t i = 0; !found && i < matches.gl_pathc; i++) {
					found = is_elf(matches.gl_pathv[i]);
					str_reset(path);
					str_add(path, matches.gl_pathv[i]);
				}
			globfree(&matches);
		}
	str_fini(&pattern);
	return found;
}

bool binary_find(struct str *path, const char *name)
{
	if (strchr(name, '/')) {
		str_reset(path);
		str_add(path, name);
		return is_file(name);
	}
	return find_program(path, name) || find_library(path, name);
}
