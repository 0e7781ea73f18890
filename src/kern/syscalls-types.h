/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SYSCALLS_TYPES_H
#define PISTE_KERN_SYSCALLS_TYPES_H

#include "kern/event.h"
#include "kern/syscalls-labels.h"

/*
 * syscalls-types - what the arguments of system calls are, and what is recorded of them.
 *
 * NUMBER(id, known as, bytes, sign, base, labels): an integer. WORD bytes are those of
 * the ABI's long: 8, or 4 in compat calls.
 *
 * POINTER(id, known as, when, holds, members): the address, and what stands there: read
 * before the call (IN), after it when it did not fail (OUT), or neither (NONE).
 *	TEXT	a string, in place of its address
 *	RESULT	text of as many bytes as the call returned
 *	STRINGS	an array of strings that ends with NULL, in one text with spaces between
 *	STRUCT	the members, each a field `argument_member`; zeroes when there is nothing
 *	ADDRESS	a socket address: family, port, address, path; its length is the next
 *		argument, OUT the number that the next argument points to
 */
#define SYSCALL_TYPES(NUMBER, POINTER)                                                             \
	NUMBER(NONE, NULL, 0, UNSIGNED, DECIMAL, NULL)                                             \
	NUMBER(INT, "int", 4, SIGNED, DECIMAL, NULL)                                               \
	NUMBER(UINT, "unsigned int", 4, UNSIGNED, DECIMAL, NULL)                                   \
	NUMBER(LONG, "long", WORD, SIGNED, DECIMAL, NULL)                                          \
	NUMBER(ULONG, "unsigned long", WORD, UNSIGNED, DECIMAL, NULL)                              \
	NUMBER(HEX, "unsigned long", WORD, UNSIGNED, HEX, NULL)                                    \
	NUMBER(HEX32, "unsigned int", 4, UNSIGNED, HEX, NULL)                                      \
	NUMBER(SIZE, "size_t", WORD, UNSIGNED, DECIMAL, NULL)                                      \
	NUMBER(OFFSET, "off_t", WORD, SIGNED, DECIMAL, NULL)                                       \
	NUMBER(I64, "long long", 8, SIGNED, DECIMAL, NULL)                                         \
	NUMBER(U64, "unsigned long long", 8, UNSIGNED, DECIMAL, NULL)                              \
	NUMBER(HEX64, "unsigned long long", 8, UNSIGNED, HEX, NULL)                                \
	/* half of a number of 64 bits in a compat call */                                         \
	NUMBER(HALF, "unsigned int", 4, UNSIGNED, DECIMAL, NULL)                                   \
	NUMBER(ADDR, "void *", WORD, UNSIGNED, HEX, NULL)                                          \
	NUMBER(FD, "fd", 4, SIGNED, DECIMAL, NULL)                                                 \
	NUMBER(AT_FD, "fd", 4, SIGNED, DECIMAL, &labels_at_fds)                                    \
	NUMBER(PID, "pid_t", 4, SIGNED, DECIMAL, NULL)                                             \
	NUMBER(UID, "uid_t", 4, SIGNED, DECIMAL, NULL)                                             \
	NUMBER(GID, "gid_t", 4, SIGNED, DECIMAL, NULL)                                             \
	NUMBER(MODE, "mode_t", 4, UNSIGNED, OCTAL, NULL)                                           \
	NUMBER(DEV, "dev_t", 4, UNSIGNED, HEX, NULL)                                               \
	NUMBER(IPC_KEY, "key_t", 4, UNSIGNED, HEX, NULL)                                           \
	NUMBER(KEY, "key_serial_t", 4, SIGNED, DECIMAL, &labels_special_keys)                      \
	NUMBER(TIMER, "timer_t", 4, SIGNED, DECIMAL, NULL)                                         \
	NUMBER(AIO, "aio_context_t", WORD, UNSIGNED, HEX, NULL)                                    \
	/* results */                                                                              \
	NUMBER(RESULT, "int", 4, SIGNED, DECIMAL, &labels_errors)                                  \
	NUMBER(RESULT_LONG, "long", 8, SIGNED, DECIMAL, &labels_errors)                            \
	NUMBER(RESULT_ADDR, "void *", 8, SIGNED, HEX, &labels_errors)                              \
	NUMBER(RESULT_FD, "fd", 4, SIGNED, DECIMAL, &labels_errors)                                \
	NUMBER(RESULT_PID, "pid_t", 4, SIGNED, DECIMAL, &labels_errors)                            \
	NUMBER(RESULT_SIZE, "ssize_t", 4, SIGNED, DECIMAL, &labels_errors)                         \
	NUMBER(RESULT_MODE, "mode_t", 4, SIGNED, OCTAL, &labels_errors)                            \
	SYSCALL_TYPES_WITH_LABELS(NUMBER)                                                          \
	/* memory */                                                                               \
	POINTER(TEXT, "const char *", IN, TEXT, NULL)                                              \
	POINTER(STRINGS, "const char *const *", IN, STRINGS, NULL)                                 \
	POINTER(RESULT_TEXT, "char *", OUT, RESULT, NULL)                                          \
	POINTER(OUT_TEXT, "char *", OUT, TEXT, NULL)                                               \
	POINTER(SOCKADDR, "struct sockaddr *", IN, ADDRESS, NULL)                                  \
	POINTER(OUT_SOCKADDR, "struct sockaddr *", OUT, ADDRESS, NULL)                             \
	POINTER(IN_INT, "int *", IN, STRUCT, members_int)                                          \
	POINTER(OUT_INT, "int *", OUT, STRUCT, members_int)                                        \
	POINTER(OUT_STATUS, "int *", OUT, STRUCT, members_status)                                  \
	POINTER(IN_OFFSET, "loff_t *", IN, STRUCT, members_offset)                                 \
	POINTER(IN_OFF_T, "off_t *", IN, STRUCT, members_off_t)                                    \
	POINTER(FD_PAIR, "int *", OUT, STRUCT, members_fd_pair)                                    \
	POINTER(SIGSET, "const sigset_t *", IN, STRUCT, members_sigset)                            \
	POINTER(MASK32, "const unsigned int *", IN, STRUCT, members_status)                        \
	POINTER(OUT_MASK32, "unsigned int *", OUT, STRUCT, members_status)                         \
	POINTER(OUT_OFFSET, "loff_t *", OUT, STRUCT, members_offset)                               \
	POINTER(OUT_SIGSET, "sigset_t *", OUT, STRUCT, members_sigset)                             \
	POINTER(SIGACTION, "const struct sigaction *", IN, STRUCT, members_sigaction)              \
	POINTER(OUT_SIGINFO, "siginfo_t *", OUT, STRUCT, members_siginfo)                          \
	POINTER(TIMESPEC, "const struct timespec *", IN, STRUCT, members_timespec)                 \
	POINTER(OUT_TIMESPEC, "struct timespec *", OUT, STRUCT, members_timespec)                  \
	POINTER(TIMESPECS, "const struct timespec *", IN, STRUCT, members_timespecs)               \
	POINTER(TIMESPEC64, "const struct timespec *", IN, STRUCT, members_timespec64)             \
	POINTER(OUT_TIMESPEC64, "struct timespec *", OUT, STRUCT, members_timespec64)              \
	POINTER(TIMESPECS64, "const struct timespec *", IN, STRUCT, members_timespecs64)           \
	POINTER(TIMEVAL, "const struct timeval *", IN, STRUCT, members_timeval)                    \
	POINTER(OUT_TIMEVAL, "struct timeval *", OUT, STRUCT, members_timeval)                     \
	POINTER(TIMEVALS, "const struct timeval *", IN, STRUCT, members_timevals)                  \
	POINTER(UTIMBUF, "const struct utimbuf *", IN, STRUCT, members_utimbuf)                    \
	POINTER(ITIMERSPEC, "const struct itimerspec *", IN, STRUCT, members_itimerspec)           \
	POINTER(OUT_ITIMERSPEC, "struct itimerspec *", OUT, STRUCT, members_itimerspec)            \
	POINTER(ITIMERSPEC64, "const struct itimerspec *", IN, STRUCT, members_itimerspec64)       \
	POINTER(OUT_ITIMERSPEC64, "struct itimerspec *", OUT, STRUCT, members_itimerspec64)        \
	POINTER(ITIMERVAL, "const struct itimerval *", IN, STRUCT, members_itimerval)              \
	POINTER(OUT_ITIMERVAL, "struct itimerval *", OUT, STRUCT, members_itimerval)               \
	POINTER(RLIMIT, "const struct rlimit *", IN, STRUCT, members_rlimit)                       \
	POINTER(OUT_RLIMIT, "struct rlimit *", OUT, STRUCT, members_rlimit)                        \
	POINTER(RLIMIT64, "const struct rlimit *", IN, STRUCT, members_rlimit64)                   \
	POINTER(OUT_RLIMIT64, "struct rlimit *", OUT, STRUCT, members_rlimit64)                    \
	POINTER(OPEN_HOW, "const struct open_how *", IN, STRUCT, members_open_how)                 \
	POINTER(CLONE_ARGS, "const struct clone_args *", IN, STRUCT, members_clone_args)           \
	POINTER(EPOLL_EVENT, "const struct epoll_event *", IN, STRUCT, members_epoll_event)        \
	POINTER(SCHED_PARAM, "const struct sched_param *", IN, STRUCT, members_sched_param)        \
	POINTER(SCHED_ATTR, "const struct sched_attr *", IN, STRUCT, members_sched_attr)           \
	POINTER(PERF_ATTR, "const struct perf_event_attr *", IN, STRUCT, members_perf_attr)        \
	POINTER(URING_PARAMS, "struct io_uring_params *", IN, STRUCT, members_uring_params)        \
	POINTER(MOUNT_ATTR, "const struct mount_attr *", IN, STRUCT, members_mount_attr)           \
	POINTER(MESSAGE, "const struct msghdr *", IN, STRUCT, members_message)                     \
	POINTER(CACHESTAT_RANGE, "const struct cachestat_range *", IN, STRUCT, members_range)      \
	POINTER(CPU_SET, "const unsigned long *", IN, STRUCT, members_mask)                        \
	POINTER(OUT_ID, "timer_t *", OUT, STRUCT, members_int)                                     \
	POINTER(OUT_AIO, "aio_context_t *", OUT, STRUCT, members_mask)

