/* SPDX-License-Identifier: MIT */
/*
 * tsdl-parse.c - the blocks of TSDL (CTF 1.8.3, 7.3.3 and appendix C.3):
 * trace, env, clock, stream, event, callsite. Each block is a table of its
 * attributes. What was said before it could be understood is settled at the end.
 */
#include "ctf/tsdl-parse.h"

#include "ctf/roles.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tsdl_fail(struct tsdl_parser *p, unsigned line, unsigned column, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (p->error)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct diag_place place = {.file = p->file_name, .line = line, .column = column};
	p->error = diag_error(p->diag, &place, "%s", text);
	p->tok.kind = TSDL_END;
}

void tsdl_warn(struct tsdl_parser *p, unsigned line, unsigned column, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	if (p->error)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct diag_place place = {.file = p->file_name, .line = line, .column = column};
	diag_warn(p->diag, &place, "%s", text);
}

void tsdl_no_memory(struct tsdl_parser *p)
{
	if (!p->error)
		p->error = -ENOMEM;
	p->tok.kind = TSDL_END;
}

static const char *token_text(const struct tsdl_token *t, char buffer[2])
{
	switch (t->kind) {
	case TSDL_WORD:
	case TSDL_STRING:
	case TSDL_CHAR:
		return t->text;
	case TSDL_INT:
		return "a number";
	case TSDL_ASSIGN_TYPE:
		return ":=";
	case TSDL_ELLIPSIS:
		return "...";
	case TSDL_ARROW:
		return "->";
	case TSDL_PUNCT:
		buffer[0] = t->punct;
		buffer[1] = 0;
		return buffer;
	case TSDL_END:
		break;
	}
	return "the end of the metadata";
}

void tsdl_fail_here(struct tsdl_parser *p, const char *what)
{
	char buffer[2];
	if (!p->error)
		tsdl_fail(p, p->tok.line, p->tok.column, "expected %s, not `%.80s`", what,
			  token_text(&p->tok, buffer));
}

void tsdl_advance(struct tsdl_parser *p)
{
	if (p->error)
		return;
	p->tok = p->next;
	tsdl_lex(&p->lx, &p->next);
	/* The lexer's error counts once it is reached, so that the first place is named. */
	if (p->lx.error) {
		p->error = p->lx.error;
		p->tok.kind = TSDL_END;
	}
}

bool tsdl_is_punct(const struct tsdl_parser *p, char c)
{
	return p->tok.kind == TSDL_PUNCT && p->tok.punct == c;
}

bool tsdl_accept(struct tsdl_parser *p, char c)
{
	if (!tsdl_is_punct(p, c))
		return false;
	tsdl_advance(p);
	return true;
}

void tsdl_expect(struct tsdl_parser *p, char c, const char *where)
{
	char what[80];
	if (tsdl_accept(p, c))
		return;
	snprintf(what, sizeof(what), "`%c` (%s)", c, where);
	tsdl_fail_here(p, what);
}

/* --- attributes --------------------------------------------------------------- */

uint64_t tsdl_get_u64(struct tsdl_parser *p, const struct tsdl_attribute *a)
{
	if (a->kind == TSDL_VALUE_INT && !(a->negative && a->value))
		return a->value;
	tsdl_fail(p, a->line, a->column, "`%s` is an unsigned number", a->name);
	return 0;
}

int64_t tsdl_get_i64(struct tsdl_parser *p, const struct tsdl_attribute *a)
{
	uint64_t max = (uint64_t)INT64_MAX + a->negative;
	if (a->kind == TSDL_VALUE_INT && a->value <= max)
		return a->negative ? (int64_t)(0 - a->value) : (int64_t)a->value;
	tsdl_fail(p, a->line, a->column, "`%s` is a number of 64 bits", a->name);
	return 0;
}

const char *tsdl_get_text(struct tsdl_parser *p, const struct tsdl_attribute *a)
{
	if (a->kind == TSDL_VALUE_TEXT || a->kind == TSDL_VALUE_WORD)
		return a->text;
	tsdl_fail(p, a->line, a->column, "`%s` is a text", a->name);
	return "";
}

