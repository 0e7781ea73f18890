/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "fake_pool.h"
#include "session/pool.h"

static struct pool *open_fake(uint8_t *bytes, enum pool_error *why)
{
	struct pool *pool = NULL;

	pool_open_bytes(&pool, bytes, FAKE_SIZE, why, NULL);
	return pool;
}

static struct piste_session session(const char *rules)
{
	struct piste_session s = {
		.state = PISTE_SESSION_ACTIVE,
		.magic = PISTE_SESSION_MAGIC,
		.id = 99,
		.level = PISTE_DEBUG,
		.recorder_pid = (uint32_t)getpid(),
		.recorder_start = process_start_time((uint32_t)getpid()),
	};

	strcpy(s.rules, rules);
	return s;
}

static uint32_t gate(uint8_t *bytes, unsigned i)
{
	return ((struct piste_gate *)(void *)(bytes + FAKE_GATES_AT))[i].enabled;
}

TEST(good_pool_is_taken_apart)
{
	uint8_t *bytes = fake_pool(5);
	enum pool_error why;
	struct pool *pool = open_fake(bytes, &why);

	REQUIRE(pool);
	CHECK_INT(pool->chunk_count, FAKE_CHUNKS);
	CHECK_INT(pool->pid, 4242);
	CHECK_STR(pool->comm, "shop");
	CHECK_INT(why, POOL_ERROR_NONE);
	pool_free(pool);
	free(bytes);
}

TEST(bad_layouts_are_refused)
{
	static const struct {
		size_t offset, size;
		uint64_t value;
		enum pool_error why;
	} bad[] = {
		{offsetof(struct piste_pool, magic), 8, 1, POOL_ERROR_NOT_A_POOL},
		{offsetof(struct piste_pool, abi), 4, 2, POOL_ERROR_ABI},
		{offsetof(struct piste_pool, header_bytes), 4, 8, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, size_bytes), 8, FAKE_SIZE + 1, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, objects_offset), 8, 4, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, objects_size), 8, FAKE_SIZE, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, gates_size), 8, ~0ull, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, writers_offset), 8, FAKE_SIZE, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, writer_count), 4, 1 << 19, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, states_offset), 8, FAKE_STATES_AT + 2,
		 POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, chunks_offset), 8, FAKE_CHUNKS_AT + 4096,
		 POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, chunk_count), 4, FAKE_CHUNKS + 1, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, chunk_size), 4, 0, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, chunk_size), 4, 4095, POOL_ERROR_BROKEN},
		{offsetof(struct piste_pool, clock), 4, 9, POOL_ERROR_BROKEN},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint8_t *bytes = fake_pool(5);
		enum pool_error why;

		memcpy(bytes + bad[i].offset, &bad[i].value, bad[i].size);
		CHECK(!open_fake(bytes, &why));
		CHECK_INT(why, bad[i].why);
		free(bytes);
	}
}

