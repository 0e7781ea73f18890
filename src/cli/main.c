/* SPDX-License-Identifier: MIT */
/*
 * piste: the command line. Everything begins here: a word is looked up in
 * `commands` and its function called. Each command is a file of its own,
 * cmd-NAME.c; a new one needs that file and a row of CLI_COMMANDS (cmd.h).
 */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cli/cmd.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
#define X(name, help) {#name, cmd_##name, help},
	CLI_COMMANDS(X)
#undef X
		{0},
};

static void print_help(void)
{
	puts("usage: piste COMMAND [OPTION]...\n"
	     "Records what a system does, asks questions of it, and says why it was slow.\n"
	     "\nCommands:");
	for (const struct command *c = commands; c->name; c++)
		printf("  %-12s %s\n", c->name, c->help);
	puts("\nOptions:\n"
	     "  -h, --help    this text; piste COMMAND --help for a command's\n"
	     "      --version the version");
}

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *names[sizeof(commands) / sizeof(commands[0])] = {0}, *near;
	struct str hint = {0};
	size_t n = 0;

	for (const struct command *c = commands; c->name; c++)
		names[n++] = c->name;
	near = nearest_name(name, names, n);
	if (near)
		str_addf(&hint, "did you mean piste %s?", near);
	else
		str_add(&hint, "piste --help lists the commands");
	cli_error(str_c(&hint), "%s %s", name[0] == '-' ? "unknown option" : "unknown command",
		  name);
	str_fini(&hint);
	return CLI_BAD_USAGE;
}

int main(int argc, char **argv)
{
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : NULL;
	const char *own = strrchr(argv[0], '/');
	struct diag none = {0};

	command = find_command(own ? own + 1 : argv[0]);
	if (command && !strcmp(command->name, "babeltrace2"))
		return command->run(argc, argv);
	if (!name) {
		cli_error("piste --help lists the commands", "which command?");
		return CLI_BAD_USAGE;
	}
	if (!strcmp(name, "--version")) {
		puts("piste " PISTE_VERSION);
		return cli_finish(&none, 0);
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		command = argc > 2 ? find_command(argv[2]) : NULL;
		if (command)
			return command->run(2, (char *[]){argv[2], (char *)"--help", NULL});
		print_help();
		return cli_finish(&none, 0);
	}
	command = find_command(name);
	return command ? command->run(argc - 1, argv + 1) : unknown_command(name);
}
