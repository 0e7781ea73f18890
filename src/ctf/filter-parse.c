/* SPDX-License-Identifier: MIT */
/*
 * From text to a tree. Each function reads the grammar rule above it; every
 * node knows how deep the tree below it is, so that neither this nor
 * evaluation recurses further than MAX_DEPTH, whatever the text.
 */
#include "ctf/filter-node.h"

#include "base/vec.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 16, MAX_DEPTH = 100 };

enum token_kind {
	TOKEN_END,
	TOKEN_INT,
	TOKEN_REAL,
	TOKEN_TEXT,
	TOKEN_NAME,
	TOKEN_CONTEXT,
	TOKEN_SIGN
};

const char filter_place_name[] = "filter";

struct parser {
	const char *text, *at;
	struct arena *arena;
	struct diag *diag;
	int error; /* the first, sticky: -EINVAL or -ENOMEM */
	unsigned depth; /* of parentheses and prefix operators being read */
	struct VEC(struct filter_node *) fields;

	/* The next token. */
	enum token_kind kind;
	const char *start; /* of it, in text */
	size_t len;
	filter_int number;
	double real;
	char *string, *wild;
	size_t string_len;
};

static unsigned column_of(const struct parser *p, const char *where)
{
	return (unsigned)(where - p->text) + 1;
}

static void complain(struct parser *p, const char *where, const char *what, const char *hint)
{
	struct diag_place place = {filter_place_name, 1, column_of(p, where), 0, 0};

	if (p->error)
		return;
	p->error = diag_error(p->diag, &place, "%s", what);
	if (hint)
		diag_hint(p->diag, "%s", hint);
}

static void no_memory(struct parser *p)
{
	if (!p->error)
		p->error = -ENOMEM;
}

/* --- tokens ---------------------------------------------------------------- */

static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* K M G T count in 1024; ns us ms s give nanoseconds. 0: no such suffix. */
static uint64_t suffix_factor(const char *s, size_t len)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} suffixes[] = {
		{"K", 1ull << 10}, {"M", 1ull << 20}, {"G", 1ull << 30}, {"T", 1ull << 40},
		{"ns", 1},         {"us", 1000},      {"ms", 1000000},   {"s", 1000000000},
	};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strlen(suffixes[i].name) == len && !memcmp(suffixes[i].name, s, len))
			return suffixes[i].factor;
	return 0;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* digits: in `base`; false when beyond 64 bits */
static bool lex_digits(struct parser *p, int base, uint64_t *out)
{
	uint64_t v = 0;
	bool fits = true;

	for (; digit_value(*p->at) < base; p->at++)
		fits &= !__builtin_mul_overflow(v, (uint64_t)base, &v) &&
			!__builtin_add_overflow(v, (uint64_t)digit_value(*p->at), &v);
	*out = v;
	return fits;
}

/* real: digits [ "." digits ] [ "e" [sign] digits ], known to be one */
static bool is_real(const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (s[n] == '.' && isdigit((unsigned char)s[n + 1]))
		return true;
	if (s[n] != 'e' && s[n] != 'E')
		return false;
	n += 1 + (s[n + 1] == '+' || s[n + 1] == '-');
	return isdigit((unsigned char)s[n]);
}

static void lex_real(struct parser *p)
{
	size_t len = strspn(p->at, "0123456789");
	char *copy;

	/* Bounded by hand: strtod would also take hexadecimal and "inf". */
	if (p->at[len] == '.')
		len += 1 + strspn(p->at + len + 1, "0123456789");
	if (p->at[len] == 'e' || p->at[len] == 'E') {
		size_t more = 1 + (p->at[len + 1] == '+' || p->at[len + 1] == '-');

		if (isdigit((unsigned char)p->at[len + more]))
			len += more + strspn(p->at + len + more, "0123456789");
	}
	copy = arena_strndup(p->arena, p->at, len);
	if (!copy) {
		no_memory(p);
		return;
	}
	p->real = strtod(copy, NULL);
	p->kind = TOKEN_REAL;
	p->at += len;
}

