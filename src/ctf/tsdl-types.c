/* SPDX-License-Identifier: MIT */
/*
 * tsdl-types.c - the types of TSDL and their declarations (CTF 1.8.3, 7.3.1,
 * 7.3.2 and appendix C.2). Functions are named after the rule they read.
 */
#include "ctf/plan.h"
#include "ctf/tsdl-parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_ALIGN (1u << 30)

static struct ctf_type *type_specifier(struct tsdl_parser *p, const char **name);
static struct ctf_type *declarator(struct tsdl_parser *p, struct ctf_type *type, const char *words,
				   const char **name);

static struct ctf_type *new_type(struct tsdl_parser *p, enum ctf_kind kind, unsigned align)
{
	struct ctf_type *t = arena_new(p->arena, struct ctf_type);
	if (!t) {
		tsdl_no_memory(p);
		return NULL;
	}
	t->kind = kind;
	t->align = align;
	t->line = p->tok.line;
	t->column = p->tok.column;
	return t;
}

/* --- names of types --------------------------------------------------------- */

void tsdl_scope_push(struct tsdl_parser *p, struct tsdl_scope *scope)
{
	memset(scope, 0, sizeof(*scope));
	scope->outer = p->scope;
	p->scope = scope;
}

void tsdl_scope_pop(struct tsdl_parser *p)
{
	map_fini(&p->scope->names);
	p->scope = p->scope->outer;
}

static struct ctf_type *lookup(struct tsdl_parser *p, const char *prefix, const char *name)
{
	const char *key = *prefix ? arena_printf(p->arena, "%s %s", prefix, name) : name;
	uint64_t found;
	for (struct tsdl_scope *s = p->scope; s && key; s = s->outer)
		if (map_get_str(&s->names, key, &found))
			return (struct ctf_type *)(uintptr_t)found;
	return NULL;
}

static void declare(struct tsdl_parser *p, const char *prefix, const char *name,
		    struct ctf_type *type, unsigned line, unsigned column)
{
	if (p->error || !type)
		return;
	const char *key = *prefix ? arena_printf(p->arena, "%s %s", prefix, name) : name;
	uint64_t found;
	if (!key)
		tsdl_no_memory(p);
	else if (map_get_str(&p->scope->names, key, &found))
		tsdl_fail(p, line, column, "the type `%s` is declared twice", key);
	else if (map_put_str(&p->scope->names, key, (uintptr_t)type))
		tsdl_no_memory(p);
	else if (!p->scope->outer) {
		/* References that stay inside of it must be right even if it is never used. */
		int rc = ctf_type_check(type, p->file_name, p->diag);
		if (rc) {
			p->error = rc;
			p->tok.kind = TSDL_END;
		}
	}
}

/* --- integer, floating_point, string ------------------------------------------ */

struct number { /* what their attribute lists fill */
	struct ctf_type *type;
	bool has_size, has_align, has_order;
	uint64_t exponent_bits, mantissa_bits;
};

static void set_size(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct number *n = into;
	uint64_t bits = tsdl_get_u64(p, a);
	if (!p->error && (bits < 1 || bits > 1u << 20))
		tsdl_fail(p, a->line, a->column, "an integer cannot have %llu bits",
			  (unsigned long long)bits);
	n->type->integer.bits = (uint32_t)bits;
	n->has_size = true;
}

static uint32_t checked_align(struct tsdl_parser *p, uint64_t align, unsigned line, unsigned column)
{
	if (p->error)
		return 1;
	if (!align || align > MAX_ALIGN || (align & (align - 1))) {
		tsdl_fail(p, line, column,
			  "an alignment must be a power of two up to 2^30, not %llu",
			  (unsigned long long)align);
		return 1;
	}
	return (uint32_t)align;
}

static void set_align(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct number *n = into;
	n->type->align = checked_align(p, tsdl_get_u64(p, a), a->line, a->column);
	n->has_align = true;
}

static void set_signed(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct number *)into)->type->integer.is_signed = tsdl_get_bool(p, a);
}

static void set_byte_order(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct number *n = into;
	const char *text = tsdl_get_text(p, a);
	if (!strcmp(text, "le"))
		n->type->byte_order = CTF_LITTLE_ENDIAN, n->has_order = true;
	else if (!strcmp(text, "be") || !strcmp(text, "network"))
		n->type->byte_order = CTF_BIG_ENDIAN, n->has_order = true;
	else if (strcmp(text, "native") && !p->error)
		tsdl_fail(p, a->line, a->column, "`%s` is no byte order: le, be, network or native",
			  text);
}

