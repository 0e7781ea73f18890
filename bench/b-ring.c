/* SPDX-License-Identifier: MIT */
/*
 * What recording adds to a bare system call, both sys_enter and sys_exit taken:
 * nothing, empty programs, 24-byte records into our ring, into BPF ring buffers
 * (one a CPU), and into a tracefs instance. A reader empties the rings
 * meanwhile, on another CPU. Prints the best of turns that alternate, in ns.
 *
 *	b-ring [TURNS]
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bpf/asm.h"
#include "kern/load.h"
#include "kern/ring.h"

enum {
	BATCHES = 500,
	BATCH = 500,
	TURNS_MOST = 99,
	N_POINTS = 2,
	RECORD = 24,
	RINGBUF_BYTES = 8 << 20
};

static const char *const points[N_POINTS] = {"sys_enter", "sys_exit"};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of short batches the lowest decile: what else the machine does is in the others. */
static double call_ns(void)
{
	static double ns[BATCHES];
	struct timespec a, b;

	for (int i = 0; i < BATCHES; i++) {
		clock_gettime(CLOCK_MONOTONIC_RAW, &a);
		for (int j = 0; j < BATCH; j++)
			syscall(SYS_getppid);
		clock_gettime(CLOCK_MONOTONIC_RAW, &b);
		ns[i] = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
			BATCH;
	}
	qsort(ns, BATCHES, sizeof(*ns), by_size);
	return ns[BATCHES / 10];
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- programs --------------------------------------------------------------------- */

static struct kern_maps maps;
static struct kern_ring ring;
static uint32_t outer; /* of the BPF ring buffers */
static int ringbufs[64];
static atomic_bool is_over;
static uint64_t lost_ringbuf;

static void emit_nothing(struct bpf_asm *a, unsigned out)
{
	(void)a, (void)out;
}

/* Our record: id, size, time, tid and pid. */
static void emit_ring(struct bpf_asm *a, unsigned out)
{
	ring_emit_find(&ring, a, out);
	ring_emit_reserve(&ring, a, RECORD, out);
	asm_store_imm(a, BPF_W, BPF_REG_7, 0, RECORD << 16 | 1);
	asm_call(a, BPF_FUNC_ktime_get_ns);
	asm_store(a, BPF_DW, BPF_REG_7, 4, BPF_REG_0);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_6, 8);
	asm_store(a, BPF_DW, BPF_REG_7, 12, BPF_REG_1);
	asm_store_imm(a, BPF_W, BPF_REG_7, 20, 0);
	ring_emit_commit(&ring, a, RECORD, RECORD);
}

static void emit_ringbuf(struct bpf_asm *a, unsigned out)
{
	unsigned full = asm_label(a);

	asm_call(a, BPF_FUNC_get_smp_processor_id);
	asm_store(a, BPF_W, BPF_REG_10, -4, BPF_REG_0);
	asm_mov(a, BPF_REG_2, BPF_REG_10);
	asm_alu_imm(a, BPF_ADD, BPF_REG_2, -4);
	asm_load_map(a, BPF_REG_1, outer);
	asm_call(a, BPF_FUNC_map_lookup_elem);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_0, 0, out);
	asm_mov(a, BPF_REG_1, BPF_REG_0);
	asm_mov_imm(a, BPF_REG_2, RECORD);
	asm_mov_imm(a, BPF_REG_3, 0);
	asm_call(a, BPF_FUNC_ringbuf_reserve);
	asm_jump_imm(a, BPF_JEQ, BPF_REG_0, 0, full);
	asm_mov(a, BPF_REG_7, BPF_REG_0);
	asm_store_imm(a, BPF_W, BPF_REG_7, 0, RECORD << 16 | 1);
	asm_store_imm(a, BPF_W, BPF_REG_7, 4, 0);
	asm_call(a, BPF_FUNC_ktime_get_ns);
	asm_store(a, BPF_DW, BPF_REG_7, 8, BPF_REG_0);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_6, 8);
	asm_store(a, BPF_DW, BPF_REG_7, 16, BPF_REG_1);
	asm_mov(a, BPF_REG_1, BPF_REG_7);
	asm_mov_imm(a, BPF_REG_2, BPF_RB_NO_WAKEUP);
	asm_call(a, BPF_FUNC_ringbuf_submit);
	asm_jump(a, out);
	asm_bind(a, full);
	asm_load_map_value(a, BPF_REG_1, outer + 1, 0);
	asm_mov_imm(a, BPF_REG_2, 1);
	asm_atomic(a, BPF_DW, BPF_ADD, BPF_REG_1, 0, BPF_REG_2);
}

static int load(void (*body)(struct bpf_asm *, unsigned), const char *name)
{
	struct kern_load spec = {.type = BPF_PROG_TYPE_RAW_TRACEPOINT, .name = name};
	struct diag diag = {0};
	struct bpf_asm a = {0};
	unsigned out = asm_label(&a);
	int fd;

	asm_mov(&a, BPF_REG_6, BPF_REG_1);
	body(&a, out);
	asm_bind(&a, out);
	asm_return(&a, 0);
	if (asm_finish(&a))
		die("assembling");
	fd = kern_load(&spec, &a, &maps, &diag);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", name, diag.len ? diag.entries[0].message : "?");
		exit(2);
	}
	asm_fini(&a);
	return fd;
}

/* --- readers ---------------------------------------------------------------------- */

static void *read_ring(void *arg)
{
	pin(0);
	while (!atomic_load(&is_over)) {
		for (unsigned cpu = 0; cpu < ring.cpus; cpu++)
			kern_ring_consume(&ring, cpu, kern_ring_read(&ring, cpu, false).len);
		usleep(1000);
	}
	return arg;
}

