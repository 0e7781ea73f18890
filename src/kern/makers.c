/* SPDX-License-Identifier: MIT */
/*
 * All makers of events; the first that offers a name has it.
 */
#include "kern/functions.h"
#include "kern/maker.h"
#include "kern/sample.h"
#include "kern/syscalls-maker.h"
#include "kern/tables.h"
#include "kern/tracefs-source.h"

const struct kern_maker *const kern_makers[] = {
	&kern_tables_maker,    &kern_syscalls_maker, &kern_sample_maker,
	&kern_functions_maker, &kern_tracefs_maker,
};

const size_t kern_n_makers = sizeof(kern_makers) / sizeof(*kern_makers);
