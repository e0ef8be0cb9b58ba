/*
 * Content chunks, plain, for one thread. A decoder keeps the last chunk, which the next piece may lie in too (small
 * files share chunks).
 *
 * Memory is bounded whatever the chunks' sizes, which the snapshot says and not this host: each decoder has buffers for
 * chunks of up to DECODER_SMALL; what larger ones take, all decoders of a fetcher share (fetcher_reserve()).
 */
#ifndef REPO_DECODER_H
#define REPO_DECODER_H

#include "repo/fetch.h"

#define DECODER_SMALL FETCH_KEEP

struct decoder;
struct decoder *decoder_new(struct fetcher *f);
void decoder_free(struct decoder *d);

/*
 * *data: the chunk's `size` bytes, until decoder_done() or the next call. Waits while other decoders have all room for
 * large ones. `ahead`: as in fetch_chunk().
 */
must_check int decoder_get(struct decoder *d, struct stretch *ahead, const uint8_t id[ID_SIZE],
			   const uint8_t key[KEY_SIZE], uint64_t size, const uint8_t **data);

/* The chunk is not needed any more for now: if it is a large one, others may have its room. */
void decoder_done(struct decoder *d);

/* How many threads with a decoder each: one a processor, as far as memory goes. */
unsigned decoder_threads(void);

#endif
