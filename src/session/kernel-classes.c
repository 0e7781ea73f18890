/* SPDX-License-Identifier: MIT */
/*
 * Each kind of field is a row of `kinds`: its CTF type, and how a payload is
 * stepped over it. Names of LTTng's are made by rules (syscall:openat_entry is
 * syscall_entry_openat, a pid of sched:* is a tid); what no rule makes stands
 * in the event's own description.
 */
#include "session/kernel-classes.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

/* --- names ---------------------------------------------------------------- */

/* Fields that LTTng calls otherwise. The first row that matches holds. */
static const struct {
	const char *event, *field, *lttng; /* `event` is a glob */
} renamed[] = {
	{"sched:*", "pid", "tid"},
	{"sched:*", "prev_pid", "prev_tid"},
	{"sched:*", "next_pid", "next_tid"},
	{"sched:*", "parent_pid", "parent_tid"},
	{"sched:*", "child_pid", "child_tid"},
	{"sched:*", "old_pid", "old_tid"},
	{"block:*", "pid", "tid"},
	{"state:task", "comm", "name"},
	{"state:file", "path", "filename"},
	{"state:block_device", "name", "diskname"},
};

static bool has_suffix(const char *text, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len > n && !memcmp(text + len - n, suffix, n);
}

static const char *lttng_event_name(const struct kern_event *e, struct arena *a)
{
	const char *event = strchr(e->name, ':');
	size_t len;

	if (e->lttng_name)
		return arena_strdup(a, e->lttng_name);
	event = event ? event + 1 : e->name;
	len = strlen(event);
	if (strncmp(e->name, "syscall:", 8) == 0 && has_suffix(event, len, "_entry"))
		return arena_printf(a, "syscall_entry_%.*s", (int)len - 6, event);
	if (strncmp(e->name, "syscall:", 8) == 0 && has_suffix(event, len, "_exit"))
		return arena_printf(a, "syscall_exit_%.*s", (int)len - 5, event);
	if (strncmp(e->name, "state:", 6) == 0)
		return arena_printf(a, "lttng_statedump_%s", event);
	return arena_strdup(a, event);
}

static const char *field_name(const struct kern_event *e, const struct kern_field *f,
			      const struct kernel_naming *naming)
{
	if (!naming->lttng)
		return f->name;
	for (size_t i = 0; i < sizeof(renamed) / sizeof(*renamed); i++)
		if (!strcmp(f->name, renamed[i].field) && glob_match(renamed[i].event, e->name))
			return renamed[i].lttng;
	return f->name;
}

/* --- types ---------------------------------------------------------------- */

static bool is_one_bit(uint64_t value)
{
	return value && !(value & (value - 1));
}

/* Of what a type for flags has no place for: names of several bits (GFP_KERNEL beside __GFP_IO), and
 * second ones of the same. */
static bool is_left_out(const struct kern_field *f, size_t i)
{
	const struct kern_label *items = f->labels->items;
	bool is_combination = items[i].value && !is_one_bit(items[i].value);

	if (!f->labels->is_flags)
		return false;
	for (size_t j = 0; j < f->labels->n; j++)
		if (is_combination ? is_one_bit(items[j].value)
				   : j < i && items[j].value == items[i].value)
			return true;
	return false;
}

/* CTF 2 has a type for flags; it says bits and no more. */
static bool is_bit_map(const struct kern_field *f, const struct kernel_naming *naming)
{
	if (naming->ctf_major < 2 || !f->labels->is_flags)
		return false;
	for (size_t i = 0; i < f->labels->n; i++)
		if (!is_left_out(f, i) && !is_one_bit(f->labels->items[i].value))
			return false;
	return true;
}

static uint64_t value_of_width(const struct kern_field *f, uint64_t value)
{
	unsigned unused = 64 - 8 * f->size;

	if (f->is_signed)
		return (uint64_t)((int64_t)(value << unused) >> unused);
	return value << unused >> unused;
}

