/* SPDX-License-Identifier: MIT */
/*
 * tracefs-instance.c - the name holds the pid and the start time of its maker,
 * so that a pid that was given again is not taken for it. The kernel refuses to
 * remove an instance while files below it are open: one in use is safe anyhow.
 */
#include "kern/tracefs-instance.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

#define PREFIX "piste-"

enum {
	STAT_MAX = 4096,
	PATH_BYTES = 300, /* instances/ and a name */
	BUSY_TRIES = 500, /* of 10 ms: until a dying process has closed its files */
	START_TIME_FIELD = 22, /* of /proc/PID/stat, proc(5) */
};

/* --- names ------------------------------------------------------------------------ */

/* When a process started, in ticks since boot; 0: there is none. */
static uint64_t start_time(pid_t pid)
{
	_cleanup_(freep) char *text = NULL;
	char path[64], *p;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fs_read_file(AT_FDCWD, path, STAT_MAX, &text, &len))
		return 0;
	p = strrchr(text, ')'); /* its name may hold anything */
	for (int field = 2; p && field < START_TIME_FIELD; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p ? strtoull(p, NULL, 10) : 0;
}

/* Whether the maker of an instance is gone for certain. */
static bool is_stale(const char *name)
{
	unsigned long long started;
	unsigned pid, number;
	int end = 0;

	if (sscanf(name, PREFIX "%u-%llu-%u%n", &pid, &started, &number, &end) != 3 || name[end])
		return false; /* not ours */
	return start_time((pid_t)pid) != started;
}

static int remove_instance(int root, const char *name)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof(path), "instances/%s", name);
	return unlinkat(root, path, AT_REMOVEDIR) ? -errno : 0;
}

unsigned tracefs_remove_stale(const struct tracefs *t)
{
	int fd = openat(t->fd, "instances", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned n = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(dir)))
		if (is_stale(entry->d_name))
			n += !remove_instance(t->fd, entry->d_name);
	closedir(dir);
	return n;
}

/* --- the guard --------------------------------------------------------------------- */

/* In the child, which shares nothing but the two descriptors: async-signal-safe calls only. */
static void guard(int root, int pipe_end, const char *path)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
	sigset_t all;
	char byte;

	sigfillset(&all); /* a terminal's ^C, a session's end: only our maker's end counts */
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "piste-guard");
	root = fcntl(root, F_DUPFD, 3);
	pipe_end = fcntl(pipe_end, F_DUPFD, 3);
	dup2(root, 0);
	dup2(pipe_end, 1);
	close_range(2, ~0u, 0); /* Linux 5.9; before it, they stay open and do no harm */
	while (read(1, &byte, 1) < 0 && errno == EINTR)
		;
	for (int i = 0; i < BUSY_TRIES && unlinkat(0, path, AT_REMOVEDIR) && errno == EBUSY; i++)
		nanosleep(&pause, NULL);
	_exit(0);
}

/* A child of which nobody hears: it sends no signal, and waitpid without __WCLONE passes it by. */
static int start_guard(struct tracefs_instance *i)
{
	char path[PATH_BYTES];
	int ends[2];

	snprintf(path, sizeof(path), "instances/%s", i->name);
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	i->guard = (pid_t)syscall(SYS_clone, 0L, NULL, NULL, NULL, NULL);
	if (!i->guard) {
		close(ends[1]);
		guard(i->root, ends[0], path);
	}
	close(ends[0]);
	i->guard_pipe = ends[1];
	return i->guard < 0 ? -errno : 0;
}

static void end_guard(struct tracefs_instance *i)
{
	if (i->guard_pipe >= 0)
		close(i->guard_pipe);
	if (i->guard > 0)
		while (waitpid(i->guard, NULL, __WCLONE) < 0 && errno == EINTR)
			;
}

/* --- the instance ------------------------------------------------------------------ */

static int set_up(struct tracefs_instance *i, const struct tracefs_instance_options *o)
{
	char kib[32];
	int rc;

	snprintf(kib, sizeof(kib), "%llu", (unsigned long long)(o->ring_bytes / 1024));
	rc = tracefs_write(i->dir, "tracing_on", "0");
	if (!rc)
		rc = tracefs_write(i->dir, "trace_clock", o->clock);
	if (!rc) /* when full, the new events are lost, and each is counted */
		rc = tracefs_write(i->dir, "options/overwrite", "0");
	if (!rc && o->follow_forks)
		rc = tracefs_write(i->dir, "options/event-fork", "1");
	if (!rc)
		rc = tracefs_write(i->dir, "options/disable_on_free", "1");
	if (!rc)
		rc = tracefs_write(i->dir, "buffer_size_kb", kib);
	if (rc)
		return rc;
	i->free_buffer = openat(i->dir, "free_buffer", O_WRONLY | O_CLOEXEC);
	return i->free_buffer < 0 ? -errno : 0;
}

int tracefs_instance_make(struct tracefs_instance *out, const struct tracefs *t,
			  const struct tracefs_instance_options *options, struct diag *diag)
{
	static unsigned number; /* of this process, for two at a time */
	struct diag_place place = {.file = "tracefs"};
	char path[PATH_BYTES];
	int rc;

	tracefs_remove_stale(t);
	*out = (struct tracefs_instance){
		.root = t->fd, .dir = -1, .free_buffer = -1, .guard_pipe = -1, .guard = -1};
	snprintf(out->name, sizeof(out->name), PREFIX "%d-%llu-%u", (int)getpid(),
		 (unsigned long long)start_time(getpid()), ++number);
	snprintf(path, sizeof(path), "instances/%s", out->name);
	rc = start_guard(out);
	if (!rc && mkdirat(t->fd, path, 0700))
		rc = -errno;
	if (!rc) {
		out->dir = openat(t->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = out->dir < 0 ? -errno : set_up(out, options);
	}
	if (!rc)
		return 0;
	tracefs_instance_fini(out);
	diag_error(diag, &place, "an instance for %s: %s", out->name, strerror(-rc));
	if (rc == -ENOMEM)
		diag_hint(diag, "a smaller --buffer needs less memory on each CPU");
	return rc;
}

int tracefs_instance_run(struct tracefs_instance *i, bool on)
{
	return tracefs_write(i->dir, "tracing_on", on ? "1" : "0");
}

void tracefs_instance_fini(struct tracefs_instance *i)
{
	if (!i->name[0])
		return;
	if (i->free_buffer >= 0)
		close(i->free_buffer);
	if (i->dir >= 0)
		close(i->dir);
	remove_instance(i->root, i->name);
	end_guard(i);
	*i = (struct tracefs_instance){0};
}
