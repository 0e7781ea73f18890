/* SPDX-License-Identifier: MIT */
/* What recording programs takes, and what the administrator has set. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/str.h"
#include "kern/cgroup.h"
#include "kern/container.h"
#include "kern/feature-private.h"

/* --- programs ------------------------------------------------------------------------------------ */

int probe_memfd(struct feature_bench *b)
{
	_cleanup_(close_fdp) int fd = memfd_create("piste-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *page;

	(void)b;
	if (fd < 0 || ftruncate(fd, 4096) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	munmap(page, 4096);
	return 0;
}

/* The kernel's name of its clock; "?" where it has none. */
static void clock_source(char out[32])
{
	_cleanup_(freep) char *text = NULL;

	strcpy(out, "?");
	if (fs_read_file(AT_FDCWD,
			 "/sys/devices/system/clocksource/clocksource0/current_clocksource", 4096,
			 &text, NULL))
		return;
	text[strcspn(text, "\n")] = '\0';
	snprintf(out, 32, "%s", text);
}

int probe_clock(struct feature_bench *b)
{
	enum { READS = 10000 };
	bool tsc = clock_tsc_usable();
	uint64_t start, best = UINT64_MAX, hz;
	volatile uint64_t sink = 0;
	char source[32];

	for (int try = 0; try < 3; try++) {
		start = clock_monotonic_ns();
		for (int i = 0; i < READS; i++)
			sink += tsc ? clock_ticks_raw() : clock_monotonic_ns();
		start = clock_monotonic_ns() - start;
		best = start < best ? start : best;
	}
	(void)sink;
	clock_source(source);
	hz = tsc ? clock_calibrate_hz(true, 5) : 0;
	if (tsc)
		bench_note(b, "the CPU's counter, %.2f GHz, %.1f ns a read; the kernel has %s",
			   (double)hz / 1e9, (double)best / READS, source);
	else
		bench_note(b, "CLOCK_MONOTONIC, %.1f ns a read; the kernel has %s, no TSC to trust",
			   (double)best / READS, source);
	return 0;
}

/* Opens a memfd of a child through /proc, as is done with pools of running programs. */
int probe_own_processes(struct feature_bench *b)
{
	_cleanup_(close_fdp) int memory = memfd_create("piste-doctor", MFD_CLOEXEC), other = -1;
	char path[64];
	pid_t child;
	int err = 0;

	(void)b;
	if (memory < 0)
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", child, memory);
	other = open(path, O_RDWR | O_CLOEXEC);
	if (other < 0)
		err = -errno;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (err == -EACCES || err == -EPERM)
		bench_remedy(b, "a security module (Yama, SELinux, AppArmor) forbids it; "
				"piste record -- CMD needs it not");
	return err;
}

/* Looks at the first programs of others that /proc has. */
int probe_all_processes(struct feature_bench *b)
{
	enum { ENOUGH = 20 };
	DIR *dir = opendir("/proc");
	size_t others = 0, seen = 0;
	const struct dirent *e;

	while (dir && !seen && others < ENOUGH && (e = readdir(dir))) {
		char path[NAME_MAX + 8], target[PATH_MAX];
		struct stat st;

		snprintf(path, sizeof(path), "%s/exe", e->d_name);
		if (!isdigit((unsigned char)e->d_name[0]) ||
		    fstatat(dirfd(dir), e->d_name, &st, 0) < 0 || st.st_uid == geteuid())
			continue;
		if (readlinkat(dirfd(dir), path, target, sizeof(target)) >= 0)
			seen++;
		else
			others += errno == EACCES || errno == EPERM;
	}
	if (dir)
		closedir(dir);
	if (!seen && !others)
		bench_note(b, "there are none");
	return seen || !others ? 0 : -EACCES;
}

static int find_library(struct feature_bench *b, const char *name)
{
	static const char *const places[] = {
		"", "../lib/", "../lib/x86_64-linux-gnu/", "../lib/aarch64-linux-gnu/", "../lib64/",
	};
	char self[PATH_MAX], path[PATH_MAX + 64], real[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s%s%s", self, places[i], name);
		if (access(path, R_OK) == 0 && realpath(path, real)) {
			bench_note(b, "%.*s", (int)sizeof(b->result->note) - 1, real);
			return 0;
		}
	}
	bench_why(b, "%s is not near %.200s", name, self);
	bench_remedy(b, "make, or make install");
	return -ENOENT;
}

int probe_libpiste(struct feature_bench *b)
{
	return find_library(b, "libpiste.so.0");
}

int probe_libpiste_wrap(struct feature_bench *b)
{
	return find_library(b, "libpiste-wrap.so");
}

/* --- the kernel's names ----------------------------------------------------------------------------- */

struct container_count {
	struct containers *containers;
	size_t n;
};

static int count_containers(void *ctx, const char *name, uint64_t id)
{
	struct container_count *count = ctx;
	const struct container *one = containers_of_cgroup(count->containers, name);

	(void)id;
	count->n += one && !strcmp(one->cgroup, name);
	return 0;
}

int probe_cgroup(struct feature_bench *b)
{
	struct container_count count = {0};
	struct cgroup_mounts mounts;
	int err = cgroup_mounts_get(&mounts, "", NULL);

	if (err) {
		bench_why(b, "no control groups are mounted");
		bench_remedy(b, "mount -t cgroup2 none /sys/fs/cgroup");
		return err;
	}
	err = containers_open(&count.containers, "", NULL);
	if (err)
		return err;
	cgroup_each(&mounts, &mounts.items[0], count_containers, &count);
	bench_note(b, "version %d at %s, %zu container%s", mounts.items[0].is_v2 ? 2 : 1,
		   mounts.items[0].path, count.n, count.n == 1 ? "" : "s");
	containers_free(count.containers);
	return 0;
}

/* The first page tells whether addresses are shown. */
int probe_symbols(struct feature_bench *b)
{
	_cleanup_(close_fdp) int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	text[n] = '\0';
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strtoull(line, NULL, 16))
			return 0;
	}
	bench_remedy(b,
		     "run as root, or: sysctl kernel.kptr_restrict=0 kernel.perf_event_paranoid=1");
	return -EPERM;
}

