/* SPDX-License-Identifier: MIT */
/*
 * sidecar.c - see sidecar.h. Everything is a LEB128 number or bytes behind
 * their length; a checksum stands in front.
 */
#include "ctf/sidecar.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"

static const char magic[8] = "PISTEIX1";
enum { HEAD_BYTES = sizeof(magic) + 8 /* checksum */ };

/* --- numbers ----------------------------------------------------------------- */

static void put(struct str *out, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;

	do {
		bytes[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
	} while (v);
	str_add_bytes(out, bytes, n);
}

/* What is left to read; `bad` sticks. */
struct input {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t take(struct input *in)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		uint8_t byte = *in->at++;

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	in->bad = true;
	return 0;
}

/* A number of things that need a byte each at least. */
static size_t take_count(struct input *in)
{
	uint64_t n = take(in);

	if (n > (uint64_t)(in->end - in->at))
		in->bad = true;
	return in->bad ? 0 : (size_t)n;
}

static struct span take_bytes(struct input *in)
{
	struct span s = {in->at, take_count(in)};

	s.data = in->at;
	in->at += s.len;
	return s;
}

/* --- what a packet holds ------------------------------------------------------- */

void ctf_summary_reset(struct ctf_summary *s)
{
	s->has_times = false;
	s->first_cycles = s->last_cycles = 0;
	s->classes.len = s->writers.len = 0;
}

void ctf_summary_fini(struct ctf_summary *s)
{
	vec_fini(&s->classes);
	vec_fini(&s->writers);
}

void ctf_summary_put(struct str *out, const struct ctf_summary *s)
{
	put(out, s->has_times);
	if (s->has_times) {
		put(out, s->first_cycles);
		put(out, s->last_cycles - s->first_cycles);
	}
	put(out, s->classes.len);
	for (size_t i = 0; i < s->classes.len; i++) {
		put(out, s->classes.items[i].class);
		put(out, s->classes.items[i].events);
		put(out, s->classes.items[i].bits);
	}
	put(out, s->writers.len);
	for (size_t i = 0; i < s->writers.len; i++) {
		put(out, s->writers.items[i].pid);
		put(out, s->writers.items[i].tid);
		put(out, s->writers.items[i].events);
	}
}

int ctf_summary_take(struct ctf_summary *s, struct span *from)
{
	struct input in = {from->data, from->data + from->len, false};
	int rc = 0;

	ctf_summary_reset(s);
	s->has_times = take(&in);
	if (s->has_times) {
		s->first_cycles = take(&in);
		s->last_cycles = s->first_cycles + take(&in);
	}
	for (size_t n = take_count(&in); n > 0 && !in.bad && !rc; n--) {
		struct ctf_class_count c = {.class = (uint32_t)take(&in)};

		c.events = take(&in);
		c.bits = take(&in);
		rc = vec_push(&s->classes, c);
	}
	for (size_t n = take_count(&in); n > 0 && !in.bad && !rc; n--) {
		struct ctf_writer_count w = {.pid = take(&in)};

		w.tid = take(&in);
		w.events = take(&in);
		rc = vec_push(&s->writers, w);
	}
	*from = (struct span){in.at, (size_t)(in.end - in.at)};
	return rc ? -ENOMEM : in.bad ? -EBADMSG : 0;
}

/* --- identity -------------------------------------------------------------------- */

/* A file as it is now; all zero: there is none. */
static void put_file(struct str *out, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		memset(&st, 0, sizeof(st));
	put(out, (uint64_t)st.st_size);
	put(out, (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec);
	put(out, st.st_ino);
	put(out, st.st_dev);
}

/* The trace's files, and that they are still as they were mapped. */
static int put_identity(struct str *out, const struct ctf_trace *t)
{
	struct str path = {0};

	str_addf(&path, "%s/metadata", t->path);
	put_file(out, str_c(&path));
	str_fini(&path);
	put(out, t->n_files);
	for (size_t i = 0; i < t->n_files; i++) {
		const char *name = t->files[i].name;

		put(out, strlen(name));
		str_add_bytes(out, name, strlen(name));
		put(out, t->files[i].bytes.len);
		put_file(out, name);
	}
	return path.failed || out->failed ? -ENOMEM : 0;
}

/* --- packets ----------------------------------------------------------------------- */

#define PACKET_FLAGS(X)                                                                            \
	X(has_begin)                                                                               \
	X(has_end)                                                                                 \
	X(has_discarded)                                                                           \
	X(has_seq_num)                                                                             \
	X(is_unended)                                                                              \
	X(ends_with_event)

/* Their file, offset and number say where they are; the rest is what their heads said. */
#define PACKET_NUMBERS(X)                                                                          \
	X(file)                                                                                    \
	X(offset)                                                                                  \
	X(number)                                                                                  \
	X(total_bits)                                                                              \
	X(content_bits)                                                                            \
	X(first_event_bits)                                                                        \
	X(entry_cycles)                                                                            \
	X(begin_cycles)                                                                            \
	X(end_cycles)                                                                              \
	X(discarded_events)                                                                        \
	X(seq_num)                                                                                 \
	X(told_end_cycles)

static void put_packet(struct str *out, const struct ctf_packet *p)
{
	unsigned flags = 0, bit = 0;

#define X(name) flags |= (unsigned)p->name << bit++;
	PACKET_FLAGS(X)
#undef X
	put(out, flags);
#define X(name) put(out, p->name);
	PACKET_NUMBERS(X)
#undef X
}

static void take_packet(struct input *in, const struct ctf_trace *t, struct ctf_packet *p)
{
	unsigned flags = (unsigned)take(in), bit = 0;

	memset(p, 0, sizeof(*p));
#define X(name) p->name = flags >> bit++ & 1;
	PACKET_FLAGS(X)
#undef X
#define X(name) p->name = (__typeof__(p->name))take(in);
	PACKET_NUMBERS(X)
#undef X
	if (in->bad || p->file >= t->n_files) {
		in->bad = true;
		return;
	}
	const struct span *bytes = &t->files[p->file].bytes;
	if (p->offset > bytes->len || p->total_bits % 8 ||
	    p->total_bits / 8 > bytes->len - p->offset || p->content_bits > p->total_bits ||
	    p->first_event_bits > p->content_bits || !p->total_bits) {
		in->bad = true;
		return;
	}
	p->data = bytes->data + p->offset;
}

static int take_stream(struct input *in, struct ctf_trace *t)
{
	struct ctf_stream *s = &t->streams[t->n_streams];
	const struct ctf_stream_class *class = ctf_stream_class_find(t->class, take(in));

	memset(s, 0, sizeof(*s));
	s->has_id = take(in);
	s->id = take(in);
	s->discarded_bits = (unsigned)take(in);
	s->seq_num_bits = (unsigned)take(in);
	size_t file = take(in);
	size_t n = take_count(in);
	if (in->bad || !class || file >= t->n_files) {
		in->bad = true;
		return 0;
	}
	s->packets = calloc(n + 1, sizeof(*s->packets));
	if (!s->packets)
		return -ENOMEM;
	s->trace = t;
	s->class = class;
	s->name = t->files[file].name;
	s->index = t->n_streams++;
	s->n_packets = s->cap_packets = n;
	memcpy(s->plans, t->plans[class->index], sizeof(s->plans));
	for (size_t i = 0; i < n && !in->bad; i++)
		take_packet(in, t, &s->packets[i]);
	s->summaries = take_bytes(in);
	return 0;
}

static size_t file_named(const struct ctf_trace *t, const char *name)
{
	size_t i = 0;

	while (i < t->n_files && t->files[i].name != name)
		i++;
	return i;
}

static void put_stream(struct str *out, const struct ctf_stream *s, const struct str *summaries)
{
	put(out, s->class->id);
	put(out, s->has_id);
	put(out, s->id);
	put(out, s->discarded_bits);
	put(out, s->seq_num_bits);
	put(out, file_named(s->trace, s->name));
	put(out, s->n_packets);
	for (size_t i = 0; i < s->n_packets; i++)
		put_packet(out, &s->packets[i]);
	put(out, summaries->len);
	str_add_bytes(out, str_c(summaries), summaries->len);
}

/* --- the file ------------------------------------------------------------------------ */

int ctf_sidecar_write(const struct ctf_trace *t, const struct str *summaries, const char *path)
{
	struct str out = {0};
	char head[HEAD_BYTES] = {0};
	uint64_t checksum;

	str_add_bytes(&out, head, sizeof(head));
	int rc = put_identity(&out, t);
	put(&out, t->n_streams);
	for (size_t i = 0; i < t->n_streams; i++)
		put_stream(&out, &t->streams[i], &summaries[i]);
	if (out.failed)
		rc = -ENOMEM;
	if (!rc) {
		checksum = hash_bytes(out.data + HEAD_BYTES, out.len - HEAD_BYTES);
		memcpy(out.data, magic, sizeof(magic));
		memcpy(out.data + sizeof(magic), &checksum, sizeof(checksum));
		rc = fs_write_file(AT_FDCWD, path, out.data, out.len);
	}
	str_fini(&out);
	return rc;
}

static bool is_whole(struct span bytes)
{
	uint64_t checksum;

	if (bytes.len < HEAD_BYTES || memcmp(bytes.data, magic, sizeof(magic)))
		return false;
	memcpy(&checksum, bytes.data + sizeof(magic), sizeof(checksum));
	return checksum == hash_bytes(bytes.data + HEAD_BYTES, bytes.len - HEAD_BYTES);
}

static void forget_streams(struct ctf_trace *t)
{
	for (size_t i = 0; i < t->n_streams; i++)
		free(t->streams[i].packets);
	free(t->streams);
	t->streams = NULL;
	t->n_streams = 0;
}

static int load(struct ctf_trace *t, struct span bytes)
{
	struct input in = {bytes.data + HEAD_BYTES, bytes.data + bytes.len, false};
	struct str identity = {0};
	int rc = put_identity(&identity, t);

	if (!rc && (identity.len > (size_t)(in.end - in.at) ||
		    memcmp(identity.data, in.at, identity.len) != 0))
		in.bad = true;
	in.at += in.bad ? 0 : identity.len;
	str_fini(&identity);
	size_t n = in.bad || rc ? 0 : take_count(&in);
	t->streams = calloc(n + 1, sizeof(*t->streams));
	if (!t->streams)
		rc = -ENOMEM;
	for (size_t i = 0; i < n && !rc && !in.bad; i++)
		rc = take_stream(&in, t);
	if (rc || in.bad)
		forget_streams(t);
	return rc ? rc : !in.bad;
}

int ctf_sidecar_load(struct ctf_trace *t, const char *path)
{
	struct span bytes = {0};
	int rc = 0;

	if (fs_map(AT_FDCWD, path, &bytes))
		return 0;
	if (is_whole(bytes))
		rc = load(t, bytes);
	if (rc > 0)
		t->sidecar = bytes; /* summaries point into it */
	else
		fs_unmap(&bytes);
	return rc;
}

bool ctf_sidecar_path(struct str *out, const char *dir)
{
	const char *own = getenv("PISTE_INDEX_DIR"), *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (own && !*own)
		return false;
	if (own)
		str_add(out, own);
	else if (cache && *cache == '/')
		str_addf(out, "%s/piste/index", cache);
	else if (home && *home == '/')
		str_addf(out, "%s/.cache/piste/index", home);
	else
		return false;
	str_addf(out, "/%016" PRIx64 ".idx", hash_bytes(dir, strlen(dir)));
	return !out->failed;
}
