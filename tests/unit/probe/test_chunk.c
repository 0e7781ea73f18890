/* SPDX-License-Identifier: MIT */
/* Chunks: leased, extended, handed over, given back; the budget; threads that come and go. */
#include "session.h"

#include <pthread.h>
#include <sys/syscall.h>

static void trace(uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		PISTE(unit, tick, i);
}

static void count_one(void *priv, const struct piste_chunk *chunk, const char *payload,
		      uint32_t size)
{
	(void)chunk;
	(void)payload;
	CHECK_INT(size, 8);
	(*(uint64_t *)priv)++;
}

static uint64_t records_in_pool(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < piste_local.pool->chunk_count; i++)
		if (*pool_state(i) != PISTE_CHUNK_FREE)
			chunk_read(pool_chunk(i), PISTE_CHUNK_HEADER, count_one, &n);
	return n;
}

static struct thread *self(void)
{
	return (struct thread *)piste_self;
}

TEST(without_a_session_nothing_happens)
{
	trace(10);
	CHECK(piste_self == &piste_thread_none.site);
	CHECK_INT(chunks_in(PISTE_CHUNK_LEASED), 0);
}

TEST(a_thread_begins_with_a_little_memory)
{
	REQUIRE(session_begin(BUDGET_DEFAULT) == 0);
	trace(1);
	CHECK_INT(piste_local.pool->used_bytes, CHUNK_FIRST_STEP);
	CHECK_INT(chunks_in(PISTE_CHUNK_LEASED), 1);
	CHECK_INT(records_in_pool(), 1);
	CHECK_INT(self()->site.state, PISTE_THREAD_IDLE);
	CHECK_INT(self()->tid, syscall(SYS_gettid));
}

TEST(a_chunk_grows_by_doubling_and_is_handed_over)
{
	uint32_t in_a_chunk = (CHUNK_SIZE - PISTE_CHUNK_HEADER) / 20;

	REQUIRE(session_begin(BUDGET_DEFAULT) == 0);
	trace(1);
	for (uint32_t limit = CHUNK_FIRST_STEP; limit < CHUNK_SIZE; limit *= 2) {
		CHECK_INT(self()->site.chunk->limit, limit);
		while (self()->site.chunk->committed + 20 <= limit)
			trace(1);
		trace(1);
	}
	CHECK_INT(piste_local.pool->used_bytes, CHUNK_SIZE);
	trace(in_a_chunk);
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL), 1);
	CHECK_INT(chunks_in(PISTE_CHUNK_LEASED), 1);
	CHECK_INT(piste_local.pool->finished, 1);
	CHECK_INT(session_lost(0), 0);
}

TEST(what_does_not_fit_the_budget_is_lost_and_counted)
{
	uint64_t there;

	REQUIRE(session_begin(2 * CHUNK_SIZE) == 0);
	trace(100000);
	there = records_in_pool();
	CHECK(there > 6000);
	CHECK_INT(there + session_lost(0), 100000);
	CHECK(piste_local.pool->used_bytes <= 2 * CHUNK_SIZE);
	/* room again: the writer sees it, without being told */
	session_end(0);
	REQUIRE(session_begin(2 * CHUNK_SIZE) == 0);
	CHECK_INT(piste_local.pool->used_bytes, 0);
	there = session_lost(0);
	trace(100);
	CHECK_INT(records_in_pool(), 100);
	CHECK_INT(session_lost(0), there);
}

TEST(a_chunk_waits_for_each_of_its_sessions)
{
	REQUIRE(session_begin(BUDGET_DEFAULT) == 0);
	REQUIRE(session_begin(BUDGET_DEFAULT) == 1);
	trace(CHUNK_SIZE / 20 + 1);
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL), 1);
	session_end(0);
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL), 1);
	session_end(1);
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL), 0);
	trace(2 * CHUNK_SIZE / 20);
	/* nobody is there: a full chunk is free at once */
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL), 0);
	CHECK_INT(chunks_in(PISTE_CHUNK_LEASED), 1);
}

static void *trace_thread(void *n)
{
	trace((uintptr_t)n);
	return NULL;
}

static void in_thread(uintptr_t n)
{
	pthread_t thread;

	if (CHECK(pthread_create(&thread, NULL, trace_thread, (void *)n) == 0))
		pthread_join(thread, NULL);
}