static void set_base(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	static const struct {
		const char *word;
		uint8_t base;
	} words[] = {
		{"decimal", 10}, {"dec", 10},  {"d", 10},  {"i", 10},
		{"u", 10},       {"hex", 16},  {"x", 16},  {"X", 16},
		{"p", 16},       {"octal", 8}, {"oct", 8}, {"o", 8},
		{"binary", 2},   {"bin", 2},   {"b", 2},   {"hexadecimal", 16},
	};
	uint8_t *base = &((struct number *)into)->type->integer.base;
	if (a->kind == TSDL_VALUE_INT && !a->negative &&
	    (a->value == 2 || a->value == 8 || a->value == 10 || a->value == 16)) {
		*base = (uint8_t)a->value;
		return;
	}
	for (size_t i = 0; a->kind == TSDL_VALUE_WORD && i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].word, a->text)) {
			*base = words[i].base;
			return;
		}
	tsdl_fail(p, a->line, a->column,
		  "not a base: decimal, hexadecimal, octal, binary or 10 16 8 2");
}

static enum ctf_encoding get_encoding(struct tsdl_parser *p, const struct tsdl_attribute *a)
{
	const char *text = tsdl_get_text(p, a);
	if (!strcmp(text, "UTF8") || !strcmp(text, "utf8") || !strcmp(text, "UTF-8") ||
	    !strcmp(text, "utf-8"))
		return CTF_ENCODING_UTF8;
	if (!strcmp(text, "ASCII") || !strcmp(text, "ascii"))
		return CTF_ENCODING_ASCII;
	if (strcmp(text, "none") && strcmp(text, "NONE") && !p->error)
		tsdl_fail(p, a->line, a->column, "`%s` is no encoding: UTF8, ASCII or none", text);
	return CTF_ENCODING_NONE;
}

static void set_int_encoding(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct number *)into)->type->integer.encoding = get_encoding(p, a);
}

/* map = clock.NAME.value */
static void set_map(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	const char *text = tsdl_get_text(p, a);
	size_t len = strlen(text);
	if (p->error)
		return;
	if (strncmp(text, "clock.", 6) || len < 13 || strcmp(text + len - 6, ".value")) {
		tsdl_warn(p, a->line, a->column, "`map = %s` is not understood: clock.NAME.value",
			  text);
		return;
	}
	struct tsdl_clock_ref ref = {.type = ((struct number *)into)->type,
				     .clock = arena_strndup(p->arena, text + 6, len - 12),
				     .line = a->line,
				     .column = a->column};
	if (!ref.clock || vec_push(&p->clock_refs, ref))
		tsdl_no_memory(p);
}

static void settle_order(struct tsdl_parser *p, struct number *n)
{
	if (!n->has_order && vec_push(&p->native, n->type))
		tsdl_no_memory(p);
}

/* integer { size = …; align = …; signed = …; byte_order = …; base = …; encoding = …; map = …; } */
static struct ctf_type *integer(struct tsdl_parser *p)
{
	static const struct tsdl_rule rules[] = {
		{"size", set_size},     {"align", set_align},
		{"signed", set_signed}, {"byte_order", set_byte_order},
		{"base", set_base},     {"encoding", set_int_encoding},
		{"map", set_map},
	};
	struct number n = {.type = new_type(p, CTF_INTEGER, 1)};
	if (!n.type)
		return NULL;
	n.type->integer.base = 10;
	tsdl_advance(p);
	tsdl_block(p, "integer", rules, sizeof(rules) / sizeof(*rules), &n, false, NULL);
	if (!p->error && !n.has_size)
		tsdl_fail(p, n.type->line, n.type->column, "an integer lacks its size");
	if (!n.has_align)
		n.type->align = n.type->integer.bits % 8 ? 1 : 8;
	settle_order(p, &n);
	return n.type;
}

static void set_exponent(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct number *)into)->exponent_bits = tsdl_get_u64(p, a);
}

static void set_mantissa(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct number *)into)->mantissa_bits = tsdl_get_u64(p, a);
}

