/* SPDX-License-Identifier: MIT */
#include "kern/filter.h"

#include <errno.h>
#include <string.h>

_Static_assert(FILTER_TEXT_AT + FILTER_TEXT <= FILTER_STACK - 8 * (FILTER_DEPTH - 1),
	       "texts and values lie side by side");

/* What every event has: in r0 after the code. */
static const char *const common[] = {"pid", "tid", "cpu"};

static void load_pid(struct bpf_asm *a)
{
	asm_load(a, BPF_W, BPF_REG_0, BPF_REG_10, EMIT_TASK_SLOT + 4);
}

static void load_tid(struct bpf_asm *a)
{
	asm_load(a, BPF_W, BPF_REG_0, BPF_REG_10, EMIT_TASK_SLOT);
}

static void load_cpu(struct bpf_asm *a)
{
	asm_call(a, BPF_FUNC_get_smp_processor_id);
}

static void (*const load_common[])(struct bpf_asm *a) = {load_pid, load_tid, load_cpu};
enum { N_COMMON = sizeof(common) / sizeof(*common) };

static size_t find_field(const struct kern_event *event, const char *name)
{
	for (size_t i = 0; i < event->n_fields; i++)
		if (!strcmp(event->fields[i].name, name))
			return i;
	return SIZE_MAX;
}

static size_t find_common(const char *name)
{
	for (size_t i = 0; i < N_COMMON; i++)
		if (!strcmp(common[i], name))
			return i;
	return SIZE_MAX;
}

static bool is_text(const struct kern_field *f)
{
	return f->kind == KERN_TEXT || f->kind == KERN_CHARS;
}

static bool step_applies(const struct kern_filter_step *s, const struct kern_event *event)
{
	size_t field;

	if (s->op != KERN_FILTER_FIELD && s->op != KERN_FILTER_GLOB)
		return true;
	field = find_field(event, s->text);
	if (field == SIZE_MAX)
		return s->op == KERN_FILTER_FIELD && find_common(s->text) != SIZE_MAX;
	return s->op == KERN_FILTER_GLOB ? is_text(&event->fields[field])
					 : event->fields[field].kind == KERN_INTEGER;
}

bool kern_filter_applies(const struct kern_options *options, const struct kern_event *event)
{
	for (size_t i = 0; i < options->n_filter; i++)
		if (!step_applies(&options->filter[i], event))
			return false;
	return true;
}

/* --- operators ------------------------------------------------------------------- */

enum shape { ALU, COMPARE, LOGIC };

static const struct operator
{
	char text[3];
	enum shape shape;
	int op, op_signed;
}
operators[] = {
	{"+", ALU, BPF_ADD, BPF_ADD},      {"-", ALU, BPF_SUB, BPF_SUB},
	{"*", ALU, BPF_MUL, BPF_MUL},      {"/", ALU, BPF_DIV, BPF_DIV},
	{"%", ALU, BPF_MOD, BPF_MOD},      {"&", ALU, BPF_AND, BPF_AND},
	{"|", ALU, BPF_OR, BPF_OR},        {"^", ALU, BPF_XOR, BPF_XOR},
	{"<<", ALU, BPF_LSH, BPF_LSH},     {">>", ALU, BPF_RSH, BPF_ARSH},
	{"==", COMPARE, BPF_JEQ, BPF_JEQ}, {"!=", COMPARE, BPF_JNE, BPF_JNE},
	{"<", COMPARE, BPF_JLT, BPF_JSLT}, {"<=", COMPARE, BPF_JLE, BPF_JSLE},
	{">", COMPARE, BPF_JGT, BPF_JSGT}, {">=", COMPARE, BPF_JGE, BPF_JSGE},
	{"&&", LOGIC, BPF_AND, BPF_AND},   {"||", LOGIC, BPF_OR, BPF_OR},
};

static const struct operator* find_operator(const char *text)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
		if (!strcmp(operators[i].text, text))
			return &operators[i];
	return NULL;
}

