/* SPDX-License-Identifier: MIT */
/*
 * Rows become programs: `before`, whose event it is, filter, rate, room, then
 * one field after the other, loaded along its path and stored.
 */
#include "kern/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kern/btf.h"
#include "kern/labels.h"

static const struct table *const all[] = {
	&table_sched, &table_irq, &table_tasks, &table_block, &table_net,
};
enum { N_TABLES = sizeof(all) / sizeof(*all) };

enum { MARKS_BITS = 16 }; /* log2 of the bits that mark objects in scope */

enum { NOTES_MOST = 16 };

struct tables {
	const struct btf_index *btf;
	int marks; /* the map, or -1 until needed */
	struct { /* programs that only note something serve all tracepoints where they do */
		table_note_fn *before;
		int fd;
	} notes[NOTES_MOST];
	size_t n_notes;
};

static const struct table_event *event_at(uint32_t index)
{
	return &all[index >> 16]->events[index & 0xffff];
}

/* --- paths ----------------------------------------------------------------------- */

enum { STEPS = 6 };

/* "0.q->disk->major": argument 0, then loads at offsets, the last of which is the value. */
struct path {
	unsigned argument, n_steps; /* none: the argument itself */
	struct btf_place steps[STEPS];
};

static bool find_path(const struct btf_index *btf, const struct table_event *event,
		      const char *text, size_t len, struct path *path)
{
	struct btf_place place;
	char member[96];
	uint32_t type;

	*path = (struct path){.argument = (unsigned)(*text - '0')};
	type = btf_tracepoint_argument(btf, event->tracepoint, path->argument, &place);
	if (path->argument >= btf_tracepoint_arguments(btf, event->tracepoint))
		return false;
	for (size_t at = 1; at < len;) {
		size_t n;

		at += text[at] == '.' ? 1 : 2; /* "." or "->" */
		for (n = 0; at + n < len && text[at + n] != '-'; n++)
			;
		if (n >= sizeof(member) || path->n_steps == STEPS || !type)
			return false;
		memcpy(member, text + at, n);
		member[n] = '\0';
		if (btf_member(btf, type, member, &place))
			return false;
		path->steps[path->n_steps++] = place;
		type = place.type;
		at += n;
	}
	return true;
}

/* The first alternative that this kernel has. */
static bool find_from(const struct btf_index *btf, const struct table_event *event,
		      const struct table_field *field, struct path *path)
{
	for (const char *text = field->from; *text;) {
		size_t len = strcspn(text, "|");

		if (find_path(btf, event, text, len, path))
			return true;
		text += len + (text[len] == '|');
	}
	return false;
}

static bool can_give(const struct btf_index *btf, const struct table_event *event,
		     const struct table_field *field)
{
	struct path path;

	return !field->from || find_from(btf, event, field, &path);
}

/* --- loading --------------------------------------------------------------------- */

static int size_code(uint32_t bytes)
{
	return bytes == 1 ? BPF_B : bytes == 2 ? BPF_H : bytes == 4 ? BPF_W : BPF_DW;
}

void table_load_argument(struct kern_emit *e, unsigned argument)
{
	asm_load(&e->a, BPF_DW, BPF_REG_0, EMIT_CONTEXT, (int)argument * 8);
}

/* r0 = what lies `place` behind r0 */
static void load_step(struct kern_emit *e, const struct table_event *event,
		      const struct btf_place *place)
{
	enum { SLOT = -EMIT_STACK - 8 };
	struct bpf_asm *a = &e->a;

	if (!event->is_raw) {
		asm_load(a, size_code(place->size), BPF_REG_0, BPF_REG_0, (int)place->offset);
		return;
	}
	asm_mov(a, BPF_REG_3, BPF_REG_0);
	asm_alu_imm(a, BPF_ADD, BPF_REG_3, (int32_t)place->offset);
	asm_mov(a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, SLOT);
	asm_mov_imm(a, BPF_REG_2, (int32_t)(place->size ? place->size : 8));
	asm_call(a, BPF_FUNC_probe_read_kernel);
	asm_load(a, size_code(place->size), BPF_REG_0, BPF_REG_10, SLOT);
}

