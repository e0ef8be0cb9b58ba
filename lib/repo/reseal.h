/*
 * Sealing live snapshots anew, to the recipients as configured now: after an operator left, or a key was added. A new
 * generation, signed by the operator, is written to every zone and read back; then the older ones are deleted. Intents
 * are read again after writing: if the snapshot's time is over by then and one appeared, what was written is removed,
 * and nothing else. Linked by nightfold-keys only (it opens seals).
 */
#ifndef REPO_RESEAL_H
#define REPO_RESEAL_H

#include "repo/repo.h"

struct reseal_options {
	const struct secret_key *operator;
	const struct public_key *recipients;
	size_t recipient_count;
};

struct reseal_result {
	uint64_t resealed, skipped; /* skipped: this key does not open them, a finding each */
};

/* The repo is loaded for writing; every zone must be up (ERR_UNAVAILABLE), or old seals would stay behind in one. */
must_check int reseal(struct repo *r, const struct reseal_options *options, struct reseal_result *result);

#endif
