/* SPDX-License-Identifier: MIT */
/*
 * The table of features, and what an error of one means to a user: rights that
 * are missing, or a kernel that was built without it.
 */
#include "kern/feature.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "kern/feature-private.h"

const struct feature_job feature_jobs[FEATURE_N_JOBS] = {
#define X(ID, name, what, is_main, any) {name, what, is_main, any},
	FEATURE_JOBS(X)
#undef X
};

#define BY(job) (1u << FEATURE_##job)
#define EVENTS (RIGHT(CAP_BPF) | RIGHT(CAP_PERFMON))
#define ADMIN RIGHT(CAP_SYS_ADMIN)

/* clang-format off */
const struct feature features[] = {
	/* name, job, needed by, what, probe, rights, config, since */
	{"memfd", FEATURE_PROGRAMS, BY(PROGRAMS), "memory that both sides may trust (sealed memfd)",
		probe_memfd, 0, "CONFIG_MEMFD_CREATE", "3.17"},
	{"clock", FEATURE_PROGRAMS, BY(PROGRAMS), "the clock of events",
		probe_clock, 0, NULL, NULL},
	{"own-processes", FEATURE_PROGRAMS, BY(PROGRAMS), "your own running programs (-p)",
		probe_own_processes, 0, NULL, NULL},
	{"all-processes", FEATURE_PROGRAMS, 0, "running programs of others",
		probe_all_processes, RIGHT(CAP_SYS_PTRACE), NULL, NULL},
	{"libpiste", FEATURE_PROGRAMS, 0, "libpiste, for programs with sites",
		probe_libpiste, 0, NULL, NULL},
	{"libpiste-wrap", FEATURE_PROGRAMS, 0, "libpiste-wrap, for --malloc, --locks, --functions",
		probe_libpiste_wrap, 0, NULL, NULL},

	{"btf", FEATURE_KERNEL, BY(KERNEL) | BY(TOP), "types of the kernel (BTF)",
		probe_btf, 0, "CONFIG_DEBUG_INFO_BTF", "5.4"},
	{"tp-btf", FEATURE_KERNEL, BY(KERNEL) | BY(TOP), "typed tracepoints (BPF, tp_btf)",
		probe_tp_btf, EVENTS, "CONFIG_BPF_EVENTS", "5.5"},
	{"raw-tp", FEATURE_KERNEL, 0, "raw tracepoints (BPF)",
		probe_raw_tp, EVENTS, "CONFIG_BPF_EVENTS", "4.17"},
	{"array-mmap", FEATURE_KERNEL, BY(KERNEL) | BY(TOP), "rings that are mapped (BPF arrays)",
		probe_array_mmap, EVENTS, "CONFIG_BPF_SYSCALL", "5.5"},
	{"ringbuf", FEATURE_KERNEL, 0, "ring buffers of BPF",
		probe_ringbuf, EVENTS, "CONFIG_BPF_SYSCALL", "5.8"},
	{"arena", FEATURE_KERNEL, 0, "memory that BPF shares (arena)",
		probe_arena, EVENTS, "CONFIG_BPF_JIT", "6.9"},
	{"iterators", FEATURE_KERNEL, 0, "lists of tasks (BPF iterators)",
		probe_iterators, EVENTS, "CONFIG_BPF_EVENTS", "5.8"},
	{"tracefs", FEATURE_KERNEL, 0, "every tracepoint by name (tracefs)",
		probe_tracefs, ADMIN, "CONFIG_EVENT_TRACING", "4.1"},
	{"cgroup", FEATURE_KERNEL, 0, "control groups (--cgroup, --container)",
		probe_cgroup, 0, "CONFIG_CGROUPS", "4.5"},
	{"symbols", FEATURE_KERNEL, 0, "names of the kernel's functions (kallsyms)",
		probe_symbols, RIGHT(CAP_SYSLOG), "CONFIG_KALLSYMS", NULL},

	{"task-storage", FEATURE_TOP, BY(TOP), "values of a thread (BPF task storage)",
		probe_task_storage, EVENTS, "CONFIG_BPF_SYSCALL", "5.11"},

	{"perf-clock", FEATURE_SAMPLING, BY(SAMPLING), "samples by a timer, of your programs",
		probe_perf_clock, RIGHT(CAP_PERFMON), "CONFIG_PERF_EVENTS", NULL},
	{"perf-kernel", FEATURE_SAMPLING, 0, "… with the kernel, of all CPUs",
		probe_perf_kernel, RIGHT(CAP_PERFMON), "CONFIG_PERF_EVENTS", NULL},
	{"perf-bpf", FEATURE_SAMPLING, 0, "… taken by BPF programs",
		probe_perf_bpf, EVENTS, "CONFIG_BPF_EVENTS", "4.9"},
	{"perf-pmu", FEATURE_SAMPLING, 0, "hardware counters (cycles, cache misses)",
		probe_perf_pmu, RIGHT(CAP_PERFMON), "CONFIG_PERF_EVENTS", NULL},

	{"fentry", FEATURE_FUNCTIONS, BY(FUNCTIONS), "entries (BPF, fentry)",
		probe_fentry, EVENTS, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", "5.5"},
	{"kprobe-multi", FEATURE_FUNCTIONS, BY(FUNCTIONS), "many at once (BPF, kprobe.multi)",
		probe_kprobe_multi, EVENTS, "CONFIG_FPROBE", "5.18"},
	{"kprobe", FEATURE_FUNCTIONS, BY(FUNCTIONS), "any instruction (kprobe)",
		probe_kprobe, EVENTS, "CONFIG_KPROBE_EVENTS", "4.17"},
	{"fexit", FEATURE_FUNCTIONS, 0, "returns with arguments (BPF, fexit)",
		probe_fexit, EVENTS, "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", "5.5"},
	{"graph", FEATURE_FUNCTIONS, 0, "the graph of calls (function_graph of tracefs)",
		probe_graph, ADMIN, "CONFIG_FUNCTION_GRAPH_TRACER", NULL},

	{"uprobe-multi", FEATURE_USER_FUNCTIONS, BY(USER_FUNCTIONS), "many at once (BPF, uprobe.multi)",
		probe_uprobe_multi, EVENTS, "CONFIG_UPROBES", "6.6"},
	{"uprobe", FEATURE_USER_FUNCTIONS, BY(USER_FUNCTIONS), "one at a time (uprobe)",
		probe_uprobe, EVENTS, "CONFIG_UPROBE_EVENTS", "4.17"},

	{"instance", FEATURE_TRACEFS, BY(TRACEFS), "buffers of our own (an instance)",
		probe_instance, ADMIN, "CONFIG_EVENT_TRACING", "3.10"},
	{"x86-tsc", FEATURE_TRACEFS, 0, "… with the clock of user events (x86-tsc)",
		probe_tsc, ADMIN, NULL, "3.17"},
	{"hist", FEATURE_TRACEFS, 0, "histograms in the kernel (hist triggers)",
		probe_hist, ADMIN, "CONFIG_HIST_TRIGGERS", "4.7"},
	{"synthetic", FEATURE_TRACEFS, 0, "events made of two (synthetic events)",
		probe_synthetic, ADMIN, "CONFIG_SYNTH_EVENTS", "4.17"},
	{"user-events", FEATURE_TRACEFS, 0, "events that programs register (user_events)",
		probe_user_events, ADMIN, "CONFIG_USER_EVENTS", "6.4"},

	{"capabilities", FEATURE_SETTINGS, 0, "who you are", probe_capabilities, 0, NULL, NULL},
	{"perf_event_paranoid", FEATURE_SETTINGS, 0, "perf without rights", probe_paranoid, 0, NULL, NULL},
	{"unprivileged_bpf", FEATURE_SETTINGS, 0, "BPF without rights", probe_bpf_disabled, 0, NULL, NULL},
	{"kptr_restrict", FEATURE_SETTINGS, 0, "addresses of the kernel", probe_kptr_restrict, 0, NULL, NULL},
	{"lockdown", FEATURE_SETTINGS, 0, "lockdown", probe_lockdown, 0, NULL, NULL},
	{"memory", FEATURE_SETTINGS, 0, "room for buffers", probe_memory, 0, NULL, NULL},
};
/* clang-format on */
const size_t n_features = sizeof(features) / sizeof(features[0]);

/* --- the bench ---------------------------------------------------------------------------------- */

#define VFORMAT(field)                                                                             \
	do {                                                                                       \
		va_list ap_;                                                                       \
		va_start(ap_, fmt);                                                                \
		vsnprintf(b->result->field, sizeof(b->result->field), fmt, ap_);                   \
		va_end(ap_);                                                                       \
	} while (0)

void bench_note(struct feature_bench *b, const char *fmt, ...)
{
	VFORMAT(note);
}

void bench_why(struct feature_bench *b, const char *fmt, ...)
{
	VFORMAT(why);
}

void bench_remedy(struct feature_bench *b, const char *fmt, ...)
{
	VFORMAT(remedy);
}

static void bench_init(struct feature_bench *b)
{
	*b = (struct feature_bench){
		.tracefs = TRACEFS_NONE,
		.instance = -1,
	};
	rights_get(&b->rights);
	libbpf_set_print(NULL); /* what it has to say, errno says */
}

static void bench_fini(struct feature_bench *b)
{
	btf_index_free(b->btf);
	if (b->instance >= 0) {
		close(b->instance);
		unlinkat(b->tracefs.fd, b->instance_path, AT_REMOVEDIR);
	}
	tracefs_fini(&b->tracefs);
}

/* --- what an error means --------------------------------------------------------------------------- */

static bool is_refusal(int error)
{
	return error == -EPERM || error == -EACCES;
}

static void explain_refusal(const struct feature *f, struct feature_bench *b, struct str *why,
			    struct str *remedy)
{
	if (f->rights && !rights_suffice(&b->rights, f->rights)) {
		str_add(why, "needs ");
		rights_add_names(why, f->rights);
		if (!(f->rights & ADMIN) && !b->rights.is_contained)
			str_add(remedy, "run as root, or: ");
		if (f->rights & ADMIN && !b->rights.is_contained)
			str_add(remedy, "run as root");
		else
			rights_add_remedy(remedy, &b->rights, f->rights);
		return;
	}
	str_addf(why, "%s, although the rights are there", strerror(-b->result->error));
	str_add(remedy, "a seccomp filter, lockdown or a security module refuses it");
	if (f->config)
		str_addf(remedy, ", or this kernel has no %s", f->config);
}

static void explain(const struct feature *f, struct feature_bench *b)
{
	struct str why = {0}, remedy = {0};

	if (is_refusal(b->result->error)) {
		explain_refusal(f, b, &why, &remedy);
	} else {
		str_addf(&why, "%s%s", f->config ? "not in this kernel: " : "",
			 strerror(-b->result->error));
		if (f->config)
			str_addf(&remedy, "a kernel with %s", f->config);
		if (f->config && f->since)
			str_addf(&remedy, ", Linux %s or newer", f->since);
	}
	if (!b->result->why[0])
		bench_why(b, "%s", str_c(&why));
	if (!b->result->remedy[0])
		bench_remedy(b, "%s", str_c(&remedy));
	str_fini(&why);
	str_fini(&remedy);
}

/* --- all of them -------------------------------------------------------------------------------------- */

void features_try(struct feature_result *results, const bool *wanted)
{
	struct feature_bench b;

	bench_init(&b);
	for (size_t i = 0; i < n_features; i++) {
		uint64_t start = clock_monotonic_ns();

		if (wanted && !wanted[i])
			continue;
		results[i] = (struct feature_result){0};
		b.result = &results[i];
		results[i].error = features[i].probe(&b);
		if (results[i].error < 0)
			explain(&features[i], &b);
		results[i].took_ns = clock_monotonic_ns() - start;
	}
	bench_fini(&b);
}

bool feature_job_works(enum feature_job_id job, const struct feature_result *results)
{
	bool all = true, one = false;

	for (size_t i = 0; i < n_features; i++) {
		if (!(features[i].needed_by & 1u << job))
			continue;
		all &= results[i].error >= 0;
		one |= results[i].error >= 0;
	}
	return feature_jobs[job].any ? one : all;
}
