// SPDX-License-Identifier: MIT
// probe-fields - what C++ adds: references, classes, templates, lambdas, exceptions.
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probe-fields.c"

enum class mode : unsigned short { off, on = 7 };
PISTE_ENUM(mode, mode, mode::off, mode::on);

namespace shop
{
struct item {
	std::string name;
	double price;
	int count() const
	{
		return 3;
	}
};
} // namespace shop
PISTE_STRUCT(item, const shop::item *self, (name, self->name), (price, self->price));

template <class T> void traced_template(const T &value)
{
	PISTE(t, templated, value);
}

class traced_class {
public:
	explicit traced_class(int n) : number(n)
	{
		PISTE(t, constructor, number);
	}
	~traced_class()
	{
		PISTE(t, destructor, number);
	}
	inline void member() const
	{
		PISTE(t, member, number, (twice, this->number * 2));
	}
	static int statics(int n)
	{
		PISTE(t, statics, n);
		return n;
	}
	virtual void virtuals()
	{
		PISTE(t, virtuals, (me, static_cast<void *>(this)));
	}

private:
	int number;
};

inline int traced_inline(int n)
{
	PISTE(t, inlined, n);
	return n;
}

static void values()
{
	std::string word = "word", empty, long_word(6000, 'w'), holey("a\0b", 3);
	std::string_view part = std::string_view("a part of it").substr(2, 4);
	const std::string &reference = word;
	const int &number = 5;
	mode m = mode::on;
	char array[16] = "array";
	shop::item item = {"pencil", 0.5};
	std::vector<int> many = {1, 2, 3};

	PISTE(t, strings, word, empty, part, reference, holey, array, word.c_str());
	text("word"), text(""), text("part"), text("word"), text("a"), text("array"), text("word");
	SAME("strings", ONE(STRING), ONE(STRING), ONE(STRING), ONE(STRING), ONE(STRING),
	     ONE(STRING), ONE(STRING));
	PISTE(t, cut, long_word, (moved, std::move(word)));
	bytes(long_word.data(), 4095), u8(0), text("word");
	SAME("cut", ONE(STRING), ONE(STRING));
	PISTE(t, references, number, m, (mode, PISTE_AS(mode, m)), item.price, (n, item.count()));
	VALUE(int, 5), VALUE(unsigned short, 7), VALUE(unsigned short, 7), VALUE(double, 0.5);
	VALUE(int, 3);
	SAME("references", ONE(S32), ONE(U16), ONE(NAMED), ONE(F64), ONE(S32));
	PISTE(t, containers, PISTE_ARRAY(many, many.size()), PISTE_ARRAY(many.data(), 2),
	      PISTE_BYTES(word.data(), word.size()), (item, PISTE_AS(item, &item)),
	      PISTE_OPTIONAL(!many.empty(), many.front()));
	u32(3), bytes(many.data(), 12), u32(2), bytes(many.data(), 8), u32(4), bytes("word", 4);
	text("pencil"), VALUE(double, 0.5), u8(1), VALUE(int, 1);
	SAME("containers", SHAPED(S32, SEQUENCE, 0), SHAPED(S32, SEQUENCE, 0), SHAPED(U8, BYTES, 0),
	     ONE(NAMED), SHAPED(S32, OPTIONAL, 0));
	PISTE_LOG(t, PISTE_NOTICE, "%s has %zu", word.c_str(), many.size());
	u8(0), text("word"), VALUE(size_t, 3);
	SAME("log", ONE(STRING), ONE(U64));
}

static void places()
{
	traced_template(1);
	VALUE(int, 1);
	SAME("templated", ONE(S32));
	traced_template(2.5f);
	VALUE(float, 2.5f);
	SAME("templated", ONE(F32));
	traced_template(std::string("three"));
	text("three");
	SAME("templated", ONE(STRING));
	{
		traced_class object(8);

		VALUE(int, 8);
		SAME("constructor", ONE(S32));
		object.member();
		VALUE(int, 8), VALUE(int, 16);
		SAME("member", ONE(S32), ONE(S32));
		object.virtuals();
		VALUE(void *, &object);
		SAME("virtuals", ONE(POINTER));
	}
	VALUE(int, 8);
	SAME("destructor", ONE(S32));
	traced_class::statics(9);
	VALUE(int, 9);
	SAME("statics", ONE(S32));
	traced_inline(10);
	VALUE(int, 10);
	SAME("inlined", ONE(S32));
	[](auto n) { PISTE(t, lambda, n); }(11L);
	VALUE(long, 11);
	SAME("lambda", ONE(S64));
	int captured = 12;
	[&captured] { PISTE(t, captures, captured); }();
	VALUE(int, 12);
	SAME("captures", ONE(S32));
}

static int thrown(int depth)
{
	PISTE_SCOPE(span, thrown, depth);
	if (depth == 0)
		throw std::runtime_error("out");
	return thrown(depth - 1);
}

static void exceptions()
{
	int tracer = piste_tracer_register(spans, nullptr);

	piste_tracer_attach(tracer, "span:*");
	begins = ends = 0;
	try {
		thrown(4);
		fault(__LINE__, "not thrown");
	} catch (const std::runtime_error &) {
	}
	if (begins != 5 || ends != 5)
		fault(__LINE__, "spans of an exception do not match");
	piste_tracer_unregister(tracer);
}

int main()
{
	int failed = all_fields(), tracer = piste_tracer_register(capture, nullptr);

	piste_tracer_attach(tracer, "t:*");
	errno = 4711;
	values();
	places();
	exceptions();
	piste_tracer_unregister(tracer);
	return failed || faults > 0;
}