int kern_filter_check(const struct kern_options *options, struct diag *diag)
{
	int depth = 0;

	for (size_t i = 0; i < options->n_filter; i++) {
		const struct kern_filter_step *s = &options->filter[i];
		int pops = s->op == KERN_FILTER_BINARY ? 2 : s->op == KERN_FILTER_NOT ? 1 : 0;

		if (depth < pops || (s->op == KERN_FILTER_BINARY && !find_operator(s->binary)))
			return diag_error(diag, NULL, "the filter cannot be run in the kernel");
		depth += 1 - pops;
		if (depth > FILTER_DEPTH)
			return diag_error(diag, NULL,
					  "the filter needs more than %d values at once",
					  FILTER_DEPTH);
	}
	return options->n_filter && depth != 1
		       ? diag_error(diag, NULL, "the filter cannot be run in the kernel")
		       : 0;
}

/* --- code ------------------------------------------------------------------------ */

static int value_at(int depth)
{
	return FILTER_STACK - 8 * depth;
}

/* r0 = r0 is not 0 */
static void to_bool(struct bpf_asm *a)
{
	unsigned zero = asm_label(a);

	asm_jump_imm(a, BPF_JEQ, BPF_REG_0, 0, zero);
	asm_mov_imm(a, BPF_REG_0, 1);
	asm_bind(a, zero);
}

/*
 * Division is unsigned in BPF of all ages: signs are taken off and put back. A
 * divisor of 0 gives 0 (of %: the dividend), as BPF has it.
 */
static void divide_signed(struct bpf_asm *a, int op)
{
	unsigned positive = asm_label(a), divisor = asm_label(a), done = asm_label(a);

	asm_mov_imm(a, BPF_REG_2, 0);
	asm_jump_imm(a, BPF_JSGE, BPF_REG_0, 0, positive);
	asm_neg(a, BPF_REG_0);
	asm_mov_imm(a, BPF_REG_2, 1);
	asm_bind(a, positive);
	asm_jump_imm(a, BPF_JSGE, BPF_REG_1, 0, divisor);
	asm_neg(a, BPF_REG_1);
	if (op == BPF_DIV) /* the remainder has the dividend's sign */
		asm_alu_imm(a, BPF_XOR, BPF_REG_2, 1);
	asm_bind(a, divisor);
	asm_alu(a, op, BPF_REG_0, BPF_REG_1);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_2, 0, done);
	asm_neg(a, BPF_REG_0);
	asm_bind(a, done);
}

/* r0 = r0 op r1 */
static void emit_binary(struct bpf_asm *a, const struct kern_filter_step *s)
{
	const struct operator* o = find_operator(s->binary);
	int op = s->is_unsigned ? o->op : o->op_signed;
	unsigned yes, done;

	if (o->shape == ALU) {
		if (!s->is_unsigned && (op == BPF_DIV || op == BPF_MOD)) {
			divide_signed(a, op);
			return;
		}
		if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH)
			asm_alu_imm(a, BPF_AND, BPF_REG_1, 63);
		asm_alu(a, op, BPF_REG_0, BPF_REG_1);
		return;
	}
	if (o->shape == LOGIC) {
		unsigned zero = asm_label(a);

		to_bool(a);
		asm_jump_imm(a, BPF_JEQ, BPF_REG_1, 0, zero);
		asm_mov_imm(a, BPF_REG_1, 1);
		asm_bind(a, zero);
		asm_alu(a, op, BPF_REG_0, BPF_REG_1);
		return;
	}
	yes = asm_label(a);
	done = asm_label(a);
	asm_jump_reg(a, op, BPF_REG_0, BPF_REG_1, yes);
	asm_mov_imm(a, BPF_REG_0, 0);
	asm_jump(a, done);
	asm_bind(a, yes);
	asm_mov_imm(a, BPF_REG_0, 1);
	asm_bind(a, done);
}