/* floating_point { exp_dig = …; mant_dig = …; byte_order = …; align = …; } */
static struct ctf_type *floating_point(struct tsdl_parser *p)
{
	static const struct tsdl_rule rules[] = {
		{"exp_dig", set_exponent},
		{"mant_dig", set_mantissa},
		{"byte_order", set_byte_order},
		{"align", set_align},
	};
	struct number n = {.type = new_type(p, CTF_FLOAT, 1)};
	if (!n.type)
		return NULL;
	tsdl_advance(p);
	tsdl_block(p, "floating_point", rules, sizeof(rules) / sizeof(*rules), &n, false, NULL);
	static const struct {
		uint8_t exponent, mantissa, bits;
	} known[] = {{5, 11, 16}, {8, 24, 32}, {11, 53, 64}, {15, 113, 128}};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (n.exponent_bits == known[i].exponent && n.mantissa_bits == known[i].mantissa)
			n.type->real.bits = known[i].bits;
	if (!p->error && !n.type->real.bits)
		tsdl_fail(
			p, n.type->line, n.type->column,
			"no IEEE 754 number has exp_dig = %llu and mant_dig = %llu: 8 and 24, or 11 and 53",
			(unsigned long long)n.exponent_bits, (unsigned long long)n.mantissa_bits);
	settle_order(p, &n);
	return n.type;
}

static void set_text_encoding(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct ctf_type *)into)->text.encoding = get_encoding(p, a);
}

/* string [ { encoding = …; } ] */
static struct ctf_type *string(struct tsdl_parser *p)
{
	static const struct tsdl_rule rules[] = {{"encoding", set_text_encoding}};
	struct ctf_type *t = new_type(p, CTF_STRING, 8);
	if (!t)
		return NULL;
	t->text.encoding = CTF_ENCODING_UTF8;
	tsdl_advance(p);
	if (tsdl_is_punct(p, '{'))
		tsdl_block(p, "string", rules, 1, t, false, NULL);
	return t;
}

/* --- struct --------------------------------------------------------------------- */

struct field_list {
	struct VEC(struct ctf_field) fields;
	struct map raw_names; /* raw name -> index */
};

/* The name as people read it: one leading underscore is an escape, where that is unambiguous. */
static void add_field(struct tsdl_parser *p, struct field_list *list, const char *raw,
		      struct ctf_type *type, unsigned line, unsigned column, const char *what)
{
	uint64_t found;
	if (p->error || !type)
		return;
	if (map_get_str(&list->raw_names, raw, &found)) {
		tsdl_fail(p, line, column, "this %s has two fields named `%s`", what, raw);
		return;
	}
	struct ctf_field f = {.name = raw[0] == '_' ? raw + 1 : raw, .raw_name = raw, .type = type};
	if (raw[0] == '_' && map_get_str(&list->raw_names, raw + 1, &found))
		f.name = raw;
	const char *escaped = arena_printf(p->arena, "_%s", raw);
	if (escaped && map_get_str(&list->raw_names, escaped, &found))
		list->fields.items[found].name = list->fields.items[found].raw_name;
	if (!escaped || map_put_str(&list->raw_names, raw, list->fields.len) ||
	    vec_push(&list->fields, f))
		tsdl_no_memory(p);
}

/* struct-or-variant-declaration: type-specifier-list declarator {, declarator} ; | declaration */
static void field_declaration(struct tsdl_parser *p, struct field_list *list, const char *what)
{
	if (p->tok.kind == TSDL_WORD &&
	    (p->tok.keyword == TSDL_typedef || p->tok.keyword == TSDL_typealias)) {
		tsdl_declaration(p);
		return;
	}
	const char *words = NULL;
	struct ctf_type *base = type_specifier(p, &words);
	/* `struct foo { … };` declares only the name. */
	if (base && tsdl_accept(p, ';'))
		return;
	do {
		const char *name = NULL;
		unsigned line = p->tok.line, column = p->tok.column;
		struct ctf_type *t = declarator(p, base, words, &name);
		if (p->error)
			return;
		if (!name) {
			tsdl_fail(p, line, column, "a field of this %s lacks its name", what);
			return;
		}
		if (t->kind == CTF_VARIANT && !t->variant.tag.n_path)
			tsdl_fail(p, line, column, "the variant `%s` lacks its tag", name);
		add_field(p, list, name, t, line, column, what);
	} while (tsdl_accept(p, ','));
	tsdl_expect(p, ';', "after a field");
}

/* { struct-or-variant-declaration … } */
static void field_declaration_list(struct tsdl_parser *p, struct field_list *list, const char *what)
{
	struct tsdl_scope scope;
	tsdl_scope_push(p, &scope);
	tsdl_expect(p, '{', what);
	while (!p->error && !tsdl_is_punct(p, '}')) {
		if (p->tok.kind == TSDL_END) {
			tsdl_fail_here(p, "a closing `}`");
			break;
		}
		field_declaration(p, list, what);
	}
	tsdl_expect(p, '}', what);
	tsdl_scope_pop(p);
}

