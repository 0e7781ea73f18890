/* SPDX-License-Identifier: MIT */
#ifndef PISTE_TESTS_LANG_ENV_H
#define PISTE_TESTS_LANG_ENV_H

#include "lang/lang.h"

/*
 * lang_env - a small world for the compiler: two tracepoints, and every other
 * probe as it is written.
 */

/* Two events of "a", both with `n`, one with `name` too; all else matches as it is written. */
static int lang_env_match(struct lang_env *env, const struct lang_probe_spec *spec,
			  int (*found)(void *data, const struct lang_target *target), void *data,
			  struct diag *d, const struct diag_place *place)
{
	static const struct lang_arg first[] = {
		{"n", &lang_i32, LANG_IN_CONTEXT, 0, 8, NULL},
		{"name", &lang_comm, LANG_IN_CONTEXT, 0, 16, NULL},
	};
	static const struct lang_arg second[] = {{"n", &lang_i32, LANG_IN_CONTEXT, 0, 16, NULL}};
	static const struct lang_args args[] = {{first, 2}, {second, 1}};
	static const char *const names[] = {"a:one", "a:two"};
	struct lang_target t = {.name = spec->text, .key = spec->text, .kind = spec->kind};
	int n = 0, err = 0;

	(void)env;
	if (spec->kind != LANG_PROBE_TRACEPOINT)
		return found(data, &t);
	for (int i = 0; i < 2 && !err; i++) {
		if (!glob_match(spec->text, i ? "tracepoint:a:two" : "tracepoint:a:one"))
			continue;
		t.context = LANG_CONTEXT_RECORD;
		t.name = t.key = names[i];
		t.args = &args[i];
		err = found(data, &t);
		n++;
	}
	return n ? err : diag_error(d, place, "no tracepoint matches %s", spec->text);
}

static const struct lang_env_ops lang_env_test_ops = {.match = lang_env_match};
static struct lang_env lang_env_test = {.ops = &lang_env_test_ops};

#endif
