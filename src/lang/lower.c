/* SPDX-License-Identifier: MIT */
/*
 * From checked clauses to the IR. Scalars are registers; all else is stored to
 * where it is wanted: a key, a value, a record, a variable's place in the
 * frame. Records and arrays of C stay where they are, and are an address.
 */
#include <errno.h>
#include <string.h>

#include "lang/compile.h"

static struct ir_operand lower_bool(struct compiler *c, const struct ast_node *n);

bool is_in_memory(const struct ast_node *n)
{
	if (n->kind == AST_FIELD && n->expansion)
		return is_in_memory(n->expansion);
	if (n->type->kind == LANG_RECORD || n->type->kind == LANG_ARRAY)
		return true;
	if (n->type->kind != LANG_STRING)
		return false;
	switch (n->kind) {
	case AST_FIELD:
	case AST_INDEX:
		return true;
	case AST_UNARY:
		return n->op == OP_DEREFERENCE;
	case AST_CAST:
		return n->first->type->kind == LANG_POINTER || is_in_memory(n->first);
	default:
		return false;
	}
}

static bool is_args(const struct ast_node *n)
{
	return n->kind == AST_NAME && !strcmp(n->name, "args");
}

/* Where what a pointer or a record of C leads to begins. */
static struct ir_operand base_of(struct compiler *c, const struct ast_node *n)
{
	return n->type->kind == LANG_POINTER || n->type->kind == LANG_INT ? lower_value(c, n)
									  : lower_address(c, n);
}

static struct ir_operand element_address(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand base = base_of(c, n->first);
	uint32_t size = n->first->type->kind == LANG_STRING ? 1 : n->first->type->of->size;
	struct ir_operand index = lower_value(c, n->first->next);

	return ir_alu(c->ir, BPF_ADD, base, ir_alu(c->ir, BPF_MUL, index, ir_imm(size)));
}

struct ir_operand lower_address(struct compiler *c, const struct ast_node *n)
{
	switch (n->kind) {
	case AST_FIELD:
		if (n->expansion)
			return lower_address(c, n->expansion);
		if (is_args(n->first))
			return load_arg(c, n->arg);
		return ir_alu(c->ir, BPF_ADD, base_of(c, n->first), ir_imm((int64_t)n->number));
	case AST_INDEX:
		return element_address(c, n);
	case AST_UNARY:
		return lower_value(c, n->first);
	case AST_CAST:
		return base_of(c, n->first);
	default:
		return lower_value(c, n);
	}
}

/* --- scalars -------------------------------------------------------------------------------- */

static struct ir_operand value_int(struct compiler *c, const struct ast_node *n)
{
	(void)c;
	return ir_imm((int64_t)n->number);
}

static struct ir_operand value_name(struct compiler *c, const struct ast_node *n)
{
	return n->is_constant ? ir_imm((int64_t)n->number) : n->builtin->value(c, n);
}

static struct ir_operand value_variable(struct compiler *c, const struct ast_node *n)
{
	(void)c;
	return n->variable->home;
}

static struct ir_operand value_map(struct compiler *c, const struct ast_node *n)
{
	return map_load(c, n);
}

static struct ir_operand value_call(struct compiler *c, const struct ast_node *n)
{
	return n->function->value ? n->function->value(c, n) : ir_imm(0);
}

static struct ir_operand value_unary(struct compiler *c, const struct ast_node *n)
{
	switch (n->op) {
	case OP_NOT:
		return lower_bool(c, n);
	case OP_NEGATE:
		return ir_neg(c->ir, lower_value(c, n->first));
	case OP_INVERT:
		return ir_alu(c->ir, BPF_XOR, lower_value(c, n->first), ir_imm(-1));
	default:
		return read_integer(c, lower_value(c, n->first), n->type,
				    n->first->type->in_user_space);
	}
}

bool is_signed_pair(const struct ast_node *a, const struct ast_node *b)
{
	int64_t value;

	if (constant_value(b, &value))
		return promoted(a->type)->is_signed || value < 0;
	if (constant_value(a, &value))
		return promoted(b->type)->is_signed || value < 0;
	return promoted(a->type)->is_signed && promoted(b->type)->is_signed;
}

