/* SPDX-License-Identifier: MIT */
#ifndef PISTE_LANG_AST_H
#define PISTE_LANG_AST_H

#include "lang/lex.h"
#include "lang/type.h"

/*
 * ast - a script as it was written, then (check.c) with types. Both languages
 * are parsed into it. Nodes live in the caller's arena.
 */
#define AST_NODES(X)                                                                               \
	/* expressions */                                                                          \
	X(INT, "int") /* number */                                                                 \
	X(STRING, "string") /* name, len */                                                        \
	X(NAME, "name") /* name: a built-in value, a constant */                                   \
	X(VARIABLE, "variable") /* name; variable */                                               \
	X(MAP, "map") /* name; first: its keys; map */                                             \
	X(PARAMETER, "parameter") /* number; 0: how many there are */                              \
	X(CALL, "call") /* name; first: the arguments; function */                                 \
	X(UNARY, "unary") /* op; first */                                                          \
	X(BINARY, "binary") /* op; first and its next */                                           \
	X(TERNARY, "ternary") /* first, its next, and the next */                                  \
	X(CAST, "cast") /* type_name; first */                                                     \
	X(FIELD, "field") /* first, name; op is "." or "->" */                                     \
	X(ITEM, "item") /* first, number: of a tuple */                                            \
	X(INDEX, "index") /* first and its next */                                                 \
	X(TUPLE, "tuple") /* first: the items */                                                   \
	X(SIZEOF, "sizeof") /* type_name, or first */                                              \
	X(OFFSETOF, "offsetof") /* type_name; name */                                              \
	X(ASSIGN, "assign") /* first = its next; op: "=" or "+=" … */                            \
	X(STEP, "step") /* first ++ or --; op; is_prefix */                                        \
	/* statements */                                                                           \
	X(BLOCK, "block") /* first: the statements */                                              \
	X(EVAL, "eval") /* first: for its effect */                                                \
	X(LET, "let") /* first: a variable; its next: what it begins with, or NULL */              \
	X(IF, "if") /* first: condition, then, perhaps else */                                     \
	X(WHILE, "while") /* first: condition, body */                                             \
	X(UNROLL, "unroll") /* first: how often, body */                                           \
	X(FOR_RANGE, "for-range") /* first: variable, from, to (excluded), body */                 \
	X(FOR_MAP, "for-map") /* first: variable, map, body */                                     \
	X(RETURN, "return")                                                                        \
	X(BREAK, "break")                                                                          \
	X(CONTINUE, "continue")

enum ast_kind {
#define X(id, text) AST_##id,
	AST_NODES(X)
#undef X
		AST_N_KINDS
};

/* Operators: binary ones with their binding, the same in both languages. */
#define AST_BINARIES(X)                                                                            \
	X(OR, "||", 1)                                                                             \
	X(AND, "&&", 2)                                                                            \
	X(BIT_OR, "|", 3)                                                                          \
	X(BIT_XOR, "^", 4)                                                                         \
	X(BIT_AND, "&", 5)                                                                         \
	X(EQUAL, "==", 6)                                                                          \
	X(UNEQUAL, "!=", 6)                                                                        \
	X(LESS, "<", 7)                                                                            \
	X(GREATER, ">", 7)                                                                         \
	X(AT_MOST, "<=", 7)                                                                        \
	X(AT_LEAST, ">=", 7)                                                                       \
	X(SHIFT_LEFT, "<<", 8)                                                                     \
	X(SHIFT_RIGHT, ">>", 8)                                                                    \
	X(ADD, "+", 9)                                                                             \
	X(SUBTRACT, "-", 9)                                                                        \
	X(MULTIPLY, "*", 10)                                                                       \
	X(DIVIDE, "/", 10)                                                                         \
	X(MODULO, "%", 10)

enum ast_op {
	OP_NONE, /* of an assignment: plain */
#define X(id, text, binding) OP_##id,
	AST_BINARIES(X)
#undef X
		OP_NOT,
	OP_INVERT,
	OP_NEGATE,
	OP_DEREFERENCE,
	OP_INCREMENT,
	OP_DECREMENT,
	OP_DOT,
	OP_ARROW,
	OP_N
};
const char *ast_op_text(enum ast_op op);

/* A type as it is written: "struct foo", two stars, [4]. */
struct ast_type_name {
	const char *name;
	unsigned pointers;
	uint32_t count; /* of an array; 0: none */
};

struct ast_node {
	enum ast_kind kind;
	enum ast_op op;
	bool is_prefix;
	struct lang_place place;
	struct ast_node *first, *next;
	const char *name;
	size_t len;
	uint64_t number;
	struct ast_type_name type_name;

	/* from check.c on */
	const struct lang_type *type;
	union {
		struct lang_variable *variable;
		struct lang_map *map;
		const struct lang_function *function;
		const struct lang_builtin *builtin;
		const struct lang_arg *arg; /* FIELD of args */
		const struct lang_field *field;
	};
	struct ast_node *expansion; /* FIELD of args that is an expression itself */
	bool is_constant; /* NAME: number holds it */
};

/* One "kind:target…", perhaps with globs. */
struct ast_probe {
	const char *text;
	struct lang_place place;
	struct ast_probe *next;
};

/* probe[, probe] [/ predicate /] { statements } */
struct ast_clause {
	struct ast_probe *probes;
	struct ast_node *predicate; /* or NULL */
	struct ast_node *body; /* BLOCK */
	struct lang_place place;
	struct ast_clause *next;
};

/* A field of a struct that the script itself declares. */
struct ast_member {
	const char *name;
	struct ast_type_name type;
	struct lang_place place;
	struct ast_member *next;
};
struct ast_struct {
	const char *name; /* "struct foo" */
	bool is_union;
	struct ast_member *members;
	struct lang_place place;
	struct ast_struct *next;
};

struct ast_setting {
	const char *name, *text;
	struct lang_place place;
	struct ast_setting *next;
};

struct ast_constant { /* of an enum, or #define NAME number */
	const char *name;
	int64_t value;
	struct ast_constant *next;
};

struct ast_script {
	const char *file, *text;
	struct ast_setting *settings;
	struct ast_struct *structs;
	struct ast_constant *constants;
	struct ast_clause *clauses;
};

/* bpftrace's language. 0, -EINVAL (the diag says what), -ENOMEM. */
int bt_parse(struct ast_script **out, const char *file, const char *text, struct arena *a,
	     struct diag *diag);
/* An expression alone, for fields that an environment describes by one. */
int bt_parse_expression(struct ast_node **out, const char *file, const char *text, struct arena *a,
			struct diag *diag);
void ast_write(struct str *out, const struct ast_script *script);

#endif
