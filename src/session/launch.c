/* SPDX-License-Identifier: MIT */
#include "session/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "session/pool.h"

enum { BACKLOG = 65535 }; /* the kernel cuts it to somaxconn */

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* Whether it is the directory of a session of ours whose recorder is no more. */
static bool is_left_over(int place, const char *name)
{
	_cleanup_(freep) char *bytes = NULL;
	struct piste_session session;
	char path[64];
	struct stat st;
	size_t len;

	if (strncmp(name, "piste-", 6) != 0 || strlen(name) != 12 ||
	    fstatat(place, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid())
		return false;
	snprintf(path, sizeof(path), "%s/session", name);
	if (fs_read_file(place, path, sizeof(session), &bytes, &len) || len != sizeof(session))
		return false;
	memcpy(&session, bytes, sizeof(session));
	return session.magic == PISTE_SESSION_MAGIC &&
	       !recorder_is_alive(session.recorder_pid, session.recorder_start);
}

/* A recorder that was killed could not remove its directory: the next one does. */
static void remove_left_overs(const char *place)
{
	char path[PATH_MAX];
	const struct dirent *e;
	DIR *dir = opendir(place);

	while (dir && (e = readdir(dir))) {
		if (!is_left_over(dirfd(dir), e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", place, e->d_name);
		fs_remove_tree(path);
	}
	if (dir)
		closedir(dir);
}

static int make_dir(struct launch *l, struct diag *diag)
{
	const char *places[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
	int err = -ENOENT;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int n;

		/* programs that run as another user must be able to go through it */
		if (!places[i] || places[i][0] != '/' || (i == 0 && geteuid() == 0))
			continue;
		n = snprintf(l->dir, sizeof(l->dir), "%s/piste-XXXXXX", places[i]);
		if (n < 0 || (size_t)n >= sizeof(l->dir) - 16)
			continue;
		remove_left_overs(places[i]);
		if (mkdtemp(l->dir))
			return 0;
		err = -errno;
	}
	l->dir[0] = '\0';
	diag_error(diag, NULL, "no place for the session's directory: %s", strerror(-err));
	diag_hint(diag, "XDG_RUNTIME_DIR, TMPDIR or /tmp must be writable");
	return err;
}

int launch_init(struct launch *l, struct diag *diag)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	bool is_root = geteuid() == 0;
	int on = 1, err;

	*l = (struct launch){.listener = -1};
	err = make_dir(l, diag);
	if (err)
		return err;
	snprintf(l->file, sizeof(l->file), "%s/session", l->dir);
	snprintf(l->socket_path, sizeof(l->socket_path), "%s/socket", l->dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", l->socket_path);
	l->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Commands of root may run as anybody (sudo -u, daemons): they may come in, and say by the
	 * session's number, which only they know, that they are ours. */
	if (l->listener < 0 ||
	    setsockopt(l->listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    bind(l->listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    chmod(l->socket_path, is_root ? 0666 : 0600) < 0 ||
	    chmod(l->dir, is_root ? 0711 : 0700) < 0 || listen(l->listener, BACKLOG) < 0) {
		err = -errno;
		diag_error(diag, NULL, "%s: %s", l->socket_path, strerror(-err));
		launch_fini(l);
	}
	return err;
}

int launch_publish(const struct launch *l, const struct piste_session *session, struct diag *diag)
{
	int err = fs_write_file(AT_FDCWD, l->file, session, sizeof(*session));

	if (!err && chmod(l->file, geteuid() == 0 ? 0644 : 0600) < 0)
		err = -errno;
	if (err)
		diag_error(diag, NULL, "%s: %s", l->file, strerror(-err));
	return err;
}

void launch_fini(struct launch *l)
{
	if (l->listener >= 0)
		close(l->listener);
	l->listener = -1;
	if (l->dir[0])
		fs_remove_tree(l->dir);
	l->dir[0] = '\0';
}

/* NAME=value[SEPARATOR old value] */
static int put_env(const char *name, const char *value, char separator)
{
	const char *old = getenv(name);
	struct str s = {0};
	int err;

	str_add(&s, value);
	if (old && *old)
		str_addf(&s, "%c%s", separator, old);
	err = s.failed || setenv(name, str_c(&s), 1) < 0 ? -ENOMEM : 0;
	str_fini(&s);
	return err;
}

/* Where the child is; it is not to make a system call from READY on. */
enum { CHILD_STARTS, CHILD_READY, CHILD_GOES };

bool launch_find_program(const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH");

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		return access(path, X_OK) == 0;
	}
	for (const char *p = dirs ? dirs : "/bin:/usr/bin"; *p;) {
		size_t len = strcspn(p, ":");

		snprintf(path, PATH_MAX, "%.*s/%s", (int)len, p, name);
		if (len && access(path, X_OK) == 0)
			return true;
		p += len + (p[len] == ':');
	}
	return false;
}

static void run_child(const struct launch *l, const struct launch_command *c, int report,
		      uint32_t *place)
{
	char path[PATH_MAX];
	struct rlimit limit;
	bool found;
	int err;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (c->open_files && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = c->open_files;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (put_env("PISTE_SESSION", l->file, ':') ||
	    (c->preload && put_env("LD_PRELOAD", c->preload, ':')) ||
	    (c->wrap && setenv("PISTE_WRAP", c->wrap, 1) < 0)) {
		errno = ENOMEM;
	} else {
		found = launch_find_program(c->argv[0], path);
		sigprocmask(SIG_SETMASK, c->mask, NULL);
		if (place)
			__atomic_store_n(place, CHILD_READY, __ATOMIC_RELEASE);
		/* Without a system call, whose end would be the command's first event; its
		 * beginning is the exec. Pairs with the release in let_go. */
		while (place && __atomic_load_n(place, __ATOMIC_ACQUIRE) != CHILD_GOES)
			;
		if (found)
			execv(path, c->argv);
		execvp(c->argv[0], c->argv); /* scripts without #!, and the right error */
	}
	err = errno;
	while (write(report, &err, sizeof(err)) < 0 && errno == EINTR)
		;
	_exit(err == ENOENT ? 127 : 126);
}

static void let_go(uint32_t *place, const struct launch_command *c, pid_t pid)
{
	siginfo_t info = {0};

	if (!place)
		return;
	/* pairs with the release in run_child; it may be killed on its way */
	while (pid > 0 && __atomic_load_n(place, __ATOMIC_ACQUIRE) == CHILD_STARTS &&
	       waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid)
		sched_yield();
	if (pid > 0)
		c->on_child(c->data, pid);
	__atomic_store_n(place, CHILD_GOES, __ATOMIC_RELEASE);
	munmap(place, sizeof(*place));
}

int launch_run(const struct launch *l, const struct launch_command *c, pid_t *pid,
	       struct diag *diag)
{
	uint32_t *place = NULL;
	int report[2], err = 0;
	ssize_t n;

	if (c->on_child)
		place = mmap(NULL, sizeof(*place), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (place == MAP_FAILED || pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	*pid = fork();
	if (*pid == 0)
		run_child(l, c, report[1], place);
	err = *pid < 0 ? errno : 0;
	close(report[1]);
	let_go(place, c, *pid);
	if (!err) {
		do
			n = read(report[0], &err, sizeof(err));
		while (n < 0 && errno == EINTR);
		if (n != sizeof(err))
			err = 0; /* the exec closed it */
	}
	close(report[0]);
	if (err) {
		diag_error(diag, NULL, "cannot run %s: %s", c->argv[0], strerror(err));
		if (err == ENOENT && !strchr(c->argv[0], '/'))
			diag_hint(diag, "it is not in PATH");
	}
	return -err;
}

/* --- announcements -------------------------------------------------------- */

void announcement_fini(struct announcement *a)
{
	close_fdp(&a->fd);
	close_fdp(&a->pidfd);
	a->fd = a->pidfd = -1;
}

int launch_accept(const struct launch *l)
{
	int fd;

	do
		fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	return fd < 0 ? -errno : fd;
}

static int take_fds(struct msghdr *message, struct announcement *out)
{
	struct cmsghdr *c;
	bool has_credentials = false;

	for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
			struct ucred u;

			memcpy(&u, CMSG_DATA(c), sizeof(u));
			out->pid = (uint32_t)u.pid;
			out->uid = u.uid;
			has_credentials = true;
		} else if (c->cmsg_type == SCM_RIGHTS) {
			size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			for (size_t i = 0; i < n; i++) {
				int fd;

				memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
				if (out->fd < 0)
					out->fd = fd;
				else
					close(fd);
			}
		}
	}
	return has_credentials && out->fd >= 0;
}

int launch_receive(int connection, struct announcement *out)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {&out->hello, sizeof(out->hello)};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	socklen_t len = sizeof(out->pidfd);
	ssize_t n;

	out->fd = out->pidfd = -1;
	do
		n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : 0;
	if (!take_fds(&message, out) || n != sizeof(out->hello) ||
	    out->hello.magic != PISTE_POOL_MAGIC) {
		close_fdp(&out->fd);
		out->fd = -1;
		return 0;
	}
	/* not the number: it may be another process's by now */
	if (getsockopt(connection, SOL_SOCKET, SO_PEERPIDFD, &out->pidfd, &len) < 0)
		out->pidfd = -1;
	return 1;
}
