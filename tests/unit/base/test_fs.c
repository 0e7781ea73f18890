/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"

static char dir[] = "/tmp/piste-test-fs-XXXXXX";

static bool enter_temp_dir(void)
{
	return mkdtemp(dir) && chdir(dir) == 0;
}

TEST(write_read_and_replace)
{
	char *data = NULL;
	size_t len = 0;
	struct stat st;

	REQUIRE(enter_temp_dir());
	CHECK_INT(fs_write_file(AT_FDCWD, "f", "first", 5), 0);
	CHECK_INT(fs_read_file(AT_FDCWD, "f", 100, &data, &len), 0);
	CHECK_INT(len, 5);
	CHECK_STR(data, "first");
	free(data);
	data = NULL;
	CHECK_INT(fs_write_file(AT_FDCWD, "f", "", 0), 0);
	CHECK_INT(fs_read_file(AT_FDCWD, "f", 0, &data, NULL), 0);
	CHECK_STR(data, "");
	free(data);
	CHECK_INT(fs_write_file(AT_FDCWD, "absent/f", "x", 1), -ENOENT);
	CHECK_INT(stat("f", &st), 0);
	CHECK_INT(unlink("f"), 0);
	CHECK(fs_dir_is_empty(".")); /* nothing temporary is left */
	CHECK_INT(fs_remove_tree(dir), 0);
}

TEST(limits)
{
	char *data = NULL;

	REQUIRE(enter_temp_dir());
	CHECK_INT(fs_write_file(AT_FDCWD, "f", "12345", 5), 0);
	CHECK_INT(fs_read_file(AT_FDCWD, "f", 4, &data, NULL), -EFBIG);
	CHECK_INT(fs_read_file(AT_FDCWD, "f", 5, &data, NULL), 0);
	free(data);
	CHECK_INT(fs_read_file(AT_FDCWD, "absent", 5, &data, NULL), -ENOENT);
	CHECK_INT(fs_read_file(AT_FDCWD, ".", 5, &data, NULL), -EISDIR);
	CHECK_INT(fs_read_file(AT_FDCWD, "/proc/self/status", 10, &data, NULL), -EFBIG);
	CHECK_INT(fs_read_file(AT_FDCWD, "/dev/zero", 100000, &data, NULL), -EFBIG);
	CHECK_INT(fs_remove_tree(dir), 0);
}

TEST(proc_files_of_unknown_size)
{
	char *data = NULL;
	size_t len = 0;

	CHECK_INT(fs_read_file(AT_FDCWD, "/proc/self/maps", 1 << 24, &data, &len), 0);
	CHECK(len > 0 && strlen(data) == len);
	free(data);
	data = NULL;
	CHECK_INT(fs_read_file(AT_FDCWD, "/proc/self/cmdline", 1 << 20, &data, &len), 0);
	CHECK(len > 0);
	free(data);
}

TEST(map)
{
	struct span s;

	REQUIRE(enter_temp_dir());
	CHECK_INT(fs_write_file(AT_FDCWD, "f", "abc", 3), 0);
	CHECK_INT(fs_write_file(AT_FDCWD, "empty", "", 0), 0);
	CHECK_INT(fs_map(AT_FDCWD, "f", &s), 0);
	CHECK_INT(s.len, 3);
	CHECK_MEM(s.data, "abc", 3);
	fs_unmap(&s);
	CHECK(!s.data && !s.len);
	fs_unmap(&s);
	CHECK_INT(fs_map(AT_FDCWD, "empty", &s), 0);
	CHECK(!s.data && !s.len);
	CHECK_INT(fs_map(AT_FDCWD, ".", &s), -EISDIR);
	CHECK_INT(fs_map(AT_FDCWD, "/dev/null", &s), -EINVAL);
	CHECK_INT(fs_map(AT_FDCWD, "absent", &s), -ENOENT);
	CHECK_INT(mkfifo("fifo", 0600), 0);
	CHECK_INT(fs_map(AT_FDCWD, "fifo", &s), -EINVAL); /* and it does not wait */
	CHECK_INT(fs_remove_tree(dir), 0);
}

TEST(directories)
{
	struct stat st;

	REQUIRE(enter_temp_dir());
	CHECK_INT(fs_make_dirs("a/b/c"), 0);
	CHECK_INT(fs_make_dirs("a/b/c/"), 0);
	CHECK_INT(fs_make_dirs("/tmp"), 0);
	CHECK_INT(fs_make_dirs(""), -ENOENT);
	CHECK(fs_dir_is_empty("a/b/c"));
	CHECK(!fs_dir_is_empty("a"));
	CHECK(!fs_dir_is_empty("absent"));
	CHECK_INT(fs_write_file(AT_FDCWD, "a/f", "x", 1), 0);
	CHECK_INT(fs_make_dirs("a/f"), -ENOTDIR);
	CHECK_INT(fs_make_dirs("a/f/g"), -ENOTDIR);
	CHECK_INT(mkdir("kept", 0700), 0);
	CHECK_INT(fs_write_file(AT_FDCWD, "kept/f", "x", 1), 0);
	CHECK_INT(symlink("../../kept", "a/b/link"), 0);
	CHECK_INT(fs_remove_tree("a"), 0);
	CHECK(stat("a", &st) < 0);
	CHECK_INT(stat("kept/f", &st), 0); /* links are not followed */
	CHECK_INT(fs_remove_tree("absent"), -ENOENT);
	CHECK_INT(fs_remove_tree("kept/f"), -ENOTDIR);
	CHECK_INT(fs_remove_tree(dir), 0);
}

TEST(cleanup)
{
	int copy;

	{
		_cleanup_(close_fdp) int fd = open("/dev/null", O_RDONLY);
		_cleanup_(close_fdp) int none = -1;
		_cleanup_(freep) char *text = strdup("leaks if not freed");

		REQUIRE(fd >= 0 && text);
		CHECK_INT(none, -1);
		copy = fd;
	}
	CHECK_INT(fcntl(copy, F_GETFD), -1);
}
