/* SPDX-License-Identifier: MIT */
#include "kern/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/btf.h"
#include "kern/pidns.h"

enum { CGROUP_DEPTH_MAX = 256 };

/* The kernel's number of a cgroup is the inode number of its directory. Its depth is how often one
 * can go up within cgroup2: seen from a cgroup namespace that is too little, and nothing matches. */
static int find_cgroup(struct kern_scope *scope, const char *path, struct diag *diag)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st, above;

	if (fd < 0 || fstat(fd, &st) || fstatfs(fd, &fs)) {
		int err = -errno;

		diag_error(diag, NULL, "cgroup %s: %s", path, strerror(-err));
		return err;
	}
	if (fs.f_type != CGROUP2_SUPER_MAGIC) {
		diag_error(diag, NULL, "%s is no cgroup of version 2", path);
		return -EINVAL;
	}
	scope->cgroup_id = st.st_ino;
	for (; scope->cgroup_level < CGROUP_DEPTH_MAX; scope->cgroup_level++) {
		int up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		close(fd);
		fd = up;
		if (fd < 0 || fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC ||
		    fstat(fd, &above) || above.st_ino == st.st_ino)
			break;
		st = above;
	}
	return 0;
}

static int find_own(struct kern_scope *scope, const struct btf_index *btf, struct diag *diag)
{
	int err;

	scope->own_tgid = (uint32_t)getpid();
	if (pidns_is_first())
		return 0;
	scope->foreign = btf;
	err = pidns_translate(btf, scope->own_tgid, &scope->own_tgid, diag);
	if (err && diag && !diag->errors)
		diag_error(diag, NULL,
			   "in this PID namespace the kernel's ids of processes cannot be had: %s",
			   strerror(-err));
	return err;
}

int kern_scope_tid(const struct kern_scope *scope, uint32_t tid, uint32_t *first)
{
	*first = tid;
	return scope->foreign ? pidns_translate(scope->foreign, tid, first, NULL) : 0;
}

int kern_scope_init(struct kern_scope *scope, const struct kern_options *options,
		    const struct btf_index *btf, struct kern_maps *maps, struct diag *diag)
{
	static const struct kern_map_spec bitmap = {
		.type = BPF_MAP_TYPE_ARRAY,
		.name = "piste_tasks",
		.key_size = sizeof(uint32_t),
		.value_size = KERN_TID_MAX / 8,
		.max_entries = 1,
		.flags = BPF_F_MMAPABLE,
	};
	int number;

	*scope = (struct kern_scope){.kind = options->scope};
	number = find_own(scope, btf, diag);
	if (number)
		return number;
	if (scope->kind == KERN_SCOPE_CGROUP)
		return find_cgroup(scope, options->cgroup_path, diag);
	if (scope->kind != KERN_SCOPE_TASKS)
		return 0;
	number = kern_maps_add(maps, &bitmap, diag);
	if (number < 0)
		return number;
	scope->map = (uint32_t)number;
	scope->bits = maps->items.items[number].memory;
	return 0;
}

int kern_scope_add(struct kern_scope *scope, uint32_t first)
{
	if (first >= KERN_TID_MAX)
		return -EINVAL;
	if (scope->bits) /* programs set other bits of the same word */
		atomic_fetch_or_explicit((_Atomic uint64_t *)&scope->bits[first / 64],
					 UINT64_C(1) << first % 64, memory_order_relaxed);
	return 0;
}

/* Goes to `in` when the bit of the thread whose id is in w1 is set. r1 … r3 lost. */
static void emit_test_bit(const struct kern_scope *scope, struct bpf_asm *a, unsigned in)
{
	asm_alu32_imm(a, BPF_AND, BPF_REG_1, KERN_TID_MAX - 1);
	asm_mov(a, BPF_REG_2, BPF_REG_1);
	asm_alu_imm(a, BPF_RSH, BPF_REG_2, 3);
	asm_load_map_value(a, BPF_REG_3, scope->map, 0);
	asm_alu(a, BPF_ADD, BPF_REG_3, BPF_REG_2);
	asm_load(a, BPF_B, BPF_REG_3, BPF_REG_3, 0);
	asm_alu_imm(a, BPF_AND, BPF_REG_1, 7);
	asm_alu(a, BPF_RSH, BPF_REG_3, BPF_REG_1);
	asm_jump_imm(a, BPF_JSET, BPF_REG_3, 1, in);
}

static void current_in_tasks(const struct kern_scope *scope, struct bpf_asm *a, unsigned out)
{
	unsigned in = asm_label(a);

	asm_call(a, BPF_FUNC_get_current_pid_tgid);
	asm_alu32(a, BPF_MOV, BPF_REG_1, BPF_REG_0);
	emit_test_bit(scope, a, in);
	asm_jump(a, out);
	asm_bind(a, in);
}

static void current_in_cgroup(const struct kern_scope *scope, struct bpf_asm *a, unsigned out)
{
	asm_mov_imm(a, BPF_REG_1, (int32_t)scope->cgroup_level);
	asm_call(a, BPF_FUNC_get_current_ancestor_cgroup_id);
	asm_mov_imm64(a, BPF_REG_1, scope->cgroup_id);
	asm_jump_reg(a, BPF_JNE, BPF_REG_0, BPF_REG_1, out);
	asm_call(a, BPF_FUNC_get_current_pid_tgid);
}

static void current_in_system(const struct kern_scope *scope, struct bpf_asm *a, unsigned out)
{
	asm_call(a, BPF_FUNC_get_current_pid_tgid);
	asm_mov(a, BPF_REG_1, BPF_REG_0);
	asm_alu_imm(a, BPF_RSH, BPF_REG_1, 32);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_1, (int32_t)scope->own_tgid, out);
}

