/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_COMPILE_H
#define PISTE_LANG_COMPILE_H

#include "lang/lang.h"

/*
 * compile - what the stages of a compilation share; internal to lang.
 *
 * A clause is checked and lowered once for each set of targets in which its
 * words mean the same (an "instance"): args.x may lie elsewhere in another
 * probe. Maps belong to the whole script, so that types are found by checking
 * all instances again until nothing new is learned.
 */
struct lang_variable {
	const char *name;
	const struct lang_type *type;
	unsigned depth; /* of the block that declared it with let; 0: the clause */
	struct ir_operand home; /* a register, or a frame object */
	struct lang_variable *next;
};

struct lang_instance {
	const struct ast_clause *clause;
	const struct lang_target **targets; /* all of one key, with the same args */
	size_t n_targets;
	struct lang_instance *next;
};

struct loop {
	uint32_t on_continue, on_break;
	struct loop *outer;
};

struct compiler {
	struct arena *arena;
	struct diag *diag;
	struct lang_env *env;
	const struct lang_options *options;
	struct ast_script *script;
	struct lang_program *program;
	int error; /* the first */

	struct lang_map *maps, **maps_end;
	struct lang_action *actions, **actions_end;
	const struct lang_type **structs; /* of the script, in its order */
	struct str data; /* LANG_MAP_DATA: constants */
	bool can_exit, names_user_code;

	/* checking */
	bool changed, is_last_pass;
	const struct lang_instance *instance;
	const struct lang_target *target; /* the instance's first */
	struct lang_variable *variables;
	unsigned block_depth, loop_depth;

	/* lowering */
	struct ir *ir;
	struct loop *loop;
	uint32_t end_label, over_label; /* of the clause; of all clauses of the unit */
	struct ir_operand number; /* of the system call */
	uint32_t first_probe_id; /* of the unit: names of its targets */
	bool wants_probe_id;
	bool pads; /* strings are followed by zeros to the end: keys are compared whole */
};
enum { DATA_ZEROS = 16384 }; /* bytes of zeros at the beginning of LANG_MAP_DATA */

/* A built-in value: pid, comm, arg0. */
struct lang_builtin {
	const char *name;
	const struct lang_type *type; /* or NULL, and: */
	const struct lang_type *(*type_of)(struct compiler *c, struct ast_node *n);
	/* One of them: a scalar, or stored at base + offset. */
	struct ir_operand (*value)(struct compiler *c, const struct ast_node *n);
	void (*store)(struct compiler *c, const struct ast_node *n, struct ir_operand base,
		      int32_t offset);
	unsigned contexts; /* a bit each where it exists; 0: everywhere */
	bool is_live; /* not in a recording */
};

struct lang_function {
	const char *name;
	unsigned min_args, max_args;
	/* Types of its arguments are known. Gives the type of the call. */
	const struct lang_type *(*check)(struct compiler *c, struct ast_node *call);
	struct ir_operand (*value)(struct compiler *c, const struct ast_node *call);
	void (*store)(struct compiler *c, const struct ast_node *call, struct ir_operand base,
		      int32_t offset);
	bool raw_args; /* check looks at its arguments itself: they are maps or types */
	bool is_unsafe;
};

/* builtins.c, functions-*.c */
const struct lang_builtin *lang_builtin_find(const char *name, size_t len);
const struct lang_function *lang_function_find(const char *name);
/* The nearest name of those that exist, for a hint; or NULL. */
const char *lang_builtin_nearest(const char *name);
const char *lang_function_nearest(const char *name);
extern const struct lang_function lang_aggregates[], lang_outputs[], lang_values[], lang_texts[];

void store_stack(struct compiler *c, const struct ast_node *n, struct ir_operand base,
		 int32_t offset); /* kstack, ustack */

