/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_LAUNCH_H
#define PISTE_SESSION_LAUNCH_H

#include <limits.h>
#include <stdbool.h>
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#include <piste/wire/pool.h>

#include "base/diag.h"

/*
 * launch - where programs find a session from their first instruction on: a
 * private directory with the session's bytes and a socket on which each new
 * pool is announced. And the command itself.
 */
struct launch {
	char dir[96]; /* "" when there is none */
	char file[108]; /* the registry file */
	char socket_path[PISTE_SOCKET_SIZE];
	int listener; /* -1 */
};

/* Makes the directory and the socket. */
int launch_init(struct launch *l, struct diag *diag);
/* Writes the registry file. */
int launch_publish(const struct launch *l, const struct piste_session *session, struct diag *diag);
/* Removes all of it. */
void launch_fini(struct launch *l);

struct launch_command {
	char *const *argv;
	const sigset_t *mask; /* of signals, for the command */
	const char *preload; /* library, or NULL */
	const char *wrap; /* value of PISTE_WRAP, or NULL */
	uint64_t open_files; /* the limit that it shall have; 0: as it is */
	/* The process is there, and waits: its first instruction comes when this has returned. */
	void (*on_child)(void *data, pid_t pid);
	void *data;
};
/* As execvp looks for it. */
bool launch_find_program(const char *name, char path[PATH_MAX]);
/* Starts the command; -errno with the reason in the diag. */
int launch_run(const struct launch *l, const struct launch_command *command, pid_t *pid,
	       struct diag *diag);

struct announcement {
	struct piste_hello hello;
	uint32_t pid, uid; /* by the kernel's word */
	int fd; /* the pool's; the caller's to close */
	int pidfd; /* -1: unknown */
};
void announcement_fini(struct announcement *a); /* closes what is >= 0 */
/* A connection that is waiting, or -EAGAIN. */
int launch_accept(const struct launch *l);
/* What came over a connection: 1; 0: it ended without; -EAGAIN: not yet there. */
int launch_receive(int connection, struct announcement *out);

#endif
