/* SPDX-License-Identifier: MIT */
/*
 * classes.c - each field is added twice: to the CTF structure that readers
 * see, and to a list of steps that finds the end of a payload without decoding
 * it. Both follow enum piste_shape and enum piste_scalar; nothing else knows them.
 */
#include "session/classes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "piste/wire/describe.h"

/* Limits on hostile descriptions; real ones are far below. */
#define DEPTH_MAX 8 /* of types in types */
#define FIELDS_TOTAL_MAX 1024 /* of one event, with those of its types */
#define FORMAT_MAX 4096 /* bytes of a PISTE_LOG format that are kept */

enum step_kind {
	STEP_FIXED, /* `bytes` bytes */
	STEP_STRING,
	STEP_SEQUENCE, /* u32 count, then as many of inner[0] */
	STEP_ARRAY, /* `count` of inner[0] */
	STEP_OPTIONAL, /* u8, 0 or 1; then inner[0] when 1 */
	STEP_VARIANT, /* u8, 255 or index into inner */
};

struct step {
	struct step *next;
	enum step_kind kind;
	uint32_t bytes, count;
	struct classes_shape **inner; /* `count` of a VARIANT */
};

struct classes_shape {
	struct step *first, *last;
	uint64_t min_bytes; /* that it takes at least */
	bool is_fixed; /* then that is its size */
};

struct builder {
	struct arena *arena;
	const struct classes_types *types;
	unsigned major;
	unsigned depth, fields;
	struct diag *diag;
	struct diag_place place;
	const char *name; /* of the event */
};

/* --- steps ------------------------------------------------------------------ */

static struct classes_shape *shape_new(struct arena *a)
{
	struct classes_shape *shape = arena_new(a, struct classes_shape);

	if (shape)
		shape->is_fixed = true;
	return shape;
}

static int shape_add(struct arena *a, struct classes_shape *shape, struct step step)
{
	if (step.kind == STEP_FIXED) {
		shape->min_bytes += step.bytes;
		if (shape->last && shape->last->kind == STEP_FIXED) {
			shape->last->bytes += step.bytes;
			return 0;
		}
	} else {
		shape->min_bytes += step.kind == STEP_SEQUENCE ? 4 : 1;
		shape->is_fixed = false;
	}
	struct step *copy = arena_memdup(a, &step, sizeof(step));
	if (!copy)
		return -ENOMEM;
	if (shape->last)
		shape->last->next = copy;
	else
		shape->first = copy;
	shape->last = copy;
	return 0;
}

static int shape_add_fixed(struct arena *a, struct classes_shape *shape, uint32_t bytes)
{
	return shape_add(a, shape, (struct step){.kind = STEP_FIXED, .bytes = bytes});
}

/* A shape of other shapes, one a case. */
static int shape_add_compound(struct arena *a, struct classes_shape *shape, enum step_kind kind,
			      uint32_t count, struct classes_shape *const *inner, size_t n_inner)
{
	struct classes_shape **copy =
		arena_memdup(a, inner, n_inner * sizeof(struct classes_shape *));

	if (!copy)
		return -ENOMEM;
	return shape_add(a, shape, (struct step){.kind = kind, .count = count, .inner = copy});
}

struct walk {
	const uint8_t *p, *end;
};

static bool walk_fixed(struct walk *w, uint64_t bytes)
{
	if (bytes > (uint64_t)(w->end - w->p))
		return false;
	w->p += bytes;
	return true;
}

static bool walk_shape(struct walk *w, const struct classes_shape *shape);

static bool walk_many(struct walk *w, uint64_t count, const struct classes_shape *shape)
{
	if (shape->is_fixed)
		return walk_fixed(w, count * shape->min_bytes);
	/* each takes a byte at least: this ends */
	while (count--)
		if (!walk_shape(w, shape))
			return false;
	return true;
}

