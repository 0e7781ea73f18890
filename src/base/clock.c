/* SPDX-License-Identifier: MIT */
/*
 * An anchor reads the counter, the two kernel clocks and the counter again;
 * the clocks were read somewhere in between. Interruptions only widen that
 * gap, so the narrowest of several tries is the best one.
 */
#include "base/clock.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <x86intrin.h>
#elif !defined(__aarch64__)
#error "clock: only x86-64 and aarch64 have a counter here"
#endif

enum { ANCHOR_TRIES = 16 };

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_realtime_ns(void)
{
	return (int64_t)read_ns(CLOCK_REALTIME);
}

uint64_t clock_ticks_raw(void)
{
#if defined(__x86_64__)
	return __rdtsc();
#else
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#endif
}

/* Not read before what precedes it is done, nor after what follows it has begun. */
static uint64_t ticks_ordered(void)
{
	uint64_t ticks;

#if defined(__x86_64__)
	_mm_lfence();
	ticks = __rdtsc();
	_mm_lfence();
#else
	__asm__ volatile("isb" ::: "memory");
	ticks = clock_ticks_raw();
	__asm__ volatile("isb" ::: "memory");
#endif
	return ticks;
}

bool clock_tsc_usable(void)
{
#if defined(__x86_64__)
	/* the kernel's own, and the clocks of hypervisors that are the TSC times a factor */
	static const char *const sources[] = {"tsc\n", "kvm-clock\n",
					      "hyperv_clocksource_tsc_page\n"};
	unsigned eax, ebx, ecx, edx;
	char name[32] = "";
	ssize_t len;
	int fd;

	/* Intel SDM vol. 3, 18.17.1: "invariant TSC", constant_tsc and nonstop_tsc in one */
	if (!__get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) || !(edx & 1u << 8))
		return false;
	fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		  O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, name, sizeof(name) - 1);
	close(fd);
	for (size_t i = 0; len > 0 && i < sizeof(sources) / sizeof(*sources); i++)
		if (!strcmp(name, sources[i]))
			return true;
	return false;
#else
	return true; /* the architecture guarantees a system-wide constant counter */
#endif
}

static void anchor_try(struct clock_anchor *a, bool use_tsc)
{
	uint64_t before = use_tsc ? ticks_ordered() : clock_monotonic_ns();
	uint64_t after, width;

	if (use_tsc)
		a->monotonic_ns = clock_monotonic_ns();
	a->realtime_ns = clock_realtime_ns();
	after = use_tsc ? ticks_ordered() : clock_monotonic_ns();
	width = after - before;
	a->ticks = before + width / 2;
	a->width_ticks = width > UINT32_MAX ? UINT32_MAX : (uint32_t)width;
	if (!use_tsc)
		a->monotonic_ns = a->ticks;
}

void clock_anchor_take(struct clock_anchor *a, bool use_tsc)
{
	struct clock_anchor try;

	anchor_try(a, use_tsc);
	for (int i = 1; i < ANCHOR_TRIES; i++) {
		anchor_try(&try, use_tsc);
		if (try.width_ticks < a->width_ticks)
			*a = try;
	}
}

uint64_t clock_frequency_hz(const struct clock_anchor *first, const struct clock_anchor *last)
{
	uint64_t ns = last->monotonic_ns - first->monotonic_ns;
	uint64_t ticks = last->ticks - first->ticks;

	if (ns == 0)
		return 0;
	return (uint64_t)(((unsigned __int128)ticks * 1000000000 + ns / 2) / ns);
}

uint64_t clock_calibrate_hz(bool use_tsc, unsigned ms)
{
	struct clock_anchor first, last;
	uint64_t end_ns;

	if (!use_tsc)
		return 1000000000;
	clock_anchor_take(&first, true);
	end_ns = first.monotonic_ns + (ms ? ms : 1) * 1000000ull;
	for (uint64_t now = first.monotonic_ns; now < end_ns; now = clock_monotonic_ns()) {
		struct timespec left = {
			.tv_sec = (time_t)((end_ns - now) / 1000000000),
			.tv_nsec = (long)((end_ns - now) % 1000000000),
		};

		nanosleep(&left, NULL);
	}
	clock_anchor_take(&last, true);
	return clock_frequency_hz(&first, &last);
}
