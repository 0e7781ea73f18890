/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_METADATA_WRITE_H
#define PISTE_CTF_METADATA_WRITE_H

#include "base/str.h"
#include "ctf/type.h"

/* metadata-write - the two writers behind metadata.h. 0 or -ENOTSUP; a failed `out` sticks in it. */

int tsdl_write_preamble(struct str *out, const struct ctf_trace_class *tc);
int tsdl_write_stream(struct str *out, const struct ctf_stream_class *sc);
int tsdl_write_event(struct str *out, const struct ctf_event_class *ec);

int json_write_preamble(struct str *out, const struct ctf_trace_class *tc);
int json_write_stream(struct str *out, const struct ctf_stream_class *sc);
int json_write_event(struct str *out, const struct ctf_event_class *ec);

#endif
