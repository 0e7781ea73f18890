/* SPDX-License-Identifier: MIT */
/*
 * Built-in values: a row each, with what it is and the code that gives it.
 */
#include <string.h>

#include "lang/compile.h"

#define IN(context) (1u << LANG_CONTEXT_##context)

static struct ir_operand value_pid(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_alu(c->ir, BPF_RSH, ir_call(c->ir, BPF_FUNC_get_current_pid_tgid, 0), ir_imm(32));
}

static struct ir_operand value_tid(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_extend(c->ir, ir_call(c->ir, BPF_FUNC_get_current_pid_tgid, 0), 4, false);
}

static struct ir_operand value_uid(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_extend(c->ir, ir_call(c->ir, BPF_FUNC_get_current_uid_gid, 0), 4, false);
}

static struct ir_operand value_gid(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_alu(c->ir, BPF_RSH, ir_call(c->ir, BPF_FUNC_get_current_uid_gid, 0), ir_imm(32));
}

static struct ir_operand value_cpu(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_extend(c->ir, ir_call(c->ir, BPF_FUNC_get_smp_processor_id, 0), 4, false);
}

static struct ir_operand value_numaid(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_extend(c->ir, ir_call(c->ir, BPF_FUNC_get_numa_node_id, 0), 4, false);
}

static struct ir_operand value_nsecs(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_call(c->ir, BPF_FUNC_ktime_get_ns, 0);
}

static struct ir_operand value_elapsed(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand now = value_nsecs(c, n);

	return ir_alu(
		c->ir, BPF_SUB, now,
		ir_load(c->ir,
			ir_map_value(LANG_MAP_CONTROL, offsetof(struct lang_control, start_ns)), 0,
			8, false));
}

static struct ir_operand value_rand(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_extend(c->ir, ir_call(c->ir, BPF_FUNC_get_prandom_u32, 0), 4, false);
}

static struct ir_operand value_cgroup(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_call(c->ir, BPF_FUNC_get_current_cgroup_id, 0);
}

static struct ir_operand value_jiffies(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_call(c->ir, BPF_FUNC_jiffies64, 0);
}

static struct ir_operand value_cpid(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_imm((int64_t)c->options->child_pid);
}

static const struct lang_type *type_of_cpid(struct compiler *c, struct ast_node *n)
{
	if (!c->options->child_pid)
		return complain(c, n, "-c CMD starts one", "there is no child process");
	return &lang_u32;
}

static struct ir_operand value_curtask(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_call(c->ir, BPF_FUNC_get_current_task, 0);
}

static const struct lang_type *type_of_curtask(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *t = c->env->ops->task ? c->env->ops->task(c->env) : NULL;

	(void)n;
	return t ? t : &lang_u64;
}

static struct ir_operand value_ctx(struct compiler *c, const struct ast_node *n)
{
	(void)c;
	(void)n;
	return context_reg();
}

static void store_comm(struct compiler *c, const struct ast_node *n, struct ir_operand base,
		       int32_t offset)
{
	(void)n;
	ir_call(c->ir, BPF_FUNC_get_current_comm, 2, at(base, offset), ir_imm(16));
}

/* --- arguments ------------------------------------------------------------------------------ */

#if defined(__aarch64__)
enum { REG_IP = 256, REG_SP = 248, REG_RESULT = 0 };
static const uint16_t arg_offsets[] = {0, 8, 16, 24, 32, 40, 48, 56};
#else
enum { REG_IP = 128, REG_SP = 152, REG_RESULT = 80 };
static const uint16_t arg_offsets[] = {112, 104, 96, 88, 72, 64};
#endif
enum { N_ARG_REGS = sizeof(arg_offsets) / sizeof(arg_offsets[0]), MAX_RAW_ARGS = 12 };

static unsigned number_of(const struct ast_node *n)
{
	return (unsigned)(n->name[strlen(n->name) - 1] - '0');
}

static const struct lang_type *type_of_arg(struct compiler *c, struct ast_node *n)
{
	unsigned limit = c->target->context == LANG_CONTEXT_REGS ? N_ARG_REGS : MAX_RAW_ARGS;

	if (number_of(n) >= limit)
		return complain(c, n, "sarg0 and so on are those on the stack",
				"only arg0 to arg%u are in registers", limit - 1);
	return &lang_u64;
}

static struct ir_operand value_arg(struct compiler *c, const struct ast_node *n)
{
	unsigned i = number_of(n);
	int32_t offset = c->target->context == LANG_CONTEXT_REGS ? arg_offsets[i] : 8 * (int32_t)i;

	return ir_load(c->ir, context_reg(), offset, 8, false);
}

static struct ir_operand value_sarg(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand sp = ir_load(c->ir, context_reg(), REG_SP, 8, false);

	return read_integer(c, at(sp, 8 + 8 * (int64_t)number_of(n)), &lang_u64, true);
}

static struct ir_operand value_retval(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_load(c->ir, context_reg(), REG_RESULT, 8, false);
}

static const struct lang_type *type_of_func(struct compiler *c, struct ast_node *n)
{
	(void)n;
	return c->target->context == LANG_CONTEXT_REGS ? &lang_usym : &lang_ksym;
}

static struct ir_operand value_func(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	return ir_load(c->ir, context_reg(), REG_IP, 8, false);
}

