/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYMBOLS_H
#define PISTE_KERN_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

/*
 * symbols - functions of the kernel and of its modules, by address.
 *
 * All of /proc/kallsyms in one read (122,000 lines, 5 MB), so: open it when
 * addresses are to be named, look up those that occurred, free it. Addresses
 * hold until the next boot; those of modules until they are unloaded.
 */
struct symbols;

struct symbol {
	const char *name; /* borrowed from the symbols */
	const char *module; /* "" is the kernel itself; "bpf" programs */
	uint64_t address; /* where the function begins */
};

/* path: NULL is /proc/kallsyms. -EACCES when the kernel hides addresses from this user. */
int symbols_open(struct symbols **out, const char *path, struct diag *diag);
void symbols_free(struct symbols *s);
size_t symbols_count(const struct symbols *s);

/* The function that an address is in; false when it lies below all of them or in no part of the
 * address space that the kernel has. */
bool symbols_find(const struct symbols *s, uint64_t address, struct symbol *out);
/* The address of a function, 0 when there is none of that name. Walks all of them. */
uint64_t symbols_address(const struct symbols *s, const char *name);

#endif
