/* SPDX-License-Identifier: MIT */
/*
 * pool-dump - a judge of libpiste that shares no code with the recorder. Runs
 * a command with a session of its own, takes in the pools that it announces,
 * walks every chunk, and tells what is in them and what is not as it should be.
 *
 *	pool-dump [OPTION]... COMMAND...
 *
 *	-e GLOB     events that the session wants, any number; * if none
 *	-l LEVEL    the least severe level; 14
 *	-b BYTES    budget of the pools
 *	-c          records carry the CPU
 *	-d          drain: take in full chunks while the command runs
 *	-n N        run the command N times, each time anew
 *	-k USEC     kill it at a random moment, at most so long after its pool came
 *	-S FILE     what the program says that it has done: u64 counts by slot. An event
 *	            `seq:n` has {u32 slot, u64 number}: numbers of a slot have no gap, and no
 *	            fewer arrived than the file says (or lost ones make up for it)
 *	-x          prints each record: event, tid, level of nesting, payload in hexadecimal
 *	-w          tells of each writer what was recorded and lost
 *	-q          no counts by thread
 *
 * Prints (all runs added up)
 *	event NAME COUNT · thread PID:TID COUNT · writer INDEX COUNT LOST · total N · lost N · pools N · forked N
 *	bytes N (most memory of a pool in chunks) · blocks N (most of a memfd at the end)
 *	status N (exit status of the last command, 128 + signal)
 * Violations go to stderr as "pool-dump: ..."; exit status 1 when there was one.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "piste/wire/pool.h"

#define POOLS_MAX 70000
#define NAMES_MAX 4096
#define SLOTS_MAX 4096

struct pool {
	struct piste_pool *head;
	int fd;
	uint64_t size;
	uint32_t slot; /* of our session */
	uint32_t names[PISTE_ID_NONE]; /* id to index of names + 1 */
	uint32_t seen_objects;
	uint64_t most_bytes;
	uint64_t *recorded; /* by writer */
	uint64_t *sequences; /* of each writer: bits of the last 64 chunks, and the highest */
};

static struct {
	const char *globs[64];
	int glob_count, level, runs, kill_us;
	bool cpu, drain, print, quiet, writers;
	uint64_t budget;
	const char *shadow;
	char **command;
} options = {.level = PISTE_DEBUG, .runs = 1, .kill_us = -1};

static struct {
	char name[256];
	uint64_t count;
} names[NAMES_MAX];
static uint32_t name_count;

static struct {
	uint32_t pid, tid;
	uint64_t count;
} * threads;
static size_t thread_count, thread_room;

static struct pool *pools[POOLS_MAX];
static size_t pool_count, violations, forked;
static uint64_t total, lost, most_bytes, most_blocks, pools_in_all;
static uint64_t slot_count[SLOTS_MAX], slot_highest[SLOTS_MAX]; /* of seq:n */
static struct piste_session session = {.state = PISTE_SESSION_ACTIVE, .magic = PISTE_SESSION_MAGIC};
static char directory[64], session_path[96];
static int listener = -1;

