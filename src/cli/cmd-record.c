/* SPDX-License-Identifier: MIT */
/*
 * piste record: the command line, and what is said at the end. The recording
 * itself is session/recorder.h.
 */
#include "cli/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "base/vec.h"
#include "ctf/filter.h"
#include "kern/container.h"
#include "session/offline.h"
#include "session/recorder.h"

enum {
	OPT_LEVEL = OPT_LONG_ONLY,
	OPT_FILTER,
	OPT_BUFFER,
	OPT_FLIGHT,
	OPT_MALLOC,
	OPT_LOCKS,
	OPT_FUNCTIONS,
	OPT_CONTEXT,
	OPT_CTF,
	OPT_FORCE,
	OPT_QUIET,
	OPT_DURATION,
	OPT_CGROUP,
	OPT_CONTAINER,
	OPT_MAX_RATE,
	OPT_SAMPLE,
	OPT_LTTNG_NAMES,
	OPT_NO_KERNEL,
};

enum { SAMPLE_HZ_MOST = 20000 };

static const struct opt_spec spec = {
	.usage = "piste record [OPTION]... -- CMD [ARG]...\n"
		 "       piste record [OPTION]... -p PID\n"
		 "       piste record [OPTION]... -a | --cgroup PATH | --container NAME",
	.summary = "Records the events of programs and of the kernel into a trace",
	.stop_at_operand = true,
	.rows =
		(const struct opt_row[]){
			{"output", 'o', "DIR", "the trace's directory; else piste-DATE-TIME"},
			{"event", 'e', "GLOB",
			 "events to record, as PROVIDER:EVENT: 'sched:*', 'syscall:openat', 'shop:*'; "
			 "k: or u: in front is the kernel's or user space's alone; '!GLOB' leaves out; "
			 "may be repeated"},
			{"level", OPT_LEVEL, "LEVEL",
			 "only events at least that severe: error, warning, info, debug …"},
			{"filter", OPT_FILTER, "EXPR",
			 "only events for which it is true: 'total > 10 && path == \"/cart*\"'"},
			{"pid", 'p', "PID", "attach to a running process; a list, or repeated"},
			{"all", 'a', NULL, "the whole system, until Ctrl-C or the command's end"},
			{"cgroup", OPT_CGROUP, "PATH",
			 "the kernel's events of all in that control group"},
			{"container", OPT_CONTAINER, "NAME",
			 "the kernel's events of that container, by name or id"},
			{"no-kernel", OPT_NO_KERNEL, NULL, "only events of user space"},
			{"max-rate", OPT_MAX_RATE, "N",
			 "at most N of each kernel event, a second and CPU; what is more is counted"},
			{"sample", OPT_SAMPLE, "HZ",
			 "also where each CPU is, so many times a second"},
			{"duration", OPT_DURATION, "TIME", "stop after 10s, 500ms …"},
			{"buffer", OPT_BUFFER, "SIZE",
			 "memory for events in each process, and of the kernel on each CPU"},
			{"flight", OPT_FLIGHT, "SIZE",
			 "keep the last SIZE in memory; write it at SIGUSR1, at a crash, at the end"},
			{"malloc", OPT_MALLOC, NULL, "record allocations, in any program"},
			{"locks", OPT_LOCKS, NULL, "record waits for locks, in any program"},
			{"functions", OPT_FUNCTIONS, NULL,
			 "record functions built with -finstrument-functions"},
			{"context", OPT_CONTEXT, "NAME", "record with each event: cpu"},
			{"lttng-names", OPT_LTTNG_NAMES, NULL,
			 "the kernel's events as an LTTng kernel trace names them"},
			{"ctf", OPT_CTF, "VERSION", "the trace's format: 1.8 (default) or 2"},
			{"force", OPT_FORCE, NULL, "replace a trace that is in DIR"},
			{"quiet", OPT_QUIET, NULL, "no status, no summary"},
			CLI_ROW_JSON,
			{0},
		},
	.details = "The exit status is the command's. Ctrl-C ends the command and the recording.\n"
		   "\n"
		   "  piste record -- ./server\n"
		   "  piste record -e 'sched:*' -e 'syscall:*' -e 'shop:*' -- ./server\n"
		   "  piste record -a --duration 5s -e 'block:*'\n"
		   "  piste record -p 1234 -e 'shop:*' --filter 'total > 1000'\n"
		   "  piste record --malloc --locks -o t -- sqlite3 test.db < work.sql\n",
};

