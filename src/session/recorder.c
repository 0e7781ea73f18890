/* SPDX-License-Identifier: MIT */
/*
 * recorder_run is the loop. Each round: what happened (signals, new pools,
 * ends of processes); then all finished chunks of all processes, in the order
 * of time; then they are written, and given back.
 */
#include "session/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/vec.h"
#include "ctf/filter.h"
#include "session/dump.h"
#include "session/find.h"
#include "session/flight.h"
#include "session/launch.h"
#include "session/model.h"
#include "session/process.h"
#include "session/sink.h"

enum {
	WAIT_LONGEST_MS = 10, /* for chunks */
	WAIT_IDLE_MS = 250, /* without a process */
	FLUSH_BYTES = 8 << 20,
	NAMES_MAX = 4096,
	TROUBLES_MAX = 64,
	GRACE_NS = 2000000000, /* for the command, after a Ctrl-C */
	ORPHAN_NS = 200000000, /* for what the command left behind to show itself */
	EARLY_NS = 20000000, /* the metadata is on disk by then */
	SETTLE_NS = 200000000, /* for a program to load its libraries */
};

/* What an epoll event is about, in the low bits of its data; the rest is an fd. */
enum { TAG_SIGNAL = 1, TAG_LISTENER = 2, TAG_CONNECTION = 3, TAG_PROCESS = 4 };

struct recorder {
	struct recorder_options options;
	struct piste_session session;
	struct model model;
	struct arena arena; /* the filter */
	struct dump dump;
	struct sink *sink; /* NULL while a flight recorder flies */
	struct flight *flight;
	struct launch launch;
	struct VEC(struct process *) processes;
	struct map by_pid, by_pidfd, by_inode; /* the same; of a pid the newest */
	struct VEC(struct announcement) announced; /* that wait to be looked at */
	struct ready_list ready;
	struct VEC(struct recorder_trouble) troubles;
	struct VEC(uint64_t) untold; /* losses that no packet told of, by stream class */
	struct VEC(char *) names; /* of sites that were seen, for suggestions */
	int epoll, signals;
	unsigned connections;
	sigset_t old_mask;
	bool mask_set;
	rlim_t old_open_files;

	pid_t child; /* 0: none */
	bool child_running;
	int child_status;
	uint64_t child_end_ns, expect_ns;
	bool expects; /* as it was found at expect_ns */

	bool stop; /* at the end of this round */
	unsigned interrupts;
	uint64_t interrupt_ns;
	uint64_t start_ns, second_ns, status_ns;
	uint64_t round_bytes;
	int wait_ms;
	bool snapshot_wanted, made_dir;
	bool filter_checked, tables_seen_sites, tables_matched, said_waiting, stop_failed;

	struct recorder_summary totals; /* of processes that are gone */
};

static void note(struct recorder *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct recorder *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!r->options.on_note)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->options.on_note(r->options.data, text);
}

/* --- new ------------------------------------------------------------------ */

static int session_fill(struct recorder *r, struct diag *diag)
{
	struct piste_session *s = &r->session;
	const struct recorder_options *o = &r->options;
	size_t used = 0;

	s->state = PISTE_SESSION_ACTIVE;
	s->flags = o->cpu ? PISTE_SESSION_CPU : 0;
	s->magic = PISTE_SESSION_MAGIC;
	if (getrandom(&s->id, sizeof(s->id), 0) != sizeof(s->id))
		s->id = clock_ticks_raw();
	s->budget_bytes = o->buffer_bytes;
	s->recorder_pid = (uint32_t)getpid();
	s->recorder_start = process_start_time(s->recorder_pid);
	s->level = o->level;
	for (size_t i = 0; i < o->n_rules; i++) {
		size_t len = strlen(o->rules[i]) + 1;

		if (used + len + 1 > sizeof(s->rules)) {
			diag_error(diag, NULL, "the names of events are longer than %zu bytes",
				   sizeof(s->rules));
			diag_hint(diag, "use fewer, wider globs");
			return -E2BIG;
		}
		memcpy(s->rules + used, o->rules[i], len);
		used += len;
	}
	return 0;
}

