/* SPDX-License-Identifier: MIT */
/* System calls as they are recorded: a child makes known ones, each record is taken apart. */
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "base/diag.h"
#include "base/str.h"
#include "base/vec.h"
#include "kern/kern.h"
#include "kern/syscalls.h"

/* What one test sees: records as lines of text, in their order. */
struct seen {
	struct VEC(char *) lines;
	size_t next;
};

static void seen_fini(struct seen *seen)
{
	char **line;

	vec_each(line, &seen->lines)
		free(*line);
	vec_fini(&seen->lines);
}

/* ---- records as text: `syscall:openat_entry dfd=AT_FDCWD filename="/x" flags=O_RDONLY mode=0` */

static void add_labels(struct str *s, const struct kern_labels *labels, uint64_t value)
{
	uint64_t rest = value;
	size_t start = s->len;

	for (size_t i = 0; i < labels->n; i++) {
		uint64_t bits = labels->items[i].value;
		bool is_it = labels->is_flags && bits ? (rest & bits) == bits : value == bits;

		if (!is_it)
			continue;
		str_addf(s, "%s%s", s->len > start ? "|" : "", labels->items[i].name);
		rest &= ~bits;
		if (!labels->is_flags)
			return;
	}
	if (s->len > start && rest)
		str_addf(s, "|0x%" PRIx64, rest);
}

static const uint8_t *add_field(struct str *s, const struct kern_field *f, const uint8_t *p)
{
	uint64_t value = 0;
	size_t start;

	str_addf(s, " %s=", f->name);
	if (f->kind == KERN_TEXT) {
		str_addf(s, "\"%s\"", (const char *)p);
		return p + strlen((const char *)p) + 1;
	}
	memcpy(&value, p, f->size);
	if (f->is_signed)
		value = (uint64_t)((int64_t)(value << (64 - 8 * f->size)) >> (64 - 8 * f->size));
	start = s->len;
	if (f->labels)
		add_labels(s, f->labels, value);
	if (s->len > start)
		;
	else if (f->base == KERN_DECIMAL)
		str_add_i64(s, (int64_t)value);
	else
		str_addf(s, f->base == KERN_OCTAL ? "%#" PRIo64 : "%#" PRIx64, value);
	return p + f->size;
}

/* Records of thread `tid`; others are none of ours. */
static void add_record(struct seen *seen, const struct kern_event *events, size_t n_events,
		       const uint8_t *record, uint32_t tid)
{
	uint16_t id, size;
	uint32_t of;
	struct str s = {0};
	const uint8_t *p = record + KERN_RECORD_HEAD;

	memcpy(&id, record, sizeof(id));
	memcpy(&size, record + 2, sizeof(size));
	memcpy(&of, record + 12, sizeof(of));
	if (id == KERN_ID_PAD || of != tid)
		return;
	REQUIRE(id < n_events);
	str_add(&s, events[id].name);
	for (size_t i = 0; i < events[id].n_fields; i++)
		p = add_field(&s, &events[id].fields[i], p);
	if (!CHECK_INT(p - record, size))
		printf("# %s\n", str_c(&s));
	if (events[id].fixed_size)
		CHECK_INT(size, KERN_RECORD_HEAD + events[id].fixed_size);
	if (vec_push(&seen->lines, s.data))
		exit(2);
}

static void drain(struct kern *k, struct seen *seen, uint32_t tid)
{
	size_t n_events;
	const struct kern_event *events = kern_events(k, &n_events);

	for (unsigned stream = 0; stream < kern_streams(k); stream++) {
		struct span span;

		while ((span = kern_read(k, stream)).len) {
			for (size_t at = 0; at < span.len;) {
				uint16_t size;

				memcpy(&size, span.data + at + 2, sizeof(size));
				add_record(seen, events, n_events, span.data + at, tid);
				REQUIRE(size >= 4);
				at += (size + 7u) & ~7u;
			}
			kern_consume(k, stream, span.len);
		}
		CHECK_INT(kern_lost(k, stream), 0);
	}
}

/* ---- the child */

/* On one CPU, so that the records lie in one ring, in order. */
static void stay_here(void)
{
	unsigned long mask = 1;

	syscall(SYS_sched_setaffinity, 0, sizeof(mask), &mask);
}

static const struct kern_options plain = {.scope = KERN_SCOPE_TASKS};

/* A forked child has no pages yet of what its program's file holds. */
static void touch_constants(void)
{
	extern const char __executable_start, _end;

	uintptr_t first = (uintptr_t)&__executable_start & -4096ul;

	madvise((void *)first, (uintptr_t)&_end - first, MADV_POPULATE_READ);
}

