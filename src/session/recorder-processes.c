/* SPDX-License-Identifier: MIT */
/*
 * Processes come by announcement or because the user named them, and go when
 * they end, do an exec, or the recording is over.
 */
#include "session/recorder-private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "ctf/filter.h"
#include "session/find.h"

enum {
	NAMES_MAX = 4096,
	TROUBLES_MAX = 64,
	CONNECTIONS_MAX = 1024, /* that said nothing yet */
	SETTLE_NS = 200000000, /* for a program to load its libraries */
};

static void keep_name(void *data, const struct piste_site *site, const char *provider,
		      const char *event)
{
	struct recorder *r = data;
	char *name;

	if (site->kind == PISTE_SITE_GATE)
		return;
	r->tables_seen_sites = true;
	if (r->names.len >= NAMES_MAX || asprintf(&name, "%s:%s", provider, event) < 0)
		return;
	if (vec_push(&r->names, name))
		free(name);
}

/* A table that is new or grew: what the user asked for can be checked against it. */
int recorder_look_at_table(struct recorder *r, struct process *p, struct diag *diag)
{
	struct objects o;
	int err = process_update_table(p, &r->model, &o, diag);

	if (err)
		return err;
	/* a child that did no exec has its parent's */
	if (!p->pool->parent_pid)
		dump_mappings(&r->dump, p->pid, &o, !p->is_dead);
	if (!r->tables_matched || !r->tables_seen_sites)
		objects_each_site(&o, keep_name, r);
	objects_fini(&o);
	r->tables_matched |= p->table->wanted_count > 0;
	return 0;
}

/* Once all objects of a program had the time to register: a name that no event has. */
void recorder_check_filter(struct recorder *r, const struct process *p, uint64_t now_ns,
			   struct diag *diag)
{
	if (r->filter_checked || !p->table->wanted_count ||
	    (!p->is_dead && now_ns - p->since_ns < SETTLE_NS))
		return;
	r->filter_checked = true;
	if (filter_check(r->model.wants.filter, diag) < 0)
		r->stop = r->stop_failed = true;
}

static void read_link(uint32_t pid, char *out, size_t size)
{
	char path[48];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
}

static void dump_start(struct recorder *r, const struct process *p)
{
	_cleanup_(freep) char *cmdline = NULL;
	char comm[17] = "", exe[PATH_MAX] = "", path[48];
	struct dump_process d = {
		.pid = p->pid,
		.ppid = process_parent(p->pid),
		.created = p->pool->created,
		.comm = p->pool->comm,
		.exe = p->pool->exe,
		.cmdline = p->pool->cmdline,
		.cmdline_size = p->pool->cmdline_size,
	};
	size_t len;

	if (!d.ppid)
		d.ppid = p->pool->parent_pid;
	if (!d.exe[0]) { /* nobody recorded when it started */
		read_link(p->pid, exe, sizeof(exe));
		process_comm(p->pid, comm);
		d.exe = exe;
		d.comm = comm;
		snprintf(path, sizeof(path), "/proc/%u/cmdline", p->pid);
		if (fs_read_file(AT_FDCWD, path, 1 << 20, &cmdline, &len) == 0) {
			d.cmdline = cmdline;
			d.cmdline_size = len < 4096 ? (uint32_t)len : 4096;
		}
	}
	dump_process_start(&r->dump, &d);
}

/* An older pool of the same pid: did the process do an exec? */
static void supersede(struct recorder *r, uint32_t pid)
{
	struct process *p;
	uint64_t found;

	if (!map_get_u64(&r->by_pid, pid, &found))
		return;
	p = (struct process *)(uintptr_t)found;
	if (!p->is_dead && !process_maps_pool(pid, p->pool))
		p->is_dead = p->is_superseded = true;
}

bool recorder_knows(const struct recorder *r, const struct pool *pool)
{
	uint64_t found;

	return map_get_u64(&r->by_inode, pool->inode, &found);
}

static int keep_process(struct recorder *r, struct process *p)
{
	uint64_t value = (uintptr_t)p;

	if (vec_push(&r->processes, p) || map_put_u64(&r->by_pid, p->pid, value) ||
	    map_put_u64(&r->by_inode, p->pool->inode, value) ||
	    (p->pidfd >= 0 && map_put_u64(&r->by_pidfd, (unsigned)p->pidfd, value)))
		return -ENOMEM;
	return 0;
}

static void forget_process(struct recorder *r, const struct process *p)
{
	uint64_t found;

	if (map_get_u64(&r->by_pid, p->pid, &found) && found == (uintptr_t)p)
		map_del_u64(&r->by_pid, p->pid);
	map_del_u64(&r->by_inode, p->pool->inode);
	if (p->pidfd >= 0)
		map_del_u64(&r->by_pidfd, (unsigned)p->pidfd);
}

/* Takes pool and pidfd over. */
int recorder_add_process(struct recorder *r, struct pool *pool, uint32_t pid, int pidfd, int slot,
			 bool from_start, struct diag *diag)
{
	struct process *p;
	int err;

	supersede(r, pid);
	err = process_new(&p, pool, pid, slot, from_start, &r->model, diag);
	if (err) {
		close_fdp(&pidfd);
		return err;
	}
	if (pidfd < 0)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	p->pidfd = pidfd;
	if (pidfd < 0 && errno == ESRCH)
		p->is_dead = true;
	err = keep_process(r, p);
	if (err) {
		if (r->processes.len && r->processes.items[r->processes.len - 1] == p)
			r->processes.len--;
		forget_process(r, p);
		process_free(p);
		return err;
	}
	p->since_ns = clock_monotonic_ns();
	r->totals.processes++;
	if (pidfd >= 0)
		recorder_watch(r, pidfd, TAG_PROCESS);
	dump_start(r, p);
	if (dump_is_full(&r->dump))
		recorder_emit_dump(r);
	return p->objects_used ? recorder_look_at_table(r, p, diag) : 0;
}

