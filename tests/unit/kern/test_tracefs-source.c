/* SPDX-License-Identifier: MIT */
/* Recordings of the live kernel by tracefs; they skip without the rights for it. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "kern/tracefs-instance.h"
#include "kern/tracefs-source.h"

enum { N = 1000, MAX_RECORDS = 200000 };

struct record {
	uint16_t id, size;
	uint64_t time;
	uint32_t tid, pid;
	uint8_t payload[64];
};

static struct record records[MAX_RECORDS];
static size_t n_records;

/* A source of one tracepoint, and what it needs. */
struct setup {
	struct tracefs t;
	struct tracepoints points;
	struct tracefs_source_event event;
	struct tracefs_source *s;
};

static const char *open_setup(struct setup *u, const char *name, struct tracefs_source_options *o)
{
	struct diag diag = {0};
	struct tracepoint *point;

	if (tracefs_open(&u->t, NULL))
		return "no tracefs here, or no right to it";
	if (tracepoints_load(&u->points, &u->t, NULL))
		return "no list of tracepoints";
	point = tracepoints_find(&u->points, name);
	if (!point || tracepoint_read_format(&u->points, point, &u->t, NULL, NULL))
		return "this kernel lacks the tracepoint";
	u->event = (struct tracefs_source_event){point, 7};
	o->events = &u->event;
	o->n_events = 1;
	if (!o->ring_bytes)
		o->ring_bytes = 1 << 20;
	if (tracefs_source_new(&u->s, &u->t, o, &diag)) {
		printf("# %s\n", diag.len ? diag.entries[0].message : "?");
		CHECK(false);
		return "no source";
	}
	return NULL;
}

static void close_setup(struct setup *u)
{
	tracefs_source_free(u->s);
	tracepoints_fini(&u->points);
	tracefs_fini(&u->t);
}

static void read_all(struct tracefs_source *s)
{
	for (unsigned cpu = 0; cpu < tracefs_source_cpus(s); cpu++) {
		struct span span;
		uint64_t before = 0;

		while ((span = tracefs_source_read(s, cpu)).len) {
			for (size_t at = 0; at < span.len;) {
				struct record *r = &records[n_records];

				REQUIRE(n_records + 1 < MAX_RECORDS);
				memcpy(&r->id, span.data + at, 2);
				memcpy(&r->size, span.data + at + 2, 2);
				memcpy(&r->time, span.data + at + 4, 8);
				memcpy(&r->tid, span.data + at + 12, 4);
				memcpy(&r->pid, span.data + at + 16, 4);
				REQUIRE(r->size >= KERN_RECORD_HEAD && at + r->size <= span.len);
				memcpy(r->payload, span.data + at + KERN_RECORD_HEAD,
				       r->size - KERN_RECORD_HEAD < 64 ? r->size - KERN_RECORD_HEAD
								       : 64);
				CHECK(r->time >= before);
				before = r->time;
				at += (r->size + 7u) & ~7u;
				n_records += r->id != KERN_ID_PAD;
			}
			tracefs_source_consume(s, cpu, span.len);
		}
	}
}

static size_t lost(const struct tracefs_source *s)
{
	size_t n = 0;

	for (unsigned cpu = 0; cpu < tracefs_source_cpus(s); cpu++)
		n += tracefs_source_lost(s, cpu);
	return n;
}

/* Calls that the kernel counts as sys_enter: the number is of the program's choice. */
static void call(size_t n)
{
	for (size_t i = 0; i < n; i++)
		syscall(SYS_getppid);
}

/* Of records with getppid's number in them, first field of raw_syscalls:sys_enter. */
static size_t count_calls(uint32_t pid)
{
	size_t n = 0;

	for (size_t i = 0; i < n_records; i++) {
		int64_t number;

		memcpy(&number, records[i].payload, 8);
		n += number == SYS_getppid && (!pid || records[i].pid == pid);
	}
	return n;
}

static void *call_in_thread(void *arg)
{
	call(N);
	*(uint32_t *)arg = (uint32_t)gettid();
	return NULL;
}

