/* SPDX-License-Identifier: MIT */
/*
 * The kernel counts by process and call; everything else is put together here.
 * Names of processes are asked for when they first appear and after an exec;
 * those of processes that are gone by then come from the kernel's own note.
 */
#include "cli/top-model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hist.h"
#include "base/str.h"
#include "kern/syscalls.h"

#define NS_PER_S 1000000000ull
enum {
	KEEP_INTERVALS = 8, /* processes that made no call since are forgotten */
};

void top_model_init(struct top_model *m, bool with_latency)
{
	*m = (struct top_model){.with_latency = with_latency, .end_ns = clock_monotonic_ns()};
}

void top_model_fini(struct top_model *m)
{
	vec_fini(&m->cells.items);
	map_fini(&m->cells.index);
	vec_fini(&m->gathered.items);
	map_fini(&m->gathered.index);
	vec_fini(&m->processes);
	map_fini(&m->process_index);
	map_fini(&m->names);
	map_fini(&m->cgroup_names);
	containers_free(m->containers);
	arena_fini(&m->arena);
}

uint64_t top_quantile_ns(const struct top_stat *s, double q)
{
	size_t bucket = hist_find(s->buckets, COUNT_BUCKETS, q);
	uint64_t ns;

	if (bucket == COUNT_BUCKETS)
		return 0;
	ns = count_bucket_ns((unsigned)bucket);
	/* the last bucket has no end */
	return ns > s->max_ns || bucket == COUNT_BUCKETS - 1 ? s->max_ns : ns;
}

/* --- names ----------------------------------------------------------------------------- */

/* A program may call itself anything: control characters stay away from the terminal. */
static const char *intern(struct top_model *m, const char *text)
{
	uint64_t known;
	char *copy;

	if (map_get_str(&m->names, text, &known))
		return (const char *)(uintptr_t)known;
	copy = arena_strdup(&m->arena, text);
	for (char *c = copy; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	if (copy && strcmp(copy, text))
		return intern(m, copy);
	if (!copy || map_put_str(&m->names, copy, (uintptr_t)copy)) {
		m->error = -ENOMEM;
		return "";
	}
	return copy;
}

static bool read_comm(uint32_t pid, char comm[32])
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, comm, 31);
	close_fdp(&fd);
	if (n <= 0)
		return false;
	comm[n] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
	return true;
}

static int add_cgroup_name(void *data, const char *name, uint64_t id)
{
	struct top_model *m = data;

	return map_put_u64(&m->cgroup_names, id, (uintptr_t)intern(m, name));
}

/* Of a process that is gone: all cgroups are listed, at most once a second. */
static const char *cgroup_by_id(struct top_model *m, uint64_t id)
{
	struct cgroup_mounts mounts;
	uint64_t name;
	char text[64];

	if (!id)
		return intern(m, "?");
	if (!map_get_u64(&m->cgroup_names, id, &name) &&
	    (!m->cgroups_listed_ns || m->end_ns - m->cgroups_listed_ns > NS_PER_S)) {
		m->cgroups_listed_ns = m->end_ns;
		if (!cgroup_mounts_get(&mounts, "", NULL) && mounts.items[0].is_v2)
			cgroup_each(&mounts, &mounts.items[0], add_cgroup_name, m);
	}
	if (map_get_u64(&m->cgroup_names, id, &name))
		return (const char *)(uintptr_t)name;
	snprintf(text, sizeof(text), "cgroup %llu", (unsigned long long)id);
	return intern(m, text);
}

static const char *container_of(struct top_model *m, uint32_t pid, uint64_t cgroup)
{
	const struct container *container = NULL;
	char label[16];

	if (!m->containers && !m->has_no_containers)
		m->has_no_containers = containers_open(&m->containers, "", NULL) != 0;
	if (m->containers && pid && m->sees_pids)
		container = containers_of_task(m->containers, pid);
	if (m->containers && !container && cgroup)
		container = containers_of_cgroup_id(m->containers, cgroup);
	return container ? intern(m, container_label(container, label)) : intern(m, "-");
}

