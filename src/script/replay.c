/* SPDX-License-Identifier: MIT */
/*
 * A script over a recording: each event runs the programs of its class in our
 * machine, in the order of time; intervals go by the recording's clock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "script/env-trace.h"
#include "script/private.h"
#include "vm/vm.h"

/* Where pid, tid, comm and cpu of a class's events are. */
#define CONTEXTS(X)                                                                                \
	X(PID, "pid", "vpid", "common_pid")                                                        \
	X(TID, "tid", "vtid", "common_tid")                                                        \
	X(COMM, "procname", "comm", "common_comm")                                                 \
	X(CPU, "cpu_id", "cpu", "common_cpu")
enum {
#define X(id, a, b, c) CONTEXT_##id,
	CONTEXTS(X)
#undef X
		N_CONTEXTS
};

struct place {
	enum { NOWHERE, IN_EVENT, IN_STREAM, IN_PACKET } where;
	uint32_t field;
};

/* What runs for the events of a class. */
struct bound {
	const struct ctf_event_class *class;
	struct VEC(const struct vm_program *) programs;
	struct place contexts[N_CONTEXTS];
};

struct unit {
	const struct lang_unit *unit;
	struct vm_program *program;
	uint64_t next_ns; /* INTERVAL */
};

struct replay {
	struct run *run;
	struct vm *vm;
	struct unit *units;
	size_t n_units;
	struct bound **bound; /* by stream class and class, all in one row */
	size_t *first; /* of each stream class */
	size_t n_bound;
	struct lang_control *control;
	uint64_t faults; /* runs that were ended */
	uint64_t context[TRACE_MAX_FIELDS];
	char comm[17];
};

/* --- loading ------------------------------------------------------------------------------------ */

static void take_record(void *data, const void *bytes, size_t size)
{
	output_take(data, bytes, size);
}

static int make_maps(struct replay *p)
{
	const struct lang_program *program = p->run->program;
	const struct vm_map_spec own[] = {
		{VM_RING, 0, 0, 0},
		{VM_ARRAY, 4, sizeof(struct lang_control), 1},
		{VM_ARRAY, 4, (uint32_t)program->data_bytes, 1},
		{VM_ARRAY, 4, (uint32_t)(program->scratch_bytes ? program->scratch_bytes : 8),
		 (uint32_t)program->n_units},
	};
	int n;

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		n = vm_map_add(p->vm, &own[i]);
		if (n < 0)
			return n;
	}
	for (const struct lang_map *map = program->maps; map; map = map->next) {
		struct vm_map_spec spec = {map->key ? VM_HASH : VM_ARRAY,
					   map->key ? map->key->size : 4,
					   lang_stored_size(map->value),
					   map->key ? map->max_entries : 1};

		n = vm_map_add(p->vm, &spec);
		if (n < 0)
			return n;
	}
	memcpy(vm_map_value(p->vm, LANG_MAP_DATA, 0), program->data, program->data_bytes);
	p->control = vm_map_value(p->vm, LANG_MAP_CONTROL, 0);
	return 0;
}

static struct place find_context(const struct ctf_event_class *ec, const char *const *names)
{
	const struct ctf_type *roots[] = {NULL, ec->context, ec->stream_class->event_context,
					  ec->stream_class->packet_context};
	struct place place = {NOWHERE, 0};

	for (int where = IN_EVENT; where <= IN_PACKET; where++)
		for (int i = 0; roots[where] && i < 3; i++) {
			int field = ctf_struct_find(roots[where], names[i]);

			if (field < 0)
				continue;
			place.where = where;
			place.field = (uint32_t)field;
			return place;
		}
	return place;
}

static int bind(struct replay *p, const struct ctf_event_class *ec,
		const struct vm_program *program)
{
	static const char *const names[N_CONTEXTS][3] = {
#define X(id, a, b, c) {a, b, c},
		CONTEXTS(X)
#undef X
	};
	struct bound **slot = &p->bound[p->first[ec->stream_class->index] + ec->index];

	if (!*slot) {
		*slot = calloc(1, sizeof(**slot));
		if (!*slot)
			return -ENOMEM;
		(*slot)->class = ec;
		for (int i = 0; i < N_CONTEXTS; i++)
			(*slot)->contexts[i] = find_context(ec, names[i]);
	}
	return vec_push(&(*slot)->programs, program);
}

