/* SPDX-License-Identifier: MIT */
/*
 * Code for maps. A map without keys is an array of one entry: shared ones are
 * reached by their address alone. Keys and values are built in the frame.
 * Aggregations are per CPU, and changed by atomic instructions: an interrupt
 * may come between.
 */
#include "lang/compile.h"

static bool is_single(const struct lang_map *map)
{
	return !map->key;
}

static struct ir_operand value_address(const struct lang_map *map)
{
	return ir_map_value(map->id, 0);
}

/* Of a map without keys: entry 0. */
static struct ir_operand zero_key(struct compiler *c)
{
	struct ir_operand key = ir_new_object(c->ir, 8);

	ir_store(c->ir, key, 0, 4, ir_imm(0));
	return key;
}

struct ir_operand map_key(struct compiler *c, const struct lang_map *map, const struct ast_node *n)
{
	const struct ast_node *item = n->first;
	struct ir_operand key;
	bool pads = c->pads;

	if (is_single(map))
		return zero_key(c);
	key = ir_new_object(c->ir, map->key->size);
	c->pads = true;
	if (item && !item->next && item->type->kind == LANG_TUPLE) {
		lower_store(c, item, map->key, key, 0);
	} else {
		for (size_t i = 0; item && i < map->key->n_fields; i++, item = item->next)
			lower_store(c, item, map->key->fields[i].type, key,
				    (int32_t)map->key->fields[i].offset);
	}
	c->pads = pads;
	return key;
}

static struct ir_operand lookup(struct compiler *c, const struct lang_map *map,
				struct ir_operand key)
{
	return ir_call(c->ir, BPF_FUNC_map_lookup_elem, 2, ir_map(map->id), key);
}

/* The value's number, and 0 where there is none. */
struct ir_operand map_load(struct compiler *c, const struct ast_node *n)
{
	struct ir_operand value, result;
	uint32_t missing;

	if (is_single(n->map) && !n->map->is_per_cpu)
		return ir_load(c->ir, value_address(n->map), 0, 8, false);
	value = lookup(c, n->map, map_key(c, n->map, n));
	missing = ir_new_label(c->ir);
	result = ir_new_reg(c->ir);
	ir_move(c->ir, result, ir_imm(0));
	ir_branch(c->ir, BPF_JEQ, value, ir_imm(0), missing);
	ir_move(c->ir, result, ir_load(c->ir, value, 0, 8, false));
	ir_label(c->ir, missing);
	return result;
}

void map_load_into(struct compiler *c, const struct ast_node *n, struct ir_operand base,
		   int32_t offset)
{
	uint32_t missing = ir_new_label(c->ir), end = ir_new_label(c->ir);
	uint32_t size = lang_stored_size(n->type);
	struct ir_operand value;

	if (is_single(n->map) && !n->map->is_per_cpu) {
		copy_bytes(c, base, offset, value_address(n->map), 0, size);
		return;
	}
	value = lookup(c, n->map, map_key(c, n->map, n));
	ir_branch(c->ir, BPF_JEQ, value, ir_imm(0), missing);
	copy_bytes(c, base, offset, value, 0, size);
	ir_jump(c->ir, end);
	ir_label(c->ir, missing);
	store_zeros(c, base, offset, size);
	ir_label(c->ir, end);
}

static void update(struct compiler *c, const struct lang_map *map, struct ir_operand key,
		   struct ir_operand value)
{
	uint32_t done = ir_new_label(c->ir);
	struct ir_operand result = ir_call(c->ir, BPF_FUNC_map_update_elem, 4, ir_map(map->id), key,
					   value, ir_imm(BPF_ANY));

	ir_branch(c->ir, BPF_JEQ, result, ir_imm(0), done);
	count_in_control(c, offsetof(struct lang_control, lost_updates));
	ir_label(c->ir, done);
}

