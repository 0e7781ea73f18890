/* SPDX-License-Identifier: MIT */
#ifndef PISTE_IMPL_FIELDS_H
#define PISTE_IMPL_FIELDS_H

/*
 * fields - what PISTE() does with each field, in three passes over the list:
 * DECLARE evaluates it once into a local, SIZE adds up its bytes, WRITE copies
 * them. A field is an expression (E), a named one (N) or a kind (K), each.h.
 *
 * Locals of field i: piste_v##i the value or the pointer to the elements,
 * piste_n##i its bytes, or the count of elements.
 */

#ifdef __cplusplus
#include "piste/impl/fields-cxx.h"
#else
#include "piste/impl/fields-c.h"
#endif

#define PISTE_V(i) PISTE_CAT3(piste_v, i)
#define PISTE_N(i) PISTE_CAT3(piste_n, i)

#define PISTE_SITE_REF (&piste_site_.site)

#define PISTE_CODE_OF(x) PISTE_CODE(PISTE_TYPE_CODE(x), PISTE_S_ONE, 0)
#define PISTE_CODE_SHAPED(x, shape, count) PISTE_CODE(PISTE_TYPE_CODE(x), shape, count)

/* One line a kind reads as the table that it is. */
/* clang-format off */

#define PISTE_CODE_(i, x) PISTE_CAT(PISTE_CODE_IF_, PISTE_FORM(x))(x)
#define PISTE_CODE_IF_0E(x) PISTE_CODE_OF(x),
#define PISTE_CODE_IF_0N(x) PISTE_CODE_VALUE_(PISTE_VALUE_ x)
#define PISTE_CODE_VALUE_(x) PISTE_CAT2(PISTE_CODE_VALUE_IF_, PISTE_FORM(x))(x)
#define PISTE_CODE_VALUE_IF_0E(x) PISTE_CODE_OF(x),
#define PISTE_CODE_VALUE_IF_0N(x) PISTE_CODE_OF(x), /* of the comma operator */
#define PISTE_CODE_VALUE_IF_0K(x) PISTE_CODE_KIND_ x
#define PISTE_CODE_IF_0K(x) PISTE_CODE_KIND_ x
#define PISTE_CODE_KIND_(t, kind, a, b, c, ...) PISTE_CODE_KIND_##kind(a, b, c)
#define PISTE_CODE_KIND_0SEQUENCE(p, n, c) PISTE_CODE_SHAPED((p)[0], PISTE_S_SEQUENCE, 0),
#define PISTE_CODE_KIND_0FIXED(p, n, c) PISTE_CODE_SHAPED((p)[0], PISTE_S_ARRAY, n),
#define PISTE_CODE_KIND_0BYTES(p, n, c) PISTE_CODE(PISTE_T_U8, PISTE_S_BYTES, 0),
#define PISTE_CODE_KIND_0OPTIONAL(has, x, c) PISTE_CODE_SHAPED(x, PISTE_S_OPTIONAL, 0),
#define PISTE_CODE_KIND_0AS(type, x, c) PISTE_CODE(PISTE_T_NAMED, PISTE_S_ONE, 0),
#define PISTE_CODE_KIND_0SEQUENCE_OF(type, p, n) PISTE_CODE(PISTE_T_NAMED, PISTE_S_SEQUENCE, 0),
#define PISTE_CODE_KIND_0FIXED_OF(type, p, n) PISTE_CODE(PISTE_T_NAMED, PISTE_S_ARRAY, n),
#define PISTE_CODE_KIND_0OPTIONAL_OF(type, has, x) PISTE_CODE(PISTE_T_NAMED, PISTE_S_OPTIONAL, 0),
#define PISTE_CODE_KIND_0ATTRIBUTES(a, b, c) PISTE_CODE(PISTE_T_ATTRIBUTES, 0, 0),

