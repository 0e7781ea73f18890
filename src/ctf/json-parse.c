/* SPDX-License-Identifier: MIT */
/*
 * json-parse.c - the fragments of CTF 2 metadata (CTF2-SPEC-2.0, 5). Each is
 * one JSON object behind a record separator; objects without separators are
 * taken too, as some producers write them.
 */
#include "ctf/json-parse.h"

#include "base/str.h"
#include "ctf/json-types.h"
#include "ctf/roles.h"

#include <errno.h>
#include <string.h>

struct parser {
	struct json_reader jp;
	struct ctf_trace_class *tc;
	bool has_preamble, has_trace_class;
};

static void read_uuid(struct json_reader *jp, const json_t *list, uint8_t uuid[16])
{
	for (size_t i = 0; i < 16; i++) {
		const json_t *v = json_array_get(list, i);
		if (json_array_size(list) != 16 || !json_is_integer(v) ||
		    json_integer_value(v) < 0 || json_integer_value(v) > 255) {
			json_fail(jp, "a UUID is 16 numbers of 0 to 255");
			return;
		}
		uuid[i] = (uint8_t)json_integer_value(v);
	}
}

static void preamble(struct parser *p, const json_t *o)
{
	struct json_reader *jp = &p->jp;
	const json_t *uuid = json_object_get(o, "uuid");
	if (p->has_preamble)
		json_fail(jp, "a second preamble");
	p->has_preamble = true;
	if (json_u64(jp, o, "version", true, 0) != 2)
		json_fail(jp, "only version 2 of CTF is known in JSON");
	if (json_object_size(json_object_get(o, "extensions")))
		json_fail(jp, "the trace uses extensions of CTF 2, of which none is known");
	if (uuid) {
		read_uuid(jp, uuid, p->tc->uuid);
		p->tc->has_uuid = true;
	}
}

static void field_class_alias(struct parser *p, const json_t *o)
{
	struct json_reader *jp = &p->jp;
	const char *name = json_text(jp, o, "name", true);
	struct json_class c = json_field_class(jp, json_object_get(o, "field-class"));
	struct json_class *kept = arena_memdup(jp->arena, &c, sizeof(c));
	uint64_t found;
	if (jp->error)
		return;
	if (map_get_str(&jp->aliases, name, &found))
		json_fail(jp, "the alias `%s` is defined twice", name);
	else if (!kept || map_put_str(&jp->aliases, name, (uintptr_t)kept))
		json_no_memory(jp);
}

static void environment(struct parser *p, json_t *env)
{
	const char *name;
	json_t *v;
	if (env && !json_is_object(env))
		json_fail(&p->jp, "`environment` is not an object");
	json_object_foreach(env, name, v)
	{
		int rc = 0;
		if (json_is_whole(v))
			rc = ctf_env_add_int(p->tc, name, (int64_t)json_whole(v));
		else if (json_is_string(v))
			rc = ctf_env_add_text(p->tc, name, json_string_value(v));
		else
			json_fail(&p->jp, "the environment's `%s` is neither text nor number",
				  name);
		if (rc)
			json_no_memory(&p->jp);
	}
}

static void trace_class(struct parser *p, const json_t *o)
{
	struct json_reader *jp = &p->jp;
	struct ctf_trace_class *tc = p->tc;
	if (p->has_trace_class || tc->n_streams)
		json_fail(jp, "the trace class stands once, before the data stream classes");
	p->has_trace_class = true;
	tc->namespace_ = json_text(jp, o, "namespace", false);
	tc->name = json_text(jp, o, "name", false);
	tc->uid = json_text(jp, o, "uid", false);
	tc->attributes = json_dump(jp, o, "attributes");
	tc->packet_header = json_scope(jp, o, "packet-header-field-class");
	environment(p, json_object_get(o, "environment"));
}

static void clock_origin(struct json_reader *jp, const json_t *o, struct ctf_clock *c)
{
	const json_t *origin = json_object_get(o, "origin");
	if (json_is_string(origin)) {
		c->is_absolute = !strcmp(json_string_value(origin), "unix-epoch");
		if (!c->is_absolute)
			json_fail(jp, "`%s` is no clock's origin", json_string_value(origin));
	} else if (origin) {
		c->origin_namespace = json_text(jp, origin, "namespace", false);
		c->origin_name = json_text(jp, origin, "name", true);
		c->origin_uid = json_text(jp, origin, "uid", true);
	}
	const json_t *offset = json_object_get(o, "offset-from-origin");
	c->offset_s = json_i64(jp, offset, "seconds", 0);
	c->offset_cycles = (int64_t)json_u64(jp, offset, "cycles", false, 0);
}