/* number: ( "0x" hex | "0b" binary | "0" octal | decimal | real ) [ suffix ] */
static void lex_number(struct parser *p)
{
	const char *digits = p->at;
	uint64_t value = 0, factor;
	bool fits = true;
	size_t len = 0;

	p->kind = TOKEN_INT;
	if (is_real(p->at)) {
		lex_real(p);
	} else if (p->at[0] == '0' && (p->at[1] == 'x' || p->at[1] == 'X')) {
		digits = p->at += 2;
		fits = lex_digits(p, 16, &value);
	} else if (p->at[0] == '0' && (p->at[1] == 'b' || p->at[1] == 'B')) {
		digits = p->at += 2;
		fits = lex_digits(p, 2, &value);
	} else if (p->at[0] == '0') {
		fits = lex_digits(p, 8, &value);
	} else {
		fits = lex_digits(p, 10, &value);
	}
	if (p->error)
		return;
	if (p->at == digits) {
		complain(p, p->start, "a number without digits", NULL);
		return;
	}
	if (!fits) {
		complain(p, p->start, "this number does not fit in 64 bits", NULL);
		return;
	}
	p->number = value;
	while (is_name_char(p->at[len]))
		len++;
	if (!len)
		return;
	factor = suffix_factor(p->at, len);
	if (!factor) {
		complain(p, p->at, "these characters do not belong behind a number",
			 "K M G T count in 1024, ns us ms s are durations in nanoseconds");
		return;
	}
	p->at += len;
	p->real *= (double)factor;
	p->number *= factor; /* below 2^105 */
	/* 1.5ms is the integer 1500000 */
	if (p->kind == TOKEN_REAL && p->real < 0x1p62 && p->real == (double)(int64_t)p->real) {
		p->kind = TOKEN_INT;
		p->number = (int64_t)p->real;
	}
}

/* escape: "\\" ( letter | "x" hex hex | punctuation, for itself ) */
static bool lex_escape(struct parser *p, char *out)
{
	static const char pairs[] = "n\nt\tr\ra\ab\bf\fv\v0\0";
	char c = *p->at++;

	for (size_t i = 0; i + 1 < sizeof(pairs); i += 2)
		if (pairs[i] == c) {
			*out = pairs[i + 1];
			return true;
		}
	if (c == 'x') {
		int high = digit_value(p->at[0]), low = high < 16 ? digit_value(p->at[1]) : 99;

		if (low >= 16)
			return false;
		*out = (char)(high * 16 + low);
		p->at += 2;
		return true;
	}
	*out = c;
	return ispunct((unsigned char)c);
}

/* string: quote { character | escape } quote */
static void lex_string(struct parser *p)
{
	char quote = *p->at++;
	size_t max = strlen(p->at), n = 0;
	bool is_glob = false;

	/* No longer than up to the next such quote that is not escaped. */
	for (size_t i = 0; i < max; i += p->at[i] == '\\' ? 2 : 1)
		if (p->at[i] == quote)
			max = i;
	p->string = arena_alloc(p->arena, max + 1);
	p->wild = arena_alloc(p->arena, max + 1);
	if (!p->string || !p->wild) {
		no_memory(p);
		return;
	}
	while (*p->at && *p->at != quote) {
		const char *here = p->at;

		if (*p->at != '\\') {
			if (*p->at == '*' || *p->at == '?') {
				p->wild[n] = *p->at;
				is_glob = true;
			}
			p->string[n++] = *p->at++;
			continue;
		}
		p->at++;
		if (!*p->at)
			break;
		if (!lex_escape(p, &p->string[n++])) {
			complain(p, here, "an escape that means nothing",
				 "\\n \\t \\\\ \\\" \\* \\? and \\xNN are understood");
			return;
		}
	}
	if (*p->at != quote) {
		complain(p, p->start, "this string has no end", NULL);
		return;
	}
	p->at++;
	p->kind = TOKEN_TEXT;
	p->string_len = n;
	if (!is_glob)
		p->wild = NULL;
}

static void lex_sign(struct parser *p)
{
	static const char *const signs[] = {
		"||", "&&", "==", "!=", "<=", ">=", "<<", ">>", /* longest first */
		"<",  ">",  "+",  "-",  "*",  "/",  "%",  "&",  "|",
		"^",  "~",  "!",  "(",  ")",  "[",  "]",  ".",
	};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		size_t len = strlen(signs[i]);

		if (!strncmp(p->at, signs[i], len)) {
			p->kind = TOKEN_SIGN;
			p->at += len;
			return;
		}
	}
	if (*p->at == '=')
		complain(p, p->at, "= is no comparison", "write ==");
	else
		complain(p, p->at, "a character that no expression has", NULL);
}

