/* SPDX-License-Identifier: MIT */
/*
 * tracefs-maker.c - all tracepoints that no table of ours has, by what the
 * kernel says of them itself. Formats are read only of those that are chosen;
 * names of values that a format only names come from the kernel's types.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/str.h"
#include "kern/btf.h"
#include "kern/maker.h"
#include "kern/tracefs-source.h"

enum { RING_BYTES = 8 << 20, CGROUP_DEPTH_MAX = 64 };

struct state {
	struct tracefs t;
	struct tracepoints points;
	const struct btf_index *btf; /* NULL: none */
	struct map constants; /* labels of all enums; filled when the first is asked for */
	struct tracefs_source *source;
};

/* --- constants ---------------------------------------------------------------------- */

static void add_enum(const char *name, uint32_t id, void *arg)
{
	struct state *s = arg;
	const char *label;
	int64_t value;

	(void)name;
	for (unsigned i = 0; btf_enum_label(s->btf, id, i, &label, &value); i++)
		map_put_str(&s->constants, label, (uint64_t)value); /* one less is no harm */
}

static bool find_constant(void *data, const char *name, size_t len, int64_t *value)
{
	struct state *s = data;
	char copy[128];
	uint64_t found;

	if (!s->btf || len >= sizeof(copy))
		return false;
	if (!s->constants.len)
		btf_each(s->btf, BTF_NAMED_ENUM, add_enum, s);
	memcpy(copy, name, len);
	copy[len] = '\0';
	if (!map_get_str(&s->constants, copy, &found))
		return false;
	*value = (int64_t)found;
	return true;
}

/* --- offers -------------------------------------------------------------------------- */

static void close_maker(void *state)
{
	struct state *s = state;

	if (!s)
		return;
	tracefs_source_free(s->source);
	tracepoints_fini(&s->points);
	tracefs_fini(&s->t);
	map_fini(&s->constants);
	free(s);
}

static int open_maker(void **state, const struct btf_index *btf, struct kern_offers *offers,
		      struct diag *diag)
{
	struct state *s = calloc(1, sizeof(*s));
	struct diag mine = {0};
	int rc;

	if (!s)
		return -ENOMEM;
	s->btf = btf;
	rc = tracefs_open(&s->t, &mine);
	if (!rc)
		rc = tracepoints_load(&s->points, &s->t, &mine);
	for (uint32_t i = 0; !rc && i < s->points.items.len; i++) {
		struct kern_offer offer = {.name = s->points.items.items[i].name, .index = i};

		rc = vec_push(offers, offer) ? -ENOMEM : 0;
	}
	if (rc && mine.len)
		diag_note(diag, NULL, "%s", mine.entries[0].message);
	diag_fini(&mine);
	if (rc) {
		close_maker(s);
		return rc == -ENOMEM ? rc : 0;
	}
	*state = s;
	return 0;
}

static int describe(void *state, uint32_t index, struct arena *arena, struct kern_event *event,
		    struct diag *diag)
{
	struct state *s = state;
	struct tracepoint *point = &s->points.items.items[index];
	const struct format_constants constants = {find_constant, s};
	int rc = tracepoint_read_format(&s->points, point, &s->t, &constants, diag);

	(void)arena;
	if (rc)
		return rc;
	event->name = point->name;
	event->fields = point->format.fields;
	event->n_fields = point->format.n_fields;
	event->fixed_size = point->format.fixed_size;
	return 0;
}

/* --- recording ------------------------------------------------------------------------ */

static int add_task(void *state, uint32_t tid)
{
	struct state *s = state;

	return tracefs_source_add_task(s->source, tid);
}

/* A task of the cgroup; one that ended meanwhile is no error. */
static int add_member(void *state, uint32_t tid)
{
	int rc = add_task(state, tid);

	return rc == -ESRCH ? 0 : rc;
}

/* The threads of a directory of cgroup2, one a line, and of all below it. */
static int add_cgroup(struct state *s, int parent, const char *path, unsigned depth)
{
	_cleanup_(freep) char *text = NULL;
	int fd = openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t len;
	int rc;

	if (!dir) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc == -ENOENT ? 0 : rc; /* removed meanwhile */
	}
	rc = tracefs_read(fd, "cgroup.threads", &text, &len);
	rc = rc == -ENODEV || rc == -EOPNOTSUPP ? 0 : rc;
	for (char *line = text; !rc && line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		rc = add_member(s, (uint32_t)strtoul(line, NULL, 10));
	while (!rc && depth < CGROUP_DEPTH_MAX && (entry = readdir(dir)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			rc = add_cgroup(s, fd, entry->d_name, depth + 1);
	closedir(dir);
	return rc;
}

static int make(void *state, struct kern_build *build, struct diag *diag)
{
	const struct kern_options *o = build->options;
	struct state *s = state;
	struct VEC(struct tracefs_source_event) events = {0};
	int rc = 0;

	for (size_t i = 0; !rc && i < build->n_chosen; i++) {
		const struct kern_chosen *chosen = &build->chosen[i];

		if (chosen->maker == &kern_tracefs_maker) {
			struct tracefs_source_event event = {&s->points.items.items[chosen->index],
							     chosen->event.id};

			rc = vec_push(&events, event) ? -ENOMEM : 0;
		}
	}
	if (!rc) {
		const struct tracefs_source_options options = {
			.events = events.items,
			.n_events = events.len,
			.scope = o->scope,
			.ring_bytes = o->ring_bytes ? o->ring_bytes : RING_BYTES,
			.max_rate = o->max_rate,
			.filter = o->filter,
			.n_filter = o->n_filter,
		};

		rc = tracefs_source_new(&s->source, &s->t, &options, diag);
	}
	/* tracefs knows no cgroups: those that are in it now, and all that they start */
	if (!rc && o->scope == KERN_SCOPE_CGROUP) {
		rc = add_cgroup(s, AT_FDCWD, o->cgroup_path, 0);
		if (rc)
			diag_error(diag, NULL, "cgroup %s: %s", o->cgroup_path, strerror(-rc));
	}
	vec_fini(&events);
	return rc;
}

static int start(void *state, struct diag *diag)
{
	struct state *s = state;
	int rc = tracefs_source_run(s->source, true);

	if (rc)
		diag_error(diag, NULL, "tracefs: tracing_on: %s", strerror(-rc));
	return rc;
}

static void stop(void *state)
{
	struct state *s = state;

	tracefs_source_run(s->source, false);
}

static struct span read_records(void *state, unsigned cpu)
{
	struct state *s = state;

	return cpu < tracefs_source_cpus(s->source) ? tracefs_source_read(s->source, cpu)
						    : (struct span){0};
}

static void consume(void *state, unsigned cpu, size_t bytes)
{
	struct state *s = state;

	tracefs_source_consume(s->source, cpu, bytes);
}

static uint64_t lost(void *state, unsigned cpu)
{
	struct state *s = state;

	return cpu < tracefs_source_cpus(s->source) ? tracefs_source_lost(s->source, cpu) : 0;
}

static uint64_t limited(void *state)
{
	struct state *s = state;

	return tracefs_source_limited(s->source);
}

const struct kern_maker kern_tracefs_maker = {
	.name = "tracefs",
	.open = open_maker,
	.describe = describe,
	.make = make,
	.close = close_maker,
	.add_task = add_task,
	.start = start,
	.stop = stop,
	.read = read_records,
	.consume = consume,
	.lost = lost,
	.limited = limited,
};
