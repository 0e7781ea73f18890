/* SPDX-License-Identifier: MIT */
#include "script/attach.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "kern/program.h"

/* Mapped twice in a row, and all of it counts as ours: room for 20 ms of a million short records a
 * second. */
enum { RING_BYTES = 2 << 20 };

/* --- maps ----------------------------------------------------------------------------------- */

static int add_map(struct loaded *l, const struct kern_map_spec *spec, struct diag *diag)
{
	int number = kern_maps_add(&l->maps, spec, diag);

	return number < 0 ? number : 0;
}

static int add_script_map(struct loaded *l, const struct lang_map *map, struct diag *diag)
{
	struct kern_map_spec spec = {
		.type = map->is_per_cpu ? BPF_MAP_TYPE_PERCPU_ARRAY : BPF_MAP_TYPE_ARRAY,
		.name = "piste",
		.key_size = 4,
		.value_size = lang_stored_size(map->value),
		.max_entries = 1,
	};

	if (map->key) {
		spec.type = map->is_per_cpu ? BPF_MAP_TYPE_PERCPU_HASH : BPF_MAP_TYPE_HASH;
		spec.key_size = map->key->size;
		spec.max_entries = map->max_entries;
		/* memory as keys come: making 4096 entries for each CPU takes longer than all else */
		spec.flags = BPF_F_NO_PREALLOC;
	}
	return add_map(l, &spec, diag);
}

static int make_maps(struct loaded *l, const struct lang_program *p, struct diag *diag)
{
	/* in the order of LANG_MAP_* */
	const struct kern_map_spec own[] = {
		{BPF_MAP_TYPE_RINGBUF, "piste_ring", 0, 0, RING_BYTES, 0},
		{BPF_MAP_TYPE_ARRAY, "piste_control", 4, sizeof(struct lang_control), 1,
		 BPF_F_MMAPABLE},
		{BPF_MAP_TYPE_ARRAY, "piste_data", 4, (uint32_t)p->data_bytes, 1,
		 BPF_F_RDONLY_PROG},
		{BPF_MAP_TYPE_PERCPU_ARRAY, "piste_scratch", 4,
		 (uint32_t)(p->scratch_bytes ? p->scratch_bytes : 8), (uint32_t)p->n_units, 0},
	};
	uint32_t zero = 0;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(own) / sizeof(own[0]); i++)
		err = add_map(l, &own[i], diag);
	for (const struct lang_map *map = p->maps; !err && map; map = map->next)
		err = add_script_map(l, map, diag);
	if (err)
		return err;
	l->control = l->maps.items.items[LANG_MAP_CONTROL].memory;
	l->control->start_ns = clock_monotonic_ns();
	err = kern_map_set(l->maps.items.items[LANG_MAP_DATA].fd, &zero, p->data);
	return err ? err : kern_map_freeze(l->maps.items.items[LANG_MAP_DATA].fd);
}

int loaded_map_fd(const struct loaded *l, const struct lang_map *map)
{
	return l->maps.items.items[map->id].fd;
}

/* --- kinds of probes -------------------------------------------------------------------------- */

static int attach_raw(struct loaded *l, const struct loaded_unit *u, int pid, struct diag *diag)
{
	const char *name = u->unit->targets[0]->key, *event = strchr(name, ':');
	int link = kern_attach_raw(u->program, event ? event + 1 : name, diag);

	(void)pid;
	return link < 0 ? link : vec_push(&l->links, link);
}

static int attach_samples(struct loaded *l, const struct loaded_unit *u, struct kern_sample sample,
			  int pid, struct diag *diag)
{
	int link;

	sample.pid = pid ? pid : -1;
	sample.cpu = -1;
	if (pid) {
		link = kern_attach_sample(u->program, &sample, diag);
		return link < 0 ? link : vec_push(&l->links, link);
	}
	for (int cpu = 0; cpu < kern_cpus(); cpu++) {
		sample.cpu = cpu;
		link = kern_attach_sample(u->program, &sample, cpu ? NULL : diag);
		if (link == -ENODEV)
			continue; /* a CPU that is offline */
		if (link < 0 || vec_push(&l->links, link))
			return link < 0 ? link : -ENOMEM;
	}
	return 0;
}

static int attach_profile(struct loaded *l, const struct loaded_unit *u, int pid, struct diag *diag)
{
	struct kern_sample sample = {.type = PERF_TYPE_SOFTWARE,
				     .config = PERF_COUNT_SW_CPU_CLOCK,
				     .period = u->unit->targets[0]->period};

	return attach_samples(l, u, sample, pid, diag);
}

