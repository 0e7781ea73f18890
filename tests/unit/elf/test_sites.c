/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "elf/sites.h"
#include "piste/wire/describe.h"

/*
 * This program is what is read: it has sites as piste.h makes them, three
 * gates of which two are copies of one.
 */
#define SITE_TEXT "shop\0order\0src/shop.c\0order, id\0"
struct test_site {
	struct piste_site site;
	char text[sizeof(SITE_TEXT)];
};
struct test_site elf_test_site_a = {
	{PISTE_SITE_ABI,
	 PISTE_SITE_EVENT,
	 PISTE_INFO,
	 PISTE_ID_NONE,
	 0,
	 1,
	 7,
	 sizeof(SITE_TEXT),
	 {PISTE_CODE(PISTE_T_S32, PISTE_S_ONE, 0)}},
	SITE_TEXT,
};
struct test_site elf_test_site_b = {
	{PISTE_SITE_ABI,
	 PISTE_SITE_EVENT,
	 PISTE_DEBUG,
	 PISTE_ID_NONE,
	 0,
	 0,
	 9,
	 sizeof(SITE_TEXT),
	 {0}},
	SITE_TEXT,
};
__asm__(".pushsection piste_sites,\"a\",%progbits\n\t"
	".balign 8\n\t"
	".long 0\n\t.long elf_test_site_b - .\n\t"
	".long 0\n\t.long elf_test_site_a - .\n\t"
	".long 0\n\t.long elf_test_site_b - .\n\t"
	".popsection");
static const uint8_t test_types[24]
	__attribute__((section("piste_types"), used, aligned(8))) = {'x', 'y'};

static struct span own_image(void)
{
	char *data = NULL;
	size_t len = 0;

	CHECK_INT(fs_read_file(AT_FDCWD, "/proc/self/exe", 1u << 30, &data, &len), 0);
	return (struct span){(uint8_t *)data, len};
}

TEST(own_sites)
{
	struct elf_sites sites;
	struct diag diag = {0};
	uint32_t lines = 0, gates = 0;

	REQUIRE(elf_sites_read(&sites, "/proc/self/exe", &diag) == 0);
	CHECK_INT(sites.len, 2);
	CHECK_INT(sites.broken, 0);
	for (size_t i = 0; i < sites.len; i++) {
		struct piste_view view;

		REQUIRE(piste_describe_site(elf_site_head(&sites.items[i]),
					    sites.items[i].bytes.len, &view) == 0);
		CHECK_STR(view.name, "order");
		CHECK(sites.items[i].address);
		CHECK_INT(sites.items[i].gates, view.line == 9 ? 2 : 1);
		lines += view.line;
		gates += sites.items[i].gates;
	}
	CHECK_INT(lines, 16);
	CHECK_INT(gates, 3);
	CHECK_INT(sites.types.len, sizeof(test_types));
	CHECK_STR((const char *)sites.types.data, "xy");
	CHECK_INT((uintptr_t)sites.types.data % 8, 0);
	CHECK_INT(diag.len, 0);
	elf_sites_fini(&sites);
	elf_sites_fini(&sites);
}

static void check_refused(const char *path, const char *why)
{
	struct elf_sites sites;
	struct diag diag = {0};

	CHECK(elf_sites_read(&sites, path, &diag) < 0);
	REQUIRE(diag.len == 1);
	if (!CHECK(strstr(diag.entries[0].message, why)))
		printf("# %s: %s\n", path, diag.entries[0].message);
	diag_fini(&diag);
}

TEST(what_is_no_elf_file)
{
	check_refused("/", "is a directory");
	check_refused("/dev/null", "is not a file");
	check_refused("/proc/self/status", "is not an ELF file");
	check_refused("/nowhere/at/all", "No such file");
}

static int read_image(struct span image, struct diag *diag)
{
	struct elf_sites sites;
	int rc = elf_sites_read_memory(&sites, image, "image", diag);

	if (!rc)
		elf_sites_fini(&sites);
	return rc;
}

static void check_image(struct span image, size_t at, uint8_t value, const char *why)
{
	struct diag diag = {0};
	uint8_t *byte = (uint8_t *)(uintptr_t)image.data + at, before = *byte;

	*byte = value;
	CHECK_INT(read_image(image, &diag), -EINVAL);
	REQUIRE(diag.len == 1);
	CHECK(strstr(diag.entries[0].message, why));
	*byte = before;
	diag_fini(&diag);
}

TEST(other_machines)
{
	struct span image = own_image();
	struct diag diag = {0};
	Elf64_Ehdr *header = (void *)(uintptr_t)image.data;

	REQUIRE(image.len > sizeof(*header));
	check_image(image, EI_DATA, ELFDATA2MSB, "big-endian");
	check_image(image, EI_CLASS, ELFCLASS32, "32-bit");
	check_image(image, 0, 'x', "not an ELF file");
	header->e_shoff = 0;
	header->e_shnum = header->e_shstrndx = 0;
	CHECK_INT(read_image(image, &diag), -EINVAL);
	CHECK(diag.len == 1 && strstr(diag.entries[0].message, "no section headers"));
	diag_fini(&diag);
	free((void *)(uintptr_t)image.data);
}

/* Every length that a download may have stopped at. */
TEST(cut_files)
{
	struct span image = own_image();

	for (size_t len = image.len; len; len -= len > 4096 ? len / 64 : 1) {
		struct diag diag = {0};
		uint8_t *cut = malloc(len);

		REQUIRE(cut);
		memcpy(cut, image.data, len);
		read_image((struct span){cut, len}, &diag);
		free(cut);
		diag_fini(&diag);
	}
	free((void *)(uintptr_t)image.data);
}

TEST(flipped_bytes_in_headers)
{
	struct span image = own_image();
	uint8_t *bytes = (uint8_t *)(uintptr_t)image.data;
	Elf64_Ehdr header;
	uint64_t x = 88172645463325252ull;

	REQUIRE(image.len > sizeof(header));
	memcpy(&header, bytes, sizeof(header));
	for (int i = 0; i < 3000; i++) {
		struct diag diag = {0};
		uint8_t before[4];
		size_t at[4];

		for (int k = 0; k < 4; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			at[k] = x & 1 ? (x >> 8) % sizeof(header)
				      : header.e_shoff + (x >> 8) % (header.e_shnum * 64u);
			before[k] = bytes[at[k]];
			bytes[at[k]] = (uint8_t)(x >> 40);
		}
		read_image(image, &diag);
		for (int k = 4; k--;)
			bytes[at[k]] = before[k];
		diag_fini(&diag);
	}
	free(bytes);
}