#define SYSCALL_TYPES_WITH_LABELS(NUMBER)                                                          \
	/* numbers of which one has a name */                                                      \
	NUMBER(WHENCE, "int", 4, SIGNED, DECIMAL, &labels_whence)                                  \
	NUMBER(FCNTL, "int", 4, SIGNED, DECIMAL, &labels_fcntl_commands)                           \
	NUMBER(IOCTL, "unsigned int", 4, UNSIGNED, HEX, &labels_ioctls)                            \
	NUMBER(ADVICE, "int", 4, SIGNED, DECIMAL, &labels_advice)                                  \
	NUMBER(EPOLL_OP, "int", 4, SIGNED, DECIMAL, &labels_epoll_operations)                      \
	NUMBER(FSCONFIG, "unsigned int", 4, UNSIGNED, DECIMAL, &labels_fsconfig_commands)          \
	NUMBER(QUOTA, "unsigned int", 4, UNSIGNED, HEX, &labels_quota_commands)                    \
	NUMBER(URING_OP, "unsigned int", 4, UNSIGNED, DECIMAL, &labels_io_uring_operations)        \
	NUMBER(MADVICE, "int", 4, SIGNED, DECIMAL, &labels_madvice)                                \
	NUMBER(POLICY, "int", 4, SIGNED, DECIMAL, &labels_memory_policies)                         \
	NUMBER(MEMBARRIER, "int", 4, SIGNED, DECIMAL, &labels_membarrier_commands)                 \
	NUMBER(SIGNAL, "int", 4, SIGNED, DECIMAL, &labels_signals)                                 \
	NUMBER(SIGNAL_HOW, "int", 4, SIGNED, DECIMAL, &labels_signal_how)                          \
	NUMBER(WAIT_WHICH, "int", 4, SIGNED, DECIMAL, &labels_wait_which)                          \
	NUMBER(FUTEX, "int", 4, SIGNED, DECIMAL, &labels_futex_operations)                         \
	NUMBER(PRCTL, "int", 4, SIGNED, DECIMAL, &labels_prctl_options)                            \
	NUMBER(ARCH_PRCTL, "int", 4, SIGNED, HEX, &labels_arch_prctl_options)                      \
	NUMBER(PTRACE, "long", WORD, SIGNED, DECIMAL, &labels_ptrace_requests)                     \
	NUMBER(SECCOMP, "unsigned int", 4, UNSIGNED, DECIMAL, &labels_seccomp_operations)          \
	NUMBER(SCHED_POLICY, "int", 4, SIGNED, DECIMAL, &labels_sched_policies)                    \
	NUMBER(PERF_TYPE, "unsigned int", 4, UNSIGNED, DECIMAL, &labels_perf_types)                \
	NUMBER(PRIORITY_WHICH, "int", 4, SIGNED, DECIMAL, &labels_priority_which)                  \
	NUMBER(IOPRIO_WHICH, "int", 4, SIGNED, DECIMAL, &labels_ioprio_which)                      \
	NUMBER(RESOURCE, "unsigned int", 4, UNSIGNED, DECIMAL, &labels_resources)                  \
	NUMBER(RUSAGE_WHO, "int", 4, SIGNED, DECIMAL, &labels_rusage_who)                          \
	NUMBER(CLOCK, "clockid_t", 4, SIGNED, DECIMAL, &labels_clocks)                             \
	NUMBER(ITIMER, "int", 4, SIGNED, DECIMAL, &labels_interval_timers)                         \
	NUMBER(KCMP, "int", 4, SIGNED, DECIMAL, &labels_kcmp_types)                                \
	NUMBER(PERSONALITY, "unsigned int", 4, UNSIGNED, HEX, &labels_personalities)               \
	NUMBER(FAMILY, "int", 4, SIGNED, DECIMAL, &labels_address_families)                        \
	NUMBER(FAMILY16, "sa_family_t", 2, UNSIGNED, DECIMAL, &labels_address_families)            \
	NUMBER(SOCKET_TYPE, "int", 4, SIGNED, DECIMAL, &labels_socket_types)                       \
	NUMBER(PROTOCOL, "int", 4, SIGNED, DECIMAL, &labels_protocols)                             \
	NUMBER(SHUTDOWN, "int", 4, SIGNED, DECIMAL, &labels_shutdown_how)                          \
	NUMBER(OPTION_LEVEL, "int", 4, SIGNED, DECIMAL, &labels_option_levels)                     \
	NUMBER(SOCKETCALL, "int", 4, SIGNED, DECIMAL, &labels_socketcalls)                         \
	NUMBER(IPC_CALL, "unsigned int", 4, UNSIGNED, DECIMAL, &labels_ipc_calls)                  \
	NUMBER(SEM_COMMAND, "int", 4, SIGNED, DECIMAL, &labels_sem_commands)                       \
	NUMBER(SHM_COMMAND, "int", 4, SIGNED, DECIMAL, &labels_shm_commands)                       \
	NUMBER(MSG_COMMAND, "int", 4, SIGNED, DECIMAL, &labels_msg_commands)                       \
	NUMBER(KEYCTL, "int", 4, SIGNED, DECIMAL, &labels_keyctl_operations)                       \
	NUMBER(BPF, "int", 4, SIGNED, DECIMAL, &labels_bpf_commands)                               \
	NUMBER(REBOOT, "unsigned int", 4, UNSIGNED, HEX, &labels_reboot_commands)                  \
	NUMBER(SYSLOG, "int", 4, SIGNED, DECIMAL, &labels_syslog_actions)                          \
	NUMBER(LANDLOCK_RULE, "int", 4, SIGNED, DECIMAL, &labels_landlock_rules)                   \
	NUMBER(LSM_ATTRIBUTE, "unsigned int", 4, UNSIGNED, DECIMAL, &labels_lsm_attributes)        \
	/* flags */                                                                                \
	NUMBER(OPEN_FLAGS, "int", 4, UNSIGNED, HEX, &labels_open_flags)                            \
	NUMBER(OPEN_FLAGS64, "unsigned long long", 8, UNSIGNED, HEX, &labels_open_flags)           \
	NUMBER(AT_FLAGS, "int", 4, UNSIGNED, HEX, &labels_at_flags)                                \
	NUMBER(ACCESS_MODE, "int", 4, UNSIGNED, HEX, &labels_access_modes)                         \
	NUMBER(RESOLVE, "unsigned long long", 8, UNSIGNED, HEX, &labels_resolve_flags)             \
	NUMBER(UNLINK_FLAGS, "int", 4, UNSIGNED, HEX, &labels_unlink_flags)                        \
	NUMBER(RENAME_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_rename_flags)               \
	NUMBER(STATX_MASK, "unsigned int", 4, UNSIGNED, HEX, &labels_statx_mask)                   \
	NUMBER(LOCK, "unsigned int", 4, UNSIGNED, HEX, &labels_lock_operations)                    \
	NUMBER(FALLOCATE, "int", 4, UNSIGNED, HEX, &labels_fallocate_modes)                        \
	NUMBER(SYNC_RANGE, "unsigned int", 4, UNSIGNED, HEX, &labels_sync_range_flags)             \
	NUMBER(SPLICE_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_splice_flags)               \
	NUMBER(RW_FLAGS, "int", 4, UNSIGNED, HEX, &labels_rw_flags)                                \
	NUMBER(XATTR_FLAGS, "int", 4, UNSIGNED, HEX, &labels_xattr_flags)                          \
	NUMBER(CLOEXEC, "int", 4, UNSIGNED, HEX, &labels_cloexec)                                  \
	NUMBER(PIPE_FLAGS, "int", 4, UNSIGNED, HEX, &labels_pipe_flags)                            \
	NUMBER(MEMFD_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_memfd_flags)                 \
	NUMBER(EVENTFD_FLAGS, "int", 4, UNSIGNED, HEX, &labels_eventfd_flags)                      \
	NUMBER(CLOSE_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_close_range_flags)           \
	NUMBER(UFFD_FLAGS, "int", 4, UNSIGNED, HEX, &labels_userfaultfd_flags)                     \
	NUMBER(POLL_EVENTS, "unsigned int", 4, UNSIGNED, HEX, &labels_poll_events)                 \
	NUMBER(INOTIFY_FLAGS, "int", 4, UNSIGNED, HEX, &labels_inotify_flags)                      \
	NUMBER(INOTIFY_MASK, "unsigned int", 4, UNSIGNED, HEX, &labels_inotify_mask)               \
	NUMBER(FANOTIFY_INIT, "unsigned int", 4, UNSIGNED, HEX, &labels_fanotify_init_flags)       \
	NUMBER(FANOTIFY_MARK, "unsigned int", 4, UNSIGNED, HEX, &labels_fanotify_mark_flags)       \
	NUMBER(FANOTIFY_MASK, "unsigned long long", 8, UNSIGNED, HEX, &labels_fanotify_mask)       \
	NUMBER(MOUNT_FLAGS, "unsigned long", WORD, UNSIGNED, HEX, &labels_mount_flags)             \
	NUMBER(UMOUNT_FLAGS, "int", 4, UNSIGNED, HEX, &labels_umount_flags)                        \
	NUMBER(MOUNT_ATTRS, "unsigned int", 4, UNSIGNED, HEX, &labels_mount_attributes)            \
	NUMBER(MOUNT_ATTRS64, "unsigned long long", 8, UNSIGNED, HEX, &labels_mount_attributes)    \
	NUMBER(OPEN_TREE_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_open_tree_flags)         \
	NUMBER(MOVE_MOUNT_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_move_mount_flags)       \
	NUMBER(FSOPEN_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_fsopen_flags)               \
	NUMBER(FSPICK_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_fspick_flags)               \
	NUMBER(FSMOUNT_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_fsmount_flags)             \
	NUMBER(SWAP_FLAGS, "int", 4, UNSIGNED, HEX, &labels_swap_flags)                            \
	NUMBER(URING_SETUP, "unsigned int", 4, UNSIGNED, HEX, &labels_io_uring_setup_flags)        \
	NUMBER(URING_ENTER, "unsigned int", 4, UNSIGNED, HEX, &labels_io_uring_enter_flags)        \
	NUMBER(PROTECTION, "int", 4, UNSIGNED, HEX, &labels_protection)                            \
	NUMBER(MAP_FLAGS, "int", 4, UNSIGNED, HEX, &labels_map_flags)                              \
	NUMBER(REMAP_FLAGS, "int", 4, UNSIGNED, HEX, &labels_remap_flags)                          \
	NUMBER(MSYNC_FLAGS, "int", 4, UNSIGNED, HEX, &labels_sync_flags)                           \
	NUMBER(MLOCK_FLAGS, "int", 4, UNSIGNED, HEX, &labels_mlock_flags)                          \
	NUMBER(MLOCKALL_FLAGS, "int", 4, UNSIGNED, HEX, &labels_mlockall_flags)                    \
	NUMBER(PKEY_RIGHTS, "unsigned long", WORD, UNSIGNED, HEX, &labels_pkey_rights)             \
	NUMBER(POLICY_FLAGS, "unsigned long", WORD, UNSIGNED, HEX, &labels_memory_policy_flags)    \
	NUMBER(MBIND_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_mbind_flags)                 \
	NUMBER(MOVE_PAGES_FLAGS, "int", 4, UNSIGNED, HEX, &labels_move_pages_flags)                \
	NUMBER(SIGNAL_FLAGS, "unsigned long", WORD, UNSIGNED, HEX, &labels_signal_flags)           \
	NUMBER(SIGNALFD_FLAGS, "int", 4, UNSIGNED, HEX, &labels_signalfd_flags)                    \
	NUMBER(CLONE_FLAGS, "unsigned long", WORD, UNSIGNED, HEX, &labels_clone_flags)             \
	NUMBER(CLONE_FLAGS64, "unsigned long long", 8, UNSIGNED, HEX, &labels_clone_flags)         \
	NUMBER(NAMESPACES, "unsigned int", 4, UNSIGNED, HEX, &labels_namespaces)                   \
	NUMBER(WAIT_OPTIONS, "int", 4, UNSIGNED, HEX, &labels_wait_options)                        \
	NUMBER(PIDFD_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_pidfd_flags)                 \
	NUMBER(PIDFD_SIGNAL, "unsigned int", 4, UNSIGNED, HEX, &labels_pidfd_signal_flags)         \
	NUMBER(FUTEX2_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_futex2_flags)               \
	NUMBER(SECCOMP_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_seccomp_flags)             \
	NUMBER(SCHED_FLAGS64, "unsigned long long", 8, UNSIGNED, HEX, &labels_sched_flags)         \
	NUMBER(TIMER_FLAGS, "int", 4, UNSIGNED, HEX, &labels_timer_flags)                          \
	NUMBER(TIMERFD_FLAGS, "int", 4, UNSIGNED, HEX, &labels_timerfd_flags)                      \
	NUMBER(TIMERFD_SET, "int", 4, UNSIGNED, HEX, &labels_timerfd_set_flags)                    \
	NUMBER(RSEQ_FLAGS, "int", 4, UNSIGNED, HEX, &labels_rseq_flags)                            \
	NUMBER(ACCEPT_FLAGS, "int", 4, UNSIGNED, HEX, &labels_accept_flags)                        \
	NUMBER(MESSAGE_FLAGS, "int", 4, UNSIGNED, HEX, &labels_message_flags)                      \
	NUMBER(IPC_FLAGS, "int", 4, UNSIGNED, HEX, &labels_ipc_flags)                              \
	NUMBER(SHM_FLAGS, "int", 4, UNSIGNED, HEX, &labels_shm_flags)                              \
	NUMBER(SHMAT_FLAGS, "int", 4, UNSIGNED, HEX, &labels_shmat_flags)                          \
	NUMBER(MSG_FLAGS, "int", 4, UNSIGNED, HEX, &labels_msg_flags)                              \
	NUMBER(PERF_FLAGS, "unsigned long", WORD, UNSIGNED, HEX, &labels_perf_flags)               \
	NUMBER(RANDOM_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_random_flags)               \
	NUMBER(MODULE_INIT, "int", 4, UNSIGNED, HEX, &labels_module_init_flags)                    \
	NUMBER(MODULE_DELETE, "unsigned int", 4, UNSIGNED, HEX, &labels_module_delete_flags)       \
	NUMBER(KEXEC_FLAGS, "unsigned long", WORD, UNSIGNED, HEX, &labels_kexec_flags)             \
	NUMBER(KEXEC_FILE, "unsigned long", WORD, UNSIGNED, HEX, &labels_kexec_file_flags)         \
	NUMBER(LANDLOCK_FLAGS, "unsigned int", 4, UNSIGNED, HEX, &labels_landlock_flags)

