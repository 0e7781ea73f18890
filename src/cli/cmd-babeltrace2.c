/* SPDX-License-Identifier: MIT */
/*
 * piste babeltrace2: the command line of babeltrace2's `convert`, as scripts
 * use it, on our reader. Also run when piste is called by that name.
 *
 * Times are those of the clock's description, all events are shown, and log
 * messages are as they were recorded: what babeltrace2 itself would print.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/print.h"

enum {
	OPT_TIMERANGE = OPT_LONG_ONLY,
	OPT_INTERSECTION,
	OPT_NO_DELTA,
	OPT_CYCLES,
	OPT_DATE,
	OPT_GMT,
	OPT_SECONDS,
	OPT_OFFSET,
	OPT_OFFSET_NS,
	OPT_COLOR,
	OPT_IGNORED,
};

static const struct opt_spec spec = {
	.usage = "piste babeltrace2 [convert] [OPTION]... TRACE...",
	.summary = "Prints traces as babeltrace2 does, with the options of its command `convert`",
	.rows =
		(const struct opt_row[]){
			{NULL, 0, NULL, "Which events"},
			{"begin", 'b', "TIME",
			 "from TIME on: [YYYY-MM-DD] hh:mm[:ss[.ns]] or s[.ns]"},
			{"end", 'e', "TIME", "until TIME"},
			{"timerange", OPT_TIMERANGE, "A,B", "from A until B"},
			{"stream-intersection", OPT_INTERSECTION, NULL,
			 "only while all streams of a trace are active"},
			{"input-format", 'i', "FORMAT", "ctf"},
			{NULL, 0, NULL, "How"},
			{"output-format", 'o', "FORMAT", "text, dummy or ctf-metadata"},
			{"output", 'w', "FILE", "write to FILE instead of stdout"},
			{"component", 'c', "SINK",
			 "sink.text.pretty, sink.text.details, sink.utils.counter or sink.utils.dummy"},
			{"params", 'p', "PARAMS",
			 "of that sink: compact, with-data, with-metadata, with-time, with-trace-name, with-stream-name, with-uuid, hide-zero (=yes or no), path=\"FILE\""},
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
			{"clock-offset", OPT_OFFSET, "S", "move all clocks by S seconds"},
			{"clock-offset-ns", OPT_OFFSET_NS, "NS", "move all clocks by NS ns"},
			{"color", OPT_COLOR, "WHEN", "never, auto (on a terminal) or always"},
			{NULL, 0, NULL, "Accepted, without any effect"},
			{"verbose", 'v', NULL, "say more"},
			{"debug", 'd', NULL, "say everything"},
			{"log-level", 'l', "LEVEL", "say what is of LEVEL"},
			{"clock-force-correlate", OPT_IGNORED, NULL,
			 "clocks are always taken to be of one time"},
			{"debug-info", OPT_IGNORED, NULL, NULL},
			{"retry-duration", OPT_IGNORED, "US", NULL},
			{"plugin-path", OPT_IGNORED, "PATH", NULL},
			{"omit-home-plugin-path", OPT_IGNORED, NULL, NULL},
			{"omit-system-plugin-path", OPT_IGNORED, NULL, NULL},
			{0},
		},
	.details =
		"Exit status: 0, 1 when something could not be read (what could be is printed), 2.\n",
};

struct command_line {
	struct print_options print;
	const char *sink; /* the newest component; NULL: none yet */
};

static const char *set_sink(struct command_line *c, const char *value)
{
	static const struct {
		const char *name;
		enum print_format format;
	} sinks[] = {
		{"sink.text.pretty", PRINT_TEXT},
		{"sink.text.details", PRINT_DETAILS},
		{"sink.utils.counter", PRINT_COUNTER},
		{"sink.utils.dummy", PRINT_DUMMY},
	};
	const char *colon = strchr(value, ':');
	const char *class = colon ? colon + 1 : value; /* a component may have a name of its own */

	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++)
		if (!strcmp(class, sinks[i].name)) {
			c->print.format = sinks[i].format;
			c->sink = sinks[i].name;
			return NULL;
		}
	return "-c: this component is not known; the known ones are sink.text.pretty, sink.text.details, "
	       "sink.utils.counter and sink.utils.dummy";
}

static int read_bool(const char *value, size_t len, bool *out)
{
	static const struct {
		const char *word;
		bool is;
	} words[] = {
		{"yes", true}, {"true", true},   {"TRUE", true},   {"1", true},  {"+1", true},
		{"no", false}, {"false", false}, {"FALSE", false}, {"0", false}, {"+0", false},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i].word) == len && !memcmp(words[i].word, value, len)) {
			*out = words[i].is;
			return 0;
		}
	return -EINVAL;
}

