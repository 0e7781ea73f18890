/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "base/fs.h"
#include "bpf/asm.h"
#include "kern/event.h"
#include "kern/load.h"
#include "kern/ring.h"
#include "kern/rights.h"

/*
 * The reader on a ring made by hand, and the whole ring in the kernel: programs on
 * system calls, wake-ups, softirqs and timers, which interrupt each other, write numbered
 * records of changing sizes into the smallest ring; what was counted beside it must be what
 * was read and what was lost.
 */

/* --- the reader alone --- */

static void put(struct kern_ring *ring, uint64_t *position, uint16_t id, uint16_t size)
{
	struct kern_ring_control *c = kern_ring_control(ring, 0);
	uint8_t *at = (uint8_t *)c + KERN_RING_CONTROL + (*position & (ring->bytes - 1));

	memcpy(at, &id, 2);
	memcpy(at + 2, &size, 2);
	*position += (size + 7u) & ~7u;
	c->head = c->committed = *position;
}

TEST(spans_end_behind_the_wrap)
{
	struct kern_ring ring = {.bytes = KERN_RING_MIN, .cpus = 1};
	struct span s;
	uint64_t position = KERN_RING_MIN - 64;

	ring.stride = KERN_RING_CONTROL + KERN_RING_MIN + KERN_RING_SLACK;
	ring.memory = aligned_alloc(4096, ring.stride);
	REQUIRE(ring.memory != NULL);
	memset(ring.memory, 0, ring.stride);
	kern_ring_control(&ring, 0)->consumed = position;
	kern_ring_control(&ring, 0)->head = kern_ring_control(&ring, 0)->committed = position;
	CHECK_INT(kern_ring_read(&ring, 0, false).len, 0);
	put(&ring, &position, 1, 40);
	put(&ring, &position, 2, 1001); /* over the end: into the slack */
	put(&ring, &position, 3, 24);
	s = kern_ring_read(&ring, 0, false);
	CHECK_INT(s.len, 40 + 1008);
	kern_ring_consume(&ring, 0, 40);
	s = kern_ring_read(&ring, 0, false);
	CHECK_INT(s.len, 1008);
	CHECK_INT(s.data[0], 2);
	kern_ring_consume(&ring, 0, s.len);
	s = kern_ring_read(&ring, 0, false);
	CHECK_INT(s.len, 24);
	CHECK_INT(s.data[0], 3);
	kern_ring_consume(&ring, 0, s.len);
	CHECK_INT(kern_ring_read(&ring, 0, false).len, 0);
	free(ring.memory);
}

/* While a program is at work, only what it published counts; afterwards all of it. */
TEST(records_being_written_are_not_read)
{
	struct kern_ring ring = {.bytes = KERN_RING_MIN, .cpus = 1};
	struct kern_ring_control *c;
	uint64_t position = 0;

	ring.stride = KERN_RING_CONTROL + KERN_RING_MIN + KERN_RING_SLACK;
	ring.memory = aligned_alloc(4096, ring.stride);
	REQUIRE(ring.memory != NULL);
	memset(ring.memory, 0, ring.stride);
	c = kern_ring_control(&ring, 0);
	put(&ring, &position, 1, 24);
	c->head = 64;
	c->nest = 1;
	CHECK_INT(kern_ring_read(&ring, 0, false).len, 24);
	CHECK_INT(kern_ring_read(&ring, 0, true).len, 24);
	put(&ring, &position, 2, 40);
	c->committed = 24; /* an interrupt's record, which nobody published */
	c->nest = 0;
	CHECK_INT(kern_ring_read(&ring, 0, true).len, 64);
	free(ring.memory);
}

/* --- in the kernel --- */

enum { N_TRACEPOINTS = 6, SEED_SHIFT = 3 };

static const char *const tracepoints[N_TRACEPOINTS] = {
	"sys_enter",    "sys_exit", "sched_waking", "softirq_entry", "hrtimer_expire_entry",
	"sched_switch",
};

