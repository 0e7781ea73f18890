/* SPDX-License-Identifier: MIT */
/*
 * probe-load - programs that are hard on libpiste, one a row of the table at
 * the end: probe-load NAME [ARGUMENT]... Each prints what it emitted:
 *
 *	emitted N           so many events, or lost ones
 *	least N / most N    where a jump or a fork may have cut one short
 *
 * and exits with 1 when something is not as it was before (errno, say).
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <piste/piste.h>

static uint64_t argument(char **argv, int n, uint64_t otherwise)
{
	for (int i = 0; i < n; i++)
		if (!argv[i])
			return otherwise;
	return argv[n] ? strtoull(argv[n], NULL, 0) : otherwise;
}

static void fail(const char *what)
{
	fprintf(stderr, "probe-load: %s\n", what);
	exit(1);
}

static void emitted(uint64_t n)
{
	printf("emitted %llu\n", (unsigned long long)n);
	fflush(stdout);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ticks(uint32_t thread, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		PISTE(load, tick, thread, i);
}

static void wait_all(void)
{
	int status;

	while (wait(&status) > 0)
		if (status)
			fail("a child failed");
}

/* ---- counts */

struct share {
	pthread_t thread;
	uint32_t number;
	uint64_t n;
};

static void *share_run(void *arg)
{
	struct share *share = arg;

	errno = 4711;
	ticks(share->number, share->n);
	if (errno != 4711)
		fail("errno changed");
	return NULL;
}

/* count THREADS N: each thread N events */
static void count(char **argv)
{
	uint64_t threads = argument(argv, 0, 1), n = argument(argv, 1, 100000);
	struct share *shares = calloc(threads, sizeof(*shares));
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (uint64_t i = 0; i < threads; i++) {
		shares[i].number = (uint32_t)i;
		shares[i].n = n;
		if (pthread_create(&shares[i].thread, &attr, share_run, &shares[i]))
			fail("pthread_create");
	}
	for (uint64_t i = 0; i < threads; i++)
		pthread_join(shares[i].thread, NULL);
	emitted(threads * n);
}

static pthread_barrier_t barrier;

static void *little_run(void *arg)
{
	ticks((uint32_t)(uintptr_t)arg, 10);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* little THREADS: all alive at once, each traces a little; then they go, and others come */
static void little(char **argv)
{
	uint64_t threads = argument(argv, 0, 1000);
	pthread_t *all = calloc(threads, sizeof(*all));
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	pthread_barrier_init(&barrier, NULL, (unsigned)threads + 1);
	for (int round = 0; round < 2; round++) {
		for (uintptr_t i = 0; i < threads; i++)
			if (pthread_create(&all[i], &attr, little_run, (void *)i))
				fail("pthread_create");
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (uint64_t i = 0; i < threads; i++)
			pthread_join(all[i], NULL);
	}
	emitted(2 * threads * 10);
}

static void *churn_run(void *arg)
{
	ticks((uint32_t)(uintptr_t)arg, 3);
	return NULL;
}

/* churn N: N short threads, four at a time */
static void churn(char **argv)
{
	uint64_t n = argument(argv, 0, 100000);
	pthread_t some[4];
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (uint64_t i = 0; i < n; i += 4) {
		for (uintptr_t j = 0; j < 4; j++)
			pthread_create(&some[j], &attr, churn_run, (void *)(i + j));
		for (int j = 0; j < 4; j++)
			pthread_join(some[j], NULL);
	}
	emitted((n + 3) / 4 * 4 * 3);
}

/* ---- storms */

static _Atomic uint64_t *shadow;

static void shadow_open(void)
{
	const char *path = getenv("SHADOW");
	int fd = path ? open(path, O_RDWR) : -1;

	if (fd >= 0)
		shadow = mmap(NULL, 4096 * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || shadow == MAP_FAILED)
		fail("SHADOW");
}

static void storm_slot(uint32_t slot, uint64_t n)
{
	char filler[64] = "sixty-three bytes of something that is not the sequence number";

	for (uint64_t number = 0; number < n; number++) {
		PISTE(seq, n, slot, number);
		atomic_store_explicit(&shadow[slot], number + 1, memory_order_release);
		if (number % 64 == 0)
			PISTE(seq, filler, (filler, (char *)filler),
			      PISTE_BYTES(filler, number / 64 % 64));
	}
}

static void *storm_run(void *arg)
{
	storm_slot((uint32_t)(uintptr_t)arg, ~0ull);
	return NULL;
}

/* storm THREADS: forever; the file $SHADOW says what is done */
static void storm(char **argv)
{
	uint64_t threads = argument(argv, 0, 1);
	pthread_t thread;

	shadow_open();
	for (uintptr_t i = 1; i < threads; i++)
		pthread_create(&thread, NULL, storm_run, (void *)i);
	storm_run(NULL);
}

/* ---- signals */

static volatile uint64_t handled;
static volatile sig_atomic_t jumping, forking;
static sigjmp_buf home;
static volatile uint64_t jumps;

static void ring(long nanoseconds)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
	struct itimerspec spec = {{0, nanoseconds}, {0, nanoseconds}};
	timer_t timer;

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &spec, NULL))
		fail("timer");
}

