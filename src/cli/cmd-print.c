/* SPDX-License-Identifier: MIT */
/*
 * piste print: events as text, in babeltrace2's lines, or as JSON.
 *
 * One loop: the iterator gives messages in the order of time; each event's
 * class says whether it is wanted and how it is written; lines gather in one
 * buffer. What is wrong with the trace is told at the end, when everything
 * that can be read is out.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cmd.h"
#include "cli/traces.h"
#include "ctf/filter.h"
#include "ctf/text.h"

enum { BUFFER_BYTES = 1 << 18, TTY_BUFFER_BYTES = 1 << 12 };

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
			{"output", 'o', "FILE", "write to FILE instead of stdout (also -w)"},
			{"write", 'w', "FILE", NULL},
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

struct options {
	struct text_opts text;
	struct globs globs;
	struct time_bound begin, end;
	const char *begin_text, *end_text;
	const char *filter, *output, *colour;
	bool json, raw, no_anchors, intersection;
};

/* Beside each event class (ctf_event_class.user). */
struct class
{
	bool is_hidden;
	const struct text_class *text; /* NULL until its first line */
	struct filter_bound *filter; /* NULL: none */
};

struct printer {
	struct options opts;
	struct traces traces;
	struct text_printer *text;
	struct filter *filter;
	struct arena arena;
	struct str out;
	size_t buffer_bytes;
	int fd;
	int write_error; /* -errno; -EPIPE is the reader's right */
	bool has_told, bad_usage; /* of a bad filter */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
	interrupted = signal_number;
}

/* --- output ---------------------------------------------------------------- */

static void flush(struct printer *p)
{
	if (!p->write_error && p->out.len)
		p->write_error = fs_write_all(p->fd, p->out.data, p->out.len);
	str_reset(&p->out);
}

