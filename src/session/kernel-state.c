/* SPDX-License-Identifier: MIT */
#include "session/kernel-state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kern/state.h"
#include "session/kernel-classes.h"

enum { PACKET_BYTES = 256 << 10, RECORD_BYTES_MOST = 32 << 10 };

struct taking {
	struct model *model;
	int (*emit)(void *data, const struct packet *p);
	void *data;
	struct ctf_stream_class *class; /* NULL: not in the metadata yet */
	bool is_declared[STATE_N_KINDS];
	struct str records, payload;
	struct packet packet; /* that is being filled */
};

static int declare(struct taking *t, enum state_kind kind)
{
	struct kernel_naming naming = {t->model->wants.lttng_names, t->model->wants.ctf_major};
	struct model *m = t->model;
	struct ctf_event_class *ec;
	struct kernel_class class;
	int err = model_start(m);

	if (!err && !t->class) {
		t->class = model_add_stream(m, m->packet_context, NULL);
		err = t->class ? ctf_metadata_write_stream(&m->text, t->class, m->format) : -ENOMEM;
	}
	if (!err)
		err = kernel_class_init(&class, &state_events[kind], &naming, &m->arena);
	ec = err ? NULL : ctf_event_class_add(t->class, kind, class.name);
	if (!ec)
		return err ? err : -ENOMEM;
	ec->payload = class.payload;
	t->is_declared[kind] = true;
	return ctf_metadata_write_event(&m->text, ec, m->format);
}

static int flush(struct taking *t)
{
	struct packet *p = &t->packet;

	if (!p->events)
		return 0;
	if (t->records.failed)
		return -ENOMEM;
	p->stream = (uint32_t)t->class->id;
	p->is_own = true;
	p->pid = p->tid = (uint32_t)getpid();
	memcpy(p->procname, "piste", 6);
	p->slot = -1;
	p->data = (const uint8_t *)t->records.data;
	p->size = (uint32_t)t->records.len;
	p->to_free = t->records.data;
	t->records = (struct str){0};
	return t->emit(t->data, p);
}

static int visit(void *ctx, enum state_kind kind, const void *item)
{
	static const char zeros[4];
	struct taking *t = ctx;
	struct piste_record record = {.id = (uint16_t)kind};
	uint64_t now = model_ticks_now(t->model);
	int err = 0;

	if (!t->is_declared[kind])
		err = declare(t, kind);
	str_reset(&t->payload);
	state_add_payload(&t->payload, kind, item);
	if (err || t->payload.failed)
		return err ? err : -ENOMEM;
	if (t->payload.len > RECORD_BYTES_MOST)
		return 0; /* a path of that length tells nobody anything */
	if (t->records.len + t->payload.len > PACKET_BYTES) {
		err = flush(t);
		t->packet = (struct packet){0};
		if (err)
			return err;
	}
	str_add_bytes(&t->records, zeros, -t->records.len % 4);
	record.size = (uint16_t)(PISTE_RECORD_HEADER + t->payload.len);
	record.ticks_low = (uint32_t)now;
	record.ticks_high = (uint32_t)(now >> 32);
	str_add_bytes(&t->records, &record, PISTE_RECORD_HEADER);
	str_add_bytes(&t->records, t->payload.data, t->payload.len);
	if (!t->packet.events)
		t->packet.begin = now;
	t->packet.end = now;
	t->packet.events++;
	return 0;
}

int kernel_state_take(struct model *model, const struct kernel_state_options *options,
		      int (*emit)(void *data, const struct packet *p), void *data,
		      struct diag *diag)
{
	struct taking t = {.model = model, .emit = emit, .data = data};
	struct state_options wanted = {.pids = options->pids, .n_pids = options->n_pids};
	int err = state_take(&wanted, visit, &t, diag);

	if (!err)
		err = flush(&t);
	str_fini(&t.records);
	str_fini(&t.payload);
	return err;
}
