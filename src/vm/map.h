/* SPDX-License-Identifier: MIT */
#ifndef PISTE_VM_MAP_H
#define PISTE_VM_MAP_H

#include "vm/vm.h"

/*
 * map - maps of the machine. Entries lie side by side, so that all values are
 * one region; a hash map has a table of their numbers, with open addressing,
 * and chains what is free.
 */
struct vm_map {
	struct vm_map_spec spec;
	uint32_t key_stride, value_stride; /* multiples of 8 */
	uint8_t *keys, *values;
	uint32_t *slots; /* entry + 1; 0: free; HASH */
	uint32_t n_slots; /* a power of two */
	uint32_t *next_free; /* of each free entry: another, + 1 */
	uint32_t first_free; /* + 1 */
	uint32_t n_used; /* entries that were ever used */
	uint8_t *is_used;
};

enum { VM_NOT_FOUND = UINT32_MAX };

int vm_map_init(struct vm_map *m, const struct vm_map_spec *spec);
void vm_map_fini(struct vm_map *m);
uint32_t vm_map_find(const struct vm_map *m, const void *key); /* its entry, or VM_NOT_FOUND */
/* The entry of a key, made when it is new; VM_NOT_FOUND when the map is full. */
uint32_t vm_map_insert(struct vm_map *m, const void *key);
bool vm_map_remove(struct vm_map *m, const void *key);

#endif
