/* SPDX-License-Identifier: MIT */
/*
 * Functions that give a value: numbers, symbols, addresses, stacks; and those
 * that look into maps.
 */
#include <string.h>
#include <sys/socket.h>

#include "lang/compile.h"

/* --- maps -------------------------------------------------------------------------------------- */

/* f(@x[k]), or f(@x, k), whose keys then become those of @x */
static const struct lang_type *check_entry(struct compiler *c, struct ast_node *call)
{
	struct ast_node *map = call->first;

	if (map->kind != AST_MAP)
		return complain(c, map, NULL, "%s() takes a @map", call->name);
	if (map->next) {
		if (map->first)
			return complain(c, map->next, NULL, "the key is given twice");
		map->first = map->next;
		map->next = NULL;
	}
	check_keys(c, map);
	map->type = map->map ? map->map->value : &lang_none;
	return &lang_i64;
}

static struct ir_operand lower_delete(struct compiler *c, const struct ast_node *call)
{
	const struct ast_node *n = call->first;
	struct ir_operand result, deleted = ir_new_reg(c->ir);
	uint32_t end = ir_new_label(c->ir);

	if (!n->map->key) { /* its only value */
		if (n->map->is_per_cpu) {
			result = ir_call(c->ir, BPF_FUNC_map_lookup_elem, 2, ir_map(n->map->id),
					 map_key(c, n->map, n));
			ir_branch(c->ir, BPF_JEQ, result, ir_imm(0), end);
			store_zeros(c, result, 0, lang_stored_size(n->map->value));
			ir_label(c->ir, end);
		} else {
			store_zeros(c, ir_map_value(n->map->id, 0), 0,
				    lang_stored_size(n->map->value));
		}
		return ir_imm(1);
	}
	result = ir_call(c->ir, BPF_FUNC_map_delete_elem, 2, ir_map(n->map->id),
			 map_key(c, n->map, n));
	ir_move(c->ir, deleted, ir_imm(1));
	ir_branch(c->ir, BPF_JEQ, result, ir_imm(0), end);
	ir_move(c->ir, deleted, ir_imm(0));
	ir_label(c->ir, end);
	return deleted;
}

static struct ir_operand lower_has_key(struct compiler *c, const struct ast_node *call)
{
	const struct ast_node *n = call->first;
	struct ir_operand found = ir_new_reg(c->ir), value;
	uint32_t end = ir_new_label(c->ir);

	value = ir_call(c->ir, BPF_FUNC_map_lookup_elem, 2, ir_map(n->map->id),
			map_key(c, n->map, n));
	ir_move(c->ir, found, ir_imm(0));
	ir_branch(c->ir, BPF_JEQ, value, ir_imm(0), end);
	ir_move(c->ir, found, ir_imm(1));
	ir_label(c->ir, end);
	return found;
}

/* --- symbols ------------------------------------------------------------------------------------- */

static const struct lang_type *check_ksym(struct compiler *c, struct ast_node *call)
{
	(void)c;
	(void)call;
	return &lang_ksym;
}

static struct ir_operand lower_first(struct compiler *c, const struct ast_node *call)
{
	return lower_value(c, call->first);
}

static const struct lang_type *check_usym(struct compiler *c, struct ast_node *call)
{
	(void)c;
	(void)call;
	return &lang_usym;
}

static void store_usym(struct compiler *c, const struct ast_node *call, struct ir_operand base,
		       int32_t offset)
{
	struct ir_operand pid = ir_call(c->ir, BPF_FUNC_get_current_pid_tgid, 0);

	ir_store(c->ir, base, offset, 8, ir_alu(c->ir, BPF_RSH, pid, ir_imm(32)));
	ir_store(c->ir, base, offset + 8, 8, lower_value(c, call->first));
}

static const struct lang_type *check_kaddr(struct compiler *c, struct ast_node *call)
{
	struct ast_node *symbol = call->first;

	if (symbol->kind != AST_STRING)
		return complain(c, symbol, NULL, "kaddr() takes a name in quotes");
	if (!c->env->ops->address || !c->env->ops->address(c->env, symbol->name, &call->number))
		return complain(c, symbol, NULL, "the kernel has no symbol %s", symbol->name);
	return &lang_u64;
}

static struct ir_operand lower_number(struct compiler *c, const struct ast_node *call)
{
	(void)c;
	return ir_imm((int64_t)call->number);
}

/* --- stacks: kstack(), kstack(depth), kstack(mode, depth) ------------------------------------------ */

static const struct lang_type *check_stack(struct compiler *c, struct ast_node *call)
{
	const struct ast_node *arg = call->first;
	bool is_user = call->name[0] == 'u';
	int64_t depth = 127;

	if (c->env->is_recorded)
		return complain(c, call, NULL, "a recording has no stacks");
	if (arg && arg->kind == AST_NAME) /* perf, bpftrace, raw */
		arg = arg->next;
	if (arg && (!constant_value(arg, &depth) || depth < 1 || depth > 127))
		return complain(c, arg, NULL, "the depth is a constant from 1 to 127");
	return lang_type_new(c->arena, is_user ? LANG_USTACK : LANG_KSTACK,
			     8 * (uint32_t)depth + (is_user ? 8 : 0));
}