static void clock_class(struct parser *p, const json_t *o)
{
	struct json_reader *jp = &p->jp;
	const char *id = json_text(jp, o, "id", true);
	uint64_t hz = json_u64(jp, o, "frequency", true, 1);
	if (!jp->error && (!hz || hz > INT64_MAX))
		json_fail(jp, "a clock cannot have this frequency");
	for (size_t i = 0; !jp->error && i < p->tc->n_clocks; i++)
		if (!strcmp(p->tc->clocks[i]->id, id))
			json_fail(jp, "two clock classes have the id `%s`", id);
	struct ctf_clock *c = jp->error ? NULL : ctf_clock_add(p->tc, id, hz);
	if (!c) {
		json_no_memory(jp);
		return;
	}
	c->namespace_ = json_text(jp, o, "namespace", false);
	c->uid = json_text(jp, o, "uid", false);
	const char *name = json_text(jp, o, "name", false);
	if (name)
		c->name = name;
	c->description = json_text(jp, o, "description", false);
	c->precision_cycles = json_u64(jp, o, "precision", false, 0);
	c->attributes = json_dump(jp, o, "attributes");
	clock_origin(jp, o, c);
}

static void data_stream_class(struct parser *p, const json_t *o)
{
	struct json_reader *jp = &p->jp;
	uint64_t id = json_u64(jp, o, "id", false, 0);
	const char *clock = json_text(jp, o, "default-clock-class-id", false);
	if (!clock)
		clock = json_text(jp, o, "default-clock-class-name", false);
	if (!jp->error && ctf_stream_class_find(p->tc, id))
		json_fail(jp, "two data stream classes have the id %llu", (unsigned long long)id);
	struct ctf_stream_class *sc = jp->error ? NULL : ctf_stream_class_add(p->tc, id);
	if (!sc) {
		json_no_memory(jp);
		return;
	}
	for (size_t i = 0; clock && i < p->tc->n_clocks; i++)
		if (!strcmp(p->tc->clocks[i]->id, clock))
			sc->default_clock = p->tc->clocks[i];
	if (clock && !sc->default_clock)
		json_fail(jp, "the clock class `%s` is not defined before this", clock);
	sc->namespace_ = json_text(jp, o, "namespace", false);
	sc->name = json_text(jp, o, "name", false);
	sc->uid = json_text(jp, o, "uid", false);
	sc->attributes = json_dump(jp, o, "attributes");
	sc->packet_context = json_scope(jp, o, "packet-context-field-class");
	sc->event_header = json_scope(jp, o, "event-record-header-field-class");
	sc->event_context = json_scope(jp, o, "event-record-common-context-field-class");
}

/* What babeltrace2 and LTTng write of CTF 1.8's properties. */
static void event_attributes(struct json_reader *jp, const json_t *o, struct ctf_event_class *ec)
{
	const json_t *own =
		json_object_get(json_object_get(o, "attributes"), "babeltrace.org,2020");
	const json_t *level = json_object_get(own, "log-level");
	for (int i = 0; json_is_string(level) && i <= CTF_LOGLEVEL_MAX; i++)
		if (!strcmp(json_string_value(level), ctf_loglevel_name(i)))
			ec->loglevel = i;
	if (json_is_string(json_object_get(own, "emf-uri")))
		ec->emf_uri = json_text(jp, own, "emf-uri", false);
}

static void event_record_class(struct parser *p, const json_t *o)
{
	struct json_reader *jp = &p->jp;
	uint64_t id = json_u64(jp, o, "id", false, 0);
	uint64_t stream_id = json_u64(jp, o, "data-stream-class-id", false, 0);
	const char *name = json_text(jp, o, "name", false);
	struct ctf_stream_class *sc =
		(struct ctf_stream_class *)ctf_stream_class_find(p->tc, stream_id);
	if (!sc)
		json_fail(jp, "the data stream class %llu is not defined before this",
			  (unsigned long long)stream_id);
	else if (!jp->error && ctf_event_class_find(sc, id))
		json_fail(jp, "two event record classes of stream class %llu have the id %llu",
			  (unsigned long long)stream_id, (unsigned long long)id);
	struct ctf_event_class *ec = jp->error ? NULL : ctf_event_class_add(sc, id, name);
	if (!ec) {
		json_no_memory(jp);
		return;
	}
	ec->namespace_ = json_text(jp, o, "namespace", false);
	ec->uid = json_text(jp, o, "uid", false);
	ec->attributes = json_dump(jp, o, "attributes");
	ec->context = json_scope(jp, o, "specific-context-field-class");
	ec->payload = json_scope(jp, o, "payload-field-class");
	event_attributes(jp, o, ec);
}

