/* SPDX-License-Identifier: MIT */
#ifndef PISTE_ELF_FILE_H
#define PISTE_ELF_FILE_H

#include <gelf.h>

#include "base/diag.h"
#include "base/fs.h"

/*
 * file - an ELF file that is opened: 64 bits, little endian, whatever its
 * machine. libelf checks what it hands out against the file's size; contents
 * are not to be trusted.
 */
struct elf_file {
	Elf *elf;
	GElf_Ehdr header;
	size_t name_section; /* of the sections' names */
	int fd;
};

/* 0; -EINVAL for what is no such file, negative errno when it cannot be opened; the diag says why.
 * Never waits, also not on a FIFO. */
int elf_file_open(struct elf_file *f, const char *path, struct diag *diag);
/* The same from memory, which stays the caller's; `name` is for messages. */
int elf_file_open_memory(struct elf_file *f, struct span image, const char *name,
			 struct diag *diag);
void elf_file_close(struct elf_file *f);

/* The next section behind `section` (NULL: the first) with its header; NULL at the end. */
Elf_Scn *elf_file_next(const struct elf_file *f, Elf_Scn *section, GElf_Shdr *header);
/* "" when it has none. */
const char *elf_file_section_name(const struct elf_file *f, const GElf_Shdr *header);
/* The bytes of a section as they are in the file; empty when there are none. */
struct span elf_file_bytes(Elf_Scn *section);

#endif