struct arguments {
	struct recorder_options options;
	struct VEC(const char *) rules;
	struct VEC(uint32_t) pids;
	bool malloc, locks, functions, quiet, json, has_event;
	char dir[64];
	char preload[PATH_MAX];
	struct str wrap, command_line;
	const char *cgroup_name, *container_name;
	struct cgroup cgroup;
};

static void arguments_fini(struct arguments *a)
{
	vec_fini(&a->rules);
	vec_fini(&a->pids);
	str_fini(&a->wrap);
	str_fini(&a->command_line);
}

/* --- options -------------------------------------------------------------- */

static int add_pids(struct arguments *a, const char *text, struct diag *diag)
{
	char *copy = strdup(text), *save = NULL;
	int err = 0;

	for (char *p = copy ? strtok_r(copy, ",", &save) : NULL; p && !err;
	     p = strtok_r(NULL, ",", &save)) {
		uint64_t pid;

		if (parse_u64(p, &pid) || !pid || pid > INT_MAX)
			err = diag_error(diag, NULL, "--pid %s: not a process number", p);
		else
			err = vec_push(&a->pids, (uint32_t)pid);
	}
	free(copy);
	return err;
}

static int number_option(struct opt_parser *p, uint64_t most, uint64_t *out, struct diag *diag)
{
	if (parse_u64(p->value, out) || !*out || *out > most)
		return diag_error(diag, NULL, "%s: not a number from 1 to %" PRIu64, p->value,
				  most);
	return 0;
}

static int one_option(struct arguments *a, int id, struct opt_parser *p, struct diag *diag)
{
	struct recorder_options *o = &a->options;
	int level;

	switch (id) {
	case 'o':
		o->dir = p->value;
		return 0;
	case 'e':
		a->has_event = true;
		return vec_push(&a->rules, p->value);
	case 'p':
		return add_pids(a, p->value, diag);
	case OPT_LEVEL:
		level = filter_level_number(p->value, strlen(p->value));
		if (level < 0) {
			diag_error(diag, NULL, "--level %s: no such level", p->value);
			diag_hint(diag, "emerg alert crit err warning notice info debug");
			return -EINVAL;
		}
		o->level = (uint32_t)level;
		return 0;
	case OPT_FILTER:
		o->filter = p->value;
		return 0;
	case OPT_BUFFER:
		return opt_value_size(p, &o->buffer_bytes, diag);
	case OPT_FLIGHT:
		return opt_value_size(p, &o->flight_bytes, diag);
	case OPT_DURATION:
		return opt_value_duration(p, &o->duration_ns, diag);
	case 'a':
		o->system = true;
		return 0;
	case OPT_CGROUP:
		a->cgroup_name = p->value;
		return 0;
	case OPT_CONTAINER:
		a->container_name = p->value;
		return 0;
	case OPT_MAX_RATE:
		return number_option(p, UINT32_MAX, &o->max_rate, diag);
	case OPT_SAMPLE:
		return number_option(p, SAMPLE_HZ_MOST, &o->sample_hz, diag);
	case OPT_LTTNG_NAMES:
		o->lttng_names = true;
		return 0;
	case OPT_NO_KERNEL:
		o->no_kernel = true;
		return 0;
	case OPT_MALLOC:
		a->malloc = true;
		return 0;
	case OPT_LOCKS:
		a->locks = true;
		return 0;
	case OPT_FUNCTIONS:
		a->functions = true;
		return 0;
	case OPT_CONTEXT:
		if (!strcmp(p->value, "cpu"))
			o->cpu = true;
		else if (strcmp(p->value, "pid") != 0 && strcmp(p->value, "tid") != 0 &&
			 strcmp(p->value, "procname") != 0) {
			diag_error(diag, NULL, "--context %s: no such context", p->value);
			diag_hint(diag, "cpu; pid, tid and procname are always there");
			return -EINVAL;
		}
		return 0;
	case OPT_CTF:
		if (strcmp(p->value, "1.8") != 0 && strcmp(p->value, "2") != 0)
			return diag_error(diag, NULL, "--ctf %s: not 1.8 or 2", p->value);
		o->ctf_major = p->value[0] == '2' ? 2 : 1;
		return 0;
	case OPT_FORCE:
		o->force = true;
		return 0;
	case OPT_QUIET:
		a->quiet = true;
		return 0;
	case CLI_OPT_JSON:
		a->json = true;
		return 0;
	}
	return -EINVAL;
}

