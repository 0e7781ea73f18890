/* SPDX-License-Identifier: MIT */
#ifndef PISTE_PISTE_H
#define PISTE_PISTE_H

/*
 * piste - trace points for C (C11 and later) and C++ (C++17 and later).
 *
 *	PISTE(shop, order_done, id, total, (path, req->path));
 *
 * records an event `shop:order_done` with the fields id, total and path when
 * somebody traces, and costs a load and a branch when nobody does. Nothing
 * else has to be declared. Link with -lpiste; without it the program links and
 * runs, and its sites stay off.
 *
 * Arguments are evaluated once, and only while the site is on. A field is
 *	expr			its name is taken from the expression (`req->path` is "path")
 *	(name, expr)		a name of your own
 *	(name, expr, unit=ms)	… and attributes: text that tracers show
 * with a type that is inferred: bool, all integers, enums, float, double
 * (long double is recorded as double), pointers, and strings (char *, char
 * arrays, in C++ whatever has data() and size() of char; NULL is "(null)";
 * up to 4095 bytes are kept). At most 16 fields, 48 KiB a record. Structures
 * and the rest: see below. Bit fields need a cast in C.
 *
 * Sites may stand wherever a statement may, in signal handlers as well. errno
 * is kept. Nothing is allocated, no lock is taken, no system call is made but
 * when a thread needs a fresh chunk of memory.
 */

#include "piste/impl/fields.h"

#if defined(__x86_64__) || defined(__aarch64__)

