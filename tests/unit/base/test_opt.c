/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "base/opt.h"

enum { OPT_JSON = OPT_LONG_ONLY };

static const struct opt_row rows[] = {
	{NULL, 0, NULL, "Output"},
	{"output", 'o', "FILE", "write to FILE instead of stdout"},
	{"json", OPT_JSON, NULL, "one JSON object a line"},
	{NULL, 0, NULL, "Selection"},
	{"all", 'a', NULL,
	 "everything, of which there is so much that its description must go on in a second line"},
	{"verbose", 'v', NULL, "say more"},
	{"size", 's', "BYTES", "how large"},
	{"secret", OPT_JSON + 1, NULL, NULL},
	{0},
};
static const struct opt_spec spec = {
	.usage = "piste test [OPTION]... TRACE",
	.summary = "A test",
	.rows = rows,
	.details = "See also: nothing.",
};
static const struct opt_spec stopping = {
	.usage = "piste run [OPTION]... CMD",
	.rows = rows,
	.stop_at_operand = true,
};

/* Writes what is parsed as one line, "o=x json | operand operand". */
static const char *parse_with(const struct opt_spec *with, int argc, char **argv)
{
	static struct str out;
	struct opt_parser p;
	struct diag d = {0};
	int id;

	str_reset(&out);
	opt_init(&p, with, argc, argv);
	while ((id = opt_next(&p, &d)) > 0) {
		str_add(&out, p.row->name);
		if (p.value)
			str_addf(&out, "=%s", p.value);
		str_add_char(&out, ' ');
	}
	if (id == OPT_HELP) {
		str_add(&out, "HELP");
	} else if (id == OPT_BAD) {
		CHECK_INT(d.errors, 1);
		str_addf(&out, "BAD %s", d.entries[0].message);
		if (d.entries[0].hint)
			str_addf(&out, " (%s)", d.entries[0].hint);
	} else {
		str_addf(&out, "|%d", p.n_before_dashes);
		for (int i = 0; i < p.n_operands; i++)
			str_addf(&out, " %s", p.operands[i]);
		CHECK(p.operands[p.n_operands] == NULL);
	}
	diag_fini(&d);
	return str_c(&out);
}

#define ARGS(...)                                                                                  \
	(char *[])                                                                                 \
	{                                                                                          \
		(char *)"cmd", __VA_ARGS__, NULL                                                   \
	}
#define COUNT(...) (int)(sizeof((char *[]){(char *)"cmd", __VA_ARGS__}) / sizeof(char *))
#define PARSE(...) parse_with(&spec, COUNT(__VA_ARGS__), ARGS(__VA_ARGS__))
#define PARSE_STOPPING(...) parse_with(&stopping, COUNT(__VA_ARGS__), ARGS(__VA_ARGS__))

TEST(forms)
{
	CHECK_STR(parse_with(&spec, 1, (char *[]){(char *)"cmd", NULL}), "|0");
	CHECK_STR(parse_with(&spec, 0, (char *[]){NULL}), "|0");
	CHECK_STR(PARSE("-o", "x"), "output=x |0");
	CHECK_STR(PARSE("-ox"), "output=x |0");
	CHECK_STR(PARSE("--output", "x"), "output=x |0");
	CHECK_STR(PARSE("--output=x"), "output=x |0");
	CHECK_STR(PARSE("--output="), "output= |0");
	CHECK_STR(PARSE("-av", "--json"), "all verbose json |0");
	CHECK_STR(PARSE("-avo", "x", "y"), "all verbose output=x |1 y");
	CHECK_STR(PARSE("-o", "-a"), "output=-a |0");
	CHECK_STR(PARSE("--secret"), "secret |0");
}

TEST(operands)
{
	CHECK_STR(PARSE("one", "-a", "two", "-o", "x", "three"), "all output=x |3 one two three");
	CHECK_STR(PARSE("one", "--", "-a", "--json"), "|1 one -a --json");
	CHECK_STR(PARSE("-"), "|1 -");
	CHECK_STR(PARSE("--"), "|0");
	CHECK_STR(PARSE_STOPPING("-a", "ls", "-l", "--", "x"), "all |4 ls -l -- x");
	CHECK_STR(PARSE_STOPPING("-a", "--", "ls", "-l"), "all |0 ls -l");
}

TEST(mistakes)
{
	CHECK_STR(PARSE("--ouput", "x"), "BAD unknown option --ouput (did you mean --output?)");
	CHECK_STR(PARSE("--ouput=x"), "BAD unknown option --ouput (did you mean --output?)");
	CHECK_STR(PARSE("--zzz"), "BAD unknown option --zzz (piste test --help lists the options)");
	CHECK_STR(PARSE("--out", "x"),
		  "BAD unknown option --out (piste test --help lists the options)");
	CHECK_STR(PARSE("-z"), "BAD unknown option -z (piste test --help lists the options)");
	CHECK_STR(PARSE("-az"), "all BAD unknown option -z (piste test --help lists the options)");
	CHECK_STR(PARSE("-o"), "BAD option --output needs a value: FILE");
	CHECK_STR(PARSE("--json=1"), "BAD option --json takes no value");
}

TEST(help_is_asked_for)
{
	CHECK_STR(PARSE("-h"), "HELP");
	CHECK_STR(PARSE("-a", "--help"), "all HELP");
	CHECK_STR(PARSE("-o", "--help"), "output=--help |0");
}

TEST(help_text)
{
	struct str s = {0};

	opt_help(&s, &spec);
	CHECK_STR(
		str_c(&s),
		"usage: piste test [OPTION]... TRACE\n"
		"A test.\n"
		"\nOutput:\n"
		"  -o, --output FILE         write to FILE instead of stdout\n"
		"      --json                one JSON object a line\n"
		"\nSelection:\n"
		"  -a, --all                 everything, of which there is so much that its description\n"
		"                            must go on in a second line\n"
		"  -v, --verbose             say more\n"
		"  -s, --size BYTES          how large\n"
		"  -h, --help                this text\n"
		"\nSee also: nothing.\n");
	str_fini(&s);
}

TEST(values)
{
	char *argv[] = {(char *)"cmd", (char *)"-s", (char *)"0x10", NULL};
	struct opt_parser p;
	struct diag d = {0};
	uint64_t v = 0;

	opt_init(&p, &spec, 3, argv);
	REQUIRE(opt_next(&p, &d) == 's');
	CHECK_INT(opt_value_u64(&p, 0, 16, &v, &d), 0);
	CHECK_INT(v, 16);
	CHECK_INT(opt_value_u64(&p, 17, 20, &v, &d), OPT_BAD);
	CHECK_STR(d.entries[0].message, "--size 0x10: out of range");
	CHECK_STR(d.entries[0].hint, "from 17 to 20");
	CHECK_INT(opt_value_size(&p, &v, &d), OPT_BAD);
	CHECK_STR(d.entries[1].message, "--size 0x10: not a size such as 512K or 1.5G");
	p.value = "1.5M";
	CHECK_INT(opt_value_size(&p, &v, &d), 0);
	CHECK_INT(v, 3 << 19);
	p.value = "10s";
	CHECK_INT(opt_value_duration(&p, &v, &d), 0);
	CHECK_INT(v, 10000000000);
	diag_fini(&d);
}
