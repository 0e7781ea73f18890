/* SPDX-License-Identifier: MIT */
/* probe-plugin - an object that comes and goes; compiled with -DPLUGIN=one, =two, … */
#include <piste/piste.h>

void plugin_run(uint64_t n);
void plugin_run(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		PISTE(plugin, PLUGIN, i);
}
