/* SPDX-License-Identifier: MIT */
#ifndef PISTE_BENCH_LOOP_H
#define PISTE_BENCH_LOOP_H

/*
 * loop - what is put into the measured loops, one header for all tracers, so
 * that their loops differ in the site alone. Built with -DTRACER_PISTE,
 * -DTRACER_LTTNG, or neither.
 */
#include <stdint.h>

#if defined(TRACER_PISTE)
#include <piste/piste.h>
#define TRACER "piste"
#define SITE_INT(n) PISTE(bench, one, n)
#define SITE_THREE(n) PISTE(bench, three, n, (text, "piste"), (share, (double)(n)))
#define SITE_NEVER(n) PISTE(bench, never, n)
#elif defined(TRACER_LTTNG)
#include "lttng-provider.h"
#define TRACER "lttng"
#define SITE_INT(n) lttng_ust_tracepoint(bench, one, n)
#define SITE_THREE(n) lttng_ust_tracepoint(bench, three, n, "piste", (double)(n))
#define SITE_NEVER(n) lttng_ust_tracepoint(bench, never, n)
#else
#define TRACER "none"
#define SITE_INT(n) ((void)(n))
#define SITE_THREE(n) ((void)(n))
#define SITE_NEVER(n) ((void)(n))
#endif

#endif
