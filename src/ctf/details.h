/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_DETAILS_H
#define PISTE_CTF_DETAILS_H

#include "base/str.h"
#include "ctf/text.h"

/*
 * details - every message of an iterator in full, and before a trace's first
 * one its metadata: byte for byte what babeltrace2 2.0's sink.text.details
 * writes of CTF 1.8. The iterator must give packet_messages.
 */
struct details_opts {
	bool compact; /* one line a message, without data */
	bool no_data, no_metadata, no_time, no_trace_name, no_stream_name, no_uuid;
};

struct details;

/* The printer knows the traces' names, and must live as long. 0 or -ENOMEM. */
int details_new(struct details **out, const struct details_opts *opts, struct text_printer *p);
void details_free(struct details *d);
/* Appends to `out`, whose `failed` says when memory was short. */
void details_message(struct details *d, struct str *out, const struct ctf_message *m);

#endif
