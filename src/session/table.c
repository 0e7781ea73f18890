/* SPDX-License-Identifier: MIT */
#include "session/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <piste/wire/rules.h>

enum { TABLE_IDS_MAX = PISTE_ID_NONE };

/* --- objects -------------------------------------------------------------- */

static bool object_is_sane(const struct piste_object_record *r, uint64_t left)
{
	return r->size >= sizeof(*r) && r->size % 8 == 0 && r->size <= left &&
	       r->sites_offset >= sizeof(*r) && r->sites_offset % 8 == 0 &&
	       r->sites_offset <= r->size && r->types_offset >= sizeof(*r) &&
	       r->types_offset % 8 == 0 && r->types_offset <= r->size &&
	       r->types_size <= r->size - r->types_offset &&
	       r->site_count <= r->size / sizeof(struct piste_site) && r->build_id_size <= 20;
}

/* The site at `offset` of an object; NULL when it is broken. *next is where the next one begins. */
static struct piste_site *site_at(const struct table_object *object, uint32_t offset,
				  uint32_t *next)
{
	uint32_t end = object->record.size;
	const struct piste_site_record *record;
	struct piste_site *site;

	if (end - offset < sizeof(*record) + sizeof(*site))
		return NULL;
	record = (const struct piste_site_record *)(object->bytes.data + offset);
	if (record->size < sizeof(*record) + sizeof(*site) || record->size % 8 ||
	    record->size > end - offset)
		return NULL;
	site = (struct piste_site *)(uintptr_t)(record + 1);
	if (site->text_size > record->size - sizeof(*record) - sizeof(*site))
		return NULL;
	*next = offset + record->size;
	return site;
}

/* The bytes that do not differ between two processes that loaded the same object. */
static void object_add_canon(const struct table_object *object, struct str *canon)
{
	uint32_t offset = object->record.sites_offset, next;
	uint32_t head[2] = {object->record.site_count, object->record.types_size};
	struct piste_site *site;

	str_add_bytes(canon, head, sizeof(head));
	for (uint32_t i = 0; i < object->record.site_count; i++, offset = next) {
		site = site_at(object, offset, &next);
		if (!site)
			break;
		site->tracers = 0; /* in our copy */
		str_add_bytes(canon, site, sizeof(*site) + site->text_size);
	}
	str_add_bytes(canon, object->bytes.data + object->record.types_offset,
		      object->record.types_size);
}

int objects_read(struct objects *o, const struct pool *pool)
{
	/* acquire: pairs with the release of libpiste after an object is complete */
	uint32_t count = __atomic_load_n(&pool_live(pool)->object_count, __ATOMIC_ACQUIRE);
	uint64_t used = pool_objects_used(pool), at = 0;

	*o = (struct objects){.used = used};
	/* zeros behind it: the last text ends, whatever it holds */
	o->copy = calloc(1, used + 64);
	if (!o->copy)
		return -ENOMEM;
	memcpy(o->copy, pool->base + pool->objects_offset, used);
	while (count-- && used - at >= sizeof(struct piste_object_record)) {
		struct table_object object = {.bytes = {(uint8_t *)o->copy + at, 0}};

		memcpy(&object.record, o->copy + at, sizeof(object.record));
		if (!object_is_sane(&object.record, used - at))
			break;
		object.bytes.len = object.record.size;
		object.record.path[sizeof(object.record.path) - 1] = '\0';
		if (vec_push(&o->list, object)) {
			objects_fini(o);
			return -ENOMEM;
		}
		object_add_canon(&object, &o->canon);
		at += object.record.size;
	}
	if (o->canon.failed) {
		objects_fini(o);
		return -ENOMEM;
	}
	return 0;
}

void objects_fini(struct objects *o)
{
	free(o->copy);
	vec_fini(&o->list);
	str_fini(&o->canon);
	*o = (struct objects){0};
}

void objects_each_site(const struct objects *o, site_fn each, void *data)
{
	const struct table_object *object;

	vec_each(object, &o->list) {
		uint32_t offset = object->record.sites_offset, next;

		for (uint32_t i = 0; i < object->record.site_count; i++, offset = next) {
			struct piste_site *site = site_at(object, offset, &next);
			const char *provider, *event, *end;

			if (!site)
				break;
			provider = (const char *)(site + 1);
			end = provider + site->text_size;
			event = provider + strnlen(provider, site->text_size) + 1;
			if (event < end && event + strnlen(event, (size_t)(end - event)) < end)
				each(data, site, provider, event);
		}
	}
}

/* --- tables --------------------------------------------------------------- */

