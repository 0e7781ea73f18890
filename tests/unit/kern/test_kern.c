/* SPDX-License-Identifier: MIT */
#define TAP_TIMEOUT_S 180 /* an emulated machine is slow */
#include "tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "kern/kern.h"
#include "kern/rights.h"

#define NEEDS_RIGHTS                                                                               \
	do                                                                                         \
		if (rights_need_events("", NULL))                                                  \
			SKIP("needs root, or CAP_BPF and CAP_PERFMON");                            \
	while (0)

enum { EVENTS_MOST = 4096 };

struct run {
	struct kern *k;
	const struct kern_event *events;
	size_t n;
	uint64_t counts[EVENTS_MOST];
	/* called with each record */
	void (*look)(struct run *r, const struct kern_event *e, const uint8_t *record, size_t size);
	int64_t seen[4096], ended[4096];
	size_t n_seen, n_ended;
	uint64_t hits, newest[256], back;
};

static const struct kern_field *field_of(const struct kern_event *e, const char *name, size_t *at)
{
	*at = KERN_RECORD_HEAD;
	for (size_t i = 0; i < e->n_fields; i++) {
		const struct kern_field *f = &e->fields[i];

		if (!strcmp(f->name, name))
			return f;
		*at += f->kind == KERN_INTEGER ? f->size : f->count * (f->size ? f->size : 1);
	}
	return NULL;
}

/* Of an event without texts in front of it. */
static int64_t integer(const struct kern_event *e, const uint8_t *record, const char *name)
{
	size_t at;
	const struct kern_field *f = field_of(e, name, &at);
	int64_t value = 0;

	if (!CHECK(f != NULL))
		return 0;
	memcpy(&value, record + at, f->size);
	if (f->is_signed && f->size == 4)
		value = (int32_t)value;
	return value;
}

static bool begin(struct run *r, const struct kern_options *options)
{
	struct diag diag = {0};
	int err = kern_open(&r->k, options, &diag);

	for (size_t i = 0; i < diag.len; i++)
		printf("# %s\n", diag.entries[i].message);
	diag_fini(&diag);
	if (!CHECK_INT(err, 0) || !CHECK(r->k != NULL))
		return false;
	r->events = kern_events(r->k, &r->n);
	return CHECK(r->n <= EVENTS_MOST);
}

static void take(struct run *r)
{
	for (unsigned s = 0; s < kern_streams(r->k); s++) {
		struct span span;

		while ((span = kern_read(r->k, s)).len) {
			for (size_t at = 0; at < span.len;) {
				uint16_t head[2];
				uint64_t time;

				memcpy(head, span.data + at, 4);
				if (head[0] != KERN_ID_PAD && CHECK(head[0] < r->n)) {
					memcpy(&time, span.data + at + 4, 8);
					r->back += time < r->newest[s];
					r->newest[s] = time;
					r->counts[head[0]]++;
					if (r->look)
						r->look(r, &r->events[head[0]], span.data + at,
							head[1]);
				}
				if (!CHECK(head[1] != 0))
					return;
				at += (head[1] + 7u) & ~7u;
			}
			kern_consume(r->k, s, span.len);
		}
	}
}

static uint64_t count(const struct run *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->events[i].name, name))
			return r->counts[i];
	CHECK_STR("no such event", name);
	return 0;
}

/* A child that waits until it is let go, then does `work` and ends. */
static pid_t child_of(void (*work)(void), int *go)
{
	int fds[2];
	pid_t pid;
	char c;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (pid == 0) {
		close(fds[1]);
		if (read(fds[0], &c, 1) == 1)
			work();
		_exit(0);
	}
	close(fds[0]);
	*go = fds[1];
	return pid;
}

static void let_go(struct run *r, pid_t pid, int go)
{
	CHECK_INT(write(go, "", 1), 1);
	close(go);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		take(r);
		usleep(500);
	}
	usleep(100000); /* the last schedule, freeing */
	kern_stop(r->k);
	take(r);
}

