/* SPDX-License-Identifier: MIT */
/*
 * plan.c - compiles types into decode plans.
 *
 * Everything lies at a constant offset from the start of a *run*; a run ends
 * where something of unknown size or alignment comes. References (lengths,
 * selectors) are resolved in a tree of the fields compiled so far, and the
 * operation of the field referred to then also fills a register.
 */
#include "ctf/plan-compile.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 100
#define MAX_NODES (1u << 20) /* of a stream class; aliases make small texts huge trees */
#define MAX_RUN_BITS (1u << 31)

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

void plan_no_memory(struct compiler *c)
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
		plan_no_memory(c);
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
		plan_no_memory(c);
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
	if (n->builder != from->builder && outermost(n) == c->root[CTF_SCOPE_EVENT_HEADER])
		c->header_is_read = true;
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
		plan_no_memory(c);
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
			plan_no_memory(c);
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

void plan_builder_init(struct compiler *c, struct builder *b, uint32_t base_align, bool wanted)
{
	memset(b, 0, sizeof(*b));
	b->wanted = wanted;
	for (int s = 0; s < CTF_N_SCOPES; s++)
		b->root[s] = -1;
	run_begin(c, b, base_align);
}

void plan_builder_fini(struct builder *b)
{
	vec_fini(&b->ops);
	vec_fini(&b->ranges);
}

void plan_compile_root(struct compiler *c, struct builder *b, enum ctf_scope scope,
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

/* Whether ctf_plan_skip does it. */
static bool is_flat(const struct ctf_op *op)
{
	switch (op->code) {
	case OP_END:
	case OP_NEED:
	case OP_ADVANCE:
	case OP_SKIP:
	case OP_ALIGN:
		return true;
	case OP_STRING:
		return op->slot == NO_SLOT && op->type->text.encoding <= CTF_ENCODING_UTF8;
	case OP_U8:
	case OP_U16:
	case OP_U32:
	case OP_U64:
		return op->slot == NO_SLOT && !op->flags;
	case OP_BYTES_BY:
	case OP_LAZY_BY:
	case OP_TEXT_BY:
		return op->slot == NO_SLOT;
	default:
		return false;
	}
}

void plan_finish(struct compiler *c, struct builder *b, struct ctf_plan *plan, struct arena *a)
{
	run_end(c, b);
	emit(c, b, OP_END);
	if (!c->error && compact(b))
		plan_no_memory(c);
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
		plan_no_memory(c);
		return;
	}
	plan->is_flat = true;
	for (size_t i = 0; i < plan->n_ops; i++)
		plan->is_flat &= is_flat(&plan->ops[i]);
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

uint32_t plan_known_align(const struct builder *b)
{
	return b->need >= 0 ? low_bit(b->run_bits, b->base_align) : 1;
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
	plan_builder_init(&c, &b, 64, want != CTF_WANT_NONE);
	plan_compile_root(&c, &b, scope, root);
	plan_finish(&c, &b, plan, a);
	plan->n_registers = c.n_registers;
	plan_builder_fini(&b);
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
	plan_builder_init(&c, &b, 64, true);
	struct node *n = node_new(&c, &b, NULL, type, NULL);
	if (n)
		compile(&c, &b, n, 0);
	plan_builder_fini(&b);
	arena_fini(&scratch);
	return c.error;
}
