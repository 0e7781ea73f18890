/* SPDX-License-Identifier: MIT */
#ifndef PISTE_CTF_SIDECAR_H
#define PISTE_CTF_SIDECAR_H

#include "base/str.h"
#include "base/vec.h"
#include "ctf/reader.h"

/*
 * sidecar - what was found out about a trace, kept in a file beside: where its
 * packets are, and what each of them holds. docs/formats/index.md.
 *
 * It is of a trace as it was: the sizes, times of change and inode numbers of
 * all its files, and its metadata, must be those that it was made of. Else, or
 * when a byte of it is wrong, it is as if it were not there. What it says of
 * packets is held against the sizes of the files, so that even a forged one
 * makes nobody read outside of them.
 */

/* What a packet holds. */
struct ctf_class_count {
	uint32_t class; /* index in the stream class */
	uint64_t events, bits;
};
struct ctf_writer_count {
	uint64_t pid, tid, events;
};
struct ctf_summary {
	bool has_times;
	uint64_t first_cycles, last_cycles; /* of its events */
	struct VEC(struct ctf_class_count) classes;
	struct VEC(struct ctf_writer_count) writers; /* none: not known */
};
void ctf_summary_reset(struct ctf_summary *s); /* empties, keeps the memory */
void ctf_summary_fini(struct ctf_summary *s);
/* Appends one; `out->failed` says when memory was short. */
void ctf_summary_put(struct str *out, const struct ctf_summary *s);
/* Takes one from the front of `from`. 0; -EBADMSG: they are not what was put; -ENOMEM. */
int ctf_summary_take(struct ctf_summary *s, struct span *from);

/* Writes the index of a trace that is whole; summaries[i] are those of all packets of stream i, in
 * their order. 0 or negative errno. */
int ctf_sidecar_write(const struct ctf_trace *t, const struct str *summaries, const char *path);
/* Fills in a trace's streams, whose files are mapped and plans compiled. 1; 0: there is no index,
 * or it is not this trace's; -ENOMEM. */
int ctf_sidecar_load(struct ctf_trace *t, const char *path);

/* Where the index of a trace's directory lies: $PISTE_INDEX_DIR, or piste/index in the user's cache
 * ($XDG_CACHE_HOME, ~/.cache). Never in the trace: it may be someone else's, or read-only. False:
 * nowhere ($PISTE_INDEX_DIR is empty, or there is no home). */
bool ctf_sidecar_path(struct str *out, const char *dir);

#endif
