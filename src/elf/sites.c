/* SPDX-License-Identifier: MIT */
/*
 * sites.c - gates are found by their section, and each leads to its site: in a
 * linked object by the distance that stands in it, in an object file by the
 * relocation that the linker would have used to write that distance.
 */
#include "elf/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"

/* Limits on hostile files; real ones are far below. */
#define TEXT_MAX (1u << 16) /* bytes of one site's text */
#define COPIES_MAX (128u << 20) /* bytes of all that is kept */

struct section {
	uint64_t address;
	struct span bytes;
	size_t index;
};

struct reader {
	const struct elf_file *file;
	struct elf_sites *out;
	struct VEC(struct section) loaded; /* sections of data; in a linked object by address */
	struct VEC(struct elf_site) sites;
	struct map by_place; /* to the index in `sites` */
};

static int compare_sections(const void *a, const void *b)
{
	const struct section *x = a, *y = b;

	return x->address != y->address ? (x->address < y->address ? -1 : 1) : 0;
}

static int compare_sites(const void *a, const void *b)
{
	const struct elf_site *x = a, *y = b;

	return x->address != y->address ? (x->address < y->address ? -1 : 1) : 0;
}

static const struct section *section_at(const struct reader *r, uint64_t address)
{
	size_t low = 0, high = r->loaded.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->loaded.items[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &r->loaded.items[low - 1] : NULL;
}

static const struct section *section_of_index(const struct reader *r, size_t index)
{
	for (size_t i = 0; i < r->loaded.len; i++)
		if (r->loaded.items[i].index == index)
			return &r->loaded.items[i];
	return NULL;
}

/* A gate leads to `offset` in `section`. `place` tells sites apart. 0 or -ENOMEM. */
static int add_site(struct reader *r, const struct section *section, uint64_t offset,
		    uint64_t place, uint64_t address)
{
	struct piste_site head;
	uint64_t index;
	void *copy;

	if (map_get_u64(&r->by_place, place, &index)) {
		r->sites.items[index].gates++;
		return 0;
	}
	if (!section || offset > section->bytes.len ||
	    section->bytes.len - offset < sizeof(struct piste_site)) {
		r->out->broken++;
		return 0;
	}
	memcpy(&head, section->bytes.data + offset, sizeof(head));
	if (head.text_size > TEXT_MAX ||
	    head.text_size > section->bytes.len - offset - sizeof(head)) {
		r->out->broken++;
		return 0;
	}
	copy = arena_memdup(&r->out->arena, section->bytes.data + offset,
			    sizeof(head) + head.text_size);
	if (!copy || vec_push(&r->sites, ((struct elf_site){
						 .address = address,
						 .bytes = {copy, sizeof(head) + head.text_size},
						 .gates = 1,
					 })))
		return -ENOMEM;
	return map_put_u64(&r->by_place, place, r->sites.len - 1);
}

static int read_gates(struct reader *r, const GElf_Shdr *header, Elf_Scn *gates)
{
	struct span bytes = elf_file_bytes(gates);
	int rc = 0;

	for (size_t at = 0; bytes.len - at >= sizeof(struct piste_gate) && !rc;
	     at += sizeof(struct piste_gate)) {
		const struct section *section;
		struct piste_gate gate;
		uint64_t address;

		memcpy(&gate, bytes.data + at, sizeof(gate));
		address = header->sh_addr + at + offsetof(struct piste_gate, site_offset) +
			  (uint64_t)(int64_t)gate.site_offset;
		section = section_at(r, address);
		rc = add_site(r, section, section ? address - section->address : 0, address,
			      address);
	}
	return rc;
}

static bool is_relative(const struct elf_file *f, uint64_t type)
{
	return (f->header.e_machine == EM_X86_64 && type == R_X86_64_PC32) ||
	       (f->header.e_machine == EM_AARCH64 && type == R_AARCH64_PREL32);
}

/* The relocations of a `piste_sites` section of an object file. */
static int read_relocations(struct reader *r, const GElf_Shdr *header, Elf_Scn *relocations)
{
	Elf_Data *data = elf_getdata(relocations, NULL);
	Elf_Data *symbols = elf_getdata(elf_getscn(r->file->elf, header->sh_link), NULL);
	GElf_Rela rela;
	int rc = 0;

	for (int i = 0; data && symbols && gelf_getrela(data, i, &rela) && !rc; i++) {
		GElf_Sym symbol;
		uint64_t offset;

		if (!is_relative(r->file, GELF_R_TYPE(rela.r_info)) ||
		    rela.r_offset % sizeof(struct piste_gate) !=
			    offsetof(struct piste_gate, site_offset) ||
		    !gelf_getsym(symbols, (int)GELF_R_SYM(rela.r_info), &symbol))
			continue;
		offset = symbol.st_value + (uint64_t)rela.r_addend;
		rc = add_site(r, section_of_index(r, symbol.st_shndx), offset,
			      (uint64_t)symbol.st_shndx << 48 ^ offset, 0);
	}
	return rc;
}

static bool is_gates(const struct elf_file *f, const GElf_Shdr *header)
{
	return header->sh_type == SHT_PROGBITS &&
	       !strcmp(elf_file_section_name(f, header), "piste_sites");
}

static int load_sections(struct reader *r)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_file_next(r->file, section, &header))) {
		struct section loaded = {.address = header.sh_addr, .index = elf_ndxscn(section)};

		if (!strncmp(elf_file_section_name(r->file, &header), ".gnu.lto_", 9))
			r->out->is_lto = true;
		if (!(header.sh_flags & SHF_ALLOC) || header.sh_flags & SHF_EXECINSTR ||
		    header.sh_type != SHT_PROGBITS)
			continue;
		loaded.bytes = elf_file_bytes(section);
		if (loaded.bytes.len && vec_push(&r->loaded, loaded))
			return -ENOMEM;
	}
	if (r->loaded.len && r->file->header.e_type != ET_REL)
		qsort(r->loaded.items, r->loaded.len, sizeof(*r->loaded.items), compare_sections);
	return 0;
}

