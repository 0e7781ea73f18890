/* SPDX-License-Identifier: MIT */
/*
 * recorder_run is the loop. Each round: what happened (signals, new pools,
 * ends of processes); then all finished chunks of all processes, in the order
 * of time; then they are written, and given back.
 */
#include "session/recorder-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "ctf/filter.h"
#include "session/discover.h"
#include "session/find.h"

enum {
	WAIT_LONGEST_MS = 10, /* for chunks */
	WAIT_IDLE_MS = 250, /* without a process */
	FLUSH_BYTES = 8 << 20,
	GRACE_NS = 2000000000, /* for the command, after a Ctrl-C */
	ORPHAN_NS = 200000000, /* for what the command left behind to show itself */
	EARLY_NS = 20000000, /* the metadata is on disk by then */
};

void recorder_note(struct recorder *r, const char *fmt, ...)
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

		if (!strncmp(o->rules[i], "k:", 2) || !strncmp(o->rules[i], "!k:", 3))
			continue;
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

int recorder_watch(struct recorder *r, int fd, unsigned tag)
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
	wants.lttng_names = options->lttng_names;
	err = model_init(&r->model, options->ctf_major, &wants, options->command_line,
			 clock_tsc_usable());
	r->dump.model = &r->model;
	if (!err && options->flight_bytes)
		err = flight_new(&r->flight, options->flight_bytes);
	if (err)
		diag_error(diag, NULL, "no memory");
	if (!err)
		err = recorder_open_kernel(r, diag);
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
		err = recorder_watch(r, r->signals, TAG_SIGNAL);
	if (err) {
		diag_error(diag, NULL, "cannot wait for signals: %s", strerror(-err));
		return err;
	}
	err = launch_init(&r->launch, diag);
	if (err)
		return err;
	snprintf(r->session.socket, sizeof(r->session.socket), "%s", r->launch.socket_path);
	err = launch_publish(&r->launch, &r->session, diag);
	return err ? err : recorder_watch(r, r->launch.listener, TAG_LISTENER);
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
	recorder_free_kernel(r);
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
	for (size_t i = 0; i < r->ready.len && got >= 0; i++) {
		struct ready *ready = &r->ready.items[i];

		got = process_take(ready->process, ready->chunk, &r->model, &packet, diag);
		if (got <= 0)
			continue;
		r->round_bytes += packet.size;
		recorder_emit(r, &packet);
		if (r->sink && sink_queued_bytes(r->sink) >= FLUSH_BYTES)
			recorder_flush(r, false, diag);
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
			err = recorder_look_at_table(r, p, diag);
		if (r->model.wants.filter)
			recorder_check_filter(r, p, clock_monotonic_ns(), diag);
		if (!err)
			err = process_collect(p, what, &r->ready);
	}
	return err;
}

