/* SPDX-License-Identifier: MIT */
/*
 * tsdl-write.c - the model as TSDL text. Types are written out where they are
 * used; names that TSDL reserves, or that begin with an underscore, get its
 * escaping underscore, which readers take away again.
 */
#include "ctf/metadata-write.h"

#include "ctf/tsdl-lex.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define MAX_DEPTH 100

struct writer {
	struct str *out;
	unsigned depth;
	const struct ctf_type *around[MAX_DEPTH + 2]; /* structures and variants being written */
	size_t n_around;
	int error;
};

static void write_type(struct writer *w, const struct ctf_type *t);

static void indent(struct writer *w)
{
	for (unsigned i = 0; i < w->depth; i++)
		str_add_char(w->out, '\t');
}

static void write_text(struct str *out, const char *s)
{
	str_add_char(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c == '\n')
			str_add(out, "\\n");
		else if (c < 0x20 || c == 0x7f)
			str_addf(out, "\\%03o", c);
		else
			str_add_char(out, (char)c);
	}
	str_add_char(out, '"');
}

static bool is_identifier(const char *s)
{
	if (!*s || (*s >= '0' && *s <= '9'))
		return false;
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == 0;
}

/* identifier { . identifier }, as an attribute's name or a word among values may be. */
static bool is_dotted(const char *s)
{
	bool is_start = true;
	for (; *s; s++) {
		bool is_digit = *s >= '0' && *s <= '9';
		if (*s == '.' ? is_start : is_digit ? is_start : !is_identifier((char[]){*s, 0}))
			return false;
		is_start = *s == '.';
	}
	return !is_start;
}

/* A field's name in TSDL; what is no identifier cannot be one. */
static void write_name(struct writer *w, const struct ctf_field *f)
{
	const char *name = f->raw_name ? f->raw_name : f->name;
	bool escape = !f->raw_name && (name[0] == '_' || !name[0] || tsdl_keyword(name));
	if (*name && !is_identifier(name) && !escape)
		w->error = -ENOTSUP;
	str_addf(w->out, "%s%s", escape ? "_" : "", name);
}

static void write_ref(struct writer *w, const struct ctf_ref *ref)
{
	if (ref->scope != CTF_SCOPE_RELATIVE)
		str_addf(w->out, "%s.", ctf_scope_name(ref->scope));
	for (size_t i = 0; i < ref->n_path; i++) {
		const char *name = ref->path[i];
		if (!name) {
			w->error = -ENOTSUP;
			return;
		}
		bool escape = !ref->line && (name[0] == '_' || tsdl_keyword(name));
		str_addf(w->out, "%s%s%s", i ? "." : "", escape ? "_" : "", name);
	}
}

static const char *order_name(const struct ctf_type *t)
{
	return t->byte_order == CTF_BIG_ENDIAN ? "be" : "le";
}

static void write_integer(struct writer *w, const struct ctf_type *t)
{
	const struct ctf_integer *in = &t->integer;
	str_addf(w->out, "integer { size = %u; align = %u; signed = %s; byte_order = %s;", in->bits,
		 t->align, in->is_signed ? "true" : "false", order_name(t));
	if (in->base && in->base != 10)
		str_addf(w->out, " base = %u;", in->base);
	if (in->encoding != CTF_ENCODING_NONE)
		str_addf(w->out, " encoding = %s;",
			 in->encoding == CTF_ENCODING_ASCII ? "ASCII" : "UTF8");
	if (in->clock && !is_dotted(in->clock->id))
		w->error = -ENOTSUP;
	if (in->clock)
		str_addf(w->out, " map = clock.%s.value;", in->clock->id);
	str_add(w->out, " }");
}

static void write_value(struct writer *w, uint64_t v, bool is_signed)
{
	if (is_signed)
		str_add_i64(w->out, (int64_t)v);
	else
		str_add_u64(w->out, v);
}

static void write_enum(struct writer *w, const struct ctf_type *t)
{
	str_add(w->out, "enum : ");
	write_integer(w, t);
	str_add(w->out, " {");
	for (size_t i = 0, n = 0; i < t->integer.n_labels; i++) {
		const struct ctf_label *l = &t->integer.labels[i];
		for (size_t j = 0; j < l->n_ranges; j++) {
			const struct ctf_range *r = &l->ranges[j];
			str_add(w->out, n++ ? ", " : " ");
			write_text(w->out, l->name);
			str_add(w->out, " = ");
			write_value(w, r->lo, t->integer.is_signed);
			if (r->hi != r->lo) {
				str_add(w->out, " ... ");
				write_value(w, r->hi, t->integer.is_signed);
			}
		}
	}
	str_add(w->out, " }");
}

static void write_float(struct writer *w, const struct ctf_type *t)
{
	static const struct {
		unsigned bits, exponent, mantissa;
	} known[] = {{16, 5, 11}, {32, 8, 24}, {64, 11, 53}, {128, 15, 113}};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].bits == t->real.bits) {
			str_addf(
				w->out,
				"floating_point { exp_dig = %u; mant_dig = %u; byte_order = %s; align = %u; }",
				known[i].exponent, known[i].mantissa, order_name(t), t->align);
			return;
		}
	w->error = -ENOTSUP;
}

