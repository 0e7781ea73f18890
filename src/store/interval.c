/* SPDX-License-Identifier: MIT */
#include "store/interval.h"

#include <string.h>

const struct interval_value *interval_value(const struct interval *i, const char *key)
{
	for (size_t v = 0; v < i->n_values; v++)
		if (!strcmp(i->values[v].key, key))
			return &i->values[v];
	return NULL;
}