static int signals_open(struct recorder *r)
{
	struct rlimit limit;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGQUIT);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, &r->old_mask) < 0)
		return -errno;
	r->mask_set = true;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* EFBIG is enough */
	r->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->signals < 0)
		return -errno;
	/* a descriptor for each process; the command gets the old limit */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		r->old_open_files = limit.rlim_cur;
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return 0;
}

static int watch(struct recorder *r, int fd, unsigned tag)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)(unsigned)fd << 8 | tag};

	return epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int recorder_new(struct recorder **out, const struct recorder_options *options, struct diag *diag)
{
	struct recorder *r = calloc(1, sizeof(*r));
	struct wants wants = {0};
	int err;

	*out = r;
	if (!r)
		return -ENOMEM;
	r->options = *options;
	r->epoll = r->signals = r->launch.listener = -1;
	r->wait_ms = 1;
	r->start_ns = r->second_ns = r->status_ns = clock_monotonic_ns();
	err = session_fill(r, diag);
	if (!err && options->filter)
		err = filter_parse(&wants.filter, options->filter, &r->arena, diag);
	if (err)
		return err;
	wants.session = &r->session;
	err = model_init(&r->model, options->ctf_major, &wants, options->command_line,
			 clock_tsc_usable());
	r->dump.model = &r->model;
	if (!err && options->flight_bytes)
		err = flight_new(&r->flight, options->flight_bytes);
	if (err)
		diag_error(diag, NULL, "no memory");
	if (!err)
		err = trace_dir_make(options->dir, options->force, diag);
	r->made_dir = !err;
	if (!err && !r->flight) {
		err = sink_open(&r->sink, options->dir, r->model.uuid);
		if (err)
			diag_error(diag, NULL, "%s: %s", options->dir, strerror(-err));
	}
	if (err)
		return err;
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = r->epoll < 0 ? -errno : signals_open(r);
	if (!err)
		err = watch(r, r->signals, TAG_SIGNAL);
	if (err) {
		diag_error(diag, NULL, "cannot wait for signals: %s", strerror(-err));
		return err;
	}
	err = launch_init(&r->launch, diag);
	if (err)
		return err;
	snprintf(r->session.socket, sizeof(r->session.socket), "%s", r->launch.socket_path);
	err = launch_publish(&r->launch, &r->session, diag);
	return err ? err : watch(r, r->launch.listener, TAG_LISTENER);
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->processes.len; i++)
		process_free(r->processes.items[i]);
	vec_fini(&r->processes);
	map_fini(&r->by_pid);
	map_fini(&r->by_pidfd);
	map_fini(&r->by_inode);
	for (size_t i = 0; i < r->announced.len; i++)
		announcement_fini(&r->announced.items[i]);
	vec_fini(&r->announced);
	vec_fini(&r->ready);
	vec_fini(&r->troubles);
	vec_fini(&r->untold);
	for (size_t i = 0; i < r->names.len; i++)
		free(r->names.items[i]);
	vec_fini(&r->names);
	sink_free(r->sink);
	flight_free(r->flight);
	dump_fini(&r->dump);
	launch_fini(&r->launch);
	if (r->epoll >= 0)
		close(r->epoll);
	if (r->signals >= 0)
		close(r->signals);
	if (r->mask_set)
		sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
	if (r->model.trace)
		model_fini(&r->model);
	arena_fini(&r->arena);
	free(r);
}

/* --- output --------------------------------------------------------------- */

static int emit(struct recorder *r, const struct packet *p)
{
	if (r->flight)
		return flight_add(r->flight, p);
	return sink_add(r->sink, p);
}

static void emit_dump(struct recorder *r)
{
	struct packet p;

	if (model_start(&r->model) == 0 && dump_take(&r->dump, &p))
		emit(r, &p);
}