static void name_process(struct top_model *m, struct top_process *p, const char *comm,
			 uint64_t cgroup)
{
	static char name[PATH_MAX];
	char now[32];
	bool is_v2, is_here = p->pid && m->sees_pids && read_comm(p->pid, now);

	if (is_here || (comm && *comm))
		p->comm = intern(m, is_here ? now : comm);
	if (m->wants_cgroups || !p->cgroup) {
		is_here = is_here && !cgroup_of_task(name, &is_v2, "", p->pid);
		p->cgroup = is_here ? intern(m, name) : cgroup_by_id(m, cgroup);
		p->container = container_of(m, p->pid, cgroup);
	}
	p->is_named = true;
}

static struct top_process *find_process(struct top_model *m, uint32_t pid)
{
	struct top_process fresh = {.pid = pid, .comm = "?"};
	uint64_t index;

	if (map_get_u64(&m->process_index, pid, &index))
		return &m->processes.items[index];
	if (vec_push(&m->processes, fresh) ||
	    map_put_u64(&m->process_index, pid, m->processes.len - 1)) {
		m->error = -ENOMEM;
		return NULL;
	}
	return &m->processes.items[m->processes.len - 1];
}

/* A program that was exchanged, or its name. */
static bool renames(uint32_t call)
{
#ifdef __NR_execveat
	return call == __NR_execve || call == __NR_execveat || call == __NR_prctl;
#else
	return call == __NR_execve || call == __NR_prctl;
#endif
}

static void see_process(struct top_model *m, uint32_t pid, uint32_t call, const char *comm,
			uint64_t cgroup)
{
	struct top_process *p = find_process(m, pid);

	if (!p)
		return;
	if (p->seen != m->interval && m->wants_cgroups)
		p->is_named = false;
	p->seen = m->interval;
	if (!p->is_named || renames(call))
		name_process(m, p, comm, cgroup);
}

/* Those that were not seen for a while go. */
static void forget_processes(struct top_model *m)
{
	size_t kept = 0;

	map_fini(&m->process_index);
	for (size_t i = 0; i < m->processes.len; i++)
		if (m->processes.items[i].seen + KEEP_INTERVALS >= m->interval)
			m->processes.items[kept++] = m->processes.items[i];
	m->processes.len = kept;
	for (size_t i = 0; i < kept; i++)
		if (map_put_u64(&m->process_index, m->processes.items[i].pid, i))
			m->error = -ENOMEM;
}

/* --- an interval ------------------------------------------------------------------------- */

static struct top_cell *find_cell(struct top_model *m, uint32_t pid, uint32_t call)
{
	struct top_cells *cells = &m->gathered;
	uint64_t key = (uint64_t)pid << 32 | call, index;
	struct top_cell *cell;

	if (map_get_u64(&cells->index, key, &index))
		return &cells->items.items[index];
	if (vec_reserve(&cells->items, cells->items.len + 1) ||
	    map_put_u64(&cells->index, key, cells->items.len)) {
		m->error = -ENOMEM;
		return NULL;
	}
	cell = &cells->items.items[cells->items.len++];
	*cell = (struct top_cell){.pid = pid, .call = call};
	return cell;
}

static int add_delta(void *data, const struct count_delta *d)
{
	struct top_model *m = data;
	struct top_cell *cell = find_cell(m, d->pid, d->call);

	if (!cell)
		return -ENOMEM;
	cell->stat.calls += d->calls;
	cell->stat.errors += d->errors;
	cell->stat.unmeasured += d->unmeasured;
	cell->stat.sum_ns += d->sum_ns;
	if (d->max_ns > cell->stat.max_ns)
		cell->stat.max_ns = d->max_ns;
	for (unsigned i = 0; d->buckets && i < COUNT_BUCKETS; i++) {
		cell->stat.buckets[i] += d->buckets[i];
		/* the one call that the largest may miss */
		if (d->buckets[i] && count_bucket_low_ns(i) > cell->stat.max_ns)
			cell->stat.max_ns = count_bucket_ns(i);
	}
	see_process(m, d->pid, d->call, d->comm, d->cgroup);
	return m->error;
}

