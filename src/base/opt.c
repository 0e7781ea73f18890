/* SPDX-License-Identifier: MIT */
/*
 * One pass over argv. Operands are moved to its front as they are met, over
 * arguments that were already read, so that no memory is needed.
 */
#include "base/opt.h"

#include <errno.h>
#include <string.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 90, MAX_NAMES = 128 };

static const struct opt_row help_row = {"help", 'h', NULL, "this text"};

static bool is_end(const struct opt_row *row)
{
	return !row || (!row->name && !row->help);
}

static const struct opt_row *find_letter(const struct opt_spec *spec, char letter)
{
	for (const struct opt_row *row = spec->rows; !is_end(row); row++)
		if (row->name && row->id == (unsigned char)letter)
			return row;
	return letter == 'h' ? &help_row : NULL;
}

static const struct opt_row *find_name(const struct opt_spec *spec, const char *name, size_t len)
{
	for (const struct opt_row *row = spec->rows; !is_end(row); row++)
		if (row->name && !strncmp(row->name, name, len) && !row->name[len])
			return row;
	return len == 4 && !strncmp(name, "help", 4) ? &help_row : NULL;
}

/* "piste record" of "piste record [OPTION]... -- CMD" */
static int command_len(const struct opt_spec *spec)
{
	size_t len = strcspn(spec->usage, "[<-");

	while (len && spec->usage[len - 1] == ' ')
		len--;
	return (int)len;
}

static int unknown_name(struct opt_parser *p, const char *name, size_t len, struct diag *diag)
{
	const char *names[MAX_NAMES], *near;
	char typed[65];
	size_t n = 0;

	diag_error(diag, NULL, "unknown option --%.*s", (int)len, name);
	if (len < sizeof(typed)) {
		memcpy(typed, name, len);
		typed[len] = '\0';
		for (const struct opt_row *row = p->spec->rows; !is_end(row) && n < MAX_NAMES;
		     row++)
			if (row->name && row->help)
				names[n++] = row->name;
		near = nearest_name(typed, names, n);
		if (near) {
			diag_hint(diag, "did you mean --%s?", near);
			return OPT_BAD;
		}
	}
	diag_hint(diag, "%.*s --help lists the options", command_len(p->spec), p->spec->usage);
	return OPT_BAD;
}

static int unknown_letter(struct opt_parser *p, char letter, struct diag *diag)
{
	diag_error(diag, NULL, "unknown option -%c", letter);
	diag_hint(diag, "%.*s --help lists the options", command_len(p->spec), p->spec->usage);
	return OPT_BAD;
}

static int found(struct opt_parser *p, const struct opt_row *row, const char *value,
		 struct diag *diag)
{
	if (row == &help_row)
		return OPT_HELP;
	p->row = row;
	p->value = value;
	if (row->metavar && !value) {
		if (p->next >= p->argc) {
			diag_error(diag, NULL, "option --%s needs a value: %s", row->name,
				   row->metavar);
			return OPT_BAD;
		}
		p->value = p->argv[p->next++];
	}
	return row->id;
}

static int next_letter(struct opt_parser *p, struct diag *diag)
{
	char letter = *p->cluster++;
	const struct opt_row *row = find_letter(p->spec, letter);
	const char *value = NULL;

	if (!row) {
		p->cluster = NULL;
		return unknown_letter(p, letter, diag);
	}
	if (row->metavar && *p->cluster) {
		value = p->cluster;
		p->cluster = NULL;
	} else if (!*p->cluster) {
		p->cluster = NULL;
	}
	return found(p, row, value, diag);
}

static int next_name(struct opt_parser *p, const char *name, struct diag *diag)
{
	size_t len = strcspn(name, "=");
	const struct opt_row *row = find_name(p->spec, name, len);

	if (!row)
		return unknown_name(p, name, len, diag);
	if (name[len] && !row->metavar) {
		diag_error(diag, NULL, "option --%s takes no value", row->name);
		return OPT_BAD;
	}
	return found(p, row, name[len] ? name + len + 1 : NULL, diag);
}

static int end(struct opt_parser *p)
{
	while (p->next < p->argc)
		p->operands[p->n_operands++] = p->argv[p->next++];
	p->operands[p->n_operands] = NULL;
	return OPT_END;
}

