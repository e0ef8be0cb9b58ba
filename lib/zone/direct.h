/*
 * Writing a large object to a disk past the page cache (O_DIRECT). A night's packs are read again by nobody on this
 * host: copied into the page cache, they cost more time than everything else that a zone does, push out what the host's
 * services live from, and are flushed in one go when the file is synced (bench/RESULTS.md).
 */
#ifndef ZONE_DIRECT_H
#define ZONE_DIRECT_H

#include <stddef.h>

#include "base/err.h"

/*
 * Writes `len` bytes to a fresh file that stands at its start. Past the page cache goes what is worth it, where the file
 * system can: the whole pages of large data in memory that begins at a page (xmalloc_pages()); the rest the usual way.
 * Errors as of io_write(); nothing is durable before fsync().
 */
must_check int direct_write(int fd, const void *data, size_t len, const char *what);

#endif
