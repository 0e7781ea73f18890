/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_PROBES_H
#define PISTE_LANG_PROBES_H

#include "lang/compile.h"

/*
 * probes - which programs there will be: a unit for each key of targets, with
 * the clauses that run there, in the script's order.
 */
struct probe_unit {
	enum lang_probe_kind kind;
	enum lang_context context;
	const char *key;
	struct lang_instance *instances, **end;
	const struct lang_target **targets;
	size_t n_targets;
	struct probe_unit *next;
};

struct probe_units {
	struct probe_unit *first, **end;
	size_t n;
};

const char *probe_kind_name(enum lang_probe_kind kind);
int probe_parse(struct compiler *c, const struct ast_probe *probe, struct lang_probe_spec *spec);
int probes_match(struct compiler *c, struct probe_units *out); /* 0 or c->error */

#endif
