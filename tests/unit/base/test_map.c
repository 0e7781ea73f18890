/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "base/map.h"

TEST(zeroed_map_is_empty)
{
	struct map m = {0};
	uint64_t v;
	size_t it = 0;

	CHECK(!map_get_u64(&m, 1, &v));
	CHECK(!map_get_str(&m, "x", &v));
	CHECK(!map_del_u64(&m, 1));
	CHECK(!map_next_u64(&m, &it, &v, &v));
	map_fini(&m);
	map_fini(NULL);
}

TEST(strings)
{
	struct map m = {0};
	char copy[] = "two";
	uint64_t v = 0;

	CHECK_INT(map_put_str(&m, "one", 1), 0);
	CHECK_INT(map_put_str(&m, "two", 2), 0);
	CHECK_INT(map_put_str(&m, "", 3), 0);
	CHECK_INT(map_put_str(&m, "one", 11), 0);
	CHECK_INT(m.len, 3);
	CHECK(map_get_str(&m, "one", &v) && v == 11);
	CHECK(map_get_str(&m, copy, &v) && v == 2);
	CHECK(map_get_str(&m, "", &v) && v == 3);
	CHECK(!map_get_str(&m, "tw", &v));
	CHECK(map_get_str(&m, "one", NULL));
	map_fini(&m);
}

/* Against the plainest model that there is: an array indexed by the key. */
TEST(random_operations_against_a_model)
{
	enum { KEYS = 512 };
	static uint64_t model[KEYS]; /* 0: absent */
	struct map m = {0};
	uint64_t x = 88172645463325252ull, sum = 0, model_sum = 0, key, value;
	size_t present = 0, it = 0, seen = 0;

	for (int i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		key = x % KEYS;
		if (x >> 60 < 7) {
			CHECK(map_del_u64(&m, key << 32) == (model[key] != 0));
			model[key] = 0;
		} else {
			REQUIRE(map_put_u64(&m, key << 32, x | 1) == 0);
			model[key] = x | 1;
		}
		key = (x >> 20) % KEYS;
		if (map_get_u64(&m, key << 32, &value))
			REQUIRE(value == model[key]);
		else
			REQUIRE(model[key] == 0);
	}
	for (size_t i = 0; i < KEYS; i++) {
		present += model[i] != 0;
		model_sum += model[i];
	}
	CHECK_INT(m.len, present);
	while (map_next_u64(&m, &it, &key, &value)) {
		sum += value;
		seen++;
	}
	CHECK_INT(seen, present);
	CHECK_INT(sum, model_sum);
	map_fini(&m);
}

TEST(many_keys)
{
	struct map m = {0};
	uint64_t v;

	for (uint64_t i = 0; i < 100000; i++)
		CHECK(map_put_u64(&m, i * 4096, i) == 0);
	CHECK_INT(m.len, 100000);
	for (uint64_t i = 0; i < 100000; i++)
		REQUIRE(map_get_u64(&m, i * 4096, &v) && v == i);
	CHECK(!map_get_u64(&m, 1, &v));
	map_fini(&m);
}

TEST(hash_depends_on_every_byte)
{
	unsigned char bytes[40] = {0};
	uint64_t plain, seen[41];

	for (size_t len = 0; len <= sizeof(bytes); len++) {
		seen[len] = plain = hash_bytes(bytes, len);
		CHECK(plain == hash_bytes(bytes, len));
		for (size_t i = 0; i < len; i++) {
			bytes[i] = 1;
			CHECK(hash_bytes(bytes, len) != plain);
			bytes[i] = 0;
			CHECK(seen[i] != plain);
		}
	}
}
