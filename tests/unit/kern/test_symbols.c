/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/symbols.h"

static char file[] = "/tmp/piste-test-symbols-XXXXXX";

static int open_text(struct symbols **out, const char *text, struct diag *diag)
{
	int fd = mkstemp(file), err;

	if (fd < 0 || fs_write_all(fd, text, strlen(text)))
		return -EIO;
	close(fd);
	err = symbols_open(out, file, diag);
	unlink(file);
	strcpy(file + strlen(file) - 6, "XXXXXX");
	return err;
}

static const char *find(const struct symbols *s, uint64_t address)
{
	struct symbol found;

	return symbols_find(s, address, &found) ? found.name : NULL;
}

TEST(kernel_modules_and_programs)
{
	struct symbols *s;
	struct symbol found;

	REQUIRE(open_text(&s,
			  "ffffffff81000000 T _stext\n"
			  "ffffffff81000000 T _text\n"
			  "ffffffff81000100 t do_one\n"
			  "ffffffff81000180 D some_data\n"
			  "ffffffff81000200 W weak_one\n"
			  "ffffffffc0001000 t nf_two\t[nf_tables]\n"
			  "ffffffffc0000000 t nf_one\t[nf_tables]\n" /* modules are in no order */
			  "ffffffffc0100000 t bpf_prog_0123_x\t[bpf]\n"
			  "ffffffffc0200000 t torn",
			  NULL) == 0);
	CHECK_INT(symbols_count(s), 7);
	CHECK_STR(find(s, 0xffffffff81000000), "_stext"); /* the first of its names */
	CHECK_STR(find(s, 0xffffffff810000ff), "_stext");
	CHECK_STR(find(s, 0xffffffff81000100), "do_one");
	CHECK_STR(find(s, 0xffffffff81000190), "do_one"); /* data is no function */
	CHECK_STR(find(s, 0xffffffff81000201), "weak_one");
	CHECK(!find(s, 0xffffffff80ffffff));
	CHECK(!find(s, 0));
	CHECK(!find(s, 0xffffffff90000000)); /* between kernel and modules */
	CHECK(!find(s, UINT64_MAX));
	REQUIRE(symbols_find(s, 0xffffffffc0001234, &found));
	CHECK_STR(found.name, "nf_two");
	CHECK_STR(found.module, "nf_tables");
	CHECK_INT(found.address, 0xffffffffc0001000);
	REQUIRE(symbols_find(s, 0xffffffffc0100000, &found));
	CHECK_STR(found.module, "bpf");
	REQUIRE(symbols_find(s, 0xffffffff81000100, &found));
	CHECK_STR(found.module, "");
	CHECK_INT(symbols_address(s, "nf_one"), 0xffffffffc0000000);
	CHECK_INT(symbols_address(s, "some_data"), 0);
	symbols_free(s);
}

TEST(what_cannot_be_used)
{
	struct diag d = {0};
	struct symbols *s;

	CHECK_INT(open_text(&s, "0000000000000000 T _text\n0000000000000000 t a\n", &d), -EACCES);
	REQUIRE(d.len == 1 && d.entries[0].hint);
	CHECK(strstr(d.entries[0].hint, "CAP_SYSLOG"));
	CHECK(!s);
	diag_fini(&d);
	CHECK_INT(open_text(&s, "", &d), -ENOENT);
	diag_fini(&d);
	CHECK_INT(open_text(&s, "zz\n\nffff\nffff T\nffff T \nffff x y\n\xff\xfe\n", &d), -ENOENT);
	CHECK_INT(d.errors, 1);
	diag_fini(&d);
	CHECK_INT(symbols_open(&s, "/nowhere", &d), -ENOENT);
	CHECK_INT(d.errors, 1);
	diag_fini(&d);
	symbols_free(NULL);
}

TEST(of_this_kernel)
{
	struct symbols *s;
	uint64_t address;
	int err = symbols_open(&s, NULL, NULL);

	if (err)
		SKIP("the kernel hides its addresses from this user");
	CHECK(symbols_count(s) > 1000);
	address = symbols_address(s, "schedule");
	REQUIRE(address);
	CHECK_STR(find(s, address + 1), "schedule");
	symbols_free(s);
}