static int nothing(void *ctx, void *data, size_t len)
{
	(void)ctx, (void)data, (void)len;
	return 0;
}

static void *read_ringbufs(void *arg)
{
	struct ring_buffer *all = NULL;

	pin(0);
	for (unsigned cpu = 0; cpu < ring.cpus; cpu++)
		if (!all)
			all = ring_buffer__new(ringbufs[cpu], nothing, NULL, NULL);
		else
			ring_buffer__add(all, ringbufs[cpu], nothing, NULL);
	while (!atomic_load(&is_over)) {
		ring_buffer__consume(all);
		usleep(1000);
	}
	ring_buffer__free(all);
	return arg;
}

/* --- tracefs ---------------------------------------------------------------------- */

static int tracefs = -1, instance = -1;
static char instance_name[64];

static void write_file(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void tracefs_begin(void)
{
	int fs = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);

	syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	tracefs = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	snprintf(instance_name, sizeof(instance_name), "instances/piste-bench-%d", getpid());
	if (tracefs < 0 || mkdirat(tracefs, instance_name, 0700))
		die(instance_name);
	instance = openat(tracefs, instance_name, O_RDONLY | O_DIRECTORY);
	write_file(instance, "buffer_size_kb", "8192");
	write_file(instance, "trace_clock", "x86-tsc");
	close(fs);
}

static void tracefs_end(void)
{
	close(instance);
	if (unlinkat(tracefs, instance_name, AT_REMOVEDIR))
		die(instance_name);
	close(tracefs);
}

static void tracefs_enable(bool on)
{
	write_file(instance, "events/raw_syscalls/enable", on ? "1" : "0");
}

/* --- turns ------------------------------------------------------------------------ */

static const struct variant {
	const char *name;
	void (*body)(struct bpf_asm *, unsigned);
	void *(*reader)(void *);
	bool is_tracefs;
} variants[] = {
	{"bare", NULL, NULL, false},           {"empty", emit_nothing, NULL, false},
	{"ring", emit_ring, read_ring, false}, {"ringbuf", emit_ringbuf, read_ringbufs, false},
	{"tracefs", NULL, NULL, true},
};
enum { N_VARIANTS = sizeof(variants) / sizeof(*variants) };

static double turn(const struct variant *v, const int *programs)
{
	int links[N_POINTS] = {-1, -1};
	pthread_t reader;
	double ns;

	atomic_store(&is_over, false);
	if (v->reader && pthread_create(&reader, NULL, v->reader, NULL))
		die("thread");
	for (int i = 0; v->body && i < N_POINTS; i++) {
		links[i] = kern_attach_raw(programs[i], points[i], NULL);
		if (links[i] < 0)
			die(points[i]);
	}
	if (v->is_tracefs)
		tracefs_enable(true);
	ns = call_ns();
	if (v->is_tracefs)
		tracefs_enable(false);
	for (int i = 0; v->body && i < N_POINTS; i++)
		close(links[i]);
	atomic_store(&is_over, true);
	if (v->reader)
		pthread_join(reader, NULL);
	return ns;
}

static void make_ringbufs(unsigned cpus)
{
	struct kern_map_spec count = {BPF_MAP_TYPE_ARRAY, "lost", 4, 8, 1, BPF_F_MMAPABLE};
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	struct kern_map map = {.fd = -1};

	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		ringbufs[cpu] =
			bpf_map_create(BPF_MAP_TYPE_RINGBUF, "bench", 0, 0, RINGBUF_BYTES, NULL);
		if (ringbufs[cpu] < 0)
			die("BPF ring buffer");
	}
	opts.inner_map_fd = (uint32_t)ringbufs[0];
	map.fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "bench", 4, 4, cpus, &opts);
	for (uint32_t cpu = 0; cpu < cpus; cpu++)
		if (map.fd < 0 || bpf_map_update_elem(map.fd, &cpu, &ringbufs[cpu], 0))
			die("array of ring buffers");
	outer = (uint32_t)maps.items.len;
	if (vec_push(&maps.items, map) || kern_maps_add(&maps, &count, NULL) < 0)
		die("map");
}

int main(int argc, char **argv)
{
	int turns = argc > 1 ? atoi(argv[1]) : 9, programs[N_VARIANTS][N_POINTS];
	unsigned cpus = (unsigned)libbpf_num_possible_cpus();
	double ns[N_VARIANTS][TURNS_MOST];

	if (turns < 1 || turns > TURNS_MOST || cpus > 64)
		return 2;
	if (kern_ring_init(&ring, &maps, cpus, 8 << 20, NULL))
		die("ring");
	make_ringbufs(cpus);
	tracefs_begin();
	for (int v = 0; v < N_VARIANTS; v++)
		for (int i = 0; variants[v].body && i < N_POINTS; i++)
			programs[v][i] = load(variants[v].body, points[i]);
	pin((int)cpus - 1);
	for (int t = 0; t < turns; t++)
		for (int v = 0; v < N_VARIANTS; v++)
			ns[v][t] = turn(&variants[v], programs[v]);
	for (int v = 0; v < N_VARIANTS; v++) {
		qsort(ns[v], (size_t)turns, sizeof(**ns), by_size);
		printf("%s_ns %.1f\n", variants[v].name, ns[v][0]);
	}
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		lost_ringbuf += kern_ring_lost(&ring, cpu);
	printf("ring_lost %llu\n", (unsigned long long)lost_ringbuf);
	memcpy(&lost_ringbuf, maps.items.items[outer + 1].memory, 8);
	printf("ringbuf_lost %llu\n", (unsigned long long)lost_ringbuf);
	tracefs_end();
	return 0;
}
