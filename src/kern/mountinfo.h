/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_MOUNTINFO_H
#define PISTE_KERN_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>

/* mountinfo - a line of /proc/PID/mountinfo (proc(5)), taken apart in place. */
struct mountinfo {
	uint32_t id, parent, device_major, device_minor;
	char *root, *point, *fstype, *source,
		*options; /* into the line; "" for what is not there */
};

/* False when it is none. */
bool mountinfo_parse(struct mountinfo *out, char *line);

#endif