static int open_output(struct printer *p, struct diag *diag)
{
	struct diag_place place = {.file = p->opts.output};

	p->fd = STDOUT_FILENO;
	if (p->opts.output)
		p->fd = open(p->opts.output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (p->fd < 0)
		return diag_error(diag, &place, "%s", strerror(errno));
	p->buffer_bytes = isatty(p->fd) ? TTY_BUFFER_BYTES : BUFFER_BYTES;
	return 0;
}

/* --- events ----------------------------------------------------------------- */

static bool matches(const struct class *class, const struct ctf_message *m)
{
	struct filter_event e = {
		.roots = {[CTF_SCOPE_PACKET_CONTEXT] = m->packet_context,
			  [CTF_SCOPE_EVENT_COMMON_CONTEXT] = m->common_context,
			  [CTF_SCOPE_EVENT_CONTEXT] = m->context,
			  [CTF_SCOPE_EVENT_PAYLOAD] = m->payload},
		.values = {[CTF_SCOPE_PACKET_CONTEXT] = m->packet_values,
			   [CTF_SCOPE_EVENT_COMMON_CONTEXT] = m->values,
			   [CTF_SCOPE_EVENT_CONTEXT] = m->values,
			   [CTF_SCOPE_EVENT_PAYLOAD] = m->values},
		.timestamp_ns = m->ns,
	};

	return filter_matches(class->filter, &e);
}

static int print_event(struct printer *p, const struct ctf_message *m)
{
	struct class *class = m->event->user;

	if (class->is_hidden || (class->filter && !matches(class, m)))
		return 0;
	if (!class->text) {
		class->text = text_class_new(p->text, m->stream->trace, m->event);
		if (!class->text)
			return -ENOMEM;
	}
	if (p->opts.json)
		text_event_json(p->text, class->text, &p->out, m);
	else
		text_event(p->text, class->text, &p->out, m);
	return p->out.failed ? -ENOMEM : 0;
}

static void print_discarded(struct printer *p, const struct ctf_message *m)
{
	struct str line = {0};

	text_discarded(p->text, &line, m);
	if (isatty(STDOUT_FILENO))
		flush(p); /* so that it stands where it belongs */
	fs_write_all(STDERR_FILENO, str_c(&line), line.len);
	str_fini(&line);
}

static int print_messages(struct printer *p, struct ctf_iter *it)
{
	const struct ctf_message *m;
	int rc;

	while ((rc = ctf_iter_next(it, &m)) > 0) {
		if (m->kind == CTF_MESSAGE_EVENT) {
			rc = print_event(p, m);
			if (rc)
				return rc;
			if (p->out.len >= p->buffer_bytes)
				flush(p);
		} else if (m->kind == CTF_MESSAGE_DISCARDED_EVENTS ||
			   m->kind == CTF_MESSAGE_DISCARDED_PACKETS) {
			print_discarded(p, m);
		}
		if (interrupted || p->write_error)
			break;
	}
	flush(p);
	return rc < 0 ? rc : 0;
}

/* --- before the first event ----------------------------------------------------- */

static int bind_class(struct printer *p, const struct ctf_trace *t, struct ctf_event_class *ec)
{
	struct class *class = arena_new(&p->arena, struct class);

	if (!class)
		return -ENOMEM;
	ec->user = class;
	class->is_hidden = !globs_want(&p->opts.globs, t, ec);
	if (!p->filter || class->is_hidden)
		return 0;
	if (filter_bind(&class->filter, p->filter, ec, FILTER_GIVEN(FILTER_TIMESTAMP), &p->arena))
		return -ENOMEM;
	if (filter_is_never(class->filter))
		class->is_hidden = true;
	return 0;
}

static int bind_classes(struct printer *p)
{
	struct ctf_trace **t;
	int rc = 0;

	vec_each(t, &p->traces.all) {
		const struct ctf_trace_class *tc = (*t)->class;

		for (size_t s = 0; s < tc->n_streams; s++)
			for (size_t e = 0; !rc && e < tc->streams[s]->n_events; e++)
				rc = bind_class(p, *t, tc->streams[s]->events[e]);
	}
	return rc;
}

/* What is wrong with a filter is told at once, and shown in it. */
static int filter_failed(struct printer *p, struct diag *diag, int rc)
{
	struct str text = {0};

	filter_point(&text, p->opts.filter, diag);
	cli_print_diag(diag);
	fs_write_all(STDERR_FILENO, str_c(&text), text.len);
	str_fini(&text);
	p->has_told = true;
	return rc;
}

static int read_filter(struct printer *p, struct diag *diag)
{
	int rc = filter_parse(&p->filter, p->opts.filter, &p->arena, diag);

	p->bad_usage = rc == -EINVAL;
	return rc ? filter_failed(p, diag, rc) : 0;
}

static int check_wishes(struct printer *p, struct diag *diag)
{
	int rc = globs_check(&p->opts.globs, &p->traces, diag);

	if (!rc && p->filter)
		rc = filter_check(p->filter, diag);
	return rc ? filter_failed(p, diag, rc) : 0;
}

/* The date of the first thing in the traces completes --begin and --end. */
static int set_dates(struct printer *p, struct diag *diag)
{
	struct ctf_iter_options all = {.want = CTF_WANT_NONE, .packet_messages = true};
	const struct ctf_message *m;
	struct options *o = &p->opts;
	struct ctf_iter *it;
	int rc;

	if (!o->begin.needs_date && !o->end.needs_date)
		return 0;
	rc = ctf_iter_new(&it, p->traces.all.items, p->traces.all.len, &all, NULL);
	while (!rc && (rc = ctf_iter_next(it, &m)) > 0) {
		rc = 0;
		if (!m->has_time || m->ns == INT64_MIN)
			continue;
		rc = time_bound_set_date(&o->begin, m->ns, o->text.clock_gmt);
		if (!rc)
			rc = time_bound_set_date(&o->end, m->ns, o->text.clock_gmt);
		if (rc)
			rc = diag_error(diag, NULL, "--begin, --end: no such date");
		break;
	}
	ctf_iter_free(it);
	if (o->begin.needs_date || o->end.needs_date) /* nothing in it has a time */
		o->begin.is_set = o->end.is_set = false;
	return rc;
}

/* babeltrace2 makes one trace of those with one UUID, and that has no place of its own. */
static bool is_one_of_several(const struct traces *t, size_t i)
{
	const struct ctf_trace_class *a = t->all.items[i]->class;

	for (size_t k = 0; k < t->all.len; k++) {
		const struct ctf_trace_class *b = t->all.items[k]->class;

		if (k != i && a->has_uuid && b->has_uuid && !memcmp(a->uuid, b->uuid, 16))
			return true;
	}
	return false;
}

static int prepare(struct printer *p, int n, char **paths, struct diag *diag)
{
	struct options *o = &p->opts;
	int rc = 0;

	o->text.formats_logs = !o->raw;
	o->text.colour = !strcmp(o->colour, "always") ||
			 (!strcmp(o->colour, "auto") && !o->output && cli_has_colour(stdout));
	if (o->filter)
		rc = read_filter(p, diag);
	if (!rc)
		rc = traces_open(&p->traces, paths, n, !o->no_anchors, diag);
	if (!rc)
		rc = text_printer_new(&p->text, &o->text);
	for (size_t i = 0; !rc && i < p->traces.all.len; i++)
		rc = text_printer_set_path(
			p->text, p->traces.all.items[i],
			is_one_of_several(&p->traces, i) ? "" : p->traces.paths.items[i]);
	if (!rc)
		rc = bind_classes(p);
	if (!rc)
		rc = check_wishes(p, diag);
	if (!rc)
		rc = set_dates(p, diag);
	if (!rc && o->begin.is_set && o->end.is_set && o->begin.ns > o->end.ns)
		rc = diag_error(diag, NULL, "--begin is later than --end");
	if (!rc)
		rc = open_output(p, diag);
	return rc;
}

/* What need not even be decoded. */
static void class_wish(void *data, const struct ctf_event_class *ec, struct ctf_wish *wish)
{
	const struct class *class = ec->user;

	(void)data;
	wish->is_hidden = class->is_hidden;
	if (class->filter && !class->is_hidden)
		filter_tests(class->filter, wish);
}

static int print_all(struct printer *p, struct diag *diag)
{
	struct ctf_iter_options wish = {
		.want = CTF_WANT_FIELDS,
		.wish = class_wish,
		.has_begin = p->opts.begin.is_set,
		.begin_ns = p->opts.begin.ns,
		.has_end = p->opts.end.is_set,
		.end_ns = p->opts.end.ns,
		.intersection = p->opts.intersection,
	};
	struct ctf_iter *it;
	int rc = ctf_iter_new(&it, p->traces.all.items, p->traces.all.len, &wish, diag);

	if (!rc)
		rc = print_messages(p, it);
	if (!rc && ctf_iter_failed(it))
		rc = -EINVAL;
	ctf_iter_free(it);
	if (text_printer_saw_negative_time(p->text))
		diag_warn(diag, NULL, "times before the origin are written in seconds");
	return rc;
}

static void printer_fini(struct printer *p)
{
	if (p->fd > STDOUT_FILENO)
		close(p->fd);
	for (size_t i = 0; i < p->traces.all.len; i++) {
		const struct ctf_trace_class *tc = p->traces.all.items[i]->class;

		for (size_t s = 0; s < tc->n_streams; s++)
			for (size_t e = 0; e < tc->streams[s]->n_events; e++)
				if (tc->streams[s]->events[e]->user)
					filter_bound_fini(
						((struct class *)tc->streams[s]->events[e]->user)
							->filter);
	}
	text_printer_free(p->text);
	traces_fini(&p->traces);
	vec_fini(&p->opts.globs.all);
	str_fini(&p->out);
	arena_fini(&p->arena);
}

/* --- the command line --------------------------------------------------------------- */

static int read_time_range(struct options *o, char *value)
{
	size_t len = strlen(value);
	char *comma = strchr(value, ',');

	if (!comma)
		return -EINVAL;
	if (value[0] == '[' && len && value[len - 1] == ']') {
		value[len - 1] = '\0';
		value++;
	}
	*comma = '\0';
	o->begin_text = value;
	o->end_text = comma + 1;
	return 0;
}

/* 0, or what is wrong. */
static const char *read_option(struct options *o, int id, const char *value)
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
		return read_time_range(o, (char *)value) ? "--timerange takes A,B" : NULL;
	case OPT_INTERSECTION:
		o->intersection = true;
		return NULL;
	case OPT_STATEDUMP:
		o->globs.own = true;
		return NULL;
	case CLI_OPT_JSON:
		o->json = true;
		return NULL;
	case 'o':
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

static const char *read_bounds(struct options *o)
{
	bool gmt = o->text.clock_gmt;

	if (o->begin_text && time_bound_parse(&o->begin, o->begin_text, gmt))
		return "--begin is no time; it is [YYYY-MM-DD] hh:mm[:ss[.ns]] or seconds";
	if (o->end_text && time_bound_parse(&o->end, o->end_text, gmt))
		return "--end is no time; it is [YYYY-MM-DD] hh:mm[:ss[.ns]] or seconds";
	return NULL;
}

/* The default action of the signal, so that a shell's loop ends too. */
static void die_of_interrupt(void)
{
	signal(interrupted, SIG_DFL);
	raise(interrupted);
}

int cmd_print(int argc, char **argv)
{
	struct printer p = {.opts = {.text = TEXT_OPTS_DEFAULT, .colour = "auto"}, .fd = -1};
	const char *wrong = NULL;
	struct diag diag = {0};
	struct opt_parser parser;
	int id, rc, status;

	opt_init(&parser, &spec, argc, argv);
	while (!wrong && (id = cli_next_option(&parser)) > 0)
		wrong = read_option(&p.opts, id, parser.value);
	if (!wrong && id == OPT_END)
		wrong = parser.n_operands ? read_bounds(&p.opts) : "which trace?";
	if (wrong || id < 0) {
		vec_fini(&p.opts.globs.all);
		return wrong ? cli_bad_usage(&spec, "%s", wrong) : parser.exit_status;
	}
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	rc = prepare(&p, parser.n_operands, parser.operands, &diag);
	if (!rc)
		rc = print_all(&p, &diag);
	if (p.write_error && p.write_error != -EPIPE)
		rc = diag_error(&diag,
				&(struct diag_place){.file = p.opts.output ? p.opts.output
									   : "stdout"},
				"%s", strerror(-p.write_error));
	if (p.write_error == -EPIPE && rc == -EINVAL)
		rc = 0;
	printer_fini(&p);
	status = cli_finish(&diag, p.has_told ? 0 : rc);
	if (p.has_told)
		status = p.bad_usage ? CLI_BAD_USAGE : CLI_FAILED;
	if (interrupted)
		die_of_interrupt();
	return status;
}
