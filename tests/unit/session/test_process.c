/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>

#include "base/clock.h"
#include "fake_pool.h"
#include "session/process.h"

/* A recording of the fake pool, in slot 0. */
struct recording {
	uint8_t *bytes;
	struct piste_session session;
	struct model model;
	struct process *process;
	uint64_t now;
	struct packet packets[16];
	size_t n_packets;
};

static void start(struct recording *r, const char *rules)
{
	struct wants wants = {.session = &r->session};
	enum pool_error why;
	struct pool *pool;

	*r = (struct recording){.now = clock_monotonic_ns() - 1000000};
	r->bytes = fake_pool(r->now);
	r->session = (struct piste_session){.level = PISTE_DEBUG};
	strcpy(r->session.rules, rules);
	REQUIRE(!model_init(&r->model, 1, &wants, "test", false));
	REQUIRE(!pool_open_bytes(&pool, r->bytes, FAKE_SIZE, &why, NULL));
	CHECK_INT(pool_join(pool, &r->session, NULL), 0);
	REQUIRE(!process_new(&r->process, pool, 4242, 0, true, &r->model, NULL));
}

static void end(struct recording *r)
{
	process_free(r->process);
	model_fini(&r->model);
	free(r->bytes);
}

static size_t look(struct recording *r, enum collect what)
{
	struct ready_list ready = {0};

	r->n_packets = 0;
	CHECK_INT(process_collect(r->process, what, &ready), 0);
	for (size_t i = 0; i < ready.len; i++)
		if (process_take(r->process, ready.items[i].chunk, &r->model,
				 &r->packets[r->n_packets], NULL) > 0)
			r->n_packets++;
	vec_fini(&ready);
	return r->n_packets;
}

static struct piste_chunk *ticks(struct recording *r, unsigned chunk, unsigned count)
{
	struct piste_chunk *c = fake_lease(r->bytes, chunk, 7, r->now);

	for (unsigned i = 0; i < count; i++)
		fake_tick(c, r->now + 10 + i, i);
	return c;
}

TEST(full_chunk_is_a_packet_without_a_copy)
{
	struct recording r;
	struct piste_chunk *c;

	start(&r, "*");
	c = ticks(&r, 0, 10);
	CHECK_INT(look(&r, COLLECT_FULL), 0);
	fake_full(r.bytes, 0, 1);
	REQUIRE(look(&r, COLLECT_FULL) == 1);
	CHECK_INT(r.packets[0].events, 10);
	CHECK_INT(r.packets[0].size, 200);
	CHECK(r.packets[0].data == (uint8_t *)c + PISTE_CHUNK_HEADER);
	CHECK(r.packets[0].is_chunk);
	CHECK_INT(r.packets[0].begin, r.now + 10);
	CHECK_INT(r.packets[0].end, r.now + 19);
	CHECK_INT(*fake_state(r.bytes, 0), PISTE_CHUNK_FULL | 1);
	CHECK_INT(look(&r, COLLECT_PARTIAL), 0); /* it is on its way */
	CHECK_INT(*fake_state(r.bytes, 0), PISTE_CHUNK_FULL | 1);
	r.n_packets = 1;
	packet_release(&r.packets[0]);
	CHECK_INT(*fake_state(r.bytes, 0), PISTE_CHUNK_FREE);
	end(&r);
}

TEST(growing_chunk_is_read_piece_by_piece)
{
	struct recording r;
	struct piste_chunk *c;

	start(&r, "*");
	c = ticks(&r, 0, 3);
	REQUIRE(look(&r, COLLECT_PARTIAL) == 1);
	CHECK_INT(r.packets[0].events, 3);
	packet_release(&r.packets[0]);
	CHECK_INT(look(&r, COLLECT_PARTIAL), 0);
	fake_tick(c, r.now + 50, 3);
	REQUIRE(look(&r, COLLECT_PARTIAL) == 1);
	CHECK_INT(r.packets[0].events, 1);
	packet_release(&r.packets[0]);
	fake_tick(c, r.now + 60, 4);
	fake_full(r.bytes, 0, 1);
	REQUIRE(look(&r, COLLECT_FULL) == 1);
	CHECK_INT(r.packets[0].events, 1);
	CHECK_INT(r.packets[0].begin, r.now + 60);
	packet_release(&r.packets[0]);
	CHECK_INT(r.process->events, 5);
	/* its next life begins at the beginning */
	ticks(&r, 0, 2);
	REQUIRE(look(&r, COLLECT_PARTIAL) == 1);
	CHECK_INT(r.packets[0].events, 2);
	packet_release(&r.packets[0]);
	end(&r);
}

TEST(full_chunk_with_nothing_new_is_given_back)
{
	struct recording r;

	start(&r, "*");
	ticks(&r, 0, 3);
	REQUIRE(look(&r, COLLECT_PARTIAL) == 1);
	packet_release(&r.packets[0]);
	fake_full(r.bytes, 0, 1);
	CHECK_INT(look(&r, COLLECT_FULL), 0);
	CHECK_INT(*fake_state(r.bytes, 0), PISTE_CHUNK_FREE);
	end(&r);
}

TEST(only_wanted_events_are_taken)
{
	struct recording r;
	struct piste_chunk *c;

	start(&r, "shop:name");
	c = ticks(&r, 0, 3);
	fake_record(c, 1, r.now + 20, "abc", 4);
	fake_tick(c, r.now + 30, 3);
	fake_full(r.bytes, 0, 3); /* another session wants the rest */
	REQUIRE(look(&r, COLLECT_FULL) == 1);
	CHECK_INT(r.packets[0].events, 1);
	CHECK_INT(r.packets[0].size, 16);
	CHECK_INT(r.packets[0].begin, r.now + 20);
	CHECK_MEM(r.packets[0].data + PISTE_RECORD_HEADER, "abc", 4);
	CHECK_INT(*fake_state(r.bytes, 0), PISTE_CHUNK_FULL | 2);
	packet_release(&r.packets[0]);
	end(&r);
}

