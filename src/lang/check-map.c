/* SPDX-License-Identifier: MIT */
/*
 * Maps: their keys and values get the type that all their uses agree on.
 */
#include <errno.h>
#include <string.h>

#include "lang/compile.h"

struct lang_map *map_find(struct compiler *c, const struct ast_node *n)
{
	struct lang_map *map;

	for (map = c->maps; map; map = map->next)
		if (!strcmp(map->name, n->name))
			return map;
	map = arena_new(c->arena, struct lang_map);
	if (!map) {
		c->error = -ENOMEM;
		return NULL;
	}
	map->name = n->name;
	map->value = &lang_none;
	map->place = n->place;
	map->id = LANG_MAP_FIRST + (uint32_t)c->program->n_maps++;
	map->max_entries = c->options->max_entries;
	*c->maps_end = map;
	c->maps_end = &map->next;
	c->changed = true;
	return map;
}

const struct lang_type *joined(struct compiler *c, const struct lang_type *a,
			       const struct lang_type *b)
{
	const struct lang_type *items[32];

	if (lang_type_equal(a, b))
		return a;
	if (a->kind == LANG_STRING && b->kind == LANG_STRING)
		return a->size >= b->size ? a : b;
	if (a->kind == LANG_BYTES && b->kind == LANG_BYTES)
		return a->size >= b->size ? a : b;
	if (a->kind == LANG_INT && b->kind == LANG_INT)
		return promoted(a)->is_signed ? &lang_i64 : &lang_u64; /* the first one's sign */
	if (a->kind == LANG_POINTER && (b->kind == LANG_POINTER || b->kind == LANG_INT))
		return a;
	if (a->kind == LANG_INT && b->kind == LANG_POINTER)
		return a;
	if (a->kind == b->kind && a->kind >= LANG_SUM && a->kind < LANG_HIST)
		return a;
	if (a->kind != LANG_TUPLE || b->kind != LANG_TUPLE || a->n_fields != b->n_fields ||
	    a->n_fields > 32)
		return NULL;
	for (size_t i = 0; i < a->n_fields; i++) {
		items[i] = joined(c, a->fields[i].type, b->fields[i].type);
		if (!items[i])
			return NULL;
	}
	return lang_tuple(c->arena, items, a->n_fields);
}

/* As it lies in a map. */
static const struct lang_type *stored(const struct lang_type *t)
{
	return t->kind == LANG_INT ? promoted(t) : t;
}

static void add_text(struct str *out, const struct lang_type *t)
{
	str_add(out, ", and is ");
	lang_type_write(out, t);
}

/* The keys of all uses, as one tuple. */
static void take_keys(struct compiler *c, const struct ast_node *n, struct lang_map *map,
		      const struct lang_type *key)
{
	const struct lang_type *both;
	struct str text = {0};

	if (!map->has_keys_known) {
		map->has_keys_known = c->changed = true;
		map->key = key;
		return;
	}
	if (!map->key && !key)
		return;
	if (!map->key || !key) {
		complain(c, n, NULL,
			 map->key ? "@%s has keys elsewhere" : "@%s has no keys elsewhere",
			 n->name);
		return;
	}
	both = joined(c, map->key, key);
	if (both) {
		c->changed |= !lang_type_equal(both, map->key);
		map->key = both;
		return;
	}
	lang_type_write(&text, key);
	add_text(&text, map->key);
	complain(c, n, NULL, "the key of @%s is %s elsewhere", n->name, str_c(&text));
	str_fini(&text);
}

void check_keys(struct compiler *c, struct ast_node *n)
{
	const struct lang_type *items[32];
	struct ast_node *key = n->first;
	size_t len = 0;

	n->map = map_find(c, n);
	if (!n->map)
		return;
	n->map->is_used = true;
	if (key && !key->next && check(c, key)->kind == LANG_TUPLE) {
		/* @x[(a, b)] is @x[a, b] */
		take_keys(c, n, n->map, key->type);
		return;
	}
	for (; key && !c->error; key = key->next) {
		const struct lang_type *t = check(c, key);

		if (!is_known(t))
			return;
		if (len == 32 || lang_is_aggregate(t) || t->kind == LANG_RECORD) {
			complain(c, key, NULL, "this cannot be a key");
			return;
		}
		items[len++] = stored(t);
	}
	if (!c->error)
		take_keys(c, n, n->map, len ? lang_tuple(c->arena, items, len) : NULL);
}

void map_takes(struct compiler *c, const struct ast_node *n, struct lang_map *map,
	       const struct lang_type *value)
{
	const struct lang_type *both;
	struct str text = {0};

	if (!is_known(value))
		return;
	value = stored(value);
	if (!is_known(map->value)) {
		map->value = value;
		map->is_per_cpu = lang_is_aggregate(value);
		c->changed = true;
		return;
	}
	both = joined(c, map->value, value);
	if (both) {
		c->changed |= !lang_type_equal(both, map->value);
		map->value = both;
		return;
	}
	lang_type_write(&text, map->value);
	complain(c, n, NULL, "the value of @%s is %s elsewhere", map->name, str_c(&text));
	str_fini(&text);
}

struct lang_map *check_whole_map(struct compiler *c, struct ast_node *n)
{
	struct lang_map *map = map_find(c, n);

	n->map = map;
	n->type = map ? map->value : &lang_none;
	if (map && c->is_last_pass && !is_known(map->value)) {
		complain(c, n, NULL, "@%s never gets a value", n->name);
		return NULL;
	}
	return map;
}
