/* SPDX-License-Identifier: MIT */
/*
 * One list a struct of state.h names its fields: the trace's description of them
 * and their places for packing are both made of it.
 */
#include "kern/state-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

/* --- what they hold -------------------------------------------------------------------------- */

#define LABELS(set, ...)                                                                           \
	static const struct kern_label set##_items[] = {__VA_ARGS__};                              \
	static const struct kern_labels set##_labels = {                                           \
		#set, set##_items, sizeof(set##_items) / sizeof(set##_items[0]), false}

LABELS(thread_type, {0, "user_thread"}, {1, "kernel_thread"});
LABELS(thread_status, {STATE_READY, "ready"}, {STATE_ZOMBIE, "zombie"}, {STATE_WAITS, "waits"},
       {STATE_DEAD, "dead"});
LABELS(thread_state, {'R', "running"}, {'S', "sleeping"}, {'D', "disk_sleep"}, {'T', "stopped"},
       {'t', "traced"}, {'Z', "zombie"}, {'X', "dead"}, {'I', "idle"}, {'P', "parked"});
LABELS(yes_no, {0, "no"}, {1, "yes"});

/* X(struct, kind, member, more of its struct kern_field …) */
#define TASK_FIELDS(X)                                                                             \
	X(task, INTEGER, tid, .type = "pid_t")                                                     \
	X(task, INTEGER, pid, .type = "pid_t")                                                     \
	X(task, INTEGER, ppid, .type = "pid_t")                                                    \
	X(task, TEXT, name)                                                                        \
	X(task, INTEGER, type, .labels = &thread_type_labels)                                      \
	X(task, INTEGER, status, .labels = &thread_status_labels)                                  \
	X(task, INTEGER, state, .labels = &thread_state_labels)                                    \
	X(task, INTEGER, cpu)                                                                      \
	X(task, INTEGER, priority, .is_signed = true)                                              \
	X(task, INTEGER, start_ns)                                                                 \
	X(task, SEQUENCE, ns_tids)                                                                 \
	X(task, SEQUENCE, ns_pids)                                                                 \
	X(task, INTEGER, cgroup_id)                                                                \
	X(task, TEXT, cgroup)                                                                      \
	X(task, TEXT, container_id)                                                                \
	X(task, TEXT, container)
#define FILE_FIELDS(X)                                                                             \
	X(file, INTEGER, pid, .type = "pid_t")                                                     \
	X(file, INTEGER, fd, .is_signed = true)                                                    \
	X(file, INTEGER, flags, .base = KERN_OCTAL)                                                \
	X(file, TEXT, filename)
#define MOUNT_FIELDS(X)                                                                            \
	X(mount, INTEGER, pid, .type = "pid_t")                                                    \
	X(mount, INTEGER, namespace)                                                               \
	X(mount, INTEGER, id)                                                                      \
	X(mount, INTEGER, parent)                                                                  \
	X(mount, INTEGER, device_major)                                                            \
	X(mount, INTEGER, device_minor)                                                            \
	X(mount, TEXT, root)                                                                       \
	X(mount, TEXT, point)                                                                      \
	X(mount, TEXT, fstype)                                                                     \
	X(mount, TEXT, source)
#define BLOCK_DEVICE_FIELDS(X)                                                                     \
	X(block_device, INTEGER, dev, .type = "dev_t")                                             \
	X(block_device, INTEGER, device_major)                                                     \
	X(block_device, INTEGER, device_minor)                                                     \
	X(block_device, TEXT, diskname)                                                            \
	X(block_device, INTEGER, size_bytes)
#define INTERRUPT_FIELDS(X)                                                                        \
	X(interrupt, INTEGER, irq)                                                                 \
	X(interrupt, TEXT, name)                                                                   \
	X(interrupt, TEXT, action)
#define CPU_FIELDS(X)                                                                              \
	X(cpu, INTEGER, cpu)                                                                       \
	X(cpu, INTEGER, online, .labels = &yes_no_labels)                                          \
	X(cpu, INTEGER, package)                                                                   \
	X(cpu, INTEGER, core)                                                                      \
	X(cpu, INTEGER, node)                                                                      \
	X(cpu, INTEGER, thread)                                                                    \
	X(cpu, INTEGER, max_khz)
#define INTERFACE_FIELDS(X)                                                                        \
	X(interface, INTEGER, ifindex)                                                             \
	X(interface, TEXT, name)                                                                   \
	X(interface, TEXT, address)                                                                \
	X(interface, INTEGER, mtu)                                                                 \
	X(interface, INTEGER, is_up, .labels = &yes_no_labels)

