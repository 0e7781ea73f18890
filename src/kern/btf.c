/* SPDX-License-Identifier: MIT */
/*
 * One scan over the types notes where each begins and collects the named ones
 * by kind; a hash of the names of a kind is made when a name of it is first
 * asked for. The scan also checks that each type lies within the section, so
 * that what follows need not.
 */
#include "kern/btf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/str.h"
#include "base/vec.h"

enum {
	N_NAMED = BTF_NAMED_ENUM + 1,
	DEPTH_MAX = 32, /* of typedefs, arrays, nameless members; cycles are cut */
	MEMBERS_MAX = 1 << 16, /* looked at for one name */
	/* A table of so many names is not made for so few questions. */
	MANY_NAMES = 1 << 15,
	FEW_QUESTIONS = 4,
};

struct slot {
	uint32_t hash, id; /* id 0: empty */
};

struct names {
	struct VEC(uint32_t) ids;
	struct slot *table; /* made when first asked; a power of two, at most half full */
	size_t cap;
	unsigned asked; /* while there is no table */
};

struct btf_index {
	uint8_t *data;
	size_t len;
	bool is_map; /* else malloc'ed */
	const char *strings;
	size_t strings_len;
	const uint8_t *types;
	struct VEC(uint32_t) offsets; /* of type i, in types; [0] is void */
	/* Pointers, since looking up makes tables of a const index: not for several threads. */
	struct names *names[N_NAMED];
};

/* What a kind has behind its head: bytes, and bytes each of vlen. */
static const struct {
	uint8_t bytes, each;
} tails[] = {
	[BTF_KIND_INT] = {4, 0},
	[BTF_KIND_ARRAY] = {sizeof(struct btf_array), 0},
	[BTF_KIND_STRUCT] = {0, sizeof(struct btf_member)},
	[BTF_KIND_UNION] = {0, sizeof(struct btf_member)},
	[BTF_KIND_ENUM] = {0, sizeof(struct btf_enum)},
	[BTF_KIND_FUNC_PROTO] = {0, sizeof(struct btf_param)},
	[BTF_KIND_VAR] = {sizeof(struct btf_var), 0},
	[BTF_KIND_DATASEC] = {0, sizeof(struct btf_var_secinfo)},
	[BTF_KIND_DECL_TAG] = {sizeof(struct btf_decl_tag), 0},
	[BTF_KIND_ENUM64] = {0, sizeof(struct btf_enum64)},
};

static const int8_t named_kinds[NR_BTF_KINDS] = {
	[BTF_KIND_STRUCT] = BTF_NAMED_STRUCT + 1,   [BTF_KIND_UNION] = BTF_NAMED_STRUCT + 1,
	[BTF_KIND_TYPEDEF] = BTF_NAMED_TYPEDEF + 1, [BTF_KIND_FUNC] = BTF_NAMED_FUNCTION + 1,
	[BTF_KIND_VAR] = BTF_NAMED_VARIABLE + 1,    [BTF_KIND_ENUM] = BTF_NAMED_ENUM + 1,
	[BTF_KIND_ENUM64] = BTF_NAMED_ENUM + 1,
};

/* --- types ----------------------------------------------------------------------- */

static const struct btf_type *type_at(const struct btf_index *btf, uint32_t id)
{
	static const struct btf_type nothing;

	if (!id || id >= btf->offsets.len)
		return &nothing;
	return (const struct btf_type *)(btf->types + btf->offsets.items[id]);
}

static const void *tail_of(const struct btf_type *t)
{
	return t + 1;
}

static unsigned kind_of(const struct btf_type *t)
{
	return BTF_INFO_KIND(t->info);
}

static unsigned n_of(const struct btf_type *t)
{
	return BTF_INFO_VLEN(t->info);
}

static const char *string_at(const struct btf_index *btf, uint32_t offset)
{
	return offset < btf->strings_len ? btf->strings + offset : "";
}

const char *btf_name(const struct btf_index *btf, uint32_t type)
{
	return string_at(btf, type_at(btf, type)->name_off);
}

/* Without typedefs, qualifiers and tags. */
static uint32_t plain(const struct btf_index *btf, uint32_t id)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		const struct btf_type *t = type_at(btf, id);
		unsigned kind = kind_of(t);

		if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_CONST &&
		    kind != BTF_KIND_VOLATILE && kind != BTF_KIND_RESTRICT &&
		    kind != BTF_KIND_TYPE_TAG)
			return id;
		id = t->type;
	}
	return 0;
}

