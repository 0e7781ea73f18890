/* SPDX-License-Identifier: MIT */
/*
 * Maps, programs and links of count-program.c, and the reading of its tables:
 * what they held at the last reading is kept in a copy of the same layout, and
 * the difference is what came since. 32-bit buckets may wrap between.
 */
#include "kern/count.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/fs.h"
#include "base/hist.h"
#include "base/str.h"
#include "kern/btf.h"
#include "kern/load.h"
#include "kern/rights.h"

enum {
	SLOT_BITS = 12, /* 4096 pairs of process and call on a CPU: 4 MiB with latencies */
	MIN_SLOT_BITS = 8,
	ENTRY_BITS = 16, /* 1 MiB */
	MIN_ENTRY_BITS = 8,
	MAX_TABLES_BYTES = 256 << 20, /* of all CPUs */
};

enum { PROGRAM_EXIT, PROGRAM_ENTER, N_PROGRAMS };

static const struct {
	const char *name, *tracepoint;
	int (*emit)(struct bpf_asm *a, const struct count_plan *p);
} kinds[N_PROGRAMS] = {
	[PROGRAM_EXIT] = {"piste_top_exit", "btf_trace_sys_exit", count_emit_exit},
	[PROGRAM_ENTER] = {"piste_top_enter", "btf_trace_sys_enter", count_emit_enter},
};

struct count {
	struct count_plan plan;
	struct kern_maps maps;
	struct bpf_asm code[N_PROGRAMS];
	int programs[N_PROGRAMS], links[N_PROGRAMS];
	uint8_t *tables; /* of the map: programs write, we read, and write 0 to keys and max_ns */
	const struct count_entry *entries; /* of the map, or NULL */
	uint8_t *before; /* of the tables, as last read */
	bool sees_pids;
};

/* --- opening ------------------------------------------------------------------------- */

/* Where what the programs need lies in this kernel. */
static int find_places(struct count_plan *p, const struct btf_index *btf, struct diag *diag)
{
#if defined(__aarch64__)
	static const char regs_call[] = "pt_regs.syscallno";
#else
	static const char regs_call[] = "pt_regs.orig_ax";
#endif
	struct btf_place place;

	if (btf_path(btf, regs_call, &place, diag))
		return -EOPNOTSUPP;
	p->regs_call = (int)place.offset;
	p->regs_call_bytes = place.size;
	if (btf_path(btf, "task_struct.pid", &place, diag))
		return -EOPNOTSUPP;
	p->task_tid = (int)place.offset;
	if (btf_path(btf, "task_struct.tgid", &place, diag))
		return -EOPNOTSUPP;
	p->task_tgid = (int)place.offset;
	p->task_status = -1;
#if defined(__x86_64__)
	if (!btf_path(btf, "task_struct.thread_info.status", &place, NULL))
		p->task_status = (int)place.offset;
#endif
	return 0;
}

/* log2 of the least power of two that holds n */
static unsigned bits_for(uint64_t n)
{
	return n < 2 ? 0 : 64 - (unsigned)__builtin_clzll(n - 1);
}

static uint64_t read_pid_max(void)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t max;
	size_t len;

	if (fs_read_file(AT_FDCWD, "/proc/sys/kernel/pid_max", 64, &text, &len))
		return UINT64_C(1) << ENTRY_BITS;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, &max) ? UINT64_C(1) << ENTRY_BITS : max;
}

static int choose_sizes(struct count_plan *p)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	p->n_cpus = (unsigned)cpus;
	p->entry_bits = bits_for(read_pid_max());
	if (p->entry_bits > ENTRY_BITS)
		p->entry_bits = ENTRY_BITS;
	if (p->entry_bits < MIN_ENTRY_BITS)
		p->entry_bits = MIN_ENTRY_BITS;
	p->slot_bits = SLOT_BITS;
	while (p->slot_bits > MIN_SLOT_BITS && p->n_cpus * count_table_bytes(p) > MAX_TABLES_BYTES)
		p->slot_bits--;
	return 0;
}

