/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_LOG_FORMAT_H
#define PISTE_CTF_LOG_FORMAT_H

#include <stdbool.h>

#include "base/str.h"
#include "ctf/decode.h"
#include "ctf/type.h"

/*
 * log-format - messages of PISTE_LOG sites, put together when they are read.
 *
 * Such an event's first payload field is `fmt`, an 8-bit enum whose only label
 * is the printf format; the arguments follow it. The format comes from a trace
 * and is not trusted: it is never given to printf as a whole.
 */

/* The format of a class that is such an event of a piste trace; else NULL. */
const char *log_format_of(const struct ctf_trace_class *tc, const struct ctf_event_class *ec);

/*
 * Appends the message: all of printf's conversions but %n, with flags, width
 * and precision (* takes an argument). Length modifiers do not matter, the
 * types are the trace's. An argument that does not fit its conversion is
 * written as it is; one that is missing as <missing>, one too many is left out.
 */
void log_format(struct str *out, const char *format, const struct ctf_values *values,
		const struct ctf_value *payload);

#endif
