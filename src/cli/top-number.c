/* SPDX-License-Identifier: MIT */
#include "cli/top-number.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/str.h"

const char *number_rate(char text[NUMBER_SIZE], uint64_t n, uint64_t ns)
{
	double rate = ns ? (double)n * 1e9 / (double)ns : 0;
	struct str human = {0};

	if (rate > 0 && rate < 9.95) {
		snprintf(text, NUMBER_SIZE, "%.1f", rate < 0.1 ? 0.1 : rate);
	} else if (rate >= 1e8) {
		snprintf(text, NUMBER_SIZE, "%.1f M", rate / 1e6);
	} else {
		str_add_count_human(&human, (uint64_t)(rate + 0.5));
		snprintf(text, NUMBER_SIZE, "%s", str_c(&human));
		str_fini(&human);
	}
	return text;
}

const char *number_ns(char text[NUMBER_SIZE], uint64_t ns)
{
	struct str human = {0};

	if (!ns) {
		snprintf(text, NUMBER_SIZE, ".");
	} else if (ns >= 60000000000) {
		snprintf(text, NUMBER_SIZE, "%" PRIu64 " s", ns / 1000000000);
	} else {
		str_add_duration_human(&human, ns);
		snprintf(text, NUMBER_SIZE, "%s", str_c(&human));
		str_fini(&human);
	}
	return text;
}