/* key=value of the newest sink */
static int set_param(struct command_line *c, const char *key, size_t key_len, const char *value,
		     size_t len)
{
	struct details_opts *d = &c->print.details;
	const struct {
		const char *key;
		bool *option, inverse;
	} rows[] = {
		{"compact", &d->compact, false},
		{"with-data", &d->no_data, true},
		{"with-metadata", &d->no_metadata, true},
		{"with-time", &d->no_time, true},
		{"with-trace-name", &d->no_trace_name, true},
		{"with-stream-name", &d->no_stream_name, true},
		{"with-uuid", &d->no_uuid, true},
		{"hide-zero", &c->print.counter_hides_zero, false},
	};
	bool is;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strlen(rows[i].key) == key_len && !memcmp(rows[i].key, key, key_len)) {
			if (read_bool(value, len, &is))
				return -EINVAL;
			*rows[i].option = is != rows[i].inverse;
			return 0;
		}
	/* How often the counter says something: only the end is of use. */
	if (key_len == 4 && !memcmp(key, "step", 4))
		return 0;
	if (key_len == 4 && !memcmp(key, "path", 4) && len > 2 && value[0] == '"') {
		c->print.output = strndup(value + 1, len - 2); /* lives as long as we do */
		return c->print.output ? 0 : -ENOMEM;
	}
	return -EINVAL;
}

/* params: key "=" value { "," key "=" value } */
static const char *set_params(struct command_line *c, const char *p)
{
	if (!c->sink)
		return "-p: of which component? -c stands before it";
	while (*p) {
		size_t key_len = strcspn(p, "= ,"), len;
		const char *value = p + key_len + strspn(p + key_len, "= ");

		len = *value == '"' ? strcspn(value + 1, "\"") + 2 : strcspn(value, " ,");
		if (len > strlen(value) || set_param(c, p, key_len, value, len))
			return "-p: this parameter is not known, or its value is none of its values";
		p = value + len;
		p += strspn(p, " ,");
	}
	return NULL;
}

static const char *read_number(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno || end == text || *end ? "--clock-offset takes a whole number" : NULL;
}

/* NULL, or what is wrong. */
static const char *read_option(struct command_line *c, int id, const char *value)
{
	struct print_options *o = &c->print;

	switch (id) {
	case 'b':
		o->begin_text = value;
		return NULL;
	case 'e':
		o->end_text = value;
		return NULL;
	case OPT_TIMERANGE:
		return print_timerange_parse(o, (char *)value) ? "--timerange takes A,B" : NULL;
	case OPT_INTERSECTION:
		o->intersection = true;
		return NULL;
	case 'i':
		return strcmp(value, "ctf") ? "-i: only ctf can be read" : NULL;
	case 'o':
		return print_format_parse(&o->format, value) || o->format == PRINT_JSON
			       ? "-o is text, dummy or ctf-metadata"
			       : NULL;
	case 'w':
		o->output = value;
		return NULL;
	case 'c':
		return set_sink(c, value);
	case 'p':
		return set_params(c, value);
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
	case OPT_OFFSET:
		return read_number(value, &o->clock_offset_s);
	case OPT_OFFSET_NS:
		return read_number(value, &o->clock_offset_ns);
	case OPT_COLOR:
		o->colour = value;
		return strcmp(value, "never") && strcmp(value, "auto") && strcmp(value, "always")
			       ? "--color is never, auto or always"
			       : NULL;
	default:
		return NULL;
	}
}

int cmd_babeltrace2(int argc, char **argv)
{
	struct command_line c = {.print = PRINT_OPTIONS_DEFAULT};
	const char *wrong = NULL;
	struct opt_parser parser;
	int id;

	c.print.globs.own = c.print.no_anchors = c.print.raw = true;
	if (argc > 1 && !strcmp(argv[1], "convert")) {
		argv++;
		argc--;
	}
	opt_init(&parser, &spec, argc, argv);
	while (!wrong && (id = cli_next_option(&parser)) > 0)
		wrong = read_option(&c, id, parser.value);
	if (!wrong && id == OPT_END)
		wrong = parser.n_operands ? print_check_times(&c.print) : "which trace?";
	if (wrong || id < 0) {
		print_options_fini(&c.print);
		return wrong ? cli_bad_usage(&spec, "%s", wrong) : parser.exit_status;
	}
	return print_run(&c.print, parser.n_operands, parser.operands);
}
