/* SPDX-License-Identifier: MIT */
#ifndef PISTE_TESTS_SITE_MAKER_H
#define PISTE_TESTS_SITE_MAKER_H

/* site_maker - descriptions as the macros of piste.h make them, by hand. */

#include <stdint.h>
#include <string.h>

#include "base/fs.h"
#include "piste/wire/site.h"

struct made {
	_Alignas(8) uint8_t bytes[1 << 14];
	size_t len;
};

static inline void made_text(struct made *m, const char *text)
{
	memcpy(m->bytes + m->len, text, strlen(text) + 1);
	m->len += strlen(text) + 1;
}

/* To the text made last. */
static inline void made_append(struct made *m, const char *text)
{
	m->len--;
	made_text(m, text);
}

static inline struct span made_span(const struct made *m)
{
	return (struct span){m->bytes, m->len};
}

static inline struct piste_site *made_head(struct made *m)
{
	return (struct piste_site *)(void *)m->bytes;
}

/* `name` is "provider:event". */
static inline void make_site(struct made *m, enum piste_site_kind kind, const char *name,
			     const char *arguments, const char *format, const uint32_t *codes,
			     size_t n_codes)
{
	struct piste_site *site = made_head(m);
	size_t colon = strcspn(name, ":");

	memset(m, 0, sizeof(*m));
	m->len = sizeof(*site);
	memcpy(m->bytes + m->len, name, colon);
	m->len += colon + 1;
	made_text(m, name + colon + 1);
	made_text(m, "src/shop.c");
	/* the arguments of the macro, as they are written */
	made_text(m, kind == PISTE_SITE_LOG ? "\"a \\\"format, \\\"\"" : name + colon + 1);
	if (*arguments) {
		made_append(m, ", ");
		made_append(m, arguments);
	}
	made_text(m, format);
	*site = (struct piste_site){
		.abi = PISTE_SITE_ABI,
		.kind = (uint8_t)kind,
		.level = PISTE_INFO,
		.id = PISTE_ID_NONE,
		.field_count = (uint8_t)n_codes,
		.line = 42,
		.text_size = (uint32_t)(m->len - sizeof(*site)),
	};
	if (n_codes)
		memcpy(site->types, codes, n_codes * sizeof(*codes));
}

#define MAKE_SITE(m, kind, name, arguments, format, ...)                                           \
	make_site(m, kind, name, arguments, format, (const uint32_t[]){__VA_ARGS__},               \
		  sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Appends a type to a section; `labels` are pairs of low and high. */
static inline struct piste_type *make_type(struct made *m, enum piste_type_kind kind,
					   const char *name, const char *members,
					   const uint32_t *codes, size_t n_codes,
					   const int64_t *labels, size_t n_labels)
{
	struct piste_type *type = (struct piste_type *)(void *)(m->bytes + m->len);
	size_t start = m->len, text;

	*type = (struct piste_type){
		.magic = PISTE_TYPE_MAGIC,
		.kind = (uint8_t)kind,
		.count = (uint8_t)(kind == PISTE_TYPE_ENUM ? n_labels : n_codes),
	};
	if (n_codes)
		memcpy(type->types, codes, n_codes * sizeof(*codes));
	m->len += sizeof(*type);
	if (n_labels)
		memcpy(m->bytes + m->len, labels, n_labels * 16);
	m->len += n_labels * 16;
	text = m->len;
	made_text(m, name);
	made_text(m, members);
	type->text_size = (uint16_t)(m->len - text);
	type->size = (uint32_t)(m->len - start);
	m->len = (m->len + 7) & ~(size_t)7;
	return type;
}

#define MAKE_TYPE(m, kind, name, members, ...)                                                     \
	make_type(m, kind, name, members, (const uint32_t[]){__VA_ARGS__},                         \
		  sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t), NULL, 0)
#define MAKE_ENUM(m, name, members, container, ...)                                                \
	make_type(m, PISTE_TYPE_ENUM, name, members, (const uint32_t[]){container}, 1,             \
		  (const int64_t[]){__VA_ARGS__}, sizeof((const int64_t[]){__VA_ARGS__}) / 16)

#endif
