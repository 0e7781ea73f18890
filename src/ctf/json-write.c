/* SPDX-License-Identifier: MIT */
/*
 * json-write.c - the model as a CTF 2 JSON text sequence (CTF2-SPEC-2.0).
 *
 * A model made for CTF 1.8 is put in CTF 2's terms: arrays of characters are
 * strings, the trace's UUID a BLOB, a variant's options get the ranges of the
 * labels that chose them, and references become paths from their scope's root.
 */
#include "ctf/metadata-write.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MAX_DEPTH 100

struct level { /* a structure around what is being written */
	const struct ctf_type *record;
	const char *name; /* of its member that is being written */
};

struct writer {
	struct str *out;
	const struct ctf_type *roots[CTF_N_SCOPES];
	enum ctf_scope scope;
	struct level levels[MAX_DEPTH];
	unsigned depth;
	int error;
};

static void write_class(struct writer *w, const struct ctf_type *t, uint32_t roles);

static void add_text(struct str *out, const char *text)
{
	str_add_json(out, text, strlen(text));
}

static void add_member(struct str *out, const char *key, const char *text)
{
	if (!text)
		return;
	str_addf(out, ",\"%s\":", key);
	add_text(out, text);
}

static void add_raw(struct str *out, const char *key, const char *json)
{
	if (json)
		str_addf(out, ",\"%s\":%s", key, json);
}

static void add_u64(struct str *out, const char *key, uint64_t v)
{
	str_addf(out, ",\"%s\":%" PRIu64, key, v);
}

/* --- references ---------------------------------------------------------------- */

static const struct ctf_field *member(const struct ctf_type *record, const char *name)
{
	for (size_t i = 0; record && record->kind == CTF_STRUCT && i < record->record.n_fields;
	     i++) {
		const struct ctf_field *f = &record->record.fields[i];
		if (!strcmp(f->name, name) || (f->raw_name && !strcmp(f->raw_name, name)))
			return f;
	}
	return NULL;
}

struct target {
	enum ctf_scope scope;
	unsigned depth; /* of the structure that the path starts from */
	const struct ctf_type *record;
};

/* Where a reference starts: the innermost structure around, or root before, that has its first name. */
static bool find_start(const struct writer *w, const struct ctf_ref *ref, struct target *t)
{
	const char *first = ref->n_path ? ref->path[0] : NULL;
	if (!first)
		return false;
	if (ref->scope != CTF_SCOPE_RELATIVE) {
		*t = (struct target){ref->scope, 0, w->roots[ref->scope]};
		return t->record;
	}
	for (unsigned d = w->depth; d-- > 0;)
		if (member(w->levels[d].record, first)) {
			*t = (struct target){w->scope, d, w->levels[d].record};
			return true;
		}
	for (unsigned s = w->scope; s-- > 0;)
		if (member(w->roots[s], first)) {
			*t = (struct target){(enum ctf_scope)s, 0, w->roots[s]};
			return true;
		}
	return false;
}

/* The type at its end; NULL when it goes through more than structures. */
static const struct ctf_type *find_end(const struct target *t, const struct ctf_ref *ref)
{
	const struct ctf_type *at = t->record;
	for (size_t i = 0; at && i < ref->n_path; i++) {
		const struct ctf_field *f = ref->path[i] ? member(at, ref->path[i]) : NULL;
		at = f ? f->type : NULL;
	}
	return at;
}

