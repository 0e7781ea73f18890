/* SPDX-License-Identifier: MIT */
/*
 * kernel-list.c - names come from the catalog of kern.h, functions from the
 * kernel's types; what is chosen is described one by one while it is printed.
 */
#include "cli/kernel-list.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/arena.h"
#include "base/vec.h"
#include "kern/btf.h"
#include "kern/kern.h"
#include "piste/wire/rules.h"
#include "session/catalog.h"

#define FUNCTIONS "kfunc:"

struct entry {
	const char *name;
	size_t index; /* in the catalog; of a function, its number in the kernel's types */
	bool is_function, is_chosen;
};

struct kernel_list {
	struct kern_catalog *catalog;
	struct btf_index *btf; /* for functions; else NULL */
	struct VEC(struct entry) entries;
	struct arena arena; /* names of functions */
	const char *missing;
	size_t chosen;
};

/* --- choosing -------------------------------------------------------------------- */

/* The glob without its '!' and "k:"; NULL when it is about user space. */
static const char *plain_glob(const char *glob)
{
	glob += *glob == '!';
	if (!strncmp(glob, "u:", 2))
		return NULL;
	return !strncmp(glob, "k:", 2) ? glob + 2 : glob;
}

static bool wants_functions(char *const *globs, int n)
{
	for (int i = 0; i < n; i++) {
		const char *glob = plain_glob(globs[i]);

		if (glob && globs[i][0] != '!' && !strncmp(glob, FUNCTIONS, strlen(FUNCTIONS)))
			return true;
	}
	return false;
}

bool kernel_list_is_wanted(char *const *globs, int n)
{
	for (int i = 0; i < n; i++)
		if (globs[i][0] != '!' && plain_glob(globs[i]))
			return true;
	return false;
}

/* "syscall:openat" for one of its two events; false: it is none. */
static bool call_name(const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	if (strncmp(name, "syscall:", 8))
		return false;
	if (len > 6 && !strcmp(name + len - 6, "_entry"))
		len -= 6;
	else if (len > 5 && !strcmp(name + len - 5, "_exit"))
		len -= 5;
	if (len >= size)
		return false;
	memcpy(out, name, len);
	out[len] = '\0';
	return true;
}

static bool matches(const char *glob, const char *name)
{
	const char *text = strchr(glob, ':') ? name : strchr(name, ':') + 1;
	char call[128];

	if (piste_glob(glob, text))
		return true;
	return call_name(name, call, sizeof(call)) && piste_glob(glob, call + (text - name));
}

static bool is_chosen(char *const *globs, int n, const char *name)
{
	bool chosen = false;

	for (int i = 0; i < n; i++) {
		const char *glob = plain_glob(globs[i]);

		if (glob && matches(glob, name))
			chosen = globs[i][0] != '!';
	}
	return chosen;
}

bool kernel_list_has(const struct kernel_list *l, const char *glob)
{
	const struct entry *entry;

	glob = plain_glob(glob);
	if (!glob)
		return false;
	vec_each(entry, &l->entries)
		if (matches(glob, entry->name))
			return true;
	return false;
}

const char *kernel_list_nearest(const struct kernel_list *l, const char *glob, size_t *distance)
{
	const struct entry *entry;
	const char *nearest = NULL;
	struct str plain = {0};

	glob = plain_glob(glob);
	for (const char *p = glob; p && *p; p++)
		if (*p != '*')
			str_add_char(&plain, *p);
	vec_each(entry, &l->entries) {
		const char *name = strchr(str_c(&plain), ':') ? entry->name
							      : strchr(entry->name, ':') + 1;
		size_t d = entry->is_function ? SIZE_MAX : edit_distance(str_c(&plain), name);

		if (plain.len && d < *distance) {
			*distance = d;
			nearest = name;
		}
	}
	str_fini(&plain);
	return nearest;
}

const char *kernel_list_missing(const struct kernel_list *l)
{
	return l->missing;
}

size_t kernel_list_matches(const struct kernel_list *l)
{
	return l->chosen;
}

/* --- what there is ----------------------------------------------------------------- */

struct adding {
	struct kernel_list *l;
	int rc;
};

