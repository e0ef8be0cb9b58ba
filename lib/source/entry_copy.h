/* A copy of an entry that lives on its own, for what is finished later than it was read. */
#ifndef SOURCE_ENTRY_COPY_H
#define SOURCE_ENTRY_COPY_H

#include "format/node.h"

/*
 * One block of memory with all that the entry points to; freed by free(). Strings get a NUL behind them; NULL stays
 * NULL.
 */
struct entry *entry_copy(const struct entry *e);

#endif
