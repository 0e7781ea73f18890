/* SPDX-License-Identifier: MIT */
/*
 * trace.c - opens a trace: maps its files, reads its metadata, and walks the
 * packets of each stream file into an index.
 */
#include "ctf/metadata.h"
#include "ctf/plan.h"
#include "ctf/quirks.h"
#include "ctf/reader.h"
#include "ctf/sidecar.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PACKET_MAGIC 0xc1fc1fc1u
#define METADATA_BYTES_MAX (UINT64_C(1) << 30)
#define N_WANTS 3

/*
 * Heads of packets are read and not looked at in the mapping: a page that was
 * looked at is one that stays in memory, and there is one a packet.
 */
struct peek {
	int fd; /* of the newest file; -1: it is not mapped, its bytes are in memory anyhow */
	uint8_t *bytes;
	uint64_t begin, len; /* where they are from */
	uint64_t last; /* offset of the newest packet */
};
enum { PEEK_BYTES = 65536, PEEK_HEAD_BYTES = 4096 };

struct opener {
	struct ctf_trace *t;
	struct diag *diag;
	struct ctf_stream_plan *(*plans)[N_WANTS]; /* by stream class index */
	struct ctf_plan *header; /* the packet header alone, to know the class; or NULL */
	int class_id_field; /* in it; -1 */
	struct ctf_values values;
	size_t cap_streams;
	struct peek peek;
};

/* One packet being indexed. */
struct look {
	const struct ctf_stream_class *class;
	bool has_id;
	uint64_t id;
	struct ctf_packet packet;
};

static int complain(struct opener *o, const struct ctf_stream_file *file, uint64_t offset,
		    uint32_t number, const char *what)
{
	struct diag_place place = {.file = file->name, .offset = offset, .has_offset = 1};
	o->t->is_damaged = true;
	diag_error(o->diag, &place, "packet %" PRIu32 ": %s", number, what);
	return -EBADMSG;
}

/* --- one packet -------------------------------------------------------------- */

/* What is there of a packet's head: `readable` bytes, and not all of it maybe. */
static const uint8_t *peek_at(struct opener *o, const struct ctf_stream_file *file, uint64_t offset,
			      uint64_t *readable)
{
	struct peek *p = &o->peek;
	uint64_t left = file->bytes.len - offset;

	*readable = left;
	if (p->fd < 0)
		return file->bytes.data + offset;
	if (offset < p->begin || offset + PEEK_HEAD_BYTES > p->begin + p->len) {
		/* Small packets come by the dozen; of large ones only the head is of use. */
		uint64_t step = offset - p->last;
		size_t want = step && step < PEEK_BYTES / 4 ? PEEK_BYTES : PEEK_HEAD_BYTES;
		ssize_t n = pread(p->fd, p->bytes, want, (off_t)offset);
		p->begin = offset;
		p->len = n > 0 ? (uint64_t)n : 0;
		p->last = offset;
		if (n <= 0)
			return file->bytes.data + offset;
	}
	p->last = offset;
	if (p->begin + p->len - offset < left)
		*readable = p->begin + p->len - offset;
	return p->bytes + (offset - p->begin);
}

static bool role_value(const struct ctf_stream_plan *plan, const struct ctf_values *v,
		       enum ctf_role role, uint64_t *out)
{
	int32_t i = plan->role_value[role];
	if (i < 0 || (v->items[i].kind != CTF_VALUE_U64 && v->items[i].kind != CTF_VALUE_I64))
		return false;
	*out = v->items[i].u64;
	return true;
}

