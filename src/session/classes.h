/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_CLASSES_H
#define PISTE_SESSION_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/fs.h"
#include "base/map.h"
#include "ctf/type.h"
#include "piste/wire/site.h"

/*
 * classes - from a site's description to a CTF event class, and to the size
 * that a payload of it must have.
 *
 * Payload fields are packed and aligned to bytes, so a record needs no
 * rewriting. What the description calls one field may be two in CTF: a
 * sequence `items` is preceded by its length `_items_length`, an optional one
 * by `_items_present`, a variant by `_items_tag`.
 *
 * Descriptions come from traced processes and are not trusted; but they must
 * not change meanwhile: give private copies, 8-byte aligned.
 */

/* The types of one object (`piste_types`), by name. All-zero is empty: no types. */
struct classes_types {
	struct span section; /* borrowed */
	struct map by_name; /* to the offset in the section; keys lie in the arena */
	struct arena *arena;
};

/* 0 or -ENOMEM. What is broken in the section is left out. */
int classes_types_init(struct classes_types *types, struct arena *arena, struct span section);
void classes_types_fini(struct classes_types *types);
/* NULL when there is none of that name. */
const struct piste_type *classes_types_find(const struct classes_types *types, const char *name);

struct classes_shape; /* how many bytes fields take, step by step */

struct classes_class {
	const char *name; /* "provider:event", spans with _begin or _end */
	const char *event; /* into name, behind the ':' */
	const char *file; /* source */
	uint32_t line;
	uint8_t kind; /* enum piste_site_kind */
	int level; /* enum piste_level, or CTF_LOGLEVEL_NONE */
	/* The description cannot be understood: no fields, and its records,
	 * whose end nobody can know, must be dropped. */
	bool is_broken;
	bool has_fixed_size;
	uint32_t size_bytes; /* of each payload when fixed, else the least of one */
	const struct ctf_type *payload; /* STRUCT; never NULL */
	const struct classes_shape *shape;
};

/*
 * Builds the class of a site (struct piste_site and its text; `types` may be
 * NULL) in the arena. ctf_major is 1 or 2: optional fields and booleans have
 * types of their own in CTF 2. A broken description gives a class with
 * is_broken and an error in the diag. 0 or -ENOMEM.
 */
int classes_new(struct classes_class **out, struct arena *arena, struct span site,
		const struct classes_types *types, unsigned ctf_major, struct diag *diag);

/* Adds it to a stream class under an id; NULL for no memory. The arena of the
 * class must live as long as the stream class. */
struct ctf_event_class *classes_add(struct ctf_stream_class *stream, uint64_t id,
				    const struct classes_class *class);

/*
 * The bytes that the fields take at the start of `payload`; -EBADMSG when they
 * do not end within it or hold what no reader could follow (a selector without
 * an option), or when the class is broken. A record is good when the result is
 * its payload's size.
 */
ssize_t classes_payload_size(const struct classes_class *class, struct span payload);

#endif
