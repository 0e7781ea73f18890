/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_BTF_H
#define PISTE_KERN_BTF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/str.h"

/*
 * btf - the kernel's types: where a member lies, which number a function has.
 *
 * The types are mapped (or read) and scanned once, which indexes them by
 * number, and by name those that can be asked for by name. A few milliseconds
 * for a whole kernel. Untrusted like any file: every offset is checked.
 *
 * Format: Documentation/bpf/btf.rst.
 */
struct btf_index;

/* path NULL: the running kernel's. -EOPNOTSUPP with the reason in the diag when it has none. */
int btf_index_new(struct btf_index **out, const char *path, struct diag *diag);
void btf_index_free(struct btf_index *btf);

enum btf_named {
	BTF_NAMED_STRUCT, /* or union */
	BTF_NAMED_TYPEDEF, /* of a tracepoint: "btf_trace_sched_switch" */
	BTF_NAMED_FUNCTION,
	BTF_NAMED_VARIABLE, /* one that each CPU has */
	BTF_NAMED_ENUM,
};
/* Its number, or 0. */
uint32_t btf_find(const struct btf_index *btf, enum btf_named kind, const char *name);
/* Calls fn with each name of a kind, in no order. */
void btf_each(const struct btf_index *btf, enum btf_named kind,
	      void (*fn)(const char *name, uint32_t id, void *arg), void *arg);

struct btf_place {
	uint32_t offset; /* bytes from the start of the struct */
	uint32_t size; /* bytes: of the member, or of the integer that holds the bits */
	bool is_signed, is_pointer, is_array;
	bool is_compound; /* a struct or union, by value */
	bool is_const; /* of a pointer: what it points to */
	uint8_t bit_offset, bit_size; /* of a bit field: in the integer at offset; else 0 */
	uint32_t count, item_size; /* of an array; size and sign are those of all, and of one */
	uint32_t type; /* of the member, without qualifiers; of a pointer: what it points to */
};

/* The place of "se.vruntime" in a struct, members of nameless members included. 0, or -ENOENT. */
int btf_member(const struct btf_index *btf, uint32_t type, const char *path,
	       struct btf_place *place);
/* The same by the struct's name: "task_struct.se.vruntime"; what is missing is named in the diag. */
int btf_path(const struct btf_index *btf, const char *path, struct btf_place *place,
	     struct diag *diag);
/* The number of a struct that a tracepoint's argument points to, or 0; argument 0 is the first. */
uint32_t btf_tracepoint_argument(const struct btf_index *btf, const char *tracepoint,
				 unsigned argument, struct btf_place *place);
unsigned btf_tracepoint_arguments(const struct btf_index *btf, const char *tracepoint);
/* Of a function: how many parameters, -1 for what is none or takes any number; what they are; and
 * what it returns, size 0 for nothing. */
int btf_parameters(const struct btf_index *btf, uint32_t function);
const char *btf_parameter(const struct btf_index *btf, uint32_t function, unsigned i,
			  struct btf_place *place);
void btf_return(const struct btf_index *btf, uint32_t function, struct btf_place *place);
/* As C declares it, without its name: "(struct file *file, size_t count): ssize_t". */
void btf_add_function(struct str *out, const struct btf_index *btf, uint32_t function);
const char *btf_name(const struct btf_index *btf, uint32_t type); /* "" when it has none */
/* The value of a label of any enum that is called so; 0 or -ENOENT. */
int btf_enum_value(const struct btf_index *btf, const char *enum_name, const char *label,
		   int64_t *value);
/* The labels of an enum, one after the other from i = 0. */
bool btf_enum_label(const struct btf_index *btf, uint32_t type, unsigned i, const char **label,
		    int64_t *value);

#endif
