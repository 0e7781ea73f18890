/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "base/clock.h"
#include "fake_kern.h"
#include "session/kernel.h"

static const struct kern_field call_fields[] = {
	{.name = "fd", .kind = KERN_INTEGER, .size = 4, .is_signed = true},
	{.name = "count", .kind = KERN_INTEGER, .size = 8},
};
static const struct kern_field open_fields[] = {
	{.name = "filename", .kind = KERN_TEXT},
};
static const struct kern_event events[] = {
	{.id = 0, .name = "syscall:read_entry", .fields = call_fields, .n_fields = 2},
	{.id = 1, .name = "syscall:open_entry", .fields = open_fields, .n_fields = 1},
	{.id = 2, .name = "sched:nothing"},
};

struct recording {
	struct piste_session session;
	struct model model;
	struct kern *kern;
	struct kernel *kernel;
	struct arena arena;
	struct packet packets[64];
	size_t n_packets;
};

static void start(struct recording *r, const char *filter, bool use_tsc)
{
	struct wants wants = {.session = &r->session};
	struct kernel_options options = {.ring_bytes = FAKE_RING};

	*r = (struct recording){.session = {.level = PISTE_DEBUG}};
	REQUIRE(!model_init(&r->model, 1, &wants, "test", use_tsc));
	r->kern = fake_kern(events, 3);
	if (filter)
		REQUIRE(!filter_parse(&options.filter, filter, &r->arena, NULL));
	REQUIRE(!kernel_new(&r->kernel, r->kern, &r->model, &options, NULL));
}

static size_t take(struct recording *r, enum collect what)
{
	int got;

	for (size_t i = 0; i < r->n_packets; i++)
		packet_release(&r->packets[i]);
	r->n_packets = 0;
	while (r->n_packets < 64 &&
	       (got = kernel_take(r->kernel, what, &r->packets[r->n_packets])) > 0)
		r->n_packets++;
	return r->n_packets;
}

static void end(struct recording *r)
{
	for (size_t i = 0; i < r->n_packets; i++)
		packet_release(&r->packets[i]);
	kernel_free(r->kernel);
	kern_free(r->kern);
	model_fini(&r->model);
	arena_fini(&r->arena);
}

static void call(struct recording *r, unsigned cpu, uint64_t ns)
{
	uint8_t payload[12] = {3};

	fake_record(r->kern, cpu, 0, ns, 1001, payload, sizeof(payload));
}

static uint64_t time_at(const struct packet *p, uint32_t at)
{
	uint64_t time;

	memcpy(&time, p->data + at + 4, 8);
	return time;
}

/* Whether times go up from record to record, and the packet says what is in it. */
static uint64_t check_packet(const struct packet *p)
{
	uint64_t last = p->begin, n = 0;
	uint32_t at = 0;

	while (at < p->size) {
		uint16_t size;

		memcpy(&size, p->data + at + 2, 2);
		CHECK(size >= KERN_RECORD_HEAD);
		if (n == 0)
			CHECK_INT(time_at(p, at), p->begin);
		CHECK(time_at(p, at) >= last);
		last = time_at(p, at);
		n++;
		if (at + size == p->size)
			break;
		at += PISTE_RECORD_ALIGN(size);
	}
	CHECK_INT(last, p->end);
	CHECK_INT(n, p->events);
	return n;
}

TEST(records_become_packets_of_their_cpu)
{
	struct recording r;
	struct kernel_totals t;

	start(&r, NULL, false);
	CHECK_INT(take(&r, COLLECT_PARTIAL), 0);
	call(&r, 0, 100);
	call(&r, 0, 101);
	call(&r, 1, 50);
	fake_record(r.kern, 1, 1, 60, 7, "/etc/passwd", 12);
	fake_record(r.kern, 1, 2, 60, 7, NULL, 0);
	CHECK_INT(take(&r, COLLECT_FULL), 0); /* they fill no packet */
	REQUIRE(take(&r, COLLECT_PARTIAL) == 2);
	CHECK(r.packets[0].is_kernel && r.packets[1].is_kernel);
	CHECK_INT(r.packets[0].cpu, 0);
	CHECK_INT(check_packet(&r.packets[0]), 2);
	CHECK_INT(r.packets[0].begin, 100);
	CHECK_INT(r.packets[0].size, 2 * 32);
	CHECK_INT(r.packets[1].cpu, 1);
	CHECK_INT(check_packet(&r.packets[1]), 3);
	CHECK_INT(r.packets[1].end, 60);
	CHECK_INT((uintptr_t)r.packets[0].data % 4096, PACKET_KERNEL_HEAD);
	CHECK_INT(take(&r, COLLECT_PARTIAL), 0);
	kernel_totals(r.kernel, &t);
	CHECK_INT(t.events, 5);
	CHECK_INT(t.dropped_bytes, 0);
	/* and the metadata names what came, once */
	CHECK(strstr(str_c(&r.model.text), "syscall:read_entry") != NULL);
	CHECK(strstr(str_c(&r.model.text), "sched:nothing") != NULL);
	CHECK(strstr(str_c(&r.model.text), "cpu_id") != NULL);
	end(&r);
}

