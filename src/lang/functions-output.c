/* SPDX-License-Identifier: MIT */
/*
 * printf() print() exit() …: a record to user space, where an action says what
 * is done with it.
 */
#include <errno.h>
#include <string.h>

#include "lang/compile.h"

enum { MAX_FORMAT_ARGS = 32, JOIN_WORDS = 16, JOIN_BYTES = 256 };

/* --- checking ------------------------------------------------------------------------------ */

/* The action of a call is made when it is lowered; the types of its arguments are those of the
 * nodes. */
static const struct lang_type *args_tuple(struct compiler *c, const struct ast_node *first)
{
	const struct lang_type *items[MAX_FORMAT_ARGS];
	size_t n = 0;

	for (const struct ast_node *arg = first; arg; arg = arg->next)
		items[n++] = arg->type;
	return n ? lang_tuple(c->arena, items, n) : NULL;
}

/* conversion: "%" { flag } [ width ] [ "." precision ] { "h" | "l" … } letter; NULL: no more */
static const char *next_conversion(const char *format, char *letter)
{
	while ((format = strchr(format, '%'))) {
		format++;
		if (*format == '%') {
			format++;
			continue;
		}
		format += strspn(format, "-+ #0123456789.*");
		format += strspn(format, "hlzjtq");
		*letter = *format;
		return *format ? format + 1 : format;
	}
	return NULL;
}

static bool fits_conversion(char letter, const struct lang_type *t)
{
	bool is_number = t->kind == LANG_INT || t->kind == LANG_POINTER || t->kind == LANG_KSYM ||
			 (lang_is_aggregate(t) && t->kind < LANG_HIST);

	switch (letter) {
	case 's':
		return !is_number || t->kind == LANG_KSYM;
	case 'r':
		return t->kind == LANG_BYTES;
	case 'c':
	case 'd':
	case 'i':
	case 'u':
	case 'x':
	case 'X':
	case 'o':
	case 'p':
		return is_number;
	default:
		return false;
	}
}

static const struct lang_type *check_format(struct compiler *c, struct ast_node *call)
{
	const struct ast_node *format = call->first, *arg = format->next;
	const char *rest = format->name;
	struct str text = {0};
	unsigned n = 0;
	char letter;

	if (format->kind != AST_STRING)
		return complain(c, format, NULL, "the format is a text in quotes");
	for (; (rest = next_conversion(rest, &letter)); arg = arg->next, n++) {
		if (!letter || !strchr("srcdiuxXop", letter))
			return complain(c, format, NULL, "there is no conversion %%%c", letter);
		if (!arg)
			return complain(c, format, NULL, "the format wants more than %u argument%s",
					n, n == 1 ? "" : "s");
		if (!is_known(arg->type) || fits_conversion(letter, arg->type))
			continue;
		lang_type_write(&text, arg->type);
		complain(c, arg, letter == 's' ? "%d prints numbers" : "%s prints it",
			 "%%%c does not print %s", letter, str_c(&text));
		str_fini(&text);
	}
	if (arg)
		return complain(c, arg, NULL, "the format says nothing of this argument");
	return &lang_none;
}

static const struct lang_type *check_print(struct compiler *c, struct ast_node *call)
{
	struct ast_node *what = call->first, *arg;
	int64_t value;

	if (what->kind == AST_MAP && !what->first) {
		check_whole_map(c, what);
		for (arg = what->next; arg; arg = arg->next)
			if (!check(c, arg) || !constant_value(arg, &value) || value < 0)
				return complain(c, arg, NULL,
						"print(@map, top, divisor): these are constants");
		return &lang_none;
	}
	if (what->next)
		return complain(c, what->next, NULL, "only print(@map) takes more");
	check(c, what);
	return &lang_none;
}

static const struct lang_type *check_map_action(struct compiler *c, struct ast_node *call)
{
	if (call->first->kind != AST_MAP || call->first->first)
		return complain(c, call->first, NULL, "%s() takes a whole @map", call->name);
	check_whole_map(c, call->first);
	return &lang_none;
}

static const struct lang_type *check_exit(struct compiler *c, struct ast_node *call)
{
	if (call->first && is_known(call->first->type) && !lang_is_scalar(call->first->type))
		return complain(c, call->first, NULL, "exit() takes a number");
	return &lang_none;
}

