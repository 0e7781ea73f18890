/* SPDX-License-Identifier: MIT */
/* The tables of system calls, against the kernel's headers and against the running kernel. */
#include "tap.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "kern/syscalls-types.h"
#include "kern/syscalls.h"

/* In headers that are newer than the tables there may be more; those are not an error. */
enum { NEWEST = 469 };

/* ---- the headers */

struct header {
	enum syscall_abi abi;
	const char *paths[2];
	const char *prefixes[2]; /* of the macros; longest first */
	/* Names there that stand for another call's, or for none. */
	const char *others[4];
};

static const struct header headers[] = {
	{SYSCALL_X86_64,
	 {"/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"},
	 {"__NR_", NULL},
	 {NULL}},
	{SYSCALL_I386,
	 {"/usr/include/x86_64-linux-gnu/asm/unistd_32.h", "/usr/include/asm/unistd_32.h"},
	 {"__NR_", NULL},
	 {NULL}},
	/* __NR3264_lseek is the name for 64 bits of what 32 bits call llseek. The calls with
	 * time64 are those of 32 bits; so is sync_file_range2. */
	{SYSCALL_GENERIC,
	 {"/usr/include/asm-generic/unistd.h", NULL},
	 {"__NR3264_", "__NR_"},
	 {"arch_specific_syscall", "syscalls", "sync_file_range2", NULL}},
};

static bool is_other(const struct header *header, const char *name, unsigned number)
{
	for (int i = 0; i < 4 && header->others[i]; i++)
		if (!strcmp(name, header->others[i]))
			return true;
	return header->abi == SYSCALL_GENERIC && number >= 403 && number <= 423;
}

/* "#define __NR_openat 257": its name, or NULL. */
static char *define_of(char *line, const struct header *header, unsigned *number)
{
	for (int i = 0; i < 2 && header->prefixes[i]; i++) {
		char *name = strstr(line, header->prefixes[i]), *end;
		size_t len;

		if (strncmp(line, "#define ", 8) || name != line + 8)
			continue;
		name += strlen(header->prefixes[i]);
		len = strcspn(name, " \t");
		*number = (unsigned)strtoul(name + len, &end, 10);
		if (end == name + len)
			return NULL;
		name[len] = '\0';
		return name;
	}
	return NULL;
}

static void check_header(const struct header *header, char *text)
{
	unsigned found = 0, rows = 0, highest = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned number;
		char *name = define_of(line, header, &number);
		const struct syscall *call;

		if (!name || is_other(header, name, number) || number > NEWEST)
			continue;
		if (header->abi == SYSCALL_GENERIC && !strcmp(name, "fstatat"))
			name = "newfstatat"; /* as x86-64 and strace call it */
		call = syscall_by_number(header->abi, number);
		if (!CHECK(call != NULL))
			printf("# %s %u is missing\n", name, number);
		else if (strcmp(call->name, name))
			CHECK_STR(call->name, name);
		highest = number > highest ? number : highest;
		found++;
	}
	for (unsigned i = 0; i <= highest; i++)
		rows += syscall_by_number(header->abi, i) != NULL;
	/* none in the table that the header lacks, but the two that are newer than some headers */
	if (header->abi == SYSCALL_X86_64)
		rows -= 2; /* uretprobe, uprobe */
	CHECK(found > 250);
	CHECK_INT(rows, found);
}

static void check_headers(enum syscall_abi abi)
{
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		for (int p = 0; p < 2 && headers[i].abi == abi; p++) {
			char *text;
			size_t len;

			if (!headers[i].paths[p] ||
			    fs_read_file(AT_FDCWD, headers[i].paths[p], 1 << 20, &text, &len))
				continue;
			check_header(&headers[i], text);
			free(text);
			return;
		}
	SKIP("no header with these numbers");
}

TEST(numbers_of_x86_64)
{
	check_headers(SYSCALL_X86_64);
}

TEST(numbers_of_i386)
{
	check_headers(SYSCALL_I386);
}

TEST(numbers_of_the_generic_table)
{
	check_headers(SYSCALL_GENERIC);
}

