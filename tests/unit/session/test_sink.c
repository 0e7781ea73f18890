/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "session/flight.h"
#include "session/model.h"
#include "session/sink.h"

static char dir[64];
static const uint8_t uuid[16] = {1, 2, 3};
static struct str metadata;

static struct sink *new_sink(void)
{
	struct sink *s = NULL;

	strcpy(dir, "/tmp/piste-unit-XXXXXX");
	CHECK(mkdtemp(dir));
	CHECK_INT(sink_open(&s, dir, uuid), 0);
	str_add(&metadata, "metadata");
	return s;
}

static void end(struct sink *s)
{
	sink_free(s);
	fs_remove_tree(dir);
	str_fini(&metadata);
}

static struct packet packet(uint64_t begin, uint64_t last, uint32_t size)
{
	static _Alignas(4096) uint8_t memory[65536];

	return (struct packet){
		.stream = 1,
		.begin = begin,
		.end = last,
		.events = 1,
		.data = memory + PISTE_CHUNK_HEADER,
		.size = size,
		.slot = -1,
		.pid = 5,
		.tid = 6,
		.procname = "shop",
	};
}

static void add(struct sink *s, struct packet p)
{
	CHECK_INT(sink_add(s, &p), 0);
}

static struct span file(const char *name)
{
	char path[128];
	struct span span;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	CHECK_INT(fs_map(AT_FDCWD, path, &span), 0);
	return span;
}

static const struct packet_head *head(struct span s, size_t at)
{
	static const struct packet_head none;

	CHECK(at + sizeof(struct packet_head) <= s.len);
	if (at + sizeof(struct packet_head) > s.len)
		return &none;
	return (const struct packet_head *)(const void *)(s.data + at);
}

TEST(overlapping_packets_get_lanes_of_their_own)
{
	struct sink *s = new_sink();
	struct sink_totals t;
	struct span f;

	add(s, packet(10, 20, 20));
	add(s, packet(15, 25, 22)); /* overlaps */
	add(s, packet(20, 30, 20)); /* behind the first */
	add(s, packet(25, 40, 20)); /* behind the second */
	CHECK_INT(sink_flush(s, &metadata, true), 0);
	sink_totals(s, &t);
	CHECK_INT(t.files, 2);
	CHECK_INT(t.events, 4);
	f = file("stream-1-0");
	CHECK_INT(head(f, 0)->magic, PACKET_MAGIC);
	CHECK_INT(head(f, 0)->content_bits, (136 + 20) * 8);
	CHECK_INT(head(f, 0)->packet_bits, 160 * 8);
	CHECK_INT(head(f, 160)->timestamp_begin, 20);
	CHECK_INT(head(f, 160)->packet_seq_num, 1);
	CHECK_INT(f.len, 320);
	fs_unmap(&f);
	f = file("stream-1-1");
	CHECK_INT(f.len, 320);
	CHECK_INT(head(f, 160)->timestamp_begin, 25);
	fs_unmap(&f);
	end(s);
}

TEST(full_chunks_are_whole_pages)
{
	struct sink *s = new_sink();
	struct packet p = packet(10, 20, 65536 - 136 - 20);
	struct span f;

	p.is_chunk = true;
	for (uint32_t i = 0; i < p.size; i++)
		((uint8_t *)(uintptr_t)p.data)[i] = (uint8_t)(i * 7);
	add(s, p);
	p.begin = p.end = 30;
	add(s, p);
	CHECK_INT(sink_flush(s, &metadata, true), 0);
	f = file("stream-1-0");
	CHECK_INT(f.len, 2 * 65536);
	CHECK_INT(head(f, 65536)->content_bits, (65536 - 20) * 8);
	CHECK_MEM(f.data + 136, p.data, p.size);
	CHECK_MEM(f.data + 65536 + 136, p.data, p.size);
	fs_unmap(&f);
	end(s);
}

TEST(cpus_never_share_a_file)
{
	struct sink *s = new_sink();
	struct packet p = packet(10, 20, 24);
	struct sink_totals t;
	struct span f;

	p.is_kernel = true;
	for (uint64_t i = 0; i < 4; i++) {
		p.track = i % 2;
		p.cpu = 3 * p.track;
		p.begin = p.end = 10 + 10 * i;
		p.lost = i == 3;
		add(s, p);
	}
	CHECK_INT(sink_end_lanes(s, 100), 0);
	CHECK_INT(sink_flush(s, &metadata, true), 0);
	sink_totals(s, &t);
	CHECK_INT(t.files, 2);
	f = file("stream-1-0");
	CHECK_INT(f.len, 2 * 144);
	CHECK_INT(head(f, 0)->content_bits, (116 + 24) * 8);
	CHECK_INT(head(f, 144)->pid, 0);
	CHECK_INT(head(f, 144)->packet_seq_num, 1);
	CHECK_MEM(f.data + 116, p.data, p.size);
	fs_unmap(&f);
	f = file("stream-1-1");
	CHECK_INT(f.len, 2 * 144 + 120);
	CHECK_INT(head(f, 144)->pid, 3);
	CHECK_INT(head(f, 144)->events_discarded, 0);
	memcpy(&p.begin, f.data + 2 * 144 + 96, 8); /* the head is cut where a kernel's ends */
	CHECK_INT(p.begin, 1);
	fs_unmap(&f);
	end(s);
}