static const struct ctf_type *write_location(struct writer *w, const char *key,
					     const struct ctf_ref *ref)
{
	static const char *const origins[] = {
#define X(id, tsdl, json) [CTF_SCOPE_##id] = json,
		CTF_SCOPES(X)
#undef X
	};
	struct target t;
	str_addf(w->out, ",\"%s\":{", key);
	if (!find_start(w, ref, &t)) {
		/* A path of CTF 2's own that goes upwards is kept as it is. */
		if (!ref->n_path || ref->path[0] || ref->scope != CTF_SCOPE_RELATIVE)
			w->error = -ENOTSUP;
		t = (struct target){CTF_SCOPE_RELATIVE, 0, NULL};
	} else {
		str_addf(w->out, "\"origin\":\"%s\",", origins[t.scope]);
	}
	str_add(w->out, "\"path\":[");
	const char *comma = "";
	for (unsigned d = 0; t.record && d < t.depth; d++, comma = ",") {
		str_add(w->out, comma);
		add_text(w->out, w->levels[d].name);
	}
	const struct ctf_type *at = t.record;
	for (size_t i = 0; i < ref->n_path; i++, comma = ",") {
		const struct ctf_field *f = ref->path[i] ? member(at, ref->path[i]) : NULL;
		at = f ? f->type : NULL;
		str_add(w->out, comma);
		if (!ref->path[i])
			str_add(w->out, "null");
		else
			add_text(w->out, f ? f->name : ref->path[i]);
	}
	str_add(w->out, "]}");
	return t.record ? find_end(&t, ref) : NULL;
}

/* --- field classes ---------------------------------------------------------------- */

static void write_roles(struct writer *w, uint32_t roles)
{
	const char *comma = "";
	if (!roles)
		return;
	str_add(w->out, ",\"roles\":[");
	for (int r = 0; r < CTF_N_ROLES; r++)
		if (roles & CTF_ROLE_BIT(r)) {
			str_addf(w->out, "%s\"%s\"", comma, ctf_role_name((enum ctf_role)r));
			comma = ",";
		}
	str_add_char(w->out, ']');
}

static void write_fixed(struct writer *w, const struct ctf_type *t, const char *name, unsigned bits)
{
	str_addf(w->out, "{\"type\":\"%s\",\"length\":%u,\"byte-order\":\"%s\"", name, bits,
		 t->byte_order == CTF_BIG_ENDIAN ? "big-endian" : "little-endian");
	if (t->align > 1)
		add_u64(w->out, "alignment", t->align);
}

static void write_ranges(struct writer *w, const struct ctf_range *ranges, size_t n, bool is_signed)
{
	for (size_t i = 0; i < n; i++) {
		const struct ctf_range *r = &ranges[i];
		if (is_signed)
			str_addf(w->out, "%s[%" PRId64 ",%" PRId64 "]", i ? "," : "",
				 (int64_t)r->lo, (int64_t)r->hi);
		else
			str_addf(w->out, "%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", r->lo, r->hi);
	}
}

/* JSON names are unique, labels may come again: the first of a name gets all its ranges. */
static void write_labels(struct writer *w, const struct ctf_integer *in, const char *key)
{
	const char *comma = "";
	if (!in->n_labels)
		return;
	str_addf(w->out, ",\"%s\":{", key);
	for (size_t i = 0; i < in->n_labels; i++) {
		bool is_first = true;
		for (size_t j = 0; j < i && is_first; j++)
			is_first = strcmp(in->labels[j].name, in->labels[i].name) != 0;
		if (!is_first)
			continue;
		str_add(w->out, comma);
		comma = ",";
		add_text(w->out, in->labels[i].name);
		str_add(w->out, ":[");
		for (size_t j = i, n = 0; j < in->n_labels; j++) {
			const struct ctf_label *l = &in->labels[j];
			if (strcmp(l->name, in->labels[i].name))
				continue;
			if (n++)
				str_add_char(w->out, ',');
			write_ranges(w, l->ranges, l->n_ranges, in->is_signed);
		}
		str_add_char(w->out, ']');
	}
	str_add_char(w->out, '}');
}

static void write_integer(struct writer *w, const struct ctf_type *t, uint32_t roles)
{
	const struct ctf_integer *in = &t->integer;
	bool is_number = t->kind == CTF_INTEGER || t->kind == CTF_ENUM || t->kind == CTF_VARINT;
	if (t->kind == CTF_VARINT)
		str_addf(w->out, "{\"type\":\"variable-length-%s-integer\"",
			 in->is_signed ? "signed" : "unsigned");
	else
		write_fixed(w, t,
			    t->kind == CTF_BOOL        ? "fixed-length-boolean"
			    : t->kind == CTF_BIT_ARRAY ? "fixed-length-bit-array"
			    : t->kind == CTF_BIT_MAP   ? "fixed-length-bit-map"
			    : in->is_signed            ? "fixed-length-signed-integer"
						       : "fixed-length-unsigned-integer",
			    in->bits);
	if (is_number && in->base && in->base != 10)
		add_u64(w->out, "preferred-display-base", in->base);
	write_labels(w, in, t->kind == CTF_BIT_MAP ? "flags" : "mappings");
	bool is_header = w->scope == CTF_SCOPE_EVENT_HEADER;
	write_roles(w, roles | (in->clock && is_header ? CTF_ROLE_BIT(CTF_ROLE_TIMESTAMP) : 0));
}

