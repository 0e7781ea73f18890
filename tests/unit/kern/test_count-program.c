/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "base/hist.h"
#include "kern/count.h"

static struct count_plan plan(bool latency)
{
	return (struct count_plan){
		.latency = latency,
		.n_cpus = 4,
		.slot_bits = 12,
		.entry_bits = 16,
		.regs_call = 120,
		.regs_call_bytes = 8,
		.task_tid = 1000,
		.task_tgid = 1004,
		.task_status = 16,
	};
}

TEST(entries_of_neighbours_are_apart_and_none_is_shared)
{
	for (unsigned bits = 8; bits <= 16; bits++) {
		static uint8_t taken[1 << 16];

		memset(taken, 0, sizeof(taken));
		for (uint32_t tid = 0; tid < 1u << bits; tid++) {
			uint32_t i = count_entry_index(tid, bits);

			if (!CHECK(i < 1u << bits) || !CHECK(!taken[i]))
				return;
			taken[i] = 1;
		}
		/* more than a line of 64 bytes */
		for (uint32_t tid = 0; tid < 10; tid++)
			CHECK(count_entry_index(tid + 1, bits) >=
			      count_entry_index(tid, bits) + 64 / sizeof(struct count_entry));
	}
}

TEST(code_is_whole_for_every_plan)
{
	for (int variant = 0; variant < 16; variant++) {
		struct count_plan p = plan(variant & 1);
		struct bpf_asm enter = {0}, leave = {0};

		if (variant & 2)
			p.cgroup = 0x123456789abc;
		for (p.n_pids = 0; variant & 4 && p.n_pids < COUNT_MAX_PIDS; p.n_pids++)
			p.pids[p.n_pids] = (uint32_t)p.n_pids + 1;
		if (variant & 8)
			p.task_status = -1;
		CHECK_INT(count_emit_enter(&enter, &p), 0);
		CHECK_INT(count_emit_exit(&leave, &p), 0);
		CHECK(enter.insns.len < 256 && leave.insns.len < 512);
		asm_fini(&enter);
		asm_fini(&leave);
	}
}

TEST(only_latencies_cost_room)
{
	struct count_plan with = plan(true), without = plan(false);

	CHECK_INT(count_slot_bytes(&without), 64);
	CHECK_INT(count_slot_bytes(&with), 1024);
	CHECK_INT(count_slots_offset(&with) % 64, 0);
	CHECK_INT(count_table_bytes(&with) % 64, 0);
}

TEST(buckets_reach_half_a_minute)
{
	CHECK_INT(hist_bucket(UINT32_MAX, COUNT_HIST_BITS), COUNT_BUCKETS - 1);
	CHECK(count_bucket_low_ns(COUNT_BUCKETS - 1) > 30000000000);
	for (unsigned i = 1; i < COUNT_BUCKETS; i++) {
		CHECK(count_bucket_low_ns(i) > count_bucket_low_ns(i - 1));
		CHECK(count_bucket_ns(i - 1) < count_bucket_low_ns(i));
		CHECK(count_bucket_ns(i) >= count_bucket_low_ns(i));
	}
}
