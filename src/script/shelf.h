/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_SHELF_H
#define PISTE_SCRIPT_SHELF_H

#include "base/str.h"

/*
 * shelf - the scripts that come with piste: in $PISTE_SCRIPTS, beside the
 * program in ../share/piste/scripts, or where it was built in ../scripts.
 */

/* The path of script NAME; -ENOENT: there is none. */
int shelf_find(struct str *path, const char *name);
/* A line each, "name  what it is", by name; -ENOENT: no such directory. */
int shelf_list(struct str *out);

#endif
