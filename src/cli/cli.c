/* SPDX-License-Identifier: MIT */
/*
 * What commands say on the terminal. Everything here goes to stderr, except
 * help that was asked for; the status line is taken away before anything else
 * is written.
 */
#include "cli/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

enum { STATUS_INTERVAL_NS = 50000000 };

static bool status_shown;

bool cli_has_colour(FILE *stream)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no_colour && *no_colour)
		return false;
	return term && strcmp(term, "dumb") != 0 && isatty(fileno(stream));
}

void cli_status_clear(void)
{
	if (!status_shown)
		return;
	fputs("\r\033[K", stderr);
	status_shown = false;
}

void cli_status(const char *fmt, ...)
{
	static uint64_t last_ns;
	struct winsize size = {0};
	uint64_t now = clock_monotonic_ns();
	char line[512];
	va_list ap;
	int columns = 80;

	if (now - last_ns < STATUS_INTERVAL_NS || !isatty(STDERR_FILENO))
		return;
	last_ns = now;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1)
		columns = size.ws_col;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "\r%.*s\033[K", columns - 1, line);
	fflush(stderr);
	status_shown = true;
}

static const struct {
	const char *name, *colour;
} severities[] = {
	[DIAG_NOTE] = {"note", "\033[36m"},
	[DIAG_WARNING] = {"warning", "\033[33m"},
	[DIAG_ERROR] = {"error", "\033[31m"},
};

/* "file:3:7: " or "file at byte 120: ", or else "piste: " */
static void print_place(const struct diag_place *place)
{
	if (!place->file && !place->line && !place->has_offset) {
		fputs("piste: ", stderr);
		return;
	}
	fputs(place->file ? place->file : "input", stderr);
	if (place->line)
		fprintf(stderr, ":%u", place->line);
	if (place->line && place->column)
		fprintf(stderr, ":%u", place->column);
	if (place->has_offset)
		fprintf(stderr, " at byte %" PRIu64, place->offset);
	fputs(": ", stderr);
}

static void print_entry(const struct diag_entry *e)
{
	bool colour = cli_has_colour(stderr);

	print_place(&e->place);
	fprintf(stderr, "%s%s:%s %s\n", colour ? severities[e->severity].colour : "",
		severities[e->severity].name, colour ? "\033[0m" : "", e->message);
	if (e->hint)
		fprintf(stderr, "       %s\n", e->hint);
}

void cli_print_diag(struct diag *d)
{
	cli_status_clear();
	for (size_t i = 0; i < d->len; i++)
		print_entry(&d->entries[i]);
	if (d->dropped)
		fprintf(stderr, "piste: and %zu more\n", d->dropped);
	diag_fini(d);
}

void cli_error(const char *hint, const char *fmt, ...)
{
	struct diag d = {0};
	struct str text = {0};
	va_list ap;

	va_start(ap, fmt);
	str_addv(&text, fmt, ap);
	va_end(ap);
	diag_error(&d, NULL, "%s", str_c(&text));
	if (hint)
		diag_hint(&d, "%s", hint);
	cli_print_diag(&d);
	str_fini(&text);
}

int cli_finish(struct diag *d, int err)
{
	bool failed = err < 0 || d->errors;

	if (err < 0 && !d->errors)
		diag_error(d, NULL, "%s", strerror(-err));
	cli_print_diag(d);
	/* A reader that has gone (`| head`) has had what it wanted. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE) {
		cli_error(NULL, "stdout: %s", strerror(errno));
		failed = true;
	}
	return failed ? CLI_FAILED : CLI_DONE;
}

int cli_bad_usage(const struct opt_spec *spec, const char *fmt, ...)
{
	struct str text = {0}, usage = {0};
	va_list ap;

	va_start(ap, fmt);
	str_addv(&text, fmt, ap);
	va_end(ap);
	str_addf(&usage, "usage: %s", spec->usage);
	cli_error(str_c(&usage), "%s", str_c(&text));
	str_fini(&text);
	str_fini(&usage);
	return CLI_BAD_USAGE;
}

int cli_next_option(struct opt_parser *p)
{
	struct diag diag = {0};
	struct str help = {0};
	int id = opt_next(p, &diag);

	if (id == OPT_HELP) {
		opt_help(&help, p->spec);
		fputs(str_c(&help), stdout);
		str_fini(&help);
		p->exit_status = CLI_DONE;
	} else if (id == OPT_BAD) {
		p->exit_status = CLI_BAD_USAGE;
	}
	cli_print_diag(&diag);
	return id;
}