void opt_init(struct opt_parser *p, const struct opt_spec *spec, int argc, char **argv)
{
	*p = (struct opt_parser){
		.spec = spec,
		.argc = argc,
		.argv = argv,
		.next = 1,
		.operands = argv + (argc > 0),
	};
}

int opt_next(struct opt_parser *p, struct diag *diag)
{
	p->row = NULL;
	p->value = NULL;
	if (p->cluster)
		return next_letter(p, diag);
	while (p->next < p->argc) {
		char *arg = p->argv[p->next];

		if (!strcmp(arg, "--")) {
			p->next++;
			p->n_before_dashes = p->n_operands;
			return end(p);
		}
		if (arg[0] != '-' || !arg[1]) {
			if (p->spec->stop_at_operand)
				break;
			p->operands[p->n_operands++] = arg;
			p->next++;
			continue;
		}
		p->next++;
		if (arg[1] == '-')
			return next_name(p, arg + 2, diag);
		p->cluster = arg + 1;
		return next_letter(p, diag);
	}
	end(p);
	p->n_before_dashes = p->n_operands;
	return OPT_END;
}

/* Wraps `text` at HELP_WIDTH; continuation lines start at `indent`. */
static void add_wrapped(struct str *out, const char *text, size_t column, size_t indent)
{
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column + word > HELP_WIDTH && column > indent) {
			str_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		str_add_bytes(out, text, word);
		column += word;
		text += word;
		if (*text == ' ') {
			text++;
			if (column + 1 + strcspn(text, " ") <= HELP_WIDTH)
				str_add_char(out, ' ');
			column++;
		}
	}
	str_add_char(out, '\n');
}

static void add_row(struct str *out, const struct opt_row *row)
{
	size_t start = out->len, used;

	if (!row->help)
		return;
	if (!row->name) {
		str_addf(out, "\n%s:\n", row->help);
		return;
	}
	if (row->id < OPT_LONG_ONLY)
		str_addf(out, "  -%c, ", row->id);
	else
		str_add(out, "      ");
	str_addf(out, "--%s", row->name);
	if (row->metavar)
		str_addf(out, " %s", row->metavar);
	used = out->len - start;
	if (used + 2 > HELP_COLUMN) {
		str_add_char(out, '\n');
		used = 0;
	}
	str_addf(out, "%*s", (int)(HELP_COLUMN - used), "");
	add_wrapped(out, row->help, HELP_COLUMN, HELP_COLUMN);
}

void opt_help(struct str *out, const struct opt_spec *spec)
{
	const struct opt_row *row = spec->rows;

	str_addf(out, "usage: %s\n", spec->usage);
	if (spec->summary)
		str_addf(out, "%s.\n", spec->summary);
	if (is_end(row) || row->name)
		str_add(out, "\nOptions:\n");
	for (; !is_end(row); row++)
		add_row(out, row);
	if (!find_name(spec, "help", 4) || find_name(spec, "help", 4) == &help_row) {
		struct opt_row help = help_row;

		if (find_letter(spec, 'h') != &help_row)
			help.id = OPT_LONG_ONLY;
		add_row(out, &help);
	}
	if (spec->details)
		str_addf(out, "\n%s%s", spec->details,
			 spec->details[strlen(spec->details) - 1] == '\n' ? "" : "\n");
}

static int bad_value(const struct opt_parser *p, const char *wanted, struct diag *diag)
{
	diag_error(diag, NULL, "--%s %s: not %s", p->row->name, p->value, wanted);
	return OPT_BAD;
}

int opt_value_u64(struct opt_parser *p, uint64_t min, uint64_t max, uint64_t *out,
		  struct diag *diag)
{
	uint64_t v;

	if (parse_u64(p->value, &v))
		return bad_value(p, "a number", diag);
	if (v < min || v > max) {
		diag_error(diag, NULL, "--%s %s: out of range", p->row->name, p->value);
		diag_hint(diag, "from %llu to %llu", (unsigned long long)min,
			  (unsigned long long)max);
		return OPT_BAD;
	}
	*out = v;
	return 0;
}

int opt_value_size(struct opt_parser *p, uint64_t *bytes, struct diag *diag)
{
	return parse_size(p->value, bytes) ? bad_value(p, "a size such as 512K or 1.5G", diag) : 0;
}

int opt_value_duration(struct opt_parser *p, uint64_t *ns, struct diag *diag)
{
	return parse_duration(p->value, ns) ? bad_value(p, "a time such as 250ms or 10s", diag) : 0;
}
