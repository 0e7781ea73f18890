/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "session/kernel-classes.h"

static const struct kern_label open_labels[] = {
	{1, "O_WRONLY"}, {2, "O_RDWR"}, {0100, "O_CREAT"}, {02000000, "O_CLOEXEC"}};
static const struct kern_labels open_flags = {"open_flags", open_labels, 4, true};
static const struct kern_label error_labels[] = {{(uint64_t)-2, "ENOENT"}, {(uint64_t)-1, "EPERM"}};
static const struct kern_labels errors = {"errno", error_labels, 2, false};

static struct kernel_class build(struct arena *a, const struct kern_event *e, bool lttng,
				 unsigned major)
{
	struct kernel_naming naming = {lttng, major};
	struct kernel_class c = {0};

	CHECK_INT(kernel_class_init(&c, e, &naming, a), 0);
	return c;
}

static const struct ctf_field *field(const struct kernel_class *c, size_t i)
{
	static const struct ctf_type none;
	static const struct ctf_field missing = {.name = "(missing)", .type = &none};

	return c->payload && i < c->payload->record.n_fields ? &c->payload->record.fields[i]
							     : &missing;
}

static bool fits(const struct kernel_class *c, const void *payload, uint32_t size)
{
	return kernel_class_fits(c, payload, size);
}

TEST(every_kind_of_field)
{
	static const struct kern_field fields[] = {
		{.name = "mode", .kind = KERN_INTEGER, .size = 2, .base = KERN_OCTAL},
		{.name = "ip", .kind = KERN_INTEGER, .size = 8, .base = KERN_SYMBOL},
		{.name = "filename", .kind = KERN_TEXT},
		{.name = "comm", .kind = KERN_CHARS, .count = 16},
		{.name = "data", .kind = KERN_BYTES},
		{.name = "argv", .kind = KERN_ARRAY, .size = 8, .count = 2},
		{.name = "fds", .kind = KERN_SEQUENCE, .size = 4, .is_signed = true},
		{.name = "last", .kind = KERN_INTEGER, .size = 1},
	};
	static const struct kern_event event = {
		.id = 7, .name = "x:y", .fields = fields, .n_fields = 8};
	struct arena a = {0};
	struct kernel_class c = build(&a, &event, false, 1);
	const uint8_t payload[] = {
		/* mode, ip */ 1,   2,   0, 0, 0, 0, 0, 0, 0, 0,
		/* filename */ 'a', 'b', 0,
		/* comm */ 'c',     0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		/* data */ 3,       0,   0, 0, 1, 2, 3,
		/* argv */ 0,       0,   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		/* fds */ 1,        0,   0, 0, 9, 0, 0, 0,
		/* last */ 5};

	CHECK_STR(c.name, "x:y");
	CHECK_INT(c.payload->record.n_fields, 10);
	CHECK_INT(c.payload->align, 8);
	CHECK_INT(field(&c, 0)->type->integer.base, 8);
	CHECK_INT(field(&c, 1)->type->integer.base, 16);
	CHECK_INT(field(&c, 2)->type->kind, CTF_STRING);
	CHECK(ctf_type_is_text(field(&c, 3)->type));
	CHECK_STR(field(&c, 4)->name, "_data_length");
	CHECK_INT(field(&c, 5)->type->kind, CTF_SEQUENCE);
	CHECK_INT(field(&c, 6)->type->array.count, 2);
	CHECK(field(&c, 8)->type->array.element->integer.is_signed);
	CHECK_INT(c.n_steps, 3);
	CHECK_INT(c.least, 10 + 1 + 16 + 4 + 16 + 4 + 1);
	CHECK(fits(&c, payload, sizeof(payload)));
	for (uint32_t i = 0; i < sizeof(payload); i++)
		CHECK(!fits(&c, payload, i));
	arena_fini(&a);
}

TEST(sizes_that_would_overflow_do_not_fit)
{
	static const struct kern_field fields[] = {{.name = "a", .kind = KERN_SEQUENCE, .size = 8}};
	static const struct kern_event event = {.name = "x:y", .fields = fields, .n_fields = 1};
	struct arena a = {0};
	struct kernel_class c = build(&a, &event, false, 1);
	const uint8_t payload[12] = {0xff, 0xff, 0xff, 0xff}, eighth[12] = {0, 0, 0, 0x20};

	CHECK(!fits(&c, payload, 12));
	CHECK(!fits(&c, eighth, 4));
	arena_fini(&a);
}

