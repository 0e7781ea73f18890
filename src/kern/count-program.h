/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_COUNT_PROGRAM_H
#define PISTE_KERN_COUNT_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/asm.h"

/*
 * count-program - the memory that counting system calls goes through, and the
 * two programs that fill it. Pure: code out of a plan, no kernel needed.
 *
 * The tables: for each CPU, one behind the other,
 *
 *	struct count_head			64 bytes
 *	u32 keys[n_slots]			whose slot each is; 0: free
 *	slots[n_slots + COUNT_CALLS]		counters, slot_bytes each
 *
 * A key is a process and a call: tgid << 10 | call. Its slot is one of the
 * COUNT_PROBES that follow its hash, and only its own CPU ever takes one, so
 * nothing here is atomic. When all of them belong to others, the slot of the
 * call alone is used, behind those with a key: no call is ever left out of the
 * count. User space gives back the slots of dead processes by writing 0 to
 * the key; counters never go back.
 *
 * The entries: where each thread entered the kernel, indexed by the low bits of
 * its tid, and tagged with all of them. Two threads may meet in one entry; then
 * the later one is measured, and the other's call is counted as unmeasured.
 */
enum {
	COUNT_CALL_BITS = 10,
	COUNT_CALLS = 1 << COUNT_CALL_BITS,
	COUNT_COMPAT = 1 << (COUNT_CALL_BITS - 1), /* a call by the numbers of 32-bit programs */
	COUNT_PROBES = 8,
	COUNT_UNIT_BITS = 3, /* latencies are put into buckets in units of 8 ns */
	COUNT_HIST_BITS = 3, /* base/hist: 8 buckets to the octave, ± 6.25 % */
	COUNT_BUCKETS = 240, /* the last one: from 32 s on */
};

struct count_head {
	uint64_t others; /* calls that were counted without their process */
	uint64_t rest[7];
};

struct count_slot {
	uint64_t calls; /* that returned */
	uint64_t errors; /* of these, with -errno */
	uint64_t unmeasured; /* of these, whose entry was not seen or overwritten */
	uint64_t sum_ns;
	uint64_t max_ns; /* user space sets it back to 0 */
	/* of the process, when the slot was taken; written by the program before the key */
	uint64_t cgroup;
	char comm[16];
	/* u32 buckets[COUNT_BUCKETS], with latencies */
};
_Static_assert(sizeof(struct count_slot) == 64, "a cache line");

struct count_entry {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint32_t tid; /* 0: not in a call */
	uint32_t key;
};
_Static_assert(sizeof(struct count_entry) == 16, "four to a cache line");

enum { COUNT_MAP_TABLES, COUNT_MAP_ENTRIES }; /* what relocs name: arrays of one value each */

enum { COUNT_MAX_PIDS = 64 };

struct count_plan {
	bool latency;
	unsigned n_cpus;
	unsigned slot_bits, entry_bits; /* log2 of how many there are */
	/* Whose calls: */
	uint32_t left_out_pid; /* tgid; 0: nobody's left out */
	uint32_t pids[COUNT_MAX_PIDS]; /* tgids; */
	size_t n_pids; /* 0: of all */
	uint64_t cgroup; /* an id; 0: of all */
	int cgroup_level; /* how deep it is: the root is 0 */
	/* Offsets in the kernel's structures, from its BTF; negative: it has no such field */
	int regs_call; /* pt_regs: the call's number, */
	unsigned regs_call_bytes; /* 4 or 8 */
	int task_tid, task_tgid; /* task_struct: pid, tgid */
	int task_status; /* task_struct: thread_info.status, where TS_COMPAT is */
};

static inline size_t count_slot_bytes(const struct count_plan *p)
{
	return sizeof(struct count_slot) + (p->latency ? COUNT_BUCKETS * sizeof(uint32_t) : 0);
}

static inline size_t count_slots_offset(const struct count_plan *p)
{
	return sizeof(struct count_head) + ((size_t)sizeof(uint32_t) << p->slot_bits);
}

static inline size_t count_table_bytes(const struct count_plan *p)
{
	return count_slots_offset(p) +
	       (((size_t)1 << p->slot_bits) + COUNT_CALLS) * count_slot_bytes(p);
}

/* Threads with neighbouring ids are at work on several CPUs: their entries lie on different lines. */
static inline uint32_t count_entry_index(uint32_t tid, unsigned entry_bits)
{
	uint32_t low = tid & ((1u << entry_bits) - 1);

	return (low >> (entry_bits - 4)) | (low & ((1u << (entry_bits - 4)) - 1)) << 4;
}

/* BTF programs on sys_enter (with latencies only) and sys_exit; 0 or asm's error. */
int count_emit_enter(struct bpf_asm *a, const struct count_plan *p);
int count_emit_exit(struct bpf_asm *a, const struct count_plan *p);

#endif
