/*
 * An ordered parallel map: one producer pushes items, a fixed number of workers run over them in any order, one
 * consumer sees them in the order in which they were pushed. Bounded: push blocks while `depth` items are inside.
 *
 *	struct ordered *o = ordered_new(depth, workers, &calls, context);
 *	while (...) ordered_push(o, item);
 *	code = ordered_finish(o);         waits for all, joins, frees
 *
 * Lock order: only `ordered`'s own mutex is ever held inside these functions, and none while a call-back runs.
 */
#ifndef BASE_ORDERED_H
#define BASE_ORDERED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct ordered;

struct ordered_calls {
	/* Per worker state, made in the worker's thread; may be NULL. */
	void *(*worker_new)(void *context);
	void (*worker_free)(void *worker);
	/*
	 * Runs in a worker. 0 or an error code, which stops everything (its err_message() is kept for ordered_finish).
	 */
	int (*work)(void *context, void *worker, void *item);
	/* Runs in the consumer's thread, in order of push, only for items whose work succeeded. Owns the item. */
	int (*consume)(void *context, void *item);
	/* Frees an item that will not be consumed because of an error. Runs in the producer's thread. */
	void (*drop)(void *context, void *item);
};

struct ordered *ordered_new(size_t depth, unsigned workers, const struct ordered_calls *calls, void *context);

/*
 * Gives `item` away, also on error. `skip_work`: goes to the consumer without passing a worker. Returns the first
 * error.
 */
must_check int ordered_push(struct ordered *o, void *item, bool skip_work);

/*
 * No more items: waits until all are consumed, ends the threads, frees `o`. Returns the first error, its message
 * adopted.
 */
must_check int ordered_finish(struct ordered *o);

/* Ends early with `code` (dropping what is inside); for a producer that failed. Returns `code`; its message stays. */
must_check int ordered_abort(struct ordered *o, int code);

#endif