TEST(events_before_the_session_are_not_its_own)
{
	struct recording r;

	start(&r, "*");
	r.process->begin = r.now + 15;
	ticks(&r, 0, 10);
	fake_full(r.bytes, 0, 1);
	REQUIRE(look(&r, COLLECT_FULL) == 1);
	CHECK_INT(r.packets[0].events, 5);
	CHECK_INT(r.packets[0].begin, r.now + 15);
	packet_release(&r.packets[0]);
	end(&r);
}

TEST(dead_process_gives_what_it_committed)
{
	struct recording r;

	start(&r, "*");
	ticks(&r, 0, 7);
	ticks(&r, 1, 4);
	*fake_state(r.bytes, 2) = PISTE_CHUNK_TAKEN;
	r.process->is_dead = true;
	CHECK_INT(look(&r, COLLECT_FULL), 2);
	CHECK_INT(r.process->events, 11);
	CHECK_INT(r.process->dropped_bytes, 0);
	end(&r);
}

TEST(broken_record_ends_its_chunk)
{
	static const struct {
		uint16_t id, size;
		int64_t ticks;
	} broken[] = {
		{0, 24, 20}, /* not the size of a tick */
		{3, 20, 20}, /* no such event */
		{0, 4, 20}, /* shorter than its header */
		{1, 3000, 20}, /* beyond its end */
		{0, 20, -5}, /* back in time */
		{1, 16, 20}, /* a string without an end */
		{2, 16, 20}, /* a sequence longer than its record */
	};

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		struct recording r;
		struct piste_chunk *c;
		uint32_t good;

		start(&r, "*");
		c = ticks(&r, 0, 5);
		good = c->committed;
		fake_record(c, broken[i].id, r.now + (uint64_t)broken[i].ticks,
			    "\xff\xff\xff\xff\xff", 4);
		((struct piste_record *)(void *)((uint8_t *)c + good))->size = broken[i].size;
		fake_tick(c, r.now + 40, 1);
		fake_full(r.bytes, 0, 1);
		REQUIRE(look(&r, COLLECT_FULL) == 1);
		CHECK_INT(r.packets[0].events, 5);
		CHECK_INT(r.process->dropped_bytes, c->committed - good);
		CHECK(r.process->dropped_why);
		packet_release(&r.packets[0]);
		CHECK_INT(*fake_state(r.bytes, 0), PISTE_CHUNK_FREE);
		end(&r);
	}
}

TEST(future_is_dropped)
{
	struct recording r;
	struct piste_chunk *c;

	start(&r, "*");
	c = ticks(&r, 0, 5);
	fake_tick(c, clock_monotonic_ns() + 3600000000000, 1);
	fake_full(r.bytes, 0, 1);
	CHECK_INT(look(&r, COLLECT_FULL), 0);
	CHECK_INT(r.process->dropped_bytes, 120);
	CHECK_INT(*fake_state(r.bytes, 0), PISTE_CHUNK_FREE);
	end(&r);
}

TEST(losses_are_counted_once)
{
	struct recording r;

	start(&r, "*");
	ticks(&r, 0, 5);
	fake_full(r.bytes, 0, 1);
	fake_writer(r.bytes, 0)->lost[0] = 30;
	fake_writer(r.bytes, 1)->lost[0] = 4;
	fake_writer(r.bytes, 1)->lost[1] = 1000; /* another session's */
	fake_header(r.bytes)->lost[0] = 2;
	REQUIRE(look(&r, COLLECT_FULL) == 1);
	CHECK_INT(r.packets[0].lost, 30);
	packet_release(&r.packets[0]);
	process_count_lost(r.process);
	process_count_lost(r.process);
	CHECK_INT(r.process->lost, 36);
	CHECK_INT(r.process->lost_told, 30);
	end(&r);
}

TEST(objects_that_come_later_are_known)
{
	struct recording r;
	struct piste_chunk *c;
	uint8_t *object;
	static struct made site;
	struct piste_object_record record;
	uint32_t at = sizeof(record);

	start(&r, "*");
	object = r.bytes + FAKE_OBJECTS_AT + fake_header(r.bytes)->objects_used;
	MAKE_SITE(&site, PISTE_SITE_EVENT, "late:one", "x", "", PISTE_T_U32);
	fake_add_site(object, &at, &site, 3);
	record = (struct piste_object_record){
		.size = at,
		.live = 1,
		.gates_offset = FAKE_GATES_AT + 64,
		.site_count = 1,
		.gate_sites_offset = sizeof(record),
		.sites_offset = sizeof(record),
		.types_offset = at,
	};
	memcpy(object, &record, sizeof(record));
	c = ticks(&r, 0, 2);
	fake_record(c, 3, r.now + 20, "\1\0\0\0", 4);
	fake_header(r.bytes)->objects_used += at;
	fake_header(r.bytes)->object_count++;
	fake_full(r.bytes, 0, 1);
	REQUIRE(look(&r, COLLECT_FULL) == 1);
	CHECK_INT(r.packets[0].events, 3);
	CHECK_INT(r.process->dropped_bytes, 0);
	CHECK_INT(r.model.tables.len, 1); /* it grew */
	packet_release(&r.packets[0]);
	end(&r);
}