/* What went wrong with the disk ends the recording, but not what it recorded. */
static int flush(struct recorder *r, bool wait, struct diag *diag)
{
	const char *file;
	int err;

	if (r->flight)
		return 0;
	err = sink_flush(r->sink, &r->model.text, wait);
	if (err && !r->stop_failed) {
		r->stop_failed = true;
		r->stop = true;
		sink_error(r->sink, &file);
		diag_error(diag, NULL, "%s/%s: %s: recording ends here", r->options.dir, file,
			   strerror(-err));
		diag_hint(diag, "what was recorded before can be read; the program goes on");
	}
	return err;
}

/* --- processes ------------------------------------------------------------ */

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
static int look_at_table(struct recorder *r, struct process *p, struct diag *diag)
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
static void check_filter(struct recorder *r, const struct process *p, uint64_t now_ns,
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

static bool is_known(const struct recorder *r, const struct pool *pool)
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
static int add_process(struct recorder *r, struct pool *pool, uint32_t pid, int pidfd, int slot,
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
		watch(r, pidfd, TAG_PROCESS);
	dump_start(r, p);
	if (dump_is_full(&r->dump))
		emit_dump(r);
	return p->objects_used ? look_at_table(r, p, diag) : 0;
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
		note(r,
		     "process %u (%s) is left alone: its libpiste speaks version %u, this piste %u",
		     a->pid, comm, a->hello.abi, (unsigned)PISTE_POOL_ABI);
		goto refuse;
	}
	if (pool_open(&pool, a->fd, &why, &mine)) {
		process_comm(a->pid, comm);
		note(r, "process %u (%s) is left alone: %s", a->pid, comm,
		     mine.len ? mine.entries[0].message : "its memory cannot be mapped");
		goto refuse;
	}
	if (is_known(r, pool)) {
		pool_free(pool);
		goto refuse;
	}
	close(a->fd);
	a->fd = -1;
	slot = pool_find_session(pool, r->session.id);
	if (slot < 0)
		slot = pool_join(pool, &r->session, &mine);
	if (slot < 0) {
		note(r, "process %u is left alone: %s", a->pid,
		     mine.len ? mine.entries[0].message : strerror(-slot));
		pool_free(pool);
	} else {
		add_process(r, pool, a->pid, a->pidfd, slot, true, diag);
		a->pidfd = -1;
	}
refuse:
	announcement_fini(a);
	diag_fini(&mine);
}

static bool receive(struct recorder *r, int connection)
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
static void accept_all(struct recorder *r)
{
	int connection;

	while ((connection = launch_accept(&r->launch)) >= 0) {
		if (receive(r, connection))
			continue;
		if (r->connections >= 1024 || watch(r, connection, TAG_CONNECTION))
			close(connection);
		else
			r->connections++;
	}
}

static void add_all_announced(struct recorder *r, struct diag *diag)
{
	for (size_t i = 0; i < r->announced.len; i++) {
		add_announced(r, &r->announced.items[i], diag);
		if (i % 16 == 15)
			accept_all(r);
	}
	r->announced.len = 0;
}

static void process_ended(struct recorder *r, int pidfd)
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
		emit_dump(r);
	forget_process(r, p);
	process_free(p);
}

static void close_dead(struct recorder *r, struct diag *diag)
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
			flush(r, true, diag);
		waited = true;
		close_process(r, p);
	}
	r->processes.len = kept;
}

/* --- one round ------------------------------------------------------------ */

static int by_begin(const void *a, const void *b)
{
	const struct ready *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->chunk < y->chunk ? -1 : x->chunk > y->chunk;
}

static int take_ready(struct recorder *r, struct diag *diag)
{
	struct packet packet;
	int got = 0;

	qsort(r->ready.items, r->ready.len, sizeof(*r->ready.items), by_begin);
	r->round_bytes = 0;
	for (size_t i = 0; i < r->ready.len && got >= 0; i++) {
		struct ready *ready = &r->ready.items[i];

		got = process_take(ready->process, ready->chunk, &r->model, &packet, diag);
		if (got <= 0)
			continue;
		r->round_bytes += packet.size;
		emit(r, &packet);
		if (r->sink && sink_queued_bytes(r->sink) >= FLUSH_BYTES)
			flush(r, false, diag);
	}
	r->ready.len = 0;
	return got < 0 ? got : 0;
}

