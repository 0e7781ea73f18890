/* SPDX-License-Identifier: MIT */
/* Features of perf_event_open(2): samples, counters, and probes in functions. */
#include <bpf/bpf.h>
#include <errno.h>
#include <link.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/feature-private.h"

static int perf_open(const struct perf_event_attr *attr, pid_t pid, int cpu)
{
	long fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/* A ring of one page, mapped. */
static int try_ring(int fd)
{
	size_t size = 2 * (size_t)sysconf(_SC_PAGESIZE);
	void *ring;

	if (fd < 0)
		return fd;
	ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	munmap(ring, size);
	return 0;
}

static const struct perf_event_attr samples = {
	.type = PERF_TYPE_SOFTWARE,
	.size = sizeof(struct perf_event_attr),
	.config = PERF_COUNT_SW_CPU_CLOCK,
	.sample_freq = 99,
	.freq = 1,
	.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
	.exclude_kernel = 1,
	.exclude_hv = 1,
	.disabled = 1,
};

int probe_perf_clock(struct feature_bench *b)
{
	_cleanup_(close_fdp) int fd = perf_open(&samples, 0, -1);

	if (fd == -EACCES || fd == -EPERM)
		bench_remedy(b, "sysctl kernel.perf_event_paranoid=2, or run as root");
	return try_ring(fd);
}

int probe_perf_kernel(struct feature_bench *b)
{
	struct perf_event_attr attr = samples;
	_cleanup_(close_fdp) int fd = -1;

	(void)b;
	attr.exclude_kernel = 0;
	fd = perf_open(&attr, -1, 0);
	return try_ring(fd);
}

int probe_perf_bpf(struct feature_bench *b)
{
	struct perf_event_attr attr = samples;
	_cleanup_(close_fdp) int fd = -1, program = -1;

	(void)b;
	attr.exclude_kernel = 0;
	fd = perf_open(&attr, -1, 0);
	if (fd < 0)
		return fd;
	program = bench_load(&(struct bench_program){.type = BPF_PROG_TYPE_PERF_EVENT});
	if (program < 0)
		return program;
	return ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 ? -errno : 0;
}

int probe_perf_pmu(struct feature_bench *b)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	_cleanup_(close_fdp) int fd = perf_open(&attr, 0, -1);

	if (fd == -ENOENT || fd == -EOPNOTSUPP || fd == -ENODEV) {
		bench_why(b, "no counters of the CPU are to be seen");
		bench_remedy(b, "a virtual machine has them when its host passes the PMU on");
	}
	return fd < 0 ? fd : 0;
}

/* --- functions -------------------------------------------------------------------------------------- */

/* Nobody calls it; its first instruction is where a uprobe is tried. */
__attribute__((noinline, used)) static int never_called(int x)
{
	__asm__ volatile("");
	return x + 1;
}

struct place {
	uintptr_t address;
	uint64_t offset;
};

/* The first object is the program. */
static int find_segment(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct place *place = ctx;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *h = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + h->p_vaddr;

		if (h->p_type == PT_LOAD && place->address >= start &&
		    place->address < start + h->p_memsz)
			place->offset = place->address - start + h->p_offset;
	}
	return 1;
}

uint64_t bench_own_offset(void)
{
	struct place place = {.address = (uintptr_t)never_called};

	dl_iterate_phdr(find_segment, &place);
	return place.offset;
}

/* kprobe and uprobe are PMUs of their own, with numbers that the kernel tells. */
static int try_probe(const char *pmu, const void *what, uint64_t where, pid_t pid, int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config1 = (uintptr_t)what,
		.config2 = where,
	};
	_cleanup_(close_fdp) int fd = -1, program = -1;
	char path[80];
	long type;
	int err;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", pmu);
	err = bench_read_long(path, &type);
	if (err)
		return err;
	attr.type = (uint32_t)type;
	fd = perf_open(&attr, pid, cpu);
	if (fd < 0)
		return fd;
	program = bench_load(&(struct bench_program){.type = BPF_PROG_TYPE_KPROBE});
	if (program < 0)
		return program;
	return ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 ? -errno : 0;
}

int probe_uprobe(struct feature_bench *b)
{
	(void)b;
	return try_probe("uprobe", "/proc/self/exe", bench_own_offset(), 0, -1);
}

int probe_kprobe(struct feature_bench *b)
{
	(void)b;
	return try_probe("kprobe", "bpf_fentry_test1", 0, -1, 0);
}
