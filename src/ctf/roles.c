/* SPDX-License-Identifier: MIT */
/*
 * roles.c - see roles.h.
 *
 * A type may be shared (an alias, one structure in two streams), so roles and
 * clocks are put on copies of the structures along the way.
 */
#include "ctf/roles.h"

#include <errno.h>
#include <string.h>

#define MAX_NODES 4096 /* of a header; aliases can make a small text a huge tree */

struct name_role {
	const char *name;
	enum ctf_role role;
};

static const struct name_role packet_header_roles[] = {
	{"magic", CTF_ROLE_PACKET_MAGIC},
	{"uuid", CTF_ROLE_METADATA_UUID},
	{"stream_id", CTF_ROLE_STREAM_CLASS_ID},
	{"stream_instance_id", CTF_ROLE_STREAM_ID},
	{NULL, 0},
};
static const struct name_role packet_context_roles[] = {
	{"packet_size", CTF_ROLE_PACKET_TOTAL_LENGTH},
	{"content_size", CTF_ROLE_PACKET_CONTENT_LENGTH},
	{"timestamp_begin", CTF_ROLE_TIMESTAMP},
	{"timestamp_end", CTF_ROLE_PACKET_END_TIMESTAMP},
	{"events_discarded", CTF_ROLE_DISCARDED_EVENTS},
	{"packet_seq_num", CTF_ROLE_PACKET_SEQ_NUM},
	{NULL, 0},
};
static const struct name_role event_header_roles[] = {
	{"id", CTF_ROLE_EVENT_CLASS_ID},
	{"timestamp", CTF_ROLE_TIMESTAMP},
	{NULL, 0},
};

struct assigner {
	struct arena *arena;
	const struct name_role *roles; /* NULL: keep those that are there */
	const struct ctf_clock *clock; /* for timestamps without one; or NULL */
	struct ctf_trace_class *tc; /* CTF 1.8: where its only clock is; or NULL */
	bool nested; /* the roles also hold inside of structures and variants */
	unsigned nodes;
	bool no_memory;
};

static const struct ctf_type *copy_type(struct assigner *as, const struct ctf_type *type,
					unsigned depth);

static uint32_t role_of(const struct assigner *as, const struct ctf_field *f)
{
	const char *name = f->raw_name ? f->raw_name : f->name;
	if (!as->roles)
		return f->roles;
	for (const struct name_role *r = as->roles; r->name; r++) {
		bool is_uuid = r->role == CTF_ROLE_METADATA_UUID;
		bool fits = is_uuid ? f->type->kind == CTF_ARRAY && f->type->array.count == 16 &&
					      f->type->array.element->kind == CTF_INTEGER &&
					      f->type->array.element->integer.bits == 8
				    : ctf_type_is_integer(f->type);
		if (fits && !strcmp(r->name, name))
			return f->roles | CTF_ROLE_BIT(r->role);
	}
	return f->roles;
}

#define TIMES (CTF_ROLE_BIT(CTF_ROLE_TIMESTAMP) | CTF_ROLE_BIT(CTF_ROLE_PACKET_END_TIMESTAMP))

/*
 * The clock of a timestamp that says none. CTF 1.8: the trace's only one, and
 * as babeltrace2 has it, one of 1 GHz where there is none at all.
 */
static const struct ctf_clock *clock_for(struct assigner *as, const struct ctf_type *type)
{
	if (!ctf_type_is_integer(type) || type->integer.clock)
		return NULL;
	if (!as->tc)
		return as->clock;
	if (!as->tc->n_clocks && !ctf_clock_add(as->tc, "default", 1000000000))
		as->no_memory = true;
	return as->tc->n_clocks == 1 ? as->tc->clocks[0] : NULL;
}

static void map_field(struct assigner *as, struct ctf_field *f, const struct ctf_clock *clock)
{
	struct ctf_type *t = arena_memdup(as->arena, f->type, sizeof(*t));
	if (!t) {
		as->no_memory = true;
		return;
	}
	t->integer.clock = clock;
	f->type = t;
}

