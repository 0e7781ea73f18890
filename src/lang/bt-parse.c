/* SPDX-License-Identifier: MIT */
/*
 * bpftrace's language into the tree. Each function reads the grammar rule
 * above it. After the first error everything returns NULL at once; recursion
 * ends at MAX_DEPTH, whatever the text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"

enum { MAX_TEXT = 1 << 20, MAX_DEPTH = 200 };

struct parser {
	struct lexer lex;
	struct token now, then; /* the next two tokens */
	unsigned depth;
	struct ast_script *script;
};

static void advance(struct parser *p)
{
	p->now = p->then;
	p->then = lex_next(&p->lex);
}

/* Begins reading tokens at the lexer's place. */
static void restart(struct parser *p)
{
	p->then = lex_next(&p->lex);
	advance(p);
}

static bool sees(const struct parser *p, const char *sign)
{
	return p->now.kind == TOKEN_SIGN && !strcmp(p->now.text, sign);
}

static bool then_sees(const struct parser *p, const char *sign)
{
	return p->then.kind == TOKEN_SIGN && !strcmp(p->then.text, sign);
}

static bool sees_word(const struct parser *p, const char *word)
{
	return p->now.kind == TOKEN_NAME && !strcmp(p->now.text, word);
}

static bool accept(struct parser *p, const char *sign)
{
	if (!sees(p, sign))
		return false;
	advance(p);
	return true;
}

static bool accept_word(struct parser *p, const char *word)
{
	if (!sees_word(p, word))
		return false;
	advance(p);
	return true;
}

static const char *token_text(const struct token *t)
{
	return t->kind == TOKEN_END ? "the end" : t->text[0] ? t->text : "this";
}

static bool expect(struct parser *p, const char *sign)
{
	if (accept(p, sign))
		return true;
	lex_error(&p->lex, &p->now.place, NULL, "'%s' is missing before %s", sign,
		  token_text(&p->now));
	return false;
}

static struct ast_node *node_new(struct parser *p, enum ast_kind kind, struct ast_node *first)
{
	struct ast_node *n = p->lex.error ? NULL : arena_new(p->lex.arena, struct ast_node);

	if (n) {
		n->kind = kind;
		n->place = first ? first->place : p->now.place;
		n->first = first;
	} else if (!p->lex.error) {
		p->lex.error = -ENOMEM;
	}
	return n;
}

static bool enter(struct parser *p)
{
	if (p->depth >= MAX_DEPTH) {
		lex_error(&p->lex, &p->now.place, NULL, "this is nested too deeply");
		return false;
	}
	p->depth++;
	return true;
}

/* The lexer goes on right behind this token, whatever was read ahead. */
static void resume_behind(struct parser *p, const struct token *t)
{
	const char *start = p->lex.text + t->place.offset;

	if (p->lex.error)
		return;
	p->lex.at = start + t->place.len;
	p->lex.line = t->place.line;
	p->lex.line_start = start - (t->place.column - 1);
}

static struct ast_node *expression(struct parser *p);
static struct ast_node *unary(struct parser *p);
static struct ast_node *statement(struct parser *p);
static struct ast_node *block(struct parser *p);

/* --- types ------------------------------------------------------------------------------ */

static bool begins_type(const struct parser *p, const struct token *t)
{
	static const char *const words[] = {"struct", "union", "enum",    "unsigned",
					    "signed", "void",  "__kptr_t"};

	(void)p;
	if (t->kind != TOKEN_NAME)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(t->text, words[i]))
			return true;
	return lang_int_named(t->text) != NULL || !strcmp(t->text, "string");
}

/* type: { "const" | "volatile" } ( ( "struct" | "union" | "enum" ) name | word { word } ) { "*" }
 *	[ "[" int "]" ] */
