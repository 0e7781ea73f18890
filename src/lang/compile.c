/* SPDX-License-Identifier: MIT */
/*
 * The compilation as a list of its steps (lang_compile), and what they share.
 */
#include "lang/compile.h"

#include <errno.h>
#include <string.h>

#include "lang/probes.h"

enum { MAX_PASSES = 16, MAX_NUMBER = 1024, FEW_NUMBERS = 6 };

/* --- shared by the steps ---------------------------------------------------------------------- */

struct lang_action *action_new(struct compiler *c, enum lang_action_kind kind)
{
	struct lang_action *action = arena_new(c->arena, struct lang_action);

	if (!action) {
		c->error = -ENOMEM;
		return NULL;
	}
	action->kind = kind;
	action->id = (uint32_t)c->program->n_actions++;
	*c->actions_end = action;
	c->actions_end = &action->next;
	return action;
}

uint32_t data_add(struct compiler *c, const void *bytes, size_t len)
{
	static const char zeros[8];
	uint32_t offset = DATA_ZEROS + (uint32_t)c->data.len;

	str_add_bytes(&c->data, bytes, len);
	str_add_bytes(&c->data, zeros, (8 - len % 8) % 8);
	if (c->data.failed)
		c->error = -ENOMEM;
	return offset;
}

/* --- structs that the script declares ----------------------------------------------------------- */

static uint32_t align_of(const struct lang_type *t)
{
	uint32_t most = 1;

	if (t->kind == LANG_ARRAY)
		return align_of(t->of);
	if (t->kind != LANG_RECORD)
		return t->size ? (t->size > 8 ? 8 : t->size) : 1;
	for (size_t i = 0; i < t->n_fields; i++)
		if (align_of(t->fields[i].type) > most)
			most = align_of(t->fields[i].type);
	return most;
}

static void lay_out(struct compiler *c, const struct ast_struct *s, struct lang_type *t)
{
	struct lang_field *fields;
	uint32_t align = 1, size = 0;
	size_t n = 0;

	for (const struct ast_member *m = s->members; m; m = m->next)
		n++;
	fields = arena_array(c->arena, n + 1, sizeof(*fields));
	if (!fields) {
		c->error = -ENOMEM;
		return;
	}
	t->fields = fields;
	for (const struct ast_member *m = s->members; m && !c->error; m = m->next) {
		struct ast_node place = {.place = m->place};
		const struct lang_type *type = resolve_type(c, &place, &m->type);
		uint32_t own = align_of(type);

		align = own > align ? own : align;
		size = s->is_union ? size : (size + own - 1) / own * own;
		fields[t->n_fields++] = (struct lang_field){
			.name = m->name, .type = type, .offset = s->is_union ? 0 : size};
		if (s->is_union)
			size = type->size > size ? type->size : size;
		else
			size += type->size;
	}
	t->size = (size + align - 1) / align * align;
}

static void declare_structs(struct compiler *c)
{
	size_t n = 0;

	for (const struct ast_struct *s = c->script->structs; s; s = s->next)
		n++;
	c->structs = arena_array(c->arena, n + 1, sizeof(*c->structs));
	if (!c->structs) {
		c->error = -ENOMEM;
		return;
	}
	n = 0;
	for (const struct ast_struct *s = c->script->structs; s && !c->error; s = s->next) {
		struct lang_type *t = lang_type_new(c->arena, LANG_RECORD, 0);

		if (!t) {
			c->error = -ENOMEM;
			return;
		}
		t->name = s->name;
		c->structs[n++] = t; /* known before its fields: it may point to itself */
		lay_out(c, s, t);
	}
}

/* --- settings ------------------------------------------------------------------------------------- */

