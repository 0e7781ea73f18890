/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "base/diag.h"

TEST(entries_are_kept_in_order_with_their_places)
{
	struct diag d = {0};
	char file[] = "a.bt";
	struct diag_place place = {.file = file, .line = 3, .column = 7};

	CHECK_INT(diag_error(&d, &place, "no probe named %s", "x"), -EINVAL);
	diag_hint(&d, "did you mean %s?", "y");
	file[0] = 'b';
	diag_warn(&d, NULL, "slow");
	diag_note(&d, NULL, "so it is");
	CHECK_INT(d.len, 3);
	CHECK_INT(d.errors, 1);
	CHECK_INT(d.warnings, 1);
	CHECK_STR(d.entries[0].message, "no probe named x");
	CHECK_STR(d.entries[0].hint, "did you mean y?");
	CHECK_STR(d.entries[0].place.file, "a.bt");
	CHECK_INT(d.entries[0].place.line, 3);
	CHECK_STR(d.entries[1].hint, NULL);
	CHECK_INT(d.entries[2].severity, DIAG_NOTE);
	diag_hint(&d, "first");
	diag_hint(&d, "second");
	CHECK_STR(d.entries[2].hint, "second");
	diag_fini(&d);
	diag_fini(&d);
	diag_fini(NULL);
}

TEST(null_drops_everything)
{
	CHECK_INT(diag_error(NULL, NULL, "x"), -EINVAL);
	diag_hint(NULL, "x");
}

TEST(too_many_are_counted)
{
	struct diag d = {0};

	for (int i = 0; i < DIAG_MAX + 10; i++) {
		diag_error(&d, NULL, "%d", i);
		diag_hint(&d, "hint %d", i);
	}
	CHECK_INT(d.len, DIAG_MAX);
	CHECK_INT(d.errors, DIAG_MAX + 10);
	CHECK_INT(d.dropped, 10);
	CHECK_STR(d.entries[DIAG_MAX - 1].hint, "hint 255");
	diag_fini(&d);
}

TEST(hostile_text_cannot_drive_a_terminal)
{
	struct diag d = {0};

	diag_error(&d, NULL, "unknown \"%s\"", "\x1b[2J\n\x7f");
	CHECK_STR(d.entries[0].message, "unknown \"?[2J ?\"");
	diag_fini(&d);
}