static void on_ring(int signo)
{
	int saved = errno;

	(void)signo;
	errno = 815;
	PISTE(load, handler, (n, handled));
	if (errno != 815)
		fail("errno changed in a handler");
	errno = saved;
	handled++;
	if (jumping) {
		jumps++;
		siglongjmp(home, 1);
	}
	if (forking) {
		pid_t pid = fork();

		if (pid == 0) {
			forking = 0;
			jumps = 1; /* we are a child */
		} else if (forking == 1) {
			waitpid(pid, NULL, 0);
		}
	}
}

static void on_stack(bool alternate)
{
	struct sigaction action = {.sa_handler = on_ring};

	action.sa_flags = SA_RESTART | (alternate ? SA_ONSTACK : 0);
	if (alternate) {
		stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};

		sigaltstack(&stack, NULL);
	}
	sigaction(SIGPROF, &action, NULL);
}

static volatile uint64_t traced, began;

static __attribute__((noinline)) void trace_until(double end)
{
	char text[200];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	while (now() < end)
		for (int i = 0; i < 200; i++) {
			text[i] = '\0';
			began++;
			PISTE(load, main, (n, traced), (text, (char *)text));
			traced++;
			text[i] = 'x';
		}
}

/* signal MILLISECONDS ALTERNATE: a handler that traces at 10 kHz, inside tracing */
static void signals(char **argv)
{
	on_stack(argument(argv, 1, 0));
	ring(100000);
	trace_until(now() + (double)argument(argv, 0, 500) / 1000);
	signal(SIGPROF, SIG_IGN);
	emitted(traced + handled);
}

/* jump MILLISECONDS ALTERNATE: one that also jumps out, back to here */
static void jump(char **argv)
{
	double end = now() + (double)argument(argv, 0, 500) / 1000;

	on_stack(argument(argv, 1, 0));
	if (!sigsetjmp(home, 1)) {
		ring(150000);
		jumping = 1;
	}
	trace_until(end);
	signal(SIGPROF, SIG_IGN);
	jumping = 0;
	/* the record in flight may be there, or not */
	printf("least %llu\nmost %llu\njumps %llu\n", (unsigned long long)(traced + handled),
	       (unsigned long long)(traced + handled + jumps), (unsigned long long)jumps);
}

static void deep(int depth)
{
	char room[256];

	room[0] = (char)depth;
	PISTE(load, deep, depth, (room, room[0]));
	traced++;
	if (depth)
		deep(depth - 1);
}

/* jump-deep: jumps to a frame far above, then sites below and above the dead one */
static void jump_deep(char **argv)
{
	(void)argv;
	on_stack(false);
	for (volatile int i = 0; i < 20000; i++) {
		if (!sigsetjmp(home, 1)) {
			jumping = 1;
			/* from inside a record: the payload raises the signal */
			PISTE(load, cut, (n, (raise(SIGPROF), 1)));
			fail("not reached");
		}
		jumping = 0;
		deep(i % 8);
	}
	printf("least %llu\nmost %llu\n", (unsigned long long)(traced + handled),
	       (unsigned long long)(traced + handled));
}

static inline int raising(const int *p)
{
	raise(SIGPROF);
	return *p;
}
/* the members of a structure are evaluated while its record is in flight */
PISTE_STRUCT(raiser, const int *self, (value, raising(self)));

/* nested: a signal inside a record, for certain */
static void nested(char **argv)
{
	uint64_t n = argument(argv, 0, 50000);
	bool alternate = argument(argv, 1, 0);
	int value = 7;

	on_stack(alternate);
	for (uint64_t i = 0; i < n; i++)
		PISTE(load, nested, PISTE_AS(raiser, &value));
	emitted(n + handled);
}

