/* SPDX-License-Identifier: MIT */
#ifndef PISTE_WIRE_SITE_H
#define PISTE_WIRE_SITE_H

/*
 * site - how an instrumentation point describes itself (D6).
 *
 * Two kinds of bytes lie in every instrumented object (executable or shared
 * object), both without a pointer, so that they need no relocation and read
 * the same from the file, from memory and from a pool:
 *
 *  - section `piste_sites` (read-only): one struct piste_gate a place in the
 *    code, holding the word that the place tests and the distance to
 *  - its struct piste_site, in the object's data: kind, level, type codes of
 *    the fields, and one text: provider, event, file, the source text of event
 *    and arguments, and the format of a PISTE_LOG, each ended by a NUL.
 *  - section `piste_types`: the enumerations, structures and variants that
 *    sites of the same object refer to by name (struct piste_type).
 *
 * libpiste maps a shared page over `piste_sites`, so that a tracer switches a
 * place on with one store. Several gates may name one site (the compiler
 * copies code); they are one event.
 *
 * All integers are in the byte order of the machine (little endian only).
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define PISTE_STATIC_ASSERT(cond, msg) static_assert(cond, msg)
#else
#define PISTE_STATIC_ASSERT(cond, msg) _Static_assert(cond, msg)
#endif
#define PISTE_ASSERT_OFFSET(type, member, at)                                                      \
	PISTE_STATIC_ASSERT(offsetof(type, member) == (at), #type "." #member " moved")

#define PISTE_SITE_ABI 1
#define PISTE_FIELDS_MAX 16
#define PISTE_ID_NONE 0xffffu

/* What stands at the place in the code: 8 bytes in section `piste_sites`. */
struct piste_gate {
	/* One bit a session (0..15), PISTE_GATE_TRACER for tracers in the process.
	 * Written by tracers and libpiste through the pool, read by the site, relaxed. */
	uint32_t enabled;
	/* &site_offset + site_offset is the struct piste_site. */
	int32_t site_offset;
};
PISTE_STATIC_ASSERT(sizeof(struct piste_gate) == 8, "piste_gate");

#define PISTE_GATE_SESSIONS 0x0000ffffu
#define PISTE_GATE_TRACER 0x80000000u

enum piste_site_kind {
	PISTE_SITE_EVENT = 1,
	PISTE_SITE_SPAN_BEGIN = 2, /* recorded as EVENT_begin */
	PISTE_SITE_SPAN_END = 3, /* recorded as EVENT_end, no fields */
	PISTE_SITE_LOG = 4, /* fields are the arguments of the format */
	PISTE_SITE_GATE = 5, /* PISTE_ENABLED: never recorded */
};

/* Severity, the numbers of LTTng and (0 to 6) of syslog. Lower is more severe. */
enum piste_level {
	PISTE_EMERG = 0,
	PISTE_ALERT = 1,
	PISTE_CRIT = 2,
	PISTE_ERR = 3,
	PISTE_ERROR = 3,
	PISTE_WARNING = 4,
	PISTE_NOTICE = 5,
	PISTE_INFO = 6, /* what PISTE() has */
	PISTE_DEBUG_SYSTEM = 7,
	PISTE_DEBUG_PROGRAM = 8,
	PISTE_DEBUG_PROCESS = 9,
	PISTE_DEBUG_MODULE = 10,
	PISTE_DEBUG_UNIT = 11,
	PISTE_DEBUG_FUNCTION = 12,
	PISTE_DEBUG_LINE = 13,
	PISTE_DEBUG = 14,
};

/*
 * The type code of a field: scalar in bits 0..7, shape in bits 8..15, length
 * of a fixed array in bits 16..31. Payloads are packed: no padding between
 * fields, every field aligned to 1 byte.
 */