/* BPF divides without signs (before its version 4): by magnitudes, then the sign. */
static struct ir_operand divide_signed(struct compiler *c, int op, struct ir_operand a,
				       struct ir_operand b)
{
	struct ir_operand x = ir_new_reg(c->ir), y = ir_new_reg(c->ir), sign = a, result;
	uint32_t a_done = ir_new_label(c->ir), b_done = ir_new_label(c->ir),
		 done = ir_new_label(c->ir);

	if (op == BPF_DIV)
		sign = ir_alu(c->ir, BPF_XOR, a, b);
	ir_move(c->ir, x, a);
	ir_branch(c->ir, BPF_JSGE, x, ir_imm(0), a_done);
	ir_move(c->ir, x, ir_neg(c->ir, x));
	ir_label(c->ir, a_done);
	ir_move(c->ir, y, b);
	ir_branch(c->ir, BPF_JSGE, y, ir_imm(0), b_done);
	ir_move(c->ir, y, ir_neg(c->ir, y));
	ir_label(c->ir, b_done);
	result = ir_new_reg(c->ir);
	ir_move(c->ir, result, ir_alu(c->ir, op, x, y));
	ir_branch(c->ir, BPF_JSGE, sign, ir_imm(0), done);
	ir_move(c->ir, result, ir_neg(c->ir, result));
	ir_label(c->ir, done);
	return result;
}

static int alu_of(enum ast_op op, bool is_signed)
{
	static const uint8_t ops[OP_N] = {
		[OP_BIT_OR] = BPF_OR,      [OP_BIT_XOR] = BPF_XOR,     [OP_BIT_AND] = BPF_AND,
		[OP_SHIFT_LEFT] = BPF_LSH, [OP_SHIFT_RIGHT] = BPF_RSH, [OP_ADD] = BPF_ADD,
		[OP_SUBTRACT] = BPF_SUB,   [OP_MULTIPLY] = BPF_MUL,    [OP_DIVIDE] = BPF_DIV,
		[OP_MODULO] = BPF_MOD,
	};

	return op == OP_SHIFT_RIGHT && is_signed ? BPF_ARSH : ops[op];
}

static struct ir_operand scaled(struct compiler *c, const struct lang_type *pointer,
				struct ir_operand n)
{
	uint32_t size = pointer->of->size;

	return size > 1 ? ir_alu(c->ir, BPF_MUL, n, ir_imm(size)) : n;
}

static struct ir_operand compute(struct compiler *c, enum ast_op op, struct ir_operand a,
				 struct ir_operand b, bool is_signed)
{
	if (is_signed && (op == OP_DIVIDE || op == OP_MODULO))
		return divide_signed(c, alu_of(op, false), a, b);
	return ir_alu(c->ir, alu_of(op, is_signed), a, b);
}

static struct ir_operand value_binary(struct compiler *c, const struct ast_node *n)
{
	const struct ast_node *right = n->first->next;
	struct ir_operand a, b;

	if (n->op <= OP_AND || (n->op >= OP_EQUAL && n->op <= OP_AT_LEAST))
		return lower_bool(c, n);
	a = lower_value(c, n->first);
	b = lower_value(c, right);
	if (n->type->kind == LANG_POINTER) {
		if (n->first->type->kind == LANG_POINTER)
			b = scaled(c, n->type, b);
		else
			a = scaled(c, n->type, a);
	}
	if (n->op == OP_SHIFT_RIGHT)
		return compute(c, n->op, a, b, promoted(n->first->type)->is_signed);
	return compute(c, n->op, a, b, is_signed_pair(n->first, right));
}

static struct ir_operand value_ternary(struct compiler *c, const struct ast_node *n)
{
	const struct ast_node *yes = n->first->next;
	uint32_t otherwise = ir_new_label(c->ir), end = ir_new_label(c->ir);
	struct ir_operand result = ir_new_reg(c->ir);

	lower_condition(c, n->first, otherwise);
	ir_move(c->ir, result, lower_value(c, yes));
	ir_jump(c->ir, end);
	ir_label(c->ir, otherwise);
	ir_move(c->ir, result, lower_value(c, yes->next));
	ir_label(c->ir, end);
	return result;
}

static struct ir_operand value_cast(struct compiler *c, const struct ast_node *n)
{
	const struct lang_type *from = n->first->type;
	struct ir_operand value;

