/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_DUMP_H
#define PISTE_SESSION_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "session/model.h"
#include "session/packet.h"
#include "session/table.h"

/*
 * dump - piste's own events, about the processes and the recording (provider
 * `piste`), as a stream of the trace. All-zero but for the model is empty.
 */
struct dump {
	const struct model *model;
	uint8_t *data;
	size_t size, cap;
	uint32_t content; /* without the padding behind the last event */
	uint64_t events, begin, end;
	bool failed; /* no memory: events are missing */
};

void dump_fini(struct dump *d);
/* Takes what has gathered as a packet that owns its memory; false: nothing. */
bool dump_take(struct dump *d, struct packet *out);
/* Much has gathered: take it. */
bool dump_is_full(const struct dump *d);

struct dump_process {
	uint32_t pid, ppid;
	uint64_t created;
	const char *comm, *exe;
	const char *cmdline; /* NUL between arguments */
	uint32_t cmdline_size;
};
void dump_process_start(struct dump *d, const struct dump_process *p);
void dump_process_end(struct dump *d, uint32_t pid, uint32_t status, uint64_t recorded,
		      uint64_t lost, uint64_t bytes, uint64_t dropped_bytes);
/* From the objects that the process told of, and where it lives and may be looked at, its maps. */
void dump_mappings(struct dump *d, uint32_t pid, const struct objects *objects, bool is_alive);
void dump_anchor(struct dump *d, const struct clock_anchor *anchor);
struct dump_session {
	uint64_t events, bytes, lost, overwritten, dropped_bytes, recorder_cpu_ns;
	uint64_t kernel_events, kernel_lost, limited, ring_bytes; /* of the kernel */
};
void dump_session_end(struct dump *d, const struct dump_session *s);

#endif