static bool type_name(struct parser *p, struct ast_type_name *out)
{
	struct arena *a = p->lex.arena;

	*out = (struct ast_type_name){0};
	while (accept_word(p, "const") || accept_word(p, "volatile"))
		;
	if (p->now.kind != TOKEN_NAME) {
		lex_error(&p->lex, &p->now.place, NULL, "a type belongs here");
		return false;
	}
	if (sees_word(p, "struct") || sees_word(p, "union") || sees_word(p, "enum")) {
		const char *word = p->now.text;

		advance(p);
		out->name = arena_printf(a, "%s %s", word, p->now.text);
		if (p->now.kind != TOKEN_NAME)
			lex_error(&p->lex, &p->now.place, NULL, "which %s?", word);
		advance(p);
	} else {
		out->name = p->now.text;
		advance(p);
		/* "unsigned long int": each further word of it */
		while (p->now.kind == TOKEN_NAME && lang_int_named(p->now.text) &&
		       lang_int_named(out->name)) {
			const char *joined = arena_printf(a, "%s %s", out->name, p->now.text);

			if (joined && lang_int_named(joined))
				out->name = joined;
			advance(p);
		}
	}
	while (accept_word(p, "const"))
		;
	while (accept(p, "*"))
		out->pointers++;
	if (sees(p, "[") && p->then.kind == TOKEN_INT) {
		advance(p);
		out->count = p->now.number > UINT32_MAX ? UINT32_MAX : (uint32_t)p->now.number;
		advance(p);
		expect(p, "]");
	} else if (sees(p, "[") && then_sees(p, "]")) {
		advance(p);
		advance(p);
	}
	return !p->lex.error;
}

/* --- expressions ------------------------------------------------------------------------ */

/* list: [ expression { "," expression } ] ending; the first, the others in `next` */
static struct ast_node *expression_list(struct parser *p, const char *ending)
{
	struct ast_node *first = NULL, **end = &first;

	if (accept(p, ending))
		return NULL;
	do {
		*end = expression(p);
		if (!*end)
			return NULL;
		end = &(*end)->next;
	} while (accept(p, ","));
	expect(p, ending);
	return first;
}

/* sizeof: "sizeof" "(" ( type | expression ) ")";  offsetof: "offsetof" "(" type "," name ")" */
static struct ast_node *size_of(struct parser *p)
{
	bool is_offset = sees_word(p, "offsetof");
	struct ast_node *n = node_new(p, is_offset ? AST_OFFSETOF : AST_SIZEOF, NULL);

	advance(p);
	if (!n || !expect(p, "("))
		return NULL;
	if (is_offset || begins_type(p, &p->now)) {
		if (!type_name(p, &n->type_name))
			return NULL;
	} else {
		n->first = expression(p);
	}
	if (is_offset && expect(p, ",")) {
		n->name = p->now.text;
		advance(p);
	}
	return expect(p, ")") ? n : NULL;
}

/* parenthesis: "(" expression ")" | "(" expression "," … ")" */
static struct ast_node *parenthesis(struct parser *p)
{
	struct ast_node *tuple = node_new(p, AST_TUPLE, NULL), **end;
	bool comma = false;

	advance(p);
	if (!tuple)
		return NULL;
	end = &tuple->first;
	while (!sees(p, ")")) {
		*end = expression(p);
		if (!*end)
			return NULL;
		end = &(*end)->next;
		if (!accept(p, ","))
			break;
		comma = true;
	}
	if (!expect(p, ")"))
		return NULL;
	if (!tuple->first)
		lex_error(&p->lex, &tuple->place, NULL, "nothing stands in these parentheses");
	return comma ? tuple : tuple->first;
}

/* name: name | name "(" list ")" */
static struct ast_node *name(struct parser *p)
{
	struct ast_node *n = node_new(p, then_sees(p, "(") ? AST_CALL : AST_NAME, NULL);

	if (!n)
		return NULL;
	n->name = p->now.text;
	advance(p);
	if (n->kind == AST_CALL) {
		advance(p);
		n->first = expression_list(p, ")");
	}
	return n;
}

