/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_SAMPLE_H
#define PISTE_KERN_SAMPLE_H

#include "kern/maker.h"

/* Chosen by a rule, or by options->sample_hz; without the latter it is KERN_SAMPLE_HZ. */
#define KERN_SAMPLE_EVENT "sample:cpu"
enum { KERN_SAMPLE_HZ = 99 };

extern const struct kern_maker kern_sample_maker;

#endif
