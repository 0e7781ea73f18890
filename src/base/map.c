/* SPDX-License-Identifier: MIT */
/*
 * Linear probing in a table of a power of two, at most three quarters full.
 * A slot keeps its whole hash, whose lowest bit is forced to 1, so that 0
 * means empty and growing needs no key. Deletion moves later slots back
 * instead of leaving tombstones.
 */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct map_slot {
	uint64_t hash; /* 0: empty */
	uint64_t key; /* the number, or the address of the string */
	uint64_t value;
};

enum { FIRST_CAP = 16 };

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	memcpy(&v, p, len);
	return v;
}

/* Two multiplications for 16 bytes, in the manner of wyhash. Not for storing. */
uint64_t hash_bytes(const void *p, size_t len)
{
	const uint64_t k0 = 0xa0761d6478bd642full, k1 = 0xe7037ed1a0b428dbull;
	const uint8_t *bytes = p;
	uint64_t hash = len ^ k0;

	for (; len > 16; len -= 16, bytes += 16)
		hash = mix(load(bytes, 8) ^ k1, load(bytes + 8, 8) ^ hash);
	if (len > 8)
		return mix(mix(load(bytes, 8) ^ k1, load(bytes + 8, len - 8) ^ hash), k0);
	if (len)
		hash ^= load(bytes, len);
	return mix(mix(hash, k1), k0 ^ len);
}

static uint64_t hash_str(const char *key)
{
	return hash_bytes(key, strlen(key)) | 1;
}

static uint64_t hash_u64(uint64_t key)
{
	return mix(key ^ 0xa0761d6478bd642full, 0xe7037ed1a0b428dbull) | 1;
}

/* The lowest bit is the same in all hashes, so a slot is chosen by those above it. */
static size_t home(const struct map *m, uint64_t hash)
{
	return (hash >> 1) & (m->cap - 1);
}

/* The key's slot, or the empty one where it belongs; `m` must not be empty. */
static struct map_slot *find(const struct map *m, uint64_t hash, uint64_t key, const char *text)
{
	for (size_t i = home(m, hash);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *slot = &m->slots[i];

		if (!slot->hash)
			return slot;
		if (slot->hash != hash)
			continue;
		if (text ? !strcmp((const char *)(uintptr_t)slot->key, text) : slot->key == key)
			return slot;
	}
}

static int grow(struct map *m)
{
	struct map bigger = {.len = m->len, .cap = m->cap ? m->cap * 2 : FIRST_CAP};

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++) {
		size_t to = home(&bigger, m->slots[i].hash);

		if (!m->slots[i].hash)
			continue;
		while (bigger.slots[to].hash)
			to = (to + 1) & (bigger.cap - 1);
		bigger.slots[to] = m->slots[i];
	}
	free(m->slots);
	*m = bigger;
	return 0;
}

static int put(struct map *m, uint64_t hash, uint64_t key, const char *text, uint64_t value)
{
	struct map_slot *slot = m->len ? find(m, hash, key, text) : NULL;

	if (slot && slot->hash) {
		slot->value = value;
		return 0;
	}
	if (m->len + 1 > m->cap / 4 * 3 && grow(m))
		return -ENOMEM;
	slot = find(m, hash, key, text);
	*slot = (struct map_slot){.hash = hash, .key = key, .value = value};
	m->len++;
	return 0;
}

static bool get(const struct map *m, uint64_t hash, uint64_t key, const char *text, uint64_t *value)
{
	const struct map_slot *slot;

	if (!m->len)
		return false;
	slot = find(m, hash, key, text);
	if (!slot->hash)
		return false;
	if (value)
		*value = slot->value;
	return true;
}

void map_fini(struct map *m)
{
	if (!m)
		return;
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

int map_put_str(struct map *m, const char *key, uint64_t value)
{
	return put(m, hash_str(key), (uintptr_t)key, key, value);
}

int map_put_u64(struct map *m, uint64_t key, uint64_t value)
{
	return put(m, hash_u64(key), key, NULL, value);
}

bool map_get_str(const struct map *m, const char *key, uint64_t *value)
{
	return get(m, hash_str(key), 0, key, value);
}

bool map_get_u64(const struct map *m, uint64_t key, uint64_t *value)
{
	return get(m, hash_u64(key), key, NULL, value);
}

bool map_del_u64(struct map *m, uint64_t key)
{
	struct map_slot *slot;
	size_t hole, mask = m->cap - 1;

	if (!m->len)
		return false;
	slot = find(m, hash_u64(key), key, NULL);
	if (!slot->hash)
		return false;
	hole = (size_t)(slot - m->slots);
	for (size_t i = (hole + 1) & mask; m->slots[i].hash; i = (i + 1) & mask) {
		/* A slot may move back unless its home lies after the hole. */
		if (((i - home(m, m->slots[i].hash)) & mask) < ((i - hole) & mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole].hash = 0;
	m->len--;
	return true;
}

bool map_next_u64(const struct map *m, size_t *it, uint64_t *key, uint64_t *value)
{
	for (; *it < m->cap; (*it)++) {
		if (!m->slots[*it].hash)
			continue;
		if (key)
			*key = m->slots[*it].key;
		if (value)
			*value = m->slots[*it].value;
		(*it)++;
		return true;
	}
	return false;
}