	if (is_in_memory(n->first)) {
		if (n->type->kind == LANG_INT) /* of an array: its bytes as an integer */
			return read_integer(c, lower_address(c, n->first), n->type,
					    from->in_user_space);
		return lower_address(c, n->first);
	}
	value = lower_value(c, n->first);
	return n->type->kind == LANG_INT
		       ? ir_extend(c->ir, value, n->type->size, n->type->is_signed)
		       : value;
}

static struct ir_operand read_bits(struct compiler *c, struct ir_operand word,
				   const struct lang_field *f)
{
	int64_t left = 64 - f->bit_offset - f->bit_size;

	word = ir_alu(c->ir, BPF_LSH, word, ir_imm(left));
	return ir_alu(c->ir, f->type->is_signed ? BPF_ARSH : BPF_RSH, word,
		      ir_imm(64 - f->bit_size));
}

static struct ir_operand value_field(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand value;

	if (n->expansion)
		return lower_value(c, n->expansion);
	if (is_args(n->first))
		return load_arg(c, n->arg);
	if (is_in_memory(n))
		return lower_address(c, n);
	value = read_integer(c, lower_address(c, n), n->type, n->first->type->in_user_space);
	return n->field->bit_size ? read_bits(c, value, n->field) : value;
}

/* The place in the frame of a tuple that is a value. */
static struct ir_operand tuple_place(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand place;

	if (n->kind == AST_VARIABLE)
		return n->variable->home;
	if (n->kind == AST_ITEM) {
		place = tuple_place(c, n->first);
		return at(place, n->first->type->fields[n->number].offset);
	}
	place = ir_new_object(c->ir, lang_stored_size(n->type));
	lower_store(c, n, n->type, place, 0);
	return place;
}

static struct ir_operand value_item(struct compiler *c, const struct ast_node *n)
{
	return ir_load(c->ir, tuple_place(c, n), 0, 8, false);
}

static struct ir_operand value_index(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand address = element_address(c, n);

	return is_in_memory(n) ? address
			       : read_integer(c, address, n->type, n->first->type->in_user_space);
}

static struct ir_operand assign_variable(struct compiler *c, const struct ast_node *n)
{
	struct lang_variable *v = n->first->variable;
	const struct ast_node *value = n->first->next;

	if (v->home.kind != IR_REG) {
		c->pads = true;
		lower_store(c, value, v->type, v->home, 0);
		c->pads = false;
		return v->home;
	}
	if (n->op == OP_NONE)
		ir_move(c->ir, v->home, lower_value(c, value));
	else
		ir_move(c->ir, v->home,
			compute(c, n->op, v->home, lower_value(c, value),
				is_signed_pair(n->first, value)));
	return v->home;
}

static struct ir_operand value_assign(struct compiler *c, const struct ast_node *n)
{
	const struct ast_node *to = n->first, *value = to->next;
	struct ir_operand change;

	if (to->kind == AST_VARIABLE)
		return assign_variable(c, n);
	if (n->op == OP_NONE) {
		map_assign(c, to, value);
		return ir_imm(0);
	}
	change = lower_value(c, value);
	return map_change(c, to, alu_of(n->op, false), change);
}

static struct ir_operand value_step(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand one = ir_imm(n->op == OP_INCREMENT ? 1 : -1), before, after;
	struct lang_variable *v = n->first->variable;

	if (n->first->kind == AST_MAP) {
		before = map_change(c, n->first, BPF_ADD, one);
		return n->is_prefix ? ir_alu(c->ir, BPF_ADD, before, one) : before;
	}
	before = ir_new_reg(c->ir);
	ir_move(c->ir, before, v->home);
	after = ir_alu(c->ir, BPF_ADD, v->home, one);
	ir_move(c->ir, v->home, after);
	return n->is_prefix ? v->home : before;
}

struct ir_operand lower_value(struct compiler *c, const struct ast_node *n)
{
	static struct ir_operand (*const values[AST_N_KINDS])(struct compiler *,
							      const struct ast_node *) = {
		[AST_INT] = value_int,         [AST_PARAMETER] = value_int,
		[AST_SIZEOF] = value_int,      [AST_OFFSETOF] = value_int,
		[AST_NAME] = value_name,       [AST_VARIABLE] = value_variable,
		[AST_MAP] = value_map,         [AST_CALL] = value_call,
		[AST_UNARY] = value_unary,     [AST_BINARY] = value_binary,
		[AST_TERNARY] = value_ternary, [AST_CAST] = value_cast,
		[AST_FIELD] = value_field,     [AST_ITEM] = value_item,
		[AST_INDEX] = value_index,     [AST_ASSIGN] = value_assign,
		[AST_STEP] = value_step,
	};

