/* SPDX-License-Identifier: MIT */
#include "kern/syscalls-read.h"

#include <sys/socket.h>

enum {
	ADDRESS_BYTES = 24, /* of a socket address: all of an IPv6 one but its scope */
	IP_TEXT = 48,
};

void syscall_read_arg(struct kern_emit *e, int reg, unsigned i)
{
	asm_load(&e->a, BPF_DW, reg, BPF_REG_10, SYSCALL_ARGS_SLOT + 8 * (int)i);
}

void syscall_read_unless_failed(struct kern_emit *e, const struct syscall_plan *plan, unsigned out)
{
	if (plan->side == SYSCALL_ENTRY)
		return;
	asm_load(&e->a, BPF_DW, BPF_REG_1, EMIT_CONTEXT, SYSCALL_CONTEXT_RESULT);
	asm_jump_imm(&e->a, BPF_JSLT, BPF_REG_1, 0, out);
}

/* ---- structures */

static unsigned member_at(const struct syscall_plan *plan, const struct syscall_member *m)
{
	return plan->abi == SYSCALL_I386 ? m->compat_offset : m->offset;
}

/* Where on the stack it is read to: so that a number of 8 bytes that the struct has at a multiple
 * of 4 lies at one of 8. */
static int struct_at(const struct syscall_plan *plan, const struct syscall_step *step)
{
	for (const struct syscall_member *m = syscall_types[step->type].members; m->type; m++) {
		unsigned over =
			member_at(plan, m) % syscall_type_size(&syscall_types[m->type], plan->abi);

		if (over)
			return SYSCALL_BUFFER + (int)over;
	}
	return SYSCALL_BUFFER;
}

void syscall_read_struct(struct kern_emit *e, const struct syscall_plan *plan,
			 const struct syscall_step *step)
{
	struct bpf_asm *a = &e->a;
	unsigned nothing = asm_label(a), done = asm_label(a), end = 0;
	int to = struct_at(plan, step);

	for (const struct syscall_member *m = syscall_types[step->type].members; m->type; m++) {
		unsigned size = syscall_type_size(&syscall_types[m->type], plan->abi);

		if (member_at(plan, m) + size > end)
			end = member_at(plan, m) + size;
	}
	syscall_read_unless_failed(e, plan, nothing);
	syscall_read_arg(e, BPF_REG_3, step->arg);
	asm_jump_imm(a, BPF_JLT, BPF_REG_3, SYSCALL_NOT_A_POINTER, nothing);
	asm_mov(a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, to);
	asm_mov_imm(a, BPF_REG_2, (int32_t)end);
	asm_call(a, BPF_FUNC_probe_read_user); /* zeroes what it cannot read */
	asm_jump(a, done);
	asm_bind(a, nothing);
	for (int at = 0; at < SYSCALL_STRUCT_BYTES && at < to - SYSCALL_BUFFER + (int)end; at += 8)
		asm_store_imm(a, BPF_DW, BPF_REG_10, SYSCALL_BUFFER + at, 0);
	asm_bind(a, done);
}

int syscall_read_member(const struct syscall_plan *plan, const struct syscall_step *step,
			const struct syscall_member *member, unsigned *bytes)
{
	*bytes = syscall_type_size(&syscall_types[member->type], plan->abi);
	return struct_at(plan, step) + (int)member_at(plan, member);
}

/* ---- socket addresses */

void syscall_read_address(struct kern_emit *e, const struct syscall_plan *plan, unsigned arg)
{
	struct bpf_asm *a = &e->a;
	unsigned done = asm_label(a), fits = asm_label(a);

	for (int at = 0; at < ADDRESS_BYTES; at += 8)
		asm_store_imm(a, BPF_DW, BPF_REG_10, SYSCALL_BUFFER + at, 0);
	asm_store_imm(a, BPF_DW, BPF_REG_10, SYSCALL_LENGTH_SLOT, 0);
	syscall_read_unless_failed(e, plan, done);
	syscall_read_arg(e, BPF_REG_3, arg + 1);
	if (plan->side == SYSCALL_EXIT) {
		asm_mov(a, BPF_REG_1, BPF_REG_10);
		asm_alu_imm(a, BPF_ADD, BPF_REG_1, SYSCALL_LENGTH_SLOT);
		asm_mov_imm(a, BPF_REG_2, sizeof(uint32_t));
		asm_jump_imm(a, BPF_JLT, BPF_REG_3, SYSCALL_NOT_A_POINTER, done);
		asm_call(a, BPF_FUNC_probe_read_user);
	} else {
		asm_store(a, BPF_W, BPF_REG_10, SYSCALL_LENGTH_SLOT, BPF_REG_3);
	}
	syscall_read_arg(e, BPF_REG_3, arg);
	asm_jump_imm(a, BPF_JLT, BPF_REG_3, SYSCALL_NOT_A_POINTER, done);
	asm_load(a, BPF_W, BPF_REG_2, BPF_REG_10, SYSCALL_LENGTH_SLOT);
	asm_jump_imm(a, BPF_JLT, BPF_REG_2, sizeof(sa_family_t), done);
	asm_jump_imm(a, BPF_JLE, BPF_REG_2, ADDRESS_BYTES, fits);
	asm_mov_imm(a, BPF_REG_2, ADDRESS_BYTES);
	asm_bind(a, fits);
	asm_mov(a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, SYSCALL_BUFFER);
	asm_call(a, BPF_FUNC_probe_read_user);
	asm_bind(a, done);
}

