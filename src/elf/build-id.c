/* SPDX-License-Identifier: MIT */
#include "elf/build-id.h"

#include <errno.h>
#include <string.h>

static int find_note(struct build_id *id, Elf_Data *data)
{
	size_t at = 0, next, name, desc;
	GElf_Nhdr note;

	while (data && data->d_buf && (next = gelf_getnote(data, at, &note, &name, &desc)) > at) {
		const char *bytes = data->d_buf;

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof("GNU") &&
		    !memcmp(bytes + name, "GNU", sizeof("GNU")) && note.n_descsz &&
		    note.n_descsz <= BUILD_ID_MAX) {
			memcpy(id->bytes, bytes + desc, note.n_descsz);
			id->len = note.n_descsz;
			return 0;
		}
		at = next;
	}
	return -ENOENT;
}

int build_id_read(struct build_id *id, const struct elf_file *f)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Phdr segment;
	size_t n_segments = 0;

	id->len = 0;
	while ((section = elf_file_next(f, section, &header)))
		if (header.sh_type == SHT_NOTE && !find_note(id, elf_getdata(section, NULL)))
			return 0;
	if (elf_getphdrnum(f->elf, &n_segments))
		return -ENOENT;
	for (size_t i = 0; i < n_segments && gelf_getphdr(f->elf, (int)i, &segment); i++)
		if (segment.p_type == PT_NOTE && segment.p_align <= 4 &&
		    !find_note(id, elf_getdata_rawchunk(f->elf, (int64_t)segment.p_offset,
							segment.p_filesz, ELF_T_NHDR)))
			return 0;
	return -ENOENT;
}

void build_id_text(const struct build_id *id, char text[2 * BUILD_ID_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < id->len; i++) {
		text[2 * i] = digits[id->bytes[i] >> 4];
		text[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	text[2 * id->len] = '\0';
}
