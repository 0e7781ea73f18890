/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_LOAD_H
#define PISTE_KERN_LOAD_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/vec.h"
#include "bpf/asm.h"

/*
 * load - maps and programs in the kernel; bpf(2) and nothing above it.
 *
 * Everything is a descriptor: closing it undoes it.
 */
struct btf_index;

struct kern_map_spec {
	enum bpf_map_type type;
	const char *name; /* at most 15 characters */
	uint32_t key_size, value_size, max_entries, flags;
};

struct kern_map {
	int fd;
	void *memory; /* of a BPF_F_MMAPABLE array, or NULL */
	size_t memory_size;
	size_t stride; /* from one entry of it to the next */
};

/* Maps by the numbers that code uses: asm_load_map(&a, reg, number). All-zero is empty. */
struct kern_maps {
	struct VEC(struct kern_map) items;
};

/* The new map's number, or negative errno. A mmapable array is mapped too. */
int kern_maps_add(struct kern_maps *maps, const struct kern_map_spec *spec, struct diag *diag);
void kern_maps_fini(struct kern_maps *maps);

struct kern_load {
	enum bpf_prog_type type;
	enum bpf_attach_type attach; /* BPF_TRACE_RAW_TP for tp_btf, … */
	uint32_t btf_id; /* of what it is attached to; 0: none */
	bool is_sleepable;
	const char *name; /* at most 15 characters; others are replaced */
};

/* A descriptor, or negative errno. When the kernel refuses, the diag has its reason: its log of
 * checking the program, since that is a mistake of ours. */
int kern_load(const struct kern_load *load, const struct bpf_asm *a, const struct kern_maps *maps,
	      struct diag *diag);
/* To what it was loaded for (`target` is for messages), or to a tracepoint by its name: a descriptor
 * of the link, or negative errno. */
int kern_attach_btf(int program, const char *target, struct diag *diag);
int kern_attach_raw(int program, const char *tracepoint, struct diag *diag);

/* How often the kernel left this program out since it was at work already. */
uint64_t kern_program_misses(int program);

#endif
