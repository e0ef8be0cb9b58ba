/*
 * Hashes of pieces that a check has decoded, and the zones that gave them (private to lib/repo): what many snapshots
 * share is decoded once a zone. Memory is bounded (25 MiB, touched only as it fills): a piece may be forgotten and
 * decoded again. Thread-safe.
 */
#ifndef REPO_PIECE_CACHE_H
#define REPO_PIECE_CACHE_H

#include <stdbool.h>

#include "repo/tree.h"

struct piece_cache;
struct piece_cache *piece_cache_new(void);
void piece_cache_free(struct piece_cache *cache);

/* Made once for a piece, then it is found by that. */
struct piece_name {
	uint8_t bytes[DIGEST_SIZE];
};
void piece_name(const struct piece *piece, struct piece_name *name);

/* The zones (bits) that gave the piece, with its hash; 0: not known. */
unsigned piece_cache_find(struct piece_cache *cache, const struct piece_name *name, uint8_t digest[DIGEST_SIZE]);

/* These zones gave it as well, if the hash is the one that is there; else they alone. */
void piece_cache_add(struct piece_cache *cache, const struct piece_name *name, unsigned zones,
		     const uint8_t digest[DIGEST_SIZE]);

#endif