static void add_function(const char *name, uint32_t id, void *arg)
{
	struct adding *adding = arg;
	struct entry entry = {
		.name = arena_printf(&adding->l->arena, FUNCTIONS "%s", name),
		.index = id,
		.is_function = true,
	};

	if (!entry.name || vec_push(&adding->l->entries, entry))
		adding->rc = -ENOMEM;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

int kernel_list_new(struct kernel_list **out, char *const *globs, int n, struct diag *diag)
{
	struct kernel_list *l = calloc(1, sizeof(*l));
	struct adding adding = {l, 0};
	struct diag notes = {0};
	struct entry *entry;
	int rc = l ? kern_catalog_open(&l->catalog, &notes) : -ENOMEM;

	if (l && notes.len)
		l->missing = arena_strdup(&l->arena, notes.entries[0].message);
	diag_fini(&notes);
	for (size_t i = 0; !rc && i < kern_catalog_len(l->catalog); i++) {
		struct entry item = {.name = kern_catalog_name(l->catalog, i), .index = i};

		rc = vec_push(&l->entries, item) ? -ENOMEM : 0;
	}
	if (!rc && wants_functions(globs, n) && !btf_index_new(&l->btf, NULL, diag)) {
		btf_each(l->btf, BTF_NAMED_FUNCTION, add_function, &adding);
		rc = adding.rc;
	}
	if (rc) {
		kernel_list_free(l);
		return rc;
	}
	if (l->entries.len)
		qsort(l->entries.items, l->entries.len, sizeof(*l->entries.items), compare_entries);
	vec_each(entry, &l->entries) {
		entry->is_chosen = is_chosen(globs, n, entry->name);
		l->chosen += entry->is_chosen;
	}
	*out = l;
	return 0;
}

void kernel_list_free(struct kernel_list *l)
{
	if (!l)
		return;
	kern_catalog_close(l->catalog);
	btf_index_free(l->btf);
	vec_fini(&l->entries);
	arena_fini(&l->arena);
	free(l);
}

/* The fields of a chosen event; false: they cannot be read. */
static bool describe(struct kernel_list *l, const struct entry *entry, struct kern_event *event,
		     struct diag *diag)
{
	*event = (struct kern_event){0};
	return entry->is_function || !kern_catalog_event(l->catalog, entry->index, event, diag);
}

/* --- text --------------------------------------------------------------------------- */

static void add_type(struct str *out, const struct kern_field *field)
{
	switch ((enum kern_field_kind)field->kind) {
	case KERN_TEXT:
	case KERN_CHARS:
		str_add(out, "string");
		return;
	case KERN_BYTES:
		str_add(out, "bytes");
		return;
	default:
		str_addf(out, "%sint%u", field->is_signed ? "" : "u", 8u * field->size);
	}
	if (field->kind == KERN_ARRAY)
		str_addf(out, "[%u]", field->count);
	else if (field->kind == KERN_SEQUENCE)
		str_add(out, "[]");
}

static void add_label(struct str *out, const struct kern_field *field,
		      const struct kern_label *label)
{
	catalog_add_clean(out, label->name, strlen(label->name));
	if (field->labels->is_flags)
		str_addf(out, " = 0x%" PRIx64, label->value);
	else if (field->is_signed)
		str_addf(out, " = %" PRId64, (int64_t)label->value);
	else
		str_addf(out, " = %" PRIu64, label->value);
}

static void add_details(struct str *out, const struct kern_event *event)
{
	static const char *const bases[] = {[KERN_DECIMAL] = "",
					    [KERN_OCTAL] = ", octal",
					    [KERN_HEX] = ", hex",
					    [KERN_SYMBOL] = ", symbol"};

	for (size_t i = 0; i < event->n_fields; i++) {
		const struct kern_field *field = &event->fields[i];
		const struct kern_labels *labels = field->labels;

		str_addf(out, "      %s: ", field->name);
		add_type(out, field);
		if (field->type) {
			str_add(out, " (");
			catalog_add_clean(out, field->type, strlen(field->type));
			str_add_char(out, ')');
		}
		str_add(out, bases[field->base]);
		if (labels && labels->n) {
			str_add(out, labels->is_flags ? "\n        flags {" : "\n        values {");
			for (size_t j = 0; j < labels->n; j++) {
				str_add(out, j ? ", " : "");
				add_label(out, field, &labels->items[j]);
			}
			str_add_char(out, '}');
		}
		str_add_char(out, '\n');
	}
}

static void add_event(struct str *out, const struct kernel_list *l, const struct entry *entry,
		      const struct kern_event *event)
{
	str_add(out, "  ");
	catalog_add_clean(out, entry->name, strlen(entry->name));
	if (entry->is_function) {
		struct str type = {0};

		btf_add_function(&type, l->btf, (uint32_t)entry->index);
		catalog_add_clean(out, str_c(&type), type.len);
		str_fini(&type);
	} else {
		str_add(out, " {");
		for (size_t i = 0; i < event->n_fields; i++) {
			str_addf(out, "%s%s: ", i ? ", " : "", event->fields[i].name);
			add_type(out, &event->fields[i]);
		}
		str_add_char(out, '}');
	}
	str_add_char(out, '\n');
}

void kernel_list_add_text(struct str *out, struct kernel_list *l, bool is_long, struct diag *diag)
{
	const struct entry *entry;
	struct utsname name = {0};
	struct kern_event event;

	uname(&name);
	str_addf(out, "kernel %s: %zu event%s\n", name.release, l->chosen,
		 l->chosen == 1 ? "" : "s");
	vec_each(entry, &l->entries) {
		if (!entry->is_chosen || !describe(l, entry, &event, diag))
			continue;
		add_event(out, l, entry, &event);
		if (is_long)
			add_details(out, &event);
	}
}

/* --- JSON ------------------------------------------------------------------------------ */

static void add_json_text(struct str *out, const char *key, const char *text)
{
	str_addf(out, "\"%s\":", key);
	str_add_json(out, text, strlen(text));
}

static void add_json_labels(struct str *out, const struct kern_field *field)
{
	const struct kern_labels *labels = field->labels;

	str_addf(out, ",\"%s\":[", labels->is_flags ? "flags" : "values");
	for (size_t i = 0; i < labels->n; i++) {
		str_add(out, i ? ",{" : "{");
		add_json_text(out, "name", labels->items[i].name);
		if (field->is_signed && !labels->is_flags)
			str_addf(out, ",\"value\":%" PRId64 "}", (int64_t)labels->items[i].value);
		else
			str_addf(out, ",\"value\":%" PRIu64 "}", labels->items[i].value);
	}
	str_add_char(out, ']');
}

static void add_json_field(struct str *out, const struct kern_field *field)
{
	static const char *const bases[] = {[KERN_DECIMAL] = "decimal",
					    [KERN_OCTAL] = "octal",
					    [KERN_HEX] = "hex",
					    [KERN_SYMBOL] = "symbol"};
	struct str type = {0};

	str_add_char(out, '{');
	add_json_text(out, "name", field->name);
	add_type(&type, field);
	str_add_char(out, ',');
	add_json_text(out, "type", str_c(&type));
	str_fini(&type);
	if (field->type) {
		str_add_char(out, ',');
		add_json_text(out, "c_type", field->type);
	}
	if (field->kind == KERN_INTEGER || field->kind == KERN_ARRAY ||
	    field->kind == KERN_SEQUENCE) {
		str_add_char(out, ',');
		add_json_text(out, "base", bases[field->base]);
	}
	if (field->labels && field->labels->n)
		add_json_labels(out, field);
	str_add_char(out, '}');
}

void kernel_list_add_json(struct str *out, struct kernel_list *l, struct diag *diag)
{
	const struct entry *entry;
	struct utsname name = {0};
	struct kern_event event;
	size_t n = 0;

	uname(&name);
	str_add(out, "\"kernel\":{");
	add_json_text(out, "release", name.release);
	str_add(out, ",\"events\":[");
	vec_each(entry, &l->entries) {
		if (!entry->is_chosen || !describe(l, entry, &event, diag))
			continue;
		str_add(out, n++ ? ",{" : "{");
		add_json_text(out, "name", entry->name);
		if (!entry->is_function) {
			str_add(out, ",\"fields\":[");
			for (size_t i = 0; i < event.n_fields; i++) {
				str_add(out, i ? "," : "");
				add_json_field(out, &event.fields[i]);
			}
			str_add_char(out, ']');
		} else {
			struct str type = {0};

			btf_add_function(&type, l->btf, (uint32_t)entry->index);
			str_add_char(out, ',');
			add_json_text(out, "signature", str_c(&type));
			str_fini(&type);
		}
		str_add_char(out, '}');
	}
	str_add(out, "]}");
}
