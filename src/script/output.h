/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_OUTPUT_H
#define PISTE_SCRIPT_OUTPUT_H

#include <stdio.h>

#include "script/table.h"

/*
 * output - what is done with the records of a script: each action is a
 * function in a table.
 */
struct output {
	const struct lang_program *program;
	struct values values;
	struct table_source source;
	/* Takes an entry out of a map, or makes it zero. */
	int (*erase)(void *data, const struct lang_map *map, const void *key, bool keep_key);
	FILE *file;
	struct str text; /* not yet written */
	bool is_over; /* exit() */
	int status;
	int error; /* the first */
};

/* Does what a record says; for kern_records. */
int output_take(void *output, const void *record, size_t size);
void output_print_map(struct output *o, const struct lang_map *map, uint64_t top, uint64_t divisor);
void output_flush(struct output *o);
void output_fini(struct output *o);

#endif