/* Runs `calls` in a child whose system calls are recorded. False: it cannot be done here. */
static bool record(const struct kern_options *options, const char *const *rules,
		   void (*calls)(void), struct seen *seen)
{
	struct kern_options o = *options;
	struct diag diag = {0};
	struct kern *k = NULL;
	int gate[2], status = 0;
	pid_t child;

	for (o.rules = rules; rules[o.n_rules]; o.n_rules++)
		;
	if (kern_open(&k, &o, &diag) || !k) {
		for (size_t i = 0; i < diag.len; i++)
			printf("# %s\n", diag.entries[i].message);
		tap_skip(diag.len ? diag.entries[0].message : "no kernel events here");
		diag_fini(&diag);
		return false;
	}
	if (pipe(gate) || (child = fork()) < 0)
		exit(2);
	if (child == 0) {
		char c;

		close(gate[1]);
		stay_here();
		touch_constants();
		if (read(gate[0], &c, 1) != 0)
			_exit(1);
		syscall(SYS_getpgid, 4711); /* the first that tests look for */
		calls();
		syscall(SYS_getpgid, 4712);
		_exit(0);
	}
	CHECK_INT(kern_add_task(k, (uint32_t)child), 0);
	CHECK_INT(kern_start(k, &diag), 0);
	close(gate[0]);
	close(gate[1]);
	waitpid(child, &status, 0);
	CHECK_INT(status, 0);
	kern_stop(k);
	drain(k, seen, (uint32_t)child);
	kern_free(k);
	diag_fini(&diag);
	return true;
}

