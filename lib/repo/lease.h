/*
 * The right to write to a dataset: a lock file in `state` against other runs on this host, and a lease in each zone
 * against other hosts. A lease names its holder (16 random bytes kept in `state`), so that a run after a crash takes
 * over its own at once.
 *
 * What a lease from outside says is bounded: it counts for LEASE_SECONDS from when it begins at most, and not at all if
 * that is more than two hours ahead. Whoever holds one removes those that ended, of any holder, and those that never
 * count.
 */
#ifndef REPO_LEASE_H
#define REPO_LEASE_H

#include "repo/repo.h"

#define LEASE_SECONDS 3600

struct lock; /* the local one */
/* ERR_LOCKED at once when another run holds it; the message names its process and what it does. */
must_check int lock_take(const char *state, const char *dataset, const char *doing, struct lock **out);
void lock_release(struct lock *l);

struct leases;
/*
 * In every zone that answers; one that cannot be written to is a finding, and is not among lease_zones(). ERR_LOCKED
 * names the host that holds a live lease and until when; ERR_UNAVAILABLE: no zone can be written to.
 *
 * A pruner's lease keeps others out of the zone that it lies in, and of no other: a run has leases in all zones, so one
 * in one zone alone may be an old one that was put back there. An agent's counts for all, so that chains do not fork.
 */
must_check int lease_take(struct repo *r, const char *state, const struct secret_key *signer, struct leases **out);

/*
 * Renews when half of the time is over; ERR_LOCKED when it was lost: another holder's lease is there, or was there
 * after ours had run out. Cheap to call often. Here as in lease_confirm(), a zone that fails is a finding, and among
 * lease_zones() no more. ERR_UNAVAILABLE: none is left.
 */
must_check int lease_renew(struct leases *l);
/*
 * Looks in the zones, whatever the time: before a header is written, before something is deleted. A zone where the
 * lease is gone and nobody has another counts as one that fails.
 */
must_check int lease_confirm(struct leases *l);
/* Whether nobody else holds or held one since ours began: grace 0 is allowed only then. */
bool lease_only_one(const struct leases *l);
unsigned lease_zones(const struct leases *l); /* ZONE_BITs in which it is held: writable ones */
void lease_release(struct leases *l);

#endif
