/* SPDX-License-Identifier: MIT */
#include "script/env-kernel.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "elf/functions.h"
#include "kern/btf.h"
#include "kern/symbols.h"
#include "kern/syscalls-types.h"
#include "kern/syscalls.h"
#include "kern/tracefs.h"
#include "script/binaries.h"
#include "script/raw-fields.h"

struct kernel_env {
	struct lang_env env; /* first */
	struct arena arena;
	struct tracefs tracefs;
	struct tracepoints points;
	bool has_points;
	struct btf_index *btf;
	bool btf_tried;
	const struct lang_args *syscall_args[SYSCALL_NUMBERS];
};

typedef int found_fn(void *data, const struct lang_target *target);

struct matching {
	struct kernel_env *k;
	const struct lang_probe_spec *spec;
	found_fn *found;
	void *data;
	struct diag *diag;
	const struct diag_place *place;
};

static bool is_glob(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

/* --- clocks: interval:s:1, interval:1s, profile:hz:99 ---------------------------------------- */

static int match_clock(const struct matching *m)
{
	struct lang_target t = {.name = m->spec->text,
				.key = m->spec->text,
				.kind = m->spec->kind,
				.context = m->spec->kind == LANG_PROBE_PROFILE ? LANG_CONTEXT_PERF
									       : LANG_CONTEXT_NONE};

	if (lang_clock_period(m->spec, &t.period, m->diag, m->place))
		return -EINVAL;
	return m->found(m->data, &t);
}

static int match_simple(const struct matching *m)
{
	struct lang_target t = {.name = m->spec->kind == LANG_PROBE_BEGIN ? "BEGIN" : "END",
				.kind = m->spec->kind};

	t.key = t.name;
	return m->found(m->data, &t);
}

static int match_software(const struct matching *m)
{
	static const struct {
		const char *name, *alias;
		uint32_t config;
		uint64_t period;
	} events[] = {
		{"cpu-clock", "cpu", PERF_COUNT_SW_CPU_CLOCK, 1000000},
		{"task-clock", NULL, PERF_COUNT_SW_TASK_CLOCK, 1000000},
		{"page-faults", "faults", PERF_COUNT_SW_PAGE_FAULTS, 100},
		{"context-switches", "cs", PERF_COUNT_SW_CONTEXT_SWITCHES, 1000},
		{"cpu-migrations", NULL, PERF_COUNT_SW_CPU_MIGRATIONS, 1},
		{"minor-faults", NULL, PERF_COUNT_SW_PAGE_FAULTS_MIN, 100},
		{"major-faults", NULL, PERF_COUNT_SW_PAGE_FAULTS_MAJ, 1},
		{"alignment-faults", NULL, PERF_COUNT_SW_ALIGNMENT_FAULTS, 1},
		{"emulation-faults", NULL, PERF_COUNT_SW_EMULATION_FAULTS, 1},
		{"dummy", NULL, PERF_COUNT_SW_DUMMY, 1},
	};
	enum { N = sizeof(events) / sizeof(events[0]) };
	const char *names[N], *near;
	struct lang_target t = {.name = m->spec->text,
				.key = m->spec->text,
				.kind = LANG_PROBE_SOFTWARE,
				.context = LANG_CONTEXT_PERF};

	for (size_t i = 0; i < N; i++) {
		names[i] = events[i].name;
		if (strcmp(events[i].name, m->spec->parts[0]) != 0 &&
		    (!events[i].alias || strcmp(events[i].alias, m->spec->parts[0]) != 0))
			continue;
		t.number = events[i].config;
		t.period = events[i].period;
		if (m->spec->parts[1] && (parse_u64(m->spec->parts[1], &t.period) || !t.period))
			return diag_error(m->diag, m->place, "%s: %s is no number of events",
					  m->spec->text, m->spec->parts[1]);
		return m->found(m->data, &t);
	}
	near = nearest_name(m->spec->parts[0], names, N);
	diag_error(m->diag, m->place, "there is no software event %s", m->spec->parts[0]);
	if (near)
		diag_hint(m->diag, "did you mean %s?", near);
	return -EINVAL;
}

/* --- types -------------------------------------------------------------------------------------- */

static struct btf_index *types(struct kernel_env *k)
{
	if (!k->btf_tried) {
		k->btf_tried = true;
		btf_index_new(&k->btf, NULL, NULL);
	}
	return k->btf;
}

static const struct lang_type *record_type(struct kernel_env *k, uint32_t id, uint32_t size)
{
	struct lang_type *t = lang_type_new(&k->arena, LANG_RECORD, size);

	if (t) {
		t->lazy = id;
		t->name = arena_printf(&k->arena, "struct %s", btf_name(k->btf, id));
	}
	return t;
}

/* By its number: what a pointer leads to, or an array holds. */
static const struct lang_type *type_by_id(struct kernel_env *k, uint32_t id, uint32_t size)
{
	const char *name = btf_name(k->btf, id);
	const struct lang_type *named = lang_int_named(name);

	if (!id)
		return &lang_none;
	if (*name && btf_find(k->btf, BTF_NAMED_STRUCT, name) == id)
		return record_type(k, id, size);
	if (named)
		return named;
	if (size == 1 || size == 2 || size == 4 || size == 8)
		return lang_int(size, false);
	return *name ? &lang_none : record_type(k, id, size);
}

static const struct lang_type *find_type(struct lang_env *env, const char *name)
{
	struct kernel_env *k = (struct kernel_env *)env;
	uint32_t id;

	if (!types(k))
		return NULL;
	if (!strncmp(name, "struct ", 7) || !strncmp(name, "union ", 6))
		name = strchr(name, ' ') + 1;
	id = btf_find(k->btf, BTF_NAMED_STRUCT, name);
	return id ? record_type(k, id, 0) : NULL;
}

static const struct lang_field *find_field(struct lang_env *env, const struct lang_type *record,
					   const char *name)
{
	struct kernel_env *k = (struct kernel_env *)env;
	struct lang_field *f = arena_new(&k->arena, struct lang_field);
	struct btf_place place;

	if (!f || btf_member(k->btf, (uint32_t)record->lazy, name, &place))
		return NULL;
	f->name = arena_strdup(&k->arena, name);
	f->offset = place.offset;
	f->bit_offset = place.bit_offset;
	f->bit_size = place.bit_size;
	if (place.is_array) {
		const struct lang_type *of = type_by_id(k, place.type, place.item_size);

		f->type = of ? lang_array(&k->arena, of, place.count, false) : NULL;
	} else if (place.is_pointer) {
		const struct lang_type *to = type_by_id(k, place.type, 0);

		f->type = to ? lang_pointer(&k->arena, to, false) : NULL;
	} else {
		f->type = type_by_id(k, place.type, place.size);
		if (f->type && f->type->kind == LANG_INT)
			f->type = lang_int(place.size, place.is_signed);
	}
	return f->type && f->name ? f : NULL;
}

static const struct lang_type *task_type(struct lang_env *env)
{
	struct kernel_env *k = (struct kernel_env *)env;
	const struct lang_type *task = find_type(env, "struct task_struct");

	return task ? lang_pointer(&k->arena, task, false) : NULL;
}

struct label_search {
	const struct btf_index *btf;
	const char *name;
	int64_t value;
	bool found;
};

static void search_enum(const char *name, uint32_t id, void *arg)
{
	struct label_search *s = arg;
	const char *label;
	int64_t value;

	(void)name;
	for (unsigned i = 0; !s->found && btf_enum_label(s->btf, id, i, &label, &value); i++)
		if (!strcmp(label, s->name)) {
			s->found = true;
			s->value = value;
		}
}

/* Labels of the kernel's enums, and what its headers only #define. */
static bool find_constant(struct lang_env *env, const char *name, int64_t *value)
{
	static const struct {
		const char *name;
		int64_t value;
	} defines[] = {
		{"TASK_RUNNING", 0},        {"TASK_INTERRUPTIBLE", 1}, {"TASK_UNINTERRUPTIBLE", 2},
		{"AF_UNIX", AF_UNIX},       {"AF_INET", AF_INET},      {"AF_INET6", AF_INET6},
		{"AF_NETLINK", AF_NETLINK}, {"PF_KTHREAD", 0x200000},
	};
	struct kernel_env *k = (struct kernel_env *)env;
	struct label_search s = {.name = name};

	for (size_t i = 0; i < sizeof(defines) / sizeof(defines[0]); i++)
		if (!strcmp(defines[i].name, name)) {
			*value = defines[i].value;
			return true;
		}
	s.btf = types(k);
	if (s.btf)
		btf_each(s.btf, BTF_NAMED_ENUM, search_enum, &s);
	*value = s.value;
	return s.found;
}

static bool find_address(struct lang_env *env, const char *symbol, uint64_t *address)
{
	struct symbols *symbols;

	(void)env;
	if (symbols_open(&symbols, NULL, NULL))
		return false;
	*address = symbols_address(symbols, symbol);
	symbols_free(symbols);
	return *address != 0;
}

/* --- system calls ------------------------------------------------------------------------------ */

#if defined(__aarch64__)
static const uint16_t arg_offsets[] = {0, 8, 16, 24, 32, 40};
enum { RESULT_IN_CONTEXT = 8 };
#else
static const uint16_t arg_offsets[] = {112, 104, 96,
				       56,  72,  64}; /* of pt_regs: di si dx r10 r8 r9 */
enum { RESULT_IN_CONTEXT = 8 };
#endif

/* "const struct timespec *": as the kernel calls it */
static const struct lang_type *pointed_struct(struct kernel_env *k, const char *name)
{
	static const char *const renamed[][2] = {{"timespec", "__kernel_timespec"},
						 {"timeval", "__kernel_old_timeval"}};
	const char *at = strstr(name, "struct ");
	const struct lang_type *t;
	char word[64];
	size_t len;

	if (!at)
		return NULL;
	at += 7;
	len = strcspn(at, " *");
	if (len >= sizeof(word))
		return NULL;
	memcpy(word, at, len);
	word[len] = '\0';
	at = word;
	for (size_t i = 0; i < 2; i++)
		if (!strcmp(renamed[i][0], word))
			at = renamed[i][1];
	t = find_type(&k->env, at);
	return t;
}

/* Structs are looked up only where the script names the argument: that reads the kernel's types. */
static const struct lang_type *type_of_argument(const struct matching *m,
						const struct syscall_arg *arg)
{
	const struct syscall_type *t = &syscall_types[arg->type];
	const struct lang_type *to = NULL;

	if (!t->name || !strchr(t->name, '*'))
		return lang_int(t->size ? t->size : 8, t->is_signed);
	if (strstr(t->name, "char *"))
		to = &lang_i8;
	for (size_t i = 0; !to && i < m->spec->n_fields; i++)
		if (!strcmp(m->spec->fields[i], arg->name))
			to = pointed_struct(m->k, t->name);
	return lang_pointer(&m->k->arena, to ? to : &lang_none, true);
}

static const struct lang_args *args_of_syscall(const struct matching *m, const struct syscall *call,
					       unsigned number)
{
	struct kernel_env *k = m->k;
	unsigned n = syscall_args(call);
	struct lang_arg *items;
	struct lang_args *args;

	if (k->syscall_args[number])
		return k->syscall_args[number];
	items = arena_array(&k->arena, n + 1, sizeof(*items));
	args = arena_new(&k->arena, struct lang_args);
	if (!items || !args)
		return NULL;
	items[0] = (struct lang_arg){
		.name = "__syscall_nr", .type = &lang_i32, .where = LANG_IN_CONTEXT, .offset = 8};
	for (unsigned i = 0; i < n; i++)
		items[i + 1] = (struct lang_arg){
			.name = call->args[i].name,
			.type = type_of_argument(m, &call->args[i]),
			.where = LANG_IN_MEMORY,
			.offset = arg_offsets[i],
		};
	*args = (struct lang_args){items, n + 1};
	k->syscall_args[number] = args;
	return args;
}

static const struct lang_args *args_of_exit(void)
{
	static const struct lang_arg items[] = {{.name = "ret",
						 .type = &lang_i64,
						 .where = LANG_IN_CONTEXT,
						 .offset = RESULT_IN_CONTEXT}};
	static const struct lang_args args = {items, 1};

	return &args;
}

static int syscall_missing(const struct matching *m, const char *glob)
{
	const char *names[SYSCALL_NUMBERS], *near;
	size_t n = 0;

	for (unsigned i = 0; i < SYSCALL_NUMBERS; i++) {
		const struct syscall *call = syscall_by_number(SYSCALL_NATIVE, i);

		if (call)
			names[n++] = call->kernel_name ? call->kernel_name : call->name;
	}
	near = nearest_name(glob, names, n);
	diag_error(m->diag, m->place, "there is no system call %s", glob);
	if (near)
		diag_hint(m->diag, "did you mean %s?", near);
	return -EINVAL;
}

static int match_syscalls(const struct matching *m)
{
	bool is_exit = m->spec->kind == LANG_PROBE_SYSCALL_EXIT;
	const char *glob = m->spec->parts[1] + (is_exit ? 9 : 10);
	size_t n = 0;
	int err = 0;

	for (unsigned i = 0; i < SYSCALL_NUMBERS && !err; i++) {
		const struct syscall *call = syscall_by_number(SYSCALL_NATIVE, i);
		const char *name;
		struct lang_target t = {.kind = m->spec->kind,
					.context = LANG_CONTEXT_SYSCALL,
					.key = is_exit ? "sys_exit" : "sys_enter",
					.has_number = true,
					.number = i};

		if (!call)
			continue;
		name = call->kernel_name ? call->kernel_name : call->name;
		if (!glob_match(glob, name) && strcmp(glob, call->name) != 0)
			continue;
		t.name = arena_printf(&m->k->arena, "tracepoint:syscalls:sys_%s_%s",
				      is_exit ? "exit" : "enter", name);
		t.args = is_exit ? args_of_exit() : args_of_syscall(m, call, i);
		if (!t.name || !t.args)
			return -ENOMEM;
		err = m->found(m->data, &t);
		n++;
	}
	return err || n ? err : syscall_missing(m, glob);
}

/* raw_syscalls:sys_enter and sys_exit: all of them */
static int match_raw_syscalls(const struct matching *m)
{
	static const struct lang_arg enter[] = {
		{.name = "id", .type = &lang_i64, .where = LANG_IN_CONTEXT, .offset = 8},
	};
	static const struct lang_args enter_args = {enter, 1};
	static const struct lang_arg leave[] = {
		{.name = "ret", .type = &lang_i64, .where = LANG_IN_CONTEXT, .offset = 8},
		{.name = "id", .type = &lang_i64, .where = LANG_IN_MEMORY, .offset = 120},
	};
	static const struct lang_args leave_args = {leave, 2};
	static const char *const names[] = {"sys_enter", "sys_exit"};
	int err = -ENOENT;

	for (int i = 0; i < 2; i++) {
		struct lang_target t = {
			.name = i ? "tracepoint:raw_syscalls:sys_exit"
				  : "tracepoint:raw_syscalls:sys_enter",
			.key = names[i],
			.kind = LANG_PROBE_RAWTRACEPOINT,
			.context = LANG_CONTEXT_RAW,
			.args = i ? &leave_args : &enter_args,
		};

		if (!glob_match(m->spec->parts[1], names[i]))
			continue;
		err = m->found(m->data, &t);
		if (err)
			return err;
	}
	return err;
}

/* --- tracepoints -------------------------------------------------------------------------------- */

static int open_points(const struct matching *m)
{
	int err;

	if (m->k->has_points)
		return 0;
	if (m->k->tracefs.fd < 0) {
		err = tracefs_open(&m->k->tracefs, m->diag);
		if (err)
			return err;
	}
	err = tracepoints_load(&m->k->points, &m->k->tracefs, m->diag);
	m->k->has_points = !err;
	return err;
}

static const struct lang_type *type_of_field(struct arena *a, const struct kern_field *f,
					     const struct format_place *place)
{
	const struct lang_type *of = lang_int(f->size ? f->size : 1, f->is_signed);

	switch (f->kind) {
	case KERN_INTEGER:
		if (f->type && strchr(f->type, '*'))
			return lang_pointer(a, &lang_none, false);
		return of;
	case KERN_TEXT:
		return lang_string(a, 256);
	case KERN_CHARS:
		return lang_string(a, f->count ? f->count : place->size);
	case KERN_ARRAY:
		return lang_array(a, of, f->count, false);
	default:
		return NULL;
	}
}

static const struct lang_args *args_of_format(struct kernel_env *k, const struct format *format)
{
	struct lang_arg *items = arena_array(&k->arena, format->n_fields + 1, sizeof(*items));
	struct lang_args *args = arena_new(&k->arena, struct lang_args);

	if (!items || !args)
		return NULL;
	for (size_t i = 0; i < format->n_fields; i++) {
		const struct format_place *place = &format->places[i];
		const struct lang_type *type = type_of_field(&k->arena, &format->fields[i], place);

		if (!type || place->how == FORMAT_REST || place->how == FORMAT_REL_LOC)
			continue;
		items[args->n++] = (struct lang_arg){
			.name = format->fields[i].name,
			.type = type,
			.where = place->how == FORMAT_DATA_LOC ? LANG_IN_DATA_LOC : LANG_IN_CONTEXT,
			.offset = place->offset,
		};
	}
	args->items = items;
	return args;
}

/* Whether the script's fields can all be had from the kernel's own arguments: then a raw tracepoint
 * does, which is faster, and taken away at once. */
static const struct lang_args *raw_args(const struct matching *m, const struct format *format)
{
	struct lang_arg *items = arena_array(&m->k->arena, m->spec->n_fields + 1, sizeof(*items));
	struct lang_args *args = arena_new(&m->k->arena, struct lang_args);

	for (size_t i = 0; items && args && i < m->spec->n_fields; i++) {
		const char *name = m->spec->fields[i], *expression;
		size_t k = 0;

		while (k < format->n_fields && strcmp(format->fields[k].name, name) != 0)
			k++;
		if (k == format->n_fields)
			continue;
		expression = raw_field(format->name, name);
		if (!expression)
			return NULL;
		items[args->n++] = (struct lang_arg){
			.name = name, .where = LANG_BY_EXPRESSION, .expression = expression};
	}
	if (!items || !args || (m->spec->n_fields && !args->n))
		return NULL; /* what is misspelt is told by the format's names */
	args->items = items;
	return args;
}

static int add_point(const struct matching *m, struct tracepoint *point)
{
	struct lang_target t = {.kind = LANG_PROBE_TRACEPOINT, .context = LANG_CONTEXT_RECORD};
	int err;

	t.name = arena_printf(&m->k->arena, "tracepoint:%s", point->name);
	t.key = point->name;
	if (!m->spec->n_fields) {
		t.context = LANG_CONTEXT_RAW;
		return t.name ? m->found(m->data, &t) : -ENOMEM;
	}
	err = tracepoint_read_format(&m->k->points, point, &m->k->tracefs, NULL, m->diag);
	if (err)
		return err;
	t.number = point->format.id;
	t.args = raw_args(m, &point->format);
	if (t.args) {
		t.context = LANG_CONTEXT_RAW;
		return t.name ? m->found(m->data, &t) : -ENOMEM;
	}
	t.args = args_of_format(m->k, &point->format);
	return t.name && t.args ? m->found(m->data, &t) : -ENOMEM;
}

static int point_missing(const struct matching *m, const char *wanted)
{
	const char **names = arena_array(&m->k->arena, m->k->points.items.len + 1, sizeof(*names));
	const char *near = NULL;

	for (size_t i = 0; names && i < m->k->points.items.len; i++)
		names[i] = m->k->points.items.items[i].name;
	if (names)
		near = nearest_name(wanted, names, m->k->points.items.len);
	diag_error(m->diag, m->place, "there is no tracepoint %s", wanted);
	if (near)
		diag_hint(m->diag, "did you mean %s?", near);
	return -EINVAL;
}

static int match_tracepoint(const struct matching *m)
{
	struct str wanted = {0};
	struct tracepoint *point;
	size_t n = 0;
	int err;

	if (!m->spec->parts[1])
		return diag_error(m->diag, m->place, "%s: which event of %s?", m->spec->text,
				  m->spec->parts[0]);
	if (!strcmp(m->spec->parts[0], "raw_syscalls")) {
		err = match_raw_syscalls(m);
		if (err != -ENOENT)
			return err;
	}
	err = open_points(m);
	if (err)
		return err;
	str_addf(&wanted, "%s:%s", m->spec->parts[0], m->spec->parts[1]);
	vec_each(point, &m->k->points.items) {
		if (!glob_match(str_c(&wanted), point->name))
			continue;
		n++;
		err = add_point(m, point);
		if (err)
			break;
	}
	if (!err && !n)
		err = point_missing(m, str_c(&wanted));
	str_fini(&wanted);
	return err;
}

static int match_raw(const struct matching *m)
{
	const char *name = m->spec->parts[1] ? m->spec->parts[1] : m->spec->parts[0];
	struct lang_target t = {.kind = LANG_PROBE_RAWTRACEPOINT, .context = LANG_CONTEXT_RAW};
	struct tracepoint *point;
	size_t n = 0;
	int err = open_points(m);

	vec_each(point, &m->k->points.items) {
		const char *event = strchr(point->name, ':') + 1;

		if (err || !glob_match(name, event))
			continue;
		t.name = arena_printf(&m->k->arena, "rawtracepoint:%s", event);
		t.key = event;
		n++;
		err = t.name ? m->found(m->data, &t) : -ENOMEM;
	}
	if (err || n || is_glob(name))
		return err || n ? err : point_missing(m, name);
	/* some are in no list: the kernel says whether it has them */
	t.name = m->spec->text;
	t.key = name;
	return m->found(m->data, &t);
}

/* --- functions ------------------------------------------------------------------------------------ */

struct function_match {
	const struct matching *m;
	struct lang_target target;
	const char *glob;
	char **names; /* of all, for what is nearest */
	size_t n, n_names;
	uint64_t plus; /* uprobe:FILE:function+offset */
};

enum { MAX_NAMES = 20000 };

static int take_function(void *data, const struct elf_function *f)
{
	struct function_match *u = data;
	const struct matching *m = u->m;

	if (!glob_match(u->glob, f->name)) {
		if (u->n_names < MAX_NAMES)
			u->names[u->n_names++] = arena_strdup(&m->k->arena, f->name);
		return arena_failed(&m->k->arena) ? -ENOMEM : 0;
	}
	u->target.name = arena_printf(&m->k->arena, "%s:%s:%s",
				      m->spec->kind == LANG_PROBE_UPROBE ? "uprobe" : "uretprobe",
				      u->target.file, f->name);
	u->target.offset = f->offset + u->plus;
	u->n++;
	return u->target.name ? m->found(m->data, &u->target) : -ENOMEM;
}

/* uprobe:FILE:function, function+offset, or an offset in the file */
static int match_uprobe(const struct matching *m)
{
	struct function_match u = {.m = m};
	struct str path = {0};
	const char *near;
	char *plus;
	int err;

	if (!m->spec->parts[1])
		return diag_error(m->diag, m->place, "%s: which function of %s?", m->spec->text,
				  m->spec->parts[0]);
	if (!binary_find(&path, m->spec->parts[0])) {
		str_fini(&path);
		return diag_error(m->diag, m->place, "there is no program or library %s",
				  m->spec->parts[0]);
	}
	u.target = (struct lang_target){.kind = m->spec->kind,
					.context = LANG_CONTEXT_REGS,
					.key = m->spec->text,
					.file = arena_strdup(&m->k->arena, str_c(&path))};
	str_fini(&path);
	u.glob = plus = arena_strdup(&m->k->arena, m->spec->parts[1]);
	u.names = arena_array(&m->k->arena, MAX_NAMES, sizeof(*u.names));
	if (!u.target.file || !u.glob || !u.names)
		return -ENOMEM;
	if (parse_u64(u.glob, &u.target.offset) == 0) {
		u.target.name = m->spec->text;
		return m->found(m->data, &u.target);
	}
	plus = strchr(plus, '+');
	if (plus) {
		*plus = '\0';
		if (parse_u64(plus + 1, &u.plus))
			return diag_error(m->diag, m->place, "%s: %s is no offset", m->spec->text,
					  plus + 1);
	}
	err = elf_functions_each(u.target.file, take_function, &u, m->diag);
	if (err || u.n)
		return err;
	near = nearest_name(u.glob, (const char *const *)u.names, u.n_names);
	diag_error(m->diag, m->place, "%s has no function %s", u.target.file, u.glob);
	if (near)
		diag_hint(m->diag, "did you mean %s?", near);
	return -EINVAL;
}

static void take_kernel_function(const char *name, uint32_t id, void *data)
{
	struct function_match *u = data;
	const struct matching *m = u->m;

	(void)id;
	if (u->n == SIZE_MAX || !glob_match(u->glob, name))
		return;
	u->target.name = arena_printf(&m->k->arena, "%s:%s",
				      m->spec->kind == LANG_PROBE_KPROBE ? "kprobe" : "kretprobe",
				      name);
	u->target.function = arena_strdup(&m->k->arena, name);
	u->n++;
	if (!u->target.name || !u->target.function || m->found(m->data, &u->target))
		u->n = SIZE_MAX;
}

/* Of the kernel's types, which know its functions; one name alone need not be among them. */
static int match_kprobe(const struct matching *m)
{
	struct function_match u = {
		.m = m,
		.glob = m->spec->parts[0],
		.target = {.name = m->spec->text,
			   .kind = m->spec->kind,
			   .context = LANG_CONTEXT_REGS,
			   .key = m->spec->text,
			   .function = m->spec->parts[0]},
	};

	if (!is_glob(u.glob))
		return m->found(m->data, &u.target);
	if (!types(m->k))
		return diag_error(m->diag, m->place, "this kernel does not tell its functions");
	btf_each(m->k->btf, BTF_NAMED_FUNCTION, take_kernel_function, &u);
	if (u.n == SIZE_MAX)
		return -ENOMEM;
	return u.n ? 0
		   : diag_error(m->diag, m->place, "no function of the kernel matches %s", u.glob);
}

static int match(struct lang_env *env, const struct lang_probe_spec *spec, found_fn *found,
		 void *data, struct diag *diag, const struct diag_place *place)
{
	static int (*const matches[LANG_N_PROBES])(const struct matching *) = {
		[LANG_PROBE_BEGIN] = match_simple,
		[LANG_PROBE_END] = match_simple,
		[LANG_PROBE_INTERVAL] = match_clock,
		[LANG_PROBE_PROFILE] = match_clock,
		[LANG_PROBE_SOFTWARE] = match_software,
		[LANG_PROBE_TRACEPOINT] = match_tracepoint,
		[LANG_PROBE_RAWTRACEPOINT] = match_raw,
		[LANG_PROBE_SYSCALL_ENTER] = match_syscalls,
		[LANG_PROBE_SYSCALL_EXIT] = match_syscalls,
		[LANG_PROBE_UPROBE] = match_uprobe,
		[LANG_PROBE_URETPROBE] = match_uprobe,
		[LANG_PROBE_KPROBE] = match_kprobe,
		[LANG_PROBE_KRETPROBE] = match_kprobe,
	};
	struct matching m = {(struct kernel_env *)env, spec, found, data, diag, place};

	if (!matches[spec->kind])
		return diag_error(diag, place, "%s: probes of this kind are not possible yet",
				  spec->text);
	return matches[spec->kind](&m);
}

struct lang_env *kernel_env_new(void)
{
	static const struct lang_env_ops ops = {.match = match,
						.type = find_type,
						.field = find_field,
						.constant = find_constant,
						.task = task_type,
						.address = find_address};
	struct kernel_env *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->env.ops = &ops;
	k->tracefs = TRACEFS_NONE;
	return &k->env;
}

void kernel_env_free(struct lang_env *env)
{
	struct kernel_env *k = (struct kernel_env *)env;

	if (!k)
		return;
	tracepoints_fini(&k->points);
	btf_index_free(k->btf);
	if (k->tracefs.fd >= 0)
		tracefs_fini(&k->tracefs);
	arena_fini(&k->arena);
	free(k);
}
