/* SPDX-License-Identifier: MIT */
/*
 * Checks first (`shape_check`), then a session's way in and out. The order of
 * stores matters in three places and is said there; all of it pairs with
 * libpiste, which looks at `active` again after it handed a chunk over.
 */
#include "session/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <piste/wire/rules.h>

#include "base/fs.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#endif

enum {
	CHUNK_SIZE_MIN = 4096,
	CHUNK_SIZE_MAX = 64 << 20,
	CHUNKS_MAX = 1 << 20,
	WRITERS_MAX = 1 << 20,
	OBJECTS_MAX = 64 << 20, /* bytes */
	PAGE_MIN = 4096,
};
#define POOL_SIZE_MAX (1ull << 42)

static bool area_fits(const struct pool *p, uint64_t offset, uint64_t size, unsigned align)
{
	return offset % align == 0 && offset >= sizeof(struct piste_pool) && offset <= p->size &&
	       size <= p->size - offset;
}

static void copy_text(char *out, const char *from, size_t size)
{
	memcpy(out, from, size);
	out[size] = '\0';
}

static int shape_check(struct pool *p, enum pool_error *why, struct diag *diag)
{
	struct piste_pool h;

	*why = POOL_ERROR_NOT_A_POOL;
	if (p->size < offsetof(struct piste_pool, sessions))
		return diag_error(diag, NULL, "too small for a pool");
	/* acquire: pairs with the release of libpiste's store of the magic, its last */
	if (__atomic_load_n(&pool_live(p)->magic, __ATOMIC_ACQUIRE) != PISTE_POOL_MAGIC)
		return diag_error(diag, NULL, "not a pool of piste, or not yet complete");
	memcpy(&h, p->base, offsetof(struct piste_pool, sessions));
	if (h.abi != PISTE_POOL_ABI) {
		*why = POOL_ERROR_ABI;
		diag_error(diag, NULL,
			   "its libpiste speaks version %u of the pool, this piste version %u",
			   h.abi, (unsigned)PISTE_POOL_ABI);
		diag_hint(diag, "it is left alone; use the piste that belongs to its libpiste");
		return -EPROTONOSUPPORT;
	}
	*why = POOL_ERROR_BROKEN;
	if (p->size < sizeof(struct piste_pool) || h.header_bytes != sizeof(struct piste_pool) ||
	    h.size_bytes > p->size)
		return diag_error(diag, NULL, "its pool contradicts its own size");
	p->objects_offset = h.objects_offset;
	p->objects_size = h.objects_size;
	p->gates_offset = h.gates_offset;
	p->gates_size = h.gates_size;
	p->writers_offset = h.writers_offset;
	p->states_offset = h.states_offset;
	p->chunks_offset = h.chunks_offset;
	p->writer_count = h.writer_count;
	p->chunk_count = h.chunk_count;
	p->chunk_size = h.chunk_size;
	p->clock = h.clock;
	p->pid = h.pid;
	p->parent_pid = h.parent_pid;
	p->created = h.created;
	copy_text(p->comm, h.comm, sizeof(h.comm));
	copy_text(p->exe, h.exe, sizeof(h.exe));
	copy_text(p->cmdline, h.cmdline, sizeof(h.cmdline));
	p->cmdline_size = h.cmdline_size < sizeof(h.cmdline) ? h.cmdline_size : sizeof(h.cmdline);
	if (p->chunk_size < CHUNK_SIZE_MIN || p->chunk_size > CHUNK_SIZE_MAX ||
	    p->chunk_size % PAGE_MIN || p->chunk_count > CHUNKS_MAX ||
	    p->writer_count > WRITERS_MAX || p->objects_size > OBJECTS_MAX ||
	    (p->clock != PISTE_CLOCK_TICKS && p->clock != PISTE_CLOCK_MONOTONIC) ||
	    !area_fits(p, p->objects_offset, p->objects_size, 8) ||
	    !area_fits(p, p->gates_offset, p->gates_size, 8) ||
	    !area_fits(p, p->writers_offset,
		       (uint64_t)p->writer_count * sizeof(struct piste_writer), 8) ||
	    !area_fits(p, p->states_offset, (uint64_t)p->chunk_count * 4, 4) ||
	    !area_fits(p, p->chunks_offset, (uint64_t)p->chunk_count * p->chunk_size, PAGE_MIN))
		return diag_error(diag, NULL, "its pool has an impossible layout");
	*why = POOL_ERROR_NONE;
	return 0;
}