void map_assign(struct compiler *c, const struct ast_node *n, const struct ast_node *value)
{
	struct lang_map *map = n->map;
	struct ir_operand place, key;
	bool pads = c->pads;

	if (value->kind == AST_CALL && lang_is_aggregate(value->type)) {
		map_aggregate(c, n, value);
		return;
	}
	c->pads = true;
	if (is_single(map)) {
		lower_store(c, value, map->value, value_address(map), 0);
	} else {
		place = ir_new_object(c->ir, lang_stored_size(map->value));
		lower_store(c, value, map->value, place, 0);
		key = map_key(c, map, n);
		update(c, map, key, place);
	}
	c->pads = pads;
}

/* Its value's address, made from zeros where there was none; goes to `full` when that fails. */
static struct ir_operand find_or_make(struct compiler *c, const struct lang_map *map,
				      struct ir_operand key, uint32_t full)
{
	struct ir_operand value = ir_new_reg(c->ir);
	uint32_t found = ir_new_label(c->ir), lost = ir_new_label(c->ir);

	ir_move(c->ir, value, lookup(c, map, key));
	ir_branch(c->ir, BPF_JNE, value, ir_imm(0), found);
	if (!is_single(map)) {
		ir_call(c->ir, BPF_FUNC_map_update_elem, 4, ir_map(map->id), key,
			ir_map_value(LANG_MAP_DATA, 0), ir_imm(BPF_NOEXIST));
		ir_move(c->ir, value, lookup(c, map, key));
		ir_branch(c->ir, BPF_JNE, value, ir_imm(0), found);
	}
	ir_label(c->ir, lost);
	count_in_control(c, offsetof(struct lang_control, lost_updates));
	ir_jump(c->ir, full);
	ir_label(c->ir, found);
	return value;
}

struct ir_operand map_change(struct compiler *c, const struct ast_node *n, int op,
			     struct ir_operand value)
{
	struct lang_map *map = n->map;
	uint32_t end = ir_new_label(c->ir);
	struct ir_operand place, before = ir_new_reg(c->ir);

	ir_move(c->ir, before, ir_imm(0));
	if (is_single(map) && !map->is_per_cpu)
		place = value_address(map);
	else
		place = find_or_make(c, map, map_key(c, map, n), end);
	if (op == BPF_SUB) {
		value = ir_neg(c->ir, value);
		op = BPF_ADD;
	}
	if (op == BPF_ADD || op == BPF_OR || op == BPF_AND || op == BPF_XOR) {
		ir_move(c->ir, before, ir_atomic_fetch(c->ir, op, place, 0, 8, value));
	} else {
		ir_move(c->ir, before, ir_load(c->ir, place, 0, 8, false));
		ir_store(c->ir, place, 0, 8, ir_alu(c->ir, op, before, value));
	}
	ir_label(c->ir, end);
	return before;
}

/* --- aggregations ----------------------------------------------------------------------- */

static void keep_extreme(struct compiler *c, const struct lang_type *type, struct ir_operand place,
			 struct ir_operand value)
{
	bool is_min = type->kind == LANG_MIN;
	int worse = is_min ? (type->is_signed ? BPF_JSGE : BPF_JGE)
			   : (type->is_signed ? BPF_JSLE : BPF_JLE);
	uint32_t first = ir_new_label(c->ir), end = ir_new_label(c->ir);

	ir_branch(c->ir, BPF_JEQ, ir_load(c->ir, place, 8, 8, false), ir_imm(0), first);
	ir_branch(c->ir, worse, value, ir_load(c->ir, place, 0, 8, false), end);
	ir_label(c->ir, first);
	ir_store(c->ir, place, 0, 8, value);
	ir_store(c->ir, place, 8, 8, ir_imm(1));
	ir_label(c->ir, end);
}

/* 0: below zero, 1: zero, n + 2: from 2^n on */
static struct ir_operand log2_bucket(struct compiler *c, struct ir_operand value)
{
	struct ir_operand bucket = ir_new_reg(c->ir), rest = ir_new_reg(c->ir);
	uint32_t end = ir_new_label(c->ir);