TEST(losses_stand_between_two_packets)
{
	struct sink *s = new_sink();
	struct packet p = packet(10, 20, 24);
	struct span f;

	p.lost = 7;
	add(s, p);
	p.begin = p.end = 30;
	p.lost = 2;
	add(s, p);
	CHECK_INT(sink_add_lost(s, 1, 5), 0);
	CHECK_INT(sink_add_lost(s, 2, 3), 0); /* a stream without a packet */
	CHECK_INT(sink_end_lanes(s, 50), 0);
	CHECK_INT(sink_flush(s, &metadata, true), 0);
	f = file("stream-1-0");
	CHECK_INT(head(f, 0)->events_discarded, 0);
	CHECK_INT(head(f, 160)->events_discarded, 7);
	CHECK_INT(head(f, 320)->events_discarded, 14);
	CHECK_INT(head(f, 320)->content_bits, 136 * 8);
	fs_unmap(&f);
	f = file("stream-2-0");
	CHECK_INT(f.len, 2 * 136);
	CHECK_INT(head(f, 0)->events_discarded, 0);
	CHECK_INT(head(f, 136)->events_discarded, 3);
	fs_unmap(&f);
	end(s);
}

TEST(full_disk_leaves_whole_packets)
{
	struct rlimit limit = {.rlim_cur = 400, .rlim_max = 400}; /* room for two */
	struct sink *s = new_sink();
	struct sink_totals t;
	const char *name;
	struct span f;

	signal(SIGXFSZ, SIG_IGN);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	for (uint64_t i = 0; i < 5; i++)
		add(s, packet(10 * i, 10 * i + 5, 24));
	CHECK_INT(sink_flush(s, &metadata, true), -EFBIG);
	CHECK_INT(sink_error(s, &name), -EFBIG);
	CHECK_STR(name, "stream-1-0");
	sink_totals(s, &t);
	CHECK_INT(t.events, 2);
	CHECK_INT(t.unwritten_events, 3);
	f = file("stream-1-0");
	CHECK_INT(f.len, 320);
	fs_unmap(&f);
	end(s);
}

TEST(metadata_is_appended)
{
	struct sink *s = new_sink();
	struct span f;

	CHECK_INT(sink_flush(s, &metadata, true), 0);
	str_add(&metadata, " and more");
	CHECK_INT(sink_flush(s, &metadata, true), 0);
	f = file("metadata");
	CHECK_INT(f.len, metadata.len);
	CHECK_MEM(f.data, "metadata and more", f.len);
	fs_unmap(&f);
	end(s);
}

TEST(more_lanes_than_open_files)
{
	struct sink *s = new_sink();
	struct sink_totals t;

	for (int round = 0; round < 2; round++)
		for (uint64_t i = 0; i < 300; i++)
			add(s, packet(1000u * (unsigned)round, 1000u * (unsigned)round + 900, 24));
	CHECK_INT(sink_flush(s, &metadata, true), 0);
	for (uint64_t i = 0; i < 300; i++)
		add(s, packet(3000, 3900, 24));
	CHECK_INT(sink_flush(s, &metadata, true), 0);
	sink_totals(s, &t);
	CHECK_INT(t.files, 300);
	CHECK_INT(t.events, 900);
	CHECK_INT(t.bytes, 900 * 160);
	end(s);
}

TEST(flight_keeps_the_newest)
{
	struct sink *s = new_sink();
	struct flight *f;
	struct packet p;
	struct span span;

	REQUIRE(!flight_new(&f, 4096));
	p = packet(1, 1, 100);
	p.stream = MODEL_DUMP_STREAM;
	p.is_own = true;
	flight_add(f, &p);
	for (uint64_t i = 0; i < 100; i++) {
		p = packet(10 + i, 10 + i, 1000);
		p.lost = 1;
		flight_add(f, &p);
	}
	CHECK(flight_totals(f)->bytes <= 4096);
	CHECK_INT(flight_totals(f)->events + flight_totals(f)->overwritten, 100);
	CHECK_INT(flight_totals(f)->overwritten_lost, flight_totals(f)->overwritten);
	CHECK_INT(flight_write(f, s), 0);
	CHECK_INT(sink_flush(s, &metadata, true), 0);
	span = file("stream-1-0");
	CHECK_INT(span.len, flight_totals(f)->events * 1136);
	CHECK_INT(head(span, span.len - 1136)->timestamp_end, 109);
	fs_unmap(&span);
	span = file("stream-0-0"); /* what is known of processes is kept */
	CHECK_INT(span.len, 240);
	fs_unmap(&span);
	flight_free(f);
	end(s);
}
