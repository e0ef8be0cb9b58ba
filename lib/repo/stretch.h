/*
 * A stretch of a pack, read at once and ahead of time (private to lib/repo): chunks that will be asked for soon and lie
 * near one another there. It goes on being read while others are decoded, and a zone on another machine is asked once
 * for many chunks.
 *
 * It decides nothing: fetch_chunk() looks into it for the bytes of a place that it would have read from that zone, and
 * reads what it does not find, with all that is to be told then. One thread adds and begins, then one other takes.
 */
#ifndef REPO_STRETCH_H
#define REPO_STRETCH_H

#include "repo/fetch.h"

/* What a stretch holds, unless its one chunk alone is larger; that has at most FETCH_KEEP bytes of plaintext. */
#define STRETCH_MAX (1u << 20)

struct stretch;
struct stretch *stretch_new(void);
void stretch_free(struct stretch *s);

/* Empty again; the memory is kept. */
void stretch_reset(struct stretch *s);

/*
 * Adds a chunk of content. False: it lies elsewhere, or there is no room; the others are to be read first. Of a chunk
 * that is in no stretch at all that is not an error.
 */
must_check bool stretch_add(struct stretch *s, struct fetcher *f, const uint8_t id[ID_SIZE], uint64_t size);
void stretch_begin(struct stretch *s, struct fetcher *f);

/*
 * The stored bytes of a place in a zone, to be written over; NULL: not here, or not to be had. Each chunk once.
 * Accepts NULL.
 */
uint8_t *stretch_take(struct stretch *s, unsigned zone, const struct chunk_place *place);

#endif
