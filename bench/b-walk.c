/* SPDX-License-Identifier: MIT */
/*
 * walk - the floor of reading: a loop written by hand for the one layout that
 * the traces of this benchmark have, which counts events by class and follows
 * their clock.
 *
 *	b-walk FILE…		(streams, no indexes) prints {"events":…,"bytes":…,"ns":…,"scan_ns":…}
 *
 * `ns` is the processor time of the walk, `scan_ns` that of adding up all the
 * bytes, eight at a time: both with the file mapped in before.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/* LTTng-UST 2.13: packet header and context, and the sizes of bench:one and bench:three. */
enum { HEADER_BYTES = 84, CONTENT_AT = 48, PACKET_AT = 56, N_CLASSES = 4 };

static uint64_t counts[N_CLASSES], newest;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t load(const uint8_t *p, size_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes);
	return v;
}

static void walk_packet(const uint8_t *p, const uint8_t *end)
{
	uint64_t clock = load(p + 32, 8);

	for (p += HEADER_BYTES; p < end;) {
		uint64_t id = load(p, 2);

		if (id == 65535) {
			id = load(p + 2, 4);
			clock = load(p + 6, 8);
			p += 14;
		} else {
			uint64_t t = load(p + 2, 4), then = clock & 0xffffffff;

			clock = (clock & ~0xffffffffull) | t;
			clock += t < then ? 1ull << 32 : 0;
			p += 6;
		}
		counts[id % N_CLASSES]++;
		p += 8;
		if (id == 1)
			p += strlen((const char *)p) + 1 + 8;
	}
	newest = clock;
}

static uint64_t scan(const uint8_t *p, size_t size)
{
	uint64_t sum = 0;

	for (size_t at = 0; at + 8 <= size; at += 8)
		sum += load(p + at, 8);
	return sum;
}

int main(int argc, char **argv)
{
	uint64_t events = 0, bytes = 0, ns = 0, scan_ns = 0, sum = 0;

	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) || !st.st_size)
			continue;
		size_t size = (size_t)st.st_size;
		const uint8_t *file = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
		if (file == MAP_FAILED)
			return 1;
		sum += scan(file, size); /* so that neither is the first to touch it */
		uint64_t begin = now_ns();
		sum += scan(file, size);
		scan_ns += now_ns() - begin;
		begin = now_ns();
		for (size_t at = 0; at + HEADER_BYTES < size;) {
			walk_packet(file + at, file + at + load(file + at + CONTENT_AT, 8) / 8);
			at += load(file + at + PACKET_AT, 8) / 8;
		}
		ns += now_ns() - begin;
		bytes += size;
		munmap((void *)file, size);
	}
	for (int i = 0; i < N_CLASSES; i++)
		events += counts[i];
	printf("{\"events\":%llu,\"bytes\":%llu,\"ns\":%llu,\"scan_ns\":%llu,\"check\":%llu}\n",
	       (unsigned long long)events, (unsigned long long)bytes, (unsigned long long)ns,
	       (unsigned long long)scan_ns, (unsigned long long)(sum + newest));
	return 0;
}
