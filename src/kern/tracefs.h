/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_TRACEFS_H
#define PISTE_KERN_TRACEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"
#include "kern/format.h"
#include "kern/page.h"

/*
 * tracefs - the kernel's files for tracing, without a mount that anybody sees:
 * a detached one of our own (fsopen, fsmount; Linux 5.2), or what is mounted at
 * /sys/kernel/tracing. Paths are relative to its root.
 */
struct tracefs {
	int fd; /* of the root directory */
};

/* 0; or -EPERM, -ENOSYS, -ENODEV with the reason, and what to do, in the diag. */
int tracefs_open(struct tracefs *t, struct diag *diag);
void tracefs_fini(struct tracefs *t);
/* All-zero is not valid here, since 0 is a descriptor. */
#define TRACEFS_NONE                                                                               \
	(struct tracefs)                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Reads a file; *text is NUL-terminated, the caller's. 0 or negative errno. */
int tracefs_read(int dirfd, const char *path, char **text, size_t *len);
/* Writes it in one call, as these files want it; what was there stays where the file is a list. */
int tracefs_write(int dirfd, const char *path, const char *text);

/* --- tracepoints ----------------------------------------------------------------- */

struct tracepoint {
	const char *name; /* "sched:sched_switch" */
	struct format format;
	bool has_format; /* read by tracepoint_read_format */
};

struct tracepoints {
	struct arena arena;
	struct VEC(struct tracepoint) items; /* by name */
};

/* All that may be switched on; system calls, which the kernel lists as "syscalls:sys_enter_…", are
 * left out. 0 or negative errno. */
int tracepoints_load(struct tracepoints *out, const struct tracefs *t, struct diag *diag);
void tracepoints_fini(struct tracepoints *p);
struct tracepoint *tracepoints_find(struct tracepoints *p, const char *name);
/* Reads its fields, once. 0 or negative errno. */
int tracepoint_read_format(struct tracepoints *p, struct tracepoint *point, const struct tracefs *t,
			   const struct format_constants *constants, struct diag *diag);

#endif