/* The stream class that a packet is of. */
static int look_class(struct opener *o, const struct ctf_stream_file *file, struct ctf_bits bits,
		      uint32_t number, uint64_t offset, struct look *look)
{
	const struct ctf_trace_class *tc = o->t->class;
	uint64_t id = 0;
	if (o->header) {
		int rc =
			ctf_values_prepare(&o->values, o->header->n_values, o->header->n_registers);
		o->values.len = o->values.scratch_len = 0;
		rc = rc ? rc : ctf_plan_run(o->header, &bits, &o->values);
		if (rc == -ENODATA && bits.end < (file->bytes.len - offset) * 8) {
			bits = (struct ctf_bits){.data = file->bytes.data + offset,
						 .end = (file->bytes.len - offset) * 8};
			o->values.len = o->values.scratch_len = 0;
			rc = ctf_plan_run(o->header, &bits, &o->values);
		}
		if (rc)
			return rc == -ENOMEM ? rc
					     : complain(o, file, offset, number,
							"the file ends in the packet's header");
	}
	if (o->class_id_field >= 0)
		id = ctf_value_child(&o->values, &o->values.items[0], (size_t)o->class_id_field)
			     ->u64;
	else if (tc->n_streams)
		id = tc->streams[0]->id;
	if (o->class_id_field < 0 && tc->n_streams > 1)
		return complain(o, file, offset, number,
				"the packet header says not which of several streams it is of");
	look->class = ctf_stream_class_find(tc, id);
	return look->class ? 0
			   : complain(o, file, offset, number,
				      "its stream class is not in the metadata");
}

/* Another UUID than the metadata's is odd, but no reason not to read. */
static int check_identity(struct opener *o, struct ctf_stream_file *file,
			  const struct ctf_stream_plan *plan, struct look *look)
{
	uint64_t magic = 0;
	const struct ctf_packet *p = &look->packet;
	if (role_value(plan, &o->values, CTF_ROLE_PACKET_MAGIC, &magic) && magic != PACKET_MAGIC)
		return complain(o, file, p->offset, p->number,
				"it does not begin with CTF's magic number");
	int32_t uuid = plan->role_value[CTF_ROLE_METADATA_UUID];
	if (uuid >= 0 && o->t->class->has_uuid && o->values.items[uuid].count == 16) {
		const struct ctf_value *v = &o->values.items[uuid];
		struct diag_place place = {
			.file = file->name, .offset = p->offset, .has_offset = 1};
		if (!file->has_other_uuid && v->bytes && !v->bit &&
		    memcmp(v->bytes, o->t->class->uuid, 16)) {
			file->has_other_uuid = true;
			diag_warn(o->diag, &place,
				  "packet %" PRIu32
				  ": its trace UUID is another one than the metadata's",
				  p->number);
		}
	}
	return 0;
}

/* Sizes in bits: absent ones follow from the file and from each other. */
static int take_sizes(struct opener *o, const struct ctf_stream_file *file,
		      const struct ctf_stream_plan *plan, uint64_t left_bits, struct look *look)
{
	struct ctf_packet *p = &look->packet;
	uint64_t total = left_bits, content = 0;
	bool has_total = role_value(plan, &o->values, CTF_ROLE_PACKET_TOTAL_LENGTH, &total);
	bool has_content = role_value(plan, &o->values, CTF_ROLE_PACKET_CONTENT_LENGTH, &content);
	if (!has_total && has_content)
		total = content;
	if (!has_content)
		content = total;
	if (total % 8)
		return complain(o, file, p->offset, p->number,
				"its total size is no whole number of bytes");
	if (content > total)
		return complain(o, file, p->offset, p->number,
				"its content is larger than the packet");
	if (content < p->first_event_bits)
		return complain(o, file, p->offset, p->number,
				"its content is smaller than its header");
	p->total_bits = total;
	p->content_bits = content;
	if (total <= left_bits)
		return 0;
	/* The rest is missing: what is there can be read. */
	p->is_cut = content > left_bits;
	if (p->is_cut)
		p->content_bits = left_bits;
	p->total_bits = left_bits;
	complain(o, file, p->offset, p->number, "the file ends before the packet does");
	return 0;
}

static uint64_t unwrap(uint64_t value, unsigned bits, uint64_t after)
{
	if (bits >= 64)
		return value;
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	uint64_t v = (after & ~mask) | (value & mask);
	return v < after ? v + mask + 1 : v;
}