bool tsdl_get_bool(struct tsdl_parser *p, const struct tsdl_attribute *a)
{
	if (a->kind == TSDL_VALUE_INT && a->value <= 1 && !a->negative)
		return a->value;
	if (a->kind == TSDL_VALUE_WORD && (!strcmp(a->text, "true") || !strcmp(a->text, "TRUE")))
		return true;
	if (a->kind == TSDL_VALUE_WORD && (!strcmp(a->text, "false") || !strcmp(a->text, "FALSE")))
		return false;
	tsdl_fail(p, a->line, a->column, "`%s` is true or false", a->name);
	return false;
}

static struct ctf_type *get_struct(struct tsdl_parser *p, const struct tsdl_attribute *a)
{
	if (a->kind == TSDL_VALUE_TYPE && a->type && a->type->kind == CTF_STRUCT)
		return a->type;
	tsdl_fail(p, a->line, a->column, "`%s` is a structure: %s := struct …", a->name, a->name);
	return NULL;
}

/* word { (. | ->) word }, joined by dots */
static const char *dotted(struct tsdl_parser *p)
{
	if (p->tok.kind != TSDL_WORD) {
		tsdl_fail_here(p, "a name");
		return "";
	}
	const char *text = p->tok.text;
	tsdl_advance(p);
	while (tsdl_is_punct(p, '.') || p->tok.kind == TSDL_ARROW) {
		tsdl_advance(p);
		if (p->tok.kind != TSDL_WORD) {
			tsdl_fail_here(p, "a name after `.`");
			return "";
		}
		text = arena_printf(p->arena, "%s.%s", text, p->tok.text);
		if (!text) {
			tsdl_no_memory(p);
			return "";
		}
		tsdl_advance(p);
	}
	return text;
}

/* [+ -] integer-constant | string-literal | dotted name */
static void value(struct tsdl_parser *p, struct tsdl_attribute *a)
{
	bool is_signed = false;
	while (tsdl_is_punct(p, '-') || tsdl_is_punct(p, '+')) {
		is_signed = true;
		a->negative ^= p->tok.punct == '-';
		tsdl_advance(p);
	}
	if (p->tok.kind == TSDL_INT || (p->tok.kind == TSDL_CHAR && !is_signed)) {
		a->kind = TSDL_VALUE_INT;
		a->value = p->tok.value;
		tsdl_advance(p);
	} else if (p->tok.kind == TSDL_STRING && !is_signed) {
		a->kind = TSDL_VALUE_TEXT;
		a->text = p->tok.text;
		tsdl_advance(p);
	} else if (p->tok.kind == TSDL_WORD && !is_signed) {
		a->kind = TSDL_VALUE_WORD;
		a->text = dotted(p);
	} else {
		tsdl_fail_here(p, "a value");
	}
}

/* attribute: name = value ; | name := type ; */
static void attribute(struct tsdl_parser *p, struct tsdl_attribute *a)
{
	memset(a, 0, sizeof(*a));
	a->line = p->tok.line;
	a->column = p->tok.column;
	a->name = dotted(p);
	if (p->tok.kind == TSDL_ASSIGN_TYPE) {
		tsdl_advance(p);
		a->kind = TSDL_VALUE_TYPE;
		a->type = tsdl_type(p);
	} else {
		tsdl_expect(p, '=', "after an attribute's name");
		if (!p->error)
			value(p, a);
	}
	tsdl_expect(p, ';', "after an attribute");
}

static void apply(struct tsdl_parser *p, const struct tsdl_attribute *a, const char *block,
		  const struct tsdl_rule *rules, size_t n_rules, uint32_t *seen, void *into,
		  void (*other)(struct tsdl_parser *, const struct tsdl_attribute *, void *))
{
	for (size_t i = 0; i < n_rules; i++) {
		if (strcmp(rules[i].name, a->name))
			continue;
		if (*seen >> i & 1)
			tsdl_fail(p, a->line, a->column, "`%s` stands twice in this %s", a->name,
				  block);
		*seen |= 1u << i;
		rules[i].set(p, a, into);
		return;
	}
	if (other)
		other(p, a, into);
	else
		tsdl_warn(p, a->line, a->column, "`%s` is unknown in a %s and left out", a->name,
			  block);
}

