/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "lang/compile.h"

static const struct lang_function *const tables[] = {lang_aggregates, lang_outputs, lang_values,
						     lang_texts};
enum { N_TABLES = sizeof(tables) / sizeof(tables[0]), MAX_FUNCTIONS = 128 };

const struct lang_function *lang_function_find(const char *name)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct lang_function *f = tables[t]; f->name; f++)
			if (!strcmp(f->name, name))
				return f;
	return NULL;
}

const char *lang_function_nearest(const char *name)
{
	const char *names[MAX_FUNCTIONS];
	size_t n = 0;

	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct lang_function *f = tables[t]; f->name && n < MAX_FUNCTIONS; f++)
			names[n++] = f->name;
	return nearest_name(name, names, n);
}
