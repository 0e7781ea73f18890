/* SPDX-License-Identifier: MIT */
#ifndef PISTE_SESSION_BUFFERS_H
#define PISTE_SESSION_BUFFERS_H

#include <stddef.h>

/*
 * buffers - memory for packets, of one size, on page boundaries, used again
 * and again: the first touch of a page costs more than all that is done with
 * the events on it.
 *
 * The recorder takes them, the writer's thread gives them back. There are at
 * most `most`: a disk that is too slow must not fill the memory.
 */
struct buffers;

int buffers_new(struct buffers **out, size_t bytes, size_t most);
void buffers_free(struct buffers *b); /* all have been given back */
/* NULL: all are in use, or there is no memory. */
void *buffers_take(struct buffers *b);
void buffers_give(struct buffers *b, void *buffer); /* from any thread; NULL is nothing */

#endif
