/* SPDX-License-Identifier: MIT */
/*
 * A forged index: the input is patches (u16 from the end of what says whose it
 * is, u8) of a good one, or, when it begins with an odd byte, all of what
 * comes behind that. The checksum is made right. Whatever it says, nothing
 * outside of the trace may be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "ctf/sidecar.h"

static const char metadata[] =
	"/* CTF 1.8 */ typealias integer { size = 8; align = 8; } := u8; clock { name = c; freq = 1000000000; };"
	"typealias integer { size = 32; align = 8; } := u32;"
	"typealias integer { size = 32; align = 8; map = clock.c.value; } := time;"
	"trace { major = 1; minor = 8; byte_order = le; };"
	"stream { packet.context := struct { u32 content_size; u32 packet_size; time timestamp_begin; time timestamp_end; };"
	" event.header := struct { u8 id; u8 timestamp; }; };"
	"event { id = 0; name = a; fields := struct { u32 n; }; };"
	"event { id = 1; name = b; fields := struct { string s; }; };";

static char dir[] = "/tmp/piste-index-fuzz-XXXXXX", index_path[64];
static char *good;
static size_t good_len, identity_len;

static void write_trace(void)
{
	uint8_t packets[2][64] = {{0}};
	char path[64];

	if (!mkdtemp(dir))
		abort();
	snprintf(path, sizeof(path), "%s/metadata", dir);
	if (fs_write_file(-100, path, metadata, strlen(metadata)))
		abort();
	for (int i = 0; i < 2; i++) {
		uint32_t head[4] = {(16 + 6 + 6) * 8, 64 * 8, (uint32_t)i * 100,
				    (uint32_t)i * 100 + 50};
		memcpy(packets[i], head, sizeof(head));
		memcpy(packets[i] + 16, (uint8_t[]){0, 1, 9, 0, 0, 0, 1, 2, 'a', 'b', 'c', 0}, 12);
	}
	snprintf(path, sizeof(path), "%s/stream", dir);
	if (fs_write_file(-100, path, packets, sizeof(packets)))
		abort();
	snprintf(index_path, sizeof(index_path), "%s.idx", dir);
}

static void clean_up(void)
{
	fs_remove_tree(dir);
	unlink(index_path);
}

static void put_summary(struct str *out)
{
	struct ctf_summary s = {.has_times = true, .first_cycles = 1, .last_cycles = 2};
	struct ctf_class_count count = {1, 2, 3};
	struct ctf_writer_count writer = {1, 2, 3};

	if (vec_push(&s.classes, count) || vec_push(&s.writers, writer))
		abort();
	ctf_summary_put(out, &s);
	ctf_summary_put(out, &s);
	ctf_summary_fini(&s);
}

static void prepare(void)
{
	struct str summaries = {0};
	struct ctf_trace *t;

	write_trace();
	atexit(clean_up);
	if (ctf_trace_open(&t, dir, NULL) || t->n_streams != 1 || t->is_damaged)
		abort();
	put_summary(&summaries);
	if (ctf_sidecar_write(t, &summaries, index_path) ||
	    fs_read_file(-100, index_path, 1 << 20, &good, &good_len))
		abort();
	/* What says whose it is ends where an index of no streams does, but for their number. */
	t->n_streams = 0;
	char *none;
	if (ctf_sidecar_write(t, &summaries, index_path) ||
	    fs_read_file(-100, index_path, 1 << 20, &none, &identity_len))
		abort();
	identity_len--;
	free(none);
	str_fini(&summaries);
	t->n_streams = 1;
	ctf_trace_free(t);
}

static void hide_b(void *data, const struct ctf_event_class *ec, struct ctf_wish *wish)
{
	(void)data;
	wish->is_hidden = ec->id == 1;
}

static void read_all(struct ctf_trace *t)
{
	struct ctf_iter_options options = {.want = CTF_WANT_FIELDS, .wish = hide_b};
	struct ctf_summary summary = {0};
	const struct ctf_message *m;
	struct ctf_iter *it;

	if (ctf_iter_new(&it, &t, 1, &options, NULL))
		abort();
	while (ctf_iter_next(it, &m) > 0)
		;
	ctf_iter_free(it);
	for (size_t i = 0; i < t->n_streams; i++) {
		struct span left = t->streams[i].summaries;

		while (left.len && !ctf_summary_take(&summary, &left))
			;
	}
	ctf_summary_fini(&summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctf_trace *t;
	char *bytes;
	size_t len;

	if (!good)
		prepare();
	len = size && data[0] & 1 ? identity_len + size - 1 : good_len;
	bytes = malloc(len);
	if (!bytes)
		abort();
	memcpy(bytes, good, len < good_len ? len : good_len);
	if (size && data[0] & 1)
		memcpy(bytes + identity_len, data + 1, size - 1);
	else
		for (size_t i = 1; i + 3 <= size; i += 3) {
			size_t at = identity_len + (size_t)(data[i] | data[i + 1] << 8);

			bytes[at < len ? at : len - 1] = (char)data[i + 2];
		}
	uint64_t checksum = hash_bytes(bytes + 16, len - 16);
	memcpy(bytes + 8, &checksum, sizeof(checksum));
	if (fs_write_file(-100, index_path, bytes, len))
		abort();
	free(bytes);
	if (ctf_trace_open_indexed(&t, dir, index_path, NULL))
		abort();
	if (!size && !t->sidecar.len)
		abort(); /* the good one must be taken */
	read_all(t);
	ctf_trace_free(t);
	return 0;
}
