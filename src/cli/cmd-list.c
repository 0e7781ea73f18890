/* SPDX-License-Identifier: MIT */
/*
 * piste list: what can be traced. Sites of files are read from the files,
 * those of processes from the memory that they share with recorders; both
 * arrive as groups of a catalog, are filtered by name, and printed. Events of
 * the kernel are in kernel-list.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/vec.h"
#include "cli/cmd.h"
#include "cli/kernel-list.h"
#include "piste/wire/rules.h"
#include "session/catalog.h"
#include "session/discover.h"

enum { WIDTH_MAX = 72 }; /* of the first column; longer ones stick out */

static const struct opt_spec spec = {
	.usage = "piste list [OPTION]... [GLOB]...",
	.summary =
		"What can be traced: the kernel's events, the sites of files and of running programs",
	.rows =
		(const struct opt_row[]){
			{"file", 'f', "ELF",
			 "sites of a program or shared object, without running it"},
			{"pid", 'p', "PID", "sites of a running process"},
			{"long", 'l', NULL, "types, attributes and objects as well"},
			CLI_ROW_JSON,
			{0},
		},
	.details = "GLOB is matched against provider:event, or without a ':' against the event;\n"
		   "'!' in front excludes; 'k:' means the kernel alone, 'u:' user space alone.\n"
		   "Without --file and --pid, all running programs of yours that have sites are\n"
		   "listed, and with a GLOB events of the kernel too.\n"
		   "\nExamples:\n"
		   "  piste list 'sched:*' 'syscall:open*'\n"
		   "  piste list --long kmem:kmalloc\n"
		   "  piste list 'kfunc:vfs_*'\n"
		   "  piste list --file ./server\n"
		   "  piste list -p 4711 'shop:*' '!*_end'\n",
};

struct options {
	struct VEC(const char *) files;
	struct VEC(uint32_t) pids;
	bool is_long, is_json;
	char rules[PISTE_RULES_SIZE];
	char **globs;
	int n_globs;
};

/* --- choosing ------------------------------------------------------------------ */

/* The globs one behind the other, as a session has them. */
static int make_rules(struct options *o)
{
	size_t at = 0;

	if (!o->n_globs || o->globs[0][0] == '!')
		at = (size_t)(stpcpy(o->rules, "*") - o->rules) + 1;
	for (int i = 0; i < o->n_globs; i++) {
		size_t len = strlen(o->globs[i]);

		if (!len)
			return cli_bad_usage(&spec, "an empty GLOB matches nothing");
		if (at + len + 2 > sizeof(o->rules))
			return cli_bad_usage(&spec, "the GLOBs are longer than %zu bytes together",
					     sizeof(o->rules) - 2);
		memcpy(o->rules + at, o->globs[i], len);
		at += len + 1;
	}
	return 0;
}

static bool is_wanted(const struct options *o, const struct catalog_site *site)
{
	return piste_rules_match(o->rules, site->name, site->event);
}

static bool glob_has_match(const char *glob, const struct catalog *c)
{
	char rules[PISTE_RULES_SIZE] = {0};
	const struct catalog_group *group;
	const struct catalog_site *site;

	strcpy(rules, glob + (*glob == '!'));
	vec_each(group, &c->groups)
		vec_each(site, &group->sites)
			if (piste_rules_match(rules, site->name, site->event))
				return true;
	return false;
}

/* How far `wanted` is from the name, or from its beginning. */
static size_t distance(const char *wanted, const char *name)
{
	size_t best = edit_distance(wanted, name), len = strlen(wanted);
	char start[64];

	for (size_t n = len ? len - 1 : 0; n <= len + 1 && n < sizeof(start); n++) {
		size_t d;

		if (n >= strlen(name))
			break;
		memcpy(start, name, n);
		start[n] = '\0';
		d = edit_distance(wanted, start);
		if (d < best)
			best = d;
	}
	return best;
}

