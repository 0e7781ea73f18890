/* SPDX-License-Identifier: MIT */
/* wrap-arena - a malloc of a program's own: aborts when it is given a block that is not its. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC 0x61726e61u

struct block {
	size_t size;
	uint64_t magic;
};

static char memory[64 << 20] __attribute__((aligned(16)));
static size_t used;

void *malloc(size_t size)
{
	size_t at = __atomic_fetch_add(&used, sizeof(struct block) + ((size + 15) & ~(size_t)15),
				       __ATOMIC_RELAXED);
	struct block *block = (struct block *)(memory + at);

	if (size > sizeof(memory) || at + size + sizeof(*block) > sizeof(memory))
		return NULL;
	*block = (struct block){size, MAGIC};
	return block + 1;
}

void free(void *ptr)
{
	if (ptr && ((struct block *)ptr - 1)->magic != MAGIC)
		abort();
}

void *calloc(size_t count, size_t size)
{
	return malloc(count * size);
}

void *realloc(void *old, size_t size)
{
	void *ptr = malloc(size);

	if (ptr && old) {
		struct block *block = (struct block *)old - 1;

		if (block->magic != MAGIC)
			abort();
		memcpy(ptr, old, block->size < size ? block->size : size);
	}
	return ptr;
}
