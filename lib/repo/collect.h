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
	bool loaded; /* the repo was loaded under these leases, and nothing was written since that it would show */
	bool dry_run;
};

struct collect_result {
	uint64_t condemned, deleted, unmarked, compacted; /* packs */
	uint64_t freed_bytes, rewritten_bytes;            /* per zone */
	uint64_t waiting;                                 /* packs condemned whose grace is not over */
	uint64_t finished_intents, old_indexes;           /* objects deleted that nothing needs any more */
};

/*
 * A pack is compacted when what is live in it takes at most this share, in percent, of what goes when it goes: its size
 * less what is written anew. Each would do so in a pack of its own, and they share new ones: so for any number of packs.
 */
#define COLLECT_REWRITTEN_PERCENT 10

/* Loads the repo itself, unless it is `loaded`. Nothing is done (a note says why) when it is not complete or a chain is broken. */
must_check int collect(struct repo *r, const struct collect_options *options, struct collect_result *result);

#endif
