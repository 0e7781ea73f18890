/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_USER_SYMBOLS_H
#define PISTE_SCRIPT_USER_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * user-symbols - functions of programs, by process and address: from what the
 * process has mapped when it is first asked about, and from the symbols that
 * those files have left. A process that has ended by then has no names, unless
 * it was met before.
 */
struct user_symbols;

struct user_symbols *user_symbols_new(void); /* NULL without memory */
void user_symbols_free(struct user_symbols *s);
/* Reads what it has mapped now, again where that was more than before. */
void user_symbols_meet(struct user_symbols *s, uint32_t pid);
/* The function that the address is in, and where that begins. */
bool user_symbols_find(struct user_symbols *s, uint32_t pid, uint64_t address, const char **name,
		       uint64_t *start);

#endif
