/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_FEATURE_PRIVATE_H
#define PISTE_KERN_FEATURE_PRIVATE_H

#include <linux/bpf.h>

#include "kern/btf.h"
#include "kern/feature.h"
#include "kern/rights.h"
#include "kern/tracefs.h"

/*
 * feature-private - the bench on which features are tried, and the probes: one
 * function each, in feature-bpf.c, feature-perf.c, feature-tracefs.c and
 * feature-user.c. A probe returns 0 or negative errno; what it found goes to
 * bench_note, and where errno does not tell all, to bench_why and bench_remedy.
 */
struct feature_bench {
	struct rights rights;
	struct btf_index *btf; /* of the kernel, once somebody asked bench_btf */
	struct tracefs tracefs; /* once somebody asked bench_tracefs */
	int instance; /* of tracefs, ours, once somebody asked bench_instance */
	char instance_path[64];
	struct feature_result *result; /* of the feature at hand */
};

#define FORMAT(a, b) __attribute__((format(printf, a, b)))
void bench_note(struct feature_bench *b, const char *fmt, ...) FORMAT(2, 3);
void bench_why(struct feature_bench *b, const char *fmt, ...) FORMAT(2, 3);
void bench_remedy(struct feature_bench *b, const char *fmt, ...) FORMAT(2, 3);
#undef FORMAT

/* `return 0` as a program of some type; a descriptor or negative errno. */
struct bench_program {
	enum bpf_prog_type type;
	int attach_type; /* enum bpf_attach_type, also newer ones */
	uint32_t btf_id;
};
int bench_load(const struct bench_program *p);
/* The same, attached where its type says; 0 or negative errno. It is detached again. */
int bench_attach(const struct bench_program *p);
/* A type or function of the kernel; its id or negative errno. */
int bench_btf_id(struct feature_bench *b, const char *name, enum btf_named kind);
/* Descriptors that the bench keeps, or negative errno. */
int bench_tracefs(struct feature_bench *b);
int bench_instance(struct feature_bench *b);

/* Where in the file of this program a function stands that is not called otherwise. */
uint64_t bench_own_offset(void);
/* A number of a file, such as a sysctl; negative errno. */
int bench_read_long(const char *path, long *out);

/* X(name of its function in probe_NAME) */
#define FEATURE_PROBES(X)                                                                          \
	X(memfd)                                                                                   \
	X(clock)                                                                                   \
	X(own_processes)                                                                           \
	X(all_processes)                                                                           \
	X(libpiste)                                                                                \
	X(libpiste_wrap)                                                                           \
	X(btf)                                                                                     \
	X(tp_btf)                                                                                  \
	X(raw_tp)                                                                                  \
	X(array_mmap)                                                                              \
	X(task_storage)                                                                            \
	X(ringbuf)                                                                                 \
	X(arena)                                                                                   \
	X(iterators)                                                                               \
	X(cgroup)                                                                                  \
	X(symbols)                                                                                 \
	X(perf_clock)                                                                              \
	X(perf_kernel)                                                                             \
	X(perf_bpf)                                                                                \
	X(perf_pmu)                                                                                \
	X(fentry)                                                                                  \
	X(fexit)                                                                                   \
	X(kprobe_multi)                                                                            \
	X(kprobe)                                                                                  \
	X(uprobe_multi)                                                                            \
	X(uprobe)                                                                                  \
	X(tracefs)                                                                                 \
	X(instance)                                                                                \
	X(tsc)                                                                                     \
	X(graph)                                                                                   \
	X(hist)                                                                                    \
	X(synthetic)                                                                               \
	X(user_events)                                                                             \
	X(capabilities)                                                                            \
	X(paranoid)                                                                                \
	X(bpf_disabled)                                                                            \
	X(kptr_restrict)                                                                           \
	X(lockdown)                                                                                \
	X(memory)

#define X(name) int probe_##name(struct feature_bench *b);
FEATURE_PROBES(X)
#undef X

#endif
