/* SPDX-License-Identifier: MIT */
#include "kern/task-pids.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void task_pids_fini(struct task_pids *t)
{
	map_fini(&t->by_tid);
}

/* "Tgid:" of /proc/TID/status, which also answers for threads; 0: gone. */
static uint32_t ask(uint32_t tid)
{
	char path[32], text[512];
	const char *line;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	line = strstr(text, "\nTgid:");
	return line ? (uint32_t)strtoul(line + 6, NULL, 10) : 0;
}

bool task_pids_find(struct task_pids *t, uint32_t tid, uint32_t *pid)
{
	uint64_t known;

	if (!tid) { /* idle: each CPU's */
		*pid = 0;
		return true;
	}
	if (map_get_u64(&t->by_tid, tid, &known)) {
		*pid = (uint32_t)known;
		return true;
	}
	*pid = ask(tid);
	if (*pid)
		task_pids_set(t, tid, *pid);
	return *pid != 0;
}

void task_pids_set(struct task_pids *t, uint32_t tid, uint32_t pid)
{
	map_put_u64(&t->by_tid, tid, pid); /* without memory it is asked for again */
}

void task_pids_forget(struct task_pids *t, uint32_t tid)
{
	map_del_u64(&t->by_tid, tid);
}
