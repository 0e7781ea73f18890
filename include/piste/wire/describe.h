/* SPDX-License-Identifier: MIT */
#ifndef PISTE_WIRE_DESCRIBE_H
#define PISTE_WIRE_DESCRIBE_H

/*
 * describe - a site's description, taken apart: names of fields, their types,
 * attributes. For whoever lists or decodes events: the recorder, `piste list`,
 * a tracer in the process. No allocation, no libc; hostile input is refused
 * or cut, never followed out of its bounds.
 *
 * Names come from the source text of the arguments: `id` is "id", `req->path`
 * and `req.path` are "path", `(total, x + y)` is "total", PISTE_ARRAY(items, n)
 * is "items"; what has no name, as `x + y`, is "argN". A name that is there already gets
 * "_2", "_3" …. Names are C identifiers of at most 47 bytes.
 */

#include "piste/wire/site.h"

#define PISTE_NAME_MAX 48

struct piste_field_view {
	char name[PISTE_NAME_MAX];
	uint32_t code; /* PISTE_CODE */
	char type_name[PISTE_NAME_MAX]; /* of PISTE_T_NAMED */
	const char *attributes; /* text in the description, "" for none; `unit=ms` … */
	uint32_t attributes_len;
};

struct piste_label_view {
	char name[PISTE_NAME_MAX];
	int64_t low, high;
};

/* A site or a struct or variant type. Points into the description. */
struct piste_view {
	const char *provider; /* "" for a type */
	const char *name; /* of the event without _begin or _end, or of the type */
	const char *file;
	const char *arguments; /* their source text; of a site, behind the event or the format */
	const char *format; /* of a PISTE_LOG, else "" */
	uint32_t line;
	uint8_t kind, level;
	uint16_t id;
	const char *attributes; /* of the event */
	uint32_t attributes_len;
	uint32_t field_count;
	struct piste_field_view fields[PISTE_FIELDS_MAX];
};

static inline int piste_is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static inline int piste_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* Whether p is at `text`; the whole of it before `end`. */
static inline int piste_starts_with(const char *p, const char *end, const char *text)
{
	while (*text && p < end && *p == *text) {
		p++;
		text++;
	}
	return *text == '\0';
}

/* Whether [p, end) is `text`. */
static inline int piste_is_text(const char *p, const char *end, const char *text)
{
	while (*text && p < end && *p == *text) {
		p++;
		text++;
	}
	return *text == '\0' && p == end;
}

/* Steps over R"delimiter(…)delimiter"; p is at the quote. */
static inline const char *piste_skip_raw_string(const char *p, const char *end)
{
	const char *delimiter = ++p;

	while (p < end && *p != '(' && p - delimiter <= 16)
		p++;
	for (const char *stop = p; p < end; p++) {
		const char *d = delimiter, *q = p + 1;

		while (d < stop && q < end && *q == *d) {
			d++;
			q++;
		}
		if (*p == ')' && d == stop && q < end && *q == '"')
			return q + 1;
	}
	return end;
}

/* Steps over one token of C or C++, p < end: a name, number or literal as a whole, of
 * everything else one character. */
static inline const char *piste_skip_token(const char *p, const char *end)
{
	const char *start = p;
	int is_number = *p >= '0' && *p <= '9';
	char quote;

	while (p < end && (piste_is_name_char(*p) ||
			   (is_number && *p == '\'' && end - p > 1 && piste_is_name_char(p[1]))))
		p++;
	/* what stands in front of a literal belongs to it: u8"x", L'x', R"(x)" */
	if (p > start && (is_number || p - start > 3 || p == end || (*p != '"' && *p != '\'')))
		return p;
	quote = *p;
	if (quote != '"' && quote != '\'')
		return p + 1;
	if (quote == '"' && p > start && p[-1] == 'R')
		return piste_skip_raw_string(p, end);
	for (p++; p < end && *p != quote; p++)
		p += *p == '\\' && end - p > 1;
	return p < end ? p + 1 : end;
}

/* Steps over a bracket, p is at it, and all up to the one that closes it. */
static inline const char *piste_skip_group(const char *p, const char *end)
{
	uint32_t depth = 0;

	while (p < end) {
		if (*p == '(' || *p == '[' || *p == '{')
			depth++;
		else if (*p == ')' || *p == ']' || *p == '}')
			depth--;
		p = piste_skip_token(p, end);
		if (!depth)
			break;
	}
	return p;
}

/* Steps over one argument of a list; stops at the ',' or at `end`. As to the preprocessor, only
 * parentheses and literals hide a comma. */
