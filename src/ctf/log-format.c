/* SPDX-License-Identifier: MIT */
/*
 * A conversion is read from the format into struct conversion, which is then
 * spelled anew for snprintf with the one length modifier that our values need.
 */
#include "ctf/log-format.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_WIDTH = 4096 };

struct conversion {
	char flags[8];
	int width, precision; /* -1: none */
	char letter; /* 0: the format ends within it */
};

struct arguments {
	const struct ctf_values *values;
	const struct ctf_value *payload;
	size_t next;
};

const char *log_format_of(const struct ctf_trace_class *tc, const struct ctf_event_class *ec)
{
	const struct ctf_env_entry *tracer = ctf_env_find(tc, "tracer_name");
	const struct ctf_field *fmt;

	if (!tracer || !tracer->is_string || strcmp(tracer->text, "piste") != 0)
		return NULL;
	if (!ec->payload || ec->payload->kind != CTF_STRUCT || !ec->payload->record.n_fields)
		return NULL;
	fmt = &ec->payload->record.fields[0];
	if (strcmp(fmt->name, "fmt") != 0 || fmt->type->kind != CTF_ENUM ||
	    fmt->type->integer.bits != 8 || fmt->type->integer.n_labels != 1)
		return NULL;
	return fmt->type->integer.labels[0].name;
}

/* The lengths of sequences stand before them as fields of their own: no arguments. */
static bool is_length_of_next(const struct ctf_type *payload, size_t i)
{
	const struct ctf_field *field = &payload->record.fields[i], *next = field + 1;
	const struct ctf_ref *ref;

	if (i + 1 >= payload->record.n_fields)
		return false;
	switch (next->type->kind) {
	case CTF_SEQUENCE:
		ref = &next->type->array.length;
		break;
	case CTF_DYNAMIC_STRING:
	case CTF_DYNAMIC_BLOB:
		ref = &next->type->text.length;
		break;
	default:
		return false;
	}
	if (!ref->n_path || !ref->path[ref->n_path - 1])
		return false;
	return !strcmp(ref->path[ref->n_path - 1], field->name) ||
	       (field->raw_name && !strcmp(ref->path[ref->n_path - 1], field->raw_name));
}

static const struct ctf_value *take(struct arguments *args)
{
	const struct ctf_type *type = args->payload->type;

	while (args->next < args->payload->count && type && type->kind == CTF_STRUCT &&
	       is_length_of_next(type, args->next))
		args->next++;
	if (args->next >= args->payload->count)
		return NULL;
	return ctf_value_child(args->values, args->payload, args->next++);
}

static bool as_integer(const struct ctf_value *v, int64_t *out)
{
	if (!v || (v->kind != CTF_VALUE_U64 && v->kind != CTF_VALUE_I64))
		return false;
	*out = v->i64;
	return true;
}

/* number: "*" | digits */
static const char *parse_number(const char *p, int *out, struct arguments *args)
{
	int64_t value = 0;

	if (*p == '*') {
		if (!as_integer(take(args), &value))
			value = -1;
		p++;
	} else {
		for (; *p >= '0' && *p <= '9'; p++)
			if (value < MAX_WIDTH)
				value = value * 10 + (*p - '0');
	}
	*out = value > MAX_WIDTH ? MAX_WIDTH : value < -MAX_WIDTH ? -MAX_WIDTH : (int)value;
	return p;
}

/* conversion: "%" flags [ number ] [ "." [ number ] ] length letter */
static const char *parse_conversion(const char *p, struct conversion *c, struct arguments *args)
{
	size_t n = 0;

	*c = (struct conversion){.width = -1, .precision = -1};
	for (; *p && strchr("-+ #0'", *p); p++)
		if (n < sizeof(c->flags) - 2 && *p != '\'' && !strchr(c->flags, *p))
			c->flags[n++] = *p;
	if (*p == '*' || (*p >= '1' && *p <= '9')) {
		p = parse_number(p, &c->width, args);
		if (c->width < 0) {
			if (!strchr(c->flags, '-'))
				c->flags[n++] = '-';
			c->width = -c->width;
		}
	}
	if (*p == '.') {
		p = parse_number(p + 1, &c->precision, args);
		if (c->precision < 0)
			c->precision = -1;
	}
	while (*p && strchr("hlLqjzt", *p))
		p++;
	c->letter = *p;
	return *p ? p + 1 : p;
}