static int choose_scope(struct count_plan *p, const struct count_options *o, bool sees_pids,
			struct diag *diag)
{
	if (o->n_pids > COUNT_MAX_PIDS)
		return diag_error(diag, NULL, "at most %d processes can be chosen", COUNT_MAX_PIDS);
	if (o->n_pids)
		memcpy(p->pids, o->pids, o->n_pids * sizeof(*p->pids));
	p->n_pids = o->n_pids;
	if (!o->n_pids && sees_pids)
		p->left_out_pid = (uint32_t)getpid();
	if (!o->cgroup)
		return 0;
	if (!o->cgroup->is_v2) {
		diag_error(diag, NULL, "%s is a cgroup of version 1", o->cgroup->name);
		diag_hint(diag, "the kernel can tell its processes apart in version 2 only");
		return -EOPNOTSUPP;
	}
	p->cgroup = o->cgroup->id;
	for (const char *c = o->cgroup->name; *c; c++)
		p->cgroup_level += *c == '/' && c[1];
	return 0;
}

static int make_maps(struct count *c, struct diag *diag)
{
	const struct kern_map_spec tables = {
		BPF_MAP_TYPE_ARRAY,
		"piste_top",
		sizeof(uint32_t),
		(uint32_t)(c->plan.n_cpus * count_table_bytes(&c->plan)),
		1,
		BPF_F_MMAPABLE};
	const struct kern_map_spec entries = {BPF_MAP_TYPE_ARRAY,
					      "piste_top_calls",
					      sizeof(uint32_t),
					      (uint32_t)sizeof(struct count_entry)
						      << c->plan.entry_bits,
					      1,
					      BPF_F_MMAPABLE};
	int rc = kern_maps_add(&c->maps, &tables, diag);

	if (rc >= 0 && c->plan.latency)
		rc = kern_maps_add(&c->maps, &entries, diag);
	if (rc < 0)
		return rc;
	c->tables = c->maps.items.items[COUNT_MAP_TABLES].memory;
	if (c->plan.latency)
		c->entries = c->maps.items.items[COUNT_MAP_ENTRIES].memory;
	c->before = calloc(c->plan.n_cpus, count_table_bytes(&c->plan));
	return c->before ? 0 : -ENOMEM;
}

static int load_program(struct count *c, const struct btf_index *btf, int kind, struct diag *diag)
{
	struct kern_load load = {
		.type = BPF_PROG_TYPE_TRACING,
		.attach = BPF_TRACE_RAW_TP,
		.btf_id = btf_find(btf, BTF_NAMED_TYPEDEF, kinds[kind].tracepoint),
		.name = kinds[kind].name,
	};
	int rc = kinds[kind].emit(&c->code[kind], &c->plan);

	if (rc)
		return rc;
	if (!load.btf_id) {
		diag_error(diag, NULL, "this kernel has no tracepoint %s",
			   kinds[kind].tracepoint + strlen("btf_trace_"));
		diag_hint(diag, "it is built without CONFIG_FTRACE_SYSCALLS");
		return -EOPNOTSUPP;
	}
	c->programs[kind] = kern_load(&load, &c->code[kind], &c->maps, diag);
	return c->programs[kind] < 0 ? c->programs[kind] : 0;
}

/* In the order of `kinds`: exits first, so that no entry is older than the first exit seen. */
static int attach(struct count *c, const struct btf_index *btf, struct diag *diag)
{
	int n = c->plan.latency ? N_PROGRAMS : 1, rc = 0;

	for (int i = 0; i < n && !rc; i++)
		rc = load_program(c, btf, i, diag);
	for (int i = 0; i < n && !rc; i++) {
		c->links[i] = kern_attach_btf(c->programs[i],
					      kinds[i].tracepoint + strlen("btf_trace_"), diag);
		rc = c->links[i] < 0 ? c->links[i] : 0;
	}
	return rc;
}

