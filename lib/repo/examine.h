/*
 * Whether an object of a zone is what its name says: got from that zone alone and checked by hash and signature
 * (private to lib/repo). For everything that copies, checks or repairs: what passed here may be put into another zone.
 *
 * 0: good. ERR_MISSING: not there. ERR_INTEGRITY, ERR_FORMAT: there, and bad (a read error of the zone's disk counts as
 * that). Anything else is trouble with the zone itself.
 */
#ifndef REPO_EXAMINE_H
#define REPO_EXAMINE_H

#include "repo/repo.h"

/* Whether a snapshot lives and is not past its expiry: nothing else is ever brought anywhere, or missed. */
bool snapshot_stays(const struct repo *r, const struct snapshot *s);

/*
 * The first index of a signer's chain that is needed: below its newest checkpoint a chain is deleted after a while.
 * False: no chain of anybody trusted.
 */
bool chain_start(const struct repo *r, const uint8_t signer[KEY_ID_SIZE], uint64_t *start);

/*
 * `object` receives the bytes (initialised by the callee, to be released in any case). out: may be NULL; else
 * index_release() it.
 */
must_check int examine_index(struct repo *r, unsigned zone, const struct index_object *o, struct buf *object,
			     struct index *out);
must_check int examine_header(struct repo *r, unsigned zone, const struct snapshot *s, struct buf *object);
must_check int examine_intent(struct repo *r, unsigned zone, const struct snapshot *s, struct buf *object);
must_check int examine_mark(struct repo *r, unsigned zone, const uint8_t pack[DIGEST_SIZE], struct buf *object);

/* Generation 1: what the header names. Later ones: signed by an operator. */
must_check int examine_seal(struct repo *r, unsigned zone, const struct snapshot *s, uint32_t generation,
			    struct buf *object);

/*
 * Streams packs through SHA-256, for one thread: one window of a pack is hashed while the next is read. size: what the
 * index says.
 */
struct pack_examiner;
struct pack_examiner *pack_examiner_new(void);
void pack_examiner_free(struct pack_examiner *x);
must_check int examine_pack(struct pack_examiner *x, struct repo *r, unsigned zone, const uint8_t name[DIGEST_SIZE],
			    uint64_t size);

/* Every seal that a zone lists, by snapshot and generation, ascending; free() it. */
struct seal_row {
	uint8_t snapshot[SNAPSHOT_ID_SIZE];
	uint32_t generation;
};
must_check int examine_seals(struct repo *r, unsigned zone, struct seal_row **rows, size_t *count);

/* The first row of one snapshot, of *found rows; not to be looked at when there is none. */
const struct seal_row *seal_rows_of(const struct seal_row *rows, size_t count, const uint8_t snapshot[SNAPSHOT_ID_SIZE],
				    size_t *found);

#endif