static int load_units(struct replay *p)
{
	const struct ctf_trace_class *tc = p->run->trace->class;
	const struct lang_program *program = p->run->program;
	int err = 0;

	p->first = calloc(tc->n_streams + 1, sizeof(*p->first));
	for (size_t i = 0; p->first && i < tc->n_streams; i++) {
		p->first[i] = p->n_bound;
		p->n_bound += tc->streams[i]->n_events;
	}
	p->bound = calloc(p->n_bound + 1, sizeof(*p->bound));
	p->units = calloc(program->n_units + 1, sizeof(*p->units));
	if (!p->first || !p->bound || !p->units)
		return -ENOMEM;
	for (const struct lang_unit *u = program->units; u && !err; u = u->next) {
		struct unit *unit = &p->units[p->n_units++];

		unit->unit = u;
		err = vm_program_new(&unit->program, p->vm, u->insns, u->n_insns, u->relocs,
				     u->n_relocs, p->run->diag);
		for (size_t i = 0; i < u->n_targets && !err && u->targets[i]->user; i++)
			err = bind(p, trace_env_class(u->targets[i]), unit->program);
	}
	return err;
}

/* --- running -------------------------------------------------------------------------------------- */

static void run_program(struct replay *p, const struct vm_program *program, size_t context_size,
			const struct vm_event *event)
{
	if (vm_run(p->vm, program, p->context, context_size, event, NULL))
		p->faults++;
}

static void run_kind(struct replay *p, enum lang_probe_kind kind, const struct vm_event *event)
{
	for (size_t i = 0; i < p->n_units; i++)
		if (p->units[i].unit->kind == kind)
			run_program(p, p->units[i].program, 0, event);
}

/* Those intervals that have passed before this time. */
static void run_intervals(struct replay *p, uint64_t now_ns)
{
	for (size_t i = 0; i < p->n_units; i++) {
		struct unit *u = &p->units[i];
		uint64_t period = u->unit->targets[0]->period;

		if (u->unit->kind != LANG_PROBE_INTERVAL)
			continue;
		if (!u->next_ns)
			u->next_ns = now_ns + period;
		for (; u->next_ns <= now_ns && !p->control->is_over; u->next_ns += period) {
			struct vm_event event = {.time_ns = u->next_ns};

			run_program(p, u->program, 0, &event);
		}
	}
}

static const struct ctf_value *context_value(const struct ctf_message *m, struct place place)
{
	switch (place.where) {
	case IN_EVENT:
		return m->context ? ctf_value_child(m->values, m->context, place.field) : NULL;
	case IN_STREAM:
		return m->common_context
			       ? ctf_value_child(m->values, m->common_context, place.field)
			       : NULL;
	case IN_PACKET:
		return m->packet_context
			       ? ctf_value_child(m->packet_values, m->packet_context, place.field)
			       : NULL;
	default:
		return NULL;
	}
}

static uint64_t context_number(const struct ctf_message *m, struct place place)
{
	const struct ctf_value *v = context_value(m, place);

	return v && (v->kind == CTF_VALUE_U64 || v->kind == CTF_VALUE_I64) ? v->u64 : 0;
}

static const char *context_text(struct replay *p, const struct ctf_message *m, struct place place)
{
	const struct ctf_value *v = context_value(m, place);
	size_t len;

	if (!v || v->kind != CTF_VALUE_TEXT)
		return NULL;
	len = v->count < 15 ? v->count : 15;
	memcpy(p->comm, v->bytes, len);
	p->comm[len] = '\0';
	return p->comm;
}

/* A u64 for each field: its number, or where its text is exposed. */
static size_t fill_context(struct replay *p, const struct ctf_message *m)
{
	size_t n = m->payload ? m->payload->count : 0;

	if (n > TRACE_MAX_FIELDS)
		n = TRACE_MAX_FIELDS;
	for (size_t i = 0; i < n; i++) {
		const struct ctf_value *v = ctf_value_child(m->values, m->payload, i);

		if (v->kind == CTF_VALUE_TEXT)
			p->context[i] = vm_expose(p->vm, v->bytes, v->count);
		else
			p->context[i] =
				v->kind == CTF_VALUE_U64 || v->kind == CTF_VALUE_I64 ? v->u64 : 0;
	}
	return n * 8;
}

