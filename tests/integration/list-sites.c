/* SPDX-License-Identifier: MIT */
/* Every form of a site, for list.sh; with an argument it waits to be looked at. */
#include <piste/piste.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum color { RED, GREEN = 7, BLUE = 12 };
PISTE_ENUM(color, enum color, RED, GREEN, ("light, blue", BLUE), ("shade", 20, 29));
struct point {
	int x;
	float y;
	const char *label;
};
PISTE_STRUCT(point, const struct point *self, (x, self->x), self->y, (name, self->label));
struct shape {
	int kind;
	double radius;
	struct point corner;
};
PISTE_VARIANT(shape, const struct shape *self, self->kind, (circle, 1, self->radius),
	      (square, 2, PISTE_AS(point, &self->corner)));

#define TRACE(...) PISTE(shop, __VA_ARGS__)

static inline int square(int x)
{
	PISTE(shop, inlined, x);
	return x * x;
}

void list_sites(int argc, char **argv);
void list_sites(int argc, char **argv)
{
	bool ok = argc > 1;
	double total = 1.5;
	int items[3] = {1, 2, 3};
	char buf[8] = "abc";
	enum color paint = GREEN;
	struct point pt = {1, 2.f, "pt"};
	struct shape shape = {1, 2., pt};
	struct {
		const char *path;
		int64_t id;
	} r = {"/cart", 4}, *req = &r;

	PISTE(shop, order_done, req->id, total, (path, req->path, unit = ms));
	PISTE(names, all, (int)total, square(2), req->id + 1, (sum, total + 1), *items, !ok,
	      strlen(buf), 'x', "text", buf);
	PISTE(shapes, plain, PISTE_ARRAY(items, 3), PISTE_FIXED(items, 3), PISTE_BYTES(buf, 3),
	      PISTE_OPTIONAL(ok, total));
	PISTE(shapes, named, PISTE_AS(color, paint), PISTE_AS(shape, &shape),
	      PISTE_ARRAY_OF(point, &pt, 1), PISTE_ATTRIBUTES(owner = me));
	PISTE(none, nothing);
	TRACE(wrapped, argc, PISTE_ARRAY(items, argc), (who, PISTE_AS(color, paint)));
	PISTE_LEVEL(PISTE_DEBUG, shop, cache_miss, argv);
	if (PISTE_ENABLED(shop, cart))
		PISTE(shop, cart, req->id);
	PISTE_LOG(shop, PISTE_WARNING, "retry %d of %s\n", argc, argv[0]);
	PISTE_SCOPE(shop, checkout, req->id);
	square(argc);
}

int main(int argc, char **argv)
{
	list_sites(argc, argv);
	while (argc > 1)
		pause();
	return 0;
}