/* Everything that is finished, or with PARTIAL everything that there is. */
int recorder_drain(struct recorder *r, enum collect what, struct diag *diag)
{
	int err = collect(r, what, diag);

	r->round_bytes = 0;
	if (!err && r->ready.len)
		err = take_ready(r, diag);
	if (!err)
		err = recorder_drain_kernel(r, what, diag);
	if (r->sink && sink_queued_bytes(r->sink))
		recorder_flush(r, false, diag);
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
	if (r->kernel && r->wait_ms > kernel_wait_ms(r->kernel))
		r->wait_ms = kernel_wait_ms(r->kernel);
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
	if (r->kernel) {
		struct kernel_totals k;

		kernel_totals(r->kernel, &k);
		s.events += k.events;
		s.bytes += k.bytes;
		s.lost += k.lost;
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
		err = recorder_drain(r, COLLECT_PARTIAL, diag);
	if (r->options.n_pids && r->processes.len <= 16)
		look_for_execs(r);
	if (!r->flight && r->model.started) {
		recorder_emit_dump(r);
		recorder_flush(r, false, diag);
	}
	return err;
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
void recorder_reap(struct recorder *r)
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
			recorder_reap(r);
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
			recorder_accept_all(r);
			break;
		case TAG_CONNECTION:
			if (recorder_receive(r, fd))
				r->connections--;
			break;
		case TAG_PROCESS:
			recorder_process_ended(r, fd);
			break;
		case TAG_BARE:
			close(fd);
			r->bare--;
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
	if (!r->child && (r->options.system || r->options.cgroup))
		return false;
	return !r->child_running && !r->processes.len && !r->bare && !is_expecting(r, now_ns);
}

static void tell_waiting(struct recorder *r, uint64_t now_ns)
{
	if (r->said_waiting || !r->child || r->child_running || !r->processes.len ||
	    r->interrupts || now_ns - r->child_end_ns < 1000000000)
		return;
	r->said_waiting = true;
	recorder_note(
		r, "the command has ended, %zu of its processes live on: Ctrl-C ends the recording",
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
			recorder_accept_all(
				r); /* what announced itself and ended in the same moment */
		recorder_add_announced(r, diag);
		err = recorder_drain(r, COLLECT_FULL, diag);
		if (err)
			break;
		recorder_close_dead(r, diag);
		if (over && (r->stop || is_over(r, now_ns)))
			break;
		/* should we be killed, there is a trace to read */
		if (!r->model.started && !r->flight && r->processes.len &&
		    now_ns - r->start_ns > EARLY_NS) {
			recorder_emit_dump(r);
			recorder_flush(r, false, diag);
		}
		if (now_ns - r->second_ns >= 1000000000)
			err = each_second(r, now_ns, diag);
		if (r->snapshot_wanted)
			err = recorder_snapshot(r, diag);
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

/* A process without libpiste: only the kernel has events of it, until it ends. */
static int attach_bare(struct recorder *r, uint32_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return -errno;
	r->bare++;
	return recorder_watch(r, fd, TAG_BARE);
}

static int attach(struct recorder *r, uint32_t pid, struct diag *diag)
{
	struct pool_list pools = {0};
	struct diag why = {0};
	int err = recorder_add_to_kernel(r, pid), found;

	found = find_pools(&pools, pid, r->kern ? &why : diag);
	diag_fini(&why);
	if (!err)
		err = found;
	if (r->kern && !pools.len && found)
		err = attach_bare(r, pid);
	for (size_t i = 0; i < pools.len && !err; i++) {
		struct pool *pool = pools.items[i];
		int slot;

		pools.items[i] = NULL;
		if (recorder_knows(r, pool)) {
			pool_free(pool);
			continue;
		}
		slot = pool_join(pool, &r->session, diag);
		if (slot < 0) {
			pool_free(pool);
			err = slot;
			break;
		}
		err = recorder_add_process(r, pool, pid, -1, slot, false, diag);
	}
	pool_list_fini(&pools);
	return err;
}

/* Everybody with a pool who may be looked into; new ones announce themselves to their own recorder
 * only. */
static void attach_all(struct recorder *r)
{
	struct discover_list pids = {0};
	struct diag unsaid = {0};
	size_t hidden;

	if (discover_processes(&pids, &hidden) == 0)
		for (size_t i = 0; i < pids.len; i++)
			if (pids.items[i] != (uint32_t)getpid())
				attach(r, pids.items[i], &unsaid);
	diag_fini(&unsaid);
	vec_fini(&pids);
}

static void on_child(void *data, pid_t pid)
{
	recorder_add_to_kernel(data, (uint32_t)pid);
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
	err = recorder_start_kernel(r, diag);
	for (size_t i = 0; i < r->options.n_pids && !err; i++)
		err = attach(r, r->options.pids[i], diag);
	if (!err && r->options.system)
		attach_all(r);
	if (!err && r->options.argv) {
		struct launch_command command = {
			.argv = r->options.argv,
			.mask = &r->old_mask,
			.preload = r->options.preload,
			.wrap = r->options.wrap,
			.open_files = r->old_open_files,
			.on_child = r->kern ? on_child : NULL,
			.data = r,
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
	return err ? err : recorder_dump_state(r, diag);
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