static void write_string(struct writer *w, const struct ctf_type *t)
{
	if (t->text.encoding > CTF_ENCODING_UTF8)
		w->error = -ENOTSUP;
	str_add(w->out,
		t->text.encoding == CTF_ENCODING_ASCII ? "string { encoding = ASCII; }" : "string");
}

static void write_character(struct writer *w, const char *encoding)
{
	str_addf(w->out, "integer { size = 8; align = 8; signed = false; encoding = %s; }",
		 encoding);
}

/* CTF 2's bytes that TSDL has as arrays of small integers; false: it is none of them. */
static bool write_bytes_field(struct writer *w, const struct ctf_field *f)
{
	const struct ctf_type *t = f->type;
	bool is_uuid = t->kind == CTF_STATIC_BLOB &&
		       f->roles & CTF_ROLE_BIT(CTF_ROLE_METADATA_UUID);
	bool is_text = (t->kind == CTF_STATIC_STRING || t->kind == CTF_DYNAMIC_STRING) &&
		       t->text.encoding <= CTF_ENCODING_UTF8;
	if (!is_uuid && !is_text)
		return false;
	indent(w);
	write_character(w, is_uuid ? "none" : "UTF8");
	str_add_char(w->out, ' ');
	write_name(w, f);
	str_add_char(w->out, '[');
	if (t->kind == CTF_DYNAMIC_STRING)
		write_ref(w, &t->text.length);
	else
		str_add_u64(w->out, t->text.bytes);
	str_add(w->out, "];\n");
	return true;
}

/* An array's brackets stand behind the name: written after it. */
static void write_field(struct writer *w, const struct ctf_field *f)
{
	const struct ctf_type *t = f->type;
	const struct ctf_type *element = t;
	if (write_bytes_field(w, f))
		return;
	while (element->kind == CTF_ARRAY || element->kind == CTF_SEQUENCE)
		element = element->array.element;
	indent(w);
	write_type(w, element);
	str_add_char(w->out, ' ');
	write_name(w, f);
	for (; t->kind == CTF_ARRAY || t->kind == CTF_SEQUENCE; t = t->array.element) {
		str_add_char(w->out, '[');
		if (t->kind == CTF_ARRAY)
			str_add_u64(w->out, t->array.count);
		else
			write_ref(w, &t->array.length);
		str_add_char(w->out, ']');
	}
	str_add(w->out, ";\n");
}

static void write_fields(struct writer *w, const struct ctf_field *fields, size_t n)
{
	str_add(w->out, "{\n");
	w->depth++;
	for (size_t i = 0; i < n && !w->error; i++)
		write_field(w, &fields[i]);
	w->depth--;
	indent(w);
	str_add_char(w->out, '}');
}

static void write_struct(struct writer *w, const struct ctf_type *t)
{
	str_add(w->out, "struct ");
	w->around[w->n_around++] = t;
	write_fields(w, t->record.fields, t->record.n_fields);
	w->n_around--;
	if (t->record.min_align > 1)
		str_addf(w->out, " align(%u)", t->record.min_align);
}

static const struct ctf_type *follow(const struct ctf_type *t, const struct ctf_ref *ref)
{
	for (size_t i = 0; t && i < ref->n_path; i++) {
		int field = t->kind == CTF_STRUCT && ref->path[i] ? ctf_struct_find(t, ref->path[i])
								  : -1;
		t = field < 0 ? NULL : t->record.fields[field].type;
	}
	return t;
}

/* The tag of a variant, from the structures around it; NULL: it stands elsewhere. */
static const struct ctf_type *find_tag(const struct writer *w, const struct ctf_ref *ref)
{
	const struct ctf_type *found = NULL;
	for (size_t i = w->n_around; i-- > 0 && !found;)
		found = follow(w->around[i], ref);
	return found;
}

static bool same_ranges(const struct ctf_label *l, const struct ctf_field *option)
{
	return l->n_ranges == option->n_ranges &&
	       !memcmp(l->ranges, option->ranges, l->n_ranges * sizeof(*l->ranges));
}

/* TSDL has the tag's label of an option's name where CTF 2 has ranges: these must be the same. */
static bool is_chosen_by_label(const struct ctf_type *tag, const struct ctf_field *option)
{
	if (!option->n_ranges)
		return true;
	for (size_t i = 0; tag && tag->kind == CTF_ENUM && i < tag->integer.n_labels; i++)
		if (ctf_label_chooses(tag->integer.labels[i].name, option))
			return same_ranges(&tag->integer.labels[i], option);
	return false;
}

