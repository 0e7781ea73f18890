/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_MAKER_H
#define PISTE_KERN_SYSCALLS_MAKER_H

#include "kern/maker.h"

/* syscalls-maker - offers the entry and the exit of each system call. */
extern const struct kern_maker kern_syscalls_maker;

#endif