#define PISTE_DECLARE_(i, x) PISTE_CAT(PISTE_DECLARE_IF_, PISTE_FORM(x))(i, x)
#define PISTE_DECLARE_IF_0E(i, x) PISTE_AUTO PISTE_V(i) = (x); PISTE_CHECK(PISTE_V(i)) const uint32_t PISTE_N(i) __attribute__((unused)) = PISTE_LENGTH(PISTE_V(i));
#define PISTE_DECLARE_IF_0N(i, x) PISTE_DECLARE_VALUE_(i, PISTE_VALUE_ x)
#define PISTE_DECLARE_VALUE_(i, x) PISTE_CAT2(PISTE_DECLARE_VALUE_IF_, PISTE_FORM(x))(i, x)
#define PISTE_DECLARE_VALUE_IF_0E(i, x) PISTE_DECLARE_IF_0E(i, x)
#define PISTE_DECLARE_VALUE_IF_0N(i, x) PISTE_DECLARE_IF_0E(i, x)
#define PISTE_DECLARE_VALUE_IF_0K(i, x) PISTE_DECLARE_KIND_(i, PISTE_UNPACK_ x)
#define PISTE_DECLARE_IF_0K(i, x) PISTE_DECLARE_KIND_(i, PISTE_UNPACK_ x)
#define PISTE_UNPACK_(...) __VA_ARGS__
#define PISTE_DECLARE_KIND_(...) PISTE_DECLARE_KIND2_(__VA_ARGS__)
#define PISTE_DECLARE_KIND2_(i, t, kind, a, b, c, ...) PISTE_DECLARE_KIND_##kind(i, a, b, c)
#define PISTE_DECLARE_KIND_0SEQUENCE(i, p, n, c) PISTE_AUTO PISTE_V(i) __attribute__((unused)) = &(p)[0]; const uint32_t PISTE_N(i) __attribute__((unused)) = PISTE_COUNT_OF(n, sizeof(*PISTE_V(i)));
#define PISTE_DECLARE_KIND_0FIXED(i, p, n, c) PISTE_AUTO PISTE_V(i) __attribute__((unused)) = &(p)[0]; const uint32_t PISTE_N(i) __attribute__((unused)) = (n);
#define PISTE_DECLARE_KIND_0BYTES(i, p, n, c) const void *PISTE_V(i) __attribute__((unused)) = (p); const uint32_t PISTE_N(i) __attribute__((unused)) = PISTE_COUNT_OF(n, 1);
#define PISTE_DECLARE_KIND_0OPTIONAL(i, has, x, c) const uint8_t PISTE_CAT3(piste_h, i) = !!(has); PISTE_TYPEOF_VALUE(x) PISTE_V(i) = PISTE_ZERO(x); uint32_t PISTE_N(i) __attribute__((unused)) = 0; if (PISTE_CAT3(piste_h, i)) { PISTE_V(i) = (x); PISTE_N(i) = PISTE_LENGTH(PISTE_V(i)); }
#define PISTE_DECLARE_KIND_0AS(i, type, x, c) PISTE_AUTO PISTE_V(i) __attribute__((unused)) = (x); const uint32_t PISTE_N(i) __attribute__((unused)) = piste_size_##type(PISTE_V(i));
#define PISTE_DECLARE_KIND_0SEQUENCE_OF(i, type, p, n) PISTE_AUTO PISTE_V(i) __attribute__((unused)) = &(p)[0]; const uint32_t PISTE_N(i) __attribute__((unused)) = PISTE_COUNT_OF(n, sizeof(*PISTE_V(i))); uint32_t PISTE_CAT3(piste_s, i) __attribute__((unused)) = 0; for (uint32_t piste_k = 0; piste_k < PISTE_N(i); piste_k++) PISTE_CAT3(piste_s, i) += piste_size_##type(PISTE_ELEMENT(type, PISTE_V(i), piste_k));
#define PISTE_DECLARE_KIND_0FIXED_OF(i, type, p, n) PISTE_AUTO PISTE_V(i) __attribute__((unused)) = &(p)[0]; const uint32_t PISTE_N(i) __attribute__((unused)) = (n); uint32_t PISTE_CAT3(piste_s, i) __attribute__((unused)) = 0; for (uint32_t piste_k = 0; piste_k < PISTE_N(i); piste_k++) PISTE_CAT3(piste_s, i) += piste_size_##type(PISTE_ELEMENT(type, PISTE_V(i), piste_k));
#define PISTE_DECLARE_KIND_0OPTIONAL_OF(i, type, has, x) const uint8_t PISTE_CAT3(piste_h, i) = !!(has); PISTE_TYPEOF_VALUE(x) PISTE_V(i) = PISTE_ZERO(x); uint32_t PISTE_N(i) __attribute__((unused)) = 0; if (PISTE_CAT3(piste_h, i)) { PISTE_V(i) = (x); PISTE_N(i) = piste_size_##type(PISTE_V(i)); }
#define PISTE_DECLARE_KIND_0ATTRIBUTES(i, a, b, c)

