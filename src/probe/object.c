/* SPDX-License-Identifier: MIT */
/*
 * object - an instrumented executable or shared object, from its constructor
 * to its destructor.
 *
 * Its sites get ids, their descriptions are copied into the pool, and the
 * pages that hold its gates are replaced by pages of the pool with the same
 * contents: a tracer then opens a gate with a store, and the site still tests
 * a word at a place that the linker knew. The gates lie in a read-only section,
 * so that whatever shares their first and last page never changes either.
 *
 * Ids are never given out twice; a plugin that is loaded again finds its old
 * record and has the ids that it had.
 */
#include <elf.h>
#include <errno.h>
#include <sys/mman.h>

#include "piste/wire/rules.h"
#include "probe/probe.h"
#include "probe/sys.h"

#ifndef MREMAP_FIXED
#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2
#endif
#define ROUND_UP_8(n) (((n) + 7u) & ~7u)

static struct piste_site *gate_site(const struct piste_gate *gate)
{
	return (struct piste_site *)((uintptr_t)&gate->site_offset + (intptr_t)gate->site_offset);
}

static uint32_t site_size(const struct piste_site *site)
{
	return (uint32_t)sizeof(*site) + site->text_size;
}

static uint32_t gate_count(const struct piste_object *handle)
{
	return (uint32_t)(handle->gates_end - handle->gates);
}

/*
 * Lays pages of the pool over the object's; false when they were left alone.
 *
 * An old size of 0 duplicates a shared mapping: no descriptor is needed, which
 * the program may have closed. Where code shares the pages (-z noseparate-code),
 * even our own, they must never be without PROT_EXEC: the copy is born with it.
 */
bool objects_map_gates(struct object *object)
{
	char *source = pool_at(piste_local.pool->gates_offset + object->gates_page);
	int born = PROT_READ | PROT_WRITE;
	long result;

	if (object->protection & PROT_EXEC) {
		result = SYS_CALL(SYS_mprotect, source, object->pages_size, born | PROT_EXEC);
		if (sys_failed(result))
			return false;
	}
	result = SYS_CALL(SYS_mremap, source, 0, object->pages_size, MREMAP_MAYMOVE | MREMAP_FIXED,
			  object->pages);
	if (object->protection & PROT_EXEC)
		SYS_CALL(SYS_mprotect, source, object->pages_size, born);
	if (sys_failed(result))
		return false;
	SYS_CALL(SYS_mprotect, object->pages, object->pages_size, object->protection);
	return true;
}

/* What the program headers tell: how the gates' segment is mapped, and the build-id. */
static void read_elf_header(struct object *object, struct piste_object_record *record)
{
	const Elf64_Ehdr *header = object->handle->elf_header;
	uintptr_t gates = (uintptr_t)object->handle->gates, bias = (uintptr_t)header;
	const Elf64_Phdr *segments;

	object->protection = PROT_READ;
	if (!header || header->e_ident[0] != 0x7f || header->e_phentsize != sizeof(*segments))
		return;
	segments = (const Elf64_Phdr *)((const char *)header + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) /* the header lies in the segment at offset 0 */
		if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0)
			bias = (uintptr_t)header - segments[i].p_vaddr;
	record->base = (uintptr_t)header;
	for (int i = 0; i < header->e_phnum; i++) {
		const Elf64_Phdr *segment = &segments[i];
		const char *at = (const char *)(bias + segment->p_vaddr);
		const char *end = at + segment->p_memsz;

		if (segment->p_type == PT_LOAD && gates - (uintptr_t)at < segment->p_memsz) {
			object->protection = (segment->p_flags & PF_R ? PROT_READ : 0) |
					     (segment->p_flags & PF_W ? PROT_WRITE : 0) |
					     (segment->p_flags & PF_X ? PROT_EXEC : 0);
		}
		if (segment->p_type != PT_NOTE)
			continue;
		while (at + sizeof(Elf64_Nhdr) <= end) {
			const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;
			const char *name = at + sizeof(*note);
			const char *bytes = name + ((note->n_namesz + 3u) & ~3u);

			if (bytes + note->n_descsz > end)
				break;
			if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
			    note->n_descsz <= sizeof(record->build_id)) {
				__builtin_memcpy(record->build_id, bytes, note->n_descsz);
				record->build_id_size = note->n_descsz;
			}
			at = bytes + ((note->n_descsz + 3u) & ~3u);
		}
	}
}

static struct piste_site_record *record_sites(struct piste_object_record *record)
{
	return (struct piste_site_record *)((char *)record + record->sites_offset);
}

static struct piste_site_record *next_site(struct piste_site_record *site)
{
	return (struct piste_site_record *)((char *)site + site->size);
}

/*
 * Writes the object's record behind those that are there; *ids is where the
 * ids stand, and is left behind the new ones. Several gates may name one site,
 * the first of them brings it in.
 */
