/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_ENV_TRACE_H
#define PISTE_SCRIPT_ENV_TRACE_H

#include "ctf/reader.h"
#include "lang/env.h"

/*
 * env-trace - the compiler's view of a recording: probes are its event classes,
 * by the names that piste, LTTng and perf give them; arguments are their
 * fields. The context of a program is a u64 for each field of the payload, in
 * order: the number, or where a text was exposed (lang's EVENT).
 */
struct lang_env *trace_env_new(struct ctf_trace *trace); /* the trace is borrowed */
void trace_env_free(struct lang_env *env);

/* What its target's class is. */
static inline const struct ctf_event_class *trace_env_class(const struct lang_target *t)
{
	return t->user;
}

enum { TRACE_MAX_FIELDS = 64 };

#endif