__attribute__((format(printf, 1, 2))) static void violation(const char *format, ...)
{
	va_list args;

	if (++violations > 20)
		return;
	va_start(args, format);
	fputs("pool-dump: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

__attribute__((noreturn)) static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- names of events */

static uint32_t name_of(const struct piste_site *site)
{
	const char *provider = (const char *)(site + 1);
	const char *event = provider + strlen(provider) + 1;
	char name[256];
	uint32_t i;

	snprintf(name, sizeof(name), "%s:%s%s", provider, event,
		 site->kind == PISTE_SITE_SPAN_BEGIN ? "_begin"
		 : site->kind == PISTE_SITE_SPAN_END ? "_end"
						     : "");
	for (i = 0; i < name_count; i++)
		if (!strcmp(names[i].name, name))
			return i;
	if (i == NAMES_MAX) {
		fputs("pool-dump: too many events\n", stderr);
		exit(2);
	}
	strcpy(names[name_count].name, name);
	return name_count++;
}

/* Objects are walked from the first each time: they are few. */
static void read_objects(struct pool *pool)
{
	struct piste_pool *head = pool->head;
	uint32_t count = __atomic_load_n(&head->object_count, __ATOMIC_ACQUIRE), next_id = 0;
	const char *at = (const char *)head + head->objects_offset;
	const char *end = at + head->objects_used;

	if (count == pool->seen_objects)
		return;
	for (uint32_t i = 0; i < count; i++) {
		const struct piste_object_record *object = (const void *)at;
		const char *entry = at + object->sites_offset;

		if (at + sizeof(*object) > end || object->size % 8 || at + object->size > end) {
			violation("object %u of %u does not fit", i, count);
			return;
		}
		for (uint32_t s = 0; s < object->site_count; s++) {
			const struct piste_site_record *record = (const void *)entry;
			const struct piste_site *site = (const void *)(record + 1);

			if (site->abi != PISTE_SITE_ABI || record->size % 8)
				violation("site %u of object %u is broken", s, i);
			if (site->kind != PISTE_SITE_GATE) {
				if (site->id != next_id)
					violation("site %u of object %u has id %u, wanted %u", s, i,
						  site->id, next_id);
				next_id++;
				if (site->id < PISTE_ID_NONE)
					pool->names[site->id] = name_of(site) + 1;
			}
			entry += record->size;
		}
		at += object->size;
	}
	if (at != end && !head->reserved0) /* in a killed process the last one may be unfinished */
		violation("%zd bytes behind the last object", end - at);
	if (next_id != head->event_count)
		violation("%u ids, event_count says %u", next_id, head->event_count);
	pool->seen_objects = count;
}

/* ---- chunks */

static void count_thread(uint32_t pid, uint32_t tid, uint64_t n)
{
	static size_t last;

	if (options.quiet)
		return;
	if (last < thread_count && threads[last].pid == pid && threads[last].tid == tid) {
		threads[last].count += n;
		return;
	}
	for (last = 0; last < thread_count; last++)
		if (threads[last].pid == pid && threads[last].tid == tid)
			break;
	if (last == thread_count) {
		if (thread_count == thread_room) {
			thread_room = thread_room ? 2 * thread_room : 256;
			threads = realloc(threads, thread_room * sizeof(*threads));
		}
		memset(&threads[thread_count++], 0, sizeof(*threads));
		threads[last].pid = pid;
		threads[last].tid = tid;
	}
	threads[last].count += n;
}

static void check_sequence_event(const char *payload, uint32_t size)
{
	uint32_t slot;
	uint64_t number;

	if (size != 12) {
		violation("seq:n has %u bytes", size);
		return;
	}
	memcpy(&slot, payload, 4);
	memcpy(&number, payload + 4, 8);
	if (slot >= SLOTS_MAX) {
		violation("seq:n of slot %u", slot);
		return;
	}
	slot_count[slot]++;
	if (number + 1 > slot_highest[slot])
		slot_highest[slot] = number + 1;
}

/* Each chunk of a writer comes once: a window of 64 sequence numbers, as chunks come out of order. */
static void check_chunk_once(struct pool *pool, const struct piste_chunk *chunk)
{
	uint64_t *bits = &pool->sequences[2 * chunk->writer], *high = bits + 1;
	uint64_t sequence = chunk->sequence + 1;

	if (sequence > *high) {
		*bits = sequence - *high < 64 ? *bits << (sequence - *high) : 0;
		*high = sequence;
	}
	if (*high - sequence >= 64)
		return;
	if (*bits & 1ull << (*high - sequence))
		violation("chunk %llu of writer %u came twice", (unsigned long long)chunk->sequence,
			  chunk->writer);
	*bits |= 1ull << (*high - sequence);
}

static void check_head(const struct pool *pool, uint32_t index, const struct piste_chunk *chunk)
{
	const struct piste_pool *head = pool->head;

	if (chunk->magic != PISTE_CHUNK_MAGIC || chunk->abi != PISTE_POOL_ABI)
		violation("chunk %u: magic %x abi %u", index, chunk->magic, chunk->abi);
	if (chunk->pid != head->pid || chunk->created != head->created || !chunk->tid)
		violation("chunk %u: pid %u tid %u of another life", index, chunk->pid, chunk->tid);
	if (chunk->writer >= head->writer_count || chunk->level > 3)
		violation("chunk %u: writer %u level %u", index, chunk->writer, chunk->level);
	if (chunk->size != head->chunk_size || chunk->limit > chunk->size ||
	    chunk->limit < PISTE_CHUNK_HEADER || chunk->clock != head->clock)
		violation("chunk %u: size %u limit %u clock %u", index, chunk->size, chunk->limit,
			  chunk->clock);
}

static void walk(struct pool *pool, uint32_t index, const struct piste_chunk *chunk)
{
	uint32_t committed = __atomic_load_n(&chunk->committed, __ATOMIC_ACQUIRE);
	uint32_t at = PISTE_CHUNK_HEADER;
	uint64_t before = chunk->begin, n = 0;

	check_head(pool, index, chunk);
	if (violations > 20)
		return;
	check_chunk_once(pool, chunk);
	if (committed < PISTE_CHUNK_HEADER || committed > chunk->limit || committed % 4) {
		violation("chunk %u: committed %u, limit %u", index, committed, chunk->limit);
		return;
	}
	while (at < committed) {
		const char *bytes = (const char *)chunk + at;
		struct piste_record record;
		uint32_t head = PISTE_RECORD_HEADER + (chunk->cpu ? 4 : 0), name;
		uint64_t ticks;

		memcpy(&record, bytes, sizeof(record));
		ticks = (uint64_t)record.ticks_high << 32 | record.ticks_low;
		if (record.size < head || record.size > PISTE_RECORD_MAX ||
		    at + PISTE_RECORD_ALIGN(record.size) > committed) {
			violation("chunk %u at %u of %u: size %u", index, at, committed,
				  record.size);
			return;
		}
		if (ticks < before)
			violation("chunk %u at %u: time goes back by %llu", index, at,
				  (unsigned long long)(before - ticks));
		before = ticks;
		read_objects(pool);
		name = record.id < PISTE_ID_NONE ? pool->names[record.id] : 0;
		if (!name) {
			violation("chunk %u at %u: event %u is unknown", index, at, record.id);
			return;
		}
		names[name - 1].count++;
		if (options.shadow && !strcmp(names[name - 1].name, "seq:n"))
			check_sequence_event(bytes + head, record.size - head);
		if (options.print) {
			printf("%s %u %u ", names[name - 1].name, chunk->tid, chunk->level);
			for (uint32_t i = head; i < record.size; i++)
				printf("%02x", (unsigned char)bytes[i]);
			putchar('\n');
		}
		n++;
		at += PISTE_RECORD_ALIGN(record.size);
	}
	total += n;
	pool->recorded[chunk->writer] += n;
	count_thread(chunk->pid, chunk->tid, n);
}

static struct piste_chunk *chunk_at(const struct pool *pool, uint32_t index)
{
	const struct piste_pool *head = pool->head;

	return (void *)((char *)head + head->chunks_offset + (uint64_t)index * head->chunk_size);
}

static uint32_t *states_of(const struct pool *pool)
{
	return (void *)((char *)pool->head + pool->head->states_offset);
}

/* Clears our bit; the last one frees the chunk. */
static void let_go(struct pool *pool, uint32_t *state, const struct piste_chunk *chunk)
{
	uint32_t now = __atomic_load_n(state, __ATOMIC_ACQUIRE), next, limit = chunk->limit;

	do {
		next = now & ~(1u << pool->slot);
		if (!(next & PISTE_CHUNK_PENDING))
			next = PISTE_CHUNK_FREE;
	} while (!__atomic_compare_exchange_n(state, &now, next, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	if (next == PISTE_CHUNK_FREE) {
		__atomic_sub_fetch(&pool->head->used_bytes, limit, __ATOMIC_RELAXED);
		__atomic_add_fetch(&pool->head->freed, 1, __ATOMIC_RELEASE);
	}
}

static void drain(struct pool *pool)
{
	uint32_t *states = states_of(pool);
	uint64_t bytes = __atomic_load_n(&pool->head->used_bytes, __ATOMIC_RELAXED);

	if (bytes > pool->most_bytes)
		pool->most_bytes = bytes;
	for (uint32_t i = 0; i < pool->head->chunk_count; i++) {
		uint32_t state = __atomic_load_n(&states[i], __ATOMIC_ACQUIRE);

		if (!(state & PISTE_CHUNK_FULL) || !(state & 1u << pool->slot))
			continue;
		walk(pool, i, chunk_at(pool, i));
		let_go(pool, &states[i], chunk_at(pool, i));
	}
}

/* ---- pools */

static void pool_open(int fd, const struct piste_hello *hello)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (!pool || pool_count == POOLS_MAX || fstat(fd, &st))
		die("pool");
	if ((seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
		violation("pool of %u is not sealed", hello->pid);
	pool->fd = fd;
	pool->size = (uint64_t)st.st_size;
	pool->head = mmap(NULL, pool->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pool->head == MAP_FAILED)
		die("mmap of a pool");
	if (pool->head->magic != PISTE_POOL_MAGIC || pool->head->abi != PISTE_POOL_ABI ||
	    pool->head->size_bytes != pool->size || pool->head->pid != hello->pid ||
	    hello->session != session.id) {
		violation("pool of %u: the head is wrong", hello->pid);
		return;
	}
	pool->slot = PISTE_SESSIONS_MAX;
	for (uint32_t i = 0; i < PISTE_SESSIONS_MAX; i++)
		if (pool->head->sessions[i].id == session.id && pool->head->active & 1u << i)
			pool->slot = i;
	if (pool->slot == PISTE_SESSIONS_MAX)
		violation("pool of %u does not have our session", hello->pid);
	pool->recorded = calloc(pool->head->writer_count, sizeof(uint64_t));
	pool->sequences = calloc(pool->head->writer_count, 2 * sizeof(uint64_t));
	forked += pool->head->parent_pid != 0;
	pools[pool_count++] = pool;
	pools_in_all++;
}

/* The process is gone. `clean`: it ended by itself, so that the accounts must be right. */
static void pool_close(struct pool *pool, bool clean)
{
	struct piste_pool *head = pool->head;
	uint32_t *states = states_of(pool);
	const struct piste_writer *writers = (void *)((char *)head + head->writers_offset);
	uint64_t bytes = 0;
	struct stat st;

	if (!clean)
		head->reserved0 = 1;
	if (head->used_bytes > pool->most_bytes)
		pool->most_bytes = head->used_bytes;
	read_objects(pool);
	for (uint32_t i = 0; i < head->chunk_count; i++) {
		const struct piste_chunk *chunk = chunk_at(pool, i);

		if (states[i] == PISTE_CHUNK_FREE)
			continue;
		if (states[i] == PISTE_CHUNK_TAKEN && !clean)
			continue;
		if ((states[i] & 0xfffff) != PISTE_CHUNK_LEASED &&
		    (states[i] & ~PISTE_CHUNK_PENDING) != PISTE_CHUNK_FULL) {
			violation("chunk %u: state %x", i, states[i]);
			continue;
		}
		bytes += chunk->limit;
		if (states[i] & (PISTE_CHUNK_LEASED | 1u << pool->slot))
			walk(pool, i, chunk);
	}
	if (clean && bytes != head->used_bytes)
		violation("pool of %u: %llu bytes in chunks, used_bytes says %llu", head->pid,
			  (unsigned long long)bytes, (unsigned long long)head->used_bytes);
	for (uint32_t i = 0; i < head->writer_count; i++) {
		lost += writers[i].lost[pool->slot];
		if (options.writers && (pool->recorded[i] || writers[i].lost[pool->slot]))
			printf("writer %u %llu %llu\n", i, (unsigned long long)pool->recorded[i],
			       (unsigned long long)writers[i].lost[pool->slot]);
	}
	lost += head->lost[pool->slot];
	if (pool->most_bytes > most_bytes)
		most_bytes = pool->most_bytes;
	if (fstat(pool->fd, &st) == 0 && (uint64_t)st.st_blocks * 512 > most_blocks)
		most_blocks = (uint64_t)st.st_blocks * 512;
	munmap(head, pool->size);
	close(pool->fd);
	free(pool->sequences);
	free(pool->recorded);
	free(pool);
}

/* One announcement; false when none waits. */
static bool accept_one(void)
{
	struct piste_hello hello;
	struct iovec iov = {&hello, sizeof(hello)};
	char control[CMSG_SPACE(sizeof(int))];
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), memfd;
	struct cmsghdr *head;

	if (fd < 0)
		return false;
	/* a program that is killed between its two calls sends nothing */
	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) == sizeof(hello) &&
	    (head = CMSG_FIRSTHDR(&message)) && head->cmsg_type == SCM_RIGHTS) {
		memcpy(&memfd, CMSG_DATA(head), sizeof(memfd));
		pool_open(memfd, &hello);
	}
	close(fd);
	return true;
}

static void session_write(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *rule = session.rules;
	int fd;

	strcpy(directory, "/tmp/pool-dump-XXXXXX");
	if (!mkdtemp(directory))
		die("mkdtemp");
	snprintf(session.socket, sizeof(session.socket), "%s/socket", directory);
	snprintf(session_path, sizeof(session_path), "%s/session", directory);
	session.id = now_us() << 16 | (uint64_t)getpid();
	session.level = (uint32_t)options.level;
	session.budget_bytes = options.budget;
	session.flags = options.cpu ? PISTE_SESSION_CPU : 0;
	session.recorder_pid = (uint32_t)getpid();
	if (!options.glob_count)
		options.globs[options.glob_count++] = "*";
	for (int i = 0; i < options.glob_count; i++) {
		strcpy(rule, options.globs[i]);
		rule += strlen(rule) + 1;
	}
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	strcpy(address.sun_path, session.socket);
	if (listener < 0 || bind(listener, (void *)&address, sizeof(address)) ||
	    listen(listener, 4096))
		die("socket");
	fd = open(session_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, &session, sizeof(session)) != sizeof(session) || close(fd))
		die(session_path);
}

static void at_exit(void)
{
	unlink(session_path);
	unlink(session.socket);
	rmdir(directory);
}

/* ---- the command */

static pid_t start(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		setpgid(0, 0);
		setenv("PISTE_SESSION", session_path, 1);
		execvp(options.command[0], options.command);
		perror(options.command[0]);
		_exit(127);
	}
	return pid;
}

