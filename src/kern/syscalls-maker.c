/* SPDX-License-Identifier: MIT */
/*
 * The maker of system calls: two programs for all of them, on sys_enter and on
 * sys_exit. Each looks the call's number up in a table, which says what event it
 * is, if any, and which code makes its record: calls whose records are made alike
 * share it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "kern/filter.h"
#include "kern/maker.h"
#include "kern/syscalls-code.h"
#include "kern/syscalls-maker.h"

/* Slots of the table, of one ABI: numbers, then those that are no call's. */
enum {
	SLOT_UNKNOWN = SYSCALL_NUMBERS,
	SLOT_SIGRETURN, /* its exit: the number is lost with the registers */
	SLOTS,
	TABLE_SLOTS = 2 * 2 * SLOTS, /* [side][is compat][slot] */
};

/* A word of the table; zero: not recorded. */
struct slot {
	uint16_t event; /* its id */
	uint16_t code; /* its place among the codes, from 1 */
};
_Static_assert(sizeof(struct slot) == sizeof(uint32_t), "a word");

/* Offers are numbered by what they are. */
struct choice {
	enum syscall_abi abi;
	enum syscall_side side;
	unsigned number; /* or SYSCALL_NUMBER_UNKNOWN */
};

static uint32_t index_of(struct choice c)
{
	return (uint32_t)c.abi << 16 | (uint32_t)c.side << 12 | c.number;
}

static struct choice choice_of(uint32_t index)
{
	return (struct choice){
		.abi = (enum syscall_abi)(index >> 16),
		.side = (enum syscall_side)(index >> 12 & 1),
		.number = index & 0xfff,
	};
}

/* Code that makes records of one or many events. */
struct code {
	struct syscall_plan plan;
	const struct kern_event *event; /* the first, with a filter the only one */
	uint32_t bytes; /* of a simple one's payload, else UINT32_MAX */
	uint16_t number; /* in the table, before they are sorted */
};

struct syscalls {
	struct syscall_layout layout;
	struct arena names;
	uint32_t table; /* number of the map */
	struct VEC(struct code) codes;
	bool is_wanted[2]; /* of each side: any */
	bool has_filter; /* that asks for fields of events */
};

/* ---- offers */

static void plan_of(struct syscall_plan *plan, struct choice c)
{
	const struct syscall *call = c.number < SYSCALL_NUMBERS ? syscall_by_number(c.abi, c.number)
								: NULL;

	syscall_plan(plan, c.abi, call, c.side);
}

static int offer(struct syscalls *s, struct kern_offers *offers, struct choice c)
{
	static const char *const sides[] = {"entry", "exit"};
	const char *compat = c.abi == SYSCALL_I386 ? "compat_" : "";
	const char *name = c.number < SYSCALL_NUMBERS ? syscall_by_number(c.abi, c.number)->name
						      : "unknown";
	struct kern_offer o = {
		.name = arena_printf(&s->names, "syscall:%s%s_%s", compat, name, sides[c.side]),
		.alias = arena_printf(&s->names, "syscall:%s", name),
		.is_default = true,
		.index = index_of(c),
	};

	return arena_failed(&s->names) ? -ENOMEM : vec_push(offers, o);
}

static int offer_abi(struct syscalls *s, struct kern_offers *offers, enum syscall_abi abi)
{
	int err = 0;

	for (unsigned number = 0; number < SYSCALL_NUMBERS && !err; number++)
		for (int side = 0; side < 2 && !err; side++)
			if (syscall_by_number(abi, number))
				err = offer(s, offers, (struct choice){abi, side, number});
	return err;
}

static void syscalls_close(void *state)
{
	struct syscalls *s = state;

	if (!s)
		return;
	arena_fini(&s->names);
	vec_fini(&s->codes);
	free(s);
}

static int syscalls_open(void **state, const struct btf_index *btf, struct kern_offers *offers,
			 struct diag *diag)
{
	struct syscalls *s;
	int err;

