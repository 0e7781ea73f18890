/* SPDX-License-Identifier: MIT */
/* What records of system calls hold. */
#include "tap.h"

#include "base/str.h"
#include "kern/syscalls-code.h"
#include "kern/syscalls-plan.h"

/* "openat_entry(dfd:4 filename:text flags:4 mode:4)" */
static void shape(struct str *s, enum syscall_abi abi, const char *name, enum syscall_side side)
{
	struct syscall_plan plan;
	struct kern_event event;
	struct arena arena = {0};

	syscall_plan(&plan, abi, name ? syscall_by_name(abi, name) : NULL, side);
	REQUIRE(syscall_plan_event(&plan, &arena, &event) == 0);
	str_reset(s);
	str_addf(s, "%s(", event.name);
	for (size_t i = 0; i < event.n_fields; i++) {
		const struct kern_field *f = &event.fields[i];

		str_addf(s, "%s%s:", i ? " " : "", f->name);
		if (f->kind == KERN_TEXT)
			str_add(s, "text");
		else
			str_addf(s, "%s%d", f->is_signed ? "-" : "", f->size);
	}
	str_addf(s, ") %u %s", event.fixed_size, event.lttng_name);
	arena_fini(&arena);
}

static void check(enum syscall_abi abi, const char *name, enum syscall_side side,
		  const char *wanted)
{
	struct str s = {0};

	shape(&s, abi, name, side);
	CHECK_STR(str_c(&s), wanted);
	str_fini(&s);
}

TEST(numbers_and_strings)
{
	check(SYSCALL_X86_64, "openat", SYSCALL_ENTRY,
	      "syscall:openat_entry(dfd:-4 filename:text flags:4 mode:4) 0 syscall_entry_openat");
	check(SYSCALL_X86_64, "openat", SYSCALL_EXIT,
	      "syscall:openat_exit(ret:-4 filename:text) 0 syscall_exit_openat");
	check(SYSCALL_X86_64, "read", SYSCALL_ENTRY,
	      "syscall:read_entry(fd:-4 buf:8 count:8) 20 syscall_entry_read");
	check(SYSCALL_X86_64, "stat", SYSCALL_EXIT,
	      "syscall:stat_exit(ret:-4 filename:text) 0 syscall_exit_newstat");
	check(SYSCALL_X86_64, "getppid", SYSCALL_ENTRY,
	      "syscall:getppid_entry() 0 syscall_entry_getppid");
	check(SYSCALL_X86_64, "mmap", SYSCALL_EXIT,
	      "syscall:mmap_exit(ret:-8) 8 syscall_exit_mmap");
}

TEST(what_pointers_point_to)
{
	check(SYSCALL_X86_64, "nanosleep", SYSCALL_ENTRY,
	      "syscall:nanosleep_entry(rqtp:8 rqtp_sec:-8 rqtp_nsec:-8 rmtp:8) 32 "
	      "syscall_entry_nanosleep");
	check(SYSCALL_X86_64, "pipe2", SYSCALL_EXIT,
	      "syscall:pipe2_exit(ret:-4 fildes_0:-4 fildes_1:-4) 12 syscall_exit_pipe2");
	check(SYSCALL_X86_64, "connect", SYSCALL_ENTRY,
	      "syscall:connect_entry(fd:-4 uservaddr:8 uservaddr_family:2 uservaddr_port:2 "
	      "uservaddr_address:text addrlen:-4) 0 syscall_entry_connect");
	check(SYSCALL_X86_64, "readlink", SYSCALL_EXIT,
	      "syscall:readlink_exit(ret:-4 path:text buf:text) 0 syscall_exit_readlink");
}

TEST(words_of_32_bits)
{
	check(SYSCALL_I386, "nanosleep", SYSCALL_ENTRY,
	      "syscall:compat_nanosleep_entry(rqtp:4 rqtp_sec:-4 rqtp_nsec:-4 rmtp:4) 16 "
	      "compat_syscall_entry_nanosleep");
	check(SYSCALL_I386, "clock_gettime64", SYSCALL_EXIT,
	      "syscall:compat_clock_gettime64_exit(ret:-4 tp_sec:-8 tp_nsec:-8) 20 "
	      "compat_syscall_exit_clock_gettime64");
}

