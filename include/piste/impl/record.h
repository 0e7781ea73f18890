/* SPDX-License-Identifier: MIT */
#ifndef PISTE_IMPL_RECORD_H
#define PISTE_IMPL_RECORD_H

/*
 * record - the fast path of a site: reserve, read the clock, store, commit.
 *
 * A thread writes alone into the chunk that it leased, so nothing in here is
 * an atomic read-modify-write. `state` guards the thread against itself: a
 * signal handler that traces while its thread is inside a record finds it not
 * idle and takes the slow path, which gives it a chunk of its own. The slow
 * path also handles all that is rare: a full chunk, the first record of a
 * thread, a forked child, tracers in the process, records with a CPU, clocks
 * that are not the TSC.
 *
 * Everything in here is ABI of libpiste (PISTE_POOL_ABI, PISTE_SITE_ABI).
 */

#include "piste/wire/pool.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PISTE_INLINE static inline __attribute__((always_inline, unused))
#define PISTE_IMPORT extern __attribute__((weak, visibility("default")))
#define PISTE_LIKELY(x) __builtin_expect(!!(x), 1)
#define PISTE_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define PISTE_THREAD_IDLE 1ul

/* A thread as its own sites see it, in private memory that a fork wipes to zero. */
struct piste_thread {
	/* PISTE_THREAD_IDLE; the stack pointer of the site in flight; 0: not set up, or wiped.
	 * Written by this thread and by its signal handlers, which put it back. */
	uintptr_t state;
	/* of nesting level 0; NULL only where a fork wiped it under a site in flight */
	struct piste_chunk *chunk;
};

/* A record being written, as the fast path knows it: in registers. */
struct piste_fast {
	struct piste_thread *thread;
	struct piste_chunk *chunk;
	uint32_t end; /* what `committed` becomes */
	uint32_t
		slow; /* the record is a struct piste_cursor's; known where each path is compiled */
};

/* A record being written, as the slow path knows it: in memory. */
struct piste_cursor {
	struct piste_thread *thread;
	struct piste_chunk *chunk;
	uintptr_t restore; /* the state to put back */
	char *start; /* of the record */
	const struct piste_site *site;
	uint32_t end, gate, level;
};

/* Bound when the object is loaded: the resolver would need a lot of a small signal stack. */
#if defined(__has_attribute)
#if __has_attribute(noplt)
#define PISTE_BOUND_ __attribute__((noplt))
#endif
#endif
#ifndef PISTE_BOUND_
#define PISTE_BOUND_
#endif

/* Weak: a program without libpiste links, and its gates stay shut. */
PISTE_IMPORT __thread struct piste_thread *piste_self __attribute__((tls_model("initial-exec")));
/* Returns the place of the payload, or NULL when the record is lost (and counted). `taken`: the
 * caller holds level 0. */
PISTE_IMPORT char *piste_slow_reserve(struct piste_cursor *cursor, struct piste_site *site,
				      uint32_t gate, uint32_t size, const void *stack, int taken)
	__attribute__((cold)) PISTE_BOUND_;
PISTE_IMPORT void piste_slow_commit(const struct piste_cursor *cursor)
	__attribute__((cold)) PISTE_BOUND_;

/* What an object tells of itself; one a link, filled in by the linker. */
struct piste_object {
	uint32_t abi; /* PISTE_SITE_ABI */
	uint32_t registered; /* written by libpiste */
	const struct piste_gate *gates, *gates_end;
	const char *types, *types_end;
	const void *elf_header;
};
PISTE_IMPORT void piste_object_register(struct piste_object *object);
PISTE_IMPORT void piste_object_unregister(struct piste_object *object);

#define PISTE_COMPILER_FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/*
 * On Intel nothing overlaps with rdtsc, so that each instruction of the fast
 * path counts: the stack pointer and the halves of the counter go to memory
 * as they are (measured: 10.2 ns for an int64 instead of 11.9, rdtsc 8.8).
 */
