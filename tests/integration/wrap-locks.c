/* SPDX-License-Identifier: MIT */
/*
 * wrap-locks - every kind of lock, waited for: one thread takes it, the other
 * comes while it is held for HOLD_MS. Prints `NAME OBJECT OWNER RESULT` for
 * each, what the wait must look like in the trace; fails where a return value
 * is not what it is without us.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HOLD_MS 40

static pthread_barrier_t held;

#define MUST(expression, wanted)                                                                   \
	do {                                                                                       \
		int is_ = (expression);                                                            \
		if (is_ != (wanted)) {                                                             \
			fprintf(stderr, "%d: %s is %d, not %d\n", __LINE__, #expression, is_,      \
				(int)(wanted));                                                    \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static void sleep_ms(int ms)
{
	struct timespec t = {0, ms * 1000000L};

	nanosleep(&t, NULL);
}

static struct timespec in_ms(clockid_t clock, int ms)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += ms * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void say(const char *name, const void *object, int owner, const char *result)
{
	printf("%s %p %d %s\n", name, object, owner, result);
}

/* A holder takes `object` with `take`, tells, holds it, and gives it back with `give`. */
struct holder {
	int (*take)(void *object), (*give)(void *object);
	void *object;
	int tid;
	pthread_t id;
};

static void *hold(void *arg)
{
	struct holder *h = arg;

	h->tid = (int)syscall(SYS_gettid);
	MUST(h->take(h->object), 0);
	pthread_barrier_wait(&held);
	sleep_ms(HOLD_MS);
	MUST(h->give(h->object), 0);
	return NULL;
}

static int start(struct holder *h, void *take, void *give, void *object)
{
	*h = (struct holder){.take = take, .give = give, .object = object};
	MUST(pthread_create(&h->id, NULL, hold, h), 0);
	pthread_barrier_wait(&held);
	return h->tid;
}

static void mutex_of(pthread_mutex_t *m, int type, int protocol, int robust)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setrobust(&a, robust);
	MUST(pthread_mutex_init(m, &a), 0);
	pthread_mutexattr_destroy(&a);
}

static int dead_tid;

static void *die_with(void *mutex)
{
	dead_tid = (int)syscall(SYS_gettid);
	MUST(pthread_mutex_lock(mutex), 0);
	return NULL;
}

static void mutexes(void)
{
	static const struct {
		int type, protocol, robust;
	} kinds[] = {
		{PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED},
		{PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED},
		{PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED},
		{PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED},
		{PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED},
		{PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST},
	};
	enum { KINDS = sizeof(kinds) / sizeof(*kinds) };
	static pthread_mutex_t m[KINDS];
	struct timespec soon, invalid = {0, -1};
	struct holder h;
	pthread_t id;
	int tid;

	for (int i = 0; i < KINDS; i++) {
		mutex_of(&m[i], kinds[i].type, kinds[i].protocol, kinds[i].robust);
		MUST(pthread_mutex_lock(&m[i]), 0); /* not waited for: no event */
		MUST(pthread_mutex_unlock(&m[i]), 0);
		tid = start(&h, pthread_mutex_lock, pthread_mutex_unlock, &m[i]);
		if (i == 0) {
			MUST(pthread_mutex_trylock(&m[i]), EBUSY);
			say("mutex_busy", &m[i], tid, "-");
		}
		MUST(pthread_mutex_lock(&m[i]), 0);
		say("mutex", &m[i], tid, "acquired");
		if (kinds[i].type == PTHREAD_MUTEX_RECURSIVE) {
			MUST(pthread_mutex_lock(&m[i]), 0);
			MUST(pthread_mutex_trylock(&m[i]), 0);
			MUST(pthread_mutex_unlock(&m[i]), 0);
			MUST(pthread_mutex_unlock(&m[i]), 0);
		}
		if (kinds[i].type == PTHREAD_MUTEX_ERRORCHECK) {
			MUST(pthread_mutex_lock(&m[i]), EDEADLK);
			say("mutex", &m[i], (int)syscall(SYS_gettid), "deadlock");
		}
		MUST(pthread_mutex_unlock(&m[i]), 0);
		if (kinds[i].type == PTHREAD_MUTEX_ERRORCHECK)
			MUST(pthread_mutex_unlock(&m[i]), EPERM);
		pthread_join(h.id, NULL);
	}

	tid = start(&h, pthread_mutex_lock, pthread_mutex_unlock, &m[0]);
	soon = in_ms(CLOCK_REALTIME, 10);
	MUST(pthread_mutex_timedlock(&m[0], &soon), ETIMEDOUT);
	say("mutex", &m[0], tid, "timed_out");
	soon = in_ms(CLOCK_MONOTONIC, 5);
	MUST(pthread_mutex_clocklock(&m[0], CLOCK_MONOTONIC, &soon), ETIMEDOUT);
	say("mutex", &m[0], tid, "timed_out");
	MUST(pthread_mutex_timedlock(&m[0], &invalid), EINVAL);
	say("mutex", &m[0], tid, "invalid");
	pthread_join(h.id, NULL);

	MUST(pthread_create(&id, NULL, die_with, &m[KINDS - 1]), 0);
	pthread_join(id, NULL);
	MUST(pthread_mutex_lock(&m[KINDS - 1]), EOWNERDEAD);
	say("mutex", &m[KINDS - 1], dead_tid, "owner_died");
	MUST(pthread_mutex_consistent(&m[KINDS - 1]), 0);
	MUST(pthread_mutex_unlock(&m[KINDS - 1]), 0);
}