static void advance(struct parser *p)
{
	if (p->error)
		return;
	while (isspace((unsigned char)*p->at))
		p->at++;
	p->start = p->at;
	p->real = 0;
	p->number = 0;
	if (!*p->at) {
		p->kind = TOKEN_END;
	} else if (isdigit((unsigned char)*p->at)) {
		lex_number(p);
	} else if (*p->at == '"' || *p->at == '\'') {
		lex_string(p);
	} else if (is_name_start(*p->at) || *p->at == '$') {
		p->kind = *p->at == '$' ? TOKEN_CONTEXT : TOKEN_NAME;
		do
			p->at++;
		while (is_name_char(*p->at));
	} else {
		lex_sign(p);
	}
	p->len = (size_t)(p->at - p->start);
}

static bool sees(const struct parser *p, const char *sign)
{
	return !p->error && p->kind == TOKEN_SIGN && strlen(sign) == p->len &&
	       !memcmp(p->start, sign, p->len);
}

static bool accept(struct parser *p, const char *sign)
{
	if (!sees(p, sign))
		return false;
	advance(p);
	return true;
}

static bool sees_word(const struct parser *p, const char *word)
{
	return !p->error && p->kind == TOKEN_NAME && strlen(word) == p->len &&
	       !memcmp(p->start, word, p->len);
}

/* --- the grammar ------------------------------------------------------------- */

static struct filter_node *node_new(struct parser *p, enum filter_op op, const char *where,
				    struct filter_node *kids)
{
	struct filter_node *node;
	unsigned depth = 0;

	if (p->error)
		return NULL;
	node = arena_new(p->arena, struct filter_node);
	if (!node) {
		no_memory(p);
		return NULL;
	}
	for (const struct filter_node *kid = kids; kid; kid = kid->next)
		depth = kid->depth > depth ? kid->depth : depth;
	node->op = op;
	node->column = column_of(p, where);
	node->kids = kids;
	node->depth = depth + 1;
	if (node->depth > MAX_DEPTH)
		complain(p, where, "this expression is nested too deeply", NULL);
	return node;
}

static struct filter_node *parse_or(struct parser *p);

/* step: "." name | "[" integer "]" */
static bool parse_step(struct parser *p, struct filter_step *step)
{
	if (accept(p, ".")) {
		if (p->kind != TOKEN_NAME) {
			complain(p, p->start, "a field's name belongs behind the dot", NULL);
			return false;
		}
		step->name = arena_strndup(p->arena, p->start, p->len);
		if (!step->name)
			no_memory(p);
		advance(p);
		return !p->error;
	}
	if (!accept(p, "["))
		return false;
	if (p->kind != TOKEN_INT || p->number > UINT32_MAX) {
		complain(p, p->start, "an index is a number from 0 on", NULL);
		return false;
	}
	step->index = (uint64_t)p->number;
	advance(p);
	if (!accept(p, "]"))
		complain(p, p->start, "] is missing here", NULL);
	return !p->error;
}

/* field: name { step } */
static struct filter_node *parse_field(struct parser *p)
{
	struct filter_node *node = node_new(p, FILTER_FIELD, p->start, NULL);
	struct filter_step steps[MAX_DEPTH];
	const char *start = p->start, *end = p->at;
	size_t n = 1;

	if (!node)
		return NULL;
	steps[0] = (struct filter_step){.name = arena_strndup(p->arena, p->start, p->len)};
	advance(p);
	while (!p->error && (sees(p, ".") || sees(p, "["))) {
		if (n == MAX_DEPTH) {
			complain(p, p->start, "this field is nested too deeply", NULL);
			return NULL;
		}
		steps[n] = (struct filter_step){0};
		if (!parse_step(p, &steps[n++]))
			return NULL;
		end = p->start;
	}
	if (p->error)
		return NULL;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	node->spelled = arena_strndup(p->arena, start, (size_t)(end - start));
	node->steps = arena_memdup(p->arena, steps, n * sizeof(steps[0]));
	node->n_steps = n;
	node->slot = p->fields.len;
	if (arena_failed(p->arena) || vec_push(&p->fields, node))
		no_memory(p);
	return node;
}