static void store_func(struct compiler *c, const struct ast_node *n, struct ir_operand base,
		       int32_t offset)
{
	ir_store(c->ir, base, offset, 8, value_pid(c, n));
	ir_store(c->ir, base, offset + 8, 8, value_func(c, n));
}

static const struct lang_type *type_of_args(struct compiler *c, struct ast_node *n)
{
	return complain(c, n, "args.NAME is one of them", "args is not a value itself");
}

/* --- stacks ------------------------------------------------------------------------------------ */

static const struct lang_type *type_of_stack(struct compiler *c, struct ast_node *n)
{
	bool is_user = n->name[0] == 'u';

	return lang_type_new(c->arena, is_user ? LANG_USTACK : LANG_KSTACK,
			     8 * 127 + (is_user ? 8 : 0));
}

void store_stack(struct compiler *c, const struct ast_node *n, struct ir_operand base,
		 int32_t offset)
{
	uint32_t size = n->type->size;
	int64_t flags = 0;

	if (n->type->kind == LANG_USTACK) {
		ir_store(c->ir, base, offset, 8, value_pid(c, n));
		offset += 8;
		size -= 8;
		flags = BPF_F_USER_STACK;
	}
	ir_call(c->ir, BPF_FUNC_get_stack, 4, context_reg(), at(base, offset), ir_imm(size),
		ir_imm(flags));
}

/* --- the name of the probe ----------------------------------------------------------------------- */

/* Targets with numbers have names by them; a program for many others asks its cookie. */
static struct ir_operand value_probe(struct compiler *c, const struct ast_node *n)
{
	(void)n;
	if (c->target->has_number && c->instance->n_targets > 1)
		return ir_alu(c->ir, BPF_ADD, c->number, ir_imm(c->first_probe_id));
	if (c->instance->n_targets > 1) {
		c->wants_probe_id = true;
		return ir_call(c->ir, BPF_FUNC_get_attach_cookie, 1, context_reg());
	}
	return ir_imm(c->first_probe_id + (c->target->has_number ? c->target->number : 0));
}

static const struct lang_builtin builtins[] = {
	{"pid", &lang_u32, NULL, value_pid, NULL, 0, false},
	{"tid", &lang_u32, NULL, value_tid, NULL, 0, false},
	{"uid", &lang_u32, NULL, value_uid, NULL, 0, true},
	{"gid", &lang_u32, NULL, value_gid, NULL, 0, true},
	{"cpu", &lang_u32, NULL, value_cpu, NULL, 0, false},
	{"comm", &lang_comm, NULL, NULL, store_comm, 0, false},
	{"execname", &lang_comm, NULL, NULL, store_comm, 0, false},
	{"nsecs", &lang_u64, NULL, value_nsecs, NULL, 0, false},
	{"elapsed", &lang_u64, NULL, value_elapsed, NULL, 0, false},
	{"rand", &lang_u32, NULL, value_rand, NULL, 0, false},
	{"cgroup", &lang_u64, NULL, value_cgroup, NULL, 0, true},
	{"username", &lang_username, NULL, value_uid, NULL, 0, true},
	{"numaid", &lang_u32, NULL, value_numaid, NULL, 0, true},
	{"jiffies", &lang_u64, NULL, value_jiffies, NULL, 0, true},
	{"curtask", NULL, type_of_curtask, value_curtask, NULL, 0, true},
	{"cpid", NULL, type_of_cpid, value_cpid, NULL, 0, true},
	{"ctx", &lang_u64, NULL, value_ctx, NULL, 0, true},
	{"args", NULL, type_of_args, NULL, NULL, 0, false},
	{"arg", NULL, type_of_arg, value_arg, NULL, IN(RAW) | IN(REGS), true},
	{"sarg", &lang_u64, NULL, value_sarg, NULL, IN(REGS), true},
	{"retval", &lang_i64, NULL, value_retval, NULL, IN(REGS), true},
	{"func", NULL, type_of_func, value_func, store_func, IN(REGS) | IN(PERF), true},
	{"probe", &lang_probe_name, NULL, value_probe, NULL, 0, false},
	{"kstack", NULL, type_of_stack, NULL, store_stack, 0, true},
	{"ustack", NULL, type_of_stack, NULL, store_stack, 0, true},
};
enum { N_BUILTINS = sizeof(builtins) / sizeof(builtins[0]) };

const struct lang_builtin *lang_builtin_find(const char *name, size_t len)
{
	/* arg0 … arg9, sarg0 … sarg9 share a row */
	if (len && name[len - 1] >= '0' && name[len - 1] <= '9')
		len--;
	else if (!strcmp(name, "arg") || !strcmp(name, "sarg"))
		return NULL;
	for (size_t i = 0; i < N_BUILTINS; i++)
		if (strlen(builtins[i].name) == len && !memcmp(builtins[i].name, name, len) &&
		    (!name[len] || !strcmp(builtins[i].name, "arg") ||
		     !strcmp(builtins[i].name, "sarg")))
			return &builtins[i];
	return NULL;
}

const char *lang_builtin_nearest(const char *name)
{
	const char *names[N_BUILTINS];

	for (size_t i = 0; i < N_BUILTINS; i++)
		names[i] = builtins[i].name;
	return nearest_name(name, names, N_BUILTINS);
}