/* map: "@" name [ "[" list "]" ] */
static struct ast_node *map(struct parser *p)
{
	struct ast_node *n = node_new(p, AST_MAP, NULL);

	if (!n)
		return NULL;
	n->name = p->now.text;
	advance(p);
	if (accept(p, "[")) {
		n->first = expression_list(p, "]");
		if (!n->first)
			lex_error(&p->lex, &n->place, NULL, "a key belongs between [ and ]");
	}
	return n;
}

/* primary: int | string | "$" name | "$" int | map | name | sizeof | parenthesis */
static struct ast_node *primary(struct parser *p)
{
	struct ast_node *n = NULL;

	switch (p->now.kind) {
	case TOKEN_INT:
	case TOKEN_PARAMETER:
		n = node_new(p, p->now.kind == TOKEN_INT ? AST_INT : AST_PARAMETER, NULL);
		if (n)
			n->number = p->now.number;
		advance(p);
		return n;
	case TOKEN_STRING:
		n = node_new(p, AST_STRING, NULL);
		if (n) {
			n->name = p->now.text;
			n->len = p->now.len;
		}
		advance(p);
		return n;
	case TOKEN_VARIABLE:
		n = node_new(p, AST_VARIABLE, NULL);
		if (n)
			n->name = p->now.text;
		advance(p);
		return n;
	case TOKEN_MAP:
		return map(p);
	case TOKEN_NAME:
		if (sees_word(p, "sizeof") || sees_word(p, "offsetof"))
			return size_of(p);
		return name(p);
	default:
		if (sees(p, "("))
			return parenthesis(p);
		lex_error(&p->lex, &p->now.place, NULL, "a value is needed before %s",
			  token_text(&p->now));
		return NULL;
	}
}

static struct ast_node *field(struct parser *p, struct ast_node *of)
{
	struct ast_node *n = node_new(p, AST_FIELD, of);

	if (!n)
		return NULL;
	n->op = sees(p, "->") ? OP_ARROW : OP_DOT;
	advance(p);
	n->place = p->now.place;
	if (p->now.kind == TOKEN_INT) {
		n->kind = AST_ITEM;
		n->number = p->now.number;
	} else if (p->now.kind == TOKEN_NAME) {
		n->name = p->now.text;
	} else {
		lex_error(&p->lex, &p->now.place, NULL, "the name of a field belongs here");
		return NULL;
	}
	advance(p);
	return n;
}

/* postfix: primary { "." name | "." int | "->" name | "[" expression "]" | "++" | "--" } */
static struct ast_node *postfix(struct parser *p)
{
	struct ast_node *n = primary(p), *index;

	while (n && !p->lex.error) {
		if (sees(p, ".") || sees(p, "->")) {
			n = field(p, n);
		} else if (accept(p, "[")) {
			index = expression(p);
			if (!index || !expect(p, "]"))
				return NULL;
			n->next = index;
			n = node_new(p, AST_INDEX, n);
		} else if (sees(p, "++") || sees(p, "--")) {
			n = node_new(p, AST_STEP, n);
			if (n)
				n->op = sees(p, "++") ? OP_INCREMENT : OP_DECREMENT;
			advance(p);
		} else {
			break;
		}
	}
	return p->lex.error ? NULL : n;
}

/* Whether "(" opens a cast: a type's name follows it, or name and "*" ")" do. */
static bool sees_cast(const struct parser *p)
{
	const char *at = p->lex.at;

	if (!sees(p, "("))
		return false;
	if (begins_type(p, &p->then)) {
		/* "(int)" and not "(pid)": all of its names are types */
		return true;
	}
	if (p->then.kind != TOKEN_NAME)
		return false;
	at += strspn(at, " \t");
	if (*at != '*')
		return false;
	at += strspn(at, "* \t");
	return *at == ')';
}

/* cast: "(" type ")" unary */
static struct ast_node *cast(struct parser *p)
{
	struct ast_node *n = node_new(p, AST_CAST, NULL);

