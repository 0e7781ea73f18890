/* SPDX-License-Identifier: MIT */
#include "kern/syscalls-layout.h"

#include <bpf/bpf.h>
#include <elf.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"

static const char *const registers[SYSCALL_ABIS][SYSCALL_ARGS] = {
	[SYSCALL_X86_64] = {"di", "si", "dx", "r10", "r8", "r9"},
	[SYSCALL_I386] = {"bx", "cx", "dx", "si", "di", "bp"},
};

static int find(const struct btf_index *btf, const char *path, uint32_t *offset, struct diag *diag)
{
	struct btf_place place;
	int err = btf_path(btf, path, &place, diag);

	if (!err)
		*offset = place.offset;
	return err;
}

#if defined(__x86_64__)
static int find_registers(struct syscall_layout *layout, const struct btf_index *btf,
			  struct diag *diag)
{
	int err = find(btf, "pt_regs.orig_ax", &layout->number, diag);

	for (int abi = 0; abi < SYSCALL_ABIS && !err; abi++)
		for (int i = 0; i < SYSCALL_ARGS && registers[abi][0] && !err; i++) {
			char path[32];

			snprintf(path, sizeof(path), "pt_regs.%s", registers[abi][i]);
			err = find(btf, path, &layout->args[abi][i], diag);
		}
	return err;
}
#else
static int find_registers(struct syscall_layout *layout, const struct btf_index *btf,
			  struct diag *diag)
{
	uint32_t first = 0;
	int err = find(btf, "pt_regs.regs", &first, diag);

	for (unsigned i = 1; i < SYSCALL_ARGS; i++)
		layout->args[SYSCALL_GENERIC][i] = first + 8 * i;
	/* the first register becomes the result */
	err = err ? err : find(btf, "pt_regs.orig_x0", &layout->args[SYSCALL_GENERIC][0], diag);
	return err ? err : find(btf, "pt_regs.syscallno", &layout->number, diag);
}
#endif

/*
 * Whether programs of 32 bits run here: kernels that have the code may be told not
 * to use it. Tried with the shortest of them, which ends at once.
 */
static bool runs_i386(void)
{
	static const struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
		uint8_t code[12];
	} program = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_386,
			   .e_version = EV_CURRENT,
			   .e_entry = 0x10000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
			   .e_phoff = sizeof(Elf32_Ehdr),
			   .e_ehsize = sizeof(Elf32_Ehdr),
			   .e_phentsize = sizeof(Elf32_Phdr),
			   .e_phnum = 1},
		.segment = {.p_type = PT_LOAD,
			    .p_vaddr = 0x10000,
			    .p_filesz = sizeof(program),
			    .p_memsz = sizeof(program),
			    .p_flags = PF_R | PF_X},
		/* mov $1, %eax; xor %ebx, %ebx; int $0x80: exit(0) */
		.code = {0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80},
	};
	char path[32], *argv[] = {path, NULL};
	_cleanup_(close_fdp) int fd = memfd_create("piste-i386", MFD_CLOEXEC);
	int status = -1;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || fs_write_all(fd, &program, sizeof(program)) ||
	    posix_spawn(&pid, path, NULL, NULL, argv, argv + 1))
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}

int syscall_layout_init(struct syscall_layout *layout, const struct btf_index *btf,
			struct diag *diag)
{
	*layout = (struct syscall_layout){0};
	if (SYSCALL_NATIVE == SYSCALL_X86_64 &&
	    btf_find(btf, BTF_NAMED_FUNCTION, "do_int80_emulation") +
		    btf_find(btf, BTF_NAMED_FUNCTION, "do_fast_syscall_32"))
		layout->has_compat =
			!find(btf, "task_struct.thread_info.status", &layout->task_status, NULL) &&
			runs_i386();
	return find_registers(layout, btf, diag);
}

