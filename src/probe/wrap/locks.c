/* SPDX-License-Identifier: MIT */
/*
 * locks - piste_lock:… for locks that a thread had to wait for. One that is
 * free is no event, and costs what it did.
 *
 *	mutex_wait_begin {lock, owner, caller}		pthread_mutex_lock, timedlock, clocklock
 *	rwlock_read_wait_begin {lock, owner, caller}	pthread_rwlock_rdlock …
 *	rwlock_write_wait_begin {lock, owner, caller}	pthread_rwlock_wrlock …
 *	cond_wait_begin {lock, mutex, caller}		pthread_cond_wait, timedwait, clockwait
 *	sem_wait_begin {lock, caller}			sem_wait, timedwait, clockwait
 *	barrier_wait_begin {lock, caller}		pthread_barrier_wait
 *	…_wait_end {lock, wait_ns, result, caller}	each, with how it ended
 *	mutex_busy {lock, owner, caller}		pthread_mutex_trylock that failed
 *	mutex_unlock {lock, caller}			of a mutex that somebody may be waiting for
 *
 * A wait is a pair, so that one which never ends (a deadlock) is in the trace;
 * its end repeats what a reader of that event alone wants. owner is the thread
 * that holds the lock, 0 where that cannot be known: readers of a rwlock, a
 * writer that has just left. A wait that is cancelled has no end: nothing but
 * the end of its thread follows.
 *
 * How we know that a thread will wait: a mutex or rwlock is tried first where
 * success of trylock is what lock would do. It is not for a mutex with
 * inheritance, protection, robustness or elision, nor for a semaphore, whose
 * wait has to look for a cancellation first: those are looked at, and then
 * taken in one call; a thread that comes between is not seen.
 *
 * Locks that libc takes through its own names (stdio, mtx_lock) do not come by
 * here; std::mutex does.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "wrap.h"

#define LEVEL PISTE_DEBUG_SYSTEM

/* glibc's kinds of mutexes, in __data.__kind (sysdeps/nptl/pthreadP.h); ABI, since static
 * initializers and shared memory hold them. */
#define KIND_RECURSIVE 1
#define KIND_TYPE 3
#define KIND_ROBUST 16
#define KIND_INHERIT 32
#define KIND_PROTECT 64
#define KIND_ELISION 256
#define KIND_SPECIAL (KIND_ROBUST | KIND_INHERIT | KIND_PROTECT | KIND_ELISION)
#define LOCK_HAS_WAITERS 0x80000000u /* FUTEX_WAITERS, of robust and inheriting ones */
#define LOCK_PROTECT_STATE 0x0007ffffu /* below the priority ceiling */

PISTE_ENUM(piste_lock_result, int, (acquired, 0), (timed_out, ETIMEDOUT), (deadlock, EDEADLK),
	   (owner_died, EOWNERDEAD), (not_recoverable, ENOTRECOVERABLE), (too_many, EAGAIN),
	   (invalid, EINVAL), (not_owner, EPERM), (interrupted, EINTR));
PISTE_ENUM(piste_cond_result, int, (signalled, 0), (timed_out, ETIMEDOUT), (owner_died, EOWNERDEAD),
	   (not_recoverable, ENOTRECOVERABLE), (invalid, EINVAL), (not_owner, EPERM));
PISTE_ENUM(piste_barrier_result, int, (passed, 0), (passed_last, PTHREAD_BARRIER_SERIAL_THREAD),
	   (invalid, EINVAL));

typedef const struct timespec *deadline_t;

WRAP_EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex);
WRAP_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *mutex, deadline_t deadline);
WRAP_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
					deadline_t deadline);
WRAP_EXPORT int pthread_mutex_trylock(pthread_mutex_t *mutex);
WRAP_EXPORT int pthread_mutex_unlock(pthread_mutex_t *mutex);
WRAP_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *rwlock);
WRAP_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *rwlock, deadline_t deadline);
WRAP_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *rwlock, clockid_t clock,
					   deadline_t deadline);
WRAP_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *rwlock);
WRAP_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *rwlock, deadline_t deadline);
WRAP_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *rwlock, clockid_t clock,
					   deadline_t deadline);
/* of these libpiste-wrap.map makes the version of glibc that we mean */
WRAP_EXPORT int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
WRAP_EXPORT int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				       deadline_t deadline);
WRAP_EXPORT int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
				       clockid_t clock, deadline_t deadline);
