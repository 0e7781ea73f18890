/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include "site_maker.h"

#include "piste/wire/describe.h"

#define ONE(scalar) PISTE_CODE(scalar, PISTE_S_ONE, 0)

static const char *name_of(const char *expression)
{
	static char name[PISTE_NAME_MAX];

	piste_expression_name(expression, expression + strlen(expression), name);
	return name;
}

/* What a field that is written as `text` is called. */
static struct piste_field_view described(const char *text)
{
	struct piste_field_view field = {.attributes = ""};

	piste_describe_argument(text, text + strlen(text), &field, 0);
	return field;
}

TEST(paths)
{
	CHECK_STR(name_of("id"), "id");
	CHECK_STR(name_of("  id "), "id");
	CHECK_STR(name_of("req->path"), "path");
	CHECK_STR(name_of("req.path"), "path");
	CHECK_STR(name_of("req -> path"), "path");
	CHECK_STR(name_of("a.b[3]"), "b");
	CHECK_STR(name_of("a->b.c[i + 1][j]"), "c");
	CHECK_STR(name_of("list[0].name"), "name");
	CHECK_STR(name_of("ns::value"), "value");
	CHECK_STR(name_of("::global"), "global");
	CHECK_STR(name_of("self->items[self->n - 1].x"), "x");
}

TEST(calls_and_casts)
{
	CHECK_STR(name_of("f(x)"), "f");
	CHECK_STR(name_of("f(x, \"a)\", ')')"), "f");
	CHECK_STR(name_of("obj->size()"), "size");
	CHECK_STR(name_of("(int)y"), "y");
	CHECK_STR(name_of("(int) y"), "y");
	CHECK_STR(name_of("(unsigned long)p->n"), "n");
	CHECK_STR(name_of("(int)max(a, b)"), "max");
	CHECK_STR(name_of("(uint64_t)*counter"), "counter");
	CHECK_STR(name_of("(const char *)buf"), "buf");
	CHECK_STR(name_of("(int)-x"), "x");
	CHECK_STR(name_of("(int)(y)"), "y");
	CHECK_STR(name_of("(x)"), "x");
	CHECK_STR(name_of("((x))"), "x");
	CHECK_STR(name_of("(*p).x"), "x");
	CHECK_STR(name_of("((struct foo *)p)->bar"), "bar");
	CHECK_STR(name_of("((struct foo *)p)"), "p");
	CHECK_STR(name_of("(a)[1]"), "a");
	CHECK_STR(name_of("(*fn)(x)"), "fn");
	CHECK_STR(name_of("static_cast<int>(y)"), "y");
	CHECK_STR(name_of("reinterpret_cast<std::vector<int> *>(p)->n"), "n");
	CHECK_STR(name_of("std::get<0>(pair)"), "get");
	CHECK_STR(name_of("map<int, int>::count"), "count");
	CHECK_STR(name_of("path.c_str()"), "path");
	CHECK_STR(name_of("req->path.c_str()"), "path");
	CHECK_STR(name_of("c_str()"), "c_str");
	CHECK_STR(name_of("std::move(req->path)"), "path");
	CHECK_STR(name_of("std::forward<T>(x)"), "x");
	CHECK_STR(name_of("game::move(x)"), "move");
	CHECK_STR(name_of("std::move(x).y"), "y");
}

TEST(unary_operators)
{
	CHECK_STR(name_of("*p"), "p");
	CHECK_STR(name_of("&x"), "x");
	CHECK_STR(name_of("!done"), "done");
	CHECK_STR(name_of("-x"), "x");
	CHECK_STR(name_of("n++"), "n");
	CHECK_STR(name_of("++n"), "n");
	CHECK_STR(name_of("*p++"), "p");
}

