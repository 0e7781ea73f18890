/* SPDX-License-Identifier: MIT */
/*
 * Finding traces below directories, and choosing among their events.
 */
#include "cli/traces.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/str.h"
#include "ctf/join.h"
#include "ctf/sidecar.h"
#include "session/kernel-rules.h"

enum { MAX_DIR_DEPTH = 32 };
#define NS_PER_S 1000000000ll

/* --- finding ---------------------------------------------------------------- */

struct finder {
	struct traces *traces;
	struct diag *diag;
	size_t root_len; /* of the path that the user gave */
	int error; /* of the newest that could not be opened */
};

static int open_one(struct finder *f, const char *dir)
{
	struct ctf_trace *trace = NULL;
	const char *below = dir + f->root_len;
	char *path = strdup(*below == '/' ? below + 1 : below);
	struct str index = {0};
	bool has_index = ctf_sidecar_path(&index, dir);
	int rc = path ? ctf_trace_open_indexed(&trace, dir, has_index ? index.data : NULL, f->diag)
		      : -ENOMEM;

	if (rc) {
		str_fini(&index);
		free(path);
		f->error = rc;
		return rc == -ENOMEM ? rc : 0;
	}
	if (vec_reserve(&f->traces->all, f->traces->all.len + 1) ||
	    vec_reserve(&f->traces->anchors, f->traces->all.len + 1) ||
	    vec_reserve(&f->traces->indexes, f->traces->all.len + 1) ||
	    vec_reserve(&f->traces->paths, f->traces->all.len + 1)) {
		str_fini(&index);
		ctf_trace_free(trace);
		free(path);
		return -ENOMEM;
	}
	f->traces->all.items[f->traces->all.len++] = trace;
	f->traces->anchors.items[f->traces->anchors.len++] = NULL;
	f->traces->indexes.items[f->traces->indexes.len++] = has_index ? index.data : NULL;
	f->traces->paths.items[f->traces->paths.len++] = path;
	if (!has_index)
		str_fini(&index);
	return 0;
}