static void extend_sign(struct bpf_asm *a, unsigned bits)
{
	if (bits == 64)
		return;
	asm_alu_imm(a, BPF_LSH, BPF_REG_0, (int32_t)(64 - bits));
	asm_alu_imm(a, BPF_ARSH, BPF_REG_0, (int32_t)(64 - bits));
}

static void extract_bits(struct bpf_asm *a, const struct btf_place *place)
{
	if (!place->bit_size)
		return;
	asm_alu_imm(a, BPF_LSH, BPF_REG_0, 64 - place->bit_offset - place->bit_size);
	asm_alu_imm(a, place->is_signed ? BPF_ARSH : BPF_RSH, BPF_REG_0, 64 - place->bit_size);
}

/* r0 = the address of the last step of the path */
static void load_address(struct kern_emit *e, const struct table_event *event,
			 const struct path *path)
{
	table_load_argument(e, path->argument);
	for (unsigned i = 0; i + 1 < path->n_steps; i++)
		load_step(e, event, &path->steps[i]);
	if (path->n_steps)
		asm_alu_imm(&e->a, BPF_ADD, BPF_REG_0,
			    (int32_t)path->steps[path->n_steps - 1].offset);
}

/* r0 = the integer; is_whole: all 64 bits of it, also where fewer are stored */
static void load_integer(struct kern_emit *e, const struct table_event *event,
			 const struct table_field *field, bool is_whole)
{
	struct path path;
	struct bpf_asm *a = &e->a;
	unsigned bits = field->field.size * 8u;

	if (field->code) {
		field->code(e, event);
	} else if (find_from(e->build->btf, event, field, &path)) {
		table_load_argument(e, path.argument);
		for (unsigned i = 0; i < path.n_steps; i++)
			load_step(e, event, &path.steps[i]);
		if (path.n_steps) {
			const struct btf_place *last = &path.steps[path.n_steps - 1];

			extract_bits(a, last);
			bits = last->size && last->size < field->field.size ? last->size * 8 : bits;
		}
	}
	if (field->is_swapped)
		asm_swap(a, BPF_REG_0, field->field.size * 8, true);
	if (field->shift)
		asm_alu_imm(a, BPF_RSH, BPF_REG_0, field->shift);
	if (field->mask)
		asm_alu_imm(a, BPF_AND, BPF_REG_0, (int32_t)field->mask);
	if (field->field.is_signed && (is_whole || bits < field->field.size * 8u))
		extend_sign(a, bits);
	else if (is_whole && bits < 64) {
		asm_alu_imm(a, BPF_LSH, BPF_REG_0, (int32_t)(64 - bits));
		asm_alu_imm(a, BPF_RSH, BPF_REG_0, (int32_t)(64 - bits));
	}
}

/* --- storing --------------------------------------------------------------------- */

/* An array within a struct whose type is known is copied by loads and stores: no call. */
static void store_block(struct kern_emit *e, const struct table_event *event,
			const struct table_field *field)
{
	uint32_t left = field->field.count, at = 0;
	struct bpf_asm *a = &e->a;
	struct path path;

	if (!find_from(e->build->btf, event, field, &path))
		return;
	if (event->is_raw || !path.n_steps || path.steps[path.n_steps - 1].size < left) {
		load_address(e, event, &path);
		asm_mov(a, BPF_REG_3, BPF_REG_0);
		emit_chars(e, left, EMIT_KERNEL);
		return;
	}
	table_load_argument(e, path.argument);
	for (unsigned i = 0; i + 1 < path.n_steps; i++)
		load_step(e, event, &path.steps[i]);
	asm_mov(a, BPF_REG_3, BPF_REG_0);
	while (left) {
		uint32_t n = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;

		asm_load(a, size_code(n), BPF_REG_0, BPF_REG_3,
			 (int)(path.steps[path.n_steps - 1].offset + at));
		emit_store(e, size_code(n), BPF_REG_0);
		at += n;
		left -= n;
	}
}

