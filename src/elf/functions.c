/* SPDX-License-Identifier: MIT */
#include "elf/functions.h"

#include "elf/file.h"

/* Where an address is in the file; UINT64_MAX: in no part of it. */
static uint64_t file_offset(const struct elf_file *f, uint64_t address)
{
	size_t n = 0;

	if (elf_getphdrnum(f->elf, &n))
		return UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(f->elf, (int)i, &p) || p.p_type != PT_LOAD)
			continue;
		if (address >= p.p_vaddr && address - p.p_vaddr < p.p_filesz)
			return address - p.p_vaddr + p.p_offset;
	}
	return UINT64_MAX;
}

static int visit_table(const struct elf_file *f, Elf_Scn *section, const GElf_Shdr *header,
		       int (*visit)(void *data, const struct elf_function *f), void *data)
{
	Elf_Data *symbols = elf_getdata(section, NULL);
	size_t n = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	int rc = 0;

	for (size_t i = 0; symbols && i < n && !rc; i++) {
		struct elf_function function;
		GElf_Sym s;

		if (!gelf_getsym(symbols, (int)i, &s))
			break;
		if ((GELF_ST_TYPE(s.st_info) != STT_FUNC &&
		     GELF_ST_TYPE(s.st_info) != STT_GNU_IFUNC) ||
		    s.st_shndx == SHN_UNDEF || !s.st_value)
			continue;
		function.name = elf_strptr(f->elf, header->sh_link, s.st_name);
		function.offset = file_offset(f, s.st_value);
		function.size = s.st_size;
		if (function.name && *function.name && function.offset != UINT64_MAX)
			rc = visit(data, &function);
	}
	return rc;
}

int elf_functions_each(const char *path, int (*visit)(void *data, const struct elf_function *f),
		       void *data, struct diag *diag)
{
	struct elf_file f;
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	int rc = elf_file_open(&f, path, diag);

	if (rc)
		return rc;
	while (!rc && (section = elf_file_next(&f, section, &header)))
		if (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM)
			rc = visit_table(&f, section, &header, visit, data);
	elf_file_close(&f);
	return rc;
}
