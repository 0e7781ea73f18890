/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_TEXT_H
#define PISTE_CTF_TEXT_H

#include <stdbool.h>

#include "base/str.h"
#include "ctf/reader.h"

/*
 * text - an event as one line: byte for byte what babeltrace2 2.0's
 * sink.text.pretty writes, with its options; or as one JSON object.
 *
 * What of a line is the same for all events of a class is made once
 * (text_class); what is the same for a packet is kept with its stream.
 */

/* Parts of a line that --fields adds, in their order. */
#define TEXT_FIELDS(X)                                                                             \
	X(TRACE, "trace")                                                                          \
	X(HOSTNAME, "trace:hostname")                                                              \
	X(DOMAIN, "trace:domain")                                                                  \
	X(PROCNAME, "trace:procname")                                                              \
	X(VPID, "trace:vpid")                                                                      \
	X(LOGLEVEL, "loglevel")                                                                    \
	X(EMF, "emf")                                                                              \
	X(CALLSITE, "callsite") /* accepted; no trace has it */

enum {
#define X(id, name) TEXT_FIELD_##id##_BIT,
	TEXT_FIELDS(X)
#undef X
		TEXT_N_FIELDS,
#define X(id, name) TEXT_FIELD_##id = 1 << TEXT_FIELD_##id##_BIT,
	TEXT_FIELDS(X)
#undef X
};

/* Which names are written. */
enum {
	TEXT_NAME_PAYLOAD = 1,
	TEXT_NAME_CONTEXT = 2,
	TEXT_NAME_HEADER = 4,
	TEXT_NAME_SCOPE = 8,
	TEXT_NAME_ALL = 15,
};

struct text_opts {
	unsigned fields; /* TEXT_FIELD_* */
	unsigned names; /* TEXT_NAME_* */
	bool clock_cycles, clock_seconds, clock_date, clock_gmt;
	bool no_delta;
	bool colour;
	bool formats_logs; /* PISTE_LOG events as their message */
};

#define TEXT_OPTS_DEFAULT                                                                          \
	{                                                                                          \
		.fields = TEXT_FIELD_HOSTNAME | TEXT_FIELD_PROCNAME | TEXT_FIELD_VPID,             \
		.names = TEXT_NAME_PAYLOAD | TEXT_NAME_CONTEXT                                     \
	}

/* Lists as babeltrace2's --names and --fields take them; -EINVAL for an unknown word. */
int text_opts_set_names(struct text_opts *o, const char *list);
int text_opts_set_fields(struct text_opts *o, const char *list);

struct text_printer;
struct text_class;

int text_printer_new(struct text_printer **out, const struct text_opts *opts);
void text_printer_free(struct text_printer *p);
/* Where the trace lies below what the user named; babeltrace2 appends it to the trace's name. */
int text_printer_set_path(struct text_printer *p, const struct ctf_trace *t, const char *path);
/* True once a time before the origin had to be written as seconds. */
bool text_printer_saw_negative_time(const struct text_printer *p);

/* The printer's; NULL: no memory. */
struct text_class *text_class_new(struct text_printer *p, const struct ctf_trace *t,
				  const struct ctf_event_class *ec);
/* Each appends one line to `out`, whose `failed` says when memory was short. */
void text_event(struct text_printer *p, const struct text_class *class, struct str *out,
		const struct ctf_message *m);
void text_event_json(struct text_printer *p, const struct text_class *class, struct str *out,
		     const struct ctf_message *m);
/* The warning for CTF_MESSAGE_DISCARDED_*. */
void text_discarded(struct text_printer *p, struct str *out, const struct ctf_message *m);

/* A value as JSON, with native types; nan and inf are null. */
void text_value_json(struct str *out, const struct ctf_values *values, const struct ctf_value *v);
/* "%g" without printf where that is exact; returns the length. `buf` has 32 bytes. */
size_t text_put_real(char *buf, double value);

#endif