/* Whether `const` is among the qualifiers of a type. */
static bool is_constant(const struct btf_index *btf, uint32_t id)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		const struct btf_type *t = type_at(btf, id);

		if (kind_of(t) == BTF_KIND_CONST)
			return true;
		if (kind_of(t) != BTF_KIND_VOLATILE && kind_of(t) != BTF_KIND_TYPE_TAG)
			return false;
		id = t->type;
	}
	return false;
}

static bool is_compound(const struct btf_type *t)
{
	return kind_of(t) == BTF_KIND_STRUCT || kind_of(t) == BTF_KIND_UNION;
}

/* Fills in what depends on the type alone. */
static void describe(const struct btf_index *btf, uint32_t id, struct btf_place *place)
{
	const struct btf_type *t;

	place->type = plain(btf, id);
	place->is_pointer = place->is_compound = place->is_const = false;
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		t = type_at(btf, place->type);
		if (kind_of(t) != BTF_KIND_ARRAY)
			break;
		place->is_array = true;
		place->count = (place->count ? place->count : 1) *
			       ((const struct btf_array *)tail_of(t))->nelems;
		place->type = plain(btf, ((const struct btf_array *)tail_of(t))->type);
	}
	switch (kind_of(t)) {
	case BTF_KIND_PTR:
		place->size = sizeof(uint64_t);
		place->is_pointer = true;
		place->is_const = is_constant(btf, t->type);
		place->type = plain(btf, t->type);
		break;
	case BTF_KIND_INT:
		place->size = t->size;
		place->is_signed = *(const uint32_t *)tail_of(t) >> 24 & BTF_INT_SIGNED;
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		place->size = t->size;
		place->is_signed = BTF_INFO_KFLAG(t->info);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		place->is_compound = true;
		place->size = t->size;
		break;
	case BTF_KIND_FLOAT:
		place->size = t->size;
		break;
	default:
		place->size = 0;
	}
	if (place->is_array) {
		place->item_size = place->size;
		place->size *= place->count;
	}
}

/* --- members --------------------------------------------------------------------- */

/* Where the bits of a member begin and how many they are (0: it is no bit field). */
static uint32_t bits_of(const struct btf_type *t, const struct btf_member *m, uint8_t *bit_size)
{
	*bit_size = BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BITFIELD_SIZE(m->offset) : 0;
	return BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
}

/* Finds a member by the first `len` bytes of name, looking into nameless ones too; *budget is how
 * many may be looked at, since a broken file could nest without end. */
static int find_member(const struct btf_index *btf, uint32_t id, const char *name, size_t len,
		       int depth, int *budget, struct btf_place *place)
{
	const struct btf_type *t = type_at(btf, plain(btf, id));
	const struct btf_member *m = tail_of(t);

	if (!is_compound(t) || depth > DEPTH_MAX)
		return -ENOENT;
	for (unsigned i = 0; i < n_of(t) && --*budget > 0; i++, m++) {
		const char *own = string_at(btf, m->name_off);
		uint8_t bit_size;
		uint32_t bits = bits_of(t, m, &bit_size), base = place->offset;

		if (!*own) {
			place->offset = base + bits / 8;
			if (!find_member(btf, m->type, name, len, depth + 1, budget, place))
				return 0;
			place->offset = base;
			continue;
		}
		if (strncmp(own, name, len) || own[len])
			continue;
		*place = (struct btf_place){.offset = base + bits / 8};
		describe(btf, m->type, place);
		if (bit_size && place->size) {
			place->offset = base + bits / 8 / place->size * place->size;
			place->bit_offset = (uint8_t)(bits - (place->offset - base) * 8);
			place->bit_size = bit_size;
		}
		return 0;
	}
	return -ENOENT;
}

int btf_member(const struct btf_index *btf, uint32_t type, const char *path,
	       struct btf_place *place)
{
	*place = (struct btf_place){.type = type};
	for (;;) {
		size_t len = strcspn(path, ".");
		int budget = MEMBERS_MAX;
		int err = place->is_pointer || place->is_array
				  ? -ENOENT
				  : find_member(btf, place->type, path, len, 0, &budget, place);

		if (err || !path[len])
			return err;
		path += len + 1;
	}
}

int btf_path(const struct btf_index *btf, const char *path, struct btf_place *place,
	     struct diag *diag)
{
	size_t len = strcspn(path, ".");
	char name[128];
	uint32_t id;

