/* SPDX-License-Identifier: MIT */
/*
 * Block requests. `rq` is the request's address: the same from insertion to
 * completion, and then used again.
 */
#include "kern/btf.h"
#include "kern/tables.h"

/* r0 = dev_t of a disk: as in user space's 32-bit form within the kernel, major << 20 | minor */
static void request_device(struct kern_emit *e, const struct table_event *event)
{
	const struct btf_index *btf = e->build->btf;
	struct btf_place queue, disk, major, minor;
	struct bpf_asm *a = &e->a;

	(void)event;
	if (btf_path(btf, "request.q", &queue, NULL) ||
	    btf_path(btf, "request_queue.disk", &disk, NULL) ||
	    btf_path(btf, "gendisk.major", &major, NULL) ||
	    btf_path(btf, "gendisk.first_minor", &minor, NULL)) {
		asm_mov_imm(a, BPF_REG_0, 0);
		return;
	}
	table_load_argument(e, 0);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_0, (int)queue.offset);
	asm_load(a, BPF_DW, BPF_REG_1, BPF_REG_1, (int)disk.offset);
	asm_load(a, BPF_W, BPF_REG_0, BPF_REG_1, (int)major.offset);
	asm_load(a, BPF_W, BPF_REG_1, BPF_REG_1, (int)minor.offset);
	asm_alu_imm(a, BPF_LSH, BPF_REG_0, 20);
	asm_alu(a, BPF_OR, BPF_REG_0, BPF_REG_1);
}

#define OPERATION(where)                                                                           \
	U8("op", where, .mask = 0xff, .labels_from = "req_op:REQ_OP_"),                            \
		HEX64("flags", where, .shift = 8, .mask = 0xffffff)

#define REQUEST                                                                                    \
	U32("dev", NULL, .code = request_device, .field.type = "dev_t"), U64("sector", "0.__sector")

static const struct table_field request_fields[] = {
	REQUEST,
	U32("nr_sector", "0.__data_len", .shift = 9),
	U32("bytes", "0.__data_len"),
	OPERATION("0.cmd_flags"),
	HEX64("rq", "0"),
};

static const struct table_field complete_fields[] = {
	REQUEST,
	U32("nr_sector", "2", .shift = 9),
	U8("status", "1", .mask = 0xff), /* blk_status_t: 0 when it went well */
	OPERATION("0.cmd_flags"),
	HEX64("rq", "0"),
};

static const struct table_field bio_fields[] = {
	U32("dev", "0.bi_bdev->bd_dev", .field.type = "dev_t"),
	U64("sector", "0.bi_iter.bi_sector"),
	U32("nr_sector", "0.bi_iter.bi_size", .shift = 9),
	OPERATION("0.bi_opf"),
	HEX64("bio", "0"),
};

static const struct table_event events[] = {
	{
		.name = "block:block_rq_insert",
		.lttng_name = "block_rq_insert",
		.tracepoint = "block_rq_insert",
		TABLE_FIELDS(request_fields),
		.is_default = true,
		.scope = TABLE_OBJECT,
	},
	{
		.name = "block:block_rq_issue",
		.lttng_name = "block_rq_issue",
		.tracepoint = "block_rq_issue",
		TABLE_FIELDS(request_fields),
		.is_default = true,
		.scope = TABLE_OBJECT,
	},
	{
		.name = "block:block_rq_requeue",
		.lttng_name = "block_rq_requeue",
		.tracepoint = "block_rq_requeue",
		TABLE_FIELDS(request_fields),
		.is_default = true,
		.scope = TABLE_OBJECT,
	},
	{
		.name = "block:block_rq_complete",
		.lttng_name = "block_rq_complete",
		.tracepoint = "block_rq_complete",
		TABLE_FIELDS(complete_fields),
		.is_default = true,
		.scope = TABLE_OBJECT_END,
	},
	{
		.name = "block:block_bio_queue",
		.lttng_name = "block_bio_queue",
		.tracepoint = "block_bio_queue",
		TABLE_FIELDS(bio_fields),
		.is_default = true,
	},
};

const struct table table_block = {events, sizeof(events) / sizeof(*events)};
