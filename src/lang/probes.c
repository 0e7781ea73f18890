/* SPDX-License-Identifier: MIT */
/*
 * From the names of probes to what is attached: each is taken apart, the
 * environment says which targets match, and targets of one key become a unit,
 * whose clauses keep the order of the script.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lang/probes.h"

static const struct probe_kind {
	const char *name, *alias;
	unsigned parts; /* behind the kind, at most */
	enum lang_context context;
} kinds[] = {
#define X(id, name, alias, parts, context) {name, alias, parts, LANG_CONTEXT_##context},
	LANG_PROBES(X)
#undef X
};

const char *probe_kind_name(enum lang_probe_kind kind)
{
	return kinds[kind].name;
}

static bool is_hidden(enum lang_probe_kind kind)
{
	return kind == LANG_PROBE_SYSCALL_ENTER || kind == LANG_PROBE_SYSCALL_EXIT;
}

static int find_kind(const char *name)
{
	for (int i = 0; i < LANG_N_PROBES; i++)
		if (!is_hidden((enum lang_probe_kind)i) &&
		    (!strcmp(kinds[i].name, name) ||
		     (kinds[i].alias && !strcmp(kinds[i].alias, name))))
			return i;
	if (!strcmp(name, "raw_tracepoint"))
		return LANG_PROBE_RAWTRACEPOINT;
	return !strcmp(name, "syscall") ? LANG_PROBE_TRACEPOINT : -1;
}

static int unknown_kind(struct compiler *c, const struct diag_place *place, const char *name)
{
	const char *names[LANG_N_PROBES], *near;
	size_t n = 0;

	for (int i = 0; i < LANG_N_PROBES; i++)
		if (!is_hidden((enum lang_probe_kind)i))
			names[n++] = kinds[i].name;
	near = nearest_name(name, names, n);
	c->error = diag_error(c->diag, place, "there is no kind of probe %s", name);
	if (near)
		diag_hint(c->diag, "did you mean %s?", near);
	return c->error;
}

/* What system calls' tracepoints are: "syscalls:sys_enter_read". */
static void know_syscalls(struct lang_probe_spec *spec)
{
	if (spec->kind != LANG_PROBE_TRACEPOINT || !spec->parts[0] || !spec->parts[1] ||
	    strcmp(spec->parts[0], "syscalls") != 0)
		return;
	if (!strncmp(spec->parts[1], "sys_enter_", 10))
		spec->kind = LANG_PROBE_SYSCALL_ENTER;
	else if (!strncmp(spec->parts[1], "sys_exit_", 9))
		spec->kind = LANG_PROBE_SYSCALL_EXIT;
}

int probe_parse(struct compiler *c, const struct ast_probe *probe, struct lang_probe_spec *spec)
{
	struct diag_place place = {c->script->file, probe->place.line, probe->place.column, 0, 0};
	char *rest = arena_strdup(c->arena, probe->text), *word = rest;
	size_t n = 0;
	int kind;

	*spec = (struct lang_probe_spec){.text = probe->text};
	if (!rest)
		return c->error = -ENOMEM;
	rest = strchr(word, ':');
	if (rest)
		*rest++ = '\0';
	kind = find_kind(word);
	if (kind < 0)
		return unknown_kind(c, &place, word);
	spec->kind = (enum lang_probe_kind)kind;
	while (rest && n < kinds[kind].parts) {
		spec->parts[n++] = rest;
		/* the last part takes what is left: a C++ name has colons */
		rest = n < kinds[kind].parts ? strchr(rest, ':') : NULL;
		if (rest)
			*rest++ = '\0';
	}
	if (n == 0 && kinds[kind].parts)
		return c->error = diag_error(c->diag, &place, "%s: of what?", probe->text);
	if (rest && !kinds[kind].parts)
		return c->error = diag_error(c->diag, &place, "%s takes nothing behind it",
					     kinds[kind].name);
	know_syscalls(spec);
	return 0;
}

int lang_clock_period(const struct lang_probe_spec *spec, uint64_t *ns, struct diag *diag,
		      const struct diag_place *place)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"hz", 0}};
	const char *unit = spec->parts[0], *number = spec->parts[1];
	uint64_t n = 0;
	size_t i = 0;

	if (!number) {
		if (parse_duration(unit, ns) || !*ns)
			return diag_error(diag, place, "%s: a time is interval:s:1 or interval:1s",
					  spec->text);
		return 0;
	}
	while (i < 4 && strcmp(units[i].name, unit) != 0)
		i++;
	if (i == 4)
		return diag_error(diag, place, "%s: the unit is s, ms, us or hz, not %s",
				  spec->text, unit);
	if (parse_u64(number, &n) || n == 0 || n > 1000000000)
		return diag_error(diag, place, "%s: %s is no number of %s", spec->text, number,
				  unit);
	*ns = units[i].ns ? n * units[i].ns : 1000000000 / n;
	return 0;
}

