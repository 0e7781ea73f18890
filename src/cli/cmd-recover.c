/* SPDX-License-Identifier: MIT */
/* piste recover: what the buffers still hold, when the recorder was killed. */
#include "cli/cmd.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "session/recover.h"

enum { OPT_CTF = OPT_LONG_ONLY, OPT_FORCE };

static const struct opt_spec spec = {
	.usage = "piste recover [OPTION]... PID|FILE",
	.summary = "Writes a trace of what a program's buffers still hold",
	.rows =
		(const struct opt_row[]){
			{"output", 'o', "DIR", "the trace's directory; else piste-DATE-TIME"},
			{"ctf", OPT_CTF, "VERSION", "the trace's format: 1.8 (default) or 2"},
			{"force", OPT_FORCE, NULL, "replace a trace that is in DIR"},
			CLI_ROW_JSON,
			{0},
		},
	.details =
		"For a recorder that was killed: its program goes on, and keeps the newest events\n"
		"that nobody has read. FILE is a core file of a traced program, or a copy of its\n"
		"/proc/PID/fd/N that leads to /memfd:piste. The buffers stay as they are.\n",
};

static void say(const struct recorder_summary *s, const char *dir)
{
	struct str line = {0};

	str_add(&line, "  recovered  ");
	str_add_count_human(&line, s->events);
	str_add(&line, " events   ");
	str_add_bytes_human(&line, s->bytes);
	str_add(&line, "   ");
	str_add_count_human(&line, s->lost);
	str_addf(&line, " lost   %" PRIu64 " process%s\n", s->processes,
		 s->processes == 1 ? "" : "es");
	for (size_t i = 0; i < s->n_troubles; i++)
		if (s->troubles[i].dropped_bytes)
			str_addf(&line, "  dropped    %" PRIu64 " bytes of %u (%s): %s\n",
				 s->troubles[i].dropped_bytes, s->troubles[i].pid,
				 s->troubles[i].comm, s->troubles[i].dropped_why);
	str_addf(&line, "  look       piste print %s | less        babeltrace2 %s\n", dir, dir);
	fputs(str_c(&line), stderr);
	str_fini(&line);
}

static void print_json(const struct recorder_summary *s, const char *dir)
{
	struct str out = {0};

	str_add(&out, "{\"trace\":");
	str_add_json(&out, dir, strlen(dir));
	str_addf(&out,
		 ",\"events\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64
		 ",\"dropped_bytes\":%" PRIu64 ",\"processes\":%" PRIu64 "}\n",
		 s->events, s->bytes, s->lost, s->dropped_bytes, s->processes);
	fputs(str_c(&out), stdout);
	str_fini(&out);
}

int cmd_recover(int argc, char **argv)
{
	struct recover_options options = {.ctf_major = 1};
	struct recorder_summary summary = {0};
	struct str command_line = {0};
	struct diag diag = {0};
	struct opt_parser p;
	bool json = false;
	char dir[64];
	time_t now = time(NULL);
	uint64_t pid;
	struct tm tm;
	int id, err;

	opt_init(&p, &spec, argc, argv);
	while ((id = cli_next_option(&p)) > 0) {
		if (id == 'o')
			options.dir = p.value;
		else if (id == OPT_FORCE)
			options.force = true;
		else if (id == CLI_OPT_JSON)
			json = true;
		else if (id == OPT_CTF && (!strcmp(p.value, "1.8") || !strcmp(p.value, "2")))
			options.ctf_major = p.value[0] == '2' ? 2 : 1;
		else
			return cli_bad_usage(&spec, "--ctf %s: not 1.8 or 2", p.value);
	}
	if (id < 0)
		return p.exit_status;
	if (p.n_operands != 1)
		return cli_bad_usage(&spec, "which process, or which file?");
	if (parse_u64(p.operands[0], &pid) == 0 && pid && pid <= INT_MAX &&
	    access(p.operands[0], F_OK) != 0)
		options.pid = (uint32_t)pid;
	else
		options.file = p.operands[0];
	if (!options.dir && localtime_r(&now, &tm)) {
		strftime(dir, sizeof(dir), "piste-%Y%m%d-%H%M%S", &tm);
		options.dir = dir;
	}
	for (int i = 0; i < argc; i++)
		str_addf(&command_line, "%s%s", i ? " " : "piste ", argv[i]);
	options.command_line = str_c(&command_line);
	err = recover(&options, &summary, &diag);
	if (!err && json)
		print_json(&summary, options.dir);
	else if (!err)
		say(&summary, options.dir);
	free(summary.troubles);
	str_fini(&command_line);
	return cli_finish(&diag, err);
}
