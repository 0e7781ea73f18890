/* SPDX-License-Identifier: MIT */
/*
 * The part of VEC() that does not depend on the item's type. The array's
 * pointer is of some T * and is copied bytewise, since T * and void * may not
 * alias.
 */
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>

int vec_grow_(void **items, size_t *cap, size_t want, size_t item_size)
{
	size_t new_cap = *cap ? *cap : 8, bytes;
	void *p;

	while (new_cap < want)
		if (__builtin_mul_overflow(new_cap, 2, &new_cap))
			return -ENOMEM;
	if (__builtin_mul_overflow(new_cap, item_size, &bytes))
		return -ENOMEM;
	memcpy(&p, items, sizeof(p));
	p = realloc(p, bytes);
	if (!p)
		return -ENOMEM;
	memcpy(items, &p, sizeof(p));
	*cap = new_cap;
	return 0;
}

void vec_fini_(void **items, size_t *len, size_t *cap)
{
	void *p;

	memcpy(&p, items, sizeof(p));
	free(p);
	p = NULL;
	memcpy(items, &p, sizeof(p));
	*len = *cap = 0;
}
