/* SPDX-License-Identifier: MIT */
#include "script/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool add_directory(struct str *out)
{
	static const char *const places[] = {"../share/piste/scripts", "../scripts"};
	const char *own = getenv("PISTE_SCRIPTS");
	char self[PATH_MAX], *slash;
	ssize_t n;

	str_reset(out);
	if (own) {
		str_add(out, own);
		return access(own, R_OK) == 0;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0)
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	for (size_t i = 0; i < 2; i++) {
		str_reset(out);
		str_addf(out, "%s/%s", self, places[i]);
		if (access(str_c(out), R_OK) == 0)
			return true;
	}
	return false;
}

int shelf_find(struct str *path, const char *name)
{
	if (strchr(name, '/') || !add_directory(path))
		return -ENOENT;
	str_addf(path, "/%s.bt", name);
	return path->failed ? -ENOMEM : access(str_c(path), R_OK) ? -ENOENT : 0;
}

static int is_script(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 3 && !strcmp(entry->d_name + len - 3, ".bt");
}

/* Its first line is "// NAME: what it is". */
static void add_line(struct str *out, const char *directory, const char *file)
{
	struct str path = {0};
	char line[256] = "";
	const char *what;
	FILE *stream;

	str_addf(&path, "%s/%s", directory, file);
	stream = fopen(str_c(&path), "re");
	if (stream && !fgets(line, sizeof(line), stream))
		line[0] = '\0';
	if (stream)
		fclose(stream);
	line[strcspn(line, "\n")] = '\0';
	what = strstr(line, ": ");
	str_addf(out, "%-12.*s %s\n", (int)strlen(file) - 3, file, what ? what + 2 : "");
	str_fini(&path);
}

int shelf_list(struct str *out)
{
	struct str directory = {0};
	struct dirent **entries = NULL;
	int n = -1;

	if (add_directory(&directory))
		n = scandir(str_c(&directory), &entries, is_script, alphasort);
	for (int i = 0; i < n; i++) {
		add_line(out, str_c(&directory), entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	str_fini(&directory);
	return n < 0 ? -ENOENT : 0;
}
