/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "session/kernel-rules.h"

static const char *const names[] = {"sched:sched_switch", "sched:sched_wakeup",
				    "syscall:openat_entry", "syscall:openat_exit",
				    "irq:irq_handler_entry"};
enum { N_NAMES = sizeof(names) / sizeof(*names) };

/* The chosen rules, each with a space behind it. */
static const char *chosen(struct kernel_rules *r, const char *const *rules, size_t n)
{
	static char text[256];

	text[0] = '\0';
	CHECK_INT(kernel_rules_init(r, rules, n, names, N_NAMES, NULL), 0);
	for (size_t i = 0; i < r->chosen.len; i++) {
		strcat(text, r->chosen.items[i]);
		strcat(text, " ");
	}
	kernel_rules_fini(r);
	return text;
}

#define CHOSEN(r, ...)                                                                             \
	chosen((r), (const char *const[]){__VA_ARGS__},                                            \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

TEST(each_rule_goes_where_its_name_is)
{
	struct kernel_rules r;

	CHECK_STR(CHOSEN(&r, "sched:*", "shop:*", "syscall:openat"), "sched:* syscall:openat ");
	CHECK(r.wants_kernel && !r.is_explicit && r.for_users);
	CHECK_STR(CHOSEN(&r, "sched:*", "!shop:*"), "sched:* ");
	CHECK(r.wants_kernel && !r.for_users);
	CHECK_STR(CHOSEN(&r, "shop:*"), "");
	CHECK(!r.wants_kernel && r.for_users);
	CHECK_STR(CHOSEN(&r, "k:sched:*"), "k:sched:* ");
	CHECK(r.wants_kernel && r.is_explicit && !r.for_users);
	CHECK_STR(CHOSEN(&r, "u:sched:*"), "");
	CHECK(!r.wants_kernel && r.for_users);
	CHECK_STR(CHOSEN(&r, "sched:*", "!sched:sched_switch", "!u:x:y"),
		  "sched:* !sched:sched_switch ");
}

TEST(everything_is_the_kernels_default)
{
	struct kernel_rules r;

	CHECK_STR(CHOSEN(&r, "*"), "");
	CHECK(r.wants_kernel && !r.is_explicit && r.for_users);
	CHECK_STR(CHOSEN(&r, "*:*", "!sched:*"), "!sched:* ");
	CHECK(r.wants_kernel);
	/* without a provider: user space's */
	CHECK_STR(CHOSEN(&r, "sched_switch"), "");
	CHECK(!r.wants_kernel);
}

TEST(names_that_are_none)
{
	static const struct {
		const char *rule, *hint;
	} bad[] = {
		{"k:sched:sched_swich", "did you mean sched:sched_switch?"},
		{"sched:sched_swich", "did you mean sched:sched_switch?"},
		{"syscall:openatt", "did you mean"},
		{"k:nothing:of_the_kind", "`piste list 'k:*'` has them all"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct kernel_rules r;
		struct diag diag = {0};

		CHECK_INT(kernel_rules_init(&r, &bad[i].rule, 1, names, N_NAMES, &diag), -ENOENT);
		REQUIRE(diag.len == 1);
		CHECK(diag.entries[0].hint && strstr(diag.entries[0].hint, bad[i].hint));
		kernel_rules_fini(&r);
		diag_fini(&diag);
	}
}

/* Without a list of names, whoever has them decides. */
TEST(unknown_names_pass_without_a_list)
{
	static const char *const rules[] = {"shop:*", "u:a:b", "k:x:y"};
	struct kernel_rules r;

	CHECK_INT(kernel_rules_init(&r, rules, 3, NULL, 0, NULL), 0);
	CHECK_INT(r.chosen.len, 2);
	CHECK(r.is_explicit);
	kernel_rules_fini(&r);
}