void tsdl_block(struct tsdl_parser *p, const char *block, const struct tsdl_rule *rules,
		size_t n_rules, void *into, bool declarations,
		void (*other)(struct tsdl_parser *, const struct tsdl_attribute *, void *))
{
	uint32_t seen = 0;
	struct tsdl_scope scope;
	struct tsdl_attribute a;
	tsdl_scope_push(p, &scope);
	tsdl_expect(p, '{', block);
	while (!p->error && !tsdl_is_punct(p, '}')) {
		if (p->tok.kind == TSDL_END) {
			tsdl_fail_here(p, "a closing `}`");
		} else if (declarations && tsdl_declaration(p)) {
			/* the names that it made end with the block */
		} else {
			attribute(p, &a);
			if (!p->error)
				apply(p, &a, block, rules, n_rules, &seen, into, other);
		}
	}
	tsdl_expect(p, '}', block);
	tsdl_scope_pop(p);
}

/* --- trace, env -------------------------------------------------------------------- */

static void parse_uuid(struct tsdl_parser *p, const struct tsdl_attribute *a, uint8_t uuid[16])
{
	const char *s = tsdl_get_text(p, a);
	unsigned n = 0;
	bool good = strlen(s) == 36;
	for (unsigned i = 0; good && i < 36;) {
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			good = s[i++] == '-';
			continue;
		}
		unsigned byte;
		char pair[3] = {s[i], s[i + 1], 0}, rest;
		good = pair[0] != ' ' && pair[0] != '+' && pair[0] != '-' &&
		       sscanf(pair, "%2x%c", &byte, &rest) == 1 &&
		       strspn(pair, "0123456789abcdefABCDEF") == 2;
		uuid[n++] = good ? (uint8_t)byte : 0;
		i += 2;
	}
	if (!good)
		tsdl_fail(p, a->line, a->column,
			  "not a UUID: 32 hexadecimal digits in groups of 8-4-4-4-12");
}

static void trace_major(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	uint64_t v = tsdl_get_u64(p, a);
	((struct ctf_trace_class *)into)->major = (unsigned)v;
	if (!p->error && v != 1)
		tsdl_fail(p, a->line, a->column, "CTF %llu in TSDL: only CTF 1.8 is known",
			  (unsigned long long)v);
}

static void trace_minor(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	uint64_t v = tsdl_get_u64(p, a);
	((struct ctf_trace_class *)into)->minor = (unsigned)v;
	if (!p->error && v != 8)
		tsdl_fail(p, a->line, a->column, "CTF 1.%llu: only CTF 1.8 is known",
			  (unsigned long long)v);
}

static void trace_uuid(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct ctf_trace_class *tc = into;
	parse_uuid(p, a, tc->uuid);
	tc->has_uuid = true;
}

static void trace_byte_order(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct ctf_trace_class *tc = into;
	const char *text = tsdl_get_text(p, a);
	if (!strcmp(text, "le"))
		tc->byte_order = CTF_LITTLE_ENDIAN;
	else if (!strcmp(text, "be") || !strcmp(text, "network"))
		tc->byte_order = CTF_BIG_ENDIAN;
	else
		tsdl_fail(p, a->line, a->column, "`%s` is no byte order of a trace: le or be",
			  text);
}

static void trace_packet_header(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct ctf_trace_class *)into)->packet_header = get_struct(p, a);
}

/* trace { … } ; */
static void trace(struct tsdl_parser *p)
{
	static const struct tsdl_rule rules[] = {
		{"major", trace_major},
		{"minor", trace_minor},
		{"uuid", trace_uuid},
		{"byte_order", trace_byte_order},
		{"packet.header", trace_packet_header},
	};
	if (p->has_trace)
		tsdl_fail(p, p->tok.line, p->tok.column, "a second trace block");
	p->has_trace = true;
	tsdl_advance(p);
	tsdl_block(p, "trace", rules, sizeof(rules) / sizeof(*rules), p->tc, true, NULL);
}

static void env_entry(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct ctf_trace_class *tc = into;
	int rc = 0;
	if (a->kind == TSDL_VALUE_INT)
		rc = ctf_env_add_int(tc, a->name,
				     a->negative ? (int64_t)(0 - a->value) : (int64_t)a->value);
	else if (a->kind == TSDL_VALUE_TYPE)
		tsdl_fail(p, a->line, a->column, "an environment entry is a text or a number");
	else
		rc = ctf_env_add_text(tc, a->name, a->text);
	if (rc)
		tsdl_no_memory(p);
}

