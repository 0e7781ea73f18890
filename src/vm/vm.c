/* SPDX-License-Identifier: MIT */
#include "vm/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vm/private.h"

int vm_new(struct vm **out, const struct vm_options *options)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	*out = vm;
	if (!vm)
		return -ENOMEM;
	vm->options = *options;
	vm->random = 0x9e3779b97f4a7c15;
	return 0;
}

void vm_free(struct vm *vm)
{
	if (!vm)
		return;
	for (unsigned i = 0; i < vm->n_maps; i++)
		vm_map_fini(&vm->maps[i]);
	free(vm);
}

int vm_map_add(struct vm *vm, const struct vm_map_spec *spec)
{
	struct vm_map *m = &vm->maps[vm->n_maps];
	int err;

	if (vm->n_maps == VM_MAX_MAPS)
		return -E2BIG;
	err = vm_map_init(m, spec);
	if (err)
		return err;
	vm->regions[VM_REGION_MAPS + vm->n_maps] = (struct vm_region){
		m->values, m->values ? (uint64_t)m->value_stride * spec->max_entries : 0, false};
	return (int)vm->n_maps++;
}

void *vm_map_value(struct vm *vm, unsigned map, uint32_t index)
{
	struct vm_map *m = map < vm->n_maps ? &vm->maps[map] : NULL;

	if (!m || !m->values || index >= m->spec.max_entries)
		return NULL;
	return m->values + (size_t)index * m->value_stride;
}

bool vm_map_next(const struct vm *vm, unsigned map, const void *key, void *next)
{
	const struct vm_map *m = &vm->maps[map];
	uint32_t entry = key ? vm_map_find(m, key) + 1 : 0;

	while (entry < m->n_used && !m->is_used[entry])
		entry++;
	if (m->spec.kind != VM_HASH || entry >= m->n_used)
		return false;
	memcpy(next, m->keys + (size_t)entry * m->key_stride, m->spec.key_size);
	return true;
}

int vm_map_get(const struct vm *vm, unsigned map, const void *key, void *value)
{
	const struct vm_map *m = &vm->maps[map];
	uint32_t entry = vm_map_find(m, key);

	if (entry == VM_NOT_FOUND)
		return -ENOENT;
	memcpy(value, m->values + (size_t)entry * m->value_stride, m->spec.value_size);
	return 0;
}

int vm_map_set(struct vm *vm, unsigned map, const void *key, const void *value)
{
	struct vm_map *m = &vm->maps[map];
	uint32_t entry = vm_map_insert(m, key);

	if (entry == VM_NOT_FOUND)
		return -E2BIG;
	memcpy(m->values + (size_t)entry * m->value_stride, value, m->spec.value_size);
	return 0;
}

int vm_map_delete(struct vm *vm, unsigned map, const void *key)
{
	return vm_map_remove(&vm->maps[map], key) ? 0 : -ENOENT;
}

uint64_t vm_expose(struct vm *vm, const void *bytes, size_t size)
{
	unsigned region = VM_REGION_EXPOSED + vm->n_exposed;

	if (vm->n_exposed == VM_MAX_EXPOSED)
		return 0;
	vm->n_exposed++;
	vm->regions[region] = (struct vm_region){(uint8_t *)(uintptr_t)bytes, size, true};
	return vm_pointer(region, 0);
}

void vm_hide_all(struct vm *vm)
{
	while (vm->n_exposed)
		vm->regions[VM_REGION_EXPOSED + --vm->n_exposed] = (struct vm_region){0};
}
