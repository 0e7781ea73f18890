/* SPDX-License-Identifier: MIT */
/*
 * The directory of a new trace: nothing that is not a trace is ever replaced.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "session/recorder.h"

static bool has_file(const char *dir, const char *name)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0;
}

int trace_dir_make(const char *dir, bool force, struct diag *diag)
{
	struct stat st;
	int err;

	if (stat(dir, &st) < 0) {
		err = fs_make_dirs(dir);
		if (err) {
			diag_error(diag, NULL, "cannot make %s: %s", dir, strerror(-err));
			if (err == -EROFS || err == -EACCES)
				diag_hint(diag, "-o DIR puts the trace elsewhere");
		}
		return err;
	}
	if (!S_ISDIR(st.st_mode)) {
		diag_error(diag, NULL, "%s exists, and is not a directory", dir);
		return -ENOTDIR;
	}
	if (!fs_dir_is_empty(dir)) {
		bool is_trace = has_file(dir, "metadata") || has_file(dir, "snapshot-1/metadata");

		if (!is_trace) {
			diag_error(diag, NULL, "%s is not empty, and no trace", dir);
			diag_hint(diag, "choose another with -o DIR");
			return -EEXIST;
		}
		if (!force) {
			diag_error(diag, NULL, "%s holds a trace already", dir);
			diag_hint(diag, "--force replaces it; -o DIR puts the new one elsewhere");
			return -EEXIST;
		}
		err = fs_remove_tree(dir);
		if (!err)
			err = fs_make_dirs(dir);
		if (err) {
			diag_error(diag, NULL, "cannot replace %s: %s", dir, strerror(-err));
			return err;
		}
	}
	if (access(dir, W_OK | X_OK) < 0) {
		err = -errno;
		diag_error(diag, NULL, "cannot write to %s: %s", dir, strerror(-err));
		diag_hint(diag, "-o DIR puts the trace elsewhere");
		return err;
	}
	return 0;
}