static void apply_settings(struct compiler *c, struct lang_options *options)
{
	static const char *const names[] = {"max_strlen",         "max_map_keys",
					    "missing_probes",     "stack_mode",
					    "print_maps_on_exit", "max_probes",
					    "log_size",           "perf_rb_pages",
					    "lazy_symbolication"};
	enum { N = sizeof(names) / sizeof(names[0]) };

	for (const struct ast_setting *s = c->script->settings; s; s = s->next) {
		struct ast_node node = {.place = s->place};
		uint64_t value = 0;
		size_t known = 0;
		const char *near;

		while (known < N && strcmp(names[known], s->name) != 0)
			known++;
		if (known == N) {
			near = nearest_name(s->name, names, N);
			complain(c, &node, near, "there is no setting %s", s->name);
			return;
		}
		if (known > 1)
			continue; /* taken, and without effect here */
		if (parse_u64(s->text, &value) || value < 1 || value > 1u << 20) {
			complain(c, &node, NULL, "%s is a number from 1 to 1048576", s->name);
			return;
		}
		if (known == 0)
			options->max_string = value > 4096 ? 4096 : (uint32_t)value;
		else
			options->max_entries = (uint32_t)value;
	}
}

/* --- types: all instances again and again, until nothing new is learned ---------------------------- */

static void check_all(struct compiler *c, const struct probe_units *units)
{
	for (const struct probe_unit *u = units->first; u; u = u->next)
		for (const struct lang_instance *i = u->instances; i && !c->error; i = i->next)
			check_instance(c, i);
}

static void find_types(struct compiler *c, const struct probe_units *units)
{
	for (int pass = 0; pass < MAX_PASSES && !c->error; pass++) {
		c->changed = false;
		check_all(c, units);
		if (!c->changed)
			break;
	}
	c->is_last_pass = true;
	check_all(c, units);
	for (const struct lang_map *map = c->maps; map && !c->error; map = map->next)
		if (lang_stored_size(map->value) > DATA_ZEROS) {
			struct ast_node node = {.place = map->place};

			complain(c, &node, NULL, "the values of @%s are too large", map->name);
		}
}

/* --- code ------------------------------------------------------------------------------------------- */

/* The system calls that an instance is for: a few are compared, many looked up in a table of bits. */
static void test_number(struct compiler *c, const struct lang_instance *i, uint32_t if_not)
{
	uint8_t bits[MAX_NUMBER / 8] = {0};
	uint32_t yes = ir_new_label(c->ir), table;
	struct ir_operand byte, bit;

	if (i->n_targets <= FEW_NUMBERS) {
		for (size_t k = 0; k + 1 < i->n_targets; k++)
			ir_branch(c->ir, BPF_JEQ, c->number, ir_imm(i->targets[k]->number), yes);
		ir_branch(c->ir, BPF_JNE, c->number, ir_imm(i->targets[i->n_targets - 1]->number),
			  if_not);
		ir_label(c->ir, yes);
		return;
	}
	for (size_t k = 0; k < i->n_targets; k++)
		if (i->targets[k]->number < MAX_NUMBER)
			bits[i->targets[k]->number / 8] |= 1 << i->targets[k]->number % 8;
	table = data_add(c, bits, sizeof(bits));
	ir_branch(c->ir, BPF_JGE, c->number, ir_imm(MAX_NUMBER), if_not);
	byte = ir_alu(c->ir, BPF_RSH, c->number, ir_imm(3));
	byte = ir_load(c->ir, ir_alu(c->ir, BPF_ADD, ir_map_value(LANG_MAP_DATA, table), byte), 0,
		       1, false);
	bit = ir_alu(c->ir, BPF_AND, c->number, ir_imm(7));
	bit = ir_alu(c->ir, BPF_AND, ir_alu(c->ir, BPF_RSH, byte, bit), ir_imm(1));
	ir_branch(c->ir, BPF_JEQ, bit, ir_imm(0), if_not);
	ir_label(c->ir, yes);
}

static void load_number(struct compiler *c, const struct probe_unit *u)
{
	struct ir_operand regs;
	uint32_t offset;

	if (u->kind == LANG_PROBE_SYSCALL_ENTER) {
		c->number = ir_load(c->ir, context_reg(), 8, 8, false);
		return;
	}
	/* sys_exit has the number only in the registers */
#if defined(__aarch64__)
	offset = 272 + 16; /* pt_regs.syscallno */
#else
	offset = 120; /* pt_regs.orig_ax */
#endif
	regs = ir_load(c->ir, context_reg(), 0, 8, false);
	c->number = read_integer(c, at(regs, offset), &lang_u64, false);
}

