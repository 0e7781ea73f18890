/* SPDX-License-Identifier: MIT */
/*
 * stream-plan.c - the plans of a stream class: its packets, its event header
 * and each of its event classes, where the roles' values lie, and the short
 * ways that counting and stepping take.
 */
#include "ctf/plan-compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
		plan_no_memory(c);
		return;
	}
	for (uint64_t id = 0; id < max; id++) {
		sp->steps[id].bits = UINT32_MAX;
		sp->steps[id].align = 1;
	}
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
			.class = (uint32_t)i,
			.flat = plan->is_flat ? plan->ops : NULL,
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

bool ctf_stream_plan_tap(const struct ctf_stream_plan *sp, size_t event_index, enum ctf_scope scope,
			 uint32_t field, struct ctf_tap *tap)
{
	const struct ctf_plan *plan = &sp->events[event_index];
	const struct ctf_op *op = plan->ops;
	uint32_t first = 0;
	bool found = false;
	if (scope < CTF_SCOPE_EVENT_COMMON_CONTEXT || plan->root[scope] < 0)
		return false;
	/* Only the first run's offsets count from where the event's contexts begin. */
	for (op += op->code == OP_ALIGN; op->code <= OP_TEXT; op++) {
		if (op->code == OP_END || (op->code > OP_NEED && op->code < OP_STRUCT))
			break;
		if (op->code == OP_STRUCT && op->slot == plan->root[scope]) {
			first = op->first;
			found = true;
		}
		if (op->code < OP_INT || op->code > OP_U64 || !found ||
		    op->slot != (int32_t)(first + field))
			continue;
		*tap = (struct ctf_tap){.offset = op->offset,
					.bits = (uint8_t)op->bits,
					.is_big_endian = op->flags & OP_BIG_ENDIAN,
					.is_signed = op->flags & OP_SIGNED};
		/* OP_U64 is known to begin at a byte. */
		return (op->bits <= 57 || op->code == OP_U64) && op->offset < 1u << 20;
	}
	return false;
}

int ctf_stream_plan_new(struct ctf_stream_plan **out, struct arena *a,
			const struct ctf_stream_class *sc, enum ctf_want want,
			const char *file_name, struct diag *diag)
{
	struct arena scratch = {0};
	struct compiler c = {.scratch = &scratch, .diag = diag, .file_name = file_name};
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
		plan_no_memory(&c);

	plan_builder_init(&c, &packet, 1u << 30, true);
	plan_compile_root(&c, &packet, CTF_SCOPE_PACKET_HEADER, sc->trace_class->packet_header);
	plan_compile_root(&c, &packet, CTF_SCOPE_PACKET_CONTEXT, sc->packet_context);
	plan_builder_init(&c, &header, 1, want == CTF_WANT_ALL);
	plan_compile_root(&c, &header, CTF_SCOPE_EVENT_HEADER, sc->event_header);
	if (c.root[CTF_SCOPE_EVENT_HEADER])
		sp->has_event_id = mark_ids(c.root[CTF_SCOPE_EVENT_HEADER]);
	/* The packet header's names may not hide: contexts of one event are no scope of the next. */
	uint32_t align = plan_known_align(&header);
	for (size_t i = 0; i < sc->n_events && !c.error; i++) {
		const struct ctf_event_class *ec = sc->events[i];
		plan_builder_init(&c, &events[i], align, want != CTF_WANT_NONE);
		c.root[CTF_SCOPE_EVENT_CONTEXT] = c.root[CTF_SCOPE_EVENT_PAYLOAD] = NULL;
		plan_compile_root(&c, &events[i], CTF_SCOPE_EVENT_COMMON_CONTEXT,
				  sc->event_context);
		plan_compile_root(&c, &events[i], CTF_SCOPE_EVENT_CONTEXT, ec->context);
		plan_compile_root(&c, &events[i], CTF_SCOPE_EVENT_PAYLOAD, ec->payload);
	}
	/* Only now is it known which fields are referred to. */
	plan_finish(&c, &packet, &sp->packet, a);
	plan_finish(&c, &header, &sp->header, a);
	for (size_t i = 0; i < sc->n_events && !c.error; i++)
		plan_finish(&c, &events[i], &sp->events[i], a);
	sp->n_registers = c.n_registers;
	if (!c.error) {
		find_roles(sp, CTF_SCOPE_PACKET_HEADER, sc->trace_class->packet_header);
		find_roles(sp, CTF_SCOPE_PACKET_CONTEXT, sc->packet_context);
		find_fast_header(sp, sc->event_header);
		if (c.header_is_read || want == CTF_WANT_ALL)
			sp->fast.usable = false;
		index_ids(&c, sp, a);
	}
	plan_builder_fini(&packet);
	plan_builder_fini(&header);
	for (size_t i = 0; i < sc->n_events; i++)
		plan_builder_fini(&events[i]);
	free(events);
	arena_fini(&scratch);
	*out = c.error ? NULL : sp;
	return c.error;
}