#if defined(__x86_64__)
#define PISTE_STACK_POINTER(out) __asm__ volatile("mov %%rsp, %0" : "=m"(out))
PISTE_INLINE uint64_t piste_ticks(void)
{
	return __builtin_ia32_rdtsc();
}
PISTE_INLINE void piste_ticks_put(char *to)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	__builtin_memcpy(to, &low, 4);
	__builtin_memcpy(to + 4, &high, 4);
}
#elif defined(__aarch64__)
#define PISTE_STACK_POINTER(out) __asm__ volatile("mov %0, sp" : "=r"(out))
PISTE_INLINE uint64_t piste_ticks(void)
{
	uint64_t ticks;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}
PISTE_INLINE void piste_ticks_put(char *to)
{
	uint64_t ticks = piste_ticks();

	__builtin_memcpy(to, &ticks, 8);
}
#endif

/*
 * The gate of a site: 8 bytes in `piste_sites`, emitted where the code stands,
 * in the group of its function if it has one ("?"), so that the linker keeps
 * or drops both together.
 */
#define PISTE_GATE_SECTION(symbol)                                                                 \
	".pushsection piste_sites,\"a?\",%%progbits\n\t"                                           \
	".balign 8\n"                                                                              \
	"771:\t.long 0\n\t"                                                                        \
	".long " symbol " - .\n\t"                                                                 \
	".popsection"
#if defined(__x86_64__)
#define PISTE_GATE_ADDRESS(out, ...)                                                               \
	__asm__("lea 771f(%%rip), %0\n\t" PISTE_GATE_SECTION("%c1") : "=r"(out) : "i"(__VA_ARGS__))
#elif defined(__aarch64__)
#define PISTE_GATE_ADDRESS(out, ...)                                                               \
	__asm__("adrp %0, 771f\n\tadd %0, %0, :lo12:771f\n\t" PISTE_GATE_SECTION("%1")             \
		: "=r"(out)                                                                        \
		: "S"(__VA_ARGS__))
#endif

/* volatile: a tracer stores it from outside; relaxed, since the records that it lets through
 * are ordered by their own commit. */
PISTE_INLINE uint32_t piste_gate_load(const struct piste_gate *gate)
{
	return *(const volatile uint32_t *)&gate->enabled;
}

/* Of a size that the compiler knows, nothing is left. */
#define PISTE_SIZE_FITS(size)                                                                      \
	((__builtin_constant_p(size) && (size) <= 4096) || (size) <= PISTE_RECORD_MAX)

/* `size`: header and payload. Returns the place of the payload, or NULL. */
PISTE_INLINE char *piste_reserve(struct piste_fast *fast, struct piste_cursor *cursor,
				 struct piste_site *site, uint32_t gate, uint32_t size)
{
	struct piste_thread *thread = piste_self;
	const void *stack;
	int taken = 0;

	if (PISTE_LIKELY(thread->state == PISTE_THREAD_IDLE)) {
		struct piste_chunk *chunk;
		uint32_t start = 0, end = 0;

		PISTE_STACK_POINTER(thread->state);
		PISTE_COMPILER_FENCE(); /* handlers see us in flight before we look at the chunk */
		chunk = thread->chunk;
		/* NULL: a handler forked just now, and this is the child */
		if (PISTE_LIKELY(chunk != NULL)) {
			start = chunk->committed;
			end = start + PISTE_RECORD_ALIGN(size);
		}
		if (PISTE_LIKELY(chunk != NULL && end <= chunk->fast_limit &&
				 PISTE_SIZE_FITS(size))) {
			char *record = (char *)chunk + start;
			uint32_t head = site->id | size << 16;

			__builtin_memcpy(record, &head, 4);
			/* The recorder read these lines last (an int64 1.45 to 1.36 times rdtsc). */
			__builtin_prefetch(record + 256, 1);
			piste_ticks_put(record + 4);
			fast->thread = thread;
			fast->chunk = chunk;
			fast->end = end;
			fast->slow = 0;
			return record + PISTE_RECORD_HEADER;
		}
		taken = 1;
	}
	fast->thread = NULL; /* gcc warns of what is not set where it is not read */
	fast->chunk = NULL;
	fast->end = 0;
	fast->slow = 1;
	PISTE_STACK_POINTER(stack);
	return piste_slow_reserve(cursor, site, gate, size, stack, taken);
}