	return values[n->kind] ? values[n->kind](c, n) : ir_imm(0);
}

/* --- all else --------------------------------------------------------------------------------- */

static void store_literal(struct compiler *c, const struct ast_node *n, const struct lang_type *as,
			  struct ir_operand base, int32_t offset)
{
	uint32_t len = n->len < as->size ? (uint32_t)n->len : as->size - 1;
	uint32_t words = (len + 8) / 8, data;

	if (len < 64) {
		for (uint32_t i = 0; i < words; i++) {
			int64_t word = 0;

			memcpy(&word, n->name + 8 * i, len - 8 * i < 8 ? len - 8 * i : 8);
			ir_store(c->ir, base, offset + (int32_t)i * 8, 8, ir_imm(word));
		}
	} else {
		data = data_add(c, n->name, n->len + 1);
		copy_bytes(c, base, offset, ir_map_value(LANG_MAP_DATA, data), 0, words * 8);
	}
	if (c->pads && words * 8 < lang_stored_size(as))
		store_zeros(c, base, offset + (int32_t)words * 8, lang_stored_size(as) - words * 8);
}

static void store_ternary(struct compiler *c, const struct ast_node *n, const struct lang_type *as,
			  struct ir_operand base, int32_t offset)
{
	const struct ast_node *yes = n->first->next;
	uint32_t otherwise = ir_new_label(c->ir), end = ir_new_label(c->ir);

	lower_condition(c, n->first, otherwise);
	lower_store(c, yes, as, base, offset);
	ir_jump(c->ir, end);
	ir_label(c->ir, otherwise);
	lower_store(c, yes->next, as, base, offset);
	ir_label(c->ir, end);
}

static void store_tuple(struct compiler *c, const struct ast_node *n, const struct lang_type *as,
			struct ir_operand base, int32_t offset)
{
	const struct ast_node *item = n->first;

	for (size_t i = 0; item && i < as->n_fields; i++, item = item->next)
		lower_store(c, item, as->fields[i].type, base,
			    offset + (int32_t)as->fields[i].offset);
}

/* From where it lies in our own memory; a shorter string is followed by zeros. */
static void store_copy(struct compiler *c, const struct ast_node *n, const struct lang_type *as,
		       struct ir_operand base, int32_t offset, struct ir_operand from)
{
	uint32_t size = lang_stored_size(n->type), wanted = lang_stored_size(as);

	copy_bytes(c, base, offset, from, 0, size < wanted ? size : wanted);
	if (size < wanted && c->pads)
		store_zeros(c, base, offset + (int32_t)size, wanted - size);
}

void lower_store(struct compiler *c, const struct ast_node *n, const struct lang_type *as,
		 struct ir_operand base, int32_t offset)
{
	uint32_t own = lang_stored_size(n->type), wanted = lang_stored_size(as);

	if (n->kind == AST_FIELD && n->expansion)
		n = n->expansion;
	if (lang_is_scalar(n->type) || (lang_is_aggregate(n->type) && n->type->kind < LANG_HIST)) {
		ir_store(c->ir, base, offset, 8, lower_value(c, n));
		return;
	}
	if (is_in_memory(n)) {
		if (n->type->kind == LANG_STRING)
			read_string(c, base, offset,
				    n->type->size < as->size ? n->type->size : as->size,
				    lower_address(c, n), n->type->in_user_space);
		else
			read_bytes(c, base, offset, as->size, lower_address(c, n),
				   n->type->in_user_space);
		if (own < wanted && c->pads)
			store_zeros(c, base, offset + (int32_t)own, wanted - own);
		return;
	}
	switch (n->kind) {
	case AST_STRING:
		store_literal(c, n, as, base, offset);
		return;
	case AST_TERNARY:
		store_ternary(c, n, as, base, offset);
		return;
	case AST_TUPLE:
		store_tuple(c, n, as, base, offset);
		return;
	case AST_CAST:
		lower_store(c, n->first, as, base, offset);
		return;
	case AST_VARIABLE:
	case AST_ITEM:
		store_copy(c, n, as, base, offset, tuple_place(c, n));
		return;
	case AST_MAP:
		map_load_into(c, n, base, offset);
		break;
	case AST_NAME:
		n->builtin->store(c, n, base, offset);
		break;
	case AST_CALL:
		n->function->store(c, n, base, offset);
		break;
	default:
		complain(c, n, NULL, "this cannot be stored");
	}
	if (own < wanted && c->pads)
		store_zeros(c, base, offset + (int32_t)own, wanted - own);
}

