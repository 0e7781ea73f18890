/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_MAKER_H
#define PISTE_KERN_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fs.h"
#include "base/vec.h"
#include "kern/event.h"
#include "kern/kern.h"
#include "kern/limit.h"
#include "kern/load.h"
#include "kern/ring.h"
#include "kern/scope.h"

/*
 * maker - who makes events: one row in `kern_makers` (kern/makers.c).
 *
 *	kern_tables_maker	typed events of our own: one BPF program each, from tables
 *	kern_syscalls_maker	system calls
 *	kern_sample_maker	samples
 *	kern_functions_maker	functions of the kernel
 *	kern_tracefs_maker	every other tracepoint, by its `format` file
 *
 * A maker opens, which offers names; rules choose among all offers (the first
 * maker that offers a name has it); each chosen event is described once, and
 * then the maker makes all of its chosen events: it emits and loads programs
 * (kern/emit.h, kern_add_program), which kern.c attaches and detaches, or it has
 * rings of its own, and then fills in the second half of the table.
 */
struct btf_index;
struct kern_maker;

struct kern_offer {
	const char *name; /* "sched:sched_switch"; the maker's until it is closed */
	const char *alias; /* rules may say this too: "syscall:openat"; or NULL */
	bool is_default; /* taken when there are no rules */
	uint32_t index; /* the maker's own number for it */
	const struct kern_maker *maker; /* filled in by kern.c */
	void *state; /* by kern.c */
};
struct kern_offers VEC(struct kern_offer);

/* An event that was chosen; event.id is its place in kern_build.chosen. */
struct kern_chosen {
	struct kern_event event;
	const struct kern_maker *maker;
	uint32_t index; /* of the offer */
};

/* Where a program goes. */
enum kern_attach {
	KERN_ATTACH_NONE, /* reached by tail calls */
	KERN_ATTACH_TRACEPOINT, /* tp_btf: arguments are typed; `target` is the tracepoint's name */
	KERN_ATTACH_RAW, /* raw tracepoint */
	KERN_ATTACH_ENTRY, /* of the kernel's function `target` */
	KERN_ATTACH_RETURN,
	KERN_ATTACH_SAMPLE, /* perf software clock on each CPU, options->sample_hz */
};

struct kern_program {
	int fd;
	bool is_shared; /* the fd is an earlier one's */
	enum kern_attach attach;
	char target[64];
	uint32_t hz;
};

/* What makers build with. */
struct kern_build {
	const struct kern_options *options;
	const struct btf_index *btf; /* NULL on a kernel without it */
	struct arena *arena; /* lives as long as the kern */
	struct kern_chosen *chosen;
	size_t n_chosen;
	unsigned cpus;
	bool can_count; /* programs may read the preemption counter, see tables-context.c */
	struct kern_ring ring;
	struct kern_scope scope;
	struct kern_limit limit;
	struct kern_maps maps; /* what programs name by number; add more with kern_maps_add */
	struct VEC(struct kern_program) programs;
};

struct kern_maker {
	const char *name;
	/* When all that it offers is of this provider, and much: opened only when a rule begins with
	 * it. NULL: always. */
	const char *only_for;
	bool is_always_needed; /* make() is called though none of its events was chosen */
	/* Offers all it could make. Cheap: names only. btf may be NULL. A maker that can do nothing
	 * on this kernel or for this user offers nothing and says why in a note. */
	int (*open)(void **state, const struct btf_index *btf, struct kern_offers *offers,
		    struct diag *diag);
	/* Fills in *event but its id; what it points to lives as long as the arena or the state. */
	int (*describe)(void *state, uint32_t index, struct arena *arena, struct kern_event *event,
			struct diag *diag);
	/* Makes its events among build->chosen; called when there is one. */
	int (*make)(void *state, struct kern_build *build, struct diag *diag);
	void (*close)(void *state);

	/* The rest is for a maker with rings of its own; others leave them NULL. Records as in
	 * kern/event.h, each at a multiple of 8, times in CLOCK_MONOTONIC. */
	int (*add_task)(void *state, uint32_t tid);
	int (*start)(void *state, struct diag *diag);
	void (*stop)(void *state);
	struct span (*read)(void *state, unsigned cpu);
	void (*consume)(void *state, unsigned cpu, size_t bytes);
	uint64_t (*lost)(void *state, unsigned cpu);
	uint64_t (*limited)(void *state); /* kept away by max_rate */
};

extern const struct kern_maker *const kern_makers[];
extern const size_t kern_n_makers;

/* Loads a finished program, to be attached by kern_start; 0 or negative errno, *fd for tail calls
 * (borrowed; may be NULL). a is borrowed. */
struct bpf_asm;
int kern_add_program(struct kern_build *build, const struct bpf_asm *a, enum kern_attach attach,
		     const char *target, int *fd, struct diag *diag);
/* Attaches the program (fd, raw) to another tracepoint as well. */
int kern_attach_also(struct kern_build *build, int fd, const char *target);

#endif