static int attach_software(struct loaded *l, const struct loaded_unit *u, int pid,
			   struct diag *diag)
{
	struct kern_sample sample = {.type = PERF_TYPE_SOFTWARE,
				     .config = u->unit->targets[0]->number,
				     .period = u->unit->targets[0]->period};

	return attach_samples(l, u, sample, pid, diag);
}

static int attach_uprobes(struct loaded *l, const struct loaded_unit *u, int pid, struct diag *diag)
{
	size_t n = u->unit->n_targets;
	unsigned long *offsets = calloc(n, sizeof(*offsets));
	uint64_t *cookies = calloc(n, sizeof(*cookies));
	struct kern_uprobes probes = {.file = u->unit->targets[0]->file,
				      .offsets = offsets,
				      .cookies = cookies,
				      .n = n,
				      .at_return = u->unit->kind == LANG_PROBE_URETPROBE,
				      .pid = pid};
	int link = -ENOMEM;

	for (size_t i = 0; offsets && cookies && i < n; i++) {
		offsets[i] = u->unit->targets[i]->offset;
		cookies[i] = u->unit->first_probe_id + i;
	}
	if (offsets && cookies)
		link = kern_attach_uprobes(u->program, &probes, diag);
	free(offsets);
	free(cookies);
	return link < 0 ? link : vec_push(&l->links, link);
}

static int attach_kprobes(struct loaded *l, const struct loaded_unit *u, int pid, struct diag *diag)
{
	size_t n = u->unit->n_targets;
	const char **names = calloc(n, sizeof(*names));
	uint64_t *cookies = calloc(n, sizeof(*cookies));
	int link = -ENOMEM;

	(void)pid;
	for (size_t i = 0; names && cookies && i < n; i++) {
		names[i] = u->unit->targets[i]->function;
		cookies[i] = u->unit->first_probe_id + i;
	}
	if (names && cookies)
		link = kern_attach_kprobes(u->program, names, cookies, n,
					   u->unit->kind == LANG_PROBE_KRETPROBE, diag);
	free(names);
	free(cookies);
	return link < 0 ? link : vec_push(&l->links, link);
}

/* Its record is made by the kernel's own code, which only perf runs for us: one CPU is enough, the
 * program runs on all. */
static int attach_record(struct loaded *l, const struct loaded_unit *u, int pid, struct diag *diag)
{
	struct kern_sample sample = {.type = PERF_TYPE_TRACEPOINT,
				     .config = u->unit->targets[0]->number,
				     .period = 1,
				     .cpu = 0,
				     .pid = -1};
	int link;

	if (u->unit->context == LANG_CONTEXT_RAW)
		return attach_raw(l, u, pid, diag);
	link = kern_attach_sample(u->program, &sample, diag);
	return link < 0 ? link : vec_push(&l->links, link);
}

static int attach_interval(struct loaded *l, const struct loaded_unit *u, int pid,
			   struct diag *diag)
{
	uint64_t period = u->unit->targets[0]->period;

	(void)pid;
	(void)diag;
	return vec_push(&l->timers,
			((struct timed_unit){u, period, clock_monotonic_ns() + period}));
}

static const struct {
	enum bpf_prog_type program;
	int (*attach)(struct loaded *l, const struct loaded_unit *u, int pid, struct diag *diag);
	int type; /* of the link, where the program must know it */
} kinds[LANG_N_PROBES] = {
	[LANG_PROBE_BEGIN] = {BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, 0},
	[LANG_PROBE_END] = {BPF_PROG_TYPE_RAW_TRACEPOINT, NULL, 0},
	[LANG_PROBE_INTERVAL] = {BPF_PROG_TYPE_RAW_TRACEPOINT, attach_interval, 0},
	[LANG_PROBE_PROFILE] = {BPF_PROG_TYPE_PERF_EVENT, attach_profile, 0},
	[LANG_PROBE_SOFTWARE] = {BPF_PROG_TYPE_PERF_EVENT, attach_software, 0},
	[LANG_PROBE_TRACEPOINT] = {BPF_PROG_TYPE_TRACEPOINT, attach_record, 0},
	[LANG_PROBE_RAWTRACEPOINT] = {BPF_PROG_TYPE_RAW_TRACEPOINT, attach_raw, 0},
	[LANG_PROBE_SYSCALL_ENTER] = {BPF_PROG_TYPE_RAW_TRACEPOINT, attach_raw, 0},
	[LANG_PROBE_SYSCALL_EXIT] = {BPF_PROG_TYPE_RAW_TRACEPOINT, attach_raw, 0},
	[LANG_PROBE_UPROBE] = {BPF_PROG_TYPE_KPROBE, attach_uprobes, KERN_UPROBES},
	[LANG_PROBE_URETPROBE] = {BPF_PROG_TYPE_KPROBE, attach_uprobes, KERN_UPROBES},
	[LANG_PROBE_KPROBE] = {BPF_PROG_TYPE_KPROBE, attach_kprobes, KERN_KPROBES},
	[LANG_PROBE_KRETPROBE] = {BPF_PROG_TYPE_KPROBE, attach_kprobes, KERN_KPROBES},
};

