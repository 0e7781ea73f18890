/* SPDX-License-Identifier: MIT */
/*
 * An event as one JSON object:
 *
 *	{"timestamp_ns":1,"event":"shop:order","level":"INFO","host":"h","packet":{…},
 *	 "stream_context":{…},"context":{…},"fields":{"total":12.5,"state":{"value":3,"labels":["OPEN"]}}}
 *
 * Integers and floats are numbers (nan and inf null), enums an object with
 * their value and its labels, texts strings, BLOBs strings of hexadecimal
 * digits, structures objects, arrays arrays; of a variant it is the chosen
 * option; an absent optional is null.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctf/log-format.h"
#include "ctf/text-class.h"

enum { MAX_NESTING = 512 };

static void add_value(struct str *out, const struct ctf_values *values, const struct ctf_value *v,
		      const struct text_op *op, int depth);

static void add_real(struct str *out, double value)
{
	char text[40];

	if (!isfinite(value)) {
		str_add(out, "null");
		return;
	}
	/* The shortest that reads back as the same. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (digits == 17 || strtod(text, NULL) == value)
			break;
	}
	str_add(out, text);
}

static void add_integer(struct str *out, const struct ctf_value *v)
{
	if (v->kind == CTF_VALUE_I64)
		str_add_i64(out, v->i64);
	else
		str_add_u64(out, v->u64);
}

static bool has_labels(const struct ctf_type *type)
{
	return type && (type->kind == CTF_ENUM || type->kind == CTF_BIT_MAP ||
			(type->kind == CTF_VARINT && type->integer.n_labels));
}

static void add_enum(struct str *out, const struct ctf_value *v)
{
	const char *label;
	size_t it = 0, n = 0, flags = 0;
	uint64_t rest = v->u64;

	str_add(out, "{\"value\":");
	add_integer(out, v);
	str_add(out, ",\"labels\":[");
	while ((label = ctf_enum_label(v->type, v->u64, &it))) {
		if (n++)
			str_add_char(out, ',');
		str_add_json(out, label, strlen(label));
	}
	it = 0;
	while (!n && (label = ctf_enum_flag(v->type, &rest, &it))) {
		if (flags++)
			str_add_char(out, ',');
		str_add_json(out, label, strlen(label));
	}
	str_add(out, "]}");
}

static void add_hex(struct str *out, const uint8_t *bytes, size_t len)
{
	str_add_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		str_add_char(out, "0123456789abcdef"[bytes[i] >> 4]);
		str_add_char(out, "0123456789abcdef"[bytes[i] & 15]);
	}
	str_add_char(out, '"');
}

/* With an op, only the fields that people are shown; without, all. */
static void add_struct(struct str *out, const struct ctf_values *values, const struct ctf_value *v,
		       const struct text_op *op, int depth)
{
	size_t n = op ? op->n_kids : v->count;

	str_add_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		const struct text_op *kid = op ? &op->kids[i] : NULL;
		size_t index = kid ? kid->index : i;
		const char *name = v->type->record.fields[index].name;

		if (i)
			str_add_char(out, ',');
		str_add_json(out, name, strlen(name));
		str_add_char(out, ':');
		add_value(out, values, ctf_value_child(values, v, index), kid, depth + 1);
	}
	str_add_char(out, '}');
}

static void add_array(struct str *out, const struct ctf_values *values, const struct ctf_value *v,
		      const struct text_op *op, int depth)
{
	const struct text_op *kid = op && op->n_kids ? op->kids : NULL;
	struct ctf_value element;
	const struct ctf_value *e = &element;

	str_add_char(out, '[');
	for (uint32_t i = 0; i < v->count; i++) {
		if (i)
			str_add_char(out, ',');
		if (v->kind == CTF_VALUE_LAZY)
			ctf_value_element(v, i, &element);
		else
			e = ctf_value_child(values, v, i);
		add_value(out, values, e, kid, depth + 1);
	}
	str_add_char(out, ']');
}

static void add_text(struct str *out, const struct ctf_value *v)
{
	const char *text = v->bytes ? (const char *)v->bytes : "";
	size_t len = v->count;

	if (v->type && v->type->kind != CTF_STRING)
		len = strnlen(text, len);
	str_add_json(out, text, len);
}

