/* SPDX-License-Identifier: MIT */
#ifndef PISTE_KERN_FUNCTIONS_H
#define PISTE_KERN_FUNCTIONS_H

#include "kern/maker.h"

/* kfunc:NAME_entry and kfunc:NAME_return (a rule kfunc:NAME means both) of every function that the
 * kernel describes, as far as this one lets programs be attached to functions. */
extern const struct kern_maker kern_functions_maker;

#endif
