/*
 * Destroying what is due (docs/FORMAT.md, "Destroy order"): intent in every zone that answers, all generations of the
 * seal in all stores, confirmed by reading back, header, certificate. From the moment the seals are gone, exactly what
 * only this snapshot could reach is unreadable, in every copy of the packs. Needs no reading key.
 *
 * Those that end together go through this order together, some hundreds at a time: all intents are durable before the
 * first seal is deleted; all seals of a zone are listed, deleted and read back by another listing (repo/erase.h) before
 * the first header is deleted there; what is left of one in some zone keeps its header, gets no certificate, and holds
 * up no other. In a zone that costs a put for each snapshot, and for all of them four listings and two deletions.
 */
#ifndef REPO_RETIRE_H
#define REPO_RETIRE_H

#include "repo/lease.h"
#include "repo/repo.h"
#include "report/json.h"

struct retire_options {
	const struct config *config;     /* the clock check */
	const struct secret_key *signer; /* agent or pruner */
	const char *state;               /* certificates go to <state>/certificates/ */
	struct leases *leases;           /* NULL with dry_run */
	bool dry_run;
};

struct retire_result {
	uint64_t due, destroyed; /* destroyed: everywhere, and confirmed */
	uint64_t owed;           /* seals gone where a zone answers, another zone has still to be told */
	uint64_t stray_seals;    /* seals without a snapshot, deleted */
};

/*
 * The repo is loaded (and loaded again when something was destroyed). ERR_REFUSED: something is due and the clock is in
 * doubt.
 */
must_check int retire_due(struct repo *r, const struct retire_options *options, struct retire_result *result);

#endif
