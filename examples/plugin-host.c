/* SPDX-License-Identifier: MIT */
/*
 * plugin-host - loads and unloads a plugin: its trace points come and go with
 * it, and are traced from the first call on, also when the recording began
 * before.
 *
 *	piste record -- plugin-host ./plugin.so 3
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <piste/piste.h>

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 1;

	if (argc < 2) {
		fprintf(stderr, "usage: plugin-host PLUGIN [ROUNDS]\n");
		return 2;
	}
	for (int i = 0; i < rounds; i++) {
		void *plugin = dlopen(argv[1], RTLD_NOW);
		int (*square)(int);

		if (!plugin) {
			fprintf(stderr, "plugin-host: %s\n", dlerror());
			return 1;
		}
		square = (int (*)(int))(uintptr_t)dlsym(plugin, "plugin_square");
		PISTE(host, loaded, (path, argv[1]), (round, i));
		if (!square) {
			fprintf(stderr, "plugin-host: %s: no plugin_square\n", argv[1]);
			return 1;
		}
		square(i);
		dlclose(plugin);
	}
	return 0;
}
