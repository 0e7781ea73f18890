/* SPDX-License-Identifier: MIT */
#include "session/catalog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf/sites.h"
#include "piste/wire/pool.h"
#include "session/find.h"
#include "session/table.h"

void catalog_fini(struct catalog *c)
{
	struct catalog_group *group;
	struct classes_types **types;

	vec_each(group, &c->groups)
		vec_fini(&group->sites);
	vec_each(types, &c->types)
		classes_types_fini(*types);
	vec_fini(&c->groups);
	vec_fini(&c->types);
	arena_fini(&c->arena);
}

/* --- text -------------------------------------------------------------------- */

void catalog_add_clean(struct str *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\n')
			str_add(out, "\\n");
		else if (c == '\t')
			str_add(out, "\\t");
		else if (c < ' ' || c == 0x7f)
			str_addf(out, "\\x%02x", c);
		else
			str_add_char(out, (char)c);
	}
}

const char *catalog_level_name(uint8_t level)
{
	static const char *const names[] = {
		"emerg",        "alert",      "crit",           "error",         "warning",
		"notice",       "info",       "debug_system",   "debug_program", "debug_process",
		"debug_module", "debug_unit", "debug_function", "debug_line",    "debug",
	};

	return level < sizeof(names) / sizeof(*names) ? names[level] : "?";
}

void catalog_add_type(struct str *out, const struct piste_field_view *field)
{
	static const char *const scalars[] = {
		[PISTE_T_BOOL] = "bool",     [PISTE_T_S8] = "int8",
		[PISTE_T_U8] = "uint8",      [PISTE_T_S16] = "int16",
		[PISTE_T_U16] = "uint16",    [PISTE_T_S32] = "int32",
		[PISTE_T_U32] = "uint32",    [PISTE_T_S64] = "int64",
		[PISTE_T_U64] = "uint64",    [PISTE_T_F32] = "float32",
		[PISTE_T_F64] = "float64",   [PISTE_T_POINTER] = "pointer",
		[PISTE_T_STRING] = "string",
	};
	uint32_t scalar = PISTE_CODE_SCALAR(field->code);

	if (PISTE_CODE_SHAPE(field->code) == PISTE_S_BYTES) {
		str_add(out, "bytes");
		return;
	}
	if (scalar == PISTE_T_NAMED)
		str_add(out, field->type_name);
	else
		str_add(out, scalar < sizeof(scalars) / sizeof(*scalars) && scalars[scalar]
				     ? scalars[scalar]
				     : "?");
	switch (PISTE_CODE_SHAPE(field->code)) {
	case PISTE_S_ONE:
		break;
	case PISTE_S_SEQUENCE:
		str_add(out, "[]");
		break;
	case PISTE_S_ARRAY:
		str_addf(out, "[%u]", PISTE_CODE_COUNT(field->code));
		break;
	default: /* PISTE_S_OPTIONAL, or one that is none */
		str_add_char(out, '?');
	}
}

static void add_field_list(struct str *out, const struct piste_view *view)
{
	str_add_char(out, '{');
	for (uint32_t i = 0; i < view->field_count; i++) {
		str_addf(out, "%s%s: ", i ? ", " : "", view->fields[i].name);
		catalog_add_type(out, &view->fields[i]);
	}
	str_add_char(out, '}');
}

void catalog_add_fields(struct str *out, const struct catalog_site *site)
{
	struct piste_view view;

	if (!piste_describe_site((const void *)site->bytes.data, site->bytes.len, &view))
		add_field_list(out, &view);
}

static void add_labels(struct str *out, const struct piste_type *type,
		       const struct piste_label_view *labels, uint32_t n)
{
	struct piste_field_view container = {.code = type->types[0]};

	str_add(out, ": ");
	catalog_add_type(out, &container);
	str_add(out, " {");
	for (uint32_t i = 0; i < n; i++) {
		bool is_plain = true;

		for (const char *p = labels[i].name; *p; p++)
			is_plain &= piste_is_name_char(*p) || *p == ':';
		str_add(out, i ? ", " : "");
		str_add(out, is_plain ? "" : "\"");
		catalog_add_clean(out, labels[i].name, strlen(labels[i].name));
		str_add(out, is_plain ? "" : "\"");
		str_addf(out, " = %" PRId64, labels[i].low);
		if (labels[i].high != labels[i].low)
			str_addf(out, "…%" PRId64, labels[i].high);
	}
	str_add_char(out, '}');
}

