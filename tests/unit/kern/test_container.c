/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <sys/stat.h>

#include "fake_root.h"
#include "kern/container-names.h"
#include "kern/container.h"

#define A "aaaa456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define B "bbbb456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define C "cccc456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D "dddd456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define E "aabb456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Paths as they are seen on real hosts. */
static const struct {
	const char *cgroup, *engine, *id;
} paths[] = {
	{"/system.slice/docker-" A ".scope", "docker", A},
	{"/docker/" A, "docker", A},
	{"/docker/" A "/init", "docker", A},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/docker-" A ".scope", "docker", A},
	{"/machine.slice/libpod-" A ".scope", "podman", A},
	{"/machine.slice/libpod-" A ".scope/container", "podman", A},
	{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" A ".scope/container",
	 "podman", A},
	{"/libpod_parent/libpod-" A, "podman", A},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1234_5.slice/"
	 "cri-containerd-" A ".scope",
	 "containerd", A},
	{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/crio-" A
	 ".scope",
	 "cri-o", A},
	{"/kubepods/burstable/pod5a1f2c3d-0000-1111-2222-333344445555/" A, "kubernetes", A},
	{"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" A, "containerd", A},
	{"/system.slice/nerdctl-" A ".scope", "containerd", A},
	{"/default/" A, "oci", A},
	{"/machine.slice/systemd-nspawn@web.service/payload", "nspawn", "web"},
	{"/machine.slice/machine-my\\x2dbox.scope", "machine", "my-box"},
	{"/lxc.payload.web/init.scope", "lxc", "web"},
	{"/lxc/web", "lxc", "web"},
	/* in a container of a container, the inner one */
	{"/docker/" A "/kubelet/kubepods/burstable/pod12/" B, "kubernetes", B},
	/* none of them */
	{"/", NULL, NULL},
	{"", NULL, NULL},
	{"/system.slice/nginx.service", NULL, NULL},
	{"/machine.slice/libpod-conmon-" A ".scope", NULL, NULL},
	{"/system.slice/crio-conmon-" A ".scope", NULL, NULL},
	{"/lxc.monitor.web", NULL, NULL},
	{"/docker/short", NULL, NULL},
	{"/docker/" A "0", NULL, NULL},
	{"/system.slice/docker-.scope", NULL, NULL},
	{"/system.slice/docker.service", NULL, NULL},
	{"/machine.slice", NULL, NULL},
};

TEST(ids_in_paths)
{
	struct container_place place;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		bool is = container_in_path(paths[i].cgroup, &place);

		if (!CHECK(is == (paths[i].engine != NULL)))
			printf("# %s\n", paths[i].cgroup);
		if (!is)
			continue;
		CHECK_STR(place.engine, paths[i].engine);
		CHECK_STR(place.id, paths[i].id);
		CHECK(place.end <= strlen(paths[i].cgroup) &&
		      (!paths[i].cgroup[place.end] || paths[i].cgroup[place.end] == '/'));
	}
}

