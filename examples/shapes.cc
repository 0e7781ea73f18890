// SPDX-License-Identifier: MIT
// shapes - trace points in C++: strings and views as they are, templates, lambdas, a span that
// an exception ends.
#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <piste/piste.h>

struct shape {
	std::string name;
	double width, height;
	double area() const
	{
		return width * height;
	}
};
PISTE_STRUCT(shape, const shape *self, (name, self->name), (width, self->width),
	     (height, self->height));

template <class Unit> static void measure(const shape &s, Unit unit)
{
	PISTE(shapes, measured, s.name, (area, s.area()), unit);
}

static void check(const shape &s)
{
	PISTE_SCOPE(shapes, check, s.name);

	if (s.width < 0)
		throw std::invalid_argument(s.name);
}

int main()
{
	std::vector<shape> all = {{"square", 2, 2}, {"page", 210, 297}, {"nonsense", -1, 1}};
	std::vector<double> areas;

	for (const shape &s : all) {
		try {
			check(s);
			measure(s, 'm');
			measure(s, std::string_view("square metres"));
		} catch (const std::exception &e) {
			PISTE_LOG(shapes, PISTE_ERR, "%s is no shape", e.what());
		}
		areas.push_back(s.area());
	}
	std::sort(areas.begin(), areas.end(), [](double a, double b) {
		PISTE_LEVEL(PISTE_DEBUG, shapes, compared, a, b);
		return a < b;
	});
	PISTE(shapes, done, PISTE_ARRAY(areas, areas.size()),
	      PISTE_ARRAY_OF(shape, all, all.size()));
	return 0;
}