#define SIZE_INTEGER(type, member) sizeof(((const struct state_##type *)0)->member)
#define SIZE_SEQUENCE(type, member) sizeof(uint32_t)
#define SIZE_TEXT(type, member) 0
#define FIELD(struct_, kind_, member, ...)                                                         \
	{.name = #member,                                                                          \
	 .kind = KERN_##kind_,                                                                     \
	 .size = SIZE_##kind_(struct_, member),                                                    \
	 ##__VA_ARGS__},
#define PLACE(struct_, kind_, member, ...) offsetof(struct state_##struct_, member),

#define X(KIND, kind)                                                                              \
	static const struct kern_field kind##_fields[] = {KIND##_FIELDS(FIELD)};                   \
	static const size_t kind##_places[] = {KIND##_FIELDS(PLACE)};
STATE_KINDS(X)
#undef X

#define EVENT(KIND, what, lttng)                                                                   \
	[STATE_##KIND] = {.id = STATE_##KIND,                                                      \
			  .name = "state:" #what,                                                  \
			  .lttng_name = lttng,                                                     \
			  .fields = what##_fields,                                                 \
			  .n_fields = sizeof(what##_fields) / sizeof(what##_fields[0])}

const struct kern_event state_events[STATE_N_KINDS] = {
	EVENT(TASK, task, "lttng_statedump_process_state"),
	EVENT(FILE, file, "lttng_statedump_file_descriptor"),
	EVENT(MOUNT, mount, NULL),
	EVENT(BLOCK_DEVICE, block_device, "lttng_statedump_block_device"),
	EVENT(INTERRUPT, interrupt, "lttng_statedump_interrupt"),
	EVENT(CPU, cpu, "lttng_statedump_cpu_topology"),
	EVENT(INTERFACE, interface, "lttng_statedump_network_interface"),
};

static const size_t *const places[STATE_N_KINDS] = {
#define X(KIND, kind) [STATE_##KIND] = kind##_places,
	STATE_KINDS(X)
#undef X
};

void state_add_payload(struct str *out, enum state_kind kind, const void *item)
{
	const struct kern_event *event = &state_events[kind];

	for (size_t i = 0; i < event->n_fields; i++) {
		const uint8_t *at = (const uint8_t *)item + places[kind][i];
		const struct state_numbers *numbers;
		const char *text;

		switch (event->fields[i].kind) {
		case KERN_TEXT:
			memcpy(&text, at, sizeof(text));
			text = text ? text : "";
			str_add_bytes(out, text, strlen(text) + 1);
			break;
		case KERN_SEQUENCE:
			numbers = (const struct state_numbers *)(const void *)at;
			str_add_bytes(out, &numbers->n, 4);
			str_add_bytes(out, numbers->items, (size_t)numbers->n * 4);
			break;
		default:
			str_add_bytes(out, at, event->fields[i].size);
		}
	}
}

/* --- small files ------------------------------------------------------------------------------- */

int state_read(int dirfd, const char *path, char *out, size_t size)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;

	*out = '\0';
	if (fd < 0)
		return -errno;
	do
		n = read(fd, out + len, size - 1 - (size_t)len);
	while ((n > 0 && (size_t)(len += n) < size - 1) || (n < 0 && errno == EINTR));
	if (n < 0)
		len = -errno;
	close(fd);
	if (len > 0 && out[len - 1] == '\n')
		len--;
	out[len > 0 ? len : 0] = '\0';
	return (int)len;
}

uint64_t state_read_number(int dirfd, const char *path, uint64_t otherwise)
{
	char text[32], *end;
	uint64_t n;

	if (state_read(dirfd, path, text, sizeof(text)) <= 0)
		return otherwise;
	n = strtoull(text, &end, 10);
	return end == text || text[0] == '-' ? otherwise : n;
}

/* --- all of it ----------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	int (*take)(struct state_taker *t);
} sources[] = {
	{"CPUs", state_take_cpus},
	{"interrupts", state_take_interrupts},
	{"block devices", state_take_block_devices},
	{"network interfaces", state_take_interfaces},
	{"processes", state_take_tasks},
};

int state_take(const struct state_options *options,
	       int (*visit)(void *ctx, enum state_kind kind, const void *item), void *ctx,
	       struct diag *diag)
{
	struct state_taker t = {.options = options, .visit = visit, .ctx = ctx};
	struct stat st;
	struct containers *own = NULL;
	int rc = 0, first = 0;

	if (!options->containers && containers_open(&own, "", NULL))
		own = NULL;
	t.containers = own ? own : options->containers;
	if (cgroup_mounts_get(&t.mounts, "", NULL))
		t.mounts.n = 0;
	if (stat("/proc/self/ns/pid", &st) == 0)
		t.own_pid_namespace = st.st_ino;
	t.ns_per_tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
	for (size_t i = 0; rc <= 0 && i < sizeof(sources) / sizeof(sources[0]); i++) {
		rc = sources[i].take(&t);
		if (rc >= 0)
			continue;
		diag_warn(diag, NULL, "the state of %s is not known: %s", sources[i].what,
			  strerror(-rc));
		first = first ? first : rc;
	}
	map_fini(&t.groups);
	map_fini(&t.groups_by_id);
	map_fini(&t.mount_namespaces);
	arena_fini(&t.arena);
	containers_free(own);
	return rc > 0 ? rc : first;
}