static int collect(struct recorder *r, enum collect what, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; i < r->processes.len && !err; i++) {
		struct process *p = r->processes.items[i];

		if (what == COLLECT_FULL && !process_has_moved(p))
			continue;
		if (pool_objects_used(p->pool) != p->objects_used)
			err = look_at_table(r, p, diag);
		if (r->model.wants.filter)
			check_filter(r, p, clock_monotonic_ns(), diag);
		if (!err)
			err = process_collect(p, what, &r->ready);
	}
	return err;
}

/* Everything that is finished, or with PARTIAL everything that there is. */
static int drain(struct recorder *r, enum collect what, struct diag *diag)
{
	int err = collect(r, what, diag);

	if (!err && r->ready.len)
		err = take_ready(r, diag);
	if (r->sink && sink_queued_bytes(r->sink))
		flush(r, false, diag);
	return err;
}

/* Short waits while memory runs full, long ones while little happens. */
static void choose_wait(struct recorder *r)
{
	uint64_t used = 0, budget = 1;
	bool pressed = false, busy;

	for (size_t i = 0; i < r->processes.len; i++) {
		const struct piste_pool *live = pool_live(r->processes.items[i]->pool);

		used = __atomic_load_n(&live->used_bytes, __ATOMIC_RELAXED);
		budget = __atomic_load_n(&live->budget_bytes, __ATOMIC_RELAXED);
		pressed |= used > budget / 4 * 3;
		if (!r->round_bytes)
			break; /* nobody wrote anything: no need to look at thousands */
	}
	busy = r->sink && sink_is_busy(r->sink);
	if (!r->processes.len)
		r->wait_ms = WAIT_IDLE_MS;
	else if (r->round_bytes > budget / 16 || busy)
		r->wait_ms = 1;
	else if (r->wait_ms > WAIT_LONGEST_MS)
		r->wait_ms = 1;
	else if (r->wait_ms < WAIT_LONGEST_MS)
		r->wait_ms++;
	if (pressed && r->sink)
		sink_press(r->sink);
}

static void tell_status(struct recorder *r, uint64_t now_ns)
{
	struct recorder_status s = {
		.elapsed_ns = now_ns - r->start_ns,
		.events = r->totals.events,
		.bytes = r->totals.bytes,
		.lost = r->totals.lost,
		.processes = r->processes.len,
	};

	r->status_ns = now_ns;
	if (!r->options.on_status)
		return;
	for (size_t i = 0; i < r->processes.len; i++) {
		struct process *p = r->processes.items[i];

		s.events += p->events;
		s.bytes += p->bytes;
		s.lost += p->lost;
	}
	r->options.on_status(r->options.data, &s);
}

/* A process that was attached to, and became another program. */
static void look_for_execs(struct recorder *r)
{
	for (size_t i = 0; i < r->processes.len; i++) {
		struct process *p = r->processes.items[i];

		if (!process_maps_pool(p->pid, p->pool))
			p->is_dead = p->is_superseded = true;
	}
}

static int rewrite_metadata(struct recorder *r)
{
	struct str text = {0};
	int err = model_write_all(&r->model, &text);

	if (!err)
		err = sink_replace_metadata(r->sink, &text);
	str_fini(&text);
	return err;
}

static int each_second(struct recorder *r, uint64_t now_ns, struct diag *diag)
{
	struct clock_anchor anchor;
	int err = 0;

	r->second_ns = now_ns;
	if (model_take_anchor(&r->model, &anchor) == 0)
		dump_anchor(&r->dump, &anchor);
	for (size_t i = 0; i < r->processes.len; i++)
		process_count_lost(r->processes.items[i]);
	if (!r->flight)
		err = drain(r, COLLECT_PARTIAL, diag);
	if (r->options.n_pids && r->processes.len <= 16)
		look_for_execs(r);
	if (!r->flight && r->model.started) {
		emit_dump(r);
		flush(r, false, diag);
	}
	return err;
}

