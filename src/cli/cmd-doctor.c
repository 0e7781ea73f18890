/* SPDX-License-Identifier: MIT */
/*
 * piste doctor: tries what piste may want of this kernel for this user, and tells
 * by job what works, what does not, why, and what to do about it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/cmd.h"
#include "kern/feature.h"

static const struct opt_spec spec = {
	.usage = "piste doctor [OPTION]... [JOB | FEATURE]...",
	.summary = "What works on this machine and for this user, and how to get the rest",
	.rows =
		(const struct opt_row[]){
			CLI_ROW_JSON,
			{0},
		},
	.details =
		"Jobs: programs, kernel, top, sampling, functions, user-functions, tracefs, settings.\n"
		"Features are the names at the beginning of lines; no name means everything.\n"
		"Each is tried, not guessed: a BPF program is loaded, attached and detached again.\n"
		"\n"
		"ok: works. no: does not, and its job needs it. --: does not, and piste has another\n"
		"way or one ability less.\n"
		"\n"
		"Exit status: 0 when programs, kernel and top work, or all that was named;\n"
		"1 when not, 2.\n",
};

struct visit {
	struct feature_result *results;
	bool *tried; /* n_features of both */
	bool job_named[FEATURE_N_JOBS];
	bool any_named;
	struct str out;
	bool colour;
};

static bool belongs(const struct feature *f, size_t job)
{
	return f->job == job || f->needed_by & 1u << job;
}

/* --- for people ----------------------------------------------------------------------------- */

static const char *colour(const struct visit *v, const char *code)
{
	return v->colour ? code : "";
}

static bool job_was_tried(const struct visit *v, size_t job)
{
	for (size_t i = 0; i < n_features; i++)
		if (features[i].needed_by & 1u << job && !v->tried[i])
			return false;
	return true;
}

static const char *mark_of(const struct visit *v, const struct feature *f,
			   const struct feature_result *r)
{
	if (r->error > 0)
		return "  ";
	if (!r->error)
		return "ok";
	if (!f->needed_by)
		return "--";
	/* another one does the job */
	return feature_jobs[f->job].any && job_was_tried(v, f->job) &&
			       feature_job_works(f->job, v->results)
		       ? "--"
		       : "no";
}

static void write_feature(struct visit *v, size_t i, const char **last_remedy)
{
	const struct feature_result *r = &v->results[i];
	const struct feature *f = &features[i];
	const char *mark = mark_of(v, f, r);

	str_addf(&v->out, "  %s%s%s  %-20s %s",
		 colour(v, !strcmp(mark, "no") ? "\033[31m"
			   : !r->error         ? "\033[32m"
					       : ""),
		 mark, colour(v, "\033[0m"), f->name, f->what);
	if (r->error < 0)
		str_addf(&v->out, ": %s", r->why);
	else if (r->note[0])
		str_addf(&v->out, ": %s", r->note);
	str_add_char(&v->out, '\n');
	if (r->error >= 0 || !r->remedy[0])
		return;
	if (!*last_remedy || strcmp(*last_remedy, r->remedy) != 0)
		str_addf(&v->out, "%27s%s\n", "", r->remedy);
	*last_remedy = r->remedy;
}

static void write_job(struct visit *v, size_t job)
{
	const char *last_remedy = NULL;
	bool any = false, works = feature_job_works((enum feature_job_id)job, v->results);

	for (size_t i = 0; i < n_features; i++) {
		/* what another job shows already is told again only where that is not shown */
		if (!v->tried[i] ||
		    (features[i].job != job && !(v->job_named[job] && belongs(&features[i], job))))
			continue;
		if (!any) {
			str_addf(&v->out, "%s%s%s%s", v->out.len ? "\n" : "", colour(v, "\033[1m"),
				 feature_jobs[job].what, colour(v, "\033[0m"));
			if (job_was_tried(v, job) && job != FEATURE_SETTINGS)
				str_addf(&v->out, ": %s%s%s",
					 colour(v, works ? "\033[32m" : "\033[31m"),
					 works ? "yes" : "no", colour(v, "\033[0m"));
			str_add_char(&v->out, '\n');
		}
		any = true;
		write_feature(v, i, &last_remedy);
	}
}

static void write_text(struct visit *v)
{
	for (size_t job = 0; job < FEATURE_N_JOBS; job++)
		write_job(v, job);
}

/* --- for programs ---------------------------------------------------------------------------- */

static void json_text(struct str *out, const char *key, const char *value)
{
	str_addf(out, ",\"%s\":", key);
	str_add_json(out, value, strlen(value));
}