PISTE_INLINE void piste_commit(const struct piste_fast *fast, const struct piste_cursor *cursor)
{
	if (PISTE_LIKELY(!fast->slow)) {
		/* pairs with the acquire of recorders: the record is whole when they see it */
		__atomic_store_n(&fast->chunk->committed, fast->end, __ATOMIC_RELEASE);
		PISTE_COMPILER_FENCE();
		fast->thread->state = PISTE_THREAD_IDLE;
	} else {
		piste_slow_commit(cursor);
	}
}

/* A record that came out other than its size said: lost, as one too large is, and counted. */
PISTE_INLINE void piste_drop(const struct piste_fast *fast, struct piste_cursor *cursor,
			     struct piste_site *site, uint32_t gate)
{
	const void *stack;

	if (!fast->slow) {
		fast->thread->state = PISTE_THREAD_IDLE;
	} else {
		cursor->gate = 0; /* for nobody */
		piste_slow_commit(cursor);
	}
	PISTE_STACK_POINTER(stack);
	(void)piste_slow_reserve(cursor, site, gate, PISTE_RECORD_MAX + 1, stack, 0);
}

#ifndef PISTE_IN_LIBRARY /* which has no sites of its own */
/* Bounds of the sections of this link; weak, since an object may have none. */
extern const struct piste_gate __start_piste_sites[] __attribute__((weak, visibility("hidden")));
extern const struct piste_gate __stop_piste_sites[] __attribute__((weak, visibility("hidden")));
extern const char __start_piste_types[] __attribute__((weak, visibility("hidden")));
extern const char __stop_piste_types[] __attribute__((weak, visibility("hidden")));
extern const char __ehdr_start[] __attribute__((weak, visibility("hidden")));

/* One a link: every translation unit defines the same three, the linker keeps one of each. */
struct piste_object *piste_object_self(void) __attribute__((weak, visibility("hidden")));
struct piste_object *piste_object_self(void)
{
	static struct piste_object object;

	return &object;
}

void piste_object_load(void) __attribute__((weak, visibility("hidden"), constructor(102)));
void piste_object_load(void)
{
	struct piste_object *object = piste_object_self();

	if (!piste_object_register || object->registered || !__start_piste_sites)
		return;
	object->abi = PISTE_SITE_ABI;
	object->gates = __start_piste_sites;
	object->gates_end = __stop_piste_sites;
	object->types = __start_piste_types;
	object->types_end = __stop_piste_types;
	object->elf_header = __ehdr_start;
	piste_object_register(object);
}

void piste_object_unload(void) __attribute__((weak, visibility("hidden"), destructor(102)));
void piste_object_unload(void)
{
	struct piste_object *object = piste_object_self();

	if (piste_object_unregister && object->registered)
		piste_object_unregister(object);
}

/*
 * What takes libpiste in although all references to it are weak: a linker
 * resolves a common symbol with an archive's definition, and counts it as a use
 * of a shared library (GNU ld; with lld or gold and --as-needed, link with
 * -Wl,--no-as-needed; gold takes nothing out of an archive for a common symbol:
 * -Wl,-u,piste_object_register).
 */
#ifdef __cplusplus
__asm__(".comm piste_library,4,4");
#else
extern int piste_library;
__attribute__((common, visibility("default"))) int piste_library;
#endif

#endif /* PISTE_IN_LIBRARY */

#ifdef __cplusplus
}
#endif

#endif