static bool is_prefix(const struct str *a, const struct str *b)
{
	return a->len <= b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

bool table_has(const struct table *t, const struct objects *o)
{
	return is_prefix(&o->canon, &t->canon);
}

bool table_may_grow(const struct table *t, const struct objects *o)
{
	return is_prefix(&t->canon, &o->canon);
}

static int event_bind_filter(struct table *t, struct table_event *e, uint64_t id,
			     const struct wants *wants, struct arena *arena)
{
	unsigned given = FILTER_GIVEN(FILTER_PID) | FILTER_GIVEN(FILTER_TID) |
			 FILTER_GIVEN(FILTER_CPU) | FILTER_GIVEN(FILTER_PROCNAME) |
			 FILTER_GIVEN(FILTER_TIMESTAMP);

	if (!t->shadow) {
		struct ctf_trace_class *tc = ctf_trace_class_new(arena, 1, 8, CTF_LITTLE_ENDIAN);

		t->shadow = tc ? ctf_stream_class_add(tc, 0) : NULL;
		if (!t->shadow)
			return -ENOMEM;
	}
	e->event = classes_add(t->shadow, id, e->class);
	if (!e->event)
		return -ENOMEM;
	return filter_bind(&e->bound, wants->filter, e->event, given, arena);
}

static uint32_t scalar_size(uint32_t scalar)
{
	static const uint8_t sizes[] = {
		[PISTE_T_BOOL] = 1, [PISTE_T_S8] = 1,  [PISTE_T_U8] = 1,  [PISTE_T_S16] = 2,
		[PISTE_T_U16] = 2,  [PISTE_T_S32] = 4, [PISTE_T_U32] = 4, [PISTE_T_S64] = 8,
		[PISTE_T_U64] = 8,  [PISTE_T_F32] = 4, [PISTE_T_F64] = 8, [PISTE_T_POINTER] = 8,
	};

	return scalar < sizeof(sizes) ? sizes[scalar] : 0;
}

/* The commonest kind of payload, so that stepping over it is short work. */
static struct table_flat flat_of(const struct piste_site *site)
{
	struct table_flat flat = {0};

	if (site->kind == PISTE_SITE_LOG)
		flat.gaps[0] = 1; /* the number of its format */
	for (unsigned i = 0; i < site->field_count && i < PISTE_FIELDS_MAX; i++) {
		uint32_t code = site->types[i], scalar = PISTE_CODE_SCALAR(code);
		uint32_t shape = PISTE_CODE_SHAPE(code), size = scalar_size(scalar);

		if (scalar == PISTE_T_ATTRIBUTES)
			continue;
		if (scalar == PISTE_T_STRING && shape == PISTE_S_ONE &&
		    flat.strings < FLAT_STRINGS_MAX)
			flat.strings++;
		else if (size && shape == PISTE_S_ONE)
			flat.gaps[flat.strings] += size;
		else if (size && shape == PISTE_S_ARRAY)
			flat.gaps[flat.strings] += size * PISTE_CODE_COUNT(code);
		else
			return (struct table_flat){0};
	}
	return flat;
}

static int table_add_site(struct table *t, const struct piste_site *site,
			  const struct classes_types *types, const struct wants *wants,
			  struct arena *arena, struct diag *diag)
{
	struct span span = {(const uint8_t *)site, sizeof(*site) + site->text_size};
	struct classes_class *class;
	struct table_event *e;
	int err;

	if (site->kind == PISTE_SITE_GATE || site->id == PISTE_ID_NONE)
		return 0;
	while (t->events.len <= site->id)
		if (vec_push(&t->events, (struct table_event){0}))
			return -ENOMEM;
	e = &t->events.items[site->id];
	if (e->known)
		return 0; /* an object that came back, or a process that gives an id twice */
	err = classes_new(&class, arena, span, types, wants->ctf_major, diag);
	if (err)
		return err;
	e->class = class;
	e->known = true;
	e->wanted = !class->is_broken && (wants->all || piste_session_wants(wants->session, site));
	if (class->has_fixed_size && class->size_bytes <= PISTE_RECORD_MAX - PISTE_RECORD_HEADER)
		e->fixed_size = (uint16_t)(class->size_bytes + PISTE_RECORD_HEADER);
	else if (!class->is_broken)
		e->flat = flat_of(site);
	t->site_count++;
	if (!e->wanted) {
		t->wants_all = false;
		return 0;
	}
	t->wanted_count++;
	return wants->filter ? event_bind_filter(t, e, site->id, wants, arena) : 0;
}

static int table_add_object(struct table *t, const struct table_object *object,
			    const struct wants *wants, struct arena *arena, struct diag *diag)
{
	uint32_t offset = object->record.sites_offset, next;
	uint8_t *bytes = arena_alloc(arena, object->bytes.len + 64);
	struct table_object mine = {.record = object->record};
	struct classes_types types = {0};
	int err;

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, object->bytes.data, object->bytes.len);
	mine.bytes = (struct span){bytes, object->bytes.len};
	err = classes_types_init(&types, arena,
				 (struct span){bytes + mine.record.types_offset,
					       mine.record.types_size});
	for (uint32_t i = 0; !err && i < mine.record.site_count; i++, offset = next) {
		struct piste_site *site = site_at(&mine, offset, &next);

		if (!site) {
			diag_warn(diag, NULL, "%s: the description of site %u is broken",
				  mine.record.path, i);
			break;
		}
		err = table_add_site(t, site, &types, wants, arena, diag);
	}
	classes_types_fini(&types);
	return err;
}

int table_grow(struct table *t, const struct objects *o, const struct wants *wants,
	       struct arena *arena, struct diag *diag)
{
	const struct table_object *object;
	int err = 0;

	if (!t->canon.len)
		t->wants_all = !wants->filter;
	vec_each(object, &o->list) {
		/* objects that are known add nothing: their ids are */
		err = table_add_object(t, object, wants, arena, diag);
		if (err)
			return err;
	}
	str_reset(&t->canon);
	str_add_bytes(&t->canon, o->canon.data ? o->canon.data : "", o->canon.len);
	return t->canon.failed ? -ENOMEM : 0;
}

void table_fini(struct table *t)
{
	struct table_event *e;

	vec_each(e, &t->events)
		if (e->bound)
			filter_bound_fini(e->bound);
	vec_fini(&t->events);
	str_fini(&t->canon);
}
