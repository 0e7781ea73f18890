/* SPDX-License-Identifier: MIT */
/*
 * Writers against a reader that takes chunks as a recorder does, while they
 * are being filled and when they are full. tags: tsan
 */
#include "session.h"

#include <pthread.h>

enum { WRITERS = 4, EVENTS = 40000 };

struct seen {
	uint64_t next[WRITERS]; /* number that comes next at the earliest */
	uint64_t count[WRITERS];
};

static void see(void *priv, const struct piste_chunk *chunk, const char *payload, uint32_t size)
{
	struct seen *seen = priv;
	uint32_t writer;
	uint64_t number;

	(void)chunk;
	if (!CHECK_INT(size, 12))
		return;
	memcpy(&writer, payload, 4);
	memcpy(&number, payload + 4, 8);
	if (!CHECK(writer < WRITERS))
		return;
	/* chunks of a writer may come out of order; what is in one does not */
	if (number + 1 > seen->next[writer])
		seen->next[writer] = number + 1;
	seen->count[writer]++;
}

static void *writer_run(void *arg)
{
	uint32_t writer = (uint32_t)(uintptr_t)arg;

	for (uint64_t i = 0; i < EVENTS; i++)
		PISTE(unit, numbered, writer, i);
	return NULL;
}

/* Gives a reader time. */
static void *slow_writer_run(void *arg)
{
	uint32_t writer = (uint32_t)(uintptr_t)arg;

	for (uint64_t i = 0; i < EVENTS / 8; i++) {
		PISTE(unit, numbered, writer, i);
		if (i % 256 == 0)
			usleep(1000);
	}
	return NULL;
}

static uint32_t done;

struct reader {
	int slot;
	struct seen seen;
	/* of chunks that are being filled: whose, and up to where they are read */
	uint64_t sequence[CHUNKS_MAX], begin[CHUNKS_MAX];
	uint32_t read[CHUNKS_MAX];
	uint64_t partial;
};

/* What has come since the last look, also of a chunk that is being filled. */
static void read_chunk(struct reader *reader, uint32_t i, uint32_t state)
{
	struct piste_chunk *chunk = pool_chunk(i);

	if (reader->sequence[i] != chunk->sequence + 1 || reader->begin[i] != chunk->begin) {
		reader->sequence[i] = chunk->sequence + 1;
		reader->begin[i] = chunk->begin;
		reader->read[i] = PISTE_CHUNK_HEADER;
	}
	if (!(state & PISTE_CHUNK_FULL))
		reader->partial++;
	reader->read[i] = chunk_read(chunk, reader->read[i], see, &reader->seen);
}

static void let_go(const struct reader *reader, uint32_t i, uint32_t state)
{
	struct piste_pool *pool = piste_local.pool;
	uint32_t limit = pool_chunk(i)->limit;

	(void)reader;
	if (!CHECK(__atomic_compare_exchange_n(pool_state(i), &state, PISTE_CHUNK_FREE, false,
					       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)))
		return;
	__atomic_sub_fetch(&pool->used_bytes, limit, __ATOMIC_RELAXED);
	__atomic_add_fetch(&pool->freed, 1, __ATOMIC_RELEASE);
}

static void *reader_run(void *arg)
{
	struct reader *reader = arg;
	bool last;

	do {
		last = __atomic_load_n(&done, __ATOMIC_ACQUIRE) == WRITERS;
		for (uint32_t i = 0; i < piste_local.pool->chunk_count; i++) {
			uint32_t state = __atomic_load_n(pool_state(i), __ATOMIC_ACQUIRE);

			/* only its owner's death makes a leased chunk a reader's: here it lives,
			 * and may hand it over under our hands, but never back while we look */
			if (state & PISTE_CHUNK_FULL) {
				read_chunk(reader, i, state);
				let_go(reader, i, state);
			}
		}
	} while (!last);
	return NULL;
}

static void run(uint64_t budget)
{
	static struct reader reader;
	pthread_t writers[WRITERS], thread;
	uint64_t count = 0;

	reader.slot = session_begin(budget);
	REQUIRE(reader.slot == 0);
	REQUIRE(pthread_create(&thread, NULL, reader_run, &reader) == 0);
	for (uintptr_t i = 0; i < WRITERS; i++)
		REQUIRE(pthread_create(&writers[i], NULL, writer_run, (void *)i) == 0);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(writers[i], NULL);
		__atomic_add_fetch(&done, 1, __ATOMIC_RELEASE);
	}
	pthread_join(thread, NULL);
	for (int i = 0; i < WRITERS; i++) {
		CHECK(reader.seen.next[i] <= EVENTS);
		CHECK(reader.seen.count[i] <= EVENTS);
		count += reader.seen.count[i];
	}
	CHECK_INT(count + session_lost(0), WRITERS * EVENTS);
	CHECK_INT(piste_local.pool->used_bytes, 0);
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL) + chunks_in(PISTE_CHUNK_LEASED), 0);
}

TEST(nothing_is_lost_where_there_is_room)
{
	run(CHUNKS_DEFAULT * (uint64_t)CHUNK_SIZE);
	CHECK_INT(session_lost(0), 0);
}

TEST(all_is_accounted_for_where_there_is_none)
{
	run(3 * CHUNK_SIZE);
}

/* A reader that looks at a chunk while its owner fills it, as one for a flight recorder does. */
TEST(a_chunk_is_readable_while_it_is_filled)
{
	static struct reader reader;
	pthread_t writer;
	struct piste_chunk *chunk = NULL;
	uint32_t state;

	REQUIRE(session_begin(BUDGET_DEFAULT) == 0);
	REQUIRE(pthread_create(&writer, NULL, slow_writer_run, NULL) == 0);
	do
		state = __atomic_load_n(pool_state(0), __ATOMIC_ACQUIRE);
	while (state == PISTE_CHUNK_FREE || state == PISTE_CHUNK_TAKEN);
	chunk = pool_chunk(0);
	do {
		read_chunk(&reader, 0, state);
		state = __atomic_load_n(pool_state(0), __ATOMIC_ACQUIRE);
	} while (state & PISTE_CHUNK_LEASED);
	read_chunk(&reader, 0, state);
	pthread_join(writer, NULL);
	CHECK(reader.partial > 0);
	CHECK_INT(reader.seen.count[0], reader.seen.next[0]);
	CHECK_INT(reader.seen.count[0], (chunk->committed - PISTE_CHUNK_HEADER) / 24);
}

static void *attach_run(void *arg)
{
	for (uintptr_t i = 0; i < 200; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, writer_run, arg) == 0)
			pthread_join(thread, NULL);
		if (i == 3)
			break;
	}
	return NULL;
}

/* Sessions that come and go under writers and threads that come and go. */
TEST(sessions_come_and_go)
{
	pthread_t threads[WRITERS];

	REQUIRE(session_begin(BUDGET_DEFAULT) == 0);
	for (uintptr_t i = 0; i < WRITERS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, attach_run, (void *)i) == 0);
	for (int i = 0; i < 300; i++) {
		int slot = session_begin(BUDGET_DEFAULT);

		CHECK(slot == 1 || slot == 2);
		usleep(200);
		session_end(slot);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	session_end(0);
	CHECK_INT(piste_local.pool->used_bytes, 0);
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL) + chunks_in(PISTE_CHUNK_LEASED), 0);
}
