/* SPDX-License-Identifier: MIT */
#ifndef PISTE_TESTS_TAP_H
#define PISTE_TESTS_TAP_H

/*
 * tap - unit tests that answer in TAP 13. The one header of a test program:
 *
 *	#include "tap.h"
 *	#include "base/arena.h"
 *
 *	TEST(empty_arena_is_valid)
 *	{
 *		struct arena a = {0};
 *		CHECK(!arena_failed(&a));
 *		CHECK_INT(a.used_bytes, 0);
 *	}
 *
 * main() is in here. Each test runs in a process of its own, so that a crash
 * or a leak is one `not ok`; a failed CHECK prints place and values, and the
 * test goes on (REQUIRE ends it). An argument is a glob that selects tests by
 * name, -l lists them, -1 runs without fork (for a debugger).
 * A program whose source says `tags: tsan` in a comment is also run under TSan.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TAP_TIMEOUT_S
#define TAP_TIMEOUT_S 60 /* for one test; define it before the include for more */
#endif

enum { TAP_OK = 0, TAP_FAILED = 1, TAP_SKIPPED = 77 };

struct tap_test {
	const char *name;
	void (*run)(void);
	struct tap_test *next;
};

static struct tap_test *tap_first, **tap_end = &tap_first;
static int tap_failures;
static char tap_reason[256]; /* of a skip */

#define TEST(test)                                                                                 \
	static void test_##test(void);                                                             \
	static struct tap_test tap_##test = {#test, test_##test, NULL};                            \
	__attribute__((constructor)) static void tap_add_##test(void)                              \
	{                                                                                          \
		*tap_end = &tap_##test;                                                            \
		tap_end = &tap_##test.next;                                                        \
	}                                                                                          \
	static void test_##test(void)

#define CHECK(condition) tap_check(!!(condition), __FILE__, __LINE__, #condition)
/* Ends the test: what follows would crash. */
#define REQUIRE(condition)                                                                         \
	do                                                                                         \
		if (!CHECK(condition))                                                             \
			return;                                                                    \
	while (0)