/* libpiste-wrap.so: beside piste, where it was built, or installed. */
static int find_wrap(struct arguments *a, struct diag *diag)
{
	static const char *const places[] = {
		"libpiste-wrap.so",
		"../lib/libpiste-wrap.so",
		"../lib/x86_64-linux-gnu/libpiste-wrap.so",
		"../lib/aarch64-linux-gnu/libpiste-wrap.so",
		"../lib64/libpiste-wrap.so",
	};
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		slash[1] = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s%s", self, places[i]);
		if (access(path, R_OK) == 0 && realpath(path, a->preload))
			return 0;
	}
	diag_error(diag, NULL, "libpiste-wrap.so is not to be found near %s", self);
	diag_hint(diag, "--malloc, --locks and --functions need it: make, or make install");
	return -ENOENT;
}

static int add_wrappers(struct arguments *a, struct diag *diag)
{
	const struct {
		bool on;
		const char *word, *rule;
	} wrappers[] = {
		{a->malloc, "malloc", "piste_libc:*"},
		{a->locks, "locks", "piste_lock:*"},
		{a->functions, "functions", "piste_func:*"},
	};

	for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++) {
		if (!wrappers[i].on)
			continue;
		if (a->wrap.len)
			str_add_char(&a->wrap, ',');
		str_add(&a->wrap, wrappers[i].word);
		if (a->has_event && vec_push(&a->rules, wrappers[i].rule))
			return -ENOMEM;
	}
	if (!a->wrap.len)
		return 0;
	if (!a->options.argv) {
		diag_error(diag, NULL, "--malloc, --locks and --functions need a command to start");
		diag_hint(diag, "a running program cannot be given a library: piste record "
				"--malloc -- CMD");
		return -EINVAL;
	}
	a->options.preload = a->preload;
	a->options.wrap = str_c(&a->wrap);
	return find_wrap(a, diag);
}

/* --cgroup and --container are the same from here on. */
static int find_cgroup(struct arguments *a, struct diag *diag)
{
	struct containers *containers = NULL;
	struct cgroup_mounts mounts;
	int err;

	if (!a->cgroup_name && !a->container_name)
		return 0;
	if (a->container_name) {
		err = containers_open(&containers, "", diag);
		if (!err)
			err = containers_find(containers, a->container_name, &a->cgroup, diag);
		containers_free(containers);
	} else {
		err = cgroup_mounts_get(&mounts, "", diag);
		if (!err)
			err = cgroup_find(&a->cgroup, &mounts, a->cgroup_name, diag);
	}
	a->options.cgroup = &a->cgroup;
	return err;
}

static int complete(struct arguments *a, struct diag *diag)
{
	struct recorder_options *o = &a->options;
	time_t now = time(NULL);
	struct tm tm;
	int err;

	if (!a->has_event && vec_push(&a->rules, "*"))
		return -ENOMEM;
	err = add_wrappers(a, diag);
	if (!err)
		err = find_cgroup(a, diag);
	if (err)
		return err;
	if (!o->dir && localtime_r(&now, &tm)) {
		strftime(a->dir, sizeof(a->dir), "piste-%Y%m%d-%H%M%S", &tm);
		o->dir = a->dir;
	}
	o->rules = a->rules.items;
	o->n_rules = a->rules.len;
	o->pids = a->pids.items;
	o->n_pids = a->pids.len;
	o->command_line = str_c(&a->command_line);
	return 0;
}

