/* SPDX-License-Identifier: MIT */
/*
 * wrap-users PLUGIN - does what programs do that wrappers tend to break, and
 * prints "ok". With -DPLUGIN: what it loads and unloads.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%d: not %s\n", __LINE__, #condition);                     \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

#ifdef PLUGIN

static void *kept;
void *plugin_work(void);

__attribute__((constructor)) static void load(void)
{
	kept = malloc(70021);
}

__attribute__((destructor)) static void unload(void)
{
	free(kept);
}

void *plugin_work(void)
{
	return calloc(1, 100);
}

#else

extern char **environ;

static void *early;

/* before libpiste's constructor, which has 101 too but is another object's */
__attribute__((constructor(101))) static void constructor(void)
{
	early = malloc(70020);
	early = realloc(early, 70022);
}

static void plugins(const char *path)
{
	for (int i = 0; i < 20; i++) {
		void *plugin = dlopen(path, i % 2 ? RTLD_NOW : RTLD_LAZY | RTLD_GLOBAL);
		void *(*work)(void);

		MUST(plugin);
		work = (void *(*)(void))dlsym(plugin, "plugin_work");
		MUST(work);
		free(work());
		MUST(!dlsym(plugin, "no_such_name")); /* allocates its message */
		MUST(dlerror());
		dlclose(plugin);
	}
	MUST(!dlopen("/no/such/library.so", RTLD_NOW));
}

static void wait_for(pid_t pid)
{
	int status;

	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void children(void)
{
	char *const argv[] = {"true", NULL};
	pid_t pid;

	for (int i = 0; i < 5; i++) {
		pid = vfork();
		if (pid == 0) {
			execv("/bin/true", argv);
			_exit(1);
		}
		wait_for(pid);
		MUST(posix_spawnp(&pid, "true", NULL, NULL, argv, environ) == 0);
		wait_for(pid);
		MUST(system("exit 0") == 0);
		pid = fork();
		if (pid == 0) {
			void *p = malloc(70023);

			free(early); /* the parent's */
			free(p);
			exit(0);
		}
		wait_for(pid);
	}
}

static sem_t ticks;

static void on_tick(int signal)
{
	void *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)signal;
	if (map != MAP_FAILED)
		munmap(map, 4096);
	sem_post(&ticks);
}

static void *churn(void *stop)
{
	while (!__atomic_load_n((int *)stop, __ATOMIC_RELAXED)) {
		char *p = malloc(100);

		p = realloc(p, 3000);
		p[2999] = 1;
		free(p);
	}
	return NULL;
}

static void handlers_and_forks(void)
{
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	struct itimerval every = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	pthread_t ids[3];
	int stop = 0;

	MUST(sem_init(&ticks, 0, 0) == 0);
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
	for (int i = 0; i < 3; i++)
		MUST(pthread_create(&ids[i], NULL, churn, &stop) == 0);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			free(malloc(70024));
			_exit(0);
		}
		wait_for(pid);
	}
	for (int i = 0; i < 10; i++)
		while (sem_wait(&ticks))
			;
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(ids[i], NULL);
	setitimer(ITIMER_PROF, &never, NULL);
}

int main(int argc, char **argv)
{
	MUST(argc > 1);
	memset(early, 1, 70022);
	plugins(argv[1]);
	children();
	handlers_and_forks();
	clearenv();
	free(malloc(70025));
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	free(malloc(70026));
	free(early);
	puts("ok");
	return 0;
}

#endif