static struct ctf_type *labelled_type(struct arena *a, const struct kern_field *f,
				      const struct kernel_naming *naming)
{
	bool bits = is_bit_map(f, naming);
	struct ctf_type *t = ctf_type_enum(a, f->size * 8u, f->is_signed && !bits, 8);

	for (size_t i = 0; t && i < f->labels->n; i++) {
		uint64_t value = value_of_width(f, f->labels->items[i].value);

		if (bits && is_left_out(f, i))
			continue;
		if (bits)
			value = (uint64_t)__builtin_ctzll(f->labels->items[i].value);
		ctf_enum_add(a, t, f->labels->items[i].name, value, value);
	}
	if (t && bits)
		t->kind = CTF_BIT_MAP;
	return t;
}

static struct ctf_type *integer_type(struct arena *a, const struct kern_field *f,
				     const struct kernel_naming *naming)
{
	static const uint8_t bases[] = {
		[KERN_DECIMAL] = 10,
		[KERN_OCTAL] = 8,
		[KERN_HEX] = 16,
		[KERN_SYMBOL] = 16,
	};
	struct ctf_type *t;

	if (f->labels && f->labels->n)
		t = labelled_type(a, f, naming);
	else
		t = ctf_type_integer_aligned(a, f->size * 8u, f->is_signed, 8);
	if (t && f->base < sizeof(bases))
		t->integer.base = bases[f->base];
	return t;
}

static struct ctf_type *byte_type(struct arena *a)
{
	return ctf_type_hex(a, 8, 8);
}

/* --- a class, field by field ---------------------------------------------- */

struct maker {
	struct kernel_class *class;
	const struct kernel_naming *naming;
	struct arena *arena;
	struct ctf_type *record;
	uint32_t gap; /* bytes of fixed size since the last step */
};

static void add_step(struct maker *m, uint32_t element)
{
	m->class->steps[m->class->n_steps++] = (struct kernel_step){m->gap, element};
	m->class->least += element ? 4 : 1;
	m->gap = 0;
}

static void add_fixed(struct maker *m, uint64_t bytes)
{
	m->gap += (uint32_t)bytes;
	m->class->least += (uint32_t)bytes;
}

/* Two of a name are one too many for CTF. */
static int add_field(struct maker *m, const char *name, const struct ctf_type *type)
{
	int err = ctf_struct_add(m->arena, m->record, name, type);

	for (unsigned i = 2; err == -EEXIST && i < 64; i++)
		err = ctf_struct_add(m->arena, m->record, arena_printf(m->arena, "%s_%u", name, i),
				     type);
	return err;
}

static int add_counted(struct maker *m, const char *name, const struct ctf_type *element)
{
	const char *length = arena_printf(m->arena, "_%s_length", name);
	int err = add_field(m, length, ctf_type_integer_aligned(m->arena, 32, false, 8));

	return err ? err : add_field(m, name, ctf_type_sequence(m->arena, element, length));
}

static int make_integer(struct maker *m, const char *name, const struct kern_field *f)
{
	add_fixed(m, f->size);
	return add_field(m, name, integer_type(m->arena, f, m->naming));
}

static int make_text(struct maker *m, const char *name, const struct kern_field *f)
{
	(void)f;
	add_step(m, 0);
	return add_field(m, name, ctf_type_string(m->arena));
}

static int make_chars(struct maker *m, const char *name, const struct kern_field *f)
{
	add_fixed(m, f->count);
	return add_field(m, name, ctf_type_array(m->arena, ctf_type_character(m->arena), f->count));
}

static int make_bytes(struct maker *m, const char *name, const struct kern_field *f)
{
	(void)f;
	add_step(m, 1);
	return add_counted(m, name, byte_type(m->arena));
}

static int make_array(struct maker *m, const char *name, const struct kern_field *f)
{
	add_fixed(m, (uint64_t)f->count * f->size);
	return add_field(m, name,
			 ctf_type_array(m->arena, integer_type(m->arena, f, m->naming), f->count));
}

