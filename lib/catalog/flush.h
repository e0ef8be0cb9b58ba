/* Writing what is pending into the tables. Private to lib/catalog. */
#ifndef CATALOG_FLUSH_H
#define CATALOG_FLUSH_H

#include "catalog/pending.h"
#include "catalog/store.h"

/*
 * Returns LMDB's code: after MDB_MAP_FULL everything can be done again. `origins`: by pack number; of a pending
 * pack whose origin is 0, removed before it was written, nothing is.
 *
 * One transaction where it all fits into one; else several, in an order that a kill between them leaves consistent:
 * first the limit of numbers (none is given twice), then places and children (without their pack they do not count),
 * then packs, then what else was told, then removals, each pack's row after its places.
 */
must_check int flush_pending(struct store *s, const struct pending *p, const uint8_t *origins);

#endif