/* Any two integers; the second is what is expected. */
#define CHECK_INT(is, wanted)                                                                      \
	tap_check_int((intmax_t)(is), (intmax_t)(wanted), __FILE__, __LINE__, #is " == " #wanted)
#define CHECK_STR(is, wanted) tap_check_str((is), (wanted), __FILE__, __LINE__, #is " == " #wanted)
#define CHECK_MEM(is, wanted, len)                                                                 \
	tap_check_mem((is), (wanted), (len), __FILE__, __LINE__, #is " == " #wanted)
/* Ends the test; the reason is printed with the totals. */
#define SKIP(reason)                                                                               \
	do {                                                                                       \
		tap_skip(reason);                                                                  \
		return;                                                                            \
	} while (0)

static inline bool tap_check(bool ok, const char *file, int line, const char *text)
{
	if (!ok) {
		printf("# %s:%d: false: %s\n", file, line, text);
		tap_failures++;
	}
	return ok;
}

static inline bool tap_check_int(intmax_t is, intmax_t wanted, const char *file, int line,
				 const char *text)
{
	bool ok = is == wanted;

	if (!ok) {
		printf("# %s:%d: false: %s\n#   is      %jd (0x%jx)\n#   wanted  %jd (0x%jx)\n",
		       file, line, text, is, (uintmax_t)is, wanted, (uintmax_t)wanted);
		tap_failures++;
	}
	return ok;
}

/* One line whatever it holds, so that it cannot be taken for TAP. */
static inline void tap_print_bytes(const char *label, const void *p, size_t len)
{
	const unsigned char *bytes = p;

	printf("#   %-7s ", label);
	if (!p) {
		puts("NULL");
		return;
	}
	putchar('"');
	for (size_t i = 0; i < len; i++)
		if (bytes[i] == '\n')
			fputs("\\n", stdout);
		else if (bytes[i] < ' ' || bytes[i] > '~')
			printf("\\x%02x", bytes[i]);
		else
			putchar(bytes[i]);
	puts("\"");
}

static inline bool tap_check_str(const char *is, const char *wanted, const char *file, int line,
				 const char *text)
{
	bool ok = is && wanted ? !strcmp(is, wanted) : is == wanted;

	if (!ok) {
		printf("# %s:%d: false: %s\n", file, line, text);
		tap_print_bytes("is", is, is ? strlen(is) : 0);
		tap_print_bytes("wanted", wanted, wanted ? strlen(wanted) : 0);
		tap_failures++;
	}
	return ok;
}

static inline bool tap_check_mem(const void *is, const void *wanted, size_t len, const char *file,
				 int line, const char *text)
{
	bool ok = is && wanted ? !memcmp(is, wanted, len) : is == wanted;

	if (!ok) {
		printf("# %s:%d: false: %s\n", file, line, text);
		tap_print_bytes("is", is, len);
		tap_print_bytes("wanted", wanted, len);
		tap_failures++;
	}
	return ok;
}

static inline void tap_skip(const char *reason)
{
	snprintf(tap_reason, sizeof(tap_reason), "%s", reason);
}

/* In the child: exit() and not _exit(), so that the leak checker looks. */
static inline void tap_run_child(const struct tap_test *test, int reason_fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(TAP_TIMEOUT_S);
	test->run();
	fflush(stdout);
	if (!tap_failures && tap_reason[0]) {
		if (write(reason_fd, tap_reason, strlen(tap_reason)) < 0)
			exit(TAP_FAILED);
		exit(TAP_SKIPPED);
	}
	exit(tap_failures ? TAP_FAILED : TAP_OK);
}

static inline bool tap_run_forked(const struct tap_test *test, int number)
{
	int fds[2], status = 0;
	ssize_t len;
	pid_t pid;

	fflush(stdout);
	if (pipe(fds) < 0 || (pid = fork()) < 0) {
		perror("# tap: fork");
		exit(2);
	}
	if (pid == 0) {
		close(fds[0]);
		tap_run_child(test, fds[1]);
	}
	close(fds[1]);
	waitpid(pid, &status, 0);
	len = WIFEXITED(status) && WEXITSTATUS(status) == TAP_SKIPPED
		      ? read(fds[0], tap_reason, sizeof(tap_reason) - 1)
		      : 0;
	close(fds[0]);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		printf("# no end after %d s\n", TAP_TIMEOUT_S);
	else if (WIFSIGNALED(status))
		printf("# killed by signal %d (%s)\n", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > TAP_FAILED && WEXITSTATUS(status) != TAP_SKIPPED)
		printf("# exit status %d: a sanitizer's report, or a call of exit\n",
		       WEXITSTATUS(status));
	if (len > 0) {
		tap_reason[len] = '\0';
		printf("ok %d - %s # SKIP %s\n", number, test->name, tap_reason);
		tap_reason[0] = '\0';
		return true;
	}
	printf("%s %d - %s\n", status ? "not ok" : "ok", number, test->name);
	return status == 0;
}

static inline bool tap_run_here(const struct tap_test *test, int number)
{
	tap_failures = 0;
	tap_reason[0] = '\0';
	test->run();
	printf("%s %d - %s%s%s\n", tap_failures ? "not ok" : "ok", number, test->name,
	       tap_reason[0] ? " # SKIP " : "", tap_reason);
	return !tap_failures;
}

int main(int argc, char **argv)
{
	bool forked = true, list = false;
	const char *pattern = "*";
	int n = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-1"))
			forked = false;
		else if (!strcmp(argv[i], "-l"))
			list = true;
		else
			pattern = argv[i];
	}
	if (!list)
		puts("TAP version 13");
	for (const struct tap_test *test = tap_first; test; test = test->next) {
		if (fnmatch(pattern, test->name, 0))
			continue;
		n++;
		if (list)
			puts(test->name);
		else
			failed += !(forked ? tap_run_forked(test, n) : tap_run_here(test, n));
	}
	if (!list)
		printf("1..%d\n", n);
	if (n == 0)
		fprintf(stderr, "tap: no test is named %s\n", pattern);
	return failed || n == 0;
}

#endif