TEST(unknown_numbers)
{
	check(SYSCALL_X86_64, NULL, SYSCALL_ENTRY,
	      "syscall:unknown_entry(nr:-8 arg0:8 arg1:8 arg2:8 arg3:8 arg4:8 arg5:8) 56 "
	      "syscall_entry_unknown");
	check(SYSCALL_I386, NULL, SYSCALL_EXIT,
	      "syscall:unknown_exit(nr:-8 ret:-8) 16 syscall_exit_unknown");
}

/* Sizes, names and labels: for every call there is, both sides. */
TEST(every_plan_makes_an_event_that_fits)
{
	for (int abi = 0; abi < SYSCALL_ABIS; abi++)
		for (unsigned i = 0; i < 2 * SYSCALL_NUMBERS; i++) {
			const struct syscall *call = syscall_by_number(abi, i / 2);
			struct syscall_plan plan;
			struct arena arena = {0};
			struct kern_event event;
			uint32_t bytes;

			syscall_plan(&plan, abi, call, i & 1);
			REQUIRE(syscall_plan_event(&plan, &arena, &event) == 0);
			CHECK(KERN_RECORD_HEAD + syscall_code_max(&plan) <= KERN_RING_RECORD_MAX);
			if (syscall_plan_is_fixed(&plan, &bytes))
				CHECK_INT(syscall_code_max(&plan), bytes);
			for (size_t f = 0; f < event.n_fields; f++) {
				size_t part;

				CHECK(event.fields[f].name && event.fields[f].name[0]);
				CHECK(syscall_plan_field(&plan, f, &part) != NULL);
				for (size_t before = 0; before < f; before++)
					if (!strcmp(event.fields[f].name,
						    event.fields[before].name))
						CHECK_STR(event.fields[f].name,
							  "a name of its own");
			}
			arena_fini(&arena);
		}
}

static bool alike(enum syscall_abi abi_a, const char *a, enum syscall_abi abi_b, const char *b)
{
	struct syscall_plan x, y;

	syscall_plan(&x, abi_a, syscall_by_name(abi_a, a), SYSCALL_ENTRY);
	syscall_plan(&y, abi_b, syscall_by_name(abi_b, b), SYSCALL_ENTRY);
	return syscall_plan_alike(&x, &y);
}

TEST(code_is_shared_where_the_records_are_alike)
{
	CHECK(alike(SYSCALL_X86_64, "read", SYSCALL_X86_64, "write"));
	CHECK(!alike(SYSCALL_X86_64, "read", SYSCALL_X86_64, "close"));
	CHECK(alike(SYSCALL_X86_64, "openat", SYSCALL_I386, "openat"));
	CHECK(!alike(SYSCALL_X86_64, "nanosleep", SYSCALL_I386, "nanosleep"));
	CHECK(!alike(SYSCALL_X86_64, "execve", SYSCALL_I386, "execve"));
	CHECK(!alike(SYSCALL_X86_64, "nanosleep", SYSCALL_X86_64, "rt_sigsuspend"));
}

TEST(no_memory_is_said)
{
	struct syscall_plan plan;
	struct kern_event event;

	syscall_plan(&plan, SYSCALL_X86_64, syscall_by_name(SYSCALL_X86_64, "connect"),
		     SYSCALL_ENTRY);
	for (long n = 0; n < 3; n++) {
		struct arena arena = {0};

		arena_fail_after = n;
		/* either it went well with so few, or it says that it did not */
		if (syscall_plan_event(&plan, &arena, &event))
			CHECK(arena_failed(&arena));
		else
			CHECK(!arena_failed(&arena));
		arena_fail_after = -1;
		arena_fini(&arena);
	}
}
