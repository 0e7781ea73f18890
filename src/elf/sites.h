/* SPDX-License-Identifier: MIT */
#ifndef PISTE_ELF_SITES_H
#define PISTE_ELF_SITES_H

#include "base/arena.h"
#include "elf/build-id.h"
#include "piste/wire/site.h"

/*
 * sites - the instrumentation points of a file, without running it.
 *
 * Programs and shared objects are read by their sections; so are object files,
 * where the linker has not been yet. Nothing of it needs the code.
 */
struct elf_site {
	uint64_t address; /* of the description in the object; 0 in an object file */
	struct span bytes; /* struct piste_site and its text, 8-byte aligned */
	uint32_t gates; /* places in the code that test it */
};

struct elf_sites {
	struct elf_site *items; /* by address, that is in the order of the source, mostly */
	size_t len;
	bool is_lto; /* it holds intermediate code for the linker: sites are made later */
	size_t broken; /* gates whose site cannot be read, which are left out */
	struct span types; /* the `piste_types` section, 8-byte aligned; may be empty */
	struct build_id build_id;
	struct arena arena; /* where all of it lies */
};

/* 0, also where the file has no site at all; negative errno with the reason in the diag. */
int elf_sites_read(struct elf_sites *out, const char *path, struct diag *diag);
int elf_sites_read_memory(struct elf_sites *out, struct span image, const char *name,
			  struct diag *diag);
void elf_sites_fini(struct elf_sites *sites);

static inline const struct piste_site *elf_site_head(const struct elf_site *site)
{
	return (const struct piste_site *)(const void *)site->bytes.data;
}

#endif
