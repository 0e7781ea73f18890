/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_LABELS_H
#define PISTE_KERN_SYSCALLS_LABELS_H

#include "kern/event.h"

/*
 * syscalls-labels - names of the constants that system calls take and return.
 *
 * A set is defined once, in the syscalls-labels-*.c of its subject, by LABEL_VALUES
 * (a value has one name) or LABEL_FLAGS (it is an or of names; those of several
 * bits come before those of fewer). Values come from the kernel's own headers;
 * NAMED spells out what the oldest supported headers lack.
 */
#define L(constant)                                                                                \
	{                                                                                          \
		(uint64_t)(constant), #constant                                                    \
	}
#define NAMED(value, name)                                                                         \
	{                                                                                          \
		(uint64_t)(value), name                                                            \
	}
#define LABELS_(set, flags, ...)                                                                   \
	const struct kern_labels labels_##set = {                                                  \
		#set,                                                                              \
		(const struct kern_label[]){__VA_ARGS__},                                          \
		sizeof((const struct kern_label[]){__VA_ARGS__}) / sizeof(struct kern_label),      \
		flags,                                                                             \
	}
#define LABEL_VALUES(set, ...) LABELS_(set, false, __VA_ARGS__)
#define LABEL_FLAGS(set, ...) LABELS_(set, true, __VA_ARGS__)

#define SYSCALL_LABELS(X)                                                                          \
	/* results */                                                                              \
	X(errors)                                                                                  \
	/* files */                                                                                \
	X(at_fds)                                                                                  \
	X(open_flags)                                                                              \
	X(at_flags)                                                                                \
	X(access_modes)                                                                            \
	X(resolve_flags)                                                                           \
	X(unlink_flags)                                                                            \
	X(rename_flags)                                                                            \
	X(statx_mask)                                                                              \
	X(whence)                                                                                  \
	X(fcntl_commands)                                                                          \
	X(ioctls)                                                                                  \
	X(lock_operations)                                                                         \
	X(fallocate_modes)                                                                         \
	X(advice)                                                                                  \
	X(sync_range_flags)                                                                        \
	X(splice_flags)                                                                            \
	X(rw_flags)                                                                                \
	X(xattr_flags)                                                                             \
	X(cloexec)                                                                                 \
	X(pipe_flags)                                                                              \
	X(memfd_flags)                                                                             \
	X(eventfd_flags)                                                                           \
	X(close_range_flags)                                                                       \
	X(userfaultfd_flags)                                                                       \
	X(epoll_operations)                                                                        \
	X(poll_events)                                                                             \
	X(inotify_flags)                                                                           \
	X(inotify_mask)                                                                            \
	X(fanotify_init_flags)                                                                     \
	X(fanotify_mark_flags)                                                                     \
	X(fanotify_mask)                                                                           \
	X(mount_flags)                                                                             \
	X(umount_flags)                                                                            \
	X(mount_attributes)                                                                        \
	X(open_tree_flags)                                                                         \
	X(move_mount_flags)                                                                        \
	X(fsopen_flags)                                                                            \
	X(fspick_flags)                                                                            \
	X(fsmount_flags)                                                                           \
	X(fsconfig_commands)                                                                       \
	X(swap_flags)                                                                              \
	X(quota_commands)                                                                          \
	X(io_uring_setup_flags)                                                                    \
	X(io_uring_enter_flags)                                                                    \
	X(io_uring_operations)                                                                     \
	/* memory */                                                                               \
	X(protection)                                                                              \
	X(map_flags)                                                                               \
	X(remap_flags)                                                                             \
	X(sync_flags)                                                                              \
	X(madvice)                                                                                 \
	X(mlock_flags)                                                                             \
	X(mlockall_flags)                                                                          \
	X(pkey_rights)                                                                             \
	X(memory_policies)                                                                         \
	X(memory_policy_flags)                                                                     \
	X(mbind_flags)                                                                             \
	X(move_pages_flags)                                                                        \
	X(membarrier_commands)                                                                     \
	/* processes, signals, time */                                                             \
	X(signals)                                                                                 \
	X(signal_how)                                                                              \
	X(signal_flags)                                                                            \
	X(signalfd_flags)                                                                          \
	X(clone_flags)                                                                             \
	X(namespaces)                                                                              \
	X(wait_options)                                                                            \
	X(wait_which)                                                                              \
	X(pidfd_flags)                                                                             \
	X(pidfd_signal_flags)                                                                      \
	X(futex_operations)                                                                        \
	X(futex2_flags)                                                                            \
	X(prctl_options)                                                                           \
	X(arch_prctl_options)                                                                      \
	X(ptrace_requests)                                                                         \
	X(seccomp_operations)                                                                      \
	X(seccomp_flags)                                                                           \
	X(sched_policies)                                                                          \
	X(sched_flags)                                                                             \
	X(priority_which)                                                                          \
	X(ioprio_which)                                                                            \
	X(resources)                                                                               \
	X(rusage_who)                                                                              \
	X(clocks)                                                                                  \
	X(timer_flags)                                                                             \
	X(timerfd_flags)                                                                           \
	X(timerfd_set_flags)                                                                       \
	X(interval_timers)                                                                         \
	X(kcmp_types)                                                                              \
	X(personalities)                                                                           \
	X(rseq_flags)                                                                              \
	/* sockets */                                                                              \
	X(address_families)                                                                        \
	X(socket_types)                                                                            \
	X(protocols)                                                                               \
	X(accept_flags)                                                                            \
	X(message_flags)                                                                           \
	X(shutdown_how)                                                                            \
	X(option_levels)                                                                           \
	X(socketcalls)                                                                             \
	/* System V and POSIX IPC, keys, the system */                                             \
	X(ipc_flags)                                                                               \
	X(ipc_commands)                                                                            \
	X(sem_commands)                                                                            \
	X(shm_commands)                                                                            \
	X(msg_commands)                                                                            \
	X(ipc_calls)                                                                               \
	X(shm_flags)                                                                               \
	X(shmat_flags)                                                                             \
	X(msg_flags)                                                                               \
	X(keyctl_operations)                                                                       \
	X(special_keys)                                                                            \
	X(bpf_commands)                                                                            \
	X(perf_types)                                                                              \
	X(perf_flags)                                                                              \
	X(random_flags)                                                                            \
	X(reboot_commands)                                                                         \
	X(syslog_actions)                                                                          \
	X(module_init_flags)                                                                       \
	X(module_delete_flags)                                                                     \
	X(kexec_flags)                                                                             \
	X(kexec_file_flags)                                                                        \
	X(landlock_flags)                                                                          \
	X(landlock_rules)                                                                          \
	X(lsm_attributes)

#define X(set) extern const struct kern_labels labels_##set;
SYSCALL_LABELS(X)
#undef X

#endif