/* Complains about a node; gives lang_none. The hint may be NULL. */
const struct lang_type *complain(struct compiler *c, const struct ast_node *n, const char *hint,
				 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* check.c */
void check_instance(struct compiler *c, const struct lang_instance *instance);
const struct lang_type *check(struct compiler *c, struct ast_node *n); /* an expression */
const struct lang_type *resolve_type(struct compiler *c, const struct ast_node *n,
				     const struct ast_type_name *name);
/* A map as a whole: `@x` of print(@x). NULL after a complaint. */
struct lang_map *check_whole_map(struct compiler *c, struct ast_node *n);
bool is_known(const struct lang_type *t);
const struct lang_type *promoted(const struct lang_type *t); /* as C computes with it */
/* The integer that it is at compile time. */
bool constant_value(const struct ast_node *n, int64_t *value);

/* check-map.c */
struct lang_map *map_find(struct compiler *c, const struct ast_node *n);
void check_keys(struct compiler *c, struct ast_node *n); /* @x[keys] */
void map_takes(struct compiler *c, const struct ast_node *n, struct lang_map *map,
	       const struct lang_type *value);
/* Joins two types that share a place: the larger string, the wider integer. NULL: they do not go
 * together. */
const struct lang_type *joined(struct compiler *c, const struct lang_type *a,
			       const struct lang_type *b);

/* actions.c */
struct lang_action *action_new(struct compiler *c, enum lang_action_kind kind);
uint32_t data_add(struct compiler *c, const void *bytes, size_t len); /* its offset */

/* lower.c: IR for checked clauses */
void lower_instance(struct compiler *c, const struct lang_instance *instance);
struct ir_operand lower_value(struct compiler *c, const struct ast_node *n);
/* Its stored form at base + offset, as type `as` (a string may be padded to more). */
void lower_store(struct compiler *c, const struct ast_node *n, const struct lang_type *as,
		 struct ir_operand base, int32_t offset);
/* Where a record, an array or a string of C lies. */
struct ir_operand lower_address(struct compiler *c, const struct ast_node *n);
bool is_in_memory(const struct ast_node *n); /* lower_address works for it */

/* Goes on where the condition holds, else to the label. */
void lower_condition(struct compiler *c, const struct ast_node *n, uint32_t if_not);
bool is_signed_pair(const struct ast_node *a, const struct ast_node *b);

/* lower-memory.c */
struct ir_operand context_reg(void);
struct ir_operand at(struct ir_operand base, int64_t offset); /* the address there */
struct ir_operand read_integer(struct compiler *c, struct ir_operand address,
			       const struct lang_type *type, bool in_user_space);
void read_bytes(struct compiler *c, struct ir_operand base, int32_t offset, uint32_t size,
		struct ir_operand address, bool in_user_space);
/* A C string of at most `size` bytes with its NUL; what is behind it is zeroed. */
void read_string(struct compiler *c, struct ir_operand base, int32_t offset, uint32_t size,
		 struct ir_operand address, bool in_user_space);
void store_zeros(struct compiler *c, struct ir_operand base, int32_t offset, uint32_t size);
void copy_bytes(struct compiler *c, struct ir_operand base, int32_t offset, struct ir_operand from,
		int32_t from_offset, uint32_t size);
struct ir_operand load_arg(struct compiler *c, const struct lang_arg *arg); /* value or address */
void count_in_control(struct compiler *c, size_t offset); /* one more there */

/* lower-map.c */
struct ir_operand map_key(struct compiler *c, const struct lang_map *map, const struct ast_node *n);
struct ir_operand map_load(struct compiler *c, const struct ast_node *n);
void map_load_into(struct compiler *c, const struct ast_node *n, struct ir_operand base,
		   int32_t offset);
void map_assign(struct compiler *c, const struct ast_node *map, const struct ast_node *value);
/* @x op= value; gives what it was before */
struct ir_operand map_change(struct compiler *c, const struct ast_node *map, int op,
			     struct ir_operand value);
void map_aggregate(struct compiler *c, const struct ast_node *map, const struct ast_node *call);

#endif