	ir_move(c->ir, rest, value);
	ir_move(c->ir, bucket, ir_imm(0));
	ir_branch(c->ir, BPF_JSLT, rest, ir_imm(0), end);
	ir_move(c->ir, bucket, ir_imm(1));
	ir_branch(c->ir, BPF_JEQ, rest, ir_imm(0), end);
	ir_move(c->ir, bucket, ir_imm(2));
	for (int bits = 32; bits; bits /= 2) {
		uint32_t less = ir_new_label(c->ir);

		ir_branch(c->ir, BPF_JLT, rest, ir_imm(1ll << bits), less);
		ir_move(c->ir, rest, ir_alu(c->ir, BPF_RSH, rest, ir_imm(bits)));
		ir_move(c->ir, bucket, ir_alu(c->ir, BPF_ADD, bucket, ir_imm(bits)));
		ir_label(c->ir, less);
	}
	ir_label(c->ir, end);
	return bucket;
}

/* 0: below the range, then its steps, and the last: above */
static struct ir_operand linear_bucket(struct compiler *c, const struct lang_type *type,
				       struct ir_operand value)
{
	struct ir_operand bucket = ir_new_reg(c->ir);
	uint32_t end = ir_new_label(c->ir);

	ir_move(c->ir, bucket, ir_imm(0));
	ir_branch(c->ir, BPF_JSLT, value, ir_imm(type->low), end);
	ir_move(c->ir, bucket, ir_imm(lang_buckets(type) - 1));
	ir_branch(c->ir, BPF_JSGE, value, ir_imm(type->high), end);
	value = ir_alu(c->ir, BPF_SUB, value, ir_imm(type->low));
	value = ir_alu(c->ir, BPF_DIV, value, ir_imm(type->step));
	ir_move(c->ir, bucket, ir_alu(c->ir, BPF_ADD, value, ir_imm(1)));
	ir_label(c->ir, end);
	return bucket;
}

static void count_in_bucket(struct compiler *c, const struct lang_type *type,
			    struct ir_operand place, struct ir_operand bucket,
			    struct ir_operand times)
{
	uint32_t end = ir_new_label(c->ir);

	/* the verifier wants to see that it lies within the value */
	ir_branch(c->ir, BPF_JGT, bucket, ir_imm(lang_buckets(type) - 1), end);
	bucket = ir_alu(c->ir, BPF_LSH, bucket, ir_imm(3));
	ir_atomic(c->ir, BPF_ADD, ir_alu(c->ir, BPF_ADD, place, bucket), 0, 8, times);
	ir_label(c->ir, end);
}

void map_aggregate(struct compiler *c, const struct ast_node *n, const struct ast_node *call)
{
	const struct lang_type *type = call->type;
	const struct ast_node *times = NULL;
	uint32_t end = ir_new_label(c->ir);
	struct ir_operand value = ir_imm(1), weight = ir_imm(1), place, bucket = ir_imm(0);

	if (type->kind != LANG_COUNT)
		value = lower_value(c, call->first);
	if (type->kind == LANG_HIST)
		bucket = log2_bucket(c, value);
	if (type->kind == LANG_LHIST)
		bucket = linear_bucket(c, type, value);
	if (times)
		weight = lower_value(c, times);
	place = find_or_make(c, n->map, map_key(c, n->map, n), end);
	switch (type->kind) {
	case LANG_COUNT:
	case LANG_SUM:
		ir_atomic(c->ir, BPF_ADD, place, 0, 8, value);
		break;
	case LANG_AVG:
	case LANG_STATS:
		ir_atomic(c->ir, BPF_ADD, place, 0, 8, value);
		ir_atomic(c->ir, BPF_ADD, place, 8, 8, ir_imm(1));
		break;
	case LANG_MIN:
	case LANG_MAX:
		keep_extreme(c, type, place, value);
		break;
	default:
		count_in_bucket(c, type, place, bucket, weight);
	}
	ir_label(c->ir, end);
}
