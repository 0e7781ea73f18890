/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_ENV_KERNEL_H
#define PISTE_SCRIPT_ENV_KERNEL_H

#include "lang/env.h"

/*
 * env-kernel - the compiler's view of the running kernel. Nothing is opened
 * before it is asked for: a script that only prints needs none of it.
 */
struct lang_env *kernel_env_new(void); /* NULL without memory */
void kernel_env_free(struct lang_env *env);

#endif
