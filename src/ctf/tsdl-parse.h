/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_TSDL_PARSE_H
#define PISTE_CTF_TSDL_PARSE_H

#include "base/map.h"
#include "base/vec.h"
#include "ctf/tsdl-lex.h"
#include "ctf/type.h"

/*
 * tsdl-parse - the state shared by the two halves of the TSDL parser:
 * tsdl-types.c reads types and declarations, tsdl-parse.c the blocks.
 *
 * Types are built while reading, without a syntax tree. What may be said
 * later than it is used (the trace's byte order, clocks, streams) is noted
 * and settled at the end. After an error the current token is TSDL_END, so
 * that every loop ends; p->error says which.
 */

struct tsdl_scope { /* of type names; keys are "struct foo", "uint32_t" … */
	struct map names;
	struct tsdl_scope *outer;
};

struct tsdl_clock_ref {
	struct ctf_type *type;
	const char *clock;
	unsigned line, column;
};

struct tsdl_event { /* waits for its stream */
	struct ctf_event_class class;
	bool has_id, has_stream_id;
	uint64_t stream_id;
	unsigned line, column;
};

struct tsdl_parser {
	struct tsdl_lexer lx;
	struct tsdl_token tok, next; /* current, and one ahead */
	struct arena *arena;
	struct diag *diag;
	const char *file_name;
	int error;
	unsigned depth; /* of nested types */
	struct tsdl_scope *scope;
	struct ctf_trace_class *tc;
	struct VEC(struct ctf_type *) native; /* take the trace's byte order */
	struct VEC(struct tsdl_clock_ref) clock_refs;
	struct VEC(struct tsdl_event) events;
	bool has_trace, has_stream_id0;
};

enum tsdl_value_kind { TSDL_VALUE_INT, TSDL_VALUE_TEXT, TSDL_VALUE_WORD, TSDL_VALUE_TYPE };

struct tsdl_attribute { /* name = value; or name := type; */
	const char *name; /* dotted */
	enum tsdl_value_kind kind;
	bool negative;
	uint64_t value; /* INT: the magnitude */
	const char *text; /* TEXT; WORD: dotted */
	struct ctf_type *type;
	unsigned line, column;
};

/* One row a known attribute of a block. */
struct tsdl_rule {
	const char *name;
	void (*set)(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into);
};

/* { attribute; … }, also declarations where they are allowed; `block` names it in messages.
 * `other` takes attributes that no rule knows; NULL: a warning. */
void tsdl_block(struct tsdl_parser *p, const char *block, const struct tsdl_rule *rules,
		size_t n_rules, void *into, bool declarations,
		void (*other)(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into));

void tsdl_advance(struct tsdl_parser *p);
bool tsdl_is_punct(const struct tsdl_parser *p, char c);
bool tsdl_accept(struct tsdl_parser *p, char c);
void tsdl_expect(struct tsdl_parser *p, char c, const char *where);
void tsdl_fail(struct tsdl_parser *p, unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void tsdl_warn(struct tsdl_parser *p, unsigned line, unsigned column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* At the current token. */
void tsdl_fail_here(struct tsdl_parser *p, const char *what);
void tsdl_no_memory(struct tsdl_parser *p);

uint64_t tsdl_get_u64(struct tsdl_parser *p, const struct tsdl_attribute *a);
int64_t tsdl_get_i64(struct tsdl_parser *p, const struct tsdl_attribute *a);
const char *tsdl_get_text(struct tsdl_parser *p, const struct tsdl_attribute *a);
bool tsdl_get_bool(struct tsdl_parser *p, const struct tsdl_attribute *a);

/* declaration: typedef, typealias, or a struct/variant/enum by itself. False: the token starts none. */
bool tsdl_declaration(struct tsdl_parser *p);
/* type-specifier-list with an abstract declarator; NULL after an error. */
struct ctf_type *tsdl_type(struct tsdl_parser *p);
void tsdl_scope_push(struct tsdl_parser *p, struct tsdl_scope *scope);
void tsdl_scope_pop(struct tsdl_parser *p);

int tsdl_parse(struct ctf_trace_class **out, struct arena *arena, struct span text,
	       const char *file_name, struct diag *diag);

#endif
