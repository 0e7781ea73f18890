/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_TEXT_CLASS_H
#define PISTE_CTF_TEXT_CLASS_H

#include "base/map.h"
#include "ctf/text.h"

/*
 * text-class - the plan by which a class's events become text: made in
 * text-class.c, run in text.c and text-json.c.
 *
 * A plan is a tree of operations beside the tree of types. Each has the text
 * that stands before its value (separator, name, colour), so that writing a
 * field is one copy and one number.
 */
enum text_op_kind {
	TEXT_OP_UNSIGNED,
	TEXT_OP_SIGNED,
	TEXT_OP_HEX,
	TEXT_OP_OCTAL,
	TEXT_OP_BINARY,
	TEXT_OP_ENUM,
	TEXT_OP_BOOL,
	TEXT_OP_REAL,
	TEXT_OP_STRING,
	TEXT_OP_BLOB,
	TEXT_OP_STRUCT,
	TEXT_OP_ARRAY, /* kids[0]: each element */
	TEXT_OP_VARIANT, /* kids by option */
	TEXT_OP_OPTIONAL, /* kids[0] */
};

#define TEXT_PAD 16 /* prefixes and heads may be read this far, and are copied so */

struct text_op {
	uint8_t kind; /* enum text_op_kind */
	uint8_t number; /* of an ENUM: how its integer is written */
	bool names; /* inside of it */
	uint32_t bits;
	uint32_t prefix_len;
	uint32_t index; /* of the field in its structure */
	const char *prefix;
	const struct ctf_type *type;
	struct text_op *kids;
	size_t n_kids;
	size_t room_bytes; /* STRUCT: what its fields of bounded length need at most */
};

/* In the order of a line. */
#define TEXT_SCOPES(X)                                                                             \
	X(PACKET_CONTEXT, packet_context, "packet")                                                \
	X(EVENT_COMMON_CONTEXT, common_context, "stream_context")                                  \
	X(EVENT_CONTEXT, context, "context")                                                       \
	X(EVENT_PAYLOAD, payload, "fields")

enum {
#define X(id, member, json) TEXT_SCOPE_##id,
	TEXT_SCOPES(X)
#undef X
		TEXT_N_SCOPES
};

struct text_class {
	const struct ctf_trace *trace;
	const struct ctf_event_class *event;
	struct text_op *scopes[TEXT_N_SCOPES]; /* NULL: not there, or hidden */
	const char *head; /* all between time and the first scope */
	size_t head_len;
	const char *json_head; /* ,"event":…  without braces */
	size_t json_head_len;
	const char *log_format; /* the message's, where it is to be made; else NULL */
	bool has_clock;
};

/* Escapes of sink.text.pretty; empty without colour. */
struct text_colours {
	const char *name, *field, *string, *number, *label, *unknown, *event, *time, *reset;
};

/* The packet context of a stream's current packet, as text. */
struct text_packet {
	const struct ctf_packet *packet;
	struct str line, json;
};

struct text_printer {
	struct text_opts opts;
	struct text_colours colours;
	struct arena arena;
	struct map paths; /* of traces, by address, to const char * */
	struct map packets; /* of streams, by address, to struct text_packet */
	const struct ctf_stream *stream; /* of the newest event, and its packet */
	struct text_packet *packet;

	/* The text of the time of day, good for [window, window + 900) seconds. */
	int64_t window_s;
	bool has_window;
	unsigned window_minute, window_second; /* of its start, within the hour */
	char date_hour[32];
	size_t date_hour_len;

	uint64_t last_cycles, delta_cycles; /* ~0: none */
	uint64_t last_ns, delta_ns;
	bool saw_negative_time;
	struct str log; /* scratch */
};

/* "host/path", as babeltrace2 names a trace */
void text_trace_name(const struct text_printer *p, const struct ctf_trace *t, struct str *out);
/* The packet's entry for the event's stream; NULL for no memory. */
struct text_packet *text_packet_of(struct text_printer *p, const struct ctf_message *m);

#endif