/* --- addresses and times ----------------------------------------------------------------------------- */

static const struct lang_type *check_ntop(struct compiler *c, struct ast_node *call)
{
	(void)c;
	(void)call;
	return &lang_inet;
}

/* ntop(af, address), ntop(address): of four bytes, or of sixteen */
static void store_ntop(struct compiler *c, const struct ast_node *call, struct ir_operand base,
		       int32_t offset)
{
	const struct ast_node *address = call->first->next ? call->first->next : call->first;
	bool is_long = is_in_memory(address) && address->type->size == 16;
	struct ir_operand family;

	if (call->first->next)
		family = lower_value(c, call->first);
	else
		family = ir_imm(is_long ? AF_INET6 : AF_INET);
	ir_store(c->ir, base, offset, 8, family);
	store_zeros(c, base, offset + 8, 16);
	if (is_in_memory(address))
		read_bytes(c, base, offset + 8, is_long ? 16 : 4, lower_address(c, address),
			   address->type->in_user_space);
	else
		ir_store(c->ir, base, offset + 8, 4, lower_value(c, address));
}

static const struct lang_type *check_strftime(struct compiler *c, struct ast_node *call)
{
	struct lang_type *t;

	if (call->first->kind != AST_STRING)
		return complain(c, call->first, NULL, "the format is a text in quotes");
	t = lang_type_new(c->arena, LANG_TIME, 8);
	if (t)
		t->format = call->first->name;
	return t;
}

static struct ir_operand lower_strftime(struct compiler *c, const struct ast_node *call)
{
	return lower_value(c, call->first->next);
}

static const struct lang_type *check_nsecs(struct compiler *c, struct ast_node *call)
{
	const struct ast_node *mode = call->first;

	if (mode && (mode->kind != AST_NAME ||
		     (strcmp(mode->name, "monotonic") != 0 && strcmp(mode->name, "boot") != 0)))
		return complain(c, mode, "nsecs(monotonic), nsecs(boot)", "there is no such clock");
	return &lang_u64;
}

static struct ir_operand lower_nsecs(struct compiler *c, const struct ast_node *call)
{
	bool is_boot = call->first && call->first->name[0] == 'b';

	return ir_call(c->ir, is_boot ? BPF_FUNC_ktime_get_boot_ns : BPF_FUNC_ktime_get_ns, 0);
}

static const struct lang_type *check_bswap(struct compiler *c, struct ast_node *call)
{
	const struct lang_type *t = call->first->type;

	if (is_known(t) && t->kind != LANG_INT)
		return complain(c, call->first, NULL, "bswap() takes an integer");
	return is_known(t) ? lang_int(t->size, false) : t;
}

static struct ir_operand lower_bswap(struct compiler *c, const struct ast_node *call)
{
	struct ir_operand value = lower_value(c, call->first);
	uint32_t size = call->first->type->size;

	return size == 1 ? value : ir_swap(c->ir, value, (int)size * 8);
}

static const struct lang_type *check_signal(struct compiler *c, struct ast_node *call)
{
	static const struct {
		const char *name;
		int number;
	} signals[] = {{"SIGHUP", 1},   {"SIGINT", 2},   {"SIGQUIT", 3},
		       {"SIGKILL", 9},  {"SIGUSR1", 10}, {"SIGUSR2", 12},
		       {"SIGTERM", 15}, {"SIGCONT", 18}, {"SIGSTOP", 19}};
	int64_t value;

	if (call->first->kind == AST_STRING) {
		for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
			if (!strcmp(signals[i].name, call->first->name) ||
			    !strcmp(signals[i].name + 3, call->first->name)) {
				call->number = (uint64_t)signals[i].number;
				return &lang_none;
			}
		return complain(c, call->first, NULL, "there is no signal %s", call->first->name);
	}
	if (!constant_value(call->first, &value) || value < 1 || value > 64)
		return complain(c, call->first, NULL, "a signal is a number from 1 to 64");
	call->number = (uint64_t)value;
	return &lang_none;
}

static struct ir_operand lower_signal(struct compiler *c, const struct ast_node *call)
{
	return ir_call(c->ir, BPF_FUNC_send_signal, 1, ir_imm((int64_t)call->number));
}

const struct lang_function lang_values[] = {
	{"delete", 1, 2, check_entry, lower_delete, NULL, true, false},
	{"has_key", 1, 2, check_entry, lower_has_key, NULL, true, false},
	{"ksym", 1, 1, check_ksym, lower_first, NULL, false, false},
	{"usym", 1, 1, check_usym, NULL, store_usym, false, false},
	{"kaddr", 1, 1, check_kaddr, lower_number, NULL, false, false},
	{"kstack", 0, 2, check_stack, NULL, store_stack, true, false},
	{"ustack", 0, 2, check_stack, NULL, store_stack, true, false},
	{"ntop", 1, 2, check_ntop, NULL, store_ntop, false, false},
	{"strftime", 2, 2, check_strftime, lower_strftime, NULL, false, false},
	{"nsecs", 0, 1, check_nsecs, lower_nsecs, NULL, true, false},
	{"bswap", 1, 1, check_bswap, lower_bswap, NULL, false, false},
	{"signal", 1, 1, check_signal, lower_signal, NULL, false, true},
	{0},
};
