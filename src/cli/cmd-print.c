/* SPDX-License-Identifier: MIT */
/*
 * piste print: its options; print.c does the rest.
 */
#include <string.h>

#include "cli/cmd.h"
#include "cli/print.h"

enum {
	OPT_FILTER = OPT_LONG_ONLY,
	OPT_BEGIN,
	OPT_END_TIME,
	OPT_TIMERANGE,
	OPT_INTERSECTION,
	OPT_NO_DELTA,
	OPT_CYCLES,
	OPT_DATE,
	OPT_GMT,
	OPT_SECONDS,
	OPT_COLOR,
	OPT_RAW,
	OPT_NO_ANCHORS,
	OPT_STATEDUMP,
	OPT_STRICT,
};

static const struct opt_spec spec = {
	.usage = "piste print [OPTION]... TRACE...",
	.summary =
		"Events of traces as text, in babeltrace2's line format and in the order of time",
	.rows =
		(const struct opt_row[]){
			{NULL, 0, NULL, "Which events"},
			{"event", 'e', "GLOB",
			 "only provider:event like GLOB; !GLOB for all others"},
			{"filter", OPT_FILTER, "EXPR",
			 "only those for which EXPR holds (see below)"},
			{"begin", OPT_BEGIN, "TIME",
			 "from TIME on: [YYYY-MM-DD] hh:mm[:ss[.ns]] or s[.ns]"},
			{"end", OPT_END_TIME, "TIME", "until TIME"},
			{"timerange", OPT_TIMERANGE, "A,B", "from A until B"},
			{"stream-intersection", OPT_INTERSECTION, NULL,
			 "only while all streams of a trace are active"},
			{"statedump", OPT_STATEDUMP, NULL,
			 "also the recorder's own events (provider piste)"},
			{"all", OPT_STATEDUMP, NULL, NULL},
			{NULL, 0, NULL, "How"},
			CLI_ROW_JSON,
			{"output-format", 'o', "FORMAT",
			 "text, json, details, counter, dummy (reads all, writes nothing), ctf-metadata; ctf1-metadata and ctf2-metadata: as CTF 1.8 and 2 say it"},
			{"output", 'w', "FILE", "write to FILE instead of stdout"},
			{"names", 'n', "NAMES",
			 "names of payload, context, scope, header; all, none"},
			{"fields", 'f', "FIELDS",
			 "also trace, trace:hostname, trace:domain, trace:procname, trace:vpid, loglevel, emf; all"},
			{"no-delta", OPT_NO_DELTA, NULL, "without the time since the last line"},
			{"clock-cycles", OPT_CYCLES, NULL, "times in cycles of the trace's clock"},
			{"clock-date", OPT_DATE, NULL, "times with their date"},
			{"clock-gmt", OPT_GMT, NULL,
			 "times in UTC, also those of --begin and --end"},
			{"clock-seconds", OPT_SECONDS, NULL, "times in seconds from the origin"},
			{"raw", OPT_RAW, NULL, "log messages as the fields that were recorded"},
			{"no-anchors", OPT_NO_ANCHORS, NULL,
			 "times by the clock's description alone, as babeltrace2 has them"},
			{"strict", OPT_STRICT, NULL,
			 "stop at the first thing that is wrong with a trace, be it harmless"},
			{"color", OPT_COLOR, "WHEN", "never, auto (on a terminal) or always"},
			{0},
		},
	.details =
		"EXPR compares fields of the event: total > 10K && path == \"/cart*\" || $pid == 42.\n"
		"It has C's operators (& | ^ bind tighter than ==), a.b, a[2], len(a), has(a), and\n"
		"$pid $tid $procname $cpu $name $provider $event $level $timestamp. Comparing a field\n"
		"that an event lacks is false; a field that no event has is an error.\n"
		"\n"
		"Exit status: 0, 1 when something could not be read (what could be is printed), 2.\n",
};

/* NULL, or what is wrong. */
static const char *read_option(struct print_options *o, int id, const char *value)
{
	switch (id) {
	case 'e':
		return vec_push(&o->globs.all, value) ? "out of memory" : NULL;
	case OPT_FILTER:
		o->filter = value;
		return NULL;
	case OPT_BEGIN:
		o->begin_text = value;
		return NULL;
	case OPT_END_TIME:
		o->end_text = value;
		return NULL;
	case OPT_TIMERANGE:
		return print_timerange_parse(o, (char *)value) ? "--timerange takes A,B" : NULL;
	case OPT_INTERSECTION:
		o->intersection = true;
		return NULL;
	case OPT_STATEDUMP:
		o->globs.own = true;
		return NULL;
	case CLI_OPT_JSON:
		o->format = PRINT_JSON;
		return NULL;
	case 'o':
		return print_format_parse(&o->format, value)
			       ? "-o is text, json, details, counter, dummy, ctf-metadata, ctf1-metadata or ctf2-metadata (-w FILE writes to a file)"
			       : NULL;
	case 'w':
		o->output = value;
		return NULL;
	case 'n':
		return text_opts_set_names(&o->text, value) ? "--names has an unknown name" : NULL;
	case 'f':
		return text_opts_set_fields(&o->text, value) ? "--fields has an unknown field"
							     : NULL;
	case OPT_NO_DELTA:
		o->text.no_delta = true;
		return NULL;
	case OPT_CYCLES:
		o->text.clock_cycles = true;
		return NULL;
	case OPT_DATE:
		o->text.clock_date = true;
		return NULL;
	case OPT_GMT:
		o->text.clock_gmt = true;
		return NULL;
	case OPT_SECONDS:
		o->text.clock_seconds = true;
		return NULL;
	case OPT_STRICT:
		o->is_strict = true;
		return NULL;
	case OPT_RAW:
		o->raw = true;
		return NULL;
	case OPT_NO_ANCHORS:
		o->no_anchors = true;
		return NULL;
	case OPT_COLOR:
		o->colour = value;
		return strcmp(value, "never") && strcmp(value, "auto") && strcmp(value, "always")
			       ? "--color is never, auto or always"
			       : NULL;
	default:
		return "what is this option?";
	}
}

int cmd_print(int argc, char **argv)
{
	struct print_options o = PRINT_OPTIONS_DEFAULT;
	const char *wrong = NULL;
	struct opt_parser parser;
	int id;

	opt_init(&parser, &spec, argc, argv);
	while (!wrong && (id = cli_next_option(&parser)) > 0)
		wrong = read_option(&o, id, parser.value);
	if (!wrong && id == OPT_END)
		wrong = parser.n_operands ? print_check_times(&o) : "which trace?";
	if (wrong || id < 0) {
		print_options_fini(&o);
		return wrong ? cli_bad_usage(&spec, "%s", wrong) : parser.exit_status;
	}
	return print_run(&o, parser.n_operands, parser.operands);
}