/* The first pid namespace has a number of its own: include/linux/proc_ns.h */
static bool is_first_pid_namespace(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino == 0xeffffffcu;
}

int count_open(struct count **out, const struct count_options *options, struct diag *diag)
{
	struct btf_index *btf = NULL;
	struct count *c;
	int rc = rights_need_events("piste top", diag);

	*out = NULL;
	if (rc)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	for (int i = 0; i < N_PROGRAMS; i++)
		c->programs[i] = c->links[i] = -1;
	c->plan.latency = options->latency;
	c->sees_pids = is_first_pid_namespace();
	rc = btf_index_new(&btf, NULL, diag);
	if (!rc)
		rc = find_places(&c->plan, btf, diag);
	if (!rc)
		rc = choose_sizes(&c->plan);
	if (!rc)
		rc = choose_scope(&c->plan, options, c->sees_pids, diag);
	if (!rc)
		rc = make_maps(c, diag);
	if (!rc)
		rc = attach(c, btf, diag);
	btf_index_free(btf);
	if (rc) {
		count_free(c);
		return rc == -EPERM || rc == -EACCES ? rights_refused("piste top", "bpf", diag)
						     : rc;
	}
	*out = c;
	return 0;
}

void count_free(struct count *c)
{
	if (!c)
		return;
	for (int i = 0; i < N_PROGRAMS; i++)
		close_fdp(&c->links[i]);
	for (int i = 0; i < N_PROGRAMS; i++) {
		close_fdp(&c->programs[i]);
		asm_fini(&c->code[i]);
	}
	kern_maps_fini(&c->maps);
	free(c->before);
	free(c);
}

/* --- reading --------------------------------------------------------------------------- */

struct reading {
	struct count *c;
	count_fn *fn;
	void *data;
	uint8_t *table, *before; /* of the CPU at hand */
	uint32_t buckets[COUNT_BUCKETS];
};

static uint64_t load_u64(const uint64_t *from)
{
	return atomic_load_explicit((const _Atomic uint64_t *)from, memory_order_relaxed);
}

/* How far a counter has come since, and remembers where it is. */
static uint64_t advance(const uint64_t *now, uint64_t *before)
{
	uint64_t value = load_u64(now), by = value - *before;

	*before = value;
	return by;
}

static const uint32_t *read_buckets(struct reading *r, const struct count_slot *slot,
				    struct count_slot *before)
{
	const uint32_t *now = (const uint32_t *)(slot + 1);
	uint32_t *then = (uint32_t *)(before + 1);

	if (!r->c->plan.latency)
		return NULL;
	for (size_t i = 0; i < COUNT_BUCKETS; i++) {
		uint32_t value = atomic_load_explicit((const _Atomic uint32_t *)&now[i],
						      memory_order_relaxed);

		r->buckets[i] = value - then[i];
		then[i] = value;
	}
	return r->buckets;
}

static int read_slot(struct reading *r, size_t index, uint32_t key)
{
	size_t offset = count_slots_offset(&r->c->plan) + index * count_slot_bytes(&r->c->plan);
	struct count_slot *slot = (struct count_slot *)(r->table + offset);
	struct count_slot *before = (struct count_slot *)(r->before + offset);
	struct count_delta d = {
		.pid = key >> COUNT_CALL_BITS,
		.call = key & (COUNT_CALLS - 1),
		.calls = advance(&slot->calls, &before->calls),
	};
	char comm[sizeof(slot->comm) + 1] = {0};

	if (!d.calls)
		return 0;
	d.errors = advance(&slot->errors, &before->errors);
	d.unmeasured = advance(&slot->unmeasured, &before->unmeasured);
	d.sum_ns = advance(&slot->sum_ns, &before->sum_ns);
	if (r->c->plan.latency)
		d.max_ns = atomic_exchange_explicit((_Atomic uint64_t *)&slot->max_ns, 0,
						    memory_order_relaxed);
	d.buckets = read_buckets(r, slot, before);
	d.cgroup = slot->cgroup;
	memcpy(comm, slot->comm, sizeof(slot->comm));
	d.comm = comm;
	return r->fn(r->data, &d);
}

