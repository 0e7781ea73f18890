/* SPDX-License-Identifier: MIT */
/* Sites of an ELF file, and what `piste list` then does with each. */
#include <stdlib.h>
#include <string.h>

#include "elf/sites.h"
#include "session/classes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct classes_types types = {0};
	struct classes_class *class;
	struct elf_sites sites;
	struct arena arena = {.limit_bytes = 64u << 20};
	struct diag diag = {0};

	if (!elf_sites_read_memory(&sites, (struct span){data, size}, "input", &diag)) {
		if (!classes_types_init(&types, &arena, sites.types))
			for (size_t i = 0; i < sites.len && i < 64; i++)
				if (!classes_new(&class, &arena, sites.items[i].bytes, &types,
						 1 + i % 2, &diag))
					classes_payload_size(class, (struct span){data, size});
		classes_types_fini(&types);
		elf_sites_fini(&sites);
	}
	arena_fini(&arena);
	diag_fini(&diag);
	return 0;
}
