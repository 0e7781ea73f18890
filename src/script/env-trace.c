/* SPDX-License-Identifier: MIT */
#include "script/env-trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kern/syscalls.h"

enum { TEXT_BYTES = 256 };

struct trace_env {
	struct lang_env env; /* first */
	struct arena arena;
	struct ctf_trace *trace;
};

typedef int found_fn(void *data, const struct lang_target *target);

/* --- arguments ------------------------------------------------------------------------------ */

static const struct lang_type *type_of_field(struct arena *a, const struct ctf_type *t)
{
	uint32_t bytes = 8;

	if (ctf_type_is_text(t))
		return lang_string(a, TEXT_BYTES);
	if (!ctf_type_is_integer(t) || t->integer.bits > 64)
		return NULL;
	if (t->integer.bits)
		bytes = t->integer.bits <= 8    ? 1
			: t->integer.bits <= 16 ? 2
			: t->integer.bits <= 32 ? 4
						: 8;
	return lang_int(bytes, t->integer.is_signed);
}

/* The number of a system call by its name in a recording. */
static const char *number_expression(struct trace_env *e, const char *call)
{
	for (unsigned i = 0; i < SYSCALL_NUMBERS; i++) {
		const struct syscall *s = syscall_by_number(SYSCALL_NATIVE, i);

		if (s &&
		    (!strcmp(s->name, call) || (s->kernel_name && !strcmp(s->kernel_name, call))))
			return arena_printf(&e->arena, "%u", i);
	}
	return "-1";
}

static const struct lang_args *args_of_class(struct trace_env *e, const struct ctf_event_class *ec,
					     const char *call)
{
	size_t n = ec->payload ? ec->payload->record.n_fields : 0;
	struct lang_arg *items;
	struct lang_args *args = arena_new(&e->arena, struct lang_args);

	if (n > TRACE_MAX_FIELDS)
		n = TRACE_MAX_FIELDS;
	items = arena_array(&e->arena, n + 2, sizeof(*items));
	if (!items || !args)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const struct ctf_field *f = &ec->payload->record.fields[i];
		const struct lang_type *type = type_of_field(&e->arena, f->type);
		bool is_text = type && type->kind == LANG_STRING;

		if (!type)
			continue;
		items[args->n++] = (struct lang_arg){
			.name = f->name,
			.type = type,
			.where = is_text ? LANG_IN_MEMORY : LANG_IN_CONTEXT,
			.base = (uint32_t)i * 8,
			.offset = is_text ? 0 : (uint32_t)i * 8,
		};
	}
	if (call) {
		items[args->n++] = (struct lang_arg){.name = "id",
						     .type = &lang_i64,
						     .where = LANG_BY_EXPRESSION,
						     .expression = number_expression(e, call)};
		items[args->n] = items[args->n - 1];
		items[args->n++].name = "__syscall_nr";
	}
	args->items = items;
	return args;
}

/* --- names ------------------------------------------------------------------------------------ */

/* The system call that a class records: "openat" of "syscall:openat_entry" (piste) and
 * "syscall_entry_openat" (LTTng). */
static const char *call_of(struct trace_env *e, const char *class, bool is_exit)
{
	const char *suffix = is_exit ? "_exit" : "_entry";
	const char *prefix = is_exit ? "syscall_exit_" : "syscall_entry_";
	size_t len = strlen(class), end = strlen(suffix);

	if (!strncmp(class, prefix, strlen(prefix)))
		return class + strlen(prefix);
	if (strncmp(class, "syscall:", 8) != 0 || len < 8 + end ||
	    strcmp(class + len - end, suffix) != 0)
		return NULL;
	return arena_strndup(&e->arena, class + 8, len - 8 - end);
}

static bool is_raw_syscalls(const struct lang_probe_spec *spec, bool *is_exit)
{
	if (spec->kind != LANG_PROBE_TRACEPOINT || strcmp(spec->parts[0], "raw_syscalls") != 0)
		return false;
	*is_exit = !strcmp(spec->parts[1], "sys_exit");
	return *is_exit || !strcmp(spec->parts[1], "sys_enter");
}

/* Whether the class is what the probe asks for; *call where it is a system call. */
static bool matches(struct trace_env *e, const struct lang_probe_spec *spec, const char *class,
		    const char **call)
{
	bool is_exit = spec->kind == LANG_PROBE_SYSCALL_EXIT;
	const char *colon = strchr(class, ':');
	bool yes;
	char *glob;

	*call = NULL;
	if (is_raw_syscalls(spec, &is_exit)) {
		*call = call_of(e, class, is_exit);
		return *call != NULL;
	}
	if (spec->kind == LANG_PROBE_SYSCALL_ENTER || is_exit) {
		*call = call_of(e, class, is_exit);
		return *call && glob_match(spec->parts[1] + (is_exit ? 9 : 10), *call);
	}
	if (!spec->parts[1])
		return glob_match(spec->parts[0], colon ? colon + 1 : class);
	if (!colon) /* LTTng leaves the kernel's subsystem out */
		return glob_match(spec->parts[1], class);
	glob = arena_printf(&e->arena, "%s:%s", spec->parts[0], spec->parts[1]);
	yes = glob && glob_match(glob, class);
	return yes;
}