/* --- settings ---------------------------------------------------------------------------------------- */

int bench_read_long(const char *path, long *out)
{
	_cleanup_(freep) char *text = NULL;
	int err = fs_read_file(AT_FDCWD, path, 4096, &text, NULL);
	char *end;

	if (err)
		return err;
	*out = strtol(text, &end, 10);
	return end == text ? -EINVAL : 0;
}

int probe_capabilities(struct feature_bench *b)
{
	struct str names = {0};

	rights_add_names(&names, b->rights.capabilities);
	bench_note(b, "user %d%s; %s", (int)geteuid(),
		   b->rights.is_contained ? " in a user namespace, which counts for nothing here"
					  : "",
		   names.len ? str_c(&names) : "no capabilities");
	str_fini(&names);
	return FEATURE_IS_FACT;
}

/* What each value of a sysctl means; the last is for all above. */
static int tell(struct feature_bench *b, const char *path, const char *name, long first,
		const char *const *meanings, size_t n)
{
	long value;
	size_t i;

	if (bench_read_long(path, &value)) {
		bench_note(b, "%s is not there", name);
		return FEATURE_IS_FACT;
	}
	i = value < first ? 0 : (size_t)(value - first);
	bench_note(b, "%s = %ld: %s", name, value, meanings[i < n ? i : n - 1]);
	return FEATURE_IS_FACT;
}

int probe_paranoid(struct feature_bench *b)
{
	static const char *const meanings[] = {
		"everybody may have everything",
		"everybody may have all but raw tracepoints",
		"everybody may sample their own programs, with the kernel",
		"everybody may sample their own programs, without the kernel",
		"perf needs CAP_PERFMON",
	};

	return tell(b, "/proc/sys/kernel/perf_event_paranoid", "kernel.perf_event_paranoid", -1,
		    meanings, 5);
}

int probe_bpf_disabled(struct feature_bench *b)
{
	static const char *const meanings[] = {
		"everybody may load socket filters; tracing needs CAP_BPF and CAP_PERFMON",
		"BPF needs CAP_BPF, until the next boot",
		"BPF needs CAP_BPF",
	};

	return tell(b, "/proc/sys/kernel/unprivileged_bpf_disabled",
		    "kernel.unprivileged_bpf_disabled", 0, meanings, 3);
}

int probe_kptr_restrict(struct feature_bench *b)
{
	static const char *const meanings[] = {
		"shown to CAP_SYSLOG, and where perf_event_paranoid is below 2",
		"shown to CAP_SYSLOG",
		"shown to nobody",
	};

	return tell(b, "/proc/sys/kernel/kptr_restrict", "kernel.kptr_restrict", 0, meanings, 3);
}

int probe_lockdown(struct feature_bench *b)
{
	_cleanup_(freep) char *text = NULL;

	if (fs_read_file(AT_FDCWD, "/sys/kernel/security/lockdown", 4096, &text, NULL))
		bench_note(b, "none, or not told (securityfs is not mounted)");
	else if (strstr(text, "[confidentiality]"))
		bench_note(b, "confidentiality: BPF may not read the kernel");
	else if (strstr(text, "[integrity]"))
		bench_note(b, "integrity: no writes to the kernel; tracing works");
	else
		bench_note(b, "none");
	return FEATURE_IS_FACT;
}

int probe_memory(struct feature_bench *b)
{
	struct str s = {0};
	struct sysinfo info;
	struct rlimit limit;
	uint64_t largest = 0;

	if (sysinfo(&info) == 0)
		largest = (uint64_t)info.freeram * info.mem_unit;
	str_add_bytes_human(&s, largest);
	str_add(&s, " of memory free; locked at most ");
	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
		str_add(&s, "all of it");
	else
		str_add_bytes_human(&s, limit.rlim_cur);
	bench_note(b, "%s", str_c(&s));
	str_fini(&s);
	return FEATURE_IS_FACT;
}
