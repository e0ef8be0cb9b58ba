/*
 * What a revoked key signed and still counts (private to lib/repo): the header and the index that the configuration
 * names (`revoked_after`), and what leads to them by `previous`. Who stole the key can sign as much as they like: no
 * hash that is in the ancestry of the named objects can be made any more.
 *
 * Headers of all signers are one chain, and that of an agent goes on through those of others; intents hold the headers
 * of what was destroyed. The chain has a gap only below its oldest live snapshot, so the named header is missing only
 * when it was destroyed and all before it too. Then nothing of the key counts; but a header of it that would be older
 * than every one that counts, and is within its time, may belong there, and collection waits (at most until that time
 * is over).
 *
 * Indexes count from the newest one named down to what is still there: below a checkpoint the rest is deleted in the
 * end. Of each number what the catalogue knows counts (a catalogue learned nothing else: repo_open() refuses one of
 * before the revocation), else what the next one names.
 *
 * Where the configuration says nothing about a dataset that the key signed something for, nothing of it counts, and
 * collection waits: it was forgotten, most likely.
 */
#ifndef REPO_REVOKED_H
#define REPO_REVOKED_H

#include "repo/load.h"

/* Fills repo->ancestry and repo->disowned, before headers and intents are taken in, where an agent's key is revoked. */
void revoked_headers(struct repo *r, const struct listing listings[REPO_ZONES_MAX]);

/* ERR_REFUSED: a header object of a revoked key that does not count. */
must_check int revoked_check_header(const struct repo *r, const struct signer *signer, const void *object, size_t len);

/* Whether this is the hash of a header that a revoked key signed and that does not count. */
bool revoked_disowned(const struct repo *r, const uint8_t hash[DIGEST_SIZE]);

/* Takes out of repo->indexes what revoked keys signed and does not count, and tells of it. */
must_check int revoked_indexes(struct repo *r);

/* What a catalogue notes of a revocation in this dataset, to know when it changes. */
void revoked_print(const struct signer *signer, const char *dataset, uint8_t out[DIGEST_SIZE]);

#endif
