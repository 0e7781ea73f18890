/* SPDX-License-Identifier: MIT */
#include "kern/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MOUNTED "/sys/kernel/tracing"

enum { LIST_MAX = 4 << 20 };

/* --- the mount -------------------------------------------------------------------- */

/* A descriptor of a mount that stands in no directory; or negative errno. */
static int mount_detached(void)
{
	int context = fsopen("tracefs", FSOPEN_CLOEXEC), fd = -1, rc;

	if (context < 0)
		return -errno;
	if (!fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		fd = fsmount(context, FSMOUNT_CLOEXEC,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	rc = fd < 0 ? -errno : fd;
	close(context);
	return rc;
}

/* What somebody mounted; or negative errno. */
static int open_mounted(void)
{
	struct statfs st;
	int fd = open(MOUNTED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!fstatfs(fd, &st) && (unsigned long)st.f_type == TRACEFS_MAGIC &&
	    !faccessat(fd, "events", R_OK, AT_EACCESS))
		return fd;
	close(fd);
	return -ENOENT;
}

int tracefs_open(struct tracefs *t, struct diag *diag)
{
	int mounted, rc = mount_detached();

	t->fd = rc;
	if (rc >= 0)
		return 0;
	mounted = open_mounted();
	t->fd = mounted;
	if (mounted >= 0)
		return 0;
	if (rc == -ENODEV) {
		diag_error(diag, NULL, "this kernel has no tracefs");
		diag_hint(diag, "CONFIG_EVENT_TRACING is needed for tracepoints by name");
	} else if (rc == -EPERM) {
		diag_error(diag, NULL, "tracepoints by name need CAP_SYS_ADMIN: run as root");
	} else {
		diag_error(diag, NULL, "tracefs: %s", strerror(-rc));
		diag_hint(diag, "mount -t tracefs tracefs " MOUNTED " helps on kernels before 5.2");
	}
	return rc;
}

void tracefs_fini(struct tracefs *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

int tracefs_read(int dirfd, const char *path, char **text, size_t *len)
{
	return fs_read_file(dirfd, path, LIST_MAX, text, len);
}

int tracefs_write(int dirfd, const char *path, const char *text)
{
	int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	ssize_t n;
	int rc;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	rc = n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
	close(fd);
	return rc;
}

/* --- tracepoints -------------------------------------------------------------------- */

static int compare_points(const void *a, const void *b)
{
	return strcmp(((const struct tracepoint *)a)->name, ((const struct tracepoint *)b)->name);
}

static bool is_name(const char *text)
{
	const char *colon = strchr(text, ':');

	/* the name becomes a path, and the text is the kernel's */
	return colon && colon > text && colon[1] && !strchr(text, '/') && text[0] != '.' &&
	       colon[1] != '.';
}

int tracepoints_load(struct tracepoints *out, const struct tracefs *t, struct diag *diag)
{
	_cleanup_(freep) char *text = NULL;
	char *line, *rest = NULL;
	size_t len;
	int rc;

	*out = (struct tracepoints){0};
	rc = tracefs_read(t->fd, "available_events", &text, &len);
	if (rc) {
		diag_error(diag, &(struct diag_place){.file = "available_events"}, "%s",
			   strerror(-rc));
		return rc;
	}
	for (line = strtok_r(text, "\n", &rest); !rc && line; line = strtok_r(NULL, "\n", &rest)) {
		struct tracepoint point = {.name = line};

		if (!is_name(line) || !strncmp(line, "syscalls:", 9))
			continue;
		point.name = arena_strdup(&out->arena, line);
		rc = !point.name || vec_push(&out->items, point) ? -ENOMEM : 0;
	}
	if (rc)
		tracepoints_fini(out);
	else if (out->items.len)
		qsort(out->items.items, out->items.len, sizeof(*out->items.items), compare_points);
	return rc;
}

void tracepoints_fini(struct tracepoints *p)
{
	vec_fini(&p->items);
	arena_fini(&p->arena);
}

struct tracepoint *tracepoints_find(struct tracepoints *p, const char *name)
{
	struct tracepoint key = {.name = name};

	if (!p->items.len)
		return NULL;
	return bsearch(&key, p->items.items, p->items.len, sizeof(key), compare_points);
}

int tracepoint_read_format(struct tracepoints *p, struct tracepoint *point, const struct tracefs *t,
			   const struct format_constants *constants, struct diag *diag)
{
	const char *colon = strchr(point->name, ':');
	_cleanup_(freep) char *text = NULL;
	char path[512];
	size_t len;
	int rc;

	if (point->has_format)
		return 0;
	snprintf(path, sizeof(path), "events/%.*s/%s/format", (int)(colon - point->name),
		 point->name, colon + 1);
	rc = tracefs_read(t->fd, path, &text, &len);
	if (rc) {
		diag_error(diag, &(struct diag_place){.file = path}, "%s", strerror(-rc));
		return rc;
	}
	rc = format_parse(&point->format, (struct span){(uint8_t *)text, len}, constants, &p->arena,
			  diag);
	point->has_format = !rc;
	return rc;
}