int syscall_layout_maps(struct syscall_layout *layout, struct kern_maps *maps, struct diag *diag)
{
	static const struct kern_map_spec formats_spec = {
		.type = BPF_MAP_TYPE_ARRAY,
		.name = "piste_formats",
		.key_size = sizeof(uint32_t),
		.value_size = SYSCALL_FORMATS,
		.max_entries = 1,
		.flags = BPF_F_RDONLY_PROG,
	};
	static const struct kern_map_spec late_spec = {
		.type = BPF_MAP_TYPE_ARRAY,
		.name = "piste_late",
		.key_size = sizeof(uint32_t),
		.value_size = SYSCALL_LATE * sizeof(uint32_t),
		.max_entries = 1,
	};
	static const char formats[SYSCALL_FORMATS] = "%pI4\0\0\0\0%pI6";
	int number = kern_maps_add(maps, &formats_spec, diag), late, fd;
	uint32_t zero = 0;

	if (number < 0)
		return number;
	late = kern_maps_add(maps, &late_spec, diag);
	if (late < 0)
		return late;
	layout->formats = (uint32_t)number;
	layout->late = (uint32_t)late;
	fd = maps->items.items[number].fd;
	/* the kernel trusts a format only when nobody can change it any more */
	if (bpf_map_update_elem(fd, &zero, formats, BPF_ANY) || bpf_map_freeze(fd)) {
		int err = -errno;

		diag_error(diag, NULL, "a constant map cannot be made: %s", strerror(-err));
		return err;
	}
	return 0;
}

/* ---- code */

void syscall_layout_compat(struct kern_emit *e, const struct syscall_layout *layout)
{
	enum { TS_COMPAT_BIT = 1 }; /* asm/thread_info.h of x86 */

	if (!layout->has_compat)
		return;
	asm_call(&e->a, BPF_FUNC_get_current_task_btf);
	asm_load(&e->a, BPF_W, BPF_REG_9, BPF_REG_0, (int)layout->task_status);
	asm_alu_imm(&e->a, BPF_RSH, BPF_REG_9, TS_COMPAT_BIT);
	asm_alu_imm(&e->a, BPF_AND, BPF_REG_9, 1);
	asm_store(&e->a, BPF_W, BPF_REG_10, SYSCALL_COMPAT_SLOT, BPF_REG_9);
}

void syscall_layout_number(struct kern_emit *e, const struct syscall_layout *layout,
			   enum syscall_side side, int reg)
{
	if (side == SYSCALL_ENTRY) {
		asm_load(&e->a, BPF_DW, reg, EMIT_CONTEXT, SYSCALL_CONTEXT_RESULT);
		return;
	}
	asm_load(&e->a, BPF_DW, reg, EMIT_CONTEXT, SYSCALL_CONTEXT_REGS);
	asm_load(&e->a, BPF_DW, reg, reg, (int)layout->number);
}

static void copy_args(struct kern_emit *e, const struct syscall_layout *layout,
		      enum syscall_abi abi)
{
	/* of a program of 32 bits the upper halves are rubbish, or a sign */
	int size = abi == SYSCALL_I386 ? BPF_W : BPF_DW;

	for (unsigned i = 0; i < SYSCALL_ARGS; i++) {
		asm_load(&e->a, size, BPF_REG_2, BPF_REG_1, (int)layout->args[abi][i]);
		asm_store(&e->a, BPF_DW, BPF_REG_10, SYSCALL_ARGS_SLOT + 8 * (int)i, BPF_REG_2);
	}
}

void syscall_layout_args(struct kern_emit *e, const struct syscall_layout *layout)
{
	struct bpf_asm *a = &e->a;
	unsigned native = asm_label(a), done = asm_label(a);

	asm_load(a, BPF_DW, BPF_REG_1, EMIT_CONTEXT, SYSCALL_CONTEXT_REGS);
	if (layout->has_compat) {
		asm_load(a, BPF_W, BPF_REG_2, BPF_REG_10, SYSCALL_COMPAT_SLOT);
		asm_jump_imm(a, BPF_JEQ, BPF_REG_2, 0, native);
		copy_args(e, layout, SYSCALL_I386);
		asm_jump(a, done);
	}
	asm_bind(a, native);
	copy_args(e, layout, SYSCALL_NATIVE);
	asm_bind(a, done);
}
