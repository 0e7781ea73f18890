/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_KERNEL_RULES_H
#define PISTE_SESSION_KERNEL_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/vec.h"

/*
 * kernel-rules - which rules of a recording speak of the kernel.
 *
 * One list of rules serves both worlds. "k:" in front is the kernel's alone, "u:"
 * that of user space. Without either, a rule is for whoever has events of
 * that name: 'sched:*' for the kernel, 'shop:*' for user space. One without a ':' is
 * matched against names of user-space events; "*" takes what the kernel
 * records when nobody says what.
 */
struct kernel_rules {
	struct VEC(const char *) chosen; /* for kern_options; borrowed of the rules */
	bool wants_kernel; /* with no rule chosen: its default set */
	bool is_explicit; /* some rule is the kernel's alone */
	bool for_users; /* some rule is, or may be, for user space */
};

/*
 * names: of all kernel events; none: not known, every rule may be the kernel's.
 * -ENOENT when a rule can only mean the kernel and names nothing there; the diag
 * has the nearest name. Or -ENOMEM.
 */
int kernel_rules_init(struct kernel_rules *out, const char *const *rules, size_t n_rules,
		      const char *const *names, size_t n_names, struct diag *diag);
/* Whether a rule without its world names the event: "syscall:openat" is its entry and its exit. */
bool kernel_rule_names(const char *rule, const char *name);
void kernel_rules_fini(struct kernel_rules *rules);

#endif
