/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_TYPE_H
#define PISTE_CTF_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * type - what a CTF trace's metadata says, in one model for CTF 1.8 and CTF 2.
 *
 * Everything is plain data in the caller's arena and lives as long as it.
 * Types form a tree (a type may be shared by several fields). Roles that
 * CTF 1.8 gives to reserved field names and CTF 2 to field classes stand in
 * both cases in ctf_field.roles, so that no reader compares names.
 */

#define CTF_KINDS(X)                                                                               \
	X(INTEGER, "integer") /* fixed length, 1 bit and up */                                     \
	X(BOOL, "boolean") /* CTF 2: fixed length, zero or not */                                  \
	X(BIT_ARRAY, "bit array") /* CTF 2 */                                                      \
	X(BIT_MAP, "bit map") /* CTF 2: labels are ranges of bit numbers */                        \
	X(ENUM, "enum") /* an integer with labels */                                               \
	X(VARINT, "variable-length integer") /* CTF 2: LEB128; may have labels */                  \
	X(FLOAT, "floating point number")                                                          \
	X(STRING, "string") /* null-terminated */                                                  \
	X(STATIC_STRING, "static-length string") /* CTF 2; length in bytes */                      \
	X(DYNAMIC_STRING, "dynamic-length string")                                                 \
	X(STATIC_BLOB, "static-length BLOB")                                                       \
	X(DYNAMIC_BLOB, "dynamic-length BLOB")                                                     \
	X(STRUCT, "structure")                                                                     \
	X(ARRAY, "array")                                                                          \
	X(SEQUENCE, "sequence")                                                                    \
	X(VARIANT, "variant")                                                                      \
	X(OPTIONAL, "optional") /* CTF 2 */

enum ctf_kind {
#define X(id, text) CTF_##id,
	CTF_KINDS(X)
#undef X
		CTF_N_KINDS
};

const char *ctf_kind_name(enum ctf_kind kind); /* "integer", for messages */

enum ctf_byte_order { CTF_LITTLE_ENDIAN, CTF_BIG_ENDIAN };
enum ctf_encoding {
	CTF_ENCODING_NONE, /* not text */
	CTF_ENCODING_ASCII,
	CTF_ENCODING_UTF8,
	CTF_ENCODING_UTF16BE,
	CTF_ENCODING_UTF16LE,
	CTF_ENCODING_UTF32BE,
	CTF_ENCODING_UTF32LE,
};

/* The roots that a field reference may start from, in the order of decoding. */
#define CTF_SCOPES(X)                                                                              \
	X(PACKET_HEADER, "trace.packet.header", "packet-header")                                   \
	X(PACKET_CONTEXT, "stream.packet.context", "packet-context")                               \
	X(EVENT_HEADER, "stream.event.header", "event-record-header")                              \
	X(EVENT_COMMON_CONTEXT, "stream.event.context", "event-record-common-context")             \
	X(EVENT_CONTEXT, "event.context", "event-record-specific-context")                         \
	X(EVENT_PAYLOAD, "event.fields", "event-record-payload")

enum ctf_scope {
#define X(id, tsdl, json) CTF_SCOPE_##id,
	CTF_SCOPES(X)
#undef X
		CTF_N_SCOPES,
	CTF_SCOPE_RELATIVE = CTF_N_SCOPES /* looked up from the referring field outwards */
};

const char *ctf_scope_name(enum ctf_scope scope); /* as TSDL writes it */

#define CTF_ROLES(X)                                                                               \
	X(PACKET_MAGIC, "packet-magic-number")                                                     \
	X(METADATA_UUID, "metadata-stream-uuid")                                                   \
	X(STREAM_CLASS_ID, "data-stream-class-id")                                                 \
	X(STREAM_ID, "data-stream-id")                                                             \
	X(PACKET_TOTAL_LENGTH, "packet-total-length")                                              \
	X(PACKET_CONTENT_LENGTH, "packet-content-length")                                          \
	X(TIMESTAMP, "default-clock-timestamp")                                                    \
	X(PACKET_END_TIMESTAMP, "packet-end-default-clock-timestamp")                              \
	X(DISCARDED_EVENTS, "discarded-event-record-counter-snapshot")                             \
	X(PACKET_SEQ_NUM, "packet-sequence-number")                                                \
	X(EVENT_CLASS_ID, "event-record-class-id")