TEST(new_values_have_no_name)
{
	CHECK_STR(name_of("x + y"), "");
	CHECK_STR(name_of("x+1"), "");
	CHECK_STR(name_of("a * b"), "");
	CHECK_STR(name_of("(a) * b"), "");
	CHECK_STR(name_of("(a + b)"), "");
	CHECK_STR(name_of("(a + b) / 2"), "");
	CHECK_STR(name_of("a < b"), "");
	CHECK_STR(name_of("a ? b : c"), "");
	CHECK_STR(name_of("a == b"), "");
	CHECK_STR(name_of("a && b"), "");
	CHECK_STR(name_of("\"str\""), "");
	CHECK_STR(name_of("u8\"str\""), "");
	CHECK_STR(name_of("'x'"), "");
	CHECK_STR(name_of("L'x'"), "");
	CHECK_STR(name_of("42"), "");
	CHECK_STR(name_of("0x1f"), "");
	CHECK_STR(name_of("-1.5e-3f"), "");
	CHECK_STR(name_of("1'000"), "");
	CHECK_STR(name_of("sizeof(x)"), "");
	CHECK_STR(name_of("sizeof x"), "x"); /* two words, as `struct x` */
	CHECK_STR(name_of(""), "");
	CHECK_STR(name_of(")"), "");
	CHECK_STR(name_of("("), "");
	CHECK_STR(name_of("()"), "");
	CHECK_STR(name_of("a."), "");
	CHECK_STR(name_of("\""), "");
	CHECK_STR(name_of("\\"), "");
}

TEST(long_names_are_cut)
{
	CHECK_INT(
		strlen(name_of("x->abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij")),
		PISTE_NAME_MAX - 1);
}

