/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_BINARIES_H
#define PISTE_SCRIPT_BINARIES_H

#include "base/str.h"

/*
 * binaries - what people call programs and libraries, as paths: "/bin/bash",
 * "bash" (as the shell finds it), "libc" and "c" (as the linker does).
 */
bool binary_find(struct str *path, const char *name);

#endif
