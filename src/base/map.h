/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_MAP_H
#define PISTE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * map - hash maps with open addressing, from strings or from u64 to u64
 * values (a pointer is stored as uintptr_t). All-zero is empty. Keys of a
 * string map are borrowed: they live as long as the map.
 */
struct map_slot;
struct map {
	struct map_slot *slots;
	size_t len, cap;
};

void map_fini(struct map *m);
/* Inserts or replaces; 0 or -ENOMEM. */
int map_put_str(struct map *m, const char *key, uint64_t value);
int map_put_u64(struct map *m, uint64_t key, uint64_t value);
bool map_get_str(const struct map *m, const char *key, uint64_t *value);
bool map_get_u64(const struct map *m, uint64_t key, uint64_t *value);
/* True when the key was there. */
bool map_del_u64(struct map *m, uint64_t key);
/* Iterates over u64 maps in no particular order: start with *it = 0. */
bool map_next_u64(const struct map *m, size_t *it, uint64_t *key, uint64_t *value);

uint64_t hash_bytes(const void *p, size_t len);

#endif