/* context: "$" name */
static struct filter_node *parse_context(struct parser *p)
{
	static const char *const names[] = {
#define X(id, name) name,
		FILTER_CONTEXTS(X)
#undef X
	};
	struct filter_node *node = node_new(p, FILTER_CONTEXT, p->start, NULL);

	for (int i = 0; node && i < FILTER_N_CONTEXTS; i++)
		if (strlen(names[i]) == p->len - 1 && !memcmp(p->start + 1, names[i], p->len - 1)) {
			node->context = (enum filter_context)i;
			advance(p);
			return node;
		}
	complain(p, p->start, "there is no such name with a $",
		 "$pid $tid $procname $cpu $name $provider $event $level $timestamp");
	return NULL;
}

/* call: ( "len" | "has" ) "(" ( field | context ) ")" */
static struct filter_node *parse_call(struct parser *p, enum filter_op op)
{
	const char *where = p->start;
	struct filter_node *operand;

	advance(p);
	advance(p); /* the ( that was seen */
	if (p->error)
		return NULL;
	if (p->kind != TOKEN_NAME && p->kind != TOKEN_CONTEXT) {
		complain(p, p->start, "a field's name belongs here", NULL);
		return NULL;
	}
	operand = p->kind == TOKEN_NAME ? parse_field(p) : parse_context(p);
	if (!p->error && !accept(p, ")"))
		complain(p, p->start, ") is missing here", NULL);
	return operand ? node_new(p, op, where, operand) : NULL;
}

static struct filter_node *parse_literal(struct parser *p)
{
	enum filter_op op = p->kind == TOKEN_TEXT   ? FILTER_TEXT
			    : p->kind == TOKEN_REAL ? FILTER_REAL
						    : FILTER_INT;
	struct filter_node *node = node_new(p, op, p->start, NULL);

	if (!node)
		return NULL;
	if (op == FILTER_TEXT) {
		node->text = p->string;
		node->wild = p->wild;
		node->len = p->string_len;
	} else if (op == FILTER_REAL) {
		node->real = p->real;
	} else {
		node->number = p->kind == TOKEN_INT ? p->number : sees_word(p, "true");
	}
	advance(p);
	return node;
}

/* primary: number | string | "true" | "false" | call | field | context | "(" or ")" */
static struct filter_node *parse_primary(struct parser *p)
{
	const char *behind = p->at;
	struct filter_node *node;

	if (p->error)
		return NULL;
	while (isspace((unsigned char)*behind))
		behind++;
	switch (p->kind) {
	case TOKEN_INT:
	case TOKEN_REAL:
	case TOKEN_TEXT:
		return parse_literal(p);
	case TOKEN_CONTEXT:
		return parse_context(p);
	case TOKEN_NAME:
		if (sees_word(p, "true") || sees_word(p, "false"))
			return parse_literal(p);
		if (*behind != '(')
			return parse_field(p);
		if (sees_word(p, "len") || sees_word(p, "has"))
			return parse_call(p, sees_word(p, "len") ? FILTER_LEN : FILTER_HAS);
		complain(p, p->start, "there is no such function", "len() and has() exist");
		return NULL;
	case TOKEN_SIGN:
		if (!accept(p, "("))
			break;
		node = parse_or(p);
		if (!p->error && !accept(p, ")"))
			complain(p, p->start, ") is missing here", NULL);
		return node;
	case TOKEN_END:
		complain(p, p->start, "the expression ends where a value is needed", NULL);
		return NULL;
	}
	complain(p, p->start, "a value is needed here", NULL);
	return NULL;
}

/* unary: { "!" | "~" | "-" } primary */
static struct filter_node *parse_unary(struct parser *p)
{
	const char *where = p->start;
	struct filter_node *operand;
	enum filter_op op;

	if (sees(p, "!"))
		op = FILTER_NOT;
	else if (sees(p, "~"))
		op = FILTER_INVERT;
	else if (sees(p, "-"))
		op = FILTER_NEGATE;
	else
		op = FILTER_INT;
	if (p->depth == MAX_DEPTH) {
		complain(p, where, "this expression is nested too deeply", NULL);
		return NULL;
	}
	p->depth++;
	if (op == FILTER_INT) {
		operand = parse_primary(p);
		p->depth--;
		return operand;
	}
	advance(p);
	operand = parse_unary(p);
	p->depth--;
	return operand ? node_new(p, op, where, operand) : NULL;
}

