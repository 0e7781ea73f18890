/* SPDX-License-Identifier: MIT */
#ifndef PISTE_STORE_FILES_H
#define PISTE_STORE_FILES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

/*
 * files - which file a descriptor of a process is, as calls tell it: open gives
 * it a name, dup copies it, close takes it away, fork hands all of them on.
 * All-zero is empty. Names are interned: they live as long, and the same name is
 * the same pointer.
 */
struct files {
	struct map names; /* interned, by text */
	struct map processes; /* by pid, to the index of its table */
	struct VEC(struct map) tables; /* by descriptor, to the name */
	struct str scratch;
	struct arena arena;
};

void files_fini(struct files *f);
const char *files_intern(struct files *f, const char *text, size_t len); /* NULL: no memory */
int files_open(struct files *f, uint32_t pid, uint32_t fd, const char *interned);
int files_dup(struct files *f, uint32_t pid, uint32_t from, uint32_t to);
void files_close(struct files *f, uint32_t pid, uint32_t fd);
/* Nothing when the child has some already: it was seen before its parent came back from fork. */
int files_fork(struct files *f, uint32_t parent, uint32_t child);
void files_end(struct files *f, uint32_t pid); /* the process has gone */
const char *files_name(const struct files *f, uint32_t pid, uint32_t fd); /* NULL: not known */

#endif
