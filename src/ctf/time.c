/* SPDX-License-Identifier: MIT */
/*
 * time.c - cycles of a trace's clock to ns. The roundings are those of
 * babeltrace2 2.0, so that printed times are the same to the last digit.
 */
#include "ctf/reader.h"

#include <errno.h>

#define NS_PER_S INT64_C(1000000000)

/* Exact at 1 GHz; else in double, as babeltrace2 does it; saturates. */
static uint64_t cycles_to_ns(uint64_t frequency_hz, uint64_t cycles)
{
	if (frequency_hz == (uint64_t)NS_PER_S)
		return cycles;
	double ns = 1e9 * (double)cycles / (double)frequency_hz;
	return ns >= (double)UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}

int ctf_clock_base_ns(const struct ctf_clock *clock, int64_t *base_ns)
{
	uint64_t hz = clock->frequency_hz;
	int64_t s = clock->offset_s, offset = clock->offset_cycles;
	if (!hz || hz > INT64_MAX)
		return -EOVERFLOW;
	/* The offset in cycles is brought below one second. */
	int64_t whole = offset / (int64_t)hz;
	offset -= whole * (int64_t)hz;
	if (offset < 0) {
		offset += (int64_t)hz;
		whole--;
	}
	if (__builtin_add_overflow(s, whole, &s) || s <= INT64_MIN / NS_PER_S - 1 ||
	    s >= INT64_MAX / NS_PER_S - 1 || __builtin_mul_overflow(s, NS_PER_S, base_ns) ||
	    __builtin_add_overflow(*base_ns, (int64_t)cycles_to_ns(hz, (uint64_t)offset), base_ns))
		return -EOVERFLOW;
	return 0;
}

int ctf_clock_add_cycles(const struct ctf_clock *clock, int64_t base_ns, uint64_t cycles,
			 int64_t *ns)
{
	uint64_t value = cycles_to_ns(clock->frequency_hz, cycles);
	if (value >= (uint64_t)INT64_MAX || __builtin_add_overflow(base_ns, (int64_t)value, ns))
		return -EOVERFLOW;
	return 0;
}

int ctf_clock_to_ns(const struct ctf_clock *clock, uint64_t cycles, int64_t *ns)
{
	int64_t base_ns;
	int rc = ctf_clock_base_ns(clock, &base_ns);
	return rc ? rc : ctf_clock_add_cycles(clock, base_ns, cycles, ns);
}

int ctf_clock_shift(struct ctf_clock *clock, int64_t s, int64_t ns)
{
	int64_t rest_ns = ns % NS_PER_S, cycles;
	if (clock->frequency_hz > INT64_MAX ||
	    __builtin_add_overflow(clock->offset_s, ns / NS_PER_S, &clock->offset_s) ||
	    __builtin_add_overflow(clock->offset_s, s, &clock->offset_s))
		return -EOVERFLOW;
	cycles = (int64_t)((__int128)rest_ns * (int64_t)clock->frequency_hz / NS_PER_S);
	return __builtin_add_overflow(clock->offset_cycles, cycles, &clock->offset_cycles)
		       ? -EOVERFLOW
		       : 0;
}

int64_t ctf_trace_ns(const struct ctf_trace *t, const struct ctf_clock *clock, uint64_t cycles)
{
	int64_t ns;
	if (t->clock_map)
		return t->clock_map(t->clock_map_data, clock, cycles);
	return ctf_clock_to_ns(clock, cycles, &ns) ? INT64_MIN : ns;
}
