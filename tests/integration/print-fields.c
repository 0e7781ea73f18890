/* SPDX-License-Identifier: MIT */
/* Events of every shape for print.sh and stat.sh; the argument is how many rounds. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <piste/piste.h>

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;

	for (int i = 0; i < rounds; i++) {
		double total = i % 7 == 0 ? NAN : i % 7 == 1 ? -INFINITY : (i - 50) * 1234.5678;
		const char *path = i % 3 ? "/cart/\"7\"\n" : "/index.html";
		int32_t items[] = {i, -i, INT32_MIN};
		uint64_t big = UINT64_MAX - (uint64_t)i;
		float ratio = (float)i / 3;
		const void *where = &items;
		_Bool odd = i % 2;
		char letter = 'a';

		PISTE(shop, order_done, i, total, (path, path), big);
		PISTE(shop, types, ratio, where, odd, letter, (small, (int8_t)-i), (wide, -1ll));
		PISTE(shop, cart, PISTE_ARRAY(items, (unsigned)i % 4));
		PISTE_LEVEL(PISTE_DEBUG, shop, cache_miss, i);
		PISTE_LOG(shop, PISTE_WARNING, "retry %d of %s", i, path);
		PISTE_SCOPE(shop, checkout, i);
	}
	if (fork() == 0) {
		PISTE(shop, child, rounds);
		_exit(0);
	}
	wait(NULL);
	return 0;
}
