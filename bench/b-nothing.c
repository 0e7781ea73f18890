/* SPDX-License-Identifier: MIT */
/*
 * nothing - an instrumented program that does nothing: it ends at once, so that
 * its start can be timed, or with an argument says what it is made of:
 *	{"threads":…,"fds":…,"rss_kib":…,"anonymous_kib":…,"pool_kib":…}
 * after a moment in which a tracer's threads would come up.
 */
#include <dirent.h>
#include <stdio.h>

#include "loop.h"
#include "process.h"

int main(int argc, char **argv)
{
	(void)argv;
	SITE_INT(argc);
	if (argc > 1) {
		usleep(300000);
		process_print();
	}
	return 0;
}
