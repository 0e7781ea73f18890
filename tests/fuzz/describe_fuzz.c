/* SPDX-License-Identifier: MIT */
/*
 * Descriptions as a hostile program may leave them in its pool. The input is
 * u16 bytes of types, u16 bytes of site, both, and a payload.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "piste/wire/describe.h"
#include "piste/wire/rules.h"
#include "session/classes.h"

/* Its own allocation, so that the sanitizer sees the first byte too much. */
static struct span take(const uint8_t **data, size_t *size, size_t len)
{
	struct span s;
	void *copy;

	len = len < *size ? len : *size;
	copy = malloc(len + !len);
	if (!copy)
		abort();
	memcpy(copy, *data, len);
	*data += len;
	*size -= len;
	s = (struct span){copy, len};
	return s;
}

static void check_names(const struct ctf_type *record)
{
	for (size_t i = 0; i < record->record.n_fields; i++) {
		const struct ctf_field *field = &record->record.fields[i];

		assert(field->name[0] && strlen(field->name) < 128);
		for (size_t k = 0; k < i; k++)
			assert(strcmp(field->name, record->record.fields[k].name));
		if (field->type->kind == CTF_STRUCT)
			check_names(field->type);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct piste_session session = {.rules = "shop:*\0!*order\0[a-z]*:b?", .level = 14};
	struct classes_types types = {0};
	struct arena arena = {.limit_bytes = 64u << 20};
	struct diag diag = {0};
	uint16_t lengths[2];

	if (size < sizeof(lengths))
		return 0;
	memcpy(lengths, data, sizeof(lengths));
	data += sizeof(lengths);
	size -= sizeof(lengths);
	struct span section = take(&data, &size, lengths[0]);
	struct span site = take(&data, &size, lengths[1]);
	struct span payload = take(&data, &size, size);

	if (!classes_types_init(&types, &arena, section)) {
		for (unsigned major = 1; major <= 2; major++) {
			struct classes_class *class;
			ssize_t n;

			if (classes_new(&class, &arena, site, &types, major, &diag))
				continue;
			check_names(class->payload);
			n = classes_payload_size(class, payload);
			assert(n <= (ssize_t)payload.len);
			assert(n < 0 || n >= class->size_bytes);
			if (!class->is_broken)
				piste_session_wants(&session, (const void *)site.data);
		}
	}
	classes_types_fini(&types);
	arena_fini(&arena);
	diag_fini(&diag);
	free((void *)(uintptr_t)section.data);
	free((void *)(uintptr_t)site.data);
	free((void *)(uintptr_t)payload.data);
	return 0;
}
