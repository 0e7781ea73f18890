/* SPDX-License-Identifier: MIT */
#ifndef PISTE_IMPL_EACH_H
#define PISTE_IMPL_EACH_H

/*
 * each - the preprocessor side of PISTE(): counts arguments, tells the three
 * forms of a field apart, and applies a macro to each.
 *
 *	0E	expr
 *	0N	(name, expr) or (name, expr, attributes…), up to eleven things
 *	0K	PISTE_ARRAY(...) and its like, which expand to twelve: (~, 0KIND, a, b, c, ~, …)
 */

/* clang-format off */
#define PISTE_CAT_(a, b) a##b
#define PISTE_CAT(a, b) PISTE_CAT_(a, b)
#define PISTE_CAT2_(a, b) a##b
#define PISTE_CAT2(a, b) PISTE_CAT2_(a, b)
#define PISTE_CAT3_(a, b) a##b
#define PISTE_CAT3(a, b) PISTE_CAT3_(a, b)
#define PISTE_STR_(...) #__VA_ARGS__
#define PISTE_STR(...) PISTE_STR_(__VA_ARGS__)

#define PISTE_FIRST_(a, ...) a
#define PISTE_FIRST(...) PISTE_FIRST_(__VA_ARGS__, ~)
#define PISTE_SECOND_(a, b, ...) b

/*
 * PISTE_FORM(x) is 0E, 0N or 0K: a program may have a macro named N, but none
 * that begins with a digit. `PISTE_PROBE_ x` is a call when x begins with a
 * parenthesis; a single thing in it, as in `(int)y`, is an expression.
 */
#define PISTE_PICK13_(a, b, c, d, e, f, g, h, i, j, k, l, m, ...) m
#define PISTE_PROBE_IS_0E ~
#define PISTE_PROBE_IS_0N ~, 0N
#define PISTE_PROBE_IS_0K ~, 0K
#define PISTE_PROBE_(...) \
	PISTE_CAT3(PISTE_PROBE_IS_, \
		   PISTE_PICK13_(__VA_ARGS__, 0K, 0N, 0N, 0N, 0N, 0N, 0N, 0N, 0N, 0N, 0N, \
			         0E, ~))
#define PISTE_FORM_(...) PISTE_SECOND_(__VA_ARGS__, 0E, ~)
#define PISTE_FORM(x) PISTE_FORM_(PISTE_PROBE_ x)
#define PISTE_KIND_(kind, a, b, c) (~, kind, a, b, c, ~, ~, ~, ~, ~, ~, ~)
/* (name, expr, …) to expr */
#define PISTE_VALUE_(name, ...) PISTE_FIRST(__VA_ARGS__)

/* The number of arguments, 1 to 17. */
#define PISTE_COUNT_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, _18, _19, _20, _21, _22, _23, _24, _25, _26, _27, _28, _29, _30, _31, _32, _33, N, ...) N
#define PISTE_COUNT(...) \
	PISTE_COUNT_(__VA_ARGS__, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, at_most_16_fields, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, ~)

/*
 * PISTE_EACH(M, none, head, a, b, …) is M(0, a) M(1, b) …; `head` is left out,
 * and without a, b, … it is `none`.
 */
#define PISTE_EACH(M, none, ...) \
	PISTE_CAT(PISTE_EACH_, PISTE_COUNT(__VA_ARGS__))(M, none, __VA_ARGS__)
#define PISTE_EACH_1(M, none, h) none
#define PISTE_EACH_2(M, none, h, a0) M(0, a0)
#define PISTE_EACH_3(M, none, h, a0, a1) M(0, a0) M(1, a1)
#define PISTE_EACH_4(M, none, h, a0, a1, a2) M(0, a0) M(1, a1) M(2, a2)
#define PISTE_EACH_5(M, none, h, a0, a1, a2, a3) M(0, a0) M(1, a1) M(2, a2) M(3, a3)
#define PISTE_EACH_6(M, none, h, a0, a1, a2, a3, a4) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4)
#define PISTE_EACH_7(M, none, h, a0, a1, a2, a3, a4, a5) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5)
#define PISTE_EACH_8(M, none, h, a0, a1, a2, a3, a4, a5, a6) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6)
#define PISTE_EACH_9(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7)
#define PISTE_EACH_10(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7, a8) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7) M(8, a8)
#define PISTE_EACH_11(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7) M(8, a8) M(9, a9)
#define PISTE_EACH_12(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7) M(8, a8) M(9, a9) M(10, a10)
#define PISTE_EACH_13(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7) M(8, a8) M(9, a9) M(10, a10) M(11, a11)
#define PISTE_EACH_14(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7) M(8, a8) M(9, a9) M(10, a10) M(11, a11) M(12, a12)
#define PISTE_EACH_15(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7) M(8, a8) M(9, a9) M(10, a10) M(11, a11) M(12, a12) M(13, a13)
#define PISTE_EACH_16(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7) M(8, a8) M(9, a9) M(10, a10) M(11, a11) M(12, a12) M(13, a13) M(14, a14)
#define PISTE_EACH_17(M, none, h, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15) M(0, a0) M(1, a1) M(2, a2) M(3, a3) M(4, a4) M(5, a5) M(6, a6) M(7, a7) M(8, a8) M(9, a9) M(10, a10) M(11, a11) M(12, a12) M(13, a13) M(14, a14) M(15, a15)