/* --- what is said --------------------------------------------------------- */

static void on_status(void *data, const struct recorder_status *s)
{
	static uint64_t last_events, last_ns;
	struct str line = {0};
	uint64_t ns = s->elapsed_ns - last_ns;

	(void)data;
	str_add(&line, "recording  ");
	str_add_duration_human(&line, s->elapsed_ns);
	str_add(&line, "  ");
	str_add_count_human(&line, s->events);
	str_add(&line, " events  ");
	str_add_count_human(&line, ns ? (s->events - last_events) * 1000000000 / ns : 0);
	str_add(&line, "/s  ");
	str_add_bytes_human(&line, s->bytes);
	str_add(&line, "  ");
	str_add_count_human(&line, s->lost);
	str_addf(&line, " lost  %" PRIu64 " process%s", s->processes,
		 s->processes == 1 ? "" : "es");
	cli_status("%s", str_c(&line));
	str_fini(&line);
	last_events = s->events;
	last_ns = s->elapsed_ns;
}

static void on_note(void *data, const char *text)
{
	const struct arguments *a = data;

	if (a->quiet)
		return;
	cli_status_clear();
	fprintf(stderr, "piste: %s\n", text);
}

static void say_nothing(const struct recorder_summary *s, const struct arguments *a)
{
	switch (s->nothing) {
	case RECORDER_NOT_NOTHING:
		return;
	case RECORDER_QUIET:
		cli_error(a->options.system ? NULL : "-a records the whole system",
			  "no events: nothing that was asked for happened");
		return;
	case RECORDER_NO_PROCESS:
		cli_error(
			"programs linked with libpiste have events; --malloc and --locks give any "
			"program some",
			"no events: no process with libpiste was seen");
		return;
	case RECORDER_NO_SITES:
		cli_error("`piste list --file PROGRAM` shows the sites of a file",
			  "no events: libpiste is there, but no PISTE() site");
		return;
	case RECORDER_NO_MATCH:
		if (s->near_name[0]) {
			char hint[192];

			snprintf(hint, sizeof(hint), "did you mean %s?", s->near_name);
			cli_error(hint, "no events: no site matches what was asked for");
		} else {
			cli_error("`piste list --file PROGRAM` names its events; --level may "
				  "exclude some",
				  "no events: no site matches what was asked for");
		}
		return;
	case RECORDER_NOT_REACHED:
		cli_error(NULL, "no events: sites matched, but the program never came to them");
		return;
	case RECORDER_FILTERED:
		cli_error(NULL, "no events: the filter was never true: %s", a->options.filter);
		return;
	}
}

/* Losses in the kernel, and what the user wished to be left out. */
static void say_kernel_troubles(const struct recorder_summary *s)
{
	if (s->kernel_lost) {
		struct str line = {0};

		str_addf(&line, "  lost       %" PRIu64 " of the kernel: its buffers of ",
			 s->kernel_lost);
		str_add_bytes_human(&line, s->ring_bytes);
		str_add(&line, " a CPU were full; more room: --buffer ");
		str_addf(&line, "%" PRIu64 "M; fewer events: -e, --filter, --max-rate\n",
			 (s->ring_bytes * 4) >> 20 ? (s->ring_bytes * 4) >> 20 : 1);
		fputs(str_c(&line), stderr);
		str_fini(&line);
	}
	if (s->limited)
		fprintf(stderr, "  limited    %" PRIu64 " left out by --max-rate\n", s->limited);
}