static void take_times(const struct ctf_stream_plan *plan, struct opener *o, struct look *look)
{
	struct ctf_packet *p = &look->packet;
	const struct ctf_values *v = &o->values;
	uint64_t raw = 0;
	if (look->class->default_clock) {
		p->has_begin = role_value(plan, v, CTF_ROLE_TIMESTAMP, &raw);
		p->begin_cycles = v->cycles;
		p->has_end = role_value(plan, v, CTF_ROLE_PACKET_END_TIMESTAMP, &raw);
		p->end_cycles =
			unwrap(raw, plan->role_bits[CTF_ROLE_PACKET_END_TIMESTAMP], v->cycles);
		/* A crashed tracer's last packet says that it ended at 0. */
		p->is_unended = p->has_end && p->has_begin && p->end_cycles < p->begin_cycles;
		if (p->is_unended)
			p->has_end = false;
	}
	p->has_discarded = role_value(plan, v, CTF_ROLE_DISCARDED_EVENTS, &p->discarded_events);
	p->has_seq_num = role_value(plan, v, CTF_ROLE_PACKET_SEQ_NUM, &p->seq_num);
	look->has_id = role_value(plan, v, CTF_ROLE_STREAM_ID, &look->id);
}

static int look_packet(struct opener *o, struct ctf_stream_file *file, uint64_t offset,
		       uint32_t number, uint64_t entry_cycles, struct look *look)
{
	uint64_t left_bits = (file->bytes.len - offset) * 8, readable;
	struct ctf_bits bits = {.data = peek_at(o, file, offset, &readable)};
	memset(look, 0, sizeof(*look));
	bits.end = readable * 8;
	int rc = look_class(o, file, bits, number, offset, look);
	if (rc)
		return rc;
	const struct ctf_stream_plan *plan = o->plans[look->class->index][CTF_WANT_NONE];
	look->packet = (struct ctf_packet){.data = file->bytes.data + offset,
					   .offset = offset,
					   .number = number,
					   .entry_cycles = entry_cycles};
	rc = ctf_values_prepare(&o->values, plan->packet.n_values, plan->n_registers);
	if (rc)
		return rc;
	o->values.len = o->values.scratch_len = 0;
	o->values.cycles = entry_cycles;
	rc = ctf_plan_run(&plan->packet, &bits, &o->values);
	if (rc == -ENODATA && bits.end < left_bits) { /* a very long head */
		bits = (struct ctf_bits){.data = look->packet.data, .end = left_bits};
		o->values.len = o->values.scratch_len = 0;
		o->values.cycles = entry_cycles;
		rc = ctf_plan_run(&plan->packet, &bits, &o->values);
	}
	if (rc)
		return rc == -ENOMEM ? rc
				     : complain(o, file, offset, number,
						"the file ends in the packet's header or context");
	look->packet.first_event_bits = bits.at;
	rc = check_identity(o, file, plan, look);
	if (!rc)
		rc = take_sizes(o, file, plan, left_bits, look);
	if (!rc)
		take_times(plan, o, look);
	return rc;
}

/* --- streams --------------------------------------------------------------------- */

static struct ctf_stream *stream_new(struct opener *o, const struct look *look,
				     const struct ctf_stream_file *file)
{
	struct ctf_trace *t = o->t;
	if (t->n_streams == o->cap_streams) {
		size_t cap = o->cap_streams ? o->cap_streams * 2 : 16;
		struct ctf_stream *streams = realloc(t->streams, cap * sizeof(*streams));
		if (!streams)
			return NULL;
		t->streams = streams;
		o->cap_streams = cap;
	}
	struct ctf_stream *s = &t->streams[t->n_streams];
	const struct ctf_stream_plan *plan = o->plans[look->class->index][CTF_WANT_NONE];
	*s = (struct ctf_stream){.trace = t,
				 .class = look->class,
				 .has_id = look->has_id,
				 .id = look->id,
				 .name = file->name,
				 .index = t->n_streams,
				 .discarded_bits = plan->role_bits[CTF_ROLE_DISCARDED_EVENTS],
				 .seq_num_bits = plan->role_bits[CTF_ROLE_PACKET_SEQ_NUM]};
	memcpy(s->plans, o->plans[look->class->index], sizeof(s->plans));
	t->n_streams++;
	return s;
}