static void write_float(struct writer *w, const struct ctf_type *t, uint32_t roles)
{
	(void)roles;
	write_fixed(w, t, "fixed-length-floating-point-number", t->real.bits);
}

static void write_text_class(struct writer *w, const struct ctf_type *t, uint32_t roles)
{
	static const char *const names[CTF_N_KINDS] = {
		[CTF_STRING] = "null-terminated-string",
		[CTF_STATIC_STRING] = "static-length-string",
		[CTF_DYNAMIC_STRING] = "dynamic-length-string",
		[CTF_STATIC_BLOB] = "static-length-blob",
		[CTF_DYNAMIC_BLOB] = "dynamic-length-blob",
	};
	static const char *const encodings[] = {
		[CTF_ENCODING_UTF16BE] = "utf-16be",
		[CTF_ENCODING_UTF16LE] = "utf-16le",
		[CTF_ENCODING_UTF32BE] = "utf-32be",
		[CTF_ENCODING_UTF32LE] = "utf-32le",
	};
	str_addf(w->out, "{\"type\":\"%s\"", names[t->kind]);
	if (t->kind == CTF_STATIC_STRING || t->kind == CTF_STATIC_BLOB)
		add_u64(w->out, "length", t->text.bytes);
	if (t->kind == CTF_DYNAMIC_STRING || t->kind == CTF_DYNAMIC_BLOB)
		write_location(w, "length-field-location", &t->text.length);
	if (t->text.encoding > CTF_ENCODING_UTF8)
		add_member(w->out, "encoding", encodings[t->text.encoding]);
	add_member(w->out, "media-type", t->text.media_type);
	write_roles(w, roles);
}

static void write_struct(struct writer *w, const struct ctf_type *t, uint32_t roles)
{
	(void)roles;
	if (w->depth == MAX_DEPTH) {
		w->error = -ENOTSUP;
		return;
	}
	str_add(w->out, "{\"type\":\"structure\"");
	if (t->record.min_align > 1)
		add_u64(w->out, "minimum-alignment", t->record.min_align);
	str_add(w->out, ",\"member-classes\":[");
	struct level *level = &w->levels[w->depth++];
	level->record = t;
	for (size_t i = 0; i < t->record.n_fields; i++) {
		const struct ctf_field *f = &t->record.fields[i];
		level->name = f->name;
		str_add(w->out, i ? ",{\"name\":" : "{\"name\":");
		add_text(w->out, f->name);
		str_add(w->out, ",\"field-class\":");
		write_class(w, f->type, f->roles);
		add_raw(w->out, "attributes", f->attributes);
		str_add_char(w->out, '}');
	}
	w->depth--;
	str_add_char(w->out, ']');
}

static void write_array(struct writer *w, const struct ctf_type *t, uint32_t roles)
{
	bool is_static = t->kind == CTF_ARRAY;
	bool is_uuid = is_static && roles & CTF_ROLE_BIT(CTF_ROLE_METADATA_UUID);
	bool is_text = ctf_type_is_text(t) && t->array.element->align == 8;
	if (is_uuid || is_text) {
		str_addf(w->out, "{\"type\":\"%s-length-%s\"", is_static ? "static" : "dynamic",
			 is_uuid ? "blob" : "string");
	} else {
		str_addf(w->out, "{\"type\":\"%s-length-array\",\"element-field-class\":",
			 is_static ? "static" : "dynamic");
		write_class(w, t->array.element, 0);
		if (t->array.min_align > 1)
			add_u64(w->out, "minimum-alignment", t->array.min_align);
	}
	if (is_static)
		add_u64(w->out, "length", t->array.count);
	else
		write_location(w, "length-field-location", &t->array.length);
	write_roles(w, is_uuid ? roles : 0);
}