/* ---- the running kernel's own tracepoints */

/* events/syscalls of a tracefs that nobody else sees; -1 without the right. */
static int open_events(void)
{
	int fs = (int)syscall(SYS_fsopen, "tracefs", 1), mount_fd = -1, events = -1;

	if (fs >= 0 && !syscall(SYS_fsconfig, fs, 6 /* create */, NULL, NULL, 0))
		mount_fd = (int)syscall(SYS_fsmount, fs, 1, 0);
	if (mount_fd >= 0)
		events = openat(mount_fd, "events/syscalls", O_RDONLY | O_DIRECTORY);
	if (mount_fd >= 0)
		close(mount_fd);
	if (fs >= 0)
		close(fs);
	return events;
}

static const struct syscall *by_kernel_name(const char *name)
{
	for (unsigned i = 0; i < SYSCALL_NUMBERS; i++) {
		const struct syscall *call = syscall_by_number(SYSCALL_NATIVE, i);

		if (call && !strcmp(call->kernel_name ? call->kernel_name : call->name, name))
			return call;
	}
	return NULL;
}

/* The kernel's word for an argument is at least as wide as ours, or ours is 64 bits of two of its. */
static void check_argument(const struct syscall *call, unsigned i, const char *type,
			   const char *name, int size)
{
	const struct syscall_type *ours = &syscall_types[call->args[i].type];

	name += name[0] == '_'; /* _type, _key: an underscore that keeps C's names apart */
	if (!call->args[i].name || strcmp(call->args[i].name, name)) {
		printf("# %s, argument %u\n", call->name, i);
		CHECK_STR(call->args[i].name, name);
		return;
	}
	CHECK_INT(size, 8); /* the kernel's records hold registers */
	/* What points to something is no narrower than a word here. */
	if (strchr(type, '*') && ours->size)
		printf("# %s %s %s is %s here\n", call->name, type, name, ours->name);
	CHECK(!strchr(type, '*') || !ours->size);
}

/* "	field:const char * filename;	offset:24;	size:8;	signed:0;" */
static void check_format(const struct syscall *call, char *text)
{
	unsigned n = 0;
	bool after_number = false;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *end = strchr(line, ';'), *name, *size = strstr(line, "size:");

		if (strncmp(line, "\tfield:", 7) || !end || !size)
			continue;
		*end = '\0';
		name = strrchr(line, ' ');
		if (after_number && n < SYSCALL_ARGS)
			check_argument(call, n++, line + 7, name + 1, atoi(size + 5));
		if (!strcmp(name + 1, "__syscall_nr"))
			after_number = true;
	}
	if (!CHECK_INT(syscall_args(call), n))
		printf("# %s\n", call->name);
}

TEST(arguments_as_the_kernel_has_them)
{
	int events = open_events();
	unsigned checked = 0;
	struct dirent *entry;
	DIR *dir;

	if (events < 0)
		SKIP("tracefs cannot be mounted here");
	dir = fdopendir(events);
	REQUIRE(dir != NULL);
	while ((entry = readdir(dir))) {
		const struct syscall *call;
		char path[300], *text;
		size_t len;

		if (strncmp(entry->d_name, "sys_enter_", 10))
			continue;
		call = by_kernel_name(entry->d_name + 10);
		if (!call) {
			/* i386 and x32 alone, or newer than the table */
			printf("# the kernel also has %s\n", entry->d_name);
			continue;
		}
		snprintf(path, sizeof(path), "%s/format", entry->d_name);
		if (!CHECK_INT(fs_read_file(dirfd(dir), path, 1 << 16, &text, &len), 0))
			continue;
		check_format(call, text);
		free(text);
		checked++;
	}
	closedir(dir);
	CHECK(checked > 300);
}

