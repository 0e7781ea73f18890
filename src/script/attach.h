/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SCRIPT_ATTACH_H
#define PISTE_SCRIPT_ATTACH_H

#include "base/vec.h"
#include "kern/load.h"
#include "lang/lang.h"

/*
 * attach - the programs of a script in the kernel: its maps, its units loaded,
 * and attached, a row for each kind of probe.
 */
struct loaded_unit {
	const struct lang_unit *unit;
	int program;
};

struct timed_unit { /* runs in this process, by the clock */
	const struct loaded_unit *unit;
	uint64_t period_ns, next_ns;
};

struct loaded {
	struct kern_maps maps; /* by lang's numbers */
	struct lang_control *control;
	struct loaded_unit *units;
	size_t n_units;
	struct VEC(int) links;
	struct VEC(struct timed_unit) timers;
	size_t n_attached; /* targets */
};

/* Makes the maps and loads the programs. */
int loaded_open(struct loaded *l, const struct lang_program *program, struct diag *diag);
/* Attaches all but BEGIN and END; says which could not be. */
int loaded_attach(struct loaded *l, int pid, struct diag *diag);
void loaded_detach(struct loaded *l);
void loaded_fini(struct loaded *l);
/* Runs the units of a kind once: BEGIN, END. */
int loaded_run(const struct loaded *l, enum lang_probe_kind kind, struct diag *diag);
int loaded_run_unit(const struct loaded_unit *u, struct diag *diag);
int loaded_map_fd(const struct loaded *l, const struct lang_map *map);
/* Nanoseconds until the next timed unit is due; runs those that are. UINT64_MAX: there is none. */
uint64_t loaded_tick(struct loaded *l, uint64_t now_ns, struct diag *diag);

#endif
