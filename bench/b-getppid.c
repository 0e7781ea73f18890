/* SPDX-License-Identifier: MIT */
/*
 * A bare system call, again and again: b-getppid [-c CPU] [-b CALLS A BATCH] [-r BATCHES]
 * [-f exit|both]. Prints the median of the batches, in ns a call. With -f empty
 * programs are on sys_exit, or on both tracepoints: the floor of whoever looks at
 * system calls. Batches are short, so that most of them are not interrupted.
 */
#include <bpf/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 100000 };

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void attach_empty(const char *tracepoint)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int program = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "empty", "GPL", insns, 2, NULL);

	if (program < 0 || bpf_raw_tracepoint_open(tracepoint, program) < 0) {
		perror(tracepoint);
		exit(1);
	}
}

static double batch_ns(int calls)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC_RAW, &a);
	for (int i = 0; i < calls; i++)
		syscall(SYS_getppid);
	clock_gettime(CLOCK_MONOTONIC_RAW, &b);
	return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / calls;
}

int main(int argc, char **argv)
{
	static double ns[MOST];
	int option, calls = 500, batches = 1000;
	const char *floor = "";
	cpu_set_t set;

	while ((option = getopt(argc, argv, "c:b:r:f:")) > 0)
		switch (option) {
		case 'c':
			CPU_ZERO(&set);
			CPU_SET(atoi(optarg), &set);
			sched_setaffinity(0, sizeof(set), &set);
			break;
		case 'b':
			calls = atoi(optarg);
			break;
		case 'r':
			batches = atoi(optarg) < MOST ? atoi(optarg) : MOST;
			break;
		case 'f':
			floor = optarg;
			break;
		default:
			return 2;
		}
	if (*floor)
		attach_empty("sys_exit");
	if (!strcmp(floor, "both"))
		attach_empty("sys_enter");
	batch_ns(calls);
	for (int i = 0; i < batches; i++)
		ns[i] = batch_ns(calls);
	qsort(ns, (size_t)batches, sizeof(*ns), by_size);
	printf("{\"call_ns\":%.2f,\"calls\":%d}\n", ns[batches / 2], (batches + 1) * calls);
	return 0;
}