static void rwlocks(void)
{
	static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
	struct timespec soon;
	struct holder h;
	int tid;

	MUST(pthread_rwlock_rdlock(&rw), 0);
	MUST(pthread_rwlock_rdlock(&rw), 0);
	MUST(pthread_rwlock_unlock(&rw), 0);
	MUST(pthread_rwlock_unlock(&rw), 0);

	tid = start(&h, pthread_rwlock_wrlock, pthread_rwlock_unlock, &rw);
	MUST(pthread_rwlock_rdlock(&rw), 0);
	say("rwlock_read", &rw, tid, "acquired");
	MUST(pthread_rwlock_unlock(&rw), 0);
	pthread_join(h.id, NULL);

	start(&h, pthread_rwlock_rdlock, pthread_rwlock_unlock, &rw);
	MUST(pthread_rwlock_wrlock(&rw), 0);
	say("rwlock_write", &rw, 0, "acquired");
	MUST(pthread_rwlock_wrlock(&rw), EDEADLK);
	say("rwlock_write", &rw, (int)syscall(SYS_gettid), "deadlock");
	MUST(pthread_rwlock_unlock(&rw), 0);
	pthread_join(h.id, NULL);

	tid = start(&h, pthread_rwlock_wrlock, pthread_rwlock_unlock, &rw);
	soon = in_ms(CLOCK_REALTIME, 10);
	MUST(pthread_rwlock_timedrdlock(&rw, &soon), ETIMEDOUT);
	say("rwlock_read", &rw, tid, "timed_out");
	soon = in_ms(CLOCK_MONOTONIC, 10);
	MUST(pthread_rwlock_clockwrlock(&rw, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
	say("rwlock_write", &rw, tid, "timed_out");
	pthread_join(h.id, NULL);
}

static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int flag;

static void *signal_later(void *arg)
{
	sleep_ms(HOLD_MS);
	pthread_mutex_lock(&cond_mutex);
	flag = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&cond_mutex);
	return arg;
}

static void unlock(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

static void *wait_for_ever(void *arg)
{
	pthread_mutex_lock(&cond_mutex);
	pthread_cleanup_push(unlock, &cond_mutex);
	pthread_barrier_wait(&held);
	for (;;)
		pthread_cond_wait(&cond, &cond_mutex);
	pthread_cleanup_pop(1);
	return arg;
}

static void conditions(void)
{
	struct timespec soon;
	pthread_t id;
	void *result;

	MUST(pthread_mutex_lock(&cond_mutex), 0);
	MUST(pthread_create(&id, NULL, signal_later, NULL), 0);
	while (!flag)
		MUST(pthread_cond_wait(&cond, &cond_mutex), 0);
	say("cond", &cond, 0, "signalled");
	pthread_join(id, NULL);
	soon = in_ms(CLOCK_REALTIME, 10);
	MUST(pthread_cond_timedwait(&cond, &cond_mutex, &soon), ETIMEDOUT);
	say("cond", &cond, 0, "timed_out");
	soon = in_ms(CLOCK_MONOTONIC, 10);
	MUST(pthread_cond_clockwait(&cond, &cond_mutex, CLOCK_MONOTONIC, &soon), ETIMEDOUT);
	say("cond", &cond, 0, "timed_out");
	MUST(pthread_mutex_unlock(&cond_mutex), 0);

	/* cancelled in the wait: unwinds through us, with the mutex */
	MUST(pthread_create(&id, NULL, wait_for_ever, NULL), 0);
	pthread_barrier_wait(&held);
	MUST(pthread_mutex_lock(&cond_mutex), 0);
	MUST(pthread_mutex_unlock(&cond_mutex), 0);
	MUST(pthread_cancel(id), 0);
	pthread_join(id, &result);
	MUST(result == PTHREAD_CANCELED, 1);
	MUST(pthread_mutex_trylock(&cond_mutex), 0);
	MUST(pthread_mutex_unlock(&cond_mutex), 0);
}

static int take_nothing(void *object)
{
	(void)object;
	return 0;
}

static void *cancelled_before(void *sem)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_barrier_wait(&held);
	sleep_ms(HOLD_MS);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	sem_wait(sem); /* free, and yet a place to be cancelled at */
	return NULL;
}

static void semaphores(void)
{
	static sem_t sem;
	struct timespec soon;
	struct holder h;
	pthread_t id;
	void *result;
	int value;

	MUST(sem_init(&sem, 0, 1), 0);
	MUST(sem_wait(&sem), 0); /* not waited for */
	start(&h, take_nothing, sem_post, &sem);
	errno = 78;
	MUST(sem_wait(&sem), 0);
	MUST(errno, 78);
	say("sem", &sem, 0, "acquired");
	pthread_join(h.id, NULL);
	soon = in_ms(CLOCK_REALTIME, 10);
	errno = 0;
	MUST(sem_timedwait(&sem, &soon), -1);
	MUST(errno, ETIMEDOUT);
	say("sem", &sem, 0, "timed_out");

	MUST(sem_post(&sem), 0);
	MUST(pthread_create(&id, NULL, cancelled_before, &sem), 0);
	pthread_barrier_wait(&held);
	MUST(pthread_cancel(id), 0);
	pthread_join(id, &result);
	MUST(result == PTHREAD_CANCELED, 1);
	MUST(sem_getvalue(&sem, &value), 0);
	MUST(value, 1);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	MUST(pthread_barrier_init(&held, NULL, 2), 0);
	mutexes();
	rwlocks();
	conditions();
	semaphores();
	return 0;
}