/* The next line is this one. */
static void expect(struct seen *seen, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void expect(struct seen *seen, const char *fmt, ...)
{
	char wanted[6000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(wanted, sizeof(wanted), fmt, ap);
	va_end(ap);
	CHECK_STR(seen->next < seen->lines.len ? seen->lines.items[seen->next] : "nothing", wanted);
	seen->next++;
}

/* Begins behind the first marker; that the record of it is there too is checked by the way. */
static void start(struct seen *seen)
{
	static const char marker[] = "syscall:getpgid_entry pid=4711";

	while (seen->next < seen->lines.len && strcmp(seen->lines.items[seen->next], marker))
		seen->next++;
	expect(seen, "%s", marker);
	expect(seen, "syscall:getpgid_exit ret=ESRCH");
}

static void finish(struct seen *seen)
{
	expect(seen, "syscall:getpgid_entry pid=4712");
	seen_fini(seen);
}

static const char *const all[] = {"syscall:*", NULL};

/* ---- files */

static char long_path[5000];
static const char *untouched; /* memory without a page: nobody reads it without a fault */
static int fds[2];
static off_t offset = 7;

static const char *map_untouched(const char *text)
{
	int fd = memfd_create("untouched", 0);
	void *memory;

	if (fd < 0 || write(fd, text, strlen(text) + 1) < 0)
		exit(2);
	memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return memory;
}

static void file_calls(void)
{
	static char link_text[64];

	syscall(SYS_openat, AT_FDCWD, "/nowhere/at/all", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		0640);
	syscall(SYS_openat, -1, "relative", O_RDONLY, 0);
	syscall(SYS_openat, AT_FDCWD, NULL, O_RDONLY, 0);
	syscall(SYS_openat, AT_FDCWD, untouched, O_PATH | 0x80000000, 0);
	syscall(SYS_rename, "/nowhere/1", untouched);
	syscall(SYS_openat, AT_FDCWD, long_path, O_RDWR, 0);
	syscall(SYS_renameat2, AT_FDCWD, "/old name", 77, "new name", 1);
	symlink("target of it", "/tmp/piste-test-link");
	syscall(SYS_readlink, "/tmp/piste-test-link", link_text, 6L);
	unlink("/tmp/piste-test-link");
	syscall(SYS_readlink, "/tmp/piste-test-link", link_text, 6L);
	syscall(SYS_pipe2, fds, O_CLOEXEC | O_NONBLOCK);
	syscall(SYS_pipe2, fds, -1);
	syscall(SYS_lseek, fds[0], -5L, SEEK_END);
	syscall(SYS_pwrite64, fds[1], fds, 4UL, INT64_C(0x123456789abc));
	syscall(SYS_sendfile, fds[1], fds[0], &offset, 9UL);
	syscall(SYS_fcntl, fds[0], F_SETFL, (long)O_NONBLOCK);
	syscall(SYS_close, 4000000000u);
	syscall(SYS_umask, 022);
	syscall(SYS_umask, 077);
}

static void expect_files(struct seen *seen)
{
	char cut[4096];

	memset(cut, 'x', sizeof(cut));
	cut[sizeof(cut) - 1] = '\0';
	expect(seen, "syscall:openat_entry dfd=AT_FDCWD filename=\"/nowhere/at/all\" "
		     "flags=O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC mode=0640");
	expect(seen, "syscall:openat_exit ret=ENOENT filename=\"\"");
	expect(seen, "syscall:openat_entry dfd=-1 filename=\"relative\" flags=O_RDONLY mode=0");
	expect(seen, "syscall:openat_exit ret=EBADF filename=\"\"");
	expect(seen, "syscall:openat_entry dfd=AT_FDCWD filename=\"(null)\" flags=O_RDONLY mode=0");
	expect(seen, "syscall:openat_exit ret=EFAULT filename=\"\"");
	expect(seen, "syscall:openat_entry dfd=AT_FDCWD filename=\"(fault)\" "
		     "flags=O_PATH|0x80000000 mode=0");
	expect(seen, "syscall:openat_exit ret=ENOENT filename=\"/nowhere/untouched\"");
	/* by now it has a page */
	expect(seen, "syscall:rename_entry oldname=\"/nowhere/1\" newname=\"/nowhere/untouched\"");
	expect(seen, "syscall:rename_exit ret=ENOENT oldname=\"\" newname=\"\"");
	expect(seen, "syscall:openat_entry dfd=AT_FDCWD filename=\"%s\" flags=O_RDWR mode=0", cut);
	expect(seen, "syscall:openat_exit ret=ENAMETOOLONG filename=\"\"");
	expect(seen, "syscall:renameat2_entry olddfd=AT_FDCWD oldname=\"/old name\" newdfd=77 "
		     "newname=\"new name\" flags=RENAME_NOREPLACE");
	expect(seen, "syscall:renameat2_exit ret=EBADF oldname=\"\" newname=\"\"");
	expect(seen,
	       "syscall:symlink_entry oldname=\"target of it\" newname=\"/tmp/piste-test-link\"");
	expect(seen, "syscall:symlink_exit ret=0 oldname=\"\" newname=\"\"");
}

static void expect_more_files(struct seen *seen, const char *link_text)
{
	expect(seen, "syscall:readlink_entry path=\"/tmp/piste-test-link\" buf=%s bufsiz=6",
	       link_text);
	expect(seen, "syscall:readlink_exit ret=6 path=\"\" buf=\"target\"");
	expect(seen, "syscall:unlink_entry pathname=\"/tmp/piste-test-link\"");
	expect(seen, "syscall:unlink_exit ret=0 pathname=\"\"");
	expect(seen, "syscall:readlink_entry path=\"/tmp/piste-test-link\" buf=%s bufsiz=6",
	       link_text);
	expect(seen, "syscall:readlink_exit ret=ENOENT path=\"\" buf=\"\"");
}

/* The address that some line shows for a field; "?" when there is none. */
static char *value_in(const struct seen *seen, size_t line, const char *field, char value[32])
{
	const char *at = line < seen->lines.len ? strstr(seen->lines.items[line], field) : NULL;

	snprintf(value, 32, "%.*s", at ? (int)strcspn(at + strlen(field), " ") : 1,
		 at ? at + strlen(field) : "?");
	return value;
}

TEST(files)
{
	struct seen seen = {0};
	char value[32], third[32];

	memset(long_path, 'x', sizeof(long_path) - 1);
	untouched = map_untouched("/nowhere/untouched");
	if (!record(&plain, all, file_calls, &seen))
		return;
	start(&seen);
	expect_files(&seen);
	expect_more_files(&seen, value_in(&seen, seen.next, "buf=", value));
	expect(&seen, "syscall:pipe2_entry fildes=%p flags=O_CLOEXEC|O_NONBLOCK", (void *)fds);
	value_in(&seen, seen.next, "fildes_0=", value);
	value_in(&seen, seen.next, "fildes_1=", third);
	CHECK(atoi(third) == atoi(value) + 1);
	expect(&seen, "syscall:pipe2_exit ret=0 fildes_0=%s fildes_1=%s", value, third);
	CHECK(seen.lines.len > seen.next &&
	      strstr(seen.lines.items[seen.next], "O_CLOEXEC|O_NONBLOCK|O_DIRECT|"));
	seen.next++;
	expect(&seen, "syscall:pipe2_exit ret=EINVAL fildes_0=0 fildes_1=0");
	expect(&seen, "syscall:lseek_entry fd=%s offset=-5 whence=SEEK_END", value);
	expect(&seen, "syscall:lseek_exit ret=ESPIPE");
	expect(&seen, "syscall:pwrite64_entry fd=%s buf=%p count=4 pos=20015998343868", third,
	       (void *)fds);
	expect(&seen, "syscall:pwrite64_exit ret=ESPIPE");
	expect(&seen, "syscall:sendfile_entry out_fd=%s in_fd=%s offset=%p offset_value=7 count=9",
	       third, value, (void *)&offset);
	expect(&seen, "syscall:sendfile_exit ret=ESPIPE");
	expect(&seen, "syscall:fcntl_entry fd=%s cmd=F_SETFL arg=0x800", value);
	expect(&seen, "syscall:fcntl_exit ret=0");
	expect(&seen, "syscall:close_entry fd=-294967296");
	expect(&seen, "syscall:close_exit ret=EBADF");
	expect(&seen, "syscall:umask_entry mask=022");
	seen.next++; /* what the tests run with */
	expect(&seen, "syscall:umask_entry mask=077");
	expect(&seen, "syscall:umask_exit ret=022");
	finish(&seen);
}

/* ---- sockets */

static struct sockaddr_in ipv4 = {.sin_family = AF_INET};
static struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
static struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/nowhere/socket"};
static struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0piste-test"};
static struct sockaddr_un whole = {.sun_family = AF_UNIX}; /* a path without NUL */
static struct sockaddr_storage peer;
static socklen_t peer_len;
static int options = 1;

static void socket_calls(void)
{
	static const char text[] = "datagram";
	int fd;

	syscall(SYS_connect, 99, &ipv4, sizeof(ipv4));
	syscall(SYS_connect, 99, &ipv6, sizeof(ipv6));
	syscall(SYS_connect, 99, &local, sizeof(local));
	syscall(SYS_bind, 99, &abstract, (int)sizeof(sa_family_t) + 11);
	syscall(SYS_bind, 99, &whole, (int)sizeof(whole));
	syscall(SYS_bind, 99, NULL, 16);
	syscall(SYS_bind, 99, &ipv4, 1);
	syscall(SYS_sendto, 99, text, sizeof(text), MSG_DONTWAIT | MSG_NOSIGNAL, &ipv4,
		(int)sizeof(ipv4));
	syscall(SYS_setsockopt, 99, SOL_SOCKET, SO_REUSEADDR, &options, 4);
	fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	syscall(SYS_bind, fd, &abstract, (int)sizeof(sa_family_t) + 11);
	peer_len = sizeof(peer);
	syscall(SYS_getsockname, fd, &peer, &peer_len);
	syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, fds);
	syscall(SYS_shutdown, 99, SHUT_RDWR);
}

TEST(sockets)
{
	struct seen seen = {0};
	char path[109], fd[32], second[32];

	ipv4.sin_port = htons(8080);
	ipv4.sin_addr.s_addr = htonl(0x7f000001);
	ipv6.sin6_port = htons(65535);
	inet_pton(AF_INET6, "fe80::1:2", &ipv6.sin6_addr);
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memcpy(whole.sun_path, path, sizeof(whole.sun_path));
	if (!record(&plain, all, socket_calls, &seen))
		return;
	start(&seen);
	expect(&seen,
	       "syscall:connect_entry fd=99 uservaddr=%p uservaddr_family=AF_INET "
	       "uservaddr_port=8080 uservaddr_address=\"127.0.0.1\" addrlen=16",
	       (void *)&ipv4);
	expect(&seen, "syscall:connect_exit ret=EBADF");
	expect(&seen,
	       "syscall:connect_entry fd=99 uservaddr=%p uservaddr_family=AF_INET6 "
	       "uservaddr_port=65535 "
	       "uservaddr_address=\"fe80:0000:0000:0000:0000:0000:0001:0002\" addrlen=28",
	       (void *)&ipv6);
	expect(&seen, "syscall:connect_exit ret=EBADF");
	expect(&seen,
	       "syscall:connect_entry fd=99 uservaddr=%p uservaddr_family=AF_UNIX "
	       "uservaddr_port=0 uservaddr_address=\"/nowhere/socket\" addrlen=110",
	       (void *)&local);
	expect(&seen, "syscall:connect_exit ret=EBADF");
	expect(&seen,
	       "syscall:bind_entry fd=99 umyaddr=%p umyaddr_family=AF_UNIX umyaddr_port=0 "
	       "umyaddr_address=\"@piste-test\" addrlen=13",
	       (void *)&abstract);
	expect(&seen, "syscall:bind_exit ret=EBADF");
	expect(&seen,
	       "syscall:bind_entry fd=99 umyaddr=%p umyaddr_family=AF_UNIX umyaddr_port=0 "
	       "umyaddr_address=\"%s\" addrlen=110",
	       (void *)&whole, path);
	expect(&seen, "syscall:bind_exit ret=EBADF");
	expect(&seen, "syscall:bind_entry fd=99 umyaddr=0 umyaddr_family=AF_UNSPEC umyaddr_port=0 "
		      "umyaddr_address=\"\" addrlen=16");
	expect(&seen, "syscall:bind_exit ret=EBADF");
	expect(&seen,
	       "syscall:bind_entry fd=99 umyaddr=%p umyaddr_family=AF_UNSPEC umyaddr_port=0 "
	       "umyaddr_address=\"\" addrlen=1",
	       (void *)&ipv4);
	expect(&seen, "syscall:bind_exit ret=EBADF");
	value_in(&seen, seen.next, "buff=", second);
	expect(&seen,
	       "syscall:sendto_entry fd=99 buff=%s len=9 flags=MSG_DONTWAIT|MSG_NOSIGNAL "
	       "addr=%p addr_family=AF_INET addr_port=8080 addr_address=\"127.0.0.1\" "
	       "addr_len=16",
	       second, (void *)&ipv4);
	expect(&seen, "syscall:sendto_exit ret=EBADF");
	expect(&seen,
	       "syscall:setsockopt_entry fd=99 level=SOL_SOCKET optname=2 optval=%p "
	       "optval_value=1 optlen=4",
	       (void *)&options);
	expect(&seen, "syscall:setsockopt_exit ret=EBADF");
	expect(&seen,
	       "syscall:socket_entry family=AF_UNIX type=SOCK_DGRAM|SOCK_CLOEXEC protocol=0");
	value_in(&seen, seen.next, "ret=", fd);
	CHECK(atoi(fd) > 2);
	seen.next++;
	expect(&seen,
	       "syscall:bind_entry fd=%s umyaddr=%p umyaddr_family=AF_UNIX umyaddr_port=0 "
	       "umyaddr_address=\"@piste-test\" addrlen=13",
	       fd, (void *)&abstract);
	expect(&seen, "syscall:bind_exit ret=0");
	expect(&seen, "syscall:getsockname_entry fd=%s usockaddr=%p usockaddr_len=%p", fd,
	       (void *)&peer, (void *)&peer_len);
	expect(&seen, "syscall:getsockname_exit ret=0 usockaddr_family=AF_UNIX usockaddr_port=0 "
		      "usockaddr_address=\"@piste-test\"");
	expect(&seen,
	       "syscall:socketpair_entry family=AF_UNIX type=SOCK_STREAM protocol=0 "
	       "usockvec=%p",
	       (void *)fds);
	value_in(&seen, seen.next, "usockvec_0=", fd);
	value_in(&seen, seen.next, "usockvec_1=", second);
	CHECK(atoi(fd) > 2 && atoi(second) > atoi(fd));
	seen.next++;
	expect(&seen, "syscall:shutdown_entry fd=99 how=SHUT_RDWR");
	expect(&seen, "syscall:shutdown_exit ret=EBADF");
	finish(&seen);
}

/* ---- memory, time, signals, processes */

static struct timespec soon = {0, 1000}, instant;
static sigset_t blocked, before;
static struct rlimit limits = {123, 456};
static struct epoll_event ready = {.events = EPOLLIN | EPOLLET, .data.u64 = 0x1122334455667788};
static unsigned word;
static const char *const arguments[] = {"one", "", "three words here", NULL};

static void other_calls(void)
{
	void *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	syscall(SYS_mprotect, page, 4096UL, PROT_READ | PROT_WRITE);
	syscall(SYS_madvise, page, 4096UL, MADV_DONTNEED);
	syscall(SYS_nanosleep, &soon, NULL);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &instant);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &blocked, NULL, 8UL);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &before, 8UL);
	syscall(SYS_kill, 0, 0);
	syscall(SYS_tgkill, getpid(), 1, SIGKILL); /* no such thread of this process */
	syscall(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 77, &soon, NULL, 0);
	syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
	syscall(SYS_setrlimit, 99, &limits);
	syscall(SYS_epoll_ctl, 99, EPOLL_CTL_ADD, 98, &ready);
	syscall(SYS_execve, "/nowhere/program", arguments, NULL);
	syscall(SYS_wait4, -1, &word, WNOHANG, NULL);
	syscall(SYS_getuid);
	syscall(1000, 1L, 2L, 3L, 4L, 5L, -6L);
	syscall(400L, 1L, 2L, 3L, 4L, 5L, 6L);
}

