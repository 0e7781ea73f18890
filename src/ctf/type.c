/* SPDX-License-Identifier: MIT */
/*
 * type.c - looking things up in the model, and building it by program.
 *
 * Builders return NULL once the arena is exhausted and accept the NULL of an
 * earlier one, so that a recorder checks only the end.
 */
#include "ctf/type.h"

#include <errno.h>
#include <string.h>

const char *ctf_kind_name(enum ctf_kind kind)
{
	static const char *const names[] = {
#define X(id, text) [CTF_##id] = text,
		CTF_KINDS(X)
#undef X
	};
	return kind < CTF_N_KINDS ? names[kind] : "?";
}

const char *ctf_scope_name(enum ctf_scope scope)
{
	static const char *const names[] = {
#define X(id, tsdl, json) [CTF_SCOPE_##id] = tsdl,
		CTF_SCOPES(X)
#undef X
	};
	return scope < CTF_N_SCOPES ? names[scope] : "?";
}

const char *ctf_role_name(enum ctf_role role)
{
	static const char *const names[] = {
#define X(id, json) [CTF_ROLE_##id] = json,
		CTF_ROLES(X)
#undef X
	};
	return role < CTF_N_ROLES ? names[role] : "?";
}

const char *ctf_loglevel_name(int loglevel)
{
	static const char *const names[CTF_LOGLEVEL_MAX + 1] = {
		"emergency",    "alert",      "critical",       "error",         "warning",
		"notice",       "info",       "debug:system",   "debug:program", "debug:process",
		"debug:module", "debug:unit", "debug:function", "debug:line",    "debug",
	};
	return loglevel >= 0 && loglevel <= CTF_LOGLEVEL_MAX ? names[loglevel] : "";
}

static int field_find(const struct ctf_field *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(fields[i].name, name))
			return (int)i;
	return -1;
}

int ctf_struct_find(const struct ctf_type *record, const char *name)
{
	if (!record || record->kind != CTF_STRUCT)
		return -1;
	return field_find(record->record.fields, record->record.n_fields, name);
}

int ctf_variant_find(const struct ctf_type *variant, const char *name)
{
	if (!variant || variant->kind != CTF_VARIANT)
		return -1;
	return field_find(variant->variant.options, variant->variant.n_options, name);
}

const struct ctf_stream_class *ctf_stream_class_find(const struct ctf_trace_class *tc, uint64_t id)
{
	for (size_t i = 0; i < tc->n_streams; i++)
		if (tc->streams[i]->id == id)
			return tc->streams[i];
	return NULL;
}

struct ctf_event_class *ctf_event_class_find(const struct ctf_stream_class *sc, uint64_t id)
{
	/* Ids are mostly dense and in order. */
	if (id < sc->n_events && sc->events[id]->id == id)
		return sc->events[id];
	for (size_t i = 0; i < sc->n_events; i++)
		if (sc->events[i]->id == id)
			return sc->events[i];
	return NULL;
}

const struct ctf_env_entry *ctf_env_find(const struct ctf_trace_class *tc, const char *name)
{
	for (size_t i = 0; i < tc->n_env; i++)
		if (!strcmp(tc->env[i].name, name))
			return &tc->env[i];
	return NULL;
}

bool ctf_range_has(const struct ctf_range *r, uint64_t value, bool is_signed)
{
	if (is_signed)
		return (int64_t)value >= (int64_t)r->lo && (int64_t)value <= (int64_t)r->hi;
	return value >= r->lo && value <= r->hi;
}

static bool label_holds(const struct ctf_type *type, const struct ctf_label *label, uint64_t value)
{
	for (size_t i = 0; i < label->n_ranges; i++) {
		const struct ctf_range *r = &label->ranges[i];
		if (type->kind != CTF_BIT_MAP) {
			if (ctf_range_has(r, value, type->integer.is_signed))
				return true;
			continue;
		}
		for (uint64_t bit = r->lo; bit <= r->hi && bit < 64; bit++)
			if (value >> bit & 1)
				return true;
	}
	return false;
}

const char *ctf_enum_label(const struct ctf_type *type, uint64_t value, size_t *it)
{
	if (type->kind != CTF_ENUM && type->kind != CTF_BIT_MAP && type->kind != CTF_VARINT)
		return NULL;
	while (*it < type->integer.n_labels) {
		const struct ctf_label *label = &type->integer.labels[(*it)++];
		if (label_holds(type, label, value))
			return label->name;
	}
	return NULL;
}

/* The bits of a label that stands for one value of an unsigned enum, else 0. */
static uint64_t flag_bits(const struct ctf_label *label)
{
	bool is_one = label->n_ranges == 1 && label->ranges[0].lo == label->ranges[0].hi;

	return is_one ? (uint64_t)label->ranges[0].lo : 0;
}