#define PISTE_SIZE_(i, x) PISTE_CAT(PISTE_SIZE_IF_, PISTE_FORM(x))(i, x)
#define PISTE_SIZE_IF_0E(i, x) +PISTE_N(i)
#define PISTE_SIZE_IF_0N(i, x) PISTE_SIZE_VALUE_(i, PISTE_VALUE_ x)
#define PISTE_SIZE_VALUE_(i, x) PISTE_CAT2(PISTE_SIZE_VALUE_IF_, PISTE_FORM(x))(i, x)
#define PISTE_SIZE_VALUE_IF_0E(i, x) +PISTE_N(i)
#define PISTE_SIZE_VALUE_IF_0N(i, x) +PISTE_N(i)
#define PISTE_SIZE_VALUE_IF_0K(i, x) PISTE_SIZE_KIND_(i, PISTE_UNPACK_ x)
#define PISTE_SIZE_IF_0K(i, x) PISTE_SIZE_KIND_(i, PISTE_UNPACK_ x)
#define PISTE_SIZE_KIND_(...) PISTE_SIZE_KIND2_(__VA_ARGS__)
#define PISTE_SIZE_KIND2_(i, t, kind, a, b, c, ...) PISTE_SIZE_KIND_##kind(i)
#define PISTE_SIZE_KIND_0SEQUENCE(i) +4 + PISTE_N(i) * (uint32_t)sizeof(*PISTE_V(i))
#define PISTE_SIZE_KIND_0FIXED(i) +PISTE_N(i) * (uint32_t)sizeof(*PISTE_V(i))
#define PISTE_SIZE_KIND_0BYTES(i) +4 + PISTE_N(i)
#define PISTE_SIZE_KIND_0OPTIONAL(i) +1 + PISTE_N(i)
#define PISTE_SIZE_KIND_0AS(i) +PISTE_N(i)
#define PISTE_SIZE_KIND_0SEQUENCE_OF(i) +4 + PISTE_CAT3(piste_s, i)
#define PISTE_SIZE_KIND_0FIXED_OF(i) +PISTE_CAT3(piste_s, i)
#define PISTE_SIZE_KIND_0OPTIONAL_OF(i) +1 + PISTE_N(i)
#define PISTE_SIZE_KIND_0ATTRIBUTES(i)

