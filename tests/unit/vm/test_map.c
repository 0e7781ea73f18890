/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "vm/map.h"

static struct vm_map map;

static void begin(uint32_t entries)
{
	struct vm_map_spec spec = {VM_HASH, 8, 8, entries};

	vm_map_fini(&map);
	CHECK_INT(vm_map_init(&map, &spec), 0);
}

TEST(a_full_map_takes_no_more)
{
	begin(3);
	for (uint64_t key = 0; key < 3; key++)
		CHECK_INT(vm_map_insert(&map, &key), key);
	CHECK_INT(vm_map_insert(&map, &(uint64_t){9}), VM_NOT_FOUND);
	CHECK_INT(vm_map_insert(&map, &(uint64_t){1}), 1);
	CHECK(vm_map_remove(&map, &(uint64_t){1}));
	CHECK(!vm_map_remove(&map, &(uint64_t){1}));
	CHECK_INT(vm_map_insert(&map, &(uint64_t){9}), 1);
	vm_map_fini(&map);
}

/* Against a plain array, over many insertions and deletions of few keys. */
TEST(deletions_leave_the_others_in_place)
{
	bool is_there[64] = {0};
	uint64_t random = 1;

	begin(48);
	for (int i = 0; i < 20000; i++) {
		uint64_t key = (random = random * 6364136223846793005u + 1) >> 58;
		size_t n = 0;

		for (int k = 0; k < 64; k++)
			n += is_there[k];
		if (random & 1 << 20) {
			CHECK_INT(vm_map_remove(&map, &key), is_there[key]);
			is_there[key] = false;
		} else {
			bool fits = is_there[key] || n < 48;

			CHECK_INT(vm_map_insert(&map, &key) != VM_NOT_FOUND, fits);
			is_there[key] |= fits;
		}
		if (i % 100)
			continue;
		for (uint64_t k = 0; k < 64; k++)
			CHECK_INT(vm_map_find(&map, &k) != VM_NOT_FOUND, is_there[k]);
	}
	vm_map_fini(&map);
}

TEST(values_begin_at_zero_again)
{
	uint64_t key = 5, *value;

	begin(4);
	value = (uint64_t *)map.values + vm_map_insert(&map, &key);
	*value = 77;
	vm_map_remove(&map, &key);
	value = (uint64_t *)map.values + vm_map_insert(&map, &key);
	CHECK_INT(*value, 0);
	vm_map_fini(&map);
}

TEST(a_map_that_is_too_large)
{
	struct vm_map_spec spec = {VM_HASH, 8, 1 << 20, 1 << 20};

	CHECK(vm_map_init(&map, &spec) < 0);
}