enum piste_scalar {
	PISTE_T_BOOL = 1, /* 1 byte, 0 or 1 */
	PISTE_T_S8,
	PISTE_T_U8,
	PISTE_T_S16,
	PISTE_T_U16,
	PISTE_T_S32,
	PISTE_T_U32,
	PISTE_T_S64,
	PISTE_T_U64,
	PISTE_T_F32,
	PISTE_T_F64,
	PISTE_T_POINTER, /* 8 bytes, shown in hexadecimal */
	PISTE_T_STRING, /* bytes up to and with a NUL */
	PISTE_T_NAMED, /* a struct piste_type of the same object, named in the text */
	PISTE_T_ATTRIBUTES, /* no field: attributes of the event, in the text */
};

enum piste_shape {
	PISTE_S_ONE = 0,
	PISTE_S_SEQUENCE = 1, /* u32 count, then as many scalars */
	PISTE_S_ARRAY = 2, /* a fixed count of scalars */
	PISTE_S_BYTES = 3, /* u32 count, then bytes, shown in hexadecimal */
	PISTE_S_OPTIONAL = 4, /* u8, 0 or 1; then the scalar when 1 */
};

#define PISTE_CODE(scalar, shape, count)                                                           \
	((uint32_t)(scalar) | (uint32_t)(shape) << 8 | (uint32_t)(count) << 16)
#define PISTE_CODE_SCALAR(code) ((code)&0xffu)
#define PISTE_CODE_SHAPE(code) ((code) >> 8 & 0xffu)
#define PISTE_CODE_COUNT(code) ((code) >> 16)

/* The description of a site. The text follows the struct directly. */
struct piste_site {
	uint16_t abi; /* PISTE_SITE_ABI */
	uint8_t kind; /* enum piste_site_kind */
	uint8_t level; /* enum piste_level */
	uint16_t id; /* of the event in its process; written by libpiste before the gate opens */
	uint8_t tracers; /* a bit for each tracer in the process; written by libpiste */
	uint8_t field_count; /* entries of `types` in use, attributes among them */
	uint32_t line;
	uint32_t text_size; /* bytes behind this struct */
	uint32_t types[PISTE_FIELDS_MAX];
};
PISTE_ASSERT_OFFSET(struct piste_site, kind, 2);
PISTE_ASSERT_OFFSET(struct piste_site, level, 3);
PISTE_ASSERT_OFFSET(struct piste_site, id, 4);
PISTE_ASSERT_OFFSET(struct piste_site, tracers, 6);
PISTE_ASSERT_OFFSET(struct piste_site, field_count, 7);
PISTE_ASSERT_OFFSET(struct piste_site, line, 8);
PISTE_ASSERT_OFFSET(struct piste_site, text_size, 12);
PISTE_ASSERT_OFFSET(struct piste_site, types, 16);
PISTE_STATIC_ASSERT(sizeof(struct piste_site) == 80, "piste_site");

enum piste_type_kind {
	PISTE_TYPE_ENUM = 1, /* values: {low, high} a label; types[0] is the container */
	PISTE_TYPE_STRUCT = 2, /* types: one a member */
	PISTE_TYPE_VARIANT = 3, /* u8 index of the option, 255 for none; types: one an option */
};

#define PISTE_TYPE_MAGIC 0x59545350u /* "PSTY" */
#define PISTE_LABELS_MAX 32

/*
 * A named type, in section `piste_types`, 8-byte aligned. The section is read
 * by looking for the magic at each multiple of 8 bytes; `size` steps over it.
 * Behind the struct: {int64_t low, high} for each label of an enumeration,
 * then the text: name, source text of the labels, members or options.
 */
struct piste_type {
	uint32_t magic;
	uint32_t size; /* bytes, with what follows the struct, before padding to 8 */
	uint8_t kind; /* enum piste_type_kind */
	uint8_t count; /* labels, members or options */
	uint16_t text_size;
	uint32_t reserved;
	uint32_t types[PISTE_FIELDS_MAX];
};
PISTE_ASSERT_OFFSET(struct piste_type, kind, 8);
PISTE_ASSERT_OFFSET(struct piste_type, count, 9);
PISTE_ASSERT_OFFSET(struct piste_type, text_size, 10);
PISTE_ASSERT_OFFSET(struct piste_type, types, 16);
PISTE_STATIC_ASSERT(sizeof(struct piste_type) == 80, "piste_type");

#endif