static struct ctf_field *take_fields(struct tsdl_parser *p, struct field_list *list)
{
	struct ctf_field *fields = arena_memdup(p->arena, list->fields.items,
						list->fields.len * sizeof(*list->fields.items));
	if (!fields && list->fields.len)
		tsdl_no_memory(p);
	return fields;
}

static void field_list_fini(struct field_list *list)
{
	vec_fini(&list->fields);
	map_fini(&list->raw_names);
}

/* align ( unary-expression ) */
static void struct_align(struct tsdl_parser *p, struct ctf_type *t)
{
	tsdl_advance(p);
	tsdl_expect(p, '(', "after `align`");
	if (p->tok.kind != TSDL_INT) {
		tsdl_fail_here(p, "an alignment in bits");
		return;
	}
	t->record.min_align = checked_align(p, p->tok.value, p->tok.line, p->tok.column);
	tsdl_advance(p);
	tsdl_expect(p, ')', "after the alignment");
}

/* struct-specifier: struct [identifier] [{ … } [align ( … )]] */
static struct ctf_type *struct_specifier(struct tsdl_parser *p)
{
	struct ctf_type *t = new_type(p, CTF_STRUCT, 1);
	const char *name = NULL;
	if (!t)
		return NULL;
	t->record.min_align = 1;
	tsdl_advance(p);
	if (p->tok.kind == TSDL_WORD && !p->tok.keyword) {
		name = p->tok.text;
		tsdl_advance(p);
	}
	if (!tsdl_is_punct(p, '{')) {
		struct ctf_type *found = name ? lookup(p, "struct", name) : NULL;
		if (!found && !p->error)
			tsdl_fail(p, t->line, t->column,
				  name ? "`struct %s` is not declared before this"
				       : "`struct` needs a name or fields%s",
				  name ? name : "");
		return found;
	}
	struct field_list list = {0};
	field_declaration_list(p, &list, "structure");
	if (p->tok.keyword == TSDL_align && p->tok.kind == TSDL_WORD)
		struct_align(p, t);
	t->record.fields = take_fields(p, &list);
	t->record.n_fields = list.fields.len;
	t->align = t->record.min_align;
	for (size_t i = 0; !p->error && i < t->record.n_fields; i++)
		if (t->record.fields[i].type->align > t->align)
			t->align = t->record.fields[i].type->align;
	field_list_fini(&list);
	if (name)
		declare(p, "struct", name, t, t->line, t->column);
	return p->error ? NULL : t;
}

/* --- references, variant -------------------------------------------------------- */

static const struct {
	const char *words[3];
	enum ctf_scope scope;
} roots[] = {
#define ROOT(a, b, c, s)                                                                           \
	{                                                                                          \
		{a, b, c}, s                                                                       \
	}
	ROOT("trace", "packet", "header", CTF_SCOPE_PACKET_HEADER),
	ROOT("stream", "packet", "context", CTF_SCOPE_PACKET_CONTEXT),
	ROOT("stream", "event", "header", CTF_SCOPE_EVENT_HEADER),
	ROOT("stream", "event", "context", CTF_SCOPE_EVENT_COMMON_CONTEXT),
	ROOT("event", "context", NULL, CTF_SCOPE_EVENT_CONTEXT),
	ROOT("event", "fields", NULL, CTF_SCOPE_EVENT_PAYLOAD),
#undef ROOT
};

/* Absolute when it begins with a dynamic scope's name and goes on after it. */
static void find_scope(struct ctf_ref *ref)
{
	ref->scope = CTF_SCOPE_RELATIVE;
	for (size_t r = 0; r < sizeof(roots) / sizeof(*roots); r++) {
		size_t n = roots[r].words[2] ? 3 : 2, i = 0;
		while (i < n && ref->n_path > n && !strcmp(ref->path[i], roots[r].words[i]))
			i++;
		if (i == n) {
			ref->scope = roots[r].scope;
			ref->path += n;
			ref->n_path -= n;
			return;
		}
	}
}