static int add_class(struct trace_env *e, const struct lang_probe_spec *spec,
		     const struct ctf_event_class *ec, const char *call, found_fn *found,
		     void *data)
{
	struct lang_target t = {.kind = LANG_PROBE_PISTE,
				.context = LANG_CONTEXT_EVENT,
				.user = (void *)(uintptr_t)ec};
	bool is_exit = spec->kind == LANG_PROBE_SYSCALL_EXIT;

	/* named as it would be live */
	if (is_raw_syscalls(spec, &is_exit))
		t.name = is_exit ? "tracepoint:raw_syscalls:sys_exit"
				 : "tracepoint:raw_syscalls:sys_enter";
	else if (call)
		t.name = arena_printf(&e->arena, "tracepoint:syscalls:sys_%s_%s",
				      is_exit ? "exit" : "enter", call);
	else
		t.name = arena_printf(&e->arena, "%s:%s",
				      spec->kind == LANG_PROBE_PISTE ? "piste" : "tracepoint",
				      ec->name);
	t.key = arena_printf(&e->arena, "%llu.%llu", (unsigned long long)ec->stream_class->index,
			     (unsigned long long)ec->index);
	t.args = args_of_class(e, ec, call);
	return t.name && t.key && t.args ? found(data, &t) : -ENOMEM;
}

static int missing(struct trace_env *e, const struct lang_probe_spec *spec, struct diag *diag,
		   const struct diag_place *place)
{
	const struct ctf_trace_class *tc = e->trace->class;
	const char **names, *near, *wanted = spec->text;
	size_t n = 0;

	for (size_t s = 0; s < tc->n_streams; s++)
		n += tc->streams[s]->n_events;
	names = arena_array(&e->arena, n + 1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	n = 0;
	for (size_t s = 0; s < tc->n_streams; s++)
		for (size_t i = 0; i < tc->streams[s]->n_events; i++)
			if (tc->streams[s]->events[i]->name)
				names[n++] = tc->streams[s]->events[i]->name;
	wanted = strchr(wanted, ':') ? strchr(wanted, ':') + 1 : wanted;
	near = nearest_name(wanted, names, n);
	diag_error(diag, place, "%s: this recording has no such event", spec->text);
	if (near)
		diag_hint(diag, "it has %s", near);
	else
		diag_hint(diag, "piste stat says what it has");
	return -EINVAL;
}

static int match_classes(struct trace_env *e, const struct lang_probe_spec *spec, found_fn *found,
			 void *data, struct diag *diag, const struct diag_place *place)
{
	const struct ctf_trace_class *tc = e->trace->class;
	const char *call;
	size_t n = 0;
	int err = 0;

	for (size_t s = 0; s < tc->n_streams && !err; s++)
		for (size_t i = 0; i < tc->streams[s]->n_events && !err; i++) {
			const struct ctf_event_class *ec = tc->streams[s]->events[i];

			if (!ec->name || !matches(e, spec, ec->name, &call))
				continue;
			err = add_class(e, spec, ec, call, found, data);
			n++;
		}
	return err || n ? err : missing(e, spec, diag, place);
}

static int match(struct lang_env *env, const struct lang_probe_spec *spec, found_fn *found,
		 void *data, struct diag *diag, const struct diag_place *place)
{
	struct lang_target t = {.name = spec->text, .key = spec->text, .kind = spec->kind};

	switch (spec->kind) {
	case LANG_PROBE_BEGIN:
	case LANG_PROBE_END:
		t.name = t.key = spec->kind == LANG_PROBE_BEGIN ? "BEGIN" : "END";
		return found(data, &t);
	case LANG_PROBE_INTERVAL:
		if (lang_clock_period(spec, &t.period, diag, place))
			return -EINVAL;
		return found(data, &t);
	case LANG_PROBE_TRACEPOINT:
	case LANG_PROBE_SYSCALL_ENTER:
	case LANG_PROBE_SYSCALL_EXIT:
	case LANG_PROBE_PISTE:
		return match_classes((struct trace_env *)env, spec, found, data, diag, place);
	default:
		return diag_error(diag, place, "%s: a recording has no probes of this kind",
				  spec->text);
	}
}

struct lang_env *trace_env_new(struct ctf_trace *trace)
{
	static const struct lang_env_ops ops = {.match = match};
	struct trace_env *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->env.ops = &ops;
	e->env.is_recorded = true;
	e->trace = trace;
	return &e->env;
}

void trace_env_free(struct lang_env *env)
{
	struct trace_env *e = (struct trace_env *)env;

	if (!e)
		return;
	arena_fini(&e->arena);
	free(e);
}