static int make_sequence(struct maker *m, const char *name, const struct kern_field *f)
{
	add_step(m, f->size);
	return add_counted(m, name, integer_type(m->arena, f, m->naming));
}

static const struct {
	bool has_size; /* of integers: 1 2 4 8 */
	int (*make)(struct maker *m, const char *name, const struct kern_field *f);
} kinds[] = {
	[KERN_INTEGER] = {true, make_integer}, [KERN_TEXT] = {false, make_text},
	[KERN_CHARS] = {false, make_chars},    [KERN_BYTES] = {false, make_bytes},
	[KERN_ARRAY] = {true, make_array},     [KERN_SEQUENCE] = {true, make_sequence},
};

static int make_field(struct maker *m, const struct kern_field *f)
{
	if (f->kind >= sizeof(kinds) / sizeof(*kinds) || !f->name || f->count > UINT16_MAX)
		return -EINVAL;
	if (kinds[f->kind].has_size && (f->size > 8 || !is_one_bit(f->size)))
		return -EINVAL;
	return kinds[f->kind].make(m, field_name(m->class->event, f, m->naming), f);
}

int kernel_class_init(struct kernel_class *out, const struct kern_event *event,
		      const struct kernel_naming *naming, struct arena *arena)
{
	struct maker m = {
		.class = out,
		.naming = naming,
		.arena = arena,
		.record = ctf_type_struct(arena, 8),
	};
	int err = 0;

	*out = (struct kernel_class){.event = event};
	out->name = naming->lttng ? lttng_event_name(event, arena) : event->name;
	out->steps = arena_array(arena, event->n_fields + 1, sizeof(*out->steps));
	if (!m.record || !out->steps || !out->name)
		return -ENOMEM;
	for (size_t i = 0; i < event->n_fields && !err; i++)
		err = make_field(&m, &event->fields[i]);
	out->tail = m.gap;
	out->payload = m.record;
	return arena_failed(arena) ? -ENOMEM : err;
}

/* --- payloads ------------------------------------------------------------- */

bool kernel_class_fits(const struct kernel_class *class, const uint8_t *payload, uint32_t size)
{
	const uint8_t *p = payload, *end = payload + size;
	uint32_t count;

	if (!class->n_steps)
		return size == class->least;
	if (size < class->least)
		return false;
	for (uint32_t i = 0; i < class->n_steps; i++) {
		const struct kernel_step *s = &class->steps[i];

		if ((size_t)(end - p) < s->bytes + (s->element ? 4u : 1u))
			return false;
		p += s->bytes;
		if (!s->element) {
			p = memchr(p, 0, (size_t)(end - p));
			if (!p)
				return false;
			p++;
			continue;
		}
		memcpy(&count, p, 4);
		p += 4;
		if (count > (size_t)(end - p) / s->element)
			return false;
		p += (size_t)count * s->element;
	}
	return (size_t)(end - p) == class->tail;
}

/* --- what all have -------------------------------------------------------- */

/* Of a user's packet, the members up to packet_seq_num; then where it was recorded. */
struct ctf_type *kernel_packet_context(struct arena *a, const struct ctf_clock *clock)
{
	struct ctf_type *s = ctf_type_struct(a, 512);

	ctf_struct_add(a, s, "timestamp_begin", ctf_type_clock_value(a, 64, 8, clock));
	ctf_struct_add(a, s, "timestamp_end", ctf_type_clock_value(a, 64, 8, clock));
	ctf_struct_add(a, s, "content_size", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "packet_size", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "events_discarded", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "packet_seq_num", ctf_type_integer_aligned(a, 64, false, 8));
	ctf_struct_add(a, s, "cpu_id", ctf_type_integer_aligned(a, 32, false, 8));
	return s;
}

struct ctf_type *kernel_event_context(struct arena *a)
{
	struct ctf_type *s = ctf_type_struct(a, 1);

	ctf_struct_add(a, s, "tid", ctf_type_integer_aligned(a, 32, false, 8));
	ctf_struct_add(a, s, "pid", ctf_type_integer_aligned(a, 32, false, 8));
	return s;
}