static struct piste_object_record *record_write(struct object *object, uint32_t *ids)
{
	struct piste_pool *pool = piste_local.pool;
	const struct piste_object *handle = object->handle;
	uint32_t gates = gate_count(handle), at;
	uint64_t room = pool->objects_size - pool->objects_used, sites_bytes = 0;
	size_t types_size = handle->types ? (size_t)(handle->types_end - handle->types) : 0;
	struct piste_object_record *record =
		(struct piste_object_record *)pool_at(pool->objects_offset + pool->objects_used);
	uint32_t *gate_sites;

	for (uint32_t i = 0; i < gates; i++)
		sites_bytes += sizeof(struct piste_site_record) +
			       ROUND_UP_8(site_size(gate_site(&handle->gates[i])));
	if (sizeof(*record) + ROUND_UP_8(gates * 4ull) + sites_bytes + ROUND_UP_8(types_size) >
	    room)
		return NULL;
	__builtin_memset(record, 0, sizeof(*record));
	read_elf_header(object, record);
	record->gate_count = gates;
	record->gate_sites_offset = sizeof(*record);
	record->sites_offset = record->gate_sites_offset + ROUND_UP_8(gates * 4u);
	gate_sites = (uint32_t *)((char *)record + record->gate_sites_offset);
	at = record->sites_offset;
	for (uint32_t i = 0; i < gates; i++) {
		struct piste_site *site = gate_site(&handle->gates[i]);
		struct piste_site_record *entry = (struct piste_site_record *)((char *)record + at);

		gate_sites[i] = ~0u;
		if (site->abi != PISTE_SITE_ABI)
			continue;
		if (site->kind != PISTE_SITE_GATE && site->id != PISTE_ID_NONE) {
			/* a copy of code that was seen already: not long ago, mostly */
			for (uint32_t n = i; n-- > 0 && gate_sites[i] == ~0u;)
				if (gate_site(&handle->gates[n]) == site)
					gate_sites[i] = gate_sites[n];
			continue;
		}
		if (site->kind != PISTE_SITE_GATE) {
			if (*ids >= PISTE_ID_NONE)
				continue;
			site->id = (uint16_t)(*ids)++;
		}
		entry->size = (uint32_t)sizeof(*entry) + ROUND_UP_8(site_size(site));
		__builtin_memcpy(entry + 1, site, site_size(site));
		gate_sites[i] = record->site_count++;
		at += entry->size;
	}
	record->types_offset = at;
	record->types_size = (uint32_t)types_size;
	if (types_size)
		sys_copy((char *)record + at, handle->types, types_size);
	record->size = at + ROUND_UP_8((uint32_t)types_size);
	return record;
}

/* Whether a record of an object that was unloaded describes this one. */
static bool record_is_of(struct piste_object_record *record, const struct piste_object *handle)
{
	const uint32_t *gate_sites = (const uint32_t *)((char *)record + record->gate_sites_offset);
	struct piste_site_record *entry = record_sites(record);
	uint32_t index = 0;

	if (record->gate_count != gate_count(handle))
		return false;
	for (uint32_t i = 0; i < record->gate_count; i++) {
		const struct piste_site *site = gate_site(&handle->gates[i]);
		const struct piste_site *old;

		if (gate_sites[i] == ~0u || gate_sites[i] < index)
			continue;
		while (index < gate_sites[i]) {
			entry = next_site(entry);
			index++;
		}
		old = (const struct piste_site *)(entry + 1);
		if (old->text_size != site->text_size || old->kind != site->kind ||
		    old->line != site->line ||
		    __builtin_memcmp(old->types, site->types, sizeof(old->types)) != 0 ||
		    __builtin_memcmp(old + 1, site + 1, site->text_size) != 0)
			return false;
	}
	return true;
}

/* Gives the sites of an object that came back the ids of its record. */
static void record_reuse(struct piste_object_record *record, const struct piste_object *handle)
{
	const uint32_t *gate_sites = (const uint32_t *)((char *)record + record->gate_sites_offset);
	struct piste_site_record *entry = record_sites(record);
	uint32_t index = 0;

	for (uint32_t i = 0; i < record->gate_count; i++) {
		if (gate_sites[i] == ~0u || gate_sites[i] < index)
			continue;
		while (index < gate_sites[i]) {
			entry = next_site(entry);
			index++;
		}
		gate_site(&handle->gates[i])->id = ((struct piste_site *)(entry + 1))->id;
	}
	record->base = (uintptr_t)handle->elf_header;
}

/* The gates' pages, as they are, into the pool; then the pool's over them. */
static bool share_gates(struct object *object)
{
	struct piste_pool *pool = piste_local.pool;
	uintptr_t page = pool->page_size;
	uintptr_t start = (uintptr_t)object->handle->gates & ~(page - 1);
	uintptr_t end = ((uintptr_t)object->handle->gates_end + page - 1) & ~(page - 1);

	if (!object->pages_size) {
		if (end - start > pool->gates_size - piste_local.gates_used)
			return false;
		object->gates_page = piste_local.gates_used;
		piste_local.gates_used += end - start;
	}
	object->pages = (char *)start;
	object->pages_size = end - start;
	sys_copy(pool_at(pool->gates_offset + object->gates_page), object->pages,
		 object->pages_size);
	object->record->gates_offset = pool->gates_offset + object->gates_page +
				       ((uintptr_t)object->handle->gates - start);
	return objects_map_gates(object);
}

