/* SPDX-License-Identifier: MIT */
/*
 * piste run: a script from a file, from its argument, or from stdin, in the
 * kernel or over a recording.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/vec.h"
#include "cli/cmd.h"
#include "lang/lang.h"
#include "script/script.h"
#include "script/shelf.h"

enum { MAX_SCRIPT = 1 << 20, MAX_WORDS = 256 };
enum { OPT_DUMP = OPT_LONG_ONLY, OPT_DRY_RUN, OPT_UNSAFE, OPT_TRACE, OPT_LIST };

static const struct opt_spec spec = {
	.usage = "piste run [OPTION]... (SCRIPT | -e TEXT) [PARAMETER]...",
	.summary = "Runs a script of bpftrace's language, in the kernel or over a recording",
	.rows =
		(const struct opt_row[]){
			{"execute", 'e', "TEXT", "the script itself"},
			{"command", 'c', "CMD", "start CMD once all is attached; end with it"},
			{"pid", 'p', "PID", "end with this process"},
			{"trace", OPT_TRACE, "DIR", "over a recording, instead of this system"},
			{"output", 'o', "FILE", "write to FILE instead of stdout"},
			{"format", 'f', "FORMAT", "text, or json: one object a line"},
			{"quiet", 'q', NULL, "only what the script prints"},
			CLI_ROW_JSON,
			{"list-scripts", OPT_LIST, NULL, "the scripts that come with piste"},
			{"unsafe", OPT_UNSAFE, NULL, "allow system() and signal()"},
			{"dry-run", OPT_DRY_RUN, NULL, "compile it, and that is all"},
			{"dump", OPT_DUMP, "STAGE", "show ast, ir or bpf instead of running it"},
			{0},
		},
	.details =
		"SCRIPT may be - for stdin. PARAMETERs are $1, $2 … in the script.\n"
		"\nExamples:\n"
		"  piste run syscount\n"
		"  piste run -e 'tracepoint:raw_syscalls:sys_enter { @[comm] = count(); }'\n"
		"  piste run -e 'BEGIN { printf(\"hello\\n\"); exit(); }'\n"
		"\nExit status: 0, 1 when it failed, 2 for bad usage; or what exit() was given.\n",
	.stop_at_operand = true,
};

struct options {
	struct script_options run;
	const char *text, *output;
	bool wants_list;
	char *words[MAX_WORDS + 1];
};

static int take_dump(struct options *o, const char *stage)
{
	static const struct {
		const char *name;
		enum script_dump dump;
	} stages[] = {{"ast", SCRIPT_DUMP_AST}, {"ir", SCRIPT_DUMP_IR}, {"bpf", SCRIPT_DUMP_BPF}};

	for (size_t i = 0; i < 3; i++)
		if (!strcmp(stages[i].name, stage)) {
			o->run.dump = stages[i].dump;
			return 0;
		}
	return cli_bad_usage(&spec, "--dump %s: it is ast, ir or bpf", stage);
}

static int take_format(struct options *o, const char *format)
{
	if (strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
		return cli_bad_usage(&spec, "--format %s: it is text or json", format);
	o->run.is_json = format[0] == 'j';
	return 0;
}

/* "ls -l 'a b'" as a shell would take it apart, without its other powers */
static int take_command(struct options *o, const char *command)
{
	char *to = strdup(command);
	size_t n = 0;

	if (!to)
		return CLI_FAILED;
	o->words[0] = to;
	for (const char *p = command; *p;) {
		char quote = 0;

		p += strspn(p, " \t\n");
		if (!*p)
			break;
		if (n == MAX_WORDS)
			return cli_bad_usage(&spec, "-c: more than %d words", MAX_WORDS);
		o->words[n++] = to;
		for (; *p && (quote || !strchr(" \t\n", *p)); p++) {
			if (quote ? *p == quote : *p == '\'' || *p == '"')
				quote = quote ? 0 : *p;
			else
				*to++ = *p;
		}
		if (*p)
			p++;
		*to++ = '\0';
	}
	o->words[n] = NULL;
	if (!n)
		return cli_bad_usage(&spec, "-c: which command?");
	o->run.command = o->words;
	return 0;
}

