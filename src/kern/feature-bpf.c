/* SPDX-License-Identifier: MIT */
/* Features of BPF: programs of two instructions and the smallest maps, through bpf(2). */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/btf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "bpf/asm.h"
#include "kern/feature-private.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
/* A function that the kernel has for tests like these, and that nobody calls. */
#define TEST_FUNCTION "bpf_fentry_test1"

/* Newer than the headers of Debian 12. */
enum {
	MAP_TYPE_ARENA = 33, /* BPF_MAP_TYPE_ARENA */
	ATTACH_UPROBE_MULTI = 48, /* BPF_TRACE_UPROBE_MULTI */
};

/* --- programs ---------------------------------------------------------------------------------- */

int bench_load(const struct bench_program *p)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options,
		    .expected_attach_type = (enum bpf_attach_type)p->attach_type,
		    .attach_btf_id = p->btf_id);
	struct bpf_asm a = {0};
	int fd;

	asm_return(&a, 0);
	fd = asm_finish(&a);
	if (!fd)
		fd = bpf_prog_load(p->type, "piste_doctor", "Dual MIT/GPL", a.insns.items,
				   a.insns.len, &options);
	asm_fini(&a);
	return fd;
}

int bench_attach(const struct bench_program *p)
{
	_cleanup_(close_fdp) int program = bench_load(p);
	int link;

	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(
		p->type == BPF_PROG_TYPE_RAW_TRACEPOINT ? "sched_switch" : NULL, program);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

int bench_btf_id(struct feature_bench *b, const char *name, enum btf_named kind)
{
	int err = b->btf ? 0 : btf_index_new(&b->btf, NULL, NULL);
	uint32_t id;

	if (err) {
		bench_why(b, "there is no " BTF_PATH);
		return err;
	}
	id = btf_find(b->btf, kind, name);
	return id ? (int)id : -ENOENT;
}

int probe_btf(struct feature_bench *b)
{
	struct str size = {0};
	struct stat st;
	int id;

	if (access(BTF_PATH, R_OK) < 0 || stat(BTF_PATH, &st) < 0) {
		id = -errno;
		bench_why(b, BTF_PATH ": %s", strerror(errno));
		return id;
	}
	str_add_bytes_human(&size, (uint64_t)st.st_size);
	bench_note(b, "%s", str_c(&size));
	str_fini(&size);
	id = bench_btf_id(b, "task_struct", BTF_NAMED_STRUCT);
	return id < 0 ? id : 0;
}

/* A program whose place in the kernel is a type or a function of its BTF. */
static int try_typed(struct feature_bench *b, int attach_type, const char *name,
		     enum btf_named kind)
{
	struct bench_program p = {.type = BPF_PROG_TYPE_TRACING, .attach_type = attach_type};
	int id = bench_btf_id(b, name, kind);

	if (id < 0)
		return id;
	p.btf_id = (uint32_t)id;
	return bench_attach(&p);
}

int probe_tp_btf(struct feature_bench *b)
{
	return try_typed(b, BPF_TRACE_RAW_TP, "btf_trace_sched_switch", BTF_NAMED_TYPEDEF);
}

int probe_raw_tp(struct feature_bench *b)
{
	(void)b;
	return bench_attach(&(struct bench_program){.type = BPF_PROG_TYPE_RAW_TRACEPOINT});
}

int probe_fentry(struct feature_bench *b)
{
	return try_typed(b, BPF_TRACE_FENTRY, TEST_FUNCTION, BTF_NAMED_FUNCTION);
}

int probe_fexit(struct feature_bench *b)
{
	return try_typed(b, BPF_TRACE_FEXIT, TEST_FUNCTION, BTF_NAMED_FUNCTION);
}

int probe_kprobe_multi(struct feature_bench *b)
{
	static const char *const functions[] = {TEST_FUNCTION};
	LIBBPF_OPTS(bpf_link_create_opts, options,
		    .kprobe_multi = {.syms = (const char **)functions, .cnt = 1});
	_cleanup_(close_fdp) int program = bench_load(&(struct bench_program){
		.type = BPF_PROG_TYPE_KPROBE, .attach_type = BPF_TRACE_KPROBE_MULTI});
	int link;

	(void)b;
	if (program < 0)
		return program;
	link = bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &options);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

/* The part of union bpf_attr that libbpf 1.1 does not know (include/uapi/linux/bpf.h, Linux 6.6). */
struct link_uprobe_multi {
	uint32_t program, target, attach_type, flags;
	uint64_t path, offsets, reference_counts, cookies;
	uint32_t n, multi_flags, pid;
	uint8_t rest[64]; /* of the kernel's union: zero */
};

int probe_uprobe_multi(struct feature_bench *b)
{
	_cleanup_(close_fdp) int program = bench_load(&(struct bench_program){
		.type = BPF_PROG_TYPE_KPROBE, .attach_type = ATTACH_UPROBE_MULTI});
	uint64_t offset = bench_own_offset();
	struct link_uprobe_multi link = {
		.program = (uint32_t)program,
		.attach_type = ATTACH_UPROBE_MULTI,
		.path = (uintptr_t) "/proc/self/exe",
		.offsets = (uintptr_t)&offset,
		.n = 1,
		.pid = (uint32_t)getpid(),
	};
	int fd;

	(void)b;
	if (program < 0)
		return program;
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &link,
			  offsetof(struct link_uprobe_multi, rest));
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* --- maps -------------------------------------------------------------------------------------- */

static int map_pages(int map, size_t pages, int protection, off_t offset)
{
	size_t size = pages * (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, size, protection, MAP_SHARED, map, offset);

	if (memory == MAP_FAILED)
		return -errno;
	munmap(memory, size);
	return 0;
}

int probe_array_mmap(struct feature_bench *b)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	_cleanup_(close_fdp) int map =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "piste_doctor", 4, 4096, 1, &options);

	(void)b;
	return map < 0 ? map : map_pages(map, 1, PROT_READ | PROT_WRITE, 0);
}

