/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_ARENA_H
#define PISTE_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

/*
 * arena - memory that is freed as a whole.
 *
 * An all-zero arena is valid and empty. Allocation failure is sticky: the
 * first failed call returns NULL, so do all later ones, and arena_failed()
 * says so; a parser may therefore check once, at its end, if it never follows
 * a NULL. Returned memory is zeroed and aligned to 16 bytes.
 */
struct arena_block;
struct arena {
	struct arena_block *head;
	size_t used_bytes; /* handed out, for limits on hostile input */
	size_t limit_bytes; /* 0: none; beyond it allocation fails */
	bool failed;
};

void arena_fini(struct arena *a);
void *arena_alloc(struct arena *a, size_t size);
/* n objects of size bytes each; overflow of n * size is a failure */
void *arena_array(struct arena *a, size_t n, size_t size);
void *arena_memdup(struct arena *a, const void *p, size_t len);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline bool arena_failed(const struct arena *a)
{
	return a->failed;
}

#define arena_new(a, T) ((T *)arena_alloc((a), sizeof(T)))

/* Tests only: the next allocations succeed n times, then all fail; negative: off. */
extern long arena_fail_after;

#endif
