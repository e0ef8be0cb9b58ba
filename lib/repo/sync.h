/*
 * Bringing a lagging zone up to date: intents first, then what they destroy, then indexes, packs, seals and headers, so
 * that a header is never in a zone before all of its snapshot is. Nothing of an intended or expired snapshot is ever
 * copied; a seal that a later generation replaced is not brought back. Nothing that stands in a zone is replaced:
 * damage is for check --repair.
 */
#ifndef REPO_SYNC_H
#define REPO_SYNC_H

#include "repo/lease.h"
#include "repo/repo.h"

struct sync_result {
	uint64_t packs, objects, bytes; /* copied; packs are counted in objects and bytes too */
	uint64_t deleted;               /* seals and headers that an intent from the other zone destroyed */
	unsigned lagging; /* ZONE_BITs of zones that are up and still lack something; a finding tells what */
};

/*
 * Needs a loaded repo with writers and a lease, which is renewed on the way: ERR_LOCKED when it was lost, with what was
 * copied so far left in place. The repo is loaded again when something was copied or deleted. Trouble with one zone
 * (full, unavailable, its lease is gone) ends the copying there, with a finding, and is no error. Not may_destroy (the
 * clock is in doubt): an intent is not carried to the zone that lacks it, and nothing of what it destroys is copied
 * either.
 */
must_check int repo_sync(struct repo *r, struct leases *leases, bool may_destroy, struct sync_result *result);

/*
 * For check --repair: the same, but what stands in a zone without counting there is replaced, and nothing is destroyed.
 * What a check found bad must not count: its zone's bits taken away from repo->packs and repo->indexes. Needs writers,
 * no lease.
 */
must_check int repo_heal(struct repo *r, struct sync_result *result);

#endif
