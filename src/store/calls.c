/* SPDX-License-Identifier: MIT */
/*
 * One pass over the events in the order of time. Every event class is looked at
 * once, by its name, and gets a role; those without one are not decoded. A
 * thread remembers the entry that it is in.
 */
#include "store/calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "ctf/reader.h"
#include "store/files.h"

enum { MAX_ERRNO = 4095, F_DUPFD_ = 0, F_DUPFD_CLOEXEC_ = 1030 };

/* What a call does to descriptors, once it has succeeded. */
enum effect {
	EFFECT_NONE,
	EFFECT_OPEN, /* its result is a descriptor of the path that it was given */
	EFFECT_NEW, /* … of something that has no path */
	EFFECT_DUP,
	EFFECT_FCNTL,
	EFFECT_CLOSE,
	EFFECT_FORK,
	EFFECT_EXEC,
	EFFECT_EXIT,
};

static const struct {
	const char *call;
	enum effect effect;
	const char *what;
} effects[] = {
	{"open", EFFECT_OPEN, NULL},
	{"openat", EFFECT_OPEN, NULL},
	{"openat2", EFFECT_OPEN, NULL},
	{"creat", EFFECT_OPEN, NULL},
	{"socket", EFFECT_NEW, "(a socket)"},
	{"accept", EFFECT_NEW, "(a connection)"},
	{"accept4", EFFECT_NEW, "(a connection)"},
	{"epoll_create", EFFECT_NEW, "(an epoll)"},
	{"epoll_create1", EFFECT_NEW, "(an epoll)"},
	{"eventfd", EFFECT_NEW, "(an eventfd)"},
	{"eventfd2", EFFECT_NEW, "(an eventfd)"},
	{"timerfd_create", EFFECT_NEW, "(a timer)"},
	{"signalfd4", EFFECT_NEW, "(signals)"},
	{"inotify_init1", EFFECT_NEW, "(an inotify)"},
	{"memfd_create", EFFECT_NEW, "(a memfd)"},
	{"pidfd_open", EFFECT_NEW, "(a pidfd)"},
	{"dup", EFFECT_DUP, NULL},
	{"dup2", EFFECT_DUP, NULL},
	{"dup3", EFFECT_DUP, NULL},
	{"fcntl", EFFECT_FCNTL, NULL},
	{"close", EFFECT_CLOSE, NULL},
	{"fork", EFFECT_FORK, NULL},
	{"vfork", EFFECT_FORK, NULL},
	{"clone", EFFECT_FORK, NULL},
	{"clone3", EFFECT_FORK, NULL},
	{"execve", EFFECT_EXEC, NULL},
	{"execveat", EFFECT_EXEC, NULL},
	{"exit_group", EFFECT_EXIT, NULL},
};

/* Fields that name a file, and those that are a descriptor: the first that a call has. */
static const char *const path_fields[] = {"filename", "pathname", "path", "oldname"};
static const char *const fd_fields[] = {"fd", "fildes", "oldfd", "epfd", "in_fd"};

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum role {
	ROLE_NONE,
	ROLE_ENTRY,
	ROLE_EXIT,
	ROLE_SWITCH, /* who runs on a CPU, and how it is called */
	ROLE_TASK, /* of the state at the start: a thread and its name */
	ROLE_FILE, /* … an open descriptor */
};

struct class
{
	enum role role;
	const char *call; /* interned */
	enum effect effect;
	const char *what; /* of EFFECT_NEW */
	/* indices in the payload; -1: none */
	int path, fd, cmd, result;
	int tid, pid, comm;
};

struct thread {
	struct track track; /* first: intervals point to it */
	const struct class *call; /* that it is in; NULL: none */
	int64_t begin_ns;
	bool has_fd;
	int64_t fd, cmd;
	const char *path;
};

