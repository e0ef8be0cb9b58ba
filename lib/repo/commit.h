/*
 * Committing a snapshot whose packs are sent: index, seal, header, in this order in each zone, the header only where
 * everything that the snapshot reaches is. Also writing an index alone (after compaction and collection).
 */
#ifndef REPO_COMMIT_H
#define REPO_COMMIT_H

#include "crypto/keyfile.h"
#include "repo/repo.h"

/* Every agent index with such a number tells everything, so that older ones can go. */
#define CHECKPOINT_EVERY 64

/*
 * Packs that an index adds at most, so that what a night holds in memory does not grow with what is new. A checkpoint
 * names all that there are.
 */
#define COMMIT_ADDED_MAX 65536u

/* When this checkpoint was made. ERR_MISSING: it is none, or not whole in every zone. */
must_check int commit_checkpoint_time(struct repo *r, const struct index_object *o, int64_t *made_at);

/*
 * Writes the signer's next index: `added` are, with `add`, all packs made and not yet indexed (agents), `withdrawn`
 * those given, with the last of them. Nothing to say: nothing is written; of very many packs several indexes are. Every
 * 64th of an agent is a checkpoint. Zones that do not take it are findings; ERR_* when none does.
 */
must_check int commit_index(struct repo *r, const struct secret_key *signer, unsigned zones, bool add,
			    const uint8_t (*withdrawn)[DIGEST_SIZE], uint32_t withdrawn_count);

/*
 * The number of the newest header (signer NULL) or of the newest index of a signer that was written with this
 * catalogue; 0: none.
 */
must_check int commit_newest(struct repo *r, const uint8_t *signer, uint64_t *seq);

struct commit_options {
	const struct secret_key *agent;
	const struct public_key *recipients;
	size_t recipient_count;
	const uint8_t *root_key; /* guarded */
	unsigned zones;          /* that may be written to */
};

/*
 * `header`: all but seq, previous, seal and heads, which are filled here. The repo was loaded after the packs were
 * sent. *zones: where the snapshot is whole now. ERR_UNAVAILABLE: nowhere.
 */
must_check int commit_snapshot(struct repo *r, const struct commit_options *options, struct header *header,
			       unsigned *zones);

#endif