/* env { name = value; … } ; */
static void env(struct tsdl_parser *p)
{
	tsdl_advance(p);
	tsdl_block(p, "env", NULL, 0, p->tc, false, env_entry);
}

/* --- clock ---------------------------------------------------------------------------- */

static void clock_name(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct ctf_clock *c = into;
	c->id = c->name = tsdl_get_text(p, a);
}

static void clock_uuid(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct ctf_clock *c = into;
	parse_uuid(p, a, c->uuid);
	c->has_uuid = true;
}

static void clock_description(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct ctf_clock *)into)->description = tsdl_get_text(p, a);
}

static void clock_freq(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct ctf_clock *c = into;
	c->frequency_hz = tsdl_get_u64(p, a);
	if (!p->error && (!c->frequency_hz || c->frequency_hz == UINT64_MAX))
		tsdl_fail(p, a->line, a->column, "a clock cannot have this frequency");
}

static void clock_precision(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct ctf_clock *)into)->precision_cycles = tsdl_get_u64(p, a);
}

static void clock_offset_s(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct ctf_clock *)into)->offset_s = tsdl_get_i64(p, a);
}

static void clock_offset(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct ctf_clock *)into)->offset_cycles = tsdl_get_i64(p, a);
}

static void clock_absolute(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct ctf_clock *)into)->is_absolute = tsdl_get_bool(p, a);
}

/* clock { … } ; */
static void clock_block(struct tsdl_parser *p)
{
	static const struct tsdl_rule rules[] = {
		{"name", clock_name},
		{"uuid", clock_uuid},
		{"description", clock_description},
		{"freq", clock_freq},
		{"precision", clock_precision},
		{"offset_s", clock_offset_s},
		{"offset", clock_offset},
		{"absolute", clock_absolute},
	};
	unsigned line = p->tok.line, column = p->tok.column;
	struct ctf_clock c = {.frequency_hz = 1000000000};
	tsdl_advance(p);
	tsdl_block(p, "clock", rules, sizeof(rules) / sizeof(*rules), &c, false, NULL);
	if (!p->error && !c.name)
		tsdl_fail(p, line, column, "a clock lacks its name");
	for (size_t i = 0; !p->error && i < p->tc->n_clocks; i++)
		if (!strcmp(p->tc->clocks[i]->id, c.id))
			tsdl_fail(p, line, column, "two clocks are named `%s`", c.id);
	if (p->error)
		return;
	struct ctf_clock *clock = ctf_clock_add(p->tc, c.name, c.frequency_hz);
	if (clock)
		*clock = c;
	else
		tsdl_no_memory(p);
}

/* --- stream, event -------------------------------------------------------------------- */

struct stream_block {
	struct ctf_stream_class class;
	bool has_id;
};

static void stream_id(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct stream_block *s = into;
	s->class.id = tsdl_get_u64(p, a);
	s->has_id = true;
}

static void stream_packet_context(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct stream_block *)into)->class.packet_context = get_struct(p, a);
}

static void stream_event_header(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct stream_block *)into)->class.event_header = get_struct(p, a);
}

static void stream_event_context(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct stream_block *)into)->class.event_context = get_struct(p, a);
}

/* stream { … } ; */
static void stream(struct tsdl_parser *p)
{
	static const struct tsdl_rule rules[] = {
		{"id", stream_id},
		{"packet.context", stream_packet_context},
		{"event.header", stream_event_header},
		{"event.context", stream_event_context},
	};
	struct stream_block s = {0};
	unsigned line = p->tok.line, column = p->tok.column;
	tsdl_advance(p);
	tsdl_block(p, "stream", rules, sizeof(rules) / sizeof(*rules), &s, true, NULL);
	if (p->error)
		return;
	if (ctf_stream_class_find(p->tc, s.class.id)) {
		tsdl_fail(p, line, column, "two streams have the id %llu",
			  (unsigned long long)s.class.id);
		return;
	}
	struct ctf_stream_class *sc = ctf_stream_class_add(p->tc, s.class.id);
	if (!sc) {
		tsdl_no_memory(p);
		return;
	}
	sc->packet_context = s.class.packet_context;
	sc->event_header = s.class.event_header;
	sc->event_context = s.class.event_context;
}

