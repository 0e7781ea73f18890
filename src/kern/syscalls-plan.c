/* SPDX-License-Identifier: MIT */
#include "kern/syscalls-plan.h"

#include <errno.h>
#include <string.h>

unsigned syscall_type_size(const struct syscall_type *type, enum syscall_abi abi)
{
	return type->size ? type->size : abi == SYSCALL_I386 ? 4 : 8;
}

/* ---- the steps */

static void add(struct syscall_plan *plan, enum syscall_op op, unsigned arg, unsigned type)
{
	plan->steps[plan->n++] = (struct syscall_step){
		.op = (uint8_t)op,
		.arg = (uint8_t)arg,
		.size = op <= SYSCALL_OP_NUMBER
				? (uint8_t)syscall_type_size(&syscall_types[type], plan->abi)
				: 0,
		.type = (uint8_t)type,
	};
}

static const uint8_t op_of[] = {
	[SYSCALL_TEXT] = SYSCALL_OP_TEXT,       [SYSCALL_RESULT] = SYSCALL_OP_RESULT,
	[SYSCALL_STRINGS] = SYSCALL_OP_STRINGS, [SYSCALL_STRUCT] = SYSCALL_OP_STRUCT,
	[SYSCALL_ADDRESS] = SYSCALL_OP_ADDRESS,
};

/* A string stands in place of its address; other memory behind it. */
static void plan_entry(struct syscall_plan *plan, unsigned arg, unsigned id)
{
	const struct syscall_type *type = &syscall_types[id];

	if (type->when != SYSCALL_IN ||
	    (type->holds != SYSCALL_TEXT && type->holds != SYSCALL_STRINGS))
		add(plan, SYSCALL_OP_NUMBER, arg, id);
	if (type->when == SYSCALL_IN)
		add(plan, op_of[type->holds], arg, id);
}

static void plan_exit(struct syscall_plan *plan, unsigned arg, unsigned id)
{
	const struct syscall_type *type = &syscall_types[id];

	if (type->when == SYSCALL_OUT)
		add(plan, op_of[type->holds], arg, id);
	else if (type->holds == SYSCALL_TEXT)
		add(plan, SYSCALL_OP_LATE, arg, id);
}

static void plan_unknown(struct syscall_plan *plan)
{
	add(plan, SYSCALL_OP_CALL, 0, T_LONG);
	if (plan->side == SYSCALL_EXIT)
		add(plan, SYSCALL_OP_RETURN, 0, T_RESULT_LONG);
	for (unsigned i = 0; plan->side == SYSCALL_ENTRY && i < SYSCALL_ARGS; i++)
		add(plan, SYSCALL_OP_NUMBER, i, T_HEX64);
}

void syscall_plan(struct syscall_plan *plan, enum syscall_abi abi, const struct syscall *call,
		  enum syscall_side side)
{
	*plan = (struct syscall_plan){.call = call, .abi = abi, .side = side};
	if (!call) {
		plan->abi = SYSCALL_NATIVE; /* one event for all ABIs */
		plan_unknown(plan);
		plan->abi = abi;
		return;
	}
	if (side == SYSCALL_EXIT)
		add(plan, SYSCALL_OP_RETURN, 0, call->result);
	for (unsigned i = 0; i < syscall_args(call); i++)
		if (side == SYSCALL_ENTRY)
			plan_entry(plan, i, call->args[i].type);
		else
			plan_exit(plan, i, call->args[i].type);
}

/* Whether a struct looks the same to programs of 64 and of 32 bits. */
static bool is_same_in_compat(const struct syscall_member *m)
{
	for (; m->type; m++)
		if (m->offset != m->compat_offset || !syscall_types[m->type].size)
			return false;
	return true;
}

static bool steps_alike(const struct syscall_step *x, const struct syscall_step *y, bool same_abi)
{
	const struct syscall_member *members = syscall_types[x->type].members;

	if (x->op != y->op || x->arg != y->arg || x->size != y->size)
		return false;
	if (x->op == SYSCALL_OP_STRUCT)
		return members == syscall_types[y->type].members &&
		       (same_abi || is_same_in_compat(members));
	return x->op != SYSCALL_OP_STRINGS || same_abi;
}

