/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_FILTER_NODE_H
#define PISTE_CTF_FILTER_NODE_H

#include "ctf/filter.h"

/*
 * filter-node - the tree of an expression: made by filter-parse.c, read by filter.c.
 */
#define FILTER_BINARIES(X) /* loosest last; && and || have any number of operands */               \
	X(MULTIPLY, "*", 10)                                                                       \
	X(DIVIDE, "/", 10)                                                                         \
	X(REMAINDER, "%", 10)                                                                      \
	X(ADD, "+", 9)                                                                             \
	X(SUBTRACT, "-", 9)                                                                        \
	X(SHIFT_LEFT, "<<", 8)                                                                     \
	X(SHIFT_RIGHT, ">>", 8)                                                                    \
	X(BIT_AND, "&", 7)                                                                         \
	X(BIT_XOR, "^", 6)                                                                         \
	X(BIT_OR, "|", 5)                                                                          \
	X(EQUAL, "==", 4)                                                                          \
	X(UNEQUAL, "!=", 4)                                                                        \
	X(LESS, "<", 4)                                                                            \
	X(LESS_EQUAL, "<=", 4)                                                                     \
	X(GREATER, ">", 4)                                                                         \
	X(GREATER_EQUAL, ">=", 4)

enum filter_op {
	FILTER_INT,
	FILTER_REAL,
	FILTER_TEXT,
	FILTER_FIELD,
	FILTER_CONTEXT,
	FILTER_LEN,
	FILTER_HAS,
	FILTER_NOT,
	FILTER_INVERT,
	FILTER_NEGATE,
	FILTER_ALL, /* && */
	FILTER_ANY, /* || */
#define X(id, text, binding) FILTER_##id,
	FILTER_BINARIES(X)
#undef X
};

typedef __int128 filter_int; /* holds every int64 and uint64, and sums of them */

struct filter_step {
	const char *name; /* NULL: an index */
	uint64_t index;
};

struct filter_node {
	enum filter_op op;
	unsigned
		column; /* 1-based, of its first character; of its operator when it has two sides */
	unsigned depth; /* of the tree below, itself included */
	struct filter_node *kids, *next;
	union {
		filter_int number;
		double real;
		struct {
			const char *text; /* as bytes */
			const char *wild; /* beside each byte: '*', '?' or 0; NULL: no glob */
			size_t len;
		};
		struct {
			const char *spelled; /* a.b[2] */
			struct filter_step *steps; /* the first is a name */
			size_t n_steps;
			size_t slot; /* among the fields of the expression */
		};
		enum filter_context context;
	};
	/* Grow as classes are bound: how many had the field or context, how many not; in how many
	 * the operand types fitted, in how many not. */
	size_t found, lacking;
	size_t fits, misfits;
	const char *misfit; /* why the first did not; in the arena */
};

/* The file that diag entries about filters are in. */
extern const char filter_place_name[];

enum { FILTER_MAX_NAMES = 256 };

struct filter {
	const char *text;
	struct arena *arena;
	struct filter_node *root;
	struct filter_node **fields; /* FILTER_FIELD, by slot */
	size_t n_fields;
	size_t n_bound; /* classes */
	/* Of fields of bound classes that lacked some, for suggestions. */
	const char *names[FILTER_MAX_NAMES];
	size_t n_names;
};

#endif