static int skip_dots(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* A trace, or what is below it; links to directories are not followed. */
static int find_below(struct finder *f, const char *dir, int depth)
{
	struct dirent **entries;
	struct stat st;
	int n, rc = 0;

	if (ctf_is_trace(dir))
		return open_one(f, dir);
	if (depth == MAX_DIR_DEPTH)
		return 0;
	n = scandir(dir, &entries, skip_dots, alphasort);
	for (int i = 0; i < n; i++) {
		struct str path = {0};

		str_addf(&path, "%s/%s", dir, entries[i]->d_name);
		if (path.failed)
			rc = -ENOMEM;
		if (!rc && lstat(str_c(&path), &st) == 0 && S_ISDIR(st.st_mode))
			rc = find_below(f, str_c(&path), depth + 1);
		str_fini(&path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return rc;
}

static int open_path(struct finder *f, const char *path)
{
	struct diag_place place = {.file = path};
	size_t before = f->traces->all.len;
	char real[PATH_MAX];
	struct stat st;
	char *slash;
	int rc;

	if (!realpath(path, real) || stat(real, &st))
		return diag_error(f->diag, &place, "%s", strerror(errno));
	slash = strrchr(real, '/');
	if (S_ISREG(st.st_mode) && slash && slash > real && !strcmp(slash, "/metadata"))
		*slash = '\0';
	else if (!S_ISDIR(st.st_mode)) {
		rc = diag_error(f->diag, &place, "not a trace: not a directory");
		diag_hint(f->diag, "a CTF trace is a directory with a file `metadata`");
		return rc;
	}
	f->error = 0;
	f->root_len = strlen(real);
	rc = find_below(f, real, 0);
	if (rc || f->error || f->traces->all.len > before)
		return rc ? rc : f->error;
	rc = diag_error(f->diag, &place,
			"not a trace: there is no CTF file `metadata` in it, nor below it");
	diag_hint(f->diag, "piste record -o DIR makes one");
	return rc;
}

static size_t n_events(const struct ctf_trace *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->class->n_streams; i++)
		n += t->class->streams[i]->n_events;
	return n;
}

static void drop(struct traces *t, size_t i)
{
	free(t->paths.items[i]);
	free(t->indexes.items[i]);
	t->all.len = t->anchors.len = t->indexes.len = --t->paths.len;
	for (; i < t->all.len; i++) {
		t->all.items[i] = t->all.items[i + 1];
		t->indexes.items[i] = t->indexes.items[i + 1];
		t->paths.items[i] = t->paths.items[i + 1];
	}
}

/* Those of one UUID become one, described by the metadata that describe most; that has no place of
 * its own. */
static int join_all(struct traces *t)
{
	for (size_t i = 0; i < t->all.len; i++)
		for (size_t k = i + 1; k < t->all.len; k++) {
			struct ctf_trace **a = &t->all.items[i], **b = &t->all.items[k];
			bool swapped = n_events(*b) > n_events(*a);
			int rc = swapped ? ctf_trace_join(*b, *a) : ctf_trace_join(*a, *b);

			if (rc < 0)
				return rc;
			if (!rc)
				continue;
			if (swapped)
				*a = *b;
			*t->paths.items[i] = '\0';
			free(t->indexes.items[i]); /* an index is of one directory */
			t->indexes.items[i] = NULL;
			drop(t, k--);
		}
	return 0;
}

static int load_anchors(struct traces *t, struct diag *diag)
{
	for (size_t i = 0; i < t->all.len; i++) {
		struct anchors **anchors = &t->anchors.items[i];
		int rc = trace_is_pistes(t->all.items[i])
				 ? anchors_load(anchors, t->all.items[i], diag)
				 : 0;

		if (rc < 0)
			return rc;
		if (*anchors)
			anchors_use(*anchors, t->all.items[i]);
	}
	return 0;
}

int traces_open(struct traces *t, char *const *paths, int n, bool use_anchors, struct diag *diag)
{
	struct finder f = {.traces = t, .diag = diag};
	int first = 0;

	for (int i = 0; i < n; i++) {
		int rc = open_path(&f, paths[i]);

		if (rc && !first)
			first = rc;
		if (rc == -ENOMEM)
			break;
	}
	if (first != -ENOMEM && join_all(t))
		first = -ENOMEM;
	if (first != -ENOMEM && use_anchors && load_anchors(t, diag))
		first = -ENOMEM;
	/* Those that can be read are read; the diag has told of the others. */
	return t->all.len && first != -ENOMEM ? 0 : first;
}

void traces_fini(struct traces *t)
{
	for (size_t i = 0; i < t->all.len; i++)
		ctf_trace_free(t->all.items[i]);
	for (size_t i = 0; i < t->anchors.len; i++)
		anchors_free(t->anchors.items[i]);
	for (size_t i = 0; i < t->paths.len; i++)
		free(t->paths.items[i]);
	for (size_t i = 0; i < t->indexes.len; i++)
		free(t->indexes.items[i]);
	vec_fini(&t->indexes);
	vec_fini(&t->paths);
	vec_fini(&t->all);
	vec_fini(&t->anchors);
}

bool trace_is_pistes(const struct ctf_trace *t)
{
	const struct ctf_env_entry *tracer = ctf_env_find(t->class, "tracer_name");

	/* with --lttng-names it says that it is another's */
	return (tracer && tracer->is_string && !strcmp(tracer->text, "piste")) ||
	       ctf_env_find(t->class, "piste_version");
}

/* About processes, and the system as it was found. */
static bool is_own_name(const char *name)
{
	return !strncmp(name, "piste:", 6) || !strncmp(name, "state:", 6);
}

bool trace_is_own(const struct ctf_trace *t, const struct ctf_event_class *ec)
{
	return ec->name && trace_is_pistes(t) &&
	       (is_own_name(ec->name) || !strncmp(ec->name, "lttng_statedump_", 16));
}

/* --- globs --------------------------------------------------------------------- */

static bool glob_has(const char *glob, const char *name)
{
	const char *colon = strchr(name, ':');

	if (glob[0] == '!')
		glob++;
	if (!strncmp(glob, "u:", 2) || !strncmp(glob, "k:", 2))
		glob += 2;
	return kernel_rule_names(glob, strchr(glob, ':') || !colon ? name : colon + 1);
}

bool globs_want(const struct globs *g, const struct ctf_trace *t, const struct ctf_event_class *ec)
{
	const char *name = ec->name ? ec->name : "";
	bool is_own = trace_is_own(t, ec), wanted = true;

	for (size_t i = 0; i < g->all.len; i++)
		if (g->all.items[i][0] != '!')
			wanted = false;
	if (is_own)
		wanted = wanted && g->own;
	for (size_t i = 0; i < g->all.len; i++) {
		const char *glob = g->all.items[i];
		bool names_own = is_own_name(strncmp(glob, "u:", 2) ? glob : glob + 2);

		if (is_own && !g->own && glob[0] != '!' && !names_own)
			continue;
		if (glob_has(glob, name))
			wanted = glob[0] != '!';
	}
	return wanted;
}

typedef bool class_fn(void *data, const struct ctf_event_class *ec);

/* True once fn is. */
static bool any_class(const struct traces *t, class_fn *fn, void *data)
{
	for (size_t i = 0; i < t->all.len; i++) {
		const struct ctf_trace_class *tc = t->all.items[i]->class;

		for (size_t s = 0; s < tc->n_streams; s++)
			for (size_t e = 0; e < tc->streams[s]->n_events; e++)
				if (fn(data, tc->streams[s]->events[e]))
					return true;
	}
	return false;
}

static bool is_meant(void *data, const struct ctf_event_class *ec)
{
	return glob_has(data, ec->name ? ec->name : "");
}

struct nearest {
	const char *text, *best;
	size_t distance;
};

static bool is_nearer(void *data, const struct ctf_event_class *ec)
{
	struct nearest *near = data;
	const char *name = ec->name ? ec->name : "", *colon = strchr(name, ':');
	const char *compared = strchr(near->text, ':') || !colon ? name : colon + 1;
	size_t distance = edit_distance(near->text, compared);

	if (distance < near->distance) {
		near->distance = distance;
		near->best = name;
	}
	return false;
}

int globs_check(const struct globs *g, const struct traces *t, struct diag *diag)
{
	int rc = 0;

	for (size_t i = 0; i < g->all.len; i++) {
		const char *glob = g->all.items[i];
		struct nearest near = {.text = glob, .distance = SIZE_MAX};

		if (any_class(t, is_meant, (void *)glob))
			continue;
		rc = diag_error(diag, NULL, "no event of this trace is called %s", glob);
		any_class(t, is_nearer, &near);
		if (near.best && near.distance <= strlen(glob) / 2)
			diag_hint(diag, "did you mean %s?", near.best);
		else
			diag_hint(diag, "piste stat lists what is in it");
	}
	return rc;
}

/* --- time bounds ------------------------------------------------------------------ */

/* digits: exactly n of them; moves behind; -1: none */
static int take_digits(const char **p, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)(*p)[i]))
			return -1;
		value = value * 10 + ((*p)[i] - '0');
	}
	*p += n;
	return value;
}