WRAP_EXPORT int sem_wait(sem_t *sem);
WRAP_EXPORT int sem_timedwait(sem_t *sem, deadline_t deadline);
WRAP_EXPORT int sem_clockwait(sem_t *sem, clockid_t clock, deadline_t deadline);
WRAP_EXPORT int pthread_barrier_wait(pthread_barrier_t *barrier);

static struct {
	int (*mutex_lock)(pthread_mutex_t *mutex);
	int (*mutex_timedlock)(pthread_mutex_t *mutex, deadline_t deadline);
	int (*mutex_clocklock)(pthread_mutex_t *mutex, clockid_t clock, deadline_t deadline);
	int (*mutex_trylock)(pthread_mutex_t *mutex);
	int (*mutex_unlock)(pthread_mutex_t *mutex);
	int (*rdlock)(pthread_rwlock_t *rwlock);
	int (*timedrdlock)(pthread_rwlock_t *rwlock, deadline_t deadline);
	int (*clockrdlock)(pthread_rwlock_t *rwlock, clockid_t clock, deadline_t deadline);
	int (*tryrdlock)(pthread_rwlock_t *rwlock);
	int (*wrlock)(pthread_rwlock_t *rwlock);
	int (*timedwrlock)(pthread_rwlock_t *rwlock, deadline_t deadline);
	int (*clockwrlock)(pthread_rwlock_t *rwlock, clockid_t clock, deadline_t deadline);
	int (*trywrlock)(pthread_rwlock_t *rwlock);
	int (*cond_wait)(pthread_cond_t *cond, pthread_mutex_t *mutex);
	int (*cond_timedwait)(pthread_cond_t *cond, pthread_mutex_t *mutex, deadline_t deadline);
	int (*cond_clockwait)(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
			      deadline_t deadline);
	int (*sem_wait)(sem_t *sem);
	int (*sem_timedwait)(sem_t *sem, deadline_t deadline);
	int (*sem_clockwait)(sem_t *sem, clockid_t clock, deadline_t deadline);
	int (*sem_getvalue)(sem_t *sem, int *value);
	int (*barrier_wait)(pthread_barrier_t *barrier);
} next;

/* Condition variables of before glibc 2.3.2 were others, and are still there. */
static void *next_cond(const char *name)
{
#if defined(__x86_64__)
	void *function = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");

	if (function)
		return function;
#endif
	return WRAP_NEXT(name);
}

void locks_find_next(void)
{
	__typeof__(next) found = {
		.mutex_lock = WRAP_NEXT("pthread_mutex_lock"),
		.mutex_timedlock = WRAP_NEXT("pthread_mutex_timedlock"),
		.mutex_clocklock = WRAP_NEXT("pthread_mutex_clocklock"),
		.mutex_trylock = WRAP_NEXT("pthread_mutex_trylock"),
		.mutex_unlock = WRAP_NEXT("pthread_mutex_unlock"),
		.rdlock = WRAP_NEXT("pthread_rwlock_rdlock"),
		.timedrdlock = WRAP_NEXT("pthread_rwlock_timedrdlock"),
		.clockrdlock = WRAP_NEXT("pthread_rwlock_clockrdlock"),
		.tryrdlock = WRAP_NEXT("pthread_rwlock_tryrdlock"),
		.wrlock = WRAP_NEXT("pthread_rwlock_wrlock"),
		.timedwrlock = WRAP_NEXT("pthread_rwlock_timedwrlock"),
		.clockwrlock = WRAP_NEXT("pthread_rwlock_clockwrlock"),
		.trywrlock = WRAP_NEXT("pthread_rwlock_trywrlock"),
		.cond_wait = next_cond("pthread_cond_wait"),
		.cond_timedwait = next_cond("pthread_cond_timedwait"),
		.cond_clockwait = WRAP_NEXT("pthread_cond_clockwait"),
		.sem_wait = WRAP_NEXT("sem_wait"),
		.sem_timedwait = WRAP_NEXT("sem_timedwait"),
		.sem_clockwait = WRAP_NEXT("sem_clockwait"),
		.sem_getvalue = WRAP_NEXT("sem_getvalue"),
		.barrier_wait = WRAP_NEXT("pthread_barrier_wait"),
	};

	next = found;
}

