/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "kern/state.h"

/* What was seen of one process, and how many of each kind. */
struct seen {
	uint32_t pid, other_tid;
	size_t n[STATE_N_KINDS];
	struct state_task leader, thread;
	char leader_name[64], thread_name[64], cgroup[4096];
	uint32_t ns_pids[8], ns_tids[8];
	int wanted_fd;
	struct state_file file;
	char filename[4096], root_fstype[64];
	bool has_loopback, has_cpu0;
	size_t stop_tasks_after; /* 0: never */
	struct str payload;
};

static int see_task(struct seen *s, const struct state_task *task)
{
	if (task->pid != s->pid)
		return 0;
	if (task->tid == task->pid) {
		s->leader = *task;
		snprintf(s->leader_name, sizeof(s->leader_name), "%s", task->name);
		snprintf(s->cgroup, sizeof(s->cgroup), "%s", task->cgroup ? task->cgroup : "");
		for (uint32_t i = 0; i < task->ns_pids.n && i < 8; i++)
			s->ns_pids[i] = task->ns_pids.items[i];
		for (uint32_t i = 0; i < task->ns_tids.n && i < 8; i++)
			s->ns_tids[i] = task->ns_tids.items[i];
	} else {
		s->thread = *task;
		snprintf(s->thread_name, sizeof(s->thread_name), "%s", task->name);
	}
	return 0;
}

static int see(void *ctx, enum state_kind kind, const void *item)
{
	const struct state_file *file = item;
	const struct state_mount *mount = item;
	const struct state_interface *interface = item;
	const struct state_cpu *cpu = item;
	struct seen *s = ctx;

	s->n[kind]++;
	state_add_payload(&s->payload, kind, item);
	if (kind == STATE_TASK)
		see_task(s, item);
	if (kind == STATE_FILE && file->pid == s->pid && file->fd == s->wanted_fd) {
		s->file = *file;
		snprintf(s->filename, sizeof(s->filename), "%s", file->filename);
	}
	if (kind == STATE_MOUNT && !strcmp(mount->point, "/"))
		snprintf(s->root_fstype, sizeof(s->root_fstype), "%s", mount->fstype);
	if (kind == STATE_INTERFACE && !strcmp(interface->name, "lo"))
		s->has_loopback = interface->ifindex == 1;
	if (kind == STATE_CPU && cpu->cpu == 0)
		s->has_cpu0 = cpu->online;
	return s->stop_tasks_after && s->n[STATE_TASK] >= s->stop_tasks_after ? 7 : 0;
}

static pthread_barrier_t barrier;

static void *wait_as_thread(void *tid)
{
	*(uint32_t *)tid = (uint32_t)gettid();
	prctl(PR_SET_NAME, "a (b) c");
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

TEST(this_process_as_it_is)
{
	struct seen s = {.pid = (uint32_t)getpid()};
	struct state_options options = {.pids = &s.pid, .n_pids = 1};
	struct timespec now;
	pthread_t thread;

	prctl(PR_SET_NAME, "state-test) R 1");
	s.wanted_fd = open("/dev/null", O_RDWR | O_APPEND | O_CLOEXEC);
	REQUIRE(pthread_barrier_init(&barrier, NULL, 2) == 0);
	REQUIRE(pthread_create(&thread, NULL, wait_as_thread, &s.other_tid) == 0);
	pthread_barrier_wait(&barrier);
	CHECK_INT(state_take(&options, see, &s, NULL), 0);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);

	CHECK_INT(s.n[STATE_TASK], 2);
	CHECK_STR(s.leader_name, "state-test) R 1");
	CHECK_STR(s.thread_name, "a (b) c");
	CHECK_INT(s.thread.tid, s.other_tid);
	CHECK_INT(s.leader.ppid, getppid());
	CHECK_INT(s.leader.type, 0);
	CHECK_INT(s.leader.status, STATE_READY);
	CHECK_INT(s.leader.state, 'R');
	CHECK_INT(s.thread.status, STATE_WAITS);
	CHECK_INT(s.leader.priority, 120);
	CHECK(s.leader.cpu < (uint32_t)sysconf(_SC_NPROCESSORS_CONF));
	clock_gettime(CLOCK_BOOTTIME, &now);
	CHECK(s.leader.start_ns / 1000000000 + 60 > (uint64_t)now.tv_sec &&
	      s.leader.start_ns / 1000000000 <= (uint64_t)now.tv_sec);
	CHECK_INT(s.leader.ns_pids.n, 1);
	CHECK_INT(s.ns_pids[0], getpid());
	CHECK_INT(s.file.flags & ~0100000u /* O_LARGEFILE of the kernel */,
		  O_RDWR | O_APPEND | O_CLOEXEC);
	CHECK_STR(s.filename, "/dev/null");
	CHECK(s.n[STATE_MOUNT] > 0 && s.root_fstype[0]);
	str_fini(&s.payload);
}