TEST(arguments_are_split_as_the_preprocessor_does)
{
	static const struct {
		const char *list;
		int count;
	} cases[] = {
		{"a, b", 2},
		{"f(a, b), c", 2},
		{"',', ','", 2},
		{"'\\'', \"\\\",\", b", 3},
		{"'\"', b, '\"'", 3},
		{"1'000, b", 2},
		{"0xff'ff, 'c', d", 3},
		{"R\"(a\", \"b)\", c", 2},
		{"R\"x(a)\", )x\", c", 2},
		{"u8R\"(,)\", c", 2},
		{"L',', u8\",\", c", 3},
		{"(a, (b, c)), d", 2},
		{"\"unended, x", 1},
		{"(unended, x", 1},
		{"a), b", 2},
		{"\"\\", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *p = cases[i].list, *end = p + strlen(p), *a, *b;
		int n = 0;

		while (piste_take_argument(&p, end, &a, &b))
			n++;
		if (!CHECK(n == cases[i].count))
			printf("# %s: %d\n", cases[i].list, n);
	}
}

TEST(named_fields)
{
	struct piste_field_view field = described("(total, x + y)");

	CHECK_STR(field.name, "total");
	CHECK_INT(field.attributes_len, 0);
	field = described("( total , f(a, b), unit=ms, base = 16 )");
	CHECK_STR(field.name, "total");
	CHECK_INT(field.attributes_len, strlen("unit=ms, base = 16"));
	CHECK(!strncmp(field.attributes, "unit=ms", 7));
	/* an expression that begins with a parenthesis is none */
	CHECK_STR(described("(int)max(a, b)").name, "max");
	CHECK_STR(described("(f(a, b))").name, "f");
	CHECK_STR(described("(name, )").name, "name");
	CHECK_STR(described("(,)").name, "");
}

TEST(kinds_of_fields)
{
	static const struct {
		const char *text, *name, *type;
	} cases[] = {
		{"PISTE_ARRAY(items, n)", "items", ""},
		{"PISTE_ARRAY(o->items, o->n)", "items", ""},
		{"(n, PISTE_BYTES(p, l))", "n", ""},
		{"PISTE_BYTES(buf + 4, len)", "", ""},
		{"PISTE_BYTES((const char *)buf, len)", "buf", ""},
		{"PISTE_FIXED(v.axes, 3)", "axes", ""},
		{"PISTE_AS(color, item->c)", "c", "color"},
		{"(paint, PISTE_AS(color, item->c))", "paint", "color"},
		{"PISTE_OPTIONAL(has, v)", "v", ""},
		{"PISTE_OPTIONAL(f(a, b), v->w)", "w", ""},
		{"PISTE_ARRAY_OF(point, pts, n)", "pts", "point"},
		{"PISTE_FIXED_OF(point, &pts[0], 3)", "pts", "point"},
		{"PISTE_OPTIONAL_OF(point, p != NULL, p)", "p", "point"},
		/* as they arrive through a macro of the user's */
		{"(~, 0SEQUENCE, items, n, ~)", "items", ""},
		{"(~, 0AS, color, c, ~)", "c", "color"},
		{"(~, OPTIONAL_OF, point, has, q->p)", "p", "point"},
		{"(n, (~, BYTES, p, l, ~))", "n", ""},
		/* not ours */
		{"PISTE_MAX", "PISTE_MAX", ""},
		{"PISTE_MAX(a, b)", "PISTE_MAX", ""},
		{"PISTE_ARRAY(", "PISTE_ARRAY", ""},
		{"PISTE_", "PISTE_", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct piste_field_view field = described(cases[i].text);

		if (!CHECK_STR(field.name, cases[i].name) ||
		    !CHECK_STR(field.type_name, cases[i].type))
			printf("# %s\n", cases[i].text);
	}
}

TEST(sites)
{
	struct made m;
	struct piste_view view;

	MAKE_SITE(&m, PISTE_SITE_EVENT, "shop:order",
		  "req->id, PISTE_ATTRIBUTES(owner=me, x), (path, req->path, unit=ms), "
		  "a + b, x.id",
		  "", ONE(PISTE_T_S32), ONE(PISTE_T_ATTRIBUTES), ONE(PISTE_T_STRING),
		  ONE(PISTE_T_F64), ONE(PISTE_T_S32));
	REQUIRE(piste_describe_site(made_head(&m), m.len, &view) == 0);
	CHECK_STR(view.provider, "shop");
	CHECK_STR(view.name, "order");
	CHECK_STR(view.file, "src/shop.c");
	CHECK_INT(view.line, 42);
	CHECK_INT(view.attributes_len, strlen("owner=me, x"));
	CHECK(!strncmp(view.attributes, "owner=me, x", view.attributes_len));
	CHECK_INT(view.field_count, 4);
	CHECK_STR(view.fields[0].name, "id");
	CHECK_STR(view.fields[1].name, "path");
	CHECK_INT(view.fields[1].attributes_len, strlen("unit=ms"));
	CHECK_STR(view.fields[2].name, "arg3");
	CHECK_STR(view.fields[3].name, "id_2");
	for (size_t len = 0; len < m.len; len++)
		CHECK_INT(piste_describe_site(made_head(&m), len, &view), -1);
}

TEST(logs)
{
	struct made m;
	struct piste_view view;

	MAKE_SITE(&m, PISTE_SITE_LOG, "shop:log", "n, req->host", "retry %d of %s",
		  ONE(PISTE_T_S32), ONE(PISTE_T_STRING));
	REQUIRE(piste_describe_site(made_head(&m), m.len, &view) == 0);
	CHECK_STR(view.format, "retry %d of %s");
	CHECK_STR(view.fields[0].name, "n");
	CHECK_STR(view.fields[1].name, "host");
}

/* Sixteen fields of one name, and that one as long as can be. */
TEST(duplicates)
{
	char arguments[2048] = "", *p = arguments;
	uint32_t codes[PISTE_FIELDS_MAX];
	struct made m;
	struct piste_view view;

	for (int i = 0; i < PISTE_FIELDS_MAX; i++) {
		p += sprintf(p, "%sx.abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij",
			     i ? ", " : "");
		codes[i] = ONE(PISTE_T_U8);
	}
	make_site(&m, PISTE_SITE_EVENT, "a:b", arguments, "", codes, PISTE_FIELDS_MAX);
	REQUIRE(piste_describe_site(made_head(&m), m.len, &view) == 0);
	for (uint32_t i = 0; i < view.field_count; i++)
		for (uint32_t k = 0; k < i; k++)
			CHECK(strcmp(view.fields[i].name, view.fields[k].name));
	CHECK_STR(view.fields[15].name, "abcdefghijabcdefghijabcdefghijabcdefghijabcd_16");
}

/* More codes than arguments: the rest has no names, and nothing is read behind the text. */
TEST(arguments_run_out)
{
	struct made m;
	struct piste_view view;

	MAKE_SITE(&m, PISTE_SITE_EVENT, "a:b", "x", "", ONE(PISTE_T_U8), ONE(PISTE_T_U8),
		  ONE(PISTE_T_ATTRIBUTES));
	REQUIRE(piste_describe_site(made_head(&m), m.len, &view) == 0);
	CHECK_STR(view.fields[1].name, "arg2");
	CHECK_INT(view.attributes_len, 0);
}

TEST(types)
{
	struct made m = {.len = 0};
	struct piste_label_view labels[PISTE_LABELS_MAX];
	const struct piste_type *type;
	struct piste_view view;
	uint32_t n;
	size_t at = 0;

	MAKE_ENUM(&m, "color", "RED, (GREEN, 7), (\"light, \\\"blue\\\"\", 10, 12), ns::DARK",
		  ONE(PISTE_T_S32), 0, 0, 7, 7, 10, 12, -1, -1);
	m.len += 24; /* what the linker leaves between */
	MAKE_TYPE(&m, PISTE_TYPE_STRUCT, "point", "(x, self->x), self->y", ONE(PISTE_T_F32),
		  ONE(PISTE_T_F32));
	MAKE_TYPE(&m, PISTE_TYPE_VARIANT, "reply", "(number, 1, v->n), (text, 2, v->s)",
		  ONE(PISTE_T_S32), ONE(PISTE_T_STRING));

	REQUIRE((type = piste_next_type(m.bytes, m.len, &at)));
	REQUIRE(piste_describe_type(type, &view, labels, &n) == 0);
	CHECK_STR(view.name, "color");
	CHECK_INT(n, 4);
	CHECK_STR(labels[0].name, "RED");
	CHECK_STR(labels[1].name, "GREEN");
	CHECK_INT(labels[1].high, 7);
	CHECK_STR(labels[2].name, "light, \"blue\"");
	CHECK_INT(labels[2].low, 10);
	CHECK_INT(labels[2].high, 12);
	CHECK_STR(labels[3].name, "ns::DARK");
	CHECK_INT(labels[3].low, -1);

	REQUIRE((type = piste_next_type(m.bytes, m.len, &at)));
	REQUIRE(piste_describe_type(type, &view, labels, &n) == 0);
	CHECK_STR(view.fields[0].name, "x");
	CHECK_STR(view.fields[1].name, "y");

	REQUIRE((type = piste_next_type(m.bytes, m.len, &at)));
	REQUIRE(piste_describe_type(type, &view, labels, &n) == 0);
	CHECK_STR(view.fields[0].name, "number");
	CHECK_STR(view.fields[1].name, "text");
	CHECK(!piste_next_type(m.bytes, m.len, &at));
}

TEST(broken_types)
{
	struct made m = {.len = 0};
	struct piste_label_view labels[PISTE_LABELS_MAX];
	struct piste_type *type;
	struct piste_view view;
	uint32_t n;
	size_t at = 0;

	type = MAKE_ENUM(&m, "color", "RED", ONE(PISTE_T_S32), 0, 0);
	type->count = 33;
	CHECK_INT(piste_describe_type(type, &view, labels, &n), -1);
	type->count = 2; /* the text is now taken for the value */
	piste_describe_type(type, &view, labels, &n);
	type->count = 1;
	type->text_size++;
	CHECK_INT(piste_describe_type(type, &view, labels, &n), -1);
	type->text_size -= 2;
	CHECK_INT(piste_describe_type(type, &view, labels, &n), -1);
	type->text_size++;
	type->kind = 9;
	CHECK_INT(piste_describe_type(type, &view, labels, &n), -1);
	type->kind = PISTE_TYPE_STRUCT;
	type->count = 17;
	CHECK_INT(piste_describe_type(type, &view, labels, &n), -1);
	type->size = 79;
	CHECK(!piste_next_type(m.bytes, m.len, &at));
	type->size = UINT32_MAX;
	at = 0;
	CHECK(!piste_next_type(m.bytes, m.len, &at));
	at = 0;
	CHECK(!piste_next_type(m.bytes, 8, &at));
}

/* What a hostile program can make long must not take long. */
TEST(deep_nesting_is_linear)
{
	size_t n = 1 << 20;
	char *text = malloc(n + 1), name[PISTE_NAME_MAX];

	REQUIRE(text);
	for (const char *unit = "([{\"'<R*a.,&"; *unit; unit++) {
		memset(text, *unit, n);
		text[n] = '\0';
		piste_expression_name(text, text + n, name);
		piste_skip_argument(text, text + n);
	}
	for (size_t i = 0; i < n; i++)
		text[i] = "R\"("[i % 3];
	piste_expression_name(text, text + n, name);
	for (size_t i = 0; i < n; i++)
		text[i] = "a<"[i % 2];
	piste_expression_name(text, text + n, name);
	free(text);
}