struct storm {
	struct kern_maps maps;
	struct kern_ring ring;
	uint32_t counts; /* a map: emitted so far, of each CPU */
	int programs[N_TRACEPOINTS], links[N_TRACEPOINTS];
	uint64_t read[64], newest[64], back, broken, wrong;
};

/* Counts, then writes { id, size, time, number, filler }: number is the count at the time. */
static int make_program(struct storm *s, int i, bool is_variable)
{
	struct bpf_asm a = {0};
	unsigned out = asm_label(&a), small = asm_label(&a);
	struct kern_load load = {.type = BPF_PROG_TYPE_RAW_TRACEPOINT, .name = tracepoints[i]};
	int fd;

	asm_call(&a, BPF_FUNC_get_smp_processor_id);
	asm_store(&a, BPF_W, BPF_REG_10, -4, BPF_REG_0);
	asm_mov(&a, BPF_REG_2, BPF_REG_10);
	asm_alu_imm(&a, BPF_ADD, BPF_REG_2, -4);
	asm_load_map(&a, BPF_REG_1, s->counts);
	asm_call(&a, BPF_FUNC_map_lookup_elem);
	asm_jump_imm(&a, BPF_JEQ, BPF_REG_0, 0, out);
	asm_mov_imm(&a, BPF_REG_6, 1);
	asm_atomic(&a, BPF_DW, BPF_ADD | BPF_FETCH, BPF_REG_0, 0, BPF_REG_6);
	ring_emit_find(&s->ring, &a, out);
	ring_emit_reserve(&s->ring, &a, is_variable ? 512 : 40, out);
	asm_store_imm(&a, BPF_H, BPF_REG_7, 0, i);
	asm_call(&a, BPF_FUNC_ktime_get_ns);
	asm_store(&a, BPF_DW, BPF_REG_7, 4, BPF_REG_0);
	asm_store(&a, BPF_DW, BPF_REG_7, 12, BPF_REG_6);
	asm_store_imm(&a, BPF_DW, BPF_REG_7, 20, 0x5a5a5a5a);
	if (is_variable) { /* 28 … 475 bytes, of which all may be another's when given back */
		asm_mov(&a, BPF_REG_0, BPF_REG_6);
		asm_alu_imm(&a, BPF_AND, BPF_REG_0, 0x1ff);
		asm_jump_imm(&a, BPF_JLE, BPF_REG_0, 480, small);
		asm_mov_imm(&a, BPF_REG_0, 480);
		asm_bind(&a, small);
		asm_alu_imm(&a, BPF_ADD, BPF_REG_0, 28);
		asm_store(&a, BPF_H, BPF_REG_7, 2, BPF_REG_0);
		ring_emit_commit(&s->ring, &a, 512, 0);
	} else {
		asm_store_imm(&a, BPF_H, BPF_REG_7, 2, 40);
		ring_emit_commit(&s->ring, &a, 40, 40);
	}
	asm_bind(&a, out);
	asm_return(&a, 0);
	CHECK_INT(asm_finish(&a), 0);
	fd = kern_load(&load, &a, &s->maps, NULL);
	asm_fini(&a);
	return fd;
}

static bool start(struct storm *s, bool is_variable, unsigned cpus)
{
	struct kern_map_spec counts = {BPF_MAP_TYPE_ARRAY, "counts", 4, 64, cpus, BPF_F_MMAPABLE};
	int number = kern_maps_add(&s->maps, &counts, NULL);

	if (!CHECK(number >= 0) || !CHECK(!kern_ring_init(&s->ring, &s->maps, cpus, 1, NULL)))
		return false;
	s->counts = (uint32_t)number;
	for (int i = 0; i < N_TRACEPOINTS; i++) {
		s->programs[i] = make_program(s, i, is_variable);
		if (!CHECK(s->programs[i] >= 0))
			return false;
	}
	for (int i = 0; i < N_TRACEPOINTS; i++) {
		s->links[i] = kern_attach_raw(s->programs[i], tracepoints[i], NULL);
		if (!CHECK(s->links[i] >= 0))
			return false;
	}
	return true;
}