/* The ranges of the selector's labels of the option's name; true when there are some. */
static bool write_label_ranges(struct writer *w, const struct ctf_type *tag,
			       const struct ctf_field *o)
{
	size_t n = 0;
	for (size_t i = 0; tag && tag->kind == CTF_ENUM && i < tag->integer.n_labels; i++) {
		const struct ctf_label *l = &tag->integer.labels[i];
		if (!ctf_label_chooses(l->name, o))
			continue;
		if (n++)
			str_add_char(w->out, ',');
		write_ranges(w, l->ranges, l->n_ranges, tag->integer.is_signed);
	}
	return n;
}

/* An option of CTF 1.8 that nothing chooses has no place in CTF 2. */
static bool is_chosen(const struct ctf_type *tag, const struct ctf_field *o)
{
	if (o->n_ranges)
		return true;
	for (size_t i = 0; tag && tag->kind == CTF_ENUM && i < tag->integer.n_labels; i++)
		if (ctf_label_chooses(tag->integer.labels[i].name, o))
			return true;
	return false;
}

static void write_variant(struct writer *w, const struct ctf_type *t, uint32_t roles)
{
	(void)roles;
	const char *comma = "";
	str_add(w->out, "{\"type\":\"variant\"");
	const struct ctf_type *tag = write_location(w, "selector-field-location", &t->variant.tag);
	str_add(w->out, ",\"options\":[");
	for (size_t i = 0; i < t->variant.n_options; i++) {
		const struct ctf_field *o = &t->variant.options[i];
		if (!is_chosen(tag, o))
			continue;
		str_addf(w->out, "%s{\"name\":", comma);
		comma = ",";
		add_text(w->out, o->name);
		str_add(w->out, ",\"selector-field-ranges\":[");
		if (o->n_ranges)
			write_ranges(w, o->ranges, o->n_ranges, tag && tag->integer.is_signed);
		else
			write_label_ranges(w, tag, o);
		str_add(w->out, "],\"field-class\":");
		write_class(w, o->type, o->roles);
		add_raw(w->out, "attributes", o->attributes);
		str_add_char(w->out, '}');
	}
	str_add_char(w->out, ']');
}

static void write_optional(struct writer *w, const struct ctf_type *t, uint32_t roles)
{
	(void)roles;
	str_add(w->out, "{\"type\":\"optional\"");
	const struct ctf_type *tag = write_location(w, "selector-field-location", &t->optional.tag);
	if (t->optional.n_ranges) {
		str_add(w->out, ",\"selector-field-ranges\":[");
		write_ranges(w, t->optional.ranges, t->optional.n_ranges,
			     tag && tag->integer.is_signed);
		str_add_char(w->out, ']');
	}
	str_add(w->out, ",\"field-class\":");
	write_class(w, t->optional.content, 0);
}

static void write_class(struct writer *w, const struct ctf_type *t, uint32_t roles)
{
	static void (*const by_kind[CTF_N_KINDS])(struct writer *, const struct ctf_type *,
						  uint32_t) = {
		[CTF_INTEGER] = write_integer,
		[CTF_BOOL] = write_integer,
		[CTF_BIT_ARRAY] = write_integer,
		[CTF_BIT_MAP] = write_integer,
		[CTF_ENUM] = write_integer,
		[CTF_VARINT] = write_integer,
		[CTF_FLOAT] = write_float,
		[CTF_STRING] = write_text_class,
		[CTF_STATIC_STRING] = write_text_class,
		[CTF_DYNAMIC_STRING] = write_text_class,
		[CTF_STATIC_BLOB] = write_text_class,
		[CTF_DYNAMIC_BLOB] = write_text_class,
		[CTF_STRUCT] = write_struct,
		[CTF_ARRAY] = write_array,
		[CTF_SEQUENCE] = write_array,
		[CTF_VARIANT] = write_variant,
		[CTF_OPTIONAL] = write_optional,
	};
	if (w->error)
		return;
	by_kind[t->kind](w, t, roles);
	add_raw(w->out, "attributes", t->attributes);
	str_add_char(w->out, '}');
}

