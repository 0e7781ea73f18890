/* SPDX-License-Identifier: MIT */
/*
 * The tree as text: a node a line, what is below it indented, with its type
 * once that is known.
 */
#include "lang/ast.h"

#include <inttypes.h>

const char *ast_op_text(enum ast_op op)
{
	static const char *const texts[OP_N] = {
		[OP_NONE] = "=",
#define X(id, text, binding) [OP_##id] = text,
		AST_BINARIES(X)
#undef X
			[OP_NOT] = "!",
		[OP_INVERT] = "~",
		[OP_NEGATE] = "-",
		[OP_DEREFERENCE] = "*",
		[OP_INCREMENT] = "++",
		[OP_DECREMENT] = "--",
		[OP_DOT] = ".",
		[OP_ARROW] = "->",
	};

	return texts[op];
}

static void write_type_name(struct str *out, const struct ast_type_name *t)
{
	if (!t->name)
		return;
	str_addf(out, " (%s", t->name);
	for (unsigned i = 0; i < t->pointers; i++)
		str_add_char(out, '*');
	if (t->count)
		str_addf(out, "[%u]", t->count);
	str_add_char(out, ')');
}

static void write_node(struct str *out, const struct ast_node *n, int depth)
{
	static const char *const names[] = {
#define X(id, text) [AST_##id] = text,
		AST_NODES(X)
#undef X
	};

	str_addf(out, "%*s%s", depth * 2, "", names[n->kind]);
	if (n->kind == AST_UNARY || n->kind == AST_BINARY || n->kind == AST_STEP ||
	    n->kind == AST_ASSIGN || n->kind == AST_FIELD)
		str_addf(out, " %s%s", ast_op_text(n->op), n->is_prefix ? " prefix" : "");
	if (n->kind == AST_ASSIGN && n->op != OP_NONE)
		str_add_char(out, '=');
	if (n->kind == AST_STRING) {
		str_add_char(out, ' ');
		str_add_json(out, n->name, n->len);
	} else if (n->name) {
		str_addf(out, " %s%s",
			 n->kind == AST_VARIABLE ? "$"
			 : n->kind == AST_MAP    ? "@"
						 : "",
			 n->name);
	}
	if (n->kind == AST_INT || n->kind == AST_ITEM || n->kind == AST_PARAMETER)
		str_addf(out, " %" PRIi64, (int64_t)n->number);
	write_type_name(out, &n->type_name);
	if (n->type && n->type->kind != LANG_NONE) {
		str_add(out, " : ");
		lang_type_write(out, n->type);
	}
	str_add_char(out, '\n');
	for (const struct ast_node *child = n->first; child; child = child->next)
		write_node(out, child, depth + 1);
}

void ast_write(struct str *out, const struct ast_script *script)
{
	for (const struct ast_setting *s = script->settings; s; s = s->next)
		str_addf(out, "config %s = %s\n", s->name, s->text);
	for (const struct ast_struct *s = script->structs; s; s = s->next) {
		str_addf(out, "%s\n", s->name);
		for (const struct ast_member *m = s->members; m; m = m->next) {
			str_addf(out, "  %s", m->name);
			write_type_name(out, &m->type);
			str_add_char(out, '\n');
		}
	}
	for (const struct ast_constant *c = script->constants; c; c = c->next)
		str_addf(out, "constant %s = %" PRIi64 "\n", c->name, c->value);
	for (const struct ast_clause *c = script->clauses; c; c = c->next) {
		for (const struct ast_probe *p = c->probes; p; p = p->next)
			str_addf(out, "probe %s\n", p->text);
		if (c->predicate) {
			str_add(out, "  predicate\n");
			write_node(out, c->predicate, 2);
		}
		write_node(out, c->body, 1);
	}
}
