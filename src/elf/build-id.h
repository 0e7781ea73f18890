/* SPDX-License-Identifier: MIT */
#ifndef PISTE_ELF_BUILD_ID_H
#define PISTE_ELF_BUILD_ID_H

#include "elf/file.h"

/* build-id - the linker's name for an object: the same in the file, its debug file and memory. */

#define BUILD_ID_MAX 64 /* bytes */

struct build_id {
	uint8_t bytes[BUILD_ID_MAX];
	size_t len; /* 0: none */
};

/* 0, or -ENOENT when the file has none (or one longer than BUILD_ID_MAX). */
int build_id_read(struct build_id *id, const struct elf_file *f);
/* Lower-case hexadecimal. */
void build_id_text(const struct build_id *id, char text[2 * BUILD_ID_MAX + 1]);

#endif