TEST(memfd_must_be_sealed)
{
	uint8_t *bytes = fake_pool(5);
	int fd = memfd_create("piste", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	enum pool_error why;
	struct pool *pool;

	REQUIRE(fd >= 0 && write(fd, bytes, FAKE_SIZE) == FAKE_SIZE);
	CHECK_INT(pool_open(&pool, fd, &why, NULL), -EPERM);
	CHECK_INT(why, POOL_ERROR_UNSEALED);
	REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
	CHECK_INT(pool_open(&pool, fd, &why, NULL), 0);
	pool_free(pool);
	close(fd);
	free(bytes);
}

TEST(session_opens_the_gates_it_wants_and_shuts_them)
{
	struct piste_session s = session("shop:*\0!*:name\0");
	uint8_t *bytes = fake_pool(5);
	enum pool_error why;
	struct pool *pool = open_fake(bytes, &why);
	int slot;

	REQUIRE(pool);
	memcpy(s.rules, "shop:*\0!*name\0", 15);
	s.budget_bytes = 3 * FAKE_CHUNK_SIZE;
	((struct piste_gate *)(void *)(bytes + FAKE_GATES_AT))[0].enabled = 1u << 5;
	slot = pool_join(pool, &s, NULL);
	CHECK_INT(slot, 0);
	CHECK_INT(gate(bytes, 0), 1u << 5 | 1);
	CHECK_INT(gate(bytes, 1), 0);
	CHECK_INT(gate(bytes, 2), 1);
	CHECK_INT(fake_header(bytes)->active, 1);
	CHECK_INT(fake_header(bytes)->budget_bytes, 3 * FAKE_CHUNK_SIZE);
	CHECK_INT(pool_find_session(pool, 99), 0);
	pool_quiet(pool, slot);
	CHECK_INT(gate(bytes, 0), 1u << 5);
	pool_leave(pool, slot);
	CHECK_INT(fake_header(bytes)->active, 0);
	CHECK_INT(fake_header(bytes)->sessions[0].state, PISTE_SESSION_FREE);
	pool_free(pool);
	free(bytes);
}

TEST(budget_stays_within_the_memory)
{
	uint8_t *bytes = fake_pool(5);
	enum pool_error why;
	struct pool *pool = open_fake(bytes, &why);

	pool_raise_budget(pool, 1 << 30);
	CHECK_INT(fake_header(bytes)->budget_bytes, FAKE_CHUNKS * FAKE_CHUNK_SIZE);
	pool_raise_budget(pool, 1);
	CHECK_INT(fake_header(bytes)->budget_bytes, FAKE_CHUNKS * FAKE_CHUNK_SIZE);
	pool_free(pool);
	free(bytes);
}

TEST(last_session_frees_a_chunk)
{
	uint8_t *bytes = fake_pool(5);
	enum pool_error why;
	struct pool *pool = open_fake(bytes, &why);

	fake_lease(bytes, 0, 7, 10);
	fake_full(bytes, 0, 1u << 2 | 1u << 4);
	pool_chunk_done(pool, 0, 2);
	CHECK_INT(*fake_state(bytes, 0), PISTE_CHUNK_FULL | 1u << 4);
	CHECK_INT(fake_header(bytes)->used_bytes, FAKE_CHUNK_SIZE);
	pool_chunk_done(pool, 0, 2); /* not ours any more */
	CHECK_INT(*fake_state(bytes, 0), PISTE_CHUNK_FULL | 1u << 4);
	pool_chunk_done(pool, 0, 4);
	CHECK_INT(*fake_state(bytes, 0), PISTE_CHUNK_FREE);
	CHECK_INT(fake_header(bytes)->used_bytes, 0);
	CHECK_INT(fake_header(bytes)->freed, 1);
	pool_free(pool);
	free(bytes);
}

TEST(sixteen_sessions_and_no_more)
{
	struct piste_session s = session("*");
	uint8_t *bytes = fake_pool(5);
	enum pool_error why;
	struct pool *pool = open_fake(bytes, &why);
	struct diag diag = {0};

	for (int i = 0; i < PISTE_SESSIONS_MAX; i++)
		CHECK_INT(pool_join(pool, &s, &diag), i);
	CHECK_INT(pool_join(pool, &s, &diag), -EBUSY);
	CHECK_INT(diag.errors, 1);
	diag_fini(&diag);
	pool_free(pool);
	free(bytes);
}

TEST(slot_of_a_dead_recorder_is_used_again)
{
	struct piste_session s = session("*");
	uint8_t *bytes = fake_pool(5);
	enum pool_error why;
	struct pool *pool = open_fake(bytes, &why);

	s.recorder_start--; /* another process had our pid */
	CHECK_INT(pool_join(pool, &s, NULL), 0);
	fake_lease(bytes, 0, 7, 10);
	fake_full(bytes, 0, 1);
	CHECK_INT(gate(bytes, 1), 1);
	s = session("nothing:*");
	CHECK_INT(pool_join(pool, &s, NULL), 0);
	CHECK_INT(*fake_state(bytes, 0), PISTE_CHUNK_FREE);
	CHECK_INT(gate(bytes, 1), 0);
	pool_free(pool);
	free(bytes);
}