/* CTF 1.8 does not say which enums are flags. Those of whose labels two thirds are single bits:
 * some flags stand for several, and the numbers 0 1 2 3 4 … are none. */
static bool is_flags(const struct ctf_type *type)
{
	size_t single = 0, several = 0;

	if (type->kind != CTF_ENUM || type->integer.is_signed)
		return false;
	for (size_t i = 0; i < type->integer.n_labels; i++) {
		uint64_t bits = flag_bits(&type->integer.labels[i]);

		single += bits && !(bits & (bits - 1));
		several += (bits & (bits - 1)) != 0;
	}
	return single >= 2 * several && single > 0;
}

const char *ctf_enum_flag(const struct ctf_type *type, uint64_t *rest, size_t *it)
{
	if (!*it && !is_flags(type))
		return NULL;
	while (*it < type->integer.n_labels) {
		const struct ctf_label *label = &type->integer.labels[(*it)++];
		uint64_t bits = flag_bits(label);

		if (!bits || (*rest & bits) != bits)
			continue;
		*rest &= ~bits;
		return label->name;
	}
	return NULL;
}

bool ctf_label_chooses(const char *label, const struct ctf_field *option)
{
	return !strcmp(label, option->name) ||
	       (option->raw_name && !strcmp(label, option->raw_name)) ||
	       (label[0] == '_' && !strcmp(label + 1, option->name));
}

bool ctf_type_is_integer(const struct ctf_type *type)
{
	return type->kind == CTF_INTEGER || type->kind == CTF_ENUM || type->kind == CTF_VARINT ||
	       type->kind == CTF_BOOL;
}

bool ctf_type_is_text(const struct ctf_type *type)
{
	switch (type->kind) {
	case CTF_STRING:
	case CTF_STATIC_STRING:
	case CTF_DYNAMIC_STRING:
		return true;
	case CTF_ARRAY:
	case CTF_SEQUENCE: {
		const struct ctf_type *e = type->array.element;
		return e->kind == CTF_INTEGER && e->integer.bits == 8 && e->align <= 8 &&
		       e->integer.encoding != CTF_ENCODING_NONE;
	}
	default:
		return false;
	}
}

/* --- building -------------------------------------------------------------- */

/* Makes room for one more in an arena array that doubles. */
static void *grow(struct arena *a, void *items, size_t len, size_t *cap, size_t size)
{
	if (len < *cap)
		return items;
	size_t cap_new = *cap ? *cap * 2 : 8;
	void *p = arena_array(a, cap_new, size);
	if (!p)
		return NULL;
	if (len)
		memcpy(p, items, len * size);
	*cap = cap_new;
	return p;
}

static struct ctf_type *type_new(struct arena *a, enum ctf_kind kind, unsigned align)
{
	struct ctf_type *t = arena_new(a, struct ctf_type);
	if (t) {
		t->kind = kind;
		t->align = align;
	}
	return t;
}

struct ctf_type *ctf_type_integer_aligned(struct arena *a, unsigned bits, bool is_signed,
					  unsigned align)
{
	struct ctf_type *t = type_new(a, CTF_INTEGER, align);
	if (t) {
		t->integer.bits = bits;
		t->integer.is_signed = is_signed;
		t->integer.base = 10;
	}
	return t;
}

struct ctf_type *ctf_type_integer(struct arena *a, unsigned bits, bool is_signed)
{
	bool natural = bits == 8 || bits == 16 || bits == 32 || bits == 64;
	return ctf_type_integer_aligned(a, bits, is_signed, natural ? bits : 1);
}

struct ctf_type *ctf_type_hex(struct arena *a, unsigned bits, unsigned align)
{
	struct ctf_type *t = ctf_type_integer_aligned(a, bits, false, align);
	if (t)
		t->integer.base = 16;
	return t;
}

struct ctf_type *ctf_type_character(struct arena *a)
{
	struct ctf_type *t = ctf_type_integer_aligned(a, 8, false, 8);
	if (t)
		t->integer.encoding = CTF_ENCODING_UTF8;
	return t;
}

struct ctf_type *ctf_type_clock_value(struct arena *a, unsigned bits, unsigned align,
				      const struct ctf_clock *clock)
{
	struct ctf_type *t = ctf_type_integer_aligned(a, bits, false, align);
	if (t)
		t->integer.clock = clock;
	return t;
}

struct ctf_type *ctf_type_float(struct arena *a, unsigned bits, unsigned align)
{
	struct ctf_type *t = type_new(a, CTF_FLOAT, align);
	if (t)
		t->real.bits = bits;
	return t;
}