/* --- all of it ---------------------------------------------------------------------------------- */

static int load_unit(struct loaded *l, const struct lang_unit *unit, struct loaded_unit *out,
		     struct diag *diag)
{
	struct kern_load load = {.type = kinds[unit->kind].program,
				 .attach = (enum bpf_attach_type)kinds[unit->kind].type,
				 .name = "piste_script"};
	/* borrowed: never grown, never freed */
	struct bpf_asm code = {0};

	if (unit->kind == LANG_PROBE_TRACEPOINT && unit->context == LANG_CONTEXT_RAW)
		load.type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	code.insns.items = (struct bpf_insn *)unit->insns;
	code.insns.len = unit->n_insns;
	code.relocs.items = (struct bpf_reloc *)unit->relocs;
	code.relocs.len = unit->n_relocs;
	out->unit = unit;
	out->program = kern_load(&load, &code, &l->maps, diag);
	return out->program < 0 ? out->program : 0;
}

int loaded_open(struct loaded *l, const struct lang_program *program, struct diag *diag)
{
	int err;

	*l = (struct loaded){0};
	err = make_maps(l, program, diag);
	if (err)
		return err;
	l->units = calloc(program->n_units + 1, sizeof(*l->units));
	if (!l->units)
		return -ENOMEM;
	for (const struct lang_unit *u = program->units; u; u = u->next) {
		err = load_unit(l, u, &l->units[l->n_units], diag);
		if (err)
			return err;
		l->n_units++;
	}
	return 0;
}

int loaded_attach(struct loaded *l, int pid, struct diag *diag)
{
	for (size_t i = 0; i < l->n_units; i++) {
		struct loaded_unit *u = &l->units[i];
		int err;

		l->n_attached += u->unit->n_targets;
		if (!kinds[u->unit->kind].attach)
			continue;
		err = kinds[u->unit->kind].attach(l, u, pid, diag);
		if (err < 0) {
			diag_error(diag, NULL, "%s could not be attached", u->unit->name);
			return err;
		}
	}
	return 0;
}

int loaded_run_unit(const struct loaded_unit *u, struct diag *diag)
{
	return kern_program_run(u->program, diag);
}

int loaded_run(const struct loaded *l, enum lang_probe_kind kind, struct diag *diag)
{
	int err = 0;

	for (size_t i = 0; i < l->n_units && !err; i++)
		if (l->units[i].unit->kind == kind)
			err = loaded_run_unit(&l->units[i], diag);
	return err;
}

uint64_t loaded_tick(struct loaded *l, uint64_t now_ns, struct diag *diag)
{
	uint64_t next = UINT64_MAX;
	struct timed_unit *t;

	vec_each(t, &l->timers) {
		if (t->next_ns <= now_ns) {
			loaded_run_unit(t->unit, diag);
			t->next_ns += t->period_ns;
			if (t->next_ns <= now_ns) /* we were kept from running: no catching up */
				t->next_ns = now_ns + t->period_ns;
		}
		if (t->next_ns - now_ns < next)
			next = t->next_ns - now_ns;
	}
	return next;
}

void loaded_detach(struct loaded *l)
{
	int *link;

	vec_each(link, &l->links)
		close(*link);
	vec_fini(&l->links);
}

void loaded_fini(struct loaded *l)
{
	loaded_detach(l);
	for (size_t i = 0; i < l->n_units; i++)
		close(l->units[i].program);
	free(l->units);
	vec_fini(&l->timers);
	kern_maps_fini(&l->maps);
}
