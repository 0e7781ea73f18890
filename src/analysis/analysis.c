/* SPDX-License-Identifier: MIT */
#include "analysis/analysis.h"

#include <string.h>

const struct analysis *const analyses[] = {
#define X(name) &analysis_##name,
	ANALYSES(X)
#undef X
		NULL,
};

const struct analysis *analysis_find(const char *name)
{
	for (const struct analysis *const *a = analyses; *a; a++)
		if (!strcmp((*a)->name, name))
			return *a;
	return NULL;
}
