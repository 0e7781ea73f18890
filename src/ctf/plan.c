/* SPDX-License-Identifier: MIT */
/*
 * plan.c - compiles types into decode plans.
 *
 * Everything lies at a constant offset from the start of a *run*; a run ends
 * where something of unknown size or alignment comes. References (lengths,
 * selectors) are resolved in a tree of the fields compiled so far, and the
 * operation of the field referred to then also fills a register.
 */
#include "ctf/plan.h"

#include "base/map.h"
#include "base/vec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 100
#define MAX_NODES (1u << 20) /* of a stream class; aliases make small texts huge trees */
#define MAX_RUN_BITS (1u << 31)

/* A field as it occurs: the same type in two places makes two nodes. */
struct node {
	const struct ctf_type *type;
	const struct ctf_field *field; /* NULL: a root, or an element */
	struct node *parent, *children, *last, *next;
	struct builder *builder;
	int32_t op; /* that reads it; -1 */
	int32_t reg;
};

struct builder { /* of one plan */
	struct VEC(struct ctf_op) ops;
	struct VEC(struct ctf_plan_range) ranges;
	uint32_t base_align; /* that the run's start is known to have */
	uint64_t run_bits;
	int32_t need; /* the run's OP_NEED; -1: no run is open */
	uint32_t n_slots;
	bool wanted; /* values are kept */
	int32_t root[CTF_N_SCOPES];
	uint64_t order_end; /* where the last number of the run ended … */
	enum ctf_byte_order order; /* … and its byte order */
};

struct compiler {
	struct arena *scratch; /* nodes */
	const char *file_name;
	struct diag *diag;
	struct node *root[CTF_N_SCOPES];
	uint32_t n_registers, n_nodes;
	bool lenient; /* what is referred to may lie outside */
	bool is_ctf2;
	unsigned depth;
	int error;
};

static void compile(struct compiler *c, struct builder *b, struct node *n, int32_t slot);

