/* SPDX-License-Identifier: MIT */
/* Tracepoints without a table, through kern.h like all others. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/clock.h"
#include "kern/kern.h"

enum { N = 500 };

struct record {
	uint16_t id, size;
	uint64_t time;
	uint32_t tid, pid;
	uint8_t payload[100];
};

static struct record records[20000];
static size_t n_records;

static void read_all(struct kern *k)
{
	for (unsigned stream = 0; stream < kern_streams(k); stream++) {
		struct span span = kern_read(k, stream);

		for (size_t at = 0; at < span.len;) {
			struct record *r = &records[n_records];
			size_t payload;

			REQUIRE(n_records < sizeof(records) / sizeof(*records));
			memcpy(&r->id, span.data + at, 2);
			memcpy(&r->size, span.data + at + 2, 2);
			at += (r->size + 7u) & ~7u;
			if (r->id == KERN_ID_PAD)
				continue;
			memcpy(&r->time, span.data + at - ((r->size + 7u) & ~7u) + 4, 8);
			memcpy(&r->tid, span.data + at - ((r->size + 7u) & ~7u) + 12, 8);
			payload = r->size - KERN_RECORD_HEAD;
			memcpy(r->payload,
			       span.data + at - ((r->size + 7u) & ~7u) + KERN_RECORD_HEAD,
			       payload < 100 ? payload : 100);
			n_records++;
		}
		kern_consume(k, stream, span.len);
	}
}

/* -ENOENT where this kernel, or this user, has none of them. */
static int open_rules(struct kern **k, const char *const *rules, size_t n, uint64_t max_rate)
{
	struct kern_options options = {
		.rules = rules,
		.n_rules = n,
		.scope = KERN_SCOPE_TASKS,
		.ring_bytes = 1 << 20,
		.max_rate = max_rate,
	};
	struct diag diag = {0};
	int rc = kern_open(k, &options, &diag);

	if (rc && diag.len)
		printf("# %s\n", diag.entries[0].message);
	diag_fini(&diag);
	return rc;
}

static void act(void)
{
	for (int i = 0; i < N; i++)
		syscall(SYS_getppid);
}

/* One event of a table and one of tracefs, in the same recording, on one clock. */
TEST(beside_typed_events)
{
	static const char *const rules[] = {"raw_syscalls:sys_enter", "sched:sched_switch"};
	size_t calls = 0, switches = 0, n_events;
	const struct kern_event *events;
	struct kern *k;
	uint64_t from, to;
	int rc = open_rules(&k, rules, 2, 0);

	if (rc || !k)
		SKIP("kernel events need rights, and tracefs");
	events = kern_events(k, &n_events);
	CHECK_INT(n_events, 2);
	if (n_events < 2)
		SKIP("no tracepoints by name here");
	CHECK(kern_streams(k) > 1);
	CHECK_INT(kern_add_task(k, (uint32_t)getpid()), 0);
	from = clock_monotonic_ns();
	CHECK_INT(kern_start(k, NULL), 0);
	act();
	usleep(1000);
	kern_stop(k);
	to = clock_monotonic_ns();
	read_all(k);
	for (size_t i = 0; i < n_records; i++) {
		const char *name = events[records[i].id].name;
		int64_t number;

		CHECK(records[i].time >= from && records[i].time <= to);
		switches += !strcmp(name, "sched:sched_switch");
		if (strcmp(name, "raw_syscalls:sys_enter"))
			continue;
		memcpy(&number, records[i].payload, 8);
		calls += number == SYS_getppid;
		CHECK_INT(records[i].pid, getpid());
		CHECK_INT(records[i].tid, getpid());
	}
	CHECK_INT(calls, N);
	CHECK(switches > 0);
	kern_free(k);
}

