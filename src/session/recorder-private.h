/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_RECORDER_PRIVATE_H
#define PISTE_SESSION_RECORDER_PRIVATE_H

/*
 * What the parts of a recorder know of each other:
 *
 *	recorder.c		its life, and the loop
 *	recorder-processes.c	processes that come and go
 *	recorder-output.c	packets on their way out, snapshots, the end
 *	recorder-kernel.c	the kernel's events
 */
#include <signal.h>
#include <sys/resource.h>

#include "base/map.h"
#include "base/vec.h"
#include "session/dump.h"
#include "session/flight.h"
#include "session/kernel.h"
#include "session/kernel-rules.h"
#include "session/launch.h"
#include "session/model.h"
#include "session/process.h"
#include "session/recorder.h"
#include "session/sink.h"

/* What an epoll event is about, in the low bits of its data; the rest is an fd. */
enum { TAG_SIGNAL = 1, TAG_LISTENER = 2, TAG_CONNECTION = 3, TAG_PROCESS = 4, TAG_BARE = 5 };

struct recorder {
	struct recorder_options options;
	struct piste_session session;
	struct model model;
	struct arena arena; /* the filter */
	struct dump dump;
	struct sink *sink; /* NULL while a flight recorder flies */
	struct flight *flight;
	struct launch launch;
	struct VEC(struct process *) processes;
	struct map by_pid, by_pidfd, by_inode; /* the same; of a pid the newest */
	struct VEC(struct announcement) announced; /* that wait to be looked at */
	struct ready_list ready;
	struct VEC(struct recorder_trouble) troubles;
	struct VEC(uint64_t) untold; /* losses that no packet told of, by stream class */
	struct VEC(char *) names; /* of sites that were seen, for suggestions */
	struct kern *kern; /* NULL: nothing of the kernel */
	struct kernel *kernel;
	uint64_t ring_bytes;
	unsigned bare; /* processes that we were asked for, that have no pool, and live */
	int epoll, signals;
	unsigned connections;
	sigset_t old_mask;
	bool mask_set;
	rlim_t old_open_files;

	pid_t child; /* 0: none */
	bool child_running;
	int child_status;
	uint64_t child_end_ns, expect_ns;
	bool expects; /* as it was found at expect_ns */

	bool stop; /* at the end of this round */
	unsigned interrupts;
	uint64_t interrupt_ns;
	uint64_t start_ns, second_ns, status_ns;
	uint64_t round_bytes;
	int wait_ms;
	bool snapshot_wanted, made_dir;
	bool filter_checked, tables_seen_sites, tables_matched, said_waiting, stop_failed;

	struct recorder_summary totals; /* of processes that are gone */
};

/* recorder.c */
void recorder_note(struct recorder *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int recorder_watch(struct recorder *r, int fd, unsigned tag);
/* Everything that is finished, or with PARTIAL everything that there is. */
int recorder_drain(struct recorder *r, enum collect what, struct diag *diag);
void recorder_reap(struct recorder *r);

/* recorder-processes.c */
/* A table that is new or grew: what the user asked for can be checked against it. */
int recorder_look_at_table(struct recorder *r, struct process *p, struct diag *diag);
void recorder_check_filter(struct recorder *r, const struct process *p, uint64_t now_ns,
			   struct diag *diag);
bool recorder_knows(const struct recorder *r, const struct pool *pool);
/* Takes pool and pidfd over. */
int recorder_add_process(struct recorder *r, struct pool *pool, uint32_t pid, int pidfd, int slot,
			 bool from_start, struct diag *diag);
/* Announcements: taken off the socket, and looked at later. */
bool recorder_receive(struct recorder *r, int connection);
void recorder_accept_all(struct recorder *r);
void recorder_add_announced(struct recorder *r, struct diag *diag);
void recorder_process_ended(struct recorder *r, int pidfd);
void recorder_close_dead(struct recorder *r, struct diag *diag);

/* recorder-output.c */
int recorder_emit(struct recorder *r, const struct packet *p);
void recorder_emit_dump(struct recorder *r);
/* What went wrong with the disk ends the recording, but not what it recorded. */
int recorder_flush(struct recorder *r, bool wait, struct diag *diag);
int recorder_snapshot(struct recorder *r, struct diag *diag);

/* recorder-kernel.c */
/* Chooses the kernel's events, where it may: 0 also without any, which is said in a note unless
 * the user asked for the kernel's by name. */
int recorder_open_kernel(struct recorder *r, struct diag *diag);
int recorder_start_kernel(struct recorder *r, struct diag *diag);
/* A process with all its threads, and all that they start from now on. */
int recorder_add_to_kernel(struct recorder *r, uint32_t pid);
/* What there is already: the state of the system, where it concerns the recording. */
int recorder_dump_state(struct recorder *r, struct diag *diag);
int recorder_drain_kernel(struct recorder *r, enum collect what, struct diag *diag);
/* Takes what is left, and lets go of the kernel. */
void recorder_stop_kernel(struct recorder *r);
void recorder_free_kernel(struct recorder *r);

#endif