/* --- targets -------------------------------------------------------------------------------- */

struct matching {
	struct compiler *c;
	struct probe_units *units;
	const struct ast_clause *clause;
	bool separate; /* each target an instance of its own: its arguments are its own */
};

static struct probe_unit *unit_for(struct matching *m, const struct lang_target *t)
{
	struct probe_unit *u;

	for (u = m->units->first; u; u = u->next)
		if (u->kind == t->kind && !strcmp(u->key, t->key))
			return u;
	u = arena_new(m->c->arena, struct probe_unit);
	if (!u)
		return NULL;
	u->kind = t->kind;
	u->key = t->key;
	u->context = t->context;
	u->end = &u->instances;
	*m->units->end = u;
	m->units->end = &u->next;
	m->units->n++;
	return u;
}

static int append(struct compiler *c, const struct lang_target ***items, size_t *n,
		  const struct lang_target *t)
{
	/* grown in powers of two, without remembering by how much */
	if ((*n & (*n - 1)) == 0) {
		const struct lang_target **more =
			arena_array(c->arena, *n ? 2 * *n : 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (*n)
			memcpy(more, *items, *n * sizeof(*more));
		*items = more;
	}
	(*items)[(*n)++] = t;
	return 0;
}

static int append_name(struct compiler *c, const char ***items, size_t *n, const char *name)
{
	if ((*n & (*n - 1)) == 0) {
		const char **more = arena_array(c->arena, *n ? 2 * *n : 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		if (*n)
			memcpy(more, *items, *n * sizeof(*more));
		*items = more;
	}
	(*items)[(*n)++] = name;
	return 0;
}

static bool is_same(const struct lang_target *a, const struct lang_target *b)
{
	return !strcmp(a->name, b->name) && a->user == b->user;
}

static int found(void *data, const struct lang_target *found_target)
{
	struct matching *m = data;
	struct lang_target *t = arena_memdup(m->c->arena, found_target, sizeof(*t));
	struct probe_unit *u = t ? unit_for(m, t) : NULL;
	struct lang_instance *i;

	if (!u)
		return -ENOMEM;
	for (i = u->instances; i; i = i->next) {
		if (i->clause != m->clause)
			continue;
		for (size_t k = 0; k < i->n_targets; k++)
			if (is_same(i->targets[k], t))
				return 0; /* named twice */
		if (i->targets[0]->args == t->args || !m->separate)
			break;
	}
	if (!i) {
		i = arena_new(m->c->arena, struct lang_instance);
		if (!i)
			return -ENOMEM;
		i->clause = m->clause;
		*u->end = i;
		u->end = &i->next;
	}
	if (append(m->c, &i->targets, &i->n_targets, t))
		return -ENOMEM;
	for (size_t k = 0; k < u->n_targets; k++)
		if (is_same(u->targets[k], t))
			return 0;
	return append(m->c, &u->targets, &u->n_targets, t);
}

/* Adds each NAME of args.NAME once. */
static int collect_fields(struct compiler *c, const struct ast_node *n, const char ***names,
			  size_t *len)
{
	for (; n; n = n->next) {
		bool is_known_name = false;

		if (collect_fields(c, n->first, names, len))
			return -ENOMEM;
		if (n->kind != AST_FIELD || n->first->kind != AST_NAME ||
		    strcmp(n->first->name, "args") != 0)
			continue;
		for (size_t i = 0; i < *len; i++)
			is_known_name |= !strcmp((*names)[i], n->name);
		if (!is_known_name && append_name(c, names, len, n->name))
			return -ENOMEM;
	}
	return 0;
}

static bool uses_args(const struct ast_node *n)
{
	for (; n; n = n->next)
		if ((n->kind == AST_NAME && !strcmp(n->name, "args")) || uses_args(n->first))
			return true;
	return false;
}

int probes_match(struct compiler *c, struct probe_units *out)
{
	struct lang_probe_spec spec;
	const char **fields = NULL;
	size_t n_fields = 0;

	*out = (struct probe_units){0};
	out->end = &out->first;
	for (const struct ast_clause *k = c->script->clauses; k; k = k->next)
		if (collect_fields(c, k->body, &fields, &n_fields) ||
		    collect_fields(c, k->predicate, &fields, &n_fields))
			return c->error = -ENOMEM;
	for (const struct ast_clause *clause = c->script->clauses; clause; clause = clause->next) {
		struct matching m = {.c = c, .units = out, .clause = clause};

		m.separate = uses_args(clause->body) || uses_args(clause->predicate);
		for (const struct ast_probe *p = clause->probes; p; p = p->next) {
			struct diag_place place = {c->script->file, p->place.line, p->place.column,
						   0, 0};

			if (probe_parse(c, p, &spec))
				return c->error;
			spec.fields = fields;
			spec.n_fields = n_fields;
			c->error = c->env->ops->match(c->env, &spec, found, &m, c->diag, &place);
			if (c->error)
				return c->error;
		}
	}
	return 0;
}
