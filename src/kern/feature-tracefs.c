/* SPDX-License-Identifier: MIT */
/* Features of tracefs, in an instance of our own wherever that is possible, so that nobody else's
 * tracing is touched. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/feature-private.h"

int bench_tracefs(struct feature_bench *b)
{
	if (b->tracefs.fd < 0)
		return tracefs_open(&b->tracefs, NULL);
	return 0;
}

int bench_instance(struct feature_bench *b)
{
	int err = bench_tracefs(b);

	if (err || b->instance >= 0)
		return err ? err : b->instance;
	snprintf(b->instance_path, sizeof(b->instance_path), "instances/piste-doctor-%d", getpid());
	if (mkdirat(b->tracefs.fd, b->instance_path, 0700) < 0)
		return -errno;
	b->instance = openat(b->tracefs.fd, b->instance_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->instance < 0) {
		err = -errno;
		unlinkat(b->tracefs.fd, b->instance_path, AT_REMOVEDIR);
		return err;
	}
	tracefs_write(b->instance, "tracing_on", "0");
	return b->instance;
}

int probe_tracefs(struct feature_bench *b)
{
	_cleanup_(freep) char *text = NULL;
	int err = bench_tracefs(b);

	if (!err)
		err = tracefs_read(b->tracefs.fd, "events/sched/sched_switch/format", &text, NULL);
	return err;
}

int probe_instance(struct feature_bench *b)
{
	int fd = bench_instance(b);

	return fd < 0 ? fd : 0;
}

int probe_tsc(struct feature_bench *b)
{
	int fd = bench_instance(b), err;

	if (fd < 0)
		return fd;
	err = tracefs_write(fd, "trace_clock", "x86-tsc");
	if (err == -EINVAL) {
		bench_why(b, "this machine's tracefs does not have it");
		bench_remedy(b, "the clock mono is taken instead");
	}
	return err;
}

static bool file_has(int dirfd, const char *path, const char *word)
{
	_cleanup_(freep) char *text = NULL;

	return tracefs_read(dirfd, path, &text, NULL) == 0 && strstr(text, word);
}

/* One function that nobody calls: to patch all of them takes a while. */
static int try_graph(int dirfd)
{
	_cleanup_(close_fdp) int filter = -1;
	int err = tracefs_write(dirfd, "set_ftrace_filter", "bpf_fentry_test1");

	if (!err)
		err = tracefs_write(dirfd, "current_tracer", "function_graph");
	tracefs_write(dirfd, "current_tracer", "nop");
	filter =
		openat(dirfd, "set_ftrace_filter", O_WRONLY | O_TRUNC | O_CLOEXEC); /* empties it */
	return err;
}

/* Older kernels have it in no instance: there the main buffer is taken, unless somebody does. */
int probe_graph(struct feature_bench *b)
{
	static const char tracer[] = "function_graph";
	int fd = bench_instance(b), main = b->tracefs.fd;

	if (fd < 0)
		return fd;
	if (file_has(fd, "available_tracers", tracer))
		return try_graph(fd);
	if (!file_has(main, "available_tracers", tracer)) {
		bench_why(b, "available_tracers does not name it");
		return -ENOENT;
	}
	if (file_has(main, "current_tracer", "nop") &&
	    file_has(main, "set_ftrace_filter", "all functions enabled"))
		return try_graph(main);
	bench_note(b, "it is there; not tried, since somebody traces");
	return 0;
}

int probe_hist(struct feature_bench *b)
{
	static const char trigger[] = "events/sched/sched_switch/trigger";
	int fd = bench_instance(b), err;

	if (fd < 0)
		return fd;
	err = tracefs_write(fd, trigger, "hist:keys=prev_pid");
	if (!err)
		tracefs_write(fd, trigger, "!hist:keys=prev_pid");
	return err;
}

int probe_synthetic(struct feature_bench *b)
{
	char make[64], remove[80];
	int err = bench_tracefs(b);

	if (err)
		return err;
	snprintf(make, sizeof(make), "piste_doctor_%d u64 value", getpid());
	snprintf(remove, sizeof(remove), "!%s", make);
	err = tracefs_write(b->tracefs.fd, "synthetic_events", make);
	if (!err)
		tracefs_write(b->tracefs.fd, "synthetic_events", remove);
	return err;
}

/* include/uapi/linux/user_events.h, Linux 6.4 */
struct user_event_register {
	uint32_t size;
	uint8_t bit, enable_size;
	uint16_t flags;
	uint64_t enable_address, name_and_fields;
	uint32_t write_index;
} __attribute__((packed));
struct user_event_unregister {
	uint32_t size;
	uint8_t bit, reserved;
	uint16_t reserved2;
	uint64_t disable_address;
} __attribute__((packed));
#define USER_EVENT_REGISTER _IOWR('*', 0, struct user_event_register *)
#define USER_EVENT_DELETE _IOW('*', 1, char *)
#define USER_EVENT_UNREGISTER _IOW('*', 2, struct user_event_unregister *)

int probe_user_events(struct feature_bench *b)
{
	static uint32_t enabled;
	char name[48], declaration[64];
	struct user_event_register new = {
		.size = sizeof(new),
		.enable_size = sizeof(enabled),
		.enable_address = (uintptr_t)&enabled,
		.name_and_fields = (uintptr_t)declaration,
	};
	struct user_event_unregister old = {.size = sizeof(old),
					    .disable_address = (uintptr_t)&enabled};
	_cleanup_(close_fdp) int fd = -1;
	int err = bench_tracefs(b);

	if (err)
		return err;
	fd = openat(b->tracefs.fd, "user_events_data", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(name, sizeof(name), "piste_doctor_%d", getpid());
	snprintf(declaration, sizeof(declaration), "%s u32 value", name);
	if (ioctl(fd, USER_EVENT_REGISTER, &new) < 0)
		return -errno;
	ioctl(fd, USER_EVENT_UNREGISTER, &old);
	close(fd); /* whoever has registered it keeps it */
	fd = openat(b->tracefs.fd, "user_events_data", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		ioctl(fd, USER_EVENT_DELETE, name);
	return 0;
}