/* nested-jump N ALTERNATE: and out of it, each time */
static void nested_jump(char **argv)
{
	uint64_t n = argument(argv, 0, 50000);
	volatile uint64_t good = 0;
	int value = 7;

	on_stack(argument(argv, 1, 0));
	for (volatile uint64_t i = 0; i < n; i++) {
		jumping = i % 3 == 0;
		if (!sigsetjmp(home, 1)) {
			PISTE(load, nested, PISTE_AS(raiser, &value));
			good++;
		}
	}
	emitted(good + handled);
}

/* fork-handler N: children born in a handler inside a record go on with it */
static void fork_handler(char **argv)
{
	uint64_t n = argument(argv, 0, 20);
	int value = 7;

	on_stack(false);
	for (uint64_t i = 0; i < n; i++) {
		forking = 1;
		PISTE(load, nested, PISTE_AS(raiser, &value));
		if (jumps) { /* the child: it has lost that record, and records on */
			ticks(1, 5);
			_exit(0);
		}
		forking = 0;
		ticks(0, 3000);
	}
	/* The raiser is called twice, for the size and for the bytes. The first child makes the
	 * record and the second handler's; of the second, the record in flight lands nowhere. */
	emitted(n + handled + n * (7 + 5) + n * 3000);
}

/* fork-async MILLISECONDS: the same at random instants */
static void fork_async(char **argv)
{
	double end = now() + (double)argument(argv, 0, 500) / 1000;

	on_stack(false);
	forking = 2;
	ring(2000000);
	while (now() < end && !jumps) {
		for (int i = 0; i < 100; i++) {
			PISTE(load, main, (n, traced));
			traced++;
			if (jumps) {
				ticks(1, 5);
				_exit(0);
			}
		}
	}
	forking = 0; /* from here on no child is born: */
	if (jumps) {
		ticks(1, 5);
		_exit(0);
	}
	signal(SIGPROF, SIG_IGN);
	wait_all();
	/* a child has the record in flight, or not */
	printf("least %llu\nmost %llu\n", (unsigned long long)(traced + 6 * handled),
	       (unsigned long long)(traced + 7 * handled));
}

/* ---- processes */

/* forks N: children that trace, grandchildren that do */
static void forks(char **argv)
{
	uint64_t n = argument(argv, 0, 10);

	ticks(0, 100);
	for (uint64_t i = 0; i < n; i++)
		if (fork() == 0) {
			ticks(1, 10);
			if (fork() == 0) {
				ticks(2, 20);
				_exit(0);
			}
			wait_all();
			ticks(3, 10);
			_exit(0);
		}
	wait_all();
	ticks(0, 100);
	emitted(200 + n * 40);
}

/* fork-silent: a child that traces nothing has a child that does */
static void fork_silent(char **argv)
{
	(void)argv;
	ticks(0, 5);
	if (fork() == 0) {
		if (fork() == 0) {
			ticks(1, 7);
			_exit(0);
		}
		wait_all();
		_exit(0);
	}
	wait_all();
	emitted(12);
}

static _Atomic int stop;
static _Atomic uint64_t background;

static void *background_run(void *arg)
{
	uint64_t n = 0;

	(void)arg;
	while (!atomic_load(&stop)) {
		ticks(9, 50);
		n += 50;
	}
	atomic_fetch_add(&background, n);
	return NULL;
}

static void *once_run(void *arg)
{
	ticks(8, (uintptr_t)arg);
	return NULL;
}

/* fork-threads N: a program with threads that trace forks; the child makes threads of its own */
static void fork_threads(char **argv)
{
	uint64_t n = argument(argv, 0, 50);
	pthread_t threads[3], one;

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, background_run, NULL);
	for (uint64_t i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			/* a thread of the child is the first that traces */
			pthread_create(&one, NULL, once_run, (void *)10);
			pthread_join(one, NULL);
			ticks(1, 10);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		pthread_create(&one, NULL, once_run, (void *)1);
		pthread_join(one, NULL);
	}
	atomic_store(&stop, 1);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	emitted(n * 21 + background);
}

/* short N: N processes, one after the other, that live for a moment; re-executed */
static void shorts(char **argv)
{
	uint64_t n = argument(argv, 0, 1000);
	char *child[] = {(char *)"/proc/self/exe", (char *)"quiet", (char *)"3", NULL};
	extern char **environ;

	for (uint64_t i = 0; i < n; i += 4) {
		for (int j = 0; j < 4; j++)
			if (posix_spawn(&(pid_t){0}, child[0], NULL, NULL, child, environ))
				fail("posix_spawn");
		wait_all();
	}
	emitted((n + 3) / 4 * 4 * 3);
}

