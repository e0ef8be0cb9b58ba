/*
 * Bringing a lagging zone up to date: intents first, then what they destroy, then indexes, packs, seals and headers, so that a header is
 * never in a zone before all of its snapshot is. Nothing of an intended snapshot is ever copied.
 */
#ifndef REPO_SYNC_H
#define REPO_SYNC_H

#include "repo/repo.h"

struct sync_result {
	uint64_t packs, objects, bytes; /* copied */
	unsigned lagging;               /* ZONE_BITs of zones that still lack something */
};

/* Needs a loaded repo with writers and a lease; the repo is loaded again when something was copied. */
must_check int repo_sync(struct repo *r, struct sync_result *result);

#endif
