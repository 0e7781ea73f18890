/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "analysis/durations.h"

static const struct track track = {.pid = 1, .tid = 1, .process = "p"};

static void add(struct durations *d, const char *name, int64_t ns, int error, bool is_unfinished)
{
	struct interval i = {.name = name,
			     .track = &track,
			     .begin_ns = 5,
			     .end_ns = 5 + ns,
			     .is_unfinished = is_unfinished};

	if (error)
		i.values[i.n_values++] = (struct interval_value){.key = "error", .number = error};
	CHECK_INT(durations_add(d, (uint64_t)name[0], name, 0, &i), 0);
}

static const struct report_cell *cell(const struct report *r, size_t row, const char *key)
{
	const struct report_table *t = &r->tables.items[0];

	for (size_t c = 0; c < t->columns.len; c++)
		if (!strcmp(t->columns.items[c].key, key))
			return &t->cells.items[row * t->columns.len + c];
	return NULL;
}

TEST(groups_and_their_errors)
{
	struct durations d = {0};
	struct report r = {0};

	for (int i = 1; i <= 100; i++)
		add(&d, "read", i * 1000, i % 4 ? 0 : i % 8 ? 11 : 4, false);
	add(&d, "wait", 50000000, 512, false);
	add(&d, "wait", 1, 0, true);
	add(&d, "exit", 1, 0, true);
	durations_report(&d, &r, "call", "CALL", NULL, 2);
	CHECK_INT(r.tables.len, 1);
	CHECK_INT(r.tables.items[0].rows_left_out, 1);
	CHECK_STR(cell(&r, 0, "call")->text, "wait"); /* the most time first */
	CHECK_INT(cell(&r, 0, "count")->number, 1);
	CHECK_INT(cell(&r, 0, "unfinished")->number, 1);
	CHECK_INT(cell(&r, 0, "p99_ns")->number, 50000000);
	CHECK_STR(cell(&r, 0, "errnos")->counts[0].name, "ERESTARTSYS");
	CHECK_STR(cell(&r, 1, "call")->text, "read");
	CHECK_INT(cell(&r, 1, "count")->number, 100);
	CHECK_INT(cell(&r, 1, "errors")->number, 25);
	CHECK_INT(cell(&r, 1, "total_ns")->number, 5050000);
	CHECK_INT(cell(&r, 1, "mean_ns")->number, 50500);
	CHECK_INT(cell(&r, 1, "max_ns")->number, 100000);
	CHECK_INT(cell(&r, 1, "errnos")->number, 2);
	CHECK_STR(cell(&r, 1, "errnos")->counts[0].name, "EAGAIN");
	CHECK_INT(cell(&r, 1, "errnos")->counts[0].count, 13);
	CHECK_STR(cell(&r, 1, "errnos")->counts[1].name, "EINTR");
	CHECK_INT(cell(&r, 1, "errnos")->counts[1].count, 12);
	report_fini(&r);
	durations_fini(&d);
}

TEST(nothing)
{
	struct durations d = {0};
	struct report r = {0};

	durations_report(&d, &r, "call", "CALL", NULL, 0);
	CHECK_INT(r.tables.items[0].cells.len, 0);
	CHECK_INT(r.tables.items[0].rows_left_out, 0);
	CHECK(!arena_failed(&r.arena));
	report_fini(&r);
	durations_fini(&d);
}
