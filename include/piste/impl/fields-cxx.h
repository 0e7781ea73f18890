/* SPDX-License-Identifier: MIT */
#ifndef PISTE_IMPL_FIELDS_CXX_H
#define PISTE_IMPL_FIELDS_CXX_H

/*
 * fields, C++ - what fields-c.h does with _Generic, with overloads: the type
 * code, the length and the bytes of a value. std::string, std::string_view and
 * whatever else has data() and size() of characters is a string.
 */

#include "piste/impl/put.h"

namespace piste
{
/* no <type_traits>: this header is included everywhere */
template <class T> struct bare {
	using type = T;
};
template <class T> struct bare<T &> : bare<T> {
};
template <class T> struct bare<T &&> : bare<T> {
};
template <class T> struct bare<const T> : bare<T> {
};
template <class T> struct bare<volatile T> : bare<T> {
};
template <class T> struct bare<const volatile T> : bare<T> {
};
template <class T, size_t N> struct bare<T[N]> {
	using type = T *;
};
template <class T, size_t N> struct bare<const T[N]> {
	using type = const T *;
};
template <class T> using bare_t = typename bare<T>::type;

template <bool Condition, class T = void> struct enable_if {
};
template <class T> struct enable_if<true, T> {
	using type = T;
};

template <class T> constexpr uint32_t integer_code()
{
	constexpr bool is_signed = T(-1) < T(0);

	switch (sizeof(T)) {
	case 1:
		return is_signed ? PISTE_T_S8 : PISTE_T_U8;
	case 2:
		return is_signed ? PISTE_T_S16 : PISTE_T_U16;
	case 4:
		return is_signed ? PISTE_T_S32 : PISTE_T_U32;
	default:
		return is_signed ? PISTE_T_S64 : PISTE_T_U64;
	}
}

template <class T> struct is_integer {
	static constexpr bool value = false;
};
#define PISTE_INTEGER_(T)                                                                          \
	template <> struct is_integer<T> {                                                         \
		static constexpr bool value = true;                                                \
	};
PISTE_INTEGER_(char)
PISTE_INTEGER_(signed char)
PISTE_INTEGER_(unsigned char)
PISTE_INTEGER_(short)
PISTE_INTEGER_(unsigned short)
PISTE_INTEGER_(int)
PISTE_INTEGER_(unsigned int)
PISTE_INTEGER_(long)
PISTE_INTEGER_(unsigned long)
PISTE_INTEGER_(long long)
PISTE_INTEGER_(unsigned long long)
PISTE_INTEGER_(wchar_t)
PISTE_INTEGER_(char16_t)
PISTE_INTEGER_(char32_t)
#undef PISTE_INTEGER_

/* Objects with data() and size() of char: strings. */
template <class T> struct is_text {
	template <class U>
	static constexpr bool
	test(typename enable_if<sizeof(*static_cast<const U *>(nullptr)->data()) == 1 &&
				sizeof(static_cast<const U *>(nullptr)->size()) != 0>::type *)
	{
		return true;
	}
	template <class U> static constexpr bool test(...)
	{
		return false;
	}
	static constexpr bool value = test<T>(nullptr);
};

template <class T> constexpr uint32_t type_code()
{
	if constexpr (is_integer<T>::value)
		return integer_code<T>();
	else if constexpr (__is_enum(T))
		return integer_code<__underlying_type(T)>();
	else if constexpr (__is_class(T)) {
		static_assert(is_text<T>::value,
			      "piste: a field is a bool, integer, enum, float, string or pointer; "
			      "for others see PISTE_AS, PISTE_ARRAY, PISTE_BYTES");
		return PISTE_T_STRING;
	} else
		return PISTE_T_POINTER;
}
template <> constexpr uint32_t type_code<bool>()
{
	return PISTE_T_BOOL;
}
template <> constexpr uint32_t type_code<float>()
{
	return PISTE_T_F32;
}
template <> constexpr uint32_t type_code<double>()
{
	return PISTE_T_F64;
}
template <> constexpr uint32_t type_code<long double>()
{
	return PISTE_T_F64;
}
template <> constexpr uint32_t type_code<char *>()
{
	return PISTE_T_STRING;
}
template <> constexpr uint32_t type_code<const char *>()
{
	return PISTE_T_STRING;
}

template <class T> PISTE_INLINE uint32_t length(const T &v)
{
	if constexpr (__is_class(T)) {
		const char *data = v.data();
		size_t size = v.size();
		const void *nul = size ? __builtin_memchr(data, 0, size) : nullptr;

		if (nul)
			size = static_cast<size_t>(static_cast<const char *>(nul) - data);
		return size < PISTE_STRING_MAX - 1 ? static_cast<uint32_t>(size + 1)
						   : PISTE_STRING_MAX;
	} else {
		(void)v;
		return sizeof(T);
	}
}
PISTE_INLINE uint32_t length(const char *v)
{
	return piste_length_chars(v);
}
PISTE_INLINE uint32_t length(char *v)
{
	return piste_length_chars(v);
}
PISTE_INLINE uint32_t length(long double)
{
	return sizeof(double);
}

template <class T> PISTE_INLINE char *put(char *p, const T &v, uint32_t n)
{
	if constexpr (__is_class(T)) {
		__builtin_memcpy(p, v.data(), n - 1);
		p[n - 1] = '\0';
	} else {
		__builtin_memcpy(p, &v, n);
	}
	return p + n;
}
PISTE_INLINE char *put(char *p, const char *v, uint32_t n)
{
	return piste_put_chars(p, v, n);
}
PISTE_INLINE char *put(char *p, char *v, uint32_t n)
{
	return piste_put_chars(p, v, n);
}
PISTE_INLINE char *put(char *p, long double v, uint32_t n)
{
	return piste_put_long_double(p, &v, n);
}

template <bool ByAddress, class T> PISTE_INLINE decltype(auto) choose(const T *p)
{
	if constexpr (ByAddress)
		return p;
	else
		return *p;
}

template <size_t Size> struct described_site {
	struct piste_site site;
	char bytes[Size];
};

/* The last code is not one: it ends the list, which may be empty. */
template <size_t Size, uint32_t... Codes>
constexpr described_site<Size> describe(uint8_t kind, uint8_t level, uint32_t line,
					const char (&text)[Size])
{
	described_site<Size> d = {};
	const uint32_t codes[] = {Codes...};

	static_assert(sizeof...(Codes) - 1 <= PISTE_FIELDS_MAX, "piste: at most 16 fields");
	d.site.abi = PISTE_SITE_ABI;
	d.site.kind = kind;
	d.site.level = level;
	d.site.id = PISTE_ID_NONE;
	d.site.field_count = sizeof...(Codes) - 1;
	d.site.line = line;
	d.site.text_size = Size;
	for (size_t i = 0; i + 1 < sizeof...(Codes); i++)
		d.site.types[i] = codes[i];
	for (size_t i = 0; i < Size; i++)
		d.bytes[i] = text[i];
	return d;
}

/*
 * Internal linkage, also where the code stands in an inline function or a
 * template: the gate refers to it by a distance that the assembler knows.
 */
template <class Tag, uint32_t... Codes>
static described_site<sizeof(Tag::text())>
	site_of = describe<sizeof(Tag::text()), Codes...>(Tag::kind(), Tag::level(), Tag::line(),
							  Tag::text());
} // namespace piste