static int take_option(struct options *o, struct opt_parser *p, int id)
{
	struct diag diag = {0};
	uint64_t number = 0;

	switch (id) {
	case 'e':
		o->text = p->value;
		return 0;
	case 'c':
		return take_command(o, p->value);
	case 'p':
		if (opt_value_u64(p, 1, INT32_MAX, &number, &diag)) {
			cli_print_diag(&diag);
			return CLI_BAD_USAGE;
		}
		o->run.pid = (int)number;
		return 0;
	case OPT_TRACE:
		o->run.trace = p->value;
		return 0;
	case 'o':
		o->output = p->value;
		return 0;
	case 'f':
		return take_format(o, p->value);
	case 'q':
		o->run.is_quiet = true;
		return 0;
	case CLI_OPT_JSON:
		o->run.is_json = true;
		return 0;
	case OPT_LIST:
		o->wants_list = true;
		return 0;
	case OPT_UNSAFE:
		o->run.unsafe = true;
		return 0;
	case OPT_DRY_RUN:
		o->run.dump = SCRIPT_CHECK;
		return 0;
	default:
		return take_dump(o, p->value);
	}
}

/* Each mistake with its line and a caret, as far as it lies in the script. */
static void print_mistakes(struct diag *d, const char *file, const char *text)
{
	struct str lines = {0};

	for (size_t i = 0; i < d->len; i++) {
		const struct diag_entry *e = &d->entries[i];
		struct diag one = {0};

		if (!e->place.file || strcmp(e->place.file, file) != 0)
			continue;
		str_reset(&lines);
		lang_point(&lines, text, e);
		if (!lines.len)
			continue;
		diag_error(&one, &e->place, "%s", e->message);
		cli_print_diag(&one);
		fputs(str_c(&lines), stderr);
		if (e->hint)
			fprintf(stderr, "  %s\n", e->hint);
		/* said: what is left is printed as for every command */
		free(e->message);
		free(e->hint);
		free((char *)e->place.file);
		memmove(&d->entries[i], &d->entries[i + 1],
			(d->len - i - 1) * sizeof(d->entries[0]));
		d->len--;
		i--;
	}
	str_fini(&lines);
}

static int read_script(struct options *o, const char *name, char **text)
{
	struct str shelf = {0};
	const char *path = strcmp(name, "-") != 0 ? name : "/dev/stdin";
	size_t len = 0;
	int err;

	if (access(path, F_OK) && shelf_find(&shelf, name) == 0)
		path = str_c(&shelf);
	err = fs_read_file(AT_FDCWD, path, MAX_SCRIPT, text, &len);
	if (err)
		cli_error(err == -ENOENT ? "piste run --list-scripts shows those of piste" : NULL,
			  "%s: %s", name, strerror(-err));
	else if (strlen(*text) != len)
		cli_error(NULL, "%s: this is no text: it has a NUL", name);
	str_fini(&shelf);
	if (err || strlen(*text) != len)
		return CLI_FAILED;
	o->run.file = name;
	return 0;
}

static int list_scripts(void)
{
	struct diag diag = {0};
	struct str list = {0};
	int err = shelf_list(&list);

	if (err)
		diag_error(&diag, NULL, "the scripts are not installed");
	fputs(str_c(&list), stdout);
	str_fini(&list);
	return cli_finish(&diag, err);
}

static int run(struct options *o)
{
	struct diag diag = {0};
	int status = 0, err;

	o->run.out = stdout;
	if (o->output) {
		o->run.out = fopen(o->output, "we");
		if (!o->run.out) {
			cli_error(NULL, "%s: %s", o->output, strerror(errno));
			return CLI_FAILED;
		}
	}
	err = script_run(&o->run, &status, &diag);
	fflush(stdout);
	if (o->output && fclose(o->run.out) && !err)
		err = -errno;
	print_mistakes(&diag, o->run.file, o->run.text);
	if (diag.errors && diag.len == 0) {
		diag_fini(&diag);
		return CLI_FAILED;
	}
	err = cli_finish(&diag, err);
	return err ? err : status;
}

int cmd_run(int argc, char **argv)
{
	_cleanup_(freep) char *text = NULL;
	struct options o = {0};
	struct opt_parser p;
	int id, first, rc = 0;

	opt_init(&p, &spec, argc, argv);
	while ((id = cli_next_option(&p)) > 0 && !rc)
		rc = take_option(&o, &p, id);
	if (id < 0)
		rc = p.exit_status;
	if (!rc && id < 0)
		return rc;
	if (rc) {
		free(o.words[0]);
		return rc;
	}
	if (o.wants_list)
		return list_scripts();
	first = o.text ? 0 : 1;
	if (p.n_operands < first)
		return cli_bad_usage(&spec, "which script?");
	if (!o.text)
		rc = read_script(&o, p.operands[0], &text);
	o.run.text = o.text ? o.text : text;
	if (o.text)
		o.run.file = "-e";
	o.run.params = (const char *const *)p.operands + first;
	o.run.n_params = (size_t)(p.n_operands - first);
	if (!rc)
		rc = run(&o);
	free(o.words[0]);
	return rc;
}