/* r0 = the address of the string that a pointer points to */
static void load_text_address(struct kern_emit *e, const struct table_event *event,
			      const struct table_field *field)
{
	struct path path;

	if (!find_from(e->build->btf, event, field, &path))
		return;
	if (path.n_steps && path.steps[path.n_steps - 1].is_array) {
		load_address(e, event, &path);
		return;
	}
	table_load_argument(e, path.argument);
	for (unsigned i = 0; i < path.n_steps; i++)
		load_step(e, event, &path.steps[i]);
}

static void store_field(struct kern_emit *e, const struct table_event *event,
			const struct table_field *field)
{
	if (field->field.kind == KERN_INTEGER) {
		load_integer(e, event, field, false);
		emit_store(e, size_code(field->field.size), BPF_REG_0);
	} else if (field->field.kind == KERN_TEXT) {
		load_text_address(e, event, field);
		asm_mov(&e->a, BPF_REG_3, BPF_REG_0);
		emit_text(e, TABLE_TEXT_MAX, EMIT_KERNEL);
	} else {
		store_block(e, event, field);
	}
}

/* --- filters --------------------------------------------------------------------- */

/* The row's field of an event's: those that the kernel cannot give were left out. */
static const struct table_field *row_field(const struct table_event *row, const char *name)
{
	for (size_t i = 0; i < row->n_fields; i++)
		if (!strcmp(row->fields[i].field.name, name))
			return &row->fields[i];
	return NULL;
}

static bool load_for_filter(struct kern_emit *e, const struct kern_event *event, size_t i,
			    int text_at, uint32_t text_size, void *arg)
{
	const struct table_event *row = arg;
	const struct table_field *field = row_field(row, event->fields[i].name);
	struct bpf_asm *a = &e->a;
	struct path path;
	uint32_t size;

	if (field->needs_record)
		return false;
	if (field->field.kind == KERN_INTEGER) {
		load_integer(e, row, field, true);
		return true;
	}
	if (field->field.kind == KERN_TEXT)
		load_text_address(e, row, field);
	else if (find_from(e->build->btf, row, field, &path))
		load_address(e, row, &path);
	size = field->field.kind == KERN_TEXT || field->field.count >= text_size
		       ? text_size
		       : field->field.count;
	asm_mov(a, BPF_REG_3, BPF_REG_0);
	asm_mov(a, BPF_REG_1, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_1, text_at);
	asm_mov_imm(a, BPF_REG_2, (int32_t)size);
	asm_call(a, BPF_FUNC_probe_read_kernel_str);
	return true;
}

/* --- scope ----------------------------------------------------------------------- */

