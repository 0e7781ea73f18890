/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BASE_CLOCK_H
#define PISTE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * clock - CLOCK_MONOTONIC and CLOCK_REALTIME in ns, the TSC in its ticks,
 * and anchors that tie them together (D5).
 */
struct clock_anchor {
	uint64_t ticks; /* the trace's clock: TSC, or MONOTONIC ns without a usable one */
	uint64_t monotonic_ns;
	int64_t realtime_ns;
	uint32_t width_ticks; /* the uncertainty: ticks between the two reads around the others */
};

uint64_t clock_monotonic_ns(void);
int64_t clock_realtime_ns(void);
/* Raw counter: rdtsc, or cntvct_el0. */
uint64_t clock_ticks_raw(void);
/* True when the kernel's own clock is made of the TSC and the CPU says constant and nonstop
 * (docs/decisions/0005-clock.md); the same rule as libpiste's. */
bool clock_tsc_usable(void);
/* Best of several tries, the one with the smallest width; without use_tsc, ticks are MONOTONIC ns. */
void clock_anchor_take(struct clock_anchor *a, bool use_tsc);
/* Ticks per second from two anchors (least error: their monotonic difference). */
uint64_t clock_frequency_hz(const struct clock_anchor *first, const struct clock_anchor *last);
/* Measures for about `ms` milliseconds; 1e9 where use_tsc is false. */
uint64_t clock_calibrate_hz(bool use_tsc, unsigned ms);

#endif
