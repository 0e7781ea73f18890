/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_QUIRKS_H
#define PISTE_CTF_QUIRKS_H

#include "ctf/reader.h"

/*
 * quirks - what tracers are known to write wrongly, put right as babeltrace2
 * does it (babeltrace2-source.ctf.fs(7), "Trace quirks"), so that their events
 * have the times that they happened at and --begin and --end lose none.
 */

/* Once the metadata are read. */
void ctf_quirks_fix_class(struct ctf_trace_class *tc);
/* Once a trace's packets are indexed. */
void ctf_quirks_fix_packets(struct ctf_trace *t);

#endif