/* --- snapshots ------------------------------------------------------------ */

static void add_lost(struct recorder *r, struct sink *sink)
{
	uint64_t rest = r->flight ? flight_totals(r->flight)->overwritten_lost : 0;

	for (size_t i = 0; i < r->untold.len; i++)
		sink_add_lost(sink, (uint32_t)i, r->untold.items[i]);
	sink_add_lost(sink, r->model.trace->n_streams > 1, rest);
	sink_end_lanes(sink, model_ticks_now(&r->model));
}

static int write_flight(struct recorder *r, const char *dir, struct sink **out, struct diag *diag)
{
	struct str text = {0};
	struct sink *sink = NULL;
	int err;

	emit_dump(r);
	err = model_start(&r->model);
	if (!err)
		err = model_write_all(&r->model, &text);
	if (!err)
		err = sink_open(&sink, dir, r->model.uuid);
	if (!err)
		err = flight_write(r->flight, sink);
	if (!err && !out)
		add_lost(r, sink);
	if (!err)
		err = sink_flush(sink, &text, true);
	if (err)
		diag_error(diag, NULL, "%s: %s", dir, strerror(-err));
	str_fini(&text);
	if (out && !err)
		*out = sink;
	else
		sink_free(sink);
	return err;
}

static int snapshot(struct recorder *r, struct diag *diag)
{
	char dir[PATH_MAX];
	int err;

	r->snapshot_wanted = false;
	if (!r->flight) {
		note(r, "SIGUSR1 writes a snapshot only with --flight");
		return 0;
	}
	err = drain(r, COLLECT_PARTIAL, diag);
	if (err)
		return err;
	snprintf(dir, sizeof(dir), "%s/snapshot-%llu", r->options.dir,
		 (unsigned long long)++r->totals.snapshots);
	err = mkdir(dir, 0777) < 0 ? -errno : write_flight(r, dir, NULL, diag);
	if (!err)
		note(r, "snapshot of %llu events in %s",
		     (unsigned long long)flight_totals(r->flight)->events, dir);
	return 0;
}

/* --- events --------------------------------------------------------------- */

static void command_ended(struct recorder *r, int status)
{
	r->child_running = false;
	r->child_end_ns = clock_monotonic_ns();
	r->child_status = status;
}

/*
 * The command, or one of its descendants that lost its parent: those become
 * ours (PR_SET_CHILD_SUBREAPER), so that a daemon is not taken for nothing
 * while it is on its way to its first event, and how it ends is seen.
 */
static void reap(struct recorder *r)
{
	uint64_t found;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (pid == r->child && r->child_running)
			command_ended(r, status);
		else if (!map_get_u64(&r->by_pid, (unsigned)pid, &found))
			continue;
		if (map_get_u64(&r->by_pid, (unsigned)pid, &found)) {
			((struct process *)(uintptr_t)found)->is_dead = true;
			((struct process *)(uintptr_t)found)->status = status;
		}
		/* what led to it, before others that live on overwrite it */
		if (status && r->flight && !r->interrupts)
			r->snapshot_wanted = true;
	}
}