/* field-reference: identifier { (. | ->) identifier }, up to the closing token */
static void field_reference(struct tsdl_parser *p, struct ctf_ref *ref)
{
	struct VEC(const char *) path = {0};
	ref->line = p->tok.line;
	ref->column = p->tok.column;
	do {
		bool may_be_root = !path.len && p->next.kind == TSDL_PUNCT && p->next.punct == '.';
		if (p->tok.kind != TSDL_WORD || (p->tok.keyword && !may_be_root && !path.len)) {
			tsdl_fail_here(p, "the name of a field");
			break;
		}
		if (vec_push(&path, p->tok.text)) {
			tsdl_no_memory(p);
			break;
		}
		tsdl_advance(p);
		if (p->tok.kind == TSDL_ARROW) {
			p->tok.kind = TSDL_PUNCT;
			p->tok.punct = '.';
		}
	} while (tsdl_accept(p, '.'));
	ref->path = arena_memdup(p->arena, path.items, path.len * sizeof(*path.items));
	ref->n_path = path.len;
	if (!ref->path && !p->error)
		tsdl_no_memory(p);
	if (!p->error)
		find_scope(ref);
	vec_fini(&path);
}

/* variant-specifier: variant [identifier] [< field-reference >] [{ … }] */
static struct ctf_type *variant_specifier(struct tsdl_parser *p)
{
	struct ctf_type *t = new_type(p, CTF_VARIANT, 1);
	const char *name = NULL;
	if (!t)
		return NULL;
	tsdl_advance(p);
	if (p->tok.kind == TSDL_WORD && !p->tok.keyword) {
		name = p->tok.text;
		tsdl_advance(p);
	}
	if (tsdl_accept(p, '<')) {
		field_reference(p, &t->variant.tag);
		tsdl_expect(p, '>', "after a variant's tag");
	}
	if (p->error)
		return NULL;
	if (!tsdl_is_punct(p, '{')) {
		struct ctf_type *found = name ? lookup(p, "variant", name) : NULL;
		if (!found) {
			tsdl_fail(p, t->line, t->column,
				  name ? "`variant %s` is not declared before this"
				       : "`variant` needs a name or options%s",
				  name ? name : "");
			return NULL;
		}
		t->variant.options = found->variant.options;
		t->variant.n_options = found->variant.n_options;
		return t;
	}
	struct field_list list = {0};
	field_declaration_list(p, &list, "variant");
	t->variant.options = take_fields(p, &list);
	t->variant.n_options = list.fields.len;
	field_list_fini(&list);
	if (!p->error && !t->variant.n_options)
		tsdl_fail(p, t->line, t->column, "a variant has no options");
	if (name)
		declare(p, "variant", name, t, t->line, t->column);
	return p->error ? NULL : t;
}

/* --- enum --------------------------------------------------------------------------- */

static bool fits(const struct ctf_integer *in, bool negative, uint64_t magnitude)
{
	if (in->bits > 64)
		return true;
	uint64_t max = in->is_signed    ? (UINT64_C(1) << (in->bits - 1)) - 1
		       : in->bits == 64 ? UINT64_MAX
					: (UINT64_C(1) << in->bits) - 1;
	return negative ? !magnitude || (in->is_signed && magnitude <= max + 1) : magnitude <= max;
}

/* constant-expression: [+ -] integer-constant | character-constant */
static uint64_t constant(struct tsdl_parser *p, const struct ctf_integer *in)
{
	bool negative = false;
	while (tsdl_is_punct(p, '-') || tsdl_is_punct(p, '+')) {
		negative ^= p->tok.punct == '-';
		tsdl_advance(p);
	}
	if (p->tok.kind != TSDL_INT && p->tok.kind != TSDL_CHAR) {
		tsdl_fail_here(p, "an integer");
		return 0;
	}
	uint64_t v = p->tok.value;
	if (!fits(in, negative, v))
		tsdl_fail(p, p->tok.line, p->tok.column,
			  "%s%llu does not fit the enum's %s integer of %u bits",
			  negative ? "-" : "", (unsigned long long)v,
			  in->is_signed ? "signed" : "unsigned", in->bits);
	tsdl_advance(p);
	return negative ? -v : v;
}

struct label_list {
	struct VEC(struct ctf_label) labels;
	uint64_t next; /* the value of a label that has none */
	bool next_overflows;
};