static void record(struct run *r, const struct kern_options *options, void (*work)(void))
{
	int go = -1;
	pid_t pid;

	if (!begin(r, options))
		return;
	pid = child_of(work, &go);
	CHECK_INT(kern_add_task(r->k, (uint32_t)pid), 0);
	CHECK_INT(kern_start(r->k, NULL), 0);
	let_go(r, pid, go);
	for (unsigned s = 0; s < kern_streams(r->k); s++)
		CHECK_INT(kern_lost(r->k, s), 0);
}

/* --- forks ------------------------------------------------------------------------ */

enum { FORKS = 150 };

static void fork_much(void)
{
	for (int i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			pid_t grandchild = fork();

			if (grandchild == 0)
				_exit(0);
			waitpid(grandchild, NULL, 0);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

TEST(all_descendants_from_their_first_instruction)
{
	static const char *const rules[] = {"sched:sched_process_*", "!sched:sched_process_free"};
	struct kern_options options = {.rules = rules, .n_rules = 2};
	struct run r = {0};

	NEEDS_RIGHTS;
	record(&r, &options, fork_much);
	REQUIRE(r.k != NULL);
	CHECK_INT(count(&r, "sched:sched_process_fork"), 2 * FORKS);
	CHECK_INT(count(&r, "sched:sched_process_exit"), 2 * FORKS + 1);
	CHECK_INT(r.back, 0);
	kern_free(r.k);
}

/* A container's recorder: its ids are not the kernel's. Ends the process. */
static void record_contained(void)
{
	static const char *const rules[] = {"sched:sched_process_fork"};
	struct kern_options options = {.rules = rules, .n_rules = 1};
	struct run r = {0};
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		_exit(TAP_SKIPPED);
	pid = fork();
	if (pid == 0) {
		record(&r, &options, fork_much);
		if (r.k)
			CHECK_INT(count(&r, "sched:sched_process_fork"), 2 * FORKS);
		kern_free(r.k);
		fflush(stdout);
		_exit(tap_failures || !r.k);
	}
	waitpid(pid, &status, 0);
	_exit(status ? TAP_FAILED : TAP_OK);
}

TEST(in_a_pid_namespace)
{
	int status = 0;
	pid_t pid;

	NEEDS_RIGHTS;
	pid = fork();
	if (pid == 0)
		record_contained();
	CHECK_INT(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == TAP_SKIPPED)
		SKIP("no PID namespaces");
	CHECK_INT(status, 0);
}

static void note_strangers(struct run *r, const struct kern_event *e, const uint8_t *record,
			   size_t size)
{
	uint32_t tid;

	(void)size;
	memcpy(&tid, record + 12, 4);
	if (!strcmp(e->name, "sched:sched_switch"))
		r->hits += integer(e, record, "prev_pid") != tid;
}

/* Each switch is the event of the one who leaves. */
TEST(switches)
{
	static const char *const rules[] = {"sched:sched_switch"};
	struct kern_options options = {.rules = rules, .n_rules = 1};
	struct run r = {.look = note_strangers};

	NEEDS_RIGHTS;
	record(&r, &options, fork_much);
	REQUIRE(r.k != NULL);
	CHECK(count(&r, "sched:sched_switch") > 4 * FORKS);
	CHECK_INT(r.hits, 0);
	kern_free(r.k);
}

/* --- wake-ups --------------------------------------------------------------------- */

static void sleep_often(void)
{
	for (int i = 0; i < 100; i++)
		usleep(200);
}

static void note_timers(struct run *r, const struct kern_event *e, const uint8_t *record,
			size_t size)
{
	(void)size;
	if (!strcmp(e->name, "sched:sched_waking"))
		r->hits += integer(e, record, "context") == 3; /* timer */
}

/* A task that sleeps is woken by its CPU's timer, or by a softirq that it left work to. */
TEST(wakers_have_a_context)
{
	static const char *const rules[] = {"sched:sched_waking"};
	struct kern_options options = {.rules = rules, .n_rules = 1};
	struct run r = {.look = note_timers};

	NEEDS_RIGHTS;
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		SKIP("this kernel has no BTF");
#if !defined(__x86_64__)
	SKIP("timers are told from other interrupts on x86 alone");
#endif
	record(&r, &options, sleep_often);
	REQUIRE(r.k != NULL);
	printf("# %" PRIu64 " of %" PRIu64 " by timers, %" PRIu64 " missed\n", r.hits,
	       count(&r, "sched:sched_waking"), kern_missed(r.k));
	CHECK(count(&r, "sched:sched_waking") >= 20); /* a late one finds the timer expired */
	CHECK(r.hits * 2 > count(&r, "sched:sched_waking"));
	kern_free(r.k);
}

/* --- filters and rates ------------------------------------------------------------ */

static void rename_often(void)
{
	char name[16];

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%s-%d", i % 2 ? "odd" : "even", i);
		prctl(PR_SET_NAME, name);
	}
}

static uint64_t renames(const struct kern_filter_step *filter, size_t n, uint64_t max_rate,
			uint64_t *limited)
{
	static const char *const rules[] = {"task:task_rename", "sched:sched_process_exit"};
	struct kern_options options = {.rules = rules,
				       .n_rules = 2,
				       .filter = filter,
				       .n_filter = n,
				       .max_rate = max_rate};
	struct run r = {0};
	uint64_t seen;

	record(&r, &options, rename_often);
	if (!r.k)
		return UINT64_MAX;
	seen = count(&r, "task:task_rename");
	if (limited)
		*limited = kern_limited(r.k);
	kern_free(r.k);
	return seen;
}

#define FIELD(name)                                                                                \
	{                                                                                          \
		.op = KERN_FILTER_FIELD, .text = name                                              \
	}
#define NUMBER(n)                                                                                  \
	{                                                                                          \
		.op = KERN_FILTER_INT, .number = n                                                 \
	}
#define BINARY(o)                                                                                  \
	{                                                                                          \
		.op = KERN_FILTER_BINARY, .binary = o                                              \
	}
#define GLOB(name, pattern)                                                                        \
	{                                                                                          \
		.op = KERN_FILTER_GLOB, .text = name, .glob = pattern                              \
	}
#define RENAMES(...)                                                                               \
	renames((const struct kern_filter_step[]){__VA_ARGS__},                                    \
		sizeof((const struct kern_filter_step[]){__VA_ARGS__}) /                           \
			sizeof(struct kern_filter_step),                                           \
		0, NULL)

TEST(filters)
{
	NEEDS_RIGHTS;
	CHECK_INT(renames(NULL, 0, 0, NULL), 1000);
	CHECK_INT(RENAMES(GLOB("newcomm", "odd*")), 500);
	CHECK_INT(RENAMES(GLOB("newcomm", "even-2")), 1);
	CHECK_INT(RENAMES(GLOB("newcomm", "*-99*")), 11);
	CHECK_INT(RENAMES(GLOB("newcomm", "*7")), 100);
	CHECK_INT(RENAMES(GLOB("newcomm", "*")), 1000);
	CHECK_INT(RENAMES(GLOB("newcomm", "odd*"), {.op = KERN_FILTER_NOT}), 500);
	CHECK_INT(RENAMES(GLOB("newcomm", "*7"), GLOB("newcomm", "even*"), BINARY("||")), 600);
	CHECK_INT(RENAMES(GLOB("newcomm", "*7"), GLOB("newcomm", "odd-1*"), BINARY("&&")), 11);
	CHECK_INT(RENAMES(FIELD("pid"), FIELD("tid"), BINARY("==")), 1000);
	CHECK_INT(RENAMES(FIELD("oom_score_adj"), NUMBER(-2000), BINARY("<")), 0);
	CHECK_INT(RENAMES(FIELD("oom_score_adj"), NUMBER(-2000), BINARY(">=")), 1000);
	CHECK_INT(RENAMES(FIELD("pid"), NUMBER(-7), BINARY("*"), NUMBER(3), BINARY("/"), NUMBER(0),
			  BINARY("<")),
		  1000);
}

TEST(rates_are_limited_and_counted)
{
	uint64_t limited = 0, seen;

	NEEDS_RIGHTS;
	seen = renames(NULL, 0, 100, &limited);
	CHECK(seen >= 100 && seen < 1000);
	CHECK_INT(seen + limited, 1000);
}

/* --- objects ---------------------------------------------------------------------- */

static void talk(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	socklen_t len = sizeof(address);
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(server, (struct sockaddr *)&address, len) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&address, &len) ||
	    connect(client, (struct sockaddr *)&address, len))
		_exit(1);
	close(accept(server, NULL, NULL));
	close(client);
	close(server);
}

