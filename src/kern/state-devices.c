/* SPDX-License-Identifier: MIT */
/* The machine: what sysfs says of CPUs, interrupts and disks, and the kernel of interfaces. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "kern/state-private.h"

/* Calls `use` for each name in a directory until one returns other than 0. */
static int each_name(struct state_taker *t, const char *path,
		     int (*use)(struct state_taker *t, int dirfd, const char *name))
{
	DIR *dir = opendir(path);
	const struct dirent *e;
	int rc = 0;

	if (!dir)
		return -errno;
	while (!rc && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			rc = use(t, dirfd(dir), e->d_name);
	closedir(dir);
	return rc;
}

/* --- CPUs --------------------------------------------------------------------------------------- */

/* The place of `cpu` in a list like "0,4" or "0-1". */
static uint32_t place_in_list(const char *list, unsigned cpu)
{
	uint32_t place = 0;

	for (const char *p = list; *p;) {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (end == p)
			break;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		if (cpu >= from && cpu <= to)
			return place + (uint32_t)(cpu - from);
		place += (uint32_t)(to - from + 1);
		p = *end == ',' ? end + 1 : end;
	}
	return 0;
}

/* Its directory holds a link nodeN. */
static uint32_t node_of(int cpu_fd)
{
	int fd = openat(cpu_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	unsigned node = 0;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (e = readdir(dir)))
		if (sscanf(e->d_name, "node%u", &node) == 1)
			break;
	if (dir)
		closedir(dir);
	return node;
}

static int take_cpu(struct state_taker *t, int dirfd, const char *name)
{
	struct state_cpu cpu = {0};
	char siblings[256];
	unsigned number;
	int end = 0, fd, rc;

	if (sscanf(name, "cpu%u%n", &number, &end) != 1 || name[end])
		return 0;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	state_read(fd, "topology/thread_siblings_list", siblings, sizeof(siblings));
	cpu.cpu = number;
	cpu.online =
		(uint8_t)state_read_number(fd, "online", 1); /* one that must not go has none */
	cpu.package = (uint32_t)state_read_number(fd, "topology/physical_package_id", 0);
	cpu.core = (uint32_t)state_read_number(fd, "topology/core_id", 0);
	cpu.node = node_of(fd);
	cpu.thread = place_in_list(siblings, number);
	cpu.max_khz = state_read_number(fd, "cpufreq/cpuinfo_max_freq", 0);
	rc = t->visit(t->ctx, STATE_CPU, &cpu);
	close(fd);
	return rc;
}

int state_take_cpus(struct state_taker *t)
{
	return each_name(t, "/sys/devices/system/cpu", take_cpu);
}

/* --- interrupts --------------------------------------------------------------------------------- */

static int take_interrupt(struct state_taker *t, int dirfd, const char *name)
{
	char path[NAME_MAX + 16], chip[128], action[512];
	struct state_interrupt irq = {
		.irq = (uint32_t)strtoul(name, NULL, 10), .name = chip, .action = action};

	snprintf(path, sizeof(path), "%s/actions", name);
	if (state_read(dirfd, path, action, sizeof(action)) <= 0)
		return 0; /* nobody handles it */
	snprintf(path, sizeof(path), "%s/chip_name", name);
	state_read(dirfd, path, chip, sizeof(chip));
	return t->visit(t->ctx, STATE_INTERRUPT, &irq);
}

int state_take_interrupts(struct state_taker *t)
{
	return each_name(t, "/sys/kernel/irq", take_interrupt);
}

/* --- block devices --------------------------------------------------------------------------------- */

static int take_block_device(struct state_taker *t, int dirfd, const char *name)
{
	char target[PATH_MAX], path[NAME_MAX + 16];
	struct state_block_device d = {0};
	const char *slash;
	ssize_t len;

	if (sscanf(name, "%u:%u", &d.device_major, &d.device_minor) != 2)
		return 0;
	len = readlinkat(dirfd, name, target, sizeof(target) - 1);
	if (len < 0)
		return 0;
	target[len] = '\0';
	slash = strrchr(target, '/');
	d.diskname = slash ? slash + 1 : target;
	d.dev = d.device_major << 20 | d.device_minor; /* MKDEV of the kernel */
	snprintf(path, sizeof(path), "%s/size", name);
	d.size_bytes = state_read_number(dirfd, path, 0) * 512; /* sectors, whatever the disk's */
	return t->visit(t->ctx, STATE_BLOCK_DEVICE, &d);
}

int state_take_block_devices(struct state_taker *t)
{
	return each_name(t, "/sys/dev/block", take_block_device);
}

/* --- interfaces -------------------------------------------------------------------------------------- */

int state_take_interfaces(struct state_taker *t)
{
	_cleanup_(close_fdp) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifaddrs *all;
	int rc = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (const struct ifaddrs *one = all; one && !rc; one = one->ifa_next) {
		const struct sockaddr_ll *link = (const void *)one->ifa_addr;
		struct state_interface i = {.name = one->ifa_name};
		struct ifreq request = {0};
		char address[8 * 3 + 1] = "";

		if (!link || link->sll_family != AF_PACKET)
			continue;
		for (unsigned b = 0; b < link->sll_halen && b < 8; b++)
			sprintf(address + strlen(address), "%s%02x", b ? ":" : "",
				link->sll_addr[b]);
		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", one->ifa_name);
		if (fd >= 0 && ioctl(fd, SIOCGIFMTU, &request) == 0)
			i.mtu = (uint32_t)request.ifr_mtu;
		i.ifindex = (uint32_t)link->sll_ifindex;
		i.address = address;
		i.is_up = (one->ifa_flags & IFF_UP) != 0;
		rc = t->visit(t->ctx, STATE_INTERFACE, &i);
	}
	freeifaddrs(all);
	return rc;
}
