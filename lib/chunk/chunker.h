/*
 * Content-defined chunking: FastCDC with normalised chunking (Xia et al., USENIX ATC 2016; 2020 version) over a gear table that is
 * derived from the dataset key, so that cut points say nothing to who has not the key.
 *
 * Pure. Cuts depend only on the bytes from the last cut on. Sizes: minimum average/4, maximum 4 x average; average a power of two
 * in CHUNK_AVERAGE_MIN..MAX (format/limits.h).
 */
#ifndef CHUNK_CHUNKER_H
#define CHUNK_CHUNKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct chunker; /* holds the table: guarded memory */

/* `secret`: 32 bytes, the dataset's chunking subkey. ERR_USAGE for a size out of range or no power of two. */
must_check int chunker_new(const uint8_t secret[32], size_t average, struct chunker **out);
void chunker_free(struct chunker *c);
size_t chunker_min(const struct chunker *c);
size_t chunker_max(const struct chunker *c);

/*
 * Length of the next chunk at `data`, of which `len` bytes are there; `last`: no more follow. 0: no cut within these bytes and
 * more may follow (give more; never happens when len >= chunker_max()).
 */
size_t chunker_next(const struct chunker *c, const uint8_t *data, size_t len, int last);

#endif
