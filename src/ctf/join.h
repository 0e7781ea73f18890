/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_JOIN_H
#define PISTE_CTF_JOIN_H

#include "ctf/reader.h"

/*
 * join - several directories that are one trace: the rotations of a session,
 * and snapshots of it, which may hold the same packets.
 */

/*
 * Moves all streams of `other` into `into`, where both have one UUID and the
 * metadata of `into` describe all that those of `other` do; `other` is freed
 * then. Streams of one id become one, in the order of time, and a packet that
 * both hold is kept once. 1: joined; 0: they are not one trace; -ENOMEM, when
 * both are as they were. No iterator or cursor of either may live.
 */
int ctf_trace_join(struct ctf_trace *into, struct ctf_trace *other);

#endif
