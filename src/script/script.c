/* SPDX-License-Identifier: MIT */
/*
 * A script's life in the kernel: script_run reads as its list of steps.
 */
#include "script/script.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "bpf/disasm.h"
#include "kern/program.h"
#include "kern/rights.h"
#include "script/env-kernel.h"
#include "script/env-trace.h"
#include "script/private.h"

enum { LOOK_MS = 10, LOOK_BUSY_MS = 1 }; /* between two looks at the ring */

/* --- the child --------------------------------------------------------------------------------- */

static int start_child(struct run *r)
{
	char byte;

	r->child_fd = -1;
	if (r->options->pid) {
		r->child_fd = (int)syscall(SYS_pidfd_open, r->options->pid, 0);
		if (r->child_fd < 0)
			return diag_error(r->diag, NULL, "process %d: %s", r->options->pid,
					  strerror(errno));
	}
	if (!r->options->command)
		return 0;
	if (pipe2(r->go, O_CLOEXEC))
		return -errno;
	r->child = fork();
	if (r->child < 0)
		return -errno;
	if (r->child == 0) {
		sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
		close(r->go[1]);
		if (read(r->go[0], &byte, 1) != 1)
			_exit(0); /* it never came to running */
		execvp(r->options->command[0], r->options->command);
		fprintf(stderr, "piste: %s: %s\n", r->options->command[0], strerror(errno));
		_exit(127);
	}
	close(r->go[0]);
	r->go[0] = -1;
	r->child_fd = (int)syscall(SYS_pidfd_open, r->child, 0);
	return r->child_fd < 0 ? -errno : 0;
}

static void let_child_go(struct run *r)
{
	if (!r->child)
		return;
	if (write(r->go[1], "g", 1) != 1)
		kill(r->child, SIGTERM);
	close(r->go[1]);
	r->go[1] = -1;
}

static void end_child(struct run *r)
{
	if (r->go[1] >= 0)
		close(r->go[1]);
	if (r->child > 0) {
		kill(r->child, SIGTERM);
		waitpid(r->child, NULL, 0);
	}
	if (r->child_fd >= 0)
		close(r->child_fd);
}

/* --- compiling ---------------------------------------------------------------------------------- */

/* As code that names its maps by their numbers. */
static void dump_code(struct str *out, const struct lang_unit *u, struct arena *a)
{
	struct bpf_insn *insns = arena_memdup(a, u->insns, u->n_insns * sizeof(*insns));

	for (size_t i = 0; insns && i < u->n_relocs; i++)
		insns[u->relocs[i].insn].imm = (int32_t)u->relocs[i].id;
	if (insns)
		disasm(out, insns, u->n_insns);
}

static void dump_units(struct str *out, struct run *r)
{
	for (const struct lang_unit *u = r->program->units; u; u = u->next) {
		str_addf(out, "%s%s:\n", u == r->program->units ? "" : "\n", u->name);
		if (r->options->dump == SCRIPT_DUMP_IR)
			str_add(out, u->ir);
		else
			dump_code(out, u, &r->arena);
	}
}

static int compile(struct run *r)
{
	const struct script_options *o = r->options;
	struct lang_options options = {
		.params = o->params,
		.n_params = o->n_params,
		.unsafe = o->unsafe,
		.child_pid = (uint64_t)(r->child > 0 ? r->child : 0),
		.keep_ir = o->dump == SCRIPT_DUMP_IR,
	};
	struct str text = {0};
	int err;

	err = bt_parse(&r->script, o->file, o->text, &r->arena, r->diag);
	if (err)
		return err;
	r->env = o->trace ? trace_env_new(r->trace) : kernel_env_new();
	if (!r->env)
		return -ENOMEM;
	err = lang_compile(&r->program, r->script, r->env, &options, &r->arena, r->diag);
	if (err)
		return err;
	if (o->dump == SCRIPT_DUMP_AST)
		ast_write(&text, r->script);
	else if (o->dump == SCRIPT_DUMP_IR || o->dump == SCRIPT_DUMP_BPF)
		dump_units(&text, r);
	fwrite(str_c(&text), 1, text.len, o->out);
	str_fini(&text);
	return 0;
}

/* --- what output needs of the kernel's maps -------------------------------------------------------- */

static bool next_key(void *data, const struct lang_map *map, const void *key, void *next)
{
	return kern_map_next(loaded_map_fd(data, map), key, next);
}

static int get_value(void *data, const struct lang_map *map, const void *key, void *value)
{
	return kern_map_get(loaded_map_fd(data, map), key, value);
}

static int erase(void *data, const struct lang_map *map, const void *key, bool keep_key)
{
	int fd = loaded_map_fd(data, map), err;
	size_t size = lang_stored_size(map->value) * (map->is_per_cpu ? (size_t)kern_cpus() : 1);
	void *zeros;

	if (!keep_key)
		return kern_map_delete(fd, key);
	zeros = calloc(1, size);
	if (!zeros)
		return -ENOMEM;
	err = kern_map_set(fd, key, zeros);
	free(zeros);
	return err;
}

static int open_output(struct run *r)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &boot);
	r->output = (struct output){
		.program = r->program,
		.values = {.program = r->program,
			   .is_json = r->options->is_json,
			   .boot_offset_ns = (real.tv_sec - boot.tv_sec) * 1000000000ll +
					     real.tv_nsec - boot.tv_nsec},
		.source = {&r->loaded, next_key, get_value, kern_cpus()},
		.erase = erase,
		.file = r->options->out,
	};
	return kern_records_open(&r->records, r->loaded.maps.items.items[LANG_MAP_RING].fd,
				 output_take, &r->output);
}