static const struct fake_file host[] = {
	{"/proc/self/mountinfo",
	 "30 22 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	 "31 22 0:26 / /sys/fs/cgroup-v1/memory rw - cgroup cgroup rw,memory\n"},
	{"/var/lib/docker/containers/" A "/config.v2.json",
	 "{\"ID\":\"" A "\",\"Name\":\"/web\",\"Config\":{\"Name\":\"no\"}}"},
	{"/var/lib/docker/containers/" E "/config.v2.json", "{\"Name\":"}, /* torn */
	{"/var/lib/containers/storage/overlay-containers/containers.json",
	 "[{\"id\":\"x\",\"names\":[\"other\"]},{\"id\":\"" B "\",\"names\":[\"db\",\"alias\"]}]"},
	{"/run/containerd/io.containerd.runtime.v2.task/k8s.io/" C "/config.json",
	 "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"nginx\","
	 "\"io.kubernetes.cri.sandbox-name\":\"front-7d9f\"}}"},
	{"/var/lib/nerdctl/1935db59/names/default/cache", D},
	{"/proc/100/cgroup", "5:memory:/docker/" A "\n0::/system.slice/docker-" A ".scope/sub\n"},
	{"/proc/101/cgroup", "5:memory:/\n0::/user.slice\n"},
	{"/proc/102/cgroup", "5:memory:/docker/" A "\n0::/system.slice/containerd.service\n"},
	{0},
};

static struct containers *make_host(void)
{
	static const char *const groups[] = {
		"/system.slice/docker-" A ".scope/sub",
		"/system.slice/docker-" E ".scope",
		"/machine.slice/libpod-" B ".scope/container",
		"/kubepods.slice/kubepods-pod1.slice/cri-containerd-" C ".scope",
		"/system.slice/nerdctl-" D ".scope",
		"/machine.slice/systemd-nspawn@box.service/payload",
		"/user.slice",
	};
	struct containers *c = NULL;

	if (!fake_root_make(host))
		return NULL;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (!fake_cgroup("/sys/fs/cgroup", groups[i]))
			return NULL;
	/* the same container in a hierarchy of version 1 */
	if (!fake_cgroup("/sys/fs/cgroup-v1/memory", "/docker/" A) ||
	    !fake_cgroup("/sys/fs/cgroup-v1/memory", "/lxc/old"))
		return NULL;
	CHECK_INT(containers_open(&c, fake_root, NULL), 0);
	return c;
}

TEST(found_by_name_and_id)
{
	static const struct {
		const char *wanted, *cgroup;
	} cases[] = {
		{"web", "/system.slice/docker-" A ".scope"},
		{A, "/system.slice/docker-" A ".scope"},
		{"aaaa", "/system.slice/docker-" A ".scope"},
		{"db", "/machine.slice/libpod-" B ".scope"},
		{"front-7d9f/nginx",
		 "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" C ".scope"},
		{"nginx", "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" C ".scope"},
		{"cache", "/system.slice/nerdctl-" D ".scope"},
		{"box", "/machine.slice/systemd-nspawn@box.service"},
		{"aabb", "/system.slice/docker-" E ".scope"},
	};
	struct containers *c = make_host();
	struct cgroup group;

	REQUIRE(c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (!CHECK_INT(containers_find(c, cases[i].wanted, &group, NULL), 0)) {
			printf("# %s\n", cases[i].wanted);
			continue;
		}
		CHECK_STR(group.name, cases[i].cgroup);
		CHECK(group.is_v2);
	}
	CHECK_INT(containers_find(c, "old", &group, NULL), 0);
	CHECK(!group.is_v2);
	containers_free(c);
	fake_root_remove();
}

TEST(unknown_and_ambiguous)
{
	struct containers *c = make_host();
	struct diag d = {0};
	struct cgroup group;

	REQUIRE(c);
	CHECK_INT(containers_find(c, "wbe", &group, &d), -ENOENT);
	REQUIRE(d.len == 1 && d.entries[0].hint);
	CHECK_STR(d.entries[0].message, "there is no container wbe");
	CHECK_STR(d.entries[0].hint, "did you mean web?");
	diag_fini(&d);
	CHECK_INT(containers_find(c, "something else", &group, &d), -ENOENT);
	REQUIRE(d.len == 1 && d.entries[0].hint);
	CHECK(strstr(d.entries[0].hint, "web (docker aaaa456789ab)"));
	diag_fini(&d);
	CHECK_INT(containers_find(c, "aa", &group, &d), -EEXIST);
	REQUIRE(d.len == 1);
	CHECK(strstr(d.entries[0].message, "2 containers") &&
	      strstr(d.entries[0].message, "web (docker aaaa456789ab)") &&
	      strstr(d.entries[0].message, "aabb456789ab"));
	diag_fini(&d);
	CHECK_INT(containers_find(c, "", &group, NULL), -ENOENT);
	containers_free(c);
	fake_root_remove();
}

TEST(of_tasks_and_of_ids)
{
	struct containers *c = make_host();
	const struct container *one;
	char path[4096], label[16];
	struct stat st;

	REQUIRE(c);
	one = containers_of_task(c, 100);
	REQUIRE(one);
	CHECK_STR(one->name, "web");
	CHECK_STR(one->engine, "docker");
	CHECK_STR(container_label(one, label), "web");
	CHECK(!containers_of_task(c, 101));
	CHECK(!containers_of_task(c, 999));
	one = containers_of_task(c, 102); /* only version 1 knows */
	CHECK(one && !strcmp(one->id, A));

	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/system.slice/docker-" A ".scope/sub",
		 fake_root);
	REQUIRE(stat(path, &st) == 0);
	one = containers_of_cgroup_id(c, st.st_ino);
	REQUIRE(one);
	CHECK_STR(one->name, "web");
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/user.slice", fake_root);
	REQUIRE(stat(path, &st) == 0);
	CHECK(!containers_of_cgroup_id(c, st.st_ino));
	CHECK(!containers_of_cgroup_id(c, 1));

	/* one that starts later, without a name */
	REQUIRE(fake_cgroup("/sys/fs/cgroup", "/docker/" C));
	snprintf(path, sizeof(path), "%s/sys/fs/cgroup/docker/" C, fake_root);
	REQUIRE(stat(path, &st) == 0);
	one = containers_of_cgroup_id(c, st.st_ino);
	REQUIRE(one);
	CHECK_STR(one->id, C);
	containers_free(c);
	fake_root_remove();
}

TEST(a_host_without_any)
{
	static const struct fake_file files[] = {
		{"/proc/self/mountinfo", "30 22 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"},
		{0},
	};
	struct containers *c;
	struct diag d = {0};
	struct cgroup group;

	REQUIRE(fake_root_make(files) && fake_cgroup("/sys/fs/cgroup", "/user.slice"));
	REQUIRE(containers_open(&c, fake_root, NULL) == 0);
	CHECK_INT(containers_find(c, "web", &group, &d), -ENOENT);
	REQUIRE(d.len == 1 && d.entries[0].hint);
	CHECK(strstr(d.entries[0].hint, "no cgroup here"));
	diag_fini(&d);
	containers_free(c);
	fake_root_remove();
}