int pool_open(struct pool **out, int fd, enum pool_error *why, struct diag *diag)
{
	const int wanted = F_SEAL_SHRINK | F_SEAL_GROW;
	struct pool *p;
	struct stat st;
	int seals, err;

	*out = NULL;
	*why = POOL_ERROR_SYSTEM;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & wanted) != wanted) {
		/* without the seals its owner could shrink it under our feet: SIGBUS */
		*why = POOL_ERROR_UNSEALED;
		diag_error(diag, NULL, "its pool is not sealed");
		return -EPERM;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < (off_t)offsetof(struct piste_pool, sessions) ||
	    (uint64_t)st.st_size > POOL_SIZE_MAX) {
		*why = POOL_ERROR_NOT_A_POOL;
		return diag_error(diag, NULL, "not the size of a pool");
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->size = (size_t)st.st_size;
	p->inode = st.st_ino;
	p->device = st.st_dev;
	p->base = mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p->base == MAP_FAILED) {
		err = -errno;
		free(p);
		return err;
	}
	err = shape_check(p, why, diag);
	if (err) {
		pool_free(p);
		return err;
	}
	*out = p;
	return 0;
}

int pool_open_bytes(struct pool **out, const void *data, size_t size, enum pool_error *why,
		    struct diag *diag)
{
	struct pool *p = calloc(1, sizeof(*p));
	int err;

	*out = NULL;
	*why = POOL_ERROR_SYSTEM;
	if (!p)
		return -ENOMEM;
	p->base = (uint8_t *)(uintptr_t)data;
	p->size = size;
	p->is_file = true;
	err = shape_check(p, why, diag);
	if (err) {
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	if (p->base && !p->is_file)
		munmap(p->base, p->size);
	free(p);
}

uint64_t pool_objects_used(const struct pool *p)
{
	uint64_t used = __atomic_load_n(&pool_live(p)->objects_used, __ATOMIC_RELAXED);

	return used < p->objects_size ? used : p->objects_size;
}

/* --- sessions ------------------------------------------------------------- */

uint64_t process_start_time(uint32_t pid)
{
	char path[48], *text = NULL, *p;
	uint64_t start = 0;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (fs_read_file(AT_FDCWD, path, 65536, &text, &len))
		return 0;
	p = strrchr(text, ')'); /* the name may hold anything, also ')' */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p)
		start = strtoull(p + 1, NULL, 10);
	free(text);
	return start;
}

bool recorder_is_alive(uint32_t pid, uint64_t start)
{
	uint64_t now = pid ? process_start_time(pid) : 0;

	return now && (now == start || !start);
}

int pool_find_session(const struct pool *p, uint64_t id)
{
	for (int slot = 0; slot < PISTE_SESSIONS_MAX; slot++) {
		const struct piste_session *s = &pool_live(p)->sessions[slot];

		/* acquire: pairs with the release that made it active */
		if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == PISTE_SESSION_ACTIVE &&
		    __atomic_load_n(&s->id, __ATOMIC_RELAXED) == id)
			return slot;
	}
	return -1;
}

/* Whether a site of an object in the pool is wanted; everything is copied before it is looked at. */
static bool site_wanted(const struct piste_session *session, const uint8_t *at, size_t left,
			uint64_t *step)
{
	struct piste_site_record record;
	struct piste_site *site;
	bool wanted = false;
	size_t size;

	if (left < sizeof(record) + sizeof(*site))
		return false;
	memcpy(&record, at, sizeof(record));
	if (record.size < sizeof(record) + sizeof(*site) || record.size > left || record.size % 8)
		return false;
	*step = record.size;
	size = record.size - sizeof(record);
	site = malloc(size + 2);
	if (!site)
		return false;
	memcpy(site, at + sizeof(record), size);
	memset((char *)site + size, 0, 2); /* two strings at least, whatever it holds */
	if (site->kind >= PISTE_SITE_EVENT && site->kind <= PISTE_SITE_GATE)
		wanted = piste_session_wants(session, site);
	free(site);
	return wanted;
}

/* Where the gates of an object lie; NULL when that is not within the gates' area. */
static struct piste_gate *object_gates(const struct pool *p,
				       const struct piste_object_record *record)
{
	uint64_t first = record->gates_offset;

	if (first < p->gates_offset || first % sizeof(struct piste_gate) ||
	    first - p->gates_offset > p->gates_size ||
	    record->gate_count >
		    (p->gates_size - (first - p->gates_offset)) / sizeof(struct piste_gate))
		return NULL;
	return (struct piste_gate *)(p->base + first);
}