static bool walk_step(struct walk *w, const struct step *step)
{
	const uint8_t *start = w->p;
	uint32_t count;

	switch (step->kind) {
	case STEP_FIXED:
		return walk_fixed(w, step->bytes);
	case STEP_STRING: {
		const uint8_t *nul = w->p < w->end ? memchr(w->p, 0, (size_t)(w->end - w->p))
						   : NULL;

		if (nul)
			w->p = nul + 1;
		return nul;
	}
	case STEP_SEQUENCE:
		if (!walk_fixed(w, sizeof(count)))
			return false;
		memcpy(&count, start, sizeof(count));
		return walk_many(w, count, step->inner[0]);
	case STEP_ARRAY:
		return walk_many(w, step->count, step->inner[0]);
	case STEP_OPTIONAL:
		if (!walk_fixed(w, 1) || *start > 1)
			return false;
		return !*start || walk_shape(w, step->inner[0]);
	case STEP_VARIANT:
		if (!walk_fixed(w, 1))
			return false;
		if (*start == 255)
			return true;
		return *start < step->count && walk_shape(w, step->inner[*start]);
	}
	return false;
}

static bool walk_shape(struct walk *w, const struct classes_shape *shape)
{
	for (const struct step *step = shape->first; step; step = step->next)
		if (!walk_step(w, step))
			return false;
	return true;
}

/* --- fields ----------------------------------------------------------------- */

static const struct {
	uint8_t bytes;
	bool is_signed;
} integers[] = {
	[PISTE_T_BOOL] = {1, false}, [PISTE_T_S8] = {1, true},   [PISTE_T_U8] = {1, false},
	[PISTE_T_S16] = {2, true},   [PISTE_T_U16] = {2, false}, [PISTE_T_S32] = {4, true},
	[PISTE_T_U32] = {4, false},  [PISTE_T_S64] = {8, true},  [PISTE_T_U64] = {8, false},
};

static bool is_integer(uint32_t scalar)
{
	return scalar >= PISTE_T_BOOL && scalar <= PISTE_T_U64;
}

/* Says why the description is of no use; -EINVAL. */
static int __attribute__((format(printf, 2, 3))) broken(struct builder *b, const char *fmt, ...)
{
	char why[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return diag_error(b->diag, &b->place, "%s: its description is broken: %s", b->name, why);
}

/* Adds a field under `name`, or `name`_2 … where that is taken; *used is what it got. */
static int record_add(struct builder *b, struct ctf_type *record, const char *name,
		      const struct ctf_type *type, const char **used)
{
	for (unsigned tries = 2;; tries++) {
		int rc;

		if (!record || !name || !type)
			return -ENOMEM;
		rc = ctf_struct_add(b->arena, record, name, type);
		if (rc != -EEXIST) {
			if (used)
				*used = name;
			return rc;
		}
		name = arena_printf(b->arena, "%s_%u", name, tries);
	}
}

/* A selector or a length, in front of the field that it is for: `_NAME_SUFFIX`. */
static int record_add_helper(struct builder *b, struct ctf_type *record, const char *name,
			     const char *suffix, const struct ctf_type *type, const char **used)
{
	return record_add(b, record, arena_printf(b->arena, "_%s_%s", name, suffix), type, used);
}

static int add_field(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
		     const struct piste_field_view *field);

static struct ctf_type *bool_new(struct builder *b)
{
	struct ctf_type *type = ctf_type_integer_aligned(b->arena, 8, false, 8);

	if (type && b->major >= 2)
		type->kind = CTF_BOOL;
	return type;
}

/* Fits a label's bound into the container, as the compiler did with the value. */
static uint64_t fit(int64_t value, unsigned bytes, bool is_signed)
{
	unsigned unused = 64 - bytes * 8;
	uint64_t shifted = (uint64_t)value << unused;

	return is_signed ? (uint64_t)((int64_t)shifted >> unused) : shifted >> unused;
}

static int enum_new(struct builder *b, const struct piste_type *named,
		    const struct piste_label_view *labels, uint32_t n_labels,
		    struct ctf_type **type, struct classes_shape *shape)
{
	uint32_t scalar = PISTE_CODE_SCALAR(named->types[0]);
	bool done[PISTE_LABELS_MAX] = {false};

	if (!is_integer(scalar))
		return broken(b, "an enumeration of type code 0x%x", named->types[0]);
	unsigned bytes = integers[scalar].bytes;
	bool is_signed = integers[scalar].is_signed;

	*type = ctf_type_enum(b->arena, bytes * 8, is_signed, 8);
	/* ranges of one label have to stand together */
	for (uint32_t i = 0; i < n_labels; i++) {
		for (uint32_t k = i; k < n_labels; k++) {
			if (done[k] || strcmp(labels[i].name, labels[k].name))
				continue;
			done[k] = true;
			uint64_t low = fit(labels[k].low, bytes, is_signed);
			uint64_t high = fit(labels[k].high, bytes, is_signed);

			if (is_signed ? (int64_t)low > (int64_t)high : low > high)
				return broken(b, "label %s has an empty range", labels[k].name);
			if (!labels[i].name[0])
				return broken(b, "a label without a name");
			if (ctf_enum_add(b->arena, *type, labels[i].name, low, high))
				return -ENOMEM;
		}
	}
	return shape_add_fixed(b->arena, shape, bytes);
}

static int fields_new(struct builder *b, const struct piste_view *view, struct ctf_type **type,
		      struct classes_shape *shape)
{
	int rc = 0;

	*type = ctf_type_struct(b->arena, 0);
	if (!*type)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->field_count && !rc; i++)
		rc = add_field(b, *type, shape, &view->fields[i]);
	return rc;
}

