/* SPDX-License-Identifier: MIT */
/*
 * Programs are copied, the descriptors and numbers put where the code names
 * them, and given to the kernel. Should it refuse one, it is asked again with
 * its log: the reason goes into the diag, and the whole log into the file that
 * PISTE_BPF_LOG names.
 */
#include "kern/load.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "bpf/disasm.h"
#include "kern/rights.h"

enum { LOG_BYTES = 1 << 20 };

static const char what[] = "kernel events";

/* Names in the kernel are letters, digits, '_' and '.'. */
static void clean_name(char out[BPF_OBJ_NAME_LEN], const char *name)
{
	size_t len = strnlen(name, BPF_OBJ_NAME_LEN - 1);

	memcpy(out, name, len);
	out[len] = '\0';
	for (char *c = out; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '.')
			*c = '_';
}

/* --- maps ------------------------------------------------------------------------ */

static int map_memory(struct kern_map *map, const struct kern_map_spec *spec)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	map->stride = ((size_t)spec->value_size + 7) & ~(size_t)7;
	map->memory_size = (map->stride * spec->max_entries + page - 1) & ~(page - 1);
	map->memory = mmap(NULL, map->memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, map->fd, 0);
	if (map->memory != MAP_FAILED)
		return 0;
	map->memory = NULL;
	return -errno;
}

int kern_maps_add(struct kern_maps *maps, const struct kern_map_spec *spec, struct diag *diag)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = spec->flags);
	struct kern_map map = {.fd = -1};
	char name[BPF_OBJ_NAME_LEN];
	int err;

	clean_name(name, spec->name);
	if (vec_reserve(&maps->items, maps->items.len + 1))
		return -ENOMEM;
	map.fd = bpf_map_create(spec->type, name, spec->key_size, spec->value_size,
				spec->max_entries, &opts);
	err = map.fd < 0 ? -errno : 0;
	if (!err && spec->flags & BPF_F_MMAPABLE)
		err = map_memory(&map, spec);
	if (err) {
		close_fdp(&map.fd);
		if (err == -EPERM)
			return rights_refused(what, "bpf(BPF_MAP_CREATE)", diag);
		diag_error(diag, NULL, "no memory of %zu bytes that is shared with the kernel: %s",
			   (size_t)spec->value_size * spec->max_entries, strerror(-err));
		return err;
	}
	maps->items.items[maps->items.len++] = map;
	return (int)maps->items.len - 1;
}

void kern_maps_fini(struct kern_maps *maps)
{
	struct kern_map *map;

	if (!maps)
		return;
	vec_each(map, &maps->items) {
		if (map->memory)
			munmap(map->memory, map->memory_size);
		close_fdp(&map->fd);
	}
	vec_fini(&maps->items);
}

/* --- programs -------------------------------------------------------------------- */

static int relocate(struct bpf_insn *insns, const struct bpf_asm *a, const struct kern_maps *maps)
{
	const struct bpf_reloc *r;

	vec_each(r, &a->relocs) {
		bool is_map = r->kind == BPF_RELOC_MAP || r->kind == BPF_RELOC_MAP_VALUE;

		if (is_map && r->id >= maps->items.len)
			return -EINVAL;
		insns[r->insn].imm = is_map ? maps->items.items[r->id].fd : (int32_t)r->id;
	}
	return 0;
}

static void keep_log(const struct bpf_insn *insns, size_t n, const char *name, const char *log)
{
	const char *path = getenv("PISTE_BPF_LOG");
	struct str text = {0};
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return;
	str_addf(&text, "program %s\n", name);
	disasm(&text, insns, n);
	str_addf(&text, "%s\n", log);
	(void)!write(fd, str_c(&text), text.len);
	str_fini(&text);
	close(fd);
}

/* The last line of the log that says something: behind it stand statistics. */
static const char *reason_in(char *log)
{
	static const char *const statistics[] = {"processed ", "verification time ", "stack depth ",
						 "peak_states "};
	char *best = log, *save = NULL;

	for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool is_reason = true;

		for (size_t i = 0; i < sizeof(statistics) / sizeof(*statistics); i++)
			is_reason &= strncmp(line, statistics[i], strlen(statistics[i])) != 0;
		if (is_reason)
			best = line;
	}
	return best;
}

static int refused(const struct kern_load *load, const struct bpf_insn *insns, size_t n, int err,
		   char *log, struct diag *diag)
{
	if (err == -EPERM && !log[0])
		return rights_refused(what, "bpf(BPF_PROG_LOAD)", diag);
	keep_log(insns, n, load->name, log);
	diag_error(diag, NULL, "the kernel refuses the program for %s (%s): %s", load->name,
		   strerror(-err), log[0] ? reason_in(log) : "without a reason");
	diag_hint(diag, "that is a mistake of piste; PISTE_BPF_LOG=FILE keeps the kernel's whole "
			"answer for a report");
	return err;
}

int kern_load(const struct kern_load *load, const struct bpf_asm *a, const struct kern_maps *maps,
	      struct diag *diag)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .attach_btf_id = load->btf_id,
		    .expected_attach_type = load->attach,
		    .prog_flags = load->is_sleepable ? BPF_F_SLEEPABLE : 0);
	size_t n = a->insns.len;
	_cleanup_(freep) struct bpf_insn *insns = malloc(n * sizeof(*insns) + 1);
	_cleanup_(freep) char *log = NULL;
	char name[BPF_OBJ_NAME_LEN];
	int fd, err;

	if (a->error || !insns)
		return a->error ? a->error : -ENOMEM;
	memcpy(insns, a->insns.items, n * sizeof(*insns));
	err = relocate(insns, a, maps);
	if (err)
		return err;
	clean_name(name, load->name);
	fd = bpf_prog_load(load->type, name, "Dual MIT/GPL", insns, n, &opts);
	if (fd >= 0)
		return fd;
	err = -errno;
	if (!diag) /* only tried */
		return err;
	log = calloc(1, LOG_BYTES);
	if (!log)
		return -ENOMEM;
	opts.log_buf = log;
	opts.log_size = LOG_BYTES;
	opts.log_level = 1;
	fd = bpf_prog_load(load->type, name, "Dual MIT/GPL", insns, n, &opts);
	return fd >= 0 ? fd : refused(load, insns, n, err, log, diag);
}

static int attach(int program, const char *tracepoint, const char *target, struct diag *diag)
{
	int fd = bpf_raw_tracepoint_open(tracepoint, program), err = -errno;

	if (fd >= 0)
		return fd;
	if (err == -EPERM)
		return rights_refused(what, "bpf(BPF_RAW_TRACEPOINT_OPEN)", diag);
	diag_error(diag, NULL, "attaching to %s: %s", target, strerror(-err));
	return err;
}

int kern_attach_btf(int program, const char *target, struct diag *diag)
{
	return attach(program, NULL, target, diag);
}

int kern_attach_raw(int program, const char *tracepoint, struct diag *diag)
{
	return attach(program, tracepoint, tracepoint, diag);
}

uint64_t kern_program_misses(int program)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &len) ? 0 : info.recursion_misses;
}
