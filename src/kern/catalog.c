/* SPDX-License-Identifier: MIT */
#include "kern/catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "kern/btf.h"
#include "kern/sample.h"
#include "piste/wire/rules.h"

/* --- offers ---------------------------------------------------------------------- */

/* Keeps the first offer of each name among those from `first` on, and those before. */
static int drop_known(struct kern_catalog *c, struct map *names, size_t first, size_t maker)
{
	size_t kept = first;

	for (size_t i = first; i < c->offers.len; i++) {
		struct kern_offer offer = c->offers.items[i];

		if (map_get_str(names, offer.name, NULL))
			continue;
		if (map_put_str(names, offer.name, 1))
			return -ENOMEM;
		offer.maker = kern_makers[maker];
		offer.state = c->states[maker];
		c->offers.items[kept++] = offer;
	}
	c->offers.len = kept;
	return 0;
}

static bool is_asked(const struct kern_maker *maker, const struct kern_options *options)
{
	size_t len = maker->only_for ? strlen(maker->only_for) : 0;

	if (!maker->only_for)
		return true;
	for (size_t i = 0; options && i < options->n_rules; i++) {
		const char *rule = options->rules[i];

		rule += !strncmp(rule, "k:", 2) ? 2 : 0;
		if (!strncmp(rule, maker->only_for, len) && rule[len] == ':')
			return true;
	}
	return false;
}

int kern_catalog_new(struct kern_catalog **out, const struct kern_options *options,
		     struct diag *diag)
{
	struct kern_catalog *c = calloc(1, sizeof(*c));
	struct map names = {0};
	int err = 0;

	*out = NULL;
	if (!c || !(c->states = calloc(kern_n_makers + 1, sizeof(*c->states)))) {
		free(c);
		return -ENOMEM;
	}
	err = btf_index_new(&c->btf, NULL, NULL);
	err = err == -ENOMEM ? err : 0;
	for (size_t i = 0; i < kern_n_makers && !err; i++) {
		size_t first = c->offers.len;

		if (!is_asked(kern_makers[i], options))
			continue;
		err = kern_makers[i]->open(&c->states[i], c->btf, &c->offers, diag);
		if (!err)
			err = drop_known(c, &names, first, i);
	}
	map_fini(&names);
	if (err) {
		kern_catalog_close(c);
		return err;
	}
	*out = c;
	return 0;
}

int kern_catalog_open(struct kern_catalog **out, struct diag *diag)
{
	return kern_catalog_new(out, NULL, diag);
}

void kern_catalog_close(struct kern_catalog *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < kern_n_makers; i++)
		if (c->states[i])
			kern_makers[i]->close(c->states[i]);
	free(c->states);
	vec_fini(&c->offers);
	btf_index_free(c->btf);
	arena_fini(&c->arena);
	free(c);
}

size_t kern_catalog_len(const struct kern_catalog *c)
{
	return c->offers.len;
}

const char *kern_catalog_name(const struct kern_catalog *c, size_t i)
{
	return c->offers.items[i].name;
}

int kern_catalog_event(struct kern_catalog *c, size_t i, struct kern_event *out, struct diag *diag)
{
	const struct kern_offer *offer = &c->offers.items[i];

	return offer->maker->describe(offer->state, offer->index, &c->arena, out, diag);
}

/* --- rules ----------------------------------------------------------------------- */

struct rule {
	const char *glob; /* over provider:event, or when it has no ':' over the event */
	bool excludes, has_world, has_provider;
};

static struct rule parse_rule(const char *text)
{
	struct rule r = {.glob = text};

	if (*r.glob == '!') {
		r.excludes = true;
		r.glob++;
	}
	if (!strncmp(r.glob, "k:", 2)) {
		r.has_world = true;
		r.glob += 2;
	}
	r.has_provider = strchr(r.glob, ':') != NULL;
	return r;
}

static bool is_about_kernel(const struct rule *r)
{
	return r->has_world || (r->has_provider && strncmp(r->glob, "u:", 2) != 0);
}

static bool matches_name(const struct rule *r, const char *name)
{
	if (!name)
		return false;
	return piste_glob(r->glob, r->has_provider ? name : strchr(name, ':') + 1);
}

static bool matches(const struct rule *r, const struct kern_offer *offer)
{
	return matches_name(r, offer->name) || matches_name(r, offer->alias);
}

/* The provider of the rule, without globs in it, is one of the kernel's. */
static bool names_provider(const struct rule *r, const struct kern_catalog *c)
{
	size_t len = strcspn(r->glob, ":");
	const struct kern_offer *offer;

	vec_each(offer, &c->offers)
		if (!strncmp(offer->name, r->glob, len + 1))
			return true;
	return false;
}

static int unknown(const struct rule *r, const struct kern_catalog *c, struct diag *diag)
{
	const char **names = calloc(c->offers.len * 2 + 1, sizeof(*names)), *nearest;
	const struct kern_offer *offer;
	size_t n = 0;

	if (!names)
		return -ENOMEM;
	vec_each(offer, &c->offers) {
		const char *name = offer->alias ? offer->alias : offer->name;

		names[n++] = r->has_provider ? name : strchr(name, ':') + 1;
	}
	nearest = nearest_name(r->glob, names, n);
	diag_error(diag, NULL, "no event of this kernel is named '%s'", r->glob);
	if (nearest)
		diag_hint(diag, "did you mean '%s'?", nearest);
	else
		diag_hint(diag, "`piste list 'k:*'` shows all");
	free(names);
	return -ENOENT;
}

int kern_choose(struct kern_choice *out, const struct kern_catalog *c,
		const struct kern_options *options, struct diag *diag)
{
	bool *chosen = calloc(c->offers.len + 1, sizeof(*chosen)), only_excludes = true;
	int err = chosen ? 0 : -ENOMEM;

	for (size_t i = 0; i < options->n_rules; i++)
		only_excludes &= options->rules[i][0] == '!';
	for (size_t i = 0; i < c->offers.len && !err; i++)
		chosen[i] = only_excludes && c->offers.items[i].is_default;
	for (size_t i = 0; i < options->n_rules && !err; i++) {
		struct rule rule = parse_rule(options->rules[i]);
		bool is_known = false;

		for (size_t j = 0; is_about_kernel(&rule) && j < c->offers.len; j++) {
			if (!matches(&rule, &c->offers.items[j]))
				continue;
			chosen[j] = !rule.excludes;
			is_known = true;
		}
		if (!is_known && (rule.has_world || names_provider(&rule, c)))
			err = unknown(&rule, c, diag);
	}
	for (size_t i = 0; i < c->offers.len && !err && options->sample_hz; i++)
		chosen[i] |= !strcmp(c->offers.items[i].name, KERN_SAMPLE_EVENT);
	for (uint32_t i = 0; i < c->offers.len && !err; i++)
		if (chosen[i] && vec_push(out, i))
			err = -ENOMEM;
	free(chosen);
	return err;
}
