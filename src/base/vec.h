/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_VEC_H
#define PISTE_BASE_VEC_H

#include <stddef.h>
#include <string.h>

/*
 * VEC(T) - a growing array: `struct VEC(int) v = {0}; vec_push(&v, 3);`
 *
 * All-zero is empty. vec_push evaluates to 0, or to -ENOMEM and leaves the
 * vector as it was. Items move when it grows: hold indices, not pointers.
 */
#define VEC(T)                                                                                     \
	{                                                                                          \
		T *items;                                                                          \
		size_t len, cap;                                                                   \
	}

/* Makes room for at least `want` items; 0 or -ENOMEM. */
int vec_grow_(void **items, size_t *cap, size_t want, size_t item_size);

#define vec_reserve(v, want)                                                                       \
	((want) <= (v)->cap                                                                        \
		 ? 0                                                                               \
		 : vec_grow_((void **)&(v)->items, &(v)->cap, (want), sizeof(*(v)->items)))
#define vec_push(v, item)                                                                          \
	(vec_reserve((v), (v)->len + 1) ? -12 /* ENOMEM */                                         \
					: ((v)->items[(v)->len++] = (item), 0))
#define vec_fini(v) vec_fini_((void **)&(v)->items, &(v)->len, &(v)->cap)
void vec_fini_(void **items, size_t *len, size_t *cap);
/* Removes item i, keeping the order. */
#define vec_remove(v, i)                                                                           \
	(memmove(&(v)->items[i], &(v)->items[(i) + 1], ((v)->len - (i)-1) * sizeof(*(v)->items)),  \
	 (v)->len--)
/* an empty vector has no items: NULL + 0 is undefined */
#define vec_each(it, v) for ((it) = (v)->items; (it) && (it) < (v)->items + (v)->len; (it)++)

#endif
