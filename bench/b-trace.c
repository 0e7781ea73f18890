/* SPDX-License-Identifier: MIT */
/*
 * trace - writes a CTF trace with as many streams as asked for.
 *
 *	b-trace DIR STREAMS EVENTS RUN
 *
 * EVENTS in all, in the form of LTTng's large header with one int64, in
 * packets of 32 KiB. The streams take turns of RUN events, so that readers
 * must go from one to the next so often.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PACKET_BYTES = 32768, EVENT_BYTES = 14, HEADER_BYTES = 8 + 4 * 8 };

static const char metadata[] =
	"/* CTF 1.8 */\n"
	"typealias integer { size = 64; align = 8; } := u64;\n"
	"typealias integer { size = 32; align = 8; } := u32;\n"
	"clock { name = monotonic; freq = 1000000000; };\n"
	"typealias integer { size = 64; align = 8; map = clock.monotonic.value; } := time;\n"
	"trace { major = 1; minor = 8; byte_order = le;\n"
	"  packet.header := struct { u32 magic; u32 stream_id; }; };\n"
	"stream { id = 0;\n"
	"  packet.context := struct { time timestamp_begin; time timestamp_end; u64 content_size;\n"
	"    u64 packet_size; };\n"
	"  event.header := struct {\n"
	"    enum : integer { size = 16; align = 8; } { compact = 0 ... 65534, extended = 65535 } id;\n"
	"    variant <id> {\n"
	"      struct { integer { size = 32; align = 8; map = clock.monotonic.value; } timestamp; } compact;\n"
	"      struct { u32 id; time timestamp; } extended; } v; } align(8); };\n"
	"event { name = \"bench:one\"; id = 0; stream_id = 0;\n"
	"  fields := struct { integer { size = 64; align = 8; signed = true; } n; }; };\n"
	"event { name = \"bench:none\"; id = 1; stream_id = 0; fields := struct { u32 n; }; };\n";

static uint8_t packet[PACKET_BYTES];

static void put(size_t at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		packet[at + i] = (uint8_t)(value >> (8 * i));
}

static FILE *create(const char *dir, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

/* Event i of a stream: when it is its turn. */
static uint64_t time_of(uint64_t i, uint64_t stream, uint64_t streams, uint64_t run)
{
	return 1000 * ((i / run * streams + stream) * run + i % run);
}

static void write_stream(const char *dir, uint64_t stream, uint64_t streams, uint64_t events,
			 uint64_t run)
{
	char name[32];
	uint64_t i = 0;

	snprintf(name, sizeof(name), "ch_%04u", (unsigned)stream);
	FILE *f = create(dir, name);
	while (i < events) {
		uint64_t n = (PACKET_BYTES - HEADER_BYTES) / EVENT_BYTES;
		size_t at = HEADER_BYTES;

		n = n < events - i ? n : events - i;
		memset(packet, 0, sizeof(packet));
		put(0, 0xc1fc1fc1, 4);
		put(8, time_of(i, stream, streams, run), 8);
		put(16, time_of(i + n - 1, stream, streams, run), 8);
		put(24, (HEADER_BYTES + n * EVENT_BYTES) * 8, 8);
		put(32, PACKET_BYTES * 8, 8);
		for (uint64_t k = 0; k < n; k++, i++, at += EVENT_BYTES) {
			put(at + 2, time_of(i, stream, streams, run) & 0xffffffff, 4);
			put(at + 6, i, 8);
		}
		fwrite(packet, 1, sizeof(packet), f);
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fputs("usage: b-trace DIR STREAMS EVENTS RUN\n", stderr);
		return 2;
	}
	uint64_t streams = strtoull(argv[2], NULL, 0), events = strtoull(argv[3], NULL, 0);
	uint64_t run = strtoull(argv[4], NULL, 0);

	mkdir(argv[1], 0777);
	FILE *f = create(argv[1], "metadata");
	fputs(metadata, f);
	fclose(f);
	for (uint64_t s = 0; s < streams; s++)
		write_stream(argv[1], s, streams, events / streams, run);
	return 0;
}