static uint64_t clock_ns(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Whether the real call could say that its arguments are wrong before it tries. */
static bool deadline_is_valid(clockid_t clock, deadline_t deadline)
{
	return (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) &&
	       (unsigned long)deadline->tv_nsec < 1000000000u;
}

/* The three forms that a wait comes in. */
enum form { PLAIN, TIMED, CLOCKED };

/* --- mutexes -------------------------------------------------------------- */

/* Peeks: the owner writes them whenever it likes. */
static uint32_t mutex_owner(const pthread_mutex_t *mutex)
{
	return (uint32_t)__atomic_load_n(&mutex->__data.__owner, __ATOMIC_RELAXED);
}

static uint32_t mutex_word(const pthread_mutex_t *mutex)
{
	return (uint32_t)__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED);
}

static int mutex_kind(const pthread_mutex_t *mutex)
{
	return __atomic_load_n(&mutex->__data.__kind, __ATOMIC_RELAXED);
}

static bool mutex_is_held(const pthread_mutex_t *mutex)
{
	uint32_t word = mutex_word(mutex);

	return (mutex_kind(mutex) & KIND_PROTECT ? word & LOCK_PROTECT_STATE : word) != 0;
}

static bool mutex_has_waiters(const pthread_mutex_t *mutex)
{
	uint32_t word = mutex_word(mutex);
	int kind = mutex_kind(mutex);

	if ((kind & KIND_TYPE) == KIND_RECURSIVE && mutex->__data.__count > 1)
		return false; /* not the last unlock */
	if (kind & (KIND_ROBUST | KIND_INHERIT))
		return word & LOCK_HAS_WAITERS;
	return (kind & KIND_PROTECT ? word & LOCK_PROTECT_STATE : word) > 1;
}

static WRAP_NOINLINE uint64_t mutex_wait_begin(const pthread_mutex_t *lock, const void *caller)
{
	PISTE_LEVEL(LEVEL, piste_lock, mutex_wait_begin, lock, (owner, mutex_owner(lock)), caller);
	return clock_ns();
}

static WRAP_NOINLINE void mutex_wait_end(const pthread_mutex_t *lock, uint64_t begin, int result,
					 const void *caller)
{
	PISTE_LEVEL(LEVEL, piste_lock, mutex_wait_end, lock, (wait_ns, clock_ns() - begin),
		    (result, PISTE_AS(piste_lock_result, result)), caller);
}

PISTE_INLINE int mutex_lock_real(pthread_mutex_t *mutex, enum form form, clockid_t clock,
				 deadline_t deadline)
{
	return form == PLAIN   ? next.mutex_lock(mutex)
	       : form == TIMED ? next.mutex_timedlock(mutex, deadline)
			       : next.mutex_clocklock(mutex, clock, deadline);
}

PISTE_INLINE int mutex_lock(pthread_mutex_t *mutex, enum form form, clockid_t clock,
			    deadline_t deadline, const void *caller)
{
	uint64_t begin;
	int err;

	if (PISTE_LIKELY(!(mutex_kind(mutex) & KIND_SPECIAL) &&
			 (form == PLAIN || deadline_is_valid(clock, deadline)))) {
		err = next.mutex_trylock(mutex);
		if (err != EBUSY)
			return err;
	} else if (!mutex_is_held(mutex)) {
		return mutex_lock_real(mutex, form, clock, deadline);
	}
	begin = mutex_wait_begin(mutex, caller);
	err = mutex_lock_real(mutex, form, clock, deadline);
	mutex_wait_end(mutex, begin, err, caller);
	return err;
}

static WRAP_NOINLINE int mutex_lock_traced(pthread_mutex_t *mutex, const void *caller)
{
	return mutex_lock(mutex, PLAIN, 0, NULL, caller);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.mutex_lock(mutex);
	return mutex_lock_traced(mutex, WRAP_CALLER);
}

int pthread_mutex_timedlock(pthread_mutex_t *mutex, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.mutex_timedlock(mutex, deadline);
	return mutex_lock(mutex, TIMED, CLOCK_REALTIME, deadline, WRAP_CALLER);
}

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.mutex_clocklock(mutex, clock, deadline);
	return mutex_lock(mutex, CLOCKED, clock, deadline, WRAP_CALLER);
}

static WRAP_NOINLINE int mutex_trylock_traced(pthread_mutex_t *lock, const void *caller)
{
	int err = next.mutex_trylock(lock);

	if (PISTE_UNLIKELY(err == EBUSY))
		PISTE_LEVEL(LEVEL, piste_lock, mutex_busy, lock, (owner, mutex_owner(lock)),
			    caller);
	return err;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.mutex_trylock(mutex);
	return mutex_trylock_traced(mutex, WRAP_CALLER);
}

