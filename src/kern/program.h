/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_PROGRAM_H
#define PISTE_KERN_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/*
 * program - what is done with loaded programs and maps, beyond tracepoints
 * (load.h): run one now, attach to samples and to user functions, walk the
 * entries of a map, read a ring buffer. Descriptors undo what they made.
 */

/* Runs a raw tracepoint program once, now, on this CPU; 0 or negative errno. */
int kern_program_run(int program, struct diag *diag);

struct kern_sample {
	uint32_t type; /* PERF_TYPE_SOFTWARE, … */
	uint64_t config;
	uint64_t period; /* events, or for the CPU clock ns */
	int cpu; /* -1: the thread `pid` on any */
	int pid; /* -1: all */
	uint64_t cookie;
};
/* A descriptor, or negative errno. */
int kern_attach_sample(int program, const struct kern_sample *sample, struct diag *diag);

/* What a program for many probes at once must name when it is loaded (kern_load.attach): newer than
 * the headers that this is built with. */
enum { KERN_KPROBES = 42, KERN_UPROBES = 48 };

struct kern_uprobes {
	const char *file;
	const unsigned long *offsets; /* in the file */
	const unsigned long *semaphores; /* of USDT, 0: none; may be NULL */
	const uint64_t *cookies; /* may be NULL */
	size_t n;
	bool at_return;
	int pid; /* 0: all processes */
};
int kern_attach_uprobes(int program, const struct kern_uprobes *probes, struct diag *diag);

int kern_attach_kprobes(int program, const char *const *functions, const uint64_t *cookies,
			size_t n, bool at_return, struct diag *diag);

/* The key after `key` (NULL: the first) to `next`; false at the end. */
bool kern_map_next(int map, const void *key, void *next);
/* The value; of a per-CPU map one a CPU, each in a multiple of 8 bytes. 0 or negative errno. */
int kern_map_get(int map, const void *key, void *value);
int kern_map_set(int map, const void *key, const void *value);
int kern_map_delete(int map, const void *key);
int kern_map_freeze(int map); /* user space writes no more */
int kern_cpus(void); /* that per-CPU values have */

struct kern_records;
/* Calls `take` for each record of a BPF_MAP_TYPE_RINGBUF. */
int kern_records_open(struct kern_records **out, int map,
		      int (*take)(void *data, const void *record, size_t size), void *data);
/* All that are there now: how many, or what `take` returned below 0. */
int kern_records_read(struct kern_records *r);
void kern_records_free(struct kern_records *r);

#endif