enum { ESTABLISHED = 1, SYN_SENT = 2 };

/* A socket that became established was the one that had sent its SYN, by its id. */
static void note_states(struct run *r, const struct kern_event *e, const uint8_t *record,
			size_t size)
{
	int64_t id = integer(e, record, "skaddr");

	(void)size;
	if (integer(e, record, "newstate") == SYN_SENT && r->n_seen < 16)
		r->seen[r->n_seen++] = id;
	for (size_t i = 0; i < r->n_seen; i++)
		r->hits += integer(e, record, "newstate") == ESTABLISHED && r->seen[i] == id &&
			   integer(e, record, "family") == AF_INET &&
			   integer(e, record, "oldstate") == SYN_SENT;
}

TEST(sockets_have_an_id)
{
	static const char *const rules[] = {"sock:inet_sock_set_state"};
	struct kern_options options = {.rules = rules, .n_rules = 1};
	struct run r = {.look = note_states};

	NEEDS_RIGHTS;
	record(&r, &options, talk);
	REQUIRE(r.k != NULL);
	CHECK_INT(r.hits, 1);
	kern_free(r.k);
}

static void write_through(void)
{
	char path[] = "/var/tmp/piste-kern-XXXXXX", *block = aligned_alloc(4096, 65536);
	int fd = mkostemp(path, O_DIRECT);

	unlink(path);
	memset(block, 1, 65536);
	for (int i = 0; i < 16; i++)
		if (fd < 0 || write(fd, block, 65536) != 65536)
			break;
	fsync(fd);
}