TEST(a_thread_that_ends_hands_its_chunk_over)
{
	REQUIRE(session_begin(BUDGET_DEFAULT) == 0);
	for (int i = 0; i < 10; i++)
		in_thread(5);
	CHECK_INT(chunks_in(PISTE_CHUNK_LEASED), 0);
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL), 10);
	CHECK_INT(records_in_pool(), 50);
	for (uint32_t i = 0; i < piste_local.pool->writer_count; i++)
		CHECK(pool_writer(i)->tid == 0);
}

/* One that ends without its destructors running: by a bare exit(2), as a cloned thread would. */
static void *vanish(void *n)
{
	trace((uintptr_t)n);
	syscall(SYS_exit, 0);
	return NULL;
}

TEST(what_a_vanished_thread_had_is_taken_back)
{
	pthread_t thread;

	REQUIRE(session_begin(3 * CHUNK_FIRST_STEP) == 0);
	for (int i = 0; i < 3; i++) {
		REQUIRE(pthread_create(&thread, NULL, vanish, (void *)0) == 0);
		REQUIRE(pthread_create(&thread, NULL, vanish, (void *)3) == 0);
	}
	for (int i = 0; i < 1000 && chunks_in(PISTE_CHUNK_LEASED) < 3; i++)
		usleep(1000);
	usleep(50000);
	CHECK_INT(chunks_in(PISTE_CHUNK_LEASED), 3);
	trace(1); /* nothing is left, until the dead are looked for */
	CHECK_INT(chunks_in(PISTE_CHUNK_FULL), 3);
	CHECK_INT(records_in_pool() + session_lost(0), 10);
	session_end(0);
	REQUIRE(session_begin(3 * CHUNK_FIRST_STEP) == 0);
	trace(1);
	CHECK_INT(chunks_in(PISTE_CHUNK_LEASED), 1);
}

TEST(a_dead_threads_chunk_is_not_taken_while_it_is_someone_elses)
{
	struct piste_chunk *chunk;

	/* the head of a chunk is still that of its last life, a dead thread's */
	REQUIRE(session_begin(CHUNK_FIRST_STEP) == 0);
	in_thread(3);
	session_end(0);
	chunk = pool_chunk(0);
	CHECK(chunk->tid != 0 && !thread_is_alive(chunk->tid));
	REQUIRE(session_begin(CHUNK_FIRST_STEP) == 0);
	*pool_state(0) = PISTE_CHUNK_TAKEN; /* another thread is about to lease it */
	piste_local.pool->used_bytes = CHUNK_FIRST_STEP;
	trace(1);
	CHECK_INT(*pool_state(0), PISTE_CHUNK_TAKEN);
	CHECK_INT(session_lost(0), 1);
}

TEST(a_record_over_the_limit_is_lost)
{
	static char bytes[PISTE_SEQUENCE_MAX];

	REQUIRE(session_begin(BUDGET_DEFAULT) == 0);
	for (int i = 0; i < 3; i++)
		PISTE(unit, too_large, PISTE_BYTES(bytes, sizeof(bytes)),
		      PISTE_BYTES(bytes, sizeof(bytes)), PISTE_BYTES(bytes, sizeof(bytes)));
	CHECK_INT(session_lost(0), 3);
	trace(5);
	CHECK_INT(records_in_pool(), 5);
}

TEST(a_forked_child_has_a_pool_of_its_own)
{
	struct piste_pool *before;
	int status;
	pid_t pid;

	REQUIRE(session_begin(BUDGET_DEFAULT) == 0);
	trace(3);
	before = piste_local.pool;
	pid = fork();
	if (pid == 0) {
		if (!pool_is_inherited())
			_exit(10);
		trace(4);
		if (pool_is_inherited() || piste_local.pool == before ||
		    piste_local.pool->parent_pid != before->pid)
			_exit(before->pid ? 11 : 0);
		_exit(records_in_pool() == 4 ? 0 : 12);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFEXITED(status));
	CHECK(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 11);
	CHECK_INT(records_in_pool(), 3);
}

TEST(signals_are_as_they_were)
{
	sigset_t before, after;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR1);
	sigprocmask(SIG_SETMASK, &before, NULL);
	REQUIRE(session_begin(2 * CHUNK_SIZE) == 0);
	trace(20000);
	sigprocmask(SIG_SETMASK, NULL, &after);
	for (int i = 1; i < 64; i++)
		CHECK_INT(sigismember(&after, i), i == SIGUSR1);
}
