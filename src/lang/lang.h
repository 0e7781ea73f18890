/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_LANG_H
#define PISTE_LANG_LANG_H

#include "base/diag.h"
#include "bpf/asm.h"
#include "lang/ast.h"
#include "lang/env.h"
#include "lang/ir.h"

/*
 * lang - a script becomes programs, maps, and what is done with their output.
 *
 *	bt_parse(&script, file, text, arena, diag);
 *	lang_compile(&program, script, env, &options, arena, diag);
 *	… load program->units, attach them to their targets, read records …
 *
 * Pure: no kernel, no files. Whatever is wrong with a script is found here; a
 * program that the kernel then refuses is our bug.
 */

/* Maps that every program has, and then those of the script; the ids of relocations. */
enum {
	LANG_MAP_RING, /* records to user space */
	LANG_MAP_CONTROL, /* struct lang_control, mapped by user space */
	LANG_MAP_DATA, /* constants: zeros, texts */
	LANG_MAP_SCRATCH, /* per CPU: an entry a unit */
	LANG_MAP_FIRST,
};

struct lang_control {
	uint64_t lost_records; /* no room in the ring */
	uint64_t lost_updates; /* a map was full */
	uint64_t bad_reads; /* memory that could not be read; the value was 0 */
	uint64_t
		lost_runs; /* of a probe within itself, where both needed the same scratch memory */
	uint64_t start_ns; /* written by user space before all */
	uint32_t is_over; /* exit() was called: probes do nothing any more */
	uint32_t reserved;
};

struct lang_map {
	const char *name; /* without @ */
	const struct lang_type *key; /* TUPLE, or NULL: a single value */
	const struct lang_type *value;
	uint32_t id;
	uint32_t max_entries;
	bool is_per_cpu; /* the values of all CPUs are put together */
	/* check.c */
	bool has_keys_known, is_used;
	struct lang_place place; /* its first use */
	struct lang_map *next;
};

#define LANG_ACTIONS(X)                                                                            \
	X(PRINTF) /* text: format; the record holds the arguments */                               \
	X(PRINT_MAP) /* map; top, divisor */                                                       \
	X(PRINT_VALUE)                                                                             \
	X(CLEAR)                                                                                   \
	X(ZERO)                                                                                    \
	X(EXIT)                                                                                    \
	X(TIME) /* text: format of strftime */                                                     \
	X(CAT) /* text: format of a path */                                                        \
	X(SYSTEM) /* text: format of a command */                                                  \
	X(JOIN) /* text: between the words */                                                      \
	X(ERROR) /* text: errorf */

enum lang_action_kind {
#define X(id) LANG_ACTION_##id,
	LANG_ACTIONS(X)
#undef X
		LANG_N_ACTIONS
};

/* What user space does when a record comes. A record is u64 action, then the arguments, each at
 * its offset, as a map would hold it. */
struct lang_action {
	enum lang_action_kind kind;
	uint32_t id;
	const char *text;
	const struct lang_map *map;
	uint64_t top, divisor; /* 0: not given */
	const struct lang_type *args; /* TUPLE, its offsets counted from behind the head; or NULL */
	uint32_t size; /* of the record */
	struct lang_action *next;
};
enum { LANG_RECORD_HEAD = 8 };

/* A BPF program, and what it is attached to. */
struct lang_unit {
	const char *name; /* of its first target */
	enum lang_probe_kind kind;
	enum lang_context context;
	const struct lang_target *const *targets;
	size_t n_targets;
	const struct bpf_insn *insns;
	size_t n_insns;
	const struct bpf_reloc *relocs;
	size_t n_relocs;
	const char *ir; /* as text, where it was asked for */
	bool wants_probe_id; /* a target's cookie is first_probe_id + its index */
	uint32_t first_probe_id;
	struct lang_unit *next;
};

struct lang_program {
	struct lang_unit *units;
	size_t n_units;
	struct lang_map *maps; /* of the script */
	size_t n_maps;
	struct lang_action *actions;
	const struct lang_action **action_by_id;
	size_t n_actions;
	const void *data; /* of LANG_MAP_DATA */
	size_t data_bytes;
	size_t scratch_bytes; /* of an entry; 0: none is needed */
	bool can_exit;
	bool names_user_code; /* shows functions of programs: meet those before they end */
	const char *const *probe_names; /* by the value of `probe` */
	size_t n_probe_names;
};

struct lang_options {
	const char *const *params; /* $1 … */
	size_t n_params;
	uint32_t max_string; /* bytes; 0: 1024 */
	uint32_t max_entries; /* of a map; 0: 4096 */
	uint64_t child_pid; /* of -c; for `cpid` */
	bool unsafe; /* system() and such are allowed */
	bool keep_ir;
	bool has_cookies;
};

/* 0, -EINVAL (the diag says what), -ENOMEM. The program lives in the arena. */
int lang_compile(struct lang_program **out, struct ast_script *script, struct lang_env *env,
		 const struct lang_options *options, struct arena *a, struct diag *diag);
/* The lines that the diag's places name, each with carets below it. */
void lang_point(struct str *out, const char *text, const struct diag_entry *entry);

#endif