	*state = NULL;
	if (!btf) {
		diag_note(diag, NULL, "no system calls: this kernel does not describe its types");
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*state = s;
	err = syscall_layout_init(&s->layout, btf, diag);
	if (!err)
		err = offer_abi(s, offers, SYSCALL_NATIVE);
	if (!err && s->layout.has_compat)
		err = offer_abi(s, offers, SYSCALL_I386);
	for (int side = 0; side < 2 && !err; side++)
		err = offer(s, offers,
			    (struct choice){SYSCALL_NATIVE, side, SYSCALL_NUMBER_UNKNOWN});
	return err;
}

static int syscalls_describe(void *state, uint32_t index, struct arena *arena,
			     struct kern_event *event, struct diag *diag)
{
	struct syscall_plan plan;

	(void)state;
	(void)diag;
	plan_of(&plan, choice_of(index));
	return syscall_plan_event(&plan, arena, event);
}

/* ---- the table */

static const struct kern_field *find_field(const struct kern_event *event, const char *name)
{
	for (size_t i = 0; i < event->n_fields; i++)
		if (!strcmp(event->fields[i].name, name))
			return &event->fields[i];
	return NULL;
}

/* Whether the filter asks both events for the same places; their plans are alike. */
static bool is_filtered_alike(const struct kern_options *options, const struct kern_event *a,
			      const struct kern_event *b)
{
	for (size_t i = 0; i < options->n_filter; i++) {
		const struct kern_filter_step *step = &options->filter[i];
		const struct kern_field *x, *y;

		if (step->op != KERN_FILTER_FIELD && step->op != KERN_FILTER_GLOB)
			continue;
		x = find_field(a, step->text);
		y = find_field(b, step->text);
		if (!x != !y ||
		    (x && (x - a->fields != y - b->fields || x->is_signed != y->is_signed)))
			return false;
	}
	return true;
}

/* The number of the code that makes this event, which may be new; 0: no memory. */
static uint16_t code_of(struct syscalls *s, const struct kern_options *options,
			const struct syscall_plan *plan, const struct kern_event *event)
{
	struct code new = {*plan, event, UINT32_MAX, (uint16_t)(s->codes.len + 1)}, *code;
	uint32_t bytes;

	vec_each(code, &s->codes) {
		if (syscall_plan_alike(&code->plan, plan) &&
		    syscall_code_is_simple(&code->plan) == syscall_code_is_simple(plan) &&
		    is_filtered_alike(options, code->event, event))
			return code->number;
	}
	if (syscall_code_is_simple(plan) && syscall_plan_is_fixed(plan, &bytes))
		new.bytes = bytes;
	return vec_push(&s->codes, new) ? 0 : new.number;
}

static struct slot *slots_of(struct slot *table, enum syscall_side side, bool is_compat)
{
	return table + ((size_t)side * 2 + is_compat) * SLOTS;
}

/* One event for all numbers that are no call's. */
static int fill_unknown(struct syscalls *s, const struct kern_options *options, struct slot *table,
			enum syscall_side side, const struct kern_event *event)
{
	for (int compat = 0; compat <= s->layout.has_compat; compat++) {
		enum syscall_abi abi = compat ? SYSCALL_I386 : SYSCALL_NATIVE;
		struct slot *slots = slots_of(table, side, compat);
		struct syscall_plan plan;
		uint16_t code;

		syscall_plan(&plan, abi, NULL, side);
		code = code_of(s, options, &plan, event);
		if (!code)
			return -ENOMEM;
		for (unsigned i = 0; i <= SLOT_UNKNOWN; i++)
			if (i == SLOT_UNKNOWN || !syscall_by_number(abi, i))
				slots[i] = (struct slot){event->id, code};
	}
	return 0;
}

static int fill_call(struct syscalls *s, const struct kern_options *options, struct slot *table,
		     struct choice c, const struct syscall_plan *plan,
		     const struct kern_event *event)
{
	struct slot *slots = slots_of(table, c.side, c.abi == SYSCALL_I386);
	uint16_t code = code_of(s, options, plan, event);

	if (!code)
		return -ENOMEM;
	slots[c.number] = (struct slot){event->id, code};
	if (c.side == SYSCALL_EXIT && !strcmp(plan->call->name, "rt_sigreturn"))
		slots[SLOT_SIGRETURN] = slots[c.number];
	return 0;
}

/* Not when it asks for a text that only the record has: one that came late. */
static bool is_matched(const struct kern_options *options, const struct syscall_plan *plan,
		       const struct kern_event *event)
{
	for (size_t i = 0; i < options->n_filter; i++) {
		const struct kern_filter_step *step = &options->filter[i];
		const struct kern_field *field =
			step->op == KERN_FILTER_GLOB ? find_field(event, step->text) : NULL;
		size_t part;

		if (field && syscall_plan_field(plan, (size_t)(field - event->fields), &part)->op ==
				     SYSCALL_OP_LATE)
			return false;
	}
	return kern_filter_applies(options, event);
}

static int fill(struct syscalls *s, const struct kern_build *build, struct slot *table)
{
	for (size_t i = 0; i < build->n_chosen; i++) {
		const struct kern_chosen *chosen = &build->chosen[i];
		struct choice c = choice_of(chosen->index);
		struct syscall_plan plan;
		int err;

		if (chosen->maker != &kern_syscalls_maker)
			continue;
		plan_of(&plan, c);
		if (!is_matched(build->options, &plan, &chosen->event))
			continue;
		s->is_wanted[c.side] = true;
		err = c.number == SYSCALL_NUMBER_UNKNOWN
			      ? fill_unknown(s, build->options, table, c.side, &chosen->event)
			      : fill_call(s, build->options, table, c, &plan, &chosen->event);
		if (err)
			return err;
	}
	return 0;
}

/* By side; simple ones first, by their size. */
static int compare_codes(const void *left, const void *right)
{
	const struct code *a = left, *b = right;

	if (a->plan.side != b->plan.side)
		return a->plan.side < b->plan.side ? -1 : 1;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Sorts the codes: what is made alike lies side by side, and the number is the place. */
static int sort_codes(struct syscalls *s, struct slot *table)
{
	uint16_t *places = calloc(s->codes.len + 1, sizeof(*places));

	if (!places)
		return -ENOMEM;
	if (s->codes.len)
		qsort(s->codes.items, s->codes.len, sizeof(*s->codes.items), compare_codes);
	for (size_t i = 0; i < s->codes.len; i++)
		places[s->codes.items[i].number] = (uint16_t)(i + 1);
	for (size_t i = 0; i < TABLE_SLOTS; i++)
		table[i].code = places[table[i].code];
	free(places);
	return 0;
}

static int make_table(struct syscalls *s, struct kern_build *build, struct diag *diag)
{
	static const struct kern_map_spec spec = {
		.type = BPF_MAP_TYPE_ARRAY,
		.name = "piste_syscalls",
		.key_size = sizeof(uint32_t),
		.value_size = TABLE_SLOTS * sizeof(struct slot),
		.max_entries = 1,
		.flags = BPF_F_MMAPABLE,
	};
	int number = kern_maps_add(&build->maps, &spec, diag), err;
	struct slot *table;

	if (number < 0)
		return number;
	s->table = (uint32_t)number;
	table = build->maps.items.items[number].memory;
	err = fill(s, build, table);
	return err ? err : sort_codes(s, table);
}

/* ---- the programs */

/* r9 = the table's word for the call at hand, also at SYSCALL_WORD_SLOT; leaves when it is zero. */
static void look_up(struct kern_emit *e, const struct syscalls *s, enum syscall_side side)
{
	struct bpf_asm *a = &e->a;
	unsigned is_call = asm_label(a), is_sigreturn = asm_label(a);
	size_t first = (size_t)side * 2 * SLOTS;

	syscall_layout_compat(e, &s->layout);
	syscall_layout_number(e, &s->layout, side, BPF_REG_1);
	asm_jump_imm(a, BPF_JLT, BPF_REG_1, SYSCALL_NUMBERS, is_call);
	if (side == SYSCALL_EXIT)
		asm_jump_imm(a, BPF_JEQ, BPF_REG_1, -1, is_sigreturn);
	asm_mov_imm(a, BPF_REG_1, SLOT_UNKNOWN);
	if (side == SYSCALL_EXIT) {
		asm_jump(a, is_call);
		asm_bind(a, is_sigreturn);
		asm_mov_imm(a, BPF_REG_1, SLOT_SIGRETURN);
	}
	asm_bind(a, is_call);
	if (s->layout.has_compat) {
		asm_alu_imm(a, BPF_MUL, BPF_REG_9, SLOTS);
		asm_alu(a, BPF_ADD, BPF_REG_1, BPF_REG_9);
	}
	asm_alu_imm(a, BPF_LSH, BPF_REG_1, 2);
	asm_load_map_value(a, BPF_REG_2, s->table, (uint32_t)(first * sizeof(struct slot)));
	asm_alu(a, BPF_ADD, BPF_REG_2, BPF_REG_1);
	asm_load(a, BPF_W, BPF_REG_9, BPF_REG_2, 0);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_9, 0, e->out);
	asm_store(a, BPF_W, BPF_REG_10, SYSCALL_WORD_SLOT, BPF_REG_9);
}

static void limit(struct kern_emit *e)
{
	if (!e->build->options->max_rate)
		return;
	asm_load(&e->a, BPF_H, BPF_REG_9, BPF_REG_10, SYSCALL_WORD_SLOT);
	emit_limit_reg(e, BPF_REG_9, e->out);
}

static void open_record(struct kern_emit *e, uint32_t max_payload)
{
	e->max_bytes = KERN_RECORD_HEAD + max_payload;
	ring_emit_reserve(&e->build->ring, &e->a, e->max_bytes, e->out);
	emit_head_slot(e, SYSCALL_WORD_SLOT);
}

static void close_record(struct kern_emit *e)
{
	emit_close(e);
	asm_jump(&e->a, e->out);
}

/* Codes that lie side by side. */
struct run {
	struct kern_emit *e;
	const struct syscalls *s;
	size_t first, n;
	unsigned done; /* label */
};
typedef void run_fn(const struct run *run);

/* Calls fn for the codes of the run that it would treat alike; in the program, by halves. */
static void branch(const struct run *run, size_t (*alike)(const struct run *run), run_fn *fn)
{
	struct run lower = *run, upper = *run;
	size_t n = alike(run);
	unsigned label;

	if (n >= run->n) {
		fn(run);
		return;
	}
	/* the end of the alike ones that is nearest to the middle */
	for (lower.n = n; lower.n < run->n / 2; lower.n += n) {
		upper.first = run->first + lower.n;
		upper.n = run->n - lower.n;
		n = alike(&upper);
		if (lower.n + n >= run->n)
			break;
	}
	upper.first = run->first + lower.n;
	upper.n = run->n - lower.n;
	label = asm_label(&run->e->a);
	asm_jump_imm(&run->e->a, BPF_JGE, BPF_REG_9, (int32_t)upper.first + 1, label);
	branch(&lower, alike, fn);
	asm_bind(&run->e->a, label);
	branch(&upper, alike, fn);
}

static size_t one(const struct run *run)
{
	(void)run;
	return 1;
}

static size_t of_one_size(const struct run *run)
{
	const struct code *codes = run->s->codes.items + run->first;
	size_t n = 1;

	while (n < run->n && codes[n].bytes == codes[0].bytes)
		n++;
	return n;
}

static void write_simple(const struct run *run)
{
	run->e->at = KERN_RECORD_HEAD;
	syscall_code_simple(run->e, &run->s->layout, &run->s->codes.items[run->first].plan);
	asm_jump(&run->e->a, run->done);
}

/* r9 becomes the record's length. */
static void write_payload(const struct run *run)
{
	struct kern_emit *e = run->e;

	e->at = KERN_RECORD_HEAD;
	e->has_text = false;
	syscall_code_payload(e, &run->s->layout, &run->s->codes.items[run->first].plan);
	if (!e->has_text)
		asm_mov_imm(&e->a, EMIT_LENGTH, e->at);
	else
		asm_alu_imm(&e->a, BPF_ADD, EMIT_LENGTH, e->at);
	asm_jump(&e->a, run->done);
}

/* Records of one size, or all that need more than to store integers: opened and closed by the same
 * code. */
static void make_records(const struct run *run)
{
	struct kern_emit *e = run->e;
	uint32_t bytes = run->s->codes.items[run->first].bytes;
	struct run inner = *run;

	inner.done = asm_label(&e->a);
	if (bytes != UINT32_MAX) {
		open_record(e, bytes);
		branch(&inner, one, write_simple);
		e->at = KERN_RECORD_HEAD + (int)bytes;
		e->has_text = false;
	} else {
		open_record(e, KERN_RING_RECORD_MAX - KERN_RECORD_HEAD);
		syscall_layout_args(e, &run->s->layout);
		branch(&inner, one, write_payload);
		e->at = 0;
		e->has_text = true;
	}
	asm_bind(&e->a, inner.done);
	close_record(e);
}

/* With a filter, which asks for fields of the event. */
static void make_filtered(const struct run *run)
{
	struct kern_emit *e = run->e;
	const struct code *code = &run->s->codes.items[run->first];
	struct syscall_load load = {&run->s->layout, &code->plan};

	emit_filter(e, code->event, syscall_code_load, &load, e->out);
	limit(e);
	open_record(e, syscall_code_max(&code->plan));
	syscall_code_payload(e, &run->s->layout, &code->plan);
	close_record(e);
}

static int make_program(struct syscalls *s, struct kern_build *build, enum syscall_side side,
			struct diag *diag)
{
	static const char *const tracepoints[] = {"sys_enter", "sys_exit"};
	static const struct kern_event no_event;
	struct kern_emit e;
	struct run run = {.e = &e, .s = s};