static void option_set_range(struct builder *b, struct ctf_type *variant, uint64_t value)
{
	struct ctf_field *option = &variant->variant.options[variant->variant.n_options - 1];

	if (b->major < 2)
		return;
	option->ranges = arena_new(b->arena, struct ctf_range);
	if (!option->ranges)
		return;
	*option->ranges = (struct ctf_range){value, value};
	option->n_ranges = 1;
}

static int add_option(struct builder *b, struct ctf_type *tag, struct ctf_type *variant,
		      const char *name, uint64_t value, const struct ctf_type *type)
{
	int rc = ctf_enum_add(b->arena, tag, name, value, value);

	if (!rc)
		rc = ctf_variant_add(b->arena, variant, name, type);
	if (!rc)
		option_set_range(b, variant, value);
	return rc;
}

/* The content of an option or optional field: the bare type where it is one field in CTF too. */
static int content_new(struct builder *b, const struct piste_field_view *field,
		       const struct ctf_type **type, struct classes_shape *shape)
{
	struct ctf_type *record = ctf_type_struct(b->arena, 0);
	int rc = add_field(b, record, shape, field);

	if (rc)
		return rc;
	*type = record->record.n_fields == 1 ? record->record.fields[0].type : record;
	return 0;
}

static int add_variant(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
		       const char *name, const struct piste_view *view)
{
	struct classes_shape *inner[PISTE_FIELDS_MAX + 1];
	struct ctf_type *tag = ctf_type_enum(b->arena, 8, false, 8);
	struct ctf_type *variant;
	const char *tag_name, *none = "none";
	int rc = record_add_helper(b, record, name, "tag", tag, &tag_name);

	if (rc)
		return rc;
	variant = ctf_type_variant(b->arena, tag_name);
	if (!variant)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->field_count; i++) {
		const struct ctf_type *content;

		inner[i] = shape_new(b->arena);
		if (!inner[i])
			return -ENOMEM;
		rc = content_new(b, &view->fields[i], &content, inner[i]);
		if (rc)
			return rc;
		rc = add_option(b, tag, variant, view->fields[i].name, i, content);
		if (rc)
			return rc;
	}
	while (ctf_variant_find(variant, none) >= 0)
		none = arena_printf(b->arena, "_%s", none);
	rc = add_option(b, tag, variant, none, 255, ctf_type_struct(b->arena, 0));
	if (!rc)
		rc = record_add(b, record, name, variant, NULL);
	inner[view->field_count] = NULL;
	if (!rc)
		rc = shape_add_compound(b->arena, shape, STEP_VARIANT, view->field_count, inner,
					view->field_count + 1);
	return rc;
}

static int add_named(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
		     const char *name, const char *type_name)
{
	const struct piste_type *named = classes_types_find(b->types, type_name);
	struct piste_label_view labels[PISTE_LABELS_MAX];
	uint32_t n_labels;
	struct piste_view view;
	struct ctf_type *type = NULL;
	int rc;

	if (!named)
		return broken(b, "there is no type `%s`", type_name);
	if (b->depth >= DEPTH_MAX)
		return broken(b, "type `%s` is nested too deep", type_name);
	if (piste_describe_type(named, &view, labels, &n_labels))
		return broken(b, "type `%s` cannot be read", type_name);
	b->depth++;
	if (named->kind == PISTE_TYPE_VARIANT)
		rc = add_variant(b, record, shape, name, &view);
	else if (named->kind == PISTE_TYPE_ENUM)
		rc = enum_new(b, named, labels, n_labels, &type, shape);
	else
		rc = fields_new(b, &view, &type, shape);
	b->depth--;
	if (!rc && type)
		rc = record_add(b, record, name, type, NULL);
	return rc;
}