	advance(p);
	if (!n || !type_name(p, &n->type_name) || !expect(p, ")"))
		return NULL;
	n->first = unary(p);
	return n->first ? n : NULL;
}

/* unary: ( "!" | "~" | "-" | "*" | "++" | "--" ) unary | cast | postfix */
static struct ast_node *unary(struct parser *p)
{
	static const struct {
		const char *sign;
		enum ast_op op;
	} prefixes[] = {
		{"!", OP_NOT},         {"~", OP_INVERT},     {"-", OP_NEGATE},
		{"*", OP_DEREFERENCE}, {"++", OP_INCREMENT}, {"--", OP_DECREMENT},
	};
	struct ast_node *n = NULL;

	if (!enter(p))
		return NULL;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (!sees(p, prefixes[i].sign))
			continue;
		n = node_new(p, prefixes[i].op >= OP_INCREMENT ? AST_STEP : AST_UNARY, NULL);
		advance(p);
		if (n) {
			n->op = prefixes[i].op;
			n->is_prefix = true;
			n->first = unary(p);
		}
		p->depth--;
		return n && n->first ? n : NULL;
	}
	n = sees_cast(p) ? cast(p) : postfix(p);
	p->depth--;
	return n;
}

static bool binary_operator(const struct parser *p, enum ast_op *op, int *binding)
{
#define X(id, text, bind)                                                                          \
	if (sees(p, text)) {                                                                       \
		*op = OP_##id;                                                                     \
		*binding = bind;                                                                   \
		return true;                                                                       \
	}
	AST_BINARIES(X)
#undef X
	return false;
}

/* Whether a '/' here ends the predicate: what follows is the block. */
static bool ends_predicate(const struct parser *p)
{
	return sees(p, "/") && then_sees(p, "{");
}

/* binary: unary { operator unary }, for operators that bind at least as tightly as `least` */
static struct ast_node *binary(struct parser *p, int least)
{
	struct ast_node *left = unary(p), *right;
	enum ast_op op;
	int binding;

	while (left && binary_operator(p, &op, &binding) && binding >= least &&
	       !ends_predicate(p)) {
		advance(p);
		if (!enter(p))
			return NULL;
		right = binary(p, binding + 1);
		p->depth--;
		if (!right)
			return NULL;
		left->next = right;
		left = node_new(p, AST_BINARY, left);
		if (left)
			left->op = op;
	}
	return left;
}

/* ternary: binary [ "?" expression ":" ternary ] */
static struct ast_node *ternary(struct parser *p)
{
	struct ast_node *condition = binary(p, 0), *yes, *no;

	if (!condition || !accept(p, "?"))
		return condition;
	if (!enter(p))
		return NULL;
	yes = expression(p);
	if (!yes || !expect(p, ":"))
		return NULL;
	no = ternary(p);
	p->depth--;
	if (!no)
		return NULL;
	condition->next = yes;
	yes->next = no;
	return node_new(p, AST_TERNARY, condition);
}

static bool assignment_operator(const struct parser *p, enum ast_op *op)
{
	size_t len = p->now.len;

	if (p->now.kind != TOKEN_SIGN || p->now.text[len - 1] != '=')
		return false;
	if (len == 1) {
		*op = OP_NONE;
		return true;
	}
#define X(id, sign, bind)                                                                          \
	if (len == sizeof(sign) && !strncmp(p->now.text, sign, len - 1) && (bind) != 6 &&          \
	    (bind) != 7) {                                                                         \
		*op = OP_##id;                                                                     \
		return true;                                                                       \
	}
	AST_BINARIES(X)
#undef X
	return false;
}

/* expression: ternary [ assignment-operator expression ] */
static struct ast_node *expression(struct parser *p)
{
	struct ast_node *left, *n;
	enum ast_op op;