static void say_troubles(const struct recorder_summary *s, const struct arguments *a)
{
	say_kernel_troubles(s);
	for (size_t i = 0; i < s->n_troubles; i++) {
		const struct recorder_trouble *t = &s->troubles[i];

		if (t->lost)
			fprintf(stderr,
				"  lost       %" PRIu64 " of %u (%s): its buffer was full; more "
				"room: --buffer %s\n",
				t->lost, t->pid, t->comm,
				a->options.buffer_bytes ? "with a larger SIZE" : "128M");
		if (t->dropped_bytes)
			fprintf(stderr, "  dropped    %" PRIu64 " bytes of %u (%s): %s\n",
				t->dropped_bytes, t->pid, t->comm, t->dropped_why);
	}
}

static void say_summary(const struct recorder_summary *s, const struct arguments *a)
{
	struct str line = {0};
	uint64_t share = s->elapsed_ns ? s->cpu_ns * 1000 / s->elapsed_ns : 0;

	str_add(&line, "  recorded   ");
	str_add_duration_human(&line, s->elapsed_ns);
	str_add(&line, "   ");
	str_add_count_human(&line, s->events);
	str_add(&line, " events   ");
	str_add_bytes_human(&line, s->bytes);
	str_add(&line, "   ");
	str_add_count_human(&line, s->lost);
	str_add(&line, " lost");
	if (s->overwritten) {
		str_add(&line, "   ");
		str_add_count_human(&line, s->overwritten);
		str_add(&line, " overwritten");
	}
	if (s->unwritten) {
		str_add(&line, "   ");
		str_add_count_human(&line, s->unwritten);
		str_add(&line, " not written");
	}
	if (s->has_kernel) {
		str_add(&line, "   ");
		str_add_count_human(&line, s->kernel_events);
		str_add(&line, " of the kernel");
	}
	if (s->processes || !s->has_kernel)
		str_addf(&line, "   %" PRIu64 " process%s", s->processes,
			 s->processes == 1 ? "" : "es");
	str_add(&line, ", one clock (±");
	str_add_duration_human(&line, s->clock_uncertainty_ns);
	str_add(&line, ")\n");
	str_addf(&line, "  cost       recorder %" PRIu64 ".%" PRIu64 " %% of one core", share / 10,
		 share % 10);
	if (s->events > 10000)
		str_addf(&line, ", %.1f ns an event",
			 (double)s->cpu_ns / (double)(s->events + s->overwritten + s->unwritten));
	str_addf(&line, "\n  look       piste print %s | less        babeltrace2 %s\n",
		 a->options.dir, a->options.dir);
	fputs(str_c(&line), stderr);
	str_fini(&line);
}

static void print_json(const struct recorder_summary *s, const struct arguments *a)
{
	struct str out = {0};

	str_add(&out, "{\"trace\":");
	str_add_json(&out, a->options.dir, strlen(a->options.dir));
	str_addf(&out,
		 ",\"elapsed_ns\":%" PRIu64 ",\"events\":%" PRIu64 ",\"bytes\":%" PRIu64
		 ",\"lost\":%" PRIu64 ",\"overwritten\":%" PRIu64 ",\"unwritten\":%" PRIu64
		 ",\"dropped_bytes\":%" PRIu64 ",\"processes\":%" PRIu64 ",\"snapshots\":%" PRIu64
		 ",\"files\":%" PRIu64 ",\"clock_uncertainty_ns\":%" PRIu64
		 ",\"recorder_cpu_ns\":%" PRIu64 ",\"kernel_events\":%" PRIu64
		 ",\"kernel_lost\":%" PRIu64 ",\"limited\":%" PRIu64
		 ",\"exit_status\":%d,\"troubles\":[",
		 s->elapsed_ns, s->events, s->bytes, s->lost, s->overwritten, s->unwritten,
		 s->dropped_bytes, s->processes, s->snapshots, s->files, s->clock_uncertainty_ns,
		 s->cpu_ns, s->kernel_events, s->kernel_lost, s->limited, s->exit_status);
	for (size_t i = 0; i < s->n_troubles; i++) {
		const struct recorder_trouble *t = &s->troubles[i];

		str_addf(&out, "%s{\"pid\":%u,\"comm\":", i ? "," : "", t->pid);
		str_add_json(&out, t->comm, strlen(t->comm));
		str_addf(&out, ",\"lost\":%" PRIu64 ",\"dropped_bytes\":%" PRIu64 "}", t->lost,
			 t->dropped_bytes);
	}
	str_add(&out, "]}\n");
	fputs(str_c(&out), stdout);
	str_fini(&out);
}

