/* SPDX-License-Identifier: MIT */
/*
 * The text of kallsyms stays as it was read: names are cut out of it in place, and
 * an array of (address, place of its line) in order of address finds them.
 */
#include "kern/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/vec.h"

enum { TEXT_MAX = 256 << 20, FUNCTION_MAX = 1 << 20 };

struct entry {
	uint64_t address;
	uint32_t name, module; /* places in the text; module 0: the kernel itself */
};

struct symbols {
	char *text;
	struct VEC(struct entry) entries;
};

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	free(s->text);
	vec_fini(&s->entries);
	free(s);
}

size_t symbols_count(const struct symbols *s)
{
	return s->entries.len;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * line = address, ' ', type, ' ', name, [ '\t[', module, ']' ]
 *
 * False for what is no function.
 */
static bool parse_line(struct entry *out, char *line, const char *text)
{
	uint64_t address = 0;
	char *p = line, *module, *end;
	int digit;

	for (; (digit = digit_of(*p)) >= 0; p++)
		address = address << 4 | (unsigned)digit;
	if (p == line || p[0] != ' ' || !p[1] || !strchr("tTwW", p[1]) || p[2] != ' ' || !p[3])
		return false;
	*out = (struct entry){.address = address, .name = (uint32_t)(p + 3 - text)};
	module = strchr(p + 3, '\t');
	if (!module)
		return true;
	*module = '\0';
	end = strchr(module + 1, ']');
	if (module[1] == '[' && end) {
		*end = '\0';
		out->module = (uint32_t)(module + 2 - text);
	}
	return true;
}

/* By address; those of one address as the kernel lists them: its first name is the one. */
static int by_address(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

static int parse(struct symbols *s, size_t len)
{
	bool is_sorted = true;
	char *line = s->text, *end;

	for (; line < s->text + len; line = end + 1) {
		struct entry e;

		end = memchr(line, '\n', (size_t)(s->text + len - line));
		if (!end)
			break; /* torn */
		*end = '\0';
		if (!parse_line(&e, line, s->text))
			continue;
		if (s->entries.len && by_address(&s->entries.items[s->entries.len - 1], &e) > 0)
			is_sorted = false;
		if (vec_push(&s->entries, e))
			return -ENOMEM;
	}
	if (!is_sorted)
		qsort(s->entries.items, s->entries.len, sizeof(s->entries.items[0]), by_address);
	return 0;
}

static int check(const struct symbols *s, const char *path, struct diag *diag)
{
	if (!s->entries.len) {
		diag_error(diag, NULL, "%s names no functions", path);
		return -ENOENT;
	}
	if (s->entries.items[s->entries.len - 1].address)
		return 0;
	diag_error(diag, NULL, "the kernel hides its addresses from this user");
	diag_hint(diag, "CAP_SYSLOG shows them, or: sysctl kernel.kptr_restrict=0 "
			"kernel.perf_event_paranoid=1");
	return -EACCES;
}

int symbols_open(struct symbols **out, const char *path, struct diag *diag)
{
	struct symbols *s = calloc(1, sizeof(*s));
	size_t len;
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	path = path ? path : "/proc/kallsyms";
	err = fs_read_file(AT_FDCWD, path, TEXT_MAX, &s->text, &len);
	if (err) {
		diag_error(diag, NULL, "%s: %s", path, strerror(-err));
	} else {
		err = parse(s, len);
		if (!err)
			err = check(s, path, diag);
	}
	if (err) {
		symbols_free(s);
		return err;
	}
	*out = s;
	return 0;
}

bool symbols_find(const struct symbols *s, uint64_t address, struct symbol *out)
{
	size_t low = 0, high = s->entries.len;
	const struct entry *e;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->entries.items[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	e = &s->entries.items[low - 1];
	if (address - e->address >= FUNCTION_MAX)
		return false;
	while (e > s->entries.items && e[-1].address == e->address)
		e--;
	*out = (struct symbol){s->text + e->name, e->module ? s->text + e->module : "", e->address};
	return true;
}

uint64_t symbols_address(const struct symbols *s, const char *name)
{
	for (size_t i = 0; i < s->entries.len; i++)
		if (!strcmp(s->text + s->entries.items[i].name, name))
			return s->entries.items[i].address;
	return 0;
}
