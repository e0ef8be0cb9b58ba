/*
 * What snapshots reach, found without any key: a walk from root ids over the clear child ids in the catalogue.
 */
#ifndef REPO_REACH_H
#define REPO_REACH_H

#include "repo/repo.h"

struct reach;
struct reach *reach_new(struct repo *r);
void reach_free(struct reach *w);

/*
 * Only packs with one of these bits (repo->packs) count from now on: PACK_IN_ANY at first; one zone's bit: what that
 * zone has.
 */
void reach_only(struct reach *w, uint8_t bits);

/*
 * Adds everything under a root. A chunk in no known pack is counted missing (and told to `missing`, if not NULL), not
 * an error.
 */
typedef int (*reach_missing)(void *context, const uint8_t id[ID_SIZE]);
must_check int reach_add(struct reach *w, const uint8_t root[ID_SIZE], reach_missing missing, void *context);

/*
 * The same for every live snapshot (snapshot_live()) of the repo; but_expired: as if those past their time were gone.
 */
must_check int reach_add_live(struct reach *w, bool but_expired);

bool reach_has(const struct reach *w, const uint8_t id[ID_SIZE]);
uint64_t reach_missing_count(const struct reach *w);

/*
 * The most that what is reached of a pack takes in packs, its rows in the footer included. A chunk that is in several packs counts in one: the one in the most zones,
 * unmarked before condemned or withdrawn, newest last; and, where that is not in every zone that has the chunk, in
 * those that are in the others. A pack with none is not needed.
 */
uint64_t reach_pack_bytes(const struct reach *w, uint32_t pack);
bool reach_pack(const struct reach *w, uint32_t pack);

/* Whether a chunk is reached, and counts in this pack. */
must_check int reach_counts(const struct reach *w, const uint8_t id[ID_SIZE], uint32_t pack, bool *counts);

/*
 * The zones (ZONE_BITs) in which everything under a root stands in listed, unmarked packs that nothing withdrew: where
 * its header may be. Walks only when some pack of the catalogue is not in every zone, so that the usual night costs
 * nothing.
 */
must_check int reach_whole(struct repo *r, const uint8_t root[ID_SIZE], unsigned *zones);

#endif