static void add_value(struct str *out, const struct ctf_values *values, const struct ctf_value *v,
		      const struct text_op *op, int depth)
{
	if (depth > MAX_NESTING) {
		str_add(out, "null");
		return;
	}
	if (op && op->kind == TEXT_OP_OPTIONAL)
		op = op->n_kids ? op->kids : NULL;
	switch ((enum ctf_value_kind)v->kind) {
	case CTF_VALUE_NONE:
		str_add(out, "null");
		break;
	case CTF_VALUE_U64:
	case CTF_VALUE_I64:
		if (has_labels(v->type))
			add_enum(out, v);
		else if (v->type && v->type->kind == CTF_BOOL)
			str_add(out, v->u64 ? "true" : "false");
		else
			add_integer(out, v);
		break;
	case CTF_VALUE_F64:
		add_real(out, v->f64);
		break;
	case CTF_VALUE_TEXT:
		add_text(out, v);
		break;
	case CTF_VALUE_BLOB:
		add_hex(out, v->bytes, v->count);
		break;
	case CTF_VALUE_WIDE:
		add_hex(out, v->bytes, (v->type->integer.bits + 7) / 8);
		break;
	case CTF_VALUE_STRUCT:
		add_struct(out, values, v, op && op->kind == TEXT_OP_STRUCT ? op : NULL, depth);
		break;
	case CTF_VALUE_ARRAY:
	case CTF_VALUE_LAZY:
		add_array(out, values, v, op && op->kind == TEXT_OP_ARRAY ? op : NULL, depth);
		break;
	case CTF_VALUE_VARIANT:
		add_value(out, values, &values->items[v->first],
			  op && op->kind == TEXT_OP_VARIANT && v->option < op->n_kids
				  ? &op->kids[v->option]
				  : NULL,
			  depth + 1);
		break;
	}
}

void text_value_json(struct str *out, const struct ctf_values *values, const struct ctf_value *v)
{
	add_value(out, values, v, NULL, 0);
}

static void add_scope(struct str *out, const char *name, const struct text_op *op,
		      const struct ctf_values *values, const struct ctf_value *v)
{
	if (!op || !v || v->kind != CTF_VALUE_STRUCT)
		return;
	str_add(out, ",\"");
	str_add(out, name);
	str_add(out, "\":");
	add_struct(out, values, v, op, 0);
}

static void add_packet_context(struct text_printer *p, const struct text_class *class,
			       struct str *out, const struct ctf_message *m)
{
	struct text_packet *packet;

	if (!m->packet_context)
		return;
	packet = text_packet_of(p, m);
	if (!packet) {
		out->failed = true;
		return;
	}
	if (!packet->json.len)
		add_scope(&packet->json, "packet", class->scopes[TEXT_SCOPE_PACKET_CONTEXT],
			  m->packet_values, m->packet_context);
	str_add_bytes(out, str_c(&packet->json), packet->json.len);
}

void text_event_json(struct text_printer *p, const struct text_class *class, struct str *out,
		     const struct ctf_message *m)
{
	struct text_op *const *scopes = class->scopes;

	str_add(out, "{\"timestamp_ns\":");
	if (m->has_time && m->ns != INT64_MIN)
		str_add_i64(out, m->ns);
	else
		str_add(out, "null");
	if (p->opts.clock_cycles && m->has_time) {
		str_add(out, ",\"timestamp_cycles\":");
		str_add_u64(out, m->cycles);
	}
	str_add_bytes(out, class->json_head, class->json_head_len);
	add_packet_context(p, class, out, m);
	add_scope(out, "stream_context", scopes[TEXT_SCOPE_EVENT_COMMON_CONTEXT], m->values,
		  m->common_context);
	add_scope(out, "context", scopes[TEXT_SCOPE_EVENT_CONTEXT], m->values, m->context);
	if (class->log_format && m->payload) {
		str_reset(&p->log);
		log_format(&p->log, class->log_format, m->values, m->payload);
		str_add(out, ",\"msg\":");
		str_add_json(out, str_c(&p->log), p->log.len);
	}
	add_scope(out, "fields", scopes[TEXT_SCOPE_EVENT_PAYLOAD], m->values, m->payload);
	str_add(out, "}\n");
}