/* quiet N: N events, not a word */
static void quiet(char **argv)
{
	ticks(0, argument(argv, 0, 3));
}

/* vforks N: a child of vfork traces and executes; also as the first that its thread does */
static void *vforks_run(void *arg)
{
	char *child[] = {(char *)"/proc/self/exe", (char *)"quiet", (char *)"2", NULL};
	pid_t pid;

	if (arg)
		ticks(0, 1);
	pid = vfork();
	if (pid == 0) {
		PISTE(load, vforked, (n, 1));
		execv(child[0], child);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	ticks(0, 10);
	return NULL;
}

static void vforks(char **argv)
{
	uint64_t n = argument(argv, 0, 50);
	pthread_t thread;

	for (uintptr_t i = 0; i < n; i++) {
		pthread_create(&thread, NULL, vforks_run, (void *)(i % 2));
		pthread_join(thread, NULL);
	}
	emitted(n / 2 + n * (1 + 2 + 10));
}

/* daemon: leaves its parent, twice, without a descriptor */
static void daemonize(char **argv)
{
	(void)argv;
	ticks(0, 5);
	emitted(5 + 6 + 7 + 300000);
	if (fork())
		exit(0);
	ticks(0, 6);
	setsid();
	if (fork())
		_exit(0);
	syscall(SYS_close_range, 0, ~0u, 0);
	open("/dev/null", O_RDWR);
	ticks(0, 7);
	usleep(20000);
	ticks(0, 300000);
}

/* ---- plugins, descriptors */

typedef void plugin_fn(uint64_t n);

static uint64_t plug(const char *path, uint64_t n)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	plugin_fn *run;

	if (!handle)
		fail(dlerror());
	run = (plugin_fn *)(uintptr_t)dlsym(handle, "plugin_run");
	run(n);
	dlclose(handle);
	return n;
}

/* plugins ROUNDS PATH...: loads and unloads them, each emits 3 events a time */
static void plugins(char **argv)
{
	uint64_t rounds = argument(argv, 0, 100), n = 0;

	for (uint64_t i = 0; i < rounds; i++)
		for (char **path = argv + 1; *path; path++) {
			n += plug(*path, 3);
			ticks(0, 1);
			n++;
		}
	emitted(n);
}

/* close WHEN PATH: all descriptors, before (0) or after (1) the first event; then a plugin */
static void close_all(char **argv)
{
	bool after = argument(argv, 0, 0);
	uint64_t n = 0;

	if (after)
		ticks(0, 10), n += 10;
	syscall(SYS_close_range, 3, ~0u, 0);
	for (int i = 0; i < 2000; i++) /* and others in their place */
		if (fcntl(1, F_DUPFD, 3) < 0)
			break;
	ticks(0, 200000), n += 200000;
	n += plug(argv[1], 3);
	if (fork() == 0) {
		ticks(1, 10);
		_exit(0);
	}
	wait_all();
	n += 10;
	for (int i = 3; i < 1000; i++)
		if (fcntl(i, F_GETFD) >= 0 && fcntl(i, F_GET_SEALS) >= 0)
			fail("a memfd where the program had closed everything");
	emitted(n);
}

/* ---- limits */

/* limited WHAT VALUE COMMAND...: executes the rest under a limit */
static void limited(char **argv)
{
	int what = !strcmp(argv[0], "fsize")    ? RLIMIT_FSIZE
		   : !strcmp(argv[0], "as")     ? RLIMIT_AS
		   : !strcmp(argv[0], "nofile") ? RLIMIT_NOFILE
						: -1;
	struct rlimit limit = {argument(argv, 1, 0), argument(argv, 1, 0)};

	if (what < 0 || setrlimit((__rlimit_resource_t)what, &limit))
		fail("setrlimit");
	execv("/proc/self/exe", argv + 1);
	fail("exec");
}

/* refuse SYSCALL NAME...: memfd_create and the like fail with EPERM in NAME */
static void refuse(char **argv)
{
	uint32_t number = (uint32_t)argument(argv, 0, SYS_memfd_create);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {4, code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		fail("seccomp");
	execv("/proc/self/exe", argv);
	fail("exec");
}

static void tiny_run(void)
{
	ticks(5, 1000);
}

/* tiny: on a stack of one page and a half, for a signal */
static void on_tiny(int signo)
{
	(void)signo;
	tiny_run();
}

static void tiny(char **argv)
{
	size_t size = argument(argv, 0, 6144);
	char *memory =
		mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = memory + 4096, .ss_size = size};
	struct sigaction action = {.sa_handler = on_tiny, .sa_flags = SA_ONSTACK};

	mprotect(memory, 4096, PROT_NONE);
	if (sigaltstack(&stack, NULL))
		fail("sigaltstack");
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	emitted(1000);
}