	*place = (struct btf_place){0};
	if (len >= sizeof(name) || !path[len])
		return diag_error(diag, NULL, "'%s' is no path of a struct's member", path);
	memcpy(name, path, len);
	name[len] = '\0';
	id = btf_find(btf, BTF_NAMED_STRUCT, name);
	if (!id) {
		diag_error(diag, NULL, "this kernel has no struct %s", name);
		return -ENOENT;
	}
	if (!btf_member(btf, id, path + len + 1, place))
		return 0;
	diag_error(diag, NULL, "struct %s of this kernel has no member %s", name, path + len + 1);
	return -ENOENT;
}

/* --- tracepoints ----------------------------------------------------------------- */

/* typedef void (*btf_trace_NAME)(void *, arguments …) */
static const struct btf_type *prototype(const struct btf_index *btf, const char *tracepoint)
{
	char name[128] = "btf_trace_";
	const struct btf_type *t;
	uint32_t id;

	strncat(name, tracepoint, sizeof(name) - strlen(name) - 1);
	id = btf_find(btf, BTF_NAMED_TYPEDEF, name);
	t = type_at(btf, plain(btf, id));
	if (!id || kind_of(t) != BTF_KIND_PTR)
		return NULL;
	t = type_at(btf, plain(btf, t->type));
	return kind_of(t) == BTF_KIND_FUNC_PROTO && n_of(t) > 0 ? t : NULL;
}

unsigned btf_tracepoint_arguments(const struct btf_index *btf, const char *tracepoint)
{
	const struct btf_type *t = prototype(btf, tracepoint);

	return t ? n_of(t) - 1 : 0;
}

uint32_t btf_tracepoint_argument(const struct btf_index *btf, const char *tracepoint,
				 unsigned argument, struct btf_place *place)
{
	const struct btf_type *t = prototype(btf, tracepoint);
	const struct btf_param *params = t ? tail_of(t) : NULL;

	*place = (struct btf_place){0};
	if (!t || argument + 1 >= n_of(t))
		return 0;
	describe(btf, params[argument + 1].type, place);
	return place->is_pointer && is_compound(type_at(btf, place->type)) ? place->type : 0;
}

/* --- functions ------------------------------------------------------------------- */

static const struct btf_type *signature(const struct btf_index *btf, uint32_t function)
{
	const struct btf_type *t = type_at(btf, function);

	if (kind_of(t) == BTF_KIND_FUNC)
		t = type_at(btf, t->type);
	return kind_of(t) == BTF_KIND_FUNC_PROTO ? t : NULL;
}

int btf_parameters(const struct btf_index *btf, uint32_t function)
{
	const struct btf_type *t = signature(btf, function);
	const struct btf_param *params = t ? tail_of(t) : NULL;

	if (!t || (n_of(t) && !params[n_of(t) - 1].type))
		return -1;
	return (int)n_of(t);
}

const char *btf_parameter(const struct btf_index *btf, uint32_t function, unsigned i,
			  struct btf_place *place)
{
	const struct btf_type *t = signature(btf, function);
	const struct btf_param *params = t ? tail_of(t) : NULL;

	*place = (struct btf_place){0};
	if (!t || i >= n_of(t))
		return "";
	describe(btf, params[i].type, place);
	return string_at(btf, params[i].name_off);
}

void btf_return(const struct btf_index *btf, uint32_t function, struct btf_place *place)
{
	const struct btf_type *t = signature(btf, function);

	*place = (struct btf_place){0};
	if (t && t->type)
		describe(btf, t->type, place);
}

/* A type as C has it: "unsigned int", "struct file *", "const char *". */
static void add_type(struct str *out, const struct btf_index *btf, uint32_t type, int depth)
{
	static const char *const prefixes[NR_BTF_KINDS] = {
		[BTF_KIND_STRUCT] = "struct ",     [BTF_KIND_UNION] = "union ",
		[BTF_KIND_ENUM] = "enum ",         [BTF_KIND_ENUM64] = "enum ",
		[BTF_KIND_FWD] = "struct ",        [BTF_KIND_CONST] = "const ",
		[BTF_KIND_VOLATILE] = "volatile ",
	};
	const struct btf_type *t = type_at(btf, type);
	unsigned kind = kind_of(t);

	if (kind < NR_BTF_KINDS && prefixes[kind])
		str_add(out, prefixes[kind]);
	if (!type) {
		str_add(out, "void");
	} else if (kind == BTF_KIND_PTR && depth < DEPTH_MAX) {
		add_type(out, btf, t->type, depth + 1);
		str_add(out, out->len && out->data[out->len - 1] == '*' ? "*" : " *");
	} else if ((kind == BTF_KIND_CONST || kind == BTF_KIND_VOLATILE ||
		    kind == BTF_KIND_RESTRICT || kind == BTF_KIND_TYPE_TAG) &&
		   depth < DEPTH_MAX) {
		add_type(out, btf, t->type, depth + 1);
	} else if (kind == BTF_KIND_FUNC_PROTO) {
		str_add(out, "function");
	} else {
		str_add(out, btf_name(btf, type));
	}
}

