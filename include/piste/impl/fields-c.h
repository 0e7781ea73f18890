/* SPDX-License-Identifier: MIT */
#ifndef PISTE_IMPL_FIELDS_C_H
#define PISTE_IMPL_FIELDS_C_H

/*
 * fields, C - from an expression to its type code, its length and its bytes.
 * _Generic does in C what overloads do in C++ (fields-cxx.h).
 */

#include "piste/impl/put.h"

#define PISTE_CODE_CHAR_ ((char)-1 < 0 ? PISTE_T_S8 : PISTE_T_U8)
#define PISTE_TYPE_CODE(x)                                                                         \
	_Generic((x), _Bool                                                                        \
		 : PISTE_T_BOOL, char                                                              \
		 : PISTE_CODE_CHAR_, signed char                                                   \
		 : PISTE_T_S8, unsigned char                                                       \
		 : PISTE_T_U8, short                                                               \
		 : PISTE_T_S16, unsigned short                                                     \
		 : PISTE_T_U16, int                                                                \
		 : PISTE_T_S32, unsigned int                                                       \
		 : PISTE_T_U32, long                                                               \
		 : PISTE_T_S64, unsigned long                                                      \
		 : PISTE_T_U64, long long                                                          \
		 : PISTE_T_S64, unsigned long long                                                 \
		 : PISTE_T_U64, float                                                              \
		 : PISTE_T_F32, double                                                             \
		 : PISTE_T_F64, long double                                                        \
		 : PISTE_T_F64, char *                                                             \
		 : PISTE_T_STRING, const char *                                                    \
		 : PISTE_T_STRING, default                                                         \
		 : PISTE_T_POINTER)

/* `v` is an object: its address and size are taken. */
#define PISTE_LENGTH(v)                                                                            \
	_Generic((v), char *                                                                       \
		 : piste_length_string, const char *                                               \
		 : piste_length_string, long double                                                \
		 : piste_length_long_double, default                                               \
		 : piste_length_plain)(&(v), (uint32_t)sizeof(v))
#define PISTE_PUT(p, v, n)                                                                         \
	_Generic((v), char *                                                                       \
		 : piste_put_string, const char *                                                  \
		 : piste_put_string, long double                                                   \
		 : piste_put_long_double, default                                                  \
		 : piste_put_plain)(p, &(v), n)

#define PISTE_AUTO __extension__ __auto_type
#define PISTE_CHOOSE(by_address, p) __builtin_choose_expr(by_address, p, *(p))
/* the type that (x) has as a value: arrays decay, small integers stay small */
#define PISTE_TYPEOF_VALUE(x)                                                                      \
	__typeof__(__extension__({                                                                 \
		PISTE_AUTO piste_t_ = (x);                                                         \
		piste_t_;                                                                          \
	}))
#define PISTE_ZERO(x) 0
/* pointer_type_class of gcc's typeclass.h, which clang shares */
#define PISTE_CHECK(v)                                                                             \
	_Static_assert(PISTE_TYPE_CODE(v) != PISTE_T_POINTER || __builtin_classify_type(v) == 5,   \
		       "piste: a field is a bool, integer, enum, float, string or pointer; for "   \
		       "others see PISTE_AS, PISTE_ARRAY, PISTE_BYTES");

/*
 * The description of the site, static in the function, and its gate. `text` is
 * one literal, so that the struct needs no pointer.
 */
#define PISTE_SITE_DEFINE(kind, level, text, ...)                                                  \
	static struct {                                                                            \
		struct piste_site site;                                                            \
		char bytes[sizeof(text)];                                                          \
	} piste_site_ = {{PISTE_SITE_ABI,                                                          \
			  kind,                                                                    \
			  level,                                                                   \
			  PISTE_ID_NONE,                                                           \
			  0,                                                                       \
			  PISTE_COUNT(__VA_ARGS__) - 1,                                            \
			  __LINE__,                                                                \
			  sizeof(text),                                                            \
			  {PISTE_EACH(PISTE_CODE_, 0, __VA_ARGS__)}},                              \
			 text};                                                                    \
	const struct piste_gate *piste_gate_;                                                      \
	PISTE_GATE_ADDRESS(piste_gate_, &piste_site_)

#endif