/* A name that was perhaps meant; NULL when none is near. */
static const char *suggest(const char *glob, const struct catalog *c,
			   const struct kernel_list *kernel)
{
	const char *nearest = NULL, *wanted = glob + (*glob == '!'), *of_kernel;
	const struct catalog_group *group;
	const struct catalog_site *site;
	struct str plain = {0};
	size_t best;

	if (!strncmp(wanted, "u:", 2))
		wanted += 2;
	for (const char *p = wanted; *p; p++)
		if (*p != '*' && *p != '\\')
			str_add_char(&plain, *p);
	best = plain.len / 3 + 2; /* farther is another word */
	vec_each(group, &c->groups) {
		vec_each(site, &group->sites) {
			const char *name = strchr(wanted, ':') ? site->name : site->event;
			size_t d = distance(str_c(&plain), name);

			if (d < best) {
				best = d;
				nearest = name;
			}
		}
	}
	str_fini(&plain);
	of_kernel = kernel ? kernel_list_nearest(kernel, glob, &best) : NULL;
	return of_kernel ? of_kernel : nearest;
}

/* Says which globs matched nothing; how many. */
static int check_globs(const struct options *o, const struct catalog *c,
		       const struct kernel_list *kernel)
{
	int missing = 0;

	for (int i = 0; i < o->n_globs; i++) {
		struct str hint = {0};
		const char *near;

		if (glob_has_match(o->globs[i], c) ||
		    (kernel && kernel_list_has(kernel, o->globs[i])))
			continue;
		missing++;
		near = suggest(o->globs[i], c, kernel);
		if (near) {
			str_add(&hint, "did you mean ");
			catalog_add_clean(&hint, near, strlen(near));
			str_add_char(&hint, '?');
		} else if (kernel && kernel_list_missing(kernel)) {
			str_add(&hint, kernel_list_missing(kernel));
		} else {
			str_add(&hint,
				"without a GLOB, all sites are listed; with 'k:*', all events of "
				"the kernel");
		}
		cli_error(str_c(&hint), "no %s is named %s", kernel ? "event" : "site",
			  o->globs[i]);
		str_fini(&hint);
	}
	return missing;
}

static size_t count_wanted(const struct options *o, const struct catalog_group *group)
{
	const struct catalog_site *site;
	size_t n = 0;

	vec_each(site, &group->sites)
		n += is_wanted(o, site);
	return n;
}

/* --- text ---------------------------------------------------------------------- */