static void fail(struct compiler *c, unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void fail(struct compiler *c, unsigned line, unsigned column, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (c->error)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct diag_place place = {.file = c->file_name, .line = line, .column = column};
	c->error = diag_error(c->diag, &place, "%s", text);
}

static void no_memory(struct compiler *c)
{
	if (!c->error)
		c->error = -ENOMEM;
}

static struct node *node_new(struct compiler *c, struct builder *b, struct node *parent,
			     const struct ctf_type *type, const struct ctf_field *field)
{
	if (++c->n_nodes > MAX_NODES)
		fail(c, type->line, type->column,
		     "this type expands to more than a million fields");
	struct node *n = c->error ? NULL : arena_new(c->scratch, struct node);
	if (!n) {
		no_memory(c);
		return NULL;
	}
	*n = (struct node){
		.type = type, .field = field, .parent = parent, .builder = b, .op = -1, .reg = -1};
	if (parent && parent->last)
		parent->last->next = n;
	else if (parent)
		parent->children = n;
	if (parent)
		parent->last = n;
	return n;
}

/* --- operations and runs --------------------------------------------------------- */

static struct ctf_op *emit(struct compiler *c, struct builder *b, enum ctf_opcode code)
{
	static struct ctf_op sink;
	struct ctf_op op = {.code = code, .slot = NO_SLOT, .reg = -1, .from = -1};
	if (c->error || vec_push(&b->ops, op)) {
		no_memory(c);
		return &sink;
	}
	return &b->ops.items[b->ops.len - 1];
}

static void run_begin(struct compiler *c, struct builder *b, uint32_t base_align)
{
	b->base_align = base_align;
	b->run_bits = 0;
	b->order_end = UINT64_MAX;
	b->need = (int32_t)b->ops.len;
	emit(c, b, OP_NEED);
}

static void run_end(struct compiler *c, struct builder *b)
{
	if (b->need < 0 || c->error)
		return;
	b->ops.items[b->need].arg = b->run_bits;
	emit(c, b, OP_ADVANCE)->arg = b->run_bits;
	b->need = -1;
}

static uint32_t low_bit(uint64_t v, uint32_t at_most)
{
	uint64_t low = v & -v;
	return v && low < at_most ? (uint32_t)low : at_most;
}

/* Ends the run at a multiple of `align`, and begins none. */
static void run_end_aligned(struct compiler *c, struct builder *b, uint32_t align)
{
	uint32_t known = low_bit(b->run_bits, b->base_align);
	run_end(c, b);
	if (align > known)
		emit(c, b, OP_ALIGN)->arg = align;
}

static void align_run(struct compiler *c, struct builder *b, uint32_t align)
{
	if (align > b->base_align || b->run_bits > MAX_RUN_BITS) {
		run_end_aligned(c, b, align);
		run_begin(c, b, align);
	} else {
		b->run_bits = (b->run_bits + align - 1) & ~(uint64_t)(align - 1);
	}
}

/* Sets `bits` bits aside in the run; returns their offset. */
static uint32_t place(struct compiler *c, struct builder *b, uint64_t bits, uint32_t align)
{
	align_run(c, b, align);
	uint32_t offset = (uint32_t)b->run_bits;
	b->run_bits += bits;
	return offset;
}

/* --- references --------------------------------------------------------------------- */

static bool is_named(const struct node *n, const char *name)
{
	return n->field && (!strcmp(n->field->name, name) ||
			    (n->field->raw_name && !strcmp(n->field->raw_name, name)));
}

static struct node *child_named(struct node *n, const char *name)
{
	struct node *by_name = NULL;
	for (struct node *k = n->children; k; k = k->next) {
		if (k->field && k->field->raw_name && !strcmp(k->field->raw_name, name))
			return k;
		if (!by_name && is_named(k, name))
			by_name = k;
	}
	return by_name;
}

/* One step of a path: arrays and optionals are stepped through, and the options of variants may be. */
static struct node *step(struct node *n, const char *name, unsigned depth)
{
	if (depth > MAX_DEPTH)
		return NULL;
	struct node *found = child_named(n, name);
	if (found || n->type->kind == CTF_STRUCT)
		return found;
	for (struct node *k = n->children; k && !found; k = k->next)
		found = step(k, name, depth + 1);
	return found;
}

static struct node *walk(struct node *n, const struct ctf_ref *ref, size_t from)
{
	for (size_t i = from; n && i < ref->n_path; i++)
		n = ref->path[i] ? step(n, ref->path[i], 0) : NULL;
	return n;
}

static struct node *enclosing_struct(struct node *n)
{
	while (n && n->type->kind != CTF_STRUCT)
		n = n->parent;
	return n;
}

static struct node *outermost(struct node *n)
{
	while (n->parent)
		n = n->parent;
	return n;
}

static struct node *find(struct compiler *c, const struct ctf_ref *ref, struct node *from)
{
	if (ref->scope != CTF_SCOPE_RELATIVE)
		return c->root[ref->scope] ? walk(c->root[ref->scope], ref, 0) : NULL;
	struct node *at = enclosing_struct(from->parent);
	size_t skip = 0;
	for (; skip < ref->n_path && !ref->path[skip] && at; skip++)
		at = enclosing_struct(at->parent);
	if (skip)
		return at ? walk(at, ref, skip) : NULL;
	/* Outwards; what the referring field itself stands in is always the newest child. */
	for (; at; at = enclosing_struct(at->parent)) {
		struct node *k = child_named(at, ref->path[0]);
		if (k && k != at->last)
			return walk(at, ref, 0);
	}
	for (int s = CTF_N_SCOPES - 1; s >= 0; s--)
		if (c->root[s] && c->root[s] != outermost(from) &&
		    child_named(c->root[s], ref->path[0]))
			return walk(c->root[s], ref, 0);
	return NULL;
}

static const char *path_text(const struct ctf_ref *ref, char *buffer, size_t size)
{
	size_t len = 0;
	buffer[0] = 0;
	if (ref->scope != CTF_SCOPE_RELATIVE)
		len = (size_t)snprintf(buffer, size, "%s.", ctf_scope_name(ref->scope));
	for (size_t i = 0; i < ref->n_path && len < size; i++)
		len += (size_t)snprintf(buffer + len, size - len, "%s%s", i ? "." : "",
					ref->path[i] ? ref->path[i] : "^");
	return buffer;
}

/* The node that a length or selector is read from; NULL: an error, or lenient. Its register is made. */
static struct node *resolve(struct compiler *c, const struct ctf_ref *ref, struct node *from,
			    const char *what)
{
	char buffer[256];
	if (c->error)
		return NULL;
	unsigned line = ref->line ? ref->line : from->type->line;
	unsigned column = ref->line ? ref->column : from->type->column;
	struct node *n = ref->n_path ? find(c, ref, from) : NULL;
	if (!n) {
		if (!c->lenient)
			fail(c, line, column, "the %s `%s` is no field before this one", what,
			     path_text(ref, buffer, sizeof(buffer)));
		return NULL;
	}
	if (!ctf_type_is_integer(n->type) ||
	    (n->type->kind != CTF_VARINT && n->type->integer.bits > 64)) {
		fail(c, line, column, "the %s `%s` is a %s, not an integer", what,
		     path_text(ref, buffer, sizeof(buffer)), ctf_kind_name(n->type->kind));
		return NULL;
	}
	if (n->reg < 0)
		n->reg = (int32_t)c->n_registers++;
	if (n->op >= 0)
		n->builder->ops.items[n->op].reg = n->reg;
	return n;
}

/* A length's register; 0 where a lenient check has none. */
static int32_t length_register(struct compiler *c, const struct ctf_ref *ref, struct node *from)
{
	struct node *n = resolve(c, ref, from, "length");
	if (n && n->type->integer.is_signed)
		fail(c, ref->line, ref->column, "a length cannot be a signed integer");
	return n ? n->reg : 0;
}

/* --- one kind of type after the other --------------------------------------------------- */

bool ctf_type_fixed_bits(const struct ctf_type *t, uint64_t *bits)
{
	uint64_t one, total = 0;
	switch (t->kind) {
	case CTF_INTEGER:
	case CTF_BOOL:
	case CTF_BIT_ARRAY:
	case CTF_BIT_MAP:
	case CTF_ENUM:
		*bits = t->integer.bits;
		return true;
	case CTF_FLOAT:
		*bits = t->real.bits;
		return true;
	case CTF_STATIC_STRING:
	case CTF_STATIC_BLOB:
		return !__builtin_mul_overflow(t->text.bytes, 8u, bits);
	case CTF_ARRAY:
		*bits = 0;
		if (!t->array.count)
			return true;
		if (!ctf_type_fixed_bits(t->array.element, &one))
			return false;
		total = (one + t->array.element->align - 1) &
			~(uint64_t)(t->array.element->align - 1);
		return !__builtin_mul_overflow(total, t->array.count - 1, &total) &&
		       !__builtin_add_overflow(total, one, bits);
	default:
		return false;
	}
}

/* Elements that need no expansion: plain numbers of one size. */
static bool is_lazy_element(const struct ctf_type *t)
{
	switch (t->kind) {
	case CTF_INTEGER:
	case CTF_BOOL:
	case CTF_BIT_ARRAY:
	case CTF_BIT_MAP:
	case CTF_ENUM:
		return t->integer.bits <= 64 && !t->integer.clock;
	case CTF_FLOAT:
		return t->real.bits <= 64;
	default:
		return false;
	}
}

static uint32_t lazy_stride(const struct ctf_type *element)
{
	uint64_t bits = 0;
	ctf_type_fixed_bits(element, &bits);
	return (uint32_t)((bits + element->align - 1) & ~(uint64_t)(element->align - 1));
}

static void check_byte_order(struct compiler *c, struct builder *b, const struct node *n,
			     uint32_t offset, uint32_t bits)
{
	if (b->order_end == offset && offset % 8 && b->order != n->type->byte_order)
		fail(c, n->type->line, n->type->column,
		     "the byte order changes in the middle of a byte");
	b->order_end = (uint64_t)offset + bits;
	b->order = n->type->byte_order;
}

static void set_number(struct compiler *c, struct builder *b, struct node *n, struct ctf_op *op,
		       uint32_t offset, uint32_t bits, int32_t slot)
{
	op->offset = offset;
	op->bits = (uint16_t)bits;
	op->slot = slot;
	op->type = n->type;
	op->reg = n->reg;
	if (n->type->byte_order == CTF_BIG_ENDIAN)
		op->flags |= OP_BIG_ENDIAN;
	if (!c->error)
		n->op = (int32_t)b->ops.len - 1;
}

static void compile_integer(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	const struct ctf_integer *in = &n->type->integer;
	uint32_t offset = place(c, b, in->bits, n->type->align);
	check_byte_order(c, b, n, offset, in->bits);
	enum ctf_opcode code = OP_INT;
	if (in->bits > 64)
		code = OP_WIDE;
	else if (offset % 8 == 0 && b->base_align >= 8 &&
		 (in->bits == 8 || n->type->byte_order == CTF_LITTLE_ENDIAN))
		code = in->bits == 8    ? OP_U8
		       : in->bits == 16 ? OP_U16
		       : in->bits == 32 ? OP_U32
		       : in->bits == 64 ? OP_U64
					: OP_INT;
	struct ctf_op *op = emit(c, b, code);
	set_number(c, b, n, op, offset, in->bits, slot);
	op->arg = in->bits;
	if (in->is_signed)
		op->flags |= OP_SIGNED;
	bool is_end = n->field && n->field->roles & CTF_ROLE_BIT(CTF_ROLE_PACKET_END_TIMESTAMP);
	if (in->clock && in->bits <= 64 && !is_end)
		op->flags |= OP_CLOCK;
}

static void compile_float(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	uint32_t bits = n->type->real.bits;
	uint32_t offset = place(c, b, bits, n->type->align);
	check_byte_order(c, b, n, offset, bits);
	struct ctf_op *op = emit(c, b, bits > 64 ? OP_WIDE : OP_FLOAT);
	set_number(c, b, n, op, offset, bits, slot);
	op->arg = bits;
}

static void compile_string(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	run_end_aligned(c, b, n->type->align);
	struct ctf_op *op = emit(c, b, OP_STRING);
	op->slot = slot;
	op->type = n->type;
	run_begin(c, b, 8);
}

static void compile_varint(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	run_end_aligned(c, b, n->type->align);
	struct ctf_op *op = emit(c, b, OP_VARINT);
	op->slot = slot;
	op->type = n->type;
	op->reg = n->reg;
	op->flags = n->type->integer.is_signed ? OP_SIGNED : 0;
	bool is_end = n->field && n->field->roles & CTF_ROLE_BIT(CTF_ROLE_PACKET_END_TIMESTAMP);
	if (n->type->integer.clock && !is_end)
		op->flags |= OP_CLOCK;
	if (!c->error)
		n->op = (int32_t)b->ops.len - 1;
	run_begin(c, b, 8);
}

static void compile_static_bytes(struct compiler *c, struct builder *b, struct node *n,
				 int32_t slot)
{
	uint64_t bits;
	if (!ctf_type_fixed_bits(n->type, &bits) || bits > UINT64_MAX / 4) {
		fail(c, n->type->line, n->type->column, "this text or BLOB is too long");
		return;
	}
	struct ctf_op *op;
	uint32_t offset = place(c, b, bits, n->type->align);
	op = emit(c, b, OP_BYTES);
	op->offset = offset;
	op->slot = slot;
	op->type = n->type;
	op->arg = n->type->text.bytes;
}

static void compile_dynamic_bytes(struct compiler *c, struct builder *b, struct node *n,
				  int32_t slot)
{
	int32_t from = length_register(c, &n->type->text.length, n);
	run_end_aligned(c, b, n->type->align);
	struct ctf_op *op = emit(c, b, OP_BYTES_BY);
	op->slot = slot;
	op->type = n->type;
	op->from = from;
	run_begin(c, b, 8);
}

static void compile_struct(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	size_t count = n->type->record.n_fields;
	align_run(c, b, n->type->align);
	uint32_t first = b->n_slots;
	if (slot != NO_SLOT) {
		struct ctf_op *op = emit(c, b, OP_STRUCT);
		op->slot = slot;
		op->type = n->type;
		op->first = first;
		op->arg = count;
		b->n_slots += (uint32_t)count;
	}
	for (size_t i = 0; i < count && !c->error; i++) {
		const struct ctf_field *f = &n->type->record.fields[i];
		struct node *k = node_new(c, b, n, f->type, f);
		if (k)
			compile(c, b, k, slot == NO_SLOT ? NO_SLOT : (int32_t)(first + i));
	}
}

static void compile_lazy(struct compiler *c, struct builder *b, struct node *n, int32_t slot,
			 int32_t from)
{
	const struct ctf_type *e = n->type->array.element;
	bool is_text = ctf_type_is_text(n->type);
	uint64_t bits = 0;
	struct ctf_op *op;
	if (from < 0) {
		if (!ctf_type_fixed_bits(n->type, &bits) || bits > UINT64_MAX / 4 ||
		    n->type->array.count > UINT32_MAX) {
			fail(c, n->type->line, n->type->column, "this array is too long");
			return;
		}
		uint32_t offset = place(c, b, bits, n->type->align);
		op = emit(c, b, is_text ? OP_TEXT : OP_LAZY);
		op->offset = offset;
		op->arg = n->type->array.count;
	} else {
		run_end_aligned(c, b, n->type->align);
		op = emit(c, b, is_text ? OP_TEXT_BY : OP_LAZY_BY);
		op->from = from;
	}
	op->slot = slot;
	op->type = n->type;
	op->stride = lazy_stride(e);
	ctf_type_fixed_bits(e, &bits);
	op->bits = (uint16_t)bits;
	if (from >= 0)
		run_begin(c, b,
			  e->align > op->bits ? 1
					      : low_bit(op->stride, low_bit(op->bits, e->align)));
}

static void compile_loop(struct compiler *c, struct builder *b, struct node *n, int32_t slot,
			 int32_t from)
{
	const struct ctf_type *e = n->type->array.element;
	run_end_aligned(c, b, n->type->align);
	int32_t loop = (int32_t)b->ops.len;
	struct ctf_op *op = emit(c, b, from < 0 ? OP_LOOP : OP_LOOP_BY);
	op->slot = slot;
	op->type = n->type;
	op->from = from;
	op->arg = n->type->kind == CTF_ARRAY ? n->type->array.count : 0;
	/* Slots of the body are counted from the element's own, which is 0. */
	uint32_t outer_slots = b->n_slots;
	b->n_slots = 1;
	run_begin(c, b, 1);
	struct node *k = node_new(c, b, n, e, NULL);
	if (k)
		compile(c, b, k, slot == NO_SLOT ? NO_SLOT : 0);
	run_end(c, b);
	emit(c, b, OP_LOOP_END)->jump = (uint32_t)loop + 1;
	if (!c->error) {
		b->ops.items[loop].jump = (uint32_t)b->ops.len - 1;
		b->ops.items[loop].stride = b->n_slots;
	}
	b->n_slots = outer_slots;
	run_begin(c, b, 1);
}

static void compile_array(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	int32_t from = -1;
	if (n->type->kind == CTF_SEQUENCE)
		from = length_register(c, &n->type->array.length, n);
	if (is_lazy_element(n->type->array.element))
		compile_lazy(c, b, n, slot, from);
	else
		compile_loop(c, b, n, slot, from);
}

static void add_range(struct compiler *c, struct builder *b, struct ctf_range r, size_t option)
{
	struct ctf_plan_range range = {.lo = r.lo, .hi = r.hi, .option = (uint16_t)option};
	if (!c->error && vec_push(&b->ranges, range))
		no_memory(c);
}

/* CTF 1.8: an option is chosen by the selector's label of its name. */
static void ranges_by_label(struct compiler *c, struct builder *b, const struct ctf_type *tag,
			    const struct ctf_field *option, size_t index)
{
	for (size_t i = 0; i < tag->integer.n_labels; i++) {
		const struct ctf_label *l = &tag->integer.labels[i];
		if (!ctf_label_chooses(l->name, option))
			continue;
		for (size_t j = 0; j < l->n_ranges; j++)
			add_range(c, b, l->ranges[j], index);
	}
}

static void compile_variant(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	const struct ctf_type *t = n->type;
	struct node *tag = resolve(c, &t->variant.tag, n, "tag");
	size_t first_range = b->ranges.len, n_options = t->variant.n_options;
	if (n_options > UINT16_MAX)
		fail(c, t->line, t->column, "this variant has too many options");
	for (size_t i = 0; i < n_options && tag && !c->error; i++) {
		const struct ctf_field *o = &t->variant.options[i];
		for (size_t j = 0; j < o->n_ranges; j++)
			add_range(c, b, o->ranges[j], i);
		if (!o->n_ranges && tag->type->kind == CTF_ENUM)
			ranges_by_label(c, b, tag->type, o, i);
		else if (!o->n_ranges)
			fail(c, t->variant.tag.line, t->variant.tag.column,
			     "a variant's tag is an enum, not an %s",
			     ctf_kind_name(tag->type->kind));
	}
	if (tag && !c->error && b->ranges.len == first_range)
		fail(c, t->line, t->column, "no option of this variant is a label of its tag");
	size_t end_range = b->ranges.len;
	run_end(c, b);
	int32_t head = (int32_t)b->ops.len;
	struct ctf_op *op = emit(c, b, OP_VARIANT);
	op->slot = slot;
	op->type = t;
	op->from = tag ? tag->reg : 0;
	op->offset = (uint32_t)first_range;
	op->arg = end_range - first_range;
	if (tag && tag->type->integer.is_signed)
		op->flags |= OP_SIGNED;
	uint32_t chosen = b->n_slots, most = chosen + 1;
	op->first = chosen;
	struct VEC(uint32_t) jumps = {0};
	uint32_t known = n_options ? 1u << 30 : 1;
	for (size_t i = 0; i < n_options && !c->error; i++) {
		const struct ctf_field *o = &t->variant.options[i];
		for (size_t r = first_range; r < end_range; r++)
			if (b->ranges.items[r].option == i)
				b->ranges.items[r].jump = (uint32_t)b->ops.len;
		b->n_slots = chosen + 1; /* the options share their slots */
		run_begin(c, b, 1);
		struct node *k = node_new(c, b, n, o->type, o);
		if (k)
			compile(c, b, k, slot == NO_SLOT ? NO_SLOT : (int32_t)chosen);
		known = low_bit(b->run_bits, b->base_align < known ? b->base_align : known);
		run_end(c, b);
		if (!c->error && vec_push(&jumps, (uint32_t)b->ops.len))
			no_memory(c);
		emit(c, b, OP_JUMP);
		if (b->n_slots > most)
			most = b->n_slots;
	}
	for (size_t i = 0; i < jumps.len && !c->error; i++)
		b->ops.items[jumps.items[i]].jump = (uint32_t)b->ops.len;
	vec_fini(&jumps);
	if (!c->error)
		b->ops.items[head].jump = (uint32_t)b->ops.len;
	b->n_slots = slot == NO_SLOT ? chosen : most;
	run_begin(c, b, known);
}

static void compile_optional(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	const struct ctf_type *t = n->type;
	struct node *tag = resolve(c, &t->optional.tag, n, "selector");
	size_t first_range = b->ranges.len;
	for (size_t i = 0; i < t->optional.n_ranges; i++)
		add_range(c, b, t->optional.ranges[i], 0);
	run_end(c, b);
	int32_t head = (int32_t)b->ops.len;
	struct ctf_op *op = emit(c, b, OP_OPTIONAL);
	op->slot = slot;
	op->type = t;
	op->from = tag ? tag->reg : 0;
	op->offset = (uint32_t)first_range;
	op->arg = t->optional.n_ranges;
	if (tag && tag->type->integer.is_signed)
		op->flags |= OP_SIGNED;
	run_begin(c, b, 1);
	struct node *k = node_new(c, b, n, t->optional.content, NULL);
	if (k)
		compile(c, b, k, slot);
	run_end(c, b);
	if (!c->error)
		b->ops.items[head].jump = (uint32_t)b->ops.len;
	run_begin(c, b, 1);
}

static void compile(struct compiler *c, struct builder *b, struct node *n, int32_t slot)
{
	static void (*const by_kind[CTF_N_KINDS])(struct compiler *, struct builder *,
						  struct node *, int32_t) = {
		[CTF_INTEGER] = compile_integer,
		[CTF_BOOL] = compile_integer,
		[CTF_BIT_ARRAY] = compile_integer,
		[CTF_BIT_MAP] = compile_integer,
		[CTF_ENUM] = compile_integer,
		[CTF_VARINT] = compile_varint,
		[CTF_FLOAT] = compile_float,
		[CTF_STRING] = compile_string,
		[CTF_STATIC_STRING] = compile_static_bytes,
		[CTF_DYNAMIC_STRING] = compile_dynamic_bytes,
		[CTF_STATIC_BLOB] = compile_static_bytes,
		[CTF_DYNAMIC_BLOB] = compile_dynamic_bytes,
		[CTF_STRUCT] = compile_struct,
		[CTF_ARRAY] = compile_array,
		[CTF_SEQUENCE] = compile_array,
		[CTF_VARIANT] = compile_variant,
		[CTF_OPTIONAL] = compile_optional,
	};
	if (c->error)
		return;
	if (++c->depth > MAX_DEPTH)
		fail(c, n->type->line, n->type->column, "types are nested too deeply");
	else if (b->n_slots > MAX_NODES)
		fail(c, n->type->line, n->type->column, "this type expands to too many fields");
	else
		by_kind[n->type->kind](c, b, n, slot);
	c->depth--;
}

/* --- from builder to plan ----------------------------------------------------------------- */

static void builder_init(struct compiler *c, struct builder *b, uint32_t base_align, bool wanted)
{
	memset(b, 0, sizeof(*b));
	b->wanted = wanted;
	for (int s = 0; s < CTF_N_SCOPES; s++)
		b->root[s] = -1;
	run_begin(c, b, base_align);
}

static void builder_fini(struct builder *b)
{
	vec_fini(&b->ops);
	vec_fini(&b->ranges);
}

static void compile_root(struct compiler *c, struct builder *b, enum ctf_scope scope,
			 const struct ctf_type *type)
{
	c->root[scope] = NULL;
	if (!type || c->error)
		return;
	c->root[scope] = node_new(c, b, NULL, type, NULL);
	int32_t slot = NO_SLOT;
	if (b->wanted)
		slot = b->root[scope] = (int32_t)b->n_slots++;
	if (c->root[scope])
		compile(c, b, c->root[scope], slot);
}

/* Whether an operation does nothing once no value, register or clock is wanted of it. */
static bool is_idle(const struct ctf_op *op)
{
	switch (op->code) {
	case OP_INT:
	case OP_U8:
	case OP_U16:
	case OP_U32:
	case OP_U64:
		return op->slot == NO_SLOT && op->reg < 0 &&
		       !(op->flags & (OP_CLOCK | OP_EVENT_ID));
	case OP_FLOAT:
	case OP_WIDE:
	case OP_BYTES:
	case OP_LAZY:
	case OP_TEXT:
	case OP_STRUCT:
		return op->slot == NO_SLOT;
	case OP_ADVANCE:
	case OP_NEED:
	case OP_SKIP:
		return !op->arg;
	default:
		return false;
	}
}

/* Drops idle operations and joins a run that keeps nothing into one step. */
static int compact(struct builder *b)
{
	size_t n = b->ops.len, kept = 0;
	uint32_t *at = calloc(n + 1, sizeof(*at));
	bool *is_target = calloc(n + 1, sizeof(*is_target));
	struct ctf_op *ops = b->ops.items;
	if (!at || !is_target) {
		free(at);
		free(is_target);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		if (ops[i].jump)
			is_target[ops[i].jump] = true;
	for (size_t i = 0; i < b->ranges.len; i++)
		is_target[b->ranges.items[i].jump] = true;
	for (size_t i = 0; i < n; i++) {
		at[i] = (uint32_t)kept;
		if (is_idle(&ops[i]))
			continue;
		if (ops[i].code == OP_ADVANCE && kept && ops[kept - 1].code == OP_NEED &&
		    !is_target[i]) {
			ops[kept - 1].code = OP_SKIP;
			at[i] = (uint32_t)kept - 1;
			continue;
		}
		ops[kept++] = ops[i];
	}
	at[n] = (uint32_t)kept;
	for (size_t i = 0; i < kept; i++)
		if (ops[i].jump)
			ops[i].jump = at[ops[i].jump];
	for (size_t i = 0; i < b->ranges.len; i++)
		b->ranges.items[i].jump = at[b->ranges.items[i].jump];
	b->ops.len = kept;
	free(at);
	free(is_target);
	return 0;
}

static void finish(struct compiler *c, struct builder *b, struct ctf_plan *plan, struct arena *a)
{
	run_end(c, b);
	emit(c, b, OP_END);
	if (!c->error && compact(b))
		no_memory(c);
	if (c->error)
		return;
	memset(plan, 0, sizeof(*plan));
	plan->ops = arena_memdup(a, b->ops.items, b->ops.len * sizeof(*b->ops.items));
	plan->n_ops = b->ops.len;
	plan->ranges = arena_memdup(a, b->ranges.items, b->ranges.len * sizeof(*b->ranges.items));
	plan->n_ranges = b->ranges.len;
	plan->n_values = b->n_slots;
	memcpy(plan->root, b->root, sizeof(plan->root));
	if (!plan->ops || (!plan->ranges && plan->n_ranges)) {
		no_memory(c);
		return;
	}
	const struct ctf_op *op = plan->ops;
	plan->align = 1;
	plan->fixed_bits = UINT64_MAX;
	if (op->code == OP_ALIGN)
		plan->align = (uint32_t)(op++)->arg;
	if (op->code == OP_END)
		plan->fixed_bits = 0;
	else if (op->code == OP_SKIP && op[1].code == OP_END)
		plan->fixed_bits = op->arg;
}

int ctf_plan_new(struct ctf_plan **out, struct arena *a, const struct ctf_type *root,
		 enum ctf_scope scope, enum ctf_want want, struct diag *diag)
{
	struct arena scratch = {0};
	struct compiler c = {.scratch = &scratch, .diag = diag};
	struct builder b;
	struct ctf_plan *plan = arena_new(a, struct ctf_plan);
	*out = NULL;
	if (!plan || !root)
		return plan ? -EINVAL : -ENOMEM;
	builder_init(&c, &b, 64, want != CTF_WANT_NONE);
	compile_root(&c, &b, scope, root);
	finish(&c, &b, plan, a);
	plan->n_registers = c.n_registers;
	builder_fini(&b);
	arena_fini(&scratch);
	*out = c.error ? NULL : plan;
	return c.error;
}

int ctf_type_check(const struct ctf_type *type, const char *file_name, struct diag *diag)
{
	struct arena scratch = {0};
	struct compiler c = {
		.scratch = &scratch, .diag = diag, .file_name = file_name, .lenient = true};
	struct builder b;
	builder_init(&c, &b, 64, true);
	struct node *n = node_new(&c, &b, NULL, type, NULL);
	if (n)
		compile(&c, &b, n, 0);
	builder_fini(&b);
	arena_fini(&scratch);
	return c.error;
}

/* --- a stream class ------------------------------------------------------------------------- */

static void find_roles(struct ctf_stream_plan *sp, enum ctf_scope scope,
		       const struct ctf_type *type)
{
	if (!type)
		return;
	/* A root's fields follow its struct: their slots are constant. */
	for (size_t i = 0; i < sp->packet.n_ops; i++) {
		const struct ctf_op *op = &sp->packet.ops[i];
		if (op->code != OP_STRUCT || op->slot != sp->packet.root[scope])
			continue;
		for (size_t f = 0; f < type->record.n_fields; f++)
			for (int r = 0; r < CTF_N_ROLES; r++)
				if (type->record.fields[f].roles & CTF_ROLE_BIT(r) &&
				    sp->role_value[r] < 0) {
					const struct ctf_type *ft = type->record.fields[f].type;
					sp->role_value[r] = (int32_t)(op->first + f);
					sp->role_bits[r] = 64;
					if (ctf_type_is_integer(ft) && ft->kind != CTF_VARINT)
						sp->role_bits[r] = (uint16_t)ft->integer.bits;
				}
	}
}

/* The fields of the header whose role is the event's id: one, or one an option. */
static bool mark_ids(struct node *n)
{
	bool any = false;
	for (struct node *k = n->children; k; k = k->next) {
		if (k->field && k->field->roles & CTF_ROLE_BIT(CTF_ROLE_EVENT_CLASS_ID) &&
		    k->op >= 0 && ctf_type_is_integer(k->type)) {
			k->builder->ops.items[k->op].flags |= OP_EVENT_ID;
			any = true;
		}
		any |= mark_ids(k);
	}
	return any;
}

/* A form of the header: all numbers at fixed places; true when it is simple enough. */
static bool fast_struct(const struct ctf_type *t, uint64_t *at, struct ctf_fast_form *form,
			size_t from, size_t to)
{
	*at = (*at + t->align - 1) & ~(uint64_t)(t->align - 1);
	for (size_t i = from; i < to; i++) {
		const struct ctf_field *f = &t->record.fields[i];
		const struct ctf_type *ft = f->type;
		if ((ft->kind != CTF_INTEGER && ft->kind != CTF_ENUM) || ft->integer.bits > 64)
			return false;
		bool is_id = f->roles & CTF_ROLE_BIT(CTF_ROLE_EVENT_CLASS_ID);
		bool is_clock = ft->integer.clock;
		*at = (*at + ft->align - 1) & ~(uint64_t)(ft->align - 1);
		bool readable = ft->byte_order == CTF_LITTLE_ENDIAN && !ft->integer.is_signed &&
				*at % 8 + ft->integer.bits <= 64 && *at < 1024;
		if ((is_id || is_clock) && !readable)
			return false;
		if (is_id)
			form->id_offset = (uint32_t)*at, form->id_bits = (uint8_t)ft->integer.bits;
		if (is_clock && form->clock_bits)
			return false;
		if (is_clock)
			form->clock_offset = (uint32_t)*at,
			form->clock_bits = (uint8_t)ft->integer.bits;
		*at += ft->integer.bits;
	}
	form->total_bits = (uint32_t)*at;
	return *at < 1u << 20;
}

static const struct ctf_type *option_for(const struct ctf_type *variant,
					 const struct ctf_label *label)
{
	for (size_t i = 0; i < variant->variant.n_options; i++)
		if (ctf_label_chooses(label->name, &variant->variant.options[i]))
			return variant->variant.options[i].type;
	return NULL;
}

/* struct { enum id { compact = 0 ... N-1, extended = N }; variant <id> { compact; extended; } } */
static bool fast_variant(const struct ctf_type *t, struct ctf_fast_header *fast)
{
	const struct ctf_type *tag = t->record.fields[0].type, *v = t->record.fields[1].type;
	if (tag->kind != CTF_ENUM || v->kind != CTF_VARIANT || tag->integer.n_labels != 2 ||
	    v->variant.n_options != 2 || tag->integer.bits > 32 ||
	    v->variant.tag.scope != CTF_SCOPE_RELATIVE || v->variant.tag.n_path != 1)
		return false;
	const struct ctf_field *f = &t->record.fields[0];
	if (strcmp(v->variant.tag.path[0], f->name) &&
	    (!f->raw_name || strcmp(v->variant.tag.path[0], f->raw_name)))
		return false;
	const struct ctf_label *small = &tag->integer.labels[0], *large = &tag->integer.labels[1];
	uint64_t max = (UINT64_C(1) << tag->integer.bits) - 1;
	if (small->n_ranges != 1 || large->n_ranges != 1 || small->ranges[0].lo != 0 ||
	    small->ranges[0].hi != max - 1 || large->ranges[0].lo != max ||
	    large->ranges[0].hi != max)
		return false;
	const struct ctf_type *a = option_for(v, small), *b = option_for(v, large);
	uint64_t at = 0;
	if (!a || !b || a->kind != CTF_STRUCT || b->kind != CTF_STRUCT ||
	    !fast_struct(t, &at, &fast->form, 0, 1) || !fast->form.id_bits)
		return false;
	fast->extended = fast->form;
	uint64_t at_b = at;
	fast->extended_id = max;
	fast->has_extended = true;
	return fast_struct(a, &at, &fast->form, 0, a->record.n_fields) &&
	       fast_struct(b, &at_b, &fast->extended, 0, b->record.n_fields);
}

static void find_fast_header(struct ctf_stream_plan *sp, const struct ctf_type *t)
{
	struct ctf_fast_header *fast = &sp->fast;
	memset(fast, 0, sizeof(*fast));
	if (!t || t->kind != CTF_STRUCT)
		return;
	uint64_t at = 0;
	fast->align = t->align;
	fast->usable = fast_struct(t, &at, &fast->form, 0, t->record.n_fields);
	if (!fast->usable && t->record.n_fields == 2) {
		memset(fast, 0, sizeof(*fast));
		fast->align = t->align;
		fast->usable = fast_variant(t, fast);
	}
	uint32_t bits = fast->form.total_bits > fast->extended.total_bits
				? fast->form.total_bits
				: fast->extended.total_bits;
	fast->reach_bits = bits + 64;
}

static void index_ids(struct compiler *c, struct ctf_stream_plan *sp, struct arena *a)
{
	const struct ctf_stream_class *sc = sp->class;
	uint64_t max = 0;
	for (size_t i = 0; i < sc->n_events; i++)
		if (sc->events[i]->id >= max && sc->events[i]->id < 65536)
			max = sc->events[i]->id + 1;
	sp->n_ids = max;
	sp->by_id = max ? arena_array(a, max, sizeof(*sp->by_id)) : NULL;
	sp->steps = max ? arena_array(a, max, sizeof(*sp->steps)) : NULL;
	if (max && (!sp->by_id || !sp->steps)) {
		no_memory(c);
		return;
	}
	for (uint64_t id = 0; id < max; id++)
		sp->steps[id].bits = UINT32_MAX;
	/* 0: none; else index + 1. The first of a twice-given id counts. */
	for (size_t i = sc->n_events; i-- > 0;) {
		const struct ctf_plan *plan = &sp->events[i];
		if (sc->events[i]->id >= max)
			continue;
		sp->by_id[sc->events[i]->id] = (uint32_t)i + 1;
		sp->steps[sc->events[i]->id] = (struct ctf_step){
			.bits = plan->fixed_bits < UINT32_MAX ? (uint32_t)plan->fixed_bits
							      : UINT32_MAX,
			.align = plan->align,
		};
	}
}

const struct ctf_event_class *ctf_stream_plan_event(const struct ctf_stream_plan *sp, uint64_t id)
{
	if (!sp->has_event_id && sp->class->n_events == 1)
		return sp->class->events[0];
	if (id < sp->n_ids)
		return sp->by_id[id] ? sp->class->events[sp->by_id[id] - 1] : NULL;
	return id < 65536 ? NULL : ctf_event_class_find(sp->class, id);
}

/* What the header's end is aligned to, when it is always the same. */
static uint32_t known_after(const struct builder *header)
{
	return header->need >= 0 ? low_bit(header->run_bits, header->base_align) : 1;
}

int ctf_stream_plan_new(struct ctf_stream_plan **out, struct arena *a,
			const struct ctf_stream_class *sc, enum ctf_want want,
			const char *file_name, struct diag *diag)
{
	struct arena scratch = {0};
	struct compiler c = {.scratch = &scratch,
			     .diag = diag,
			     .file_name = file_name,
			     .is_ctf2 = sc->trace_class->major >= 2};
	struct builder packet = {0}, header = {0};
	struct ctf_stream_plan *sp = arena_new(a, struct ctf_stream_plan);
	struct builder *events = calloc(sc->n_events + 1, sizeof(*events));
	*out = NULL;
	if (!sp || !events) {
		free(events);
		return -ENOMEM;
	}
	sp->class = sc;
	sp->want = want;
	sp->events = arena_array(a, sc->n_events ? sc->n_events : 1, sizeof(*sp->events));
	for (int r = 0; r < CTF_N_ROLES; r++)
		sp->role_value[r] = -1;
	if (!sp->events)
		no_memory(&c);

	builder_init(&c, &packet, 1u << 30, true);
	compile_root(&c, &packet, CTF_SCOPE_PACKET_HEADER, sc->trace_class->packet_header);
	compile_root(&c, &packet, CTF_SCOPE_PACKET_CONTEXT, sc->packet_context);
	builder_init(&c, &header, 1, want == CTF_WANT_ALL);
	compile_root(&c, &header, CTF_SCOPE_EVENT_HEADER, sc->event_header);
	if (c.root[CTF_SCOPE_EVENT_HEADER])
		sp->has_event_id = mark_ids(c.root[CTF_SCOPE_EVENT_HEADER]);
	/* The packet header's names may not hide: contexts of one event are no scope of the next. */
	uint32_t align = known_after(&header);
	for (size_t i = 0; i < sc->n_events && !c.error; i++) {
		const struct ctf_event_class *ec = sc->events[i];
		builder_init(&c, &events[i], align, want != CTF_WANT_NONE);
		c.root[CTF_SCOPE_EVENT_CONTEXT] = c.root[CTF_SCOPE_EVENT_PAYLOAD] = NULL;
		compile_root(&c, &events[i], CTF_SCOPE_EVENT_COMMON_CONTEXT, sc->event_context);
		compile_root(&c, &events[i], CTF_SCOPE_EVENT_CONTEXT, ec->context);
		compile_root(&c, &events[i], CTF_SCOPE_EVENT_PAYLOAD, ec->payload);
	}
	/* Only now is it known which fields are referred to. */
	finish(&c, &packet, &sp->packet, a);
	finish(&c, &header, &sp->header, a);
	for (size_t i = 0; i < sc->n_events && !c.error; i++)
		finish(&c, &events[i], &sp->events[i], a);
	sp->n_registers = c.n_registers;
	if (!c.error) {
		find_roles(sp, CTF_SCOPE_PACKET_HEADER, sc->trace_class->packet_header);
		find_roles(sp, CTF_SCOPE_PACKET_CONTEXT, sc->packet_context);
		find_fast_header(sp, sc->event_header);
		/* The variant's tag alone may be read: that is what the fast form knows. */
		uint32_t readers = 0;
		for (size_t i = 0; i < sp->header.n_ops; i++)
			readers += sp->header.ops[i].reg >= 0;
		if (readers > (sp->fast.has_extended ? 1u : 0u) || want == CTF_WANT_ALL)
			sp->fast.usable = false;
		index_ids(&c, sp, a);
	}
	builder_fini(&packet);
	builder_fini(&header);
	for (size_t i = 0; i < sc->n_events; i++)
		builder_fini(&events[i]);
	free(events);
	arena_fini(&scratch);
	*out = c.error ? NULL : sp;
	return c.error;
}