/* Opens the gates of one object. `record` is a checked copy, `at` where it lies in the pool. */
static void object_open_gates(struct pool *p, const struct piste_session *session, uint32_t bit,
			      const struct piste_object_record *record, const uint8_t *at)
{
	struct piste_gate *gates = object_gates(p, record);
	uint64_t offset = record->sites_offset;
	uint8_t *wanted;

	if (!gates || record->gate_sites_offset > record->size || record->gate_sites_offset % 4 ||
	    record->gate_count > (record->size - record->gate_sites_offset) / 4 ||
	    record->site_count > record->size / sizeof(struct piste_site))
		return;
	wanted = calloc(record->site_count + 1, 1);
	if (!wanted)
		return;
	for (uint32_t i = 0; i < record->site_count && offset < record->size; i++) {
		uint64_t step = 0;

		wanted[i] = site_wanted(session, at + offset, record->size - offset, &step);
		if (!step)
			break;
		offset += step;
	}
	for (uint32_t i = 0; i < record->gate_count; i++) {
		uint32_t site;

		memcpy(&site, at + record->gate_sites_offset + 4 * (uint64_t)i, 4);
		if (site < record->site_count && wanted[site])
			__atomic_fetch_or(&gates[i].enabled, bit, __ATOMIC_RELAXED);
	}
	free(wanted);
}

static void object_shut_gates(struct pool *p, const struct piste_session *session, uint32_t bit,
			      const struct piste_object_record *record, const uint8_t *at)
{
	struct piste_gate *gates = object_gates(p, record);

	(void)session;
	(void)at;
	for (uint32_t i = 0; gates && i < record->gate_count; i++)
		if (__atomic_load_n(&gates[i].enabled, __ATOMIC_RELAXED) & bit)
			__atomic_fetch_and(&gates[i].enabled, ~bit, __ATOMIC_RELAXED);
}

typedef void (*object_fn)(struct pool *p, const struct piste_session *session, uint32_t bit,
			  const struct piste_object_record *record, const uint8_t *at);

/* Only what objects use: to read all of the gates' area would give memory to all of it. */
static void each_object(struct pool *p, const struct piste_session *session, uint32_t bit,
			object_fn each)
{
	/* acquire: pairs with the release of libpiste after an object is complete */
	uint32_t count = __atomic_load_n(&pool_live(p)->object_count, __ATOMIC_ACQUIRE);
	uint64_t used = pool_objects_used(p), offset = 0;

	while (count-- && used - offset >= sizeof(struct piste_object_record)) {
		const uint8_t *at = p->base + p->objects_offset + offset;
		struct piste_object_record record;

		memcpy(&record, at, sizeof(record));
		if (record.size < sizeof(record) || record.size % 8 || record.size > used - offset)
			return;
		if (record.live)
			each(p, session, bit, &record, at);
		offset += record.size;
	}
}

/*
 * Writers store FULL | active and then look at `active` again, both seq_cst;
 * here the bit leaves `active` before the states are swept, with a fence
 * between: one of the two sees the other, so no chunk waits for nobody.
 */
static void chunks_release(struct pool *p, int slot)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < p->chunk_count; i++)
		pool_chunk_done(p, i, slot);
}

static void slot_clean(struct pool *p, int slot)
{
	struct piste_pool *live = pool_live(p);

	pool_quiet(p, slot);
	__atomic_fetch_and(&live->active, ~(1u << slot), __ATOMIC_SEQ_CST);
	__atomic_fetch_and(&live->announce_pending, ~(1u << slot), __ATOMIC_RELAXED);
	chunks_release(p, slot);
	/* release: whoever claims the slot sees it empty */
	__atomic_store_n(&live->sessions[slot].state, PISTE_SESSION_FREE, __ATOMIC_RELEASE);
}