/* One value. Adds the field, and the selector of a variant in front of it. */
static int add_one(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
		   const struct piste_field_view *field)
{
	uint32_t scalar = PISTE_CODE_SCALAR(field->code);
	struct arena *a = b->arena;
	struct ctf_type *type;
	uint32_t bytes;

	switch (scalar) {
	case PISTE_T_BOOL:
		type = bool_new(b);
		bytes = 1;
		break;
	case PISTE_T_F32:
	case PISTE_T_F64:
		bytes = scalar == PISTE_T_F32 ? 4 : 8;
		type = ctf_type_float(a, bytes * 8, 8);
		break;
	case PISTE_T_POINTER:
		bytes = 8;
		type = ctf_type_hex(a, 64, 8);
		break;
	case PISTE_T_STRING:
		if (shape_add(a, shape, (struct step){.kind = STEP_STRING}))
			return -ENOMEM;
		return record_add(b, record, field->name, ctf_type_string(a), NULL);
	case PISTE_T_NAMED:
		return add_named(b, record, shape, field->name, field->type_name);
	default:
		if (!is_integer(scalar))
			return broken(b, "field %s has type code 0x%x", field->name, field->code);
		bytes = integers[scalar].bytes;
		type = ctf_type_integer_aligned(a, bytes * 8, integers[scalar].is_signed, 8);
	}
	if (shape_add_fixed(a, shape, bytes))
		return -ENOMEM;
	return record_add(b, record, field->name, type, NULL);
}

/* What an array or sequence repeats. */
static int element_new(struct builder *b, const struct piste_field_view *field,
		       const struct ctf_type **type, struct classes_shape **shape)
{
	struct piste_field_view one = *field;
	int rc;

	one.code = PISTE_CODE_SCALAR(field->code);
	strcpy(one.name, "value"); /* where it must stand in a structure */
	*shape = shape_new(b->arena);
	if (!*shape)
		return -ENOMEM;
	rc = content_new(b, &one, type, *shape);
	/* else a count of 2^32 would cost its writer nothing */
	if (!rc && !(*shape)->min_bytes)
		rc = broken(b, "the elements of %s are empty", field->name);
	return rc;
}

static int add_sequence(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
			const struct piste_field_view *field)
{
	const struct ctf_type *element;
	struct classes_shape *inner;
	const char *length;
	int rc = element_new(b, field, &element, &inner);

	if (!rc)
		rc = record_add_helper(b, record, field->name, "length",
				       ctf_type_integer_aligned(b->arena, 32, false, 8), &length);
	if (!rc)
		rc = record_add(b, record, field->name,
				ctf_type_sequence(b->arena, element, length), NULL);
	if (!rc)
		rc = shape_add_compound(b->arena, shape, STEP_SEQUENCE, 0, &inner, 1);
	return rc;
}

static int add_bytes(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
		     const struct piste_field_view *field)
{
	struct classes_shape *inner = shape_new(b->arena);
	const char *length;
	int rc;

	if (!inner || shape_add_fixed(b->arena, inner, 1))
		return -ENOMEM;
	rc = record_add_helper(b, record, field->name, "length",
			       ctf_type_integer_aligned(b->arena, 32, false, 8), &length);
	if (!rc)
		rc = record_add(b, record, field->name,
				ctf_type_sequence(b->arena, ctf_type_hex(b->arena, 8, 8), length),
				NULL);
	if (!rc)
		rc = shape_add_compound(b->arena, shape, STEP_SEQUENCE, 0, &inner, 1);
	return rc;
}

static int add_array(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
		     const struct piste_field_view *field)
{
	uint32_t count = PISTE_CODE_COUNT(field->code);
	const struct ctf_type *element;
	struct classes_shape *inner;
	int rc = element_new(b, field, &element, &inner);

	if (!rc)
		rc = record_add(b, record, field->name, ctf_type_array(b->arena, element, count),
				NULL);
	if (rc || !count)
		return rc;
	if (inner->is_fixed && inner->min_bytes * count > UINT16_MAX)
		return broken(b, "field %s is larger than a record", field->name);
	if (inner->is_fixed)
		return shape_add_fixed(b->arena, shape, (uint32_t)inner->min_bytes * count);
	return shape_add_compound(b->arena, shape, STEP_ARRAY, count, &inner, 1);
}