TEST(many_records_fill_packets)
{
	struct recording r;
	uint64_t n = 0;

	start(&r, NULL, false);
	for (uint64_t i = 0; i < 50000; i++)
		call(&r, 0, 1000 + i);
	CHECK(take(&r, COLLECT_FULL) >= 5);
	for (size_t i = 0; i < r.n_packets; i++) {
		n += check_packet(&r.packets[i]);
		CHECK(r.packets[i].size > 200000 && r.packets[i].size < 256 << 10);
		if (i)
			CHECK(r.packets[i].begin >= r.packets[i - 1].end);
	}
	CHECK_INT(take(&r, COLLECT_PARTIAL), 1);
	n += check_packet(&r.packets[0]);
	CHECK_INT(n, 50000);
	CHECK_INT(r.kern->cpus[0].head, 0);
	end(&r);
}

/* An outer record has its place first and its time last. */
TEST(nested_records_come_into_order)
{
	struct recording r;
	struct packet *p = r.packets;

	start(&r, NULL, false);
	call(&r, 0, 100);
	call(&r, 0, 200); /* interrupted by all up to 160 */
	call(&r, 0, 120);
	call(&r, 0, 150); /* itself interrupted twice */
	call(&r, 0, 130);
	call(&r, 0, 140);
	call(&r, 0, 160);
	call(&r, 0, 210);
	REQUIRE(take(&r, COLLECT_PARTIAL) == 1);
	CHECK_INT(check_packet(p), 8);
	CHECK_INT(time_at(p, 2 * 32), 130);
	CHECK_INT(time_at(p, 5 * 32), 160);
	CHECK_INT(time_at(p, 6 * 32), 200);
	end(&r);
}

/* Readers give up a stream whose time goes back. */
TEST(a_clock_that_goes_back_is_held)
{
	struct recording r;

	start(&r, NULL, false);
	call(&r, 0, 100);
	call(&r, 0, 200);
	call(&r, 0, 50); /* before what is behind it, by no nesting */
	call(&r, 0, 20);
	call(&r, 0, 300);
	REQUIRE(take(&r, COLLECT_PARTIAL) == 1);
	CHECK_INT(check_packet(&r.packets[0]), 5);
	CHECK_INT(time_at(&r.packets[0], 32), 100);
	call(&r, 0, 250); /* in the next packet */
	REQUIRE(take(&r, COLLECT_PARTIAL) == 1);
	CHECK_INT(r.packets[0].begin, 300);
	end(&r);
}

TEST(packets_do_not_part_what_is_nested)
{
	struct recording r;
	uint64_t n = 0;

	start(&r, NULL, false);
	/* groups of three, wherever a packet ends */
	for (uint64_t i = 0; i < 20000; i++) {
		call(&r, 0, 10 * i + 9);
		call(&r, 0, 10 * i + 3);
		call(&r, 0, 10 * i + 6);
	}
	CHECK(take(&r, COLLECT_PARTIAL) > 5);
	for (size_t i = 0; i < r.n_packets; i++) {
		n += check_packet(&r.packets[i]);
		CHECK_INT(r.packets[i].events % 3, 0);
		CHECK_INT(r.packets[i].begin % 10, 3);
		CHECK_INT(r.packets[i].end % 10, 9);
	}
	CHECK_INT(n, 60000);
	end(&r);
}

TEST(losses_are_told_once)
{
	struct recording r;
	struct kernel_totals t;

	start(&r, NULL, false);
	call(&r, 0, 100);
	r.kern->cpus[0].lost = 5;
	CHECK_INT(take(&r, COLLECT_PARTIAL), 1);
	CHECK_INT(r.packets[0].lost, 5);
	r.kern->cpus[1].lost = 3; /* and nothing recorded there */
	CHECK_INT(take(&r, COLLECT_FULL), 0);
	CHECK_INT(take(&r, COLLECT_PARTIAL), 1);
	CHECK_INT(r.packets[0].lost, 3);
	CHECK_INT(r.packets[0].events, 0);
	CHECK_INT(r.packets[0].size, 0);
	CHECK_INT(take(&r, COLLECT_PARTIAL), 0);
	r.kern->limited = 9;
	r.kern->missed = 2;
	CHECK_INT(take(&r, COLLECT_FULL), 0); /* a system call a program: not every time */
	CHECK_INT(take(&r, COLLECT_PARTIAL), 1);
	CHECK_INT(r.packets[0].lost, 2);
	kernel_totals(r.kernel, &t);
	CHECK_INT(t.lost, 10);
	CHECK_INT(t.limited, 9);
	end(&r);
}

