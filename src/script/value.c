/* SPDX-License-Identifier: MIT */
#include "script/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kern/symbols.h"
#include "script/user-symbols.h"

/* Formats come from scripts: lang has checked those of printf, conversion by conversion. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

enum { MAX_CONVERSION = 32 };

void values_fini(struct values *v)
{
	symbols_free(v->symbols);
	v->symbols = NULL;
	user_symbols_free(v->user_symbols);
	v->user_symbols = NULL;
}

void values_meet(struct values *v, uint32_t pid)
{
	if (!v->user_symbols)
		v->user_symbols = user_symbols_new();
	user_symbols_meet(v->user_symbols, pid);
}

uint64_t value_load(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static void write_kernel_symbol(struct str *out, struct values *v, uint64_t address, bool offset)
{
	struct symbols *symbols = v->symbols;
	struct symbol s;

	if (!v->symbols_tried) {
		v->symbols_tried = true;
		if (!symbols_open(&symbols, NULL, NULL))
			v->symbols = symbols;
	}
	if (!v->symbols || !symbols_find(v->symbols, address, &s)) {
		str_addf(out, "0x%" PRIx64, address);
		return;
	}
	str_add(out, s.name);
	if (offset)
		str_addf(out, "+%" PRIu64, address - s.address);
}

static void write_user_symbol(struct str *out, struct values *v, uint64_t pid, uint64_t address,
			      bool offset)
{
	const char *name;
	uint64_t start;

	if (!v->user_symbols)
		v->user_symbols = user_symbols_new();
	if (!user_symbols_find(v->user_symbols, (uint32_t)pid, address, &name, &start)) {
		str_addf(out, "0x%" PRIx64, address);
		return;
	}
	str_add(out, name);
	if (offset)
		str_addf(out, "+%" PRIu64, address - start);
}

static void write_stack(struct str *out, struct values *v, const struct lang_type *type,
			const uint8_t *bytes)
{
	bool is_user = type->kind == LANG_USTACK;
	uint32_t at = is_user ? 8 : 0;

	str_add_char(out, '\n');
	for (; at + 8 <= type->size; at += 8) {
		uint64_t address = value_load(bytes + at);

		if (!address)
			break;
		str_add(out, "    ");
		if (is_user)
			write_user_symbol(out, v, value_load(bytes), address, true);
		else
			write_kernel_symbol(out, v, address, true);
		str_add_char(out, '\n');
	}
}

static void write_inet(struct str *out, const uint8_t *bytes)
{
	bool is_v6 = value_load(bytes) == AF_INET6;
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(is_v6 ? AF_INET6 : AF_INET, bytes + 8, text, sizeof(text)))
		str_add(out, text);
}

static void write_time(struct str *out, const struct values *v, const char *format, uint64_t ns)
{
	int64_t real = (int64_t)ns + v->boot_offset_ns;
	time_t seconds = (time_t)(real / 1000000000);
	char text[256], with_us[256];
	const char *fraction = strstr(format, "%f");
	struct tm tm;

	if (fraction) { /* microseconds: not of strftime */
		snprintf(with_us, sizeof(with_us), "%.*s%06d%s", (int)(fraction - format), format,
			 (int)(real / 1000 % 1000000), fraction + 2);
		format = with_us;
	}
	if (localtime_r(&seconds, &tm) && strftime(text, sizeof(text), format, &tm))
		str_add(out, text);
}

static void write_buffer(struct str *out, const struct lang_type *type, const uint8_t *bytes)
{
	uint64_t len = value_load(bytes);

	for (uint64_t i = 0; i < len && i + 8 < type->size; i++) {
		uint8_t c = bytes[8 + i];

		if (c >= ' ' && c <= '~' && c != '\\')
			str_add_char(out, (char)c);
		else
			str_addf(out, "\\x%02x", c);
	}
}

static void write_user_name(struct str *out, uint64_t uid)
{
	struct passwd *user = getpwuid((uid_t)uid);

	if (user)
		str_add(out, user->pw_name);
	else
		str_addf(out, "%" PRIu64, uid);
}

/* Integers keep the width that they had: -1 of 32 bits is unsigned 4294967295. */
static uint64_t narrowed(const struct lang_type *type, uint64_t value)
{
	if (type->kind != LANG_INT || type->size >= 8 || type->is_signed)
		return value;
	return value & ((1ull << (type->size * 8)) - 1);
}

static void write_number(struct str *out, const struct lang_type *type, uint64_t value)
{
	bool is_signed = type->is_signed;

	if (is_signed)
		str_add_i64(out, (int64_t)value);
	else
		str_add_u64(out, narrowed(type, value));
}

static void write_tuple(struct str *out, struct values *v, const struct lang_type *type,
			const uint8_t *bytes)
{
	str_add_char(out, v->is_json ? '[' : '(');
	for (size_t i = 0; i < type->n_fields; i++) {
		str_add(out, i ? (v->is_json ? "," : ", ") : "");
		value_write(out, v, type->fields[i].type, bytes + type->fields[i].offset);
	}
	str_add_char(out, v->is_json ? ']' : ')');
}

