/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_TYPE_H
#define PISTE_LANG_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/*
 * type - the types of both languages. Plain data in the caller's arena,
 * immutable once made; records are compared by identity or name, all others by
 * what they hold.
 *
 * Integers are computed in 64 bits; their size matters where they are stored,
 * loaded, cast and printed.
 */
#define LANG_KINDS(X)                                                                              \
	X(NONE, "none") /* not known yet; of functions: gives nothing */                           \
	X(INT, "integer")                                                                          \
	X(STRING, "string") /* `size` bytes, NUL within */                                         \
	X(POINTER, "pointer")                                                                      \
	X(ARRAY, "array")                                                                          \
	X(RECORD, "record") /* a struct or union of C */                                           \
	X(TUPLE, "tuple")                                                                          \
	X(BYTES, "buffer") /* u32 length, then so many bytes at most */                            \
	X(KSTACK, "kernel stack") /* `size` / 8 addresses, 0 behind the last */                    \
	X(USTACK, "user stack") /* u64 pid, then as KSTACK */                                      \
	X(KSYM, "kernel symbol")                                                                   \
	X(USYM, "user symbol") /* u64 pid, u64 address */                                          \
	X(INET, "address") /* u64 4 or 6, 16 bytes */                                              \
	X(MAC, "MAC address") /* 6 bytes in 8 */                                                   \
	X(TIME, "time") /* u64 ns since boot */                                                    \
	X(USERNAME, "user name")                                                                   \
	X(PROBE, "probe") /* u64 index of its name */                                              \
	X(COUNT, "count") /* aggregations: values of maps only */                                  \
	X(SUM, "sum")                                                                              \
	X(MIN, "min")                                                                              \
	X(MAX, "max")                                                                              \
	X(AVG, "avg")                                                                              \
	X(STATS, "stats")                                                                          \
	X(HIST, "hist")                                                                            \
	X(LHIST, "lhist")

enum lang_kind {
#define X(id, text) LANG_##id,
	LANG_KINDS(X)
#undef X
		LANG_N_KINDS
};

struct lang_type;

struct lang_field {
	const char *name; /* NULL: an anonymous struct or union, its fields belong to this one */
	const struct lang_type *type;
	uint32_t offset; /* bytes */
	uint8_t bit_offset, bit_size; /* of a bit-field, from the lowest bit of its unit; 0: none */
};

struct lang_type {
	enum lang_kind kind;
	bool is_signed; /* INT, SUM, MIN … */
	bool in_user_space; /* POINTER, ARRAY, RECORD: memory of the program, not the kernel */
	uint32_t size; /* bytes as a value or in memory */
	uint32_t count; /* ARRAY: elements */
	const char *name; /* RECORD: "struct foo"; INT: of an enum */
	const struct lang_type *of; /* POINTER ARRAY */
	const struct lang_field *fields; /* RECORD TUPLE */
	size_t n_fields;
	int64_t low, high, step; /* LHIST; HIST: low is the bits within a power of two */
	const char *format; /* TIME: of strftime */
	/* RECORD whose fields are not listed here: the environment knows them one by one by this */
	uint64_t lazy;
};

/* Shared ones, never freed. */
extern const struct lang_type lang_none, lang_i8, lang_i16, lang_i32, lang_i64, lang_u8, lang_u16,
	lang_u32, lang_u64, lang_comm, lang_ksym, lang_usym, lang_inet, lang_mac, lang_username,
	lang_probe_name;

const char *lang_kind_name(enum lang_kind kind);
const struct lang_type *lang_int(uint32_t size, bool is_signed);
/* By name: "int", "uint64", "uint64_t", "char", "unsigned" …; NULL: none of these. */
const struct lang_type *lang_int_named(const char *name);
/* NULL without memory, as all that follow. */
struct lang_type *lang_type_new(struct arena *a, enum lang_kind kind, uint32_t size);
struct lang_type *lang_string(struct arena *a, uint32_t size);
struct lang_type *lang_pointer(struct arena *a, const struct lang_type *to, bool in_user_space);
struct lang_type *lang_array(struct arena *a, const struct lang_type *of, uint32_t count,
			     bool in_user_space);
/* Lays the items out: each at a multiple of 8. */
struct lang_type *lang_tuple(struct arena *a, const struct lang_type *const *items, size_t n);

bool lang_type_equal(const struct lang_type *a, const struct lang_type *b);
static inline bool lang_is_aggregate(const struct lang_type *t)
{
	return t->kind >= LANG_COUNT;
}
/* In a 64-bit register: integers, pointers, symbols, times. */
bool lang_is_scalar(const struct lang_type *t);
/* What a value takes in a map, a tuple or a record: a multiple of 8. */
uint32_t lang_stored_size(const struct lang_type *t);
/* Buckets of a histogram. */
uint32_t lang_buckets(const struct lang_type *t);
/* "uint32", "struct task_struct *", "(string[16],int64)" */
void lang_type_write(struct str *out, const struct lang_type *t);

#endif
