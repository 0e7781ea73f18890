/* SPDX-License-Identifier: MIT */
#include "kern/kern.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/btf.h"
#include "kern/catalog.h"
#include "kern/filter.h"
#include "kern/maker.h"
#include "kern/rights.h"
#include "kern/sample.h"

enum { RING_BYTES = 8 << 20 };

struct kern {
	struct kern_options options;
	struct kern_catalog *catalog;
	struct kern_build build;
	struct arena arena;
	struct VEC(struct kern_event) events;
	struct VEC(int) attached; /* links, and what they hang on; closed from the last */
	bool *has_part; /* of kern_makers: whether one of its events was chosen */
	bool is_over; /* stopped */
};

/* --- programs -------------------------------------------------------------------- */

static int find_target(struct kern_load *load, const struct kern_build *build,
		       enum kern_attach attach, const char *target, struct diag *diag)
{
	bool is_function = attach != KERN_ATTACH_TRACEPOINT;
	char name[96];

	snprintf(name, sizeof(name), "%s%s", is_function ? "" : "btf_trace_", target);
	load->type = BPF_PROG_TYPE_TRACING;
	load->attach = attach == KERN_ATTACH_ENTRY    ? BPF_TRACE_FENTRY
		       : attach == KERN_ATTACH_RETURN ? BPF_TRACE_FEXIT
						      : BPF_TRACE_RAW_TP;
	load->btf_id = build->btf ? btf_find(build->btf,
					     is_function ? BTF_NAMED_FUNCTION : BTF_NAMED_TYPEDEF,
					     name)
				  : 0;
	if (load->btf_id)
		return 0;
	diag_error(diag, NULL, "this kernel has no %s %s", is_function ? "function" : "tracepoint",
		   target);
	return -EOPNOTSUPP;
}

int kern_add_program(struct kern_build *build, const struct bpf_asm *a, enum kern_attach attach,
		     const char *target, int *fd, struct diag *diag)
{
	struct kern_load load = {.type = BPF_PROG_TYPE_RAW_TRACEPOINT, .name = target};
	uint64_t hz = build->options->sample_hz;
	struct kern_program program = {.attach = attach, .hz = hz ? (uint32_t)hz : KERN_SAMPLE_HZ};
	int err;

	if (attach == KERN_ATTACH_TRACEPOINT || attach == KERN_ATTACH_ENTRY ||
	    attach == KERN_ATTACH_RETURN) {
		err = find_target(&load, build, attach, target, diag);
		if (err)
			return err;
	} else if (attach == KERN_ATTACH_SAMPLE) {
		load.type = BPF_PROG_TYPE_PERF_EVENT;
	}
	snprintf(program.target, sizeof(program.target), "%s", target);
	if (vec_reserve(&build->programs, build->programs.len + 1))
		return -ENOMEM;
	program.fd = kern_load(&load, a, &build->maps, diag);
	if (program.fd < 0)
		return program.fd;
	build->programs.items[build->programs.len++] = program;
	if (fd)
		*fd = program.fd;
	return 0;
}

int kern_attach_also(struct kern_build *build, int fd, const char *target)
{
	struct kern_program program = {.fd = fd, .is_shared = true, .attach = KERN_ATTACH_RAW};

	snprintf(program.target, sizeof(program.target), "%s", target);
	return vec_push(&build->programs, program);
}

static int keep(struct kern *k, int fd)
{
	if (fd < 0)
		return fd;
	if (!vec_push(&k->attached, fd))
		return 0;
	close(fd);
	return -ENOMEM;
}

static int attach_none(struct kern *k, const struct kern_program *p, struct diag *diag)
{
	(void)k, (void)p, (void)diag;
	return 0;
}

static int attach_tracepoint(struct kern *k, const struct kern_program *p, struct diag *diag)
{
	return keep(k, kern_attach_btf(p->fd, p->target, diag));
}

static int attach_raw(struct kern *k, const struct kern_program *p, struct diag *diag)
{
	return keep(k, kern_attach_raw(p->fd, p->target, diag));
}

/* A clock of each CPU runs the program `hz` times a second of its own time. */
static int attach_sample(struct kern *k, const struct kern_program *p, struct diag *diag)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_freq = p->hz,
		.freq = 1,
	};
	int err = 0;

	for (unsigned cpu = 0; cpu < k->build.cpus && !err; cpu++) {
		int event = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1,
					 PERF_FLAG_FD_CLOEXEC);

		if (event < 0 && errno == ENODEV) /* not there at present */
			continue;
		err = event < 0 ? -errno : keep(k, event);
		if (err)
			break;
		err = bpf_link_create(p->fd, event, BPF_PERF_EVENT, NULL);
		err = err < 0 ? -errno : keep(k, err);
	}
	if (err)
		diag_error(diag, NULL, "sampling at %u Hz: %s", p->hz, strerror(-err));
	return err;
}

