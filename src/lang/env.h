/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_ENV_H
#define PISTE_LANG_ENV_H

#include "base/diag.h"
#include "lang/type.h"

/*
 * env - what the compiler asks about the world: which probes there are, what
 * their arguments look like, and the types of the kernel. A live kernel answers
 * (script/env-kernel.c), a recorded trace (script/env-trace.c), or a test's
 * table. All of it is plain data that outlives the compilation.
 */

/* What a program's context is, and thus how arguments are read. */
#define LANG_CONTEXTS(X)                                                                           \
	X(NONE, "none") /* BEGIN, END, interval: nothing */                                        \
	X(RAW, "raw") /* u64 arguments of a raw tracepoint */                                      \
	X(SYSCALL, "syscall") /* raw sys_enter, sys_exit: pt_regs *, number or result */           \
	X(REGS, "regs") /* pt_regs: uprobe, kprobe */                                              \
	X(PERF, "perf") /* pt_regs: samples */                                                     \
	X(RECORD, "record") /* the bytes of a tracepoint's own record */                           \
	X(EVENT, "event") /* of our machine: one u64 a field; texts: an address */

enum lang_context {
#define X(id, text) LANG_CONTEXT_##id,
	LANG_CONTEXTS(X)
#undef X
};

/* Kinds of probes: how they are spelled, and what is there. */
#define LANG_PROBES(X)                                                                             \
	X(BEGIN, "begin", "BEGIN", 0, NONE)                                                        \
	X(END, "end", "END", 0, NONE)                                                              \
	X(INTERVAL, "interval", "i", 2, NONE)                                                      \
	X(PROFILE, "profile", "p", 2, PERF)                                                        \
	X(SOFTWARE, "software", "s", 2, PERF)                                                      \
	X(HARDWARE, "hardware", "h", 2, PERF)                                                      \
	X(TRACEPOINT, "tracepoint", "t", 2, RAW)                                                   \
	X(RAWTRACEPOINT, "rawtracepoint", "rt", 2, RAW)                                            \
	X(SYSCALL_ENTER, "syscall-enter", NULL, 2, SYSCALL)                                        \
	X(SYSCALL_EXIT, "syscall-exit", NULL, 2, SYSCALL)                                          \
	X(UPROBE, "uprobe", "u", 2, REGS)                                                          \
	X(URETPROBE, "uretprobe", "ur", 2, REGS)                                                   \
	X(KPROBE, "kprobe", "k", 1, REGS)                                                          \
	X(KRETPROBE, "kretprobe", "kr", 1, REGS)                                                   \
	X(PISTE, "piste", NULL, 2, EVENT)

enum lang_probe_kind {
#define X(id, name, alias, parts, context) LANG_PROBE_##id,
	LANG_PROBES(X)
#undef X
		LANG_N_PROBES
};

/* Where an argument lies. */
enum lang_where {
	LANG_IN_CONTEXT, /* at `offset` of the context */
	LANG_IN_MEMORY, /* the context holds an address at `base`; at `offset` from there */
	LANG_IN_DATA_LOC, /* u32 at `offset` of the context: where in it, and how long */
	LANG_BY_EXPRESSION, /* `expression` over other arguments, in bpftrace's language */
};

struct lang_arg {
	const char *name;
	const struct lang_type *type;
	enum lang_where where;
	uint32_t base, offset;
	const char *expression;
};

/* Of one probe; the same object where several share them. */
struct lang_args {
	const struct lang_arg *items;
	size_t n;
};

/* One place to attach to. */
struct lang_target {
	const char *name; /* in full: "tracepoint:sched:sched_switch" */
	/* The targets of one key share a program: "sched:sched_switch", "raw_syscalls:sys_enter" */
	const char *key;
	enum lang_probe_kind kind;
	enum lang_context context;
	bool has_number;
	uint32_t number; /* of a system call: what the program compares with */
	const struct lang_args *args; /* or NULL */
	uint64_t period; /* INTERVAL, PROFILE: ns; SOFTWARE: count */
	const char *file; /* UPROBE …: its binary */
	uint64_t offset; /* UPROBE …: in the file */
	const char *function; /* KPROBE, KRETPROBE */
	void *user; /* the environment's own */
};

struct lang_probe_spec {
	enum lang_probe_kind kind;
	const char *text; /* as it was written */
	const char *parts[4]; /* behind the kind; NULL behind the last */
	/* All names that the script uses as args.NAME, whatever the probe. */
	const char *const *fields;
	size_t n_fields;
};

/* Of interval:s:1, interval:1s, profile:hz:99: 0, or -EINVAL and the diag says why. */
int lang_clock_period(const struct lang_probe_spec *spec, uint64_t *ns, struct diag *diag,
		      const struct diag_place *place);

struct lang_env;
struct lang_env_ops {
	/* Adds all targets that match, each through `found`; 0, -ENOENT with the diag's message
	 * where there is none, or another error. */
	int (*match)(struct lang_env *env, const struct lang_probe_spec *spec,
		     int (*found)(void *data, const struct lang_target *target), void *data,
		     struct diag *diag, const struct diag_place *place);
	/* "struct task_struct", "enum pid_type", "gfp_t"; NULL: there is none. May be lazy. */
	const struct lang_type *(*type)(struct lang_env *env, const char *name);
	/* A field of a lazy record, its offset counted from the record's beginning; or NULL. */
	const struct lang_field *(*field)(struct lang_env *env, const struct lang_type *record,
					  const char *name);
	bool (*constant)(struct lang_env *env, const char *name, int64_t *value);
	bool (*address)(struct lang_env *env, const char *symbol, uint64_t *address);
	const struct lang_type *(*task)(struct lang_env *env); /* struct task_struct * */
};

struct lang_env {
	const struct lang_env_ops *ops;
	bool is_recorded; /* what is asked about is over: no memory to read, no stacks */
};

#endif
