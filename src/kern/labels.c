/* SPDX-License-Identifier: MIT */
#include "kern/labels.h"

#include <string.h>

const struct kern_labels *kern_labels_of_enum(const struct btf_index *btf, uint32_t type,
					      const char *prefix, struct arena *arena)
{
	struct kern_labels *labels = arena_new(arena, struct kern_labels);
	struct kern_label *items;
	size_t n = 0, cut = strlen(prefix);
	const char *label;
	int64_t value;

	while (btf_enum_label(btf, type, (unsigned)n, &label, &value))
		n++;
	items = arena_array(arena, n + 1, sizeof(*items));
	if (!labels || !items || !n)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		btf_enum_label(btf, type, (unsigned)i, &label, &value);
		if (!strncmp(label, prefix, cut))
			label += cut;
		items[i] = (struct kern_label){(uint64_t)value, label};
	}
	*labels = (struct kern_labels){.name = btf_name(btf, type), .items = items, .n = n};
	return labels;
}
