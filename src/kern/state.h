/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_STATE_H
#define PISTE_KERN_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/str.h"
#include "kern/container.h"
#include "kern/event.h"

/*
 * state - the system as a recording finds it, so that analyses need not guess:
 * which threads there are and where they belong, open files, mounts, block
 * devices, interrupts, CPUs, network interfaces.
 *
 *	state_take(&options, visit, ctx, diag);
 *
 * calls visit once an item, with one of the structs below; state_add_payload
 * packs such a struct as the payload of a record whose fields state_events[kind]
 * describes, so that a recording needs no code of its own for any of them.
 *
 * It is no snapshot: the system goes on meanwhile. Take it once events are
 * being recorded; what changes afterwards is in the events.
 */
#define STATE_KINDS(X)                                                                             \
	X(TASK, task)                                                                              \
	X(FILE, file)                                                                              \
	X(MOUNT, mount)                                                                            \
	X(BLOCK_DEVICE, block_device)                                                              \
	X(INTERRUPT, interrupt)                                                                    \
	X(CPU, cpu)                                                                                \
	X(INTERFACE, interface)

enum state_kind {
#define X(KIND, kind) STATE_##KIND,
	STATE_KINDS(X)
#undef X
		STATE_N_KINDS,
};

enum state_status { /* with LTTng's numbers */
		    STATE_READY = 2, /* or running */
		    STATE_ZOMBIE = 4,
		    STATE_WAITS = 5, /* asleep or stopped */
		    STATE_DEAD = 7,
};

struct state_numbers {
	const uint32_t *items;
	uint32_t n;
};

/* "state:task": a thread. Fields are called as in LTTng's state dumps where those have them. */
struct state_task {
	uint32_t tid, pid, ppid;
	const char *name; /* its comm */
	uint8_t type; /* 0: of a process, 1: of the kernel */
	uint8_t status; /* enum state_status */
	uint8_t state; /* the same as ps has it: 'R' 'S' 'D' 'T' 't' 'Z' 'X' 'I' 'P' */
	uint32_t cpu; /* on which it ran last */
	int32_t priority; /* of the kernel: 0…99 real time, 120 nice 0 */
	uint64_t start_ns; /* since boot (CLOCK_BOOTTIME); in steps of 10 ms from /proc */
	/* As each pid namespace knows them, from the recorder's to its own: one each at least */
	struct state_numbers ns_tids, ns_pids;
	uint64_t cgroup_id; /* of version 2, as events have it; 0: not known */
	const char *cgroup; /* the name that says most, of version 1 or 2; "" not known */
	const char *container_id, *container; /* and its name; "" none, or not known */
};

/* "state:file": an open one */
struct state_file {
	uint32_t pid;
	int32_t fd;
	uint32_t flags; /* of open(2) */
	const char *filename; /* "socket:[123]", "pipe:[124]", "anon_inode:[eventfd]" without one */
};

/* "state:mount": of one process's view; those of its mount namespace are the same */
struct state_mount {
	uint32_t pid; /* whose view */
	uint64_t namespace; /* inode of its mount namespace */
	uint32_t id, parent;
	uint32_t device_major, device_minor;
	const char *root, *point, *fstype, *source;
};

/* "state:block_device": disks and partitions */
struct state_block_device {
	uint32_t dev; /* as events have it: major << 20 | minor */
	uint32_t device_major, device_minor;
	const char *diskname;
	uint64_t size_bytes;
};

/* "state:interrupt" */
struct state_interrupt {
	uint32_t irq;
	const char *name; /* its chip: "PCI-MSI" */
	const char *action; /* who handles it: "nvme0q1", "virtio0-input.0,eth0" */
};

/* "state:cpu" */
struct state_cpu {
	uint32_t cpu;
	uint8_t online;
	uint32_t package, core, node;
	uint32_t thread; /* among those of its core */
	uint64_t max_khz; /* 0: not known */
};

/* "state:interface": of the recorder's network namespace */
struct state_interface {
	uint32_t ifindex;
	const char *name;
	const char *address; /* of its hardware */
	uint32_t mtu;
	uint8_t is_up;
};

enum state_source {
	STATE_FROM_CHEAPEST, /* of the two below */
	STATE_FROM_PROC,
	STATE_FROM_ITERATORS, /* of BPF, where they can be had and all processes are asked for */
};

struct state_options {
	const uint32_t *pids; /* of these processes only, with their threads; n_pids 0: all */
	size_t n_pids;
	enum state_source source; /* of tasks and files */
	bool no_files; /* leaves open files out: they are most of the work */
	struct containers *containers; /* for names; NULL: looked up anew */
};

/* What each of them holds; `id` is the kind, for the caller to move. */
extern const struct kern_event state_events[STATE_N_KINDS];

/*
 * item: the struct of its kind, borrowed during the call. A visit that returns other
 * than 0 ends it with that. What this user may not see is left out. 0, or the first
 * error that left nothing of a kind to be seen.
 */
int state_take(const struct state_options *options,
	       int (*visit)(void *ctx, enum state_kind kind, const void *item), void *ctx,
	       struct diag *diag);

/* Appends the payload of a record, packed as event.h says. */
void state_add_payload(struct str *out, enum state_kind kind, const void *item);

#endif