static inline const char *piste_skip_argument(const char *p, const char *end)
{
	while (p < end && *p != ',')
		p = *p == '(' ? piste_skip_group(p, end) : piste_skip_token(p, end);
	return p;
}

static inline void piste_trim(const char **p, const char **end)
{
	while (*p < *end && piste_is_space(**p))
		(*p)++;
	while (*end > *p && piste_is_space((*end)[-1]))
		(*end)--;
}

/* Takes one argument off a list, trimmed; 0 when there is none left. */
static inline int piste_take_argument(const char **list, const char *list_end, const char **p,
				      const char **end)
{
	*p = *list;
	if (*list >= list_end) {
		*p = *end = list_end;
		return 0;
	}
	*end = piste_skip_argument(*list, list_end);
	*list = *end < list_end ? *end + 1 : list_end;
	piste_trim(p, end);
	return 1;
}

/* Whether [p, end) is one pair of parentheses with something in them. */
static inline int piste_is_parenthesis(const char *p, const char *end)
{
	return end - p >= 2 && *p == '(' && end[-1] == ')' && piste_skip_group(p, end) == end;
}

/* Whether what stands in the parentheses of `(…) * x` makes it a cast. */
static inline int piste_is_type_text(const char *p, const char *end)
{
	static const char *const words[] = {"int",   "char",   "long", "short", "unsigned",
					    "float", "double", "bool", "_Bool", "signed"};
	const char *last = p;

	piste_trim(&p, &end);
	if (p == end || *p == '*' || *p == '&')
		return 0;
	if (end[-1] == '*' || (end - p > 2 && end[-2] == '_' && end[-1] == 't'))
		return 1;
	for (const char *q = last = p; q < end; q = piste_skip_token(q, end)) {
		if (!piste_is_name_char(*q) && !piste_is_space(*q))
			return 0;
		if (q > p && piste_is_space(q[-1]))
			return 1; /* two words: `struct point` */
		last = q;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (piste_is_text(last, end, words[i]))
			return 1;
	return 0;
}

/* Steps over `<…>` of a template, p is at it; returns p when it is a comparison. */
static inline const char *piste_skip_template(const char *p, const char *end)
{
	uint32_t depth = 0;
	const char *q = p;

	for (; q < end; q = piste_skip_token(q, end)) {
		if (*q == '<')
			depth++;
		else if (*q == '>' && --depth == 0)
			break;
		else if (*q != '>' && *q != ',' && *q != ':' && *q != '*' && *q != '&' &&
			 !piste_is_name_char(*q) && !piste_is_space(*q))
			return p;
	}
	if (q >= end)
		return p;
	for (q++; q < end && piste_is_space(*q);)
		q++;
	return q < end && (*q == '(' || *q == '{' || *q == ':') ? q : p;
}

/*
 * What an expression is called: the last name of `a->b.c[2]`, `*p`, `&x`,
 * `(int)y`, `f(x)`, `std::move(x)`; empty when an operator makes something new.
 */
static inline void piste_expression_name(const char *p, const char *end, char out[PISTE_NAME_MAX])
{
	/* the name; or, is_inner, an expression in parentheses */
	const char *best, *best_end, *object, *object_end;
	int is_inner, rounds = 0;
	uint32_t n = 0;

	out[0] = '\0';
again:
	if (rounds++ == 16) /* of casts and parentheses */
		return;
	best = best_end = object = object_end = NULL;
	is_inner = 0;
	piste_trim(&p, &end);
	while (p < end && (*p == '*' || *p == '&' || *p == '!' || *p == '~' || *p == '+' ||
			   *p == '-' || *p == ':' || piste_is_space(*p)))
		p++;
	if (p >= end || (*p >= '0' && *p <= '9'))
		return;
	if (*p == '(') {
		const char *close = piste_skip_group(p, end), *next = close;

		if (close[-1] != ')' || close - p < 2)
			return;
		while (next < end && piste_is_space(*next))
			next++;
		best = p + 1;
		best_end = close - 1;
		piste_trim(&best, &best_end);
		if (next < end && best < best_end) {
			int is_operator =
				(*next == '*' || *next == '&' || *next == '+' || *next == '-') &&
				!piste_starts_with(next, end, "->") &&
				!(end - next > 1 && next[0] == next[1]);

			if ((*best != '*' && (piste_is_name_char(*next) || *next == '(' ||
					      *next == '"' || *next == '!' || *next == '~')) ||
			    (is_operator && piste_is_type_text(best, best_end))) {
				p = next; /* a cast */
				goto again;
			}
		}
		is_inner = 1;
		p = close;
	} else if (piste_is_name_char(*p)) {
		while (p < end && (piste_is_name_char(*p) || piste_is_space(*p))) {
			if (piste_is_name_char(*p)) { /* the last of `struct x`, `co_await x` */
				best = p;
				best_end = p = piste_skip_token(p, end);
			} else {
				p++;
			}
		}
		if (best_end[-1] == '"' || best_end[-1] == '\'' || (*best >= '0' && *best <= '9') ||
		    piste_is_text(best, best_end, "sizeof"))
			return;
		if (best_end - best > 5 && piste_is_text(best_end - 5, best_end, "_cast") &&
		    p < end && *p == '<') {
			const char *value = piste_skip_template(p, end);

			if (value > p) {
				p = value;
				goto again;
			}
		}
	} else {
		return;
	}
	/* what follows may name it better, or end it */
	while (p < end) {
		const char *start = p;

		if (piste_is_space(*p)) {
			p++;
		} else if (*p == '(' || *p == '[' || *p == '{') {
			p = piste_skip_group(p, end);
			if (p == end && end[-1] == ')' && object && !is_inner &&
			    piste_is_text(object, object_end, "std") &&
			    (piste_is_text(best, best_end, "move") ||
			     piste_is_text(best, best_end, "forward"))) {
				p = start + 1;
				end--;
				goto again;
			}
			/* std::string: what it is of says more */
			if (p - start == 2 && object && !is_inner &&
			    (piste_is_text(best, best_end, "c_str") ||
			     piste_is_text(best, best_end, "data"))) {
				best = object;
				best_end = object_end;
			}
		} else if (*p == '<') {
			p = piste_skip_template(p, end);
			if (p == start)
				return;
		} else if (piste_starts_with(p, end, "++") || piste_starts_with(p, end, "--")) {
			p += 2;
		} else if (*p == '.' || piste_starts_with(p, end, "->") ||
			   piste_starts_with(p, end, "::")) {
			p += *p == '.' ? 1 : 2;
			while (p < end && piste_is_space(*p))
				p++;
			if (p >= end || !piste_is_name_char(*p))
				return;
			object = is_inner ? NULL : best;
			object_end = best_end;
			is_inner = 0;
			best = p;
			best_end = p = piste_skip_token(p, end);
		} else {
			return;
		}
	}
	if (is_inner) {
		p = best;
		end = best_end;
		goto again;
	}
	while (best < best_end && n < PISTE_NAME_MAX - 1 && piste_is_name_char(*best))
		out[n++] = *best++;
	out[n] = '\0';
}

/* PISTE_ARRAY(…) and its like, as written or, where a macro of the user's passed it on, as the
 * (~, 0SEQUENCE, …) that it expands to; and what is in it. */
static inline int piste_take_kind(const char *p, const char *end, const char **kind,
				  const char **kind_end, const char **list, const char **list_end)
{
	static const char *const kinds[] = {"ARRAY",    "SEQUENCE",   "FIXED",    "BYTES",
					    "OPTIONAL", "AS",         "ARRAY_OF", "SEQUENCE_OF",
					    "FIXED_OF", "OPTIONAL_OF"};

	*list_end = end - 1;
	if (piste_starts_with(p, end, "PISTE_")) {
		*kind = p + 6;
		*kind_end = *list = piste_skip_token(p, end);
		while (*list < end && piste_is_space(**list))
			(*list)++;
		if (!piste_is_parenthesis(*list, end))
			return 0;
		(*list)++;
	} else if (piste_is_parenthesis(p, end)) {
		const char *tilde, *tilde_end;

		*list = p + 1;
		piste_take_argument(list, *list_end, &tilde, &tilde_end);
		if (!piste_is_text(tilde, tilde_end, "~"))
			return 0;
		piste_take_argument(list, *list_end, kind, kind_end);
		if (*kind < *kind_end && **kind == '0') /* PISTE_KIND_ */
			(*kind)++;
	} else {
		return 0;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (piste_is_text(*kind, *kind_end, kinds[i]))
			return 1;
	return 0;
}

/*
 * One argument: `expr`, `(name, expr)`, `(name, expr, attributes…)`, PISTE_X(…)
 * or `(name, PISTE_X(…))`. Fills name, type_name and attributes.
 */
static inline void piste_describe_argument(const char *p, const char *end,
					   struct piste_field_view *field, int in_variant)
{
	const char *kind, *kind_end, *list, *list_end;
	int is_kind;

	piste_trim(&p, &end);
	is_kind = piste_take_kind(p, end, &kind, &kind_end, &list, &list_end);
	if (!is_kind && piste_is_parenthesis(p, end) &&
	    piste_skip_argument(p + 1, end - 1) < end - 1) { /* (name, …) */
		const char *name, *name_end;

		list = p + 1;
		list_end = end - 1;
		piste_take_argument(&list, list_end, &name, &name_end);
		piste_expression_name(name, name_end, field->name);
		if (in_variant) /* (name, value, field) */
			piste_take_argument(&list, list_end, &p, &end);
		piste_take_argument(&list, list_end, &p, &end);
		piste_trim(&list, &list_end);
		if (list < list_end) {
			field->attributes = list;
			field->attributes_len = (uint32_t)(list_end - list);
		}
		is_kind = piste_take_kind(p, end, &kind, &kind_end, &list, &list_end);
	}
	if (is_kind) { /* ([type,] [present,] value, …) */
		if (piste_is_text(kind, kind_end, "AS") || kind_end[-1] == 'F') {
			piste_take_argument(&list, list_end, &p, &end);
			piste_expression_name(p, end, field->type_name);
		}
		if (*kind == 'O')
			piste_take_argument(&list, list_end, &p, &end);
		piste_take_argument(&list, list_end, &p, &end);
	}
	if (!field->name[0])
		piste_expression_name(p, end, field->name);
}

static inline int piste_name_equal(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Gives field `index` a name that no field before it has. */
static inline void piste_name_make_unique(struct piste_field_view *fields, uint32_t index)
{
	char *name = fields[index].name;
	uint32_t len = 0, tries;

	if (!name[0]) {
		uint32_t n = 0;

		for (const char *p = "arg"; *p; p++)
			name[n++] = *p;
		if (index >= 9)
			name[n++] = (char)('0' + (index + 1) / 10);
		name[n++] = (char)('0' + (index + 1) % 10);
		name[n] = '\0';
	}
	while (name[len])
		len++;
	if (len > PISTE_NAME_MAX - 4)
		len = PISTE_NAME_MAX - 4;
	for (tries = 2; tries < 100; tries++) {
		uint32_t i, n = len;

		for (i = 0; i < index; i++)
			if (piste_name_equal(fields[i].name, name))
				break;
		if (i == index)
			return;
		name[n++] = '_';
		if (tries >= 10)
			name[n++] = (char)('0' + tries / 10);
		name[n++] = (char)('0' + tries % 10);
		name[n] = '\0';
	}
}

/* Takes one string off the text; NULL when it does not end within it. */
static inline const char *piste_take_text(const char **text, const char *end)
{
	const char *start = *text, *p = start;

	while (p < end && *p)
		p++;
	if (p >= end)
		return NULL;
	*text = p + 1;
	return start;
}

static inline void piste_describe_fields(struct piste_view *view, const uint32_t *codes,
					 uint32_t count, int in_variant)
{
	const char *p = view->arguments, *end = p;

	while (*end)
		end++;
	view->field_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct piste_field_view *field = &view->fields[view->field_count];
		const char *stop = piste_skip_argument(p, end);

		field->name[0] = field->type_name[0] = '\0';
		field->code = codes[i];
		field->attributes = "";
		field->attributes_len = 0;
		if (PISTE_CODE_SCALAR(codes[i]) == PISTE_T_ATTRIBUTES) {
			const char *open = p, *close = stop;

			while (open < stop && *open != '(')
				open++;
			while (close > open && *close != ')')
				close--;
			view->attributes = open < close ? open + 1 : "";
			view->attributes_len = open < close ? (uint32_t)(close - open - 1) : 0;
		} else {
			piste_describe_argument(p, stop, field, in_variant);
			piste_name_make_unique(view->fields, view->field_count);
			view->field_count++;
		}
		p = stop < end ? stop + 1 : end;
	}
}

/*
 * Takes a site apart; `size` bytes are there, the struct and its text. Returns
 * 0, or -1 when the description is broken or of another version.
 */
static inline int piste_describe_site(const struct piste_site *site, size_t size,
				      struct piste_view *view)
{
	const char *text = (const char *)(site + 1), *end;

	if (size < sizeof(*site) || site->abi != PISTE_SITE_ABI ||
	    site->text_size > size - sizeof(*site) || site->field_count > PISTE_FIELDS_MAX ||
	    site->kind < PISTE_SITE_EVENT || site->kind > PISTE_SITE_GATE)
		return -1;
	end = text + site->text_size;
	view->provider = piste_take_text(&text, end);
	view->name = view->provider ? piste_take_text(&text, end) : NULL;
	view->file = view->name ? piste_take_text(&text, end) : NULL;
	view->arguments = view->file ? piste_take_text(&text, end) : NULL;
	view->format = view->arguments ? piste_take_text(&text, end) : NULL;
	if (!view->format || !view->provider[0] || !view->name[0])
		return -1;
	view->line = site->line;
	view->kind = site->kind;
	view->level = site->level;
	view->id = site->id;
	view->attributes = "";
	view->attributes_len = 0;
	for (end = view->arguments; *end;)
		end++;
	/* the name of the event stands first, of a log its format */
	view->arguments = piste_skip_argument(view->arguments, end);
	view->arguments += view->arguments < end;
	piste_describe_fields(view, site->types, site->field_count, 0);
	return 0;
}

/* The next type of a `piste_types` section at or behind *at; NULL at its end. */
static inline const struct piste_type *piste_next_type(const void *section, size_t size, size_t *at)
{
	while (*at + sizeof(struct piste_type) <= size) {
		const struct piste_type *type =
			(const struct piste_type *)((const char *)section + *at);

		if (type->magic == PISTE_TYPE_MAGIC && type->size >= sizeof(*type) &&
		    type->size <= size - *at) {
			*at += (type->size + 7u) & ~(size_t)7;
			return type;
		}
		*at += 8;
	}
	return NULL;
}

/*
 * Takes a type apart: members of a struct and options of a variant into
 * view->fields, labels of an enumeration into `labels` (room for
 * PISTE_LABELS_MAX), their number into *label_count. Returns 0 or -1.
 */
static inline int piste_describe_type(const struct piste_type *type, struct piste_view *view,
				      struct piste_label_view *labels, uint32_t *label_count)
{
	const char *text = (const char *)(type + 1), *end = (const char *)type + type->size;

	*label_count = 0;
	if (type->kind == PISTE_TYPE_ENUM) {
		if (type->count > PISTE_LABELS_MAX ||
		    type->size < sizeof(*type) + type->count * 16u)
			return -1;
		text += type->count * 16u;
	} else if (type->count > PISTE_FIELDS_MAX) {
		return -1;
	}
	if (type->text_size > (size_t)(end - text))
		return -1;
	end = text + type->text_size;
	view->provider = view->file = view->format = view->attributes = "";
	view->attributes_len = 0;
	view->line = view->level = 0;
	view->kind = type->kind;
	view->id = PISTE_ID_NONE;
	view->field_count = 0;
	view->name = piste_take_text(&text, end);
	view->arguments = view->name ? piste_take_text(&text, end) : NULL;
	if (!view->arguments || !view->name[0])
		return -1;
	if (type->kind == PISTE_TYPE_ENUM) {
		const char *p = view->arguments, *stop = p;
		const char *values = (const char *)(type + 1);

		while (*stop)
			stop++;
		for (uint32_t i = 0; i < type->count; i++) {
			const char *arg_end = piste_skip_argument(p, stop), *a = p, *b = arg_end;

			piste_trim(&a, &b);
			if (piste_is_parenthesis(a, b)) { /* (NAME, low[, high]) */
				const char *inner = a + 1, *inner_end = b - 1;

				piste_take_argument(&inner, inner_end, &a, &b);
			}
			uint32_t n = 0;
			int is_literal = b - a >= 2 && *a == '"' && b[-1] == '"';

			a += is_literal;
			b -= is_literal;
			while (a < b && n < PISTE_NAME_MAX - 1) {
				a += is_literal && *a == '\\' && b - a > 1;
				labels[i].name[n++] = *a++;
			}
			labels[i].name[n] = '\0';
			for (size_t k = 0; k < 8; k++) {
				((char *)&labels[i].low)[k] = values[i * 16 + k];
				((char *)&labels[i].high)[k] = values[i * 16 + 8 + k];
			}
			p = arg_end < stop ? arg_end + 1 : stop;
		}
		*label_count = type->count;
		return 0;
	}
	if (type->kind != PISTE_TYPE_STRUCT && type->kind != PISTE_TYPE_VARIANT)
		return -1;
	piste_describe_fields(view, type->types, type->count, type->kind == PISTE_TYPE_VARIANT);
	return 0;
}

#endif