/* The same for up to 32 labels of an enumeration, without an index. */
#define PISTE_COUNT32_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, _17, _18, _19, _20, _21, _22, _23, _24, _25, _26, _27, _28, _29, _30, _31, _32, N, ...) N
#define PISTE_COUNT32(...) \
	PISTE_COUNT32_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, ~)
#define PISTE_EACH32(M, ...) PISTE_CAT(PISTE_EACH32_, PISTE_COUNT32(__VA_ARGS__))(M, __VA_ARGS__)
#define PISTE_EACH32_1(M, a) M(a)
#define PISTE_EACH32_2(M, a, ...) M(a) PISTE_EACH32_1(M, __VA_ARGS__)
#define PISTE_EACH32_3(M, a, ...) M(a) PISTE_EACH32_2(M, __VA_ARGS__)
#define PISTE_EACH32_4(M, a, ...) M(a) PISTE_EACH32_3(M, __VA_ARGS__)
#define PISTE_EACH32_5(M, a, ...) M(a) PISTE_EACH32_4(M, __VA_ARGS__)
#define PISTE_EACH32_6(M, a, ...) M(a) PISTE_EACH32_5(M, __VA_ARGS__)
#define PISTE_EACH32_7(M, a, ...) M(a) PISTE_EACH32_6(M, __VA_ARGS__)
#define PISTE_EACH32_8(M, a, ...) M(a) PISTE_EACH32_7(M, __VA_ARGS__)
#define PISTE_EACH32_9(M, a, ...) M(a) PISTE_EACH32_8(M, __VA_ARGS__)
#define PISTE_EACH32_10(M, a, ...) M(a) PISTE_EACH32_9(M, __VA_ARGS__)
#define PISTE_EACH32_11(M, a, ...) M(a) PISTE_EACH32_10(M, __VA_ARGS__)
#define PISTE_EACH32_12(M, a, ...) M(a) PISTE_EACH32_11(M, __VA_ARGS__)
#define PISTE_EACH32_13(M, a, ...) M(a) PISTE_EACH32_12(M, __VA_ARGS__)
#define PISTE_EACH32_14(M, a, ...) M(a) PISTE_EACH32_13(M, __VA_ARGS__)
#define PISTE_EACH32_15(M, a, ...) M(a) PISTE_EACH32_14(M, __VA_ARGS__)
#define PISTE_EACH32_16(M, a, ...) M(a) PISTE_EACH32_15(M, __VA_ARGS__)
#define PISTE_EACH32_17(M, a, ...) M(a) PISTE_EACH32_16(M, __VA_ARGS__)
#define PISTE_EACH32_18(M, a, ...) M(a) PISTE_EACH32_17(M, __VA_ARGS__)
#define PISTE_EACH32_19(M, a, ...) M(a) PISTE_EACH32_18(M, __VA_ARGS__)
#define PISTE_EACH32_20(M, a, ...) M(a) PISTE_EACH32_19(M, __VA_ARGS__)
#define PISTE_EACH32_21(M, a, ...) M(a) PISTE_EACH32_20(M, __VA_ARGS__)
#define PISTE_EACH32_22(M, a, ...) M(a) PISTE_EACH32_21(M, __VA_ARGS__)
#define PISTE_EACH32_23(M, a, ...) M(a) PISTE_EACH32_22(M, __VA_ARGS__)
#define PISTE_EACH32_24(M, a, ...) M(a) PISTE_EACH32_23(M, __VA_ARGS__)
#define PISTE_EACH32_25(M, a, ...) M(a) PISTE_EACH32_24(M, __VA_ARGS__)
#define PISTE_EACH32_26(M, a, ...) M(a) PISTE_EACH32_25(M, __VA_ARGS__)
#define PISTE_EACH32_27(M, a, ...) M(a) PISTE_EACH32_26(M, __VA_ARGS__)
#define PISTE_EACH32_28(M, a, ...) M(a) PISTE_EACH32_27(M, __VA_ARGS__)
#define PISTE_EACH32_29(M, a, ...) M(a) PISTE_EACH32_28(M, __VA_ARGS__)
#define PISTE_EACH32_30(M, a, ...) M(a) PISTE_EACH32_29(M, __VA_ARGS__)
#define PISTE_EACH32_31(M, a, ...) M(a) PISTE_EACH32_30(M, __VA_ARGS__)
#define PISTE_EACH32_32(M, a, ...) M(a) PISTE_EACH32_31(M, __VA_ARGS__)

#endif
