/* SPDX-License-Identifier: MIT */
/* plugin - a shared object with trace points of its own, for plugin-host. */
#include <piste/piste.h>

__attribute__((visibility("default"))) int plugin_square(int n);
int plugin_square(int n)
{
	PISTE(plugin, square, n, (result, n * n));
	return n * n;
}
