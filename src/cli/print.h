/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_PRINT_H
#define PISTE_CLI_PRINT_H

#include "cli/traces.h"
#include "ctf/details.h"
#include "ctf/text.h"

/*
 * print - traces as text, for `piste print` and `piste babeltrace2`: those
 * read options into this, and print_run does the rest.
 */
#define PRINT_FORMATS(X)                                                                           \
	X(TEXT, "text", "babeltrace2's lines")                                                     \
	X(JSON, "json", "an object a line")                                                        \
	X(DETAILS, "details", "every message in full, as babeltrace2's sink.text.details")         \
	X(DUMMY, "dummy", "nothing: reads all of it")                                              \
	X(COUNTER, "counter", "how many messages there were, as babeltrace2's sink.utils.counter") \
	X(METADATA, "ctf-metadata", "the traces' metadata")                                        \
	X(METADATA_1, "ctf1-metadata", "the same as CTF 1.8 says it")                              \
	X(METADATA_2, "ctf2-metadata", "the same as CTF 2 says it")

enum print_format {
#define X(id, name, help) PRINT_##id,
	PRINT_FORMATS(X)
#undef X
		PRINT_N_FORMATS
};

struct print_options {
	enum print_format format;
	struct text_opts text;
	struct details_opts details;
	struct globs globs;
	const char *begin_text, *end_text; /* as time_bound_parse takes them; or NULL */
	const char *filter, *output, *colour;
	bool raw, no_anchors, intersection, is_strict;
	bool counter_hides_zero;
	int64_t clock_offset_s, clock_offset_ns; /* added to all clocks */
	/* print_check_times fills these */
	struct time_bound begin, end;
};
#define PRINT_OPTIONS_DEFAULT                                                                      \
	{                                                                                          \
		.text = TEXT_OPTS_DEFAULT, .colour = "auto"                                        \
	}

/* -EINVAL: no format has that name. */
int print_format_parse(enum print_format *out, const char *name);
/* "A,B" or "[A,B]" into begin_text and end_text; `value` is changed. 0 or -EINVAL. */
int print_timerange_parse(struct print_options *o, char *value);
/* NULL, or what is wrong with the times. */
const char *print_check_times(struct print_options *o);

/* The command's exit status. Takes the options. */
int print_run(struct print_options *o, int n, char **paths);
void print_options_fini(struct print_options *o);

#endif
