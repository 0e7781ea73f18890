/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "session/kernel-filter.h"

/* The steps, as one would write them. */
static const char *steps_of(const char *text)
{
	static char out[512];
	struct arena a = {0};
	struct kernel_filter steps;
	struct filter *f;
	size_t n = 0;

	out[0] = '\0';
	if (!CHECK_INT(filter_parse(&f, text, &a, NULL), 0) ||
	    !CHECK_INT(kernel_filter_make(&steps, f, &a), 0))
		return out;
	for (size_t i = 0; i < steps.len; i++) {
		const struct kern_filter_step *s = &steps.items[i];
		char *to = out + n;
		size_t room = sizeof(out) - n;

		if (s->op == KERN_FILTER_INT)
			n += (size_t)snprintf(to, room, "%jd ", (intmax_t)s->number);
		else if (s->op == KERN_FILTER_FIELD)
			n += (size_t)snprintf(to, room, "%s ", s->text);
		else if (s->op == KERN_FILTER_GLOB)
			n += (size_t)snprintf(to, room, "%s~%s ", s->text, s->glob);
		else
			n += (size_t)snprintf(to, room, "%s%s ", s->binary,
					      s->is_unsigned ? "u" : "");
	}
	vec_fini(&steps);
	arena_fini(&a);
	return out;
}

TEST(comparisons_are_translated)
{
	CHECK_STR(steps_of("fd == 3"), "fd 3 == ");
	CHECK_STR(steps_of("ret < 0"), "ret 0 < ");
	CHECK_STR(steps_of("0 > ret"), "ret 0 < ");
	CHECK_STR(steps_of("ret == -2"), "ret -2 == ");
	CHECK_STR(steps_of("flags & 4 == 4"), "flags 4 & 4 == ");
	CHECK_STR(steps_of("filename == \"/etc/passwd\""), "filename~/etc/passwd ");
	CHECK_STR(steps_of("\"/etc/*\" == filename"), "filename~/etc/* ");
	CHECK_STR(steps_of("fd == 3 && count > 100 && comm == \"a*\""),
		  "fd 3 == count 100 >u && comm~a* && ");
	CHECK_STR(steps_of("fd == 3 || fd == 4 || fd > 100"), "fd 3 == fd 4 == || fd 100 >u || ");
}

/* A number that is compared must pass where it passes as a number: as u64 or as s64. */
TEST(what_is_beyond_63_bits_may_pass)
{
	CHECK_STR(steps_of("count > 10"), "count 10 >u ");
	CHECK_STR(steps_of("count >= 10"), "count 10 >=u ");
	CHECK_STR(steps_of("count <= 10"), "count 10 <= ");
	CHECK_STR(steps_of("ret > -10"), "");
	CHECK_STR(steps_of("ret != -10"), "");
	CHECK_STR(steps_of("ret != 10"), "ret 10 != ");
	CHECK_STR(steps_of("ip < 0xffffffff00000000"), "");
}

TEST(what_the_kernel_cannot_do_counts_as_true)
{
	CHECK_STR(steps_of("!(fd == 3)"), "");
	CHECK_STR(steps_of("fd == 3 && !(count == 1)"), "fd 3 == ");
	CHECK_STR(steps_of("!(count == 1) && fd == 3"), "fd 3 == ");
	CHECK_STR(steps_of("fd == 3 || !(fd == 1)"), "");
	CHECK_STR(steps_of("fd == 3 || count == 1"), ""); /* an event may have one of them */
	CHECK_STR(steps_of("(fd == 3 || count == 1) && ret == 0"), "ret 0 == ");
	CHECK_STR(steps_of("a * 2 == 4"), "");
	CHECK_STR(steps_of("a == b"), "");
	CHECK_STR(steps_of("a.b == 1"), "");
	CHECK_STR(steps_of("a == 1.5"), "");
	CHECK_STR(steps_of("$pid == 1 && a == 1"), "a 1 == ");
	CHECK_STR(steps_of("filename != \"x\""), "");
	CHECK_STR(steps_of("filename == \"*x\""), "");
	CHECK_STR(steps_of("filename == \"a?\""), "");
	CHECK_STR(steps_of("filename == \"a\\*\""), "");
	CHECK_STR(steps_of("filename == \"01234567890123456789012345678901\""), "");
}
