/* SPDX-License-Identifier: MIT */
/* wrap-functions N - built with -finstrument-functions; prints the calls of fib() that it made. */
#include <stdio.h>
#include <stdlib.h>

static unsigned long calls;

static unsigned long fib(unsigned n)
{
	calls++;
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
	unsigned long result = fib(argc > 1 ? (unsigned)atoi(argv[1]) : 10);

	printf("%lu %p\n", calls, (void *)fib);
	return result == 0;
}