void catalog_add_named_type(struct str *out, const struct classes_types *types, const char *name)
{
	static const char *const kinds[] = {
		[PISTE_TYPE_ENUM] = "enum",
		[PISTE_TYPE_STRUCT] = "struct",
		[PISTE_TYPE_VARIANT] = "variant",
	};
	const struct piste_type *type = classes_types_find(types, name);
	struct piste_label_view labels[PISTE_LABELS_MAX];
	struct piste_view view;
	uint32_t n;

	if (!type || piste_describe_type(type, &view, labels, &n))
		return;
	str_addf(out, "%s %s", kinds[view.kind], name);
	if (view.kind == PISTE_TYPE_ENUM) {
		add_labels(out, type, labels, n);
	} else {
		str_add_char(out, ' ');
		add_field_list(out, &view);
	}
}

/* --- filling it --------------------------------------------------------------- */

static struct catalog_group *add_group(struct catalog *c)
{
	if (vec_push(&c->groups, (struct catalog_group){0}))
		return NULL;
	return &c->groups.items[c->groups.len - 1];
}

static const struct classes_types *add_types(struct catalog *c, struct span section)
{
	struct classes_types *types = arena_new(&c->arena, struct classes_types);
	void *copy = arena_memdup(&c->arena, section.data, section.len);

	if (!types || !copy ||
	    classes_types_init(types, &c->arena, (struct span){copy, section.len}))
		return NULL;
	return vec_push(&c->types, types) ? NULL : types;
}

/* Adds a site with its gates; a broken one is counted. 0 or -ENOMEM. */
static int add_site(struct catalog *c, struct catalog_group *group, struct span bytes,
		    const struct catalog_site *like)
{
	static const char *const suffixes[] = {
		[PISTE_SITE_SPAN_BEGIN] = "_begin",
		[PISTE_SITE_SPAN_END] = "_end",
		[PISTE_SITE_GATE] = NULL,
	};
	struct catalog_site site = *like;
	struct piste_view view;
	struct span copy = {arena_memdup(&c->arena, bytes.data, bytes.len), bytes.len};

	if (!copy.data)
		return -ENOMEM;
	if (piste_describe_site((const void *)copy.data, copy.len, &view)) {
		group->broken++;
		return 0;
	}
	if (view.kind == PISTE_SITE_GATE)
		return 0;
	site.bytes = copy;
	site.name = arena_printf(&c->arena, "%s:%s%s", view.provider, view.name,
				 suffixes[view.kind] ? suffixes[view.kind] : "");
	if (!site.name)
		return -ENOMEM;
	site.event = site.name + strlen(view.provider) + 1;
	site.file = view.file;
	site.line = view.line;
	site.kind = view.kind;
	site.level = view.level;
	return vec_push(&group->sites, site);
}

/* Descriptions, without what libpiste writes into them. */
static int compare_bytes(const struct span *a, const struct span *b)
{
	size_t rest = offsetof(struct piste_site, field_count);
	int order = memcmp(a->data, b->data, offsetof(struct piste_site, id));

	if (!order && a->len != b->len)
		order = a->len < b->len ? -1 : 1;
	return order ? order : memcmp(a->data + rest, b->data + rest, a->len - rest);
}

static int compare_sites(const void *a, const void *b)
{
	const struct catalog_site *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (!order)
		order = strcmp(x->file, y->file);
	if (!order && x->line != y->line)
		order = x->line < y->line ? -1 : 1;
	if (!order)
		order = strcmp(x->object, y->object);
	return order ? order : compare_bytes(&x->bytes, &y->bytes);
}

/* The same site, which a header brought into several source files. */
static bool is_same(const struct catalog_site *a, const struct catalog_site *b)
{
	return a->types == b->types && !compare_bytes(&a->bytes, &b->bytes);
}

static void finish_group(struct catalog_group *group)
{
	size_t kept = 0;

	if (!group->sites.len)
		return;
	qsort(group->sites.items, group->sites.len, sizeof(*group->sites.items), compare_sites);
	for (size_t i = 1; i < group->sites.len; i++) {
		struct catalog_site *last = &group->sites.items[kept];
		const struct catalog_site *site = &group->sites.items[i];

		if (is_same(last, site)) {
			last->gates += site->gates;
			last->sessions |= site->sessions;
			last->has_tracer |= site->has_tracer;
		} else {
			group->sites.items[++kept] = *site;
		}
	}
	group->sites.len = kept + 1;
}

