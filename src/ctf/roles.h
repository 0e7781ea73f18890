/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_ROLES_H
#define PISTE_CTF_ROLES_H

#include "ctf/type.h"

/*
 * roles - what CTF 1.8 says by a field's name, CTF 2 says by a role. Gives the
 * fields of CTF 1.8's headers their roles, maps unmapped timestamps to the
 * trace's only clock, and finds each stream's default clock. 0, -ENOMEM.
 */
int ctf_roles_assign(struct ctf_trace_class *tc);

/* For CTF 2, whose fields have roles already: maps the fields that have a
 * timestamp's role to the stream's default clock. */
int ctf_roles_map_clocks(struct ctf_trace_class *tc);

#endif