static void add_integer(struct str *out, const struct conversion *c, const struct ctf_value *v)
{
	char spec[32];

	/* A narrow negative number in an unsigned conversion has the bits of its own width. */
	uint64_t u = v->u64;
	bool is_signed = c->letter == 'd' || c->letter == 'i';

	if (!is_signed && v->kind == CTF_VALUE_I64 && ctf_type_is_integer(v->type) &&
	    v->type->integer.bits < 64 && v->type->integer.bits > 0)
		u &= (1ull << v->type->integer.bits) - 1;
	if (is_signed && v->kind == CTF_VALUE_U64 && v->u64 > INT64_MAX)
		is_signed = false; /* the number is what was recorded */
	snprintf(spec, sizeof(spec), "%%%s%s%s%s%c", c->flags, c->width >= 0 ? "*" : "",
		 c->precision >= 0 ? ".*" : "", "ll",
		 is_signed                              ? 'd'
		 : c->letter == 'd' || c->letter == 'i' ? 'u'
							: c->letter);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* spelled just above */
	if (c->width >= 0 && c->precision >= 0)
		str_addf(out, spec, c->width, c->precision, u);
	else if (c->width >= 0)
		str_addf(out, spec, c->width, u);
	else if (c->precision >= 0)
		str_addf(out, spec, c->precision, u);
	else
		str_addf(out, spec, u);
}

static void add_real(struct str *out, const struct conversion *c, double value)
{
	char spec[32];

	snprintf(spec, sizeof(spec), "%%%s%s%s%c", c->flags, c->width >= 0 ? "*" : "",
		 c->precision >= 0 ? ".*" : "", c->letter);
	if (c->width >= 0 && c->precision >= 0)
		str_addf(out, spec, c->width, c->precision, value);
	else if (c->width >= 0)
		str_addf(out, spec, c->width, value);
	else if (c->precision >= 0)
		str_addf(out, spec, c->precision, value);
	else
		str_addf(out, spec, value);
#pragma GCC diagnostic pop
}

static void add_text(struct str *out, const struct conversion *c, const char *text, size_t len)
{
	bool left = strchr(c->flags, '-') != NULL;
	size_t pad;

	if (c->precision >= 0 && (size_t)c->precision < len)
		len = (size_t)c->precision;
	pad = c->width > 0 && (size_t)c->width > len ? (size_t)c->width - len : 0;
	for (size_t i = 0; !left && i < pad; i++)
		str_add_char(out, ' ');
	str_add_bytes(out, text, len);
	for (size_t i = 0; left && i < pad; i++)
		str_add_char(out, ' ');
}

static void add_value(struct str *out, const struct conversion *c, const struct ctf_value *v)
{
	struct conversion as = *c;
	char text[32];

	switch ((enum ctf_value_kind)v->kind) {
	case CTF_VALUE_U64:
	case CTF_VALUE_I64:
		as.letter = v->kind == CTF_VALUE_I64 ? 'd' : 'u';
		add_integer(out, &as, v);
		break;
	case CTF_VALUE_F64:
		as.letter = 'g';
		add_real(out, &as, v->f64);
		break;
	case CTF_VALUE_TEXT:
		add_text(out, c, (const char *)v->bytes, v->count);
		break;
	default:
		snprintf(text, sizeof(text), "<%s>",
			 v->type ? ctf_kind_name(v->type->kind) : "none");
		as.precision = -1;
		add_text(out, &as, text, strlen(text));
	}
}

static bool is_integer(const struct ctf_value *v)
{
	return v->kind == CTF_VALUE_U64 || v->kind == CTF_VALUE_I64;
}

static void convert(struct str *out, struct conversion *c, const struct ctf_value *v)
{
	char byte;

	switch (c->letter) {
	case 'C':
	case 'c':
		if (!is_integer(v))
			break;
		byte = (char)v->u64;
		c->precision = -1;
		add_text(out, c, &byte, 1);
		return;
	case 'd':
	case 'i':
	case 'o':
	case 'u':
	case 'x':
	case 'X':
		if (!is_integer(v))
			break;
		add_integer(out, c, v);
		return;
	case 'p':
		if (!is_integer(v))
			break;
		c->letter = 'x';
		if (!strchr(c->flags, '#'))
			strcat(c->flags, "#"); /* room for all flags once each */
		if (v->u64)
			add_integer(out, c, v);
		else
			add_text(out, c, "(nil)", 5);
		return;
	case 'a':
	case 'A':
	case 'e':
	case 'E':
	case 'f':
	case 'F':
	case 'g':
	case 'G':
		if (v->kind != CTF_VALUE_F64)
			break;
		add_real(out, c, v->f64);
		return;
	default:
		break;
	}
	add_value(out, c, v);
}

void log_format(struct str *out, const char *format, const struct ctf_values *values,
		const struct ctf_value *payload)
{
	struct arguments args = {.values = values, .payload = payload, .next = 1};
	const char *p = format;

	while (*p) {
		const char *percent = strchrnul(p, '%');
		const struct ctf_value *v;
		struct conversion c;

		str_add_bytes(out, p, (size_t)(percent - p));
		if (!*percent)
			return;
		p = parse_conversion(percent + 1, &c, &args);
		if (c.letter == '%') {
			str_add_char(out, '%');
			continue;
		}
		if (!c.letter || !strchr("aAcCdeEfFgGiopsSuxX", c.letter)) { /* %n, %m, junk */
			str_add_bytes(out, percent, (size_t)(p - percent));
			continue;
		}
		v = take(&args);
		if (v)
			convert(out, &c, v);
		else
			str_add(out, "<missing>");
	}
}