enum syscall_type_id {
#define NUMBER(id, ...) T_##id,
	SYSCALL_TYPES(NUMBER, NUMBER)
#undef NUMBER
		SYSCALL_TYPES_END,
};

enum syscall_when { SYSCALL_NEVER, SYSCALL_IN, SYSCALL_OUT };

enum syscall_holds {
	SYSCALL_NUMBER, /* points to nothing of interest */
	SYSCALL_TEXT,
	SYSCALL_RESULT,
	SYSCALL_STRINGS,
	SYSCALL_STRUCT,
	SYSCALL_ADDRESS,
};

/* A number within a struct: where it stands there, in a native call and in a compat one. */
struct syscall_member {
	const char *name; /* NULL: the field is `argument_value` */
	uint8_t type; /* a NUMBER */
	uint8_t offset, compat_offset;
};

#if defined(__x86_64__)
enum { SYSCALL_EPOLL_DATA = 4 }; /* struct epoll_event is packed there */
#else
enum { SYSCALL_EPOLL_DATA = 8 };
#endif

enum { SYSCALL_MEMBERS = 8, SYSCALL_STRUCT_BYTES = 80 /* of a struct, that are read */ };

struct syscall_type {
	const char *name; /* as people know it */
	uint8_t size; /* 1 2 4 8; 0: of a word */
	bool is_signed;
	uint8_t base; /* enum kern_base */
	uint8_t when; /* enum syscall_when */
	uint8_t holds; /* enum syscall_holds */
	const struct kern_labels *labels;
	const struct syscall_member *members; /* up to one of type NONE */
};

extern const struct syscall_type syscall_types[SYSCALL_TYPES_END];

#endif
