/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_METADATA_H
#define PISTE_CTF_METADATA_H

#include "base/diag.h"
#include "base/fs.h"
#include "base/str.h"
#include "ctf/type.h"

/*
 * metadata - a trace's description, from bytes and to bytes.
 */

/*
 * Recognises plain TSDL (CTF 1.8), packetized metadata in both byte orders,
 * and CTF 2 JSON text sequences. 0; -EINVAL for metadata that cannot be
 * trusted (the diag says at which line and column, and why), -ENOMEM.
 * What is not understood but harmless is a warning. file_name is for messages.
 */
int ctf_metadata_parse(struct ctf_trace_class **out, struct arena *arena, struct span bytes,
		       const char *file_name, struct diag *diag);

/* The bytes inside of packetized metadata, or those given when it is plain.
 * *is_packetized says which. Only fails on broken packets or for memory. */
int ctf_metadata_unpack(struct str *out, struct span bytes, bool *is_packetized,
			const char *file_name, struct diag *diag);

/* Writers: what cannot be expressed (CTF 2's types in TSDL) is -ENOTSUP; -ENOMEM when `out` failed. */
enum ctf_metadata_format { CTF_METADATA_TSDL, CTF_METADATA_JSON };

int ctf_metadata_write(struct str *out, const struct ctf_trace_class *tc,
		       enum ctf_metadata_format format);

/*
 * The same in pieces, for a recorder that learns as it goes: the preamble
 * (trace, env, clocks) once, each stream class without its events before the
 * first of its events, each event class once. All are appended to `out`.
 */
int ctf_metadata_write_preamble(struct str *out, const struct ctf_trace_class *tc,
				enum ctf_metadata_format format);
int ctf_metadata_write_stream(struct str *out, const struct ctf_stream_class *sc,
			      enum ctf_metadata_format format);
int ctf_metadata_write_event(struct str *out, const struct ctf_event_class *ec,
			     enum ctf_metadata_format format);

/* Checks what both parsers and hand-built models must satisfy before a plan is
 * compiled: references resolve backwards to integers, ids are unique, sizes sane. */
int ctf_trace_class_check(const struct ctf_trace_class *tc, const char *file_name,
			  struct diag *diag);

#endif