/* Slots whose recorder was killed. */
static void slots_clean_dead(struct pool *p)
{
	for (int slot = 0; slot < PISTE_SESSIONS_MAX; slot++) {
		struct piste_session *s = &pool_live(p)->sessions[slot];
		uint32_t state = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);

		if (state != PISTE_SESSION_ACTIVE && state != PISTE_SESSION_LEAVING)
			continue;
		if (recorder_is_alive(__atomic_load_n(&s->recorder_pid, __ATOMIC_RELAXED),
				      __atomic_load_n(&s->recorder_start, __ATOMIC_RELAXED)))
			continue;
		if (state == PISTE_SESSION_ACTIVE &&
		    !__atomic_compare_exchange_n(&s->state, &state, PISTE_SESSION_LEAVING, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue; /* somebody else does it */
		slot_clean(p, slot);
	}
}

static int slot_claim(struct pool *p)
{
	for (int slot = 0; slot < PISTE_SESSIONS_MAX; slot++) {
		uint32_t free_state = PISTE_SESSION_FREE;

		if (__atomic_compare_exchange_n(&pool_live(p)->sessions[slot].state, &free_state,
						PISTE_SESSION_CLAIMED, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return slot;
	}
	return -EBUSY;
}

void pool_raise_budget(struct pool *p, uint64_t bytes)
{
	uint64_t most = (uint64_t)p->chunk_count * p->chunk_size;
	uint64_t *budget = &pool_live(p)->budget_bytes;
	uint64_t now = __atomic_load_n(budget, __ATOMIC_RELAXED);

	if (bytes > most)
		bytes = most;
	while (now < bytes && !__atomic_compare_exchange_n(budget, &now, bytes, false,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

int pool_join(struct pool *p, const struct piste_session *session, struct diag *diag)
{
	struct piste_pool *live = pool_live(p);
	struct piste_session *s;
	int slot;

	slots_clean_dead(p);
	slot = slot_claim(p);
	if (slot < 0) {
		diag_error(diag, NULL, "all of its %d places for recordings are taken",
			   PISTE_SESSIONS_MAX);
		diag_hint(diag, "end one of the recordings");
		return slot;
	}
	s = &live->sessions[slot];
	memcpy((char *)s + sizeof(s->state), (const char *)session + sizeof(s->state),
	       sizeof(*s) - sizeof(s->state));
	if (session->flags & PISTE_SESSION_CPU)
		__atomic_fetch_or(&live->flags, PISTE_SESSION_CPU, __ATOMIC_RELAXED);
	pool_raise_budget(p, session->budget_bytes);
	/* release: libpiste reads the rest after it saw ACTIVE, when it loads an object */
	__atomic_store_n(&s->state, PISTE_SESSION_ACTIVE, __ATOMIC_RELEASE);
	__atomic_fetch_or(&live->active, 1u << slot, __ATOMIC_SEQ_CST);
	/* A chunk that holds a record for an open gate must find our bit in `active`. And an object
	 * is either registered before this fence, so that we open its gates, or libpiste looks at
	 * the sessions after it: then both do. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	each_object(p, session, 1u << slot, object_open_gates);
	return slot;
}

void pool_quiet(struct pool *p, int slot)
{
	each_object(p, NULL, 1u << slot, object_shut_gates);
}

void pool_chunk_done(struct pool *p, uint32_t chunk, int slot)
{
	struct piste_pool *live = pool_live(p);
	uint32_t *word = pool_state(p, chunk), bit = 1u << slot;
	/* seq_cst: see chunks_release */
	uint32_t state = __atomic_load_n(word, __ATOMIC_SEQ_CST), next;
	uint32_t limit;

	/* Bounded, for a process that keeps changing it: whoever does that only harms itself. */
	for (int tries = 0; tries < 64; tries++) {
		if (!(state & PISTE_CHUNK_FULL) || !(state & bit))
			return;
		next = state & ~bit;
		limit = __atomic_load_n(&pool_chunk(p, chunk)->limit, __ATOMIC_RELAXED);
		if (!(next & PISTE_CHUNK_PENDING)) {
			/* Nobody else has it now. Should its next owner be killed before it wrote a
			 * new head, this one must not look like it. */
			next = PISTE_CHUNK_FREE;
			__atomic_store_n(&pool_chunk(p, chunk)->committed, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&pool_chunk(p, chunk)->tid, 0, __ATOMIC_RELAXED);
		}
		/* release: our reads of the chunk are over; pairs with the writer's acquire CAS */
		if (!__atomic_compare_exchange_n(word, &state, next, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
			continue;
		if (next == PISTE_CHUNK_FREE) {
			__atomic_fetch_sub(&live->used_bytes, limit, __ATOMIC_RELAXED);
			__atomic_fetch_add(&live->freed, 1, __ATOMIC_RELEASE);
		}
		return;
	}
}

void pool_leave(struct pool *p, int slot)
{
	struct piste_session *s = &pool_live(p)->sessions[slot];

	__atomic_store_n(&s->state, PISTE_SESSION_LEAVING, __ATOMIC_RELEASE);
	slot_clean(p, slot);
}