TEST(labels_are_those_of_the_field)
{
	static const struct kern_field fields[] = {
		{.name = "flags", .kind = KERN_INTEGER, .size = 4, .labels = &open_flags},
		{.name = "ret",
		 .kind = KERN_INTEGER,
		 .size = 4,
		 .is_signed = true,
		 .labels = &errors},
	};
	static const struct kern_event event = {.name = "x:y", .fields = fields, .n_fields = 2};
	struct arena a = {0};
	struct kernel_class c = build(&a, &event, false, 1);
	size_t it = 0;

	CHECK_INT(field(&c, 0)->type->kind, CTF_ENUM);
	CHECK_STR(ctf_enum_label(field(&c, 0)->type, 0100, &it), "O_CREAT");
	it = 0;
	CHECK_STR(ctf_enum_label(field(&c, 1)->type, (uint64_t)-2, &it), "ENOENT");
	/* CTF 2 has flags: both hold at once */
	c = build(&a, &event, false, 2);
	CHECK_INT(field(&c, 0)->type->kind, CTF_BIT_MAP);
	it = 0;
	CHECK_STR(ctf_enum_label(field(&c, 0)->type, 0102, &it), "O_RDWR");
	CHECK_STR(ctf_enum_label(field(&c, 0)->type, 0102, &it), "O_CREAT");
	CHECK(!ctf_enum_label(field(&c, 0)->type, 0102, &it));
	CHECK_INT(field(&c, 1)->type->kind, CTF_ENUM);
	arena_fini(&a);
}

TEST(names_of_lttng)
{
	static const struct kern_field fields[] = {
		{.name = "prev_pid", .kind = KERN_INTEGER, .size = 4},
		{.name = "other", .kind = KERN_INTEGER, .size = 4},
	};
	static const struct {
		const char *name, *given, *wanted, *field;
	} cases[] = {
		{"syscall:openat_entry", NULL, "syscall_entry_openat", "prev_pid"},
		{"syscall:openat_exit", NULL, "syscall_exit_openat", "prev_pid"},
		{"sched:sched_switch", NULL, "sched_switch", "prev_tid"},
		{"irq:softirq_entry", "irq_softirq_entry", "irq_softirq_entry", "prev_pid"},
		{"timer:x_entry", NULL, "x_entry", "prev_pid"},
	};
	struct arena a = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct kern_event event = {.name = cases[i].name,
					   .lttng_name = cases[i].given,
					   .fields = fields,
					   .n_fields = 2};
		struct kernel_class c = build(&a, &event, true, 1);

		CHECK_STR(c.name, cases[i].wanted);
		CHECK_STR(field(&c, 0)->name, cases[i].field);
		CHECK_STR(field(&c, 1)->name, "other");
	}
	arena_fini(&a);
}

TEST(broken_descriptions_are_refused)
{
	static const struct kern_field fields[][1] = {
		{{.name = "a", .kind = KERN_INTEGER, .size = 3}},
		{{.name = "a", .kind = KERN_INTEGER, .size = 16}},
		{{.name = "a", .kind = KERN_SEQUENCE}},
		{{.name = "a", .kind = 99, .size = 4}},
		{{.kind = KERN_TEXT}},
	};
	struct kernel_naming naming = {false, 1};
	struct kernel_class c;
	struct arena a = {0};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct kern_event event = {.name = "x:y", .fields = fields[i], .n_fields = 1};

		CHECK_INT(kernel_class_init(&c, &event, &naming, &a), -EINVAL);
	}
	arena_fini(&a);
}

TEST(two_fields_of_a_name)
{
	static const struct kern_field fields[] = {{.name = "a", .kind = KERN_TEXT},
						   {.name = "a", .kind = KERN_INTEGER, .size = 4}};
	static const struct kern_event event = {.name = "x:y", .fields = fields, .n_fields = 2};
	struct arena a = {0};
	struct kernel_class c = build(&a, &event, false, 1);

	CHECK_STR(field(&c, 1)->name, "a_2");
	arena_fini(&a);
}

TEST(no_memory_is_said)
{
	static const struct kern_field fields[] = {
		{.name = "flags", .kind = KERN_INTEGER, .size = 4, .labels = &open_flags},
		{.name = "data", .kind = KERN_BYTES},
	};
	static const struct kern_event event = {.name = "x:y", .fields = fields, .n_fields = 2};
	struct kernel_naming naming = {true, 1};

	for (long n = 0; n < 64; n++) {
		struct arena a = {0};
		struct kernel_class c;
		int err;

		arena_fail_after = n;
		err = kernel_class_init(&c, &event, &naming, &a);
		arena_fail_after = -1;
		CHECK(err == 0 || err == -ENOMEM);
		arena_fini(&a);
		if (!err)
			return;
	}
	CHECK(!"it never succeeds");
}
