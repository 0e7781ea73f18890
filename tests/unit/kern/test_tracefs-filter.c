/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "kern/tracefs-filter.h"

static struct kern_field fields[] = {
	{.name = "prio", .kind = KERN_INTEGER, .size = 4, .is_signed = true},
	{.name = "flags", .kind = KERN_INTEGER, .size = 4},
	{.name = "comm", .kind = KERN_CHARS, .size = 1, .count = 16},
};
static const struct format format = {.name = "e", .fields = fields, .n_fields = 3};

#define FIELD(name)                                                                                \
	{                                                                                          \
		.op = KERN_FILTER_FIELD, .text = name                                              \
	}
#define INT(value)                                                                                 \
	{                                                                                          \
		.op = KERN_FILTER_INT, .number = value                                             \
	}
#define OP(op_)                                                                                    \
	{                                                                                          \
		.op = KERN_FILTER_BINARY, .binary = op_                                            \
	}
#define GLOB(name, glob_)                                                                          \
	{                                                                                          \
		.op = KERN_FILTER_GLOB, .text = name, .glob = glob_                                \
	}
#define NOT                                                                                        \
	{                                                                                          \
		.op = KERN_FILTER_NOT                                                              \
	}

static void check(const struct kern_filter_step *steps, size_t n, int rc, const char *wanted)
{
	struct str out = {0};

	CHECK_INT(tracefs_filter_text(&out, steps, n, &format), rc);
	CHECK_STR(str_c(&out), wanted);
	str_fini(&out);
}

#define CHECK_FILTER(rc, wanted, ...)                                                              \
	do {                                                                                       \
		static const struct kern_filter_step steps[] = {__VA_ARGS__};                      \
		check(steps, sizeof(steps) / sizeof(*steps), rc, wanted);                          \
	} while (0)

TEST(what_tracefs_can_say)
{
	CHECK_FILTER(0, "prio < -5", FIELD("prio"), INT(-5), OP("<"));
	CHECK_FILTER(0, "prio > 5", INT(5), FIELD("prio"), OP("<"));
	CHECK_FILTER(0, "flags & 4", FIELD("flags"), INT(4), OP("&"));
	CHECK_FILTER(0, "!(flags & 4)", FIELD("flags"), INT(4), OP("&"), INT(0), OP("=="));
	CHECK_FILTER(0, "flags & 4", FIELD("flags"), INT(4), OP("&"), INT(0), OP("!="));
	CHECK_FILTER(0, "(prio == 1) && ((!(comm ~ \"redis*\")) || (common_pid != 0))",
		     FIELD("prio"), INT(1), OP("=="), GLOB("comm", "redis*"), NOT, FIELD("tid"),
		     OP("||"), OP("&&"));
	CHECK_FILTER(0, "CPU == 1", FIELD("cpu"), INT(1), OP("=="));
}

TEST(what_it_cannot)
{
	CHECK_FILTER(-EOPNOTSUPP, "", FIELD("prio"), FIELD("flags"), OP("<"));
	CHECK_FILTER(-EOPNOTSUPP, "", FIELD("prio"), INT(1), OP("+"), INT(3), OP("=="));
	CHECK_FILTER(-EOPNOTSUPP, "", FIELD("pid"), INT(1), OP("=="));
	CHECK_FILTER(-EOPNOTSUPP, "", FIELD("flags"), INT(6), OP("&"), INT(4), OP("=="));
	CHECK_FILTER(-EOPNOTSUPP, "", GLOB("comm", "a\"b"));
	CHECK_FILTER(-EOPNOTSUPP, "", INT(1));
	CHECK_FILTER(-EOPNOTSUPP, "", INT(1), NOT);
	CHECK_FILTER(-EOPNOTSUPP, "", OP("=="));
	CHECK_FILTER(-EOPNOTSUPP, "", FIELD("prio"), FIELD("prio"));
}

TEST(a_field_that_is_not_there)
{
	CHECK_FILTER(-ENOENT, "", FIELD("nice"), INT(1), OP("=="));
	CHECK_FILTER(-ENOENT, "", GLOB("prio", "1*"));
	CHECK_FILTER(-ENOENT, "", FIELD("comm"), INT(1), OP("=="));
	CHECK_FILTER(-ENOENT, "", FIELD("pid"), INT(1), OP("=="), FIELD("nice"), OP("&&"));
}

TEST(a_stack_too_deep)
{
	static struct kern_filter_step steps[200];

	for (size_t i = 0; i < 200; i++)
		steps[i] = (struct kern_filter_step)FIELD("prio");
	check(steps, 200, -EOPNOTSUPP, "");
}