/* Goes to `no` unless the text at `at` is `wanted`, and, when is_end, nothing more. */
static void compare_text(struct bpf_asm *a, int at, const char *wanted, size_t len, bool is_end,
			 unsigned no)
{
	for (size_t i = 0; i < len + is_end; i++) {
		asm_load(a, BPF_B, BPF_REG_1, BPF_REG_10, at + (int)i);
		asm_jump_imm(a, BPF_JNE, BPF_REG_1, i < len ? (uint8_t)wanted[i] : 0, no);
	}
}

/* r0 = the text in the buffer matches: '*' at either end of the pattern, or none */
static void emit_glob(struct bpf_asm *a, const char *glob)
{
	unsigned yes = asm_label(a), done = asm_label(a);
	bool open_start = glob[0] == '*', open_end;
	size_t len = strlen(glob += open_start);
	size_t places;

	open_end = len && glob[len - 1] == '*';
	len -= open_end;
	if (len > FILTER_TEXT - 1) {
		len = FILTER_TEXT - 1;
		open_end = true;
	}
	if (!len && (open_start || open_end)) {
		asm_mov_imm(a, BPF_REG_0, 1);
		return;
	}
	places = open_start && len ? FILTER_TEXT - len : 1;
	for (size_t i = 0; i < places; i++) {
		unsigned next = asm_label(a);

		compare_text(a, FILTER_TEXT_AT + (int)i, glob, len, !open_end, next);
		asm_jump(a, yes);
		asm_bind(a, next);
	}
	asm_mov_imm(a, BPF_REG_0, 0);
	asm_jump(a, done);
	asm_bind(a, yes);
	asm_mov_imm(a, BPF_REG_0, 1);
	asm_bind(a, done);
}

/* Leaves the step's value in r0. */
static bool emit_push(struct kern_emit *e, const struct kern_event *event,
		      const struct kern_filter_step *s, emit_load_fn *load, void *arg)
{
	size_t field;

	if (s->op == KERN_FILTER_INT) {
		asm_mov_imm64(&e->a, BPF_REG_0, (uint64_t)s->number);
		return true;
	}
	field = find_field(event, s->text);
	if (field == SIZE_MAX) {
		load_common[find_common(s->text)](&e->a);
		return true;
	}
	if (s->op == KERN_FILTER_GLOB) /* what the text does not fill */
		for (int i = 0; i < FILTER_TEXT; i += 8)
			asm_store_imm(&e->a, BPF_DW, BPF_REG_10, FILTER_TEXT_AT + i, 0);
	if (!load || !load(e, event, field, FILTER_TEXT_AT, FILTER_TEXT, arg))
		return false;
	if (s->op == KERN_FILTER_GLOB)
		emit_glob(&e->a, s->glob);
	return true;
}

void filter_emit(struct kern_emit *e, const struct kern_event *event, emit_load_fn *load, void *arg,
		 unsigned out)
{
	const struct kern_options *options = e->build->options;
	struct bpf_asm *a = &e->a;
	int depth = 0;

	if (!options->n_filter)
		return;
	if (!kern_filter_applies(options, event)) {
		asm_jump(a, out);
		return;
	}
	for (size_t i = 0; i < options->n_filter; i++) {
		const struct kern_filter_step *s = &options->filter[i];

		if (s->op == KERN_FILTER_BINARY) {
			depth -= 2;
			asm_load(a, BPF_DW, BPF_REG_0, BPF_REG_10, value_at(depth));
			asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_10, value_at(depth + 1));
			emit_binary(a, s);
		} else if (s->op == KERN_FILTER_NOT) {
			depth--;
			asm_load(a, BPF_DW, BPF_REG_0, BPF_REG_10, value_at(depth));
			to_bool(a);
			asm_alu_imm(a, BPF_XOR, BPF_REG_0, 1);
		} else if (!emit_push(e, event, s, load, arg)) {
			asm_jump(a, out); /* a field that can only be had with the record */
			return;
		}
		asm_store(a, BPF_DW, BPF_REG_10, value_at(depth++), BPF_REG_0);
	}
	asm_jump_imm(a, BPF_JEQ, BPF_REG_0, 0, out);
}