TEST(memory_time_signals_processes)
{
	struct seen seen = {0};
	char page[32], value[32];

	if (!record(&plain, all, other_calls, &seen))
		return;
	start(&seen);
	expect(&seen, "syscall:mmap_entry addr=0 len=8192 prot=PROT_READ "
		      "flags=MAP_PRIVATE|MAP_ANONYMOUS fd=-1 off=0");
	CHECK(strtoull(value_in(&seen, seen.next++, "ret=", page), NULL, 16) > 0);
	expect(&seen, "syscall:mprotect_entry start=%s len=4096 prot=PROT_READ|PROT_WRITE", page);
	expect(&seen, "syscall:mprotect_exit ret=0");
	expect(&seen, "syscall:madvise_entry start=%s len_in=4096 behavior=MADV_DONTNEED", page);
	expect(&seen, "syscall:madvise_exit ret=0");
	expect(&seen, "syscall:nanosleep_entry rqtp=%p rqtp_sec=0 rqtp_nsec=1000 rmtp=0",
	       (void *)&soon);
	expect(&seen, "syscall:nanosleep_exit ret=0");
	expect(&seen, "syscall:clock_gettime_entry which_clock=CLOCK_MONOTONIC tp=%p",
	       (void *)&instant);
	CHECK(seen.next < seen.lines.len && strstr(seen.lines.items[seen.next], " tp_sec="));
	CHECK(atoi(value_in(&seen, seen.next, "tp_nsec=", value)) > 0);
	seen.next++;
	expect(&seen,
	       "syscall:rt_sigprocmask_entry how=SIG_BLOCK nset=%p nset_mask=0x200 oset=0 "
	       "sigsetsize=8",
	       (void *)&blocked);
	expect(&seen, "syscall:rt_sigprocmask_exit ret=0 oset_mask=0");
	expect(&seen,
	       "syscall:rt_sigprocmask_entry how=SIG_SETMASK nset=0 nset_mask=0 oset=%p "
	       "sigsetsize=8",
	       (void *)&before);
	expect(&seen, "syscall:rt_sigprocmask_exit ret=0 oset_mask=0x200");
	expect(&seen, "syscall:kill_entry pid=0 sig=0");
	expect(&seen, "syscall:kill_exit ret=0");
	expect(&seen, "syscall:getpid_entry");
	value_in(&seen, seen.next, "ret=", value);
	seen.next++;
	expect(&seen, "syscall:tgkill_entry tgid=%s pid=1 sig=SIGKILL", value);
	expect(&seen, "syscall:tgkill_exit ret=ESRCH");
	expect(&seen,
	       "syscall:futex_entry uaddr=%p op=FUTEX_WAIT_PRIVATE val=77 utime=%p "
	       "utime_sec=0 utime_nsec=1000 uaddr2=0 val3=0",
	       (void *)&word, (void *)&soon);
	expect(&seen, "syscall:futex_exit ret=EAGAIN");
	expect(&seen,
	       "syscall:futex_entry uaddr=%p op=FUTEX_WAKE val=1 utime=0 utime_sec=0 "
	       "utime_nsec=0 uaddr2=0 val3=0",
	       (void *)&word);
	expect(&seen, "syscall:futex_exit ret=0");
	expect(&seen, "syscall:setrlimit_entry resource=99 rlim=%p rlim_cur=0x7b rlim_max=0x1c8",
	       (void *)&limits);
	expect(&seen, "syscall:setrlimit_exit ret=EINVAL");
	expect(&seen,
	       "syscall:epoll_ctl_entry epfd=99 op=EPOLL_CTL_ADD fd=98 event=%p "
	       "event_events=EPOLLIN|EPOLLET event_data=0x1122334455667788",
	       (void *)&ready);
	expect(&seen, "syscall:epoll_ctl_exit ret=EBADF");
	expect(&seen, "syscall:execve_entry filename=\"/nowhere/program\" "
		      "argv=\"one  three words here\" envp=0");
	expect(&seen, "syscall:execve_exit ret=ENOENT filename=\"\"");
	expect(&seen, "syscall:wait4_entry upid=-1 stat_addr=%p options=WNOHANG ru=0",
	       (void *)&word);
	expect(&seen, "syscall:wait4_exit ret=ECHILD stat_addr_value=0");
	expect(&seen, "syscall:getuid_entry");
	expect(&seen, "syscall:getuid_exit ret=0");
	expect(&seen, "syscall:unknown_entry nr=1000 arg0=0x1 arg1=0x2 arg2=0x3 arg3=0x4 arg4=0x5 "
		      "arg5=0xfffffffffffffffa");
	expect(&seen, "syscall:unknown_exit nr=1000 ret=ENOSYS");
	expect(&seen, "syscall:unknown_entry nr=400 arg0=0x1 arg1=0x2 arg2=0x3 arg3=0x4 arg4=0x5 "
		      "arg5=0x6");
	expect(&seen, "syscall:unknown_exit nr=400 ret=ENOSYS");
	finish(&seen);
}

