/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_MODEL_H
#define PISTE_SESSION_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "ctf/metadata.h"
#include "ctf/type.h"
#include "session/table.h"

/*
 * model - what the trace's metadata says: environment, clock, stream classes.
 *
 * It grows while the recording goes on. `text` is all of it, ready to be
 * written or appended to the file that has its beginning, so that the trace of
 * a killed recorder can be read. At the end everything is written anew, with
 * the clock that fits all anchors best.
 */

#define MODEL_DUMP_STREAM 0 /* the stream class of piste's own events */

/* piste's own events. */
enum model_dump_event {
	MODEL_DUMP_PROCESS_START,
	MODEL_DUMP_PROCESS_END,
	MODEL_DUMP_MAPPING,
	MODEL_DUMP_ANCHOR,
	MODEL_DUMP_SESSION_END,
};

struct model {
	struct arena arena;
	struct ctf_trace_class *trace;
	struct ctf_clock *clock;
	enum ctf_metadata_format format;
	const struct ctf_type *packet_context;
	uint8_t uuid[16];
	bool use_tsc; /* the clock of the trace: the TSC, else CLOCK_MONOTONIC in ns */
	bool started; /* the preamble is in `text` */
	struct VEC(struct clock_anchor) anchors;
	struct VEC(struct table *) tables;
	struct wants wants;
	struct str text;
};

/* `command_line`: of the recorder. The session in wants, and the filter, stay the caller's. */
int model_init(struct model *m, unsigned ctf_major, const struct wants *wants,
	       const char *command_line, bool use_tsc);
void model_fini(struct model *m);

/* Takes an anchor of the clocks, and keeps it for the fit. */
int model_take_anchor(struct model *m, struct clock_anchor *anchor);
uint64_t model_ticks_now(const struct model *m);
/* Ticks of the other kind of clock, as those of the trace. */
uint64_t model_convert_ticks(const struct model *m, uint64_t ticks);
/* Nanoseconds since the Unix epoch, by the fit so far. */
int64_t model_ticks_to_ns(const struct model *m, uint64_t ticks);
uint64_t model_ns_to_ticks(const struct model *m, uint64_t ns); /* a duration */

/* The table for these objects: one that is there, or one that grows, or a new one. */
int model_find_table(struct model *m, struct table **out, const struct objects *o,
		     struct diag *diag);
/* The id of the stream class of a table's packets; it is in `text` afterwards. */
int model_stream_class(struct model *m, struct table *t, bool has_cpu, uint32_t *id);

/* A stream class with our event header; its text is the caller's to write. NULL: no memory. */
struct ctf_stream_class *model_add_stream(struct model *m, const struct ctf_type *packet_context,
					  const struct ctf_type *event_context);

/* Brings the preamble into `text`, and sets the clock as well as it is known. */
int model_start(struct model *m);
/* All of it anew, with the best clock. */
int model_write_all(struct model *m, struct str *out);

#endif
