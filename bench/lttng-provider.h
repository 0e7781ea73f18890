/* SPDX-License-Identifier: MIT */
/* LTTng's side of loop.h: its tracepoints, as its manual says to write them. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "lttng-provider.h"

#if !defined(PISTE_BENCH_LTTNG_PROVIDER_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define PISTE_BENCH_LTTNG_PROVIDER_H

#include <lttng/tracepoint.h>
#include <stdint.h>

LTTNG_UST_TRACEPOINT_EVENT(bench, one, LTTNG_UST_TP_ARGS(int64_t, n),
			   LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int64_t, n, n)))

LTTNG_UST_TRACEPOINT_EVENT(bench, three,
			   LTTNG_UST_TP_ARGS(int64_t, n, const char *, text, double, share),
			   LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int64_t, n, n)
						       lttng_ust_field_string(text, text)
							       lttng_ust_field_float(double, share,
										     share)))

LTTNG_UST_TRACEPOINT_EVENT(bench, never, LTTNG_UST_TP_ARGS(int64_t, n),
			   LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(int64_t, n, n)))

#endif

#include <lttng/tracepoint-event.h>