enum ctf_role {
#define X(id, json) CTF_ROLE_##id,
	CTF_ROLES(X)
#undef X
		CTF_N_ROLES
};
#define CTF_ROLE_BIT(role) (1u << (role))

const char *ctf_role_name(enum ctf_role role); /* as CTF 2 writes it */

/* Inclusive. The bounds of an unsigned type are in lo/hi as they are; of a
 * signed type they are the two's complement of the value: cast to int64_t. */
struct ctf_range {
	uint64_t lo, hi;
};

/* A label of an enum (one label may have several ranges, ranges may overlap). */
struct ctf_label {
	const char *name;
	struct ctf_range *ranges;
	size_t n_ranges;
};

/* A path from a scope's root, or from the structures around the referring
 * field outwards. NULL in a relative path: one structure up (CTF 2). */
struct ctf_ref {
	enum ctf_scope scope;
	const char **path;
	size_t n_path;
	unsigned line, column; /* of the reference; 0: built by a program */
};

struct ctf_type;
struct ctf_clock;

struct ctf_field {
	const char *name; /* as people read it: without TSDL's escaping underscore */
	const char *raw_name; /* as the metadata spells it; NULL: the same */
	const struct ctf_type *type;
	uint32_t roles; /* CTF_ROLE_BIT(...) */
	/* Variant options: the selector's values that choose it. Empty in CTF 1.8
	 * form: the selector enum's label of the same name. */
	struct ctf_range *ranges;
	size_t n_ranges;
	const char *attributes; /* CTF 2: JSON text, or NULL */
};

struct ctf_integer { /* INTEGER BOOL BIT_ARRAY BIT_MAP ENUM VARINT */
	uint32_t bits; /* >= 1; VARINT: 0 */
	bool is_signed;
	uint8_t base; /* 2 8 10 16; 0: none preferred */
	enum ctf_encoding encoding; /* text, when it is the element of an array */
	const struct ctf_clock *clock; /* mapped to; or NULL */
	struct ctf_label *labels; /* ENUM, BIT_MAP; else none */
	size_t n_labels;
};

struct ctf_type {
	enum ctf_kind kind;
	/* In bits, a power of two; of compounds the effective one: that of the
	 * most aligned member, or what was asked for, whichever is larger. */
	uint32_t align;
	enum ctf_byte_order byte_order; /* of scalars */
	bool bits_reversed; /* CTF 2 bit-order other than the byte order's own */
	union {
		struct ctf_integer integer;
		struct {
			uint32_t bits; /* 16 32 64 128 */
		} real;
		struct { /* STRING *_STRING *_BLOB */
			enum ctf_encoding encoding;
			uint64_t bytes; /* STATIC_* */
			struct ctf_ref length; /* DYNAMIC_* in bytes */
			const char *media_type; /* BLOBs */
		} text;
		struct {
			struct ctf_field *fields;
			size_t n_fields;
			uint32_t min_align; /* as written; 1: none */
		} record; /* STRUCT */
		struct { /* ARRAY SEQUENCE */
			const struct ctf_type *element;
			uint64_t count; /* ARRAY */
			struct ctf_ref length; /* SEQUENCE */
			uint32_t min_align;
		} array;
		struct {
			struct ctf_ref tag;
			struct ctf_field *options;
			size_t n_options;
		} variant;
		struct {
			struct ctf_ref tag;
			const struct ctf_type *content;
			struct ctf_range *ranges; /* none: the selector is a boolean */
			size_t n_ranges;
		} optional;
	};
	const char *attributes; /* CTF 2: JSON text, or NULL */
	unsigned line, column; /* where the metadata says so; 0: built by a program */
};