static void load_mark(struct kern_emit *e, const struct table_event *event, uint32_t map)
{
	struct bpf_asm *a = &e->a;

	/* r1 = the object's bit, r2 = its byte; pointers differ in the bits from 6 on */
	asm_load(a, BPF_DW, BPF_REG_1, EMIT_CONTEXT, event->scope_argument * 8);
	if (!event->is_raw) { /* a pointer's number: through memory that has no type */
		asm_store(a, BPF_DW, BPF_REG_10, -EMIT_STACK - 8, BPF_REG_1);
		asm_mov(a, BPF_REG_1, BPF_REG_10);
		asm_alu_imm(a, BPF_ADD, BPF_REG_1, -EMIT_STACK - 16);
		asm_mov_imm(a, BPF_REG_2, 8);
		asm_mov(a, BPF_REG_3, BPF_REG_10);
		asm_alu_imm(a, BPF_ADD, BPF_REG_3, -EMIT_STACK - 8);
		asm_call(a, BPF_FUNC_probe_read_kernel);
		asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_10, -EMIT_STACK - 16);
	}
	asm_mov(a, BPF_REG_2, BPF_REG_1);
	asm_alu_imm(a, BPF_RSH, BPF_REG_1, 6);
	asm_alu_imm(a, BPF_RSH, BPF_REG_2, 21);
	asm_alu(a, BPF_XOR, BPF_REG_1, BPF_REG_2);
	asm_alu_imm(a, BPF_AND, BPF_REG_1, (1 << MARKS_BITS) - 1);
	asm_mov(a, BPF_REG_2, BPF_REG_1);
	asm_alu_imm(a, BPF_RSH, BPF_REG_2, 6);
	asm_alu_imm(a, BPF_LSH, BPF_REG_2, 3);
	asm_load_map_value(a, BPF_REG_3, map, 0);
	asm_alu(a, BPF_ADD, BPF_REG_2, BPF_REG_3);
	asm_alu_imm(a, BPF_AND, BPF_REG_1, 63);
	asm_mov_imm(a, BPF_REG_3, 1);
	asm_alu(a, BPF_LSH, BPF_REG_3, BPF_REG_1); /* r3 = its bit in the u64 at r2 */
}

/* Objects are marked when a task in scope had to do with them; what happens to them later, in
 * whatever context, belongs to the recording too. */
static void emit_scope_object(struct kern_emit *e, const struct table_event *event, uint32_t map)
{
	struct bpf_asm *a = &e->a;
	unsigned in = asm_label(a), saved = e->out, unmarked = asm_label(a);

	if (event->scope == TABLE_OBJECT) {
		e->out = unmarked;
		emit_scope_current(e);
		e->out = saved;
		load_mark(e, event, map);
		asm_atomic(a, BPF_DW, BPF_OR, BPF_REG_2, 0, BPF_REG_3);
		asm_jump(a, in);
	}
	asm_bind(a, unmarked);
	emit_current(e);
	load_mark(e, event, map);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_2, 0);
	asm_alu(a, BPF_AND, BPF_REG_1, BPF_REG_3);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_1, 0, e->out);
	if (event->scope == TABLE_OBJECT_END) {
		asm_alu_imm(a, BPF_XOR, BPF_REG_3, -1);
		asm_atomic(a, BPF_DW, BPF_AND, BPF_REG_2, 0, BPF_REG_3);
	}
	asm_bind(a, in);
}

static void emit_scope_task(struct kern_emit *e, const struct table_event *event)
{
	unsigned in = asm_label(&e->a);

	emit_current(e);
	asm_load(&e->a, BPF_DW, BPF_REG_9, EMIT_CONTEXT, event->scope_argument * 8);
	scope_emit_task(&e->build->scope, e->build->btf, &e->a, BPF_REG_9, in);
	if (event->scope == TABLE_TASK)
		emit_scope_current(e);
	else
		asm_jump(&e->a, e->out);
	asm_bind(&e->a, in);
}

static int add_marks(struct tables *t, struct kern_build *build, struct diag *diag)
{
	static const struct kern_map_spec spec = {
		.type = BPF_MAP_TYPE_ARRAY,
		.name = "piste_marks",
		.key_size = sizeof(uint32_t),
		.value_size = (1 << MARKS_BITS) / 8,
		.max_entries = 1,
		.flags = BPF_F_MMAPABLE,
	};

	if (t->marks < 0)
		t->marks = kern_maps_add(&build->maps, &spec, diag);
	return t->marks < 0 ? t->marks : 0;
}

static int emit_scope(struct tables *t, struct kern_emit *e, const struct table_event *event,
		      struct diag *diag)
{
	int err = 0;

	if (event->scope == TABLE_CURRENT) {
		emit_scope_current(e);
	} else if (e->build->scope.kind == KERN_SCOPE_SYSTEM) {
		emit_current(e); /* what happens to others is theirs, whoever does it */
	} else if (event->scope == TABLE_TASK || event->scope == TABLE_TASK_ONLY) {
		emit_scope_task(e, event);
	} else {
		err = add_marks(t, e->build, diag);
		if (!err)
			emit_scope_object(e, event, (uint32_t)t->marks);
	}
	return err;
}