static const struct lang_type *check_text(struct compiler *c, struct ast_node *call)
{
	if (call->first && call->first->kind != AST_STRING)
		return complain(c, call->first, NULL, "%s() takes a text in quotes", call->name);
	return &lang_none;
}

static const struct lang_type *check_join(struct compiler *c, struct ast_node *call)
{
	const struct ast_node *words = call->first;

	if (words->next && words->next->kind != AST_STRING)
		return complain(c, words->next, NULL, "what stands between is a text in quotes");
	if (is_known(words->type) && words->type->kind != LANG_POINTER &&
	    words->type->kind != LANG_INT)
		return complain(c, words, NULL, "join() takes a pointer to pointers to text");
	return &lang_none;
}

/* --- lowering ------------------------------------------------------------------------------ */

/* record = reserve(ring, size); goes to `full` where there is no room, and counts that */
static struct ir_operand reserve(struct compiler *c, struct lang_action *action, uint32_t full)
{
	struct ir_operand record;
	uint32_t there = ir_new_label(c->ir);

	action->size = LANG_RECORD_HEAD + (action->args ? action->args->size : 0);
	record = ir_call(c->ir, BPF_FUNC_ringbuf_reserve, 3, ir_map(LANG_MAP_RING),
			 ir_imm(action->size), ir_imm(0));
	ir_branch(c->ir, BPF_JNE, record, ir_imm(0), there);
	count_in_control(c, offsetof(struct lang_control, lost_records));
	ir_jump(c->ir, full);
	ir_label(c->ir, there);
	ir_store(c->ir, record, 0, 8, ir_imm(action->id));
	return record;
}

static void submit(struct compiler *c, struct ir_operand record)
{
	ir_call(c->ir, BPF_FUNC_ringbuf_submit, 2, record, ir_imm(0));
}

/* A record of these arguments. */
static void send(struct compiler *c, struct lang_action *action, const struct ast_node *first)
{
	uint32_t end = ir_new_label(c->ir);
	struct ir_operand record;
	bool pads = c->pads;

	if (!action)
		return;
	action->args = args_tuple(c, first);
	if (first && !action->args) {
		c->error = -ENOMEM;
		return;
	}
	record = reserve(c, action, end);
	c->pads = false;
	for (size_t i = 0; first; first = first->next, i++)
		lower_store(c, first, first->type, record,
			    LANG_RECORD_HEAD + (int32_t)action->args->fields[i].offset);
	c->pads = pads;
	submit(c, record);
	ir_label(c->ir, end);
}

static struct ir_operand send_format(struct compiler *c, const struct ast_node *call,
				     enum lang_action_kind kind)
{
	struct lang_action *action = action_new(c, kind);

	if (action)
		action->text = call->first->name;
	send(c, action, call->first->next);
	return ir_imm(0);
}

static struct ir_operand lower_printf(struct compiler *c, const struct ast_node *call)
{
	return send_format(c, call, LANG_ACTION_PRINTF);
}

static struct ir_operand lower_errorf(struct compiler *c, const struct ast_node *call)
{
	return send_format(c, call, LANG_ACTION_ERROR);
}

static struct ir_operand lower_system(struct compiler *c, const struct ast_node *call)
{
	return send_format(c, call, LANG_ACTION_SYSTEM);
}

static struct ir_operand lower_cat(struct compiler *c, const struct ast_node *call)
{
	return send_format(c, call, LANG_ACTION_CAT);
}

static struct ir_operand lower_print(struct compiler *c, const struct ast_node *call)
{
	const struct ast_node *what = call->first;
	bool is_map = what->kind == AST_MAP && !what->first;
	struct lang_action *action;
	int64_t value = 0;

	action = action_new(c, is_map ? LANG_ACTION_PRINT_MAP : LANG_ACTION_PRINT_VALUE);
	if (action && is_map) {
		action->map = what->map;
		if (what->next && constant_value(what->next, &value))
			action->top = (uint64_t)value;
		if (what->next && what->next->next && constant_value(what->next->next, &value))
			action->divisor = (uint64_t)value;
	} else if (action && what->kind == AST_MAP) {
		action->map = what->map;
	}
	send(c, action, is_map ? NULL : what);
	return ir_imm(0);
}