static int (*const attachers[])(struct kern *, const struct kern_program *, struct diag *) = {
	[KERN_ATTACH_NONE] = attach_none,         [KERN_ATTACH_TRACEPOINT] = attach_tracepoint,
	[KERN_ATTACH_RAW] = attach_raw,           [KERN_ATTACH_ENTRY] = attach_tracepoint,
	[KERN_ATTACH_RETURN] = attach_tracepoint, [KERN_ATTACH_SAMPLE] = attach_sample,
};

/* --- opening --------------------------------------------------------------------- */

/* The chosen events whose fields the filter knows; ids are places. */
static int describe(struct kern *k, const struct kern_choice *choice, struct diag *diag)
{
	struct kern_build *b = &k->build;
	const uint32_t *number;

	b->chosen = arena_array(&k->arena, choice->len, sizeof(*b->chosen));
	if (!b->chosen || vec_reserve(&k->events, choice->len))
		return -ENOMEM;
	vec_each(number, choice) {
		const struct kern_offer *offer = &k->catalog->offers.items[*number];
		struct kern_chosen *chosen = &b->chosen[b->n_chosen];
		int err = offer->maker->describe(offer->state, offer->index, &k->arena,
						 &chosen->event, diag);

		if (err)
			return err;
		if (!kern_filter_applies(&k->options, &chosen->event))
			continue;
		chosen->event.id = (uint16_t)b->n_chosen++;
		chosen->maker = offer->maker;
		chosen->index = offer->index;
		k->events.items[k->events.len++] = chosen->event;
		for (size_t i = 0; i < kern_n_makers; i++)
			k->has_part[i] |= kern_makers[i] == offer->maker;
	}
	if (b->n_chosen)
		return 0;
	diag_error(diag, NULL, "no chosen event of the kernel has the fields that the filter uses");
	return -ENOENT;
}

/* As many bytes as asked for; by default no more than a sixteenth of the memory in all. */
static uint64_t ring_bytes(const struct kern_options *options, unsigned cpus)
{
	uint64_t bytes = options->ring_bytes ? options->ring_bytes : RING_BYTES;
	struct sysinfo info;

	if (options->ring_bytes || sysinfo(&info))
		return bytes;
	while (bytes > 1 << 20 && bytes * cpus > info.totalram * info.mem_unit / 16)
		bytes /= 2;
	return bytes;
}

static int build(struct kern *k, struct diag *diag)
{
	struct kern_build *b = &k->build;
	int cpus = libbpf_num_possible_cpus(), err;

	if (cpus <= 0)
		return -EINVAL;
	b->options = &k->options;
	b->btf = k->catalog->btf;
	b->arena = &k->arena;
	b->cpus = (unsigned)cpus;
	err = kern_scope_init(&b->scope, &k->options, b->btf, &b->maps, diag);
	if (!err)
		err = kern_ring_init(&b->ring, &b->maps, b->cpus, ring_bytes(&k->options, b->cpus),
				     diag);
	if (!err)
		err = kern_limit_init(&b->limit, &b->maps, k->options.max_rate, b->n_chosen,
				      b->cpus, diag);
	for (size_t i = 0; i < kern_n_makers && !err; i++)
		if (k->has_part[i] || kern_makers[i]->is_always_needed)
			err = kern_makers[i]->make(k->catalog->states[i], b, diag);
	return err;
}

static int open_chosen(struct kern **out, struct kern *k, const struct kern_choice *choice,
		       struct diag *diag)
{
	int err;

	k->has_part = calloc(kern_n_makers + 1, sizeof(*k->has_part));
	err = k->has_part ? rights_need_events("kernel events", diag) : -ENOMEM;
	if (!err)
		err = kern_filter_check(&k->options, diag);
	if (!err)
		err = describe(k, choice, diag);
	if (!err)
		err = build(k, diag);
	if (!err)
		*out = k;
	return err;
}