struct ctf_clock {
	const char *id; /* what the metadata refers to it by */
	const char *name;
	const char *description; /* or NULL */
	bool has_uuid;
	uint8_t uuid[16];
	uint64_t frequency_hz;
	uint64_t precision_cycles;
	int64_t offset_s;
	int64_t offset_cycles;
	/* The origin is the Unix epoch (CTF 1.8: absolute = TRUE). */
	bool is_absolute;
	/* CTF 2: another origin, and the clock's own identity; or NULL */
	const char *origin_namespace, *origin_name, *origin_uid;
	const char *namespace_, *uid;
	const char *attributes;
};

#define CTF_LOGLEVEL_NONE (-1)
#define CTF_LOGLEVEL_MAX 14
/* "emergency" … "debug:line", "debug": as CTF 2's attributes write it; "" beyond. */
const char *ctf_loglevel_name(int loglevel);

struct ctf_event_class {
	uint64_t id;
	const char *name; /* or NULL */
	const char *namespace_, *uid; /* CTF 2, or NULL */
	int loglevel; /* LTTng's 0 (emergency) to 14 (debug); CTF_LOGLEVEL_NONE */
	const char *emf_uri; /* model.emf.uri, or NULL */
	const struct ctf_type *context; /* STRUCT or NULL */
	const struct ctf_type *payload; /* STRUCT or NULL */
	const char *attributes; /* CTF 2: JSON text, or NULL */
	struct ctf_stream_class *stream_class;
	size_t index; /* in stream_class->events */
	void *user; /* for whoever reads the trace */
};

struct ctf_stream_class {
	uint64_t id;
	const char *name; /* or NULL */
	const char *namespace_, *uid;
	const struct ctf_type *packet_context; /* STRUCT or NULL, as all roots */
	const struct ctf_type *event_header;
	const struct ctf_type *event_context;
	const struct ctf_clock *default_clock; /* or NULL */
	struct ctf_event_class **events;
	size_t n_events, cap_events;
	const char *attributes;
	struct ctf_trace_class *trace_class;
	size_t index;
};

struct ctf_env_entry {
	const char *name;
	bool is_string;
	const char *text; /* is_string */
	int64_t value; /* else; unsigned beyond INT64_MAX are kept in its bits */
};

struct ctf_trace_class {
	unsigned major, minor; /* 1.8 or 2.0 */
	enum ctf_byte_order byte_order; /* CTF 1.8: of the trace */
	bool has_uuid;
	uint8_t uuid[16];
	const char *namespace_, *name, *uid; /* CTF 2, or NULL */
	const struct ctf_type *packet_header; /* or NULL */
	struct ctf_env_entry *env;
	size_t n_env, cap_env;
	struct ctf_clock **clocks;
	size_t n_clocks, cap_clocks;
	struct ctf_stream_class **streams;
	size_t n_streams, cap_streams;
	const char *attributes;
	struct arena *arena; /* where all of it lies */
};

/* --- looking at it ------------------------------------------------------ */

/* Index of the field or option of that name (as people read it); -1: none. */
int ctf_struct_find(const struct ctf_type *record, const char *name);
int ctf_variant_find(const struct ctf_type *variant, const char *name);
const struct ctf_stream_class *ctf_stream_class_find(const struct ctf_trace_class *tc, uint64_t id);
struct ctf_event_class *ctf_event_class_find(const struct ctf_stream_class *sc, uint64_t id);
const struct ctf_env_entry *ctf_env_find(const struct ctf_trace_class *tc, const char *name);
/* The labels of an enum (or bits of a bit map) that hold for a value, one a
 * call: start with *it = 0; NULL at the end. */
const char *ctf_enum_label(const struct ctf_type *type, uint64_t value, size_t *it);
/* For a value that has no label, of an enum whose labels look like flags: the labels of its bits,
 * one a call: start with *it = 0 and *rest = value; what is in *rest at the end has none. */
