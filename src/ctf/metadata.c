/* SPDX-License-Identifier: MIT */
/*
 * metadata.c - recognises the forms of metadata and hands each to its reader
 * or writer: TSDL (CTF 1.8), JSON text sequences (CTF 2), either of them packetized.
 */
#include "ctf/metadata.h"

#include "ctf/json-parse.h"
#include "ctf/metadata-write.h"
#include "ctf/plan.h"
#include "ctf/quirks.h"
#include "ctf/tsdl-parse.h"

#include <errno.h>
#include <string.h>

#define PACKET_MAGIC 0x75d11d57u
#define PACKET_HEADER_BYTES 37

struct packet_header { /* CTF 1.8.3, 7.1 */
	uint32_t content_bits, packet_bits;
	uint8_t compression, encryption, checksum, major, minor;
};

static uint32_t read_u32(const uint8_t *p, bool is_be)
{
	return is_be ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
		     : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static int bad_packet(struct diag *diag, const char *file_name, size_t at, const char *why)
{
	struct diag_place place = {.file = file_name, .offset = at, .has_offset = 1};
	return diag_error(diag, &place, "this packet of the metadata %s", why);
}

static int check_packet(const struct packet_header *h, size_t left, struct diag *diag,
			const char *file_name, size_t at)
{
	if (h->compression || h->encryption || h->checksum)
		return bad_packet(diag, file_name, at,
				  "is compressed, encrypted or checksummed, which nobody does");
	if (!((h->major == 1 && h->minor == 8) || (h->major == 2 && h->minor == 0)))
		return bad_packet(diag, file_name, at, "is of neither CTF 1.8 nor 2.0");
	if (h->content_bits % 8 || h->packet_bits % 8 || h->content_bits > h->packet_bits ||
	    h->content_bits / 8 < PACKET_HEADER_BYTES)
		return bad_packet(diag, file_name, at, "has impossible sizes");
	if (h->content_bits / 8 > left)
		return bad_packet(diag, file_name, at, "is longer than the file");
	return 0;
}

int ctf_metadata_unpack(struct str *out, struct span bytes, bool *is_packetized,
			const char *file_name, struct diag *diag)
{
	const uint8_t *p = bytes.data;
	size_t left = bytes.len;
	bool is_be = left >= 4 && read_u32(p, true) == PACKET_MAGIC;
	*is_packetized = is_be || (left >= 4 && read_u32(p, false) == PACKET_MAGIC);
	if (!*is_packetized) {
		str_add_bytes(out, p, left);
		return out->failed ? -ENOMEM : 0;
	}
	while (left) {
		size_t at = bytes.len - left;
		if (left < PACKET_HEADER_BYTES || read_u32(p, is_be) != PACKET_MAGIC)
			return bad_packet(diag, file_name, at, "lacks its header");
		struct packet_header h = {read_u32(p + 24, is_be),
					  read_u32(p + 28, is_be),
					  p[32],
					  p[33],
					  p[34],
					  p[35],
					  p[36]};
		int rc = check_packet(&h, left, diag, file_name, at);
		if (rc)
			return rc;
		str_add_bytes(out, p + PACKET_HEADER_BYTES,
			      h.content_bits / 8 - PACKET_HEADER_BYTES);
		size_t step = h.packet_bits / 8 < left ? h.packet_bits / 8 : left;
		p += step;
		left -= step;
	}
	return out->failed ? -ENOMEM : 0;
}

/* "CTF" blank major.minor, as the first comment says it. 0, or -EINVAL. */
static int check_signature(struct span text, bool is_packetized, const char *file_name,
			   struct diag *diag)
{
	static const char start[] = "/* CTF ";
	struct diag_place place = {.file = file_name, .line = 1, .column = 1};
	size_t n = sizeof(start) - 1;
	if (text.len < n || memcmp(text.data, start, n)) {
		if (!is_packetized)
			diag_warn(diag, &place, "the metadata does not begin with `/* CTF 1.8 */`");
		return 0;
	}
	if (text.len >= n + 4 && !memcmp(text.data + n, "1.8", 3) &&
	    !(text.data[n + 3] >= '0' && text.data[n + 3] <= '9'))
		return 0;
	place.column = (unsigned)n + 1;
	return diag_error(diag, &place, "this is not CTF 1.8, nor CTF 2");
}

static bool is_json(struct span text)
{
	size_t i = 0;
	while (i < text.len && (text.data[i] == ' ' || text.data[i] == '\t' ||
				text.data[i] == '\n' || text.data[i] == '\r'))
		i++;
	return i < text.len && (text.data[i] == 0x1e || text.data[i] == '{');
}

int ctf_metadata_parse(struct ctf_trace_class **out, struct arena *arena, struct span bytes,
		       const char *file_name, struct diag *diag)
{
	struct str text = {0};
	bool is_packetized;
	*out = NULL;
	int rc = ctf_metadata_unpack(&text, bytes, &is_packetized, file_name, diag);
	struct span s = {(const uint8_t *)str_c(&text), text.len};
	if (!rc && is_json(s)) {
		rc = json_parse(out, arena, s, file_name, diag);
	} else if (!rc) {
		rc = check_signature(s, is_packetized, file_name, diag);
		if (!rc)
			rc = tsdl_parse(out, arena, s, file_name, diag);
	}
	str_fini(&text);
	if (!rc)
		ctf_quirks_fix_class(*out);
	if (!rc)
		rc = ctf_trace_class_check(*out, file_name, diag);
	if (rc)
		*out = NULL;
	return rc;
}

int ctf_trace_class_check(const struct ctf_trace_class *tc, const char *file_name,
			  struct diag *diag)
{
	for (size_t i = 0; i < tc->n_streams; i++) {
		struct arena scratch = {0};
		struct ctf_stream_plan *plan;
		int rc = ctf_stream_plan_new(&plan, &scratch, tc->streams[i], CTF_WANT_NONE,
					     file_name, diag);
		arena_fini(&scratch);
		if (rc)
			return rc;
	}
	return 0;
}

/* --- writing -------------------------------------------------------------------- */

struct writer {
	int (*preamble)(struct str *out, const struct ctf_trace_class *tc);
	int (*stream)(struct str *out, const struct ctf_stream_class *sc);
	int (*event)(struct str *out, const struct ctf_event_class *ec);
};

static const struct writer writers[] = {
	[CTF_METADATA_TSDL] = {tsdl_write_preamble, tsdl_write_stream, tsdl_write_event},
	[CTF_METADATA_JSON] = {json_write_preamble, json_write_stream, json_write_event},
};

static int written(const struct str *out, int rc)
{
	return out->failed ? -ENOMEM : rc;
}

int ctf_metadata_write_preamble(struct str *out, const struct ctf_trace_class *tc,
				enum ctf_metadata_format format)
{
	return written(out, writers[format].preamble(out, tc));
}

int ctf_metadata_write_stream(struct str *out, const struct ctf_stream_class *sc,
			      enum ctf_metadata_format format)
{
	return written(out, writers[format].stream(out, sc));
}

int ctf_metadata_write_event(struct str *out, const struct ctf_event_class *ec,
			     enum ctf_metadata_format format)
{
	return written(out, writers[format].event(out, ec));
}

int ctf_metadata_write(struct str *out, const struct ctf_trace_class *tc,
		       enum ctf_metadata_format format)
{
	int rc = ctf_metadata_write_preamble(out, tc, format);
	for (size_t i = 0; !rc && i < tc->n_streams; i++) {
		const struct ctf_stream_class *sc = tc->streams[i];
		rc = ctf_metadata_write_stream(out, sc, format);
		for (size_t j = 0; !rc && j < sc->n_events; j++)
			rc = ctf_metadata_write_event(out, sc->events[j], format);
	}
	return rc;
}
