/* SPDX-License-Identifier: MIT */
#include "store/files.h"

#include <errno.h>

static struct map *table_of(const struct files *f, uint32_t pid)
{
	uint64_t index;

	return map_get_u64(&f->processes, pid, &index) ? &f->tables.items[index] : NULL;
}

static struct map *make_table(struct files *f, uint32_t pid)
{
	struct map *table = table_of(f, pid), empty = {0};

	if (table)
		return table;
	if (vec_push(&f->tables, empty) || map_put_u64(&f->processes, pid, f->tables.len - 1))
		return NULL;
	return &f->tables.items[f->tables.len - 1];
}

void files_fini(struct files *f)
{
	struct map *table;

	vec_each(table, &f->tables) {
		map_fini(table);
	}
	vec_fini(&f->tables);
	map_fini(&f->processes);
	map_fini(&f->names);
	str_fini(&f->scratch);
	arena_fini(&f->arena);
}

const char *files_intern(struct files *f, const char *text, size_t len)
{
	uint64_t known;
	char *copy;

	str_reset(&f->scratch);
	str_add_bytes(&f->scratch, text, len);
	if (f->scratch.failed)
		return NULL;
	if (map_get_str(&f->names, str_c(&f->scratch), &known))
		return (const char *)(uintptr_t)known;
	copy = arena_strdup(&f->arena, str_c(&f->scratch));
	return copy && !map_put_str(&f->names, copy, (uintptr_t)copy) ? copy : NULL;
}

int files_open(struct files *f, uint32_t pid, uint32_t fd, const char *interned)
{
	struct map *table = make_table(f, pid);

	return table ? map_put_u64(table, fd, (uintptr_t)interned) : -ENOMEM;
}

int files_dup(struct files *f, uint32_t pid, uint32_t from, uint32_t to)
{
	const char *name = files_name(f, pid, from);

	if (name)
		return files_open(f, pid, to, name);
	files_close(f, pid, to);
	return 0;
}

void files_close(struct files *f, uint32_t pid, uint32_t fd)
{
	struct map *table = table_of(f, pid);

	if (table)
		map_del_u64(table, fd);
}

int files_fork(struct files *f, uint32_t parent, uint32_t child)
{
	const struct map *from = table_of(f, parent);
	uint64_t fd, name;
	size_t it = 0;
	int rc = 0;

	if (!from || table_of(f, child) || !make_table(f, child))
		return 0;
	from = table_of(f, parent); /* it may have moved */
	while (!rc && map_next_u64(from, &it, &fd, &name))
		rc = files_open(f, child, (uint32_t)fd, (const char *)(uintptr_t)name);
	return rc;
}

void files_end(struct files *f, uint32_t pid)
{
	struct map *table = table_of(f, pid);

	if (!table)
		return;
	map_fini(table);
	map_del_u64(&f->processes, pid);
}

const char *files_name(const struct files *f, uint32_t pid, uint32_t fd)
{
	const struct map *table = table_of(f, pid);
	uint64_t name;

	return table && map_get_u64(table, fd, &name) ? (const char *)(uintptr_t)name : NULL;
}