static void event_name(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct tsdl_event *)into)->class.name = tsdl_get_text(p, a);
}

static void event_id(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct tsdl_event *e = into;
	e->class.id = tsdl_get_u64(p, a);
	e->has_id = true;
}

static void event_stream_id(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	struct tsdl_event *e = into;
	e->stream_id = tsdl_get_u64(p, a);
	e->has_stream_id = true;
}

static void event_loglevel(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	int64_t level = tsdl_get_i64(p, a);
	if (level >= 0 && level <= 14)
		((struct tsdl_event *)into)->class.loglevel = (int)level;
	else
		tsdl_warn(p, a->line, a->column, "the log level %lld is unknown and left out",
			  (long long)level);
}

static void event_emf_uri(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct tsdl_event *)into)->class.emf_uri = tsdl_get_text(p, a);
}

static void event_context(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct tsdl_event *)into)->class.context = get_struct(p, a);
}

static void event_fields(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	((struct tsdl_event *)into)->class.payload = get_struct(p, a);
}

/* event { … } ; */
static void event(struct tsdl_parser *p)
{
	static const struct tsdl_rule rules[] = {
		{"name", event_name},
		{"id", event_id},
		{"stream_id", event_stream_id},
		{"loglevel", event_loglevel},
		{"model.emf.uri", event_emf_uri},
		{"context", event_context},
		{"fields", event_fields},
	};
	struct tsdl_event e = {.line = p->tok.line, .column = p->tok.column};
	e.class.loglevel = CTF_LOGLEVEL_NONE;
	tsdl_advance(p);
	tsdl_block(p, "event", rules, sizeof(rules) / sizeof(*rules), &e, true, NULL);
	if (!p->error && vec_push(&p->events, e))
		tsdl_no_memory(p);
}

static void ignore_attribute(struct tsdl_parser *p, const struct tsdl_attribute *a, void *into)
{
	(void)p, (void)a, (void)into;
}

/* callsite { … } ; (obsolete) */
static void callsite(struct tsdl_parser *p)
{
	tsdl_advance(p);
	tsdl_block(p, "callsite", NULL, 0, NULL, false, ignore_attribute);
}

/* --- settling what was said too early ----------------------------------------------- */

static void settle_byte_orders(struct tsdl_parser *p)
{
	for (size_t i = 0; i < p->native.len; i++)
		p->native.items[i]->byte_order = p->tc->byte_order;
}

static void settle_clocks(struct tsdl_parser *p)
{
	for (size_t i = 0; !p->error && i < p->clock_refs.len; i++) {
		struct tsdl_clock_ref *r = &p->clock_refs.items[i];
		const struct ctf_clock *found = NULL;
		for (size_t j = 0; j < p->tc->n_clocks; j++)
			if (!strcmp(p->tc->clocks[j]->id, r->clock))
				found = p->tc->clocks[j];
		if (!found)
			tsdl_fail(p, r->line, r->column, "the clock `%s` is not declared",
				  r->clock);
		r->type->integer.clock = found;
	}
}

static struct ctf_stream_class *stream_of(struct tsdl_parser *p, struct tsdl_event *e)
{
	struct ctf_trace_class *tc = p->tc;
	if (!e->has_stream_id && tc->n_streams == 1)
		return tc->streams[0];
	if (!e->has_stream_id && tc->n_streams > 1) {
		tsdl_fail(p, e->line, e->column,
			  "this event lacks its stream_id, and there are several streams");
		return NULL;
	}
	uint64_t id = e->has_stream_id ? e->stream_id : 0;
	struct ctf_stream_class *sc = (struct ctf_stream_class *)ctf_stream_class_find(tc, id);
	if (!sc && id == 0 && !tc->n_streams) {
		sc = ctf_stream_class_add(tc, 0);
		if (!sc)
			tsdl_no_memory(p);
	} else if (!sc) {
		tsdl_fail(p, e->line, e->column, "this event's stream %llu is not declared",
			  (unsigned long long)id);
	}
	return sc;
}