	if (!enter(p))
		return NULL;
	left = ternary(p);
	if (left && assignment_operator(p, &op)) {
		n = node_new(p, AST_ASSIGN, left);
		advance(p);
		if (left->kind != AST_VARIABLE && left->kind != AST_MAP)
			lex_error(&p->lex, &left->place, NULL,
				  "only $variables and @maps can be assigned to");
		if (n) {
			n->op = op;
			left->next = expression(p);
			left = left->next ? n : NULL;
		}
	}
	p->depth--;
	return p->lex.error ? NULL : left;
}

/* --- statements ------------------------------------------------------------------------- */

/* if: ( "if" | "unless" ) expression block [ "else" ( if | block ) ] */
static struct ast_node *if_statement(struct parser *p)
{
	bool is_unless = sees_word(p, "unless");
	struct ast_node *n = node_new(p, AST_IF, NULL), *condition;

	advance(p);
	condition = expression(p);
	if (!n || !condition)
		return NULL;
	if (is_unless) {
		condition = node_new(p, AST_UNARY, condition);
		if (!condition)
			return NULL;
		condition->op = OP_NOT;
	}
	n->first = condition;
	condition->next = block(p);
	if (!condition->next)
		return NULL;
	if (accept_word(p, "else")) {
		if (!enter(p))
			return NULL;
		condition->next->next = sees_word(p, "if") ? if_statement(p) : block(p);
		p->depth--;
		if (!condition->next->next)
			return NULL;
	}
	return n;
}

/* for: "for" ( "(" variable ":" range ")" | variable ":" range ) block;
 * range: map | binary ".." binary */
static struct ast_node *for_statement(struct parser *p)
{
	struct ast_node *n = node_new(p, AST_FOR_RANGE, NULL), *variable, *from;
	bool parenthesized;

	advance(p);
	parenthesized = accept(p, "(");
	if (p->now.kind != TOKEN_VARIABLE) {
		lex_error(&p->lex, &p->now.place, "for ($kv : @map) { … }, for ($i : 0..10) { … }",
			  "a $variable belongs here");
		return NULL;
	}
	variable = primary(p);
	if (!n || !variable || !expect(p, ":"))
		return NULL;
	n->first = variable;
	variable->next = from = binary(p, 0);
	if (!from)
		return NULL;
	if (accept(p, "..")) {
		from->next = binary(p, 0);
		from = from->next;
	} else {
		n->kind = AST_FOR_MAP;
		if (from->kind != AST_MAP)
			lex_error(&p->lex, &from->place, "for ($i : 0..10) { … }",
				  "a @map or a range belongs here");
	}
	if (!from || (parenthesized && !expect(p, ")")))
		return NULL;
	from->next = block(p);
	return from->next ? n : NULL;
}

/* while: "while" expression block;  unroll: "unroll" expression block */
static struct ast_node *loop(struct parser *p, enum ast_kind kind)
{
	struct ast_node *n = node_new(p, kind, NULL);

	advance(p);
	if (!n)
		return NULL;
	n->first = expression(p);
	if (!n->first)
		return NULL;
	n->first->next = block(p);
	return n->first->next ? n : NULL;
}

/* let: "let" variable [ ":" type ] [ "=" expression ] */
static struct ast_node *let(struct parser *p)
{
	struct ast_node *n = node_new(p, AST_LET, NULL);

	advance(p);
	if (!n)
		return NULL;
	if (p->now.kind != TOKEN_VARIABLE) {
		lex_error(&p->lex, &p->now.place, NULL, "let declares a $variable");
		return NULL;
	}
	n->first = primary(p);
	if (accept(p, ":") && !type_name(p, &n->type_name))
		return NULL;
	if (n->first && accept(p, "=")) {
		n->first->next = expression(p);
		if (!n->first->next)
			return NULL;
	}
	return n;
}

/* jump: "return" [ expression ] | "break" | "continue" */
static struct ast_node *jump(struct parser *p, enum ast_kind kind)
{
	struct ast_node *n = node_new(p, kind, NULL);

	advance(p);
	if (n && kind == AST_RETURN && !sees(p, ";") && !sees(p, "}"))
		n->first = expression(p);
	return n;
}