struct ctf_type *ctf_type_string(struct arena *a)
{
	struct ctf_type *t = type_new(a, CTF_STRING, 8);
	if (t)
		t->text.encoding = CTF_ENCODING_UTF8;
	return t;
}

struct ctf_type *ctf_type_enum(struct arena *a, unsigned bits, bool is_signed, unsigned align)
{
	struct ctf_type *t = ctf_type_integer_aligned(a, bits, is_signed, align);
	if (t)
		t->kind = CTF_ENUM;
	return t;
}

/* Arrays without a capacity of their own grow at powers of two. */
static void *grow_pow2(struct arena *a, void *items, size_t len, size_t size)
{
	if (len && (len & (len - 1)))
		return items;
	void *p = arena_array(a, len ? len * 2 : 1, size);
	if (p && len)
		memcpy(p, items, len * size);
	return p;
}

int ctf_enum_add(struct arena *a, struct ctf_type *type, const char *name, uint64_t lo, uint64_t hi)
{
	if (!type)
		return -ENOMEM;
	struct ctf_integer *in = &type->integer;
	struct ctf_label *label = NULL;
	/* Generated enums have unique labels in runs: look only at the newest. */
	if (in->n_labels && !strcmp(in->labels[in->n_labels - 1].name, name))
		label = &in->labels[in->n_labels - 1];
	if (!label) {
		in->labels = grow_pow2(a, in->labels, in->n_labels, sizeof(*in->labels));
		if (!in->labels) {
			in->n_labels = 0;
			return -ENOMEM;
		}
		label = &in->labels[in->n_labels];
		memset(label, 0, sizeof(*label));
		label->name = arena_strdup(a, name);
		if (!label->name)
			return -ENOMEM;
		in->n_labels++;
	}
	struct ctf_range *ranges =
		grow_pow2(a, label->ranges, label->n_ranges, sizeof(*label->ranges));
	if (!ranges)
		return -ENOMEM;
	label->ranges = ranges;
	label->ranges[label->n_ranges++] = (struct ctf_range){lo, hi};
	return 0;
}

struct ctf_type *ctf_type_struct(struct arena *a, unsigned min_align)
{
	struct ctf_type *t = type_new(a, CTF_STRUCT, min_align ? min_align : 1);
	if (t)
		t->record.min_align = min_align ? min_align : 1;
	return t;
}

static int fields_add(struct arena *a, struct ctf_field **fields, size_t *n, const char *name,
		      const struct ctf_type *type, uint32_t roles)
{
	if (!type)
		return -ENOMEM;
	if (field_find(*fields, *n, name) >= 0)
		return -EEXIST;
	struct ctf_field *grown = grow_pow2(a, *fields, *n, sizeof(**fields));
	char *copy = arena_strdup(a, name);
	if (!grown || !copy)
		return -ENOMEM;
	*fields = grown;
	grown[*n] = (struct ctf_field){.name = copy, .type = type, .roles = roles};
	(*n)++;
	return 0;
}

static int struct_add(struct arena *a, struct ctf_type *record, const char *name,
		      const struct ctf_type *type, uint32_t roles)
{
	if (!record)
		return -ENOMEM;
	int rc = fields_add(a, &record->record.fields, &record->record.n_fields, name, type, roles);
	if (!rc && type->align > record->align)
		record->align = type->align;
	return rc;
}

int ctf_struct_add(struct arena *a, struct ctf_type *record, const char *name,
		   const struct ctf_type *type)
{
	return struct_add(a, record, name, type, 0);
}

int ctf_struct_add_role(struct arena *a, struct ctf_type *record, const char *name,
			const struct ctf_type *type, enum ctf_role role)
{
	return struct_add(a, record, name, type, CTF_ROLE_BIT(role));
}

struct ctf_type *ctf_type_array(struct arena *a, const struct ctf_type *element, uint64_t count)
{
	struct ctf_type *t = element ? type_new(a, CTF_ARRAY, element->align) : NULL;
	if (t) {
		t->array.element = element;
		t->array.count = count;
		t->array.min_align = 1;
	}
	return t;
}

static bool ref_to_name(struct arena *a, struct ctf_ref *ref, const char *name)
{
	ref->scope = CTF_SCOPE_RELATIVE;
	ref->path = arena_array(a, 1, sizeof(*ref->path));
	if (!ref->path)
		return false;
	ref->path[0] = arena_strdup(a, name);
	ref->n_path = 1;
	return ref->path[0];
}

