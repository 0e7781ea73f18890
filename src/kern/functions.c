/* SPDX-License-Identifier: MIT */
/*
 * Functions of the kernel, by trampolines (fentry, fexit): the cheapest way in,
 * with arguments as their types say, and the return without a shadow stack that
 * could run full. Each function is a program and a trampoline of its own, so
 * there is a limit to how many a rule may mean.
 */
#include "kern/functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kern/btf.h"
#include "kern/emit.h"
#include "kern/labels.h"

enum {
	PARAMETERS_MOST = 6, /* in registers, as trampolines of all kernels have them */
	EVENTS_MOST = 512,
	TEXT_MOST = 256,
	IS_RETURN = UINT32_C(1) << 31, /* in an offer's number, beside the function's */
};

struct functions {
	const struct btf_index *btf;
	struct arena arena;
	struct kern_offers *offers; /* while opening */
	int err;
};

/* --- types ----------------------------------------------------------------------- */

static bool is_number(const struct btf_place *p)
{
	return !p->is_array && !p->is_compound &&
	       (p->size == 1 || p->size == 2 || p->size == 4 || p->size == 8);
}

/* A `char *` without const is a place to write to, mostly. */
static bool is_text(const struct btf_index *btf, const struct btf_place *p)
{
	return p->is_pointer && p->is_const && !strcmp(btf_name(btf, p->type), "char");
}

static bool can_describe(const struct btf_index *btf, uint32_t function)
{
	int n = btf_parameters(btf, function);
	struct btf_place place;

	if (n < 0 || n > PARAMETERS_MOST)
		return false;
	for (unsigned i = 0; i < (unsigned)n; i++) {
		btf_parameter(btf, function, i, &place);
		if (!is_number(&place))
			return false;
	}
	btf_return(btf, function, &place);
	return !place.size || is_number(&place);
}

/* --- offers ---------------------------------------------------------------------- */

static void offer(struct functions *f, const char *name, uint32_t index, const char *suffix)
{
	struct kern_offer o = {.index = index};

	o.name = arena_printf(&f->arena, "kfunc:%s%s", name, suffix);
	o.alias = arena_printf(&f->arena, "kfunc:%s", name);
	if (!o.name || !o.alias || vec_push(f->offers, o))
		f->err = -ENOMEM;
}

static void offer_function(const char *name, uint32_t id, void *arg)
{
	struct functions *f = arg;

	if (f->err || !can_describe(f->btf, id))
		return;
	offer(f, name, id, "_entry");
	offer(f, name, id | IS_RETURN, "_return");
}

static int functions_open(void **state, const struct btf_index *btf, struct kern_offers *offers,
			  struct diag *diag)
{
	struct functions *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f)
		return -ENOMEM;
	f->btf = btf;
	f->offers = offers;
	if (btf)
		btf_each(btf, BTF_NAMED_FUNCTION, offer_function, f);
	else
		diag_note(diag, NULL,
			  "this kernel does not describe its types (BTF): its functions "
			  "cannot be recorded");
	return f->err;
}

static void functions_close(void *state)
{
	struct functions *f = state;

	arena_fini(&f->arena);
	free(f);
}

/* --- events ---------------------------------------------------------------------- */

static struct kern_field field_of(const struct btf_index *btf, const char *name,
				  const struct btf_place *place, struct arena *arena)
{
	struct kern_field field = {.name = name,
				   .kind = is_text(btf, place) ? KERN_TEXT : KERN_INTEGER,
				   .size = (uint8_t)place->size,
				   .is_signed = place->is_signed,
				   .base = place->is_pointer ? KERN_HEX : KERN_DECIMAL};

	if (!place->is_pointer)
		field.labels = kern_labels_of_enum(btf, place->type, "", arena);
	return field;
}

static int functions_describe(void *state, uint32_t index, struct arena *arena,
			      struct kern_event *event, struct diag *diag)
{
	const struct functions *f = state;
	uint32_t id = index & ~IS_RETURN;
	bool is_return = index & IS_RETURN;
	int n = btf_parameters(f->btf, id);
	struct kern_field *fields = arena_array(arena, PARAMETERS_MOST + 1, sizeof(*fields));
	char *name = arena_printf(arena, "kfunc:%s_%s", btf_name(f->btf, id),
				  is_return ? "return" : "entry");
	struct btf_place place;
	size_t used = 0;

	(void)diag;
	if (!fields || !name)
		return -ENOMEM;
	if (is_return) {
		btf_return(f->btf, id, &place);
		if (place.size)
			fields[used++] = field_of(f->btf, "ret", &place, arena);
	}
	for (unsigned i = 0; i < (unsigned)n && !is_return; i++) {
		const char *own = btf_parameter(f->btf, id, i, &place);

		if (!*own)
			own = arena_printf(arena, "arg%u", i);
		if (!own)
			return -ENOMEM;
		fields[used++] = field_of(f->btf, own, &place, arena);
	}
	*event = (struct kern_event){.name = name, .fields = fields, .n_fields = used};
	return arena_failed(arena) ? -ENOMEM : 0;
}