#define PISTE_AUTO const auto &
#define PISTE_CHECK(v)
#define PISTE_CHOOSE(by_address, p) piste::choose<by_address>(p)
#define PISTE_TYPEOF_VALUE(x) piste::bare_t<decltype((x))>
#define PISTE_ZERO(x)                                                                              \
	{                                                                                          \
	}
#define PISTE_LENGTH(v) piste::length(v)
#define PISTE_PUT(p, v, n) piste::put(p, v, n)
#define PISTE_TYPE_CODE(x) piste::type_code<piste::bare_t<decltype((x))>>()

/* A local class cannot hold the types, since it has another `this`: they are template arguments. */
#define PISTE_SITE_DEFINE(kind_, level_, text_, ...)                                               \
	struct piste_tag_ {                                                                        \
		static constexpr uint8_t kind()                                                    \
		{                                                                                  \
			return kind_;                                                              \
		}                                                                                  \
		static constexpr uint8_t level()                                                   \
		{                                                                                  \
			return level_;                                                             \
		}                                                                                  \
		static constexpr uint32_t line()                                                   \
		{                                                                                  \
			return __LINE__;                                                           \
		}                                                                                  \
		static constexpr auto text() -> const char (&)[sizeof(text_)]                      \
		{                                                                                  \
			return text_;                                                              \
		}                                                                                  \
	};                                                                                         \
	auto &piste_site_ = piste::site_of<piste_tag_, PISTE_EACH(PISTE_CODE_, , __VA_ARGS__) 0>;  \
	const struct piste_gate *piste_gate_;                                                      \
	PISTE_GATE_ADDRESS(piste_gate_,                                                            \
			   &piste::site_of<piste_tag_, PISTE_EACH(PISTE_CODE_, , __VA_ARGS__) 0>)

#endif