/* The registers that a handler's end brings back have no number: whose exit it is, is known. */
static void on_signal(int signal)
{
	(void)signal;
}

static void signal_calls(void)
{
	signal(SIGUSR2, on_signal);
	raise(SIGUSR2);
}

TEST(the_end_of_a_handler_is_the_exit_of_sigreturn)
{
	static const char *const rules[] = {"syscall:rt_sigreturn", "syscall:getpgid", NULL};
	struct seen seen = {0};

	if (!record(&plain, rules, signal_calls, &seen))
		return;
	start(&seen);
	expect(&seen, "syscall:rt_sigreturn_entry");
	expect(&seen, "syscall:rt_sigreturn_exit ret=0");
	finish(&seen);
}

/* ---- rules and filters */

TEST(rules_choose_single_calls_and_sides)
{
	static const char *const rules[] = {"syscall:kill_exit", "syscall:fut*_entry",
					    "syscall:getpgid", NULL};
	struct seen seen = {0};

	if (!record(&plain, rules, other_calls, &seen))
		return;
	start(&seen);
	expect(&seen, "syscall:kill_exit ret=0");
	CHECK(seen.next < seen.lines.len && strstr(seen.lines.items[seen.next], "futex_entry"));
	seen.next += 2;
	finish(&seen);
}