/* --- the command ---------------------------------------------------------- */

/* Before the program runs, where its file alone decides. */
static int check_filter(struct arguments *a, const struct recorder *r, struct diag *diag)
{
	const struct recorder_options *o = &a->options;

	if (!o->filter || !o->argv || o->preload || recorder_has_kernel(r))
		return 0;
	return offline_check_filter(o->argv[0], o, diag);
}

static int record(struct arguments *a, struct diag *diag)
{
	struct recorder_summary s = {0};
	struct recorder *r = NULL;
	bool started = false;
	int err;

	err = recorder_new(&r, &a->options, diag);
	if (!err)
		err = check_filter(a, r, diag);
	if (!err)
		err = recorder_start(r, diag);
	if (!err) {
		started = true;
		err = recorder_run(r, diag);
	}
	if (started) {
		int finish = recorder_finish(r, &s, diag);

		err = err ? err : finish;
		cli_status_clear();
		if (!a->quiet) {
			if (!a->json)
				say_summary(&s, a);
			say_troubles(&s, a);
			if (!err)
				say_nothing(&s, a);
		}
		if (a->json)
			print_json(&s, a);
		free(s.troubles);
	} else if (r) {
		recorder_abort(r, &s.exit_status);
	}
	recorder_free(r);
	cli_status_clear();
	if (s.exit_status && (!started || !err)) {
		cli_finish(diag, err);
		return s.exit_status;
	}
	return cli_finish(diag, err);
}

/* NULL: none. */
static const char *contradiction(const struct arguments *a)
{
	const struct recorder_options *o = &a->options;

	if (o->no_kernel &&
	    (a->cgroup_name || a->container_name || o->max_rate || o->sample_hz || o->lttng_names))
		return "--no-kernel leaves nothing of what else was asked for";
	if ((a->cgroup_name && a->container_name) ||
	    (o->system && (a->cgroup_name || a->container_name)))
		return "one of -a, --cgroup and --container is enough";
	return NULL;
}

int cmd_record(int argc, char **argv)
{
	struct arguments a = {
		.options = {.level = 14,
			    .ctf_major = 1,
			    .on_status = on_status,
			    .on_note = on_note},
	};
	struct diag diag = {0};
	struct opt_parser p;
	const char *why;
	int id, err = 0;

	a.options.data = &a;
	for (int i = 0; i < argc; i++)
		str_addf(&a.command_line, "%s%s", i ? " " : "piste ", argv[i]);
	opt_init(&p, &spec, argc, argv);
	while (!err && (id = cli_next_option(&p)) > 0)
		err = one_option(&a, id, &p, &diag);
	if (!err && id < 0) {
		arguments_fini(&a);
		return p.exit_status;
	}
	if (!err && p.n_operands > 0)
		a.options.argv = p.operands;
	if (!err && !a.options.argv && !a.pids.len && !a.options.system && !a.cgroup_name &&
	    !a.container_name) {
		arguments_fini(&a);
		return cli_bad_usage(&spec, "what to record? -- CMD, -p PID, or -a");
	}
	if (!err && (why = contradiction(&a))) {
		arguments_fini(&a);
		return cli_bad_usage(&spec, "%s", why);
	}
	if (err) {
		cli_finish(&diag, -EINVAL);
		arguments_fini(&a);
		return CLI_BAD_USAGE;
	}
	err = complete(&a, &diag);
	id = err ? cli_finish(&diag, err) : record(&a, &diag);
	arguments_fini(&a);
	return id;
}