int catalog_add_file(struct catalog *c, const char *path, struct diag *diag)
{
	struct catalog_site like = {0};
	struct catalog_group *group;
	struct elf_sites sites;
	int rc = elf_sites_read(&sites, path, diag);

	if (rc)
		return rc;
	group = add_group(c);
	like.types = add_types(c, sites.types);
	like.object = arena_strdup(&c->arena, path);
	if (!group || !like.types || !like.object) {
		rc = -ENOMEM;
	} else {
		group->path = like.object;
		group->comm = "";
		group->build_id = sites.build_id;
		group->broken = sites.broken;
		group->is_lto = sites.is_lto;
	}
	for (size_t i = 0; i < sites.len && !rc; i++) {
		like.gates = sites.items[i].gates;
		rc = add_site(c, group, sites.items[i].bytes, &like);
	}
	if (!rc)
		finish_group(group);
	elf_sites_fini(&sites);
	return rc;
}

/* What the gates of a site say together. */
struct gates {
	uint32_t bits, count;
};

/* Fills gates[site_count]; gates that lead nowhere are left out. */
static void read_gates(const struct pool *pool, const struct table_object *object,
		       struct gates *gates)
{
	const struct piste_object_record *r = &object->record;
	uint64_t n = r->gate_count;

	if (r->gate_sites_offset > r->size || n > (r->size - r->gate_sites_offset) / 4 ||
	    r->gates_offset % 8 || r->gates_offset < pool->gates_offset ||
	    r->gates_offset - pool->gates_offset > pool->gates_size ||
	    n > (pool->gates_size - (r->gates_offset - pool->gates_offset)) /
			    sizeof(struct piste_gate))
		return;
	for (uint64_t i = 0; i < n; i++) {
		const struct piste_gate *gate =
			(const void *)(pool->base + r->gates_offset + i * sizeof(*gate));
		uint32_t site;

		memcpy(&site, object->bytes.data + r->gate_sites_offset + i * 4, 4);
		if (site >= r->site_count)
			continue;
		gates[site].bits |= __atomic_load_n(&gate->enabled, __ATOMIC_RELAXED);
		gates[site].count++;
	}
}

static int add_object(struct catalog *c, struct catalog_group *group, const struct pool *pool,
		      const struct table_object *object)
{
	const struct piste_object_record *r = &object->record;
	uint32_t at = r->sites_offset;
	struct catalog_site like = {
		.types = add_types(c, (struct span){object->bytes.data + r->types_offset,
						    r->types_size}),
		.object = arena_strdup(&c->arena, r->path),
	};
	/* a count beyond what the object has room for was refused when it was read */
	struct gates *gates = arena_array(&c->arena, r->site_count + 1u, sizeof(*gates));
	int rc = like.types && like.object && gates ? 0 : -ENOMEM;

	if (!rc)
		read_gates(pool, object, gates);
	for (uint32_t i = 0; i < r->site_count && !rc; i++) {
		struct piste_site_record record;

		if (r->size - at < sizeof(record))
			break;
		memcpy(&record, object->bytes.data + at, sizeof(record));
		if (record.size < sizeof(record) || record.size % 8 || record.size > r->size - at)
			break;
		like.gates = gates[i].count;
		like.sessions = gates[i].bits & PISTE_GATE_SESSIONS;
		like.has_tracer = gates[i].bits & PISTE_GATE_TRACER;
		rc = add_site(c, group,
			      (struct span){object->bytes.data + at + sizeof(record),
					    record.size - sizeof(record)},
			      &like);
		at += record.size;
	}
	return rc;
}

/* The kernel's word before the process's own. */
static const char *executable(struct catalog *c, uint32_t pid, const struct pool *pool)
{
	char link[32], path[4096];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%u/exe", pid);
	len = readlink(link, path, sizeof(path));
	return len > 0 ? arena_strndup(&c->arena, path, (size_t)len)
		       : arena_strdup(&c->arena, pool->exe);
}

static int add_pool(struct catalog *c, uint32_t pid, const struct pool *pool)
{
	struct catalog_group *group = add_group(c);
	const struct table_object *object;
	struct objects objects;
	int rc = group ? objects_read(&objects, pool) : -ENOMEM;

	if (rc)
		return rc;
	group->pid = pid;
	group->path = executable(c, pid, pool);
	group->comm = arena_strdup(&c->arena, pool->comm);
	if (!group->path || !group->comm)
		rc = -ENOMEM;
	vec_each(object, &objects.list)
		if (!rc && object->record.live)
			rc = add_object(c, group, pool, object);
	if (!rc)
		finish_group(group);
	objects_fini(&objects);
	return rc;
}

int catalog_add_process(struct catalog *c, uint32_t pid, struct diag *diag)
{
	struct pool_list pools = {0};
	int rc = find_pools(&pools, pid, diag);

	for (size_t i = 0; i < pools.len && !rc; i++)
		rc = add_pool(c, pid, pools.items[i]);
	pool_list_fini(&pools);
	return rc;
}