/* Files of one stream (LTTng's file rotation) have the same stream id. */
static struct ctf_stream *stream_for(struct opener *o, const struct look *look,
				     const struct ctf_stream_file *file)
{
	for (size_t i = 0; look->has_id && i < o->t->n_streams; i++) {
		struct ctf_stream *s = &o->t->streams[i];
		if (s->class == look->class && s->has_id && s->id == look->id)
			return s;
	}
	return stream_new(o, look, file);
}

static int add_packet(struct ctf_stream *s, const struct ctf_packet *p)
{
	if (s->n_packets == s->cap_packets) {
		size_t cap = s->cap_packets ? s->cap_packets * 2 : 16;
		struct ctf_packet *packets = realloc(s->packets, cap * sizeof(*packets));
		if (!packets)
			return -ENOMEM;
		s->packets = packets;
		s->cap_packets = cap;
	}
	s->packets[s->n_packets++] = *p;
	return 0;
}

static int index_packets(struct opener *o, size_t n)
{
	struct ctf_stream_file *file = &o->t->files[n];
	struct ctf_stream *stream = NULL;
	uint64_t offset = 0, cycles = 0;
	for (uint32_t number = 0; offset < file->bytes.len; number++) {
		struct look look;
		int rc = look_packet(o, file, offset, number, cycles, &look);
		if (!rc && stream && look.class != stream->class)
			rc = complain(o, file, offset, number,
				      "it is of another stream class than the packets before it");
		if (rc) {
			file->bytes_bad = file->bytes.len - offset;
			return rc == -ENOMEM ? rc : 0;
		}
		/* realloc may have moved the streams: look it up once a file */
		if (!stream && !(stream = stream_for(o, &look, file)))
			return -ENOMEM;
		look.packet.file = (uint32_t)n;
		cycles = look.packet.has_end ? look.packet.end_cycles : look.packet.begin_cycles;
		if (add_packet(stream, &look.packet))
			return -ENOMEM;
		offset += look.packet.total_bits / 8;
	}
	return 0;
}

static int by_begin(const void *a, const void *b)
{
	const struct ctf_packet *p = a, *q = b;
	if (p->begin_cycles != q->begin_cycles)
		return p->begin_cycles < q->begin_cycles ? -1 : 1;
	if (p->seq_num != q->seq_num)
		return p->seq_num < q->seq_num ? -1 : 1;
	if (p->file != q->file)
		return p->file < q->file ? -1 : 1;
	return p->number < q->number ? -1 : p->number > q->number;
}

static int index_file(struct opener *o, size_t n)
{
	const struct ctf_stream_file *file = &o->t->files[n];
	_cleanup_(close_fdp) int fd = file->is_mapped ? open(file->name, O_RDONLY | O_CLOEXEC) : -1;
	o->peek = (struct peek){.fd = fd, .bytes = o->peek.bytes};
	return index_packets(o, n);
}

void ctf_stream_join_files(struct ctf_stream *s)
{
	bool several = false;
	for (size_t i = 1; i < s->n_packets; i++)
		several |= s->packets[i].file != s->packets[0].file;
	if (!several)
		return;
	qsort(s->packets, s->n_packets, sizeof(*s->packets), by_begin);
	size_t kept = 1;
	for (size_t i = 1; i < s->n_packets; i++) {
		const struct ctf_packet *p = &s->packets[kept - 1], *q = &s->packets[i];
		bool same = p->file != q->file && p->has_begin && p->has_seq_num &&
			    p->begin_cycles == q->begin_cycles && p->end_cycles == q->end_cycles &&
			    p->seq_num == q->seq_num && p->content_bits == q->content_bits;
		if (!same)
			s->packets[kept++] = *q;
	}
	s->n_packets = kept;
}

/* --- opening ------------------------------------------------------------------------ */

