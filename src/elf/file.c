/* SPDX-License-Identifier: MIT */
#include "elf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int file_begin(struct elf_file *f, const char *name, struct diag *diag)
{
	const struct diag_place place = {.file = name};

	if (!f->elf)
		return diag_error(diag, &place, "cannot be read as an ELF file: %s",
				  elf_errmsg(-1));
	if (elf_kind(f->elf) == ELF_K_AR) {
		diag_error(diag, &place, "is an archive");
		diag_hint(diag, "take its members out: ar x %s", name);
		return -EINVAL;
	}
	if (elf_kind(f->elf) != ELF_K_ELF || !gelf_getehdr(f->elf, &f->header)) {
		diag_error(diag, &place, "is not an ELF file");
		diag_hint(diag, "a program, a shared object or an object file is wanted");
		return -EINVAL;
	}
	if (f->header.e_ident[EI_CLASS] != ELFCLASS64)
		return diag_error(diag, &place, "is a 32-bit program; piste traces 64-bit ones");
	if (f->header.e_ident[EI_DATA] != ELFDATA2LSB)
		return diag_error(diag, &place, "is big-endian; piste traces little-endian ones");
	if (elf_getshdrstrndx(f->elf, &f->name_section))
		f->name_section = 0;
	return 0;
}

int elf_file_open(struct elf_file *f, const char *path, struct diag *diag)
{
	const struct diag_place place = {.file = path};
	struct stat st;
	int rc;

	*f = (struct elf_file){.fd = -1};
	if (elf_version(EV_CURRENT) == EV_NONE)
		return diag_error(diag, NULL, "libelf: %s", elf_errmsg(-1));
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (f->fd < 0 || fstat(f->fd, &st) < 0) {
		rc = -errno;
		diag_error(diag, &place, "cannot be opened: %s", strerror(-rc));
		elf_file_close(f);
		return rc;
	}
	if (!S_ISREG(st.st_mode)) {
		elf_file_close(f);
		return diag_error(diag, &place,
				  S_ISDIR(st.st_mode) ? "is a directory" : "is not a file");
	}
	/* read, and not mapped: a file that shrinks meanwhile is then an error, not a signal */
	f->elf = elf_begin(f->fd, ELF_C_READ, NULL);
	rc = file_begin(f, path, diag);
	if (rc)
		elf_file_close(f);
	return rc;
}

int elf_file_open_memory(struct elf_file *f, struct span image, const char *name, struct diag *diag)
{
	int rc;

	*f = (struct elf_file){.fd = -1};
	if (elf_version(EV_CURRENT) == EV_NONE)
		return diag_error(diag, NULL, "libelf: %s", elf_errmsg(-1));
	f->elf = elf_memory((char *)(uintptr_t)image.data, image.len);
	rc = file_begin(f, name, diag);
	if (rc)
		elf_file_close(f);
	return rc;
}

void elf_file_close(struct elf_file *f)
{
	if (f->elf)
		elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
	*f = (struct elf_file){.fd = -1};
}

Elf_Scn *elf_file_next(const struct elf_file *f, Elf_Scn *section, GElf_Shdr *header)
{
	while ((section = elf_nextscn(f->elf, section)))
		if (gelf_getshdr(section, header))
			break;
	return section;
}

const char *elf_file_section_name(const struct elf_file *f, const GElf_Shdr *header)
{
	const char *name = elf_strptr(f->elf, f->name_section, header->sh_name);

	return name ? name : "";
}

struct span elf_file_bytes(Elf_Scn *section)
{
	Elf_Data *data = elf_rawdata(section, NULL);

	if (!data || !data->d_buf || data->d_type == ELF_T_NUM)
		return (struct span){0};
	return (struct span){data->d_buf, data->d_size};
}
