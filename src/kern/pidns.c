/* SPDX-License-Identifier: MIT */
#include "kern/pidns.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "bpf/asm.h"
#include "kern/btf.h"
#include "kern/load.h"

enum { FIRST_INODE = (int)0xEFFFFFFC /* PROC_PID_INIT_INO, include/linux/proc_ns.h */ };

bool pidns_is_first(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == (uint32_t)FIRST_INODE;
}

/* The program of the iterator: value = task->pid, when there is a task. */
static int load_iterator(const struct btf_index *btf, const struct kern_maps *maps,
			 struct diag *diag)
{
	struct kern_load load = {
		.type = BPF_PROG_TYPE_TRACING,
		.attach = BPF_TRACE_ITER,
		.btf_id = btf_find(btf, BTF_NAMED_FUNCTION, "bpf_iter_task"),
		.name = "piste_pidns",
	};
	struct bpf_asm a = {0};
	unsigned out = asm_label(&a);
	struct btf_place pid, task;
	int fd = -EOPNOTSUPP;

	if (load.btf_id && !btf_path(btf, "task_struct.pid", &pid, NULL) &&
	    !btf_path(btf, "bpf_iter__task.task", &task, NULL)) {
		asm_load(&a, BPF_DW, BPF_REG_2, BPF_REG_1, (int)task.offset);
		asm_jump_imm(&a, BPF_JEQ, BPF_REG_2, 0, out);
		asm_load(&a, BPF_W, BPF_REG_3, BPF_REG_2, (int)pid.offset);
		asm_load_map_value(&a, BPF_REG_1, 0, 0);
		asm_store(&a, BPF_W, BPF_REG_1, 0, BPF_REG_3);
		asm_bind(&a, out);
		asm_return(&a, 0);
		fd = asm_finish(&a);
		if (!fd)
			fd = kern_load(&load, &a, maps, diag);
	}
	asm_fini(&a);
	return fd;
}

static int run_iterator(int program, uint32_t tid)
{
	union bpf_iter_link_info info = {.task.tid = tid};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	_cleanup_(close_fdp) int link = bpf_link_create(program, 0, BPF_TRACE_ITER, &opts);
	_cleanup_(close_fdp) int iterator = link < 0 ? -1 : bpf_iter_create(link);
	char nothing[16];

	if (iterator < 0)
		return -errno;
	return read(iterator, nothing, sizeof(nothing)) < 0 ? -errno : 0;
}

int pidns_translate(const struct btf_index *btf, uint32_t tid, uint32_t *first, struct diag *diag)
{
	static const struct kern_map_spec spec = {
		BPF_MAP_TYPE_ARRAY, "piste_pidns", sizeof(uint32_t), sizeof(uint64_t), 1,
		BPF_F_MMAPABLE,
	};
	struct kern_maps maps = {0};
	int err = btf ? kern_maps_add(&maps, &spec, diag) : -EOPNOTSUPP, program = -1;

	if (err >= 0)
		err = program = load_iterator(btf, &maps, diag);
	if (err >= 0)
		err = run_iterator(program, tid);
	if (!err) {
		memcpy(first, maps.items.items[0].memory, sizeof(*first));
		err = *first ? 0 : -ESRCH;
	}
	close_fdp(&program);
	kern_maps_fini(&maps);
	return err;
}