static void write_root(struct writer *w, const char *key, enum ctf_scope scope)
{
	if (!w->roots[scope])
		return;
	w->scope = scope;
	w->depth = 0;
	str_addf(w->out, ",\"%s\":", key);
	write_class(w, w->roots[scope], 0);
}

/* --- fragments ------------------------------------------------------------------------ */

static void begin(struct str *out, const char *type)
{
	str_addf(out, "\x1e{\"type\":\"%s\"", type);
}

static void end(struct str *out)
{
	str_add(out, "}\n");
}

static void write_clock(struct writer *w, const struct ctf_clock *c)
{
	struct str *out = w->out;
	/* What is no UTF-8 would come back as another id. */
	for (const char *s = c->id; *s; s++)
		if ((unsigned char)*s >= 0x80)
			w->error = -ENOTSUP;

	/* CTF 2 has offsets of whole cycles within one second, never negative. */
	int64_t hz = c->frequency_hz ? (int64_t)c->frequency_hz : 1;
	int64_t seconds = c->offset_s + c->offset_cycles / hz, cycles = c->offset_cycles % hz;
	if (cycles < 0) {
		cycles += hz;
		seconds--;
	}
	begin(out, "clock-class");
	add_member(out, "id", c->id);
	add_member(out, "namespace", c->namespace_);
	add_member(out, "name", c->name);
	add_member(out, "uid", c->uid);
	add_u64(out, "frequency", c->frequency_hz);
	if (c->is_absolute) {
		str_add(out, ",\"origin\":\"unix-epoch\"");
	} else if (c->origin_name && c->origin_uid) {
		str_add(out, ",\"origin\":{\"name\":");
		add_text(out, c->origin_name);
		add_member(out, "uid", c->origin_uid);
		add_member(out, "namespace", c->origin_namespace);
		str_add_char(out, '}');
	}
	str_addf(out, ",\"offset-from-origin\":{\"seconds\":%" PRId64 ",\"cycles\":%" PRId64 "}",
		 seconds, cycles);
	if (c->precision_cycles)
		add_u64(out, "precision", c->precision_cycles);
	add_member(out, "description", c->description);
	add_raw(out, "attributes", c->attributes);
	end(out);
}

static void write_env(struct str *out, const struct ctf_trace_class *tc)
{
	if (!tc->n_env)
		return;
	str_add(out, ",\"environment\":{");
	const char *comma = "";
	for (size_t i = 0; i < tc->n_env; i++) {
		const struct ctf_env_entry *e = &tc->env[i];
		/* TSDL may say a name twice, JSON may not: the first counts. */
		if (ctf_env_find(tc, e->name) != e)
			continue;
		str_add(out, comma);
		comma = ",";
		add_text(out, e->name);
		str_add_char(out, ':');
		if (e->is_string)
			add_text(out, e->text);
		else
			str_add_i64(out, e->value);
	}
	str_add_char(out, '}');
}

int json_write_preamble(struct str *out, const struct ctf_trace_class *tc)
{
	struct writer w = {.out = out, .roots = {[CTF_SCOPE_PACKET_HEADER] = tc->packet_header}};
	begin(out, "preamble");
	add_u64(out, "version", 2);
	if (tc->has_uuid) {
		str_add(out, ",\"uuid\":[");
		for (int i = 0; i < 16; i++)
			str_addf(out, "%s%u", i ? "," : "", tc->uuid[i]);
		str_add_char(out, ']');
	}
	end(out);
	begin(out, "trace-class");
	add_member(out, "namespace", tc->namespace_);
	add_member(out, "name", tc->name);
	add_member(out, "uid", tc->uid);
	write_root(&w, "packet-header-field-class", CTF_SCOPE_PACKET_HEADER);
	write_env(out, tc);
	add_raw(out, "attributes", tc->attributes);
	end(out);
	for (size_t i = 0; i < tc->n_clocks; i++)
		write_clock(&w, tc->clocks[i]);
	return w.error;
}