/* statement: if | while | for | unroll | block | ( let | jump | expression ) ( ";" | before "}" ) */
static struct ast_node *statement(struct parser *p)
{
	struct ast_node *n, *value;

	if (sees(p, "{"))
		return block(p);
	if (sees_word(p, "if") || sees_word(p, "unless"))
		return if_statement(p);
	if (sees_word(p, "while"))
		return loop(p, AST_WHILE);
	if (sees_word(p, "unroll"))
		return loop(p, AST_UNROLL);
	if (sees_word(p, "for"))
		return for_statement(p);
	if (sees_word(p, "let")) {
		n = let(p);
	} else if (sees_word(p, "return")) {
		n = jump(p, AST_RETURN);
	} else if (sees_word(p, "break")) {
		n = jump(p, AST_BREAK);
	} else if (sees_word(p, "continue")) {
		n = jump(p, AST_CONTINUE);
	} else {
		value = expression(p);
		n = value ? node_new(p, AST_EVAL, value) : NULL;
	}
	if (n && !sees(p, "}"))
		expect(p, ";");
	return p->lex.error ? NULL : n;
}

/* block: "{" { statement | ";" } "}"; the last sign is still to be read */
static struct ast_node *open_block(struct parser *p)
{
	struct ast_node *n, **end;

	if (!enter(p))
		return NULL;
	n = node_new(p, AST_BLOCK, NULL);
	if (!n || !expect(p, "{"))
		return NULL;
	end = &n->first;
	while (!p->lex.error && !sees(p, "}")) {
		if (accept(p, ";"))
			continue;
		if (p->now.kind == TOKEN_END) {
			lex_error(&p->lex, &n->place, "it began here", "this { is never closed");
			return NULL;
		}
		*end = statement(p);
		if (!*end)
			return NULL;
		end = &(*end)->next;
	}
	p->depth--;
	return p->lex.error ? NULL : n;
}

static struct ast_node *block(struct parser *p)
{
	struct ast_node *n = open_block(p);

	advance(p);
	return n;
}

/* --- what stands before the probes ------------------------------------------------------ */

/* config: "config" "=" "{" { name "=" ( int | name | string ) [ ";" | "," ] } "}" */
static void config(struct parser *p)
{
	struct ast_setting **end = &p->script->settings, *s;

	while (*end)
		end = &(*end)->next;
	advance(p);
	expect(p, "=");
	expect(p, "{");
	while (!p->lex.error && !sees(p, "}")) {
		s = arena_new(p->lex.arena, struct ast_setting);
		if (!s || p->now.kind != TOKEN_NAME) {
			lex_error(&p->lex, &p->now.place, NULL, "a setting's name belongs here");
			return;
		}
		s->name = p->now.text;
		s->place = p->now.place;
		advance(p);
		expect(p, "=");
		s->text = p->now.kind == TOKEN_INT ? arena_printf(p->lex.arena, "%llu",
								  (unsigned long long)p->now.number)
						   : p->now.text;
		advance(p);
		*end = s;
		end = &s->next;
		if (!accept(p, ";"))
			accept(p, ",");
	}
	resume_behind(p, &p->now);
}

/* members: { type { "*" } name [ "[" int "]" ] { "," … } ";" } "}" */
static void members(struct parser *p, struct ast_struct *s)
{
	struct ast_member **end = &s->members, *m;
	struct ast_type_name base;

	while (!p->lex.error && !sees(p, "}")) {
		if (!type_name(p, &base))
			return;
		do {
			m = arena_new(p->lex.arena, struct ast_member);
			if (!m)
				return;
			m->type = base;
			while (accept(p, "*"))
				m->type.pointers++;
			m->place = p->now.place;
			m->name = p->now.text;
			if (p->now.kind != TOKEN_NAME)
				lex_error(&p->lex, &p->now.place, NULL,
					  "the name of a field belongs here");
			advance(p);
			if (accept(p, "[")) {
				m->type.count = (uint32_t)p->now.number;
				if (p->now.kind != TOKEN_INT)
					lex_error(&p->lex, &p->now.place, NULL,
						  "a number of elements belongs here");
				advance(p);
				expect(p, "]");
			}
			*end = m;
			end = &m->next;
		} while (accept(p, ","));
		expect(p, ";");
	}
}

