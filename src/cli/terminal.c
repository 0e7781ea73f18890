/* SPDX-License-Identifier: MIT */
/*
 * Signals only set flags, which ppoll lets in while it waits and at no other
 * time; but for those of a crash, whose handler gives the terminal back with
 * calls that are allowed there and lets the crash go on.
 */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli/cmd.h"

/* The alternate screen, no cursor, no wrapping of long lines; and back. */
#define ENTER_SCREEN "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define LEAVE_SCREEN "\033[?7h\033[?25h\033[0m\033[?1049l"
/* Terminals that know it show what is between in one go. */
#define BEGIN_UPDATE "\033[?2026h"
#define END_UPDATE "\033[?2026l"

enum { ESCAPE_WAIT_MS = 30 }; /* an ESC alone is the key when nothing follows */

static struct termios original; /* written before is_open is set */
static volatile sig_atomic_t is_open, wants_stop, wants_size, wants_suspend;
static sigset_t outside; /* the signal mask as it was */

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* --- giving it back: also from a signal handler --------------------------------------- */

static void leave(void)
{
	ssize_t n;

	if (!is_open)
		return;
	is_open = 0;
	n = write(STDOUT_FILENO, LEAVE_SCREEN, strlen(LEAVE_SCREEN));
	(void)n; /* nobody is left to be told */
	tcsetattr(STDIN_FILENO, TCSADRAIN, &original);
}

static void on_crash(int number)
{
	leave();
	signal(number, SIG_DFL);
	raise(number);
}

static void on_stop(int number)
{
	(void)number;
	wants_stop = 1;
}

static void on_resize(int number)
{
	(void)number;
	wants_size = 1;
}

static void on_suspend(int number)
{
	(void)number;
	wants_suspend = 1;
}

static void handle(int number, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

static void set_signals(void)
{
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < LENGTH(stop_signals); i++) {
		handle(stop_signals[i], on_stop);
		sigaddset(&blocked, stop_signals[i]);
	}
	handle(SIGWINCH, on_resize);
	sigaddset(&blocked, SIGWINCH);
	handle(SIGTSTP, on_suspend);
	sigaddset(&blocked, SIGTSTP);
	for (size_t i = 0; i < LENGTH(crash_signals); i++)
		handle(crash_signals[i], on_crash);
	sigprocmask(SIG_BLOCK, &blocked, &outside);
}

static void reset_signals(void)
{
	for (size_t i = 0; i < LENGTH(stop_signals); i++)
		handle(stop_signals[i], SIG_DFL);
	for (size_t i = 0; i < LENGTH(crash_signals); i++)
		handle(crash_signals[i], SIG_DFL);
	handle(SIGWINCH, SIG_DFL);
	handle(SIGTSTP, SIG_DFL);
	sigprocmask(SIG_SETMASK, &outside, NULL);
}

/* --- having it -------------------------------------------------------------------------- */

static void read_size(struct terminal *t)
{
	struct winsize size = {0};

	t->columns = 80;
	t->rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
		t->columns = size.ws_col;
		t->rows = size.ws_row;
	}
}

static int enter(void)
{
	struct termios raw = original;

	raw.c_iflag &= (tcflag_t) ~(ICRNL | IXON | ISTRIP | INLCR | IGNCR);
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO | IEXTEN);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return -errno;
	is_open = 1;
	return fs_write_all(STDOUT_FILENO, ENTER_SCREEN, strlen(ENTER_SCREEN));
}

int terminal_open(struct terminal *t)
{
	static bool has_atexit;
	int rc;

	*t = (struct terminal){0};
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &original) < 0)
		return -ENOTTY;
	if (!has_atexit && atexit(leave) == 0)
		has_atexit = true;
	setlocale(LC_CTYPE, "");
	t->is_utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	t->colour = cli_has_colour(stdout);
	wants_stop = wants_size = wants_suspend = 0;
	set_signals();
	read_size(t);
	rc = enter();
	if (rc)
		terminal_close(t);
	return rc;
}

void terminal_close(struct terminal *t)
{
	leave();
	reset_signals();
	str_fini(&t->shown);
	str_fini(&t->out);
}

/* Ctrl-Z: the shell gets the terminal, and we get it anew when we go on. */
static void suspend(struct terminal *t)
{
	sigset_t stop;

	wants_suspend = 0;
	leave();
	handle(SIGTSTP, SIG_DFL);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, NULL); /* stops here */
	sigprocmask(SIG_BLOCK, &stop, NULL);
	handle(SIGTSTP, on_suspend);
	str_reset(&t->shown);
	tcgetattr(STDIN_FILENO, &original);
	if (enter())
		wants_stop = 1;
	wants_size = 1;
}

/* --- drawing ----------------------------------------------------------------------------- */

/* The next line of a frame, without its '\n'; moves *text behind it. */
static struct span next_line(const char **text, const char *end)
{
	const char *begin = *text, *stop = memchr(begin, '\n', (size_t)(end - begin));

	*text = stop ? stop + 1 : end;
	return (struct span){(const uint8_t *)begin, (size_t)((stop ? stop : end) - begin)};
}

