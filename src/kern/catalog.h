/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_CATALOG_H
#define PISTE_KERN_CATALOG_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/vec.h"
#include "kern/maker.h"

/*
 * catalog - what all makers offer, and what rules choose of it.
 *
 * Rules as in piste/wire/rules.h: globs over "provider:event" (or the offer's
 * alias), '!' excludes, the last one that matches decides. "k:" in front says
 * that the kernel is meant; without it a rule that has no ':' is not about the
 * kernel, nor is one of a provider that the kernel does not have.
 */
struct btf_index;

struct kern_catalog {
	struct btf_index *btf; /* NULL: this kernel has none */
	struct kern_offers offers;
	void **states; /* of kern_makers */
	struct arena arena; /* of kern_catalog_event */
};

/* Numbers of offers, in their order. */
struct kern_choice VEC(uint32_t);

/* -ENOENT for a rule that must mean the kernel and names nothing, with the nearest name. */
int kern_choose(struct kern_choice *out, const struct kern_catalog *c,
		const struct kern_options *options, struct diag *diag);

#endif
