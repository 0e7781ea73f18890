/* SPDX-License-Identifier: MIT */
#ifndef PISTE_IMPL_PUT_H
#define PISTE_IMPL_PUT_H

/*
 * put - how values become payload bytes: packed, little endian, no padding.
 * All take the address of the value and its length in the record, and return
 * the place behind what they wrote; inlined, a plain one is a store.
 */

#include "piste/impl/each.h"
#include "piste/impl/record.h"

/* Longer strings, sequences and byte strings are cut, so that a record stays a record. */
#define PISTE_STRING_MAX 4096 /* bytes, with the NUL */
#define PISTE_SEQUENCE_MAX 16384 /* bytes of elements */

PISTE_INLINE uint32_t piste_length_chars(const char *string)
{
	size_t n;

	if (__builtin_expect(!string, 0))
		string = "(null)";
	n = __builtin_strlen(string) + 1;
	return n < PISTE_STRING_MAX ? (uint32_t)n : PISTE_STRING_MAX;
}

/* Short strings, which most are, by two moves that may overlap; a call costs more. */
PISTE_INLINE char *piste_put_chars(char *p, const char *string, uint32_t n)
{
	if (__builtin_expect(!string, 0)) {
		__builtin_memcpy(p, "(null)", 7); /* its length is 7 then, see above */
	} else if (n >= 8 && n <= 16) {
		uint64_t first, last;

		__builtin_memcpy(&first, string, 8);
		__builtin_memcpy(&last, string + n - 8, 8);
		__builtin_memcpy(p, &first, 8);
		__builtin_memcpy(p + n - 8, &last, 8);
	} else if (n >= 4 && n < 8) {
		uint32_t first, last;

		__builtin_memcpy(&first, string, 4);
		__builtin_memcpy(&last, string + n - 4, 4);
		__builtin_memcpy(p, &first, 4);
		__builtin_memcpy(p + n - 4, &last, 4);
	} else {
		__builtin_memcpy(p, string, n - 1);
	}
	p[n - 1] = '\0'; /* also where it was cut, or changes under our hands */
	return p + n;
}

PISTE_INLINE uint32_t piste_length_string(const void *v, uint32_t size)
{
	(void)size;
	return piste_length_chars(*(const char *const *)v);
}

PISTE_INLINE char *piste_put_string(char *p, const void *v, uint32_t n)
{
	return piste_put_chars(p, *(const char *const *)v, n);
}

PISTE_INLINE uint32_t piste_length_plain(const void *v, uint32_t size)
{
	(void)v;
	return size;
}

PISTE_INLINE char *piste_put_plain(char *p, const void *v, uint32_t n)
{
	__builtin_memcpy(p, v, n);
	return p + n;
}

PISTE_INLINE uint32_t piste_length_long_double(const void *v, uint32_t size)
{
	(void)v;
	(void)size;
	return sizeof(double);
}

PISTE_INLINE char *piste_put_long_double(char *p, const void *v, uint32_t n)
{
	double d = (double)*(const long double *)v;

	__builtin_memcpy(p, &d, n);
	return p + n;
}

/* The count of a sequence: what the user gave, cut to what fits. */
PISTE_INLINE uint32_t piste_count(int none, uint64_t n, uint32_t element_size)
{
	if (none)
		return 0;
	return n <= PISTE_SEQUENCE_MAX / element_size ? (uint32_t)n
						      : PISTE_SEQUENCE_MAX / element_size;
}

PISTE_INLINE char *piste_put_u32(char *p, uint32_t v)
{
	__builtin_memcpy(p, &v, 4);
	return p + 4;
}

#endif