static bool binary_operator(const struct parser *p, enum filter_op *op, int *binding)
{
#define X(id, text, bind)                                                                          \
	if (sees(p, text)) {                                                                       \
		*op = FILTER_##id;                                                                 \
		*binding = bind;                                                                   \
		return true;                                                                       \
	}
	FILTER_BINARIES(X)
#undef X
	return false;
}

/* binary: unary { operator unary }, for the operators that bind at least as tightly as `least` */
static struct filter_node *parse_binary(struct parser *p, int least)
{
	struct filter_node *left = parse_unary(p), *right;
	bool compared = false;
	enum filter_op op;
	int binding;

	while (left && binary_operator(p, &op, &binding) && binding >= least) {
		const char *where = p->start;

		if (compared && op >= FILTER_EQUAL) {
			complain(p, where, "comparisons do not chain", "join them with &&");
			return NULL;
		}
		compared = op >= FILTER_EQUAL;
		advance(p);
		right = parse_binary(p, binding + 1);
		if (!right)
			return NULL;
		left->next = right;
		left = node_new(p, op, where, left);
	}
	return left;
}

/* and: binary { "&&" binary };  or: and { "||" and } */
static struct filter_node *parse_chain(struct parser *p, enum filter_op op, const char *sign,
				       struct filter_node *(*parse_part)(struct parser *p))
{
	struct filter_node *first = parse_part(p), *last = first;
	const char *where = p->start;

	if (!first || !sees(p, sign))
		return first;
	while (accept(p, sign)) {
		last->next = parse_part(p);
		if (!last->next)
			return NULL;
		last = last->next;
	}
	return node_new(p, op, where, first);
}

static struct filter_node *parse_comparison(struct parser *p)
{
	return parse_binary(p, 0);
}

static struct filter_node *parse_and(struct parser *p)
{
	return parse_chain(p, FILTER_ALL, "&&", parse_comparison);
}

static struct filter_node *parse_or(struct parser *p)
{
	return parse_chain(p, FILTER_ANY, "||", parse_and);
}

/* filter: or */
int filter_parse(struct filter **out, const char *text, struct arena *a, struct diag *diag)
{
	struct parser p = {.arena = a, .diag = diag};
	struct filter *f = arena_new(a, struct filter);

	*out = NULL;
	if (strnlen(text, MAX_TEXT + 1) > MAX_TEXT)
		return diag_error(diag, NULL, "the filter is longer than 64 KiB");
	p.text = p.at = arena_strdup(a, text);
	if (!f || !p.text)
		return -ENOMEM;
	f->text = p.text;
	f->arena = a;
	advance(&p);
	if (p.kind == TOKEN_END)
		complain(&p, p.start, "the filter is empty", NULL);
	f->root = parse_or(&p);
	if (!p.error && p.kind != TOKEN_END)
		complain(&p, p.start, "the expression was complete before this", NULL);
	f->n_fields = p.fields.len;
	f->fields = arena_memdup(a, p.fields.items, p.fields.len * sizeof(p.fields.items[0]));
	vec_fini(&p.fields);
	if (!p.error && arena_failed(a))
		no_memory(&p);
	if (!p.error)
		*out = f;
	return p.error;
}

void filter_point(struct str *out, const char *text, const struct diag *diag)
{
	struct str carets = {0};

	for (size_t i = 0; i < diag->len; i++) {
		const struct diag_place *place = &diag->entries[i].place;

		if (!place->file || strcmp(place->file, filter_place_name) != 0 ||
		    place->column > MAX_TEXT + 1 || !place->column)
			continue;
		while (carets.len < place->column && !carets.failed)
			str_add_char(&carets, ' ');
		if (!carets.failed)
			carets.data[place->column - 1] = '^';
	}
	if (carets.len && !carets.failed) {
		str_add(out, "  ");
		for (; *text; text++) /* a line break would part it from its carets */
			str_add_char(out, iscntrl((unsigned char)*text) ? ' ' : *text);
		str_addf(out, "\n  %s\n", str_c(&carets));
	}
	str_fini(&carets);
}