int probe_ringbuf(struct feature_bench *b)
{
	uint32_t size = (uint32_t)sysconf(_SC_PAGESIZE);
	_cleanup_(close_fdp) int map =
		bpf_map_create(BPF_MAP_TYPE_RINGBUF, "piste_doctor", 0, 0, size, NULL);

	(void)b;
	return map < 0 ? map : map_pages(map, 1, PROT_READ | PROT_WRITE, 0);
}

int probe_arena(struct feature_bench *b)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	_cleanup_(close_fdp) int map = bpf_map_create((enum bpf_map_type)MAP_TYPE_ARENA,
						      "piste_doctor", 0, 0, 1, &options);

	(void)b;
	return map < 0 ? map : map_pages(map, 1, PROT_READ | PROT_WRITE, 0);
}

/* Types of key and value must be told: BTF of one integer. */
static int make_int_btf(void)
{
	static const struct {
		struct btf_header header;
		struct btf_type type;
		uint32_t encoding;
		char names[5];
	} btf = {
		.header = {.magic = BTF_MAGIC,
			   .version = BTF_VERSION,
			   .hdr_len = sizeof(struct btf_header),
			   .type_len = sizeof(struct btf_type) + 4,
			   .str_off = sizeof(struct btf_type) + 4,
			   .str_len = 5},
		.type = {.name_off = 1, .info = BTF_KIND_INT << 24, .size = 4},
		.encoding = BTF_INT_SIGNED << 24 | 32,
		.names = "\0int",
	};

	return bpf_btf_load(&btf, offsetof(typeof(btf), names) + sizeof(btf.names), NULL);
}

int probe_task_storage(struct feature_bench *b)
{
	_cleanup_(close_fdp) int btf = make_int_btf(), map = -1, pidfd = -1;
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC,
		    .btf_fd = (uint32_t)btf, .btf_key_type_id = 1, .btf_value_type_id = 1);
	int value = 1;

	(void)b;
	if (btf < 0)
		return btf;
	map = bpf_map_create(BPF_MAP_TYPE_TASK_STORAGE, "piste_doctor", 4, 4, 0, &options);
	if (map < 0)
		return map;
	pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (pidfd < 0)
		return -errno;
	return bpf_map_update_elem(map, &pidfd, &value, BPF_ANY);
}

int probe_iterators(struct feature_bench *b)
{
	struct bench_program p = {.type = BPF_PROG_TYPE_TRACING, .attach_type = BPF_TRACE_ITER};
	_cleanup_(close_fdp) int program = -1, link = -1, iterator = -1;
	int id = bench_btf_id(b, "bpf_iter_task", BTF_NAMED_FUNCTION);
	char byte;

	if (id < 0)
		return id;
	p.btf_id = (uint32_t)id;
	program = bench_load(&p);
	if (program < 0)
		return program;
	link = bpf_link_create(program, 0, BPF_TRACE_ITER, NULL);
	if (link < 0)
		return link;
	iterator = bpf_iter_create(link);
	if (iterator < 0)
		return iterator;
	return read(iterator, &byte, 1) < 0 ? -errno : 0;
}