static int add_optional(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
			const struct piste_field_view *field)
{
	struct classes_shape *inner = shape_new(b->arena);
	struct piste_field_view one = *field;
	const struct ctf_type *content;
	struct ctf_type *tag, *type;
	const char *tag_name;
	int rc;

	one.code = PISTE_CODE_SCALAR(field->code);
	strcpy(one.name, "value"); /* where it must stand in a structure */
	if (!inner)
		return -ENOMEM;
	rc = content_new(b, &one, &content, inner);
	if (rc)
		return rc;
	tag = b->major >= 2 ? bool_new(b) : ctf_type_enum(b->arena, 8, false, 8);
	rc = record_add_helper(b, record, field->name, "present", tag, &tag_name);
	if (rc)
		return rc;
	type = ctf_type_variant(b->arena, tag_name);
	if (!type)
		return -ENOMEM;
	if (b->major >= 2) {
		struct ctf_ref ref = type->variant.tag;

		type->kind = CTF_OPTIONAL;
		memset(&type->optional, 0, sizeof(type->optional));
		type->optional.tag = ref;
		type->optional.content = content;
	} else {
		rc = add_option(b, tag, type, "none", 0, ctf_type_struct(b->arena, 0));
		if (!rc)
			rc = add_option(b, tag, type, "some", 1, content);
	}
	if (!rc)
		rc = record_add(b, record, field->name, type, NULL);
	if (!rc)
		rc = shape_add_compound(b->arena, shape, STEP_OPTIONAL, 0, &inner, 1);
	return rc;
}

static int (*const add_by_shape[])(struct builder *b, struct ctf_type *record,
				   struct classes_shape *shape,
				   const struct piste_field_view *field) = {
	[PISTE_S_ONE] = add_one,     [PISTE_S_SEQUENCE] = add_sequence, [PISTE_S_ARRAY] = add_array,
	[PISTE_S_BYTES] = add_bytes, [PISTE_S_OPTIONAL] = add_optional,
};

static int add_field(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
		     const struct piste_field_view *field)
{
	uint32_t kind = PISTE_CODE_SHAPE(field->code);

	if (!record)
		return -ENOMEM;
	if (kind >= sizeof(add_by_shape) / sizeof(*add_by_shape))
		return broken(b, "field %s has type code 0x%x", field->name, field->code);
	if (++b->fields > FIELDS_TOTAL_MAX)
		return broken(b, "it has more than %d fields", FIELDS_TOTAL_MAX);
	return add_by_shape[kind](b, record, shape, field);
}

/* --- the event -------------------------------------------------------------- */

/* Provider and event become part of a name that people type and metadata quotes. */
static bool is_name(const char *s, bool may_have_colon)
{
	size_t len = strlen(s);

	if (!len || len > 119)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~' || *s == '"' || *s == '\\' ||
		    (*s == ':' && !may_have_colon))
			return false;
	return true;
}

static int add_format(struct builder *b, struct ctf_type *record, struct classes_shape *shape,
		      const char *format)
{
	struct ctf_type *type = ctf_type_enum(b->arena, 8, false, 8);
	char *label = arena_strndup(b->arena, *format ? format : " ", FORMAT_MAX);
	int rc;

	if (!label)
		return -ENOMEM;
	rc = ctf_enum_add(b->arena, type, label, 0, 0);
	if (!rc)
		rc = record_add(b, record, "fmt", type, NULL);
	return rc ? rc : shape_add_fixed(b->arena, shape, 1);
}

static int class_fill(struct classes_class *class, struct builder *b, const struct piste_view *view)
{
	struct classes_shape *shape = shape_new(b->arena);
	struct ctf_type *payload = ctf_type_struct(b->arena, 0);
	int rc = 0;

	if (!shape || !payload)
		return -ENOMEM;
	if (view->kind == PISTE_SITE_GATE)
		return broken(b, "it records nothing");
	if (view->kind == PISTE_SITE_LOG)
		rc = add_format(b, payload, shape, view->format);
	for (uint32_t i = 0; i < view->field_count && !rc; i++)
		rc = add_field(b, payload, shape, &view->fields[i]);
	if (!rc && shape->min_bytes > UINT16_MAX)
		rc = broken(b, "it is larger than a record");
	if (rc)
		return rc;
	class->payload = payload;
	class->shape = shape;
	class->has_fixed_size = shape->is_fixed;
	class->size_bytes = (uint32_t)shape->min_bytes;
	return 0;
}