/* enumerator: (identifier | string-literal) [= constant-expression [... constant-expression]] */
static void enumerator(struct tsdl_parser *p, struct ctf_integer *in, struct label_list *list)
{
	unsigned line = p->tok.line, column = p->tok.column;
	if (p->tok.kind != TSDL_WORD && p->tok.kind != TSDL_STRING) {
		tsdl_fail_here(p, "the name of an enumerator");
		return;
	}
	const char *name = p->tok.text;
	struct ctf_range *range = arena_new(p->arena, struct ctf_range);
	if (!range) {
		tsdl_no_memory(p);
		return;
	}
	range->lo = range->hi = list->next;
	tsdl_advance(p);
	if (tsdl_accept(p, '=')) {
		range->lo = range->hi = constant(p, in);
		if (p->tok.kind == TSDL_ELLIPSIS) {
			tsdl_advance(p);
			range->hi = constant(p, in);
		}
	} else if (list->next_overflows) {
		tsdl_fail(p, line, column, "the value of `%s` does not fit the enum's integer",
			  name);
	}
	if (p->error)
		return;
	if (in->is_signed ? (int64_t)range->hi < (int64_t)range->lo : range->hi < range->lo) {
		tsdl_fail(p, line, column, "the range of `%s` ends before it begins", name);
		return;
	}
	list->next = range->hi + 1;
	if (in->is_signed)
		list->next_overflows = (int64_t)range->hi >= 0 &&
				       (range->hi == INT64_MAX || !fits(in, false, list->next));
	else
		list->next_overflows = range->hi == UINT64_MAX || !fits(in, false, list->next);
	if (vec_push(&list->labels,
		     ((struct ctf_label){.name = name, .ranges = range, .n_ranges = 1})))
		tsdl_no_memory(p);
}

/* The integer that an enum is made of: after `:`, else int. */
static struct ctf_type *enum_container(struct tsdl_parser *p)
{
	unsigned line = p->tok.line, column = p->tok.column;
	struct ctf_type *t;
	if (tsdl_accept(p, ':')) {
		const char *words = NULL;
		t = type_specifier(p, &words);
	} else {
		t = lookup(p, "", "int");
		if (!t && !p->error)
			tsdl_fail(p, line, column,
				  "this enum has no integer type, and `int` is not declared");
	}
	if (t && t->kind != CTF_INTEGER && !p->error)
		tsdl_fail(p, line, column, "an enum is made of an integer, not of a %s",
			  ctf_kind_name(t->kind));
	return p->error ? NULL : t;
}

/* enum-specifier: enum [identifier] [: type-specifier-list] [{ enumerator {, enumerator} [,] }] */
static struct ctf_type *enum_specifier(struct tsdl_parser *p)
{
	struct ctf_type *t = new_type(p, CTF_ENUM, 1);
	const char *name = NULL;
	if (!t)
		return NULL;
	unsigned line = t->line, column = t->column;
	tsdl_advance(p);
	if (p->tok.kind == TSDL_WORD && !p->tok.keyword) {
		name = p->tok.text;
		tsdl_advance(p);
	}
	if (name && !tsdl_is_punct(p, '{') && !tsdl_is_punct(p, ':')) {
		struct ctf_type *found = lookup(p, "enum", name);
		if (!found)
			tsdl_fail(p, line, column, "`enum %s` is not declared before this", name);
		return found;
	}
	struct ctf_type *container = enum_container(p);
	if (!container)
		return NULL;
	*t = *container;
	t->kind = CTF_ENUM;
	t->line = line;
	t->column = column;
	/* What waits to be settled for the integer waits for its copy too. */
	bool is_native = false;
	for (size_t i = 0; i < p->native.len && !is_native; i++)
		is_native = p->native.items[p->native.len - 1 - i] == container;
	if (is_native && vec_push(&p->native, t))
		tsdl_no_memory(p);
	struct label_list list = {0};
	tsdl_expect(p, '{', "before the enumerators");
	while (!p->error && !tsdl_is_punct(p, '}')) {
		enumerator(p, &t->integer, &list);
		if (!tsdl_accept(p, ','))
			break;
	}
	tsdl_expect(p, '}', "after the enumerators");
	t->integer.labels = arena_memdup(p->arena, list.labels.items,
					 list.labels.len * sizeof(*list.labels.items));
	t->integer.n_labels = list.labels.len;
	if (!p->error && !list.labels.len)
		tsdl_fail(p, line, column, "an enum has no enumerators");
	else if (!p->error && !t->integer.labels)
		tsdl_no_memory(p);
	vec_fini(&list.labels);
	if (name)
		declare(p, "enum", name, t, line, column);
	return p->error ? NULL : t;
}

/* --- specifiers and declarators -------------------------------------------------------- */

static bool is_c_type_word(enum tsdl_keyword k)
{
	switch (k) {
	case TSDL_void:
	case TSDL_char:
	case TSDL_short:
	case TSDL_int:
	case TSDL_long:
	case TSDL_float:
	case TSDL_double:
	case TSDL_signed:
	case TSDL_unsigned:
	case TSDL__Bool:
	case TSDL__Complex:
	case TSDL__Imaginary:
		return true;
	default:
		return false;
	}
}