/* Never to return from, or with another thread id: what stands in their entries stays there. */
static bool is_final(uint32_t call)
{
	return call == __NR_exit || call == __NR_exit_group || renames(call);
}

static void add_pending(void *data, const struct count_pending *p)
{
	struct top_model *m = data;
	struct top_cell *cell = is_final(p->call) ? NULL : find_cell(m, p->pid, p->call);
	uint64_t ns = m->end_ns > p->since_ns ? m->end_ns - p->since_ns : 0;

	if (!cell)
		return;
	cell->stat.now++;
	if (ns > cell->stat.oldest_ns)
		cell->stat.oldest_ns = ns;
	see_process(m, p->pid, p->call, NULL, 0);
}

int top_model_gather(struct top_model *m, struct count *c)
{
	int rc;

	m->sees_pids = count_sees_pids(c);
	rc = count_read(c, add_delta, m);
	return rc ? rc : m->error ? m->error : arena_failed(&m->arena) ? -ENOMEM : 0;
}

int top_model_read(struct top_model *m, struct count *c)
{
	uint64_t missed = count_missed(c);
	struct top_cells before = m->cells;
	int rc;

	m->begin_ns = m->end_ns;
	m->end_ns = clock_monotonic_ns();
	m->missed = missed - m->missed_before;
	m->missed_before = missed;
	rc = top_model_gather(m, c);
	if (!rc)
		count_each_pending(c, add_pending, m);
	m->cells = m->gathered;
	m->gathered = before;
	m->gathered.items.len = 0;
	map_fini(&m->gathered.index);
	m->interval++;
	forget_processes(m);
	return rc ? rc : m->error;
}

/* --- rows --------------------------------------------------------------------------------- */

static const char *call_name(struct top_model *m, uint32_t call)
{
	unsigned number = call & (COUNT_COMPAT - 1);
	bool is_compat = call & COUNT_COMPAT;
	const struct syscall *known =
		syscall_by_number(is_compat ? SYSCALL_I386 : SYSCALL_NATIVE, number);
	char text[64];

	if (known && !is_compat)
		return known->name;
	if (known)
		snprintf(text, sizeof(text), "%s (32-bit)", known->name);
	else
		snprintf(text, sizeof(text), "call %u%s", number, is_compat ? " (32-bit)" : "");
	return intern(m, text);
}

static const struct top_process *process_of(const struct top_model *m, uint32_t pid)
{
	static const struct top_process unknown = {
		.comm = "(others)", .cgroup = "(others)", .container = "-"};
	uint64_t index;

	return pid && map_get_u64(&m->process_index, pid, &index) ? &m->processes.items[index]
								  : &unknown;
}

static uint64_t key_of(const struct top_model *m, enum top_by by, const struct top_cell *cell)
{
	const struct top_process *p = process_of(m, cell->pid);

	switch (by) {
	case TOP_BY_CALL:
		return cell->call;
	case TOP_BY_PROCESS:
		return cell->pid;
	case TOP_BY_COMMAND:
		return (uintptr_t)p->comm;
	case TOP_BY_CGROUP:
		return (uintptr_t)p->cgroup;
	default:
		return (uintptr_t)p->container;
	}
}

const char *top_model_name(struct top_model *m, enum top_by by, uint64_t key)
{
	if (by == TOP_BY_CALL)
		return call_name(m, (uint32_t)key);
	return by == TOP_BY_PROCESS ? process_of(m, (uint32_t)key)->comm
				    : (const char *)(uintptr_t)key;
}

static void merge(struct top_stat *into, const struct top_stat *s)
{
	into->calls += s->calls;
	into->errors += s->errors;
	into->unmeasured += s->unmeasured;
	into->sum_ns += s->sum_ns;
	into->now += s->now;
	if (s->max_ns > into->max_ns)
		into->max_ns = s->max_ns;
	if (s->oldest_ns > into->oldest_ns)
		into->oldest_ns = s->oldest_ns;
	for (size_t i = 0; i < COUNT_BUCKETS; i++)
		into->buckets[i] += s->buckets[i];
}

