/* SPDX-License-Identifier: MIT */
/*
 * init - the constructor of libpiste: makes the pool, and lets in the sessions
 * that the environment names, so that they have the program from its first
 * instruction. No thread, no wait; what fails leaves the sites off.
 *
 * PISTE_SESSION is a list of files with ':' between, each the image of a struct
 * piste_session. PISTE=off keeps libpiste from doing anything.
 */
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "probe/probe.h"
#include "probe/sys.h"

extern char **environ;

/* See impl/record.h: what draws this archive into a static link. */
PISTE_EXPORT extern int piste_library_;
int piste_library_ __asm__("piste_library") = PISTE_POOL_ABI;

static const char *environment(const char *name)
{
	size_t n = __builtin_strlen(name);

	if (!environ)
		return NULL;
	for (char **p = environ; *p; p++)
		if (__builtin_strncmp(*p, name, n) == 0 && (*p)[n] == '=')
			return *p + n + 1;
	return NULL;
}

/* Reads at most `size` bytes of a file; the number read, or negative errno. */
static long read_file(const char *path, void *buffer, size_t size)
{
	long fd = SYS_CALL(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), n;

	if (sys_failed(fd))
		return fd;
	n = SYS_CALL(SYS_read, fd, buffer, size);
	SYS_CALL(SYS_close, fd);
	return n;
}

/* The n-th session of the list; false when there is none or it is not one of ours. */
static bool read_session(const char *list, int n, struct piste_session *session)
{
	char path[256];
	size_t length = 0;

	for (; n > 0; n--) {
		while (*list && *list != ':')
			list++;
		if (!*list++)
			return false;
	}
	while (*list && *list != ':' && length < sizeof(path) - 1)
		path[length++] = *list++;
	path[length] = '\0';
	return read_file(path, session, sizeof(*session)) == sizeof(*session) &&
	       session->magic == PISTE_SESSION_MAGIC && session->state == PISTE_SESSION_ACTIVE;
}

static int sessions_in(const char *list)
{
	int n = 0;

	if (list && *list)
		for (n = 1; *list; list++)
			n += *list == ':';
	return n < PISTE_SESSIONS_MAX ? n : PISTE_SESSIONS_MAX;
}

#if defined(__x86_64__)
/* CPUID leaves a virtual machine (6 µs), so it is asked only where the clock's name does not say. */
static bool tsc_is_invariant(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & 1u << 8);
}

/* Whether the first line of text is `line`. */
static bool is_line(const char *text, const char *line)
{
	while (*line && *text == *line) {
		text++;
		line++;
	}
	return *line == '\0' && *text == '\n';
}
#endif

/*
 * The TSC is the clock when the kernel trusts it enough to be its own, or to
 * make its own of it, as the guests of KVM and Hyper-V do. The same rule as
 * clock_tsc_usable of the recorder.
 */
static uint32_t choose_clock(void)
{
#if defined(__x86_64__)
	char source[32] = {0};

	read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", source,
		  sizeof(source) - 1);
	if (!is_line(source, "tsc") &&
	    !((is_line(source, "kvm-clock") || is_line(source, "hyperv_clocksource_tsc_page")) &&
	      tsc_is_invariant()))
		return PISTE_CLOCK_MONOTONIC;
#endif
	return PISTE_CLOCK_TICKS;
}

/* What a process that is gone cannot be asked for any more; only where somebody records. */
static void describe_process(struct piste_pool *pool)
{
	long n = SYS_CALL(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", pool->exe,
			  sizeof(pool->exe) - 1);

	pool->exe[n > 0 ? n : 0] = '\0';
	n = read_file("/proc/self/cmdline", pool->cmdline, sizeof(pool->cmdline));
	pool->cmdline_size = n > 0 ? (uint32_t)n : 0;
}

void probe_init(void);
void probe_init(void)
{
	static bool done;
	const char *list = NULL, *off = environment("PISTE");
	struct piste_session session;
	uint64_t budget = 0;
	int count;

	if (done)
		return;
	done = true;
	if (off && __builtin_strcmp(off, "off") == 0)
		return;
	/* a program with more rights than its caller takes no orders from the caller */
	if (!getauxval(AT_SECURE))
		list = environment("PISTE_SESSION");
	count = sessions_in(list);
	if (!threads_create())
		return;
	for (int i = 0; i < count; i++)
		if (read_session(list, i, &session) && session.budget_bytes > budget)
			budget = session.budget_bytes;
	if (pool_create(budget))
		return;
	piste_local.pool->clock = choose_clock();
	thread_init();
	for (int i = 0; i < count; i++)
		if (read_session(list, i, &session))
			pool_claim_session(&session);
	if (piste_local.pool->active)
		describe_process(piste_local.pool);
	/* release: a recorder that finds the magic finds the rest */
	__atomic_store_n(&piste_local.pool->magic, PISTE_POOL_MAGIC, __ATOMIC_RELEASE);
	pool_announce();
}

__attribute__((constructor(101))) static void constructor(void)
{
	probe_init();
}
