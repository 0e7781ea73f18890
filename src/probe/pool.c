/* SPDX-License-Identifier: MIT */
/*
 * pool - the memory that is shared with recorders: a sealed, sparse memfd.
 *
 * It is made by the constructor, and anew by a forked child when that traces
 * for the first time: the child finds its private state wiped
 * (MADV_WIPEONFORK), copies what describes its objects out of its parent's
 * pool, lays the gates of its objects onto its own pages, and announces itself
 * to the sessions that its parent had.
 *
 * Where no memfd is to be had, anonymous memory takes its place: no recorder
 * can find that, but tracers in the process work.
 */
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>

#include "piste/wire/rules.h"
#include "probe/probe.h"
#include "probe/sys.h"

#ifndef F_SEAL_SHRINK
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 0x0001
#define F_SEAL_SHRINK 0x0002
#define F_SEAL_GROW 0x0004
#endif
#ifndef MREMAP_FIXED
#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2
#endif
#define DESCRIPTOR_LOW 900 /* out of the way of programs that expect small numbers */

struct local piste_local __attribute__((visibility("hidden"))) = {.fd = -1};

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static int memfd_open(uint64_t size)
{
	struct rlimit limit;
	long fd, high;

	/* growing a file beyond this limit would raise SIGXFSZ in a program that did nothing */
	if (SYS_CALL(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit) == 0 && limit.rlim_cur < size)
		return -EFBIG;
	fd = SYS_CALL(SYS_memfd_create, PISTE_POOL_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (sys_failed(fd))
		return (int)fd;
	high = SYS_CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, DESCRIPTOR_LOW);
	if (sys_failed(high))
		high = SYS_CALL(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 64);
	if (!sys_failed(high)) {
		SYS_CALL(SYS_close, fd);
		fd = high;
	}
	if (sys_failed(SYS_CALL(SYS_ftruncate, fd, size)) ||
	    sys_failed(SYS_CALL(SYS_fcntl, fd, F_ADD_SEALS,
				F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))) {
		SYS_CALL(SYS_close, fd);
		return -ENOMEM;
	}
	return (int)fd;
}

/* The program may have closed it, and opened something else at its number. */
bool pool_descriptor_is_ours(void)
{
	struct stat st;

	return piste_local.fd >= 0 && SYS_CALL(SYS_fstat, piste_local.fd, &st) == 0 &&
	       st.st_dev == piste_local.device && st.st_ino == piste_local.inode;
}

/* The pool is anonymous: no recorder can find it. */
static bool fd_is_missing(void)
{
	return piste_local.fd < 0;
}

static int pool_map(uint64_t budget_bytes, struct piste_pool **out)
{
	uint32_t chunks = CHUNKS_DEFAULT;
	uint64_t page = getauxval(AT_PAGESZ);
	/* static: it is large, a handler's stack may be small, and there is one caller at a time */
	static struct piste_pool layout;
	struct piste_pool *pool;
	struct stat st = {0};
	int fd;

	if (budget_bytes / CHUNK_SIZE > chunks)
		chunks = budget_bytes / CHUNK_SIZE < CHUNKS_MAX
				 ? (uint32_t)(budget_bytes / CHUNK_SIZE)
				 : CHUNKS_MAX;
	for (;; chunks /= 4) {
		layout.objects_offset = round_up(sizeof(*pool), page);
		layout.objects_size = OBJECTS_BYTES;
		layout.gates_offset = layout.objects_offset + OBJECTS_BYTES;
		layout.gates_size = GATES_BYTES;
		layout.writers_offset = layout.gates_offset + GATES_BYTES;
		layout.states_offset = round_up(
			layout.writers_offset + THREADS_MAX * sizeof(struct piste_writer), page);
		layout.chunks_offset = round_up(layout.states_offset + chunks * 4ull, page);
		layout.size_bytes = layout.chunks_offset + (uint64_t)chunks * CHUNK_SIZE;

		fd = memfd_open(layout.size_bytes);
		pool = sys_mmap(NULL, layout.size_bytes, PROT_READ | PROT_WRITE,
				fd < 0 ? MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE
				       : MAP_SHARED | MAP_NORESERVE,
				fd);
		if (pool)
			break;
		if (fd >= 0)
			SYS_CALL(SYS_close, fd);
		if (chunks <= 64)
			return -ENOMEM;
	}
	layout.abi = PISTE_POOL_ABI;
	layout.header_bytes = sizeof(*pool);
	layout.writer_count = THREADS_MAX;
	layout.chunk_count = chunks;
	layout.chunk_size = CHUNK_SIZE;
	layout.page_size = (uint32_t)page;
	layout.pid = sys_getpid();
	layout.created = piste_ticks();
	layout.budget_bytes = budget_bytes ? budget_bytes : BUDGET_DEFAULT;
	SYS_CALL(SYS_prctl, PR_GET_NAME, layout.comm);
	/* all but the sessions, whose pages stay untouched until they are used */
	__builtin_memcpy((char *)pool + sizeof(uint64_t), (char *)&layout + sizeof(uint64_t),
			 offsetof(struct piste_pool, sessions) - sizeof(uint64_t));
	if (fd >= 0)
		SYS_CALL(SYS_fstat, fd, &st);
	piste_local.device = st.st_dev;
	piste_local.inode = st.st_ino;
	piste_local.fd = fd;
	piste_local.pid = layout.pid;
	*out = pool;
	return 0;
}