#define PISTE_WRITE_(i, x) PISTE_CAT(PISTE_WRITE_IF_, PISTE_FORM(x))(i, x)
#define PISTE_WRITE_IF_0E(i, x) piste_p_ = PISTE_PUT(piste_p_, PISTE_V(i), PISTE_N(i));
#define PISTE_WRITE_IF_0N(i, x) PISTE_WRITE_VALUE_(i, PISTE_VALUE_ x)
#define PISTE_WRITE_VALUE_(i, x) PISTE_CAT2(PISTE_WRITE_VALUE_IF_, PISTE_FORM(x))(i, x)
#define PISTE_WRITE_VALUE_IF_0E(i, x) PISTE_WRITE_IF_0E(i, x)
#define PISTE_WRITE_VALUE_IF_0N(i, x) PISTE_WRITE_IF_0E(i, x)
#define PISTE_WRITE_VALUE_IF_0K(i, x) PISTE_WRITE_KIND_(i, PISTE_UNPACK_ x)
#define PISTE_WRITE_IF_0K(i, x) PISTE_WRITE_KIND_(i, PISTE_UNPACK_ x)
#define PISTE_WRITE_KIND_(...) PISTE_WRITE_KIND2_(__VA_ARGS__)
#define PISTE_WRITE_KIND2_(i, t, kind, a, b, c, ...) PISTE_WRITE_KIND_##kind(i, a, b, c)
#define PISTE_WRITE_KIND_0SEQUENCE(i, p, n, c) piste_p_ = piste_put_u32(piste_p_, PISTE_N(i)); piste_p_ = piste_put_plain(piste_p_, PISTE_V(i), PISTE_N(i) * (uint32_t)sizeof(*PISTE_V(i)));
#define PISTE_WRITE_KIND_0FIXED(i, p, n, c) piste_p_ = piste_put_plain(piste_p_, PISTE_V(i), PISTE_N(i) * (uint32_t)sizeof(*PISTE_V(i)));
#define PISTE_WRITE_KIND_0BYTES(i, p, n, c) piste_p_ = piste_put_u32(piste_p_, PISTE_N(i)); piste_p_ = piste_put_plain(piste_p_, PISTE_V(i), PISTE_N(i));
#define PISTE_WRITE_KIND_0OPTIONAL(i, has, x, c) *piste_p_++ = (char)PISTE_CAT3(piste_h, i); if (PISTE_CAT3(piste_h, i)) piste_p_ = PISTE_PUT(piste_p_, PISTE_V(i), PISTE_N(i));
#define PISTE_WRITE_KIND_0AS(i, type, x, c) piste_p_ = piste_put_##type(piste_p_, piste_p_ + PISTE_N(i), PISTE_V(i));
#define PISTE_WRITE_KIND_0SEQUENCE_OF(i, type, p, n) piste_p_ = piste_put_u32(piste_p_, PISTE_N(i)); PISTE_WRITE_KIND_0FIXED_OF(i, type, p, n)
#define PISTE_WRITE_KIND_0FIXED_OF(i, type, p, n) const char *const PISTE_CAT3(piste_e, i) = piste_p_ + PISTE_CAT3(piste_s, i); for (uint32_t piste_k = 0; piste_k < PISTE_N(i); piste_k++) piste_p_ = piste_put_##type(piste_p_, PISTE_CAT3(piste_e, i), PISTE_ELEMENT(type, PISTE_V(i), piste_k));
#define PISTE_WRITE_KIND_0OPTIONAL_OF(i, type, has, x) *piste_p_++ = (char)PISTE_CAT3(piste_h, i); if (PISTE_CAT3(piste_h, i)) piste_p_ = piste_put_##type(piste_p_, piste_p_ + PISTE_N(i), PISTE_V(i));
#define PISTE_WRITE_KIND_0ATTRIBUTES(i, a, b, c)

/* Whether a field is read twice, for its size and for its bytes, so that they may disagree. */
#define PISTE_TWICE_(i, x) PISTE_CAT(PISTE_TWICE_IF_, PISTE_FORM(x))(x)
#define PISTE_TWICE_IF_0E(x)
#define PISTE_TWICE_IF_0N(x) PISTE_TWICE_VALUE_(PISTE_VALUE_ x)
#define PISTE_TWICE_VALUE_(x) PISTE_CAT2(PISTE_TWICE_VALUE_IF_, PISTE_FORM(x))(x)
#define PISTE_TWICE_VALUE_IF_0E(x)
#define PISTE_TWICE_VALUE_IF_0N(x)
#define PISTE_TWICE_VALUE_IF_0K(x) PISTE_TWICE_KIND_ x
#define PISTE_TWICE_IF_0K(x) PISTE_TWICE_KIND_ x
#define PISTE_TWICE_KIND_(t, kind, ...) PISTE_TWICE_KIND_##kind
#define PISTE_TWICE_KIND_0SEQUENCE
#define PISTE_TWICE_KIND_0FIXED
#define PISTE_TWICE_KIND_0BYTES
#define PISTE_TWICE_KIND_0OPTIONAL
#define PISTE_TWICE_KIND_0AS || 1
#define PISTE_TWICE_KIND_0SEQUENCE_OF || 1
#define PISTE_TWICE_KIND_0FIXED_OF || 1
#define PISTE_TWICE_KIND_0OPTIONAL_OF || 1
#define PISTE_TWICE_KIND_0ATTRIBUTES

/* clang-format on */

/* Enumerations take their elements by value, structures and variants by address. */
#define PISTE_ELEMENT(type, p, k) PISTE_CHOOSE(PISTE_CAT3(piste_by_address_, type), &(p)[k])
#define PISTE_COUNT_OF(n, size) piste_count((n) < 1, (uint64_t)(n), (uint32_t)(size))

#endif
