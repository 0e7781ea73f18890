/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_KERN_H
#define PISTE_KERN_KERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/fs.h"
#include "kern/event.h"

/*
 * kern - events of the kernel, as a recording takes them.
 *
 *	kern_open(&k, &options, diag);		chooses events; programs are made and loaded
 *	kern_start(k, diag);			attaches them: events come from here on
 *	kern_read(k, cpu, &records) …		the bytes that are ready; then kern_consume
 *	kern_stop(k);				detaches; what is in the rings stays to be read
 *	kern_lost(k, cpu), kern_consume …
 *	kern_free(k);				nothing is left in the kernel
 *
 * Everything hangs on descriptors of this process: when it is killed, the
 * kernel detaches all of it.
 */
struct kern;

enum kern_scope_kind {
	KERN_SCOPE_TASKS, /* kern_add_task, and all that these start */
	KERN_SCOPE_CGROUP, /* all below cgroup_path */
	KERN_SCOPE_SYSTEM, /* all but this process */
};

/* Of a filter, in postfix order: the fields of the event at hand are compared before there is a
 * record. An event that lacks a field does not match. */
enum kern_filter_op {
	KERN_FILTER_INT, /* push number */
	KERN_FILTER_FIELD, /* push the integer field `text` of the event; also pid tid cpu */
	KERN_FILTER_BINARY, /* pop two, push one; `binary`: "==" "<" "&" "+" … ; "&&" "||" too */
	KERN_FILTER_NOT,
	KERN_FILTER_GLOB, /* push: text field `text` matches `glob` ('*' at either end, or none) */
};
struct kern_filter_step {
	enum kern_filter_op op;
	int64_t number;
	char binary[3];
	bool is_unsigned;
	const char *text, *glob;
};

struct kern_catalog;

struct kern_options {
	/* Names, globs with or without "k:", '!' in front excludes; none: the events that an
	 * analysis of time needs. "syscall:openat" is its entry and its exit. */
	const char *const *rules;
	size_t n_rules;
	enum kern_scope_kind scope;
	const char *cgroup_path;
	const struct kern_filter_step *filter; /* n_filter steps; 0: none */
	size_t n_filter;
	uint64_t ring_bytes; /* a CPU, at most 256 MiB; 0: 8 MiB, less where memory is small */
	uint64_t max_rate; /* of each event, a second and CPU; 0: no limit */
	uint64_t sample_hz; /* of each CPU; 0: none */
	/* One that kern_catalog_new made with these rules, which kern_open takes over also when it
	 * fails, and saves making it again; or NULL. */
	struct kern_catalog *catalog;
};

/*
 * -EPERM without the rights (the diag says which, and how to get them), -ENOENT
 * when a rule names no event (with the nearest name), -EOPNOTSUPP when this kernel
 * cannot; 0 with *out NULL when the rules want nothing of the kernel.
 */
int kern_open(struct kern **out, const struct kern_options *options, struct diag *diag);
/* Before or after start; its id in the caller's PID namespace. */
int kern_add_task(struct kern *k, uint32_t tid);
int kern_start(struct kern *k, struct diag *diag);
void kern_stop(struct kern *k);
void kern_free(struct kern *k);

/* All that may come, with their ids from 0; constant after kern_open. */
const struct kern_event *kern_events(const struct kern *k, size_t *n);
/* Records come in streams, each of one CPU: 0 … kern_cpus - 1 are our programs' on CPU 0 … ; when
 * events are read from tracefs, as many follow for them. */
unsigned kern_streams(const struct kern *k);
unsigned kern_stream_cpu(const struct kern *k, unsigned stream);
/* Whole records, in the order of time but for nested ones (an interrupt within a record); each
 * begins at a multiple of 8. Those with the id KERN_ID_PAD are to be stepped over. Borrowed until
 * kern_consume, which may take some of them. */
struct span kern_read(struct kern *k, unsigned stream);
void kern_consume(struct kern *k, unsigned stream, size_t bytes);
/* Events so far for which there was no room; and those that max_rate kept away. */
uint64_t kern_lost(const struct kern *k, unsigned stream);
uint64_t kern_limited(const struct kern *k);
/* Events that the kernel left out since one of the same kind was at work on that CPU (an
 * interrupt, mostly): lost as well. A system call a program: ask now and then, not always. */
uint64_t kern_missed(const struct kern *k);

/*
 * All that this kernel offers, for people to see; no rights are needed for most of it.
 */
int kern_catalog_open(struct kern_catalog **out, struct diag *diag);
/* The same, and what these rules may ask for only by name (kfunc:…: there are too many). */
int kern_catalog_new(struct kern_catalog **out, const struct kern_options *options,
		     struct diag *diag);
void kern_catalog_close(struct kern_catalog *c);
size_t kern_catalog_len(const struct kern_catalog *c);
const char *kern_catalog_name(const struct kern_catalog *c, size_t i);
/* Its fields; borrowed of the catalog. 0 or negative errno. */
int kern_catalog_event(struct kern_catalog *c, size_t i, struct kern_event *out, struct diag *diag);

#endif
