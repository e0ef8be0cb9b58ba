/*
 * Which dataset key a snapshot is taken with. An epoch ends when the dataset's `dedup_key` says so, counted in the
 * calendar from the moment that stands in the key's file: whoever finds the new key cannot confirm guesses of what was
 * stored under the old one, and the old one is gone.
 */
#ifndef REPO_EPOCH_H
#define REPO_EPOCH_H

#include "config/config.h"
#include "crypto/dataset_key.h"
#include "repo/repo.h"

/* When an epoch that began then is over; INT64_MAX: never by itself. */
int64_t epoch_end(const struct config_dataset *dataset, int64_t began);

/*
 * The key to use now (freed by secret_free()), of a new epoch when the last one is over; *begun says so. A rotation
 * that was interrupted ends here. What stands against a rotation or against destroying the old key is a finding and
 * stops no snapshot: a clock that nothing confirms (the key in use is kept), a folder that cannot be written to.
 */
must_check int epoch_key(struct repo *r, const struct config *config, const struct config_dataset *dataset,
			 struct dataset_key **key, bool *begun);

#endif