/* Until the command and all that it left behind are gone. Returns the command's wait status. */
static int attend(pid_t command, bool *killed)
{
	uint64_t kill_at = 0;
	int status = 0, left = 0;

	for (;;) {
		struct pollfd fds = {.fd = listener, .events = POLLIN};
		pid_t pid;
		int s;

		if (poll(&fds, 1, options.drain || kill_at ? 0 : 5) > 0)
			while (accept_one())
				;
		if (options.drain)
			for (size_t i = 0; i < pool_count; i++)
				drain(pools[i]);
		if (options.kill_us >= 0 && pool_count && !kill_at)
			kill_at = now_us() + (uint64_t)rand() % (uint64_t)(options.kill_us + 1);
		if (kill_at && !*killed && now_us() >= kill_at) {
			kill(-command, SIGKILL);
			*killed = true;
		}
		while ((pid = waitpid(-1, &s, WNOHANG)) > 0)
			if (pid == command)
				status = s;
		if (pid < 0 && errno == ECHILD)
			left++;
		if (left > 1) /* what was announced before the last one went is in the queue */
			break;
	}
	while (accept_one())
		;
	return status;
}

static void run(int *status)
{
	bool killed = false;

	*status = attend(start(), &killed);
	for (size_t i = 0; i < pool_count; i++)
		pool_close(pools[i], !killed && !WIFSIGNALED(*status));
	pool_count = 0;
}