static void add_announced(struct recorder *r, struct announcement *a, struct diag *diag)
{
	enum pool_error why = POOL_ERROR_NONE;
	struct diag mine = {0};
	struct pool *pool = NULL;
	char comm[17];
	int slot;

	/* of another session, or of somebody who guesses */
	if (a->hello.session != r->session.id || (geteuid() != 0 && a->uid != geteuid() && a->uid))
		goto refuse;
	if (a->hello.abi != PISTE_POOL_ABI) {
		process_comm(a->pid, comm);
		recorder_note(
			r,
			"process %u (%s) is left alone: its libpiste speaks version %u, this piste %u",
			a->pid, comm, a->hello.abi, (unsigned)PISTE_POOL_ABI);
		goto refuse;
	}
	if (pool_open(&pool, a->fd, &why, &mine)) {
		process_comm(a->pid, comm);
		recorder_note(r, "process %u (%s) is left alone: %s", a->pid, comm,
			      mine.len ? mine.entries[0].message : "its memory cannot be mapped");
		goto refuse;
	}
	if (recorder_knows(r, pool)) {
		pool_free(pool);
		goto refuse;
	}
	close(a->fd);
	a->fd = -1;
	slot = pool_find_session(pool, r->session.id);
	if (slot < 0)
		slot = pool_join(pool, &r->session, &mine);
	if (slot < 0) {
		recorder_note(r, "process %u is left alone: %s", a->pid,
			      mine.len ? mine.entries[0].message : strerror(-slot));
		pool_free(pool);
	} else {
		recorder_add_process(r, pool, a->pid, a->pidfd, slot, true, diag);
		a->pidfd = -1;
	}
refuse:
	announcement_fini(a);
	diag_fini(&mine);
}

bool recorder_receive(struct recorder *r, int connection)
{
	struct announcement a;
	int got = launch_receive(connection, &a);

	if (got == -EAGAIN)
		return false;
	if (got > 0 && vec_push(&r->announced, a))
		announcement_fini(&a);
	close(connection);
	return true;
}

/* Quickly: while its queue is full, new processes cannot announce themselves. */
void recorder_accept_all(struct recorder *r)
{
	int connection;

	while ((connection = launch_accept(&r->launch)) >= 0) {
		if (recorder_receive(r, connection))
			continue;
		if (r->connections >= CONNECTIONS_MAX ||
		    recorder_watch(r, connection, TAG_CONNECTION))
			close(connection);
		else
			r->connections++;
	}
}

void recorder_add_announced(struct recorder *r, struct diag *diag)
{
	for (size_t i = 0; i < r->announced.len; i++) {
		add_announced(r, &r->announced.items[i], diag);
		if (i % 16 == 15)
			recorder_accept_all(r);
	}
	r->announced.len = 0;
}

void recorder_process_ended(struct recorder *r, int pidfd)
{
	uint64_t found;

	if (map_get_u64(&r->by_pidfd, (unsigned)pidfd, &found))
		((struct process *)(uintptr_t)found)->is_dead = true;
	epoll_ctl(r->epoll, EPOLL_CTL_DEL, pidfd, NULL);
}

static void keep_trouble(struct recorder *r, const struct process *p)
{
	struct recorder_trouble t = {
		.pid = p->pid,
		.lost = p->lost,
		.dropped_bytes = p->dropped_bytes,
		.dropped_why = p->dropped_why,
	};

	if ((!p->lost && !p->dropped_bytes) || r->troubles.len >= TROUBLES_MAX)
		return;
	memcpy(t.comm, p->pool->comm, sizeof(t.comm));
	(void)(vec_push(&r->troubles, t));
}

static void add_untold(struct recorder *r, uint32_t stream, uint64_t lost)
{
	while (r->untold.len <= stream)
		if (vec_push(&r->untold, 0))
			return;
	r->untold.items[stream] += lost;
}

/* Its totals become the recording's; it has nothing in any queue. */
static void close_process(struct recorder *r, struct process *p)
{
	uint32_t stream = MODEL_DUMP_STREAM;

	process_count_lost(p);
	if (p->lost > p->lost_told) {
		model_stream_class(&r->model, p->table, false, &stream);
		add_untold(r, stream, p->lost - p->lost_told);
	}
	r->totals.events += p->events;
	r->totals.bytes += p->bytes;
	r->totals.lost += p->lost;
	r->totals.dropped_bytes += p->dropped_bytes;
	keep_trouble(r, p);
	dump_process_end(&r->dump, p->pid, (uint32_t)p->status, p->events, p->lost, p->bytes,
			 p->dropped_bytes);
	if (dump_is_full(&r->dump))
		recorder_emit_dump(r);
	forget_process(r, p);
	process_free(p);
}

void recorder_close_dead(struct recorder *r, struct diag *diag)
{
	size_t kept = 0;
	bool waited = false;

	for (size_t i = 0; i < r->processes.len; i++) {
		struct process *p = r->processes.items[i];

		if (!p->is_dead) {
			r->processes.items[kept++] = p;
			continue;
		}
		if (!waited) /* packets borrow from its memory */
			recorder_flush(r, true, diag);
		waited = true;
		close_process(r, p);
	}
	r->processes.len = kept;
}