TEST(rates_are_counted)
{
	static const char *const rules[] = {"raw_syscalls:sys_enter"};
	struct kern *k;

	if (open_rules(&k, rules, 1, 10) || !k)
		SKIP("kernel events need rights, and tracefs");
	CHECK_INT(kern_add_task(k, (uint32_t)getpid()), 0);
	CHECK_INT(kern_start(k, NULL), 0);
	act();
	kern_stop(k);
	read_all(k);
	CHECK(n_records < N);
	CHECK(n_records + kern_limited(k) >= N);
	kern_free(k);
}

/* A new cgroup below where cgroup2 is mounted; false: not possible here. */
static bool make_cgroup(char *path, size_t size)
{
	static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct statfs st;

	for (size_t i = 0; i < 2; i++) {
		if (statfs(mounts[i], &st) || st.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		snprintf(path, size, "%s/piste-test-%d", mounts[i], (int)getpid());
		return !mkdir(path, 0700);
	}
	return false;
}

static void join_cgroup(const char *path)
{
	char file[256];
	int fd;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY);
	CHECK_INT(write(fd, "0", 1), 1);
	close(fd);
}

/* Those that are in it when the recording is made, and what they start. */
TEST(a_cgroup)
{
	static const char *const rules[] = {"raw_syscalls:sys_enter"};
	struct kern_options options = {
		.rules = rules, .n_rules = 1, .scope = KERN_SCOPE_CGROUP, .ring_bytes = 1 << 20};
	char path[128], inner[160], byte = 0;
	struct kern *k = NULL;
	size_t calls = 0;
	int ready[2], go[2];
	pid_t child;

	REQUIRE(!pipe(ready) && !pipe(go));
	if (!make_cgroup(path, sizeof(path)))
		SKIP("no cgroup can be made here");
	snprintf(inner, sizeof(inner), "%s/inner", path);
	CHECK_INT(mkdir(inner, 0700), 0);
	child = fork();
	if (!child) {
		join_cgroup(inner);
		if (write(ready[1], &byte, 1) < 0 || read(go[0], &byte, 1) < 0)
			_exit(1);
		act();
		if (!fork()) {
			act();
			_exit(0);
		}
		wait(NULL);
		_exit(0);
	}
	CHECK_INT(read(ready[0], &byte, 1), 1);
	options.cgroup_path = path;
	if (!kern_open(&k, &options, NULL) && k) {
		CHECK_INT(kern_start(k, NULL), 0);
		act(); /* not in it */
		CHECK_INT(write(go[1], &byte, 1), 1);
		waitpid(child, NULL, 0);
		kern_stop(k);
		read_all(k);
		for (size_t i = 0; i < n_records; i++) {
			int64_t number;

			memcpy(&number, records[i].payload, 8);
			calls += number == SYS_getppid;
		}
		CHECK_INT(calls, 2 * N);
		kern_free(k);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	rmdir(inner);
	CHECK_INT(rmdir(path), 0);
	if (!k)
		SKIP("kernel events need rights, and tracefs");
}

/* Rules with a glob of a whole system: everything in it, described and switched on. */
TEST(a_system_of_tracepoints)
{
	static const char *const rules[] = {"k:kmem:*"};
	const struct kern_event *events;
	struct kern *k;
	size_t n;

	if (open_rules(&k, rules, 1, 0) || !k)
		SKIP("kernel events need rights, and tracefs");
	events = kern_events(k, &n);
	CHECK(n > 3);
	for (size_t i = 0; i < n; i++) {
		CHECK_INT(events[i].id, i);
		CHECK(!strncmp(events[i].name, "kmem:", 5));
		CHECK(events[i].n_fields > 0);
	}
	CHECK_INT(kern_add_task(k, (uint32_t)getpid()), 0);
	CHECK_INT(kern_start(k, NULL), 0);
	for (int i = 0; i < 100; i++)
		close(open("/proc/self/status", O_RDONLY));
	kern_stop(k);
	read_all(k);
	CHECK(n_records >= 100);
	kern_free(k);
}