const char *ctf_enum_flag(const struct ctf_type *type, uint64_t *rest, size_t *it);
bool ctf_range_has(const struct ctf_range *r, uint64_t value, bool is_signed);
/* CTF 1.8: whether a selector's label chooses a variant's option. Either may
 * be escaped by an underscore, and labels keep theirs. */
bool ctf_label_chooses(const char *label, const struct ctf_field *option);
bool ctf_type_is_integer(
	const struct ctf_type *type); /* INTEGER ENUM VARINT BOOL: has a u64 value */
bool ctf_type_is_text(const struct ctf_type *type); /* strings, and arrays of 8-bit characters */

/* --- building it (writers) ---------------------------------------------- */
/*
 * All return NULL when the arena is exhausted, and accept NULL arguments that
 * an earlier one returned, so that only the end result needs a check.
 * Strings are copied. Byte order: little endian until ctf_type_set_byte_order.
 */

/* Aligned to its size when that is 8 16 32 64, as ctf_type_integer_aligned(a, bits, bits …);
 * else to 1 bit. */
struct ctf_type *ctf_type_integer(struct arena *a, unsigned bits, bool is_signed);
struct ctf_type *ctf_type_integer_aligned(struct arena *a, unsigned bits, bool is_signed,
					  unsigned align);
struct ctf_type *ctf_type_hex(struct arena *a, unsigned bits, unsigned align); /* base 16 */
struct ctf_type *ctf_type_character(struct arena *a); /* 8 bits, UTF-8: arrays of it are text */
struct ctf_type *ctf_type_clock_value(struct arena *a, unsigned bits, unsigned align,
				      const struct ctf_clock *clock);
struct ctf_type *ctf_type_float(struct arena *a, unsigned bits, unsigned align);
struct ctf_type *ctf_type_string(struct arena *a);
/* An enum over an integer type's properties; add labels with ctf_enum_add. */
struct ctf_type *ctf_type_enum(struct arena *a, unsigned bits, bool is_signed, unsigned align);
int ctf_enum_add(struct arena *a, struct ctf_type *type, const char *label, uint64_t lo,
		 uint64_t hi);
struct ctf_type *ctf_type_struct(struct arena *a, unsigned min_align);
/* 0, -ENOMEM, or -EEXIST when the name is taken */
int ctf_struct_add(struct arena *a, struct ctf_type *record, const char *name,
		   const struct ctf_type *type);
int ctf_struct_add_role(struct arena *a, struct ctf_type *record, const char *name,
			const struct ctf_type *type, enum ctf_role role);
struct ctf_type *ctf_type_array(struct arena *a, const struct ctf_type *element, uint64_t count);
/* The length field stands before it in the same structure, or in one around it. */
struct ctf_type *ctf_type_sequence(struct arena *a, const struct ctf_type *element,
				   const char *length_field);
struct ctf_type *ctf_type_variant(struct arena *a, const char *tag_field);
int ctf_variant_add(struct arena *a, struct ctf_type *variant, const char *name,
		    const struct ctf_type *type);
void ctf_type_set_byte_order(struct ctf_type *type, enum ctf_byte_order order);

struct ctf_trace_class *ctf_trace_class_new(struct arena *a, unsigned major, unsigned minor,
					    enum ctf_byte_order order);
int ctf_env_add_text(struct ctf_trace_class *tc, const char *name, const char *text);
int ctf_env_add_int(struct ctf_trace_class *tc, const char *name, int64_t value);
struct ctf_clock *ctf_clock_add(struct ctf_trace_class *tc, const char *name,
				uint64_t frequency_hz);
struct ctf_stream_class *ctf_stream_class_add(struct ctf_trace_class *tc, uint64_t id);
struct ctf_event_class *ctf_event_class_add(struct ctf_stream_class *sc, uint64_t id,
					    const char *name);
/* Gives the fields of the packet header, packet context and event header the
 * roles that CTF 1.8 reserves their names for (a model built by hand). */
void ctf_trace_class_assign_roles(struct ctf_trace_class *tc);

#endif