/* --- conditions --------------------------------------------------------------------------------- */

/* The jump that is taken where `op` does not hold. */
static int opposite(enum ast_op op, bool is_signed)
{
	switch (op) {
	case OP_EQUAL:
		return BPF_JNE;
	case OP_UNEQUAL:
		return BPF_JEQ;
	case OP_LESS:
		return is_signed ? BPF_JSGE : BPF_JGE;
	case OP_GREATER:
		return is_signed ? BPF_JSLE : BPF_JLE;
	case OP_AT_MOST:
		return is_signed ? BPF_JSGT : BPF_JGT;
	default:
		return is_signed ? BPF_JSLT : BPF_JLT;
	}
}

static struct ir_operand string_place(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand place;

	if (n->kind == AST_VARIABLE)
		return n->variable->home;
	place = ir_new_object(c->ir, lang_stored_size(n->type));
	lower_store(c, n, n->type, place, 0);
	return place;
}

/* A literal is compared in as few loads as there are powers of two in its length. */
static void compare_literal(struct compiler *c, struct ir_operand place, const struct lang_type *t,
			    const struct ast_node *literal, uint32_t if_not)
{
	uint32_t len = (uint32_t)literal->len + 1, i = 0;

	if (len > t->size) { /* cannot be */
		ir_jump(c->ir, if_not);
		return;
	}
	while (i < len) {
		uint32_t size = len - i >= 8 ? 8 : len - i >= 4 ? 4 : len - i >= 2 ? 2 : 1;
		int64_t word = 0;

		memcpy(&word, literal->name + i, size);
		ir_branch(c->ir, BPF_JNE, ir_load(c->ir, place, (int32_t)i, size, false),
			  ir_imm(word), if_not);
		i += size;
	}
}

/* Byte by byte to the first NUL. */
static void compare_strings(struct compiler *c, struct ir_operand a, struct ir_operand b,
			    uint32_t size, uint32_t if_not)
{
	struct ir_operand i = ir_new_reg(c->ir), x, y;
	uint32_t again = ir_new_label(c->ir), end = ir_new_label(c->ir);
	struct ir_operand from = ir_new_reg(c->ir), with = ir_new_reg(c->ir);

	ir_move(c->ir, from, a);
	ir_move(c->ir, with, b);
	ir_move(c->ir, i, ir_imm(0));
	ir_label(c->ir, again);
	ir_branch(c->ir, BPF_JGE, i, ir_imm(size), end);
	x = ir_load(c->ir, ir_alu(c->ir, BPF_ADD, from, i), 0, 1, false);
	y = ir_load(c->ir, ir_alu(c->ir, BPF_ADD, with, i), 0, 1, false);
	ir_branch(c->ir, BPF_JNE, x, y, if_not);
	ir_branch(c->ir, BPF_JEQ, x, ir_imm(0), end);
	ir_move(c->ir, i, ir_alu(c->ir, BPF_ADD, i, ir_imm(1)));
	ir_jump(c->ir, again);
	ir_label(c->ir, end);
}

static void string_condition(struct compiler *c, const struct ast_node *n, uint32_t if_not)
{
	const struct ast_node *a = n->first, *b = a->next;
	uint32_t differ = n->op == OP_EQUAL ? if_not : ir_new_label(c->ir);

	if (a->kind == AST_STRING) {
		const struct ast_node *swapped = a;

		a = b;
		b = swapped;
	}
	if (b->kind == AST_STRING)
		compare_literal(c, string_place(c, a), a->type, b, differ);
	else
		compare_strings(c, string_place(c, a), string_place(c, b),
				a->type->size < b->type->size ? a->type->size : b->type->size,
				differ);
	if (n->op == OP_UNEQUAL) {
		ir_jump(c->ir, if_not);
		ir_label(c->ir, differ);
	}
}