static void set_roots(struct writer *w, const struct ctf_stream_class *sc,
		      const struct ctf_event_class *ec)
{
	w->roots[CTF_SCOPE_PACKET_HEADER] = sc->trace_class->packet_header;
	w->roots[CTF_SCOPE_PACKET_CONTEXT] = sc->packet_context;
	w->roots[CTF_SCOPE_EVENT_HEADER] = sc->event_header;
	w->roots[CTF_SCOPE_EVENT_COMMON_CONTEXT] = sc->event_context;
	w->roots[CTF_SCOPE_EVENT_CONTEXT] = ec ? ec->context : NULL;
	w->roots[CTF_SCOPE_EVENT_PAYLOAD] = ec ? ec->payload : NULL;
}

/* The clock that the stream's times are mapped to, also in a model that says it only by its types. */
static const struct ctf_clock *default_clock(const struct ctf_stream_class *sc)
{
	const struct ctf_type *roots[] = {sc->event_header, sc->packet_context};
	if (sc->default_clock)
		return sc->default_clock;
	for (size_t r = 0; r < 2; r++)
		for (size_t i = 0; roots[r] && i < roots[r]->record.n_fields; i++) {
			const struct ctf_type *t = roots[r]->record.fields[i].type;
			if (t->kind == CTF_INTEGER && t->integer.clock)
				return t->integer.clock;
		}
	return NULL;
}

int json_write_stream(struct str *out, const struct ctf_stream_class *sc)
{
	struct writer w = {.out = out};
	const struct ctf_clock *clock = default_clock(sc);
	set_roots(&w, sc, NULL);
	begin(out, "data-stream-class");
	add_u64(out, "id", sc->id);
	add_member(out, "namespace", sc->namespace_);
	add_member(out, "name", sc->name);
	add_member(out, "uid", sc->uid);
	add_member(out, "default-clock-class-id", clock ? clock->id : NULL);
	write_root(&w, "packet-context-field-class", CTF_SCOPE_PACKET_CONTEXT);
	write_root(&w, "event-record-header-field-class", CTF_SCOPE_EVENT_HEADER);
	write_root(&w, "event-record-common-context-field-class", CTF_SCOPE_EVENT_COMMON_CONTEXT);
	add_raw(out, "attributes", sc->attributes);
	end(out);
	return w.error;
}

/* The log level and URI of CTF 1.8 have no place of their own in CTF 2. */
static void write_event_attributes(struct str *out, const struct ctf_event_class *ec)
{
	if (ec->attributes) {
		add_raw(out, "attributes", ec->attributes);
		return;
	}
	if (ec->loglevel == CTF_LOGLEVEL_NONE && !ec->emf_uri)
		return;
	str_add(out, ",\"attributes\":{\"babeltrace.org,2020\":{");
	if (ec->loglevel != CTF_LOGLEVEL_NONE)
		str_addf(out, "\"log-level\":\"%s\"", ctf_loglevel_name(ec->loglevel));
	if (ec->emf_uri) {
		str_add(out, ec->loglevel != CTF_LOGLEVEL_NONE ? ",\"emf-uri\":" : "\"emf-uri\":");
		add_text(out, ec->emf_uri);
	}
	str_add(out, "}}");
}

int json_write_event(struct str *out, const struct ctf_event_class *ec)
{
	struct writer w = {.out = out};
	set_roots(&w, ec->stream_class, ec);
	begin(out, "event-record-class");
	add_u64(out, "id", ec->id);
	add_u64(out, "data-stream-class-id", ec->stream_class->id);
	add_member(out, "namespace", ec->namespace_);
	add_member(out, "name", ec->name);
	add_member(out, "uid", ec->uid);
	write_root(&w, "specific-context-field-class", CTF_SCOPE_EVENT_CONTEXT);
	write_root(&w, "payload-field-class", CTF_SCOPE_EVENT_PAYLOAD);
	write_event_attributes(out, ec);
	end(out);
	return w.error;
}