static void take(struct storm *s, unsigned cpu, bool is_over)
{
	struct span span;

	while ((span = kern_ring_read(&s->ring, cpu, is_over)).len) {
		for (size_t at = 0; at < span.len;) {
			uint16_t head[2];
			uint64_t time;
			uint32_t filler;

			memcpy(head, span.data + at, 4);
			if (!head[1] || at + head[1] > span.len) {
				s->broken++;
				break;
			}
			if (head[0] != KERN_ID_PAD) {
				memcpy(&time, span.data + at + 4, 8);
				memcpy(&filler, span.data + at + 20, 4);
				s->wrong += filler != 0x5a5a5a5a || head[0] >= N_TRACEPOINTS;
				s->back += time < s->newest[cpu];
				s->newest[cpu] = time;
				s->read[cpu]++;
			}
			at += (head[1] + 7u) & ~7u;
		}
		kern_ring_consume(&s->ring, cpu, span.len);
	}
}

static atomic_bool is_enough;

static void *make_calls(void *arg)
{
	int fds[2];
	char c = 0;

	(void)arg;
	if (pipe(fds))
		return NULL;
	while (!atomic_load(&is_enough)) {
		for (int i = 0; i < 200; i++)
			syscall(SYS_getppid);
		for (int i = 0; i < 10; i++)
			if (write(fds[1], &c, 1) != 1 || read(fds[0], &c, 1) != 1)
				break;
		usleep(50); /* timers, wake-ups */
	}
	close(fds[0]);
	close(fds[1]);
	return NULL;
}

static void stop(struct storm *s)
{
	for (int i = 0; i < N_TRACEPOINTS; i++)
		close(s->links[i]);
	usleep(50000); /* those on their way end */
	for (unsigned cpu = 0; cpu < s->ring.cpus; cpu++)
		take(s, cpu, true);
}

static void check_sums(struct storm *s, bool must_lose)
{
	const struct kern_map *counts = &s->maps.items.items[s->counts];
	uint64_t all = 0, lost = 0, emitted, read = 0;

	for (unsigned cpu = 0; cpu < s->ring.cpus; cpu++) {
		memcpy(&emitted, (uint8_t *)counts->memory + counts->stride * cpu, 8);
		CHECK_INT(s->read[cpu] + kern_ring_lost(&s->ring, cpu), emitted);
		CHECK_INT(kern_ring_control(&s->ring, cpu)->nest, 0);
		all += emitted;
		read += s->read[cpu];
		lost += kern_ring_lost(&s->ring, cpu);
	}
	printf("# %" PRIu64 " emitted, %" PRIu64 " read, %" PRIu64 " lost, %" PRIu64
	       " times back\n",
	       all, read, lost, s->back);
	CHECK(all > 10000);
	CHECK(read > 1000);
	CHECK(!must_lose || lost > 0);
	CHECK_INT(s->broken, 0);
	CHECK_INT(s->wrong, 0);
	CHECK(s->back * 100 < read + 100); /* nested ones, no more */
}

static void storm(bool is_variable, unsigned pause_us, bool must_lose)
{
	unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	struct storm s = {0};
	pthread_t threads[4];

	if (rights_need_events("", NULL))
		SKIP("needs root, or CAP_BPF and CAP_PERFMON");
	REQUIRE(cpus <= 64 && start(&s, is_variable, cpus));
	for (int i = 0; i < 4; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, make_calls, NULL), 0);
	for (uint64_t end = clock_monotonic_ns() + 1000000000; clock_monotonic_ns() < end;) {
		usleep(pause_us);
		for (unsigned cpu = 0; cpu < cpus; cpu++)
			take(&s, cpu, false);
	}
	atomic_store(&is_enough, true);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	stop(&s);
	check_sums(&s, must_lose);
	for (int i = 0; i < N_TRACEPOINTS; i++)
		close(s.programs[i]);
	kern_maps_fini(&s.maps);
}

TEST(storm_of_fixed_records)
{
	storm(false, 100, false);
}

TEST(storm_of_variable_records)
{
	storm(true, 100, false);
}

TEST(storm_of_variable_records_with_losses)
{
	storm(true, 50000, true);
}
