/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <sys/stat.h>

#include "fake_root.h"
#include "kern/cgroup.h"

static const struct fake_file hybrid[] = {
	{"/proc/self/mountinfo",
	 "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
	 "30 22 0:25 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
	 "31 30 0:26 / /sys/fs/cgroup/systemd rw shared:5 - cgroup cgroup rw,xattr,name=systemd\n"
	 "32 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
	 "33 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	 "34 30 0:29 / /sys/fs/cgroup/with\\040blank rw - cgroup2 cgroup2 rw,nsdelegate\n"},
	{"/proc/7/cgroup", "9:name=systemd:/user.slice\n4:memory:/deep/er\n0::/\n"},
	{"/proc/8/cgroup", "9:name=systemd:/user.slice\n0::/system.slice/web.service (deleted)\n"},
	{"/proc/9/cgroup", "1:cpu,cpuacct:/\n0::/\n"},
	{0},
};

TEST(mounts_version_2_first)
{
	struct cgroup_mounts m;

	REQUIRE(fake_root_make(hybrid));
	CHECK_INT(cgroup_mounts_get(&m, fake_root, NULL), 0);
	REQUIRE(m.n == 4);
	CHECK(m.items[0].is_v2);
	CHECK_STR(m.items[0].path, "/sys/fs/cgroup/with blank");
	CHECK_STR(m.items[1].controllers, "memory");
	CHECK_STR(m.items[2].controllers, "cpu,cpuacct");
	CHECK_STR(m.items[3].controllers, "name=systemd");
	fake_root_remove();
}

TEST(no_mounts)
{
	static const struct fake_file files[] = {
		{"/proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\nx\n\n1 - cgroup\n"},
		{0},
	};
	struct diag d = {0};
	struct cgroup_mounts m;

	REQUIRE(fake_root_make(files));
	CHECK_INT(cgroup_mounts_get(&m, fake_root, &d), -ENOENT);
	CHECK_INT(d.errors, 1);
	diag_fini(&d);
	fake_root_remove();
}

TEST(found_by_path_and_by_name)
{
	struct cgroup_mounts m;
	struct diag d = {0};
	struct cgroup c;
	struct stat st;
	char path[PATH_MAX];

	REQUIRE(fake_root_make(hybrid));
	REQUIRE(fake_cgroup("/sys/fs/cgroup/with blank", "/system.slice/web.service"));
	REQUIRE(fake_cgroup("/sys/fs/cgroup/memory", "/system.slice/web.service"));
	REQUIRE(fake_cgroup("/sys/fs/cgroup/memory", "/only/v1"));
	REQUIRE(fake_write("/sys/fs/cgroup/memory/plain/file", ""));
	REQUIRE(cgroup_mounts_get(&m, fake_root, NULL) == 0);

	CHECK_INT(cgroup_find(&c, &m, "system.slice/web.service", NULL), 0);
	CHECK(c.is_v2);
	CHECK_STR(c.name, "/system.slice/web.service");
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/with blank/system.slice/web.service",
		 fake_root);
	CHECK_STR(c.path, path);
	CHECK(stat(path, &st) == 0 && c.id == st.st_ino);

	CHECK_INT(cgroup_find(&c, &m, "/sys/fs/cgroup/memory/system.slice//web.service/", NULL), 0);
	CHECK(!c.is_v2);
	CHECK_INT(cgroup_find(&c, &m, "/only/v1", NULL), 0);
	CHECK(!c.is_v2);
	CHECK_STR(c.name, "/only/v1");
	CHECK_INT(cgroup_find(&c, &m, "/", NULL), 0);
	CHECK_STR(c.name, "/");
	CHECK_INT(cgroup_find(&c, &m, "/sys/fs/cgroup/with blank", NULL), 0);
	CHECK_STR(c.name, "/");

	CHECK_INT(cgroup_find(&c, &m, "wbe.service", &d), -ENOENT);
	REQUIRE(d.len == 1 && d.entries[0].hint);
	CHECK_STR(d.entries[0].hint, "did you mean /system.slice/web.service?");
	diag_fini(&d);
	CHECK_INT(cgroup_find(&c, &m, "/plain", &d), -ENOTDIR);
	CHECK_INT(d.errors, 1);
	diag_fini(&d);
	fake_root_remove();
}

TEST(of_a_task)
{
	char name[PATH_MAX];
	bool is_v2;

	REQUIRE(fake_root_make(hybrid));
	CHECK_INT(cgroup_of_task(name, &is_v2, fake_root, 7), 0);
	CHECK_STR(name, "/deep/er"); /* the root of version 2 says nothing */
	CHECK(!is_v2);
	CHECK_INT(cgroup_of_task(name, &is_v2, fake_root, 8), 0);
	CHECK_STR(name, "/system.slice/web.service");
	CHECK(is_v2);
	CHECK_INT(cgroup_of_task(name, &is_v2, fake_root, 9), 0);
	CHECK_STR(name, "/");
	CHECK_INT(cgroup_of_task(name, &is_v2, fake_root, 10), -ESRCH);
	fake_root_remove();
}

static int count(void *ctx, uint32_t tid)
{
	uint32_t *sum = ctx;

	*sum += tid;
	return tid == 99 ? 1 : 0;
}

TEST(tasks_of_all_below)
{
	struct cgroup_mounts m;
	struct cgroup c;
	uint32_t sum = 0;

	REQUIRE(fake_root_make(hybrid));
	REQUIRE(fake_cgroup("/sys/fs/cgroup/with blank", "/a/b/c"));
	REQUIRE(fake_write("/sys/fs/cgroup/with blank/a/cgroup.threads", "1\n2\n0\n"));
	REQUIRE(fake_write("/sys/fs/cgroup/with blank/a/b/c/cgroup.threads", "10\n"));
	REQUIRE(fake_cgroup("/sys/fs/cgroup/memory", "/v1"));
	REQUIRE(fake_write("/sys/fs/cgroup/memory/v1/tasks", "99\n100\n"));
	REQUIRE(cgroup_mounts_get(&m, fake_root, NULL) == 0);
	REQUIRE(cgroup_find(&c, &m, "/a", NULL) == 0);
	CHECK_INT(cgroup_each_task(&c, count, &sum), 0);
	CHECK_INT(sum, 13);
	REQUIRE(cgroup_find(&c, &m, "/v1", NULL) == 0);
	CHECK_INT(cgroup_each_task(&c, count, &sum), 1);
	CHECK_INT(sum, 13 + 99);
	fake_root_remove();
}

TEST(of_this_system)
{
	char name[PATH_MAX];
	struct cgroup_mounts m;
	struct cgroup c;
	bool is_v2;

	if (cgroup_mounts_get(&m, "", NULL))
		SKIP("no control groups are mounted here");
	CHECK_INT(cgroup_of_task(name, &is_v2, "", (uint32_t)getpid()), 0);
	CHECK_INT(cgroup_find(&c, &m, m.items[0].path, NULL), 0);
	CHECK(c.id != 0);
}