void btf_add_function(struct str *out, const struct btf_index *btf, uint32_t function)
{
	const struct btf_type *t = signature(btf, function);
	const struct btf_param *params = t ? tail_of(t) : NULL;

	str_add_char(out, '(');
	for (unsigned i = 0; t && i < n_of(t); i++) {
		str_add(out, i ? ", " : "");
		if (!params[i].type) {
			str_add(out, "...");
			continue;
		}
		add_type(out, btf, params[i].type, 0);
		str_add(out, out->data && out->data[out->len - 1] == '*' ? "" : " ");
		str_add(out, string_at(btf, params[i].name_off));
	}
	str_add(out, "): ");
	add_type(out, btf, t ? t->type : 0, 0);
}

/* --- enums ----------------------------------------------------------------------- */

bool btf_enum_label(const struct btf_index *btf, uint32_t type, unsigned i, const char **label,
		    int64_t *value)
{
	const struct btf_type *t = type_at(btf, plain(btf, type));

	if (i >= n_of(t))
		return false;
	if (kind_of(t) == BTF_KIND_ENUM) {
		const struct btf_enum *e = (const struct btf_enum *)tail_of(t) + i;

		*label = string_at(btf, e->name_off);
		*value = BTF_INFO_KFLAG(t->info) ? e->val : (int64_t)(uint32_t)e->val;
		return true;
	}
	if (kind_of(t) == BTF_KIND_ENUM64) {
		const struct btf_enum64 *e = (const struct btf_enum64 *)tail_of(t) + i;

		*label = string_at(btf, e->name_off);
		*value = (int64_t)((uint64_t)e->val_hi32 << 32 | e->val_lo32);
		return true;
	}
	return false;
}

int btf_enum_value(const struct btf_index *btf, const char *enum_name, const char *label,
		   int64_t *value)
{
	uint32_t id = btf_find(btf, BTF_NAMED_ENUM, enum_name);
	const char *name;

	for (unsigned i = 0; btf_enum_label(btf, id, i, &name, value); i++)
		if (!strcmp(name, label))
			return 0;
	return -ENOENT;
}

/* --- names ----------------------------------------------------------------------- */

/* The name's slot, or the empty one where it belongs. */
static struct slot *find_slot(const struct btf_index *btf, const struct names *names, uint32_t hash,
			      const char *name)
{
	for (size_t i = hash & (names->cap - 1);; i = (i + 1) & (names->cap - 1)) {
		struct slot *slot = &names->table[i];

		if (!slot->id || (slot->hash == hash && !strcmp(btf_name(btf, slot->id), name)))
			return slot;
	}
}

static uint32_t hash_name(const char *name)
{
	return (uint32_t)hash_bytes(name, strlen(name));
}

static int make_table(const struct btf_index *btf, struct names *names)
{
	const uint32_t *id;

	for (names->cap = 16; names->cap < 2 * names->ids.len;)
		names->cap *= 2;
	names->table = calloc(names->cap, sizeof(*names->table));
	if (!names->table)
		return -ENOMEM;
	vec_each(id, &names->ids) {
		const char *name = btf_name(btf, *id);
		uint32_t hash = hash_name(name);
		struct slot *slot = find_slot(btf, names, hash, name);

		if (!slot->id) /* the first of a name stays */
			*slot = (struct slot){hash, *id};
	}
	return 0;
}

static uint32_t search(const struct btf_index *btf, const struct names *names, const char *name)
{
	const uint32_t *id;

	vec_each(id, &names->ids) {
		const char *own = btf_name(btf, *id);

		if (*own == *name && !strcmp(own, name))
			return *id;
	}
	return 0;
}

uint32_t btf_find(const struct btf_index *btf, enum btf_named kind, const char *name)
{
	struct names *names = btf->names[kind];

	if (!names->table && names->ids.len >= MANY_NAMES && names->asked++ < FEW_QUESTIONS)
		return search(btf, names, name);
	if (!names->table && make_table(btf, names))
		return 0;
	return find_slot(btf, names, hash_name(name), name)->id;
}