/* One section in a linked object, several (one a group) in an object file. */
static int load_types(struct reader *r)
{
	Elf_Scn *section = NULL;
	size_t len = 0, at = 0;
	GElf_Shdr header;
	uint8_t *copy;

	while ((section = elf_file_next(r->file, section, &header)))
		if (header.sh_type == SHT_PROGBITS &&
		    !strcmp(elf_file_section_name(r->file, &header), "piste_types"))
			len += (elf_file_bytes(section).len + 7) & ~(size_t)7;
	if (!len)
		return 0;
	copy = arena_alloc(&r->out->arena, len);
	if (!copy)
		return -ENOMEM;
	while ((section = elf_file_next(r->file, section, &header))) {
		struct span bytes = elf_file_bytes(section);

		if (header.sh_type != SHT_PROGBITS || !bytes.len || bytes.len > len - at ||
		    strcmp(elf_file_section_name(r->file, &header), "piste_types"))
			continue;
		memcpy(copy + at, bytes.data, bytes.len);
		at += (bytes.len + 7) & ~(size_t)7;
	}
	r->out->types = (struct span){copy, len};
	return 0;
}

static int load_gates(struct reader *r)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header, target;
	int rc = 0;

	while ((section = elf_file_next(r->file, section, &header)) && !rc) {
		if (r->file->header.e_type != ET_REL) {
			if (is_gates(r->file, &header))
				rc = read_gates(r, &header, section);
		} else if (header.sh_type == SHT_RELA) {
			Elf_Scn *of = elf_getscn(r->file->elf, header.sh_info);

			if (of && gelf_getshdr(of, &target) && is_gates(r->file, &target))
				rc = read_relocations(r, &header, section);
		}
	}
	return rc;
}

static int read_sites(struct elf_sites *out, const struct elf_file *f, const char *name,
		      struct diag *diag)
{
	const struct diag_place place = {.file = name};
	struct reader r = {.file = f, .out = out};
	GElf_Shdr header;
	int rc;

	if (!elf_file_next(f, NULL, &header)) {
		diag_error(diag, &place, "has no section headers, by which sites are found");
		diag_hint(diag, "run it, and list its sites with piste list -p PID");
		return -EINVAL;
	}
	out->arena.limit_bytes = COPIES_MAX;
	build_id_read(&out->build_id, f);
	rc = load_sections(&r);
	if (!rc)
		rc = load_types(&r);
	if (!rc)
		rc = load_gates(&r);
	if (!rc && r.sites.len) {
		out->len = r.sites.len;
		out->items = arena_memdup(&out->arena, r.sites.items,
					  r.sites.len * sizeof(*r.sites.items));
		if (out->items && f->header.e_type != ET_REL)
			qsort(out->items, out->len, sizeof(*out->items), compare_sites);
	}
	if (rc || arena_failed(&out->arena)) {
		rc = -ENOMEM;
		diag_error(diag, &place, "not enough memory for its sites");
	} else if (out->broken) {
		diag_warn(diag, &place, "%zu of its sites cannot be read, and are left out",
			  out->broken);
	}
	map_fini(&r.by_place);
	vec_fini(&r.sites);
	vec_fini(&r.loaded);
	return rc;
}

int elf_sites_read(struct elf_sites *out, const char *path, struct diag *diag)
{
	struct elf_file f;
	int rc;

	*out = (struct elf_sites){0};
	rc = elf_file_open(&f, path, diag);
	if (rc)
		return rc;
	rc = read_sites(out, &f, path, diag);
	elf_file_close(&f);
	if (rc)
		elf_sites_fini(out);
	return rc;
}

int elf_sites_read_memory(struct elf_sites *out, struct span image, const char *name,
			  struct diag *diag)
{
	struct elf_file f;
	int rc;

	*out = (struct elf_sites){0};
	rc = elf_file_open_memory(&f, image, name, diag);
	if (rc)
		return rc;
	rc = read_sites(out, &f, name, diag);
	elf_file_close(&f);
	if (rc)
		elf_sites_fini(out);
	return rc;
}

void elf_sites_fini(struct elf_sites *sites)
{
	arena_fini(&sites->arena);
	*sites = (struct elf_sites){0};
}
