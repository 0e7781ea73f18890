/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_KERNEL_LIST_H
#define PISTE_CLI_KERNEL_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/str.h"

/*
 * kernel-list - the kernel's part of `piste list`: events, system calls and
 * functions that GLOBs choose, with their fields. Globs as in
 * piste/wire/rules.h; those with "u:" in front are not about the kernel, and
 * functions are listed only for one that begins with "kfunc:".
 */
struct kernel_list;

/* Whether any of the globs may mean the kernel. */
bool kernel_list_is_wanted(char *const *globs, int n);
/* 0 or negative errno. */
int kernel_list_new(struct kernel_list **out, char *const *globs, int n, struct diag *diag);
void kernel_list_free(struct kernel_list *l);
/* What cannot be listed for want of rights or of the kernel's, in one line; NULL: nothing. */
const char *kernel_list_missing(const struct kernel_list *l);

size_t kernel_list_matches(const struct kernel_list *l); /* how many are chosen */
bool kernel_list_has(const struct kernel_list *l, const char *glob);
/* A name that was perhaps meant, and how far it is from it; NULL: none nearer than *distance. */
const char *kernel_list_nearest(const struct kernel_list *l, const char *glob, size_t *distance);

/* Fields are read here: events whose are broken are left out, with a warning. */
void kernel_list_add_text(struct str *out, struct kernel_list *l, bool is_long, struct diag *diag);
void kernel_list_add_json(struct str *out, struct kernel_list *l, struct diag *diag);

#endif
