/*
 * The same work for many things, on a few threads: for work that mostly waits, for a disk or for the network. (What is
 * bound by the processor, or must come out in order, is for base/ordered.h.)
 */
#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

#define PARALLEL_MAX 8 /* threads, the caller's among them */

/*
 * Calls work(context, i) once for each i below `count`, several at once, in no order; returns when all have returned.
 * What becomes of each it notes itself, the error message too, which is the thread's.
 */
void parallel(size_t count, void (*work)(void *context, size_t i), void *context);

#endif