void value_write_plain(struct str *out, struct values *v, const struct lang_type *type,
		       const uint8_t *bytes)
{
	uint64_t value = type->kind == LANG_STRING ? 0 : value_load(bytes);

	switch (type->kind) {
	case LANG_STRING:
		str_add_bytes(out, bytes, strnlen((const char *)bytes, type->size));
		break;
	case LANG_POINTER:
		str_addf(out, "0x%" PRIx64, value);
		break;
	case LANG_KSYM:
		write_kernel_symbol(out, v, value, false);
		break;
	case LANG_USYM:
		write_user_symbol(out, v, value, value_load(bytes + 8), false);
		break;
	case LANG_KSTACK:
	case LANG_USTACK:
		write_stack(out, v, type, bytes);
		break;
	case LANG_INET:
		write_inet(out, bytes);
		break;
	case LANG_MAC:
		str_addf(out, "%02X:%02X:%02X:%02X:%02X:%02X", bytes[0], bytes[1], bytes[2],
			 bytes[3], bytes[4], bytes[5]);
		break;
	case LANG_TIME:
		write_time(out, v, type->format, value);
		break;
	case LANG_USERNAME:
		write_user_name(out, value);
		break;
	case LANG_PROBE:
		str_add(out, value < v->program->n_probe_names && v->program->probe_names[value]
				     ? v->program->probe_names[value]
				     : "");
		break;
	case LANG_BYTES:
		write_buffer(out, type, bytes);
		break;
	case LANG_TUPLE:
		write_tuple(out, v, type, bytes);
		break;
	case LANG_AVG:
	case LANG_STATS:
		write_number(out, type,
			     value_load(bytes + 8)
				     ? (uint64_t)((int64_t)value / (int64_t)value_load(bytes + 8))
				     : 0);
		break;
	default:
		write_number(out, type, value);
	}
}

void value_write(struct str *out, struct values *v, const struct lang_type *type,
		 const uint8_t *bytes)
{
	struct str text = {0};
	bool is_bare = type->kind == LANG_INT || type->kind == LANG_TUPLE ||
		       lang_is_aggregate(type);

	if (!v->is_json || is_bare) {
		value_write_plain(out, v, type, bytes);
		return;
	}
	value_write_plain(&text, v, type, bytes);
	str_add_json(out, str_c(&text), text.len);
	str_fini(&text);
}

/* --- printf --------------------------------------------------------------------------------- */

/* "%-8.3l" of "%-8.3ld": flags, width and precision, without the length letters */
static const char *take_conversion(const char *at, char *spec)
{
	size_t n = strspn(at, "-+ #0123456789.");

	if (n > MAX_CONVERSION - 4)
		n = MAX_CONVERSION - 4;
	spec[0] = '%';
	memcpy(spec + 1, at, n);
	spec[n + 1] = '\0';
	at += strspn(at, "-+ #0123456789.");
	return at + strspn(at, "hlzjtq");
}

static void add_number(struct str *out, char *spec, char letter, uint64_t value)
{
	size_t n = strlen(spec);

	if (letter == 'c') {
		spec[n] = 'c';
		spec[n + 1] = '\0';
		str_addf(out, spec, (int)(unsigned char)value);
		return;
	}
	if (letter == 'p') {
		char text[24];

		snprintf(text, sizeof(text), "0x%" PRIx64, value);
		spec[n] = 's';
		spec[n + 1] = '\0';
		str_addf(out, spec, text);
		return;
	}
	spec[n] = 'l';
	spec[n + 1] = 'l';
	spec[n + 2] = letter;
	spec[n + 3] = '\0';
	str_addf(out, spec, (long long)value);
}

static void add_text(struct str *out, char *spec, const char *text)
{
	size_t n = strlen(spec);

	spec[n] = 's';
	spec[n + 1] = '\0';
	str_addf(out, spec, text);
}

static void add_argument(struct str *out, struct values *v, char *spec, char letter,
			 const struct lang_type *type, const uint8_t *bytes)
{
	struct str text = {0};
	bool was_json = v->is_json;
	uint64_t value;

	if (letter == 's' || letter == 'r') {
		v->is_json = false;
		value_write_plain(&text, v, type, bytes);
		v->is_json = was_json;
		add_text(out, spec, str_c(&text));
		str_fini(&text);
		return;
	}
	value = value_load(bytes);
	if (type->kind == LANG_AVG || type->kind == LANG_STATS)
		value = value_load(bytes + 8) ? value / value_load(bytes + 8) : 0;
	if (type->kind == LANG_INT && type->size < 8 &&
	    (letter == 'x' || letter == 'X' || letter == 'u'))
		value &= (1ull << (type->size * 8)) - 1;
	add_number(out, spec, letter, value);
}

void value_format(struct str *out, struct values *v, const char *format,
		  const struct lang_type *args, const uint8_t *bytes)
{
	char spec[MAX_CONVERSION];
	size_t n = 0;

	while (*format) {
		size_t plain = strcspn(format, "%");

		str_add_bytes(out, format, plain);
		format += plain;
		if (!*format)
			break;
		format++;
		if (*format == '%') {
			str_add_char(out, *format++);
			continue;
		}
		format = take_conversion(format, spec);
		if (!*format)
			break;
		if (args && n < args->n_fields)
			add_argument(out, v, spec, *format, args->fields[n].type,
				     bytes + args->fields[n].offset);
		n++;
		if (*format++ == 'r' && *format == 'x')
			format++;
	}
}