TEST(filters_look_at_arguments_and_what_they_point_to)
{
	/* sig == 9 || filename is "/nowhere/pro*" || rqtp_nsec == 1000 */
	static const struct kern_filter_step by_signal[] = {
		{.op = KERN_FILTER_FIELD, .text = "sig"},
		{.op = KERN_FILTER_INT, .number = SIGKILL},
		{.op = KERN_FILTER_BINARY, .binary = "=="},
	};
	static const struct kern_filter_step by_name[] = {
		{.op = KERN_FILTER_GLOB, .text = "filename", .glob = "/nowhere/pro*"},
	};
	static const struct kern_filter_step by_time[] = {
		{.op = KERN_FILTER_FIELD, .text = "rqtp_nsec"},
		{.op = KERN_FILTER_INT, .number = 1000},
		{.op = KERN_FILTER_BINARY, .binary = "=="},
	};
	static const struct kern_filter_step by_failure[] = {
		{.op = KERN_FILTER_FIELD, .text = "ret"},
		{.op = KERN_FILTER_INT, .number = -ENOENT},
		{.op = KERN_FILTER_BINARY, .binary = "=="},
	};
	static const struct {
		const struct kern_filter_step *steps;
		size_t n;
		const char *first;
	} cases[] = {
		{by_signal, 3, "syscall:tgkill_entry"},
		{by_name, 1, "syscall:execve_entry filename=\"/nowhere/program\""},
		{by_time, 3, "syscall:nanosleep_entry"},
		{by_failure, 3, "syscall:execve_exit ret=ENOENT filename=\"\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kern_options o = plain;
		struct seen seen = {0};

		o.filter = cases[i].steps;
		o.n_filter = cases[i].n;
		if (!record(&o, all, other_calls, &seen))
			return;
		CHECK_INT(seen.lines.len, 1);
		if (CHECK(seen.lines.len &&
			  !strncmp(seen.lines.items[0], cases[i].first, strlen(cases[i].first))))
			;
		else if (seen.lines.len)
			printf("# %s\n", seen.lines.items[0]);
		seen_fini(&seen);
	}
}

TEST(filters_look_at_addresses)
{
	static const struct kern_filter_step by_address[] = {
		{.op = KERN_FILTER_GLOB, .text = "umyaddr_address", .glob = "@piste*"},
		{.op = KERN_FILTER_FIELD, .text = "fd"},
		{.op = KERN_FILTER_INT, .number = 99},
		{.op = KERN_FILTER_BINARY, .binary = "=="},
		{.op = KERN_FILTER_BINARY, .binary = "&&"},
	};
	struct kern_options o = plain;
	struct seen seen = {0};

	o.filter = by_address;
	o.n_filter = 5;
	if (!record(&o, all, socket_calls, &seen))
		return;
	CHECK_INT(seen.lines.len, 1);
	seen_fini(&seen);
}

/* ---- strace */

static const char *const program[] = {"cat", "/etc/hostname", NULL};

static void run_program(void)
{
	int null = open("/dev/null", O_WRONLY);

	dup2(null, 1);
	dup2(null, 2);
	setenv("LC_ALL", "C", 1);
	execv("/bin/cat", (char *const *)program);
}

/* What strace prints of it; NULL without strace, or where it may not trace. */
static FILE *run_strace(void)
{
	static const char output[] = "/tmp/piste-test-strace";
	int status = -1;
	pid_t child = fork();
	FILE *file;

	if (child == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		dup2(null, 2);
		setenv("LC_ALL", "C", 1);
		unsetenv("LD_PRELOAD");
		execlp("strace", "strace", "-s", "4096", "-o", output, "/bin/cat", program[1],
		       NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	file = status == 0 ? fopen(output, "r") : NULL;
	unlink(output);
	return file;
}

/* Of `"text" …`: its bytes with the quotes. */
static int quoted(const char *text)
{
	const char *end = text[0] ? strchr(text + 1, '"') : NULL;

	return end ? (int)(end - text) + 1 : 0;
}

/* `openat(AT_FDCWD, "/etc/hostname", O_RDONLY) = 3` as `openat "/etc/hostname" 3`; the text of other
 * calls than those with a name is left out. */
static bool strace_line(const char *line, char out[256])
{
	int name = (int)strcspn(line, "(");
	const char *text = strchr(line, '"'), *result = strstr(line, " = ");
	bool has_text = !strncmp(line, "openat(", 7) || !strncmp(line, "access(", 7);

	while (result && strstr(result + 1, " = "))
		result = strstr(result + 1, " = ");
	if (!strncmp(line, "+++", 3))
		return false;
	snprintf(out, 256, "%.*s%s%.*s%s", name, line, has_text ? " " : "",
		 has_text && text ? quoted(text) : 0, text ? text : "",
		 has_text && result ? strstr(result, "ENOENT") ? " ENOENT" : " done" : "");
	return true;
}

/* The same of our records: an entry and what its exit adds. */
static bool record_line(const struct seen *seen, size_t i, char out[256])
{
	const char *line = seen->lines.items[i], *end = strstr(line, "_entry");
	const char *exit = i + 1 < seen->lines.len ? seen->lines.items[i + 1] : "";
	const char *text = strstr(line, "filename=\"");
	bool has_text;

	if (!end)
		return false;
	line += strlen("syscall:");
	has_text = !strncmp(line, "openat_", 7) || !strncmp(line, "access_", 7);
	if (has_text && text && !strncmp(text, "filename=\"(fault)\"", 18))
		text = strstr(exit, "filename=\"");
	text = text ? text + 9 : "";
	snprintf(out, 256, "%.*s%s%.*s%s", (int)(end - line), line, has_text ? " " : "",
		 has_text ? quoted(text) : 0, text,
		 !has_text                    ? ""
		 : strstr(exit, "ret=ENOENT") ? " ENOENT"
					      : " done");
	return true;
}

TEST(strace_sees_the_same_calls)
{
	static const char began[] = "syscall:execve_entry filename=\"/bin/cat\"";
	struct seen seen = {0};
	char line[8192], theirs[256], ours[256] = "";
	unsigned calls = 0;
	FILE *file = run_strace();

	if (!file)
		SKIP("strace cannot trace here");
	if (!record(&plain, all, run_program, &seen))
		return;
	while (seen.next < seen.lines.len &&
	       strncmp(seen.lines.items[seen.next], began, strlen(began)))
		seen.next++;
	while (fgets(line, sizeof(line), file)) {
		if (!strace_line(line, theirs))
			continue;
		while (seen.next < seen.lines.len && !record_line(&seen, seen.next, ours))
			seen.next++;
		CHECK_STR(seen.next < seen.lines.len ? ours : "nothing", theirs);
		seen.next++;
		calls++;
	}
	CHECK(calls > 20);
	CHECK_STR(ours, "exit_group"); /* what is left was made on another CPU before */
	fclose(file);
	seen_fini(&seen);
}

/* ---- programs of 32 bits */

#if defined(__x86_64__)
/* By the entry of i386, whose numbers and registers are its own; the memory must be low. */
static long compat_call(long number, long b, long c, long d)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(b), "c"(c), "d"(d)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* Where there is no such entry the instruction faults. */
static bool has_compat(void)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		_exit(compat_call(20, 0, 0, 0) != getpid());
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static struct low {
	char path[32];
	int32_t time[2];
} * low;

static void compat_calls(void)
{
	compat_call(20, 0, 0, 0);
	compat_call(5, (long)low->path, O_RDONLY | O_CLOEXEC, 0);
	compat_call(162, (long)low->time, 0, 0);
	compat_call(265, CLOCK_MONOTONIC, (long)low->time, 0);
	compat_call(1000, 1, 2, 3);
}

TEST(calls_of_32_bits_are_those_of_i386)
{
	struct seen seen = {0};
	char value[32];

	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_POPULATE, -1, 0);
	REQUIRE(low != MAP_FAILED);
	strcpy(low->path, "/nowhere/low");
	low->time[1] = 2000;
	if (!has_compat())
		SKIP("this kernel does not run programs of 32 bits");
	if (!record(&plain, all, compat_calls, &seen))
		return;
	start(&seen);
	expect(&seen, "syscall:compat_getpid_entry");
	CHECK(atoi(value_in(&seen, seen.next, "ret=", value)) > 0);
	expect(&seen, "syscall:compat_getpid_exit ret=%s", value);
	expect(&seen, "syscall:compat_open_entry filename=\"/nowhere/low\" flags=O_CLOEXEC mode=0");
	expect(&seen, "syscall:compat_open_exit ret=ENOENT filename=\"\"");
	expect(&seen, "syscall:compat_nanosleep_entry rqtp=%p rqtp_sec=0 rqtp_nsec=2000 rmtp=0",
	       (void *)low->time);
	expect(&seen, "syscall:compat_nanosleep_exit ret=0");
	expect(&seen, "syscall:compat_clock_gettime_entry which_clock=CLOCK_MONOTONIC tp=%p",
	       (void *)low->time);
	CHECK(atoi(value_in(&seen, seen.next, "tp_sec=", value)) > 0);
	seen.next++;
	CHECK(seen.next < seen.lines.len &&
	      !strncmp(seen.lines.items[seen.next], "syscall:unknown_entry nr=1000 arg0=0x1", 38));
	seen.next++;
	expect(&seen, "syscall:unknown_exit nr=1000 ret=ENOSYS");
	finish(&seen);
}
#endif