void btf_each(const struct btf_index *btf, enum btf_named kind,
	      void (*fn)(const char *name, uint32_t id, void *arg), void *arg)
{
	const uint32_t *id;

	vec_each(id, &btf->names[kind]->ids)
		fn(btf_name(btf, *id), *id, arg);
}

/* --- reading --------------------------------------------------------------------- */

static int scan(struct btf_index *btf, size_t types_len)
{
	if (vec_reserve(&btf->offsets, types_len / 20 + 16) || vec_push(&btf->offsets, 0))
		return -ENOMEM;
	for (size_t at = 0; at < types_len;) {
		const struct btf_type *t = (const struct btf_type *)(btf->types + at);
		uint32_t id = (uint32_t)btf->offsets.len;
		size_t size = sizeof(*t);
		unsigned kind;

		if (types_len - at < sizeof(*t))
			return -EINVAL;
		kind = kind_of(t);
		if (kind >= NR_BTF_KINDS)
			return -EINVAL;
		if (kind < sizeof(tails) / sizeof(*tails))
			size += tails[kind].bytes + (size_t)tails[kind].each * n_of(t);
		if (types_len - at < size)
			return -EINVAL;
		if (vec_push(&btf->offsets, (uint32_t)at))
			return -ENOMEM;
		if (named_kinds[kind] && t->name_off &&
		    vec_push(&btf->names[named_kinds[kind] - 1]->ids, id))
			return -ENOMEM;
		at += size;
	}
	return 0;
}

static int index_data(struct btf_index *btf)
{
	const struct btf_header *h = (const struct btf_header *)btf->data;
	uint64_t types, strings;

	if (btf->len < sizeof(*h) || h->magic != BTF_MAGIC || h->hdr_len < sizeof(*h))
		return -EINVAL;
	types = (uint64_t)h->hdr_len + h->type_off;
	strings = (uint64_t)h->hdr_len + h->str_off;
	if (types % 4 || types + h->type_len > btf->len || strings + h->str_len > btf->len ||
	    !h->str_len || btf->data[strings + h->str_len - 1])
		return -EINVAL;
	btf->types = btf->data + types;
	btf->strings = (const char *)btf->data + strings;
	btf->strings_len = h->str_len;
	return scan(btf, h->type_len);
}

/* Maps the file; kernels before 6.16 cannot map theirs. */
static int read_data(struct btf_index *btf, const char *path)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	p = st.st_size > 0
		    ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0)
		    : MAP_FAILED;
	if (p != MAP_FAILED) {
		btf->data = p;
		btf->len = (size_t)st.st_size;
		btf->is_map = true;
		return 0;
	}
	return fs_read_file(AT_FDCWD, path, 256u << 20, (char **)&btf->data, &btf->len);
}

int btf_index_new(struct btf_index **out, const char *path, struct diag *diag)
{
	struct btf_index *btf = calloc(1, sizeof(*btf));
	int err = btf ? 0 : -ENOMEM;

	*out = NULL;
	if (!path)
		path = "/sys/kernel/btf/vmlinux";
	for (int i = 0; i < N_NAMED && !err; i++)
		if (!(btf->names[i] = calloc(1, sizeof(*btf->names[i]))))
			err = -ENOMEM;
	if (!err)
		err = read_data(btf, path);
	if (err == -ENOENT) {
		diag_error(diag, NULL, "%s: this kernel does not describe its types", path);
		diag_hint(diag, "a kernel built with CONFIG_DEBUG_INFO_BTF has them");
		err = -EOPNOTSUPP;
	} else if (err) {
		diag_error(diag, NULL, "%s: %s", path, strerror(-err));
	} else if ((err = index_data(btf))) {
		diag_error(diag, NULL, "%s: %s", path,
			   err == -ENOMEM ? "no memory" : "no type information as BTF has it");
	}
	if (err) {
		btf_index_free(btf);
		return err;
	}
	*out = btf;
	return 0;
}

void btf_index_free(struct btf_index *btf)
{
	if (!btf)
		return;
	for (int i = 0; i < N_NAMED; i++) {
		if (!btf->names[i])
			continue;
		vec_fini(&btf->names[i]->ids);
		free(btf->names[i]->table);
		free(btf->names[i]);
	}
	vec_fini(&btf->offsets);
	if (btf->is_map)
		munmap(btf->data, btf->len);
	else
		free(btf->data);
	free(btf);
}
