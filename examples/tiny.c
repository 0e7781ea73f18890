/* SPDX-License-Identifier: MIT */
/*
 * The smallest instrumented program:
 *
 *	cc tiny.c -lpiste && piste record -o t -- ./a.out && piste print t
 */
#include <piste/piste.h>

int main(void)
{
	for (int i = 0; i < 10; i++)
		PISTE(tiny, square, i, (of, i * i));
	return 0;
}
