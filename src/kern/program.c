/* SPDX-License-Identifier: MIT */
#include "kern/program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int kern_program_run(int program, struct diag *diag)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(program, &opts);

	if (err)
		diag_error(diag, NULL, "a program cannot be run: %s", strerror(-err));
	return err;
}

int kern_attach_sample(int program, const struct kern_sample *s, struct diag *diag)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = s->type,
		.config = s->config,
		.sample_period = s->period,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, s->pid, s->cpu, -1, PERF_FLAG_FD_CLOEXEC);
	int err;

	if (fd < 0) {
		err = -errno;
		diag_error(diag, NULL, "samples on CPU %d: %s", s->cpu, strerror(-err));
		return err;
	}
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0) {
		err = -errno;
		diag_error(diag, NULL, "samples on CPU %d: %s", s->cpu, strerror(-err));
		close(fd);
		return err;
	}
	return fd;
}

enum { MULTI_RETURN = 1 };

/* BPF_LINK_CREATE of Linux 6.6, which libbpf 1.1 and its headers do not know. */
struct link_create_uprobes {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, uprobe_flags, pid, reserved;
};

int kern_attach_uprobes(int program, const struct kern_uprobes *p, struct diag *diag)
{
	struct link_create_uprobes attr = {
		.prog_fd = (uint32_t)program,
		.attach_type = KERN_UPROBES,
		.path = (uint64_t)(uintptr_t)p->file,
		.offsets = (uint64_t)(uintptr_t)p->offsets,
		.ref_ctr_offsets = (uint64_t)(uintptr_t)p->semaphores,
		.cookies = (uint64_t)(uintptr_t)p->cookies,
		.cnt = (uint32_t)p->n,
		.uprobe_flags = p->at_return ? MULTI_RETURN : 0,
		.pid = (uint32_t)p->pid,
	};
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)), err;

	if (fd >= 0)
		return fd;
	err = -errno;
	diag_error(diag, NULL, "%s: cannot be probed: %s", p->file, strerror(-err));
	if (err == -EINVAL)
		diag_hint(diag, "probes on user functions need Linux 6.6");
	return err;
}

/* BPF_LINK_CREATE of Linux 5.18. */
struct link_create_kprobes {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint32_t kprobe_flags, cnt;
	uint64_t syms, addrs, cookies;
};

int kern_attach_kprobes(int program, const char *const *functions, const uint64_t *cookies,
			size_t n, bool at_return, struct diag *diag)
{
	struct link_create_kprobes attr = {
		.prog_fd = (uint32_t)program,
		.attach_type = KERN_KPROBES,
		.kprobe_flags = at_return ? MULTI_RETURN : 0,
		.cnt = (uint32_t)n,
		.syms = (uint64_t)(uintptr_t)functions,
		.cookies = (uint64_t)(uintptr_t)cookies,
	};
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)), err;

	if (fd >= 0)
		return fd;
	err = -errno;
	if (err == -EOPNOTSUPP)
		diag_error(diag, NULL, "this kernel was built without probes of its functions");
	else
		diag_error(diag, NULL, "%s: cannot be probed: %s", functions[0], strerror(-err));
	return err;
}

bool kern_map_next(int map, const void *key, void *next)
{
	return bpf_map_get_next_key(map, key, next) == 0;
}

int kern_map_get(int map, const void *key, void *value)
{
	return bpf_map_lookup_elem(map, key, value);
}

int kern_map_set(int map, const void *key, const void *value)
{
	return bpf_map_update_elem(map, key, value, BPF_ANY);
}

int kern_map_delete(int map, const void *key)
{
	return bpf_map_delete_elem(map, key);
}

int kern_map_freeze(int map)
{
	return bpf_map_freeze(map);
}

int kern_cpus(void)
{
	return libbpf_num_possible_cpus();
}

struct kern_records {
	struct ring_buffer *ring;
	int (*take)(void *data, const void *record, size_t size);
	void *data;
};

static int take_one(void *ctx, void *record, size_t size)
{
	struct kern_records *r = ctx;

	return r->take(r->data, record, size);
}

int kern_records_open(struct kern_records **out, int map,
		      int (*take)(void *data, const void *record, size_t size), void *data)
{
	struct kern_records *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (!r)
		return -ENOMEM;
	r->take = take;
	r->data = data;
	r->ring = ring_buffer__new(map, take_one, r, NULL);
	if (!r->ring) {
		free(r);
		return -errno;
	}
	*out = r;
	return 0;
}

int kern_records_read(struct kern_records *r)
{
	return ring_buffer__consume(r->ring);
}

void kern_records_free(struct kern_records *r)
{
	if (!r)
		return;
	ring_buffer__free(r->ring);
	free(r);
}