/* big: records at and over the limit of 48 KiB */
static void big(char **argv)
{
	static char text[5000], bytes[20000];
	uint64_t n = argument(argv, 0, 100);

	memset(text, 'y', sizeof(text) - 1);
	for (uint64_t i = 0; i < n; i++) {
		PISTE(load, fits, PISTE_BYTES(bytes, 16384), PISTE_BYTES(bytes, 16384),
		      PISTE_BYTES(bytes, 16000));
		PISTE(load, too_big, PISTE_BYTES(bytes, 20000), PISTE_BYTES(bytes, 20000),
		      PISTE_BYTES(bytes, 20000), (text, (char *)text));
	}
	printf("emitted %llu\nlarge %llu\n", (unsigned long long)(2 * n), (unsigned long long)n);
}

/* killed N USEC: N children, each a storm in a slot of its own, killed so long after its first
 * event at most */
static void killed(char **argv)
{
	uint64_t n = argument(argv, 0, 100), most_us = argument(argv, 1, 300);

	shadow_open();
	srand((unsigned)getpid());
	for (uint32_t i = 0; i < n; i++) {
		pid_t pid = fork();
		double until;

		if (pid == 0) {
			storm_slot(i, 10000); /* where nobody gets to kill it */
			pause();
		}
		while (!atomic_load_explicit(&shadow[i], memory_order_acquire))
			;
		until = now() + (double)((uint64_t)rand() % (most_us + 1)) / 1e6;
		while (now() < until)
			;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* paced MILLISECONDS: two events, each numbered, at a pace that any recorder keeps */
static void paced(char **argv)
{
	double end = now() + (double)argument(argv, 0, 1000) / 1000;
	uint64_t n = 0;

	printf("pid %d\n", (int)getpid());
	fflush(stdout);
	while (now() < end) {
		for (int i = 0; i < 20; i++, n++) {
			PISTE(load, tick, (thread, 0), (i, n));
			PISTE_LEVEL(PISTE_DEBUG, load, tock, (n, n));
		}
		usleep(1000);
	}
	printf("ticks %llu\n", (unsigned long long)n);
}

static const char *changing(int *calls)
{
	static char text[3000];

	memset(text, 'z', sizeof(text) - 1);
	/* short when its size is taken, long when it is copied; or the other way round */
	return (*calls)++ % 2 ? text : text + sizeof(text) - 4;
}
PISTE_STRUCT(changer, int *calls, (text, changing(calls)));

/* torn N: structures that change between the look at their size and the copy */
static void torn(char **argv)
{
	uint64_t n = argument(argv, 0, 10000);
	int calls = 0;

	for (uint64_t i = 0; i < n; i++) {
		calls = (int)i % 2;
		PISTE(load, torn, (c, PISTE_AS(changer, &calls)), (after, i));
		ticks(0, 1);
	}
	printf("emitted %llu\ntorn %llu\n", (unsigned long long)(2 * n), (unsigned long long)n);
}

static const struct {
	const char *name;
	void (*run)(char **argv);
} rows[] = {
	{"torn", torn},
	{"killed", killed},
	{"paced", paced},
	{"count", count},
	{"little", little},
	{"churn", churn},
	{"storm", storm},
	{"signal", signals},
	{"jump", jump},
	{"jump-deep", jump_deep},
	{"nested", nested},
	{"nested-jump", nested_jump},
	{"fork-handler", fork_handler},
	{"fork-async", fork_async},
	{"forks", forks},
	{"fork-silent", fork_silent},
	{"fork-threads", fork_threads},
	{"short", shorts},
	{"quiet", quiet},
	{"vforks", vforks},
	{"daemon", daemonize},
	{"plugins", plugins},
	{"close", close_all},
	{"limited", limited},
	{"refuse", refuse},
	{"tiny", tiny},
	{"big", big},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(rows) / sizeof(*rows); i++)
		if (!strcmp(rows[i].name, argv[1])) {
			rows[i].run(argv + 2);
			return 0;
		}
	fprintf(stderr, "probe-load: no such row\n");
	return 2;
}