static const struct {
	const char *type;
	void (*read)(struct parser *p, const json_t *o);
} fragments[] = {
	{"preamble", preamble},
	{"field-class-alias", field_class_alias},
	{"trace-class", trace_class},
	{"clock-class", clock_class},
	{"data-stream-class", data_stream_class},
	{"event-record-class", event_record_class},
};

static void fragment(struct parser *p, const json_t *o)
{
	struct json_reader *jp = &p->jp;
	const char *type = json_string_value(json_object_get(o, "type"));
	if (!type) {
		json_fail(jp, "a fragment is an object with a `type`");
		return;
	}
	if (!p->has_preamble && strcmp(type, "preamble"))
		json_fail(jp, "the first fragment is the preamble");
	jp->depth = 0;
	for (size_t i = 0; !jp->error && i < sizeof(fragments) / sizeof(*fragments); i++)
		if (!strcmp(type, fragments[i].type)) {
			fragments[i].read(p, o);
			return;
		}
	json_fail(jp, "`%s` is no type of fragment", type);
}

static bool is_blank(uint8_t c)
{
	return c == 0x1e || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void syntax_error(struct parser *p, const json_error_t *error)
{
	struct diag_place place = {.file = p->jp.file_name,
				   .line = p->jp.line +
					   (unsigned)(error->line > 0 ? error->line - 1 : 0),
				   .column = error->column > 0 ? (unsigned)error->column : 1};
	p->jp.error = json_error_code(error) == json_error_out_of_memory
			      ? -ENOMEM
			      : diag_error(p->jp.diag, &place, "not JSON: %s", error->text);
}

/* Numbers that jansson cannot hold become strings; see json-types.h. */
static void mark_large(struct str *out, struct span text)
{
	bool in_string = false;
	for (size_t i = 0; i < text.len;) {
		char c = (char)text.data[i];
		size_t n = 0;
		while (!in_string && i + n < text.len && text.data[i + n] >= '0' &&
		       text.data[i + n] <= '9')
			n++;
		if (!n) {
			if (c == '"')
				in_string = !in_string;
			if (c == '\\' && in_string && i + 1 < text.len)
				str_add_char(out, c), c = (char)text.data[++i];
			str_add_char(out, c);
			i++;
			continue;
		}
		char digits[24] = {0};
		memcpy(digits, text.data + i, n < 23 ? n : 23);
		bool is_large = n >= 19 && n <= 20 &&
				(n == 20 || strcmp(digits, "9223372036854775807") > 0) &&
				(n < 20 || strcmp(digits, "18446744073709551615") <= 0);
		bool is_alone = !i || !strchr("-.eE0123456789", text.data[i - 1]);
		if (is_large && is_alone)
			str_addf(out, "\"" JSON_LARGE_MARK "%s\"", digits);
		else
			str_add_bytes(out, text.data + i, n);
		i += n;
	}
}

static void fragment_list(struct parser *p, struct span text)
{
	size_t at = 0;
	p->jp.line = 1;
	while (!p->jp.error) {
		for (; at < text.len && is_blank(text.data[at]); at++)
			p->jp.line += text.data[at] == '\n';
		if (at == text.len)
			return;
		json_error_t error;
		json_t *o = json_loadb((const char *)text.data + at, text.len - at,
				       JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
		if (!o) {
			syntax_error(p, &error);
			return;
		}
		fragment(p, o);
		json_decref(o);
		/* Without the end-of-file check the position is how much was read. */
		size_t used = error.position > 0 ? (size_t)error.position : 1;
		for (size_t i = 0; i < used && at < text.len; i++, at++)
			p->jp.line += text.data[at] == '\n';
	}
}

int json_parse(struct ctf_trace_class **out, struct arena *arena, struct span text,
	       const char *file_name, struct diag *diag)
{
	struct parser p = {
		.jp = {.arena = arena, .diag = diag, .file_name = file_name},
		.tc = ctf_trace_class_new(arena, 2, 0, CTF_LITTLE_ENDIAN),
	};
	if (!p.tc)
		return -ENOMEM;
	struct str marked = {0};
	mark_large(&marked, text);
	if (marked.failed)
		json_no_memory(&p.jp);
	else
		fragment_list(&p, (struct span){(const uint8_t *)str_c(&marked), marked.len});
	str_fini(&marked);
	map_fini(&p.jp.aliases);
	if (!p.jp.error && arena_failed(arena))
		p.jp.error = -ENOMEM;
	if (!p.jp.error)
		p.jp.error = ctf_roles_map_clocks(p.tc);
	*out = p.jp.error ? NULL : p.tc;
	return p.jp.error;
}
