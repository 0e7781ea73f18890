/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_RIGHTS_H
#define PISTE_KERN_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/str.h"

/*
 * rights - what the kernel lets this process do, and the one line that a user
 * without rights reads, whatever they asked for:
 *
 *	kernel events need CAP_BPF and CAP_PERFMON: run as root, or:
 *	sudo setcap cap_bpf,cap_perfmon,cap_sys_resource+ep $(command -v piste)
 *
 * (which is printed as one line).
 */
#define RIGHT(capability) (UINT64_C(1) << (capability)) /* CAP_BPF … */

struct rights {
	uint64_t capabilities; /* effective ones */
	/* Not in the first user namespace: what the set says counts for nothing where BPF and perf
	 * look. */
	bool is_contained;
};

void rights_get(struct rights *out);
/* All that `wanted` names; CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as in the kernel. */
bool rights_suffice(const struct rights *r, uint64_t wanted);

/* Events of the kernel can be had: 0; or -EPERM and that line, which begins with `what` ("kernel
 * events", "piste top"). */
int rights_need_events(const char *what, struct diag *diag);
/* The same where a call was refused (-EPERM, -EACCES) although the capabilities seem to be there: a
 * container's seccomp filter, lockdown. Always -EPERM. */
int rights_refused(const char *what, const char *call, struct diag *diag);

/* "CAP_BPF and CAP_PERFMON" */
void rights_add_names(struct str *out, uint64_t rights);
/* "sudo setcap cap_bpf,cap_perfmon+ep $(command -v piste)", or what helps instead of it. */
void rights_add_remedy(struct str *out, const struct rights *have, uint64_t wanted);

#endif