/* enum: "enum" [ name ] "{" { name [ "=" int ] "," } "}" ";" */
static void enumeration(struct parser *p)
{
	struct ast_constant **end = &p->script->constants, *c;
	int64_t value = 0;
	bool negative;

	while (*end)
		end = &(*end)->next;
	advance(p);
	if (p->now.kind == TOKEN_NAME)
		advance(p);
	expect(p, "{");
	while (!p->lex.error && p->now.kind == TOKEN_NAME) {
		c = arena_new(p->lex.arena, struct ast_constant);
		if (!c)
			return;
		c->name = p->now.text;
		advance(p);
		if (accept(p, "=")) {
			negative = accept(p, "-");
			value = negative ? -(int64_t)p->now.number : (int64_t)p->now.number;
			advance(p);
		}
		c->value = value;
		value = (int64_t)((uint64_t)value + 1);
		*end = c;
		end = &c->next;
		if (!accept(p, ","))
			break;
	}
	if (!sees(p, "}"))
		expect(p, "}");
}

/* definition: ( "struct" | "union" ) name "{" members ";" | enum */
static void definition(struct parser *p)
{
	struct ast_struct **end = &p->script->structs, *s;
	const char *word = p->now.text;

	if (sees_word(p, "enum")) {
		enumeration(p);
	} else {
		while (*end)
			end = &(*end)->next;
		s = arena_new(p->lex.arena, struct ast_struct);
		advance(p);
		if (!s || p->now.kind != TOKEN_NAME) {
			lex_error(&p->lex, &p->now.place, NULL, "which %s?", word);
			return;
		}
		s->place = p->now.place;
		s->name = arena_printf(p->lex.arena, "%s %s", word, p->now.text);
		s->is_union = !strcmp(word, "union");
		advance(p);
		expect(p, "{");
		members(p, s);
		*end = s;
	}
	if (p->lex.error)
		return;
	if (!then_sees(p, ";")) {
		advance(p);
		lex_error(&p->lex, &p->now.place, NULL, "';' is missing behind the definition");
		return;
	}
	resume_behind(p, &p->then);
}

/* directive: "#include" … | "#define" name int, to the end of the line */
static void directive(struct parser *p)
{
	const char *line = p->lex.at, *end = line + strcspn(line, "\n"), *value;
	struct ast_constant **last = &p->script->constants, *c;
	size_t name_len;
	char *rest;

	line += 1 + strspn(line + 1, " \t");
	if (!strncmp(line, "define", 6) && (line[6] == ' ' || line[6] == '\t')) {
		line += 6 + strspn(line + 6, " \t");
		name_len = strcspn(line, " \t\n(");
		value = line + name_len + strspn(line + name_len, " \t");
		c = arena_new(p->lex.arena, struct ast_constant);
		if (c) {
			c->name = arena_strndup(p->lex.arena, line, name_len);
			c->value = (int64_t)strtoull(value, &rest, 0);
			if (rest == value || rest > end) {
				struct lang_place place = {p->lex.line, 1,
							   (uint32_t)(p->lex.at - p->lex.text), 1};

				lex_error(&p->lex, &place, NULL, "only numbers can be #defined");
			}
			while (*last)
				last = &(*last)->next;
			*last = c;
		}
	}
	/* #include: kernel types come from the kernel's own description */
	p->lex.at = end;
}

/* predicate: "/" expression "/" */
static struct ast_node *predicate(struct parser *p)
{
	struct ast_node *n;

	advance(p);
	n = expression(p);
	if (n)
		expect(p, "/");
	return n;
}