static int compile_plans(struct opener *o)
{
	struct ctf_trace *t = o->t;
	const struct ctf_trace_class *tc = t->class;
	o->class_id_field = -1;
	o->plans = arena_array(&t->arena, tc->n_streams ? tc->n_streams : 1, sizeof(*o->plans));
	if (!o->plans)
		return -ENOMEM;
	t->plans = o->plans;
	for (size_t i = 0; i < tc->n_streams; i++)
		for (int want = 0; want < N_WANTS; want++) {
			int rc = ctf_stream_plan_new(&o->plans[i][want], &t->arena, tc->streams[i],
						     (enum ctf_want)want, "metadata", o->diag);
			if (rc)
				return rc;
		}
	if (!tc->packet_header)
		return 0;
	for (size_t i = 0; i < tc->packet_header->record.n_fields; i++)
		if (tc->packet_header->record.fields[i].roles &
		    CTF_ROLE_BIT(CTF_ROLE_STREAM_CLASS_ID))
			o->class_id_field = (int)i;
	return ctf_plan_new(&o->header, &t->arena, tc->packet_header, CTF_SCOPE_PACKET_HEADER,
			    CTF_WANT_ALL, o->diag);
}

static int index_files(struct opener *o, const char *index)
{
	int rc = compile_plans(o);
	if (!rc && index && (rc = ctf_sidecar_load(o->t, index)))
		return rc < 0 ? rc : 0;
	o->peek.bytes = malloc(PEEK_BYTES);
	if (!rc && !o->peek.bytes)
		rc = -ENOMEM;
	for (size_t i = 0; !rc && i < o->t->n_files; i++)
		rc = index_file(o, i);
	for (size_t i = 0; !rc && i < o->t->n_streams; i++)
		ctf_stream_join_files(&o->t->streams[i]);
	if (!rc)
		ctf_quirks_fix_packets(o->t);
	ctf_values_fini(&o->values);
	free(o->peek.bytes);
	return rc;
}

static char *last_component(const char *path)
{
	size_t end = strlen(path), start;
	while (end > 1 && path[end - 1] == '/')
		end--;
	for (start = end; start && path[start - 1] != '/';)
		start--;
	return strndup(path + start, end - start);
}