static void note_requests(struct run *r, const struct kern_event *e, const uint8_t *record,
			  size_t size)
{
	int64_t rq = integer(e, record, "rq");

	(void)size;
	if (!strcmp(e->name, "block:block_rq_issue") && r->n_seen < 4096)
		r->seen[r->n_seen++] = rq;
	if (!strcmp(e->name, "block:block_rq_complete") && r->n_ended < 4096)
		r->ended[r->n_ended++] = rq;
}

static bool was_seen(const struct run *r, int64_t id)
{
	for (size_t i = 0; i < r->n_seen; i++)
		if (r->seen[i] == id)
			return true;
	return false;
}

/* Completions come in interrupts of whoever runs: they are found by their request. */
TEST(requests_are_followed_to_their_completion)
{
	static const char *const rules[] = {"block:block_rq_issue", "block:block_rq_complete"};
	struct kern_options options = {.rules = rules, .n_rules = 2};
	struct run r = {.look = note_requests};

	NEEDS_RIGHTS;
	record(&r, &options, write_through);
	REQUIRE(r.k != NULL);
	kern_free(r.k);
	if (!r.n_seen)
		SKIP("/var/tmp is on no block device");
	CHECK(r.n_ended > 0 && r.n_ended <= r.n_seen);
	for (size_t i = 0; i < r.n_ended; i++)
		CHECK(was_seen(&r, r.ended[i]));
}

/* --- samples and functions -------------------------------------------------------- */

static void spin(void)
{
	struct timespec t;

	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec == 0 && t.tv_nsec < 300000000);
}

static void note_stacks(struct run *r, const struct kern_event *e, const uint8_t *record,
			size_t size)
{
	uint32_t kernel, user;

	if (strcmp(e->name, "sample:cpu"))
		return;
	memcpy(&kernel, record + KERN_RECORD_HEAD + 16, 4);
	if (!CHECK(KERN_RECORD_HEAD + 16 + 4 + kernel * 8 + 4 <= size))
		return;
	memcpy(&user, record + KERN_RECORD_HEAD + 16 + 4 + kernel * 8, 4);
	CHECK_INT(KERN_RECORD_HEAD + 16 + 4 + kernel * 8 + 4 + user * 8, size);
	r->hits += user > 0;
}