static void run_event(struct replay *p, const struct ctf_message *m)
{
	const struct ctf_event_class *ec = m->event;
	struct bound *b = p->bound[p->first[ec->stream_class->index] + ec->index];
	struct vm_event event = {.time_ns = (uint64_t)m->ns};
	const struct vm_program **program;
	size_t size;

	if (!b)
		return;
	event.pid = context_number(m, b->contexts[CONTEXT_PID]);
	event.tid = context_number(m, b->contexts[CONTEXT_TID]);
	event.cpu = context_number(m, b->contexts[CONTEXT_CPU]);
	event.comm = context_text(p, m, b->contexts[CONTEXT_COMM]);
	size = fill_context(p, m);
	vec_each(program, &b->programs)
		run_program(p, *program, size, &event);
	vm_hide_all(p->vm);
}

static void wish(void *data, const struct ctf_event_class *ec, struct ctf_wish *out)
{
	const struct replay *p = data;

	out->is_hidden = !p->bound[p->first[ec->stream_class->index] + ec->index];
}

static int run_all(struct replay *p)
{
	struct ctf_iter_options options = {.want = CTF_WANT_FIELDS, .wish = wish, .wish_data = p};
	struct vm_event event = {0};
	const struct ctf_message *m;
	struct ctf_iter *it;
	int rc = ctf_iter_new(&it, &p->run->trace, 1, &options, p->run->diag);

	if (rc)
		return rc;
	run_kind(p, LANG_PROBE_BEGIN, &event);
	while (!p->control->is_over && (rc = ctf_iter_next(it, &m)) > 0) {
		if (m->kind != CTF_MESSAGE_EVENT)
			continue;
		event.time_ns = (uint64_t)m->ns;
		if (!p->control->start_ns)
			p->control->start_ns = event.time_ns;
		run_intervals(p, event.time_ns);
		if (!p->control->is_over)
			run_event(p, m);
	}
	run_kind(p, LANG_PROBE_END, &event);
	if (rc >= 0 && ctf_iter_failed(it))
		rc = -EBADMSG; /* the diag says where; what could be read was taken */
	ctf_iter_free(it);
	return rc < 0 ? rc : 0;
}

/* --- maps for output ------------------------------------------------------------------------------- */

static bool next_key(void *data, const struct lang_map *map, const void *key, void *next)
{
	return vm_map_next(data, map->id, key, next);
}

static int get_value(void *data, const struct lang_map *map, const void *key, void *value)
{
	return vm_map_get(data, map->id, key, value);
}

static int erase(void *data, const struct lang_map *map, const void *key, bool keep_key)
{
	void *zeros;
	int err;

	if (!keep_key)
		return vm_map_delete(data, map->id, key);
	zeros = calloc(1, lang_stored_size(map->value));
	err = zeros ? vm_map_set(data, map->id, key, zeros) : -ENOMEM;
	free(zeros);
	return err;
}

static void open_output(struct replay *p)
{
	p->run->output = (struct output){
		.program = p->run->program,
		.values = {.program = p->run->program, .is_json = p->run->options->is_json},
		.source = {p->vm, next_key, get_value, 1},
		.erase = erase,
		.file = p->run->options->out,
	};
}

static void replay_fini(struct replay *p)
{
	for (size_t i = 0; i < p->n_units; i++)
		vm_program_free(p->units[i].program);
	for (size_t i = 0; p->bound && i < p->n_bound; i++) {
		if (p->bound[i])
			vec_fini(&p->bound[i]->programs);
		free(p->bound[i]);
	}
	free(p->bound);
	free(p->first);
	free(p->units);
	vm_free(p->vm);
}

int run_over_trace(struct run *r)
{
	struct replay p = {.run = r};
	struct vm_options options = {.record = take_record, .data = &r->output};
	size_t n = 0;
	int err = vm_new(&p.vm, &options);

	if (!err)
		err = make_maps(&p);
	if (!err)
		err = load_units(&p);
	if (!err) {
		open_output(&p);
		for (size_t i = 0; i < p.n_units; i++)
			n += p.units[i].unit->n_targets;
		run_say_attached(r, n);
		err = run_all(&p);
		run_print_maps(r);
		run_say_losses(r, p.control);
		if (p.faults)
			diag_error(r->diag, NULL, "%llu runs of programs were ended by our machine",
				   (unsigned long long)p.faults);
	}
	replay_fini(&p);
	return err;
}