/* Tuples, addresses: word by word. */
static void memory_condition(struct compiler *c, const struct ast_node *n, uint32_t if_not)
{
	const struct ast_node *a = n->first, *b = a->next;
	struct ir_operand x = tuple_place(c, a), y = tuple_place(c, b);
	uint32_t differ = n->op == OP_EQUAL ? if_not : ir_new_label(c->ir);

	for (uint32_t i = 0; i < lang_stored_size(a->type); i += 8)
		ir_branch(c->ir, BPF_JNE, ir_load(c->ir, x, (int32_t)i, 8, false),
			  ir_load(c->ir, y, (int32_t)i, 8, false), differ);
	if (n->op == OP_UNEQUAL) {
		ir_jump(c->ir, if_not);
		ir_label(c->ir, differ);
	}
}

void lower_condition(struct compiler *c, const struct ast_node *n, uint32_t if_not)
{
	const struct ast_node *right = n->first ? n->first->next : NULL;
	uint32_t other;
	struct ir_operand a;

	if (n->kind == AST_BINARY && n->op == OP_AND) {
		lower_condition(c, n->first, if_not);
		lower_condition(c, right, if_not);
	} else if (n->kind == AST_BINARY && n->op == OP_OR) {
		uint32_t yes = ir_new_label(c->ir);

		other = ir_new_label(c->ir);
		lower_condition(c, n->first, other);
		ir_jump(c->ir, yes);
		ir_label(c->ir, other);
		lower_condition(c, right, if_not);
		ir_label(c->ir, yes);
	} else if (n->kind == AST_UNARY && n->op == OP_NOT) {
		other = ir_new_label(c->ir);
		lower_condition(c, n->first, other);
		ir_jump(c->ir, if_not);
		ir_label(c->ir, other);
	} else if (n->kind == AST_BINARY && n->op >= OP_EQUAL && n->op <= OP_AT_LEAST) {
		if (n->first->type->kind == LANG_STRING) {
			string_condition(c, n, if_not);
			return;
		}
		if (n->first->type->kind == LANG_TUPLE || n->first->type->kind == LANG_INET) {
			memory_condition(c, n, if_not);
			return;
		}
		a = lower_value(c, n->first);
		ir_branch(c->ir, opposite(n->op, is_signed_pair(n->first, right)), a,
			  lower_value(c, right), if_not);
	} else if (n->type->kind == LANG_STRING) {
		a = ir_load(c->ir, string_place(c, n), 0, 1, false);
		ir_branch(c->ir, BPF_JEQ, a, ir_imm(0), if_not);
	} else {
		ir_branch(c->ir, BPF_JEQ, lower_value(c, n), ir_imm(0), if_not);
	}
}

static struct ir_operand lower_bool(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand result = ir_new_reg(c->ir);
	uint32_t no = ir_new_label(c->ir), end = ir_new_label(c->ir);

	lower_condition(c, n, no);
	ir_move(c->ir, result, ir_imm(1));
	ir_jump(c->ir, end);
	ir_label(c->ir, no);
	ir_move(c->ir, result, ir_imm(0));
	ir_label(c->ir, end);
	return result;
}

/* --- statements --------------------------------------------------------------------------------- */

static void statement(struct compiler *c, const struct ast_node *n);

static void statements(struct compiler *c, const struct ast_node *n)
{
	for (; n && !c->error; n = n->next)
		statement(c, n);
}

static void lower_let(struct compiler *c, const struct ast_node *n)
{
	struct ast_node assign = {.kind = AST_ASSIGN, .place = n->place, .first = n->first};

	if (n->first->next)
		value_assign(c, &assign);
	else if (n->first->variable->home.kind == IR_REG)
		ir_move(c->ir, n->first->variable->home, ir_imm(0));
}

static void lower_if(struct compiler *c, const struct ast_node *n)
{
	const struct ast_node *then = n->first->next;
	uint32_t otherwise = ir_new_label(c->ir), end = ir_new_label(c->ir);

	lower_condition(c, n->first, otherwise);
	statement(c, then);
	if (then->next)
		ir_jump(c->ir, end);
	ir_label(c->ir, otherwise);
	if (then->next)
		statement(c, then->next);
	ir_label(c->ir, end);
}