/* Words of a C type or one identifier, `const` left out: "unsigned long". NULL: there is none. */
static const char *type_words(struct tsdl_parser *p)
{
	const char *words = NULL;
	bool is_identifier = false;
	while (p->tok.kind == TSDL_WORD) {
		if (p->tok.keyword == TSDL_const) {
			tsdl_advance(p);
			continue;
		}
		bool c_word = is_c_type_word(p->tok.keyword);
		if (is_identifier || (!c_word && (p->tok.keyword || words)))
			break;
		words = words ? arena_printf(p->arena, "%s %s", words, p->tok.text) : p->tok.text;
		if (!words)
			tsdl_no_memory(p);
		is_identifier = !c_word;
		tsdl_advance(p);
	}
	return words;
}

/* type-specifier: integer | floating_point | string | struct | variant | enum | type words.
 * *words: the name, when it has one; the type may then be NULL until a declarator's `*`. */
static struct ctf_type *type_specifier(struct tsdl_parser *p, const char **words)
{
	static const struct {
		enum tsdl_keyword keyword;
		struct ctf_type *(*read)(struct tsdl_parser *p);
	} specifiers[] = {
		{TSDL_integer, integer},
		{TSDL_floating_point, floating_point},
		{TSDL_string, string},
		{TSDL_struct, struct_specifier},
		{TSDL_variant, variant_specifier},
		{TSDL_enum, enum_specifier},
	};
	struct ctf_type *t = NULL;
	unsigned line = p->tok.line, column = p->tok.column;
	if (p->error)
		return NULL;
	while (p->tok.kind == TSDL_WORD && p->tok.keyword == TSDL_const)
		tsdl_advance(p);
	if (++p->depth > MAX_DEPTH)
		tsdl_fail_here(p, "less deeply nested types");
	for (size_t i = 0; p->tok.kind == TSDL_WORD && i < sizeof(specifiers) / sizeof(*specifiers);
	     i++)
		if (p->tok.keyword == specifiers[i].keyword) {
			t = specifiers[i].read(p);
			p->depth--;
			return p->error ? NULL : t;
		}
	p->depth--;
	*words = type_words(p);
	if (p->error)
		return NULL;
	if (!*words) {
		tsdl_fail_here(p, "a type");
		return NULL;
	}
	t = lookup(p, "", *words);
	if (!t && !tsdl_is_punct(p, '*'))
		tsdl_fail(p, line, column, "the type `%s` is not declared before this", *words);
	return t;
}

/* Arrays are read left to right and built right to left: x[2][3] is 2 times 3. */
static struct ctf_type *array_suffix(struct tsdl_parser *p, struct ctf_type *element)
{
	if (!tsdl_is_punct(p, '['))
		return element;
	struct ctf_type *t = new_type(p, CTF_ARRAY, 1);
	tsdl_advance(p);
	if (!t || ++p->depth > MAX_DEPTH) {
		tsdl_fail_here(p, "fewer dimensions");
		return NULL;
	}
	t->array.min_align = 1;
	if (p->tok.kind == TSDL_INT) {
		t->array.count = p->tok.value;
		tsdl_advance(p);
	} else {
		t->kind = CTF_SEQUENCE;
		field_reference(p, &t->array.length);
	}
	tsdl_expect(p, ']', "after an array's length");
	t->array.element = p->error ? NULL : array_suffix(p, element);
	p->depth--;
	if (p->error)
		return NULL;
	t->align = t->array.element->align;
	return t;
}

/* GNU C bit field: the integer with another size, at the next bit. */
static struct ctf_type *bit_field(struct tsdl_parser *p, struct ctf_type *type)
{
	if (p->tok.kind != TSDL_INT || !p->tok.value || p->tok.value > 64 ||
	    type->kind != CTF_INTEGER) {
		tsdl_fail_here(p, "the width of an integer's bit field");
		return NULL;
	}
	struct ctf_type *t = arena_memdup(p->arena, type, sizeof(*type));
	if (!t || vec_push(&p->native, t)) {
		tsdl_no_memory(p);
		return NULL;
	}
	t->integer.bits = (uint32_t)p->tok.value;
	t->align = 1;
	bool is_native = false;
	for (size_t i = 0; i + 1 < p->native.len && !is_native; i++)
		is_native = p->native.items[i] == type;
	if (!is_native)
		p->native.len--;
	tsdl_advance(p);
	return t;
}

