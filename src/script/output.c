/* SPDX-License-Identifier: MIT */
#include "script/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FLUSH_BYTES = 64 << 10, MAX_CAT = 1 << 20 };

void output_flush(struct output *o)
{
	if (o->text.len && fwrite(o->text.data, 1, o->text.len, o->file) != o->text.len &&
	    !o->error)
		o->error = errno ? -errno : -EIO;
	str_reset(&o->text);
	fflush(o->file);
}

void output_fini(struct output *o)
{
	str_fini(&o->text);
	values_fini(&o->values);
}

/* {"type": …, "data": …} */
static void add_json(struct output *o, const char *type, const struct str *text)
{
	str_addf(&o->text, "{\"type\": \"%s\", \"data\": ", type);
	str_add_json(&o->text, str_c(text), text->len);
	str_add(&o->text, "}\n");
}

static void add_text(struct output *o, const char *type, const struct str *text)
{
	if (o->values.is_json)
		add_json(o, type, text);
	else
		str_add_bytes(&o->text, str_c(text), text->len);
}

void output_print_map(struct output *o, const struct lang_map *map, uint64_t top, uint64_t divisor)
{
	struct arena arena = {0};
	struct table table;
	int err = table_read(&table, map, &o->source, &arena);

	if (!err)
		table_write(&o->text, &table, &o->values, top, divisor);
	else if (!o->error)
		o->error = err;
	arena_fini(&arena);
}

/* --- actions ------------------------------------------------------------------------------------ */

static void formatted(struct output *o, const struct lang_action *a, const uint8_t *args,
		      struct str *text)
{
	value_format(text, &o->values, a->text, a->args, args);
}

static void act_printf(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	struct str text = {0};

	if (!o->values.is_json) {
		formatted(o, a, args, &o->text);
		return;
	}
	formatted(o, a, args, &text);
	add_json(o, "printf", &text);
	str_fini(&text);
}

static void act_error(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	struct str text = {0};

	formatted(o, a, args, &text);
	output_flush(o);
	fprintf(stderr, "%s", str_c(&text));
	str_fini(&text);
}

static void act_print_map(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	(void)args;
	output_print_map(o, a->map, a->top, a->divisor);
}

/* @x[key] goes by the name of its map */
static void act_print_value(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	const struct lang_type *type = a->args->fields[0].type;

	if (o->values.is_json) {
		str_add(&o->text, "{\"type\": \"value\", \"data\": ");
		value_write(&o->text, &o->values, type, args);
		str_add(&o->text, "}\n");
		return;
	}
	value_write(&o->text, &o->values, type, args);
	str_add_char(&o->text, '\n');
}

static void act_erase(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	bool keep_keys = a->kind == LANG_ACTION_ZERO || !a->map->key;
	struct arena arena = {0};
	struct table table;

	(void)args;
	if (!table_read(&table, a->map, &o->source, &arena)) {
		static const uint32_t zero;

		for (size_t i = 0; i < table.n; i++)
			o->erase(o->source.data, a->map,
				 table.rows[i].key ? (const void *)table.rows[i].key : &zero,
				 keep_keys);
	}
	arena_fini(&arena);
}

static void act_exit(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	o->is_over = true;
	if (a->args)
		o->status = (int)value_load(args);
}

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the script's */
static void act_time(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	time_t now = time(NULL);
	struct str line = {0};
	char text[256];
	struct tm tm;

	(void)args;
	if (localtime_r(&now, &tm) && strftime(text, sizeof(text), a->text, &tm)) {
		str_add(&line, text);
		add_text(o, "time", &line);
	}
	str_fini(&line);
}

static void add_stream(struct output *o, const char *type, FILE *stream)
{
	struct str text = {0};
	char buffer[4096];
	size_t n;

	while (text.len < MAX_CAT && (n = fread(buffer, 1, sizeof(buffer), stream)) > 0)
		str_add_bytes(&text, buffer, n);
	add_text(o, type, &text);
	str_fini(&text);
}

static void act_cat(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	struct str path = {0};
	FILE *file;

	formatted(o, a, args, &path);
	file = fopen(str_c(&path), "re");
	if (file) {
		add_stream(o, "cat", file);
		fclose(file);
	} else {
		fprintf(stderr, "piste: %s: %s\n", str_c(&path), strerror(errno));
	}
	str_fini(&path);
}

static void act_system(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	struct str command = {0};
	FILE *pipe;

	formatted(o, a, args, &command);
	output_flush(o);
	pipe = popen(str_c(&command), "re");
	if (pipe) {
		add_stream(o, "syscall", pipe);
		pclose(pipe);
	}
	str_fini(&command);
}

static void act_join(struct output *o, const struct lang_action *a, const uint8_t *args)
{
	struct str text = {0};

	for (size_t i = 0; i < a->args->n_fields; i++) {
		const struct lang_field *f = &a->args->fields[i];

		if (!args[f->offset])
			break;
		str_add(&text, i ? a->text : "");
		str_add_bytes(&text, args + f->offset,
			      strnlen((const char *)args + f->offset, f->type->size));
	}
	str_add_char(&text, '\n');
	add_text(o, "join", &text);
	str_fini(&text);
}

int output_take(void *data, const void *record, size_t size)
{
	static void (*const acts[LANG_N_ACTIONS])(struct output *, const struct lang_action *,
						  const uint8_t *) = {
		[LANG_ACTION_PRINTF] = act_printf,
		[LANG_ACTION_ERROR] = act_error,
		[LANG_ACTION_PRINT_MAP] = act_print_map,
		[LANG_ACTION_PRINT_VALUE] = act_print_value,
		[LANG_ACTION_CLEAR] = act_erase,
		[LANG_ACTION_ZERO] = act_erase,
		[LANG_ACTION_EXIT] = act_exit,
		[LANG_ACTION_TIME] = act_time,
		[LANG_ACTION_CAT] = act_cat,
		[LANG_ACTION_SYSTEM] = act_system,
		[LANG_ACTION_JOIN] = act_join,
	};
	struct output *o = data;
	const struct lang_action *action;
	uint64_t id;

	if (size < LANG_RECORD_HEAD)
		return 0;
	id = value_load(record);
	action = id < o->program->n_actions ? o->program->action_by_id[id] : NULL;
	if (!action || size < action->size)
		return 0;
	acts[action->kind](o, action, (const uint8_t *)record + LANG_RECORD_HEAD);
	if (o->text.len >= FLUSH_BYTES)
		output_flush(o);
	return 0;
}
