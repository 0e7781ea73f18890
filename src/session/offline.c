/* SPDX-License-Identifier: MIT */
#include "session/offline.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <piste/wire/rules.h>

#include "ctf/filter.h"
#include "elf/sites.h"
#include "session/classes.h"
#include "session/launch.h"

static bool is_wanted(const struct piste_session *session, const struct elf_site *site,
		      struct arena *arena)
{
	/* zeros behind it: its text ends, whatever it holds */
	struct piste_site *copy = arena_alloc(arena, site->bytes.len + 8);

	if (!copy || site->bytes.len < sizeof(*copy))
		return false;
	memcpy(copy, site->bytes.data, site->bytes.len);
	return copy->kind != PISTE_SITE_GATE && piste_session_wants(session, copy);
}

static int check_sites(struct elf_sites *sites, const struct piste_session *session,
		       struct filter *filter, struct arena *arena, struct diag *diag)
{
	struct ctf_trace_class *tc = ctf_trace_class_new(arena, 1, 8, CTF_LITTLE_ENDIAN);
	struct ctf_stream_class *sc = tc ? ctf_stream_class_add(tc, 0) : NULL;
	struct classes_types types = {0};
	size_t bound_count = 0;
	int err = sc ? classes_types_init(&types, arena, sites->types) : 0;

	for (size_t i = 0; sc && !err && i < sites->len; i++) {
		struct classes_class *class;
		struct ctf_event_class *ec;
		struct filter_bound *bound = NULL;

		if (!is_wanted(session, &sites->items[i], arena) ||
		    classes_new(&class, arena, sites->items[i].bytes, &types, 1, NULL))
			continue;
		ec = classes_add(sc, i, class);
		if (!ec || filter_bind(&bound, filter, ec, (1u << FILTER_N_CONTEXTS) - 1, arena))
			break;
		bound_count++;
		filter_bound_fini(bound);
	}
	classes_types_fini(&types);
	return bound_count ? filter_check(filter, diag) : 0;
}

int offline_check_filter(const char *program, const struct recorder_options *options,
			 struct diag *diag)
{
	struct piste_session session = {.level = options->level};
	struct elf_sites sites = {0};
	struct arena arena = {0};
	struct filter *filter;
	char path[PATH_MAX];
	size_t used = 0;
	int err;

	for (size_t i = 0; i < options->n_rules; i++) {
		size_t len = strlen(options->rules[i]) + 1;

		if (used + len + 1 > sizeof(session.rules))
			return 0; /* the recorder says so */
		memcpy(session.rules + used, options->rules[i], len);
		used += len;
	}
	err = filter_parse(&filter, options->filter, &arena, diag);
	if (!err && launch_find_program(program, path) && elf_sites_read(&sites, path, NULL) == 0) {
		err = check_sites(&sites, &session, filter, &arena, diag);
		elf_sites_fini(&sites);
	}
	arena_fini(&arena);
	return err;
}