bool syscall_plan_alike(const struct syscall_plan *a, const struct syscall_plan *b)
{
	if (a->side != b->side || a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (!steps_alike(&a->steps[i], &b->steps[i], a->abi == b->abi))
			return false;
	return true;
}

bool syscall_plan_is_fixed(const struct syscall_plan *plan, uint32_t *bytes)
{
	*bytes = 0;
	for (unsigned i = 0; i < plan->n; i++) {
		const struct syscall_step *step = &plan->steps[i];
		const struct syscall_member *m = syscall_types[step->type].members;

		if (step->op <= SYSCALL_OP_NUMBER)
			*bytes += step->size;
		else if (step->op != SYSCALL_OP_STRUCT)
			return false;
		else
			for (; m->type; m++)
				*bytes += syscall_type_size(&syscall_types[m->type], plan->abi);
	}
	return true;
}

/* ---- the event */

/* Fields of a socket address (SYSCALL_ADDRESS_…), behind the argument's name. */
static const struct kern_field address_fields[] = {
	{"family", KERN_INTEGER, 2, false, KERN_DECIMAL, 0, &labels_address_families,
	 "sa_family_t"},
	{"port", KERN_INTEGER, 2, false, KERN_DECIMAL, 0, NULL, "in_port_t"},
	{"address", KERN_TEXT, 0, false, KERN_DECIMAL, 0, NULL, NULL},
};
enum { ADDRESS_FIELDS = sizeof(address_fields) / sizeof(address_fields[0]) };

static struct kern_field number_field(const char *name, const struct syscall_type *type,
				      unsigned size)
{
	return (struct kern_field){
		.name = name,
		.kind = KERN_INTEGER,
		.size = (uint8_t)size,
		.is_signed = type->is_signed,
		.base = type->base,
		.labels = type->labels,
		.type = type->name,
	};
}

static size_t fields_of(const struct syscall_step *step)
{
	size_t n = 0;

	if (step->op == SYSCALL_OP_ADDRESS)
		return ADDRESS_FIELDS;
	if (step->op != SYSCALL_OP_STRUCT)
		return 1;
	while (syscall_types[step->type].members[n].type)
		n++;
	return n;
}

/* Writes the fields of a step behind *field. */
static void describe(const struct syscall_plan *plan, const struct syscall_step *step,
		     struct arena *arena, struct kern_field *field)
{
	const struct syscall_type *type = &syscall_types[step->type];
	const char *name = step->op == SYSCALL_OP_RETURN ? "ret"
			   : step->op == SYSCALL_OP_CALL ? "nr"
			   : !plan->call                 ? arena_printf(arena, "arg%u", step->arg)
							 : plan->call->args[step->arg].name;

	switch ((enum syscall_op)step->op) {
	case SYSCALL_OP_RETURN:
	case SYSCALL_OP_CALL:
	case SYSCALL_OP_NUMBER:
		*field = number_field(name, type, step->size);
		break;
	case SYSCALL_OP_TEXT:
	case SYSCALL_OP_LATE:
	case SYSCALL_OP_RESULT:
	case SYSCALL_OP_STRINGS:
		*field = (struct kern_field){.name = name, .kind = KERN_TEXT, .type = type->name};
		break;
	case SYSCALL_OP_STRUCT:
		for (const struct syscall_member *m = type->members; m->type; m++) {
			const struct syscall_type *of = &syscall_types[m->type];

			*field++ = number_field(arena_printf(arena, "%s_%s", name, m->name), of,
						syscall_type_size(of, plan->abi));
		}
		break;
	case SYSCALL_OP_ADDRESS:
		for (size_t i = 0; i < ADDRESS_FIELDS; i++) {
			field[i] = address_fields[i];
			field[i].name = arena_printf(arena, "%s_%s", name, address_fields[i].name);
		}
		break;
	}
}

int syscall_plan_event(const struct syscall_plan *plan, struct arena *arena,
		       struct kern_event *event)
{
	static const char *const sides[] = {"entry", "exit"};
	const char *side = sides[plan->side],
		   *compat = plan->call && plan->abi == SYSCALL_I386 ? "compat_" : "";
	const char *name = "unknown", *lttng = name;
	struct kern_field *fields;
	size_t n = 0;

	if (plan->call) {
		name = plan->call->name;
		lttng = plan->call->kernel_name ? plan->call->kernel_name : name;
	}
	for (unsigned i = 0; i < plan->n; i++)
		n += fields_of(&plan->steps[i]);
	*event = (struct kern_event){
		.name = arena_printf(arena, "syscall:%s%s_%s", compat, name, side),
		.lttng_name = arena_printf(arena, "%ssyscall_%s_%s", compat, side, lttng),
		.fields = fields = arena_array(arena, n, sizeof(*fields)),
		.n_fields = n,
	};
	if (arena_failed(arena))
		return -ENOMEM;
	for (unsigned i = 0; i < plan->n; i++) {
		describe(plan, &plan->steps[i], arena, fields);
		fields += fields_of(&plan->steps[i]);
	}
	if (!syscall_plan_is_fixed(plan, &event->fixed_size))
		event->fixed_size = 0;
	return arena_failed(arena) ? -ENOMEM : 0;
}

const struct syscall_step *syscall_plan_field(const struct syscall_plan *plan, size_t field,
					      size_t *part)
{
	for (unsigned i = 0; i < plan->n; i++) {
		size_t n = fields_of(&plan->steps[i]);

		if (field < n) {
			*part = field;
			return &plan->steps[i];
		}
		field -= n;
	}
	return NULL;
}