static bool can_exit(const struct compiler *c)
{
	for (const struct lang_action *a = c->actions; a; a = a->next)
		if (a->kind == LANG_ACTION_EXIT)
			return true;
	return false;
}

static void lower_unit(struct compiler *c, const struct probe_unit *u)
{
	bool has_number = u->targets[0]->has_number;
	uint32_t over = c->over_label = ir_new_label(c->ir);

	c->wants_probe_id = false;
	if (c->can_exit && u->kind != LANG_PROBE_END)
		ir_branch(c->ir, BPF_JNE,
			  ir_load(c->ir,
				  ir_map_value(LANG_MAP_CONTROL,
					       offsetof(struct lang_control, is_over)),
				  0, 4, false),
			  ir_imm(0), over);
	if (has_number)
		load_number(c, u);
	for (const struct lang_instance *i = u->instances; i && !c->error; i = i->next) {
		uint32_t next = ir_new_label(c->ir);

		check_instance(c, i); /* the nodes carry this instance's types now */
		if (has_number)
			test_number(c, i, next);
		lower_instance(c, i);
		ir_label(c->ir, next);
	}
	ir_label(c->ir, over);
	ir_return(c->ir, 0);
}

static void take_code(struct compiler *c, struct lang_unit *out, const struct bpf_asm *code)
{
	out->insns = arena_memdup(c->arena, code->insns.items,
				  code->insns.len * sizeof(*code->insns.items));
	out->n_insns = code->insns.len;
	out->relocs = arena_memdup(c->arena, code->relocs.items,
				   code->relocs.len * sizeof(*code->relocs.items));
	out->n_relocs = code->relocs.len;
	if (!out->insns || (code->relocs.len && !out->relocs))
		c->error = -ENOMEM;
}

static void too_large(struct compiler *c, const struct probe_unit *u)
{
	struct ast_node node = {.place = u->instances->clause->place};

	c->error = 0;
	complain(c, &node, "spread it over several probes",
		 "this is too much for one program of the kernel");
}

static struct lang_unit *make_unit(struct compiler *c, const struct probe_unit *u, uint32_t index)
{
	struct lang_unit *out = arena_new(c->arena, struct lang_unit);
	struct ir ir = {.n_regs = 1,
			.scratch_map = LANG_MAP_SCRATCH,
			.scratch_index = index,
			.guards_scratch = u->context == LANG_CONTEXT_REGS,
			.busy = ir_map_value(LANG_MAP_CONTROL,
					     offsetof(struct lang_control, lost_runs))};
	struct bpf_asm code = {0};
	struct str text = {0};

	if (!out) {
		c->error = -ENOMEM;
		return NULL;
	}
	out->name = u->targets[0]->name;
	out->kind = u->kind;
	out->context = u->context;
	out->targets = u->targets;
	out->n_targets = u->n_targets;
	c->ir = &ir;
	lower_unit(c, u);
	out->wants_probe_id = c->wants_probe_id;
	if (!c->error)
		c->error = ir_generate(&ir, &code, c->arena);
	if (c->error == -E2BIG)
		too_large(c, u);
	if (!c->error) {
		take_code(c, out, &code);
		if (c->options->keep_ir) {
			ir_write(&text, &ir);
			out->ir = arena_strdup(c->arena, str_c(&text));
			str_fini(&text);
		}
		if (ir.scratch_bytes > c->program->scratch_bytes)
			c->program->scratch_bytes = ir.scratch_bytes;
	}
	asm_fini(&code);
	ir_fini(&ir);
	c->ir = NULL;
	return out;
}