static void write_variant(struct writer *w, const struct ctf_type *t)
{
	const struct ctf_type *tag = find_tag(w, &t->variant.tag);
	for (size_t i = 0; i < t->variant.n_options; i++)
		if (!is_chosen_by_label(tag, &t->variant.options[i]))
			w->error = -ENOTSUP;
	str_add(w->out, "variant <");
	write_ref(w, &t->variant.tag);
	str_add(w->out, "> ");
	write_fields(w, t->variant.options, t->variant.n_options);
}

static void write_type(struct writer *w, const struct ctf_type *t)
{
	static void (*const by_kind[CTF_N_KINDS])(struct writer *, const struct ctf_type *) = {
		[CTF_INTEGER] = write_integer, [CTF_ENUM] = write_enum,
		[CTF_FLOAT] = write_float,     [CTF_STRING] = write_string,
		[CTF_STRUCT] = write_struct,   [CTF_VARIANT] = write_variant,
	};
	if (w->error || w->depth > MAX_DEPTH || !by_kind[t->kind])
		w->error = -ENOTSUP;
	else
		by_kind[t->kind](w, t);
}

static void write_root(struct writer *w, const char *name, const struct ctf_type *t)
{
	if (!t)
		return;
	str_addf(w->out, "\t%s := ", name);
	w->depth = 1;
	write_type(w, t);
	str_add(w->out, ";\n");
}

static void write_uuid(struct str *out, const uint8_t uuid[16])
{
	str_add(out, "\tuuid = \"");
	for (int i = 0; i < 16; i++)
		str_addf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
	str_add(out, "\";\n");
}

static void write_clock(struct str *out, const struct ctf_clock *c)
{
	str_add(out, "clock {\n\tname = ");
	if (is_dotted(c->id))
		str_add(out, c->id);
	else
		write_text(out, c->id);
	str_add(out, ";\n");
	if (c->has_uuid)
		write_uuid(out, c->uuid);
	if (c->description) {
		str_add(out, "\tdescription = ");
		write_text(out, c->description);
		str_add(out, ";\n");
	}
	str_addf(out, "\tfreq = %" PRIu64 ";\n", c->frequency_hz);
	if (c->precision_cycles)
		str_addf(out, "\tprecision = %" PRIu64 ";\n", c->precision_cycles);
	str_addf(out, "\toffset_s = %" PRId64 ";\n\toffset = %" PRId64 ";\n", c->offset_s,
		 c->offset_cycles);
	str_addf(out, "\tabsolute = %s;\n};\n\n", c->is_absolute ? "true" : "false");
}

int tsdl_write_preamble(struct str *out, const struct ctf_trace_class *tc)
{
	struct writer w = {.out = out};
	str_add(out, "/* CTF 1.8 */\n\n");
	/* Clocks first: the packet header's fields may be mapped to one. */
	for (size_t i = 0; i < tc->n_clocks; i++)
		write_clock(out, tc->clocks[i]);
	str_add(out, "trace {\n\tmajor = 1;\n\tminor = 8;\n");
	if (tc->has_uuid)
		write_uuid(out, tc->uuid);
	str_addf(out, "\tbyte_order = %s;\n", tc->byte_order == CTF_BIG_ENDIAN ? "be" : "le");
	write_root(&w, "packet.header", tc->packet_header);
	str_add(out, "};\n\n");
	if (tc->n_env)
		str_add(out, "env {\n");
	for (size_t i = 0; i < tc->n_env; i++) {
		if (!is_dotted(tc->env[i].name))
			w.error = -ENOTSUP;
		str_addf(out, "\t%s = ", tc->env[i].name);
		if (tc->env[i].is_string)
			write_text(out, tc->env[i].text);
		else
			str_add_i64(out, tc->env[i].value);
		str_add(out, ";\n");
	}
	if (tc->n_env)
		str_add(out, "};\n\n");
	return w.error;
}

int tsdl_write_stream(struct str *out, const struct ctf_stream_class *sc)
{
	struct writer w = {.out = out};
	str_addf(out, "stream {\n\tid = %" PRIu64 ";\n", sc->id);
	write_root(&w, "packet.context", sc->packet_context);
	write_root(&w, "event.header", sc->event_header);
	write_root(&w, "event.context", sc->event_context);
	str_add(out, "};\n\n");
	return w.error;
}

int tsdl_write_event(struct str *out, const struct ctf_event_class *ec)
{
	struct writer w = {.out = out};
	str_add(out, "event {\n\tname = ");
	write_text(out, ec->name ? ec->name : "");
	str_addf(out, ";\n\tid = %" PRIu64 ";\n\tstream_id = %" PRIu64 ";\n", ec->id,
		 ec->stream_class->id);
	if (ec->loglevel != CTF_LOGLEVEL_NONE)
		str_addf(out, "\tloglevel = %d;\n", ec->loglevel);
	if (ec->emf_uri) {
		str_add(out, "\tmodel.emf.uri = ");
		write_text(out, ec->emf_uri);
		str_add(out, ";\n");
	}
	write_root(&w, "context", ec->context);
	write_root(&w, "fields", ec->payload);
	str_add(out, "};\n\n");
	return w.error;
}