/* --- programs -------------------------------------------------------------------- */

static uint32_t max_payload(const struct kern_event *event)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < event->n_fields; i++) {
		const struct kern_field *f = &event->fields[i];

		sum += f->kind == KERN_INTEGER ? f->size
		       : f->kind == KERN_TEXT  ? TABLE_TEXT_MAX
		       : f->kind == KERN_ARRAY ? f->count * f->size
					       : f->count;
	}
	return sum;
}

static int make_event(struct tables *t, struct kern_build *build, const struct table_event *row,
		      const struct kern_event *event, struct diag *diag)
{
	struct kern_emit e;
	int err;

	emit_begin(&e, build);
	if (row->before)
		row->before(&e);
	err = emit_scope(t, &e, row, diag);
	if (err) {
		asm_fini(&e.a);
		return err;
	}
	emit_open(&e, event, max_payload(event), load_for_filter, (void *)row);
	for (size_t i = 0; i < event->n_fields; i++)
		store_field(&e, row, row_field(row, event->fields[i].name));
	emit_close(&e);
	if (row->after)
		row->after(&e);
	return emit_finish(&e, row->is_raw ? KERN_ATTACH_RAW : KERN_ATTACH_TRACEPOINT,
			   row->tracepoint, NULL, diag);
}

/* The event is not wanted, but what its program notes is. */
static int make_note(struct tables *t, struct kern_build *build, const struct table_event *row,
		     struct diag *diag)
{
	/* those on tasks read their members, for which they must be typed */
	bool is_typed = row->need == TABLE_FOR_SCOPE;
	struct kern_emit e;
	int fd, err;

	for (size_t i = 0; i < t->n_notes && !is_typed; i++)
		if (t->notes[i].before == row->before)
			return kern_attach_also(build, t->notes[i].fd, row->tracepoint);
	emit_begin(&e, build);
	if (row->before)
		row->before(&e);
	if (row->after)
		row->after(&e);
	err = emit_finish(&e, is_typed ? KERN_ATTACH_TRACEPOINT : KERN_ATTACH_RAW, row->tracepoint,
			  &fd, diag);
	if (!err && !is_typed && t->n_notes < NOTES_MOST) {
		t->notes[t->n_notes].before = row->before;
		t->notes[t->n_notes++].fd = fd;
	}
	return err;
}

static bool has_context(const struct table_event *row)
{
	for (size_t i = 0; i < row->n_fields; i++)
		if (row->fields[i].code == table_context)
			return true;
	return false;
}

static const struct kern_event *chosen_event(const struct kern_build *build, uint32_t index)
{
	for (size_t i = 0; i < build->n_chosen; i++)
		if (build->chosen[i].maker == &kern_tables_maker && build->chosen[i].index == index)
			return &build->chosen[i].event;
	return NULL;
}

/* Descendants are followed by a program that looks into tasks. Makers with rings of their own
 * see to it themselves. */
static int without_types(const struct kern_build *build, struct diag *diag)
{
	bool has_programs = false;

	for (size_t i = 0; i < build->n_chosen; i++)
		has_programs |= !build->chosen[i].maker->read;
	if (build->scope.kind != KERN_SCOPE_TASKS || !has_programs)
		return 0;
	diag_error(diag, NULL,
		   "a command's descendants cannot be followed: this kernel does not "
		   "describe its types");
	diag_hint(diag,
		  "a kernel built with CONFIG_DEBUG_INFO_BTF does; or record the whole system");
	return -EOPNOTSUPP;
}