static void json_feature(struct str *out, const struct feature *f, const struct feature_result *r)
{
	str_addf(out, "{\"name\":\"%s\",\"job\":\"%s\"", f->name, feature_jobs[f->job].name);
	json_text(out, "what", f->what);
	if (r->error <= 0)
		str_addf(out, ",\"works\":%s", r->error ? "false" : "true");
	if (r->note[0])
		json_text(out, "note", r->note);
	if (r->error < 0) {
		str_addf(out, ",\"errno\":%d", -r->error);
		json_text(out, "why", r->why);
		json_text(out, "remedy", r->remedy);
	}
	str_addf(out, ",\"took_ns\":%" PRIu64 "}", r->took_ns);
}

static void write_json(struct visit *v, uint64_t took_ns)
{
	const char *between = "";

	str_add(&v->out, "{\"jobs\":[");
	for (size_t job = 0; job < FEATURE_N_JOBS; job++) {
		if (!job_was_tried(v, job) || job == FEATURE_SETTINGS)
			continue;
		str_addf(&v->out, "%s{\"name\":\"%s\"", between, feature_jobs[job].name);
		json_text(&v->out, "what", feature_jobs[job].what);
		str_addf(&v->out, ",\"main\":%s,\"works\":%s}",
			 feature_jobs[job].is_main ? "true" : "false",
			 feature_job_works((enum feature_job_id)job, v->results) ? "true"
										 : "false");
		between = ",";
	}
	str_add(&v->out, "],\"features\":[");
	between = "";
	for (size_t i = 0; i < n_features; i++) {
		if (!v->tried[i])
			continue;
		str_add(&v->out, between);
		json_feature(&v->out, &features[i], &v->results[i]);
		between = ",";
	}
	str_addf(&v->out, "],\"took_ns\":%" PRIu64 "}\n", took_ns);
}

/* --- the command --------------------------------------------------------------------------------- */

static int choose(struct visit *v, const char *name)
{
	struct VEC(const char *) names = {0};
	struct str hint = {0};
	bool found = false;
	const char *near;

	for (size_t job = 0; job < FEATURE_N_JOBS; job++) {
		if (vec_push(&names, feature_jobs[job].name))
			break;
		if (strcmp(feature_jobs[job].name, name) != 0)
			continue;
		found = v->job_named[job] = true;
		for (size_t i = 0; i < n_features; i++)
			v->tried[i] |= belongs(&features[i], job);
	}
	for (size_t i = 0; i < n_features; i++) {
		if (vec_push(&names, features[i].name))
			break;
		if (!strcmp(features[i].name, name))
			found = v->tried[i] = true;
	}
	if (!found) {
		near = nearest_name(name, names.items, names.len);
		if (near)
			str_addf(&hint, "did you mean %s?", near);
		else
			str_add(&hint, "piste doctor without a name tells all there are");
		cli_error(str_c(&hint), "there is no job or feature %s", name);
	}
	vec_fini(&names);
	str_fini(&hint);
	return found ? 0 : -ENOENT;
}

/* Whether all that was asked for works. */
static bool is_well(const struct visit *v, char **names, int n)
{
	bool well = true;

	for (size_t job = 0; job < FEATURE_N_JOBS; job++)
		if (v->any_named ? v->job_named[job] : feature_jobs[job].is_main)
			well &= feature_job_works((enum feature_job_id)job, v->results);
	for (int k = 0; k < n; k++)
		for (size_t i = 0; i < n_features; i++)
			if (!strcmp(features[i].name, names[k]))
				well &= v->results[i].error >= 0;
	return well;
}

static int examine(struct visit *v, char **names, int n, bool json)
{
	uint64_t start = clock_monotonic_ns();

	v->any_named = n > 0;
	for (size_t i = 0; i < n_features && !n; i++)
		v->tried[i] = true;
	for (int k = 0; k < n; k++)
		if (choose(v, names[k]))
			return CLI_BAD_USAGE;
	features_try(v->results, v->tried);
	if (json)
		write_json(v, clock_monotonic_ns() - start);
	else
		write_text(v);
	fwrite(str_c(&v->out), 1, v->out.len, stdout);
	return is_well(v, names, n) ? CLI_DONE : CLI_FAILED;
}

int cmd_doctor(int argc, char **argv)
{
	struct visit v = {.colour = cli_has_colour(stdout)};
	struct diag diag = {0};
	struct opt_parser p;
	bool json = false;
	int id, rc;

	opt_init(&p, &spec, argc, argv);
	while ((id = cli_next_option(&p)) > 0)
		json |= id == CLI_OPT_JSON;
	if (id < 0)
		return p.exit_status;
	v.results = calloc(n_features, sizeof(*v.results));
	v.tried = calloc(n_features, sizeof(*v.tried));
	rc = v.results && v.tried ? examine(&v, p.operands, p.n_operands, json) : CLI_FAILED;
	free(v.results);
	free(v.tried);
	str_fini(&v.out);
	return cli_finish(&diag, 0) ? CLI_FAILED : rc;
}
