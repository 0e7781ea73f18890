/* SPDX-License-Identifier: MIT */
/*
 * run - how long a command takes, itself alone, whoever started us:
 *	b-run FILE CMD…		writes {"wall_ms":…,"cpu_ms":…,"max_kib":…} to FILE
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double ms(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	struct rusage use;
	int status = 0;
	pid_t pid;
	FILE *f;

	if (argc < 3)
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) != pid)
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	f = fopen(argv[1], "w");
	if (!f)
		return 1;
	fprintf(f, "{\"wall_ms\":%.3f,\"cpu_ms\":%.3f,\"max_kib\":%ld}\n",
		(double)(end.tv_sec - begin.tv_sec) * 1e3 +
			(double)(end.tv_nsec - begin.tv_nsec) / 1e6,
		ms(use.ru_utime) + ms(use.ru_stime), use.ru_maxrss);
	fclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
