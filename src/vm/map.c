/* SPDX-License-Identifier: MIT */
#include "vm/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

enum { MAX_BYTES = 1 << 30, FIRST_ROOM = 64 };

int vm_map_init(struct vm_map *m, const struct vm_map_spec *spec)
{
	uint64_t entries = spec->max_entries;

	*m = (struct vm_map){.spec = *spec};
	m->key_stride = (spec->key_size + 7) & ~7u;
	m->value_stride = (spec->value_size + 7) & ~7u;
	if (spec->kind == VM_RING)
		return 0;
	if (!entries || entries * (m->key_stride + (uint64_t)m->value_stride) > MAX_BYTES)
		return -E2BIG;
	m->values = calloc(entries, m->value_stride);
	if (spec->kind == VM_HASH) {
		m->n_slots = 16;
		while (m->n_slots < 2 * entries)
			m->n_slots *= 2;
		m->keys = calloc(entries, m->key_stride);
		m->slots = calloc(m->n_slots, sizeof(*m->slots));
		m->next_free = calloc(entries, sizeof(*m->next_free));
		m->is_used = calloc(entries, 1);
	}
	if (!m->values ||
	    (spec->kind == VM_HASH && (!m->keys || !m->slots || !m->next_free || !m->is_used))) {
		vm_map_fini(m);
		return -ENOMEM;
	}
	return 0;
}

void vm_map_fini(struct vm_map *m)
{
	free(m->keys);
	free(m->values);
	free(m->slots);
	free(m->next_free);
	free(m->is_used);
	*m = (struct vm_map){0};
}

/* The slot where the key is, or the free one where it would be. */
static uint32_t slot_of(const struct vm_map *m, const void *key)
{
	uint32_t at = (uint32_t)hash_bytes(key, m->spec.key_size) & (m->n_slots - 1);

	while (m->slots[at] && memcmp(m->keys + (size_t)(m->slots[at] - 1) * m->key_stride, key,
				      m->spec.key_size) != 0)
		at = (at + 1) & (m->n_slots - 1);
	return at;
}

uint32_t vm_map_find(const struct vm_map *m, const void *key)
{
	uint32_t index;

	if (m->spec.kind == VM_ARRAY) {
		memcpy(&index, key, sizeof(index));
		return index < m->spec.max_entries ? index : VM_NOT_FOUND;
	}
	if (m->spec.kind != VM_HASH)
		return VM_NOT_FOUND;
	return m->slots[slot_of(m, key)] - 1; /* 0 - 1 is VM_NOT_FOUND */
}

uint32_t vm_map_insert(struct vm_map *m, const void *key)
{
	uint32_t at, entry;

	if (m->spec.kind != VM_HASH)
		return vm_map_find(m, key);
	at = slot_of(m, key);
	if (m->slots[at])
		return m->slots[at] - 1;
	if (m->first_free) {
		entry = m->first_free - 1;
		m->first_free = m->next_free[entry];
	} else if (m->n_used < m->spec.max_entries) {
		entry = m->n_used++;
	} else {
		return VM_NOT_FOUND;
	}
	memcpy(m->keys + (size_t)entry * m->key_stride, key, m->spec.key_size);
	memset(m->values + (size_t)entry * m->value_stride, 0, m->value_stride);
	m->is_used[entry] = 1;
	m->slots[at] = entry + 1;
	return entry;
}

/* What stands behind in the same run moves up, so that no mark of a deleted one is needed. */
static void close_gap(struct vm_map *m, uint32_t gap)
{
	uint32_t at = gap;

	for (;;) {
		uint32_t home;

		at = (at + 1) & (m->n_slots - 1);
		if (!m->slots[at])
			break;
		home = (uint32_t)hash_bytes(m->keys + (size_t)(m->slots[at] - 1) * m->key_stride,
					    m->spec.key_size) &
		       (m->n_slots - 1);
		if (((at - home) & (m->n_slots - 1)) < ((at - gap) & (m->n_slots - 1)))
			continue;
		m->slots[gap] = m->slots[at];
		gap = at;
	}
	m->slots[gap] = 0;
}

bool vm_map_remove(struct vm_map *m, const void *key)
{
	uint32_t at, entry;

	if (m->spec.kind != VM_HASH)
		return false;
	at = slot_of(m, key);
	if (!m->slots[at])
		return false;
	entry = m->slots[at] - 1;
	close_gap(m, at);
	m->is_used[entry] = 0;
	m->next_free[entry] = m->first_free;
	m->first_free = entry + 1;
	return true;
}