static void settle_events(struct tsdl_parser *p)
{
	for (size_t i = 0; !p->error && i < p->events.len; i++) {
		struct tsdl_event *e = &p->events.items[i];
		struct ctf_stream_class *sc = stream_of(p, e);
		if (!sc)
			return;
		struct ctf_event_class *ec = ctf_event_class_add(sc, e->class.id, NULL);
		if (!ec) {
			tsdl_no_memory(p);
			return;
		}
		ec->name = e->class.name;
		ec->loglevel = e->class.loglevel;
		ec->emf_uri = e->class.emf_uri;
		ec->context = e->class.context;
		ec->payload = e->class.payload;
	}
}

/* Ids must be unique in a stream. A map, since a hostile trace has many events. */
static void check_event_ids(struct tsdl_parser *p)
{
	struct map *ids = NULL;
	size_t n = p->tc->n_streams;
	if (!n || p->error || !(ids = arena_array(p->arena, n, sizeof(*ids)))) {
		if (n && !p->error)
			tsdl_no_memory(p);
		return;
	}
	for (size_t i = 0; !p->error && i < p->events.len; i++) {
		struct tsdl_event *e = &p->events.items[i];
		struct ctf_stream_class *sc = stream_of(p, e);
		uint64_t found;
		if (sc && map_get_u64(&ids[sc->index], e->class.id, &found))
			tsdl_fail(p, e->line, e->column,
				  "two events of stream %llu have the id %llu",
				  (unsigned long long)sc->id, (unsigned long long)e->class.id);
		else if (sc && map_put_u64(&ids[sc->index], e->class.id, 1))
			tsdl_no_memory(p);
	}
	for (size_t i = 0; i < n; i++)
		map_fini(&ids[i]);
}

/* --- metadata: { block | declaration } ---------------------------------------------- */

static void metadata(struct tsdl_parser *p)
{
	static const struct {
		enum tsdl_keyword keyword;
		void (*read)(struct tsdl_parser *p);
	} blocks[] = {
		{TSDL_trace, trace},   {TSDL_env, env},     {TSDL_clock, clock_block},
		{TSDL_stream, stream}, {TSDL_event, event}, {TSDL_callsite, callsite},
	};
	while (!p->error && p->tok.kind != TSDL_END) {
		bool is_block = false;
		if (tsdl_accept(p, ';'))
			continue;
		for (size_t i = 0; p->tok.kind == TSDL_WORD && i < sizeof(blocks) / sizeof(*blocks);
		     i++)
			if (!is_block && p->tok.keyword == blocks[i].keyword) {
				is_block = true;
				blocks[i].read(p);
				tsdl_expect(p, ';', "after a block");
				break;
			}
		if (!is_block && !tsdl_declaration(p))
			tsdl_fail_here(p, "trace, env, clock, stream, event or a declaration");
	}
}

static void parser_fini(struct tsdl_parser *p)
{
	vec_fini(&p->native);
	vec_fini(&p->clock_refs);
	vec_fini(&p->events);
}

int tsdl_parse(struct ctf_trace_class **out, struct arena *arena, struct span text,
	       const char *file_name, struct diag *diag)
{
	struct tsdl_scope root;
	struct tsdl_parser p = {
		.lx = {.at = text.data,
		       .end = text.data + text.len,
		       .line = 1,
		       .line_start = text.data,
		       .file_name = file_name,
		       .arena = arena,
		       .diag = diag},
		.arena = arena,
		.diag = diag,
		.file_name = file_name,
		.tc = ctf_trace_class_new(arena, 1, 8, CTF_LITTLE_ENDIAN),
	};
	if (!p.tc)
		return -ENOMEM;
	tsdl_scope_push(&p, &root);
	tsdl_advance(&p);
	tsdl_advance(&p);
	metadata(&p);
	tsdl_scope_pop(&p);
	if (!p.error)
		settle_byte_orders(&p);
	settle_clocks(&p);
	settle_events(&p);
	check_event_ids(&p);
	if (!p.error && arena_failed(arena))
		p.error = -ENOMEM;
	if (!p.error)
		p.error = ctf_roles_assign(p.tc);
	parser_fini(&p);
	*out = p.error ? NULL : p.tc;
	return p.error;
}
