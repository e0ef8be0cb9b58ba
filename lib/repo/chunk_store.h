/*
 * Storing chunks of one snapshot: known already?, compress, encrypt, into the open pack, full packs into the journal and off to
 * the zones. Thread-safe; each thread has its own codec.
 */
#ifndef REPO_CHUNK_STORE_H
#define REPO_CHUNK_STORE_H

#include "catalog/journal.h"
#include "crypto/dataset_key.h"
#include "format/blob.h"
#include "repo/repo.h"
#include "repo/send.h"

struct chunk_store;

struct chunk_store_counts {
	uint64_t chunks, plain_bytes; /* new ones only, as their footers say */
	uint64_t packs, stored_bytes; /* sent */
};

/* `dataset` says how chunks are written: cipher, dedup, padding. */
struct chunk_store *chunk_store_new(struct repo *r, const struct dataset_key *key, const struct config_dataset *dataset,
				    struct sender *sender, struct journal *journal);
void chunk_store_free(struct chunk_store *s);

/*
 * Whether what dataset key and plaintext would betray gets a random key (`dedup: none`): content, and nodes without
 * children. A node that has some holds their keys, so nobody can guess it.
 */
bool chunk_store_draws_keys(const struct chunk_store *s);

/* The key (guarded) and id that follow from a piece's SHA-256. */
void chunk_store_derive(const struct chunk_store *s, enum kind kind, const uint8_t digest[DIGEST_SIZE],
			uint8_t key[KEY_SIZE], uint8_t id[ID_SIZE]);

/*
 * Makes sure that a piece is stored under the key (guarded), which makes the id. Nodes carry their children's ids.
 * ERR_UNAVAILABLE: every zone has failed.
 */
must_check int chunk_store_put(struct chunk_store *s, struct blob_codec *codec, enum kind kind, const void *data,
			       size_t len, const uint8_t (*children)[ID_SIZE], size_t child_count,
			       const uint8_t key[KEY_SIZE], const uint8_t id[ID_SIZE]);

/* Closes and sends the packs that are open. */
must_check int chunk_store_flush(struct chunk_store *s);
void chunk_store_counts(struct chunk_store *s, struct chunk_store_counts *out);

/* Whether a chunk that an earlier snapshot stored may still be counted on, with all beneath it when it is a node. */
must_check int chunk_store_has(struct chunk_store *s, const uint8_t id[ID_SIZE], bool *has);

#endif