int classes_new(struct classes_class **out, struct arena *arena, struct span site_bytes,
		const struct classes_types *types, unsigned ctf_major, struct diag *diag)
{
	static const char *const suffixes[] = {
		[PISTE_SITE_SPAN_BEGIN] = "_begin",
		[PISTE_SITE_SPAN_END] = "_end",
		[PISTE_SITE_GATE] = NULL,
	};
	const struct piste_site *site = (const void *)site_bytes.data;
	struct classes_class *class = arena_new(arena, struct classes_class);
	struct builder b = {.arena = arena, .types = types, .major = ctf_major, .diag = diag};
	struct piste_view view;
	int rc = 0;

	if (!class)
		return -ENOMEM;
	class->level = CTF_LOGLEVEL_NONE;
	class->name = class->event = "unknown";
	class->file = "";
	b.name = "a site";
	if (piste_describe_site(site, site_bytes.len, &view)) {
		rc = broken(&b, "%s",
			    site_bytes.len >= sizeof(*site) && site->abi != PISTE_SITE_ABI
				    ? "made by another version of piste"
				    : "it cannot be read");
	} else if (!is_name(view.provider, false) || !is_name(view.name, true)) {
		rc = broken(&b, "a name that is none");
	} else {
		const char *suffix = suffixes[view.kind] ? suffixes[view.kind] : "";

		class->name = arena_printf(arena, "%s:%s%s", view.provider, view.name, suffix);
		class->file = arena_strndup(arena, view.file, FORMAT_MAX);
		if (!class->name || !class->file)
			return -ENOMEM;
		class->event = class->name + strlen(view.provider) + 1;
		class->line = view.line;
		class->kind = view.kind;
		class->level = view.level <= PISTE_DEBUG ? view.level : CTF_LOGLEVEL_NONE;
		b.name = class->name;
		b.place = (struct diag_place){.file = class->file, .line = view.line};
		rc = class_fill(class, &b, &view);
	}
	if (rc && rc != -EINVAL)
		return -ENOMEM;
	if (rc) {
		class->is_broken = true;
		class->payload = ctf_type_struct(arena, 0);
	}
	*out = class;
	return arena_failed(arena) ? -ENOMEM : 0;
}

struct ctf_event_class *classes_add(struct ctf_stream_class *stream, uint64_t id,
				    const struct classes_class *class)
{
	struct ctf_event_class *event = ctf_event_class_add(stream, id, class->name);

	if (!event)
		return NULL;
	event->loglevel = class->level;
	event->payload = class->payload;
	return event;
}

ssize_t classes_payload_size(const struct classes_class *class, struct span payload)
{
	struct walk w = {payload.data, payload.data + payload.len};

	if (class->is_broken)
		return -EBADMSG;
	if (class->has_fixed_size)
		return payload.len >= class->size_bytes ? (ssize_t) class->size_bytes : -EBADMSG;
	return walk_shape(&w, class->shape) ? w.p - payload.data : -EBADMSG;
}

/* --- types ------------------------------------------------------------------ */

int classes_types_init(struct classes_types *types, struct arena *arena, struct span section)
{
	const struct piste_type *type;
	size_t at = 0;

	*types = (struct classes_types){.section = section, .arena = arena};
	while ((type = piste_next_type(section.data, section.len, &at))) {
		struct piste_label_view labels[PISTE_LABELS_MAX];
		struct piste_view view;
		uint32_t n_labels;
		char *name;

		if (piste_describe_type(type, &view, labels, &n_labels))
			continue;
		/* fields name it in as many bytes; the first of a name holds */
		name = arena_strndup(arena, view.name, PISTE_NAME_MAX - 1);
		if (!name)
			return -ENOMEM;
		if (!classes_types_find(types, name) &&
		    map_put_str(&types->by_name, name,
				(uint64_t)((const uint8_t *)type - section.data)))
			return -ENOMEM;
	}
	return 0;
}

void classes_types_fini(struct classes_types *types)
{
	map_fini(&types->by_name);
	*types = (struct classes_types){0};
}

const struct piste_type *classes_types_find(const struct classes_types *types, const char *name)
{
	uint64_t offset;

	if (!types || !map_get_str(&types->by_name, name, &offset))
		return NULL;
	return (const struct piste_type *)(const void *)(types->section.data + offset);
}