int pool_create(uint64_t budget_bytes)
{
	struct piste_pool *pool;
	int err = pool_map(budget_bytes, &pool);

	if (err)
		return err;
	piste_local.pool = pool;
	return 0;
}

bool pool_is_inherited(void)
{
	return *piste_local.alive == 0;
}

/*
 * Called with the lock held, by everything that would write to the pool. When
 * it fails, all is as it was: the child's events are counted as lost in its
 * parent's pool.
 */
int pool_renew_after_fork(void)
{
	struct piste_pool *old = piste_local.pool, *pool;
	bool close_old = pool_descriptor_is_ours();
	int old_fd = piste_local.fd, err;

	if (!pool_is_inherited())
		return 0;
	err = pool_map(old->budget_bytes, &pool);
	if (err)
		return err;
	if (sys_gettid() != sys_getpid() && !threads_create()) {
		SYS_CALL(SYS_munmap, pool, pool->size_bytes);
		if (piste_local.fd >= 0)
			SYS_CALL(SYS_close, piste_local.fd);
		piste_local.fd = -1;
		return -ENOMEM;
	}
	/* the child's own table of what has memory */
	__builtin_memset(piste_local.populated, 0,
			 old->chunk_count * sizeof(piste_local.populated[0]));
	pool->clock = old->clock;
	pool->parent_pid = old->pid;
	pool->flags = old->flags;
	pool->event_count = piste_local.event_count;
	pool->objects_used = piste_local.objects_used;
	pool->object_count = piste_local.object_count;
	__builtin_memcpy(pool->exe, old->exe, sizeof(pool->exe));
	__builtin_memcpy(pool->cmdline, old->cmdline, sizeof(pool->cmdline));
	pool->cmdline_size = old->cmdline_size;
	__builtin_memcpy((char *)pool + pool->objects_offset, (char *)old + old->objects_offset,
			 piste_local.objects_used);
	/* copied as a whole: it holds constants of the objects beside the gates */
	__builtin_memcpy((char *)pool + pool->gates_offset, (char *)old + old->gates_offset,
			 piste_local.gates_used);
	for (uint32_t i = 0; i < PISTE_SESSIONS_MAX; i++) {
		struct piste_session *from = &old->sessions[i];

		if (fd_is_missing() || !(old->active & 1u << i) ||
		    __atomic_load_n(&from->state, __ATOMIC_ACQUIRE) != PISTE_SESSION_ACTIVE)
			continue;
		pool->sessions[i] = *from;
		pool->active |= 1u << i;
		if (from->socket[0])
			pool->announce_pending |= 1u << i;
	}
	piste_local.pool = pool;
	for (uint32_t i = 0; i < piste_local.object_count; i++) {
		struct object *object = &piste_local.objects[i];

		object->record =
			(struct piste_object_record *)((char *)pool +
						       ((char *)object->record - (char *)old));
		object->record->live = object->handle && objects_map_gates(object);
	}
	threads_renew_after_fork();
	/*
	 * The parent's chunks go, and its memory with them. Not unmapped: should the fork have
	 * happened in a handler that interrupted a site, that site's record lands in here.
	 */
	sys_mmap(old, old->size_bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1);
	if (close_old)
		SYS_CALL(SYS_close, old_fd);
	__atomic_store_n(&pool->magic, PISTE_POOL_MAGIC, __ATOMIC_RELEASE);
	*piste_local.alive = 1;
	pool_announce();
	return 0;
}

