/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_PIDNS_H
#define PISTE_KERN_PIDNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"

/*
 * pidns - thread ids as the first PID namespace has them, which is what programs
 * see. Within another one (a container) only the kernel can tell: a program on
 * its list of tasks, asked for one of them, does.
 */
struct btf_index;

bool pidns_is_first(void);
/* 0; -ESRCH when there is no such thread, -EOPNOTSUPP when this kernel (before 6.1) cannot tell. */
int pidns_translate(const struct btf_index *btf, uint32_t tid, uint32_t *first, struct diag *diag);

#endif