/* Columns on a terminal: bytes that begin a character. */
static size_t columns(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void pad(struct str *out, size_t have, size_t want)
{
	for (; have < want; have++)
		str_add_char(out, ' ');
}

static void add_group_title(struct str *out, const struct catalog_group *group, size_t wanted)
{
	char build_id[2 * BUILD_ID_MAX + 1];

	if (group->pid) {
		str_addf(out, "process %u (", group->pid);
		catalog_add_clean(out, group->comm, strlen(group->comm));
		str_add(out, ") ");
	}
	catalog_add_clean(out, group->path, strlen(group->path));
	str_addf(out, ": %zu site%s", wanted, wanted == 1 ? "" : "s");
	if (wanted < group->sites.len)
		str_addf(out, " of %zu", group->sites.len);
	if (group->build_id.len) {
		build_id_text(&group->build_id, build_id);
		str_addf(out, ", build-id %s", build_id);
	}
	str_add_char(out, '\n');
}

/* What says of it who listens, in a process. */
static void add_state(struct str *out, const struct catalog_site *site)
{
	int n = __builtin_popcount(site->sessions);

	if (!n && !site->has_tracer)
		str_add(out, "off");
	if (n)
		str_addf(out, "%d recording%s", n, n == 1 ? "" : "s");
	if (site->has_tracer)
		str_add(out, n ? " + tracer" : "tracer");
}

static void add_details(struct str *out, const struct catalog_group *group,
			const struct catalog_site *site)
{
	struct piste_view view;

	if (piste_describe_site((const void *)site->bytes.data, site->bytes.len, &view))
		return;
	if (view.attributes_len) {
		str_add(out, "      attributes: ");
		catalog_add_clean(out, view.attributes, view.attributes_len);
		str_add_char(out, '\n');
	}
	for (uint32_t i = 0; i < view.field_count; i++) {
		const struct piste_field_view *field = &view.fields[i];

		str_addf(out, "      %s: ", field->name);
		catalog_add_type(out, field);
		if (field->attributes_len) {
			str_add(out, ", ");
			catalog_add_clean(out, field->attributes, field->attributes_len);
		}
		str_add_char(out, '\n');
		if (field->type_name[0]) {
			struct str type = {0};

			catalog_add_named_type(&type, site->types, field->type_name);
			str_addf(out, "        %s\n",
				 type.len ? str_c(&type) : "(the object has no such type)");
			str_fini(&type);
		}
	}
	if (site->gates != 1)
		str_addf(out, "      at %u places in the code\n", site->gates);
	if (group->pid && *site->object) {
		str_add(out, "      in ");
		catalog_add_clean(out, site->object, strlen(site->object));
		str_add_char(out, '\n');
	}
}

/* Name, fields, and the format of a log. */
static void add_signature(struct str *out, const struct catalog_site *site)
{
	struct piste_view view;

	catalog_add_clean(out, site->name, strlen(site->name));
	str_add_char(out, ' ');
	catalog_add_fields(out, site);
	if (site->kind == PISTE_SITE_LOG &&
	    !piste_describe_site((const void *)site->bytes.data, site->bytes.len, &view)) {
		str_add(out, " \"");
		catalog_add_clean(out, view.format, strlen(view.format));
		str_add_char(out, '"');
	}
}

static void print_group(const struct options *o, const struct catalog_group *group)
{
	size_t width = 0, level_width = 0, wanted = count_wanted(o, group);
	const struct catalog_site *site;
	struct str out = {0}, cell = {0};

	vec_each(site, &group->sites) {
		if (!is_wanted(o, site))
			continue;
		str_reset(&cell);
		add_signature(&cell, site);
		if (columns(str_c(&cell)) > width && columns(str_c(&cell)) <= WIDTH_MAX)
			width = columns(str_c(&cell));
		if (strlen(catalog_level_name(site->level)) > level_width)
			level_width = strlen(catalog_level_name(site->level));
	}
	add_group_title(&out, group, wanted);
	vec_each(site, &group->sites) {
		if (!is_wanted(o, site))
			continue;
		str_reset(&cell);
		add_signature(&cell, site);
		str_addf(&out, "  %s", str_c(&cell));
		pad(&out, columns(str_c(&cell)), width);
		str_addf(&out, "  %s", catalog_level_name(site->level));
		pad(&out, strlen(catalog_level_name(site->level)), level_width);
		str_add(&out, "  ");
		if (group->pid) {
			str_reset(&cell);
			add_state(&cell, site);
			str_add(&out, str_c(&cell));
			pad(&out, cell.len, strlen("2 recordings"));
			str_add(&out, "  ");
		}
		catalog_add_clean(&out, site->file, strlen(site->file));
		str_addf(&out, ":%u\n", site->line);
		if (o->is_long)
			add_details(&out, group, site);
	}
	fputs(str_c(&out), stdout);
	str_fini(&out);
	str_fini(&cell);
}

/* --- JSON ---------------------------------------------------------------------- */

static void add_json_text(struct str *out, const char *key, const char *text, size_t len)
{
	str_addf(out, "\"%s\":", key);
	str_add_json(out, text, len);
}

static void add_json_fields(struct str *out, const struct catalog_site *site,
			    const struct piste_view *view)
{
	str_add(out, ",\"fields\":[");
	for (uint32_t i = 0; i < view->field_count; i++) {
		const struct piste_field_view *field = &view->fields[i];
		struct str text = {0};

		str_add(out, i ? ",{" : "{");
		add_json_text(out, "name", field->name, strlen(field->name));
		catalog_add_type(&text, field);
		str_add_char(out, ',');
		add_json_text(out, "type", str_c(&text), text.len);
		if (field->attributes_len) {
			str_add_char(out, ',');
			add_json_text(out, "attributes", field->attributes, field->attributes_len);
		}
		str_reset(&text);
		if (field->type_name[0])
			catalog_add_named_type(&text, site->types, field->type_name);
		if (text.len) {
			str_add_char(out, ',');
			add_json_text(out, "definition", str_c(&text), text.len);
		}
		str_add_char(out, '}');
		str_fini(&text);
	}
	str_add_char(out, ']');
}

static void add_json_site(struct str *out, const struct catalog_group *group,
			  const struct catalog_site *site)
{
	static const char *const kinds[] = {
		[PISTE_SITE_EVENT] = "event",
		[PISTE_SITE_SPAN_BEGIN] = "span-begin",
		[PISTE_SITE_SPAN_END] = "span-end",
		[PISTE_SITE_LOG] = "log",
	};
	struct piste_view view;

	if (piste_describe_site((const void *)site->bytes.data, site->bytes.len, &view))
		return;
	str_add_char(out, '{');
	add_json_text(out, "name", site->name, strlen(site->name));
	str_addf(out, ",\"kind\":\"%s\",\"level\":%u,\"level_name\":\"%s\",", kinds[site->kind],
		 site->level, catalog_level_name(site->level));
	add_json_text(out, "source", site->file, strlen(site->file));
	str_addf(out, ",\"line\":%u,\"places\":%u", site->line, site->gates);
	if (site->kind == PISTE_SITE_LOG) {
		str_add_char(out, ',');
		add_json_text(out, "format", view.format, strlen(view.format));
	}
	if (view.attributes_len) {
		str_add_char(out, ',');
		add_json_text(out, "attributes", view.attributes, view.attributes_len);
	}
	if (group->pid) {
		str_add_char(out, ',');
		add_json_text(out, "object", site->object, strlen(site->object));
		str_addf(out, ",\"recordings\":%d,\"in_process_tracer\":%s",
			 __builtin_popcount(site->sessions), site->has_tracer ? "true" : "false");
	}
	add_json_fields(out, site, &view);
	str_add_char(out, '}');
}

static void print_json(const struct options *o, const struct catalog *c, struct kernel_list *kernel,
		       struct diag *diag)
{
	const struct catalog_group *group;
	struct str out = {0};
	size_t n_groups = 0;

	str_add(&out, "{\"groups\":[");
	vec_each(group, &c->groups) {
		const struct catalog_site *site;
		char build_id[2 * BUILD_ID_MAX + 1];
		size_t n = 0;

		str_add(&out, n_groups++ ? ",{" : "{");
		if (group->pid) {
			str_addf(&out, "\"pid\":%u,", group->pid);
			add_json_text(&out, "comm", group->comm, strlen(group->comm));
			str_add_char(&out, ',');
		}
		add_json_text(&out, group->pid ? "executable" : "file", group->path,
			      strlen(group->path));
		if (group->build_id.len) {
			build_id_text(&group->build_id, build_id);
			str_addf(&out, ",\"build_id\":\"%s\"", build_id);
		}
		str_add(&out, ",\"sites\":[");
		vec_each(site, &group->sites) {
			if (!is_wanted(o, site))
				continue;
			if (n++)
				str_add_char(&out, ',');
			add_json_site(&out, group, site);
		}
		str_add(&out, "]}");
	}
	str_add_char(&out, ']');
	if (kernel) {
		str_add_char(&out, ',');
		kernel_list_add_json(&out, kernel, diag);
	}
	str_add(&out, "}\n");
	fputs(str_c(&out), stdout);
	str_fini(&out);
}

/* --- the command ----------------------------------------------------------------- */

static int add_all_processes(struct catalog *c, struct diag *diag)
{
	struct discover_list pids = {0};
	size_t hidden = 0;
	int rc = discover_processes(&pids, &hidden);

	if (rc)
		cli_error(NULL, "/proc cannot be read: %s", strerror(-rc));
	for (size_t i = 0; i < pids.len; i++) {
		/* one that ended meanwhile, or a child that has no pool of its own yet */
		struct diag mine = {0};

		if (catalog_add_process(c, pids.items[i], &mine) == -ENOMEM)
			rc = -ENOMEM;
		diag_fini(&mine);
	}
	if (!rc && !c->groups.len) {
		rc = diag_error(diag, NULL, "no program with sites is running%s",
				hidden ? " that you may look into" : "");
		diag_hint(diag, "piste list --file PROGRAM lists a file's; docs/instrumenting.md "
				"says how a program gets them");
	}
	vec_fini(&pids);
	return rc;
}

static void check_group(const struct catalog_group *group, struct diag *diag)
{
	const struct diag_place place = {.file = group->path};

	if (group->broken)
		diag_warn(diag, &place, "%zu site%s with a broken description left out",
			  group->broken, group->broken == 1 ? "" : "s");
	if (group->sites.len)
		return;
	if (group->pid) {
		diag_error(diag, &place, "process %u has libpiste, but no site", group->pid);
		diag_hint(diag, "PISTE(provider, event, fields…) in its source makes one");
	} else if (group->is_lto) {
		diag_error(diag, &place, "has no site yet");
		diag_hint(diag,
			  "it is compiled for link-time optimization: list the linked program");
	} else {
		diag_error(diag, &place, "has no site");
		diag_hint(diag, "PISTE(provider, event, fields…) of <piste/piste.h> makes one; its "
				"shared objects are files of their own");
	}
}

/* Everything that was asked for; 0 or -ENOMEM, all else is in the diag. */
static int collect(const struct options *o, struct catalog *c, struct kernel_list **kernel,
		   struct diag *diag)
{
	bool is_open = !o->files.len && !o->pids.len;
	struct diag user = {0};
	int rc = 0;

	for (size_t i = 0; i < o->files.len; i++)
		rc = catalog_add_file(c, o->files.items[i], diag) == -ENOMEM ? -ENOMEM : rc;
	for (size_t i = 0; i < o->pids.len; i++)
		rc = catalog_add_process(c, o->pids.items[i], diag) == -ENOMEM ? -ENOMEM : rc;
	if (is_open && kernel_list_is_wanted(o->globs, o->n_globs) &&
	    kernel_list_new(kernel, o->globs, o->n_globs, diag) == -ENOMEM)
		rc = -ENOMEM;
	/* that no program has sites is no fault where the kernel's events are listed */
	if (is_open && add_all_processes(c, *kernel ? &user : diag) == -ENOMEM)
		rc = -ENOMEM;
	diag_fini(&user);
	return rc;
}

static void print_groups(const struct options *o, const struct catalog *c)
{
	const struct catalog_group *group;
	bool is_first = true;

	vec_each(group, &c->groups) {
		if (!count_wanted(o, group))
			continue;
		if (!is_first)
			putchar('\n');
		print_group(o, group);
		is_first = false;
	}
}

static void print_kernel(const struct options *o, struct kernel_list *kernel, bool is_first,
			 struct diag *diag)
{
	struct str out = {0};

	if (!is_first)
		putchar('\n');
	kernel_list_add_text(&out, kernel, o->is_long, diag);
	fputs(str_c(&out), stdout);
	str_fini(&out);
}

static int list(const struct options *o)
{
	struct catalog catalog = {0};
	struct kernel_list *kernel = NULL;
	const struct catalog_group *group;
	struct diag diag = {0};
	size_t matched = 0, sites = 0;
	bool failed = collect(o, &catalog, &kernel, &diag) != 0;
	int status;

	vec_each(group, &catalog.groups) {
		matched += count_wanted(o, group);
		sites += group->sites.len;
		check_group(group, &diag);
	}
	if (failed)
		cli_error(NULL, "not enough memory");
	else if (o->is_json)
		print_json(o, &catalog, kernel, &diag);
	else
		print_groups(o, &catalog);
	if (kernel && kernel_list_matches(kernel) && !failed && !o->is_json)
		print_kernel(o, kernel, !matched, &diag);
	fflush(stdout);
	if (!failed && (sites || kernel) && check_globs(o, &catalog, kernel))
		failed = true;
	else if (kernel && kernel_list_missing(kernel))
		diag_note(&diag, NULL, "%s", kernel_list_missing(kernel));
	matched += kernel ? kernel_list_matches(kernel) : 0;
	kernel_list_free(kernel);
	catalog_fini(&catalog);
	status = cli_finish(&diag, 0);
	return failed || !matched ? CLI_FAILED : status;
}

/* 0, or an exit status. */
static int take_option(struct options *o, struct opt_parser *p, int id)
{
	struct diag diag = {0};
	uint64_t pid;
	int rc = 0;

	switch (id) {
	case 'f':
		rc = vec_push(&o->files, p->value);
		break;
	case 'p':
		if (opt_value_u64(p, 1, INT32_MAX, &pid, &diag)) {
			cli_print_diag(&diag);
			return CLI_BAD_USAGE;
		}
		rc = vec_push(&o->pids, (uint32_t)pid);
		break;
	case 'l':
		o->is_long = true;
		break;
	case CLI_OPT_JSON:
		o->is_json = true;
		break;
	}
	if (rc)
		cli_error(NULL, "not enough memory");
	return rc ? CLI_FAILED : 0;
}

int cmd_list(int argc, char **argv)
{
	struct options o = {0};
	struct opt_parser p;
	int id, status = 0;

	opt_init(&p, &spec, argc, argv);
	while (!status && (id = cli_next_option(&p)) > 0)
		status = take_option(&o, &p, id);
	if (!status && id < 0) {
		status = p.exit_status;
	} else if (!status) {
		o.globs = p.operands;
		o.n_globs = p.n_operands;
		status = make_rules(&o);
		if (!status)
			status = list(&o);
	}
	vec_fini(&o.files);
	vec_fini(&o.pids);
	return status;
}
