/* SPDX-License-Identifier: MIT */
/* The live kernel's tracefs; skips without the rights to look at it. */
#include "tap.h"

#include <errno.h>

#include "base/fs.h"
#include "kern/tracefs.h"

/* NULL, or why not. */
static const char *open_or_why(struct tracefs *t)
{
	int rc = tracefs_open(t, NULL);

	return rc == -EPERM || rc == -EACCES ? "no right to look at tracefs"
	       : rc                          ? "no tracefs"
					     : NULL;
}

static size_t count_mounts(void)
{
	_cleanup_(freep) char *text = NULL;
	size_t len, n = 0;

	if (fs_read_file(-1, "/proc/self/mountinfo", 1 << 20, &text, &len))
		return 0;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

TEST(nothing_is_mounted_visibly)
{
	size_t before = count_mounts();
	struct tracefs t = TRACEFS_NONE;
	const char *why = open_or_why(&t);

	if (why)
		SKIP(why);
	CHECK(before > 0);
	CHECK_INT(count_mounts(), before);
	tracefs_fini(&t);
	CHECK_INT(t.fd, -1);
}

TEST(every_format_of_this_kernel)
{
	struct tracefs t = TRACEFS_NONE;
	struct tracepoints points;
	const char *why = open_or_why(&t);
	struct tracepoint *point;
	size_t fields = 0, labels = 0;

	if (why)
		SKIP(why);
	REQUIRE(!tracepoints_load(&points, &t, NULL));
	CHECK(points.items.len > 100);
	vec_each(point, &points.items) {
		struct diag diag = {0};

		if (!CHECK_INT(tracepoint_read_format(&points, point, &t, NULL, &diag), 0))
			printf("# %s: %s\n", point->name, diag.len ? diag.entries[0].message : "?");
		CHECK_STR(point->format.name, strchr(point->name, ':') + 1);
		fields += point->format.n_fields;
		for (size_t i = 0; i < point->format.n_fields; i++)
			labels += point->format.fields[i].labels != NULL;
		diag_fini(&diag);
	}
	printf("# %zu tracepoints, %zu fields, %zu with names of values\n", points.items.len,
	       fields, labels);
	CHECK(fields > points.items.len);
	CHECK(labels > 50);
	point = tracepoints_find(&points, "sched:sched_switch");
	REQUIRE(point);
	CHECK_STR(point->format.fields[0].name, "prev_comm");
	CHECK_INT(point->format.fields[0].kind, KERN_CHARS);
	CHECK_INT(point->format.fields[0].count, 16);
	CHECK(!tracepoints_find(&points, "sched:sched_swatch"));
	CHECK(!tracepoints_find(&points, "syscalls:sys_enter_openat"));
	tracepoints_fini(&points);
	tracefs_fini(&t);
}

TEST(layout_of_pages)
{
	struct tracefs t = TRACEFS_NONE;
	_cleanup_(freep) char *text = NULL;
	const char *why = open_or_why(&t);
	struct page_layout layout;
	size_t len;

	if (why)
		SKIP(why);
	REQUIRE(!tracefs_read(t.fd, "events/header_page", &text, &len));
	CHECK_INT(page_layout_parse(&layout, (struct span){(uint8_t *)text, len}, NULL), 0);
	CHECK_INT(layout.commit_size, sizeof(long));
	tracefs_fini(&t);
}