static void lower_while(struct compiler *c, const struct ast_node *n)
{
	struct loop loop = {ir_new_label(c->ir), ir_new_label(c->ir), c->loop};

	c->loop = &loop;
	ir_label(c->ir, loop.on_continue);
	lower_condition(c, n->first, loop.on_break);
	statement(c, n->first->next);
	ir_jump(c->ir, loop.on_continue);
	ir_label(c->ir, loop.on_break);
	c->loop = loop.outer;
}

static void lower_unroll(struct compiler *c, const struct ast_node *n)
{
	uint32_t end = ir_new_label(c->ir);
	int64_t times = 0;

	constant_value(n->first, &times);
	for (int64_t i = 0; i < times && !c->error; i++) {
		struct loop loop = {ir_new_label(c->ir), end, c->loop};

		c->loop = &loop;
		statement(c, n->first->next);
		ir_label(c->ir, loop.on_continue);
		c->loop = loop.outer;
	}
	ir_label(c->ir, end);
}

static void lower_for_range(struct compiler *c, const struct ast_node *n)
{
	const struct ast_node *from = n->first->next, *to = from->next;
	struct ir_operand i = n->first->variable->home, end = ir_new_reg(c->ir);
	struct ir_operand count = ir_new_reg(c->ir);
	uint32_t again = ir_new_label(c->ir);
	struct loop loop = {ir_new_label(c->ir), ir_new_label(c->ir), c->loop};

	c->loop = &loop;
	ir_move(c->ir, count, lower_value(c, from));
	ir_move(c->ir, end, lower_value(c, to));
	ir_label(c->ir, again);
	ir_branch(c->ir, BPF_JSGE, count, end, loop.on_break);
	ir_move(c->ir, i, count);
	statement(c, to->next);
	ir_label(c->ir, loop.on_continue);
	ir_move(c->ir, count, ir_alu(c->ir, BPF_ADD, count, ir_imm(1)));
	ir_jump(c->ir, again);
	ir_label(c->ir, loop.on_break);
	c->loop = loop.outer;
}

static void statement(struct compiler *c, const struct ast_node *n)
{
	switch (n->kind) {
	case AST_BLOCK:
		statements(c, n->first);
		break;
	case AST_EVAL:
		if (n->first->kind == AST_CALL && n->first->function->store &&
		    !n->first->function->value) /* for nothing: it has no effect */
			break;
		lower_value(c, n->first);
		break;
	case AST_LET:
		lower_let(c, n);
		break;
	case AST_IF:
		lower_if(c, n);
		break;
	case AST_WHILE:
		lower_while(c, n);
		break;
	case AST_UNROLL:
		lower_unroll(c, n);
		break;
	case AST_FOR_RANGE:
		lower_for_range(c, n);
		break;
	case AST_RETURN:
		ir_jump(c->ir, c->end_label);
		break;
	case AST_BREAK:
		ir_jump(c->ir, c->loop->on_break);
		break;
	case AST_CONTINUE:
		ir_jump(c->ir, c->loop->on_continue);
		break;
	default:
		lower_value(c, n);
	}
}

/* A register or a place in the frame for each, and 0 in it. */
static void place_variables(struct compiler *c)
{
	for (struct lang_variable *v = c->variables; v; v = v->next) {
		if (lang_is_scalar(v->type) || v->type->kind == LANG_RECORD ||
		    v->type->kind == LANG_ARRAY || v->type->kind == LANG_NONE) {
			v->home = ir_new_reg(c->ir);
			ir_move(c->ir, v->home, ir_imm(0));
		} else {
			v->home = ir_new_object(c->ir, lang_stored_size(v->type));
			store_zeros(c, v->home, 0, lang_stored_size(v->type));
		}
	}
}

void lower_instance(struct compiler *c, const struct lang_instance *instance)
{
	c->end_label = ir_new_label(c->ir);
	c->loop = NULL;
	place_variables(c);
	if (instance->clause->predicate)
		lower_condition(c, instance->clause->predicate, c->end_label);
	statement(c, instance->clause->body);
	ir_label(c->ir, c->end_label);
}
