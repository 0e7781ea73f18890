/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_READER_H
#define PISTE_CTF_READER_H

#include "base/diag.h"
#include "base/fs.h"
#include "ctf/decode.h"
#include "ctf/plan.h"
#include "ctf/sieve.h"
#include "ctf/type.h"

/*
 * reader - the streams of a CTF trace, its packets, and its events in the
 * order of time.
 *
 *	struct ctf_trace *trace;
 *	ctf_trace_open(&trace, dir, diag);
 *	ctf_iter_new(&it, &trace, 1, NULL, diag);
 *	while ((rc = ctf_iter_next(it, &message)) > 0)
 *		...
 *	ctf_iter_free(it); ctf_trace_free(trace);
 *
 * A trace is immutable once opened and may be used by several threads, each
 * with its own iterator or cursor. What is wrong in a data stream is reported
 * to the diag (file, packet number, byte offset); all that is readable before
 * it is given, then the other streams go on.
 */

/* Replaces the conversion of clock cycles to ns (piste: between anchors). */
typedef int64_t (*ctf_clock_map_fn)(void *data, const struct ctf_clock *clock, uint64_t cycles);

struct ctf_packet {
	const uint8_t *data; /* its first byte */
	uint64_t offset; /* in bytes, in its file */
	uint64_t total_bits, content_bits;
	uint64_t first_event_bits; /* header and context lie before */
	uint64_t entry_cycles; /* the stream's clock before it, for clocks that wrap */
	uint64_t begin_cycles, end_cycles;
	uint64_t discarded_events; /* the counter's snapshot at its end */
	uint64_t seq_num;
	uint32_t file; /* index into ctf_trace.files */
	uint32_t number; /* of the packet in its file, from 0 */
	bool has_begin, has_end, has_discarded, has_seq_num;
	bool is_unended; /* it says that it ended before it began */
	/* It ends with its last event, or at told_end_cycles if that is later; neither is later than
	 * end_cycles (quirks.h). */
	bool ends_with_event;
	uint64_t told_end_cycles;
	bool is_cut; /* the file ends before its content does */
};

struct ctf_stream_file {
	char *name; /* inside the trace's directory */
	struct span bytes;
	uint64_t bytes_bad; /* at its end, that are no packet */
	bool is_mapped, has_other_uuid;
};

/* A data stream: the packets of one file, or of several with the same stream id. */
struct ctf_stream {
	struct ctf_trace *trace;
	const struct ctf_stream_class *class;
	bool has_id;
	uint64_t id; /* stream_instance_id */
	struct ctf_packet *packets;
	size_t n_packets, cap_packets;
	const char *name; /* of its first file, for messages */
	size_t index; /* in trace->streams */
	unsigned discarded_bits, seq_num_bits; /* widths of these counters: they wrap */
	struct ctf_stream_plan *plans[3]; /* by enum ctf_want; shared by a class's streams */
	struct span summaries; /* of its packets, from an index (sidecar.h); empty: none */
};

struct ctf_trace {
	struct ctf_trace_class *class;
	char *path; /* directory */
	char *name; /* its last component */
	struct ctf_stream_file *files;
	size_t n_files;
	struct ctf_stream *streams;
	size_t n_streams;
	ctf_clock_map_fn clock_map; /* NULL: ctf_clock_to_ns */
	void *clock_map_data;
	struct ctf_stream_plan *(*plans)[3]; /* by stream class index and enum ctf_want */
	struct span sidecar; /* the index that it was opened with; empty: none */
	bool is_damaged; /* some stream file could not be indexed to its end */
	struct arena arena;
};

/* 0, or negative errno: metadata that cannot be used, no directory, -ENOMEM.
 * Broken data streams are no failure. */
int ctf_trace_open(struct ctf_trace **out, const char *dir, struct diag *diag);
/* The same with an index (sidecar.h), where that is this trace's; else it is as if it were not there. */
int ctf_trace_open_indexed(struct ctf_trace **out, const char *dir, const char *index,
			   struct diag *diag);
/* From memory: the spans must outlive the trace. Names may be NULL. */
int ctf_trace_open_spans(struct ctf_trace **out, struct span metadata, const struct span *streams,
			 const char *const *names, size_t n_streams, struct diag *diag);
void ctf_trace_free(struct ctf_trace *t);
/* Sorts the packets of several files by time; what two snapshots both hold is kept once. */
void ctf_stream_join_files(struct ctf_stream *s);
/* Its own, or its place among those of the trace that have none: as babeltrace2 numbers them. */
uint64_t ctf_stream_id(const struct ctf_stream *s);
/* True when the directory holds a file `metadata` that starts like CTF's. */
bool ctf_is_trace(const char *dir);

/* Cycles to ns from the clock's origin, with the roundings of babeltrace2:
 * exact at 1 GHz, else in double. 0, or -EOVERFLOW. */
int ctf_clock_to_ns(const struct ctf_clock *clock, uint64_t cycles, int64_t *ns);
/* The same in two steps: what is the same for all of a clock's times (the ns
 * of cycle 0), and the rest. */
int ctf_clock_base_ns(const struct ctf_clock *clock, int64_t *base_ns);
int ctf_clock_add_cycles(const struct ctf_clock *clock, int64_t base_ns, uint64_t cycles,
			 int64_t *ns);
/* Moves a clock's origin. 0, or -EOVERFLOW. */
int ctf_clock_shift(struct ctf_clock *clock, int64_t s, int64_t ns);
/* Through the trace's map where it has one. INT64_MIN on overflow. */
int64_t ctf_trace_ns(const struct ctf_trace *t, const struct ctf_clock *clock, uint64_t cycles);

/* --- one packet ----------------------------------------------------------- */