	while (s->codes.items[run.first].plan.side != side)
		run.first++;
	while (run.first + run.n < s->codes.len &&
	       s->codes.items[run.first + run.n].plan.side == side)
		run.n++;
	emit_begin(&e, build);
	look_up(&e, s, side);
	emit_scope_current(&e);
	if (!s->has_filter) {
		emit_filter(&e, &no_event, NULL, NULL, e.out);
		limit(&e);
	}
	/* Once for all codes: the kernel writes the whole program anew for each such lookup in it. */
	ring_emit_find(&build->ring, &e.a, e.out);
	if (s->has_filter)
		syscall_layout_args(&e, &s->layout);
	asm_load(&e.a, BPF_H, BPF_REG_9, BPF_REG_10, SYSCALL_WORD_SLOT + 2);
	branch(&run, s->has_filter ? one : of_one_size,
	       s->has_filter ? make_filtered : make_records);
	return emit_finish(&e, KERN_ATTACH_TRACEPOINT, tracepoints[side], NULL, diag);
}

/* What the kernel would have to put together before there is a record is not done for filters. */
static int check_filter(const struct kern_options *options, struct diag *diag)
{
	for (size_t i = 0; i < options->n_filter; i++)
		if (options->filter[i].op == KERN_FILTER_GLOB &&
		    !strcmp(options->filter[i].text, "argv"))
			return diag_error(diag, NULL, "argv cannot be filtered in the kernel");
	return 0;
}

static int syscalls_make(void *state, struct kern_build *build, struct diag *diag)
{
	static const struct kern_event no_event;
	struct syscalls *s = state;
	int err = check_filter(build->options, diag);

	s->has_filter = !kern_filter_applies(build->options, &no_event);
	if (!err)
		err = syscall_layout_maps(&s->layout, &build->maps, diag);
	if (!err)
		err = make_table(s, build, diag);
	for (int side = 0; side < 2 && !err; side++)
		if (s->is_wanted[side])
			err = make_program(s, build, side, diag);
	return err;
}

const struct kern_maker kern_syscalls_maker = {
	.name = "syscalls",
	.open = syscalls_open,
	.describe = syscalls_describe,
	.make = syscalls_make,
	.close = syscalls_close,
};