/* fraction: [ "." 1 to 9 digits ]; -1: malformed */
static int64_t take_fraction(const char **p)
{
	int64_t ns = 0;
	int n = 0;

	if (**p != '.')
		return 0;
	for (++*p; isdigit((unsigned char)**p) && n < 9; n++, ++*p)
		ns = ns * 10 + (**p - '0');
	if (!n)
		return -1;
	for (; n < 9; n++)
		ns *= 10;
	return ns;
}

/* time: hh ":" mm [ ":" ss [ fraction ] ]; -1: not one */
static int64_t take_time(const char *p)
{
	int hour = take_digits(&p, 2), minute, second = 0;
	int64_t fraction = 0;

	if (hour < 0 || *p++ != ':')
		return -1;
	minute = take_digits(&p, 2);
	if (minute < 0)
		return -1;
	if (*p == ':') {
		p++;
		second = take_digits(&p, 2);
		fraction = take_fraction(&p);
	}
	if (second < 0 || fraction < 0 || *p)
		return -1;
	return (hour * 3600ll + minute * 60 + second) * NS_PER_S + fraction;
}

static int time_of_date(struct tm *tm, int64_t ns_of_day, bool gmt, int64_t *out)
{
	time_t t;

	tm->tm_isdst = -1;
	tm->tm_hour = (int)(ns_of_day / NS_PER_S / 3600);
	tm->tm_min = (int)(ns_of_day / NS_PER_S / 60 % 60);
	tm->tm_sec = (int)(ns_of_day / NS_PER_S % 60);
	t = gmt ? timegm(tm) : mktime(tm);
	if (t < 0 || t > INT64_MAX / NS_PER_S - 1)
		return -EINVAL;
	*out = (int64_t)t * NS_PER_S + ns_of_day % NS_PER_S;
	return 0;
}