static int tables_make(void *state, struct kern_build *build, struct diag *diag)
{
	struct tables *t = state;
	bool needs[] = {
		[TABLE_FOR_SCOPE] = build->scope.kind == KERN_SCOPE_TASKS,
		[TABLE_FOR_IPI] = false,
	};
	int err = 0;

	if (!build->btf)
		return without_types(build, diag);
	t->marks = -1;
	t->n_notes = 0;
	for (size_t i = 0; i < build->n_chosen; i++)
		needs[TABLE_FOR_CONTEXT] |= build->chosen[i].maker == &kern_tables_maker &&
					    has_context(event_at(build->chosen[i].index));
	if (needs[TABLE_FOR_CONTEXT]) {
		build->can_count = table_can_count(build->btf, &build->maps);
		needs[TABLE_FOR_IPI] = !build->can_count;
	}
	for (uint32_t i = 0; i < N_TABLES; i++)
		for (uint32_t j = 0; j < all[i]->n && !err; j++) {
			const struct table_event *row = &all[i]->events[j];
			const struct kern_event *event = chosen_event(build, i << 16 | j);

			if (!event && (!needs[row->need] ||
				       !btf_tracepoint_arguments(build->btf, row->tracepoint)))
				continue;
			err = event ? make_event(t, build, row, event, diag)
				    : make_note(t, build, row, diag);
		}
	return err;
}

/* --- offers ---------------------------------------------------------------------- */

static int tables_open(void **state, const struct btf_index *btf, struct kern_offers *offers,
		       struct diag *diag)
{
	struct tables *t = calloc(1, sizeof(*t));

	*state = t;
	if (!t)
		return -ENOMEM;
	t->btf = btf;
	if (!btf) {
		diag_note(diag, NULL,
			  "this kernel does not describe its types (BTF): typed events "
			  "cannot be had");
		return 0;
	}
	for (uint32_t i = 0; i < N_TABLES; i++)
		for (uint32_t j = 0; j < all[i]->n; j++) {
			const struct table_event *row = &all[i]->events[j];
			struct kern_offer offer = {.name = row->name,
						   .is_default = row->is_default,
						   .index = i << 16 | j};

			if (!row->name || !btf_tracepoint_arguments(btf, row->tracepoint))
				continue;
			if (vec_push(offers, offer))
				return -ENOMEM;
		}
	return 0;
}

/* "req_op:REQ_OP_": an enum, and what its labels have in common */
static const struct kern_labels *labels_from(const struct tables *t, const char *from,
					     struct arena *arena)
{
	size_t len = strcspn(from, ":");
	char *name = arena_strndup(arena, from, len);
	uint32_t type = name ? btf_find(t->btf, BTF_NAMED_ENUM, name) : 0;

	return type ? kern_labels_of_enum(t->btf, type, from + len + 1, arena) : NULL;
}

static int tables_describe(void *state, uint32_t index, struct arena *arena,
			   struct kern_event *event, struct diag *diag)
{
	const struct tables *t = state;
	const struct table_event *row = event_at(index);
	struct kern_field *fields = arena_array(arena, row->n_fields + 1, sizeof(*fields));
	bool is_fixed = true;

	(void)diag;
	*event = (struct kern_event){.name = row->name, .lttng_name = row->lttng_name};
	if (!fields)
		return -ENOMEM;
	event->fields = fields;
	for (size_t i = 0; i < row->n_fields; i++) {
		const struct table_field *f = &row->fields[i];

		if (!can_give(t->btf, row, f))
			continue;
		fields[event->n_fields] = f->field;
		if (f->labels_from)
			fields[event->n_fields].labels = labels_from(t, f->labels_from, arena);
		is_fixed &= f->field.kind != KERN_TEXT;
		event->n_fields++;
	}
	event->fixed_size = is_fixed ? max_payload(event) : 0;
	return 0;
}

static void tables_close(void *state)
{
	free(state);
}

const struct kern_maker kern_tables_maker = {
	.name = "tables",
	.is_always_needed = true, /* scope is kept by them */
	.open = tables_open,
	.describe = tables_describe,
	.make = tables_make,
	.close = tables_close,
};