/* Whether a descendant is there that may still come to its first event. */
static bool is_expecting(struct recorder *r, uint64_t now_ns)
{
	_cleanup_(freep) char *list = NULL;
	char path[64];
	siginfo_t info;

	if (!r->child || waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return false; /* no child at all */
	if (now_ns - r->child_end_ns < ORPHAN_NS)
		return true;
	if (now_ns - r->expect_ns < ORPHAN_NS)
		return r->expects;
	r->expect_ns = now_ns;
	r->expects = false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	if (fs_read_file(AT_FDCWD, path, 1 << 20, &list, NULL))
		return false;
	for (char *p = list, *end; !r->expects; p = end) {
		unsigned long pid = strtoul(p, &end, 10);

		if (end == p)
			break;
		r->expects = process_has_pool((uint32_t)pid);
	}
	return r->expects;
}

static void take_signals(struct recorder *r)
{
	struct signalfd_siginfo info;

	while (read(r->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			reap(r);
		} else if (info.ssi_signo == SIGUSR1) {
			r->snapshot_wanted = true;
		} else {
			r->interrupts++;
			r->interrupt_ns = clock_monotonic_ns();
			/* From the terminal the command got it too, and may want to finish. */
			if (info.ssi_signo != SIGINT || !r->child_running || r->interrupts > 1)
				r->stop = true;
		}
	}
}

static void wait_for_events(struct recorder *r)
{
	struct epoll_event events[64];
	int n = epoll_wait(r->epoll, events, 64, r->wait_ms);

	for (int i = 0; i < n; i++) {
		int fd = (int)(events[i].data.u64 >> 8);

		switch (events[i].data.u64 & 0xff) {
		case TAG_SIGNAL:
			take_signals(r);
			break;
		case TAG_LISTENER:
			accept_all(r);
			break;
		case TAG_CONNECTION:
			if (receive(r, fd))
				r->connections--;
			break;
		case TAG_PROCESS:
			process_ended(r, fd);
			break;
		}
	}
	if (n > 0 && r->wait_ms > WAIT_LONGEST_MS)
		r->wait_ms = 1;
}

static bool is_over(struct recorder *r, uint64_t now_ns)
{
	if (r->stop || (r->options.duration_ns && now_ns - r->start_ns >= r->options.duration_ns))
		return true;
	if (r->interrupts && now_ns - r->interrupt_ns > GRACE_NS)
		return true;
	return !r->child_running && !r->processes.len && !is_expecting(r, now_ns);
}

static void tell_waiting(struct recorder *r, uint64_t now_ns)
{
	if (r->said_waiting || !r->child || r->child_running || !r->processes.len ||
	    r->interrupts || now_ns - r->child_end_ns < 1000000000)
		return;
	r->said_waiting = true;
	note(r, "the command has ended, %zu of its processes live on: Ctrl-C ends the recording",
	     r->processes.len);
}

int recorder_run(struct recorder *r, struct diag *diag)
{
	int err = 0;

	while (!err) {
		uint64_t now_ns;
		bool over;

		wait_for_events(r);
		now_ns = clock_monotonic_ns();
		over = is_over(r, now_ns);
		if (over)
			accept_all(r); /* what announced itself and ended in the same moment */
		add_all_announced(r, diag);
		err = drain(r, COLLECT_FULL, diag);
		if (err)
			break;
		close_dead(r, diag);
		if (over && (r->stop || is_over(r, now_ns)))
			break;
		/* should we be killed, there is a trace to read */
		if (!r->model.started && !r->flight && r->processes.len &&
		    now_ns - r->start_ns > EARLY_NS) {
			emit_dump(r);
			flush(r, false, diag);
		}
		if (now_ns - r->second_ns >= 1000000000)
			err = each_second(r, now_ns, diag);
		if (r->snapshot_wanted)
			err = snapshot(r, diag);
		if (now_ns - r->status_ns >= 250000000) {
			tell_status(r, now_ns);
			tell_waiting(r, now_ns);
		}
		choose_wait(r);
		if (is_over(r, now_ns))
			r->wait_ms = 0;
	}
	if (err)
		diag_error(diag, NULL, "the recording ends: %s", strerror(-err));
	return err;
}

/* --- start ---------------------------------------------------------------- */

static int attach(struct recorder *r, uint32_t pid, struct diag *diag)
{
	struct pool_list pools = {0};
	int err = find_pools(&pools, pid, diag);

	for (size_t i = 0; i < pools.len && !err; i++) {
		struct pool *pool = pools.items[i];
		int slot;

		pools.items[i] = NULL;
		if (is_known(r, pool)) {
			pool_free(pool);
			continue;
		}
		slot = pool_join(pool, &r->session, diag);
		if (slot < 0) {
			pool_free(pool);
			err = slot;
			break;
		}
		err = add_process(r, pool, pid, -1, slot, false, diag);
	}
	pool_list_fini(&pools);
	return err;
}

/*
 * A program that fills its buffer in 25 ms leaves little time to wait for a
 * turn. Short slices are served sooner (Linux 6.12, any user), and where it is
 * allowed a better place in the queue. After the command was started, which
 * shall not have it.
 */
static void ask_for_short_turns(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} attributes = {.size = sizeof(attributes), .nice = -10, .runtime_ns = 100000};

	if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0) {
		attributes.nice = getpriority(PRIO_PROCESS, 0);
		syscall(SYS_sched_setattr, 0, &attributes, 0);
	}
}