static struct ir_operand lower_clear(struct compiler *c, const struct ast_node *call)
{
	struct lang_action *action =
		action_new(c, call->name[0] == 'c' ? LANG_ACTION_CLEAR : LANG_ACTION_ZERO);

	if (action)
		action->map = call->first->map;
	send(c, action, NULL);
	return ir_imm(0);
}

/* No probe does anything from here on, this one included. */
static struct ir_operand lower_exit(struct compiler *c, const struct ast_node *call)
{
	struct lang_action *action = action_new(c, LANG_ACTION_EXIT);

	send(c, action, call->first);
	ir_store(c->ir, ir_map_value(LANG_MAP_CONTROL, offsetof(struct lang_control, is_over)), 0,
		 4, ir_imm(1));
	ir_jump(c->ir, c->over_label);
	return ir_imm(0);
}

static struct ir_operand lower_time(struct compiler *c, const struct ast_node *call)
{
	struct lang_action *action = action_new(c, LANG_ACTION_TIME);

	if (action)
		action->text = call->first ? call->first->name : "%H:%M:%S\n";
	send(c, action, NULL);
	return ir_imm(0);
}

/* Words until a null pointer; what was not there is empty. */
static struct ir_operand lower_join(struct compiler *c, const struct ast_node *call)
{
	struct lang_action *action = action_new(c, LANG_ACTION_JOIN);
	const struct lang_type *items[JOIN_WORDS];
	uint32_t end = ir_new_label(c->ir), done = ir_new_label(c->ir);
	bool in_user_space = call->first->type->in_user_space ||
			     call->first->type->kind == LANG_INT;
	struct ir_operand record, list, word;

	if (!action)
		return ir_imm(0);
	for (size_t i = 0; i < JOIN_WORDS; i++)
		items[i] = lang_string(c->arena, JOIN_BYTES);
	action->args = items[JOIN_WORDS - 1] ? lang_tuple(c->arena, items, JOIN_WORDS) : NULL;
	action->text = call->first->next ? call->first->next->name : " ";
	if (!action->args) {
		c->error = -ENOMEM;
		return ir_imm(0);
	}
	list = lower_value(c, call->first);
	record = reserve(c, action, end);
	for (int32_t i = 0; i < JOIN_WORDS; i++)
		ir_store(c->ir, record, LANG_RECORD_HEAD + i * JOIN_BYTES, 8, ir_imm(0));
	for (int32_t i = 0; i < JOIN_WORDS; i++) {
		word = read_integer(c, at(list, 8 * i), &lang_u64, in_user_space);
		ir_branch(c->ir, BPF_JEQ, word, ir_imm(0), done);
		ir_call(c->ir,
			in_user_space ? BPF_FUNC_probe_read_user_str
				      : BPF_FUNC_probe_read_kernel_str,
			3, at(record, LANG_RECORD_HEAD + i * JOIN_BYTES), ir_imm(JOIN_BYTES), word);
	}
	ir_label(c->ir, done);
	submit(c, record);
	ir_label(c->ir, end);
	return ir_imm(0);
}

const struct lang_function lang_outputs[] = {
	{"printf", 1, MAX_FORMAT_ARGS, check_format, lower_printf, NULL, false, false},
	{"errorf", 1, MAX_FORMAT_ARGS, check_format, lower_errorf, NULL, false, false},
	{"system", 1, MAX_FORMAT_ARGS, check_format, lower_system, NULL, false, true},
	{"cat", 1, MAX_FORMAT_ARGS, check_format, lower_cat, NULL, false, false},
	{"print", 1, 3, check_print, lower_print, NULL, true, false},
	{"clear", 1, 1, check_map_action, lower_clear, NULL, true, false},
	{"zero", 1, 1, check_map_action, lower_clear, NULL, true, false},
	{"exit", 0, 1, check_exit, lower_exit, NULL, false, false},
	{"time", 0, 1, check_text, lower_time, NULL, false, false},
	{"join", 1, 2, check_join, lower_join, NULL, false, false},
	{0},
};
