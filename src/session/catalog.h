/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_CATALOG_H
#define PISTE_SESSION_CATALOG_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/vec.h"
#include "elf/build-id.h"
#include "piste/wire/describe.h"
#include "session/classes.h"

/*
 * catalog - what can be traced: the sites of files and of live processes, in
 * one form. What it holds came from files and processes and is text of any
 * kind: whoever prints it has to mind control characters.
 */
struct catalog_site {
	const char *name; /* "provider:event", spans with _begin or _end */
	const char *event; /* into name */
	struct span bytes; /* the description, for piste_describe_site */
	const struct classes_types *types;
	const char *object; /* path of the file or shared object that it is in; "" when unknown */
	const char *file; /* source */
	uint32_t line;
	uint8_t kind; /* enum piste_site_kind; gates of PISTE_ENABLED are left out */
	uint8_t level; /* enum piste_level */
	uint32_t gates; /* places in the code */
	uint32_t sessions; /* of a process: a bit for each recording that it is switched on for */
	bool has_tracer; /* … or a tracer in the process */
};

struct catalog_group {
	uint32_t pid; /* 0: a file */
	const char *path; /* of the file, or of the process's executable */
	const char *comm; /* of the process, else "" */
	struct build_id build_id; /* of the file */
	bool is_lto; /* an object file whose sites the linker will make */
	size_t broken; /* sites with a description that cannot be read, left out */
	struct VEC(struct catalog_site) sites; /* by name, then by place in the source */
};

/* All-zero is empty. */
struct catalog {
	struct arena arena;
	struct VEC(struct catalog_group) groups;
	struct VEC(struct classes_types *) types;
};

void catalog_fini(struct catalog *c);
/* Adds a group, also when it has no site. 0 or negative errno, with the reason in the diag. */
int catalog_add_file(struct catalog *c, const char *path, struct diag *diag);
int catalog_add_process(struct catalog *c, uint32_t pid, struct diag *diag);

/* "{id: int64, items: string[], color: color?}", "{}". Control characters are escaped. */
void catalog_add_fields(struct str *out, const struct catalog_site *site);
/* The type of a field alone: "int64", "string[]", "float32[3]", "bytes", "int32?". */
void catalog_add_type(struct str *out, const struct piste_field_view *field);
/* A named type: "enum color: uint32 {RED = 0, BLUE = 2 … 4}", "struct point {x: int32}"; nothing when
 * there is none. */
void catalog_add_named_type(struct str *out, const struct classes_types *types, const char *name);
/* Text of a foreign program for a terminal. */
void catalog_add_clean(struct str *out, const char *text, size_t len);
/* "info"; "?" for a level that is none. */
const char *catalog_level_name(uint8_t level);

#endif
