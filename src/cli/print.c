/* SPDX-License-Identifier: MIT */
/*
 * One loop: the iterator gives messages in the order of time; each event's
 * class says whether it is wanted, and the format how it is written; what is
 * written gathers in one buffer. What is wrong with the trace is told at the
 * end, when everything that can be read is out.
 */
#include "cli/print.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cmd.h"
#include "ctf/filter.h"
#include "ctf/metadata.h"

enum { BUFFER_BYTES = 1 << 18, TTY_BUFFER_BYTES = 1 << 12 };

/* Beside each event class (ctf_event_class.user). */
struct class
{
	bool is_hidden;
	const struct text_class *text; /* NULL until its first line */
	struct filter_bound *filter; /* NULL: none */
};

struct printer {
	struct print_options opts;
	struct traces traces;
	struct text_printer *text;
	struct details *details;
	uint64_t counts[CTF_MESSAGE_STREAM_END + 1]; /* by kind */
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

static int print_line(struct printer *p, const struct ctf_message *m)
{
	struct class *class = m->event->user;

	if (!class->text) {
		class->text = text_class_new(p->text, m->stream->trace, m->event);
		if (!class->text)
			return -ENOMEM;
	}
	if (p->opts.format == PRINT_JSON)
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

static bool is_discarded(const struct ctf_message *m)
{
	return m->kind == CTF_MESSAGE_DISCARDED_EVENTS || m->kind == CTF_MESSAGE_DISCARDED_PACKETS;
}

static int print_message(struct printer *p, const struct ctf_message *m)
{
	switch (p->opts.format) {
	case PRINT_TEXT:
	case PRINT_JSON:
		if (is_discarded(m))
			print_discarded(p, m);
		else if (m->kind == CTF_MESSAGE_EVENT)
			return print_line(p, m);
		return 0;
	case PRINT_DETAILS:
		details_message(p->details, &p->out, m);
		return p->out.failed ? -ENOMEM : 0;
	default:
		p->counts[m->kind]++;
		return 0;
	}
}

static bool is_wanted(const struct ctf_message *m)
{
	const struct class *class = m->kind == CTF_MESSAGE_EVENT ? m->event->user : NULL;

	return !class || !(class->is_hidden || (class->filter && !matches(class, m)));
}

static int print_messages(struct printer *p, struct ctf_iter *it, struct diag *diag)
{
	const struct ctf_message *m;
	int rc;

	while ((rc = ctf_iter_next(it, &m)) > 0) {
		if (is_wanted(m) && (rc = print_message(p, m)))
			return rc;
		if (p->out.len >= p->buffer_bytes)
			flush(p);
		if (interrupted || p->write_error)
			break;
		if (p->opts.is_strict && diag->len)
			return -EINVAL;
	}
	return rc < 0 ? rc : 0;
}

static void print_counts(struct printer *p)
{
	static const struct {
		enum ctf_message_kind kind;
		const char *text;
	} rows[] = {
		{CTF_MESSAGE_EVENT, "Event message"},
		{CTF_MESSAGE_STREAM_BEGIN, "Stream beginning message"},
		{CTF_MESSAGE_STREAM_END, "Stream end message"},
		{CTF_MESSAGE_PACKET_BEGIN, "Packet beginning message"},
		{CTF_MESSAGE_PACKET_END, "Packet end message"},
		{CTF_MESSAGE_DISCARDED_EVENTS, "Discarded event message"},
		{CTF_MESSAGE_DISCARDED_PACKETS, "Discarded packet message"},
	};
	uint64_t total = 0, n;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = p->counts[rows[i].kind];
		total += n;
		if (n || !p->opts.counter_hides_zero)
			str_addf(&p->out, "%15" PRIu64 " %s%s\n", n, rows[i].text,
				 n == 1 ? "" : "s");
	}
	if (!p->opts.counter_hides_zero)
		str_addf(&p->out, "%15d Message iterator inactivity messages\n", 0);
	str_addf(&p->out, "%15" PRIu64 " message%s (TOTAL)\n", total, total == 1 ? "" : "s");
}

/* As text, whatever packets it came in. */
static int print_metadata(struct printer *p, struct diag *diag)
{
	struct ctf_trace **t;
	int rc = 0;

	vec_each(t, &p->traces.all) {
		struct str name = {0};
		struct span bytes = {0};
		bool is_packetized;

		str_addf(&name, "%s/metadata", (*t)->path);
		if (!rc && !(rc = fs_map(AT_FDCWD, str_c(&name), &bytes)))
			rc = ctf_metadata_unpack(&p->out, bytes, &is_packetized, str_c(&name),
						 diag);
		fs_unmap(&bytes);
		str_fini(&name);
		str_add_char(&p->out, '\n'); /* as babeltrace2 ends it */
		flush(p);
	}
	return rc;
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

static int offset_clocks(struct printer *p, struct diag *diag)
{
	const struct print_options *o = &p->opts;
	struct ctf_trace **t;

	vec_each(t, &p->traces.all) {
		const struct ctf_trace_class *tc = (*t)->class;

		for (size_t i = 0; i < tc->n_clocks; i++)
			if (ctf_clock_shift(tc->clocks[i], o->clock_offset_s, o->clock_offset_ns))
				return diag_error(diag, NULL,
						  "--clock-offset: the clock's offset overflows");
	}
	return 0;
}

static int prepare(struct printer *p, int n, char **paths, struct diag *diag)
{
	struct print_options *o = &p->opts;
	int rc = 0;

	o->text.formats_logs = !o->raw;
	o->text.colour = !strcmp(o->colour, "always") ||
			 (!strcmp(o->colour, "auto") && !o->output && cli_has_colour(stdout));
	if (o->filter)
		rc = read_filter(p, diag);
	if (!rc)
		rc = traces_open(&p->traces, paths, n, !o->no_anchors, diag);
	if (!rc && o->is_strict && diag->len)
		rc = -EINVAL;
	if (!rc)
		rc = offset_clocks(p, diag);
	if (!rc)
		rc = text_printer_new(&p->text, &o->text);
	if (!rc)
		rc = details_new(&p->details, &o->details, p->text);
	for (size_t i = 0; !rc && i < p->traces.all.len; i++)
		rc = text_printer_set_path(
			p->text, p->traces.all.items[i],
			is_one_of_several(&p->traces, i) ? "" : p->traces.paths.items[i]);
	if (!rc)
		rc = bind_classes(p);
	if (!rc)
		rc = check_wishes(p, diag);
	if (!rc)
		rc = time_bounds_set_dates(&o->begin, &o->end, &p->traces, o->text.clock_gmt, diag);
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

/* In the words of another version; the streams' bytes stay as they are. */
static int print_rewritten(struct printer *p, enum ctf_metadata_format format, struct diag *diag)
{
	struct ctf_trace **t;
	int rc = 0;

	vec_each(t, &p->traces.all) {
		struct diag_place place = {.file = (*t)->path};

		if (!rc)
			rc = ctf_metadata_write(&p->out, (*t)->class, format);
		if (rc == -ENOTSUP)
			diag_error(diag, &place, "CTF %s cannot say what its metadata do",
				   format == CTF_METADATA_TSDL ? "1.8" : "2");
		if (!rc)
			flush(p);
	}
	return rc == -ENOTSUP ? -EINVAL : rc;
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
		.packet_messages = p->opts.format != PRINT_TEXT && p->opts.format != PRINT_JSON,
	};
	struct ctf_iter *it;
	int rc;

	if (p->opts.format == PRINT_METADATA)
		return print_metadata(p, diag);
	if (p->opts.format == PRINT_METADATA_1 || p->opts.format == PRINT_METADATA_2)
		return print_rewritten(p,
				       p->opts.format == PRINT_METADATA_1 ? CTF_METADATA_TSDL
									  : CTF_METADATA_JSON,
				       diag);
	rc = ctf_iter_new(&it, p->traces.all.items, p->traces.all.len, &wish, diag);
	if (!rc)
		rc = print_messages(p, it, diag);
	if (!rc && p->opts.format == PRINT_COUNTER)
		print_counts(p);
	flush(p);
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
	details_free(p->details);
	text_printer_free(p->text);
	traces_fini(&p->traces);
	print_options_fini(&p->opts);
	str_fini(&p->out);
	arena_fini(&p->arena);
}

/* --- options ------------------------------------------------------------------------- */

int print_format_parse(enum print_format *out, const char *name)
{
	static const char *const names[PRINT_N_FORMATS] = {
#define X(id, name, help) [PRINT_##id] = name,
		PRINT_FORMATS(X)
#undef X
	};

	for (int i = 0; i < PRINT_N_FORMATS; i++)
		if (!strcmp(names[i], name)) {
			*out = (enum print_format)i;
			return 0;
		}
	return -EINVAL;
}

int print_timerange_parse(struct print_options *o, char *value)
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

const char *print_check_times(struct print_options *o)
{
	bool gmt = o->text.clock_gmt;

	if (o->begin_text && time_bound_parse(&o->begin, o->begin_text, gmt))
		return "--begin is no time; it is [YYYY-MM-DD] hh:mm[:ss[.ns]] or seconds";
	if (o->end_text && time_bound_parse(&o->end, o->end_text, gmt))
		return "--end is no time; it is [YYYY-MM-DD] hh:mm[:ss[.ns]] or seconds";
	return NULL;
}

void print_options_fini(struct print_options *o)
{
	vec_fini(&o->globs.all);
}

/* --- all of it ------------------------------------------------------------------------- */

/* The default action of the signal, so that a shell's loop ends too. */
static void die_of_interrupt(void)
{
	signal(interrupted, SIG_DFL);
	raise(interrupted);
}

int print_run(struct print_options *o, int n, char **paths)
{
	struct printer p = {.opts = *o, .fd = -1};
	struct diag diag = {0};
	int rc, status;

	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_interrupt}, NULL);
	rc = prepare(&p, n, paths, &diag);
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