struct reading {
	const struct calls_options *options;
	interval_fn *fn;
	void *data;
	struct calls_summary *summary;
	struct VEC(struct class) classes;
	struct map class_index; /* by the address of an event class */
	struct map threads; /* by tid */
	struct VEC(struct thread *) all_threads;
	struct map running; /* by CPU: tid, where events do not say whose they are */
	struct files files;
	struct arena arena;
	int64_t lost_until_ns; /* nothing that began before then is trusted to be whole */
	int64_t last_ns;
};

/* --- event classes ----------------------------------------------------------------------- */

static int find_field(const struct ctf_event_class *ec, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n && ec->payload; i++) {
		int index = ctf_struct_find(ec->payload, names[i]);

		if (index >= 0)
			return index;
	}
	return -1;
}

static int find_one(const struct ctf_event_class *ec, const char *name)
{
	return find_field(ec, &name, 1);
}

/* Cuts "syscall:" and "_entry", or "syscall_entry_", from a name; false: it is not so called. */
static bool cut(const char *name, const char *before, const char *behind, const char **call,
		size_t *len)
{
	size_t n = strlen(name), n_before = strlen(before), n_behind = strlen(behind);

	if (n <= n_before + n_behind || strncmp(name, before, n_before) != 0 ||
	    strcmp(name + n - n_behind, behind) != 0)
		return false;
	*call = name + n_before;
	*len = n - n_before - n_behind;
	return true;
}

static enum role role_of(const char *name, const char **call, size_t *len)
{
	static const struct {
		const char *before, *behind;
		enum role role;
	} calls[] = {
		{"syscall:", "_entry", ROLE_ENTRY},
		{"syscall:", "_exit", ROLE_EXIT},
		{"syscall_entry_", "", ROLE_ENTRY},
		{"syscall_exit_", "", ROLE_EXIT},
		/* of 32-bit programs */
		{"compat_syscall_entry_", "", ROLE_ENTRY},
		{"compat_syscall_exit_", "", ROLE_EXIT},
	};
	static const struct {
		const char *name;
		enum role role;
	} others[] = {
		{"sched:sched_switch", ROLE_SWITCH},
		{"sched_switch", ROLE_SWITCH},
		{"state:task", ROLE_TASK},
		{"lttng_statedump_process_state", ROLE_TASK},
		{"piste:process_start", ROLE_TASK},
		{"state:file", ROLE_FILE},
		{"lttng_statedump_file_descriptor", ROLE_FILE},
	};

	for (size_t i = 0; i < LENGTH(calls); i++)
		if (cut(name, calls[i].before, calls[i].behind, call, len))
			return calls[i].role;
	for (size_t i = 0; i < LENGTH(others); i++)
		if (!strcmp(name, others[i].name))
			return others[i].role;
	return ROLE_NONE;
}

static int add_class(struct reading *r, const struct ctf_event_class *ec)
{
	const char *call = NULL, *name = ec->name ? ec->name : "";
	static const char *const tids[] = {"next_tid", "next_pid", "tid", "pid"};
	static const char *const comms[] = {"next_comm", "comm", "name"};
	static const char *const results[] = {"ret", "result"};
	size_t len = 0;
	struct class c = {.role = role_of(name, &call, &len)};

	if (call) {
		c.call = files_intern(&r->files, call, len);
		if (!c.call)
			return -ENOMEM;
	}
	for (size_t i = 0; c.call && i < LENGTH(effects); i++)
		if (!strcmp(effects[i].call, c.call)) {
			c.effect = effects[i].effect;
			c.what = effects[i].what;
		}
	c.path = find_field(ec, path_fields, LENGTH(path_fields));
	c.fd = find_field(ec, fd_fields, LENGTH(fd_fields));
	c.cmd = find_one(ec, "cmd");
	c.result = find_field(ec, results, LENGTH(results));
	c.tid = find_field(ec, tids, LENGTH(tids));
	c.pid = find_one(ec, "pid");
	c.comm = find_field(ec, comms, LENGTH(comms));
	r->summary->has_calls |= call != NULL;
	if (vec_push(&r->classes, c))
		return -ENOMEM;
	return map_put_u64(&r->class_index, (uintptr_t)ec, r->classes.len - 1);
}