static bool has_entries(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d)))
		found = entry->d_name[0] != '.';
	if (d)
		closedir(d);
	return found;
}

TEST(the_machine)
{
	struct seen s = {.pid = (uint32_t)getpid()};
	struct state_options options = {.pids = &s.pid, .n_pids = 1, .no_files = true};

	CHECK_INT(state_take(&options, see, &s, NULL), 0);
	CHECK_INT(s.n[STATE_FILE], 0);
	CHECK_INT(s.n[STATE_CPU], sysconf(_SC_NPROCESSORS_CONF));
	CHECK(s.has_cpu0);
	CHECK(s.has_loopback);
	CHECK_INT(s.n[STATE_BLOCK_DEVICE] > 0, has_entries("/sys/dev/block"));
	str_fini(&s.payload);
}

/* A process that waits in a pid namespace of its own, as seen from here. */
TEST(pids_of_every_namespace)
{
	struct seen s = {0};
	struct state_options options = {.pids = &s.pid, .n_pids = 1};
	char byte;
	int up[2];
	pid_t pid;

	REQUIRE(pipe(up) == 0);
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		SKIP("pid namespaces are refused");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(up[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	REQUIRE(read(up[0], &byte, 1) == 1);
	s.pid = (uint32_t)pid;
	CHECK_INT(state_take(&options, see, &s, NULL), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_INT(s.leader.ns_pids.n, 2);
	CHECK_INT(s.leader.ns_tids.n, 2);
	CHECK_INT(s.ns_pids[0], pid);
	CHECK_INT(s.ns_pids[1], 1);
	CHECK_INT(s.ns_tids[1], 1);
	str_fini(&s.payload);
}

TEST(whole_system_and_an_early_end)
{
	struct seen s = {.pid = (uint32_t)getpid()};
	struct state_options options = {0};

	CHECK_INT(state_take(&options, see, &s, NULL), 0);
	CHECK(s.n[STATE_TASK] >= 2);
	CHECK(s.leader_name[0]);
	str_fini(&s.payload);
	for (int i = 0; i < 2; i++) {
		options.source = i ? STATE_FROM_ITERATORS : STATE_FROM_PROC;
		s = (struct seen){.stop_tasks_after = 2};
		CHECK_INT(state_take(&options, see, &s, NULL), 7);
		CHECK_INT(s.n[STATE_TASK], 2);
		str_fini(&s.payload);
	}
}

/* Both sources tell the same of a process that sleeps. */
TEST(iterators_agree_with_proc)
{
	struct seen by[2] = {0};
	struct state_options options = {0};
	uint64_t step;
	char byte;
	int up[2];
	pid_t pid;

	REQUIRE(pipe(up) == 0);
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		SKIP("needs root");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "sleeper");
		if (write(up[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	REQUIRE(read(up[0], &byte, 1) == 1);
	usleep(20000); /* until it sleeps */
	for (int i = 0; i < 2; i++) {
		options.source = i ? STATE_FROM_ITERATORS : STATE_FROM_PROC;
		by[i].pid = (uint32_t)pid;
		by[i].wanted_fd = up[1];
		CHECK_INT(state_take(&options, see, &by[i], NULL), 0);
		str_fini(&by[i].payload);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	step = by[1].leader.start_ns - by[0].leader.start_ns;
	if (by[1].leader.start_ns % 10000000 == 0)
		SKIP("no BPF iterators here: both came from /proc");
	CHECK(step < 10000000); /* /proc cuts to ticks */
	CHECK_STR(by[1].leader_name, by[0].leader_name);
	CHECK_STR(by[1].cgroup, by[0].cgroup);
	CHECK_STR(by[1].filename, by[0].filename);
	CHECK_STR(by[1].root_fstype, by[0].root_fstype);
	CHECK_INT(by[1].file.flags, by[0].file.flags);
	CHECK_INT(by[1].leader.ppid, by[0].leader.ppid);
	CHECK_INT(by[1].leader.state, 'S');
	CHECK_INT(by[0].leader.state, 'S');
	CHECK_INT(by[1].leader.status, by[0].leader.status);
	CHECK_INT(by[1].leader.priority, by[0].leader.priority);
	CHECK_INT(by[1].leader.cpu, by[0].leader.cpu);
	CHECK_INT(by[1].leader.cgroup_id, by[0].leader.cgroup_id);
	CHECK_INT(by[1].leader.ns_pids.n, 2);
	CHECK_INT(by[0].leader.ns_pids.n, 2);
	CHECK_MEM(by[1].ns_pids, by[0].ns_pids, 8);
	CHECK_MEM(by[1].ns_tids, by[0].ns_tids, 8);
	CHECK_INT(by[1].n[STATE_MOUNT], by[0].n[STATE_MOUNT]);
	/* others come and go meanwhile */
	CHECK(by[1].n[STATE_TASK] > by[0].n[STATE_TASK] / 2);
	CHECK(by[1].n[STATE_FILE] > by[0].n[STATE_FILE] / 2);
}

TEST(a_process_that_is_not_there)
{
	struct seen s = {.pid = 4194304};
	struct state_options options = {.pids = &s.pid, .n_pids = 1};

	CHECK_INT(state_take(&options, see, &s, NULL), 0);
	CHECK_INT(s.n[STATE_TASK], 0);
	str_fini(&s.payload);
}

TEST(payload_is_packed)
{
	static const uint32_t tids[] = {0x01020304, 5};
	const struct state_task task = {
		.tid = 0x11223344,
		.pid = 2,
		.ppid = 1,
		.name = "sh",
		.type = 1,
		.status = STATE_WAITS,
		.state = 'S',
		.cpu = 3,
		.priority = -1,
		.start_ns = 0x1122334455667788,
		.ns_tids = {tids, 2},
		.ns_pids = {tids + 1, 1},
		.cgroup_id = 9,
		.cgroup = "/a",
	};
	static const uint8_t wanted[] =
		"\x44\x33\x22\x11\2\0\0\0\1\0\0\0"
		"sh\0\1\5S\3\0\0\0\xff\xff\xff\xff\x88\x77\x66\x55\x44\x33\x22\x11"
		"\2\0\0\0\4\3\2\1\5\0\0\0\1\0\0\0\5\0\0\0"
		"\x09\0\0\0\0\0\0\0/a\0\0";
	struct str s = {0};

	state_add_payload(&s, STATE_TASK, &task);
	CHECK_INT(s.len, sizeof(wanted)); /* with the NUL of the last text */
	if (s.len == sizeof(wanted))
		CHECK_MEM(s.data, wanted, sizeof(wanted));
	str_fini(&s);
}

TEST(every_kind_is_described)
{
	for (int kind = 0; kind < STATE_N_KINDS; kind++) {
		const struct kern_event *e = &state_events[kind];

		CHECK(e->id == kind && !strncmp(e->name, "state:", 6) && e->n_fields > 0);
		for (size_t i = 0; i < e->n_fields; i++)
			CHECK(e->fields[i].name &&
			      (e->fields[i].kind == KERN_TEXT || e->fields[i].size));
	}
}