/* --- running ---------------------------------------------------------------------------------------- */

void run_say_attached(struct run *r, size_t n)
{
	if (r->options->is_json)
		str_addf(&r->output.text,
			 "{\"type\": \"attached_probes\", \"data\": {\"probes\": %zu}}\n", n);
	else if (!r->options->is_quiet)
		str_addf(&r->output.text, "Attached %zu probe%s\n", n, n == 1 ? "" : "s");
}

static int take_records(struct run *r)
{
	int n = kern_records_read(r->records);

	output_flush(&r->output);
	return n;
}

static int loop(struct run *r)
{
	struct pollfd fds[] = {{.fd = r->signals, .events = POLLIN},
			       {.fd = r->child_fd, .events = POLLIN}};
	int n = 0;

	while (!r->output.is_over && !r->output.error) {
		uint64_t next = loaded_tick(&r->loaded, clock_monotonic_ns(), r->diag);
		uint64_t look = (uint64_t)(n > 0 ? LOOK_BUSY_MS : LOOK_MS) * 1000000;
		struct timespec wait;

		next = next < look ? next : look;
		wait = (struct timespec){(time_t)(next / 1000000000), (long)(next % 1000000000)};
		if (r->program->names_user_code && (r->child > 0 || r->options->pid))
			values_meet(&r->output.values,
				    (uint32_t)(r->child > 0 ? r->child : r->options->pid));
		n = take_records(r);
		if (n < 0)
			return n;
		if (r->output.is_over)
			break;
		if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents || fds[1].revents)
			break; /* asked to end, or the process has */
	}
	return r->output.error;
}

void run_say_losses(const struct run *r, const struct lang_control *c)
{
	if (c->lost_records)
		diag_warn(r->diag, NULL, "lost %llu records: there was no room for them",
			  (unsigned long long)c->lost_records);
	if (c->lost_updates)
		diag_warn(r->diag, NULL, "lost %llu updates of maps that are full",
			  (unsigned long long)c->lost_updates);
	if (c->lost_updates)
		diag_hint(r->diag, "config = { max_map_keys = … } makes room for more keys");
	if (c->lost_runs)
		diag_warn(r->diag, NULL, "lost %llu runs of probes that came within themselves",
			  (unsigned long long)c->lost_runs);
	if (c->bad_reads)
		diag_note(r->diag, NULL, "%llu reads of bad addresses gave 0",
			  (unsigned long long)c->bad_reads);
}

static int finish(struct run *r)
{
	int err = loaded_run(&r->loaded, LANG_PROBE_END, r->diag);

	r->output.is_over = false;
	kern_records_read(r->records);
	return err;
}

static int by_name(const void *a, const void *b)
{
	const struct lang_map *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

void run_print_maps(struct run *r)
{
	const struct lang_map **maps =
		arena_array(&r->arena, r->program->n_maps + 1, sizeof(*maps));
	size_t n = 0;

	if (!r->options->is_json && !r->options->is_quiet)
		str_add(&r->output.text, "\n\n");
	for (const struct lang_map *map = r->program->maps; maps && map; map = map->next)
		maps[n++] = map;
	qsort(maps, n, sizeof(*maps), by_name);
	for (size_t i = 0; i < n; i++)
		output_print_map(&r->output, maps[i], 0, 0);
	output_flush(&r->output);
}

static int block_signals(struct run *r)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, &r->old_mask);
	r->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signals < 0 ? -errno : 0;
}

static int run_in_kernel(struct run *r)
{
	int err = rights_need_events("piste run", r->diag);

	if (!err)
		err = loaded_open(&r->loaded, r->program, r->diag);
	if (!err)
		err = open_output(r);
	if (!err)
		err = loaded_run(&r->loaded, LANG_PROBE_BEGIN, r->diag);
	if (!err)
		err = loaded_attach(&r->loaded, r->options->pid, r->diag);
	if (err)
		return err;
	run_say_attached(r, r->loaded.n_attached);
	let_child_go(r);
	err = loop(r);
	loaded_detach(&r->loaded);
	kern_records_read(r->records);
	if (!err)
		err = finish(r);
	run_print_maps(r);
	run_say_losses(r, r->loaded.control);
	return err;
}

int script_run(const struct script_options *options, int *status, struct diag *diag)
{
	struct run r = {.options = options, .diag = diag, .signals = -1, .child_fd = -1};
	int err;

	r.go[0] = r.go[1] = -1;
	err = block_signals(&r);
	if (!err && options->trace)
		err = ctf_trace_open(&r.trace, options->trace, diag);
	if (!err && options->dump == SCRIPT_RUN && !options->trace)
		err = start_child(&r);
	if (!err)
		err = compile(&r);
	if (!err && options->dump == SCRIPT_RUN)
		err = options->trace ? run_over_trace(&r) : run_in_kernel(&r);
	*status = r.output.status;
	end_child(&r);
	kern_records_free(r.records);
	output_fini(&r.output);
	loaded_fini(&r.loaded);
	if (options->trace)
		trace_env_free(r.env);
	else
		kernel_env_free(r.env);
	ctf_trace_free(r.trace);
	arena_fini(&r.arena);
	if (r.signals >= 0)
		close(r.signals);
	sigprocmask(SIG_SETMASK, &r.old_mask, NULL);
	return err;
}