/* Walks the events of one packet; packets are independent of each other. */
struct ctf_cursor {
	const struct ctf_stream *stream;
	const struct ctf_packet *packet;
	const struct ctf_stream_plan *plan;
	struct ctf_bits bits;
	uint64_t cycles; /* the stream's clock, advanced event by event */
	uint64_t event_bits; /* where the newest event's header starts */
	const struct ctf_event_class *event; /* the newest event's */
	struct ctf_values packet_values; /* header and context, where wanted */
	struct ctf_values values; /* of the newest event */
	int32_t root[CTF_N_SCOPES]; /* of the newest event, in values; -1 */
	bool has_cycles;
	enum ctf_want want;

	/* Of mapped files only so much is kept in memory: see ctf_cursor_limit. */
	size_t window_bytes; /* 0: no matter */
	const uint8_t *window_begin, *window_stop; /* what lies before was let go */
	uint64_t window_end; /* in bits from bits.data; UINT64_MAX: none */
};

void ctf_cursor_init(struct ctf_cursor *c, const struct ctf_stream *s, enum ctf_want want);
void ctf_cursor_fini(struct ctf_cursor *c);
/* About so many bytes of the file stay mapped in at a time; the rest is let go behind the cursor,
 * and comes back from the page cache when it is looked at again. */
void ctf_cursor_limit(struct ctf_cursor *c, size_t bytes);
/* 0 or negative errno */
int ctf_cursor_enter(struct ctf_cursor *c, const struct ctf_packet *packet);
/* 1: c->event, c->cycles and c->values are the next event's; 0: the packet's
 * end; negative errno: the packet cannot be read on (ctf_cursor_explain). */
int ctf_cursor_next(struct ctf_cursor *c);
void ctf_cursor_explain(const struct ctf_cursor *c, int error, struct diag *diag);
/* The rest of the packet's events, only counted. */
int ctf_cursor_count(struct ctf_cursor *c, uint64_t *events);

struct ctf_tally {
	uint64_t events, bits; /* headers included */
};
/* Two numbers in the contexts of each event that are expected to stay as they are. */
struct ctf_watch {
	uint32_t fields[2]; /* of the common context */
	struct ctf_tap taps[2];
	uint64_t values[2];
	uint64_t events; /* that had them: grows */
	uint32_t reach_bits;
};
/* Watches two fields of the events' common context; false: they are not at one place in all. */
bool ctf_watch_init(struct ctf_watch *w, const struct ctf_stream *s, uint32_t a, uint32_t b);
/*
 * The same by event class index; c->cycles are the newest event's. With a watch (and a cursor that
 * wants fields) it stops before
 * the first event whose numbers are others: then 1, and `watch` has the new ones. 0: the packet's
 * end.
 */
int ctf_cursor_tally(struct ctf_cursor *c, struct ctf_tally *by_class, struct ctf_watch *watch);

/* --- all streams, in the order of time -------------------------------------- */

#define CTF_MESSAGES(X)                                                                            \
	X(STREAM_BEGIN)                                                                            \
	X(PACKET_BEGIN)                                                                            \
	X(EVENT)                                                                                   \
	X(PACKET_END)                                                                              \
	X(DISCARDED_EVENTS)                                                                        \
	X(DISCARDED_PACKETS)                                                                       \
	X(STREAM_END)

enum ctf_message_kind {
#define X(id) CTF_MESSAGE_##id,
	CTF_MESSAGES(X)
#undef X
};

struct ctf_message {
	enum ctf_message_kind kind;
	const struct ctf_stream *stream;
	const struct ctf_packet *packet; /* NULL: STREAM_* */
	bool has_time;
	uint64_t cycles;
	int64_t ns; /* from the clock's origin */

	/* EVENT. Values live until the next call. */
	const struct ctf_event_class *event;
	const struct ctf_values *values;
	const struct ctf_value *header, *common_context, *context, *payload; /* NULL: none */
	const struct ctf_values *packet_values;
	const struct ctf_value *packet_header, *packet_context;

	/* DISCARDED_*: between the beginning (cycles, ns) and the end; a count of
	 * zero with !has_count: unknown. */
	bool has_count;
	uint64_t count;
	uint64_t end_cycles;
	int64_t end_ns;
};

struct ctf_iter_options {
	enum ctf_want want;
	bool has_begin, has_end;
	int64_t begin_ns, end_ns; /* events outside are left out; both inclusive */
	bool packet_messages; /* also STREAM_*, PACKET_* */
	bool intersection; /* only while all streams of a trace are active */
	ctf_wish_fn *wish; /* which events may be left out; or NULL */
	void *wish_data;
	size_t memory_bytes; /* of mapped files, all streams together; 0: 32 MiB */
};

struct ctf_iter;
/*
 * Merges the streams of all traces. Equal times: as babeltrace2 orders them:
 * by trace UUID, then trace name (environment), then stream class id, then
 * stream id, else by the order of the streams given; the same stream goes on
 * while its next event is earlier than (or orders before) the next best
 * stream's. Streams without a clock come first.
 */
int ctf_iter_new(struct ctf_iter **out, struct ctf_trace *const *traces, size_t n_traces,
		 const struct ctf_iter_options *options, struct diag *diag);
void ctf_iter_free(struct ctf_iter *it);
/* 1: a message; 0: the end; negative errno only for -ENOMEM. *m lives until the next call. */
int ctf_iter_next(struct ctf_iter *it, const struct ctf_message **m);
/* True when some stream could not be read to its end (the diag says why). */
bool ctf_iter_failed(const struct ctf_iter *it);

/* Counts events without merging or decoding; errors as in the iterator. */
int ctf_trace_count(struct ctf_trace *t, uint64_t *events, struct diag *diag);

#endif