/* declarator: { * [const] } [identifier] { [ length ] } | identifier : width */
static struct ctf_type *declarator(struct tsdl_parser *p, struct ctf_type *type, const char *words,
				   const char **name)
{
	unsigned line = p->tok.line, column = p->tok.column;
	while (tsdl_accept(p, '*')) {
		words = arena_printf(p->arena, "%s *", words ? words : "");
		while (p->tok.kind == TSDL_WORD && p->tok.keyword == TSDL_const)
			tsdl_advance(p);
		if (!words) {
			tsdl_no_memory(p);
			return NULL;
		}
		type = lookup(p, "", words);
	}
	if (!type && !p->error)
		tsdl_fail(p, line, column, "the type `%s` is not declared before this",
			  words ? words : "?");
	if (p->error)
		return NULL;
	if (p->tok.kind == TSDL_WORD) {
		/* Reserved words are no names, but for those that only mean something at the root. */
		switch (p->tok.keyword) {
		case TSDL_NOT_KEYWORD:
		case TSDL_callsite:
		case TSDL_clock:
		case TSDL_env:
		case TSDL_event:
		case TSDL_stream:
		case TSDL_trace:
			*name = p->tok.text;
			tsdl_advance(p);
			break;
		default:
			tsdl_fail_here(p, "a name that is no reserved word");
			return NULL;
		}
	}
	if (*name && tsdl_accept(p, ':'))
		return bit_field(p, type);
	return array_suffix(p, type);
}

struct ctf_type *tsdl_type(struct tsdl_parser *p)
{
	const char *words = NULL, *name = NULL;
	struct ctf_type *t = type_specifier(p, &words);
	if (p->error)
		return NULL;
	t = declarator(p, t, words, &name);
	if (name)
		tsdl_fail_here(p, "a type without a name");
	return p->error ? NULL : t;
}

/* typedef type-specifier declarator {, declarator} ; */
static void typedef_declaration(struct tsdl_parser *p)
{
	const char *words = NULL;
	tsdl_advance(p);
	struct ctf_type *base = type_specifier(p, &words);
	do {
		const char *name = NULL;
		unsigned line = p->tok.line, column = p->tok.column;
		struct ctf_type *t = declarator(p, base, words, &name);
		if (!p->error && !name)
			tsdl_fail_here(p, "the typedef's name");
		if (!p->error)
			declare(p, "", name, t, line, column);
	} while (tsdl_accept(p, ','));
	tsdl_expect(p, ';', "after a typedef");
}

/* typealias type-specifier abstract-declarator := type words {*} ; */
static void typealias_declaration(struct tsdl_parser *p)
{
	tsdl_advance(p);
	struct ctf_type *t = tsdl_type(p);
	if (p->error)
		return;
	if (p->tok.kind != TSDL_ASSIGN_TYPE) {
		tsdl_fail_here(p, "`:=`");
		return;
	}
	tsdl_advance(p);
	unsigned line = p->tok.line, column = p->tok.column;
	const char *words = type_words(p);
	if (!words && !p->error)
		tsdl_fail_here(p, "the alias's name");
	while (tsdl_accept(p, '*')) {
		words = arena_printf(p->arena, "%s *", words);
		while (p->tok.kind == TSDL_WORD && p->tok.keyword == TSDL_const)
			tsdl_advance(p);
	}
	if (!p->error && !words)
		tsdl_no_memory(p);
	if (!p->error)
		declare(p, "", words, t, line, column);
	tsdl_expect(p, ';', "after a typealias");
}

bool tsdl_declaration(struct tsdl_parser *p)
{
	if (p->tok.kind != TSDL_WORD)
		return false;
	const char *words = NULL, *name = NULL;
	switch (p->tok.keyword) {
	case TSDL_typedef:
		typedef_declaration(p);
		return true;
	case TSDL_typealias:
		typealias_declaration(p);
		return true;
	case TSDL_struct:
	case TSDL_variant:
	case TSDL_enum: {
		unsigned line = p->tok.line, column = p->tok.column;
		struct ctf_type *t = type_specifier(p, &words);
		if (!p->error && p->tok.kind == TSDL_WORD && p->tok.keyword == TSDL_typedef) {
			/* C allows `struct … typedef name;` */
			tsdl_advance(p);
			t = declarator(p, t, words, &name);
			if (!p->error && name)
				declare(p, "", name, t, line, column);
		}
		if (!p->error && !tsdl_accept(p, ';')) {
			/* A declaration runs on into the next in older traces. */
			if (p->tok.kind == TSDL_WORD && p->tok.keyword)
				tsdl_warn(p, p->tok.line, p->tok.column,
					  "a declaration before this lacks its `;`");
			else
				tsdl_fail_here(p, "`;` after a declaration");
		}
		return true;
	}
	default:
		return false;
	}
}
