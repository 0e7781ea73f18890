/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CLI_TOP_NUMBER_H
#define PISTE_CLI_TOP_NUMBER_H

#include <stdint.h>

/*
 * top-number - numbers that fit into a column: at most 8 columns for times,
 * 10 for rates. All return their first argument.
 */
enum { NUMBER_SIZE = 32 };

/* A second: "1,234,567", "0.5", "123.4 M" */
const char *number_rate(char text[NUMBER_SIZE], uint64_t n, uint64_t ns);
/* "830 ns", "12.3 µs", "92 s", "."; 0: nothing was measured */
const char *number_ns(char text[NUMBER_SIZE], uint64_t ns);

#endif
