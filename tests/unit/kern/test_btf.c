/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <unistd.h>

#include "kern/btf.h"

/*
 *	struct inner { int a; };
 *	struct outer { u64 first; struct { short b; }; struct inner in; struct inner *p;
 *	               unsigned x : 3, y : 5; char name[16]; };
 *	typedef void (*btf_trace_thing)(void *, struct outer *, int);
 *	enum color { RED = 1, BLUE = -2 };
 */
static const char strings[] = "\0int\0u64\0short\0inner\0a\0outer\0first\0b\0in\0p\0x\0y\0name\0"
			      "unsigned\0char\0btf_trace_thing\0color\0RED\0BLUE\0do_it\0";

static uint32_t name(const char *wanted)
{
	for (size_t i = 1; i < sizeof(strings) - 1; i += strlen(strings + i) + 1)
		if (!strcmp(strings + i, wanted))
			return (uint32_t)i;
	return 0;
}

struct blob {
	uint32_t words[512];
	size_t n;
};

static void type(struct blob *b, const char *own, unsigned kind, bool kflag, unsigned n,
		 uint32_t size)
{
	b->words[b->n++] = own ? name(own) : 0;
	b->words[b->n++] = (uint32_t)kflag << 31 | kind << 24 | n;
	b->words[b->n++] = size;
}

static void words(struct blob *b, uint32_t one, uint32_t two, uint32_t three)
{
	b->words[b->n++] = one;
	b->words[b->n++] = two;
	b->words[b->n++] = three;
}

static void fill(struct blob *b)
{
	type(b, "int", BTF_KIND_INT, false, 0, 4); /* 1 */
	b->words[b->n++] = BTF_INT_SIGNED << 24 | 32;
	type(b, "u64", BTF_KIND_INT, false, 0, 8); /* 2 */
	b->words[b->n++] = 64;
	type(b, "short", BTF_KIND_INT, false, 0, 2); /* 3 */
	b->words[b->n++] = BTF_INT_SIGNED << 24 | 16;
	type(b, "inner", BTF_KIND_STRUCT, false, 1, 4); /* 4 */
	words(b, name("a"), 1, 0);
	type(b, NULL, BTF_KIND_STRUCT, false, 1, 2); /* 5 */
	words(b, name("b"), 3, 0);
	type(b, NULL, BTF_KIND_PTR, false, 0, 4); /* 6 */
	type(b, "unsigned", BTF_KIND_INT, false, 0, 4); /* 7 */
	b->words[b->n++] = 32;
	type(b, "char", BTF_KIND_INT, false, 0, 1); /* 8 */
	b->words[b->n++] = BTF_INT_SIGNED << 24 | 8;
	type(b, NULL, BTF_KIND_ARRAY, false, 0, 0); /* 9 */
	words(b, 8, 7, 16);
	type(b, "outer", BTF_KIND_STRUCT, true, 7, 48); /* 10 */
	words(b, name("first"), 2, 0);
	words(b, 0, 5, 64);
	words(b, name("in"), 12, 96);
	words(b, name("p"), 6, 128);
	words(b, name("x"), 7, 192 | 3 << 24);
	words(b, name("y"), 7, 195 | 5 << 24);
	words(b, name("name"), 9, 224);
	type(b, NULL, BTF_KIND_PTR, false, 0, 10); /* 11 */
	type(b, NULL, BTF_KIND_CONST, false, 0, 4); /* 12: const struct inner */
	type(b, NULL, BTF_KIND_FUNC_PROTO, false, 3, 0); /* 13 */
	b->words[b->n++] = 0, b->words[b->n++] = 6;
	b->words[b->n++] = 0, b->words[b->n++] = 11;
	b->words[b->n++] = 0, b->words[b->n++] = 1;
	type(b, NULL, BTF_KIND_PTR, false, 0, 13); /* 14 */
	type(b, "btf_trace_thing", BTF_KIND_TYPEDEF, false, 0, 14); /* 15 */
	type(b, "color", BTF_KIND_ENUM, true, 2, 4); /* 16 */
	b->words[b->n++] = name("RED"), b->words[b->n++] = 1;
	b->words[b->n++] = name("BLUE"), b->words[b->n++] = (uint32_t)-2;
	type(b, "do_it", BTF_KIND_FUNC, false, 0, 13); /* 17 */
}

static int from_bytes(struct btf_index **out, const void *types, size_t len)
{
	struct btf_header head = {.magic = BTF_MAGIC,
				  .version = 1,
				  .hdr_len = sizeof(head),
				  .type_len = (uint32_t)len,
				  .str_off = (uint32_t)len,
				  .str_len = sizeof(strings)};
	char path[] = "/tmp/piste-btf-XXXXXX";
	int fd = mkstemp(path), err;
	bool is_written = fd >= 0 && write(fd, &head, sizeof(head)) == (ssize_t)sizeof(head) &&
			  write(fd, types, len) == (ssize_t)len &&
			  write(fd, strings, sizeof(strings)) == (ssize_t)sizeof(strings);

	CHECK(is_written);
	err = btf_index_new(out, path, NULL);
	close(fd);
	unlink(path);
	return err;
}

