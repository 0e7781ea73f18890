/* SPDX-License-Identifier: MIT */
/*
 * The kernel's helpers, as far as scripts use them, over the event at hand.
 */
#include <errno.h>
#include <string.h>

#include "vm/private.h"

#define REACH_MAP(vm, handle)                                                                      \
	((handle) < (vm)->n_maps ? &(vm)->maps[handle] : NULL) /* a map is passed by its number */

static int map_and_key(struct vm *vm, const uint64_t *args, struct vm_map **map, uint8_t **key)
{
	*map = REACH_MAP(vm, args[0]);
	*key = *map ? vm_reach(vm, args[1], (*map)->spec.key_size, false) : NULL;
	return *key ? 0 : -EFAULT;
}

static int map_lookup(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	struct vm_map *map;
	uint32_t entry;
	uint8_t *key;

	if (map_and_key(vm, args, &map, &key))
		return -EFAULT;
	entry = vm_map_find(map, key);
	*result = entry == VM_NOT_FOUND ? 0
					: vm_pointer(VM_REGION_MAPS + (unsigned)args[0],
						     (uint64_t)entry * map->value_stride);
	return 0;
}

static int map_update(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	struct vm_map *map;
	uint8_t *key, *value;
	uint32_t entry;

	if (map_and_key(vm, args, &map, &key))
		return -EFAULT;
	value = vm_reach(vm, args[2], map->spec.value_size, false);
	if (!value)
		return -EFAULT;
	entry = vm_map_find(map, key);
	if (args[3] == BPF_NOEXIST && entry != VM_NOT_FOUND) {
		*result = (uint64_t)-EEXIST;
		return 0;
	}
	if (entry == VM_NOT_FOUND)
		entry = vm_map_insert(map, key);
	if (entry == VM_NOT_FOUND) {
		*result = (uint64_t)-E2BIG;
		return 0;
	}
	memmove(map->values + (size_t)entry * map->value_stride, value, map->spec.value_size);
	*result = 0;
	return 0;
}

static int map_delete(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	struct vm_map *map;
	uint8_t *key;

	if (map_and_key(vm, args, &map, &key))
		return -EFAULT;
	*result = vm_map_remove(map, key) ? 0 : (uint64_t)-ENOENT;
	return 0;
}

static int ring_reserve(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	*result = 0;
	if (vm->record_size || !args[1] || args[1] > VM_RECORD_BYTES)
		return 0;
	vm->record_size = args[1];
	memset(vm->record, 0, args[1]);
	vm->regions[VM_REGION_RECORD] = (struct vm_region){vm->record, args[1], false};
	*result = vm_pointer(VM_REGION_RECORD, 0);
	return 0;
}

static int ring_submit(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	*result = 0;
	if (args[0] != vm_pointer(VM_REGION_RECORD, 0) || !vm->record_size)
		return -EFAULT;
	if (vm->options.record)
		vm->options.record(vm->options.data, vm->record, vm->record_size);
	vm->record_size = 0;
	vm->regions[VM_REGION_RECORD] = (struct vm_region){0};
	return 0;
}

/* Both kinds of memory are what was exposed. */
static int probe_read(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	uint8_t *to = vm_reach(vm, args[0], args[1], true);
	const uint8_t *from = vm_reach(vm, args[2], args[1], false);

	if (!to)
		return -EFAULT;
	if (from)
		memmove(to, from, args[1]);
	else
		memset(to, 0, args[1]);
	*result = from ? 0 : (uint64_t)-EFAULT;
	return 0;
}

static int probe_read_str(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	uint8_t *to = vm_reach(vm, args[0], args[1], true);
	uint64_t region = args[2] >> VM_OFFSET_BITS, n = 0;
	const uint8_t *from = vm_reach(vm, args[2], 0, false);
	uint64_t room = from ? vm->regions[region].size - (args[2] & ((1ull << VM_OFFSET_BITS) - 1))
			     : 0;

	if (!to)
		return -EFAULT;
	*result = 0;
	if (!args[1])
		return 0;
	if (!from || !room) {
		memset(to, 0, args[1]);
		*result = (uint64_t)-EFAULT;
		return 0;
	}
	while (n + 1 < args[1] && n < room && from[n]) {
		to[n] = from[n];
		n++;
	}
	to[n] = 0;
	*result = n + 1;
	return 0;
}

static int current_comm(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	uint8_t *to = vm_reach(vm, args[0], args[1], true);

	if (!to)
		return -EFAULT;
	memset(to, 0, args[1]);
	if (vm->event->comm && args[1])
		memcpy(to, vm->event->comm, strnlen(vm->event->comm, args[1] - 1));
	*result = 0;
	return 0;
}

static int time_ns(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	(void)args;
	*result = vm->event->time_ns;
	return 0;
}

static int pid_tgid(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	(void)args;
	*result = vm->event->pid << 32 | (uint32_t)vm->event->tid;
	return 0;
}

static int uid_gid(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	(void)args;
	*result = vm->event->uid;
	return 0;
}

static int processor(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	(void)args;
	*result = vm->event->cpu;
	return 0;
}

/* Repeatable: xorshift from a fixed seed. */
static int random_number(struct vm *vm, const uint64_t *args, uint64_t *result)
{
	(void)args;
	vm->random ^= vm->random << 13;
	vm->random ^= vm->random >> 7;
	vm->random ^= vm->random << 17;
	*result = (uint32_t)vm->random;
	return 0;
}

typedef int helper_fn(struct vm *vm, const uint64_t *args, uint64_t *result);

static helper_fn *const helpers[] = {
	[BPF_FUNC_map_lookup_elem] = map_lookup,
	[BPF_FUNC_map_update_elem] = map_update,
	[BPF_FUNC_map_delete_elem] = map_delete,
	[BPF_FUNC_ktime_get_ns] = time_ns,
	[BPF_FUNC_ktime_get_boot_ns] = time_ns,
	[BPF_FUNC_get_prandom_u32] = random_number,
	[BPF_FUNC_get_smp_processor_id] = processor,
	[BPF_FUNC_get_current_pid_tgid] = pid_tgid,
	[BPF_FUNC_get_current_uid_gid] = uid_gid,
	[BPF_FUNC_get_current_comm] = current_comm,
	[BPF_FUNC_probe_read_kernel] = probe_read,
	[BPF_FUNC_probe_read_user] = probe_read,
	[BPF_FUNC_probe_read_kernel_str] = probe_read_str,
	[BPF_FUNC_probe_read_user_str] = probe_read_str,
	[BPF_FUNC_ringbuf_reserve] = ring_reserve,
	[BPF_FUNC_ringbuf_submit] = ring_submit,
};

bool vm_has_helper(int helper)
{
	return helper > 0 && (size_t)helper < sizeof(helpers) / sizeof(helpers[0]) &&
	       helpers[helper];
}

int vm_call_helper(struct vm *vm, int helper, const uint64_t args[5], uint64_t *result)
{
	return vm_has_helper(helper) ? helpers[helper](vm, args, result) : -ENOSYS;
}