static bool is_same(struct span a, struct span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

int terminal_draw(struct terminal *t, const struct str *frame)
{
	const char *now = str_c(frame), *now_end = now + frame->len;
	const char *then = str_c(&t->shown), *then_end = then + t->shown.len;
	bool is_first = !t->shown.len;
	int rc;

	str_reset(&t->out);
	str_add(&t->out, BEGIN_UPDATE);
	for (int row = 1; row <= t->rows && (now < now_end || then < then_end || is_first); row++) {
		struct span is = next_line(&now, now_end), was = next_line(&then, then_end);

		if (!is_first && is_same(is, was))
			continue;
		/* cleared first: behind a full line the cursor still stands on its last column */
		str_addf(&t->out, "\033[%d;1H\033[K", row);
		str_add_bytes(&t->out, is.data, is.len);
		str_add(&t->out, "\033[0m");
	}
	str_add(&t->out, END_UPDATE);
	str_reset(&t->shown);
	str_add_bytes(&t->shown, str_c(frame), frame->len);
	if (t->out.failed || t->shown.failed)
		return -ENOMEM;
	rc = fs_write_all(STDOUT_FILENO, t->out.data, t->out.len);
	return rc;
}

/* --- keys -------------------------------------------------------------------------------- */

static const struct {
	const char *bytes; /* behind ESC */
	int key;
} sequences[] = {
	{"[A", TERMINAL_UP},         {"[B", TERMINAL_DOWN}, {"[C", TERMINAL_RIGHT},
	{"[D", TERMINAL_LEFT},       {"OA", TERMINAL_UP},   {"OB", TERMINAL_DOWN},
	{"OC", TERMINAL_RIGHT},      {"OD", TERMINAL_LEFT}, {"[5~", TERMINAL_PAGE_UP},
	{"[6~", TERMINAL_PAGE_DOWN}, {"[H", TERMINAL_HOME}, {"[F", TERMINAL_END},
	{"[1~", TERMINAL_HOME},      {"[4~", TERMINAL_END}, {"OH", TERMINAL_HOME},
	{"OF", TERMINAL_END},
};

static int take(struct terminal *t, size_t n, int key)
{
	t->n_pending -= n;
	memmove(t->pending, t->pending + n, t->n_pending);
	return key;
}

/* Bytes behind ESC that make up one sequence, known or not: up to its letter or '~'. */
static size_t sequence_length(const struct terminal *t)
{
	size_t i = 2;

	if (t->n_pending < 2 || (t->pending[1] != '[' && t->pending[1] != 'O'))
		return 1;
	while (i < t->n_pending && t->pending[i] < '@')
		i++;
	return i < t->n_pending ? i + 1 : i;
}

static int take_key(struct terminal *t)
{
	size_t len;

	if (t->pending[0] == '\n')
		return take(t, 1, TERMINAL_ENTER);
	if (t->pending[0] == 8)
		return take(t, 1, TERMINAL_BACKSPACE);
	if (t->pending[0] != TERMINAL_ESCAPE)
		return take(t, 1, t->pending[0]);
	len = sequence_length(t);
	for (size_t i = 0; len > 1 && i < LENGTH(sequences); i++)
		if (strlen(sequences[i].bytes) == len - 1 &&
		    !memcmp(sequences[i].bytes, t->pending + 1, len - 1))
			return take(t, len, sequences[i].key);
	return len > 1 ? take(t, len, TERMINAL_NONE) : take(t, 1, TERMINAL_ESCAPE);
}

/* What signals have asked for, or 0. */
static int take_event(struct terminal *t)
{
	if (wants_suspend)
		suspend(t);
	if (wants_stop)
		return TERMINAL_GONE;
	if (!wants_size)
		return 0;
	wants_size = 0;
	read_size(t);
	str_reset(&t->shown);
	return fs_write_all(STDOUT_FILENO, "\033[2J", 4) ? TERMINAL_GONE : TERMINAL_RESIZED;
}

/* 1 when there are bytes, 0 when not, TERMINAL_GONE at the end of input. */
static int fill(struct terminal *t, int timeout_ms)
{
	struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
	struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
	ssize_t n;

	if (ppoll(&fd, 1, &timeout, &outside) <= 0)
		return 0;
	n = read(STDIN_FILENO, t->pending + t->n_pending, sizeof(t->pending) - t->n_pending);
	if (n > 0)
		t->n_pending += (size_t)n;
	return n > 0 ? 1 : n < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : TERMINAL_GONE;
}

int terminal_key(struct terminal *t, int timeout_ms)
{
	int rc = take_event(t);

	if (rc)
		return rc;
	if (!t->n_pending) {
		rc = fill(t, timeout_ms < 0 ? 0 : timeout_ms);
		if (rc == TERMINAL_GONE)
			return rc;
		rc = take_event(t);
		if (rc)
			return rc;
	}
	if (!t->n_pending)
		return TERMINAL_NONE;
	if (t->n_pending == 1 && t->pending[0] == TERMINAL_ESCAPE)
		fill(t, ESCAPE_WAIT_MS);
	return take_key(t);
}
