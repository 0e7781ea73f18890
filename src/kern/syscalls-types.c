/* SPDX-License-Identifier: MIT */
#include "kern/syscalls-types.h"

/*
 * Structures, by their places in the kernel's interface: of a native call and of one
 * by a program of 32 bits, whose words are narrower.
 */
#define MEMBERS(set) static const struct syscall_member members_##set[SYSCALL_MEMBERS + 1]

MEMBERS(int) = {{"value", T_INT, 0, 0}};
MEMBERS(status) = {{"value", T_HEX32, 0, 0}};
MEMBERS(offset) = {{"value", T_I64, 0, 0}};
MEMBERS(off_t) = {{"value", T_LONG, 0, 0}};
MEMBERS(mask) = {{"value", T_HEX, 0, 0}};
MEMBERS(sigset) = {{"mask", T_HEX64, 0, 0}};
MEMBERS(fd_pair) = {{"0", T_FD, 0, 0}, {"1", T_FD, 4, 4}};
MEMBERS(sigaction) = {
	{"handler", T_ADDR, 0, 0}, {"flags", T_SIGNAL_FLAGS, 8, 4}, {"mask", T_HEX64, 24, 12}};
MEMBERS(siginfo) = {{"signo", T_SIGNAL, 0, 0},
		    {"code", T_INT, 8, 8},
		    {"pid", T_PID, 16, 12},
		    {"uid", T_UID, 20, 16},
		    {"status", T_INT, 24, 20}};
MEMBERS(timespec) = {{"sec", T_LONG, 0, 0}, {"nsec", T_LONG, 8, 4}};
MEMBERS(timespecs) = {{"0_sec", T_LONG, 0, 0},
		      {"0_nsec", T_LONG, 8, 4},
		      {"1_sec", T_LONG, 16, 8},
		      {"1_nsec", T_LONG, 24, 12}};
MEMBERS(timespec64) = {{"sec", T_I64, 0, 0}, {"nsec", T_I64, 8, 8}};
MEMBERS(timespecs64) = {{"0_sec", T_I64, 0, 0},
			{"0_nsec", T_I64, 8, 8},
			{"1_sec", T_I64, 16, 16},
			{"1_nsec", T_I64, 24, 24}};
MEMBERS(timeval) = {{"sec", T_LONG, 0, 0}, {"usec", T_LONG, 8, 4}};
MEMBERS(timevals) = {{"0_sec", T_LONG, 0, 0},
		     {"0_usec", T_LONG, 8, 4},
		     {"1_sec", T_LONG, 16, 8},
		     {"1_usec", T_LONG, 24, 12}};
MEMBERS(utimbuf) = {{"actime", T_LONG, 0, 0}, {"modtime", T_LONG, 8, 4}};
MEMBERS(itimerspec) = {{"interval_sec", T_LONG, 0, 0},
		       {"interval_nsec", T_LONG, 8, 4},
		       {"value_sec", T_LONG, 16, 8},
		       {"value_nsec", T_LONG, 24, 12}};
MEMBERS(itimerspec64) = {{"interval_sec", T_I64, 0, 0},
			 {"interval_nsec", T_I64, 8, 8},
			 {"value_sec", T_I64, 16, 16},
			 {"value_nsec", T_I64, 24, 24}};
MEMBERS(itimerval) = {{"interval_sec", T_LONG, 0, 0},
		      {"interval_usec", T_LONG, 8, 4},
		      {"value_sec", T_LONG, 16, 8},
		      {"value_usec", T_LONG, 24, 12}};
MEMBERS(rlimit) = {{"cur", T_HEX, 0, 0}, {"max", T_HEX, 8, 4}};
MEMBERS(rlimit64) = {{"cur", T_HEX64, 0, 0}, {"max", T_HEX64, 8, 8}};
MEMBERS(open_how) = {
	{"flags", T_OPEN_FLAGS64, 0, 0}, {"mode", T_MODE, 8, 8}, {"resolve", T_RESOLVE, 16, 16}};
MEMBERS(clone_args) = {{"flags", T_CLONE_FLAGS64, 0, 0},
		       {"exit_signal", T_SIGNAL, 32, 32},
		       {"stack", T_HEX64, 40, 40},
		       {"stack_size", T_U64, 48, 48},
		       {"tls", T_HEX64, 56, 56}};
MEMBERS(epoll_event) = {{"events", T_POLL_EVENTS, 0, 0}, {"data", T_HEX64, SYSCALL_EPOLL_DATA, 4}};
MEMBERS(sched_param) = {{"sched_priority", T_INT, 0, 0}};
MEMBERS(sched_attr) = {{"policy", T_SCHED_POLICY, 4, 4}, {"flags", T_SCHED_FLAGS64, 8, 8},
		       {"nice", T_INT, 16, 16},          {"priority", T_UINT, 20, 20},
		       {"runtime", T_U64, 24, 24},       {"deadline", T_U64, 32, 32},
		       {"period", T_U64, 40, 40}};
MEMBERS(perf_attr) = {{"type", T_PERF_TYPE, 0, 0},
		      {"config", T_HEX64, 8, 8},
		      {"sample_period", T_U64, 16, 16},
		      {"sample_type", T_HEX64, 24, 24}};
MEMBERS(uring_params) = {{"cq_entries", T_UINT, 4, 4}, {"flags", T_URING_SETUP, 8, 8}};
MEMBERS(mount_attr) = {{"set", T_MOUNT_ATTRS64, 0, 0}, {"clr", T_MOUNT_ATTRS64, 8, 8}};
MEMBERS(range) = {{"off", T_U64, 0, 0}, {"len", T_U64, 8, 8}};
MEMBERS(message) = {{"name", T_ADDR, 0, 0},
		    {"namelen", T_INT, 8, 4},
		    {"iov", T_ADDR, 16, 8},
		    {"iovlen", T_SIZE, 24, 12},
		    {"controllen", T_SIZE, 40, 20}};

enum { WORD = 0, SIGNED = true, UNSIGNED = false };
enum { NEVER = SYSCALL_NEVER, IN = SYSCALL_IN, OUT = SYSCALL_OUT };

const struct syscall_type syscall_types[SYSCALL_TYPES_END] = {
#define NUMBER(id, known_as, bytes, sign, base, labels)                                            \
	[T_##id] = {known_as, bytes, sign, KERN_##base, NEVER, SYSCALL_NUMBER, labels, NULL},
#define POINTER(id, known_as, when, holds, members)                                                \
	[T_##id] = {known_as, WORD, UNSIGNED, KERN_HEX, when, SYSCALL_##holds, NULL, members},
	SYSCALL_TYPES(NUMBER, POINTER)};
