/*
 * Content-defined chunking: FastCDC with normalised chunking (Xia et al., USENIX ATC 2016; the 2020 version, IEEE TPDS
 * 31(9)) over a gear table that is derived from the dataset key, so that nobody without it can say where known content
 * would be cut.
 *
 * Pure. Cuts depend only on the bytes from the last cut on. Sizes: minimum average/4, maximum 4 x average; average a
 * power of two in CHUNK_AVERAGE_MIN..MAX (format/limits.h).
 *
 * To the bit, since golden vectors hold it fast:
 *
 *	gear      the first 2048 bytes of the ChaCha20 key stream (RFC 8439: key `secret`, nonce 0, counter from 0), as 256
 *	          little-endian 64-bit numbers
 *	hash      0 behind the first average/4 bytes, which are not looked at; then, for each byte b,
 *	          hash = 2 * hash + gear[b] mod 2^64
 *	mask(n)   n bits: bit 62 - floor(48 * k / n) for k = 0 .. n-1; so a cut depends on up to 63 bytes before it
 *	cut       behind the byte for which (hash & mask) == 0; mask is mask(log2(average) + 2) while the length with that
 *	          byte is at most average * 13/16, then mask(log2(average) - 2); or behind 4 x average bytes; or at the end
 *
 * The paper changes the mask at `average` itself and so makes chunks 14 % larger than asked for; 13/16 brings the mean
 * to it.
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
size_t chunker_max(const struct chunker *c);

/*
 * Length of the next chunk at `data`, of which `len` bytes are there; `last`: no more follow. 0: no cut within these
 * bytes and more may follow (give more; never happens when len >= chunker_max()), or nothing is left.
 */
size_t chunker_next(const struct chunker *c, const uint8_t *data, size_t len, int last);

#endif