static int add_classes(struct reading *r, const struct ctf_trace *t)
{
	int rc = 0;

	for (size_t s = 0; s < t->class->n_streams; s++)
		for (size_t e = 0; e < t->class->streams[s]->n_events && !rc; e++)
			rc = add_class(r, t->class->streams[s]->events[e]);
	return rc;
}

static const struct class *class_of(const struct reading *r, const struct ctf_event_class *ec)
{
	uint64_t index;

	return map_get_u64(&r->class_index, (uintptr_t)ec, &index) ? &r->classes.items[index]
								   : NULL;
}

static void wish(void *data, const struct ctf_event_class *ec, struct ctf_wish *w)
{
	const struct class *c = class_of(data, ec);

	w->is_hidden = !c || c->role == ROLE_NONE;
}

/* --- fields --------------------------------------------------------------------------------- */

static const struct ctf_value *field_at(const struct ctf_message *m, int index)
{
	return index < 0 || !m->payload ? NULL
					: ctf_value_child(m->values, m->payload, (size_t)index);
}

static bool get_number(const struct ctf_value *v, int64_t *number)
{
	if (!v || (v->kind != CTF_VALUE_U64 && v->kind != CTF_VALUE_I64))
		return false;
	*number = v->i64;
	return true;
}

/* The bytes of a text, up to the first zero. */
static bool get_text(const struct ctf_value *v, const char **text, size_t *len)
{
	if (!v || v->kind != CTF_VALUE_TEXT)
		return false;
	*text = (const char *)v->bytes;
	*len = strnlen(*text, v->count);
	return true;
}

/* Of the event's own context, else of its packet's. */
static bool context_number(const struct ctf_message *m, const char *name, const char *other,
			   int64_t *number)
{
	const struct ctf_value *const roots[] = {m->common_context, m->context, m->packet_context};

	for (size_t i = 0; i < LENGTH(roots); i++) {
		const struct ctf_values *values = i == 2 ? m->packet_values : m->values;

		if (roots[i] && (get_number(ctf_value_field(values, roots[i], name), number) ||
				 get_number(ctf_value_field(values, roots[i], other), number)))
			return true;
	}
	return false;
}

/* --- threads ----------------------------------------------------------------------------------- */

static struct thread *find_thread(struct reading *r, uint32_t tid, uint32_t pid)
{
	struct thread *thread;
	uint64_t known;

	if (map_get_u64(&r->threads, tid, &known)) {
		thread = (struct thread *)(uintptr_t)known;
		if (pid && thread->track.pid != pid)
			thread->track.pid = pid;
		return thread;
	}
	thread = arena_new(&r->arena, struct thread);
	if (!thread || map_put_u64(&r->threads, tid, (uintptr_t)thread) ||
	    vec_push(&r->all_threads, thread))
		return NULL;
	thread->track = (struct track){.pid = pid ? pid : tid, .tid = tid, .process = ""};
	return thread;
}

/* Whose event it is; NULL: nobody knows, or no memory. */
static struct thread *thread_of(struct reading *r, const struct ctf_message *m)
{
	int64_t tid, pid = 0, cpu;
	uint64_t running;

	context_number(m, "pid", "vpid", &pid);
	if (context_number(m, "tid", "vtid", &tid))
		return find_thread(r, (uint32_t)tid, (uint32_t)pid);
	if (context_number(m, "cpu_id", "cpu", &cpu) &&
	    map_get_u64(&r->running, (uint64_t)cpu, &running))
		return find_thread(r, (uint32_t)running, (uint32_t)pid);
	return NULL;
}

/* A process is called what its first thread is. */
static void name_thread(struct reading *r, struct thread *thread, const char *name)
{
	thread->track.process = name;
	if (thread->track.tid != thread->track.pid)
		return;
	for (size_t i = 0; i < r->all_threads.len; i++)
		if (r->all_threads.items[i]->track.pid == thread->track.pid)
			r->all_threads.items[i]->track.process = name;
}