/* --- programs -------------------------------------------------------------------- */

/* r0 = parameter i, or behind all of them what is returned */
static void load_slot(struct kern_emit *e, size_t i)
{
	asm_load(&e->a, BPF_DW, BPF_REG_0, EMIT_CONTEXT, (int)i * 8);
}

/* Where the event's first field lies in the context. */
static size_t first_slot(const struct functions *f, uint32_t index)
{
	return index & IS_RETURN ? (size_t)btf_parameters(f->btf, index & ~IS_RETURN) : 0;
}

static bool load_for_filter(struct kern_emit *e, const struct kern_event *event, size_t i,
			    int text_at, uint32_t text_size, void *arg)
{
	const struct kern_field *field = &event->fields[i];
	int shift = 64 - field->size * 8;
	struct bpf_asm *a = &e->a;

	load_slot(e, *(const size_t *)arg + i);
	if (field->kind == KERN_TEXT) {
		asm_mov(a, BPF_REG_3, BPF_REG_0);
		asm_mov(a, BPF_REG_1, BPF_REG_10);
		asm_alu_imm(a, BPF_ADD, BPF_REG_1, text_at);
		asm_mov_imm(a, BPF_REG_2, (int32_t)text_size);
		asm_call(a, BPF_FUNC_probe_read_kernel_str);
	} else if (shift) {
		asm_alu_imm(a, BPF_LSH, BPF_REG_0, shift);
		asm_alu_imm(a, field->is_signed ? BPF_ARSH : BPF_RSH, BPF_REG_0, shift);
	}
	return true;
}

static void store(struct kern_emit *e, const struct kern_field *field, size_t slot)
{
	load_slot(e, slot);
	if (field->kind == KERN_TEXT) {
		asm_mov(&e->a, BPF_REG_3, BPF_REG_0);
		emit_text(e, TEXT_MOST, EMIT_EITHER);
	} else {
		emit_store(e,
			   field->size == 1   ? BPF_B
			   : field->size == 2 ? BPF_H
			   : field->size == 4 ? BPF_W
					      : BPF_DW,
			   BPF_REG_0);
	}
}

static int make_one(const struct functions *f, struct kern_build *build,
		    const struct kern_chosen *chosen)
{
	const struct kern_event *event = &chosen->event;
	size_t slot = first_slot(f, chosen->index);
	uint32_t max = 0;
	struct kern_emit e;

	for (size_t i = 0; i < event->n_fields; i++)
		max += event->fields[i].kind == KERN_TEXT ? TEXT_MOST : event->fields[i].size;
	emit_begin(&e, build);
	emit_scope_current(&e);
	emit_open(&e, event, max, load_for_filter, &slot);
	for (size_t i = 0; i < event->n_fields; i++)
		store(&e, &event->fields[i], slot + i);
	emit_close(&e);
	return emit_finish(&e, chosen->index & IS_RETURN ? KERN_ATTACH_RETURN : KERN_ATTACH_ENTRY,
			   btf_name(f->btf, chosen->index & ~IS_RETURN), NULL, NULL);
}

static bool is_ours(const struct kern_chosen *chosen)
{
	return chosen->maker == &kern_functions_maker;
}

/* A glob means functions too that the kernel forbids, inlined or never made: they are passed
 * over, as long as something is left. */
static int functions_make(void *state, struct kern_build *build, struct diag *diag)
{
	const struct functions *f = state;
	size_t asked = 0, made = 0;
	int err = 0;

	for (size_t i = 0; i < build->n_chosen; i++)
		asked += is_ours(&build->chosen[i]);
	if (asked > EVENTS_MOST) {
		diag_error(
			diag, NULL,
			"%zu events of the kernel's functions are meant: more than %d at once are too many",
			asked, EVENTS_MOST);
		diag_hint(diag, "narrow the glob, or name the functions");
		return -E2BIG;
	}
	for (size_t i = 0; i < build->n_chosen; i++) {
		if (!is_ours(&build->chosen[i]))
			continue;
		err = make_one(f, build, &build->chosen[i]);
		if (err == -ENOMEM)
			return err;
		made += !err;
	}
	if (made)
		return made == asked
			       ? 0
			       : (diag_note(diag, NULL,
					    "%zu of %zu events of functions cannot be had: the "
					    "kernel lets no program in there",
					    asked - made, asked),
				  0);
	diag_error(diag, NULL, "the kernel lets no program into these functions: %s",
		   strerror(-err));
	diag_hint(diag, "it needs CONFIG_FUNCTION_TRACER, and lockdown forbids it");
	return err;
}

const struct kern_maker kern_functions_maker = {
	.name = "functions",
	.only_for = "kfunc",
	.open = functions_open,
	.describe = functions_describe,
	.make = functions_make,
	.close = functions_close,
};