static WRAP_NOINLINE void mutex_unlock_waited(const pthread_mutex_t *lock, const void *caller)
{
	PISTE_LEVEL(LEVEL, piste_lock, mutex_unlock, lock, caller);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	if (wrap_is_on(&wrap_modes.locks) && PISTE_UNLIKELY(mutex_has_waiters(mutex)))
		mutex_unlock_waited(mutex, WRAP_CALLER);
	return next.mutex_unlock(mutex);
}

/* --- read-write locks ----------------------------------------------------- */

static uint32_t rwlock_owner(const pthread_rwlock_t *rwlock)
{
	return (uint32_t)__atomic_load_n(&rwlock->__data.__cur_writer, __ATOMIC_RELAXED);
}

static WRAP_NOINLINE uint64_t rwlock_wait_begin(const pthread_rwlock_t *lock, bool is_write,
						const void *caller)
{
	const uint32_t owner = rwlock_owner(lock);

	if (is_write)
		PISTE_LEVEL(LEVEL, piste_lock, rwlock_write_wait_begin, lock, owner, caller);
	else
		PISTE_LEVEL(LEVEL, piste_lock, rwlock_read_wait_begin, lock, owner, caller);
	return clock_ns();
}

static WRAP_NOINLINE void rwlock_wait_end(const pthread_rwlock_t *lock, bool is_write,
					  uint64_t begin, int result, const void *caller)
{
	const uint64_t wait_ns = clock_ns() - begin;

	if (is_write)
		PISTE_LEVEL(LEVEL, piste_lock, rwlock_write_wait_end, lock, wait_ns,
			    (result, PISTE_AS(piste_lock_result, result)), caller);
	else
		PISTE_LEVEL(LEVEL, piste_lock, rwlock_read_wait_end, lock, wait_ns,
			    (result, PISTE_AS(piste_lock_result, result)), caller);
}

PISTE_INLINE int rwlock_lock_real(pthread_rwlock_t *rwlock, bool is_write, enum form form,
				  clockid_t clock, deadline_t deadline)
{
	if (form == PLAIN)
		return is_write ? next.wrlock(rwlock) : next.rdlock(rwlock);
	if (form == TIMED)
		return is_write ? next.timedwrlock(rwlock, deadline)
				: next.timedrdlock(rwlock, deadline);
	return is_write ? next.clockwrlock(rwlock, clock, deadline)
			: next.clockrdlock(rwlock, clock, deadline);
}

PISTE_INLINE int rwlock_lock(pthread_rwlock_t *rwlock, bool is_write, enum form form,
			     clockid_t clock, deadline_t deadline, const void *caller)
{
	uint64_t begin;
	int err;

	if (form != PLAIN && !deadline_is_valid(clock, deadline))
		return rwlock_lock_real(rwlock, is_write, form, clock, deadline);
	err = is_write ? next.trywrlock(rwlock) : next.tryrdlock(rwlock);
	if (PISTE_LIKELY(err != EBUSY))
		return err;
	begin = rwlock_wait_begin(rwlock, is_write, caller);
	err = rwlock_lock_real(rwlock, is_write, form, clock, deadline);
	rwlock_wait_end(rwlock, is_write, begin, err, caller);
	return err;
}

int pthread_rwlock_rdlock(pthread_rwlock_t *rwlock)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.rdlock(rwlock);
	return rwlock_lock(rwlock, false, PLAIN, 0, NULL, WRAP_CALLER);
}

int pthread_rwlock_timedrdlock(pthread_rwlock_t *rwlock, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.timedrdlock(rwlock, deadline);
	return rwlock_lock(rwlock, false, TIMED, CLOCK_REALTIME, deadline, WRAP_CALLER);
}

int pthread_rwlock_clockrdlock(pthread_rwlock_t *rwlock, clockid_t clock, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.clockrdlock(rwlock, clock, deadline);
	return rwlock_lock(rwlock, false, CLOCKED, clock, deadline, WRAP_CALLER);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *rwlock)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.wrlock(rwlock);
	return rwlock_lock(rwlock, true, PLAIN, 0, NULL, WRAP_CALLER);
}

int pthread_rwlock_timedwrlock(pthread_rwlock_t *rwlock, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.timedwrlock(rwlock, deadline);
	return rwlock_lock(rwlock, true, TIMED, CLOCK_REALTIME, deadline, WRAP_CALLER);
}

