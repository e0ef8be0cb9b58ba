/*
 * Loading a repo, in parts (private to lib/repo): list each zone, take in the index chains, open headers, intents and
 * marks, then tell what does not fit together.
 */
#ifndef REPO_LOAD_H
#define REPO_LOAD_H

#include "base/spill.h"
#include "repo/repo.h"
#include "retain/expiry.h"

/* What one zone lists of a dataset: names only, parsed. */
struct listed_pack {
	uint8_t name[DIGEST_SIZE];
	uint64_t size;
};
struct listed_index {
	uint8_t signer[KEY_ID_SIZE], hash[DIGEST_SIZE];
	uint64_t seq;
};
struct listed_header {
	uint8_t id[SNAPSHOT_ID_SIZE];
	int64_t taken_at;
	uint64_t size;
	bool disowned; /* of a revoked key, and does not count */
};
struct listed_seal {
	uint8_t snapshot[SNAPSHOT_ID_SIZE];
	uint32_t generation;
};

struct listing {
	struct spill pack_table;
	struct listed_pack *packs; /* the table's */
	struct listed_index *indexes;
	struct listed_header *headers;
	struct listed_seal *seals;
	uint8_t (*intents)[SNAPSHOT_ID_SIZE];
	uint8_t (*condemned)[DIGEST_SIZE];
	size_t pack_count, index_count, header_count, seal_count, intent_count, condemned_count;
	size_t foreign; /* names that are none of ours */
};

/* `folder`: for spill_init(). */
must_check int listing_read(struct zone *z, const char *dataset, bool headers_only, const char *folder,
			    struct listing *out);
void listing_release(struct listing *l);
const struct listed_pack *listing_find_pack(const struct listing *l,
					    const uint8_t name[DIGEST_SIZE]); /* NULL: not there */

/* Gets a small object of a zone and opens its signature. `object` is filled, the view points into it. */
must_check int load_signed(struct repo *r, unsigned zone, enum signed_type type, const char *name, struct buf *object,
			   struct signed_view *view, const struct signer **signer);

/*
 * Whether an object was there and could not be read, by the code of having tried: a bad sector, a right that lacks. One
 * such object is told and does not keep the rest from being of use; but the zone does not count as listed whole any
 * more.
 */
bool load_passes_over(struct repo *r, unsigned zone, const char *name, int code);

/* Follows the index chains (repo->indexes, repo->chains) into the catalogue. */
must_check int load_chains(struct repo *r, const struct listing listings[REPO_ZONES_MAX]);

/* Headers, intents, seals. */
must_check int load_snapshots(struct repo *r, struct listing listings[REPO_ZONES_MAX]);

/*
 * What the catalogue took in of indexes. Under its place too, not its hash alone: else the copy of a known index under
 * another number or signer would pass for known.
 */
must_check int load_note_index(struct repo *r, const uint8_t signer[KEY_ID_SIZE], uint64_t seq,
			       const uint8_t hash[DIGEST_SIZE]);
must_check int load_knows_index(struct repo *r, const struct index_object *o, bool *known);

/* Something valid names this number of a signer's chain; nothing happens where nobody has such a chain. */
void chain_note(struct repo *r, const uint8_t signer[KEY_ID_SIZE], uint64_t seq);

/* Opens a header object that is in memory: trusted signature, this dataset, this id. */
must_check int load_open_header(const struct repo *r, const uint8_t *data, size_t len,
				const uint8_t id[SNAPSHOT_ID_SIZE], struct header *out, const struct signer **signer);
/* Takes its snapshot in. ERR_INTEGRITY: another header of this snapshot was taken in before. */
must_check int load_adopt(struct repo *r, const struct header *header, const struct signer *signer, const void *object,
			  size_t len, struct snapshot **out);

/*
 * memory.c: lists what this host remembers; takes in what no zone has of it; remembers what zones have; tells what
 * they lost.
 */
must_check int load_memory(struct repo *r);
must_check int load_remembered(struct repo *r, const struct listing listings[REPO_ZONES_MAX]);
must_check int load_settle_memory(struct repo *r, const struct listing listings[REPO_ZONES_MAX]);
void load_tell_headerless(struct repo *r);

/* headless.c: seals that no snapshot of the repo explains. After everything else. */
void load_headless(struct repo *r, const struct listing listings[REPO_ZONES_MAX]);

/* Frees everything that repo_load() filled. */
void load_release(struct repo *r);

#endif