/* One message with the memfd on a new connection; 0, or negative errno. */
static long announce(const struct piste_session *session)
{
	struct piste_hello hello = {.magic = PISTE_POOL_MAGIC,
				    .abi = PISTE_POOL_ABI,
				    .pid = piste_local.pool->pid,
				    .session = session->id};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {&hello, sizeof(hello)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	long fd, result;

	fd = SYS_CALL(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sys_failed(fd))
		return fd;
	__builtin_memcpy(address.sun_path, session->socket, sizeof(address.sun_path));
	address.sun_path[sizeof(address.sun_path) - 1] = '\0';
	result = SYS_CALL(SYS_connect, fd, &address, sizeof(address));
	if (!sys_failed(result)) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		__builtin_memcpy(CMSG_DATA(&control.head), &piste_local.fd, sizeof(int));
		result = SYS_CALL(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	SYS_CALL(SYS_close, fd);
	return sys_failed(result) ? result : 0;
}

/* A session whose recorder is gone: nobody will read for it. */
static void session_drop(uint32_t slot)
{
	struct piste_pool *pool = piste_local.pool;

	__atomic_and_fetch(&pool->active, ~(1u << slot), __ATOMIC_SEQ_CST);
	__atomic_store_n(&pool->sessions[slot].state, PISTE_SESSION_LEAVING, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < piste_local.object_count; i++) {
		struct piste_object_record *record = piste_local.objects[i].record;
		struct piste_gate *gates = (struct piste_gate *)pool_at(record->gates_offset);

		for (uint32_t g = 0; g < record->gate_count; g++)
			__atomic_and_fetch(&gates[g].enabled, ~(1u << slot), __ATOMIC_RELAXED);
	}
}

void pool_announce(void)
{
	struct piste_pool *pool = piste_local.pool;
	uint32_t pending = __atomic_exchange_n(&pool->announce_pending, 0, __ATOMIC_RELAXED);

	if (!pending)
		return;
	if (!pool_descriptor_is_ours())
		return;
	for (uint32_t i = 0; i < PISTE_SESSIONS_MAX; i++) {
		long result;

		if (!(pending & 1u << i))
			continue;
		result = announce(&pool->sessions[i]);
		if (result == -ECONNREFUSED || result == -ENOENT)
			session_drop(i);
		else if (result) /* its queue is full: again when a chunk is full */
			__atomic_or_fetch(&pool->announce_pending, 1u << i, __ATOMIC_RELAXED);
	}
}

int pool_claim_session(const struct piste_session *session)
{
	struct piste_pool *pool = piste_local.pool;

	if (fd_is_missing())
		return -ENXIO;
	for (uint32_t i = 0; i < PISTE_SESSIONS_MAX; i++) {
		struct piste_session *slot = &pool->sessions[i];
		uint32_t expected = PISTE_SESSION_FREE;

		if (!__atomic_compare_exchange_n(&slot->state, &expected, PISTE_SESSION_CLAIMED,
						 false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		__builtin_memcpy((char *)slot + sizeof(slot->state),
				 (const char *)session + sizeof(slot->state),
				 sizeof(*slot) - sizeof(slot->state));
		slot->rules[PISTE_RULES_SIZE - 1] = slot->rules[PISTE_RULES_SIZE - 2] = '\0';
		slot->socket[PISTE_SOCKET_SIZE - 1] = '\0';
		if (slot->flags & PISTE_SESSION_CPU)
			pool->flags |= PISTE_SESSION_CPU;
		__atomic_store_n(&slot->state, PISTE_SESSION_ACTIVE, __ATOMIC_RELEASE);
		__atomic_or_fetch(&pool->active, 1u << i, __ATOMIC_SEQ_CST);
		if (slot->socket[0])
			__atomic_or_fetch(&pool->announce_pending, 1u << i, __ATOMIC_RELAXED);
		return (int)i;
	}
	return -EBUSY;
}

#define SIGNAL_SET_BYTES 8

uint64_t signals_block(void)
{
	uint64_t all = ~0ull, mask = 0;

	SYS_CALL(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, &mask, SIGNAL_SET_BYTES);
	return mask;
}

void signals_restore(uint64_t mask)
{
	SYS_CALL(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &mask, 0, SIGNAL_SET_BYTES);
}

uint64_t lock_acquire(void)
{
	uint64_t mask = signals_block();
	uint32_t tid = sys_gettid();

	for (;;) {
		uint32_t holder = 0;

		if (__atomic_compare_exchange_n(&piste_local.lock, &holder, tid, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return mask;
		/* forked while another thread held it: that thread is not here */
		if (holder == tid || !thread_is_alive(holder))
			__atomic_compare_exchange_n(&piste_local.lock, &holder, 0, false,
						    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
		SYS_CALL(SYS_sched_yield, 0);
	}
}

void lock_release(uint64_t mask)
{
	__atomic_store_n(&piste_local.lock, 0, __ATOMIC_RELEASE);
	signals_restore(mask);
}
