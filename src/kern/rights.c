/* SPDX-License-Identifier: MIT */
/*
 * The kernel asks for CAP_BPF and CAP_PERFMON of the first user namespace
 * (capabilities(7)), or CAP_SYS_ADMIN, which includes both (bpf_capable and
 * perfmon_capable in include/linux/capability.h).
 */
#include "kern/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* PROC_USER_INIT_INO of include/linux/proc_ns.h: never changes, scripts rely on it. */
#define FIRST_USER_NAMESPACE 0xEFFFFFFDu

/* cap_sys_resource: locked memory of kernels before 5.11 */
#define EVENTS (RIGHT(CAP_BPF) | RIGHT(CAP_PERFMON))
#define EVENTS_AT_EASE (EVENTS | RIGHT(CAP_SYS_RESOURCE))

static const struct {
	unsigned capability;
	const char *name, *small_name;
} names[] = {
	{CAP_BPF, "CAP_BPF", "cap_bpf"},
	{CAP_PERFMON, "CAP_PERFMON", "cap_perfmon"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "cap_sys_admin"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "cap_sys_ptrace"},
	{CAP_SYSLOG, "CAP_SYSLOG", "cap_syslog"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "cap_dac_read_search"},
	{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE", "cap_checkpoint_restore"},
	{CAP_SYS_RESOURCE, "CAP_SYS_RESOURCE", "cap_sys_resource"},
};
enum { N_NAMES = sizeof(names) / sizeof(names[0]) };

void rights_get(struct rights *out)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	struct stat st;

	*out = (struct rights){0};
	if (syscall(SYS_capget, &header, data) == 0)
		out->capabilities = data[0].effective | (uint64_t)data[1].effective << 32;
	if (stat("/proc/self/ns/user", &st) == 0)
		out->is_contained = st.st_ino != FIRST_USER_NAMESPACE;
}

bool rights_suffice(const struct rights *r, uint64_t wanted)
{
	uint64_t have = r->capabilities;

	if (have & RIGHT(CAP_SYS_ADMIN))
		have |= EVENTS;
	return !r->is_contained && (have & wanted) == wanted;
}

void rights_add_names(struct str *out, uint64_t rights)
{
	const char *between = "";

	for (size_t i = 0; i < N_NAMES; i++) {
		if (!(rights & RIGHT(names[i].capability)))
			continue;
		rights &= ~RIGHT(names[i].capability);
		str_addf(out, "%s%s", between, names[i].name);
		between = rights & (rights - 1) ? ", " : " and ";
	}
}

void rights_add_remedy(struct str *out, const struct rights *have, uint64_t wanted)
{
	const char *between = "";

	if (have->is_contained) {
		str_add(out, "run it outside of this container (user namespace)");
		return;
	}
	str_add(out, "sudo setcap ");
	for (size_t i = 0; i < N_NAMES; i++) {
		if (!(wanted & RIGHT(names[i].capability)))
			continue;
		str_addf(out, "%s%s", between, names[i].small_name);
		between = ",";
	}
	str_add(out, "+ep $(command -v piste)");
}

int rights_need_events(const char *what, struct diag *diag)
{
	struct str text = {0};
	struct rights have;

	rights_get(&have);
	if (rights_suffice(&have, EVENTS))
		return 0;
	str_addf(&text, "%s need%s ", what, what[strlen(what) - 1] == 's' ? "" : "s");
	rights_add_names(&text, EVENTS);
	str_add(&text, have.is_contained ? " of the host: " : ": run as root, or: ");
	rights_add_remedy(&text, &have, EVENTS_AT_EASE);
	diag_error(diag, NULL, "%s", str_c(&text));
	str_fini(&text);
	return -EPERM;
}

int rights_refused(const char *what, const char *call, struct diag *diag)
{
	if (rights_need_events(what, diag) == 0) {
		diag_error(diag, NULL, "%s: the kernel refuses %s in spite of the capabilities",
			   what, call);
		diag_hint(diag,
			  "a seccomp filter of this container, or lockdown: `piste doctor` tells");
	}
	return -EPERM;
}