static int is_stream_name(const struct dirent *e)
{
	return e->d_name[0] != '.' && strcmp(e->d_name, "metadata");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int map_file(struct ctf_trace *t, int dir_fd, const char *dir, const char *name)
{
	struct stat st;
	if (fstatat(dir_fd, name, &st, 0) || !S_ISREG(st.st_mode))
		return 0;
	struct ctf_stream_file *f = &t->files[t->n_files];
	*f = (struct ctf_stream_file){.is_mapped = true};
	int rc = fs_map(dir_fd, name, &f->bytes);
	if (rc)
		return rc;
	size_t size = strlen(dir) + strlen(name) + 2;
	f->name = malloc(size);
	if (!f->name) {
		fs_unmap(&f->bytes);
		return -ENOMEM;
	}
	snprintf(f->name, size, "%s/%s", dir, name);
	t->n_files++;
	return 0;
}

static int map_files(struct ctf_trace *t, const char *dir, int dir_fd, struct diag *diag)
{
	struct dirent **names = NULL;
	int n = scandirat(dir_fd, ".", &names, is_stream_name, by_name), rc = 0;
	if (n < 0)
		return -errno;
	t->files = calloc((size_t)n + 1, sizeof(*t->files));
	if (!t->files)
		rc = -ENOMEM;
	for (int i = 0; i < n; i++) {
		int one = rc ? rc : map_file(t, dir_fd, dir, names[i]->d_name);
		struct diag_place place = {.file = names[i]->d_name};
		if (one == -ENOMEM)
			rc = one;
		else if (one && !rc) {
			t->is_damaged = true;
			diag_error(diag, &place, "cannot be read: %s", strerror(-one));
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

static int trace_new(struct ctf_trace **out, const char *path)
{
	struct ctf_trace *t = calloc(1, sizeof(*t));
	*out = t;
	if (!t)
		return -ENOMEM;
	t->path = strdup(path);
	t->name = last_component(path);
	return t->path && t->name ? 0 : -ENOMEM;
}

int ctf_trace_open(struct ctf_trace **out, const char *dir, struct diag *diag)
{
	return ctf_trace_open_indexed(out, dir, NULL, diag);
}

int ctf_trace_open_indexed(struct ctf_trace **out, const char *dir, const char *index,
			   struct diag *diag)
{
	struct ctf_trace *t = NULL;
	struct opener o = {.diag = diag};
	struct diag_place place = {.file = dir};
	struct span metadata = {0};
	*out = NULL;
	_cleanup_(close_fdp) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : trace_new(&t, dir);
	if (fd < 0)
		diag_error(diag, &place, "cannot be opened: %s", strerror(-rc));
	if (!rc && (rc = fs_map(fd, "metadata", &metadata)))
		diag_error(diag, &place, "holds no file `metadata` that can be read: %s",
			   strerror(-rc));
	if (!rc && metadata.len > METADATA_BYTES_MAX)
		rc = diag_error(diag, &place, "its metadata are larger than 1 GiB");
	if (!rc) {
		char *name = arena_printf(&t->arena, "%s/metadata", dir);
		rc = name ? ctf_metadata_parse(&t->class, &t->arena, metadata, name, diag)
			  : -ENOMEM;
	}
	fs_unmap(&metadata);
	if (!rc)
		rc = map_files(t, dir, fd, diag);
	o.t = t;
	if (!rc)
		rc = index_files(&o, index);
	if (rc)
		ctf_trace_free(t);
	else
		*out = t;
	return rc;
}

int ctf_trace_open_spans(struct ctf_trace **out, struct span metadata, const struct span *streams,
			 const char *const *names, size_t n_streams, struct diag *diag)
{
	struct ctf_trace *t = NULL;
	struct opener o = {.diag = diag};
	*out = NULL;
	int rc = trace_new(&t, "memory");
	if (!rc)
		rc = ctf_metadata_parse(&t->class, &t->arena, metadata, "metadata", diag);
	if (!rc && !(t->files = calloc(n_streams + 1, sizeof(*t->files))))
		rc = -ENOMEM;
	for (size_t i = 0; !rc && i < n_streams; i++) {
		t->files[i].bytes = streams[i];
		t->files[i].name = strdup(names && names[i] ? names[i] : "stream");
		if (t->files[i].name)
			t->n_files++;
		else
			rc = -ENOMEM;
	}
	o.t = t;
	if (!rc)
		rc = index_files(&o, NULL);
	if (rc)
		ctf_trace_free(t);
	else
		*out = t;
	return rc;
}

void ctf_trace_free(struct ctf_trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_files; i++) {
		if (t->files[i].is_mapped)
			fs_unmap(&t->files[i].bytes);
		free(t->files[i].name);
	}
	for (size_t i = 0; i < t->n_streams; i++)
		free(t->streams[i].packets);
	free(t->files);
	free(t->streams);
	free(t->path);
	free(t->name);
	fs_unmap(&t->sidecar);
	arena_fini(&t->arena);
	free(t);
}

uint64_t ctf_stream_id(const struct ctf_stream *s)
{
	uint64_t id = 0;
	if (s->has_id)
		return s->id;
	for (const struct ctf_stream *other = s->trace->streams; other < s; other++)
		id += !other->has_id;
	return id;
}

bool ctf_is_trace(const char *dir)
{
	_cleanup_(close_fdp) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct span s = {0};
	if (fd < 0 || fs_map(fd, "metadata", &s))
		return false;
	static const uint8_t le[4] = {0x57, 0x1d, 0xd1, 0x75}, be[4] = {0x75, 0xd1, 0x1d, 0x57};
	bool is = s.len >= 4 &&
		  (!memcmp(s.data, le, 4) || !memcmp(s.data, be, 4) || !memcmp(s.data, "/* C", 4) ||
		   s.data[0] == 0x1e || s.data[0] == '{');
	fs_unmap(&s);
	return is;
}
