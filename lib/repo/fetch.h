/*
 * Getting chunks: from the healthier zone, from the other on error, damage or absence. Thread-safe: each thread has its own codec.
 */
#ifndef REPO_FETCH_H
#define REPO_FETCH_H

#include "format/blob.h"
#include "format/node.h"
#include "repo/repo.h"

struct fetcher;

/* only_zone: -1, or the number of the one zone to read from. */
struct fetcher *fetcher_new(struct repo *r, int only_zone);
void fetcher_free(struct fetcher *f);

/*
 * Reads, checks and decodes one chunk into `out` (`size` bytes, which must be its plaintext length; guarded for nodes).
 * ERR_MISSING, ERR_INTEGRITY, ERR_UNAVAILABLE: in no zone (the message names chunk and pack). What one zone failed to give is
 * added to the findings once a pack and zone.
 */
must_check int fetch_chunk(struct fetcher *f, struct blob_codec *codec, enum kind kind, const uint8_t id[ID_SIZE],
			   const uint8_t key[KEY_SIZE], uint64_t size, uint8_t *out);

/* A node: plaintext in guarded memory, decoded, clear child ids compared. */
struct fetched_node {
	struct node node;
	uint8_t *plain; /* guarded */
	size_t len;
};
must_check int fetch_node(struct fetcher *f, struct blob_codec *codec, const uint8_t id[ID_SIZE], const uint8_t key[KEY_SIZE],
			  struct fetched_node *out);
void fetched_node_release(struct fetched_node *n);

#endif