static bool in_focus(const struct top_model *m, const struct top_query *q,
		     const struct top_cell *cell)
{
	for (size_t i = 0; i < q->n_focus; i++)
		if (key_of(m, q->focus[i].by, cell) != q->focus[i].key)
			return false;
	return true;
}

static struct top_row *find_row(struct top_model *m, enum top_by by, const struct top_cell *cell,
				struct top_rows *rows)
{
	uint64_t key = key_of(m, by, cell), index;
	struct top_row *row;

	if (map_get_u64(&rows->index, key, &index))
		return &rows->items.items[index];
	if (vec_reserve(&rows->items, rows->items.len + 1) ||
	    map_put_u64(&rows->index, key, rows->items.len))
		return NULL;
	row = &rows->items.items[rows->items.len++];
	*row = (struct top_row){.key = key, .name = top_model_name(m, by, key)};
	row->pid = by == TOP_BY_PROCESS ? cell->pid : 0;
	return row;
}

static void hide_rows(const struct top_query *q, struct top_rows *rows)
{
	size_t kept = 0;

	for (size_t i = 0; i < rows->items.len; i++) {
		const struct top_row *row = &rows->items.items[i];
		char pid[16];

		snprintf(pid, sizeof(pid), "%u", row->pid);
		if (strcasestr(row->name, q->filter) || (row->pid && !strcmp(pid, q->filter)))
			rows->items.items[kept++] = *row;
	}
	rows->n_hidden = rows->items.len - kept;
	rows->items.len = kept;
}

/* What a column sorts by. */
static uint64_t weight(enum top_column column, const struct top_stat *s)
{
	switch (column) {
	case TOP_COLUMN_ERRORS:
		return s->errors;
	case TOP_COLUMN_P50:
		return top_quantile_ns(s, 0.5);
	case TOP_COLUMN_P99:
		return top_quantile_ns(s, 0.99);
	case TOP_COLUMN_MAX:
		return s->max_ns;
	case TOP_COLUMN_TIME:
		return s->sum_ns;
	case TOP_COLUMN_NOW:
		return s->now;
	default:
		return s->calls;
	}
}

static int compare(const void *a, const void *b, void *data)
{
	const struct top_row *x = a, *y = b;
	const struct top_query *q = data;
	int order = q->sort == TOP_COLUMN_NAME ? strcasecmp(x->name, y->name)
		    : x->weight != y->weight   ? (x->weight < y->weight ? 1 : -1)
					       : 0;

	if (!order) /* something that does not change from one interval to the next */
		order = strcmp(x->name, y->name);
	if (!order)
		order = x->key < y->key ? -1 : x->key > y->key;
	return q->is_reversed ? -order : order;
}

int top_model_rows(struct top_model *m, const struct top_query *q, struct top_rows *rows)
{
	const struct top_cell *cell;

	rows->items.len = 0;
	rows->total = (struct top_stat){0};
	rows->n_hidden = 0;
	map_fini(&rows->index);
	vec_each(cell, &m->cells.items) {
		struct top_row *row;

		if (!in_focus(m, q, cell))
			continue;
		row = find_row(m, q->by, cell, rows);
		if (!row)
			return -ENOMEM;
		merge(&row->stat, &cell->stat);
		merge(&rows->total, &cell->stat);
	}
	if (q->filter && *q->filter)
		hide_rows(q, rows);
	for (size_t i = 0; i < rows->items.len; i++)
		rows->items.items[i].weight = weight(q->sort, &rows->items.items[i].stat);
	if (rows->items.len)
		qsort_r(rows->items.items, rows->items.len, sizeof(*rows->items.items), compare,
			(void *)q);
	return 0;
}

void top_rows_fini(struct top_rows *rows)
{
	vec_fini(&rows->items);
	map_fini(&rows->index);
}
