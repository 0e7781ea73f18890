/* SPDX-License-Identifier: MIT */
#ifndef PISTE_ELF_FUNCTIONS_H
#define PISTE_ELF_FUNCTIONS_H

#include <stdint.h>

#include "base/diag.h"

/*
 * functions - the functions of an ELF file, by the symbols that it has left:
 * those of its symbol table and those that it exports. A name may come twice.
 */
struct elf_function {
	const char *name; /* borrowed during the call */
	uint64_t offset; /* of its first byte in the file */
	uint64_t size; /* bytes; 0: not known */
};

/* A visit that returns other than 0 ends it with that. 0, or negative errno with the diag's word. */
int elf_functions_each(const char *path, int (*visit)(void *data, const struct elf_function *f),
		       void *data, struct diag *diag);

#endif