/* Names of targets by what `probe` gives: those with numbers have a row each, also unused ones. */
static int name_probes(struct compiler *c, const struct probe_units *units, uint32_t *first)
{
	const char **names;
	size_t n = 0, u = 0;

	for (const struct probe_unit *unit = units->first; unit; unit = unit->next)
		n += unit->targets[0]->has_number ? MAX_NUMBER : unit->n_targets;
	names = arena_array(c->arena, n + 1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	n = 0;
	for (const struct probe_unit *unit = units->first; unit; unit = unit->next, u++) {
		first[u] = (uint32_t)n;
		for (size_t i = 0; i < unit->n_targets; i++) {
			const struct lang_target *t = unit->targets[i];
			size_t at = t->has_number ? t->number % MAX_NUMBER : i;

			names[n + at] = t->name;
		}
		n += unit->targets[0]->has_number ? MAX_NUMBER : unit->n_targets;
	}
	c->program->probe_names = names;
	c->program->n_probe_names = n;
	return 0;
}

static void make_units(struct compiler *c, const struct probe_units *units)
{
	struct lang_unit **end = &c->program->units;
	uint32_t *first = arena_array(c->arena, units->n + 1, sizeof(*first)), index = 0;

	if (!first || name_probes(c, units, first)) {
		c->error = -ENOMEM;
		return;
	}
	for (const struct probe_unit *u = units->first; u && !c->error; u = u->next, index++) {
		c->first_probe_id = first[index];
		*end = make_unit(c, u, index);
		if (!*end)
			return;
		(*end)->first_probe_id = first[index];
		end = &(*end)->next;
	}
	c->program->n_units = index;
}

/* --- the result ---------------------------------------------------------------------------------------- */

static bool calls_exit(const struct ast_node *n)
{
	for (; n; n = n->next)
		if ((n->kind == AST_CALL && !strcmp(n->name, "exit")) || calls_exit(n->first))
			return true;
	return false;
}

static void find_exit(struct compiler *c)
{
	for (const struct ast_clause *k = c->script->clauses; k; k = k->next)
		c->can_exit |= calls_exit(k->body);
}

static void finish(struct compiler *c)
{
	struct lang_program *p = c->program;
	uint8_t *data;

	data = arena_alloc(c->arena, DATA_ZEROS + c->data.len);
	p->action_by_id = arena_array(c->arena, p->n_actions + 1, sizeof(*p->action_by_id));
	if (!data || !p->action_by_id) {
		c->error = -ENOMEM;
		return;
	}
	if (c->data.len)
		memcpy(data + DATA_ZEROS, c->data.data, c->data.len);
	p->data = data;
	p->data_bytes = DATA_ZEROS + c->data.len;
	p->maps = c->maps;
	p->actions = c->actions;
	for (const struct lang_action *a = c->actions; a; a = a->next)
		p->action_by_id[a->id] = a;
	p->can_exit = can_exit(c);
	p->names_user_code = c->names_user_code;
}

int lang_compile(struct lang_program **out, struct ast_script *script, struct lang_env *env,
		 const struct lang_options *options, struct arena *a, struct diag *diag)
{
	struct lang_options settled = *options;
	struct compiler c = {.arena = a,
			     .diag = diag,
			     .env = env,
			     .options = &settled,
			     .script = script,
			     .program = arena_new(a, struct lang_program)};
	struct probe_units units = {0};

	*out = NULL;
	if (!c.program)
		return -ENOMEM;
	c.maps_end = &c.maps;
	c.actions_end = &c.actions;
	settled.max_string = options->max_string ? options->max_string : 1024;
	settled.max_entries = options->max_entries ? options->max_entries : 4096;
	apply_settings(&c, &settled);
	declare_structs(&c);
	find_exit(&c);
	if (!c.error)
		probes_match(&c, &units);
	if (!c.error)
		find_types(&c, &units);
	if (!c.error)
		make_units(&c, &units);
	if (!c.error)
		finish(&c);
	if (!c.error && arena_failed(a))
		c.error = -ENOMEM;
	str_fini(&c.data);
	if (!c.error)
		*out = c.program;
	return c.error;
}

void lang_point(struct str *out, const char *text, const struct diag_entry *entry)
{
	const char *line = text;
	unsigned column = entry->place.column;

	for (unsigned n = 1; n < entry->place.line && line; n++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line || !entry->place.line || !column || column > strcspn(line, "\n") + 1)
		return;
	str_add(out, "  ");
	for (const char *p = line; *p && *p != '\n'; p++)
		str_add_char(out, (unsigned char)*p < ' ' ? ' ' : *p);
	str_add(out, "\n  ");
	for (unsigned i = 1; i < column; i++)
		str_add_char(out, ' ');
	str_add(out, "^\n");
}
