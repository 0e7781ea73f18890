/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_OFFLINE_H
#define PISTE_SESSION_OFFLINE_H

#include "base/diag.h"
#include "session/recorder.h"

/*
 * offline - what can be known of a program before it runs: whether the filter
 * names fields that the wanted events of its file have. 0 also when the file
 * says nothing about it (no sites, a script, not to be found).
 */
int offline_check_filter(const char *program, const struct recorder_options *options,
			 struct diag *diag);

#endif