static bool is_gone(uint32_t pid)
{
	return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* The slots that have an owner. Those of processes that are gone are given back after they were
 * read, so that their last calls are theirs; the program then sees 0, and may take them. */
static int read_owned(struct reading *r, bool give_back)
{
	_Atomic uint32_t *keys = (_Atomic uint32_t *)(r->table + sizeof(struct count_head));
	int rc = 0;

	for (size_t i = 0; i < (size_t)1 << r->c->plan.slot_bits && !rc; i++) {
		/* acquire: the program's exchange of the key, behind cgroup and comm */
		uint32_t key = atomic_load_explicit(&keys[i], memory_order_acquire);
		bool gone;

		if (!key)
			continue;
		gone = give_back && is_gone(key >> COUNT_CALL_BITS);
		rc = read_slot(r, i, key);
		if (gone)
			atomic_store_explicit(&keys[i], 0, memory_order_release);
	}
	return rc;
}

static size_t count_owned(const struct reading *r)
{
	const uint32_t *keys = (const uint32_t *)(r->table + sizeof(struct count_head));
	size_t n = 0;

	for (size_t i = 0; i < (size_t)1 << r->c->plan.slot_bits; i++)
		n += keys[i] != 0;
	return n;
}

/* The slots of calls whose process had none. */
static int read_others(struct reading *r)
{
	const struct count_head *head = (const struct count_head *)r->table;
	struct count_head *before = (struct count_head *)r->before;
	int rc = 0;

	if (!advance(&head->others, &before->others))
		return 0;
	for (uint32_t call = 0; call < COUNT_CALLS && !rc; call++)
		rc = read_slot(r, ((size_t)1 << r->c->plan.slot_bits) + call, call);
	return rc;
}

int count_read(struct count *c, count_fn *fn, void *data)
{
	struct reading r = {.c = c, .fn = fn, .data = data};
	size_t n_slots = (size_t)1 << c->plan.slot_bits;
	int rc = 0;

	for (unsigned cpu = 0; cpu < c->plan.n_cpus && !rc; cpu++) {
		r.table = c->tables + cpu * count_table_bytes(&c->plan);
		r.before = c->before + cpu * count_table_bytes(&c->plan);
		rc = read_owned(&r, c->sees_pids && count_owned(&r) > n_slots / 4);
		if (!rc)
			rc = read_others(&r);
	}
	return rc;
}

void count_each_pending(const struct count *c, count_pending_fn *fn, void *data)
{
	if (!c->entries)
		return;
	for (size_t i = 0; i < (size_t)1 << c->plan.entry_bits; i++) {
		const struct count_entry *e = &c->entries[i];
		uint32_t tid = atomic_load_explicit((const _Atomic uint32_t *)&e->tid,
						    memory_order_relaxed);
		struct count_pending p = {
			.pid = e->key >> COUNT_CALL_BITS,
			.tid = tid,
			.call = e->key & (COUNT_CALLS - 1),
			.since_ns = load_u64(&e->time_ns),
		};

		if (tid)
			fn(data, &p);
	}
}

uint64_t count_missed(const struct count *c)
{
	uint64_t n = 0;

	for (int i = 0; i < N_PROGRAMS; i++)
		if (c->programs[i] >= 0)
			n += kern_program_misses(c->programs[i]);
	return n;
}

bool count_sees_pids(const struct count *c)
{
	return c->sees_pids;
}

uint64_t count_bucket_low_ns(unsigned bucket)
{
	return hist_bucket_low(bucket, COUNT_HIST_BITS) << COUNT_UNIT_BITS;
}

uint64_t count_bucket_ns(unsigned bucket)
{
	return (hist_bucket_middle(bucket, COUNT_HIST_BITS) << COUNT_UNIT_BITS) +
	       (1 << COUNT_UNIT_BITS) / 2;
}