void scope_emit_current(const struct kern_scope *scope, struct bpf_asm *a, unsigned out)
{
	static void (*const by_kind[])(const struct kern_scope *, struct bpf_asm *, unsigned) = {
		[KERN_SCOPE_TASKS] = current_in_tasks,
		[KERN_SCOPE_CGROUP] = current_in_cgroup,
		[KERN_SCOPE_SYSTEM] = current_in_system,
	};

	by_kind[scope->kind](scope, a, out);
}

/* Offset of a member, 0 with a sticky error when this kernel lacks it. */
static int32_t offset(const struct btf_index *btf, struct bpf_asm *a, const char *path)
{
	struct btf_place place;

	if (btf && !btf_path(btf, path, &place, NULL))
		return (int32_t)place.offset;
	a->error = a->error ? a->error : -EOPNOTSUPP;
	return 0;
}

/* r3 = the u64 at the address in r3 + off, through the stack at r10 + slot. */
static void follow(struct bpf_asm *a, int32_t off, int slot)
{
	asm_mov(a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, slot);
	asm_mov_imm(a, BPF_REG_2, 8);
	asm_alu_imm(a, BPF_ADD, BPF_REG_3, off);
	asm_call(a, BPF_FUNC_probe_read_kernel);
	asm_load(a, BPF_DW, BPF_REG_3, BPF_REG_10, slot);
}

/* task->cgroups->dfl_cgrp->ancestors[level]->kn->id; what cannot be read is 0. */
static void task_in_cgroup(const struct kern_scope *scope, const struct btf_index *btf,
			   struct bpf_asm *a, int reg, unsigned in)
{
	enum { SLOT = -32 };
	int32_t ancestors = offset(btf, a, "cgroup.ancestors");

	asm_store_imm(a, BPF_DW, BPF_REG_10, SLOT, 0);
	asm_mov(a, BPF_REG_3, reg);
	follow(a, offset(btf, a, "task_struct.cgroups"), SLOT);
	follow(a, offset(btf, a, "css_set.dfl_cgrp"), SLOT);
	follow(a, ancestors + 8 * (int32_t)scope->cgroup_level, SLOT);
	follow(a, offset(btf, a, "cgroup.kn"), SLOT);
	follow(a, offset(btf, a, "kernfs_node.id"), SLOT);
	asm_mov_imm64(a, BPF_REG_1, scope->cgroup_id);
	asm_jump_reg(a, BPF_JEQ, BPF_REG_3, BPF_REG_1, in);
}

void scope_emit_task(const struct kern_scope *scope, const struct btf_index *btf, struct bpf_asm *a,
		     int reg, unsigned in)
{
	if (scope->kind == KERN_SCOPE_SYSTEM) {
		asm_jump(a, in);
	} else if (scope->kind == KERN_SCOPE_CGROUP) {
		task_in_cgroup(scope, btf, a, reg, in);
	} else {
		asm_load(a, BPF_W, BPF_REG_1, reg, offset(btf, a, "task_struct.pid"));
		emit_test_bit(scope, a, in);
	}
}

/* Sets or clears the bit of the thread whose id is in w1: lock or/and of the word. */
static void emit_change_bit(const struct kern_scope *scope, struct bpf_asm *a, bool set)
{
	asm_alu32_imm(a, BPF_AND, BPF_REG_1, KERN_TID_MAX - 1);
	asm_mov(a, BPF_REG_2, BPF_REG_1);
	asm_alu_imm(a, BPF_RSH, BPF_REG_2, 6);
	asm_alu_imm(a, BPF_LSH, BPF_REG_2, 3);
	asm_load_map_value(a, BPF_REG_3, scope->map, 0);
	asm_alu(a, BPF_ADD, BPF_REG_3, BPF_REG_2);
	asm_alu_imm(a, BPF_AND, BPF_REG_1, 63);
	asm_mov_imm(a, BPF_REG_2, 1);
	asm_alu(a, BPF_LSH, BPF_REG_2, BPF_REG_1);
	if (!set)
		asm_alu_imm(a, BPF_XOR, BPF_REG_2, -1);
	asm_atomic(a, BPF_DW, set ? BPF_OR : BPF_AND, BPF_REG_3, 0, BPF_REG_2);
}

void scope_emit_inherit(const struct kern_scope *scope, const struct btf_index *btf,
			struct bpf_asm *a, int parent, int child)
{
	unsigned in = asm_label(a), done = asm_label(a);
	int32_t pid = offset(btf, a, "task_struct.pid");

	if (scope->kind == KERN_SCOPE_TASKS) {
		scope_emit_task(scope, btf, a, parent, in);
		asm_load(a, BPF_W, BPF_REG_1, child, pid); /* left by a former owner of the id */
		emit_change_bit(scope, a, false);
		asm_jump(a, done);
		asm_bind(a, in);
		asm_load(a, BPF_W, BPF_REG_1, child, pid);
		emit_change_bit(scope, a, true);
	} else {
		asm_bind(a, in);
	}
	asm_bind(a, done);
}

void scope_emit_forget(const struct kern_scope *scope, const struct btf_index *btf,
		       struct bpf_asm *a, int task)
{
	if (scope->kind != KERN_SCOPE_TASKS)
		return;
	asm_load(a, BPF_W, BPF_REG_1, task, offset(btf, a, "task_struct.pid"));
	emit_change_bit(scope, a, false);
}
