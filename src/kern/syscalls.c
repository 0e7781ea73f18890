/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <threads.h>

#include "kern/syscalls-table.h"

/* In this order: a call of i386 has its row either here or among the others, never both. */
static const struct syscall *const tables[] = {
	syscalls_files, syscalls_memory, syscalls_process, syscalls_system, syscalls_compat,
};

static const struct syscall *by_number[SYSCALL_ABIS][SYSCALL_NUMBERS];
static once_flag indexed = ONCE_FLAG_INIT;

static void index_tables(void)
{
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct syscall *call = tables[t]; call->name; call++)
			for (int abi = 0; abi < SYSCALL_ABIS; abi++)
				if (call->numbers[abi] >= 0)
					by_number[abi][call->numbers[abi]] = call;
}

const struct syscall *syscall_by_number(enum syscall_abi abi, unsigned number)
{
	call_once(&indexed, index_tables);
	return number < SYSCALL_NUMBERS ? by_number[abi][number] : NULL;
}

const struct syscall *syscall_by_name(enum syscall_abi abi, const char *name)
{
	for (unsigned i = 0; i < SYSCALL_NUMBERS; i++) {
		const struct syscall *call = syscall_by_number(abi, i);

		if (call && !strcmp(call->name, name))
			return call;
	}
	return NULL;
}

unsigned syscall_args(const struct syscall *call)
{
	unsigned n = 0;

	while (n < SYSCALL_ARGS && call->args[n].name)
		n++;
	return n;
}

const char *syscall_error_name(int64_t error)
{
	for (size_t i = 0; i < labels_errors.n; i++)
		if (labels_errors.items[i].value == (uint64_t)(error > 0 ? -error : error))
			return labels_errors.items[i].name;
	return NULL;
}