int kern_open(struct kern **out, const struct kern_options *options, struct diag *diag)
{
	struct kern *k = calloc(1, sizeof(*k));
	struct kern_choice choice = {0};
	int err;

	*out = NULL;
	if (!k) {
		kern_catalog_close(options->catalog);
		return -ENOMEM;
	}
	k->options = *options;
	k->catalog = options->catalog;
	err = k->catalog ? 0 : kern_catalog_new(&k->catalog, options, diag);
	if (!err)
		err = kern_choose(&choice, k->catalog, options, diag);
	if (!err && choice.len)
		err = open_chosen(out, k, &choice, diag);
	vec_fini(&choice);
	if (!*out)
		kern_free(k);
	if (err == -ENOMEM)
		diag_error(diag, NULL, "no memory");
	return err;
}

void kern_free(struct kern *k)
{
	struct kern_program *p;

	if (!k)
		return;
	kern_stop(k);
	vec_each(p, &k->build.programs)
		if (!p->is_shared)
			close_fdp(&p->fd);
	vec_fini(&k->build.programs);
	kern_maps_fini(&k->build.maps);
	vec_fini(&k->attached);
	vec_fini(&k->events);
	kern_catalog_close(k->catalog);
	arena_fini(&k->arena);
	free(k->has_part);
	free(k);
}

/* --- running --------------------------------------------------------------------- */

int kern_add_task(struct kern *k, uint32_t tid)
{
	int err = kern_scope_tid(&k->build.scope, tid, &tid);

	if (!err)
		err = kern_scope_add(&k->build.scope, tid);
	for (size_t i = 0; i < kern_n_makers && !err; i++)
		if (k->has_part[i] && kern_makers[i]->add_task)
			err = kern_makers[i]->add_task(k->catalog->states[i], tid);
	return err;
}

int kern_start(struct kern *k, struct diag *diag)
{
	const struct kern_program *p;
	int err = 0;

	vec_each(p, &k->build.programs)
		if (!err)
			err = attachers[p->attach](k, p, diag);
	for (size_t i = 0; i < kern_n_makers && !err; i++)
		if (k->has_part[i] && kern_makers[i]->start)
			err = kern_makers[i]->start(k->catalog->states[i], diag);
	if (err)
		kern_stop(k);
	return err;
}

void kern_stop(struct kern *k)
{
	if (!k || k->is_over)
		return;
	while (k->attached.len)
		close(k->attached.items[--k->attached.len]);
	for (size_t i = 0; k->has_part && i < kern_n_makers; i++)
		if (k->has_part[i] && kern_makers[i]->stop)
			kern_makers[i]->stop(k->catalog->states[i]);
	k->is_over = true;
}

/* --- reading --------------------------------------------------------------------- */

const struct kern_event *kern_events(const struct kern *k, size_t *n)
{
	*n = k->events.len;
	return k->events.items;
}

/* The maker with rings of its own that has streams behind ours, or NULL. */
static const struct kern_maker *other(const struct kern *k, void **state)
{
	for (size_t i = 0; i < kern_n_makers; i++)
		if (k->has_part[i] && kern_makers[i]->read) {
			*state = k->catalog->states[i];
			return kern_makers[i];
		}
	return NULL;
}

unsigned kern_streams(const struct kern *k)
{
	void *state;

	return k->build.cpus * (other(k, &state) ? 2 : 1);
}

unsigned kern_stream_cpu(const struct kern *k, unsigned stream)
{
	return stream % k->build.cpus;
}

struct span kern_read(struct kern *k, unsigned stream)
{
	void *state = NULL;

	if (stream < k->build.cpus)
		return kern_ring_read(&k->build.ring, stream, k->is_over);
	return other(k, &state)->read(state, stream - k->build.cpus);
}

void kern_consume(struct kern *k, unsigned stream, size_t bytes)
{
	void *state = NULL;

	if (stream < k->build.cpus)
		kern_ring_consume(&k->build.ring, stream, bytes);
	else
		other(k, &state)->consume(state, stream - k->build.cpus, bytes);
}

uint64_t kern_lost(const struct kern *k, unsigned stream)
{
	void *state = NULL;

	if (stream < k->build.cpus)
		return kern_ring_lost(&k->build.ring, stream);
	return other(k, &state)->lost(state, stream - k->build.cpus);
}

uint64_t kern_limited(const struct kern *k)
{
	void *state = NULL;
	const struct kern_maker *maker = other(k, &state);

	return kern_limit_count(&k->build.limit) + (maker ? maker->limited(state) : 0);
}

uint64_t kern_missed(const struct kern *k)
{
	const struct kern_program *p;
	uint64_t sum = 0;

	vec_each(p, &k->build.programs)
		sum += p->is_shared ? 0 : kern_program_misses(p->fd);
	return sum;
}