TEST(samples)
{
	struct kern_options options = {.sample_hz = 500, .scope = KERN_SCOPE_TASKS};
	static const char *const rules[] = {"u:none:*"};
	struct run r = {.look = note_stacks};

	NEEDS_RIGHTS;
	options.rules = rules;
	options.n_rules = 1;
	record(&r, &options, spin);
	REQUIRE(r.k != NULL);
	CHECK_INT(r.n, 1);
	CHECK(count(&r, "sample:cpu") >= 10 && count(&r, "sample:cpu") <= 2000);
	CHECK(r.hits * 2 > count(&r, "sample:cpu"));
	kern_free(r.k);
}

enum { READS = 200 };

static void read_often(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char bytes[77];

	for (int i = 0; i < READS; i++)
		if (read(fd, bytes, sizeof(bytes)) != sizeof(bytes))
			break;
	close(fd);
}

static void note_reads(struct run *r, const struct kern_event *e, const uint8_t *record,
		       size_t size)
{
	(void)size;
	if (!strcmp(e->name, "kfunc:vfs_read_return"))
		r->hits += integer(e, record, "ret") == 77;
	else if (!strcmp(e->name, "kfunc:vfs_read_entry"))
		r->hits += integer(e, record, "count") == 77;
}

TEST(functions)
{
	static const char *const rules[] = {"kfunc:vfs_read"};
	struct kern_options options = {.rules = rules, .n_rules = 1};
	struct run r = {.look = note_reads};
	struct kern *k;

	NEEDS_RIGHTS;
	if (kern_open(&k, &options, NULL))
		SKIP("this kernel lets no program into its functions");
	if (kern_start(k, NULL)) {
		kern_free(k);
		SKIP("this kernel lets no program into its functions");
	}
	kern_free(k);
	record(&r, &options, read_often);
	REQUIRE(r.k != NULL);
	CHECK_INT(r.hits, 2 * READS);
	CHECK(count(&r, "kfunc:vfs_read_entry") >= READS);
	CHECK_INT(count(&r, "kfunc:vfs_read_return"), count(&r, "kfunc:vfs_read_entry"));
	kern_free(r.k);
}

/* --- what is refused --------------------------------------------------------------- */

static int try_rule(const char *rule, struct diag *diag)
{
	struct kern_options options = {.rules = &rule, .n_rules = 1};
	struct kern *k = NULL;
	int err = kern_open(&k, &options, diag);

	kern_free(k);
	return err ? err : k != NULL;
}

TEST(names_that_are_none)
{
	struct diag diag = {0};

	NEEDS_RIGHTS;
	CHECK_INT(try_rule("sched:sched_swich", &diag), -ENOENT);
	REQUIRE(diag.len == 1);
	CHECK_STR(diag.entries[0].message, "no event of this kernel is named 'sched:sched_swich'");
	CHECK_STR(diag.entries[0].hint, "did you mean 'sched:sched_switch'?");
	CHECK_INT(try_rule("k:nonsense:*", NULL), -ENOENT);
	CHECK_INT(try_rule("shop:order", NULL), 0); /* a program's */
	CHECK_INT(try_rule("u:sched:sched_switch", NULL), 0);
	CHECK_INT(try_rule("order", NULL), 0);
	CHECK_INT(try_rule("k:sched_switch", NULL), 1);
	CHECK_INT(try_rule("sched:*switch", NULL), 1);
	diag_fini(&diag);
}

TEST(without_rights)
{
	struct diag diag = {0};
	const char *rule = "sched:sched_switch";
	struct kern_options options = {.rules = &rule, .n_rules = 1};
	struct kern *k;

	if (getuid() == 0 && setresuid(65534, 65534, 65534))
		SKIP("rights cannot be given up");
	CHECK_INT(kern_open(&k, &options, &diag), -EPERM);
	CHECK(k == NULL);
	CHECK(diag.errors == 1);
	diag_fini(&diag);
}

/* Nothing stays: neither descriptors nor maps. */
TEST(nothing_stays)
{
	struct kern_options options = {.scope = KERN_SCOPE_SYSTEM};
	int before, after;

	NEEDS_RIGHTS;
	before = dup(0);
	close(before);
	for (int i = 0; i < 3; i++) {
		struct run r = {0};

		REQUIRE(begin(&r, &options));
		CHECK_INT(kern_start(r.k, NULL), 0);
		usleep(10000);
		kern_free(r.k);
	}
	after = dup(0);
	close(after);
	CHECK_INT(after, before);
}