struct ctf_type *ctf_type_sequence(struct arena *a, const struct ctf_type *element,
				   const char *length_field)
{
	struct ctf_type *t = element ? type_new(a, CTF_SEQUENCE, element->align) : NULL;
	if (!t || !ref_to_name(a, &t->array.length, length_field))
		return NULL;
	t->array.element = element;
	t->array.min_align = 1;
	return t;
}

struct ctf_type *ctf_type_variant(struct arena *a, const char *tag_field)
{
	struct ctf_type *t = type_new(a, CTF_VARIANT, 1);
	if (!t || !ref_to_name(a, &t->variant.tag, tag_field))
		return NULL;
	return t;
}

int ctf_variant_add(struct arena *a, struct ctf_type *variant, const char *name,
		    const struct ctf_type *type)
{
	if (!variant)
		return -ENOMEM;
	return fields_add(a, &variant->variant.options, &variant->variant.n_options, name, type, 0);
}

void ctf_type_set_byte_order(struct ctf_type *type, enum ctf_byte_order order)
{
	if (type)
		type->byte_order = order;
}

struct ctf_trace_class *ctf_trace_class_new(struct arena *a, unsigned major, unsigned minor,
					    enum ctf_byte_order order)
{
	struct ctf_trace_class *tc = arena_new(a, struct ctf_trace_class);
	if (tc) {
		tc->major = major;
		tc->minor = minor;
		tc->byte_order = order;
		tc->arena = a;
	}
	return tc;
}

static struct ctf_env_entry *env_add(struct ctf_trace_class *tc, const char *name)
{
	if (!tc)
		return NULL;
	struct ctf_env_entry *env = grow(tc->arena, tc->env, tc->n_env, &tc->cap_env, sizeof(*env));
	if (!env)
		return NULL;
	tc->env = env;
	env = &tc->env[tc->n_env];
	memset(env, 0, sizeof(*env));
	env->name = arena_strdup(tc->arena, name);
	return env->name ? env : NULL;
}

int ctf_env_add_text(struct ctf_trace_class *tc, const char *name, const char *text)
{
	struct ctf_env_entry *env = env_add(tc, name);
	if (!env || !(env->text = arena_strdup(tc->arena, text)))
		return -ENOMEM;
	env->is_string = true;
	tc->n_env++;
	return 0;
}

int ctf_env_add_int(struct ctf_trace_class *tc, const char *name, int64_t value)
{
	struct ctf_env_entry *env = env_add(tc, name);
	if (!env)
		return -ENOMEM;
	env->value = value;
	tc->n_env++;
	return 0;
}

struct ctf_clock *ctf_clock_add(struct ctf_trace_class *tc, const char *name, uint64_t frequency_hz)
{
	if (!tc)
		return NULL;
	void *grown =
		grow(tc->arena, tc->clocks, tc->n_clocks, &tc->cap_clocks, sizeof(*tc->clocks));
	struct ctf_clock *clock = arena_new(tc->arena, struct ctf_clock);
	if (!grown || !clock)
		return NULL;
	clock->id = clock->name = arena_strdup(tc->arena, name);
	if (!clock->name)
		return NULL;
	clock->frequency_hz = frequency_hz;
	tc->clocks = grown;
	tc->clocks[tc->n_clocks++] = clock;
	return clock;
}

struct ctf_stream_class *ctf_stream_class_add(struct ctf_trace_class *tc, uint64_t id)
{
	if (!tc)
		return NULL;
	void *grown =
		grow(tc->arena, tc->streams, tc->n_streams, &tc->cap_streams, sizeof(*tc->streams));
	struct ctf_stream_class *sc = arena_new(tc->arena, struct ctf_stream_class);
	if (!grown || !sc)
		return NULL;
	sc->id = id;
	sc->trace_class = tc;
	sc->index = tc->n_streams;
	tc->streams = grown;
	tc->streams[tc->n_streams++] = sc;
	return sc;
}

struct ctf_event_class *ctf_event_class_add(struct ctf_stream_class *sc, uint64_t id,
					    const char *name)
{
	if (!sc)
		return NULL;
	struct arena *a = sc->trace_class->arena;
	void *grown = grow(a, sc->events, sc->n_events, &sc->cap_events, sizeof(*sc->events));
	struct ctf_event_class *ec = arena_new(a, struct ctf_event_class);
	if (!grown || !ec)
		return NULL;
	ec->id = id;
	ec->loglevel = CTF_LOGLEVEL_NONE;
	if (name && !(ec->name = arena_strdup(a, name)))
		return NULL;
	ec->stream_class = sc;
	ec->index = sc->n_events;
	sc->events = grown;
	sc->events[sc->n_events++] = ec;
	return ec;
}