/* The begin is looked at here and not by the reader: names and descriptors are told before it. */
static bool is_wanted(const struct reading *r, const struct thread *thread, int64_t ns)
{
	if (r->options->has_begin && ns < r->options->begin_ns)
		return false;
	for (size_t i = 0; i < r->options->n_pids; i++)
		if (r->options->pids[i] == thread->track.pid)
			return true;
	return !r->options->n_pids;
}

/* --- calls ------------------------------------------------------------------------------------- */

static void add_value(struct interval *i, const char *key, const char *text, int64_t number)
{
	i->values[i->n_values++] =
		(struct interval_value){.key = key, .text = text, .number = number};
}

/* What an argument or a descriptor names. */
static const char *path_of(const struct reading *r, const struct thread *thread)
{
	if (thread->path)
		return thread->path;
	return thread->has_fd && thread->fd >= 0
		       ? files_name(&r->files, thread->track.pid, (uint32_t)thread->fd)
		       : NULL;
}

static void see_time(struct reading *r, int64_t ns)
{
	struct calls_summary *s = r->summary;

	if ((!s->begin_ns && !s->end_ns) || ns < s->begin_ns)
		s->begin_ns = ns;
	if (ns > s->end_ns)
		s->end_ns = ns;
}

static int emit(struct reading *r, struct thread *thread, int64_t end_ns, const int64_t *result)
{
	struct interval i = {
		.name = thread->call->call,
		.track = &thread->track,
		.begin_ns = thread->begin_ns,
		.end_ns = end_ns > thread->begin_ns ? end_ns : thread->begin_ns,
		.is_unfinished = !result,
	};
	const char *path = path_of(r, thread);

	if (result)
		add_value(&i, "result", NULL, *result);
	if (result && *result < 0 && *result >= -MAX_ERRNO)
		add_value(&i, "error", NULL, -*result);
	if (thread->has_fd)
		add_value(&i, "fd", NULL, thread->fd);
	if (path)
		add_value(&i, "path", path, 0);
	thread->call = NULL;
	if (!is_wanted(r, thread, thread->begin_ns))
		return 0;
	see_time(r, i.begin_ns);
	see_time(r, i.end_ns);
	if (result)
		r->summary->calls++;
	else
		r->summary->unfinished++;
	return r->fn(r->data, &i);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* What a call that has succeeded changed. */
static int apply_effect(struct reading *r, struct thread *thread, const struct class *c,
			int64_t result)
{
	uint32_t pid = thread->track.pid, fd = (uint32_t)thread->fd;
	const char *path = thread->path;

	switch (c->effect) {
	case EFFECT_OPEN:
		return path ? files_open(&r->files, pid, (uint32_t)result, path) : 0;
	case EFFECT_NEW:
		path = files_intern(&r->files, c->what, strlen(c->what));
		return path ? files_open(&r->files, pid, (uint32_t)result, path) : -ENOMEM;
	case EFFECT_FCNTL:
		if (thread->cmd != F_DUPFD_ && thread->cmd != F_DUPFD_CLOEXEC_)
			return 0;
		return files_dup(&r->files, pid, fd, (uint32_t)result);
	case EFFECT_DUP:
		return files_dup(&r->files, pid, fd, (uint32_t)result);
	case EFFECT_CLOSE:
		files_close(&r->files, pid, fd);
		return 0;
	case EFFECT_FORK:
		return result ? files_fork(&r->files, pid, (uint32_t)result) : 0;
	case EFFECT_EXEC:
		if (path)
			name_thread(r, thread, base_name(path));
		return 0;
	default:
		return 0;
	}
}

static int read_entry(struct reading *r, const struct class *c, const struct ctf_message *m)
{
	struct thread *thread = thread_of(r, m);
	const char *text;
	size_t len;
	int rc = 0;

	if (!thread) {
		r->summary->without_thread++;
		return 0;
	}
	if (thread->call) { /* it never came back, or the exit is lost */
		if (thread->begin_ns < r->lost_until_ns) {
			r->summary->cut += is_wanted(r, thread, thread->begin_ns);
			thread->call = NULL;
		} else {
			rc = emit(r, thread, m->ns, NULL);
		}
	}
	thread->call = c;
	thread->begin_ns = m->ns;
	thread->has_fd = get_number(field_at(m, c->fd), &thread->fd);
	if (thread->has_fd)
		thread->fd = (int32_t)thread->fd;
	thread->path = NULL;
	thread->cmd = -1;
	get_number(field_at(m, c->cmd), &thread->cmd);
	if (!rc && get_text(field_at(m, c->path), &text, &len)) {
		thread->path = files_intern(&r->files, text, len);
		rc = thread->path ? 0 : -ENOMEM;
	}
	if (c->effect == EFFECT_EXIT)
		files_end(&r->files, thread->track.pid);
	return rc;
}

static int read_exit(struct reading *r, const struct class *c, const struct ctf_message *m)
{
	struct thread *thread = thread_of(r, m);
	int64_t result = 0;
	int rc;

	if (!thread) {
		r->summary->without_thread++;
		return 0;
	}
	get_number(field_at(m, c->result), &result);
	if (!thread->call || thread->call->call != c->call) {
		/* a child's first sight is its parent's fork */
		if (is_wanted(r, thread, m->ns) && !(c->effect == EFFECT_FORK && !result))
			r->summary->unentered++;
		thread->call = NULL;
		return 0;
	}
	if (thread->begin_ns < r->lost_until_ns) {
		r->summary->cut += is_wanted(r, thread, thread->begin_ns);
		thread->call = NULL;
		return result < 0 ? 0 : apply_effect(r, thread, c, result);
	}
	rc = emit(r, thread, m->ns, &result);
	if (!rc && !(result < 0 && result >= -MAX_ERRNO))
		rc = apply_effect(r, thread, c, result);
	return rc;
}

/* --- the state of the system -------------------------------------------------------------------- */

static int read_switch(struct reading *r, const struct class *c, const struct ctf_message *m)
{
	int64_t tid, cpu;
	struct thread *thread;
	const char *text;
	size_t len;

	if (!get_number(field_at(m, c->tid), &tid))
		return 0;
	if (context_number(m, "cpu_id", "cpu", &cpu) &&
	    map_put_u64(&r->running, (uint64_t)cpu, (uint64_t)tid))
		return -ENOMEM;
	thread = tid ? find_thread(r, (uint32_t)tid, 0) : NULL;
	if (thread && !*thread->track.process && get_text(field_at(m, c->comm), &text, &len)) {
		text = files_intern(&r->files, text, len);
		if (!text)
			return -ENOMEM;
		name_thread(r, thread, text);
	}
	return 0;
}

static int read_task(struct reading *r, const struct class *c, const struct ctf_message *m)
{
	int64_t tid, pid = 0;
	struct thread *thread;
	const char *text;
	size_t len;

	if (!get_number(field_at(m, c->tid), &tid) || !tid)
		return 0;
	get_number(field_at(m, c->pid), &pid);
	thread = find_thread(r, (uint32_t)tid, (uint32_t)pid);
	if (!thread)
		return -ENOMEM;
	if (get_text(field_at(m, c->comm), &text, &len) && len) {
		text = files_intern(&r->files, text, len);
		if (!text)
			return -ENOMEM;
		name_thread(r, thread, text);
	}
	return 0;
}

static int read_file(struct reading *r, const struct class *c, const struct ctf_message *m)
{
	int64_t pid, fd;
	const char *text;
	size_t len;

	if (!get_number(field_at(m, c->pid), &pid) || !get_number(field_at(m, c->fd), &fd) ||
	    !get_text(field_at(m, c->path), &text, &len) ||
	    files_name(&r->files, (uint32_t)pid, (uint32_t)fd)) /* a call has told better */
		return 0;
	text = files_intern(&r->files, text, len);
	return text ? files_open(&r->files, (uint32_t)pid, (uint32_t)fd, text) : -ENOMEM;
}

/* --- all of it ------------------------------------------------------------------------------------- */

static int read_event(struct reading *r, const struct ctf_message *m)
{
	static int (*const readers[])(struct reading *, const struct class *,
				      const struct ctf_message *) = {
		[ROLE_ENTRY] = read_entry, [ROLE_EXIT] = read_exit, [ROLE_SWITCH] = read_switch,
		[ROLE_TASK] = read_task,   [ROLE_FILE] = read_file,
	};
	const struct class *c = class_of(r, m->event);

	r->last_ns = m->ns;
	return c && readers[c->role] ? readers[c->role](r, c, m) : 0;
}

/* Somewhere from m->ns to m->end_ns events are missing. */
static void read_loss(struct reading *r, const struct ctf_message *m)
{
	if (m->kind == CTF_MESSAGE_DISCARDED_EVENTS && m->has_count)
		r->summary->lost_events += m->count;
	else
		r->summary->has_unknown_losses = true;
	if (m->has_time && m->end_ns > r->lost_until_ns)
		r->lost_until_ns = m->end_ns;
	else if (!m->has_time && r->last_ns + 1 > r->lost_until_ns)
		r->lost_until_ns = r->last_ns + 1;
}

static int read_all(struct reading *r, struct ctf_iter *it)
{
	const struct ctf_message *m;
	int rc;

	while ((rc = ctf_iter_next(it, &m)) > 0) {
		rc = 0;
		if (m->kind == CTF_MESSAGE_EVENT)
			rc = read_event(r, m);
		else if (m->kind == CTF_MESSAGE_DISCARDED_EVENTS ||
			 m->kind == CTF_MESSAGE_DISCARDED_PACKETS)
			read_loss(r, m);
		if (rc)
			return rc;
	}
	return rc;
}

/* Those that are still in a call. */
static int emit_unfinished(struct reading *r)
{
	int rc = 0;

	for (size_t i = 0; i < r->all_threads.len && !rc; i++) {
		struct thread *thread = r->all_threads.items[i];

		if (thread->call && thread->begin_ns >= r->lost_until_ns)
			rc = emit(r, thread, r->last_ns, NULL);
		else if (thread->call)
			r->summary->cut += is_wanted(r, thread, thread->begin_ns);
	}
	return rc;
}

int calls_read(struct ctf_trace *const *traces, size_t n, const struct calls_options *options,
	       interval_fn *fn, void *data, struct calls_summary *summary, struct diag *diag)
{
	struct reading r = {.options = options, .fn = fn, .data = data, .summary = summary};
	const struct ctf_iter_options iter = {
		.want = CTF_WANT_FIELDS,
		.has_end = options->has_end,
		.end_ns = options->end_ns,
		.wish = wish,
		.wish_data = &r,
	};
	struct ctf_iter *it = NULL;
	int rc = 0;

	*summary = (struct calls_summary){0};
	r.lost_until_ns = INT64_MIN;
	for (size_t i = 0; i < n && !rc; i++)
		rc = add_classes(&r, traces[i]);
	if (!rc)
		rc = ctf_iter_new(&it, traces, n, &iter, diag);
	if (!rc)
		rc = read_all(&r, it);
	if (!rc)
		rc = emit_unfinished(&r);
	if (!rc && ctf_iter_failed(it))
		rc = -EINVAL;
	if (!rc && arena_failed(&r.arena))
		rc = -ENOMEM;
	ctf_iter_free(it);
	vec_fini(&r.classes);
	map_fini(&r.class_index);
	map_fini(&r.threads);
	vec_fini(&r.all_threads);
	map_fini(&r.running);
	files_fini(&r.files);
	arena_fini(&r.arena);
	return rc;
}