/* Numbers that are newer than the headers: the kernel knows the calls that it has names for. */
TEST(newest_numbers_are_answered)
{
	int events = open_events();

	if (events < 0)
		SKIP("tracefs cannot be mounted here");
	for (unsigned i = 451; i <= NEWEST; i++) {
		const struct syscall *call = syscall_by_number(SYSCALL_NATIVE, i);
		char path[80];

		REQUIRE(call != NULL);
		snprintf(path, sizeof(path), "sys_enter_%s", call->name);
		if (faccessat(events, path, F_OK, 0))
			continue;
		/* nonsense, which each of them refuses */
		errno = 0;
		CHECK_INT(syscall(i, -1, -1, -1, -1, -1, -1), -1);
		CHECK(errno != ENOSYS);
	}
	close(events);
}

/* ---- the tables by themselves */

static const struct kern_labels *const label_sets[] = {
#define X(set) &labels_##set,
	SYSCALL_LABELS(X)
#undef X
};

TEST(labels_are_names_of_distinct_values)
{
	for (size_t s = 0; s < sizeof(label_sets) / sizeof(label_sets[0]); s++) {
		const struct kern_labels *set = label_sets[s];

		CHECK(set->n > 0);
		for (size_t i = 0; i < set->n; i++) {
			const struct kern_label *label = &set->items[i];

			if (!CHECK(isalpha(label->name[0]) || label->name[0] == '_'))
				printf("# %s: %s\n", set->name, label->name);
			for (size_t k = 0; k < i; k++)
				if (label->value == set->items[k].value)
					CHECK_STR(label->name, set->items[k].name);
			/* a label whose bits are part of a later, wider one would hide it */
			for (size_t k = 0; set->is_flags && k < i; k++) {
				uint64_t before = set->items[k].value;

				if (before && before != label->value &&
				    (before & label->value) == before)
					CHECK_STR(label->name, set->items[k].name);
			}
		}
	}
}

TEST(labels_fit_their_types)
{
	for (int t = 0; t < SYSCALL_TYPES_END; t++) {
		const struct syscall_type *type = &syscall_types[t];
		unsigned bits = type->size ? type->size * 8 : 64;

		for (size_t i = 0; type->labels && i < type->labels->n && bits < 64; i++) {
			uint64_t value = type->labels->items[i].value;
			int64_t extended = (int64_t)(value << (64 - bits)) >> (64 - bits);

			if (!CHECK(type->is_signed ? (uint64_t)extended == value
						   : value >> bits == 0))
				printf("# %s: %s\n", type->name, type->labels->items[i].name);
		}
	}
}

TEST(members_lie_within_what_is_read)
{
	for (int t = 0; t < SYSCALL_TYPES_END; t++) {
		const struct syscall_type *type = &syscall_types[t];

		CHECK((type->holds == SYSCALL_STRUCT) == (type->members != NULL));
		CHECK((type->holds == SYSCALL_NUMBER) == (type->when == SYSCALL_NEVER));
		for (const struct syscall_member *m = type->members; m && m->type; m++) {
			CHECK_INT(syscall_types[m->type].holds, SYSCALL_NUMBER);
			CHECK(m->offset + 8 <= SYSCALL_STRUCT_BYTES);
			CHECK(m->compat_offset <= m->offset);
		}
	}
}

TEST(every_row_has_a_result_and_known_types)
{
	for (int abi = 0; abi < SYSCALL_ABIS; abi++)
		for (unsigned i = 0; i < SYSCALL_NUMBERS; i++) {
			const struct syscall *call = syscall_by_number(abi, i);

			if (!call)
				continue;
			CHECK(syscall_types[call->result].labels == &labels_errors);
			for (unsigned n = 0; n < syscall_args(call); n++)
				CHECK(call->args[n].type != T_NONE &&
				      call->args[n].type < SYSCALL_TYPES_END);
			CHECK(syscall_by_name(abi, call->name) == call);
		}
}

TEST(errors_have_names)
{
	CHECK_STR(syscall_error_name(-2), "ENOENT");
	CHECK_STR(syscall_error_name(2), "ENOENT");
	CHECK_STR(syscall_error_name(-EAGAIN), "EAGAIN");
	CHECK_STR(syscall_error_name(-512), "ERESTARTSYS");
	CHECK(syscall_error_name(0) == NULL);
	CHECK(syscall_error_name(-9999) == NULL);
	CHECK(syscall_error_name(INT64_MIN) == NULL);
}
