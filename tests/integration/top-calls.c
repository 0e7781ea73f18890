/* SPDX-License-Identifier: MIT */
/*
 * Makes system calls whose number is known: top-calls N. Waits for SIGUSR1; then
 * 4 threads make N getppid and N / 4 failing close each, and 50 children 20 getuid
 * each; waits for SIGUSR1 again, in a read that takes no notice of it, and ends.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, CHILDREN = 50, CALLS = 20 };

static void *work(void *n)
{
	for (long i = 0; i < (long)n; i++) {
		syscall(SYS_getppid);
		if (i % 4 == 0)
			syscall(SYS_close, -1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1000;
	pthread_t threads[THREADS];
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	fflush(stdout);
	sigwait(&set, &number);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)n);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			for (int k = 0; k < CALLS; k++)
				syscall(SYS_getuid);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	puts("done");
	fflush(stdout);
	sigwait(&set, &number);
	return 0;
}
