/* SPDX-License-Identifier: MIT */
#ifndef PISTE_VM_PRIVATE_H
#define PISTE_VM_PRIVATE_H

#include "vm/map.h"

/* private - what the files of the machine share. */
enum {
	VM_MAX_MAPS = 256,
	VM_MAX_EXPOSED = 64,
	VM_REGION_STACK = 1,
	VM_REGION_CONTEXT,
	VM_REGION_RECORD, /* the one that is being written */
	VM_REGION_EXPOSED,
	VM_REGION_MAPS = VM_REGION_EXPOSED + VM_MAX_EXPOSED,
	VM_REGIONS = VM_REGION_MAPS + VM_MAX_MAPS,
	VM_STACK_BYTES = 512,
	VM_RECORD_BYTES = 64 << 10,
	VM_OFFSET_BITS = 48,
};

struct vm_region {
	uint8_t *base;
	uint64_t size;
	bool is_read_only;
};

struct vm {
	struct vm_options options;
	struct vm_region regions[VM_REGIONS]; /* region 0 is empty: the null pointer */
	struct vm_map maps[VM_MAX_MAPS];
	unsigned n_maps, n_exposed;
	const struct vm_event *event;
	uint64_t random;
	uint64_t record_size; /* of the one that is being written; 0: none */
	uint8_t record[VM_RECORD_BYTES];
};

struct vm_program {
	size_t n_insns;
	struct bpf_insn insns[];
};

static inline uint64_t vm_pointer(unsigned region, uint64_t offset)
{
	return (uint64_t)region << VM_OFFSET_BITS | offset;
}

/* Where the pointer leads, for size bytes; NULL: nowhere. */
static inline uint8_t *vm_reach(const struct vm *vm, uint64_t pointer, uint64_t size, bool writes)
{
	uint64_t region = pointer >> VM_OFFSET_BITS;
	uint64_t offset = pointer & ((1ull << VM_OFFSET_BITS) - 1);
	const struct vm_region *r;

	if (region >= VM_REGIONS)
		return NULL;
	r = &vm->regions[region];
	if (offset > r->size || size > r->size - offset || (writes && r->is_read_only))
		return NULL;
	return r->base + offset;
}

/* A helper of the kernel: 0 and *result, or -EFAULT; -ENOSYS: there is none of that number. */
int vm_call_helper(struct vm *vm, int helper, const uint64_t args[5], uint64_t *result);
bool vm_has_helper(int helper);

#endif