/* seconds: [ "-" ] digits [ fraction ] */
static int parse_seconds(struct time_bound *b, const char *p)
{
	bool negative = *p == '-';
	int64_t s = 0, fraction;

	p += negative;
	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (s > INT64_MAX / NS_PER_S / 10 - 1)
			return -EINVAL;
		s = s * 10 + (*p - '0');
	}
	fraction = take_fraction(&p);
	if (fraction < 0 || *p)
		return -EINVAL;
	*b = (struct time_bound){.is_set = true, .ns = s * NS_PER_S + fraction};
	if (negative)
		b->ns = -b->ns;
	return 0;
}

int time_bound_parse(struct time_bound *b, const char *text, bool gmt)
{
	const char *p = text;
	int year = take_digits(&p, 4), month, day;
	struct tm tm = {0};
	int64_t of_day;

	*b = (struct time_bound){0};
	if (year < 0 || *p != '-') {
		of_day = take_time(text);
		if (of_day < 0)
			return parse_seconds(b, text);
		*b = (struct time_bound){.is_set = true, .needs_date = true, .ns = of_day};
		return 0;
	}
	p++;
	month = take_digits(&p, 2);
	if (month < 0 || *p++ != '-')
		return -EINVAL;
	day = take_digits(&p, 2);
	if (day < 0 || (*p && *p != ' '))
		return -EINVAL;
	of_day = *p ? take_time(p + 1) : 0;
	if (of_day < 0)
		return -EINVAL;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	b->is_set = true;
	return time_of_date(&tm, of_day, gmt, &b->ns);
}

int time_bound_set_date(struct time_bound *b, int64_t reference_ns, bool gmt)
{
	time_t t = (time_t)(reference_ns / NS_PER_S);
	struct tm tm;

	if (!b->is_set || !b->needs_date)
		return 0;
	b->needs_date = false;
	if (!(gmt ? gmtime_r(&t, &tm) : localtime_r(&t, &tm)))
		return -EINVAL;
	return time_of_date(&tm, b->ns, gmt, &b->ns);
}

int time_bounds_set_dates(struct time_bound *begin, struct time_bound *end, const struct traces *t,
			  bool gmt, struct diag *diag)
{
	struct ctf_iter_options all = {.want = CTF_WANT_NONE, .packet_messages = true};
	bool needs_date = begin->needs_date || end->needs_date;
	const struct ctf_message *m;
	struct ctf_iter *it = NULL;
	int rc = needs_date ? ctf_iter_new(&it, t->all.items, t->all.len, &all, NULL) : 0;

	while (needs_date && !rc && (rc = ctf_iter_next(it, &m)) > 0) {
		rc = 0;
		if (!m->has_time || m->ns == INT64_MIN)
			continue;
		rc = time_bound_set_date(begin, m->ns, gmt);
		if (!rc)
			rc = time_bound_set_date(end, m->ns, gmt);
		if (rc)
			rc = diag_error(diag, NULL, "--begin, --end: no such date");
		break;
	}
	ctf_iter_free(it);
	if (begin->needs_date || end->needs_date) /* nothing in it has a time */
		begin->is_set = end->is_set = false;
	if (!rc && begin->is_set && end->is_set && begin->ns > end->ns)
		rc = diag_error(diag, NULL, "--begin is later than --end");
	return rc;
}