/* Opens the gates of one object that the active sessions and the tracers want. */
static void apply_sessions(struct object *object)
{
	struct piste_pool *pool = piste_local.pool;
	uint32_t active = __atomic_load_n(&pool->active, __ATOMIC_SEQ_CST), gone;
	struct piste_gate *gates = (struct piste_gate *)pool_at(object->record->gates_offset);

	for (uint32_t i = 0; i < object->record->gate_count; i++) {
		struct piste_site *site = gate_site(&object->handle->gates[i]);

		if (site->abi != PISTE_SITE_ABI ||
		    (site->id == PISTE_ID_NONE && site->kind != PISTE_SITE_GATE))
			continue;
		for (uint32_t s = 0; active >> s; s++)
			if ((active & 1u << s) &&
			    __atomic_load_n(&pool->sessions[s].state, __ATOMIC_ACQUIRE) ==
				    PISTE_SESSION_ACTIVE &&
			    piste_session_wants(&pool->sessions[s], site))
				__atomic_or_fetch(&gates[i].enabled, 1u << s, __ATOMIC_RELAXED);
		tracers_apply(site, &gates[i]);
	}
	/* sessions that left meanwhile may have closed their gates before we opened them */
	gone = active & ~__atomic_load_n(&pool->active, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; gone && i < object->record->gate_count; i++)
		__atomic_and_fetch(&gates[i].enabled, ~gone, __ATOMIC_RELAXED);
}

void objects_apply_sessions(void)
{
	for (uint32_t i = 0; i < piste_local.object_count; i++)
		if (piste_local.objects[i].handle)
			apply_sessions(&piste_local.objects[i]);
}

static bool object_add(struct piste_object *handle)
{
	struct piste_pool *pool = piste_local.pool;
	struct object *object = &piste_local.objects[piste_local.object_count];
	uint32_t ids = pool->event_count;

	if (piste_local.object_count == OBJECTS_MAX)
		return false;
	__builtin_memset(object, 0, sizeof(*object));
	object->handle = handle;
	object->record = record_write(object, &ids);
	if (!object->record)
		return false;
	if (!share_gates(object)) {
		for (uint32_t i = 0; i < gate_count(handle); i++)
			gate_site(&handle->gates[i])->id = PISTE_ID_NONE;
		return false;
	}
	object->record->live = 1;
	piste_local.object_count++;
	pool->event_count = piste_local.event_count = ids;
	piste_local.objects_used += object->record->size;
	pool->objects_used = piste_local.objects_used;
	/* pairs with the acquire of recorders, and comes before we look at `active`: a recorder
	 * that becomes active now sees the object, or is seen by us */
	__atomic_store_n(&pool->object_count, piste_local.object_count, __ATOMIC_SEQ_CST);
	apply_sessions(object);
	return true;
}

static bool object_return(struct piste_object *handle)
{
	for (uint32_t i = 0; i < piste_local.object_count; i++) {
		struct object *object = &piste_local.objects[i];

		if (object->handle || !record_is_of(object->record, handle))
			continue;
		record_reuse(object->record, handle);
		object->handle = handle;
		if (object->pages_size !=
		    ((((uintptr_t)handle->gates_end + piste_local.pool->page_size - 1) &
		      ~(uintptr_t)(piste_local.pool->page_size - 1)) -
		     ((uintptr_t)handle->gates & ~(uintptr_t)(piste_local.pool->page_size - 1))))
			object->pages_size = 0; /* other pages than last time */
		if (!share_gates(object)) {
			object->handle = NULL;
			return false;
		}
		object->record->live = 1;
		apply_sessions(object);
		return true;
	}
	return false;
}

void probe_init(void);

PISTE_EXPORT void piste_object_register(struct piste_object *handle)
{
	uint64_t mask;

	probe_init(); /* in a static program our constructor may come later */
	if (!piste_local.pool || handle->abi != PISTE_SITE_ABI ||
	    handle->gates == handle->gates_end)
		return;
	mask = lock_acquire();
	if (!handle->registered && !pool_renew_after_fork())
		handle->registered = object_return(handle) || object_add(handle);
	lock_release(mask);
}

/* Its gates are left as they are: at exit, other threads may still trace. */
PISTE_EXPORT void piste_object_unregister(struct piste_object *handle)
{
	uint64_t mask = lock_acquire();

	for (uint32_t i = 0; i < piste_local.object_count; i++) {
		struct object *object = &piste_local.objects[i];

		if (object->handle == handle) {
			object->handle = NULL;
			if (!pool_is_inherited()) /* else it is its parent's */
				object->record->live = 0;
		}
	}
	handle->registered = 0;
	lock_release(mask);
}
