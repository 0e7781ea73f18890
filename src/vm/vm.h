/* SPDX-License-Identifier: MIT */
#ifndef PISTE_VM_VM_H
#define PISTE_VM_VM_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "bpf/asm.h"

/*
 * vm - our own machine for the BPF code that the kernel would run: over events
 * of user space, and over recorded traces.
 *
 * A pointer is not an address of ours: its upper 16 bits name a region (the
 * stack, the context, a map's values …), the lower 48 are an offset into it.
 * Each access is checked against its region, so that no program can reach
 * anything else, whatever it computes; a bad one ends the run. Programs are
 * looked through once, when they are loaded (vm_program_new): known
 * instructions, jumps that stay inside, an end. A run has a budget of
 * instructions. One thread at a time.
 */
struct vm;
struct vm_program;

enum vm_map_kind { VM_ARRAY, VM_HASH, VM_RING };

struct vm_map_spec {
	enum vm_map_kind kind;
	uint32_t key_size, value_size, max_entries;
};

/* What helpers say of the event at hand. */
struct vm_event {
	uint64_t time_ns, pid, tid, cpu, uid;
	const char *comm; /* or NULL */
};

struct vm_options {
	/* A record that was submitted to a ring; NULL drops them. */
	void (*record)(void *data, const void *bytes, size_t size);
	void *data;
	uint64_t max_insns; /* of a run; 0: a million */
};

int vm_new(struct vm **out, const struct vm_options *options);
void vm_free(struct vm *vm);

/* The map's number, in the order of calls, which code names it by; or negative errno. */
int vm_map_add(struct vm *vm, const struct vm_map_spec *spec);
/* The value of an array's entry, to be read and written from outside; NULL: there is none. */
void *vm_map_value(struct vm *vm, unsigned map, uint32_t index);
/* As in the kernel: the next key (NULL: the first); false at the end. */
bool vm_map_next(const struct vm *vm, unsigned map, const void *key, void *next);
int vm_map_get(const struct vm *vm, unsigned map, const void *key, void *value);
int vm_map_set(struct vm *vm, unsigned map, const void *key, const void *value);
int vm_map_delete(struct vm *vm, unsigned map, const void *key);

/* -EINVAL: the diag says which instruction, and why. */
int vm_program_new(struct vm_program **out, struct vm *vm, const struct bpf_insn *insns,
		   size_t n_insns, const struct bpf_reloc *relocs, size_t n_relocs,
		   struct diag *diag);
void vm_program_free(struct vm_program *p);

/* Bytes that the context may point to, until the next run: gives the pointer. At most 64 a run. */
uint64_t vm_expose(struct vm *vm, const void *bytes, size_t size);
void vm_hide_all(struct vm *vm);

/* 0, and what the program returned in *result (may be NULL); -EFAULT for a bad access, -ETIME when
 * it ran too long: it is ended, and what it did so far stays. */
int vm_run(struct vm *vm, const struct vm_program *p, void *context, size_t context_size,
	   const struct vm_event *event, uint64_t *result);

#endif
