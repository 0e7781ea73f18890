/* SPDX-License-Identifier: MIT */
/*
 * A kernel's types: any file is refused or read, and whatever is then asked is answered.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/btf.h"

static void ask(const char *name, uint32_t id, void *arg)
{
	const struct btf_index *btf = arg;
	struct btf_place place;
	const char *label;
	int64_t value;

	btf_member(btf, id, name, &place);
	btf_member(btf, id, "a.b", &place);
	btf_tracepoint_argument(btf, name, 0, &place);
	for (int i = 0; i < btf_parameters(btf, id); i++)
		btf_parameter(btf, id, (unsigned)i, &place);
	btf_return(btf, id, &place);
	for (unsigned i = 0; btf_enum_label(btf, id, i, &label, &value); i++)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct btf_index *btf;
	char path[64];
	int fd = memfd_create("btf", MFD_CLOEXEC);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0 && !fs_write_all(fd, data, size) && !btf_index_new(&btf, path, NULL)) {
		for (int kind = BTF_NAMED_STRUCT; kind <= BTF_NAMED_ENUM; kind++) {
			btf_each(btf, (enum btf_named)kind, ask, btf);
			btf_find(btf, (enum btf_named)kind, "a");
		}
		btf_index_free(btf);
	}
	close_fdp(&fd);
	return 0;
}