int recorder_start(struct recorder *r, struct diag *diag)
{
	int err = 0;

	dump_anchor(&r->dump, &r->model.anchors.items[0]);
	r->start_ns = r->second_ns = clock_monotonic_ns();
	for (size_t i = 0; i < r->options.n_pids && !err; i++)
		err = attach(r, r->options.pids[i], diag);
	if (!err && r->options.argv) {
		struct launch_command command = {
			.argv = r->options.argv,
			.mask = &r->old_mask,
			.preload = r->options.preload,
			.wrap = r->options.wrap,
			.open_files = r->old_open_files,
		};

		prctl(PR_SET_CHILD_SUBREAPER, 1);
		err = launch_run(&r->launch, &command, &r->child, diag);
		r->child_running = !err;
		if (err && r->child > 0) {
			waitpid(r->child, NULL, 0);
			r->child = 0;
			r->totals.exit_status = err == -ENOENT ? 127 : 126;
		}
	}
	ask_for_short_turns();
	return err;
}

void recorder_abort(struct recorder *r, int *exit_status)
{
	*exit_status = r->totals.exit_status;
	for (size_t i = 0; i < r->processes.len; i++) {
		pool_quiet(r->processes.items[i]->pool, r->processes.items[i]->slot);
		pool_leave(r->processes.items[i]->pool, r->processes.items[i]->slot);
	}
	if (r->made_dir)
		rmdir(r->options.dir); /* only when it is empty */
}

/* --- the end -------------------------------------------------------------- */

/* The recording is over, the command is not: its status is ours. */
static void wait_for_command(struct recorder *r)
{
	struct signalfd_siginfo info;

	if (!r->child_running || r->interrupts)
		return;
	note(r, "the recording is over; the command goes on");
	while (r->child_running && !r->interrupts) {
		fcntl(r->signals, F_SETFL, 0);
		if (read(r->signals, &info, sizeof(info)) != sizeof(info) && errno != EINTR)
			return;
		if (info.ssi_signo == SIGCHLD)
			reap(r);
		else if (info.ssi_signo != SIGUSR1)
			r->interrupts++;
	}
}

/* Processes that live on: their sites are switched off, what they have is taken. */
static void detach_all(struct recorder *r, struct diag *diag)
{
	for (size_t i = 0; i < r->processes.len; i++) {
		pool_quiet(r->processes.items[i]->pool, r->processes.items[i]->slot);
		r->processes.items[i]->end = model_ticks_now(&r->model);
	}
	drain(r, COLLECT_PARTIAL, diag);
	/* a writer that saw its gate open just before: once more */
	usleep(r->processes.len ? 200 : 0);
	drain(r, COLLECT_PARTIAL, diag);
	for (size_t i = 0; i < r->processes.len; i++) {
		process_count_lost(r->processes.items[i]);
		pool_leave(r->processes.items[i]->pool, r->processes.items[i]->slot);
		r->processes.items[i]->is_dead = true;
	}
	close_dead(r, diag);
}