void syscall_read_port(struct kern_emit *e)
{
	struct bpf_asm *a = &e->a;
	unsigned has = asm_label(a), done = asm_label(a);

	asm_load(a, BPF_H, BPF_REG_1, BPF_REG_10, SYSCALL_BUFFER);
	asm_mov_imm(a, BPF_REG_0, 0);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_1, AF_INET, has);
	asm_jump_imm(a, BPF_JNE, BPF_REG_1, AF_INET6, done);
	asm_bind(a, has);
	asm_load(a, BPF_H, BPF_REG_0, BPF_REG_10, SYSCALL_BUFFER + 2);
	asm_swap(a, BPF_REG_0, 16, true);
	asm_bind(a, done);
}

/* r0 = length with NUL of what was written to r1: the address `at` bytes into SYSCALL_BUFFER */
static void print_ip(struct kern_emit *e, const struct syscall_layout *layout, int format, int at)
{
	struct bpf_asm *a = &e->a;

	asm_mov(a, BPF_REG_2, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_2, SYSCALL_BUFFER + at);
	asm_store(a, BPF_DW, BPF_REG_10, SYSCALL_VALUES_SLOT, BPF_REG_2);
	asm_mov_imm(a, BPF_REG_2, IP_TEXT);
	asm_load_map_value(a, BPF_REG_3, layout->formats, (uint32_t)format);
	asm_mov(a, BPF_REG_4, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_4, SYSCALL_VALUES_SLOT);
	asm_mov_imm(a, BPF_REG_5, sizeof(uint64_t));
	asm_call(a, BPF_FUNC_snprintf);
}

/* r0 = length with NUL of what was written to r1, or at most 0: the path of a local socket. A name
 * that is no path begins with NUL, which is shown as '@'. */
static void print_path(struct kern_emit *e, unsigned arg, int max)
{
	struct bpf_asm *a = &e->a;
	unsigned is_path = asm_label(a), fits = asm_label(a), done = asm_label(a);

	syscall_read_arg(e, BPF_REG_3, arg);
	asm_mov_imm(a, BPF_REG_0, 0);
	asm_load(a, BPF_W, BPF_REG_2, BPF_REG_10, SYSCALL_LENGTH_SLOT);
	asm_jump_imm(a, BPF_JLE, BPF_REG_2, sizeof(sa_family_t), done);
	asm_alu_imm(a, BPF_ADD, BPF_REG_2, -(int)sizeof(sa_family_t));
	asm_jump_imm(a, BPF_JLE, BPF_REG_2, max, fits);
	asm_mov_imm(a, BPF_REG_2, max);
	asm_bind(a, fits);
	asm_alu_imm(a, BPF_ADD, BPF_REG_3, sizeof(sa_family_t));
	asm_load(a, BPF_B, BPF_REG_4, BPF_REG_10, SYSCALL_BUFFER + (int)sizeof(sa_family_t));
	asm_jump_imm(a, BPF_JNE, BPF_REG_4, 0, is_path);
	asm_store_imm(a, BPF_B, BPF_REG_1, 0, '@');
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, 1);
	asm_alu_imm(a, BPF_ADD, BPF_REG_3, 1);
	asm_call(a, BPF_FUNC_probe_read_user_str);
	asm_jump_imm(a, BPF_JSLE, BPF_REG_0, 0, done);
	asm_alu_imm(a, BPF_ADD, BPF_REG_0, 1);
	asm_jump(a, done);
	asm_bind(a, is_path);
	asm_alu_imm(a, BPF_ADD, BPF_REG_2, 1); /* it need not end with a NUL */
	asm_call(a, BPF_FUNC_probe_read_user_str);
	asm_bind(a, done);
}

void syscall_print_address(struct kern_emit *e, const struct syscall_layout *layout, unsigned arg,
			   int max)
{
	struct bpf_asm *a = &e->a;
	unsigned not_ipv4 = asm_label(a), not_ipv6 = asm_label(a), none = asm_label(a),
		 done = asm_label(a);

	asm_load(a, BPF_H, BPF_REG_2, BPF_REG_10, SYSCALL_BUFFER);
	asm_jump_imm(a, BPF_JNE, BPF_REG_2, AF_INET, not_ipv4);
	print_ip(e, layout, SYSCALL_FORMAT_IPV4, 4);
	asm_jump(a, done);
	asm_bind(a, not_ipv4);
	asm_jump_imm(a, BPF_JNE, BPF_REG_2, AF_INET6, not_ipv6);
	print_ip(e, layout, SYSCALL_FORMAT_IPV6, 8);
	asm_jump(a, done);
	asm_bind(a, not_ipv6);
	asm_jump_imm(a, BPF_JNE, BPF_REG_2, AF_UNIX, none);
	print_path(e, arg, max);
	asm_jump(a, done);
	asm_bind(a, none);
	asm_mov_imm(a, BPF_REG_0, 0);
	asm_bind(a, done);
}