int pthread_rwlock_clockwrlock(pthread_rwlock_t *rwlock, clockid_t clock, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.clockwrlock(rwlock, clock, deadline);
	return rwlock_lock(rwlock, true, CLOCKED, clock, deadline, WRAP_CALLER);
}

/* --- condition variables, which are always waited for --------------------- */

PISTE_INLINE int cond_wait_real(pthread_cond_t *cond, pthread_mutex_t *mutex, enum form form,
				clockid_t clock, deadline_t deadline)
{
	return form == PLAIN   ? next.cond_wait(cond, mutex)
	       : form == TIMED ? next.cond_timedwait(cond, mutex, deadline)
			       : next.cond_clockwait(cond, mutex, clock, deadline);
}

/* wait_ns holds the wait for the signal and that for the mutex. */
static WRAP_NOINLINE int cond_wait(pthread_cond_t *lock, pthread_mutex_t *mutex, enum form form,
				   clockid_t clock, deadline_t deadline, const void *caller)
{
	uint64_t begin;
	int result;

	PISTE_LEVEL(LEVEL, piste_lock, cond_wait_begin, lock, mutex, caller);
	begin = clock_ns();
	result = cond_wait_real(lock, mutex, form, clock, deadline);
	PISTE_LEVEL(LEVEL, piste_lock, cond_wait_end, lock, mutex, (wait_ns, clock_ns() - begin),
		    (result, PISTE_AS(piste_cond_result, result)), caller);
	return result;
}

int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.cond_wait(cond, mutex);
	return cond_wait(cond, mutex, PLAIN, 0, NULL, WRAP_CALLER);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.cond_timedwait(cond, mutex, deadline);
	return cond_wait(cond, mutex, TIMED, 0, deadline, WRAP_CALLER);
}

int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
			   deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.cond_clockwait(cond, mutex, clock, deadline);
	return cond_wait(cond, mutex, CLOCKED, clock, deadline, WRAP_CALLER);
}

/* --- semaphores and barriers ---------------------------------------------- */

PISTE_INLINE int sem_wait_real(sem_t *sem, enum form form, clockid_t clock, deadline_t deadline)
{
	return form == PLAIN   ? next.sem_wait(sem)
	       : form == TIMED ? next.sem_timedwait(sem, deadline)
			       : next.sem_clockwait(sem, clock, deadline);
}

static WRAP_NOINLINE int sem_wait_traced(sem_t *lock, enum form form, clockid_t clock,
					 deadline_t deadline, const void *caller)
{
	uint64_t begin;
	int value = 0, result;

	if (next.sem_getvalue(lock, &value) || value > 0)
		return sem_wait_real(lock, form, clock, deadline);
	PISTE_LEVEL(LEVEL, piste_lock, sem_wait_begin, lock, caller);
	begin = clock_ns();
	result = sem_wait_real(lock, form, clock, deadline);
	PISTE_LEVEL(LEVEL, piste_lock, sem_wait_end, lock, (wait_ns, clock_ns() - begin),
		    (result, PISTE_AS(piste_lock_result, result ? errno : 0)), caller);
	return result;
}

int sem_wait(sem_t *sem)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.sem_wait(sem);
	return sem_wait_traced(sem, PLAIN, 0, NULL, WRAP_CALLER);
}

int sem_timedwait(sem_t *sem, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.sem_timedwait(sem, deadline);
	return sem_wait_traced(sem, TIMED, 0, deadline, WRAP_CALLER);
}

int sem_clockwait(sem_t *sem, clockid_t clock, deadline_t deadline)
{
	if (!wrap_is_on(&wrap_modes.locks))
		return next.sem_clockwait(sem, clock, deadline);
	return sem_wait_traced(sem, CLOCKED, clock, deadline, WRAP_CALLER);
}

int pthread_barrier_wait(pthread_barrier_t *lock)
{
	uint64_t begin;
	int result;

	if (!wrap_is_on(&wrap_modes.locks))
		return next.barrier_wait(lock);
	PISTE_LEVEL(LEVEL, piste_lock, barrier_wait_begin, lock, (caller, WRAP_CALLER));
	begin = clock_ns();
	result = next.barrier_wait(lock);
	PISTE_LEVEL(LEVEL, piste_lock, barrier_wait_end, lock, (wait_ns, clock_ns() - begin),
		    (result, PISTE_AS(piste_barrier_result, result)), (caller, WRAP_CALLER));
	return result;
}
