/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>

#include "kern/rights.h"

#define EVENTS (RIGHT(CAP_BPF) | RIGHT(CAP_PERFMON))

static bool drop_all(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	return syscall(SYS_capset, &header, none) == 0;
}

TEST(admin_stands_for_bpf_and_perfmon)
{
	struct rights none = {0}, half = {.capabilities = RIGHT(CAP_BPF)},
		      both = {.capabilities = EVENTS},
		      admin = {.capabilities = RIGHT(CAP_SYS_ADMIN)},
		      contained = {.capabilities = EVENTS, .is_contained = true};

	CHECK(!rights_suffice(&none, EVENTS));
	CHECK(!rights_suffice(&half, EVENTS));
	CHECK(rights_suffice(&both, EVENTS));
	CHECK(rights_suffice(&admin, EVENTS));
	CHECK(!rights_suffice(&admin, RIGHT(CAP_SYSLOG)));
	CHECK(!rights_suffice(&contained, EVENTS));
}

TEST(names_and_remedy)
{
	struct rights none = {0}, contained = {.is_contained = true};
	struct str s = {0};

	rights_add_names(&s, RIGHT(CAP_BPF));
	CHECK_STR(str_c(&s), "CAP_BPF");
	str_reset(&s);
	rights_add_names(&s, EVENTS | RIGHT(CAP_SYSLOG));
	CHECK_STR(str_c(&s), "CAP_BPF, CAP_PERFMON and CAP_SYSLOG");
	str_reset(&s);
	rights_add_remedy(&s, &none, EVENTS);
	CHECK_STR(str_c(&s), "sudo setcap cap_bpf,cap_perfmon+ep $(command -v piste)");
	str_reset(&s);
	rights_add_remedy(&s, &contained, EVENTS);
	CHECK(!strstr(str_c(&s), "setcap"));
	str_fini(&s);
}

TEST(the_line_without_rights)
{
	struct diag d = {0};

	REQUIRE(drop_all());
	CHECK_INT(rights_need_events("kernel events", &d), -EPERM);
	REQUIRE(d.len == 1);
	CHECK_STR(d.entries[0].message,
		  "kernel events need CAP_BPF and CAP_PERFMON: run as root, or: sudo setcap "
		  "cap_bpf,cap_perfmon,cap_sys_resource+ep $(command -v piste)");
	diag_fini(&d);
	CHECK_INT(rights_need_events("piste top", &d), -EPERM);
	CHECK(!strncmp(d.entries[0].message, "piste top needs CAP_BPF", 23));
	diag_fini(&d);
}

TEST(capabilities_of_a_child_namespace_do_not_count)
{
	struct rights r;
	struct diag d = {0};

	if (unshare(CLONE_NEWUSER) < 0)
		SKIP("user namespaces are refused");
	rights_get(&r);
	CHECK(r.is_contained);
	CHECK(r.capabilities & RIGHT(CAP_SYS_ADMIN));
	CHECK_INT(rights_need_events("kernel events", &d), -EPERM);
	CHECK(strstr(d.entries[0].message, "outside"));
	diag_fini(&d);
}
