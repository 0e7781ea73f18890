/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_VALUE_H
#define PISTE_SCRIPT_VALUE_H

#include "base/str.h"
#include "lang/lang.h"

/*
 * value - a value of a script as text: what lies in a record, a key, or (put
 * together from all CPUs) an entry of a map.
 */
struct user_symbols;
struct values {
	const struct lang_program *program;
	bool is_json;
	int64_t boot_offset_ns; /* CLOCK_REALTIME - CLOCK_BOOTTIME, for strftime */
	void *symbols; /* value.c: opened when the first is named */
	bool symbols_tried;
	struct user_symbols *user_symbols; /* the same */
};

void values_fini(struct values *v);
/* Looks at a process now, so that its functions have names when it has ended. */
void values_meet(struct values *v, uint32_t pid);
/* As print() writes it; JSON when is_json. Bytes as lang_stored_size. */
void value_write(struct str *out, struct values *v, const struct lang_type *type,
		 const uint8_t *bytes);
/* For %s and map keys: never in quotes. */
void value_write_plain(struct str *out, struct values *v, const struct lang_type *type,
		       const uint8_t *bytes);
/* A format of printf over the arguments of a record. */
void value_format(struct str *out, struct values *v, const char *format,
		  const struct lang_type *args, const uint8_t *bytes);
uint64_t value_load(const uint8_t *bytes); /* 8 of them, as a number */

#endif