TEST(what_is_no_record_is_dropped_and_counted)
{
	static const struct {
		uint16_t id;
		const char *payload;
		size_t size;
	} bad[] = {
		{9, "", 0}, /* no such event */
		{0, "short", 5}, /* another size than its fields' */
		{0, "longer than it may be", 21},
		{1, "no zero", 7},
		{1, "two\0zeros", 10},
		{2, "x", 1},
	};
	struct kernel_totals t;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct recording r;

		start(&r, NULL, false);
		call(&r, 0, 100);
		fake_record(r.kern, 0, bad[i].id, 110, 1, bad[i].payload, bad[i].size);
		call(&r, 0, 120);
		call(&r, 1, 100);
		CHECK_INT(take(&r, COLLECT_PARTIAL), 2);
		CHECK_INT(r.packets[0].events, 1);
		kernel_totals(r.kernel, &t);
		CHECK(t.dropped_bytes > 0);
		/* the next round goes on */
		call(&r, 0, 130);
		CHECK_INT(take(&r, COLLECT_PARTIAL), 1);
		end(&r);
	}
}

TEST(pads_are_stepped_over)
{
	struct recording r;
	struct kernel_totals t;
	uint32_t pad = KERN_ID_PAD | 8 << 16;

	start(&r, NULL, false);
	call(&r, 0, 100);
	memcpy(r.kern->cpus[0].bytes + r.kern->cpus[0].head, &pad, 4);
	r.kern->cpus[0].head += 8;
	call(&r, 0, 120);
	memcpy(r.kern->cpus[0].bytes + r.kern->cpus[0].head, &pad, 4);
	r.kern->cpus[0].head += 8;
	CHECK_INT(take(&r, COLLECT_PARTIAL), 1);
	CHECK_INT(check_packet(&r.packets[0]), 2);
	kernel_totals(r.kernel, &t);
	CHECK_INT(t.dropped_bytes, 0);
	end(&r);
}

/* A record that says it is empty would be stepped over for ever. */
TEST(zeros_are_no_records)
{
	struct recording r;
	struct kernel_totals t;

	start(&r, NULL, false);
	r.kern->cpus[0].head = 4096;
	CHECK_INT(take(&r, COLLECT_PARTIAL), 0);
	kernel_totals(r.kernel, &t);
	CHECK_INT(t.dropped_bytes, 4096);
	end(&r);
}

TEST(filters_run_here_too)
{
	struct recording r;
	uint8_t payload[12] = {5};

	start(&r, "fd == 5 || filename == \"/etc/*\" || $tid == 77", false);
	call(&r, 0, 100);
	fake_record(r.kern, 0, 0, 110, 1, payload, 12);
	fake_record(r.kern, 0, 1, 120, 1, "/etc/passwd", 12);
	fake_record(r.kern, 0, 1, 130, 1, "/usr/passwd", 12);
	fake_record(r.kern, 0, 2, 140, 77, NULL, 0);
	REQUIRE(take(&r, COLLECT_PARTIAL) == 1);
	CHECK_INT(check_packet(&r.packets[0]), 3);
	CHECK_INT(r.packets[0].begin, 110);
	CHECK_INT(r.packets[0].end, 140);
	end(&r);
}

/* tid and pid stand in front of every payload. */
TEST(filters_know_the_context)
{
	struct recording r;

	start(&r, "tid == 5 && pid == 1000", false);
	fake_record(r.kern, 0, 2, 100, 4, NULL, 0);
	fake_record(r.kern, 0, 2, 110, 5, NULL, 0);
	REQUIRE(take(&r, COLLECT_PARTIAL) == 1);
	CHECK_INT(check_packet(&r.packets[0]), 1);
	CHECK_INT(r.packets[0].begin, 110);
	end(&r);
}

/* Records between two looks at the clocks: their ticks lie between those that are read around them. */
TEST(times_become_ticks)
{
	struct recording r;

	start(&r, NULL, true);
	for (int i = 0; i < 300; i++) {
		uint64_t before = clock_ticks_raw(), after;

		call(&r, 0, clock_monotonic_ns());
		after = clock_ticks_raw();
		if (i % 100 == 0)
			usleep(3000);
		REQUIRE(take(&r, COLLECT_PARTIAL) == 1);
		/* 1 us of 2 to 5 GHz; the reads themselves may be interrupted */
		CHECK(r.packets[0].begin + 2500 > before);
		CHECK(r.packets[0].begin < after + 2500);
	}
	end(&r);
}

TEST(the_wait_follows_the_rate)
{
	struct recording r;
	uint64_t begin_ns;

	start(&r, NULL, false);
	begin_ns = clock_monotonic_ns();
	take(&r, COLLECT_FULL);
	CHECK_INT(kernel_wait_ms(r.kernel), 20);
	for (uint64_t i = 0; i < 100000; i++)
		call(&r, 0, 1000 + i);
	take(&r, COLLECT_FULL);
	/* 3.2 MB came; a quarter of the ring is 1 MiB */
	CHECK(kernel_wait_ms(r.kernel) <=
	      (int)((clock_monotonic_ns() - begin_ns) / 3 / 1000000) + 1);
	end(&r);
}
