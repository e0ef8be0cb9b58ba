/*
 * Freeing the space of what no live snapshot reaches, in two phases: condemn, wait the grace, walk again, withdraw,
 * delete. Packs that are mostly dead are compacted by the agent, as ciphertext. Acts only on complete listings of every
 * zone whose chains have no unexplained gap. No key is needed but the signer's.
 */
#ifndef REPO_COLLECT_H
#define REPO_COLLECT_H

#include "catalog/journal.h"
#include "repo/lease.h"
#include "repo/repo.h"

struct collect_options {
	const struct config *config;     /* grace */
	const struct secret_key *signer; /* compaction needs an agent's */
	struct leases *leases;           /* NULL with dry_run */
	struct journal *journal;         /* agent: packs made by compaction; NULL otherwise: no compaction */
	bool dry_run;
};

struct collect_result {
	uint64_t condemned, deleted, unmarked, compacted; /* packs */
	uint64_t freed_bytes, rewritten_bytes;            /* per zone */
	uint64_t waiting;                                 /* packs condemned whose grace is not over */
	uint64_t finished_intents, old_indexes;           /* objects deleted that nothing needs any more */
};

/* Dead share of a pack from which it is compacted, in percent: at most a ninth of what is freed is written anew. */
#define COLLECT_DEAD_PERCENT 90

/* Loads the repo itself. Nothing is done (a note says why) when it is not complete or a chain is broken. */
must_check int collect(struct repo *r, const struct collect_options *options, struct collect_result *result);

#endif
