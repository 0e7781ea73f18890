/* SPDX-License-Identifier: MIT */
#include "script/user-symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/vec.h"
#include "elf/functions.h"

enum { MAX_MAPS_BYTES = 16 << 20 };

struct function {
	uint64_t offset, size;
	const char *name;
};

struct binary {
	const char *path;
	struct VEC(struct function) functions; /* by offset */
	struct arena names;
};

struct mapping {
	uint64_t start, end, offset;
	struct binary *binary;
};

struct process {
	struct VEC(struct mapping) mappings;
};

struct user_symbols {
	struct map binaries, processes; /* by path; by pid */
	struct VEC(struct binary *) all_binaries;
	struct VEC(struct process *) all_processes;
};

struct user_symbols *user_symbols_new(void)
{
	return calloc(1, sizeof(struct user_symbols));
}

void user_symbols_free(struct user_symbols *s)
{
	struct binary **binary;
	struct process **process;

	if (!s)
		return;
	vec_each(binary, &s->all_binaries) {
		vec_fini(&(*binary)->functions);
		arena_fini(&(*binary)->names);
		free(*binary);
	}
	vec_each(process, &s->all_processes) {
		vec_fini(&(*process)->mappings);
		free(*process);
	}
	vec_fini(&s->all_binaries);
	vec_fini(&s->all_processes);
	map_fini(&s->binaries);
	map_fini(&s->processes);
	free(s);
}

static int take_function(void *data, const struct elf_function *f)
{
	struct binary *b = data;
	struct function function = {f->offset, f->size, arena_strdup(&b->names, f->name)};

	return !function.name || vec_push(&b->functions, function) ? -ENOMEM : 0;
}

static int by_offset(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static struct binary *binary_of(struct user_symbols *s, const char *path)
{
	struct binary *b;
	uint64_t known;

	if (map_get_str(&s->binaries, path, &known))
		return (struct binary *)(uintptr_t)known;
	b = calloc(1, sizeof(*b));
	if (!b || vec_push(&s->all_binaries, b)) {
		free(b);
		return NULL;
	}
	b->path = arena_strdup(&b->names, path);
	if (!b->path || map_put_str(&s->binaries, b->path, (uintptr_t)b))
		return NULL;
	elf_functions_each(path, take_function, b, NULL);
	if (b->functions.len)
		qsort(b->functions.items, b->functions.len, sizeof(*b->functions.items), by_offset);
	return b;
}

/* "55d0a2b1c000-55d0a2b1d000 r-xp 00001000 08:01 1234    /usr/bin/program" */
static void take_line(struct user_symbols *s, struct process *p, const char *line)
{
	struct mapping m = {0};
	char rights[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n", &m.start, &m.end,
		   rights, &m.offset, &at) < 4 ||
	    !at || line[at] != '/' || !strchr(rights, 'x'))
		return;
	m.binary = binary_of(s, line + at);
	if (m.binary && vec_push(&p->mappings, m))
		return; /* without memory it goes without names */
}

static struct process *process_of(struct user_symbols *s, uint32_t pid)
{
	struct process *p;
	uint64_t known;

	if (map_get_u64(&s->processes, pid, &known))
		return (struct process *)(uintptr_t)known;
	p = calloc(1, sizeof(*p));
	if (!p || vec_push(&s->all_processes, p)) {
		free(p);
		return NULL;
	}
	return map_put_u64(&s->processes, pid, (uintptr_t)p) ? NULL : p;
}

void user_symbols_meet(struct user_symbols *s, uint32_t pid)
{
	struct process *p = s ? process_of(s, pid) : NULL;
	_cleanup_(freep) char *text = NULL;
	char path[40], *line, *rest = NULL;
	struct process now = {0};
	size_t len;

	if (!p)
		return;
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	if (fs_read_file(AT_FDCWD, path, MAX_MAPS_BYTES, &text, &len))
		return;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(s, &now, line);
	if (!now.mappings.len) { /* it has ended: what was met stays */
		vec_fini(&now.mappings);
		return;
	}
	vec_fini(&p->mappings);
	*p = now;
}

static const struct function *find_function(const struct binary *b, uint64_t offset)
{
	size_t low = 0, high = b->functions.len;
	const struct function *f;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->functions.items[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	f = &b->functions.items[low - 1];
	return f->size && offset - f->offset >= f->size ? NULL : f;
}

bool user_symbols_find(struct user_symbols *s, uint32_t pid, uint64_t address, const char **name,
		       uint64_t *start)
{
	struct process *p = s ? process_of(s, pid) : NULL;
	const struct function *f;
	const struct mapping *m;

	if (!p)
		return false;
	if (!p->mappings.len)
		user_symbols_meet(s, pid);
	vec_each(m, &p->mappings) {
		if (address < m->start || address >= m->end)
			continue;
		f = find_function(m->binary, address - m->start + m->offset);
		if (!f)
			return false;
		*name = f->name;
		*start = f->offset - m->offset + m->start;
		return true;
	}
	return false;
}