/* clause: probe { "," probe } [ predicate ] block */
static struct ast_clause *clause(struct parser *p, const struct token *first)
{
	struct ast_clause *c = arena_new(p->lex.arena, struct ast_clause);
	struct ast_probe **end = c ? &c->probes : NULL, *probe;
	struct token word = *first;

	if (!c)
		return NULL;
	c->place = first->place;
	for (;;) {
		probe = arena_new(p->lex.arena, struct ast_probe);
		if (!probe)
			return NULL;
		probe->text = word.text;
		probe->place = word.place;
		*end = probe;
		end = &probe->next;
		while (*p->lex.at == ' ' || *p->lex.at == '\t')
			p->lex.at++;
		if (*p->lex.at != ',')
			break;
		p->lex.at++;
		word = lex_probe(&p->lex);
		if (!word.len)
			break; /* a comma before the block is allowed */
	}
	restart(p);
	if (sees(p, "/"))
		c->predicate = predicate(p);
	if (!p->lex.error && !sees(p, "{"))
		lex_error(&p->lex, &p->now.place, NULL, "'{' is missing before %s",
			  token_text(&p->now));
	c->body = p->lex.error ? NULL : open_block(p);
	if (!c->body)
		return NULL;
	resume_behind(p, &p->now); /* the closing brace */
	return c;
}

/* script: { config | definition | directive | clause } */
static void script(struct parser *p)
{
	struct ast_clause **end = &p->script->clauses;

	while (!p->lex.error) {
		struct lexer before = p->lex;
		struct token word = lex_probe(&p->lex);

		if (word.text[0] == '#') {
			p->lex.at = p->lex.text + word.place.offset;
			directive(p);
		} else if (!strcmp(word.text, "config") || !strcmp(word.text, "struct") ||
			   !strcmp(word.text, "union") || !strcmp(word.text, "enum")) {
			p->lex = before;
			restart(p);
			if (word.text[0] == 'c')
				config(p);
			else
				definition(p);
		} else if (word.len) {
			*end = clause(p, &word);
			if (!*end)
				return;
			end = &(*end)->next;
		} else if (*p->lex.at == ';' || *p->lex.at == ',') {
			p->lex.at++;
		} else if (*p->lex.at) {
			lex_error(&p->lex, &word.place, NULL, "a probe's name belongs before '%c'",
				  *p->lex.at);
		} else {
			return;
		}
	}
}

static int result(struct parser *p)
{
	if (!p->lex.error && arena_failed(p->lex.arena))
		p->lex.error = -ENOMEM;
	return p->lex.error;
}

int bt_parse(struct ast_script **out, const char *file, const char *text, struct arena *a,
	     struct diag *diag)
{
	struct parser p = {0};

	*out = NULL;
	if (strnlen(text, MAX_TEXT + 1) > MAX_TEXT)
		return diag_error(diag, NULL, "the script is longer than 1 MiB");
	p.script = arena_new(a, struct ast_script);
	text = arena_strdup(a, text);
	if (!p.script || !text)
		return -ENOMEM;
	p.script->file = file;
	p.script->text = text;
	lex_init(&p.lex, file, text, a, diag);
	script(&p);
	if (!p.lex.error && !p.script->clauses) {
		struct lang_place start = {1, 1, 0, 0};

		lex_error(&p.lex, &start, "BEGIN { printf(\"hello\\n\"); }",
			  "there is no probe in the script");
	}
	if (!result(&p))
		*out = p.script;
	return p.lex.error;
}

int bt_parse_expression(struct ast_node **out, const char *file, const char *text, struct arena *a,
			struct diag *diag)
{
	struct parser p = {0};

	lex_init(&p.lex, file, text, a, diag);
	restart(&p);
	*out = expression(&p);
	if (!p.lex.error && p.now.kind != TOKEN_END)
		lex_error(&p.lex, &p.now.place, NULL, "the expression was complete before this");
	return result(&p);
}
