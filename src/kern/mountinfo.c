/* SPDX-License-Identifier: MIT */
#include "kern/mountinfo.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* \040 is a blank within a word. */
static char *unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return text;
}

static char *next_word(char **rest, char *none)
{
	char *word = strsep(rest, " ");

	return word ? unescape(word) : none;
}

/* 36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/root rw,errors=continue */
bool mountinfo_parse(struct mountinfo *out, char *line)
{
	char *behind = strstr(line, " - "), *none = line + strlen(line);
	int at = 0;

	if (!behind ||
	    sscanf(line, "%" SCNu32 " %" SCNu32 " %" SCNu32 ":%" SCNu32 " %n", &out->id,
		   &out->parent, &out->device_major, &out->device_minor, &at) != 4 ||
	    !at || line + at > behind)
		return false;
	line += at;
	*behind = '\0';
	behind += 3;
	out->root = next_word(&line, none);
	out->point = next_word(&line, none);
	out->fstype = next_word(&behind, none);
	out->source = next_word(&behind, none);
	out->options = next_word(&behind, none);
	return true;
}
