/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_JSON_PARSE_H
#define PISTE_CTF_JSON_PARSE_H

#include "base/diag.h"
#include "base/fs.h"
#include "ctf/type.h"

/* json-parse - CTF 2 metadata: a JSON text sequence (RFC 7464) of fragments. */
int json_parse(struct ctf_trace_class **out, struct arena *arena, struct span text,
	       const char *file_name, struct diag *diag);

#endif