/* Against what the program says it has done. Nothing may come twice or be missing. */
static void check_shadow(uint64_t lost_now)
{
	int fd = open(options.shadow, O_RDWR);
	uint64_t *said = mmap(NULL, SLOTS_MAX * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint64_t missing = 0;

	if (said == MAP_FAILED)
		die(options.shadow);
	for (uint32_t i = 0; i < SLOTS_MAX; i++) {
		uint64_t most = said[i] > slot_highest[i] ? said[i] : slot_highest[i];

		if (slot_count[i] > most)
			violation("slot %u: %llu events for %llu numbers", i,
				  (unsigned long long)slot_count[i], (unsigned long long)most);
		missing += most - slot_count[i];
		/* the next run starts anew */
		said[i] = slot_count[i] = slot_highest[i] = 0;
	}
	if (missing > lost_now)
		violation("%llu events are missing, %llu are reported lost",
			  (unsigned long long)missing, (unsigned long long)lost_now);
	munmap(said, SLOTS_MAX * 8);
	close(fd);
}

static void options_read(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "+e:l:b:cdn:k:S:wxq")) != -1)
		switch (c) {
		case 'e':
			options.globs[options.glob_count++] = optarg;
			break;
		case 'l':
			options.level = atoi(optarg);
			break;
		case 'b':
			options.budget = strtoull(optarg, NULL, 0);
			break;
		case 'c':
			options.cpu = true;
			break;
		case 'd':
			options.drain = true;
			break;
		case 'n':
			options.runs = atoi(optarg);
			break;
		case 'k':
			options.kill_us = atoi(optarg);
			break;
		case 'S':
			options.shadow = optarg;
			break;
		case 'w':
			options.writers = true;
			break;
		case 'x':
			options.print = true;
			break;
		case 'q':
			options.quiet = true;
			break;
		default:
			exit(2);
		}
	options.command = argv + optind;
	if (!*options.command) {
		fputs("usage: pool-dump [OPTION]... COMMAND...\n", stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int status = 0;

	options_read(argc, argv);
	srand((unsigned)now_us());
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	session_write();
	atexit(at_exit);
	for (int i = 0; i < options.runs; i++) {
		uint64_t lost_before = lost;

		run(&status);
		if (options.shadow)
			check_shadow(lost - lost_before);
		if (options.kill_us < 0 && WIFSIGNALED(status))
			break;
	}
	for (uint32_t i = 0; i < name_count; i++)
		printf("event %s %llu\n", names[i].name, (unsigned long long)names[i].count);
	for (size_t i = 0; i < thread_count; i++)
		printf("thread %u:%u %llu\n", threads[i].pid, threads[i].tid,
		       (unsigned long long)threads[i].count);
	printf("total %llu\nlost %llu\npools %llu\nforked %zu\nbytes %llu\nblocks %llu\nstatus %d\n",
	       (unsigned long long)total, (unsigned long long)lost,
	       (unsigned long long)pools_in_all, forked, (unsigned long long)most_bytes,
	       (unsigned long long)most_blocks,
	       WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	if (violations)
		fprintf(stderr, "pool-dump: %zu violations\n", violations);
	return violations > 0;
}