/* Records an event of level PISTE_INFO. PISTE(provider, event, fields…) */
#define PISTE(provider, ...)                                                                       \
	PISTE_EVENT_(PISTE_SITE_EVENT, PISTE_INFO, #provider, PISTE_STR(PISTE_FIRST(__VA_ARGS__)), \
		     #__VA_ARGS__, "", __VA_ARGS__)

/* The same with a level of your own, PISTE_EMERG to PISTE_DEBUG. */
#define PISTE_LEVEL(level, provider, ...)                                                          \
	PISTE_EVENT_(PISTE_SITE_EVENT, level, #provider, PISTE_STR(PISTE_FIRST(__VA_ARGS__)),      \
		     #__VA_ARGS__, "", __VA_ARGS__)

/*
 * True while somebody traces provider:event, for what is dear to compute:
 *	if (PISTE_ENABLED(shop, cart))
 *		PISTE(shop, cart, PISTE_ARRAY(items, count_items()));
 */
#define PISTE_ENABLED(provider, event)                                                             \
	__extension__({                                                                            \
		PISTE_SITE_DEFINE(PISTE_SITE_GATE, PISTE_INFO,                                     \
				  PISTE_TEXT_(#provider, #event, #event, ""), event);              \
		(void)piste_site_;                                                                 \
		(int)PISTE_UNLIKELY(piste_gate_load(piste_gate_));                                 \
	})

/*
 * A span: `event_begin` with the fields now, `event_end` when the enclosing
 * scope is left, on every way out but longjmp. Stands among declarations.
 */
#define PISTE_SCOPE(provider, ...)                                                                 \
	PISTE_SCOPE_(PISTE_CAT(piste_scope_, __LINE__), #provider, #__VA_ARGS__, __VA_ARGS__)

/*
 * printf-like; formatted when the trace is read, so that recording costs what
 * an event with the arguments as fields costs. The format is a literal.
 *	PISTE_LOG(shop, PISTE_WARNING, "retry %d of %s", n, host);
 */
#define PISTE_LOG(provider, level, ...)                                                            \
	do {                                                                                       \
		if (0)                                                                             \
			piste_check_format(__VA_ARGS__);                                           \
		PISTE_EVENT_(PISTE_SITE_LOG, level, #provider, "log", #__VA_ARGS__,                \
			     PISTE_FIRST(__VA_ARGS__), __VA_ARGS__);                               \
	} while (0)

/* Fields of more than one value. Each may stand where an expression may: (name, PISTE_ARRAY(…)) */
#define PISTE_ARRAY(elements, count)                                                               \
	PISTE_KIND_(0SEQUENCE, elements, count, ~) /* of inferred type */
#define PISTE_FIXED(elements, count)                                                               \
	PISTE_KIND_(0FIXED, elements, count, ~) /* count is a constant */
#define PISTE_BYTES(data, size) PISTE_KIND_(0BYTES, data, size, ~) /* shown in hexadecimal */
#define PISTE_OPTIONAL(present, value) PISTE_KIND_(0OPTIONAL, present, value, ~)
/* … of a type made with PISTE_ENUM (by value), PISTE_STRUCT or PISTE_VARIANT (by address) */
#define PISTE_AS(type, value) PISTE_KIND_(0AS, type, value, ~)
#define PISTE_ARRAY_OF(type, elements, count) PISTE_KIND_(0SEQUENCE_OF, type, elements, count)
#define PISTE_FIXED_OF(type, elements, count) PISTE_KIND_(0FIXED_OF, type, elements, count)
#define PISTE_OPTIONAL_OF(type, present, value) PISTE_KIND_(0OPTIONAL_OF, type, present, value)
/* No field: attributes of the event, text that tracers show. */
#define PISTE_ATTRIBUTES(...) PISTE_KIND_(0ATTRIBUTES, ~, ~, ~)

/*
 * Types of your own, at file scope, before the sites that use them. They are
 * static data (piste/wire/site.h) that any tracer can list.
 *
 * PISTE_ENUM(color, enum color, RED, GREEN, ("light blue", 10), ("shade", 20, 29));
 *	An enumeration on the integer type given second: labels are named after
 *	constants, or are (label, value) or (label, low, high); at most 32.
 */
#define PISTE_ENUM(name, c_type, ...)                                                              \
	PISTE_TYPE_SECTION_ struct {                                                               \
		struct piste_type type;                                                            \
		int64_t values[2 * PISTE_COUNT32(__VA_ARGS__)];                                    \
		char bytes[sizeof(#name "\0" #__VA_ARGS__)];                                       \
	} piste_type_##name = {{PISTE_TYPE_MAGIC,                                                  \
				sizeof(struct piste_type) + 16 * PISTE_COUNT32(__VA_ARGS__) +      \
					sizeof(#name "\0" #__VA_ARGS__),                           \
				PISTE_TYPE_ENUM,                                                   \
				PISTE_COUNT32(__VA_ARGS__),                                        \
				sizeof(#name "\0" #__VA_ARGS__),                                   \
				0,                                                                 \
				{PISTE_CODE_OF((c_type)0)}},                                       \
			       {PISTE_EACH32(PISTE_LABEL_, __VA_ARGS__)},                          \
			       #name "\0" #__VA_ARGS__};                                           \
	PISTE_INLINE uint32_t piste_size_##name(c_type value)                                      \
	{                                                                                          \
		return sizeof(value);                                                              \
	}                                                                                          \
	PISTE_INLINE char *piste_put_##name(char *p, const char *end, c_type value)                \
	{                                                                                          \
		(void)end;                                                                         \
		return piste_put_plain(p, &value, sizeof(value));                                  \
	}                                                                                          \
	enum { piste_by_address_##name = 0 }

/*
 * PISTE_STRUCT(point, const struct point *self, (x, self->x), (y, self->y));
 *	Members are fields in all their forms, of the parameter that is declared
 *	second.
 */
#define PISTE_STRUCT(name, parameter, ...)                                                         \
	PISTE_INLINE uint32_t piste_size_##name(parameter)                                         \
	{                                                                                          \
		PISTE_EACH(PISTE_DECLARE_, , name, __VA_ARGS__)                                    \
		return 0 PISTE_EACH(PISTE_SIZE_, , name, __VA_ARGS__);                             \
	}                                                                                          \
	PISTE_INLINE char *piste_put_##name(char *piste_p_, const char *piste_end_, parameter)     \
	{                                                                                          \
		PISTE_EACH(PISTE_DECLARE_, , name, __VA_ARGS__)                                    \
		if (!PISTE_HAS_ROOM_(0 PISTE_EACH(PISTE_SIZE_, , name, __VA_ARGS__)))              \
			return piste_p_;                                                           \
		PISTE_EACH(PISTE_WRITE_, , name, __VA_ARGS__)                                      \
		return piste_p_;                                                                   \
	}                                                                                          \
	PISTE_TYPE_DEFINE_(PISTE_TYPE_STRUCT, name, parameter, #name "\0" #__VA_ARGS__,            \
			   PISTE_COUNT(__VA_ARGS__),                                               \
			   PISTE_EACH(PISTE_CODE_, 0, name, __VA_ARGS__))

/*
 * PISTE_VARIANT(shape, const struct shape *self, self->kind,
 *		 (circle, CIRCLE, self->radius),
 *		 (square, SQUARE, PISTE_AS(point, &self->corner)));
 *	One of several options: (name, value of the selector, field).
 */
#define PISTE_VARIANT(name, parameter, selector, ...)                                              \
	PISTE_INLINE uint32_t piste_size_##name(parameter)                                         \
	{                                                                                          \
		PISTE_AUTO piste_selector_ = (selector);                                           \
		PISTE_EACH(PISTE_OPTION_SIZE_, , name, __VA_ARGS__)                                \
		return 1;                                                                          \
	}                                                                                          \
	PISTE_INLINE char *piste_put_##name(char *piste_p_, const char *piste_end_, parameter)     \
	{                                                                                          \
		PISTE_AUTO piste_selector_ = (selector);                                           \
		PISTE_EACH(PISTE_OPTION_WRITE_, , name, __VA_ARGS__)                               \
		if (PISTE_HAS_ROOM_(1))                                                            \
			*piste_p_++ = (char)255;                                                   \
		return piste_p_;                                                                   \
	}                                                                                          \
	PISTE_TYPE_DEFINE_(PISTE_TYPE_VARIANT, name, parameter, #name "\0" #__VA_ARGS__,           \
			   PISTE_COUNT(__VA_ARGS__),                                               \
			   PISTE_EACH(PISTE_OPTION_CODE_, 0, name, __VA_ARGS__))

/* ---- what the macros above are made of --------------------------------- */

#define PISTE_TEXT_(provider, event, arguments, format)                                            \
	provider "\0" event "\0" __FILE__ "\0" arguments "\0" format

#define PISTE_EVENT_(kind, level, provider, event, arguments, format, ...)                         \
	do {                                                                                       \
		PISTE_SITE_DEFINE(kind, level, PISTE_TEXT_(provider, event, arguments, format),    \
				  __VA_ARGS__);                                                    \
		const uint32_t piste_on_ = piste_gate_load(piste_gate_);                           \
		if (PISTE_UNLIKELY(piste_on_ != 0)) {                                              \
			PISTE_RECORD_(kind, __VA_ARGS__)                                           \
		}                                                                                  \
	} while (0)

/* A PISTE_LOG carries the number of its format, 0, before its fields. */
#define PISTE_RECORD_(kind, ...)                                                                   \
	PISTE_EACH(PISTE_DECLARE_, , __VA_ARGS__)                                                  \
	struct piste_fast piste_fast_;                                                             \
	struct piste_cursor piste_cursor_;                                                         \
	const uint32_t piste_size_ = ((kind) == PISTE_SITE_LOG)                                    \
		PISTE_EACH(PISTE_SIZE_, , __VA_ARGS__);                                            \
	char *piste_p_ = piste_reserve(&piste_fast_, &piste_cursor_, &piste_site_.site, piste_on_, \
				       PISTE_RECORD_HEADER + piste_size_);                         \
	if (PISTE_LIKELY(piste_p_ != NULL)) {                                                      \
		const char *const piste_payload_ = piste_p_;                                       \
		if ((kind) == PISTE_SITE_LOG)                                                      \
			*piste_p_++ = 0;                                                           \
		PISTE_EACH(PISTE_WRITE_, , __VA_ARGS__)                                            \
		if ((0 PISTE_EACH(PISTE_TWICE_, , __VA_ARGS__)) &&                                 \
		    PISTE_UNLIKELY(piste_p_ != piste_payload_ + piste_size_))                      \
			piste_drop(&piste_fast_, &piste_cursor_, &piste_site_.site, piste_on_);    \
		else                                                                               \
			piste_commit(&piste_fast_, &piste_cursor_);                                \
	}

static inline __attribute__((format(printf, 1, 2), unused)) void
piste_check_format(const char *format, ...)
{
	(void)format;
}

struct piste_scope {
	struct piste_site *end; /* NULL when the beginning was not recorded */
	const struct piste_gate *gate;
};

PISTE_INLINE void piste_scope_leave(const struct piste_scope *scope)
{
	if (PISTE_UNLIKELY(scope->end != NULL)) {
		uint32_t on = piste_gate_load(scope->gate);
		struct piste_fast fast;
		struct piste_cursor cursor;

		if (on && piste_reserve(&fast, &cursor, scope->end, on, PISTE_RECORD_HEADER))
			piste_commit(&fast, &cursor);
	}
}

#define PISTE_SCOPE_(variable, provider, arguments, ...)                                           \
	__attribute__((cleanup(piste_scope_leave), unused))                                        \
	const struct piste_scope variable = __extension__({                                        \
		struct piste_scope piste_scope_ = {NULL, NULL};                                    \
		{                                                                                  \
			PISTE_SITE_DEFINE(PISTE_SITE_SPAN_END, PISTE_INFO,                         \
					  PISTE_TEXT_(provider,                                    \
						      PISTE_STR(PISTE_FIRST(__VA_ARGS__)),         \
						      PISTE_STR(PISTE_FIRST(__VA_ARGS__)), ""),    \
					  PISTE_FIRST(__VA_ARGS__));                               \
			piste_scope_.end = &piste_site_.site;                                      \
			piste_scope_.gate = piste_gate_;                                           \
		}                                                                                  \
		PISTE_SITE_DEFINE(PISTE_SITE_SPAN_BEGIN, PISTE_INFO,                               \
				  PISTE_TEXT_(provider, PISTE_STR(PISTE_FIRST(__VA_ARGS__)),       \
					      arguments, ""),                                      \
				  __VA_ARGS__);                                                    \
		const uint32_t piste_on_ = piste_gate_load(piste_gate_);                           \
		if (PISTE_UNLIKELY(piste_on_ != 0)) {                                              \
			PISTE_RECORD_(PISTE_SITE_SPAN_BEGIN, __VA_ARGS__)                          \
		} else {                                                                           \
			piste_scope_.end = NULL;                                                   \
		}                                                                                  \
		piste_scope_;                                                                      \
	})

/* retain: --gc-sections must not drop what nothing refers to */
#if defined(__has_attribute)
#if __has_attribute(retain)
#define PISTE_RETAIN_ , retain
#endif
#endif
#ifndef PISTE_RETAIN_
#define PISTE_RETAIN_
#endif
#define PISTE_TYPE_SECTION_                                                                        \
	static const __attribute__((section("piste_types"), aligned(8), used PISTE_RETAIN_))

/* In a function, so that `parameter` is in scope where the types of its members are asked for. */
#define PISTE_TYPE_DEFINE_(kind, name, parameter, text, count, ...)                                \
	__attribute__((used)) static void piste_type_of_##name(parameter)                          \
	{                                                                                          \
		PISTE_TYPE_SECTION_ struct {                                                       \
			struct piste_type type;                                                    \
			char bytes[sizeof(text)];                                                  \
		} piste_type_ = {{PISTE_TYPE_MAGIC,                                                \
				  sizeof(struct piste_type) + sizeof(text),                        \
				  kind,                                                            \
				  count,                                                           \
				  sizeof(text),                                                    \
				  0,                                                               \
				  {__VA_ARGS__}},                                                  \
				 text};                                                            \
		(void)piste_type_;                                                                 \
	}                                                                                          \
	enum { piste_by_address_##name = 1 }

/* The size was taken from the same object a moment ago; another thread may have changed it since. */
#define PISTE_HAS_ROOM_(size) ((uint64_t)(piste_end_ - piste_p_) >= (uint64_t)(size))

#define PISTE_LABEL_(x) PISTE_CAT(PISTE_LABEL_IF_, PISTE_FORM(x))(x)
#define PISTE_LABEL_IF_0E(x) (int64_t)(x), (int64_t)(x),
#define PISTE_LABEL_IF_0N(x) PISTE_LABEL_RANGE_ x
#define PISTE_LABEL_RANGE_(...) PISTE_LABEL_RANGE2_(__VA_ARGS__, PISTE_SECOND_(__VA_ARGS__, ~), ~)
#define PISTE_LABEL_RANGE2_(name, low, high, ...) (int64_t)(low), (int64_t)(high),

#define PISTE_OPTION_VALUE_(name, value, field) value
#define PISTE_OPTION_FIELD_(name, value, field) field
#define PISTE_OPTION_SIZE_(i, x)                                                                   \
	if (piste_selector_ == (PISTE_OPTION_VALUE_ x)) {                                          \
		PISTE_DECLARE_(i, PISTE_OPTION_FIELD_ x)                                           \
		return 1 PISTE_SIZE_(i, PISTE_OPTION_FIELD_ x);                                    \
	}
#define PISTE_OPTION_WRITE_(i, x)                                                                  \
	if (piste_selector_ == (PISTE_OPTION_VALUE_ x)) {                                          \
		PISTE_DECLARE_(i, PISTE_OPTION_FIELD_ x)                                           \
		if (!PISTE_HAS_ROOM_(1 PISTE_SIZE_(i, PISTE_OPTION_FIELD_ x)))                     \
			return piste_p_;                                                           \
		*piste_p_++ = (char)(i);                                                           \
		PISTE_WRITE_(i, PISTE_OPTION_FIELD_ x)                                             \
		return piste_p_;                                                                   \
	}
#define PISTE_OPTION_CODE_(i, x) PISTE_CODE_(i, PISTE_OPTION_FIELD_ x)

#endif
#endif