/* A task, its threads and its children are recorded from their first step, and nobody else. */
TEST(tasks_and_all_that_they_start)
{
	struct tracefs_source_options o = {.scope = KERN_SCOPE_TASKS};
	struct setup u = {.t = TRACEFS_NONE};
	const char *why = open_setup(&u, "raw_syscalls:sys_enter", &o);
	uint64_t from = clock_monotonic_ns(), to;
	uint32_t tid = 0;
	pthread_t thread;
	size_t of_thread = 0;
	pid_t child;

	if (why)
		SKIP(why);
	CHECK_INT(tracefs_source_run(u.s, true), 0);
	call(N); /* not yet one of them */
	CHECK_INT(tracefs_source_add_task(u.s, (uint32_t)getpid()), 0);
	call(N);
	pthread_create(&thread, NULL, call_in_thread, &tid);
	pthread_join(thread, NULL);
	child = fork();
	if (!child) {
		call(N);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	CHECK_INT(tracefs_source_run(u.s, false), 0);
	to = clock_monotonic_ns();
	read_all(u.s);
	CHECK_INT(lost(u.s), 0);
	CHECK_INT(count_calls(0), 3 * N);
	CHECK_INT(count_calls((uint32_t)getpid()), 2 * N);
	CHECK_INT(count_calls((uint32_t)child), N);
	for (size_t i = 0; i < n_records; i++) {
		CHECK_INT(records[i].id, 7);
		CHECK(records[i].time >= from && records[i].time <= to);
		of_thread += records[i].tid == tid;
	}
	CHECK(of_thread >= N);
	close_setup(&u);
}

/* Rings that are too small: what was called is what was recorded and what was lost. */
TEST(losses_are_exact)
{
	struct tracefs_source_options o = {.scope = KERN_SCOPE_TASKS, .ring_bytes = 8192};
	struct kern_filter_step steps[] = {
		{.op = KERN_FILTER_FIELD, .text = "id"},
		{.op = KERN_FILTER_INT, .number = SYS_getppid},
		{.op = KERN_FILTER_BINARY, .binary = "=="},
	};
	struct setup u = {.t = TRACEFS_NONE};
	const char *why;

	o.filter = steps;
	o.n_filter = 3;
	why = open_setup(&u, "raw_syscalls:sys_enter", &o);
	if (why)
		SKIP(why);
	CHECK_INT(tracefs_source_add_task(u.s, (uint32_t)getpid()), 0);
	CHECK_INT(tracefs_source_run(u.s, true), 0);
	call(10 * N);
	CHECK_INT(tracefs_source_run(u.s, false), 0);
	read_all(u.s);
	CHECK(lost(u.s) > 0);
	CHECK(n_records > 0);
	CHECK_INT(n_records, count_calls(0)); /* the filter holds in the kernel */
	CHECK_INT(n_records + lost(u.s), 10 * N);
	close_setup(&u);
}

/* The system but this process. */
TEST(system_without_ourselves)
{
	struct tracefs_source_options o = {.scope = KERN_SCOPE_SYSTEM, .ring_bytes = 8 << 20};
	struct setup u = {.t = TRACEFS_NONE};
	const char *why = open_setup(&u, "raw_syscalls:sys_enter", &o);
	uint32_t tid = 0;
	pthread_t thread;
	pid_t child;

	if (why)
		SKIP(why);
	CHECK_INT(tracefs_source_run(u.s, true), 0);
	call(N);
	pthread_create(&thread, NULL, call_in_thread, &tid);
	pthread_join(thread, NULL);
	child = fork();
	if (!child) {
		call(N);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	CHECK_INT(tracefs_source_run(u.s, false), 0);
	read_all(u.s);
	CHECK_INT(count_calls((uint32_t)getpid()), 0);
	if (lost(u.s)) /* of a busy machine: no more than that can be said */
		CHECK(count_calls((uint32_t)child) <= N);
	else
		CHECK_INT(count_calls((uint32_t)child), N);
	close_setup(&u);
}

TEST(rates_are_limited)
{
	struct tracefs_source_options o = {.scope = KERN_SCOPE_TASKS, .max_rate = 10};
	struct setup u = {.t = TRACEFS_NONE};
	const char *why = open_setup(&u, "raw_syscalls:sys_enter", &o);

	if (why)
		SKIP(why);
	CHECK_INT(tracefs_source_add_task(u.s, (uint32_t)getpid()), 0);
	CHECK_INT(tracefs_source_run(u.s, true), 0);
	call(N);
	CHECK_INT(tracefs_source_run(u.s, false), 0);
	read_all(u.s);
	CHECK(n_records >= 10 && n_records <= 10 * 2 * tracefs_source_cpus(u.s));
	CHECK(n_records + tracefs_source_limited(u.s) >= N);
	close_setup(&u);
}

/* Names in instances/ that begin so. */
static size_t count_instances(const char *prefix)
{
	struct tracefs t = TRACEFS_NONE;
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	if (tracefs_open(&t, NULL))
		return 0;
	dir = fdopendir(openat(t.fd, "instances", O_RDONLY | O_DIRECTORY));
	while (dir && (entry = readdir(dir)))
		n += !strncmp(entry->d_name, prefix, strlen(prefix));
	if (dir)
		closedir(dir);
	tracefs_fini(&t);
	return n;
}

/* A recorder that is killed with everything switched on: nothing is left a moment later. */
TEST(nothing_is_left_of_a_killed_one)
{
	struct tracefs_source_options o = {.scope = KERN_SCOPE_SYSTEM};
	struct setup u = {.t = TRACEFS_NONE};
	char prefix[32], byte;
	const char *why;
	int ready[2];
	pid_t child;

	REQUIRE(!pipe(ready));
	child = fork();
	if (!child) {
		why = open_setup(&u, "sched:sched_switch", &o);
		if (write(ready[1], why ? "n" : "y", 1) < 0)
			_exit(1);
		pause();
		_exit(1);
	}
	REQUIRE(read(ready[0], &byte, 1) == 1);
	snprintf(prefix, sizeof(prefix), "piste-%d-", (int)child);
	if (byte == 'y')
		CHECK_INT(count_instances(prefix), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (byte != 'y')
		SKIP("no tracefs here, or no right to it");
	for (int i = 0; i < 500 && count_instances(prefix); i++)
		usleep(10000);
	CHECK_INT(count_instances(prefix), 0);
}

/* One whose guard was killed too is removed by the next. */
TEST(what_is_left_is_removed_by_the_next)
{
	struct tracefs_source_options o = {.scope = KERN_SCOPE_SYSTEM};
	struct setup u = {.t = TRACEFS_NONE};
	struct tracefs t = TRACEFS_NONE;

	if (tracefs_open(&t, NULL))
		SKIP("no tracefs here, or no right to it");
	/* a process that started at another time */
	if (mkdirat(t.fd, "instances/piste-1-999999999999-1", 0700) && errno != EEXIST)
		SKIP("no instances");
	CHECK_INT(count_instances("piste-1-999999999999-1"), 1);
	REQUIRE(!open_setup(&u, "sched:sched_switch", &o));
	CHECK_INT(count_instances("piste-1-999999999999-1"), 0);
	close_setup(&u);
	tracefs_fini(&t);
}