static uint64_t own_cpu_ns(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return 0;
	return ((uint64_t)u.ru_utime.tv_sec + (uint64_t)u.ru_stime.tv_sec) * 1000000000 +
	       ((uint64_t)u.ru_utime.tv_usec + (uint64_t)u.ru_stime.tv_usec) * 1000;
}

static void explain_nothing(struct recorder *r, struct recorder_summary *s)
{
	const char *near = NULL;

	if (s->events || s->lost || s->overwritten || s->unwritten)
		return;
	if (!s->processes)
		s->nothing = RECORDER_NO_PROCESS;
	else if (!r->tables_seen_sites)
		s->nothing = RECORDER_NO_SITES;
	else if (!r->tables_matched)
		s->nothing = RECORDER_NO_MATCH;
	else
		s->nothing = r->model.wants.filter ? RECORDER_FILTERED : RECORDER_NOT_REACHED;
	for (size_t i = 0; s->nothing == RECORDER_NO_MATCH && i < r->options.n_rules && !near; i++)
		near = nearest_name(r->options.rules[i], (const char *const *)r->names.items,
				    r->names.len);
	if (near)
		snprintf(s->near_name, sizeof(s->near_name), "%s", near);
}

static uint64_t clock_uncertainty_ns(const struct model *m)
{
	uint64_t hz = m->clock->frequency_hz;

	return hz ? m->clock->precision_cycles * 1000000000 / hz : 0;
}

static int finish_trace(struct recorder *r, struct recorder_summary *s, struct diag *diag)
{
	struct clock_anchor anchor;
	struct dump_session d;
	struct sink *sink = r->sink;
	struct sink_totals totals;
	int err = 0;

	if (model_start(&r->model) || model_take_anchor(&r->model, &anchor))
		return -ENOMEM;
	dump_anchor(&r->dump, &anchor);
	d = (struct dump_session){
		.events = s->events,
		.bytes = s->bytes,
		.lost = s->lost,
		.overwritten = s->overwritten,
		.dropped_bytes = s->dropped_bytes,
		.recorder_cpu_ns = own_cpu_ns(),
	};
	dump_session_end(&r->dump, &d);
	if (r->flight)
		err = write_flight(r, r->options.dir, &sink, diag);
	else
		emit_dump(r);
	if (err || !sink)
		return err;
	add_lost(r, sink);
	r->sink = sink;
	sink_flush(sink, &r->model.text, true);
	if (!r->flight)
		rewrite_metadata(r); /* where that fails, the one that grew is there */
	sink_totals(sink, &totals);
	s->files = totals.files;
	s->unwritten = totals.unwritten_events;
	return 0;
}

int recorder_finish(struct recorder *r, struct recorder_summary *summary, struct diag *diag)
{
	int err;

	/* nobody is to come any more; who is there is let go */
	accept_all(r);
	add_all_announced(r, diag);
	detach_all(r, diag);
	reap(r);
	*summary = r->totals;
	summary->elapsed_ns = clock_monotonic_ns() - r->start_ns;
	if (r->flight) {
		const struct flight_totals *t = flight_totals(r->flight);

		summary->overwritten = t->overwritten;
		summary->events -= t->overwritten;
		summary->bytes = t->event_bytes;
	}
	err = finish_trace(r, summary, diag);
	if (!r->flight && r->sink && summary->unwritten)
		summary->events -= summary->unwritten < summary->events ? summary->unwritten
									: summary->events;
	summary->cpu_ns = own_cpu_ns();
	summary->clock_uncertainty_ns = clock_uncertainty_ns(&r->model);
	launch_fini(&r->launch);
	wait_for_command(r);
	if (r->child)
		summary->exit_status = r->child_running ? 128 + SIGINT : r->child_status;
	summary->troubles = r->troubles.items;
	summary->n_troubles = r->troubles.len;
	r->troubles.items = NULL;
	r->troubles.len = r->troubles.cap = 0;
	explain_nothing(r, summary);
	return err ? err : r->stop_failed ? -EIO : 0;
}