static struct ctf_field *copy_fields(struct assigner *as, const struct ctf_field *fields, size_t n,
				     unsigned depth)
{
	struct ctf_field *copy = arena_memdup(as->arena, fields, n * sizeof(*fields));
	if (!copy) {
		as->no_memory |= n > 0;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		struct ctf_field *f = &copy[i];
		if (++as->nodes > MAX_NODES)
			break;
		if (depth == 0 || as->nested)
			f->roles = role_of(as, f);
		bool is_compound = f->type->kind == CTF_STRUCT || f->type->kind == CTF_VARIANT;
		if (is_compound && as->nested) {
			f->type = copy_type(as, f->type, depth + 1);
		} else if (f->roles & TIMES) {
			const struct ctf_clock *clock = clock_for(as, f->type);
			if (clock)
				map_field(as, f, clock);
		}
		if (as->no_memory)
			return NULL;
	}
	return copy;
}

static const struct ctf_type *copy_type(struct assigner *as, const struct ctf_type *type,
					unsigned depth)
{
	if (!type || depth > 16 || as->nodes > MAX_NODES)
		return type;
	struct ctf_type *t = arena_memdup(as->arena, type, sizeof(*t));
	if (!t) {
		as->no_memory = true;
		return NULL;
	}
	if (t->kind == CTF_STRUCT)
		t->record.fields = copy_fields(as, t->record.fields, t->record.n_fields, depth);
	else if (t->kind == CTF_VARIANT)
		t->variant.options =
			copy_fields(as, t->variant.options, t->variant.n_options, depth);
	return t;
}

/* The clock of the first field that is mapped to one. */
static const struct ctf_clock *find_clock(const struct ctf_type *type, unsigned depth,
					  unsigned *nodes)
{
	const struct ctf_clock *found = NULL;
	if (!type || depth > 16 || ++*nodes > MAX_NODES)
		return NULL;
	if (type->kind == CTF_INTEGER || type->kind == CTF_ENUM)
		return type->integer.clock;
	if (type->kind == CTF_STRUCT)
		for (size_t i = 0; !found && i < type->record.n_fields; i++)
			found = find_clock(type->record.fields[i].type, depth + 1, nodes);
	if (type->kind == CTF_VARIANT)
		for (size_t i = 0; !found && i < type->variant.n_options; i++)
			found = find_clock(type->variant.options[i].type, depth + 1, nodes);
	return found;
}

static void find_default_clock(struct ctf_stream_class *sc)
{
	const struct ctf_type *roots[] = {sc->event_header, sc->packet_context, sc->event_context};
	for (size_t i = 0; !sc->default_clock && i < sizeof(roots) / sizeof(*roots); i++) {
		unsigned nodes = 0;
		sc->default_clock = find_clock(roots[i], 0, &nodes);
	}
}

int ctf_roles_assign(struct ctf_trace_class *tc)
{
	struct assigner as = {.arena = tc->arena, .roles = packet_header_roles};
	tc->packet_header = copy_type(&as, tc->packet_header, 0);
	for (size_t i = 0; i < tc->n_streams && !as.no_memory; i++) {
		struct ctf_stream_class *sc = tc->streams[i];
		as = (struct assigner){.arena = tc->arena, .roles = packet_context_roles, .tc = tc};
		sc->packet_context = copy_type(&as, sc->packet_context, 0);
		if (as.no_memory)
			break;
		as = (struct assigner){
			.arena = tc->arena, .roles = event_header_roles, .tc = tc, .nested = true};
		sc->event_header = copy_type(&as, sc->event_header, 0);
		if (!as.no_memory)
			find_default_clock(sc);
	}
	return as.no_memory ? -ENOMEM : 0;
}

int ctf_roles_map_clocks(struct ctf_trace_class *tc)
{
	struct assigner as = {.arena = tc->arena};
	for (size_t i = 0; i < tc->n_streams && !as.no_memory; i++) {
		struct ctf_stream_class *sc = tc->streams[i];
		as = (struct assigner){
			.arena = tc->arena, .clock = sc->default_clock, .nested = true};
		sc->packet_context = copy_type(&as, sc->packet_context, 0);
		as.nodes = 0;
		if (!as.no_memory)
			sc->event_header = copy_type(&as, sc->event_header, 0);
	}
	return as.no_memory ? -ENOMEM : 0;
}

void ctf_trace_class_assign_roles(struct ctf_trace_class *tc)
{
	if (tc)
		(void)ctf_roles_assign(tc);
}
