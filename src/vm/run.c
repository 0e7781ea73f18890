/* SPDX-License-Identifier: MIT */
/*
 * The interpreter: one instruction a turn, every access through vm_reach.
 */
#include <errno.h>
#include <string.h>

#include "vm/private.h"

enum { DEFAULT_BUDGET = 1000000 };

static uint64_t load(const uint8_t *at, uint8_t size)
{
	uint64_t value = 0;

	/* little endian, as all machines that this is built for */
	switch (size) {
	case BPF_B:
		return *at;
	case BPF_H:
		memcpy(&value, at, 2);
		return value;
	case BPF_W:
		memcpy(&value, at, 4);
		return value;
	default:
		memcpy(&value, at, 8);
		return value;
	}
}

static const uint8_t bytes_of[256] = {[BPF_B] = 1, [BPF_H] = 2, [BPF_W] = 4, [BPF_DW] = 8};

static uint64_t swap(uint64_t value, int bits)
{
	switch (bits) {
	case 16:
		return __builtin_bswap16((uint16_t)value);
	case 32:
		return __builtin_bswap32((uint32_t)value);
	default:
		return __builtin_bswap64(value);
	}
}

static uint64_t alu64(const struct bpf_insn *i, uint64_t a, uint64_t b)
{
	switch (BPF_OP(i->code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_OR:
		return a | b;
	case BPF_AND:
		return a & b;
	case BPF_LSH:
		return a << (b & 63);
	case BPF_RSH:
		return a >> (b & 63);
	case BPF_NEG:
		return -a;
	case BPF_MOD:
		return b ? a % b : a;
	case BPF_XOR:
		return a ^ b;
	case BPF_MOV:
		return b;
	default: /* BPF_ARSH */
		return (uint64_t)((int64_t)a >> (b & 63));
	}
}

static uint32_t alu32(const struct bpf_insn *i, uint32_t a, uint32_t b)
{
	switch (BPF_OP(i->code)) {
	case BPF_DIV:
		return b ? a / b : 0;
	case BPF_MOD:
		return b ? a % b : a;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	case BPF_ARSH:
		return (uint32_t)((int32_t)a >> (b & 31));
	default:
		return (uint32_t)alu64(i, a, b);
	}
}

static bool jumps(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_JA:
		return true;
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JSET:
		return (a & b) != 0;
	case BPF_JNE:
		return a != b;
	case BPF_JSGT:
		return (int64_t)a > (int64_t)b;
	case BPF_JSGE:
		return (int64_t)a >= (int64_t)b;
	case BPF_JLT:
		return a < b;
	case BPF_JLE:
		return a <= b;
	case BPF_JSLT:
		return (int64_t)a < (int64_t)b;
	default: /* BPF_JSLE */
		return (int64_t)a <= (int64_t)b;
	}
}

static void atomic(const struct bpf_insn *i, uint8_t *at, uint64_t *src)
{
	uint8_t size = BPF_SIZE(i->code);
	uint64_t before = load(at, size), after;

	switch (i->imm & ~BPF_FETCH) {
	case BPF_ADD:
		after = before + *src;
		break;
	case BPF_OR:
		after = before | *src;
		break;
	case BPF_AND:
		after = before & *src;
		break;
	default:
		after = before ^ *src;
	}
	memcpy(at, &after, bytes_of[size]);
	if (i->imm & BPF_FETCH)
		*src = before;
}

static int interpret(struct vm *vm, const struct vm_program *p, uint64_t *r)
{
	uint64_t budget = vm->options.max_insns ? vm->options.max_insns : DEFAULT_BUDGET;
	const struct bpf_insn *i = p->insns;
	uint64_t b, value;
	uint8_t *at;
	int err;

	for (; budget; budget--, i++) {
		uint8_t code = i->code, size = bytes_of[BPF_SIZE(code)];

		switch (BPF_CLASS(code)) {
		case BPF_ALU64:
			b = BPF_SRC(code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;
			r[i->dst_reg] = alu64(i, r[i->dst_reg], b);
			break;
		case BPF_ALU:
			if (BPF_OP(code) == BPF_END) {
				/* to big endian, or to little, which cuts only */
				value = r[i->dst_reg];
				if (BPF_SRC(code) == BPF_X)
					value = swap(value, i->imm);
				r[i->dst_reg] = i->imm == 64 ? value
							     : value & ((1ull << i->imm) - 1);
				break;
			}
			b = BPF_SRC(code) == BPF_X ? r[i->src_reg] : (uint32_t)i->imm;
			r[i->dst_reg] = alu32(i, (uint32_t)r[i->dst_reg], (uint32_t)b);
			break;
		case BPF_LD:
			r[i->dst_reg] = (uint32_t)i->imm | (uint64_t)(uint32_t)i[1].imm << 32;
			i++;
			break;
		case BPF_LDX:
			at = vm_reach(vm, r[i->src_reg] + (uint64_t)(int64_t)i->off, size, false);
			if (!at)
				return -EFAULT;
			r[i->dst_reg] = load(at, BPF_SIZE(code));
			break;
		case BPF_ST:
		case BPF_STX:
			at = vm_reach(vm, r[i->dst_reg] + (uint64_t)(int64_t)i->off, size, true);
			if (!at)
				return -EFAULT;
			if (BPF_CLASS(code) == BPF_STX && BPF_MODE(code) == BPF_ATOMIC) {
				atomic(i, at, &r[i->src_reg]);
				break;
			}
			value = BPF_CLASS(code) == BPF_ST ? (uint64_t)(int64_t)i->imm
							  : r[i->src_reg];
			memcpy(at, &value, size);
			break;
		default:
			if (code == (BPF_JMP | BPF_EXIT))
				return 0;
			if (code == (BPF_JMP | BPF_CALL)) {
				err = vm_call_helper(vm, i->imm, r + 1, &r[0]);
				if (err)
					return err;
				break;
			}
			b = BPF_SRC(code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;
			value = r[i->dst_reg];
			if (BPF_CLASS(code) == BPF_JMP32) {
				value = (uint64_t)(int64_t)(int32_t)value;
				b = (uint64_t)(int64_t)(int32_t)b;
			}
			if (jumps(BPF_OP(code), value, b))
				i += i->off;
		}
	}
	return -ETIME;
}

int vm_run(struct vm *vm, const struct vm_program *p, void *context, size_t context_size,
	   const struct vm_event *event, uint64_t *result)
{
	uint64_t stack[VM_STACK_BYTES / 8] = {0}, r[11] = {0};
	int err;

	vm->event = event;
	vm->regions[VM_REGION_STACK] = (struct vm_region){(uint8_t *)stack, sizeof(stack), false};
	vm->regions[VM_REGION_CONTEXT] = (struct vm_region){context, context_size, true};
	r[1] = vm_pointer(VM_REGION_CONTEXT, 0);
	r[10] = vm_pointer(VM_REGION_STACK, VM_STACK_BYTES);
	err = interpret(vm, p, r);
	vm->record_size = 0; /* one that was not submitted is gone */
	vm->regions[VM_REGION_RECORD] = (struct vm_region){0};
	vm->regions[VM_REGION_STACK] = (struct vm_region){0};
	vm->regions[VM_REGION_CONTEXT] = (struct vm_region){0};
	if (result)
		*result = r[0];
	return err;
}