TEST(members)
{
	struct blob b = {0};
	struct btf_index *btf;
	struct btf_place place;
	struct diag diag = {0};

	fill(&b);
	REQUIRE(from_bytes(&btf, b.words, b.n * 4) == 0);
	CHECK_INT(btf_path(btf, "outer.first", &place, NULL), 0);
	CHECK_INT(place.offset, 0);
	CHECK_INT(place.size, 8);
	CHECK(!place.is_signed);
	CHECK_INT(btf_path(btf, "outer.b", &place, NULL), 0);
	CHECK_INT(place.offset, 8);
	CHECK_INT(place.size, 2);
	CHECK(place.is_signed);
	CHECK_INT(btf_path(btf, "outer.in.a", &place, NULL), 0);
	CHECK_INT(place.offset, 12);
	CHECK_INT(btf_path(btf, "outer.p", &place, NULL), 0);
	CHECK(place.is_pointer);
	CHECK_STR(btf_name(btf, place.type), "inner");
	CHECK_INT(btf_path(btf, "outer.y", &place, NULL), 0);
	CHECK_INT(place.offset, 24);
	CHECK_INT(place.bit_offset, 3);
	CHECK_INT(place.bit_size, 5);
	CHECK_INT(btf_path(btf, "outer.name", &place, NULL), 0);
	CHECK(place.is_array);
	CHECK_INT(place.count, 16);
	CHECK_INT(place.item_size, 1);
	CHECK_INT(place.size, 16);

	CHECK_INT(btf_path(btf, "outer.p.a", &place, &diag), -ENOENT);
	REQUIRE(diag.len == 1);
	CHECK_STR(diag.entries[0].message, "struct outer of this kernel has no member p.a");
	CHECK_INT(btf_path(btf, "other.p", &place, &diag), -ENOENT);
	REQUIRE(diag.len == 2);
	CHECK_STR(diag.entries[1].message, "this kernel has no struct other");
	diag_fini(&diag);
	btf_index_free(btf);
}

TEST(tracepoints_enums_functions)
{
	struct blob b = {0};
	struct btf_index *btf;
	struct btf_place place;
	int64_t value;

	fill(&b);
	REQUIRE(from_bytes(&btf, b.words, b.n * 4) == 0);
	CHECK_INT(btf_find(btf, BTF_NAMED_TYPEDEF, "btf_trace_thing"), 15);
	CHECK_INT(btf_find(btf, BTF_NAMED_FUNCTION, "do_it"), 17);
	CHECK_INT(btf_find(btf, BTF_NAMED_FUNCTION, "do_not"), 0);
	CHECK_INT(btf_tracepoint_arguments(btf, "thing"), 2);
	CHECK_INT(btf_tracepoint_arguments(btf, "nothing"), 0);
	CHECK_INT(btf_tracepoint_argument(btf, "thing", 0, &place), 10);
	CHECK_INT(btf_tracepoint_argument(btf, "thing", 1, &place), 0);
	CHECK_INT(place.size, 4);
	CHECK_INT(btf_enum_value(btf, "color", "BLUE", &value), 0);
	CHECK_INT(value, -2);
	CHECK_INT(btf_enum_value(btf, "color", "GREEN", &value), -ENOENT);
	btf_index_free(btf);
}

/* Any cut and any changed byte is refused or read, but never past the end. */
TEST(broken_files)
{
	struct blob whole = {0};
	struct btf_index *btf;
	struct btf_place place;

	fill(&whole);
	for (size_t len = 0; len < whole.n * 4; len += 4)
		if (!from_bytes(&btf, whole.words, len)) {
			btf_path(btf, "outer.in.a", &place, NULL);
			btf_index_free(btf);
		}
	for (size_t i = 0; i < whole.n; i++) {
		struct blob b = whole;

		b.words[i] ^= 0x1f00ffff;
		if (from_bytes(&btf, b.words, b.n * 4))
			continue;
		btf_path(btf, "outer.in.a", &place, NULL);
		btf_path(btf, "outer.name", &place, NULL);
		btf_tracepoint_argument(btf, "thing", 0, &place);
		btf_index_free(btf);
	}
}

TEST(running_kernel)
{
	struct btf_index *btf;
	struct btf_place place;
	struct diag diag = {0};
	uint32_t first;

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		SKIP("this kernel has no BTF");
	REQUIRE(btf_index_new(&btf, NULL, &diag) == 0);
	CHECK_INT(btf_path(btf, "task_struct.pid", &place, &diag), 0);
	CHECK_INT(place.size, 4);
	CHECK_INT(btf_path(btf, "task_struct.se.vruntime", &place, &diag), 0);
	CHECK_INT(place.size, 8);
	CHECK_INT(btf_path(btf, "task_struct.comm", &place, &diag), 0);
	CHECK_INT(place.size, 16);
	CHECK_STR(btf_name(btf, btf_tracepoint_argument(btf, "sched_switch", 1, &place)),
		  "task_struct");
	first = btf_find(btf, BTF_NAMED_FUNCTION, "vfs_read");
	CHECK(first != 0);
	for (int i = 0; i < 10; i++) /* searched for, then looked up */
		CHECK_INT(btf_find(btf, BTF_NAMED_FUNCTION, "vfs_read"), first);
	btf_index_free(btf);
	diag_fini(&diag);
}
