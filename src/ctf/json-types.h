/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_JSON_TYPES_H
#define PISTE_CTF_JSON_TYPES_H

#include <jansson.h>

#include "base/diag.h"
#include "base/map.h"
#include "ctf/type.h"

/*
 * json-types - field classes of CTF 2, and the small readers that they share
 * with the fragments. After an error jp->error is set and results mean nothing.
 */
struct json_reader {
	struct arena *arena;
	struct diag *diag;
	const char *file_name;
	unsigned line; /* of the fragment being read */
	struct map aliases; /* name -> struct json_class */
	unsigned depth;
	int error;
};

/* A type, with what belongs to the field that has it. */
struct json_class {
	struct ctf_type *type;
	uint32_t roles;
};

void json_fail(struct json_reader *jp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void json_no_memory(struct json_reader *jp);
/*
 * Integers up to UINT64_MAX. jansson has none beyond INT64_MAX: json-parse.c
 * makes strings of those before it reads, with this character in front.
 */
#define JSON_LARGE_MARK "\\u0001"
bool json_is_whole(const json_t *v);
uint64_t json_whole(const json_t *v); /* negative ones in two's complement */
bool json_is_below_zero(const json_t *v);

/* Of an object's member; missing is an error unless it is optional. */
uint64_t json_u64(struct json_reader *jp, const json_t *o, const char *key, bool required,
		  uint64_t otherwise);
int64_t json_i64(struct json_reader *jp, const json_t *o, const char *key, int64_t otherwise);
const char *json_text(struct json_reader *jp, const json_t *o, const char *key, bool required);
/* The member's JSON text, copied; NULL when it is missing. */
const char *json_dump(struct json_reader *jp, const json_t *o, const char *key);
struct json_class json_field_class(struct json_reader *jp, const json_t *value);
/* The member as a structure type, or NULL when it is missing. */
const struct ctf_type *json_scope(struct json_reader *jp, const json_t *o, const char *key);

#endif
